//! People who push to pintle's branches: never fought, told once.

use super::{ADOPTS, NGINX, in_sync, open, said, verdict};
use crate::support::forge_line::ForgeLine;
use crate::support::gitea::text;

#[test]
fn a_branch_that_a_person_pushed_to_is_left_alone_and_that_is_said_once() {
    let line = ForgeLine::of_stacks(&[("web", NGINX)], ADOPTS);
    line.sync();
    line.moves(NGINX, "second");
    line.sync();
    let pull = open(&line);
    line.repo
        .push(&line.ana, "pintle/web", "Mine", &[("notes.md", b"one")])
        .expect("it is there");
    line.sync();
    line.sync();
    let told = said(&line, pull);
    assert_eq!(told.len(), 1, "{told:?}");
    let third = line.moves(NGINX, "third");
    let theirs = line
        .repo
        .push(
            &line.ana,
            "pintle/web",
            "Mine again",
            &[("notes.md", b"two")],
        )
        .expect("it is there");
    line.repo
        .push_files("The branch moves", &[("other.md", b"x")]);
    line.sync();
    line.sync();
    assert_eq!(
        (line.repo.tip("pintle/web"), said(&line, pull)),
        (Some(theirs.clone()), told)
    );
    assert!(
        !text(&line.repo.pull(pull)["body"]).contains(&third),
        "the pull request is as it was"
    );
    let why = format!("somebody pushed to pintle/web; pull request #{pull} is left alone");
    assert_eq!(verdict(&line, "web"), ("waiting".into(), why));

    line.repo.close(pull);
    line.sync();
    assert_eq!(
        (line.repo.tip("pintle/web"), line.repo.pulls("open").len()),
        (Some(theirs), 0),
        "not pintle's to delete"
    );
    let (word, why) = verdict(&line, "web");
    assert_eq!(word, "blocked");
    assert!(
        why.contains("pintle/web has commits that are not pintle's"),
        "{why}"
    );
    line.repo.delete_branch("pintle/web");
    line.sync();
    assert_ne!(open(&line), pull);
    assert!(line.text("web", "pintle/web").contains(&third));
}

#[test]
fn what_a_person_hands_back_is_proposed_again_though_the_tag_is_where_it_was() {
    let line = ForgeLine::of_stacks(&[("web", NGINX)], ADOPTS);
    line.sync();
    let second = line.moves(NGINX, "second");
    line.sync();
    let pull = open(&line);
    line.repo
        .push(&line.ana, "pintle/web", "Mine", &[("notes.md", b"one")])
        .expect("it is there");
    line.sync();
    let told = said(&line, pull).remove(0);
    assert!(told.contains("To hand it back, close it and delete the branch: pintle then proposes what is due in a new one."), "{told}");
    line.repo.close(pull);
    line.sync();
    assert_eq!(
        verdict(&line, "web").0,
        "blocked",
        "the branch is still theirs"
    );
    line.repo.delete_branch("pintle/web");
    line.sync();
    let again = open(&line);
    assert!(again != pull && line.text("web", "pintle/web").contains(&second));

    line.repo.close(again);
    line.sync();
    assert_eq!(
        (
            verdict(&line, "web").0.as_str(),
            line.repo.pulls("open").len()
        ),
        ("held", 0),
        "this one was declined"
    );
}

#[test]
fn what_a_person_added_to_a_branch_and_merged_is_done_with() {
    let line = ForgeLine::of_stacks(&[("web", NGINX)], ADOPTS);
    line.sync();
    for style in ["merge", "squash"] {
        let moved = line.moves(NGINX, style);
        line.sync();
        let pull = open(&line);
        line.repo
            .push(
                &line.ana,
                "pintle/web",
                "Mine",
                &[("notes.md", style.as_bytes())],
            )
            .expect("it is there");
        line.sync();
        line.repo.merge(pull, style);
        line.sync();
        assert!(
            line.text("web", "main").contains(&moved)
                && line.repo.file("notes.md", "main").is_some()
        );
        in_sync(&line);
        if style == "squash" {
            assert!(
                line.repo.tip("pintle/web").is_some(),
                "their own commits are nowhere else"
            );
            line.repo.delete_branch("pintle/web");
        }
        assert_eq!(line.repo.branches(), ["main"]);
    }
}

#[test]
fn a_branch_of_that_name_that_was_there_before_is_not_touched() {
    let line = ForgeLine::of_stacks(&[("web", NGINX)], ADOPTS);
    let theirs = line
        .repo
        .push(&line.ana, "pintle/web", "Mine", &[("notes.md", b"x")])
        .expect("it is there");
    line.sync();
    line.moves(NGINX, "second");
    line.sync();
    line.sync();
    assert_eq!(
        (line.repo.tip("pintle/web"), line.repo.pulls("all").len()),
        (Some(theirs), 0)
    );
    assert_eq!(verdict(&line, "web").0, "blocked");
}

#[test]
fn the_button_that_updates_a_branch_leaves_it_pintle_s() {
    let line = ForgeLine::of_stacks(&[("web", NGINX)], ADOPTS);
    line.sync();
    for (at, style) in ["rebase", "merge"].into_iter().enumerate() {
        let moved = line.moves(NGINX, style);
        line.sync();
        let pull = open(&line);
        let notes = format!("notes-{at}.md");
        line.repo.push_files("Something else", &[(&notes, b"x")]);
        let button = line
            .repo
            .path(&format!("/pulls/{pull}/update?style={style}"));
        line.ana.must("POST", &button, &serde_json::Value::Null);
        let updated = line.repo.tip("pintle/web");
        line.sync();
        line.sync();
        assert_eq!(
            (said(&line, pull), line.repo.tip("pintle/web")),
            (Vec::new(), updated),
            "{style}"
        );
        let next = line.moves(NGINX, &format!("after {style}"));
        line.sync();
        assert_eq!(open(&line), pull);
        assert!(line.text("web", "pintle/web").contains(&next), "{moved}");
        line.repo.merge(pull, "merge");
        line.sync();
        in_sync(&line);
    }
}
