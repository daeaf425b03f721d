//! What is not taken over, and why.

use super::*;
use crate::pipeline::cluster::Release;
use crate::sites::SiteId;

const FILE: &str = "stacks/web/main.tf";
const IMAGES: &str = "spec[0].template[0].spec[0].container[0].image, spec[0].template[0].spec[0].container[1].image";

/// A deployment of two containers, `web` and `side`.
fn two(kind: &str, annotations: &str, images: [&str; 2], ignored: &str) -> String {
    format!(
        r#"resource "kubernetes_{kind}" "web" {{
  metadata {{
    name      = "web"
    namespace = "web"
    annotations = {annotations}
  }}
  spec {{
    template {{
      spec {{
        container {{
          name  = "web"
          image = "{}"
        }}
        container {{
          name  = "side"
          image = "{}"
        }}
      }}
    }}
  }}
  lifecycle {{
    ignore_changes = {ignored}
  }}
}}
"#,
        images[0], images[1]
    )
}

const BOTH: [&str; 2] = ["ghcr.io/a/web:1", "ghcr.io/a/side:1"];

fn live() -> Workload {
    workload(
        "deployment/web/web",
        &[
            ("web", "ghcr.io/a/web:1", 'a'),
            ("side", "ghcr.io/a/side:1", 'b'),
        ],
    )
}

fn refused(text: &str, live: Vec<Workload>) -> (Plan, Decision) {
    let made = plan(&world(&[(FILE, text)], live));
    let decision = decision(&made, "web");
    (made, decision)
}

fn cannot(place: &str, why: &str) -> Reason {
    Reason::CannotBeTakenOver {
        place: place.into(),
        why: why.into(),
    }
}

/// Both containers stay as they are for this reason.
#[track_caller]
fn both(text: &str, live: Vec<Workload>, why: &str) {
    let (made, web) = refused(text, live);
    let reason = cannot("stacks/web/main.tf:22", why);
    for decision in [web, decision(&made, "side")] {
        assert_eq!(
            (decision.verdict, &decision.reasons[0]),
            (Verdict::Blocked, &reason)
        );
    }
    assert_eq!(made.changes, []);
}

fn site(container: &str) -> SiteId {
    SiteId(format!("{FILE}#kubernetes_deployment.web/container[{container}].image").into())
}

fn ignored(list: &str) -> String {
    two("deployment", "{}", BOTH, list)
}

#[test]
fn entries_that_cover_more_than_images() {
    for (list, entry) in [
        ("all", "all"),
        ("[spec]", "spec"),
        ("[spec[0].template]", "spec[0].template"),
    ] {
        let (made, web) = refused(&ignored(list), vec![live()]);
        let why = format!("`{entry}` at stacks/web/main.tf:22 covers more than the image");
        assert_eq!(
            (web.verdict, &web.reasons[0]),
            (Verdict::Blocked, &cannot("stacks/web/main.tf:12", &why))
        );
        assert_eq!(made.changes, []);
    }
    let list = format!("[{IMAGES}, spec[0].template[0].spec[0].container]");
    both(
        &ignored(&list),
        vec![live()],
        "`spec[0].template[0].spec[0].container` at stacks/web/main.tf:22 covers more than the image",
    );
}

#[test]
fn all_annotations_ignored_while_keel_runs() {
    let why = "`metadata[0].annotations` at stacks/web/main.tf:22 ignores all annotations, and Keel runs: a `keel.sh/policy` of `never` would not reach it";
    let list = format!("[metadata[0].annotations, {IMAGES}]");
    both(&ignored(&list), vec![live(), keel()], why);
    let (made, _) = taken_over(&world(&[(FILE, &ignored(&list))], vec![live()]));
    assert_eq!(
        made.changes.len(),
        1,
        "without Keel nothing has to be said to it"
    );
    let wider = format!("[metadata, {IMAGES}]");
    both(
        &ignored(&wider),
        vec![live(), keel()],
        &why.replace("`metadata[0].annotations`", "`metadata`"),
    );
}

#[test]
fn the_configuration_says_whether_keel_runs() {
    let list = format!("[metadata[0].annotations, {IMAGES}]");
    let verdict = |config: &str, live| {
        plan(&configured(&[(FILE, &ignored(&list))], live, config)).decisions[0].verdict
    };
    assert_eq!(
        verdict("[cluster]\nkeel = \"no\"\n", vec![live(), keel()]),
        Verdict::Adopt
    );
    assert_eq!(
        verdict("[cluster]\nkeel = \"yes\"\n", vec![live()]),
        Verdict::Blocked
    );
}

#[test]
fn other_owners() {
    let list = format!("[{IMAGES}]");
    let of = |change: &dyn Fn(&mut Workload)| {
        let mut live = live();
        change(&mut live);
        vec![live]
    };
    let blocked = |live: Vec<Workload>, reason: &Reason, other: &Reason| {
        let (made, web) = refused(&ignored(&list), live);
        let side = decision(&made, "side");
        assert_eq!((web.verdict, &web.reasons[0]), (Verdict::Blocked, reason));
        assert_eq!((side.verdict, &side.reasons[0]), (Verdict::Blocked, other));
        assert_eq!(made.changes, []);
    };
    let owned = |owner: &str| Reason::OtherOwner {
        workload: "deployment web/web".into(),
        owner: owner.into(),
    };
    let controller = owned("the controller of cluster/db sets the image");
    blocked(
        of(&|live| live.controller = Some("cluster/db".into())),
        &controller,
        &controller,
    );
    let helm = owned("the Helm release web sets the image");
    blocked(
        of(&|live| {
            live.release = Some(Release {
                name: "web".into(),
                helm: true,
            })
        }),
        &helm,
        &helm,
    );
    let ci = owned("`deploy-bot` sets the image, so it would overwrite a pin");
    let (member, reason) = (site("web"), Box::new(ci.clone()));
    let other = Reason::AdoptedTogether {
        member,
        verdict: Verdict::Blocked,
        reason,
    };
    blocked(
        of(&|live| {
            live.containers[0].writers = vec![Writer {
                manager: "deploy-bot".into(),
                at: None,
            }]
        }),
        &ci,
        &other,
    );
    let ours = vec![written_by(live(), &["keel", "HashiCorp", "kubectl-set"])];
    assert_eq!(
        taken_over(&world(&[(FILE, &ignored(&list))], ours))
            .0
            .changes
            .len(),
        1
    );
}

