//! A Helm release that runs a newer version than the repo: nothing asks for the apply that would
//! take it back.

use serde_json::json;

use super::json_of;
use crate::support::kube::Kube;
use crate::support::kube::world::World;
use crate::support::line::{Registries, path};

/// A release whose chart takes the image of its values.
fn release(namespace: &str, tag: &str) -> String {
    format!(
        r#"resource "helm_release" "auth" {{
  name       = "auth"
  namespace  = "{namespace}"
  repository = "https://charts.example.com"
  chart      = "auth"
  values = [<<-EOT
    image:
      repository: quay.io/team/auth
      tag: "{tag}"
  EOT
  ]
}}
"#
    )
}

/// A world whose repo declares an image of the release, which runs another tag of it.
fn world(declared: &str, live: &str) -> World {
    let files = |namespace: &str| vec![(path("auth"), release(namespace, declared))];
    let world = World::with(Kube::shared(), files, "");
    let labels = json!({"app": "auth", "app.kubernetes.io/instance": "auth"});
    let image = format!("quay.io/team/auth:{live}");
    world.line.registries.put(&image, live);
    let pod = json!({"containers": [{"name": "server", "image": image}]});
    let template = json!({"metadata": {"labels": labels}, "spec": pod});
    let metadata = json!({
        "name": "auth-server",
        "labels": {"app.kubernetes.io/managed-by": "Helm"},
        "annotations": {
            "meta.helm.sh/release-name": "auth",
            "meta.helm.sh/release-namespace": world.stage.namespace,
        },
    });
    world.stage.kube.api("helm").post(
        &format!(
            "/apis/apps/v1/namespaces/{}/deployments",
            world.stage.namespace
        ),
        &json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata,
            "spec": {"selector": {"matchLabels": {"app": "auth"}}, "template": template},
        }),
    );
    world.stage.rolled_out("deployment/auth-server");
    world
}

/// Without a pin, the repo says what runs. With a pin, nothing is written, and nothing asks for an
/// apply. What the status names, `explain` knows.
fn is_not_taken_back(declared: &str, live: &str) {
    let world_of_tag = world(declared, live);
    world_of_tag
        .line
        .registries
        .put(&format!("quay.io/team/auth:{declared}"), declared);
    let made = world_of_tag.sync();
    assert_eq!(made.len(), 1, "{made:#?}");
    let text = world_of_tag.line.text("auth");
    assert!(text.contains(&format!("tag: \"{live}@sha256:")), "{text}");

    let digest = Registries::start().put(&format!("quay.io/team/auth:{declared}"), declared);
    let world = world(&format!("{declared}@{digest}"), live);
    world
        .line
        .registries
        .put(&format!("quay.io/team/auth:{declared}"), declared);
    assert_eq!(world.sync(), [""; 0]);
    let plan = json_of(&world, "plan", &[]);
    let words = format!(
        "runs {live}, which is newer than the declared {declared}: an apply would take it back"
    );
    let reasons = plan["sites"][0]["reasons"].to_string();
    assert!(reasons.contains(&words), "{words}: {reasons}");
    assert!(!reasons.contains("still has"), "{reasons}");

    let status = json_of(&world, "status", &[]);
    let row = &status["containers"][0];
    let word = |key: &str| row[key].as_str().expect("a text");
    let name = format!(
        "{}/{}/{}:{}",
        word("kind"),
        word("namespace"),
        word("name"),
        word("container")
    );
    let told = world.pintle("explain", &[&name]).run();
    assert!(
        told.code == Some(0) && told.stdout.contains(live),
        "{name}: {told:?}"
    );
}

#[test]
fn a_newer_version_is_not_taken_back() {
    is_not_taken_back("1.7.3", "1.7.8");
}

#[test]
fn a_newer_date_is_not_taken_back() {
    is_not_taken_back("2026.2.2", "2026.2.4");
}
