use super::settings::ScanSettings;
use super::{Fate, Literal, Scan, scan};
use crate::terraform::files::{Entry, Files, RepoPath};

/// Scans files given as path and text.
fn scanned(files: &[(&str, &str)]) -> Scan {
    let mut all = Files::default();
    for (path, text) in files {
        all.insert(
            RepoPath::new(path).unwrap(),
            Entry::Text(text.as_bytes().into()),
        );
    }
    scan(&all, &ScanSettings::default())
}

/// A deployment with one container; `image` and `more` are HCL.
fn deployment(label: &str, image: &str, more: &str) -> String {
    format!(
        r#"resource "kubernetes_deployment" "{label}" {{
  metadata {{
    name      = "{label}"
    namespace = "ns"
  }}
  spec {{
    template {{
      spec {{
        container {{
          name  = "c"
          image = {image}
          {more}
        }}
      }}
    }}
  }}
}}
"#
    )
}

fn of<'a>(scan: &'a Scan, literal: &str) -> &'a Literal {
    let found: Vec<_> = scan
        .literals
        .iter()
        .filter(|one| one.literal == literal)
        .collect();
    assert_eq!(found.len(), 1, "{literal}: {:?}", scan.literals);
    found[0]
}

fn word(literal: &Literal) -> (&'static str, &str) {
    let (word, reason) = super::json::fate_word(&literal.fate);
    (word, reason.unwrap_or(""))
}

#[test]
fn a_tag_that_also_is_a_label_is_left_alone_and_the_template_takes_the_pin() {
    let labels = r#"env {
            name  = "VERSION"
            value = local.tag
          }"#;
    let text = format!(
        "locals {{\n  tag = \"1.2\"\n}}\n{}",
        deployment("a", "\"repo/app:${local.tag}\"", labels)
    );
    let scan = scanned(&[("s/main.tf", &text)]);
    assert_eq!(word(of(&scan, "repo/app:${local.tag}")).0, "site");
    let (fate, reason) = word(of(&scan, "1.2"));
    assert_eq!(fate, "unpinnable");
    assert!(
        reason.contains("also used outside an image: s/main.tf:"),
        "{reason}"
    );
}

#[test]
fn a_tag_used_for_images_alone_takes_the_pin_itself() {
    let text = format!(
        "locals {{\n  tag = \"1.2\"\n}}\n{}",
        deployment("a", "\"repo/app:${local.tag}\"", "")
    );
    let scan = scanned(&[("s/main.tf", &text)]);
    assert_eq!(word(of(&scan, "1.2")).0, "site");
    assert_eq!(word(of(&scan, "repo/app:${local.tag}")).0, "component");
}

#[test]
fn a_whole_reference_may_stand_in_an_env_value_too() {
    let env = "env {\n            name  = \"IMAGE\"\n            value = local.image\n          }";
    let text = format!(
        "locals {{\n  image = \"repo/app:1.2\"\n}}\n{}",
        deployment("a", "local.image", env)
    );
    assert_eq!(
        word(of(&scanned(&[("s/main.tf", &text)]), "repo/app:1.2")).0,
        "site"
    );
}

#[test]
fn a_literal_that_is_a_reference_here_and_a_repository_there_cannot_be_pinned() {
    let text = format!(
        "locals {{\n  image = \"repo/app\"\n}}\n{}{}",
        deployment("a", "local.image", ""),
        deployment("b", "\"${local.image}:1.2\"", "")
    );
    let scan = scanned(&[("s/main.tf", &text)]);
    assert_eq!(word(of(&scan, "repo/app")).0, "unpinnable");
    assert_eq!(
        word(of(&scan, "${local.image}:1.2")).0,
        "site",
        "the tag is in this template's own text"
    );
}

#[test]
fn a_pinned_template_is_still_the_site() {
    let pin = format!("sha256:{}", "a".repeat(64));
    let text = format!(
        "locals {{\n  v = \"1.2\"\n}}\n{}{}",
        deployment("a", &format!("\"repo/a:${{local.v}}@{pin}\""), ""),
        deployment("b", "\"repo/b:${local.v}\"", "")
    );
    let scan = scanned(&[("s/main.tf", &text)]);
    let Fate::Site(site) = &of(&scan, &format!("repo/a:${{local.v}}@{pin}")).fate else {
        panic!("{scan:?}")
    };
    assert_eq!(
        (site.pin.expect.as_str(), site.pin.prefix.as_str()),
        (format!("@{pin}").as_str(), "@")
    );
    assert_eq!(word(of(&scan, "repo/b:${local.v}")).0, "site");
    assert_eq!(word(of(&scan, "1.2")).0, "unpinnable");
}

