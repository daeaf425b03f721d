//! What people type first: the examples of `docs/install.md` are applied to a cluster in which
//! nothing is, once with kustomize and once with the Terraform module.

use std::fs::{read_to_string, remove_file, write};
use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::cmd;
use crate::support::guard::server;
use crate::support::kube::{Kube, deploy};

const PODS: &str = "/api/v1/namespaces/pintle/pods";
/// Every component that a person may add.
const COMPONENTS: [&str; 5] = [
    "custom-kinds",
    "metrics",
    "service-monitor",
    "alerts",
    "dashboard",
];
/// What the overlay and the module call in the page have in common, and the module needs besides.
const MODULE: &str = "pod_monitor = true\n  prometheus_rule = true\n  \
     custom_kinds = [{ group = \"postgresql.cnpg.io\", resources = [\"clusters\"] }]\n";

/// The block of `docs/install.md` that begins with this line.
pub fn example(first: &str) -> String {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/install.md");
    let page = read_to_string(page).expect("the page is there");
    let mut blocks = page.split("```").skip(1).step_by(2);
    let block = blocks.find_map(|block| {
        let (_, text) = block.split_once('\n')?;
        text.starts_with(first).then(|| text.to_owned())
    });
    block.unwrap_or_else(|| panic!("the page has no block that begins with {first}"))
}

fn overlay(components: &[&str]) -> TempDir {
    let mut text = example("# kustomization.yaml");
    text.push_str("components:\n");
    for component in components {
        text.push_str(&format!(
            "  - pintle/deploy/kustomize/components/{component}\n"
        ));
    }
    deploy::copy(&text)
}

/// Every line of what kubectl says ends so, and there are so many.
fn lines(output: &str, end: &str, count: usize) {
    let all: Vec<_> = output.lines().collect();
    let wrong: Vec<_> = all.iter().filter(|line| !line.ends_with(end)).collect();
    assert!(all.len() == count && wrong.is_empty(), "{output}");
}

fn apply(kube: &Kube, flag: &str, path: &Path) -> String {
    kube.kubectl(&["apply", flag, &path.display().to_string()])
}

/// The kinds of the Prometheus operator, as far as the API server looks at them.
fn install_operator(kube: &Kube) {
    let api = kube.api("test");
    for (kind, plural) in [
        ("PodMonitor", "podmonitors"),
        ("ServiceMonitor", "servicemonitors"),
        ("PrometheusRule", "prometheusrules"),
    ] {
        let spec = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
        let schema = json!({"type": "object", "properties": {"spec": spec}});
        let version = json!({"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": schema}});
        let names = json!({"kind": kind, "listKind": format!("{kind}List"), "plural": plural, "singular": kind.to_lowercase()});
        let definition = json!({
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {"name": format!("{plural}.monitoring.coreos.com")},
            "spec": {"group": "monitoring.coreos.com", "scope": "Namespaced", "names": names, "versions": [version]},
        });
        api.post(
            "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
            &definition,
        );
        let list = format!("/apis/monitoring.coreos.com/v1/{plural}");
        api.wait(&list, |_| Some(()));
    }
}

fn tofu(folder: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(server("PINTLE_TEST_TOFU"));
    command.args(args).current_dir(folder);
    cmd::clean(&mut command, folder);
    command
        .env("CHECKPOINT_DISABLE", "1")
        .env("NO_COLOR", "1")
        .output()
        .expect("tofu starts")
}

/// A root module with the call of the page, as far as it can be had without the provider: the
/// resources are left out, and the objects that they would apply are an output.
fn module(more: &str) -> TempDir {
    let folder = deploy::copy("");
    for needs_provider in ["main.tf", "versions.tf"] {
        let file = folder.path().join("pintle/deploy/terraform");
        remove_file(file.join(needs_provider)).expect("it is there");
    }
    let call = example("module \"pintle\"");
    let call = call.trim_end().trim_end_matches('}');
    let text =
        format!("{call}  {more}}}\n\noutput \"objects\" {{\n  value = module.pintle.objects\n}}\n");
    write(folder.path().join("main.tf"), text).expect("its own folder");
    let init = tofu(folder.path(), &["init", "-input=false"]);
    assert!(init.status.success(), "{init:?}");
    folder
}

/// The objects of the module, as a file that kubectl applies: the namespace first.
fn rendered(folder: &Path) -> (Vec<Value>, std::path::PathBuf) {
    let applied = tofu(folder, &["apply", "-auto-approve", "-input=false"]);
    assert!(applied.status.success(), "{applied:?}");
    let output = tofu(folder, &["output", "-json", "objects"]);
    let objects: Value = serde_json::from_slice(&output.stdout).expect("it is JSON");
    let objects = objects.as_object().expect("objects by name");
    let mut objects: Vec<Value> = objects.values().cloned().collect();
    objects.sort_by_key(|object| object["kind"] != "Namespace");
    let file = folder.join("objects.json");
    let list = json!({"apiVersion": "v1", "kind": "List", "items": objects});
    write(&file, list.to_string()).expect("its own folder");
    (objects, file)
}

