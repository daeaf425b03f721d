//! One site as planning sees it: what was resolved once (settings, history, uses, cluster state,
//! upstream), and what was decided so far. Every step reads the first and adds to the second.

use super::chosen::{ChoiceOutcome, ChosenTag, SiteChoice};
use super::live::LiveUse;
use super::pin::{PinOrigin, PinState};
use crate::config::site_settings::SiteSettings;
use crate::model::digest::Digest;
use crate::model::reference::{Channel, Reference, Tag};
use crate::model::settings::{Mode, Setting};
use crate::pipeline::claim::Claim;
use crate::pipeline::{
    Action, Asked, Cause, DecidedTags, Decision, Delivery, PinRecord, Reason, Recorded, Seen,
    Verdict,
};
use crate::sites::{Literal, Site, SiteId};
use crate::terraform::edit::Edit;
use std::sync::Arc;

/// What the names of changes that a comment asks for start with.
pub(super) const COMMENT: &str = "comment-";

/// Says whether a change's name, or its part of a branch, is one of a comment's.
pub(super) fn is_comment_name(name: &str) -> bool {
    name.strip_prefix(COMMENT)
        .is_some_and(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
}

/// A site, what is known of it, and what is decided about it.
pub(super) struct SitePlan<'a> {
    pub literal: &'a Literal,
    pub site: &'a Site,
    pub settings: SiteSettings,
    /// Why the live policy may be `never` and could not be read.
    pub live_policy_unknown: Option<String>,
    /// All that was recorded at the site, newest first.
    pub records: Vec<&'a Recorded>,
    /// The records of its present channel, newest first.
    pub history: Vec<&'a Recorded>,
    /// Rollbacks of its repository, newest first, whose digests are never written here again.
    pub rollbacks_here: Vec<&'a Recorded>,
    /// Rollbacks of its repository at other sites, newest first, whose digests only a person takes
    /// here.
    pub rollbacks_elsewhere: Vec<&'a Recorded>,
    /// Its uses beside the workloads of the cluster; a sentence why the cluster could not be asked.
    pub uses: Result<Vec<LiveUse<'a>>, String>,
    /// The digest that the repo pins.
    pub pinned: Option<Digest>,
    /// The digest that its channel means upstream, where the registry said so.
    pub upstream: Option<Digest>,
    /// What its policy makes of the tags of its repository, where it chooses one.
    pub choice: Option<SiteChoice>,
    /// The digest that runs; `None` where nothing does.
    pub running: Seen<Option<Digest>>,
    /// What wrote the pin.
    pub origin: Seen<PinOrigin<'a>>,
    /// What the cluster makes of the pin.
    pub state: PinState,

    pub verdict: Verdict,
    /// Most important first.
    pub reasons: Vec<Reason>,
    /// The digest wanted, also while it waits.
    pub wanted: Option<Digest>,
    /// Where the site should be; there exactly when something is to be written.
    pub target: Option<Target>,
    /// How the target is or would be delivered, also while it waits.
    pub delivery: Option<Delivery>,
    /// What the site is taken over with, where Terraform ignores it.
    pub adoption: Option<AdoptionGroup>,
}

/// Where a site should be, and what has to be written for it: whoever wants it (a channel, a
/// rollback, a person, an expired hold).
pub(super) struct Target {
    pub action: Action,
    pub cause: Cause,
    /// The digest afterwards; `None` only where an unpinned site is held or let go.
    pub to: Option<Digest>,
    /// The channel as it will be declared, where that is another.
    pub image: Option<String>,
    /// Not sorted.
    pub edits: Vec<Edit>,
    pub claims: Vec<Claim>,
    /// The digest that has to be fetched before anything is written.
    pub prove: Option<(Channel, Digest)>,
    pub delivery: Delivery,
    /// Sentences for the commit message, with capitals and full stops.
    pub notes: Vec<String>,
    /// What the cluster shows, where that is the reason: one line.
    pub evidence: Option<String>,
    /// There where a comment asks for it.
    pub command: Option<CommandTarget>,
}

/// The comment that asks for a target.
#[derive(Clone)]
pub(super) struct CommandTarget {
    /// The change's name: `comment-12`.
    pub change: Arc<str>,
    /// The comment's place among those of the pass.
    pub order: usize,
    pub asked: Asked,
}

/// Sites that are taken over in one change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct AdoptionGroup {
    /// The change's name.
    pub name: Arc<str>,
    pub first: SiteId,
}

