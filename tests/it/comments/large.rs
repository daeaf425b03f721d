//! Comments that are larger together than an answer may be, by people who may only read; and a repo
//! in which pull requests are switched off. Neither makes the forge unknown.

use super::{ADOPTS, COMMITS, NGINX, POSTGRES, World, trailer};
use serde_json::{Value, json};

/// As large as a plan bot's output gets.
const BOT: usize = 172 << 10;

#[test]
fn large_comments_stop_no_command() {
    let world = World::with(&[("web", NGINX), ("db", POSTGRES)], COMMITS);
    let reader = world.line.gitea.user("rita");
    // More than 8 MiB on the first page of 50, and then again with one command in between.
    for _ in 0..9 {
        world.says(&reader, &"x".repeat(1 << 20));
    }
    let (commit, _) = world.does("/hold web for 1h");
    assert_eq!(trailer(&commit, "Action"), "hold");
    let fenced = format!("```\n{}\n```", "+ resource\n".repeat(BOT / 11));
    for _ in 0..42 {
        world.says(&reader, &fenced);
    }
    let (commit, _) = world.does("/hold db for 1h");
    assert_eq!(trailer(&commit, "Action"), "hold");
    let output = world.line.sync();
    assert!(
        !output.stderr.contains("could not be asked"),
        "{}",
        output.stderr
    );
    world.is_at_rest();
}

#[test]
fn a_repo_without_pull_requests_still_takes_commands() {
    let world = World::with(&[("web", NGINX)], ADOPTS);
    let switch = |on: bool| {
        let repo = world.line.repo.path("");
        let repo = repo.trim_end_matches('/');
        let owner = &world.line.repo.owner;
        owner.must("PATCH", repo, &json!({ "has_pull_requests": on }));
    };
    switch(false);
    let moved = world.line.moves(NGINX, "second");
    let before = world.tip();
    let output = world.line.pintle("sync", &[]).run();
    assert_eq!(world.tip(), before);
    assert!(
        output
            .stderr
            .contains("pull requests are switched off in the repo's settings"),
        "{}",
        output.stderr
    );
    // The forge does not take what has to be proposed: a command that ends says so.
    assert_eq!(output.code, Some(3), "{}", output.stderr);
    let plan = world.line.pintle("plan", &["--output", "json"]).run();
    assert_eq!(plan.code, Some(3), "{}", plan.stderr);
    let plan: Value = serde_json::from_str(&plan.stdout).expect("JSON");
    let site = &plan["sites"][0];
    assert_eq!(site["verdict"], "blocked", "{site}");
    assert_eq!(site["reasons"][0]["code"], "pull-requests-off", "{site}");
    for (command, action) in [("/hold web", "hold"), ("/resume web", "resume")] {
        let before = world.tip();
        world.says(&world.line.ana, command);
        world.line.pintle("sync", &[]).run();
        let new = world.since(&before);
        assert_eq!(new.len(), 1, "{command}: {new:?}");
        assert_eq!(trailer(&new[0], "Action"), action);
    }
    switch(true);
    world.line.sync();
    assert!(world.line.text("web", "pintle/web").contains(&moved));
}
