//! What kind of name a tag is: one that moves by its nature, or one that stands for one build.
//! Never compares tags.

use std::ops::RangeInclusive;

/// The class of a tag. Only `Name` and `Major` float: what they stand for changes with every
/// release.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// No tag, or a name without a digit: `latest`, `stable`, `bookworm-slim`.
    Name,
    /// A bare major version, with an optional variant that has no digits: `22`, `v3`, `15-alpine`.
    Major,
    /// Starts like a version with a minor part, or a major whose variant has digits:
    /// `2.4.1-voltage-fix`, `v20-20260127`.
    Version,
    /// Holds a date: `2026.05.14.1326-nightly`, `RELEASE.2026-01-01T00-00-00Z`.
    Calendar,
    /// 7 to 40 hex digits, also after `sha-` or `git-`. Not a number, even when all of them are
    /// decimal.
    GitSha,
    /// A name with digits that is none of these: `MatriX.141`, `java21`.
    Other,
}

impl Class {
    /// Returns the class of a tag; `None` is no tag at all, which registries read as `latest`.
    pub fn of(tag: Option<&str>) -> Self {
        let Some(tag) = tag else { return Self::Name };
        if is_date(tag) {
            return Self::Calendar;
        }
        if is_git_sha(tag) {
            return Self::GitSha;
        }
        if !tag.bytes().any(|b| b.is_ascii_digit()) {
            return Self::Name;
        }
        let number = without_v(tag);
        match number.find(|c: char| !c.is_ascii_digit()) {
            Some(0) => Self::Other,
            None => major_or(number.len(), Self::Version),
            Some(end) => match number[end..].strip_prefix('-') {
                Some(variant) if !variant.bytes().any(|b| b.is_ascii_digit()) => {
                    major_or(end, Self::Version)
                }
                _ => Self::Version,
            },
        }
    }

    /// Says whether the tag moves by its nature, so that a pin follows it unless told otherwise.
    pub fn floats(self) -> bool {
        matches!(self, Self::Name | Self::Major)
    }

    /// Returns the class in words, for `explain`.
    pub fn words(self) -> &'static str {
        match self {
            Self::Name => "a floating name",
            Self::Major => "a bare major version",
            Self::Version => "a version",
            Self::Calendar => "a date",
            Self::GitSha => "a git commit",
            Self::Other => "a name with a number",
        }
    }
}

/// A number of up to four digits is a major version; a longer one is a build number.
fn major_or(digits: usize, otherwise: Class) -> Class {
    if digits <= 4 { Class::Major } else { otherwise }
}

/// `v1`, `V1`, `v.1` → `1`
fn without_v(tag: &str) -> &str {
    let rest = tag.strip_prefix(['v', 'V']).unwrap_or(tag);
    let rest = rest
        .strip_prefix('.')
        .filter(|_| rest.len() < tag.len())
        .unwrap_or(rest);
    if rest.starts_with(|c: char| c.is_ascii_digit()) {
        rest
    } else {
        tag
    }
}

fn is_git_sha(tag: &str) -> bool {
    let hex = ["sha-", "git-"]
        .iter()
        .find_map(|prefix| tag.strip_prefix(prefix))
        .unwrap_or(tag);
    (7..=40).contains(&hex.len())
        && hex
            .bytes()
            .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

/// A date at the start or after a name: `2026.05…`, `RELEASE.2026-01-01…`, `20260127`,
/// `nightly-20260127`. A version in front (`v20-20260127`) makes it a version.
fn is_date(tag: &str) -> bool {
    let Some(start) = tag.find(|c: char| c.is_ascii_digit()) else {
        return false;
    };
    let name = tag[..start].trim_end_matches(['.', '-', '_']);
    let separated = start == 0 || name.len() < start;
    let rest = &tag[start..];
    let digits = rest
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(rest.len());
    let year = |text: &str| {
        text.parse::<u16>()
            .is_ok_and(|y| (2000..=2099).contains(&y))
    };
    let separated_date = || {
        let after = rest[4..].strip_prefix(['.', '-', '_']).unwrap_or("");
        let month = after
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(after.len());
        within(&after[..month], 1..=12)
    };
    separated
        && name
            .bytes()
            .all(|b| b.is_ascii_alphabetic() || b == b'-' || b == b'_')
        && match digits {
            4 => year(&rest[..4]) && separated_date(),
            8 => year(&rest[..4]) && within(&rest[4..6], 1..=12) && within(&rest[6..8], 1..=31),
            _ => false,
        }
}

fn within(text: &str, range: RangeInclusive<u8>) -> bool {
    text.parse::<u8>().is_ok_and(|n| range.contains(&n))
}

#[cfg(test)]
mod tests;
