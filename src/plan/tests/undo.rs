//! What is an undo, and what is not.

use super::forge::*;
use super::world::*;
use super::*;
use crate::pipeline::answer::Notice;
use crate::pipeline::cluster::Workload;
use crate::pipeline::forge::Direct;
use crate::pipeline::{Delivery, Verdict};

const KINDS: [&str; 3] = ["deployment", "statefulset", "daemonset"];

#[test]
fn an_undo_is_declared_and_held() {
    for kind in KINDS {
        let world = declared(kind, 'b', "", "").hosts(vec![undone(kind)]);
        let plan = world.plan();
        let change = plan
            .changes
            .first()
            .unwrap_or_else(|| panic!("{kind}: {:?}", plan.decisions));
        let pin = &change.pins[0];
        assert_eq!(
            (
                &*change.name,
                &change.delivery,
                plan.changes.len(),
                change.prove.len()
            ),
            ("immich", &Delivery::Commit, 1, 0),
            "{kind}"
        );
        assert_eq!(
            (pin.action, pin.cause, &pin.from, &pin.to),
            (
                Action::Rollback,
                Cause::Undo,
                &Some(digest('b')),
                &Some(digest('a'))
            )
        );
        let to = if kind == "deployment" {
            "1"
        } else {
            "an older one (now 3)"
        };
        let evidence = format!(
            "{kind} immich/app was rolled back from revision 2 to {to} at 2026-11-22T11:58:00Z"
        );
        assert_eq!(pin.evidence.as_deref(), Some(&*evidence));
        assert_eq!(plan.decisions[0].verdict, Verdict::Rollback);
        assert_eq!(
            change.message.lines().next(),
            Some("immich: roll back server to aaaa…aa (undo)")
        );
        let after = carried_out(&world, &plan);
        let text = String::from_utf8(
            after
                .files
                .bytes(&RepoPath::new("stacks/immich/main.tf").expect("path"))
                .expect("file")
                .to_vec(),
        )
        .expect("text");
        let hold = " # pintle: hold because=\"undo: rolled back from sha256:bbbbbbbbbbbb\"";
        assert!(
            text.contains(&format!("\"{}\"{hold}", image('a'))),
            "{text}"
        );
        let next = after.plan();
        assert_eq!(
            (next.changes.len(), next.decisions[0].verdict),
            (0, Verdict::Held),
            "{kind}"
        );
    }
}

#[test]
fn the_same_plan_comes_again() {
    let world = world('b').hosts(vec![undone("deployment")]);
    assert_eq!(world.plan(), world.plan());
    assert_eq!(
        world.plan(),
        Snapshot {
            at: at("2026-11-22T12:00:07Z"),
            ..world.clone()
        }
        .plan_at(world.at)
    );
}

impl Snapshot {
    fn plan_at(&self, time: Timestamp) -> Plan {
        Plan {
            at: time,
            ..self.plan()
        }
    }

    /// How much the plan writes, and what it decides about the site.
    fn planned(&self) -> (usize, Decision) {
        let mut plan = self.plan();
        (plan.changes.len(), plan.decisions.remove(0))
    }
}

/// A change of something else than the image: one more revision with the pin.
fn other_template(kind: &str) -> Workload {
    let revisions = vec![
        revision(3, &image('b'), UNDONE),
        revision(2, &image('b'), APPLIED),
        revision(1, &image('a'), "2026-11-20T08:01:00Z"),
    ];
    workload(kind, revisions, "Terraform", APPLIED)
}

