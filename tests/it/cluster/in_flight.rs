//! Somebody takes a workload back while a newer pin is pushed and not applied yet.

use super::{AGENT, DB, Stack, Story, WEB, is_rollback, trailer, workload};
use crate::support::kube::ci::Mode;

/// The first ran, the second runs, the third is pinned and its apply does not come. The repo
/// follows the undo, and neither of the two newer ones comes back.
fn follows(stack: Stack) {
    let mut story = Story::of(&[stack], "");
    let (name, first) = (workload(&stack), story.first[0].clone());
    let second = story.rolls(&stack, "second");
    story.stage().ci.set(Mode::Lags);
    let third = story.moves(&stack, "third");
    let tip = story.world.line.remote.tip();
    assert!(story.stage().image(&name).ends_with(&second));

    story.stage().undo(&name);
    let what = format!("undo of a {} while a newer pin waits", stack.0);
    let (commit, message) = story.commit_after(&tip, &what);
    is_rollback(&story.world, &stack, &message, "undo", &third, &first);
    // The revisions of the other kinds do not keep their earlier numbers.
    let way = match stack.0 {
        "deployment" => "rolled back from revision 2 to 1 at",
        _ => "rolled back from revision 2 to an older one (now 3) at",
    };
    let evidence = trailer(&message, "Evidence");
    assert!(evidence.contains(way), "{evidence}");
    story.stage().ci.set(Mode::Applies);
    story.stage().ci.wait_for(&commit);
    assert!(story.stage().image(&name).ends_with(&first));

    // Without the hold too, wherever the tag is.
    story.world.write(&stack, &format!("{}@{first}", stack.2));
    let lifted = story.world.line.remote.tip();
    for seed in ["third", "second"] {
        story.world.line.registries.put(stack.2, seed);
        story.poll();
        story.poll();
        let now = story.world.line.remote.tip();
        let message = story.world.line.remote.message(&now);
        assert_eq!(now, lifted, "the tag is at the {seed}: {message}");
    }
    story.rolls(&stack, "fourth");
    story.run.stop();
}

#[test]
fn an_undo_of_a_deployment_counts() {
    follows(WEB);
}

#[test]
fn an_undo_of_a_stateful_set_counts() {
    follows(DB);
}

#[test]
fn an_undo_of_a_daemon_set_counts() {
    follows(AGENT);
}
