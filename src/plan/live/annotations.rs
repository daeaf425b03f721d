//! Keel's annotations as the cluster has them, where an admission policy or a person may have put
//! them. Under a key that a workload's text has, its live value says nothing: the text is what the
//! next apply makes of it.

use super::{LiveMatch, LiveUse, is_applied_here, name};
use crate::config::site_settings::{Annotation, LiveAnnotations};
use crate::model::keel::{KeelScope, MATCH_PRE_RELEASE, NEVER, POLICY, SCHEDULE};
use crate::model::workload::WorkloadKind;
use crate::pipeline::cluster::{Cluster, Workload};
use crate::pipeline::{Seen, Snapshot};
use crate::sites::{Literal, Site, Use};
use std::collections::BTreeSet;
use std::sync::Arc;

/// The live uses of a literal, or why the cluster could not be asked.
type Uses<'a> = Result<Vec<LiveUse<'a>>, String>;

/// Reads what the cluster says beside the text.
pub(in crate::plan) struct LiveAnnotationReader<'a> {
    snapshot: &'a Snapshot,
    /// Whether Keel may be at work. What it follows by is Keel's: the image has another owner as
    /// long as it says so.
    keel_may_run: bool,
}

impl<'a> LiveAnnotationReader<'a> {
    pub fn new(snapshot: &'a Snapshot, keel_may_run: bool) -> Self {
        Self {
            snapshot,
            keel_may_run,
        }
    }

    pub fn read(&self, literal: &Literal, site: &Site, uses: &Uses) -> LiveAnnotations {
        LiveAnnotations {
            policies: self.live_values(literal, site, uses, POLICY),
            schedules: self.live_values(literal, site, uses, SCHEDULE),
            pre_releases: self.live_values(literal, site, uses, MATCH_PRE_RELEASE),
        }
    }

    /// What the workloads say whose text does not.
    fn live_values(
        &self,
        literal: &Literal,
        site: &Site,
        uses: &Uses,
        key: &str,
    ) -> Vec<Annotation> {
        let silent = literal
            .uses
            .iter()
            .filter(|used| !is_declared(site, used, key));
        let said = silent
            .flat_map(|used| {
                let workloads = self.workloads_of(used, uses).into_iter();
                workloads.map(move |at| (used, at))
            })
            .filter_map(|(used, at)| {
                let value = at.keel.get(key)?;
                let is_for = key != POLICY || is_for_container(at, used, value);
                is_for.then(|| (name(at), value))
            });
        let all: BTreeSet<_> = said
            .filter(|(_, value)| {
                key != POLICY || !self.keel_may_run || value.eq_ignore_ascii_case(NEVER)
            })
            .collect();
        let word = |(place, value): (String, &Arc<str>)| Annotation {
            value: value.clone(),
            source: format!("the live annotation {key} of {place}"),
            is_live: true,
        };
        all.into_iter().map(word).collect()
    }

    fn is_here(&self, used: &Use) -> bool {
        used.instances != Some(0) && is_applied_here(self.snapshot, used)
    }

    /// The workload of a use; of a release those that have the image.
    fn workloads_of(&self, used: &Use, uses: &Uses<'a>) -> Vec<&'a Workload> {
        let Some(cluster) = self.snapshot.cluster.known().filter(|_| self.is_here(used)) else {
            return Vec::new();
        };
        if used.kind == WorkloadKind::HelmRelease {
            let released = of_use(used, uses).filter(|live| live.container().is_some());
            return released.filter_map(LiveUse::workload).collect();
        }
        used.workload()
            .and_then(|named| cluster.workload(&named))
            .into_iter()
            .collect()
    }

    /// Why a `never` may have been overlooked: the kind of a workload whose text has no policy
    /// could not be read. A name that the text does not tell could never be looked up: that is no
    /// failed look.
    pub fn unread(&self, literal: &Literal, site: &Site, uses: &Uses) -> Option<String> {
        let mut silent = literal
            .uses
            .iter()
            .filter(|used| self.is_here(used) && !is_declared(site, used, POLICY));
        match &self.snapshot.cluster {
            Seen::NotAsked => None,
            Seen::Unknown(why) => silent
                .next()
                .map(|_| format!("the cluster could not be asked: {why}")),
            Seen::Known(cluster) => silent.find_map(|used| self.unread_kind(cluster, used, uses)),
        }
    }

    fn unread_kind(&self, cluster: &Cluster, used: &Use, uses: &Uses) -> Option<String> {
        if used.kind != WorkloadKind::HelmRelease {
            return cluster
                .unread
                .get(&used.kind)
                .map(|why| format!("{}s could not be read: {why}", used.kind));
        }
        of_use(used, uses).find_map(|live| match &live.found {
            LiveMatch::Unknown(why) if !cluster.unread.is_empty() => Some(why.clone()),
            _ => None,
        })
    }
}

fn of_use<'b, 'a>(used: &'b Use, uses: &'b Uses<'a>) -> impl Iterator<Item = &'b LiveUse<'a>> {
    uses.iter()
        .flatten()
        .filter(move |live| std::ptr::eq(live.used, used))
}

/// Says whether Keel's policy is for the container of a use; where none is known it is.
fn is_for_container(workload: &Workload, used: &Use, policy: &str) -> bool {
    let pairs = workload.keel.iter();
    let scope = KeelScope::of(pairs.map(|(key, value)| (&**key, &**value)));
    let container = used.holder.container();
    container.is_none_or(|name| scope.applies(policy, name, used.holder.is_init()))
}

/// Says whether the text of a use's workload has the key.
fn is_declared(site: &Site, used: &Use, key: &str) -> bool {
    let any = site.keel.declares.iter().any(|(_, own)| &**own == key);
    any && used.workload().is_some_and(|workload| {
        site.keel
            .declares
            .iter()
            .any(|(at, own)| *at == workload && &**own == key)
    })
}
