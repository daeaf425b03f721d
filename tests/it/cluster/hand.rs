//! What people write and set by themselves: the first pin is what runs, an image that is set by
//! hand is no undo, a pin that somebody wrote counts as pintle's own.

use super::{
    DB, DEADLINE, Stack, Story, WEB, commit_after, commit_within, is_rollback, next_second,
    prepared, trailer, workload,
};
use crate::support::daemon::Daemon;
use crate::support::kube::ci::Mode;
use crate::support::kube::kubelet::Behaviour;
use crate::support::kube::world::World;

#[test]
fn the_first_pin_is_what_runs_and_the_tag_is_followed_after_it() {
    let world = World::of(&[WEB], "");
    let following = world.stage.ci.follow();
    world.stage.rolled_out("deployment/web");
    let first = world.line.registries.put("quay.io/team/app:old", "first");
    let second = world.line.registries.put(WEB.2, "second");
    let tip = world.line.remote.tip();
    let run = Daemon::start(prepared(&world, &[]));
    let (adopted, message) = commit_within(&world, &tip, "the first pin", DEADLINE);
    assert_eq!(
        ["Action", "Cause", "From", "To"].map(|name| trailer(&message, name)),
        ["adopt", "first-pin", "none", &first]
    );
    // The move waits until the first pin is applied and rolled out; the cluster wakes for it.
    let (moved, message) = commit_within(&world, &adopted, "the move after it", DEADLINE);
    assert_eq!(
        ["Action", "From", "To"].map(|name| trailer(&message, name)),
        ["update", &first, &second]
    );
    world.stage.ci.wait_for(&moved);
    world.stage.rolled_out("deployment/web");
    let revisions: Vec<String> = world
        .stage
        .revisions("deployment/web")
        .into_iter()
        .map(|(.., image)| image)
        .collect();
    assert_eq!(
        revisions,
        [
            WEB.2.to_owned(),
            format!("{}@{first}", WEB.2),
            format!("{}@{second}", WEB.2)
        ]
    );
    run.stop();
    drop(following);
}

#[test]
fn an_image_set_by_hand_is_told_and_not_followed() {
    let mut story = Story::of(&[WEB], "");
    story.rolls(&WEB, "second");
    let tip = story.world.line.remote.tip();
    let other = story
        .world
        .line
        .registries
        .put("quay.io/team/app:debug", "other");
    story.stage().kubectl(&[
        "set",
        "image",
        "deployment/web",
        &format!("web=quay.io/team/app:debug@{other}"),
    ]);
    story.stage().rolled_out("deployment/web");
    story.poll();
    story.poll();
    assert_eq!(story.world.line.remote.tip(), tip, "{}", story.text(&WEB));
    let told = story.world.pintle("plan", &["--output", "json"]).run();
    assert!(
        told.code == Some(0)
            && told.stdout.contains("drift: ")
            && told.stdout.contains("was set to"),
        "{told:?}"
    );
    story.run.stop();
}

#[test]
fn an_image_set_by_hand_is_taken_over_where_that_is_said() {
    let mut story = Story::of(
        &[WEB],
        "\n[[rule]]\nmatch = { stack = \"*\" }\ndrift = \"adopt\"\n",
    );
    let second = story.rolls(&WEB, "second");
    let tip = story.world.line.remote.tip();
    let other = story
        .world
        .line
        .registries
        .put("quay.io/team/app:debug", "other");
    story.stage().kubectl(&[
        "set",
        "image",
        "deployment/web",
        &format!("web={}@{other}", WEB.2),
    ]);
    let (commit, message) = commit_within(&story.world, &tip, "an image set by hand", DEADLINE);
    assert_eq!(
        ["Cause", "From", "To"].map(|name| trailer(&message, name)),
        ["drift", &second, &other]
    );
    story.stage().ci.wait_for(&commit);
    story.poll();
    assert_eq!(story.world.line.remote.tip(), commit, "it is held");
    story.run.stop();
}

#[test]
fn a_never_in_the_cluster_freezes_until_it_is_taken_away() {
    let mut story = Story::of(&[WEB], "");
    let tip = story.world.line.remote.tip();
    story
        .stage()
        .kubectl(&["annotate", "deployment/web", "keel.sh/policy=never"]);
    let told = story.world.pintle("plan", &["--output", "json"]).run();
    let place = format!(
        "(the live annotation keel.sh/policy of deployment {}/web)",
        story.stage().namespace
    );
    assert!(
        told.code == Some(0) && told.stdout.contains(&place),
        "{told:?}"
    );
    let second = story.world.line.registries.put(WEB.2, "second");
    story.poll();
    story.poll();
    assert_eq!(story.world.line.remote.tip(), tip, "{}", story.text(&WEB));
    story
        .stage()
        .kubectl(&["annotate", "deployment/web", "keel.sh/policy-"]);
    let (_, message) = commit_within(&story.world, &tip, "a move that was frozen", DEADLINE);
    assert_eq!(
        ["Action", "From", "To"].map(|name| trailer(&message, name)),
        ["update", &story.first[0], &second]
    );
    story.run.stop();
}

/// pintle follows no tag here: people write the pins, as a bot that updates them does.
const BY_PEOPLE: &str = "\n[[rule]]\nmatch = { stack = \"*\" }\npolicy = \"never\"\n";

