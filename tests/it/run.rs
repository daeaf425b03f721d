//! `run` as a whole: the built program, a remote and registries with state, signed webhooks,
//! signals. It waits for log lines and answers.

use std::fs;
use std::io::Read;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use pintle::demo::registry::{DemoRegistry, Fault, FaultKind};
use serde_json::Value;

use crate::support::cmd::Pintle;
use crate::support::daemon::{Daemon, Hook, probe};
use crate::support::http::request;
use crate::support::line::{Line, clones, path, stack};

const IMAGE: &str = "quay.io/team/app:latest";
const TOKEN: &str = "s3cret-of-the-remote";
const SECRET: &str = "s3cret-of-the-hooks";
const BODY: &str =
    r#"{"ref":"refs/heads/main","after":"0000000000000000000000000000000000000000"}"#;

/// A run that nothing but a webhook wakes.
fn sleepy(line: &Line, more: &[&str]) -> Pintle {
    let args = [
        &[
            "--every",
            "1h",
            "--listen",
            "127.0.0.1:0",
            "--log-format",
            "json",
        ],
        more,
    ]
    .concat();
    line.pintle("run", &args)
        .env("PINTLE_WEBHOOK_SECRET", SECRET)
}

fn push() -> Hook {
    Hook::signed(SECRET, "push", BODY)
}

/// The webhook of an image that was pushed, which does not say which: all registries are asked.
fn image_pushed() -> Hook {
    Hook::signed(SECRET, "package", "{}")
}

fn of(trigger: &str, commits: u64) -> (String, Result<u64, String>) {
    (trigger.to_owned(), Ok(commits))
}

#[test]
fn a_signed_webhook_wakes_and_the_moved_tag_is_committed() {
    let line = Line::of_stacks(&[("app", IMAGE)], "");
    let host = line.host(TOKEN);
    let args = [
        "--every",
        "1h",
        "--listen",
        "127.0.0.1:0",
        "--log-format",
        "json",
        "-v",
    ];
    let run = line.pintle_at(&host.url(), line.clones(), "run", &args);
    let mut run = Daemon::start(
        run.env("PINTLE_TOKEN", TOKEN)
            .env("PINTLE_WEBHOOK_SECRET", SECRET),
    );
    let address = run.address();
    assert_eq!(run.pass(), of("start", 1));
    assert_eq!(probe(&address, "/readyz"), (200, "ok\n".into()));
    assert_eq!(probe(&address, "/healthz"), (200, "ok\n".into()));

    let moved = line.registries.put(IMAGE, "second");
    let hook = image_pushed();
    assert_eq!(hook.send(&address).status, 202);
    assert_eq!(run.pass(), of("package", 1));
    assert!(line.text("app").contains(&moved));

    let before = line.refs();
    assert_eq!(hook.send(&address).status, 202);
    assert_eq!(run.pass(), of("package", 0));
    assert_eq!(line.refs(), before, "a replay finds nothing to do");

    let log = run.stop();
    for secret in [TOKEN, SECRET, hook.signature.as_str()] {
        assert!(!log.contains(secret), "{log}");
    }
    assert!(!log.contains("panicked"), "{log}");
    line.remote.fsck();
}

#[test]
fn an_entry_that_matches_nothing_is_logged_once() {
    let line = Line::of_stacks(
        &[("app", IMAGE)],
        "\n[[hold]]\nimage = \"postgres*\"\nbecause = \"x\"\n",
    );
    let mut run = Daemon::start(sleepy(&line, &[]));
    let address = run.address();
    let told = run.says("[[hold]] 1 matches nothing: ");
    assert_eq!(
        told["message"].as_str(),
        Some("[[hold]] 1 matches nothing: no site has image `postgres*`")
    );
    assert_eq!(run.pass(), of("start", 1));
    assert_eq!(push().send(&address).status, 202);
    assert_eq!(run.pass(), of("push", 0));
    assert_eq!(run.stop().matches("matches nothing").count(), 1);
}

