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

const NEVER: &str =
    "    annotations = {\n      \"keel.sh/policy\" = \"never\" # pintle: keel hands off\n    }\n";

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
    becomes(
        &deployment("ghcr.io/a/web:1", "", lifecycle),
        vec![web()],
        &deployment("ghcr.io/a/web:1@a", "", ""),
    );
    becomes(
        &deployment("ghcr.io/a/web:1", "", lifecycle),
        vec![web(), keel()],
        &deployment("ghcr.io/a/web:1@a", NEVER, ""),
    );
    let one = "  lifecycle { ignore_changes = [spec[0].template[0].spec[0].container[0].image] }\n";
    becomes(
        &deployment("ghcr.io/a/web:1", "", one),
        vec![web()],
        &deployment("ghcr.io/a/web:1@a", "", ""),
    );
}

/// A lifecycle with this list, as it is written, at the end of the deployment.
fn list(inside: &str) -> String {
    format!("  lifecycle {{\n    ignore_changes = [{inside}]\n  }}\n")
}

const IMAGE: &str = "spec[0].template[0].spec[0].container[0].image";

#[track_caller]
fn list_becomes(before: &str, after: &str) {
    becomes(
        &deployment("ghcr.io/a/web:1", "", &list(before)),
        vec![web()],
        &deployment("ghcr.io/a/web:1@a", "", &list(after)),
    );
}

#[test]
fn lists_on_one_line() {
    list_becomes(&format!("spec[0].replicas, {IMAGE}"), "spec[0].replicas");
    list_becomes(&format!("{IMAGE}, spec[0].replicas"), "spec[0].replicas");
    list_becomes(
        &format!(" spec[0].replicas , {IMAGE} "),
        " spec[0].replicas ",
    );
    list_becomes(
        &format!("metadata[0].labels, {IMAGE}, spec[0].replicas"),
        "metadata[0].labels, spec[0].replicas",
    );
    list_becomes(&format!("spec[0].replicas, {IMAGE},"), "spec[0].replicas,");
    list_becomes(
        &format!("spec[0].replicas, /* a, b */ {IMAGE}"),
        "spec[0].replicas /* a, b */",
    );
}

#[test]
fn lists_on_several_lines() {
    list_becomes(
        &format!("\n      spec[0].replicas,\n      {IMAGE}\n    "),
        "\n      spec[0].replicas,\n    ",
    );
    list_becomes(
        &format!(
            "\n      # scaled by hand\n      spec[0].replicas,\n      # Keel\n      {IMAGE}, // keel\n    "
        ),
        "\n      # scaled by hand\n      spec[0].replicas,\n      # Keel\n    ",
    );
    list_becomes(
        &format!("\n      metadata[0].labels, {IMAGE}, # both\n      spec[0].replicas,\n    "),
        "\n      metadata[0].labels, # both\n      spec[0].replicas,\n    ",
    );
    list_becomes(
        &format!("\n      spec[0].replicas\n      , {IMAGE}\n    "),
        "\n      spec[0].replicas\n    ",
    );
    list_becomes(
        &format!("{IMAGE},\n      spec[0].replicas,\n    "),
        "\n      spec[0].replicas,\n    ",
    );
    list_becomes(
        &format!("\n      # a note that nothing follows\n      {IMAGE},\n    "),
        "\n      # a note that nothing follows\n    ",
    );
}

#[test]
fn old_spellings_are_the_same_paths() {
    list_becomes(
        "spec[0].replicas, \"spec.0.template.0.spec.0.container.0.image\"",
        "spec[0].replicas",
    );
    list_becomes(
        "spec[0].replicas, spec.0.template.0.spec.0.container.0.image",
        "spec[0].replicas",
    );
    list_becomes(
        "spec[0].replicas, spec [ 0 ].template[0].spec[0].container[0].image",
        "spec[0].replicas",
    );
}

#[test]
fn an_entry_of_a_container_that_is_not_there_stays() {
    let stale = "spec[0].template[0].spec[0].container[3].image";
    list_becomes(&format!("{IMAGE}, {stale}"), stale);
}

