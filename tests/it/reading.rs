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
        "[[environment]]\nroot = \"app\"\nname = \"production\"\nvar_files = [\"config/production.tfvars\"]\n[[environment]]\nroot = \"app\"\nname = \"stage\"\nvar_files = [\"/env/stage/terraform.tfvars\"]\n"
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
    let output = scan(&folder, &["--repo", ".", "--sites-only"]);
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

/// Two stacks, of which one has a var-file that nothing loads.
fn two_stacks() -> TempDir {
    let tagged = format!(
        "variable \"tag\" {{\n  default = \"1.2\"\n}}\n{}",
        pod("ghcr.io/acme/web:web-${var.tag}")
    );
    repo(&[
        ("stacks/web/main.tf", tagged.as_str()),
        ("stacks/web/env/prod.tfvars", "tag = \"1.3\"\n"),
        ("stacks/web/prod/terraform.tfvars", "tag = \"1.4\"\n"),
        (
            "stacks/db/main.tf",
            &pod("ghcr.io/acme/db:1.3").replace("\"api\"", "\"db\""),
        ),
        (".git/HEAD", "ref: refs/heads/main\n"),
    ])
}

#[test]
fn a_first_configuration_has_what_was_found_and_is_valid() {
    let folder = two_stacks();
    let config = |args: &[&str]| {
        let args = [&["config"], args].concat();
        Pintle::new(&folder.path().join("stacks/db"), args).run()
    };
    let printed = config(&["init", "--dry-run"]);
    assert_eq!(printed.code, Some(0), "{printed:?}");
    let file = folder.path().join("pintle.toml");
    assert!(!file.exists(), "it was only printed");
    let written = config(&["init"]);
    assert_eq!(
        (written.code, &*written.stdout),
        (Some(0), ""),
        "{written:?}"
    );
    for step in ["wrote ", "`pintle config check`", "`pintle plan`"] {
        assert!(written.stderr.contains(step), "{}", written.stderr);
    }
    let text = fs::read_to_string(&file).expect("it is at the top of the repo");
    assert_eq!(text, printed.stdout);
    insta::assert_snapshot!("config-init", text);

    let checked = Pintle::new(folder.path(), ["config", "check"]).run();
    assert_eq!(
        (checked.code, &*checked.stdout),
        (Some(0), "pintle.toml is valid\n"),
        "{checked:?}"
    );
    let scanned = scan(folder.path(), &["--sites-only"]);
    assert!(!scanned.stderr.contains("[[environment]]"), "{scanned:?}");

    let again = config(&["init"]);
    assert_eq!(again.code, Some(2), "{again:?}");
    assert!(
        again.stderr.contains("exists already") && again.stderr.contains("--force"),
        "{}",
        again.stderr
    );
    fs::write(&file, "# by hand\n").expect("it can be written");
    assert_eq!(config(&["init"]).code, Some(2));
    assert_eq!(
        fs::read_to_string(&file).expect("it is there"),
        "# by hand\n"
    );
    assert_eq!(config(&["init", "--force"]).code, Some(0));
    assert_eq!(fs::read_to_string(&file).expect("it is there"), text);
}

#[test]
fn a_draft_names_orphans_and_arguments_of_modules_as_comments() {
    let folder = repo(&[
        (
            "live/main.tf",
            "module \"a\" {\n  source = \"registry.example.com/acme/app/k8s\"\n  image_repository = \"ghcr.io/acme/app\"\n  image_tag = \"1.4.2\"\n}\nmodule \"b\" {\n  source = \"registry.example.com/acme/chart/helm\"\n  values = [yamlencode({ image = { repository = \"ghcr.io/acme/b\", tag = \"2.1\" } })]\n}\nmodule \"c\" {\n  source = \"registry.example.com/acme/addons/aws\"\n  metrics = {\n    values = [\"image: ghcr.io/acme/c:3.2\"]\n    set    = [{ name = \"side.image\", value = \"ghcr.io/acme/d:4\" }]\n  }\n}\n",
        ),
        (
            "modules/left/main.tf",
            &pod("ghcr.io/acme/left:3.1").replace("provider \"kubernetes\" {}\n", ""),
        ),
    ]);
    let printed = Pintle::new(folder.path(), ["config", "init", "--dry-run"]).run();
    insta::assert_snapshot!("config-init-modules", printed.stdout);
    // Each comment is an entry that can be used as it is.
    let keys = [
        "roots = ",
        "[[module]]",
        "source = ",
        "reference = ",
        "repository = ",
        "tag = ",
        "values = ",
    ];
    let used: String = printed
        .stdout
        .lines()
        .map(|line| match line.strip_prefix("# ") {
            Some(rest) if keys.iter().any(|key| rest.starts_with(key)) => format!("{rest}\n"),
            _ => format!("{line}\n"),
        })
        .collect();
    fs::write(folder.path().join("pintle.toml"), used).expect("it can be written");
    let checked = Pintle::new(folder.path(), ["config", "check"]).run();
    assert_eq!(checked.code, Some(0), "{checked:?}");
    let scanned = scan(folder.path(), &["--sites-only", "--output", "json"]);
    for image in [
        "ghcr.io/acme/app:1.4.2",
        "ghcr.io/acme/b:2.1",
        "ghcr.io/acme/c:3.2",
        "ghcr.io/acme/left:3.1",
    ] {
        assert!(scanned.stdout.contains(image), "{image}: {scanned:?}");
    }
}

