//! The forge's client against a real forge: every call, and the refusals that only a real one words
//! as it does.

mod merges;
mod people;

use jiff::Timestamp;
use pintle::error::{Error, Kind};
use pintle::model::commit::CommitId;
use pintle::remote::forgejo::{
    Client, Hook, NewHook, NewIssue, NewPull, OpenError, Options, Place, PullChange, Reaction,
    State,
};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use crate::support::forge_proxy::{Fault, ForgeProxy};
use crate::support::forge_repo::Repo;
use crate::support::gitea::{Account, Gitea};

/// A forge whose repository belongs to `ada`; `bot` administers it and is who the client speaks
/// for; `bob` may write.
struct World {
    forge: Gitea,
    ada: Account,
    bob: Account,
    bot: Account,
    repo: Repo,
    client: Client,
}

fn world() -> World {
    let forge = Gitea::start();
    let [ada, bob, bot] = ["ada", "bob", "bot"].map(|login| forge.user(login));
    let repo = forge.repo(&ada, "infra", false);
    repo.collaborator(&bob, "write");
    repo.collaborator(&bot, "admin");
    let client = client_of(&repo, Some(&bot));
    World {
        forge,
        ada,
        bob,
        bot,
        repo,
        client,
    }
}

fn client_of(repo: &Repo, who: Option<&Account>) -> Client {
    client_at(&repo.url(), who)
}

fn client_at(url: &str, who: Option<&Account>) -> Client {
    let told = Options {
        token: who.map(|who| who.token.clone()),
        ..Options::default()
    };
    Client::new(&Place::parse(url).expect("a repository's address"), &told)
        .expect("a client of loopback")
}

/// The forge's account as the client knows it.
fn account(who: &Account) -> pintle::remote::forgejo::Account {
    pintle::remote::forgejo::Account {
        id: who.id,
        login: who.login.clone(),
    }
}

/// The error's text, which shows no token of anybody's.
fn said(error: &Error, who: &Account) -> String {
    assert!(!format!("{error:?}").contains(who.token.expose_secret()));
    error.to_string()
}

fn new_pull(branch: &str, labels: &[u64]) -> NewPull {
    NewPull {
        title: format!("Title of {branch}"),
        body: "The body.".into(),
        head: branch.into(),
        base: "main".into(),
        labels: labels.to_vec(),
    }
}

impl World {
    /// Pushes one commit to a new branch. Returns its id.
    fn branch(&self, name: &str) -> CommitId {
        let pushed = self
            .repo
            .push(&self.bot, name, &format!("Change {name}"), &[(name, b"x")]);
        CommitId::parse(&pushed.expect("a new branch can be pushed")).expect("git says an id")
    }

    /// Opens a pull request of a new branch. Returns its number and tip.
    async fn pull(&self, branch: &str) -> (u64, CommitId) {
        let head = self.branch(branch);
        let opened = self.client.open_pull(&new_pull(branch, &[])).await;
        (opened.expect("it is the first of its branch").number, head)
    }
}

