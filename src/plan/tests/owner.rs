//! Who owns an image, and what is not updated because somebody else sets it.

use super::matching::workload;
use super::*;
use crate::pipeline::Verdict;
use crate::pipeline::cluster::Workload;
use crate::plan::live::uses;
use crate::plan::ownership::{find_owner, keel_runs};

const TIME: &str = "2026-11-20T10:00:00Z";

fn web() -> Workload {
    workload("deployment", "web", "nginx").has("nginx", &pinned("nginx:stable", 'a'))
}

fn keel() -> Workload {
    workload("deployment", "keel", "keel").has("keel", "docker.io/keelhq/keel:0.19")
}

fn tracked() -> Literal {
    site("web", 1, &pinned("nginx:stable", 'a'))
}

fn ignored() -> Literal {
    let mut literal = tracked();
    literal.uses[0].ignored = Some(true);
    literal
}

fn whose(literal: Literal, workloads: Vec<Workload>) -> String {
    let all = snapshot(vec![literal]).running(workloads);
    let (literal, site) = all.scan.sites().next().expect("a site");
    let lives = uses(&all, literal).expect("a cluster");
    find_owner(&all, Some(site), &lives[0]).map_or("not known".into(), |owner| owner.sentence())
}

#[test]
fn an_image_is_terraforms_unless_it_is_ignored_or_somebody_else_sets_it() {
    let nobody = "Terraform ignores the image, and nothing else sets it";
    let drone = "`drone` sets the image, so it would overwrite a pin";
    let cases = [
        (tracked(), web(), "terraform sets the image"),
        (
            tracked(),
            web().set_by("HashiCorp", TIME),
            "terraform sets the image",
        ),
        (ignored(), web().set_by("HashiCorp", TIME), nobody),
        (
            tracked(),
            web().set_by("kubectl-set", TIME),
            "terraform sets the image",
        ),
        (ignored(), web().set_by("kubectl-rollout", TIME), nobody),
        (
            ignored(),
            web()
                .set_by("kubectl", TIME)
                .set_by("k9s", TIME)
                .set_by("Mozilla", TIME),
            nobody,
        ),
        (ignored(), web().set_by("velero-server", TIME), nobody),
        (ignored(), web().set_by("drone", TIME), drone),
        (
            tracked(),
            web().set_by("Terraform", TIME).set_by("drone", TIME),
            drone,
        ),
        (
            tracked(),
            web().released("web", true),
            "the Helm release web sets the image",
        ),
        (
            tracked(),
            web().released("web", true).set_by("helm", TIME),
            "the Helm release web sets the image",
        ),
        (
            tracked(),
            web()
                .released("web", true)
                .set_by("Terraform", TIME)
                .set_by("helm", TIME),
            "the Helm release web sets the image",
        ),
        // Somebody made its text of a chart, with all of its labels.
        (
            tracked(),
            web().released("web", true).set_by("Terraform", TIME),
            "terraform sets the image",
        ),
        (
            tracked(),
            web().released("web", true).set_by("kubectl", TIME),
            "terraform sets the image",
        ),
        (
            tracked(),
            web().released("web", false),
            "terraform sets the image",
        ),
        (
            tracked(),
            Workload {
                controller: Some("cluster/db".into()),
                ..web()
            },
            "the controller of cluster/db sets the image",
        ),
        (
            ignored(),
            workload("deployment", "web", "other"),
            "terraform sets the image",
        ),
    ];
    for (literal, workload, expected) in cases {
        assert_eq!(
            whose(literal, vec![workload.clone()]),
            expected,
            "{workload:?}"
        );
    }
    let unknown = |literal: &mut Literal| literal.uses[0].name = None;
    let mut literal = tracked();
    unknown(&mut literal);
    assert_eq!(whose(literal, vec![web()]), "not known");
}

#[test]
fn keel_owns_what_it_follows_while_it_runs() {
    let follows = "Keel sets the image too (keel.sh/policy is `force`; `never` on the workload keeps it away)";
    let forced = || web().keel("policy", "force").set_by("keel", TIME);
    assert_eq!(whose(ignored(), vec![forced(), keel()]), follows);
    assert_eq!(
        whose(ignored(), vec![forced(), keel().parked()]),
        "Terraform ignores the image, and nothing else sets it"
    );
    assert_eq!(whose(tracked(), vec![forced()]), "terraform sets the image");
    assert_eq!(
        whose(tracked(), vec![web().keel("policy", "never"), keel()]),
        "terraform sets the image"
    );
    let declared = |value: &str| annotated(tracked(), "keel.sh/policy", value);
    assert_eq!(whose(declared("force"), vec![web(), keel()]), follows);
    assert_eq!(
        whose(declared("never"), vec![web(), keel()]),
        "terraform sets the image"
    );
    assert_eq!(
        whose(
            declared("force"),
            vec![web().keel("policy", "never"), keel()]
        ),
        "terraform sets the image"
    );
}

