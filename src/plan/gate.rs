//! One site's verdict: what forbids a change, what upstream says, what has to be waited for. Never looks at another site.

mod adopt;

use super::cache::cache;
use super::judged::{Judged, Want, edit};
use super::past::{before, changed, past, rolled_back};
use super::route::{self, Way};
use super::select::Terms;
use crate::config::Mode;
use crate::model::digest::Digest;
use crate::model::duration::{show, show_time};
use crate::model::policy::Policy;
use crate::model::reference::Channel;
use crate::model::schedule::Due;
use crate::pipeline::{Action, Cause, Decision, Seen, Snapshot, Upstream, Verdict};
use crate::sites::{Literal, Site, Use};
use crate::terraform::edit::Edit;
use jiff::Timestamp;

/// A verdict, its reasons, and the pin to write.
struct Ruling {
    verdict: Verdict,
    reasons: Vec<String>,
    want: Option<Want>,
    way: Option<Way>,
}

impl Ruling {
    fn new(verdict: Verdict, reason: impl Into<String>) -> Self {
        Self { verdict, reasons: vec![reason.into()], want: None, way: None }
    }
}

pub(super) fn judge<'a>(snapshot: &Snapshot, literal: &'a Literal, site: &'a Site, terms: Terms) -> Judged<'a> {
    let from = site.image.digest.clone();
    let upstream = match terms.channel.as_ref().and_then(|channel| snapshot.upstream.get(channel)) {
        Some(Seen::Known(Upstream::Digest(digest))) => Some(digest.clone()),
        _ => None,
    };
    let refusals = refusals(snapshot, literal, site, &terms);
    let mut ruling = match refusals.first() {
        Some((verdict, _)) => {
            Ruling { verdict: *verdict, reasons: refusals.into_iter().map(|(_, why)| why).collect(), want: None, way: None }
        }
        None => {
            let case = Case { snapshot, literal, site, terms: &terms, from: from.as_ref() };
            case.ruling()
        }
    };
    let cache = cache(snapshot, site, &terms);
    let (runs, before) = runs(snapshot, literal, &terms, from.as_ref());
    if let Some(want) = ruling.want.as_mut().filter(|want| !want.way.is_pull()) {
        want.notes.extend(before);
    }
    // A pull request has a column for it, and is not to be rebuilt whenever the cache changes its mind.
    if let (Some(want), Some((_, note))) = (&mut ruling.want, &cache)
        && !want.way.is_pull()
    {
        want.notes.push(note.clone());
    }
    ruling.reasons.extend(cache.map(|(reason, _)| reason));
    ruling.reasons.extend(super::status::beside(&runs, from.as_ref()));
    ruling.reasons.extend(terms.schedule.iter().filter(|_| terms.follows).filter_map(|schedule| schedule.value.warning()));
    let pinned = ruling.want.as_ref().and_then(|want| want.to.clone());
    let goes = matches!(ruling.verdict, Verdict::Adopt | Verdict::Move | Verdict::Waiting | Verdict::Held);
    let differs = |to: &Digest| goes && Some(to) != from.as_ref();
    let past = snapshot.history.known().map(|history| past(history, site, &terms.image)).unwrap_or_default();
    let goes_back = |to: &Digest| rolled_back(&past, to).is_some();
    let follows = |to: &Digest| (from.is_none() || terms.follows) && !goes_back(to);
    let to = pinned.or_else(|| upstream.clone().filter(|to| differs(to) && follows(to))).filter(differs);
    let decision = Decision { site: site.key.clone(), verdict: ruling.verdict, reasons: ruling.reasons, from, to, runs };
    Judged { literal, site, terms, decision, want: ruling.want, way: ruling.way, upstream, party: None }
}

/// What forbids any change, strongest first.
fn refusals(snapshot: &Snapshot, literal: &Literal, site: &Site, terms: &Terms) -> Vec<(Verdict, String)> {
    let mut all: Vec<(Verdict, String)> = Vec::new();
    all.extend(terms.wrong.iter().map(|why| (Verdict::Blocked, why.clone())));
    all.extend(terms.denied.iter().map(|why| (Verdict::Blocked, why.clone())));
    all.extend(terms.unsure.iter().map(|why| (Verdict::Blocked, why.clone())));
    all.extend(terms.replaced.iter().map(|why| (Verdict::Blocked, why.clone())));
    all.extend(terms.locks.iter().map(|why| (Verdict::Frozen, why.clone())));
    let mode = route::mode(terms, if site.image.digest.is_none() { Action::Adopt } else { Action::Move });
    if mode.value == Mode::Off {
        all.push((Verdict::Frozen, format!("the mode is `off` ({})", mode.from)));
    }
    let holds = terms.holds.iter().filter(|hold| hold.value.holds_at(snapshot.at));
    all.extend(holds.map(|hold| (Verdict::Held, format!("{} ({})", hold.value, hold.from))));
    if let Some(policy) = &terms.policy {
        match &policy.value {
            Policy::Never => all.push((Verdict::Frozen, format!("the policy is `never` ({})", policy.from))),
            other if other.chooses_tag() => {
                let why = format!("the policy `{other}` chooses among tags; only the declared tag is followed so far ({})", policy.from);
                all.push((Verdict::Blocked, why));
            }
            _ => {}
        }
    }
    if snapshot.cluster == Seen::NotAsked {
        let hint = "where a cluster is named, pintle takes it over with what runs (`--kubeconfig`, `--in-cluster`)";
        all.extend(ignored(snapshot, literal).map(|why| (Verdict::Blocked, format!("{why}; {hint}"))));
    }
    all.extend(super::owner::other(snapshot, literal, site));
    all
}

