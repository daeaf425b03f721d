//! What other people write: files of OpenTofu, links, names by `resource.`, objects with a key twice,
//! what looks like an image and is none, and what is left over.

use super::{deployment, of, scanned, word};
use crate::model::pattern::Glob;
use crate::sites::settings::{Arguments, RemoteModule, ScanSettings};
use crate::sites::{Literal, Scan, scan};
use crate::terraform::files::{Entry, Files, RepoPath};

const ROOT: &str = "provider \"kubernetes\" {}\n";

fn root(image: &str) -> String {
    format!("{ROOT}{}", deployment("a", image, ""))
}

#[test]
fn files_of_opentofu_are_read_and_take_the_place_of_others() {
    for name in ["main.tofu", "web.tofu", "override.tofu"] {
        let scan = scanned(&[(name, &root("\"repo/a:1.2\""))]);
        assert_eq!(word(of(&scan, "repo/a:1.2")).0, "site", "{name}");
    }
    let scan = scanned(&[
        ("s/main.tf", &root("\"repo/a:1.2\"")),
        ("s/main.tofu", &root("\"repo/a:1.3\"")),
    ]);
    assert_eq!(word(of(&scan, "repo/a:1.3")).0, "site");
    assert_eq!(
        word(of(&scan, "repo/a:1.2")),
        ("dead", "s/main.tofu takes the place of the file")
    );
    assert_eq!(scan.problems.len(), 1, "{:?}", scan.problems);
    let beside = scanned(&[
        ("s/main.tf", &root("\"repo/a:1.2\"")),
        ("s/more.tofu", "locals {\n  x = 1\n}\n"),
    ]);
    assert_eq!(word(of(&beside, "repo/a:1.2")).0, "site");
    assert_eq!(beside.problems, []);
}

#[test]
fn a_file_of_opentofu_overrides_as_others_do() {
    let scan = scanned(&[
        (
            "main.tf",
            &format!(
                "locals {{\n  tag = \"1.2\"\n}}\n{}",
                root("\"repo/a:${local.tag}\"")
            ),
        ),
        ("x_override.tofu", "locals {\n  tag = \"1.3\"\n}\n"),
    ]);
    assert_eq!(word(of(&scan, "1.3")).0, "site");
    assert_eq!(of(&scan, "1.3").reference.as_deref(), Some("repo/a:1.3"));
}

/// Scans files, and links with what they lead to.
fn linked(files: &[(&str, &str)], links: &[(&str, &str)]) -> Scan {
    let mut all = Files::default();
    let path = |path: &str| RepoPath::new(path).unwrap();
    for (name, text) in files {
        all.insert(path(name), Entry::Text(text.as_bytes().into()));
    }
    for (name, target) in links {
        all.insert(path(name), Entry::Link(path(target)));
    }
    scan(&all, &ScanSettings::default())
}

#[test]
fn a_link_is_its_file_under_another_name() {
    let shared = "locals {\n  tag = \"1.2\"\n}\n";
    for (file, link, text) in [
        ("common.tf", "s/common.tf", shared),
        ("common.tf", "s/other.tf", shared),
        ("common/vars.tofu", "s/vars.tofu", shared),
    ] {
        let scan = linked(
            &[
                ("s/main.tf", &root("\"repo/a:${local.tag}\"")),
                (file, text),
            ],
            &[(link, file)],
        );
        let tag = of(&scan, "1.2");
        assert_eq!((word(tag).0, tag.file.as_str()), ("site", file), "{link}");
        assert_eq!(scan.problems, [], "{link}");
    }
    let variable = format!("variable \"tag\" {{}}\n{}", root("\"repo/a:${var.tag}\""));
    let scan = linked(
        &[
            ("s/main.tf", &variable),
            ("common.tfvars", "tag = \"1.2\"\n"),
        ],
        &[("s/x.auto.tfvars", "common.tfvars")],
    );
    assert_eq!(of(&scan, "1.2").file.as_str(), "common.tfvars");
    let read = root("yamldecode(file(\"images.yaml\")).app");
    let scan = linked(
        &[("s/main.tf", &read), ("images.yaml", "app: repo/a:1.2\n")],
        &[("s/images.yaml", "images.yaml")],
    );
    assert_eq!(of(&scan, "repo/a:1.2").file.as_str(), "images.yaml");
}

#[test]
fn two_roots_share_what_both_link_to() {
    let main = root("\"repo/a:${local.tag}\"");
    let scan = linked(
        &[
            ("a/main.tf", &main),
            ("b/main.tf", &main),
            ("common.tf", "locals {\n  tag = \"1.2\"\n}\n"),
        ],
        &[("a/common.tf", "common.tf"), ("b/common.tf", "common.tf")],
    );
    let roots: Vec<&str> = of(&scan, "1.2")
        .uses
        .iter()
        .map(|one| one.root.as_str())
        .collect();
    assert_eq!((word(of(&scan, "1.2")).0, roots), ("site", vec!["a", "b"]));
}