#[test]
fn what_else_lifecycle_says_stays() {
    let both = format!(
        "  lifecycle {{\n    prevent_destroy = true\n    ignore_changes  = [{IMAGE}] # KEEL\n  }}\n"
    );
    let after = "  lifecycle {\n    prevent_destroy = true\n  }\n";
    becomes(
        &deployment("ghcr.io/a/web:1", "", &both),
        vec![web()],
        &deployment("ghcr.io/a/web:1@a", "", after),
    );
    let noted =
        format!("  lifecycle {{\n    # Keel was here\n    ignore_changes = [{IMAGE}]\n  }}\n");
    let after = "  lifecycle {\n    # Keel was here\n  }\n";
    becomes(
        &deployment("ghcr.io/a/web:1", "", &noted),
        vec![web()],
        &deployment("ghcr.io/a/web:1@a", "", after),
    );
    let more = format!(
        "\n  lifecycle {{\n    ignore_changes = [{IMAGE}]\n  }}\n\n  wait_for_rollout = false\n"
    );
    becomes(
        &deployment("ghcr.io/a/web:1", "", &more),
        vec![web()],
        &deployment("ghcr.io/a/web:1@a", "", "\n  wait_for_rollout = false\n"),
    );
}

/// The whole file with Keel in the cluster; only its metadata differ.
#[track_caller]
fn metadata_becomes(before: &str, after: &str) {
    let lines = list(&format!("{IMAGE}, spec[0].replicas"));
    let left = list("spec[0].replicas");
    becomes(
        &deployment("ghcr.io/a/web:1", before, &lines),
        vec![web(), keel()],
        &deployment("ghcr.io/a/web:1@a", after, &left),
    );
}

#[test]
fn keels_policy_is_put_in_the_style_of_the_annotations() {
    metadata_becomes("", NEVER);
    metadata_becomes(
        "    annotations = {}\n",
        "    annotations = { \"keel.sh/policy\" = \"never\" } # pintle: keel hands off\n",
    );
    metadata_becomes(
        "    annotations = { team = \"a\" }\n",
        "    annotations = { team = \"a\", \"keel.sh/policy\" = \"never\" } # pintle: keel hands off\n",
    );
    metadata_becomes(
        "    annotations = { team = \"a\" } # who\n",
        "    # pintle: keel hands off\n    annotations = { team = \"a\", \"keel.sh/policy\" = \"never\" } # who\n",
    );
    metadata_becomes(
        "    annotations = {\n      team                = \"a\"\n      \"example.com/owner\" = \"b\"\n    }\n",
        "    annotations = {\n      team                = \"a\"\n      \"example.com/owner\" = \"b\"\n      \"keel.sh/policy\"    = \"never\" # pintle: keel hands off\n    }\n",
    );
    metadata_becomes(
        "    annotations = {\n      team : \"a\",\n    }\n",
        "    annotations = {\n      team : \"a\",\n      \"keel.sh/policy\" = \"never\" # pintle: keel hands off\n    }\n",
    );
    metadata_becomes(
        "    annotations = {\n    }\n",
        "    annotations = {\n      \"keel.sh/policy\" = \"never\" # pintle: keel hands off\n    }\n",
    );
}

#[test]
fn a_policy_that_stands_there_goes_into_the_mark() {
    metadata_becomes(
        "    annotations = { \"keel.sh/policy\" = \"force\" }\n",
        "    annotations = { \"keel.sh/policy\" = \"never\" } # pintle: keel hands off; policy=force\n",
    );
    metadata_becomes(
        "    annotations = {\n      \"keel.sh/policy\" = \"force\" # follow it\n      team = \"a\"\n    }\n",
        "    annotations = {\n      # pintle: keel hands off; policy=force\n      \"keel.sh/policy\" = \"never\" # follow it\n      team = \"a\"\n    }\n",
    );
}

#[test]
fn annotations_that_are_merged_get_it_in_the_last_part() {
    metadata_becomes(
        "    annotations = merge(local.common, {\n      team = \"a\"\n    })\n",
        "    annotations = merge(local.common, {\n      team = \"a\"\n      \"keel.sh/policy\" = \"never\" # pintle: keel hands off\n    })\n",
    );
}

#[test]
fn metadata_on_one_line() {
    let before = deployment("ghcr.io/a/web:1", "", &list(IMAGE));
    let one = "  metadata { name = \"web\" }\n";
    let lines = "  metadata {\n    name      = \"web\"\n    namespace = \"web\"\n  }\n";
    let after = "  metadata {\n    name = \"web\"\n    annotations = {\n      \"keel.sh/policy\" = \"never\" # pintle: keel hands off\n    }\n  }\n";
    let wanted = deployment("ghcr.io/a/web:1@a", "", "").replace(lines, after);
    let live = workload("deployment/default/web", &[("web", "ghcr.io/a/web:1", 'a')]);
    becomes(&before.replace(lines, one), vec![live, keel()], &wanted);
}

