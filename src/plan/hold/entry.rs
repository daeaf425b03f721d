//! A hold as a `[[hold]]` of `pintle.toml`, for a site beside which no comment can stand. Appends,
//! replaces and takes out whole entries by their bytes; never prints the file.

use super::draft::{Draft, Kept};
use super::found::{HoldOrigin, find_holds};
use crate::config::{Config, FILE, HoldEntry, differs_in_holds_only, path, read_bytes};
use crate::model::hold::{Hold, show_until};
use crate::model::pattern::Glob;

use crate::sites::{Literal, Site};
use crate::terraform::edit::{self, Edit};
use crate::terraform::files::Entry;
use crate::terraform::span::Span;
use std::collections::BTreeSet;
use std::sync::Arc;
use toml_edit::Document;

/// An entry has to say why.
const NO_REASON: &str = "no reason given";

/// Returns the text of the file, empty where there is none yet.
fn config_text<'a>(draft: &Draft<'a>) -> Result<&'a str, String> {
    let files = &draft.snapshot.files;
    let text = match files.get(&path()) {
        None => "",
        Some(Entry::Text(_)) => draft
            .text(&path())
            .ok_or_else(|| format!("{FILE} is not UTF-8"))?,
        Some(Entry::Link(_)) => return Err(format!("{FILE} is a symbolic link")),
        Some(Entry::NotRead(why)) => return Err(format!("{FILE} was not read: {why}")),
    };
    match Config::parse(text, FILE) {
        Ok(config) if config == *draft.snapshot.config => Ok(text),
        _ => Err(format!(
            "the hold would have to go to {FILE}, but the configuration in use is another file"
        )),
    }
}

/// Appends an entry for one site.
pub(super) fn put(draft: &mut Draft<'_>, site: &Site, hold: &Hold) -> Result<(), String> {
    let text = config_text(draft)?;
    let end = Span::new(text.len(), text.len());
    let now = draft.current_region(&path(), end);
    let newline = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let bare = text.trim_start_matches('\u{feff}').is_empty();
    let gap = match (
        bare && now.is_empty(),
        format!("{text}{now}").ends_with('\n'),
    ) {
        (true, _) => String::new(),
        (false, true) => newline.into(),
        (false, false) => newline.repeat(2),
    };
    let last = if bare || text.ends_with('\n') {
        newline
    } else {
        ""
    };
    let entry = format!(
        "{now}{gap}{}{last}",
        write_entry(&entry_names(draft, site), hold, newline)
    );
    try_text(draft, site, hold, end, entry)
}

/// Puts the hold in place of the one in an entry that was written for this site alone. Says whether
/// there was one.
pub(super) fn replace(
    draft: &mut Draft<'_>,
    literal: &Literal,
    site: &Site,
    hold: &Hold,
) -> Result<bool, String> {
    let own = find_holds(&draft.resolver, draft.snapshot, literal, site)
        .into_iter()
        .find_map(|one| match one.origin {
            HoldOrigin::Entry(number) if !draft.gone.contains(&number) => draft
                .snapshot
                .config
                .holds
                .iter()
                .find(|entry| entry.number == number && is_for(entry, site))
                .map(|_| number),
            _ => None,
        });
    let Some(number) = own else { return Ok(false) };
    let text = config_text(draft)?;
    let Some(span) = entry_span(text, number) else {
        return Ok(false);
    };
    let newline = if text.contains("\r\n") { "\r\n" } else { "\n" };
    try_text(
        draft,
        site,
        hold,
        span,
        write_entry(&entry_names(draft, site), hold, newline),
    )
    .map(|()| true)
}

/// Says whether an entry names this site and nothing else, letter by letter.
fn is_for(entry: &HoldEntry, site: &Site) -> bool {
    let own: Vec<String> = names_of(site).map(exact_pattern).collect();
    let is_exact = |glob: &Glob| own.iter().any(|name| glob.as_str() == name);
    !entry.site.is_empty()
        && entry.site.iter().all(is_exact)
        && entry.image.is_none()
        && entry.stack.is_none()
}

