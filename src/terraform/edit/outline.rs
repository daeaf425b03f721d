//! The structure of an HCL file as a list of what it says, each with its path: what a proof
//! compares where an edit adds or takes out more than a string. Knows no meaning of it.

use super::put::place;
use crate::terraform::hcl::Source;
use hcl_edit::expr::{Expression, ObjectKey};
use hcl_edit::structure::{Body, Structure};
use std::collections::BTreeMap;

/// One thing that a file says. Blocks, attributes, and each element of lists and objects are things
/// of their own.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Statement {
    /// Block names with their labels and their number among those alike, then the attribute, then
    /// `{key}` or `[]`.
    pub path: Vec<String>,
    /// The value as written; empty for a block, a list, an object.
    pub text: String,
}

/// Returns everything that the file says; the order is that of the file.
pub fn outline(source: &Source) -> Vec<Statement> {
    let mut all = Vec::new();
    body(source, &source.body, &mut Vec::new(), &mut all);
    all
}

/// Returns what only the first says, and what only the second does.
pub fn differences(before: &[Statement], after: &[Statement]) -> (Vec<Statement>, Vec<Statement>) {
    let mut counts: BTreeMap<&Statement, isize> = BTreeMap::new();
    before
        .iter()
        .for_each(|said| *counts.entry(said).or_default() += 1);
    after
        .iter()
        .for_each(|said| *counts.entry(said).or_default() -= 1);
    let of = |sign: isize| {
        let more = counts
            .iter()
            .filter(move |(_, count)| count.signum() == sign);
        more.flat_map(|(said, count)| std::iter::repeat_n((*said).clone(), count.unsigned_abs()))
            .collect()
    };
    (of(1), of(-1))
}

fn body(source: &Source, body: &Body, path: &mut Vec<String>, all: &mut Vec<Statement>) {
    let mut numbers: BTreeMap<String, usize> = BTreeMap::new();
    for structure in body {
        match structure {
            Structure::Attribute(attribute) => {
                path.push(attribute.key.as_str().to_owned());
                value(source, &attribute.value, path, all);
            }
            Structure::Block(block) => {
                let labels = block
                    .labels
                    .iter()
                    .map(|label| format!(".{}", label.as_str()));
                let name = std::iter::once(block.ident.as_str().to_owned())
                    .chain(labels)
                    .collect::<String>();
                let number = numbers.entry(name.clone()).or_default();
                path.push(format!("{name}#{number}"));
                *number += 1;
                all.push(Statement {
                    path: path.clone(),
                    text: String::new(),
                });
                self::body(source, &block.body, path, all);
            }
        }
        path.pop();
    }
}

fn value(
    source: &Source,
    expression: &Expression,
    path: &mut Vec<String>,
    all: &mut Vec<Statement>,
) {
    let whole = |node: &dyn hcl_edit::Span| {
        let span = place(source, node);
        span.and_then(|span| source.bytes.get(span.range()))
            .map_or(String::new(), |bytes| {
                String::from_utf8_lossy(bytes).into_owned()
            })
    };
    let children: Vec<(String, &Expression)> = match expression {
        Expression::Array(items) => items.iter().map(|item| ("[]".to_owned(), item)).collect(),
        Expression::Object(object) => {
            let key = |key: &ObjectKey| match key {
                ObjectKey::Ident(ident) => format!("{{{}}}", ident.as_str()),
                ObjectKey::Expression(Expression::String(text)) => format!("{{{}}}", text.as_str()),
                ObjectKey::Expression(other) => format!("{{({})}}", whole(other)),
            };
            object
                .iter()
                .map(|(own, value)| (key(own), value.expr()))
                .collect()
        }
        Expression::FuncCall(call)
            if call.name.name.as_str() == "merge" && !call.name.is_namespaced() =>
        {
            call.args
                .iter()
                .enumerate()
                .map(|(index, argument)| (format!("merge({index})"), argument))
                .collect()
        }
        other => {
            return all.push(Statement {
                path: path.clone(),
                text: whole(other),
            });
        }
    };
    all.push(Statement {
        path: path.clone(),
        text: String::new(),
    });
    for (name, child) in children {
        path.push(name);
        value(source, child, path, all);
        path.pop();
    }
}
