//! The values of one var-file, in which nothing can be referred to. Does not know what they are
//! for.

use super::eval;
use super::eval::{Scope, Step};
use super::files::{Entry, Files, RepoPath};
use super::hcl::Source;
use super::json;
use super::sources::Sources;
use super::span::Span;
use super::text::{Form, Origin, Text};
use super::value::{Value, WhyKind};
use hcl_edit::expr::Expression;
use hcl_edit::structure::Attribute;
use std::sync::Arc;

/// Returns all values of a var-file: those of `read_tfvars_file`.
pub(super) fn read(file: &RepoPath, files: &Files, sources: &Sources) -> Value {
    match sources.source(file) {
        Some(source) => {
            let one = |attribute: &Attribute| {
                (
                    Arc::from(attribute.key.as_str()),
                    value(&attribute.value, source, files),
                )
            };
            Value::Map(Arc::new(source.body.attributes().map(one).collect()))
        }
        None if file.name().ends_with(".json") && sources.unreadable(file).is_none() => {
            decode(file, files)
        }
        None => Value::unknown(WhyKind::UnreadableSource, file.display()),
    }
}

/// Returns the value of an expression of a var-file.
pub(super) fn value(expr: &Expression, source: &Source, files: &Files) -> Value {
    eval::eval(
        expr,
        source,
        &NoNames {
            files,
            cwd: RepoPath::default(),
        },
    )
}

/// Reads a JSON file as `jsondecode(file(…))` does, with the places of its strings.
pub(super) fn decode(file: &RepoPath, files: &Files) -> Value {
    let unreadable = || Value::unknown(WhyKind::File, file.display());
    let Some((target, Entry::Text(bytes))) = files.follow(file) else {
        return unreadable();
    };
    let Ok(content) = std::str::from_utf8(bytes) else {
        return unreadable();
    };
    let span = Span::new(0, content.len());
    json::decode(&Text::written(
        content,
        Origin {
            file: target,
            span,
            literal: span,
            form: Form::Raw,
        },
    ))
}

/// The scope of a var-file.
struct NoNames<'f> {
    files: &'f Files,
    cwd: RepoPath,
}

impl Scope for NoNames<'_> {
    fn resolve(&self, name: &str, _steps: &[Step<'_>]) -> (Value, usize) {
        (Value::unknown(WhyKind::NotDeclared, name), 0)
    }

    fn files(&self) -> &Files {
        self.files
    }

    fn cwd(&self) -> &RepoPath {
        &self.cwd
    }
}
