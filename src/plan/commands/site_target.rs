//! What one command makes of one site, or why it may not. A person is not stopped by policy, mode,
//! schedule or settle time; by locks they are.

use super::case::{CommentCase, SiteTarget};
use crate::model::ask::{Back, Command, End, Goal};
use crate::model::digest::Digest;
use crate::model::hold::Hold;
use crate::model::one_line::one_line;
use crate::model::reference::{Channel, Tag};
use crate::pipeline::claim::Claim;
use crate::pipeline::forge::{PullRequest, PullState};
use crate::pipeline::{Action, Asked, Cause, Reason, Seen, Upstream, Verdict};
use crate::plan::adoption::keep_keel_away;
use crate::plan::delivery::{can_deliver, deliver_directly};
use crate::plan::hold::{Draft, Which, retag};
use crate::plan::pin::PinOrigin;
use crate::plan::pin_origin::{find_tag_of, has_run};
use crate::plan::pull_requests::{is_of_comment, is_pin_of};
use crate::plan::rules::first_lock;
use crate::plan::site_plan::{CommandTarget, SitePlan, Target};
use crate::plan::target::find_fetch_failure;
use crate::sites::SiteId;
use crate::terraform::edit::Edit;
use jiff::Timestamp;
use std::collections::BTreeSet;

/// What a command makes of one site, and when its hold ends.
pub(super) struct SiteCommand {
    pub target: SiteTarget,
    pub until: Option<Timestamp>,
}

/// Why a command is not carried out: a sentence, and what would help.
pub(super) type Refusal = (String, Option<String>);

/// The commands of one comment as they grow.
pub(super) struct SiteCommands<'c, 'a, 'b> {
    case: &'c CommentCase<'a, 'b>,
    draft: Draft<'a>,
    touched: BTreeSet<SiteId>,
    /// The reason that the command gives: one line.
    because: Option<String>,
}

/// Where a site is pinned.
struct CommandedPin {
    to: Digest,
    /// The channel as it will be declared, where that is another.
    image: Option<String>,
    edits: Vec<Edit>,
    prove: Option<(Channel, Digest)>,
}

impl<'c, 'a, 'b> SiteCommands<'c, 'a, 'b> {
    pub fn new(case: &'c CommentCase<'a, 'b>) -> Self {
        Self {
            case,
            draft: Draft::new(case.snapshot),
            touched: BTreeSet::new(),
            because: None,
        }
    }

    /// Returns the edits of all holds put and removed.
    pub fn hold_edits(&self) -> Vec<Edit> {
        self.draft.edits()
    }

    /// Returns what a command makes of its sites, and why it does nothing at others.
    pub fn apply(
        &mut self,
        command: &Command,
        places: &[usize],
    ) -> Result<(Vec<SiteCommand>, Vec<String>), Refusal> {
        let case = self.case;
        if !can_deliver(case.snapshot, &deliver_directly(case.snapshot)) {
            return Err((
                "the branch takes no push from pintle, and pull requests are switched off".into(),
                Some("switch pull requests on in the repo's settings, or let pintle push".into()),
            ));
        }
        for site in places.iter().map(|place| &case.sites[*place]) {
            if let Some(why) = find_refusal(site, command) {
                return Err((format!("{}: {why}", site.site.id), None));
            }
            if !self.touched.insert(site.site.id.clone()) {
                let why = format!("the comment asks for two things at {}", site.site.id);
                return Err((why, Some("write one command a site".into())));
            }
        }
        self.because = None;
        if let Command::Unpin { .. } | Command::Resume { .. } = command {
            return self.release(command, places);
        }
        let hold = make_hold(case, command)?;
        self.because = hold
            .because
            .as_deref()
            .map(|why| without_references(&one_line(why)))
            .filter(|why| !why.is_empty());
        let (mut targets, mut nothing) = (Vec::new(), Vec::new());
        for place in places {
            let id = &case.sites[*place].site.id;
            match self
                .change(command, *place, &hold)
                .map_err(|(why, hint)| (format!("{id}: {why}"), hint))?
            {
                Ok(target) => targets.push(target),
                Err(why) => nothing.push(why),
            }
        }
        Ok((targets, nothing))
    }

