//! The ownership flip: what Keel ran becomes Terraform's in one commit that rolls nothing, what
//! upstream says follows it, and what cannot be taken over is left as it is and says why.

use serde_json::{Value, json};

use super::{json_of, trailer};
use crate::support::git::BRANCH;
use crate::support::kube::Kube;
use crate::support::kube::ci::image_in;
use crate::support::kube::world::World;
use crate::support::line::path;

const APP: &str = "quay.io/team/app:release";
const TOOL: &str = "quay.io/team/tool:v1";
const WORKER: &str = "quay.io/team/worker:1.2.0";
const RAISED: &str = "quay.io/team/worker:1.3.0";
const POLICY: &str = "      metadata[0].annotations[\"keel.sh/policy\"], # KEEL_IGNORE\n";
const FIRST: &str = "      spec[0].template[0].spec[0].container[0].image, # KEEL_IGNORE_IMAGE\n";

const ANNOTATIONS: &str = "    annotations = {\n      \"keel.sh/policy\" = \"force\"\n    }\n";
/// Those that can be taken over and those that cannot.
const TAKEN: [&str; 2] = ["deployment/web", "statefulset/worker"];
const LEFT: [&str; 2] = ["deployment/old", "deployment/wide"];

/// A deployment that Keel follows.
fn deployment(namespace: &str, name: &str, containers: &str, ignored: &str) -> String {
    format!(
        r#"resource "kubernetes_deployment" "{name}" {{
  metadata {{
    name      = "{name}"
    namespace = "{namespace}"
    annotations = {{
      "keel.sh/policy" = "force"
    }}
  }}
  spec {{
    template {{
      spec {{
{containers}      }}
    }}
  }}
  lifecycle {{
    ignore_changes = [
{ignored}    ]
  }}
}}
"#
    )
}

fn container(name: &str, image: &str) -> String {
    format!(
        "        container {{\n          name  = \"{name}\"\n          image = \"{image}\"\n        }}\n"
    )
}

/// One stack that can be taken over, with an init container that is Terraform's and a replica count
/// that stays ignored; two that cannot.
fn files(namespace: &str) -> Vec<(String, String)> {
    let pulls = format!(
        "        init_container {{\n          name  = \"tool\"\n          image = \"{TOOL}\"\n        }}\n        container {{\n          name              = \"web\"\n          image             = \"{APP}\"\n          image_pull_policy = \"Always\"\n        }}\n"
    );
    let web = deployment(
        namespace,
        "web",
        &pulls,
        &format!("      spec[0].replicas,\n{POLICY}{FIRST}"),
    );
    // Keel's annotation was set in the cluster.
    let worker = deployment(
        namespace,
        "worker",
        &container("worker", WORKER),
        &format!("{POLICY}{FIRST}"),
    );
    let worker = worker
        .replace("kubernetes_deployment", "kubernetes_stateful_set")
        .replace(ANNOTATIONS, "");
    let made = container("old", "quay.io/team/old:${local.version}-cuda");
    let old = deployment(namespace, "old", &made, &format!("{POLICY}{FIRST}"));
    let wide = deployment(
        namespace,
        "wide",
        &container("wide", APP),
        &format!("      metadata[0].annotations,\n{FIRST}"),
    );
    let all = [
        ("web", web + &worker),
        ("old", format!("locals {{\n  version = \"1.2\"\n}}\n{old}")),
        ("wide", wide),
    ];
    all.map(|(name, text)| (path(name), text)).into()
}

/// Lets Keel run, and raise two images.
fn keel(world: &World) {
    let labels = json!({"app": "keel"});
    let pod = json!({"containers": [{"name": "keel", "image": "docker.io/keelhq/keel:0.20.1"}]});
    let spec = json!({"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": pod}});
    let stage = &world.stage;
    stage.kube.api("test").post(
        &format!("/apis/apps/v1/namespaces/{}/deployments", stage.namespace),
        &json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "keel"}, "spec": spec}),
    );
    let keel = stage.kube.api("keel");
    for (workload, image) in [(TAKEN[1], RAISED), (LEFT[0], "quay.io/team/old:1.3-cuda")] {
        let (_, name) = workload.split_once('/').expect("kind/name");
        let patch = json!({"spec": {"template": {"spec": {"containers": [{"name": name, "image": image}]}}}});
        keel.patch(&stage.path(workload), &patch);
    }
    stage.kubectl(&["annotate", TAKEN[1], "keel.sh/policy=force"]);
    TAKEN
        .iter()
        .chain(&LEFT)
        .chain(&["deployment/keel"])
        .for_each(|workload| stage.rolled_out(workload));
}

