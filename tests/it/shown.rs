//! What people see most: the errors that they run into first, and the table of a plan. Snapshots,
//! so that a change of words is read over.

use std::fs;

use crate::support::cmd::Pintle;
use crate::support::line::{Line, stack};

/// Commands that go wrong, as people type them.
const WRONG: [&str; 14] = [
    "scan -C empty",
    "scan -C nowhere",
    "explain",
    "explain wbe --offline",
    "plan -C spelled",
    "plan -C broken",
    "config init -C spelled",
    "sync",
    "sync --remote nowhere.git",
    "sync --remote http://git.example.org/ops/infra.git --token-file token",
    "sync --remote https://ana:s3cret@git.example.org/ops/infra.git",
    "plan --registry quay.io",
    "plan --kubeconfig nowhere.yaml",
    "run --remote infra.git --every 5",
];

#[test]
fn common_errors_read_as_they_were_read_over() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let write = |path: &str, text: &str| {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("it can be made");
        fs::write(path, text).expect("it can be written");
    };
    write("stacks/web/main.tf", &stack("web", &["nginx:stable"]));
    write("token", "s3cret\n");
    write("empty/README.md", "nothing\n");
    for (name, config) in [
        ("spelled", "[defaults]\nschedul = \"@daily\"\n"),
        ("broken", "[defaults]\nsettle = \"-5m\"\n"),
    ] {
        write(&format!("{name}/main.tf"), &stack("web", &["nginx:stable"]));
        write(&format!("{name}/pintle.toml"), config);
    }
    let place = folder.path().canonicalize().expect("it is there");
    let place = place.display().to_string();
    let shown = WRONG.map(|command| {
        let output = Pintle::new(folder.path(), command.split(' ')).run();
        assert_eq!(output.stdout, "", "{command}");
        let text = output.stderr.replace(&place, "/home/ana/infra");
        let code = output.code.expect("it ends by itself");
        format!("$ pintle {command}\n{text}[{code}]\n")
    });
    insta::assert_snapshot!("errors", shown.join("\n"));
}

#[test]
fn the_table_of_a_plan_reads_as_it_was_read_over() {
    let ignored = |text: String| {
        text.replacen(
            "  spec {\n",
            "  lifecycle {\n    ignore_changes = [spec[0].template[0].spec[0].container[0].image]\n  }\n  spec {\n",
            1,
        )
    };
    let frozen = stack("db", &["docker.io/library/postgres:16"]).replace(
        "image",
        "# do not bump: the extensions are built for it\n          image",
    );
    let mut files = vec![
        ("db", frozen),
        ("web", stack("web", &["docker.io/library/nginx:latest"])),
        ("ci", stack("ci", &["ghcr.io/team/ci:v1.2.3"])),
        ("lost", stack("lost", &["quay.io/team/lost:latest"])),
    ];
    for name in ["one", "two", "three", "four"] {
        files.push((name, ignored(stack(name, &["docker.io/library/redis:7"]))));
    }
    let files: Vec<(String, String)> = files
        .into_iter()
        .map(|(name, text)| (format!("stacks/{name}/main.tf"), text))
        .collect();
    let files: Vec<(&str, &[u8])> = files
        .iter()
        .map(|(path, text)| (path.as_str(), text.as_bytes()))
        .collect();
    let line = Line::new(&files, "");
    for image in [
        "docker.io/library/postgres:16",
        "docker.io/library/nginx:latest",
        "ghcr.io/team/ci:v1.2.3",
        "docker.io/library/redis:7",
    ] {
        line.registries.put(image, "first");
    }
    let synced = line.run("sync", &["web"]);
    assert_eq!(synced.code, Some(0), "{synced:?}");
    line.registries
        .put("docker.io/library/nginx:latest", "second");
    let plan = line.run("plan", &[]);
    assert_eq!(plan.code, Some(0), "{plan:?}");
    insta::assert_snapshot!("plan-table", format!("{}{}", plan.stdout, plan.stderr));
}
