//! What tests read back of the log. Only for tests.

use std::io::Write;
use std::sync::{Arc, Mutex};
use tracing::Dispatch;

/// Keeps the lines that are written to it. Clones share them.
#[derive(Clone, Default)]
pub(crate) struct LogLines(Arc<Mutex<Vec<u8>>>);

impl LogLines {
    /// Returns all lines so far.
    pub fn text(&self) -> String {
        let lines = self.0.lock().expect("no writer panicked");
        String::from_utf8(lines.clone()).expect("the log is text")
    }
}

impl Write for LogLines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let mut lines = self.0.lock().expect("no writer panicked");
        lines.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Returns a second dispatcher, which has to live while a test reads the log. With only one in the
/// process, tracing asks whichever thread comes to a line first whether it is wanted, and remembers
/// the answer for all threads; the thread of another test has no dispatcher (tracing-core 0.1.36,
/// `callsite.rs`, `Rebuilder::JustOne`).
pub(crate) fn second_dispatcher() -> Dispatch {
    Dispatch::new(tracing_subscriber::registry())
}
