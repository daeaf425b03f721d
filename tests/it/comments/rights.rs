//! Who may command: looked up by numeric id when the command is carried out, and nobody else has
//! any effect.

use serde_json::json;

use super::{ADOPTS, COMMITS, NGINX, World, trailer};
use crate::support::gitea::{Account, Gitea, id};

#[test]
fn readers_and_strangers_may_ask_and_change_nothing() {
    let world = World::new();
    let (rita, sam) = (world.line.gitea.user("rita"), world.line.gitea.user("sam"));
    world.line.repo.collaborator(&rita, "read");
    let before = world.tip();
    let denied: Vec<(u64, &str)> = [&rita, &sam]
        .into_iter()
        .flat_map(|who| {
            [
                "/pin web",
                "/unpin web",
                "/rollback web",
                "/hold web",
                "/resume web",
            ]
            .map(|text| (world.says(who, text), text))
        })
        .collect();
    let mixed = world.says(&sam, "/help\n/hold web\n");
    let told: Vec<u64> = ["/explain web/web", "/status", "/plan", "/help"]
        .iter()
        .map(|text| world.says(&rita, text))
        .collect();
    world.line.sync();
    assert_eq!(world.tip(), before);
    for (comment, text) in denied {
        let reply = world.reply(comment);
        let command = text.split(' ').next().expect("a word");
        let start = format!(
            "**`{command}`**: nothing was done. It is for people who may write to this repository, and `"
        );
        assert!(
            reply.starts_with(&start) && reply.contains("` may only read it."),
            "{text}: {reply}"
        );
    }
    let mixed = world.reply(mixed);
    assert!(
        mixed.contains("**`/help`**: nothing was done") && mixed.contains("may only read it"),
        "{mixed}"
    );
    let told: Vec<String> = told
        .into_iter()
        .map(|comment| world.reply(comment))
        .collect();
    for (reply, sign) in told.iter().zip([
        "in-sync",
        "2 in-sync",
        "nothing to write",
        "| `/plan` | shows what pintle would do now |",
    ]) {
        assert!(reply.contains(sign), "{sign}: {reply}");
    }
    world.is_at_rest();
}

#[test]
fn who_was_a_writer_and_is_none_now_has_no_effect() {
    let world = World::with(&[("web", NGINX)], COMMITS);
    let wendy = world.line.gitea.user("wendy");
    world.line.repo.collaborator(&wendy, "write");
    let on_issue = world.says(&wendy, "/hold web");
    world
        .line
        .repo
        .push(&wendy, "mine", "Change", &[("notes.md", b"x")])
        .expect("a writer may");
    let pull = world.line.repo.open(&wendy, "mine", "Mine", "/hold web");
    let on_pull = world.line.repo.comment(pull, "/hold web", &wendy);
    world.line.repo.remove_collaborator(&wendy);
    let before = world.tip();
    world.line.sync();
    assert_eq!(world.tip(), before);
    for reply in [world.reply(on_issue), world.reply_on(pull, on_pull)] {
        assert!(reply.contains("`wendy` may only read it"), "{reply}");
    }
    // Only comments are read: what the pull request itself says is no command.
    assert_eq!(world.line.repo.comments(pull).len(), 2);
    world.line.repo.collaborator(&wendy, "write");
    world.is_at_rest();
}

#[test]
fn a_login_that_changed_hands_has_no_rights_of_its_former_owner() {
    let world = World::with(&[("web", NGINX)], COMMITS);
    let ana = world.line.ana.clone();
    let asked = world.says(&ana, "/hold web");
    world
        .line
        .gitea
        .admin()
        .post("/admin/users/ana/rename", &json!({"new_username": "anna"}));
    let other = somebody(&world.line.gitea, &ana, "ana");
    let taken = world.says(&other, "/unpin web");
    let before = world.tip();
    world.line.sync();
    let new = world.since(&before);
    assert_eq!(new.len(), 1, "{new:?}");
    assert_eq!(
        (trailer(&new[0], "Action"), trailer(&new[0], "Asked-By")),
        ("hold", format!("anna ({})", ana.id).as_str())
    );
    assert!(world.reply(asked).starts_with("**`/hold`**: done in ["));
    let reply = world.reply(taken);
    assert!(reply.contains("`ana` may only read it"), "{reply}");
    world.is_at_rest();
}

