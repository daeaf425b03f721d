//! Pins that break what they are used by.

use super::forge::*;
use super::world::*;
use super::*;
use crate::pipeline::answer::Notice;
use crate::pipeline::cluster::{Alert, Condition, Pod, PodContainer, Revision, Workload};
use crate::pipeline::{PinRecord, Verdict};

/// What is rolled back, for which reason.
fn back(world: &Snapshot) -> Vec<PinRecord> {
    world
        .plan()
        .changes
        .into_iter()
        .flat_map(|change| change.pins)
        .collect()
}

fn why(world: &Snapshot) -> Option<String> {
    back(world).first().and_then(|pin| pin.evidence.clone())
}

fn stuck(since: &str) -> Workload {
    let mut workload = applied("deployment");
    workload.rollout.complete = false;
    workload.rollout.stuck = condition("ProgressDeadlineExceeded", since);
    workload.pods[0].containers[0].ready = false;
    workload
}

fn lost(since: &str) -> Workload {
    lost_by("deployment", since)
}

/// A Deployment's controller tells since when; the others' only count, and the pod tells.
fn lost_by(kind: &str, since: &str) -> Workload {
    let mut workload = short(applied(kind));
    workload.pods[0].containers[0].ready = false;
    workload.pods[0].lost = Some(at(since));
    if kind == "deployment" {
        workload.rollout.unavailable = condition("MinimumReplicasUnavailable", since);
    }
    workload
}

/// Its controller counts fewer ready pods than are wanted.
fn short(mut workload: Workload) -> Workload {
    workload.rollout.complete = false;
    workload.rollout.unavailable = Some(Condition {
        reason: "NotReady".into(),
        message: "".into(),
        since: None,
    });
    workload
}

/// So many pods of the pin, the first of which have lost their readiness at these times.
fn pods_of(kind: &str, all: usize, lost: &[&str]) -> Workload {
    let mut workload = short(applied(kind));
    let pod = workload.pods.remove(0);
    for number in 0..all {
        let mut pod = Pod {
            name: format!("app-{number}").into(),
            ..pod.clone()
        };
        pod.lost = lost.get(number).map(|since| at(since));
        pod.containers[0].ready = pod.lost.is_none();
        workload.pods.push(pod);
    }
    workload
}

#[test]
fn what_does_not_start_is_rolled_back() {
    for kind in ["deployment", "statefulset", "daemonset"] {
        for (reason, words, cause) in [
            ("CrashLoopBackOff", "CrashLoopBackOff", Cause::Unhealthy),
            ("ImagePullBackOff", "ImagePullBackOff", Cause::NotPulled),
            ("ErrImagePull", "ImagePullBackOff", Cause::NotPulled),
            (
                "CreateContainerConfigError",
                "CreateContainerConfigError",
                Cause::NotStarted,
            ),
        ] {
            let world =
                declared(kind, 'b', "", "").hosts(vec![waiting(applied(kind), "server", reason)]);
            let plan = world.plan();
            let pin = &plan.changes[0].pins[0];
            assert_eq!(
                (pin.action, pin.cause, &pin.to),
                (Action::Rollback, cause, &Some(digest('a')))
            );
            assert_eq!(
                pin.evidence.as_deref(),
                Some(&*format!("container server of {kind} immich/app: {words}"))
            );
            assert_eq!(
                plan.changes[0].prove.len(),
                1,
                "the old digest has to be there"
            );
            let after = carried_out(&world, &plan).says(SERVER, 'b');
            let next = after.plan();
            assert_eq!(
                (next.changes.len(), next.decisions[0].verdict),
                (0, Verdict::Held),
                "git is back, the cluster is not yet"
            );
            assert!(
                tells(
                    &next.decisions[0],
                    "not-applied",
                    "still has sha256:bbbbbbbbbbbb"
                ),
                "{:?}",
                next.decisions
            );
        }
    }
    assert_eq!(
        back(&world('b').hosts(vec![waiting(
            applied("deployment"),
            "server",
            "ContainerCreating"
        )])),
        []
    );
}

