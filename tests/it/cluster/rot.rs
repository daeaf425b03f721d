//! A pinned digest that the registry does not have any more is never called in sync.

use pintle::model::digest::Digest;

use super::{Stack, Story, WEB, is_rollback, status_of, verdict_of};

const BEADS: Stack = ("deployment", "beads", "quay.io/team/beads:1.4.2");
/// The registry takes the first digest away, and the tag means another one.
fn prunes(story: &Story, stack: &Stack) {
    let (_, repository) = stack.2.split_once('/').expect("an image with its host");
    let (repository, _) = repository.rsplit_once(':').expect("an image with its tag");
    let digest: Digest = Digest::parse(&story.first[0]).expect("a digest");
    story.world.line.registries.put(stack.2, "second");
    let registry = &story.world.line.registries.registry;
    registry.remove("quay.io", repository, &digest);
}

#[test]
fn a_pin_that_was_pruned_is_rotten() {
    let mut story = Story::of(&[BEADS], "");
    let tip = story.world.line.remote.tip();
    assert_eq!(verdict_of(&story.world, "beads").0, "in-sync");
    prunes(&story, &BEADS);
    let (verdict, reasons) = verdict_of(&story.world, "beads");
    assert_eq!(
        (&*verdict, &*reasons[0].0),
        ("blocked", "rotten"),
        "{reasons:?}"
    );
    let row = status_of(&story.world, "beads");
    assert_eq!(row["trouble"][0]["code"], "rotten", "{row:#}");
    // A new process looks at once, and says it once.
    story = story.restarted();
    story.poll();
    story.poll();
    assert_eq!(story.world.line.remote.tip(), tip);
    let log = story.run.stop();
    let said = log.lines().filter(|line| line.contains("rotten")).count();
    assert_eq!(said, 1, "{log}");
}

#[test]
fn what_a_rollback_holds_is_rotten_when_it_was_pruned() {
    let mut story = Story::of(&[WEB], "");
    let first = story.first[0].clone();
    let second = story.rolls(&WEB, "second");
    let tip = story.world.line.remote.tip();
    story.stage().undo("deployment/web");
    let (commit, message) = story.commit_after(&tip, "an undo to what is pruned later");
    is_rollback(&story.world, &WEB, &message, "undo", &second, &first);
    story.stage().ci.wait_for(&commit);
    assert_eq!(verdict_of(&story.world, "web").0, "held");
    prunes(&story, &WEB);
    let (verdict, reasons) = verdict_of(&story.world, "web");
    let codes: Vec<&str> = reasons.iter().map(|(code, _)| code.as_str()).collect();
    assert_eq!(
        (&*verdict, &codes[..2]),
        ("blocked", &["rotten", "held"][..])
    );
    story.run.stop();
    assert_eq!(story.world.line.remote.tip(), commit);
}
