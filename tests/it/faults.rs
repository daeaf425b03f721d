//! Registries that fail, and what `sync` makes of it: nothing is pinned from a failure, the other
//! sites go on, no credential leaves the registry it belongs to, and a later run does the rest.

use std::fs;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use pintle::demo::registry::{DemoRegistry, Fault, FaultKind, PullAccess, RunningRegistry};
use tokio::runtime::Runtime;

use crate::support::cmd::Output;
use crate::support::git::BRANCH;
use crate::support::line::{Line, path};

const SICK: &str = "quay.io/team/sick:latest";
const WELL: &str = "ghcr.io/team/well:latest";
const KEY: &str = "stacks/sick/main.tf#kubernetes_deployment.sick/container[sick].image";
const USER: &str = "robot";
const PASSWORD: &str = "s3cret-of-the-registry";

/// Two stacks, each with an image of its own registry.
fn line() -> Line {
    Line::of_stacks(&[("sick", SICK), ("well", WELL)], "")
}

fn of(kind: FaultKind) -> Fault {
    Fault::of("quay.io", kind)
}

fn status(code: u16) -> Fault {
    of(FaultKind::Status {
        code,
        retry_after: None,
    })
}

fn sync(line: &Line) -> Output {
    line.run("sync", &["--registry-timeout", "1"])
}

/// The sick registry's site is left as it is and named, the other is pinned; once the registry is
/// well the rest is pinned too.
fn only_the_others_go_on(line: &Line, fault: Fault, sentence: &str) {
    let (sick, well) = (
        line.registries.put(SICK, "first"),
        line.registries.put(WELL, "first"),
    );
    let before = line.text("sick");
    line.registries.registry.fail(fault.clone());
    let output = sync(line);
    assert_eq!(output.code, Some(3), "{fault:?} {output:?}");
    let named = output
        .stderr
        .lines()
        .find(|line| line.starts_with(&format!("unknown: {KEY}: ")));
    assert!(
        named.is_some_and(|line| line.contains(sentence)),
        "{fault:?}: want {sentence:?} in {}",
        output.stderr
    );
    assert_eq!(line.text("sick"), before, "{fault:?}");
    assert!(
        line.text("well").contains(&format!("{WELL}@{well}\"")),
        "{fault:?}"
    );
    assert_eq!(line.remote.history().len(), 2);

    line.registries.registry.heal();
    let healed = sync(line);
    assert_eq!(healed.code, Some(0), "{fault:?} {healed:?}");
    assert_eq!(
        line.text("sick"),
        before.replace(SICK, &format!("{SICK}@{sick}")),
        "{fault:?}"
    );
    assert_eq!(line.remote.history().len(), 3);
}

/// A pin that is there stays where it is while upstream cannot be asked, and moves afterwards.
fn a_pin_stays(line: &Line, fault: Fault) {
    line.sync();
    let (tip, text) = (line.remote.tip(), line.text("sick"));
    let moved = line.registries.put(SICK, "second");
    line.registries.registry.fail(fault.clone());
    let output = sync(line);
    assert_eq!(
        (output.code, output.stdout.as_str()),
        (Some(3), ""),
        "{fault:?} {output:?}"
    );
    assert_eq!(
        (line.remote.tip(), line.text("sick")),
        (tip, text),
        "{fault:?}"
    );
    line.registries.registry.heal();
    assert_eq!(sync(line).code, Some(0), "{fault:?}");
    assert!(line.text("sick").contains(&moved), "{fault:?}");
}

fn holds_back(fault: Fault, sentence: &str) {
    only_the_others_go_on(&line(), fault.clone(), sentence);
    a_pin_stays(&line(), fault);
}

