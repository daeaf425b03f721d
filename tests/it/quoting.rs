//! What a real forge makes of outside text that was made harmless, and that a command is a line
//! which it shows as plain text. Each rule is shown first what it guards against.

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use crate::support::forge_repo::Repo;
use crate::support::gitea::{Account, Gitea};
use pintle::comment::parse::parse;
use pintle::comment::quote;

struct World {
    _gitea: Gitea,
    ana: Account,
    owner: Account,
    repo: Repo,
    /// An issue that outside text would like to name: number 1.
    issue: u64,
    /// A commit of the repository.
    commit: String,
}

fn world() -> World {
    let gitea = Gitea::start();
    let (ana, owner) = (gitea.user("ana"), gitea.user("owner"));
    let repo = gitea.repo(&owner, "cluster", false);
    let commit = repo.tip("main").expect("a repository has a commit");
    let issue = repo.issue(&owner, "First");
    World {
        _gitea: gitea,
        ana,
        owner,
        repo,
        issue,
        commit,
    }
}

/// Texts of people and registries that mean something to a forge.
const NASTY: [&str; 76] = [
    "@ana",
    "(@ana)",
    "thanks, @ana!",
    "@owner/team",
    "#1",
    "(#1)",
    "fixes #1",
    "closes: #1.",
    "!1",
    "owner/cluster#1",
    "owner/cluster!1",
    "'#1'",
    "ABC-12",
    "[[Home]]",
    "[[Home|https://example.org]]",
    ":tada:",
    ":+1: a :heart:b",
    "10:05:33",
    "https://example.org/a?b=c#d",
    "http://example.org",
    "HTTPS://EXAMPLE.ORG",
    "ftp://example.org",
    "www.example.org",
    "ana@example.org",
    "mailto:ana@example.org",
    "<https://example.org>",
    "<ana@example.org>",
    "[a](https://example.org)",
    "[a][b]",
    "[a]: https://example.org",
    "![a](https://example.org/a.png)",
    "<img src=x onerror=alert(1)>",
    "<script>alert(1)</script>",
    "<a href=\"https://example.org\">a</a>",
    "<b>bold</b>",
    "<details><summary>a</summary>b</details>",
    "</td></tr></table>",
    "<!-- pintle:answer 1 -->",
    "<!--",
    "-->",
    "<?php ?>",
    "&lt;b&gt; &amp; &copy; &#64;ana &#35;1",
    "**a** __b__ *c* _d_ ~~e~~",
    "a_b_c *d*e*",
    "`code` ``",
    "a | b || c",
    "\\| \\` \\* \\\\ \\",
    "\\(x\\) \\[y\\]",
    "$x$ $$y$$ $`z`$",
    "# a",
    "## a",
    "- a",
    "+ a",
    "* a",
    "1. a",
    "12) a",
    "> a",
    ">a",
    "---",
    "===",
    "***",
    "~~~",
    "```",
    ": a",
    "[^1] [^1]: a",
    "- [ ] a",
    "|---|",
    "{#id .class}",
    "a {#id}",
    "/pin a",
    "a\n/pin b\n\n# c\r\n\t- d",
    "    /pin a",
    "\u{202e}abc\u{200b}@ana\u{feff}#1\0",
    "Größe 漢字 e\u{301} نمی\u{200c}خواهم",
    "#fff rgb(1,2,3)",
    "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
];

/// A part of a page: a tag with its attributes, `/` before it when it closes; or text.
#[derive(Debug, PartialEq)]
enum Part {
    Tag(String),
    Text(String),
}

/// Reads what the forge renders, which is well-formed.
fn parts(html: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut rest = html;
    while !rest.is_empty() {
        match rest.strip_prefix('<') {
            Some(tag) => {
                let (tag, after) = tag.split_once('>').expect("a tag has an end");
                parts.push(Part::Tag(tag.to_owned()));
                rest = after;
            }
            None => {
                let (text, after) = rest.split_at(rest.find('<').unwrap_or(rest.len()));
                parts.push(Part::Text(unescape(text)));
                rest = after;
            }
        }
    }
    parts
}

fn unescape(text: &str) -> String {
    let names = [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&#34;", "\""),
        ("&#39;", "'"),
        ("&quot;", "\""),
        ("&amp;", "&"),
    ];
    names
        .iter()
        .fold(text.to_owned(), |text, (name, c)| text.replace(name, c))
}

