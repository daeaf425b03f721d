//! What the proof of a change refuses about holds, and what it allows side by side.

use super::bytes::{HEREDOC, ana, tf, two};
use super::*;
use crate::pipeline::Plan;
use crate::proof::prove_plan;

fn refused(snapshot: &Snapshot, edits: &[Edit], claims: Vec<Claim>) -> String {
    prove_changes(snapshot, &[change(edits.to_vec(), claims)]).expect_err("refused")
}

/// An edit that puts text in place of the first `from`.
fn edit(snapshot: &Snapshot, file: &str, from: &str, put: &str) -> Edit {
    let start = text(snapshot, file).find(from).expect(from);
    let span = crate::terraform::span::Span::new(start, start + from.len());
    Edit {
        file: path(file),
        span,
        expect: from.into(),
        put: put.into(),
        why: "a test".into(),
    }
}

/// An edit that puts text behind the first `before`.
fn behind(snapshot: &Snapshot, file: &str, before: &str, put: &str) -> Edit {
    let found = edit(snapshot, file, before, put);
    let span = crate::terraform::span::Span::new(found.span.end, found.span.end);
    Edit {
        span,
        expect: Vec::new(),
        ..found
    }
}

#[test]
fn a_site_is_held_exactly_when_that_is_claimed() {
    let snapshot = repo(&[
        ("a/main.tf", &tf("image = \"x:3\"")),
        ("b/main.tf", &tf("image = \"y:3\"")),
    ]);
    let (literal, site) = snapshot.scan.sites().next().expect("a site");
    let edits = put(&snapshot, literal, site, &ana()).unwrap();
    let id = &site.id;
    assert_eq!(
        refused(&snapshot, &edits, vec![has_same_image(site)]),
        format!("{id} would be held by ana until 2026-12-01 00:00 UTC: why, which is not claimed")
    );
    assert_eq!(
        refused(&snapshot, &edits, Vec::new()),
        refused(&snapshot, &edits, vec![has_same_image(site)])
    );
    let gone = Claim::Held {
        site: crate::sites::SiteId("a/main.tf#gone".into()),
    };
    assert_eq!(
        refused(&snapshot, &edits, vec![is_held(site), gone]),
        "a/main.tf#gone is not a site"
    );
    let comment = [behind(&snapshot, "a/main.tf", "image = \"x:3\"", " # none")];
    assert_eq!(
        refused(&snapshot, &comment, vec![is_held(site)]),
        format!("{id} would not be held")
    );
    prove_changes(
        &snapshot,
        &[change(
            edits.clone(),
            vec![has_same_image(site), is_held(site)],
        )],
    )
    .unwrap();
    let held = after(&snapshot, &edits, is_held(site)).unwrap();
    let (_, site) = self::site(&held, &id.0);
    let words = "hold until=2026-12-01 by=ana because=\"why\"";
    let gone = [edit(
        &held,
        "a/main.tf",
        &format!(" # pintle: {words}\n"),
        "\n",
    )];
    assert_eq!(
        refused(&held, &gone, vec![has_same_image(site)]),
        format!("{id} would lose a hold, which is not claimed")
    );
    assert_eq!(
        refused(&held, &gone, Vec::new()),
        format!("{id} would lose a hold, which is not claimed")
    );
    assert_eq!(
        refused(&held, &gone, vec![is_held(site)]),
        format!("{id} would not be held")
    );
    assert!(prove_changes(&held, &[change(gone.to_vec(), vec![is_released(site)])]).is_ok());
    let still = "would no longer be held by ana until 2026-12-01 00:00 UTC: why";
    assert_eq!(
        refused(&held, &gone, vec![has_no_ended_holds(site)]),
        format!("{id} {still}")
    );
    let comment = [behind(&held, "a/main.tf", "{\n", "# none\n")];
    let would = format!("{id} would still be held by ana until 2026-12-01 00:00 UTC: why");
    assert_eq!(refused(&held, &comment, vec![is_released(site)]), would);
}

#[test]
fn a_hold_may_not_reach_another_site_and_a_comment_may_say_nothing_more() {
    let snapshot = two("");
    let [(_, site), (_, other)] = snapshot.scan.sites().collect::<Vec<_>>()[..] else {
        panic!("two sites")
    };
    let both = [behind(&snapshot, "a/main.tf", "\" }", " # pintle: hold")];
    let why = refused(&snapshot, &both, vec![is_held(site)]);
    assert_eq!(
        why,
        format!("{} would be held, which is not claimed", other.id)
    );
    let never = [behind(
        &snapshot,
        "a/main.tf",
        "\" }",
        " # pintle: b: never",
    )];
    let why = refused(&snapshot, &never, Vec::new());
    assert_eq!(
        why,
        format!(
            "{} would be treated in another way, which is not claimed",
            other.id
        )
    );
}

#[test]
fn of_the_configuration_only_holds_may_change() {
    let snapshot = repo(&[
        ("a/main.tf", HEREDOC),
        ("pintle.toml", "[git]\nbranch = \"x\"\n"),
    ]);
    let (_, site) = snapshot.scan.sites().next().expect("a site");
    for put in ["branch = \"y\"", "branch = \"x\"\nbranch = \"y\""] {
        let edits = [edit(&snapshot, "pintle.toml", "branch = \"x\"", put)];
        let why = refused(&snapshot, &edits, vec![is_held(site)]);
        assert!(why.starts_with("pintle.toml"), "{why}");
    }
}

#[test]
fn changes_of_one_pass_may_both_append_to_the_configuration() {
    let other = HEREDOC
        .replace("name: a\n    spec", "name: b\n    spec")
        .replace("\"a\"", "\"b\"");
    for toml in [None, Some("version = 1"), Some("version = 1\n")] {
        let mut files = vec![("a/main.tf", HEREDOC), ("a/b.tf", &other)];
        files.extend(toml.map(|toml| ("pintle.toml", toml)));
        let snapshot = repo(&files);
        let one = |(literal, site)| {
            change(
                put(&snapshot, literal, site, &ana()).unwrap(),
                vec![is_held(site)],
            )
        };
        let changes: Vec<Change> = snapshot.scan.sites().map(one).collect();
        assert_eq!(changes.len(), 2);
        prove_changes(&snapshot, &changes).unwrap();
    }
}

#[test]
fn of_two_changes_of_one_line_the_second_has_to_wait() {
    let snapshot = two("");
    let one = |(literal, site)| {
        change(
            put(&snapshot, literal, site, &ana()).unwrap(),
            vec![is_held(site)],
        )
    };
    let changes: Vec<Change> = snapshot.scan.sites().map(one).collect();
    let plan = Plan {
        changes: changes.clone(),
        ..crate::plan::plan(&snapshot)
    };
    let (plan, refused) = prove_plan(&snapshot, plan);
    assert_eq!((plan.changes, refused.len()), (changes[..1].to_vec(), 1));
    assert!(
        refused[0]
            .1
            .starts_with("the changes do not hold together: two edits of a/main.tf overlap"),
        "{refused:?}"
    );
}

#[test]
fn the_diff_shows_a_new_configuration() {
    let snapshot = repo(&[("a/main.tf", HEREDOC)]);
    let (literal, site) = snapshot.scan.sites().next().expect("a site");
    let edits = put(&snapshot, literal, site, &hold("", "", "x")).unwrap();
    let changes = [change(edits, Vec::new())];
    let shown = crate::report::diff::diff_changes(&snapshot.files, &changes);
    assert!(
        shown.contains("+++ b/pintle.toml\n") && shown.contains("+because = \"x\"\n"),
        "{shown}"
    );
}
