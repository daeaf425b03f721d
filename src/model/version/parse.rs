//! How a tag is taken apart. One pass from the left; no text makes it fail. Knows no order.

use super::parts::{CorePart, NumberKind, PreRelease, PreReleaseStage, TagScheme, TagVersion};
use smallvec::SmallVec;

/// A number of more digits is no part of a version: it would be a time or a commit.
const DIGITS: usize = 9;
/// Words for architectures that stand before a version and have digits or a `_`: `arm64v8-1.2.3`.
const ARCHITECTURES: [&str; 14] = [
    "arm64v8", "arm32v5", "arm32v6", "arm32v7", "amd64", "arm64", "armv5", "armv6", "armv7",
    "x86_64", "aarch64", "ppc64le", "s390x", "riscv64",
];
/// Words for counters: the number behind them orders (`1.2.3-ls45`, `1.2.3-debian-12-r4`).
const COUNTERS: [&str; 6] = ["ls", "rev", "r", "patch", "p", "build"];
/// Words for pre-releases in any case; the last value says whether a number has to follow and the
/// word has to stand directly behind the core, since it may mean something else.
const STAGES: [(&str, PreReleaseStage, bool); 18] = [
    ("nightly", PreReleaseStage::Nightly, false),
    ("snapshot", PreReleaseStage::Nightly, false),
    ("canary", PreReleaseStage::Nightly, false),
    ("devel", PreReleaseStage::Nightly, false),
    ("dev", PreReleaseStage::Nightly, false),
    ("alpha", PreReleaseStage::Alpha, false),
    ("milestone", PreReleaseStage::Alpha, false),
    ("ea", PreReleaseStage::Alpha, false),
    ("a", PreReleaseStage::Alpha, true),
    ("m", PreReleaseStage::Alpha, true),
    ("beta", PreReleaseStage::Beta, false),
    ("b", PreReleaseStage::Beta, true),
    ("prerelease", PreReleaseStage::Preview, false),
    ("preview", PreReleaseStage::Preview, false),
    ("pre", PreReleaseStage::Preview, false),
    ("rc", PreReleaseStage::Candidate, false),
    ("cr", PreReleaseStage::Candidate, true),
    ("candidate", PreReleaseStage::Candidate, false),
];

/// What stands behind the core, as far as it was read.
#[derive(Default)]
pub struct Suffix<'a> {
    pre_release: Option<PreRelease<'a>>,
    counters: SmallVec<[u32; 2]>,
    variant: String,
}

/// A piece of what stands behind the core: of `-rc1-alpine` first `-` and `rc1`.
pub struct SuffixPiece<'a> {
    /// From its separator to the end of the tag.
    rest: &'a str,
    /// `-`, `_`, `.`; nothing where the word is glued to the core.
    separator: &'a str,
    /// Up to the next `-` or `_`.
    word: &'a str,
    /// Stands directly behind the core.
    is_first: bool,
}

/// Reads one kind of piece. Returns how many bytes it has taken from `piece.rest`; `None` where the
/// piece is of another kind.
pub type SuffixReader = for<'a> fn(&SuffixPiece<'a>, &mut Suffix<'a>) -> Option<usize>;

/// The kinds of pieces, in the order in which they are tried. What none of them takes is variant.
pub const GRAMMAR: &[SuffixReader] = &[
    read_pre_release,
    read_counter,
    read_date,
    read_number,
    read_commit,
];

pub(super) fn read<'a>(tag: &'a str, grammar: &[SuffixReader]) -> TagScheme<'a> {
    let Some(start) = find_core(tag) else {
        return match tag.split(['-', '_', '.']).any(is_commit) {
            true => TagScheme::Commit,
            false => TagScheme::Name,
        };
    };
    let (prefix, rest) = tag.split_at(start);
    if is_dashed_date(rest) {
        return TagScheme::Date;
    }
    let first = rest.split(['-', '_']).next().unwrap_or_default();
    if is_commit(first) && !prefix.ends_with(['v', 'V']) {
        return TagScheme::Commit;
    }
    let Some((core, suffix)) = read_core(rest) else {
        return TagScheme::Name;
    };
    if let [
        CorePart {
            kind: NumberKind::Day,
            ..
        },
    ] = core.as_slice()
    {
        return TagScheme::Date;
    }
    let Suffix {
        pre_release,
        counters,
        variant,
    } = read_suffix(suffix, grammar);
    TagScheme::Version(TagVersion {
        prefix,
        core,
        pre_release,
        counters,
        variant,
    })
}

