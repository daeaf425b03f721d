//! Eight processes on one remote at the same time: every planned change lands once, and nobody's
//! commit is lost.

use std::process::{Child, Stdio};

use tempfile::TempDir;

use crate::support::cmd::Kept;
use crate::support::git::BRANCH;
use crate::support::git_host::GitHost;
use crate::support::line::{Line, clones, path, stack};

const TOKEN: &str = "s3cret-of-the-remote";
const PROCESSES: usize = 8;

fn names() -> Vec<String> {
    (0..PROCESSES).map(|n| format!("stack{n}")).collect()
}

fn image(name: &str) -> String {
    format!("registry.example.com/{name}/app:latest")
}

fn line() -> Line {
    let stacks: Vec<(String, String)> = names()
        .into_iter()
        .map(|name| (name.clone(), image(&name)))
        .collect();
    Line::of_stacks(
        &stacks
            .iter()
            .map(|(name, image)| (name.as_str(), image.as_str()))
            .collect::<Vec<_>>(),
        "",
    )
}

/// The same where every pin but the first waits.
fn patient_line() -> Line {
    let stacks: Vec<(String, String)> = names()
        .into_iter()
        .map(|name| (name.clone(), image(&name)))
        .collect();
    let stacks: Vec<(&str, &str)> = stacks
        .iter()
        .map(|(name, image)| (name.as_str(), image.as_str()))
        .collect();
    Line::of_stacks(
        &stacks,
        "\n[[rule]]\nmatch = { stack = \"*\" }\nsettle = \"7d\"\n",
    )
}

/// Starts all of them, each with its own arguments, and lets each come to its end. Returns what
/// each wrote on standard output.
fn together(
    line: &Line,
    host: Option<&GitHost>,
    runs: Vec<(&TempDir, Vec<String>)>,
) -> Vec<String> {
    let address = host.map_or_else(|| line.remote.path().display().to_string(), GitHost::url);
    let started: Vec<(Child, Kept)> = runs
        .into_iter()
        .map(|(clones, more)| {
            let more: Vec<&str> = more.iter().map(String::as_str).collect();
            let run = line
                .pintle_at(&address, clones.path(), "sync", &more)
                .env("PINTLE_TOKEN", TOKEN);
            run.start(|command| command.stdout(Stdio::piped()).stderr(Stdio::piped()))
        })
        .collect();
    let ended = started.into_iter().map(|(child, kept)| {
        let output = kept.output(child);
        assert_eq!(output.code, Some(0), "{}", output.stderr);
        output.stdout
    });
    ended.collect()
}

/// From `start` on: a line of plain commits, one for each stack, with all the pins and nothing
/// else.
fn each_landed_once(line: &Line, start: &str, seed: &str, said: &[String]) {
    line.remote.fsck();
    let range = format!("{start}..{BRANCH}");
    line.remote
        .ask(&["merge-base", "--is-ancestor", start, BRANCH]);
    assert_eq!(line.remote.ask(&["rev-list", "--merges", &range]), "");
    let subjects = line.remote.ask(&["log", "--format=%s", &range]);
    let mut landed: Vec<&str> = subjects
        .lines()
        .filter_map(|subject| subject.split(':').next())
        .collect();
    landed.sort_unstable();
    assert_eq!(landed, names(), "{subjects}");
    for name in names() {
        let digest = line.registries.put(&image(&name), seed);
        assert_eq!(
            line.text(&name),
            stack(&name, &[&format!("{}@{digest}", image(&name))])
        );
    }
    let changed = line.remote.ask(&["diff", "--name-only", start, BRANCH]);
    assert_eq!(
        changed.lines().collect::<Vec<_>>(),
        names().iter().map(|name| path(name)).collect::<Vec<_>>()
    );
    // Each commit is claimed by a process. Two that made the very same one in the same second both
    // find it there.
    let mut claimed: Vec<&str> = said
        .iter()
        .flat_map(|out| out.lines())
        .filter_map(|line| line.split(' ').next())
        .collect();
    let ids = line.remote.history();
    claimed.sort_unstable();
    claimed.dedup();
    let mut written: Vec<&str> = ids[..PROCESSES]
        .iter()
        .map(|id| &id[..claimed.first().map_or(12, |short| short.len())])
        .collect();
    written.sort_unstable();
    assert_eq!(claimed, written);
}

