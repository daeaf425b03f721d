//! The comments that belong to a scalar of a YAML text: at the end of its line, and alone on the
//! lines directly above.

/// A comment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct YamlComment {
    /// Without `#` and the blanks around.
    pub text: String,
    /// 1-based.
    pub line: usize,
    /// At the end of the scalar's own line; else alone on a line above.
    pub trailing: bool,
}

/// Returns the comments of the line that holds the byte `offset` of `text`, from top to bottom.
/// Lines above count up to the first that is not a comment alone; their indentation does not
/// matter.
pub fn comments_around(text: &str, offset: usize) -> Vec<YamlComment> {
    let offset = (0..=offset.min(text.len()))
        .rev()
        .find(|at| text.is_char_boundary(*at))
        .unwrap_or(0);
    let start = text[..offset].rfind('\n').map_or(0, |at| at + 1);
    let number = text[..start].matches('\n').count() + 1;
    let line = text[start..].split('\n').next().unwrap_or("");
    let mut comments = above(&text[..start], number);
    if let Some(at) = trailing(line) {
        comments.push(YamlComment {
            text: line[at + 1..].trim().to_owned(),
            line: number,
            trailing: true,
        });
    }
    comments
}

/// `number` is the line that follows `before`.
fn above(before: &str, number: usize) -> Vec<YamlComment> {
    let lines = before
        .strip_suffix('\n')
        .unwrap_or(before)
        .rsplit('\n')
        .zip((1..number).rev());
    let alone = |(line, number): (&str, usize)| {
        let text = line
            .trim()
            .trim_start_matches('\u{feff}')
            .strip_prefix('#')?;
        Some(YamlComment {
            text: text.trim().to_owned(),
            line: number,
            trailing: false,
        })
    };
    let mut comments: Vec<YamlComment> = lines.map_while(alone).collect();
    comments.reverse();
    comments
}

/// Returns where the comment at the end of `line` begins: a `#` after a blank that is not in
/// quotes, on a line that has something before it.
pub fn trailing(line: &str) -> Option<usize> {
    let mut quote = None;
    let mut previous = b' ';
    let mut escaped = false;
    for (at, byte) in line.bytes().enumerate() {
        match quote {
            Some(b'"') if escaped => escaped = false,
            Some(b'"') if byte == b'\\' => escaped = true,
            Some(open) if byte == open => quote = None,
            Some(_) => {}
            None if byte == b'#' && matches!(previous, b' ' | b'\t') => {
                return (!line[..at].trim().is_empty()).then_some(at);
            }
            None if matches!(byte, b'"' | b'\'')
                && matches!(previous, b' ' | b'\t' | b'[' | b'{' | b',' | b'(') =>
            {
                quote = Some(byte)
            }
            None => {}
        }
        previous = byte;
    }
    None
}