/// The elements of a page besides emoji that people wrote as such, in order.
fn elements(html: &str) -> Vec<String> {
    let tags = parts(html).into_iter().filter_map(|part| match part {
        Part::Tag(tag) if !tag.starts_with('/') => Some(tag),
        _ => None,
    });
    tags.filter(|tag| !tag.starts_with("span class=\"emoji\""))
        .map(|tag| tag.split(' ').next().unwrap_or_default().to_owned())
        .collect()
}

/// The text of each cell or paragraph as it is seen.
fn seen(html: &str, element: &str) -> Vec<String> {
    let mut seen = Vec::new();
    let mut open = false;
    for part in parts(html) {
        match part {
            Part::Tag(tag) if tag == element || tag.starts_with(&format!("{element} ")) => {
                open = true;
                seen.push(String::new());
            }
            Part::Tag(tag) if tag == format!("/{element}") => open = false,
            Part::Text(text) if open => seen
                .last_mut()
                .into_iter()
                .for_each(|last| last.push_str(&text)),
            _ => {}
        }
    }
    seen.iter()
        .map(|text| text.replace('\u{200b}', "").trim().to_owned())
        .collect()
}

/// A text as it is to be seen: on one line, without what cannot be seen.
fn plain(text: &str) -> String {
    // The code of one text without the marks that make an element of it is the text itself between
    // ticks and blanks.
    let marks = [('|', "\u{1f4cc}"), ('#', "\u{1f4cd}"), ('!', "\u{1f4ce}")];
    let code = quote::code(
        &marks
            .iter()
            .fold(text.to_owned(), |text, (mark, stand_in)| {
                text.replace(*mark, stand_in)
            }),
    );
    let text = code.trim_matches('`').trim().to_owned();
    marks.iter().fold(text, |text, (mark, stand_in)| {
        text.replace(stand_in, &mark.to_string())
    })
}

/// Texts made of what means something, the same in every run.
fn generated(count: usize) -> Vec<String> {
    let mut words: Vec<String> = NASTY.iter().map(|text| (*text).to_owned()).collect();
    words.extend(
        [
            "@", "#", "!", "1", "ana", ":", "/", ".", "`", "``", "*", "_", "~", "[", "]", "(", ")",
            "<", ">", "&", "|", "\\", "$", "-", "=", " ", "  ", "\n", "é", "0a", "deadbeef",
            "http", "www",
        ]
        .map(str::to_owned),
    );
    let strategy =
        prop::collection::vec(prop::sample::select(words), 1..8).prop_map(|words| words.concat());
    let mut runner = TestRunner::new_with_rng(
        Config::default(),
        TestRng::deterministic_rng(RngAlgorithm::ChaCha),
    );
    (0..count)
        .map(|_| strategy.new_tree(&mut runner).expect("a text").current())
        .filter(|text| !plain(text).is_empty())
        .collect()
}

fn texts(commit: &str) -> Vec<String> {
    let mut texts: Vec<String> = NASTY.iter().map(|text| (*text).to_owned()).collect();
    texts.extend([
        commit.to_owned(),
        commit[..7].to_owned(),
        format!("see {commit}."),
        format!("owner/cluster@{commit}"),
        format!("a({})", &commit[..10]),
    ]);
    texts.extend(generated(300));
    texts
}

#[test]
fn what_is_guarded_against_happens() {
    let World {
        owner,
        repo,
        issue,
        commit,
        ..
    } = &world();
    for (text, tag) in [
        ("@ana", "/ana\""),
        ("#1", "/owner/cluster/issues/1\""),
        ("https://example.org", "<a href=\"https://example.org\""),
        ("ana@example.org", "<a href=\"mailto:"),
        (commit, "/owner/cluster/commit/"),
        (":tada:", "class=\"emoji\""),
        ("<b>a</b>", "<b>"),
        ("![a](https://example.org/a.png)", "<img"),
        ("# a", "<h1"),
    ] {
        repo.comment(*issue, text, owner);
        let html = repo.shown(*issue).pop().expect("the comment is shown");
        assert!(html.contains(tag), "{text}: {html}");
    }
}

#[test]
fn harmless_text_in_a_paragraph_is_text() {
    let world = world();
    let texts = texts(&world.commit);
    let alone: Vec<String> = texts.iter().map(|text| quote::inline(text)).collect();
    let html = world.repo.markdown(&alone.join("\n\n"));
    assert_eq!(
        seen(&html, "p"),
        texts.iter().map(|text| plain(text)).collect::<Vec<_>>()
    );
    assert_eq!(elements(&html), vec!["p"; texts.len()], "{html}");
    let within: Vec<String> = texts
        .iter()
        .map(|text| format!("Said ({}), so.", quote::inline(text)))
        .collect();
    let html = world.repo.markdown(&within.join("\n\n"));
    assert_eq!(
        seen(&html, "p"),
        texts
            .iter()
            .map(|text| format!("Said ({}), so.", plain(text)))
            .collect::<Vec<_>>()
    );
    assert_eq!(elements(&html), vec!["p"; texts.len()], "{html}");
}