#[tokio::test]
async fn a_pull_request_lives() {
    let world = world();
    let (client, repo) = (&world.client, &world.repo);
    let label = client
        .create_label("pintle", "#1d76db", "opened by pintle")
        .await
        .unwrap();
    let other = client.create_label("urgent", "#ff0000", "").await.unwrap();
    assert_eq!(
        client.labels().await.unwrap(),
        [label.clone(), other.clone()]
    );
    let head = world.branch("pintle/web");
    let pull = client
        .open_pull(&new_pull("pintle/web", &[label.id]))
        .await
        .unwrap();
    assert_eq!(
        (pull.open, pull.merged, pull.same_repo),
        (true, false, true)
    );
    assert_eq!(
        (
            pull.head_branch.as_str(),
            pull.head.as_ref(),
            pull.base_branch.as_str()
        ),
        ("pintle/web", Some(&head), "main")
    );
    assert_eq!(
        (&pull.author, repo.labels_of(pull.number)),
        (&account(&world.bot), vec!["pintle".to_owned()])
    );
    assert_eq!(
        pull.html_url.as_str(),
        format!("{}/pulls/{}", repo.url(), pull.number)
    );
    let change = PullChange {
        title: Some("Another title".into()),
        body: Some("é\r\n<b>".into()),
        open: None,
    };
    let edited = client.edit_pull(pull.number, &change).await.unwrap();
    assert_eq!(
        (edited.title.as_str(), edited.body.as_str(), edited.open),
        ("Another title", "é\r\n<b>", true)
    );
    client.add_labels(pull.number, &[other.id]).await.unwrap();
    client.remove_label(pull.number, label.id).await.unwrap();
    client.remove_label(pull.number, label.id).await.unwrap();
    assert_eq!(repo.labels_of(pull.number), ["urgent"]);
    let read = client.pull(pull.number).await.unwrap().unwrap();
    assert_eq!(
        (read.title.as_str(), read.body),
        ("Another title", edited.body)
    );
    let closed = client
        .edit_pull(
            pull.number,
            &PullChange {
                open: Some(false),
                ..PullChange::default()
            },
        )
        .await
        .unwrap();
    assert_eq!(
        (
            closed.open,
            closed.merged,
            closed.title.as_str(),
            closed.closed_at.is_some()
        ),
        (false, false, "Another title", true)
    );
    repo.delete_branch("pintle/web");
    let gone = client.pull(pull.number).await.unwrap().unwrap();
    assert_eq!(
        (gone.head_branch.as_str(), gone.head, gone.same_repo),
        ("pintle/web", Some(head), true),
        "the branch is gone"
    );
    assert_eq!(client.pull(99).await.unwrap(), None);
}

#[tokio::test]
async fn a_second_pull_request_of_a_branch_is_not_opened() {
    let world = world();
    let (number, _) = world.pull("pintle/web").await;
    let again = world.client.open_pull(&new_pull("pintle/web", &[])).await;
    assert!(
        matches!(again, Err(OpenError::Exists(Some(found))) if found == number),
        "{again:?}"
    );
    let none = world.client.open_pull(&new_pull("main", &[])).await;
    assert!(matches!(none, Err(OpenError::NoChanges)), "{none:?}");
    let unknown = world.client.open_pull(&new_pull("nowhere", &[])).await;
    assert!(matches!(unknown, Err(OpenError::Failed(_))), "{unknown:?}");
    let carl = client_of(&world.repo, Some(&world.forge.user("carl")));
    let refused = carl.open_pull(&new_pull("nowhere", &[])).await;
    assert!(matches!(refused, Err(OpenError::Failed(why)) if why.kind == Kind::Failed));
}

#[tokio::test]
async fn own_pull_requests_are_found_in_any_state() {
    let world = world();
    let start = Timestamp::UNIX_EPOCH;
    let (open, _) = world.pull("pintle/open").await;
    let (closed, _) = world.pull("pintle/closed").await;
    let (merged, _) = world.pull("pintle/merged").await;
    world
        .repo
        .push(&world.bob, "theirs", "Change", &[("theirs", b"x")])
        .unwrap();
    world.repo.open(&world.bob, "theirs", "Theirs", "");
    world.repo.close(closed);
    world.repo.merge(merged, "merge");
    world.repo.delete_branch("pintle/merged");
    let found = world
        .client
        .pulls_of(&account(&world.bot), start, 3)
        .await
        .unwrap();
    let read: Vec<_> = found
        .items
        .iter()
        .map(|pull| {
            (
                pull.number,
                pull.open,
                pull.merged,
                pull.head_branch.as_str(),
            )
        })
        .collect();
    let expected = [
        (open, true, false, "pintle/open"),
        (closed, false, false, "pintle/closed"),
        (merged, false, true, "pintle/merged"),
    ];
    assert_eq!(
        (read.as_slice(), found.complete),
        (expected.as_slice(), true)
    );
    let of_merge = &found.items[2];
    assert_eq!(
        of_merge.merge_commit.as_ref().map(CommitId::as_str),
        world.repo.tip("main").as_deref()
    );
    assert!(of_merge.merged_at.is_some() && of_merge.same_repo);
    let later = found
        .items
        .iter()
        .map(|pull| pull.updated_at)
        .max()
        .unwrap()
        + jiff::SignedDuration::from_secs(1);
    let found = world
        .client
        .pulls_of(&account(&world.bot), later, 3)
        .await
        .unwrap();
    assert_eq!(
        found
            .items
            .iter()
            .map(|pull| pull.number)
            .collect::<Vec<_>>(),
        [open],
        "open ones always"
    );
}

