//! Documents on their way to the cluster: data sources that split and render them, functions of
//! providers, YAML inside the strings of other objects, charts that are in the repo.

use super::{of, scanned, word};
use crate::sites::Scan;

const POD: &str = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: web\n  namespace: ns\nspec:\n  containers:\n    - name: web\n      image: repo/web:1.2\n";
const OTHER: &str = "apiVersion: v1\nkind: Service\nmetadata:\n  name: web\n";

fn fates(scan: &Scan) -> Vec<String> {
    let one = |literal: &crate::sites::Literal| {
        let used = literal.uses.first().map(ToString::to_string);
        format!(
            "{} {}:{} {}",
            word(literal).0,
            literal.file,
            literal.line,
            used.unwrap_or_default()
        )
    };
    scan.literals.iter().map(one).collect()
}

fn kubectl(body: &str) -> String {
    format!("provider \"kubectl\" {{}}\n{body}")
}

#[test]
fn documents_that_a_data_source_splits_are_followed() {
    let file = format!("{OTHER}---\n{POD}--- # end\n# nothing\n");
    let source = "data \"kubectl_file_documents\" \"d\" {\n  content = file(\"web.yaml\")\n}\n";
    for resource in [
        "for_each  = data.kubectl_file_documents.d.manifests\n  yaml_body = each.value",
        "for_each  = toset(data.kubectl_file_documents.d.documents)\n  yaml_body = each.value",
        "count     = length(data.kubectl_file_documents.d.documents)\n  yaml_body = element(data.kubectl_file_documents.d.documents, count.index)",
        "count     = 2\n  yaml_body = data.kubectl_file_documents.d.documents[count.index]",
        "yaml_body = data.kubectl_file_documents.d.manifests[\"/api/v1/namespaces/ns/pods/web\"]",
        "for_each  = { for k, v in data.kubectl_file_documents.d.manifests : k => v }\n  yaml_body = each.value",
    ] {
        let text = kubectl(&format!(
            "{source}resource \"kubectl_manifest\" \"m\" {{\n  {resource}\n}}\n"
        ));
        let scan = scanned(&[("main.tf", &text), ("web.yaml", &file)]);
        assert_eq!(
            fates(&scan),
            ["site web.yaml:14 pod/ns/web:web"],
            "{resource}: {:?}",
            scan.problems
        );
    }
}

#[test]
fn documents_with_holes_are_split_too() {
    let file = POD.replace("name: web\n  namespace", "name: ${name}\n  namespace");
    let text = kubectl(
        "variable \"name\" {}\ndata \"kubectl_file_documents\" \"d\" {\n  content = templatefile(\"web.yaml\", { name = var.name })\n}\nresource \"kubectl_manifest\" \"m\" {\n  for_each  = data.kubectl_file_documents.d.manifests\n  yaml_body = each.value\n}\n",
    );
    let scan = scanned(&[
        ("main.tf", &text),
        ("web.yaml", &format!("{OTHER}---\n{file}")),
    ]);
    assert_eq!(fates(&scan), ["site web.yaml:14 pod/ns/?:web"]);
}

#[test]
fn documents_of_files_by_a_pattern_are_rendered() {
    let file = POD.replace("1.2", "${tag}");
    for (pattern, resource) in [
        (
            "manifests/*.yaml",
            "for_each  = data.kubectl_path_documents.d.manifests\n  yaml_body = each.value",
        ),
        (
            "./manifests/w*.yaml",
            "count     = length(data.kubectl_path_documents.d.documents)\n  yaml_body = element(data.kubectl_path_documents.d.documents, count.index)",
        ),
        (
            "${path.module}/manifests/**",
            "for_each  = toset(data.kubectl_path_documents.d.documents)\n  yaml_body = each.key",
        ),
    ] {
        let text = kubectl(&format!(
            "data \"kubectl_path_documents\" \"d\" {{\n  pattern = \"{pattern}\"\n  vars = {{\n    tag = \"1.2\"\n  }}\n}}\nresource \"kubectl_manifest\" \"m\" {{\n  {resource}\n}}\n"
        ));
        let scan = scanned(&[("main.tf", &text), ("manifests/web.yaml", &file)]);
        assert_eq!(
            fates(&scan),
            [
                "site main.tf:5 pod/ns/web:web",
                "component manifests/web.yaml:9 pod/ns/web:web"
            ],
            "{pattern}: {:?}",
            scan.literals
        );
    }
}

