//! Posts one reply to each comment. A reply that exists is not posted again; if two were posted at
//! the same moment, the older stays.

use super::PlanWriter;
use crate::comment::marker::Marker;
use crate::comment::reply;
use crate::error::Result;
use crate::pipeline::answer::{Answer, Outcome};
use crate::remote::forgejo::{Client, Comment};
use crate::report::answers::report_text;

impl PlanWriter<'_> {
    pub(super) async fn post_replies(&mut self) {
        let Some(client) = self.forge else { return };
        for answer in &self.work.plan.answers {
            let Some(answer) = self.settle_outcomes(answer) else {
                continue;
            };
            let report =
                |outcome: &Outcome| report_text(self.work.snapshot, self.work.plan, outcome);
            let text = reply::reply(&answer, &self.written, &client.place().url(), &report);
            match self.post_reply(client, &answer, &text).await {
                Ok(true) => {
                    let (issue, author) = (answer.comment.issue, &*answer.author.login);
                    tracing::info!(issue, comment = answer.comment.id, author, "replied");
                    self.receipt.answered.push(answer.comment.id);
                }
                Ok(false) => {}
                Err(error) => self.note_trouble(
                    format!("a reply to {} could not be posted", answer.comment.url),
                    &error,
                ),
            }
        }
    }

    /// Returns the answer with the result of the write; `None` while its change is not written.
    fn settle_outcomes(&self, answer: &Answer) -> Option<Answer> {
        let outcomes = answer.outcomes.iter().map(|outcome| match outcome {
            Outcome::Written {
                command, change, ..
            } if !self.written.iter().any(|written| written.change == *change) => {
                let (_, why) = self.work.refused.iter().find(|(name, _)| name == change)?;
                Some(Outcome::Refused {
                    command,
                    why: why.clone(),
                    hint: None,
                })
            }
            other => Some(other.clone()),
        });
        Some(Answer {
            outcomes: outcomes.collect::<Option<_>>()?,
            ..answer.clone()
        })
    }

    /// Posts the reply if there is none. Returns whether the reply that stays is this one.
    async fn post_reply(&self, client: &Client, answer: &Answer, text: &str) -> Result<bool> {
        let me = self
            .work
            .snapshot
            .forge
            .known()
            .map_or(0, |forge| forge.me.id);
        let own = async || -> Result<Vec<Comment>> {
            let marker = Marker::Answer(answer.comment.id);
            let all = client.comments_of(answer.comment.issue).await?.items;
            let mut own: Vec<Comment> = all
                .into_iter()
                .filter(|one| one.author.id == me && Marker::all(&one.body).contains(&marker))
                .collect();
            own.sort_by_key(|one| one.id);
            Ok(own)
        };
        let mut posted = None;
        if own().await?.is_empty() {
            let id = client.post_comment(answer.comment.issue, text).await?.id;
            tracing::debug!(comment = answer.comment.id, reply = id, "answered");
            posted = Some(id);
        }
        let own = own().await?;
        for double in own.iter().skip(1) {
            tracing::debug!(
                comment = answer.comment.id,
                double = double.id,
                "another replica answered too: the later reply goes"
            );
            client.delete_comment(double.id).await?;
        }
        Ok(posted.is_some_and(|posted| own.first().is_none_or(|first| first.id == posted)))
    }
}
