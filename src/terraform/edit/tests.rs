use super::*;
use crate::terraform::text::Form;
use proptest::prelude::*;

mod comments;
mod documents;

const PIN: &str = "@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

fn path(name: &str) -> RepoPath {
    RepoPath::new(name).unwrap()
}

/// An edit that replaces the first `from` of `text`.
fn edit(name: &str, text: &str, from: &str, put: &str) -> Edit {
    let start = text.find(from).unwrap();
    Edit {
        file: path(name),
        span: Span::new(start, start + from.len()),
        expect: from.as_bytes().to_vec(),
        put: put.as_bytes().to_vec(),
        why: "a test".to_owned(),
    }
}

/// An edit that puts the pin after the first `from`.
fn pin(name: &str, text: &str, from: &str) -> Edit {
    let at = text.find(from).unwrap() + from.len();
    Edit {
        span: Span::new(at, at),
        expect: Vec::new(),
        put: PIN.into(),
        ..edit(name, text, from, "")
    }
}

fn proved(name: &str, text: &str, edits: &[Edit]) -> Result<String, EditError> {
    let after = apply(text.as_bytes(), edits)?;
    prove(&path(name), text.as_bytes(), &after, edits)?;
    Ok(String::from_utf8(after).unwrap())
}

#[test]
fn edits_are_made_from_any_order() {
    let text = "a b c";
    let edits = [
        edit("x", text, "c", "C!"),
        edit("x", text, "a", ""),
        pin("x", text, "b"),
    ];
    assert_eq!(
        String::from_utf8(apply(text.as_bytes(), &edits).unwrap()).unwrap(),
        format!(" b{PIN} C!")
    );
}

#[test]
fn edits_that_do_not_fit_are_refused() {
    let text = "abc";
    let wrong = Edit {
        expect: b"x".to_vec(),
        ..edit("f", text, "b", "")
    };
    assert_eq!(
        apply(text.as_bytes(), &[wrong]).unwrap_err().to_string(),
        "bytes 1..2 of f were \"x\", and are now \"b\""
    );
    for span in [Span::new(2, 9), Span::new(9, 9), Span::new(2, 1)] {
        let outside = Edit {
            span,
            ..edit("f", text, "b", "")
        };
        assert!(matches!(
            apply(text.as_bytes(), &[outside]),
            Err(EditError::OutOfRange { length: 3, .. })
        ));
    }
    let overlap = [edit("f", text, "ab", "x"), edit("f", text, "bc", "y")];
    assert!(matches!(
        apply(text.as_bytes(), &overlap),
        Err(EditError::Overlap { .. })
    ));
    let twice = [pin("f", text, "a"), pin("f", text, "a")];
    assert!(matches!(
        apply(text.as_bytes(), &twice),
        Err(EditError::Overlap { .. })
    ));
    let files = [edit("f", text, "a", "x"), edit("g", text, "b", "y")];
    assert!(matches!(
        apply(text.as_bytes(), &files),
        Err(EditError::OtherFile { .. })
    ));
}

#[test]
fn hcl_is_proved() {
    let text = "\u{feff}a = \"x:${var.t}\"\r\nb   =\"\"\r\nc = <<-EOT\r\n\timage: y:1\r\n  %{ if a }z%{ endif }\r\n  EOT\r\nd = { \"k\" = [1, \"${var.x}\"] }";
    for from in [
        "x:${var.t}",
        "b   =\"",
        "y:1",
        "${var.x}",
        "}z",
        "x:",
        "\"k",
    ] {
        let after = proved("main.tf", text, &[pin("main.tf", text, from)])
            .unwrap_or_else(|error| panic!("{from}: {error}"));
        assert_eq!(after.replace(PIN, ""), text);
    }
    let all = ["x:${var.t}", "b   =\"", "y:1"].map(|from| pin("main.tf", text, from));
    proved("main.tf", text, &all).unwrap();
}

#[test]
fn hcl_that_reads_differently_is_refused() {
    let text = "a = \"x:1\" # c\nb = var.t\nc = 22\nd = <<EOT\nx\nEOT\n";
    for (from, put) in [
        ("x:1", "x\" \n e = \"1"),
        ("x:1", "x:${var.t}"),
        ("x:1", "x:\\n"),
        ("var.t", "var.u"),
        ("22", "23"),
        ("x\nEOT", "EOT\nEOT"),
        ("x:1\"", "x\""),
        ("x:1", "\""),
    ] {
        let edits = [edit("main.tf", text, from, put)];
        let error = proved("main.tf", text, &edits).unwrap_err();
        assert!(
            matches!(
                error,
                EditError::NoLiteral { .. }
                    | EditError::Different { .. }
                    | EditError::Unreadable { .. }
            ),
            "{from} {put}: {error}"
        );
    }
    let broken = "a = \"x:1\"\nb = {\n";
    let error = proved("main.tf", broken, &[pin("main.tf", broken, "x:1")]).unwrap_err();
    assert!(
        matches!(
            error,
            EditError::Unreadable {
                when: "before the edit",
                ..
            }
        ),
        "{error}"
    );
    let after = "a = \"x:1\" # d\nb = var.t\nc = 22\nd = <<EOT\nx\nEOT\n";
    let error = prove(&path("main.tf"), text.as_bytes(), after.as_bytes(), &[]).unwrap_err();
    assert!(
        matches!(error, EditError::Different { at: 12, .. }),
        "{error}"
    );
}

