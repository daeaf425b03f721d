//! Just enough of Rust's syntax to see which paths a file names: comments and strings are left out,
//! `use` trees are spelled out. Knows no types and expands no macro.

/// A piece of a source file that is neither comment nor string.
#[derive(Clone, Debug, PartialEq)]
pub enum Piece {
    Word(String),
    Mark(char),
}

/// A piece and its 1-based line.
pub type Token = (usize, Piece);

/// A path as it is written, a `use` tree's branches each on their own, with its line.
pub type Named = (usize, Vec<String>);

/// One branch of a `use` tree.
#[derive(Clone, Debug, PartialEq)]
pub struct Import {
    pub line: usize,
    /// `crate::model::tag::Tag`; the last word is `*` for all that is there, and never `self`.
    pub path: Vec<String>,
    /// What the file calls it: the word after `as`, else the last of the path.
    pub name: String,
    /// Whether it is handed on: `pub use`, `pub(super) use`.
    pub public: bool,
}

/// A path outside `use`.
#[derive(Clone, Debug, PartialEq)]
pub struct Mention {
    pub line: usize,
    pub path: Vec<String>,
    /// It is followed by `(` or `!`.
    pub called: bool,
    /// It follows a `.` or `fn`: the name of a field or method, or of a function that is defined
    /// here.
    pub own: bool,
}

/// An item that is defined in a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Definition {
    pub line: usize,
    /// `struct`, `enum`, `trait`, `type`, `fn`, `const`, `static`, `mod`, `macro_rules`.
    pub keyword: String,
    pub name: String,
    /// Whether it stands in the file itself or in a `mod` with braces, and not within another item.
    pub top: bool,
}

/// Returns the words and marks of Rust source; string, character and number literals and comments
/// are left out.
pub fn tokens(source: &str) -> Vec<Token> {
    let chars: Vec<char> = source.chars().collect();
    let (mut at, mut line, mut found) = (0, 1, Vec::new());
    while at < chars.len() {
        let length = match chars[at] {
            '/' if next(&chars, at) == Some('/') => line_comment(&chars[at..]),
            '/' if next(&chars, at) == Some('*') => block_comment(&chars[at..]),
            '"' => quoted(&chars[at..]),
            '\'' => character(&chars[at..]),
            c if c.is_alphabetic() || c == '_' => {
                let word: String = chars[at..]
                    .iter()
                    .take_while(|c| c.is_alphanumeric() || **c == '_')
                    .collect();
                let length = word.chars().count();
                match raw_string(&word, &chars[at + length..]) {
                    Some(rest) => length + rest,
                    None => {
                        found.push((line, Piece::Word(word)));
                        length
                    }
                }
            }
            c if c.is_ascii_digit() => chars[at..]
                .iter()
                .take_while(|c| c.is_alphanumeric() || **c == '_')
                .count(),
            c => {
                if !c.is_whitespace() {
                    found.push((line, Piece::Mark(c)));
                }
                1
            }
        };
        line += chars[at..at + length]
            .iter()
            .filter(|c| **c == '\n')
            .count();
        at += length;
    }
    found
}

/// Leaves out every item under `#[cfg(test)]`.
pub fn without_tests(tokens: Vec<Token>) -> Vec<Token> {
    let mut kept = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        if spells(&tokens[at..], &["#", "[", "cfg", "(", "test", ")", "]"]) {
            at += 7 + item(&tokens[at + 7..]);
        } else {
            kept.push(tokens[at].clone());
            at += 1;
        }
    }
    kept
}

/// Returns every path that is named, single words outside `use` included.
pub fn paths(tokens: &[Token]) -> Vec<Named> {
    let (imports, mentions) = named(tokens);
    let imports = imports.into_iter().map(|import| (import.line, import.path));
    imports
        .chain(
            mentions
                .into_iter()
                .map(|mention| (mention.line, mention.path)),
        )
        .collect()
}

