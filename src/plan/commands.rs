//! What people ask for in comments, decided: answers, and a target for each site that a command
//! changes. A comment is decided as a whole before anything of it is done. Asks the forge nothing:
//! who may do what is in the snapshot.

mod case;
mod decide;
mod named_sites;
mod report;
mod site_target;

pub(super) use report::report;

use super::delivery::usual_mode;
use super::pin_origin::find_pin_record_of;
use super::site_plan::SitePlan;
use crate::config::site_settings::Resolver;
use crate::model::ask::{Command, Goal, Right};
use crate::model::digest::Digest;
use crate::model::reference::Channel;
use crate::pipeline::answer::{Answer, Outcome};
use crate::pipeline::forge::{Forge, Said};
use crate::pipeline::{Action, Asked, CommitId, PinRecord, Reason, Seen, Snapshot};
use crate::sites::{Fate, Scan};
use crate::terraform::files::RepoPath;
use case::{CommentCase, SiteTarget};
use jiff::SignedDuration;
use std::collections::BTreeSet;

/// How far the clocks of pintle and the forge may be apart.
const SKEW: SignedDuration = SignedDuration::from_hours(1);

/// What the comments of one pass come to.
#[derive(Default)]
pub(super) struct CommandOutcome {
    pub answers: Vec<Answer>,
    /// What the commands make of sites: nothing else happens to these in this pass.
    targets: Vec<SiteTarget>,
    /// The files that the commands edit or are about.
    pub files: BTreeSet<RepoPath>,
    /// A comment waits for what this pass writes.
    pub again: bool,
}

/// Where a comment was carried out before.
enum CarriedOut {
    Commit(CommitId),
    Pull(u64),
}

/// Decides every comment that can be decided now, in their order.
pub(super) fn decide_comments(snapshot: &Snapshot, sites: &[SitePlan]) -> CommandOutcome {
    let mut all = CommandOutcome::default();
    let Some(forge) = snapshot.forge.known() else {
        return all;
    };
    for (order, ask) in forge.asks.iter().enumerate() {
        if let Seen::Unknown(_) = ask.right {
            continue;
        }
        let case = CommentCase {
            snapshot,
            forge,
            sites,
            ask,
            order,
        };
        let outcomes = match &ask.said {
            Said::Misread(misread) => vec![Outcome::Misread(misread.clone())],
            Said::Edited => vec![Outcome::Edited],
            Said::Late => vec![Outcome::Late],
            Said::Commands(commands) => match case.decide(commands, &mut all) {
                Some(outcomes) => outcomes,
                None => {
                    all.again = true;
                    continue;
                }
            },
        };
        all.answers.push(Answer {
            comment: ask.comment.clone(),
            author: ask.author.clone(),
            outcomes,
        });
    }
    all
}

/// The channels of the tags that comments ask for.
pub(super) fn asked_channels(scan: &Scan, forge: &Forge) -> BTreeSet<Channel> {
    let mut channels = BTreeSet::new();
    for ask in &forge.asks {
        let Said::Commands(commands) = &ask.said else {
            continue;
        };
        for command in commands {
            let Command::Pin {
                target,
                to: Some(Goal::Tag(tag)),
                ..
            } = command
            else {
                continue;
            };
            let Ok(literals) =
                named_sites::find_literals(scan, forge, ask, command.word(), target.as_ref())
            else {
                continue;
            };
            channels.extend(
                literals
                    .into_iter()
                    .filter_map(|literal| match &literal.fate {
                        Fate::Site(site) => Some(site.image.repository().channel(tag.clone())),
                        _ => None,
                    }),
            );
        }
    }
    channels
}

/// The pins that comments want to go back from and that pintle did not write: what stood before
/// them only git tells.
pub(super) fn pins_to_blame(snapshot: &Snapshot) -> BTreeSet<(RepoPath, Digest)> {
    let (Some(forge), Some(_)) = (snapshot.forge.known(), snapshot.history.known()) else {
        return BTreeSet::new();
    };
    let resolver = Resolver::new(&snapshot.scan, &snapshot.config, usual_mode(snapshot));
    let histories = super::site_history::SiteHistories::new(snapshot);
    let mut wanted = BTreeSet::new();
    for ask in forge.asks.iter().filter(|ask| {
        ask.right
            .known()
            .is_some_and(|right| *right >= Right::Write)
    }) {
        let Said::Commands(commands) = &ask.said else {
            continue;
        };
        for command in commands
            .iter()
            .filter(|command| matches!(command, Command::Rollback { .. }))
        {
            let literals = named_sites::find_literals(
                &snapshot.scan,
                forge,
                ask,
                command.word(),
                command.target(),
            )
            .unwrap_or_default();
            for (place, (literal, site)) in snapshot.scan.sites().enumerate() {
                let Some(digest) = site
                    .image
                    .digest
                    .clone()
                    .filter(|_| literals.iter().any(|one| std::ptr::eq(*one, literal)))
                else {
                    continue;
                };
                if find_pin_record_of(&histories, place, &resolver.resolve(literal, site), &digest)
                    .is_none()
                {
                    wanted.insert((literal.file.clone(), digest));
                }
            }
        }
    }
    wanted
}

