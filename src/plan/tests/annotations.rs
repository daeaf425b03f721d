//! Keel's annotations in the cluster as a source of terms: after those that are declared, before the rules.

use super::forge::{deployment, repo};
use super::matching::workload;
use super::*;
use crate::pipeline::Verdict::{self, *};
use crate::pipeline::cluster::{Cluster, Workload};
use crate::plan::explain::explain;
use proptest::prelude::*;

const IMAGE: &str = "ghcr.io/shop/web:release";
const NEVER: &str = "the policy is `never` (the live annotation keel.sh/policy of deployment shop/web)";

/// One literal that these workloads of the namespace `shop` use, pinned at `a`; upstream says `b` since long ago.
fn literal(names: &[&str]) -> Literal {
    let mut literal = site("shop", 7, &pinned(IMAGE, 'a'));
    let used = literal.uses.remove(0);
    literal.uses = names.iter().map(|name| Use { name: Some((*name).into()), ..used.clone() }).collect();
    literal
}

fn world(literals: Vec<Literal>, workloads: Vec<Workload>) -> Snapshot {
    snapshot(literals).says(IMAGE, 'b').seen(IMAGE, 'b', "2026-11-22T08:00:00Z").running(workloads)
}

/// The text of this workload says something under the key.
fn declares(literal: Literal, name: &str, key: &str, value: &str) -> Literal {
    with(annotated(literal, key, value), |site| site.keel.declares.push((format!("deployment/shop/{name}").into(), key.into())))
}

fn live(name: &str) -> Workload {
    workload("deployment", "shop", name).has("web", &pinned(IMAGE, 'a'))
}

fn keel() -> Workload {
    workload("deployment", "keel", "keel").has("keel", "docker.io/keelhq/keel:0.19")
}

fn said(world: &Snapshot) -> (Verdict, String) {
    let decision = world.decided();
    (decision.verdict, decision.reasons[0].clone())
}

fn blocked(why: &str) -> (Verdict, String) {
    (Blocked, why.into())
}

#[test]
fn a_live_policy_speaks_after_what_is_declared_and_before_the_rules() {
    let never = || vec![live("web").keel("policy", "never")];
    let all = world(vec![literal(&["web"])], never());
    assert_eq!(said(&all), (Frozen, NEVER.into()));
    let line = |world: &Snapshot| {
        let plan = world.plan();
        explain(world, &plan, &world.scan.literals[0]).lines.into_iter().find(|line| line.starts_with("policy")).expect("a policy")
    };
    assert_eq!(line(&all), "policy     never (the live annotation keel.sh/policy of deployment shop/web)");
    let rules = "[defaults]\npolicy = 'never'\n[[rule]]\nmatch = {}\npolicy = 'never'";
    let forced = world(vec![literal(&["web"])], vec![live("web").keel("policy", "force")]).configured(rules);
    assert_eq!((forced.decided().verdict, line(&forced)), (Move, line(&all).replace("never", "force")));
    assert_eq!(said(&world(vec![literal(&["web"])], vec![live("web")]).configured(rules)).1, "the policy is `never` ([[rule]] 1)");
    let declared = declares(literal(&["web"]), "web", "keel.sh/policy", "force");
    assert_eq!(world(vec![declared], never()).decided().verdict, Move, "declared");
    assert_eq!(world(vec![beside(literal(&["web"]), "pintle: force")], never()).decided().verdict, Move, "a directive");
    let unasked = Snapshot { cluster: Seen::NotAsked, ..all.clone() };
    assert_eq!(unasked.decided().verdict, Move);
    let elsewhere = vec![live("other").keel("policy", "never"), live("web")];
    assert_eq!(world(vec![literal(&["web"])], elsewhere).decided().verdict, Move, "another workload");
    let other_cluster = all.configured("[cluster]\nroots = ['live/prod/**']");
    assert_eq!(other_cluster.decided().verdict, Move, "another cluster's workload of that name");
    let label = world(vec![literal(&["web"])], vec![live("web").keel("enrolled", "true")]);
    assert_eq!(label.decided().verdict, Move, "another key");
}

/// As it is with declared ones.
#[test]
fn live_policies_that_choose_a_tag_or_are_none_block() {
    let of = |policy: &str| said(&world(vec![literal(&["web"])], vec![live("web").keel("policy", policy)]));
    let place = "(the live annotation keel.sh/policy of deployment shop/web)";
    let chooses =
        |policy: &str| blocked(&format!("the policy `{policy}` chooses among tags; only the declared tag is followed so far {place}"));
    assert_eq!(of("minor"), chooses("minor"));
    assert_eq!(of("glob:release-*"), chooses("glob:release-*"));
    assert_eq!(of("nevr"), blocked(&format!("`nevr` is not a policy: did you mean `never`? {place}")));
    let directed = world(vec![beside(literal(&["web"]), "pintle: force")], vec![live("web").keel("policy", "nevr")]);
    assert_eq!(directed.decided().verdict, Move, "nobody asks it");
}

