//! A new digest that does not run: the repo goes back by itself.

use serde_json::json;
use std::time::Instant;

use super::{AGENT, DB, DEADLINE, Stack, Story, WEB, is_rollback, workload};
use crate::support::kube::kubelet::Behaviour;

/// Graces that a test can wait for.
const SHORT: &str = "[cluster]\ncrash_grace = \"2s\"\nconfig_grace = \"2s\"\n\
                     retry_grace = \"2s\"\nstart_grace = \"2s\"\n";

/// The digest the tag moves to behaves so; the repo goes back, and the cluster with it.
fn goes_back(stack: Stack, behaviour: Behaviour, reason: &str, cause: &str) {
    let mut story = Story::of(&[stack], SHORT);
    let (name, first) = (workload(&stack), story.first[0].clone());
    // The same image has the same digest, wherever it is.
    let second = story
        .world
        .line
        .registries
        .put(&format!("{}-next", stack.2), "second");
    story.stage().kubelet.lets(&second, behaviour);
    let moved = story.moves(&stack, "second");
    let tip = story.world.line.remote.tip();
    story.stage().ci.wait_for(&tip);
    story.stage().waits_with(&name, reason);
    let (commit, message) = story.commit_after(&tip, &format!("{reason} of a {}", stack.0));
    assert_eq!(moved, second);
    is_rollback(&story.world, &stack, &message, cause, &second, &first);
    assert!(
        super::trailer(&message, "Evidence").contains(reason),
        "{message}"
    );
    story.stage().ci.wait_for(&commit);
    assert!(story.stage().image(&name).ends_with(&first));
    if stack.0 == "statefulset" {
        // Its controller leaves a pod that never was ready to people.
        story
            .stage()
            .kubectl(&["delete", "pod", &format!("{}-0", stack.1), "--wait=false"]);
    }
    story.stage().rolled_out(&name);
    story.poll();
    assert_eq!(
        story.world.line.remote.tip(),
        commit,
        "the tag still is at the bad digest"
    );
    story.run.stop();
}

#[test]
fn containers_of_a_deployment_that_crash() {
    goes_back(WEB, Behaviour::Crashes, "CrashLoopBackOff", "unhealthy");
}

#[test]
fn containers_of_a_stateful_set_that_crash() {
    goes_back(DB, Behaviour::Crashes, "CrashLoopBackOff", "unhealthy");
}

#[test]
fn containers_of_a_daemon_set_that_crash() {
    goes_back(AGENT, Behaviour::Crashes, "CrashLoopBackOff", "unhealthy");
}

#[test]
fn an_image_that_the_node_cannot_pull() {
    goes_back(WEB, Behaviour::Unpullable, "ImagePullBackOff", "not-pulled");
}

#[test]
fn an_image_that_the_registry_does_not_have_any_more() {
    goes_back(WEB, Behaviour::Gone, "ImagePullBackOff", "unhealthy");
}

#[test]
fn containers_of_a_stateful_set_that_the_runtime_cannot_start() {
    goes_back(
        DB,
        Behaviour::CannotStart,
        "RunContainerError",
        "not-started",
    );
}

#[test]
fn pods_of_a_daemon_set_that_never_become_ready() {
    let mut story = Story::of(&[AGENT], SHORT);
    let second = story
        .world
        .line
        .registries
        .put(&format!("{}-next", AGENT.2), "second");
    story.stage().kubelet.lets(&second, Behaviour::Unready);
    story.moves(&AGENT, "second");
    let tip = story.world.line.remote.tip();
    let (_, message) = story.commit_after(&tip, "pods that never become ready");
    is_rollback(
        &story.world,
        &AGENT,
        &message,
        "unhealthy",
        &second,
        &story.first[0],
    );
    story.run.stop();
}

#[test]
fn a_container_that_misses_its_secret() {
    goes_back(
        WEB,
        Behaviour::Misconfigured,
        "CreateContainerConfigError",
        "not-started",
    );
}

#[test]
fn a_rollout_that_makes_no_progress() {
    let mut story = Story::of(&[WEB], "");
    story.stage().patch(
        "deployment/web",
        &json!({"spec": {"progressDeadlineSeconds": 2}}),
    );
    let second = story
        .world
        .line
        .registries
        .put("quay.io/team/app:latest-next", "second");
    story.stage().kubelet.lets(&second, Behaviour::Unready);
    story.moves(&WEB, "second");
    let tip = story.world.line.remote.tip();
    let path = story.stage().path("deployment/web");
    let stuck = |condition: &serde_json::Value| condition["reason"] == "ProgressDeadlineExceeded";
    story.stage().wait(&path, |live| {
        live["status"]["conditions"]
            .as_array()?
            .iter()
            .any(stuck)
            .then_some(())
    });
    let (_, message) = story.commit_after(&tip, "ProgressDeadlineExceeded");
    is_rollback(
        &story.world,
        &WEB,
        &message,
        "unhealthy",
        &second,
        &story.first[0],
    );
    story.run.stop();
}

/// The digest the tag moves to behaves so for a while, and then runs: nothing is written.
fn recovers(stacks: &[Stack], behaviour: Behaviour, reason: &str) {
    let mut story = Story::of(stacks, "");
    let mut seconds = Vec::new();
    for stack in stacks {
        let registries = &story.world.line.registries;
        let second = registries.put(&format!("{}-next", stack.2), "second");
        story.stage().kubelet.lets(&second, behaviour);
        registries.put(stack.2, "second");
        seconds.push(second);
    }
    story.poll();
    let all_pinned = |story: &Story| {
        stacks
            .iter()
            .zip(&seconds)
            .all(|(stack, second)| story.text(stack).contains(second))
    };
    let begun = Instant::now();
    while !all_pinned(&story) {
        assert!(begun.elapsed() < DEADLINE, "not all are pinned");
        story.poll();
    }
    let tip = story.world.line.remote.tip();
    story.stage().ci.wait_for(&tip);
    for stack in stacks {
        story.stage().waits_with(&workload(stack), reason);
    }
    // A pass that sees it, and one that sees it over.
    story.poll();
    for second in &seconds {
        story.stage().kubelet.heals(second);
    }
    for stack in stacks {
        story.stage().rolled_out(&workload(stack));
    }
    story.poll();
    let log = story
        .world
        .line
        .remote
        .message(&story.world.line.remote.tip());
    assert_eq!(story.world.line.remote.tip(), tip, "{log}");
    story.run.stop();
}

#[test]
fn one_pull_that_fails_is_no_verdict() {
    recovers(&[WEB], Behaviour::Unpullable, "ImagePullBackOff");
    recovers(&[DB], Behaviour::Quota, "ErrImagePull");
}

#[test]
fn one_restart_is_no_verdict() {
    recovers(&[WEB], Behaviour::CrashesOnce, "CrashLoopBackOff");
    recovers(&[DB], Behaviour::CrashesOnce, "CrashLoopBackOff");
}

#[test]
fn a_secret_that_comes_late_is_no_verdict() {
    recovers(
        &[AGENT],
        Behaviour::Misconfigured,
        "CreateContainerConfigError",
    );
}

#[test]
fn a_registry_that_is_away_for_a_moment_is_no_verdict() {
    recovers(&[WEB, DB, AGENT], Behaviour::Quota, "ErrImagePull");
}
