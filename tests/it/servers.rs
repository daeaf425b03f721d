//! The servers themselves: that they do what the other tests take for granted, the lies included.

use std::fs::read_to_string;

use crate::support::cmd::Pintle;
use crate::support::git::{BRANCH, Remote, git};
use crate::support::git_host::{Access, GitHost};
use crate::support::http::ask;
use crate::support::images::{ACCEPT, basic};
use crate::support::nginx::Nginx;
use crate::support::registry::{Registry, Role, Version};

#[test]
fn a_registry_names_the_digest_that_was_pushed_and_counts_its_requests() {
    for version in [Version::Two, Version::Three] {
        let mut registry = Registry::start(version, &Role::Plain);
        let index = registry.pusher().index("team/app", "1.0", "a", &["amd64", "arm64"]);
        let single = registry.pusher().image("team/app", "single", "a");
        assert_ne!(index, single);
        assert_eq!(registry.head("team/app", "1.0"), (200, Some(index.clone())));
        assert_eq!(registry.head("team/app", "2.0").0, 404);
        let address = registry.address();
        registry.stop();
        registry.resume();
        assert_eq!(registry.address(), address);
        assert_eq!(registry.head("team/app", "1.0"), (200, Some(index)));
        let heads = registry.requests().iter().filter(|line| line.starts_with("HEAD /v2/team/app/manifests/")).count();
        assert!(heads >= 2, "{version:?}: {:?}", registry.requests());
    }
}

#[test]
fn a_proxy_of_version_two_answers_with_yesterday_when_its_upstream_fails() {
    let upstream = Registry::start(Version::Two, &Role::Plain);
    let gate = Nginx::gate(&upstream.address());
    let url = gate.url();
    let cache = Registry::start(Version::Two, &Role::ProxyOf { url: &url, ttl: None });
    let split = Nginx::split(&cache.address(), &gate.address());
    let old = upstream.pusher().index("team/app", "latest", "old", &["amd64"]);
    assert_eq!(cache.head("team/app", "latest"), (200, Some(old.clone())));

    gate.fault(Some(429));
    let new = upstream.pusher().index("team/app", "latest", "new", &["amd64"]);
    assert_eq!(upstream.head("team/app", "latest"), (200, Some(new.clone())));
    assert_eq!(cache.head("team/app", "latest"), (200, Some(old)));
    assert_eq!(cache.head("team/app", "unseen").0, 404);
    let refused = ask(&split.address(), "HEAD", "/v2/team/app/manifests/latest", &[("Accept", ACCEPT)]);
    assert_eq!((refused.status, refused.header("retry-after")), (429, Some("7")));

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
    let role = Role::Password { user: "bob", password: "secret" };
    let registry = Registry::start(Version::Two, &role);
    let digest = registry.pusher().image("team/app", "1.0", "a");
    let target = "/v2/team/app/manifests/1.0";
    let refused = ask(&registry.address(), "HEAD", target, &[("Accept", ACCEPT)]);
    assert_eq!(refused.status, 401);
    assert!(refused.header("www-authenticate").is_some_and(|value| value.starts_with("Basic ")));
    let known = basic("bob", "secret");
    let reply = ask(&registry.address(), "HEAD", target, &[("Accept", ACCEPT), ("Authorization", &known)]);
    assert_eq!(reply.header("docker-content-digest"), Some(digest.as_str()));
}

#[test]
fn a_registry_with_token_auth_names_its_realm() {
    let folder = tempfile::tempdir().unwrap();
    let certificate = folder.path().join("issuer.pem");
    std::fs::write(&certificate, CERTIFICATE).unwrap();
    let role = Role::Token { realm: "http://localhost:1/token", service: "test-service", issuer: "test-issuer", certificate: &certificate };
    let registry = Registry::start(Version::Two, &role);
    let refused = ask(&registry.address(), "GET", "/v2/team/app/manifests/1.0", &[("Accept", ACCEPT)]);
    let challenge = "Bearer realm=\"http://localhost:1/token\",service=\"test-service\",scope=\"repository:team/app:pull\"";
    assert_eq!((refused.status, refused.header("www-authenticate")), (401, Some(challenge)));
}

