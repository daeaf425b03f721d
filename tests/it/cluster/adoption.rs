//! What Keel or a person made of an ignored image is not taken over where it is a mistake: older,
//! of another kind of tag, or broken.

use super::{json_of, verdict_of};
use crate::support::kube::Kube;
use crate::support::kube::kubelet::Behaviour;
use crate::support::kube::world::World;
use crate::support::line::path;
use serde_json::json;

/// Name, declared tag, live tag, who set it.
type Row<'a> = (&'a str, &'a str, &'a str, &'a str);
const ROWS: [Row; 5] = [
    ("vault", "1.35.7", "1.21", "keel"),
    ("forge", "11.0.14", "1.18", "keel"),
    ("affine", "0.26.6", "nightly-latest", "keel"),
    ("estate", "latest", "22", "kubectl-set"),
    // As it should be, but for the crash.
    ("broken", "1.2.0", "1.3.0", "keel"),
];

fn files(namespace: &str) -> Vec<(String, String)> {
    let one = |(name, declared, ..): &Row| {
        let text = format!(
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
        container {{
          name  = "{name}"
          image = "quay.io/team/{name}:{declared}"
        }}
      }}
    }}
  }}
  lifecycle {{
    ignore_changes = [
      metadata[0].annotations["keel.sh/policy"],
      spec[0].template[0].spec[0].container[0].image,
    ]
  }}
}}
"#
        );
        (path(name), text)
    };
    ROWS.iter().map(one).collect()
}

#[test]
fn a_mistake_of_keel_is_not_taken_over() {
    let world = World::with(Kube::shared(), files, "\n[cluster]\nkeel = \"yes\"\n");
    let image = |name: &str, tag: &str| format!("quay.io/team/{name}:{tag}");
    let put = |name: &str, tag: &str| world.line.registries.put(&image(name, tag), tag);
    for (name, declared, live, _) in ROWS {
        put(name, declared);
        let digest = put(name, live);
        if ["forge", "broken"].contains(&name) {
            world.stage.kubelet.lets(&digest, Behaviour::Crashes);
        }
    }
    world.stage.ci.apply();
    for (name, _, live, by) in ROWS {
        let image = image(name, live);
        let workload = format!("deployment/{name}");
        world.stage.rolled_out(&workload);
        let spec = json!({"containers": [{"name": name, "image": image}]});
        let patch = json!({"spec": {"template": {"spec": spec}}});
        let api = world.stage.kube.api(by);
        api.patch(&world.stage.path(&workload), &patch);
    }
    for (name, ..) in ROWS {
        let workload = format!("deployment/{name}");
        if ["forge", "broken"].contains(&name) {
            world.stage.waits_with(&workload, "CrashLoopBackOff");
        } else {
            world.stage.rolled_out(&workload);
        }
    }

    let first = |name: &str| {
        let (verdict, reasons) = verdict_of(&world, name);
        (verdict, reasons[0].0.clone(), reasons[0].1.clone())
    };
    let (verdict, code, text) = first("vault");
    assert_eq!((&*verdict, &*code), ("blocked", "runs-older-tag"), "{text}");
    for words in ["runs 1.21, which is older than the declared 1.35.7", "/pin"] {
        assert!(text.contains(words), "{text}");
    }
    for name in ["forge", "broken"] {
        let (verdict, code, text) = first(name);
        let codes = ["runs-older-tag", "runs-unhealthy"];
        assert!(
            verdict == "blocked" && codes.contains(&&*code),
            "{code}: {text}"
        );
    }
    // Another kind of tag is for a person to merge: without a forge there is nobody, and nothing is
    // written.
    let plan = json_of(&world, "plan", &[]);
    for name in ["affine", "estate"] {
        let changes = plan["changes"].as_array().expect("a list").iter();
        let mut own = changes.filter(|change| change["pins"][0]["uses"].to_string().contains(name));
        assert!(
            own.all(|change| change["delivery"] == "pull-request"),
            "{plan:#}"
        );
        let (verdict, code, text) = first(name);
        assert_eq!(code, "runs-other-channel", "{verdict}: {text}");
        assert!(text.contains("/pin"), "{text}");
    }
    let before = world.line.refs();
    let made = world.pintle("sync", &[]).run();
    assert_eq!(world.line.refs(), before, "{made:?}");
    for (path, text) in files(&world.stage.namespace) {
        let now = world.line.remote.file(crate::support::git::BRANCH, &path);
        assert_eq!(now, text.as_bytes(), "{path}");
    }
}
