pub(crate) mod fixture;

use super::*;
use crate::error::{Error, Kind as ErrorKind, Result};
use fixture::{Host, at, git, who};
use std::path::Path;
use std::time::Duration;

fn put(path: &str, bytes: &[u8]) -> Put {
    Put {
        path: path.into(),
        bytes: bytes.into(),
    }
}

fn open(remote: &Remote, cache: &Path) -> Result<Clone> {
    Clone::open_or_fetch(remote, cache, &Access::default())
}

fn refused(remote: &Remote, cache: &Path) -> Error {
    match open(remote, cache) {
        Ok(_) => panic!("{remote} was cloned"),
        Err(error) => error,
    }
}

#[test]
fn a_commit_is_written_and_pushed_onto_the_tip() {
    let host = Host::with(&[
        ("a.tf", b"one\r\n"),
        ("s/b.tf", b"\xef\xbb\xbftwo"),
        ("s/run", b"x"),
    ]);
    std::fs::set_permissions(
        host.work().join("s/run"),
        std::os::unix::fs::PermissionsExt::from_mode(0o755),
    )
    .unwrap();
    host.push_work("run");
    let mut clone = host.clone();
    assert_eq!(
        (clone.branch(), clone.branch_ref().as_str()),
        ("trunk", "refs/heads/trunk")
    );
    let tip = clone.tip();
    let one = clone
        .write_commit(
            Some(&tip),
            &[put("s/run", b"y"), put("s/b.tf", b"three\r\n")],
            "s: one\n",
            &who(),
            at(7),
        )
        .unwrap();
    let two = clone
        .write_commit(
            Some(&one),
            &[put("a.tf", b"four")],
            "a: two\n",
            &who(),
            at(8),
        )
        .unwrap();
    assert_eq!(
        clone.push("refs/heads/trunk", Some(&tip), &two).unwrap(),
        Pushed::Confirmed
    );
    assert_eq!(
        host.ask(["rev-parse", "trunk", "trunk~1", "trunk~2"]),
        format!("{two}\n{one}\n{tip}")
    );
    assert_eq!(
        host.ask(["ls-tree", "trunk", "s/run"]).split(' ').next(),
        Some("100755")
    );
    assert_eq!(host.ask(["show", "trunk:s/b.tf"]), "three");
    assert_eq!(
        host.ask(["show", "--format=%an <%ae> %at|%cn %ct|%B", "-s", "trunk~1"]),
        "pintle <pintle@example.org> 7|pintle 7|s: one"
    );
    host.ask(["fsck", "--full", "--strict"]);
    clone.fetch().unwrap();
    assert_eq!(clone.tip(), two);
    // And from the other side: what others push is seen.
    git(&host.work(), ["pull", "-q", "origin", "trunk"]);
    let next = host.commit("next", &[("c.tf", b"")]);
    clone.fetch().unwrap();
    assert_eq!(clone.tip().as_str(), next);
    git(clone.repo.path(), ["fsck", "--full", "--strict"]);
}

#[test]
fn a_push_onto_a_tip_that_moved_is_refused_and_says_where_it_is() {
    let host = Host::with(&[("a.tf", b"1")]);
    let mut clone = host.clone();
    let tip = clone.tip();
    let commit = clone
        .write_commit(Some(&tip), &[put("a.tf", b"2")], "a", &who(), at(7))
        .unwrap();
    let now = host.commit("faster", &[("b.tf", b"")]);
    let Err(PushError::TipMoved { now: Some(seen) }) =
        clone.push("refs/heads/trunk", Some(&tip), &commit)
    else {
        panic!("pushed")
    };
    assert_eq!(seen.as_str(), now);
    assert_eq!(host.ask(["rev-parse", "trunk"]), now);
    // Nor is a ref made that should not exist, or one replaced that should have been made.
    assert!(matches!(
        clone.push("refs/heads/trunk", None, &commit),
        Err(PushError::TipMoved { .. })
    ));
    assert!(matches!(
        clone.push("refs/heads/new", Some(&tip), &commit),
        Err(PushError::TipMoved { now: None })
    ));
}

