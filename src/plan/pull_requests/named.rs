//! Pull requests and branches by name, and the sites that a pull request is about.

use crate::pipeline::forge::{Branch, Forge, PullRequest, PullState, branch_name};
use crate::pipeline::{PinRecord, Snapshot};
use crate::plan::site_plan::is_comment_name;
use crate::sites::Site;

/// The open pull request of a name; the oldest where two replicas opened one each.
pub(in crate::plan) fn find_open<'a>(forge: &'a Forge, name: &str) -> Option<&'a PullRequest> {
    let part = branch_name(name);
    forge
        .pulls
        .iter()
        .filter(|pull| pull.state == PullState::Open && *pull.name == *part)
        .min_by_key(|pull| pull.number)
}

/// The branch of a name.
pub(super) fn find_branch<'a>(snapshot: &'a Snapshot, name: &str) -> Option<&'a Branch> {
    let part = branch_name(name);
    snapshot
        .branches
        .iter()
        .find(|branch| *branch.name == *part)
}

/// Says whether a comment asked for it.
pub(in crate::plan) fn is_of_comment(pull: &PullRequest) -> bool {
    is_comment_name(&pull.name)
}

/// Says whether a pin that a pull request proposes is a site's: by its id, or by a use where no
/// site has that id any more.
pub(in crate::plan) fn is_pin_of(snapshot: &Snapshot, pin: &PinRecord, site: &Site) -> bool {
    pin.site == *site.id.0
        || (pin.names(site)
            && !snapshot
                .scan
                .sites()
                .any(|(_, other)| pin.site == *other.id.0))
}