/// A site and its target.
pub(super) struct TargetOf<'p, 'a> {
    pub site: &'p SitePlan<'a>,
    pub target: &'p Target,
}

impl<'a> SitePlan<'a> {
    /// Says whether a rule forbids every change: the reasons that come before any target.
    pub fn is_forbidden(&self) -> bool {
        !self.reasons.is_empty()
    }

    /// Takes the target back because of a reason that has a verdict: the site waits, or is refused.
    /// The end of a hold says nothing of the image: without it the verdict stays.
    pub fn refuse(&mut self, reason: Reason) {
        match self.target.take() {
            Some(target) if target.action == Action::Lift => self.reasons.push(reason),
            _ => {
                self.verdict = reason.verdict().unwrap_or(self.verdict);
                self.reasons.insert(0, reason);
            }
        }
    }

    /// Gives the site a target.
    pub fn set_target(&mut self, verdict: Verdict, target: Target) {
        self.verdict = verdict;
        self.delivery = Some(target.delivery.clone());
        self.wanted = target
            .to
            .clone()
            .filter(|to| Some(to) != self.pinned.as_ref());
        self.target = Some(target);
    }

    /// The stack, group or comment that the site's change is named after.
    pub fn change_name(&self) -> Arc<str> {
        if let Some(command) = self
            .target
            .as_ref()
            .and_then(|target| target.command.as_ref())
        {
            return command.change.clone();
        }
        if let Some(adoption) = &self.adoption {
            return adoption.name.clone();
        }
        let name = self
            .settings
            .group
            .as_ref()
            .map_or(&self.site.stack, |group| &group.value);
        // What comments ask for has names of its own.
        if is_comment_name(name) {
            format!("{name} (stack)").into()
        } else {
            name.clone()
        }
    }

    pub fn group(&self) -> Option<&Arc<str>> {
        self.settings.group.as_ref().map(|group| &group.value)
    }

    /// Says whether the tags of both are written at one place.
    pub fn shares_tag(&self, other: &Self) -> bool {
        matches!((&self.site.tag, &other.site.tag), (Ok(own), Ok(other)) if own == other)
    }

    /// Says whether the target is delivered as a commit.
    pub fn is_committed(&self) -> bool {
        self.target
            .as_ref()
            .is_some_and(|target| !target.delivery.is_pull_request())
    }

    /// Says whether the target is delivered as a pull request.
    pub fn is_proposed(&self) -> bool {
        self.target
            .as_ref()
            .is_some_and(|target| target.delivery.is_pull_request())
    }

    /// Says whether a comment asks for the target.
    pub fn is_commanded(&self) -> bool {
        self.target
            .as_ref()
            .is_some_and(|target| target.command.is_some())
    }

    pub fn has_action(&self, action: Action) -> bool {
        self.target
            .as_ref()
            .is_some_and(|target| target.action == action)
    }

    /// Says whether its pin follows the channel in this plan, or gets a newer tag.
    pub fn is_updated(&self) -> bool {
        matches!(self.verdict, Verdict::Update | Verdict::Bump) && self.target.is_some()
    }

    /// Says whether the pin is behind a channel that it follows, or a newer tag is chosen.
    pub fn is_behind(&self) -> bool {
        let is_behind = self.pinned.is_none() || self.upstream != self.pinned;
        self.chosen().is_some() || self.settings.follows && is_behind
    }

    /// Returns the newer tag that its policy chose.
    pub fn chosen(&self) -> Option<&ChosenTag> {
        match &self.choice.as_ref()?.outcome {
            ChoiceOutcome::Newer(chosen) => Some(chosen),
            ChoiceOutcome::Stays | ChoiceOutcome::Unknown(_) => None,
        }
    }

    /// Says whether it is not known which tag its policy chooses.
    pub fn is_choice_unknown(&self) -> bool {
        let outcome = self.choice.as_ref().map(|choice| &choice.outcome);
        matches!(outcome, Some(ChoiceOutcome::Unknown(_)))
    }

    /// Returns the channel that the site goes to by itself: that of the newer tag, else its own.
    pub fn next_channel(&self) -> Option<&Channel> {
        let chosen = self.chosen().map(|chosen| &chosen.channel);
        chosen.or(self.settings.channel.as_ref())
    }

    /// Returns the digest that the site goes to by itself.
    pub fn next_digest(&self) -> Option<&Digest> {
        let chosen = self.chosen().map(|chosen| &chosen.digest);
        chosen.or(self.upstream.as_ref())
    }

