//! What a command is about: every name that finds a site, and what is said where it finds none, too
//! many, or one that may not be changed.

use super::{COMMITS, NGINX, POSTGRES, WEB, World, trailer};
use crate::support::forge_repo::number;
use crate::support::line::stack;

const REDIS: &str = "docker.io/library/redis:7";
const DB: &str = "stacks/db/main.tf#kubernetes_deployment.db/container[db].image";

/// Stacks `web` (nginx and redis), `db`, `secret` (denied), `kept` (do not bump), `never` (its
/// policy), `odd` (one tag for two images).
fn world(mode: &str) -> World {
    let config = format!("\n[deny]\nstacks = [\"secret\"]\n{mode}");
    let world = World::bare(&[("db", POSTGRES)], &config);
    let (kept, never) = ("quay.io/team/kept:1", "ghcr.io/team/never:latest");
    let beside = |name: &str, image: &str, comment: &str| {
        stack(name, &[image]).replace(&format!("\"{image}\""), &format!("\"{image}\" {comment}"))
    };
    let odd = stack(
        "odd",
        &["ghcr.io/team/a:${local.tag}", "ghcr.io/team/b:${local.tag}"],
    );
    for image in [
        NGINX,
        REDIS,
        kept,
        never,
        "ghcr.io/team/a:v1",
        "ghcr.io/team/a:v2",
        "ghcr.io/team/b:v1",
        "quay.io/team/vault:2",
    ] {
        world.line.moves(image, "first");
    }
    let files = [
        ("stacks/web/main.tf", stack("web", &[NGINX, REDIS])),
        (
            "stacks/secret/main.tf",
            stack("secret", &["quay.io/team/vault:2"]),
        ),
        (
            "stacks/kept/main.tf",
            beside("kept", kept, "# do not bump: the newer one is slow"),
        ),
        (
            "stacks/never/main.tf",
            beside("never", never, "# pintle: never"),
        ),
        (
            "stacks/odd/main.tf",
            format!("locals {{\n  tag = \"v1\"\n}}\n\n{odd}"),
        ),
    ];
    let files: Vec<(&str, &[u8])> = files
        .iter()
        .map(|(path, text)| (*path, text.as_bytes()))
        .collect();
    world.line.repo.push_files("More stacks", &files);
    world.line.sync();
    world
}

#[test]
fn every_name_of_a_site_finds_it() {
    let world = world(COMMITS);
    let names = [
        DB,
        "stacks/db/main.tf",
        "db",
        "db/db",
        "db/db:db",
        "deployment/db/db",
        "deployment/db/db:db",
        "postgres",
        "postgres:16",
        "library/postgres",
        "docker.io/library/postgres",
        "docker.io/library/postgres:16",
        "docker.io/postgres",
    ];
    let text = names.map(|name| format!("/explain {name}")).join("\n");
    let reply = world.refuses(&text);
    let sections: Vec<&str> = reply.split("\n---\n").collect();
    assert_eq!(sections.len(), names.len());
    for (section, name) in sections.iter().zip(names) {
        assert!(
            section.contains(DB) && !section.contains("nginx"),
            "{name}: {section}"
        );
    }
    let (commit, _) = world.does("/hold deployment/db/db:db");
    assert_eq!(trailer(&commit, "Site"), DB);
    let (commit, _) = world.does("/hold web");
    assert_eq!(
        commit.message.matches("Pintle-Action: hold").count(),
        2,
        "all of the stack"
    );
    let (commit, _) = world.does("/resume redis");
    assert_eq!(
        trailer(&commit, "Site"),
        "stacks/web/main.tf#kubernetes_deployment.web/container[web-1].image"
    );
    let (commit, _) = world.does("/unpin nginx");
    assert_eq!(trailer(&commit, "Site"), WEB);
}

/// The names that pintle's own replies show for folders with spaces and parentheses, and for a
/// workload whose name the text does not tell.
#[test]
fn every_name_that_pintle_shows_can_be_typed_back() {
    let world = World::bare(&[("db", POSTGRES)], COMMITS);
    let (spaced, paren, unnamed) = (
        "quay.io/team/spaced:1",
        "quay.io/team/paren:1",
        "quay.io/team/unnamed:1",
    );
    for image in [spaced, paren, unnamed] {
        world.line.moves(image, "first");
    }
    let nameless = stack("gen", &[unnamed]).replace("    name = ", "    generate_name = ");
    let files = [
        ("stacks/my app/main.tf", stack("spaced", &[spaced])),
        ("stacks/par(en)/main.tf", stack("paren", &[paren])),
        ("stacks/gen/main.tf", nameless),
    ];
    let files: Vec<(&str, &[u8])> = files
        .iter()
        .map(|(path, text)| (*path, text.as_bytes()))
        .collect();
    world.line.repo.push_files("More stacks", &files);
    world.line.sync();
    let site_of = |stack: &str, name: &str| {
        format!("stacks/{stack}/main.tf#kubernetes_deployment.{name}/container[{name}].image")
    };
    let (spaced, paren, unnamed) = (
        site_of("my app", "spaced"),
        site_of("par(en)", "paren"),
        site_of("gen", "gen"),
    );
    let holds = [
        ("my app".to_owned(), &spaced),
        ("\"my app\"".to_owned(), &spaced),
        ("`my app`".to_owned(), &spaced),
        ("stacks/my app/main.tf".to_owned(), &spaced),
        (spaced.clone(), &spaced),
        ("par(en)".to_owned(), &paren),
        (
            "stacks/par(en)/main.tf#deployment/paren/paren:paren".to_owned(),
            &paren,
        ),
        (format!("`{paren}`"), &paren),
        (
            "stacks/gen/main.tf#deployment/gen/?:gen".to_owned(),
            &unnamed,
        ),
        ("deployment/gen/?:gen".to_owned(), &unnamed),
        (unnamed.clone(), &unnamed),
    ];
    for (target, site) in holds {
        let (commit, reply) = world.does(&format!("/hold {target} for 7d because of it"));
        assert_eq!(trailer(&commit, "Site"), site, "{target}");
        // The reply shows the way back, and it works as it is shown.
        let (_, undo) = reply
            .split_once("To remove the hold: `")
            .unwrap_or_else(|| panic!("{reply}"));
        let undo = undo
            .split_once('\n')
            .expect("a line")
            .0
            .trim_matches(['`', ' ']);
        let undo = undo.trim_end_matches('`');
        let (commit, _) = world.does(undo);
        assert_eq!(
            (trailer(&commit, "Action"), trailer(&commit, "Site")),
            ("resume", site.as_str()),
            "{undo}"
        );
    }
    // No name, but a glob over all stacks.
    for text in ["/hold \"*\"", "/hold `stacks/*`", "/hold stacks/g?n"] {
        let reply = world.refuses(text);
        assert!(reply.contains("no image here is called"), "{text}: {reply}");
    }
}

