//! The forge itself: that it does what the other tests take for granted, written down as it was
//! found. Forgejo shares these ways; where a version differs, docs say so.

mod proxy;
mod pulls;
mod rights;

use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::Sha256;

use crate::support::forge_proxy::{Fault, ForgeProxy};
use crate::support::forge_repo::{Comment, Repo};
use crate::support::gitea::{Account, Gitea, text};

const NONE: Value = Value::Null;

/// A forge with one public repository and some people.
struct World {
    forge: Gitea,
    ada: Account,
    bob: Account,
    repo: Repo,
}

/// `ada` owns the repository, `bob` may write to it.
fn world() -> World {
    let forge = Gitea::start();
    let (ada, bob) = (forge.user("ada"), forge.user("bob"));
    let repo = forge.repo(&ada, "infra", false);
    repo.collaborator(&bob, "write");
    World {
        forge,
        ada,
        bob,
        repo,
    }
}

/// A pull request of `ada` from a branch of that name with one commit.
fn pull(world: &World, branch: &str) -> u64 {
    world
        .repo
        .push(
            &world.ada,
            branch,
            &format!("Change {branch}"),
            &[(branch, b"x")],
        )
        .expect("a new branch can be pushed");
    world.repo.open(
        &world.ada,
        branch,
        &format!("Title of {branch}"),
        "The body.",
    )
}

#[test]
fn it_keeps_its_port_and_its_data() {
    let mut forge = Gitea::start();
    let ada = forge.user("ada");
    let repo = forge.repo(&ada, "infra", true);
    let sha = repo.push_files(
        "Two files",
        &[("a/main.tf", b"one\r\n"), ("b.tf", &[0, 255])],
    );
    let address = forge.address();
    forge.stop();
    assert!(std::net::TcpStream::connect(&address).is_err());
    forge.resume();
    assert_eq!(forge.url(), format!("http://{address}"));
    assert_eq!(repo.tip("main"), Some(sha.clone()));
    assert_eq!(
        repo.file("a/main.tf", "main").as_deref(),
        Some(b"one\r\n".as_slice())
    );
    assert_eq!(repo.file("b.tf", &sha), Some(vec![0, 255]));
    assert_eq!(repo.file("c.tf", "main"), None);
    let commits = repo.commits("main");
    assert_eq!(
        (commits.len(), commits[0].author.as_str()),
        (2, "ada <ada@example.org>")
    );
    assert_eq!(
        (commits[0].message.trim_end(), &commits[0].parents[0]),
        ("Two files", &commits[1].sha)
    );
    assert!(forge.log().contains("HTTPRequest"));
}

#[test]
fn a_webhook_is_signed_over_its_body() {
    const SECRET: &str = "of-the-hook";
    let world = world();
    let World { ada, bob, repo, .. } = &world;
    // A proxy that answers everything itself is a receiver.
    let receiver = ForgeProxy::start();
    receiver.fail(Fault::Status(200), |_| true);
    let config = json!({"url": format!("{}/hooks/forgejo", receiver.url()), "content_type": "json", "secret": SECRET});
    let events = [
        "issue_comment",
        "pull_request_comment",
        "push",
        "status",
        "pull_request",
        "pull_request_sync",
    ];
    ada.post(
        &repo.path("/hooks"),
        &json!({"type": "gitea", "active": true, "events": events, "config": config}),
    );
    let told = &repo.hooks()[0];
    assert_eq!(
        (&told["config"]["url"], &told["config"]["secret"]),
        (&config["url"], &NONE)
    );

    let issue = repo.issue(ada, "A question");
    repo.comment(issue, "/status é", bob);
    let seen = receiver.wait_for(|seen| seen.header("x-gitea-event") == Some("issue_comment"));
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).expect("any length");
    mac.update(&seen.body);
    let signature = hex::encode(mac.finalize().into_bytes());
    assert_eq!(
        (seen.method.as_str(), seen.target.as_str()),
        ("POST", "/hooks/forgejo")
    );
    assert_eq!(seen.header("x-gitea-signature"), Some(signature.as_str()));
    assert_eq!(
        seen.header("x-hub-signature-256"),
        Some(format!("sha256={signature}").as_str())
    );
    assert_eq!(
        (
            seen.header("x-gitea-event-type"),
            seen.header("content-type")
        ),
        (Some("issue_comment"), Some("application/json"))
    );
    assert!(
        seen.header("x-gitea-delivery")
            .is_some_and(|id| id.len() == 36)
    );
    assert_eq!(
        (
            seen.header("x-github-event"),
            seen.header("x-gogs-signature")
        ),
        (Some("issue_comment"), Some(signature.as_str()))
    );
    let body: Value = serde_json::from_slice(&seen.body).expect("JSON");
    assert_eq!(
        (&body["action"], &body["is_pull"], &body["comment"]["body"]),
        (&json!("created"), &json!(false), &json!("/status é"))
    );
    assert_eq!(
        (&body["sender"]["id"], &body["repository"]["full_name"]),
        (&json!(bob.id), &json!("ada/infra"))
    );

    let number = pull(&world, "change");
    let comment = repo.comment(number, "/plan", bob);
    let of_pull = |word: &'static str| {
        receiver.wait_for(|seen| {
            let body: Value = serde_json::from_slice(&seen.body).unwrap_or_default();
            seen.header("x-gitea-event-type") == Some("pull_request_comment")
                && body["action"] == word
        })
    };
    assert_eq!(
        of_pull("created").header("x-gitea-event"),
        Some("issue_comment")
    );
    repo.edit_comment(comment, "/plan now", bob);
    let edited: Value = serde_json::from_slice(&of_pull("edited").body).expect("JSON");
    assert_eq!(
        (
            &edited["comment"]["body"],
            &edited["changes"]["body"]["from"]
        ),
        (&json!("/plan now"), &json!("/plan"))
    );
    repo.delete_comment(comment);
    of_pull("deleted");
    repo.push(ada, "change", "More", &[("more", b"x")])
        .expect("it is their branch");
    for kind in ["push", "pull_request", "pull_request_sync"] {
        receiver.wait_for(|seen| seen.header("x-gitea-event-type") == Some(kind));
    }
}

