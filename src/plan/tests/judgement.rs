//! The table of `docs/rollback.md`: a state, how long it lasts, how many pods have it, and what
//! follows. Expected by hand.

use super::forge::carried_out;
use super::world::*;
use super::*;
use crate::pipeline::Verdict;
use crate::pipeline::answer::Notice;
use crate::pipeline::cluster::{Pod, Workload};

/// What a row expects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    /// Nothing is written, and it is shown.
    Watched,
    /// Nothing is written, and nothing is wrong.
    Fine,
    /// Rolled back for this cause.
    Back(Cause),
    /// Not rolled back, and reported to a person.
    Reported,
}
use Then::{Back, Fine, Reported, Watched};

const REJECTED: Then = Back(Cause::Unhealthy);
const NOT_PULLED: Then = Back(Cause::NotPulled);
const NOT_STARTED: Then = Back(Cause::NotStarted);

/// How many pods of the pin there are, and how many of them fail.
type Pods = (usize, usize);
const ONE: Pods = (1, 1);

/// A state: the reason that a container waits for, the kubelet's message, how often it restarted.
type State<'a> = (&'a str, &'a str, u32);

const PULL: State = ("ErrImagePull", "", 0);
const BACK_OFF: State = ("ImagePullBackOff", "Back-off pulling image \"x\"", 0);
const QUOTA: State = ("ErrImagePull", "429 Too Many Requests", 0);
const LOGIN: State = (
    "ImagePullBackOff",
    "Back-off pulling image \"x\": ErrImagePull: 401 Unauthorized",
    0,
);
const GONE: State = ("ErrImagePull", "quay.io/x@sha256:aa: not found", 0);
const CONFIG: State = ("CreateContainerConfigError", "secret \"a\" not found", 0);
const CREATE: State = ("CreateContainerError", "failed to mount", 0);
const RUN: State = ("RunContainerError", "exec: \"app\": no such file", 0);
const NAME: State = ("InvalidImageName", "couldn't parse image name", 0);
const NEVER_PULL: State = ("ErrImageNeverPull", "", 0);
const RUNS_UNREADY: State = ("", "", 0);
const fn crash(restarts: u32) -> State<'static> {
    ("CrashLoopBackOff", "back-off 10s", restarts)
}

/// So many pods of the pin, of which the first are in a state since the pin went live.
fn failing(kind: &str, (all, bad): Pods, (reason, message, restarts): State) -> Workload {
    let mut workload = applied(kind);
    workload.rollout.complete = false;
    workload.rollout.wanted = all.try_into().unwrap();
    let pod = workload.pods.remove(0);
    for number in 0..all {
        let mut pod = Pod {
            name: format!("app-{number}").into(),
            ..pod.clone()
        };
        if number < bad {
            pod.unready = Some(at(APPLIED));
            let status = &mut pod.containers[0];
            (status.ready, status.restarts) = (false, restarts);
            if !reason.is_empty() {
                status.started = None;
                status.waiting = Some(crate::pipeline::cluster::Waiting {
                    reason: reason.into(),
                    message: message.into(),
                });
            }
        }
        workload.pods.push(pod);
    }
    workload
}

/// What follows, so many seconds after the pin went live.
fn judge(world: &Snapshot, seconds: i64) -> Then {
    let mut world = world.clone();
    world.at = at(APPLIED) + jiff::SignedDuration::from_secs(seconds);
    let plan = world.plan();
    let pins: Vec<_> = plan
        .changes
        .iter()
        .flat_map(|change| &change.pins)
        .collect();
    let reported = plan
        .notices
        .iter()
        .any(|one| matches!(one, Notice::NotRolledBack { .. }));
    let codes: Vec<&str> = plan.decisions[0].reasons.iter().map(Reason::code).collect();
    match &pins[..] {
        [pin] => {
            assert_eq!((pin.action, reported), (Action::Rollback, false));
            Back(pin.cause)
        }
        [] if reported => Reported,
        [] if codes.contains(&"failing") => Watched,
        [] => Fine,
        more => panic!("{more:?}"),
    }
}

