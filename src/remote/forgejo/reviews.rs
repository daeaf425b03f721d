//! The reviews of a pull request: who approved it, who asks for changes, and whose review is still
//! missing. Writes none.

use super::http::Ask;
use super::people::WireAccount;
use super::place::Place;
use super::wire::{Lax, Wire, number};
use super::{Account, Client};
use crate::error::Result;
use serde::Deserialize;

/// So many pages of one pull request's reviews are read.
const PAGES: u32 = 10;

/// What a review says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReviewState {
    Approved,
    ChangesRequested,
    /// It was asked for and is not there yet.
    Awaited,
    /// A comment, or a draft of the token's own user.
    Remark,
}

/// A review, or the request for one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Review {
    pub id: u64,
    /// An id of zero where a team was asked.
    pub author: Account,
    /// The team that was asked: `ops`.
    pub team: Option<String>,
    pub state: ReviewState,
    /// Whether the forge counts it for the protection of the branch.
    pub official: bool,
    /// Whether what is proposed changed since.
    pub stale: bool,
    pub dismissed: bool,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct WireReview {
    id: Lax<u64>,
    user: Lax<WireAccount>,
    team: Lax<WireTeam>,
    state: Lax<String>,
    official: Lax<bool>,
    stale: Lax<bool>,
    dismissed: Lax<bool>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct WireTeam {
    name: Lax<String>,
}

impl Wire for WireReview {
    type Out = Review;

    fn read(self, _: &Place) -> Option<Review> {
        Some(Review {
            id: number(self.id)?,
            author: self.user.0.account(),
            team: Some(self.team.0.name.0).filter(|name| !name.is_empty()),
            state: match self.state.as_str() {
                "APPROVED" => ReviewState::Approved,
                "REQUEST_CHANGES" => ReviewState::ChangesRequested,
                "REQUEST_REVIEW" => ReviewState::Awaited,
                _ => ReviewState::Remark,
            },
            official: *self.official,
            stale: *self.stale,
            dismissed: *self.dismissed,
        })
    }
}

impl Client {
    /// Returns the reviews of a pull request, oldest first, and the requests for reviews that
    /// nobody has answered.
    pub async fn reviews_of(&self, number: u64) -> Result<Vec<Review>> {
        let path = self.path(["pulls", &number.to_string(), "reviews"]);
        let what = self.the_pull("read the reviews of", number);
        let mut reviews = self.list::<WireReview>(Ask::get(path, what), PAGES).await?;
        reviews.items.sort_by_key(|review| review.id);
        Ok(reviews.items)
    }
}
