use super::{COMMANDS, LONGEST, MOST, Misread, parse};
use crate::comment::quote;
use crate::model::ask::Command;
use proptest::prelude::*;

const DIGEST: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// What a comment comes to: its commands as they would be typed, one a line; `line: sentence` for
/// one that is wrong.
fn outcome(text: &str) -> String {
    match parse(text) {
        Ok(commands) => commands.iter().map(shown).collect::<Vec<_>>().join("\n"),
        Err(misread) => misread.to_string(),
    }
}

fn shown(command: &Command) -> String {
    use crate::model::ask::{Back, Goal};
    let mut words = vec![command.word().to_owned()];
    words.extend(command.target().map(|target| format!("<{target}>")));
    let because = |because: &Option<std::sync::Arc<str>>| {
        because
            .iter()
            .map(|text| format!("because \"{text}\""))
            .collect::<Vec<_>>()
    };
    match command {
        Command::Pin {
            to,
            end,
            because: why,
            ..
        } => {
            words.extend(to.iter().map(|to| match to {
                Goal::Tag(tag) => format!("to tag {tag}"),
                Goal::Digest(digest) => format!("to digest {}", digest.short()),
            }));
            words.extend(end.iter().map(ToString::to_string));
            words.extend(because(why));
        }
        Command::Rollback {
            to, because: why, ..
        } => {
            words.extend(to.iter().map(|to| match to {
                Back::Pins(pins) => format!("{pins} back"),
                Back::Digest(digest) => format!("to digest {}", digest.short()),
            }));
            words.extend(because(why));
        }
        Command::Hold {
            end, because: why, ..
        } => {
            words.extend(end.iter().map(ToString::to_string));
            words.extend(because(why));
        }
        _ => {}
    }
    words.join(" ")
}

#[track_caller]
fn each(cases: &[(&str, &str)]) {
    for (text, wanted) in cases {
        assert_eq!(outcome(text), *wanted, "{text:?}");
    }
}

#[test]
fn a_visible_line_of_text_is_a_command() {
    each(&[
        ("/pin", "/pin"),
        ("/pin immich", "/pin <immich>"),
        ("   /pin immich", "/pin <immich>"),
        ("/pin immich   ", "/pin <immich>"),
        ("/pin\timmich\tto\t1.2", "/pin <immich> to tag 1.2"),
        ("/pin\u{a0}immich", "/pin <immich>"),
        ("Thank you!\n/pin immich", "/pin <immich>"),
        ("Thank you!\\\n/pin immich", "/pin <immich>"),
        ("Thank you!  \n/pin immich  \nBye.", "/pin <immich>"),
        ("Thank you!\r\n\r\n/pin immich\r\n", "/pin <immich>"),
        ("Thank you!\r/pin immich\r", "/pin <immich>"),
        (
            "Größe 漢字 🎉\n\n/pin immich because Größe 漢字 🎉",
            "/pin <immich> because \"Größe 漢字 🎉\"",
        ),
        (
            "/pin a\n/hold b\n\ntext\n\n/resume c",
            "/pin <a>\n/hold <b>\n/resume <c>",
        ),
        ("> why?\n\n/explain immich", "/explain <immich>"),
        ("```\ncode\n```\n/plan", "/plan"),
        ("- a\n- b\n\n/plan", "/plan"),
        ("| a |\n|---|\n| b |\n\n/plan", "/plan"),
        ("# Title\n/plan", "/plan"),
        ("***\n/plan", "/plan"),
        (
            "<details>\n<summary>log</summary>\n\n```\n/pin a\n```\n\n</details>\n\n/plan",
            "/plan",
        ),
        ("<!-- note -->\n\n/plan", "/plan"),
        ("<!-- a\nb --> \n/plan", "/plan"),
        ("a <!-- b --> c\n/plan", "/plan"),
        ("<br>\n\n/plan", "/plan"),
        ("[a]: https://example.org\n\n/plan", "/plan"),
        ("/plan\n\n[^1]: a", "/plan"),
        ("/plan\na\n|---|---|\nb", "/plan"),
        ("---\n/plan", "/plan"),
        ("a\n---\n/plan", "/plan"),
        ("---\na: b\n---\n\n/plan", "/plan"),
        ("$5 and $6\n/plan", "/plan"),
        ("```\n$$\n```\n/plan", "/plan"),
        ("$$\nx\n$$\n\n/plan", "/plan"),
        (
            "<!-- pintle:answer 12 -->\nDone: [`0123456789`](<https://example.org/c>)\n\n> /pin immich\n",
            "",
        ),
    ]);
}