    /// Removes the holds of sites.
    fn release(
        &mut self,
        command: &Command,
        places: &[usize],
    ) -> Result<(Vec<SiteCommand>, Vec<String>), Refusal> {
        let case = self.case;
        let is_held = |place: &&usize| {
            case.sites[**place]
                .settings
                .holds
                .iter()
                .any(|hold| hold.value.holds_at(case.snapshot.at))
        };
        let (held, free): (Vec<&usize>, Vec<&usize>) = places.iter().partition(is_held);
        let sites: Vec<_> = held
            .iter()
            .map(|place| (case.sites[**place].literal, case.sites[**place].site))
            .collect();
        self.draft
            .lift(&sites, Which::Standing)
            .map_err(|why| (why.to_string(), None))?;
        let action = if matches!(command, Command::Unpin { .. }) {
            Action::Unpin
        } else {
            Action::Resume
        };
        let what = format!(
            "the hold is removed (`{}` by {})",
            command.word(),
            case.ask.author.login
        );
        let release = |place: &&usize| {
            let site = &case.sites[**place];
            let target = Target {
                claims: vec![Claim::Released {
                    site: site.site.id.clone(),
                }],
                ..self.target(site, action, None)
            };
            self.site_command(**place, Verdict::Waiting, what.clone(), target, None)
        };
        let nothing = free
            .iter()
            .map(|place| describe_free(case, &case.sites[**place]))
            .collect();
        Ok((held.iter().map(release).collect(), nothing))
    }

    /// One site that is pinned, rolled back or held; the inner error says why there is nothing to
    /// do.
    fn change(
        &mut self,
        command: &Command,
        place: usize,
        hold: &Hold,
    ) -> Result<Result<SiteCommand, String>, Refusal> {
        let (case, by) = (self.case, &self.case.ask.author.login);
        let site = &case.sites[place];
        let (action, pin, verdict) = match command {
            Command::Pin { to, .. } => (
                Action::Pin,
                Some(find_goal(case, site, to.as_ref())?),
                Verdict::Held,
            ),
            Command::Rollback { to, .. } => (
                Action::Rollback,
                find_rollback_goal(case, site, to.as_ref())?,
                Verdict::Rollback,
            ),
            _ => (Action::Hold, None, Verdict::Held),
        };
        let mut hold = hold.clone();
        if action == Action::Rollback {
            let Some(from) = site.pinned.as_ref().filter(|_| pin.is_some()) else {
                return Ok(Err(format!("{} is at that digest already", site.site.id)));
            };
            hold.because = hold
                .because
                .or_else(|| Some(format!("rolled back from sha256:{}", from.short()).into()));
        }
        let changes_image = pin.as_ref().is_some_and(|pin| !pin.edits.is_empty());
        let is_held = |own: &Hold| own.holds_at(case.snapshot.at) && own.tidied() == hold.tidied();
        let holds_already = site.settings.holds.iter().any(|own| is_held(&own.value));
        if holds_already && !changes_image {
            return Ok(Err(format!("{} is {hold} already", site.site.id)));
        }
        if !holds_already {
            self.draft
                .put(site.literal, site.site, &hold)
                .map_err(|why| (why, None))?;
        }
        let mut target = self.target(site, action, pin);
        target.claims.push(Claim::Held {
            site: site.site.id.clone(),
        });
        if action == Action::Rollback {
            match keep_keel_away(case.snapshot, site) {
                Ok(edits) if edits.is_empty() => {}
                Ok(edits) => {
                    target.edits.extend(edits);
                    target.claims.push(Claim::KeelHandsOff {
                        site: site.site.id.clone(),
                    });
                }
                Err(why) => target
                    .notes
                    .push(format!("Keel may still set the image: {why}.")),
            }
        }
        let what = format!("{hold} (`{}` by {by})", command.word());
        Ok(Ok(
            self.site_command(place, verdict, what, target, hold.until)
        ))
    }

