//! Answers in the shape that Forgejo 11 gives them, with its own headers and fields.

use super::fake::{Answer, Fake, json, with};
use crate::model::commit::CommitId;
use crate::remote::forgejo::{Account, MergeStyle, NewHook, Reaction, State};
use jiff::Timestamp;
use secrecy::SecretString;
use serde_json::{Value, json as j};

const SHA: &str = "61e4a8f0b3a2c3b3e1f2d6c5b4a39281706f5e4d";

/// As Forgejo answers, with what it adds to each answer.
fn forgejo(body: &Value) -> Answer {
    let headers = [
        ("content-type", "application/json;charset=utf-8"),
        (
            "cache-control",
            "max-age=0, private, must-revalidate, no-transform",
        ),
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "SAMEORIGIN"),
        ("set-cookie", "lang=en-US; Path=/; HttpOnly; SameSite=Lax"),
    ];
    with(200, &headers, &body.to_string())
}

fn counted(body: &Value, total: usize) -> Answer {
    with(
        200,
        &[
            ("x-total-count", &total.to_string()),
            ("access-control-expose-headers", "X-Total-Count"),
        ],
        &body.to_string(),
    )
}

fn user(id: i64, login: &str) -> Value {
    j!({
        "id": id, "login": login, "login_name": "", "source_id": 0, "full_name": "", "email": format!("{login}@noreply.forge.example.org"),
        "avatar_url": "/avatars/x", "html_url": format!("https://forge.example.org/{login}"), "language": "", "is_admin": false,
        "last_login": "0001-01-01T00:00:00Z", "created": "2025-02-03T10:11:12+01:00", "restricted": false, "active": false,
        "prohibit_login": false, "location": "", "pronouns": "", "website": "", "description": "", "visibility": "public",
        "followers_count": 0, "following_count": 0, "starred_repos_count": 0, "username": login,
    })
}

fn pull(number: u64, author: i64, state: &str, updated: &str) -> Value {
    let end = |name: &str| j!({"label": name, "ref": name, "sha": SHA, "repo_id": 12, "repo": {"id": 12, "name": "infra", "object_format_name": "sha1"}});
    j!({
        "id": 500 + number, "url": format!("https://forge.example.org/ops/infra/pulls/{number}"), "number": number,
        "user": user(author, "pintle"), "title": "immich: pin server", "body": "| image |\n", "state": state, "draft": false, "is_locked": false,
        "labels": [{"id": 3, "name": "pintle", "exclusive": false, "is_archived": false, "color": "1d76db", "description": "", "url": "https://forge.example.org/api/v1/repos/ops/infra/labels/3"}],
        "milestone": null, "assignee": null, "assignees": null, "requested_reviewers": [null], "requested_reviewers_teams": [],
        "comments": 0, "review_comments": 0, "additions": 2, "deletions": 2, "changed_files": 1,
        "html_url": format!("https://forge.example.org/ops/infra/pulls/{number}"),
        "mergeable": true, "merged": false, "merged_at": null, "merge_commit_sha": null, "merged_by": null, "allow_maintainer_edit": false,
        "base": end("main"), "head": end("pintle/immich"), "merge_base": SHA, "due_date": null,
        "created_at": "2026-11-20T10:00:00+01:00", "updated_at": updated, "closed_at": null, "pin_order": 0, "flow": 0,
    })
}

#[tokio::test]
async fn it_says_what_it_is() {
    let fake = Fake::start([forgejo(&j!({"version": "11.0.14+gitea-1.22.0"}))]).await;
    let version = fake.client().version().await.unwrap();
    assert!(version.forgejo && version.supported().is_ok());
    assert_eq!(
        (version.text.as_str(), version.number),
        ("11.0.14+gitea-1.22.0", Some((11, 0)))
    );
}

