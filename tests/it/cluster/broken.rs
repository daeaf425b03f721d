//! A new digest that does not run: the repo goes back by itself.

use serde_json::json;

use super::{AGENT, DB, Stack, Story, WEB, is_rollback, workload};
use crate::support::kube::kubelet::Behaviour;

/// The digest the tag moves to behaves so; the repo goes back, and the cluster with it.
fn goes_back(stack: Stack, behaviour: Behaviour, reason: &str) {
    let mut story = Story::of(&[stack], "");
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
    is_rollback(&story.world, &stack, &message, "unhealthy", &second, &first);
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
    goes_back(WEB, Behaviour::Crashes, "CrashLoopBackOff");
}

#[test]
fn containers_of_a_stateful_set_that_crash() {
    goes_back(DB, Behaviour::Crashes, "CrashLoopBackOff");
}

#[test]
fn containers_of_a_daemon_set_that_crash() {
    goes_back(AGENT, Behaviour::Crashes, "CrashLoopBackOff");
}

#[test]
fn an_image_that_the_node_cannot_pull() {
    goes_back(WEB, Behaviour::Unpullable, "ImagePullBackOff");
}

#[test]
fn a_container_that_misses_its_secret() {
    goes_back(WEB, Behaviour::Misconfigured, "CreateContainerConfigError");
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