#[test]
fn a_state_that_lasts_is_judged_and_a_blip_is_not() {
    const KINDS: [&str; 3] = ["deployment", "statefulset", "daemonset"];
    type Row<'a> = (&'a [&'a str], State<'a>, Pods, i64, Then);
    let sets = &KINDS[1..];
    let table: Vec<Row> = vec![
        // A pull that fails without a known cause: five minutes.
        (&KINDS, PULL, ONE, 3, Watched),
        (&KINDS, PULL, (3, 3), 240, Watched),
        (&KINDS, PULL, ONE, 299, Watched),
        (&KINDS, PULL, ONE, 300, NOT_PULLED),
        (&KINDS, PULL, (3, 3), 301, NOT_PULLED),
        (&KINDS, BACK_OFF, ONE, 8, Watched),
        (&KINDS, BACK_OFF, ONE, 299, Watched),
        (&KINDS, BACK_OFF, (2, 2), 600, NOT_PULLED),
        // Another pod of the revision has it: the node's doing.
        (&KINDS, PULL, (3, 2), 600, Watched),
        (&KINDS, BACK_OFF, (2, 1), 600, Watched),
        // A cause that is not the image's, however long it lasts.
        (&KINDS, QUOTA, ONE, 3, Watched),
        (&KINDS, QUOTA, (3, 3), 890, Watched),
        (&KINDS, LOGIN, ONE, 600, Watched),
        (&KINDS, NEVER_PULL, ONE, 600, Watched),
        // The registry denies the digest: at once, and for good.
        (&KINDS, GONE, ONE, 1, REJECTED),
        (&KINDS, GONE, (3, 3), 600, REJECTED),
        (&KINDS, GONE, (3, 1), 600, Watched),
        // One restart is none, two for five minutes and three for one are a crash.
        (&KINDS, crash(1), ONE, 10, Watched),
        (&KINDS, crash(1), ONE, 600, Watched),
        (&KINDS, crash(1), (3, 1), 6, Watched),
        (&KINDS, crash(2), ONE, 120, Watched),
        (&KINDS, crash(2), ONE, 299, Watched),
        (&KINDS, crash(2), ONE, 300, REJECTED),
        (&KINDS, crash(3), ONE, 59, Watched),
        (&KINDS, crash(3), ONE, 60, REJECTED),
        (&KINDS, crash(3), (3, 1), 59, Watched),
        (&KINDS, crash(3), (3, 1), 61, REJECTED),
        (&KINDS, crash(12), (3, 3), 600, REJECTED),
        // A Secret that comes late, and one that does not.
        (&KINDS, CONFIG, ONE, 4, Watched),
        (&KINDS, CONFIG, ONE, 119, Watched),
        (&KINDS, CONFIG, ONE, 120, NOT_STARTED),
        (&KINDS, CONFIG, (3, 1), 121, NOT_STARTED),
        // What the runtime cannot start: ten minutes.
        (&KINDS, CREATE, ONE, 60, Watched),
        (&KINDS, CREATE, ONE, 599, Watched),
        (&KINDS, CREATE, ONE, 600, NOT_STARTED),
        (&KINDS, RUN, (2, 1), 599, Watched),
        (&KINDS, RUN, (2, 1), 601, NOT_STARTED),
        (&KINDS, NAME, ONE, 599, Watched),
        (&KINDS, NAME, ONE, 600, NOT_STARTED),
        // It runs and is not ready: a Deployment has a deadline of its own, the others ten minutes.
        (&KINDS[..1], RUNS_UNREADY, ONE, 601, Fine),
        (sets, RUNS_UNREADY, ONE, 30, Watched),
        (sets, RUNS_UNREADY, ONE, 599, Watched),
        (sets, RUNS_UNREADY, ONE, 600, REJECTED),
        (sets, RUNS_UNREADY, (3, 1), 600, REJECTED),
        (sets, RUNS_UNREADY, (4, 1), 600, Fine),
        (sets, RUNS_UNREADY, (4, 2), 600, REJECTED),
        // It only begins.
        (&KINDS, ("ContainerCreating", "", 0), ONE, 600, Fine),
        (&KINDS, ("PodInitializing", "", 0), ONE, 600, Fine),
        // What begins within the window counts to its end.
        (&KINDS, CREATE, ONE, 650, NOT_STARTED),
        // After the window.
        (&KINDS, crash(3), ONE, 901, Fine),
        (&KINDS, PULL, ONE, 901, Fine),
        (&KINDS, QUOTA, ONE, 901, Fine),
    ];
    for (kinds, state, pods, seconds, then) in table {
        for kind in kinds {
            let world = declared(kind, 'b', "", "").hosts(vec![failing(kind, pods, state)]);
            assert_eq!(
                judge(&world, seconds),
                then,
                "{kind}: {state:?}, {pods:?}, {seconds} s"
            );
        }
    }
}