#[test]
fn line_ends_marks_and_tabs_stay() {
    let before = deployment(
        "ghcr.io/a/web:1",
        "    annotations = {\n      team = \"a\"\n    }\n",
        &list(&format!(
            "\n      {IMAGE}, # KEEL\n      spec[0].replicas,\n    "
        )),
    );
    let after = deployment(
        "ghcr.io/a/web:1@a",
        "    annotations = {\n      team = \"a\"\n      \"keel.sh/policy\" = \"never\" # pintle: keel hands off\n    }\n",
        &list("\n      spec[0].replicas,\n    "),
    );
    let odd = |text: &str| {
        format!(
            "\u{feff}{}",
            text.trim_end().replace("  ", "\t").replace('\n', "\r\n")
        )
    };
    becomes(&odd(&before), vec![web(), keel()], &odd(&after));
    let bare = |text: &str| deployment(text, "", "");
    let gone = odd(&deployment(
        "ghcr.io/a/web:1",
        "",
        &format!("\n{}", list(IMAGE)),
    ));
    becomes(&gone, vec![web()], &odd(&bare("ghcr.io/a/web:1@a")));
}

/// A deployment with these containers, and this list.
fn containers(blocks: &str, inside: &str) -> String {
    let body = deployment("x", "", &list(inside));
    let (before, rest) = body
        .split_once("        container {\n")
        .expect("a container");
    let (_, after) = rest.split_once("        }\n").expect("its end");
    format!("{before}{blocks}{after}")
}

fn block(kind: &str, name: &str, image: &str, more: &str) -> String {
    format!(
        "        {kind} {{\n          name  = \"{name}\"\n          image = \"{image}\"\n{more}        }}\n"
    )
}

const ALWAYS: &str = "          image_pull_policy = \"Always\" # always the newest\n";

#[test]
fn a_partial_owner_and_init_containers() {
    let of =
        |kind: &str, number: usize| format!("spec[0].template[0].spec[0].{kind}[{number}].image");
    let inside = format!(
        "\n      {}, # KEEL\n      {},\n      spec[0].replicas,\n    ",
        of("container", 0),
        of("init_container", 1)
    );
    let blocks = |image: [&str; 4], always: &str| {
        [
            block("init_container", "wait", "busybox:1@b", ""),
            block("container", "web", image[0], always),
            block("container", "side", image[1], always),
            block("init_container", "move", image[2], ""),
            block("container", "log", image[3], always),
        ]
        .concat()
    };
    let before = blocks(
        [
            "ghcr.io/a/web:1",
            "ghcr.io/a/side:2",
            "ghcr.io/a/move:3",
            "ghcr.io/a/log:4@d",
        ],
        ALWAYS,
    );
    let after = blocks(
        [
            "ghcr.io/a/web:1@a",
            "ghcr.io/a/side:2@c",
            "ghcr.io/a/move:3@b",
            "ghcr.io/a/log:4@d",
        ],
        "",
    );
    let live = workload(
        "deployment/web/web",
        &[
            ("side", "ghcr.io/a/side:2", 'c'),
            ("web", "ghcr.io/a/web:1", 'a'),
            ("log", "ghcr.io/a/log:4", 'd'),
            ("init:wait", "busybox:1", 'b'),
            ("init:move", "ghcr.io/a/move:3", 'b'),
            ("injected", "registry.example.com/mesh:1", 'e'),
        ],
    );
    becomes(
        &containers(&before, &inside),
        vec![live],
        &containers(&after, "\n      spec[0].replicas,\n    "),
    );
}

#[test]
fn the_pull_policy_of_others_stays() {
    let other = "          image_pull_policy = \"IfNotPresent\"\n";
    let blocks = |image: &str| {
        [
            block("container", "web", image, other),
            block("container", "side", "ghcr.io/a/side:${data.x.y.z}", ALWAYS),
        ]
        .concat()
    };
    let live = workload(
        "deployment/web/web",
        &[
            ("web", "ghcr.io/a/web:1", 'a'),
            ("side", "ghcr.io/a/side:2", 'b'),
        ],
    );
    let (before, after) = (
        containers(
            &blocks("ghcr.io/a/web:1"),
            &format!("spec[0].replicas, {IMAGE}"),
        ),
        containers(&blocks("ghcr.io/a/web:1@a"), "spec[0].replicas"),
    );
    let (made, files) = taken_over(&world(&[("stacks/web/main.tf", &before)], vec![live]));
    assert_eq!(
        text(&files, "stacks/web/main.tf"),
        digests(&after),
        "{:#?}",
        made.decisions
    );
}

