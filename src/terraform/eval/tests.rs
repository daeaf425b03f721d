mod console;

use super::super::span::Span as FileSpan;
use super::super::text::Piece;
use super::*;
use console::{ExpressionContext, evaluate_expression};

fn context(declarations: &str) -> ExpressionContext {
    ExpressionContext::new(declarations, &[]).expect("declarations")
}

/// The value as JSON text, or why it is not known.
fn show(declarations: &str, expression: &str) -> String {
    match to_json(&evaluate_expression(&context(declarations), expression)) {
        Ok(json) => json.to_string(),
        Err(why) => format!("{:?}: {why}", why.kind),
    }
}

fn check(cases: &[(&str, &str)]) {
    for (expression, expected) in cases {
        assert_eq!(show("", expression), *expected, "{expression}");
    }
}

#[test]
fn literals_and_operators() {
    check(&[
        ("1 + 2 * 3", "7"),
        ("0.5 + 0.25", "0.75"),
        ("\"v${15.10}\"", "\"v15.1\""),
        ("\"v${1.0}\"", "\"v1\""),
        ("true && !false", "true"),
        ("false && local.nothing", "false"),
        ("\"a\" == \"a\"", "true"),
        ("1 == \"1\"", "false"),
        ("true ? 1 : \"a\"", "\"1\""),
        ("[for x in [1, 2, 3] : x * 2 if x > 1]", "[4,6]"),
        (
            "{ for k, v in { a = 1, b = 2 } : upper(k) => v }",
            "{\"A\":1,\"B\":2}",
        ),
        ("[{ a = 1 }, { a = 2 }][*].a", "[1,2]"),
        ("try([1][4], \"d\")", "\"d\""),
    ]);
}

#[test]
fn a_heredoc_is_dedented_line_by_line_and_keeps_its_places() {
    let text = "x = <<-EOT\n    a: ${\"b\"}\n      c\n    EOT\n";
    let path = RepoPath::new("a.tf").expect("path");
    let source = Source::parse(path, text.as_bytes().into()).expect("hcl");
    let scope = context("");
    let value = eval(
        &source.body.get_attribute("x").expect("x").value,
        &source,
        &scope,
    );
    assert_eq!(value.as_str().as_deref(), Some("a: b\n  c\n"));
    let Value::Text(value) = value else {
        panic!("no text")
    };
    for piece in value.pieces() {
        let Piece::Known {
            text: piece,
            origin: Some(origin),
        } = piece
        else {
            panic!("no origin: {piece:?}")
        };
        assert_eq!(&text[origin.span.range()], piece.as_ref());
    }
}

#[test]
fn a_template_keeps_the_places_of_what_it_holds() {
    let scope = context("locals {\n  tag = \"1.2\"\n}\n");
    let Value::Text(text) = evaluate_expression(&scope, "\"app:${local.tag}\"") else {
        panic!("no text")
    };
    assert_eq!(text.known().as_deref(), Some("app:1.2"));
    let Piece::Known {
        origin: Some(origin),
        ..
    } = &text.pieces()[1]
    else {
        panic!("no origin")
    };
    assert_eq!(
        (origin.file.as_str(), origin.span),
        ("main.tf", FileSpan::new(18, 21))
    );
    assert_eq!(text.frames().len(), 1);
}

/// Every piece with an origin of its own length stands there, byte for byte.
fn verbatim(value: &Value, file: &str) {
    match value {
        Value::Text(text) => {
            for piece in text.pieces() {
                if let Piece::Known {
                    text,
                    origin: Some(origin),
                } = piece
                    && origin.span.len() == text.len()
                {
                    assert_eq!(&file[origin.span.range()], text.as_ref(), "{file}");
                    assert!(origin.literal.contains(origin.span), "{file}");
                }
            }
        }
        Value::List(items) | Value::Set(items) => {
            items.iter().for_each(|item| verbatim(item, file))
        }
        Value::Map(entries) => entries.values().for_each(|item| verbatim(item, file)),
        _ => {}
    }
}

#[test]
fn bytes_that_survive_a_function_keep_their_place() {
    for expression in [
        "split(\":\", \"nginx:1.27\")",
        "trimspace(\"  nginx \")",
        "replace(\"docker.io/nginx:1\", \"docker.io/\", \"mirror/\")",
        "regex(\"^(.+):(.+)$\", \"nginx:1.27\")",
        "format(\"%s:%s-%s\", \"nginx\", \"1\", \"a\\\"b\")",
        "join(\"/\", [\"a\", \"b\\nc\"])",
        "substr(\"nginx:1.27\", 6, -1)",
        "indent(2, \"a\\nb\")",
        "yamldecode(\"image: nginx:1\")",
        "jsondecode(\"[\\\"a\\\"]\")",
        "jsonencode({ a = \"x:<1>\" })",
        "yamlencode({ a = \"x:1\", b = [\"two\"] })",
        "templatestring(\"a$${x}b\", { x = \"c\" })",
        "[for x in [\"a\", \"b\"] : \"${x}-é\"]",
    ] {
        let value = evaluate_expression(&context(""), expression);
        verbatim(&value, expression);
        assert!(holds_origin(&value), "{expression}: {value:?}");
    }
}

fn holds_origin(value: &Value) -> bool {
    match value {
        Value::Text(text) => text.pieces().iter().any(|piece| {
            matches!(
                piece,
                Piece::Known {
                    origin: Some(_),
                    ..
                }
            )
        }),
        Value::List(items) | Value::Set(items) => items.iter().any(holds_origin),
        Value::Map(entries) => entries.values().any(holds_origin),
        _ => false,
    }
}

