//! Whose token it is, what it may do, and what is said when it may not.

use pintle::model::ask::Right;
use pintle::remote::forgejo::{MergeStyle, PermissionError};
use secrecy::SecretString;
use serde_json::json;

use super::*;

#[tokio::test]
async fn the_forge_and_the_token_say_who_they_are() {
    let world = world();
    let version = world.client.version().await.unwrap();
    assert_eq!(
        (version.text.as_str(), version.forgejo, version.number),
        ("1.26.0", false, Some((1, 26)))
    );
    version.supported().unwrap();
    assert_eq!(world.client.me().await.unwrap(), account(&world.bot));
}

#[tokio::test]
async fn the_repository_is_as_the_token_sees_it() {
    let world = world();
    let repo = world.client.repo().await.unwrap();
    assert_eq!(
        (repo.default_branch.as_str(), repo.admin, repo.push),
        ("main", true, true)
    );
    assert_eq!(
        (repo.archived, repo.has_issues, repo.has_pull_requests),
        (false, true, true)
    );
    assert_eq!(repo.default_merge_style, Some(MergeStyle::Merge));
    let rights = async |who: Option<&Account>| {
        let repo = client_of(&world.repo, who).repo().await.unwrap();
        (repo.admin, repo.push)
    };
    assert_eq!(rights(Some(&world.bob)).await, (false, true));
    assert_eq!(
        rights(Some(&world.forge.user("carl"))).await,
        (false, false)
    );
    assert_eq!(rights(None).await, (false, false));
    let styles = json!({"allow_merge_commits": false, "allow_rebase_explicit": false, "default_merge_style": "squash", "has_issues": false});
    world.ada.must("PATCH", &world.repo.path(""), &styles);
    let repo = world.client.repo().await.unwrap();
    assert_eq!(
        (repo.default_merge_style, repo.has_issues),
        (Some(MergeStyle::Squash), false)
    );
}

#[tokio::test]
async fn an_archived_a_hidden_and_a_missing_repository_are_told_apart_as_far_as_the_forge_does() {
    let world = world();
    let (number, _) = world.pull("pintle/web").await;
    world
        .ada
        .must("PATCH", &world.repo.path(""), &json!({"archived": true}));
    assert!(world.client.repo().await.unwrap().archived);
    let error = world.client.post_comment(number, "x").await.unwrap_err();
    assert!(said(&error, &world.bot).contains("is archived"), "{error}");
    world.forge.repo(&world.ada, "hidden", true);
    for name in ["hidden", "missing"] {
        let client = client_at(
            &format!("{}/ada/{name}", world.forge.url()),
            Some(&world.bob),
        );
        let error = client.repo().await.unwrap_err();
        let place = format!("ada/{name} at {}", world.forge.address());
        let expected = format!(
            "cannot read the repository {place}: {place} or what was asked for in it does not exist, or the token may not see it"
        );
        assert_eq!(
            (error.kind, said(&error, &world.bob)),
            (Kind::Failed, expected)
        );
    }
}

#[tokio::test]
async fn a_branch_says_what_the_token_may_do_with_it() {
    let world = world();
    world.branch("pintle/a/b");
    let branch = async |who: &Account, name: &str| {
        client_of(&world.repo, Some(who))
            .branch(name)
            .await
            .unwrap()
            .unwrap()
    };
    let free = branch(&world.bob, "main").await;
    assert_eq!(
        (free.protected, free.user_can_push, free.status_check),
        (false, true, false)
    );
    assert_eq!(branch(&world.bob, "pintle/a/b").await.name, "pintle/a/b");
    assert_eq!(world.client.branch("pintle/a").await.unwrap(), None);
    let options = json!({
        "enable_push": true, "enable_push_whitelist": true, "push_whitelist_usernames": ["ada"], "enable_merge_whitelist": true,
        "merge_whitelist_usernames": ["bot"], "required_approvals": 2, "enable_status_check": true, "status_check_contexts": ["ci/*"],
    });
    world.repo.protect("main", &options);
    let mine = branch(&world.bot, "main").await;
    assert_eq!(
        (mine.protected, mine.user_can_push, mine.status_check),
        (true, false, true)
    );
    assert!(branch(&world.ada, "main").await.user_can_push);
    assert!(!branch(&world.bob, "main").await.user_can_push);
    let carl = world.forge.user("carl");
    assert!(
        !branch(&carl, "pintle/a/b").await.user_can_push,
        "a reader pushes nowhere"
    );
}

