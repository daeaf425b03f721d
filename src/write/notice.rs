//! Posts notices: as a comment on the pull request of the commit, or else as an issue. Each is
//! posted once; a marker in it identifies it.

use super::PlanWriter;
use crate::comment::marker::Marker;
use crate::comment::notice;
use crate::error::Result;
use crate::pipeline::answer::Notice;
use crate::remote::forgejo::{Account, Client, NewIssue};

/// How many pages of pintle's own issues are searched.
const PAGES: u32 = 60;

impl PlanWriter<'_> {
    pub(super) async fn post_notices(&mut self) {
        let Some(client) = self.forge else { return };
        for one in &self.work.plan.notices {
            match self.post_notice(client, one).await {
                Ok(said) => self.receipt.notices.extend(said),
                Err(error) => self.note_trouble("a notice could not be posted".into(), &error),
            }
        }
    }

    /// Returns what was posted; `None` if one of pintle's issues reports it already.
    async fn post_notice(&self, client: &Client, one: &Notice) -> Result<Option<String>> {
        let words = notice::notice(one, &client.place().url());
        let pull = match one {
            Notice::Pipeline { pull, .. } => pull,
            Notice::NotRolledBack { .. } | Notice::Rotten { .. }
                if self.is_posted(client, &notice::mark(one)).await? =>
            {
                return Ok(None);
            }
            Notice::NotRolledBack { .. } | Notice::Rotten { .. } => &None,
        };
        match pull {
            Some(number) => {
                client.post_comment(*number, &words.body).await?;
                Ok(Some(format!("#{number}: {}", words.title)))
            }
            None => {
                let known = client.labels().await?;
                let labels = &self.work.snapshot.config.forge.labels;
                let labels = known
                    .iter()
                    .filter(|label| labels.iter().any(|name| **name == label.name))
                    .map(|label| label.id)
                    .collect();
                let issue = client
                    .open_issue(&NewIssue {
                        title: words.title.clone(),
                        body: words.body,
                        labels,
                    })
                    .await?;
                Ok(Some(format!("#{}: {}", issue.number, words.title)))
            }
        }
    }

    async fn is_posted(&self, client: &Client, mark: &Marker) -> Result<bool> {
        let Some(me) = self.work.snapshot.forge.known().map(|forge| &forge.me) else {
            return Ok(true);
        };
        let me = Account {
            id: me.id,
            login: me.login.to_string(),
        };
        let issues = client.issues_of(&me, None, PAGES).await?;
        Ok(issues
            .items
            .iter()
            .any(|issue| Marker::all(&issue.body).contains(mark)))
    }
}