/// Returns what `use` takes in, and every other path.
pub fn named(tokens: &[Token]) -> (Vec<Import>, Vec<Mention>) {
    let (mut imports, mut mentions, mut at) = (Vec::new(), Vec::new(), 0);
    while at < tokens.len() {
        match &tokens[at].1 {
            Piece::Word(word) if word == "use" && !is_mark(tokens.get(at + 1), '<') => {
                let end = at
                    + tokens[at..]
                        .iter()
                        .take_while(|token| token.1 != Piece::Mark(';'))
                        .count();
                let start = imports.len();
                tree(&tokens[at + 1..end], &[], &mut imports);
                imports[start..]
                    .iter_mut()
                    .for_each(|import| import.public = is_public(&tokens[..at]));
                at = end;
            }
            Piece::Word(_) => {
                let (path, length) = plain(&tokens[at..]);
                let called =
                    is_mark(tokens.get(at + length), '(') || is_mark(tokens.get(at + length), '!');
                mentions.push(Mention {
                    line: tokens[at].0,
                    path,
                    called,
                    own: is_own(&tokens[..at]),
                });
                at += length;
            }
            Piece::Mark(_) => at += 1,
        }
    }
    (imports, mentions)
}

/// Whether `pub` or `pub(…)` stands at the end.
fn is_public(before: &[Token]) -> bool {
    let end = match before.last() {
        Some((_, Piece::Mark(')'))) => before
            .iter()
            .rposition(|token| token.1 == Piece::Mark('('))
            .unwrap_or(0),
        _ => before.len(),
    };
    before[..end]
        .last()
        .is_some_and(|token| token.1 == Piece::Word("pub".to_owned()))
}

/// Whether a single `.` or `fn` stands at the end.
fn is_own(before: &[Token]) -> bool {
    match before {
        [.., (_, Piece::Mark('.')), (_, Piece::Mark('.'))] => false,
        [.., (_, Piece::Mark('.'))] => true,
        [.., (_, Piece::Word(word))] => word == "fn",
        _ => false,
    }
}

/// Returns the items that are defined, those within functions too.
pub fn definitions(tokens: &[Token]) -> Vec<Definition> {
    const KEYWORDS: [&str; 8] = [
        "struct", "enum", "trait", "type", "fn", "const", "static", "mod",
    ];
    let (mut found, mut braces, mut module) = (Vec::new(), Vec::new(), false);
    for (at, (line, piece)) in tokens.iter().enumerate() {
        let word = match piece {
            // A `mod` with braces is no item that others stand in.
            Piece::Mark('{') => {
                braces.push(!std::mem::take(&mut module));
                continue;
            }
            Piece::Mark('}') => {
                braces.pop();
                continue;
            }
            Piece::Mark(_) => continue,
            Piece::Word(word) => word,
        };
        let name = match tokens.get(at + 1) {
            Some((_, Piece::Word(name))) if KEYWORDS.contains(&word.as_str()) => name,
            Some((_, Piece::Mark('!'))) if word == "macro_rules" => match tokens.get(at + 2) {
                Some((_, Piece::Word(name))) => name,
                _ => continue,
            },
            _ => continue,
        };
        module = word == "mod" && is_mark(tokens.get(at + 2), '{');
        let top = !braces.contains(&true);
        found.push(Definition {
            line: *line,
            keyword: word.clone(),
            name: name.clone(),
            top,
        });
    }
    found
}

/// Returns the files that `mod x;` lines ask for, by name.
pub fn modules(tokens: &[Token]) -> Vec<String> {
    let named =
        tokens
            .windows(3)
            .filter_map(|three| match [&three[0].1, &three[1].1, &three[2].1] {
                [Piece::Word(word), Piece::Word(name), Piece::Mark(';')] if word == "mod" => {
                    Some(name.clone())
                }
                _ => None,
            });
    named.collect()
}

/// Whether the tokens start with these words and marks.
pub fn spells(tokens: &[Token], wanted: &[&str]) -> bool {
    wanted.len() <= tokens.len()
        && tokens
            .iter()
            .zip(wanted)
            .all(|((_, piece), wanted)| match piece {
                Piece::Word(word) => word == wanted,
                Piece::Mark(mark) => wanted.chars().eq([*mark]),
            })
}

fn next(chars: &[char], at: usize) -> Option<char> {
    chars.get(at + 1).copied()
}

fn line_comment(chars: &[char]) -> usize {
    chars.iter().take_while(|c| **c != '\n').count()
}