/// All that names a site: its id, and its uses.
fn names_of(site: &Site) -> impl Iterator<Item = &str> {
    std::iter::once(site.id.as_str()).chain(site.aliases.iter().map(|alias| &**alias))
}

/// Takes an entry out when the edits are made.
pub(super) fn lift(draft: &mut Draft<'_>, number: usize) -> Result<(), Kept> {
    let kept = |why: String| {
        Kept(format!(
            "held by `[[hold]] {number}` of {FILE}, which cannot be taken out: {why}"
        ))
    };
    let text = config_text(draft).map_err(kept)?;
    entry_span(text, number).ok_or_else(|| kept("it is not a table of its own".into()))?;
    draft.gone.insert(number);
    Ok(())
}

/// Returns the edits that take entries out, each with the comment lines directly above it and one
/// blank line.
pub(super) fn removals(text: &str, gone: &BTreeSet<usize>) -> Vec<Edit> {
    let mut spans: Vec<Span> = gone
        .iter()
        .filter_map(|number| Some(span_with_comments(text, entry_span(text, *number)?)))
        .collect();
    spans.sort();
    let mut joined: Vec<Span> = Vec::new();
    for span in spans {
        match joined.last_mut() {
            Some(last) if span.start <= last.end => last.end = last.end.max(span.end),
            _ => joined.push(span),
        }
    }
    let edit = |span: Span| {
        let end = if text[..span.start].trim_start_matches('\u{feff}').is_empty() {
            after_blank(text, span.end)
        } else {
            span.end
        };
        let expect = text[span.start..end].into();
        Edit {
            file: path(),
            span: Span::new(span.start, end),
            expect,
            put: Vec::new(),
            why: "remove a hold".into(),
        }
    };
    joined.into_iter().map(edit).collect()
}

/// From the end of the line before the entry's blank line and comments to the end of its last line,
/// without that line's end.
fn span_with_comments(text: &str, table: Span) -> Span {
    let line_start = |at: usize| text[..at].rfind('\n').map_or(0, |at| at + 1);
    let end = text[table.end..]
        .find('\n')
        .map_or(text.len(), |at| table.end + at);
    let end = if text[..end].ends_with('\r') && end < text.len() {
        end - 1
    } else {
        end
    };
    let mut start = line_start(table.start);
    while start > 0
        && text[line_start(start - 1)..start]
            .trim_start_matches(['\u{feff}', ' ', '\t'])
            .starts_with('#')
    {
        start = line_start(start - 1);
    }
    if start > 0 && text[line_start(start - 1)..start].trim().is_empty() {
        start = line_start(start - 1);
    }
    let before = text[..start]
        .strip_suffix('\n')
        .map(|before| before.strip_suffix('\r').unwrap_or(before).len());
    let mark = if text.starts_with('\u{feff}') { 3 } else { 0 };
    Span::new(before.unwrap_or(start).max(mark), end)
}

/// Steps over a line's end and a blank line after it.
fn after_blank(text: &str, at: usize) -> usize {
    let line_end = |at: usize| {
        [2, 1]
            .iter()
            .map(|len| at + len)
            .find(|end| matches!(text.get(at..*end), Some("\r\n" | "\n")))
    };
    let next = line_end(at).unwrap_or(at);
    line_end(next).unwrap_or(next)
}

/// Returns the bytes of one `[[hold]]`, from its header to its last value.
fn entry_span(text: &str, number: usize) -> Option<Span> {
    let mark = text.len() - text.trim_start_matches('\u{feff}').len();
    let document = Document::parse(&text[mark..]).ok()?;
    let table = document
        .as_table()
        .get("hold")?
        .as_array_of_tables()?
        .get(number.checked_sub(1)?)?;
    let header = table.span()?;
    let ends = table
        .iter()
        .filter_map(|(_, item)| item.span())
        .map(|span| span.end);
    Some(Span::new(
        mark + header.start,
        mark + ends.chain([header.end]).max()?,
    ))
}

