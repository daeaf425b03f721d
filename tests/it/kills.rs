//! `sync` killed at any point, two hundred times: the remote is before or after, never between, and
//! the next run needs no cleaning.

use std::fs;
use std::os::unix::process::CommandExt;
use std::process::Child;
use std::thread;
use std::time::{Duration, Instant};

use crate::support::cmd::{Kept, Pintle};
use crate::support::git::BRANCH;
use crate::support::git_host::GitHost;
use crate::support::line::{Line, clones, path, stack};

const STACKS: [&str; 3] = ["alpha", "beta", "gamma"];
const TOKEN: &str = "s3cret-of-the-remote";
const WAITS: &str = "waits";
/// For each of the two halves.
const KILLS: usize = 100;

fn image(name: &str) -> String {
    format!("registry.example.com/{name}/app:latest")
}

/// Pinned stacks, and one more whose pin waits: each time its tag moves the ledger is written,
/// which is a push of its own.
fn line() -> Line {
    let stacks = ["alpha", "beta", "gamma", WAITS].map(|name| (name, image(name)));
    let config = format!("\n[[rule]]\nmatch = {{ stack = \"{WAITS}\" }}\nsettle = \"7d\"\n");
    let line = Line::of_stacks(
        &stacks
            .each_ref()
            .map(|(name, image)| (*name, image.as_str())),
        &config,
    );
    line.sync();
    line
}

/// Moves every image's tag and returns the files as they have to be after a sync.
fn moved(line: &Line, seed: &str) -> Vec<(String, String)> {
    line.registries.put(&image(WAITS), seed);
    let one = |name: &&str| {
        let digest = line.registries.put(&image(name), seed);
        (
            path(name),
            stack(name, &[&format!("{}@{digest}", image(name))]),
        )
    };
    STACKS.iter().map(one).collect()
}

fn files_are(line: &Line, want: &[(String, String)]) -> bool {
    let objects: Vec<String> = want
        .iter()
        .map(|(path, _)| format!("{BRANCH}:{path}"))
        .collect();
    let args: Vec<&str> = ["show"]
        .into_iter()
        .chain(objects.iter().map(String::as_str))
        .collect();
    let texts: String = want.iter().map(|(_, text)| text.as_str()).collect();
    line.remote.ask(&args) == texts.trim_end()
}

/// A `sync` over the way that is given, or over the remote's path.
fn sync(line: &Line, host: Option<&GitHost>) -> Pintle {
    let address = host.map_or_else(|| line.remote.path().display().to_string(), GitHost::url);
    line.pintle_at(&address, line.clones(), "sync", &[])
        .env("PINTLE_TOKEN", TOKEN)
}

/// Starts a `sync` in a process group of its own, by which what it leaves running is known.
fn start(line: &Line, host: Option<&GitHost>) -> (Child, Kept) {
    sync(line, host).start(|command| command.process_group(0))
}

/// Waits for what a killed run left running, which is the server's end of a push; `git fsck` calls
/// objects missing that come while it looks.
fn end_of(group: u32) {
    let group = group.to_string();
    let member = |stat: String| {
        // `pid (name) state parent group …`, proc_pid_stat(5); a zombie is nobody any more.
        let mut fields = stat.rsplit(") ").next().unwrap_or_default().split(' ');
        fields.next() != Some("Z") && fields.nth(1) == Some(&group)
    };
    let stats = || {
        fs::read_dir("/proc")
            .expect("/proc can be read")
            .flatten()
            .map(|entry| entry.path().join("stat"))
    };
    while stats()
        .filter_map(|path| fs::read_to_string(path).ok())
        .any(&member)
    {
        thread::sleep(Duration::from_millis(1));
    }
}

/// The tip is where it was, or all the commits are there.
fn before_or_after(line: &Line, tip: &str, after: &[(String, String)]) -> bool {
    let count = line
        .remote
        .ask(&["rev-list", "--count", &format!("{tip}..{BRANCH}")]);
    match count.as_str() {
        "0" => false,
        "3" => {
            assert!(
                files_are(line, after),
                "all commits are there and the files are not"
            );
            true
        }
        other => panic!("{other} commits after a kill"),
    }
}