#[test]
fn a_comment_changes_its_time_when_it_is_edited_only() {
    let world = world();
    let World { bob, repo, ada, .. } = &world;
    let number = repo.issue(bob, "A question");
    let comment = repo.comment(number, "/status", bob);
    let now = || repo.comments(number).remove(0);
    let first = now();
    assert_eq!(
        (first.id, first.author.as_str(), &first.created),
        (comment, "bob", &first.updated)
    );
    after(&first);
    ada.post(
        &repo.path(&format!("/issues/comments/{comment}/reactions")),
        &json!({"content": "eyes"}),
    );
    assert_eq!(
        repo.reactions(comment),
        [("ada".to_owned(), "eyes".to_owned())]
    );
    assert_eq!(now(), first);
    // The same reaction again is no error and no second reaction.
    let again = ada.call(
        "POST",
        &repo.path(&format!("/issues/comments/{comment}/reactions")),
        &json!({"content": "eyes"}),
    );
    assert_eq!((again.status, repo.reactions(comment).len()), (200, 1));
    repo.edit_comment(comment, "/plan", ada);
    let edited = now();
    assert_eq!(
        (
            edited.author.as_str(),
            edited.body.as_str(),
            &edited.created
        ),
        ("bob", "/plan", &first.created)
    );
    assert!(time(&edited.updated) > time(&first.updated));
}

#[test]
fn one_list_has_the_comments_of_issues_and_pull_requests() {
    let world = world();
    let World { ada, bob, repo, .. } = &world;
    let (issue, number) = (repo.issue(bob, "A question"), pull(&world, "change"));
    let old = repo.comment(issue, "old", bob);
    after(&repo.comments(issue)[0]);
    let (on_pull, on_issue) = (
        repo.comment(number, "on the pull request", bob),
        repo.comment(issue, "on the issue", ada),
    );
    let since = |time: &str| {
        ada.list(&repo.path(&format!(
            "/issues/comments?since={}",
            time.replace('+', "%2B")
        )))
    };
    let ids = |all: &[Value]| {
        all.iter()
            .map(|comment| comment["id"].as_u64().expect("an id"))
            .collect::<Vec<_>>()
    };
    let newer = repo.comments(issue)[1].updated.clone();
    assert_eq!(ids(&since(&newer)), [on_pull, on_issue]);
    let all = since("1970-01-01T00:00:00Z");
    assert_eq!(ids(&all), [old, on_pull, on_issue]);
    let url = |value: &Value| text(value).replace(&world.forge.url(), "");
    assert_eq!(
        (url(&all[0]["issue_url"]), url(&all[0]["pull_request_url"])),
        (format!("/ada/infra/issues/{issue}"), String::new())
    );
    assert_eq!(
        (url(&all[1]["issue_url"]), url(&all[1]["pull_request_url"])),
        (String::new(), format!("/ada/infra/pulls/{number}"))
    );
    // An edit brings an old one back, at its old place; the time is inclusive.
    after(&repo.comments(issue)[1]);
    repo.edit_comment(old, "edited", bob);
    assert_eq!(ids(&since(&repo.comments(issue)[0].updated)), [old]);
    // Opening, closing and merging leave no comment in this list.
    repo.merge(number, "squash");
    assert_eq!(since("1970-01-01T00:00:00Z").len(), 3);
}

