//! The plan as JSON: `plan --output json`. The shape is documented in `docs/plan-json.md`; a change of it is a new version.

use crate::pipeline::{Change, Decision, PinRecord, Plan, Verdict};
use crate::sites::{Literal, Scan, Site};
use serde_json::{Value, json};
use std::collections::BTreeMap;

pub const VERSION: u32 = 1;

/// Returns the plan; `scan` is the one it was made from. Says nothing of the time, so that equal plans are equal bytes.
pub fn to_json(plan: &Plan, scan: &Scan) -> Value {
    let sites: BTreeMap<_, _> = scan.sites().map(|(literal, site)| (&site.key, (literal, site))).collect();
    json!({
        "version": VERSION,
        "commit": plan.tip.as_ref().map(|tip| tip.as_str()),
        "sites": plan.decisions.iter().map(|decision| decided(decision, sites.get(&decision.site).copied())).collect::<Vec<_>>(),
        "changes": plan.changes.iter().map(change).collect::<Vec<_>>(),
    })
}

fn decided(decision: &Decision, site: Option<(&Literal, &Site)>) -> Value {
    json!({
        "site": *decision.site.0,
        "file": site.map(|(literal, _)| literal.file.display()),
        "line": site.map(|(literal, _)| literal.line),
        "stack": site.map(|(_, site)| &*site.stack),
        "image": site.map(|(_, site)| site.image.to_string()),
        "verdict": verdict_word(decision.verdict),
        "reasons": decision.reasons,
        "from": decision.from.as_ref().map(|digest| digest.as_str()),
        "to": decision.to.as_ref().map(|digest| digest.as_str()),
    })
}

fn change(change: &Change) -> Value {
    json!({
        "name": *change.name,
        "message": change.message,
        "pins": change.pins.iter().map(pin).collect::<Vec<_>>(),
        "edits": change.edits.iter().map(|edit| json!({
            "file": edit.file.display(),
            "span": [edit.span.start, edit.span.end],
            "expect": String::from_utf8_lossy(&edit.expect),
            "put": String::from_utf8_lossy(&edit.put),
        })).collect::<Vec<_>>(),
    })
}

fn pin(pin: &PinRecord) -> Value {
    json!({
        "action": pin.action.word(),
        "cause": pin.cause.word(),
        "site": pin.site,
        "image": pin.image,
        "from": pin.from.as_ref().map(|digest| digest.as_str()),
        "to": pin.to.as_ref().map(|to| to.as_str()),
    })
}

/// Returns the verdict's word in JSON and tables.
pub fn verdict_word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::InSync => "in-sync",
        Verdict::Adopt => "adopt",
        Verdict::Move => "move",
        Verdict::Rollback => "rollback",
        Verdict::Waiting => "waiting",
        Verdict::Held => "held",
        Verdict::Frozen => "frozen",
        Verdict::Blocked => "blocked",
        Verdict::Unknown => "unknown",
    }
}
