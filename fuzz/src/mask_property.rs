//! A mask keeps every offset, covers exactly the holes, and hides nothing else; what is read through it stands where it says.

use pintle::terraform::files::RepoPath;
use pintle::terraform::mask::{documents_masked, holes, mask};
use pintle::terraform::text::Piece;
use pintle::terraform::value::Value;

/// Where the template begins in its file.
const BASE: usize = 7;

pub fn check_mask(data: &[u8]) {
    let text = &*String::from_utf8_lossy(data);
    let masked = mask(text);
    assert_eq!(masked.len(), text.len());
    let mut at = 0;
    for hole in holes(text) {
        assert!(at <= hole.start && hole.end <= text.len());
        assert_eq!(masked[at..hole.start], text[at..hole.start]);
        let (written, covered) = (&text[hole.range()], &masked[hole.range()]);
        assert!((written.starts_with("${") || written.starts_with("%{")) && written.ends_with('}'), "{written:?}");
        assert!(covered.bytes().all(|byte| matches!(byte, b'x' | b' ' | b'\n' | b'\r')), "{covered:?}");
        at = hole.end;
    }
    assert_eq!(masked[at..], text[at..]);
    for document in documents_masked(text, &RepoPath::default(), BASE) {
        check(text, &document.value);
    }
}

fn check(text: &str, value: &Value) {
    match value {
        Value::Text(known) => known.pieces().iter().for_each(|piece| check_piece(text, piece)),
        Value::List(items) => items.iter().for_each(|item| check(text, item)),
        Value::Map(map) => map.values().for_each(|item| check(text, item)),
        _ => {}
    }
}

fn check_piece(text: &str, piece: &Piece) {
    let Piece::Known { text: known, origin: Some(origin) } = piece else { return };
    let written = text.get(origin.span.start - BASE..origin.span.end - BASE);
    let written = written.unwrap_or_else(|| panic!("{origin:?} of {} bytes", text.len()));
    assert!(written.len() != known.len() || written == &**known, "{piece:?} is written {written:?}");
}