/// The run after a kill ends well, and then everything is there once.
fn next_run_completes(line: &Line, host: Option<&GitHost>, tip: &str, after: &[(String, String)]) {
    let output = sync(line, host).run();
    assert_eq!(output.code, Some(0), "{output:?}");
    assert!(before_or_after(line, tip, after), "{output:?}");
}

/// And the one after that has nothing to do.
fn then_all_is_done(line: &Line) {
    let tip = line.remote.tip();
    let again = line.run("sync", &[]);
    assert_eq!(
        (again.code, again.stdout.as_str(), line.remote.tip()),
        (Some(0), "", tip),
        "{again:?}"
    );
    let plan = line.plan();
    let waits = plan["sites"]
        .as_array()
        .and_then(|sites| sites.iter().find(|site| site["stack"] == WAITS))
        .expect("it is planned");
    let entry = format!(
        "{}\t{}\t",
        image(WAITS),
        waits["to"].as_str().expect("it wants to move")
    );
    let ledger = line.remote.ask(&["show", "refs/pintle/ledger:ledger.tsv"]);
    assert!(
        ledger.lines().count() == 2 && ledger.contains(&entry),
        "{ledger}"
    );
}

/// Numbers that look like chance and are the same each time (Knuth's MMIX constants).
struct Chance(u64);

impl Chance {
    /// A part of `whole`.
    fn part_of(&mut self, whole: Duration) -> Duration {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        whole.mul_f64((self.0 >> 11) as f64 / (1_u64 << 53) as f64)
    }
}

/// How long an undisturbed run takes, without a clone and with one.
struct Whole {
    fresh: Duration,
    again: Duration,
}

impl Whole {
    fn measure(line: &Line, host: Option<&GitHost>) -> Whole {
        let timed = |seed: &str| {
            let (tip, want, begun) = (line.remote.tip(), moved(line, seed), Instant::now());
            next_run_completes(line, host, &tip, &want);
            begun.elapsed()
        };
        forget_clones(line);
        Whole {
            fresh: timed("without a clone"),
            again: timed("with a clone"),
        }
    }
}

fn forget_clones(line: &Line) {
    fs::remove_dir_all(line.clones()).expect("the clones can be removed");
    fs::create_dir(line.clones()).expect("their folder can be made");
}

/// Kills a hundred times. Returns how often the push had arrived, and how often the run was over
/// before it could be killed.
fn kills(seed: u64, http: bool) -> (usize, usize) {
    let line = line();
    let host = http.then(|| line.host(TOKEN));
    let (mut chance, mut whole) = (Chance(seed), Whole::measure(&line, host.as_ref()));
    let (mut tips, mut killed, mut arrived, mut late) = (Vec::new(), 0, 0, 0);
    while killed < KILLS {
        let (tip, want) = (
            line.remote.tip(),
            moved(&line, &format!("round {}", tips.len())),
        );
        tips.push(tip.clone());
        // Every fifth round starts without a clone, so that making one is killed too.
        let fresh = tips.len() % 5 == 0;
        if fresh {
            forget_clones(&line);
        }
        let limit = if fresh {
            &mut whole.fresh
        } else {
            &mut whole.again
        };
        let begun = Instant::now();
        let (mut child, _home) = start(&line, host.as_ref());
        thread::sleep(chance.part_of(*limit));
        child.kill().expect("it can be killed");
        let ended = child.wait().expect("it ends");
        let landed = before_or_after(&line, &tip, &want);
        match ended.code() {
            Some(code) => {
                assert_eq!((code, landed), (0, true), "it ended by itself");
                late += 1;
                *limit = begun.elapsed().min(*limit).mul_f64(0.95);
            }
            None => {
                killed += 1;
                arrived += usize::from(landed);
                *limit = limit.mul_f64(1.005);
            }
        }
        next_run_completes(&line, host.as_ref(), &tip, &want);
        end_of(child.id());
        if !http {
            line.remote.fsck();
        }
    }
    line.remote.fsck();
    then_all_is_done(&line);
    let history = line.remote.history();
    assert_eq!(history.len(), 2 + STACKS.len() * (tips.len() + 3));
    assert!(
        tips.iter().all(|tip| history.contains(tip)),
        "history was rewritten"
    );
    (arrived, late)
}

