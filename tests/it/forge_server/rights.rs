//! Who may do what on the forge, and how it says so.

use secrecy::ExposeSecret;
use serde_json::json;

use super::{NONE, World, world};
use crate::support::forge_repo::Repo;
use crate::support::gitea::{Account, id, text};
use crate::support::http;

#[test]
fn only_an_administrator_of_the_repository_learns_what_another_may_do() {
    let world = world();
    let World {
        forge,
        ada,
        bob,
        repo,
    } = &world;
    let (carl, dora) = (forge.user("carl"), forge.user("dora"));
    repo.collaborator(&dora, "admin");
    let ask = |who: &Account, about: &str, repo: &Repo| {
        let answer = who.call(
            "GET",
            &repo.path(&format!("/collaborators/{about}/permission")),
            &NONE,
        );
        (
            answer.status,
            answer.body["permission"]
                .as_str()
                .unwrap_or_default()
                .to_owned(),
            answer.body["user"]["id"].as_u64(),
        )
    };
    let is = |status, word: &str, who: Option<&Account>| {
        (status, word.to_owned(), who.map(|who| who.id))
    };
    assert_eq!(ask(bob, "carl", repo), is(403, "", None));
    assert_eq!(ask(bob, "bob", repo), is(200, "write", Some(bob)));
    for knows in [ada, &dora, &dora.scoped(&["read:repository"])] {
        assert_eq!(ask(knows, "ada", repo), is(200, "owner", Some(ada)));
        assert_eq!(ask(knows, "BOB", repo), is(200, "write", Some(bob)));
        assert_eq!(ask(knows, "dora", repo), is(200, "admin", Some(&dora)));
        assert_eq!(ask(knows, "carl", repo), is(200, "read", Some(&carl)));
        assert_eq!(ask(knows, "nobody", repo), is(404, "", None));
    }
    repo.remove_collaborator(bob);
    assert_eq!(ask(ada, "bob", repo), is(200, "read", Some(bob)));

    let hidden = forge.repo(ada, "hidden", true);
    assert_eq!(ask(ada, "carl", &hidden), is(200, "none", Some(&carl)));
    assert_eq!(ask(&carl, "carl", &hidden).0, 404);
}

#[test]
fn a_token_without_the_scope_is_told_which_one_it_lacks() {
    let world = world();
    let World { bob, repo, .. } = &world;
    let refused = bob.scoped(&["read:repository"]).call(
        "POST",
        &repo.path("/statuses/0"),
        &json!({"state": "success"}),
    );
    assert_eq!(refused.status, 403);
    let said = text(&refused.body["message"]);
    assert_eq!(
        said,
        "token does not have at least one of required scope(s), required=[write:repository], token scope=read:repository"
    );
    // A comment needs the scope of issues, not that of the repository.
    let number = repo.issue(bob, "A question");
    let path = repo.path(&format!("/issues/{number}/comments"));
    assert_eq!(
        bob.scoped(&["write:repository"])
            .call("POST", &path, &json!({"body": "x"}))
            .status,
        403
    );
    assert_eq!(
        bob.scoped(&["write:issue"])
            .call("POST", &path, &json!({"body": "x"}))
            .status,
        201
    );
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
        (
            told["protected"] == true,
            told["user_can_push"] == true,
            told["user_can_merge"] == true,
        )
    };
    assert_eq!(branch(bob), (false, true, true));
    repo.protect("main", &json!({"enable_push": false}));
    assert_eq!(
        (branch(ada), branch(bob)),
        ((true, false, true), (true, false, true))
    );
    for who in [ada, bob] {
        let said = repo
            .push(who, "main", "Change", &[("a", b"x")])
            .expect_err("the branch is protected");
        assert!(
            said.contains("Not allowed to push to protected branch main"),
            "{said}"
        );
        assert!(
            said.contains("! [remote rejected] HEAD -> main (pre-receive hook declined)"),
            "{said}"
        );
    }
    assert_eq!(repo.tip("main"), tip);

    repo.protect("main", &json!({"enable_push": true, "enable_push_whitelist": true, "push_whitelist_usernames": ["ada"]}));
    assert_eq!((branch(ada).1, branch(bob).1), (true, false));
    assert!(repo.push(bob, "main", "Change", &[("a", b"x")]).is_err());
    assert!(repo.push(ada, "main", "Change", &[("a", b"x")]).is_ok());
    // The rules themselves are for administrators; a writer is only told what applies to them.
    assert_eq!(
        bob.call("GET", &repo.path("/branch_protections"), &NONE)
            .status,
        403
    );
    repo.unprotect("main");
    assert_eq!(branch(bob), (false, true, true));
}

