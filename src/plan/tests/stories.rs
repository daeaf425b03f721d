//! What happens to a cluster besides pins and undos: it is built again, things are renamed,
//! restarted, parked, converted from charts, put on full nodes.

use super::forge::*;
use super::world::*;
use super::*;
use crate::model::ask::{Back, Command, TargetName};
use crate::pipeline::answer::Outcome;
use crate::pipeline::cluster::{Alert, Pod, PodContainer, Workload};
use crate::pipeline::{Blame, PinRecord, Verdict};

const KINDS: [&str; 3] = ["deployment", "statefulset", "daemonset"];
const FIRST: &str = "2026-11-20T08:01:00Z";

fn pins(world: &Snapshot) -> Vec<PinRecord> {
    world
        .plan()
        .changes
        .into_iter()
        .flat_map(|change| change.pins)
        .collect()
}

fn causes(world: &Snapshot) -> Vec<Cause> {
    pins(world).iter().map(|pin| pin.cause).collect()
}

fn broken(kind: &str) -> Workload {
    waiting(applied(kind), "server", "CrashLoopBackOff")
}

fn alert(labels: &[(&str, &str)]) -> Alert {
    let labels = [("alertname", "Down"), ("namespace", "immich")]
        .iter()
        .chain(labels);
    let labels = labels
        .map(|(name, value)| ((*name).into(), (*value).into()))
        .collect();
    Alert {
        fingerprint: "f".into(),
        labels,
        started: at("2026-11-22T11:55:00Z"),
        summary: None,
    }
}

/// Built again, renamed, moved to another namespace, one more of a `for_each`: it never had
/// anything but the pin.
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
        let hand = |created: &str| {
            Snapshot {
                history: Seen::Known(History::default()),
                ..own(created)
            }
            .by_hand(Some('a'), PINNED)
        };
        let alerted = |created: &str| {
            let live = Workload {
                pods: Vec::new(),
                ..made(kind, created)
            };
            Snapshot {
                alerts: Seen::Known(vec![alert(&[(kind, "app")])]),
                ..own(created).hosts(vec![live])
            }
        };
        for (what, world) in [
            ("own", &own as &dyn Fn(&str) -> Snapshot),
            ("by hand", &hand),
            ("alert", &alerted),
        ] {
            assert_eq!(
                pins(&world(FIRST)).len(),
                1,
                "{kind}, {what}: it was there before"
            );
            let plan = world("2026-11-22T11:50:30Z").plan();
            assert_eq!(
                (plan.changes.len(), plan.notices.len()),
                (0, 0),
                "{kind}, {what}"
            );
        }
    }
}

const V2: &str = "ghcr.io/immich-app/server:v2";

/// `/pin … to v2` over `release`, which the records tell where `told`.
fn other_tag(told: bool) -> Snapshot {
    let text = deployment(
        "immich",
        &[("server", &pinned(V2, 'b'), " # pintle: hold by=ana")],
    );
    let world = repo(&[
        ("stacks/immich/main.tf", &text),
        (
            "pintle.toml",
            "[defaults]\nmode = \"commit\"\nsettle = \"0\"\n",
        ),
    ])
    .says(V2, 'b');
    let world = if told {
        world.did(Action::Adopt, None, 'a', "2026-11-20T08:00:00Z")
    } else {
        world
    };
    let mut world = world.did(Action::Pin, Some('a'), 'b', PINNED);
    if let Seen::Known(history) = &mut world.history {
        let mut all = history.to_vec();
        all.iter_mut()
            .skip(1)
            .for_each(|record| record.pin.image = SERVER.into());
        *history = all.into();
    }
    world
}

