//! Which workload an alert is about, as `[[alert]]` says. Decides nothing.

use super::live::name;
use crate::config;
use crate::model::one_line::one_line;
use crate::model::workload::WorkloadKind;
use crate::pipeline::Snapshot;
use crate::pipeline::cluster::{Alert, Cluster, Workload};
use jiff::{SignedDuration, Timestamp};

/// Returns what fires about a workload since a time and within a window:
/// `alert ImmichDown on deployment immich/server since …`.
pub(super) fn find_alert_about(
    snapshot: &Snapshot,
    alerts: &[Alert],
    workload: &Workload,
    since: Timestamp,
    window: SignedDuration,
) -> Option<String> {
    let cluster = snapshot.cluster.known()?;
    let end = since.checked_add(window).ok()?;
    let mut fires: Vec<&Alert> = alerts
        .iter()
        .filter(|alert| alert.started >= since && alert.started <= end)
        .collect();
    fires.sort_by_key(|alert| (alert.started, alert.fingerprint.clone()));
    let alert = fires.into_iter().find(|alert| {
        snapshot
            .config
            .alerts
            .iter()
            .any(|rule| is_about(cluster, rule, alert, (workload, since)))
    })?;
    let called = alert.labels.get("alertname").map_or("?", |name| name);
    let called: String = one_line(called).chars().take(100).collect();
    Some(format!(
        "alert {} on {} since {}",
        called.trim(),
        name(workload),
        alert.started
    ))
}

/// Says whether a rule takes an alert, and the alert names the workload or one of its pods.
fn is_about(
    cluster: &Cluster,
    rule: &config::AlertConfig,
    alert: &Alert,
    (workload, since): (&Workload, Timestamp),
) -> bool {
    let label = |name: &str| {
        alert
            .labels
            .get(name)
            .map(|value| &**value)
            .unwrap_or_default()
    };
    let taken = rule
        .matches
        .iter()
        .all(|(name, glob)| glob.matches(label(name)));
    if !taken || label(&rule.namespace) != &*workload.namespace {
        return false;
    }
    let named: Vec<&std::sync::Arc<str>> = rule
        .workload
        .iter()
        .filter(|name| !label(name).is_empty())
        .collect();
    if !named.is_empty() {
        return named
            .iter()
            .any(|name| label(name) == &*workload.name && fits(name, workload.kind.as_str()));
    }
    let pod = label(&rule.pod);
    !pod.is_empty() && of_pod(cluster, workload, pod) && !is_old(workload, since, pod)
}

/// Says whether a pod is of an older revision: by its hash, or for one that is gone by the name of
/// its ReplicaSet; where nobody tells revisions, by its age. The image of a pod of its own changes
/// in its place.
fn is_old(workload: &Workload, since: Timestamp, pod: &str) -> bool {
    let own = workload.pods.iter().find(|own| &*own.name == pod);
    let Some((used, older)) = workload.revisions.split_first() else {
        return workload.kind != WorkloadKind::Pod
            && own
                .and_then(|own| own.created)
                .is_some_and(|created| created < since);
    };
    match own {
        Some(own) => own
            .revision
            .as_ref()
            .is_some_and(|revision| *revision != used.hash),
        None => older.iter().any(|old| {
            pod.strip_prefix(&*old.name)
                .is_some_and(|rest| rest.starts_with('-'))
        }),
    }
}

/// A label that is called like a kind names a workload of that kind; others name one of any.
fn fits(label: &str, kind: &str) -> bool {
    ![
        "deployment",
        "statefulset",
        "daemonset",
        "cronjob",
        "job",
        "replicaset",
    ]
    .contains(&label)
        || label == kind
}

/// Says whether a pod is the workload's; one that is gone belongs to the workload with the longest
/// name that its own begins with.
fn of_pod(cluster: &Cluster, workload: &Workload, pod: &str) -> bool {
    let near = || {
        cluster
            .workloads
            .iter()
            .filter(|other| other.namespace == workload.namespace)
    };
    let has = |workload: &Workload| workload.pods.iter().any(|own| &*own.name == pod);
    if near().any(has) {
        return has(workload);
    }
    let starts = |other: &&Workload| {
        pod.strip_prefix(&*other.name)
            .is_some_and(|rest| rest.starts_with('-'))
    };
    let longest = near().filter(starts).map(|other| other.name.len()).max();
    starts(&workload) && longest == Some(workload.name.len())
}
