//! Outside text that has to fit on one line: of a log, a table, a trailer, a post. Makes nothing
//! harmless for Markdown or HTML.

/// Returns the text with a space for each control character: a line break, or a sequence that a
/// terminal would obey.
pub fn blank_controls(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

/// Returns the text on one line: without control characters, with single spaces between its words
/// and none around them.
pub fn one_line(text: &str) -> String {
    let words = blank_controls(text);
    words.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_break_a_line_becomes_a_space() {
        assert_eq!(
            one_line(" a\r\n b\tc\u{2028}d \u{1b}[31me\0"),
            "a b c d [31me"
        );
        assert_eq!(one_line("\n\u{85}"), "");
        assert_eq!(blank_controls("a  b\nc"), "a  b c");
    }
}