#[test]
fn functions_of_the_kubernetes_providers_are_computed() {
    for (resource, body) in [
        (
            "kubernetes_manifest",
            "manifest = provider::kubernetes::manifest_decode(file(\"web.yaml\"))",
        ),
        (
            "kubernetes_manifest",
            "for_each = { for d in provider::kubernetes::manifest_decode_multi(file(\"all.yaml\")) : d.kind => d }\n  manifest = each.value",
        ),
        (
            "kubernetes_manifest",
            "count    = 2\n  manifest = provider::kubernetes::manifest_decode_multi(file(\"all.yaml\"))[count.index]",
        ),
        (
            "kubectl_manifest",
            "yaml_body = provider::kubernetes::manifest_encode(provider::kubernetes::manifest_decode(file(\"web.yaml\")))",
        ),
        (
            "kubernetes_manifest",
            "manifest = provider::k8s::manifest_decode(file(\"web.yaml\"))",
        ),
    ] {
        let text = kubectl(&format!("resource \"{resource}\" \"m\" {{\n  {body}\n}}\n"));
        let all = format!("---\n{POD}---\n{OTHER}");
        let scan = scanned(&[("main.tf", &text), ("web.yaml", POD), ("all.yaml", &all)]);
        assert_eq!(fates(&scan).len(), 1, "{body}: {:?}", scan.problems);
        assert!(
            fates(&scan)[0].starts_with("site "),
            "{body}: {:?}",
            fates(&scan)
        );
    }
}

#[test]
fn other_data_sources_that_read_the_repo_are_followed() {
    for body in [
        "data \"template_file\" \"t\" {\n  template = file(\"web.tpl\")\n  vars = {\n    tag = \"1.2\"\n  }\n}\nresource \"kubectl_manifest\" \"m\" {\n  yaml_body = data.template_file.t.rendered\n}\n",
        "data \"local_file\" \"t\" {\n  filename = \"${path.module}/web.yaml\"\n}\nresource \"kubectl_manifest\" \"m\" {\n  yaml_body = data.local_file.t.content\n}\n",
        "data \"local_file\" \"t\" {\n  filename = \"web.yaml\"\n}\nresource \"kubernetes_manifest\" \"m\" {\n  manifest = yamldecode(data.local_file.t.content)\n}\n",
    ] {
        let template = POD.replace("1.2", "${tag}");
        let scan = scanned(&[
            ("main.tf", &kubectl(body)),
            ("web.yaml", POD),
            ("web.tpl", &template),
        ]);
        let sites: Vec<_> = scan.sites().collect();
        assert_eq!(sites.len(), 1, "{body}: {:?}", scan.literals);
        assert_eq!(sites[0].0.reference.as_deref(), Some("repo/web:1.2"));
    }
}

/// An Argo CD application with this as its source, as HCL.
fn application(source: &str) -> String {
    format!(
        "provider \"kubernetes\" {{}}\nresource \"kubernetes_manifest\" \"a\" {{\n  manifest = {{\n    apiVersion = \"argoproj.io/v1alpha1\"\n    kind       = \"Application\"\n    metadata   = {{ name = \"web\", namespace = \"argocd\" }}\n    spec       = {{ source = {source} }}\n  }}\n}}\n"
    )
}

#[test]
fn what_an_application_of_argo_cd_hands_to_a_chart_is_followed() {
    for (helm, path) in [
        (
            "values = \"image:\\n  repository: a/b\\n  tag: v1\\n\"",
            "values.image",
        ),
        (
            "values = yamlencode({ image = { repository = \"a/b\", tag = \"v1\" } })",
            "values.image",
        ),
        (
            "values = <<EOT\nimage:\n  repository: a/b\n  tag: v1\nEOT\n",
            "values.image",
        ),
        (
            "valuesObject = { image = { repository = \"a/b\", tag = \"v1\" } }",
            "valuesObject.image",
        ),
        (
            "parameters = [{ name = \"image.repository\", value = \"a/b\" }, { name = \"image.tag\", value = \"v1\" }]",
            "parameters.image",
        ),
        (
            "values = \"image: {repository: a/b, tag: v0}\"\n parameters = [{ name = \"image.tag\", value = \"v1\" }]",
            "values.image",
        ),
    ] {
        let scan = scanned(&[(
            "main.tf",
            &application(&format!("{{ helm = {{ {helm} }} }}")),
        )]);
        let tag = of(&scan, "v1");
        assert_eq!(word(tag), ("site", ""), "{helm}");
        assert_eq!(tag.reference.as_deref(), Some("a/b:v1"), "{helm}");
        let used = format!("application/argocd/web:spec.source.helm.{path}");
        assert_eq!(tag.uses[0].to_string(), used, "{helm}");
    }
    let both = "{ helm = { values = \"image: {repository: a/b, tag: v0}\", parameters = [{ name = \"image.tag\", value = \"v1\" }] } }";
    let scan = scanned(&[("main.tf", &application(both))]);
    assert_eq!(
        word(of(&scan, "v0")),
        ("dead", "overridden by a later value of the chart")
    );
}

#[test]
fn the_images_of_a_kustomization_are_strings_for_argo_cd() {
    for (image, literal) in [
        ("a/b:v1", "a/b:v1"),
        ("web=a/b:v1", "web=a/b:v1"),
        ("a/b@sha256:${local.d}", ""),
    ] {
        let text = application(&format!("{{ kustomize = {{ images = [\"{image}\"] }} }}"));
        let text = format!("locals {{\n  d = \"{}\"\n}}\n{text}", "0".repeat(64));
        let scan = scanned(&[("main.tf", &text)]);
        if literal.is_empty() {
            assert!(!scan.literals.is_empty());
            continue;
        }
        assert_eq!(word(of(&scan, literal)).0, "site", "{image}");
        assert_eq!(of(&scan, literal).reference.as_deref(), Some("a/b:v1"));
    }
}