#[test]
fn keel_runs_where_its_image_does_or_the_configuration_says_so() {
    let all = |workloads| snapshot(vec![tracked()]).running(workloads);
    assert_eq!(keel_runs(&snapshot(vec![])), Seen::NotAsked);
    assert_eq!(keel_runs(&all(vec![web(), keel()])), Seen::Known(true));
    assert_eq!(keel_runs(&all(vec![web()])), Seen::Known(false));
    assert_eq!(keel_runs(&all(vec![keel().parked()])), Seen::Known(false));
    let mirrored = workload("statefulset", "keel", "keel")
        .has("keel", "cache.example.com/hub/keelhq/keel:latest");
    assert_eq!(keel_runs(&all(vec![mirrored])), Seen::Known(true));
    let alike = workload("deployment", "x", "x").has("x", "ghcr.io/notkeelhq/keel:1");
    assert_eq!(keel_runs(&all(vec![alike])), Seen::Known(false));
    let unread = all(vec![web()]).unread("deployment");
    assert_eq!(
        keel_runs(&unread),
        Seen::Unknown("deployments could not be read: it is forbidden".into())
    );
    assert_eq!(
        keel_runs(&unread.configured("[cluster]\nkeel = \"no\"\n")),
        Seen::Known(false)
    );
    assert_eq!(
        keel_runs(&snapshot(vec![]).configured("[cluster]\nkeel = \"yes\"\n")),
        Seen::Known(true)
    );
}

#[test]
fn what_another_owner_sets_is_not_updated() {
    let decided = |workloads: Vec<Workload>| {
        let all = snapshot(vec![tracked()]).says("nginx:stable", 'b').seen(
            "nginx:stable",
            'b',
            "2026-11-22T09:00:00Z",
        );
        let decision = all.running(workloads).decided();
        (decision.verdict, decision.reasons[0].clone())
    };
    assert_eq!(decided(vec![web()]).0, Verdict::Update);
    assert_eq!(
        decided(vec![web().set_by("kubectl-set", TIME)]).0,
        Verdict::Update
    );
    assert_eq!(decided(vec![]).0, Verdict::Update);
    let other = |owner: &str| Reason::OtherOwner {
        workload: "deployment web/nginx".into(),
        owner: owner.into(),
    };
    let drone = "`drone` sets the image, so it would overwrite a pin";
    assert_eq!(
        decided(vec![web().set_by("drone", TIME)]),
        (Verdict::Blocked, other(drone))
    );
    let keels = "Keel sets the image too (keel.sh/policy is `minor`; `never` on the workload keeps it away)";
    assert_eq!(
        decided(vec![web().keel("policy", "minor"), keel()]),
        (Verdict::Blocked, other(keels))
    );
    assert_eq!(
        decided(vec![web().released("web", true)]).0,
        Verdict::Blocked
    );
    // Half of it is ignored: all of it is taken over together.
    let mut half = site("web", 2, &pinned("redis:7", 'a'));
    half.uses[0].name = Some("nginx".into());
    half.uses[0].ignored = Some(true);
    let all = snapshot(vec![tracked(), half])
        .says("nginx:stable", 'b')
        .seen("nginx:stable", 'b', "2026-11-22T09:00:00Z");
    assert_eq!(
        all.running(vec![web().keel("policy", "minor"), keel()])
            .decided()
            .verdict,
        Verdict::Update
    );
}

#[test]
fn a_kind_that_cannot_be_read_holds_its_sites_and_no_others() {
    let mut job = site("web", 9, &pinned("nginx:stable", 'a'));
    job.uses[0].kind = WorkloadKind::CronJob;
    let all = snapshot(vec![tracked(), job])
        .says("nginx:stable", 'b')
        .seen("nginx:stable", 'b', "2026-11-22T09:00:00Z");
    let plan = all.running(vec![web()]).unread("cronjob").plan();
    let verdicts: Vec<_> = plan
        .decisions
        .iter()
        .map(|decision| decision.verdict)
        .collect();
    assert_eq!(verdicts, [Verdict::Update, Verdict::Waiting]);
    assert_eq!(
        plan.decisions[1].reasons[0],
        Reason::OwnerUnknown {
            why: "cronjobs could not be read: it is forbidden".into()
        }
    );
}
