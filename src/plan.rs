//! What to do about every site: a function of the snapshot alone. Pure and total: no I/O, no clock,
//! no failure.

mod adoption;
mod alert;
mod cache;
mod changes;
mod choice;
mod chosen;
mod commands;
mod delivery;
mod drift;
mod expired_holds;
mod first_seen;
mod health;
pub mod hold;
mod indexes;
mod live;
mod live_status;
mod message;
mod ownership;
mod pin;
mod pin_origin;
mod pin_state;
mod pull_requests;
mod resolve;
mod rollback;
mod rot;
mod rules;
mod site_history;
mod site_plan;
mod target;
mod trouble;

pub use live_status::{explain, report_status};

use crate::config::Config;
use crate::config::site_settings::Resolver;
use crate::config::unmatched::find_unmatched;
use crate::model::digest::Digest;
use crate::model::reference::Channel;
use crate::model::settings::Mode;
use crate::pipeline::answer::{Answer, Outcome};
use crate::pipeline::forge::Forge;
use crate::pipeline::{Plan, Seen, Snapshot, Unmatched};
use crate::sites::Scan;
use crate::terraform::files::RepoPath;
use jiff::Timestamp;
use site_plan::SitePlan;
use std::collections::{BTreeMap, BTreeSet};

/// Returns one decision a site, and the changes that follow. The same snapshot gives the same plan,
/// byte for byte.
///
/// [`Plan::ledger`] means something only where the snapshot's ledger is known, and once the changes
/// are written: it forgets the sightings of what they pin.
pub fn plan(snapshot: &Snapshot) -> Plan {
    // What is known of each site, once: settings, history, uses, what runs, what wrote the pin. All
    // steps see the same.
    let mut sites = resolve::resolve_sites(snapshot);
    // What forbids a change comes before any target: what is forbidden has none.
    rules::forbid(snapshot, &mut sites);
    // Which tag a policy chooses comes before what a tag means.
    let needs = choice::choose_tags(snapshot, &mut sites);
    // Where the channel says that a site should be.
    choose_targets(snapshot, &mut sites);
    // A person's word replaces that, and nothing else happens to the files that it is about.
    let mut commands = commands::decide_comments(snapshot, &sites);
    commands.set_targets(&mut sites);
    // What the cluster shows goes before what the channel says, and after what a person asks for.
    // A file that an earlier step edits is left alone by the later ones.
    let mut taken = commands.files.clone();
    let rollbacks = rollback::plan_rollbacks(snapshot, &mut sites, &mut taken);
    drift::report_pin_state(snapshot, &mut sites);
    // Holds end before anything is updated in their place.
    expired_holds::remove_expired_holds(snapshot, &mut sites, &taken);
    // First pins of what Terraform ignores need more than a pin; only now it is known which are
    // left.
    adoption::take_over_ignored(snapshot, &mut sites);
    // How a group is delivered decides which rules its members meet.
    rules::deliver_together(&mut sites);
    // Every target is there: the rules say what has to wait, some of them while the last change is
    // not finished. The limit of pull requests comes last, when it is known which are closed.
    let busy = rules::find_busy(snapshot, &sites);
    rules::delay(snapshot, rules::DELAYS, &mut sites, busy.as_ref());
    rules::delay(snapshot, rules::LIMITS, &mut sites, busy.as_ref());
    // What is left is written; beside it stands for whom its pull request waits.
    pull_requests::note_merge_waits(snapshot, &mut sites);
    let mut changes = changes::make_changes(snapshot, &sites);
    let mut pull_steps = pull_requests::find_steps(snapshot, &sites);
    pull_steps.extend(pull_requests::merge_next(
        snapshot,
        &sites,
        &mut changes,
        busy.is_some(),
    ));
    pull_steps.retain(|step| pull_requests::is_step_named(snapshot, step));
    // Last, since it matters most where nothing else happens.
    let rotten = rot::report_rotten(snapshot, &mut sites);
    let mut plan = Plan {
        tip: snapshot.tip.clone(),
        at: snapshot.at,
        ledger: first_seen::ledger_after(snapshot, &sites),
        changes,
        decisions: sites
            .iter()
            .filter(|one| snapshot.is_named(&one.site.id))
            .map(SitePlan::decision)
            .collect(),
        pull_steps,
        answers: Vec::new(),
        notices: rules::pipeline_notices(snapshot)
            .into_iter()
            .chain(rollbacks.notices)
            .chain(rotten)
            .filter(|one| one.site().is_none_or(|site| snapshot.is_named(site)))
            .collect(),
        unmatched: unmatched_entries(&snapshot.config, &snapshot.scan),
        again: commands.again || rollbacks.again,
        needs,
        next_look: next_look(snapshot, &sites),
        troubles: live_status::report_troubles(snapshot, &sites),
    };
    plan.answers = finish_answers(snapshot, &plan, &sites, commands.answers);
    plan
}

