//! Reads the forge: pintle's own pull requests, comments without an answer, whether the branch
//! accepts pushes, and the CI statuses of the last commit. The right of a comment's author is
//! looked up in each pass, by numeric id. Never writes.

use super::forge_memory::ForgeMemory;
use super::{Checkout, FollowedBranch, Session, checks, merged, reviews};
use crate::comment::marker::Marker;
use crate::comment::parse;
use crate::comment::pull_request::{is_draft_title, read_marks};
use crate::config::Config;
use crate::error::{Error, Result};
use crate::model::ask::{Command, Right};
use crate::model::commit::CommitId;
use crate::pipeline::forge::{
    Account, Ask, BRANCHES, Branch, Checks, CommentRef, Direct, Forge, Pipeline, PullRequest,
    PullState, Said,
};
use crate::pipeline::history::History;
use crate::pipeline::{Recorded, Seen, trailers};
use crate::remote::forgejo::{self, Client, Comment, MergeStyle, PermissionError, Pull};
use crate::sites::lookup::is_name;
use jiff::{SignedDuration, Timestamp, ToSpan};
use std::collections::{BTreeMap, BTreeSet};

/// How many days back closed pull requests are read.
const CLOSED: i64 = 90;
/// How many days back comments are read. A command that is older than `command_age` gets an answer
/// that says so.
const COMMENTS: i64 = 7;
/// How many pages of a list are read at most: a few thousand entries.
const PAGES: u32 = 60;

/// Returns the forge as it is now, `NotAsked` if none is configured, and the checkout's history
/// with the pins of merges that only the forge knows.
pub async fn forge(session: &Session, checkout: &Checkout) -> (Seen<Forge>, Seen<History>) {
    let alone = |forge| (forge, checkout.history.clone());
    let branch = checkout
        .clone
        .as_ref()
        .map(|clone| clone.branch().to_owned());
    let followed = FollowedBranch {
        branch: branch.as_deref().map(Into::into),
        repository: None,
    };
    let (Some(client), Some(branch)) = (session.forge(), branch) else {
        session.note_followed(followed);
        return alone(Seen::NotAsked);
    };
    let look = ForgeReader {
        session,
        client,
        checkout,
        config: &checkout.config,
        branch,
        now: (session.setup.clock)(),
    };
    match look.read_all(session.push_refusal()).await {
        Ok(ForgeReading {
            forge,
            history,
            repository,
        }) => {
            session.note_followed(FollowedBranch {
                repository: (!repository.is_empty()).then(|| repository.into()),
                ..followed
            });
            (Seen::Known(forge), history)
        }
        Err(error) => {
            tracing::debug!(%error, "the forge could not be asked");
            session.note_followed(followed);
            alone(Seen::Unknown(error.to_string()))
        }
    }
}

/// Returns the checkout's history with the pins of merges that lost the trailers, if the forge can
/// be asked.
pub async fn merged_history(session: &Session, checkout: &Checkout) -> Seen<History> {
    let (Some(client), Some(clone)) = (session.forge(), &checkout.clone) else {
        return checkout.history.clone();
    };
    let look = ForgeReader {
        session,
        client,
        checkout,
        config: &checkout.config,
        branch: clone.branch().to_owned(),
        now: (session.setup.clock)(),
    };
    match look.read_merged_pulls().await {
        Ok(pulls) => merged::add_merged_pins(checkout, &pulls),
        Err(error) => {
            tracing::warn!(%error, "the forge could not be asked for what was merged by it");
            checkout.history.clone()
        }
    }
}

/// What one reading of the forge comes to.
struct ForgeReading {
    forge: Forge,
    /// With the pins of merges that only the forge knows.
    history: Seen<History>,
    /// The repo's name as the forge says it.
    repository: String,
}

struct ForgeReader<'a> {
    session: &'a Session,
    client: &'a Client,
    checkout: &'a Checkout,
    config: &'a Config,
    /// The followed branch.
    branch: String,
    now: Timestamp,
}