    /// The target of a command; without a pin the image stays as it is.
    fn target(&self, site: &SitePlan, action: Action, pin: Option<CommandedPin>) -> Target {
        let case = self.case;
        let ask = case.ask;
        let asked = Asked {
            by: format!("{} ({})", ask.author.login, ask.author.id),
            comment: ask.comment.url.to_string(),
            because: self.because.clone(),
        };
        let claims = pin
            .iter()
            .filter(|pin| !pin.edits.is_empty())
            .map(|pin| site.claim_image(pin.image.as_deref(), &pin.to))
            .collect();
        let (to, image, edits, prove) = match pin {
            Some(pin) => (Some(pin.to), pin.image, pin.edits, pin.prove),
            None => (site.pinned.clone(), None, Vec::new(), None),
        };
        Target {
            action,
            cause: Cause::Command,
            to,
            image,
            edits,
            claims,
            prove,
            delivery: deliver_directly(case.snapshot),
            notes: Vec::new(),
            evidence: None,
            command: Some(CommandTarget {
                change: case.change_name().as_str().into(),
                order: case.order,
                asked,
            }),
        }
    }

    fn site_command(
        &self,
        place: usize,
        verdict: Verdict,
        what: String,
        target: Target,
        until: Option<Timestamp>,
    ) -> SiteCommand {
        SiteCommand {
            target: SiteTarget {
                place,
                verdict,
                reason: Reason::ByCommand { what, verdict },
                target,
            },
            until,
        }
    }
}

/// Why there is nothing to release at a site: nothing holds it, or a hold is only proposed.
fn describe_free(case: &CommentCase, site: &SitePlan) -> String {
    let id = &site.site.id;
    let asks_for_hold = |pull: &&PullRequest| {
        pull.state == PullState::Open
            && is_of_comment(pull)
            && pull.pins.iter().any(|pin| {
                matches!(pin.action, Action::Hold | Action::Pin | Action::Rollback)
                    && is_pin_of(case.snapshot, pin, site.site)
            })
    };
    let proposed: Vec<String> = case
        .forge
        .pulls
        .iter()
        .filter(asks_for_hold)
        .map(|pull| format!("#{}", pull.number))
        .collect();
    if proposed.is_empty() {
        format!("nothing holds {id}")
    } else {
        format!(
            "nothing holds {id} yet; pull request {} proposes it: close it to withdraw that",
            proposed.join(", ")
        )
    }
}

/// What stops a person too.
fn find_refusal(site: &SitePlan, command: &Command) -> Option<String> {
    let changes_image = matches!(
        command,
        Command::Pin { .. } | Command::Rollback { .. } | Command::Unpin { .. }
    );
    let lock = first_lock(site).map(|reason| reason.to_string());
    lock.or_else(|| find_ignored(site).filter(|_| changes_image))
}

/// Takes apart what a forge would follow in a commit message: `#12`, `!7`, `@ana`. A message that
/// says `fixes #12` closes that issue.
fn without_references(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        out.push(c);
        if matches!(c, '#' | '!' | '@') && rest.peek().is_some_and(|next| next.is_alphanumeric()) {
            out.push(' ');
        }
    }
    out
}

/// The hold that a command puts.
fn make_hold(case: &CommentCase, command: &Command) -> Result<Hold, Refusal> {
    let (end, because) = match command {
        Command::Pin { end, because, .. } | Command::Hold { end, because, .. } => {
            (*end, because.clone())
        }
        Command::Rollback { because, .. } => (None, because.clone()),
        _ => (None, None),
    };
    let until = end.map(|end| find_end(case, end)).transpose()?;
    Ok(Hold {
        until,
        by: Some(case.ask.author.login.clone()),
        because,
    })
}

fn find_end(case: &CommentCase, end: End) -> Result<Timestamp, Refusal> {
    let until = end.at(case.ask.comment.at).ok_or_else(|| {
        (
            format!("`{end}` is too long: the hold would end after the year 9999"),
            None,
        )
    })?;
    let is_over = until <= case.snapshot.at;
    if is_over {
        Err((
            format!("a hold `{end}` would have ended already"),
            Some("name a time in the future".into()),
        ))
    } else {
        Ok(until)
    }
}

/// Where `/pin` goes.
fn find_goal(
    case: &CommentCase,
    site: &SitePlan,
    goal: Option<&Goal>,
) -> Result<CommandedPin, Refusal> {
    match (goal, &site.pinned) {
        (None, Some(pinned)) => Ok(CommandedPin {
            to: pinned.clone(),
            image: None,
            edits: Vec::new(),
            prove: None,
        }),
        (None, None) => match &site.settings.channel {
            Some(channel) => pin_at(case, site, find_served(case, channel)?),
            None => Err((
                "the image has no tag to take a digest from".into(),
                Some("`/pin … to sha256:…` names one".into()),
            )),
        },
        (Some(Goal::Digest(digest)), _) => pin_at(case, site, digest.clone()),
        (Some(Goal::Tag(tag)), _) => {
            let to = find_served(case, &channel_of(site, Some(tag)))?;
            if site.site.image.tag.as_ref() == Some(tag) {
                return pin_at(case, site, to);
            }
            pin_under_tag(case, site, tag, to)
        }
    }
}