/// Chooses the target of every site that nothing forbids, and adds what is to be said beside every
/// verdict.
fn choose_targets(snapshot: &Snapshot, sites: &mut [SitePlan]) {
    for site in sites {
        if !site.is_forbidden() {
            target::choose_target(snapshot, site);
        }
        target::note_wanted(site);
        site.reasons.extend(target::kept_out_tags(site));
        site.reasons.extend(cache::cache_reason(snapshot, site));
        site.reasons.extend(live_status::running_reason(site));
        site.reasons.extend(target::schedule_warning(site));
    }
}

/// Adds to the answers what only the finished plan can say.
fn finish_answers(
    snapshot: &Snapshot,
    plan: &Plan,
    sites: &[SitePlan],
    answers: Vec<Answer>,
) -> Vec<Answer> {
    let Some(forge) = snapshot.forge.known() else {
        return answers;
    };
    let finish = |mut answer: Answer| {
        let ask = forge.asks.iter().find(|ask| ask.comment == answer.comment);
        for outcome in &mut answer.outcomes {
            if let (Outcome::Report(command), Some(ask)) = (&*outcome, ask) {
                *outcome = commands::report(snapshot, plan, sites, (forge, ask), command);
            }
        }
        answer
    };
    answers.into_iter().map(finish).collect()
}

/// When something is to be looked at again though nothing may have happened by then.
fn next_look(snapshot: &Snapshot, sites: &[SitePlan]) -> Option<Timestamp> {
    sites
        .iter()
        .flat_map(|site| {
            [
                health::next_look(snapshot, site),
                pin_state::settle_time(snapshot, site),
            ]
        })
        .flatten()
        .min()
}

/// Returns the entries of the configuration that match nothing in the repo.
pub fn unmatched_entries(config: &Config, scan: &Scan) -> Vec<Unmatched> {
    find_unmatched(config, scan)
        .into_iter()
        .map(|(entry, what)| Unmatched { entry, what })
        .collect()
}

/// Returns how many more changes may be committed now; `None` without a budget, and where the
/// history is not known.
pub fn budget_left(snapshot: &Snapshot) -> Option<usize> {
    rules::BudgetLeft::of(snapshot).map(|left| left.count())
}

/// Returns the channels that planning needs upstream's answer for: those of all sites, also the
/// ones a directive names, and the tags that comments ask for.
pub fn channels_to_ask(scan: &Scan, config: &Config, forge: &Seen<Forge>) -> BTreeSet<Channel> {
    let resolver = Resolver::new(scan, config, Mode::Commit);
    let mut channels: BTreeSet<Channel> = scan
        .sites()
        .filter_map(|(literal, site)| resolver.resolve(literal, site).channel)
        .collect();
    channels.extend(
        forge
            .known()
            .into_iter()
            .flat_map(|forge| commands::asked_channels(scan, forge)),
    );
    channels
}

/// Returns the indexes that have to be known to compare what pods show with what is pinned.
pub fn indexes_to_read(snapshot: &Snapshot) -> BTreeSet<(Channel, Digest)> {
    indexes::indexes_to_read(snapshot)
}

/// Returns the pins that are not what their channel means, each with what it means: their
/// registries are asked whether they still have them.
pub fn pins_to_check(snapshot: &Snapshot) -> BTreeMap<(Channel, Digest), Option<Digest>> {
    rot::pins_to_check(snapshot)
}

/// Returns the pins whose commits have to be looked up: those that the cluster left, those that it
/// got just now, and those that a comment wants to roll back.
pub fn pins_to_blame(snapshot: &Snapshot) -> BTreeSet<(RepoPath, Digest)> {
    pin_origin::pins_to_blame(snapshot)
        .into_iter()
        .chain(commands::pins_to_blame(snapshot))
        .collect()
}

#[cfg(test)]
mod tests;
