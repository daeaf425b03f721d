//! A branch that takes no push: what a person asks for becomes an urgent pull request, and is done
//! when that is merged.

use serde_json::json;

use super::{ADOPTS, NGINX, World};
use crate::support::forge_repo::number;
use crate::support::gitea::text;

#[test]
fn a_command_becomes_an_urgent_pull_request() {
    let world = World::with(&[("web", NGINX)], ADOPTS);
    world
        .line
        .repo
        .protect("main", &json!({"enable_push": false}));
    let before = world.tip();
    let pinned = world.line.text("web", "main");
    let comment = world.says(&world.line.ana, "/hold web because @ana and #1 say so");
    world.line.sync();
    assert_eq!(world.tip(), before);
    let pulls = world.line.repo.pulls("all");
    assert_eq!(pulls.len(), 1);
    let (pull, branch) = (number(&pulls[0]), text(&pulls[0]["head"]["ref"]));
    assert_eq!(branch, format!("pintle/comment-{comment}"));
    let labels: Vec<String> = pulls[0]["labels"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|label| text(&label["name"]))
        .collect();
    assert!(labels.contains(&"pintle/urgent".to_owned()), "{labels:?}");
    let reply = world.reply(comment);
    let link = format!(
        "[pull request {pull}](<{}/pulls/{pull}>)",
        world.line.repo.url()
    );
    assert!(
        reply.starts_with("**`/hold`**: proposed in ") && reply.contains(&link),
        "{reply}"
    );
    let (by, url) = world.who_asked(world.issue, comment);
    let commit = world.line.repo.commits(&branch).remove(0);
    assert!(
        commit.message.ends_with(&format!(
            "Pintle-Cause: command\n{by}{url}Pintle-Because: @ ana and # 1 say so\n"
        )),
        "{}",
        commit.message
    );
    assert_eq!(commit.author, "pintle <pintle@localhost>");
    world.is_at_rest();

    // What else is asked for goes beside it.
    let other = world.line.repo.comment(pull, "/status", &world.line.ana);
    world.line.sync();
    assert!(
        world
            .reply_on(pull, other)
            .contains(&format!("pull request #{pull}"))
    );
    world.line.repo.merge(pull, "squash");
    world.line.sync();
    let held = " # pintle: hold by=ana because=\"@ana and #1 say so\"";
    assert_eq!(
        world.line.text("web", "main"),
        pinned.replace("\"\n        }", &format!("\"{held}\n        }}"))
    );
    assert_eq!(world.line.repo.branches(), ["main"]);
    world.is_at_rest();
    assert_eq!(world.verdict("web"), "held");
}

#[test]
fn what_a_person_closes_is_not_opened_again_and_another_comment_asks_anew() {
    let world = World::with(&[("web", NGINX)], ADOPTS);
    world
        .line
        .repo
        .protect("main", &json!({"enable_push": false}));
    world.says(&world.line.ana, "/hold web");
    world.line.sync();
    let pull = number(&world.line.repo.pulls("open")[0]);
    world.line.repo.close(pull);
    world.line.sync();
    world.is_at_rest();
    assert_eq!(world.line.repo.pulls("open").len(), 0);
    let again = world.says(&world.line.ana, "/hold web");
    world.line.sync();
    let open = world.line.repo.pulls("open");
    assert_eq!(open.len(), 1);
    assert!(
        world
            .reply(again)
            .contains(&format!("pulls/{}>", number(&open[0])))
    );
}

#[test]
fn the_newer_of_two_comments_at_one_place_takes_the_place_of_the_older() {
    let world = World::with(&[("web", NGINX)], ADOPTS);
    world
        .line
        .repo
        .protect("main", &json!({"enable_push": false}));
    let comments = ["/hold web because of one", "/hold web because of two"]
        .map(|text| world.says(&world.line.ana, text));
    world.line.sync();
    let all = world.line.repo.pulls("all");
    let replies = comments.map(|comment| world.reply(comment));
    assert_eq!(all.len(), 2, "{replies:?}");
    for (reply, pull) in replies.iter().zip(&all) {
        assert!(
            reply.contains(&format!("pulls/{}>", number(pull))),
            "{reply}"
        );
    }
    let open = world.line.repo.pulls("open");
    assert_eq!((open.len(), number(&open[0])), (1, number(&all[1])));
    let older = text(&all[0]["body"]);
    assert!(older.contains("asked for something else"), "{older}");
    world.is_at_rest();
}
