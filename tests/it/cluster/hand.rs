//! The first pin is what runs; what somebody sets by hand is no undo.

use super::{DEADLINE, Story, WEB, commit_within, prepared, trailer};
use crate::support::daemon::Daemon;
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
    assert_eq!(["Action", "Cause", "From", "To"].map(|name| trailer(&message, name)), ["adopt", "first-pin", "none", &first]);
    // The move waits until the first pin is applied and rolled out; the cluster wakes for it.
    let (moved, message) = commit_within(&world, &adopted, "the move after it", DEADLINE);
    assert_eq!(["Action", "From", "To"].map(|name| trailer(&message, name)), ["move", &first, &second]);
    world.stage.ci.wait_for(&moved);
    world.stage.rolled_out("deployment/web");
    let revisions: Vec<String> = world.stage.revisions("deployment/web").into_iter().map(|(.., image)| image).collect();
    assert_eq!(revisions, [WEB.2.to_owned(), format!("{}@{first}", WEB.2), format!("{}@{second}", WEB.2)]);
    run.stop();
    drop(following);
}

#[test]
fn an_image_set_by_hand_is_told_and_not_followed() {
    let mut story = Story::of(&[WEB], "");
    story.rolls(&WEB, "second");
    let tip = story.world.line.remote.tip();
    let other = story.world.line.registries.put("quay.io/team/app:debug", "other");
    story.stage().kubectl(&["set", "image", "deployment/web", &format!("web=quay.io/team/app:debug@{other}")]);
    story.stage().rolled_out("deployment/web");
    story.poll();
    story.poll();
    assert_eq!(story.world.line.remote.tip(), tip, "{}", story.text(&WEB));
    let told = story.world.pintle("plan", &["--output", "json"]).run();
    assert!(told.code == Some(0) && told.stdout.contains("drift: ") && told.stdout.contains("was set to"), "{told:?}");
    story.run.stop();
}

#[test]
fn an_image_set_by_hand_is_taken_over_where_that_is_said() {
    let mut story = Story::of(&[WEB], "\n[[rule]]\nmatch = { stack = \"*\" }\ndrift = \"adopt\"\n");
    let second = story.rolls(&WEB, "second");
    let tip = story.world.line.remote.tip();
    let other = story.world.line.registries.put("quay.io/team/app:debug", "other");
    story.stage().kubectl(&["set", "image", "deployment/web", &format!("web={}@{other}", WEB.2)]);
    let (commit, message) = commit_within(&story.world, &tip, "an image set by hand", DEADLINE);
    assert_eq!(["Cause", "From", "To"].map(|name| trailer(&message, name)), ["drift", &second, &other]);
    story.stage().ci.wait_for(&commit);
    story.poll();
    assert_eq!(story.world.line.remote.tip(), commit, "it is held");
    story.run.stop();
}

#[test]
fn a_never_in_the_cluster_freezes_until_it_is_taken_away() {
    let mut story = Story::of(&[WEB], "");
    let tip = story.world.line.remote.tip();
    story.stage().kubectl(&["annotate", "deployment/web", "keel.sh/policy=never"]);
    let told = story.world.pintle("plan", &["--output", "json"]).run();
    let place = format!("(the live annotation keel.sh/policy of deployment {}/web)", story.stage().namespace);
    assert!(told.code == Some(0) && told.stdout.contains(&place), "{told:?}");
    let second = story.world.line.registries.put(WEB.2, "second");
    story.poll();
    story.poll();
    assert_eq!(story.world.line.remote.tip(), tip, "{}", story.text(&WEB));
    story.stage().kubectl(&["annotate", "deployment/web", "keel.sh/policy-"]);
    let (_, message) = commit_within(&story.world, &tip, "a move that was frozen", DEADLINE);
    assert_eq!(["Action", "From", "To"].map(|name| trailer(&message, name)), ["move", &story.first[0], &second]);
    story.run.stop();
}