/// Returns where the core begins: behind words that end in `-`, `.` or `_`, architectures, and
/// `v`. `None` where letters are glued to the first number: `java21`.
fn find_core(tag: &str) -> Option<usize> {
    let mut at = 0;
    loop {
        let rest = &tag[at..];
        let is_separator = |c: char| matches!(c, '-' | '.' | '_');
        if rest.starts_with(|c: char| c.is_ascii_digit()) {
            return Some(at);
        }
        let architecture = ARCHITECTURES
            .iter()
            .find(|word| {
                let behind = rest.strip_prefix(**word);
                behind.is_some_and(|behind| behind.starts_with(is_separator))
            })
            .map(|word| word.len());
        let letters = rest
            .find(|c: char| !c.is_ascii_alphabetic())
            .unwrap_or(rest.len());
        let word = architecture.unwrap_or(letters);
        if word == 0 {
            return None;
        }
        let behind = &rest[word..];
        if behind.starts_with(is_separator) {
            at += word + 1;
        } else if matches!(&rest[..word], "v" | "V")
            && behind.starts_with(|c: char| c.is_ascii_digit())
        {
            return Some(at + word);
        } else {
            return None;
        }
    }
}

/// `1.2.3-alpine` → 1 2 3, `-alpine`; `None` where a part is too long.
fn read_core(text: &str) -> Option<(SmallVec<[CorePart; 4]>, &str)> {
    let mut core = SmallVec::new();
    let mut rest = text;
    loop {
        let digits = count_digits(rest);
        core.push(read_part(&rest[..digits], core.is_empty())?);
        rest = &rest[digits..];
        match rest.strip_prefix('.') {
            Some(behind) if behind.starts_with(|c: char| c.is_ascii_digit()) => rest = behind,
            _ => return Some((core, rest)),
        }
    }
}

fn read_part(digits: &str, is_first: bool) -> Option<CorePart> {
    if digits.len() > DIGITS {
        return None;
    }
    Some(CorePart {
        value: digits.parse().ok()?,
        kind: number_kind(digits, is_first),
    })
}

/// Returns what a number of any length counts; a year is one in the first place only.
pub fn number_kind(digits: &str, is_first: bool) -> NumberKind {
    match digits.len() {
        4 if is_first && digits.starts_with("20") => NumberKind::Year,
        6 if is_month(digits) => NumberKind::Month,
        8 if is_day(digits) => NumberKind::Day,
        _ if digits.trim_start_matches('0').len() <= 3 => NumberKind::Small,
        _ => NumberKind::Large,
    }
}

fn read_suffix<'a>(text: &'a str, grammar: &[SuffixReader]) -> Suffix<'a> {
    let mut suffix = Suffix::default();
    let mut rest = text;
    let mut is_first = true;
    while !rest.is_empty() {
        let separator = usize::from(rest.starts_with(['-', '_', '.']));
        let end = rest[separator..]
            .find(['-', '_'])
            .map_or(rest.len(), |at| at + separator);
        let piece = SuffixPiece {
            rest,
            separator: &rest[..separator],
            word: &rest[separator..end],
            is_first,
        };
        let taken = grammar.iter().find_map(|read| read(&piece, &mut suffix));
        let taken = taken.unwrap_or_else(|| {
            suffix.variant.push_str(&rest[..end]);
            end
        });
        rest = &rest[taken..];
        is_first = false;
    }
    suffix
}

/// `-rc1`, `-beta.2`, `-ea-7`, `b1`, `.RC6`, `-nightly`. One of a tag counts.
fn read_pre_release<'a>(piece: &SuffixPiece<'a>, suffix: &mut Suffix<'a>) -> Option<usize> {
    if suffix.pre_release.is_some() || (piece.separator == "." && !piece.is_first) {
        return None;
    }
    // `-b123456` is a commit, and no beta.
    if !piece.separator.is_empty() && is_commit(piece.word) {
        return None;
    }
    let letters = piece
        .word
        .find(|c: char| !c.is_ascii_alphabetic())
        .unwrap_or(piece.word.len());
    let (word, behind) = piece.word.split_at(letters);
    let (_, stage, is_short) = STAGES
        .iter()
        .find(|(known, ..)| word.eq_ignore_ascii_case(known))?;
    let mut end = piece.separator.len() + piece.word.len();
    let mut numbers = read_numbers(behind)?;
    if behind.is_empty() {
        // `-ea-7`
        let next = piece.rest[end..].get(1..).unwrap_or_default();
        let digits = count_digits(next);
        if is_order_number(&next[..digits]) && !next[digits..].starts_with(is_word) {
            numbers = read_numbers(&next[..digits])?;
            end += 1 + digits;
        }
    }
    if *is_short && (numbers.is_empty() || !piece.is_first) {
        return None;
    }
    let text = &piece.rest[..end];
    suffix.pre_release = Some(PreRelease {
        stage: *stage,
        numbers,
        text,
    });
    Some(end)
}

