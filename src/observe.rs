//! The first step of the pass: reads the repo, the registries, the caches, the cluster, the alerts
//! and the forge into one Snapshot. Never writes.

mod alerts;
mod answers;
pub mod branches;
pub mod blame;
pub mod cache;
pub mod checkout;
mod checks;
pub mod children;
pub mod cluster;
mod forge;
mod forge_memory;
pub mod history;
pub mod merged;
pub mod needs;
pub mod notes;
pub mod pins;
pub mod registry;
mod registries;
mod rotten_issues;
mod reviews;
mod session;
mod settings;
pub mod tags;
mod tip_cache;

pub use alerts::alerts;
pub use checks::{PipelineEnd, wait_for_pipeline};
pub use cluster::cluster;
pub use forge::{forge, merged_history};
pub use registries::{Registries, RegistrySettings};
pub use rotten_issues::rotten_issues;
pub use session::{FollowedBranch, Session};
pub use settings::{
    COMMITS, ClusterAccess, ForgeAccess, GithubAccess, RepoOrigin, SessionSettings,
};
pub use tip_cache::{TipCache, TipContents};

use crate::config::{self, Config};
use crate::error::{Error, Result};
use crate::model::digest::Digest;
use crate::model::reference::Channel;
use crate::pipeline::forge::{Branch, Forge, PullRequest, PullState, branch_name};
use crate::pipeline::history::History;
use crate::pipeline::{
    Action, Change, CommitId, Delivery, Ledger, PinRecord, Plan, Seen, Snapshot,
};
use crate::remote::git::{Access, Clone};
use crate::sites::targets::Targets;
use crate::sites::{self, Fate, Problem, Scan, SiteId};
use crate::terraform::files::{Entry, Files, RepoPath};
use registry::{PollAnswers, Polled};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError};

/// Why a registry has not answered where an undo or a failing pod goes first.
const CUT_SHORT: &str = "an urgent change in the cluster came before the registry answered";

/// The repo at one commit, with its configuration, its sites and what pintle recorded in it.
pub struct Checkout {
    pub tip: Option<CommitId>,
    pub files: Arc<Files>,
    pub scan: Arc<Scan>,
    pub config: Arc<Config>,
    pub history: Seen<History>,
    pub ledger: Seen<Ledger>,
    /// The branches `pintle/…` of the remote; a folder has none.
    pub branches: Vec<Branch>,
    /// The bare clone that commits are written to. A folder has none.
    pub clone: Option<Clone>,
    /// The sites that the pass may change; `None` for all.
    pub only: Option<BTreeSet<SiteId>>,
}

impl Checkout {
    /// Lets the pass change what the targets name, and nothing else.
    ///
    /// # Errors
    /// A name that nothing in the repo has.
    pub fn restrict_to(mut self, targets: &Targets) -> Result<Self> {
        if !targets.is_everything() {
            let literals = targets.find_literals(&self.scan)?;
            let sites = literals.into_iter().filter_map(|one| match &one.fate {
                Fate::Site(site) => Some(site.id.clone()),
                _ => None,
            });
            self.only = Some(sites.collect());
        }
        Ok(self)
    }
}

/// Reports the progress of a long read: what is read, how many are done, how many there are.
pub type Progress<'a> = &'a (dyn Fn(&str, usize, usize) + Send + Sync);

/// Reads the repo: files, configuration, sites, history, ledger and branches. A commit in the cache
/// is not read again. Blocks on git and the disk.
pub fn checkout(setup: &SessionSettings, kept: &TipCache) -> Result<Checkout> {
    match &setup.origin {
        RepoOrigin::Folder(path) => {
            let folder = checkout::read_folder(path)?;
            let (config, mut scan) = read_config_and_sites(setup, &folder.files)?;
            scan.problems
                .extend(folder.problems.into_iter().map(|(file, what)| Problem {
                    file,
                    line: None,
                    what,
                }));
            scan.problems.sort();
            let (files, scan) = (Arc::new(folder.files), Arc::new(scan));
            let history = match history::read_folder_history(path, setup.commits) {
                None => Seen::NotAsked,
                Some(Ok(past)) => Seen::Known(past),
                Some(Err(error)) => Seen::Unknown(error.to_string()),
            };
            Ok(Checkout {
                tip: folder.head,
                files,
                scan,
                config,
                history,
                ledger: Seen::NotAsked,
                branches: Vec::new(),
                clone: None,
                only: None,
            })
        }
        RepoOrigin::Remote {
            remote,
            cache,
            access,
        } => {
            let open = |branch: Option<&str>| {
                let branch = branch.map(str::to_owned).or_else(|| access.branch.clone());
                let access = Access {
                    branch,
                    whole: kept.commits(),
                    ..(**access).clone()
                };
                at_tip(setup, kept, Clone::open_or_fetch(remote, cache, &access)?)
            };
            let found = open(None)?;
            let own = found
                .config
                .git
                .branch
                .clone()
                .filter(|_| access.branch.is_none());
            match (own, &found.clone) {
                (Some(branch), Some(clone)) if *branch != *clone.branch() => {
                    drop(found);
                    open(Some(&branch))
                }
                _ => Ok(found),
            }
        }
    }
}

