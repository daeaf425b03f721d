//! Pins that registries know more of.

use super::*;
use crate::pipeline::answer::Notice;
use crate::pipeline::{PinFact, Verdict};

const VERSION: &str = "ghcr.io/a/web:1.4.2";
const LATEST: &str = "ghcr.io/a/web:latest";

fn pinned_at(image: &str) -> Snapshot {
    snapshot(vec![site("web", 7, &pinned(image, 'a'))]).says(image, 'b')
}

fn learned(mut snapshot: Snapshot, image: &str, fact: PinFact) -> Snapshot {
    snapshot.pins.insert((channel(image), digest('a')), fact);
    snapshot
}

fn codes(snapshot: &Snapshot) -> (Verdict, Vec<&'static str>) {
    let decided = snapshot.decided();
    let codes = decided.reasons.iter().map(Reason::code).collect();
    (decided.verdict, codes)
}

#[test]
fn a_pin_that_is_gone_is_rotten_and_never_in_sync() {
    let there = pinned_at(VERSION);
    assert_eq!(codes(&there).0, Verdict::InSync);
    let gone = learned(there, VERSION, PinFact::Gone);
    let (verdict, reasons) = codes(&gone);
    assert_eq!((verdict, reasons[0]), (Verdict::Blocked, "rotten"));
    // Also where the registry does not say what the tag means now.
    let unknown = gone.upstream(VERSION, Seen::Unknown("it was busy".into()));
    let (verdict, reasons) = codes(&unknown);
    assert_ne!(verdict, Verdict::InSync);
    assert!(reasons.contains(&"rotten"), "{reasons:?}");
}

#[test]
fn a_held_pin_that_is_gone_is_rotten() {
    let held = pinned_at(LATEST).configured(
        "[[hold]]\nsite = 'deployment/web/web:web'\nby = 'ana'\nbecause = 'incident'\n",
    );
    assert_eq!(codes(&held).0, Verdict::Held);
    let (verdict, reasons) = codes(&learned(held, LATEST, PinFact::Gone));
    assert_eq!(
        (verdict, &reasons[..2]),
        (Verdict::Blocked, &["rotten", "held"][..])
    );
}

#[test]
fn what_follows_its_tag_leaves_a_pin_that_is_gone_behind() {
    let moved = pinned_at(LATEST).configured("[defaults]\nsettle = '0'");
    let gone = learned(moved, LATEST, PinFact::Gone);
    let (verdict, reasons) = codes(&gone);
    assert_eq!(verdict, Verdict::Update);
    assert!(reasons.contains(&"rotten"), "{reasons:?}");
    assert_eq!(gone.plan().changes.len(), 1);
    let waiting = learned(pinned_at(LATEST), LATEST, PinFact::Gone);
    let (verdict, reasons) = codes(&waiting);
    assert_eq!(verdict, Verdict::Waiting);
    assert!(reasons.contains(&"rotten"), "{reasons:?}");
}

#[test]
fn a_platform_of_what_the_tag_means_has_not_moved() {
    let platform = |index: char| PinFact::PlatformOf {
        index: digest(index),
        platform: "linux/amd64".into(),
    };
    for image in [VERSION, LATEST] {
        let child = learned(
            pinned_at(image).configured("[defaults]\nsettle = '0'"),
            image,
            platform('b'),
        );
        let (verdict, reasons) = codes(&child);
        assert_eq!((verdict, reasons[0]), (Verdict::InSync, "pinned-platform"));
        assert!(!reasons.contains(&"tag-pushed-again"), "{reasons:?}");
        assert_eq!(child.plan().changes, []);
        assert_eq!(
            child.decided().reasons[0].to_string(),
            format!("pinned at the linux/amd64 manifest of what {image} points to")
        );
    }
    // The tag has moved on since.
    let old = learned(
        pinned_at(LATEST).configured("[defaults]\nsettle = '0'"),
        LATEST,
        platform('c'),
    );
    assert_eq!(codes(&old).0, Verdict::Update);
}

#[test]
fn only_pins_that_differ_are_asked_for() {
    let same = snapshot(vec![site("web", 7, &pinned(LATEST, 'b'))]).says(LATEST, 'b');
    assert!(crate::plan::pins_to_check(&same).is_empty());
    let unpinned = snapshot(vec![site("web", 7, LATEST)]).says(LATEST, 'b');
    assert!(crate::plan::pins_to_check(&unpinned).is_empty());
    let differs = crate::plan::pins_to_check(&pinned_at(LATEST));
    assert_eq!(
        differs.into_iter().collect::<Vec<_>>(),
        [((channel(LATEST), digest('a')), Some(digest('b')))]
    );
}

#[test]
fn a_rotten_pin_that_nobody_replaces_is_reported() {
    let reported = |world: &Snapshot| {
        let notices = world.plan().notices;
        notices
            .iter()
            .any(|one| matches!(one, Notice::Rotten { .. }))
    };
    let gone = learned(pinned_at(VERSION), VERSION, PinFact::Gone);
    assert!(reported(&gone));
    assert!(!reported(&pinned_at(VERSION)));
    let held = gone.configured(
        "[[hold]]\nsite = 'deployment/web/web:web'\nby = 'ana'\nbecause = 'incident'\n",
    );
    assert!(reported(&held), "a hold keeps what cannot be pulled");
    for config in ["[defaults]\nsettle = '0'", ""] {
        let moved = learned(pinned_at(LATEST).configured(config), LATEST, PinFact::Gone);
        assert!(!reported(&moved), "its update is on its way");
    }
}