#[test]
fn the_resource_of_the_argocd_provider_is_followed() {
    let text = "provider \"argocd\" {}\nresource \"argocd_application\" \"w\" {\n  metadata {\n    name      = \"web\"\n    namespace = \"argocd\"\n  }\n  spec {\n    source {\n      helm {\n        values = yamlencode({ image = { repository = \"a/b\", tag = \"v1\" } })\n        parameter {\n          name  = \"side.image\"\n          value = \"c/d:v2\"\n        }\n      }\n      kustomize {\n        images = [\"e/f:v3\"]\n      }\n    }\n  }\n}\n";
    let scan = scanned(&[("main.tf", text)]);
    for (literal, path) in [
        ("v1", "helm.values.image"),
        ("c/d:v2", "helm.values.side.image"),
        ("e/f:v3", "kustomize.images[0]"),
    ] {
        assert_eq!(word(of(&scan, literal)), ("site", ""), "{literal}");
        let used = format!("application/argocd/web:spec.source.{path}");
        assert_eq!(of(&scan, literal).uses[0].to_string(), used);
    }
}

#[test]
fn the_values_of_a_chart_of_k3s_are_followed() {
    for kind in ["HelmChart", "HelmChartConfig"] {
        for (spec, path) in [
            (
                "valuesContent = \"image:\\n  repository: a/b\\n  tag: v1\\n\"",
                "valuesContent.image",
            ),
            (
                "valuesContent = yamlencode({ image = { repository = \"a/b\", tag = \"v1\" } })",
                "valuesContent.image",
            ),
            (
                "set = { \"image.tag\" = \"v1\" }\n valuesContent = \"image: {repository: a/b}\"",
                "valuesContent.image",
            ),
        ] {
            let text = format!(
                "provider \"kubernetes\" {{}}\nresource \"kubernetes_manifest\" \"t\" {{\n  manifest = {{\n    kind     = \"{kind}\"\n    metadata = {{ name = \"t\", namespace = \"kube-system\" }}\n    spec     = {{ {spec} }}\n  }}\n}}\n"
            );
            let scan = scanned(&[("main.tf", &text)]);
            let tag = of(&scan, "v1");
            assert_eq!(word(tag), ("site", ""), "{kind} {spec}");
            let used = format!("{}/kube-system/t:spec.{path}", kind.to_lowercase());
            assert_eq!(tag.uses[0].to_string(), used, "{kind} {spec}");
        }
    }
}

#[test]
fn the_values_of_a_chart_in_the_repo_lie_below_all_others() {
    let values = "image:\n  repository: a/b\n  tag: v1\n";
    let template = "spec:\n  image: \"{{ .Values.image.tag }}\"\n  other:\n    image: c/d:v2\n";
    let release = |body: &str| {
        format!(
            "provider \"helm\" {{}}\nresource \"helm_release\" \"w\" {{\n  name = \"w\"\n  {body}\n}}\n"
        )
    };
    for (chart, is_read) in [
        ("chart = \"./charts/web\"", true),
        ("chart = \"charts/web\"", true),
        ("chart = \"${path.module}/charts/web\"", true),
        ("chart = \"${path.root}/charts/web/\"", true),
        ("chart = \"web\"", false),
        (
            "chart = \"charts/web\"\n  repository = \"https://charts.example.org\"",
            false,
        ),
    ] {
        let scan = scanned(&[
            ("main.tf", &release(chart)),
            ("charts/web/Chart.yaml", "name: web\n"),
            ("charts/web/values.yaml", values),
            ("charts/web/templates/web.yaml", template),
        ]);
        let sites: Vec<_> = scan
            .sites()
            .map(|(literal, _)| literal.literal.clone())
            .collect();
        let want: &[&str] = if is_read { &["v1"] } else { &[] };
        assert_eq!(sites, want, "{chart}");
        let notes: Vec<_> = scan
            .problems
            .iter()
            .map(|one| (one.line, one.what.as_str()))
            .collect();
        if is_read {
            assert_eq!(
                notes,
                [(
                    Some(4),
                    "images in templates of a chart in the repo are not followed: c/d:v2"
                )]
            );
        }
    }
    let over = release("chart = \"charts/web\"\n  values = [\"image: {tag: v3}\"]");
    let scan = scanned(&[
        ("main.tf", &over),
        ("charts/web/Chart.yaml", "name: web\n"),
        ("charts/web/values.yaml", values),
    ]);
    assert_eq!(of(&scan, "v3").reference.as_deref(), Some("a/b:v3"));
    assert_eq!(word(of(&scan, "v1")).0, "dead");
}