#[test]
fn a_pass_comes_when_a_grace_ends() {
    let world = world('b').hosts(vec![failing("deployment", ONE, PULL)]);
    let plan = world.later("2026-11-22T11:52:00Z").plan();
    assert_eq!(plan.next_look, Some(at("2026-11-22T11:56:00Z")));
}

#[test]
fn graces_are_settings() {
    let config = "[cluster]\nretry_grace = '30s'\ncrash_grace = '5s'\nconfig_grace = '1h'\n";
    let judge = |state, seconds| {
        let world = declared("deployment", 'b', "", config);
        judge(
            &world.hosts(vec![failing("deployment", ONE, state)]),
            seconds,
        )
    };
    assert_eq!(judge(PULL, 29), Watched);
    assert_eq!(judge(PULL, 30), NOT_PULLED);
    assert_eq!(judge(crash(3), 5), REJECTED);
    assert_eq!(judge(CONFIG, 800), Watched);
}

/// The rollout made no progress for as long as it may.
fn at_the_deadline(state: State) -> Workload {
    let mut workload = failing("deployment", ONE, state);
    workload.rollout.stuck = condition("ProgressDeadlineExceeded", "2026-11-22T12:01:00Z");
    workload
}

#[test]
fn a_deadline_is_the_image_s_fault_only_where_the_container_was_tried() {
    let judge = |workload| judge(&world('b').hosts(vec![workload]), 601);
    assert_eq!(judge(at_the_deadline(RUNS_UNREADY)), REJECTED);
    assert_eq!(judge(at_the_deadline(crash(1))), REJECTED);
    assert_eq!(judge(at_the_deadline(QUOTA)), Watched, "the registry's");
    assert_eq!(
        judge(at_the_deadline(("ContainerCreating", "", 0))),
        Reported,
        "a volume"
    );
    let mut no_node = at_the_deadline(RUNS_UNREADY);
    no_node.pods[0].containers.clear();
    assert_eq!(judge(no_node), Reported, "no node takes it");
    let mut no_pods = at_the_deadline(RUNS_UNREADY);
    no_pods.pods.clear();
    assert_eq!(judge(no_pods.clone()), NOT_STARTED, "admission, quota");
    let unread = world('b').hosts(vec![no_pods]).clustered(|cluster| {
        cluster.unread.insert(WorkloadKind::Pod, "no".into());
    });
    assert_eq!(self::judge(&unread, 601), Fine, "the pods are not known");
}