#[test]
fn a_clone_that_loses_objects_between_two_passes_is_made_anew() {
    let line = Line::of_stacks(&[("app", IMAGE)], "");
    let mut run = Daemon::start(sleepy(&line, &[]));
    let address = run.address();
    assert_eq!(run.pass(), of("start", 1));
    // The pass after reads what the first one pushed; from then on the branch stays where it is,
    // and is not read again.
    assert_eq!(push().send(&address).status, 202);
    assert_eq!(run.pass(), of("push", 0));
    let clone = fs::read_dir(line.clones())
        .unwrap()
        .flatten()
        .map(|one| one.path())
        .find(|path| path.join("HEAD").exists())
        .unwrap();
    let lost = Command::new("find")
        .arg(clone.join("objects"))
        .args(["-type", "f", "-delete", "-print"])
        .output()
        .unwrap();
    assert!(lost.stdout.iter().filter(|byte| **byte == b'\n').count() > 0);
    let moved = line.registries.put(IMAGE, "second");
    assert_eq!(image_pushed().send(&address).status, 202);
    let written = loop {
        match run.pass() {
            (_, Ok(0)) => {}
            (trigger, Ok(commits)) => break (trigger, commits),
            (_, Err(why)) => assert!(
                why.contains("clone") || why.contains("cannot read"),
                "{why}"
            ),
        }
    };
    assert!(
        matches!(&written, (trigger, 1) if trigger == "package" || trigger == "retry"),
        "{written:?}"
    );
    assert!(line.text("app").contains(&moved));
    run.stop();
    line.remote.fsck();
}

#[test]
fn whoever_does_not_know_the_secret_wakes_nobody() {
    let line = Line::of_stacks(&[("app", IMAGE)], "");
    let mut run = Daemon::start(sleepy(&line, &[]));
    let address = run.address();
    assert_eq!(run.pass(), of("start", 1));
    line.registries.put(IMAGE, "second");
    let right = Hook {
        event: "status",
        ..push()
    };
    let half = right.signature[..32].to_owned();
    for (wrong, want) in [
        (
            Hook {
                signature: String::new(),
                ..right.clone()
            },
            401,
        ),
        (
            Hook {
                signature: half,
                ..right.clone()
            },
            401,
        ),
        (
            Hook {
                signature: "0".repeat(64),
                ..right.clone()
            },
            401,
        ),
        (
            Hook {
                body: b"{}".to_vec(),
                ..right.clone()
            },
            401,
        ),
        (
            Hook {
                event: "status",
                ..Hook::signed("another secret", "status", BODY)
            },
            401,
        ),
        (
            Hook {
                event: "release",
                ..right.clone()
            },
            204,
        ),
    ] {
        assert_eq!(wrong.send(&address).status, want, "{wrong:?}");
    }
    let unsigned = request(
        &address,
        "POST",
        "/hooks/forgejo",
        &[("X-Gitea-Event", "status")],
        BODY.as_bytes(),
    )
    .unwrap();
    assert_eq!(
        (unsigned.status, unsigned.body.as_slice()),
        (401, &b"not signed with the secret\n"[..])
    );
    for (method, target, want) in [
        ("GET", "/hooks/forgejo", 405),
        ("POST", "/hooks/other", 404),
        ("GET", "/", 404),
    ] {
        assert_eq!(
            request(&address, method, target, &[], b"").unwrap().status,
            want,
            "{method} {target}"
        );
    }
    assert_eq!(image_pushed().send(&address).status, 202);
    assert_eq!(
        run.pass(),
        of("package", 1),
        "the first pass since the start, and of this hook alone"
    );
    let log = run.stop();
    assert!(
        (1..6).contains(&log.matches("a webhook was refused").count()),
        "told once a minute at most: {log}"
    );
}

