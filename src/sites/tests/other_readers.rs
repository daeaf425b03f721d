//! Texts that are a part of an image here and something else there: what stands elsewhere has to
//! read as before when the image is pinned.

use super::{deployment, of, scan, scanned, word};
use crate::model::pattern::Glob;
use crate::sites::settings::{Arguments, RemoteModule, ScanSettings};
use crate::terraform::files::{Entry, Files, RepoPath};

/// The fates of literals in one file, each with a part of its reason.
#[track_caller]
fn fates(text: &str, wanted: &[(&str, &str, &str)]) {
    let scan = scanned(&[("s/main.tf", text)]);
    for (literal, fate, part) in wanted {
        let (word, reason) = word(of(&scan, literal));
        assert_eq!(word, *fate, "{literal}: {reason}\n{:?}", scan.literals);
        assert!(reason.contains(part), "{literal}: {reason}");
    }
}

/// A deployment whose labels are this HCL.
fn labelled(label: &str, image: &str, labels: &str) -> String {
    deployment(label, image, "").replacen(
        "    namespace",
        &format!("    labels    = {{ {labels} }}\n    namespace"),
        1,
    )
}

#[test]
fn a_version_cut_out_of_a_whole_reference_may_not_get_a_digest() {
    for cut in [
        "split(\":\", local.image)[1]",
        "element(split(\":\", local.image), 1)",
        "regex(\"[^:]+$\", local.image)",
    ] {
        let text = format!(
            "locals {{\n  image = \"ghcr.io/a/app:1.2.3\"\n}}\n{}",
            labelled("a", "local.image", &format!("version = {cut}"))
        );
        fates(
            &text,
            &[(
                "ghcr.io/a/app:1.2.3",
                "unpinnable",
                "also used outside an image: s/main.tf:",
            )],
        );
    }
}

#[test]
fn a_digest_cut_out_of_a_pinned_reference_changes_with_it() {
    let image = format!("ghcr.io/a/app:1.2.3@sha256:{}", "a".repeat(64));
    let text = format!(
        "locals {{\n  image = \"{image}\"\n}}\n{}",
        labelled(
            "a",
            "local.image",
            "d = substr(split(\"@\", local.image)[1], 7, -1)"
        )
    );
    fates(&text, &[(&image, "site", "")]);
}

#[test]
fn a_name_cut_out_of_a_whole_reference_stays_as_it_is() {
    for cut in [
        "split(\":\", local.image)[0]",
        "basename(split(\":\", local.image)[0])",
    ] {
        let text = format!(
            "locals {{\n  image = \"ghcr.io/a/app:1.2.3\"\n}}\n{}",
            labelled("a", "local.image", &format!("name = {cut}"))
        );
        fates(&text, &[("ghcr.io/a/app:1.2.3", "site", "")]);
    }
}

#[test]
fn a_tag_that_is_a_label_in_the_same_manifest_is_left_alone() {
    let manifest = r#"locals {
  v = "1.2.3"
}
resource "kubernetes_manifest" "a" {
  manifest = {
    kind     = "Deployment"
    metadata = { name = "a", namespace = "ns", labels = { version = local.v } }
    spec     = { template = { spec = { containers = [{ name = "c", image = "ghcr.io/a/a:${local.v}" }] } } }
  }
}
"#;
    fates(
        manifest,
        &[
            (
                "1.2.3",
                "unpinnable",
                "also used outside an image: s/main.tf:5",
            ),
            ("ghcr.io/a/a:${local.v}", "site", ""),
        ],
    );
    let yaml = r#"locals {
  v = "1.2.3"
}
resource "kubectl_manifest" "a" {
  yaml_body = <<-EOT
    kind: Deployment
    metadata:
      name: a
      labels:
        version: "${local.v}"
    spec:
      template:
        spec:
          containers:
          - name: c
            image: ghcr.io/a/a:${local.v}
  EOT
}
"#;
    fates(
        yaml,
        &[
            ("1.2.3", "unpinnable", "also used outside an image"),
            ("ghcr.io/a/a:${local.v}", "site", ""),
        ],
    );
}

#[test]
fn a_tag_that_is_no_more_than_that_in_a_manifest_takes_the_pin() {
    let text = r#"locals {
  v = "1.2.3"
}
resource "kubernetes_manifest" "a" {
  manifest = {
    kind     = "Deployment"
    metadata = { name = "a", namespace = "ns" }
    spec = { template = { spec = {
      initContainers = [{ name = "i", image = "ghcr.io/a/a:${local.v}", env = [{ name = "IMAGE", value = "ghcr.io/a/a:${local.v}" }] }]
      containers     = [{ name = "c", image = "ghcr.io/a/a:${local.v}" }]
    } } }
  }
}
"#;
    let scan = scanned(&[("s/main.tf", text)]);
    assert_eq!(word(of(&scan, "1.2.3")).0, "site");
}

