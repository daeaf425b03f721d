//! Messages to people outside the forge: the built program, a real git remote, receivers that keep
//! what they get. A message is sent once, by whichever replica, and delays no pass.

use std::path::Path;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::support::cmd::{Output, Pintle};
use crate::support::daemon::{Daemon, Hook};
use crate::support::forge_line::ForgeLine;
use crate::support::line::{Line, clones};
use crate::support::receiver::MessageReceiver;

const NGINX: &str = "docker.io/library/nginx:latest";
const ADOPTS: &str =
    "\n[[rule]]\nmatch = { stack = \"*\" }\nmode = { adopt = \"commit\", update = \"commit\" }\n";
const SECRET: &str = "s3cret-of-the-hooks";
const KEY: &str = "s3cret-of-the-signature";

/// A configuration with one receiver of this kind, named `ops`.
fn notice(kind: &str, more: &str) -> String {
    format!("{ADOPTS}\n[[notice]]\nname = \"ops\"\nkind = \"{kind}\"\n{more}\n")
}

fn reaches(pintle: Pintle, url: &str) -> Pintle {
    pintle
        .env("PINTLE_NOTICE_OPS_URL", format!("{url}/T0/s3cret-path"))
        .env("PINTLE_NOTICE_OPS_SECRET", KEY)
}

fn succeeds(output: Output) -> Output {
    assert_eq!(output.code, Some(0), "{}\n{}", output.stdout, output.stderr);
    output
}

/// A `sync` of a replica whose clones are there, without what the last one kept.
fn sync_in(line: &ForgeLine, folder: &Path, receiver: &MessageReceiver) {
    let run = line.pintle_in(folder, "sync", &[]);
    succeeds(reaches(run, receiver.url()).run());
}

#[test]
fn a_rollback_is_one_message_of_all_replicas() {
    let line = ForgeLine::of_stacks(&[("web", NGINX)], &notice("webhook", ""));
    let (first, second) = (clones(), clones());
    let receiver = MessageReceiver::start();
    sync_in(&line, first.path(), &receiver);
    let from = line.moves(NGINX, "second");
    sync_in(&line, second.path(), &receiver);
    assert_eq!(
        receiver.bodies().len(),
        0,
        "first pins and updates are no warnings"
    );

    let issue = line.repo.issue(&line.ana, "Logins fail");
    line.repo
        .comment(issue, "/rollback web because logins fail", &line.ana);
    for replica in [first.path(), second.path(), clones().path(), first.path()] {
        sync_in(&line, replica, &receiver);
    }
    let bodies = receiver.bodies();
    assert_eq!(bodies.len(), 1, "{bodies:#?}");
    let entries = bodies[0]["entries"].as_array().expect("a list");
    assert_eq!(entries.len(), 1, "{bodies:#?}");
    let (entry, tip) = (&entries[0], line.repo.tip("main").expect("it is there"));
    assert_eq!(entry["kind"], "rollback");
    assert_eq!(entry["image"], NGINX);
    assert_eq!(entry["from"], from);
    assert!(
        line.text("web", "main")
            .contains(entry["to"].as_str().expect("a digest"))
    );
    assert_eq!(entry["cause"], "command");
    assert_eq!(entry["commit"], tip);
    assert_eq!(entry["url"], format!("{}/commit/{tip}", line.forge()));
    assert_eq!(bodies[0]["repo"], "ops/infra");
}

#[test]
fn a_message_is_signed_over_its_bytes() {
    let line = Line::of_stacks(&[("web", NGINX)], &notice("webhook", "level = \"info\""));
    let receiver = MessageReceiver::start();
    succeeds(reaches(line.pintle("sync", &[]), receiver.url()).run());
    let signatures = receiver.headers("x-signature");
    assert_eq!(signatures.len(), 1);
    let mac = Hmac::<Sha256>::new_from_slice(KEY.as_bytes()).expect("any key will do");
    let code = mac.chain_update(receiver.raw(0)).finalize().into_bytes();
    assert_eq!(signatures[0], Some(format!("sha256={}", hex::encode(code))));
    assert_eq!(receiver.bodies()[0]["entries"][0]["kind"], "adopt");
}

#[test]
fn passes_without_a_change_send_nothing_and_push_nothing() {
    let line = Line::of_stacks(&[("web", NGINX)], &notice("slack", "level = \"info\""));
    let receiver = MessageReceiver::start();
    let sync = || succeeds(reaches(line.pintle("sync", &[]), receiver.url()).run());
    sync();
    sync();
    assert_eq!(receiver.bodies().len(), 1, "the first pin");
    let (pushes, refs) = (line.count_pushes(), line.refs());
    for _ in 0..5 {
        sync();
    }
    assert_eq!(receiver.bodies().len(), 1);
    assert_eq!((pushes.take().len(), line.refs()), (0, refs));
}

