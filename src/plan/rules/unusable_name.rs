//! A site whose names cannot be recorded in a commit message is not changed. Its changes would be
//! refused when they are written, and no record would name the site.

use super::pass::RuleContext;
use crate::pipeline::{Reason, trailers};
use crate::plan::site_plan::SitePlan;

pub fn unusable_name(_: &RuleContext, site: &SitePlan) -> Option<Reason> {
    find_unusable_name(site)
}

/// Returns the first name that is not valid in a trailer, with its place.
pub(super) fn find_unusable_name(site: &SitePlan) -> Option<Reason> {
    let literal = site.literal;
    let of_uses = literal.uses.iter().flat_map(|used| {
        let names = [
            ("the namespace", used.namespace.as_deref()),
            ("the workload's name", used.name.as_deref()),
            (
                "the container's name",
                used.holder.name().map(|name| &**name),
            ),
        ];
        names.map(|(what, name)| (what, name, &used.file, used.line))
    });
    let of_site = [
        ("the name of the file", literal.file.as_str()),
        ("the address of the image", site.site.id.as_str()),
        ("the image", &*site.settings.image),
    ]
    .map(|(what, name)| (what, Some(name), &literal.file, literal.line));
    of_uses.chain(of_site).find_map(|(what, name, file, line)| {
        Some(Reason::UnusableName {
            name: what.into(),
            file: file.clone(),
            line,
            fault: find_fault(name?)?.into(),
        })
    })
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
