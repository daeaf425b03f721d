//! `pintle scan` on small repos as other people write them: what it says at its end, what it lists
//! when it is asked for the rest, and which folder it is about.

use super::support::cmd::{Output, Pintle};
use std::fs;
use std::path::Path;
use tempfile::TempDir;

const POD: &str = "provider \"kubernetes\" {}\nresource \"kubernetes_pod_v1\" \"api\" {\n  metadata {\n    name      = \"api\"\n    namespace = \"apps\"\n  }\n  spec {\n    container {\n      name  = \"api\"\n      image = \"IMAGE\"\n    }\n  }\n}\n";

fn repo(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (path, text) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("it can be made");
        fs::write(path, text).expect("it can be written");
    }
    folder
}

fn pod(image: &str) -> String {
    POD.replace("IMAGE", image)
}

fn scan(folder: &Path, args: &[&str]) -> Output {
    Pintle::new(folder, ["scan"].iter().chain(args)).run()
}

#[test]
fn what_is_not_followed_is_counted_at_the_end_and_listed_on_demand() {
    let docker = "resource \"docker_container\" \"a\" {\n  image = \"redis:7\"\n}\nresource \"docker_container\" \"b\" {\n  image = \"redis:8\"\n}\nresource \"nomad_job\" \"j\" {\n  jobspec = <<EOT\n  image = \"acme/web:1.2\"\nEOT\n}\n";
    let folder = repo(&[("main.tf", docker)]);
    let output = scan(folder.path(), &["."]);
    assert_eq!(output.code, Some(0), "{output:?}");
    assert!(
        output.stderr.contains(
            "3 image-like literals are not followed: 2 in docker_container, 1 in nomad_job; `pintle scan --unfollowed` lists them\n0 sites"
        ),
        "{}",
        output.stderr
    );
    let listed = scan(folder.path(), &[".", "--unfollowed"]);
    let lines: Vec<&str> = listed.stdout.lines().skip(1).collect();
    assert_eq!(
        lines
            .iter()
            .map(|line| line.split_whitespace().collect::<Vec<_>>())
            .collect::<Vec<_>>(),
        [
            ["main.tf:2", "redis:7", "docker_container"],
            ["main.tf:5", "redis:8", "docker_container"],
            ["main.tf:9", "acme/web:1.2", "nomad_job"]
        ]
    );
}

#[test]
fn a_scan_that_finds_nothing_says_where_it_looked() {
    let folder = repo(&[("main.tf", "locals {\n  a = 1\n}\n")]);
    let output = scan(folder.path(), &["."]);
    assert!(
        output
            .stderr
            .contains("no image was found: pintle looks at workloads"),
        "{}",
        output.stderr
    );
}

#[test]
fn the_entries_for_var_files_that_nothing_loads_are_there_to_paste() {
    let text = format!(
        "variable \"tag\" {{\n  default = \"1.2\"\n}}\n{}",
        pod("ghcr.io/acme/api:api-${var.tag}")
    );
    let files = [
        ("app/main.tf", text.as_str()),
        ("app/config/production.tfvars", "tag = \"1.3\"\n"),
        ("env/stage/terraform.tfvars", "tag = \"1.4\"\n"),
    ];
    let folder = repo(&files);
    let output = scan(folder.path(), &["."]);
    let pasted: String = output
        .stderr
        .lines()
        .filter_map(|line| line.strip_prefix("  "))
        .map(|line| format!("{line}\n"))
        .collect();
    assert_eq!(
        pasted,
        "[[environment]]\nroot = \"app\"\nname = \"production\"\nvar_files = [\"config/production.tfvars\"]\n[[environment]]\nroot = \"app\"\nname = \"stage\"\nvar_files = [\"env/stage/terraform.tfvars\"]\n"
    );
    fs::write(folder.path().join("pintle.toml"), &pasted).expect("it can be written");
    let named = scan(folder.path(), &[".", "--output", "json"]);
    let json: serde_json::Value = serde_json::from_str(&named.stdout).expect("JSON");
    assert_eq!(json["problems"], serde_json::json!([]), "{json}");
    let images: Vec<&str> = json["sites"]
        .as_array()
        .into_iter()
        .flatten()
        .flat_map(|site| site["uses"].as_array().into_iter().flatten())
        .filter_map(|used| used["image"].as_str())
        .collect();
    assert!(images.contains(&"ghcr.io/acme/api:api-1.3"), "{images:?}");
    assert!(images.contains(&"ghcr.io/acme/api:api-1.4"), "{images:?}");
    assert!(!images.contains(&"ghcr.io/acme/api:api-1.2"), "{images:?}");
}

#[test]
fn an_image_of_which_a_file_may_set_the_tag_is_blocked() {
    let text = format!(
        "variable \"tag\" {{\n  default = \"1.2\"\n}}\n{}",
        pod("ghcr.io/acme/api:api-${var.tag}")
    );
    let folder = repo(&[
        ("main.tf", text.as_str()),
        ("prod.tfvars", "tag = \"1.3\"\n"),
    ]);
    let output = Pintle::new(
        folder.path(),
        [
            "explain",
            "ghcr.io/acme/api:api-1.2",
            "--repo",
            ".",
            "--offline",
        ],
    )
    .run();
    let all = format!("{}{}", output.stdout, output.stderr);
    assert!(
        all.contains("prod.tfvars sets var.tag and nothing loads it"),
        "{all}"
    );
}

