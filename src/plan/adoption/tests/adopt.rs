//! The first pin is what runs.

use super::*;
use crate::model::tag::Class;

const FILE: &str = "stacks/web/main.tf";
const WEB: &str = "deployment web/web";

/// A deployment `web/web` of one container with this image expression; Terraform ignores it or owns
/// it.
fn file(image: &str, ignored: bool) -> String {
    let lifecycle = "  lifecycle {\n    ignore_changes = [spec[0].template[0].spec[0].container[0].image]\n  }\n";
    format!(
        "resource \"kubernetes_deployment\" \"web\" {{\n  metadata {{\n    name      = \"web\"\n    namespace = \"web\"\n  }}\n  spec {{\n    template {{\n      spec {{\n        container {{\n          name  = \"web\"\n          image = {image}\n        }}\n      }}\n    }}\n  }}\n{}}}\n",
        if ignored { lifecycle } else { "" }
    )
}

fn live(image: &str, c: char) -> Workload {
    workload("deployment/web/web", &[("web", image, c)])
}

/// The image as the file says it after the plan.
#[track_caller]
fn adopted(image: &str, ignored: bool, live: Vec<Workload>, want: &str) {
    let quoted = |image: &str| format!("\"{image}\"");
    let (_, after) = taken_over(&world(&[(FILE, &file(&quoted(image), ignored))], live));
    assert_eq!(text(&after, FILE), digests(&file(&quoted(want), false)));
}

#[track_caller]
fn waits(image: &str, ignored: bool, live: Vec<Workload>, verdict: Verdict, reason: Reason) {
    let snapshot = world(&[(FILE, &file(&format!("\"{image}\""), ignored))], live);
    let made = plan(&snapshot);
    assert_eq!(
        (made.decisions[0].verdict, &made.decisions[0].reasons[0]),
        (verdict, &reason)
    );
    assert_eq!(made.changes, []);
}

/// What runs of the workload could not be determined.
fn unknown(why: &str) -> Reason {
    Reason::RunningUnknown { why: why.into() }
}

#[test]
fn the_digest_that_runs_and_not_what_upstream_says() {
    for ignored in [false, true] {
        adopted(
            "ghcr.io/a/web:1",
            ignored,
            vec![live("ghcr.io/a/web:1", 'a')],
            "ghcr.io/a/web:1@a",
        );
        adopted(
            "ghcr.io/a/web",
            ignored,
            vec![live("ghcr.io/a/web:latest", 'a')],
            "ghcr.io/a/web:latest@a",
        );
        adopted(
            "nginx",
            ignored,
            vec![live("docker.io/library/nginx", 'a')],
            "nginx:latest@a",
        );
        let pinned = live(&digests("ghcr.io/a/web:1@b\"").replace('"', ""), 'a');
        adopted(
            "ghcr.io/a/web:1",
            ignored,
            vec![pinned],
            "ghcr.io/a/web:1@b",
        );
    }
}

#[test]
fn a_tag_that_changed_is_followed_in_a_later_pass() {
    let (made, after) = taken_over(&world(
        &[(FILE, &file("\"ghcr.io/a/web:1\"", true))],
        vec![live("ghcr.io/a/web:1", 'a')],
    ));
    assert_eq!(made.decisions[0].to, Some(digest('a')));
    assert_eq!(
        made.decisions[0].reasons,
        [
            Reason::NotPinned {
                class: Class::Major,
                follows: true
            },
            Reason::Runs {
                workload: WEB.into(),
                image: "ghcr.io/a/web:1".into(),
                digest: digest('a')
            },
            Reason::RunsNow {
                digest: Some(digest('a'))
            },
            Reason::TakenOver {
                place: "stacks/web/main.tf:17".into()
            },
        ]
    );
    let next = plan(&world(
        &[(FILE, &text(&after, FILE))],
        vec![live("ghcr.io/a/web:1", 'a')],
    ));
    assert_eq!(
        (next.decisions[0].verdict, next.decisions[0].to.clone()),
        (Verdict::Waiting, Some(digest(UPSTREAM)))
    );
}

