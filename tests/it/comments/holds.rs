//! Holds as files have them: beside the image, above it, or in `pintle.toml`; taken out to the
//! byte, and by themselves when their time is over.

use super::{COMMITS, NGINX, World, file, trailer};

const APP: &str = "ghcr.io/team/app:latest";

/// A manifest in a heredoc, where a comment would be a part of the value.
fn manifest(image: &str) -> String {
    format!(
        "resource \"kubectl_manifest\" \"app\" {{\n  yaml_body = <<-EOT\n    apiVersion: apps/v1\n    kind: Deployment\n    metadata:\n      \
         name: app\n      namespace: app\n    spec:\n      template:\n        spec:\n          containers:\n            - name: app\n              \
         image: {image}\n  EOT\n}}\n"
    )
}

#[test]
fn a_line_with_a_comment_keeps_it() {
    let world = World::bare(&[("web", NGINX)], COMMITS);
    let texts = [
        ("one", " # the front page"),
        ("two", " # pintle: force"),
        ("three", " // see the wiki; please"),
        ("four", " /* old */"),
    ];
    let files: Vec<(String, String)> = texts
        .iter()
        .map(|(name, behind)| {
            let image = format!("ghcr.io/team/{name}:latest");
            world.line.moves(&image, "first");
            (format!("stacks/{name}/main.tf"), file(name, &image, behind))
        })
        .collect();
    let files: Vec<(&str, &[u8])> = files
        .iter()
        .map(|(path, text)| (path.as_str(), text.as_bytes()))
        .collect();
    world.line.repo.push_files("More", &files);
    world.line.sync();
    let before = texts.map(|(name, _)| world.line.text(name, "main"));
    world.does("/hold one because of a\n/hold two because of b\n/hold three because of c\n/hold four until 2099-01-01");
    let held = texts.map(|(name, _)| world.line.text(name, "main"));
    for ((held, before), (name, behind)) in held.iter().zip(&before).zip(texts) {
        assert!(
            held != before && held.contains("pintle: ") && held.contains("hold "),
            "{name}: {held}"
        );
        assert!(
            behind.contains("pintle") || held.contains(behind),
            "{name}: {held}"
        );
        assert_eq!(world.verdict(name), "held", "{held}");
    }
    assert!(
        held[0].contains("\n          # pintle: hold by=ana because=\"of a\"\n          image = "),
        "{}",
        held[0]
    );
    assert!(
        held[1].contains(" # pintle: force, hold by=ana because=\"of b\"\n"),
        "{}",
        held[1]
    );
    world.does("/resume one\n/resume two\n/resume three\n/resume four");
    assert_eq!(
        texts.map(|(name, _)| world.line.text(name, "main")),
        before,
        "as it was before"
    );
    world.is_at_rest();
}

#[test]
fn in_a_heredoc_it_goes_to_the_configuration() {
    let world = World::bare(&[("web", NGINX)], COMMITS);
    let first = world.line.moves(APP, "first");
    world.line.repo.push_files(
        "An app",
        &[("stacks/app/main.tf", manifest(APP).as_bytes())],
    );
    world.line.sync();
    let pinned = manifest(&format!("{APP}@{first}"));
    assert_eq!(world.line.text("app", "main"), pinned);
    let config = || {
        String::from_utf8(
            world
                .line
                .repo
                .file("pintle.toml", "main")
                .expect("it is there"),
        )
        .expect("UTF-8")
    };
    let before = config();
    let (commit, _) = world.does("/hold app until 2099-12-01 because the \"old\" one @ana [x]");
    let site = trailer(&commit, "Site");
    let sites = format!("[\"{site}\", \"deployment/app/app:app\"]");
    let entry = format!(
        "\n[[hold]]\nsite = {sites}\nuntil = \"2099-12-01\"\nby = \"ana\"\nbecause = \"the \\\"old\\\" one @ana [x]\"\n"
    );
    assert_eq!(config(), format!("{before}{entry}"));
    assert_eq!(world.line.text("app", "main"), pinned);
    let second = world.line.moves(APP, "second");
    world.is_at_rest();
    assert_eq!(world.verdict("app"), "held");
    world.does("/pin app to latest because now");
    let entry = format!("\n[[hold]]\nsite = {sites}\nby = \"ana\"\nbecause = \"now\"\n");
    assert_eq!(
        (config(), world.line.text("app", "main")),
        (
            format!("{before}{entry}"),
            manifest(&format!("{APP}@{second}"))
        )
    );
    world.does("/unpin app");
    assert_eq!(config(), before);
    world.is_at_rest();
}

