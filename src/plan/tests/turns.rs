//! What keeps a rollback from being made, withdrawn or passed over, and what must not make one.

use super::forge::*;
use super::world::*;
use super::*;
use crate::pipeline::cluster::{Alert, Pod, PodContainer, Workload, Writer};
use crate::pipeline::forge::{Direct, PullState};
use crate::pipeline::{Delivery, PullStep, Verdict};

const LATER: &str = "2026-11-22T13:00:00Z";

fn broken(kind: &str) -> Workload {
    waiting(applied(kind), "server", "CrashLoopBackOff")
}

fn protected(world: Snapshot) -> Snapshot {
    world.forged(|forge| forge.direct = Direct::Protected("protected".into()))
}

/// Action, cause and target of what is written, and the steps about pull requests.
type Written = (Vec<(Action, Cause, Option<Digest>)>, Vec<PullStep>);

fn written(world: &Snapshot) -> Written {
    let plan = world.plan();
    let pins = plan.changes.into_iter().flat_map(|change| change.pins);
    (
        pins.map(|pin| (pin.action, pin.cause, pin.to)).collect(),
        plan.pull_steps,
    )
}

fn back(cause: Cause) -> Written {
    (
        vec![(Action::Rollback, cause, Some(digest('a')))],
        Vec::new(),
    )
}

/// Undone to a spec without a digest; its pods run `d`.
fn to_tag(observed: bool) -> Workload {
    let mut live = undone("deployment");
    live.containers[0].image = SERVER.into();
    live.revisions[0]
        .images
        .insert("server".into(), SERVER.into());
    live.pods[0].containers[0].digest = Some(digest('d'));
    live.rollout.observed = observed;
    live
}

#[test]
fn an_undo_to_what_no_registry_serves_is_told_and_not_planned_again() {
    for (config, live, code) in [
        ("", to_tag(true), "not-rolled-back"),
        ("drift = 'adopt'", set_by_hand(), "drift-not-taken"),
    ] {
        let mut world = declared("deployment", 'b', "", config).hosts(vec![live]);
        let proves: Vec<_> = world
            .plan()
            .changes
            .into_iter()
            .flat_map(|change| change.prove)
            .collect();
        assert_eq!(proves, [(channel(SERVER), digest('d'))]);
        world
            .unproved
            .insert((channel(SERVER), digest('d')), "404".into());
        let plan = world.plan();
        assert_eq!(
            plan.changes,
            [],
            "what could not be proved is not planned again: proving would never end"
        );
        assert_eq!(plan.notices.len(), usize::from(config.is_empty()));
        let quoted = "digest dddddddddddd could not be fetched: 404";
        assert!(
            tells(&plan.decisions[0], code, quoted),
            "{:?}",
            plan.decisions
        );
    }
}

/// Set to the tag by hand; its pods run `d`.
fn set_by_hand() -> Workload {
    let mut live = to_tag(true);
    live.revisions[0].created = Some(at(UNDONE));
    live.revisions[0].earlier.clear();
    live.containers[0].writers[0].manager = "kubectl-set".into();
    live
}

#[test]
fn an_urgent_pull_request_stays_until_somebody_decides() {
    let open = protected(world('b').hosts(vec![broken("deployment")])).opened();
    assert_eq!(written(&open), back(Cause::Unhealthy));
    let running = open.clone().hosts(vec![applied("deployment")]);
    let evidence = |world: &Snapshot| world.plan().changes[0].pins[0].evidence.clone();
    let cases = [
        ("it runs between two crashes", running.clone()),
        (
            "it waits for another reason",
            open.clone().hosts(vec![waiting(
                applied("deployment"),
                "server",
                "ErrImagePull",
            )]),
        ),
        ("the window is over", open.clone().later(LATER)),
        ("upstream changed", running.clone().says(SERVER, 'c')),
        (
            "no cluster can be asked",
            Snapshot {
                cluster: Seen::Unknown("no route".into()),
                ..open.clone()
            },
        ),
        (
            "the tip moved",
            Snapshot {
                tip: Some(commit('9')),
                ..running.clone()
            },
        ),
    ];
    for (what, world) in cases {
        assert_eq!(written(&world), back(Cause::Unhealthy), "{what}");
        assert_eq!(
            evidence(&world),
            evidence(&open),
            "{what}: it is not rewritten"
        );
    }
    let repinned = open.did(Action::Pin, Some('b'), 'e', LATER);
    let text = deployment("immich", &[("server", &image('e'), " # pintle: hold")]);
    let repinned = Snapshot {
        scan: repo(&[("stacks/immich/main.tf", &text)]).scan,
        ..repinned
    };
    let (pins, steps) = written(&repinned);
    assert!(
        pins.is_empty() && matches!(steps[..], [PullStep::Close { number: 100, .. }]),
        "{pins:?} {steps:?}"
    );
    assert_eq!(
        written(&running.forged(|forge| forge.direct = Direct::Allowed)).0,
        [],
        "it would be a commit now: nothing fails"
    );
}

