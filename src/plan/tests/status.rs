//! What runs, since when and why, beside git and upstream; the words of it.

use super::forge::comment;
use super::matching::workload;
use super::*;
use crate::model::ask::{Command, TargetName};
use crate::pipeline::cluster::{Waiting, Workload};
use crate::pipeline::status::{RunState, StatusRow};
use crate::plan::{explain, report_status};
use crate::report::answers::report_text;
use crate::report::explain::explanation_lines;
use crate::report::status::{cluster_gaps, status_line, summarize};
use crate::report::status_json::to_json;

const OLD: &str = "2026-11-10T08:00:00Z";
const NEW: &str = "2026-11-20T10:00:00Z";

fn running(image: &str) -> Workload {
    workload("deployment", "web", "nginx").has("nginx", image)
}

/// Pinned at `a` on the 10th and at `b` on the 20th.
fn updated() -> Snapshot {
    let all =
        snapshot(vec![site("web", 1, &pinned("nginx:stable", 'b'))]).says("nginx:stable", 'b');
    all.wrote("nginx:stable", None, 'a', OLD)
        .wrote("nginx:stable", Some('a'), 'b', NEW)
}

fn row(all: &Snapshot) -> StatusRow {
    let status = report_status(all, &all.plan(), None);
    assert_eq!(status.rows.len(), 1, "{status:?}");
    status.rows[0].clone()
}

#[test]
fn a_pin_that_runs_tells_the_commit_that_pinned_it() {
    let image = pinned("nginx:stable", 'b');
    let all = updated().running(vec![running(&image).set_by("Terraform", NEW).revision(
        2,
        &[],
        &image,
        NEW,
    )]);
    let row = row(&all);
    assert_eq!(
        (row.state, row.owner, row.since),
        (RunState::Pinned, Some("terraform"), Some(at(NEW)))
    );
    assert_eq!(
        row.why,
        ["pinned 2026-11-20 10:00 UTC (bbbbbbbbbb) when the tag moved, by pintle"]
    );
    assert!(row.is_quiet());
    let expected = "pinned    deployment/web/nginx:nginx stable@bbbbbbbbbbbb since 2026-11-20 10:00 UTC: \
                    pinned 2026-11-20 10:00 UTC (bbbbbbbbbb) when the tag moved, by pintle";
    assert_eq!(status_line(&row), expected);
}

#[test]
fn what_runs_instead_of_the_pin_is_told_apart() {
    let (old, other) = (pinned("nginx:stable", 'a'), pinned("nginx:stable", 'd'));
    let after = "2026-11-21T09:00:00Z";
    let was = "pinned 2026-11-10 08:00 UTC (aaaaaaaaaa) when the tag moved, by pintle";
    let cases: [(Workload, &[&str]); 5] = [
        (
            running(&old).set_by("Terraform", OLD),
            &[
                "the pin bbbbbbbbbbbb of 2026-11-20 10:00 UTC is not applied yet",
                was,
            ],
        ),
        (
            running(&old).set_by("kubectl-set", OLD),
            &[
                "the pin bbbbbbbbbbbb of 2026-11-20 10:00 UTC is not applied yet",
                was,
            ],
        ),
        (
            running(&old).set_by("kubectl-rollout", after),
            &[
                "somebody returned the workload to it 2026-11-21 09:00 UTC (kubectl rollout undo); the repo pins bbbbbbbbbbbb",
                was,
            ],
        ),
        (
            running(&other).set_by("kubectl-set", after),
            &[
                "somebody set it by hand 2026-11-21 09:00 UTC (kubectl-set); the repo pins bbbbbbbbbbbb",
            ],
        ),
        (
            running(&other).set_by("drone", after),
            &[
                "`drone` set it 2026-11-21 09:00 UTC; the repo pins bbbbbbbbbbbb",
                "`drone` sets the image, so it would overwrite a pin",
            ],
        ),
    ];
    for (workload, expected) in cases {
        let row = row(&updated().running(vec![workload]));
        assert_eq!(row.state, RunState::Differs);
        assert_eq!(row.why, expected);
    }
    let tagged = row(&updated().running(vec![running(&pinned("nginx:mainline", 'b'))]));
    assert_eq!(
        tagged.why[1],
        "it has the tag mainline, and stable is declared"
    );
}