/// What runs now, and a sentence for the commit.
fn runs(snapshot: &Snapshot, literal: &Literal, terms: &Terms, from: Option<&Digest>) -> (Seen<Option<Digest>>, Option<String>) {
    let runs = super::live::running(snapshot, literal, terms.channel.as_ref());
    let differs = runs.known().is_none_or(|runs| runs.is_some() || from.is_some());
    (runs, super::status::before(snapshot, literal, terms.channel.as_ref()).filter(|_| differs))
}

/// Why a commit would change nothing at a literal.
pub(super) fn ignored(snapshot: &Snapshot, literal: &Literal) -> Option<String> {
    let used = literal.uses.iter().find(|used| used.ignored == Some(true))?;
    Some(format!("terraform ignores this image (ignore_changes at {}): a commit would change nothing there", ignore_place(snapshot, used)))
}

/// Returns `file:line` of the first ignore line, or of the use where the text tells no more.
pub(super) fn ignore_place(snapshot: &Snapshot, used: &Use) -> String {
    let span = used.ignore_spans.first();
    let before = span.and_then(|span| snapshot.files.bytes(&used.file)?.get(..span.start));
    let line = before.map_or(used.line, |before| before.iter().filter(|byte| **byte == b'\n').count() + 1);
    format!("{}:{line}", used.file)
}

/// Why the digest may not be written: its registry did not serve it.
pub(super) fn unproved_at(snapshot: &Snapshot, channel: &Channel, digest: &Digest) -> Option<String> {
    let why = snapshot.unproved.get(&(channel.clone(), digest.clone()))?;
    Some(format!("the image could not be fetched by its digest {}: {why}", digest.short()))
}

/// A pin that nothing speaks against.
struct Pin {
    action: Action,
    cause: Cause,
    to: Digest,
    edits: Vec<Edit>,
    /// The channel as it will be declared, where that is another.
    image: Option<String>,
    /// A sentence for the commit message.
    note: String,
}

/// One site that nothing forbids to change.
struct Case<'a> {
    snapshot: &'a Snapshot,
    literal: &'a Literal,
    site: &'a Site,
    terms: &'a Terms,
    from: Option<&'a Digest>,
}