#[test]
fn a_namespace_is_known_by_every_reference_to_it() {
    for namespace in [
        "kubernetes_namespace.n.id",
        "kubernetes_namespace.n.metadata[0].name",
        "resource.kubernetes_namespace.n.id",
        "resource.kubernetes_namespace.n.metadata[0].name",
        "resource.kubernetes_namespace.n.metadata.0.name",
        "one(resource.kubernetes_namespace.n[*].id)",
        "split(\"/\", kubernetes_service_account.s.id)[0]",
    ] {
        let text = root("\"repo/a:1.2\"").replace("\"ns\"", namespace);
        let more = "resource \"kubernetes_namespace\" \"n\" {\n  metadata {\n    name = \"web\"\n  }\n}\nresource \"kubernetes_service_account\" \"s\" {\n  metadata {\n    name      = \"x\"\n    namespace = \"web\"\n  }\n}\n";
        let scan = scanned(&[("main.tf", &format!("{text}{more}"))]);
        let used = of(&scan, "repo/a:1.2").uses[0].to_string();
        assert_eq!(used, "deployment/web/a:c", "{namespace}");
    }
}

#[test]
fn a_file_with_a_key_twice_keeps_its_images() {
    for locals in [
        "probe = {\n    period = 10\n    period = 30\n  }",
        "probe = { period = 10, period = 30 }",
        "hosts = {\n    for n, p in { api = 80 } : n => p > 100\n    ? \"high\"\n    : \"low\"\n  }",
        "hosts = { for n in [1] : n => true\n && false }",
        "hosts = { for n in [1] : n => n\n == 1 }",
    ] {
        let text = format!("{}locals {{\n  {locals}\n}}\n", root("\"repo/a:1.2\""));
        let scan = scanned(&[("main.tf", &text)]);
        let image = of(&scan, "repo/a:1.2");
        assert_eq!(word(image).0, "site", "{locals}: {:?}", scan.problems);
        assert_eq!(scan.problems, [], "{locals}");
        assert_eq!(&text[image.span.range()], "repo/a:1.2");
    }
    let image = format!(
        "locals {{\n  images = {{\n    a = \"repo/a:1.1\"\n    a = \"repo/a:1.2\"\n  }}\n}}\n{}",
        root("local.images.a")
    );
    assert_eq!(
        word(of(&scanned(&[("main.tf", &image)]), "repo/a:1.2")).0,
        "site"
    );
}

#[test]
fn a_default_that_nothing_reads_is_an_image_only_if_it_says_so() {
    let dead = |name: &str, value: &str| {
        let text = format!("{ROOT}variable \"{name}\" {{\n  default = \"{value}\"\n}}\n");
        let scan = scanned(&[("main.tf", &text)]);
        scan.literals.iter().any(|one| word(one).0 == "dead")
    };
    for (name, value) in [
        ("maintenance_time", "03:00"),
        ("endpoint", "localhost:8080"),
        ("permission", "s3:GetObject"),
        ("team", "acme:platform"),
        ("window", "sun:03:00"),
        ("arn", "arn:aws:iam::1:role/x"),
        ("url", "https://x.example.org:8080/a"),
    ] {
        assert!(!dead(name, value), "{name} = {value}");
    }
    for (name, value) in [
        ("web_image", "nginx:1.27"),
        ("image_tag", "nginx:1.27"),
        ("web", "docker.io/library/nginx:1.27"),
        ("web", "acme/web:1.27"),
        ("WEB_IMAGE", "redis:7"),
    ] {
        assert!(dead(name, value), "{name} = {value}");
    }
}

