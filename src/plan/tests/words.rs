//! What people and programs read of a plan: explanations, the JSON; and how sites are found by
//! their names.

use super::*;
use crate::plan::explain;
use crate::report::explain::explanation_lines;
use crate::report::plan_json::to_json;
use crate::sites::lookup::{find, is_name};

const IMAGE: &str = "ghcr.io/immich-app/immich-server:release";

const SITE: &str =
    "stacks/immich/main.tf#kubernetes_deployment.immich-server/container[immich-server].image";

/// What is explained of a literal, without the lines of the verdict's reasons. These are checked to
/// be the decision's, each with its code.
fn explained_lines(snapshot: &Snapshot, index: usize) -> (Vec<String>, Vec<&'static str>) {
    let explanation = explain(
        snapshot,
        &snapshot.plan(),
        &[&snapshot.scan.literals[index]],
    )
    .remove(0);
    let mut lines = explanation_lines(snapshot, &explanation);
    let reasons = explanation
        .decision
        .as_ref()
        .map(|decision| decision.reasons.as_slice())
        .unwrap_or_default();
    let said = lines.split_off(lines.len() - reasons.len());
    for (line, reason) in said.iter().zip(reasons) {
        assert!(
            line.starts_with("           ") && line.ends_with(&format!(" [{}]", reason.code())),
            "{line}"
        );
    }
    (lines, reasons.iter().map(Reason::code).collect())
}

#[test]
fn a_site_that_is_updated_is_explained() {
    let all = snapshot(vec![beside(site("immich", 7, &pinned(IMAGE, 'a')), "pintle: settle=1h, schedule='@every 1h'")])
        .configured(
            "[[group]]\nname = 'photos'\nstacks = ['immich']\n[[hold]]\nstack = 'immich'\nuntil = 2026-11-01\nbecause = 'was broken'"
                .replace("2026-11-01", "'2026-11-01'")
                .as_str(),
        )
        .says(IMAGE, 'b')
        .seen(IMAGE, 'b', "2026-11-22T08:00:00Z")
        .cached(IMAGE, CacheAnswer::Stale { serves: digest('a') })
        .wrote(IMAGE, None, 'a', "2026-11-12T09:30:00Z");
    let (a, b) = (digest('a'), digest('b'));
    let (lines, reasons) = explained_lines(&all, 0);
    assert_eq!(
        reasons,
        [
            "update-available",
            "first-seen",
            "cache-stale",
            "hold-not-removed"
        ]
    );
    assert_eq!(
        lines,
        [
            format!("stacks/immich/main.tf:7 \"{IMAGE}@{a}\""),
            format!("site       {SITE}"),
            format!("image      {IMAGE}@{a}"),
            "used by    deployment immich/immich-server, container immich-server (stacks/immich/main.tf:7, root stacks/immich), tracked by terraform".into(),
            "policy     force (built in: the tag is a floating name)".into(),
            "mode       adopt commit (built in), update commit (built in), rollback commit (built in)".into(),
            "settle     1h (the directive at stacks/immich/main.tf:7)".into(),
            "schedule   @every 1h (the directive at stacks/immich/main.tf:7)".into(),
            "group      photos ([[group]] photos)".into(),
            "hold       until 2026-11-01 00:00 UTC: was broken ([[hold]] 1)".into(),
            format!("channel    {IMAGE}"),
            format!("upstream   {b}"),
            format!("cache      stale: serves {a}"),
            "first seen 2026-11-22 08:00 UTC".into(),
            "history    2026-11-12 09:30 UTC aaaaaaaaaa: no pin → sha256:aaaaaaaaaaaa, by pintle".into(),
            format!("verdict    update → {b}"),
        ]
    );
}

#[test]
fn other_fates_are_explained() {
    let mut dead = site("x", 3, "alpine:3");
    dead.fate = Fate::Dead("the input in terragrunt.hcl:4 is stronger".into());
    dead.uses.clear();
    let all = snapshot(vec![dead]);
    assert_eq!(
        explained_lines(&all, 0).0,
        [
            "stacks/x/main.tf:3 \"alpine:3\"",
            "fate       decides nothing: the input in terragrunt.hcl:4 is stronger",
            "image      alpine:3"
        ]
    );
}

#[test]
fn what_is_not_known_is_said() {
    let mut one = site("x", 3, &pinned("registry.example.com/app", 'a'));
    one.uses[0] = Use {
        namespace: None,
        ignored: None,
        instances: Some(3),
        holder: Holder::Container {
            name: Some("app".into()),
            init: true,
        },
        environment: Some("prod".into()),
        ..one.uses[0].clone()
    };
    let all = Snapshot {
        history: Seen::Unknown("no answer".into()),
        ..snapshot(vec![one])
    };
    let (lines, reasons) = explained_lines(&all, 0);
    let used = "used by    deployment (unknown)/app, init container app (stacks/x/main.tf:3, root stacks/x, environment prod), 3 instances";
    assert!(lines.contains(&used.into()), "{lines:?}");
    assert!(lines.contains(&"channel    none".into()));
    assert!(lines.contains(&"history    unknown: no answer".into()));
    assert_eq!(
        (lines.last().map(String::as_str), reasons),
        (Some("verdict    blocked"), vec!["no-channel"])
    );
}

