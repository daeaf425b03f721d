//! The faces of the command line: help, wrong words, wrong places, what goes to which stream, and
//! that no secret goes anywhere.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use pintle::demo::registry::PullAccess;

use crate::support::cmd::{Output, Pintle};
use crate::support::git::Remote;
use crate::support::git_host::GitHost;
use crate::support::line::{Line, clones, path, stack};

const IMAGE: &str = "quay.io/team/app:latest";
const TOKEN: &str = "s3cret-of-the-remote";
const USER: &str = "robot";
const PASSWORD: &str = "s3cret-of-the-registry";

fn run(cwd: &Path, args: &[&str]) -> Output {
    Pintle::new(cwd, args).run()
}

/// Fails unless the run ended with `code`, wrote nothing on standard output and said each of
/// `sentences`.
fn complains(output: &Output, code: i32, sentences: &[&str]) {
    assert_eq!(
        (output.code, output.stdout.as_str()),
        (Some(code), ""),
        "{output:?}"
    );
    for sentence in sentences {
        assert!(
            output.stderr.contains(sentence),
            "no {sentence:?} in {}",
            output.stderr
        );
    }
}

#[test]
fn help_reads_as_it_was_read_over() {
    let commands = [
        "",
        "scan",
        "plan",
        "sync",
        "run",
        "explain",
        "status",
        "log",
        "tags",
        "tags try",
        "config",
        "config init",
        "config schema",
        "config check",
        "setup",
        "setup forgejo",
        "setup registry-hook",
        "notice",
        "notice test",
        "demo",
        "completions",
        "man",
        "sbom",
    ];
    let demos = ["demo serve", "demo push"];
    for command in commands.into_iter().chain(demos) {
        let folder = clones();
        let args: Vec<&str> = command.split_whitespace().chain(["--help"]).collect();
        let output = Pintle::new(folder.path(), &args)
            .env(
                "PINTLE_REMOTE",
                "https://robot:hunter2@git.example.com/infra.git",
            )
            .run();
        assert_eq!(
            (output.code, output.stderr.as_str()),
            (Some(0), ""),
            "{command}"
        );
        let name = format!(
            "help{}{}",
            if command.is_empty() { "" } else { "-" },
            command.replace(' ', "-")
        );
        insta::assert_snapshot!(name, output.stdout);
    }
}

#[test]
fn the_version_is_one_line() {
    let output = run(clones().path(), &["--version"]);
    assert_eq!(
        output.stdout,
        concat!("pintle ", env!("CARGO_PKG_VERSION"), "\n")
    );
}

#[test]
fn wrong_words_are_wrong_usage() {
    let folder = clones();
    complains(
        &run(folder.path(), &["plan", "--exitcode"]),
        2,
        &[
            "unexpected argument '--exitcode'",
            "--exit-code",
            "Usage: pintle plan",
        ],
    );
    complains(
        &run(folder.path(), &["snyc"]),
        2,
        &["unrecognized subcommand 'snyc'", "sync"],
    );
    complains(
        &run(folder.path(), &["plan", "--output", "yaml"]),
        2,
        &["invalid value 'yaml'", "table, json"],
    );
    complains(
        &run(folder.path(), &["plan", ".", "--remote", "/x"]),
        2,
        &["the folder . cannot be used with a remote"],
    );
    complains(
        &run(
            folder.path(),
            &["sync", "--remote", "/x", "--registry", "quay.io"],
        ),
        2,
        &["--registry quay.io is not HOST=URL", "hint: "],
    );
    let with_password = "quay.io=http://robot:hunter2@127.0.0.1:1";
    let output = run(
        folder.path(),
        &["sync", "--remote", "/x", "--registry", with_password],
    );
    complains(
        &output,
        2,
        &["the address of quay.io holds a user or a password"],
    );
    assert!(!output.stderr.contains("hunter2"), "{}", output.stderr);
}

#[test]
fn no_remote_is_wrong_usage() {
    let folder = clones();
    complains(
        &run(folder.path(), &["sync"]),
        2,
        &[
            "error: no remote is named",
            "hint: name the git remote",
            "--remote URL",
        ],
    );
    complains(
        &run(folder.path(), &["log"]),
        2,
        &[
            "a folder has no history of pins here",
            "pintle log --remote URL",
        ],
    );
}

