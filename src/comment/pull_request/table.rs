//! The images of a pull request: one row for those that are told in the same words, then why and
//! where. Decides nothing.

use super::super::phrase::{lines, listed, named, said, short};
use super::super::quote;
use crate::model::digest::Digest;
use crate::model::duration::show_time;
use crate::model::reference::Reference;
use crate::pipeline::{CacheAnswer, PinRecord, Row, Seen};
use jiff::Timestamp;
use std::collections::HashMap;

/// More workloads of one image than this are counted.
const WORKLOADS: usize = 3;

/// Rows that are equal but for their sites and reasons; at least one.
pub struct RowGroup<'a> {
    pub rows: Vec<&'a Row>,
}

impl<'a> RowGroup<'a> {
    /// The row that stands for all.
    fn row(&self) -> Option<&'a Row> {
        self.rows.first().copied()
    }

    pub fn image(&self) -> &'a str {
        self.row().map_or("", |row| &row.image)
    }
}

/// Puts equal rows together, in the order in which they first come.
pub fn groups(rows: &[Row]) -> Vec<RowGroup<'_>> {
    let mut groups: Vec<RowGroup> = Vec::new();
    for row in rows {
        let same =
            |group: &&mut RowGroup| group.row().is_some_and(|other| is_told_alike(other, row));
        match groups.iter_mut().find(same) {
            Some(group) => group.rows.push(row),
            None => groups.push(RowGroup { rows: vec![row] }),
        }
    }
    groups
}

fn is_told_alike(a: &Row, b: &Row) -> bool {
    a.image == b.image
        && a.from_tag == b.from_tag
        && a.from == b.from
        && a.to == b.to
        && a.first_seen == b.first_seen
        && a.cache == b.cache
        && a.running == b.running
}

/// Returns the table in at most `room` bytes, if its head fits.
pub fn table(groups: &[RowGroup], at: Timestamp, room: usize) -> String {
    let head = "\n| image | tag | from → to | first seen | cache | runs |\n| --- | --- | --- | --- | --- | --- |\n";
    let foot = format!(
        "\nAs of {}. The whole digests are in the record at the end.\n",
        show_time(at)
    );
    let more = |left: usize| format!("| … and {left} more, see the record | | | | | |\n");
    let mut rows = String::new();
    for (at, group) in groups.iter().enumerate() {
        let row = line(group);
        let reserve = head.len() + foot.len() + more(groups.len()).len();
        if rows.len() + row.len() + reserve > room {
            rows += &more(groups.len() - at);
            break;
        }
        rows += &row;
    }
    format!("{head}{rows}{foot}")
}

fn line(group: &RowGroup) -> String {
    let Some(row) = group.row() else {
        return String::new();
    };
    let (name, tag) = match Reference::parse(&row.image) {
        Some(image) => (image.name.to_string(), image.tag.map(|tag| tag.to_string())),
        None => (row.image.clone(), None),
    };
    let places = if group.rows.len() > 1 {
        format!(" ({} places)", group.rows.len())
    } else {
        String::new()
    };
    let cells = [
        format!("{}{places}", named(&name)),
        match (&row.from_tag, tag) {
            (Some(from), Some(to)) => format!("{} → {}", named(from), named(&to)),
            (_, tag) => tag.map_or("none".into(), |tag| named(&tag)),
        },
        from_to(row),
        row.first_seen.map_or("not known".into(), show_time),
        row.cache.as_ref().map_or("none".into(), cache),
        runs(&row.running),
    ];
    format!("| {} |\n", cells.join(" | "))
}

fn digest(digest: &Digest) -> String {
    quote::code(digest.short())
}

fn from_to(row: &Row) -> String {
    match (&row.from, &row.to) {
        (Some(from), Some(to)) if from == to => format!("stays {}", digest(from)),
        (None, None) => "stays without a pin".into(),
        (from, to) => {
            let part = |part: &Option<Digest>| part.as_ref().map_or("no pin".into(), digest);
            format!("{} → {}", part(from), part(to))
        }
    }
}

fn cache(answer: &CacheAnswer) -> String {
    match answer {
        CacheAnswer::Fresh => "fresh".into(),
        CacheAnswer::Stale { serves } => format!("stale: serves {}", digest(serves)),
        CacheAnswer::Bypass { status } => format!("not used: answers {status}"),
        CacheAnswer::Unreachable(why) => format!("could not be asked: {}", cell(why)),
        CacheAnswer::Unproven { serves } => format!("serves {}, not proved", digest(serves)),
    }
}

fn runs(running: &Seen<Option<Digest>>) -> String {
    match running {
        Seen::Known(Some(running)) => digest(running),
        Seen::Known(None) => "nothing".into(),
        Seen::Unknown(why) => format!("not known: {}", cell(why)),
        Seen::NotAsked => "not checked".into(),
    }
}

/// A sentence that fits into a cell.
fn cell(why: &str) -> String {
    said(&short(why, 100))
}

/// Returns why and where for each image: a list. The pins of the change tell which workloads use
/// the image.
pub fn reasons(groups: &[RowGroup], pins: &[PinRecord]) -> String {
    let uses: HashMap<&str, &[String]> = pins
        .iter()
        .map(|pin| (pin.site.as_str(), pin.uses.as_slice()))
        .collect();
    let mut text = String::from("\n### Why, and where\n\n");
    for group in groups {
        let mut reasons: Vec<String> = Vec::new();
        for reason in group.rows.iter().flat_map(|row| &row.reasons) {
            let reason = reason.to_string();
            if !reasons.contains(&reason) {
                reasons.push(reason);
            }
        }
        let mut items: Vec<String> = reasons
            .iter()
            .map(|reason| format!("  - {}", said(reason)))
            .collect();
        items.extend(group.rows.iter().map(|row| {
            let site = row.site.as_str();
            format!(
                "  - {}",
                place(site, uses.get(site).copied().unwrap_or_default())
            )
        }));
        text += &format!("- {}\n{}", named(group.image()), lines(&items, 6_000));
    }
    text
}

/// Returns the file that the pin is written to and the workloads that run the image: ``in
/// `stacks/web/main.tf`: `deployment/web/web:nginx` ``. Where no workload is known, the place
/// within the file.
fn place(site: &str, uses: &[String]) -> String {
    let (file, address) = site.split_once('#').unwrap_or((site, ""));
    let mut names: Vec<String> = uses
        .iter()
        .take(WORKLOADS)
        .map(|workload| named(workload))
        .collect();
    if uses.len() > WORKLOADS {
        names.push(format!("{} more", uses.len() - WORKLOADS));
    }
    if names.is_empty() && !address.is_empty() {
        names.push(named(address));
    }
    if names.is_empty() {
        format!("in {}", named(file))
    } else {
        format!("in {}: {}", named(file), listed(&names))
    }
}