#[test]
fn owners_administrators_and_teams_may() {
    let mut world = World::with(&[("web", NGINX)], COMMITS);
    let adam = world.line.gitea.user("adam");
    world.line.repo.collaborator(&adam, "admin");
    let owner = world.line.repo.owner.clone();
    for (who, text) in [(&owner, "/hold web"), (&adam, "/resume web")] {
        let comment = world.says(who, text);
        world.line.sync();
        assert!(world.reply(comment).contains(": done in ["), "{text}");
    }
    let (tom, una) = (world.line.gitea.user("tom"), world.line.gitea.user("una"));
    owner.post("/orgs", &json!({"username": "acme"}));
    owner.post(
        &world.line.repo.path("/transfer"),
        &json!({"new_owner": "acme"}),
    );
    world.line.repo.owner.login = "acme".into();
    for (who, permission) in [(&tom, "write"), (&una, "read")] {
        let options = json!({"name": permission, "permission": permission, "includes_all_repositories": true,
            "units": ["repo.code", "repo.issues", "repo.pulls"]});
        let team = id(&owner.post("/orgs/acme/teams", &options));
        owner.must(
            "PUT",
            &format!("/teams/{team}/members/{}", who.login),
            &json!({}),
        );
    }
    // Gitea tells `read` of who may write by a team's units: such accounts are named by id.
    let config = format!(
        "{}{COMMITS}\n[forge]\ncommanders = [{}]\n",
        world.line.registries.config(),
        tom.id
    );
    world.line.repo.push_files(
        "Name who may command",
        &[("pintle.toml", config.as_bytes())],
    );
    let (done, denied) = (
        world.says(&tom, "/hold web"),
        world.says(&una, "/resume web"),
    );
    world.line.sync();
    assert!(
        world.reply(done).contains(": done in ["),
        "{}",
        world.reply(done)
    );
    assert!(
        world.reply(denied).contains("`una` may only read it"),
        "{}",
        world.reply(denied)
    );
}

#[test]
fn a_token_that_may_not_look_rights_up_hears_commanders_only() {
    let mut world = World::with(&[("web", NGINX)], ADOPTS);
    let (plain, walt) = (
        world.line.gitea.user("plain"),
        world.line.gitea.user("walt"),
    );
    for who in [&plain, &walt] {
        world.line.repo.collaborator(who, "write");
    }
    world.line.bot = plain;
    let config = format!(
        "{}{ADOPTS}\n[forge]\ncommanders = [{}]\n",
        world.line.registries.config(),
        world.line.ana.id
    );
    world.line.repo.push_files(
        "Name who may command",
        &[("pintle.toml", config.as_bytes())],
    );
    let reply = world.refuses_to(&walt, "/hold web");
    let says = format!(
        "pintle's account cannot see whether `walt` may. What would help: an administrator of the repository makes pintle's account one too, or adds the id {} to `[forge] commanders` in `pintle.toml`.",
        walt.id
    );
    assert!(reply.contains(&says), "{reply}");
    assert!(world.refuses_to(&walt, "/status").contains("1 in-sync"));
    let (commit, _) = world.does("/hold web");
    assert_eq!(trailer(&commit, "Action"), "hold");
    world.is_at_rest();
}

/// Another account, with a login that is free.
fn somebody(gitea: &Gitea, like: &Account, login: &str) -> Account {
    let person = json!({
        "username": login, "email": format!("{login}@other.example.org"), "password": "not-a-secret-1", "must_change_password": false,
    });
    let mut other = like.clone();
    other.id = id(&gitea.admin().post("/admin/users", &person));
    other.login = login.to_owned();
    other.scoped(&["all"])
}