#[test]
fn every_command_can_be_sent_to_a_folder() {
    let folder = two_stacks();
    let away = tempfile::tempdir().expect("a temporary folder");
    let there = folder.path().display().to_string();
    let whole = scan(folder.path(), &[]);
    for args in [
        ["-C", &there, "scan"],
        ["scan", "-C", &there],
        ["scan", "--directory", &there],
    ] {
        let output = Pintle::new(away.path(), args).run();
        assert_eq!(output.stdout, whole.stdout, "{args:?}: {output:?}");
    }
    let explained = Pintle::new(away.path(), ["explain", "-C", &there, "db", "--offline"]).run();
    assert_eq!(explained.code, Some(0), "{explained:?}");
    let drafted = Pintle::new(away.path(), ["config", "init", "--dry-run", "-C", &there]).run();
    assert!(drafted.stdout.contains("#   stacks/web: "), "{drafted:?}");
    let stack = format!("{there}/stacks/db");
    let inside = Pintle::new(away.path(), ["scan", "-C", &stack]).run();
    assert!(
        inside
            .stderr
            .contains("this is about stacks/db alone; `-C ../..` is about"),
        "{inside:?}"
    );
    let none = Pintle::new(away.path(), ["scan", "-C", "/nowhere"]).run();
    assert_eq!(none.code, Some(2), "{none:?}");
    assert!(
        none.stderr.contains("cannot go to the folder /nowhere"),
        "{none:?}"
    );
}

/// What a command shows: the sites among these of which it names the file.
fn stacks_shown(output: &Output) -> Vec<&'static str> {
    let all = ["stacks/web", "stacks/db", "stacks/ci"];
    let shown = |stack: &&str| output.stdout.contains(&format!("{stack}/main.tf"));
    all.into_iter().filter(shown).collect()
}

#[test]
fn a_target_means_the_same_to_every_command() {
    let folder = repo(&[
        (
            "stacks/web/main.tf",
            &pod("ghcr.io/acme/web:1.2").replace("\"api\"", "\"web\""),
        ),
        (
            "stacks/db/main.tf",
            &pod("ghcr.io/acme/db:1.3").replace("\"api\"", "\"db\""),
        ),
        (
            "stacks/ci/main.tf",
            &pod("ghcr.io/acme/ci:1.4").replace("\"api\"", "\"ci\""),
        ),
        (".git/HEAD", "ref: refs/heads/main\n"),
    ]);
    let closed = ["--registry", "ghcr.io=http://127.0.0.1:1"];
    let commands: [(&str, &[&str]); 4] = [
        ("scan", &["--output", "json"]),
        ("plan", &["--output", "json", closed[0], closed[1]]),
        ("explain", &["--offline"]),
        ("status", &["--output", "json", closed[0], closed[1]]),
    ];
    let top = folder.path();
    let below = top.join("stacks/db");
    let names: [(&Path, &[&str], &[&str]); 9] = [
        (top, &["web"], &["stacks/web"]),
        (top, &["stacks/db"], &["stacks/db"]),
        (top, &["stacks/db/"], &["stacks/db"]),
        (top, &["stacks"], &["stacks/web", "stacks/db", "stacks/ci"]),
        (top, &["apps/ci"], &["stacks/ci"]),
        (
            top,
            &["ghcr.io/acme/web", "ci"],
            &["stacks/web", "stacks/ci"],
        ),
        (&below, &[], &["stacks/db"]),
        (&below, &["main.tf"], &["stacks/db"]),
        (
            &below,
            &["../web", "kubernetes_pod_v1.ci"],
            &["stacks/web", "stacks/ci"],
        ),
    ];
    for (command, more) in commands {
        for (index, (at, targets, stacks)) in names.into_iter().enumerate() {
            // As arguments and as options, in turn.
            let options = targets.iter().flat_map(|one| ["--target", one]);
            let named = match index % 2 {
                0 => targets.to_vec(),
                _ => options.collect(),
            };
            let args = [&[command], &named[..], more].concat();
            let output = Pintle::new(at, &args).run();
            assert_eq!(output.code, Some(0), "{args:?}: {output:?}");
            assert_eq!(stacks_shown(&output), stacks, "{args:?}: {output:?}");
        }
        let unknown = Pintle::new(top, [&[command, "nothing"], more].concat()).run();
        assert_eq!(unknown.code, Some(1), "{unknown:?}");
        assert!(unknown.stderr.contains("is called nothing"), "{unknown:?}");
    }
}