fn all_for_all(shared: bool) {
    let line = line();
    let one = clones();
    let own: Vec<TempDir> = (0..PROCESSES).map(|_| clones()).collect();
    for seed in ["first", "second", "third"] {
        let start = line.remote.tip();
        for name in names() {
            line.registries.put(&image(&name), seed);
        }
        let said = together(
            &line,
            None,
            own.iter()
                .map(|own| (if shared { &one } else { own }, Vec::new()))
                .collect(),
        );
        each_landed_once(&line, &start, seed, &said);
    }
}

#[test]
fn processes_that_share_a_clone_write_each_change_once() {
    all_for_all(true);
}

#[test]
fn processes_with_clones_of_their_own_write_each_change_once() {
    all_for_all(false);
}

fn each_for_its_own(http: bool) {
    let line = line();
    let host = http.then(|| line.host(TOKEN));
    let own: Vec<TempDir> = (0..PROCESSES).map(|_| clones()).collect();
    for seed in ["first", "second", "third"] {
        let start = line.remote.tip();
        let runs = names().into_iter().zip(&own).map(|(name, own)| {
            line.registries.put(&image(&name), seed);
            let others: Vec<String> = names()
                .into_iter()
                .filter(|other| *other != name)
                .map(|other| format!("\"{other}\""))
                .collect();
            let config = format!(
                "{}\n[deny]\nstacks = [{}]\n",
                line.registries.config(),
                others.join(", ")
            );
            let file = own.path().join("own.toml");
            std::fs::write(&file, config).expect("the configuration can be written");
            (own, vec!["--config".to_owned(), file.display().to_string()])
        });
        let runs: Vec<_> = runs.collect();
        let said = together(&line, host.as_ref(), runs);
        assert!(said.iter().all(|out| out.lines().count() == 1), "{said:?}");
        each_landed_once(&line, &start, seed, &said);
    }
}

#[test]
fn processes_that_each_write_something_else_all_get_through() {
    each_for_its_own(false);
}

#[test]
fn processes_that_each_write_something_else_all_get_through_over_http() {
    each_for_its_own(true);
}

/// A hook that takes no push before all processes have looked and push.
fn all_at_once(line: &Line) -> String {
    let here = line.remote.path().join("here");
    format!(
        "#!/bin/sh\nmkdir -p '{here}' && : > '{here}'/$$\nfor look in $(seq 1200); do\n  [ $(ls '{here}' | wc -l) -ge {PROCESSES} ] && exit 0\n  \
         sleep 0.05\ndone\necho 'not all have come after a minute' >&2\nexit 1\n",
        here = here.display()
    )
}

#[test]
fn processes_that_see_different_things_keep_all_of_it() {
    let line = patient_line();
    line.sync();
    let own: Vec<TempDir> = (0..PROCESSES).map(|_| clones()).collect();
    let tip = line.remote.tip();
    let mut want: Vec<String> = Vec::new();
    let runs = names().into_iter().zip(&own).map(|(name, own)| {
        want.push(format!(
            "{}\t{}",
            image(&name),
            line.registries.put(&image(&name), "second")
        ));
        let others: Vec<String> = names()
            .into_iter()
            .filter(|other| *other != name)
            .map(|other| format!("\"{other}\""))
            .collect();
        let rules = "[[rule]]\nmatch = { stack = \"*\" }\nsettle = \"7d\"\n";
        let config = format!(
            "{}\n{rules}\n[deny]\nstacks = [{}]\n",
            line.registries.config(),
            others.join(", ")
        );
        let file = own.path().join("own.toml");
        std::fs::write(&file, config).expect("the configuration can be written");
        (own, vec!["--config".to_owned(), file.display().to_string()])
    });
    let runs: Vec<_> = runs.collect();
    // Who came late would read what others saw, and forget it because the stack is denied to it.
    line.hook("pre-receive", &all_at_once(&line));
    together(&line, None, runs);
    let ledger = line.remote.ask(&["show", "refs/pintle/ledger:ledger.tsv"]);
    let seen: Vec<&str> = ledger
        .lines()
        .skip(1)
        .filter_map(|line| line.rsplit_once('\t'))
        .map(|(seen, _)| seen)
        .collect();
    assert_eq!(seen, want);
    assert_eq!(line.remote.tip(), tip);
    line.remote.fsck();
}