#[test]
fn a_site_is_found_by_all_its_names() {
    let all = snapshot(vec![
        site("immich", 7, &pinned(IMAGE, 'a')),
        site("db", 9, "postgres:15-alpine"),
        site("other", 2, "x/postgres:1"),
    ]);
    let found = |target: &str| find(&all.scan, target).literals;
    for target in [
        SITE,
        "deployment/immich/immich-server:immich-server",
        "stacks/immich",
        "stacks/immich/main.tf:7",
        "stacks/immich/main.tf",
        "immich",
        "immich/immich-server",
        "immich/immich-server:immich-server",
        "deployment/immich/immich-server",
        "ghcr.io/immich-app/immich-server",
        IMAGE,
        "ghcr.io/immich-app/immich-server@sha256:whatever",
        " immich ",
        "immich-server",
    ] {
        assert_eq!(found(target), [0], "{target}");
    }
    for target in [
        "postgres",
        "docker.io/library/postgres",
        "docker.io/postgres:15-alpine",
        "library/postgres",
    ] {
        assert_eq!(found(target), [1], "{target}");
    }
    let near = |target: &str| find(&all.scan, target).near;
    assert!(
        near("imich").contains(&"immich".into()),
        "{:?}",
        near("imich")
    );
    assert_eq!(near("zzzzzzzzzzzzzzzzzzz"), Vec::<String>::new());
    assert!(near("postgre").iter().any(|name| name.contains("postgres")));
}

#[test]
fn a_use_without_a_name_is_found_by_what_is_shown_of_it() {
    let unnamed = |stack: &str| {
        let mut one = site(stack, 3, &format!("ghcr.io/x/{stack}:1"));
        one.uses[0].name = None;
        one.uses[0].namespace = Some("apps".into());
        one
    };
    let all = snapshot(vec![
        unnamed("gen"),
        unnamed("other"),
        site("db", 9, "postgres:15"),
    ]);
    let shown = all.scan.literals[0].uses[0].to_string();
    assert!(shown.contains("/?:"), "{shown}");
    let found = |target: &str| find(&all.scan, target).literals;
    assert_eq!(found(&format!("stacks/gen/main.tf#{shown}")), [0]);
    assert_eq!(found(&shown), [0], "the containers have other names");
    assert_eq!(
        found(&shown[..shown.rfind(':').expect("a container")]),
        [0, 1]
    );
    for (text, is) in [
        (shown.as_str(), true),
        ("gen", true),
        ("stacks/*", false),
        ("stacks/g?n", false),
        ("stacks/gen", true),
        ("nothing", false),
    ] {
        assert_eq!(is_name(&all.scan, text), is, "{text}");
    }
}

#[test]
fn the_plan_is_json() {
    let all = snapshot(vec![site("immich", 7, IMAGE)]).says(IMAGE, 'b');
    let plan = all.plan();
    let json = to_json(&plan, &all.scan);
    assert_eq!(
        json,
        serde_json::json!({
            "version": 2,
            "commit": "a".repeat(40),
            "sites": [{
                "site": SITE,
                "file": "stacks/immich/main.tf",
                "line": 7,
                "stack": "immich",
                "image": IMAGE,
                "aliases": ["deployment/immich/immich-server:immich-server"],
                "verdict": "adopt",
                "reasons": [{ "code": "not-pinned", "text": plan.decisions[0].reasons[0].to_string() }],
                "from": null,
                "to": digest('b').as_str(),
                "tags": null,
                "runs": null,
            }],
            "changes": [{
                "name": "immich",
                "delivery": "commit",
                "proposal": null,
                "message": plan.changes[0].message,
                "pins": [{
                    "action": "adopt",
                    "cause": "first-pin",
                    "evidence": null,
                    "site": SITE,
                    "uses": ["deployment/immich/immich-server:immich-server"],
                    "image": IMAGE,
                    "from_tag": null,
                    "from": null,
                    "to": digest('b').as_str(),
                    "asked": null,
                }],
                "edits": [{
                    "file": "stacks/immich/main.tf",
                    "span": [7040, 7040],
                    "expect": "",
                    "put": format!("@{}", digest('b')),
                }],
            }],
            "pulls": [],
            "answers": [],
            "notices": [],
            "unmatched": [],
        })
    );
}