#[test]
fn what_is_no_visible_line_of_text_is_silence() {
    for text in [
        "",
        "\n",
        "Thank you!",
        "a /pin b",
        "see /pin",
        "./pin a",
        "//pin a",
        // Not the word.
        "/Pin a",
        "/PIN a",
        "/pinned a",
        "/pin: a",
        "/pin, please",
        "/pin/a",
        "/pin-a",
        "/pin`a`",
        "/pin**a**",
        "/pin<br>a",
        "/ pin a",
        "/phase advance",
        "/approve",
        "／pin a",
        // Quotes.
        "> /pin a",
        ">/pin a",
        "> > /pin a",
        "> a\n/pin a",
        "> > a\n/pin a",
        "> - a\n/pin a",
        "> a\n> /pin a",
        "> [!NOTE]\n> /pin a",
        // Code.
        "```\n/pin a\n```",
        "```sh\n/pin a\n```",
        "~~~\n/pin a\n~~~",
        "~~~\n```\n/pin a\n~~~",
        "````\n```\n/pin a\n````",
        "```\n/pin a",
        "```\n\n/pin a\n\n~~~\n",
        "    /pin a",
        "\t/pin a",
        "a\n\n    /pin a",
        "text\n    /pin a",
        "text\n\t/pin a",
        "`/pin a`",
        "`/pin` a",
        "`a\n/pin b`",
        "``a ` b\n/pin c``",
        // Hidden.
        "<!-- /pin a -->",
        "<!--\n/pin a\n-->",
        "<!--\n\n/pin a\n\n-->",
        "<!--\n/pin a",
        "<!--\n\n/pin a",
        "text <!--\n/pin a\n-->",
        "text <!-- a\n/pin a --> b",
        "<details>\n/pin a\n</details>",
        "<details>\n\n/pin a\n\n</details>",
        "<details>\n\n/pin a",
        "<details><summary>a</summary>\n\n<details></details>\n\n/pin a\n\n</details>",
        "<pre>\n/pin a\n</pre>",
        "</b>\n<!--\n\n/plan",
        "</b>\n<a title='\n\n/plan",
        "<div>\n<script></div>\n\n/plan",
        "<blockquote>\n\n/pin a\n\n</blockquote>",
        "a <del>b\n/pin c</del>",
        "<div title=\"</div>\">\n\n/pin a\n\n</div>",
        "<script>\n/pin a\n</script>",
        "<?php\n/pin a\n?>",
        "<![CDATA[\n/pin a\n]]>",
        "<a title='\n/pin a\n'>",
        "[a]: /url '\n/pin a\n'",
        "[a]:\n/pin",
        "---\n/pin a\n---\n",
        "---\na: |\n\n  b\n\n/pin a\n\n---\nc",
        "---\n```\n---\n/pin a\n",
        // Decorated.
        "**/pin** a",
        "**/pin a**",
        "*/pin a*",
        "_/pin a_",
        "~~/pin a~~",
        "**bold\n/pin a**",
        "~~old\n/pin a~~",
        "[/pin a](https://example.org)",
        "[text\n/pin a](https://example.org)",
        "![text\n/pin a](https://example.org)",
        "[a](\n/pin\n)",
        "# /pin a",
        "/pin a\n===",
        "/pin a\n---",
        "- /pin a",
        "1. /pin a",
        "- [ ] /pin a",
        "- a\n/pin a",
        "- a\n\n  /pin a",
        "| /pin a |\n|---|\n| b |",
        "| a |\n|---|\n/pin a",
        "a\n/pin a\n|---|---|\nb",
        "a\n|---|---|\n/pin a",
        "   /pin a\n:--",
        "a[^1]\n\n[^1]: b\n/pin a",
        "[^1]:\n    /pin a\n\na[^1]",
        "a\n: b\n/pin a",
        "$$\n/pin a\n$$",
        "$$\n\n/pin a\n\n$$",
        "$$\n\n/pin a",
        "\\[\n/pin a\n\\]",
        "\\[\n\n/pin a\n\n\\]",
        // Not as it is seen.
        "\\/pin a",
        "&#47;pin a",
        "&#x2f;pin a",
        "&sol;pin a",
        "/p&#105;n a",
        "/p\\in a",
        "\u{200b}/pin a",
        "\u{feff}/pin a",
        "\u{202e}/pin a",
        "\u{a0}/pin a",
        "/\u{200b}pin a",
        "/p\u{200b}in a",
        "/p\0in a",
        "/pі a",
    ] {
        assert_eq!(parse(text), Ok(Vec::new()), "{text:?}");
    }
}

