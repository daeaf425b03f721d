//! Entries of the configuration that match nothing in the repo: a typing error in one of them
//! leaves unprotected what it was meant to protect.

use super::site_settings::{Resolver, names_site};
use super::{Config, HoldEntry, image_matches};
use crate::model::settings::Mode;
use crate::sites::stacks::StackMatch;
use crate::sites::{Literal, Scan, Site};

/// An entry, and what was looked for.
pub type UnmatchedEntry = (String, String);

/// Returns the entries that match nothing, in the order of the file's sections.
pub fn find_unmatched(config: &Config, scan: &Scan) -> Vec<UnmatchedEntry> {
    let resolver = Resolver::new(scan, config, Mode::Commit);
    let sites: Vec<(&Literal, &Site)> = scan.sites().collect();
    let mut out = Vec::new();
    for environment in &config.environments {
        if !scan
            .stacks
            .ids()
            .any(|id| environment.root.matches(id.0.display()))
        {
            out.push((
                format!("[[environment]] {}", environment.name),
                format!("no root is `{}`", environment.root.as_str()),
            ));
        }
    }
    for module in &config.modules {
        if !scan
            .remote_modules
            .iter()
            .any(|source| module.source.matches(source))
        {
            out.push((
                format!("[[module]] `{}`", module.source.as_str()),
                "no module of another repo is called from there".to_owned(),
            ));
        }
    }
    for rule in &config.rules {
        if !rule.matches.is_empty()
            && !sites
                .iter()
                .any(|(literal, site)| resolver.matches(&rule.matches, literal, site))
        {
            out.push((
                format!("[[rule]] {}", rule.number),
                "no image has all that its `match` asks for".to_owned(),
            ));
        }
    }
    for group in &config.groups {
        let name = format!("[[group]] {}", group.name);
        let unnamed = group.sites.iter().filter(|glob| {
            !sites
                .iter()
                .any(|(_, site)| names_site(std::slice::from_ref(glob), site))
        });
        out.extend(unnamed.map(|glob| {
            (
                name.clone(),
                format!("no site has the id or alias `{}`", glob.as_str()),
            )
        }));
        let unused = group.images.iter().filter(|glob| {
            !sites
                .iter()
                .any(|(_, site)| image_matches(std::slice::from_ref(glob), &site.image))
        });
        out.extend(unused.map(|glob| (name.clone(), format!("no image is `{}`", glob.as_str()))));
    }
    for entry in &config.holds {
        if !sites.iter().any(|(_, site)| resolver.holds(entry, site)) {
            out.push((format!("[[hold]] {}", entry.number), looked_for(entry)));
        }
    }
    for (entry, pattern) in resolver.stack_patterns() {
        let is_reported = entry.starts_with("[[hold]]") || entry.starts_with("[[rule]]");
        match scan.stacks.matching(pattern) {
            StackMatch::Ambiguous(stacks) => {
                let stacks: Vec<String> = stacks.iter().map(ToString::to_string).collect();
                let (name, stacks) = (pattern.as_str(), stacks.join(", "));
                let what =
                    format!("several stacks have the name `{name}`: {stacks}; write the path");
                out.push((entry, what));
            }
            StackMatch::Stacks(found) if found.is_empty() && !is_reported => {
                let what = format!("no stack has the path or name `{}`", pattern.as_str());
                out.push((entry, what));
            }
            StackMatch::Stacks(_) => {}
        }
    }
    out
}

fn looked_for(entry: &HoldEntry) -> String {
    let sites: Vec<String> = entry
        .site
        .iter()
        .map(|glob| format!("`{}`", glob.as_str()))
        .collect();
    let site = (!sites.is_empty()).then(|| format!("id or alias {}", sites.join(" or ")));
    let image = entry
        .image
        .as_ref()
        .map(|glob| format!("image `{}`", glob.as_str()));
    let stack = entry
        .stack
        .as_ref()
        .map(|pattern| format!("stack `{}`", pattern.as_str()));
    let all: Vec<String> = [site, image, stack].into_iter().flatten().collect();
    format!("no site has {}", all.join(" and "))
}
