//! What forbids a change whatever upstream says: settings, comments, holds, other owners.

use super::pass::RuleContext;
use super::unusable_name::find_unusable_name;
use crate::model::choice::PolicyScope;
use crate::model::policy::Policy;
use crate::model::settings::Mode;
use crate::pipeline::{Action, Reason, Seen};
use crate::plan::adoption::ignore_place;
use crate::plan::ownership::find_other_owner;
use crate::plan::site_plan::SitePlan;

pub fn configuration_error(_: &RuleContext, site: &SitePlan) -> Option<Reason> {
    find_error(site)
}

fn find_error(site: &SitePlan) -> Option<Reason> {
    (!site.settings.errors.is_empty()).then(|| Reason::ConfigurationError {
        what: site.settings.errors.join("; "),
    })
}

pub fn ambiguous_stack(_: &RuleContext, site: &SitePlan) -> Option<Reason> {
    find_ambiguous_stack(site)
}

fn find_ambiguous_stack(site: &SitePlan) -> Option<Reason> {
    let entry = site.settings.ambiguous.first()?;
    let stacks: Vec<String> = entry.stacks.iter().map(ToString::to_string).collect();
    Some(Reason::AmbiguousStack {
        entry: entry.entry.clone(),
        name: entry.name.clone(),
        stacks: stacks.join(" or ").into(),
    })
}

pub fn denied(_: &RuleContext, site: &SitePlan) -> Option<Reason> {
    find_denial(site)
}

fn find_denial(site: &SitePlan) -> Option<Reason> {
    let denied = site.settings.denied.as_ref()?;
    Some(Reason::Denied {
        stack: denied.stack.clone(),
        pattern: denied.pattern.clone(),
    })
}

pub fn do_not_bump_comment(_: &RuleContext, site: &SitePlan) -> Option<Reason> {
    find_comment(site)
}

fn find_comment(site: &SitePlan) -> Option<Reason> {
    let comment = site.settings.locks.first()?;
    Some(Reason::DoNotBumpComment {
        file: comment.file.clone(),
        line: comment.line,
        text: shorten(&comment.text),
    })
}

/// A comment's text on one line, shortened.
fn shorten(text: &str) -> String {
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if words.chars().count() <= 100 {
        words
    } else {
        words.chars().take(99).chain(['…']).collect()
    }
}

pub fn mode_off(_: &RuleContext, site: &SitePlan) -> Option<Reason> {
    let mode = site.mode(if site.pinned.is_none() {
        Action::Adopt
    } else {
        Action::Update
    });
    (mode.value == Mode::Off).then(|| Reason::ModeOff {
        source: mode.source.clone(),
    })
}

pub fn policy_never(_: &RuleContext, site: &SitePlan) -> Option<Reason> {
    let policy = site.settings.policy.as_ref()?;
    (policy.value == Policy::Never).then(|| Reason::PolicyNever {
        source: policy.source.clone(),
    })
}

/// All that hold now are one reason: the first is the one that is reported.
pub fn held(pass: &RuleContext, site: &SitePlan) -> Option<Reason> {
    let hold = site
        .settings
        .holds
        .iter()
        .find(|hold| hold.value.holds_at(pass.at))?;
    Some(Reason::Held {
        hold: hold.value.clone(),
        source: hold.source.clone(),
    })
}

/// An encrypted var-file could set the variable: then the literal decides nothing, and a pin there
/// would say what is not so.
pub fn unreadable_var_file(_: &RuleContext, site: &SitePlan) -> Option<Reason> {
    find_unreadable_file(site)
}

fn find_unreadable_file(site: &SitePlan) -> Option<Reason> {
    let (variable, file) = site.settings.unsure.clone()?;
    Some(Reason::UnreadableVarFile { file, variable })
}

/// Who runs Terraform may pass a var-file that nothing names: a pin made from the default would put
/// the bytes of one tag under another.
pub fn unnamed_var_file(_: &RuleContext, site: &SitePlan) -> Option<Reason> {
    find_unnamed_file(site)
}

fn find_unnamed_file(site: &SitePlan) -> Option<Reason> {
    let (variable, file) = site.settings.unnamed.clone()?;
    Some(Reason::UnnamedVarFile { file, variable })
}

pub fn job_would_rerun(_: &RuleContext, site: &SitePlan) -> Option<Reason> {
    Some(Reason::JobWouldRerun {
        job: site.settings.rerun.clone()?,
    })
}

pub fn no_levels(_: &RuleContext, site: &SitePlan) -> Option<Reason> {
    let policy = site.settings.policy.as_ref()?;
    let tag = &site.settings.channel.as_ref()?.tag;
    let is_date =
        policy.value.chooses_tag() && PolicyScope::of(&policy.value, tag) == PolicyScope::Nothing;
    is_date.then(|| Reason::NoLevels {
        policy: policy.value.clone(),
        tag: tag.clone(),
        source: policy.source.clone(),
    })
}

pub fn ignored_without_cluster(pass: &RuleContext, site: &SitePlan) -> Option<Reason> {
    let used = site
        .literal
        .uses
        .iter()
        .find(|used| used.ignored == Some(true))?;
    let place = ignore_place(pass.snapshot, used);
    (pass.snapshot.cluster == Seen::NotAsked).then_some(Reason::IgnoredByTerraform { place })
}

pub fn other_owner(pass: &RuleContext, site: &SitePlan) -> Option<Reason> {
    find_other_owner(pass.snapshot, site)
}

/// The live policy may be `never`: an update is not committed past it. A proposal is made, and not
/// merged by itself.
pub fn live_policy_unknown(_: &RuleContext, site: &SitePlan) -> Option<Reason> {
    let why = site
        .live_policy_unknown
        .clone()
        .filter(|_| site.is_updated() && site.is_committed())?;
    Some(Reason::LivePolicyUnknown { why })
}

/// Returns the first reason that stops a person too.
pub(in crate::plan) fn first_lock(site: &SitePlan) -> Option<Reason> {
    let locks: [fn(&SitePlan) -> Option<Reason>; 7] = [
        find_error,
        find_unusable_name,
        find_ambiguous_stack,
        find_denial,
        find_unreadable_file,
        find_unnamed_file,
        find_comment,
    ];
    locks.iter().find_map(|lock| lock(site))
}
