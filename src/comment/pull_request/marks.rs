//! What pintle knows again of its own pull requests: the title and the sentences that it wrote
//! last, and that it closed one itself. Kept as marks at the top of the text, so that a later pass
//! sees what people changed and what is no longer true. Decides nothing.

use crate::comment::marker::Marker;
use crate::comment::phrase::{said, short_hash};
use crate::pipeline::forge::{PullMarks, PullRequest};

/// What the record of a pull request starts with.
pub(super) const RECORD: &str = "\n<details><summary>Record</summary>";
/// What the part starts with that says what can be done.
pub(super) const OFFERS: &str = "\n### What you can do here\n";

/// Returns the marks for a title and the sentences below it, as lines.
pub(super) fn render_marks(title: &str, sentences: &str) -> String {
    let marks = [
        Marker::Title(short_hash(title)),
        Marker::Text(short_hash(sentences)),
    ];
    marks.map(|mark| mark.render() + "\n").concat()
}

/// Reads the marks of a pull request's text.
pub fn read_marks(body: &str) -> PullMarks {
    let mut marks = PullMarks::default();
    for mark in Marker::all(body) {
        match mark {
            Marker::Title(hash) => marks.title = Some(hash),
            Marker::Text(hash) => marks.text = Some(hash),
            Marker::Withdrawn => marks.withdrawn = true,
            _ => {}
        }
    }
    marks
}

/// Says whether a person gave the pull request its title: then it is theirs. An older version left
/// no mark; it never wrote the title of a draft.
pub fn has_own_title(pull: &PullRequest) -> bool {
    match &pull.marks.title {
        Some(hash) => *hash != short_hash(&pull.title),
        None => pull.draft,
    }
}

/// Says whether title and sentences of the pull request are those that pintle would write now.
pub fn is_current(pull: &PullRequest, title: &str, body: &str) -> bool {
    let wanted = read_marks(body);
    let is_title_kept = pull.title == title || has_own_title(pull);
    is_title_kept && pull.marks.text == wanted.text && !pull.marks.withdrawn
}

/// Says whether the pull request says already why it cannot be merged or updated now.
pub fn has_warning(pull: &PullRequest, why: &str) -> bool {
    pull.marks.text.as_ref() == Some(&short_hash(why))
}

/// Returns the text with a sentence above it that says why it cannot be merged or updated now, in
/// the place of an earlier one. The text is written anew when that is over.
pub fn add_warning(body: &str, title: &str, why: &str) -> String {
    let old = body.replace("\r\n", "\n");
    let title_mark = read_marks(&old).title.unwrap_or_else(|| short_hash(title));
    let rest = without_marks(&old);
    let rest = match rest
        .strip_prefix(WARNING)
        .and_then(|rest| rest.split_once("\n\n"))
    {
        Some((_, rest)) => rest,
        None => rest,
    };
    format!(
        "{}\n{}\n{WARNING}{}. It stays as it is until that is over.\n\n{rest}",
        Marker::Title(title_mark).render(),
        Marker::Text(short_hash(why)).render(),
        said(why)
    )
}

/// What a warning above the text starts with.
const WARNING: &str = "> **It waits**: ";

/// Returns the text without the marks at its top.
pub(super) fn without_marks(body: &str) -> &str {
    let mut rest = body;
    while let Some((line, after)) = rest.split_once('\n') {
        if !line.starts_with("<!-- pintle:") {
            break;
        }
        rest = after;
    }
    rest
}

/// Returns the text without what it says can be done, which ends with the pull request.
pub(super) fn without_offers(body: &str) -> String {
    let start = body.find(OFFERS);
    let end = find_record(body);
    match (start, end) {
        (Some(start), Some(end)) if start < end => {
            format!("{}{}", &body[..start], &body[end..])
        }
        _ => body.to_owned(),
    }
}

/// Where the record of a text starts.
pub(super) fn find_record(body: &str) -> Option<usize> {
    body.rfind(RECORD)
}
