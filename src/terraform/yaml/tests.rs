use super::*;
use crate::terraform::files::RepoPath;
use crate::terraform::text::{Form, Frame, Origin, Piece};
use crate::terraform::value::Number;

fn path() -> RepoPath {
    RepoPath::new("apps.yaml").unwrap()
}

/// The whole file as `file()` gives it.
fn file(source: &str) -> Text {
    let span = Span::new(0, source.len());
    Text::written(
        source,
        Origin {
            file: path(),
            span,
            literal: span,
            form: Form::Raw,
        },
    )
}

fn get<'a>(value: &'a Value, keys: &[&str]) -> &'a Value {
    keys.iter().fold(value, |value, key| match value {
        Value::Map(map) => map
            .get(*key)
            .unwrap_or_else(|| panic!("no {key} in {map:?}")),
        Value::List(list) => &list[key.parse::<usize>().unwrap()],
        other => panic!("no {key} in {other:?}"),
    })
}

/// Every known piece with an origin has the text that stands there in the source; returns how many
/// bytes have one.
fn check_origins(source: &str, value: &Value) -> usize {
    match value {
        Value::Text(text) => text
            .pieces()
            .iter()
            .map(|piece| check_piece(source, piece))
            .sum(),
        Value::List(list) => list.iter().map(|value| check_origins(source, value)).sum(),
        Value::Map(map) => map.values().map(|value| check_origins(source, value)).sum(),
        _ => 0,
    }
}

fn check_piece(source: &str, piece: &Piece) -> usize {
    let Piece::Known {
        text,
        origin: Some(origin),
    } = piece
    else {
        return 0;
    };
    assert!(origin.literal.contains(origin.span), "{piece:?}");
    if origin.span.len() == text.len() {
        assert_eq!(&source[origin.span.range()], &**text);
    }
    text.len()
}

fn only_origin(value: &Value) -> &Origin {
    let Value::Text(text) = value else {
        panic!("{value:?}")
    };
    match text.pieces() {
        [
            Piece::Known {
                origin: Some(origin),
                ..
            },
        ] => origin,
        other => panic!("{other:?}"),
    }
}

#[test]
fn scalars_of_every_style_know_their_content() {
    let source = "a: ghcr.io/x/y:1 # c\nb: 'x:2'\nc: \"x:3\"\nd: |-\n  x:4\ne: [x:5, {f: x:6}]\n";
    let value = decode(&file(source));
    for (keys, text, form) in [
        (&["a"][..], "ghcr.io/x/y:1", Form::YamlPlain),
        (&["b"], "x:2", Form::YamlSingle),
        (&["c"], "x:3", Form::YamlDouble),
        (&["d"], "x:4", Form::YamlBlock),
        (&["e", "0"], "x:5", Form::YamlPlain),
        (&["e", "1", "f"], "x:6", Form::YamlPlain),
    ] {
        let value = get(&value, keys);
        assert_eq!(value.as_str().unwrap(), text);
        let origin = only_origin(value);
        assert_eq!((&source[origin.span.range()], origin.form), (text, form));
        if form != Form::YamlBlock {
            assert_eq!(origin.literal, origin.span);
            let Value::Text(text) = value else {
                unreachable!()
            };
            assert_eq!(
                text.frames(),
                [Frame {
                    file: path(),
                    content: origin.span,
                    form
                }]
            );
        }
    }
}

#[test]
fn escapes_and_folds_are_pieces_of_their_own() {
    let source = "a: 'it''s'\nb: \"x\\ty\\\n  z\"\nc: one\n  two\n\n  three\nd: >\n  one\n  two\n\n  three\ne: |\r\n  one\r\n  two\r\n";
    let value = decode(&file(source));
    let texts: Vec<String> = ["a", "b", "c", "d", "e"]
        .iter()
        .map(|key| get(&value, &[key]).as_str().unwrap())
        .collect();
    assert_eq!(
        texts,
        [
            "it's",
            "x\tyz",
            "one two\nthree",
            "one two\nthree\n",
            "one\ntwo\n"
        ]
    );
    assert_eq!(
        check_origins(source, &value),
        "it's".len() + "x\tyz".len() + "onetwothree".len() + "onetwo\nthree".len() + "onetwo".len()
    );
    let Value::Text(a) = get(&value, &["a"]) else {
        unreachable!()
    };
    let Piece::Known {
        text,
        origin: Some(origin),
    } = &a.pieces()[1]
    else {
        panic!("{a:?}")
    };
    assert_eq!(
        (
            &**text,
            &source[origin.span.range()],
            &source[origin.literal.range()]
        ),
        ("'", "''", "it''s")
    );
}

