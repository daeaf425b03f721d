//! After the write: each step that is missing is named, and what comes next waits for it. The
//! budget.

use super::forge::*;
use super::world::*;
use super::*;
use crate::config::Budget;
use crate::pipeline::cluster::{Cluster, Workload};
use crate::pipeline::forge::{Check, Checks, Pipeline};
use crate::pipeline::{Action, Delivery, PullStep, Verdict};
use crate::plan::resolve::resolve_sites;
use jiff::SignedDuration;

/// The server is pinned at `b` and rolls out; another stack is behind.
fn beside(live: Vec<Workload>) -> Snapshot {
    let other = deployment("paperless", &[("web", &pinned("x/web:v1", 'a'), "")]);
    let server = deployment("immich", &[("server", &image('b'), "")]);
    let config = "[defaults]\nmode = \"commit\"\nsettle = \"0\"\n[[rule]]\nmatch = { stack = 'paperless' }\npolicy = 'force'\n";
    let world = repo(&[
        ("stacks/immich/main.tf", &server),
        ("stacks/paperless/main.tf", &other),
        ("pintle.toml", config),
    ]);
    let world = world.says(SERVER, 'b').says("x/web:v1", 'b').hosts(live);
    world
        .did(Action::Adopt, None, 'a', "2026-11-20T08:00:00Z")
        .did(Action::Update, Some('a'), 'b', PINNED)
}

/// What is said of the server, and why the other stack waits, where it does.
fn told(world: &Snapshot) -> (Vec<Reason>, Option<Reason>) {
    let plan = world.plan();
    let web = plan
        .decisions
        .iter()
        .find(|decision| decision.site.to_string().contains("paperless"))
        .expect("web");
    let server = plan
        .decisions
        .iter()
        .find(|decision| decision.site.to_string().contains("immich"))
        .expect("server");
    let waits = (web.verdict == Verdict::Waiting).then(|| web.reasons[0].clone());
    assert_eq!(
        waits.is_none(),
        plan.changes
            .iter()
            .any(|change| &*change.name == "paperless"),
        "{plan:?}"
    );
    (server.reasons.clone(), waits)
}

/// That the server's rollout is waited for.
fn rolls_out(why: &str) -> Option<Reason> {
    Some(Reason::RolloutRunning {
        commit: "bbbbbbbbbb".into(),
        why: why.into(),
    })
}

/// What the next commit has to wait for.
fn find_busy(world: &Snapshot) -> Option<Reason> {
    crate::plan::rules::find_busy(world, &resolve_sites(world))
}

fn lagging() -> Workload {
    workload(
        "deployment",
        vec![revision(1, &image('a'), "2026-11-20T08:01:00Z")],
        "Terraform",
        "2026-11-20T08:01:00Z",
    )
}

fn rolling() -> Workload {
    let mut workload = applied("deployment");
    workload.rollout.complete = false;
    workload
}

fn ci(checks: Checks) -> Pipeline {
    Pipeline {
        at: at(PINNED),
        commit: commit('b'),
        ..pipeline(checks)
    }
}

#[test]
fn each_missing_step_is_named_and_waited_for() {
    let lags = "the live spec of deployment immich/app still has sha256:aaaaaaaaaaaa";
    let not_applied = |ci: &'static str| Reason::NotApplied {
        ci,
        why: lags.into(),
    };
    let with = |checks: Checks, live: Workload| {
        beside(vec![live]).forged(|forge| forge.pipeline = Some(ci(checks)))
    };
    let red = || {
        Checks::Red(vec![Check {
            context: "ci".into(),
            description: String::new(),
            url: None,
        }])
    };

    let (said, waits) = told(&with(Checks::Pending, lagging()));
    assert!(
        said.contains(&not_applied("CI has not ended, and ")),
        "{said:?}"
    );
    assert_eq!(
        waits,
        Some(Reason::PipelineRunning {
            commit: "bbbbbbbbbb".into()
        })
    );
    let (said, waits) = told(&with(Checks::Green, lagging()));
    assert!(said.contains(&not_applied("CI green but ")), "{said:?}");
    assert_eq!(waits, rolls_out(lags));
    let (said, _) = told(&with(red(), lagging()));
    assert!(said.contains(&not_applied("CI failed, and ")), "{said:?}");
    let (said, waits) = told(&beside(vec![lagging()]));
    assert!(said.contains(&not_applied("")), "{said:?}");
    assert_eq!(waits, rolls_out(lags));
    let (said, waits) = told(&with(Checks::Green, rolling()));
    let gap = "deployment immich/app has not all of its new pods";
    assert!(
        said.contains(&Reason::NotRolledOut { why: gap.into() }),
        "{said:?}"
    );
    assert_eq!(waits, rolls_out(gap));
    let (said, waits) = told(&with(Checks::Green, applied("deployment")));
    assert!(
        said.contains(&Reason::Watched {
            until: at("2026-11-22T12:06:00Z"),
            source: "built in".into()
        }),
        "{said:?}"
    );
    assert_eq!(waits, None);
    let (said, waits) =
        told(&with(Checks::Green, applied("deployment")).later("2026-11-22T13:00:00Z"));
    assert!(
        !said.iter().any(|reason| reason.code() == "watched") && waits.is_none(),
        "{said:?}"
    );
}

