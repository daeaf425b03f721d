//! Repos and remotes as people have them: other branches, odd names, modes and links, rewritten
//! history, files that do not parse.

use crate::support::cmd::Pintle;
use crate::support::git::{BRANCH, Remote, git};
use crate::support::line::{Line, Registries, executable, path, stack};

#[test]
fn another_branch_is_written_when_it_is_named() {
    let line = Line::of_stacks(
        &[("web", "docker.io/library/nginx:latest")],
        "\n[git]\nauthor_name = \"Pin Bot\"\nauthor_email = \"pins@example.org\"\n",
    );
    line.remote.ask(&["branch", "live", BRANCH]);
    let tip = line.remote.tip();
    let output = line.run("sync", &["--branch", "live"]);
    assert_eq!(output.code, Some(0), "{output:?}");
    assert_eq!(
        (line.remote.tip(), line.remote.ask(&["rev-parse", "live^"])),
        (tip.clone(), tip)
    );
    let who = line
        .remote
        .ask(&["log", "-1", "--format=%an <%ae> %cn <%ce>", "live"]);
    assert_eq!(who, "Pin Bot <pins@example.org> Pin Bot <pins@example.org>");
}

#[test]
fn modes_and_links_stay_as_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let (stacks, image) = (
        folder.path().join("stacks/web"),
        "docker.io/library/nginx:latest",
    );
    std::fs::create_dir_all(&stacks).unwrap();
    executable(&stacks.join("main.tf"), &stack("web", &[image]));
    executable(&stacks.join("apply.sh"), "#!/bin/sh\n");
    std::os::unix::fs::symlink("../../nowhere", stacks.join("link")).unwrap();
    let registries = Registries::start();
    std::fs::write(folder.path().join("pintle.toml"), registries.config()).unwrap();
    registries.put(image, "first");
    let remote = Remote::from_directory(folder.path());
    let modes = || remote.ask(&["ls-tree", "-r", "--format=%(objectmode) %(path)", BRANCH]);
    let (before, clones) = (modes(), tempfile::tempdir().unwrap());
    let args = [
        "sync",
        "--remote",
        &remote.url(),
        "--cache-dir",
        &clones.path().display().to_string(),
    ];
    let output = Pintle::new(folder.path(), args).run();
    assert_eq!(
        (output.code, remote.history().len()),
        (Some(0), 2),
        "{output:?}"
    );
    assert_eq!(modes(), before);
    assert!(
        before.contains("100755 stacks/web/main.tf") && before.contains("120000 stacks/web/link"),
        "{before}"
    );
}

#[test]
fn a_branch_that_is_checked_out_at_the_remote_is_not_written() {
    let line = Line::of_stacks(&[("web", "docker.io/library/nginx:latest")], "");
    let folder = tempfile::tempdir().unwrap();
    git(
        folder.path(),
        ["clone", "--quiet", &line.remote.url(), "worked-in"],
    );
    let address = folder.path().join("worked-in").display().to_string();
    let output = line.pintle_at(&address, line.clones(), "sync", &[]).run();
    assert_eq!(
        (output.code, output.stdout.as_str()),
        (Some(1), ""),
        "{output:?}"
    );
    assert!(
        output.stderr.contains("refuses the push") && output.stderr.contains("checked out"),
        "{}",
        output.stderr
    );
}

#[test]
fn stacks_with_odd_names_make_commits_that_git_reads() {
    let names = [
        "my app",
        "ünï-çødé",
        "-dash",
        "a:b",
        "#hash",
        "50%",
        "quote'd",
        "$(x)",
        "trailing.",
        "UPPER",
    ];
    let image = |at: usize| format!("quay.io/team/odd{at}:latest");
    let files: Vec<(String, String)> = names
        .iter()
        .enumerate()
        .map(|(at, name)| (path(name), stack(&format!("odd{at}"), &[&image(at)])))
        .collect();
    let line = Line::new(
        &files
            .iter()
            .map(|(path, text)| (path.as_str(), text.as_bytes()))
            .collect::<Vec<_>>(),
        "",
    );
    let digests: Vec<String> = (0..names.len())
        .map(|at| line.registries.put(&image(at), "first"))
        .collect();
    line.sync();
    for (at, (path, text)) in files.iter().enumerate() {
        let want = text.replace(&image(at), &format!("{}@{}", image(at), digests[at]));
        assert_eq!(line.remote.file(BRANCH, path), want.as_bytes(), "{path}");
    }
    let sites = line.remote.ask(&[
        "log",
        "--reverse",
        "--format=%(trailers:key=Pintle-Site,valueonly,unfold,separator=)",
        &format!("{BRANCH}~10.."),
    ]);
    let mut want: Vec<String> = files
        .iter()
        .enumerate()
        .map(|(at, (path, _))| {
            format!("{path}#kubernetes_deployment.odd{at}/container[odd{at}].image")
        })
        .collect();
    let mut sites: Vec<&str> = sites.lines().collect();
    sites.sort_unstable();
    want.sort_unstable();
    assert_eq!(sites, want);
    let log = line.run("log", &["--output", "json"]);
    assert!(
        want.iter()
            .all(|site| log.stdout.contains(&serde_json::to_string(site).unwrap())),
        "{}",
        log.stdout
    );
    line.remote.fsck();
}

