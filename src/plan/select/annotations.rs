//! Keel's annotations on the workloads that use an image: as the repo declares them, and as the cluster has them, where an admission policy or a
//! person may have put them. Under a key that a workload's text has, its live value says nothing: the text speaks for it.

use super::Layer;
use crate::model::policy::Policy;
use crate::model::schedule::Schedule;
use crate::pipeline::cluster::{Cluster, Workload};
use crate::pipeline::{Seen, Snapshot};
use crate::plan::live::{Found, Live, is_applied_here, uses};
use crate::plan::owner::keel_may_run;
use crate::sites::resource::{MARK, POLICY};
use crate::sites::{Literal, Site, Use};
use std::collections::BTreeSet;
use std::sync::Arc;

const SCHEDULE: &str = "keel.sh/pollSchedule";
/// The policy that counts more than the others where workloads disagree.
const NEVER: &str = "never";
const RELEASE: &str = "helm_release";

/// What the cluster says beside the text.
pub(super) struct Stamps<'a> {
    snapshot: &'a Snapshot,
    /// Whether Keel may be at work.
    keel: bool,
}

/// What one workload says under a key.
struct Word {
    value: Arc<str>,
    from: String,
    live: bool,
}

/// Returns what the annotations say that nobody said before.
pub(super) fn layers(live: Option<&Stamps>, literal: &Literal, site: &Site, said: &[Layer], wrong: &mut Vec<String>) -> Vec<Layer> {
    let mut policies = declared(site, POLICY, POLICY);
    if policies.is_empty() {
        policies = declared(site, MARK, POLICY);
    }
    if !said.iter().any(|layer| layer.policy.is_some()) {
        policies.extend(live.into_iter().flat_map(|live| live.words(literal, site, POLICY)));
    }
    let mut schedules = declared(site, SCHEDULE, SCHEDULE);
    if schedules.is_empty() && !said.iter().any(|layer| layer.schedule.is_some()) {
        schedules.extend(live.into_iter().flat_map(|live| live.words(literal, site, SCHEDULE)));
    }
    let policy = agreed(policies, POLICY, wrong).map(|word| (Policy::parse(&word.value), word));
    let schedule = agreed(schedules, SCHEDULE, wrong).map(|word| (Schedule::parse(&word.value), word));
    let mut layers = Vec::new();
    match policy {
        Some((Ok(policy), word)) => {
            layers.push(Layer { from: word.from, live: word.live, policy: Some(policy), ..Layer::default() });
        }
        Some((Err(why), word)) => wrong.push(format!("{why} ({})", word.from)),
        None => {}
    }
    match schedule {
        Some((Ok(schedule), word)) => {
            layers.push(Layer { from: word.from, live: word.live, schedule: Some(schedule), ..Layer::default() });
        }
        Some((Err(why), word)) => wrong.push(format!("{why} ({})", word.from)),
        None => {}
    }
    layers
}

/// What is declared in Terraform on the owners of the uses. `name` is what people know the key by.
fn declared(site: &Site, key: &str, name: &str) -> Vec<Word> {
    let own = site.keel.annotations.iter().filter(|(own, _)| &**own == key);
    own.map(|(_, value)| Word { value: value.clone(), from: format!("the annotation {name}"), live: false }).collect()
}

/// Returns the word that all workloads say; where they disagree, `never` if one of them says it.
fn agreed(words: Vec<Word>, key: &str, wrong: &mut Vec<String>) -> Option<Word> {
    let values: BTreeSet<Arc<str>> = words.iter().map(|word| word.value.clone()).collect();
    let never = |word: &Word| key == POLICY && &*word.value == NEVER;
    if values.len() > 1 && !words.iter().any(never) {
        let all: Vec<_> = values.iter().map(|value| format!("`{value}`")).collect();
        wrong.push(format!("the workloads that use the image disagree: {key} is {}", all.join(" and ")));
        return None;
    }
    words.into_iter().find(|word| values.len() < 2 || never(word))
}

/// Says whether the text of a use's workload has the key.
fn declares(site: &Site, used: &Use, key: &str) -> bool {
    let any = site.keel.declares.iter().any(|(_, own)| &**own == key);
    any && used.workload().is_some_and(|workload| site.keel.declares.iter().any(|(at, own)| *at == workload && &**own == key))
}

impl<'a> Stamps<'a> {
    pub fn new(snapshot: &'a Snapshot) -> Self {
        Self { snapshot, keel: keel_may_run(snapshot) }
    }

    /// What the workloads say whose text does not. What Keel follows by is Keel's: the image has another owner as long as it says so.
    fn words(&self, literal: &Literal, site: &Site, key: &str) -> Vec<Word> {
        let silent = literal.uses.iter().filter(|used| !declares(site, used, key));
        let said = silent.flat_map(|used| self.workloads(literal, used)).filter_map(|at| Some((place(at), at.keel.get(key)?)));
        let all: BTreeSet<_> = said.filter(|(_, value)| key != POLICY || !self.keel || value.eq_ignore_ascii_case(NEVER)).collect();
        let word = |(place, value): (String, &Arc<str>)| Word {
            value: value.clone(),
            from: format!("the live annotation {key} of {place}"),
            live: true,
        };
        all.into_iter().map(word).collect()
    }

    fn is_here(&self, used: &Use) -> bool {
        used.instances != Some(0) && is_applied_here(self.snapshot, used)
    }

    /// The workload of a use; of a release those that have the image.
    fn workloads<'b>(&'b self, literal: &'b Literal, used: &'b Use) -> Vec<&'b Workload> {
        let Some(cluster) = self.snapshot.cluster.known().filter(|_| self.is_here(used)) else { return Vec::new() };
        if &*used.kind == RELEASE {
            return self.released(literal, used).iter().filter(|live| live.container().is_some()).filter_map(Live::workload).collect();
        }
        let (Some(namespace), Some(name)) = (&used.namespace, &used.name) else { return Vec::new() };
        cluster.workload(&used.kind, namespace, name).into_iter().collect()
    }

    fn released<'b>(&'b self, literal: &'b Literal, used: &'b Use) -> Vec<Live<'b>> {
        let all = uses(self.snapshot, literal).unwrap_or_default();
        all.into_iter().filter(|live| std::ptr::eq(live.used, used)).collect()
    }

    /// Why a `never` may have been overlooked: the kind of a workload whose text has no policy could not be read. A name that the text does not
    /// tell could never be looked up: that is no failed look.
    pub fn unread(&self, literal: &Literal, site: &Site) -> Option<String> {
        let mut silent = literal.uses.iter().filter(|used| self.is_here(used) && !declares(site, used, POLICY));
        match &self.snapshot.cluster {
            Seen::NotAsked => None,
            Seen::Unknown(why) => silent.next().map(|_| format!("the cluster could not be asked: {why}")),
            Seen::Known(cluster) => silent.find_map(|used| self.unread_kind(cluster, literal, used)),
        }
    }

    fn unread_kind(&self, cluster: &Cluster, literal: &Literal, used: &Use) -> Option<String> {
        if &*used.kind != RELEASE {
            return cluster.unread.get(&used.kind).map(|why| format!("{}s could not be read: {why}", used.kind));
        }
        self.released(literal, used).into_iter().find_map(|live| match live.found {
            Found::Unknown(why) if !cluster.unread.is_empty() => Some(why),
            _ => None,
        })
    }
}

fn place(at: &Workload) -> String {
    format!("{} {}/{}", at.kind, at.namespace, at.name)
}
