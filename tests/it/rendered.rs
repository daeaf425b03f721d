//! What people see of pintle's posts: the real forge's HTML of pull requests, replies and notices
//! into which all outside text wants to do something. Tables are whole, and nothing is linked,
//! named, drawn or hidden but what pintle says itself. The pages stay in the target folder
//! (`tmp/rendered`), to be looked at in a browser.

use std::fs::{create_dir_all, write};
use std::path::Path;

use jiff::Timestamp;
use pintle::comment::marker::Marker;
use pintle::comment::notice::notice;
use pintle::comment::pull_request::{RowWords, left, withdraw, words};
use pintle::comment::reply::{Link, Report, To, reply};
use pintle::model::ask::Misread;
use pintle::model::ask::Right;
use pintle::model::commit::CommitId;
use pintle::model::digest::Digest;
use pintle::pipeline::answer::{Answer, Done, Notice, Outcome};
use pintle::pipeline::forge::{self, Check, CommentRef};
use pintle::pipeline::notes::{NotedRelease, Notes};
use pintle::pipeline::{
    Action, Asked, CacheAnswer, Cause, Change, Delivery, PinRecord, Proposal, Reason, Row, Seen,
    Verdict, trailers,
};
use pintle::sites::SiteId;
use regex::Regex;
use serde_json::json;
use url::Url;

use crate::support::forge_repo::Repo;
use crate::support::gitea::{Account, Gitea};

/// Everything that means something to the forge where it is not taken apart. `ana` and the issue 1
/// are there.
const NASTY: &[&str] = &[
    "@ana",
    "hello @ana, @ada and @ada/team",
    "#1",
    "see #1, !1 and ada/infra#1",
    "fixes #1",
    "closes: ada/infra#1",
    "FORGE/issues/1",
    "fixes FORGE/issues/1",
    "0123456789abcdef0123456789abcdef01234567",
    "https://www.example.com/evil",
    "www.example.com",
    "ana@example.org",
    "mailto:ana@example.org",
    "<https://www.example.com>",
    "[x](https://www.example.com)",
    "[x](javascript:alert(1))",
    "[[wiki]]",
    "![x](https://www.example.com/x.png)",
    "<img src=https://www.example.com/x.png onerror=alert(1)>",
    "<a href=https://www.example.com>x</a>",
    "<h1>big</h1>",
    "# big",
    "big\n===\n",
    "\n\n# big\n\n",
    "\n---\n",
    "</details>",
    "</code></pre></blockquote></li></ul></td></tr></table></details>",
    "<script>alert(1)</script>",
    "<!-- pintle:answer 5 -->",
    "<!-- never ended",
    "| a | b |",
    "a | b \\| c",
    "\n| a |\n| --- |\n| b |\n",
    "`",
    "```",
    "\n```\n",
    "`` ` ``` `a` |",
    "~~~",
    "~~gone~~ **bold** _slanted_",
    "$a$ $$b$$ \\(c\\) \\[d\\]",
    ":smile: :tada:",
    "- [ ] a task",
    "1. one\n2. two",
    "> quoted",
    "[^1]: a note",
    "[^1]",
    "&lt;b&gt; &#64;ana &amp;#64;ana",
    "\\@ana \\#1 \\<b\\>",
    "/pin web",
    "\n/unpin web\n",
    "\u{202e}drawkcab\u{200b}",
    "Pintle-Action: move",
    "\nPintle-Action: move\nPintle-Site: a#b\nPintle-Image: c\nPintle-To: none\nPintle-Cause: command\n",
];

struct World {
    _forge: Gitea,
    ada: Account,
    ana: Account,
    repo: Repo,
    url: Url,
    nasty: Vec<String>,
}

