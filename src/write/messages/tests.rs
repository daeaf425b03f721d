use super::*;
use crate::config::Config;
use crate::model::message::MessageLevel;
use crate::observe;
use crate::pipeline::message::{MessageEntry, SentTo};
use crate::remote::git::tests::fixture::{Host, at, who};

fn message() -> Message {
    let toml = "[[notice]]\nname = \"ops\"\nkind = \"slack\"\n";
    let to = Config::parse(toml, "pintle.toml").unwrap().receivers[0].clone();
    Message {
        to,
        id: "0".repeat(32),
        at: at(9),
        repo: "ops/infra".into(),
        level: MessageLevel::Warning,
        entries: vec![MessageEntry {
            key: "blocked a b".into(),
            level: MessageLevel::Warning,
            kind: "blocked",
            site: None,
            image: None,
            from: None,
            to: None,
            cause: None,
            commit: None,
            url: None,
            text: "a is blocked".into(),
        }],
    }
}

/// One message, unless the record says that it was sent.
fn decide(before: &SentRecord) -> (Vec<Message>, SentRecord) {
    let keys = ["blocked a b".to_owned()].into();
    let sent = SentTo {
        keys,
        ..SentTo::default()
    };
    let after = SentRecord([("ops".into(), sent)].into());
    let messages = if *before == after {
        Vec::new()
    } else {
        vec![message()]
    };
    (messages, after)
}

#[test]
fn a_message_is_taken_once_also_by_a_new_clone() {
    let host = Host::with(&[("a.tf", b"")]);
    let mut clone = host.clone();
    let taken = record_messages(&mut clone, decide, &who(), at(9)).unwrap();
    assert_eq!(taken, [message()]);
    let mut other = host.clone_in("another");
    assert_eq!(
        record_messages(&mut other, decide, &who(), at(9)).unwrap(),
        []
    );
    let commits = host.ask(["rev-list", "--count", "refs/pintle/ledger"]);
    assert_eq!(commits, "1", "nothing is pushed for nothing");
    let ledger = observe::history::read_ledger(&other).unwrap();
    assert_eq!(
        ledger,
        Ledger::default(),
        "the ledger can be read beside it"
    );
}

#[test]
fn of_many_replicas_one_takes_a_message() {
    let host = Host::with(&[("a.tf", b"")]);
    let taken: usize = std::thread::scope(|scope| {
        let race = |racer: usize| {
            let host = &host;
            scope.spawn(move || {
                let mut clone = host.clone_in(&format!("cache-{racer}"));
                let taken = record_messages(&mut clone, decide, &who(), at(9));
                taken.unwrap().len()
            })
        };
        let racers: Vec<_> = (0..5).map(race).collect();
        racers.into_iter().map(|racer| racer.join().unwrap()).sum()
    });
    assert_eq!(taken, 1);
}

#[test]
fn without_a_record_nothing_is_sent() {
    let host = Host::with(&[("a.tf", b"")]);
    host.hook("update", "echo 'read only' >&2; exit 1");
    let mut clone = host.clone();
    let taken = record_messages(&mut clone, decide, &who(), at(9));
    assert!(taken.is_err(), "{taken:?}");
}

#[test]
fn the_ledger_stays_beside_the_record() {
    let host = Host::with(&[("a.tf", b"")]);
    let mut clone = host.clone();
    let channel = crate::model::reference::Reference::parse("alpine").unwrap();
    let digest = crate::model::digest::Digest::parse(&format!("sha256:{}", "a".repeat(64)));
    let mut ledger = Ledger::default();
    let key = (channel.channel().unwrap(), digest.unwrap());
    ledger.first_seen.insert(key, at(5));
    super::super::ledger::push_ledger(&mut clone, &Ledger::default(), &ledger, &who(), at(9))
        .unwrap();
    drop(clone);
    let mut clone = host.clone();
    record_messages(&mut clone, decide, &who(), at(9)).unwrap();
    drop(clone);
    let read = observe::history::read_ledger(&host.clone()).unwrap();
    assert_eq!(read, ledger);
}
