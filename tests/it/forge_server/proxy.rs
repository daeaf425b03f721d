//! The proxy before the forge: passes on what it gets to the byte, and fails as it is told and no
//! other way.

use std::net::TcpStream;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::support::forge_proxy::{Fault, ForgeProxy, When};
use crate::support::gitea::{Account, Gitea};
use crate::support::http::{self, Reply};

fn post(proxy: &ForgeProxy, who: &Account, path: &str, body: &Value) -> std::io::Result<Reply> {
    let authorization = who.basic();
    let headers = [
        ("Authorization", authorization.as_str()),
        ("Content-Type", "application/json"),
    ];
    http::request(
        &proxy.address(),
        "POST",
        &format!("/api/v1{path}"),
        &headers,
        body.to_string().as_bytes(),
    )
}

#[test]
fn it_passes_on_pushes_of_any_size_and_leaves_addresses_alone() {
    let proxy = ForgeProxy::start();
    let forge = Gitea::start_behind(&proxy.url());
    proxy.forward_to(&forge.address());
    let repo = forge.repo(forge.admin(), "infra", true);
    // Beyond `http.postBuffer` git sends chunks.
    let mut state = 7u32;
    let mut noise = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    let large: Vec<u8> = (0..3_000_000).map(|_| noise()).collect();
    let mut push = repo.prepare(forge.admin(), "main", "Large", &[("large", &large)]);
    push.url = format!("{}/{}.git", proxy.url(), repo.full_name());
    let sha = push.push().expect("it is the owner's");
    assert_eq!(
        (
            repo.tip("main"),
            repo.file("large", "main").map(|bytes| bytes == large)
        ),
        (Some(sha), Some(true))
    );
    let seen = proxy.take();
    let writes: Vec<_> = seen
        .iter()
        .filter(|seen| seen.writes())
        .map(|seen| (seen.target.as_str(), seen.status))
        .collect();
    assert_eq!(
        writes,
        [("/admin/infra.git/git-receive-pack", Some(200)); 2],
        "the first asks whether it may"
    );
    assert!(
        seen.iter()
            .all(|seen| seen.header("authorization").is_none())
    );

    let made = post(
        &proxy,
        forge.admin(),
        "/repos/admin/infra/issues",
        &json!({"title": "é"}),
    )
    .expect("an answer");
    assert_eq!(
        (made.status, made.header("content-type")),
        (201, Some("application/json;charset=utf-8"))
    );
    let body: Value = serde_json::from_slice(&made.body).expect("JSON");
    assert_eq!(
        body["html_url"],
        json!(format!("{}/admin/infra/issues/1", proxy.url()))
    );
    // The API knows no HEAD; the pages do.
    for (target, status) in [("/api/v1/version", 405), ("/user/login", 200)] {
        let head = http::ask(&proxy.address(), "HEAD", target, &[]);
        assert_eq!((head.status, head.body.len()), (status, 0));
    }
}

#[test]
fn it_fails_as_it_is_told() {
    let forge = Gitea::start();
    let repo = forge.repo(forge.admin(), "infra", false);
    let proxy = ForgeProxy::before(&forge.address());
    let issue = |title: &str| {
        post(
            &proxy,
            forge.admin(),
            &repo.path("/issues"),
            &json!({"title": title}),
        )
    };
    let count = || {
        repo.clone()
            .owner
            .list(&repo.path("/issues?state=all"))
            .len()
    };
    let writes = |seen: &crate::support::forge_proxy::Seen| seen.writes();

    proxy.fail_times(1, Fault::Status(503), writes);
    assert_eq!(issue("a").expect("an answer").status, 503);
    proxy.fail(Fault::TooMany { retry_after: 7 }, writes);
    let refused = issue("a").expect("an answer");
    assert_eq!(
        (refused.status, refused.header("retry-after")),
        (429, Some("7"))
    );
    assert_eq!(
        http::ask(&proxy.address(), "GET", "/api/v1/version", &[]).status,
        200
    );
    proxy.fail(Fault::Drop, |_| true);
    assert!(issue("a").is_err());
    assert_eq!(count(), 0);
    proxy.fail(Fault::LoseAnswer, writes);
    assert!(issue("a").is_err());
    assert_eq!(count(), 1);

    for (fault, done) in [(Fault::Hang, false), (Fault::Hold, true)] {
        proxy.take();
        proxy.fail(fault, writes);
        let before = count();
        let answer = std::thread::scope(|scope| {
            let asking = scope.spawn(|| issue("b"));
            proxy.wait_for(writes);
            assert_eq!(count(), before);
            proxy.mend();
            asking.join().expect("no panic")
        });
        assert_eq!(
            (answer.is_ok(), count() - before),
            (done, usize::from(done)),
            "{fault:?}"
        );
    }
    proxy.fail_times(1, Fault::Delay(std::time::Duration::from_millis(1)), |_| {
        true
    });
    assert_eq!(issue("c").expect("an answer").status, 201);
    let statuses: Vec<_> = proxy.seen().iter().map(|seen| seen.status).collect();
    assert_eq!(statuses, [Some(201), Some(201)]);

    let address = proxy.address();
    drop(proxy);
    assert!(TcpStream::connect(address).is_err());
}

#[test]
fn it_kills_on_either_side_of_a_write() {
    let forge = Gitea::start();
    let repo = forge.repo(forge.admin(), "infra", false);
    let proxy = ForgeProxy::before(&forge.address());
    let issue = |title: &str| {
        post(
            &proxy,
            forge.admin(),
            &repo.path("/issues"),
            &json!({"title": title}),
        )
    };
    let count = || forge.admin().list(&repo.path("/issues?state=all")).len();
    for (when, kept) in [(When::Before, 1), (When::After, 3)] {
        let mut victim = sleeper();
        proxy.kill_at(2, when);
        proxy.aim(victim.id());
        assert!(issue("first").is_ok());
        assert_eq!(
            http::ask(&proxy.address(), "GET", "/api/v1/version", &[]).status,
            200
        );
        assert_eq!(victim.try_wait().expect("it can be asked"), None);
        assert!(issue("second").is_err());
        assert_eq!(victim.wait().expect("it ended").signal(), Some(9));
        let at = proxy.killed().expect("it happened");
        assert_eq!(
            (at.method.as_str(), at.status, count()),
            ("POST", (when == When::After).then_some(201), kept),
            "{when:?}"
        );
    }
    assert!(issue("third").is_ok());
    proxy.kill_at(2, When::Before);
    let mut victim = sleeper();
    proxy.aim(victim.id());
    assert!(issue("fourth").is_ok());
    assert_eq!(proxy.killed(), None);
    victim
        .kill()
        .and_then(|()| victim.wait())
        .expect("it was alive");
}

/// A process that does nothing until it is killed.
fn sleeper() -> Child {
    let mut command = Command::new("sleep");
    crate::support::guard::die_with_parent(&mut command);
    command
        .arg("600")
        .stdin(Stdio::null())
        .spawn()
        .expect("sleep starts")
}
