//! `pintle setup forgejo`: checks that the forge is as pintle needs it, and creates missing labels
//! and the webhook. A second run changes nothing.

use super::WriteLease;
use crate::error::{Error, Result};
use crate::pipeline::forge::BRANCHES;
use crate::remote::forgejo::{Branch, Client, Hook, NewHook, Repo};
use secrecy::SecretString;
use std::sync::Arc;
use url::Url;

/// The events that every forge has and pintle needs.
pub const EVENTS: [&str; 4] = [
    "push",
    "issue_comment",
    "pull_request",
    "pull_request_comment",
];

/// What is asked for besides: the end of a pipeline, and images pushed to the forge. Forgejo has no
/// event for commit statuses and names its own actions (`modules/webhook/type.go` of both).
fn optional_events(forgejo: bool) -> &'static [&'static str] {
    if forgejo {
        &[
            "package",
            "action_run_success",
            "action_run_failure",
            "action_run_recover",
        ]
    } else {
        &["package", "status"]
    }
}

/// A label that pintle needs besides the configured ones.
pub const URGENT: &str = "pintle/urgent";

/// How the forge should be.
pub struct ForgeSetup {
    /// `None`: the repo's default branch.
    pub branch: Option<String>,
    pub labels: Vec<Arc<str>>,
    /// Without a webhook pintle polls.
    pub hook: Option<WebhookSetup>,
    /// Checks only, and changes nothing.
    pub dry_run: bool,
}

/// The webhook.
pub struct WebhookSetup {
    pub url: Url,
    pub secret: SecretString,
    /// Replaces an existing webhook, since a forge neither shows nor changes its secret.
    pub replace: bool,
}

/// The result of one check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetupLine {
    pub state: SetupState,
    pub what: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetupState {
    /// As it should be.
    Found,
    /// Was missing, and was created.
    Made,
    /// Is missing, and would be created.
    Missing,
    /// Works with restrictions.
    Note,
    /// A person has to correct it.
    Wrong,
}

impl SetupState {
    pub fn word(self) -> &'static str {
        match self {
            Self::Found => "ok",
            Self::Made => "made",
            Self::Missing => "missing",
            Self::Note => "note",
            Self::Wrong => "wrong",
        }
    }
}

/// Checks everything in turn, and creates what is missing.
///
/// # Errors If the forge cannot be asked or is too old, or the token lacks a scope: then nothing
/// else can be checked.
pub async fn set_up_forge(
    lease: &WriteLease,
    client: &Client,
    wanted: &ForgeSetup,
) -> Result<Vec<SetupLine>> {
    let _writing = lease.begin()?;
    let mut lines = Vec::new();
    let mut say = |state, what: String| lines.push(SetupLine { state, what });
    let version = client.version().await?;
    version.supported()?;
    say(
        SetupState::Found,
        format!(
            "{} {} at {}",
            if version.forgejo { "Forgejo" } else { "Gitea" },
            version.text,
            client.place().base()
        ),
    );
    let me = client.me().await?;
    say(
        SetupState::Found,
        format!("the token is that of {} (id {})", me.login, me.id),
    );
    let repo = client.repo().await?;
    for line in check_rights(&repo, client) {
        say(line.state, line.what);
    }
    let name = wanted
        .branch
        .clone()
        .unwrap_or_else(|| repo.default_branch.clone());
    let branch = client.branch(&name).await?;
    let branch = branch.ok_or_else(|| {
        Error::failed(format!("{} has no branch {name}", client.place()))
            .hint("name another with --branch")
    })?;
    say(SetupState::Found, describe_protection(&branch));
    if repo.admin {
        let rules = client.protections().await?;
        for rule in rules.iter().filter(|rule| covers_own_branches(&rule.rule)) {
            say(
                SetupState::Wrong,
                format!(
                    "the protection rule {} covers pintle's own branches: remove it, or let the account push and force-push there",
                    rule.rule
                ),
            );
        }
    }
    client.comments_since(jiff::Timestamp::MAX, 1).await?;
    if wanted.dry_run {
        say(SetupState::Found, "comments can be read".into());
    } else {
        client.may_write().await?;
        say(
            SetupState::Found,
            "the token has the scopes to read and to write".into(),
        );
    }
    for line in ensure_labels(client, wanted).await? {
        say(line.state, line.what);
    }
    match &wanted.hook {
        None => say(
            SetupState::Note,
            "no webhook is asked for (--hook-url): pintle run polls".into(),
        ),
        Some(_) if !repo.admin => say(
            SetupState::Wrong,
            "a webhook takes an administrator of the repo".into(),
        ),
        Some(hook) => {
            let line = ensure_webhook(client, hook, version.forgejo, wanted.dry_run).await?;
            say(line.state, line.what);
        }
    }
    Ok(lines)
}

