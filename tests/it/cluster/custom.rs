//! Custom resources on a real API server: what is declared beside what is live and what the
//! operator's pods run; a kind that is not there, or may not be read, holds its own sites and no
//! others.

use serde_json::Value;

use super::{prepared, trailer};
use crate::support::daemon::Daemon;
use crate::support::kube::Kube;
use crate::support::kube::custom;
use crate::support::kube::world::{World, text};
use crate::support::line::path;

const POSTGRES: &str = "ghcr.io/cloudnative-pg/postgresql:16";
const FILES: &str = "ghcr.io/cloudnative-pg/postgis:16";
const WEB: (&str, &str, &str) = ("deployment", "web", "quay.io/team/app:latest");

/// A cluster as `kubernetes_manifest`, one as `kubectl_manifest`, and a deployment.
fn files(namespace: &str) -> Vec<(String, String)> {
    let db = format!(
        r#"resource "kubernetes_manifest" "db" {{
  manifest = {{
    apiVersion = "postgresql.cnpg.io/v1"
    kind       = "Cluster"
    metadata = {{
      name      = "db"
      namespace = "{namespace}"
    }}
    spec = {{
      instances = 1
      imageName = "{POSTGRES}"
    }}
  }}
}}
"#
    );
    let files = format!(
        r#"resource "kubectl_manifest" "files" {{
  yaml_body = <<-YAML
    apiVersion: postgresql.cnpg.io/v1
    kind: Cluster
    metadata:
      name: files
      namespace: {namespace}
    spec:
      instances: 1
      imageName: {FILES}
  YAML
}}
"#
    );
    vec![
        (path("db"), db),
        (path("files"), files),
        (path("web"), text(namespace, &WEB)),
    ]
}

fn told(world: &World, command: &str) -> (Value, String) {
    let output = world.pintle(command, &["--output", "json"]).run();
    assert_eq!(output.code, Some(0), "{output:?}");
    (
        serde_json::from_str(&output.stdout).expect("standard output is JSON and nothing else"),
        output.stderr,
    )
}

/// Name, state and what runs of each container.
fn status(world: &World) -> Vec<[String; 3]> {
    let (status, _) = told(world, "status");
    let word = |value: &Value| value.as_str().unwrap_or("none").to_owned();
    status["containers"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|row| [&row["name"], &row["state"], &row["runs"]].map(word))
        .collect()
}

/// Verdict, code and text of the first reason of each site.
fn verdicts(world: &World) -> Vec<[String; 3]> {
    let (plan, _) = told(world, "plan");
    let one = |site: &Value| {
        [
            &site["verdict"],
            &site["reasons"][0]["code"],
            &site["reasons"][0]["text"],
        ]
        .map(|word| word.as_str().expect("a text").to_owned())
    };
    plan["sites"]
        .as_array()
        .expect("a list")
        .iter()
        .map(one)
        .collect()
}