#[test]
fn the_server_compares_again_when_it_writes() {
    let host = Host::with(&[("a.tf", b"1")]);
    let mut clone = host.clone();
    let tip = clone.tip();
    let commit = clone
        .write_commit(Some(&tip), &[put("a.tf", b"2")], "a", &who(), at(7))
        .unwrap();
    let faster = host.commit("faster", &[("b.tf", b"")]);
    git(
        &host.path(),
        ["update-ref", "refs/heads/trunk", tip.as_str(), &faster],
    );
    // The other one lands between the list of refs and the update.
    host.hook(
        "pre-receive",
        &format!("env -u GIT_QUARANTINE_PATH git update-ref refs/heads/trunk {faster} {tip}"),
    );
    let lost = clone.push("refs/heads/trunk", Some(&tip), &commit);
    assert!(matches!(lost, Err(PushError::TipMoved { .. })), "{lost:?}");
    assert_eq!(host.ask(["rev-parse", "trunk"]), faster);
}

#[test]
fn a_hooks_refusal_is_reported_in_its_words() {
    let host = Host::with(&[("a.tf", b"1")]);
    host.hook("pre-receive", "echo 'main is protected' >&2; exit 1");
    let mut clone = host.clone();
    let tip = clone.tip();
    let commit = clone
        .write_commit(Some(&tip), &[put("a.tf", b"2")], "a", &who(), at(7))
        .unwrap();
    let Err(PushError::Refused(why)) = clone.push("refs/heads/trunk", Some(&tip), &commit) else {
        panic!("pushed")
    };
    assert_eq!(why, "pre-receive hook declined: main is protected");
    assert_eq!(host.ask(["rev-parse", "trunk"]), tip.as_str());
}

#[test]
fn a_push_whose_answer_was_lost_is_found() {
    let host = Host::with(&[("a.tf", b"1")]);
    let mut clone = host.clone();
    let tip = clone.tip();
    let commit = clone
        .write_commit(Some(&tip), &[put("a.tf", b"2")], "a", &who(), at(7))
        .unwrap();
    // post-receive runs when the ref is written; the server dies before its answer is out.
    host.hook("post-update", "kill -9 $PPID");
    assert_eq!(
        clone.push("refs/heads/trunk", Some(&tip), &commit).unwrap(),
        Pushed::Found
    );
    assert_eq!(host.ask(["rev-parse", "trunk"]), commit.as_str());
    assert_eq!(
        clone.push("refs/heads/trunk", Some(&tip), &commit).unwrap(),
        Pushed::Found
    );
}

#[test]
fn a_server_that_dies_before_it_writes_is_no_success() {
    let host = Host::with(&[("a.tf", b"1")]);
    let mut clone = host.clone();
    let tip = clone.tip();
    let commit = clone
        .write_commit(Some(&tip), &[put("a.tf", b"2")], "a", &who(), at(7))
        .unwrap();
    host.hook("pre-receive", "kill -9 $PPID");
    let cut = clone.push("refs/heads/trunk", Some(&tip), &commit);
    assert!(matches!(cut, Err(PushError::Unreachable(_))), "{cut:?}");
    assert_eq!(host.ask(["rev-parse", "trunk"]), tip.as_str());
}

#[test]
fn of_many_at_once_each_lands_once() {
    let host = Host::with(&[("a.tf", b"1")]);
    std::thread::scope(|scope| {
        for racer in 0..8 {
            let host = &host;
            scope.spawn(move || {
                let mut clone = host.clone_in(&format!("cache-{racer}"));
                loop {
                    let tip = clone.tip();
                    let file = put(&format!("{racer}.tf"), b"x");
                    let commit = clone
                        .write_commit(
                            Some(&tip),
                            &[file],
                            &format!("racer {racer}\n"),
                            &who(),
                            at(7),
                        )
                        .unwrap();
                    match clone.push("refs/heads/trunk", Some(&tip), &commit) {
                        Ok(_) => break,
                        Err(PushError::TipMoved { .. }) => clone.fetch().unwrap(),
                        Err(other) => panic!("{other:?}"),
                    }
                }
            });
        }
    });
    let mut subjects: Vec<String> = host
        .ask(["log", "--format=%s", "trunk"])
        .lines()
        .map(str::to_owned)
        .collect();
    subjects.sort();
    assert_eq!(subjects.len(), 9);
    assert_eq!(
        subjects[1..],
        (0..8)
            .map(|racer| format!("racer {racer}"))
            .collect::<Vec<_>>()
    );
    host.ask(["fsck", "--full", "--strict"]);
}