    /// Says whether Terraform ignores what the literal says, for one of its uses at least.
    pub fn is_ignored(&self) -> bool {
        self.literal
            .uses
            .iter()
            .any(|used| used.ignored == Some(true))
    }

    /// The live uses; none where the cluster could not be asked.
    pub fn known_uses(&self) -> &[LiveUse<'a>] {
        self.uses.as_deref().unwrap_or_default()
    }

    pub fn target(&self) -> Option<TargetOf<'_, 'a>> {
        Some(TargetOf {
            site: self,
            target: self.target.as_ref()?,
        })
    }

    /// Returns the mode for what pintle would do to the site by itself.
    pub fn mode(&self, action: Action) -> &Setting<Mode> {
        match action {
            Action::Adopt => &self.settings.adopt,
            Action::Bump => &self.settings.bump,
            Action::Rollback => &self.settings.rollback,
            _ => &self.settings.update,
        }
    }

    /// Returns what is to be written to pin a digest under the declared tag.
    pub fn pin_edit(&self, to: &Digest) -> Edit {
        let place = &self.site.pin;
        Edit {
            file: self.literal.file.clone(),
            span: place.span,
            expect: place.expect.clone().into_bytes(),
            put: place.text(to).into_bytes(),
            why: format!("pin {} to {to}", self.settings.image),
        }
    }

    /// Claims the image that the site has afterwards: another tag where one is given, the same one
    /// where no digest is pinned.
    pub fn claim_image(&self, image: Option<&str>, to: &Digest) -> Claim {
        let own = &self.site.image;
        let has_tag = own.tag.is_some() || own.digest.is_none();
        let named = image
            .filter(|_| has_tag)
            .and_then(Reference::parse)
            .and_then(|image| image.tag);
        let tag = named.or_else(|| own.effective_tag().filter(|_| has_tag));
        Claim::Image {
            site: self.site.id.clone(),
            image: Reference {
                tag,
                digest: Some(to.clone()),
                ..own.clone()
            },
        }
    }

    fn decided_tags(&self) -> Option<DecidedTags> {
        let choice = self.choice.as_ref().filter(|_| !self.is_choice_unknown())?;
        Some(DecidedTags {
            to: self.chosen().map(|chosen| chosen.channel.tag.clone()),
            kept_out: choice.kept_out.clone(),
        })
    }

    pub fn decision(&self) -> Decision {
        Decision {
            site: self.site.id.clone(),
            verdict: self.verdict,
            reasons: self.reasons.clone(),
            from: self.pinned.clone(),
            to: self.wanted.clone(),
            tags: self.decided_tags(),
            runs: self.running.clone(),
        }
    }
}

impl TargetOf<'_, '_> {
    /// The channel as it will be declared.
    pub fn image(&self) -> &String {
        self.target
            .image
            .as_ref()
            .unwrap_or(&self.site.settings.image)
    }

    /// The declared tag, where it becomes another.
    pub fn replaced_tag(&self) -> Option<Tag> {
        let after = Reference::parse(self.target.image.as_ref()?)?.effective_tag();
        let before = self.site.site.image.effective_tag()?;
        (after.as_ref() != Some(&before)).then_some(before)
    }

    pub fn record(&self) -> PinRecord {
        PinRecord {
            action: self.target.action,
            site: self.site.site.id.to_string(),
            uses: recorded_uses(self.site.site),
            image: self.image().clone(),
            from_tag: self.replaced_tag(),
            from: self.site.pinned.clone(),
            to: self.target.to.clone(),
            cause: self.target.cause,
            evidence: self.target.evidence.clone(),
            asked: self
                .target
                .command
                .as_ref()
                .map(|command| command.asked.clone()),
        }
    }
}

/// So many uses of one site are recorded: a literal that feeds a hundred workloads is known by the
/// first of them too.
const RECORDED_USES: usize = 16;

/// The aliases that can stand in a trailer. A name read from a file may end in a line break: it is
/// left out, and the site's id still names it.
fn recorded_uses(site: &Site) -> Vec<String> {
    let fits =
        |alias: &&Arc<str>| alias.trim() == &***alias && !alias.chars().any(char::is_control);
    site.aliases
        .iter()
        .filter(fits)
        .take(RECORDED_USES)
        .map(ToString::to_string)
        .collect()
}
