//! What runs, beside what the repo pins: one row for each container that a literal decides, and all
//! that is known of one literal. Values only; `report` has the words.

use super::decision::Decision;
use super::record::Recorded;
use super::verdict::Verdict;
use crate::config::site_settings::SiteSettings;
use crate::model::digest::Digest;
use crate::model::workload::{Holder, WorkloadKind};
use crate::sites::{Literal, SiteId};
use jiff::Timestamp;
use std::sync::Arc;
use strum::{EnumIter, IntoStaticStr};

/// What runs of the whole repo, or of a part of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StatusReport {
    /// Why nothing is known of the cluster: it was not asked, or could not be.
    pub dark: Option<String>,
    /// In the order of the scan; those of a Helm release in the order of the cluster.
    pub rows: Vec<StatusRow>,
    /// Workloads with containers that no literal of the repo decides; `None` where the cluster is
    /// not known.
    pub strangers: Option<usize>,
}

/// The words are those of `status --output json`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, EnumIter, IntoStaticStr)]
#[strum(serialize_all = "kebab-case")]
pub enum RunState {
    /// It runs what the repo pins.
    Pinned,
    /// It runs, and the repo has no pin.
    Unpinned,
    /// It runs something else than the repo pins.
    Differs,
    /// No pod shows what it runs.
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

impl RunState {
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusRow {
    pub site: Option<SiteId>,
    /// `file:line` of the literal.
    pub place: String,
    pub kind: WorkloadKind,
    pub namespace: Option<Arc<str>>,
    pub name: Option<Arc<str>>,
    pub holder: Holder,
    pub state: RunState,
    /// The image as the cluster's spec has it, else as it is declared.
    pub image: Option<Arc<str>>,
    /// What runs, as the digest of the index where that is known.
    pub runs: Option<Digest>,
    pub pinned: Option<Digest>,
    pub since: Option<Timestamp>,
    /// What is wrong with it, most important first.
    pub troubles: Vec<RunTrouble>,
    /// How it came to be there, most important first: sentences, lower case, without full stop.
    pub why: Vec<String>,
    /// `terraform`, `keel`, `pipeline`, `helm`, `operator`, `nobody`
    pub owner: Option<&'static str>,
    pub verdict: Option<Verdict>,
    /// What the plan has for it, where it is not in sync.
    pub waits: Option<String>,
}

/// Something that is wrong with a container that runs, or should.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunTrouble {
    /// The stable code: `crashing`. `docs/status.md` has them all.
    pub code: &'static str,
    pub since: Option<Timestamp>,
    /// Without the workload: `CrashLoopBackOff (exit code 1)`.
    pub what: String,
}

/// A trouble and the container that has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContainerTrouble {
    /// `deployment/immich/app:server`
    pub container: String,
    pub trouble: RunTrouble,
}

/// All that is known of one literal.
#[derive(Clone, Debug, PartialEq)]
pub struct Explanation {
    pub literal: Literal,
    /// `file:line` of the ignore entry of each use that Terraform ignores, in the order of the
    /// uses.
    pub ignored_at: Vec<Option<String>>,
    /// There for a site.
    pub settings: Option<SiteSettings>,
    /// What runs of it.
    pub status: StatusReport,
    /// The revisions of its workloads, newest first: sentences.
    pub revisions: Vec<String>,
    /// What was recorded at the site, newest first.
    pub history: Vec<Recorded>,
    pub decision: Option<Decision>,
}
