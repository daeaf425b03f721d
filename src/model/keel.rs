//! Keel's annotations: their names, and which containers of a workload they are for (keel-hq/keel,
//! `internal/policy/policy.go` and `provider/kubernetes/updates.go`). Reads no text and no cluster.

use regex::Regex;
use std::sync::Arc;

/// By which tags Keel follows a workload.
pub const POLICY: &str = "keel.sh/policy";
/// Its old name, which still counts.
const OLD_POLICY: &str = "keel.observer/policy";
/// `true`, or anything else: whether pre-releases are left out.
pub const MATCH_PRE_RELEASE: &str = "keel.sh/matchPreRelease";
/// When Keel looks.
pub const SCHEDULE: &str = "keel.sh/pollSchedule";
/// The policy that counts more than others where workloads disagree.
pub const NEVER: &str = "never";

const MONITOR_CONTAINERS: &str = "keel.sh/monitorContainers";
const INIT_CONTAINERS: &str = "keel.sh/initContainers";

/// One key and its value.
pub type KeelAnnotation = (Arc<str>, Arc<str>);

/// Says whether a key is one of Keel's.
pub fn is_of_keel(key: &str) -> bool {
    key.starts_with("keel.sh/") || key == OLD_POLICY
}

/// Returns Keel's annotations of those that a workload has; the policy under its name of today.
pub fn keep_keel(all: impl Iterator<Item = KeelAnnotation>) -> Vec<KeelAnnotation> {
    let mut kept: Vec<KeelAnnotation> = all.filter(|(key, _)| is_of_keel(key)).collect();
    let is_new = |(key, _): &KeelAnnotation| &**key == POLICY;
    let has_new = kept.iter().any(is_new);
    kept.retain(|(key, _)| !has_new || &**key != OLD_POLICY);
    for (key, _) in &mut kept {
        if &**key == OLD_POLICY {
            *key = POLICY.into();
        }
    }
    kept.sort();
    kept
}

/// Which containers of a workload Keel's policy is for.
pub struct KeelScope {
    /// Matches the names of containers; `None` for all of them.
    names: Option<Regex>,
    has_init: bool,
}

impl KeelScope {
    /// Reads the annotations of a workload. The case of these two keys does not count. An
    /// expression that cannot be read is for all containers.
    pub fn of<'a>(annotations: impl Iterator<Item = (&'a str, &'a str)>) -> Self {
        let mut scope = Self {
            names: None,
            has_init: false,
        };
        for (key, value) in annotations {
            if key.eq_ignore_ascii_case(MONITOR_CONTAINERS) {
                scope.names = Regex::new(value).ok();
            } else if key.eq_ignore_ascii_case(INIT_CONTAINERS) {
                scope.has_init = value == "true";
            }
        }
        scope
    }

    /// Says whether the policy is for a container.
    pub fn covers(&self, name: &str, is_init: bool) -> bool {
        let is_named = self.names.as_ref().is_none_or(|names| names.is_match(name));
        is_named && (self.has_init || !is_init)
    }

    /// Says whether a policy counts for a container: `never` counts for all.
    pub fn applies(&self, policy: &str, name: &str, is_init: bool) -> bool {
        policy.eq_ignore_ascii_case(NEVER) || self.covers(name, is_init)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(pairs: &[(&str, &str)]) -> KeelScope {
        KeelScope::of(pairs.iter().copied())
    }

    #[test]
    fn a_policy_is_for_the_containers_that_keel_monitors() {
        let usual = scope(&[]);
        assert!(usual.covers("web", false));
        assert!(
            !usual.covers("migrate", true),
            "init containers are not Keel's"
        );
        let named = scope(&[("keel.sh/monitorContainers", "^web$")]);
        assert!(named.covers("web", false));
        assert!(!named.covers("web-2", false));
        assert!(scope(&[("keel.sh/monitorcontainers", "eb")]).covers("web", false));
        let init = scope(&[("keel.sh/initContainers", "true")]);
        assert!(init.covers("migrate", true));
        let off = scope(&[("keel.sh/initContainers", "yes")]);
        assert!(!off.covers("migrate", true));
        assert!(scope(&[("keel.sh/monitorContainers", "(")]).covers("web", false));
    }

    #[test]
    fn never_is_for_every_container() {
        let named = scope(&[("keel.sh/monitorContainers", "^web$")]);
        assert!(named.applies("never", "db", false));
        assert!(named.applies("Never", "migrate", true));
        assert!(!named.applies("minor", "db", false));
    }

    #[test]
    fn the_old_name_of_the_policy_counts_where_the_new_one_is_missing() {
        let kept = |pairs: &[(&str, &str)]| {
            let pairs = pairs
                .iter()
                .map(|(key, value)| ((*key).into(), (*value).into()));
            let kept = keep_keel(pairs);
            let texts = kept.iter().map(|(key, value)| format!("{key}={value}"));
            texts.collect::<Vec<_>>()
        };
        assert_eq!(
            kept(&[("keel.observer/policy", "minor"), ("team", "x")]),
            ["keel.sh/policy=minor"]
        );
        let both = [
            ("keel.observer/policy", "minor"),
            ("keel.sh/policy", "never"),
        ];
        assert_eq!(kept(&both), ["keel.sh/policy=never"]);
    }
}
