//! Keel's annotations in the cluster as a source of settings: after those that are declared, before
//! the rules.

use super::forge::{deployment, repo};
use super::matching::workload;
use super::*;
use crate::model::policy::Policy;
use crate::model::schedule::Schedule;
use crate::model::settings::Setting;
use crate::model::workload::WorkloadRef;
use crate::pipeline::Verdict::{self, *};
use crate::pipeline::cluster::{Cluster, Workload};
use crate::plan::resolve::resolve_sites;
use proptest::prelude::*;

const IMAGE: &str = "ghcr.io/shop/web:release";
/// What the deployment `web` has in the cluster.
const WEB: &str = "the live annotation keel.sh/policy of deployment shop/web";
const WORKER: &str = "the live annotation keel.sh/policy of deployment shop/worker";
const DECLARED: &str = "the annotation keel.sh/policy";

/// One literal that these workloads of the namespace `shop` use, pinned at `a`; upstream says `b`
/// since long ago.
fn literal(names: &[&str]) -> Literal {
    let mut literal = site("shop", 7, &pinned(IMAGE, 'a'));
    let used = literal.uses.remove(0);
    literal.uses = names
        .iter()
        .map(|name| Use {
            name: Some((*name).into()),
            ..used.clone()
        })
        .collect();
    literal
}

fn world(literals: Vec<Literal>, workloads: Vec<Workload>) -> Snapshot {
    snapshot(literals)
        .says(IMAGE, 'b')
        .seen(IMAGE, 'b', "2026-11-22T08:00:00Z")
        .running(workloads)
}

/// The text of this workload says something under the key.
fn declares(literal: Literal, name: &str, key: &str, value: &str) -> Literal {
    let workload = WorkloadRef {
        kind: WorkloadKind::Deployment,
        namespace: "shop".into(),
        name: name.into(),
    };
    with(annotated(literal, key, value), |site| {
        site.keel.declares.push((workload, key.into()))
    })
}

fn live(name: &str) -> Workload {
    workload("deployment", "shop", name).has("web", &pinned(IMAGE, 'a'))
}

fn keel() -> Workload {
    workload("deployment", "keel", "keel").has("keel", "docker.io/keelhq/keel:0.19")
}

/// The verdict, and the first reason.
fn said(world: &Snapshot) -> (Verdict, Reason) {
    let decision = world.decided();
    (decision.verdict, decision.reasons[0].clone())
}

fn never(source: &str) -> (Verdict, Reason) {
    (
        Frozen,
        Reason::PolicyNever {
            source: source.into(),
        },
    )
}

/// Checks that what is said cannot be read or contradicts itself, and that the sentence names all
/// of these.
fn expect_error((verdict, reason): (Verdict, Reason), names: &[&str]) {
    let Reason::ConfigurationError { what } = reason else {
        panic!("{reason:?}")
    };
    assert_eq!(verdict, Blocked);
    assert!(names.iter().all(|name| what.contains(name)), "{what}");
}

#[test]
fn a_live_policy_speaks_after_what_is_declared_and_before_the_rules() {
    let stamped = || vec![live("web").keel("policy", "never")];
    let all = world(vec![literal(&["web"])], stamped());
    assert_eq!(said(&all), never(WEB));
    let explained = |world: &Snapshot| {
        let all = crate::plan::explain(world, &world.plan(), &[&world.scan.literals[0]]);
        all.into_iter()
            .next()
            .and_then(|one| one.settings?.resolved.policy)
    };
    assert_eq!(
        explained(&all),
        Some(Setting {
            value: Policy::Never,
            source: WEB.into()
        })
    );
    let rules = "[defaults]\npolicy = 'never'\n[[rule]]\nmatch = {}\npolicy = 'never'";
    let forced = world(
        vec![literal(&["web"])],
        vec![live("web").keel("policy", "force")],
    )
    .configured(rules);
    let force = Setting {
        value: Policy::Force,
        source: WEB.into(),
    };
    assert_eq!(
        (forced.decided().verdict, explained(&forced)),
        (Update, Some(force))
    );
    assert_eq!(
        said(&world(vec![literal(&["web"])], vec![live("web")]).configured(rules)),
        never("[[rule]] 1")
    );
    let declared = declares(literal(&["web"]), "web", "keel.sh/policy", "force");
    assert_eq!(
        world(vec![declared], stamped()).decided().verdict,
        Update,
        "declared"
    );
    assert_eq!(
        world(vec![beside(literal(&["web"]), "pintle: force")], stamped())
            .decided()
            .verdict,
        Update,
        "a directive"
    );
    let unasked = Snapshot {
        cluster: Seen::NotAsked,
        ..all.clone()
    };
    assert_eq!(unasked.decided().verdict, Update);
    let elsewhere = vec![live("other").keel("policy", "never"), live("web")];
    assert_eq!(
        world(vec![literal(&["web"])], elsewhere).decided().verdict,
        Update,
        "another workload"
    );
    let other_cluster = all.configured("[cluster]\nroots = ['live/prod/**']");
    assert_eq!(
        other_cluster.decided().verdict,
        Update,
        "another cluster's workload of that name"
    );
    let label = world(
        vec![literal(&["web"])],
        vec![live("web").keel("enrolled", "true")],
    );
    assert_eq!(label.decided().verdict, Update, "another key");
}

