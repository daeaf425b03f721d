//! What people write to pintle and what pintle writes to people: comments to commands, outside text
//! to harmless Markdown, marks in pintle's own posts. Only text: it asks no forge, decides nothing
//! and does nothing.

pub mod marker;
pub mod notice;
pub mod parse;
pub mod phrase;
pub mod pull_request;
pub mod quote;
pub mod reply;

/// Says whether a character is not seen where it stands, or changes how others are seen: controls,
/// format and bidirectional marks (Unicode category Cf), fillers, variation selectors, separators
/// of lines, and what stands for a broken character.
fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}' | '\u{890}'..='\u{891}' | '\u{8e2}'
            | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffd}' | '\u{110bd}' | '\u{110cd}' | '\u{13430}'..='\u{1343f}' | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// Says whether an invisible character is a part of ordinary writing: joiners of Persian, Indic
/// scripts and emoji, and the choice between text and emoji.
fn is_spelling(c: char) -> bool {
    matches!(c, '\u{200c}' | '\u{200d}' | '\u{fe0e}' | '\u{fe0f}')
}
