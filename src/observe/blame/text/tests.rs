use super::*;
use proptest::prelude::*;

fn digest(c: char) -> Digest {
    Digest::parse(&format!("sha256:{}", c.to_string().repeat(64))).unwrap()
}

/// A digit in angle brackets stands for its digest: `image = "x:1@<a>"`.
fn written(text: &str) -> String {
    "abcdef".chars().fold(text.to_owned(), |text, c| {
        text.replace(&format!("<{c}>"), digest(c).as_str())
    })
}

/// What a change says of digest `b`: `no`, what stood before, or `?`.
fn says(old: &str, new: &str) -> String {
    match find_replaced(&written(old), &written(new), &digest('b')) {
        None => "no".into(),
        Some(None) => "?".into(),
        Some(Some(before)) => before.as_str()[7..8].to_owned(),
    }
}

#[test]
fn a_pin_that_moves() {
    let table = [
        ("x:1@<a>", "x:1@<b>", "a"),
        (
            "  image  = \"x:1@<a>\"",
            "  image = \"x:1@<b>\" # pintle: hold",
            "a",
        ),
        ("one\nx:1@<a>\ntwo", "one\nx:1@<b>\ntwo", "a"),
        ("x:1@<a>\ny:1@<c>", "x:1@<b>\ny:1@<d>", "a"),
        ("x:1@<a>\ny:1@<a>", "x:1@<b>\ny:1@<a>", "a"),
        ("x:1@<a>\nx:1@<a>", "x:1@<b>\nx:1@<b>", "a"),
    ];
    for (old, new, want) in table {
        assert_eq!(says(old, new), want, "{old:?} → {new:?}");
    }
}

#[test]
fn what_stood_before_is_not_certain() {
    let table = [
        ("the first pin", "x:1", "x:1@<b>"),
        ("with its tag", "x:1@<a>", "x:2@<b>"),
        ("another image", "x:1@<a>", "y:1@<b>"),
        (
            "two that had different ones",
            "x:1@<a>\nx:1@<c>",
            "x:1@<b>\nx:1@<b>",
        ),
        (
            "one of two, the other had it",
            "x:1@<a>\nx:1@<b>",
            "x:1@<b>\nx:1@<b>",
        ),
        ("a new site", "", "x:1@<b>"),
        ("with another line", "x:1@<a>", "# a comment\nx:1@<b>"),
        (
            "another of the same image moves too",
            "x:1@<a>\nx:1@<c>",
            "x:1@<b>\nx:1@<d>",
        ),
        (
            "they change places, and one moves",
            "x:1@<a>\nx:1@<c>",
            "x:1@<c>\nx:1@<b>",
        ),
        (
            "among others that are new",
            "x:1@<a>",
            "y:1@<c>\nx:1@<b>\nz:1@<d>",
        ),
        (
            "two of one line that change places",
            "[x:1@<a>, x:1@<b>]",
            "[x:1@<b>, x:1@<a>]",
        ),
        (
            "two lines that change places",
            "x:1@<a>\nx:1@<b>",
            "x:1@<b>\nx:1@<a>",
        ),
        (
            "one is taken away, another gets it",
            "x:1@<b>\nx:1",
            "x:1\nx:1@<b>",
        ),
    ];
    for (what, old, new) in table {
        assert_eq!(says(old, new), "?", "{what}");
    }
}

#[test]
fn what_brings_nothing() {
    let table = [
        ("another site", "x:1@<b>\ny:1@<a>", "x:1@<b>\ny:1@<c>"),
        (
            "another site's first pin",
            "y:1\nx:1@<b>",
            "y:1@<c>\nx:1@<b>",
        ),
        ("a hold beside it", "x:1@<b>", "x:1@<b> # pintle: hold"),
        ("a tag that changes alone", "x:1@<b>", "x:2@<b>"),
        (
            "lines above and below",
            "x:1@<b>",
            "one\nx:1@<b>\ntwo\nthree",
        ),
        (
            "lines around it, and other pins",
            "one\nx:1@<b>\ny:1@<a>",
            "two\nthree\nx:1@<b>\ny:1@<c>",
        ),
        (
            "one of two goes elsewhere",
            "x:1@<b>\nx:1@<b>",
            "x:1@<b>\nx:1@<a>",
        ),
        ("it goes", "x:1@<b>", "x:1@<a>"),
        ("no digest at all", "one", "two"),
        (
            "one that is cut short",
            "x:1",
            "x:1 # sha256:bbbbbbbbbbbb é",
        ),
    ];
    for (what, old, new) in table {
        assert_eq!(says(old, new), "no", "{what}");
    }
}

/// A site: a name, and since which version it has its digest, and what it had before.
#[derive(Clone, Debug)]
struct Site {
    name: usize,
    pin: char,
    since: usize,
    before: Option<char>,
}

/// What a commit does: a kind, a place, another place, a digest.
type Step = (u8, usize, usize, char);

fn step() -> impl Strategy<Value = Step> {
    (
        0..8u8,
        0..8usize,
        0..8usize,
        prop::sample::select(vec!['a', 'b', 'c']),
    )
}

/// All sites have the same image: only their places tell them apart.
fn file(sites: &[Site], comments: &[usize]) -> String {
    let mut lines: Vec<String> = sites
        .iter()
        .flat_map(|site| {
            [
                format!("name = {}", site.name),
                format!("image = \"x:1@{}\"", digest(site.pin)),
            ]
        })
        .collect();
    for place in comments {
        lines.insert(place % (lines.len() + 1), "# a comment".into());
    }
    lines.join("\n")
}

fn commit(
    sites: &mut Vec<Site>,
    comments: &mut Vec<usize>,
    version: usize,
    (kind, place, other, pin): Step,
) {
    let (at, to) = (place % sites.len(), other % sites.len());
    let mut moves = |at: usize, pin: char| {
        let site = &mut sites[at];
        if site.pin != pin {
            *site = Site {
                name: site.name,
                pin,
                since: version,
                before: Some(site.pin),
            };
        }
    };
    match kind {
        0 | 1 => moves(at, pin),
        2 => {
            moves(at, pin);
            if to != at {
                moves(to, if pin == 'a' { 'b' } else { 'a' });
            }
        }
        3 => {
            moves(at, pin);
            comments.push(other);
        }
        4 => comments.clear(),
        5 => sites.insert(
            at,
            Site {
                name: 100 + version,
                pin,
                since: version,
                before: None,
            },
        ),
        6 if sites.len() > 1 => _ = sites.remove(at),
        _ => sites.swap(at, to),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_pin_is_told_to_be_older_than_it_is(steps in prop::collection::vec(step(), 12)) {
        let mut sites: Vec<Site> = (0..3).map(|name| Site { name, pin: 'a', since: 0, before: None }).collect();
        let mut comments = Vec::new();
        let mut versions = vec![file(&sites, &comments)];
        for (place, step) in steps.into_iter().enumerate() {
            commit(&mut sites, &mut comments, place + 1, step);
            versions.push(file(&sites, &comments));
        }
        for site in &sites {
            let pin = digest(site.pin);
            let mut pairs = (1..versions.len()).rev();
            let found = pairs.find_map(|at| Some((at, find_replaced(&versions[at - 1], &versions[at], &pin)?)));
            prop_assert!(found.is_some() || site.since == 0, "{site:?} was brought by a commit");
            let Some((at, before)) = found else { continue };
            prop_assert!(at >= site.since, "{site:?} is told to be of {at}");
            prop_assert!(before.is_none() || before == site.before.map(digest), "{site:?}: {before:?}");
        }
    }
}