#[test]
fn a_token_in_a_header_of_its_own_has_no_scopes_for_git() {
    let world = world();
    let World { bob, .. } = &world;
    let reader = bob.scoped(&["read:repository"]);
    let push = |authorization: &str| {
        let target = "/ada/infra.git/info/refs?service=git-receive-pack";
        http::ask(
            bob.address(),
            "GET",
            target,
            &[("Authorization", authorization)],
        )
        .status
    };
    let token = reader.token.expose_secret();
    assert_eq!(push(&reader.basic()), 403);
    assert_eq!(
        (
            push(&format!("token {token}")),
            push(&format!("Bearer {token}"))
        ),
        (200, 200)
    );
    // An unknown token is no stranger: it is refused where a stranger may read.
    let unknown = format!("token {}", "0".repeat(40));
    let refused = http::ask(
        bob.address(),
        "GET",
        "/api/v1/repos/ada/infra",
        &[("Authorization", &unknown)],
    );
    assert_eq!(
        (
            refused.status,
            http::ask(bob.address(), "GET", "/api/v1/repos/ada/infra", &[]).status
        ),
        (401, 200)
    );
    assert!(String::from_utf8_lossy(&refused.body).contains("invalid username, password or token"));
}

#[test]
fn a_login_may_be_somebody_else_tomorrow_and_a_number_may_not() {
    let world = world();
    let World {
        forge, ada, repo, ..
    } = &world;
    let (carl, fay) = (forge.user("carl"), forge.user("fay"));
    let issue = repo.issue(ada, "A question");
    repo.comment(issue, "/pin", &carl);
    repo.comment(issue, "/pin", &fay);
    repo.collaborator(&carl, "write");
    let may = |login: &str| {
        let answer = ada.call(
            "GET",
            &repo.path(&format!("/collaborators/{login}/permission")),
            &NONE,
        );
        (
            answer.status,
            answer.body["permission"].clone(),
            answer.body["user"]["id"].clone(),
        )
    };
    forge.admin().post(
        "/admin/users/carl/rename",
        &json!({"new_username": "carla"}),
    );
    assert_eq!(
        (may("carl").0, may("carla")),
        (404, (200, json!("write"), json!(carl.id)))
    );
    let options =
        json!({"username": "carl", "email": "another@example.org", "password": "not-a-secret-2"});
    let another = id(&forge.admin().post("/admin/users", &options));
    assert_eq!(may("carl"), (200, json!("read"), json!(another)));

    forge.admin().must("DELETE", "/admin/users/fay", &NONE);
    let said = ada.get(&repo.path(&format!("/issues/{issue}/comments")));
    let author = |at: usize| {
        (
            said[at]["user"]["id"].clone(),
            said[at]["user"]["login"].clone(),
        )
    };
    assert_eq!(
        (author(0), author(1)),
        (
            (json!(carl.id), json!("carla")),
            (json!(-1), json!("Ghost"))
        )
    );
    // Whoever may not sign in any more keeps their rights on paper.
    for change in [json!({"prohibit_login": true}), json!({"active": false})] {
        let mut change = change;
        change["login_name"] = "carla".into();
        change["source_id"] = 0.into();
        forge.admin().must("PATCH", "/admin/users/carla", &change);
        assert_eq!(may("carla").1, "write");
    }
}

#[test]
fn a_locked_conversation_takes_words_of_writers_only() {
    let world = world();
    let World {
        forge,
        ada,
        bob,
        repo,
    } = &world;
    let issue = repo.issue(ada, "A question");
    ada.must(
        "PUT",
        &repo.path(&format!("/issues/{issue}/lock")),
        &json!({"lock_reason": "spam"}),
    );
    let say = |who: &Account| {
        who.call(
            "POST",
            &repo.path(&format!("/issues/{issue}/comments")),
            &json!({"body": "x"}),
        )
        .status
    };
    assert_eq!((say(&forge.user("carl")), say(bob)), (403, 201));
}