#[test]
fn a_body_over_the_limit_is_refused() {
    let line = Line::of_stacks(&[("app", IMAGE)], "");
    let mut run = Daemon::start(sleepy(&line, &[]));
    let address = run.address();
    let mut stream = std::net::TcpStream::connect(&address).unwrap();
    let head = format!(
        "POST /hooks/forgejo HTTP/1.1\r\nHost: {address}\r\nContent-Length: 1048577\r\n\r\n"
    );
    std::io::Write::write_all(&mut stream, head.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    run.stop();
}

#[test]
fn without_a_secret_it_polls() {
    let line = Line::of_stacks(&[("app", IMAGE)], "");
    let args = [
        "--every",
        "1s",
        "--listen",
        "127.0.0.1:0",
        "--log-format",
        "json",
    ];
    let mut run = Daemon::start(line.pintle("run", &args));
    let address = run.address();
    run.says("polling alone: no webhook secret");
    assert_eq!(run.pass(), of("start", 1));
    assert_eq!(push().send(&address).status, 403);
    line.registries.put(IMAGE, "second");
    while run.pass() != of("timer", 1) {}
    run.stop();

    let mut run = Daemon::start(line.pintle("run", &["--listen", "off", "--log-format", "json"]));
    run.says("polling alone: nothing listens");
    assert_eq!(run.pass(), of("start", 0));
    run.stop();
}

#[test]
fn a_remote_that_is_away_for_a_while_is_waited_for() {
    let line = Line::of_stacks(&[("app", IMAGE)], "");
    let (here, away) = (
        line.remote.path(),
        line.remote.path().with_extension("away"),
    );
    fs::rename(&here, &away).unwrap();
    let folder = clones();
    let args = [
        "run",
        "--remote",
        here.to_str().unwrap(),
        "--cache-dir",
        line.clones().to_str().unwrap(),
    ];
    let run = Pintle::new(
        folder.path(),
        args.iter().chain(&[
            "--every",
            "1h",
            "--listen",
            "127.0.0.1:0",
            "--log-format",
            "json",
        ]),
    );
    let mut run = Daemon::start(run.env("PINTLE_WEBHOOK_SECRET", SECRET));
    let address = run.address();
    let (trigger, failed) = run.pass();
    assert_eq!(trigger, "start");
    assert!(failed.is_err());
    let (status, why) = probe(&address, "/readyz");
    assert_eq!((status, why.lines().count()), (503, 1), "{why}");
    assert_eq!(probe(&address, "/healthz").0, 200, "the loop is well");
    fs::rename(&away, &here).unwrap();
    assert_eq!(push().send(&address).status, 202);
    while run.pass().1 != Ok(1) {}
    assert_eq!(probe(&address, "/readyz"), (200, "ok\n".into()));
    assert!(line.text("app").contains("@sha256:"));
    run.stop();
}

#[test]
fn a_broken_configuration_waits_for_a_push() {
    let mut line = Line::of_stacks(&[("app", IMAGE)], "");
    let config = line.registries.config();
    line.remote.commit(
        "Break it",
        &[("pintle.toml", b"[defaults]\nsettel = \"0s\"\n")],
    );
    let mut run = Daemon::start(sleepy(&line, &[]));
    let address = run.address();
    let (trigger, failed) = run.pass();
    assert!(
        trigger == "start"
            && failed
                .clone()
                .is_err_and(|error| error.contains("pintle.toml")),
        "{failed:?}"
    );
    assert_eq!(probe(&address, "/readyz").0, 503);
    line.remote
        .commit("Mend it", &[("pintle.toml", config.as_bytes())]);
    push().send(&address);
    assert_eq!(run.pass(), of("push", 1));
    run.stop();
}

#[test]
fn a_pass_that_asks_a_slow_registry_is_abandoned() {
    let image = "registry.example.org/team/app:latest";
    let line = Line::new(&[(&path("app"), stack("app", &[image]).as_bytes())], "");
    let slow = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("registry.example.org=http://{}", slow.local_addr().unwrap());
    let run = Daemon::start(sleepy(
        &line,
        &["--registry", &endpoint, "--registry-timeout", "3600"],
    ));
    let (mut asked, _) = slow.accept().unwrap();
    asked.read_exact(&mut [0; 4]).unwrap();
    let before = line.refs();
    let log = run.stop();
    assert!(log.contains("the pass under way was abandoned"), "{log}");
    assert_eq!(line.refs(), before);
}

#[test]
fn what_stays_wrong_is_told_once_and_again_when_it_comes_back() {
    let line = Line::of_stacks(&[("app", IMAGE), ("well", "ghcr.io/team/well:latest")], "");
    let fault = Fault::of(
        "quay.io",
        FaultKind::Status {
            code: 500,
            retry_after: None,
        },
    );
    let mut run = Daemon::start(sleepy(&line, &[]));
    let address = run.address();
    let next = |run: &mut Daemon, commits| {
        image_pushed().send(&address);
        assert_eq!(run.pass(), of("package", commits));
    };
    assert_eq!(run.pass(), of("start", 2));
    line.registries.registry.fail(fault.clone());
    next(&mut run, 0);
    next(&mut run, 0);
    line.registries.registry.heal();
    next(&mut run, 0);
    line.registries.registry.fail(fault);
    next(&mut run, 0);
    let log = run.stop();
    let told = log
        .lines()
        .filter(|line| line.contains("unknown: stacks/app/main.tf#") && line.contains("WARN"))
        .count();
    assert_eq!(
        (
            told,
            log.matches(r#""unknown":1"#).count(),
            log.matches(r#""unknown":0"#).count()
        ),
        (2, 3, 2),
        "{log}"
    );
}

#[test]
fn the_log_says_what_runs_and_numbers_each_pass() {
    let line = Line::of_stacks(&[("app", IMAGE)], "");
    let mut run = Daemon::start(sleepy(&line, &["-v"]));
    let address = run.address();
    assert_eq!(run.pass(), of("start", 1));
    assert_eq!(push().send(&address).status, 202);
    assert_eq!(run.pass(), of("push", 0));
    let log = run.stop();
    let lines: Vec<Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let first = &lines[0]["fields"];
    assert_eq!(first["message"], "starting", "{log}");
    assert_eq!(first["version"], env!("CARGO_PKG_VERSION"));
    for (field, value) in [("forge", "none"), ("cluster", "none")] {
        assert_eq!(first[field], value, "{log}");
    }
    assert_eq!(first["every_seconds"], 3600);
    assert!(
        first["remote"].is_string() && first["branch"].is_string(),
        "{log}"
    );
    // From the start of a pass to its end each line has its number.
    let message = |line: &Value| {
        line["fields"]["message"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    let (mut number, mut numbered) = (None, 0);
    for line in &lines {
        if message(line) == "a pass starts" {
            number = line["span"]["id"].as_u64();
            assert!(number.is_some(), "{line}");
        }
        if let Some(number) = number {
            numbered += 1;
            assert_eq!(line["span"]["id"], number, "{line}");
        }
        if message(line) == "pass" {
            number = None;
        }
    }
    assert!(numbered >= 6, "{log}");
    let took = |line: &&Value| message(line) == "what the pass took";
    let took: Vec<&Value> = lines.iter().filter(took).collect();
    assert_eq!(took.len(), 2, "{log}");
    let text = |line: &Value, field: &str| {
        line["fields"][field]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    assert!(
        text(took[0], "stages").starts_with("fetching the repo "),
        "{log}"
    );
    assert!(text(took[0], "requests").contains("127.0.0.1:"), "{log}");
    assert_eq!(
        text(took[1], "requests"),
        "",
        "a push asks no registry: {log}"
    );
}

#[test]
fn a_registry_that_wants_to_be_left_alone_is_one_line() {
    let images: Vec<String> = (0..6)
        .map(|at| format!("quay.io/team/app-{at}:latest"))
        .collect();
    let stacks: Vec<(String, &str)> = images
        .iter()
        .enumerate()
        .map(|(at, image)| (format!("app-{at}"), image.as_str()))
        .collect();
    let stacks: Vec<(&str, &str)> = stacks
        .iter()
        .map(|(name, image)| (name.as_str(), *image))
        .collect();
    let line = Line::of_stacks(&stacks, "");
    let mut run = Daemon::start(sleepy(&line, &[]));
    let address = run.address();
    assert_eq!(run.pass(), of("start", 6));
    let fault = FaultKind::Status {
        code: 429,
        retry_after: Some("600".into()),
    };
    line.registries.registry.fail(Fault::of("quay.io", fault));
    for _ in 0..3 {
        assert_eq!(image_pushed().send(&address).status, 202);
        assert_eq!(run.pass(), of("package", 0));
    }
    let log = run.stop();
    let unknown: Vec<&str> = log
        .lines()
        .filter(|line| line.contains("unknown: "))
        .collect();
    assert_eq!(unknown.len(), 1, "{log}");
    assert!(
        unknown[0].contains("6 images: registry quay.io asked to wait"),
        "{log}"
    );
    assert_eq!(log.matches("too many requests").count(), 1, "{log}");
}

#[test]
fn a_webhook_asks_registries_for_what_it_names_only() {
    let line = Line::of_stacks(&[("app", IMAGE), ("well", "ghcr.io/team/well:latest")], "");
    let mut run = Daemon::start(sleepy(&line, &[]));
    let address = run.address();
    assert_eq!(run.pass(), of("start", 2));
    let registry = &line.registries.registry;
    let tags_asked = |registry: &DemoRegistry| {
        let requests = registry.requests();
        ["team/app", "team/well", "team/new"].map(|name| {
            let end = format!("{name}/manifests/latest");
            let heads = requests.iter().filter(|seen| seen.method == "HEAD");
            heads.filter(|seen| seen.path.ends_with(&end)).count()
        })
    };
    let package = |name: &str, version: &str| {
        let body = format!(
            r#"{{"action":"created","package":{{"type":"container","owner":{{"login":"Team"}},"name":"{name}","version":"{version}"}}}}"#
        );
        Hook::signed(SECRET, "package", &body)
    };
    registry.reset_counts();
    line.registries.put("ghcr.io/team/well:latest", "second");
    let moved = line.registries.put(IMAGE, "second");
    // Another branch: nobody is woken, so that the next pass is for the image.
    let other = Hook::signed(SECRET, "push", r#"{"ref":"refs/heads/other"}"#);
    assert_eq!(other.send(&address).status, 204);
    let child = format!("sha256:{}", "ab".repeat(32));
    assert_eq!(package("app", &child).send(&address).status, 204);
    assert_eq!(package("app", "latest").send(&address).status, 202);
    assert_eq!(run.pass(), of("package", 1));
    assert!(line.text("app").contains(&moved));
    assert_eq!(tags_asked(registry), [1, 0, 0]);
    // An image that the repo does not name, and a push to the followed branch.
    registry.reset_counts();
    assert_eq!(package("other", "latest").send(&address).status, 202);
    assert_eq!(run.pass(), of("package", 0));
    assert_eq!(push().send(&address).status, 202);
    assert_eq!(run.pass(), of("push", 0));
    assert_eq!(tags_asked(registry), [0, 0, 0]);
    // What is new in the repo is asked for.
    let mut line = line;
    line.registries.put("ghcr.io/team/new:latest", "first");
    let new = stack("new", &["ghcr.io/team/new:latest"]);
    line.remote
        .commit("One more", &[(&path("new"), new.as_bytes())]);
    assert_eq!(push().send(&address).status, 202);
    assert_eq!(run.pass(), of("push", 1));
    assert_eq!(tags_asked(&line.registries.registry), [0, 0, 1]);
    run.stop();
}

/// A push that the remote holds until it is let go.
pub struct HeldPush {
    begun: PathBuf,
    go: PathBuf,
}

impl HeldPush {
    pub fn on(line: &Line) -> HeldPush {
        let pipe = |name: &str| {
            let path = line.clones().join(name);
            assert!(
                Command::new("mkfifo")
                    .arg(&path)
                    .status()
                    .expect("mkfifo starts")
                    .success()
            );
            path
        };
        let held = HeldPush {
            begun: pipe("begun"),
            go: pipe("go"),
        };
        let script = format!(
            "#!/bin/sh\necho begun > '{}'\nread word < '{}'\nexit 0\n",
            held.begun.display(),
            held.go.display()
        );
        line.hook("pre-receive", &script);
        held
    }

    /// Waits until a push has come to the remote.
    pub fn begun(&self) {
        assert_eq!(
            fs::read_to_string(&self.begun).expect("the hook writes to it"),
            "begun\n"
        );
    }

    pub fn let_go(&self) {
        fs::write(&self.go, "go\n").expect("the hook reads from it");
    }
}

#[test]
fn a_write_in_progress_is_finished() {
    let line = Line::of_stacks(&[("app", IMAGE)], "");
    let held = HeldPush::on(&line);
    let mut run = Daemon::start(sleepy(&line, &["--grace", "1h"]));
    held.begun();
    run.signal("TERM");
    run.says("a write is in progress");
    held.let_go();
    assert_eq!(run.pass(), of("start", 1));
    let (code, log) = run.end();
    assert_eq!(code, Some(0), "{log}");
    assert!(line.text("app").contains("@sha256:"));
}

#[test]
fn a_write_is_abandoned_at_the_end_of_its_grace_or_by_a_second_signal() {
    for (grace, why) in [
        ("0s", "it took longer than 0 seconds"),
        ("1h", "a second signal came: SIGINT"),
    ] {
        let line = Line::of_stacks(&[("app", IMAGE)], "");
        let held = HeldPush::on(&line);
        let mut run = Daemon::start(sleepy(&line, &["--grace", grace]));
        held.begun();
        run.signal("TERM");
        run.says("a write is in progress");
        if grace != "0s" {
            run.signal("INT");
        }
        let (code, log) = run.end();
        assert_eq!(code, Some(1), "{log}");
        assert!(
            log.contains(&format!("a write was abandoned: {why}")),
            "{log}"
        );
        held.let_go();
    }
}

#[test]
fn wrong_flags_end_it_and_a_taken_port_does() {
    let folder = clones();
    let run = |more: &[&str]| {
        Pintle::new(
            folder.path(),
            [&["run", "--remote", "/x", "--cache-dir", "clones"], more].concat(),
        )
        .run()
    };
    fs::write(folder.path().join("empty"), "\n").unwrap();
    for (args, sentence) in [
        (["--every", "soon"], "--every soon cannot be used: "),
        (["--every", "0s"], "it has to be between 1s and 2592000s"),
        (["--every", "1y"], "--every 1y cannot be used"),
        (["--grace", "2h"], "it has to be between 0s and 3600s"),
        (
            ["--listen", "8080"],
            "--listen 8080 is not an address and port",
        ),
        (
            ["--listen", "example.org:8080"],
            "is not an address and port",
        ),
        (
            ["--webhook-secret-file", "none"],
            "cannot read the webhook secret from none",
        ),
        (
            ["--webhook-secret-file", "empty"],
            "the webhook secret is empty",
        ),
        (
            ["--lease", "pintle/pintle"],
            "--lease needs a cluster, and none is named",
        ),
        (
            ["--lease=pintle/pintle", "--no-lease"],
            "--lease cannot be used with --no-lease",
        ),
    ] {
        let output = run(&args);
        let said = output.stderr.replace("\n  because: ", ": ");
        assert!(
            output.code == Some(2) && said.contains(sentence),
            "{args:?}: {output:?}"
        );
    }
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let output = run(&["--listen", &taken.local_addr().unwrap().to_string()]);
    assert!(
        output.code == Some(1) && output.stderr.contains("cannot listen on 127.0.0.1:"),
        "{output:?}"
    );
}

#[test]
fn the_manifest_and_its_page_name_only_what_there_is() {
    let help = Pintle::new(clones().path(), ["run", "--help"]).run().stdout;
    let variable = regex::Regex::new("PINTLE_[A-Z_]+").unwrap();
    for file in [
        "deploy/kustomize/base/deployment.yaml",
        "deploy/terraform/objects.tf",
        "docs/install.md",
        "docs/running.md",
    ] {
        let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap();
        for found in variable.find_iter(&text) {
            assert!(help.contains(found.as_str()), "{file}: {}", found.as_str());
        }
    }
}