#[test]
fn plain_scalars_mean_what_they_mean_to_terraform() {
    let source = "[~, null, '', yes, Off, 12, 1_000, 1.10, 1.0, 0x1f, 0b11, 012, 2024-1-5, 2024-01-05T10:00:00+02:00, v1.2, 1.2.3, '12', <<, .5, 1e3]";
    let Value::List(list) = decode(&file(source)) else {
        panic!()
    };
    let shown: Vec<String> = list
        .iter()
        .map(|value| match value {
            Value::Null => "null".to_owned(),
            Value::Bool(bool) => bool.to_string(),
            Value::Number(Number::Int(int), Some(_)) => format!("i{int}"),
            Value::Number(Number::Float(float), Some(_)) => format!("f{float}"),
            other => format!("{:?}", other.as_str().unwrap()),
        })
        .collect();
    let expected = [
        "null",
        "null",
        "\"\"",
        "true",
        "false",
        "i12",
        "\"1_000\"",
        "f1.1",
        "i1",
        "i31",
        "\"0b11\"",
        "i12",
        "\"2024-01-05T00:00:00Z\"",
        "\"2024-01-05T10:00:00+02:00\"",
        "\"v1.2\"",
        "\"1.2.3\"",
        "\"12\"",
        "\"<<\"",
        "f0.5",
        "i1000",
    ];
    assert_eq!(shown, expected);
}

#[test]
fn a_number_keeps_how_it_is_written() {
    let Value::Map(map) = decode(&file("tag: 1.10\n")) else {
        panic!()
    };
    let Value::Number(_, Some(origin)) = &map["tag"] else {
        panic!("{map:?}")
    };
    assert_eq!(
        (origin.span, origin.literal, origin.form),
        (Span::new(5, 9), Span::new(5, 9), Form::YamlPlain)
    );
    let documents = documents(&file("tag: 1.10\n"));
    assert_eq!(get(&documents[0].value, &["tag"]).as_str().unwrap(), "1.10");
}

#[test]
fn anchors_and_merges_keep_the_first_place() {
    let source = "base: &b\n  image: x:1\n  n: 1\na:\n  image: y:2\n  <<: *b\nb: *b\n";
    let strict = decode(&file(source));
    // go-cty-yaml merges in the order of the text, Helm's reader below what is written.
    assert_eq!(get(&strict, &["a", "image"]).as_str().unwrap(), "x:1");
    assert_eq!(
        &source[only_origin(get(&strict, &["b", "image"])).span.range()],
        "x:1"
    );
    let lenient = &documents(&file(source))[0].value;
    assert_eq!(get(lenient, &["a", "image"]).as_str().unwrap(), "y:2");
    assert_eq!(get(lenient, &["a", "n"]).as_str().unwrap(), "1");
}

#[test]
fn the_last_of_repeated_keys_counts_and_is_reported() {
    let source = "a: 1\nb: 2\na: x\n";
    assert_eq!(get(&decode(&file(source)), &["a"]).as_str().unwrap(), "x");
    let documents = documents(&file(source));
    let [Repeated { key, value, span }] = &documents[0].repeated[..] else {
        panic!()
    };
    assert_eq!(
        (&**key, value.as_str().unwrap().as_str(), *span),
        ("a", "1", Span::new(10, 11))
    );
}

#[test]
fn terraform_refuses_what_it_refuses() {
    for source in [
        "a: [",
        "a: 1\n---\nb: 2\n",
        "? [a]\n: b\n",
        "~: 1\n",
        "a: *b\n",
        "a: &a [*a]\n",
        "a: .nan\n",
        "a: !vault x\n",
        "<<: [1]\n",
    ] {
        let value = decode(&file(source));
        assert!(
            matches!(&value, Value::Unknown(why) if why.kind == WhyKind::Invalid),
            "{source:?}: {value:?}"
        );
    }
    assert_eq!(decode(&file("")), Value::Null);
    assert_eq!(decode(&file("# nothing\n")), Value::Null);
}

#[test]
fn documents_stand_alone() {
    let source = "\u{feff}a: x:1\n---\nb: [\n---\nc: x:2\n---\n";
    let values: Vec<Value> = documents(&file(source))
        .into_iter()
        .map(|document| document.value)
        .collect();
    assert_eq!(values.len(), 4, "{values:?}");
    assert_eq!(
        &source[only_origin(get(&values[0], &["a"])).span.range()],
        "x:1"
    );
    assert!(matches!(values[1], Value::Unknown(_)));
    assert_eq!(
        &source[only_origin(get(&values[2], &["c"])).span.range()],
        "x:2"
    );
    assert_eq!(values[3], Value::Null);
}

