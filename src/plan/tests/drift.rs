//! An image that somebody set in the cluster by hand.

use super::forge::*;
use super::world::*;
use super::*;
use crate::pipeline::Verdict;
use crate::pipeline::cluster::Workload;

fn by_hand(image: &str) -> Workload {
    let revisions = vec![revision(3, image, UNDONE), revision(2, &super::world::image('b'), APPLIED)];
    workload("deployment", revisions, "kubectl-set", UNDONE)
}

fn drifts(config: &str, beside: &str) -> Snapshot {
    declared("deployment", 'b', beside, config).hosts(vec![by_hand(&image('c'))])
}

fn said(world: &Snapshot) -> String {
    let plan = world.plan();
    assert_eq!((plan.changes.len(), plan.notices.len()), (0, 0), "{plan:?}");
    plan.decisions[0].reasons.join("; ")
}

const DRIFT: &str = "drift: deployment immich/app was set to sha256:cccccccccccc by kubectl-set at 2026-11-22T11:58:00Z";

#[test]
fn it_is_reported_or_overwritten() {
    let told = said(&drifts("", ""));
    let keeps = format!("`/pin … to {}` keeps it", digest('c'));
    assert!(told.contains(&format!("{DRIFT}; the next apply takes it back; {keeps}")), "{told}");
    let told = said(&drifts("drift = 'overwrite'", ""));
    assert!(told.contains(&format!("{DRIFT}; the next apply takes it back (`drift` is `overwrite`, [defaults])")), "{told}");
    let config = "[[rule]]\nmatch = { stack = 'immich' }\ndrift = 'overwrite'";
    assert!(said(&drifts(config, "")).contains("(`drift` is `overwrite`, [[rule]] 1)"));
}

#[test]
fn it_is_taken_over_and_held() {
    let world = drifts("drift = 'adopt'", "");
    let plan = world.plan();
    let pin = &plan.changes[0].pins[0];
    assert_eq!((pin.action, pin.cause, &pin.to), (Action::Pin, Cause::Drift, &Some(digest('c'))));
    assert_eq!(plan.changes[0].message.lines().next(), Some("immich: pin server to cccc…cc (release)"));
    assert!(pin.evidence.as_deref().is_some_and(|evidence| format!("drift: {evidence}") == DRIFT));
    let after = carried_out(&world, &plan);
    let next = after.plan();
    assert_eq!((next.changes.len(), next.decisions[0].verdict), (0, Verdict::Held));
    let mut broken = after;
    let live = waiting(by_hand(&image('c')), "server", "CrashLoopBackOff");
    broken = broken.hosts(vec![live]);
    assert_eq!(broken.plan().changes, [], "what somebody set by hand is not rolled back");
}

#[test]
fn what_is_not_taken_over() {
    let adopt = "drift = 'adopt'";
    assert!(said(&drifts(adopt, " # pintle: hold because=\"x\"")).contains(DRIFT));
    assert!(said(&drifts(adopt, " # do not bump")).contains(DRIFT));
    let off = drifts("", "").configured("[defaults]\nmode = 'off'\ndrift = 'adopt'");
    assert!(said(&off).contains(DRIFT));
    let foreign = declared("deployment", 'b', "", adopt).hosts(vec![by_hand(&pinned("ghcr.io/someone/server:v1", 'c'))]);
    assert!(said(&foreign).contains("ghcr.io/someone/server is another repository; it is not taken over"), "{}", said(&foreign));
    // What upstream says anyway is an ordinary move.
    let plan = drifts(adopt, "").says(SERVER, 'c').plan();
    assert_eq!((plan.changes[0].pins[0].action, plan.changes[0].pins[0].cause), (Action::Move, Cause::TagMoved));
}

#[test]
fn it_is_proposed_where_moves_are() {
    let world = drifts("", "").configured("[defaults]\nsettle = '0'\ndrift = 'adopt'").forged(|_| ());
    let plan = world.plan();
    assert_ne!(plan.changes[0].route, crate::pipeline::Route::Commit);
    let again = world.opened().plan();
    assert_eq!((again.changes.len(), again.pulls.len()), (1, 0));
}

#[test]
fn images_that_terraform_ignores_do_not_drift() {
    let mut world = drifts("", "");
    let mut scan = (*world.scan).clone();
    scan.literals.iter_mut().flat_map(|literal| &mut literal.uses).for_each(|used| used.ignored = Some(true));
    world.scan = Arc::new(scan);
    assert!(!said(&world).contains("drift"));
}