/// Container, verdict, code and text of the first reason of each site.
fn verdicts(world: &World) -> Vec<(String, String, String, String)> {
    let plan = json_of(world, "plan", &[]);
    let word = |value: &Value| value.as_str().expect("a text").to_owned();
    let one = |site: &Value| {
        let key = word(&site["aliases"][0]);
        let container = key
            .rsplit(':')
            .next()
            .expect("a key ends with the container")
            .to_owned();
        let reason = &site["reasons"][0];
        (
            container,
            word(&site["verdict"]),
            word(&reason["code"]),
            word(&reason["text"]),
        )
    };
    plan["sites"]
        .as_array()
        .expect("a list")
        .iter()
        .map(one)
        .collect()
}

/// The annotation that Keel reads, and what each container's pod runs; all pods of a workload run
/// the same.
fn runs(world: &World, workload: &str) -> (Value, Vec<String>) {
    let (_, name) = workload.split_once('/').expect("kind/name");
    let live = world.stage.get(workload);
    let pods = format!(
        "/api/v1/namespaces/{}/pods?labelSelector=app%3D{name}",
        world.stage.namespace
    );
    let told = world
        .stage
        .wait(&pods, |pods| match pods["items"].as_array()?.as_slice() {
            [one] => Some(one["status"].clone()),
            _ => None,
        });
    let lists = ["initContainerStatuses", "containerStatuses"]
        .iter()
        .filter_map(|list| told[list].as_array());
    let ids = lists
        .flatten()
        .filter_map(|status| Some(status["imageID"].as_str()?.rsplit_once('@')?.1.to_owned()));
    (
        live["metadata"]["annotations"]["keel.sh/policy"].clone(),
        ids.collect(),
    )
}

fn replaced(text: &str, pairs: &[(String, String)]) -> String {
    pairs.iter().fold(text.to_owned(), |text, (old, new)| {
        assert_eq!(text.matches(old.as_str()).count(), 1, "{old} in {text}");
        text.replace(old, new)
    })
}