#[test]
fn a_container_that_does_not_run() {
    let one = workload("deployment/web/web", &[("web", "ghcr.io/a/web:1", 'a')]);
    both(
        &ignored(&format!("[{IMAGES}]")),
        vec![one],
        "deployment web/web runs without the container side",
    );
}

#[test]
fn annotations_that_are_made_elsewhere() {
    let of = |annotations: &str| two("deployment", annotations, BOTH, &format!("[{IMAGES}]"));
    both(
        &of("local.annotations"),
        vec![live(), keel()],
        "its annotations are not written as one object there",
    );
    let merged = "its annotations are made by `merge`, whose last part is not written there";
    both(
        &of("merge({}, local.annotations)"),
        vec![live(), keel()],
        merged,
    );
    both(
        &of("{ \"keel.sh/policy\" = local.policy }"),
        vec![live(), keel()],
        "keel.sh/policy is not a plain string",
    );
}

#[test]
fn an_image_that_is_not_known() {
    let blocks = ["ghcr.io/a/web:1", "${data.x.y.z}"];
    let made = plan(&world(
        &[(
            FILE,
            &two("deployment", "{}", blocks, &format!("[{IMAGES}]")),
        )],
        vec![live()],
    ));
    let why = "the image behind `spec[0].template[0].spec[0].container[1].image` at stacks/web/main.tf:22 is unknown";
    assert_eq!(
        decision(&made, "web").reasons[0],
        cannot("stacks/web/main.tf:22", why)
    );
}

#[test]
fn entries_in_another_file() {
    let text = ignored("[spec[0].replicas]");
    let over = format!(
        "resource \"kubernetes_deployment\" \"web\" {{\n  lifecycle {{\n    ignore_changes = [{IMAGES}]\n  }}\n}}\n"
    );
    let made = plan(&world(
        &[(FILE, &text), ("stacks/web/override.tf", &over)],
        vec![live()],
    ));
    let decision = decision(&made, "web");
    let is_elsewhere = |reason: &Reason| matches!(reason, Reason::CannotBeTakenOver { why, .. } if why == "its `ignore_changes` are in another file");
    assert!(is_elsewhere(&decision.reasons[0]), "{decision:?}");
}

#[test]
fn containers_wait_for_each_other() {
    let locked = ignored(&format!("[{IMAGES}]")).replace("side:1\"", "side:1\" # do not bump");
    let (made, web) = refused(&locked, vec![live()]);
    let comment = Reason::DoNotBumpComment {
        file: path(FILE),
        line: 16,
        text: "do not bump".into(),
    };
    let side = decision(&made, "side");
    assert_eq!(
        (side.verdict, &side.reasons[0]),
        (Verdict::Frozen, &comment)
    );
    let reason = Reason::AdoptedTogether {
        member: site("side"),
        verdict: Verdict::Frozen,
        reason: Box::new(comment),
    };
    assert_eq!((web.verdict, &web.reasons[0]), (Verdict::Blocked, &reason));
    assert_eq!(made.changes, []);
    let held = ignored(&format!("[{IMAGES}]")).replace("side:1\"", "side:1\" # pintle: hold");
    let (made, web) = refused(&held, vec![live()]);
    assert_eq!(
        (web.verdict, codes(&web)[0]),
        (Verdict::Waiting, "adopted-together-later")
    );
    assert_eq!(made.changes, []);
}

#[test]
fn a_persons_never_freezes_and_pintles_own_does_not() {
    let list = format!("[{IMAGES}]");
    let never = |mark: &str| {
        two(
            "deployment",
            &format!("{{\n      \"keel.sh/policy\" = \"never\"{mark}\n    }}"),
            BOTH,
            &list,
        )
    };
    assert_eq!(
        refused(&never(""), vec![live(), keel()]).1.verdict,
        Verdict::Frozen
    );
    assert_eq!(
        refused(&never(" # pintle: keel hands off"), vec![live(), keel()])
            .1
            .verdict,
        Verdict::Adopt
    );
    assert_eq!(
        refused(&never(" # pintle: keel hand off"), vec![live(), keel()])
            .1
            .verdict,
        Verdict::Frozen
    );
}

#[test]
fn a_job_is_not_replaced_unasked() {
    let job = workload(
        "job/web/web",
        &[
            ("web", "ghcr.io/a/web:1", 'a'),
            ("side", "ghcr.io/a/side:1", 'b'),
        ],
    );
    let (made, web) = refused(&two("job", "{}", BOTH, &format!("[{IMAGES}]")), vec![job]);
    assert_eq!(
        (web.verdict, &web.reasons[0]),
        (
            Verdict::Blocked,
            &Reason::JobWouldRerun { job: "web".into() }
        )
    );
    assert_eq!(made.changes, []);
}