#[test]
fn harmless_text_in_a_list_or_raw_html_is_text() {
    let world = world();
    let texts = texts(&world.commit);
    let wanted: Vec<String> = texts.iter().map(|text| plain(text)).collect();
    let items: Vec<String> = texts
        .iter()
        .map(|text| format!("- {}\n", quote::inline(text)))
        .collect();
    let html = world.repo.markdown(&items.concat());
    assert_eq!(seen(&html, "li"), wanted);
    assert_eq!(
        elements(&html),
        [vec!["ul"], vec!["li"; texts.len()]].concat(),
        "{html}"
    );
    let details: Vec<String> = texts
        .iter()
        .map(|text| {
            format!(
                "<details><summary>{}</summary></details>\n",
                quote::inline(text)
            )
        })
        .collect();
    let html = world.repo.markdown(&details.concat());
    assert_eq!(seen(&html, "summary"), wanted);
    assert_eq!(
        elements(&html),
        ["details", "summary"].repeat(texts.len()),
        "{html}"
    );
}

#[test]
fn harmless_text_stays_in_its_cell() {
    let world = world();
    let texts = texts(&world.commit);
    let wanted: Vec<String> = texts
        .iter()
        .flat_map(|text| [plain(text), "x".to_owned()])
        .collect();
    let rows: Vec<String> = texts
        .iter()
        .map(|text| format!("| {} | x |\n", quote::inline(text)))
        .collect();
    let html = world
        .repo
        .markdown(&format!("| a | b |\n| --- | --- |\n{}", rows.concat()));
    assert_eq!(seen(&html, "td"), wanted);
    let table = [
        vec!["table", "thead", "tr", "th", "th", "tbody"],
        ["tr", "td", "td"].repeat(texts.len()),
    ]
    .concat();
    assert_eq!(elements(&html), table, "{html}");
    let rows: Vec<String> = texts
        .iter()
        .map(|text| format!("| {} | x |\n", quote::code(text)))
        .collect();
    let html = world
        .repo
        .markdown(&format!("| a | b |\n| --- | --- |\n{}", rows.concat()));
    assert_eq!(seen(&html, "td"), wanted);
    let mut found = elements(&html);
    // A colour in code gets a patch of it beside.
    found.retain(|element| element != "span");
    let coded = [
        vec!["table", "thead", "tr", "th", "th", "tbody"],
        ["tr", "td", "code", "td"].repeat(texts.len()),
    ]
    .concat();
    assert_eq!(found, coded, "{html}");
}

#[test]
fn a_block_is_one_block() {
    let world = world();
    for text in texts(&world.commit) {
        let html = world
            .repo
            .markdown(&format!("a\n{}\nb", quote::block(&text)));
        let found = elements(&html);
        assert_eq!(found, ["p", "div", "pre", "code", "p"], "{text:?}: {html}");
        let text: String = text
            .chars()
            .filter(|c| !c.is_control() && !matches!(c, '\u{202e}' | '\u{200b}' | '\u{feff}'))
            .collect();
        let shown = seen(&html, "code").concat().replace(['\n', '\t'], "");
        assert_eq!(shown.trim(), text.trim(), "{html}");
    }
}

#[test]
fn a_link_goes_where_it_says() {
    let world = world();
    for text in texts(&world.commit) {
        let html = world
            .repo
            .markdown(&quote::link(&text, "https://example.org/a(b)?c=1&copy=2"));
        assert_eq!(elements(&html), ["p", "a"], "{text:?}: {html}");
        assert!(
            html.contains("href=\"https://example.org/a%28b%29?c=1&amp;copy=2\""),
            "{html}"
        );
        assert_eq!(seen(&html, "a"), [plain(&text)], "{html}");
    }
}

