//! One request of a push over http: what libgit2 writes is gathered, and sent when it starts to
//! read. Never follows a redirect.

use super::way::{PushTransport, Wire};
use crate::remote::git::http;
use reqwest::StatusCode;
use reqwest::blocking::{RequestBuilder, Response};
use std::io::{self, Read, Write};
use std::sync::Arc;

/// A request to be, or its answer.
pub(super) struct Exchange {
    wire: Arc<Wire>,
    /// `None` for the question which refs there are.
    body: Option<Vec<u8>>,
    answer: Option<Response>,
}

impl Exchange {
    pub(super) fn list(wire: Arc<Wire>) -> Self {
        Self {
            wire,
            body: None,
            answer: None,
        }
    }

    pub(super) fn send(wire: Arc<Wire>) -> Self {
        Self {
            wire,
            body: Some(Vec::new()),
            answer: None,
        }
    }

    fn request(&mut self) -> Option<RequestBuilder> {
        let PushTransport::Http { url, client, .. } = &self.wire.way else {
            return None;
        };
        let request = match self.body.take() {
            None => client.get(http::below(url, "info/refs?service=git-receive-pack")),
            Some(body) => {
                let kind = "application/x-git-receive-pack-request";
                self.wire.note(|happened| happened.sent = true);
                client
                    .post(http::below(url, "git-receive-pack"))
                    .header("content-type", kind)
                    .body(body)
            }
        };
        Some(request)
    }

    fn ask(&mut self) -> io::Result<Response> {
        let wire = Arc::clone(&self.wire);
        let PushTransport::Http { url, access, .. } = &wire.way else {
            return Err(io::Error::other("not an http remote"));
        };
        let request = self
            .request()
            .ok_or_else(|| io::Error::other("not an http remote"))?;
        let answer = http::send(request, url, access).map_err(|why| {
            wire.note(|happened| happened.error = Some(http::unreachable(&wire.remote, &why)));
            io::Error::other("no answer")
        })?;
        let status = answer.status();
        if let Some(error) = http::explain(&wire.remote, &answer, access.token.is_some()) {
            wire.note(|happened| {
                happened.error = Some(error);
                happened.denied =
                    matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN);
                // A refusal is an answer: nothing was carried out. A gateway's error is not the
                // server's word.
                happened.sent &= !status.is_client_error();
            });
            return Err(io::Error::other(format!("the server answered {status}")));
        }
        Ok(answer)
    }
}

impl Read for Exchange {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.answer.is_none() {
            self.answer = Some(self.ask()?);
        }
        self.answer
            .as_mut()
            .map_or(Ok(0), |answer| answer.read(buffer))
    }
}

impl Write for Exchange {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.body {
            Some(body) => body.extend_from_slice(bytes),
            None => return Err(io::Error::other("the request is already sent")),
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
