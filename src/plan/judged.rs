//! A site with its verdict, as the steps of planning hand it on: what is to be written there, which way, and under whose name. Decides nothing.

use super::route::Way;
use super::select::Terms;
use crate::model::digest::Digest;
use crate::model::reference::Reference;
use crate::pipeline::{Action, Cause, Decision, Verdict};
use crate::sites::{Literal, Site};
use crate::terraform::edit::Edit;
use std::sync::Arc;

/// What the names of changes that a comment asks for start with.
pub(super) const COMMENT: &str = "comment-";

/// Says whether a change's name, or its part of a branch, is one of a comment's.
pub(super) fn is_comment(name: &str) -> bool {
    name.strip_prefix(COMMENT).is_some_and(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
}

/// A site with its verdict, and what the changes are made of.
pub(super) struct Judged<'a> {
    pub literal: &'a Literal,
    pub site: &'a Site,
    pub terms: Terms,
    pub decision: Decision,
    /// There exactly when something is to be written.
    pub want: Option<Want>,
    /// The way that the pin goes or would go, also while it waits.
    pub way: Option<Way>,
    /// What upstream says, where it could be told.
    pub upstream: Option<Digest>,
    /// Whom the site is taken over with, where Terraform ignores it.
    pub party: Option<Party>,
}

/// What is to be written at one site.
pub(super) struct Want {
    pub action: Action,
    pub cause: Cause,
    /// The digest afterwards; `None` only where the hold of an unpinned site is lifted.
    pub to: Option<Digest>,
    /// The channel as it will be declared, where that is another.
    pub image: Option<String>,
    /// Not sorted.
    pub edits: Vec<Edit>,
    pub way: Way,
    /// Sentences for the commit message, with capitals and full stops.
    pub notes: Vec<String>,
    /// There where the cluster is the reason.
    pub told: Option<Told>,
}

/// What the cluster told, and what follows for the record.
#[derive(Clone)]
pub(super) struct Told {
    /// One line.
    pub evidence: String,
    /// The cluster runs the digest: no registry has to prove it.
    pub proven: bool,
}

impl Judged<'_> {
    /// Takes the pin back: the site waits or is refused for a reason that lies outside it.
    /// The end of a hold says nothing of the image: without it the verdict stays.
    pub fn hold_back(&mut self, verdict: Verdict, reason: String) {
        match self.want.take() {
            Some(want) if want.action == Action::Lift => self.decision.reasons.push(reason),
            _ => {
                self.decision.verdict = verdict;
                self.decision.reasons.insert(0, reason);
            }
        }
    }

    /// The stack or group that the site's changes are named after.
    pub fn name(&self) -> Arc<str> {
        if let Some(party) = &self.party {
            return party.name.clone();
        }
        let name = self.terms.group.as_ref().unwrap_or(&self.site.stack);
        // What comments ask for has names of its own.
        if is_comment(name) { format!("{name} (stack)").into() } else { name.clone() }
    }

    /// Says whether the want goes that way.
    pub fn goes(&self, pull: bool) -> bool {
        self.want.as_ref().is_some_and(|want| want.way.is_pull() == pull)
    }

    /// Says whether it is rolled back by this plan.
    pub fn is_rollback(&self) -> bool {
        self.want.as_ref().is_some_and(|want| want.action == Action::Rollback)
    }

    /// Says whether the pin is behind a channel that it follows.
    pub fn is_behind(&self) -> bool {
        self.terms.follows && (self.decision.from.is_none() || self.upstream != self.decision.from)
    }
}

/// Sites that are taken over in one change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Party {
    /// The change's name.
    pub name: Arc<str>,
    /// The key of its first site.
    pub id: Arc<str>,
}

/// A site and what is to be written there.
pub(super) struct Pin<'a> {
    pub judged: &'a Judged<'a>,
    pub want: &'a Want,
}

impl Pin<'_> {
    /// The tag as it will be declared.
    pub fn tag(&self) -> Option<Arc<str>> {
        match &self.want.image {
            Some(image) => Reference::parse(image)?.tag,
            None => self.judged.terms.channel.as_ref().map(|channel| channel.tag.clone()),
        }
    }
}

/// Returns the edit that pins a site at a digest.
pub(super) fn edit(literal: &Literal, site: &Site, image: &str, to: &Digest) -> Edit {
    let place = &site.pin;
    Edit {
        file: literal.file.clone(),
        span: place.span,
        expect: place.expect.clone().into_bytes(),
        put: place.text(to).into_bytes(),
        why: format!("pin {image} to {to}"),
    }
}