fn world() -> World {
    let forge = Gitea::start();
    let (ada, ana) = (forge.user("ada"), forge.user("ana"));
    let repo = forge.repo(&ada, "infra", false);
    assert_eq!(repo.issue(&ada, "the issue that is not to be closed"), 1);
    let url = Url::parse(&repo.url()).expect("an address");
    let nasty = NASTY
        .iter()
        .map(|text| text.replace("FORGE", &repo.url()))
        .collect();
    World {
        _forge: forge,
        ada,
        ana,
        repo,
        url,
        nasty,
    }
}

impl World {
    fn all(&self) -> String {
        self.nasty.join(" ")
    }

    /// What the forge shows of a post, checked: no more links than these.
    fn shown(&self, name: &str, post: &str, links: &[&str]) -> Page {
        let page = Page {
            html: self.repo.markdown(post),
        };
        keep(name, &page.html);
        page.is_harmless(post, links);
        page
    }
}

/// Keeps a page for a look.
fn keep(name: &str, html: &str) {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("rendered");
    create_dir_all(&folder).expect("a folder of the tests");
    let style = "body{font:16px sans-serif;max-width:1200px}td,th{border:1px solid #aaa;padding:4px}blockquote{border-left:3px solid #aaa;padding-left:8px}";
    let page = format!(
        "<!doctype html><meta charset=utf-8><title>{name}</title><style>{style}</style>{html}"
    );
    write(folder.join(format!("{name}.html")), page).expect("the page can be kept");
}

/// HTML as the forge made it.
struct Page {
    html: String,
}

impl Page {
    fn count(&self, pattern: &str) -> usize {
        Regex::new(pattern)
            .expect("a pattern")
            .find_iter(&self.html)
            .count()
    }

    fn is_harmless(&self, post: &str, links: &[&str]) {
        let tag = Regex::new(r"<([a-z][a-z0-9]*)([^>]*)>").expect("a pattern");
        let own = [
            "p",
            "br",
            "a",
            "code",
            "pre",
            "span",
            "strong",
            "em",
            "blockquote",
            "ul",
            "li",
            "table",
            "thead",
            "tbody",
            "tr",
            "th",
            "td",
        ];
        let rest = ["details", "summary", "h3", "div", "hr"];
        let mut found = Vec::new();
        for tag in tag.captures_iter(&self.html) {
            let (name, attributes) = (&tag[1], &tag[2]);
            assert!(
                own.contains(&name) || rest.contains(&name),
                "<{name}{attributes}> in\n{}\nof\n{post}",
                self.html
            );
            for class in [
                "mention",
                "issue-keyword",
                "ref-issue",
                "ref-external",
                "commit",
                "emoji",
                "math",
            ] {
                assert!(
                    !attribute(attributes, "class").contains(class),
                    "<{name}{attributes}> in\n{}\nof\n{post}",
                    self.html
                );
            }
            if name == "a" {
                found.push(attribute(attributes, "href"));
            }
        }
        found.retain(|href| !href.starts_with('#'));
        let mut wanted: Vec<String> = links.iter().map(|link| (*link).to_owned()).collect();
        found.sort();
        wanted.sort();
        assert_eq!(found, wanted, "links in\n{}\nof\n{post}", self.html);
    }

    /// How many cells each row of each table has.
    fn tables(&self) -> Vec<Vec<usize>> {
        let cells = |row: &str| {
            row.matches("<td").count() + row.matches("<th>").count() + row.matches("<th ").count()
        };
        let rows = |table: &str| table.split("<tr").skip(1).map(cells).collect();
        self.html
            .split("<table")
            .skip(1)
            .map(|table| rows(table.split("</table>").next().unwrap_or_default()))
            .collect()
    }
}

fn attribute(attributes: &str, name: &str) -> String {
    let pattern = Regex::new(&format!("{name}=\"([^\"]*)\"")).expect("a pattern");
    pattern
        .captures(attributes)
        .map_or(String::new(), |found| found[1].replace("&amp;", "&"))
}

fn digest(hex: &str) -> Digest {
    Digest::parse(&format!("sha256:{}", hex.repeat(16))).expect("a digest")
}