#[test]
fn a_rollout_without_progress_and_lost_readiness() {
    let since = "2026-11-22T11:55:00Z";
    assert_eq!(
        why(&world('b').hosts(vec![stuck(since)])).as_deref(),
        Some("deployment immich/app: ProgressDeadlineExceeded since 2026-11-22T11:55:00Z")
    );
    assert_eq!(
        why(&world('b').hosts(vec![lost(since)])).as_deref(),
        Some("deployment immich/app: readiness lost since 2026-11-22T11:55:00Z")
    );
    let before = "2026-11-22T11:40:00Z";
    assert_eq!(
        back(&world('b').hosts(vec![stuck(before)])),
        [],
        "an earlier rollout's"
    );
    assert_eq!(
        back(&world('b').hosts(vec![lost("2026-11-22T11:58:30Z")])),
        [],
        "within its grace"
    );
    assert_eq!(
        world('b')
            .hosts(vec![lost("2026-11-22T11:58:30Z")])
            .plan()
            .next_look,
        Some(at("2026-11-22T12:00:30Z")),
        "and looked at when it is over"
    );
    assert_eq!(world('b').hosts(vec![lost(since)]).plan().next_look, None);
    assert_eq!(
        back(&world('b').hosts(vec![lost(APPLIED)])),
        [],
        "its pods were never ready"
    );
    let mut unseen = stuck(since);
    unseen.rollout.observed = false;
    assert_eq!(back(&world('b').hosts(vec![unseen])), []);
}

#[test]
fn a_stateful_set_and_a_daemon_set_lose_readiness_like_a_deployment() {
    let since = "2026-11-22T11:55:00Z";
    for kind in ["deployment", "statefulset", "daemonset"] {
        let world = |workload: Workload| declared(kind, 'b', "", "").hosts(vec![workload]);
        let plan = world(lost_by(kind, since)).plan();
        let pin = &plan.changes[0].pins[0];
        assert_eq!(
            (pin.action, pin.cause, &pin.to),
            (Action::Rollback, Cause::Unhealthy, &Some(digest('a')))
        );
        assert_eq!(
            pin.evidence.as_deref(),
            Some(&*format!("{kind} immich/app: readiness lost since {since}"))
        );
        assert_eq!(plan.next_look, None);
        let within = world(lost_by(kind, "2026-11-22T11:58:30Z"));
        assert_eq!(
            (back(&within), within.plan().next_look),
            (Vec::new(), Some(at("2026-11-22T12:00:30Z"))),
            "{kind}: within its grace"
        );
        assert_eq!(
            back(&within.later("2026-11-22T12:00:30Z")).len(),
            1,
            "{kind}: it is over"
        );
        let patient = declared(kind, 'b', "", "[cluster]\nready_grace = '6m'")
            .hosts(vec![lost_by(kind, since)]);
        assert_eq!(
            (back(&patient), patient.plan().next_look),
            (Vec::new(), Some(at("2026-11-22T12:01:00Z")))
        );
        assert_eq!(
            back(&world(lost_by(kind, since)).later("2026-11-22T12:06:01Z")),
            [],
            "{kind}: after its window"
        );
        assert_eq!(
            back(&world(lost_by(kind, PINNED))),
            [],
            "{kind}: before it was live"
        );
    }
}

#[test]
fn trouble_counts_that_begins_within_the_window_and_is_seen_soon_after_its_grace() {
    // The window ends at 12:06, the grace is two minutes, and a pass may come a minute late.
    for (begun, seen, is_rolled_back) in [
        ("2026-11-22T12:05:00Z", "2026-11-22T12:07:30Z", true),
        ("2026-11-22T12:05:00Z", "2026-11-22T12:08:00Z", true),
        ("2026-11-22T12:05:00Z", "2026-11-22T12:08:01Z", false),
        ("2026-11-22T12:06:00Z", "2026-11-22T12:08:30Z", true),
        ("2026-11-22T12:06:01Z", "2026-11-22T12:08:30Z", false),
    ] {
        for kind in ["deployment", "statefulset", "daemonset"] {
            let world = declared(kind, 'b', "", "").hosts(vec![lost_by(kind, begun)]);
            let pins = back(&world.later(seen)).len();
            assert_eq!(pins == 1, is_rolled_back, "{kind}: {begun}, seen at {seen}");
        }
    }
}

