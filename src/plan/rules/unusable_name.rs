//! A site whose names cannot be recorded in a commit message is not changed. Its changes would be
//! refused when they are written, and no record would name the site.

use super::pass::RuleContext;
use crate::pipeline::{Reason, trailers};
use crate::plan::site_plan::SitePlan;
use crate::sites::{Literal, Use};

pub fn unusable_name(_: &RuleContext, site: &SitePlan) -> Option<Reason> {
    find_unusable_name(site)
}

/// Returns the first name that is not valid in a trailer, with its place.
pub(super) fn find_unusable_name(site: &SitePlan) -> Option<Reason> {
    let reason = |literal: &Literal, name: &str, fault: &'static str| Reason::UnusableName {
        name: name.into(),
        file: literal.file.clone(),
        line: literal.line,
        fault: fault.into(),
    };
    for used in &site.literal.uses {
        if let Some((name, fault)) = find_fault_in_names(used) {
            return Some(Reason::UnusableName {
                name: name.into(),
                file: used.file.clone(),
                line: used.line,
                fault: fault.into(),
            });
        }
    }
    if let Some(fault) = find_fault(site.literal.file.as_str()) {
        return Some(reason(site.literal, "the name of the file", fault));
    }
    let others = [site.site.id.as_str(), &site.settings.image];
    let is_invalid = |value: &&str| !trailers::is_valid(value);
    let invalid = others.into_iter().find(is_invalid)?;
    let fault = find_fault(invalid).unwrap_or("cannot be recorded in a commit message");
    Some(reason(site.literal, "the image or its address", fault))
}

fn find_fault_in_names(used: &Use) -> Option<(&'static str, &'static str)> {
    let names = [
        ("the namespace", used.namespace.as_deref()),
        ("the workload's name", used.name.as_deref()),
        (
            "the container's name",
            used.holder.name().map(|name| &**name),
        ),
    ];
    names
        .into_iter()
        .find_map(|(what, name)| Some((what, find_fault(name?)?)))
}

fn find_fault(name: &str) -> Option<&'static str> {
    if trailers::is_valid(name) {
        None
    } else if name.is_empty() {
        Some("is empty")
    } else if name.ends_with(['\n', '\r']) {
        Some("ends in a line break")
    } else if name.contains(['\n', '\r']) {
        Some("contains a line break")
    } else if name.chars().any(char::is_control) {
        Some("contains a control character")
    } else {
        Some("has space before or after it")
    }
}
