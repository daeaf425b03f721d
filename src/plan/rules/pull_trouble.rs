//! Trouble between the nodes and a registry. While pods cannot pull from it for a reason that is
//! not the image's, another update from there would only fail in the same way.

use super::pass::{PullTroubles, RuleContext};
use crate::model::reference::Reference;
use crate::pipeline::Reason;
use crate::plan::site_plan::SitePlan;
use crate::plan::trouble::{LiveContainer, TroubleKind};

pub fn pull_trouble(pass: &RuleContext, site: &SitePlan) -> Option<Reason> {
    let waits = site.is_committed() && site.is_updated() && !site.is_commanded();
    let registry = Some(site.site.image.repository().registry).filter(|_| waits)?;
    let troubles = pass.pull_troubles.get_or_init(|| find_pull_troubles(pass));
    let evidence = troubles.get(&registry)?.clone();
    Some(Reason::PullTrouble { registry, evidence })
}

fn find_pull_troubles(pass: &RuleContext) -> PullTroubles {
    let mut troubles = PullTroubles::new();
    let Some(cluster) = pass.snapshot.cluster.known() else {
        return troubles;
    };
    for workload in &cluster.workloads {
        for container in &workload.containers {
            let live = LiveContainer::at_any_time(cluster, (workload, container));
            let mut found = live.find_troubles().into_iter();
            let pull = found.find(|one| one.kind == TroubleKind::PullFails);
            if let (Some(pull), Some(image)) = (pull, Reference::parse(&container.image)) {
                let registry = image.repository().registry;
                troubles.entry(registry).or_insert(pull.evidence);
            }
        }
    }
    troubles
}
