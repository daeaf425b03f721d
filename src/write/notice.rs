//! Notices: a comment on the pull request that a commit came by, or else an issue. Each is posted once; a marker in it says what it is about.

use super::Desk;
use crate::comment::notice;
use crate::error::Result;
use crate::pipeline::answer::Notice;
use crate::remote::forgejo::{Client, NewIssue};

impl Desk<'_> {
    pub(super) async fn notices(&mut self) {
        let Some(client) = self.forge else { return };
        for one in &self.work.plan.notices {
            match self.post(client, one).await {
                Ok(said) => self.receipt.notices.push(said),
                Err(error) => self.trouble("a notice could not be posted".into(), &error),
            }
        }
    }

    async fn post(&self, client: &Client, one: &Notice) -> Result<String> {
        let words = notice::notice(one, &client.place().url());
        let Notice::Pipeline { pull, .. } = one;
        match pull {
            Some(number) => {
                client.post_comment(*number, &words.body).await?;
                Ok(format!("#{number}: {}", words.title))
            }
            None => {
                let known = client.labels().await?;
                let labels = &self.work.snapshot.config.forge.labels;
                let labels = known.iter().filter(|label| labels.iter().any(|name| **name == label.name)).map(|label| label.id).collect();
                let issue = client.open_issue(&NewIssue { title: words.title.clone(), body: words.body, labels }).await?;
                Ok(format!("#{}: {}", issue.number, words.title))
            }
        }
    }
}