/// Reads the tip of the followed branch as of the last fetch.
pub fn at_tip(setup: &SessionSettings, kept: &TipCache, clone: Clone) -> Result<Checkout> {
    let tip = clone.tip();
    let TipContents {
        files,
        scan,
        config,
        history,
    } = kept.get_or_read(&tip, || {
        let files = checkout::read_commit(&clone, &tip)?;
        let (config, scan) = read_config_and_sites(setup, &files)?;
        let history = history::read_history(&clone, &tip, setup.commits)?;
        Ok(TipContents {
            files: Arc::new(files),
            scan: Arc::new(scan),
            config,
            history,
        })
    })?;
    let ledger = match history::read_ledger(&clone) {
        Ok(ledger) => Seen::Known(ledger),
        Err(error) => Seen::Unknown(error.to_string()),
    };
    let branches = branches::read_branches(&clone, &tip, &config.git)?;
    Ok(Checkout {
        tip: Some(tip),
        files,
        scan,
        config,
        history: Seen::Known(history),
        ledger,
        branches,
        clone: Some(clone),
        only: None,
    })
}

fn read_config_and_sites(setup: &SessionSettings, files: &Files) -> Result<(Arc<Config>, Scan)> {
    let config = match &setup.config {
        Some((name, text)) => Config::parse(text, name)?,
        None => read_own_config(files)?,
    };
    let scan = sites::scan(files, &config.scan_settings(files));
    Ok((Arc::new(config), scan))
}

fn read_own_config(files: &Files) -> Result<Config> {
    let Some(entry) = RepoPath::new(config::FILE).and_then(|path| files.get(&path)) else {
        return Ok(Config::default());
    };
    let unreadable =
        |why: &str| Error::usage(format!("cannot read {} of the repo", config::FILE)).cause(why);
    match entry {
        Entry::Link(_) => Err(unreadable("it is a symbolic link")),
        Entry::NotRead(why) => Err(unreadable(why)),
        Entry::Text(bytes) => Config::parse(
            std::str::from_utf8(bytes).map_err(|e| unreadable(&e.to_string()))?,
            config::FILE,
        ),
    }
}

/// Asks registries and caches which digest each channel has now, and returns the snapshot.
pub async fn observe(
    session: &Session,
    checkout: &Checkout,
    channels: BTreeSet<Channel>,
    registries: &Registries,
    progress: Progress<'_>,
) -> Snapshot {
    let known = session.answers();
    let (asked, new): (BTreeSet<_>, BTreeSet<_>) = channels
        .into_iter()
        .partition(|channel| known.upstream.contains_key(channel));
    let ordered = known.order_channels(new.clone());
    let answered = PollAnswers::default();
    let note = |p: Polled| progress("registries", p.done, p.of);
    let poll = registry::poll_into(&answered, &registries.upstream, ordered, &note);
    session.unless_urgent_change(poll).await;
    let mut upstream = answered
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner);
    let answered: BTreeSet<Channel> = upstream.keys().cloned().collect();
    let note = |p: Polled| progress("caches", p.done, p.of);
    let poll = cache::poll_caches(&registries.caches, &upstream, &answered, &note);
    let polled = session.unless_urgent_change(poll).await;
    let mut cache = polled.unwrap_or_default();
    session.remember(|answers| {
        answers.add_upstream(&upstream);
        answers.cache.extend(cache.clone());
    });
    // What could not be waited for is what it was; the next pass asks for it.
    for channel in new.difference(&answered) {
        let (seen, served) = known
            .stale
            .get(channel)
            .cloned()
            .unwrap_or_else(|| (Seen::Unknown(CUT_SHORT.to_owned()), None));
        upstream.insert(channel.clone(), seen);
        cache.extend(served.map(|served| (channel.clone(), served)));
    }
    upstream.extend(
        asked
            .iter()
            .filter_map(|channel| Some((channel.clone(), known.upstream.get(channel)?.clone()))),
    );
    cache.extend(
        asked
            .iter()
            .filter_map(|channel| Some((channel.clone(), known.cache.get(channel)?.clone()))),
    );
    Snapshot {
        upstream,
        cache,
        ..offline(&session.setup, checkout)
    }
}

