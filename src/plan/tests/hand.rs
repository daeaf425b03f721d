//! Pins that somebody else wrote: what git tells of them stands in for a record.

use super::forge::*;
use super::world::*;
use super::*;
use crate::pipeline::Verdict;
use crate::pipeline::answer::Notice;
use crate::pipeline::cluster::{Alert, Workload};
use crate::pipeline::history::History;

const KINDS: [&str; 3] = ["deployment", "statefulset", "daemonset"];

/// Nothing of the site is recorded; its file has `b`.
fn unrecorded(kind: &str, config: &str) -> Snapshot {
    Snapshot {
        history: Seen::Known(History::default()),
        ..declared(kind, 'b', "", config)
    }
}

/// How much the plan writes, and what it decides about the site.
fn planned(world: &Snapshot) -> (usize, Decision) {
    let mut plan = world.plan();
    (plan.changes.len(), plan.decisions.remove(0))
}

fn broken(kind: &str) -> Workload {
    waiting(applied(kind), "server", "CrashLoopBackOff")
}

#[test]
fn an_undo_of_it_is_declared_and_held() {
    for kind in KINDS {
        for before in [Some('a'), None] {
            let world = unrecorded(kind, "")
                .hosts(vec![undone(kind)])
                .by_hand(before, PINNED);
            let plan = world.plan();
            let pin = &plan
                .changes
                .first()
                .unwrap_or_else(|| panic!("{kind}: {:?}", plan.decisions))
                .pins[0];
            assert_eq!(
                (pin.action, pin.cause, &pin.from, &pin.to),
                (
                    Action::Rollback,
                    Cause::Undo,
                    &Some(digest('b')),
                    &Some(digest('a'))
                )
            );
            let next = carried_out(&world, &plan).plan();
            assert_eq!(
                (next.changes.len(), next.decisions[0].verdict),
                (0, Verdict::Held),
                "{kind}"
            );
        }
    }
}

#[test]
fn what_is_no_undo_of_it() {
    let first = "2026-11-20T08:01:00Z";
    let lag = |kind: &str| {
        workload(
            kind,
            vec![revision(1, &image('a'), first)],
            "Terraform",
            first,
        )
    };
    // The older digest is written again, and what runs is what was applied after it.
    let again = |kind: &str| {
        let revisions = vec![
            revision(2, &image('a'), "2026-11-22T11:30:00Z"),
            revision(1, &image('b'), first),
        ];
        workload(kind, revisions, "Terraform", "2026-11-22T11:30:00Z")
    };
    // The same, and what ran was taken back to before the commit was made.
    let undone_before = |kind: &str| {
        let mut again = undone(kind);
        again.containers[0].writers[0].at = Some(at("2026-11-22T11:40:00Z"));
        again.revisions[1].created = Some(at("2026-11-22T11:30:00Z"));
        again
    };
    let restarted = |kind: &str| {
        let mut again = again(kind);
        again
            .revisions
            .insert(0, revision(3, &image('a'), "2026-11-22T11:55:00Z"));
        again
    };
    let scaled = |kind: &str| Workload {
        replicas: Some(7),
        ..applied(kind)
    };
    let by_apply = |kind: &str| {
        let mut older = undone(kind);
        older.containers[0].writers[0].manager = "Terraform".into();
        older
    };
    let by_hand = |kind: &str| {
        let revisions = vec![
            revision(3, &image('c'), UNDONE),
            revision(2, &image('b'), APPLIED),
            revision(1, &image('a'), first),
        ];
        workload(kind, revisions, "kubectl-set", UNDONE)
    };
    type Case<'a> = (&'a str, &'a dyn Fn(&str) -> Workload, &'a str, &'a str);
    let table: [Case; 8] = [
        ("applied", &applied, "up-to-date", ""),
        (
            "not applied yet",
            &lag,
            "not-applied",
            "still has sha256:aaaaaaaaaaaa",
        ),
        (
            "written again and not applied",
            &again,
            "not-applied",
            "still has sha256:aaaaaaaaaaaa",
        ),
        (
            "taken back before it was written again",
            &undone_before,
            "not-applied",
            "still has sha256:aaaaaaaaaaaa",
        ),
        (
            "written again, and a restart",
            &restarted,
            "not-applied",
            "still has sha256:aaaaaaaaaaaa",
        ),
        ("scaled", &scaled, "up-to-date", ""),
        (
            "an older commit was applied",
            &by_apply,
            "not-applied",
            "terraform applied an older state",
        ),
        (
            "another image by hand",
            &by_hand,
            "drift",
            "deployment immich/app was set to sha256:cccccccccccc by kubectl-set",
        ),
    ];
    for (what, make, code, quoted) in table {
        for kind in KINDS {
            let (changes, decision) = planned(
                &unrecorded(kind, "")
                    .hosts(vec![make(kind)])
                    .by_hand(Some('a'), PINNED),
            );
            assert_eq!(
                (changes, decision.verdict),
                (0, Verdict::InSync),
                "{what}, {kind}: {decision:?}"
            );
            assert!(
                tells(&decision, code, &quoted.replace("deployment", kind)),
                "{what}, {kind}: {decision:?}"
            );
        }
    }
}

