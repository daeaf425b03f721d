//! What a plan gives to the metrics. It stands here for the small world.

use super::*;
use crate::pipeline::Verdict;
use crate::report::gauges::{PassGauges, read_gauges};

const IMAGE: &str = "ghcr.io/immich-app/immich-server:release";

/// One site, pinned at `a`, and upstream means `b`.
fn behind(change: impl FnOnce(Literal) -> Literal) -> Snapshot {
    snapshot(vec![change(site("immich", 7, &pinned(IMAGE, 'a')))])
        .configured("[defaults]\nsettle = '0s'\n")
        .says(IMAGE, 'b')
}

fn gauges(snapshot: &Snapshot) -> PassGauges {
    read_gauges(snapshot, &snapshot.plan())
}

#[test]
fn a_site_is_behind_since_its_digest_was_first_seen() {
    let world =
        behind(|site| beside(site, "pintle: never")).seen(IMAGE, 'b', "2026-11-20T08:00:00Z");
    let found = gauges(&world);
    assert_eq!(found.verdicts[&Verdict::Frozen], 1);
    assert_eq!(found.verdicts[&Verdict::InSync], 0);
    let [behind] = &found.behind[..] else {
        panic!("{found:?}")
    };
    assert_eq!(behind.image, IMAGE);
    assert_eq!(behind.since, at("2026-11-20T08:00:00Z"));
    assert_eq!(found.reasons["policy-never"], 1);
}

#[test]
fn a_digest_without_a_sighting_was_first_seen_now() {
    let world = behind(|site| beside(site, "pintle: never"));
    assert_eq!(gauges(&world).behind[0].since, at(NOW));
}

#[test]
fn a_site_in_sync_or_without_a_pin_is_not_behind() {
    let in_sync = behind(|site| site).says(IMAGE, 'a');
    assert_eq!(gauges(&in_sync).behind, []);
    let unpinned = snapshot(vec![site("immich", 7, IMAGE)]).says(IMAGE, 'b');
    assert_eq!(gauges(&unpinned).behind, []);
    let unknown = behind(|site| site).upstream(IMAGE, Seen::Unknown("gone".into()));
    assert_eq!(gauges(&unknown).behind, []);
}

#[test]
fn a_hold_is_as_old_as_its_record() {
    let world = behind(|site| beside(site, "pintle: hold"));
    let held = gauges(&world).held;
    assert_eq!(
        (held.len(), held[0].has_end, held[0].since),
        (1, false, None)
    );

    let mut world = behind(|site| beside(site, "pintle: hold until=2026-12-01")).wrote(
        IMAGE,
        Some('b'),
        'a',
        "2026-11-01T00:00:00Z",
    );
    let as_update = gauges(&world).held;
    assert!(as_update[0].has_end);
    assert_eq!(as_update[0].since, None, "an update is no hold");
    if let Seen::Known(history) = &mut world.history {
        let mut records = history.to_vec();
        records[0].pin.action = Action::Rollback;
        *history = records.into();
    }
    let recorded = gauges(&world).held;
    assert_eq!(recorded[0].since, Some(at("2026-11-01T00:00:00Z")));
}

#[test]
fn what_caches_serve_is_counted_by_registry() {
    let serves = digest('a');
    let world = behind(|site| site).cached(IMAGE, CacheAnswer::Stale { serves });
    let found = gauges(&world).cache_answers;
    assert_eq!(found[&("ghcr.io".to_owned(), "stale")], 1);
}