#[tokio::test]
async fn a_repository_is_read() {
    let body = j!({
        "id": 12, "owner": user(1, "ops"), "name": "infra", "full_name": "ops/infra", "description": "", "empty": false, "private": true,
        "fork": false, "template": false, "mirror": false, "archived": false, "default_branch": "trunk", "wiki_branch": "main",
        "permissions": {"admin": false, "push": true, "pull": true}, "has_issues": true, "has_pull_requests": true, "has_actions": true,
        "internal_tracker": {"enable_time_tracker": true}, "ignore_whitespace_conflicts": false, "allow_merge_commits": true,
        "allow_rebase": false, "allow_rebase_explicit": false, "allow_squash_merge": true, "allow_fast_forward_only_merge": true,
        "allow_rebase_update": true, "default_delete_branch_after_merge": false, "default_merge_style": "squash", "avatar_url": "",
        "internal": false, "mirror_interval": "", "object_format_name": "sha1", "mirror_updated": "0001-01-01T00:00:00Z", "topics": null,
    });
    let fake = Fake::start([
        forgejo(&body),
        forgejo(&j!({"default_branch": "main", "default_merge_style": "rebase"})),
    ])
    .await;
    let repo = fake.client().repo().await.unwrap();
    assert_eq!(
        (repo.default_branch.as_str(), repo.admin, repo.push),
        ("trunk", false, true)
    );
    assert_eq!(repo.default_merge_style, Some(MergeStyle::Squash));
    let bare = fake.client().repo().await.unwrap();
    assert!(
        !bare.push && bare.default_merge_style.is_none(),
        "what is not said is not allowed"
    );
    assert_eq!(fake.lines(), ["GET /api/v1/repos/ops/infra"; 2]);
}

#[tokio::test]
async fn own_pull_requests_are_found_whoever_else_has_some() {
    let open = j!([
        pull(9, 4, "open", "2026-11-22T10:00:00Z"),
        pull(8, 5, "open", "2026-11-22T09:00:00Z")
    ]);
    let gone = {
        let mut gone = pull(6, 4, "closed", "2026-11-21T10:00:00Z");
        gone["merged"] = true.into();
        gone["merged_at"] = "2026-11-21T10:00:00Z".into();
        gone["closed_at"] = "2026-11-21T10:00:00Z".into();
        gone["merge_commit_sha"] = SHA.into();
        gone["head"]["ref"] = "refs/pull/6/head".into();
        gone
    };
    let fork = {
        let mut fork = pull(5, 4, "closed", "2026-11-20T11:00:00Z");
        fork["head"] =
            j!({"label": "ann:fix", "ref": "fix", "sha": "", "repo_id": -1, "repo": null});
        fork
    };
    let closed = j!([
        gone,
        pull(9, 4, "open", "2026-11-22T10:00:00Z"),
        fork,
        pull(2, 4, "closed", "2026-10-01T00:00:00Z")
    ]);
    let fake = Fake::start([counted(&open, 2), counted(&closed, 900)]).await;
    let me = Account {
        id: 4,
        login: "pintle".into(),
    };
    let found = fake
        .client()
        .pulls_of(&me, "2026-11-15T00:00:00Z".parse().unwrap(), 3)
        .await
        .unwrap();
    assert!(found.complete, "what is older is not asked for");
    assert_eq!(
        found
            .items
            .iter()
            .map(|pull| pull.number)
            .collect::<Vec<_>>(),
        [5, 6, 9]
    );
    let [fork, merged, open] = &found.items[..] else {
        unreachable!("three")
    };
    assert_eq!(
        (
            open.open,
            open.merged,
            open.same_repo,
            open.head_branch.as_str()
        ),
        (true, false, true, "pintle/immich")
    );
    assert_eq!(
        open.created_at,
        "2026-11-20T09:00:00Z".parse::<Timestamp>().unwrap()
    );
    assert_eq!(open.head, CommitId::parse(SHA));
    assert_eq!(
        (merged.open, merged.merged, merged.merge_commit.clone()),
        (false, true, CommitId::parse(SHA))
    );
    assert_eq!(merged.head_branch, "pintle/immich", "the branch is gone");
    assert_eq!(
        (fork.same_repo, fork.head_branch.as_str(), fork.head.clone()),
        (false, "fix", None)
    );
    let lines = [
        "GET /api/v1/repos/ops/infra/pulls?state=open&sort=recentupdate&poster=pintle&page=1&limit=50",
        "GET /api/v1/repos/ops/infra/pulls?state=closed&sort=recentupdate&poster=pintle&page=1&limit=50",
    ];
    assert_eq!(fake.lines(), lines);
}