#[test]
fn the_environment_says_what_options_say() {
    let line = Line::of_stacks(&[("app", IMAGE)], "");
    let folder = clones();
    let elsewhere = format!("quay.io={}", line.registries.endpoint("quay.io"));
    let run = Pintle::new(folder.path(), ["sync"])
        .env("PINTLE_REMOTE", line.remote.url())
        .env("PINTLE_CACHE_DIR", folder.path().join("clones"))
        .env("PINTLE_REGISTRY", &elsewhere)
        .env("PINTLE_REGISTRY_TIMEOUT", "5")
        .env("PINTLE_INSECURE_HTTP", "1")
        .env("PINTLE_BRANCH", "main");
    let output = run.run();
    assert_eq!(
        (output.code, output.stdout.lines().count()),
        (Some(0), 1),
        "{output:?}"
    );
    assert!(folder.path().join("clones").is_dir());
}

/// As a Deployment sets them whose values are filled in, or left out, by a template.
#[test]
fn a_variable_that_is_set_to_nothing_or_to_no_names_no_cluster() {
    let line = Line::of_stacks(&[("app", IMAGE)], "");
    let file = line.clones().join("kubeconfig");
    fs::write(&file, "{}").expect("it can be written");
    let file = file.display().to_string();
    let plan = |args: &[&str], env: &[(&str, &str)]| {
        env.iter()
            .fold(line.pintle("plan", args), |run, (name, value)| {
                run.env(name, value)
            })
            .run()
    };
    for no in ["false", "0", ""] {
        let output = plan(&["--kubeconfig", &file], &[("PINTLE_IN_CLUSTER", no)]);
        assert!(
            output.stderr.contains("it has no current context"),
            "{no:?}: {output:?}"
        );
    }
    let output = plan(
        &["--in-cluster"],
        &[("PINTLE_KUBECONFIG", ""), ("PINTLE_KUBE_CONTEXT", "")],
    );
    assert!(
        output
            .stderr
            .contains("this is not a pod with a service account"),
        "{output:?}"
    );
    assert_eq!(plan(&[], &[("PINTLE_KUBE_CONTEXT", "")]).code, Some(0));
    for (args, env) in [
        (vec!["--kubeconfig", &file, "--in-cluster"], vec![]),
        (
            vec!["--kubeconfig", &file],
            vec![("PINTLE_IN_CLUSTER", "true")],
        ),
    ] {
        complains(&plan(&args, &env), 2, &["cannot be used with"]);
    }
    complains(&plan(&["--kube-context", "a"], &[]), 2, &["--kubeconfig"]);
}

/// Clusters that cannot be asked: what is written does not change, and that it was so is told.
#[test]
fn a_cluster_that_cannot_be_asked_is_told_and_worth_another_try() {
    let line = Line::of_stacks(&[("app", IMAGE)], "");
    let file = line.clones().join("kubeconfig");
    let with = |server: &str, user: &str| {
        let text = format!(
            "{{current-context: a, clusters: [{{name: a, cluster: {{server: '{server}'}}}}], users: [{{name: a, user: {user}}}], contexts: [{{name: a, context: {{cluster: a, user: a}}}}]}}"
        );
        fs::write(&file, text).expect("it can be written");
        file.display().to_string()
    };
    let closed = std::net::TcpListener::bind("127.0.0.1:0")
        .expect("a port")
        .local_addr()
        .expect("it is bound");
    let closed = with(&format!("http://{closed}"), "{}");
    line.sync();
    let sync = line.run("sync", &["--kubeconfig", &closed]);
    assert_eq!(
        (sync.code, sync.stderr.contains("unknown: cluster: the ")),
        (Some(3), true),
        "{sync:?}"
    );
    let plan = line.run("plan", &["--kubeconfig", &closed]);
    assert_eq!(
        (plan.code, plan.stderr.contains("unknown: cluster: the ")),
        (Some(0), true),
        "{plan:?}"
    );

    let unplugged = with(
        "https://127.0.0.1:1",
        "{exec: {apiVersion: client.authentication.k8s.io/v1, command: /nowhere/plugin, interactiveMode: Never}}",
    );
    let sync = line.run("sync", &["--kubeconfig", &unplugged]);
    assert!(
        sync.code == Some(3)
            && sync
                .stderr
                .contains("the credential plugin of the kubeconfig cannot be started"),
        "{sync:?}"
    );
    complains(
        &line.run("run", &["--listen", "off", "--kubeconfig", &unplugged]),
        2,
        &["the credential plugin of the kubeconfig cannot be started"],
    );
}