impl CommentCase<'_, '_> {
    /// Decides the commands of a comment; `None` where they are about what an earlier comment of
    /// this pass changes.
    fn decide(&self, commands: &[Command], all: &mut CommandOutcome) -> Option<Vec<Outcome>> {
        if let Some(refused) = find_missing_right(commands, self.ask.right.known().copied()) {
            return Some(refused);
        }
        let before = self.find_carried_out();
        if !before.is_empty() {
            return Some(
                commands
                    .iter()
                    .map(|command| carried_out_before(command, &before))
                    .collect(),
            );
        }
        let about = self.files(commands);
        if !about.is_disjoint(&all.files) {
            return None;
        }
        let (outcomes, targets) = decide::decide_commands(self, commands);
        if !targets.is_empty() {
            let edited = targets
                .iter()
                .flat_map(|one| &one.target.edits)
                .map(|edit| edit.file.clone());
            let files: BTreeSet<RepoPath> = edited.chain(about).collect();
            if !files.is_disjoint(&all.files) {
                return None;
            }
            all.files.extend(files);
            all.targets.extend(targets);
        }
        Some(outcomes)
    }

    /// The files of the sites that the comment would change.
    fn files(&self, commands: &[Command]) -> BTreeSet<RepoPath> {
        let writes = commands
            .iter()
            .filter(|command| command.needs() == Right::Write);
        let sites = writes
            .filter_map(|command| self.find_sites(command).ok())
            .flatten();
        sites
            .map(|place| self.sites[place].literal.file.clone())
            .collect()
    }

    /// What was carried out for this comment before: where, and the pin. A forge that the repo has
    /// moved to counts its comments anew: what was written before the comment is not of it.
    fn find_carried_out(&self) -> Vec<(CarriedOut, &PinRecord)> {
        let since = self
            .ask
            .comment
            .at
            .checked_sub(SKEW)
            .unwrap_or(self.ask.comment.at);
        let own = |pin: &&PinRecord| {
            pin.asked
                .as_ref()
                .is_some_and(|asked| comment_id(asked) == Some(self.ask.comment.id))
        };
        let history = self
            .snapshot
            .history
            .known()
            .into_iter()
            .flat_map(|history| history.iter());
        let history = history.filter(|record| record.at >= since && own(&&record.pin));
        let pulls = self
            .forge
            .pulls
            .iter()
            .filter(|pull| pull.created >= since)
            .flat_map(|pull| {
                pull.pins
                    .iter()
                    .map(|pin| (CarriedOut::Pull(pull.number), pin))
            });
        let committed: Vec<_> = history
            .map(|record| (CarriedOut::Commit(record.commit.clone()), &record.pin))
            .collect();
        if committed.is_empty() {
            pulls.filter(|(_, pin)| own(pin)).collect()
        } else {
            committed
        }
    }
}

/// `https://forge.example.org/ops/infra/issues/3#issuecomment-12` → 12
fn comment_id(asked: &Asked) -> Option<u64> {
    asked.comment.rsplit_once("#issuecomment-")?.1.parse().ok()
}

/// Nothing of a comment is done when its author may not do all of it. Who can comment can read,
/// also where rights are not known.
fn find_missing_right(commands: &[Command], has: Option<Right>) -> Option<Vec<Outcome>> {
    let least = has.unwrap_or(Right::Read);
    let lacking = commands.iter().find(|command| command.needs() > least)?;
    let why = format!(
        "`{}` needs a right that its author does not have",
        lacking.word()
    );
    let outcomes =
        commands.iter().map(
            |command| match (command.needs() > least, command.word(), has) {
                (true, command, None) => Outcome::MayNotAsk { command },
                (true, word, Some(has)) => Outcome::MayNot {
                    command: word,
                    needs: command.needs(),
                    has,
                },
                (false, command, _) => Outcome::Refused {
                    command,
                    why: why.clone(),
                    hint: None,
                },
            },
        );
    Some(outcomes.collect())
}

fn carried_out_before(command: &Command, before: &[(CarriedOut, &PinRecord)]) -> Outcome {
    let action = match command {
        Command::Pin { .. } => Action::Pin,
        Command::Unpin { .. } => Action::Unpin,
        Command::Rollback { .. } => Action::Rollback,
        Command::Hold { .. } => Action::Hold,
        Command::Resume { .. } => Action::Resume,
        other => return Outcome::Report(other.clone()),
    };
    let own: Vec<_> = before
        .iter()
        .filter(|(_, pin)| pin.action == action)
        .collect();
    let command = command.word();
    let sites = own.iter().map(|(_, pin)| pin.site.clone()).collect();
    match own.first() {
        Some((CarriedOut::Commit(commit), _)) => Outcome::WrittenBefore {
            command,
            commit: commit.clone(),
            sites,
        },
        Some((CarriedOut::Pull(pull), _)) => Outcome::ProposedBefore {
            command,
            pull: *pull,
            sites,
        },
        None => Outcome::Nothing {
            command,
            why: "there was nothing to do when the comment was carried out".into(),
        },
    }
}

impl CommandOutcome {
    /// Gives the sites what the comments want of them. What is planned in the same files otherwise
    /// waits.
    pub fn set_targets(&mut self, sites: &mut [SitePlan]) {
        let places: BTreeSet<usize> = self.targets.iter().map(|one| one.place).collect();
        for (place, site) in sites.iter_mut().enumerate() {
            let edits_same_file = site.target.as_ref().is_some_and(|target| {
                target
                    .edits
                    .iter()
                    .any(|edit| self.files.contains(&edit.file))
            });
            if edits_same_file && !places.contains(&place) {
                site.refuse(Reason::CommentFirst);
                self.again = true;
            }
        }
        for SiteTarget {
            place,
            verdict,
            reason,
            target,
        } in self.targets.drain(..)
        {
            let site = &mut sites[place];
            let delivery = site.delivery.take();
            let wanted = target.to.clone();
            site.set_target(verdict, target);
            // What the channel would do is remembered for the ledger only.
            site.delivery = delivery;
            site.wanted = wanted;
            site.reasons.insert(0, reason);
        }
    }
}
