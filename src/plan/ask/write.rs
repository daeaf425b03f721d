//! The commands that change something: all of a comment's, decided before any of them is done.

use super::deed::{Deed, Deeds};
use super::{Desk, Reply};
use crate::model::ask::{Command, Right};
use crate::model::digest::Digest;
use crate::model::reference::Channel;
use crate::pipeline::answer::{Done, Outcome};
use crate::pipeline::{Action, Asked, Cause, Change, PinRecord, Proposal, Route, Row, Seen, Verdict};
use crate::plan::change::sorted;
use crate::plan::message::{listed, short_name, shorter, wrap};
use crate::plan::pulls::open;
use crate::plan::route::{Way, direct};
use crate::sites::SiteKey;
use std::collections::{BTreeMap, BTreeSet};

/// What a comment changes.
pub(super) struct Work {
    pub change: Change,
    pub touched: BTreeMap<SiteKey, (Verdict, String, Option<Digest>)>,
}

/// What one command comes to.
enum Decided {
    Deeds(Vec<Deed>),
    Told(Outcome),
    /// It could not be done, so nothing of the comment is.
    Failed(Outcome),
    Later,
}

/// Decides the commands of one comment.
pub(super) fn decide(desk: &Desk, commands: &[Command]) -> (Vec<Reply>, Option<Work>) {
    let mut deeds = Deeds::new(desk);
    let decided: Vec<Decided> = commands.iter().map(|command| one(desk, &mut deeds, command)).collect();
    let failed = decided.iter().zip(commands).find(|(decided, _)| matches!(decided, Decided::Failed(_)));
    if let Some((_, failed)) = failed {
        let why = format!("`{}` could not be done", failed.word());
        let told = |(decided, command): (Decided, &Command)| match decided {
            Decided::Failed(outcome) => Reply::Told(outcome),
            Decided::Later => Reply::Later(command.clone()),
            Decided::Deeds(_) | Decided::Told(_) => Reply::Told(Outcome::Refused { command: command.word(), why: why.clone(), hint: None }),
        };
        return (decided.into_iter().zip(commands).map(told).collect(), None);
    }
    let hold_edits = deeds.edits();
    let name = desk.name();
    let mut all = Vec::new();
    let mut replies = Vec::new();
    for (decided, command) in decided.into_iter().zip(commands) {
        replies.push(match decided {
            Decided::Deeds(own) => {
                let done = own.iter().map(done).collect();
                all.extend(own);
                Reply::Told(Outcome::Written { command: command.word(), change: name.as_str().into(), done })
            }
            Decided::Told(outcome) | Decided::Failed(outcome) => Reply::Told(outcome),
            Decided::Later => Reply::Later(command.clone()),
        });
    }
    let work = (!all.is_empty()).then(|| work(desk, all, hold_edits));
    (replies, work)
}

fn one(desk: &Desk, deeds: &mut Deeds, command: &Command) -> Decided {
    if command.needs() != Right::Write {
        return Decided::Later;
    }
    let word = command.word();
    let sites = match desk.sites(command) {
        Ok(sites) => sites,
        Err(outcome) => return Decided::Failed(outcome),
    };
    let count = sites.len();
    match deeds.all(command, &sites) {
        Err((why, hint)) => Decided::Failed(Outcome::Refused { command: word, why, hint }),
        Ok((new, nothing)) if new.is_empty() => {
            let more = if count > 1 { format!(" (and {} more)", count - 1) } else { String::new() };
            let why = format!("{}{more}", nothing.first().map_or("", String::as_str));
            Decided::Told(Outcome::Nothing { command: word, why })
        }
        Ok((new, _)) => Decided::Deeds(new),
    }
}

fn done(deed: &Deed) -> Done {
    let digest = deed.to.as_ref().map_or(String::new(), |to| format!("@{to}"));
    Done { site: deed.site.clone(), action: deed.action, image: format!("{}{digest}", deed.image), until: deed.until }
}