fn block_comment(chars: &[char]) -> usize {
    let (mut at, mut depth) = (0, 0);
    while at < chars.len() {
        match (chars[at], next(chars, at)) {
            ('/', Some('*')) => (depth, at) = (depth + 1, at + 2),
            ('*', Some('/')) => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

fn quoted(chars: &[char]) -> usize {
    let mut at = 1;
    while at < chars.len() && chars[at] != '"' {
        at += if chars[at] == '\\' { 2 } else { 1 };
    }
    (at + 1).min(chars.len())
}

/// The length of a character literal, or 1 for the mark of a lifetime.
fn character(chars: &[char]) -> usize {
    match chars {
        [_, '\\', _, rest @ ..] => 3 + rest.iter().take_while(|c| **c != '\'').count() + 1,
        [_, _, '\'', ..] => 3,
        _ => 1,
    }
}

/// The length of the string that the prefix `word` (`r`, `br`, `cr`) starts with its `#`s and
/// quotes.
fn raw_string(word: &str, rest: &[char]) -> Option<usize> {
    if !matches!(word, "r" | "br" | "cr") {
        return None;
    }
    let marks = rest.iter().take_while(|c| **c == '#').count();
    if rest.get(marks) != Some(&'"') {
        return None;
    }
    let mut end = vec!['"'];
    end.resize(marks + 1, '#');
    let body = &rest[marks + 1..];
    let length = body
        .windows(end.len())
        .position(|window| window == end)
        .unwrap_or(body.len());
    Some((marks + 1 + length + end.len()).min(rest.len()))
}

/// The length of an item with its attributes: up to its `;` or to the end of its braces.
fn item(tokens: &[Token]) -> usize {
    let mut depth = 0;
    for (at, (_, piece)) in tokens.iter().enumerate() {
        match piece {
            Piece::Mark('{' | '(' | '[') => depth += 1,
            Piece::Mark(')' | ']') => depth -= 1,
            Piece::Mark('}') => {
                depth -= 1;
                if depth == 0 {
                    return at + 1;
                }
            }
            Piece::Mark(';') if depth == 0 => return at + 1,
            _ => {}
        }
    }
    tokens.len()
}

fn is_mark(token: Option<&Token>, mark: char) -> bool {
    token.is_some_and(|token| token.1 == Piece::Mark(mark))
}

/// The path that starts here (`a::b::c`), and how many tokens it takes.
fn plain(tokens: &[Token]) -> (Vec<String>, usize) {
    let (mut path, mut at) = (Vec::new(), 0);
    while let Some((_, Piece::Word(word))) = tokens.get(at) {
        path.push(word.clone());
        at += 1;
        if !(is_mark(tokens.get(at), ':') && is_mark(tokens.get(at + 1), ':')) {
            break;
        }
        at += 2;
    }
    (path, at)
}

/// Spells a `use` tree out, below `before`.
fn tree(tokens: &[Token], before: &[String], found: &mut Vec<Import>) {
    let start = tokens
        .iter()
        .take_while(|token| token.1 == Piece::Mark(':'))
        .count();
    let (path, length) = plain(&tokens[start..]);
    let mut path = [before, &path].concat();
    let rest = &tokens[start + length..];
    let import = |line: usize, path: Vec<String>, name: Option<&String>| {
        let name = name.or(path.last()).cloned().unwrap_or_default();
        Import {
            line,
            path,
            name,
            public: false,
        }
    };
    match rest {
        [(_, Piece::Mark('{')), inner @ ..] => {
            for branch in branches(inner) {
                tree(branch, &path, found);
            }
        }
        [(line, Piece::Mark('*')), ..] => {
            path.push("*".to_owned());
            found.push(import(*line, path, None));
        }
        _ => {
            if path.len() > 1 && path.last().is_some_and(|last| last == "self") {
                path.pop();
            }
            let alias = match rest {
                [(_, Piece::Word(word)), (_, Piece::Word(alias)), ..] if word == "as" => {
                    Some(alias)
                }
                _ => None,
            };
            if let Some((line, _)) = tokens.first() {
                found.push(import(*line, path, alias));
            }
        }
    }
}

/// The branches between the braces of a `use` tree, the opening one left out.
fn branches(tokens: &[Token]) -> Vec<&[Token]> {
    let (mut depth, mut start, mut found) = (0, 0, Vec::new());
    for (at, (_, piece)) in tokens.iter().enumerate() {
        match piece {
            Piece::Mark('{') => depth += 1,
            Piece::Mark('}') if depth > 0 => depth -= 1,
            Piece::Mark('}') => {
                found.push(&tokens[start..at]);
                break;
            }
            Piece::Mark(',') if depth == 0 => {
                found.push(&tokens[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    found.retain(|branch| !branch.is_empty());
    found
}
