//! The plan as JSON: `plan --output json`. The shape is documented in `docs/plan-json.md`; a change
//! of it is a new version.

use crate::pipeline::answer::{Answer, Notice, Outcome};
use crate::pipeline::{
    Change, CommitId, DecidedTags, Decision, Delivery, PinRecord, Plan, Proposal, PullStep, Seen,
};
use crate::sites::{Literal, Scan, Site};
use serde_json::{Value, json};
use std::collections::BTreeMap;

pub const VERSION: u32 = 2;

/// Returns the plan; `scan` is the one it was made from. Says nothing of the time, so that equal
/// plans are equal bytes.
pub fn to_json(plan: &Plan, scan: &Scan) -> Value {
    let sites: BTreeMap<_, _> = scan
        .sites()
        .map(|(literal, site)| (&site.id, (literal, site)))
        .collect();
    json!({
        "version": VERSION,
        "commit": plan.tip.as_ref().map(|tip| tip.as_str()),
        "sites": plan.decisions.iter().map(|decision| decision_json(decision, sites.get(&decision.site).copied())).collect::<Vec<_>>(),
        "changes": plan.changes.iter().map(change_json).collect::<Vec<_>>(),
        "pulls": plan.pull_steps.iter().map(pull_step_json).collect::<Vec<_>>(),
        "answers": plan.answers.iter().map(reply_json).collect::<Vec<_>>(),
        "notices": plan.notices.iter().map(notice_json).collect::<Vec<_>>(),
        "unmatched": plan.unmatched.iter().map(|one| json!({ "entry": one.entry, "what": one.what })).collect::<Vec<_>>(),
    })
}

fn decision_json(decision: &Decision, site: Option<(&Literal, &Site)>) -> Value {
    json!({
        "site": *decision.site.0,
        "file": site.map(|(literal, _)| literal.file.display()),
        "line": site.map(|(literal, _)| literal.line),
        "stack": site.map(|(_, site)| &*site.stack),
        "image": site.map(|(_, site)| site.image.to_string()),
        "aliases": site.map(|(_, site)| site.aliases.iter().map(|alias| &**alias).collect::<Vec<_>>()),
        "verdict": decision.verdict.as_str(),
        "reasons": decision.reasons.iter().map(|reason| json!({ "code": reason.code(), "text": reason.to_string() })).collect::<Vec<_>>(),
        "from": decision.from.as_ref().map(|digest| digest.as_str()),
        "to": decision.to.as_ref().map(|digest| digest.as_str()),
        "tags": decision.tags.as_ref().map(tags_json),
        "runs": match &decision.runs {
            Seen::Known(runs) => Some(runs.as_ref().map_or("nothing", |digest| digest.as_str())),
            Seen::Unknown(_) => Some("unknown"),
            Seen::NotAsked => None,
        },
    })
}

fn tags_json(tags: &DecidedTags) -> Value {
    let kept_out = tags.kept_out.iter();
    let kept_out: Vec<Value> = kept_out
        .map(|(tag, rule)| json!({ "tag": tag.as_str(), "kept_out_by": rule.code() }))
        .collect();
    json!({ "to": tags.to.as_ref().map(|tag| tag.as_str()), "kept_out": kept_out })
}

fn change_json(change: &Change) -> Value {
    json!({
        "name": *change.name,
        "delivery": match &change.delivery {
            Delivery::Commit => "commit",
            Delivery::PullRequest { .. } => "pull-request",
        },
        "proposal": change.proposal.as_deref().map(proposal_json),
        "message": change.message,
        "pins": change.pins.iter().map(pin_json).collect::<Vec<_>>(),
        "edits": change.edits.iter().map(|edit| json!({
            "file": edit.file.display(),
            "span": [edit.span.start, edit.span.end],
            "expect": String::from_utf8_lossy(&edit.expect),
            "put": String::from_utf8_lossy(&edit.put),
        })).collect::<Vec<_>>(),
    })
}

/// Without times and notes: the rows' reasons are those of the sites.
fn proposal_json(proposal: &Proposal) -> Value {
    json!({
        "number": proposal.number,
        "because": proposal.because.as_ref().map(|reason| json!({ "code": reason.code(), "text": reason.to_string() })),
        "urgent": proposal.urgent,
        "automerge": proposal.merges.is_some(),
    })
}

