//! The forge itself: that it does what the other tests take for granted, written down as it was found.
//! Forgejo shares these ways; where a version differs, docs say so.

mod proxy;

use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::Sha256;

use crate::support::forge_proxy::{Fault, ForgeProxy};
use crate::support::forge_repo::{Comment, Repo, number};
use crate::support::gitea::{Account, Gitea, text};

const NONE: Value = Value::Null;

/// A forge with one public repository and some people.
struct World {
    forge: Gitea,
    ada: Account,
    bob: Account,
    repo: Repo,
}

/// `ada` owns the repository, `bob` may write to it.
fn world() -> World {
    let forge = Gitea::start();
    let (ada, bob) = (forge.user("ada"), forge.user("bob"));
    let repo = forge.repo(&ada, "infra", false);
    repo.collaborator(&bob, "write");
    World { forge, ada, bob, repo }
}

/// A pull request of `ada` from a branch of that name with one commit.
fn pull(world: &World, branch: &str) -> u64 {
    world.repo.push(&world.ada, branch, &format!("Change {branch}"), &[(branch, b"x")]).expect("a new branch can be pushed");
    world.repo.open(&world.ada, branch, &format!("Title of {branch}"), "The body.")
}

#[test]
fn it_keeps_its_port_and_its_data() {
    let mut forge = Gitea::start();
    let ada = forge.user("ada");
    let repo = forge.repo(&ada, "infra", true);
    let sha = repo.push_files("Two files", &[("a/main.tf", b"one\r\n"), ("b.tf", &[0, 255])]);
    let address = forge.address();
    forge.stop();
    assert!(std::net::TcpStream::connect(&address).is_err());
    forge.resume();
    assert_eq!(forge.url(), format!("http://{address}"));
    assert_eq!(repo.tip("main"), Some(sha.clone()));
    assert_eq!(repo.file("a/main.tf", "main").as_deref(), Some(b"one\r\n".as_slice()));
    assert_eq!(repo.file("b.tf", &sha), Some(vec![0, 255]));
    assert_eq!(repo.file("c.tf", "main"), None);
    let commits = repo.commits("main");
    assert_eq!((commits.len(), commits[0].author.as_str()), (2, "ada <ada@example.org>"));
    assert_eq!((commits[0].message.trim_end(), &commits[0].parents[0]), ("Two files", &commits[1].sha));
    assert!(forge.log().contains("HTTPRequest"));
}

#[test]
fn only_an_administrator_of_the_repository_learns_what_another_may_do() {
    let world = world();
    let World { forge, ada, bob, repo } = &world;
    let (carl, dora) = (forge.user("carl"), forge.user("dora"));
    repo.collaborator(&dora, "admin");
    let ask = |who: &Account, about: &str, repo: &Repo| {
        let answer = who.call("GET", &repo.path(&format!("/collaborators/{about}/permission")), &NONE);
        (answer.status, answer.body["permission"].as_str().unwrap_or_default().to_owned(), answer.body["user"]["id"].as_u64())
    };
    let is = |status, word: &str, who: Option<&Account>| (status, word.to_owned(), who.map(|who| who.id));
    assert_eq!(ask(&bob, "carl", &repo), is(403, "", None));
    assert_eq!(ask(&bob, "bob", &repo), is(200, "write", Some(&bob)));
    for knows in [&ada, &dora, &dora.scoped(&["read:repository"])] {
        assert_eq!(ask(knows, "ada", &repo), is(200, "owner", Some(&ada)));
        assert_eq!(ask(knows, "BOB", &repo), is(200, "write", Some(&bob)));
        assert_eq!(ask(knows, "dora", &repo), is(200, "admin", Some(&dora)));
        assert_eq!(ask(knows, "carl", &repo), is(200, "read", Some(&carl)));
        assert_eq!(ask(knows, "nobody", &repo), is(404, "", None));
    }
    repo.remove_collaborator(&bob);
    assert_eq!(ask(&ada, "bob", &repo), is(200, "read", Some(&bob)));

    let hidden = forge.repo(&ada, "hidden", true);
    assert_eq!(ask(&ada, "carl", &hidden), is(200, "none", Some(&carl)));
    assert_eq!(ask(&carl, "carl", &hidden).0, 404);
}