/// The pod of the pin was never ready.
fn workload_is_new(world: &Snapshot) -> bool {
    let pods = world
        .cluster
        .known()
        .into_iter()
        .flat_map(|cluster| &cluster.workloads[0].pods);
    let mut own = pods.filter(|pod| pod.lost.is_none());
    own.any(|pod| !pod.containers[0].ready)
}

#[test]
fn what_is_no_loss_of_readiness() {
    let since = "2026-11-22T11:55:00Z";
    type Change<'a> = &'a dyn Fn(&mut Workload);
    let table: [(&str, Change); 9] = [
        (
            "a new pod, that never was ready: a scale, a drain, a new node",
            &|workload| workload.pods[0].lost = None,
        ),
        (
            "its readiness gate or its node, not its container",
            &|workload| workload.pods[0].containers[0].ready = true,
        ),
        (
            "as many are ready as are wanted: none is, or its node went",
            &|workload| workload.rollout.unavailable = None,
        ),
        ("the controller has not seen the newest spec", &|workload| {
            workload.rollout.observed = false
        }),
        (
            "a pod of an older revision: not replaced yet, a partition, `OnDelete`",
            &|workload| {
                workload.pods[0].revision = Some(workload.revisions[1].hash.clone());
            },
        ),
        ("it has no pods", &|workload| workload.pods.clear()),
        ("its revisions are not known", &|workload| {
            workload.revisions.clear()
        }),
        ("its newest revision is not known yet", &|workload| {
            _ = workload.revisions.remove(0)
        }),
        ("another container", &|workload| {
            let server = workload.pods[0].containers[0].clone();
            workload.pods[0].containers[0].ready = true;
            workload.pods[0].containers.push(PodContainer {
                name: "sidecar".into(),
                ..server
            });
        }),
    ];
    for kind in ["statefulset", "daemonset"] {
        for (what, change) in &table {
            let mut workload = lost_by(kind, since);
            change(&mut workload);
            let world = declared(kind, 'b', "", "").hosts(vec![workload]);
            assert_eq!(back(&world), [], "{kind}: {what}");
            // Whether a new pod ever becomes ready is looked at for longer.
            let never = workload_is_new(&world).then(|| at("2026-11-22T12:01:00Z"));
            assert_eq!(world.plan().next_look, never, "{kind}: {what}");
        }
        let unread = declared(kind, 'b', "", "").hosts(vec![lost_by(kind, since)]);
        assert_eq!(
            back(
                &unread
                    .clustered(|cluster| _ = cluster.unread.insert(WorkloadKind::Pod, "no".into()))
            ),
            [],
            "{kind}"
        );
        let mut job = lost_by(kind, since);
        job.kind = WorkloadKind::Job;
        assert_eq!(back(&declared(kind, 'b', "", "").hosts(vec![job])), []);
    }
}

/// As a Deployment of that many pods: a quarter, rounded down, may be missing (`maxUnavailable`),
/// and the time is that of the one too many.
#[test]
fn a_quarter_of_the_pods_may_lose_their_readiness() {
    let (early, late) = ("2026-11-22T11:55:00Z", "2026-11-22T11:57:00Z");
    let table: [(usize, &[&str], Option<&str>); 8] = [
        (1, &[late], Some(late)),
        (3, &[early], Some(early)),
        (3, &[late, early], Some(early)),
        (4, &[early], None),
        (4, &[early, late], Some(late)),
        (4, &[late, early], Some(late)),
        (8, &[early, early], None),
        (8, &[early, early, late], Some(late)),
    ];
    for kind in ["statefulset", "daemonset"] {
        for (all, lost, since) in table {
            let evidence = why(&declared(kind, 'b', "", "").hosts(vec![pods_of(kind, all, lost)]));
            let expected =
                since.map(|since| format!("{kind} immich/app: readiness lost since {since}"));
            assert_eq!(evidence, expected, "{all} pods of a {kind}, lost: {lost:?}");
        }
        // Half way through a rollout the new pods alone count: the controller waits for them.
        let mut begun = pods_of(kind, 4, &[early]);
        let older = begun.revisions[1].hash.clone();
        begun.pods[1..]
            .iter_mut()
            .for_each(|pod| pod.revision = Some(older.clone()));
        assert_eq!(
            back(&declared(kind, 'b', "", "").hosts(vec![begun])).len(),
            1,
            "{kind}"
        );
        // A restart makes a revision with the same image: what its pods have lost they had.
        let mut again = pods_of(kind, 1, &[late]);
        again.revisions.insert(
            0,
            Revision {
                hash: "again".into(),
                ..revision(3, &image('b'), "2026-11-22T11:53:00Z")
            },
        );
        assert_eq!(
            back(&declared(kind, 'b', "", "").hosts(vec![again.clone()])),
            [],
            "{kind}: a pod that is to be replaced"
        );
        again.pods[0].revision = Some("again".into());
        assert_eq!(
            back(&declared(kind, 'b', "", "").hosts(vec![again])).len(),
            1,
            "{kind}"
        );
    }
}