#[test]
fn where_git_does_not_tell_no_undo_is_claimed() {
    let mut world = unrecorded("deployment", "")
        .hosts(vec![undone("deployment")])
        .by_hand(None, PINNED);
    world
        .blame
        .values_mut()
        .for_each(|seen| *seen = Seen::Unknown("the history is cut off".into()));
    let (changes, decision) = planned(&world);
    assert_eq!((changes, decision.verdict), (0, Verdict::InSync));
    let why = "whether deployment immich/app was undone is not known: the history is cut off";
    assert!(
        decision
            .reasons
            .contains(&Reason::LiveUnclear { why: why.into() }),
        "{decision:?}"
    );
    let (changes, decision) = planned(&world.says(SERVER, 'c').later("2026-11-22T13:00:00Z"));
    assert_eq!(
        (changes, decision.verdict),
        (0, Verdict::Waiting),
        "an update would hide it: {decision:?}"
    );
    assert_eq!(decision.reasons[0], Reason::UndoUnclear { why: why.into() });
    // What pintle wrote needs no word of git's.
    let mut own = self::world('b')
        .hosts(vec![undone("deployment")])
        .by_hand(None, PINNED);
    own.blame
        .values_mut()
        .for_each(|seen| *seen = Seen::Unknown("the history is cut off".into()));
    assert_eq!(own.plan().changes[0].pins[0].cause, Cause::Undo);
    let unread = Snapshot {
        history: Seen::Unknown("broken".into()),
        ..own
    };
    assert!(
        crate::plan::pins_to_blame(&unread).is_empty() && planned(&unread).0 == 0,
        "what was rolled back before is not known"
    );
}

#[test]
fn a_recorded_pin_that_went_and_came_back_by_hand_is_as_old_as_the_hand() {
    // pintle pinned b, somebody else c and then b again, which is not applied: what runs was taken
    // back before.
    let world = world('b').hosts(vec![undone("deployment")]);
    assert_eq!(
        world
            .clone()
            .by_hand(Some('c'), PINNED)
            .plan()
            .changes
            .len(),
        1,
        "the record's own commit"
    );
    let (changes, decision) = planned(&world.by_hand(Some('c'), "2026-11-22T11:59:00Z"));
    assert!(
        changes == 0 && tells(&decision, "not-applied", "still has sha256:aaaaaaaaaaaa"),
        "{decision:?}"
    );
}

#[test]
fn a_second_undo_of_it_is_drift() {
    let held = " # pintle: hold because=\"undo: rolled back from sha256:bbbbbbbbbbbb\"";
    let mut back = revision(4, &image('b'), APPLIED);
    back.earlier = vec![2];
    let mut first = revision(3, &image('a'), "2026-11-20T08:01:00Z");
    first.earlier = vec![1];
    let again = workload(
        "deployment",
        vec![back, first],
        "kubectl-rollout",
        "2026-11-22T11:59:30Z",
    );
    let none = Snapshot {
        history: Seen::Known(History::default()),
        ..declared("deployment", 'a', held, "")
    };
    let world = none
        .did(Action::Rollback, Some('b'), 'a', "2026-11-22T11:58:05Z")
        .hosts(vec![again]);
    let (changes, decision) = planned(&world.by_hand(Some('b'), "2026-11-22T11:58:05Z"));
    assert_eq!(
        (changes, decision.verdict),
        (0, Verdict::Held),
        "{decision:?}"
    );
    assert!(
        tells(
            &decision,
            "drift",
            "sha256:bbbbbbbbbbbb was rolled back here before"
        ),
        "{decision:?}"
    );
}

#[test]
fn what_it_breaks_goes_back_to_what_stood_before() {
    for kind in KINDS {
        let world = unrecorded(kind, "")
            .hosts(vec![broken(kind)])
            .by_hand(Some('a'), PINNED);
        let plan = world.plan();
        let pin = &plan
            .changes
            .first()
            .unwrap_or_else(|| panic!("{kind}: {:?}", plan.decisions))
            .pins[0];
        assert_eq!(
            (pin.cause, &pin.from, &pin.to),
            (Cause::Unhealthy, &Some(digest('b')), &Some(digest('a')))
        );
        assert_eq!(
            plan.changes[0].prove.len(),
            1,
            "the old digest has to be there"
        );
        let next = carried_out(&world, &plan).plan();
        assert_eq!(
            (next.changes.len(), next.decisions[0].verdict),
            (0, Verdict::Held)
        );
    }
    let decision = planned(
        &unrecorded("deployment", "")
            .hosts(vec![applied("deployment")])
            .by_hand(Some('a'), PINNED),
    )
    .1;
    let end = at("2026-11-22T12:06:00Z");
    let is_watched =
        |reason: &Reason| matches!(reason, Reason::Watched { until, .. } if *until == end);
    assert!(decision.reasons.iter().any(is_watched), "{decision:?}");
}