/// As it is with declared ones: a level of a tag without a version is its digest.
#[test]
fn live_policies_that_choose_a_tag_count_and_those_that_are_none_block() {
    let of = |policy: &str| {
        said(&world(
            vec![literal(&["web"])],
            vec![live("web").keel("policy", policy)],
        ))
    };
    assert_eq!(of("minor").0, Update);
    let not_asked = Reason::TagsNotAsked {
        repository: "ghcr.io/shop/web".into(),
    };
    assert_eq!(of("glob:release-*"), (Unknown, not_asked));
    expect_error(of("nevr"), &["`nevr`", "policy", "`never`", WEB]);
    let directed = world(
        vec![beside(literal(&["web"]), "pintle: force")],
        vec![live("web").keel("policy", "nevr")],
    );
    assert_eq!(directed.decided().verdict, Update, "nobody asks it");
}

#[test]
fn workloads_of_one_literal_that_disagree_take_the_safe_side_or_none() {
    let two = || literal(&["web", "worker"]);
    let of = |literal: Literal, web: &str, worker: &str| {
        let stamped = |name: &str, policy: &str| {
            if policy.is_empty() {
                live(name)
            } else {
                live(name).keel("policy", policy)
            }
        };
        said(&world(
            vec![literal],
            vec![stamped("web", web), stamped("worker", worker)],
        ))
    };
    assert_eq!(of(two(), "force", "force").0, Update);
    assert_eq!(of(two(), "force", "").0, Update);
    assert_eq!(of(two(), "never", "force"), never(WEB));
    assert_eq!(of(two(), "minor", "never"), never(WORKER));
    expect_error(
        of(two(), "force", "minor"),
        &["disagree", "keel.sh/policy", "`force`", "`minor`"],
    );
    // One's text speaks for itself alone.
    let web = |policy: &str| declares(two(), "web", "keel.sh/policy", policy);
    assert_eq!(of(web("force"), "never", "force").0, Update);
    assert_eq!(of(web("force"), "force", "never"), never(WORKER));
    expect_error(
        of(web("force"), "force", "minor"),
        &["disagree", "keel.sh/policy", "`force`", "`minor`"],
    );
    assert_eq!(of(web("never"), "force", "force"), never(DECLARED));
}

#[test]
fn a_live_schedule_says_when() {
    let of = |literal: Literal, web: Workload| {
        let all = world(
            vec![literal],
            vec![web, live("worker").keel("pollSchedule", "@daily")],
        );
        said(&all.wrote(IMAGE, Some('c'), 'a', "2026-11-22T11:30:00Z"))
    };
    let hourly = || live("web").keel("pollSchedule", "@every 1h");
    let waits = Reason::ScheduleNotDue {
        schedule: Schedule::parse("@every 1h").expect("a schedule"),
        next: Some(at("2026-11-22T12:30:00Z")),
        source: "the live annotation keel.sh/pollSchedule of deployment shop/web".into(),
    };
    assert_eq!(of(literal(&["web"]), hourly()), (Waiting, waits));
    assert_eq!(
        of(
            beside(literal(&["web"]), "pintle: schedule=\"@every 10m\""),
            hourly()
        )
        .0,
        Update
    );
    assert_eq!(
        of(
            declares(
                literal(&["web"]),
                "web",
                "keel.sh/pollSchedule",
                "@every 10m"
            ),
            hourly()
        )
        .0,
        Update
    );
    expect_error(
        of(literal(&["web", "worker"]), hourly()),
        &[
            "disagree",
            "keel.sh/pollSchedule",
            "`@every 1h`",
            "`@daily`",
        ],
    );
    expect_error(
        of(literal(&["web"]), live("web").keel("pollSchedule", "often")),
        &["`often`", "schedule"],
    );
}

