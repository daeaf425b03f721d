//! What runs, since when, why, and what waits: one row for each container that a literal decides. Compares git, upstream and the cluster; decides
//! nothing.

pub mod json;
mod story;
mod words;

pub(super) use story::{before, beside, revisions};
pub use words::{line, since, summary};

use super::json::verdict_word;
use super::live::{Found, Live, foreign, runs, uses};
use super::owner::owner;
use super::select::Select;
use crate::model::digest::Digest;
use crate::model::reference::{Channel, Reference};
use crate::pipeline::cluster::{Cluster, Container, Workload};
use crate::pipeline::{Decision, Plan, Seen, Snapshot, Verdict};
use crate::sites::{Fate, Literal, Site, SiteKey, Use};
use jiff::Timestamp;
use std::collections::BTreeSet;
use std::sync::Arc;

/// What runs of the whole repo, or of a part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// Why nothing is known of the cluster: it was not asked, or could not be.
    pub dark: Option<String>,
    /// In the order of the scan; those of a Helm release in the order of the cluster.
    pub rows: Vec<Row>,
    /// Workloads with containers that no literal of the repo decides; `None` where the cluster is not known.
    pub strangers: Option<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// It runs what the repo pins.
    Pinned,
    /// It runs, and the repo has no pin.
    Unpinned,
    /// It runs something else than the repo pins.
    Differs,
    /// No pod tells what it runs.
    Silent,
    /// No pods are wanted.
    Parked,
    /// The cluster has no such workload, or the workload no such container.
    Missing,
    /// `count = 0`.
    NotExpected,
    /// Two containers have exchanged their images.
    Swapped,
    /// In a module that nothing calls.
    Orphan,
    /// The cluster shows it nowhere: a module's argument, a value.
    Elsewhere,
    /// The cluster could not be asked, or not for this.
    Unknown,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    pub site: Option<SiteKey>,
    /// `file:line` of the literal.
    pub place: String,
    pub kind: Arc<str>,
    pub namespace: Option<Arc<str>>,
    pub name: Option<Arc<str>>,
    pub container: Option<Arc<str>>,
    pub init: bool,
    pub state: State,
    /// The image as the cluster's spec has it, else as it is declared.
    pub image: Option<Arc<str>>,
    /// What runs, as the digest of the index where that is known.
    pub runs: Option<Digest>,
    pub pinned: Option<Digest>,
    pub since: Option<Timestamp>,
    /// How it came to be there, most important first: sentences, lower case, without full stop.
    pub why: Vec<String>,
    pub owner: Option<&'static str>,
    pub verdict: Option<Verdict>,
    /// What the plan has for it, where it is not in sync.
    pub waits: Option<String>,
}

/// Returns the rows of these literals of the snapshot's scan, or of all.
pub fn status(snapshot: &Snapshot, plan: &Plan, of: Option<&[&Literal]>) -> Status {
    let select = Select::new(&snapshot.scan, &snapshot.config, super::usual(snapshot));
    let is_wanted = |literal: &&Literal| of.is_none_or(|of| of.iter().any(|one| std::ptr::eq(*one, *literal)));
    let wanted = snapshot.scan.literals.iter().filter(is_wanted);
    let mut rows: Vec<Row> = Vec::new();
    let mut told: BTreeSet<&Use> = BTreeSet::new();
    let (sites, others): (Vec<&Literal>, Vec<&Literal>) = wanted.partition(|literal| matches!(literal.fate, Fate::Site(_)));
    for literal in sites.into_iter().chain(others) {
        let channel = match &literal.fate {
            Fate::Site(site) => select.terms(literal, site).channel,
            Fate::Unpinnable(_) | Fate::Orphan(_) => {
                literal.reference.as_deref().and_then(Reference::parse).and_then(|image| image.channel())
            }
            // Only a part of what another literal decides, or nothing at all.
            Fate::Half(_) | Fate::Dead(_) => continue,
        };
        let decision = decision(plan, literal);
        let one = One { snapshot, literal, channel, decision };
        if matches!(literal.fate, Fate::Site(_)) {
            told.extend(&literal.uses);
            rows.extend(one.rows(|_| true));
        } else {
            // Several literals that carry no pin may make one image.
            let new: BTreeSet<&Use> = literal.uses.iter().filter(|used| !told.contains(used)).collect();
            rows.extend(one.rows(|used| new.contains(used)));
            told.extend(new);
        }
    }
    Status { dark: dark(snapshot), rows, strangers: snapshot.cluster.known().map(|cluster| strangers(snapshot, cluster)) }
}

