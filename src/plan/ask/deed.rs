//! What one command does to one site, or why it may not. A person is not stopped by policy, mode, schedule or settle time; by locks they are.

use super::Desk;
use crate::model::ask::{Back, Command, End, Goal};
use crate::model::digest::Digest;
use crate::model::hold::Hold;
use crate::model::reference::Channel;
use crate::pipeline::{Action, Seen, Upstream, Verdict};
use crate::plan::gate::{ignored, unproved_at};
use crate::plan::hold::{Draft, Which, retag};
use crate::plan::judged::{Judged, edit};
use crate::plan::past::past;
use crate::plan::pen::{Pen, pen, tag_of};
use crate::plan::rollback::hands_off;
use crate::sites::SiteKey;
use crate::terraform::edit::Edit;
use jiff::Timestamp;
use std::collections::BTreeSet;
use std::sync::Arc;

/// What is done at one site.
pub(super) struct Deed {
    pub site: SiteKey,
    pub action: Action,
    /// The channel as it will be declared.
    pub image: String,
    pub from: Option<Digest>,
    pub to: Option<Digest>,
    /// The edits of the pin; those of holds are the whole comment's.
    pub edits: Vec<Edit>,
    pub prove: Option<(Channel, Digest)>,
    pub until: Option<Timestamp>,
    pub verdict: Verdict,
    /// What the plan says of the site in this pass.
    pub reason: String,
}

/// Why a command is not carried out: a sentence, and what would help.
pub(super) type Refusal = (String, Option<String>);

/// The deeds of one comment as they grow.
pub(super) struct Deeds<'d, 'a, 'b> {
    desk: &'d Desk<'a, 'b>,
    draft: Draft<'a>,
    touched: BTreeSet<SiteKey>,
}

/// Where a pin goes.
struct Pin {
    to: Digest,
    image: String,
    edits: Vec<Edit>,
    prove: Option<(Channel, Digest)>,
}

impl<'d, 'a, 'b> Deeds<'d, 'a, 'b> {
    pub fn new(desk: &'d Desk<'a, 'b>) -> Self {
        Self { desk, draft: Draft::new(desk.snapshot), touched: BTreeSet::new() }
    }

    /// Returns the edits of all holds put and lifted.
    pub fn edits(&self) -> Vec<Edit> {
        self.draft.edits()
    }

    /// Returns what a command does at its sites, and why it does nothing at others.
    pub fn all(&mut self, command: &Command, sites: &[usize]) -> Result<(Vec<Deed>, Vec<String>), Refusal> {
        let desk = self.desk;
        let sites: Vec<&Judged> = sites.iter().map(|index| &desk.judged[*index]).collect();
        for site in &sites {
            if let Some(why) = refuses(desk, site, command) {
                return Err((format!("{}: {why}", site.decision.site), None));
            }
            if !self.touched.insert(site.decision.site.clone()) {
                return Err((
                    format!("the comment asks for two things at {}", site.decision.site),
                    Some("write one command a site".into()),
                ));
            }
        }
        if let Command::Unpin { .. } | Command::Resume { .. } = command {
            return self.let_go(command, &sites);
        }
        let hold = hold(desk, command)?;
        let (mut deeds, mut nothing) = (Vec::new(), Vec::new());
        for site in sites {
            match self.one(command, site, &hold).map_err(|(why, hint)| (format!("{}: {why}", site.decision.site), hint))? {
                Ok(deed) => deeds.push(deed),
                Err(why) => nothing.push(why),
            }
        }
        Ok((deeds, nothing))
    }

    fn let_go(&mut self, command: &Command, sites: &[&Judged]) -> Result<(Vec<Deed>, Vec<String>), Refusal> {
        let at = self.desk.snapshot.at;
        let held = |site: &&Judged| site.terms.holds.iter().any(|hold| hold.value.holds_at(at));
        let (held, free): (Vec<&Judged>, Vec<&Judged>) = sites.iter().partition(|site| held(site));
        let places: Vec<_> = held.iter().map(|site| (site.literal, site.site)).collect();
        self.draft.lift(&places, Which::Standing).map_err(|why| (why.to_string(), None))?;
        let action = if matches!(command, Command::Unpin { .. }) { Action::Unpin } else { Action::Resume };
        let reason = format!("the hold is lifted (`{}` by {})", command.word(), self.desk.ask.author.login);
        let deed = |site: &&Judged| Deed { action, verdict: Verdict::Waiting, reason: reason.clone(), ..still(site) };
        Ok((held.iter().map(deed).collect(), free.iter().map(|site| format!("nothing holds {}", site.decision.site)).collect()))
    }

