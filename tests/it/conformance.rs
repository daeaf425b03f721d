//! The evaluator against the real thing: OpenTofu is asked at test time, nothing is written down
//! beforehand.

mod ours;
mod roots;
mod table;

use std::path::PathBuf;

use pintle::terraform::value::{Why, WhyKind};

use crate::support::tofu::{self, Answer};
use ours::Repo;
use table::{Group, Wanted, groups};

/// Reasons that excuse nothing where OpenTofu has a value from the text alone.
const NO_EXCUSE: &[WhyKind] = &[WhyKind::Invalid, WhyKind::NotDeclared, WhyKind::Cycle];

/// OpenTofu's answers to everything a group asks, in order.
fn theirs(group: &Group) -> Vec<Answer> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    group.lay_out(folder.path());
    let expressions: Vec<String> = group.asked.iter().map(|asked| asked.2.clone()).collect();
    tofu::ask(folder.path(), &group.setting, &expressions)
}

#[test]
fn the_table_is_large_and_says_what_it_means() {
    let (mut values, mut complaints) = (0, Vec::new());
    for group in groups() {
        for ((line, wanted, expression), answer) in group.asked.iter().zip(theirs(&group)) {
            let as_meant = match wanted {
                Wanted::NoValue => matches!(answer, Answer::Error(_)),
                Wanted::Value | Wanted::ValueOrUnknown => matches!(answer, Answer::Value(_)),
            };
            if !as_meant {
                complaints.push(format!("{}:{line}: {expression}: {answer:?}", group.name));
            }
            values += usize::from(*wanted == Wanted::Value);
        }
    }
    assert!(
        complaints.is_empty(),
        "OpenTofu says otherwise:\n{}",
        complaints.join("\n")
    );
    assert!(values >= 320, "{values} values");
}

#[test]
fn the_locals_of_the_fixture_repo_are_known_to_the_oracle() {
    let roots = roots::roots(&fixtures());
    let locals = || {
        roots.iter().flat_map(|root| {
            root.locals
                .iter()
                .map(|local| (&root.folder, &local.0, &local.1))
        })
    };
    let refused: Vec<_> = locals()
        .filter(|local| matches!(local.2, Answer::Error(_)))
        .collect();
    assert!(refused.is_empty(), "{refused:?}");
    let known = locals()
        .filter(|local| matches!(local.2, Answer::Value(_)))
        .count();
    assert!(known >= 40, "{known} values in {} roots", roots.len());
}

fn fixtures() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("testdata-repo")
}

/// Says whether pintle's answer may stand beside OpenTofu's.
fn agrees(ours: &Result<String, Why>, theirs: &Answer, wanted: Wanted) -> bool {
    match (ours, theirs, wanted) {
        (Ok(ours), Answer::Value(theirs), _) => ours == theirs,
        // The text of a resource may tell what a run without its provider cannot.
        (Ok(_), Answer::Unknown, _) => true,
        (Ok(_), Answer::Error(_), _) => false,
        (Err(_), Answer::Value(_), Wanted::Value) => false,
        (Err(why), Answer::Value(_), _) => !NO_EXCUSE.contains(&why.kind),
        (Err(_), Answer::Unknown | Answer::Error(_), _) => true,
    }
}

#[test]
fn an_expression_is_what_opentofu_says_it_is() {
    let mut complaints = Vec::new();
    for group in groups() {
        let expressions: Vec<String> = group.asked.iter().map(|asked| asked.2.clone()).collect();
        let ours = Repo::of(&group)
            .ask("", &expressions)
            .expect("the group is a root");
        for (((line, wanted, expression), ours), theirs) in
            group.asked.iter().zip(ours).zip(theirs(&group))
        {
            if !agrees(&ours, &theirs, *wanted) {
                complaints.push(format!(
                    "{}:{line}: {expression}\n  pintle   {ours:?}\n  OpenTofu {theirs:?}",
                    group.name
                ));
            }
        }
    }
    assert!(
        complaints.is_empty(),
        "{} expressions differ:\n{}",
        complaints.len(),
        complaints.join("\n")
    );
}

#[test]
fn the_locals_of_the_fixture_repo_are_what_opentofu_says_they_are() {
    let repo = Repo::read(&fixtures());
    let (mut compared, mut complaints) = (0, Vec::new());
    for root in roots::roots(&fixtures()) {
        let asked: Vec<String> = root
            .locals
            .iter()
            .map(|local| format!("local.{}", local.0))
            .collect();
        // A module that roots call has no values of its own.
        let Some(ours) = repo.ask(&root.folder, &asked) else {
            continue;
        };
        for (((_, theirs), ours), expression) in root.locals.iter().zip(ours).zip(asked) {
            compared += 1;
            if !agrees(&ours, theirs, Wanted::ValueOrUnknown) {
                complaints.push(format!(
                    "{}: {expression}\n  pintle   {ours:?}\n  OpenTofu {theirs:?}",
                    root.folder
                ));
            }
        }
    }
    assert!(
        complaints.is_empty(),
        "{} locals differ:\n{}",
        complaints.len(),
        complaints.join("\n")
    );
    assert!(compared >= 30, "{compared} locals compared");
}
