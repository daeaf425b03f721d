//! Facts about a workload that the cluster reports: its containers, who set their images, how far
//! its rollout is, what the containers of its pods do. Types only; they know no Kubernetes API
//! object and decide nothing.

use super::digest::Digest;
use jiff::Timestamp;
use std::sync::Arc;

/// A container of a pod template or of a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Container {
    /// The path of the value for a custom resource.
    pub name: Arc<str>,
    pub init: bool,
    /// As the spec has it.
    pub image: Arc<str>,
    pub pull_policy: Option<Arc<str>>,
    /// Who set the image (`managedFields`), last first.
    pub writers: Vec<Writer>,
}

/// A field manager and when it last wrote, to the second.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Writer {
    pub manager: Arc<str>,
    pub at: Option<Timestamp>,
}

/// How far the controller is with the newest spec.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rollout {
    /// The controller has seen the newest spec (`observedGeneration`).
    pub observed: bool,
    /// All pods wanted are of the newest revision and ready, and no others are left.
    pub complete: bool,
    /// It made no progress for as long as it may (`ProgressDeadlineExceeded`).
    pub stuck: Option<Condition>,
    /// Too few pods are available: a Deployment's condition `Available` is false; for other kinds
    /// fewer are ready than wanted, and only the pods show since when.
    pub unavailable: Option<Condition>,
    /// What keeps the controller from replacing pods by itself.
    pub halt: Option<Halt>,
    /// How many pods are of the newest revision, as the controller counts.
    pub updated: u32,
    /// How many pods are wanted.
    pub wanted: u32,
}

/// Why a controller does not replace pods by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Halt {
    /// `spec.paused` of a Deployment.
    Paused,
    /// The update strategy `OnDelete` of a StatefulSet or DaemonSet: a person deletes the pods.
    OnDelete,
    /// `rollingUpdate.partition` of a StatefulSet: pods with a lower number stay as they are.
    Partition(u32),
}

/// A condition of a controller that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// `ProgressDeadlineExceeded`, `MinimumReplicasUnavailable`.
    pub reason: Arc<str>,
    pub message: Arc<str>,
    pub since: Option<Timestamp>,
}

/// The status of one container, init containers too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodContainer {
    pub name: Arc<str>,
    /// The digest in `imageID`: the index's or the platform child's. `None` while it is not pulled.
    pub digest: Option<Digest>,
    /// The repository in `imageID`: `ghcr.io/cloudnative-pg/postgresql`, or a cache's.
    pub repository: Option<Arc<str>>,
    pub ready: bool,
    pub restarts: u32,
    /// How its last run ended, where it failed: `OOMKilled`, `exit code 1`.
    pub exit: Option<Arc<str>>,
    /// Since when it runs.
    pub started: Option<Timestamp>,
    /// Why it waits: `CrashLoopBackOff`, `ImagePullBackOff`, `ErrImagePull`,
    /// `CreateContainerConfigError` and others.
    pub waiting: Option<Waiting>,
}

/// Why a container waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    pub reason: Arc<str>,
    pub message: Arc<str>,
}