#[test]
fn what_is_no_undo() {
    let lag = |kind: &str| {
        workload(
            kind,
            vec![revision(1, &image('a'), "2026-11-20T08:01:00Z")],
            "Terraform",
            "2026-11-20T08:01:00Z",
        )
    };
    let scaled = |kind: &str| Workload {
        replicas: Some(7),
        ..applied(kind)
    };
    // It was pinned, rolled back, and is pinned again now: the second pin is not applied.
    let again = |kind: &str| {
        let mut again = undone(kind);
        again.containers[0].writers[0].at = Some(at("2026-11-22T11:40:00Z"));
        again.revisions[1].created = Some(at("2026-11-22T11:30:00Z"));
        again
    };
    // It ran long ago, is pinned now and not applied, and what ran meanwhile is undone to what ran
    // before both.
    let passed_over = |kind: &str| {
        let mut passed = undone(kind);
        passed.revisions[0].number = 4;
        passed.revisions[1].created = Some(at("2026-11-22T11:30:00Z"));
        passed
            .revisions
            .insert(1, revision(3, &image('c'), "2026-11-22T11:40:00Z"));
        passed
    };
    let by_hand = |kind: &str| {
        let revisions = vec![
            revision(3, &image('c'), UNDONE),
            revision(2, &image('b'), APPLIED),
            revision(1, &image('a'), "2026-11-20T08:01:00Z"),
        ];
        workload(kind, revisions, "kubectl-set", UNDONE)
    };
    let back_by_hand = |kind: &str| {
        let revisions = vec![
            revision(3, &image('a'), UNDONE),
            revision(2, &image('b'), APPLIED),
            revision(1, &image('a'), "2026-11-20T08:01:00Z"),
        ];
        workload(kind, revisions, "kubectl-set", UNDONE)
    };
    let by_apply = |kind: &str| {
        let mut older = undone(kind);
        older.containers[0].writers[0].manager = "Terraform".into();
        older
    };
    let unseen = |kind: &str| {
        let mut early = undone(kind);
        early.rollout.observed = false;
        early
    };
    let half_seen = |kind: &str| {
        let mut early = applied(kind);
        early.containers[0].image = image('a').as_str().into();
        early
    };
    type Case<'a> = (&'a str, &'a dyn Fn(&str) -> Workload, &'a str, &'a str);
    let table: [Case; 11] = [
        ("applied", &applied, "up-to-date", ""),
        (
            "not applied yet",
            &lag,
            "not-applied",
            "still has sha256:aaaaaaaaaaaa",
        ),
        ("scaled", &scaled, "up-to-date", ""),
        (
            "restarted, or another template",
            &other_template,
            "up-to-date",
            "",
        ),
        (
            "pinned again and not applied",
            &again,
            "not-applied",
            "still has sha256:aaaaaaaaaaaa",
        ),
        (
            "pinned again, not applied, and another undo",
            &passed_over,
            "not-applied",
            "still has sha256:aaaaaaaaaaaa",
        ),
        (
            "another image by hand",
            &by_hand,
            "drift",
            "was set to sha256:cccccccccccc by kubectl-set",
        ),
        (
            "the old image by hand in a new template",
            &back_by_hand,
            "drift",
            "was set to sha256:aaaaaaaaaaaa by kubectl-set",
        ),
        (
            "an older commit was applied",
            &by_apply,
            "not-applied",
            "terraform applied an older state",
        ),
        (
            "the controller has not seen it",
            &unseen,
            "live-unclear",
            "has not seen the newest spec",
        ),
        (
            "the revision is not there yet",
            &half_seen,
            "live-unclear",
            "no revision of its newest spec",
        ),
    ];
    for (what, make, code, quoted) in table {
        for kind in KINDS {
            let (changes, decision) = declared(kind, 'b', "", "")
                .hosts(vec![make(kind)])
                .planned();
            assert_eq!(
                (changes, decision.verdict),
                (0, Verdict::InSync),
                "{what}, {kind}: {decision:?}"
            );
            assert!(
                tells(&decision, code, quoted),
                "{what}, {kind}: {decision:?}"
            );
        }
    }
}