#[test]
fn workloads_of_one_literal_that_disagree_take_the_safe_side_or_none() {
    let two = || literal(&["web", "worker"]);
    let of = |literal: Literal, web: &str, worker: &str| {
        let stamped = |name: &str, policy: &str| if policy.is_empty() { live(name) } else { live(name).keel("policy", policy) };
        said(&world(vec![literal], vec![stamped("web", web), stamped("worker", worker)]))
    };
    assert_eq!(of(two(), "force", "force").0, Move);
    assert_eq!(of(two(), "force", "").0, Move);
    assert_eq!(of(two(), "never", "force"), (Frozen, NEVER.into()));
    assert_eq!(of(two(), "minor", "never"), (Frozen, NEVER.replace("web)", "worker)")));
    assert_eq!(of(two(), "force", "minor"), blocked("the workloads that use the image disagree: keel.sh/policy is `force` and `minor`"));
    // One's text speaks for itself alone.
    let web = |policy: &str| declares(two(), "web", "keel.sh/policy", policy);
    assert_eq!(of(web("force"), "never", "force").0, Move);
    assert_eq!(of(web("force"), "force", "never"), (Frozen, NEVER.replace("web)", "worker)")));
    assert_eq!(of(web("force"), "force", "minor").0, Blocked);
    assert_eq!(of(web("never"), "force", "force"), (Frozen, "the policy is `never` (the annotation keel.sh/policy)".into()));
}

#[test]
fn a_live_schedule_says_when() {
    let of = |literal: Literal, web: Workload| {
        let all = world(vec![literal], vec![web, live("worker").keel("pollSchedule", "@daily")]);
        said(&all.wrote(IMAGE, Some('c'), 'a', "2026-11-22T11:30:00Z"))
    };
    let hourly = || live("web").keel("pollSchedule", "@every 1h");
    let place = "(the live annotation keel.sh/pollSchedule of deployment shop/web)";
    let waits = format!("the schedule `@every 1h` comes round 2026-11-22 12:30 UTC {place}");
    assert_eq!(of(literal(&["web"]), hourly()), (Waiting, waits));
    assert_eq!(of(beside(literal(&["web"]), "pintle: schedule=\"@every 10m\""), hourly()).0, Move);
    assert_eq!(of(declares(literal(&["web"]), "web", "keel.sh/pollSchedule", "@every 10m"), hourly()).0, Move);
    assert_eq!(of(literal(&["web", "worker"]), hourly()).0, Blocked, "they disagree");
    assert_eq!(of(literal(&["web"]), live("web").keel("pollSchedule", "often")).0, Blocked);
}

/// What Keel follows by is Keel's word: the image has another owner then. A `never` is everybody's.
#[test]
fn while_keel_runs_only_its_never_is_a_policy() {
    let of = |policy: &str, more: Vec<Workload>| {
        let workloads = [vec![live("web").keel("policy", policy)], more].concat();
        said(&world(vec![literal(&["web"])], workloads))
    };
    assert_eq!(of("minor", vec![keel()]), blocked("deployment shop/web: Keel sets the image too (keel.sh/policy is `minor`)"));
    assert_eq!(of("force", vec![keel()]), blocked("deployment shop/web: Keel sets the image too (keel.sh/policy is `force`)"));
    assert_eq!(of("never", vec![keel()]), (Frozen, NEVER.into()));
    assert_eq!(of("force", vec![keel().parked()]).0, Move);
}