#[test]
fn what_a_killed_process_left_is_thrown_away() {
    let host = Host::with(&[("a.tf", b"1"), ("b.tf", b"2")]);
    let tip = host.clone().tip();
    let folder = host.clone_folder();
    let cases: [(&str, &dyn Fn()); 6] = [
        ("a lock file", &|| {
            std::fs::write(folder.join("refs/pintle-clone/tip.lock"), "").unwrap()
        }),
        ("a lock of packed-refs", &|| {
            std::fs::write(folder.join("packed-refs.lock"), "").unwrap()
        }),
        ("no HEAD", &|| {
            std::fs::remove_file(folder.join("HEAD")).unwrap()
        }),
        ("a HEAD of nothing", &|| {
            std::fs::write(folder.join("HEAD"), "").unwrap()
        }),
        ("no objects", &|| {
            std::fs::remove_dir_all(folder.join("objects")).unwrap()
        }),
        ("half packs", &|| {
            for entry in std::fs::read_dir(folder.join("objects/pack"))
                .unwrap()
                .flatten()
            {
                let mut right = entry.metadata().unwrap().permissions();
                #[expect(
                    clippy::permissions_set_readonly_false,
                    reason = "a file of the test's own"
                )]
                right.set_readonly(false);
                std::fs::set_permissions(entry.path(), right).unwrap();
                std::fs::File::options()
                    .write(true)
                    .open(entry.path())
                    .unwrap()
                    .set_len(40)
                    .unwrap();
            }
        }),
    ];
    for (name, harm) in cases {
        harm();
        let left = folder.with_file_name(format!(
            "{}.new-0000",
            folder.file_name().unwrap().to_str().unwrap()
        ));
        std::fs::create_dir_all(left.join("objects")).unwrap();
        let clone = host.clone();
        assert_eq!(clone.tip(), tip, "{name}");
        assert_eq!(clone.tree(&tip).unwrap().len(), 2, "{name}");
        git(&folder, ["fsck", "--full", "--strict"]);
        assert!(!left.exists(), "{name}");
    }
}

#[test]
fn a_clone_that_breaks_under_our_hands_is_made_anew_next_time() {
    let host = Host::with(&[("a.tf", b"1")]);
    let clone = host.clone();
    let tip = clone.tip();
    std::fs::remove_dir_all(host.clone_folder().join("objects/pack")).unwrap();
    drop(clone);
    assert_eq!(host.clone().tree(&tip).unwrap().len(), 1);
}

#[test]
fn a_sound_clone_is_kept() {
    let host = Host::with(&[("a.tf", b"1")]);
    drop(host.clone());
    std::fs::write(host.clone_folder().join("mark"), "").unwrap();
    host.commit("next", &[("a.tf", b"2")]);
    let clone = host.clone();
    assert_eq!(clone.tip().as_str(), host.ask(["rev-parse", "trunk"]));
    assert!(host.clone_folder().join("mark").exists());
}

#[test]
fn rewritten_history_and_another_default_branch_are_followed() {
    let host = Host::with(&[("a.tf", b"1")]);
    drop(host.clone());
    git(&host.work(), ["commit", "-q", "--amend", "-m", "other"]);
    git(&host.work(), ["push", "-q", "-f", "origin", "HEAD:main"]);
    host.ask(["symbolic-ref", "HEAD", "refs/heads/main"]);
    let clone = host.clone();
    assert_eq!(
        (clone.branch(), clone.tip().to_string()),
        ("main", host.ask(["rev-parse", "main"]))
    );
    drop(clone);
    let access = Access {
        branch: Some("trunk".into()),
        ..Access::default()
    };
    let clone = Clone::open_or_fetch(&host.remote(), &host.cache(), &access).unwrap();
    assert_eq!(
        (clone.branch(), clone.tip().to_string()),
        ("trunk", host.ask(["rev-parse", "trunk"]))
    );
}

#[test]
fn two_users_of_one_cache_wait_for_each_other() {
    let host = Host::with(&[("a.tf", b"1")]);
    let first = host.clone();
    std::thread::scope(|scope| {
        let second = scope.spawn(|| host.clone().tip());
        assert!(!second.is_finished());
        drop(first);
        assert_eq!(
            second.join().unwrap().to_string(),
            host.ask(["rev-parse", "trunk"])
        );
    });
}

