//! What the changes of a plan claim, by site.

use crate::pipeline::Change;
use crate::pipeline::claim::Claim;
use crate::sites::{Literal, Scan, SiteId, Use};
use std::collections::{BTreeMap, BTreeSet};

/// What the changes claim, by site.
pub(super) struct Claims<'a> {
    by_site: BTreeMap<&'a SiteId, (&'a Literal, BTreeSet<&'a Claim>)>,
}

impl<'a> Claims<'a> {
    pub fn new(scan: &'a Scan, changes: &'a [Change]) -> Result<Self, String> {
        let mut by_site: BTreeMap<&SiteId, (&Literal, BTreeSet<&Claim>)> = BTreeMap::new();
        for claim in changes.iter().flat_map(|change| &change.claims) {
            let site = scan
                .sites()
                .find(|(_, site)| site.id == *claim.site())
                .ok_or_else(|| format!("{} is not a site", claim.site()))?;
            by_site
                .entry(&site.1.id)
                .or_insert((site.0, BTreeSet::new()))
                .1
                .insert(claim);
        }
        Ok(Self { by_site })
    }

    pub fn of(&self, site: &SiteId) -> impl Iterator<Item = &'a Claim> + '_ {
        self.by_site
            .get(site)
            .into_iter()
            .flat_map(|(_, claims)| claims.iter().copied())
    }

    pub fn all(&self) -> impl Iterator<Item = (&'a Literal, &'a Claim)> + '_ {
        self.by_site
            .values()
            .flat_map(|(literal, claims)| claims.iter().map(move |claim| (*literal, *claim)))
    }

    /// Says whether more than strings and comments may change.
    pub fn change_structure(&self) -> bool {
        self.all()
            .any(|(_, claim)| matches!(claim, Claim::Tracked { .. } | Claim::KeelHandsOff { .. }))
    }

    /// The images that uses have afterwards, where they change.
    pub fn images(&self) -> BTreeMap<Use, String> {
        let images = self.all().filter_map(|(literal, claim)| match claim {
            Claim::Image { image, .. } => Some((literal, image.to_string())),
            _ => None,
        });
        images
            .flat_map(|(literal, image)| {
                literal
                    .uses
                    .iter()
                    .map(move |used| (without_image(used), image.clone()))
            })
            .collect()
    }

    /// The uses that Terraform ignores before and owns after.
    pub fn tracked(&self) -> BTreeSet<Use> {
        let literals = self
            .all()
            .filter(|(_, claim)| matches!(claim, Claim::Tracked { .. }))
            .map(|(literal, _)| literal);
        literals
            .flat_map(|literal| &literal.uses)
            .filter(|used| used.ignored == Some(true))
            .map(without_image)
            .collect()
    }
}

/// Which use it is, whatever image it has.
pub(super) fn without_image(used: &Use) -> Use {
    Use {
        image: None,
        ignore_spans: Vec::new(),
        ..used.clone()
    }
}