/// The text as pintle writes it, scanned; and the cluster as Terraform left it.
#[test]
fn a_never_that_pintle_wrote_to_keep_keel_away_freezes_nothing() {
    let of = |text: &str| {
        let live = |name: &str| workload("deployment", "shop", name).has("web", &pinned(IMAGE, 'a')).keel("policy", "never");
        let world = repo(&[("stacks/shop/main.tf", text), ("pintle.toml", "[defaults]\nmode = \"commit\"\nsettle = \"0\"\n")]);
        said(&world.says(IMAGE, 'b').running(vec![live("app"), live("other"), keel()]))
    };
    let never = "    annotations = {\n      \"keel.sh/policy\" = \"never\" # pintle: keel hands off\n    }\n";
    let plain = deployment("shop", &[("web", &pinned(IMAGE, 'a'), "")]);
    let marked =
        |mark: &str| plain.replacen("    namespace", &format!("{}    namespace", never.replace("# pintle: keel hands off", mark)), 1);
    assert_eq!(of(&plain), (Frozen, "the policy is `never` (the live annotation keel.sh/policy of deployment shop/app)".into()));
    assert_eq!(of(&marked("# pintle: keel hands off")).0, Move);
    assert_eq!(of(&marked("# pintle: keel hands off; policy=force")).0, Move);
    assert_eq!(of(&marked("# pintle: keel hands off; policy=never")).0, Frozen, "what it says to pintle counts");
    assert_eq!(of(&marked("# somebody")), (Frozen, "the policy is `never` (the annotation keel.sh/policy)".into()));
    // Of two workloads of one literal the mark keeps Keel from its own only.
    let shared = |text: &str| {
        format!(
            "locals {{\n  image = \"{}\"\n}}\n{}",
            pinned(IMAGE, 'a'),
            text.replace(&format!("\"{}\"", pinned(IMAGE, 'a')), "local.image")
        )
    };
    let second = |text: &str| text.replace("\"main\"", "\"second\"").replace("\"app\"", "\"other\"");
    let both = marked("# pintle: keel hands off");
    assert_eq!(of(&shared(&format!("{both}{}", second(&both)))).0, Move);
    let one = of(&shared(&format!("{both}{}", second(&plain))));
    assert_eq!(one, (Frozen, "the policy is `never` (the live annotation keel.sh/policy of deployment shop/other)".into()));
}

#[test]
fn a_stamp_on_a_job_is_no_leave_to_run_it_again() {
    let mut job = literal(&["web"]);
    job.uses[0].kind = "job".into();
    let mut stamped = live("web").keel("policy", "force");
    stamped.kind = "job".into();
    assert_eq!(said(&world(vec![job], vec![stamped])).0, Blocked);
}

#[test]
fn a_release_s_workloads_speak_where_they_have_the_image() {
    let mut chart = literal(&["shop"]);
    (chart.uses[0].kind, chart.uses[0].container) = ("helm_release".into(), Some("image".into()));
    let of = |workloads: Vec<Workload>| said(&world(vec![chart.clone()], workloads));
    let never = |name: &str| live(name).released("shop", true).keel("policy", "never");
    assert_eq!(of(vec![never("web")]), (Frozen, NEVER.into()));
    let mut other = never("other");
    other.containers[0].image = "ghcr.io/shop/db:1".into();
    assert_eq!(of(vec![other, live("web").released("shop", true)]).0, Move);
    let unread = world(vec![chart.clone()], Vec::new()).unread("statefulset");
    assert_eq!(
        said(&unread),
        (Waiting, "whether its live policy is `never` is not known: statefulsets could not be read: it is forbidden".into())
    );
}

/// Only what would move, and whose policy nothing nearer tells, needs to know.
#[test]
fn a_cluster_that_could_not_be_asked_holds_what_needs_its_word() {
    let dark = |literal: Literal| {
        let all = snapshot(vec![literal]).says(IMAGE, 'b').seen(IMAGE, 'b', "2026-11-22T08:00:00Z");
        said(&Snapshot { cluster: Seen::Unknown("no route".into()), ..all })
    };
    let why = "whether its live policy is `never` is not known: the cluster could not be asked: no route";
    assert_eq!(dark(literal(&["web"])), (Waiting, why.into()));
    // What is told nearer needs no word, and waits all the same: its pin may have been taken back.
    let undone = || (Waiting, "the cluster could not be asked: no route".to_owned());
    assert_eq!(dark(beside(literal(&["web"]), "pintle: force")), undone());
    assert_eq!(dark(declares(literal(&["web"]), "web", "keel.sh/policy", "force")), undone());
    assert_eq!(dark(declares(literal(&["web", "worker"]), "web", "keel.sh/policy", "force")), (Waiting, why.into()), "or says `never`");
    let mut parked = literal(&["web"]);
    parked.uses[0].instances = Some(0);
    assert_eq!(dark(parked).0, Move, "there is none");
    assert_eq!(dark(site("shop", 7, &pinned(IMAGE, 'b'))).0, InSync);
    let mut unnamed = literal(&["web"]);
    unnamed.uses[0].name = None;
    assert_eq!(said(&world(vec![unnamed], vec![live("web")])).0, Move, "the text does not tell its name: that is no failed look");
}

const POLICIES: [&str; 6] = ["", "never", "force", "minor", "patch", "nonsense"];

proptest! {
    /// A tag that floats moves without a word: so what the cluster says can only hold it. And a `never` that the workload's text does not answer freezes or blocks.
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
        prop_assert!(asked != Move || alone == Move);
        let never = (0..3).any(|one| POLICIES[declared[one]].is_empty() && POLICIES[stamped[one]] == "never");
        prop_assert!(!never || asked != Move);
    }
}
