//! Ways to write an image that once were taken for something else, or passed over.

use super::{deployment, of, scanned, word};
use crate::sites::Scan;

fn told(scan: &Scan) -> Vec<&str> {
    scan.problems
        .iter()
        .map(|problem| problem.what.as_str())
        .collect()
}

#[test]
fn an_image_made_of_nothing_known_is_told() {
    for image in [
        "var.u",
        "\"${var.u}\"",
        "\"${var.u}:${var.w}\"",
        "format(\"%s:%s\", var.u, var.w)",
    ] {
        let text = format!(
            "variable \"u\" {{}}\nvariable \"w\" {{}}\n{}",
            deployment("a", image, "")
        );
        let scan = scanned(&[("s/main.tf", &text), ("s/x.auto.tfvars", "")]);
        assert_eq!(scan.literals, [], "{image}");
        assert_eq!(
            told(&scan),
            ["the image of deployment/ns/a:c is not known: var.u has no value in the repo"],
            "{image}"
        );
    }
}

#[test]
fn an_unknown_image_in_a_manifest_is_told() {
    let pod = |spec: &str| {
        let manifest = format!(
            "{{ kind = \"Pod\", metadata = {{ name = \"p\", namespace = \"ns\" }}, spec = {spec} }}"
        );
        format!(
            "variable \"u\" {{}}\nresource \"kubernetes_manifest\" \"m\" {{\n  manifest = {manifest}\n}}\n"
        )
    };
    for (spec, what) in [
        (
            "{ containers = [{ name = \"c\", image = var.u }] }",
            "the image of pod/ns/p:c is not known: var.u has no value in the repo",
        ),
        (
            "{ containers = var.u }",
            "the containers of pod/ns/p are not known: var.u has no value in the repo",
        ),
        (
            "var.u",
            "the spec of pod/ns/p is not known: var.u has no value in the repo",
        ),
    ] {
        let scan = scanned(&[("s/main.tf", &pod(spec)), ("s/x.auto.tfvars", "")]);
        assert_eq!(told(&scan), [what], "{spec}");
    }
}

#[test]
fn a_manifest_of_which_nothing_is_known_is_told() {
    for (resource, value) in [
        (
            "kubernetes_manifest",
            "manifest = yamldecode(data.http.x.response_body)",
        ),
        (
            "kubernetes_manifest",
            "manifest = provider::kubernetes::manifest_decode(file(\"x.yaml\"))",
        ),
        ("kubectl_manifest", "yaml_body = data.http.x.response_body"),
        (
            "kubectl_manifest",
            "yaml_body = \"${data.http.x.response_body}\"",
        ),
    ] {
        let text = format!(
            "data \"http\" \"x\" {{}}\nresource \"{resource}\" \"m\" {{\n  {value}\n}}\nprovider \"http\" {{}}\n"
        );
        let scan = scanned(&[("s/main.tf", &text)]);
        assert_eq!(told(&scan).len(), 1, "{value}: {:?}", scan.problems);
        assert!(
            told(&scan)[0].starts_with(&format!("what {resource}.m applies is not known: ")),
            "{:?}",
            scan.problems
        );
    }
}

#[test]
fn values_set_under_names_that_are_not_known_are_told() {
    for set in [
        "dynamic \"set\" {\n    for_each = var.more\n    content {\n      name  = set.key\n      value = set.value\n    }\n  }",
        "set = [for k, v in var.more : { name = k, value = v }]",
    ] {
        let text = format!(
            "variable \"more\" {{\n  type = map(string)\n}}\nresource \"helm_release\" \"h\" {{\n  name   = \"h\"\n  chart  = \"c\"\n  values = [\"image: ghcr.io/a/b:1\"]\n  {set}\n}}\n"
        );
        let scan = scanned(&[("s/main.tf", &text), ("s/x.auto.tfvars", "")]);
        assert_eq!(
            told(&scan),
            ["the helm values are not known: var.more has no value in the repo"],
            "{set}"
        );
    }
}