#[test]
fn every_command_has_its_words() {
    let to = format!("/pin a to {DIGEST}");
    let back = format!("/rollback to {DIGEST} because x");
    each(&[
        ("/pin to 1.2", "/pin to tag 1.2"),
        ("/pin to 2", "/pin to tag 2"),
        (&to, "/pin <a> to digest 0123456789ab"),
        (
            "/pin a to v1.2_x-3 for 7d because of the chart",
            "/pin <a> to tag v1.2_x-3 for 7d because \"of the chart\"",
        ),
        ("/pin a for 7d to 1.2", "/pin <a> to tag 1.2 for 7d"),
        (
            "/pin a until 2026-12-01",
            "/pin <a> until 2026-12-01 00:00 UTC",
        ),
        (
            "/pin a until 2001-01-01T08:00:00+01:00",
            "/pin <a> until 2001-01-01 07:00 UTC",
        ),
        ("/pin for 1h30m", "/pin for 1h30m"),
        (
            "/pin because to for until /unpin",
            "/pin because \"to for until /unpin\"",
        ),
        ("/pin because 'it is late'", "/pin because \"it is late\""),
        ("/pin because \"it is late\"", "/pin because \"it is late\""),
        ("/pin because “it is late”", "/pin because \"it is late\""),
        (
            "/pin because “it” is “late”",
            "/pin because \"it” is “late\"",
        ),
        (
            "/pin because   it \t is\u{a0}late  ",
            "/pin because \"it is late\"",
        ),
        (
            "/pin because 👩‍👩‍👧 ❤️ نمی‌خواهم",
            "/pin because \"👩\u{200d}👩\u{200d}👧 ❤\u{fe0f} نمی\u{200c}خواهم\"",
        ),
        (
            "/pin because see #12, @ana and https://example.org",
            "/pin because \"see #12, @ana and https://example.org\"",
        ),
        (
            "/pin because see [the notes](https://example.org)",
            "/pin because \"see the notes\"",
        ),
        (
            "/pin because ~~this~~ **that** `x|y` &amp; \\* <https://example.org>",
            "/pin because \"this that x|y & * https://example.org\"",
        ),
        ("/unpin", "/unpin"),
        ("/unpin ns/app:web", "/unpin <ns/app:web>"),
        ("/rollback", "/rollback"),
        ("/rollback a to 2", "/rollback <a> 2 back"),
        ("/rollback to 100", "/rollback 100 back"),
        (&back, "/rollback to digest 0123456789ab because \"x\""),
        ("/hold", "/hold"),
        (
            "/hold a for 2w because x",
            "/hold <a> for 14d because \"x\"",
        ),
        ("/resume a", "/resume <a>"),
        (
            "/explain stacks/a/main.tf#deployment/a/b:c~2",
            "/explain <stacks/a/main.tf#deployment/a/b:c~2>",
        ),
        ("/status", "/status"),
        ("/status a", "/status <a>"),
        ("/plan", "/plan"),
        ("/help", "/help"),
    ]);
}