#[test]
fn a_folder_is_read_and_not_touched() {
    let line = Line::of_stacks(&[("app", IMAGE)], "");
    let folder = clones();
    fs::create_dir_all(folder.path().join("stacks/app")).unwrap();
    fs::write(folder.path().join(path("app")), stack("app", &[IMAGE])).unwrap();
    let elsewhere = format!("quay.io={}", line.registries.endpoint("quay.io"));
    for (args, code) in [
        (vec!["scan"], 0),
        (vec!["plan", "--exit-code"], 10),
        (vec!["plan", "--diff"], 0),
        (vec!["explain", "app"], 0),
    ] {
        let mut program = Pintle::new(folder.path(), &args);
        if args[0] != "scan" {
            program = program.env("PINTLE_REGISTRY", &elsewhere);
        }
        let home = program.home().to_owned();
        let (child, kept) =
            program.start(|command| command.stdout(Stdio::piped()).stderr(Stdio::piped()));
        let output = kept.output(child);
        assert_eq!(output.code, Some(code), "{args:?} {}", output.stderr);
        assert!(output.stdout.contains("quay.io/team/app"), "{args:?}");
        assert_eq!(
            (home.read_dir().unwrap().count(), kept.path()),
            (0, home.as_path()),
            "{args:?} left something at home"
        );
    }
    let mut left = Vec::new();
    files(folder.path(), &mut left);
    assert_eq!(left, [folder.path().join(path("app"))]);
    assert_eq!(
        fs::read(&left[0]).unwrap(),
        stack("app", &[IMAGE]).as_bytes()
    );
}

#[test]
fn a_remote_that_is_none_is_named() {
    let folder = clones();
    let sync = |remote: &str| {
        let cache = folder.path().join("clones").display().to_string();
        run(
            folder.path(),
            &["sync", "--remote", remote, "--cache-dir", &cache],
        )
    };
    let at = |name: &str| folder.path().join(name).display().to_string();
    complains(
        &sync(&at("none")),
        1,
        &[
            &format!("error: {} does not exist\n", at("none")),
            "hint: check the path",
        ],
    );
    fs::create_dir(at("plain")).unwrap();
    complains(
        &sync(&at("plain")),
        1,
        &[
            &format!("error: {} is not a git repository\n", at("plain")),
            "hint: ",
        ],
    );
    complains(
        &sync("http://127.0.0.1:9/repo.git"),
        3,
        &[
            "error: cannot reach http://127.0.0.1:9/repo.git",
            "hint: check the address",
        ],
    );
    complains(&sync("ftp://127.0.0.1/repo.git"), 2, &["ftp", "hint: "]);
    let output = sync("https://robot:hunter2@127.0.0.1:9/repo.git");
    assert!(matches!(output.code, Some(2 | 3)), "{output:?}");
    assert!(!output.stderr.contains("hunter2"), "{}", output.stderr);

    let empty = Remote::empty();
    complains(
        &sync(&empty.path().display().to_string()),
        1,
        &[
            "has no commit on its default branch",
            "hint: push a first commit",
        ],
    );
    let line = Line::of_stacks(&[("app", IMAGE)], "");
    complains(
        &line.run("sync", &["--branch", "mian"]),
        1,
        &["has no branch mian", "hint: "],
    );
}

