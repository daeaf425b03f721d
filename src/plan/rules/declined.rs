//! A person's no: what was proposed and closed is not proposed again, and what somebody asked for
//! in a comment goes before what pintle would do.

use super::pass::RuleContext;
use crate::pipeline::forge::{PullRequest, PullState};
use crate::pipeline::{Action, PinRecord, Reason};
use crate::plan::pull_requests::is_pin_of;
use crate::plan::site_plan::{SitePlan, is_comment_name};

pub fn declined(pass: &RuleContext, site: &SitePlan) -> Option<Reason> {
    let (forge, target) = (
        pass.forge()?,
        site.target.as_ref().filter(|_| !site.is_commanded())?,
    );
    let is_rollback = target.action == Action::Rollback;
    // A rollback waits for nothing but its like.
    let changes = |pull: &PullRequest| {
        pull.pins.iter().any(|pin| {
            is_pin_of(pass.snapshot, pin, site.site) && (!is_rollback || pin.to == target.to)
        })
    };
    let asked = forge
        .pulls
        .iter()
        .find(|pull| pull.state == PullState::Open && is_comment_name(&pull.name) && changes(pull));
    if let Some(pull) = asked {
        return Some(Reason::PullRequestOfComment {
            number: pull.number,
        });
    }
    let kind = |action: Action| matches!(action, Action::Lift | Action::Rollback).then_some(action);
    let is_alike = |pin: &PinRecord| {
        is_pin_of(pass.snapshot, pin, site.site)
            && pin.to == target.to
            && kind(pin.action) == kind(target.action)
    };
    let proposes = |pull: &PullRequest| {
        pull.pins
            .iter()
            .any(|pin| is_alike(pin) && (!is_rollback || pin.from == site.pinned))
    };
    let closed = forge
        .pulls
        .iter()
        .filter(|pull| !is_comment_name(&pull.name) && target.delivery.is_pull_request());
    closed.into_iter().find_map(|pull| match pull.state {
        // One that a person pushed to was handed back by closing it: that declines nothing. Nor
        // does one that pintle closed.
        PullState::Closed { at }
            if proposes(pull) && pull.left.is_empty() && !pull.marks.withdrawn =>
        {
            let pin = target
                .to
                .as_ref()
                .map_or("/pin".to_owned(), |to| format!("/pin … to {to}"));
            Some(Reason::PullRequestDeclined {
                number: pull.number,
                at,
                pin,
            })
        }
        _ => None,
    })
}
