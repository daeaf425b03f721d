//! A mask keeps every offset, covers exactly the holes, and hides nothing else.

use pintle::terraform::mask::{holes, mask};

pub fn check_mask(data: &[u8]) {
    let text = &*String::from_utf8_lossy(data);
    let masked = mask(text);
    assert_eq!(masked.len(), text.len());
    let mut at = 0;
    for hole in holes(text) {
        assert!(at <= hole.start && hole.end <= text.len());
        assert_eq!(masked[at..hole.start], text[at..hole.start]);
        let (written, covered) = (&text[hole.range()], &masked[hole.range()]);
        assert!(
            (written.starts_with("${") || written.starts_with("%{")) && written.ends_with('}'),
            "{written:?}"
        );
        assert!(
            covered
                .bytes()
                .all(|byte| matches!(byte, b'x' | b' ' | b'\n' | b'\r')),
            "{covered:?}"
        );
        at = hole.end;
    }
    assert_eq!(masked[at..], text[at..]);
}