#[test]
fn two_hundred_kills_leave_the_remote_before_or_after() {
    let other = thread::spawn(|| kills(7, true));
    let (arrived, late) = kills(3, false);
    let (arrived2, late2) = other.join().expect("the other half holds as well");
    eprintln!(
        "{} kills, {} of them after the push, {} came too late",
        2 * KILLS,
        arrived + arrived2,
        late + late2
    );
}

/// Kills the program from within the push: `$PPID` is `git receive-pack`, whose parent is the
/// program. What the server does then is its own.
const KILL: &str = "#!/bin/sh\n[ -e armed ] || exit 0\n[ -z \"$WHEN\" ] || [ \"$1\" = \"$WHEN\" ] || exit 0\nrm armed\n\
                    kill -9 \"$(sed 's/.*) . //; s/ .*//' /proc/$PPID/stat)\"\n";

#[test]
fn a_kill_in_the_middle_of_the_push_leaves_the_remote_before_or_after() {
    let occasions = [
        ("pre-receive", ""),
        ("update", ""),
        ("reference-transaction", "prepared"),
        ("reference-transaction", "committed"),
    ];
    for (hook, when) in occasions.into_iter().chain([("post-receive", "")]) {
        let line = line();
        line.hook(
            hook,
            &KILL.replacen("[ -e", &format!("WHEN={when}\n[ -e"), 1),
        );
        for round in 0..3 {
            let (tip, want) = (line.remote.tip(), moved(&line, &format!("round {round}")));
            fs::write(line.remote.path().join("armed"), "").expect("the hook can be armed");
            let (mut child, _home) = start(&line, None);
            let ended = child.wait().expect("it ends");
            assert_eq!(ended.code(), None, "{hook} {when}: it was not killed");
            before_or_after(&line, &tip, &want);
            next_run_completes(&line, None, &tip, &want);
            end_of(child.id());
            line.remote.fsck();
            then_all_is_done(&line);
        }
    }
}

#[test]
fn a_server_that_dies_in_the_middle_of_the_push_is_asked_what_it_has() {
    // Within the hook `$PPID` is the server's end of the push.
    let die = |when: &str| {
        format!(
            "#!/bin/sh\n[ -e armed ] || exit 0\n[ -z '{when}' ] || [ \"$1\" = '{when}' ] || exit 0\nrm armed\nkill -9 $PPID\n"
        )
    };
    for (hook, when, has) in [
        ("pre-receive", "", false),
        ("update", "", false),
        ("reference-transaction", "committed", true),
        ("post-receive", "", true),
    ] {
        let line = line();
        line.hook(hook, &die(when));
        let (tip, want) = (line.remote.tip(), moved(&line, "next"));
        fs::write(line.remote.path().join("armed"), "").expect("the hook can be armed");
        let output = sync(&line, None).run();
        let said = output.stdout.lines().count();
        assert_eq!(
            before_or_after(&line, &tip, &want),
            has,
            "{hook} {when} {output:?}"
        );
        assert_eq!(
            (output.code, said),
            if has { (Some(0), 3) } else { (Some(3), 0) },
            "{hook} {when} {output:?}"
        );
        assert!(has || output.stderr.contains("hint: "), "{output:?}");
        next_run_completes(&line, None, &tip, &want);
        line.remote.fsck();
        then_all_is_done(&line);
    }
}

#[test]
fn a_kill_leaves_a_clone_that_others_can_use() {
    let line = line();
    let fresh = clones();
    line.hook("pre-receive", &KILL.replacen("[ -e", "WHEN=\n[ -e", 1));
    let (tip, want) = (line.remote.tip(), moved(&line, "next"));
    fs::write(line.remote.path().join("armed"), "").expect("the hook can be armed");
    let (mut child, _home) = start(&line, None);
    assert_eq!(child.wait().expect("it ends").code(), None);
    // Somebody else, with another clone, is not in the way of the run that comes after the kill.
    let other = line
        .pintle_at(
            &line.remote.path().display().to_string(),
            fresh.path(),
            "sync",
            &[],
        )
        .run();
    assert_eq!(other.code, Some(0), "{other:?}");
    next_run_completes(&line, None, &tip, &want);
    then_all_is_done(&line);
}