#[test]
fn a_kind_that_is_not_there_or_may_not_be_read_holds_itself_and_one_that_is_read_is_adopted_and_moves()
 {
    let world = World::with(Kube::own(), files, custom::CONFIG);
    let (stage, put) = (&world.stage, |image: &str, seed: &str| {
        world.line.registries.put(image, seed)
    });
    let [first, postgis, web] = [POSTGRES, FILES, WEB.2].map(|image| put(image, "first"));
    put("ghcr.io/cloudnative-pg/cloudnative-pg:1.27.0", "operator");
    let person = stage.kube.api("test");

    // No right, by which the server does not tell whether there is such a kind.
    stage.ci.apply();
    stage.rolled_out("deployment/web");
    let held = verdicts(&world);
    assert_eq!(
        (&*held[0][0], &*held[0][1], &held[1], &*held[2][0]),
        ("waiting", "owner-unknown", &held[0], "adopt")
    );
    assert!(
        held[0][2].contains("clusters.postgresql.cnpg.io is forbidden"),
        "{held:#?}"
    );

    // No such kind: Terraform cannot apply it either. The other site goes on.
    stage.kube.allow_clusters();
    let held = verdicts(&world);
    assert_eq!(
        (&*held[0][0], &*held[0][1], &held[1]),
        ("waiting", "owner-unknown", &held[0])
    );
    assert!(
        held[0][2].contains("the cluster has no clusters of postgresql.cnpg.io/v1"),
        "{held:#?}"
    );
    let made = world.sync();
    assert_eq!(made.len(), 1, "{made:#?}");
    assert_eq!(
        ["Action", "To"].map(|name| trailer(&made[0], name)),
        ["adopt", &web],
        "{}",
        made[0]
    );
    stage.ci.apply();
    stage.rolled_out("deployment/web");
    let row = |name: &str, state: &str, runs: &str| [name, state, runs].map(str::to_owned);
    assert_eq!(
        status(&world),
        [
            row("db", "unknown", "none"),
            row("files", "unknown", "none"),
            row("web", "pinned", &web)
        ]
    );

    // It comes. The first pin is what the operator's pods run.
    stage.kube.install_clusters();
    assert_eq!(status(&world)[0], row("db", "missing", "none"));
    stage.ci.apply();
    ["db", "files"]
        .iter()
        .for_each(|name| custom::operate(&person, &stage.namespace, name));
    let second = put(POSTGRES, "second");
    assert_eq!(
        status(&world),
        [
            row("db", "unpinned", &first),
            row("files", "unpinned", &postgis),
            row("web", "pinned", &web)
        ]
    );
    let made = world.sync();
    let pins: Vec<_> = made
        .iter()
        .map(|message| ["Action", "From", "To"].map(|name| trailer(message, name)))
        .collect();
    assert_eq!(
        pins,
        [["adopt", "none", &first], ["adopt", "none", &postgis]]
    );
    assert_eq!(
        status(&world)[0],
        row("db", "pinned", &first),
        "the same bytes, before it is applied"
    );
    assert_eq!(world.sync(), [""; 0], "one change in flight");
    stage.ci.apply();
    ["db", "files"]
        .iter()
        .for_each(|name| custom::operate(&person, &stage.namespace, name));

    // The move, seen as not applied and then as applied.
    let made = world.sync();
    let pins: Vec<_> = made
        .iter()
        .map(|message| ["Action", "From", "To"].map(|name| trailer(message, name)))
        .collect();
    assert_eq!(pins, [["update", &first, &second]]);
    assert_eq!(
        status(&world),
        [
            row("db", "differs", &first),
            row("files", "pinned", &postgis),
            row("web", "pinned", &web)
        ]
    );
    stage.ci.apply();
    let next = put(WEB.2, "next");
    assert_eq!(world.sync(), [""; 0], "the operator is not through");
    custom::operate(&person, &stage.namespace, "db");
    assert_eq!(status(&world)[0], row("db", "pinned", &second));
    let made = world.sync();
    assert_eq!(
        made.iter()
            .map(|message| trailer(message, "To"))
            .collect::<Vec<_>>(),
        [&next]
    );
    stage.ci.apply();
    stage.rolled_out("deployment/web");
    assert_eq!(
        verdicts(&world)
            .iter()
            .map(|one| &*one[0])
            .collect::<Vec<_>>(),
        ["in-sync"; 3]
    );
    let live = person.get(&custom::path(&stage.namespace, "db"));
    assert_eq!(live["spec"]["imageName"], format!("{POSTGRES}@{second}"));

    // A person sets another image: a run is woken by that; it is told, and not followed.
    let mut run = Daemon::start(prepared(&world, &[]));
    assert_eq!(run.pass(), ("start".into(), Ok(0)));
    let other = put("ghcr.io/cloudnative-pg/postgresql:debug", "other");
    let patch = format!("{{\"spec\":{{\"imageName\":\"{POSTGRES}@{other}\"}}}}");
    stage.kubectl(&[
        "patch",
        "clusters.postgresql.cnpg.io",
        "db",
        "--type=merge",
        "--patch",
        &patch,
    ]);
    assert_eq!(run.pass(), ("cluster".into(), Ok(0)));
    assert_eq!(status(&world)[0], row("db", "differs", &other));
    let said = told(&world, "plan").0["sites"][0]["reasons"].to_string();
    assert!(
        said.contains("drift: cluster ")
            && said.contains(" was set to ")
            && said.contains(" by kubectl-patch"),
        "{said}"
    );

    // The kind goes while it is watched.
    stage.kubectl(&[
        "delete",
        "customresourcedefinitions",
        "clusters.postgresql.cnpg.io",
        "--wait=false",
    ]);
    run.says("the cluster has no clusters of postgresql.cnpg.io/v1");
    assert_eq!(
        status(&world),
        [
            row("db", "unknown", "none"),
            row("files", "unknown", "none"),
            row("web", "pinned", &next)
        ]
    );
    run.stop();
}
