//! What looks like an undo and is none: nothing is committed. Each ends with a real undo, which is.

use serde_json::json;

use super::{DB, Stack, Story, WEB, is_rollback, workload};
use crate::support::kube::ci::Mode;

/// The branch stays where it is, after all that was seen was looked at.
fn stays(story: &mut Story, tip: &str, what: &str) {
    story.poll();
    story.poll();
    let now = story.world.line.remote.tip();
    assert_eq!(
        now,
        tip,
        "{what}: {}",
        story.world.line.remote.message(&now)
    );
}

#[test]
fn a_scale_a_restart_and_a_template_without_an_image() {
    for stack in [WEB, DB] {
        let mut story = Story::of(&[stack], "");
        let (name, first) = (workload(&stack), story.first[0].clone());
        let second = story.rolls(&stack, "second");
        let tip = story.world.line.remote.tip();
        let parked = ["scale", "--replicas=0", &name];
        for args in [
            &["scale", "--replicas=2", &name],
            &["rollout", "restart", &name][..],
            &parked,
            &["scale", "--replicas=1", &name],
        ] {
            story.stage().kubectl(args);
            story.stage().rolled_out(&name);
            stays(&mut story, &tip, &args.join(" "));
        }
        let labels = json!({"spec": {"template": {"metadata": {"labels": {"team": "a"}}}}});
        story.stage().patch(&name, &labels);
        story.stage().rolled_out(&name);
        stays(&mut story, &tip, "a label of the pods");
        // An undo of that label: back to an earlier revision, which has the same image.
        story.stage().undo(&name);
        story.stage().rolled_out(&name);
        stays(&mut story, &tip, "an undo of a label");

        let numbers = story.stage().revisions(&name);
        let (number, ..) = numbers
            .iter()
            .find(|(.., image)| image.ends_with(&first))
            .expect("the first is kept");
        story
            .stage()
            .kubectl(&["rollout", "undo", &name, &format!("--to-revision={number}")]);
        let (_, message) = story.commit_after(&tip, "undo after all that");
        is_rollback(&story.world, &stack, &message, "undo", &second, &first);
        story.run.stop();
    }
}

#[test]
fn an_apply_that_lags_or_does_not_come() {
    let mut story = Story::of(&[WEB], "");
    let first = story.first[0].clone();
    story.stage().ci.set(Mode::Lags);
    let second = story.moves(&WEB, "second");
    let tip = story.world.line.remote.tip();
    // The old one is rolled out once more meanwhile.
    story
        .stage()
        .kubectl(&["rollout", "restart", "deployment/web"]);
    story.stage().rolled_out("deployment/web");
    stays(&mut story, &tip, "nothing is applied yet");
    story.stage().ci.set(Mode::Skips);
    story.stage().ci.wait_for(&tip);
    stays(&mut story, &tip, "green, and not applied");
    for mode in [Mode::Fails, Mode::Applies] {
        assert!(story.stage().image("deployment/web").ends_with(&first));
        story.stage().ci.set(mode);
        let commit = story.world.line.remote.commit(
            "Something else",
            &[("notes.md", format!("{mode:?}").as_bytes())],
        );
        story.stage().ci.wait_for(&commit);
        stays(&mut story, &commit, &format!("{mode:?}"));
    }
    // It came after all, and is taken back.
    story.stage().rolled_out("deployment/web");
    assert!(story.stage().image("deployment/web").ends_with(&second));
    let tip = story.world.line.remote.tip();
    story.stage().undo("deployment/web");
    let (_, message) = story.commit_after(&tip, "undo after an apply that came late");
    is_rollback(&story.world, &WEB, &message, "undo", &second, &first);
    story.run.stop();
}

#[test]
fn a_restart_of_pintle_in_the_middle() {
    let stack: Stack = WEB;
    let mut story = Story::of(&[stack], "");
    story.stage().ci.set(Mode::Lags);
    let second = story.moves(&stack, "second");
    let tip = story.world.line.remote.tip();
    // It ends between the pin and the apply.
    story.run.signal("KILL");
    let mut story = story.restarted();
    stays(&mut story, &tip, "a start before the apply");
    story.stage().ci.set(Mode::Applies);
    story.stage().ci.wait_for(&tip);
    story.stage().rolled_out("deployment/web");
    stays(&mut story, &tip, "the apply");
    let mut story = story.restarted();
    stays(&mut story, &tip, "a start after the apply");
    story.stage().undo("deployment/web");
    let (commit, message) = story.commit_after(&tip, "undo after two starts");
    is_rollback(
        &story.world,
        &stack,
        &message,
        "undo",
        &second,
        &story.first[0],
    );
    // Before the apply of the rollback.
    let mut story = story.restarted();
    stays(&mut story, &commit, "a start after the rollback");
    story.run.stop();
}

#[test]
fn a_second_undo_back_to_the_new_image() {
    for stack in [WEB, DB] {
        let mut story = Story::of(&[stack], "");
        let name = workload(&stack);
        let second = story.rolls(&stack, "second");
        let tip = story.world.line.remote.tip();
        story.stage().undo(&name);
        let (commit, _) = story.commit_after(&tip, "the first undo");
        story.stage().ci.wait_for(&commit);
        story.stage().rolled_out(&name);
        story.stage().undo(&name);
        story.stage().rolled_out(&name);
        assert!(story.stage().image(&name).ends_with(&second));
        stays(&mut story, &commit, "the second undo");
        // And once more back: the repo says so already.
        story.stage().undo(&name);
        story.stage().rolled_out(&name);
        stays(&mut story, &commit, "the third undo");
        story.run.stop();
    }
}