    /// One site that is pinned, rolled back or held; the inner error says why there is nothing to do.
    fn one(&mut self, command: &Command, site: &Judged, hold: &Hold) -> Result<Result<Deed, String>, Refusal> {
        let (desk, by) = (self.desk, &self.desk.ask.author.login);
        let (action, pin, verdict) = match command {
            Command::Pin { to, .. } => (Action::Pin, Some(goal(desk, site, to.as_ref())?), Verdict::Held),
            Command::Rollback { to, .. } => (Action::Rollback, back(desk, site, to.as_ref())?, Verdict::Rollback),
            _ => (Action::Hold, None, Verdict::Held),
        };
        let mut hold = hold.clone();
        if action == Action::Rollback {
            let Some(from) = site.decision.from.as_ref().filter(|_| pin.is_some()) else {
                return Ok(Err(format!("{} is at that digest already", site.decision.site)));
            };
            hold.because = hold.because.or_else(|| Some(format!("rolled back from sha256:{}", from.short()).into()));
        }
        let moves = pin.as_ref().is_some_and(|pin| !pin.edits.is_empty());
        let stands = site.terms.holds.iter().any(|own| own.value.holds_at(desk.snapshot.at) && own.value.tidied() == hold.tidied());
        if stands && !moves {
            return Ok(Err(format!("{} is {hold} already", site.decision.site)));
        }
        if !stands {
            self.draft.put(site.literal, site.site, &hold).map_err(|why| (why, None))?;
        }
        let mut pin = pin;
        if let Some(pin) = pin.as_mut().filter(|_| action == Action::Rollback) {
            pin.edits.extend(hands_off(desk.snapshot, site).unwrap_or_default());
        }
        let reason = format!("{hold} (`{}` by {by})", command.word());
        let same = Deed { action, verdict, reason, until: hold.until, ..still(site) };
        Ok(Ok(match pin {
            Some(pin) => Deed { image: pin.image, to: Some(pin.to), edits: pin.edits, prove: pin.prove, ..same },
            None => same,
        }))
    }
}

/// A deed that leaves the image as it is.
fn still(site: &Judged) -> Deed {
    Deed {
        site: site.decision.site.clone(),
        action: Action::Hold,
        image: site.terms.image.clone(),
        from: site.decision.from.clone(),
        to: site.decision.from.clone(),
        edits: Vec::new(),
        prove: None,
        until: None,
        verdict: Verdict::Held,
        reason: String::new(),
    }
}

/// What stops a person too.
fn refuses(desk: &Desk, site: &Judged, command: &Command) -> Option<String> {
    let terms = &site.terms;
    let image = matches!(command, Command::Pin { .. } | Command::Rollback { .. } | Command::Unpin { .. });
    let first = terms.wrong.first().or(terms.denied.as_ref()).or(terms.unsure.as_ref()).or(terms.locks.first());
    first.cloned().or_else(|| ignored(desk.snapshot, site.literal).filter(|_| image))
}

/// The hold that a command puts.
fn hold(desk: &Desk, command: &Command) -> Result<Hold, Refusal> {
    let (end, because) = match command {
        Command::Pin { end, because, .. } | Command::Hold { end, because, .. } => (*end, because.clone()),
        Command::Rollback { because, .. } => (None, because.clone()),
        _ => (None, None),
    };
    let until = end.map(|end| until(desk, end)).transpose()?;
    Ok(Hold { until, by: Some(desk.ask.author.login.clone()), because })
}

fn until(desk: &Desk, end: End) -> Result<Timestamp, Refusal> {
    let until = end.at(desk.ask.comment.at).ok_or_else(|| (format!("the calendar does not reach `{end}`"), None))?;
    let over = || (format!("a hold `{end}` would have ended already"), Some("name a time to come".into()));
    if until <= desk.snapshot.at { Err(over()) } else { Ok(until) }
}

/// Where `/pin` goes.
fn goal(desk: &Desk, site: &Judged, goal: Option<&Goal>) -> Result<Pin, Refusal> {
    let image = site.terms.image.clone();
    match (goal, &site.decision.from) {
        (None, Some(from)) => Ok(Pin { to: from.clone(), image, edits: Vec::new(), prove: None }),
        (None, None) => match &site.terms.channel {
            Some(channel) => pin(desk, site, served(desk, channel)?),
            None => Err(("the image has no tag to take a digest from".into(), Some("`/pin … to sha256:…` names one".into()))),
        },
        (Some(Goal::Digest(digest)), _) => pin(desk, site, digest.clone()),
        (Some(Goal::Tag(tag)), _) => {
            let to = served(desk, &channel(site, Some(tag)))?;
            if site.site.image.tag.as_ref() == Some(tag) {
                return pin(desk, site, to);
            }
            retagged(desk, site, tag, to)
        }
    }
}

/// A pin under another tag.
fn retagged(desk: &Desk, site: &Judged, tag: &Arc<str>, to: Digest) -> Result<Pin, Refusal> {
    let channel = channel(site, Some(tag));
    proved(desk, &channel, &to)?;
    let edit = retag(site.literal, site.site, tag, &to).map_err(|why| (why, None))?;
    let image = format!("{}:{tag}", site.site.image.name);
    Ok(Pin { prove: Some((channel, to.clone())), to, image, edits: vec![edit] })
}

