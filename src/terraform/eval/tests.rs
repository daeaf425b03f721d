use super::super::span::Span as FileSpan;
use super::super::text::Piece;
use super::*;

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
        ("0.1 + 0.2", "0.3"),
        ("\"v${15.10}\"", "\"v15.1\""),
        ("\"v${1.0}\"", "\"v1\""),
        ("true && !false", "true"),
        ("false && local.nothing", "false"),
        ("\"a\" == \"a\"", "true"),
        ("1 == \"1\"", "false"),
        ("true ? 1 : \"a\"", "\"1\""),
        ("[for x in [1, 2, 3] : x * 2 if x > 1]", "[4,6]"),
        ("{ for k, v in { a = 1, b = 2 } : upper(k) => v }", "{\"A\":1,\"B\":2}"),
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
    let value = eval(&source.body.get_attribute("x").expect("x").value, &source, &scope);
    assert_eq!(value.as_str().as_deref(), Some("a: b\n  c\n"));
    let Value::Text(value) = value else { panic!("no text") };
    for piece in value.pieces() {
        let Piece::Known { text: piece, origin: Some(origin) } = piece else { panic!("no origin: {piece:?}") };
        assert_eq!(&text[origin.span.range()], piece.as_ref());
    }
}

#[test]
fn a_template_keeps_the_places_of_what_it_holds() {
    let scope = context("locals {\n  tag = \"1.2\"\n}\n");
    let Value::Text(text) = evaluate_expression(&scope, "\"app:${local.tag}\"") else { panic!("no text") };
    assert_eq!(text.known().as_deref(), Some("app:1.2"));
    let Piece::Known { origin: Some(origin), .. } = &text.pieces()[1] else { panic!("no origin") };
    assert_eq!((origin.file.as_str(), origin.span), ("main.tf", FileSpan::new(18, 21)));
    assert_eq!(text.frames().len(), 1);
}
