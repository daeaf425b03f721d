//! Sites that go to a newer tag together or not at all: the members of a group, and whatever shares
//! the literal that the tag is written in. Knows no digests.

use super::pass::RuleContext;
use crate::model::reference::Tag;
use crate::pipeline::{Action, Reason};
use crate::plan::site_plan::SitePlan;

/// Makes a newer tag wait for the others that have to go to the same one.
pub fn bump_together(pass: &RuleContext, site: &SitePlan) -> Option<Reason> {
    let tag = &site.chosen()?.channel.tag;
    if !site.has_action(Action::Bump) {
        return None;
    }
    let mut others = pass
        .sites
        .iter()
        .filter(|other| other.site.id != site.site.id);
    let (other, why) = others.find_map(|other| {
        let why = match (site.shares_tag(other), is_beside(site, other)) {
            (true, _) => find_gap(tag, other).or_else(|| find_distance(site, other)),
            (false, true) => find_gap(tag, other),
            (false, false) => None,
        };
        Some((other, why?))
    })?;
    Some(Reason::BumpTogether {
        tag: tag.clone(),
        member: other.site.id.clone(),
        why,
    })
}

/// Members of one group that choose tags.
fn is_beside(site: &SitePlan, other: &SitePlan) -> bool {
    site.group().is_some() && site.group() == other.group() && other.choice.is_some()
}

/// Returns why a site does not go to the tag; `None` where it does, or has it.
fn find_gap(tag: &Tag, other: &SitePlan) -> Option<String> {
    let goes = other.has_action(Action::Bump);
    match other
        .chosen()
        .filter(|_| goes)
        .map(|chosen| &chosen.channel.tag)
    {
        Some(own) if own == tag => None,
        Some(own) => Some(format!("it would go to {own}")),
        None if other.site.image.tag.as_ref() == Some(tag) => None,
        None => Some(match other.reasons.first() {
            Some(reason) => reason.to_string(),
            None => "its policy does not choose it".to_owned(),
        }),
    }
}

/// Returns why two sites of one tag are not written in one change.
fn find_distance(site: &SitePlan, other: &SitePlan) -> Option<String> {
    if site.change_name() != other.change_name() {
        return Some(
            "it is in another stack, and one change writes their tag: put both into a `[[group]]`"
                .to_owned(),
        );
    }
    (site.is_committed() != other.is_committed())
        .then(|| "one of them is a commit and the other a pull request".to_owned())
}
