//! Whatever the bytes are: reading and evaluating ends, and what it says of places is true.

use hcl_edit::structure::{Body, Structure};
use pintle::terraform::eval::{Scope, Step, eval};
use pintle::terraform::files::{Files, RepoPath};
use pintle::terraform::hcl::Source;
use pintle::terraform::span::Span;
use pintle::terraform::template::render_file;
use pintle::terraform::text::{Form, Origin, Piece, Text};
use pintle::terraform::value::{Value, WhyKind};
use pintle::terraform::{json, yaml};

/// Reads `data` as a file of every kind.
pub fn reader(data: &[u8]) {
    let path = RepoPath::new("main.tf").expect("a path");
    let nothing = Nothing::default();
    if let Ok(source) = Source::parse(path.clone(), data.into()) {
        evaluate(&source, &source.body, &nothing);
    }
    check(data, &render_file(data, &path, &nothing));
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let file = whole(&path, text);
    check(data, &yaml::decode(&file));
    check(data, &json::decode(&file));
    yaml::documents(&file)
        .iter()
        .for_each(|document| check(data, &document.value));
    for offset in (0..=text.len()).step_by(1 + text.len() / 8) {
        yaml::comments_around(text, offset);
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

fn evaluate(source: &Source, body: &Body, scope: &Nothing) {
    for structure in body {
        match structure {
            Structure::Attribute(attribute) => {
                check(&source.bytes, &eval(&attribute.value, source, scope))
            }
            Structure::Block(block) => evaluate(source, &block.body, scope),
        }
    }
}

fn whole(path: &RepoPath, text: &str) -> Text {
    let span = Span::new(0, text.len());
    Text::written(
        text,
        Origin {
            file: path.clone(),
            span,
            literal: span,
            form: Form::Raw,
        },
    )
}

/// Every piece with an origin is inside of its literal and of the file; as long as what is written
/// there, it is what is written there.
fn check(bytes: &[u8], value: &Value) {
    match value {
        Value::Text(text) => text
            .pieces()
            .iter()
            .for_each(|piece| check_piece(bytes, piece)),
        Value::List(items) | Value::Set(items) => items.iter().for_each(|item| check(bytes, item)),
        Value::Map(map) => map.values().for_each(|item| check(bytes, item)),
        Value::Number(_, Some(origin)) => drop(written(bytes, origin)),
        _ => {}
    }
}

fn check_piece(bytes: &[u8], piece: &Piece) {
    let Piece::Known {
        text,
        origin: Some(origin),
    } = piece
    else {
        return;
    };
    let written = written(bytes, origin);
    assert!(
        written.len() != text.len() || written == text.as_bytes(),
        "{piece:?} is written {written:?}"
    );
}

fn written<'a>(bytes: &'a [u8], origin: &Origin) -> &'a [u8] {
    assert!(origin.literal.contains(origin.span), "{origin:?}");
    bytes
        .get(origin.span.range())
        .unwrap_or_else(|| panic!("{origin:?} of {} bytes", bytes.len()))
}