#[test]
fn what_is_not_known_is_a_hole_and_no_error() {
    let value = evaluate_expression(&context(""), "\"nginx:${var.tag}-x\"");
    let Value::Text(text) = &value else {
        panic!("{value:?}")
    };
    assert_eq!((text.pieces().len(), text.known_len()), (3, 8));
    assert!(matches!(
        evaluate_expression(&context(""), "split(\":\", \"a:${var.tag}\")"),
        Value::Unknown(_)
    ));
    assert!(matches!(
        evaluate_expression(&context(""), "var.a ? 1 : 2"),
        Value::Unknown(_)
    ));
    assert!(matches!(
        evaluate_expression(&context(""), "{ a = var.a, b = 1 }.b"),
        Value::Number(..)
    ));
}

#[test]
fn deep_and_endless_expressions_end() {
    let mut chain = String::from("locals {\n  l0 = \"x\"\n");
    for at in 1..2000 {
        chain.push_str(&format!(
            "  l{at} = \"${{local.l{}}}${{local.l{}}}\"\n",
            at - 1,
            at - 1
        ));
    }
    chain.push_str("  self = [for x in [1] : local.self]\n}\n");
    let context = context(&chain);
    for expression in [
        "local.l1999",
        "local.self",
        "[for a in range(1000) : [for b in range(1000) : [for c in range(1000) : c]]]",
    ] {
        let json = to_json(&evaluate_expression(&context, expression));
        assert_eq!(
            json.expect_err("no value").kind,
            crate::terraform::value::WhyKind::Limit,
            "{expression}"
        );
    }
}

fn expression() -> impl proptest::strategy::Strategy<Value = String> {
    use proptest::prelude::*;
    let names = vec![
        "format",
        "join",
        "split",
        "replace",
        "regex",
        "substr",
        "lookup",
        "merge",
        "element",
        "slice",
        "flatten",
        "toset",
        "jsonencode",
        "yamlencode",
        "jsondecode",
        "yamldecode",
        "try",
        "can",
        "coalesce",
        "range",
        "setproduct",
        "zipmap",
        "chunklist",
        "indent",
        "title",
        "trim",
        "parseint",
        "pow",
        "log",
        "formatlist",
        "templatestring",
        "tonumber",
        "floor",
        "urldecode",
        "base64decode",
        "dirname",
        "fileset",
        "sum",
    ];
    let leaf = prop_oneof![
        "[ -~é\u{1F600}]{0,8}".prop_map(|text| format!("{text:?}")
            .replace("\\u{", "u{")
            .replace("\\'", "'")),
        Just("\"%s:%05.1f|%-3d%v%%\"".to_owned()),
        Just("\"a${~ local.s ~} b %{ for x in local.l ~} ${x} %{ endfor ~}\"".to_owned()),
        Just("<<-EOT\n    a ${local.s}\n\n      b\n  EOT\n".to_owned()),
        (-3i64..1000).prop_map(|number| number.to_string()),
        any::<f64>()
            .prop_filter("finite", |float| float.is_finite())
            .prop_map(|float| format!("{:e}", float.abs())),
        Just("null".to_owned()),
        Just("true".to_owned()),
        Just("local.s".to_owned()),
        Just("local.l".to_owned()),
        Just("local.m".to_owned()),
        Just("var.none".to_owned()),
        Just("local.loop".to_owned()),
    ];
    leaf.prop_recursive(5, 60, 4, move |inner| {
        let name = proptest::sample::select(names.clone());
        prop_oneof![
            (name, proptest::collection::vec(inner.clone(), 0..4))
                .prop_map(|(name, args)| format!("{name}({})", args.join(", "))),
            (inner.clone(), "[-+*/%<>]|==|!=|&&|\\|\\|", inner.clone())
                .prop_map(|(a, op, b)| format!("({a} {op} {b})")),
            (inner.clone(), inner.clone(), inner.clone())
                .prop_map(|(a, b, c)| format!("({a} ? {b} : {c})")),
            proptest::collection::vec(inner.clone(), 0..4)
                .prop_map(|items| format!("[{}]", items.join(", "))),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{{ a = {a}, b = {b} }}")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("[for k, v in {a} : {b}]")),
            (inner.clone(), inner.clone())
                .prop_map(|(a, b)| format!("{{ for k, v in {a} : k => {b}... }}")),
            (inner.clone(), inner).prop_map(|(a, b)| format!("({a})[{b}]")),
        ]
    })
}

proptest::proptest! {
    #[test]
    fn any_expression_has_a_value_and_true_places(expression in expression()) {
        let declarations = "locals {\n  s = \"x\\ty:é\"\n  l = [\"a\", \"b\", 3]\n  m = { k = \"v\", n = { o = 1.5 } }\n  loop = local.loop\n}\n";
        let text = format!("{declarations}x = {expression}\n");
        let Ok(source) = Source::parse(RepoPath::new("main.tf").expect("path"), text.as_bytes().into()) else { return Ok(()) };
        let value = eval(&source.body.get_attribute("x").expect("x").value, &source, &context(declarations));
        verbatim(&value, &text);
    }

    #[test]
    fn any_template_has_a_value(template in "([ -~é\n]|\\$\\{x\\}|%\\{ if y ~\\}|%\\{ endif \\}|\\$\\$\\{)*") {
        let scope = context("");
        let path = RepoPath::new("t.tpl").expect("path");
        verbatim(&crate::terraform::template::render_file(template.as_bytes(), &path, &scope), &template);
    }
}