#[test]
fn a_receiver_that_hangs_delays_no_pass() {
    let line = Line::of_stacks(&[("web", NGINX)], &notice("webhook", "level = \"info\""));
    let receiver = MessageReceiver::that_hangs();
    let args = [
        "--every",
        "1h",
        "--listen",
        "127.0.0.1:0",
        "--log-format",
        "json",
    ];
    let run = line
        .pintle("run", &args)
        .env("PINTLE_WEBHOOK_SECRET", SECRET);
    let mut run = Daemon::start(reaches(run, receiver.url()));
    let address = run.address();
    assert_eq!(run.pass(), ("start".into(), Ok(1)));
    receiver.wait();
    // It holds the request, and passes go on.
    for seed in ["second", "third", "fourth"] {
        line.registries.put(NGINX, seed);
        let pushed = Hook::signed(SECRET, "package", "{}");
        assert_eq!(pushed.send(&address).status, 202);
        assert_eq!(run.pass(), ("package".into(), Ok(1)));
    }
    run.signal("TERM");
    let (code, log) = run.end();
    assert_eq!(code, Some(0), "{log}");
}

#[test]
fn a_run_sends_each_piece_of_news_once() {
    let line = Line::of_stacks(&[("web", NGINX)], &notice("ntfy", "level = \"info\""));
    let receiver = MessageReceiver::start();
    let args = [
        "--every",
        "1h",
        "--listen",
        "127.0.0.1:0",
        "--log-format",
        "json",
    ];
    let start = || {
        let run = line
            .pintle("run", &args)
            .env("PINTLE_WEBHOOK_SECRET", SECRET);
        let run = run.env("PINTLE_LOG", "pintle=info");
        Daemon::start(reaches(run, receiver.url()))
    };
    let mut run = start();
    run.says("a message was sent");
    run.stop();
    let mut run = start();
    let address = run.address();
    assert_eq!(run.pass(), ("start".into(), Ok(0)));
    let second = line.registries.put(NGINX, "second");
    assert_eq!(
        Hook::signed(SECRET, "package", "{}").send(&address).status,
        202
    );
    assert_eq!(run.pass(), ("package".into(), Ok(1)));
    run.says("a message was sent");
    run.stop();
    let bodies = receiver.bodies();
    assert_eq!(bodies.len(), 2, "{bodies:#?}");
    let message = bodies[1]["message"].as_str().expect("a text");
    let short = &second["sha256:".len()..][..12];
    assert!(
        message.contains("updated") && message.contains(short),
        "{message}"
    );
    assert_eq!(bodies[1]["topic"], "s3cret-path");
}

#[test]
fn without_an_address_nothing_is_taken_and_the_log_says_so() {
    let line = Line::of_stacks(&[("web", NGINX)], &notice("slack", "level = \"info\""));
    let output = succeeds(line.run("sync", &[]));
    assert!(
        output.stderr.contains("[[notice]] ops has no address"),
        "{}",
        output.stderr
    );
    assert!(
        !line.refs().contains("refs/pintle/ledger"),
        "{}",
        line.refs()
    );
}

#[test]
fn a_test_message_goes_to_the_named_receivers() {
    let folder = clones();
    let config = format!(
        "{}\n[[notice]]\nname = \"other\"\nkind = \"ntfy\"\n",
        notice("slack", "")
    );
    std::fs::write(folder.path().join("pintle.toml"), config).expect("it can be written");
    let receiver = MessageReceiver::start();
    let secrets = folder.path().join("secrets");
    std::fs::create_dir(&secrets).expect("it can be made");
    let url = format!("{}/T0/s3cret-path\n", receiver.url());
    std::fs::write(secrets.join("ops.url"), url).expect("it can be written");
    let test = |more: &[&str]| {
        let args = [&["notice", "test", "--notice-dir", "secrets"], more].concat();
        Pintle::new(folder.path(), args).run()
    };
    let output = succeeds(test(&["ops"]));
    assert_eq!(output.stdout, "ops: sent\n");
    let text = receiver.bodies()[0]["text"].to_string();
    assert!(
        text.contains("a test message for the receiver ops"),
        "{text}"
    );

    let output = test(&[]);
    assert_eq!(output.code, Some(3), "{output:?}");
    let rest = output.stdout.strip_prefix("ops: sent\nother: not sent: ");
    let rest = rest.unwrap_or_else(|| panic!("{output:?}"));
    assert!(rest.contains("PINTLE_NOTICE_OTHER_URL"), "{rest}");
    assert!(!output.stdout.contains("s3cret") && !output.stderr.contains("s3cret"));
    assert_eq!(test(&["nobody"]).code, Some(2));
}