#[test]
fn a_values_file_that_only_raises_a_tag_overrides_the_one_before() {
    let release = "resource \"helm_release\" \"h\" {\n  name   = \"h\"\n  chart  = \"c\"\n  values = [file(\"base.yaml\"), file(\"prod.yaml\")]\n}\n";
    let base = "server:\n  repository: ghcr.io/a/a\n  tag: \"1.0\"\n";
    let scan = scanned(&[
        ("s/main.tf", release),
        ("s/base.yaml", base),
        ("s/prod.yaml", "server:\n  tag: \"2.0\"\n"),
    ]);
    assert_eq!(word(of(&scan, "2.0")).0, "site");
    assert_eq!(word(of(&scan, "1.0")).0, "dead");
}

/// A deployment with a container that a `dynamic` block makes for each of `var.side`, and `main`
/// behind it, whose image is ignored by that number.
fn beside(side: &str, number: usize) -> String {
    format!(
        r#"variable "side" {{
{side}}}
resource "kubernetes_deployment" "a" {{
  metadata {{
    name = "a"
  }}
  spec {{
    template {{
      spec {{
        dynamic "container" {{
          for_each = var.side
          content {{
            name  = "side"
            image = "repo/side:1"
          }}
        }}
        container {{
          name  = "main"
          image = "repo/main:1"
        }}
      }}
    }}
  }}
  lifecycle {{
    ignore_changes = [spec[0].template[0].spec[0].container[{number}].image]
  }}
}}
"#
    )
}

#[test]
fn a_dynamic_block_that_makes_nothing_has_no_number() {
    for (side, number, main) in [
        ("  default = []\n", 0, Some(true)),
        ("  default = []\n", 1, Some(false)),
        ("  default = [1]\n", 0, Some(false)),
        ("  default = [1]\n", 1, Some(true)),
        ("  default = [1, 2]\n", 2, Some(true)),
        ("", 0, None),
        ("", 1, None),
    ] {
        let scan = scanned(&[
            ("s/main.tf", &beside(side, number)),
            ("s/x.auto.tfvars", ""),
        ]);
        let uses = &of(&scan, "repo/main:1").uses;
        assert_eq!(uses[0].ignored, main, "{side} {number}");
        assert_eq!(
            uses[0].ignore_spans.len(),
            usize::from(main == Some(true)),
            "{side} {number}"
        );
    }
}

#[test]
fn an_ignored_manifest_is_ignored() {
    let resource = |kind: &str, attribute: &str, ignore: &str| {
        format!(
            "resource \"{kind}\" \"m\" {{\n  {attribute}\n  lifecycle {{\n    ignore_changes = {ignore}\n  }}\n}}\n"
        )
    };
    let object = "{ kind = \"Pod\", metadata = { name = \"p\" }, spec = { containers = [{ name = \"c\", image = \"repo/a:1\" }] } }";
    let manifest = format!("manifest = {object}");
    let body = format!("yaml_body = yamlencode({object})");
    for (kind, attribute, ignore, ignored) in [
        ("kubernetes_manifest", &manifest, "[manifest]", true),
        ("kubernetes_manifest", &manifest, "all", true),
        ("kubernetes_manifest", &manifest, "[manifest.spec]", true),
        (
            "kubernetes_manifest",
            &manifest,
            "[manifest.spec.containers[0].image]",
            true,
        ),
        (
            "kubernetes_manifest",
            &manifest,
            "[manifest.metadata]",
            false,
        ),
        ("kubernetes_manifest", &manifest, "[computed_fields]", false),
        ("kubectl_manifest", &body, "[yaml_body]", true),
        ("kubectl_manifest", &body, "all", true),
        ("kubectl_manifest", &body, "[force_new]", false),
    ] {
        let scan = scanned(&[("s/main.tf", &resource(kind, attribute, ignore))]);
        assert_eq!(
            of(&scan, "repo/a:1").uses[0].ignored == Some(true),
            ignored,
            "{kind} {ignore}"
        );
    }
}

