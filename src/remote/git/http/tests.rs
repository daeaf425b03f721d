use super::*;
use crate::remote::git::Clone;
use secrecy::SecretString;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::thread::JoinHandle;

/// Gives the same answer to every request and keeps what it was asked.
struct Parrot {
    address: std::net::SocketAddr,
    thread: JoinHandle<Vec<String>>,
}

impl Parrot {
    fn start(answer: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let thread = std::thread::spawn(move || {
            let mut asked = Vec::new();
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let lines = BufReader::new(stream.try_clone().unwrap())
                    .lines()
                    .map_while(|line| line.ok());
                let request: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
                if request.is_empty() {
                    break;
                }
                asked.push(request.join("\n"));
                write!(
                    stream,
                    "HTTP/1.1 {answer}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
                )
                .unwrap();
            }
            asked
        });
        Self { address, thread }
    }

    fn stop(self) -> Vec<String> {
        drop(std::net::TcpStream::connect(self.address).unwrap());
        self.thread.join().unwrap()
    }
}

fn access(token: Option<&str>) -> Access {
    Access {
        token: token.map(SecretString::from),
        ..Access::default()
    }
}

#[test]
fn each_answer_that_is_no_git_answer_is_said() {
    for (answer, kind, what) in [
        (
            "302 Found\r\nlocation: https://other.example.com/a/x.git/info/refs?token=y",
            Kind::Failed,
            "redirects to other.example.com/a/x.git/info/refs",
        ),
        (
            "301 Moved Permanently\r\nlocation: /a/y.git/info/refs",
            Kind::Failed,
            "redirects to 127.0.0.1/a/y.git/info/refs",
        ),
        ("401 Unauthorized", Kind::Failed, "refuses access"),
        ("403 Forbidden", Kind::Failed, "refuses access"),
        (
            "404 Not Found",
            Kind::Failed,
            "there is no git repository at",
        ),
        (
            "200 OK\r\ncontent-type: text/html",
            Kind::Failed,
            "is not a git repository",
        ),
        ("503 Service Unavailable", Kind::Outside, "answered 503"),
    ] {
        let parrot = Parrot::start(answer);
        let cache = tempfile::tempdir().unwrap();
        let remote = Remote::parse(&format!("http://{}/x.git", parrot.address)).unwrap();
        let error = Clone::open_or_fetch(&remote, cache.path(), &access(Some("hunter2")))
            .err()
            .unwrap();
        assert!(
            error.kind == kind && error.what.contains(what) && error.hint.is_some(),
            "{answer}: {error:?}"
        );
        assert!(!format!("{error:?}").contains("hunter2"), "{answer}");
        let asked = parrot.stop();
        assert!(
            asked.iter().all(|request| !request.contains("hunter2")),
            "{asked:?}"
        );
    }
}

#[test]
fn a_token_crosses_no_network_in_the_clear() {
    let cases = [
        ("http://git.example.com/x.git", false),
        ("http://127.0.0.1:9/x.git", true),
        ("http://localhost/x.git", true),
        ("http://[::1]/x.git", true),
        ("http://localhost.example.com/x.git", false),
        ("https://git.example.com/x.git", true),
    ];
    for (address, fine) in cases {
        let remote = Remote::parse(address).unwrap();
        assert_eq!(
            access(Some("hunter2")).check(&remote).is_ok(),
            fine,
            "{address}"
        );
        assert!(access(None).check(&remote).is_ok(), "{address}");
        assert!(
            Access {
                allow_insecure: true,
                ..access(Some("hunter2"))
            }
            .check(&remote)
            .is_ok(),
            "{address}"
        );
    }
}

#[test]
fn the_token_is_not_printed() {
    let access = access(Some("hunter2"));
    let (_, value) = authorization(&access).unwrap();
    assert_eq!(value.to_str().unwrap(), "Basic cGludGxlOmh1bnRlcjI=");
    assert!(!format!("{value:?} {access:?}").contains("hunter2"));
    assert!(!format!("{value:?}").contains("cGlud"));
}
