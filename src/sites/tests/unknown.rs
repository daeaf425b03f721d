//! One unknown leaf hides nothing else: objects keep what is known of them on every way to a chart
//! or a manifest.

use super::{of, scanned, word};
use crate::sites::Scan;

const HEAD: &str = "provider \"helm\" {}\ndata \"vault_generic_secret\" \"web\" {\n  path = \"kv/web\"\n}\nvariable \"host\" {\n  type = string\n}\n";
const IMAGE: &str = "image = { repository = \"ghcr.io/acme/web\", tag = \"1.4.2\" }";
const SECRET: &str = "data.vault_generic_secret.web.data[\"password\"]";

/// A release with those values, beside files.
fn release(values: &str, files: &[(&str, &str)]) -> Scan {
    let values = values.replace("IMAGE", IMAGE).replace("SECRET", SECRET);
    let text = format!(
        "{HEAD}resource \"helm_release\" \"web\" {{\n  name      = \"web\"\n  namespace = \"web\"\n  chart     = \"web\"\n  values    = {values}\n}}\n"
    );
    let mut all = vec![("main.tf", text.as_str())];
    all.extend(files);
    scanned(&all)
}

#[test]
fn an_unknown_leaf_leaves_the_image_a_site() {
    let template = (
        "values.yaml.tpl",
        "image:\n  repository: ghcr.io/acme/web\n  tag: \"1.4.2\"\nhost: ${host}\n",
    );
    for values in [
        "[yamlencode({ IMAGE, password = SECRET })]",
        "[jsonencode({ IMAGE, password = SECRET })]",
        "[yamlencode({ IMAGE, host = var.host })]",
        "[yamlencode({ IMAGE, a = { b = [var.host, { c = SECRET }] } })]",
        "[yamlencode({ IMAGE, url = \"https://${var.host}/x\" })]",
        "[yamlencode(merge({ IMAGE }, { password = SECRET }))]",
        "[yamlencode(merge({ password = SECRET }, { IMAGE }))]",
        "[yamlencode(merge(SECRET, { IMAGE }))]",
        "[format(\"%s\\n\", yamlencode({ IMAGE, password = SECRET }))]",
        "[format(\"# %s\\n%s\", var.host, yamlencode({ IMAGE }))]",
        "[\"${yamlencode({ IMAGE, password = SECRET })}\\n\"]",
        "[\"a:\\n  ${indent(2, yamlencode({ IMAGE, password = SECRET }))}\"]",
        "[indent(0, yamlencode({ IMAGE, password = SECRET }))]",
        "concat([yamlencode({ IMAGE, password = SECRET })], [])",
        "concat([yamlencode({ IMAGE })], var.host == \"x\" ? [\"a: b\"] : [])",
        "compact([yamlencode({ IMAGE }), var.host])",
        "compact([var.host, yamlencode({ IMAGE, password = SECRET })])",
        "[yamlencode({ IMAGE, hosts = [for h in SECRET : { name = h }] })]",
        "[yamlencode({ IMAGE, hosts = { for h in SECRET : h => 1 } })]",
        "[yamlencode({ IMAGE, \"x-${var.host}\" = 1 })]",
        "[yamlencode({ (var.host) = 1, IMAGE })]",
        "[yamlencode({ IMAGE, tls = var.host == \"\" ? null : { host = var.host } })]",
        "[yamlencode(yamldecode(templatefile(\"${path.module}/values.yaml.tpl\", { host = var.host })))]",
        "[templatefile(\"${path.module}/values.yaml.tpl\", { host = var.host })]",
        "[yamlencode(yamldecode(yamlencode({ IMAGE, password = SECRET })))]",
        "[yamlencode(jsondecode(jsonencode({ IMAGE, password = SECRET })))]",
        "[yamlencode(merge(yamldecode(templatefile(\"values.yaml.tpl\", { host = SECRET })), { a = 1 }))]",
    ] {
        let scan = release(values, &[template]);
        let tag = of(&scan, "1.4.2");
        assert_eq!(word(tag).0, "site", "{values}: {tag:?}");
        assert_eq!(
            tag.reference.as_deref(),
            Some("ghcr.io/acme/web:1.4.2"),
            "{values}"
        );
        assert_eq!(
            word(of(&scan, "ghcr.io/acme/web")).0,
            "component",
            "{values}"
        );
    }
}

#[test]
fn what_may_replace_an_image_leaves_it_listed() {
    for values in [
        "[yamlencode(merge({ IMAGE }, SECRET))]",
        "[yamlencode({ IMAGE, (var.host) = 1 })]",
        "[yamlencode({ IMAGE, \"${var.host}e\" = 1 })]",
        "[yamlencode(var.host == \"\" ? { IMAGE } : {})]",
        "[yamlencode(var.host == \"\" ? { IMAGE, a = 1 } : { b = 1 })]",
        "[yamlencode(merge({ IMAGE }, { for h in SECRET : h => 1 }))]",
    ] {
        let scan = release(values, &[]);
        let (fate, reason) = word(of(&scan, "1.4.2"));
        assert_eq!(fate, "unpinnable", "{values}: {reason}");
        let names = reason.contains("var.host has no value in the repo")
            || reason.contains("data.vault_generic_secret.web.data is known only after apply");
        assert!(names, "{values}: {reason}");
    }
}

