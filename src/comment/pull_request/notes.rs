//! The release notes of a pull request, folded. Their text comes from outside: it is quoted, line
//! by line, so that it does nothing, also when it becomes part of a commit's message.

use super::super::phrase::{listed, said, short};
use super::super::quote;
use super::table::RowGroup;
use crate::pipeline::notes::{NotedRelease, Notes};

/// So many characters of one release are shown, of one image, of one pull request.
const RELEASE: usize = 1_500;
const IMAGE: usize = 6_000;
const ALL: usize = 30_000;

/// The most releases of one image.
const RELEASES: usize = 30;

pub fn any(groups: &[RowGroup]) -> bool {
    groups.iter().any(|group| notes_of(group).is_some())
}

/// Returns the notes of all images, those that are the same once.
pub fn all(groups: &[RowGroup]) -> String {
    let mut told: Vec<(&Notes, Vec<String>)> = Vec::new();
    for group in groups {
        let Some(notes) = notes_of(group) else {
            continue;
        };
        match told.iter_mut().find(|(other, _)| *other == notes) {
            Some((_, images)) => images.push(group.image().to_owned()),
            None => told.push((notes, vec![group.image().to_owned()])),
        }
    }
    let mut room = ALL;
    let pieces = told.iter().map(|(notes, images)| {
        let mut own = room.min(IMAGE);
        let before = own;
        let text = one(notes, images, &mut own);
        room -= before - own;
        text
    });
    pieces.collect()
}

fn notes_of<'a>(group: &RowGroup<'a>) -> Option<&'a Notes> {
    group.rows.iter().find_map(|row| row.notes.as_ref())
}

fn one(notes: &Notes, images: &[String], room: &mut usize) -> String {
    let names: Vec<String> = images
        .iter()
        .map(|image| format!("<code>{}</code>", quote::inline(&short(image, 300))))
        .collect();
    let version =
        |text: &Option<String>| text.as_deref().map(|text| quote::inline(&short(text, 60)));
    let versions = match (version(&notes.from), version(&notes.to)) {
        (Some(from), Some(to)) => format!(": {from} → {to}"),
        (None, Some(to)) => format!(": {to}"),
        _ => String::new(),
    };
    let compare = notes.compare.as_ref().map_or(String::new(), |url| {
        format!(", {}", quote::link("what changed", url.as_str()))
    });
    let mut text = format!(
        "\n<details><summary>Release notes of {}{versions}</summary>\n\nAs their authors wrote them, at {}{compare}.\n",
        listed(&names),
        quote::link("the source", notes.source.as_str()),
    );
    let shown: Vec<String> = notes
        .releases
        .iter()
        .take(RELEASES)
        .map_while(|release| one_release(release, room))
        .collect();
    text.extend(shown.iter().map(String::as_str));
    match notes.releases.len() - shown.len() {
        0 if notes.cut => text += "\nThere is more than is shown here.\n",
        0 => {}
        1 => text += "\nOne more release is not shown: this would be too long.\n",
        left => text += &format!("\n{left} more releases are not shown: this would be too long.\n"),
    }
    text + "\n</details>\n"
}

/// One release; `None` when no room is left.
fn one_release(release: &NotedRelease, room: &mut usize) -> Option<String> {
    if *room == 0 {
        return None;
    }
    let title = if release.title.trim().is_empty() {
        "without a title".to_owned()
    } else {
        short(&release.title, 200)
    };
    let title = match &release.url {
        Some(url) => quote::link(&title, url.as_str()),
        None => said(&title),
    };
    let at = release.at.map_or(String::new(), |at| {
        format!(" ({})", at.strftime("%Y-%m-%d"))
    });
    let most = (*room).min(RELEASE);
    let (quoted, used, cut) = quoted(&release.text, most);
    *room -= used.max(1).min(*room);
    let rest = if cut {
        format!("\nCut after {used} characters.\n")
    } else {
        String::new()
    };
    Some(format!(
        "\n**{title}**{at}\n{}{rest}",
        if quoted.is_empty() {
            String::new()
        } else {
            format!("\n{quoted}")
        }
    ))
}

/// Returns the text as a quote of lines that are shown as they are, how many characters of it that
/// is, and whether it was cut.
fn quoted(text: &str, most: usize) -> (String, usize, bool) {
    let (mut out, mut used, mut blank) = (String::new(), 0, true);
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    for line in text.trim().lines() {
        if used >= most {
            return (out, used, true);
        }
        let indent = line.len() - line.trim_start_matches(' ').len();
        let line = line.trim();
        if line.is_empty() {
            out += if blank { "" } else { ">\n" };
            blank = true;
            continue;
        }
        let part = short(line, most - used);
        let length = part.chars().count();
        out += &format!(
            "> {}{}  \n",
            "&nbsp;".repeat(indent.min(8)),
            quote::inline(&part)
        );
        used += length;
        blank = false;
        if part != line {
            return (out, used, true);
        }
    }
    (out, used, false)
}