#[tokio::test]
async fn comments_are_read_over_the_whole_repository() {
    let world = world();
    let (number, _) = world.pull("pintle/web").await;
    let issue = world.repo.issue(&world.ada, "A question");
    world.repo.comment(issue, "/status", &world.bob);
    let reply = world
        .client
        .post_comment(number, "é `x`\r\n")
        .await
        .unwrap();
    assert_eq!((reply.issue, &reply.author), (number, &account(&world.bot)));
    assert!(
        reply
            .html_url
            .as_str()
            .ends_with(&format!("/pulls/{number}#issuecomment-{}", reply.id))
    );
    let all = world
        .client
        .comments_since(Timestamp::UNIX_EPOCH, 2)
        .await
        .unwrap();
    let read: Vec<_> = all
        .items
        .iter()
        .map(|comment| (comment.issue, comment.author.id, comment.body.as_str()))
        .collect();
    assert_eq!(
        read,
        [
            (issue, world.bob.id, "/status"),
            (number, world.bot.id, "é `x`\r\n")
        ]
    );
    assert!(all.complete);
    let of_pull = world.client.comments_of(number).await.unwrap();
    assert_eq!(
        (of_pull.items.as_slice(), of_pull.complete),
        ([reply.clone()].as_slice(), true)
    );
    let later = reply.updated_at + jiff::SignedDuration::from_secs(5);
    assert_eq!(
        world.client.comments_since(later, 2).await.unwrap().items,
        []
    );
    world.repo.edit_comment(reply.id, "other", &world.ada);
    let edited = world
        .client
        .comments_of(number)
        .await
        .unwrap()
        .items
        .remove(0);
    assert_eq!(
        (edited.id, edited.body.as_str(), edited.created_at),
        (reply.id, "other", reply.created_at)
    );
    world.client.delete_comment(reply.id).await.unwrap();
    world.client.delete_comment(reply.id).await.unwrap();
    assert_eq!(world.client.comments_of(number).await.unwrap().items, []);
    let nowhere = world.client.post_comment(99, "x").await.unwrap_err();
    assert!(
        said(&nowhere, &world.bot).starts_with("cannot comment on #99 of ada/infra at 127.0.0.1:"),
        "{nowhere}"
    );
}

#[tokio::test]
async fn many_comments_come_in_pages() {
    let world = world();
    let issue = world.repo.issue(&world.ada, "A question");
    for number in 0..53 {
        world.repo.comment(issue, &number.to_string(), &world.ada);
    }
    let listed = async |pages| {
        let found = world
            .client
            .comments_since(Timestamp::UNIX_EPOCH, pages)
            .await
            .unwrap();
        let bodies: Vec<String> = found
            .items
            .into_iter()
            .map(|comment| comment.body)
            .collect();
        (bodies, found.complete)
    };
    let all: Vec<String> = (0..53).map(|number| number.to_string()).collect();
    assert_eq!(listed(5).await, (all.clone(), true));
    assert_eq!(listed(1).await, (all[..50].to_vec(), false), "oldest first");
    assert_eq!(
        world.client.comments_of(issue).await.unwrap().items.len(),
        53
    );
}

#[tokio::test]
async fn a_reaction_is_there_once() {
    let world = world();
    let comment = world.repo.comment(
        world.repo.issue(&world.ada, "A question"),
        "/status",
        &world.bob,
    );
    assert_eq!(world.client.reactions(comment).await.unwrap(), []);
    world.client.add_reaction(comment, "eyes").await.unwrap();
    world.client.add_reaction(comment, "eyes").await.unwrap();
    let mine = Reaction {
        account: account(&world.bot),
        content: "eyes".into(),
    };
    assert_eq!(world.client.reactions(comment).await.unwrap(), [mine]);
    assert_eq!(
        world
            .client
            .add_reaction(comment, "no-such-thing")
            .await
            .unwrap_err()
            .kind,
        Kind::Failed
    );
    assert_eq!(
        world
            .client
            .add_reaction(99, "eyes")
            .await
            .unwrap_err()
            .kind,
        Kind::Failed
    );
}