#[test]
fn each_way_a_remote_can_be_wrong_is_said() {
    let host = Host::empty();
    let error = refused(&host.remote(), &host.cache());
    assert!(
        error
            .to_string()
            .ends_with("has no commit on its default branch"),
        "{error}"
    );
    host.commit("Start", &[("a.tf", b"")]);
    let access = Access {
        branch: Some("nope".into()),
        ..Access::default()
    };
    let error = Clone::open_or_fetch(&host.remote(), &host.cache(), &access)
        .err()
        .unwrap();
    assert!(error.to_string().ends_with("has no branch nope"), "{error}");
    let parse = |path: &str| Remote::parse(host.dir.path().join(path).to_str().unwrap()).unwrap();
    let error = refused(&parse("missing"), &host.cache());
    assert!(error.to_string().ends_with("does not exist"), "{error}");
    std::fs::create_dir(host.dir.path().join("plain")).unwrap();
    let error = refused(&parse("plain"), &host.cache());
    assert!(
        error.to_string().ends_with("is not a git repository"),
        "{error}"
    );
    assert_eq!(
        std::fs::read_dir(host.cache())
            .unwrap()
            .flatten()
            .filter(|one| one.path().is_dir())
            .count(),
        0
    );
}

#[test]
fn nobody_listening_is_an_outside_error() {
    let dir = tempfile::tempdir().unwrap();
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let error = refused(
        &Remote::parse(&format!("http://127.0.0.1:{port}/x.git")).unwrap(),
        dir.path(),
    );
    assert_eq!(
        (error.kind, error.what),
        (
            ErrorKind::Outside,
            format!("cannot reach http://127.0.0.1:{port}/x.git")
        )
    );
}

#[test]
fn a_cache_that_cannot_be_written_is_named() {
    let host = Host::with(&[("a.tf", b"")]);
    let file = host.dir.path().join("file");
    std::fs::write(&file, "").unwrap();
    let error = refused(&host.remote(), &file.join("cache"));
    assert!(
        error.what.contains("file/cache") && error.hint.is_some(),
        "{error}"
    );
}

#[test]
fn the_past_has_what_a_merge_brought() {
    let host = Host::with(&[("a.tf", b"1")]);
    host.commit("two\n\nbody", &[("a.tf", b"2")]);
    git(&host.work(), ["checkout", "-q", "-b", "side"]);
    host.commit("side", &[("b.tf", b"")]);
    git(&host.work(), ["checkout", "-q", "trunk"]);
    git(
        &host.work(),
        ["merge", "-q", "--no-ff", "-m", "merged", "side"],
    );
    git(&host.work(), ["push", "-q", "origin", "trunk"]);
    let clone = host.clone();
    let past = clone.read_log(&clone.tip(), 10, Duration::MAX).unwrap();
    let messages: Vec<&str> = past.iter().map(|one| one.message.as_str()).collect();
    assert_eq!(messages, ["merged\n", "side\n", "two\n\nbody\n", "Start\n"]);
    assert_eq!(
        (past[0].author.as_str(), past[0].at > at(1_500_000_000)),
        ("Ada Person", true)
    );
    assert_eq!(
        (past[1].merged_by.as_ref(), &past[0].merged_by),
        (Some(&past[0].commit), &None)
    );
}

#[test]
fn only_files_are_replaced() {
    let host = Host::with(&[("a.tf", b"1")]);
    std::os::unix::fs::symlink("a.tf", host.work().join("link.tf")).unwrap();
    host.push_work("link");
    let clone = host.clone();
    assert!(
        clone
            .write_commit(
                Some(&clone.tip()),
                &[put("link.tf", b"x")],
                "a",
                &who(),
                at(7)
            )
            .is_err()
    );
    let odd = Identity {
        name: "a<b".into(),
        ..who()
    };
    assert!(
        clone
            .write_commit(Some(&clone.tip()), &[put("a.tf", b"x")], "a", &odd, at(7))
            .is_err()
    );
}

/// Stands in for ssh: passes options over and runs what the other end would run.
const SSH: &str = r#"#!/bin/sh
while [ "${1#-}" != "$1" ]; do
    case $1 in -o | -p) shift 2 ;; *) shift ;; esac
done
[ "$1" = git@git.example.com ] || exit 255
shift
exec sh -c "$*"
"#;