#[test]
fn an_ignored_set_of_a_release_is_ignored() {
    let text = |ignore: &str| {
        format!(
            "resource \"helm_release\" \"h\" {{\n  name  = \"h\"\n  chart = \"c\"\n  values = [\"side: {{image: repo/b:1}}\"]\n  set {{\n    name  = \"image\"\n    value = \"repo/a:1\"\n  }}\n  lifecycle {{\n    ignore_changes = {ignore}\n  }}\n}}\n"
        )
    };
    for (ignore, set, values) in [
        ("[set]", true, false),
        ("[values]", false, true),
        ("all", true, true),
        ("[version]", false, false),
    ] {
        let scan = scanned(&[("s/main.tf", &text(ignore))]);
        assert_eq!(of(&scan, "repo/a:1").uses[0].ignored, Some(set), "{ignore}");
        assert_eq!(
            of(&scan, "repo/b:1").uses[0].ignored,
            Some(values),
            "{ignore}"
        );
    }
}

#[test]
fn a_number_in_json_cannot_carry_a_pin_and_the_template_does() {
    let text = format!(
        "locals {{\n  v = jsondecode(file(\"v.json\"))\n}}\n{}",
        deployment("a", "\"repo/a:${local.v.tag}\"", "")
    );
    let scan = scanned(&[("s/main.tf", &text), ("s/v.json", "{\"tag\": 1.25}\n")]);
    assert_eq!(word(of(&scan, "repo/a:${local.v.tag}")).0, "site");
}

#[test]
fn a_dynamic_set_that_makes_nothing_overrides_nothing() {
    for (tag, site) in [("null", "1.0"), ("\"2.0\"", "2.0")] {
        let text = format!(
            r#"variable "tag" {{
  type    = string
  default = {tag}
}}
resource "helm_release" "h" {{
  name   = "h"
  chart  = "c"
  values = ["image: {{repository: repo/app, tag: '1.0'}}"]
  dynamic "set" {{
    for_each = var.tag == null ? [] : [var.tag]
    content {{
      name  = "image.tag"
      value = set.value
    }}
  }}
}}
"#
        );
        let scan = scanned(&[("s/main.tf", &text)]);
        assert_eq!(word(of(&scan, site)).0, "site", "{:?}", scan.literals);
        assert_eq!(told(&scan), [""; 0]);
    }
}

#[test]
fn images_inside_the_arguments_of_a_remote_module_are_offered() {
    let text = r#"module "m" {
  source     = "example/app/kubernetes"
  image      = { repository = "repo/a", tag = "1" }
  containers = [{ name = "c", image = "repo/b:2" }]
  name       = "repo/c:3"
}
"#;
    let scan = scanned(&[("s/main.tf", text)]);
    for (literal, argument) in [
        ("repo/a", "image"),
        ("1", "image"),
        ("repo/b:2", "containers"),
    ] {
        let (fate, reason) = word(of(&scan, literal));
        assert_eq!(fate, "unpinnable");
        assert!(
            reason.contains(&format!(
                "it is the argument {argument} of the module example/app/kubernetes"
            )),
            "{reason}"
        );
    }
    assert_eq!(scan.literals.len(), 3);
}

#[test]
fn a_file_that_terragrunt_generates_is_told_when_it_may_hold_images() {
    let unit = |contents: &str| {
        format!(
            "generate \"g\" {{\n  path     = \"gen.tf\"\n  contents = <<EOF\n{contents}\nEOF\n}}\n"
        )
    };
    let scan = scanned(&[
        (
            "s/terragrunt.hcl",
            &unit(&deployment("a", "\"repo/a:1\"", "")),
        ),
        ("s/main.tf", ""),
    ]);
    assert_eq!(
        told(&scan),
        ["not read: gen.tf, which terragrunt generates"]
    );
    let scan = scanned(&[
        ("s/terragrunt.hcl", &unit("provider \"x\" {}")),
        ("s/main.tf", ""),
    ]);
    assert_eq!(told(&scan), [""; 0]);
}