#[test]
fn an_urgent_pull_request_about_an_undo_stays_while_nobody_can_look() {
    let open = protected(world('b').hosts(vec![undone("deployment")])).opened();
    assert_eq!(written(&open), back(Cause::Undo));
    let unseen = |change: fn(&mut Workload)| {
        let mut live = undone("deployment");
        change(&mut live);
        open.clone().hosts(vec![live])
    };
    let cases = [
        (
            "no cluster can be asked",
            Snapshot {
                cluster: Seen::Unknown("no route".into()),
                ..open.clone()
            },
        ),
        ("not observed", unseen(|live| live.rollout.observed = false)),
        (
            "revisions are unread",
            unseen(|live| live.revisions.clear())
                .clustered(|all| _ = all.unread.insert(WorkloadKind::ReplicaSet, "no".into())),
        ),
    ];
    for (what, world) in cases {
        assert_eq!(written(&world), (Vec::new(), Vec::new()), "{what}");
    }
    let redone = |manager: &str| {
        let mut live = applied("deployment");
        live.containers[0].writers[0] = Writer {
            manager: manager.into(),
            at: Some(at(UNDONE)),
        };
        open.clone().hosts(vec![live])
    };
    let closes =
        |world: &Snapshot| matches!(written(world).1[..], [PullStep::Close { number: 100, .. }]);
    assert!(
        closes(&redone("kubectl-rollout")),
        "a hand has taken the undo back"
    );
    // Of the whole repo, when something else was merged.
    for manager in ["Terraform", "HashiCorp", "Helm"] {
        let overrun = redone(manager);
        assert_eq!(written(&overrun), back(Cause::Undo), "{manager}");
        let (before, after) = (
            open.plan().changes.remove(0),
            overrun.plan().changes.remove(0),
        );
        assert_eq!(
            (before.pins, before.edits),
            (after.pins, after.edits),
            "it is not rewritten"
        );
        let reasons = &overrun.plan().decisions[0].reasons;
        assert!(
            reasons.contains(&Reason::AppliedAgain {
                digest: digest('b')
            }),
            "{reasons:?}"
        );
    }
    assert!(!closes(&redone("Terraform")) && closes(&redone("")));
    let declined = redone("Terraform")
        .forged(|forge| forge.pulls[0].state = PullState::Closed { at: at(LATER) });
    assert_eq!(
        written(&declined).0,
        [],
        "the apply has the last word where nobody wants the undo"
    );
}

