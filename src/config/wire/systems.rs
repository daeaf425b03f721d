//! The keys about the systems around the repo: forge, CI, cluster, alerts.

use super::place::{At, TomlText};
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct ForgeToml {
    /// No more of pintle's own proposals than this are open at a time: 10 without it.
    pub max_pull_requests: Option<At<u16>>,
    /// Labels of pintle's pull requests and issues: `["pintle"]` without it.
    pub labels: Option<Vec<TomlText>>,
    /// How pintle merges; without it as the repo does by default.
    pub merge_style: Option<MergeStyle>,
    /// When the branches of open pull requests are rebased: `"when needed"` without it.
    pub rebase: Option<RebaseWord>,
    /// Numeric ids of accounts that may command where pintle may not look up their rights.
    #[serde(default)]
    pub commanders: Vec<u64>,
    /// Whether pull requests tell what changed in their images; for that their labels are read at
    /// the registries: true without it.
    pub release_notes: Option<bool>,
    /// Hosts of Forgejo or Gitea that may be asked, over https, for the releases of images whose
    /// sources they have, besides the forge itself and GitHub: `["codeberg.org"]` without it.
    pub sources: Option<Vec<TomlText>>,
    /// Commands in older comments are not carried out: `1d` without it.
    pub command_age: Option<TomlText>,
    /// Whether pintle keeps one issue that shows what waits, what is held, what is blocked and what
    /// was rolled back: false without it.
    pub dashboard: Option<bool>,
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

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
pub(in crate::config) enum RebaseWord {
    #[serde(rename = "when needed")]
    WhenNeeded,
    #[serde(rename = "always")]
    Always,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct PipelineToml {
    /// Whether updates wait until the statuses of the last change have ended: true without it.
    pub wait: Option<bool>,
    /// How long a status may take to come and to end: `30m` without it.
    pub timeout: Option<TomlText>,
    /// Globs of the status contexts that count; without it all.
    #[serde(default)]
    pub contexts: Vec<TomlText>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct ClusterToml {
    /// Globs of the roots that are applied to this cluster. Without it all are.
    #[serde(default)]
    pub roots: Vec<TomlText>,
    /// Globs of the environments (by name) that are applied to this cluster. Without it all are.
    #[serde(default)]
    pub environments: Vec<TomlText>,
    /// Whether Keel runs in the cluster: `auto` without it, which looks.
    pub keel: Option<KeelToml>,
    /// Globs of the field managers that apply Terraform. Without it those of the known providers.
    pub terraform: Option<Vec<TomlText>>,
    /// How long too few pods may be ready before a new digest counts as failed: `2m` without it.
    pub ready_grace: Option<TomlText>,
    /// How long a container that restarted three times may be unready before a new digest counts as
    /// failed: `1m` without it.
    pub crash_grace: Option<TomlText>,
    /// How long a part of a container's configuration may be missing: `2m` without it.
    pub config_grace: Option<TomlText>,
    /// How long the kubelet may try again to pull an image, or to start a container that crashes
    /// after each start: `5m` without it.
    pub retry_grace: Option<TomlText>,
    /// How long a container may not start, or a pod of a StatefulSet or DaemonSet not become ready:
    /// `10m` without it.
    pub start_grace: Option<TomlText>,
    /// Further kinds that have an image.
    #[serde(default)]
    pub custom: Vec<CustomToml>,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(in crate::config) enum KeelToml {
    Auto,
    Yes,
    No,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(in crate::config) enum DriftToml {
    /// pintle reports it.
    Report,
    /// pintle pins it in the repo, and holds it there.
    Adopt,
    /// The repo stays as it is, and the next apply overwrites the image.
    Overwrite,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct CustomToml {
    /// `postgresql.cnpg.io`
    pub group: TomlText,
    /// `v1`
    pub version: TomlText,
    /// `Cluster`
    pub kind: TomlText,
    /// `clusters`
    pub plural: TomlText,
    /// Where the image stands: `spec.imageName`.
    pub image: TomlText,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct AlertToml {
    /// Labels that the alert has, each a glob: `{ severity = "critical" }`. All must match.
    #[serde(rename = "match")]
    pub matches: BTreeMap<String, TomlText>,
    /// The label that holds the workload's namespace: `namespace` without it.
    pub namespace: Option<TomlText>,
    /// The labels that may hold the workload's name: `deployment`, `statefulset`, `daemonset`
    /// without it.
    pub workload: Option<Vec<TomlText>>,
    /// The label that holds a pod's name, where none of the others is there: `pod` without it.
    pub pod: Option<TomlText>,
}
