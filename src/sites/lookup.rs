//! What people call a site: `explain SITE|WORKLOAD|IMAGE` looks here. Reads the scan only.

use crate::model::pattern::StackPattern;
use crate::model::policy::nearest;
use crate::model::reference::Reference;
use crate::sites::{Fate, Literal, Scan, Site, Use};
use std::collections::BTreeSet;

/// What was found under a name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Matches {
    /// Places in [`Scan::literals`], in order.
    pub literals: Vec<usize>,
    /// Names that are near, when nothing was found.
    pub near: Vec<String>,
}

/// Looks for a site's id, the id that older versions gave it, `file:line`, a file, a stack by path
/// or name, `namespace/name[:container]`, `kind/namespace/name[:container]` with `?` for what the
/// text does not tell, an image in any spelling, a Terraform address, or the bare name of a
/// workload or container. The first of these that finds something decides.
pub fn find(scan: &Scan, target: &str) -> Matches {
    let target = target.trim();
    let named = StackPattern::new(target)
        .map(|pattern| scan.stacks.matching(&pattern).ids().clone())
        .unwrap_or_default();
    let ways: [&dyn Fn(&Literal) -> bool; 8] = [
        &|literal| site_of(literal).is_some_and(|site| *site.id.0 == *target),
        &|literal| has_older_id(literal, target),
        &|literal| {
            target == format!("{}:{}", literal.file, literal.line)
                || target == literal.file.display()
        },
        &|literal| {
            site_of(literal).is_some_and(|site| {
                *site.stack == *target || site.stacks.iter().any(|id| named.contains(id))
            })
        },
        &|literal| {
            literal
                .uses
                .iter()
                .any(|used| workload_names(used).iter().any(|name| name == target))
        },
        &|literal| images(literal).contains(&bare(target)),
        &|literal| site_of(literal).is_some_and(|site| is_address(site.id.as_str(), target)),
        &|literal| {
            literal.uses.iter().any(|used| {
                [used.name.as_ref(), used.holder.name()]
                    .iter()
                    .any(|name| name.is_some_and(|name| **name == *target))
            })
        },
    ];
    for way in ways {
        let literals: Vec<usize> = scan
            .literals
            .iter()
            .enumerate()
            .filter(|(_, literal)| way(literal))
            .map(|(index, _)| index)
            .collect();
        if !literals.is_empty() {
            return Matches {
                literals,
                near: Vec::new(),
            };
        }
    }
    Matches {
        literals: Vec::new(),
        near: near(scan, target),
    }
}

/// Says whether something has exactly this name. What would be a glob over stacks is none, unless
/// it is spelled like that.
pub fn is_name(scan: &Scan, text: &str) -> bool {
    let matches = find(scan, text);
    if !text.contains(['*', '?', '[', '{', '\\']) {
        return !matches.literals.is_empty();
    }
    matches.literals.iter().any(|index| {
        let literal = &scan.literals[*index];
        literal.file.display() == text
            || has_older_id(literal, text)
            || site_of(literal).is_some_and(|site| {
                *site.id.0 == *text
                    || *site.stack == *text
                    || site.stacks.iter().any(|id| id.0.as_str() == text)
            })
            || literal
                .uses
                .iter()
                .any(|used| workload_names(used).iter().any(|name| name == text))
    })
}

/// Says whether the literal is a site that older versions called so: its file and a use, with `?`
/// for what the text does not tell.
fn has_older_id(literal: &Literal, text: &str) -> bool {
    let is_own = |name: &str| {
        let uses = literal.uses.iter().map(ToString::to_string);
        uses.into_iter().any(|used| used == name)
    };
    site_of(literal).is_some_and(|site| {
        text.split_once('#')
            .is_some_and(|(file, name)| file == literal.file.display() && is_own(name))
            || site.older_names().any(|name| name == text)
    })
}

/// Says whether a site is written in what a Terraform address names: `kubernetes_deployment.web`,
/// `local.image`.
fn is_address(id: &str, target: &str) -> bool {
    let address = id.split_once('#').map_or("", |(_, address)| address);
    address
        .strip_prefix(target)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '.', '[', ':']))
}

fn site_of(literal: &Literal) -> Option<&Site> {
    match &literal.fate {
        Fate::Site(site) => Some(site),
        _ => None,
    }
}

/// `namespace/name`, with kind and container or without. A namespace that is not known is left out;
/// so is a name, but for the form that pintle shows: `deployment/apps/?:app`.
fn workload_names(used: &Use) -> Vec<String> {
    let shown = used.to_string();
    let unnamed = shown.strip_suffix(&format!(":{}", used.holder));
    let shown = [unnamed.unwrap_or(&shown).to_owned(), shown.clone()];
    let Some(name) = used.name.as_deref() else {
        return shown.into();
    };
    let full = used.namespace.as_deref().map_or_else(
        || name.to_owned(),
        |namespace| format!("{namespace}/{name}"),
    );
    let kinds = [full.clone(), format!("{}/{full}", used.kind)];
    let with_container = |text: &String| {
        used.holder
            .name()
            .map(|container| format!("{text}:{container}"))
    };
    kinds
        .iter()
        .cloned()
        .chain(kinds.iter().filter_map(with_container))
        .chain(shown)
        .collect()
}

/// All spellings of the images that the literal takes part in.
fn images(literal: &Literal) -> BTreeSet<String> {
    let known = literal
        .reference
        .as_deref()
        .into_iter()
        .chain(literal.uses.iter().filter_map(|used| used.image.as_deref()));
    known
        .filter_map(Reference::parse)
        .flat_map(|image| image.spellings())
        .collect()
}

/// The image without its digest, which a copy from a cluster has.
fn bare(target: &str) -> String {
    target
        .split_once('@')
        .map_or(target, |(image, _)| image)
        .to_owned()
}

fn near(scan: &Scan, target: &str) -> Vec<String> {
    let mut names: BTreeSet<String> = BTreeSet::new();
    for literal in &scan.literals {
        if let Some(site) = site_of(literal) {
            names.extend([site.id.to_string(), site.stack.to_string()]);
        }
        names.extend(literal.uses.iter().flat_map(workload_names));
        names.extend(images(literal));
    }
    let inside = names
        .iter()
        .filter(|name| target.len() > 2 && name.contains(target))
        .take(3)
        .cloned();
    let mut found: Vec<String> = nearest(target, names.iter().map(String::as_str))
        .map(str::to_owned)
        .into_iter()
        .chain(inside)
        .collect();
    let mut seen = BTreeSet::new();
    found.retain(|name| seen.insert(name.clone()));
    found
}