#[test]
fn a_registry_that_asks_to_wait_is_not_asked_again() {
    let fault = of(FaultKind::Status {
        code: 429,
        retry_after: Some("3600".to_owned()),
    });
    holds_back(fault.clone(), "registry quay.io asked to wait until ");
    let line = Line::of_stacks(
        &[
            ("sick", SICK),
            ("more", "quay.io/team/more:latest"),
            ("well", WELL),
        ],
        "",
    );
    line.registries.registry.fail(fault);
    line.registries.registry.reset_counts();
    let output = sync(&line);
    assert_eq!(output.code, Some(3), "{output:?}");
    assert_eq!(
        output.stderr.matches("asked to wait").count(),
        2,
        "{}",
        output.stderr
    );
    let counts = line.registries.registry.counts("quay.io");
    assert!(counts.heads <= 2 && counts.gets == 0, "{counts:?}");
}

#[test]
fn a_short_wait_is_waited_for() {
    let line = Line::of_stacks(
        &[
            ("one", "quay.io/team/one:latest"),
            ("two", "quay.io/team/two:latest"),
        ],
        "",
    );
    line.registries.registry.fail(
        of(FaultKind::Status {
            code: 429,
            retry_after: Some("1".to_owned()),
        })
        .times(1),
    );
    let output = sync(&line);
    assert_eq!(
        (output.code, output.stdout.lines().count()),
        (Some(0), 2),
        "the one that is refused waits as well: {output:?}"
    );
    assert!(
        ["one", "two"]
            .iter()
            .all(|name| line.text(name).contains("@sha256:"))
    );
}

#[test]
fn a_registry_that_answers_500_is_believed_nothing() {
    holds_back(
        status(500),
        "quay.io answered 500 for quay.io/team/sick:latest",
    );
    holds_back(
        status(503),
        "quay.io answered 503 for quay.io/team/sick:latest",
    );
}

#[test]
fn a_registry_that_breaks_the_connection_is_believed_nothing() {
    holds_back(of(FaultKind::Drop), "cannot reach quay.io: ");
}

#[test]
fn a_registry_that_does_not_answer_in_time_is_believed_nothing() {
    holds_back(
        of(FaultKind::Slow),
        "quay.io did not answer within 1s for quay.io/team/sick:latest",
    );
}

#[test]
fn a_manifest_that_does_not_come_to_its_end_is_not_pinned() {
    let line = line();
    let digest = line.registries.put(SICK, "first");
    only_the_others_go_on(
        &line,
        of(FaultKind::Slow).reference(&digest),
        "did not answer within 1s",
    );
}

#[test]
fn a_digest_that_is_none_is_not_pinned() {
    holds_back(
        of(FaultKind::Digest("sha256:what".to_owned())),
        "quay.io names `sha256:what` as digest",
    );
}

#[test]
fn a_digest_that_nobody_serves_is_not_pinned() {
    let wrong = format!("sha256:{}", "5a".repeat(32));
    let text = line();
    only_the_others_go_on(
        &text,
        of(FaultKind::Digest(wrong.clone())),
        &format!("digest {} could not be fetched", &wrong[7..19]),
    );
    a_pin_stays(&line(), of(FaultKind::Digest(wrong)));
}

#[test]
fn bytes_that_are_not_what_the_digest_says_are_not_pinned() {
    holds_back(
        of(FaultKind::OtherBytes),
        "sent bytes for quay.io/team/sick@sha256:",
    );
}

#[test]
fn a_missing_digest_is_made_from_the_bytes() {
    let line = line();
    line.registries.registry.fail(of(FaultKind::NoDigest));
    let sick = line.registries.put(SICK, "first");
    line.sync();
    assert!(line.text("sick").contains(&format!("{SICK}@{sick}\"")));
    let counts = line.registries.registry.counts("quay.io");
    assert_eq!(
        (counts.heads, counts.gets),
        (3, 3),
        "a HEAD and a GET in its place, of the index and of each of its two manifests"
    );
}

