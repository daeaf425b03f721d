//! The servers themselves: that they do what the other tests take for granted, the lies included.

use std::fs::read_to_string;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::support::cmd::Pintle;
use crate::support::git::{BRANCH, Remote, git};
use crate::support::git_host::{Access, GitHost};
use crate::support::http::ask;
use crate::support::images::{ACCEPT, Pusher, basic};
use crate::support::nginx::Nginx;
use crate::support::registry::{Registry, Role, Version};
use crate::support::token_server::{TokenServer, USER};

#[test]
fn a_registry_names_the_digest_that_was_pushed_and_counts_its_requests() {
    for version in [Version::Two, Version::Three] {
        let mut registry = Registry::start(version, &Role::Plain);
        let index = registry
            .pusher()
            .index("team/app", "1.0", "a", &["amd64", "arm64"]);
        let single = registry.pusher().image("team/app", "single", "a");
        assert_ne!(index, single);
        assert_eq!(registry.head("team/app", "1.0"), (200, Some(index.clone())));
        assert_eq!(registry.head("team/app", "2.0").0, 404);
        let address = registry.address();
        registry.stop();
        registry.resume();
        assert_eq!(registry.address(), address);
        assert_eq!(registry.head("team/app", "1.0"), (200, Some(index)));
        let heads = registry
            .requests()
            .iter()
            .filter(|line| line.starts_with("HEAD /v2/team/app/manifests/"))
            .count();
        assert!(heads >= 2, "{version:?}: {:?}", registry.requests());
    }
}

#[test]
fn a_proxy_of_version_two_answers_with_yesterday_when_its_upstream_fails() {
    let upstream = Registry::start(Version::Two, &Role::Plain);
    let gate = Nginx::gate(&upstream.address());
    let url = gate.url();
    let cache = Registry::start(
        Version::Two,
        &Role::ProxyOf {
            url: &url,
            ttl: None,
        },
    );
    let split = Nginx::split(&cache.address(), &gate.address());
    let old = upstream
        .pusher()
        .index("team/app", "latest", "old", &["amd64"]);
    assert_eq!(cache.head("team/app", "latest"), (200, Some(old.clone())));

    gate.fault(Some(429));
    let new = upstream
        .pusher()
        .index("team/app", "latest", "new", &["amd64"]);
    assert_eq!(
        upstream.head("team/app", "latest"),
        (200, Some(new.clone()))
    );
    assert_eq!(cache.head("team/app", "latest"), (200, Some(old)));
    assert_eq!(cache.head("team/app", "unseen").0, 404);
    let refused = ask(
        &split.address(),
        "HEAD",
        "/v2/team/app/manifests/latest",
        &[("Accept", ACCEPT)],
    );
    assert_eq!(
        (refused.status, refused.header("retry-after")),
        (429, Some("7"))
    );

    gate.fault(None);
    assert_eq!(cache.head("team/app", "latest"), (200, Some(new)));
    assert!(!gate.requests().is_empty());
    assert!(split.url().starts_with("http://127.0.0.1:"));
}

#[test]
fn a_proxy_of_version_three_is_honest_after_its_ttl() {
    let mut upstream = Registry::start(Version::Three, &Role::Plain);
    let (url, ttl) = (upstream.url(), Some("1ms"));
    let cache = Registry::start(Version::Three, &Role::ProxyOf { url: &url, ttl });
    let digest = upstream.pusher().image("team/app", "latest", "old");
    assert_eq!(cache.head("team/app", "latest"), (200, Some(digest)));
    upstream.stop();
    assert!(cache.head("team/app", "latest").0 >= 500);
}