#[test]
fn arguments_of_remote_modules_that_look_like_images_are_offered() {
    let offered = |arguments: &str| {
        let text = format!(
            "{ROOT}module \"m\" {{\n  source = \"github.com/acme/m?ref=v1\"\n{arguments}\n}}\n"
        );
        let scan = scanned(&[("main.tf", &text)]);
        let all = scan
            .literals
            .iter()
            .filter(|one| word(one).0 == "unpinnable");
        let hinted = all.filter(|one| word(one).1.contains("[[module]]"));
        hinted.map(|one| one.literal.clone()).collect::<Vec<_>>()
    };
    for (arguments, want) in [
        (
            "  validator_image = \"acme/v\"\n  validator_tag = \"1.2\"",
            &["acme/v", "1.2"][..],
        ),
        ("  exporter_image_tag = \"1.2\"", &["1.2"]),
        ("  exporterImage = \"acme/e:1.2\"", &["acme/e:1.2"]),
        ("  exporterImageTag = \"1.2\"", &["1.2"]),
        ("  image-tag = \"1.2\"", &["1.2"]),
        (
            "  values = [yamlencode({ image = { repository = \"a/b\", tag = \"1.2\" } })]",
            &["a/b", "1.2"],
        ),
        (
            "  values = [<<EOT\nimage:\n  repository: a/b\n  tag: v1.2\nEOT\n  ]",
            &["a/b", "v1.2"],
        ),
        (
            "  addon = {\n    set = [{\n      name  = \"side.image.tag\"\n      value = \"1.2\"\n    }]\n  }",
            &["1.2"],
        ),
        (
            "  addon = {\n    values = [\"image: a/b:1.2\"]\n  }",
            &["a/b:1.2"],
        ),
        ("  release_tag = \"1.2\"\n  name = \"x\"", &[]),
        ("  imagery = \"a:1\"", &[]),
        ("  os_image = \"ubuntu-22.04\"", &[]),
    ] {
        assert_eq!(offered(arguments), want, "{arguments}");
    }
}

/// What the literals of a call are, with `[[module]]` entries for it.
fn fates_of_call(arguments: &str, entries: &[Arguments]) -> Vec<String> {
    let text = format!(
        "{ROOT}module \"m\" {{\n  source = \"github.com/acme/m?ref=v1\"\n{arguments}\n}}\n"
    );
    let mut files = Files::default();
    let path = RepoPath::new("main.tf").expect("a path");
    files.insert(path, Entry::Text(text.as_bytes().into()));
    let modules = entries.iter().map(|arguments| RemoteModule {
        source: Glob::name("github.com/acme/*").expect("a glob"),
        arguments: arguments.clone(),
    });
    let settings = ScanSettings {
        modules: modules.collect(),
        ..ScanSettings::default()
    };
    let literals = scan(&files, &settings).literals;
    let fate = |one: &Literal| {
        let image = one.reference.as_deref().filter(|_| word(one).0 == "site");
        format!("{} {}", word(one).0, image.unwrap_or(&one.literal))
    };
    literals.iter().map(fate).collect()
}

#[test]
fn arguments_that_hold_the_values_of_a_chart_are_read_as_helm_reads_them() {
    let values =
        |names: &[&str]| Arguments::Values(names.iter().map(|one| (*one).into()).collect());
    for (arguments, names, want) in [
        (
            "  values = [yamlencode({ image = { repository = \"a/b\", tag = \"v1.2\" } })]",
            &["values"][..],
            &["component a/b", "site a/b:v1.2"][..],
        ),
        (
            "  values = <<EOT\nimage:\n  repository: a/b\n  tag: v1.2\nEOT",
            &["values"],
            &["component a/b", "site a/b:v1.2"],
        ),
        (
            "  values = { image = \"a/b:v1.2\" }",
            &["values"],
            &["site a/b:v1.2"],
        ),
        // What is set goes before the values.
        (
            "  values = [\"image: {repository: a/b, tag: v1.2}\"]\n  set = [{ name = \"image.tag\", value = \"v1.3\" }]",
            &["values", "set"],
            &["component a/b", "site a/b:v1.3"],
        ),
        // A tag that YAML reads as a number is none.
        (
            "  values = [\"image: {repository: a/b, tag: 1.10}\"]",
            &["values"],
            &["component a/b", "unpinnable 1.10"],
        ),
        (
            "  addon = {\n    values = [\"image: a/b:v1.2\"]\n  }",
            &["addon.values"],
            &["site a/b:v1.2"],
        ),
        ("  name = \"a/b:v1.2\"", &["values"], &[]),
    ] {
        let found = fates_of_call(arguments, &[values(names)]);
        assert_eq!(found, want, "{arguments}");
    }
}

#[test]
fn a_module_that_takes_several_images_has_an_entry_for_each() {
    let arguments = "  web_image = \"a/web:1.2\"\n  job_image = \"a/job:1.3\"\n  values = [\"image: a/side:1.4\"]";
    let entries = [
        Arguments::Reference("web_image".into()),
        Arguments::Reference("job_image".into()),
        Arguments::Values(vec!["values".into()]),
    ];
    assert_eq!(
        fates_of_call(arguments, &entries),
        ["site a/web:1.2", "site a/job:1.3", "site a/side:1.4"]
    );
}