#[test]
fn parked_missing_silent_and_dark_workloads_are_told() {
    let told = |workloads: Vec<Workload>| {
        let row = row(&updated().running(workloads));
        (row.state, row.why.join("; "))
    };
    assert_eq!(
        told(vec![running("nginx:stable").parked()]),
        (RunState::Parked, "parked at 0 replicas".into())
    );
    let parked = told(vec![running(&pinned("nginx:stable", 'b')).parked()]);
    assert_eq!(parked.0, RunState::Parked);
    assert_eq!(
        told(vec![]),
        (RunState::Missing, "the cluster has no such workload".into())
    );
    assert_eq!(
        told(vec![running("nginx:stable")]),
        (RunState::Silent, "no pod runs".into())
    );
    let mut failing = running("nginx:stable").pod(None, None, NEW);
    let waiting = Waiting {
        reason: "ImagePullBackOff".into(),
        message: "x".into(),
    };
    failing.pods[0].containers[0].waiting = Some(waiting);
    assert_eq!(
        told(vec![failing]),
        (RunState::Silent, "its pods wait: ImagePullBackOff".into())
    );
    let dark = updated();
    let status = report_status(&dark, &dark.plan(), None);
    assert_eq!(status.rows[0].state, RunState::Unknown);
    assert!(
        summarize(&status).starts_with("no cluster is named"),
        "{status:?}"
    );
}

#[test]
fn what_the_repo_does_not_decide_is_counted_and_not_listed() {
    let strange = workload("deployment", "games", "doom").has("doom", "doom:1");
    let theirs = Workload {
        controller: Some("cluster/db".into()),
        ..workload("pod", "db", "db-1").has("postgres", "postgres:16")
    };
    let injected = running(&pinned("nginx:stable", 'b')).has("istio-proxy", "istio/proxy:1");
    let all = updated().running(vec![injected, strange, theirs]);
    let status = report_status(&all, &all.plan(), None);
    assert_eq!(status.rows.len(), 1);
    assert_eq!(
        summarize(&status),
        "1 pinned; 1 workload of the cluster is not of this repo"
    );
}

#[test]
fn orphans_and_dead_literals_are_told_apart() {
    let mut orphan = site("web", 1, "nginx:stable");
    orphan.fate = Fate::Orphan("modules/old".into());
    let mut dead = site("web", 2, "nginx:stable");
    dead.fate = Fate::Dead("overridden".into());
    let all = snapshot(vec![orphan, dead]).running(vec![]);
    assert_eq!(row(&all).state, RunState::Orphan);
}

#[test]
fn an_image_that_several_literals_without_a_pin_make_is_one_row() {
    let mut tag = site("web", 1, "nginx:stable");
    tag.fate = Fate::Unpinnable("other text follows".into());
    let template = Literal {
        line: 9,
        ..tag.clone()
    };
    let all = snapshot(vec![tag, template]).running(vec![running("nginx:stable")]);
    let status = report_status(&all, &all.plan(), None);
    assert_eq!(
        (status.rows.len(), status.rows[0].place.as_str()),
        (1, "stacks/web/main.tf:1"),
        "{status:?}"
    );
}

#[test]
fn what_waits_is_told_with_its_reason() {
    let all =
        snapshot(vec![site("web", 1, &pinned("nginx:stable", 'a'))]).says("nginx:stable", 'b');
    let row = row(&all.running(vec![running(&pinned("nginx:stable", 'a'))]));
    assert_eq!(
        row.waits.as_deref(),
        Some(
            "waiting to bbbbbbbbbbbb: upstream changed, first seen in this pass; it settles for 10m (built in)"
        )
    );
}

