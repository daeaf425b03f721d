use super::super::tests::fixture::{Host, git};
use super::*;
use crate::remote::git::Access;
use std::process::Command;

/// A remote whose commits have the given times, told by their minute.
struct Work(Host);

impl Work {
    fn new(files: &[(&str, &[u8])]) -> Self {
        let work = Self(Host::empty());
        work.commit(0, files);
        work
    }

    fn git(&self, args: &[&str]) -> String {
        git(&self.0.work(), args)
    }

    fn dated(&self, minute: u32, args: &[&str]) -> String {
        let date = format!("2027-01-01T00:{minute:02}:00Z");
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
            .current_dir(self.0.work())
            .env("GIT_COMMITTER_DATE", &date)
            .env("GIT_AUTHOR_DATE", &date)
            .output()
            .unwrap();
        assert!(
            done.status.success(),
            "{}",
            String::from_utf8_lossy(&done.stderr)
        );
        self.git(&["rev-parse", "HEAD"])
    }

    fn commit(&self, minute: u32, files: &[(&str, &[u8])]) -> String {
        for (path, bytes) in files {
            let path = self.0.work().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, bytes).unwrap();
        }
        self.git(&["add", "-A"]);
        self.dated(minute, &["commit", "-q", "--allow-empty", "-m", "x"])
    }

    fn clone(&self) -> Clone {
        self.git(&["push", "-q", "-f", "origin", "HEAD:trunk"]);
        self.0.clone()
    }
}

