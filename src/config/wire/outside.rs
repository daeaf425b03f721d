//! The keys about the systems around the repo: forge, CI, cluster, alerts.

use super::{At, Text};
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Forge {
    /// No more of pintle's own proposals than this are open at a time: 10 without it.
    pub max_pull_requests: Option<At<u16>>,
    /// Labels of pintle's pull requests and issues: `["pintle"]` without it.
    pub labels: Option<Vec<Text>>,
    /// How pintle merges; without it as the repo does by default.
    pub merge_style: Option<MergeStyle>,
    /// Numeric ids of accounts that may command where pintle may not look up their rights.
    #[serde(default)]
    pub commanders: Vec<u64>,
    /// Whether pull requests tell what changed in their images; for that their labels are read at the registries: true without it.
    pub release_notes: Option<bool>,
    /// Hosts of Forgejo or Gitea that may be asked, over https, for the releases of images whose sources they have, besides the forge itself and
    /// GitHub: `["codeberg.org"]` without it.
    pub sources: Option<Vec<Text>>,
    /// Commands in older comments are not carried out: `1d` without it.
    pub command_age: Option<Text>,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(in crate::config) enum MergeStyle {
    Merge,
    Rebase,
    RebaseMerge,
    Squash,
    FastForwardOnly,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Pipeline {
    /// Whether moves wait while the statuses of the last change have not ended: true without it.
    pub wait: Option<bool>,
    /// How long a status may take to come and to end: `30m` without it.
    pub timeout: Option<Text>,
    /// Globs of the status contexts that count; without it all.
    #[serde(default)]
    pub contexts: Vec<Text>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Cluster {
    /// Globs of the roots that are applied to this cluster. Without it all are.
    #[serde(default)]
    pub roots: Vec<Text>,
    /// Globs of the environments (by name) that are applied to this cluster. Without it all are.
    #[serde(default)]
    pub environments: Vec<Text>,
    /// Whether Keel runs in the cluster: `auto` without it, which looks.
    pub keel: Option<Keel>,
    /// Globs of the field managers that apply Terraform. Without it those of the known providers.
    pub terraform: Option<Vec<Text>>,
    /// How long too few pods may be ready before a new digest counts as failed: `2m` without it.
    pub ready_grace: Option<Text>,
    /// Further kinds that have an image.
    #[serde(default)]
    pub custom: Vec<Custom>,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(in crate::config) enum Keel {
    Auto,
    Yes,
    No,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(in crate::config) enum Drift {
    /// It is said.
    Report,
    /// The repo takes it over.
    Adopt,
    /// The repo stays as it is, and the next apply takes it back.
    Overwrite,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Custom {
    /// `postgresql.cnpg.io`
    pub group: Text,
    /// `v1`
    pub version: Text,
    /// `Cluster`
    pub kind: Text,
    /// `clusters`
    pub plural: Text,
    /// Where the image stands: `spec.imageName`.
    pub image: Text,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Alert {
    /// Labels that the alert has, each a glob: `{ severity = "critical" }`. All must match.
    #[serde(rename = "match")]
    pub matches: BTreeMap<String, Text>,
    /// The label that holds the workload's namespace: `namespace` without it.
    pub namespace: Option<Text>,
    /// The labels that may hold the workload's name: `deployment`, `statefulset`, `daemonset` without it.
    pub workload: Option<Vec<Text>>,
    /// The label that holds a pod's name, where none of the others is there: `pod` without it.
    pub pod: Option<Text>,
}
