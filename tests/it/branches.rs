//! Pull requests' branches over the ways pintle pushes: made, rewritten and deleted with a lease,
//! by many at once, with a person in between, and by processes that are killed within the push.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use jiff::Timestamp;
use pintle::pipeline::CommitId;
use pintle::remote::git::{Access, Clone, Identity, PushError, Pushed, Put, Remote};
use secrecy::SecretString;
use tempfile::tempdir;

use crate::support::git::{self, BRANCH};
use crate::support::git_host::{self, GitHost};
use crate::support::line::executable;

const TOKEN: &str = "hunter2-very-secret";
const BASIC: git_host::Access = git_host::Access::Basic {
    user: "pintle",
    password: TOKEN,
};
const SHORT: &str = "pintle/media";
const FULL: &str = "refs/heads/pintle/media";
const PROCESSES: usize = 8;
const PERSONS_COMMITS: usize = 8;
/// The file, beside the clones, that ends a race.
const DONE: &str = "done";

fn open(address: &str, cache: &Path) -> Clone {
    let access = Access {
        token: Some(SecretString::from(TOKEN)),
        ..Access::default()
    };
    Clone::open_or_fetch(&Remote::parse(address).expect("an address"), cache, &access)
        .expect("it opens")
}

/// A commit on the followed branch's tip, as pintle makes them.
fn proposal(clone: &Clone, text: &str) -> CommitId {
    let who = Identity {
        name: "pintle".into(),
        email: "pintle@example.org".into(),
    };
    let put = Put {
        path: "a.tf".into(),
        bytes: text.into(),
    };
    clone
        .write_commit(
            Some(&clone.tip()),
            &[put],
            &format!("proposal {text}\n"),
            &who,
            Timestamp::UNIX_EPOCH,
        )
        .expect("it can be written")
}

/// What the branch holds as of the last fetch.
fn now(clone: &Clone) -> Option<CommitId> {
    clone
        .branches_under(SHORT)
        .into_iter()
        .find(|(name, _)| name == SHORT)
        .map(|(_, tip)| tip)
}

/// Whether pintle made the commit itself; what a person pushed it leaves alone.
fn is_own(clone: &Clone, tip: &CommitId) -> bool {
    clone.head(tip).expect("it can be read").committer.name == "pintle"
}

#[test]
fn a_branch_is_made_rewritten_and_deleted_over_http() {
    let mut remote = git::Remote::from_files(&[("a.tf", b"one")]);
    let host = GitHost::start(&remote.path(), &BASIC);
    let cache = tempdir().expect("a folder");
    let mut clone = open(&host.url(), cache.path());
    let first = proposal(&clone, "first");
    assert_eq!(
        clone.push_branch(FULL, None, &first).expect("it is made"),
        Pushed::Confirmed
    );
    assert_eq!(
        clone.push_branch(FULL, None, &first).expect("it is there"),
        Pushed::Found
    );
    remote.commit("on", &[("b.tf", b"")]);
    clone.fetch().expect("it can be fetched");
    assert_eq!(now(&clone), Some(first.clone()));
    let second = proposal(&clone, "second");
    assert_eq!(
        clone
            .push_branch(FULL, Some(&first), &second)
            .expect("it is rewritten"),
        Pushed::Confirmed
    );
    assert_eq!(
        remote.ask(&["rev-list", &format!("{BRANCH}..{SHORT}")]),
        second.as_str()
    );
    let stale = clone.push_branch(FULL, Some(&first), &proposal(&clone, "third"));
    assert!(
        matches!(&stale, Err(PushError::TipMoved { now: Some(now) }) if *now == second),
        "{stale:?}"
    );
    assert!(matches!(
        clone.delete_branch(FULL, &first),
        Err(PushError::TipMoved { now: Some(_) })
    ));
    assert_eq!(
        clone.delete_branch(FULL, &second).expect("it is deleted"),
        Pushed::Confirmed
    );
    assert_eq!(remote.ask(&["for-each-ref", "refs/heads/pintle"]), "");
    remote.fsck();
    assert!(host.seen().iter().all(|seen| !seen.target.contains(TOKEN)));
}