#[test]
fn the_configuration_is_made_where_there_is_none() {
    let mut world = World::bare(&[("web", NGINX)], COMMITS);
    let repo = world
        .line
        .gitea
        .repo(&world.line.repo.owner.clone(), "plain", false);
    repo.collaborator(&world.line.bot, "admin");
    repo.collaborator(&world.line.ana, "write");
    // Nobody answers there: a hold needs no registry.
    repo.push_files(
        "An app",
        &[(
            "stacks/app/main.tf",
            manifest("127.0.0.1:1/team/app:latest").as_bytes(),
        )],
    );
    world.line.repo = repo;
    world.issue = world.line.repo.issue(&world.line.ana, "Holds");
    let comment = world.says(&world.line.ana, "/hold app because of tests");
    let before = world.tip();
    let output = world.line.pintle("sync", &[]).run();
    let new = world.since(&before);
    assert_eq!(new.len(), 1, "{output:?}\n{}", world.reply(comment));
    let config = world
        .line
        .repo
        .file("pintle.toml", "main")
        .map(|bytes| String::from_utf8(bytes).expect("UTF-8"));
    let entry = format!(
        "[[hold]]\nsite = [\"{}\", \"deployment/app/app:app\"]\nby = \"ana\"\nbecause = \"of tests\"\n",
        trailer(&new[0], "Site")
    );
    assert_eq!(config, Some(entry));
}

#[test]
fn a_hold_that_has_ended_is_taken_away_by_itself() {
    let world = World::new();
    let web = world.line.text("web", "main");
    let ended = " # pintle: hold until=2020-01-01 by=ana because=\"x\"";
    let db = world.line.text("db", "main");
    let site = "stacks/db/main.tf#kubernetes_deployment.db/container[db].image";
    let config = String::from_utf8(
        world
            .line
            .repo
            .file("pintle.toml", "main")
            .expect("it is there"),
    )
    .expect("UTF-8");
    let more = format!(
        "{config}\n[[hold]]\nsite = \"{site}\"\nuntil = \"2020-01-01\"\nby = \"ana\"\nbecause = \"x\"\n"
    );
    let held = web.replace("\"\n        }", &format!("\"{ended}\n        }}"));
    assert_ne!(held, web);
    let second = world.line.moves(NGINX, "second");
    let before = world.line.repo.push_files(
        "Hold",
        &[
            ("stacks/web/main.tf", held.as_bytes()),
            ("pintle.toml", more.as_bytes()),
        ],
    );
    world.line.sync();
    world.line.sync();
    let new = world.since(&before);
    let lifts: Vec<_> = new
        .iter()
        .filter(|commit| commit.message.contains("Pintle-Cause: hold-ended\n"))
        .collect();
    assert_eq!(lifts.len(), 2, "{new:#?}");
    assert!(
        lifts
            .iter()
            .all(|commit| trailer(commit, "Action") == "lift")
    );
    let by_site = |site: &str| {
        lifts
            .iter()
            .find(|commit| trailer(commit, "Site").contains(site))
            .map(|commit| commit.sha.clone())
    };
    let lifted = by_site("stacks/web/").expect("one for the stack web");
    let bytes = world
        .line
        .repo
        .file("stacks/web/main.tf", &lifted)
        .expect("it is there");
    assert_eq!(
        String::from_utf8(bytes).expect("UTF-8"),
        web,
        "as it was before the hold"
    );
    assert!(
        world
            .line
            .text("web", "main")
            .contains(&format!("{second}\"\n")),
        "and it moves after"
    );
    assert_eq!(
        String::from_utf8(
            world
                .line
                .repo
                .file("pintle.toml", "main")
                .expect("it is there")
        )
        .expect("UTF-8"),
        config
    );
    assert_eq!(world.line.text("db", "main"), db);
    world.is_at_rest();
}
