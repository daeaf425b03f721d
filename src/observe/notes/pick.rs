//! Selects the releases of a repository between two versions of an image. Asks nobody.

use crate::pipeline::notes::NotedRelease;
use jiff::Timestamp;
use url::Url;

/// How many releases are kept …
const MOST: usize = 10;
/// … and how many characters of each text.
const TEXT: usize = 4_000;

/// A release as the forge of its source lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForgeRelease {
    pub tag: String,
    pub title: String,
    pub text: String,
    pub at: Option<Timestamp>,
    pub url: Option<Url>,
    pub draft: bool,
    pub prerelease: bool,
}

/// The selected releases.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReleaseSelection {
    /// Newest first.
    pub releases: Vec<NotedRelease>,
    /// There are or may be more releases, or a text was cut.
    pub cut: bool,
    /// The tag of the old and of the new version, where there is a release of it.
    pub tags: (Option<String>, Option<String>),
}

/// A tag taken apart: `server-v1.2.3-rc1` is `server-`, 1.2.3, `-rc1`.
struct TagParts<'a> {
    prefix: &'a str,
    numbers: Vec<u64>,
    rest: &'a str,
}

/// Picks the releases after the version `from` up to `to`. `offered` is newest first; `whole` says
/// that it is all there is.
pub fn pick_releases(
    offered: Vec<ForgeRelease>,
    whole: bool,
    from: Option<&str>,
    to: &str,
) -> ReleaseSelection {
    let listed: Vec<ForgeRelease> = offered.into_iter().filter(|one| !one.draft).collect();
    let find = |version: &str| {
        listed
            .iter()
            .position(|one| without_v(&one.tag) == without_v(version))
    };
    let Some(new) = find(to).filter(|_| from.is_none_or(|from| without_v(from) != without_v(to)))
    else {
        return ReleaseSelection::default();
    };
    let old = from.and_then(find);
    let tag = |at: Option<usize>| Some(listed.get(at?)?.tag.clone());
    let tags = (tag(old), tag(Some(new)));
    let numbers = from
        .and_then(TagParts::parse)
        .zip(TagParts::parse(to))
        .filter(|(a, b)| a.is_plain() && b.is_plain() && a.prefix == b.prefix);
    let (chosen, missing) = match (numbers, old) {
        (Some((from, to)), _) => (
            releases_between(&listed, new, &from, &to),
            old.is_none() && !whole,
        ),
        (None, Some(old)) if new < old => (releases_after(&listed, new, old), false),
        (None, Some(_)) => (Vec::new(), false),
        (None, None) => (vec![new], from.is_some()),
    };
    let stable = !listed[new].prerelease;
    let chosen: Vec<&ForgeRelease> = chosen
        .into_iter()
        .map(|at| &listed[at])
        .filter(|one| !(stable && one.prerelease))
        .collect();
    let mut cut = missing && !chosen.is_empty() || chosen.len() > MOST;
    let releases = chosen
        .into_iter()
        .take(MOST)
        .map(|one| shorten_release(one, &mut cut))
        .collect();
    ReleaseSelection {
        releases,
        cut,
        tags,
    }
}

/// Selects by version number, so that a release of an older line in between is left out.
fn releases_between(
    listed: &[ForgeRelease],
    new: usize,
    from: &TagParts,
    to: &TagParts,
) -> Vec<usize> {
    if to.numbers <= from.numbers {
        return Vec::new();
    }
    let versions = listed
        .iter()
        .enumerate()
        .filter_map(|(at, one)| Some((at, TagParts::parse(&one.tag)?)));
    let fits = |at: usize, version: &TagParts| {
        at == new
            || version.prefix == to.prefix
                && from.numbers < version.numbers
                && version.numbers < to.numbers
    };
    let mut fitting: Vec<(usize, TagParts)> = versions
        .filter(|(at, version)| fits(*at, version))
        .collect();
    fitting.sort_by(|a, b| b.1.numbers.cmp(&a.1.numbers).then(a.0.cmp(&b.0)));
    fitting.into_iter().map(|(at, _)| at).collect()
}

/// Selects by position in the list, only tags with the same prefix.
fn releases_after(listed: &[ForgeRelease], new: usize, old: usize) -> Vec<usize> {
    let prefix =
        |at: usize| TagParts::parse(&listed[at].tag).map(|version| version.prefix.to_owned());
    let own = prefix(new);
    (new..old)
        .filter(|at| own.is_none() || prefix(*at) == own)
        .collect()
}

fn shorten_release(one: &ForgeRelease, cut: &mut bool) -> NotedRelease {
    let text = match one.text.char_indices().nth(TEXT) {
        Some((end, _)) => {
            *cut = true;
            one.text[..end].to_owned()
        }
        None => one.text.clone(),
    };
    let title = if one.title.trim().is_empty() {
        one.tag.clone()
    } else {
        one.title.clone()
    };
    NotedRelease {
        title,
        at: one.at,
        url: one.url.clone(),
        text,
    }
}

/// `v1.2` and `1.2` are the same version.
fn without_v(tag: &str) -> &str {
    tag.strip_prefix(['v', 'V'])
        .filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
        .unwrap_or(tag)
}

impl<'a> TagParts<'a> {
    fn parse(tag: &'a str) -> Option<Self> {
        let start = tag.find(|c: char| c.is_ascii_digit())?;
        let end = tag[start..]
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .map_or(tag.len(), |end| start + end);
        let numbers = tag[start..end]
            .trim_end_matches('.')
            .split('.')
            .map(|part| part.parse().ok())
            .collect::<Option<Vec<u64>>>()?;
        let prefix = &tag[..start];
        Some(Self {
            prefix: prefix.strip_suffix(['v', 'V']).unwrap_or(prefix),
            numbers: without_zeros(numbers),
            rest: &tag[end..],
        })
    }

    fn is_plain(&self) -> bool {
        self.rest.is_empty()
    }
}

/// `1.2` and `1.2.0` are the same number.
fn without_zeros(mut numbers: Vec<u64>) -> Vec<u64> {
    while numbers.len() > 1 && numbers.last() == Some(&0) {
        numbers.pop();
    }
    numbers
}

#[cfg(test)]
mod tests;