fn dark(snapshot: &Snapshot) -> Option<String> {
    match &snapshot.cluster {
        Seen::Known(_) => None,
        Seen::Unknown(why) => Some(format!("the cluster could not be asked: {why}")),
        Seen::NotAsked => Some("no cluster is named (--kubeconfig or --in-cluster): what runs is not known".into()),
    }
}

/// What could not be looked at in the cluster: sentences.
pub fn gaps(snapshot: &Snapshot) -> Vec<String> {
    match &snapshot.cluster {
        Seen::NotAsked => Vec::new(),
        Seen::Unknown(why) => vec![format!("the cluster could not be asked: {why}")],
        Seen::Known(cluster) => cluster.unread.iter().map(|(kind, why)| format!("{kind}s could not be read: {why}")).collect(),
    }
}

fn decision<'a>(plan: &'a Plan, literal: &Literal) -> Option<&'a Decision> {
    let Fate::Site(site) = &literal.fate else { return None };
    plan.decisions.iter().find(|decision| decision.site == site.key)
}

/// How many workloads have no container that a literal decides. What belongs to a Helm release of the repo is the chart's.
fn strangers(snapshot: &Snapshot, cluster: &Cluster) -> usize {
    let uses = || snapshot.scan.literals.iter().flat_map(|literal| &literal.uses);
    let of = |used: &Use| Some((used.namespace.clone()?, used.name.clone()?));
    let named: BTreeSet<_> = uses().filter_map(|used| Some((used.kind.clone(), of(used)?))).collect();
    let ours = |workload: &&Workload| {
        let chart = workload.release.as_ref().filter(|release| release.helm).map(|release| release.name.clone());
        let kinds = [(&*workload.kind, Some(workload.name.clone())), ("helm_release", chart)];
        kinds.into_iter().any(|(kind, name)| name.is_some_and(|name| named.contains(&(kind.into(), (workload.namespace.clone(), name)))))
    };
    let alone = cluster.workloads.iter().filter(|workload| workload.controller.is_none() && !workload.containers.is_empty());
    alone.filter(|workload| !ours(workload)).count()
}

/// One literal, and all that its rows are made from.
struct One<'a> {
    snapshot: &'a Snapshot,
    literal: &'a Literal,
    channel: Option<Channel>,
    decision: Option<&'a Decision>,
}