#[test]
fn a_token_without_the_scope_is_told_which_one_it_lacks() {
    let world = world();
    let World { bob, repo, .. } = &world;
    let refused = bob.scoped(&["read:repository"]).call("POST", &repo.path("/statuses/0"), &json!({"state": "success"}));
    assert_eq!(refused.status, 403);
    let said = text(&refused.body["message"]);
    assert_eq!(said, "token does not have at least one of required scope(s), required=[write:repository], token scope=read:repository");
    // A comment needs the scope of issues, not that of the repository.
    let number = repo.issue(&bob, "A question");
    let path = repo.path(&format!("/issues/{number}/comments"));
    assert_eq!(bob.scoped(&["write:repository"]).call("POST", &path, &json!({"body": "x"})).status, 403);
    assert_eq!(bob.scoped(&["write:issue"]).call("POST", &path, &json!({"body": "x"})).status, 201);
    let push = repo.push(&bob.scoped(&["read:repository"]), "other", "Change", &[]);
    assert!(push.is_err_and(|said| said.contains("403")));
}

#[test]
fn a_protected_branch_refuses_a_push_and_says_so() {
    let world = world();
    let World { ada, bob, repo, .. } = &world;
    let tip = repo.tip("main");
    let branch = |who: &Account| {
        let told = who.get(&repo.path("/branches/main"));
        (told["protected"] == true, told["user_can_push"] == true, told["user_can_merge"] == true)
    };
    assert_eq!(branch(&bob), (false, true, true));
    repo.protect("main", &json!({"enable_push": false}));
    assert_eq!((branch(&ada), branch(&bob)), ((true, false, true), (true, false, true)));
    for who in [&ada, &bob] {
        let said = repo.push(who, "main", "Change", &[("a", b"x")]).expect_err("the branch is protected");
        assert!(said.contains("Not allowed to push to protected branch main"), "{said}");
        assert!(said.contains("! [remote rejected] HEAD -> main (pre-receive hook declined)"), "{said}");
    }
    assert_eq!(repo.tip("main"), tip);

    repo.protect("main", &json!({"enable_push": true, "enable_push_whitelist": true, "push_whitelist_usernames": ["ada"]}));
    assert_eq!((branch(&ada).1, branch(&bob).1), (true, false));
    assert!(repo.push(&bob, "main", "Change", &[("a", b"x")]).is_err());
    assert!(repo.push(&ada, "main", "Change", &[("a", b"x")]).is_ok());
    // The rules themselves are for administrators; a writer is only told what applies to them.
    assert_eq!(bob.call("GET", &repo.path("/branch_protections"), &NONE).status, 403);
    repo.unprotect("main");
    assert_eq!(branch(&bob), (false, true, true));
}

