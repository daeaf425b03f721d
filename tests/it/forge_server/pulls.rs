//! Pushes, statuses, pull requests and merges on the forge: who wins, what is refused, what is
//! left.

use serde_json::{Value, json};

use super::{NONE, World, pull, until, world};
use crate::support::forge_proxy::{Fault, ForgeProxy};
use crate::support::forge_repo::{git_as, number};
use crate::support::gitea::text;

#[test]
fn of_two_pushes_onto_one_commit_one_wins() {
    let world = world();
    let World {
        forge,
        ada,
        bob,
        repo,
    } = &world;
    let proxy = ForgeProxy::before(&forge.address());
    let mut slow = repo.prepare(bob, "main", "Slow", &[("slow", b"x")]);
    slow.url = format!("{}/{}.git", proxy.url(), repo.full_name());
    proxy.fail(Fault::Hold, |seen| seen.writes());
    let (said, won) = std::thread::scope(|scope| {
        let slow = scope.spawn(|| slow.push());
        // It has asked where the branch is, and its push is on the way.
        proxy.wait_for(|seen| seen.target.ends_with("/git-receive-pack"));
        let won = repo
            .push(ada, "main", "Quick", &[("quick", b"x")])
            .expect("it is the first");
        proxy.mend();
        (
            slow.join()
                .expect("no panic")
                .expect_err("it is the second"),
            won,
        )
    });
    assert_eq!(repo.tip("main"), Some(won));
    assert!(
        said.contains("! [remote rejected] HEAD -> main")
            && said.contains("cannot lock ref 'refs/heads/main'"),
        "{said}"
    );
    assert!(
        slow.push()
            .is_err_and(|said| said.contains("! [rejected]        HEAD -> main (fetch first)"))
    );
    assert!(slow.force().is_ok());
}

#[test]
fn statuses_combine_to_the_worst_of_the_newest() {
    let world = world();
    let World { bob, repo, .. } = &world;
    let sha = repo.tip("main").expect("the branch is there");
    let combined = || bob.get(&repo.path(&format!("/commits/{sha}/status")));
    // Nothing said yet looks like something to wait for; only the count tells.
    let none = combined();
    assert_eq!(
        (&none["state"], &none["total_count"], &none["statuses"]),
        (&json!("pending"), &json!(0), &NONE)
    );
    let state = |context: &str, word: &str| {
        repo.set_status(&sha, context, word, "What it says", bob);
        text(&combined()["state"])
    };
    assert_eq!(state("ci/a", "pending"), "pending");
    assert_eq!(state("ci/a", "success"), "success");
    assert_eq!(state("ci/b", "warning"), "failure");
    assert_eq!(state("ci/b", "success"), "success");
    assert_eq!(state("ci/b", "error"), "failure");
    assert_eq!(state("ci/c", "pending"), "failure");
    assert_eq!(state("ci/b", "success"), "pending");
    let all = combined();
    let each = all["statuses"].as_array().expect("a list");
    let of = |context: &str| {
        each.iter()
            .find(|status| status["context"] == context)
            .expect("it was set")
    };
    assert_eq!(
        (each.len(), &of("ci/c")["status"], &of("ci/c")["state"]),
        (3, &json!("pending"), &NONE)
    );
    assert_eq!(
        (&of("ci/b")["creator"]["login"], &of("ci/b")["description"]),
        (&json!("bob"), &json!("What it says"))
    );
    // A branch's name will do; what is unknown is no error of its own kind.
    assert_eq!(
        text(&bob.get(&repo.path("/commits/main/status"))["state"]),
        "pending"
    );
}

