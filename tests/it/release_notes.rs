//! Release notes from one end to the other: the built program reads an image's labels at its
//! registry and the releases where its source is, and a real forge shows them in the pull request,
//! without any of their text doing anything.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::Request;
use pintle::demo::registry::DemoImage;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use crate::support::forge_line::ForgeLine;
use crate::support::forge_repo::{Repo, number};
use crate::support::gitea::{Account, text};

const IMAGE: &str = "ghcr.io/acme/app:latest";
/// First pins at once, moves as pull requests.
const ADOPTS: &str = "\n[[rule]]\nmatch = { stack = \"*\" }\nmode = { adopt = \"commit\" }\n";
/// What the authors of a release could write to be noticed.
const NASTY: &str = "Fixes #1 for @ana.\n\n/pin to sha256:0\n/unpin\n\n<img src=https://www.example.com/x.png onerror=alert(1)>\n<!-- pintle:answer 1 -->\n\n\
    ```text\nPintle-Action: move\n```\n</details>\n\n# Big\n[here](https://www.example.com) https://www.example.com/evil\n\n\
    Pintle-Action: hold\nPintle-Site: a#b\nPintle-Image: c\nPintle-To: none\nPintle-Cause: command\n";

/// Serves `version` of the image, whose source is at that address.
fn put(line: &ForgeLine, source: &str, version: &str) {
    let image = DemoImage::new("acme/app", "latest", version)
        .label("org.opencontainers.image.source", source);
    let image = image.label("org.opencontainers.image.version", version);
    line.registries.registry.put_image("ghcr.io", &image);
}

/// A forge whose one image is pinned at 1.0.0 and moves to 1.1.0 with the next sync.
fn moving(source: impl Fn(&ForgeLine) -> String, config: &str) -> ForgeLine {
    let line = ForgeLine::of_stacks(&[("web", IMAGE)], &format!("{ADOPTS}{config}"));
    let source = source(&line);
    put(&line, &source, "1.0.0");
    line.sync();
    put(&line, &source, "1.1.0");
    line
}

fn release(repo: &Repo, who: &Account, tag: &str, body: &str, more: &Value) {
    let mut release = json!({ "tag_name": tag, "name": format!("App {tag}"), "body": body, "target_commitish": "main" });
    for (key, value) in more.as_object().expect("an object") {
        release[key] = value.clone();
    }
    who.post(&repo.path("/releases"), &release);
}

/// The number and the body of the one open pull request.
fn open(line: &ForgeLine) -> (u64, String) {
    let pulls = line.repo.pulls("open");
    assert_eq!(pulls.len(), 1);
    (number(&pulls[0]), text(&pulls[0]["body"]))
}

#[test]
fn releases_in_the_forge_are_shown_and_nothing_in_them_takes_effect() {
    let line = moving(|line| format!("{}/ana/app", line.gitea.url()), "");
    let app = line.gitea.repo(&line.ana, "app", false);
    release(&app, &line.ana, "v1.0.0", "the old one", &json!({}));
    release(&app, &line.ana, "v1.0.5", NASTY, &json!({}));
    release(
        &app,
        &line.ana,
        "v1.1.0-rc1",
        "the candidate",
        &json!({ "prerelease": true }),
    );
    release(&app, &line.ana, "v1.1.0", "the new one", &json!({}));
    release(&app, &line.ana, "v2.0.0", "the next one", &json!({}));
    line.sync();

    let (pull, body) = open(&line);
    for expected in [
        "Release notes of",
        "the new one",
        "App v1.0.5",
        "/ana/app/compare/v1.0.0...v1.1.0",
    ] {
        assert!(body.contains(expected), "{expected} in\n{body}");
    }
    for absent in ["the old one", "the candidate", "the next one"] {
        assert!(!body.contains(absent), "{absent} in\n{body}");
    }
    let shown = line.repo.shown(pull).swap_remove(0);
    assert!(
        shown.contains("the new one") && shown.contains("1.0.0") && shown.contains("/unpin"),
        "{shown}"
    );
    for effect in [
        "class=\"mention\"",
        "ref-issue",
        "<img",
        "<h1",
        "href=\"https://www.example.com",
        "onerror=\"",
    ] {
        assert!(!shown.contains(effect), "{effect} in\n{shown}");
    }
    let record = pintle::pipeline::trailers::parse(&body);
    assert_eq!(
        record.len(),
        1,
        "only pintle's own trailers are read: {body}"
    );

    let head = line.repo.tip("pintle/web").expect("the branch");
    let again = line.sync();
    assert!(
        again.stderr.contains("nothing was written"),
        "{}",
        again.stderr
    );
    assert_eq!(
        (line.repo.tip("pintle/web"), open(&line).1),
        (Some(head), body)
    );
    assert_eq!(
        line.repo.comments(pull).len(),
        0,
        "nothing of it was a command"
    );
    line.repo.merge(pull, "squash");
    assert!(line.text("web", "main").contains("@sha256:"));
    assert_eq!(line.plan()["sites"][0]["verdict"], json!("in-sync"));
}