#[test]
fn nothing_is_told_twice_and_what_is_blocked_goes_nowhere() {
    let all = snapshot(vec![site("web", 1, "nginx:stable")])
        .says("nginx:stable", 'b')
        .running(vec![]);
    let nameless =
        |all: &mut Snapshot| Arc::make_mut(&mut all.scan).literals[0].uses[0].name = None;
    let mut unknown = all.clone();
    nameless(&mut unknown);
    let told = status_line(&row(&unknown));
    assert_eq!(
        told.matches("its name is not known from the text").count(),
        1,
        "{told}"
    );
    let mut refused = row(&all);
    assert!(
        status_line(&refused).contains("adopt to bbbbbbbbbbbb: "),
        "{refused:?}"
    );
    let mut plan = all.plan();
    plan.decisions[0].verdict = crate::pipeline::Verdict::Blocked;
    refused = report_status(&all, &plan, None).rows[0].clone();
    assert!(
        refused
            .waits
            .as_deref()
            .is_some_and(|waits| waits.starts_with("blocked: ")),
        "{refused:?}"
    );
}

#[test]
fn the_plan_tells_what_runs_and_so_does_the_commit() {
    let image = pinned("nginx:stable", 'a');
    let all = snapshot(vec![site("web", 1, &image)])
        .says("nginx:stable", 'b')
        .seen("nginx:stable", 'b', OLD);
    let undone = || {
        running(&pinned("nginx:stable", 'c')).revision(1, &[], &pinned("nginx:stable", 'c'), OLD)
    };
    let plan = all.clone().running(vec![undone()]).plan();
    assert_eq!(plan.decisions[0].runs, Seen::Known(Some(digest('c'))));
    assert!(
        plan.decisions[0].reasons.contains(&Reason::RunsNow {
            digest: Some(digest('c'))
        }),
        "{:?}",
        plan.decisions
    );
    assert!(
        plan.changes[0]
            .message
            .contains("Running before: cccc…cc since 2026-11-10."),
        "{}",
        plan.changes[0].message
    );
    let quiet = all.clone().running(vec![running(&image)]).plan();
    assert!(
        !codes(&quiet.decisions[0])
            .iter()
            .any(|code| code.starts_with("runs")),
        "{:?}",
        quiet.decisions
    );
    let dark = all.plan();
    assert_eq!(dark.decisions[0].runs, Seen::NotAsked);
    assert!(
        !dark.changes[0].message.contains("Running"),
        "{}",
        dark.changes[0].message
    );
}

#[test]
fn explaining_tells_what_runs_the_owner_and_the_revisions() {
    let (old, new) = (pinned("nginx:stable", 'a'), pinned("nginx:stable", 'b'));
    let undone = running(&old)
        .set_by("kubectl-rollout", "2026-11-21T09:00:00Z")
        .revision(3, &[1], &old, OLD)
        .revision(2, &[], &new, NEW);
    let all = updated().running(vec![undone]);
    let lines = |world: &Snapshot| {
        explanation_lines(
            world,
            &explain(world, &world.plan(), &[&world.scan.literals[0]])[0],
        )
    };
    let dark = lines(&updated());
    let lines = lines(&all);
    let from = lines
        .iter()
        .position(|line| line.starts_with("runs "))
        .expect("a line");
    let expected = [
        format!("runs       {} since 2026-11-21 09:00 UTC (deployment/web/nginx:nginx)", digest('a')),
        "           somebody returned the workload to it 2026-11-21 09:00 UTC (kubectl rollout undo); the repo pins bbbbbbbbbbbb".into(),
        "           pinned 2026-11-10 08:00 UTC (aaaaaaaaaa) when the tag moved, by pintle".into(),
        "owner      terraform".into(),
        format!("revision   deployment/web/nginx 3 {old}, made 2026-11-10 08:00 UTC, was 1 before, image set by kubectl-rollout 2026-11-21 09:00 UTC"),
        format!("revision   deployment/web/nginx 2 {new}, made 2026-11-20 10:00 UTC"),
    ];
    assert_eq!(lines[from..from + 6], expected);
    assert!(
        !dark.iter().any(|line| line.starts_with("runs ")),
        "{dark:?}"
    );
}

