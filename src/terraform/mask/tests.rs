use super::*;
use crate::terraform::files::RepoPath;
use crate::terraform::text::{Form, Origin, Piece, Text};
use crate::terraform::value::Value;
use crate::terraform::yaml;

const VALUES: &str = r#"loki:
  image:
    repository: grafana/loki
    tag: "${image_tag}"
  rewrite: "s/^(.*)$/$${1}/"
%{ if with_ui ~}
ui:
  image: docker.io/library/nginx:1.27.2
%{ else ~}
ui: null
%{ endif ~}
tenants:
%{ for t in tenants ~}
  - name: ${t}-x
%{ endfor ~}
both: a%{ if x }-b%{ endif }
obj: ${jsonencode({
  a = "}"
})}
end: ghcr.io/x/y:1
"#;

#[test]
fn a_mask_keeps_every_offset() {
    let masked = mask(VALUES);
    assert_eq!(masked.len(), VALUES.len());
    assert!(masked.contains("$${1}") && !masked.contains("%{") && !masked.contains("jsonencode"));
    assert_eq!(masked.find("end: "), VALUES.find("end: "));
    assert!(
        masked.contains("both: axxxxxxxxx-bxxxxxxxxxx\n"),
        "{masked}"
    );
    assert_eq!(holes(VALUES).len(), 10);
}

#[test]
fn what_is_outside_of_holes_reads_as_it_is_written() {
    let file = RepoPath::new("a.tpl").unwrap();
    let (masked, span) = (mask(VALUES), Span::new(0, VALUES.len()));
    let text = Text::written(
        masked.as_str(),
        Origin {
            file,
            span,
            literal: span,
            form: Form::Raw,
        },
    );
    let documents = yaml::documents(&text);
    let Value::Map(map) = &documents[0].value else {
        panic!("{documents:?}")
    };
    let Value::Text(end) = &map["end"] else {
        panic!("{map:?}")
    };
    let Piece::Known {
        text,
        origin: Some(origin),
    } = &end.pieces()[0]
    else {
        panic!("{end:?}")
    };
    assert_eq!(
        (&VALUES[origin.span.range()], origin.literal, origin.form),
        (&**text, origin.span, Form::YamlPlain)
    );
    let Value::Map(loki) = &map["loki"] else {
        panic!("{map:?}")
    };
    let Value::Map(image) = &loki["image"] else {
        panic!("{loki:?}")
    };
    let Value::Text(tag) = &image["tag"] else {
        panic!("{image:?}")
    };
    assert_eq!(
        &VALUES[tag.frames().last().unwrap().content.range()],
        "${image_tag}"
    );
}

#[test]
fn what_never_ends_is_text() {
    for text in [
        "${",
        "a ${ \" }",
        "%{ if",
        "${ /* }",
        "$",
        "%",
        "$${",
        "${\"${\"${",
        "$$${a}é",
    ] {
        assert_eq!(mask(text).len(), text.len());
    }
    assert_eq!(mask("a: ${b \" }"), "a: ${b \" }");
    assert_eq!(mask("${a # }\n}."), "xxxxxxxxx.");
    let hostile = "${".repeat(100_000);
    assert_eq!(mask(&hostile), hostile);
}
