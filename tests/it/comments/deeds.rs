//! Commands of somebody who may write: the bytes, the trailers, the reply, and what the passes
//! after it do.

use super::{ADOPTS, NGINX, POSTGRES, WEB, World, file, hours_after, trailer, trailers};
use crate::support::forge_repo::number;

#[test]
fn a_pin_to_a_digest_holds_it_there_until_it_is_let_go() {
    let world = World::new();
    let first = trailer_to(&world);
    let second = world.line.moves(NGINX, "second");
    let before = world.tip();
    let comment = world.says(
        &world.line.ana,
        &format!(
            "It leaks.\n\n/pin web/web to {first} for 7d because the new one leaks \"memory\"\n"
        ),
    );
    world.line.sync();
    let end = hours_after(world.written(world.issue, comment), 7 * 24);
    let held = format!(" # pintle: hold until={end} by=ana because='the new one leaks \"memory\"'");
    assert_eq!(
        world.line.text("web", "main"),
        file("web", &format!("{NGINX}@{first}"), &held)
    );
    let new = world.since(&before);
    assert_eq!(new.len(), 1, "{new:?}");
    let (by, url) = world.who_asked(world.issue, comment);
    let asked = url.trim_start_matches("Pintle-Comment: ");
    assert_eq!(
        new[0].message,
        format!(
            "web: pin web to {}\n\nAsked for by ana:\n{asked}\nBecause: the new one leaks \"memory\"\n\nPintle-Action: pin\nPintle-Site: {WEB}\nPintle-Use: deployment/web/web:web\nPintle-Image: {NGINX}\n\
             Pintle-From: {first}\nPintle-To: {first}\nPintle-Cause: command\n{by}{url}Pintle-Because: the new one leaks \"memory\"\n",
            short(&first)
        )
    );
    let reply = world.reply(comment);
    assert!(
        reply.starts_with("**`/pin`**: done in [")
            && reply.contains("held until")
            && reply.contains(&format!("`/unpin {WEB}`")),
        "{reply}"
    );
    world.is_at_rest();
    assert_eq!(world.verdict("web"), "held");

    let (commit, reply) = world.does("/unpin web/web");
    assert_eq!(
        (trailer(&commit, "Action"), trailer(&commit, "To")),
        ("unpin", first.as_str())
    );
    assert!(reply.starts_with("**`/unpin`**: done in ["), "{reply}");
    world.line.sync();
    assert_eq!(
        world.line.text("web", "main"),
        file("web", &format!("{NGINX}@{second}"), ""),
        "the tag is followed again"
    );
    world.is_at_rest();
}

#[test]
fn a_pin_goes_to_a_digest_or_a_tag_or_stays() {
    let world = World::new();
    let first = trailer_to(&world);
    let (commit, _) = world.does("/pin db");
    let held = " # pintle: hold by=ana";
    let db = trailer(&commit, "To");
    assert_eq!(
        (trailer(&commit, "From"), trailer(&commit, "Action")),
        (db, "pin")
    );
    assert_eq!(
        world.line.text("db", "main"),
        file("db", &format!("{POSTGRES}@{db}"), held)
    );

    let second = world.line.moves("docker.io/library/nginx:other", "second");
    let (commit, reply) = world.does(&format!("/pin nginx to {second}"));
    let now = format!("{NGINX}@{second}");
    assert_eq!(
        (trailer(&commit, "From"), trailer(&commit, "To")),
        (first.as_str(), second.as_str())
    );
    assert_eq!(world.line.text("web", "main"), file("web", &now, held));
    assert!(
        reply.contains(&format!(
            "is now `{now}`, held until somebody removes the hold"
        )),
        "{reply}"
    );

    let third = world.line.moves("docker.io/library/nginx:1.29.3", "third");
    let (commit, _) = world.does("/pin web to 1.29.3 until 2099-01-01T10:30:00Z");
    assert_eq!(
        (trailer(&commit, "Image"), trailer(&commit, "To")),
        ("docker.io/library/nginx:1.29.3", third.as_str())
    );
    let held = " # pintle: hold until=2099-01-01T10:30:00Z by=ana";
    assert_eq!(
        world.line.text("web", "main"),
        file(
            "web",
            &format!("docker.io/library/nginx:1.29.3@{third}"),
            held
        )
    );

    let same = world.refuses("/pin web to 1.29.3 until 2099-01-01T10:30:00Z");
    assert!(same.contains("there was nothing to do"), "{same}");
    let gone = world.refuses("/pin web to 9.9.9");
    assert!(
        gone.contains("`docker.io/library/nginx:9.9.9` does not exist in the registry"),
        "{gone}"
    );
    let unknown = world.refuses(&format!("/pin web to sha256:{}", "ab".repeat(32)));
    assert!(unknown.contains("could not be fetched"), "{unknown}");
    let over = world.refuses("/pin web until 2020-01-01");
    assert!(over.contains("ended already"), "{over}");
    world.is_at_rest();
}