/// What is shown of the files, a line a change, until one was changed from `until`.
fn shown(clone: &Clone, paths: &[&str], until: &str, limit: usize) -> (Vec<String>, End) {
    let mut lines = Vec::new();
    let paths = paths.iter().map(|path| (*path).to_owned()).collect();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let end = clone.follow(&clone.tip(), &paths, (limit, Duration::MAX), &mut |turn| {
        let old = turn.old.as_deref().map_or("none".into(), text);
        lines.push(format!(
            "{} {} → {} {}",
            turn.path,
            old,
            text(&turn.new),
            turn.at.strftime("%M")
        ));
        if old == until {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    });
    (lines, end.unwrap())
}

#[test]
fn each_change_of_a_file_is_shown_until_it_is_enough() {
    let work = Work::new(&[("s/a.tf", b"1"), ("b.tf", b"1")]);
    let second = work.commit(1, &[("s/a.tf", b"2")]);
    work.commit(2, &[("b.tf", b"2")]);
    work.commit(3, &[("s/a.tf", b"3"), ("b.tf", b"3")]);
    work.commit(4, &[("other", b"x")]);
    let clone = work.clone();
    let all = [
        "b.tf 2 → 3 03",
        "s/a.tf 2 → 3 03",
        "b.tf 1 → 2 02",
        "s/a.tf 1 → 2 01",
    ];
    assert_eq!(
        shown(&clone, &["s/a.tf", "b.tf"], "never", 100),
        (all.map(str::to_owned).to_vec(), End::Start)
    );
    assert_eq!(
        shown(&clone, &["s/a.tf", "b.tf"], "2", 100),
        (
            all[..2].iter().map(ToString::to_string).collect(),
            End::Found
        )
    );
    assert_eq!(
        shown(&clone, &["s/a.tf"], "1", 3),
        (vec!["s/a.tf 2 → 3 03".into()], End::TooFar)
    );
    assert_eq!(
        shown(&clone, &["s/a.tf"], "1", 4),
        (
            vec!["s/a.tf 2 → 3 03".into(), "s/a.tf 1 → 2 01".into()],
            End::Found
        )
    );
    assert_eq!(shown(&clone, &["no.tf", "s"], "1", 4), (vec![], End::Found));
    let mut commits = Vec::new();
    let mut see = |turn: &Turn| {
        commits.push(turn.commit.to_string());
        ControlFlow::Continue(())
    };
    clone
        .follow(
            &clone.tip(),
            &["s/a.tf".to_owned()].into(),
            (100, Duration::MAX),
            &mut see,
        )
        .unwrap();
    assert_eq!(commits[1], second);
}

#[test]
fn what_a_merge_brings_came_with_the_merge() {
    let work = Work::new(&[("a.tf", b"1")]);
    work.git(&["checkout", "-q", "-b", "side"]);
    work.commit(1, &[("a.tf", b"2")]);
    work.commit(2, &[("a.tf", b"3")]);
    work.git(&["checkout", "-q", "trunk"]);
    work.commit(3, &[("b.tf", b"1")]);
    work.dated(4, &["merge", "-q", "--no-ff", "-m", "merged", "side"]);
    work.commit(5, &[("b.tf", b"2")]);
    assert_eq!(
        shown(&work.clone(), &["a.tf"], "1", 100),
        (vec!["a.tf 1 → 3 04".into()], End::Found)
    );
}

#[test]
fn a_squash_and_a_reverted_change_are_commits_like_others() {
    let work = Work::new(&[("a.tf", b"1")]);
    work.git(&["checkout", "-q", "-b", "side"]);
    work.commit(1, &[("a.tf", b"2")]);
    work.git(&["checkout", "-q", "trunk"]);
    work.git(&["merge", "-q", "--squash", "side"]);
    work.dated(2, &["commit", "-q", "-m", "squashed"]);
    work.dated(3, &["revert", "--no-edit", "HEAD"]);
    work.commit(4, &[("a.tf", b"2")]);
    let want = ["a.tf 1 → 2 04", "a.tf 2 → 1 03", "a.tf 1 → 2 02"];
    assert_eq!(shown(&work.clone(), &["a.tf"], "never", 100).0, want);
}

#[test]
fn no_change_is_older_than_what_it_stands_on() {
    let work = Work::new(&[("a.tf", b"1")]);
    work.commit(9, &[("b.tf", b"1")]);
    work.commit(3, &[("a.tf", b"2")]);
    assert_eq!(
        shown(&work.clone(), &["a.tf"], "1", 100).0,
        ["a.tf 1 → 2 09"]
    );
}

#[test]
fn a_file_that_is_new_or_came_back_was_not_there_before() {
    let work = Work::new(&[("a.tf", b"1")]);
    work.git(&["mv", "a.tf", "b.tf"]);
    work.commit(1, &[]);
    work.commit(2, &[("b.tf", b"2")]);
    assert_eq!(
        shown(&work.clone(), &["b.tf"], "never", 100),
        (
            vec!["b.tf 1 → 2 02".into(), "b.tf none → 1 01".into()],
            End::Found
        )
    );
    work.git(&["rm", "-q", "b.tf"]);
    work.commit(3, &[("b.tf/x", b"1")]);
    work.git(&["rm", "-q", "-r", "b.tf"]);
    work.commit(4, &[("b.tf", b"3")]);
    assert_eq!(
        shown(&work.clone(), &["b.tf"], "never", 100).0,
        ["b.tf none → 3 04"],
        "a folder is no file"
    );
}

#[test]
fn a_history_that_is_cut_off_says_so() {
    let work = Work::new(&[("a.tf", b"1")]);
    work.commit(1, &[("b.tf", b"1")]);
    work.commit(2, &[("b.tf", b"2")]);
    drop(work.clone());
    let url = format!("file://{}", work.0.path().display());
    git(
        work.0.dir.path(),
        ["clone", "-q", "--bare", "--depth", "2", &url, "shallow.git"],
    );
    let remote =
        super::super::Remote::parse(work.0.dir.path().join("shallow.git").to_str().unwrap())
            .unwrap();
    let clone = Clone::open_or_fetch(
        &remote,
        &work.0.dir.path().join("other"),
        &Access::default(),
    )
    .unwrap();
    assert_eq!(shown(&clone, &["a.tf"], "never", 100), (vec![], End::Cut));
    assert_eq!(shown(&clone, &["b.tf"], "1", 100).1, End::Found);
}

#[test]
fn what_takes_too_long_is_given_up() {
    let work = Work::new(&[("a.tf", b"1")]);
    work.commit(1, &[("a.tf", b"2")]);
    let clone = work.clone();
    let end = clone.follow(
        &clone.tip(),
        &["a.tf".to_owned()].into(),
        (100, Duration::ZERO),
        &mut |_| ControlFlow::Continue(()),
    );
    assert_eq!(end.unwrap(), End::TooFar);
}