fn pull_step_json(step: &PullStep) -> Value {
    let tip = |commit: &CommitId| commit.to_string();
    match step {
        PullStep::Close {
            number,
            name,
            tip: at,
            why,
        } => {
            json!({ "step": "close", "number": number, "name": **name, "commit": at.as_ref().map(tip), "why": why })
        }
        PullStep::DeleteBranch { name, tip: at } => {
            json!({ "step": "delete-branch", "name": **name, "commit": tip(at) })
        }
        PullStep::Warn { number, name, why } => {
            json!({ "step": "warn", "number": number, "name": **name, "why": why })
        }
        PullStep::Leave {
            number,
            name,
            tip: at,
        } => json!({ "step": "leave", "number": number, "name": **name, "commit": tip(at) }),
        PullStep::Merge { number, name, head } => {
            json!({ "step": "merge", "number": number, "name": **name, "commit": tip(head) })
        }
    }
}

fn reply_json(answer: &Answer) -> Value {
    json!({
        "comment": answer.comment.url.as_str(),
        "author": *answer.author.login,
        "outcomes": answer.outcomes.iter().map(outcome_json).collect::<Vec<_>>(),
    })
}

fn outcome_json(outcome: &Outcome) -> Value {
    let word = |word: &str, command: Option<&str>, why: Option<&str>| json!({ "outcome": word, "command": command, "why": why });
    match outcome {
        Outcome::Written {
            command, change, ..
        } => {
            json!({ "outcome": "written", "command": command, "why": null, "change": **change })
        }
        Outcome::WrittenBefore {
            command, commit, ..
        } => {
            json!({ "outcome": "written-before", "command": command, "why": null, "commit": commit.as_str() })
        }
        Outcome::ProposedBefore { command, pull, .. } => {
            json!({ "outcome": "proposed-before", "command": command, "why": null, "pull": pull })
        }
        Outcome::Nothing { command, why } => word("nothing", Some(command), Some(why)),
        Outcome::Refused { command, why, .. } => word("refused", Some(command), Some(why)),
        Outcome::NotFound { command, .. } => word("not-found", Some(command), None),
        Outcome::Ambiguous { command, .. } => word("ambiguous", Some(command), None),
        Outcome::Report(command) => word("report", Some(command.word()), None),
        Outcome::Explained { .. } => word("report", Some("/explain"), None),
        Outcome::Status { .. } => word("report", Some("/status"), None),
        Outcome::Planned => word("report", Some("/plan"), None),
        Outcome::Help => word("help", None, None),
        Outcome::Misread(misread) => word("misread", misread.command, Some(&misread.what)),
        Outcome::MayNotAsk { command } | Outcome::MayNot { command, .. } => {
            word("may-not", Some(command), None)
        }
        Outcome::Edited => word("edited", None, None),
        Outcome::Late => word("late", None, None),
    }
}

fn notice_json(notice: &Notice) -> Value {
    match notice {
        Notice::Pipeline {
            commit,
            subject,
            pull,
            failed,
            began,
            ..
        } => json!({
            "notice": "pipeline",
            "commit": commit.as_str(),
            "subject": subject,
            "pull": pull,
            "failed": failed.iter().map(|check| &check.context).collect::<Vec<_>>(),
            "began": began,
        }),
        Notice::NotRolledBack {
            site,
            cause,
            evidence,
            from,
            to,
            why,
            ..
        } => json!({
            "notice": "not-rolled-back",
            "site": site.to_string(),
            "cause": cause.as_str(),
            "evidence": evidence,
            "from": from.as_str(),
            "to": to.as_ref().map(|to| to.as_str()),
            "why": why,
        }),
        Notice::Rotten {
            site, digest, now, ..
        } => json!({
            "notice": "rotten",
            "site": site.to_string(),
            "digest": digest.as_str(),
            "now": now.as_ref().map(|now| now.as_str()),
        }),
    }
}

fn pin_json(pin: &PinRecord) -> Value {
    json!({
        "action": pin.action.as_str(),
        "cause": pin.cause.as_str(),
        "site": pin.site,
        "uses": pin.uses,
        "image": pin.image,
        "from_tag": pin.from_tag.as_ref().map(|tag| tag.as_str()),
        "from": pin.from.as_ref().map(|digest| digest.as_str()),
        "to": pin.to.as_ref().map(|to| to.as_str()),
        "evidence": pin.evidence,
        "asked": pin.asked.as_ref().map(|asked| json!({ "by": asked.by, "comment": asked.comment })),
    })
}