#[test]
fn of_two_pushes_onto_one_commit_one_wins() {
    let world = world();
    let World { forge, ada, bob, repo } = &world;
    let proxy = ForgeProxy::before(&forge.address());
    let mut slow = repo.prepare(&bob, "main", "Slow", &[("slow", b"x")]);
    slow.url = format!("{}/{}.git", proxy.url(), repo.full_name());
    proxy.fail(Fault::Hold, |seen| seen.writes());
    let (said, won) = std::thread::scope(|scope| {
        let slow = scope.spawn(|| slow.push());
        // It has asked where the branch is, and its push is on the way.
        proxy.wait_for(|seen| seen.target.ends_with("/git-receive-pack"));
        let won = repo.push(&ada, "main", "Quick", &[("quick", b"x")]).expect("it is the first");
        proxy.mend();
        (slow.join().expect("no panic").expect_err("it is the second"), won)
    });
    assert_eq!(repo.tip("main"), Some(won));
    assert!(said.contains("! [remote rejected] HEAD -> main") && said.contains("cannot lock ref 'refs/heads/main'"), "{said}");
    assert!(slow.push().is_err_and(|said| said.contains("! [rejected]        HEAD -> main (fetch first)")));
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
    assert_eq!((&none["state"], &none["total_count"], &none["statuses"]), (&json!("pending"), &json!(0), &NONE));
    let state = |context: &str, word: &str| {
        repo.set_status(&sha, context, word, "What it says", &bob);
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
    let of = |context: &str| each.iter().find(|status| status["context"] == context).expect("it was set");
    assert_eq!((each.len(), &of("ci/c")["status"], &of("ci/c")["state"]), (3, &json!("pending"), &NONE));
    assert_eq!((&of("ci/b")["creator"]["login"], &of("ci/b")["description"]), (&json!("bob"), &json!("What it says")));
    // A branch's name will do; what is unknown is no error of its own kind.
    assert_eq!(text(&bob.get(&repo.path("/commits/main/status"))["state"]), "pending");
}

#[test]
fn a_merge_is_refused_in_several_ways() {
    let world = world();
    let World { ada, repo, .. } = &world;
    let fine = pull(&world, "fine");
    let conflict = repo.prepare(ada, "conflict", "Change conflict", &[("fine", b"y")]).push().map(|_| repo.open(ada, "conflict", "C", ""));
    let conflict = conflict.expect("a new branch can be pushed");
    let options = |more: Value| {
        let mut options = json!({"Do": "merge"});
        options.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        options
    };
    let stale = options(json!({"head_commit_id": repo.tip("main")}));
    let refused = repo.try_merge(ada, fine, &stale);
    assert_eq!((refused.status, text(&refused.body["message"]).as_str()), (409, "head out of date"));

    repo.protect(
        "main",
        &json!({"enable_push": true, "enable_status_check": true, "status_check_contexts": ["ci/*"], "block_admin_merge_override": true}),
    );
    let refused = repo.try_merge(ada, fine, &options(json!({})));
    assert_eq!(refused.status, 405, "{}", refused.body);
    assert_eq!(text(&refused.body["message"]), "Not all required status checks successful");
    let later = options(json!({"merge_when_checks_succeed": true}));
    assert_eq!(repo.try_merge(ada, fine, &later).status, 201);
    assert_eq!(repo.try_merge(ada, fine, &later).status, 409);
    let head = text(&repo.pull(fine)["head"]["sha"]);
    repo.set_status(&head, "ci/a", "success", "", ada);
    until(|| repo.pull(fine)["merged"] == true);
    repo.unprotect("main");

    until(|| repo.pull(conflict)["mergeable"] == false);
    let refused = ada.call("POST", &repo.path(&format!("/pulls/{conflict}/merge")), &options(json!({})));
    assert_eq!((refused.status, text(&refused.body["message"]).as_str()), (405, "Please try again later"));
    repo.close(conflict);
    assert_eq!(repo.try_merge(ada, conflict, &options(json!({}))).status, 404);
    repo.reopen(conflict);
}

#[test]
fn a_merge_leaves_commits_as_its_style_says() {
    let world = world();
    let World { ada, repo, .. } = &world;
    let squashed = pull(&world, "squashed");
    repo.push(ada, "squashed", "Second\n\nSome-Trailer: value", &[("more", b"x")]).expect("it is their branch");
    repo.merge(squashed, "squash");
    let tip = repo.commits("main").remove(0);
    // Neither the pull request's text nor the messages and trailers of its commits.
    assert_eq!(tip.message, "Title of squashed (#1)\n");
    assert_eq!((tip.parents.len(), tip.author.as_str()), (1, "ada <ada@example.org>"));

    let merged = pull(&world, "merged");
    repo.merge(merged, "merge");
    let tip = repo.commits("main").remove(0);
    assert_eq!(tip.message, "Merge pull request 'Title of merged' (#2) from merged into main\n");
    assert_eq!(tip.parents.len(), 2);
    let told = repo.pull(merged);
    assert_eq!((&told["state"], &told["merged"], &told["merge_commit_sha"]), (&json!("closed"), &json!(true), &json!(tip.sha)));
    assert_eq!(repo.branches(), ["main", "merged", "squashed"]);
    repo.delete_branch("merged");

    let own = pull(&world, "own");
    let message =
        json!({"Do": "squash", "MergeTitleField": "A title", "MergeMessageField": "Key: value", "delete_branch_after_merge": true});
    assert_eq!(repo.try_merge(ada, own, &message).status, 200);
    assert_eq!(repo.commits("main").remove(0).message, "A title\n\nKey: value\n");
    assert_eq!(repo.branches(), ["main", "squashed"]);
    assert_eq!(repo.pulls("open"), [] as [Value; 0]);
    let numbers: Vec<u64> = repo.pulls("all").iter().map(number).collect();
    assert_eq!(numbers, [squashed, merged, own]);
}

#[test]
fn a_webhook_is_signed_over_its_body() {
    const SECRET: &str = "of-the-hook";
    let world = world();
    let World { ada, bob, repo, .. } = &world;
    // A proxy that answers everything itself is a receiver.
    let receiver = ForgeProxy::start();
    receiver.fail(Fault::Status(200), |_| true);
    let config = json!({"url": format!("{}/hooks/forgejo", receiver.url()), "content_type": "json", "secret": SECRET});
    let events = ["issue_comment", "pull_request_comment", "push", "status", "pull_request", "pull_request_sync"];
    ada.post(&repo.path("/hooks"), &json!({"type": "gitea", "active": true, "events": events, "config": config}));
    let told = &repo.hooks()[0];
    assert_eq!((&told["config"]["url"], &told["config"]["secret"]), (&config["url"], &NONE));

    let issue = repo.issue(ada, "A question");
    repo.comment(issue, "/status é", bob);
    let seen = receiver.wait_for(|seen| seen.header("x-gitea-event") == Some("issue_comment"));
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).expect("any length");
    mac.update(&seen.body);
    let signature = hex::encode(mac.finalize().into_bytes());
    assert_eq!((seen.method.as_str(), seen.target.as_str()), ("POST", "/hooks/forgejo"));
    assert_eq!(seen.header("x-gitea-signature"), Some(signature.as_str()));
    assert_eq!(seen.header("x-hub-signature-256"), Some(format!("sha256={signature}").as_str()));
    assert_eq!((seen.header("x-gitea-event-type"), seen.header("content-type")), (Some("issue_comment"), Some("application/json")));
    assert!(seen.header("x-gitea-delivery").is_some_and(|id| id.len() == 36));
    assert_eq!((seen.header("x-github-event"), seen.header("x-gogs-signature")), (Some("issue_comment"), Some(signature.as_str())));
    let body: Value = serde_json::from_slice(&seen.body).expect("JSON");
    assert_eq!((&body["action"], &body["is_pull"], &body["comment"]["body"]), (&json!("created"), &json!(false), &json!("/status é")));
    assert_eq!((&body["sender"]["id"], &body["repository"]["full_name"]), (&json!(bob.id), &json!("ada/infra")));

    let number = pull(&world, "change");
    let comment = repo.comment(number, "/plan", bob);
    let of_pull = |word: &'static str| {
        receiver.wait_for(|seen| {
            let body: Value = serde_json::from_slice(&seen.body).unwrap_or_default();
            seen.header("x-gitea-event-type") == Some("pull_request_comment") && body["action"] == word
        })
    };
    assert_eq!(of_pull("created").header("x-gitea-event"), Some("issue_comment"));
    repo.edit_comment(comment, "/plan now", bob);
    let edited: Value = serde_json::from_slice(&of_pull("edited").body).expect("JSON");
    assert_eq!((&edited["comment"]["body"], &edited["changes"]["body"]["from"]), (&json!("/plan now"), &json!("/plan")));
    repo.delete_comment(comment);
    of_pull("deleted");
    repo.push(ada, "change", "More", &[("more", b"x")]).expect("it is their branch");
    for kind in ["push", "pull_request", "pull_request_sync"] {
        receiver.wait_for(|seen| seen.header("x-gitea-event-type") == Some(kind));
    }
}