#[test]
fn another_container_s_failure_is_not_the_pin_s() {
    let with_sidecar = |mut workload: Workload| {
        let sidecar = PodContainer {
            name: "sidecar".into(),
            ..workload.pods[0].containers[0].clone()
        };
        workload.pods[0].containers.push(sidecar);
        workload
    };
    assert_eq!(
        back(&world('b').hosts(vec![waiting(
            with_sidecar(applied("deployment")),
            "sidecar",
            "CrashLoopBackOff"
        )])),
        []
    );
    assert_eq!(
        back(&world('b').hosts(vec![waiting(
            with_sidecar(stuck(UNDONE)),
            "sidecar",
            "CrashLoopBackOff"
        )])),
        []
    );
    let mut older = waiting(applied("deployment"), "server", "CrashLoopBackOff");
    older.pods[0].revision = Some("another".into());
    assert_eq!(
        back(&world('b').hosts(vec![older])),
        [],
        "a pod of another revision"
    );
    let pods = world('b').hosts(vec![waiting(
        applied("deployment"),
        "server",
        "CrashLoopBackOff",
    )]);
    assert_eq!(
        back(&pods.clustered(|cluster| _ = cluster.unread.insert(WorkloadKind::Pod, "no".into()))),
        []
    );
}

#[test]
fn only_within_the_window_and_only_what_moved() {
    let broken = || vec![waiting(applied("deployment"), "server", "CrashLoopBackOff")];
    assert_eq!(
        back(&world('b').hosts(broken()).later("2026-11-22T12:06:00Z")).len(),
        1
    );
    assert_eq!(
        back(&world('b').hosts(broken()).later("2026-11-22T12:06:01Z")),
        [],
        "15m after it went live"
    );
    assert_eq!(
        back(&declared("deployment", 'b', "", "watch = '5m'").hosts(broken())),
        []
    );
    assert_eq!(
        back(
            &declared("deployment", 'b', "", "watch = '0'")
                .hosts(broken())
                .later(APPLIED)
        ),
        []
    );
    let adopted = repo(&[(
        "stacks/immich/main.tf",
        &deployment("immich", &[("server", &image('b'), "")]),
    )])
    .says(SERVER, 'b');
    assert_eq!(
        back(
            &adopted
                .did(Action::Adopt, None, 'b', PINNED)
                .hosts(broken())
        ),
        [],
        "it ran before"
    );
    let rolled = world('b').did(Action::Rollback, Some('c'), 'b', "2026-11-22T11:50:30Z");
    assert_eq!(
        back(&rolled.hosts(broken())),
        [],
        "a rollback is not rolled back"
    );
    let late = |revisions| workload("deployment", revisions, "Terraform", APPLIED);
    let config = late(vec![
        revision(3, &image('b'), "2026-11-22T13:00:00Z"),
        revision(2, &image('b'), APPLIED),
    ]);
    assert_eq!(
        back(
            &world('b')
                .hosts(vec![waiting(config, "server", "CrashLoopBackOff")])
                .later("2026-11-22T13:01:00Z")
        ),
        [],
        "not the image's doing"
    );
}

