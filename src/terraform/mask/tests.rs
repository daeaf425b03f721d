use super::*;
use crate::terraform::value::Value;

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
    assert!(masked.contains("both: axxxxxxxxx-bxxxxxxxxxx\n"), "{masked}");
    assert_eq!(holes(VALUES).len(), 10);
}

#[test]
fn masked_scalars_point_into_the_file() {
    let file = RepoPath::new("a.tpl").unwrap();
    let documents = documents_masked(VALUES, &file, 1000);
    let Value::Map(map) = &documents[0].value else { panic!("{documents:?}") };
    let Value::Text(end) = &map["end"] else { panic!() };
    let Piece::Known { text, origin: Some(origin) } = &end.pieces()[0] else { panic!() };
    let span = origin.span;
    assert_eq!((&VALUES[span.start - 1000..span.end - 1000], origin.literal, origin.form), (&**text, span, Form::YamlPlain));
    let Value::Text(both) = &map["both"] else { panic!() };
    assert!(matches!(both.pieces(), [Piece::Known { .. }, Piece::Unknown(_), Piece::Known { .. }, Piece::Unknown(_)]), "{both:?}");
    let Value::Map(loki) = &map["loki"] else { panic!() };
    assert_eq!(loki["rewrite"].as_str().unwrap(), "s/^(.*)$/${1}/");
    let Value::Map(image) = &loki["image"] else { panic!() };
    let Value::Text(tag) = &image["tag"] else { panic!() };
    assert!(matches!(tag.pieces(), [Piece::Unknown(why)] if &*why.what == "${image_tag}"));
    let frame = tag.frames().last().unwrap();
    assert_eq!(&VALUES[frame.content.start - 1000..frame.content.end - 1000], "${image_tag}");
}

#[test]
fn what_never_ends_is_text() {
    for text in ["${", "a ${ \" }", "%{ if", "${ /* }", "$", "%", "$${", "${\"${\"${", "$$${a}é"] {
        assert_eq!(mask(text).len(), text.len());
    }
    assert_eq!(mask("a: ${b \" }"), "a: ${b \" }");
    assert_eq!(mask("${a # }\n}."), "xxxxxxxxx.");
    let hostile = "${".repeat(100_000);
    assert_eq!(mask(&hostile), hostile);
}

#[test]
fn an_included_block_is_left_out() {
    let documents = documents_masked("a: x:1\n${indent(2, extra)}\nb: 2\n", &RepoPath::default(), 0);
    assert!(matches!(&documents[0].value, Value::Map(map) if map.len() == 2), "{documents:?}");
}