#[test]
fn orphans_lead_to_the_setting_that_makes_roots_of_them() {
    let orphan = format!("variable \"region\" {{}}\n{}", pod("ghcr.io/acme/api:1.2"))
        .replace("provider \"kubernetes\" {}\n", "");
    let folder = repo(&[("live/app/main.tf", &orphan)]);
    let output = scan(folder.path(), &["."]);
    assert!(
        output.stderr.contains("`[scan] roots = [\"live/app\"]`"),
        "{}",
        output.stderr
    );
}

#[test]
fn terraform_that_is_written_as_json_is_told_apart_from_none() {
    let folder = repo(&[("main.tf.json", "{}")]);
    let output = scan(folder.path(), &["."]);
    assert_eq!(output.code, Some(1));
    assert!(
        output
            .stderr
            .contains("1 file is written as JSON (.tf.json), and is not read"),
        "{}",
        output.stderr
    );
    let tofu = repo(&[("main.tofu", &pod("ghcr.io/acme/api:1.2"))]);
    assert!(scan(tofu.path(), &["."]).stdout.contains("site"));
}

#[test]
fn a_file_that_is_too_large_is_told_with_its_size() {
    let filler = format!("# {}\n", "x".repeat(1021)).repeat(9 << 10);
    let folder = repo(&[
        ("main.tf", &pod("ghcr.io/acme/api:1.2")),
        ("large.tf", &filler),
    ]);
    let output = scan(folder.path(), &["."]);
    assert!(
        output
            .stderr
            .contains("note: large.tf: not read: 9.0 MiB, and at most 8 MiB are read"),
        "{}",
        output.stderr
    );
    let folder = repo(&[(
        "main.tf",
        &format!("{}{}", &filler[..2 << 20], pod("a/b:1")),
    )]);
    assert!(scan(folder.path(), &["."]).stdout.contains("a/b:1"));
}

#[test]
fn a_link_is_followed_inside_the_repo() {
    let folder = repo(&[
        ("common.tf", "locals {\n  tag = \"1.2\"\n}\n"),
        ("shop/main.tf", &pod("ghcr.io/acme/api:${local.tag}")),
    ]);
    let link = folder.path().join("shop/common.tf");
    std::os::unix::fs::symlink("../common.tf", link).expect("it can be made");
    let output = scan(folder.path(), &["."]);
    let first = output.stdout.lines().nth(1).unwrap_or_default();
    let words: Vec<&str> = first.split_whitespace().collect();
    assert_eq!(
        words[..3],
        ["common.tf:2", "site", "ghcr.io/acme/api:1.2"],
        "{output:?}"
    );
}

#[test]
fn the_repo_is_found_upwards_and_the_answer_is_about_the_folder() {
    let folder = repo(&[
        ("pintle.toml", ""),
        (
            "modules/image/main.tf",
            "output \"tag\" {\n  value = \"1.2\"\n}\n",
        ),
        (
            "stacks/web/main.tf",
            &format!(
                "module \"i\" {{\n  source = \"../../modules/image\"\n}}\n{}",
                pod("ghcr.io/acme/web:${module.i.tag}")
            ),
        ),
        ("stacks/db/main.tf", &pod("ghcr.io/acme/db:1.3")),
    ]);
    let inside = scan(&folder.path().join("stacks/web"), &[]);
    let places: Vec<&str> = inside
        .stdout
        .lines()
        .skip(1)
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert_eq!(
        places,
        ["modules/image/main.tf:2", "stacks/web/main.tf:13"],
        "{inside:?}"
    );
    assert!(
        inside.stderr.contains("this is about stacks/web alone"),
        "{inside:?}"
    );
    let top = scan(folder.path(), &[]);
    assert_eq!(top.stdout.lines().count(), 4, "{top:?}");
    let named = scan(&folder.path().join("stacks/web"), &["../.."]);
    assert_eq!(named.stdout, top.stdout);
}

#[test]
fn what_was_lost_is_answered_with_the_note_that_lost_it() {
    let folder = repo(&[(
        "main.tf",
        "provider \"kubectl\" {}\nresource \"kubectl_manifest\" \"web\" {\n  yaml_body = data.http.x.response_body\n}\nresource \"docker_container\" \"c\" {\n  image = \"redis:7\"\n}\ndata \"http\" \"x\" {}\n",
    )]);
    for (target, note) in [
        (
            "kubectl_manifest.web",
            "what kubectl_manifest.web applies is not known",
        ),
        ("main.tf", "what kubectl_manifest.web applies is not known"),
        (
            "redis:7",
            "main.tf:6: redis:7 in docker_container is not followed",
        ),
    ] {
        let output = Pintle::new(
            folder.path(),
            ["explain", target, "--repo", ".", "--offline"],
        )
        .run();
        assert_eq!(output.code, Some(1), "{target}: {output:?}");
        assert!(output.stderr.contains(note), "{target}: {}", output.stderr);
    }
}