#[test]
fn a_digest_goes_back_with_the_tag_it_had() {
    let live = |older: &[&str]| {
        let older = older.iter().map(|image| revision(1, image, FIRST));
        let revisions = std::iter::once(revision(2, &pinned(V2, 'b'), APPLIED))
            .chain(older)
            .collect();
        waiting(
            workload("deployment", revisions, "Terraform", APPLIED),
            "server",
            "CrashLoopBackOff",
        )
    };
    let command = Command::Rollback {
        target: TargetName::new("immich/app"),
        to: None,
        because: None,
    };
    for (what, world) in [
        ("recorded", other_tag(true).hosts(vec![live(&[])])),
        (
            "a revision has it",
            other_tag(false).hosts(vec![live(&[&image('a')])]),
        ),
        (
            "asked for",
            other_tag(true).asked(vec![comment(12, vec![command.clone()])]),
        ),
    ] {
        let plan = world.plan();
        let pin = &plan
            .changes
            .first()
            .unwrap_or_else(|| panic!("{what}: {:?}", plan.decisions))
            .pins[0];
        assert_eq!(
            (pin.action, pin.image.as_str(), &pin.to),
            (Action::Rollback, SERVER, &Some(digest('a'))),
            "{what}"
        );
        let after = carried_out(&world, &plan).asked(Vec::new());
        assert_eq!(
            after
                .scan
                .sites()
                .next()
                .expect("a site")
                .1
                .image
                .to_string(),
            image('a'),
            "{what}"
        );
        assert_eq!(
            after.says(SERVER, 'a').plan().decisions[0].verdict,
            Verdict::Held,
            "{what}"
        );
    }
    let unknown = pins(&other_tag(false).hosts(vec![live(&[])]));
    assert_eq!(
        (unknown[0].image.as_str(), &unknown[0].to),
        (V2, &Some(digest('a'))),
        "nobody tells which it had"
    );
}

/// `b` was taken back to `a` at 11:40, and is pinned again at 11:50 and not applied; the same hand
/// restarts what runs.
#[test]
fn a_restart_before_an_apply_is_no_undo() {
    for kind in KINDS {
        let again = |made: &str, set: &str| {
            let mut live = undone(kind);
            live.revisions[1].created = Some(at("2026-11-22T11:30:00Z"));
            live.revisions.insert(0, revision(4, &image('a'), made));
            live.containers[0].writers[0].at = Some(at(set));
            declared(kind, 'b', "", "")
                .did(Action::Pin, Some('a'), 'b', PINNED)
                .hosts(vec![live])
        };
        let restarted = again("2026-11-22T11:55:01Z", "2026-11-22T11:55:00Z");
        assert_eq!(causes(&restarted), [], "{kind}");
        let decision = restarted.decided();
        assert!(
            tells(&decision, "not-applied", "still has sha256:aaaaaaaaaaaa"),
            "{kind}: {decision:?}"
        );
        // The restart is another hand's: the image was set when its own wrote.
        assert_eq!(
            causes(&again("2026-11-22T11:58:00Z", "2026-11-22T11:55:00Z")),
            [Cause::Undo],
            "{kind}"
        );
    }
}

/// `a` ran, then `b`; `/pin` takes it to `a` again, and then somebody to `b`.
#[test]
fn an_undo_to_what_is_younger_than_the_pin_s_revision_is_one() {
    for kind in KINDS {
        let mut again = revision(4, &image('b'), "2026-11-21T08:00:00Z");
        if kind == "deployment" {
            again.earlier = vec![2];
        }
        let live = workload(
            kind,
            vec![again, revision(3, &image('a'), FIRST)],
            "kubectl-rollout",
            UNDONE,
        );
        let world = declared(kind, 'a', " # pintle: hold by=ana", "")
            .did(Action::Pin, Some('b'), 'a', PINNED)
            .hosts(vec![live]);
        let pins = pins(&world);
        assert_eq!(
            pins.iter()
                .map(|pin| (pin.cause, pin.to.clone()))
                .collect::<Vec<_>>(),
            [(Cause::Undo, Some(digest('b')))],
            "{kind}"
        );
    }
}

#[test]
fn a_rollout_that_no_pod_of_the_pin_stops_is_not_the_pins() {
    let stuck = |statuses: &[Option<bool>]| {
        let mut live = applied("deployment");
        live.rollout.complete = false;
        live.rollout.stuck = condition("ProgressDeadlineExceeded", "2026-11-22T11:55:00Z");
        let pod = live.pods.remove(0);
        live.pods = statuses
            .iter()
            .map(|ready| {
                Pod {
                    containers: Vec::new(),
                    ..pod.clone()
                }
                .with(&pod, *ready)
            })
            .collect();
        causes(&world('b').hosts(vec![live]))
    };
    assert_eq!(stuck(&[None]), [], "no node takes it");
    assert_eq!(
        stuck(&[Some(true), None]),
        [],
        "one runs, and the other has no node"
    );
    assert_eq!(
        stuck(&[Some(true)]),
        [],
        "it runs: another container is not ready, or an older pod does not go"
    );
    assert_eq!(stuck(&[None, Some(false)]), [Cause::Unhealthy]);
    assert_eq!(
        stuck(&[]),
        [Cause::NotStarted],
        "none can be made: what admits pods refuses it"
    );
}

