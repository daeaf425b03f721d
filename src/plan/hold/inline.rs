//! A hold in the comment that ends a site's line, or alone above it. Tries the places in turn
//! and takes the first after which the file reads the same and the hold is read back.

use super::draft::{Draft, Kept};
use super::found::{HoldOrigin, directives, find_holds, seen_by};
use crate::model::directive::{self, Directive, splice};
use crate::model::hold::Hold;
use crate::sites::{Comment, Literal, Site};
use crate::terraform::comment_lines::{self, CommentRegion as Region, Language};
use crate::terraform::edit::{self, Edit};
use crate::terraform::files::RepoPath;
use std::collections::BTreeSet;

/// Puts the hold in place of the one that stands in a comment of the site's line and covers no
/// other site. Says whether there was one.
pub(super) fn replace(draft: &mut Draft<'_>, literal: &Literal, site: &Site, hold: &Hold) -> bool {
    let Some(at) = Beside::new(draft, literal, site) else {
        return false;
    };
    let own = find_holds(&draft.resolver, draft.snapshot, literal, site)
        .into_iter()
        .filter(|one| one.others.is_empty());
    let beside: Vec<(Comment, Directive)> = own
        .filter_map(|one| match one.origin {
            HoldOrigin::Comment { comment, directive } => Some((comment.clone(), *directive)),
            _ => None,
        })
        .filter(|(comment, _)| at.is_beside(comment))
        .collect();
    beside.iter().any(|(comment, old)| {
        let Some(region) = region_of(draft, comment) else {
            return false;
        };
        let changed = |words: &str| {
            splice::with_hold(
                words,
                splice::SplicePlace::Segment(splice::segment_of(words, old)?),
                hold,
            )
        };
        at.try_words(draft, region, hold, changed)
    })
}

/// Puts a new hold beside the site; says whether a place was found.
pub(super) fn put(draft: &mut Draft<'_>, literal: &Literal, site: &Site, hold: &Hold) -> bool {
    let Some(at) = Beside::new(draft, literal, site) else {
        return false;
    };
    let Ok(name) = at.distinguishing_name(draft) else {
        return false;
    };
    let Some(text) = draft.text(&literal.file) else {
        return false;
    };
    let end = at.language.end_of_line(text, literal.span.end);
    let places = end
        .into_iter()
        .chain([at.language.above(text, literal.span.start)]);
    let whole = splice::directive(name.as_deref(), hold);
    for region in places {
        let now = draft.current_region(&literal.file, region.span);
        let found = match comment_lines::words(&now) {
            Some(_) => at.try_words(draft, region, hold, |words| {
                splice::with_hold(words, at.splice_place(words, name.as_deref())?, hold)
            }),
            None if region.alone => at.try_text(
                draft,
                region,
                hold,
                line_above(text, literal.span.start, &whole),
            ),
            None => at.try_text(draft, region, hold, format!(" # {whole}{now}")),
        };
        if found {
            return true;
        }
    }
    false
}

/// A new line above the one that holds `offset`, indented as it is.
fn line_above(text: &str, offset: usize, directive: &str) -> String {
    let line = &text[comment_lines::line_range(text, offset)];
    let indent = &line[..line.len() - line.trim_start_matches([' ', '\t']).len()];
    format!(
        "{indent}# {directive}{}",
        comment_lines::newline(text, offset)
    )
}

/// Takes a directive's hold out of its comment.
pub(super) fn lift(
    draft: &mut Draft<'_>,
    comment: &Comment,
    directive: &Directive,
) -> Result<(), Kept> {
    let place = format!("{}:{}", comment.file, comment.line);
    let Some(region) = region_of(draft, comment) else {
        return Err(Kept(format!(
            "held by a comment inside a string at {place}, where an edit would change the value: change it there"
        )));
    };
    let now = draft.current_region(&comment.file, region.span);
    // Two sites let go together may share the words.
    let Some(range) = comment_lines::words(&now) else {
        return Ok(());
    };
    let words = &now[range.clone()];
    let Some(segment) = splice::segment_of(words, directive) else {
        return Ok(());
    };
    let left = splice::without_hold(words, segment).unwrap_or_default();
    let text = match left.is_empty() {
        true => comment_lines::without_comment(&now, region.alone),
        false => format!("{}{left}{}", &now[..range.start], &now[range.end..]),
    };
    draft.replace_region(
        &comment.file,
        region.span,
        text,
        format!("remove the hold at {place}"),
    );
    Ok(())
}

/// Returns what may change with a comment; `None` where it is none to its file, being a part of a
/// string.
fn region_of(draft: &Draft<'_>, comment: &Comment) -> Option<Region> {
    let text = draft.text(&comment.file)?;
    let all = Language::of_file(&comment.file)?.comments(text);
    let same = |c: &&comment_lines::MarginComment| {
        c.line == comment.line && c.trailing == comment.trailing && c.text == comment.text
    };
    Some(comment_lines::around_comment(
        text,
        all.iter().find(same)?.span,
    ))
}

/// The line of one site.
struct Beside<'a> {
    literal: &'a Literal,
    site: &'a Site,
    language: Language,
}

impl<'a> Beside<'a> {
    /// Returns `None` where a comment cannot stand beside the site.
    fn new(draft: &Draft<'_>, literal: &'a Literal, site: &'a Site) -> Option<Self> {
        let language = Language::of(&literal.file, draft.text(&literal.file)?, site.pin.form)?;
        Some(Self {
            literal,
            site,
            language,
        })
    }