/// A pin under the tag that the site has.
fn pin(desk: &Desk, site: &Judged, to: Digest) -> Result<Pin, Refusal> {
    let image = site.terms.image.clone();
    if site.decision.from.as_ref() == Some(&to) {
        return Ok(Pin { to, image, edits: Vec::new(), prove: None });
    }
    let channel = channel(site, None);
    proved(desk, &channel, &to)?;
    Ok(Pin { edits: vec![edit(site.literal, site.site, &image, &to)], prove: Some((channel, to.clone())), to, image })
}

/// The channel of the site's repository: its own, or that of another tag.
fn channel(site: &Judged, tag: Option<&Arc<str>>) -> Channel {
    let (registry, repository) = site.site.image.repository();
    match (tag, &site.terms.channel) {
        (None, Some(channel)) => channel.clone(),
        (tag, _) => Channel { registry, repository, tag: tag.cloned().unwrap_or_else(|| "latest".into()) },
    }
}

fn proved(desk: &Desk, channel: &Channel, to: &Digest) -> Result<(), Refusal> {
    let hint = || Some("the digest has to be one that the registry serves for this repository".into());
    unproved_at(desk.snapshot, channel, to).map_or(Ok(()), |why| Err((why, hint())))
}

/// What the registry says that a channel means.
fn served(desk: &Desk, channel: &Channel) -> Result<Digest, Refusal> {
    match desk.snapshot.upstream.get(channel) {
        Some(Seen::Known(Upstream::Digest(digest))) => Ok(digest.clone()),
        Some(Seen::Known(Upstream::Missing)) => Err((format!("the registry says that {channel} does not exist"), None)),
        Some(Seen::Unknown(why)) => Err((format!("upstream could not be asked for {channel}: {why}"), Some("try again later".into()))),
        Some(Seen::NotAsked) | None => Err((format!("upstream was not asked for {channel}"), Some("try again later".into()))),
    }
}

/// Where `/rollback` goes, with the tag that the digest had; `None` where the site is there already.
fn back(desk: &Desk, site: &Judged, to: Option<&Back>) -> Result<Option<Pin>, Refusal> {
    let Some(from) = &site.decision.from else {
        return Err(("the site has no pin to go back from".into(), Some("`/pin` gives it one".into())));
    };
    let to = match to {
        Some(Back::Digest(digest)) => digest.clone(),
        Some(Back::Pins(count)) => earlier(desk, site, from, *count)?,
        None => earlier(desk, site, from, 1)?,
    };
    if to == *from {
        return Ok(None);
    }
    match tag_of(desk.snapshot, site, &to) {
        Some(tag) => retagged(desk, site, &tag, to).map(Some),
        None => pin(desk, site, to).map(Some),
    }
}

/// What stood before a pin that somebody else wrote; `None` where the records tell.
fn before<'d>(desk: &Desk<'d, '_>, site: &Judged) -> Result<Option<&'d Digest>, Refusal> {
    let hint = || Some("`/rollback … to sha256:…` names a digest".into());
    match pen(desk.snapshot, site) {
        Seen::Known(Pen::Other(brought)) => match &brought.before {
            Some(before) => Ok(Some(before)),
            None => Err((
                format!("somebody else wrote the present pin ({}), and what stood before is not known", brought.commit.short()),
                hint(),
            )),
        },
        Seen::Unknown(why) => Err((format!("what was pinned before is not known: {why}"), hint())),
        Seen::Known(Pen::Own(_)) | Seen::NotAsked => Ok(None),
    }
}

/// Walks the digests that were pinned here, from the present one back; what was rolled back is passed over.
fn earlier(desk: &Desk, site: &Judged, from: &Digest, count: u32) -> Result<Digest, Refusal> {
    let history = match &desk.snapshot.history {
        Seen::Known(history) => past(history, site.site, &site.terms.image),
        Seen::Unknown(why) => return Err((format!("what was pinned before is not known: {why}"), Some("try again later".into()))),
        Seen::NotAsked => return Err(("what was pinned before is not known".into(), Some("`to sha256:…` names a digest".into()))),
    };
    let bad: BTreeSet<&Digest> =
        history.iter().filter(|record| record.pin.action == Action::Rollback).filter_map(|record| record.pin.from.as_ref()).collect();
    let mut digests: Vec<&Digest> = vec![from];
    let first = before(desk, site)?;
    for digest in first.into_iter().chain(history.iter().flat_map(|record| [&record.pin.to, &record.pin.from]).flatten()) {
        if digests.last() != Some(&digest) && !bad.contains(digest) {
            digests.push(digest);
        }
    }
    let known = digests.len() - 1;
    let wanted = usize::try_from(count).ok().and_then(|count| digests.get(count));
    wanted.map(|digest| (*digest).clone()).ok_or_else(|| {
        let pins = if known == 1 { "pin is" } else { "pins are" };
        (format!("only {known} earlier {pins} known here"), Some("`/rollback … to sha256:…` names a digest".into()))
    })
}
