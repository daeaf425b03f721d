//! How a digest came to run: the commit that pinned it, or the hand that set it. Reads history and
//! field managers.

use crate::model::digest::Digest;
use crate::model::duration::show_time;
use crate::model::reference::Reference;
use crate::pipeline::cluster::{Container, Workload, Writer};
use crate::pipeline::{Cause, Reason, Recorded, Seen, Snapshot};
use crate::plan::live::{bare, runs, since, uses};
use crate::plan::message::shorter;
use crate::plan::ownership::{WriterKind, classify_writer};
use crate::plan::pin_origin::find_blame;
use crate::plan::site_plan::SitePlan;
use crate::sites::{Fate, Literal};
use jiff::Timestamp;
use std::collections::BTreeSet;

/// Why nothing tells a digest.
pub(super) fn silent(workload: &Workload, container: &Container) -> String {
    let statuses = workload
        .pods
        .iter()
        .flat_map(|pod| &pod.containers)
        .filter(|status| status.name == container.name);
    let waits: BTreeSet<&str> = statuses
        .filter_map(|status| Some(&*status.waiting.as_ref()?.reason))
        .collect();
    match workload.replicas {
        Some(0) => "parked at 0 replicas".into(),
        _ if !waits.is_empty() => format!(
            "its pods wait: {}",
            waits.into_iter().collect::<Vec<_>>().join(", ")
        ),
        _ => "no pod runs".into(),
    }
}

/// Returns why a container runs a digest, beside the pin of the repo.
pub(super) fn explain_run(
    snapshot: &Snapshot,
    (literal, site): (&Literal, Option<&SitePlan>),
    (runs, pin): (&Digest, Option<&Digest>),
    container: &Container,
) -> Vec<String> {
    let mut why = Vec::new();
    let pinned = site
        .and_then(|site| find_record(site, runs))
        .map(describe_record);
    match pin {
        None => why.push(pinned.unwrap_or_else(|| "not pinned".into())),
        Some(pin) if pin == runs => why.push(pinned.unwrap_or_else(|| "pinned in the repo".into())),
        Some(pin) => {
            let record = site
                .and_then(|site| find_record(site, pin))
                .map(|record| record.at);
            let other = find_blame(snapshot, literal, pin)
                .known()
                .map(|blame| blame.at);
            why.push(explain_difference(
                snapshot,
                record.max(other),
                pin,
                container,
            ));
            why.extend(pinned);
        }
    }
    let declared = match &literal.fate {
        Fate::Site(site) => site.image.tag.as_ref(),
        _ => None,
    };
    let tag = Reference::parse(bare(&container.image)).and_then(|image| image.tag);
    if let (Some(declared), Some(tag)) = (declared, tag)
        && *declared != tag
    {
        why.push(format!("it has the tag {tag}, and {declared} is declared"));
    }
    why
}

/// Why something else runs than the repo pins: somebody set it after the pin was written, or the
/// pin is not applied.
fn explain_difference(
    snapshot: &Snapshot,
    written: Option<Timestamp>,
    pin: &Digest,
    container: &Container,
) -> String {
    let after = |writer: &&Writer| {
        written
            .zip(writer.at)
            .is_none_or(|(written, at)| at >= written)
    };
    let last = container.writers.first().filter(after);
    let by_hand = last.filter(|writer| {
        matches!(
            classify_writer(snapshot, writer),
            WriterKind::Person | WriterKind::Keel | WriterKind::Other
        )
    });
    let (when, short) = (
        |at: Option<Timestamp>| at.map_or(String::new(), |at| format!(" {}", show_time(at))),
        pin.short(),
    );
    match by_hand {
        Some(writer) if &*writer.manager == "kubectl-rollout" => {
            format!(
                "somebody returned the workload to it{} (kubectl rollout undo); the repo pins {short}",
                when(writer.at)
            )
        }
        Some(writer) if classify_writer(snapshot, writer) == WriterKind::Person => {
            format!(
                "somebody set it by hand{} ({}); the repo pins {short}",
                when(writer.at),
                writer.manager
            )
        }
        Some(writer) => format!(
            "`{}` set it{}; the repo pins {short}",
            writer.manager,
            when(writer.at)
        ),
        None => {
            format!(
                "the pin {short}{} is not applied yet",
                written.map_or(String::new(), |at| format!(" of {}", show_time(at)))
            )
        }
    }
}

/// The newest record that pinned the digest at the site.
fn find_record<'a>(site: &SitePlan<'a>, digest: &Digest) -> Option<&'a Recorded> {
    let is_pin = |record: &&Recorded| {
        record.pin.to.as_ref() == Some(digest) && record.pin.from.as_ref() != Some(digest)
    };
    site.records.iter().copied().find(is_pin)
}

