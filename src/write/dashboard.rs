//! Keeps the dashboard issue up to date: opens it once, and edits it when its text changed. An
//! issue that a person closed is left alone until it is opened again. The text of the issue itself
//! says what it shows, so neither a restart nor a second replica edits it again.

use super::{WriteInput, WriteLease};
use crate::comment::marker::Marker;
use crate::error::Result;
use crate::pipeline::message::ShownDashboard;
use crate::remote::forgejo::{Account, Client, Issue, NewIssue};
use crate::report::dashboard::{Dashboard, TITLE, render_dashboard};

/// How many pages of pintle's own issues are searched.
const PAGES: u32 = 60;

/// What was done about the dashboard.
enum DashboardWrite {
    Unchanged,
    Opened(u64),
    Edited(u64),
    /// A person closed it.
    Closed(u64),
}

/// Makes the issue show the plan; `known` is what this process knows of it, so that a pass without
/// a change asks nothing. Returns what is known now; `None` if nothing new is. What fails is logged,
/// and tried again in the next pass.
pub async fn write_dashboard(
    lease: &WriteLease,
    client: &Client,
    known: Option<ShownDashboard>,
    work: WriteInput<'_>,
) -> Option<ShownDashboard> {
    let is_wanted = work.snapshot.config.forge.dashboard;
    let forge = work.snapshot.forge.known().filter(|_| is_wanted)?;
    let _writing = lease.begin().ok()?;
    let text = render_dashboard(work.snapshot, work.plan, &client.place().url());
    if known.as_ref().is_some_and(|known| known.hash == text.hash) {
        return None;
    }
    let me = Account {
        id: forge.me.id,
        login: forge.me.login.to_string(),
    };
    let keeper = DashboardKeeper {
        client,
        me,
        text,
        work,
    };
    match keeper.keep(known.map(|known| known.number)).await {
        Ok((number, done)) => {
            log_write(&done);
            let hash = keeper.text.hash;
            Some(ShownDashboard { number, hash })
        }
        Err(error) => {
            tracing::warn!(%error, "the dashboard is not as it should be");
            None
        }
    }
}

fn log_write(done: &DashboardWrite) {
    match done {
        DashboardWrite::Unchanged => {}
        DashboardWrite::Opened(issue) => tracing::info!(issue, "dashboard opened"),
        DashboardWrite::Edited(issue) => tracing::info!(issue, "dashboard edited"),
        DashboardWrite::Closed(issue) => tracing::info!(
            issue,
            "the dashboard is closed and is left alone; open the issue to have it again"
        ),
    }
}

struct DashboardKeeper<'a> {
    client: &'a Client,
    me: Account,
    text: Dashboard,
    work: WriteInput<'a>,
}

impl DashboardKeeper<'_> {
    /// Returns the number of the issue, and what was done.
    async fn keep(&self, known: Option<u64>) -> Result<(u64, DashboardWrite)> {
        let found = match known {
            Some(number) => self.client.issue(number).await?.filter(is_dashboard),
            None => None,
        };
        let found = match found {
            Some(issue) => Some(issue),
            None => self.find_all().await?.into_iter().next(),
        };
        let Some(issue) = found else {
            return self.open().await;
        };
        let number = issue.number;
        if !issue.is_open {
            return Ok((number, DashboardWrite::Closed(number)));
        }
        if Marker::all(&issue.body).contains(&Marker::Dashboard(self.text.hash.clone())) {
            return Ok((number, DashboardWrite::Unchanged));
        }
        let body = self.text.body.clone();
        self.client.edit_issue(number, Some(body), None).await?;
        Ok((number, DashboardWrite::Edited(number)))
    }

    /// Opens the issue. If another replica opened one at the same moment, the older one stays.
    async fn open(&self) -> Result<(u64, DashboardWrite)> {
        let new = NewIssue {
            title: TITLE.to_owned(),
            body: self.text.body.clone(),
            labels: self.work.label_ids(self.client).await?,
        };
        let own = self.client.open_issue(&new).await?.number;
        let oldest = self.find_all().await?.first().map(|issue| issue.number);
        match oldest.filter(|oldest| *oldest < own) {
            Some(oldest) => {
                self.client.edit_issue(own, None, Some(false)).await?;
                Ok((oldest, DashboardWrite::Unchanged))
            }
            None => Ok((own, DashboardWrite::Opened(own))),
        }
    }

    /// pintle's issues that show a dashboard, the oldest first.
    async fn find_all(&self) -> Result<Vec<Issue>> {
        let issues = self.client.issues_of(&self.me, None, PAGES).await?;
        let mut found: Vec<Issue> = issues.items.into_iter().filter(is_dashboard).collect();
        found.sort_by_key(|issue| issue.number);
        Ok(found)
    }
}

fn is_dashboard(issue: &Issue) -> bool {
    let marks = Marker::all(&issue.body);
    marks
        .iter()
        .any(|mark| matches!(mark, Marker::Dashboard(_)))
}