#[test]
fn words_are_taken_as_they_are_seen() {
    each(&[
        (
            "/pin `ghcr.io/x/y` to `1.2`",
            "/pin <ghcr.io/x/y> to tag 1.2",
        ),
        ("/pin ``ghcr.io/x/y``", "/pin <ghcr.io/x/y>"),
        ("/pin `a to 1.2`", "/pin <a> to tag 1.2"),
        ("/pin my_app_name", "/pin <my_app_name>"),
        ("/pin _my_app_", "/pin <my_app>"),
        ("/pin **a** to *1.2*", "/pin <a> to tag 1.2"),
        ("/pin a\\_b", "/pin <a_b>"),
        ("/pin ns&#47;a", "/pin <ns/a>"),
        ("/pin ghcr.io/x/y", "/pin <ghcr.io/x/y>"),
        ("/pin <https://example.org>", "/pin <https://example.org>"),
        (
            "/pin a *b\nc*",
            "line 1: `/pin`: `b` is not a word of it: it is one of `to`, `for`, `until`, `because`",
        ),
    ]);
}

#[test]
fn one_wrong_word_is_an_error_of_the_whole_comment() {
    let because = format!("/pin because {}", "x".repeat(201));
    let upper = format!("/pin to {}", DIGEST.replace("abc", "ABC"));
    let long = format!("/pin {}", "a".repeat(600));
    let cut = format!(
        "line 1: `/pin`: the target `{}…` is too long",
        "a".repeat(59)
    );
    let twice = format!("/pin to {DIGEST} to 1");
    let bare = format!("/pin to {}", &DIGEST[7..]);
    each(&[
        (
            "/pin a\n\n/unpin b now",
            "line 3: `/unpin`: it takes one target, but there is also `now`",
        ),
        (
            "/pin a\n/pin b too 1.2",
            "line 2: `/pin`: `too` is not a word of it: did you mean `to`?",
        ),
        (
            "/pin a b",
            "line 1: `/pin`: `b` is not a word of it: it is one of `to`, `for`, `until`, `because`",
        ),
        (
            "/pin to 1.2 a",
            "line 1: `/pin`: `a` is not a word of it: it is one of `to`, `for`, `until`, `because`",
        ),
        (
            "/pin a becuase x",
            "line 1: `/pin`: `becuase` is not a word of it: did you mean `because`?",
        ),
        (
            "/pin a To 1.2",
            "line 1: `/pin`: `To` is not a word of it: did you mean `to`?",
        ),
        (
            "/pin To 1.2",
            "line 1: `/pin`: `To` is not a target: did you mean `to`?",
        ),
        ("/pin to 1 to 2", "line 1: `/pin`: it has `to` twice"),
        (&twice, "line 1: `/pin`: it has `to` twice"),
        (
            "/pin for 7d for 8d",
            "line 1: `/pin`: it gives the duration twice: use one `for` or one `until`",
        ),
        (
            "/pin for 7d until 2026-12-01",
            "line 1: `/pin`: it gives the duration twice: use one `for` or one `until`",
        ),
        ("/pin a to", "line 1: `/pin`: `to` has nothing after it"),
        (
            "/pin a to because x",
            "line 1: `/pin`: `to` has nothing after it",
        ),
        (
            "/pin a because",
            "line 1: `/pin`: `because` has nothing after it",
        ),
        (
            "/pin a because ''",
            "line 1: `/pin`: `because` has nothing after it",
        ),
        ("/pin for 0", "line 1: `/pin`: `for 0` is zero"),
        ("/pin for 0s", "line 1: `/pin`: `for 0s` is zero"),
        (
            "/pin for 7 days",
            "line 1: `/pin`: `7` is not a length of time such as `45m`, `1h30m` or `7d`",
        ),
        (
            "/hold for -7d",
            "line 1: `/hold`: `-7d` is not a length of time such as `45m`, `1h30m` or `7d`",
        ),
        (
            "/pin until tomorrow",
            "line 1: `/pin`: `tomorrow` is not a date such as `2026-12-01` or a time such as `2026-12-01T08:00:00Z`",
        ),
        (
            "/pin until 2026-13-01",
            "line 1: `/pin`: `2026-13-01` is not a date such as `2026-12-01` or a time such as `2026-12-01T08:00:00Z`",
        ),
        (
            "/pin to sha256:0123",
            "line 1: `/pin`: `sha256:0123` is not a digest: it is only a part of one: all 64 digits are needed",
        ),
        (
            &upper,
            "line 1: `/pin`: `sha256:0123456789ABCdef0123456789ABCdef0123456789ABCdef0123…` is not a digest: it is `sha256:` and 64 digits from `0` to `9` and `a` to `f`",
        ),
        (
            &bare,
            "line 1: `/pin`: `0123456789abcdef0123456789abcdef0123456789abcdef0123456789a…` is not a digest: a digest begins with `sha256:`",
        ),
        (
            "/pin to sha512:00",
            "line 1: `/pin`: `sha512:00` is neither a tag nor a digest: after `to` comes the tag alone, or the digest alone",
        ),
        (
            "/pin to ghcr.io/a/b:1",
            "line 1: `/pin`: `ghcr.io/a/b:1` is neither a tag nor a digest: after `to` comes the tag alone, or the digest alone",
        ),
        (
            "/pin to 1.2,",
            "line 1: `/pin`: `1.2,` is neither a tag nor a digest",
        ),
        (
            "/rollback to 0",
            "line 1: `/rollback`: `0` is not a number of pins from 1 to 100",
        ),
        (
            "/rollback to 101",
            "line 1: `/rollback`: `101` is not a number of pins from 1 to 100",
        ),
        (
            "/rollback to 99999999999",
            "line 1: `/rollback`: `99999999999` is not a number of pins from 1 to 100",
        ),
        (
            "/rollback to +1",
            "line 1: `/rollback`: `+1` is neither a digest nor a number of pins from 1 to 100",
        ),
        (
            "/rollback to 1.2",
            "line 1: `/rollback`: `1.2` is neither a digest nor a number of pins from 1 to 100",
        ),
        ("/rollback for 7d", "line 1: `/rollback`: it takes no `for`"),
        ("/hold to 1.2", "line 1: `/hold`: it takes no `to`"),
        (
            "/unpin a because x",
            "line 1: `/unpin`: it takes no `because`",
        ),
        (
            "/plan a",
            "line 1: `/plan`: it takes nothing after it, but there is `a`",
        ),
        (
            "/help me",
            "line 1: `/help`: it takes nothing after it, but there is `me`",
        ),
        (
            "/pin is what I mean",
            "line 1: `/pin`: `what` is not a word of it: it is one of `to`, `for`, `until`, `because`",
        ),
        (
            "/pin [target]",
            "line 1: `/pin`: `[target]` is not a target",
        ),
        ("/pin a, please", "line 1: `/pin`: `a,` is not a target"),
        ("/pin --force", "line 1: `/pin`: `--force` is not a target"),
        (&long, &cut),
        (
            &because,
            "line 1: `/pin`: the reason has 201 characters; it may have 200",
        ),
        (
            "/pin <target>",
            "line 1: `/pin`: its line has HTML; only text and inline code can be read",
        ),
        (
            "/pin a <!-- b -->",
            "line 1: `/pin`: its line has HTML; only text and inline code can be read",
        ),
        (
            "/pin<br> a",
            "line 1: `/pin`: its line has HTML; only text and inline code can be read",
        ),
        (
            "/pin [a](https://example.org)",
            "line 1: `/pin`: its line has a link; only text and inline code can be read",
        ),
        (
            "/pin ![a](https://example.org) b",
            "line 1: `/pin`: its line has an image; only text and inline code can be read",
        ),
        (
            "/pin ~~a~~ b",
            "line 1: `/pin`: its line has text that is struck out; only text and inline code can be read",
        ),
        (
            "/pin a[^1]\n\n[^1]: b",
            "line 1: `/pin`: its line has a footnote; only text and inline code can be read",
        ),
        (
            "/pin a because <b>x</b>",
            "line 1: `/pin`: the reason has something that is not text (HTML, an image or a footnote)",
        ),
        (
            "/pin a because ![x](https://example.org)",
            "line 1: `/pin`: the reason has something that is not text (HTML, an image or a footnote)",
        ),
        (
            "/pin\u{200b} a",
            "line 1: `/pin`: its line has a character that cannot be seen (U+200B)",
        ),
        (
            "/pin a\u{202e}b",
            "line 1: `/pin`: its line has a character that cannot be seen (U+202E)",
        ),
        (
            "/pin a&#8203;b",
            "line 1: `/pin`: its line has a character that cannot be seen (U+200B)",
        ),
        (
            "/pin a to 1\u{200d}2",
            "line 1: `/pin`: its line has a character that cannot be seen (U+200D)",
        ),
        (
            "/pin a because b\u{202e}c",
            "line 1: `/pin`: its line has a character that cannot be seen (U+202E)",
        ),
        (
            "/pin a because b\u{1b}[31mc",
            "line 1: `/pin`: its line has a character that cannot be seen (U+001B)",
        ),
        (
            "/pin a\0",
            "line 1: `/pin`: its line has a character that cannot be seen (U+0000)",
        ),
    ]);
}