impl Story {
    /// A person moves a pin, and it is applied.
    fn writes(&mut self, stack: &Stack, digest: &str) -> String {
        let commit = self
            .world
            .write_now(stack, &format!("{}@{digest}", stack.2));
        self.stage().ci.wait_for(&commit);
        commit
    }

    /// A person moves a pin to a new digest, which rolls out. Returns the digest and the commit.
    fn wrote(&mut self, stack: &Stack, seed: &str) -> (String, String) {
        let digest = self.world.line.registries.put(stack.2, seed);
        next_second();
        let commit = self.writes(stack, &digest);
        assert!(self.stage().image(&workload(stack)).ends_with(&digest));
        self.stage().rolled_out(&workload(stack));
        (digest, commit)
    }
}

#[test]
fn an_undo_of_what_a_person_pinned_is_followed() {
    for stack in [WEB, DB] {
        let mut story = Story::of(&[stack], BY_PEOPLE);
        let (name, first) = (workload(&stack), story.first[0].clone());
        let (second, tip) = story.wrote(&stack, "second");
        story.stage().undo(&name);
        let (commit, message) =
            story.commit_after(&tip, &format!("undo of a {} that a person pinned", stack.0));
        is_rollback(&story.world, &stack, &message, "undo", &second, &first);
        // The apply of that commit changes nothing, and nothing comes after it.
        story.stage().rolled_out(&name);
        let before = story.stage().get(&name);
        story.stage().ci.wait_for(&commit);
        assert_eq!(story.stage().get(&name)["spec"], before["spec"]);
        story.poll();
        // Nor after a second undo, to what was rolled back.
        story.stage().undo(&name);
        story.stage().rolled_out(&name);
        assert!(story.stage().image(&name).ends_with(&second));
        story.poll();
        story.poll();
        assert_eq!(
            story.world.line.remote.tip(),
            commit,
            "{}",
            story.text(&stack)
        );
        story.run.stop();
    }
}

#[test]
fn an_undo_of_it_while_pintle_was_down_is_found_at_the_start() {
    let mut story = Story::of(&[WEB], BY_PEOPLE);
    let (second, tip) = story.wrote(&WEB, "second");
    let Story {
        run,
        following,
        world,
        first,
        ..
    } = story;
    run.stop();
    world.stage.undo("deployment/web");
    world.stage.rolled_out("deployment/web");
    let run = Daemon::start(prepared(&world, &[]));
    let (_, message) = commit_after(&world, &tip, "start after an undo of what a person pinned");
    is_rollback(&world, &WEB, &message, "undo", &second, &first[0]);
    run.stop();
    drop(following);
}

#[test]
fn a_digest_that_a_person_wrote_again_is_not_applied_yet() {
    let mut story = Story::of(&[WEB], BY_PEOPLE);
    let (name, first) = (workload(&WEB), story.first[0].clone());
    let (second, tip) = story.wrote(&WEB, "second");
    story.stage().undo(&name);
    let (commit, _) = story.commit_after(&tip, "undo of what a person pinned");
    story.stage().ci.wait_for(&commit);
    // What was taken back is written again. What runs was set by hand, and the pin has an older
    // revision: all is as after an undo.
    next_second();
    story.stage().ci.set(Mode::Lags);
    let tip = story.world.write_now(&WEB, &format!("{}@{second}", WEB.2));
    for args in [
        &["rollout", "restart", &name][..],
        &["scale", "--replicas=2", &name],
        &["rollout", "restart", &name],
    ] {
        story.poll();
        story.stage().kubectl(args);
        story.stage().rolled_out(&name);
    }
    story.poll();
    assert_eq!(story.world.line.remote.tip(), tip, "{}", story.text(&WEB));
    let told = story.world.pintle("plan", &["--output", "json"]).run();
    assert!(
        told.code == Some(0) && told.stdout.contains("applied: no"),
        "{told:?}"
    );
    // It is applied after all, and taken back.
    story.stage().ci.set(Mode::Applies);
    story.stage().ci.wait_for(&tip);
    story.stage().rolled_out(&name);
    assert!(story.stage().image(&name).ends_with(&second));
    next_second();
    let numbers = story.stage().revisions(&name);
    let (number, ..) = numbers
        .iter()
        .rev()
        .find(|(.., image)| image.ends_with(&first))
        .expect("it is kept");
    story
        .stage()
        .kubectl(&["rollout", "undo", &name, &format!("--to-revision={number}")]);
    let (_, message) = story.commit_after(&tip, "undo of what a person wrote again");
    is_rollback(&story.world, &WEB, &message, "undo", &second, &first);
    story.run.stop();
}

#[test]
fn what_a_person_pinned_and_does_not_run_goes_back_to_what_stood_before() {
    let config = format!("{BY_PEOPLE}[cluster]\ncrash_grace = \"2s\"\n");
    let mut story = Story::of(&[WEB], &config);
    let first = story.first[0].clone();
    let second = story.world.line.registries.put(WEB.2, "second");
    story.stage().kubelet.lets(&second, Behaviour::Crashes);
    let tip = story.writes(&WEB, &second);
    let (commit, message) = story.commit_after(&tip, "CrashLoopBackOff of what a person pinned");
    is_rollback(&story.world, &WEB, &message, "unhealthy", &second, &first);
    story.stage().ci.wait_for(&commit);
    story.stage().rolled_out("deployment/web");
    story.poll();
    assert_eq!(story.world.line.remote.tip(), commit);
    story.run.stop();
}
