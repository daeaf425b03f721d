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
        let told = access(Some("hunter2"));
        assert_eq!(check(&remote, &told).is_ok(), fine, "{address}");
        assert!(check(&remote, &access(None)).is_ok(), "{address}");
        let allowed = Access {
            allow_insecure: true,
            ..told
        };
        assert!(check(&remote, &allowed).is_ok(), "{address}");
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

/// Serves a repository over smart http with git itself, and answers the last request of a fetch
/// with 503 while `broken` is set.
fn serve_git(
    path: std::path::PathBuf,
    broken: std::sync::Arc<std::sync::atomic::AtomicBool>,
) -> std::net::SocketAddr {
    use std::io::Read;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut stream = stream;
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let (mut head, mut length) = (String::new(), 0);
            loop {
                let mut line = String::new();
                if reader.read_line(&mut line).unwrap_or(0) == 0 || line == "\r\n" {
                    break;
                }
                if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap();
                }
                head.push_str(&line);
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            // The request for objects comes in chunks.
            let mut more = head.to_lowercase().contains("transfer-encoding: chunked");
            while more {
                let mut line = String::new();
                reader.read_line(&mut line).unwrap();
                let size = usize::from_str_radix(line.trim(), 16).unwrap();
                let mut chunk = vec![0; size + 2];
                reader.read_exact(&mut chunk).unwrap();
                body.extend_from_slice(&chunk[..size]);
                more = size > 0;
            }
            let fetches = body.windows(13).any(|text| text == b"command=fetch");
            if fetches && broken.load(std::sync::atomic::Ordering::SeqCst) {
                let answer = "HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
                let _ = stream.write_all(answer.as_bytes());
                continue;
            }
            let lists = head.starts_with("GET");
            let mut git = std::process::Command::new("git");
            git.arg("upload-pack").arg("--stateless-rpc");
            if lists {
                git.arg("--http-backend-info-refs");
            }
            git.arg(&path)
                .env("GIT_PROTOCOL", "version=2")
                .stdin(std::process::Stdio::piped())
                .stdout(std::process::Stdio::piped());
            let mut child = git.spawn().unwrap();
            child.stdin.take().unwrap().write_all(&body).unwrap();
            let output = child.wait_with_output().unwrap().stdout;
            let (kind, first) = match lists {
                true => ("advertisement", "001e# service=git-upload-pack\n0000"),
                false => ("result", ""),
            };
            // A client that has read what it needs goes away.
            let _ = write!(
                stream,
                "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-type: application/x-git-upload-pack-{kind}\r\ncontent-length: {}\r\n\r\n{first}",
                output.len() + first.len()
            );
            let _ = stream.write_all(&output);
        }
    });
    address
}

#[test]
fn a_server_that_fails_in_the_middle_of_a_fetch_costs_no_clone() {
    use crate::remote::git::tests::fixture::Host;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    let host = Host::with(&[("a.tf", b"1")]);
    let broken = Arc::new(AtomicBool::new(false));
    let address = serve_git(host.path(), Arc::clone(&broken));
    let remote = Remote::parse(&format!("http://{address}/x.git")).unwrap();
    let open = || Clone::open_or_fetch(&remote, &host.cache(), &access(None));
    let first = open().unwrap().tip();
    let folder = host.cache().join(remote.folder());
    std::fs::write(folder.join("marker"), "").unwrap();

    broken.store(true, Ordering::SeqCst);
    host.commit("More", &[("b.tf", b"2")]);
    let error = open().err().unwrap();
    assert_eq!(error.kind, Kind::Outside, "{error:?}");
    let text = format!("{error:?}");
    assert!(
        text.contains("503") && !text.contains("disk full"),
        "{text}"
    );
    assert!(folder.join("marker").exists(), "the clone was thrown away");

    broken.store(false, Ordering::SeqCst);
    let next = open().unwrap().tip();
    assert_ne!(next, first);
    assert!(folder.join("marker").exists(), "the clone was thrown away");
}

#[test]
fn plain_http_where_tls_is_expected_is_said_so() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut hello = [0; 1024];
            std::io::Read::read(&mut stream, &mut hello).unwrap();
            let answer = "HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n";
            stream.write_all(answer.as_bytes()).unwrap();
        }
    });
    let cache = tempfile::tempdir().unwrap();
    let remote = Remote::parse(&format!("https://{address}/x.git")).unwrap();
    let error = Clone::open_or_fetch(&remote, cache.path(), &access(None))
        .err()
        .unwrap();
    let said = error.to_string();
    assert!(
        said.contains(&format!("{address} speaks plain http")),
        "{said}"
    );
}