#[test]
fn a_scan_may_be_about_some_targets_alone() {
    let folder = repo(&[
        ("stacks/web/main.tf", &pod("ghcr.io/acme/web:1.2")),
        (
            "stacks/db/main.tf",
            &pod("ghcr.io/acme/db:1.3").replace("\"api\"", "\"db\""),
        ),
        (
            "stacks/ci/main.tf",
            &pod("ghcr.io/acme/ci:1.4").replace("\"api\"", "\"ci\""),
        ),
    ]);
    for (targets, images) in [
        (&["web"][..], &["ghcr.io/acme/web:1.2"][..]),
        (&["stacks/db"], &["ghcr.io/acme/db:1.3"]),
        (&["apps/ci"], &["ghcr.io/acme/ci:1.4"]),
        (&["ghcr.io/acme/web"], &["ghcr.io/acme/web:1.2"]),
        (&["stacks/ci/main.tf"], &["ghcr.io/acme/ci:1.4"]),
        (&["kubernetes_pod_v1.db"], &["ghcr.io/acme/db:1.3"]),
        (
            &["web", "ci"],
            &["ghcr.io/acme/ci:1.4", "ghcr.io/acme/web:1.2"],
        ),
    ] {
        let arguments: Vec<&str> = [".", "--sites-only"]
            .into_iter()
            .chain(targets.iter().flat_map(|target| ["--target", target]))
            .collect();
        let output = scan(folder.path(), &arguments);
        let found: Vec<&str> = output
            .stdout
            .lines()
            .skip(1)
            .filter_map(|line| line.split_whitespace().nth(2))
            .collect();
        assert_eq!(found, images, "{targets:?}: {output:?}");
    }
    let none = scan(folder.path(), &[".", "--target", "nothing"]);
    assert_eq!(none.code, Some(1), "{none:?}");
}

/// Written down by hand: the place of each site of `tests/it/data/shapes`, and its image.
const SHAPES: [(&str, &str); 26] = [
    ("argocd/main.tf:17", "ghcr.io/acme/argo-web:1.4.2"),
    ("argocd/main.tf:19", "ghcr.io/acme/argo-side:1.4.3"),
    ("argocd/main.tf:31", "ghcr.io/acme/argo-api:1.4.4"),
    ("argocd/main.tf:32", "ghcr.io/acme/argo-worker:1.4.5"),
    ("argocd/main.tf:35", "ghcr.io/acme/argo-proxy:1.4.6"),
    ("argocd/main.tf:53", "ghcr.io/acme/argo-db:1.4.7"),
    ("argocd/main.tf:57", "ghcr.io/acme/argo-backup:1.4.8"),
    (
        "chart/charts/web/values.yaml:3",
        "ghcr.io/acme/chart-web:3.0.0",
    ),
    ("documents/job.yaml:10", "ghcr.io/acme/docs-job:2.0.2"),
    ("documents/main.tf:16", "ghcr.io/acme/docs-api:2.0.1"),
    ("documents/web.yaml:14", "ghcr.io/acme/docs-web:2.0.0"),
    (
        "helm/main.tf:17",
        "registry.example.org/edge/controller:v1.11.3",
    ),
    ("helm/main.tf:21", "quay.io/lab/notebook:2026-11-19"),
    ("helm/main.tf:23", "quay.io/shop/web:1.4.2"),
    (
        "helm/main.tf:24",
        "registry.example.org/gpu/operator:v24.6.2",
    ),
    ("helm/main.tf:26", "docker.io/library/redis:7.4.1"),
    ("helm/main.tf:36", "ghcr.io/acme/unknown:1.4.2"),
    ("helm/main.tf:39", "ghcr.io/acme/side:1.5.0"),
    ("helm/main.tf:52", "ghcr.io/acme/first:1.0.1"),
    ("helm/main.tf:56", "ghcr.io/acme/wait:1.0.3"),
    ("helm/main.tf:61", "ghcr.io/acme/second:1.1.0"),
    ("helm/main.tf:65", "ghcr.io/acme/set:1.5.0"),
    ("helm/values.yaml.tpl:4", "ghcr.io/acme/metrics:0.9.1"),
    ("k3s/main.tf:13", "docker.io/library/traefik:3.2.1"),
    ("parser/main.tf:7", "ghcr.io/acme/parser:4.0.1"),
    ("tofu/main.tofu:11", "ghcr.io/acme/tofu:5.0.0"),
];

#[test]
fn the_shapes_of_others_have_the_sites_that_were_written_down() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/data/shapes");
    let output = scan(&folder, &[".", "--sites-only"]);
    let found: Vec<(&str, &str)> = output
        .stdout
        .lines()
        .skip(1)
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            Some((words.next()?, words.nth(1)?))
        })
        .collect();
    assert_eq!(found, SHAPES, "{}", output.stderr);
}