#[test]
fn the_example_of_kustomize_is_applied_twice_and_resets_nothing() {
    let kube = Kube::fresh();
    let folder = deploy::copy(&example("# kustomization.yaml"));
    lines(&apply(&kube, "-k", folder.path()), " created", 9);

    let api = kube.api("test");
    let pod = api.wait(PODS, |pods| match pods["items"].as_array()?.as_slice() {
        [pod] => Some(pod.clone()),
        _ => None,
    });
    assert_eq!(
        pod["metadata"]["labels"]["app.kubernetes.io/name"],
        "pintle"
    );
    let other = json!({
        "metadata": {"name": "other"},
        "spec": {"containers": [{"name": "other", "image": "quay.io/team/app:latest"}]},
    });
    let (status, why) = api.try_post(PODS, &other).expect("an answer");
    assert_eq!(status, 403, "{why}");
    assert!(why.to_string().contains("restricted"), "{why}");

    let secret = [
        "--namespace",
        "pintle",
        "create",
        "secret",
        "generic",
        "pintle",
    ];
    kube.kubectl(&[&secret[..], &["--from-literal=git-token=of-a-person"]].concat());
    lines(&apply(&kube, "-k", folder.path()), " unchanged", 9);
    let secret = api.get("/api/v1/namespaces/pintle/secrets/pintle");
    assert_eq!(secret["data"]["git-token"], "b2YtYS1wZXJzb24=");
}

#[test]
fn every_component_is_applied_twice_without_a_change() {
    let kube = Kube::fresh();
    install_operator(&kube);
    let folder = overlay(&COMPONENTS);
    lines(&apply(&kube, "-k", folder.path()), " created", 13);
    lines(&apply(&kube, "-k", folder.path()), " unchanged", 13);
    let api = kube.api("test");
    let role = api.get("/apis/rbac.authorization.k8s.io/v1/clusterroles/pintle");
    let rules = role["rules"].as_array().expect("rules").iter();
    let groups: Vec<_> = rules.map(|rule| rule["apiGroups"][0].clone()).collect();
    assert_eq!(groups, ["apps", "batch", "", "postgresql.cnpg.io"]);
}

#[test]
fn the_module_applies_the_objects_of_kustomize() {
    let kube = Kube::fresh();
    install_operator(&kube);
    let folder = module(MODULE);
    let (objects, file) = rendered(folder.path());
    lines(&apply(&kube, "-f", &file), " created", objects.len());
    lines(&apply(&kube, "-f", &file), " unchanged", objects.len());
    let kustomized = overlay(&["custom-kinds", "metrics", "alerts"]);
    let all = apply(&kube, "-k", kustomized.path());
    lines(&all, " unchanged", objects.len());
}

#[test]
fn the_module_refuses_inputs_that_cannot_be_right() {
    let folder = deploy::copy("");
    let own = folder.path().join("pintle/deploy/terraform");
    for needs_provider in ["main.tf", "versions.tf"] {
        remove_file(own.join(needs_provider)).expect("it is there");
    }
    let init = tofu(&own, &["init", "-input=false"]);
    assert!(init.status.success(), "{init:?}");
    let digest = "a".repeat(64);
    let image = format!("image=registry.example.org/pintle:0.1.0@sha256:{digest}");
    let forge = "forge=https://forge.example.org/ops/infra";
    let plan = |inputs: &[&str]| {
        let inputs = inputs.iter().flat_map(|input| ["-var", input]);
        let args: Vec<&str> = ["plan", "-input=false"].into_iter().chain(inputs).collect();
        let output = tofu(&own, &args);
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said).replace(['\n', '\u{2502}'], " ");
        let words: Vec<&str> = said.split_whitespace().collect();
        (output.status.success(), words.join(" "))
    };
    let (is_good, said) = plan(&[&image, forge]);
    assert!(is_good, "{said}");
    for (inputs, sentence) in [
        (
            vec!["image=registry.example.org/pintle:latest", forge],
            "The image has to end in a digest",
        ),
        (
            vec![&image, "forge=forge.example.org"],
            "The forge has to be the page of the repo",
        ),
        (vec![&image], "Give either forge or remote."),
        (
            vec![&image, forge, "remote=https://git.example.org/infra.git"],
            "Give either forge or remote.",
        ),
        (
            vec![&image, forge, "namespace=Ops"],
            "The namespace has to be a name of Kubernetes",
        ),
        (
            vec![&image, forge, "replicas=0"],
            "The number of replicas has to be",
        ),
        (
            vec![&image, forge, "every=5"],
            "The wait has to be a duration",
        ),
        (
            vec![&image, forge, "env={EVERY=\"5m\"}"],
            "Every name has to start with PINTLE_.",
        ),
        (
            vec![&image, forge, "env={PINTLE_REMOTE=\"x\"}"],
            "The repo is an input of its own",
        ),
        (
            vec![&image, forge, "env={PINTLE_TOKEN=\"x\"}"],
            "A secret would be readable in the state",
        ),
    ] {
        let (is_good, said) = plan(&inputs);
        assert!(!is_good && said.contains(sentence), "{inputs:?}: {said}");
    }
}

#[test]
fn the_module_is_formatted() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/terraform");
    let home = tempfile::tempdir().expect("a temporary folder");
    let checked = tofu(home.path(), &["fmt", "-check", "-diff", folder]);
    assert!(checked.status.success(), "{checked:?}");
}