impl ForgeReader<'_> {
    async fn read_all(&self, refused: Option<String>) -> Result<ForgeReading> {
        let (me, repo) = self.read_account_and_repo().await?;
        if repo.archived {
            return Err(Error::failed(format!(
                "{} is archived: nothing can be written there",
                self.client.place()
            )));
        }
        let mut settled = self
            .session
            .forge_memory(|memory| memory.comments().clone());
        let (branch, comments, pulls) = tokio::try_join!(
            self.client.branch(&self.branch),
            self.client
                .comments_since(settled.read_from(self.days_ago(COMMENTS)), PAGES),
            self.read_own_pulls(&me, &repo),
        )?;
        if !comments.complete {
            tracing::warn!(
                repo = %self.client.place(),
                "there are more comments of the last {COMMENTS} days than are read at once: the oldest of them are left out"
            );
        }
        let is_own = |comment: &&Comment| comment.author.id == me.id;
        settled.add_own(comments.items.iter().filter(is_own));
        let approvals = branch
            .as_ref()
            .map_or(0, |branch| branch.required_approvals);
        let known = self.read_pulls(&me, approvals, &pulls).await?;
        let asks = self
            .read_asks(&me, &comments.items, &settled.answered)
            .await?;
        let open = asks.iter().map(|ask| ask.comment.id).collect();
        settled.settle(&comments.items, &open);
        let reported = settled.reported.clone();
        self.session
            .forge_memory(|memory| memory.remember_comments(settled));
        let required = branch.as_ref().is_some_and(|branch| branch.status_check);
        let history = merged::add_merged_pins(self.checkout, &known);
        let forge = Forge {
            direct: direct_push(&self.branch, branch.as_ref(), refused),
            merges_newest_only: self.merges_newest_only(&repo, branch.as_ref()).await,
            has_pull_requests: repo.has_pull_requests,
            faults: find_faults(&repo, self.client.place()),
            asks,
            pipeline: self
                .read_pipeline(
                    &me,
                    &reported,
                    &known,
                    &history,
                    (required, repo.has_issues),
                )
                .await?,
            pulls: known,
            url: self.client.place().url(),
            me: Account {
                id: me.id,
                login: me.login.into(),
            },
        };
        Ok(ForgeReading {
            forge,
            history,
            repository: repo.full_name,
        })
    }

    /// Returns the token's account and the repo. The account is asked for once, and again where the
    /// token gives no right to write: a public repo can be read with a token that was revoked.
    async fn read_account_and_repo(&self) -> Result<(forgejo::Account, forgejo::Repo)> {
        let known = self.session.forge_memory(|memory| memory.me.clone());
        let (me, repo) = match known {
            Some(me) => {
                let repo = self.client.repo().await?;
                let me = if repo.push {
                    me
                } else {
                    self.client.me().await?
                };
                (me, repo)
            }
            None => tokio::try_join!(self.client.me(), self.client.repo())?,
        };
        self.session
            .forge_memory(|memory| memory.me = Some(me.clone()));
        Ok((me, repo))
    }

    /// Returns whether a branch that is behind the followed one cannot be merged. Looked up only
    /// where it makes a difference; what the account may not see does not hold.
    async fn merges_newest_only(
        &self,
        repo: &forgejo::Repo,
        branch: Option<&forgejo::Branch>,
    ) -> bool {
        let style = self.config.forge.merge_style.as_deref();
        let style = style
            .and_then(MergeStyle::parse)
            .or(repo.default_merge_style);
        if style == Some(MergeStyle::FastForwardOnly) {
            return true;
        }
        let is_behind = |branch: &Branch| branch.own && branch.parent != self.checkout.tip;
        let Some(rule) = branch
            .filter(|branch| branch.protected)
            .and_then(|branch| branch.rule.as_ref())
            .filter(|_| self.checkout.branches.iter().any(is_behind))
        else {
            return false;
        };
        match self.client.protection(rule).await {
            Ok(protection) => protection.is_some_and(|rule| rule.blocks_outdated),
            Err(error) => {
                tracing::debug!(%error, "the protection of the branch could not be read");
                false
            }
        }
    }

    fn days_ago(&self, days: i64) -> Timestamp {
        self.now
            .checked_sub((days * 24).hours())
            .unwrap_or(Timestamp::UNIX_EPOCH)
    }

    /// Returns pintle's own pull requests. A repo in which they are switched off answers 404 for
    /// them.
    async fn read_own_pulls(
        &self,
        me: &forgejo::Account,
        repo: &forgejo::Repo,
    ) -> Result<Vec<Pull>> {
        if !repo.has_pull_requests {
            tracing::warn!(repo = %self.client.place(), "pull requests are switched off in the repo's settings: pintle can only commit");
            return Ok(Vec::new());
        }
        let pulls = self.client.pulls_of(me, self.days_ago(CLOSED), PAGES);
        Ok(pulls.await?.items)
    }

    async fn read_merged_pulls(&self) -> Result<Vec<PullRequest>> {
        let (me, repo) = tokio::try_join!(self.client.me(), self.client.repo())?;
        let pulls = self.read_own_pulls(&me, &repo).await?;
        let merged: Vec<Pull> = pulls.into_iter().filter(|pull| pull.merged).collect();
        self.read_pulls(&me, 0, &merged).await
    }

    async fn read_pulls(
        &self,
        me: &forgejo::Account,
        required_approvals: u64,
        pulls: &[Pull],
    ) -> Result<Vec<PullRequest>> {
        let merges = self.config.defaults.settings.automerge == Some(true)
            || self
                .config
                .rules
                .iter()
                .any(|rule| rule.settings.automerge == Some(true));
        let mut found = Vec::new();
        for pull in pulls
            .iter()
            .filter(|pull| pull.same_repo && pull.base_branch == self.branch)
        {
            let Some((name, head)) = pull
                .head_branch
                .strip_prefix(BRANCHES)
                .zip(pull.head.clone())
            else {
                continue;
            };
            let branch = self
                .checkout
                .branches
                .iter()
                .find(|branch| &*branch.name == name);
            let checks = if merges && pull.open {
                Seen::Known(self.checks(&head).await?)
            } else {
                Seen::NotAsked
            };
            // Before its statuses are green it is not merged, whatever its reviews say.
            let reviews = if checks == Seen::Known(Checks::Green) {
                reviews::read_open_reviews(self.client, me, pull.number, required_approvals).await
            } else {
                Seen::NotAsked
            };
            found.push(PullRequest {
                number: pull.number,
                name: name.into(),
                url: pull.html_url.clone(),
                title: pull.title.clone(),
                state: pull_state(pull),
                created: pull.created_at,
                pins: trailers::parse(&pull.body.replace("\r\n", "\n")),
                left: self.read_left_tips(pull, branch).await?,
                marks: read_marks(&pull.body),
                draft: pull.draft || is_draft_title(&pull.title),
                reviews,
                checks,
                head,
            });
        }
        found.sort_by_key(|pull| std::cmp::Reverse(pull.number));
        Ok(found)
    }

    /// Returns the tips at which pintle stopped updating the pull request. Looked up only if a
    /// person pushed to it or closed it, which is rare.
    async fn read_left_tips(
        &self,
        pull: &Pull,
        branch: Option<&Branch>,
    ) -> Result<BTreeSet<CommitId>> {
        let pushed = pull.open && branch.is_some_and(|branch| !branch.own);
        let closed = !pull.open
            && !pull.merged
            && pull.comments != Some(0)
            && !read_marks(&pull.body).withdrawn;
        if !pushed && !closed {
            return Ok(BTreeSet::new());
        }
        let comments = self.client.comments_of(pull.number).await?.items;
        let own = comments
            .iter()
            .filter(|comment| comment.author.id == pull.author.id);
        Ok(own
            .flat_map(|comment| Marker::all(&comment.body))
            .filter_map(|marker| {
                if let Marker::Left(tip) = marker {
                    Some(tip)
                } else {
                    None
                }
            })
            .collect())
    }

    async fn checks(&self, commit: &CommitId) -> Result<Checks> {
        checks::fetch(self.client, self.config, commit).await
    }

    /// Returns the state of CI for pintle's newest commit on the branch.
    async fn read_pipeline(
        &self,
        me: &forgejo::Account,
        told: &BTreeSet<CommitId>,
        pulls: &[PullRequest],
        history: &Seen<History>,
        (required, has_issues): (bool, bool),
    ) -> Result<Option<Pipeline>> {
        let Some(history) = history.known() else {
            return Ok(None);
        };
        let Some(last) = history
            .first()
            .filter(|last| last.at >= self.days_ago(COMMENTS))
        else {
            return Ok(None);
        };
        let commit = last.landed.clone();
        let checks = self.checks(&commit).await?;
        let expected = required
            || !self.config.pipeline.contexts.is_empty()
            || checks != Checks::Missing
            || self.had_statuses_before(history, last).await?;
        let came_by = |pull: &&PullRequest| match &pull.state {
            PullState::Merged { commit: merge, .. } => {
                merge.as_ref() == Some(&commit) || pull.head == last.commit
            }
            PullState::Open | PullState::Closed { .. } => false,
        };
        let pull = pulls.iter().find(came_by).map(|pull| pull.number);
        let said = |body: &str| Marker::all(body).contains(&Marker::Pipeline(commit.clone()));
        let reported = match &checks {
            Checks::Green => false,
            Checks::Missing if !expected => false,
            _ if told.contains(&commit) => true,
            // Without issues it can be reported only on its pull request, if it has one.
            _ if !has_issues => pull.is_none(),
            _ => self.is_reported_in_issues(me, &said).await?,
        };
        let (subject, at) = (last.subject.clone(), last.at);
        Ok(Some(Pipeline {
            checks,
            expected,
            pull,
            reported,
            commit,
            subject,
            at,
        }))
    }

    /// Returns whether the commit before pintle's push had a status. CI runs for the last commit of
    /// a push, and all commits of a push have the same time.
    async fn had_statuses_before(&self, history: &[Recorded], last: &Recorded) -> Result<bool> {
        let Some(clone) = &self.checkout.clone else {
            return Ok(false);
        };
        let together: BTreeSet<&CommitId> = history
            .iter()
            .take_while(|one| one.at == last.at)
            .map(|one| &one.landed)
            .collect();
        let past = clone.read_log(
            &last.landed,
            together.len() + 1,
            std::time::Duration::from_secs(5),
        )?;
        match past
            .iter()
            .find(|past| past.merged_by.is_none() && !together.contains(&past.commit))
        {
            Some(before) => {
                let commit = &before.commit;
                let had = |memory: &mut ForgeMemory| memory.had_statuses.get(commit).copied();
                if let Some(had) = self.session.forge_memory(had) {
                    return Ok(had);
                }
                let had = !self.client.statuses(commit).await?.is_empty();
                self.session
                    .forge_memory(|memory| memory.had_statuses.insert(commit.clone(), had));
                Ok(had)
            }
            None => Ok(false),
        }
    }

    async fn is_reported_in_issues(
        &self,
        me: &forgejo::Account,
        said: &impl Fn(&str) -> bool,
    ) -> Result<bool> {
        Ok(self
            .client
            .issues_of(me, Some(self.days_ago(COMMENTS)), PAGES)
            .await?
            .items
            .iter()
            .any(|issue| said(&issue.body)))
    }

    /// Returns the commands in comments without an answer, oldest first.
    async fn read_asks(
        &self,
        me: &forgejo::Account,
        comments: &[Comment],
        answered: &BTreeSet<u64>,
    ) -> Result<Vec<Ask>> {
        let since = self.days_ago(COMMENTS);
        let waiting = comments.iter().filter(|one| {
            one.author.id != me.id && !answered.contains(&one.id) && one.created_at >= since
        });
        let mut rights = BTreeMap::new();
        let mut asks = Vec::new();
        for comment in waiting {
            let Some(said) = self.read_comment(comment) else {
                continue;
            };
            // One that was deleted meanwhile, or whose reactions cannot be read, stops nothing.
            let reactions = match self.client.reactions(comment.id).await {
                Ok(reactions) => reactions,
                Err(error) => {
                    tracing::debug!(%error, comment = comment.id, "cannot read reactions");
                    Vec::new()
                }
            };
            let acknowledged = reactions
                .iter()
                .any(|one| one.account.id == me.id && one.content == "eyes");
            asks.push(Ask {
                right: self.look_up_right(&comment.author, &mut rights).await,
                author: Account {
                    id: comment.author.id,
                    login: comment.author.login.as_str().into(),
                },
                comment: CommentRef {
                    id: comment.id,
                    issue: comment.issue,
                    url: comment.html_url.clone(),
                    at: comment.created_at,
                },
                acknowledged,
                said,
            });
        }
        asks.sort_by_key(|ask| ask.comment.id);
        Ok(asks)
    }

    /// Reads the commands of a comment; `None` if it has none.
    fn read_comment(&self, comment: &Comment) -> Option<Said> {
        let said =
            match parse::parse_naming(&comment.body, &|name| is_name(&self.checkout.scan, name)) {
                Ok(commands) if commands.is_empty() => return None,
                Ok(commands) => Said::Commands(commands),
                Err(misread) => Said::Misread(misread),
            };
        let age = self.now.duration_since(comment.created_at);
        if comment.updated_at
            > comment
                .created_at
                .checked_add(EDITED)
                .unwrap_or(comment.created_at)
        {
            return Some(Said::Edited);
        }
        let late = age > self.config.forge.command_age && !only_reads(&said);
        Some(if late { Said::Late } else { said })
    }

    /// Returns what the author may do in the repo now. If the login belongs to another account by
    /// now, the author has no right.
    async fn look_up_right(
        &self,
        author: &forgejo::Account,
        known: &mut BTreeMap<u64, Seen<Right>>,
    ) -> Seen<Right> {
        if let Some(right) = known.get(&author.id) {
            return right.clone();
        }
        let named = self.config.forge.commanders.contains(&author.id);
        let right = match self.client.permission(&author.login).await {
            // Gitea reports `read` for members of a team that may write to single units of the
            // repo.
            Ok(Some(told))
                if told.account.id == author.id && told.right == Right::Read && named =>
            {
                Seen::Known(Right::Write)
            }
            Ok(Some(told)) if told.account.id == author.id => Seen::Known(told.right),
            Ok(_) => Seen::Known(Right::None),
            Err(PermissionError::MayNotAsk(_)) if named => Seen::Known(Right::Write),
            Err(PermissionError::MayNotAsk(error)) => {
                tracing::warn!(%error, author = author.login, "only [forge] commanders may command: the token's account is no administrator of the repo");
                Seen::NotAsked
            }
            Err(PermissionError::Failed(error)) => Seen::Unknown(error.to_string()),
        };
        known.insert(author.id, right.clone());
        right
    }
}