#[test]
fn a_comment_changes_its_time_when_it_is_edited_only() {
    let world = world();
    let World { bob, repo, ada, .. } = &world;
    let number = repo.issue(&bob, "A question");
    let comment = repo.comment(number, "/status", &bob);
    let now = || repo.comments(number).remove(0);
    let first = now();
    assert_eq!((first.id, first.author.as_str(), &first.created), (comment, "bob", &first.updated));
    after(&first);
    ada.post(&repo.path(&format!("/issues/comments/{comment}/reactions")), &json!({"content": "eyes"}));
    assert_eq!(repo.reactions(comment), [("ada".to_owned(), "eyes".to_owned())]);
    assert_eq!(now(), first);
    // The same reaction again is no error and no second reaction.
    let again = ada.call("POST", &repo.path(&format!("/issues/comments/{comment}/reactions")), &json!({"content": "eyes"}));
    assert_eq!((again.status, repo.reactions(comment).len()), (200, 1));
    repo.edit_comment(comment, "/plan", &ada);
    let edited = now();
    assert_eq!((edited.author.as_str(), edited.body.as_str(), &edited.created), ("bob", "/plan", &first.created));
    assert!(time(&edited.updated) > time(&first.updated));
}

#[test]
fn one_list_has_the_comments_of_issues_and_pull_requests() {
    let world = world();
    let World { ada, bob, repo, .. } = &world;
    let (issue, number) = (repo.issue(bob, "A question"), pull(&world, "change"));
    let old = repo.comment(issue, "old", bob);
    after(&repo.comments(issue)[0]);
    let (on_pull, on_issue) = (repo.comment(number, "on the pull request", bob), repo.comment(issue, "on the issue", ada));
    let since = |time: &str| ada.list(&repo.path(&format!("/issues/comments?since={}", time.replace('+', "%2B"))));
    let ids = |all: &[Value]| all.iter().map(|comment| comment["id"].as_u64().expect("an id")).collect::<Vec<_>>();
    let newer = repo.comments(issue)[1].updated.clone();
    assert_eq!(ids(&since(&newer)), [on_pull, on_issue]);
    let all = since("1970-01-01T00:00:00Z");
    assert_eq!(ids(&all), [old, on_pull, on_issue]);
    let url = |value: &Value| text(value).replace(&world.forge.url(), "");
    assert_eq!((url(&all[0]["issue_url"]), url(&all[0]["pull_request_url"])), (format!("/ada/infra/issues/{issue}"), String::new()));
    assert_eq!((url(&all[1]["issue_url"]), url(&all[1]["pull_request_url"])), (String::new(), format!("/ada/infra/pulls/{number}")));
    // An edit brings an old one back, at its old place; the time is inclusive.
    after(&repo.comments(issue)[1]);
    repo.edit_comment(old, "edited", bob);
    assert_eq!(ids(&since(&repo.comments(issue)[0].updated)), [old]);
    // Opening, closing and merging leave no comment in this list.
    repo.merge(number, "squash");
    assert_eq!(since("1970-01-01T00:00:00Z").len(), 3);
}