#[test]
fn what_keel_ran_becomes_terraforms_as_it_is_and_then_moves() {
    let world = World::with(Kube::own(), files, "");
    let (stage, put) = (&world.stage, |image: &str, seed: &str| {
        world.line.registries.put(image, seed)
    });
    let [first, tool, raised] =
        [(APP, "first"), (TOOL, "tool"), (RAISED, "raised")].map(|(image, seed)| put(image, seed));
    for image in [
        WORKER,
        "quay.io/team/old:1.2-cuda",
        "quay.io/team/old:1.3-cuda",
        "docker.io/keelhq/keel:0.20.1",
    ] {
        put(image, image);
    }
    let before = files(&stage.namespace);
    stage.ci.apply();
    keel(&world);
    let second = put(APP, "second");

    // What the plan says, and that it says it to people too.
    let planned = verdicts(&world);
    let of = |container: &str| {
        planned
            .iter()
            .find(|one| one.0 == container)
            .unwrap_or_else(|| panic!("{container} of {planned:#?}"))
    };
    let (old, wide) = (of("old"), of("wide"));
    assert_eq!(
        [(&*old.1, &*old.2), (&*wide.1, &*wide.2)],
        [
            ("blocked", "cannot-take-tag"),
            ("blocked", "cannot-be-taken-over")
        ],
        "{planned:#?}"
    );
    for part in [
        "1.2-cuda",
        "1.3-cuda",
        &format!("{}/old", stage.namespace),
        &format!("{}:17", path("old")),
    ] {
        assert!(old.3.contains(part), "{part} in {old:?}");
    }
    for part in [
        "metadata[0].annotations",
        &format!("{}:21", path("wide")),
        &format!("{}:22", path("wide")),
    ] {
        assert!(wide.3.contains(part), "{part} in {wide:?}");
    }
    let adopts: Vec<&str> = planned
        .iter()
        .filter(|one| one.1 == "adopt")
        .map(|one| &*one.0)
        .collect();
    assert_eq!(adopts, ["tool", "web", "worker"], "{planned:#?}");
    let said = world.pintle("plan", &[]).run();
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        [old, wide]
            .iter()
            .all(|one| words(&said.stdout).contains(&words(&one.3))),
        "{said:?}"
    );

    // One commit.
    let made = world.sync();
    assert_eq!(made.len(), 1, "{made:#?}");
    let after = replaced(
        &before[0].1,
        &[
            (format!("\"{TOOL}\""), format!("\"{TOOL}@{tool}\"")),
            (
                format!("\"{APP}\"\n          image_pull_policy = \"Always\"\n"),
                format!("\"{APP}@{first}\"\n"),
            ),
            (format!("\"{WORKER}\""), format!("\"{RAISED}@{raised}\"")),
            (
                format!("      spec[0].replicas,\n{POLICY}{FIRST}"),
                "      spec[0].replicas,\n".to_owned(),
            ),
            (
                format!("    namespace = \"{0}\"\n  }}\n", stage.namespace),
                format!(
                    "    namespace = \"{0}\"\n    annotations = {{\n      \"keel.sh/policy\" = \"never\" # pintle: keel hands off\n    }}\n  }}\n",
                    stage.namespace
                ),
            ),
            (
                "\"force\"\n".to_owned(),
                "\"never\" # pintle: keel hands off; policy=force\n".to_owned(),
            ),
            (
                format!("  lifecycle {{\n    ignore_changes = [\n{POLICY}{FIRST}    ]\n  }}\n"),
                String::new(),
            ),
        ],
    );
    assert_eq!(world.line.text("web"), after);
    assert_eq!(
        made[0]
            .lines()
            .filter(|line| *line == "Pintle-Action: adopt")
            .count(),
        3,
        "{}",
        made[0]
    );

    // Not applied yet: nothing follows.
    assert_eq!(world.sync(), [""; 0]);

    stage.ci.apply();
    TAKEN.iter().for_each(|workload| stage.rolled_out(workload));
    assert_eq!(
        runs(&world, TAKEN[0]),
        (json!("never"), vec![tool.clone(), first.clone()])
    );
    assert_eq!(
        runs(&world, TAKEN[1]),
        (json!("never"), vec![raised.clone()])
    );
    assert_eq!(
        (stage.image("deployment/web"), stage.image(TAKEN[1])),
        (format!("{APP}@{first}"), format!("{RAISED}@{raised}"))
    );

    // The move is a commit of its own.
    let made = world.sync();
    assert_eq!(made.len(), 1, "{made:#?}");
    assert_eq!(
        ["Action", "Cause", "From", "To"].map(|name| trailer(&made[0], name)),
        ["update", "tag-moved", &first, &second]
    );
    assert_eq!(world.line.text("web"), after.replace(&first, &second));
    stage.ci.apply();
    stage.rolled_out("deployment/web");
    assert_eq!(
        runs(&world, TAKEN[0]),
        (json!("never"), vec![tool, second.clone()])
    );
    let live = stage.get("deployment/web");
    assert_eq!(
        image_in(&live["spec"]["template"]["spec"], "tool").map(|image| image.contains('@')),
        Some(true)
    );

    // All is as it should be, but what was refused: that is as it was, in the repo and in the
    // cluster.
    let status = json_of(&world, "status", &[]);
    let states = status["containers"].as_array().expect("a list").iter();
    let states: Vec<_> = states
        .map(|row| {
            [&row["container"], &row["state"], &row["owner"]]
                .map(|word| word.as_str().unwrap_or("none"))
        })
        .collect();
    let expected = [
        ["old", "unpinned", "keel"],
        ["tool", "pinned", "terraform"],
        ["web", "pinned", "terraform"],
        ["worker", "pinned", "terraform"],
        ["wide", "unpinned", "keel"],
    ];
    assert_eq!(states, expected);
    assert_eq!(world.sync(), [""; 0]);
    for (path, text) in &before[1..] {
        assert_eq!(&world.line.remote.file(BRANCH, path), text.as_bytes());
    }
    assert_eq!(
        (runs(&world, LEFT[0]).0, runs(&world, LEFT[1]).0),
        (json!("force"), json!("force"))
    );
    assert_eq!(
        (
            stage.image("deployment/old"),
            stage.image("deployment/wide")
        ),
        ("quay.io/team/old:1.3-cuda".into(), APP.into())
    );
}