#[tokio::test]
async fn comments_are_read_with_their_place() {
    let comment = |id: u64, kind: &str, by: Value| {
        let page = format!("https://forge.example.org/ops/infra/{kind}/7");
        let (issue, pull) = if kind == "pulls" {
            ("", page.as_str())
        } else {
            (page.as_str(), "")
        };
        j!({
            "id": id, "html_url": format!("{page}#issuecomment-{id}"), "pull_request_url": pull, "issue_url": issue, "user": by,
            "original_author": "", "original_author_id": 0, "body": "/hold", "assets": [],
            "created_at": "2026-11-22T10:00:00Z", "updated_at": "2026-11-22T10:05:00Z",
        })
    };
    let ghost = j!({"id": -1, "login": "Ghost", "avatar_url": "", "html_url": ""});
    let mut script = comment(4, "issues", Value::Null);
    script["html_url"] = "javascript:alert(1)".into();
    let body = j!([
        comment(1, "pulls", user(5, "ann")),
        comment(2, "issues", ghost),
        script
    ]);
    let fake = Fake::start([counted(&body, 3)]).await;
    let found = fake
        .client()
        .comments_since("2026-11-22T09:30:00.5Z".parse().unwrap(), 2)
        .await
        .unwrap();
    assert_eq!(
        fake.lines(),
        [
            "GET /api/v1/repos/ops/infra/issues/comments?since=2026-11-22T09%3A30%3A00.5Z&page=1&limit=50"
        ]
    );
    let [first, second, third] = &found.items[..] else {
        unreachable!("three")
    };
    assert_eq!(
        (first.issue, first.author.id, first.body.as_str()),
        (7, 5, "/hold")
    );
    assert_eq!(
        first.html_url.as_str(),
        "https://forge.example.org/ops/infra/pulls/7#issuecomment-1"
    );
    assert!(first.updated_at > first.created_at);
    assert_eq!(
        (second.author.id, second.author.login.as_str()),
        (0, "Ghost")
    );
    assert_eq!(third.author.id, 0);
    assert_eq!(
        third.html_url.as_str(),
        format!("http://{}/ops/infra/issues/7#issuecomment-4", fake.address)
    );
}

#[tokio::test]
async fn statuses_are_one_for_each_context() {
    let status = |id: u64, context: &str, word: &str| {
        j!({
            "id": id, "status": word, "target_url": "/ops/infra/actions/runs/187/jobs/0", "description": "Has been done", "url": "",
            "context": context, "creator": null, "created_at": "2026-11-22T10:00:00Z", "updated_at": "2026-11-22T10:00:00Z",
        })
    };
    let words = [
        ("a", "success"),
        ("b", "pending"),
        ("c", "error"),
        ("d", "warning"),
        ("e", "failure"),
        ("f", "skipped"),
        ("g", "dreaming"),
    ];
    let mut all: Vec<Value> = words
        .iter()
        .zip(2..)
        .map(|((context, word), id)| status(id, context, word))
        .collect();
    all.push(status(1, "a", "failure"));
    all.push(j!({"context": "h", "state": "success"}));
    let combined = j!({"state": "warning", "sha": SHA, "total_count": 9, "statuses": all, "repository": null, "commit_url": "", "url": ""});
    let none = j!({"state": "", "sha": "", "total_count": 0, "statuses": null, "repository": null, "commit_url": "", "url": ""});
    let fake = Fake::start([counted(&combined, 9), forgejo(&none)]).await;
    let commit = CommitId::parse(SHA).unwrap();
    let found = fake.client().statuses(&commit).await.unwrap();
    let read: Vec<(&str, State)> = found
        .iter()
        .map(|status| (status.context.as_str(), status.state))
        .collect();
    use State::{Failure, Pending, Success};
    let expected = [
        ("a", Success),
        ("b", Pending),
        ("c", Failure),
        ("d", Failure),
        ("e", Failure),
        ("f", Success),
        ("g", Pending),
        ("h", Success),
    ];
    assert_eq!(read, expected);
    assert_eq!(found[0].target_url, "/ops/infra/actions/runs/187/jobs/0");
    assert_eq!(
        fake.client().statuses(&commit).await.unwrap(),
        [],
        "nothing posted"
    );
    assert_eq!(
        fake.lines(),
        vec![format!("GET /api/v1/repos/ops/infra/commits/{SHA}/status?page=1&limit=50"); 2]
    );
}

