//! From the pins that are wanted to changes: edits, and the words of their commits. Trailers are rendered where commits are written.

use super::gate::{Judged, Want};
use crate::model::digest::Digest;
use crate::model::reference::Channel;
use crate::pipeline::{Change, PinRecord, Route, Verdict};
use crate::terraform::edit::Edit;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Where a commit's subject should end, and its body always does where a word fits.
const WIDTH: usize = 72;

/// Kinds whose `container` is a container's name, not the path of a value.
const WORKLOADS: [&str; 7] = ["deployment", "statefulset", "daemonset", "cronjob", "job", "pod", "replicationcontroller"];

struct Pin<'a> {
    judged: &'a Judged<'a>,
    want: &'a Want,
}

/// Refuses pins that would be written over each other, which two sites of one literal with different digests would be.
pub(super) fn refuse_collisions(judged: &mut [Judged]) {
    let mut wanted: Vec<(Edit, usize)> =
        judged.iter().enumerate().filter_map(|(i, site)| Some((edit(site, site.want.as_ref()?), i))).collect();
    wanted.sort();
    let mut refused: BTreeMap<usize, usize> = BTreeMap::new();
    for (index, (a, left)) in wanted.iter().enumerate() {
        let overlaps = |b: &Edit| a.file == b.file && (a.span.start == b.span.start || b.span.start < a.span.end);
        for (b, right) in wanted[index + 1..].iter().take_while(|(b, _)| overlaps(b)) {
            if a.span != b.span || a.put != b.put {
                refused.entry(*left).or_insert(*right);
                refused.entry(*right).or_insert(*left);
            }
        }
    }
    for (site, other) in refused {
        let why = format!("its pin would be written over the one of {}", judged[other].decision.site);
        judged[site].hold_back(Verdict::Blocked, why);
    }
}

/// Returns one change a group or stack, sorted by name.
pub(super) fn changes(judged: &[Judged]) -> Vec<Change> {
    let mut by_name: BTreeMap<Arc<str>, Vec<Pin>> = BTreeMap::new();
    for site in judged {
        if let Some(want) = &site.want {
            let name = site.terms.group.clone().unwrap_or_else(|| site.site.stack.clone());
            by_name.entry(name).or_default().push(Pin { judged: site, want });
        }
    }
    by_name.into_iter().map(|(name, pins)| change(name, &pins)).collect()
}

fn change(name: Arc<str>, pins: &[Pin]) -> Change {
    let mut edits: Vec<Edit> = pins.iter().map(|pin| edit(pin.judged, pin.want)).collect();
    edits.sort();
    edits.dedup_by(|a, b| a.file == b.file && a.span == b.span);
    let prove: BTreeSet<(Channel, Digest)> =
        pins.iter().filter_map(|pin| Some((pin.judged.terms.channel.clone()?, pin.want.to.clone()))).collect();
    Change {
        route: Route::Commit,
        message: format!("{}\n\n{}", subject(&name, pins), body(pins)),
        pins: pins.iter().map(record).collect(),
        prove: prove.into_iter().collect(),
        edits,
        name,
    }
}

fn edit(site: &Judged, want: &Want) -> Edit {
    let place = &site.site.pin;
    Edit {
        file: site.literal.file.clone(),
        span: place.span,
        expect: place.expect.clone().into_bytes(),
        put: place.text(&want.to).into_bytes(),
        why: format!("pin {} to {}", site.terms.image, want.to),
    }
}

fn record(pin: &Pin) -> PinRecord {
    PinRecord {
        action: pin.want.action,
        site: pin.judged.decision.site.to_string(),
        image: pin.judged.terms.image.clone(),
        from: pin.judged.decision.from.clone(),
        to: Some(pin.want.to.clone()),
        cause: pin.want.cause,
        asked: None,
    }
}

/// `immich: pin server and ml to 3f1c…a9 (release)`, with less where it would not fit or would not be true for all.
fn subject(name: &str, pins: &[Pin]) -> String {
    let many = format!("{name}: pin {} images", pins.len());
    let names: BTreeSet<String> = pins.iter().map(|pin| short_name(name, pin.judged)).collect();
    if pins.len() > 3 || names.len() < pins.len() {
        return many;
    }
    let digests: BTreeSet<&Digest> = pins.iter().map(|pin| &pin.want.to).collect();
    let tags: BTreeSet<_> = pins.iter().filter_map(|pin| pin.judged.terms.channel.as_ref()).map(|channel| &channel.tag).collect();
    let what = listed(&names.into_iter().collect::<Vec<_>>());
    let to = digests.first().filter(|_| digests.len() == 1).map_or(String::new(), |digest| format!(" to {}", shorter(digest)));
    let tag = tags.first().filter(|_| tags.len() == 1).map_or(String::new(), |tag| format!(" ({tag})"));
    let fits = |subject: &String| subject.chars().count() <= WIDTH;
    let tries = [format!("{name}: pin {what}{to}{tag}"), format!("{name}: pin {what}{to}"), format!("{name}: pin {what}")];
    tries.into_iter().find(fits).unwrap_or(if pins.len() == 1 { format!("{name}: pin an image") } else { many })
}

/// The container's name without the stack's in front, where there is one; else the last part of the repository.
fn short_name(stack: &str, site: &Judged) -> String {
    let workloads = site.literal.uses.iter().filter(|used| WORKLOADS.contains(&&*used.kind));
    let containers: BTreeSet<_> = workloads.filter_map(|used| used.container.as_deref()).collect();
    let image = &site.site.image.name;
    let name = containers.first().filter(|_| containers.len() == 1).copied().unwrap_or_else(|| image.rsplit('/').next().unwrap_or(image));
    let name = if name.chars().all(|c| c.is_ascii_graphic()) { name } else { "image" };
    let rest = name.strip_prefix(stack).and_then(|rest| rest.strip_prefix('-')).filter(|rest| !rest.is_empty());
    rest.unwrap_or(name).to_owned()
}

/// `3f1c…a9`
fn shorter(digest: &Digest) -> String {
    let hex = digest.as_str().trim_start_matches("sha256:");
    format!("{}…{}", &hex[..4], &hex[hex.len() - 2..])
}

/// `a`, `a and b`, `a, b and c`
fn listed(names: &[String]) -> String {
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
fn wrap(text: &str, indent: &str) -> String {
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