/// A heredoc `image: repo:${var.tag}\ntag: ${var.unknown}-x\n${extra}\n…` as the evaluator gives
/// it, at offset 100 of main.tf.
fn heredoc() -> (String, Text) {
    let source = format!(
        "{}image: repo:${{var.tag}}\ntag: ${{var.un}}-x\nall: ${{var.all}} # c\n${{extra}}\nn: \"q ${{var.tag}}\"\n",
        " ".repeat(100)
    );
    let main = RepoPath::new("main.tf").unwrap();
    let literal = Span::new(100, source.len());
    let mut text = Text::default();
    let variable = |value: &str, at: usize| {
        let span = Span::new(at, at + value.len());
        let origin = Origin {
            file: RepoPath::new("vars.tf").unwrap(),
            span,
            literal: span,
            form: Form::Quoted,
        };
        Piece::Known {
            text: value.into(),
            origin: Some(origin),
        }
    };
    let mut at = 100;
    while at < source.len() {
        let end = source[at..]
            .find("${")
            .map_or(source.len(), |found| at + found);
        let origin = Origin {
            file: main.clone(),
            span: Span::new(at, end),
            literal,
            form: Form::Raw,
        };
        text.push(Piece::Known {
            text: source[at..end].into(),
            origin: Some(origin),
        });
        let close = source[end..]
            .find('}')
            .map_or(source.len(), |found| end + found + 1);
        match &source[end..close] {
            "" => {}
            "${var.tag}" => text.push(variable("1.2", 7)),
            "${var.all}" => text.push(variable("repo:9", 70)),
            other => text.push(Piece::Unknown(Why::new(WhyKind::VariableNotSet, other))),
        }
        at = close;
    }
    text.push_frame(Frame {
        file: main,
        content: literal,
        form: Form::Raw,
    });
    (source, text)
}

#[test]
fn a_scalar_of_a_heredoc_is_framed_by_its_template() {
    let (source, text) = heredoc();
    let documents = documents(&text);
    let value = &documents[0].value;
    let frame = |key: &str| {
        let Value::Text(text) = get(value, &[key]) else {
            panic!()
        };
        let frame = text.frames().last().unwrap();
        (
            frame.file.to_string(),
            source[frame.content.range()].to_owned(),
            frame.form,
        )
    };
    assert_eq!(get(value, &["image"]).as_str().unwrap(), "repo:1.2");
    assert_eq!(
        frame("image"),
        (
            "main.tf".to_owned(),
            "repo:${var.tag}".to_owned(),
            Form::YamlPlain
        )
    );
    assert_eq!(
        frame("all"),
        (
            "main.tf".to_owned(),
            "${var.all}".to_owned(),
            Form::YamlPlain
        )
    );
    assert_eq!(
        frame("n"),
        (
            "main.tf".to_owned(),
            "q ${var.tag}".to_owned(),
            Form::YamlDouble
        )
    );
    let Value::Text(all) = get(value, &["all"]) else {
        panic!()
    };
    assert_eq!(all.frames()[0].file.as_str(), "vars.tf");
    let Piece::Known {
        origin: Some(origin),
        ..
    } = &all.pieces()[0]
    else {
        panic!()
    };
    assert_eq!(
        (origin.file.as_str(), origin.span, origin.literal),
        ("vars.tf", Span::new(70, 76), Span::new(70, 76))
    );
}

#[test]
fn unknown_parts_stay_unknown_and_keep_their_neighbours() {
    let (source, text) = heredoc();
    let documents = documents(&text);
    let Value::Text(tag) = get(&documents[0].value, &["tag"]) else {
        panic!()
    };
    let [
        Piece::Unknown(why),
        Piece::Known {
            text,
            origin: Some(origin),
        },
    ] = tag.pieces()
    else {
        panic!("{tag:?}")
    };
    assert_eq!((&*why.what, &**text), ("${var.un}", "-x"));
    assert_eq!(
        (
            &source[origin.span.range()],
            &source[origin.literal.range()]
        ),
        ("-x", "${var.un}-x")
    );
}

#[test]
fn comments_of_a_line_and_above() {
    let source = "# far\n\n# one\n  # two\na: \"x # no\" # pintle: hold\n";
    let at = source.find("x # no").unwrap();
    let comments: Vec<(String, usize, bool)> = comments_around(source, at)
        .into_iter()
        .map(|c| (c.text, c.line, c.trailing))
        .collect();
    let expected = [
        ("one".to_owned(), 3, false),
        ("two".to_owned(), 4, false),
        ("pintle: hold".to_owned(), 5, true),
    ];
    assert_eq!(comments, expected);
    assert_eq!(comments_around("a: b#c\n", 3), []);
    assert_eq!(comments_around("é", 1), []);
}

#[test]
fn hostile_text_ends() {
    for source in [
        "[".repeat(100_000),
        "{a: ".repeat(100_000),
        "- ".repeat(100_000),
        "a: &a [x]\n".repeat(9),
        "&a ".repeat(1000),
    ] {
        decode(&file(&source));
        documents(&file(&source));
    }
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..20 {
        bomb.push_str(&format!(
            "a{level}: &a{level} [{}]\n",
            vec![format!("*a{}", level - 1); 8].join(", ")
        ));
    }
    assert!(matches!(decode(&file(&bomb)), Value::Unknown(why) if why.kind == WhyKind::Limit));
}

#[test]
fn an_unknown_part_with_a_line_for_itself_may_be_any_yaml() {
    let mut text = Text::computed("a: x:1\n");
    text.push(Piece::Unknown(Why::new(
        WhyKind::RunTime,
        "indent(2, extra)",
    )));
    text.append(&Text::computed("\nb: 2\n"));
    let documents = documents(&text);
    assert!(
        matches!(&documents[0].value, Value::Map(map) if map.len() == 2),
        "{documents:?}"
    );
}
