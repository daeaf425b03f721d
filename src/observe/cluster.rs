//! Reads what runs in the cluster, and assembles its objects into workloads with their revisions
//! and pods. Decides nothing.

mod workloads;

use super::Session;
use crate::config::Config;
use crate::pipeline::Seen;
use crate::pipeline::cluster::Cluster;
use crate::remote::kubernetes::{Custom, Kind, Objects, Scope};
use crate::sites::Scan;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Returns the cluster as it is now, or as the watches have it; `NotAsked` if none is configured.
pub async fn cluster(session: &Session, config: &Config, scan: &Scan) -> Seen<Cluster> {
    let Some(client) = session.cluster() else {
        return Seen::NotAsked;
    };
    session.note_look();
    let kinds = wanted_kinds(config);
    if let Some(watches) = session.watches() {
        watches.want(&kinds, used_namespaces(scan));
        return assemble_cluster(&watches.objects().await);
    }
    match client.objects(&kinds).await {
        Ok(objects) => {
            for why in objects
                .kinds
                .values()
                .filter_map(|read| read.as_ref().err())
            {
                tracing::warn!("{why}");
            }
            assemble_cluster(&objects)
        }
        Err(error) => Seen::Unknown(error.to_string()),
    }
}

/// Assembles workloads from objects. Unknown if not a single kind could be read.
pub fn assemble_cluster(objects: &Objects) -> Seen<Cluster> {
    let mut failed = objects
        .kinds
        .values()
        .filter_map(|read| read.as_ref().err());
    let first = failed.next();
    match first {
        Some(why) if failed.count() + 1 == objects.kinds.len() => Seen::Unknown(why.clone()),
        _ => Seen::Known(workloads::build_cluster(objects)),
    }
}

/// Returns the kinds to read: the built-in ones and the configured custom resources.
fn wanted_kinds(config: &Config) -> BTreeSet<Kind> {
    let custom = config.cluster.custom.iter().map(|custom| {
        Kind::Custom(Arc::new(Custom {
            group: custom.group.clone(),
            version: custom.version.clone(),
            kind: custom.kind.clone(),
            plural: custom.plural.clone(),
            image: custom.image.clone(),
        }))
    });
    Kind::BUILT_IN.into_iter().chain(custom).collect()
}

/// Returns the namespaces of all uses. A namespace that is unknown stands for all namespaces.
fn used_namespaces(scan: &Scan) -> Scope {
    scan.literals
        .iter()
        .flat_map(|literal| &literal.uses)
        .map(|used| used.namespace.clone())
        .collect()
}

#[cfg(test)]
mod tests;