#[test]
fn revisions_that_could_not_be_read_prove_nothing() {
    for (kind, of) in [
        ("deployment", "replicaset"),
        ("statefulset", "controllerrevision"),
        ("daemonset", "controllerrevision"),
    ] {
        let mut blind = undone(kind);
        blind.revisions.clear();
        let world = declared(kind, 'b', "", "")
            .hosts(vec![blind])
            .clustered(|cluster| {
                cluster
                    .unread
                    .insert(WorkloadKind::new(of), format!("{of}s may not be read"));
            });
        let (changes, decision) = world.planned();
        assert_eq!((changes, decision.verdict), (0, Verdict::InSync));
        let why =
            format!("whether {kind} immich/app was undone is not known: {of}s may not be read");
        assert!(
            decision.reasons.contains(&Reason::LiveUnclear { why }),
            "{decision:?}"
        );
        let other = declared(kind, 'b', "", "")
            .hosts(vec![undone(kind)])
            .clustered(|cluster| {
                cluster.unread.insert(WorkloadKind::CronJob, "no".into());
            });
        assert_eq!(other.planned().0, 1);
    }
}

#[test]
fn a_restart_after_an_undo_hides_nothing() {
    for kind in KINDS {
        let mut live = undone(kind);
        live.revisions
            .insert(0, revision(4, &image('a'), "2026-11-22T11:59:00Z"));
        live.pods.clear();
        let plan = declared(kind, 'b', "", "").hosts(vec![live]).plan();
        let pin = &plan
            .changes
            .first()
            .unwrap_or_else(|| panic!("{kind}: {:?}", plan.decisions))
            .pins[0];
        assert_eq!((pin.cause, &pin.to), (Cause::Undo, &Some(digest('a'))));
    }
}

#[test]
fn a_second_undo_to_what_was_rolled_back_is_drift() {
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
    let world = declared("deployment", 'a', held, "")
        .did(Action::Rollback, Some('b'), 'a', "2026-11-22T11:58:05Z")
        .hosts(vec![again]);
    let (changes, decision) = world.planned();
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
    assert_eq!(world.plan().notices, []);
}

#[test]
fn an_undo_further_back_is_followed() {
    let held = " # pintle: hold because=\"undo: rolled back from sha256:cccccccccccc\"";
    // a, b, c; c was undone to b; now b is undone to a.
    let mut now = revision(5, &image('a'), "2026-11-20T08:01:00Z");
    now.earlier = vec![1];
    let mut before = revision(4, &image('b'), APPLIED);
    before.earlier = vec![2];
    let live = workload(
        "deployment",
        vec![
            now,
            before,
            revision(3, &image('c'), "2026-11-22T11:55:00Z"),
        ],
        "kubectl-rollout",
        UNDONE,
    );
    let world = declared("deployment", 'b', held, "")
        .did(Action::Update, Some('b'), 'c', "2026-11-22T11:54:00Z")
        .did(Action::Rollback, Some('c'), 'b', "2026-11-22T11:56:00Z");
    let plan = world.hosts(vec![live]).plan();
    assert_eq!(
        plan.changes[0].pins[0].to,
        Some(digest('a')),
        "{:?}",
        plan.decisions
    );
    assert_eq!(plan.changes[0].pins[0].from, Some(digest('b')));
}

/// Undone to a spec without a digest.
fn to_unpinned(text: &str, runs: Option<char>) -> Workload {
    let mut live = undone("deployment");
    live.containers[0].image = text.into();
    live.revisions[0]
        .images
        .insert("server".into(), text.into());
    live.revisions[0].hash = "old".into();
    live.pods[0].revision = Some("old".into());
    live.pods[0].containers[0].digest = runs.map(digest);
    live.pods[0].containers[0].started = runs.map(|_| at(APPLIED));
    live
}

