//! What runs, in words for people: the lines of `/status` and the cells of the table.

use crate::model::duration::show_time;
use crate::model::reference::Reference;
use crate::pipeline::status::{RunState, RunTrouble, StatusReport, StatusRow};
use crate::pipeline::{Seen, Snapshot};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::fmt;

impl StatusRow {
    /// `deployment/immich/immich-server:immich-server`; `?` stands for what is not known.
    pub fn workload(&self) -> String {
        let part = |text: &Option<std::sync::Arc<str>>| text.as_deref().unwrap_or("?").to_owned();
        let name = format!(
            "{}/{}/{}",
            self.kind,
            part(&self.namespace),
            part(&self.name)
        );
        self.holder
            .name()
            .map_or(name.clone(), |holder| format!("{name}:{holder}"))
    }

    /// Says whether the workload, or its container, has a name: `kind/namespace/name[:container]`,
    /// `namespace/name[:container]`.
    pub fn is_called(&self, name: &str) -> bool {
        let whole = self.workload();
        let without_kind = whole.split_once('/').map_or("", |(_, rest)| rest);
        [&*whole, without_kind].into_iter().any(|own| {
            let rest = own.strip_prefix(name);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(':'))
        })
    }

    /// `release@3f1c9a2b7d4e`, or less where less is known.
    pub fn runs_text(&self) -> String {
        let running = self.runs.is_some()
            || matches!(
                self.state,
                RunState::Swapped | RunState::Silent | RunState::Parked
            );
        let Some(image) = self
            .image
            .as_deref()
            .filter(|_| running)
            .and_then(Reference::parse)
        else {
            return String::new();
        };
        let tag = image.tag.as_deref().unwrap_or("");
        self.runs
            .as_ref()
            .map_or(tag.to_owned(), |digest| format!("{tag}@{}", digest.short()))
    }

    /// Whether everything is as it should be, and nothing waits.
    pub fn is_quiet(&self) -> bool {
        matches!(
            self.state,
            RunState::Pinned | RunState::NotExpected | RunState::Elsewhere
        ) && self.waits.is_none()
            && self.troubles.is_empty()
            && self.why.len() < 2
    }

    /// Why it runs, and what the plan has for it: each reason once.
    pub fn reasons_text(&self) -> String {
        let is_said = |waits: &str| {
            self.why.iter().any(|why| {
                waits
                    .strip_suffix(&**why)
                    .is_some_and(|word| word.ends_with(": "))
            })
        };
        let waits = self.waits.iter().filter(|waits| !is_said(waits)).cloned();
        // A cause that stands among the reasons is not said twice.
        let is_new = |what: &str| {
            !self
                .why
                .iter()
                .chain(&self.waits)
                .any(|why| why.contains(what))
        };
        let troubles = self.troubles.iter().filter(|one| is_new(&one.what));
        troubles
            .map(ToString::to_string)
            .chain(self.why.iter().cloned())
            .chain(waits)
            .collect::<Vec<_>>()
            .join("; ")
    }
}

/// `CrashLoopBackOff (exit code 1) since 2026-11-12 11:05 UTC`
impl fmt::Display for RunTrouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let since = self.since.map(show_time);
        let since = since.map_or(String::new(), |since| format!(" since {since}"));
        write!(f, "{}{since}", self.what)
    }
}

/// `2026-11-12`, or nothing.
pub fn show_since(at: Option<Timestamp>) -> String {
    at.map_or(String::new(), |at| {
        at.strftime("%Y-%m-%d %H:%M").to_string()
    })
}

/// One line of `/status`.
pub fn status_line(row: &StatusRow) -> String {
    let runs = Some(row.runs_text())
        .filter(|runs| !runs.is_empty())
        .map_or(String::new(), |runs| format!(" {runs}"));
    let since = row.since.map_or(String::new(), |_| {
        format!(" since {} UTC", show_since(row.since))
    });
    format!(
        "{:<9} {}{runs}{since}: {}",
        row.state.as_str(),
        row.workload(),
        row.reasons_text()
    )
}

/// `12 pinned, 1 differs; 3 workloads of the cluster are of no literal here`
pub fn summarize(status: &StatusReport) -> String {
    if let Some(dark) = &status.dark {
        return dark.clone();
    }
    let mut counts: BTreeMap<RunState, usize> = BTreeMap::new();
    for row in &status.rows {
        *counts.entry(row.state).or_default() += 1;
    }
    let words: Vec<String> = counts
        .iter()
        .map(|(state, count)| format!("{count} {}", state.as_str()))
        .collect();
    let strangers = match status.strangers {
        None | Some(0) => String::new(),
        Some(1) => "; 1 workload of the cluster is not of this repo".into(),
        Some(count) => format!("; {count} workloads of the cluster are not of this repo"),
    };
    if words.is_empty() {
        format!("no images{strangers}")
    } else {
        format!("{}{strangers}", words.join(", "))
    }
}

/// What could not be read in the cluster: sentences.
pub fn cluster_gaps(snapshot: &Snapshot) -> Vec<String> {
    match &snapshot.cluster {
        Seen::NotAsked => Vec::new(),
        Seen::Unknown(why) => vec![format!("the cluster could not be asked: {why}")],
        Seen::Known(cluster) => cluster
            .unread
            .iter()
            .map(|(kind, why)| format!("{kind}s could not be read: {why}"))
            .collect(),
    }
}