/// What a comment comes to in a repo that has these names.
#[track_caller]
fn each_naming(names: &[&str], cases: &[(&str, &str)]) {
    for (text, wanted) in cases {
        let found = match super::parse_naming(text, &|name| names.contains(&name)) {
            Ok(commands) => commands.iter().map(shown).collect::<Vec<_>>().join("\n"),
            Err(misread) => misread.to_string(),
        };
        assert_eq!(found, *wanted, "{text:?}");
    }
}

#[test]
fn a_target_in_quotes_or_code_marks_is_taken_whole() {
    each(&[
        ("/hold \"my app\"", "/hold <my app>"),
        ("/hold `my app`", "/hold <my app>"),
        ("/hold “my app”", "/hold <my app>"),
        ("/hold ‘my app’", "/hold <my app>"),
        ("/hold 'my app'", "/hold <my app>"),
        ("/hold `\"my app\"`", "/hold <my app>"),
        ("/hold \"`my app`\"", "/hold <my app>"),
        (
            "/pin \"my app\" to 1.2 for 7d because \"x y\"",
            "/pin <my app> to tag 1.2 for 7d because \"x y\"",
        ),
        (
            "/pin `my app` to `1.2` because x",
            "/pin <my app> to tag 1.2 because \"x\"",
        ),
        ("/hold \"wait for it\" for 7d", "/hold <wait for it> for 7d"),
        ("/hold \"par(en)\"", "/hold <par(en)>"),
        ("/hold `par(en)`", "/hold <par(en)>"),
        ("/hold \"to\"", "/hold <to>"),
        ("/hold `a*b*c`", "/hold <a*b*c>"),
        ("/hold ``a`b``", "/hold <a`b>"),
        ("/hold \"web\"", "/hold <web>"),
        (
            "/hold \"stacks/my app/main.tf#module.web[\"a b\"].image\" for 7d",
            "/hold <stacks/my app/main.tf#module.web[\"a b\"].image> for 7d",
        ),
        ("/status \"my app\"", "/status <my app>"),
        (
            "/unpin \"my app\" now",
            "line 1: `/unpin`: it takes one target, but there is also `now`",
        ),
        (
            "/hold \"my app\" other",
            "line 1: `/hold`: `other` is not a word of it: it is one of `for`, `until`, `because`",
        ),
        (
            "/hold \"my app",
            "line 1: `/hold`: the target has no closing quote (`\"`)",
        ),
        (
            "/hold \"my app\"x",
            "line 1: `/hold`: the target has no closing quote (`\"`)",
        ),
        (
            "/hold \"\"",
            "line 1: `/hold`: the target in quotes is empty",
        ),
        (
            "/hold \" \"",
            "line 1: `/hold`: the target in quotes is empty",
        ),
        (
            "/hold \"my\u{202e} app\"",
            "line 1: `/hold`: its line has a character that cannot be seen (U+202E)",
        ),
        (
            "/hold \"my <b>app</b>\"",
            "line 1: `/hold`: its line has HTML; only text and inline code can be read",
        ),
        (
            "/plan \"my app\"",
            "line 1: `/plan`: it takes nothing after it, but there is `\"my`",
        ),
        ("/hold because \"my app\"", "/hold because \"my app\""),
    ]);
}

