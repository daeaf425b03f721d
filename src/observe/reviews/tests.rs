//! Whose review is left to settle, in a table.

use super::*;
use crate::pipeline::forge::OpenReview::{Awaited, ChangesRequested, TooFewApprovals};

const PINTLE: u64 = 1;

fn review(author: u64, state: ReviewState) -> Review {
    Review {
        id: 0,
        author: Account {
            id: author,
            login: format!("user-{author}"),
        },
        team: None,
        state,
        official: true,
        stale: false,
        dismissed: false,
    }
}

#[test]
fn the_last_word_of_each_reviewer_counts() {
    use ReviewState::{Approved, ChangesRequested as Changes, Remark};
    let ana = || ChangesRequested {
        by: "user-7".into(),
    };
    let dismissed = Review {
        dismissed: true,
        ..review(7, Changes)
    };
    let passer_by = Review {
        official: false,
        ..review(7, Changes)
    };
    let stale = |state| Review {
        stale: true,
        ..review(7, state)
    };
    let team = Review {
        team: Some("ops".into()),
        ..review(0, ReviewState::Awaited)
    };
    let waits = |given, required| TooFewApprovals { given, required };
    let asked = |of: &str| Awaited { of: of.into() };
    let table: Vec<(&str, Vec<Review>, u64, Vec<OpenReview>)> = vec![
        ("none", vec![], 0, vec![]),
        ("a no", vec![review(7, Changes)], 0, vec![ana()]),
        (
            "a no that became a yes",
            vec![review(7, Changes), review(7, Approved)],
            0,
            vec![],
        ),
        (
            "a yes that became a no",
            vec![review(7, Approved), review(7, Changes)],
            1,
            vec![ana(), waits(0, 1)],
        ),
        (
            "a remark takes no no back",
            vec![review(7, Changes), review(7, Remark)],
            0,
            vec![ana()],
        ),
        (
            "another person's yes takes no no back",
            vec![review(7, Changes), review(8, Approved)],
            0,
            vec![ana()],
        ),
        ("dismissed", vec![dismissed], 0, vec![]),
        ("of a passer-by", vec![passer_by], 0, vec![]),
        (
            "a no to an older digest",
            vec![stale(Changes)],
            0,
            vec![ana()],
        ),
        (
            "a yes to an older digest",
            vec![stale(Approved)],
            1,
            vec![waits(0, 1)],
        ),
        ("enough", vec![review(7, Approved)], 1, vec![]),
        ("too few", vec![review(7, Approved)], 2, vec![waits(1, 2)]),
        (
            "asked for",
            vec![review(7, ReviewState::Awaited)],
            0,
            vec![asked("user-7")],
        ),
        ("a team", vec![team], 0, vec![asked("the team ops")]),
        (
            "pintle itself",
            vec![review(PINTLE, ReviewState::Awaited)],
            0,
            vec![],
        ),
    ];
    for (what, reviews, required, left) in table {
        assert_eq!(
            find_open_reviews(&reviews, PINTLE, required),
            left,
            "{what}"
        );
    }
}