impl Pod {
    /// With the first container of another pod, ready or not.
    fn with(mut self, of: &Pod, ready: Option<bool>) -> Pod {
        self.containers.extend(ready.map(|ready| PodContainer {
            ready,
            ..of.containers[0].clone()
        }));
        self
    }
}

/// Two workloads that read one text, the second of this kind.
fn shared(kind: &str) -> Snapshot {
    let mut world = repo(&[(
        "stacks/immich/main.tf",
        &format!(
            "locals {{\n  image = \"{}\"\n}}\n{}{}",
            image('b'),
            deployment("immich", &[("server", "${local.image}", "")]),
            deployment("immich", &[("server", "${local.image}", "")])
                .replace("\"main\"", "\"worker\"")
                .replace("\"app\"", "\"worker\"")
        ),
    )]);
    let mut scan = (*world.scan).clone();
    let uses = scan
        .literals
        .iter_mut()
        .flat_map(|literal| &mut literal.uses);
    uses.filter(|used| used.name.as_deref() == Some("worker"))
        .for_each(|used| used.kind = WorkloadKind::new(kind));
    world.scan = scan.into();
    let world = world
        .configured("[defaults]\nmode = 'commit'\nsettle = '0'")
        .says(SERVER, 'b');
    world
        .did(Action::Adopt, None, 'a', "2026-11-20T08:00:00Z")
        .did(Action::Update, Some('a'), 'b', PINNED)
}

fn worker(workload: Workload) -> Workload {
    Workload {
        name: "worker".into(),
        ..workload
    }
}

#[test]
fn what_cannot_be_taken_back_does_not_keep_the_rest() {
    let with = |kind: &str, other: Workload| {
        let world = shared(kind).hosts(vec![undone("deployment"), worker(other)]);
        (causes(&world), world.plan().notices.len())
    };
    let bare = |kind: &str| Workload {
        revisions: Vec::new(),
        pods: Vec::new(),
        replicas: None,
        ..applied(kind)
    };
    assert_eq!(with("deployment", applied("deployment")), (vec![], 1));
    assert_eq!(
        with("cronjob", bare("cronjob")),
        (vec![Cause::Undo], 0),
        "its next run has the image of the rest"
    );
    assert_eq!(
        with(
            "deployment",
            Workload {
                replicas: Some(0),
                ..applied("deployment")
            }
        ),
        (vec![Cause::Undo], 0),
        "it is parked"
    );
    assert_eq!(with("job", bare("job")), (vec![], 1), "it would run again");
    // Alone they say nothing.
    let alone = shared("cronjob").hosts(vec![applied("deployment"), worker(bare("cronjob"))]);
    assert_eq!(
        (causes(&alone), alone.decided().verdict),
        (vec![], Verdict::InSync)
    );
}

#[test]
fn who_takes_one_back_and_sets_the_other_to_the_same_wants_the_same() {
    let set = |c: char| {
        let revisions = vec![
            revision(3, &image(c), UNDONE),
            revision(2, &image('b'), APPLIED),
        ];
        worker(workload("deployment", revisions, "kubectl-set", UNDONE))
    };
    let with = |c: char| {
        let world = shared("deployment").hosts(vec![undone("deployment"), set(c)]);
        (
            pins(&world)
                .iter()
                .map(|pin| (pin.cause, pin.to.clone()))
                .collect::<Vec<_>>(),
            world.plan().notices.len(),
        )
    };
    assert_eq!(with('a'), (vec![(Cause::Undo, Some(digest('a')))], 0));
    assert_eq!(with('c'), (vec![], 1));
}

#[test]
fn no_move_goes_past_a_hands_pin_while_nobody_can_look() {
    // The directive says the policy, so nothing of it has to be asked of the cluster.
    let world = declared("deployment", 'b', " # pintle: force", "")
        .says(SERVER, 'c')
        .later("2026-11-22T13:00:00Z");
    let dark = Snapshot {
        cluster: Seen::Unknown("no route".into()),
        history: Seen::Known(History::default()),
        ..world.clone()
    };
    assert_eq!(
        (pins(&dark).len(), dark.decided().verdict),
        (0, Verdict::Waiting),
        "{:?}",
        dark.decided()
    );
    assert_eq!(codes(&dark.decided())[0], "undo-unclear");
    assert_eq!(pins(&world).len(), 1, "no cluster is named");
}

