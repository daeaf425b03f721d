//! The sections `[cluster]` and `[[alert]]`, and the budget, checked.

use super::checked::{Checked, dotted, each, filled, hint, length, name_glob, optional, path_glob};
use super::wire::{self, TomlText};
use super::{AlertConfig, Budget, ClusterConfig, Custom, Graces, KeelConfig};
use crate::model::duration;
use crate::model::pattern::Glob;
use crate::model::settings::Drift;

pub(super) fn cluster(wire: &wire::ClusterToml) -> Checked<ClusterConfig> {
    let built_in = ClusterConfig::default();
    Ok(ClusterConfig {
        roots: each(&wire.roots, path_glob)?,
        environments: each(&wire.environments, name_glob)?,
        keel: match wire.keel {
            None | Some(wire::KeelToml::Auto) => KeelConfig::Auto,
            Some(wire::KeelToml::Yes) => KeelConfig::Yes,
            Some(wire::KeelToml::No) => KeelConfig::No,
        },
        terraform: match &wire.terraform {
            Some(globs) => each(globs, |text| text.check(|text| Glob::name(text)))?,
            None => built_in.terraform,
        },
        graces: graces(wire)?,
        custom: each(&wire.custom, custom)?,
    })
}

fn graces(wire: &wire::ClusterToml) -> Checked<Graces> {
    let built_in = Graces::default();
    let read = |text: &Option<TomlText>, built_in| {
        Ok(optional(text.as_ref(), length)?.unwrap_or(built_in))
    };
    Ok(Graces {
        ready: read(&wire.ready_grace, built_in.ready)?,
        crash: read(&wire.crash_grace, built_in.crash)?,
        config: read(&wire.config_grace, built_in.config)?,
        retry: read(&wire.retry_grace, built_in.retry)?,
        start: read(&wire.start_grace, built_in.start)?,
    })
}

fn custom(wire: &wire::CustomToml) -> Checked<Custom> {
    Ok(Custom {
        group: filled(&wire.group)?,
        version: filled(&wire.version)?,
        kind: filled(&wire.kind)?,
        plural: filled(&wire.plural)?,
        image: wire.image.check(|text| dotted(text))?,
    })
}

pub(super) fn alert(number: usize, wire: &wire::AlertToml) -> Checked<AlertConfig> {
    let glob = |(name, text): (&String, &TomlText)| {
        Ok((name.as_str().into(), text.check(|text| Glob::name(text))?))
    };
    Ok(AlertConfig {
        number,
        matches: wire.matches.iter().map(glob).collect::<Checked<_>>()?,
        namespace: optional(wire.namespace.as_ref(), filled)?.unwrap_or_else(|| "namespace".into()),
        workload: match &wire.workload {
            Some(labels) => each(labels, filled)?,
            None => ["deployment", "statefulset", "daemonset"]
                .map(Into::into)
                .into(),
        },
        pod: optional(wire.pod.as_ref(), filled)?.unwrap_or_else(|| "pod".into()),
    })
}

pub(super) fn drift(wire: wire::DriftToml) -> Drift {
    match wire {
        wire::DriftToml::Report => Drift::Report,
        wire::DriftToml::Adopt => Drift::Adopt,
        wire::DriftToml::Overwrite => Drift::Overwrite,
    }
}

/// `5 per 6h`, or `off`.
pub(super) fn budget(text: &TomlText) -> Checked<Option<Budget>> {
    if text.value() == "off" {
        return Ok(None);
    }
    let read = |text: &String| {
        let (changes, per) = text.split_once(" per ")?;
        let changes = changes.trim().parse().ok().filter(|changes| *changes > 0)?;
        Some(Some(Budget {
            changes,
            per: duration::parse(per.trim())
                .ok()
                .filter(|per| !per.is_zero())?,
        }))
    };
    let checked = text.check(|text| read(text).ok_or_else(|| format!("`{text}` is not a budget")));
    checked.map_err(|wrong| {
        hint(
            wrong,
            "write a number of changes and a duration, `5 per 6h`, or `off`",
        )
    })
}