#[test]
fn helm_values_are_looked_through_for_other_uses_of_a_tag() {
    let release = |values: &str| {
        format!(
            "locals {{\n  tag = \"4.5.6\"\n}}\nresource \"helm_release\" \"h\" {{\n  name   = \"h\"\n  chart  = \"c\"\n  values = [yamlencode({{ {values} }})]\n}}\n"
        )
    };
    fates(
        &release("image = { repository = \"ghcr.io/h/h\", tag = local.tag }"),
        &[("4.5.6", "site", "")],
    );
    let twice = "image = { repository = \"ghcr.io/h/h\", tag = local.tag }, init = { image = { repository = \"ghcr.io/h/h\", tag = local.tag } }";
    fates(&release(twice), &[("4.5.6", "site", "")]);
    let beside =
        "image = { repository = \"ghcr.io/h/h\", tag = local.tag }, env = { VERSION = local.tag }";
    fates(
        &release(beside),
        &[(
            "4.5.6",
            "unpinnable",
            "also used outside an image: s/main.tf:7",
        )],
    );
}

#[test]
fn a_tag_in_a_set_block_of_a_release_takes_the_pin() {
    let release = |more: &str| {
        format!(
            r#"variable "tag" {{
  default = "4.5.6"
}}
resource "helm_release" "h" {{
  name  = "h"
  chart = "c"
  set {{
    name  = "image.repository"
    value = "ghcr.io/h/h"
  }}
  set {{
    name  = "image.tag"
    value = var.tag
  }}
{more}}}
"#
        )
    };
    fates(&release(""), &[("4.5.6", "site", "")]);
    let other = "  set {\n    name  = \"labels.version\"\n    value = var.tag\n  }\n";
    fates(
        &release(other),
        &[("4.5.6", "unpinnable", "also used outside an image")],
    );
    fates(
        &release("  version = var.tag\n"),
        &[(
            "4.5.6",
            "unpinnable",
            "also used outside an image: s/main.tf:15",
        )],
    );
}

#[test]
fn a_tag_in_an_overlay_s_images_takes_the_pin() {
    let text = r#"locals {
  tag = "4.5.6"
}
data "kustomization_overlay" "k" {
  resources = ["base"]
  images {
    name    = "ghcr.io/h/h"
    new_tag = local.tag
  }
}
"#;
    fates(text, &[("4.5.6", "site", "")]);
}

#[test]
fn a_tag_that_is_data_of_a_config_map_too_is_left_alone() {
    let config = |data: &str| {
        format!(
            "locals {{\n  tag = \"1.2\"\n}}\n{}resource \"kubernetes_config_map\" \"m\" {{\n  metadata {{\n    name = \"m\"\n  }}\n  data = {{ {data} }}\n}}\n",
            deployment("a", "\"repo/app:${local.tag}\"", "")
        )
    };
    fates(
        &config("VERSION = local.tag"),
        &[
            ("1.2", "unpinnable", "also used outside an image"),
            ("repo/app:${local.tag}", "site", ""),
        ],
    );
    fates(
        &config(
            "\"pod.yaml\" = yamlencode({ containers = [{ image = \"repo/app:${local.tag}\" }] })",
        ),
        &[("1.2", "site", "")],
    );
    let label = "\"pod.yaml\" = yamlencode({ version = local.tag, containers = [{ image = \"repo/app:1\" }] })";
    fates(
        &config(label),
        &[("1.2", "unpinnable", "also used outside an image")],
    );
}

#[test]
fn a_variable_whose_validation_lets_no_digest_in_takes_no_pin() {
    let text = |condition: &str| {
        format!(
            "variable \"tag\" {{\n  default = \"1.2.3\"\n  validation {{\n    condition     = {condition}\n    error_message = \"no version\"\n  }}\n}}\n{}",
            deployment("a", "\"repo/app:${var.tag}\"", "")
        )
    };
    for condition in [
        "can(regex(\"^[0-9.]+$\", var.tag))",
        "length(var.tag) < 20",
        "length(regex(\"^[0-9.]+$\", var.tag)) > 0",
    ] {
        let refused = [
            (
                "1.2.3",
                "unpinnable",
                "the validation at s/main.tf:4 does not accept a digest",
            ),
            ("repo/app:${var.tag}", "site", ""),
        ];
        fates(&text(condition), &refused);
    }
    for condition in [
        "var.tag != \"latest\"",
        "can(regex(\"^[0-9.]+\", var.tag))",
        "length(var.tag) > 100",
        "var.other == 1",
    ] {
        fates(&text(condition), &[("1.2.3", "site", "")]);
    }
    let image = "variable \"image\" {\n  type    = object({ ref = string })\n  default = { ref = \"repo/app:1\" }\n  validation {\n    condition = length(split(\":\", var.image.ref)) == 2\n  }\n}\n";
    fates(
        &format!("{image}{}", deployment("a", "var.image.ref", "")),
        &[("repo/app:1", "unpinnable", "the validation at s/main.tf:5")],
    );
}

