//! Replicas that share a Lease on a real API server: only its holder works, another one takes over,
//! and who loses it writes no more.

use std::time::Instant;

use serde_json::{Value, json};

use super::{DEADLINE, SECRET, WEB, commit_after, pinned, prepared, workload};
use crate::run::HeldPush;
use crate::support::daemon::{Daemon, Hook, probe};
use crate::support::kube::Kube;
use crate::support::kube::world::World;
use crate::support::line::clones;

const LEASE: &str = "/apis/coordination.k8s.io/v1/namespaces/pintle/leases/pintle";
const ROLE: &str = "/apis/rbac.authorization.k8s.io/v1/namespaces/pintle/roles/pintle";
const ARGS: [&str; 2] = ["--lease", "pintle/pintle"];
const HOLDS: &str = "this replica holds the lease";

/// A hook of an image that was pushed, which does not say which.
fn image_pushed(address: &str) -> u16 {
    Hook::signed(SECRET, "package", "{}").send(address).status
}

fn shows(address: &str, line: &str) {
    let (status, page) = probe(address, "/metrics");
    assert_eq!(status, 200, "{page}");
    assert!(page.lines().any(|one| one == line), "no {line} in {page}");
}

fn holder(world: &World) -> Value {
    world.stage.kube.api("test").get(LEASE)["spec"]["holderIdentity"].clone()
}

/// The last commit pins this image of the stack.
fn pins(world: &World, digest: &str) {
    assert!(world.line.text(WEB.1).contains(digest), "{digest}");
}

#[test]
fn of_two_replicas_one_works_and_the_other_takes_over() {
    let (world, _) = pinned(Kube::own(), &[WEB], "");
    let _following = world.stage.ci.follow();
    world.stage.rolled_out(&workload(&WEB));
    let mut first = Daemon::start(prepared(&world, &ARGS));
    let first_at = first.address();
    first.says(HOLDS);
    assert_eq!(first.pass(), ("start".into(), Ok(0)));
    shows(&first_at, "pintle_lease_held 1");
    shows(&first_at, "pintle_watch_up{kind=\"Pod\"} 1");

    // The other one runs on another node, with a clone of its own.
    let (clones, remote) = (clones(), world.line.remote.path().display().to_string());
    let kubeconfig = world.stage.kube.kubeconfig().display().to_string();
    let more = ["--kubeconfig", &kubeconfig, "--listen", "127.0.0.1:0"];
    let more = [&more[..], &ARGS, &["--every", "1h", "--log-format", "json"]].concat();
    let second = world.line.pintle_at(&remote, clones.path(), "run", &more);
    let mut second = Daemon::start(second.env("PINTLE_WEBHOOK_SECRET", SECRET));
    let second_at = second.address();
    let waits = second.says("waiting for the lease");
    assert_eq!(waits["holder"], holder(&world));
    assert_eq!(probe(&second_at, "/readyz"), (200, "ok\n".into()));
    assert_eq!(probe(&second_at, "/healthz"), (200, "ok\n".into()));
    shows(&second_at, "pintle_lease_held 0");

    // A webhook at the one that waits is refused, at the other it is a pass.
    let tip = world.line.remote.tip();
    let digest = world.line.registries.put(WEB.2, "second");
    assert_eq!(image_pushed(&second_at), 503);
    shows(
        &second_at,
        "pintle_hooks_total{kind=\"forgejo\",code=\"503\"} 1",
    );
    assert_eq!(world.line.remote.tip(), tip);
    assert_eq!(image_pushed(&first_at), 202);
    commit_after(&world, &tip, "the holder");
    pins(&world, &digest);
    world.stage.ci.wait_for(&world.line.remote.tip());
    world.stage.rolled_out(&workload(&WEB));

    // The holder is killed; the other one takes over when the time of the Lease has passed.
    first.signal("KILL");
    drop(first);
    let begun = Instant::now();
    second.says(HOLDS);
    assert!(begun.elapsed() < DEADLINE);
    assert!(second.pass().1.is_ok());
    let tip = world.line.remote.tip();
    let digest = world.line.registries.put(WEB.2, "third");
    assert_eq!(image_pushed(&second_at), 202);
    commit_after(&world, &tip, "the other replica");
    pins(&world, &digest);

    // One that stops gives the Lease back.
    let log = second.stop();
    assert!(!log.contains("panicked"), "{log}");
    assert_eq!(holder(&world), "");
    let lease = world.stage.kube.api("test").get(LEASE);
    assert_eq!(lease["spec"]["leaseTransitions"], 1);
}

#[test]
fn who_loses_the_lease_in_the_middle_of_a_write_ends_and_nothing_is_lost() {
    let (mut world, _) = pinned(Kube::own(), &[WEB], "");
    world.stage.ci.apply();
    world.stage.rolled_out(&workload(&WEB));
    let digest = world.line.registries.put(WEB.2, "second");
    let held = HeldPush::on(&world.line);
    let mut run = Daemon::start(prepared(&world, &[&ARGS[..], &["--grace", "1h"]].concat()));
    run.says(HOLDS);
    held.begun();
    let api = world.stage.kube.api("test");
    api.merge(LEASE, &json!({"spec": {"holderIdentity": "somebody"}}));
    let (code, log) = run.end();
    assert_eq!(code, Some(1), "{log}");
    assert!(log.contains("the lease pintle/pintle was lost"), "{log}");
    assert!(log.contains("another replica holds it"), "{log}");
    held.let_go();

    // The next one finishes what was begun, whether the push came through or not.
    world.line.hook("pre-receive", "#!/bin/sh\nexit 0\n");
    api.merge(LEASE, &json!({"spec": {"holderIdentity": ""}}));
    let mut run = Daemon::start(prepared(&world, &ARGS));
    run.says(HOLDS);
    assert!(run.pass().1.is_ok());
    pins(&world, &digest);
    run.stop();
    world.line.remote.fsck();
    let _ = world.write(&WEB, WEB.2);
}

#[test]
fn without_the_right_to_a_lease_no_pass_starts_and_the_log_names_the_way_out() {
    let (world, _) = pinned(Kube::own(), &[WEB], "");
    let api = world.stage.kube.api("test");
    let role = api.get(ROLE);
    api.delete(ROLE);
    let mut run = Daemon::start(prepared(&world, &ARGS));
    let address = run.address();
    let unknown = run.says("the lease is not known, so no pass starts");
    let why = unknown["why"].as_str().expect("a reason");
    assert!(
        why.contains("the Lease pintle/pintle may not be read"),
        "{why}"
    );
    assert!(why.contains("--no-lease"), "{why}");
    let (status, why) = probe(&address, "/readyz");
    assert!(status == 503 && why.contains("pintle/pintle"), "{why}");

    let rules = json!({"apiVersion": role["apiVersion"], "kind": "Role", "metadata": {"name": "pintle"}, "rules": role["rules"]});
    api.post(ROLE.trim_end_matches("/pintle"), &rules);
    run.says(HOLDS);
    assert!(run.pass().1.is_ok());
    run.stop();
}