#[test]
fn a_rollback_goes_back_and_its_digest_never_comes_again() {
    let world = World::new();
    let first = trailer_to(&world);
    let second = world.line.moves(NGINX, "second");
    world.line.sync();
    let third = world.line.moves(NGINX, "third");
    world.line.sync();
    assert_eq!(
        world.line.text("web", "main"),
        file("web", &format!("{NGINX}@{third}"), "")
    );

    let (commit, reply) = world.does("/rollback web because logins fail");
    assert_eq!(
        (trailer(&commit, "From"), trailer(&commit, "To")),
        (third.as_str(), second.as_str())
    );
    assert_eq!(
        (trailer(&commit, "Action"), trailer(&commit, "Cause")),
        ("rollback", "command")
    );
    let held = " # pintle: hold by=ana because=\"logins fail\"";
    assert_eq!(
        world.line.text("web", "main"),
        file("web", &format!("{NGINX}@{second}"), held)
    );
    assert!(
        reply.contains(&format!(
            "is now `{NGINX}@{second}`, held until somebody removes the hold"
        )),
        "{reply}"
    );
    world.is_at_rest();

    let (commit, _) = world.does("/rollback web");
    assert_eq!(trailer(&commit, "To"), first);
    let held = format!(
        " # pintle: hold by=ana because=\"rolled back from sha256:{}\"",
        &second["sha256:".len()..][..12]
    );
    assert_eq!(
        world.line.text("web", "main"),
        file("web", &format!("{NGINX}@{first}"), &held)
    );
    let over = world.refuses("/rollback web to 2");
    assert!(over.contains("earlier pin"), "{over}");

    let (commit, _) = world.does("/unpin web");
    assert_eq!(trailers(&commit).len(), 9);
    assert_eq!(
        world.line.text("web", "main"),
        file("web", &format!("{NGINX}@{first}"), "")
    );
    world.is_at_rest();
    assert_eq!(
        world.verdict("web"),
        "blocked",
        "the tag still means what was rolled back"
    );
    let fourth = world.line.moves(NGINX, "fourth");
    world.line.sync();
    assert_eq!(
        world.line.text("web", "main"),
        file("web", &format!("{NGINX}@{fourth}"), ""),
        "another one is followed"
    );

    let (commit, _) = world.does(&format!("/rollback web to {second}"));
    assert_eq!(
        (trailer(&commit, "From"), trailer(&commit, "To")),
        (fourth.as_str(), second.as_str())
    );
}

#[test]
fn two_pins_back_are_the_one_before_the_last() {
    let world = World::new();
    let first = trailer_to(&world);
    for seed in ["second", "third"] {
        world.line.moves(NGINX, seed);
        world.line.sync();
    }
    let (commit, _) = world.does("/rollback web/web to 2 because of a test");
    assert_eq!(trailer(&commit, "To"), first);
    let nothing = world.refuses(&format!("/rollback web to {first}"));
    assert!(nothing.contains("there was nothing to do"), "{nothing}");
    let (commit, _) = world.does("/resume web");
    assert_eq!(trailer(&commit, "Action"), "resume");
    let nothing = world.refuses("/resume web");
    assert!(nothing.contains("nothing holds"), "{nothing}");
}