#[test]
fn a_push_between_the_list_and_the_update_is_never_overwritten_over_http() {
    let remote = git::Remote::from_files(&[("a.tf", b"one")]);
    let host = GitHost::start(&remote.path(), &BASIC);
    let cache = tempdir().expect("a folder");
    let mut clone = open(&host.url(), cache.path());
    let (first, second) = (proposal(&clone, "first"), proposal(&clone, "second"));
    clone.push_branch(FULL, None, &first).expect("it is made");
    let theirs = persons_commit(&remote, first.as_str());
    let hook = remote.path().join("hooks/pre-receive");
    std::fs::create_dir_all(hook.parent().expect("a folder")).expect("it can be made");
    executable(
        &hook,
        &format!(
            "#!/bin/sh\ncat >/dev/null\nunset GIT_QUARANTINE_PATH\ngit update-ref {FULL} {theirs}\n"
        ),
    );
    let lost = clone.push_branch(FULL, Some(&first), &second);
    assert!(matches!(lost, Err(PushError::TipMoved { .. })), "{lost:?}");
    assert_eq!(remote.ask(&["rev-parse", FULL]), theirs);
    remote.ask(&["update-ref", FULL, first.as_str()]);
    let lost = clone.delete_branch(FULL, &first);
    assert!(matches!(lost, Err(PushError::TipMoved { .. })), "{lost:?}");
    assert_eq!(remote.ask(&["rev-parse", FULL]), theirs);
}

/// Makes a person's commit on another in the remote, on no branch yet.
fn persons_commit(remote: &git::Remote, on: &str) -> String {
    remote.ask(&[
        "commit-tree",
        "-p",
        on,
        "-m",
        "by hand",
        &format!("{on}^{{tree}}"),
    ])
}

/// A process of its own: this program again, with one test and the words that make it one.
fn process(address: &str, cache: &Path, job: &str) -> Child {
    let mut command = Command::new(std::env::current_exe().expect("this program has a path"));
    command.args(["--exact", "branches::stands_for_a_process", "--nocapture"]);
    command
        .env("PINTLE_TEST_JOB", job)
        .env("PINTLE_TEST_REMOTE", address)
        .env("PINTLE_TEST_CACHE", cache);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts")
}

/// Does nothing unless [`process`] started it.
#[test]
fn stands_for_a_process() {
    let told = |name: &str| std::env::var(name).ok();
    let (Some(job), Some(address), Some(cache)) = (
        told("PINTLE_TEST_JOB"),
        told("PINTLE_TEST_REMOTE"),
        told("PINTLE_TEST_CACHE"),
    ) else {
        return;
    };
    let cache = Path::new(&cache);
    let mut clone = open(&address, cache);
    let Some(name) = job.strip_prefix("race ") else {
        return while !proposed(&mut clone, &job) {};
    };
    let done = cache.with_file_name(DONE);
    for turn in 0.. {
        proposed(&mut clone, &format!("{name}-{turn}"));
        if done.exists() {
            break;
        }
    }
}

/// Puts a proposal on the branch, in place of pintle's own; not when a person has pushed to it.
/// Says whether it is there.
fn proposed(clone: &mut Clone, text: &str) -> bool {
    let old = now(clone);
    let theirs = old.as_ref().is_some_and(|old| !is_own(clone, old));
    let pushed = if theirs {
        Ok(false)
    } else {
        push(clone, old.as_ref(), text)
    };
    clone.fetch().expect("it can be fetched");
    pushed.unwrap_or_else(|why| panic!("{why:?}"))
}

fn push(clone: &mut Clone, old: Option<&CommitId>, text: &str) -> Result<bool, PushError> {
    let new = proposal(clone, text);
    match clone.push_branch(FULL, old, &new) {
        Ok(_) => Ok(true),
        Err(PushError::TipMoved { .. }) => Ok(false),
        Err(other) => Err(other),
    }
}

/// A person pushes onto whatever is on the branch; when that arrived, it stays until the person
/// takes the branch away.
fn by_hand(remote: &git::Remote) -> Option<String> {
    let tip = remote.ask(&["for-each-ref", "--format=%(objectname)", FULL]);
    if tip.is_empty() {
        return None;
    }
    let mine = persons_commit(remote, &tip);
    let pushed = git::command(&remote.path(), &["update-ref", FULL, &mine, &tip], 0)
        .output()
        .expect("git starts");
    pushed.status.success().then(|| {
        assert_eq!(
            remote.ask(&["rev-parse", FULL]),
            mine,
            "a person's commit was lost"
        );
        // Fails when it holds anything else by now.
        remote.ask(&["update-ref", "-d", FULL, &mine]);
        mine
    })
}