#[test]
fn a_name_that_the_repo_has_needs_no_quotes() {
    let names = [
        "my app",
        "par(en)",
        "stacks/my app/main.tf#x[0]",
        "wait for it",
        "wait",
        "a, b",
        "my",
    ];
    each_naming(
        &names,
        &[
            ("/hold my app", "/hold <my app>"),
            ("/hold my app  ", "/hold <my app>"),
            (
                "/hold my app for 7d because of my app",
                "/hold <my app> for 7d because \"of my app\"",
            ),
            ("/pin my app to 1.2", "/pin <my app> to tag 1.2"),
            (
                "/unpin stacks/my app/main.tf#x[0]",
                "/unpin <stacks/my app/main.tf#x[0]>",
            ),
            ("/hold par(en)", "/hold <par(en)>"),
            ("/hold par(en) for 7d", "/hold <par(en)> for 7d"),
            ("/hold a, b", "/hold <a, b>"),
            ("/hold wait for it", "/hold <wait for it>"),
            ("/hold wait for it for 7d", "/hold <wait for it> for 7d"),
            ("/hold wait for 7d", "/hold <wait> for 7d"),
            ("/explain \"my app\"", "/explain <my app>"),
            ("/explain my", "/explain <my>"),
            (
                "/hold other app",
                "line 1: `/hold`: `app` is not a word of it: it is one of `for`, `until`, `because`",
            ),
            ("/hold a, please", "line 1: `/hold`: `a,` is not a target"),
            (
                "/unpin my app now",
                "line 1: `/unpin`: it takes one target, but there is also `app`",
            ),
            (
                "/hold my app becuase x",
                "line 1: `/hold`: `app` is not a word of it: it is one of `for`, `until`, `because`",
            ),
        ],
    );
}