#[test]
fn a_registry_with_a_password_challenges_for_basic_auth() {
    let role = Role::Password {
        user: "bob",
        password: "secret",
    };
    let registry = Registry::start(Version::Two, &role);
    let digest = registry.pusher().image("team/app", "1.0", "a");
    let target = "/v2/team/app/manifests/1.0";
    let refused = ask(&registry.address(), "HEAD", target, &[("Accept", ACCEPT)]);
    assert_eq!(refused.status, 401);
    assert!(
        refused
            .header("www-authenticate")
            .is_some_and(|value| value.starts_with("Basic "))
    );
    let known = basic("bob", "secret");
    let reply = ask(
        &registry.address(),
        "HEAD",
        target,
        &[("Accept", ACCEPT), ("Authorization", &known)],
    );
    assert_eq!(reply.header("docker-content-digest"), Some(digest.as_str()));
}

#[test]
fn a_registry_with_token_auth_believes_the_token_server_only() {
    let (server, certificate) = (TokenServer::start(), TokenServer::certificate());
    let realm = server.realm();
    for version in [Version::Two, Version::Three] {
        let registry = Registry::start(version, &server.role(&realm, &certificate));
        let address = registry.address();
        let push = Some(server.grant("repository:team/app:pull,push"));
        let digest = Pusher {
            address: address.clone(),
            authorization: push,
        }
        .image("team/app", "1.0", "a");

        let target = "/v2/team/app/manifests/1.0";
        let refused = ask(&address, "GET", target, &[("Accept", ACCEPT)]);
        let challenge = format!(
            "Bearer realm=\"{realm}\",service=\"test-service\",scope=\"repository:team/app:pull\""
        );
        assert_eq!(
            (refused.status, refused.header("www-authenticate")),
            (401, Some(challenge.as_str()))
        );
        let with = |token: &str| {
            ask(
                &address,
                "HEAD",
                target,
                &[("Accept", ACCEPT), ("Authorization", token)],
            )
        };
        assert_eq!(
            with(&server.grant("repository:team/other:pull")).status,
            401
        );
        let reply = with(&server.grant("repository:team/app:pull"));
        assert_eq!(reply.header("docker-content-digest"), Some(digest.as_str()));
        server.set_lifetime(0);
        assert_eq!(with(&server.grant("repository:team/app:pull")).status, 401);
        server.set_lifetime(60);
    }
}