#[test]
fn a_hold_freezes_and_resume_lets_go() {
    let world = World::new();
    let first = trailer_to(&world);
    let (commit, reply) = world.does("/hold web until 2099-12-01 because of the #1 holidays");
    assert_eq!(
        (
            trailer(&commit, "From"),
            trailer(&commit, "To"),
            trailer(&commit, "Action")
        ),
        (first.as_str(), first.as_str(), "hold")
    );
    let held = " # pintle: hold until=2099-12-01 by=ana because=\"of the #1 holidays\"";
    assert_eq!(
        world.line.text("web", "main"),
        file("web", &format!("{NGINX}@{first}"), held)
    );
    assert!(
        reply.contains("held until 2099-12-01 00:00 UTC")
            && reply.contains(&format!("`/resume {WEB}`")),
        "{reply}"
    );
    let second = world.line.moves(NGINX, "second");
    world.line.sync();
    assert_eq!(
        (world.verdict("web").as_str(), world.tip()),
        ("held", commit.sha)
    );
    world.does("/resume web");
    world.line.sync();
    assert_eq!(
        world.line.text("web", "main"),
        file("web", &format!("{NGINX}@{second}"), "")
    );
}

#[test]
fn in_a_pull_request_of_pintle_s_a_command_is_for_its_images() {
    let world = World::with(&[("web", NGINX), ("db", POSTGRES)], ADOPTS);
    let first = trailer_to(&world);
    let second = world.line.moves(NGINX, "second");
    world.line.sync();
    let pull = number(&world.line.repo.pulls("open")[0]);
    let (commit, reply) = world.does_on(pull, "Not now.\n/hold for 2d");
    assert_eq!(
        (trailer(&commit, "Site"), trailer(&commit, "To")),
        (WEB, first.as_str())
    );
    assert!(reply.starts_with("**`/hold`**: done in ["), "{reply}");
    world.line.sync();
    assert_eq!(
        world.line.repo.pulls("open").len(),
        0,
        "nothing is left to propose"
    );
    assert_eq!(world.line.repo.branches(), ["main"]);

    world.does(&format!("/resume {WEB}"));
    world.line.sync();
    let pulls = world.line.repo.pulls("open");
    let pull = number(&pulls[0]);
    let (commit, _) = world.does_on(pull, &format!("/pin to {second} because I want it now"));
    assert_eq!(
        (trailer(&commit, "From"), trailer(&commit, "To")),
        (first.as_str(), second.as_str())
    );
    world.line.sync();
    assert_eq!(world.line.repo.pulls("open").len(), 0);
    world.is_at_rest();
}

#[test]
fn a_pin_of_what_has_none_takes_what_the_tag_means() {
    let world = World::bare(
        &[("web", NGINX)],
        "\n[[rule]]\nmatch = { stack = \"*\" }\nmode = \"off\"\n",
    );
    world.line.sync();
    let (commit, _) = world.does("/pin");
    assert_eq!(
        (trailer(&commit, "From"), trailer(&commit, "Action")),
        ("none", "pin")
    );
    let now = format!("{NGINX}@{}", trailer(&commit, "To"));
    assert_eq!(
        world.line.text("web", "main"),
        file("web", &now, " # pintle: hold by=ana")
    );
}

/// What the stack `web` is pinned to.
fn trailer_to(world: &World) -> String {
    let text = world.line.text("web", "main");
    let (_, digest) = text.split_once(&format!("{NGINX}@")).expect("it is pinned");
    digest.split_once('"').expect("the image ends").0.to_owned()
}

/// `c0ff…ee`, as subjects have it.
fn short(digest: &str) -> String {
    let hex = digest.trim_start_matches("sha256:");
    format!("{}…{}", &hex[..4], &hex[hex.len() - 2..])
}