#[test]
fn yaml_is_proved() {
    let text =
        "a: x:1  # c\nb: 'x:2'\nc: \"x:3\"\nd: |\n  x:4\n  y\ne: [x:5, 22]\n---\nf: 'x:${var.t}'\n";
    for from in ["x:1", "x:2", "x:3", "x:4", "x:5", "22"] {
        proved("v.yaml", text, &[pin("v.yaml", text, from)])
            .unwrap_or_else(|error| panic!("{from}: {error}"));
    }
    for (from, put) in [
        ("x:1", "x: 1"),
        ("x:1", "x #1"),
        ("x:1", "[x"),
        ("x:2", "x'2"),
        ("x:3", "x\"3"),
        ("x:4", "x\nz"),
        ("x:5", "x,5"),
        ("x:1", "|"),
    ] {
        let edits = [edit("v.yaml", text, from, put)];
        assert!(proved("v.yaml", text, &edits).is_err(), "{from} {put}");
    }
}

#[test]
fn templates_are_proved_masked() {
    let text = "%{ if a ~}\nimage: x:1\n%{ endif ~}\ntag: ${t}\nb: \"${t}-x\"\n";
    for name in ["values.yaml", "values.tpl", "values.yaml.tftpl"] {
        for from in ["x:1", "tag: ${t}", "${t}-x"] {
            proved(name, text, &[pin(name, text, from)])
                .unwrap_or_else(|error| panic!("{name} {from}: {error}"));
        }
        for from in ["if a", "${t", "%{ if a"] {
            let error = proved(name, text, &[pin(name, text, from)]).unwrap_err();
            assert!(
                matches!(error, EditError::NoLiteral { .. }),
                "{name} {from}: {error}"
            );
        }
    }
    let script = "#!/bin/sh\ndocker run x:1 \"$@\"\n";
    proved("run.sh.tpl", script, &[pin("run.sh.tpl", script, "x:1")]).unwrap();
    proved("Dockerfile", script, &[pin("Dockerfile", script, "x:1")]).unwrap();
}

#[test]
fn json_is_proved() {
    let text = "{\"image\": \"x:1\",\r\n \"n\": [1, \"y\\u00e9\"]}";
    proved(
        "a.json",
        text,
        &[pin("a.json", text, "x:1"), pin("a.json", text, "e9")],
    )
    .unwrap();
    for (from, put) in [
        ("x:1", "x\", \"b\": \""),
        ("1, ", "2, "),
        ("x:1", "x\\n"),
        (" [", "["),
    ] {
        assert!(
            proved("a.json", text, &[edit("a.json", text, from, put)]).is_err(),
            "{from} {put}"
        );
    }
}