#[test]
fn no_update_is_committed_over_what_may_be_an_undo() {
    let behind = || world('b').says(SERVER, 'c').later(LATER);
    assert_eq!(
        written(&behind().hosts(vec![applied("deployment")])).0,
        [(Action::Update, Cause::TagMoved, Some(digest('c')))]
    );
    let mut silent = to_tag(true);
    silent.pods.clear();
    let mut half = applied("deployment");
    half.containers[0].image = image('a').as_str().into();
    let mut blind = undone("deployment");
    blind.revisions.clear();
    let unread = behind()
        .hosts(vec![blind])
        .clustered(|all| _ = all.unread.insert(WorkloadKind::ReplicaSet, "no".into()));
    let cases = [
        ("not observed", behind().hosts(vec![to_tag(false)])),
        ("no pod tells", behind().hosts(vec![silent])),
        ("no revision yet", behind().hosts(vec![half])),
        ("revisions are unread", unread),
        (
            "no cluster can be asked",
            Snapshot {
                cluster: Seen::Unknown("no route".into()),
                ..behind()
            },
        ),
    ];
    for (what, world) in cases {
        let plan = world.plan();
        assert_eq!(
            (plan.changes.len(), plan.decisions[0].verdict),
            (0, Verdict::Waiting),
            "{what}: {:?}",
            plan.decisions
        );
        assert_eq!(codes(&plan.decisions[0])[0], "undo-unclear", "{what}");
        let reasons = &plan.decisions[0].reasons;
        let twice = reasons
            .iter()
            .any(|one| reasons.iter().filter(|other| *other == one).count() > 1);
        assert!(!twice, "{what}: {reasons:?}");
    }
    let proposed = Snapshot {
        cluster: Seen::Unknown("no route".into()),
        ..behind()
    };
    let proposed = proposed
        .configured("[defaults]\nsettle = '0'")
        .forged(|_| ());
    assert_eq!(
        written(&proposed).0.len(),
        1,
        "what a person merges goes on"
    );
    let beside = |more: &str| {
        behind()
            .hosts(vec![to_tag(false)])
            .configured(&format!("[defaults]\nsettle = '0'\n{more}"))
            .forged(|_| ())
    };
    assert_eq!(written(&beside("")).0.len(), 1);
    assert_eq!(
        written(&beside("automerge = true")).0,
        [],
        "nobody would look at it"
    );
}

#[test]
fn what_is_applied_to_another_cluster_is_not_held_against_this_one() {
    let of = |roots: &str| format!("[cluster]\nroots = ['{roots}']\n[defaults]\nsettle = '0'\n");
    let undone = |roots: &str| {
        world('b')
            .hosts(vec![undone("deployment")])
            .configured(&of(roots))
    };
    assert_eq!(written(&undone("stacks/*")), back(Cause::Undo));
    assert_eq!(written(&undone("live/prod/**")), (Vec::new(), Vec::new()));
    let behind = world('b').says(SERVER, 'c').later(LATER);
    let dark = |roots: &str| {
        Snapshot {
            cluster: Seen::Unknown("no route".into()),
            ..behind.clone()
        }
        .configured(&of(roots))
    };
    assert_eq!(written(&dark("stacks/*")).0, []);
    assert_eq!(
        written(&dark("live/prod/**")).0,
        [(Action::Update, Cause::TagMoved, Some(digest('c')))]
    );
}

#[test]
fn what_was_rolled_back_is_not_told_as_where_the_site_goes() {
    let world = world('b').hosts(vec![undone("deployment")]);
    let after = carried_out(&world, &world.plan());
    assert_eq!(
        (
            after.plan().decisions[0].verdict,
            after.plan().decisions[0].to.clone()
        ),
        (Verdict::Held, None)
    );
    assert_eq!(
        after.says(SERVER, 'c').plan().decisions[0].to,
        Some(digest('c')),
        "where it would go without the hold"
    );
}

/// Two workloads that read one text, the second of this kind.
fn shared(kind: &str) -> Snapshot {
    let second = deployment("immich", &[("server", "${local.image}", "")])
        .replace("\"main\"", "\"worker\"")
        .replace("\"app\"", "\"worker\"");
    let second = if kind == "statefulset" {
        second.replace("kubernetes_deployment", "kubernetes_stateful_set")
    } else {
        second
    };
    let first = deployment("immich", &[("server", "${local.image}", "")]);
    let text = format!(
        "locals {{\n  image = \"{}\"\n}}\n{first}{second}",
        image('b')
    );
    let world = repo(&[
        ("stacks/immich/main.tf", &text),
        (
            "pintle.toml",
            "[defaults]\nmode = \"commit\"\nsettle = \"0\"\n",
        ),
    ]);
    world
        .says(SERVER, 'b')
        .did(Action::Adopt, None, 'a', "2026-11-20T08:00:00Z")
        .did(Action::Update, Some('a'), 'b', PINNED)
}

fn called(name: &str, workload: Workload) -> Workload {
    Workload {
        name: name.into(),
        ..workload
    }
}

#[test]
fn what_still_runs_a_broken_pin_goes_back_though_only_a_part_was_undone() {
    let world = shared("deployment").hosts(vec![
        undone("deployment"),
        called("worker", broken("deployment")),
    ]);
    assert_eq!(written(&world), back(Cause::Unhealthy));
    assert_eq!(world.plan().notices, []);
}