#[test]
fn a_host_that_does_not_let_us_in_is_named() {
    let line = Line::of_stacks(&[("app", IMAGE)], "");
    let host = line.host(TOKEN);
    let sync = |address: &str, token: &str| {
        line.pintle_at(address, line.clones(), "sync", &[])
            .env("PINTLE_TOKEN", token)
            .run()
    };
    let wrong = sync(&host.url(), "guessed-token");
    complains(
        &wrong,
        1,
        &[
            &format!("error: {} refuses access", host.url()),
            "401",
            "hint: is the token valid",
        ],
    );
    assert!(!wrong.stderr.contains("guessed-token"), "{}", wrong.stderr);
    let without = line
        .pintle_at(&host.url(), line.clones(), "sync", &[])
        .run();
    complains(&without, 1, &["refuses access", "hint: give a token"]);
    let elsewhere = host.url().replace("repo.git", "other.git");
    complains(
        &sync(&elsewhere, TOKEN),
        1,
        &[
            &format!("there is no git repository at {elsewhere}"),
            "hint: check the address",
        ],
    );
    complains(
        &sync(&host.url(), ""),
        1,
        &["refuses access", "hint: give a token"],
    );
    let far = sync("http://git.example.com/repo.git", TOKEN);
    complains(
        &far,
        2,
        &["would be sent without encryption", "hint: use https://"],
    );
    let missing = line
        .pintle_at(
            &host.url(),
            line.clones(),
            "sync",
            &["--token-file", "/nowhere/token"],
        )
        .run();
    complains(&missing, 2, &["cannot read the token from /nowhere/token"]);
    let empty = line.clones().join("empty");
    fs::write(&empty, "\n").unwrap();
    let empty = line
        .pintle_at(
            &host.url(),
            line.clones(),
            "sync",
            &["--token-file", &empty.display().to_string()],
        )
        .run();
    complains(&empty, 2, &["the token is empty", "hint: "]);
    fs::write(line.clones().join("token"), format!("{TOKEN}\n")).unwrap();
    let file = line.clones().join("token").display().to_string();
    line.registries.put(IMAGE, "first");
    assert_eq!(
        line.pintle_at(&host.url(), line.clones(), "sync", &["--token-file", &file])
            .run()
            .code,
        Some(0)
    );
}

#[test]
fn a_broken_configuration_is_shown_with_its_line() {
    let folder = clones();
    let file = folder.path().join("pintle.toml");
    let check = |text: &str| {
        fs::write(&file, text).unwrap();
        run(folder.path(), &["config", "check"])
    };
    complains(
        &check("version = 1\n\n[defaults]\nsettel = \"1m\"\n"),
        2,
        &[
            "pintle.toml:4 is wrong",
            "settel = \"1m\"",
            "did you mean `settle`?",
        ],
    );
    complains(
        &check("[defaults\nsettle = \"1m\"\n"),
        2,
        &["pintle.toml:1 is wrong", "[defaults", "unclosed table"],
    );
    complains(
        &check("[defaults]\nsettle = \"soon\"\n"),
        2,
        &["pintle.toml:2 is wrong", "settle = \"soon\""],
    );
    let good = check("[defaults]\nsettle = \"1m\"\n");
    assert_eq!(
        (good.code, good.stdout.as_str()),
        (Some(0), "pintle.toml is valid\n"),
        "{good:?}"
    );
    complains(
        &run(folder.path(), &["config", "check", "none.toml"]),
        2,
        &["cannot read none.toml", "hint: name the file"],
    );

    // The same where the repo has it, and where the command line names it.
    let line = Line::new(
        &[(&path("app"), stack("app", &[IMAGE]).as_bytes())],
        "\n[defalts]\n",
    );
    for command in ["scan", "plan", "sync"] {
        complains(
            &line.run(command, &[]),
            2,
            &["pintle.toml:", "[defalts]", "did you mean `defaults`?"],
        );
    }
    let missing = line.run("plan", &["--config", "/nowhere.toml"]);
    complains(
        &missing,
        2,
        &["cannot read the configuration from /nowhere.toml"],
    );
}

#[test]
fn a_name_that_several_stacks_have_is_reported_with_their_paths() {
    let folder = clones();
    for (name, text) in [
        ("pintle.toml", "[deny]\nstacks = [\"vault\"]\n".to_owned()),
        ("stacks/vault/main.tf", stack("vault", &[IMAGE])),
        ("lab/vault/main.tf", stack("vault", &[IMAGE])),
    ] {
        fs::create_dir_all(folder.path().join(name).parent().unwrap()).unwrap();
        fs::write(folder.path().join(name), text).unwrap();
    }
    let output = run(folder.path(), &["config", "check", "."]);
    assert_eq!(output.code, Some(1), "{output:?}");
    assert!(
        output
            .stdout
            .contains("several stacks have the name `vault`: lab/vault, stacks/vault;"),
        "{output:?}"
    );
}