fn commit() -> CommitId {
    CommitId::parse(&"c0ffee1234".repeat(4)).expect("a commit")
}

fn at() -> Timestamp {
    "2026-11-22T10:05:00Z".parse().expect("a time")
}

/// A reason with any text.
fn said(text: &str) -> Reason {
    Reason::ByCommand {
        what: text.into(),
        verdict: Verdict::Held,
    }
}

fn row(site: &str, image: &str) -> Row {
    Row {
        site: SiteId(site.into()),
        image: image.into(),
        from_tag: None,
        from: Some(digest("9b0e")),
        to: Some(digest("3f1c")),
        first_seen: Some(at()),
        cache: Some(CacheAnswer::Fresh),
        running: Seen::NotAsked,
        reasons: vec![said("upstream moved the tag")],
        notes: None,
    }
}

fn change(name: &str, rows: &[Row], asked: Option<&Asked>) -> Change {
    let pin = |row: &Row| PinRecord {
        action: Action::Update,
        site: row.site.to_string(),
        uses: Vec::new(),
        image: row.image.clone(),
        from_tag: row.from_tag.clone(),
        from: row.from.clone(),
        to: row.to.clone(),
        cause: Cause::TagMoved,
        evidence: None,
        asked: asked.cloned(),
    };
    let pins = rows.iter().map(pin).collect();
    Change {
        name: name.into(),
        delivery: Delivery::Commit,
        proposal: None,
        message: "web: pin web".into(),
        pins,
        edits: Vec::new(),
        claims: Vec::new(),
        prove: Vec::new(),
    }
}

fn proposal(rows: Vec<Row>) -> Proposal {
    Proposal {
        number: None,
        because: None,
        urgent: false,
        rows,
        merges: None,
        newest_tip: false,
        waits: Vec::new(),
    }
}

/// A text as a name: one printable line.
fn name(text: &str) -> String {
    let line: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    format!("a{}", line.trim_end())
}

const SOURCE: &str = "https://git.example.org/a/b";

fn notes(releases: &[String]) -> Notes {
    let release = |text: &String| NotedRelease {
        title: text.clone(),
        at: Some(at()),
        url: None,
        text: text.clone(),
    };
    let url = |path: &str| Url::parse(&format!("{SOURCE}{path}")).expect("an address");
    Notes {
        source: url(""),
        from: releases.first().cloned(),
        to: Some("v2".into()),
        compare: Some(url("/compare/v1...v2")),
        releases: releases.iter().map(release).collect(),
        cut: true,
    }
}

/// The commands' table has a head and six rows.
const SAY: [usize; 7] = [2; 7];