#[test]
fn a_digest_that_nobody_serves_is_written_by_no_plan() {
    let world = world('b')
        .says(SERVER, 'c')
        .later(LATER)
        .hosts(vec![applied("deployment")]);
    let plan = world.plan();
    assert_eq!(plan.changes.len(), 1);
    let mut known = world.clone();
    known
        .unproved
        .insert((channel(SERVER), digest('c')), "404".into());
    let (left, refused) = crate::proof::prove_plan(&known, plan);
    assert!(left.changes.is_empty());
    assert_eq!(&*refused[0].0, "immich");
    assert_eq!(
        refused[0].1,
        "ghcr.io/immich-app/server:release could not be fetched by its digest cccccccccccc: 404"
    );
}

#[test]
fn who_takes_back_one_after_the_other_is_waited_for() {
    let part = || {
        shared("deployment")
            .hosts(vec![
                undone("deployment"),
                called("worker", applied("deployment")),
            ])
            .says(SERVER, 'c')
    };
    let early = part().later("2026-11-22T11:58:20Z").plan();
    assert_eq!(
        (early.changes.len(), early.notices.len(), early.next_look),
        (0, 0, Some(at("2026-11-22T11:59:00Z")))
    );
    assert_eq!(
        early.decisions[0].verdict,
        Verdict::Waiting,
        "no update goes past it"
    );
    let late = part().later("2026-11-22T11:59:00Z").plan();
    assert_eq!(
        (late.changes.len(), late.notices.len(), late.next_look),
        (0, 1, None)
    );
}

#[test]
fn what_cannot_be_looked_at_is_no_reason_to_say_that_a_part_stays() {
    let mut blind = called("worker", undone("statefulset"));
    blind.revisions.clear();
    let world = shared("statefulset").hosts(vec![undone("deployment"), blind]);
    let world = world.clustered(|all| {
        _ = all
            .unread
            .insert(WorkloadKind::new("controllerrevision"), "no".into())
    });
    let plan = world.plan();
    assert_eq!((plan.changes.len(), plan.notices.len()), (0, 0));
    let quoted = "whether statefulset immich/worker was undone is not known";
    assert!(
        tells(&plan.decisions[0], "live-unclear", quoted),
        "{:?}",
        plan.decisions
    );
}

fn with_sidecar(mut workload: Workload, change: impl FnOnce(&mut PodContainer)) -> Workload {
    let mut sidecar = PodContainer {
        name: "proxy".into(),
        ..workload.pods[0].containers[0].clone()
    };
    change(&mut sidecar);
    workload.pods[0].containers.push(sidecar);
    workload
}

#[test]
fn a_rollout_that_another_container_stops_is_not_the_pins() {
    let stuck = || {
        let mut live = applied("deployment");
        live.rollout.complete = false;
        live.rollout.stuck = condition("ProgressDeadlineExceeded", "2026-11-22T11:55:00Z");
        live.pods[0].containers[0].ready = false;
        live
    };
    let between = with_sidecar(stuck(), |status| {
        (status.ready, status.restarts) = (false, 4)
    });
    assert_eq!(
        written(&world('b').hosts(vec![between])).0,
        [],
        "it was started again a moment ago"
    );
    let well = with_sidecar(stuck(), |status| {
        (status.ready, status.restarts) = (true, 1)
    });
    assert_eq!(
        written(&world('b').hosts(vec![well])),
        back(Cause::Unhealthy)
    );
}

fn pod(name: &str, image: &str, status: impl FnOnce(&mut PodContainer)) -> Pod {
    let mut pod = applied("deployment").pods.remove(0);
    (pod.name, pod.revision) = (name.into(), Some(format!("h{image}").into()));
    status(&mut pod.containers[0]);
    pod
}