#[test]
fn ssh_carries_fetch_and_push() {
    use std::os::unix::fs::PermissionsExt;
    let host = Host::with(&[("a.tf", b"1")]);
    let ssh = host.dir.path().join("ssh");
    std::fs::write(&ssh, SSH).unwrap();
    std::fs::set_permissions(&ssh, std::fs::Permissions::from_mode(0o755)).unwrap();
    let access = Access {
        ssh: ssh.to_str().unwrap().into(),
        ..Access::default()
    };
    for address in [
        format!("ssh://git@git.example.com{}", host.path().display()),
        format!("git@git.example.com:{}", host.path().display()),
    ] {
        let mut clone =
            Clone::open_or_fetch(&Remote::parse(&address).unwrap(), &host.cache(), &access)
                .unwrap();
        let tip = clone.tip();
        let commit = clone
            .write_commit(
                Some(&tip),
                &[put("a.tf", address.as_bytes())],
                "a",
                &who(),
                at(7),
            )
            .unwrap();
        assert_eq!(
            clone.push("refs/heads/trunk", Some(&tip), &commit).unwrap(),
            Pushed::Confirmed
        );
        assert_eq!(host.ask(["rev-parse", "trunk"]), commit.as_str());
    }
    std::fs::write(
        &ssh,
        "#!/bin/sh\necho 'Permission denied (publickey).' >&2\nexit 255\n",
    )
    .unwrap();
    let remote = Remote::parse("git@git.example.com:x.git").unwrap();
    let error = Clone::open_or_fetch(&remote, &host.cache(), &access)
        .err()
        .unwrap();
    assert_eq!(
        (error.kind, error.what.as_str()),
        (
            ErrorKind::Outside,
            "cannot fetch from git@git.example.com:x.git"
        )
    );
}

/// A script that is run in place of `ssh`.
fn fake_ssh(host: &Host, script: &str) -> Access {
    use std::os::unix::fs::PermissionsExt;
    let ssh = host.dir.path().join("ssh");
    std::fs::write(&ssh, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(&ssh, std::fs::Permissions::from_mode(0o755)).unwrap();
    Access {
        ssh: ssh.to_str().unwrap().into(),
        timeout: std::time::Duration::from_secs(1),
        ..Access::default()
    }
}

fn fetch_error(host: &Host, access: &Access) -> Error {
    let remote = Remote::parse("git@git.example.com:x.git").unwrap();
    Clone::open_or_fetch(&remote, &host.cache(), access)
        .err()
        .unwrap()
}

/// Whether a process has ended; one that nobody waited for yet has, too.
fn has_ended(pid: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.trim()));
    stat.map_or(true, |stat| {
        stat.rsplit(')')
            .next()
            .unwrap_or_default()
            .trim()
            .starts_with('Z')
    })
}

#[test]
fn an_ssh_fetch_that_is_silent_ends_with_everything_it_started() {
    let host = Host::empty();
    let pid = host.dir.path().join("pid");
    let script = format!("sleep 600 &\necho $! > {}\nwait", pid.display());
    let error = fetch_error(&host, &fake_ssh(&host, &script));
    assert_eq!(error.kind, ErrorKind::Outside);
    assert!(
        error
            .to_string()
            .contains("git@git.example.com:x.git sent nothing for 1 s"),
        "{error}"
    );
    let pid = std::fs::read_to_string(pid).unwrap();
    // A signal is carried out a moment after it was sent.
    while !has_ended(&pid) {
        std::thread::yield_now();
    }
}

#[test]
fn an_ssh_fetch_that_only_dribbles_ends_too() {
    let host = Host::empty();
    let script = "printf 0400\nwhile printf x; do sleep 0.1; done";
    let access = Access {
        most: std::time::Duration::from_secs(2),
        timeout: std::time::Duration::from_secs(60),
        ..fake_ssh(&host, script)
    };
    let error = fetch_error(&host, &access);
    assert!(
        error.to_string().contains("was not done within 2 s"),
        "{error}"
    );
    assert_eq!(error.kind, ErrorKind::Outside);
}

#[test]
fn what_ssh_prints_is_the_cause() {
    let host = Host::empty();
    let access = fake_ssh(&host, "echo 'Host key verification failed.' >&2\nexit 255");
    let error = fetch_error(&host, &access);
    assert!(
        error.to_string().contains("Host key verification failed."),
        "{error}"
    );
}

#[test]
fn a_clone_in_use_is_waited_for_only_so_long() {
    let host = Host::with(&[("a.tf", b"1")]);
    let first = host.clone();
    let access = Access {
        lock_wait: std::time::Duration::from_millis(200),
        ..Access::default()
    };
    let error = Clone::open_or_fetch(&host.remote(), &host.cache(), &access)
        .err()
        .unwrap();
    assert_eq!(error.kind, ErrorKind::Outside);
    assert!(
        error
            .to_string()
            .contains("another process has used the clone"),
        "{error}"
    );
    drop(first);
    assert!(Clone::open_or_fetch(&host.remote(), &host.cache(), &access).is_ok());
}
