//! The sections `[cluster]` and `[[alert]]`, and the budget, checked.

use super::checked::{Checked, dotted, each, filled, hint, length, name_glob, optional, path_glob};
use super::wire::{self, Text};
use super::{Alert, Budget, Cluster, Custom, Drift, Keel};
use crate::model::duration;
use crate::model::pattern::Glob;

/// The field managers of the Terraform providers for Kubernetes: `hashicorp/kubernetes` names itself so in its user agent, and
/// `kubernetes_manifest` in its server-side apply; `kubectl` and `helm` are other providers' own.
pub(super) fn terraform() -> Vec<Glob> {
    ["Terraform", "terraform*", "HashiCorp", "OpenTofu*", "opentofu*"].iter().filter_map(|glob| Glob::name(glob).ok()).collect()
}

pub(super) fn cluster(wire: &wire::Cluster) -> Checked<Cluster> {
    let built_in = Cluster::default();
    Ok(Cluster {
        roots: each(&wire.roots, path_glob)?,
        environments: each(&wire.environments, name_glob)?,
        keel: match wire.keel {
            None | Some(wire::Keel::Auto) => Keel::Auto,
            Some(wire::Keel::Yes) => Keel::Yes,
            Some(wire::Keel::No) => Keel::No,
        },
        terraform: match &wire.terraform {
            Some(globs) => each(globs, |text| text.check(|text| Glob::name(text)))?,
            None => built_in.terraform,
        },
        ready_grace: optional(wire.ready_grace.as_ref(), length)?.unwrap_or(built_in.ready_grace),
        custom: each(&wire.custom, custom)?,
    })
}

fn custom(wire: &wire::Custom) -> Checked<Custom> {
    Ok(Custom {
        group: filled(&wire.group)?,
        version: filled(&wire.version)?,
        kind: filled(&wire.kind)?,
        plural: filled(&wire.plural)?,
        image: wire.image.check(|text| dotted(text))?,
    })
}

pub(super) fn alert(number: usize, wire: &wire::Alert) -> Checked<Alert> {
    let glob = |(name, text): (&String, &Text)| Ok((name.as_str().into(), text.check(|text| Glob::name(text))?));
    Ok(Alert {
        number,
        matches: wire.matches.iter().map(glob).collect::<Checked<_>>()?,
        namespace: optional(wire.namespace.as_ref(), filled)?.unwrap_or_else(|| "namespace".into()),
        workload: match &wire.workload {
            Some(labels) => each(labels, filled)?,
            None => ["deployment", "statefulset", "daemonset"].map(Into::into).into(),
        },
        pod: optional(wire.pod.as_ref(), filled)?.unwrap_or_else(|| "pod".into()),
    })
}

pub(super) fn drift(wire: wire::Drift) -> Drift {
    match wire {
        wire::Drift::Report => Drift::Report,
        wire::Drift::Adopt => Drift::Adopt,
        wire::Drift::Overwrite => Drift::Overwrite,
    }
}

/// `5 per 6h`, or `off`.
pub(super) fn budget(text: &Text) -> Checked<Option<Budget>> {
    if text.value() == "off" {
        return Ok(None);
    }
    let read = |text: &String| {
        let (changes, per) = text.split_once(" per ")?;
        let changes = changes.trim().parse().ok().filter(|changes| *changes > 0)?;
        Some(Some(Budget { changes, per: duration::parse(per.trim()).ok().filter(|per| !per.is_zero())? }))
    };
    let checked = text.check(|text| read(text).ok_or_else(|| format!("`{text}` is no budget")));
    checked.map_err(|wrong| hint(wrong, "write a number of changes and a length of time, `5 per 6h`, or `off`"))
}