/// The numbers behind a word, with dots between and perhaps one before: ``, `1`, `.2`, `2.1`.
fn read_numbers(text: &str) -> Option<SmallVec<[u64; 2]>> {
    if text.is_empty() {
        return Some(SmallVec::new());
    }
    let parts = text.strip_prefix('.').unwrap_or(text).split('.');
    // A number that is too long for the type is no number.
    parts
        .map(|part| (count_digits(part) == part.len()).then(|| part.parse().ok())?)
        .collect()
}

/// `-ls45`, `-r4`, `p1`
fn read_counter<'a>(piece: &SuffixPiece<'a>, suffix: &mut Suffix<'a>) -> Option<usize> {
    let letters = piece.word.find(|c: char| c.is_ascii_digit())?;
    let (word, digits) = piece.word.split_at(letters);
    let is_counter = COUNTERS.contains(&word) && count_digits(digits) == digits.len();
    if !is_counter || digits.len() > DIGITS || piece.separator == "." {
        return None;
    }
    suffix.count(piece, word, "#", digits)
}

/// A date of 8 digits directly behind the core: `-20260127`.
fn read_date<'a>(piece: &SuffixPiece<'a>, suffix: &mut Suffix<'a>) -> Option<usize> {
    let is_date = piece.is_first && matches!(piece.separator, "-" | "_") && is_day(piece.word);
    is_date.then(|| suffix.count(piece, "", "%", piece.word))?
}

/// A bare number directly behind the core, if it stands behind a `_` or only commits follow:
/// `17.0.1_8-jdk`, `8.7-1049`, `1.2.3-4-g71b3243`.
fn read_number<'a>(piece: &SuffixPiece<'a>, suffix: &mut Suffix<'a>) -> Option<usize> {
    let length = piece.word.len();
    let is_number = (1..7).contains(&length) && count_digits(piece.word) == length;
    if !is_number || !piece.is_first {
        return None;
    }
    let behind = &piece.rest[1 + length..];
    let mut words = behind.split(['-', '_']).skip(1);
    let mut is_last = || words.all(is_commit);
    let counts = piece.separator == "_" || piece.separator == "-" && is_last();
    counts.then(|| suffix.count(piece, "", "#", piece.word))?
}

/// `-71b3243`, `-g71b3243`
fn read_commit<'a>(piece: &SuffixPiece<'a>, suffix: &mut Suffix<'a>) -> Option<usize> {
    let is_separate = matches!(piece.separator, "-" | "_");
    if !is_separate || !is_commit(piece.word) {
        return None;
    }
    suffix.variant.push_str(piece.separator);
    if piece.word.starts_with('g') {
        suffix.variant.push('g');
    }
    suffix.variant.push('@');
    Some(piece.separator.len() + piece.word.len())
}

impl<'a> Suffix<'a> {
    /// Adds a number that orders, and its mark to the variant.
    fn count(
        &mut self,
        piece: &SuffixPiece<'a>,
        word: &str,
        mark: &str,
        digits: &str,
    ) -> Option<usize> {
        self.counters.push(digits.parse().ok()?);
        self.variant.push_str(piece.separator);
        self.variant.push_str(word);
        self.variant.push_str(mark);
        Some(piece.separator.len() + piece.word.len())
    }
}

/// Says whether a word is a git commit: 7 to 40 hex digits, also behind a `g`. They may all be
/// decimal, but for a date.
pub fn is_commit(word: &str) -> bool {
    let hex = word.strip_prefix('g').unwrap_or(word);
    (7..=40).contains(&hex.len())
        && !is_day(hex)
        && hex
            .bytes()
            .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

/// A number that orders has at most 6 digits, or is a date: a longer one is a commit.
fn is_order_number(digits: &str) -> bool {
    (1..7).contains(&digits.len()) && count_digits(digits) == digits.len() || is_day(digits)
}

/// `2026-01-27…`, `2026_01`
fn is_dashed_date(text: &str) -> bool {
    let year = text.get(..4).filter(|year| count_digits(year) == 4);
    let is_year = year.is_some_and(|year| year.starts_with("20"));
    let behind = text.get(4..).unwrap_or_default();
    let month = behind.strip_prefix(['-', '_']).unwrap_or_default();
    let digits = count_digits(month);
    is_year && (1..=2).contains(&digits) && is_within(&month[..digits], 1, 12)
}

/// `202601`
fn is_month(digits: &str) -> bool {
    digits.len() == 6 && digits.starts_with("20") && is_within(&digits[4..], 1, 12)
}

/// `20260127`
fn is_day(word: &str) -> bool {
    word.len() == 8
        && count_digits(word) == 8
        && is_month(&word[..6])
        && is_within(&word[6..], 1, 31)
}

fn is_within(digits: &str, low: u8, high: u8) -> bool {
    digits
        .parse::<u8>()
        .is_ok_and(|value| (low..=high).contains(&value))
}

fn count_digits(text: &str) -> usize {
    text.find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len())
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '.'
}
