//! Posts notices: as a comment on the pull request of the commit, or else as an issue. Each is
//! posted once; a marker in it identifies it.

use super::{PlanWriter, WriteInput};
use crate::comment::marker::Marker;
use crate::comment::notice;
use crate::error::Result;
use crate::pipeline::answer::Notice;
use crate::pipeline::{Reason, Verdict};
use crate::remote::forgejo::{Account, Client, NewIssue};
use std::collections::BTreeSet;

/// How many pages of pintle's own issues are searched.
const PAGES: u32 = 60;

impl WriteInput<'_> {
    /// Returns the ids of the configured labels that the forge has.
    pub(super) async fn label_ids(&self, client: &Client) -> Result<Vec<u64>> {
        let known = client.labels().await?;
        let labels = &self.snapshot.config.forge.labels;
        let configured = known
            .iter()
            .filter(|label| labels.iter().any(|name| **name == label.name));
        Ok(configured.map(|label| label.id).collect())
    }
}

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

    /// Closes the issues about pins that were replaced, or that their registry has again.
    pub(super) async fn close_mended_issues(&mut self) {
        let snapshot = self.work.snapshot;
        let (Some(client), None) = (self.forge, &snapshot.only) else {
            return;
        };
        let open = self.open_rot();
        for (hash, number) in &snapshot.rotten_issues {
            if open.contains(hash) {
                continue;
            }
            let closed = match client.edit_issue(*number, None, Some(false)).await {
                Ok(_) => client
                    .post_comment(*number, notice::mended())
                    .await
                    .map(drop),
                Err(error) => Err(error),
            };
            match closed {
                Ok(()) => self.receipt.notices.push(format!(
                    "#{number}: closed, its image is pinned no more or is back"
                )),
                Err(error) => self.note_trouble(format!("#{number} could not be closed"), &error),
            }
        }
    }

    /// Returns the hashes of the pins that may be gone: those of which nothing shows that the
    /// registry has them.
    fn open_rot(&self) -> BTreeSet<String> {
        let pins = self.work.plan.decisions.iter().filter_map(|decision| {
            let is_there = decision.verdict == Verdict::InSync
                && matches!(decision.reasons.first(), Some(Reason::UpToDate { .. }));
            let digest = decision.from.clone().filter(|_| !is_there)?;
            let rot = Notice::Rotten {
                site: decision.site.clone(),
                image: String::new(),
                digest,
                now: None,
            };
            match notice::mark(&rot) {
                Marker::Rotten(hash) => Some(hash),
                _ => None,
            }
        });
        pins.collect()
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
                let labels = self.work.label_ids(client).await?;
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