#[test]
fn a_tagless_reference_gets_its_channel_spelled_out() {
    let scan = scanned(&[("s/main.tf", &deployment("a", "\"repo/app\"", ""))]);
    let Fate::Site(site) = &of(&scan, "repo/app").fate else {
        panic!("{scan:?}")
    };
    assert_eq!(site.pin.prefix, ":latest@");
    assert!(site.pin.span.is_empty());
}

#[test]
fn ignore_changes_covers_by_path_in_every_spelling() {
    for (entry, ignored) in [
        ("spec[0].template[0].spec[0].container[0].image", true),
        ("spec[0].template[0].spec[0].container", true),
        ("spec.0.template.0.spec.0.container.0.image", true),
        ("spec", true),
        ("spec[0].template[0].spec[0].container[1].image", false),
        ("spec[0].template[0].spec[0].init_container[0].image", false),
        (
            "spec[0].template[0].spec[0].container[0].image_pull_policy",
            false,
        ),
        ("metadata", false),
    ] {
        let mut whole = deployment("a", "\"repo/app:1\"", "");
        let end = whole.rfind('}').unwrap();
        whole.insert_str(
            end,
            &format!(
                "  lifecycle {{\n    ignore_changes = [\n      {entry}, # KEEL\n    ]\n  }}\n"
            ),
        );
        let scan = scanned(&[("s/main.tf", &whole)]);
        let one = &of(&scan, "repo/app:1").uses[0];
        assert_eq!(
            one.ignored,
            Some(ignored),
            "{entry}\n{whole}\n{:?}",
            scan.problems
        );
        let exact = entry.ends_with("container[0].image") && !entry.contains("init")
            || entry.ends_with("container.0.image");
        assert_eq!(
            one.ignore_spans.len(),
            usize::from(exact && ignored),
            "{entry}"
        );
    }
}

#[test]
fn a_workload_s_text_is_known_to_say_something_to_keel_or_to_pintle() {
    let annotated = |label: &str, annotations: &str| {
        let image = format!("\"repo/{label}:1\"");
        deployment(label, &image, "").replacen(
            "    namespace",
            &format!("    annotations = {{\n{annotations}    }}\n    namespace"),
            1,
        )
    };
    let manifest = r#"resource "kubernetes_manifest" "e" {
  manifest = {
    kind     = "StatefulSet"
    metadata = { name = "e", namespace = "ns", annotations = { "keel.sh/policy" = "minor", team = "x" } }
    spec     = { template = { spec = { containers = [{ name = "c", image = "repo/e:1" }] } } }
  }
}
"#;
    let text = [
        &*annotated(
            "a",
            "      \"keel.sh/policy\" = \"never\" # pintle: keel hands off\n",
        ),
        &annotated(
            "b",
            "      \"keel.sh/policy\" = \"never\" # pintle: keel hands off; policy=force\n",
        ),
        &annotated(
            "c",
            "      \"keel.sh/policy\" = var.unknown\n      \"keel.sh/pollSchedule\" = \"@daily\"\n",
        ),
        &deployment("d", "\"repo/d:1\"", ""),
        manifest,
    ];
    let scan = scanned(&[("s/main.tf", &text.concat())]);
    let site = |label: &str| match &of(&scan, &format!("repo/{label}:1")).fate {
        Fate::Site(site) => {
            fn words<A: std::fmt::Display, B: std::fmt::Display>(pairs: &[(A, B)]) -> String {
                pairs
                    .iter()
                    .map(|(a, b)| format!("{a} {b}"))
                    .collect::<Vec<_>>()
                    .join(", ")
            }
            (words(&site.keel.annotations), words(&site.keel.declares))
        }
        other => panic!("{other:?}"),
    };
    let told = |annotations: &str, declares: &str| (annotations.to_owned(), declares.to_owned());
    assert_eq!(site("a"), told("", "deployment/ns/a keel.sh/policy"));
    assert_eq!(
        site("b"),
        told("pintle/policy force", "deployment/ns/b keel.sh/policy")
    );
    assert_eq!(
        site("c"),
        told(
            "keel.sh/pollSchedule @daily",
            "deployment/ns/c keel.sh/pollSchedule"
        )
    );
    assert_eq!(site("d"), told("", ""));
    assert_eq!(
        site("e"),
        told("keel.sh/policy minor", "statefulset/ns/e keel.sh/policy")
    );
}

#[test]
fn a_later_helm_value_makes_the_earlier_one_dead() {
    let release = r#"resource "helm_release" "r" {
  name      = "r"
  namespace = "ns"
  values    = ["image: {repository: repo/app, tag: '1.0'}"]
  set {
    name  = "image.tag"
    value = "2.0"
  }
}
"#;
    let scan = scanned(&[("s/main.tf", release)]);
    assert_eq!(
        word(of(&scan, "1.0")),
        ("dead", "overridden by a later value of the release")
    );
    assert_eq!(of(&scan, "2.0").reference.as_deref(), Some("repo/app:2.0"));
    assert_eq!(word(of(&scan, "repo/app")).0, "component");
}