/// Finds another site that has its tag from the same place.
fn find_tag_sharer<'p, 'a>(
    case: &CommentCase<'a, 'p>,
    site: &SitePlan,
) -> Option<&'p SitePlan<'a>> {
    let mut others = case.sites.iter();
    others.find(|other| other.site.id != site.site.id && site.shares_tag(other))
}

/// A pin under another tag.
fn pin_under_tag(
    case: &CommentCase,
    site: &SitePlan,
    tag: &Tag,
    to: Digest,
) -> Result<CommandedPin, Refusal> {
    let channel = channel_of(site, Some(tag));
    check_fetched(case, &channel, &to)?;
    if let Some(other) = find_tag_sharer(case, site) {
        let why = format!(
            "its tag is written at one place with that of {}, which would change too",
            other.site.id
        );
        return Err((why, None));
    }
    let edits = retag(site.literal, site.site, tag, &to).map_err(|why| (why, None))?;
    let image = Some(crate::config::site_settings::image_with(site.site, tag));
    Ok(CommandedPin {
        prove: Some((channel, to.clone())),
        to,
        image,
        edits,
    })
}

/// A pin under the tag that the site has.
fn pin_at(case: &CommentCase, site: &SitePlan, to: Digest) -> Result<CommandedPin, Refusal> {
    if site.pinned.as_ref() == Some(&to) {
        return Ok(CommandedPin {
            to,
            image: None,
            edits: Vec::new(),
            prove: None,
        });
    }
    let channel = channel_of(site, None);
    check_fetched(case, &channel, &to)?;
    Ok(CommandedPin {
        edits: vec![site.pin_edit(&to)],
        prove: Some((channel, to.clone())),
        to,
        image: None,
    })
}

/// The channel of the site's repository: its own, or that of another tag.
fn channel_of(site: &SitePlan, tag: Option<&Tag>) -> Channel {
    match (tag, &site.settings.channel) {
        (None, Some(channel)) => channel.clone(),
        (tag, _) => site
            .site
            .image
            .repository()
            .channel(tag.cloned().unwrap_or_else(Tag::latest)),
    }
}

fn check_fetched(case: &CommentCase, channel: &Channel, to: &Digest) -> Result<(), Refusal> {
    let hint =
        || Some("the digest has to be one that the registry serves for this repository".into());
    find_fetch_failure(case.snapshot, channel, to)
        .map_or(Ok(()), |why| Err((why.to_string(), hint())))
}

/// What the registry says that a channel means.
fn find_served(case: &CommentCase, channel: &Channel) -> Result<Digest, Refusal> {
    let later = || Some("try again later".into());
    match case.snapshot.upstream.get(channel) {
        Some(Seen::Known(Upstream::Digest(digest))) => Ok(digest.clone()),
        Some(Seen::Known(Upstream::Missing)) => {
            Err((format!("{channel} does not exist in the registry"), None))
        }
        Some(Seen::Unknown(why)) => Err((
            format!("the registry could not be asked for {channel}: {why}"),
            later(),
        )),
        Some(Seen::NotAsked) | None => {
            Err((format!("the registry was not asked for {channel}"), later()))
        }
    }
}

/// Where `/rollback` goes, with the tag that the digest had; `None` where the site is there
/// already.
fn find_rollback_goal(
    case: &CommentCase,
    site: &SitePlan,
    to: Option<&Back>,
) -> Result<Option<CommandedPin>, Refusal> {
    let Some(pinned) = &site.pinned else {
        return Err((
            "the site has no pin to roll back".into(),
            Some("`/pin` gives it one".into()),
        ));
    };
    let to = match to {
        Some(Back::Digest(digest)) if digest == pinned => return Ok(None),
        Some(Back::Digest(digest)) => {
            check_earlier_pin(case, site, digest)?;
            digest.clone()
        }
        Some(Back::Pins(count)) => find_earlier_pin(case, site, pinned, *count)?,
        None => find_earlier_pin(case, site, pinned, 1)?,
    };
    if to == *pinned {
        return Ok(None);
    }
    // A tag that another image has too stays: the digest decides.
    let tag = find_tag_of(case.snapshot, site, &to);
    match tag.filter(|_| find_tag_sharer(case, site).is_none()) {
        Some(tag) => pin_under_tag(case, site, &tag, to).map(Some),
        None => pin_at(case, site, to).map(Some),
    }
}