#[test]
fn an_entry_that_matches_nothing_is_found_in_the_repo() {
    let folder = clones();
    let write = |name: &str, text: &str| {
        fs::create_dir_all(folder.path().join(name).parent().unwrap()).unwrap();
        fs::write(folder.path().join(name), text).unwrap();
    };
    let check = |args: &[&str]| run(folder.path(), &[&["config", "check"], args].concat());
    let wrong = "[deny]\nstacks = [\"vualt\"]\n\n[[hold]]\nimage = \"quay.io/team/*\"\nbecause = \"x\"\n\n[[hold]]\nimage = \"postgres*\"\nbecause = \"y\"\n\n[[rule]]\nmatch = { kind = \"CronJob\" }\npolicy = \"never\"\n\n[[group]]\nname = \"all\"\nsites = [\"*app*\", \"*web*\"]\n";
    write("repo/pintle.toml", wrong);
    write(&format!("repo/{}", path("app")), &stack("app", &[IMAGE]));
    write("other/pintle.toml", wrong);
    write("repo/other.toml", wrong);
    let told = [
        "[[rule]] 1 matches nothing: no image has all that its `match` asks for",
        "[[group]] all matches nothing: no site has the id or alias `*web*`",
        "[[hold]] 2 matches nothing: no site has image `postgres*`",
        "[deny] matches nothing: no stack has the path or name `vualt`",
    ];
    for place in ["repo", "repo/pintle.toml"] {
        let output = check(&[place]);
        assert_eq!(
            (output.code, output.stdout.lines().collect::<Vec<_>>()),
            (Some(1), told.to_vec()),
            "{output:?}"
        );
        assert_eq!(
            output.stderr,
            "repo/pintle.toml: 4 entries match nothing in the repo\n"
        );
    }
    // A file somewhere else, or with another name, is checked by itself.
    for place in ["other/pintle.toml", "repo/other.toml"] {
        assert_eq!(check(&[place]).stdout, format!("{place} is valid\n"));
    }
    complains(&check(&["other"]), 1, &["there is no Terraform here"]);
    complains(
        &check(&["repo/stacks"]),
        2,
        &["cannot read repo/stacks/pintle.toml"],
    );

    write(
        "repo/pintle.toml",
        "[[hold]]\nimage = \"quay.io/team/*\"\nbecause = \"x\"\n",
    );
    let good = check(&["repo"]);
    assert_eq!(
        (good.code, good.stdout.as_str(), good.stderr.as_str()),
        (Some(0), "repo/pintle.toml is valid\n", "")
    );
}

#[test]
fn a_folder_for_clones_that_cannot_be_used_is_named() {
    let line = Line::of_stacks(&[("app", IMAGE)], "");
    let folder = clones();
    let file = folder.path().join("file");
    fs::write(&file, "a file").unwrap();
    let remote = line.remote.path().display().to_string();
    for place in [file.clone(), file.join("below")] {
        let output = line.pintle_at(&remote, &place, "sync", &[]).run();
        complains(
            &output,
            1,
            &[
                "error: cannot use ",
                &file.display().to_string(),
                "hint: choose a cache folder that can be written",
            ],
        );
    }
    // Root may write everywhere, so only others are refused here.
    let closed = folder.path().join("closed");
    fs::create_dir(&closed).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o500)).unwrap();
    let root = fs::write(closed.join("try"), "").is_ok();
    let output = line.pintle_at(&remote, &closed, "sync", &[]).run();
    if !root {
        complains(
            &output,
            1,
            &[
                "error: cannot use ",
                "hint: choose a cache folder that can be written",
            ],
        );
    }
    // A clone that somebody broke is made anew.
    line.sync();
    let clone = fs::read_dir(line.clones())
        .unwrap()
        .flatten()
        .map(|one| one.path())
        .find(|path| path.join("HEAD").exists())
        .unwrap();
    fs::remove_dir_all(clone.join("objects")).unwrap();
    line.registries.put(IMAGE, "second");
    assert_eq!(line.sync().stdout.lines().count(), 1);
    fs::remove_dir_all(line.clones()).unwrap();
    line.registries.put(IMAGE, "third");
    assert_eq!(
        line.pintle_at(&remote, &folder.path().join("new/deep"), "sync", &[])
            .run()
            .code,
        Some(0)
    );
    fs::create_dir(line.clones()).unwrap();
}

#[test]
fn a_repo_without_terraform_is_told_so() {
    let folder = clones();
    fs::write(folder.path().join("README.md"), "nothing here").unwrap();
    let here = folder.path().display().to_string();
    for args in [
        vec!["scan"],
        vec!["plan"],
        vec!["scan", &here],
        vec!["explain", "web"],
    ] {
        complains(
            &run(folder.path(), &args),
            1,
            &["error: there is no Terraform here", "hint: "],
        );
    }
    let none = folder.path().join("none").display().to_string();
    for command in ["scan", "plan"] {
        complains(
            &run(folder.path(), &[command, &none]),
            1,
            &[&format!("error: cannot read the folder {none}"), "hint: "],
        );
    }
    let line = Line::new(&[("README.md", b"nothing here")], "");
    for command in ["scan", "plan", "sync"] {
        complains(
            &line.run(command, &[]),
            1,
            &["error: there is no Terraform here", "hint: "],
        );
    }
}

