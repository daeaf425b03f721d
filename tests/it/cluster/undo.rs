//! Somebody takes a workload back with `kubectl rollout undo`, and the repo follows.

use super::{
    AGENT, DB, DEADLINE, Stack, Story, WEB, commit_after, commit_within, is_rollback, pinned,
    prepared, workload,
};
use crate::support::daemon::Daemon;
use crate::support::kube::Kube;

/// Tag moves, pin, apply, undo, rollback commit, apply; then nothing of the bad digest until there
/// is a newer one.
fn follows(stack: Stack) {
    let mut story = Story::of(&[stack], "");
    let (name, first) = (workload(&stack), story.first[0].clone());
    let second = story.rolls(&stack, "second");
    let tip = story.world.line.remote.tip();

    story.stage().undo(&name);
    let (commit, message) = story.commit_after(&tip, &format!("undo of a {}", stack.0));
    is_rollback(&story.world, &stack, &message, "undo", &second, &first);

    // The apply of that commit changes nothing.
    story.stage().rolled_out(&name);
    let before = story.stage().get(&name);
    story.stage().ci.wait_for(&commit);
    let after = story.stage().get(&name);
    assert_eq!(
        (&after["metadata"]["generation"], &after["spec"]),
        (&before["metadata"]["generation"], &before["spec"])
    );

    // The tag still is at the bad digest.
    story.poll();
    assert_eq!(story.world.line.remote.tip(), commit);
    // Nor without the hold, and a newer digest is followed.
    story.world.write(&stack, &format!("{}@{first}", stack.2));
    let lifted = story.world.line.remote.tip();
    story.poll();
    assert_eq!(
        story.world.line.remote.tip(),
        lifted,
        "{}",
        story.text(&stack)
    );
    story.rolls(&stack, "third");
    let log = story.run.stop();
    assert!(!log.contains("panicked"), "{log}");
    story.world.line.remote.fsck();
    assert!(
        !story.world.stage.kube.requests().is_empty(),
        "what pintle asks is logged"
    );
}

#[test]
fn of_a_deployment_is_committed_and_held() {
    follows(WEB);
}

#[test]
fn of_a_stateful_set_is_committed_and_held() {
    follows(DB);
}

#[test]
fn of_a_daemon_set_is_committed_and_held() {
    follows(AGENT);
}

#[test]
fn made_while_pintle_was_down_is_found_at_the_start() {
    for stack in [WEB, DB] {
        let mut story = Story::of(&[stack], "");
        let second = story.rolls(&stack, "second");
        let tip = story.world.line.remote.tip();
        let Story {
            run,
            following,
            world,
            first,
            ..
        } = story;
        run.stop();
        world.stage.undo(&workload(&stack));
        world.stage.rolled_out(&workload(&stack));
        let run = Daemon::start(prepared(&world, &[]));
        let (_, message) = commit_after(&world, &tip, "start after an undo");
        is_rollback(&world, &stack, &message, "undo", &second, &first[0]);
        run.stop();
        drop(following);
    }
}

#[test]
fn of_the_first_pin_goes_back_to_what_ran_before() {
    // The first pin is what runs; the move that follows is the first that is rolled out.
    let (world, _) = pinned(Kube::shared(), &[WEB], "");
    let following = world.stage.ci.follow();
    world.stage.rolled_out("deployment/web");
    let tip = world.line.remote.tip();
    let second = world.line.registries.put(WEB.2, "second");
    let run = Daemon::start(prepared(&world, &[]));
    let (pin, _) = commit_after(&world, &tip, "start with a tag that moved");
    world.stage.ci.wait_for(&pin);
    world.stage.rolled_out("deployment/web");
    world.stage.undo("deployment/web");
    let (_, message) = commit_after(&world, &pin, "undo before anything else happened");
    let first = world.line.registries.put("quay.io/team/app:old", "first");
    is_rollback(&world, &WEB, &message, "undo", &second, &first);
    run.stop();
    drop(following);
}

#[test]
fn while_keel_runs_keeps_it_away_in_the_same_commit() {
    let mut story = Story::of(&[WEB], "\n[cluster]\nkeel = \"yes\"\n");
    let second = story.rolls(&WEB, "second");
    let tip = story.world.line.remote.tip();
    story.stage().undo("deployment/web");
    let (commit, message) = story.commit_after(&tip, "undo beside Keel");
    is_rollback(
        &story.world,
        &WEB,
        &message,
        "undo",
        &second,
        &story.first[0],
    );
    let text = story.text(&WEB);
    let kept = text
        .lines()
        .any(|line| line.contains("\"keel.sh/policy\"") && line.contains("\"never\""));
    assert!(kept, "{text}");
    story.stage().ci.wait_for(&commit);
    story.poll();
    assert_eq!(
        story.world.line.remote.tip(),
        commit,
        "{}",
        story.text(&WEB)
    );
    story.run.stop();
}

#[test]
fn right_after_the_api_server_was_away_is_not_lost() {
    let mut story = Story::on(Kube::own(), &[WEB, DB], "");
    let (web, db) = (story.rolls(&WEB, "second"), story.rolls(&DB, "second"));
    let kube = story.stage().kube.clone();
    let mut tip = story.world.line.remote.tip();
    for (at, (stack, bad)) in [(WEB, web), (DB, db)].into_iter().enumerate() {
        kube.stop_apiserver();
        story.poll();
        assert_eq!(
            story.world.line.remote.tip(),
            tip,
            "nothing is concluded from what does not answer"
        );
        kube.start_apiserver();
        story.stage().undo(&workload(&stack));
        // The controllers were away too, and take their time to come back.
        story.stage().rolled_out(&workload(&stack));
        let (commit, message) =
            commit_within(&story.world, &tip, "undo after an absence", DEADLINE);
        is_rollback(
            &story.world,
            &stack,
            &message,
            "undo",
            &bad,
            &story.first[at],
        );
        story.stage().ci.wait_for(&commit);
        tip = commit;
    }
    story.run.stop();
}
