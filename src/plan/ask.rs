//! What people ask for in comments, decided: answers, and one change for each comment that changes something. A comment is decided as a whole
//! before anything of it is done. Asks the forge nothing: who may do what is in the snapshot.

mod deed;
mod read;
mod target;
mod write;

use super::judged::{COMMENT, Judged};
use super::past::{past, pinned};
use super::select::Select;
use crate::model::ask::{Back, Command, Goal, Right};
use crate::model::digest::Digest;
use crate::model::reference::Channel;
use crate::pipeline::answer::{Answer, Outcome};
use crate::pipeline::forge::{Ask, Forge, Said};
use crate::pipeline::{Action, Asked, Change, CommitId, PinRecord, Plan, Seen, Snapshot, Verdict};
use crate::sites::{Fate, Scan, SiteKey};
use crate::terraform::files::RepoPath;
use jiff::SignedDuration;
use std::collections::{BTreeMap, BTreeSet};

/// How far the clocks of pintle and the forge may be apart.
const SKEW: SignedDuration = SignedDuration::from_hours(1);

/// What the comments of one pass come to.
#[derive(Default)]
pub(super) struct Settled<'a> {
    answers: Vec<(&'a Ask, Vec<Reply>)>,
    pub changes: Vec<Change>,
    /// What the changes do to sites: nothing else happens to these in this pass.
    touched: BTreeMap<SiteKey, (Verdict, String, Option<Digest>)>,
    /// The files that the changes edit or are about.
    pub files: BTreeSet<RepoPath>,
    /// A comment waits for what this pass writes.
    pub again: bool,
}

/// An outcome, or what needs the finished plan to be told.
enum Reply {
    Told(Outcome),
    Later(Command),
}

/// Where a comment was carried out before.
enum Place {
    Commit(CommitId),
    Pull(u64),
}

/// What is looked at to decide one comment.
struct Desk<'a, 'b> {
    snapshot: &'a Snapshot,
    forge: &'a Forge,
    judged: &'b [Judged<'a>],
    ask: &'a Ask,
}

