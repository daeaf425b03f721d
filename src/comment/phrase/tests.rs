//! What all tests of posts share: texts to expect, and texts from outside that want to do
//! something.

use super::super::marker::Marker;
use super::super::parse::parse;
use super::*;
use proptest::prelude::*;
use std::path::Path;

/// Compares with `testdata/<name>.md`. With UPDATE_TEXTS set it writes the file instead: look at
/// the difference before it is committed.
pub fn expect(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("src/comment/testdata")
        .join(format!("{name}.md"));
    if std::env::var_os("UPDATE_TEXTS").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    let wanted =
        std::fs::read_to_string(&path).unwrap_or_else(|why| panic!("{}: {why}", path.display()));
    assert_eq!(text, wanted, "{name}");
}

/// Everything that means something to a forge, to Markdown, to HTML or to pintle.
pub const NASTY: [&str; 48] = [
    "@ana",
    "@ops/all",
    "#12",
    "!7",
    "ops/infra#3",
    "fixes #1",
    "closes: ops/infra#2",
    "/pin web",
    "/unpin",
    "\n/pin web\n",
    "\r\n/hold\r\n",
    "\n\n/plan\n\n",
    "</details>",
    "</code>",
    "<details open>",
    "<img src=x onerror=alert(1)>",
    "<script>",
    "![x](https://example.com/x.png)",
    "[x](javascript:alert(1))",
    "[x]: https://example.com",
    "```",
    "\n```\n",
    "~~~",
    "|",
    "\\|",
    "\\",
    "\n\n# head",
    "\n---\n",
    "\nPintle-Action: move\nPintle-Site: a#b\nPintle-Image: c\nPintle-To: none\nPintle-Cause: command\n",
    "Pintle-Action: hold",
    "<!-- pintle:answer 5 -->",
    "\n<!-- pintle:left 5 -->\n",
    "-->",
    "https://example.com/evil",
    "www.example.com",
    ":smile:",
    "\u{202e}",
    "\u{200b}",
    "\u{2028}",
    "`",
    "$x$",
    "- [ ] task",
    "\n> quote",
    "&lt;",
    "ana@example.org",
    "0123456789abcdef0123456789abcdef01234567",
    "\0",
    " \t ",
];

/// Text from outside.
pub fn nasty() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        6 => proptest::sample::select(&NASTY[..]).prop_map(str::to_owned),
        2 => "[a-z ]{0,8}",
        1 => "\\PC{0,4}",
    ];
    proptest::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat())
}

/// Text from outside as one printable line that is not empty: what a name can be.
pub fn nasty_name() -> impl Strategy<Value = String> {
    nasty().prop_map(|text| {
        let line: String = text
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .collect();
        format!("a{}", line.trim_end())
    })
}

/// What holds of every post: it commands nothing, it has these marks and no other, and each table's
/// rows have as many cells as its head.
pub fn harmless(post: &str, marks: &[Marker]) {
    assert_eq!(parse(post), Ok(Vec::new()), "{post}");
    assert_eq!(Marker::all(post), marks, "{post}");
    let mut columns = None;
    for line in outside_of_code(post) {
        let pipes = line.matches('|').count() - line.matches("\\|").count();
        if !line.starts_with('|') {
            columns = None;
            continue;
        }
        assert_eq!(pipes, *columns.get_or_insert(pipes), "{line}\n{post}");
    }
}

/// The lines that no fenced block holds.
fn outside_of_code(post: &str) -> Vec<&str> {
    let mut fence: Option<&str> = None;
    let mut outside = Vec::new();
    for line in post.lines() {
        match fence {
            Some(open) if line == open => fence = None,
            Some(_) => {}
            None if line.starts_with("```") => fence = Some(line.trim_end_matches("text")),
            None => outside.push(line),
        }
    }
    assert_eq!(fence, None, "a fence is open at the end: {post}");
    outside
}

/// What holds of a text that may become a commit's message: it refers to no issue, and no line
/// begins with a command.
pub fn harmless_in_git(post: &str) {
    let reference = regex::Regex::new(
        r#"(?m)(?:\s|^|\(|\[|'|")[#!][0-9]+|(?:\s|^|\(|\[)[\w.-]+/[\w.-]+[#!][0-9]+"#,
    )
    .unwrap();
    let found = reference.find(post).map(|found| found.as_str());
    assert_eq!(found, None, "{post}");
    assert!(!post.lines().any(|line| line.starts_with('/')), "{post}");
}