#[test]
fn a_folder_of_folders_is_found_above_a_unit() {
    let unit = "terraform {\n  source = \"${find_in_parent_folders(\"modules\")}/app\"\n}\ninputs = {\n  tag = \"1\"\n}\n";
    let module = format!(
        "variable \"tag\" {{}}\n{}",
        deployment("a", "\"repo/a:${var.tag}\"", "")
    );
    let scan = scanned(&[
        ("live/a/terragrunt.hcl", unit),
        ("modules/app/main.tf", &module),
    ]);
    assert_eq!((word(of(&scan, "1")).0, told(&scan)), ("site", vec![]));
}

#[test]
fn what_is_not_in_the_repo_is_an_error_that_try_catches() {
    let unit = r#"locals {
  own    = try(yamldecode(file("own.yaml")), { tag = "1.0" })
  above  = try(read_terragrunt_config(find_in_parent_folders("above.hcl")), { locals = { repo = "repo/a" } })
  broken = read_terragrunt_config("broken.hcl", { locals = { tag = "2.0" } })
}
terraform {
  source = "../modules/app"
}
inputs = {
  repo  = local.above.locals.repo
  tag   = local.own.tag
  other = local.broken.locals.tag
}
"#;
    let module = format!(
        "variable \"repo\" {{}}\nvariable \"tag\" {{}}\nvariable \"other\" {{}}\n{}{}",
        deployment("a", "\"${var.repo}:${var.tag}\"", ""),
        deployment("b", "\"repo/b:${var.other}\"", "")
    );
    let scan = scanned(&[
        ("live/terragrunt.hcl", unit),
        ("live/broken.hcl", "locals {"),
        ("modules/app/main.tf", &module),
    ]);
    assert_eq!(of(&scan, "1.0").reference.as_deref(), Some("repo/a:1.0"));
    assert!(
        word(of(&scan, "repo/b:${var.other}"))
            .1
            .contains("live/broken.hcl cannot be read")
    );
    let text = format!(
        "locals {{\n  v = try(yamldecode(file(\"v.yaml\")), {{ tag = \"3\" }})\n  f = can(file(\"v.yaml\")) ? \"x\" : \"y\"\n}}\n{}",
        deployment("a", "\"repo/${local.f}:${local.v.tag}\"", "")
    );
    assert_eq!(
        of(&scanned(&[("s/main.tf", &text)]), "3")
            .reference
            .as_deref(),
        Some("repo/y:3")
    );
}

#[test]
fn a_values_text_that_is_no_yaml_hides_no_other() {
    let release = "resource \"helm_release\" \"h\" {\n  name   = \"h\"\n  chart  = \"c\"\n  values = [\"image: repo/a:1\", \"a: [\", \"text\", \"\"]\n}\n";
    let scan = scanned(&[("s/main.tf", release)]);
    assert_eq!(word(of(&scan, "repo/a:1")).0, "site");
    assert!(
        told(&scan).len() == 1
            && told(&scan)[0].starts_with("the helm values are not known: text that is not YAML"),
        "{:?}",
        told(&scan)
    );
}

#[test]
fn values_that_only_a_run_knows_are_told() {
    for value in [
        "data.template_file.t.rendered",
        "\"${data.template_file.t.rendered}\"",
    ] {
        let text = format!(
            "data \"template_file\" \"t\" {{}}\nresource \"helm_release\" \"h\" {{\n  name   = \"h\"\n  chart  = \"c\"\n  values = [{value}]\n}}\n"
        );
        let what = "the helm values are not known: data.template_file.t.rendered is known only after apply";
        assert_eq!(told(&scanned(&[("s/main.tf", &text)])), [what], "{value}");
    }
}