#[test]
fn an_alert_about_it_is_its_own() {
    let config = "[[alert]]\nmatch = { alertname = 'Immich*' }\n";
    let labels = [
        ("alertname", "ImmichDown"),
        ("namespace", "immich"),
        ("deployment", "app"),
    ];
    let labels = labels
        .map(|(name, value)| (name.into(), value.into()))
        .into();
    let alert = Alert {
        fingerprint: "f".into(),
        labels,
        started: at("2026-11-22T11:55:00Z"),
        summary: None,
    };
    let world = Snapshot {
        alerts: Seen::Known(vec![alert]),
        ..unrecorded("deployment", config).hosts(vec![applied("deployment")])
    };
    let pin = world
        .clone()
        .by_hand(Some('a'), PINNED)
        .plan()
        .changes
        .remove(0)
        .pins
        .remove(0);
    assert_eq!((pin.cause, pin.to), (Cause::Alert, Some(digest('a'))));
    assert_eq!(world.plan().changes, [], "git was not asked");
}

#[test]
fn what_it_breaks_has_no_way_back_where_git_tells_none() {
    let world = unrecorded("deployment", "").hosts(vec![broken("deployment")]);
    let rolled = world
        .clone()
        .did(Action::Rollback, Some('a'), 'c', "2026-11-21T08:00:00Z")
        .by_hand(Some('a'), PINNED);
    for world in [world.by_hand(None, PINNED), rolled] {
        let plan = world.plan();
        let [
            Notice::NotRolledBack {
                why,
                cause: Cause::Unhealthy,
                ..
            },
        ] = &plan.notices[..]
        else {
            panic!("{:?}", plan.notices)
        };
        assert_eq!(
            (why.as_str(), plan.changes.len()),
            ("no earlier pin is known here that was not rolled back", 0)
        );
    }
}

#[test]
fn only_what_went_live_after_it_was_written_is_watched() {
    let fails = |workload: Workload, time: &str| {
        let world = unrecorded("deployment", "")
            .hosts(vec![waiting(workload, "server", "CrashLoopBackOff")])
            .later(time);
        let asked = !crate::plan::pins_to_blame(&world).is_empty();
        (asked, world.by_hand(Some('a'), PINNED).plan().changes.len())
    };
    let (early, late) = ("2026-11-22T12:00:00Z", "2026-11-22T13:01:00Z");
    assert_eq!(fails(applied("deployment"), early), (true, 1));
    assert_eq!(
        fails(applied("deployment"), late),
        (false, 0),
        "its window is over"
    );
    let before = vec![
        revision(2, &image('b'), "2026-11-22T11:49:59Z"),
        revision(1, &image('a'), "2026-11-20T08:01:00Z"),
    ];
    assert_eq!(
        fails(
            workload("deployment", before, "kubectl-set", APPLIED),
            early
        ),
        (true, 0),
        "it ran before"
    );
    // Another setting made one more revision of it.
    let other = vec![
        revision(3, &image('b'), "2026-11-22T13:00:00Z"),
        revision(2, &image('b'), APPLIED),
    ];
    assert_eq!(
        fails(
            workload("deployment", other, "Terraform", "2026-11-22T13:00:00Z"),
            late
        ),
        (false, 0)
    );
    // A way back is not gone back from: an older digest came into use again; and then another
    // setting.
    let mut again = revision(3, &image('b'), "2026-11-20T08:01:00Z");
    again.earlier = vec![1];
    let between = revision(2, &image('a'), "2026-11-21T08:01:00Z");
    let back = vec![again.clone(), between.clone()];
    assert_eq!(
        fails(workload("deployment", back, "Terraform", APPLIED), early),
        (true, 0)
    );
    let setting = vec![
        revision(4, &image('b'), "2026-11-22T13:00:00Z"),
        again,
        between,
    ];
    assert_eq!(
        fails(
            workload("deployment", setting, "Terraform", "2026-11-22T13:00:00Z"),
            late
        ),
        (true, 0)
    );
}