#[test]
fn an_unknown_target_is_answered_with_near_ones() {
    let line = Line::of_stacks(
        &[
            ("web", "docker.io/library/nginx:latest"),
            ("grafana", "docker.io/grafana/grafana:latest"),
        ],
        "",
    );
    let explain = |target: &str| line.run("explain", &[target, "--offline"]);
    complains(
        &explain("grafanna"),
        1,
        &[
            "no site, workload or image is called grafanna",
            "hint: near it: ",
            "grafana",
        ],
    );
    complains(
        &explain("something-quite-different"),
        1,
        &["hint: pintle scan lists them all"],
    );
    for target in [
        "web",
        "web/web",
        "web/web:web",
        "deployment/web/web",
        "docker.io/library/nginx",
        "nginx",
        "stacks/web/main.tf:11",
    ] {
        let output = explain(target);
        assert_eq!(output.code, Some(0), "{target} {output:?}");
        assert!(
            output
                .stdout
                .contains("stacks/web/main.tf#kubernetes_deployment.web/container[web].image"),
            "{target} {}",
            output.stdout
        );
        assert!(
            !output.stdout.contains("grafana"),
            "{target} {}",
            output.stdout
        );
    }
}

#[test]
fn completions_and_the_schema_are_what_they_say() {
    let folder = clones();
    for (shell, sign) in [
        ("bash", "complete -F _pintle"),
        ("zsh", "#compdef pintle"),
        ("fish", "complete -c pintle"),
    ] {
        let output = run(folder.path(), &["completions", shell]);
        assert_eq!(
            (output.code, output.stderr.as_str()),
            (Some(0), ""),
            "{shell}"
        );
        assert!(
            output.stdout.contains(sign) && output.stdout.contains("dry-run"),
            "{shell}"
        );
    }
    complains(
        &run(folder.path(), &["completions", "tcsh"]),
        2,
        &["invalid value 'tcsh'"],
    );
    let output = run(folder.path(), &["config", "schema"]);
    let schema: serde_json::Value = serde_json::from_str(&output.stdout).unwrap();
    assert_eq!((output.code, output.stderr.as_str()), (Some(0), ""));
    for key in [
        "defaults", "rule", "group", "hold", "registry", "cache", "git",
    ] {
        assert!(schema["properties"][key].is_object(), "{key}");
    }
}

#[test]
fn every_command_has_a_manual_page() {
    let folder = clones();
    for (command, name, word) in [
        (&[][..], "pintle", "Exit codes"),
        (&["sync"], "pintle-sync", "dry\\-run"),
        (&["config", "check"], "pintle-config-check", "pintle.toml"),
    ] {
        let output = run(folder.path(), &[&["man"], command].concat());
        assert_eq!((output.code, output.stderr.as_str()), (Some(0), ""));
        let is_page = output.stdout.contains(&format!(".TH {name} 1"));
        assert!(is_page && output.stdout.contains(word), "{}", output.stdout);
    }
    complains(
        &run(folder.path(), &["man", "sink"]),
        2,
        &["pintle has no command sink"],
    );
    let pages = folder.path().join("man1");
    let written = run(
        folder.path(),
        &["man", "--output-dir", &pages.display().to_string()],
    );
    assert_eq!((written.code, written.stdout.as_str()), (Some(0), ""));
    for page in ["pintle.1", "pintle-run.1", "pintle-config-schema.1"] {
        assert!(pages.join(page).is_file(), "{page}");
    }
}

