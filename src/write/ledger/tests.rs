use super::*;
use crate::model::digest::Digest;
use crate::model::reference::Reference;
use crate::observe;
use crate::remote::git::tests::fixture::{Host, at, who};

fn of(list: &[(char, i64)]) -> Ledger {
    let channel = Reference::parse("alpine").unwrap().channel().unwrap();
    let key = |c: char| {
        (
            channel.clone(),
            Digest::parse(&format!("sha256:{}", c.to_string().repeat(64))).unwrap(),
        )
    };
    Ledger {
        first_seen: list
            .iter()
            .map(|(c, second)| (key(*c), at(*second)))
            .collect(),
    }
}

#[test]
fn it_is_written_when_it_changed_and_read_with_the_fetch() {
    let host = Host::with(&[("a.tf", b"")]);
    let mut clone = host.clone();
    let none = observe::history::read_ledger(&clone).unwrap();
    assert_eq!(none, Ledger::default());
    assert_eq!(
        push_ledger(&mut clone, &none, &of(&[('a', 5)]), &who(), at(9)).unwrap(),
        LedgerWrite::Written
    );
    drop(clone);
    let mut clone = host.clone();
    let read = observe::history::read_ledger(&clone).unwrap();
    assert_eq!(read, of(&[('a', 5)]));
    assert_eq!(
        push_ledger(&mut clone, &read, &read, &who(), at(9)).unwrap(),
        LedgerWrite::Unchanged
    );
    assert_eq!(
        push_ledger(&mut clone, &read, &of(&[('b', 6)]), &who(), at(9)).unwrap(),
        LedgerWrite::Written
    );
    assert_eq!(
        host.ask(["show", "refs/pintle/ledger:ledger.tsv"]),
        of(&[('b', 6)]).render().trim_end()
    );
    assert_eq!(host.ask(["rev-list", "--count", "trunk"]), "1");
    host.ask(["fsck", "--full", "--strict"]);
}

#[test]
fn many_at_once_lose_nothing() {
    let host = Host::with(&[("a.tf", b"")]);
    std::thread::scope(|scope| {
        for (racer, letter) in "abcdef".chars().enumerate() {
            let host = &host;
            scope.spawn(move || {
                let mut clone = host.clone_in(&format!("cache-{racer}"));
                let before = observe::history::read_ledger(&clone).unwrap();
                let mut after = before.clone();
                after
                    .first_seen
                    .extend(of(&[(letter, racer as i64), ('f', 100 + racer as i64)]).first_seen);
                push_ledger(&mut clone, &before, &after, &who(), at(9)).unwrap();
            });
        }
    });
    let read = observe::history::read_ledger(&host.clone()).unwrap();
    assert_eq!(read.first_seen.len(), 6);
    assert!(read.first_seen.values().all(|seen| *seen <= at(105)));
}

#[test]
fn a_branch_keeps_it_where_other_refs_are_refused() {
    let host = Host::with(&[("a.tf", b"")]);
    host.hook(
        "update",
        "case $1 in refs/heads/*) ;; *) echo 'only branches' >&2; exit 1;; esac",
    );
    let mut clone = host.clone();
    assert_eq!(
        push_ledger(
            &mut clone,
            &Ledger::default(),
            &of(&[('a', 5)]),
            &who(),
            at(9)
        )
        .unwrap(),
        LedgerWrite::Written
    );
    assert_eq!(
        host.ask(["for-each-ref", "--format=%(refname)"]),
        "refs/heads/pintle-ledger\nrefs/heads/trunk"
    );
    clone.fetch().unwrap();
    assert_eq!(
        observe::history::read_ledger(&clone).unwrap(),
        of(&[('a', 5)])
    );
    assert_eq!(
        push_ledger(
            &mut clone,
            &of(&[('a', 5)]),
            &of(&[('a', 5), ('b', 6)]),
            &who(),
            at(9)
        )
        .unwrap(),
        LedgerWrite::Written
    );
}

#[test]
fn without_the_right_to_write_it_can_still_be_read() {
    let host = Host::with(&[("a.tf", b"")]);
    let mut clone = host.clone();
    push_ledger(
        &mut clone,
        &Ledger::default(),
        &of(&[('a', 5)]),
        &who(),
        at(9),
    )
    .unwrap();
    host.hook("pre-receive", "echo 'read only' >&2; exit 1");
    clone.fetch().unwrap();
    let error = push_ledger(
        &mut clone,
        &of(&[('a', 5)]),
        &of(&[('b', 5)]),
        &who(),
        at(9),
    )
    .unwrap_err();
    assert!(error.to_string().contains("read only"), "{error}");
    assert_eq!(
        observe::history::read_ledger(&clone).unwrap(),
        of(&[('a', 5)])
    );
}