#[test]
fn a_tag_that_is_not_there_is_not_pinned_and_is_no_outage() {
    let line = line();
    let (sick, before) = (line.registries.put(SICK, "first"), line.text("sick"));
    line.registries.registry.fail(status(404));
    let output = sync(&line);
    assert_eq!(
        output.code,
        Some(0),
        "trying again does not help: {output:?}"
    );
    assert!(output.stderr.contains("1 blocked"), "{}", output.stderr);
    assert_eq!(line.text("sick"), before);
    assert!(line.text("well").contains("@sha256:"));
    let plan = line.plan();
    let site = plan["sites"]
        .as_array()
        .unwrap()
        .iter()
        .find(|site| site["site"] == KEY)
        .unwrap();
    assert_eq!(site["verdict"], "blocked");
    assert_eq!(site["reasons"][0]["code"], "tag-missing");
    line.registries.registry.heal();
    line.sync();
    assert!(line.text("sick").contains(&sick));
}

/// Makes the sick registry's repository private, known to one user, and writes the docker config
/// that has the password.
fn make_private(line: &Line, access: PullAccess) -> String {
    let registry = &line.registries.registry;
    registry.set_access("quay.io", access);
    registry.add_user("quay.io", USER, PASSWORD);
    registry.make_private("quay.io", "team/sick");
    let auth = STANDARD.encode(format!("{USER}:{PASSWORD}"));
    let file = line.clones().join("docker.json");
    fs::write(
        &file,
        format!(
            "{{\"auths\": {{\"{}\": {{\"auth\": \"{auth}\"}}}}}}",
            line.registries.credential_key("quay.io")
        ),
    )
    .expect("it can be written");
    file.display().to_string()
}

#[test]
fn a_private_image_needs_credentials_and_is_pinned_with_them() {
    for access in [
        PullAccess::Basic,
        PullAccess::Token {
            expires_in: Some(300),
        },
    ] {
        let line = line();
        let config = make_private(&line, access.clone());
        let without = sync(&line);
        assert_eq!(without.code, Some(3), "{access:?} {without:?}");
        assert!(line.text("well").contains("@sha256:") && !line.text("sick").contains("@sha256:"));
        let with = line.run("sync", &["--docker-config", &config]);
        assert_eq!(with.code, Some(0), "{access:?} {with:?}");
        assert!(line.text("sick").contains("@sha256:"));
        let others = line
            .registries
            .registry
            .requests()
            .into_iter()
            .filter(|seen| !seen.path.starts_with("/quay.io/"));
        assert!(
            others.into_iter().all(|seen| seen.authorization.is_none()),
            "{access:?}"
        );
    }
}

#[test]
fn a_token_that_is_refused_is_renewed_once_and_then_believed() {
    let line = line();
    let config = make_private(
        &line,
        PullAccess::Token {
            expires_in: Some(300),
        },
    );
    line.registries.registry.fail(of(FaultKind::ExpiredToken));
    line.registries.registry.reset_counts();
    let output = line.run("sync", &["--docker-config", &config]);
    assert_eq!(output.code, Some(3), "{output:?}");
    assert!(
        output.stderr.contains(&format!("unknown: {KEY}: ")),
        "{}",
        output.stderr
    );
    assert!(
        output.stderr.contains("quay.io answered 401 for"),
        "{}",
        output.stderr
    );
    let counts = line.registries.registry.counts("quay.io");
    assert!(
        counts.tokens.values().all(|given| *given <= 2) && counts.heads <= 4 && counts.gets == 0,
        "{counts:?}"
    );
    assert!(line.text("well").contains("@sha256:") && !line.text("sick").contains("@sha256:"));
    line.registries.registry.heal();
    let healed = line.run("sync", &["--docker-config", &config]);
    assert_eq!(healed.code, Some(0), "{healed:?}");
    assert!(line.text("sick").contains("@sha256:"));
}

#[test]
fn a_token_endpoint_that_fails_fails_its_registry_only() {
    let line = line();
    line.registries
        .registry
        .set_access("quay.io", PullAccess::Token { expires_in: None });
    only_the_others_go_on(
        &line,
        status(500).at_token(),
        "gave no token for repository:team/sick:pull of quay.io: it answered 500",
    );
}

