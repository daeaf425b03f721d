//! Replies as the real server shows them: nothing of what people typed links, names or draws
//! anything.

use regex::Regex;
use serde_json::json;

use super::{ADOPTS, NGINX, POSTGRES, World};
use crate::support::forge_repo::number;

const NASTY: [&str; 7] = [
    "@ana and #1 and ops/infra#1",
    "https://www.example.com/evil and www.example.com",
    "`code` and **bold** and | pipes |",
    "fixes #1, closes !1",
    ":smile: $x$ 0123456789abcdef0123456789abcdef01234567",
    "[x](https://www.example.com) ~~gone~~",
    "&lt;b&gt; &#64;ana ana@example.org",
];

#[test]
fn replies_are_shown_whole_and_call_nobody() {
    let world = World::with(&[("web", NGINX), ("db", POSTGRES)], ADOPTS);
    world.line.gitea.user("zoe");
    let mut comments: Vec<u64> = NASTY
        .iter()
        .map(|text| {
            world.says(
                &world.line.ana,
                &format!("/hold web because {}", text.replace("ana", "zoe")),
            )
        })
        .collect();
    for text in [
        "/help",
        "/status",
        "/plan",
        "/explain web",
        "/hold @zoe",
        "/hold zoe#1",
        "/pin web to #1",
        "/hold web because <img src=x>",
        "/hold https://www.example.com/@zoe",
    ] {
        comments.push(world.says(&world.line.ana, text));
    }
    world.line.sync();
    let replies: Vec<String> = comments
        .iter()
        .map(|comment| world.reply(*comment))
        .collect();
    let all = world.line.repo.comments(world.issue);
    let shown = world.line.repo.shown(world.issue);
    assert!(
        shown.len() >= all.len(),
        "{} texts and {} comments",
        shown.len(),
        all.len()
    );
    let own: Vec<&String> = shown
        .iter()
        .skip(shown.len() - all.len())
        .zip(&all)
        .filter(|(_, one)| one.author == world.line.bot.login)
        .map(|(html, _)| html)
        .collect();
    assert_eq!(own.len(), replies.len());
    for html in &own {
        is_harmless(&world, html);
    }
    let tables: Vec<&&String> = own.iter().filter(|html| html.contains("<table")).collect();
    assert_eq!(tables.len(), 1, "/help has one");
    assert_eq!(
        (
            tables[0].matches("<tr").count(),
            tables[0].matches("<td").count()
        ),
        (10, 18)
    );
    world.is_at_rest();
}

#[test]
fn an_urgent_pull_request_is_shown_whole() {
    let world = World::with(&[("web", NGINX)], ADOPTS);
    world
        .line
        .repo
        .protect("main", &json!({"enable_push": false}));
    world.says(
        &world.line.ana,
        &format!("/hold web because {}", NASTY[..4].join(", ")),
    );
    world.line.sync();
    let pull = number(&world.line.repo.pulls("open")[0]);
    let shown = world.line.repo.shown(pull);
    is_harmless(&world, &shown[0]);
    let tables: Vec<&str> = shown[0].split("<table").skip(1).collect();
    let cells: Vec<usize> = tables
        .iter()
        .map(|table| table.matches("<td").count() % table.matches("<th>").count())
        .collect();
    assert_eq!(
        cells,
        [0, 0],
        "the images and the commands, each row whole: {}",
        shown[0]
    );
}

/// Links lead into the repository only, and nothing is a mention, an issue, a picture or an emoji.
fn is_harmless(world: &World, html: &str) {
    let tag = Regex::new("<([a-z][a-z0-9]*)([^>]*)>").expect("a pattern");
    let address = Regex::new("href=\"([^\"]*)\"").expect("a pattern");
    for found in tag.captures_iter(html) {
        let (name, attributes) = (&found[1], &found[2]);
        assert!(
            !["img", "script", "input", "h1", "del"].contains(&name),
            "<{name}{attributes}> in {html}"
        );
        for class in [
            "mention",
            "issue-keyword",
            "ref-issue",
            "ref-external",
            "emoji",
            "math",
        ] {
            assert!(
                !attributes.contains(class),
                "<{name}{attributes}> in {html}"
            );
        }
        if name == "a" {
            let href = address
                .captures(attributes)
                .map_or(String::new(), |found| found[1].to_owned());
            let path = format!("/{}/", world.line.repo.full_name());
            let own = ["commit/", "issues/", "pulls/"].iter().any(|kind| {
                href.starts_with(&format!("{path}{kind}"))
                    || href.starts_with(&format!("{}/{kind}", world.line.repo.url()))
            });
            assert!(own || href.starts_with('#'), "{href} in {html}");
        }
    }
}