#[test]
fn a_merge_is_refused_in_several_ways() {
    let world = world();
    let World { ada, repo, .. } = &world;
    let fine = pull(&world, "fine");
    let conflict = repo
        .prepare(ada, "conflict", "Change conflict", &[("fine", b"y")])
        .push()
        .map(|_| repo.open(ada, "conflict", "C", ""));
    let conflict = conflict.expect("a new branch can be pushed");
    let options = |more: Value| {
        let mut options = json!({"Do": "merge"});
        options
            .as_object_mut()
            .expect("an object")
            .extend(more.as_object().expect("an object").clone());
        options
    };
    let stale = options(json!({"head_commit_id": repo.tip("main")}));
    let refused = repo.try_merge(ada, fine, &stale);
    assert_eq!(
        (refused.status, text(&refused.body["message"]).as_str()),
        (409, "head out of date")
    );

    repo.protect(
        "main",
        &json!({"enable_push": true, "enable_status_check": true, "status_check_contexts": ["ci/*"], "block_admin_merge_override": true}),
    );
    let refused = repo.try_merge(ada, fine, &options(json!({})));
    assert_eq!(refused.status, 405, "{}", refused.body);
    assert_eq!(
        text(&refused.body["message"]),
        "Not all required status checks successful"
    );
    let later = options(json!({"merge_when_checks_succeed": true}));
    assert_eq!(repo.try_merge(ada, fine, &later).status, 201);
    assert_eq!(repo.try_merge(ada, fine, &later).status, 409);
    let head = text(&repo.pull(fine)["head"]["sha"]);
    repo.set_status(&head, "ci/a", "success", "", ada);
    until(|| repo.pull(fine)["merged"] == true);
    repo.unprotect("main");

    // A conflict and a computation that is not done look the same: `mergeable` is false and these
    // are the words. The page knows.
    until(|| {
        repo.rendered(conflict)
            .contains("This pull request has changes conflicting with the target branch.")
    });
    assert_eq!(repo.pull(conflict)["mergeable"], false);
    let refused = ada.call(
        "POST",
        &repo.path(&format!("/pulls/{conflict}/merge")),
        &options(json!({})),
    );
    assert_eq!(
        (refused.status, text(&refused.body["message"]).as_str()),
        (405, "Please try again later")
    );
    repo.close(conflict);
    assert_eq!(
        repo.try_merge(ada, conflict, &options(json!({}))).status,
        404
    );
    repo.reopen(conflict);
}

#[test]
fn a_merge_leaves_commits_as_its_style_says() {
    let world = world();
    let World { ada, repo, .. } = &world;
    let squashed = pull(&world, "squashed");
    repo.push(
        ada,
        "squashed",
        "Second\n\nSome-Trailer: value",
        &[("more", b"x")],
    )
    .expect("it is their branch");
    repo.merge(squashed, "squash");
    let tip = repo.commits("main").remove(0);
    // Neither the pull request's text nor the messages and trailers of its commits.
    assert_eq!(tip.message, "Title of squashed (#1)\n");
    assert_eq!(
        (tip.parents.len(), tip.author.as_str()),
        (1, "ada <ada@example.org>")
    );

    let merged = pull(&world, "merged");
    repo.merge(merged, "merge");
    let tip = repo.commits("main").remove(0);
    assert_eq!(
        tip.message,
        "Merge pull request 'Title of merged' (#2) from merged into main\n"
    );
    assert_eq!(tip.parents.len(), 2);
    let told = repo.pull(merged);
    assert_eq!(
        (&told["state"], &told["merged"], &told["merge_commit_sha"]),
        (&json!("closed"), &json!(true), &json!(tip.sha))
    );
    assert_eq!(repo.branches(), ["main", "merged", "squashed"]);
    repo.delete_branch("merged");

    let own = pull(&world, "own");
    let message = json!({"Do": "squash", "MergeTitleField": "A title", "MergeMessageField": "Key: value", "delete_branch_after_merge": true});
    assert_eq!(repo.try_merge(ada, own, &message).status, 200);
    assert_eq!(
        repo.commits("main").remove(0).message,
        "A title\n\nKey: value\n"
    );
    assert_eq!(repo.branches(), ["main", "squashed"]);
    assert_eq!(repo.pulls("open"), [] as [Value; 0]);
    let numbers: Vec<u64> = repo.pulls("all").iter().map(number).collect();
    assert_eq!(numbers, [squashed, merged, own]);
}

#[test]
fn a_combined_status_is_that_of_its_page() {
    let world = world();
    let World { ada, repo, .. } = &world;
    let sha = repo.tip("main").expect("the branch is there");
    for number in 0..31 {
        repo.set_status(
            &sha,
            &format!("ci/{number:02}"),
            if number == 0 { "failure" } else { "success" },
            "",
            ada,
        );
    }
    let page = |query: &str| {
        let told = ada.get(&repo.path(&format!("/commits/main/status{query}")));
        (
            text(&told["state"]),
            told["total_count"].as_u64(),
            told["statuses"].as_array().map(Vec::len),
        )
    };
    // The count counts the page as well, so only an empty page shows the end.
    let of = |word: &str, count| (word.to_owned(), Some(count as u64), Some(count));
    assert_eq!(
        (page("?limit=50"), page("?limit=10&page=2")),
        (of("failure", 31), of("success", 10))
    );
    assert_eq!(
        (page("").1, page("?limit=50&page=2")),
        (Some(30), ("pending".to_owned(), Some(0), None))
    );
    let unknown = ada.call(
        "GET",
        &repo.path(&format!("/commits/{}/status", "0".repeat(40))),
        &NONE,
    );
    assert_eq!(unknown.status, 404);
}

