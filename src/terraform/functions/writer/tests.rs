use super::*;
use crate::terraform::files::RepoPath;
use crate::terraform::span::Span;
use crate::terraform::text::{Form, Origin};
use crate::terraform::value::{Why, WhyKind};

/// The text `written` at byte 10 of a file.
fn written(text: &str) -> Text {
    let span = Span::new(10, 10 + text.len());
    Text::written(
        text,
        Origin {
            file: RepoPath::new("a.tf").expect("a path"),
            span,
            literal: span,
            form: Form::Quoted,
        },
    )
}

/// Each piece with where it is from; `?` for what is not known.
fn pieces(text: &Text) -> Vec<(&str, Option<usize>)> {
    let piece = |piece: &'_ Piece| match piece {
        Piece::Known { origin, .. } => origin.as_ref().map(|origin| origin.span.start),
        Piece::Unknown(_) => None,
    };
    let said = |piece: &'_ Piece| matches!(piece, Piece::Unknown(_));
    text.pieces()
        .iter()
        .map(|one| {
            (
                if let Piece::Known { text, .. } = one {
                    &**text
                } else {
                    "?"
                },
                piece(one).filter(|_| !said(one)),
            )
        })
        .collect()
}

#[test]
fn computed_bytes_become_one_piece_between_those_that_were_written() {
    let mut out = TextWriter::default();
    out.write("[");
    out.write("\"");
    out.append(&written("abc"));
    out.write("\"");
    out.piece(Piece::Unknown(Why::new(WhyKind::RunTime, "x")));
    out.run().push(']');
    out.write("");
    assert_eq!(
        pieces(&out.finish()),
        [
            ("[\"", None),
            ("abc", Some(10)),
            ("\"", None),
            ("?", None),
            ("]", None)
        ]
    );
    assert_eq!(pieces(&TextWriter::default().finish()), []);
}

#[test]
fn what_needs_no_escape_stays_where_it_is_written() {
    let mut text = written("a\"b\"\"c");
    text.push(Piece::Unknown(Why::new(WhyKind::RunTime, "x")));
    let mut out = TextWriter::default();
    out.escaped(&text, |c| c == '"', |c, out| out.extend(['\\', c]));
    let expected = [
        ("a", Some(10)),
        ("\\\"", None),
        ("b", Some(12)),
        ("\\\"\\\"", None),
        ("c", Some(15)),
        ("?", None),
    ];
    assert_eq!(pieces(&out.finish()), expected);
}