#[test]
fn an_html_comment_is_in_the_body_and_not_on_the_page() {
    let world = world();
    let World { ada, repo, .. } = &world;
    let body = "Before\n\n<!-- pintle: hidden=1 -->\n\n| a | b |\n| --- | --- |\n| `x` | y |\n\nafter <!-- inside --> it";
    repo.push(ada, "change", "Change", &[("a", b"x")]).expect("a new branch can be pushed");
    let number = repo.open(ada, "change", "Title", body);
    repo.comment(number, "Said\r\n<!-- pintle: answers=7 -->", ada);
    assert_eq!(text(&repo.pull(number)["body"]), body);
    assert_eq!(repo.comments(number)[0].body, "Said\r\n<!-- pintle: answers=7 -->");
    let html = repo.markdown(body);
    assert!(html.contains("<table>") && html.contains("<code>x</code>"), "{html}");
    assert!(!html.contains("hidden=1") && !html.contains("inside"), "{html}");
    let shown = repo.shown(number);
    assert_eq!((shown.len(), shown[0].as_str(), shown[1].as_str()), (2, html.trim(), "<p dir=\"auto\">Said</p>"));
    // It is in the page's source all the same: in the text as its author would edit it.
    assert!(repo.rendered(number).contains("hidden=1"));
}

#[test]
fn labels_are_made_and_set_by_id() {
    let world = world();
    let number = pull(&world, "change");
    let World { bob, repo, .. } = &world;
    let made = bob.post(&repo.path("/labels"), &json!({"name": "pintle", "color": "#00aabb"}));
    assert_eq!(repo.labels(), [made.clone()]);
    bob.post(&repo.path(&format!("/issues/{number}/labels")), &json!({"labels": [made["id"]]}));
    bob.post(&repo.path(&format!("/issues/{number}/labels")), &json!({"labels": ["pintle"]}));
    assert_eq!(repo.pull(number)["labels"], json!([made]));
}

/// Waits until something is so; fails the test after half a minute.
fn until(so: impl Fn() -> bool) {
    let end = Timestamp::now().as_second() + 30;
    while !so() {
        assert!(Timestamp::now().as_second() < end, "it did not come to be");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Waits until the clock shows another second than that of a comment: the forge's times have no parts of one.
fn after(comment: &Comment) {
    let second = time(&comment.updated).as_second();
    until(|| Timestamp::now().as_second() > second);
}

fn time(text: &str) -> Timestamp {
    text.parse().unwrap_or_else(|why| panic!("{text}: {why}"))
}