#[test]
fn what_pintle_wrote_at_another_site_of_the_file_is_no_hands_doing() {
    let second = deployment("immich", &[("server", &image('b'), "")])
        .replace("\"main\"", "\"two\"")
        .replace("\"app\"", "\"two\"");
    let text = format!(
        "{}{second}",
        deployment("immich", &[("server", &image('b'), "")])
    );
    let world = repo(&[
        ("stacks/immich/main.tf", &text),
        (
            "pintle.toml",
            "[defaults]\nmode = \"commit\"\nsettle = \"0\"\n",
        ),
    ])
    .says(SERVER, 'b');
    let world = world
        .did_at(0, Action::Update, Some('a'), 'b', PINNED)
        .did_at(1, Action::Update, Some('a'), 'b', "2026-11-22T11:52:00Z");
    let mut world = world.hosts(vec![
        broken("deployment"),
        Workload {
            name: "two".into(),
            ..undone("deployment")
        },
    ]);
    if let Seen::Known(history) = &mut world.history {
        let mut all = history.to_vec();
        (all[0].landed, all[0].commit) = (commit('9'), commit('9'));
        *history = all.into();
    }
    let blame = Blame {
        commit: commit('9'),
        at: at("2026-11-22T11:52:00Z"),
        before: Some(digest('a')),
    };
    world.blame = crate::plan::pins_to_blame(&world)
        .into_iter()
        .map(|key| (key, Seen::Known(blame.clone())))
        .collect();
    assert_eq!(world.blame.len(), 1);
    let mut all = causes(&world);
    all.sort();
    assert_eq!(all, [Cause::Undo, Cause::Unhealthy]);
}

#[test]
fn an_alert_about_a_pod_that_is_older_than_the_pin_is_not_its_own() {
    let config = "[[alert]]\nmatch = { alertname = 'Down' }\n";
    let at_pod = |kind: &str, created: &str| {
        let mut live = Workload {
            kind: WorkloadKind::new(kind),
            revisions: Vec::new(),
            ..applied("deployment")
        };
        live.pods[0].created = Some(at(created));
        let mut world = declared("deployment", 'b', "", config).hosts(vec![live]);
        let mut scan = (*world.scan).clone();
        scan.literals
            .iter_mut()
            .flat_map(|literal| &mut literal.uses)
            .for_each(|used| used.kind = WorkloadKind::new(kind));
        (world.scan, world.alerts) = (scan.into(), Seen::Known(vec![alert(&[("pod", "app-1-x")])]));
        causes(&world)
    };
    assert_eq!(
        at_pod("cronjob", "2026-11-22T11:49:00Z"),
        [],
        "a run from before"
    );
    assert_eq!(at_pod("cronjob", "2026-11-22T11:54:00Z"), [Cause::Alert]);
    assert_eq!(
        at_pod("pod", FIRST),
        [Cause::Alert],
        "its image changes in its place"
    );
}

/// pintle pinned `d` in its time; people pinned `c`, and then `a`.
#[test]
fn a_rollback_that_is_asked_for_goes_back_from_a_hands_pin_to_what_it_replaced() {
    let asked = |to: Option<Back>| {
        let world = Snapshot {
            history: Seen::Known(History::default()),
            ..declared("deployment", 'a', "", "")
        };
        let command = Command::Rollback {
            target: TargetName::new("immich/app"),
            to,
            because: None,
        };
        world
            .did(Action::Adopt, None, 'd', "2026-11-01T08:00:00Z")
            .asked(vec![comment(12, vec![command])])
    };
    let goes = |world: &Snapshot| pins(world).first().and_then(|pin| pin.to.clone());
    assert_eq!(
        crate::plan::pins_to_blame(&asked(None)).len(),
        1,
        "git is asked"
    );
    assert_eq!(
        goes(&asked(None).by_hand(Some('c'), PINNED)),
        Some(digest('c'))
    );
    assert_eq!(
        goes(&asked(Some(Back::Pins(2))).by_hand(Some('c'), PINNED)),
        Some(digest('d'))
    );
    let untold = asked(None).by_hand(None, PINNED);
    let [
        Outcome::Refused {
            why,
            hint: Some(hint),
            ..
        },
    ] = &untold.outcomes()[..]
    else {
        panic!("{:?}", untold.outcomes())
    };
    assert!(why.ends_with("somebody else wrote the present pin (ffffffffff), and what was pinned before is unknown"), "{why}");
    assert_eq!(hint, "`/rollback … to sha256:…` names a digest");
    let named = |c| asked(Some(Back::Digest(digest(c)))).by_hand(Some('c'), PINNED);
    let unlooked = asked(Some(Back::Digest(digest('c'))));
    assert_eq!(crate::plan::pins_to_blame(&unlooked).len(), 1);
    assert_eq!(goes(&named('c')), Some(digest('c')), "what a hand replaced");
    assert_eq!(goes(&named('d')), Some(digest('d')), "what is recorded");
    assert_ne!(goes(&named('e')), Some(digest('e')), "it was never here");
}