#[test]
fn an_undo_to_a_spec_without_a_digest_takes_what_the_pods_run() {
    let known = world('b').hosts(vec![to_unpinned(SERVER, Some('d'))]);
    let plan = known.plan();
    assert_eq!(plan.changes[0].pins[0].to, Some(digest('d')));
    assert_eq!(
        plan.changes[0].prove.len(),
        1,
        "what only pods tell is proved at the registry"
    );
    let (changes, decision) = world('b').hosts(vec![to_unpinned(SERVER, None)]).planned();
    assert_eq!((changes, decision.verdict), (0, Verdict::InSync));
    assert!(
        tells(
            &decision,
            "live-unclear",
            "no pod shows yet which digest that is"
        ),
        "{decision:?}"
    );
    let mut mute = to_unpinned(SERVER, Some('d'));
    mute.pods[0].containers[0].digest = None;
    let (changes, decision) = world('b').hosts(vec![mute]).planned();
    let quoted =
        "which digest that is could not be determined: its pods run, and do not show which digest";
    assert!(
        changes == 0 && tells(&decision, "live-unclear", quoted),
        "{decision:?}"
    );
    let (changes, decision) = world('b')
        .hosts(vec![to_unpinned(SERVER, Some('b'))])
        .planned();
    assert!(
        changes == 0
            && tells(
                &decision,
                "not-applied",
                "it runs the pinned digest all the same"
            ),
        "{decision:?}"
    );
    let unread = known
        .clone()
        .clustered(|cluster| _ = cluster.unread.insert(WorkloadKind::Pod, "no".into()));
    assert_eq!(unread.planned().0, 0);
}

#[test]
fn another_tag_goes_with_it_and_another_repository_does_not() {
    let other = pinned("ghcr.io/immich-app/server:v1.2", 'd');
    let world_then = world('b').hosts(vec![to_unpinned(&other, None)]);
    let plan = world_then.plan();
    assert_eq!(
        (
            plan.changes[0].pins[0].image.as_str(),
            &plan.changes[0].pins[0].to
        ),
        ("ghcr.io/immich-app/server:v1.2", &Some(digest('d')))
    );
    let after = carried_out(&world_then, &plan);
    assert_eq!(
        after
            .scan
            .sites()
            .next()
            .expect("a site")
            .1
            .image
            .to_string(),
        other
    );
    assert_eq!(after.plan().changes, []);
    let foreign = pinned("ghcr.io/someone/server:release", 'd');
    let plan = world('b').hosts(vec![to_unpinned(&foreign, None)]).plan();
    assert_eq!(plan.changes, []);
    let [
        Notice::NotRolledBack {
            why,
            cause: Cause::Undo,
            ..
        },
    ] = &plan.notices[..]
    else {
        panic!("{:?}", plan.notices)
    };
    assert_eq!(why, "ghcr.io/someone/server is another repository");
}

