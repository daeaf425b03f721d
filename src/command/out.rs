//! Standard output for data, standard error for people. A reader that goes away (`| head`) is no
//! failure.

use crate::error::{Error, Excerpt, Result};
use miette::{
    GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteDiagnostic, NamedSource, Report,
};
use std::io::{ErrorKind, IsTerminal, Write};

/// Writes data to standard output.
pub fn data(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    match written {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Error::failed("cannot write to standard output").because(error))
        }
        _ => Ok(()),
    }
}

/// Writes a value as indented JSON with a final newline.
pub fn json(value: &serde_json::Value) -> Result<()> {
    data(&format!("{value:#}\n"))
}

/// Says one line to a person. Nobody can be told when standard error itself is gone.
pub fn say(line: &str) {
    drop(writeln!(std::io::stderr(), "{line}"));
}

/// Prints an error: the sentence, its causes, the hint, and the source line where one helps.
pub fn complain(error: &Error) {
    let mut text = format!("error: {}\n", error.what);
    for cause in &error.causes {
        text.push_str(&format!("  because: {cause}\n"));
    }
    if let Some(source) = &error.source {
        text.push_str(&excerpt(source));
    }
    if let Some(hint) = &error.hint {
        text.push_str(&format!("  hint: {hint}\n"));
    }
    drop(std::io::stderr().write_all(text.as_bytes()));
}

/// Draws the source line with a mark below the place.
pub fn excerpt(source: &Excerpt) -> String {
    let start = source.span.start.min(source.text.len());
    let end = source.span.end.clamp(start, source.text.len());
    let label = LabeledSpan::new(Some(source.label.clone()), start, end - start);
    let diagnostic = MietteDiagnostic::new("here").with_label(label);
    let report = Report::new(diagnostic)
        .with_source_code(NamedSource::new(&source.file, source.text.clone()));
    let theme = if std::io::stderr().is_terminal() {
        GraphicalTheme::unicode()
    } else {
        GraphicalTheme::unicode_nocolor()
    };
    let mut drawn = String::new();
    let handler = GraphicalReportHandler::new_themed(theme)
        .with_width(120)
        .with_context_lines(1);
    match handler.render_report(&mut drawn, report.as_ref()) {
        Ok(()) => drawn
            .lines()
            .skip(2)
            .map(|line| format!("{line}\n"))
            .collect(),
        Err(_) => String::new(),
    }
}

/// `1 pin`, `2 pins`.
pub fn many(count: usize, word: &str) -> String {
    format!("{count} {word}{}", if count == 1 { "" } else { "s" })
}

/// Writes unified diffs, coloured by the first letter of each line.
pub fn diff(text: &str, colour: bool) -> Result<()> {
    let painted: String = text.lines().map(paint).collect();
    data(if colour { &painted } else { text })
}

fn paint(line: &str) -> String {
    let code = match line.as_bytes().first() {
        Some(b'+') => "32",
        Some(b'-') => "31",
        Some(b'@') => "36",
        Some(b'#') => "1",
        _ => return format!("{line}\n"),
    };
    format!("\u{1b}[{code}m{line}\u{1b}[0m\n")
}