#[test]
fn the_json_has_what_the_table_has() {
    let all = updated().running(vec![
        running(&pinned("nginx:stable", 'b')).set_by("Terraform", NEW),
    ]);
    let json = to_json(&report_status(&all, &all.plan(), None));
    let expected = serde_json::json!({
        "version": 2,
        "cluster": "known",
        "why": null,
        "containers": [{
            "site": "stacks/web/main.tf#kubernetes_deployment.nginx/container[nginx].image",
            "place": "stacks/web/main.tf:1",
            "kind": "deployment",
            "namespace": "web",
            "name": "nginx",
            "container": "nginx",
            "init": false,
            "state": "pinned",
            "image": pinned("nginx:stable", 'b'),
            "runs": digest('b').as_str(),
            "pinned": digest('b').as_str(),
            "since": "2026-11-20T10:00:00Z",
            "trouble": [],
            "why": ["pinned 2026-11-20 10:00 UTC (bbbbbbbbbb) when the tag moved, by pintle"],
            "owner": "terraform",
            "verdict": "in-sync",
            "waits": null,
        }],
        "unmanaged": 0,
    });
    assert_eq!(json, expected);
}

#[test]
fn a_pull_request_shows_what_runs_and_is_the_same_whatever_does() {
    let image = pinned("nginx:stable", 'a');
    let all = snapshot(vec![site("web", 1, &image)])
        .says("nginx:stable", 'b')
        .seen("nginx:stable", 'b', OLD)
        .forged(|_| {});
    let proposed = |workloads: Vec<Workload>| {
        let plan = all.clone().running(workloads).plan();
        let Some(proposal) = &plan.changes[0].proposal else {
            panic!("{plan:?}")
        };
        assert!(plan.changes[0].delivery.is_pull_request());
        (
            proposal.rows[0].running.clone(),
            plan.changes[0].message.clone(),
            plan.changes[0].pins.clone(),
        )
    };
    let (runs, message, pins) = proposed(vec![running(&image)]);
    assert_eq!(runs, Seen::Known(Some(digest('a'))));
    let (other, same_message, same_pins) = proposed(vec![running(&pinned("nginx:stable", 'c'))]);
    assert_eq!(other, Seen::Known(Some(digest('c'))));
    assert_eq!((message, pins), (same_message, same_pins));
    assert_eq!(proposed(vec![]).0, Seen::Known(None));
}

#[test]
fn a_comment_asks_for_the_same_status() {
    let lines = |target: Option<&str>, runs: char| {
        let target = target.map(|target| TargetName::new(target).expect("a target"));
        let all = updated().forged(|_| {}).running(vec![
            running(&pinned("nginx:stable", runs)).set_by("Terraform", OLD),
        ]);
        let asked = all.asked(vec![comment(12, vec![Command::Status { target }])]);
        let plan = asked.plan();
        let outcome = &plan.answers[0].outcomes[0];
        report_text(&asked, &plan, outcome)
            .unwrap_or_else(|| panic!("{outcome:?}"))
            .lines
    };
    let unread = updated().running(vec![]).unread("daemonset");
    assert_eq!(
        cluster_gaps(&unread),
        ["daemonsets could not be read: it is forbidden"]
    );
    let all = lines(None, 'a');
    assert_eq!(all[..2], ["1 in-sync", "1 differs"]);
    assert!(
        all[2].starts_with("differs   deployment/web/nginx:nginx stable@aaaaaaaaaaaa"),
        "{all:?}"
    );
    // What is as it should be is told where it is asked for by its name.
    assert_eq!(lines(None, 'b'), ["1 in-sync", "1 pinned"]);
    assert!(
        lines(Some("web/nginx"), 'b')[2]
            .starts_with("pinned    deployment/web/nginx:nginx stable@bbbbbbbbbbbb")
    );
}

#[test]
fn a_row_is_called_by_what_status_prints() {
    let row = row(&updated().running(vec![running(&pinned("nginx:stable", 'b'))]));
    assert_eq!(row.workload(), "deployment/web/nginx:nginx");
    for (name, is_own) in [
        ("deployment/web/nginx:nginx", true),
        ("deployment/web/nginx", true),
        ("web/nginx:nginx", true),
        ("web/nginx", true),
        ("web/ngin", false),
        ("deployment/web/nginx:nginx2", false),
        ("statefulset/web/nginx", false),
        ("nginx", false),
        ("", false),
    ] {
        assert_eq!(row.is_called(name), is_own, "{name:?}");
    }
}
