//! One change in flight.

use super::forge::*;
use super::*;
use crate::pipeline::Verdict;
use crate::pipeline::answer::Notice;
use crate::pipeline::forge::{Check, Checks, Pipeline};

const IMAGE: &str = "x/a:v1";

/// A site that is behind and is committed, and a pipeline.
fn world(pipeline: Pipeline) -> Snapshot {
    let behind = snapshot(vec![site("one", 1, &pinned(IMAGE, 'a'))])
        .says(IMAGE, 'b')
        .seen(IMAGE, 'b', "2026-11-20T00:00:00Z");
    behind
        .configured("[defaults]\nmode = 'commit'")
        .forged(|forge| forge.pipeline = Some(pipeline))
}

fn late(mut pipeline: Pipeline) -> Pipeline {
    pipeline.at = at("2026-11-22T11:30:00Z");
    pipeline
}

fn red() -> Checks {
    Checks::Red(vec![Check {
        context: "ci/apply".into(),
        description: "failed".into(),
        url: None,
    }])
}

#[test]
fn a_commit_waits_for_the_one_before_it() {
    let running = |commit: &str| {
        Some(Reason::PipelineRunning {
            commit: commit.into(),
        })
    };
    let failed = || {
        Some(Reason::PipelineFailed {
            commit: "aaaaaaaaaa".into(),
        })
    };
    let not_expected = || Pipeline {
        expected: false,
        ..pipeline(Checks::Missing)
    };
    let older = |checks: Checks| Pipeline {
        commit: commit('9'),
        ..pipeline(checks)
    };
    let reported = |pipeline: Pipeline| Pipeline {
        reported: true,
        ..pipeline
    };
    let table = [
        ("green", pipeline(Checks::Green), None, false),
        (
            "pending",
            pipeline(Checks::Pending),
            running("aaaaaaaaaa"),
            false,
        ),
        (
            "missing",
            pipeline(Checks::Missing),
            running("aaaaaaaaaa"),
            false,
        ),
        ("none expected", not_expected(), None, false),
        ("none expected for long", late(not_expected()), None, false),
        (
            "pending for too long",
            late(pipeline(Checks::Pending)),
            None,
            true,
        ),
        (
            "missing for too long",
            late(pipeline(Checks::Missing)),
            None,
            true,
        ),
        (
            "told",
            reported(late(pipeline(Checks::Missing))),
            None,
            false,
        ),
        ("red", pipeline(red()), failed(), true),
        ("red and told", reported(pipeline(red())), failed(), false),
        ("red, and somebody pushed since", older(red()), None, true),
    ];
    for (what, pipeline, waits, notice) in table {
        let plan = world(pipeline).plan();
        let decision = &plan.decisions[0];
        let reason = decision
            .reasons
            .first()
            .filter(|_| decision.verdict == Verdict::Waiting);
        assert_eq!(
            (reason, plan.changes.len()),
            (waits.as_ref(), usize::from(waits.is_none())),
            "{what}"
        );
        // What waits stands behind what it waits for.
        assert!(
            codes(decision).ends_with(&["update-available", "first-seen"]),
            "{what}: {decision:?}"
        );
        assert_eq!(plan.notices.len(), usize::from(notice), "{what}");
        assert_eq!(
            plan.ledger.first_seen.len(),
            usize::from(waits.is_some()),
            "{what}"
        );
    }
    let older_runs = world(older(Checks::Pending)).plan();
    assert_eq!(
        older_runs.decisions[0].reasons.first(),
        running("9999999999").as_ref()
    );
}

#[test]
fn a_failed_pipeline_is_told_with_its_checks() {
    let Notice::Pipeline {
        commit: id,
        failed,
        since,
        ..
    } = world(pipeline(red())).plan().notices.remove(0)
    else {
        panic!("a pipeline")
    };
    assert_eq!(
        (id, failed.len(), since),
        (commit('a'), 1, at("2026-11-22T11:50:00Z"))
    );
}

#[test]
fn a_pipeline_that_does_not_end_is_not_told_as_one_that_never_began() {
    let began = |checks| {
        let Notice::Pipeline { began, failed, .. } =
            world(late(pipeline(checks))).plan().notices.remove(0)
        else {
            panic!("a pipeline")
        };
        (began, failed.len())
    };
    assert_eq!(
        [Checks::Pending, Checks::Missing].map(began),
        [(true, 0), (false, 0)]
    );
}

#[test]
fn nothing_waits_where_nobody_wants_to() {
    let config = "[defaults]\nmode = 'commit'\n[pipeline]\nwait = false";
    let plan = world(pipeline(red())).configured(config).plan();
    assert_eq!((plan.changes.len(), plan.notices.len()), (1, 1));
}

#[test]
fn proposals_do_not_wait() {
    let plan = world(pipeline(Checks::Pending)).configured("").plan();
    assert!(plan.changes[0].delivery.is_pull_request());
}