/// What Keel follows by is Keel's word: the image has another owner then. A `never` is everybody's.
#[test]
fn while_keel_runs_only_its_never_is_a_policy() {
    let of = |policy: &str, more: Vec<Workload>| {
        let workloads = [vec![live("web").keel("policy", policy)], more].concat();
        said(&world(vec![literal(&["web"])], workloads))
    };
    for policy in ["minor", "force"] {
        let (verdict, reason) = of(policy, vec![keel()]);
        let Reason::OtherOwner { workload, owner } = &reason else {
            panic!("{reason:?}")
        };
        assert_eq!(
            (verdict, workload.as_str()),
            (Blocked, "deployment shop/web")
        );
        assert!(
            ["Keel", "keel.sh/policy", &format!("`{policy}`")]
                .iter()
                .all(|name| owner.contains(name)),
            "{owner}"
        );
    }
    assert_eq!(of("never", vec![keel()]), never(WEB));
    assert_eq!(of("force", vec![keel().parked()]).0, Update);
}

/// The text as pintle writes it, scanned; and the cluster as Terraform left it.
#[test]
fn a_never_that_pintle_wrote_to_keep_keel_away_freezes_nothing() {
    let of = |text: &str| {
        let live = |name: &str| {
            workload("deployment", "shop", name)
                .has("web", &pinned(IMAGE, 'a'))
                .keel("policy", "never")
        };
        let world = repo(&[
            ("stacks/shop/main.tf", text),
            (
                "pintle.toml",
                "[defaults]\nmode = \"commit\"\nsettle = \"0\"\n",
            ),
        ]);
        said(
            &world
                .says(IMAGE, 'b')
                .running(vec![live("app"), live("other"), keel()]),
        )
    };
    let annotations = "    annotations = {\n      \"keel.sh/policy\" = \"never\" # pintle: keel hands off\n    }\n";
    let plain = deployment("shop", &[("web", &pinned(IMAGE, 'a'), "")]);
    let marked = |mark: &str| {
        plain.replacen(
            "    namespace",
            &format!(
                "{}    namespace",
                annotations.replace("# pintle: keel hands off", mark)
            ),
            1,
        )
    };
    assert_eq!(
        of(&plain),
        never("the live annotation keel.sh/policy of deployment shop/app")
    );
    assert_eq!(of(&marked("# pintle: keel hands off")).0, Update);
    assert_eq!(
        of(&marked("# pintle: keel hands off; policy=force")).0,
        Update
    );
    assert_eq!(
        of(&marked("# pintle: keel hands off; policy=never")).0,
        Frozen,
        "what it says to pintle counts"
    );
    assert_eq!(of(&marked("# somebody")), never(DECLARED));
    // Of two workloads of one literal the mark keeps Keel from its own only.
    let shared = |text: &str| {
        format!(
            "locals {{\n  image = \"{}\"\n}}\n{}",
            pinned(IMAGE, 'a'),
            text.replace(&format!("\"{}\"", pinned(IMAGE, 'a')), "local.image")
        )
    };
    let second = |text: &str| {
        text.replace("\"main\"", "\"second\"")
            .replace("\"app\"", "\"other\"")
    };
    let both = marked("# pintle: keel hands off");
    assert_eq!(of(&shared(&format!("{both}{}", second(&both)))).0, Update);
    let one = of(&shared(&format!("{both}{}", second(&plain))));
    assert_eq!(
        one,
        never("the live annotation keel.sh/policy of deployment shop/other")
    );
}

#[test]
fn a_stamp_on_a_job_is_no_leave_to_run_it_again() {
    let mut job = literal(&["web"]);
    job.uses[0].kind = WorkloadKind::Job;
    let mut stamped = live("web").keel("policy", "force");
    stamped.kind = WorkloadKind::Job;
    assert_eq!(
        said(&world(vec![job], vec![stamped])),
        (Blocked, Reason::JobWouldRerun { job: "web".into() })
    );
}