#[test]
fn an_image_that_only_a_node_cannot_pull_is_not_the_pins() {
    let waits = |status: &mut PodContainer| {
        status.waiting = Some(crate::pipeline::cluster::Waiting {
            reason: "ImagePullBackOff".into(),
            message: "".into(),
        });
        (status.ready, status.digest) = (false, None);
    };
    let pods = |pods: Vec<Pod>| {
        written(&world('b').hosts(vec![Workload {
            pods,
            ..applied("deployment")
        }]))
    };
    let (own, older) = (image('b'), image('a'));
    assert_eq!(pods(vec![pod("one", &own, waits)]), back(Cause::NotPulled));
    assert_eq!(
        pods(vec![pod("one", &own, waits), pod("old", &older, |_| ())]),
        back(Cause::NotPulled)
    );
    assert_eq!(
        pods(vec![pod("one", &own, waits), pod("two", &own, |_| ())]).0,
        [],
        "another pod has pulled it"
    );
    assert_eq!(
        pods(vec![pod("one", &own, waits), pod("old", &older, waits)]).0,
        [],
        "the registry does not serve the older one either"
    );
}

#[test]
fn a_crash_counts_wherever_it_is() {
    let pods = vec![
        pod("two", &image('b'), |_| ()),
        broken("deployment").pods.remove(0),
    ];
    assert_eq!(
        written(&world('b').hosts(vec![Workload {
            pods,
            ..applied("deployment")
        }])),
        back(Cause::Unhealthy)
    );
}

fn alerted(pod: &str, live: Workload) -> Snapshot {
    let config = "[[alert]]\nmatch = { alertname = '*' }\n";
    let labels = [
        ("alertname", "PodDown"),
        ("namespace", "immich"),
        ("pod", pod),
    ];
    let labels = labels
        .iter()
        .map(|(name, value)| ((*name).into(), (*value).into()))
        .collect();
    let alert = Alert {
        fingerprint: "f".into(),
        labels,
        started: at("2026-11-22T11:55:00Z"),
        summary: None,
    };
    let mut world = declared("deployment", 'b', "", config).hosts(vec![live]);
    world.alerts = Seen::Known(vec![alert]);
    world
}

#[test]
fn an_alert_about_a_pod_of_an_older_revision_is_not_the_pins() {
    let with = |one: Pod| {
        let mut live = applied("deployment");
        live.pods.push(one);
        live
    };
    assert_eq!(
        written(&alerted(
            "app-2-new",
            with(pod("app-2-new", &image('b'), |_| ()))
        )),
        back(Cause::Alert)
    );
    assert_eq!(
        written(&alerted(
            "app-1-old",
            with(pod("app-1-old", &image('a'), |_| ()))
        ))
        .0,
        []
    );
    assert_eq!(
        written(&alerted("app-1-gone", applied("deployment"))).0,
        [],
        "its ReplicaSet is an older one"
    );
    assert_eq!(
        written(&alerted("app-2-gone", applied("deployment"))),
        back(Cause::Alert)
    );
}

#[test]
fn only_the_same_rollback_counts_as_declined() {
    let world = || protected(world('b').hosts(vec![broken("deployment")]));
    let change = world().plan().changes.remove(0);
    let pin = |change_pin: fn(&mut PinRecord)| {
        let mut pin = change.pins[0].clone();
        change_pin(&mut pin);
        closed(proposed(7, "immich", vec![pin]))
    };
    let of = |pull| written(&world().forged(|forge| forge.pulls.push(pull)));
    assert_eq!(of(pin(|_| ())).0, [], "somebody closed this one");
    assert_eq!(
        of(pin(|pin| pin.action = Action::Update)),
        back(Cause::Unhealthy),
        "an update to the same digest was"
    );
    assert_eq!(
        of(pin(|pin| pin.from = Some(digest('9')))),
        back(Cause::Unhealthy),
        "the rollback of another pin was"
    );
}

#[test]
fn a_rollback_does_not_wait_for_what_somebody_asked_for() {
    let open = |to: char| {
        let pin = PinRecord {
            to: Some(digest(to)),
            action: Action::Pin,
            ..world('b').hosts(vec![undone("deployment")]).plan().changes[0].pins[0].clone()
        };
        world('b')
            .hosts(vec![undone("deployment")])
            .pulled(proposed(8, "comment-5", vec![pin]))
    };
    assert_eq!(written(&open('e')), back(Cause::Undo));
    assert_eq!(written(&open('a')).0, [], "it goes to the same digest");
}