#[test]
fn a_source_that_is_the_repo_itself_is_to_be_named_by_path() {
    let unit = "terraform {\n  source = \"git::https://git.example.org/acme/infra.git//modules/app?ref=main\"\n}\ninputs = {\n  image_tag = \"1.2\"\n}\n";
    let image = "ghcr.io/acme/api:${var.image_tag}";
    let module = format!(
        "variable \"image_tag\" {{}}\n{}",
        deployment("a", &format!("\"{image}\""), "")
    );
    let scan = scanned(&[
        ("live/terragrunt.hcl", unit),
        ("modules/app/main.tf", &module),
    ]);
    let (fate, why) = word(of(&scan, "1.2"));
    assert_eq!(fate, "unpinnable");
    assert!(
        why.contains("the repo has a folder modules/app: source it by path"),
        "{why}"
    );
    // Nothing calls the folder, and what it has is not passed over.
    assert_eq!(word(of(&scan, image)).0, "orphan");
    assert_eq!(scan.unfollowed, []);
}

/// What is left over: its text, and what it is in.
fn left(files: &[(&str, &str)]) -> Vec<String> {
    let scan = scanned(files);
    let all = scan.unfollowed.iter();
    all.map(|one| format!("{} in {}", one.literal, one.inside))
        .collect()
}

#[test]
fn what_looks_like_an_image_and_is_not_followed_is_counted() {
    for (text, want) in [
        (
            "resource \"docker_container\" \"c\" {\n  image = \"redis:7\"\n}\n",
            &["redis:7 in docker_container"][..],
        ),
        (
            "resource \"docker_image\" \"c\" {\n  name = \"redis:7\"\n}\n",
            &["redis:7 in docker_image"],
        ),
        (
            "resource \"nomad_job\" \"j\" {\n  jobspec = <<EOT\nconfig {\n  image = \"redis:7\"\n}\nEOT\n}\n",
            &["redis:7 in nomad_job"],
        ),
        (
            "resource \"aws_ecs_task_definition\" \"t\" {\n  container_definitions = jsonencode([{ image = \"redis:7\" }])\n}\n",
            &["redis:7 in aws_ecs_task_definition"],
        ),
        (
            "resource \"aws_ecs_task_definition\" \"t\" {\n  container_definitions = \"[{\\\"image\\\": \\\"redis:7\\\"}]\"\n}\n",
            &["redis:7 in aws_ecs_task_definition"],
        ),
        (
            "resource \"google_cloud_run_v2_service\" \"s\" {\n  template {\n    containers {\n      image = \"gcr.io/a/b:1\"\n    }\n  }\n}\n",
            &["gcr.io/a/b:1 in google_cloud_run_v2_service"],
        ),
        (
            "resource \"local_file\" \"f\" {\n  content = <<EOT\nspec:\n  image: a/b:1\n  # image: c/d:2\nEOT\n}\n",
            &["a/b:1 in local_file"],
        ),
        (
            "resource \"docker_container\" \"c\" {\n  image = \"redis:${var.tag}\"\n}\n",
            &["redis:${var.tag} in docker_container"],
        ),
        (
            "resource \"rancher2_app_v2\" \"d\" {\n  values = <<EOT\nimage:\n  repository: a/b\n  tag: 1.2.3\nEOT\n}\n",
            &["a/b:1.2.3 in rancher2_app_v2"],
        ),
        (
            "resource \"some_app\" \"d\" {\n  values = yamlencode({ image = { repository = \"a/b\", tag = \"1.2\" } })\n}\n",
            &["a/b:1.2 in some_app"],
        ),
        (
            "resource \"docker_container\" \"c\" {\n  image = \"${var.a}:${var.b}\"\n}\n",
            &[],
        ),
        (
            "resource \"docker_container\" \"c\" {\n  image   = \"ubuntu-22.04\"\n  command = [\"image: a/b:1\"]\n}\n",
            &[],
        ),
        (
            "module \"m\" {\n  source = \"github.com/a/b\"\n  cfg    = { theImages = [\"a/b:1\"] }\n}\n",
            &["a/b:1 in module.m"],
        ),
    ] {
        assert_eq!(
            left(&[("main.tf", &format!("{ROOT}{text}"))]),
            want,
            "{text}"
        );
    }
    assert_eq!(
        left(&[("main.tf", &root("\"repo/a:1.2\""))]),
        [] as [String; 0]
    );
}

#[test]
fn files_that_are_not_read_are_counted_too() {
    for file in ["s/x.tf.json", "s/x.tofu.json", "s/stack.tm.hcl"] {
        let text = if file.ends_with("json") {
            "{\"resource\": {\"kubernetes_pod\": {\"p\": {\"image\": \"a/b:1\"}}}}"
        } else {
            "generate_hcl \"x.tf\" {\n  content {\n    image = \"a/b:1\"\n  }\n}\n"
        };
        let found = left(&[("s/main.tf", ROOT), (file, text)]);
        assert_eq!(found, ["a/b:1 in files that are not read"], "{file}");
    }
}