#[test]
fn a_token_server_gives_what_it_is_asked_for_by_whom_it_knows() {
    let server = TokenServer::start();
    let (_, address) = server
        .realm()
        .split_once("localhost")
        .map(|(a, b)| (a.to_owned(), b.to_owned()))
        .unwrap();
    let address = format!("127.0.0.1{}", address.trim_end_matches("/token"));
    let token = |scope: &str, authorization: &[(&str, &str)]| {
        let reply = ask(
            &address,
            "GET",
            &format!("/token?service=test-service&scope={scope}"),
            authorization,
        );
        let text = String::from_utf8(reply.body).unwrap();
        (
            reply.status,
            text.split('"')
                .find(|word| word.contains('.'))
                .map(claims)
                .unwrap_or_default(),
        )
    };
    let (known, wrong) = (basic(USER.0, USER.1), basic(USER.0, "guess"));
    assert!(
        token("repository:public/app:pull", &[])
            .1
            .contains(r#""actions":["pull"]"#)
    );
    assert!(
        token("repository:team/app:pull", &[])
            .1
            .contains(r#""access":[]"#)
    );
    assert!(
        token(
            "repository:team/app:pull,push",
            &[("Authorization", &known)]
        )
        .1
        .contains(r#"["pull","push"]"#)
    );
    assert_eq!(
        token("repository:team/app:pull", &[("Authorization", &wrong)]),
        (401, String::new())
    );
    let asked: Vec<_> = server
        .asked()
        .iter()
        .map(|asked| (asked.scopes.join(" "), asked.status))
        .collect();
    assert_eq!(asked[0], ("repository:public/app:pull".to_owned(), 200));
    assert_eq!(
        (
            asked.len(),
            asked[3].1,
            server.asked()[2].authorization.as_deref()
        ),
        (4, 401, Some(known.as_str()))
    );
}

/// The middle part of a token, as text.
fn claims(token: &str) -> String {
    let part = token.split('.').nth(1).expect("a token has three parts");
    let bytes = URL_SAFE_NO_PAD.decode(part).expect("its middle is base64");
    String::from_utf8(bytes).expect("and JSON in that")
}

#[test]
fn the_program_starts_with_nothing_of_the_machine() {
    let folder = tempfile::tempdir().unwrap();
    let program = Pintle::new(folder.path(), ["--version"]).env("NO_COLOR", "1");
    assert_eq!(program.home().read_dir().unwrap().count(), 0);
    let output = program.run();
    assert_eq!(
        (output.code, output.stderr.as_str()),
        (Some(0), ""),
        "{}",
        output.stdout
    );
}

#[test]
fn a_git_remote_is_what_was_committed() {
    let mut remote = Remote::from_files(&[("a/main.tf", b"one\r\n")]);
    let first = remote.tip();
    let second = remote.commit("Second\n\nwith a body", &[("b.tf", b"two")]);
    assert_eq!(remote.history(), [second.clone(), first.clone()]);
    assert_eq!(remote.file(&second, "a/main.tf"), b"one\r\n");
    assert_eq!(remote.message(&second), "Second\n\nwith a body\n");
    let amended = remote.amend(&[("b.tf", b"three")]);
    assert_eq!(remote.history(), [amended, first]);
    remote.fsck();

    let folder = tempfile::tempdir().unwrap();
    git(folder.path(), ["clone", "--quiet", &remote.url(), "clone"]);
    assert_eq!(
        read_to_string(folder.path().join("clone/b.tf")).unwrap(),
        "three"
    );

    let copy = Remote::from_directory(std::path::Path::new(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/servers"
    )));
    assert_eq!(
        copy.ask(&["ls-tree", "--name-only", BRANCH]),
        "alertmanager\ndistribution\ngitea\nhelm\nkubernetes\nopentofu\nprometheus"
    );
}

#[test]
fn a_git_host_lets_in_whom_it_should() {
    let mut remote = Remote::from_files(&[("main.tf", b"one")]);
    let folder = tempfile::tempdir().unwrap();
    let open = GitHost::start(&remote.path(), &Access::Open);
    git(folder.path(), ["clone", "--quiet", &open.url(), "open"]);
    let clone = folder.path().join("open");
    assert_eq!(read_to_string(clone.join("main.tf")).unwrap(), "one");
    git(
        &clone,
        ["commit", "--quiet", "--allow-empty", "-m", "Pushed"],
    );
    git(&clone, ["push", "--quiet", "origin", BRANCH]);
    assert_eq!(remote.history().len(), 2);
    remote.commit("Third", &[]);

    let closed = GitHost::start(
        &remote.path(),
        &Access::Basic {
            user: "bob",
            password: "secret",
        },
    );
    let refs = "/repo.git/info/refs?service=git-upload-pack";
    let refused = ask(&closed.address(), "GET", refs, &[]);
    assert_eq!(
        (refused.status, refused.header("www-authenticate")),
        (401, Some("Basic realm=\"git\""))
    );
    let known = basic("bob", "secret");
    assert_eq!(
        ask(&closed.address(), "GET", refs, &[("Authorization", &known)]).status,
        200
    );
    let seen: Vec<_> = closed
        .seen()
        .iter()
        .map(|seen| (seen.authorization.is_some(), seen.status))
        .collect();
    assert_eq!(seen, [(false, 401), (true, 200)]);
    assert_eq!(
        format!("{}{}", closed.seen()[0].method, closed.seen()[0].target),
        format!("GET{refs}")
    );

    let bearer = GitHost::start(&remote.path(), &Access::Bearer { token: "t0ken" });
    assert_eq!(
        ask(
            &bearer.address(),
            "GET",
            refs,
            &[("Authorization", "Bearer t0ken")]
        )
        .status,
        200
    );
    assert_eq!(
        ask(
            &bearer.address(),
            "GET",
            "/other.git/info/refs",
            &[("Authorization", "Bearer t0ken")]
        )
        .status,
        404
    );
}