#[test]
fn what_fails_in_the_same_way_elsewhere_is_not_the_image_s_fault() {
    for (state, alike, other) in [
        (PULL, BACK_OFF, crash(3)),
        (BACK_OFF, QUOTA, CONFIG),
        (crash(3), crash(5), PULL),
        (CONFIG, CONFIG, crash(3)),
        (CREATE, RUN, CONFIG),
    ] {
        let beside = |older: State| {
            let mut workload = failing("deployment", ONE, state);
            let mut pod = failing("deployment", ONE, older).pods.remove(0);
            pod.name = "app-old".into();
            pod.revision = Some(workload.revisions[1].hash.clone());
            workload.pods.push(pod);
            judge(&world('b').hosts(vec![workload]), 700)
        };
        assert_eq!(beside(alike), Watched, "{state:?} beside {alike:?}");
        assert!(
            matches!(beside(other), Back(_)),
            "{state:?} beside {other:?}"
        );
    }
}

#[test]
fn a_node_that_pulls_nothing_is_not_the_image_s_fault() {
    let on_node = |name: &str, node: &str, state| {
        let mut workload = failing("deployment", ONE, state);
        workload.name = name.into();
        workload.pods[0].node = Some(node.into());
        workload
    };
    let beside = |state, node| {
        let all = vec![on_node("app", "n1", PULL), on_node("other", node, state)];
        judge(&world('b').hosts(all), 700)
    };
    assert_eq!(beside(BACK_OFF, "n1"), Watched);
    assert_eq!(beside(QUOTA, "n1"), Watched);
    assert_eq!(beside(BACK_OFF, "n2"), NOT_PULLED, "another node");
    assert_eq!(beside(crash(3), "n1"), NOT_PULLED, "it pulls");
    assert_eq!(beside(GONE, "n1"), NOT_PULLED, "that image is gone");
    let gone = vec![on_node("app", "n1", GONE), on_node("other", "n1", BACK_OFF)];
    let judged = judge(&world('b').hosts(gone), 700);
    assert_eq!(judged, REJECTED, "the registry has answered");
}

#[test]
fn only_what_ran_or_is_gone_is_rejected() {
    for (state, is_rejected) in [
        (crash(3), true),
        (GONE, true),
        (PULL, false),
        (CONFIG, false),
        (CREATE, false),
    ] {
        let mut world = world('b').hosts(vec![failing("deployment", ONE, state)]);
        world.at = at("2026-11-22T12:02:00Z");
        let plan = world.plan();
        let after = carried_out(&world, &plan).says(SERVER, 'b');
        let held = after.plan();
        assert_eq!(held.changes, [], "{state:?}: it is held");
        // A person removes the hold.
        let history = after.history.clone();
        let mut lifted = self::world('a').says(SERVER, 'b');
        lifted.history = history;
        lifted.at = at("2026-11-23T12:00:00Z");
        let decision = lifted.plan().decisions.remove(0);
        let codes: Vec<&str> = decision.reasons.iter().map(Reason::code).collect();
        assert_eq!(
            codes.contains(&"rolled-back"),
            is_rejected,
            "{state:?}: {codes:?}"
        );
        assert_eq!(
            decision.verdict == Verdict::Update,
            !is_rejected,
            "{state:?}: {codes:?}"
        );
    }
}

#[test]
fn nothing_is_updated_from_a_registry_that_nodes_cannot_pull_from() {
    let verdict = |state: State, image: &str| {
        let mut other = failing("deployment", ONE, state);
        other.name = "other".into();
        other.containers[0].image = image.into();
        other.revisions[0]
            .images
            .insert("server".into(), image.into());
        let world = world('a')
            .says(SERVER, 'c')
            .hosts(vec![applied("deployment"), other]);
        let decision = world.plan().decisions.remove(0);
        decision.reasons[0].code()
    };
    let (here, there) = ("ghcr.io/team/x:1", "quay.io/team/x:1");
    assert_eq!(verdict(QUOTA, here), "pull-trouble");
    assert_ne!(verdict(QUOTA, there), "pull-trouble");
    assert_ne!(verdict(crash(3), here), "pull-trouble");
    assert_ne!(verdict(GONE, here), "pull-trouble");
}