#[test]
fn a_pin_that_somebody_asked_for_goes_back_too() {
    let held = " # pintle: hold by=ana";
    let world = declared("deployment", 'b', held, "")
        .did(Action::Pin, Some('a'), 'b', PINNED)
        .hosts(vec![waiting(
            applied("deployment"),
            "server",
            "CrashLoopBackOff",
        )]);
    let plan = world.plan();
    assert_eq!(plan.changes[0].pins[0].to, Some(digest('a')));
    carried_out(&world, &plan);
}

#[test]
fn what_has_no_way_back_is_told() {
    let broken = || vec![waiting(applied("deployment"), "server", "CrashLoopBackOff")];
    let first = repo(&[(
        "stacks/immich/main.tf",
        &deployment("immich", &[("server", &image('b'), "")]),
    )]);
    let plan = first
        .configured("[defaults]\nmode='commit'")
        .says(SERVER, 'b')
        .did(Action::Pin, None, 'b', PINNED)
        .hosts(broken())
        .plan();
    let [Notice::NotRolledBack { why, .. }] = &plan.notices[..] else {
        panic!("{:?}", plan.notices)
    };
    assert_eq!(why, "no earlier pin is known here that was not rolled back");
    let plan = declared("deployment", 'b', "", "auto_rollback = false")
        .hosts(broken())
        .plan();
    let [Notice::NotRolledBack { to, .. }] = &plan.notices[..] else {
        panic!("{:?}", plan.notices)
    };
    assert_eq!((to, plan.changes.len()), (&Some(digest('a')), 0));
    let mut gone = world('b').hosts(broken());
    gone.unproved
        .insert((channel(SERVER), digest('a')), "404".into());
    let plan = gone.plan();
    assert_eq!((plan.changes.len(), plan.notices.len()), (0, 1));
}

/// Server and ml in one group, both updated by one commit.
fn group(config: &str) -> Snapshot {
    let text = deployment(
        "immich",
        &[
            ("server", &image('b'), ""),
            ("ml", &pinned("ghcr.io/immich-app/ml:release", 'b'), ""),
        ],
    );
    let config = format!("[defaults]\nmode = \"commit\"\nsettle = \"0\"\n{config}");
    let world = repo(&[("stacks/immich/main.tf", &text), ("pintle.toml", &config)]);
    let world = world
        .did_at(0, Action::Update, Some('a'), 'b', PINNED)
        .did_at(1, Action::Update, Some('a'), 'b', PINNED);
    let mut live = applied("deployment");
    let mut ml = live.containers[0].clone();
    (ml.name, ml.image) = (
        "ml".into(),
        pinned("ghcr.io/immich-app/ml:release", 'b').as_str().into(),
    );
    live.containers.push(ml.clone());
    live.revisions[0]
        .images
        .insert("ml".into(), ml.image.clone());
    let status = PodContainer {
        name: "ml".into(),
        ..live.pods[0].containers[0].clone()
    };
    live.pods[0].containers.push(status);
    world.hosts(vec![waiting(live, "server", "CrashLoopBackOff")])
}

#[test]
fn a_group_goes_back_together() {
    assert_eq!(back(&group("")).len(), 1, "each on its own without a group");
    let grouped = "[[group]]\nname = 'immich'\nstacks = ['immich']\n";
    let pins = back(&group(grouped));
    assert_eq!(pins.len(), 2);
    assert!(
        pins[1]
            .evidence
            .as_ref()
            .is_some_and(|evidence| evidence.ends_with("(group immich is rolled back together)")),
        "{pins:?}"
    );
    let stays = group(&format!(
        "{grouped}[[rule]]\nmatch = {{ container = 'ml' }}\nauto_rollback = false\n"
    ))
    .plan();
    assert_eq!((stays.changes.len(), stays.notices.len()), (0, 2));
}

fn alert(labels: &[(&str, &str)], started: &str) -> Alert {
    let labels = labels
        .iter()
        .map(|(name, value)| ((*name).into(), (*value).into()))
        .collect();
    Alert {
        fingerprint: "f".into(),
        labels,
        started: at(started),
        summary: None,
    }
}