/// What was pinned before a pin that somebody else wrote; `None` where the records show it.
fn find_pin_before_foreign(site: &SitePlan) -> Result<Option<Digest>, Refusal> {
    let hint = || Some("`/rollback … to sha256:…` names a digest".into());
    match &site.origin {
        Seen::Known(PinOrigin::Foreign(blame)) => match &blame.before {
            Some(before) => Ok(Some(before.clone())),
            None => {
                let why = format!(
                    "somebody else wrote the present pin ({}), and what was pinned before is unknown",
                    blame.commit.short()
                );
                Err((why, hint()))
            }
        },
        Seen::Unknown(why) => Err((format!("what was pinned before is unknown: {why}"), hint())),
        Seen::Known(PinOrigin::Recorded(_)) | Seen::NotAsked => Ok(None),
    }
}

/// Refuses a digest that was never pinned here and never ran here: a rollback returns to what was
/// there before.
fn check_earlier_pin(case: &CommentCase, site: &SitePlan, to: &Digest) -> Result<(), Refusal> {
    let is_recorded = site
        .records
        .iter()
        .any(|record| record.pin.to.as_ref() == Some(to) || record.pin.from.as_ref() == Some(to));
    if is_recorded || has_run(case.snapshot, site, to) {
        return Ok(());
    }
    if let Seen::Unknown(why) = &case.snapshot.history {
        return Err((
            format!("what was pinned before is unknown: {why}"),
            Some("try again later".into()),
        ));
    }
    match find_pin_before_foreign(site) {
        Ok(Some(before)) if before == *to => Ok(()),
        _ => Err((
            format!("the digest {} was never pinned here", to.short()),
            Some(format!(
                "`/pin {} to {to}` pins a digest that is new here, under the present tag",
                site.site.id
            )),
        )),
    }
}

/// Walks the digests that were pinned here, from the present one back; what was rolled back is
/// passed over.
fn find_earlier_pin(
    case: &CommentCase,
    site: &SitePlan,
    pinned: &Digest,
    count: u32,
) -> Result<Digest, Refusal> {
    match &case.snapshot.history {
        Seen::Known(_) => {}
        Seen::Unknown(why) => {
            return Err((
                format!("what was pinned before is unknown: {why}"),
                Some("try again later".into()),
            ));
        }
        Seen::NotAsked => {
            return Err((
                "what was pinned before is unknown".into(),
                Some("`to sha256:…` names a digest".into()),
            ));
        }
    }
    let rollbacks = site
        .history
        .iter()
        .filter(|record| record.pin.action == Action::Rollback);
    let rejected: BTreeSet<&Digest> = rollbacks
        .filter_map(|record| record.pin.from.as_ref())
        .collect();
    let mut digests: Vec<&Digest> = vec![pinned];
    let first = find_pin_before_foreign(site)?;
    for digest in first.iter().chain(
        site.history
            .iter()
            .flat_map(|record| [&record.pin.to, &record.pin.from])
            .flatten(),
    ) {
        if digests.last() != Some(&digest) && !rejected.contains(digest) {
            digests.push(digest);
        }
    }
    let known = digests.len() - 1;
    let wanted = usize::try_from(count)
        .ok()
        .and_then(|count| digests.get(count));
    wanted.map(|digest| (*digest).clone()).ok_or_else(|| {
        let pins = if known == 1 { "pin is" } else { "pins are" };
        (
            format!("only {known} earlier {pins} known here"),
            Some("`/rollback … to sha256:…` names a digest".into()),
        )
    })
}

/// Why a commit would change nothing at a site.
fn find_ignored(site: &SitePlan) -> Option<String> {
    site.is_ignored().then(|| {
        "terraform ignores this image (ignore_changes), so a commit would change nothing".to_owned()
    })
}
