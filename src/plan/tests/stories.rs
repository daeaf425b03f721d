//! What happens to a cluster besides pins and undos: it is built again, things are renamed, restarted, parked, converted from charts, put on full nodes.

use super::forge::*;
use super::world::*;
use super::*;
use crate::model::ask::{Back, Command, Target};
use crate::pipeline::answer::Outcome;
use crate::pipeline::cluster::{Alert, Pod, PodContainer, Workload};
use crate::pipeline::{PinRecord, Verdict};

const KINDS: [&str; 3] = ["deployment", "statefulset", "daemonset"];
const FIRST: &str = "2026-11-20T08:01:00Z";

fn pins(world: &Snapshot) -> Vec<PinRecord> {
    world.plan().changes.into_iter().flat_map(|change| change.pins).collect()
}

fn causes(world: &Snapshot) -> Vec<Cause> {
    pins(world).iter().map(|pin| pin.cause).collect()
}

fn reasons(world: &Snapshot) -> String {
    world.decided().reasons.join("; ")
}

fn broken(kind: &str) -> Workload {
    waiting(applied(kind), "server", "CrashLoopBackOff")
}

fn alert(labels: &[(&str, &str)]) -> Alert {
    let labels = [("alertname", "Down"), ("namespace", "immich")].iter().chain(labels);
    let labels = labels.map(|(name, value)| ((*name).into(), (*value).into())).collect();
    Alert { fingerprint: "f".into(), labels, started: at("2026-11-22T11:55:00Z"), summary: None }
}

/// Built again, renamed, moved to another namespace, one more of a `for_each`: it never had anything but the pin.
#[test]
fn what_was_made_after_its_pin_did_not_move() {
    const RULE: &str = "[[alert]]\nmatch = { alertname = 'Down' }\n";
    let made = |kind: &str, created: &str| {
        let mut live = broken(kind);
        live.created = Some(at(created));
        live.revisions.truncate(1);
        live
    };
    for kind in KINDS {
        let own = |created: &str| declared(kind, 'b', "", RULE).hosts(vec![made(kind, created)]);
        let hand = |created: &str| Snapshot { history: Seen::Known(History::default()), ..own(created) }.by_hand(Some('a'), PINNED);
        let alerted = |created: &str| {
            let live = Workload { pods: Vec::new(), ..made(kind, created) };
            Snapshot { alerts: Seen::Known(vec![alert(&[(kind, "app")])]), ..own(created).hosts(vec![live]) }
        };
        for (what, world) in [("own", &own as &dyn Fn(&str) -> Snapshot), ("by hand", &hand), ("alert", &alerted)] {
            assert_eq!(pins(&world(FIRST)).len(), 1, "{kind}, {what}: it was there before");
            let plan = world("2026-11-22T11:50:30Z").plan();
            assert_eq!((plan.changes.len(), plan.notices.len()), (0, 0), "{kind}, {what}");
        }
    }
}
