//! An image that somebody set in the cluster by hand.

use super::forge::*;
use super::world::*;
use super::*;
use crate::pipeline::cluster::Workload;
use crate::pipeline::{Delivery, Verdict};

fn by_hand(image: &str) -> Workload {
    let revisions = vec![
        revision(3, image, UNDONE),
        revision(2, &super::world::image('b'), APPLIED),
    ];
    workload("deployment", revisions, "kubectl-set", UNDONE)
}

fn drifts(config: &str, beside: &str) -> Snapshot {
    declared("deployment", 'b', beside, config).hosts(vec![by_hand(&image('c'))])
}

/// The reasons of the site where nothing is written.
fn said(world: &Snapshot) -> Vec<Reason> {
    let plan = world.plan();
    assert_eq!((plan.changes.len(), plan.notices.len()), (0, 0), "{plan:?}");
    plan.decisions[0].reasons.clone()
}

const EVIDENCE: &str =
    "deployment immich/app was set to sha256:cccccccccccc by kubectl-set at 2026-11-22T11:58:00Z";

/// What is said to happen next to the image that somebody set.
fn read_drift(world: &Snapshot) -> String {
    let reasons = said(world);
    let mut drifts = reasons.iter().filter_map(|reason| match reason {
        Reason::DriftFound { evidence, next } => Some((evidence, next)),
        _ => None,
    });
    let (evidence, next) = drifts.next().unwrap_or_else(|| panic!("{reasons:?}"));
    assert_eq!((evidence.as_str(), drifts.next()), (EVIDENCE, None));
    next.clone()
}

#[test]
fn it_is_reported_or_overwritten() {
    let keeps = format!("`/pin … to {}`", digest('c'));
    let reported = read_drift(&drifts("", ""));
    assert!(reported.contains(&keeps), "{reported}");
    let overwritten = read_drift(&drifts("drift = 'overwrite'", ""));
    assert!(
        overwritten.contains("(`drift` is `overwrite`, [defaults])")
            && !overwritten.contains(&keeps),
        "{overwritten}"
    );
    let config = "[[rule]]\nmatch = { stack = 'immich' }\ndrift = 'overwrite'";
    assert!(read_drift(&drifts(config, "")).contains("(`drift` is `overwrite`, [[rule]] 1)"));
}

#[test]
fn it_is_taken_over_and_held() {
    let world = drifts("drift = 'adopt'", "");
    let plan = world.plan();
    let pin = &plan.changes[0].pins[0];
    assert_eq!(
        (pin.action, pin.cause, &pin.to),
        (Action::Pin, Cause::Drift, &Some(digest('c')))
    );
    assert_eq!(
        plan.changes[0].message.lines().next(),
        Some("immich: pin server to cccc…cc (release)")
    );
    assert_eq!(pin.evidence.as_deref(), Some(EVIDENCE));
    let takes_over = Reason::TakeOverDrift {
        evidence: EVIDENCE.into(),
        image: SERVER.into(),
        to: digest('c'),
    };
    assert_eq!(
        (plan.decisions[0].verdict, &plan.decisions[0].reasons[0]),
        (Verdict::Held, &takes_over)
    );
    let after = carried_out(&world, &plan);
    let next = after.plan();
    assert_eq!(
        (next.changes.len(), next.decisions[0].verdict),
        (0, Verdict::Held)
    );
    let mut broken = after;
    let live = waiting(by_hand(&image('c')), "server", "CrashLoopBackOff");
    broken = broken.hosts(vec![live]);
    assert_eq!(
        broken.plan().changes,
        [],
        "what somebody set by hand is not rolled back"
    );
}

#[test]
fn what_is_not_taken_over() {
    let adopt = "drift = 'adopt'";
    let off = drifts("", "").configured("[defaults]\nmode = 'off'\ndrift = 'adopt'");
    let held = drifts(adopt, " # pintle: hold because=\"x\"");
    for (world, verdict, first) in [
        (held, Verdict::Held, "held"),
        (
            drifts(adopt, " # do not bump"),
            Verdict::Frozen,
            "do-not-bump-comment",
        ),
        (off, Verdict::Frozen, "mode-off"),
    ] {
        let decision = world.decided();
        assert_eq!((decision.verdict, codes(&decision)[0]), (verdict, first));
        // It is reported, and would be taken over if that were not.
        assert!(
            !read_drift(&world).contains("it is not taken over"),
            "{first}"
        );
    }
    let foreign = declared("deployment", 'b', "", adopt)
        .hosts(vec![by_hand(&pinned("ghcr.io/someone/server:v1", 'c'))]);
    let reasons = said(&foreign);
    let other = "ghcr.io/someone/server is another repository; it is not taken over";
    let is_foreign =
        |reason: &Reason| matches!(reason, Reason::DriftFound { next, .. } if next.contains(other));
    assert!(reasons.iter().any(is_foreign), "{reasons:?}");
    // What upstream says anyway is an ordinary update.
    let plan = drifts(adopt, "").says(SERVER, 'c').plan();
    assert_eq!(
        (
            plan.changes[0].pins[0].action,
            plan.changes[0].pins[0].cause
        ),
        (Action::Update, Cause::TagMoved)
    );
}

#[test]
fn it_is_proposed_where_updates_are() {
    let world = drifts("", "")
        .configured("[defaults]\nsettle = '0'\ndrift = 'adopt'")
        .forged(|_| ());
    let plan = world.plan();
    assert_ne!(plan.changes[0].delivery, Delivery::Commit);
    let again = world.opened().plan();
    assert_eq!((again.changes.len(), again.pull_steps.len()), (1, 0));
}

#[test]
fn images_that_terraform_ignores_do_not_drift() {
    let mut world = drifts("", "");
    let mut scan = (*world.scan).clone();
    scan.literals
        .iter_mut()
        .flat_map(|literal| &mut literal.uses)
        .for_each(|used| used.ignored = Some(true));
    world.scan = Arc::new(scan);
    assert!(
        !said(&world)
            .iter()
            .any(|reason| reason.code().contains("drift"))
    );
}