fn check_rights(repo: &Repo, client: &Client) -> Vec<SetupLine> {
    let line = |state, what: &str| SetupLine {
        state,
        what: what.to_owned(),
    };
    let mut lines = Vec::new();
    let (named, called) = (
        format!("{}/{}", client.place().owner(), client.place().repo()),
        &repo.full_name,
    );
    if !called.is_empty() && !called.eq_ignore_ascii_case(&named) {
        lines.push(line(
            SetupState::Wrong,
            &format!(
                "{named} is called {called} now: name it so, git is not led on from the old name"
            ),
        ));
    }
    lines.push(match (repo.archived, repo.push) {
        (true, _) => line(
            SetupState::Wrong,
            &format!("{} is archived: nothing can be written", client.place()),
        ),
        (_, false) => line(
            SetupState::Wrong,
            &format!(
                "the account may not write to {}: add it as a collaborator that may",
                client.place()
            ),
        ),
        (false, true) => line(
            SetupState::Found,
            &format!("the account may write to {}", client.place()),
        ),
    });
    if !repo.has_pull_requests {
        lines.push(line(
            SetupState::Wrong,
            "pull requests are switched off in the repo's settings",
        ));
    }
    if !repo.has_issues {
        lines.push(line(
            SetupState::Note,
            "issues are switched off: commands work on pull requests only, and a pipeline that fails is not reported",
        ));
    }
    lines.push(if repo.admin {
        line(SetupState::Found, "the account administrates the repo: it may look up who may command")
    } else {
        line(
            SetupState::Note,
            "the account does not administrate the repo, so it may not look up who may command: only the accounts of `[forge] commanders` may; `/api/v1/users/<login>` shows the id of an account",
        )
    });
    lines
}

/// Says whether a protection rule, which is a branch or a glob in which only `**` matches a slash,
/// holds for branches of pintle's.
fn covers_own_branches(rule: &str) -> bool {
    rule.starts_with("**")
        || rule
            .strip_prefix(BRANCHES)
            .is_some_and(|rest| !rest.is_empty())
}

fn describe_protection(branch: &Branch) -> String {
    let statuses = if branch.status_check {
        "; merging takes green statuses"
    } else {
        ""
    };
    match (branch.protected, branch.user_can_push) {
        (true, false) => format!(
            "{} is protected: every change will be a pull request{statuses}",
            branch.name
        ),
        (true, true) => format!(
            "{} is protected, and the account may push to it{statuses}",
            branch.name
        ),
        (false, _) => format!(
            "{} is not protected: commits are pushed to it where the mode is `commit`",
            branch.name
        ),
    }
}

async fn ensure_labels(client: &Client, wanted: &ForgeSetup) -> Result<Vec<SetupLine>> {
    let known = client.labels().await?;
    let mut lines = Vec::new();
    for name in wanted.labels.iter().map(|label| &**label).chain([URGENT]) {
        let state = match known.iter().any(|label| label.name == name) {
            true => SetupState::Found,
            false if wanted.dry_run => SetupState::Missing,
            false => {
                client
                    .create_label(name, super::pull_request::COLOUR, "made by pintle")
                    .await?;
                SetupState::Made
            }
        };
        lines.push(SetupLine {
            state,
            what: format!("label {name}"),
        });
    }
    Ok(lines)
}

async fn ensure_webhook(
    client: &Client,
    wanted: &WebhookSetup,
    forgejo: bool,
    dry_run: bool,
) -> Result<SetupLine> {
    let new = NewHook {
        url: wanted.url.clone(),
        secret: wanted.secret.clone(),
        events: EVENTS
            .iter()
            .chain(optional_events(forgejo))
            .map(|event| (*event).to_owned())
            .collect(),
    };
    let known = client
        .hooks()
        .await?
        .into_iter()
        .find(|hook| hook.url == wanted.url.as_str());
    let what = format!("webhook to {}", wanted.url);
    let line = |state| SetupLine {
        state,
        what: what.clone(),
    };
    match known {
        Some(hook) if is_complete(&hook, forgejo) && !wanted.replace => Ok(line(SetupState::Found)),
        None | Some(_) if dry_run => Ok(line(SetupState::Missing)),
        // No forge changes the secret of an existing webhook.
        Some(hook) if wanted.replace => {
            client.delete_hook(hook.id).await?;
            client
                .create_hook(&new)
                .await
                .map(|_| line(SetupState::Made))
        }
        Some(hook) => client
            .edit_hook(hook.id, &new.url, &new.events)
            .await
            .map(|_| line(SetupState::Made)),
        None => client
            .create_hook(&new)
            .await
            .map(|_| line(SetupState::Made)),
    }
}

/// A forge may list more events than it was given, and an older one does not know all that are
/// asked for: only those that it surely has make a webhook incomplete.
fn is_complete(hook: &Hook, forgejo: bool) -> bool {
    let status = (!forgejo).then_some(&"status");
    hook.active
        && hook.json
        && EVENTS
            .iter()
            .chain(status)
            .all(|event| hook.events.iter().any(|known| known == event))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Forgejo lists no `status`, whatever it was given (`EventsArray()`), and older versions none
    /// of their actions.
    #[test]
    fn a_webhook_without_events_that_the_forge_lacks_is_complete() {
        let hook = |events: &[&str]| Hook {
            id: 1,
            url: "https://pintle.example.com/hooks/forgejo".into(),
            active: true,
            json: true,
            events: events.iter().map(|event| (*event).to_owned()).collect(),
        };
        let (base, all) = (hook(&EVENTS), hook(&[&EVENTS[..], &["status"]].concat()));
        assert_eq!(
            (is_complete(&base, true), is_complete(&base, false)),
            (true, false)
        );
        assert_eq!(
            (is_complete(&all, true), is_complete(&all, false)),
            (true, true)
        );
        assert!(!is_complete(&hook(&EVENTS[1..]), true));
        assert!(!optional_events(true).contains(&"status"));
    }
}