#[test]
fn what_finds_nothing_or_too_much_is_told_with_what_would() {
    let world = world(COMMITS);
    let none = world.refuses("/hold");
    assert!(
        none.contains("it names no target") && none.contains("`/hold namespace/name`"),
        "{none}"
    );
    let near = world.refuses("/hold web/wbe");
    assert!(
        near.contains("no image here is called `web/wbe`. Names like it:\n\n- `web/web`"),
        "{near}"
    );
    let far = world.refuses("/hold zzzzzzzzzzzz");
    assert!(far.contains("`/status` lists them all"), "{far}");
    let several = world.refuses("/pin web to 1.29 for 7d because of \"this\"");
    let ready = "```\n/pin web/web:web to 1.29 for 7d because of \"this\"\n/pin web/web:web-1 to 1.29 for 7d because of \"this\"\n```";
    assert!(
        several.contains("`web` can mean several images") && several.contains(ready),
        "{several}"
    );
    let several = world.refuses(&format!("/rollback web to sha256:{}", "ab".repeat(32)));
    assert!(
        several.contains(&format!(
            "/rollback web/web:web to sha256:{}\n",
            "ab".repeat(32)
        )),
        "{several}"
    );
}

#[test]
fn what_may_not_be_changed_says_why() {
    let world = world(COMMITS);
    let cases = [
        ("/hold secret", "is denied"),
        ("/pin quay.io/team/vault to 3", "is denied"),
        ("/rollback kept", "do not bump"),
        ("/pin odd to v2", "`odd` can mean several images"),
        (
            "/pin odd/odd:odd to v2",
            "its tag is written at one place with that of",
        ),
        ("/hold stacks/odd/main.tf:2", "cannot carry a pin"),
    ];
    let comments: Vec<u64> = cases
        .iter()
        .map(|(text, _)| world.says(&world.line.ana, text))
        .collect();
    let before = world.tip();
    world.line.sync();
    assert_eq!(world.tip(), before);
    let replies: Vec<(String, &str)> = comments
        .into_iter()
        .zip(cases)
        .map(|(comment, (_, says))| (world.reply(comment), says))
        .collect();
    let wrong: Vec<_> = replies
        .iter()
        .filter(|(reply, says)| !reply.contains("nothing was done") || !reply.contains(says))
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    // A policy is for what pintle does by itself.
    let (commit, _) = world.does("/pin never because I say so");
    assert_eq!(
        (trailer(&commit, "Action"), trailer(&commit, "From")),
        ("pin", "none")
    );
    assert!(
        world
            .line
            .text("never", "main")
            .contains("# pintle: never, hold by=ana because=\"I say so\""),
        "{}",
        world.line.text("never", "main")
    );
    world.does("/unpin never");
    assert!(
        world
            .line
            .text("never", "main")
            .contains("\" # pintle: never\n")
    );
    world.is_at_rest();
}

#[test]
fn without_a_target_a_pull_request_of_two_images_asks_which() {
    let world = world(super::ADOPTS);
    let (nginx, redis) = (
        world.line.moves(NGINX, "second"),
        world.line.moves(REDIS, "second"),
    );
    world.line.sync();
    let pull = number(&world.line.repo.pulls("open")[0]);
    assert!(
        world.line.text("web", "pintle/web").contains(&nginx)
            && world.line.text("web", "pintle/web").contains(&redis)
    );
    let comment = world
        .line
        .repo
        .comment(pull, &format!("/pin to {nginx}"), &world.line.ana);
    world.line.sync();
    let reply = world.reply_on(pull, comment);
    assert!(
        reply.contains("does not name an image, and there are several")
            && reply.contains(&format!("\n/pin web/web:web to {nginx}\n")),
        "{reply}"
    );
    let (commit, _) = world.does_on(pull, "/hold because both wait");
    assert_eq!(commit.message.matches("Pintle-Action: hold").count(), 2);
    let other = world
        .line
        .repo
        .open(&world.line.ana, &branch(&world), "Another", "");
    let comment = world.line.repo.comment(other, "/resume", &world.line.ana);
    world.line.sync();
    assert!(
        world
            .reply_on(other, comment)
            .contains("it names no target")
    );
}

/// A branch of ana's with something on it.
fn branch(world: &World) -> String {
    world
        .line
        .repo
        .push(&world.line.ana, "mine", "Mine", &[("notes.md", b"x")])
        .expect("a writer may");
    "mine".to_owned()
}