/// Two deployments that read one text.
fn shared() -> Snapshot {
    let text = format!(
        "locals {{\n  image = \"{}\"\n}}\n{}{}",
        image('b'),
        deployment("immich", &[("server", "${local.image}", "")]),
        deployment("immich", &[("server", "${local.image}", "")])
            .replace("\"main\"", "\"worker\"")
            .replace("\"app\"", "\"worker\"")
    );
    let config = "[defaults]\nmode = \"commit\"\nsettle = \"0\"\n";
    let world =
        repo(&[("stacks/immich/main.tf", &text), ("pintle.toml", config)]).says(SERVER, 'b');
    assert_eq!(world.scan.sites().next().expect("a site").0.uses.len(), 2);
    world
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
fn a_text_that_decides_several_goes_back_only_with_all() {
    let both = shared().hosts(vec![
        undone("deployment"),
        called("worker", undone("deployment")),
    ]);
    assert_eq!(both.plan().changes[0].pins.len(), 1);
    let one = shared()
        .hosts(vec![
            undone("deployment"),
            called("worker", applied("deployment")),
        ])
        .plan();
    assert_eq!(one.changes, []);
    let [Notice::NotRolledBack { why, .. }] = &one.notices[..] else {
        panic!("{:?}", one.notices)
    };
    assert_eq!(
        why,
        "another workload still runs the pin, and the same text decides both"
    );
    let is_same = matches!(&one.decisions[0].reasons[0], Reason::NotRolledBack { why: told, .. } if told == why);
    assert!(is_same, "{:?}", one.decisions);
    // One that never got the pin runs the same as what is gone back to.
    let lag = workload(
        "deployment",
        vec![revision(1, &image('a'), "2026-11-20T08:01:00Z")],
        "Terraform",
        "2026-11-20T08:01:00Z",
    );
    assert_eq!(
        shared()
            .hosts(vec![undone("deployment"), called("worker", lag)])
            .plan()
            .changes
            .len(),
        1
    );
}

#[test]
fn an_undo_of_what_may_not_be_rolled_back_is_reported_once_and_nothing_is_updated() {
    let table = [
        (
            "auto_rollback = false",
            "`auto_rollback` is false ([defaults])",
        ),
        (
            "mode = { update = 'commit', rollback = 'off' }",
            "the mode of rollbacks is `off` ([defaults])",
        ),
    ];
    for (config, says) in table {
        let text = format!(
            "[defaults]\nsettle = '0'\n{}{config}",
            if config.starts_with("mode") {
                ""
            } else {
                "mode = 'commit'\n"
            }
        );
        let world = world('b')
            .configured(&text)
            .says(SERVER, 'e')
            .hosts(vec![undone("deployment")]);
        let plan = world.plan();
        assert_eq!(
            (plan.changes.len(), plan.decisions[0].verdict),
            (0, Verdict::Waiting),
            "{:?}",
            plan.decisions
        );
        assert!(
            tells(&plan.decisions[0], "not-rolled-back", says),
            "{:?}",
            plan.decisions
        );
        let [Notice::NotRolledBack { why, from, .. }] = &plan.notices[..] else {
            panic!("{:?}", plan.notices)
        };
        assert_eq!((why.as_str(), from), (says, &digest('b')));
    }
}

#[test]
fn a_protected_branch_gets_an_urgent_pull_request() {
    let world = world('b')
        .hosts(vec![undone("deployment")])
        .forged(|forge| forge.direct = Direct::Protected("protected".into()));
    let plan = world.plan();
    assert!(plan.changes[0].delivery.is_pull_request());
    assert!(
        plan.changes[0]
            .proposal
            .as_ref()
            .is_some_and(|proposal| proposal.urgent)
    );
    let again = world.opened().plan();
    assert_eq!((again.changes.len(), again.pull_steps.len()), (1, 0));
}

#[test]
fn an_update_waits_for_the_rollback_beside_it() {
    let text = deployment(
        "immich",
        &[
            ("server", &image('b'), ""),
            ("ml", &pinned("x/ml:v1", 'a'), ""),
        ],
    );
    let config = "[defaults]\nmode = \"commit\"\nsettle = \"0\"\n";
    let world = repo(&[("stacks/immich/main.tf", &text), ("pintle.toml", config)])
        .says(SERVER, 'b')
        .says("x/ml:v1", 'c');
    let world = world.configured("[defaults]\nmode='commit'\nsettle='0'\n[[rule]]\nmatch = { image = 'x/ml' }\npolicy = 'force'");
    let world = world
        .did(Action::Adopt, None, 'a', "2026-11-20T08:00:00Z")
        .did(Action::Update, Some('a'), 'b', PINNED);
    let plan = world.hosts(vec![undone("deployment")]).plan();
    assert_eq!((plan.changes.len(), plan.changes[0].pins.len()), (1, 1));
    let ml = plan
        .decisions
        .iter()
        .find(|decision| decision.site.as_str().contains("[ml]"))
        .expect("ml");
    assert_eq!(
        (ml.verdict, &ml.reasons[0]),
        (
            Verdict::Waiting,
            &Reason::RollbackFirst {
                name: "immich".into()
            }
        )
    );
}

/// The text after the plan's one commit, which was proved.
fn proved(world: &Snapshot) -> String {
    let plan = world.plan();
    crate::proof::prove_changes(world, &plan.changes).unwrap_or_else(|why| panic!("{why}"));
    let before = world
        .files
        .bytes(&RepoPath::new("stacks/immich/main.tf").expect("path"))
        .expect("file");
    let after = crate::terraform::edit::apply(before, &plan.changes[0].edits).expect("edits");
    String::from_utf8(after).expect("text")
}

#[test]
fn keel_is_kept_away_where_it_runs() {
    let keel = || {
        let mut keel = called("keel", applied("deployment"));
        keel.containers[0].image = "keelhq/keel:0.20.0".into();
        keel
    };
    let never = "\"keel.sh/policy\" = \"never\"";
    assert!(!proved(&world('b').hosts(vec![undone("deployment")])).contains(never));
    let text = proved(&world('b').hosts(vec![undone("deployment"), keel()]));
    assert!(
        text.contains(never)
            && text.contains("# pintle: keel hands off")
            && text.contains("# pintle: hold"),
        "{text}"
    );
    let mut away = undone("deployment");
    away.keel.insert("keel.sh/policy".into(), "never".into());
    assert!(
        !proved(&world('b').hosts(vec![away, keel()])).contains(never),
        "it is kept away already"
    );
    // Two containers of one workload.
    let both = deployment(
        "immich",
        &[
            ("server", &image('b'), ""),
            ("ml", &pinned("ghcr.io/immich-app/ml:release", 'b'), ""),
        ],
    );
    let config = "[defaults]\nmode = \"commit\"\nsettle = \"0\"\n";
    let both = repo(&[("stacks/immich/main.tf", &both), ("pintle.toml", config)]);
    let both = both
        .did_at(0, Action::Update, Some('a'), 'b', PINNED)
        .did_at(1, Action::Update, Some('a'), 'b', PINNED);
    let mut live = undone("deployment");
    let mut ml = live.containers[0].clone();
    (ml.name, ml.image) = (
        "ml".into(),
        pinned("ghcr.io/immich-app/ml:release", 'a').as_str().into(),
    );
    live.containers.push(ml.clone());
    live.revisions[0]
        .images
        .insert("ml".into(), ml.image.clone());
    live.revisions[1].images.insert(
        "ml".into(),
        pinned("ghcr.io/immich-app/ml:release", 'b').as_str().into(),
    );
    let text = proved(&both.hosts(vec![live, keel()]));
    assert_eq!(
        (
            text.matches(never).count(),
            text.matches("# pintle: hold").count()
        ),
        (1, 2),
        "{text}"
    );
}

#[test]
fn after_an_unpin_only_a_newer_digest_is_followed() {
    let world = world('a')
        .did(Action::Rollback, Some('b'), 'a', UNDONE)
        .did(Action::Unpin, Some('a'), 'a', "2026-11-22T11:59:00Z");
    let mut live = undone("deployment");
    live.revisions[0].created = Some(at("2026-11-20T08:01:00Z"));
    let world = world.hosts(vec![live]);
    let (changes, decision) = world.clone().says(SERVER, 'b').planned();
    assert_eq!((changes, decision.verdict), (0, Verdict::Blocked));
    let is_rejected = |reason: &Reason| matches!(reason, Reason::RolledBack { digest: own, .. } if *own == digest('b'));
    assert!(is_rejected(&decision.reasons[0]), "{decision:?}");
    let plan = world.says(SERVER, 'c').plan();
    assert_eq!(
        (plan.changes[0].pins[0].action, &plan.changes[0].pins[0].to),
        (Action::Update, &Some(digest('c')))
    );
}

/// Pin c is pushed and not applied; b was live, and somebody takes it back to a.
fn undone_in_flight(kind: &str) -> Snapshot {
    declared(kind, 'c', "", "")
        .says(SERVER, 'c')
        .did(Action::Update, Some('b'), 'c', "2026-11-22T11:57:00Z")
        .hosts(vec![undone(kind)])
}

#[test]
fn an_undo_counts_while_a_newer_pin_is_not_applied() {
    for kind in KINDS {
        let world = undone_in_flight(kind);
        let plan = world.plan();
        let pins: Vec<_> = plan
            .changes
            .iter()
            .flat_map(|change| &change.pins)
            .collect();
        let [pin] = &pins[..] else {
            panic!("{kind}: {:?}", plan.decisions)
        };
        assert_eq!(
            (pin.action, pin.cause, &pin.from, &pin.to),
            (
                Action::Rollback,
                Cause::Undo,
                &Some(digest('c')),
                &Some(digest('a'))
            ),
            "{kind}"
        );
        // Neither of the two is proposed again when the hold is gone.
        let after = carried_out(&world, &plan);
        for upstream in ['b', 'c'] {
            let mut lifted = declared(kind, 'a', "", "").says(SERVER, upstream);
            lifted.history = after.history.clone();
            lifted.at = at("2026-11-23T12:00:00Z");
            let lifted = lifted.plan();
            assert_eq!(lifted.changes, [], "{kind}: {upstream}");
            let codes: Vec<&str> = lifted.decisions[0]
                .reasons
                .iter()
                .map(Reason::code)
                .collect();
            assert!(
                codes.contains(&"rolled-back"),
                "{kind}: {upstream}: {codes:?}"
            );
        }
    }
}

#[test]
fn what_is_no_undo_while_a_newer_pin_is_not_applied() {
    for kind in KINDS {
        let pins = |world: &Snapshot| world.planned().0;
        let written = |action, time| {
            declared(kind, 'c', "", "")
                .says(SERVER, 'c')
                .did(action, Some('b'), 'c', time)
        };
        let lags = written(Action::Update, "2026-11-22T11:57:00Z").hosts(vec![applied(kind)]);
        assert_eq!(pins(&lags), 0, "{kind}: it has the pin before");
        let by_terraform = |mut workload: Workload| {
            workload.containers[0].writers[0].manager = "Terraform".into();
            workload
        };
        let applied = written(Action::Update, "2026-11-22T11:57:00Z");
        assert_eq!(
            pins(&applied.hosts(vec![by_terraform(undone(kind))])),
            0,
            "{kind}: an older state was applied"
        );
        // Who pins c after the undo has seen it.
        let later = written(Action::Pin, "2026-11-22T11:59:00Z").hosts(vec![undone(kind)]);
        assert_eq!(pins(&later), 0, "{kind}: pinned on purpose since");
        let earlier = written(Action::Pin, "2026-11-22T11:57:00Z").hosts(vec![undone(kind)]);
        assert_eq!(pins(&earlier), 1, "{kind}: pinned on purpose before");
        // A person pinned d and applied it; the update of that pin is not applied yet.
        let revisions = vec![
            revision(3, &image('d'), "2026-11-22T11:55:00Z"),
            revision(2, &image('b'), APPLIED),
        ];
        let by_hand = workload(kind, revisions, "kubectl-apply", "2026-11-22T11:55:00Z");
        let (changes, decision) = declared(kind, 'c', "", "")
            .says(SERVER, 'c')
            .did(Action::Update, Some('d'), 'c', "2026-11-22T11:57:00Z")
            .hosts(vec![by_hand])
            .planned();
        assert_eq!(changes, 0, "{kind}: {decision:?}");
        let codes = codes(&decision);
        assert!(codes.contains(&"not-applied"), "{kind}: {codes:?}");
        assert!(!codes.contains(&"drift"), "{kind}: {codes:?}");
    }
}

#[test]
fn what_was_set_back_by_hand_is_not_called_not_applied() {
    for kind in KINDS {
        let mut set = workload(
            kind,
            vec![revision(3, &image('a'), UNDONE)],
            "kubectl-set",
            UNDONE,
        );
        let state = |live: &Workload| {
            let (changes, decision) = declared(kind, 'b', "", "")
                .hosts(vec![live.clone()])
                .planned();
            let codes = decision
                .reasons
                .iter()
                .map(Reason::code)
                .collect::<Vec<_>>();
            (
                changes,
                codes.contains(&"drift"),
                codes.contains(&"not-applied"),
            )
        };
        assert_eq!(state(&set), (0, true, false), "{kind}: no revision is kept");
        set.created = Some(at(UNDONE));
        assert_eq!(state(&set), (0, true, false), "{kind}: made again");
        // The revision is older than the pin: an apply lags, and somebody wrote another field.
        set.created = Some(at("2026-11-20T08:00:00Z"));
        set.revisions = vec![revision(1, &image('a'), "2026-11-20T08:01:00Z")];
        assert_eq!(
            state(&set),
            (0, false, true),
            "{kind}: it never had the pin"
        );
    }
}
