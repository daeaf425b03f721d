//! Holds that have ended.

use super::forge::*;
use super::*;
use crate::pipeline::forge::{Checks, Direct};
use crate::pipeline::{Delivery, PullStep, Verdict};

const SERVER: &str = "ghcr.io/immich-app/server:release";
const ML: &str = "ghcr.io/immich-app/ml:release";

/// Server and ml, pinned at `a`, with what stands beside them; upstream says `a` of both.
fn world(server: &str, ml: &str, config: &str) -> Snapshot {
    let text = deployment(
        "immich",
        &[
            ("server", &pinned(SERVER, 'a'), server),
            ("ml", &pinned(ML, 'a'), ml),
        ],
    );
    let config = format!("[defaults]\nmode = \"commit\"\nsettle = \"0\"\n{config}");
    repo(&[("stacks/immich/main.tf", &text), ("pintle.toml", &config)])
        .says(SERVER, 'a')
        .says(ML, 'a')
}

const ENDED: &str = " # pintle: hold until=2026-11-20 by=ana because=\"waits for the chart\"";
const STANDS: &str = " # pintle: hold until=2026-12-20";

#[test]
fn a_hold_that_ended_is_taken_out() {
    let ended = world(ENDED, STANDS, "");
    let plan = ended.plan();
    let change = &plan.changes[0];
    assert_eq!(
        (&*change.name, &change.delivery),
        ("immich", &Delivery::Commit)
    );
    assert_eq!(
        change.message,
        "immich: remove the hold of server, which expired 2026-11-20\n\nThe hold of ghcr.io/immich-app/server:release expired 2026-11-20 00:00\nUTC."
    );
    let pin = &change.pins[0];
    assert_eq!(
        (pin.action, pin.cause, change.pins.len(), change.prove.len()),
        (Action::Lift, Cause::HoldEnded, 1, 0)
    );
    assert_eq!(
        (&pin.from, &pin.to),
        (&Some(digest('a')), &Some(digest('a')))
    );
    assert_eq!(plan.decisions[0].verdict, Verdict::InSync);
    assert!(plan.decisions[0].reasons.contains(&Reason::HoldEnded {
        until: Some(at("2026-11-20T00:00:00Z"))
    }));
    let after = carried_out(&ended, &plan);
    assert_eq!(after.plan().changes, []);
    assert_eq!(after.plan().decisions[1].verdict, Verdict::Held);
}

#[test]
fn what_is_lifted_is_updated_in_the_next_pass() {
    let behind = world(ENDED, "", "").says(SERVER, 'b').says(ML, 'b');
    let plan = behind.plan();
    assert_eq!(plan.changes.len(), 1);
    assert_eq!(plan.changes[0].pins[0].action, Action::Lift);
    assert_eq!(
        plan.decisions
            .iter()
            .map(|decision| decision.verdict)
            .collect::<Vec<_>>(),
        [Verdict::Waiting, Verdict::Waiting]
    );
    let next = carried_out(&behind, &plan).plan();
    assert_eq!(
        next.changes[0]
            .pins
            .iter()
            .map(|pin| pin.action)
            .collect::<Vec<_>>(),
        [Action::Update, Action::Update]
    );
}

#[test]
fn entries_of_the_configuration_are_lifted_where_they_are_one_sites() {
    let entry = |what: &str| format!("[[hold]]\n{what}\nuntil = \"2026-11-20\"\nbecause = \"x\"\n");
    let names = [
        "stacks/immich/main.tf#kubernetes_deployment.main/container[server].image",
        "deployment/immich/app:server",
        // As older versions wrote it.
        "stacks/immich/main.tf#deployment/immich/app:server",
    ];
    for name in names {
        let own = world("", "", &entry(&format!("site = \"{name}\"")));
        let plan = own.plan();
        assert_eq!(plan.changes[0].pins.len(), 1, "{name}");
        assert!(carried_out(&own, &plan).config.holds.is_empty(), "{name}");
    }
    let wide = world(
        "",
        "",
        &entry("image = \"ghcr.io/*/server\"\nstack = \"im*\""),
    );
    let told = wide.plan();
    assert!(told.changes.is_empty() || told.changes[0].pins[0].action == Action::Lift);
    let rule = world(ENDED, "", "[deny]\nstacks = [\"immich\"]\n");
    assert_eq!(
        rule.plan().changes,
        [],
        "a stack that is denied is not touched"
    );
    let off = world(
        ENDED,
        "",
        "[[rule]]\nmatch = { stack = \"immich\" }\nmode = \"off\"\n",
    );
    assert_eq!(off.plan().changes, []);
}

#[test]
fn lifts_wait_and_are_proposed_like_the_rest() {
    let flying =
        world(ENDED, "", "").forged(|forge| forge.pipeline = Some(pipeline(Checks::Pending)));
    let plan = flying.plan();
    assert_eq!(
        (plan.changes.len(), plan.decisions[0].verdict),
        (0, Verdict::InSync)
    );
    assert!(
        codes(&plan.decisions[0]).contains(&"pipeline-running"),
        "{:?}",
        plan.decisions
    );
    let protected = || {
        world(ENDED, "", "")
            .forged(|forge| forge.direct = Direct::Protected("main is protected".into()))
    };
    let plan = protected().plan();
    assert!(plan.changes[0].delivery.is_pull_request());
    assert!(
        plan.changes[0]
            .proposal
            .as_ref()
            .is_some_and(|proposal| proposal.rows.len() == 1)
    );
    let open = protected().opened();
    assert_eq!(
        (open.plan().pull_steps, open.plan().changes.len()),
        (Vec::<PullStep>::new(), 1)
    );
    let declined = protected().forged(|forge| {
        forge.pulls = vec![closed(proposed(4, "immich", plan.changes[0].pins.clone()))]
    });
    assert_eq!(declined.plan().changes, []);
}