#[tokio::test]
async fn issues_are_those_asked_for() {
    let issue = |number: u64, author: i64, updated: &str| {
        j!({
            "id": number, "number": number, "user": user(author, "pintle"), "title": "pipeline red", "body": "of web", "ref": "", "state": "open",
            "labels": [], "pull_request": null, "created_at": "2026-11-21T10:00:00Z",
            "updated_at": updated, "html_url": format!("https://forge.example.org/ops/infra/issues/{number}"),
        })
    };
    let now = "2026-11-22T10:00:00Z";
    let mut pull = issue(4, 4, now);
    pull["pull_request"] = j!({"merged": false, "merged_at": null, "draft": false, "html_url": ""});
    let body = j!([
        issue(1, 4, now),
        issue(2, 5, now),
        issue(3, 4, "2026-11-21T10:00:00Z"),
        pull
    ]);
    let fake = Fake::start([counted(&body, 4), counted(&body, 4)]).await;
    let me = Account {
        id: 4,
        login: "pintle".into(),
    };
    let numbers = async |since: Option<Timestamp>| {
        let found = fake.client().issues_of(&me, since, 2).await.unwrap().items;
        found.iter().map(|issue| issue.number).collect::<Vec<_>>()
    };
    assert_eq!(
        numbers(None).await,
        [1, 3],
        "neither somebody else's, nor a pull request"
    );
    assert_eq!(
        numbers(Some("2026-11-22T00:00:00Z".parse().unwrap())).await,
        [1]
    );
    let asked = "GET /api/v1/repos/ops/infra/issues?type=issues&state=all&created_by=pintle";
    assert_eq!(
        fake.lines(),
        [
            format!("{asked}&page=1&limit=50"),
            format!("{asked}&since=2026-11-22T00%3A00%3A00Z&page=1&limit=50")
        ]
    );
}

#[tokio::test]
async fn reactions_are_read_also_when_there_are_none() {
    let eyes = j!([{"user": user(4, "pintle"), "content": "eyes", "created_at": "2026-11-22T10:00:00Z"}, null]);
    let fake = Fake::start([
        forgejo(&eyes),
        forgejo(&Value::Null),
        forgejo(&j!([])),
        json(200, &j!({})),
    ])
    .await;
    let mine = Reaction {
        account: Account {
            id: 4,
            login: "pintle".into(),
        },
        content: "eyes".into(),
    };
    assert_eq!(fake.client().reactions(3).await.unwrap()[0], mine);
    assert_eq!(fake.client().reactions(3).await.unwrap(), []);
    assert_eq!(fake.client().reactions(3).await.unwrap(), []);
    fake.client().add_reaction(3, "eyes").await.unwrap();
    assert_eq!(fake.asked()[3].body, j!({"content": "eyes"}));
}

#[tokio::test]
async fn a_webhook_is_made_with_its_secret() {
    let hook = j!({
        "id": 2, "type": "gitea", "branch_filter": "", "url": "https://forge.example.org/ops/infra/settings/hooks/2",
        "config": {"content_type": "json", "url": "https://pintle.example.org/hooks/forgejo"}, "content_type": "json", "metadata": null,
        "events": ["push", "issue_comment"], "authorization_header": "", "active": true,
        "updated_at": "2026-11-22T10:00:00Z", "created_at": "2026-11-22T10:00:00Z",
    });
    let fake = Fake::start([json(201, &hook)]).await;
    let url = "https://pintle.example.org/hooks/forgejo".parse().unwrap();
    let new = NewHook {
        url,
        secret: SecretString::from("s3cret"),
        events: vec!["push".into(), "issue_comment".into()],
    };
    assert!(!format!("{new:?}").contains("s3cret"));
    let made = fake.client().create_hook(&new).await.unwrap();
    assert_eq!(
        (made.id, made.json, made.active, made.url.as_str()),
        (2, true, true, "https://pintle.example.org/hooks/forgejo")
    );
    assert_eq!(made.events, ["issue_comment", "push"]);
    let sent = &fake.asked()[0].body;
    assert_eq!(
        sent["config"],
        j!({"content_type": "json", "url": "https://pintle.example.org/hooks/forgejo", "secret": "s3cret"})
    );
    assert_eq!(
        (&sent["type"], &sent["active"], &sent["events"]),
        (&j!("gitea"), &j!(true), &j!(["push", "issue_comment"]))
    );
}

#[tokio::test]
async fn releases_of_a_public_repository_are_read_without_a_token() {
    let release = |n: u64| j!({"id": n, "tag_name": format!("v1.{n}"), "target_commitish": "main", "name": "", "body": "* fixed", "draft": false, "prerelease": false, "published_at": "2026-11-01T00:00:00Z", "html_url": ""});
    let all: Value = (1..=50).map(release).collect();
    let fake = Fake::start([counted(&all, 70)]).await;
    let client = fake.client_with(crate::remote::forgejo::Options::default());
    let releases = client.releases(10).await.unwrap();
    assert_eq!(
        (
            releases.len(),
            releases[0].tag.as_str(),
            releases[0].body.as_str()
        ),
        (10, "v1.1", "* fixed")
    );
    assert_eq!(
        releases[0].html_url.as_str(),
        format!("http://{}/ops/infra/releases/tag/v1.1", fake.address)
    );
    assert!(
        fake.asked()
            .iter()
            .all(|asked| !asked.headers.contains_key("authorization"))
    );
}
