//! The words of commits: subject and body. Trailers are rendered where commits are written.

use super::site_plan::{CommandTarget, SitePlan, TargetOf};
use crate::model::digest::Digest;
use crate::model::reference::{Reference, Tag};
use crate::pipeline::Action;
use std::collections::BTreeSet;

/// Where a commit's subject should end, and its body always does where a word fits.
const WIDTH: usize = 72;

/// Returns subject, blank line and body.
pub(super) fn make_message(name: &str, pins: &[TargetOf]) -> String {
    if let Some(command) = pins.first().and_then(|pin| pin.target.command.as_ref()) {
        return make_command_message(command, pins);
    }
    let lifts = pins.iter().all(|pin| pin.target.action == Action::Lift);
    let back = pins.iter().all(|pin| pin.target.action == Action::Rollback);
    let bumps = pins.iter().all(|pin| pin.target.action == Action::Bump);
    let subject = if bumps {
        bump_subject(name, pins)
    } else if lifts {
        hold_subject(name, pins)
    } else if back {
        rollback_subject(name, pins)
    } else {
        pin_subject(name, pins)
    };
    format!("{subject}\n\n{}", make_body(pins))
}

/// `immich: remove the hold of server, which expired 2026-12-01`
fn hold_subject(name: &str, pins: &[TargetOf]) -> String {
    let names: BTreeSet<String> = pins.iter().map(|pin| short_name(name, pin.site)).collect();
    let ends: BTreeSet<_> = pins
        .iter()
        .flat_map(|pin| {
            pin.site
                .settings
                .holds
                .iter()
                .filter_map(|hold| hold.value.until)
        })
        .collect();
    let what = listed(&names.into_iter().collect::<Vec<_>>());
    let ended = ends
        .first()
        .filter(|_| ends.len() == 1)
        .map_or(String::new(), |end| {
            format!(", which expired {}", end.strftime("%Y-%m-%d"))
        });
    let fits = |subject: &String| subject.chars().count() <= WIDTH;
    let tries = [
        format!("{name}: remove the hold of {what}{ended}"),
        format!("{name}: remove the hold of {what}"),
        format!("{name}: remove {} expired holds", pins.len()),
    ];
    tries
        .into_iter()
        .find(fits)
        .unwrap_or_else(|| format!("{name}: remove expired holds"))
}

/// `immich: roll back server to 9b0e…11 (undo)`
fn rollback_subject(name: &str, pins: &[TargetOf]) -> String {
    let names: BTreeSet<String> = pins.iter().map(|pin| short_name(name, pin.site)).collect();
    let digests: BTreeSet<&Digest> = pins
        .iter()
        .filter_map(|pin| pin.target.to.as_ref())
        .collect();
    let causes: BTreeSet<&str> = pins.iter().map(|pin| pin.target.cause.as_str()).collect();
    let many = format!("{} images", pins.len());
    let what = if names.len() == pins.len() && names.len() <= 3 {
        listed(&names.into_iter().collect::<Vec<_>>())
    } else {
        many.clone()
    };
    let to = digests
        .first()
        .filter(|_| digests.len() == 1)
        .map_or(String::new(), |digest| format!(" to {}", shorter(digest)));
    let cause = format!(" ({})", causes.into_iter().collect::<Vec<_>>().join(", "));
    let fits = |subject: &String| subject.chars().count() <= WIDTH;
    let tries = [
        format!("{name}: roll back {what}{to}{cause}"),
        format!("{name}: roll back {what}{cause}"),
        format!("{name}: roll back {many}{cause}"),
        format!("{name}: roll back{cause}"),
    ];
    tries
        .into_iter()
        .find(fits)
        .unwrap_or_else(|| format!("{name}: roll back"))
}

/// `immich: bump server and ml from v1.119.0 to v1.120.1`
fn bump_subject(name: &str, pins: &[TargetOf]) -> String {
    let many = format!("{} images", pins.len());
    let names: BTreeSet<String> = pins.iter().map(|pin| short_name(name, pin.site)).collect();
    let what = if names.len() == pins.len() && names.len() <= 3 {
        listed(&names.into_iter().collect::<Vec<_>>())
    } else {
        many.clone()
    };
    let before: BTreeSet<Tag> = pins
        .iter()
        .filter_map(|pin| pin.site.site.image.effective_tag())
        .collect();
    let after: BTreeSet<Tag> = pins.iter().filter_map(tag_after).collect();
    let one = |tags: &BTreeSet<Tag>| tags.first().filter(|_| tags.len() == 1).cloned();
    let to = one(&after).map_or(String::new(), |tag| format!(" to {tag}"));
    let from = one(&before)
        .filter(|_| !to.is_empty())
        .map_or(String::new(), |tag| format!(" from {tag}"));
    let fits = |subject: &String| subject.chars().count() <= WIDTH;
    let tries = [
        format!("{name}: bump {what}{from}{to}"),
        format!("{name}: bump {what}{to}"),
        format!("{name}: bump {what}"),
        format!("{name}: bump {many}"),
    ];
    let found = tries.into_iter().find(fits);
    found.unwrap_or_else(|| format!("{name}: bump images"))
}