#[test]
fn history_that_was_rewritten_is_read_anew() {
    let mut line = Line::of_stacks(&[("web", "docker.io/library/nginx:latest")], "");
    line.remote.commit("To be rewritten", &[("note", b"one")]);
    assert_eq!(line.run("plan", &["--exit-code"]).code, Some(10));
    let amended = line.remote.amend(&[
        ("note", b"two"),
        (
            &path("new"),
            stack("new", &["quay.io/team/new:latest"]).as_bytes(),
        ),
    ]);
    line.registries.put("quay.io/team/new:latest", "first");
    assert_eq!(line.sync().stdout.lines().count(), 2);
    assert_eq!(line.remote.history().get(2), Some(&amended));
    assert_eq!(line.remote.file(BRANCH, "note"), b"two");
    line.remote.fsck();
}

#[test]
fn a_pin_that_somebody_took_back_is_not_written_again() {
    let image = "docker.io/library/nginx:latest";
    let mut line = Line::of_stacks(&[("web", image)], "");
    let first = line.registries.put(image, "first");
    line.sync();
    let second = line.registries.put(image, "second");
    line.sync();
    let reverted = line.text("web").replace(&second, &first);
    let tip = line
        .remote
        .commit("Revert", &[(&path("web"), reverted.as_bytes())]);
    let output = line.sync();
    assert_eq!(
        (line.remote.tip(), output.stdout.as_str()),
        (tip, ""),
        "{output:?}"
    );
    assert_eq!(line.plan()["sites"][0]["verdict"], "blocked");
    let third = line.registries.put(image, "third");
    line.sync();
    assert!(line.text("web").contains(&third));
}

#[test]
fn a_file_that_does_not_parse_is_told_and_the_rest_goes_on() {
    let broken = "resource \"kubernetes_deployment\" \"broken\" {\n  spec {\n";
    let text = stack("web", &["docker.io/library/nginx:latest"]);
    let line = Line::new(
        &[
            (&path("broken"), broken.as_bytes()),
            (&path("web"), text.as_bytes()),
            ("bad.tf", b"\xff\xfe\x00"),
        ],
        "",
    );
    let digest = line
        .registries
        .put("docker.io/library/nginx:latest", "first");
    let output = line.sync();
    assert!(
        output.stderr.contains("note: stacks/broken/main.tf"),
        "{}",
        output.stderr
    );
    assert!(output.stderr.contains("note: bad.tf"), "{}", output.stderr);
    assert!(line.text("web").contains(&digest));
    assert_eq!(line.text("broken"), broken);
}

/// Terraform would fail in that stack and in no other.
#[test]
fn a_name_that_no_commit_can_record_blocks_its_own_site_only() {
    let named = |namespace: &str, name: &str, container: &str| {
        stack("odd", &["docker.io/library/redis:latest"])
            .replacen("name = \"odd\"", &format!("name = {name}"), 1)
            .replacen(
                "namespace = \"odd\"",
                &format!("namespace = {namespace}"),
                1,
            )
            .replacen("name  = \"odd\"", &format!("name  = {container}"), 1)
    };
    let broken = "file(\"${path.module}/name.txt\")";
    let release = "resource \"helm_release\" \"odd\" {\n  name = <<-EOT\n    odd\n  EOT\n  chart = \"odd\"\n  values = [\"image: docker.io/library/redis:latest\"]\n}\n";
    let variants = [
        (
            "the workload's name",
            "odd",
            named("\"odd\"", broken, "\"odd\""),
        ),
        ("the namespace", "odd", named(broken, "\"odd\"", "\"odd\"")),
        ("the container", "odd", named("\"odd\"", "\"odd\"", broken)),
        ("a tab", "odd", named("\"odd\"", "\"o\\td\"", "\"odd\"")),
        ("a release", "odd", release.to_owned()),
        ("a folder", "o\tdd", named("\"odd\"", "\"odd\"", "\"odd\"")),
    ];
    for (variant, folder, text) in variants {
        let good = stack("good", &["docker.io/library/nginx:latest"]);
        let (file, names) = (
            format!("stacks/{folder}/main.tf"),
            format!("stacks/{folder}/name.txt"),
        );
        let line = Line::new(
            &[
                (&path("good"), good.as_bytes()),
                (&file, text.as_bytes()),
                (&names, b"odd\n"),
            ],
            "",
        );
        line.registries
            .put("docker.io/library/nginx:latest", "first");
        line.registries
            .put("docker.io/library/redis:latest", "first");
        let plan = line.plan();
        let codes: Vec<&str> = plan["sites"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|site| site["verdict"] == "blocked")
            .filter_map(|site| site["reasons"][0]["code"].as_str())
            .collect();
        assert_eq!(codes, ["unusable-name"], "{variant}: {plan}");
        let output = line.sync();
        assert_eq!(line.remote.history().len(), 2, "{variant}: {output:?}");
        assert!(line.text("good").contains("@sha256:"), "{variant}");
    }
}
