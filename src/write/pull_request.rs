//! Writes pull requests: first the branch, pushed with a lease, then its page in the forge. Never
//! changes a branch that a person pushed to.

use super::PlanWriter;
use super::commit;
use crate::comment::marker::Marker;
use crate::comment::pull_request as words;
use crate::comment::reply::{Link, To};
use crate::error::{Error, Result};
use crate::model::commit::CommitId;
use crate::pipeline::forge::{BRANCHES, Branch, PullRequest, PullState, branch_name};
use crate::pipeline::{Action, Change, Proposal, PullDone, PullStep, Pulled};
use crate::remote::forgejo::{
    Client, Comment, MergeError, MergeHow, MergeStyle, NewPull, OpenError, PullChange, ReviewState,
};
use crate::remote::git::{Clone, PushError};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use url::Url;

/// How long a merge is tried again while the forge checks whether it is possible.
const PATIENCE: Duration = Duration::from_secs(20);
/// The colour of labels that pintle creates.
pub(super) const COLOUR: &str = "#5319e7";

impl PlanWriter<'_> {
    /// Opens, updates, closes and merges pull requests, each on its own: a failure of one does not
    /// stop the others.
    pub(super) async fn write_pull_requests(&mut self, clone: &mut Clone) {
        let Some(client) = self.forge else { return };
        let mut labels = None;
        for (change, proposal) in self.proposals().collect::<Vec<_>>() {
            match self
                .update_proposal(client, clone, change, proposal, &mut labels)
                .await
            {
                Ok(pulled) => self.receipt.pull_results.extend(pulled),
                Err(error) => self.note_trouble(
                    format!("the pull request of {} is not as it should be", change.name),
                    &error,
                ),
            }
        }
        for step in &self.work.plan.pull_steps {
            match self.apply_step(client, clone, step).await {
                Ok(pulled) => self.receipt.pull_results.extend(pulled),
                Err(error) => self.note_trouble(
                    format!(
                        "a pull request is not as it should be ({})",
                        describe_step(step)
                    ),
                    &error,
                ),
            }
        }
    }

    /// Makes the branch and the pull request as proposed. Returns what was done, if anything was.
    async fn update_proposal(
        &mut self,
        client: &Client,
        clone: &mut Clone,
        change: &Change,
        proposal: &Proposal,
        labels: &mut Option<BTreeMap<String, u64>>,
    ) -> Result<Option<Pulled>> {
        let name = branch_name(&change.name);
        let existing = self
            .work
            .snapshot
            .branches
            .iter()
            .find(|branch| *branch.name == *name);
        if let Some(open) = self.find_open_pull(proposal)
            && open.pins != change.pins
        {
            self.report_to_approvers(client, open, change).await?;
        }
        let (head, pushed) =
            tokio::task::block_in_place(|| self.push_proposal(clone, &name, change, existing))?;
        let place = client.place().url();
        let words = words::words(change, proposal, self.work.snapshot.at, &place)?;
        let open = self.find_open_pull(proposal);
        let (number, url, done) = match open {
            None => {
                let labels = self.ensure_labels(client, proposal, labels).await?;
                let new = NewPull {
                    title: words.title,
                    body: words.body,
                    head: format!("{BRANCHES}{name}"),
                    base: clone.branch().to_owned(),
                    labels,
                };
                let (number, url) = self.open_or_find(client, &new).await?;
                (number, url, Some(PullDone::Opened))
            }
            Some(open)
                if open.pins != change.pins
                    || !words::is_current(open, &words.title, &words.body) =>
            {
                self.update_labels(client, open, proposal, labels).await?;
                let change = PullChange {
                    title: Some(words.title).filter(|_| !words::has_own_title(open)),
                    body: Some(words.body),
                    open: None,
                };
                client.edit_pull(open.number, &change).await?;
                (open.number, open.url.clone(), Some(PullDone::Updated))
            }
            Some(open) => (
                open.number,
                open.url.clone(),
                pushed.then_some(PullDone::Updated),
            ),
        };
        if let Some(done) = done {
            tracing::info!(number, name, %head, done = done.word(), "pull request");
        }
        if pushed {
            self.show_proof(client, &head).await;
        }
        if done == Some(PullDone::Opened) {
            self.ask_people(client, number, change).await;
        }
        self.written.push(Link {
            change: change.name.clone(),
            to: To::Pull(number),
        });
        Ok(done.map(|done| Pulled {
            number,
            name: change.name.clone(),
            url: Some(url),
            done,
        }))
    }

    /// Opens a pull request, or returns the one that another replica opened. A forge may let two
    /// replicas open one each at the same moment: then the older stays.
    async fn open_or_find(&self, client: &Client, new: &NewPull) -> Result<(u64, Url)> {
        let own = match client.open_pull(new).await {
            Ok(pull) => pull,
            Err(OpenError::Exists(Some(number))) => {
                let pull = client.pull(number).await?;
                pull.ok_or_else(|| {
                    Error::outside(format!(
                        "pull request {number} was found and is now missing"
                    ))
                    .hint("run it again")
                })?
            }
            Err(OpenError::Exists(None)) => {
                return Err(Error::outside(format!(
                    "a pull request of {} is open already",
                    new.head
                ))
                .hint("run it again"));
            }
            Err(OpenError::NoChanges) => {
                return Err(Error::failed(format!(
                    "the forge sees nothing to merge in {}",
                    new.head
                )));
            }
            Err(OpenError::Failed(error)) => return Err(error),
        };
        let all = client.pulls_of(&own.author, own.created_at, 1).await?.items;
        let mut alike = all.into_iter().filter(|pull| {
            pull.open
                && pull.same_repo
                && pull.head_branch == new.head
                && pull.base_branch == new.base
        });
        let Some(first) = alike.next() else {
            return Ok((own.number, own.html_url));
        };
        for double in alike {
            let why = format!("pull request #{} proposes the same", first.number);
            let change = PullChange {
                title: None,
                body: Some(words::withdraw(&double.body, &why)),
                open: Some(false),
            };
            client.edit_pull(double.number, &change).await?;
        }
        Ok((first.number, first.html_url))
    }

    /// Says once, on the pull request, that what people approved is replaced. Before it is: after a
    /// failure the next pass sees the same approvals, and what was said.
    async fn report_to_approvers(
        &self,
        client: &Client,
        open: &PullRequest,
        change: &Change,
    ) -> Result<()> {
        let reviews = client.reviews_of(open.number).await?;
        let mut approvers: Vec<String> = reviews
            .into_iter()
            .filter(|review| {
                review.state == ReviewState::Approved && !review.stale && !review.dismissed
            })
            .map(|review| review.author.login)
            .collect();
        approvers.sort();
        approvers.dedup();
        if approvers.is_empty() {
            return Ok(());
        }
        let (mark, text) = words::changed_after_approval(change, &approvers)?;
        let me = self.work.snapshot.forge.known().map(|forge| forge.me.id);
        let comments = client.comments_of(open.number).await?.items;
        let is_told =
            |one: &Comment| Some(one.author.id) == me && Marker::all(&one.body).contains(&mark);
        if !comments.iter().any(is_told) {
            client.post_comment(open.number, &text).await?;
        }
        Ok(())
    }

    fn find_open_pull(&self, proposal: &Proposal) -> Option<&PullRequest> {
        let pulls = &self.work.snapshot.forge.known()?.pulls;
        pulls
            .iter()
            .find(|pull| Some(pull.number) == proposal.number && pull.state == PullState::Open)
    }

    /// Writes the one commit of the branch, and pushes it if the branch does not have it yet.
    fn push_proposal(
        &self,
        clone: &mut Clone,
        name: &str,
        change: &Change,
        existing: Option<&Branch>,
    ) -> Result<(CommitId, bool)> {
        if let Some(foreign) = existing.filter(|branch| !branch.own) {
            return Err(Error::failed(format!(
                "the branch {BRANCHES}{name} is not pintle's own: its tip is {}",
                foreign.tip.short()
            )));
        }
        let tip = self
            .work
            .plan
            .tip
            .as_ref()
            .ok_or_else(|| Error::failed("a plan made from a folder cannot be proposed"))?;
        let head = commit::write_proposal(
            clone,
            tip,
            change,
            &self.author,
            self.work.plan.at,
            existing,
            self.work.snapshot.config.git.sign_off,
        )?;
        let before = existing.map(|branch| &branch.tip);
        if before == Some(&head) {
            return Ok((head, false));
        }
        match clone.push_branch(&format!("refs/heads/{BRANCHES}{name}"), before, &head) {
            Ok(_) => Ok((head, true)),
            Err(PushError::TipMoved { .. }) => Err(Error::outside(format!(
                "somebody pushed to {BRANCHES}{name} during the pass"
            ))
            .hint("the next pass looks again")),
            Err(other) => Err(other.into_error(clone)),
        }
    }

    /// Returns the ids of the labels, and creates those that are missing. If the forge does not
    /// allow that, the label is left out.
    async fn ensure_labels(
        &self,
        client: &Client,
        proposal: &Proposal,
        known: &mut Option<BTreeMap<String, u64>>,
    ) -> Result<Vec<u64>> {
        let wanted = words::labels(proposal, &self.work.snapshot.config.forge.labels);
        let all = match known {
            Some(all) => all,
            None => known.insert(
                client
                    .labels()
                    .await?
                    .into_iter()
                    .map(|label| (label.name, label.id))
                    .collect(),
            ),
        };
        for name in &wanted {
            if !all.contains_key(name) {
                match client.create_label(name, COLOUR, "made by pintle").await {
                    Ok(label) => {
                        all.insert(label.name, label.id);
                    }
                    Err(error) => tracing::warn!(%error, name, "cannot make a label"),
                }
            }
        }
        Ok(wanted
            .iter()
            .filter_map(|name| all.get(name).copied())
            .collect())
    }

    /// Changes the labels of a pull request that became urgent or is no longer. Before its text is
    /// edited: after a failure the next pass tries again as long as the text is the old one.
    async fn update_labels(
        &self,
        client: &Client,
        open: &PullRequest,
        proposal: &Proposal,
        labels: &mut Option<BTreeMap<String, u64>>,
    ) -> Result<()> {
        let was = open
            .pins
            .iter()
            .any(|pin| pin.action == Action::Rollback || pin.asked.is_some());
        if was == proposal.urgent {
            return Ok(());
        }
        let wanted = self.ensure_labels(client, proposal, labels).await?;
        if proposal.urgent {
            return client.add_labels(open.number, &wanted).await;
        }
        match labels
            .as_ref()
            .and_then(|all| all.get(words::URGENT))
            .filter(|id| !wanted.contains(id))
        {
            Some(id) => client.remove_label(open.number, *id).await,
            None => Ok(()),
        }
    }

    async fn apply_step(
        &mut self,
        client: &Client,
        clone: &mut Clone,
        step: &PullStep,
    ) -> Result<Option<Pulled>> {
        match step {
            PullStep::Close {
                number,
                name,
                tip,
                why,
            } => {
                // In one request: the text says that pintle closed it, not a person.
                if let Some(pull) = client.pull(*number).await? {
                    let change = PullChange {
                        title: None,
                        body: Some(words::withdraw(&pull.body, why)),
                        open: Some(false),
                    };
                    client.edit_pull(*number, &change).await?;
                }
                if let Some(tip) = tip {
                    delete_branch(clone, name, tip)?;
                }
                log_done(*number, name, PullDone::Closed, why);
                Ok(Some(Pulled {
                    number: *number,
                    name: name.clone(),
                    url: None,
                    done: PullDone::Closed,
                }))
            }
            PullStep::DeleteBranch { name, tip } => {
                delete_branch(clone, name, tip)?;
                Ok(None)
            }
            PullStep::Warn { number, name, why } => {
                self.warn_in_text(client, *number, name, why).await
            }
            PullStep::Leave { number, name, tip } => {
                client
                    .post_comment(*number, &words::left(name, tip))
                    .await?;
                let why = format!("somebody pushed {} to its branch", tip.short());
                log_done(*number, name, PullDone::Left, &why);
                Ok(Some(Pulled {
                    number: *number,
                    name: name.clone(),
                    url: None,
                    done: PullDone::Left,
                }))
            }
            PullStep::Merge { number, name, head } => {
                let how = self.merge_options(client, clone, *number, head).await?;
                match client.merge(*number, &how).await {
                    Ok(()) | Err(MergeError::Already) => {
                        let why = "its time has come, and its statuses are green";
                        log_done(*number, name, PullDone::Merged, why);
                        Ok(Some(Pulled {
                            number: *number,
                            name: name.clone(),
                            url: None,
                            done: PullDone::Merged,
                        }))
                    }
                    Err(why) => Err(why.into_error(&format!("pull request {number}"))),
                }
            }
        }
    }

    /// Says at the top of a pull request why it cannot be merged or updated now, once.
    async fn warn_in_text(
        &self,
        client: &Client,
        number: u64,
        name: &Arc<str>,
        why: &str,
    ) -> Result<Option<Pulled>> {
        let pulls = self.work.snapshot.forge.known();
        let pulls = pulls.map_or(&[][..], |forge| &forge.pulls);
        let known = pulls.iter().find(|pull| pull.number == number);
        if known.is_none_or(|pull| words::has_warning(pull, why)) {
            return Ok(None);
        }
        let Some(pull) = client.pull(number).await? else {
            return Ok(None);
        };
        let change = PullChange {
            title: None,
            body: Some(words::add_warning(&pull.body, &pull.title, why)),
            open: None,
        };
        client.edit_pull(number, &change).await?;
        log_done(number, name, PullDone::Updated, why);
        Ok(Some(Pulled {
            number,
            name: name.clone(),
            url: None,
            done: PullDone::Updated,
        }))
    }

    async fn merge_options(
        &self,
        client: &Client,
        clone: &Clone,
        number: u64,
        head: &CommitId,
    ) -> Result<MergeHow> {
        let style = match self
            .work
            .snapshot
            .config
            .forge
            .merge_style
            .as_deref()
            .and_then(MergeStyle::parse)
        {
            Some(style) => style,
            None => client
                .repo()
                .await?
                .default_merge_style
                .unwrap_or(MergeStyle::Merge),
        };
        // The forge's own message of a squash has no trailers. All other styles keep the commit.
        let (title, message) = match style {
            MergeStyle::Squash => {
                let text = clone.head(head)?.message;
                let (subject, rest) = text.split_once('\n').unwrap_or((&text, ""));
                (
                    Some(format!("{subject} (#{number})")),
                    Some(rest.trim().to_owned()),
                )
            }
            _ => (None, None),
        };
        Ok(MergeHow {
            style,
            head: head.clone(),
            title,
            message,
            delete_branch: true,
            patience: PATIENCE,
        })
    }
}

/// Logs what was done to a pull request, and why: a line each.
fn log_done(number: u64, name: &str, done: PullDone, why: &str) {
    tracing::info!(number, name, done = done.word(), why, "pull request");
}

fn delete_branch(clone: &mut Clone, name: &str, tip: &CommitId) -> Result<()> {
    tokio::task::block_in_place(|| {
        match clone.delete_branch(&format!("refs/heads/{BRANCHES}{}", branch_name(name)), tip) {
            // It is deleted already, or somebody pushed to it: then it is not pintle's own any
            // more.
            Ok(_) | Err(PushError::TipMoved { .. }) => Ok(()),
            Err(other) => Err(other.into_error(clone)),
        }
    })
}

fn describe_step(step: &PullStep) -> String {
    match step {
        PullStep::Close { number, .. }
        | PullStep::Warn { number, .. }
        | PullStep::Leave { number, .. }
        | PullStep::Merge { number, .. } => format!("#{number}"),
        PullStep::DeleteBranch { name, .. } => format!("the branch {BRANCHES}{name}"),
    }
}
