//! Whatever the text is: it is read without harm, quoted or fenced it says nothing, and made
//! harmless it is no command and changes no line around it.

use pintle::comment::parse::{LONGEST, MOST, parse};
use pintle::comment::{marker::Marker, quote};
use pintle::model::ask::Command;

pub fn comment(data: &[u8]) {
    let text = &*String::from_utf8_lossy(data);
    if text.len() > LONGEST / 8 {
        return;
    }
    match parse(text) {
        Ok(commands) => assert!(commands.len() <= MOST),
        Err(misread) => assert!(
            (1..=text.split(['\n', '\r']).count()).contains(&misread.line),
            "{misread}"
        ),
    }
    let quoted: Vec<String> = text
        .split(['\n', '\r'])
        .map(|line| format!("> {line}"))
        .collect();
    assert_eq!(parse(&quoted.join("\n")), Ok(Vec::new()));
    assert_eq!(parse(&quote::block(text)), Ok(Vec::new()));
    assert_eq!(
        parse(&format!("{}\n/plan", quote::block(text))),
        Ok(vec![Command::Plan])
    );
    let cut = quote::cut(text, 7);
    assert!(cut == text || cut.ends_with('…'), "{cut:?}");
    for harmless in [
        quote::inline(text),
        quote::code(text),
        quote::link(text, text),
    ] {
        assert!(
            !harmless.contains(['\n', '\r', '\0', '\u{202e}', '\u{200b}']),
            "{harmless:?}"
        );
        assert_eq!(parse(&harmless), Ok(Vec::new()), "{harmless:?}");
        assert_eq!(Marker::all(&harmless), []);
        let around = format!("Said {harmless}.\n\n| {harmless} | b |\n|---|---|\n\n/plan");
        assert_eq!(parse(&around), Ok(vec![Command::Plan]), "{around:?}");
    }
}