#[test]
fn an_image_of_which_nothing_is_known_is_told() {
    let text = format!(
        "variable \"image\" {{}}\nprovider \"x\" {{}}\n{}",
        deployment("a", "var.image", "")
    );
    let scan = scanned(&[("s/main.tf", &text)]);
    assert_eq!(scan.literals, []);
    assert_eq!(scan.problems.len(), 1);
    assert!(
        scan.problems[0]
            .what
            .contains("deployment/ns/a:c is not known: var.image has no value in the repo"),
        "{:?}",
        scan.problems
    );
}

#[test]
fn two_images_on_one_line_are_two_literals_with_their_own_keys() {
    let text = format!(
        "locals {{\n  images = {{ a = \"repo/a:1\", b = \"repo/b:2\" }}\n}}\n{}{}",
        deployment("a", "local.images.a", ""),
        deployment("b", "local.images[\"b\"]", "")
    );
    let scan = scanned(&[("s/main.tf", &text)]);
    let keys: Vec<_> = scan.sites().map(|(_, site)| site.id.to_string()).collect();
    assert_eq!(
        keys,
        ["s/main.tf#local.images.a", "s/main.tf#local.images.b"]
    );
}

#[test]
fn stacks_are_named_by_as_many_folders_as_tell_them_apart() {
    let app = deployment("a", "\"repo/app:1\"", "");
    let scan = scanned(&[
        ("live/dev/web/main.tf", &app),
        ("live/prod/web/main.tf", &app),
        ("live/prod/db/main.tf", &app),
    ]);
    let stacks: Vec<_> = scan
        .sites()
        .map(|(_, site)| site.stack.to_string())
        .collect();
    assert_eq!(stacks, ["dev/web", "db", "prod/web"]);
}

#[test]
fn the_scan_is_the_same_every_time() {
    let app = deployment("a", "\"repo/app:1\"", "");
    let files: Vec<(String, &str)> = (0..40)
        .map(|n| (format!("stacks/s{n}/main.tf"), app.as_str()))
        .collect();
    let files: Vec<(&str, &str)> = files
        .iter()
        .map(|(path, text)| (path.as_str(), *text))
        .collect();
    let first = scanned(&files);
    assert!((0..10).all(|_| scanned(&files) == first));
}

#[test]
fn a_literal_keeps_its_fate_when_the_template_around_it_is_pinned() {
    let fate = |image: &str| {
        let text = format!(
            "locals {{\n  v = \"1.2\"\n}}\n{}",
            deployment("a", image, "")
        );
        let scan = scanned(&[("s/main.tf", &text)]);
        word(of(&scan, "1.2")).0
    };
    assert_eq!(fate("\"repo/a:${local.v}-cuda\""), "unpinnable");
    assert_eq!(
        fate(&format!(
            "\"repo/a:${{local.v}}-cuda@sha256:{}\"",
            "a".repeat(64)
        )),
        "unpinnable"
    );
}

#[test]
fn an_encrypted_var_file_makes_unsure_what_it_could_set_and_nothing_else() {
    let text = format!(
        "variable \"tag\" {{\n  default = \"1.2\"\n}}\nprovider \"x\" {{\n}}\n{}{}",
        deployment("a", "\"repo/a:${var.tag}\"", ""),
        deployment("b", "\"repo/b:1\"", "")
    );
    let files = [
        ("s/main.tf", text.as_str()),
        ("s/secret.auto.tfvars", "\0GITCRYPT\0xyz"),
    ];
    let unsure = |scan: &Scan| {
        scan.sites()
            .map(|(literal, site)| (literal.literal.clone(), site.unsure.len()))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        unsure(&scanned(&files)),
        [("1.2".to_owned(), 1), ("repo/b:1".to_owned(), 0)]
    );
    let mut all = Files::default();
    for (path, text) in files {
        all.insert(
            RepoPath::new(path).unwrap(),
            Entry::Text(text.as_bytes().into()),
        );
    }
    let told = ScanSettings {
        without_images: vec![crate::model::pattern::Glob::path("s/*.tfvars").unwrap()],
        ..ScanSettings::default()
    };
    assert_eq!(
        unsure(&scan(&all, &told)),
        [("1.2".to_owned(), 0), ("repo/b:1".to_owned(), 0)]
    );
}

mod documents;
mod helm;
mod other_readers;
mod shapes;
mod unknown;
mod var_files;
mod written;