#[test]
fn every_target_can_be_typed_in_its_forms() {
    for (name, forms) in [
        ("immich", ["immich", "\"immich\"", "`immich`"].as_slice()),
        ("my app", &["\"my app\"", "`my app`"]),
        ("par(en)", &["\"par(en)\"", "`par(en)`"]),
        ("To", &["\"To\"", "`To`"]),
        ("a`b", &["\"a`b\""]),
    ] {
        let target = crate::model::ask::TargetName::new(name).expect(name);
        assert_eq!(target.typed_forms(), forms);
        for form in forms {
            assert_eq!(
                outcome(&format!("/hold {form}")),
                format!("/hold <{name}>"),
                "{form}"
            );
        }
    }
}

#[test]
fn a_misread_says_how_the_command_is_written() {
    let misread = Misread {
        line: 2,
        command: Some("/unpin"),
        what: "it takes one target, but there is also `b`".into(),
        hint: Some("write `/unpin [target]`".into()),
    };
    assert_eq!(parse("Hello\n/unpin a b\n/plan"), Err(misread));
}

#[test]
fn a_long_comment_is_silence_or_an_error() {
    let filler = "text\n".repeat(LONGEST / 5);
    assert_eq!(
        outcome(&format!("/plan\n{}", &filler[..LONGEST - 6])),
        "/plan"
    );
    assert_eq!(outcome(&format!("{filler}{filler}")), "");
    assert_eq!(
        outcome(&format!("a\n/plan\n{filler}")),
        "line 2: a comment with commands may have 64 KiB at most"
    );
    assert_eq!(outcome(&"/plan\n".repeat(MOST)), ["/plan"; MOST].join("\n"));
    assert_eq!(
        outcome(&"/plan\n".repeat(MOST + 1)),
        "line 21: one comment may have 20 commands at most"
    );
}

#[test]
fn deep_and_repetitive_markdown_is_read_in_time() {
    for unit in [
        "> ", "- ", "*", "[", "![", "`", "<", "<!--", "<a ", "_a", "(", "|a", "&", "$", "\\[",
        "[^1]: ", "<b>", "~~a",
    ] {
        let text = format!("{}\n\n/plan", unit.repeat(LONGEST / unit.len() - 8));
        assert!(parse(&text).is_ok(), "{unit}");
    }
}

#[test]
fn every_usage_can_be_typed() {
    for (usage, meaning) in COMMANDS {
        let plain = usage.split(' ').next().expect("a word");
        assert_eq!(outcome(plain), plain, "{usage}");
        let full = usage
            .replace("<tag|sha256:…>", "1.2")
            .replace("<sha256:…|N>", "2")
            .replace("for <7d>|until <2026-12-01>", "for 7d")
            .replace("stack or target", "target")
            .replace("because …", "because it is late")
            .replace(['[', ']'], "");
        let commands = parse(&full).unwrap_or_else(|misread| panic!("{full}: {misread}"));
        assert_eq!(commands.len(), 1, "{full}");
        assert_eq!(commands[0].word(), plain);
        assert_eq!(commands[0].target().is_some(), usage.contains("target"));
        assert!(!meaning.ends_with('.'));
    }
}

