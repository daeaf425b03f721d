//! `sync` killed at any point, two hundred times: the remote is before or after, never between, and the next run needs no cleaning.

use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::git::BRANCH;
use crate::support::line::{Line, clones, path, stack};

const STACKS: [&str; 3] = ["alpha", "beta", "gamma"];
const ROUNDS: usize = 100;

fn image(name: &str) -> String {
    format!("registry.example.com/{name}/app:latest")
}

fn line() -> Line {
    let stacks = STACKS.map(|name| (name, image(name)));
    Line::of_stacks(&stacks.each_ref().map(|(name, image)| (*name, image.as_str())), "")
}

/// Moves every image's tag and returns the files as they have to be after a sync.
fn moved(line: &Line, seed: &str) -> Vec<(String, String)> {
    let one = |name: &&str| {
        let digest = line.registries.put(&image(name), seed);
        (path(name), stack(name, &[&format!("{}@{digest}", image(name))]))
    };
    STACKS.iter().map(one).collect()
}

fn files_are(line: &Line, want: &[(String, String)]) -> bool {
    want.iter().all(|(path, text)| line.remote.file(BRANCH, path) == text.as_bytes())
}

fn start(line: &Line) -> (Child, tempfile::TempDir) {
    line.pintle("sync", &[]).start(|command| drop(command.stdout(Stdio::null()).stderr(Stdio::null())))
}

/// The tip is where it was, or all the commits are there.
fn before_or_after(line: &Line, tip: &str, after: &[(String, String)]) -> bool {
    let count = line.remote.ask(&["rev-list", "--count", &format!("{tip}..{BRANCH}")]);
    match count.as_str() {
        "0" => false,
        "3" => {
            assert!(files_are(line, after), "all commits are there and the files are not");
            true
        }
        other => panic!("{other} commits after a kill"),
    }
}

/// The run after a kill ends well, and then everything is there once.
fn next_run_completes(line: &Line, tip: &str, after: &[(String, String)]) {
    let output = line.run("sync", &[]);
    assert_eq!(output.code, Some(0), "{output:?}");
    assert!(before_or_after(line, tip, after), "{output:?}");
    line.remote.ask(&["merge-base", "--is-ancestor", tip, BRANCH]);
    let again = line.run("sync", &[]);
    assert_eq!((again.code, again.stdout.as_str()), (Some(0), ""), "{again:?}");
}

/// Numbers that look like chance and are the same each time (Knuth's MMIX constants).
struct Chance(u64);

impl Chance {
    /// A part of `whole`.
    fn part_of(&mut self, whole: Duration) -> Duration {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        whole.mul_f64((self.0 >> 11) as f64 / (1_u64 << 53) as f64)
    }
}

/// Returns how often the kill came before the push, after it, and too late.
fn rounds(seed: u64) -> (usize, usize, usize) {
    let line = line();
    let mut chance = Chance(seed);
    let (mut before, mut after, mut late) = (0, 0, 0);
    let mut whole = Duration::ZERO;
    for round in 0..=ROUNDS {
        let (tip, want) = (line.remote.tip(), moved(&line, &format!("round {round}")));
        // Every fifth round starts without a clone, so that making one is killed too.
        if round % 5 == 0 {
            std::fs::remove_dir_all(line.clones()).expect("the clones can be removed");
            std::fs::create_dir(line.clones()).expect("their folder can be made");
        }
        let begun = Instant::now();
        let (mut child, _home) = start(&line);
        if round == 0 {
            // Undisturbed: how long it takes.
            assert!(child.wait().expect("it ends").success());
            whole = begun.elapsed();
            assert!(before_or_after(&line, &tip, &want));
            continue;
        }
        thread::sleep(chance.part_of(whole));
        child.kill().expect("it can be killed");
        let ended = child.wait().expect("it ends");
        let landed = before_or_after(&line, &tip, &want);
        match (ended.code(), landed) {
            (Some(code), _) => {
                assert_eq!((code, landed), (0, true), "it ended by itself");
                late += 1;
            }
            (None, true) => after += 1,
            (None, false) => before += 1,
        }
        line.remote.fsck();
        next_run_completes(&line, &tip, &want);
    }
    assert_eq!(line.remote.history().len(), 1 + 3 * (ROUNDS + 1));
    (before, after, late)
}

#[test]
fn two_hundred_kills_leave_the_remote_before_or_after() {
    let other = thread::spawn(|| rounds(7));
    let (before, after, late) = rounds(3);
    let (before2, after2, late2) = other.join().expect("the other half holds as well");
    eprintln!("killed before the push {}, after it {}, ended first {}", before + before2, after + after2, late + late2);
    assert!(before + before2 > 20, "nearly no kill came early enough to mean something");
}

/// Kills the program from within the push: `$PPID` is `git receive-pack`, whose parent is the program. What the server does then is its own.
const KILL: &str = "#!/bin/sh\n[ -e armed ] || exit 0\n[ -z \"$WHEN\" ] || [ \"$1\" = \"$WHEN\" ] || exit 0\nrm armed\n\
                    kill -9 \"$(sed 's/.*) . //; s/ .*//' /proc/$PPID/stat)\"\n";

#[test]
fn a_kill_in_the_middle_of_the_push_leaves_the_remote_before_or_after() {
    let occasions = [("pre-receive", ""), ("update", ""), ("reference-transaction", "prepared"), ("reference-transaction", "committed")];
    for (hook, when) in occasions.into_iter().chain([("post-receive", "")]) {
        let line = line();
        line.sync();
        line.hook(hook, &KILL.replacen("[ -e", &format!("WHEN={when}\n[ -e"), 1));
        for round in 0..3 {
            let (tip, want) = (line.remote.tip(), moved(&line, &format!("round {round}")));
            std::fs::write(line.remote.path().join("armed"), "").expect("the hook can be armed");
            let (mut child, _home) = start(&line);
            let ended = child.wait().expect("it ends");
            assert_eq!(ended.code(), None, "{hook} {when}: it was not killed");
            before_or_after(&line, &tip, &want);
            line.remote.fsck();
            next_run_completes(&line, &tip, &want);
        }
    }
}

#[test]
fn a_kill_leaves_a_clone_that_others_can_use() {
    let line = line();
    let fresh = clones();
    line.sync();
    line.hook("pre-receive", &KILL.replacen("[ -e", "WHEN=\n[ -e", 1));
    let (tip, want) = (line.remote.tip(), moved(&line, "next"));
    std::fs::write(line.remote.path().join("armed"), "").expect("the hook can be armed");
    let (mut child, _home) = start(&line);
    assert_eq!(child.wait().expect("it ends").code(), None);
    // Somebody else, with another clone, is not in the way of the run that comes after the kill.
    let other = line.pintle_at(&line.remote.path().display().to_string(), fresh.path(), "sync", &[]).run();
    assert_eq!(other.code, Some(0), "{other:?}");
    next_run_completes(&line, &tip, &want);
}