#[test]
fn the_bill_of_materials_is_that_of_the_lock_file() {
    let output = run(clones().path(), &["sbom"]);
    assert_eq!((output.code, output.stderr.as_str()), (Some(0), ""));
    let sbom: serde_json::Value = serde_json::from_str(&output.stdout).unwrap();
    assert_eq!(
        [&sbom["bomFormat"], &sbom["specVersion"]],
        ["CycloneDX", "1.5"]
    );
    let components = sbom["components"].as_array().unwrap();
    let word = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let by_purl: std::collections::BTreeMap<String, &serde_json::Value> = components
        .iter()
        .map(|one| (word(&one["purl"]), one))
        .collect();
    assert_eq!(by_purl.len(), components.len(), "each is there once");
    let lock = include_str!("../../Cargo.lock");
    for one in components {
        let [name, version] = ["name", "version"].map(|key| word(&one[key]));
        let sum = word(&one["hashes"][0]["content"]);
        let entry = format!(
            "name = \"{name}\"\nversion = \"{version}\"\nsource = \"registry+https://github.com/rust-lang/crates.io-index\"\nchecksum = \"{sum}\"\n"
        );
        assert!(lock.contains(&entry), "{entry}");
    }
    let has = |name: &str| components.iter().any(|one| one["name"] == name);
    assert!(has("rustls") && has("ring") && has("libgit2-sys"));
    assert!(!has("proptest") && !has("insta"), "crates of tests alone");
    let own = word(&sbom["metadata"]["component"]["purl"]);
    for one in sbom["dependencies"].as_array().unwrap() {
        let reference = word(&one["ref"]);
        assert!(
            reference == own || by_purl.contains_key(&reference),
            "{reference}"
        );
        for below in one["dependsOn"].as_array().unwrap() {
            assert!(by_purl.contains_key(&word(below)), "{below}");
        }
    }
}

#[test]
fn data_goes_to_standard_output_and_talk_does_not() {
    let line = Line::of_stacks(&[("app", IMAGE)], "");
    let json = |command: &str, more: &[&str]| {
        let args: Vec<&str> = more
            .iter()
            .copied()
            .chain(["--output", "json", "-vv"])
            .collect();
        let output = line.run(command, &args);
        assert_eq!(output.code, Some(0), "{output:?}");
        let value: serde_json::Value = serde_json::from_str(&output.stdout)
            .unwrap_or_else(|why| panic!("{why}: {}", output.stdout));
        let version =
            if matches!(command, "scan" | "plan" | "status") || more.contains(&"--dry-run") {
                2
            } else {
                1
            };
        assert_eq!(value["version"], version, "{command}");
        assert!(!output.stderr.contains('{'), "{}", output.stderr);
        assert!(
            !output.stdout.contains('\u{1b}') && !output.stderr.contains('\u{1b}'),
            "{output:?}"
        );
        value
    };
    assert_eq!(json("scan", &[])["sites"][0]["literal"], IMAGE);
    assert_eq!(json("plan", &[])["changes"][0]["name"], "app");
    assert_eq!(json("sync", &["--dry-run"])["changes"][0]["name"], "app");
    assert_eq!(
        json("explain", &["app"])["explanations"]
            .as_array()
            .map(Vec::len),
        Some(1)
    );
    let status = json("status", &["app"]);
    assert_eq!(
        (
            &status["containers"][0]["state"],
            &status["containers"][0]["verdict"]
        ),
        (&"unknown".into(), &"adopt".into())
    );
    let receipt = json("sync", &[]);
    assert_eq!(receipt["tip"], line.remote.tip());
    assert_eq!(receipt["commits"][0]["commit"], line.remote.tip());
    assert_eq!(json("log", &[])["pins"].as_array().map(Vec::len), Some(1));
    let empty = json("sync", &[]);
    assert_eq!(
        (
            empty["tip"].as_str(),
            empty["commits"].as_array().map(Vec::len)
        ),
        (Some(line.remote.tip().as_str()), Some(0))
    );
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let line = Line::of_stacks(&[("app", IMAGE)], "");
    for args in [
        vec!["scan", "--output", "json"],
        vec!["scan"],
        vec!["plan"],
        vec!["sync", "--dry-run"],
        vec!["sync"],
    ] {
        let (mut child, kept) = line
            .pintle(args[0], &args[1..])
            .start(|command| command.stdout(Stdio::piped()).stderr(Stdio::piped()));
        drop(child.stdout.take());
        let output = kept.output(child);
        let said = output.stderr;
        assert_eq!(output.code, Some(0), "{args:?} {said}");
        assert!(
            !said.contains("panicked") && !said.contains("error"),
            "{args:?} {said}"
        );
    }
    assert_eq!(line.remote.history().len(), 2);
}