/// Pin b is in the spec, and every pod still runs a.
fn not_rolled_out(kind: &str, halt: Option<crate::pipeline::cluster::Halt>) -> Workload {
    let mut workload = applied(kind);
    let older = &workload.revisions[1];
    let pod = &mut workload.pods[0];
    pod.revision = Some(older.hash.clone());
    pod.containers[0].digest = Some(digest('a'));
    workload.rollout.complete = false;
    (workload.rollout.updated, workload.rollout.halt) = (0, halt);
    if halt == Some(crate::pipeline::cluster::Halt::Paused) {
        // A paused Deployment makes no ReplicaSet of its new template.
        workload.revisions.remove(0);
    }
    workload
}

#[test]
fn what_is_applied_and_not_rolled_out_runs_what_its_pods_run() {
    use crate::pipeline::cluster::Halt;
    for (kind, halt, code) in [
        ("deployment", Some(Halt::Paused), "paused"),
        ("deployment", None, "not-rolled-out"),
        ("daemonset", Some(Halt::OnDelete), "on-delete"),
        ("statefulset", Some(Halt::OnDelete), "on-delete"),
        ("statefulset", Some(Halt::Partition(1)), "partition"),
    ] {
        let world = declared(kind, 'b', "", "").hosts(vec![not_rolled_out(kind, halt)]);
        let plan = world.plan();
        let row = crate::plan::report_status(&world, &plan, None)
            .rows
            .remove(0);
        assert_eq!(
            (row.state.as_str(), &row.runs, row.is_quiet()),
            ("differs", &Some(digest('a')), false),
            "{kind}: {halt:?}"
        );
        let codes: Vec<&str> = row.troubles.iter().map(|one| one.code).collect();
        assert_eq!(codes, [code], "{kind}: {halt:?}");
        assert_eq!(
            plan.decisions[0].runs,
            Seen::Known(Some(digest('a'))),
            "{kind}"
        );
        let logged: Vec<&str> = plan.troubles.iter().map(|one| one.trouble.code).collect();
        assert_eq!(logged, [code], "{kind}: {halt:?}");
    }
    // One pod of the newest spec is enough.
    let mut begun = not_rolled_out("deployment", None);
    begun.pods.extend(applied("deployment").pods);
    let world = world('b').hosts(vec![begun]);
    let row = crate::plan::report_status(&world, &world.plan(), None)
        .rows
        .remove(0);
    assert_eq!(
        (row.state.as_str(), row.runs),
        ("pinned", Some(digest('b')))
    );
}

#[test]
fn trouble_is_shown_at_any_time() {
    let codes = |workload: Workload| {
        let kind = workload.kind.to_string();
        let mut world = declared(&kind, 'b', "", "").hosts(vec![workload]);
        world.at = at("2026-12-24T12:00:00Z");
        let plan = world.plan();
        assert_eq!(plan.changes, [], "long after the window");
        let row = crate::plan::report_status(&world, &plan, None)
            .rows
            .remove(0);
        assert!(!row.is_quiet() || row.troubles.is_empty());
        let found = row.troubles.into_iter();
        found.map(|one| (one.code, one.since)).collect::<Vec<_>>()
    };
    let since = Some(at(APPLIED));
    for (state, code) in [
        (crash(7), "crashing"),
        (crash(2), "crashing"),
        (crash(1), "restarting"),
        (PULL, "not-pulled"),
        (QUOTA, "pull-fails"),
        (GONE, "image-gone"),
        (CONFIG, "misconfigured"),
        (RUN, "cannot-start"),
    ] {
        assert_eq!(
            codes(failing("deployment", ONE, state)),
            [(code, since)],
            "{state:?}"
        );
    }
    assert_eq!(
        codes(failing("statefulset", ONE, RUNS_UNREADY)),
        [("never-ready", since)]
    );
    assert_eq!(codes(applied("deployment")), []);
    let mut parked = failing("deployment", ONE, crash(7));
    parked.replicas = Some(0);
    assert_eq!(codes(parked), []);
}

