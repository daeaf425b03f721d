//! Whether bytes are comments and blanks and nothing else. Looks at the bytes alone: that they are outside of strings shows in what is read after.

use super::literals::Reading;

/// Says whether `bytes` are blanks, line ends and whole comments, as that kind of file has them.
pub(super) fn is_comment(reading: Reading, bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    match reading {
        Reading::Hcl => hcl(text),
        Reading::Yaml => text.split('\n').all(yaml),
        Reading::MaskedYaml | Reading::Json | Reading::Bytes => false,
    }
}

fn hcl(text: &str) -> bool {
    let rest = text.trim_start_matches([' ', '\t', '\r', '\n']);
    if rest.is_empty() {
        return true;
    }
    if let Some(inner) = rest.strip_prefix("/*") {
        return inner.split_once("*/").is_some_and(|(inside, after)| is_text(inside) && hcl(after));
    }
    let (line, after) = rest.split_once('\n').unwrap_or((rest, ""));
    let line = line.strip_suffix('\r').unwrap_or(line);
    (line.starts_with('#') || line.starts_with("//")) && is_text(line) && hcl(after)
}

fn yaml(line: &str) -> bool {
    let rest = line.trim_matches([' ', '\t', '\r']);
    rest.is_empty() || (rest.starts_with('#') && is_text(rest))
}

fn is_text(text: &str) -> bool {
    !text.contains(|c: char| c.is_control() && !matches!(c, '\t' | '\n' | '\r'))
}