#[test]
fn the_program_starts_with_nothing_of_the_machine() {
    let folder = tempfile::tempdir().unwrap();
    let program = Pintle::new(folder.path(), ["--version"]).env("NO_COLOR", "1");
    assert_eq!(program.home().read_dir().unwrap().count(), 0);
    let output = program.run();
    assert_eq!((output.code, output.stderr.as_str()), (Some(0), ""), "{}", output.stdout);
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
    assert_eq!(read_to_string(folder.path().join("clone/b.tf")).unwrap(), "three");

    let copy = Remote::from_directory(std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/servers")));
    assert_eq!(copy.ask(&["ls-tree", "--name-only", BRANCH]), "distribution\nopentofu");
}

#[test]
fn a_git_host_lets_in_whom_it_should() {
    let mut remote = Remote::from_files(&[("main.tf", b"one")]);
    let folder = tempfile::tempdir().unwrap();
    let open = GitHost::start(&remote.path(), &Access::Open);
    git(folder.path(), ["clone", "--quiet", &open.url(), "open"]);
    let clone = folder.path().join("open");
    assert_eq!(read_to_string(clone.join("main.tf")).unwrap(), "one");
    git(&clone, ["commit", "--quiet", "--allow-empty", "-m", "Pushed"]);
    git(&clone, ["push", "--quiet", "origin", BRANCH]);
    assert_eq!(remote.history().len(), 2);
    remote.commit("Third", &[]);

    let closed = GitHost::start(&remote.path(), &Access::Basic { user: "bob", password: "secret" });
    let refs = "/repo.git/info/refs?service=git-upload-pack";
    let refused = ask(&closed.address(), "GET", refs, &[]);
    assert_eq!((refused.status, refused.header("www-authenticate")), (401, Some("Basic realm=\"git\"")));
    let known = basic("bob", "secret");
    assert_eq!(ask(&closed.address(), "GET", refs, &[("Authorization", &known)]).status, 200);
    let seen: Vec<_> = closed.seen().iter().map(|seen| (seen.authorization.is_some(), seen.status)).collect();
    assert_eq!(seen, [(false, 401), (true, 200)]);
    assert_eq!(format!("{}{}", closed.seen()[0].method, closed.seen()[0].target), format!("GET{refs}"));

    let bearer = GitHost::start(&remote.path(), &Access::Bearer { token: "t0ken" });
    assert_eq!(ask(&bearer.address(), "GET", refs, &[("Authorization", "Bearer t0ken")]).status, 200);
    assert_eq!(ask(&bearer.address(), "GET", "/other.git/info/refs", &[("Authorization", "Bearer t0ken")]).status, 404);
}

/// Any certificate will do: nothing is signed with it.
const CERTIFICATE: &str = "\
-----BEGIN CERTIFICATE-----
MIIDDTCCAfWgAwIBAgIUJCan3n3V+eQZi74lsMq/RDCLozYwDQYJKoZIhvcNAQEL
BQAwFjEUMBIGA1UEAwwLdGVzdC1pc3N1ZXIwHhcNMjYxMTIyMTMxOTQwWhcNNDYx
MTE3MTMxOTQwWjAWMRQwEgYDVQQDDAt0ZXN0LWlzc3VlcjCCASIwDQYJKoZIhvcN
AQEBBQADggEPADCCAQoCggEBAKLmvVhMPf089ZWhEyxfL5umTy/b+EGVHrjqYyY9
bThC0BjxTQgsep9lBQMoZmR2YULXrtkAla4YC9EWxKkp0h+w7Klxo9u2pAhjCEn6
ge8jtmdFEAeWfx/uCr7ck/9XIeTh6z7Joh9lSWd1DmsNBa4IDWspIPzqkzuoH0Fv
Rl/VykGzzx3Pay3KQ3Ycsq+t1obJnOLGLer6AqzMiUnHJDksivj7uUfvETX0H3iE
7mKZirOlO+l1eVznEEGLMsCZxxOer2BaAAcGIeUBngGagOhsZKDLPM0tzYgLQCna
MASn3TQbKKzqLkBPK1KeGKnyrcmPBB8ilvHNyEavrowvKs8CAwEAAaNTMFEwHQYD
VR0OBBYEFB8aJeWV6alNP8n9Uh2R/tAODQc0MB8GA1UdIwQYMBaAFB8aJeWV6alN
P8n9Uh2R/tAODQc0MA8GA1UdEwEB/wQFMAMBAf8wDQYJKoZIhvcNAQELBQADggEB
AJ0X2RsDp5xgg4yaB2fTrkKsTmi6+vWcwADoDpNLBPJtfRgYJSp65E03M9EK+1Ky
eG8TCAwYlEbPj81iDPwve/VPWdh51DMMeyJabobTWa07DItjsyZ3OHgd9Kf7bQut
9Xa6mmGAzNxYVV2e/2PP8CL5qcnRYDrvDfmKRUt5y9an/mdKbuM10cMVOIsGSlqr
BiW/6eKtrtdL0bGEkAjqQ4k0kJlAuKSKDpkyjU8bgRel69Ss0xR4x1fJDMVCPFJF
Zvt4xJSQsqwpqpzhYcl/a9Ti/+BPf59qXDLB6mExwa0t5TtgfEibpHDK+17uSBIb
yxuaNftd3/jN/tx0mjSpwAg=
-----END CERTIFICATE-----
";