#[test]
fn a_release_s_workloads_speak_where_they_have_the_image() {
    let mut chart = literal(&["shop"]);
    (chart.uses[0].kind, chart.uses[0].holder) =
        (WorkloadKind::HelmRelease, Holder::Path("image".into()));
    let of = |workloads: Vec<Workload>| said(&world(vec![chart.clone()], workloads));
    let stamped = |name: &str| live(name).released("shop", true).keel("policy", "never");
    assert_eq!(of(vec![stamped("web")]), never(WEB));
    let mut other = stamped("other");
    other.containers[0].image = "ghcr.io/shop/db:1".into();
    assert_eq!(
        of(vec![other, live("web").released("shop", true)]).0,
        Update
    );
    let unread = world(vec![chart.clone()], Vec::new()).unread("statefulset");
    let Decision {
        verdict, reasons, ..
    } = unread.decided();
    assert_eq!(verdict, Waiting);
    assert!(
        matches!(&reasons[0], Reason::LivePolicyUnknown { why } if why.contains("statefulsets") && why.contains("it is forbidden")),
        "{reasons:?}"
    );
}

/// Only what would be updated, and whose policy nothing nearer tells, needs to know. All of it
/// waits: its pin may have been undone.
#[test]
fn a_cluster_that_could_not_be_asked_holds_what_needs_its_word() {
    let dark = |literal: Literal| {
        let all = snapshot(vec![literal])
            .says(IMAGE, 'b')
            .seen(IMAGE, 'b', "2026-11-22T08:00:00Z");
        Snapshot {
            cluster: Seen::Unknown("no route".into()),
            ..all
        }
    };
    let why = || "the cluster could not be asked: no route".to_owned();
    // Why the live policy may be `never`, of a site that waits.
    let unknown = |literal: Literal| {
        let world = dark(literal);
        assert_eq!(said(&world), (Waiting, Reason::UndoUnclear { why: why() }));
        resolve_sites(&world).remove(0).live_policy_unknown
    };
    assert_eq!(unknown(literal(&["web"])), Some(why()));
    assert_eq!(unknown(beside(literal(&["web"]), "pintle: force")), None);
    assert_eq!(
        unknown(declares(
            literal(&["web"]),
            "web",
            "keel.sh/policy",
            "force"
        )),
        None
    );
    let half = declares(
        literal(&["web", "worker"]),
        "web",
        "keel.sh/policy",
        "force",
    );
    assert_eq!(unknown(half), Some(why()), "the other's may be `never`");
    let mut parked = literal(&["web"]);
    parked.uses[0].instances = Some(0);
    assert_eq!(said(&dark(parked)).0, Update, "there is none");
    assert_eq!(said(&dark(site("shop", 7, &pinned(IMAGE, 'b')))).0, InSync);
    let mut unnamed = literal(&["web"]);
    unnamed.uses[0].name = None;
    assert_eq!(
        said(&world(vec![unnamed], vec![live("web")])).0,
        Update,
        "the text does not tell its name: that is no failed look"
    );
}

const POLICIES: [&str; 6] = ["", "never", "force", "minor", "patch", "nonsense"];

proptest! {
    /// A tag that floats is followed without a word: so what the cluster says can only hold it. And
    /// a `never` that the workload's text does not answer freezes or blocks.
    #[test]
    fn the_cluster_s_word_only_ever_holds(declared in prop::array::uniform3(0..POLICIES.len()), stamped in prop::array::uniform3(0..POLICIES.len()), runs: bool) {
        let names = ["a", "b", "c"];
        let text = names.iter().zip(declared).filter(|(_, word)| !POLICIES[*word].is_empty());
        let literal = text.fold(literal(&names), |literal, (name, word)| declares(literal, name, "keel.sh/policy", POLICIES[word]));
        let workload = |(name, word): (&&str, usize)| if POLICIES[word].is_empty() { live(name) } else { live(name).keel("policy", POLICIES[word]) };
        let mut workloads: Vec<Workload> = names.iter().zip(stamped).map(workload).collect();
        workloads.extend(runs.then(keel));
        let asked = world(vec![literal], workloads);
        let alone = Snapshot { cluster: Seen::Known(Cluster::default()), ..asked.clone() };
        let (asked, alone) = (asked.decided().verdict, alone.decided().verdict);
        prop_assert!(asked != Update || alone == Update);
        let never = (0..3).any(|one| POLICIES[declared[one]].is_empty() && POLICIES[stamped[one]] == "never");
        prop_assert!(!never || asked != Update);
    }
}
