//! A pin put where a reader says a string ends, and where `legal` allows it, is proved, changes
//! only that string, and can be undone.

use hcl_edit::structure::{Body, Structure};
use pintle::terraform::edit::{Edit, apply, legal, prove};
use pintle::terraform::eval::{Scope, Step, eval};
use pintle::terraform::files::{Files, RepoPath};
use pintle::terraform::hcl::Source;
use pintle::terraform::mask::mask;
use pintle::terraform::span::Span;
use pintle::terraform::text::{Form, Frame, Origin, Piece, Text};
use pintle::terraform::value::{Value, WhyKind};
use pintle::terraform::{json, yaml};

const PIN: &str = "@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// How many strings of one file are tried.
const MOST: usize = 8;

/// The first line of `data` names the file, the rest is its content.
pub fn editor(data: &[u8]) {
    let mut lines = data.splitn(2, |byte| *byte == b'\n');
    let (Some(name), Some(bytes)) = (lines.next(), lines.next()) else {
        return;
    };
    let Some(path) = std::str::from_utf8(name).ok().and_then(RepoPath::new) else {
        return;
    };
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let Some(values) = read(&path, text) else {
        return;
    };
    let mut frames = Vec::new();
    values
        .iter()
        .for_each(|value| collect(value, &path, &mut frames));
    let before = shape(&values);
    for frame in frames.iter().take(MOST) {
        try_pin(&path, text, frame, &before);
    }
}

fn try_pin(path: &RepoPath, text: &str, frame: &Frame, before: &str) {
    let at = frame.content.end;
    let content = &text.as_bytes()[frame.content.range()];
    if legal(
        frame.form,
        content,
        content.len()..content.len(),
        PIN.as_bytes(),
    )
    .is_err()
    {
        return;
    }
    let edit = Edit {
        file: path.clone(),
        span: Span::new(at, at),
        expect: Vec::new(),
        put: PIN.into(),
        why: String::new(),
    };
    let edits = std::slice::from_ref(&edit);
    let after = apply(text.as_bytes(), edits).expect("an insertion inside of the file");
    assert_eq!(
        prove(path, text.as_bytes(), &after, edits),
        Ok(()),
        "{frame:?} of {text:?}"
    );
    let after = String::from_utf8(after).expect("text");
    let values = read(path, &after).expect("a proved file can be read");
    // What a Terraform expression makes of its strings may change by itself.
    if !is_hcl(path) {
        assert_eq!(
            shape(&values).replace(PIN, ""),
            before.replace(PIN, ""),
            "{frame:?} of {text:?}"
        );
    }
    let undo = Edit {
        span: Span::new(at, at + PIN.len()),
        expect: PIN.into(),
        put: Vec::new(),
        ..edit.clone()
    };
    let undone = apply(after.as_bytes(), std::slice::from_ref(&undo)).expect("the pin is there");
    assert_eq!(undone, text.as_bytes());
    assert_eq!(
        prove(path, after.as_bytes(), &undone, &[undo]),
        Ok(()),
        "{frame:?} of {text:?}"
    );
}

fn is_hcl(path: &RepoPath) -> bool {
    path.name().ends_with(".tf")
}

/// Returns the values of a file that can be read throughout.
fn read(path: &RepoPath, text: &str) -> Option<Vec<Value>> {
    let span = Span::new(0, text.len());
    let written = |text: &str| {
        Text::written(
            text,
            Origin {
                file: path.clone(),
                span,
                literal: span,
                form: Form::Raw,
            },
        )
    };
    let values = match path.name().rsplit_once('.')?.1 {
        "tf" => {
            let source = Source::parse(path.clone(), text.as_bytes().into()).ok()?;
            let mut values = Vec::new();
            evaluate(&source, &source.body, &mut values);
            return Some(values);
        }
        "yaml" => yaml::documents(&written(text))
            .into_iter()
            .map(|document| document.value)
            .collect(),
        "tpl" => yaml::documents(&written(&mask(text)))
            .into_iter()
            .map(|document| document.value)
            .collect(),
        "json" => vec![json::decode(&written(text))],
        _ => return None,
    };
    (!values
        .iter()
        .any(|value| matches!(value, Value::Unknown(_))))
    .then_some(values)
}

fn evaluate(source: &Source, body: &Body, values: &mut Vec<Value>) {
    let nothing = Nothing::default();
    for structure in body {
        match structure {
            Structure::Attribute(attribute) => {
                values.push(eval(&attribute.value, source, &nothing))
            }
            Structure::Block(block) => evaluate(source, &block.body, values),
        }
    }
}

/// A scope without names.
#[derive(Default)]
struct Nothing {
    files: Files,
    cwd: RepoPath,
}

impl Scope for Nothing {
    fn resolve(&self, name: &str, steps: &[Step]) -> (Value, usize) {
        (Value::unknown(WhyKind::NotDeclared, name), steps.len())
    }

    fn files(&self) -> &Files {
        &self.files
    }

    fn cwd(&self) -> &RepoPath {
        &self.cwd
    }
}

fn collect(value: &Value, path: &RepoPath, frames: &mut Vec<Frame>) {
    match value {
        Value::Text(text) => frames.extend(
            text.frames()
                .iter()
                .filter(|frame| frame.file == *path)
                .cloned(),
        ),
        Value::List(items) | Value::Set(items) => {
            items.iter().for_each(|item| collect(item, path, frames))
        }
        Value::Map(map) => map.values().for_each(|item| collect(item, path, frames)),
        _ => {}
    }
}

/// What values say, without their places.
fn shape(values: &[Value]) -> String {
    let mut out = String::new();
    values.iter().for_each(|value| say(value, &mut out));
    out
}

fn say(value: &Value, out: &mut String) {
    match value {
        Value::Text(text) => {
            out.push('"');
            for piece in text.pieces() {
                match piece {
                    Piece::Known { text, .. } => out.push_str(text),
                    Piece::Unknown(_) => out.push('?'),
                }
            }
            out.push('"');
        }
        Value::List(items) | Value::Set(items) => {
            out.push('[');
            items.iter().for_each(|item| say(item, out));
            out.push(']');
        }
        Value::Map(map) => {
            out.push('{');
            for (key, item) in map.iter() {
                out.push_str(key);
                say(item, out);
            }
            out.push('}');
        }
        other => out.push_str(&match other {
            Value::Bool(bool) => bool.to_string(),
            Value::Number(number, _) => format!("{number:?}"),
            _ => "null".to_owned(),
        }),
    }
}
