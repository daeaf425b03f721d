//! What is no command and is passed over, and what was meant as one and cannot be read: nothing of
//! it is done, and it is told once.

use super::{COMMITS, NGINX, World};

#[test]
fn talk_about_commands_is_passed_over() {
    let world = World::with(&[("web", NGINX)], COMMITS);
    let talk = [
        "I would /hold web",
        "> /hold web\nwhat about it?",
        "```\n/hold web\n```",
        "    /hold web",
        "`/hold web`",
        "<!-- \n/hold web\n-->",
        "- /hold web",
        "| a |\n| --- |\n| /hold web |",
        "<details>\n\n/hold web\n\n</details>",
        "/holding web",
        "/Hold web",
        "Thanks!",
        "\\/hold web",
        "# /hold web",
        "[x](/hold)",
    ];
    let comments: Vec<u64> = talk
        .iter()
        .map(|text| world.says(&world.line.ana, text))
        .collect();
    let before = world.tip();
    world.line.sync();
    assert_eq!(
        (world.tip(), world.line.repo.comments(world.issue).len()),
        (before, talk.len())
    );
    for (comment, text) in comments.into_iter().zip(talk) {
        assert_eq!(world.line.repo.reactions(comment), [], "{text}");
    }
}

#[test]
fn one_word_that_cannot_be_read_stops_the_whole_comment() {
    let world = World::new();
    let cases = [
        (
            "Hello\n\n/hold web\n/pin db becuase it leaks",
            "line 4, **`/pin`**: `becuase` is not a word of it: did you mean `because`?",
        ),
        (
            "/hold web for 7d now",
            "line 1, **`/hold`**: `now` is not a word of it",
        ),
        (
            "/hold web for 7d for 8d",
            "line 1, **`/hold`**: it gives the duration twice",
        ),
        (
            "/pin web to 1.29 to 1.30",
            "line 1, **`/pin`**: it has `to` twice",
        ),
        (
            "/hold web until tomorrow",
            "line 1, **`/hold`**: `tomorrow` is not a date such as `2026-12-01`",
        ),
        (
            "/unpin web db",
            "line 1, **`/unpin`**: it takes one target, but there is also `db`",
        ),
        (
            "/rollback web to 0",
            "line 1, **`/rollback`**: `0` is not a number of pins",
        ),
        (
            "/pin web to sha256:abc",
            "line 1, **`/pin`**: `sha256:abc` is not a digest",
        ),
        (
            "/hold web\r\n/plan now\r\n",
            "line 2, **`/plan`**: it takes nothing after it",
        ),
    ];
    let comments: Vec<u64> = cases
        .iter()
        .map(|(text, _)| world.says(&world.line.ana, text))
        .collect();
    let before = world.tip();
    world.line.sync();
    assert_eq!(world.tip(), before, "nothing is done");
    let wrong: Vec<String> = comments
        .into_iter()
        .zip(cases)
        .map(|(comment, (_, says))| (world.reply(comment), says))
        .filter(|(reply, says)| {
            !reply.starts_with("Nothing of this comment was done, because") || !reply.contains(says)
        })
        .map(|(reply, says)| format!("{says}\n  {reply}"))
        .collect();
    assert_eq!(wrong, [] as [String; 0]);
    world.is_at_rest();
}

#[test]
fn several_commands_are_done_all_or_none() {
    let world = World::new();
    let reply = world.refuses("/hold web\n/hold nowhere\n/status");
    assert!(
        reply.contains("**`/hold`**: nothing was done, because `/hold` could not be done."),
        "{reply}"
    );
    assert!(
        reply.contains("no image here is called `nowhere`")
            && reply.contains("**`/status`**: all sites"),
        "{reply}"
    );
    let twice = world.refuses("/hold web\n/unpin web");
    assert!(
        twice.contains("the comment asks for two things at"),
        "{twice}"
    );
    let (commit, reply) = world.does("/hold web because of this\n/pin db for 1d\n/status db");
    assert_eq!(commit.message.matches("Pintle-Action: ").count(), 2);
    assert!(
        commit.message.starts_with("several stacks: change "),
        "{}",
        commit.message
    );
    assert_eq!(reply.matches("\n---\n").count(), 2, "{reply}");
    let files: Vec<String> = ["web", "db"]
        .iter()
        .map(|stack| world.line.text(stack, "main"))
        .collect();
    assert!(
        files.iter().all(|text| text.contains("# pintle: hold")),
        "{files:?}"
    );
    world.is_at_rest();
}

#[test]
fn what_was_edited_or_is_too_old_is_told_once() {
    let world = World::with(&[("web", NGINX)], COMMITS);
    let edited = world.says(&world.line.ana, "Just talk");
    // The forge keeps times to the second.
    let start = world.written(world.issue, edited);
    while jiff::Timestamp::now().as_second() < start.as_second() + 3 {
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    world
        .line
        .repo
        .edit_comment(edited, "/hold web", &world.line.ana);
    let before = world.tip();
    world.line.sync();
    assert_eq!(world.tip(), before);
    assert!(
        world
            .reply(edited)
            .starts_with("Nothing was done: this comment was edited")
    );
    world.is_at_rest();

    let config = format!(
        "{}{COMMITS}\n[forge]\ncommand_age = \"0s\"\n",
        world.line.registries.config()
    );
    world
        .line
        .repo
        .push_files("Be strict", &[("pintle.toml", config.as_bytes())]);
    let late = world.says(&world.line.ana, "/hold web");
    let start = world.written(world.issue, late);
    while jiff::Timestamp::now().as_second() < start.as_second() + 1 {
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    let asked = world.says(&world.line.ana, "/status");
    let before = world.tip();
    world.line.sync();
    assert_eq!(world.tip(), before);
    assert!(
        world.reply(late).contains("it was too old to act on"),
        "{}",
        world.reply(late)
    );
    assert!(
        world.reply(asked).contains("1 in-sync"),
        "questions are answered at any age"
    );
    world.is_at_rest();
}

#[test]
fn only_pintle_s_own_account_answers() {
    let world = World::with(&[("web", NGINX)], COMMITS);
    let own = world.says(&world.line.bot, "/hold web");
    let robot = world.line.gitea.user("robot");
    let comment = world.says(&world.line.ana, "/hold web");
    let fake =
        world.says(&robot, &format!("<!-- pintle:answer {comment} -->\n**`/hold`**: done in [`c0ffee1234`](https://www.example.com/)."));
    world.line.sync();
    assert!(
        world.reply(comment).starts_with("**`/hold`**: done in ["),
        "another's mark is none"
    );
    assert_eq!(world.line.repo.reactions(own), []);
    assert_eq!(world.line.repo.reactions(fake), []);
    assert_eq!(world.line.repo.comments(world.issue).len(), 4);
    world.is_at_rest();
}