impl Case<'_> {
    fn ruling(&self) -> Ruling {
        let Some(channel) = &self.terms.channel else {
            let why = "the image has a digest and no tag: there is no channel to follow; `# pintle: channel=…` names one";
            return Ruling::new(Verdict::Blocked, why);
        };
        let image = &self.terms.image;
        match self.snapshot.upstream.get(channel) {
            Some(Seen::Known(Upstream::Digest(upstream))) => self.known(upstream),
            Some(Seen::Known(Upstream::Missing)) => Ruling::new(Verdict::Blocked, format!("the registry says that {image} does not exist")),
            Some(Seen::Unknown(why)) => self.not_known(&format!("upstream could not be asked for {image}: {why}")),
            Some(Seen::NotAsked) | None => self.not_known(&format!("upstream was not asked for {image}")),
        }
    }

    /// Finds the way for a pin; a digest that nobody serves is as good as unknown.
    fn routed(&self, verdict: Verdict, mut reasons: Vec<String>, pin: Pin, back: Option<String>) -> Ruling {
        let unproved = self.terms.channel.as_ref().and_then(|channel| unproved_at(self.snapshot, channel, &pin.to));
        if let Some(why) = unproved {
            return Ruling::new(Verdict::Unknown, why);
        }
        let way = match route::way(self.snapshot, route::mode(self.terms, pin.action), back) {
            Ok(way) => way,
            Err((verdict, why)) => return Ruling { way: None, ..Ruling::new(verdict, why) },
        };
        if let Way::Pull { why: Some(why), .. } = &way {
            reasons.push(format!("it goes as a pull request: {why}"));
        }
        let want = Want {
            action: pin.action,
            cause: pin.cause,
            edits: pin.edits,
            to: Some(pin.to),
            image: pin.image,
            way: way.clone(),
            notes: vec![pin.note],
            told: None,
        };
        Ruling { verdict, reasons, want: Some(want), way: Some(way) }
    }

    /// A pin that follows nothing needs nothing from upstream.
    fn not_known(&self, why: &str) -> Ruling {
        if self.from.is_some() && !self.terms.follows && !self.is_ignored() {
            let mut ruling = Ruling::new(Verdict::InSync, self.stays());
            ruling.reasons.push(why.into());
            return ruling;
        }
        Ruling::new(Verdict::Unknown, why)
    }

    fn stays(&self) -> String {
        format!("pinned; the tag is {} and is not followed without the policy `force`", self.terms.class.words())
    }

    fn known(&self, upstream: &Digest) -> Ruling {
        let image = &self.terms.image;
        match self.from {
            None => self.adopt(upstream),
            Some(_) if self.is_ignored() => self.adopt(upstream),
            Some(from) if from == upstream => Ruling::new(Verdict::InSync, format!("pinned at what {image} means upstream")),
            Some(_) if !self.terms.follows => {
                let mut ruling = Ruling::new(Verdict::InSync, self.stays());
                ruling.reasons.push(format!("upstream pushed the tag again: it is sha256:{} now", upstream.short()));
                ruling
            }
            Some(_) => self.movement(upstream),
        }
    }

    /// A pin under the declared tag.
    fn pin(&self, action: Action, cause: Cause, to: &Digest, note: String) -> Pin {
        let edits = vec![edit(self.literal, self.site, &self.terms.image, to)];
        Pin { action, cause, to: to.clone(), edits, image: None, note }
    }

    fn movement(&self, upstream: &Digest) -> Ruling {
        let image = &self.terms.image;
        let past = match &self.snapshot.history {
            Seen::Known(history) => Some(past(history, self.site, image)),
            Seen::NotAsked => None,
            Seen::Unknown(why) => return Ruling::new(Verdict::Waiting, format!("what was pinned before is not known: {why}")),
        };
        let back = match past.as_ref().map(|past| before(past, upstream, image)).transpose() {
            Ok(back) => back.flatten(),
            Err(why) => return Ruling::new(Verdict::Blocked, why),
        };
        match self.gates(upstream, past.as_deref().and_then(changed)) {
            Ok((reason, note)) => {
                let moved = format!("upstream moved {image} to sha256:{}", upstream.short());
                let pin = self.pin(Action::Move, Cause::TagMoved, upstream, note);
                let ruling = self.routed(Verdict::Move, vec![moved, reason], pin, back);
                match (&self.terms.unread, &ruling.want) {
                    (Some(why), Some(want)) if !want.way.is_pull() => {
                        Ruling::new(Verdict::Waiting, format!("whether its live policy is `never` is not known: {why}"))
                    }
                    _ => ruling,
                }
            }
            Err(why) => Ruling::new(Verdict::Waiting, why),
        }
    }

    /// Settle time and schedule. Returns a reason and a note when the pin may move, a reason to wait otherwise.
    fn gates(&self, upstream: &Digest, last: Option<Timestamp>) -> Result<(String, String), String> {
        let (image, settle, at) = (&self.terms.image, self.terms.settle.value, self.snapshot.at);
        let seen = match &self.snapshot.ledger {
            Seen::Known(_) => super::ledger::sighting(self.snapshot, self.terms.channel.as_ref(), upstream),
            Seen::NotAsked => {
                return Ok(("settle time and schedule are not judged: there is no ledger here".into(), format!("Upstream moved {image}.")));
            }
            Seen::Unknown(_) if settle.is_zero() && self.terms.schedule.is_none() => {
                return Ok(("there is nothing to wait for".into(), format!("Upstream moved {image}.")));
            }
            Seen::Unknown(why) => return Err(format!("when upstream moved is not known: {why}")),
        };
        let first = seen.unwrap_or_else(|| super::ledger::now(self.snapshot));
        if first.checked_add(settle).map_or(true, |quiet| quiet > at) {
            return Err(self.settles(seen));
        }
        if let Some(schedule) = &self.terms.schedule
            && let Due::NotBefore(next) = schedule.value.is_due(last.map_or(first, |last| last.max(first)), at)
        {
            let round = seen.map_or("has still to come round".into(), |_| format!("comes round {}", show_time(next)));
            return Err(format!("the schedule `{}` {round} ({})", schedule.value, schedule.from));
        }
        let (seen, settled) = match seen {
            Some(first) if settle.is_zero() => (format!("first seen {}", show_time(first)), String::new()),
            Some(first) => (format!("first seen {}", show_time(first)), format!(", quiet for {}", show(settle))),
            None => ("first seen in this pass".into(), String::new()),
        };
        // A pull request is compared with what the next pass would propose: its text is told as that pass will tell it.
        let told = match self.snapshot.forge {
            Seen::NotAsked => seen.clone(),
            _ => format!("first seen {}", show_time(first)),
        };
        Ok((format!("{seen}{settled}"), format!("Upstream moved {image}: {told}{settled}.")))
    }

    /// Until when the move waits. A first sight is told without its time, so that a plan says nothing of when it was made.
    fn settles(&self, seen: Option<Timestamp>) -> String {
        let (settle, from) = (self.terms.settle.value, &self.terms.settle.from);
        let until = seen.map(|first| first.checked_add(settle).map_or("for ever".into(), |quiet| format!("until {}", show_time(quiet))));
        match seen.zip(until) {
            Some((first, until)) => format!("upstream moved, first seen {}; it settles {until} ({from})", show_time(first)),
            None => format!("upstream moved, first seen in this pass; it settles for {} ({from})", show(settle)),
        }
    }
}