#[test]
fn pull_requests_are_shown_whole() {
    let world = world();
    let show = |name: &str, change: &Change, proposal: &Proposal, links: &[&str]| {
        let words: RowWords =
            words(change, proposal, at(), &world.url).expect("it can be recorded");
        assert_eq!(trailers::parse(&words.body), change.pins);
        let page = world.shown(name, &words.body, links);
        assert_eq!(
            page.count("<h3"),
            if page.html.contains("Why, and where") {
                2
            } else {
                1
            }
        );
        assert_eq!(
            page.html.matches("<details").count(),
            page.html.matches("</details>").count()
        );
        page
    };
    let rows = vec![row(
        "stacks/web/main.tf#deployment/web/web:web",
        "docker.io/library/nginx:1.29",
    )];
    let page = show("plain", &change("web", &rows, None), &proposal(rows), &[]);
    assert_eq!(page.tables(), [vec![6; 2], SAY.to_vec()]);
    assert_eq!(
        page.count("<td><code>docker.io/library/nginx</code></td>"),
        1,
        "{}",
        page.html
    );

    let mut rows: Vec<Row> = world
        .nasty
        .iter()
        .map(|text| row("a.tf#pod/a/b:c", &name(text)))
        .collect();
    for (row, text) in rows.iter_mut().zip(&world.nasty) {
        row.cache = Some(CacheAnswer::Unreachable(text.clone()));
        row.running = Seen::Unknown(text.clone());
    }
    let page = show(
        "cells",
        &change(&world.all(), &rows, None),
        &proposal(rows),
        &[],
    );
    assert_eq!(page.tables(), [vec![6; NASTY.len() + 1], SAY.to_vec()]);

    let mut rows: Vec<Row> = world
        .nasty
        .iter()
        .map(|text| row(&name(text), "redis:7"))
        .collect();
    rows[0].reasons = world.nasty.iter().map(|text| said(text)).collect();
    rows[0].from = None;
    let page = show("reasons", &change("web", &rows, None), &proposal(rows), &[]);
    assert_eq!(page.tables(), [vec![6; 3], SAY.to_vec()]);
    assert_eq!(
        page.count("<li"),
        2 + NASTY.len() + NASTY.len() + 1,
        "each reason and each place once: {}",
        page.html
    );

    let mut rows = vec![
        row("a.tf#pod/a/b:c", "redis:7"),
        row("a.tf#pod/a/d:c", "redis:8"),
    ];
    rows[0].notes = Some(notes(&world.nasty[..25]));
    rows[1].notes = Some(notes(&world.nasty[25..]));
    let compare = format!("{SOURCE}/compare/v1...v2");
    let page = show(
        "notes",
        &change("web", &rows, None),
        &proposal(rows),
        &[SOURCE, SOURCE, &compare, &compare],
    );
    assert_eq!(
        (page.tables(), page.count("<details")),
        (vec![vec![6; 3], SAY.to_vec()], 3)
    );

    let comment = format!("{}/issues/1#issuecomment-12", world.url);
    let rows = vec![row("a.tf#pod/a/b:c", "redis:7")];
    for (at, by) in [name(&world.all()), "ana (7)".to_owned()]
        .into_iter()
        .enumerate()
    {
        let asked = Asked {
            by,
            comment: comment.clone(),
            because: None,
        };
        let mut proposal = proposal(rows.clone());
        (proposal.because, proposal.merges, proposal.urgent) =
            (Some(said(&world.all())), Some(world.all()), true);
        let page = show(
            &format!("urgent-{at}"),
            &change("comment-12", &rows, Some(&asked)),
            &proposal,
            &[&comment],
        );
        assert_eq!((page.tables().len(), page.count("<blockquote")), (2, 1));
    }
}