#[test]
fn harmless_text_tells_nobody_and_refers_to_nothing() {
    let World {
        ana,
        owner,
        repo,
        issue,
        commit,
        ..
    } = &world();
    let place = repo.issue(owner, "Second");
    let refers = || {
        let events = owner.get(&repo.path(&format!("/issues/{issue}/timeline")));
        events
            .as_array()
            .into_iter()
            .flatten()
            .filter(|event| {
                event["type"]
                    .as_str()
                    .is_some_and(|kind| kind.contains("ref"))
            })
            .count()
    };
    let refers_before = refers();
    let texts = texts(commit);
    let mut body = String::new();
    for text in &texts {
        let (inline, code, link) = (
            quote::inline(text),
            quote::code(text),
            quote::link(text, "https://example.org"),
        );
        body.push_str(&format!(
            "{inline}\n\n({inline}) {code} {link}\n\n{}\n",
            quote::block(text)
        ));
    }
    repo.comment(place, &body, owner);
    repo.comment(repo.issue(owner, "Raw"), "@ana", owner);
    assert_eq!(ana.told_of("Raw"), ["Raw"]);
    assert_eq!(refers(), refers_before);
    let html = repo.shown(place).pop().expect("the comment is shown");
    assert!(!html.contains("/owner/cluster/"), "{html}");
    repo.comment(place, "@ana: fixes #1", owner);
    assert_eq!(refers(), refers_before + 1);
}

/// The first words of the lines that a page shows as plain text in paragraphs that stand by
/// themselves.
fn first_words(html: &str) -> Vec<String> {
    let (mut words, mut open, mut fresh) = (Vec::new(), Vec::new(), false);
    for part in parts(html) {
        match part {
            Part::Tag(tag) if tag == "br/" || tag == "br" => fresh = open == ["p"],
            Part::Tag(tag) if tag.starts_with('/') => drop(open.pop()),
            Part::Tag(tag) => {
                let name = tag.split([' ', '/']).next().unwrap_or_default().to_owned();
                if !["img", "input", "hr", "wbr"].contains(&name.as_str()) {
                    open.push(name);
                }
                fresh = open == ["p"];
            }
            Part::Text(text) => {
                let line = text.trim_start_matches('\n');
                if fresh && !line.is_empty() {
                    words.push(
                        line.split(|c: char| c.is_whitespace() || c == '\0' || c == '\u{200b}')
                            .next()
                            .unwrap_or_default()
                            .to_owned(),
                    );
                    fresh = false;
                }
            }
        }
    }
    words
}

/// Comments made of what means something to Markdown, and commands.
fn comments(count: usize) -> Vec<String> {
    let words = [
        "/pin a",
        "/pin a\n",
        "\n/pin a\n",
        "\n\n/plan\n\n",
        "/plan",
        "\n",
        "\n\n",
        " ",
        "    ",
        "\t",
        "> ",
        "- ",
        "1. ",
        "# ",
        "```",
        "```\n",
        "~~~\n",
        "`",
        "``",
        "*",
        "**",
        "_",
        "~~",
        "[",
        "](",
        ")",
        "![",
        "<!--",
        "-->",
        "<details>",
        "</details>",
        "<b>",
        "</b>",
        "<pre>",
        "<div>\n",
        "</div>",
        "<",
        ">",
        "a | b\n",
        "|---|---|\n",
        "---\n",
        "===\n",
        "[^1]",
        "[^1]: ",
        "[a]: ",
        "$",
        "$$",
        "$$\n",
        "\\[\n",
        "\\]\n",
        "\\",
        "&#47;",
        "<br>",
        "text",
        ": ",
        "'",
        "\"",
        "<a title='",
        "<?",
        "?>",
        "<x>",
    ];
    let strategy = prop::collection::vec(prop::sample::select(words.to_vec()), 2..14)
        .prop_map(|words| words.concat());
    let mut runner = TestRunner::new_with_rng(
        Config::default(),
        TestRng::deterministic_rng(RngAlgorithm::ChaCha),
    );
    (0..count)
        .map(|_| strategy.new_tree(&mut runner).expect("a comment").current())
        .collect()
}

#[test]
fn a_command_is_a_line_that_the_forge_shows_as_plain_text() {
    let world = world();
    let (mut commands, mut wrong) = (0, Vec::new());
    for text in comments(8_000) {
        let read: Vec<&str> = match parse(&text) {
            Ok(commands) => commands
                .iter()
                .map(pintle::model::ask::Command::word)
                .collect(),
            Err(misread) => misread.command.into_iter().collect(),
        };
        if read.is_empty() {
            continue;
        }
        let html = world.repo.markdown(&text);
        let shown = first_words(&html);
        let mut shown_rest = shown.iter();
        if !read
            .iter()
            .all(|word| shown_rest.any(|shown| shown == word))
        {
            wrong.push(format!(
                "{text:?} is read as {read:?} and shown as {shown:?}: {html}"
            ));
        }
        commands += read.len();
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(commands > 300, "only {commands} commands were compared");
}