/// Another registry in this process, which has the same image and is nobody's to ask.
fn elsewhere() -> (DemoRegistry, RunningRegistry, Runtime) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime");
    let registry = DemoRegistry::new();
    let image = pintle::demo::registry::DemoImage::new("team/sick", "latest", "elsewhere");
    registry.put_image("quay.io", &image);
    let running = runtime
        .block_on(registry.start())
        .expect("loopback has a free port");
    (registry, running, runtime)
}

#[test]
fn a_redirect_to_another_host_is_asked_without_credentials_and_pins_nothing_that_is_not_there() {
    for access in [
        PullAccess::Open,
        PullAccess::Basic,
        PullAccess::Token {
            expires_in: Some(300),
        },
    ] {
        let (other, running, _runtime) = elsewhere();
        let address = running.addr();
        let line = line();
        let (config, before) = (make_private(&line, access.clone()), line.text("sick"));
        let redirect = |to: &str| {
            line.registries.registry.heal();
            line.registries
                .registry
                .fail(of(FaultKind::Redirect(to.to_owned())));
            let output = line.run(
                "sync",
                &["--docker-config", &config, "--registry-timeout", "5"],
            );
            assert_eq!(line.text("sick"), before);
            output.stderr
        };
        let plain = redirect("http://other.example.com/v2/team/sick/manifests/latest");
        let sentence = "quay.io redirects quay.io/team/sick:latest to other.example.com, \
                        which is not followed: it is not encrypted";
        assert!(
            plain.contains(sentence) && plain.contains(&format!("unknown: {KEY}: ")),
            "{plain}"
        );
        // Only over loopback, as here, is http good enough. It has no such repository.
        other.reset_counts();
        redirect(&format!("http://{address}/v2/team/sick/manifests/latest"));
        let requests = other.requests();
        assert!(!requests.is_empty());
        assert!(
            requests.iter().all(|seen| seen.authorization.is_none()),
            "{requests:?}"
        );
        assert!(line.text("well").contains("@sha256:"));
        line.registries.registry.heal();
        assert_eq!(
            line.run("sync", &["--docker-config", &config]).code,
            Some(0)
        );
        assert!(line.text("sick").contains("@sha256:"));
    }
}

#[test]
fn what_is_configured_elsewhere_is_asked_there_and_nowhere_else() {
    let line = line();
    let (registry, running, _runtime) = elsewhere();
    let digest = registry.tags("quay.io")["team/sick"]["latest"].clone();
    line.registries.registry.reset_counts();
    let endpoint = format!("quay.io={}", running.endpoint("quay.io"));
    let output = line.run("sync", &["--registry", &endpoint]);
    assert_eq!(output.code, Some(0), "{output:?}");
    assert!(
        line.remote
            .file(BRANCH, &path("sick"))
            .windows(digest.len())
            .any(|part| part == digest.as_bytes())
    );
    assert_eq!(line.registries.registry.counts("quay.io").heads, 0);
    assert!(
        registry
            .requests()
            .iter()
            .all(|seen| seen.path.starts_with("/quay.io/v2/team/sick/"))
    );
}

#[test]
fn a_cache_that_fails_holds_up_nothing() {
    let line = line();
    let registry = &line.registries.registry;
    registry.fail(Fault::of(
        "cache",
        FaultKind::Status {
            code: 500,
            retry_after: None,
        },
    ));
    registry.tag(
        "cache",
        "team/sick",
        "latest",
        &pintle::model::digest::Digest::parse(&format!("sha256:{}", "0".repeat(64))).unwrap(),
    );
    let cache = format!("quay.io={}", line.registries.endpoint("cache"));
    let output = line.run("sync", &["--cache", &cache]);
    assert_eq!(output.code, Some(0), "{output:?}");
    assert!(line.text("sick").contains("@sha256:"));
}
