//! Several comments that one pass finds: carried out one after another, each with its own commit
//! and reply.

use super::{COMMITS, NGINX, POSTGRES, World, file, trailer};

#[test]
fn comments_are_carried_out_in_their_order() {
    let world = World::new();
    let web = world.line.text("web", "main");
    let texts = [
        "/hold web because of one",
        "/hold db",
        "/hold web because of two",
        "/unpin web",
        "/pin db for 1d",
        "/status",
    ];
    let comments: Vec<u64> = texts
        .iter()
        .map(|text| world.says(&world.line.ana, text))
        .collect();
    let before = world.tip();
    world.line.sync();
    let new = world.since(&before);
    assert_eq!(new.len(), 5, "one commit each: {new:?}");
    let urls: Vec<String> = comments[..5]
        .iter()
        .map(|comment| world.who_asked(world.issue, *comment).1)
        .collect();
    let mut places: Vec<usize> = Vec::new();
    for (comment, url) in comments.iter().zip(&urls) {
        let own: Vec<usize> = (0..new.len())
            .filter(|at| new[*at].message.contains(url))
            .collect();
        assert_eq!(own.len(), 1, "{url}");
        assert!(
            world.reply(*comment).contains(&new[own[0]].sha),
            "it links its own commit"
        );
        places.extend(own);
    }
    assert!(
        places[0] < places[2] && places[2] < places[3],
        "those of one file are in order: {places:?}"
    );
    assert!(places[1] < places[4], "{places:?}");
    assert_eq!(
        world.line.text("web", "main"),
        web,
        "held, held anew, let go"
    );
    assert!(
        world
            .line
            .text("db", "main")
            .contains("# pintle: hold until=")
    );
    assert!(
        world
            .reply(comments[5])
            .contains("**`/status`**: all sites")
    );
    world.is_at_rest();
}

#[test]
fn two_sites_of_one_file_do_not_lose_each_other_s_hold() {
    let world = World::bare(&[("db", POSTGRES)], COMMITS);
    let text = crate::support::line::stack("web", &[NGINX, "docker.io/library/redis:7"]);
    world.line.moves(NGINX, "first");
    world.line.moves("docker.io/library/redis:7", "first");
    world
        .line
        .repo
        .push_files("Two containers", &[("stacks/web/main.tf", text.as_bytes())]);
    world.line.sync();
    let comments = ["/hold web/web:web", "/hold web/web:web-1 because of x"]
        .map(|text| world.says(&world.line.ana, text));
    let before = world.tip();
    world.line.sync();
    let new = world.since(&before);
    assert_eq!(new.len(), 2);
    for (comment, commit) in comments.into_iter().zip(&new) {
        assert!(world.reply(comment).contains(&commit.sha));
    }
    let now = world.line.text("web", "main");
    assert!(
        now.contains("\" # pintle: hold by=ana\n")
            && now.contains("\" # pintle: hold by=ana because=\"of x\"\n"),
        "{now}"
    );
    let (commit, _) = world.does("/unpin web");
    assert_eq!(commit.message.matches("Pintle-Action: unpin").count(), 2);
    assert!(!world.line.text("web", "main").contains("pintle"));
    world.is_at_rest();
}

#[test]
fn a_move_of_the_same_file_goes_on_after_the_command() {
    let world = World::new();
    let second = world.line.moves(NGINX, "second");
    let comment = world.says(&world.line.ana, "/hold db\n");
    let before = world.tip();
    world.line.sync();
    let new = world.since(&before);
    assert_eq!(new.len(), 2, "{new:?}");
    assert!(world.reply(comment).starts_with("**`/hold`**: done in ["));
    assert_eq!(
        world.line.text("web", "main"),
        file("web", &format!("{NGINX}@{second}"), "")
    );
    let third = world.line.moves(NGINX, "third");
    let (commit, _) = world.does("/hold web");
    assert_eq!(
        (trailer(&commit, "To"), trailer(&commit, "Action")),
        (second.as_str(), "hold")
    );
    assert!(
        !world.line.text("web", "main").contains(&third),
        "the hold comes before the move"
    );
    world.is_at_rest();
}
