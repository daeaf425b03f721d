//! The evaluator against the real thing: OpenTofu is asked at test time, nothing is written down beforehand.

mod roots;
mod table;

use crate::support::tofu::{self, Answer};
use pintle::terraform::eval::{ExpressionContext, evaluate_expression};
use pintle::terraform::value::Why;
use table::{Group, Wanted, groups};

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
    assert!(complaints.is_empty(), "OpenTofu says otherwise:\n{}", complaints.join("\n"));
    assert!(values >= 320, "{values} values");
}

#[test]
fn the_locals_of_the_fixture_repo_are_known_to_the_oracle() {
    let roots = roots::roots(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata-repo"));
    let locals = || roots.iter().flat_map(|root| root.locals.iter().map(|local| (&root.folder, &local.0, &local.1)));
    let refused: Vec<_> = locals().filter(|local| matches!(local.2, Answer::Error(_))).collect();
    assert!(refused.is_empty(), "{refused:?}");
    let known = locals().filter(|local| matches!(local.2, Answer::Value(_))).count();
    assert!(known >= 40, "{known} values in {} roots", roots.len());
}

/// What pintle says: the value as `jsonencode()` writes it, or why it gives none.
fn ours(group: &Group, expression: &str) -> Result<String, Why> {
    let files: Vec<(&str, &[u8])> = group.files.iter().map(|(path, text)| (path.as_str(), text.as_bytes())).collect();
    let declarations = group.files.get("main.tf").map_or("", String::as_str);
    let context = ExpressionContext::new(declarations, &files).expect("the table's modules are HCL");
    let value = evaluate_expression(&context, &format!("jsonencode({expression})"));
    match value.as_str() {
        Some(json) => Ok(json),
        None => Err(value.why_unknown().expect("a value that is no text has a reason").clone()),
    }
}

/// Groups whose module is one file, without variables from outside: all that needs no module reader.
fn single(group: &Group) -> bool {
    group.name != "locals" && group.name != "variables"
}

#[test]
fn the_evaluator_says_what_opentofu_says() {
    let mut complaints = Vec::new();
    for group in groups().iter().filter(|group| single(group)) {
        for ((line, wanted, expression), theirs) in group.asked.iter().zip(theirs(group)) {
            let ours = ours(group, expression);
            let right = match (&ours, &theirs, wanted) {
                (Ok(ours), Answer::Value(theirs), _) => ours == theirs,
                (Err(_), Answer::Value(_), Wanted::Value) => false,
                (Err(_), _, _) => true,
                (Ok(_), _, _) => false,
            };
            if !right {
                complaints.push(format!("{}:{line}: {expression}: {ours:?} instead of {theirs:?}", group.name));
            }
        }
    }
    assert!(complaints.is_empty(), "{} differ:\n{}", complaints.len(), complaints.join("\n"));
}
