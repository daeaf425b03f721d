use super::{block, code, cut, inline, link};

#[test]
fn ordinary_text_stays_as_it_is() {
    for text in [
        "",
        "immich",
        "ghcr.io/immich-app/immich-server:v2.1",
        "waits for the new chart (sorry)",
        "a, b; c? 10% of 3.5",
        "Größe 漢字 🎉",
        "👩‍👩‍👧",
    ] {
        assert_eq!(inline(text), text);
    }
}

#[test]
fn inline_text_is_seen_and_does_nothing() {
    for (text, shown) in [
        ("@ana", "@&#8203;ana"),
        ("fixes #12", "fixes #&#8203;12"),
        ("fixes !12", "fixes !&#8203;12"),
        ("org/repo#12", "org/repo#&#8203;12"),
        ("ABC-12", "ABC-&#8203;12"),
        (":tada:", "&#58;&#8203;tada:"),
        ("at 10:05:33", "at 10:&#8203;05:33"),
        ("https://example.org", "https&#8203;://example.org"),
        ("www.example.org", "www.&#8203;example.org"),
        ("ana@example.org", "ana@&#8203;example.org"),
        ("mailto:ana", "mailto&#8203;:ana"),
        ("(https: a", "(https&#8203;: a"),
        ("deadbeef", "deadbe&#8203;ef"),
        ("0123456789ab", "012345&#8203;6789ab"),
        ("<b>", "&lt;b&gt;"),
        ("<!-- pintle:answer 1 -->", "&lt;!-- pintle:answer 1 --&gt;"),
        ("&amp;", "&amp;amp;"),
        ("a|b", "a&#124;b"),
        ("**a** `b`", "&#42;&#42;a&#42;&#42; &#96;b&#96;"),
        ("[a](b)", "&#91;a&#93;(b)"),
        ("[[a]]", "&#91;&#8203;&#91;a&#93;&#93;"),
        (r"\(x\)", "&#92;(x&#92;)"),
        ("# a", "&#35; a"),
        ("- a", "&#45; a"),
        ("--- a", "&#45;&#45;&#45; a"),
        ("1. a", "1&#46; a"),
        ("12) a", "12&#41; a"),
        ("/pin a", "&#47;pin a"),
        ("\n\n/pin a\r\n/pin b", "&#47;pin a /pin b"),
        ("a\u{202e}b\u{200b}c\u{0}d", "abc d"),
        ("\u{200b}/pin a", "&#47;pin a"),
    ] {
        assert_eq!(inline(text), shown, "{text:?}");
    }
}

#[test]
fn code_has_more_ticks_than_its_text() {
    for (text, shown) in [
        ("", ""),
        ("\n", ""),
        ("a", "`a`"),
        ("@ana #12 <b>", "`@ana #12 <b>`"),
        ("a`b", "``a`b``"),
        ("`", "`` ` ``"),
        ("a``b`", "``` a``b` ```"),
        ("a/b#3`", "<code>a/b#&#8203;3&#96;</code>"),
        ("a\nb", "`a b`"),
        ("a|`@b", "<code>a&#124;&#96;@&#8203;b</code>"),
        ("a\u{202e}b", "`ab`"),
    ] {
        assert_eq!(code(text), shown, "{text:?}");
    }
}

#[test]
fn a_block_has_a_longer_fence_than_its_text() {
    for (text, shown) in [
        ("", "```\n```\n"),
        ("a", "```\na\n```\n"),
        ("a\r\nb\n", "```\na\nb\n```\n"),
        ("```\n/pin a\n```", "````\n```\n/pin a\n```\n````\n"),
        ("~~~ `````", "``````\n~~~ `````\n``````\n"),
        ("a\u{1b}[31m\u{202e}\tb", "```\na[31m\tb\n```\n"),
    ] {
        assert_eq!(block(text), shown, "{text:?}");
    }
}

#[test]
fn a_link_is_an_address_of_the_web_or_only_text() {
    for (text, url, shown) in [
        ("a", "https://example.org/x", "[a](<https://example.org/x>)"),
        (
            "a]b",
            "https://example.org/x?a=1&copy=2",
            "[a&#93;b](<https://example.org/x?a=1&amp;copy=2>)",
        ),
        (
            "",
            "https://example.org/",
            "[https&#8203;://example.org/](<https://example.org/>)",
        ),
        (
            "a",
            "https://example.org/a b)<c>|`",
            "[a](<https://example.org/a%20b%29%3Cc%3E%7C%60>)",
        ),
        ("a", "javascript:alert(1)", "a"),
        ("a", "data:text/html,x", "a"),
        ("a", "https://ana:secret@example.org/", "a"),
        ("a", "/relative", "a"),
        ("@a", "", "@&#8203;a"),
    ] {
        assert_eq!(link(text, url), shown, "{url:?}");
    }
}

#[test]
fn text_is_cut_where_a_person_would() {
    for (text, chars, shown) in [
        ("abc", 3, "abc"),
        ("abcd", 3, "ab…"),
        ("", 0, ""),
        ("a", 0, ""),
        ("ab", 1, "…"),
        ("👩‍👩‍👧👩‍👩‍👧👩‍👩‍👧", 2, "👩‍👩‍👧…"),
        ("e\u{301}e\u{301}e\u{301}", 2, "e\u{301}…"),
    ] {
        assert_eq!(cut(text, chars), shown, "{text:?}");
    }
}