#[test]
fn a_commit_that_changes_no_digest_ends_nothing() {
    let held =
        beside(vec![lagging()]).did_at(1, Action::Hold, Some('a'), 'a', "2026-11-22T11:55:00Z");
    let lags = "the live spec of deployment immich/app still has sha256:aaaaaaaaaaaa";
    assert_eq!(told(&held).1, rolls_out(lags));
    // Somebody asked for another pin meanwhile, and that is live.
    let asked =
        beside(vec![lagging()]).did_at(1, Action::Pin, Some('c'), 'a', "2026-11-22T11:55:00Z");
    assert_eq!(told(&asked).1, rolls_out(lags));
}

#[test]
fn what_is_over_is_not_waited_for() {
    let mut failed = rolling();
    failed.rollout.stuck = condition("ProgressDeadlineExceeded", UNDONE);
    let parked = Workload {
        replicas: Some(0),
        ..rolling()
    };
    let mut by_hand = workload(
        "deployment",
        vec![
            revision(3, &image('c'), UNDONE),
            revision(2, &image('b'), APPLIED),
        ],
        "kubectl-set",
        UNDONE,
    );
    by_hand.rollout.complete = false;
    for (what, live) in [
        ("failed", failed),
        ("parked", parked),
        ("set by hand", by_hand),
    ] {
        assert_eq!(told(&beside(vec![live])).1, None, "{what}");
    }
    assert_eq!(told(&beside(vec![])).1, None, "there is no such workload");
    let late = beside(vec![lagging()]).later("2026-11-22T12:20:00Z");
    assert_eq!(told(&late).1, None, "30m after the commit");
    let never = beside(vec![lagging()]).configured(
        "[defaults]\nmode = 'commit'\nsettle = '0'\n[pipeline]\nwait = false\n[[rule]]\nmatch = { stack = 'paperless' }\npolicy = 'force'",
    );
    assert_eq!(told(&never).1, None);
    let unasked = Snapshot {
        cluster: Seen::NotAsked,
        ..beside(vec![])
    };
    assert_eq!(told(&unasked).1, None);
}

#[test]
fn an_operator_that_is_not_through_is_waited_for() {
    const CUSTOM: &str = "[defaults]\nmode = 'commit'\nsettle = '0'\n[[rule]]\nmatch = { stack = 'paperless' }\npolicy = 'force'\n\
         [[cluster.custom]]\ngroup = 'postgresql.cnpg.io'\nversion = 'v1'\nkind = 'Cluster'\nplural = 'clusters'\nimage = 'spec.image'";
    let said = |change: &dyn Fn(&mut Workload)| {
        let mut live = Workload {
            kind: WorkloadKind::new("cluster"),
            ..applied("deployment")
        };
        live.pods[0].containers[0].repository =
            Some(SERVER.split(':').next().expect("a name").into());
        change(&mut live);
        let mut world = beside(vec![live]).configured(CUSTOM);
        let mut scan = (*world.scan).clone();
        let uses = scan
            .literals
            .iter_mut()
            .flat_map(|literal| &mut literal.uses);
        uses.filter(|used| used.name.as_deref() == Some("app"))
            .for_each(|used| used.kind = WorkloadKind::new("cluster"));
        world.scan = scan.into();
        told(&world).1
    };
    let over = rolls_out("cluster immich/app has not all of its new pods");
    assert_eq!(said(&|_| ()), None);
    assert_eq!(
        said(&|live| live.pods[0].containers[0].digest = Some(digest('a'))),
        over,
        "what was pinned before"
    );
    assert_eq!(
        said(&|live| live.pods[0].containers[0].digest = Some(digest('c'))),
        None,
        "the digest of a platform, maybe"
    );
    assert_eq!(said(&|live| live.rollout.complete = false), over);
    assert_eq!(said(&|live| live.pods.clear()), None);
}

