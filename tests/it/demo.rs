//! `pintle demo` as a person runs it: the story, and every command that it prints, run as printed.

use super::support::cmd;
use super::support::guard::Guard;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// A shell in the folder the demo was started in, with an environment that holds nothing of the
/// machine's.
fn shell(home: &Path, line: &str) -> Command {
    let mut command = Command::new("sh");
    command
        .args(["-c", &format!("exec {line}")])
        .current_dir(home)
        .stdin(Stdio::null());
    cmd::clean(&mut command, home);
    command
}

fn run(home: &Path, line: &str) -> (String, Output) {
    let output = shell(home, line).output().expect("the shell starts");
    assert!(
        output.status.success(),
        "{line}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    (
        String::from_utf8(output.stdout.clone()).expect("UTF-8"),
        output,
    )
}

#[test]
fn the_story_is_told_and_its_commands_work_as_printed() {
    let home = tempfile::tempdir().expect("a folder");
    let program = env!("CARGO_BIN_EXE_pintle");
    let (story, _) = run(
        home.path(),
        &format!("{program} demo --dir {}/a\\ demo", home.path().display()),
    );
    for part in [
        "1. scan",
        "2. sync",
        "3. upstream moves a tag",
        "stale",
        "4. sync",
        "+          image = ",
        "5. somebody rolls the new image back by hand",
        "$ kubectl -n media rollout undo deployment/sonarr",
        "ms after the undo)",
        "# pintle: hold",
        "CI applies it: nothing changes in the cluster",
        "6. status",
        "7. log",
        "rollback lscr.io/linuxserver/sonarr",
        "update lscr.io/linuxserver/sonarr:latest",
    ] {
        assert!(story.contains(part), "{part} is missing in:\n{story}");
    }
    let printed: Vec<&str> = story
        .lines()
        .filter_map(|line| line.strip_prefix("  "))
        .filter(|line| line.starts_with(program) || line.starts_with("git "))
        .collect();
    let (serve, once): (Vec<&str>, Vec<&str>) = printed
        .into_iter()
        .partition(|line| line.contains("demo serve"));
    assert_eq!((serve.len(), once.len()), (1, 8), "{story}");
    let (before, after): (Vec<&str>, Vec<&str>) = once.into_iter().partition(|line| {
        ![" plan ", " sync ", " status "]
            .iter()
            .any(|word| line.contains(word))
    });
    for line in before {
        assert!(
            !run(home.path(), line).0.is_empty(),
            "{line} prints nothing"
        );
    }
    let log = home.path().join("serve.log");
    let mut serving = Guard::start(shell(home.path(), serve[0]), &log);
    let answers = || {
        std::fs::read_to_string(&log)
            .ok()
            .filter(|said| said.contains("answer on http://127.0.0.1:"))
    };
    serving
        .wait_until(answers)
        .expect("the registries are served");
    let plan = run(home.path(), after[0]).0;
    assert!(
        plan.contains("update") && plan.contains("docker.io/library/debian:bookworm-slim"),
        "{plan}"
    );
    let status = run(home.path(), after[1]).0;
    assert!(
        status.contains("deployment/media/sonarr:sonarr")
            && status.contains("after an undo in the cluster"),
        "{status}"
    );
    let sync = run(home.path(), after[2]).0;
    assert!(sync.contains("media: pin"), "{sync}");
    drop(serving);
}

#[test]
fn a_folder_that_is_in_use_is_refused() {
    let home = tempfile::tempdir().expect("a folder");
    std::fs::write(home.path().join("mine"), "x").expect("a file");
    let output = cmd::Pintle::new(home.path(), ["demo", "--dir", "."]).run();
    assert_eq!(output.code, Some(2));
    assert!(output.stderr.contains("is not empty"), "{}", output.stderr);
}