/// `pinned 2026-11-22 10:05 UTC (3f1c…) when the tag moved`
fn describe_record(record: &Recorded) -> String {
    let cause = match record.pin.cause {
        Cause::FirstPin => " for the first time",
        Cause::TagMoved => " when the tag moved",
        Cause::NewerTag => " as a newer tag",
        Cause::Command => " because somebody asked",
        Cause::HoldEnded => " when a hold ended",
        Cause::Undo => " after an undo in the cluster",
        Cause::Unhealthy => " after a rollout failed",
        Cause::NotPulled => " as nodes could not pull the newer image",
        Cause::NotStarted => " as the newer image could not be started",
        Cause::Alert => " after an alert",
        Cause::Drift => " as somebody had set it in the cluster",
    };
    let who = match &record.pin.asked {
        Some(asked) => format!(", asked for by {}", asked.by),
        None => format!(", by {}", record.author),
    };
    format!(
        "pinned {} ({}){cause}{who}",
        show_time(record.at),
        record.commit.short()
    )
}

/// What runs, as a reason beside a verdict; nothing where it is what is pinned.
pub(in crate::plan) fn running_reason(site: &SitePlan) -> Option<Reason> {
    match &site.running {
        Seen::Known(Some(runs)) if Some(runs) == site.pinned.as_ref() => None,
        Seen::Known(digest) => Some(Reason::RunsNow {
            digest: digest.clone(),
        }),
        Seen::Unknown(why) => Some(Reason::RunsUnknown { why: why.clone() }),
        Seen::NotAsked => None,
    }
}

/// What ran before a pin, for its commit: `Running before: 9b0e…11 since 2026-11-12.`; nothing
/// where the cluster was not asked, or nothing runs and nothing was pinned.
pub(in crate::plan) fn before_note(snapshot: &Snapshot, site: &SitePlan) -> Option<String> {
    let cluster = snapshot.cluster.known()?;
    if matches!(site.running, Seen::Known(None)) && site.pinned.is_none() {
        return None;
    }
    let lives = site.uses.as_ref().ok()?;
    let mut all: BTreeSet<(Digest, Option<Timestamp>)> = BTreeSet::new();
    for live in lives {
        if let Some((workload, container)) = live.here() {
            let digest = runs(
                snapshot,
                cluster,
                site.settings.channel.as_ref(),
                (workload, container),
            )
            .ok()
            .flatten();
            all.extend(digest.map(|digest| (digest, since(workload, container))));
        }
    }
    let digests: BTreeSet<&Digest> = all.iter().map(|(digest, _)| digest).collect();
    match digests.len() {
        0 => Some("Running before: nothing.".into())
            .filter(|_| lives.iter().any(|live| live.workload().is_some())),
        1 => {
            let (digest, first) = (digests.first()?, all.iter().filter_map(|(_, at)| *at).min());
            let since = first.map_or(String::new(), |at| {
                format!(" since {}", at.strftime("%Y-%m-%d"))
            });
            Some(format!("Running before: {}{since}.", shorter(digest)))
        }
        count => Some(format!("Running before: {count} different digests.")),
    }
}

/// So many revisions of a workload are shown.
const REVISIONS: usize = 5;

/// The revisions of the workloads that use a literal, newest first: their number, image and age,
/// and who set the newest.
pub(in crate::plan) fn workload_revisions(snapshot: &Snapshot, literal: &Literal) -> Vec<String> {
    let mut lines = Vec::new();
    for live in uses(snapshot, literal).unwrap_or_default() {
        let Some((workload, container)) = live.here() else {
            continue;
        };
        for (place, revision) in workload.revisions.iter().take(REVISIONS).enumerate() {
            let image = revision
                .images
                .get(&container.name)
                .map_or("no such container", |image| image);
            let created = revision
                .created
                .map_or(String::new(), |at| format!(", made {}", show_time(at)));
            let earlier: Vec<String> = revision.earlier.iter().map(ToString::to_string).collect();
            let earlier = if earlier.is_empty() {
                String::new()
            } else {
                format!(", was {} before", earlier.join(" and "))
            };
            let writer = container.writers.first().filter(|_| place == 0);
            let set = writer.map_or(String::new(), |writer| {
                format!(
                    ", image set by {}{}",
                    writer.manager,
                    writer
                        .at
                        .map_or(String::new(), |at| format!(" {}", show_time(at)))
                )
            });
            let workload = workload.reference();
            lines.push(format!(
                "{workload} {} {image}{created}{earlier}{set}",
                revision.number
            ));
        }
    }
    lines
}