    /// On the site's line, or alone above it; not on a block around it.
    fn is_beside(&self, comment: &Comment) -> bool {
        let lines = self
            .site
            .comments
            .iter()
            .filter(|c| c.file == self.literal.file && !c.trailing)
            .map(|c| c.line);
        let above: BTreeSet<usize> = lines.collect();
        let near = (comment.line..self.literal.line).all(|line| above.contains(&line));
        comment.file == self.literal.file
            && (comment.trailing && comment.line == self.literal.line || !comment.trailing && near)
    }

    /// Returns the other sites that see the comments of this line.
    fn other_literals<'d>(&self, draft: &Draft<'d>) -> Vec<&'d Literal> {
        let beside: Vec<&Comment> = self
            .site
            .comments
            .iter()
            .filter(|comment| self.is_beside(comment))
            .collect();
        let sees = |other: &Literal, site: &Site| {
            (&other.file, other.line) == (&self.literal.file, self.literal.line)
                || beside.iter().any(|comment| seen_by(comment, site))
        };
        let sites = draft
            .snapshot
            .scan
            .sites()
            .filter(|(_, site)| site.id != self.site.id);
        sites
            .filter(|(other, site)| sees(other, site))
            .map(|(other, _)| other)
            .collect()
    }

    /// Returns the container's name that tells this site from the others of its line: none where it
    /// is alone there.
    fn distinguishing_name(&self, draft: &Draft<'_>) -> Result<Option<String>, ()> {
        let others = self.other_literals(draft);
        if others.is_empty() {
            return Ok(None);
        }
        let taken: BTreeSet<&str> = others
            .iter()
            .flat_map(|other| container_names(other))
            .collect();
        let own = container_names(self.literal)
            .find(|name| splice::can_name(name) && !taken.contains(name));
        own.map(|name| Some(name.to_owned())).ok_or(())
    }

    /// Returns the part of a directive that takes the site's hold. A comment that is no directive,
    /// or cannot be read, has none.
    fn splice_place<'n>(
        &self,
        words: &str,
        name: Option<&'n str>,
    ) -> Option<splice::SplicePlace<'n>> {
        let all = directive::parse(words)?.ok()?;
        let own = |one: &Directive| match (one.container.as_deref(), name) {
            (None, Some(_)) => false,
            (None, None) => true,
            (Some(container), Some(name)) => container == name,
            (Some(container), None) => container_names(self.literal).any(|own| own == container),
        };
        let free = all
            .iter()
            .position(|one| own(one) && one.hold.is_none() && !one.hands_off);
        Some(free.map_or(splice::SplicePlace::New(name), splice::SplicePlace::Segment))
    }

    fn try_words(
        &self,
        draft: &mut Draft<'_>,
        region: Region,
        hold: &Hold,
        change: impl Fn(&str) -> Option<String>,
    ) -> bool {
        let now = draft.current_region(&self.literal.file, region.span);
        let Some(range) = comment_lines::words(&now) else {
            return false;
        };
        let Some(words) = change(&now[range.clone()]) else {
            return false;
        };
        if comment_lines::is_block(&now) && words.contains("*/") {
            return false;
        }
        self.try_text(
            draft,
            region,
            hold,
            format!("{}{words}{}", &now[..range.start], &now[range.end..]),
        )
    }

    /// Puts the text into the region and keeps it there if all is well.
    fn try_text(&self, draft: &mut Draft<'_>, region: Region, hold: &Hold, text: String) -> bool {
        let before = draft.current_region(&self.literal.file, region.span);
        let why = format!("hold {}", self.site.id);
        draft.replace_region(&self.literal.file, region.span, text, why.clone());
        let fine = self.reads_back(draft, hold).is_some();
        if !fine {
            draft.replace_region(&self.literal.file, region.span, before, why);
        }
        fine
    }

    /// The file must read the same, and a comment of the site's line must say the hold.
    fn reads_back(&self, draft: &Draft<'_>, hold: &Hold) -> Option<()> {
        let file = &self.literal.file;
        let (edits, after) = edited_file(draft, file)?;
        let grown = |edit: &Edit| edit.put.len() as isize - edit.span.len() as isize;
        let shift: isize = edits
            .iter()
            .filter(|edit| edit.span.end <= self.literal.span.start)
            .map(grown)
            .sum();
        let at = self.literal.span.start.checked_add_signed(shift)?;
        let for_it = |one: &Directive| {
            one.hold.as_ref() == Some(hold)
                && one
                    .container
                    .as_deref()
                    .is_none_or(|name| container_names(self.literal).any(|own| own == name))
        };
        let around = self.language.around(&after, at);
        let comments = around.into_iter().map(|text| Comment {
            file: file.clone(),
            text,
            line: 0,
            trailing: false,
        });
        comments
            .flat_map(|comment| directives(&comment))
            .any(|one| for_it(&one))
            .then_some(())
    }
}

fn edited_file(draft: &Draft<'_>, file: &RepoPath) -> Option<(Vec<Edit>, String)> {
    let before = draft.text(file)?;
    let edits: Vec<Edit> = draft
        .edits()
        .into_iter()
        .filter(|edit| edit.file == *file)
        .collect();
    let after = edit::apply(before.as_bytes(), &edits).ok()?;
    edit::prove(file, before.as_bytes(), &after, &edits).ok()?;
    Some((edits, String::from_utf8(after).ok()?))
}

fn container_names(literal: &Literal) -> impl Iterator<Item = &str> {
    literal
        .uses
        .iter()
        .filter_map(|used| used.holder.name().map(|name| &**name))
}