#[test]
fn what_may_be_put_depends_on_the_form() {
    let all = [
        Form::Quoted,
        Form::Raw,
        Form::YamlPlain,
        Form::YamlSingle,
        Form::YamlDouble,
        Form::YamlBlock,
        Form::Json,
    ];
    for form in all {
        legal(form, b"repo:1.2", 8..8, PIN.as_bytes()).unwrap();
        legal(form, b"22", 2..2, PIN.as_bytes()).unwrap();
        legal(form, b"repo:1.2", 5..8, b"1.3-alpine").unwrap();
        for put in [
            &b"a\nb"[..],
            b"a\tb",
            b"\xff",
            b"\x7f",
            "\u{2028}".as_bytes(),
        ] {
            assert!(
                legal(form, b"repo:1.2", 8..8, put).is_err(),
                "{form:?} {put:?}"
            );
        }
        if form != Form::Json {
            assert!(legal(form, b"repo:1.2", 8..8, b"${x}").is_err(), "{form:?}");
            assert!(legal(form, b"a{b", 1..1, b"$").is_err(), "{form:?}");
            assert!(legal(form, b"a-{b", 1..2, b"%").is_err(), "{form:?}");
        }
    }
    for (form, put) in [
        (Form::Quoted, "\""),
        (Form::Quoted, "\\"),
        (Form::Json, "\""),
        (Form::Json, "\\"),
        (Form::YamlSingle, "'"),
        (Form::YamlDouble, "\""),
        (Form::YamlDouble, "\\"),
    ] {
        assert!(
            legal(form, b"repo", 4..4, put.as_bytes()).is_err(),
            "{form:?} {put}"
        );
    }
    for put in [": x", " #x", "[", "{", ",", ":", " "] {
        assert!(
            legal(Form::YamlPlain, b"repo", 4..4, put.as_bytes()).is_err(),
            "{put}"
        );
    }
    assert!(legal(Form::YamlPlain, b"v1", 0..2, b"true").is_err());
    assert!(legal(Form::YamlPlain, b"v1", 0..2, b"22").is_err());
    assert!(legal(Form::YamlPlain, b"22", 0..2, b"1.10").is_err());
    assert!(legal(Form::YamlPlain, b"", 0..0, PIN.as_bytes()).is_err());
    assert!(legal(Form::YamlPlain, b"true", 4..4, PIN.as_bytes()).is_err());
    assert!(legal(Form::Raw, b"image: x:1\n", 11..11, PIN.as_bytes()).is_err());
    for (content, at) in [
        (&b""[..], 0),
        (b"\n", 0),
        (b"\n", 1),
        (b"\r\n", 2),
        (b"x:1\n", 4),
        (b"x:1\n  y", 4),
    ] {
        assert!(
            legal(Form::YamlBlock, content, at..at, PIN.as_bytes()).is_err(),
            "{content:?} at {at}"
        );
    }
    legal(Form::YamlBlock, b"x:1\n", 3..3, PIN.as_bytes()).unwrap();
    legal(Form::YamlPlain, b"22", 0..2, b"23").unwrap();
    legal(Form::YamlPlain, b"x:${t}", 6..6, PIN.as_bytes()).unwrap();
    assert!(legal(Form::Quoted, b"a\\", 2..2, b"n").is_err());
    assert!(legal(Form::YamlSingle, b"a''b", 2..2, b"n").is_err());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn pins_change_nothing_else(document in documents::document(), picks in prop::collection::vec(any::<bool>(), 40), digit in 0..16_u8) {
        let documents::Document { name, text, literals } = document;
        let put = format!("@sha256:{}", format!("{digit:x}").repeat(64));
        let edits: Vec<Edit> = literals.iter().zip(&picks).filter(|(_, pick)| **pick).map(|((span, form), _)| {
            let content = &text.as_bytes()[span.range()];
            assert_eq!(legal(*form, content, content.len()..content.len(), put.as_bytes()), Ok(()));
            let span = Span::new(span.end, span.end);
            Edit { file: path(name), span, expect: Vec::new(), put: put.clone().into(), why: String::new() }
        }).collect();
        let after = apply(text.as_bytes(), &edits).unwrap();
        prop_assert_eq!(prove(&path(name), text.as_bytes(), &after, &edits), Ok(()));
        let count = after.windows(put.len()).filter(|window| *window == put.as_bytes()).count();
        prop_assert_eq!(count, edits.len());
        let reverse = documents::reverse(&edits);
        prop_assert_eq!(prove(&path(name), &after, text.as_bytes(), &reverse), Ok(()));
        prop_assert_eq!(apply(&after, &reverse).unwrap(), text.as_bytes());
    }

    #[test]
    fn corrupted_edits_are_refused(document in documents::document(), pick in any::<prop::sample::Index>(), how in 0..6_usize) {
        let documents::Document { name, text, literals } = document;
        let (span, form) = *pick.get(&literals);
        let content = text[span.range()].as_bytes().to_vec();
        let good = Edit { file: path(name), span, expect: content.clone(), put: [&content, PIN.as_bytes()].concat(), why: String::new() };
        let bad = match how {
            0 => Edit { expect: b"something else".to_vec(), ..good },
            1 => Edit { span: Span::new(text.len() + 1, text.len() + 2), ..good },
            2 => Edit { put: [&content, &b"\n\x01"[..]].concat(), ..good },
            3 => Edit { put: documents::breaking(form), ..good },
            // The byte before is outside of the literal, except in a block or heredoc, which is all
            // one literal.
            4 if !matches!(form, Form::Raw | Form::YamlBlock) => Edit { span: Span::new(span.start - 1, span.end), expect: text.as_bytes()[span.start - 1..span.end].to_vec(), put: b"x".to_vec(), ..good },
            _ => Edit { file: path("other.tf"), ..good },
        };
        let refused = apply(text.as_bytes(), std::slice::from_ref(&bad))
            .and_then(|after| prove(&path(name), text.as_bytes(), &after, std::slice::from_ref(&bad)));
        prop_assert!(refused.is_err(), "{bad:?} in {text:?}");
    }

    #[test]
    fn anything_else_in_the_file_is_seen(document in documents::document(), at in any::<prop::sample::Index>()) {
        let documents::Document { name, text, literals } = document;
        let (span, _) = literals[0];
        let edit = Edit { file: path(name), span: Span::new(span.end, span.end), expect: Vec::new(), put: PIN.into(), why: String::new() };
        let mut after = apply(text.as_bytes(), std::slice::from_ref(&edit)).unwrap();
        let at = at.index(after.len());
        after[at] ^= 1;
        prop_assert!(prove(&path(name), text.as_bytes(), &after, &[edit]).is_err());
    }
}
