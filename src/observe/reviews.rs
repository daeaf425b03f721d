//! What the reviews of a pull request leave to settle before pintle may merge it. Decides nothing
//! about the pull request.

use crate::pipeline::Seen;
use crate::pipeline::forge::OpenReview;
use crate::remote::forgejo::{Account, Client, Review, ReviewState};
use std::collections::BTreeMap;

/// Returns what is left to settle in the reviews of a pull request.
pub(super) async fn read_open_reviews(
    client: &Client,
    me: &Account,
    number: u64,
    required_approvals: u64,
) -> Seen<Vec<OpenReview>> {
    match client.reviews_of(number).await {
        Ok(reviews) => Seen::Known(find_open_reviews(&reviews, me.id, required_approvals)),
        Err(error) => Seen::Unknown(error.to_string()),
    }
}

/// The last approval or request for changes of each author counts. A request for changes counts
/// until its author gives another review or somebody dismisses it, as with the forge's own rule
/// against merging over a rejection: a new digest does not answer what was asked for. An approval
/// of an older digest does not count.
fn find_open_reviews(reviews: &[Review], me: u64, required_approvals: u64) -> Vec<OpenReview> {
    let others = reviews.iter().filter(|review| review.author.id != me);
    let mut last: BTreeMap<u64, &Review> = BTreeMap::new();
    let mut open: Vec<OpenReview> = Vec::new();
    for review in others {
        match review.state {
            ReviewState::Approved | ReviewState::ChangesRequested if review.official => {
                last.insert(review.author.id, review);
            }
            ReviewState::Awaited => open.push(OpenReview::Awaited {
                of: match &review.team {
                    Some(team) => format!("the team {team}"),
                    None => review.author.login.clone(),
                },
            }),
            ReviewState::Approved | ReviewState::ChangesRequested | ReviewState::Remark => {}
        }
    }
    let standing = || last.values().filter(|review| !review.dismissed);
    let refused = standing().filter(|review| review.state == ReviewState::ChangesRequested);
    open.extend(refused.map(|review| OpenReview::ChangesRequested {
        by: review.author.login.clone(),
    }));
    let approved = standing()
        .filter(|review| review.state == ReviewState::Approved && !review.stale)
        .count();
    let given = u64::try_from(approved).unwrap_or(u64::MAX);
    if given < required_approvals {
        open.push(OpenReview::TooFewApprovals {
            given,
            required: required_approvals,
        });
    }
    open.sort();
    open.dedup();
    open
}

#[cfg(test)]
mod tests;
