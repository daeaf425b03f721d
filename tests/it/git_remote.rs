//! Cloning from and pushing to a real smart-HTTP git host: with a token, without one, and in a
//! race.

use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use pintle::error::Error;
use pintle::pipeline::{CommitId, Ledger};
use pintle::remote::git::{Access, Clone, Identity, PushError, Pushed, Put, Remote};
use pintle::{observe, write};
use secrecy::SecretString;
use tempfile::tempdir;

use crate::support::git::{self, BRANCH};
use crate::support::git_host::{self, Drip, GitHost};

const TOKEN: &str = "hunter2-very-secret";
const BASIC: git_host::Access = git_host::Access::Basic {
    user: "pintle",
    password: TOKEN,
};

fn access(token: Option<&str>) -> Access {
    Access {
        token: token.map(SecretString::from),
        ..Access::default()
    }
}

fn open(host: &GitHost, cache: &Path, access: &Access) -> Result<Clone, Error> {
    Clone::open_or_fetch(&Remote::parse(&host.url())?, cache, access)
}

fn commit(clone: &Clone, path: &str, bytes: &[u8]) -> CommitId {
    let who = Identity {
        name: "pintle".into(),
        email: "pintle@example.org".into(),
    };
    let put = Put {
        path: path.into(),
        bytes: bytes.to_vec(),
    };
    clone
        .write_commit(
            Some(&clone.tip()),
            &[put],
            &format!("{path}\n"),
            &who,
            Timestamp::UNIX_EPOCH,
        )
        .expect("it can be written")
}

#[test]
fn a_commit_goes_over_http_with_a_token_that_shows_nowhere() {
    let remote = git::Remote::from_files(&[("a.tf", b"one")]);
    let host = GitHost::start(&remote.path(), &BASIC);
    let cache = tempdir().expect("a folder");
    let mut clone = open(&host, cache.path(), &access(Some(TOKEN))).expect("the token is right");
    let tip = clone.tip();
    assert_eq!(tip.as_str(), remote.tip());
    let mine = commit(&clone, "a.tf", b"two\r\n");
    let to = clone.branch_ref();
    assert_eq!(
        clone.push(&to, Some(&tip), &mine).expect("it is pushed"),
        Pushed::Confirmed
    );
    assert_eq!(
        (
            remote.tip().as_str(),
            remote.file(BRANCH, "a.tf").as_slice()
        ),
        (mine.as_str(), b"two\r\n".as_slice())
    );
    remote.fsck();
    let posts = host
        .seen()
        .iter()
        .filter(|seen| seen.method == "POST" && seen.target.ends_with("git-receive-pack"))
        .count();
    assert_eq!(posts, 1, "one push");
    assert!(host.seen().iter().all(|seen| !seen.target.contains(TOKEN)));
    let mut files = vec![cache.path().to_owned()];
    while let Some(path) = files.pop() {
        if path.is_dir() {
            files.extend(
                path.read_dir()
                    .expect("it can be read")
                    .flatten()
                    .map(|entry| entry.path()),
            );
        } else {
            let bytes = std::fs::read(&path).expect("it can be read");
            assert!(
                !String::from_utf8_lossy(&bytes).contains(TOKEN),
                "{}",
                path.display()
            );
        }
    }
}

#[test]
fn without_the_right_token_nothing_is_read_or_written() {
    let remote = git::Remote::from_files(&[("a.tf", b"one")]);
    let host = GitHost::start(&remote.path(), &BASIC);
    let cache = tempdir().expect("a folder");
    for token in [None, Some("wrong-secret")] {
        let error = open(&host, cache.path(), &access(token))
            .err()
            .expect("it is refused");
        assert_eq!(error.what, format!("{} refuses access", host.url()));
        assert!(!format!("{error:?}").contains("wrong-secret"));
    }
    let posts = host
        .seen()
        .iter()
        .filter(|seen| seen.method == "POST" && seen.status == 200)
        .count();
    assert_eq!(posts, 0);
}

/// A byte now and then is an answer that no limit on silence ends.
#[test]
fn a_fetch_that_drips_has_an_end() {
    let noise: Vec<u8> = (0..8_192_u32)
        .map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect();
    let remote = git::Remote::from_files(&[("noise", &noise)]);
    let pause = Duration::from_millis(20);
    for drip in [Drip::Pack(pause), Drip::Handshake(pause)] {
        let host = GitHost::start_dripping(&remote.path(), drip);
        let cache = tempdir().expect("a folder");
        let access = Access {
            most: Duration::from_millis(500),
            ..access(None)
        };
        let error = open(&host, cache.path(), &access).map(drop).unwrap_err();
        assert!(
            error.to_string().contains("was not done within 0.5 s"),
            "{drip:?}: {error}"
        );
    }
}

#[test]
fn of_many_at_once_each_lands_once() {
    let remote = git::Remote::from_files(&[("a.tf", b"one")]);
    let host = GitHost::start(&remote.path(), &BASIC);
    let folder = tempdir().expect("a folder");
    std::thread::scope(|scope| {
        for racer in 0..6 {
            let (host, folder) = (&host, &folder);
            scope.spawn(move || {
                let mut clone = open(
                    host,
                    &folder.path().join(racer.to_string()),
                    &access(Some(TOKEN)),
                )
                .expect("it opens");
                loop {
                    let (tip, to) = (clone.tip(), clone.branch_ref());
                    let mine = commit(&clone, &format!("{racer}.tf"), b"x");
                    match clone.push(&to, Some(&tip), &mine) {
                        Ok(_) => break,
                        Err(PushError::TipMoved { .. }) => {
                            clone.fetch().expect("it can be fetched")
                        }
                        Err(other) => panic!("{other:?}"),
                    }
                }
            });
        }
    });
    assert_eq!(remote.history().len(), 7);
    remote.fsck();
}

#[test]
fn the_ledger_goes_over_http() {
    let remote = git::Remote::from_files(&[("a.tf", b"one")]);
    let host = GitHost::start(&remote.path(), &git_host::Access::Open);
    let cache = tempdir().expect("a folder");
    let mut clone = open(&host, cache.path(), &access(None)).expect("it opens");
    let text = format!(
        "# pintle ledger 1\ndocker.io/library/alpine:3\tsha256:{}\t2026-11-12T08:30:00Z\n",
        "a".repeat(64)
    );
    let after = Ledger::parse(&text).expect("it is one");
    let who = Identity {
        name: "pintle".into(),
        email: "pintle@example.org".into(),
    };
    write::ledger::push_ledger(
        &mut clone,
        &Ledger::default(),
        &after,
        &who,
        Timestamp::UNIX_EPOCH,
    )
    .expect("it is written");
    assert_eq!(
        remote.ask(&["show", "refs/pintle/ledger:ledger.tsv"]),
        text.trim_end()
    );
    drop(clone);
    let clone = open(&host, cache.path(), &access(None)).expect("it opens");
    assert_eq!(
        observe::history::read_ledger(&clone).expect("it is read"),
        after
    );
}