/// A forge stores the times of creation and update separately: a later update within this time is
/// no edit.
const EDITED: SignedDuration = SignedDuration::from_secs(1);

fn only_reads(said: &Said) -> bool {
    matches!(said, Said::Commands(commands) if commands.iter().all(|command: &Command| command.needs() == Right::Read))
}

fn pull_state(pull: &Pull) -> PullState {
    match (pull.open, pull.merged) {
        (true, _) => PullState::Open,
        (false, true) => PullState::Merged {
            at: pull.merged_at.unwrap_or(pull.updated_at),
            commit: pull.merge_commit.clone(),
        },
        (false, false) => PullState::Closed {
            at: pull.closed_at.unwrap_or(pull.updated_at),
        },
    }
}

/// What keeps pintle from its work in a forge that answers: a line each.
fn find_faults(repo: &forgejo::Repo, place: &forgejo::Place) -> Vec<String> {
    if repo.push {
        Vec::new()
    } else {
        vec![format!("pintle's account may not write to {place}")]
    }
}

/// Returns whether the branch accepts pintle's pushes. The answer to an earlier push has precedence
/// over the API.
fn direct_push(name: &str, branch: Option<&forgejo::Branch>, refused: Option<String>) -> Direct {
    match (refused, branch) {
        (Some(why), _) => Direct::Protected(format!("the branch {name} took no push: {why}")),
        (None, Some(branch)) if branch.protected && !branch.user_can_push => {
            Direct::Protected(format!("the branch {name} is protected"))
        }
        _ => Direct::Allowed,
    }
}
