//! The repository itself and its branches, as this token sees them.

use super::Client;
use super::http::Ask;
use super::place::Place;
use super::wire::{Lax, Wire};
use crate::error::Result;
use reqwest::Method;
use serde::Deserialize;

/// How a pull request becomes part of its base.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MergeStyle {
    Merge,
    Rebase,
    RebaseMerge,
    Squash,
    FastForwardOnly,
}

/// What a repository is and what the token's user may do in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repo {
    /// `ops/infra`, as it is called now; empty where the forge does not tell.
    pub full_name: String,
    pub default_branch: String,
    pub admin: bool,
    pub push: bool,
    pub archived: bool,
    pub has_issues: bool,
    pub has_pull_requests: bool,
    /// The repository's own choice, where it allows it.
    pub default_merge_style: Option<MergeStyle>,
}

/// A branch and what the token's user may do with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Branch {
    pub name: String,
    pub protected: bool,
    pub user_can_push: bool,
    /// The name of the protection rule that holds: `main`, `release/*`.
    pub rule: Option<String>,
    /// How many approvals a merge needs.
    pub required_approvals: u64,
    /// Whether a merge needs green statuses.
    pub status_check: bool,
}

/// A protection rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Protection {
    /// A branch or a glob: `main`, `pintle/*`.
    pub rule: String,
    /// Whether a branch that is behind is not merged.
    pub blocks_outdated: bool,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct WireProtection {
    rule_name: Lax<String>,
    branch_name: Lax<String>,
    block_on_outdated_branch: Lax<bool>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct WireRepo {
    full_name: Lax<String>,
    default_branch: Lax<String>,
    permissions: Lax<WireRights>,
    archived: Lax<bool>,
    has_issues: Lax<bool>,
    has_pull_requests: Lax<Option<bool>>,
    allow_merge_commits: Lax<bool>,
    allow_rebase: Lax<bool>,
    allow_rebase_explicit: Lax<bool>,
    allow_squash_merge: Lax<bool>,
    allow_fast_forward_only_merge: Lax<bool>,
    default_merge_style: Lax<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct WireRights {
    admin: Lax<bool>,
    push: Lax<bool>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct WireBranch {
    name: Lax<String>,
    protected: Lax<bool>,
    user_can_push: Lax<bool>,
    effective_branch_protection_name: Lax<String>,
    required_approvals: Lax<u64>,
    enable_status_check: Lax<bool>,
}

impl MergeStyle {
    pub const ALL: [Self; 5] = [
        Self::Merge,
        Self::Rebase,
        Self::RebaseMerge,
        Self::Squash,
        Self::FastForwardOnly,
    ];

    /// Returns the forge's word: `fast-forward-only`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Merge => "merge",
            Self::Rebase => "rebase",
            Self::RebaseMerge => "rebase-merge",
            Self::Squash => "squash",
            Self::FastForwardOnly => "fast-forward-only",
        }
    }

    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|style| style.word() == word)
    }

    pub(super) fn wire(self) -> &'static str {
        match self {
            Self::Merge => "merge",
            Self::Rebase => "rebase",
            Self::RebaseMerge => "rebase-merge",
            Self::Squash => "squash",
            Self::FastForwardOnly => "fast-forward-only",
        }
    }
}

impl WireRepo {
    fn allows(&self, style: MergeStyle) -> bool {
        match style {
            MergeStyle::Merge => *self.allow_merge_commits,
            MergeStyle::Rebase => *self.allow_rebase,
            MergeStyle::RebaseMerge => *self.allow_rebase_explicit,
            MergeStyle::Squash => *self.allow_squash_merge,
            MergeStyle::FastForwardOnly => *self.allow_fast_forward_only_merge,
        }
    }
}

impl Wire for WireRepo {
    type Out = Repo;

    fn read(self, _: &Place) -> Option<Repo> {
        if self.default_branch.is_empty() {
            return None;
        }
        let default_merge_style =
            MergeStyle::parse(&self.default_merge_style).filter(|style| self.allows(*style));
        Some(Repo {
            full_name: self.full_name.0,
            default_branch: self.default_branch.0,
            admin: *self.permissions.admin,
            push: *self.permissions.push,
            archived: *self.archived,
            has_issues: *self.has_issues,
            has_pull_requests: self.has_pull_requests.unwrap_or(true),
            default_merge_style,
        })
    }
}

impl Wire for WireProtection {
    type Out = Protection;

    fn read(self, _: &Place) -> Option<Protection> {
        let rule = if self.rule_name.is_empty() {
            self.branch_name.0
        } else {
            self.rule_name.0
        };
        Some(Protection {
            rule: Some(rule).filter(|rule| !rule.is_empty())?,
            blocks_outdated: *self.block_on_outdated_branch,
        })
    }
}

impl Wire for WireBranch {
    type Out = Branch;

    fn read(self, _: &Place) -> Option<Branch> {
        Some(Branch {
            name: Some(self.name.0).filter(|name| !name.is_empty())?,
            protected: *self.protected,
            user_can_push: *self.user_can_push,
            rule: Some(self.effective_branch_protection_name.0).filter(|rule| !rule.is_empty()),
            required_approvals: *self.required_approvals,
            status_check: *self.enable_status_check,
        })
    }
}

impl Client {
    /// Returns the repository. An error says that it is missing or not visible to the token.
    pub async fn repo(&self) -> Result<Repo> {
        self.read::<WireRepo>(Ask::get(
            self.path([]),
            format!("read the repository {}", self.place()),
        ))
        .await
    }

    /// Fails where the token lacks a scope that writing takes. A forge tells that of a write only:
    /// this asks to change the pull request and to delete the comment with the number 0, which
    /// there never are.
    pub async fn may_write(&self) -> Result<()> {
        let pull = Ask::write(
            Method::PATCH,
            self.path(["pulls", "0"]),
            &serde_json::json!({}),
            format!("write to {}", self.place()),
        )?;
        let comment = Ask::delete(
            self.path(["issues", "comments", "0"]),
            format!("write comments in {}", self.place()),
        );
        for ask in [pull, comment] {
            let reply = self.ask(&ask).await?;
            if reply.missing_scopes().is_some() {
                return Err(self.refusal(&ask, &reply));
            }
        }
        Ok(())
    }

    /// Returns a protection rule by its name; `None` when there is none. Takes administration of the
    /// repository.
    pub async fn protection(&self, rule: &str) -> Result<Option<Protection>> {
        let path = self.path(["branch_protections", rule]);
        let what = format!("read the protection {rule} of {}", self.place());
        self.find::<WireProtection>(Ask::get(path, what)).await
    }

    /// Returns all protection rules. Takes administration of the repository.
    pub async fn protections(&self) -> Result<Vec<Protection>> {
        let path = self.path(["branch_protections"]);
        let what = format!("read the branch protections of {}", self.place());
        let all = self.list::<WireProtection>(Ask::get(path, what), 2).await?;
        Ok(all.items)
    }

    /// Returns a branch; `None` when there is none of that name.
    pub async fn branch(&self, name: &str) -> Result<Option<Branch>> {
        let mut path = self.path(["branches"]);
        // The slashes of a name stay slashes: proxies refuse encoded ones.
        path.extend(name.split('/').map(str::to_owned));
        self.find::<WireBranch>(Ask::get(
            path,
            format!("read the branch {name} of {}", self.place()),
        ))
        .await
    }
}