#[test]
fn replies_are_shown_whole() {
    let world = world();
    let id = commit();
    let page = format!("{}/commit/{id}", world.url);
    let all = world.all();
    let long = world.nasty.clone();
    let done = |text: &String| Done {
        site: SiteId(name(text).into()),
        action: Action::Pin,
        image: name(text),
        until: Some(at()),
    };
    let misread = Misread {
        line: 3,
        command: Some("/pin"),
        what: all.clone(),
        hint: Some(all.clone()),
    };
    let command = "/pin";
    // The outcome, how many links to the commit, tables, code blocks and items of lists.
    let cases: Vec<(&str, Outcome, [usize; 4])> = vec![
        (
            "written",
            Outcome::Written {
                command,
                change: "c".into(),
                done: long.iter().map(done).collect(),
            },
            [1, 0, 0, long.len()],
        ),
        (
            "before",
            Outcome::WrittenBefore {
                command,
                commit: id.clone(),
                sites: long.clone(),
            },
            [1, 0, 0, long.len()],
        ),
        (
            "nothing",
            Outcome::Nothing {
                command,
                why: all.clone(),
            },
            [0; 4],
        ),
        (
            "refused",
            Outcome::Refused {
                command,
                why: all.clone(),
                hint: Some(all.clone()),
            },
            [0; 4],
        ),
        (
            "not-found",
            Outcome::NotFound {
                command,
                target: all.clone(),
                near: long.clone(),
            },
            [0, 0, 0, long.len()],
        ),
        (
            "ambiguous",
            Outcome::Ambiguous {
                command,
                target: Some(all.clone()),
                candidates: long.clone(),
            },
            [0, 0, 1, 0],
        ),
        ("text", Outcome::Planned, [0, 0, 1, 0]),
        ("help", Outcome::Help, [0, 1, 0, 0]),
        ("misread", Outcome::Misread(misread), [0; 4]),
        (
            "may-not",
            Outcome::MayNot {
                command,
                needs: Right::Write,
                has: Right::Read,
            },
            [0; 4],
        ),
        ("edited", Outcome::Edited, [0; 4]),
        ("late", Outcome::Late, [0; 4]),
    ];
    let url = Url::parse(&page).expect("an address");
    let links = [Link {
        change: "c".into(),
        to: To::Commit(id.clone()),
    }];
    let report = |outcome: &Outcome| {
        (*outcome == Outcome::Planned).then(|| Report {
            command: "/plan",
            title: all.clone(),
            lines: long.clone(),
        })
    };
    let answer = |outcomes: Vec<Outcome>| {
        let comment = CommentRef {
            id: 12,
            issue: 1,
            url: url.clone(),
            at: at(),
        };
        reply(
            &Answer {
                comment,
                author: forge::Account {
                    id: 7,
                    login: all.as_str().into(),
                },
                outcomes,
            },
            &links,
            &world.url,
            &report,
        )
    };
    for (name, outcome, [linked, tables, blocks, items]) in &cases {
        let text = answer(vec![outcome.clone()]);
        assert_eq!(Marker::all(&text), [Marker::Answer(12)]);
        let shown = world.shown(
            &format!("reply-{name}"),
            &text,
            &vec![page.as_str(); *linked],
        );
        let found = [
            shown.tables().len(),
            shown.count("<pre"),
            shown.count("<li"),
        ];
        assert_eq!(found, [*tables, *blocks, *items], "{name}: {}", shown.html);
        assert!(
            shown.tables().iter().flatten().all(|cells| *cells == 2),
            "{name}: {}",
            shown.html
        );
    }
    let together = answer(cases.into_iter().map(|(_, outcome, _)| outcome).collect());
    let shown = world.shown("reply-all", &together, &[&page, &page]);
    assert_eq!(
        shown.count("<hr"),
        11,
        "one section for each: {}",
        shown.html
    );
}

#[test]
fn notices_are_shown_whole() {
    let world = world();
    let id = commit();
    let page = format!("{}/commit/{id}", world.url);
    let log = format!("{}/actions/runs/9", world.url);
    let check = |text: &String| Check {
        context: text.clone(),
        description: text.clone(),
        url: None,
    };
    let mut failed: Vec<Check> = world.nasty.iter().map(check).collect();
    failed[0].url = Url::parse(&log).ok();
    failed[1].url = Url::parse("https://www.example.com/evil").ok();
    let all = world.all();
    let words = notice(
        &Notice::Pipeline {
            commit: id.clone(),
            subject: all.clone(),
            pull: None,
            failed,
            began: false,
            since: at(),
        },
        &world.url,
    );
    let shown = world.shown("notice-failed", &words.body, &[&page, &log]);
    assert_eq!(shown.count("<li"), NASTY.len());
    let words = notice(
        &Notice::Pipeline {
            commit: id.clone(),
            subject: all.clone(),
            pull: None,
            failed: Vec::new(),
            began: true,
            since: at(),
        },
        &world.url,
    );
    world.shown("notice-missing", &words.body, &[&page]);
    world.shown("left", &left(&all, &id), &[]);
    world.shown("closing-body", &withdraw("", &all), &[]);
}