/// `immich: pin server and ml to 3f1c…a9 (release)`, with less where it would not fit or would not
/// be true for all.
fn pin_subject(name: &str, pins: &[TargetOf]) -> String {
    let many = format!("{name}: pin {} images", pins.len());
    let names: BTreeSet<String> = pins.iter().map(|pin| short_name(name, pin.site)).collect();
    if pins.len() > 3 || names.len() < pins.len() {
        return many;
    }
    let digests: BTreeSet<&Digest> = pins
        .iter()
        .filter_map(|pin| pin.target.to.as_ref())
        .collect();
    let tags: BTreeSet<_> = pins.iter().filter_map(|pin| tag_after(pin)).collect();
    let what = listed(&names.into_iter().collect::<Vec<_>>());
    let to = digests
        .first()
        .filter(|_| digests.len() == 1)
        .map_or(String::new(), |digest| format!(" to {}", shorter(digest)));
    let tag = tags
        .first()
        .filter(|_| tags.len() == 1)
        .map_or(String::new(), |tag| format!(" ({tag})"));
    let fits = |subject: &String| subject.chars().count() <= WIDTH;
    let tries = [
        format!("{name}: pin {what}{to}{tag}"),
        format!("{name}: pin {what}{to}"),
        format!("{name}: pin {what}"),
    ];
    tries.into_iter().find(fits).unwrap_or(if pins.len() == 1 {
        format!("{name}: pin an image")
    } else {
        many
    })
}

/// The container's name without the stack's in front, where there is one; else the last part of the
/// repository.
fn short_name(stack: &str, site: &SitePlan) -> String {
    let workloads = site
        .literal
        .uses
        .iter()
        .filter(|used| used.kind.owns_containers());
    let containers: BTreeSet<_> = workloads
        .filter_map(|used| used.holder.name())
        .map(|name| &**name)
        .collect();
    let image = &site.site.image.name;
    let name = containers
        .first()
        .filter(|_| containers.len() == 1)
        .copied()
        .unwrap_or_else(|| image.rsplit('/').next().unwrap_or(image));
    let name = if name.chars().all(|c| c.is_ascii_graphic()) {
        name
    } else {
        "image"
    };
    let rest = name
        .strip_prefix(stack)
        .and_then(|rest| rest.strip_prefix('-'))
        .filter(|rest| !rest.is_empty());
    rest.unwrap_or(name).to_owned()
}

/// `3f1c…a9`
pub(super) fn shorter(digest: &Digest) -> String {
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

fn make_body(pins: &[TargetOf]) -> String {
    match pins {
        [pin] => pin
            .target
            .notes
            .iter()
            .map(|note| wrap(note, ""))
            .collect::<Vec<_>>()
            .join("\n"),
        pins => {
            let notes: BTreeSet<String> =
                pins.iter().map(|pin| pin.target.notes.join(" ")).collect();
            notes
                .iter()
                .map(|note| format!("- {}", wrap(note, "  ")))
                .collect::<Vec<_>>()
                .join("\n")
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

/// The tag as it will be declared.
fn tag_after(pin: &TargetOf) -> Option<Tag> {
    match &pin.target.image {
        Some(image) => Reference::parse(image)?.tag,
        None => pin
            .site
            .settings
            .channel
            .as_ref()
            .map(|channel| channel.tag.clone()),
    }
}

/// `immich: hold server and ml`, and who asked for it where.
fn make_command_message(command: &CommandTarget, pins: &[TargetOf]) -> String {
    let stacks: BTreeSet<&str> = pins.iter().map(|pin| &*pin.site.site.stack).collect();
    let stack = stacks
        .first()
        .filter(|_| stacks.len() == 1)
        .copied()
        .unwrap_or("several stacks");
    let names: BTreeSet<String> = pins.iter().map(|pin| short_name(stack, pin.site)).collect();
    let many = format!("{} images", pins.len());
    let all = if names.len() == pins.len() && names.len() <= 3 {
        listed(&names.into_iter().collect::<Vec<_>>())
    } else {
        many.clone()
    };
    let actions: BTreeSet<_> = pins.iter().map(|pin| pin.target.action).collect();
    let digests: BTreeSet<_> = pins
        .iter()
        .filter_map(|pin| pin.target.to.as_ref())
        .collect();
    let to = digests
        .first()
        .filter(|_| digests.len() == 1)
        .map_or(String::new(), |to| format!(" to {}", shorter(to)));
    let what = match actions.first().filter(|_| actions.len() == 1) {
        Some(action) => command_words(*action, &all, &to),
        None => format!("change {all}"),
    };
    let fits = |subject: &String| subject.chars().count() <= WIDTH;
    let short = |text: &str| format!("{stack}: {text}");
    let tries = [
        short(&what),
        short(what.strip_suffix(to.as_str()).unwrap_or(&what)),
        short(&format!("change {many}")),
    ];
    let subject = tries
        .into_iter()
        .find(fits)
        .unwrap_or_else(|| "do what a comment asks for".into());
    // `ana (7)`: the login is enough for people.
    let login = command
        .asked
        .by
        .rsplit_once(" (")
        .map_or(command.asked.by.as_str(), |(login, _)| login);
    let by = login
        .chars()
        .filter(|c| c.is_ascii_graphic())
        .collect::<String>();
    let notes: BTreeSet<&String> = pins.iter().flat_map(|pin| &pin.target.notes).collect();
    let notes: String = notes
        .into_iter()
        .map(|note| format!("\n\n{}", wrap(note, "")))
        .collect();
    let because: BTreeSet<&String> = pins
        .iter()
        .filter_map(|pin| pin.target.command.as_ref()?.asked.because.as_ref())
        .collect();
    let because: String = because
        .into_iter()
        .map(|why| format!("\n\n{}", wrap(&format!("Because: {why}"), "")))
        .collect();
    format!(
        "{subject}\n\nAsked for by {by}:\n{}{because}{notes}",
        command.asked.comment
    )
}

fn command_words(action: Action, all: &str, to: &str) -> String {
    match action {
        Action::Pin => format!("pin {all}{to}"),
        Action::Rollback => format!("roll back {all}{to}"),
        Action::Hold => format!("hold {all}"),
        Action::Unpin | Action::Resume | Action::Lift => format!("remove the hold of {all}"),
        Action::Adopt | Action::Update | Action::Bump => format!("change {all}"),
    }
}
