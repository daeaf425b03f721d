use super::*;

fn digest(c: char) -> Digest {
    Digest::parse(&format!("sha256:{}", c.to_string().repeat(64))).unwrap()
}

/// A digit in angle brackets stands for its digest: `image = "x:1@<a>"`.
fn written(text: &str) -> String {
    "abcdef".chars().fold(text.to_owned(), |text, c| text.replace(&format!("<{c}>"), digest(c).as_str()))
}

/// What a change says of digest `b`: `no`, what stood before, or `?`.
fn says(old: &str, new: &str) -> String {
    match brought(&written(old), &written(new), &digest('b')) {
        None => "no".into(),
        Some(None) => "?".into(),
        Some(Some(before)) => before.as_str()[7..8].to_owned(),
    }
}

#[test]
fn a_pin_that_moves() {
    let table = [
        ("x:1@<a>", "x:1@<b>", "a"),
        ("  image  = \"x:1@<a>\"", "  image = \"x:1@<b>\" # pintle: hold", "a"),
        ("one\nx:1@<a>\ntwo", "one\nx:1@<b>\ntwo", "a"),
        ("x:1@<a>", "# a comment\nx:1@<b>", "a"),
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
        ("two that had different ones", "x:1@<a>\nx:1@<c>", "x:1@<b>\nx:1@<b>"),
        ("one of two, the other had it", "x:1@<a>\nx:1@<b>", "x:1@<b>\nx:1@<b>"),
        ("a new site", "", "x:1@<b>"),
        ("among others that are new", "x:1@<a>", "y:1@<c>\nx:1@<b>\nz:1@<d>"),
        ("two of one line that change places", "[x:1@<a>, x:1@<b>]", "[x:1@<b>, x:1@<a>]"),
        ("two lines that change places", "x:1@<a>\nx:1@<b>", "x:1@<b>\nx:1@<a>"),
        ("one is taken away, another gets it", "x:1@<b>\nx:1", "x:1\nx:1@<b>"),
    ];
    for (what, old, new) in table {
        assert_eq!(says(old, new), "?", "{what}");
    }
}

#[test]
fn what_brings_nothing() {
    let table = [
        ("another site", "x:1@<b>\ny:1@<a>", "x:1@<b>\ny:1@<c>"),
        ("another site's first pin", "y:1\nx:1@<b>", "y:1@<c>\nx:1@<b>"),
        ("a hold beside it", "x:1@<b>", "x:1@<b> # pintle: hold"),
        ("a tag that changes alone", "x:1@<b>", "x:2@<b>"),
        ("lines above and below", "x:1@<b>", "one\nx:1@<b>\ntwo\nthree"),
        ("lines around it, and other pins", "one\nx:1@<b>\ny:1@<a>", "two\nthree\nx:1@<b>\ny:1@<c>"),
        ("one of two goes elsewhere", "x:1@<b>\nx:1@<b>", "x:1@<b>\nx:1@<a>"),
        ("it goes", "x:1@<b>", "x:1@<a>"),
        ("no digest at all", "one", "two"),
        ("one that is cut short", "x:1", "x:1 # sha256:bbbbbbbbbbbb é"),
    ];
    for (what, old, new) in table {
        assert_eq!(says(old, new), "no", "{what}");
    }
}