#[test]
fn a_rollback_that_cannot_keep_keel_away_says_so_whoever_wants_it() {
    let text = deployment("immich", &[("server", &image('b'), "")])
        .replace("\"app\"", "\"app\"\n    annotations = var.annotations");
    let world = repo(&[
        ("stacks/immich/main.tf", &text),
        (
            "pintle.toml",
            "[defaults]\nmode = \"commit\"\nsettle = \"0\"\n",
        ),
    ])
    .says(SERVER, 'b');
    let world = world
        .did(Action::Adopt, None, 'a', "2026-11-20T08:00:00Z")
        .did(Action::Update, Some('a'), 'b', PINNED);
    let mut keel = Workload {
        name: "keel".into(),
        ..applied("deployment")
    };
    keel.containers[0].image = "keelhq/keel:0.20.0".into();
    let command = Command::Rollback {
        target: TargetName::new("immich/app"),
        to: None,
        because: None,
    };
    let by_itself = world
        .clone()
        .hosts(vec![broken("deployment"), keel.clone()]);
    for world in [
        by_itself,
        world
            .hosts(vec![applied("deployment"), keel])
            .asked(vec![comment(12, vec![command])]),
    ] {
        let plan = world.plan();
        let message = plan.changes[0]
            .message
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ");
        assert!(
            message.contains(
                "Keel may still set the image: its annotations are not written as one object there."
            ),
            "{message}"
        );
        crate::proof::prove_changes(&world, &plan.changes).unwrap_or_else(|why| panic!("{why}"));
    }
}

/// The configuration in use is not the repo's, so that no hold can be written to it; beside an
/// image in a heredoc none can stand.
#[test]
fn a_group_of_which_one_cannot_be_held_does_not_go_back() {
    let ml = |c: char| pinned("ghcr.io/immich-app/ml:release", c);
    let manifest = format!(
        "resource \"kubectl_manifest\" \"ml\" {{\n  yaml_body = <<-EOT\n    apiVersion: apps/v1\n    kind: Deployment\n    metadata:\n      name: ml\n      namespace: immich\n    spec:\n      template:\n        spec:\n          containers:\n            - name: ml\n              image: {}\n  EOT\n}}\n",
        ml('b')
    );
    let text = format!(
        "{}{manifest}",
        deployment("immich", &[("server", &image('b'), "")])
    );
    let world =
        repo(&[("stacks/immich/main.tf", &text)]).did_at(0, Action::Update, Some('a'), 'b', PINNED);
    let world = world.did_at(1, Action::Update, Some('a'), 'b', PINNED);
    let mut live = Workload {
        name: "ml".into(),
        ..applied("deployment")
    };
    (live.containers[0].name, live.containers[0].image) = ("ml".into(), ml('b').as_str().into());
    live.revisions
        .iter_mut()
        .for_each(|revision| _ = revision.images.insert("ml".into(), ml('b').as_str().into()));
    let world = world.hosts(vec![broken("deployment"), live]);
    let written = |config: &str| {
        let plan = world
            .clone()
            .configured(&format!("[defaults]\nmode = 'commit'\n{config}"))
            .plan();
        (
            plan.changes
                .iter()
                .map(|change| change.pins.len())
                .sum::<usize>(),
            plan.notices.len(),
        )
    };
    assert_eq!(written(""), (1, 0), "each on its own");
    assert_eq!(
        written("[[group]]\nname = 'immich'\nstacks = ['immich']\n"),
        (0, 2)
    );
}