/// Returns the snapshot of a pass that asks no registry.
pub fn offline(setup: &SessionSettings, checkout: &Checkout) -> Snapshot {
    Snapshot {
        at: (setup.clock)(),
        tip: checkout.tip.clone(),
        files: checkout.files.clone(),
        scan: checkout.scan.clone(),
        config: checkout.config.clone(),
        only: checkout.only.clone(),
        history: checkout.history.clone(),
        ledger: checkout.ledger.clone(),
        branches: checkout.branches.clone(),
        ..Snapshot::default()
    }
}

/// Proves every digest that the plan wants to write, unless it stands in an open pull request
/// already. Returns those that could not be proved, each with the reason; they must not be written.
/// A digest that failed is not asked for again before the next pass that asks registries.
pub async fn prove(
    session: &Session,
    registries: &Registries,
    snapshot: &Snapshot,
    plan: &Plan,
) -> BTreeMap<(Channel, Digest), String> {
    let known = session.answers().unproved;
    let wanted: BTreeSet<&(Channel, Digest)> = plan
        .changes
        .iter()
        .filter(|change| !is_proposed(snapshot, change))
        .flat_map(|change| &change.prove)
        .filter(|key| !snapshot.unproved.contains_key(key))
        .collect();
    let (failed, wanted): (Vec<_>, Vec<_>) = wanted
        .into_iter()
        .cloned()
        .partition(|key| known.contains_key(key));
    let platforms = snapshot
        .cluster
        .known()
        .map(|cluster| &cluster.platforms)
        .filter(|platforms| !platforms.is_empty());
    let proofs = registry::prove_digests(&registries.upstream, &wanted, platforms);
    // A rollback is what the cluster waits for: its proof is.
    let is_rollback = |pin: &PinRecord| pin.action == Action::Rollback;
    let mut changes = plan.changes.iter();
    let proofs = if changes.any(|change| change.pins.iter().any(is_rollback)) {
        Some(proofs.await)
    } else {
        session.unless_urgent_change(proofs).await
    };
    let Some(proofs) = proofs else {
        let all = wanted.into_iter().chain(failed);
        return all.map(|key| (key, CUT_SHORT.to_owned())).collect();
    };
    let new: BTreeMap<(Channel, Digest), String> = wanted
        .into_iter()
        .zip(proofs)
        .filter_map(|(wanted, proof)| Some((wanted, proof.err()?.to_string())))
        .collect();
    session.remember(|answers| answers.unproved.extend(new.clone()));
    let again = failed
        .into_iter()
        .filter_map(|key| Some((key.clone(), known.get(&key)?.clone())));
    again.chain(new.clone()).collect()
}

/// Says whether an open pull request of pintle's proposes exactly this already, and waits for
/// somebody to merge it: what it proposes was proved when it was opened.
fn is_proposed(snapshot: &Snapshot, change: &Change) -> bool {
    let Delivery::PullRequest {
        automerge: false, ..
    } = change.delivery
    else {
        return false;
    };
    let name = branch_name(&change.name);
    let is_open = |pull: &PullRequest| pull.state == PullState::Open && *pull.name == name;
    let is_same =
        |branch: &Branch| branch.own && *branch.name == name && branch.pins == change.pins;
    let has_pull = |forge: &Forge| forge.pulls.iter().any(is_open);
    snapshot.forge.known().is_some_and(has_pull) && snapshot.branches.iter().any(is_same)
}

#[cfg(test)]
mod tests;