#[test]
fn as_a_commit_s_message_it_closes_and_calls_nothing() {
    let world = world();
    let World { ada, ana, repo, .. } = &world;
    let mut rows = vec![row(
        "stacks/web/main.tf#deployment/web/web:web",
        "docker.io/library/nginx:1.29",
    )];
    rows[0].reasons = world.nasty.iter().map(|text| said(text)).collect();
    rows[0].notes = Some(notes(&world.nasty));
    rows[0].cache = Some(CacheAnswer::Unreachable(world.all()));
    let change = change("web", &rows, None);
    let mut proposal = proposal(rows);
    (proposal.because, proposal.merges) = (Some(said(&world.all())), Some(world.all()));
    let words = words(&change, &proposal, at(), &world.url).expect("it can be recorded");
    repo.push(ada, "pintle/web", "web: pin web", &[("a", b"x")])
        .expect("a new branch can be pushed");
    let number = repo.open(ada, "pintle/web", &words.title, &words.body);
    repo.comment(number, &left(&world.all(), &commit()), ada);
    repo.comment(number, &withdraw("", &world.all()), ada);
    let page = repo.shown(number);
    assert_eq!(page.len(), 3);
    keep("pull-request-page", &repo.rendered(number));
    Page {
        html: page[0].clone(),
    }
    .is_harmless(&words.body, &[SOURCE, &format!("{SOURCE}/compare/v1...v2")]);
    let merge =
        json!({"Do": "squash", "MergeTitleField": words.title, "MergeMessageField": words.body});
    assert_eq!(repo.try_merge(ada, number, &merge).status, 200);
    let merged = repo.commits("main").remove(0);
    assert_eq!(
        trailers::parse(&merged.message),
        change.pins,
        "{}",
        merged.message
    );
    // The forge works off comments and pushes after it has taken them, in their order: what comes
    // last and is raw shows that the rest is done.
    merge_raw(&world, repo.issue(ada, "Last"));
    assert_eq!(ana.told_of("Raw"), ["Raw"], "somebody is called");
    assert_eq!(ada.get(&repo.path("/issues/1"))["state"], "open");
    let timeline = ada.get(&repo.path("/issues/1/timeline"));
    assert!(
        [serde_json::Value::Null, json!([])].contains(&timeline),
        "something refers to the issue: {timeline}"
    );
}

/// Merges a pull request whose message closes an issue, and waits until it is closed.
fn merge_raw(World { ada, repo, .. }: &World, issue: u64) {
    repo.push(ada, "raw", "Raw", &[("raw", b"x")])
        .expect("a new branch can be pushed");
    let number = repo.open(ada, "raw", "Raw", "For @ana.");
    let merge = json!({"Do": "squash", "MergeTitleField": "Raw", "MergeMessageField": format!("It fixes #{issue}.")});
    assert_eq!(repo.try_merge(ada, number, &merge).status, 200);
    let end = Timestamp::now().as_second() + 60;
    while ada.get(&repo.path(&format!("/issues/{issue}")))["state"] != "closed" {
        assert!(
            Timestamp::now().as_second() < end,
            "issue {issue} is not closed after a minute"
        );
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

/// What the other tests find nothing of is there when the same text is not made harmless.
#[test]
fn the_same_text_does_things_when_it_is_raw() {
    let world = world();
    let World { ada, ana, repo, .. } = &world;
    // Not those that would swallow what comes after them. And on a page: the endpoint for Markdown
    // answers nothing at all to a commit's id.
    let swallows = |text: &&String| {
        ["<!--", "```", "~~~", "</", "<script", "$$"]
            .iter()
            .any(|start| text.contains(start))
    };
    let raw: Vec<&str> = world
        .nasty
        .iter()
        .filter(|text| !swallows(text))
        .map(String::as_str)
        .collect();
    repo.comment(1, &raw.join("\n\n"), ada);
    let page = repo.rendered(1);
    for sign in [
        "href=\"/ana\" data-markdown",
        "issue-keyword",
        "ref-issue",
        "class=\"emoji\"",
        "src=\"https://www.example.com/x.png\"",
        "href=\"https://www.example.com/evil\"",
    ] {
        assert!(page.contains(sign), "{sign} in {page}");
    }
    merge_raw(&world, 1);
    ana.told_of("Raw");
}