#[test]
fn a_value_that_both_results_have_is_known() {
    let scan = release(
        "[yamlencode(var.host == \"\" ? { IMAGE, a = 1 } : { IMAGE, a = 2 })]",
        &[],
    );
    // Two literals of one text: each result has its own.
    assert!(
        scan.literals.iter().all(|one| word(one).0 != "site"),
        "{:?}",
        scan.literals
    );
    let scan = scanned(&[(
        "main.tf",
        &format!(
            "{HEAD}locals {{\n  tag = \"1.4.2\"\n}}\nresource \"helm_release\" \"web\" {{\n  name = \"web\"\n  values = [yamlencode(var.host == \"\" ? {{ image = {{ repository = \"a/b\", tag = local.tag }} }} : {{ image = {{ repository = \"a/b\", tag = local.tag }} }})]\n}}\n"
        ),
    )]);
    assert_eq!(word(of(&scan, "1.4.2")).0, "unpinnable");
}

#[test]
fn unknown_values_of_a_release_are_named_once() {
    let scan = release(
        "[yamlencode({ IMAGE, a = SECRET, b = { c = SECRET }, d = SECRET, e = var.host })]",
        &[],
    );
    let what: Vec<&str> = scan.problems.iter().map(|one| one.what.as_str()).collect();
    assert_eq!(
        what,
        [
            "the helm values at a, b.c, d and 1 more are not known: data.vault_generic_secret.web.data is known only after apply"
        ]
    );
}

#[test]
fn values_of_which_nothing_is_known_are_told() {
    for values in [
        "[format(\"%s\\n\", SECRET)]",
        "[SECRET]",
        "[yamlencode(SECRET)]",
        "SECRET",
        "concat([], SECRET)",
    ] {
        let scan = release(values, &[]);
        assert_eq!(scan.problems.len(), 1, "{values}: {:?}", scan.problems);
        assert!(
            scan.problems[0].what.contains("known only after apply"),
            "{values}: {:?}",
            scan.problems
        );
    }
}

#[test]
fn a_manifest_keeps_what_is_known_of_it() {
    let pod = "{ apiVersion = \"v1\", kind = \"Pod\", metadata = { name = \"web\", namespace = \"web\" }, spec = { containers = [{ name = \"web\", image = \"ghcr.io/acme/web:1.4.2\", env = [{ name = \"HOST\", value = var.host }] }] } }";
    let file = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: web\n  namespace: web\nspec:\n  containers:\n    - name: web\n      image: ghcr.io/acme/web:1.4.2\n      env:\n        - name: HOST\n          value: ${host}\n";
    for (resource, attribute) in [
        ("kubectl_manifest", "yaml_body = yamlencode(POD)"),
        ("kubectl_manifest", "yaml_body = jsonencode(POD)"),
        (
            "kubectl_manifest",
            "yaml_body = templatefile(\"pod.yaml\", { host = var.host })",
        ),
        ("kubernetes_manifest", "manifest = POD"),
        (
            "kubernetes_manifest",
            "manifest = yamldecode(templatefile(\"pod.yaml\", { host = var.host }))",
        ),
        (
            "kubernetes_manifest",
            "manifest = yamldecode(yamlencode(POD))",
        ),
        (
            "kubernetes_manifest",
            "manifest = merge(POD, { x = var.host })",
        ),
    ] {
        let text = format!(
            "{HEAD}resource \"{resource}\" \"web\" {{\n  {}\n}}\n",
            attribute.replace("POD", pod)
        );
        let scan = scanned(&[("main.tf", &text), ("pod.yaml", file)]);
        let one = of(&scan, "ghcr.io/acme/web:1.4.2");
        assert_eq!(word(one).0, "site", "{attribute}: {one:?}");
        assert_eq!(one.uses[0].to_string(), "pod/web/web:web", "{attribute}");
    }
}

#[test]
fn a_null_default_in_a_string_is_set_by_a_run() {
    for image in [
        "\"ghcr.io/acme/api:${var.tag}\"",
        "\"ghcr.io/acme/api:${var.tags.api}\"",
        "\"ghcr.io/acme/api:${(var.tag)}\"",
        "\"${local.repo}:${var.tag}\"",
        "\"ghcr.io/acme/api:v${var.tag}-alpine\"",
    ] {
        let text = format!(
            "provider \"x\" {{}}\nlocals {{\n  repo = \"ghcr.io/acme/api\"\n}}\nvariable \"tag\" {{\n  default = null\n}}\nvariable \"tags\" {{\n  default = {{ api = null }}\n}}\n{}",
            super::deployment("a", image, "")
        );
        let scan = scanned(&[("main.tf", &text)]);
        let reason: Vec<&str> = scan.literals.iter().map(|one| word(one).1).collect();
        let name = if image.contains("tags") {
            "var.tags.api"
        } else {
            "var.tag"
        };
        let want = format!("{name} has no value in the repo");
        assert!(
            !reason.is_empty() && reason.iter().all(|reason| reason.ends_with(&want)),
            "{image}: {:?} {:?}",
            scan.literals,
            scan.problems
        );
    }
    let text = format!(
        "provider \"x\" {{}}\nvariable \"tag\" {{\n  default = null\n}}\n{}",
        super::deployment("a", "try(\"repo/a:${var.tag}\", \"repo/a:1.2\")", "")
    );
    assert_eq!(
        word(of(&scanned(&[("main.tf", &text)]), "repo/a:1.2")).0,
        "site"
    );
}