impl One<'_> {
    fn rows(&self, shown: impl Fn(&Use) -> bool) -> Vec<Row> {
        if let Fate::Orphan(why) = &self.literal.fate {
            let orphan = |used| Row { why: vec![format!("in a module that nothing calls: {why}")], ..self.row(used, State::Orphan) };
            return self.literal.uses.iter().filter(|used| shown(used)).map(orphan).collect();
        }
        let mut rows: Vec<Row> = match uses(self.snapshot, self.literal) {
            Ok(lives) if !lives.is_empty() => lives.iter().filter(|live| shown(live.used)).map(|live| self.live(live)).collect(),
            _ => self.literal.uses.iter().filter(|used| shown(used)).map(|used| self.row(used, State::Unknown)).collect(),
        };
        // Two environments that name one workload.
        rows.dedup();
        rows
    }

    fn site(&self) -> Option<&Site> {
        match &self.literal.fate {
            Fate::Site(site) => Some(site),
            _ => None,
        }
    }

    fn row(&self, used: &Use, state: State) -> Row {
        let behind = self.decision.filter(|decision| decision.verdict != Verdict::InSync);
        Row {
            site: self.site().map(|site| site.key.clone()),
            place: format!("{}:{}", self.literal.file, self.literal.line),
            kind: used.kind.clone(),
            namespace: used.namespace.clone(),
            name: used.name.clone(),
            container: used.container.clone(),
            init: used.init,
            state,
            image: used.image.clone(),
            runs: None,
            pinned: self.site().and_then(|site| site.image.digest.clone()),
            since: None,
            why: Vec::new(),
            owner: None,
            verdict: self.decision.map(|decision| decision.verdict),
            waits: behind.map(|decision| {
                // What is held or blocked goes nowhere, and the reason of a hold says that it is one.
                let (word, to) = match decision.verdict {
                    Verdict::Held => (String::new(), None),
                    verdict @ (Verdict::Blocked | Verdict::Frozen | Verdict::Unknown) => (verdict_word(verdict).to_owned(), None),
                    verdict => (verdict_word(verdict).to_owned(), decision.to.as_ref()),
                };
                let to = to.map_or(String::new(), |to| format!(" to {}", to.short()));
                let reason = decision.reasons.first().map_or(String::new(), String::clone);
                let colon = if word.is_empty() || reason.is_empty() { "" } else { ": " };
                format!("{word}{to}{colon}{reason}")
            }),
        }
    }

    fn live(&self, live: &Live) -> Row {
        let told = |state, why: String| Row { why: vec![why], ..self.row(live.used, state) };
        let mut row = match &live.found {
            Found::Here { workload, container } => self.here(live.used, workload, container),
            Found::Swapped { workload, container, with } => {
                let why = format!("it has exchanged images with the container {}", with.name);
                Row { why: vec![why], ..self.placed(live.used, State::Swapped, workload, container) }
            }
            Found::Missing => told(State::Missing, "the cluster has no such workload".into()),
            Found::NoContainer(at) => told(State::Missing, format!("the {} has no such container", at.kind)),
            Found::NotExpected => told(State::NotExpected, "`count` is 0".into()),
            Found::Elsewhere => told(State::Elsewhere, "the cluster does not show it".into()),
            Found::Unknown(why) => told(State::Unknown, why.clone()),
        };
        let owner = owner(self.snapshot, self.site(), live);
        row.owner = owner.as_ref().map(|owner| owner.word());
        row.why.extend(owner.filter(|owner| row.owner != Some("terraform") && !owner.sentence().is_empty()).map(|owner| owner.sentence()));
        row
    }

    /// A chart's workloads are called by their own names.
    fn placed(&self, used: &Use, state: State, workload: &Workload, container: &Container) -> Row {
        Row {
            kind: workload.kind.clone(),
            namespace: Some(workload.namespace.clone()),
            name: Some(workload.name.clone()),
            container: Some(container.name.clone()),
            init: container.init,
            image: Some(container.image.clone()),
            ..self.row(used, state)
        }
    }

    fn here(&self, used: &Use, workload: &Workload, container: &Container) -> Row {
        let mut row = self.placed(used, State::Unknown, workload, container);
        let Some(cluster) = self.snapshot.cluster.known() else { return row };
        match runs(self.snapshot, cluster, self.channel.as_ref(), (workload, container)) {
            Err(why) => row.why.push(why),
            Ok(None) => {
                row.state = if workload.replicas == Some(0) { State::Parked } else { State::Silent };
                row.why.push(story::silent(workload, container));
            }
            Ok(Some(runs)) => {
                row.since = super::live::since(workload, container);
                row.state = match &row.pinned {
                    _ if workload.replicas == Some(0) => State::Parked,
                    None => State::Unpinned,
                    Some(pin) if *pin == runs => State::Pinned,
                    Some(_) => State::Differs,
                };
                row.why.extend((workload.replicas == Some(0)).then(|| "parked at 0 replicas".to_owned()));
                row.why.extend(story::why(self.snapshot, self.literal, (&runs, row.pinned.as_ref()), container));
                row.runs = Some(runs);
            }
        }
        let other = foreign(self.snapshot, used, container);
        row.why.extend(
            other.map(|_| format!("the image is of another repository than the declared {}", used.image.as_deref().unwrap_or("one"))),
        );
        row
    }
}