/// The entry's text. It names the site by its id and by its first use where no other site has that:
/// the hold then survives a renamed file, and a renamed workload.
fn write_entry(names: &[&str], hold: &Hold, newline: &str) -> String {
    // One line, one kind of quotes: tidied text has no control characters.
    let quote = |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
    let sites: Vec<String> = names
        .iter()
        .map(|name| quote(&exact_pattern(name)))
        .collect();
    let sites = if let [one] = sites.as_slice() {
        one.clone()
    } else {
        format!("[{}]", sites.join(", "))
    };
    let mut lines = vec!["[[hold]]".to_owned(), format!("site = {sites}")];
    lines.extend(
        hold.until
            .map(|until| format!("until = {}", quote(&show_until(until)))),
    );
    lines.extend(hold.by.as_ref().map(|by| format!("by = {}", quote(by))));
    lines.push(format!(
        "because = {}",
        quote(hold.because.as_deref().unwrap_or(NO_REASON))
    ));
    lines.join(newline)
}

/// The names that an entry for a site is written with.
fn entry_names<'s>(draft: &Draft<'_>, site: &'s Site) -> Vec<&'s str> {
    let is_alone = |alias: &&Arc<str>| {
        let fits = !alias.chars().any(char::is_control);
        fits && !draft
            .snapshot
            .scan
            .sites()
            .any(|(_, other)| other.id != site.id && other.aliases.contains(alias))
    };
    let alias = site.aliases.iter().find(is_alone).map(|alias| &**alias);
    std::iter::once(site.id.as_str()).chain(alias).collect()
}

/// Returns a pattern for a name: the name itself, which a pattern always matches, where nothing in
/// it stands for any text.
fn exact_pattern(key: &str) -> String {
    if !key.contains(['?', '*', '{', '}', '\\']) && Glob::name(key).is_ok() {
        return key.to_owned();
    }
    let escape = |c: char| match c {
        '?' | '*' | '[' | ']' | '{' | '}' => format!("[{c}]"),
        '\\' => "\\\\".into(),
        c => c.into(),
    };
    key.chars().map(escape).collect()
}

/// Puts the text into the file and keeps it there if the configuration then says exactly this hold
/// more, for this site and no other.
fn try_text(
    draft: &mut Draft<'_>,
    site: &Site,
    hold: &Hold,
    span: Span,
    now: String,
) -> Result<(), String> {
    let before = draft.current_region(&path(), span);
    let why = format!("hold {}", site.id);
    draft.replace_region(&path(), span, now, why.clone());
    let checked = reads_back(draft, site, hold);
    if checked.is_err() {
        draft.replace_region(&path(), span, before, why);
    }
    checked.map_err(|why| format!("no hold can be written to {FILE}: {why}"))
}

fn reads_back(draft: &Draft<'_>, site: &Site, hold: &Hold) -> Result<(), String> {
    let edits: Vec<Edit> = draft
        .edits()
        .into_iter()
        .filter(|edit| edit.file == path())
        .collect();
    let bytes =
        edit::apply(config_text(draft)?.as_bytes(), &edits).map_err(|why| why.to_string())?;
    let config = read_bytes(&bytes)?;
    let entry = config
        .holds
        .iter()
        .rev()
        .find(|entry| is_for(entry, site))
        .ok_or("the entry is not read back")?;
    let because = hold.because.clone().or_else(|| Some(NO_REASON.into()));
    if entry.hold
        != (Hold {
            because,
            ..hold.clone()
        })
    {
        return Err("the hold is not read back as it was written".into());
    }
    if !differs_in_holds_only(&draft.snapshot.config, &config) {
        return Err("something else than its holds would change".into());
    }
    let wrong = draft
        .snapshot
        .scan
        .sites()
        .find(|(_, other)| draft.resolver.holds(entry, other) != (other.id == site.id));
    wrong.map_or(Ok(()), |(_, other)| {
        Err(format!("the entry for {} would hold {}", site.id, other.id))
    })
}