#[tokio::test]
async fn statuses_are_read_in_all_words() {
    let world = world();
    let commit = world.branch("pintle/web");
    let read = async || world.client.statuses(&commit).await.unwrap();
    assert_eq!(read().await, [], "nothing posted");
    let words = [
        ("a", "pending"),
        ("b", "error"),
        ("c", "failure"),
        ("d", "warning"),
        ("e", "success"),
        ("e", "pending"),
        ("b", "success"),
    ];
    for (context, word) in words {
        world.repo.set_status(
            commit.as_str(),
            context,
            word,
            &format!("it is {word}"),
            &world.bob,
        );
    }
    let combined = read().await;
    let each: Vec<_> = combined
        .iter()
        .map(|status| {
            (
                status.context.as_str(),
                status.state,
                status.description.as_str(),
            )
        })
        .collect();
    use State::{Failure, Pending, Success};
    let expected = [
        ("a", Pending, "it is pending"),
        ("b", Success, "it is success"),
        ("c", Failure, "it is failure"),
        ("d", Failure, "it is warning"),
        ("e", Pending, "it is pending"),
    ];
    assert_eq!(each, expected);
    for context in 0..52 {
        world.repo.set_status(
            commit.as_str(),
            &format!("many/{context:02}"),
            "success",
            "",
            &world.bob,
        );
    }
    assert_eq!(read().await.len(), 57, "more than a page");
    let unknown = CommitId::parse(&"1".repeat(40)).unwrap();
    assert!(
        said(
            &world.client.statuses(&unknown).await.unwrap_err(),
            &world.bot
        )
        .starts_with("cannot read the statuses of 1111111111")
    );
}

#[tokio::test]
async fn issues_are_opened_and_found() {
    let world = world();
    let label = world
        .client
        .create_label("pintle", "#1d76db", "")
        .await
        .unwrap();
    let new = NewIssue {
        title: "pipeline red".into(),
        body: "of <x>".into(),
        labels: vec![label.id],
    };
    let issue = world.client.open_issue(&new).await.unwrap();
    assert_eq!(
        (issue.body.as_str(), &issue.author),
        ("of <x>", &account(&world.bot))
    );
    assert_eq!(world.repo.labels_of(issue.number), ["pintle"]);
    world.repo.issue(&world.ada, "pipeline red");
    world.pull("pintle/web").await;
    let found = async |since: Option<Timestamp>| {
        world
            .client
            .issues_of(&account(&world.bot), since, 2)
            .await
            .unwrap()
            .items
    };
    assert_eq!(
        found(None).await,
        std::slice::from_ref(&issue),
        "neither ada's, nor the pull request"
    );
    world.repo.close(issue.number);
    let closed = found(Some(issue.updated_at)).await;
    assert_eq!(
        closed.iter().map(|issue| issue.number).collect::<Vec<_>>(),
        [issue.number],
        "closed ones too"
    );
    assert_eq!(
        found(Some(
            closed[0].updated_at + jiff::SignedDuration::from_secs(5)
        ))
        .await,
        []
    );
}

#[tokio::test]
async fn a_webhook_is_made_changed_and_deleted() {
    let world = world();
    let url = |path: &str| {
        format!("http://127.0.0.1:9/{path}")
            .parse::<url::Url>()
            .unwrap()
    };
    let new = NewHook {
        url: url("hooks"),
        secret: SecretString::from("of-the-hook"),
        events: vec!["push".into(), "status".into()],
    };
    let made = world.client.create_hook(&new).await.unwrap();
    let expected = Hook {
        id: made.id,
        url: url("hooks").into(),
        json: true,
        active: true,
        events: vec!["push".into(), "status".into()],
    };
    assert_eq!(made, expected);
    assert_eq!(
        world.client.hooks().await.unwrap(),
        std::slice::from_ref(&made)
    );
    let edited = world
        .client
        .edit_hook(made.id, &url("other"), &["push".to_owned()])
        .await
        .unwrap();
    assert_eq!(
        edited,
        Hook {
            url: url("other").into(),
            events: vec!["push".into()],
            ..expected
        }
    );
    world.client.delete_hook(made.id).await.unwrap();
    world.client.delete_hook(made.id).await.unwrap();
    assert_eq!(world.client.hooks().await.unwrap(), []);
    let writer = client_of(&world.repo, Some(&world.bob));
    for error in [
        writer.hooks().await.unwrap_err(),
        writer.create_hook(&new).await.unwrap_err(),
    ] {
        let text = said(&error, &world.bob);
        assert!(
            text.contains("it is not allowed") && !text.contains("of-the-hook"),
            "{text}"
        );
    }
}