#[test]
fn an_html_comment_is_in_the_body_and_not_on_the_page() {
    let world = world();
    let World { ada, repo, .. } = &world;
    let body = "Before\n\n<!-- pintle: hidden=1 -->\n\n| a | b |\n| --- | --- |\n| `x` | y |\n\nafter <!-- inside --> it";
    repo.push(ada, "change", "Change", &[("a", b"x")])
        .expect("a new branch can be pushed");
    let number = repo.open(ada, "change", "Title", body);
    repo.comment(number, "Said\r\n<!-- pintle: answers=7 -->", ada);
    assert_eq!(text(&repo.pull(number)["body"]), body);
    assert_eq!(
        repo.comments(number)[0].body,
        "Said\r\n<!-- pintle: answers=7 -->"
    );
    let html = repo.markdown(body);
    assert!(
        html.contains("<table>") && html.contains("<code>x</code>"),
        "{html}"
    );
    assert!(
        !html.contains("hidden=1") && !html.contains("inside"),
        "{html}"
    );
    let shown = repo.shown(number);
    assert_eq!(
        (shown.len(), shown[0].as_str(), shown[1].as_str()),
        (2, html.trim(), "<p dir=\"auto\">Said</p>")
    );
    // It is in the page's source all the same: in the text as its author would edit it.
    assert!(repo.rendered(number).contains("hidden=1"));
}

#[test]
fn neither_a_backslash_nor_an_entity_takes_the_life_out_of_a_text() {
    let world = world();
    let World { bob, repo, .. } = &world;
    repo.issue(bob, "A question");
    let html = |text: &str| repo.markdown(text).trim().to_owned();
    let mentions = [
        "@ada",
        "&#64;ada",
        "\\@ada",
        "#1",
        "&#35;1",
        "\\#1",
        "ada/infra#1",
        "ada@example.org",
    ];
    let addresses = [
        "[x](https://example.org)",
        "https://example.org",
        "https&#58;//example.org",
        "<https://example.org>",
    ];
    let raw = [
        "<a href=\"https://example.org\">x</a>",
        "![i](https://example.org/a.png)",
    ];
    for text in [&mentions[..], &addresses, &raw].concat() {
        assert!(html(text).contains("<a "), "{text}");
    }
    // A character of no width does, and code.
    let quiet = [
        "@\u{200b}ada",
        "#\u{200b}1",
        "ada/infra#\u{200b}1",
        "https:\u{200b}//example.org",
        "www.example.org",
    ];
    for text in quiet {
        assert_eq!(html(text), format!("<p dir=\"auto\">{text}</p>"));
    }
    for text in [&mentions[..], &addresses].concat() {
        assert!(!html(&format!("`{text}`")).contains("<a "), "{text}");
        assert!(
            !html(&format!("```\n{text}\n```")).contains("<a "),
            "{text}"
        );
    }
    assert_eq!(html("<b>x</b>"), "<p dir=\"auto\"><b>x</b></p>");
    assert_eq!(html("<script>x</script>"), "&lt;script&gt;x&lt;/script&gt;");
}

#[test]
fn labels_are_made_and_set_by_id() {
    let world = world();
    let number = pull(&world, "change");
    let World { bob, repo, .. } = &world;
    let made = bob.post(
        &repo.path("/labels"),
        &json!({"name": "pintle", "color": "#00aabb"}),
    );
    assert_eq!(repo.labels(), std::slice::from_ref(&made));
    bob.post(
        &repo.path(&format!("/issues/{number}/labels")),
        &json!({"labels": [made["id"]]}),
    );
    bob.post(
        &repo.path(&format!("/issues/{number}/labels")),
        &json!({"labels": ["pintle"]}),
    );
    assert_eq!(repo.pull(number)["labels"], json!([made]));
}

/// Waits until something is so; fails the test after half a minute.
fn until(so: impl Fn() -> bool) {
    let end = Timestamp::now().as_second() + 30;
    while !so() {
        assert!(Timestamp::now().as_second() < end, "it did not come to be");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Waits until the clock shows another second than that of a comment: the forge's times have no
/// parts of one.
fn after(comment: &Comment) {
    let second = time(&comment.updated).as_second();
    until(|| Timestamp::now().as_second() > second);
}

fn time(text: &str) -> Timestamp {
    text.parse().unwrap_or_else(|why| panic!("{text}: {why}"))
}