/// Decides every comment that can be decided now, in their order.
pub(super) fn settle<'a>(snapshot: &'a Snapshot, judged: &[Judged<'a>]) -> Settled<'a> {
    let mut settled = Settled::default();
    let Some(forge) = snapshot.forge.known() else { return settled };
    for ask in &forge.asks {
        if let Seen::Unknown(_) = ask.right {
            continue;
        }
        let desk = Desk { snapshot, forge, judged, ask };
        let replies = match &ask.said {
            Said::Misread(misread) => vec![Reply::Told(Outcome::Misread(misread.clone()))],
            Said::Edited => vec![Reply::Told(Outcome::Edited)],
            Said::Late => vec![Reply::Told(Outcome::Late)],
            Said::Commands(commands) => match desk.commands(commands, &mut settled) {
                Some(replies) => replies,
                None => {
                    settled.again = true;
                    continue;
                }
            },
        };
        settled.answers.push((ask, replies));
    }
    settled
}

/// The channels of the tags that comments ask for.
pub(super) fn tags(scan: &Scan, forge: &Forge) -> BTreeSet<Channel> {
    let mut channels = BTreeSet::new();
    for ask in &forge.asks {
        let Said::Commands(commands) = &ask.said else { continue };
        for command in commands {
            let Command::Pin { target, to: Some(Goal::Tag(tag)), .. } = command else { continue };
            let Ok(literals) = target::literals(scan, forge, ask, command.word(), target.as_ref()) else { continue };
            channels.extend(literals.into_iter().filter_map(|literal| match &literal.fate {
                Fate::Site(site) => {
                    let (registry, repository) = site.image.repository();
                    Some(Channel { registry, repository, tag: tag.clone() })
                }
                _ => None,
            }));
        }
    }
    channels
}

/// The pins that comments want to go back from and that pintle did not write: what stood before them only git tells.
pub(super) fn undated(snapshot: &Snapshot) -> BTreeSet<(RepoPath, Digest)> {
    let (Some(forge), Some(history)) = (snapshot.forge.known(), snapshot.history.known()) else { return BTreeSet::new() };
    let select = Select::new(&snapshot.scan, &snapshot.config, super::usual(snapshot));
    let mut wanted = BTreeSet::new();
    for ask in &forge.asks {
        let Said::Commands(commands) = &ask.said else { continue };
        for command in commands.iter().filter(|command| matches!(command, Command::Rollback { to: None | Some(Back::Pins(_)), .. })) {
            let literals = target::literals(&snapshot.scan, forge, ask, command.word(), command.target()).unwrap_or_default();
            wanted.extend(literals.into_iter().filter_map(|literal| {
                let Fate::Site(site) = &literal.fate else { return None };
                let digest = site.image.digest.clone()?;
                let own = pinned(&past(history, site, &select.terms(literal, site).image), &digest).is_some();
                (!own).then(|| (literal.file.clone(), digest))
            }));
        }
    }
    wanted
}

impl Desk<'_, '_> {
    /// Decides the commands of a comment; `None` where they are about what an earlier comment of this pass changes.
    fn commands(&self, commands: &[Command], settled: &mut Settled) -> Option<Vec<Reply>> {
        if let Some(refused) = may_not(commands, self.ask.right.known().copied()) {
            return Some(refused);
        }
        let before = self.before();
        if !before.is_empty() {
            return Some(commands.iter().map(|command| written_before(command, &before)).collect());
        }
        let about = self.files(commands);
        if !about.is_disjoint(&settled.files) {
            return None;
        }
        let (outcomes, work) = write::decide(self, commands);
        if let Some(work) = work {
            let files: BTreeSet<RepoPath> = work.change.edits.iter().map(|edit| edit.file.clone()).chain(about).collect();
            if !files.is_disjoint(&settled.files) {
                return None;
            }
            settled.files.extend(files);
            settled.touched.extend(work.touched);
            settled.changes.push(work.change);
        }
        Some(outcomes)
    }

    /// The files of the sites that the comment would change.
    fn files(&self, commands: &[Command]) -> BTreeSet<RepoPath> {
        let writes = commands.iter().filter(|command| command.needs() == Right::Write);
        let sites = writes.filter_map(|command| self.sites(command).ok()).flatten();
        sites.map(|index| self.judged[index].literal.file.clone()).collect()
    }

    /// What was carried out for this comment before: where, and the pin. A forge that the repo has moved to counts its comments anew: what was written
    /// before the comment is not of it.
    fn before(&self) -> Vec<(Place, &PinRecord)> {
        let since = self.ask.comment.at.checked_sub(SKEW).unwrap_or(self.ask.comment.at);
        let own = |pin: &&PinRecord| pin.asked.as_ref().is_some_and(|asked| comment_id(asked) == Some(self.ask.comment.id));
        let history = self.snapshot.history.known().into_iter().flat_map(|history| history.iter());
        let history = history.filter(|record| record.at >= since && own(&&record.pin));
        let pulls = self
            .forge
            .pulls
            .iter()
            .filter(|pull| pull.created >= since)
            .flat_map(|pull| pull.pins.iter().map(|pin| (Place::Pull(pull.number), pin)));
        let committed: Vec<_> = history.map(|record| (Place::Commit(record.commit.clone()), &record.pin)).collect();
        if committed.is_empty() { pulls.filter(|(_, pin)| own(pin)).collect() } else { committed }
    }

    fn name(&self) -> String {
        format!("{COMMENT}{}", self.ask.comment.id)
    }
}

/// `https://forge.example.org/ops/infra/issues/3#issuecomment-12` → 12
fn comment_id(asked: &Asked) -> Option<u64> {
    asked.comment.rsplit_once("#issuecomment-")?.1.parse().ok()
}

/// Nothing of a comment is done when its author may not do all of it. Who can comment can read, also where nobody tells rights.
fn may_not(commands: &[Command], has: Option<Right>) -> Option<Vec<Reply>> {
    let least = has.unwrap_or(Right::Read);
    let lacking = commands.iter().find(|command| command.needs() > least)?;
    let why = format!("`{}` needs a right that its author has not", lacking.word());
    let told = commands.iter().map(|command| match (command.needs() > least, command.word(), has) {
        (true, command, None) => Outcome::MayNotAsk { command },
        (true, word, Some(has)) => Outcome::MayNot { command: word, needs: command.needs(), has },
        (false, command, _) => Outcome::Refused { command, why: why.clone(), hint: None },
    });
    Some(told.map(Reply::Told).collect())
}

fn written_before(command: &Command, before: &[(Place, &PinRecord)]) -> Reply {
    let action = match command {
        Command::Pin { .. } => Action::Pin,
        Command::Unpin { .. } => Action::Unpin,
        Command::Rollback { .. } => Action::Rollback,
        Command::Hold { .. } => Action::Hold,
        Command::Resume { .. } => Action::Resume,
        other => return Reply::Later(other.clone()),
    };
    let own: Vec<_> = before.iter().filter(|(_, pin)| pin.action == action).collect();
    let command = command.word();
    let sites = own.iter().map(|(_, pin)| pin.site.clone()).collect();
    Reply::Told(match own.first() {
        Some((Place::Commit(commit), _)) => Outcome::WrittenBefore { command, commit: commit.clone(), sites },
        Some((Place::Pull(pull), _)) => Outcome::ProposedBefore { command, pull: *pull, sites },
        None => Outcome::Nothing { command, why: "there was nothing to do when the comment was carried out".into() },
    })
}

impl Settled<'_> {
    /// Takes what the comments change out of the hands of the rest of the plan.
    pub fn claim(&mut self, judged: &mut [Judged]) {
        for site in judged {
            if let Some((verdict, reason, to)) = self.touched.get(&site.decision.site) {
                site.hold_back(*verdict, reason.clone());
                site.decision.to = to.clone();
            } else if site.want.as_ref().is_some_and(|want| want.edits.iter().any(|edit| self.files.contains(&edit.file))) {
                site.hold_back(Verdict::Waiting, "a comment asks for another change of the same file: this goes on after it".into());
                self.again = true;
            }
        }
    }

    /// Says whether a comment changes the site in this pass.
    pub fn touches(&self, site: &SiteKey) -> bool {
        self.touched.contains_key(site)
    }

    /// Returns the answers, with what only the finished plan can tell.
    pub fn answers(self, snapshot: &Snapshot, judged: &[Judged], plan: &Plan) -> Vec<Answer> {
        let Some(forge) = snapshot.forge.known() else { return Vec::new() };
        let answers = self.answers.into_iter().map(|(ask, replies)| {
            let desk = Desk { snapshot, forge, judged, ask };
            let outcomes = replies.into_iter().map(|reply| match reply {
                Reply::Told(outcome) => outcome,
                Reply::Later(command) => read::tell(&desk, plan, &command),
            });
            Answer { comment: ask.comment.clone(), author: ask.author.clone(), outcomes: outcomes.collect() }
        });
        answers.collect()
    }
}