#[test]
fn a_branch_has_one_open_pull_request_which_follows_it() {
    let world = world();
    let first = pull(&world, "pintle/app");
    let World { ada, repo, .. } = &world;
    let open = |head: &str| {
        let answer = ada.call(
            "POST",
            &repo.path("/pulls"),
            &json!({"head": head, "base": "main", "title": "T"}),
        );
        (
            answer.status,
            answer.body["message"]
                .as_str()
                .unwrap_or_default()
                .to_owned(),
        )
    };
    let (status, said) = open("pintle/app");
    assert_eq!(
        (
            status,
            said.starts_with("pull request already exists for these targets [id: ")
        ),
        (409, true),
        "{said}"
    );
    assert_eq!(
        open("main"),
        (
            422,
            "Invalid PullRequest: There are no changes between the head and the base".to_owned()
        )
    );
    assert_eq!(open("nowhere").0, 404);
    let head = |number: u64| text(&repo.pull(number)["head"]["sha"]);
    let push = |text: &[u8]| {
        repo.push(ada, "pintle/app", "More", &[("more", text)])
            .expect("it is their branch")
    };
    assert_eq!(push(b"x"), head(first));

    // A closed one still follows its branch; it does not stand in the way of another.
    repo.close(first);
    assert_eq!(push(b"y"), head(first));
    assert_eq!(open("pintle/app").0, 201);
    let opened: Vec<u64> = repo.pulls("open").iter().map(number).collect();
    // By its branches the forge names the oldest, and that is the closed one.
    let named = ada.get(&repo.path("/pulls/main/pintle/app"));
    assert_eq!(
        (opened, number(&named), &named["state"]),
        (vec![first + 1], first, &json!("closed"))
    );
    // Opened again, there are two of one branch.
    repo.reopen(first);
    assert_eq!(repo.pulls("open").len(), 2);
}

#[test]
fn a_pull_request_closes_when_its_branch_goes() {
    let world = world();
    let World { ada, repo, .. } = &world;
    let (by_api, by_push) = (pull(&world, "by-api"), pull(&world, "by-push"));
    repo.delete_branch("by-api");
    let folder = tempfile::tempdir().unwrap();
    assert!(
        git_as(ada, folder.path(), &["init", "--quiet"], 0)
            .status()
            .expect("git starts")
            .success()
    );
    let mut push = git_as(
        ada,
        folder.path(),
        &["push", &repo.clone_url(), ":refs/heads/by-push"],
        0,
    );
    assert!(push.output().expect("git starts").status.success());
    for number in [by_api, by_push] {
        // Not at once: somebody else does it a moment later.
        until(|| repo.pull(number)["state"] == "closed");
        let head = &repo.pull(number)["head"];
        assert_eq!(
            (&head["ref"], head["sha"].is_string()),
            (&json!(format!("refs/pull/{number}/head")), true)
        );
    }
    // It can be opened again all the same.
    repo.reopen(by_api);
    assert_eq!(
        (&repo.pull(by_api)["state"], repo.branches()),
        (&json!("open"), vec!["main".to_owned()])
    );
}

#[test]
fn words_of_a_review_are_no_comments() {
    let world = world();
    let number = pull(&world, "change");
    let World { ada, bob, repo, .. } = &world;
    let path = repo.path(&format!("/pulls/{number}/reviews"));
    bob.post(&path, &json!({"event": "COMMENT", "body": "/pin"}));
    bob.post(&path, &json!({"event": "COMMENT", "comments": [{"path": "change", "body": "/plan", "new_position": 1}]}));
    assert_eq!(repo.comments(number), []);
    assert_eq!(ada.list(&repo.path("/issues/comments")), [] as [Value; 0]);
    assert_eq!(ada.list(&path).len(), 2);
}

#[test]
fn a_title_that_is_too_long_is_cut_in_silence() {
    let world = world();
    let World { ada, repo, .. } = &world;
    let made = ada.post(
        &repo.path("/issues"),
        &json!({"title": "x".repeat(300), "body": "y".repeat(70_000)}),
    );
    assert_eq!(
        (text(&made["title"]).len(), text(&made["body"]).len()),
        (255, 70_000)
    );
}