/// Eight processes rewrite one branch, on and on, while a person uses it too.
fn a_person_among_many(http: bool) {
    let remote = git::Remote::from_files(&[("a.tf", b"one")]);
    let log = remote.path().join("updates");
    let hook = remote.path().join("hooks/post-receive");
    std::fs::create_dir_all(hook.parent().expect("a folder")).expect("it can be made");
    executable(&hook, &format!("#!/bin/sh\ncat >> '{}'\n", log.display()));
    let host = http.then(|| GitHost::start(&remote.path(), &BASIC));
    let address = host
        .as_ref()
        .map_or_else(|| remote.path().display().to_string(), GitHost::url);
    let folder = tempdir().expect("a folder");
    let start = |racer: usize| {
        process(
            &address,
            &folder.path().join(racer.to_string()),
            &format!("race {racer}"),
        )
    };
    let running: Vec<Child> = (0..PROCESSES).map(start).collect();
    let landed: Vec<String> = std::iter::repeat_with(|| by_hand(&remote))
        .flatten()
        .take(PERSONS_COMMITS)
        .collect();
    std::fs::write(folder.path().join(DONE), "").expect("it can be written");
    for child in running {
        let output = child.wait_with_output().expect("it ends");
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    // No update of pintle's has a person's commit as its old end.
    let updates = std::fs::read_to_string(&log).expect("somebody pushed");
    let over: Vec<&str> = updates
        .lines()
        .filter(|line| landed.iter().any(|mine| line.starts_with(mine.as_str())))
        .collect();
    assert_eq!(over, [] as [&str; 0]);
    assert!(updates.lines().count() >= PERSONS_COMMITS, "{updates}");
    assert_eq!(
        remote.history().len(),
        1,
        "the followed branch is as it was"
    );
    remote.fsck();
}

#[test]
fn of_many_on_one_branch_none_overwrites_a_person() {
    a_person_among_many(false);
}

#[test]
fn of_many_on_one_branch_none_overwrites_a_person_over_http() {
    a_person_among_many(true);
}

/// As in `kills`: from within a hook, ends the process that pushes.
const KILL: &str = "#!/bin/sh\n[ -e armed ] || exit 0\n[ -z \"$WHEN\" ] || [ \"$1\" = \"$WHEN\" ] || exit 0\nrm armed\n\
                    kill -9 \"$(sed 's/.*) . //; s/ .*//' /proc/$PPID/stat)\"\n";

#[test]
fn a_kill_in_the_middle_of_the_push_leaves_the_branch_before_or_after() {
    let occasions = [
        ("pre-receive", ""),
        ("update", ""),
        ("reference-transaction", "prepared"),
        ("post-receive", ""),
    ];
    for (hook, when) in occasions {
        let remote = git::Remote::from_files(&[("a.tf", b"one")]);
        let path = remote.path().join("hooks").join(hook);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("it can be made");
        executable(
            &path,
            &KILL.replacen("[ -e", &format!("WHEN={when}\n[ -e"), 1),
        );
        let (cache, address) = (
            tempdir().expect("a folder"),
            remote.path().display().to_string(),
        );
        let mut clone = open(&address, cache.path());
        let (first, second) = (proposal(&clone, "first"), proposal(&clone, "second"));
        clone.push_branch(FULL, None, &first).expect("it is made");
        drop(clone);
        std::fs::write(remote.path().join("armed"), "").expect("the hook can be armed");
        let ended = process(&address, cache.path(), "second")
            .wait()
            .expect("it ends");
        assert_eq!(ended.code(), None, "{hook} {when}: it was not killed");
        let after = remote.ask(&["rev-parse", FULL]);
        assert!(
            [first.as_str(), second.as_str()].contains(&after.as_str()),
            "{hook} {when}: {after}"
        );
        // The next one needs no cleaning, and ends where the killed one would have.
        let next = process(&address, cache.path(), "second")
            .wait_with_output()
            .expect("it ends");
        assert!(
            next.status.success(),
            "{hook} {when}: {}",
            String::from_utf8_lossy(&next.stderr)
        );
        assert_eq!(
            remote.ask(&["rev-parse", FULL]),
            second.as_str(),
            "{hook} {when}"
        );
        assert_eq!(remote.history().len(), 1);
    }
}