#[test]
fn one_literal_of_several_workloads() {
    let two = |image: &str, ignores: &str| {
        let one = deployment("X", "", ignores).replace("\"X\"", "local.image");
        let other = one
            .replace("\"web\" {", "\"other\" {")
            .replace("name      = \"web\"", "name      = \"other\"");
        let tracked = deployment("X", "", "")
            .replace("\"X\"", "local.image")
            .replace("\"web\" {", "\"third\" {");
        let tracked = tracked.replace("name      = \"web\"", "name      = \"third\"");
        format!("locals {{\n  image = \"{image}\"\n}}\n{one}{other}{tracked}")
    };
    let named = |name: &str| {
        workload(
            &format!("deployment/web/{name}"),
            &[("web", "ghcr.io/a/web:1", 'a')],
        )
    };
    let live = vec![named("web"), named("other"), named("third")];
    becomes(
        &two("ghcr.io/a/web:1", &list(IMAGE)),
        live,
        &two("ghcr.io/a/web:1@a", ""),
    );
}

#[test]
fn for_each_has_one_list() {
    let each = |literals: [&str; 2], ignores: &str| {
        let body = deployment("X", "", ignores)
            .replace("\"X\"", "each.value")
            .replace("name      = \"web\"", "name      = each.key");
        let body = body.replacen("{\n", "{\n  for_each = local.apps\n", 1);
        format!(
            "locals {{\n  apps = {{\n    a = \"{}\"\n    b = \"{}\"\n  }}\n}}\n{body}",
            literals[0], literals[1]
        )
    };
    let named =
        |name: &str, image, c| workload(&format!("deployment/web/{name}"), &[("web", image, c)]);
    let live = vec![
        named("a", "ghcr.io/a/a:1", 'a'),
        named("b", "ghcr.io/a/b:1", 'b'),
    ];
    becomes(
        &each(["ghcr.io/a/a:1", "ghcr.io/a/b:1"], &list(IMAGE)),
        live,
        &each(["ghcr.io/a/a:1@a", "ghcr.io/a/b:1@b"], ""),
    );
}

#[test]
fn a_module_of_several_stacks_is_one_change() {
    let module = |ignores: &str| {
        let body = deployment("X", "", ignores)
            .replace("\"X\"", "var.image")
            .replace("name      = \"web\"", "name      = var.name");
        format!("variable \"image\" {{}}\nvariable \"name\" {{}}\n{body}")
    };
    let call = |name: &str, image: &str| {
        format!(
            "module \"app\" {{\n  source = \"../../modules/app\"\n  name   = \"{name}\"\n  image  = \"{image}\"\n}}\n"
        )
    };
    let named =
        |name: &str, image, c| workload(&format!("deployment/web/{name}"), &[("web", image, c)]);
    let files = |ignores: &str, a: &str, b: &str| {
        [
            ("modules/app/main.tf", module(ignores)),
            ("stacks/a/main.tf", call("a", a)),
            ("stacks/b/main.tf", call("b", b)),
        ]
    };
    let before = files(&list(IMAGE), "ghcr.io/a/a:1", "ghcr.io/a/b:1");
    let files: Vec<(&str, &str)> = before
        .iter()
        .map(|(name, text)| (*name, text.as_str()))
        .collect();
    let live = vec![
        named("a", "ghcr.io/a/a:1", 'a'),
        named("b", "ghcr.io/a/b:2", 'b'),
    ];
    let (made, after) = taken_over(&world(&files, live.clone()));
    assert_eq!(
        made.changes
            .iter()
            .map(|change| &*change.name)
            .collect::<Vec<_>>(),
        ["a"]
    );
    assert_eq!(text(&after, "modules/app/main.tf"), module(""));
    assert_eq!(
        text(&after, "stacks/a/main.tf"),
        digests(&call("a", "ghcr.io/a/a:1@a"))
    );
    assert_eq!(
        text(&after, "stacks/b/main.tf"),
        digests(&call("b", "ghcr.io/a/b:2@b"))
    );
    let mut cut = live;
    cut[1].containers[0].name = "gone".into();
    let why = "deployment web/b runs without the container web".into();
    let reason = Reason::CannotBeTakenOver {
        place: "modules/app/main.tf:19".into(),
        why,
    };
    let all = plan(&world(&files, cut));
    assert_eq!(
        all.decisions
            .iter()
            .map(|decision| &decision.reasons[0])
            .collect::<Vec<_>>(),
        [&reason, &reason]
    );
    assert_eq!(all.changes, []);
}