#[test]
fn a_tag_that_a_remote_module_is_given_too_is_left_alone() {
    let call = "module \"m\" {\n  source        = \"example/app/kubernetes\"\n  chart_version = local.tag\n}\n";
    let text = format!(
        "locals {{\n  tag = \"1.2\"\n}}\n{call}{}",
        deployment("a", "\"repo/app:${local.tag}\"", "")
    );
    fates(
        &text,
        &[
            (
                "1.2",
                "unpinnable",
                "also used outside an image: s/main.tf:6",
            ),
            ("repo/app:${local.tag}", "site", ""),
        ],
    );
    let named = text.replace(
        "  chart_version = local.tag",
        "  repository    = \"repo/app\"\n  chart_version = local.tag",
    );
    let arguments = Arguments::Parts {
        registry: None,
        repository: Some("repository".into()),
        tag: Some("chart_version".into()),
        digest: None,
    };
    let settings = ScanSettings {
        modules: vec![RemoteModule {
            source: Glob::path("example/**").unwrap(),
            arguments,
        }],
        ..ScanSettings::default()
    };
    let mut files = Files::default();
    files.insert(
        RepoPath::new("s/main.tf").unwrap(),
        Entry::Text(named.as_bytes().into()),
    );
    assert_eq!(word(of(&scan(&files, &settings), "1.2")).0, "site");
}

#[test]
fn a_tag_of_a_shared_file_is_left_alone_for_a_reader_in_another_root() {
    let app = |name: &str, labels: &str| {
        let image = format!("\"ghcr.io/a/{name}:${{local.tags.{name}}}\"");
        format!(
            "locals {{\n  tags = yamldecode(file(\"../tags.yaml\"))\n}}\n{}",
            labelled(name, &image, labels)
        )
    };
    let (reader, other) = (app("a", "beside = local.tags.b"), app("b", ""));
    let scan = scanned(&[
        ("tags.yaml", "a: v1.2.3\nb: v4.5.6\n"),
        ("x/main.tf", &reader),
        ("y/main.tf", &other),
    ]);
    assert_eq!(word(of(&scan, "v1.2.3")).0, "site", "{:?}", scan.literals);
    let (fate, reason) = word(of(&scan, "v4.5.6"));
    assert_eq!(
        (fate, reason),
        (
            "unpinnable",
            "it is also used outside an image: x/main.tf:7; the pin goes to y/main.tf:15"
        )
    );
}

#[test]
fn a_tag_is_found_wherever_a_name_takes_it() {
    let readers = [
        "x = local.v",
        "x = \"v${local.v}\"",
        "x = { for k, v in local.all : k => v }",
        "x = [for v in [local.v] : v]",
        "x = \"%{ for v in [local.v] }${v}%{ endfor }\"",
        "x = true ? local.v : \"\"",
        "x = var.v",
        "x = module.m.v",
        "x = [for m in module.m : m]",
        "for_each = local.all\n  x = each.value",
        "for_each = toset([local.v])\n  x = each.key",
        "dynamic \"b\" {\n    for_each = [local.v]\n    content {\n      x = b.value\n    }\n  }",
        "dynamic \"b\" {\n    for_each = local.all\n    iterator = it\n    content {\n      c {\n        x = it.value\n      }\n    }\n  }",
        "b {\n    c {\n      x = local.v\n    }\n  }",
    ];
    let module = "variable \"v\" {}\noutput \"v\" {\n  value = var.v\n}\n";
    for reader in readers {
        let names = "locals {\n  v = \"1.2.3\"\n  all = { k = local.v }\n}\nvariable \"v\" {\n  default = \"4.5.6\"\n}\n";
        let call = "module \"m\" {\n  source = \"./m\"\n  v = local.v\n}\n";
        let images = [("a", "local.v"), ("b", "var.v")]
            .map(|(name, tag)| deployment(name, &format!("\"ghcr.io/a/{name}:${{{tag}}}\""), ""));
        let text = |body: &str| {
            format!(
                "{names}{call}{}resource \"null_resource\" \"r\" {{\n  {body}\n}}\n",
                images.concat()
            )
        };
        let fate = |body: &str, tag: &str| {
            let scan = scanned(&[("s/main.tf", &text(body)), ("s/m/main.tf", module)]);
            word(of(&scan, tag)).0.to_owned()
        };
        let read = if reader.contains("var.v") {
            "4.5.6"
        } else {
            "1.2.3"
        };
        assert_eq!(fate(reader, read), "unpinnable", "{reader}");
        assert_eq!(
            fate("x = \"1.2.3\"\n  depends_on = [module.m]", read),
            "site"
        );
    }
}