#[test]
fn an_alert_rolls_back_what_it_is_about() {
    const RULE: &str = "[[alert]]\nmatch = { alertname = 'Immich*' }\n";
    let named = |labels: &[(&str, &str)], started: &str, config: &str| {
        let mut world = declared("deployment", 'b', "", config).hosts(vec![applied("deployment")]);
        let all: Vec<_> = [("alertname", "ImmichDown"), ("namespace", "immich")]
            .iter()
            .chain(labels)
            .copied()
            .collect();
        world.alerts = Seen::Known(vec![alert(&all, started)]);
        why(&world)
    };
    let during = "2026-11-22T11:55:00Z";
    assert_eq!(
        named(&[("deployment", "app")], during, RULE).as_deref(),
        Some("alert ImmichDown on deployment immich/app since 2026-11-22T11:55:00Z")
    );
    type Case<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a str, &'a str, bool);
    let table: [Case; 9] = [
        ("by its pod", &[("pod", "app-1-x")], during, RULE, true),
        (
            "by a pod that is gone",
            &[("pod", "app-2-y")],
            during,
            RULE,
            true,
        ),
        (
            "another's pod",
            &[("pod", "apple-1-y")],
            during,
            RULE,
            false,
        ),
        (
            "another workload",
            &[("deployment", "other"), ("pod", "app-1-x")],
            during,
            RULE,
            false,
        ),
        (
            "another kind",
            &[("statefulset", "app")],
            during,
            RULE,
            false,
        ),
        ("no workload", &[], during, RULE, false),
        (
            "before the pin",
            &[("deployment", "app")],
            "2026-11-22T11:50:30Z",
            RULE,
            false,
        ),
        ("no rule", &[("deployment", "app")], during, "", false),
        (
            "another label",
            &[("deployment", "app")],
            during,
            "[[alert]]\nmatch = { alertname = 'Node*' }\n",
            false,
        ),
    ];
    for (what, labels, started, config, goes) in table {
        assert_eq!(named(labels, started, config).is_some(), goes, "{what}");
    }
}

#[test]
fn what_terraform_ignores_is_not_watched() {
    let mut world = self::world('b').hosts(vec![waiting(
        applied("deployment"),
        "server",
        "CrashLoopBackOff",
    )]);
    assert_eq!(back(&world).len(), 1);
    let mut scan = (*world.scan).clone();
    scan.literals
        .iter_mut()
        .flat_map(|literal| &mut literal.uses)
        .for_each(|used| used.ignored = Some(true));
    world.scan = Arc::new(scan);
    let plan = world.plan();
    assert_eq!(
        (plan.changes.len(), plan.notices),
        (0, Vec::new()),
        "the pin is not what broke it"
    );
}

#[test]
fn it_goes_back_to_what_is_known_to_have_run() {
    // Digest d was pinned in between and never applied.
    let pins = || {
        declared("deployment", 'c', "", "").did(
            Action::Update,
            Some('b'),
            'd',
            "2026-11-22T11:50:20Z",
        )
    };
    let world = pins().did(Action::Update, Some('d'), 'c', "2026-11-22T11:50:40Z");
    let newest = |older: Vec<Revision>| {
        let revisions = [vec![revision(3, &image('c'), APPLIED)], older].concat();
        waiting(
            workload("deployment", revisions, "Terraform", APPLIED),
            "server",
            "CrashLoopBackOff",
        )
    };
    let to = |older| {
        back(&world.clone().hosts(vec![newest(older)]))[0]
            .to
            .clone()
    };
    assert_eq!(
        to(vec![
            revision(2, &image('b'), "2026-11-20T09:00:00Z"),
            revision(1, &image('a'), "2026-11-20T08:01:00Z")
        ]),
        Some(digest('b'))
    );
    assert_eq!(
        to(vec![revision(1, &image('a'), "2026-11-20T08:01:00Z")]),
        Some(digest('a'))
    );
    assert_eq!(
        to(vec![revision(1, SERVER, "2026-11-20T08:01:00Z")]),
        Some(digest('d')),
        "no revision tells"
    );
    assert_eq!(to(Vec::new()), Some(digest('d')));
}
