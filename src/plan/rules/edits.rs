//! Two targets that would write over each other: two sites of one literal with different digests.

use super::pass::{Collisions, RuleContext};
use crate::pipeline::Reason;
use crate::plan::site_plan::SitePlan;
use crate::sites::SiteId;
use crate::terraform::edit::Edit;

pub fn collision(pass: &RuleContext, site: &SitePlan) -> Option<Reason> {
    let all = pass.collisions.get_or_init(|| find_collisions(pass.sites));
    all.get(&site.site.id).map(|other| Reason::EditCollision {
        site: other.clone(),
    })
}

fn find_collisions(sites: &[SitePlan]) -> Collisions {
    let edits = |site: &SitePlan| {
        site.target
            .as_ref()
            .map_or(Vec::new(), |target| target.edits.clone())
    };
    let mut wanted: Vec<(Edit, &SiteId)> = sites
        .iter()
        .flat_map(|site| {
            edits(site)
                .into_iter()
                .map(move |edit| (edit, &site.site.id))
        })
        .collect();
    wanted.sort();
    let mut found = Collisions::new();
    for (index, (a, left)) in wanted.iter().enumerate() {
        let overlaps = |b: &Edit| {
            a.file == b.file && (a.span.start == b.span.start || b.span.start < a.span.end)
        };
        for (b, right) in wanted[index + 1..].iter().take_while(|(b, _)| overlaps(b)) {
            // Two places at the end of one file are written one after the other.
            if a.span != b.span || a.put != b.put {
                found
                    .entry((*left).clone())
                    .or_insert_with(|| (*right).clone());
                found
                    .entry((*right).clone())
                    .or_insert_with(|| (*left).clone());
            }
        }
    }
    found
}