#[test]
fn what_crashes_and_is_gone_from_its_registry_shows_both() {
    let mut world = world('b')
        .says(SERVER, 'c')
        .hosts(vec![failing("deployment", ONE, crash(7))]);
    let gone = crate::pipeline::PinFact::Gone;
    world.pins.insert((channel(SERVER), digest('b')), gone);
    let row = crate::plan::report_status(&world, &world.plan(), None)
        .rows
        .remove(0);
    let codes: Vec<&str> = row.troubles.iter().map(|one| one.code).collect();
    assert_eq!(codes, ["crashing", "rotten"]);
}

#[test]
fn a_target_that_the_registry_no_longer_has_is_not_promised() {
    let mut world = world('b').hosts(vec![failing("deployment", ONE, crash(5))]);
    world.at = at("2026-11-22T11:55:00Z");
    let key = (channel(SERVER), digest('a'));
    assert!(crate::plan::pins_to_check(&world).contains_key(&key));
    let there = world.plan();
    assert_eq!(there.changes[0].pins[0].to, Some(digest('a')));
    world.pins.insert(key, crate::pipeline::PinFact::Gone);
    let gone = world.plan();
    assert_eq!(gone.changes, []);
    let [Notice::NotRolledBack { to: None, .. }] = &gone.notices[..] else {
        panic!("{:?}", gone.notices)
    };
}

#[test]
fn the_rollback_of_a_stateful_set_says_what_a_person_has_to_do() {
    let message = |kind: &str| {
        let mut world = declared(kind, 'b', "", "").hosts(vec![failing(kind, ONE, crash(5))]);
        world.at = at("2026-11-22T11:55:00Z");
        world.plan().changes.remove(0).message
    };
    assert!(message("statefulset").contains("delete that pod"));
    assert!(!message("deployment").contains("delete"));
    // Until somebody does, the status names the pod.
    let mut waiting = failing("statefulset", ONE, crash(5));
    waiting.rollout.updated = 0;
    waiting.pods[0].revision = Some("another".into());
    let world = declared("statefulset", 'b', "", "").hosts(vec![waiting]);
    let gaps = world.plan().troubles.into_iter();
    let gaps: Vec<String> = gaps.map(|one| one.trouble.what).collect();
    assert!(
        gaps.iter()
            .any(|gap| gap.contains("pod app-0 is not ready: delete it")),
        "{gaps:?}"
    );
}

#[test]
fn an_adoption_that_is_taken_back_is_no_rollback_to_a_newer_digest() {
    // The tag moved to b, and somebody returns to the spec before the first pin.
    for kind in ["deployment", "statefulset", "daemonset"] {
        let mut again = revision(3, SERVER, "2026-11-20T08:01:00Z");
        if kind == "deployment" {
            again.earlier = vec![1];
        }
        let mut live = workload(
            kind,
            vec![again, revision(2, &image('a'), APPLIED)],
            "kubectl-rollout",
            UNDONE,
        );
        live.pods[0].containers[0].digest = Some(digest('b'));
        let mut world = declared(kind, 'a', "", "");
        world.history = Seen::Known(crate::pipeline::history::History::default());
        let world = world
            .did(Action::Adopt, None, 'a', PINNED)
            .hosts(vec![live]);
        let plan = world.plan();
        let actions: Vec<Action> = plan
            .changes
            .iter()
            .flat_map(|change| &change.pins)
            .map(|pin| pin.action)
            .collect();
        assert!(!actions.contains(&Action::Rollback), "{kind}: {actions:?}");
        let codes: Vec<&str> = plan.decisions[0].reasons.iter().map(Reason::code).collect();
        assert!(codes.contains(&"drift"), "{kind}: {codes:?}");
    }
}
