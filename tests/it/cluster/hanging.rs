//! A registry that takes connections and never answers: an undo does not wait for it.

use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use super::{
    AGENT, DB, DEADLINE, SECRET, SOON, Stack, Story, WEB, commit_within, is_rollback, workload,
};
use crate::support::daemon::Hook;
use crate::support::kube::ci::Mode;

/// Images of the repo at that registry.
const IMAGES: usize = 40;
/// How long pintle waits for an answer: longer than an undo may take.
const TIMEOUT: Duration = Duration::from_secs(20);

/// A registry that hangs. It says each time that somebody connects.
fn hang() -> (u16, Receiver<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    let port = listener.local_addr().expect("it is bound").port();
    let (came, comes) = channel();
    // Ends with the process.
    thread::spawn(move || {
        let mut held = Vec::new();
        for client in listener.incoming().flatten() {
            held.push(client);
            // The test may be over.
            if came.send(()).is_err() {
                return;
            }
        }
    });
    (port, comes)
}

/// A stack of workloads whose images are at `hangs.example.org`.
fn silent_stack() -> String {
    let workload = |number: usize| {
        format!(
            "resource \"kubernetes_deployment\" \"s{number}\" {{\n  metadata {{\n    \
             name = \"s{number}\"\n    namespace = \"silent\"\n  }}\n  spec {{\n    template {{\n      \
             spec {{\n        container {{\n          name = \"app\"\n          \
             image = \"hangs.example.org/team/s{number}:latest\"\n        }}\n      }}\n    }}\n  }}\n}}\n"
        )
    };
    (0..IMAGES).map(workload).collect()
}

fn does_not_wait(stack: Stack) {
    assert!(SOON < TIMEOUT, "or the test shows nothing");
    let (port, comes) = hang();
    let config = format!(
        "[[registry]]\nhost = \"hangs.example.org\"\nendpoint = \"http://127.0.0.1:{port}\"\n"
    );
    let mut story = Story::of(&[stack], &config);
    let first = story.first[0].clone();
    let second = story.rolls(&stack, "second");
    story.stage().ci.set(Mode::Skips);
    let text = silent_stack();
    let files = [("stacks/silent/main.tf", text.as_bytes())];
    let tip = story.world.line.remote.commit("silent: add", &files);
    story.stage().ci.wait_for(&tip);
    let body = r#"{"ref":"refs/heads/main"}"#;
    let sent = Hook::signed(SECRET, "push", body).send(&story.address);
    assert_eq!(sent.status, 202);
    // The pass is asking.
    comes.recv_timeout(DEADLINE).expect("a request");
    let what = format!("undo of a {} while a registry hangs", stack.0);
    story.stage().undo(&workload(&stack));
    let (_, message) = commit_within(&story.world, &tip, &what, SOON);
    is_rollback(&story.world, &stack, &message, "undo", &second, &first);
    story.run.stop();
}

#[test]
fn an_undo_of_a_deployment_does_not_wait_for_a_registry_that_hangs() {
    does_not_wait(WEB);
}

#[test]
fn an_undo_of_a_stateful_set_does_not_wait_for_a_registry_that_hangs() {
    does_not_wait(DB);
}

#[test]
fn an_undo_of_a_daemon_set_does_not_wait_for_a_registry_that_hangs() {
    does_not_wait(AGENT);
}