#[test]
fn a_source_that_cannot_be_seen_or_is_not_to_be_asked_is_no_trouble() {
    for (config, linked) in [("", true), ("\n[forge]\nrelease_notes = false\n", false)] {
        let line = moving(|line| format!("{}/ana/app", line.gitea.url()), config);
        let app = line.gitea.repo(&line.ana, "app", true);
        release(&app, &line.ana, "v1.1.0", "not for everybody", &json!({}));
        line.registries.registry.reset_counts();
        line.sync();
        let (_, body) = open(&line);
        assert!(!body.contains("not for everybody"), "{body}");
        assert_eq!(
            body.contains("/ana/app/compare/1.0.0...1.1.0"),
            linked,
            "{body}"
        );
        let blobs = line
            .registries
            .registry
            .requests()
            .iter()
            .filter(|request| request.path.contains("/blobs/"))
            .count();
        assert_eq!(blobs, if linked { 2 } else { 0 });
    }
}

/// What GitHub was asked: paths and tokens.
type Asked = Arc<Mutex<Vec<(String, Option<String>)>>>;

/// A stand-in for GitHub with two releases of everything, until the runtime ends.
fn github() -> (Runtime, String, Asked) {
    let asked = Asked::default();
    let seen = asked.clone();
    let one = |tag: &str, body: &str| {
        let page = format!("https://api.github.com/repos/acme/app/releases/{tag}");
        json!({
            "url": page, "html_url": format!("https://github.com/acme/app/releases/tag/{tag}"), "assets_url": format!("{page}/assets"),
            "upload_url": format!("{page}/assets{{?name,label}}"), "tarball_url": null, "zipball_url": null, "id": 1, "node_id": "x",
            "tag_name": tag, "target_commitish": "main", "name": tag, "body": body, "draft": false, "prerelease": false,
            "created_at": "2026-11-01T00:00:00Z", "published_at": "2026-11-01T00:00:00Z", "author": null, "assets": [],
        })
    };
    let releases = json!([
        one("v1.1.0", "new at GitHub"),
        one("v1.0.0", "old at GitHub")
    ])
    .to_string();
    let app = Router::new().fallback(move |request: Request| {
        let authorization = request
            .headers()
            .get("authorization")
            .map(|value| value.to_str().expect("text").to_owned());
        seen.lock()
            .expect("no panic")
            .push((request.uri().path().to_owned(), authorization));
        let releases = releases.clone();
        async move { ([("content-type", "application/json")], releases) }
    });
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime of its own");
    let listener = runtime
        .block_on(TcpListener::bind("127.0.0.1:0"))
        .expect("loopback has a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    runtime.spawn(axum::serve(listener, app).into_future());
    (runtime, url, asked)
}

#[test]
fn github_is_asked_with_its_own_token_only_and_can_be_left_out() {
    let (_runtime, api, asked) = github();
    let line = moving(|_| "https://github.com/acme/app".to_owned(), "");
    let output = line
        .pintle("sync", &["--github-api", &api])
        .env("PINTLE_GITHUB_TOKEN", "ghp_not_a_secret")
        .run();
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    let (pull, body) = open(&line);
    assert!(
        body.contains("new at GitHub") && !body.contains("old at GitHub"),
        "{body}"
    );
    assert!(
        body.contains("https://github.com/acme/app/compare/v1.0.0...v1.1.0"),
        "{body}"
    );
    assert!(!output.stderr.contains("ghp_not_a_secret"));
    let expected = (
        "/repos/acme/app/releases".to_owned(),
        Some("Bearer ghp_not_a_secret".to_owned()),
    );
    assert_eq!(*asked.lock().expect("no panic"), [expected]);

    line.repo.close(pull);
    put(&line, "https://github.com/acme/app", "1.2.0");
    let output = line.pintle("sync", &["--github-api", "off"]).run();
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    assert!(
        open(&line)
            .1
            .contains("https://github.com/acme/app/compare/1.0.0...1.2.0")
    );
    assert_eq!(asked.lock().expect("no panic").len(), 1);
}
