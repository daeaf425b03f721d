use super::*;
use crate::terraform::project::tests::{in_first, show};
use crate::terraform::sources::RunSettings;

/// Calls `check` with the views of the first resource of the root.
fn views<T: Send>(main: &str, check: impl Fn(Vec<BodyView<'_>>) -> T + Sync) -> T {
    in_first(
        &[("main.tf", main)],
        &RunSettings {
            roots: vec![Default::default()],
            ..RunSettings::default()
        },
        |walk| {
            let instance = &walk.instances()[0];
            check(instance.expand(instance.resources().next().unwrap()))
        },
    )
}

/// Name and number of each view.
fn names(repeat: &str, name: &str) -> Vec<(String, Option<u64>)> {
    let main =
        format!("variable \"u\" {{}}\nresource \"r\" \"x\" {{\n{repeat}\n  name = {name}\n}}\n");
    views(&main, |views| {
        views
            .iter()
            .map(|view| (show(&view.value("name")), view.instances()))
            .collect()
    })
}

#[test]
fn a_block_is_expanded_by_count_and_for_each() {
    let own = |all: &[(&str, Option<u64>)]| {
        all.iter()
            .map(|(name, live)| ((*name).to_owned(), *live))
            .collect::<Vec<_>>()
    };
    assert_eq!(names("", "\"a\""), own(&[("\"a\"", Some(1))]));
    assert_eq!(
        names("  count = 2", "\"a${count.index}\""),
        own(&[("\"a0\"", Some(1)), ("\"a1\"", Some(1))])
    );
    assert_eq!(names("  count = 0", "\"a\""), own(&[("\"a\"", Some(0))]));
    assert_eq!(
        names("  count = false ? 1 : 0", "\"a\""),
        own(&[("\"a\"", Some(0))])
    );
    assert_eq!(names("  count = var.u", "\"a\""), own(&[("\"a\"", None)]));
    assert_eq!(
        names("  for_each = { k = \"v\" }", "\"${each.key}${each.value}\""),
        own(&[("\"kv\"", Some(1))])
    );
    assert_eq!(
        names("  for_each = toset([\"b\", \"a\"])", "each.key"),
        own(&[("\"a\"", Some(1)), ("\"b\"", Some(1))])
    );
    assert_eq!(
        names("  for_each = {}", "\"a\""),
        own(&[("\"a\"", Some(0))])
    );
    assert_eq!(
        names("  for_each = var.u", "each.key"),
        own(&[("VariableNotSet var.u", None)])
    );
    assert_eq!(
        names("  count = 999999999", "\"a\""),
        own(&[("\"a\"", None)])
    );
}

#[test]
fn dynamic_blocks_are_expanded_in_their_place() {
    let main = r#"
variable "u" {}
resource "r" "x" {
  for_each = { one = 1 }
  container {
    name = "first"
  }
  dynamic "container" {
    for_each = { b = "B", a = "A" }
    content {
      name = "${each.key}-${container.key}-${container.value}"
      dynamic "env" {
        for_each = ["x"]
        iterator = it
        content {
          name = "${container.key}${it.key}${it.value}"
        }
      }
    }
  }
  dynamic "container" {
    for_each = var.u
    content {
      name = container.value
    }
  }
  dynamic "container" {
    for_each = []
    content {
      name = "none"
    }
  }
}
"#;
    views(main, |views| {
        let containers = views[0].blocks("container");
        let all: Vec<_> = containers
            .iter()
            .map(|view| (show(&view.value("name")), view.instances()))
            .collect();
        let expected = [
            ("\"first\"", Some(1)),
            ("\"one-a-A\"", Some(1)),
            ("\"one-b-B\"", Some(1)),
            ("VariableNotSet var.u", None),
            ("\"none\"", Some(0)),
        ];
        assert_eq!(all, expected.map(|(name, live)| (name.to_owned(), live)));
        assert_eq!(
            show(&containers[1].blocks("env")[0].value("name")),
            "\"a0x\""
        );
        assert_eq!(views[0].block_names(), ["container"]);
        assert_eq!(
            (containers[1].ident(), containers[1].line()),
            ("container", 8)
        );
    });
}

#[test]
fn an_attribute_knows_where_it_is() {
    views(
        "resource \"r\" \"x\" {\n  image = \"nginx\"\n}\n",
        |views| {
            let attr = views[0].attr("image").unwrap();
            assert_eq!(
                (attr.name(), attr.line(), attr.key_span(), attr.place().span),
                ("image", 2, Span::new(21, 26), Span::new(29, 36))
            );
            assert_eq!(views[0].attrs().len(), 1);
            assert_eq!(views[0].labels(), ["r", "x"]);
            assert!(views[0].attr("none").is_none());
        },
    );
}

#[test]
fn override_files_are_merged_as_terraform_does() {
    let all = &[
        (
            "main.tf",
            "locals {\n  a = 1\n}\nresource \"r\" \"x\" {\n  name  = \"n\"\n  image = \"old\"\n  env {\n    k = 1\n  }\n  env {\n    k = 2\n  }\n  port {\n    p = 1\n  }\n  lifecycle {\n    a = 1\n    b = 1\n  }\n}\n",
        ),
        (
            "b_override.tf",
            "locals {\n  a = 2\n}\nresource \"r\" \"x\" {\n  image = \"new\"\n  env {\n    k = 3\n  }\n  lifecycle {\n    b = 2\n  }\n}\n",
        ),
    ];
    in_first(all, &RunSettings::default(), |walk| {
        let instance = &walk.instances()[0];
        let view = &instance.expand(instance.resources().next().unwrap())[0];
        let image = view.attr("image").unwrap();
        assert_eq!(
            (show(&image.value()), image.source().path.as_str()),
            ("\"new\"".to_owned(), "b_override.tf")
        );
        assert_eq!(show(&view.value("name")), "\"n\"");
        assert_eq!(
            view.blocks("env")
                .iter()
                .map(|env| show(&env.value("k")))
                .collect::<Vec<_>>(),
            ["3"]
        );
        assert_eq!(view.blocks("port").len(), 1);
        let lifecycle = &view.blocks("lifecycle")[0];
        assert_eq!(
            (show(&lifecycle.value("a")), show(&lifecycle.value("b"))),
            ("1".to_owned(), "2".to_owned())
        );
        let replaced: Vec<_> = instance
            .unread()
            .into_iter()
            .filter_map(|unread| {
                Some((
                    unread.place.file.to_string(),
                    unread.replaced_by?.file.to_string(),
                ))
            })
            .collect();
        assert_eq!(
            replaced,
            [("main.tf".to_owned(), "b_override.tf".to_owned())]
        );
    });
}
