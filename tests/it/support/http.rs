//! One HTTP request over a plain loopback socket, with exactly the headers a test names.
//! Never follows a redirect, adds a header of its own beyond `Host`, or speaks TLS.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// An answer as it came.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Reply {
    /// The first header of that name, in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self
            .headers
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }
}

/// Sends one request to `address` (`127.0.0.1:port`); HTTP/1.0, so that the answer is never
/// chunked.
pub fn request(
    address: &str,
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> std::io::Result<Reply> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    let mut head = format!(
        "{method} {target} HTTP/1.0\r\nHost: {address}\r\nContent-Length: {}\r\n",
        body.len()
    );
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    // In one piece: a server that refuses by the head closes the connection, and what comes after
    // that loses its answer.
    let whole = [head.as_bytes(), body].concat();
    stream.write_all(&whole)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    parse(&answer).ok_or_else(|| std::io::Error::other("the answer is not HTTP"))
}

/// A `HEAD` or `GET` without a body; panics when the server cannot be reached.
pub fn ask(address: &str, method: &str, target: &str, headers: &[(&str, &str)]) -> Reply {
    let reply = request(address, method, target, headers, b"");
    reply.unwrap_or_else(|why| panic!("{method} {address}{target}: {why}"))
}

fn parse(answer: &[u8]) -> Option<Reply> {
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&answer[..end]).ok()?;
    let mut lines = head.split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let headers = lines.filter_map(|line| {
        let (name, value) = line.split_once(':')?;
        Some((name.to_owned(), value.trim().to_owned()))
    });
    Some(Reply {
        status,
        headers: headers.collect(),
        body: answer[end + 4..].to_vec(),
    })
}