fn work(desk: &Desk, deeds: Vec<Deed>, hold_edits: Vec<crate::terraform::edit::Edit>) -> Work {
    let asked = Asked { by: format!("{} ({})", desk.ask.author.login, desk.ask.author.id), comment: desk.ask.comment.url.to_string() };
    let pin = |deed: &Deed| PinRecord {
        action: deed.action,
        site: deed.site.to_string(),
        image: deed.image.clone(),
        from: deed.from.clone(),
        to: deed.to.clone(),
        cause: Cause::Command,
        evidence: None,
        asked: Some(asked.clone()),
    };
    let prove: BTreeSet<(Channel, Digest)> = deeds.iter().filter_map(|deed| deed.prove.clone()).collect();
    let edits = deeds.iter().flat_map(|deed| deed.edits.iter().cloned()).chain(hold_edits).collect();
    let change = Change {
        name: desk.name().as_str().into(),
        route: route(desk, &deeds),
        message: message(desk, &deeds),
        pins: deeds.iter().map(pin).collect(),
        edits: sorted(edits),
        prove: prove.into_iter().collect(),
    };
    let touched = deeds.into_iter().map(|deed| (deed.site, (deed.verdict, deed.reason, deed.to))).collect();
    Work { change, touched }
}

/// What a person asks for is committed; where the branch is protected it is proposed, and urgent.
fn route(desk: &Desk, deeds: &[Deed]) -> Route {
    let why = match direct(desk.snapshot) {
        Way::Commit => return Route::Commit,
        Way::Pull { why, .. } => why,
    };
    let runs = |deed: &Deed| {
        let site = desk.judged.iter().find(|site| site.decision.site == deed.site);
        site.map_or(Seen::NotAsked, |site| site.decision.runs.clone())
    };
    let row = |deed: &Deed| Row {
        site: deed.site.clone(),
        image: deed.image.clone(),
        from: deed.from.clone(),
        to: deed.to.clone(),
        first_seen: None,
        cache: None,
        running: runs(deed),
        reasons: vec![deed.reason.clone()],
        notes: None,
    };
    Route::PullRequest(Box::new(Proposal {
        number: open(desk.forge, &desk.name()).map(|pull| pull.number),
        why,
        urgent: true,
        rows: deeds.iter().map(row).collect(),
        merges: None,
    }))
}

fn asked_for(action: Action, all: &str, to: &str) -> String {
    match action {
        Action::Pin => format!("pin {all}{to}"),
        Action::Rollback => format!("roll {all} back{to}"),
        Action::Hold => format!("hold {all}"),
        Action::Unpin | Action::Resume | Action::Lift => format!("lift the hold of {all}"),
        Action::Adopt | Action::Move => format!("change {all}"),
    }
}

/// `immich: hold server and ml`, and who asked for it where.
fn message(desk: &Desk, deeds: &[Deed]) -> String {
    let site = |deed: &Deed| desk.judged.iter().find(|site| site.decision.site == deed.site);
    let stacks: BTreeSet<&str> = deeds.iter().filter_map(site).map(|site| &*site.site.stack).collect();
    let stack = stacks.first().filter(|_| stacks.len() == 1).copied().unwrap_or("several stacks");
    let names: BTreeSet<String> = deeds.iter().filter_map(site).map(|site| short_name(stack, site)).collect();
    let many = format!("{} images", deeds.len());
    let all = if names.len() == deeds.len() && names.len() <= 3 { listed(&names.into_iter().collect::<Vec<_>>()) } else { many };
    let actions: BTreeSet<_> = deeds.iter().map(|deed| deed.action).collect();
    let digests: BTreeSet<_> = deeds.iter().filter_map(|deed| deed.to.as_ref()).collect();
    let to = digests.first().filter(|_| digests.len() == 1).map_or(String::new(), |to| format!(" to {}", shorter(to)));
    let what = match actions.first().filter(|_| actions.len() == 1) {
        Some(action) => asked_for(*action, &all, &to),
        None => format!("change {all}"),
    };
    let fits = |subject: &String| subject.chars().count() <= 72;
    let short = |text: &str| format!("{stack}: {text}");
    let tries = [short(&what), short(what.strip_suffix(to.as_str()).unwrap_or(&what)), short(&format!("change {} images", deeds.len()))];
    let subject = tries.into_iter().find(fits).unwrap_or_else(|| "do what a comment asks for".into());
    let by = desk.ask.author.login.chars().filter(|c| c.is_ascii_graphic()).collect::<String>();
    let notes: BTreeSet<&str> = deeds.iter().filter_map(|deed| deed.note.as_deref()).collect();
    let notes: String = notes.into_iter().map(|note| format!("\n\n{}", wrap(note, ""))).collect();
    format!("{subject}\n\nAsked for by {by}:\n{}{notes}", desk.ask.comment.url)
}