#[test]
fn a_way_back_that_somebody_went_is_not_gone_back_from() {
    // pintle wrote b over a; somebody takes it out by a commit of their own, and a does not run
    // either.
    let revisions = vec![
        revision(3, &image('a'), APPLIED),
        revision(2, &image('b'), "2026-11-22T11:00:00Z"),
    ];
    let live = waiting(
        workload("deployment", revisions, "Terraform", APPLIED),
        "server",
        "CrashLoopBackOff",
    );
    let world = declared("deployment", 'a', "", "")
        .hosts(vec![live])
        .by_hand(Some('b'), PINNED);
    let plan = world.plan();
    assert_eq!(
        (world.blame.len(), plan.changes.len(), plan.notices.len()),
        (1, 0, 0),
        "{plan:?}"
    );
}

/// Server and ml in one group, both changed by one commit of somebody else's; the server fails.
fn group(ml: Workload) -> Snapshot {
    let text = deployment("immich", &[("server", &image('b'), "")]);
    let other = deployment("other", &[("ml", &image('b'), "")]);
    let config =
        "[defaults]\nmode = \"commit\"\nsettle = \"0\"\n[[group]]\nname = 'all'\nstacks = ['*']\n";
    let world = repo(&[
        ("stacks/immich/main.tf", &text),
        ("stacks/other/main.tf", &other),
        ("pintle.toml", config),
    ]);
    world
        .hosts(vec![broken("deployment"), ml])
        .by_hand(Some('a'), PINNED)
}

#[test]
fn a_group_that_somebody_else_updated_is_rolled_back_together() {
    let called = |mut ml: Workload| {
        ml.namespace = "other".into();
        ml.containers[0].name = "ml".into();
        ml.revisions.iter_mut().for_each(|revision| {
            _ = revision
                .images
                .insert("ml".into(), ml.containers[0].image.clone())
        });
        ml
    };
    let both = group(called(applied("deployment")));
    assert_eq!(both.blame.len(), 2);
    assert_eq!(
        both.plan()
            .changes
            .iter()
            .flat_map(|change| &change.pins)
            .count(),
        2
    );
    let mut long = applied("deployment");
    long.revisions
        .iter_mut()
        .for_each(|revision| revision.created = Some(at("2026-11-22T11:30:00Z")));
    assert_eq!(
        group(called(long)).blame.len(),
        2,
        "its window is over, and its group's is not"
    );
}

#[test]
fn what_was_set_by_hand_is_drift_of_it() {
    let by_hand = || {
        let revisions = vec![
            revision(3, &image('c'), UNDONE),
            revision(2, &image('b'), APPLIED),
        ];
        vec![workload("deployment", revisions, "kubectl-set", UNDONE)]
    };
    let world = unrecorded("deployment", "drift = 'adopt'")
        .hosts(by_hand())
        .by_hand(Some('a'), PINNED);
    let pin = world.plan().changes.remove(0).pins.remove(0);
    assert_eq!(
        (pin.action, pin.cause, pin.to),
        (Action::Pin, Cause::Drift, Some(digest('c')))
    );
    // A pin that was never there, over which somebody set something.
    let mut never = by_hand();
    never[0].revisions.truncate(1);
    let decision = planned(
        &unrecorded("deployment", "")
            .hosts(never)
            .by_hand(Some('a'), PINNED),
    )
    .1;
    assert!(
        tells(
            &decision,
            "drift",
            "deployment immich/app was set to sha256:cccccccccccc by kubectl-set"
        ),
        "{decision:?}"
    );
}

#[test]
fn nothing_is_asked_of_pins_that_run_as_they_should() {
    let asked = |world: &Snapshot| crate::plan::pins_to_blame(world).len();
    let old = |kind: &str| {
        workload(
            kind,
            vec![revision(2, &image('b'), "2026-11-20T09:00:00Z")],
            "Terraform",
            "2026-11-20T09:00:00Z",
        )
    };
    assert_eq!(
        asked(&unrecorded("deployment", "").hosts(vec![old("deployment")])),
        0
    );
    assert_eq!(
        asked(&world('b').hosts(vec![applied("deployment")])),
        0,
        "pintle's own is recorded"
    );
    assert_eq!(
        asked(&unrecorded("deployment", "watch = '0'").hosts(vec![applied("deployment")])),
        0
    );
    assert_eq!(asked(&unrecorded("deployment", "")), 0, "no cluster");
    let lag = workload(
        "deployment",
        vec![revision(1, &image('a'), APPLIED)],
        "Terraform",
        APPLIED,
    );
    assert_eq!(
        asked(&unrecorded("deployment", "").hosts(vec![lag])),
        0,
        "not applied yet"
    );
    let many = vec![undone("deployment")];
    assert_eq!(asked(&unrecorded("deployment", "").hosts(many)), 1);
}
