//! The words of commits: subject and body. Trailers are rendered where commits are written.

use super::judged::{Judged, Pin};
use crate::model::digest::Digest;
use crate::pipeline::Action;
use std::collections::BTreeSet;

/// Where a commit's subject should end, and its body always does where a word fits.
const WIDTH: usize = 72;

/// Kinds whose `container` is a container's name, not the path of a value.
const WORKLOADS: [&str; 7] = ["deployment", "statefulset", "daemonset", "cronjob", "job", "pod", "replicationcontroller"];

/// Returns subject, blank line and body.
pub(super) fn of(name: &str, pins: &[Pin]) -> String {
    let lifts = pins.iter().all(|pin| pin.want.action == Action::Lift);
    let back = pins.iter().all(|pin| pin.want.action == Action::Rollback);
    let subject = if lifts {
        lifted(name, pins)
    } else if back {
        returned(name, pins)
    } else {
        subject(name, pins)
    };
    format!("{subject}\n\n{}", body(pins))
}

/// `immich: lift the hold of server, which ended 2026-12-01`
fn lifted(name: &str, pins: &[Pin]) -> String {
    let names: BTreeSet<String> = pins.iter().map(|pin| short_name(name, pin.judged)).collect();
    let ends: BTreeSet<_> = pins.iter().flat_map(|pin| pin.judged.terms.holds.iter().filter_map(|hold| hold.value.until)).collect();
    let what = listed(&names.into_iter().collect::<Vec<_>>());
    let ended = ends.first().filter(|_| ends.len() == 1).map_or(String::new(), |end| format!(", which ended {}", end.strftime("%Y-%m-%d")));
    let fits = |subject: &String| subject.chars().count() <= WIDTH;
    let tries = [
        format!("{name}: lift the hold of {what}{ended}"),
        format!("{name}: lift the hold of {what}"),
        format!("{name}: lift {} holds that ended", pins.len()),
    ];
    tries.into_iter().find(fits).unwrap_or_else(|| format!("{name}: lift what ended"))
}

/// `immich: roll server back to 9b0e…11 (undo)`
fn returned(name: &str, pins: &[Pin]) -> String {
    let names: BTreeSet<String> = pins.iter().map(|pin| short_name(name, pin.judged)).collect();
    let digests: BTreeSet<&Digest> = pins.iter().filter_map(|pin| pin.want.to.as_ref()).collect();
    let causes: BTreeSet<&str> = pins.iter().map(|pin| pin.want.cause.word()).collect();
    let many = format!("{} images", pins.len());
    let what = if names.len() == pins.len() && names.len() <= 3 { listed(&names.into_iter().collect::<Vec<_>>()) } else { many.clone() };
    let to = digests.first().filter(|_| digests.len() == 1).map_or(String::new(), |digest| format!(" to {}", shorter(digest)));
    let cause = format!(" ({})", causes.into_iter().collect::<Vec<_>>().join(", "));
    let fits = |subject: &String| subject.chars().count() <= WIDTH;
    let tries = [
        format!("{name}: roll {what} back{to}{cause}"),
        format!("{name}: roll {what} back{cause}"),
        format!("{name}: roll {many} back{cause}"),
        format!("{name}: roll back{cause}"),
    ];
    tries.into_iter().find(fits).unwrap_or_else(|| format!("{name}: roll back"))
}

/// `immich: pin server and ml to 3f1c…a9 (release)`, with less where it would not fit or would not be true for all.
fn subject(name: &str, pins: &[Pin]) -> String {
    let many = format!("{name}: pin {} images", pins.len());
    let names: BTreeSet<String> = pins.iter().map(|pin| short_name(name, pin.judged)).collect();
    if pins.len() > 3 || names.len() < pins.len() {
        return many;
    }
    let digests: BTreeSet<&Digest> = pins.iter().filter_map(|pin| pin.want.to.as_ref()).collect();
    let tags: BTreeSet<_> = pins.iter().filter_map(|pin| pin.tag()).collect();
    let what = listed(&names.into_iter().collect::<Vec<_>>());
    let to = digests.first().filter(|_| digests.len() == 1).map_or(String::new(), |digest| format!(" to {}", shorter(digest)));
    let tag = tags.first().filter(|_| tags.len() == 1).map_or(String::new(), |tag| format!(" ({tag})"));
    let fits = |subject: &String| subject.chars().count() <= WIDTH;
    let tries = [format!("{name}: pin {what}{to}{tag}"), format!("{name}: pin {what}{to}"), format!("{name}: pin {what}")];
    tries.into_iter().find(fits).unwrap_or(if pins.len() == 1 { format!("{name}: pin an image") } else { many })
}

/// The container's name without the stack's in front, where there is one; else the last part of the repository.
pub(super) fn short_name(stack: &str, site: &Judged) -> String {
    let workloads = site.literal.uses.iter().filter(|used| WORKLOADS.contains(&&*used.kind));
    let containers: BTreeSet<_> = workloads.filter_map(|used| used.container.as_deref()).collect();
    let image = &site.site.image.name;
    let name = containers.first().filter(|_| containers.len() == 1).copied().unwrap_or_else(|| image.rsplit('/').next().unwrap_or(image));
    let name = if name.chars().all(|c| c.is_ascii_graphic()) { name } else { "image" };
    let rest = name.strip_prefix(stack).and_then(|rest| rest.strip_prefix('-')).filter(|rest| !rest.is_empty());
    rest.unwrap_or(name).to_owned()
}

/// `3f1c…a9`
pub(super) fn shorter(digest: &Digest) -> String {
    let hex = digest.as_str().trim_start_matches("sha256:");
    format!("{}…{}", &hex[..4], &hex[hex.len() - 2..])
}

/// `a`, `a and b`, `a, b and c`
pub(super) fn listed(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [one] => one.clone(),
        [all @ .., last] => format!("{} and {last}", all.join(", ")),
    }
}

fn body(pins: &[Pin]) -> String {
    match pins {
        [pin] => pin.want.notes.iter().map(|note| wrap(note, "")).collect::<Vec<_>>().join("\n"),
        pins => {
            let notes: BTreeSet<String> = pins.iter().map(|pin| pin.want.notes.join(" ")).collect();
            notes.iter().map(|note| format!("- {}", wrap(note, "  "))).collect::<Vec<_>>().join("\n")
        }
    }
}

/// Breaks at spaces before [`WIDTH`]; later lines start with `indent`. A longer word stays whole.
pub(super) fn wrap(text: &str, indent: &str) -> String {
    let mut out = String::new();
    let mut width = indent.len();
    for word in text.split_whitespace() {
        let length = word.chars().count();
        if out.is_empty() {
            width += length;
        } else if width + 1 + length > WIDTH {
            out.push('\n');
            out.push_str(indent);
            width = indent.len() + length;
        } else {
            out.push(' ');
            width += 1 + length;
        }
        out.push_str(word);
    }
    out
}