#[test]
fn what_is_taken_over_does_not_make_a_rollback_a_proposal() {
    let ml = deployment("immich", &[("ml", &pinned("x/ml:v1", 'b'), "")])
        .replace("\"main\"", "\"ml\"")
        .replace("\"app\"", "\"ml\"");
    let text = format!(
        "{}{ml}",
        deployment("immich", &[("server", &image('b'), "")])
    );
    let config = "[defaults]\nsettle = '0'\ndrift = 'adopt'\n";
    let world = repo(&[("stacks/immich/main.tf", &text), ("pintle.toml", config)])
        .says(SERVER, 'b')
        .says("x/ml:v1", 'b')
        .forged(|_| ());
    let world = world
        .did_at(0, Action::Update, Some('a'), 'b', PINNED)
        .did_at(1, Action::Update, Some('a'), 'b', PINNED);
    let image = |c| pinned("x/ml:v1", c).as_str().into();
    let mut set = called(
        "ml",
        workload(
            "deployment",
            vec![revision(3, "c", UNDONE), revision(2, "b", APPLIED)],
            "kubectl-set",
            UNDONE,
        ),
    );
    (set.containers[0].name, set.containers[0].image) = ("ml".into(), image('c'));
    set.revisions[0].images = [("ml".into(), image('c'))].into();
    set.revisions[1].images = [("ml".into(), image('b'))].into();
    let alone = world
        .clone()
        .hosts(vec![applied("deployment"), set.clone()])
        .plan();
    assert!(
        alone.changes[0].delivery.is_pull_request(),
        "{:?}",
        alone.decisions
    );
    let plan = world.hosts(vec![undone("deployment"), set]).plan();
    let deliveries: Vec<_> = plan
        .changes
        .iter()
        .map(|change| (&change.delivery, change.pins.len(), change.pins[0].cause))
        .collect();
    assert_eq!(
        deliveries,
        [(&Delivery::Commit, 1, Cause::Undo)],
        "{:?}",
        plan.decisions
    );
}

#[test]
fn a_pin_that_came_into_use_again_is_watched_from_then_on() {
    for kind in ["deployment", "statefulset", "daemonset"] {
        // `b` ran before `a`; its pin was written at 11:50 and applied at 12:10.
        let mut again = revision(3, &image('b'), "2026-11-19T08:00:00Z");
        again.earlier = if kind == "deployment" {
            vec![1]
        } else {
            Vec::new()
        };
        let revisions = vec![again, revision(2, &image('a'), "2026-11-20T08:01:00Z")];
        let live = workload(kind, revisions, "Terraform", "2026-11-22T12:10:00Z");
        let world = declared(kind, 'b', "", "")
            .hosts(vec![waiting(live, "server", "CrashLoopBackOff")])
            .later("2026-11-22T12:11:00Z");
        assert_eq!(written(&world), back(Cause::Unhealthy), "{kind}");
    }
}

#[test]
fn a_later_write_of_the_same_hand_opens_no_window() {
    // The pin came into use again long ago; terraform changed something else of the workload a
    // moment ago.
    let mut live = broken("deployment");
    live.revisions[0].earlier = vec![1];
    live.revisions[0].created = Some(at("2026-11-19T08:00:00Z"));
    live.containers[0].writers[0].at = Some(at("2026-11-22T12:58:00Z"));
    live.pods[0].created = Some(at(APPLIED));
    assert_eq!(
        written(&world('b').hosts(vec![live.clone()]).later(LATER)).0,
        []
    );
    live.pods[0].created = Some(at("2026-11-22T12:58:30Z"));
    assert_eq!(
        written(&world('b').hosts(vec![live]).later(LATER)),
        back(Cause::Unhealthy),
        "it was applied late"
    );
}

#[test]
fn a_pull_request_that_was_merged_or_closed_rolls_nothing_back() {
    for state in [
        PullState::Closed { at: at(NOW) },
        PullState::Merged {
            at: at(NOW),
            commit: Some(commit('c')),
        },
    ] {
        let mut open = protected(world('b').hosts(vec![broken("deployment")]))
            .opened()
            .hosts(vec![applied("deployment")]);
        open.branches.clear();
        assert_eq!(
            written(&open.forged(|forge| forge.pulls[0].state = state.clone())),
            (Vec::new(), Vec::new())
        );
    }
}