#[test]
fn the_tag_that_runs_goes_with_it() {
    adopted(
        "ghcr.io/a/web:1.2.0",
        true,
        vec![live("ghcr.io/a/web:1.3.0", 'a')],
        "ghcr.io/a/web:1.3.0@a",
    );
    adopted(
        "ghcr.io/a/web:1.2.0",
        false,
        vec![live("ghcr.io/a/web:1.3.0", 'a')],
        "ghcr.io/a/web:1.3.0@a",
    );
    adopted(
        "ghcr.io/a/web:1.10.0",
        true,
        vec![live("ghcr.io/a/web:1.9.0", 'a')],
        "ghcr.io/a/web:1.9.0@a",
    );
    adopted(
        "ghcr.io/a/web:main",
        true,
        vec![live("ghcr.io/a/web:stable", 'a')],
        "ghcr.io/a/web:stable@a",
    );
    adopted(
        "ghcr.io/a/web:1.2.0@b",
        true,
        vec![live("ghcr.io/a/web:1.3.0", 'a')],
        "ghcr.io/a/web:1.3.0@a",
    );
    let snapshot = world(
        &[(FILE, &file("\"ghcr.io/a/web:1.2.0\"", true))],
        vec![live("ghcr.io/a/web:1.3.0", 'a')],
    );
    let change = plan(&snapshot).changes.remove(0);
    assert_eq!(change.pins[0].image, "ghcr.io/a/web:1.3.0");
    let message = "web: pin web to aaaa…aa (1.3.0)\n\nFirst pin of ghcr.io/a/web:1.2.0: deployment web/web runs\nghcr.io/a/web:1.3.0, and so does the repo now.\nRunning before: aaaa…aa.\nTerraform sets the image from now on: `ignore_changes` no longer lists\nit.";
    assert_eq!(change.message, message);
}

#[test]
fn a_newer_tag_in_the_repo_that_terraform_owns_is_not_taken_back() {
    for (declared, runs) in [("1.10.0", "1.2.0"), ("71b32438", "main")] {
        let reason = Reason::RunsOtherTag {
            workload: WEB.into(),
            tag: tag(runs),
            declared: tag(declared),
        };
        let image = |tag: &str| format!("ghcr.io/a/web:{tag}");
        waits(
            &image(declared),
            false,
            vec![live(&image(runs), 'a')],
            Verdict::Waiting,
            reason,
        );
    }
}

#[test]
fn what_upstream_says_where_nothing_runs() {
    for ignored in [false, true] {
        adopted("ghcr.io/a/web:1", ignored, vec![], "ghcr.io/a/web:1@f");
        adopted(
            "ghcr.io/a/web:1",
            ignored,
            vec![parked(
                "deployment/web/web",
                &[("web", "ghcr.io/a/web:1", 'a')],
            )],
            "ghcr.io/a/web:1@f",
        );
        adopted("ghcr.io/a/web:1@b", ignored, vec![], "ghcr.io/a/web:1@b");
    }
    let parked = parked("deployment/web/web", &[("web", "ghcr.io/a/web:1.3.0", 'a')]);
    adopted(
        "ghcr.io/a/web:1.2.0",
        false,
        vec![parked.clone()],
        "ghcr.io/a/web:1.2.0@f",
    );
    let why = "nothing of it runs, so its digest is not known".into();
    let (tag, declared) = (tag("1.3.0"), tag("1.2.0"));
    let reason = Reason::CannotTakeTag {
        workload: WEB.into(),
        tag,
        declared,
        is_older: true,
        why,
    };
    waits(
        "ghcr.io/a/web:1.2.0",
        true,
        vec![parked],
        Verdict::Blocked,
        reason,
    );
}

#[test]
fn a_pin_that_terraform_ignores_goes_where_the_workload_is() {
    adopted(
        "ghcr.io/a/web:1@b",
        true,
        vec![live("ghcr.io/a/web:1", 'a')],
        "ghcr.io/a/web:1@a",
    );
    adopted(
        "ghcr.io/a/web:1@a",
        true,
        vec![live("ghcr.io/a/web:1", 'a')],
        "ghcr.io/a/web:1@a",
    );
}

