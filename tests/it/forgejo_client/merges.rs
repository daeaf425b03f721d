//! Merging, and each way in which a real forge does not.

use std::time::Duration;

use pintle::remote::forgejo::{MergeError, MergeHow, MergeStyle};
use serde_json::json;

use super::*;

fn how(style: MergeStyle, head: &CommitId) -> MergeHow {
    MergeHow {
        style,
        head: head.clone(),
        title: None,
        message: None,
        delete_branch: false,
        patience: Duration::from_secs(20),
    }
}

impl World {
    /// Waits until the forge has found that it can be merged.
    async fn looked_at(&self, number: u64) {
        let deadline = std::time::Instant::now() + Duration::from_secs(30);
        while self.repo.pull(number)["mergeable"] != true {
            assert!(
                std::time::Instant::now() < deadline,
                "#{number} cannot be merged"
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn merge(&self, number: u64, how: &MergeHow) -> String {
        match self.client.merge(number, how).await {
            Ok(()) => "merged".to_owned(),
            Err(MergeError::NotYet(why)) => format!("not yet: {why}"),
            Err(MergeError::Refused(why)) => format!("refused: {why}"),
            Err(MergeError::Failed(error)) => format!("failed: {}", said(&error, &self.bot)),
            Err(error) => format!("{error:?}"),
        }
    }
}

#[tokio::test]
async fn a_merge_is_done_as_told() {
    let world = world();
    let (number, head) = world.pull("pintle/web").await;
    let told = MergeHow {
        title: Some("web: pin".into()),
        message: Some("Pintle-Action: move".into()),
        delete_branch: true,
        ..how(MergeStyle::Squash, &head)
    };
    assert_eq!(
        world.merge(number, &told).await,
        "merged",
        "right after it was opened"
    );
    let tip = world.repo.commits("main").remove(0);
    assert_eq!(
        (tip.message.as_str(), tip.parents.len()),
        ("web: pin\n\nPintle-Action: move\n", 1)
    );
    assert_eq!(world.repo.branches(), ["main"]);
    let pull = world.client.pull(number).await.unwrap().unwrap();
    assert_eq!(
        (
            pull.merged,
            pull.merge_commit.as_ref().map(CommitId::as_str)
        ),
        (true, Some(tip.sha.as_str()))
    );
    assert_eq!(world.merge(number, &told).await, "Already");
    for style in [MergeStyle::RebaseMerge, MergeStyle::FastForwardOnly] {
        let branch = format!("pintle/{}", style.word());
        let (number, head) = world.pull(&branch).await;
        assert_eq!(
            world.merge(number, &how(style, &head)).await,
            "merged",
            "{style:?}"
        );
    }
}

#[tokio::test]
async fn only_what_was_looked_at_is_merged() {
    let world = world();
    let (number, head) = world.pull("pintle/web").await;
    world
        .repo
        .push(&world.bob, "pintle/web", "Theirs", &[("theirs", b"x")])
        .unwrap();
    assert_eq!(
        world.merge(number, &how(MergeStyle::Merge, &head)).await,
        "HeadMoved"
    );
    assert!(world.client.pull(number).await.unwrap().unwrap().open);
}

#[tokio::test]
async fn a_conflict_and_a_protection_mean_not_yet() {
    let world = world();
    let (number, head) = world.pull("pintle/web").await;
    let prepared = world.repo.prepare(
        &world.bot,
        "pintle/conflict",
        "Change",
        &[("pintle/web", b"other")],
    );
    let second = CommitId::parse(&prepared.push().unwrap()).unwrap();
    let conflict = world
        .client
        .open_pull(&new_pull("pintle/conflict", &[]))
        .await
        .unwrap()
        .number;
    world.repo.protect("main", &json!({"enable_push": true, "enable_status_check": true, "status_check_contexts": ["ci/*"]}));
    assert_eq!(
        world.merge(number, &how(MergeStyle::Merge, &head)).await,
        "not yet: Not all required status checks successful"
    );
    world.repo.protect(
        "main",
        &json!({"enable_push": true, "required_approvals": 1}),
    );
    assert_eq!(
        world.merge(number, &how(MergeStyle::Merge, &head)).await,
        "not yet: Does not have enough approvals"
    );
    world.repo.unprotect("main");
    assert_eq!(
        world.merge(number, &how(MergeStyle::Merge, &head)).await,
        "merged"
    );
    let short = MergeHow {
        patience: Duration::from_secs(1),
        ..how(MergeStyle::Merge, &second)
    };
    let said = world.merge(conflict, &short).await;
    // It says so itself, or, once it has looked, to try again later.
    assert!(
        said.starts_with("not yet: it conflicts with its base"),
        "{said}"
    );
}

#[tokio::test]
async fn a_base_that_moved_is_told_where_only_fast_forward_will_do() {
    let world = world();
    let (number, head) = world.pull("pintle/web").await;
    world.repo.push_files("Elsewhere", &[("elsewhere", b"x")]);
    let said = world
        .merge(number, &how(MergeStyle::FastForwardOnly, &head))
        .await;
    assert!(said.starts_with("not yet: "), "{said}");
    assert!(world.client.pull(number).await.unwrap().unwrap().open);
}

#[tokio::test]
async fn what_will_not_merge_is_refused() {
    let world = world();
    let (number, head) = world.pull("pintle/web").await;
    world.ada.must(
        "PATCH",
        &world.repo.path(""),
        &json!({"allow_squash_merge": false}),
    );
    let said = world.merge(number, &how(MergeStyle::Squash, &head)).await;
    assert!(
        said.starts_with("refused: ") && said.contains("squash"),
        "{said}"
    );
    world
        .client
        .edit_pull(
            number,
            &PullChange {
                title: Some("WIP: web".into()),
                ..PullChange::default()
            },
        )
        .await
        .unwrap();
    assert_eq!(
        world.merge(number, &how(MergeStyle::Merge, &head)).await,
        "refused: Work in progress PRs cannot be merged"
    );
    world
        .client
        .edit_pull(
            number,
            &PullChange {
                title: Some("web".into()),
                ..PullChange::default()
            },
        )
        .await
        .unwrap();
    let carl = client_of(&world.repo, Some(&world.forge.user("carl")));
    assert!(matches!(
        carl.merge(number, &how(MergeStyle::Merge, &head)).await,
        Err(MergeError::Refused(_))
    ));
    world
        .client
        .edit_pull(
            number,
            &PullChange {
                open: Some(false),
                ..PullChange::default()
            },
        )
        .await
        .unwrap();
    assert_eq!(
        world.merge(number, &how(MergeStyle::Merge, &head)).await,
        "refused: it is closed, or gone"
    );
    assert_eq!(
        world.merge(99, &how(MergeStyle::Merge, &head)).await,
        "refused: it is closed, or gone"
    );
}

#[tokio::test]
async fn a_merge_whose_answer_was_lost_is_known() {
    let world = world();
    let (number, head) = world.pull("pintle/web").await;
    let proxy = ForgeProxy::before(&world.forge.address());
    let client = client_at(&format!("{}/ada/infra", proxy.url()), Some(&world.bot));
    world.looked_at(number).await;
    proxy.fail_times(1, Fault::LoseAnswer, |seen| seen.writes());
    client
        .merge(number, &how(MergeStyle::Merge, &head))
        .await
        .unwrap();
    let (number, head) = world.pull("pintle/other").await;
    world.looked_at(number).await;
    proxy.fail_times(1, Fault::Drop, |seen| seen.writes());
    let lost = client.merge(number, &how(MergeStyle::Merge, &head)).await;
    assert!(
        matches!(&lost, Err(MergeError::Failed(why)) if why.kind == Kind::Outside),
        "{lost:?}"
    );
}
