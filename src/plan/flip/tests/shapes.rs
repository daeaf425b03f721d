//! The shapes of `ignore_changes`, each before and after.

use super::*;

/// A deployment `web/web` with one container, whose lifecycle is this text.
fn deployment(image: &str, metadata: &str, lifecycle: &str) -> String {
    format!(
        r#"resource "kubernetes_deployment" "web" {{
  metadata {{
    name      = "web"
    namespace = "web"
{metadata}  }}
  spec {{
    template {{
      spec {{
        container {{
          name  = "web"
          image = "{image}"
        }}
      }}
    }}
  }}
{lifecycle}}}
"#
    )
}

fn web() -> Workload {
    workload("deployment/web/web", &[("web", "ghcr.io/a/web:1", 'a')])
}

const NEVER: &str = "    annotations = {\n      \"keel.sh/policy\" = \"never\" # pintle: keel hands off\n    }\n";

#[test]
fn the_list_of_the_shapes_document() {
    let before = deployment(
        "ghcr.io/a/web:1",
        "    annotations = {\n      \"keel.sh/policy\"       = \"force\"\n      \"keel.sh/pollSchedule\" = \"@every 1h\"\n    }\n",
        r#"
  lifecycle {
    ignore_changes = [
      spec[0].template[0].spec[0].dns_config, # KYVERNO_LIFECYCLE_V1
      metadata[0].annotations["keel.sh/policy"],
      metadata[0].annotations["keel.sh/trigger"],
      metadata[0].annotations["keel.sh/pollSchedule"], # KYVERNO_LIFECYCLE_V2
      spec[0].template[0].spec[0].container[0].image, # KEEL_IGNORE_IMAGE
      spec[0].template[0].spec[0].init_container[1].image,
      metadata[0].annotations["deployment.kubernetes.io/revision"],
      spec[0].template[0].metadata[0].annotations["keel.sh/update-time"], # KEEL_LIFECYCLE_V1
    ]
  }
"#,
    );
    let after = deployment(
        "ghcr.io/a/web:1@a",
        "    annotations = {\n      \"keel.sh/policy\"       = \"never\" # pintle: keel hands off; policy=force\n      \"keel.sh/pollSchedule\" = \"@every 1h\"\n    }\n",
        r#"
  lifecycle {
    ignore_changes = [
      spec[0].template[0].spec[0].dns_config, # KYVERNO_LIFECYCLE_V1
      metadata[0].annotations["keel.sh/trigger"],
      metadata[0].annotations["keel.sh/pollSchedule"], # KYVERNO_LIFECYCLE_V2
      spec[0].template[0].spec[0].init_container[1].image,
      metadata[0].annotations["deployment.kubernetes.io/revision"],
      spec[0].template[0].metadata[0].annotations["keel.sh/update-time"], # KEEL_LIFECYCLE_V1
    ]
  }
"#,
    );
    becomes(&before, vec![web(), keel()], &after);
}

#[test]
fn the_last_entry_takes_the_block_with_it() {
    let lifecycle = "\n  lifecycle {\n    ignore_changes = [\n      spec[0].template[0].spec[0].container[0].image, # KEEL_IGNORE_IMAGE — Keel bumps it\n    ]\n  }\n";
    becomes(&deployment("ghcr.io/a/web:1", "", lifecycle), vec![web()], &deployment("ghcr.io/a/web:1@a", "", ""));
    becomes(&deployment("ghcr.io/a/web:1", "", lifecycle), vec![web(), keel()], &deployment("ghcr.io/a/web:1@a", NEVER, ""));
    let one = "  lifecycle { ignore_changes = [spec[0].template[0].spec[0].container[0].image] }\n";
    becomes(&deployment("ghcr.io/a/web:1", "", one), vec![web()], &deployment("ghcr.io/a/web:1@a", "", ""));
}