#[test]
fn what_people_copy_is_code_without_zero_width_characters() {
    for (text, shown) in [
        (
            "docker.io/library/nginx:1.29 means sha256:3f1c5a6b7c8d upstream now",
            "`docker.io/library/nginx:1.29` means `sha256:3f1c5a6b7c8d` upstream now",
        ),
        (
            "stacks/web/main.tf#deployment/web/site:nginx: it could not be fetched",
            "`stacks/web/main.tf#deployment/web/site:nginx`&#58; it could not be fetched",
        ),
        ("write `to sha256:1`", "write `to sha256:1`"),
    ] {
        let said = said(text);
        assert_eq!(said, shown);
        assert!(
            !said.contains("\u{200b}") && !said.contains("&#8203;"),
            "{said}"
        );
    }
    for plain in [
        "see ops/infra#3",
        "at 10:05",
        "https://example.org/a:b",
        "a/b",
    ] {
        assert!(!said(plain).contains('`'), "{}", said(plain));
    }
}

#[test]
fn a_name_refers_to_nothing_where_it_becomes_a_message() {
    for text in [
        "a\"#12",
        "a '#12",
        "a(#3)",
        "a[!4",
        "x #12 y",
        "a @ana",
        "a (https://example.org",
    ] {
        harmless_in_git(&named(text));
        assert!(named(text).starts_with("<code>"), "{text}: {}", named(text));
    }
    assert_eq!(
        named("stacks/web/main.tf#deployment/web/web:web"),
        "`stacks/web/main.tf#deployment/web/web:web`"
    );
}

proptest! {
    #[test]
    fn pieces_stay_within_their_lines(text in nasty()) {
        for piece in [said(&text), named(&text), code_link(&text, &text), commit_or_code(&text)] {
            prop_assert!(!piece.contains(['\n', '\r', '\0']), "{piece:?}");
        }
    }

    #[test]
    fn a_cut_has_a_bounded_size(text in "\\PC{0,300}", chars in 0usize..40) {
        prop_assert!(short(&text, chars).len() <= chars * 8 + '…'.len_utf8());
    }

    #[test]
    fn lists_keep_their_room(all in proptest::collection::vec("[a-z]{0,40}", 0..30), room in 40usize..400) {
        prop_assert!(lines(&all, room).len() <= room);
    }
}

fn commit_or_code(text: &str) -> String {
    link_within(
        "x",
        text,
        &Url::parse("https://forge.example.org/ops/infra").unwrap(),
    )
}

#[test]
fn only_the_forge_is_linked_to() {
    let forge = Url::parse("https://forge.example.org/ops/infra").unwrap();
    let link = |address| link_within("log", address, &forge);
    assert_eq!(
        link("https://forge.example.org/ops/infra/actions/7"),
        "[log](<https://forge.example.org/ops/infra/actions/7>)"
    );
    for other in [
        "https://forge.example.com/ops/infra",
        "http://forge.example.org/",
        "https://forge.example.org:444/",
        "javascript:x",
        "",
    ] {
        assert_eq!(link(other), quote::code(other), "{other}");
    }
}

#[test]
fn what_stands_between_backticks_is_code() {
    assert_eq!(
        said("the policy is `never` (in `a | b`), not `force`."),
        "the policy is `never` (in <code>a &#124; b</code>&#41;, not `force`"
    );
    assert_eq!(
        said("`a``<b>``` `@c d`"),
        "`a` `<b>` <code>@&#8203;c d</code>"
    );
    assert_eq!(said("one ` only, <b>"), "one &#96; only, &lt;b&gt;");
    assert_eq!(
        (sentence("So: ", "why?"), sentence("So: ", "so...")),
        ("So: why?".into(), "So: so.".into())
    );
}

#[test]
fn many_marks_on_one_letter_are_one_character_but_not_for_ever() {
    let tower = format!("a{}", "\u{301}".repeat(10_000));
    assert!(short(&tower, 5).len() < 50);
}

#[test]
fn lists_say_how_many_are_left_out() {
    let all: Vec<String> = (0..20).map(|n| format!("- line {n}")).collect();
    assert_eq!(lines(&all, 1_000).lines().count(), 20);
    assert_eq!(
        lines(&all, 60),
        "- line 0\n- line 1\n- line 2\n- line 3\n- … and 16 more\n"
    );
    assert_eq!(listed(&["a".into(), "b".into(), "c".into()]), "a, b and c");
    assert_eq!(
        (count(1, "image"), count(2, "image")),
        ("1 image".into(), "2 images".into())
    );
}
