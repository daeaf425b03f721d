//! How far a long read is, on a terminal; nothing in a pipe.

use indicatif::{ProgressBar, ProgressStyle};
use std::io::IsTerminal;

/// A bar on standard error.
pub struct Bar(Option<ProgressBar>);

impl Bar {
    pub fn new() -> Self {
        let style = ProgressStyle::with_template("{msg} {bar:30} {pos}/{len}").ok();
        Self(
            style
                .filter(|_| std::io::stderr().is_terminal())
                .map(|style| ProgressBar::new(0).with_style(style)),
        )
    }

    pub fn at(&self, what: &str, done: usize, of: usize) {
        if let Some(bar) = self.0.as_ref().filter(|_| of > 0) {
            bar.set_message(what.to_owned());
            bar.set_length(of as u64);
            bar.set_position(done as u64);
        }
    }

    pub fn end(&self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}
