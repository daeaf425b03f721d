//! A new digest that runs, and is ready no more after a while: the repo goes back by itself, when
//! the grace is over and without another event.

use super::{AGENT, DB, Stack, Story, is_rollback, trailer, workload};
use crate::support::kube::kubelet::Behaviour;

/// The pods lose their readiness once they had it. The pass that sees it has to wake the one that
/// judges it.
fn goes_back(stack: Stack) {
    let mut story = Story::of(&[stack], "[cluster]\nready_grace = \"2s\"\n");
    let (name, first) = (workload(&stack), story.first[0].clone());
    let second = story.rolls(&stack, "second");
    let tip = story.world.line.remote.tip();
    story.stage().kubelet.lets(&second, Behaviour::Unready);
    let what = format!("lost readiness of a {}", stack.0);
    let (commit, message) = story.commit_after(&tip, &what);
    is_rollback(&story.world, &stack, &message, "unhealthy", &second, &first);
    assert!(
        trailer(&message, "Evidence").contains("readiness lost since"),
        "{message}"
    );
    story.stage().ci.wait_for(&commit);
    assert!(story.stage().image(&name).ends_with(&first));
    story.run.stop();
}

#[test]
fn pods_of_a_stateful_set_that_are_ready_no_more() {
    goes_back(DB);
}

#[test]
fn pods_of_a_daemon_set_that_are_ready_no_more() {
    goes_back(AGENT);
}
