//! The bodies of requests that write, as the API of Forgejo and Gitea takes them
//! (`modules/structs/` of both). A field that is left out stays as it is.

use serde::Serialize;
use std::collections::BTreeMap;

/// `POST /repos/{owner}/{repo}/pulls/{index}/merge`.
#[derive(Debug, Serialize)]
pub(super) struct MergeBody {
    #[serde(rename = "Do")]
    pub style: &'static str,
    #[serde(rename = "MergeTitleField", skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    #[serde(rename = "MergeMessageField", skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    pub delete_branch_after_merge: bool,
    pub force_merge: bool,
    pub head_commit_id: String,
    pub merge_when_checks_succeed: bool,
}

/// `POST /repos/{owner}/{repo}/hooks`.
#[derive(Debug, Serialize)]
pub(super) struct CreateHookBody {
    /// `gitea` on both forges.
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub active: bool,
    pub config: BTreeMap<&'static str, String>,
    pub events: Vec<String>,
}

/// `PATCH /repos/{owner}/{repo}/hooks/{id}`.
#[derive(Debug, Serialize)]
pub(super) struct EditHookBody {
    pub active: bool,
    pub config: BTreeMap<&'static str, String>,
    pub events: Vec<String>,
}

/// `POST /repos/{owner}/{repo}/pulls`.
#[derive(Debug, Serialize)]
pub(super) struct CreatePullBody {
    pub base: String,
    pub head: String,
    pub title: String,
    pub body: String,
    pub labels: Vec<i64>,
}

/// `PATCH /repos/{owner}/{repo}/pulls/{index}`.
#[derive(Debug, Serialize)]
pub(super) struct EditPullBody {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
}

/// `POST /repos/{owner}/{repo}/issues`.
#[derive(Debug, Serialize)]
pub(super) struct CreateIssueBody {
    pub title: String,
    pub body: String,
    pub labels: Vec<i64>,
}

/// `PATCH /repos/{owner}/{repo}/issues/{index}`.
#[derive(Debug, Serialize)]
pub(super) struct EditIssueBody {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<&'static str>,
}

/// `POST /repos/{owner}/{repo}/issues/{index}/labels`.
#[derive(Debug, Serialize)]
pub(super) struct LabelsBody {
    pub labels: Vec<u64>,
}

/// `POST /repos/{owner}/{repo}/labels`.
#[derive(Debug, Serialize)]
pub(super) struct CreateLabelBody {
    pub name: String,
    /// `#rrggbb`.
    pub color: String,
    pub description: String,
}

/// `POST` and `PATCH` of comments.
#[derive(Debug, Serialize)]
pub(super) struct CommentBody {
    pub body: String,
}

/// `POST` and `DELETE /repos/{owner}/{repo}/issues/comments/{id}/reactions`.
#[derive(Debug, Serialize)]
pub(super) struct ReactionBody {
    /// `eyes`, `+1`.
    pub content: String,
}

/// `POST /repos/{owner}/{repo}/statuses/{sha}`.
#[derive(Debug, Serialize)]
pub(super) struct CreateStatusBody {
    pub context: &'static str,
    pub state: &'static str,
    pub description: &'static str,
}

/// `PATCH /repos/{owner}/{repo}/issues/{index}`, for the people alone.
#[derive(Debug, Serialize)]
pub(super) struct AssigneesBody<'a> {
    pub assignees: Vec<&'a str>,
}

/// `POST /repos/{owner}/{repo}/pulls/{index}/requested_reviewers`.
#[derive(Debug, Serialize)]
pub(super) struct ReviewersBody<'a> {
    pub reviewers: Vec<&'a str>,
}
