//! HTTP as a server in the test process speaks it over a plain socket: reads one request, writes
//! one answer, and can as well hang up. Knows no TLS, and one request a connection.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};

use super::http::Reply;

/// Answers a request of this method and ends the connection; `None` when the client has gone.
pub fn answer(mut stream: &TcpStream, method: &str, reply: &Reply) -> Option<()> {
    let mut head = format!("HTTP/1.1 {} Answer\r\nConnection: close\r\n", reply.status);
    let length = !matches!(reply.status, 204 | 304) && method != "HEAD";
    for (name, value) in &reply.headers {
        let ours = name.eq_ignore_ascii_case("connection")
            || name.eq_ignore_ascii_case("content-length") && length;
        if !ours {
            head += &format!("{name}: {value}\r\n");
        }
    }
    if length {
        head += &format!("Content-Length: {}\r\n", reply.body.len());
    }
    head += "\r\n";
    stream.write_all(head.as_bytes()).ok()?;
    stream.write_all(&reply.body).ok()?;
    stream.shutdown(Shutdown::Write).ok()
}

/// A request as it came in.
pub struct Request {
    pub method: String,
    /// Path and query.
    pub target: String,
    /// Names in lower case; without those that are about one connection or the length of the body.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Request {
    /// Reads one; `None` when the client ends first or speaks something else.
    pub fn read(stream: &TcpStream) -> Option<Request> {
        let mut reader = BufReader::new(stream);
        let line = line(&mut reader)?;
        let mut words = line.split(' ');
        let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
        let mut request = Request {
            method,
            target,
            headers: Vec::new(),
            body: Vec::new(),
        };
        let (mut length, mut chunked) = (0, false);
        loop {
            let line = self::line(&mut reader)?;
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_once(':')?;
            let (name, value) = (name.to_ascii_lowercase(), value.trim());
            match name.as_str() {
                "content-length" => length = value.parse().ok()?,
                "transfer-encoding" => chunked = value.eq_ignore_ascii_case("chunked"),
                "expect" => {
                    let mut stream = stream;
                    stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").ok()?;
                }
                "host" | "connection" | "keep-alive" | "te" | "upgrade" => {}
                _ => request.headers.push((name, value.to_owned())),
            }
        }
        match chunked {
            true => chunks(&mut reader, &mut request.body)?,
            false => {
                reader.take(length).read_to_end(&mut request.body).ok()?;
                (request.body.len() as u64 == length).then_some(())?;
            }
        }
        Some(request)
    }
}

/// A line without its end.
fn line(reader: &mut impl BufRead) -> Option<String> {
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    line.strip_suffix("\r\n").map(str::to_owned)
}

/// RFC 9112, section 7.1; extensions and trailers are left out.
fn chunks(reader: &mut impl BufRead, body: &mut Vec<u8>) -> Option<()> {
    loop {
        let line = line(reader)?;
        let size = u64::from_str_radix(line.split(';').next()?.trim(), 16).ok()?;
        let before = body.len() as u64;
        reader.by_ref().take(size).read_to_end(body).ok()?;
        (body.len() as u64 - before == size).then_some(())?;
        while let Some(line) = self::line(reader) {
            // The end of a chunk's data is one empty line; trailers may come before the last one.
            if line.is_empty() {
                break;
            }
        }
        if size == 0 {
            return Some(());
        }
    }
}