/// Every file below a folder.
fn files(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder)
        .expect("the folder can be read")
        .flatten()
    {
        match entry.file_type().expect("it has a type").is_dir() {
            true => files(&entry.path(), into),
            false => into.push(entry.path()),
        }
    }
}

fn finds(bytes: &[u8], secret: &str) -> bool {
    bytes
        .windows(secret.len())
        .any(|part| part == secret.as_bytes())
}

/// A remote behind a token and a private image behind a password, with the arguments that give
/// both.
fn secretive() -> (Line, GitHost, Vec<String>, Vec<String>) {
    let line = Line::of_stacks(
        &[("app", IMAGE), ("other", "ghcr.io/team/other:latest")],
        "",
    );
    let registry = &line.registries.registry;
    registry.set_access(
        "quay.io",
        PullAccess::Token {
            expires_in: Some(300),
        },
    );
    registry.add_user("quay.io", USER, PASSWORD);
    registry.make_private("quay.io", "team/app");
    let auth = STANDARD.encode(format!("{USER}:{PASSWORD}"));
    let config = line.remote.path().with_file_name("docker.json");
    fs::write(
        &config,
        format!(
            "{{\"auths\": {{\"{}\": {{\"auth\": \"{auth}\"}}}}}}",
            line.registries.credential_key("quay.io")
        ),
    )
    .expect("it can be written");
    let secrets = vec![
        TOKEN.to_owned(),
        PASSWORD.to_owned(),
        auth,
        STANDARD.encode(format!("pintle:{TOKEN}")),
    ];
    let host = line.host(TOKEN);
    (
        line,
        host,
        secrets,
        vec!["--docker-config".to_owned(), config.display().to_string()],
    )
}

#[test]
fn no_secret_is_in_any_output_file_or_argument() {
    let (line, host, secrets, docker) = secretive();
    let docker: Vec<&str> = docker.iter().map(String::as_str).collect();
    // The server's hooks see the pusher's environment where the push is a child process, and its
    // arguments through /proc.
    let seen = line.remote.path().join("seen");
    line.hook(
        "pre-receive",
        &format!("#!/bin/sh\ncat >/dev/null\nenv >>'{0}'\ncat /proc/[0-9]*/cmdline >>'{0}' 2>/dev/null\nexit 0\n", seen.display()),
    );
    let path = line.remote.path().display().to_string();
    let mut outputs = Vec::new();
    for (address, seed) in [(host.url(), "first"), (path, "second")] {
        line.registries.put(IMAGE, seed);
        for command in ["scan", "plan", "sync", "log"] {
            let more = if matches!(command, "plan" | "sync") {
                docker.as_slice()
            } else {
                &[]
            };
            let run = line.pintle_at(&address, line.clones(), command, more);
            let output = run
                .env("PINTLE_TOKEN", TOKEN)
                .env("PINTLE_LOG", "trace")
                .run();
            assert_eq!(
                output.code,
                Some(0),
                "{command} {}",
                output.stderr.lines().last().unwrap_or_default()
            );
            outputs.push((command, output));
        }
    }
    line.registries
        .registry
        .add_user("quay.io", USER, "another password");
    line.registries.registry.expire_tokens();
    let refused = line
        .pintle("sync", &docker)
        .env("PINTLE_LOG", "trace")
        .run();
    assert_eq!(refused.code, Some(3), "{refused:?}");
    outputs.push(("refused", refused));
    assert!(
        outputs
            .iter()
            .any(|(_, output)| output.stderr.lines().count() > 20),
        "the log says too little to mean something"
    );
    let mut left = vec![seen];
    files(line.clones(), &mut left);
    files(&line.remote.path(), &mut left);
    for secret in &secrets {
        for (command, output) in &outputs {
            let said = format!("{}{}", output.stdout, output.stderr);
            assert!(
                !said.contains(secret.as_str()),
                "{command} says {secret}: {:?}",
                said.lines().find(|line| line.contains(secret.as_str()))
            );
        }
        for file in &left {
            assert!(
                !finds(&fs::read(file).unwrap_or_default(), secret),
                "{secret} is in {}",
                file.display()
            );
        }
    }
    let issued = |(_, output): &&(&str, Output)| output.stderr.contains("demo-");
    assert_eq!(
        outputs.iter().find(issued).map(|(command, _)| command),
        None,
        "a registry's token is in the log"
    );
    assert!(left.len() > 20 && host.seen().iter().any(|seen| seen.authorization.is_some()));
}
