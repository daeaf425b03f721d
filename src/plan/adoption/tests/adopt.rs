//! The first pin is what runs.

use super::*;
use crate::model::tag::Class;
use crate::pipeline::PinFact;
use crate::pipeline::cluster::{Revision, Waiting};

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
            Reason::RestartsPods {
                workloads: "deployment web/web (1 pod)".into()
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
    let message = "web: pin web to aaaa…aa (1.3.0)\n\nFirst pin of ghcr.io/a/web:1.2.0: deployment web/web runs\nghcr.io/a/web:1.3.0, and so does the repo now.\nRunning before: aaaa…aa.\nThe next apply restarts deployment web/web (1 pod) with the image that\nruns.\nTerraform sets the image from now on: `ignore_changes` no longer lists\nit.";
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
fn a_mistake_is_not_taken_over() {
    // Of what Terraform ignores, what Keel set: down, into another scheme, to another kind of tag.
    let image = |tag: &str| format!("ghcr.io/a/web:{tag}");
    let older = [
        ("1.35.7", "1.21"),
        ("11.0.14", "1.18"),
        ("1.10.0", "1.9.0"),
        ("2026.2.4", "2026.2.2"),
    ];
    for (declared, runs) in older {
        let reason = Reason::RunsOlderTag {
            workload: WEB.into(),
            tag: tag(runs),
            declared: tag(declared),
        };
        let world = vec![live(&image(runs), 'a')];
        waits(&image(declared), true, world, Verdict::Blocked, reason);
    }
    let others = [
        ("0.26.6", "nightly-latest"),
        ("latest", "22"),
        ("22", "latest"),
        ("1.2.3", "71b32438"),
        ("71b32438", "82c43549"),
        ("1.2.3", "1.3.0-alpine"),
    ];
    for (declared, runs) in others {
        let reason = Reason::RunsOtherChannel {
            workload: WEB.into(),
            tag: tag(runs),
            declared: tag(declared),
        };
        let world = vec![live(&image(runs), 'a')];
        waits(&image(declared), true, world, Verdict::Blocked, reason);
    }
}

#[test]
fn what_does_not_work_is_not_taken_over() {
    for (reason, restarts, is_refused) in [
        ("CrashLoopBackOff", 7, true),
        ("CrashLoopBackOff", 1, false),
        ("CreateContainerConfigError", 0, true),
        ("RunContainerError", 0, true),
    ] {
        for ignored in [false, true] {
            let mut crashing = live("ghcr.io/a/web:1.2.0", 'a');
            crashing.revisions.push(Revision {
                name: "web-1".into(),
                hash: "h".into(),
                number: 1,
                earlier: Vec::new(),
                created: None,
                images: [("web".into(), "ghcr.io/a/web:1.2.0".into())].into(),
            });
            crashing.pods[0].revision = Some("h".into());
            let status = &mut crashing.pods[0].containers[0];
            status.ready = false;
            status.restarts = restarts;
            status.waiting = Some(Waiting {
                reason: reason.into(),
                message: "".into(),
            });
            let files = [(FILE, &*file("\"ghcr.io/a/web:1.2.0\"", ignored))];
            let decision = plan(&world(&files, vec![crashing])).decisions.remove(0);
            let is_named = decision.reasons[0].code() == "runs-unhealthy";
            assert_eq!(is_named, is_refused, "{reason}: {:?}", decision.reasons);
        }
    }
}

#[test]
fn the_manifest_of_one_platform_is_not_pinned() {
    let files = [(FILE, &*file("\"ghcr.io/a/web:1.2.0\"", true))];
    let plain = world(&files, vec![live("ghcr.io/a/web:1.2.0", 'a')]);
    let channel = plain.upstream.keys().next().expect("one").clone();
    let told = |fact: Option<PinFact>, children: Vec<Digest>| {
        let mut world = plain.clone();
        world
            .pins
            .extend(fact.map(|fact| ((channel.clone(), digest('a')), fact)));
        world
            .children
            .insert((channel.clone(), digest(UPSTREAM)), children);
        let mut plan = plan(&world);
        let to = plan
            .changes
            .first()
            .and_then(|change| change.pins[0].to.clone());
        (plan.decisions.remove(0).reasons[0].code(), to)
    };
    let leaves = vec![digest('b'), digest('c')];
    let single = Some(PinFact::Single);
    assert_eq!(
        told(single.clone(), leaves.clone()),
        ("runs-platform-digest", None)
    );
    assert_eq!(
        told(None, leaves.clone()).1,
        Some(digest('a')),
        "an index, or not known"
    );
    assert_eq!(
        told(single, Vec::new()).1,
        Some(digest('a')),
        "the image has no index"
    );
    let part = PinFact::PlatformOf {
        index: digest(UPSTREAM),
        platform: "linux/amd64".into(),
    };
    assert_eq!(
        told(Some(part), leaves).1,
        Some(digest(UPSTREAM)),
        "its index is known"
    );
}

#[test]
fn first_pins_go_in_batches() {
    let names = ["one", "two", "three"];
    let files: Vec<(String, String)> = names
        .iter()
        .map(|name| {
            let text =
                file("\"ghcr.io/a/web:1\"", false).replace("\"web\"", &format!("\"{name}\""));
            (format!("stacks/{name}/main.tf"), text)
        })
        .collect();
    let files: Vec<(&str, &str)> = files
        .iter()
        .map(|(a, b)| (a.as_str(), b.as_str()))
        .collect();
    let count = |config: &str| {
        let plan = plan(&configured(&files, Vec::new(), config));
        let waits = plan.decisions.iter().filter(|one| {
            one.reasons
                .iter()
                .any(|reason| reason.code() == "adopt-batch-full")
        });
        (plan.changes.len(), waits.count())
    };
    assert_eq!(count("[defaults]\nmode = 'commit'"), (3, 0));
    assert_eq!(
        count("[defaults]\nmode = 'commit'\nadopt_batch = 2"),
        (2, 1)
    );
    assert_eq!(
        count("[defaults]\nmode = 'commit'\nadopt_batch = 1"),
        (1, 2)
    );
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
    let why =
        "the tag of ghcr.io/a/web at stacks/web/main.tf:11 is not in one place: the tag is made of several parts"
            .into();
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