/// Pieces of comments that mean something to a reader of Markdown.
fn comment() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "/pin",
        "/pin a",
        "/unpin",
        "/plan",
        "/help x",
        " to ",
        " 1.2",
        " because ",
        "\n",
        "\n\n",
        "\r\n",
        " ",
        "    ",
        "\t",
        "> ",
        "- ",
        "1. ",
        "# ",
        "```",
        "~~~",
        "`",
        "``",
        "*",
        "**",
        "_",
        "~~",
        "[",
        "](",
        ")",
        "![",
        "<!--",
        "-->",
        "<details>",
        "</details>",
        "<b>",
        "</b>",
        "<",
        ">",
        "|",
        "|---|",
        "---",
        "===",
        "[^1]",
        "[^1]: ",
        "[a]: ",
        "$",
        "$$",
        "\\[",
        "\\]",
        "\\",
        "&#47;",
        "&amp;",
        "\u{200b}",
        "\u{202e}",
        "\u{feff}",
        "\u{a0}",
        "\0",
        "é",
        "漢",
        "👩\u{200d}👧",
        "@ana",
        "#12",
        "text",
        ": ",
    ]);
    prop_oneof![
        6 => prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat()),
        1 => any::<String>(),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_comment_is_read(text in comment()) {
        let lines = text.replace("\r\n", "\n").replace('\r', "\n").split('\n').count();
        match parse(&text) {
            Ok(commands) => prop_assert!(commands.len() <= MOST),
            Err(misread) => prop_assert!(misread.line >= 1 && misread.line <= lines),
        }
    }

    #[test]
    fn a_quoted_comment_is_silence(text in comment(), lazy in any::<bool>()) {
        let lines: Vec<String> = text.split(['\n', '\r']).map(|line| if lazy { format!(">{line}") } else { format!("> {line}") }).collect();
        prop_assert_eq!(parse(&lines.join("\n")), Ok(Vec::new()));
    }

    #[test]
    fn a_fenced_comment_is_silence(text in comment()) {
        prop_assert_eq!(parse(&quote::block(&text)), Ok(Vec::new()));
        prop_assert_eq!(parse(&format!("Log:\n{}", quote::block(&text))), Ok(Vec::new()));
    }

    #[test]
    fn a_commented_out_comment_is_silence(text in comment()) {
        let text = text.replace("-->", "").replace("--", "");
        prop_assert_eq!(parse(&format!("<!--\n{text}\n-->")), Ok(Vec::new()));
    }

    #[test]
    fn harmless_text_is_no_command(text in comment(), before in "[a-z ]{0,3}") {
        for quoted in [quote::inline(&text), quote::code(&text), quote::link(&text, "https://example.org")] {
            prop_assert_eq!(parse(&quoted), Ok(Vec::new()));
            prop_assert_eq!(parse(&format!("{before}\n{quoted}\n{before}")), Ok(Vec::new()));
        }
    }

    #[test]
    fn harmless_text_changes_no_line_around_it(text in comment()) {
        for quoted in [quote::inline(&text), quote::code(&text), quote::link(&text, "https://example.org")] {
            let around = format!("Said {quoted}.\n\n| a | b |\n|---|---|\n| {quoted} | {quoted} |\n\n/plan");
            prop_assert_eq!(parse(&around), Ok(vec![Command::Plan]), "{}", around);
        }
        let around = format!("{}\n/plan", quote::block(&text));
        prop_assert_eq!(parse(&around), Ok(vec![Command::Plan]), "{}", around);
    }
}

#[test]
fn a_name_copied_with_a_zero_width_space_is_read() {
    let is_name = |name: &str| name == "main.tf#local.image";
    let asked = |text: &str| super::parse_naming(text, &is_name);
    assert_eq!(
        asked("/explain main.tf#\u{200b}local.image").expect("it is read"),
        asked("/explain main.tf#local.image").expect("it is read")
    );
    assert!(
        asked("/explain main.tf#\u{200b}local.other").is_err(),
        "nothing has that name"
    );
    assert!(asked("/explain main.tf#\u{202e}local.image").is_err());
}