#[tokio::test]
async fn what_changed_in_a_public_repository_is_read_without_a_token() {
    let world = world();
    let lib = world.forge.repo(&world.ada, "lib", false);
    let first = lib.push_files("First", &[("a", b"1")]);
    world.ada.post(&lib.path("/releases"), &json!({"tag_name": "v1.0", "target_commitish": first, "name": "One", "body": "* all of it"}));
    let second = lib.push_files("Second\n\nWith a body", &[("a", b"2")]);
    world.ada.post(
        &lib.path("/releases"),
        &json!({"tag_name": "release/v1.1", "target_commitish": second, "body": "* more", "prerelease": true}),
    );
    world.ada.post(
        &lib.path("/releases"),
        &json!({"tag_name": "v2", "target_commitish": "main", "draft": true}),
    );
    let client = client_of(&lib, None);
    let releases = client.releases(10).await.unwrap();
    let read: Vec<_> = releases
        .iter()
        .map(|release| {
            (
                release.tag.as_str(),
                release.body.as_str(),
                release.prerelease,
                release.draft,
            )
        })
        .collect();
    assert_eq!(
        read,
        [
            ("release/v1.1", "* more", true, false),
            ("v1.0", "* all of it", false, false)
        ]
    );
    assert!(
        releases
            .iter()
            .all(|release| release.published_at.is_some())
    );
    assert_eq!(client.releases(1).await.unwrap(), releases[..1]);
    let refused = client.post_comment(1, "x").await.unwrap_err();
    assert!(refused.to_string().contains("wants a token"), "{refused}");
    world.forge.repo(&world.ada, "hidden", true);
    let hidden = client_at(&format!("{}/ada/hidden", world.forge.url()), None)
        .releases(3)
        .await
        .unwrap_err();
    assert!(
        hidden
            .to_string()
            .contains("does not exist, or the token may not see it"),
        "{hidden}"
    );
}

#[tokio::test]
async fn a_forge_that_fails_for_a_moment_is_asked_again_and_writes_are_not_repeated() {
    let world = world();
    let (number, _) = world.pull("pintle/web").await;
    let proxy = ForgeProxy::before(&world.forge.address());
    let client = client_at(&format!("{}/ada/infra", proxy.url()), Some(&world.bot));
    for fault in [
        Fault::Status(502),
        Fault::Drop,
        Fault::LoseAnswer,
        Fault::TooMany { retry_after: 1 },
    ] {
        proxy.fail_times(1, fault, |_| true);
        assert_eq!(
            client.repo().await.unwrap().default_branch,
            "main",
            "{fault:?}"
        );
    }
    proxy.fail(Fault::Status(503), |_| true);
    assert_eq!(client.repo().await.unwrap_err().kind, Kind::Outside);
    proxy.mend();
    for (fault, there) in [
        (Fault::LoseAnswer, 1),
        (Fault::Drop, 1),
        (Fault::Status(502), 1),
    ] {
        proxy.fail_times(1, fault, |seen| seen.writes());
        proxy.take();
        assert_eq!(
            client.post_comment(number, "once").await.unwrap_err().kind,
            Kind::Outside,
            "{fault:?}"
        );
        assert_eq!(proxy.take().len(), 1, "{fault:?}");
        assert_eq!(world.repo.comments(number).len(), there, "{fault:?}");
    }
    assert_eq!(
        client.me().await.unwrap(),
        account(&world.bot),
        "it goes on"
    );
}