#[test]
fn what_could_not_be_read_is_not_over() {
    let dark = Snapshot {
        cluster: Seen::Unknown("no route".into()),
        ..beside(vec![])
    };
    let (said, waits) = told(&dark);
    let why = "the cluster could not be asked: no route";
    assert!(
        said.contains(&Reason::LiveUnclear { why: why.into() }),
        "{said:?}"
    );
    assert_eq!(
        (waits, find_busy(&dark)),
        (
            Some(Reason::UndoUnclear { why: why.into() }),
            rolls_out(why)
        )
    );
    // Nothing is in flight any more, and the cluster is as dark.
    let late = dark.later("2026-11-22T12:20:00Z");
    assert_eq!(
        (told(&late).1, find_busy(&late)),
        (Some(Reason::UndoUnclear { why: why.into() }), None)
    );
    let blind = beside(vec![]).clustered(|cluster: &mut Cluster| {
        _ = cluster
            .unread
            .insert(WorkloadKind::Deployment, "forbidden".into())
    });
    let plan = blind.plan();
    assert!(plan.changes.is_empty());
    assert!(
        plan.decisions
            .iter()
            .all(|decision| codes(decision)[0] == "owner-unknown"),
        "{:?}",
        plan.decisions
    );
}

#[test]
fn a_rollback_waits_for_nothing() {
    let running = beside(vec![undone("deployment")])
        .forged(|forge| forge.pipeline = Some(ci(Checks::Pending)));
    let plan = running.plan();
    assert_eq!(
        plan.changes
            .iter()
            .map(|change| &*change.name)
            .collect::<Vec<_>>(),
        ["immich"]
    );
    assert_eq!(plan.changes[0].pins[0].action, Action::Rollback);
}

/// Eight stacks that are behind, and so many commits of updates before.
fn many(made: &[&str], config: &str) -> Snapshot {
    let sites = (1..9)
        .map(|n| site(&format!("s{n}"), n, &pinned(&format!("x/a{n}:v1"), 'a')))
        .collect();
    let mut world = (1..9).fold(snapshot(sites), |world, n| {
        world.says(&format!("x/a{n}:v1"), 'b')
    });
    world = world.configured(&format!(
        "[defaults]\nmode = 'commit'\npolicy = 'force'\nsettle = '0'\n{config}"
    ));
    for (n, time) in made.iter().enumerate() {
        let c = char::from_digit(u32::try_from(n).expect("few"), 10).expect("a digit");
        // Two sites of one commit.
        world = world.did(Action::Update, Some('f'), c, time).did_at(
            1,
            Action::Update,
            Some('f'),
            c,
            time,
        );
    }
    world
}

#[test]
fn no_more_is_committed_than_the_budget_allows() {
    let made = |world: &Snapshot| {
        world
            .plan()
            .changes
            .iter()
            .filter(|change| change.delivery == Delivery::Commit)
            .count()
    };
    let early = "2026-11-22T06:00:00Z";
    let (old, new) = ("2026-11-22T05:59:59Z", "2026-11-22T09:00:00Z");
    assert_eq!(made(&many(&[], "")), 5);
    assert_eq!(made(&many(&[early, new], "")), 4, "one is six hours old");
    assert_eq!(made(&many(&[old, old, new], "")), 4);
    assert_eq!(made(&many(&[new, new, new, new, new], "")), 0);
    assert_eq!(made(&many(&[new, new, new, new, new], "budget = 'off'")), 8);
    assert_eq!(made(&many(&[new, new], "budget = '2 per 2h'")), 2);
    let spent = many(&["2026-11-22T08:00:00Z", new, new, new, new], "");
    let budget = Budget {
        changes: 5,
        per: SignedDuration::from_hours(6),
    };
    let why = Reason::BudgetSpent {
        budget,
        next: Some(at("2026-11-22T14:00:00Z")),
    };
    assert_eq!(spent.plan().decisions[0].reasons[0], why);
    let rest = many(&[], "").plan().decisions.pop().expect("eight");
    assert_eq!(
        rest.reasons[0],
        Reason::BudgetSpent { budget, next: None },
        "others go first"
    );
    assert_eq!(
        spent.plan().ledger.first_seen.len(),
        8,
        "nothing is forgotten"
    );
    let first = many(&[], "")
        .plan()
        .decisions
        .iter()
        .filter(|decision| decision.verdict == Verdict::Waiting)
        .count();
    assert_eq!(first, 3);
}

#[test]
fn proposals_are_not_counted_and_their_merges_are() {
    let new = "2026-11-22T09:00:00Z";
    let config =
        "[defaults]\nmode = 'pull-request'\npolicy = 'force'\nsettle = '0'\nautomerge = true";
    let world = |made: &[&str]| {
        let world = many(made, "").configured(config).forged(|_| ()).opened();
        world.forged(|forge| {
            forge.pulls.iter_mut().for_each(|pull| {
                pull.checks = Seen::Known(Checks::Green);
                pull.reviews = Seen::Known(Vec::new());
            })
        })
    };
    let merges = |world: &Snapshot| {
        world
            .plan()
            .pull_steps
            .iter()
            .filter(|step| matches!(step, PullStep::Merge { .. }))
            .count()
    };
    assert_eq!(
        (world(&[new]).plan().changes.len(), merges(&world(&[new]))),
        (8, 1)
    );
    let spent = world(&[new, new, new, new, new]);
    assert_eq!((spent.plan().changes.len(), merges(&spent)), (8, 0));
}
