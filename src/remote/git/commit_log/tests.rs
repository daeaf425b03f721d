use super::super::tests::fixture::{Host, git};
use super::*;
use std::process::Command;

/// A work tree whose commits are a minute apart.
struct Work {
    host: Host,
    minute: u32,
}

impl Work {
    fn new() -> Self {
        Self {
            host: Host::with(&[("a.tf", b"1")]),
            minute: 0,
        }
    }

    fn git(&self, args: &[&str]) -> String {
        git(&self.host.work(), args)
    }

    fn dated(&mut self, args: &[&str]) {
        self.minute += 1;
        let date = format!(
            "2027-01-01T{:02}:{:02}:00Z",
            self.minute / 60,
            self.minute % 60
        );
        let mut command = Command::new("git");
        command
            .args([
                "-c",
                "user.name=Ada Person",
                "-c",
                "user.email=ada@example.org",
            ])
            .args(args);
        let done = command
            .current_dir(self.host.work())
            .env("GIT_COMMITTER_DATE", &date)
            .env("GIT_AUTHOR_DATE", &date)
            .output()
            .unwrap();
        assert!(
            done.status.success(),
            "{}",
            String::from_utf8_lossy(&done.stderr)
        );
    }

    fn commit(&mut self, subject: &str) {
        self.dated(&["commit", "-q", "--allow-empty", "-m", subject]);
    }

    fn merge(&mut self, subject: &str, others: &[&str]) {
        let args: Vec<&str> = ["merge", "-q", "--no-ff", "-s", "octopus", "-m", subject]
            .into_iter()
            .chain(others.iter().copied())
            .collect();
        self.dated(&args);
    }

    fn on(&self, branch: &str, from: &str) {
        self.git(&["checkout", "-q", "-B", branch, from]);
    }

    /// Subject of each commit, and of the merge it came by.
    fn past(&self, limit: usize) -> Vec<String> {
        let past = read_log_of(&self.host.work(), limit, Duration::MAX)
            .unwrap()
            .unwrap();
        let subject = |past: &LoggedCommit| past.message.trim_end().to_owned();
        let merge = |id: &CommitId| past.iter().find(|one| one.commit == *id).unwrap();
        past.iter()
            .map(|one| match &one.merged_by {
                Some(id) => {
                    assert_eq!(one.at, merge(id).at);
                    format!("{} by {}", subject(one), subject(merge(id)))
                }
                None => subject(one),
            })
            .collect()
    }
}

#[test]
fn what_a_merge_brings_stands_behind_it() {
    let mut work = Work::new();
    work.commit("two");
    work.on("side", "HEAD~1");
    work.commit("s1");
    work.on("trunk", "trunk");
    work.commit("three");
    work.on("side", "side");
    work.commit("s2");
    work.on("trunk", "trunk");
    work.merge("merged", &["side"]);
    work.commit("four");
    let all = [
        "four",
        "merged",
        "s2 by merged",
        "s1 by merged",
        "three",
        "two",
        "Start",
    ];
    assert_eq!(work.past(100), all);
    // The line is followed further than it is told, so that a short past holds nothing that came
    // another way.
    assert_eq!(work.past(2), all[..4]);
    assert_eq!(work.past(1), all[..1]);
    assert_eq!(work.past(0), [] as [&str; 0]);
}

#[test]
fn what_two_merges_bring_came_with_the_first() {
    let mut work = Work::new();
    work.on("side", "trunk");
    work.commit("s1");
    work.on("trunk", "trunk");
    work.merge("first", &["side"]);
    work.on("side", "side");
    work.commit("s2");
    // It catches up, which is a merge on the side, and goes on.
    work.merge("caught up", &["trunk"]);
    work.commit("s3");
    work.on("trunk", "trunk");
    work.merge("second", &["side"]);
    let want = [
        "second",
        "s3 by second",
        "caught up by second",
        "s2 by second",
        "first",
        "s1 by first",
        "Start",
    ];
    assert_eq!(work.past(100), want);
}

#[test]
fn a_merge_of_merges_and_of_three_brings_all_of_them() {
    let mut work = Work::new();
    for name in ["a", "b", "c"] {
        work.on(name, "trunk");
        work.commit(name);
    }
    work.on("a", "a");
    work.merge("a takes b", &["b"]);
    work.on("trunk", "trunk");
    work.commit("two");
    work.merge("three heads", &["a", "c"]);
    let want = [
        "three heads",
        "a takes b by three heads",
        "c by three heads",
        "b by three heads",
        "a by three heads",
        "two",
        "Start",
    ];
    assert_eq!(work.past(100), want);
}

#[test]
fn of_a_long_side_the_newest_are_read() {
    let mut work = Work::new();
    work.on("side", "trunk");
    (0..60).for_each(|n| work.commit(&format!("s{n}")));
    work.on("trunk", "trunk");
    work.merge("merged", &["side"]);
    let past = work.past(100);
    assert_eq!(
        (
            past.len(),
            past[1].as_str(),
            past[50].as_str(),
            past[51].as_str()
        ),
        (52, "s59 by merged", "s10 by merged", "Start")
    );
}

#[test]
fn a_shallow_past_ends_where_it_was_cut_off() {
    let mut work = Work::new();
    work.on("side", "trunk");
    work.commit("s1");
    work.on("trunk", "trunk");
    work.commit("two");
    work.merge("merged", &["side"]);
    work.git(&["push", "-q", "origin", "trunk"]);
    let url = format!("file://{}", work.host.path().display());
    for (depth, want) in [("1", 1), ("2", 3)] {
        let name = format!("shallow-{depth}");
        git(
            work.host.dir.path(),
            ["clone", "-q", "--depth", depth, &url, &name],
        );
        assert_eq!(
            read_log_of(&work.host.dir.path().join(name), 100, Duration::MAX)
                .unwrap()
                .unwrap()
                .len(),
            want
        );
    }
}

#[test]
fn ancestors_are_told_from_others() {
    let mut work = Work::new();
    work.on("side", "trunk");
    work.commit("s1");
    work.on("other", "trunk");
    work.commit("o1");
    work.on("trunk", "trunk");
    work.merge("merged", &["side"]);
    work.git(&[
        "push",
        "-q",
        "origin",
        "trunk",
        "other:refs/heads/pintle/other",
    ]);
    let clone = work.host.clone();
    let id = |name: &str| CommitId::parse(&work.git(&["rev-parse", name])).unwrap();
    let ids = |names: &[&str]| {
        names
            .iter()
            .map(|name| id(name))
            .collect::<BTreeSet<CommitId>>()
    };
    let among = |limit| {
        clone
            .ancestors_among(
                &clone.tip(),
                &ids(&["trunk", "side", "other", "trunk~1"]),
                limit,
            )
            .unwrap()
    };
    assert_eq!(among(100), ids(&["trunk", "side", "trunk~1"]));
    assert_eq!(among(2), ids(&["trunk", "side"]));
}
