use super::*;
use crate::terraform::files::RepoPath;
use crate::terraform::span::Span;
use crate::terraform::text::Origin;

fn file(source: &str) -> Text {
    let span = Span::new(0, source.len());
    Text::written(
        source,
        Origin {
            file: RepoPath::new("a.json").unwrap(),
            span,
            literal: span,
            form: Form::Raw,
        },
    )
}

fn entry<'a>(value: &'a Value, key: &str) -> &'a Value {
    let Value::Map(map) = value else {
        panic!("{value:?}")
    };
    &map[key]
}

#[test]
fn strings_know_where_they_are() {
    let source = r#"{ "a": "x:1", "b": ["p\u00e9\ud83d\ude00\"q", 1.10, 2.0, true, null], "a": "x:2", "e": "" }"#;
    let value = decode(&file(source));
    let Value::Text(a) = entry(&value, "a") else {
        panic!()
    };
    let Piece::Known {
        text,
        origin: Some(origin),
    } = &a.pieces()[0]
    else {
        panic!()
    };
    assert_eq!(
        (
            &**text,
            &source[origin.span.range()],
            origin.literal,
            origin.form
        ),
        ("x:2", "x:2", origin.span, Form::Json)
    );
    let Value::List(list) = entry(&value, "b") else {
        panic!()
    };
    assert_eq!(list[0].as_str().unwrap(), "pé😀\"q");
    let Value::Text(text) = &list[0] else {
        panic!()
    };
    let written: Vec<&str> = text
        .pieces()
        .iter()
        .map(|piece| match piece {
            Piece::Known {
                origin: Some(origin),
                ..
            } => &source[origin.span.range()],
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(written, ["p", "\\u00e9", "\\ud83d\\ude00", "\\\"", "q"]);
    assert!(matches!(&list[1], Value::Number(Number::Float(float), None) if *float == 1.1));
    assert!(matches!(
        &list[2..],
        [
            Value::Number(Number::Int(2), _),
            Value::Bool(true),
            Value::Null
        ]
    ));
    let Value::Text(empty) = entry(&value, "e") else {
        panic!()
    };
    assert_eq!(empty.frames().len(), 1);
}

#[test]
fn what_is_not_json_is_invalid() {
    for source in [
        "",
        "{",
        "[1,]",
        "{\"a\" 1}",
        "\"\\ud800\"",
        "01",
        "[1] 2",
        "\u{feff}1",
        "\"",
        "nul",
        "\"\\",
    ] {
        assert!(
            matches!(decode(&file(source)), Value::Unknown(why) if why.kind == WhyKind::Invalid),
            "{source:?}"
        );
    }
    assert!(
        matches!(decode(&file(&"[".repeat(100_000))), Value::Unknown(why) if why.kind == WhyKind::Limit)
    );
}
