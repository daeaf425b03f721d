//! From which comment on the next pass reads.

use super::*;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

/// A comment of an account, written at a second.
fn comment(id: u64, second: i64, body: &str) -> Comment {
    Comment {
        id,
        issue: 1,
        author: Account {
            id: 7,
            login: "ana".into(),
        },
        body: body.into(),
        created_at: at(second),
        updated_at: at(second),
        html_url: "https://forge.example.org/ops/infra/issues/1"
            .parse()
            .unwrap(),
    }
}

#[test]
fn what_is_settled_is_not_read_again_and_what_is_open_is() {
    let mut known = SettledComments::default();
    assert_eq!(known.read_from(at(0)), at(0), "nothing is known");
    let all = [
        comment(1, 100, ""),
        comment(2, 200, ""),
        comment(3, 300, ""),
    ];
    known.settle(&all, &BTreeSet::from([2]));
    assert_eq!(known.read_from(at(0)), at(140), "the second has no answer");
    known.settle(&all[1..], &BTreeSet::new());
    assert_eq!(known.read_from(at(0)), at(240));
    assert_eq!(
        known.read_from(at(1_000)),
        at(1_000),
        "never before the earliest"
    );
    known.settle(&[], &BTreeSet::new());
    assert_eq!(known.read_from(at(0)), at(240), "nothing new");
    let edited = Comment {
        updated_at: at(500),
        ..comment(1, 100, "")
    };
    known.settle(std::slice::from_ref(&edited), &BTreeSet::from([1]));
    assert_eq!(
        known.read_from(at(0)),
        at(40),
        "an old one asks for something now"
    );
    known.settle(&[edited], &BTreeSet::new());
    assert_eq!(known.read_from(at(0)), at(440));
}

#[test]
fn answers_are_known_after_they_are_settled() {
    let commit = CommitId::parse(&"ab".repeat(20)).unwrap();
    let own = [
        comment(4, 10, &Marker::Answer(3).render()),
        comment(5, 11, &Marker::Pipeline(commit.clone()).render()),
        comment(6, 12, "Hello"),
    ];
    let mut known = SettledComments::default();
    known.add_own(own.iter());
    known.add_own([].iter());
    assert_eq!(known.answered, BTreeSet::from([3]));
    assert_eq!(known.reported, BTreeSet::from([commit]));
}