#[tokio::test]
async fn rights_are_looked_up_by_administrators_only() {
    let world = world();
    let (carl, hidden) = (
        world.forge.user("carl"),
        world.forge.repo(&world.ada, "hidden", true),
    );
    let ask = async |login: &str| {
        let found = world.client.permission(login).await.unwrap();
        found.map(|permission| (permission.account.id, permission.right))
    };
    assert_eq!(ask("ada").await, Some((world.ada.id, Right::Write)));
    assert_eq!(ask("bot").await, Some((world.bot.id, Right::Write)));
    assert_eq!(ask("bob").await, Some((world.bob.id, Right::Write)));
    assert_eq!(
        ask("carl").await,
        Some((carl.id, Right::Read)),
        "the repository is public"
    );
    assert_eq!(ask("nobody").await, None);
    world.repo.remove_collaborator(&world.bob);
    assert_eq!(
        ask("bob").await,
        Some((world.bob.id, Right::Read)),
        "it is looked up each time"
    );
    let of_hidden = client_of(&hidden, Some(&world.ada))
        .permission("carl")
        .await
        .unwrap()
        .unwrap();
    assert_eq!(of_hidden.right, Right::None);
    world.repo.collaborator(&world.bob, "write");
    let writer = client_of(&world.repo, Some(&world.bob));
    assert!(matches!(
        writer.permission("carl").await,
        Err(PermissionError::MayNotAsk(_))
    ));
    assert_eq!(
        writer.permission("bob").await.unwrap().unwrap().right,
        Right::Write,
        "its own it may ask for"
    );
    let blind = client_of(&world.repo, Some(&world.bot.scoped(&["read:user"])));
    let blind = blind.permission("carl").await;
    assert!(
        matches!(&blind, Err(PermissionError::Failed(why)) if why.to_string().ends_with("lacks the scope read:repository")),
        "{blind:?}"
    );
}

#[tokio::test]
async fn a_token_without_a_scope_is_told_which() {
    let world = world();
    let (number, _) = world.pull("pintle/web").await;
    let lacks = |error: Error, scope: &str| {
        let text = said(&error, &world.bot);
        assert!(
            text.ends_with(&format!(
                "the token for {} lacks the scope {scope}",
                world.forge.address()
            )),
            "{text}"
        );
        assert!(error.hint.is_some());
    };
    let scoped = |scopes: &[&str]| client_of(&world.repo, Some(&world.bot.scoped(scopes)));
    let reader = scoped(&["read:repository"]);
    assert!(
        reader.version().await.is_ok()
            && reader.repo().await.is_ok()
            && reader.branch("main").await.unwrap().is_some()
    );
    assert!(reader.pull(number).await.unwrap().is_some());
    lacks(reader.me().await.unwrap_err(), "read:user");
    lacks(
        reader
            .comments_since(Timestamp::UNIX_EPOCH, 1)
            .await
            .unwrap_err(),
        "read:issue",
    );
    lacks(
        reader.post_comment(number, "x").await.unwrap_err(),
        "write:issue",
    );
    lacks(
        reader.add_labels(number, &[]).await.unwrap_err(),
        "write:issue",
    );
    lacks(
        reader
            .edit_pull(number, &PullChange::default())
            .await
            .unwrap_err(),
        "write:repository",
    );
    match reader.open_pull(&new_pull("x", &[])).await {
        Err(OpenError::Failed(error)) => lacks(error, "write:repository"),
        other => panic!("{other:?}"),
    }
    lacks(
        scoped(&["read:user"]).repo().await.unwrap_err(),
        "read:repository",
    );
    let enough = scoped(&["write:repository", "write:issue", "read:user"]);
    enough.me().await.unwrap();
    enough.permission("bob").await.unwrap();
    enough
        .edit_pull(number, &PullChange::default())
        .await
        .unwrap();
    let label = enough.create_label("pintle", "#1d76db", "").await.unwrap();
    enough.add_labels(number, &[label.id]).await.unwrap();
    let comment = enough.post_comment(number, "x").await.unwrap();
    enough.add_reaction(comment.id, "eyes").await.unwrap();
    enough.hooks().await.unwrap();
}

#[tokio::test]
async fn a_token_that_is_none_is_told() {
    let world = world();
    let mut wrong = world.bot.clone();
    wrong.token = SecretString::from("0".repeat(40));
    let client = client_of(&world.repo, Some(&wrong));
    for error in [
        client.me().await.unwrap_err(),
        client.repo().await.unwrap_err(),
        client.post_comment(1, "x").await.unwrap_err(),
    ] {
        let text = said(&error, &wrong);
        assert!(
            text.starts_with(&format!(
                "the forge at {} refuses the token: ",
                world.forge.address()
            )),
            "{text}"
        );
    }
    let error = client_of(&world.repo, None).me().await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("the forge at {} wants a token", world.forge.address())
    );
}
