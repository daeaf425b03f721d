//! The table of `plan`: one row for each site that is to be written, and below it, for each reason
//! that keeps sites back, how many there are and where.

use crate::pipeline::{Decision, Plan, Reason, Seen, Verdict};
use crate::sites::{Literal, Scan, Site};
use std::collections::BTreeMap;

/// Verdict, place, image, digest, why.
pub type PlanRow = [String; 5];

/// So many places are shown of a group of sites with one reason.
const PLACES: usize = 3;
/// Fewer sites of one reason each have a row.
const GROUPED: usize = 4;

/// Returns the rows. With `all` each site has one, also what is in sync; else what is in sync is
/// left out, and sites that the same reason keeps back share one.
pub fn plan_rows(plan: &Plan, scan: &Scan, all: bool) -> Vec<PlanRow> {
    let sites: BTreeMap<_, _> = scan
        .sites()
        .map(|(literal, site)| (&site.id, (literal, site)))
        .collect();
    let shown = plan
        .decisions
        .iter()
        .filter(|decision| all || decision.verdict != Verdict::InSync);
    let shown: Vec<(&Decision, (&Literal, &Site))> = shown
        .filter_map(|decision| Some((decision, *sites.get(&decision.site)?)))
        .collect();
    let mut groups: BTreeMap<(Verdict, String), Vec<usize>> = BTreeMap::new();
    for (index, (decision, _)) in shown.iter().enumerate() {
        if let Some(reason) = decision
            .reasons
            .first()
            .filter(|_| !all && !is_written(decision.verdict))
        {
            groups
                .entry((decision.verdict, general_reason(reason)))
                .or_default()
                .push(index);
        }
    }
    groups.retain(|_, members| members.len() >= GROUPED);
    let is_grouped = |index: &usize| groups.values().any(|members| members.contains(index));
    let single = shown
        .iter()
        .enumerate()
        .filter(|(index, _)| !is_grouped(index))
        .map(|(_, (decision, site))| site_row(decision, *site));
    let mut rows: Vec<PlanRow> = single.collect();
    rows.extend(
        groups
            .iter()
            .map(|((verdict, why), members)| group_row(*verdict, why, members, &shown)),
    );
    rows
}

/// Says whether sites of a verdict are written: each of them is worth a row.
fn is_written(verdict: Verdict) -> bool {
    matches!(
        verdict,
        Verdict::Adopt | Verdict::Update | Verdict::Bump | Verdict::Rollback
    )
}

/// The reason without what is each site's own: its place, its image, its digests.
fn general_reason(reason: &Reason) -> String {
    match reason {
        Reason::IgnoredByTerraform { .. } => Reason::IgnoredByTerraform {
            place: "…".into()
        }
        .to_string(),
        Reason::TagMissing { .. } => Reason::TagMissing {
            image: "the image".into(),
        }
        .to_string(),
        Reason::UpstreamUnknown { why, .. } => Reason::UpstreamUnknown {
            image: "the image".into(),
            why: why.clone(),
        }
        .to_string(),
        Reason::TagsUnknown { why, .. } => Reason::TagsUnknown {
            repository: "the image".into(),
            why: why.clone(),
        }
        .to_string(),
        Reason::TagsNotAsked { .. } => Reason::TagsNotAsked {
            repository: "the image".into(),
        }
        .to_string(),
        Reason::UpstreamNotAsked { .. } => Reason::UpstreamNotAsked {
            image: "the image".into(),
        }
        .to_string(),
        Reason::UnreadableVarFile { file, .. } => Reason::UnreadableVarFile {
            file: file.clone(),
            variable: "their variables".into(),
        }
        .to_string(),
        Reason::UnnamedVarFile { file, .. } => Reason::UnnamedVarFile {
            file: file.clone(),
            variable: "their variables".into(),
        }
        .to_string(),
        other => other.to_string(),
    }
}

fn site_row(decision: &Decision, (literal, site): (&Literal, &Site)) -> PlanRow {
    let place = format!("{}:{}", literal.file, literal.line);
    let tag = site
        .image
        .tag
        .as_ref()
        .map(|tag| format!(":{tag}"))
        .unwrap_or_default();
    let next = decision.tags.as_ref().and_then(|tags| tags.to.as_ref());
    let next = next.map_or_else(String::new, |tag| format!(" → {tag}"));
    [
        decision.verdict.to_string(),
        place,
        format!("{}{tag}{next}", site.image.name),
        digest_change(decision),
        reason_text(decision),
    ]
}

/// `171 sites`, the first places, and the reason they share.
fn group_row(
    verdict: Verdict,
    why: &str,
    members: &[usize],
    shown: &[(&Decision, (&Literal, &Site))],
) -> PlanRow {
    let places = members
        .iter()
        .filter_map(|index| shown.get(*index))
        .map(|(_, (literal, _))| format!("{}:{}", literal.file, literal.line));
    let first: Vec<String> = places.take(PLACES).collect();
    let more = members.len().saturating_sub(first.len());
    let rest = if more > 0 {
        format!(" and {more} more (--all)")
    } else {
        String::new()
    };
    [
        verdict.to_string(),
        format!("{} sites", members.len()),
        String::new(),
        String::new(),
        format!("{why}: {}{rest}", first.join(", ")),
    ]
}

/// The first reason, why it is a pull request or waits in one, and what runs where that is not what
/// is pinned.
fn reason_text(decision: &Decision) -> String {
    let is_shown = |reason: &&Reason| {
        matches!(
            reason,
            Reason::AsPullRequest { .. } | Reason::MergeWaits { .. }
        )
    };
    let first = decision.reasons.iter().take(1);
    let more = decision.reasons.iter().skip(1).filter(is_shown);
    let reasons: Vec<String> = first.chain(more).map(ToString::to_string).collect();
    let reason = reasons.join("; ");
    match &decision.runs {
        Seen::Known(Some(runs)) if Some(runs) != decision.from.as_ref() => {
            format!("{reason}; runs {}", runs.short())
        }
        _ => reason,
    }
}

fn digest_change(decision: &Decision) -> String {
    match (&decision.from, &decision.to) {
        (Some(from), Some(to)) if from != to => format!("{} → {}", from.short(), to.short()),
        (_, Some(to)) => to.short().to_owned(),
        (Some(from), None) => from.short().to_owned(),
        (None, None) => String::new(),
    }
}
