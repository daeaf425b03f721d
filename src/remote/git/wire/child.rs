//! A push through a child process (`git receive-pack`, `ssh`): hooks and the server's own checks
//! run. The child gets none of our secrets and none of git's variables, and is ended when nothing
//! moves for too long.

use super::way::Wire;
use crate::remote::child::{self, Conversation, Half};
use std::io::{self, Read, Write};
use std::process::{ChildStdin, ChildStdout, Command};
use std::sync::Arc;

pub(super) struct Stream {
    wire: Arc<Wire>,
    /// `None` once it is dropped.
    conversation: Option<(Conversation, Half<ChildStdout>)>,
    input: Option<Half<ChildStdin>>,
    written: usize,
}

impl Stream {
    pub(super) fn start(mut command: Command, wire: Arc<Wire>) -> io::Result<Self> {
        let (conversation, output, input) = child::converse(&mut command, wire.limits)?;
        Ok(Self {
            wire,
            conversation: Some((conversation, output)),
            input: Some(input),
            written: 0,
        })
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.conversation
            .as_mut()
            .map_or(Ok(0), |(_, output)| output.read(buffer))
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self
            .input
            .as_mut()
            .map_or(Ok(0), |input| input.write(bytes))?;
        self.written += count;
        if self.written > "0000".len() {
            self.wire.note(|happened| happened.sent = true);
        }
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.input.as_mut().map_or(Ok(()), Write::flush)
    }
}

impl Drop for Stream {
    /// Lets the child finish (hooks that run after the push, too) and takes its last words.
    fn drop(&mut self) {
        drop(self.input.take());
        let Some((conversation, mut output)) = self.conversation.take() else {
            return;
        };
        let _ = io::copy(&mut output, &mut io::sink());
        let said = conversation.wait(output);
        self.wire.note(|happened| happened.stderr = said);
    }
}