#[test]
fn what_cannot_be_told_holds_the_site() {
    for ignored in [false, true] {
        let mut unlike = live("ghcr.io/a/web:1", 'a');
        unlike.pods.extend(live("ghcr.io/a/web:1", 'b').pods);
        waits(
            "ghcr.io/a/web:1",
            ignored,
            vec![unlike],
            Verdict::Unknown,
            unknown("deployment web/web: its pods run 2 different digests"),
        );
        let mut mute = live("ghcr.io/a/web:1", 'a');
        let status = &mut mute.pods[0].containers[0];
        (status.digest, status.started) =
            (None, Some("2026-11-22T11:00:00Z".parse().expect("a time")));
        let why = "deployment web/web: its pods run, and do not show which digest";
        waits(
            "ghcr.io/a/web:1",
            ignored,
            vec![mute],
            Verdict::Unknown,
            unknown(why),
        );
        let other = Reason::RunningOtherRepository {
            workload: WEB.into(),
            image: "ghcr.io/b/web:1".into(),
        };
        waits(
            "ghcr.io/a/web:1",
            ignored,
            vec![live("ghcr.io/b/web:1", 'a')],
            Verdict::Blocked,
            other,
        );
        let mut dark = world(&[(FILE, &file("\"ghcr.io/a/web:1\"", ignored))], vec![]);
        dark.cluster = Seen::Unknown("connection refused".into());
        let made = plan(&dark);
        let why = "the cluster could not be asked: connection refused";
        assert_eq!(
            (made.decisions[0].verdict, &made.decisions[0].reasons[0]),
            (Verdict::Unknown, &unknown(why))
        );
        let mut blind = world(
            &[(FILE, &file("\"ghcr.io/a/web:1\"", ignored))],
            vec![live("ghcr.io/a/web:1", 'a')],
        );
        if let Seen::Known(cluster) = &mut blind.cluster {
            cluster.unread.insert(WorkloadKind::Pod, "forbidden".into());
        }
        let why = "deployment web/web: the pods could not be read: forbidden";
        let made = plan(&blind);
        assert_eq!(
            (made.decisions[0].verdict, &made.decisions[0].reasons[0]),
            (Verdict::Unknown, &unknown(why))
        );
    }
}

#[test]
fn a_tag_that_cannot_be_written_is_refused() {
    let image = "\"ghcr.io/a/web:${var.version}-cuda\"";
    let variables = "variable \"version\" {\n  default = \"1.2\"\n}\n";
    let snapshot = world(
        &[
            (FILE, &file(image, true)),
            ("stacks/web/variables.tf", variables),
        ],
        vec![live("ghcr.io/a/web:1.3-cuda", 'a')],
    );
    let made = plan(&snapshot);
    let why = "the tag of ghcr.io/a/web is not written at the end of stacks/web/main.tf:11 as a whole: it comes from a template, a variable or another place".into();
    let (tag, declared) = (tag("1.3-cuda"), tag("1.2-cuda"));
    let reason = Reason::CannotTakeTag {
        workload: WEB.into(),
        tag,
        declared,
        is_older: true,
        why,
    };
    assert_eq!(
        (made.decisions[0].verdict, &made.decisions[0].reasons[0]),
        (Verdict::Blocked, &reason)
    );
}

#[test]
fn uses_that_run_different_things_are_refused() {
    let two = |image: &str| {
        let one = file("local.image", true);
        let other = one
            .replace("\"web\" {", "\"other\" {")
            .replace("name      = \"web\"", "name      = \"other\"");
        format!("locals {{\n  image = \"{image}\"\n}}\n{one}{other}")
    };
    let other = |image: &str, c| workload("deployment/web/other", &[("web", image, c)]);
    let decide = |live: Vec<Workload>| {
        let made = plan(&world(&[(FILE, &two("ghcr.io/a/web:1"))], live));
        (
            made.decisions[0].verdict,
            made.decisions[0].reasons[0].clone(),
        )
    };
    let digests = decide(vec![
        live("ghcr.io/a/web:1", 'a'),
        other("ghcr.io/a/web:1", 'b'),
    ]);
    let workloads = "deployment web/other, deployment web/web".into();
    assert_eq!(
        digests,
        (
            Verdict::Blocked,
            Reason::RunningDigestsDiffer {
                count: 2,
                workloads
            }
        )
    );
    let tags = decide(vec![
        live("ghcr.io/a/web:1", 'a'),
        other("ghcr.io/a/web:2", 'a'),
    ]);
    assert_eq!(
        tags,
        (
            Verdict::Blocked,
            Reason::RunningTagsDiffer {
                count: 2,
                tags: "1, 2".into()
            }
        )
    );
}

#[test]
fn without_a_cluster_nothing_is_taken_over() {
    let mut snapshot = world(&[(FILE, &file("\"ghcr.io/a/web:1\"", true))], vec![]);
    snapshot.cluster = Seen::NotAsked;
    let reason = Reason::IgnoredByTerraform {
        place: "stacks/web/main.tf:17".into(),
    };
    let made = plan(&snapshot);
    assert_eq!(
        (made.decisions[0].verdict, &made.decisions[0].reasons[0]),
        (Verdict::Blocked, &reason)
    );
    let mut tracked = world(&[(FILE, &file("\"ghcr.io/a/web:1\"", false))], vec![]);
    tracked.cluster = Seen::NotAsked;
    assert_eq!(plan(&tracked).decisions[0].to, Some(digest(UPSTREAM)));
}
