//! A registry that misbehaves in every way there is a word for: no digest comes of it, nothing
//! hangs, and each way has its sentence.

use super::*;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// No case may take longer; each request has three seconds.
const HANGS: Duration = Duration::from_secs(60);

/// What the fake registry holds: an index of two manifests.
struct Stored {
    addr: SocketAddr,
    index: Vec<u8>,
    children: [Vec<u8>; 2],
}

struct Request {
    is_head: bool,
    /// A tag or a digest.
    reference: String,
}

enum Answer {
    Bytes(Vec<u8>),
    /// These bytes, and then nothing.
    Stall(Vec<u8>),
    /// These bytes again and again.
    Endless(Vec<u8>, Vec<u8>),
    /// One byte at a time.
    Drip(Vec<u8>),
}

type Behaviour = fn(&Request, &Stored) -> Option<Answer>;

fn digest_of(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(bytes)))
}

fn manifest(seed: &str, config: &str) -> Vec<u8> {
    let digest = format!("sha256:{}", "c".repeat(64));
    let config = json!({ "mediaType": config, "digest": digest, "size": 2 });
    let layers: [Value; 0] = [];
    json!({
        "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers,
        "annotations": { "seed": seed },
    })
    .to_string()
    .into_bytes()
}

impl Stored {
    fn new(addr: SocketAddr) -> Self {
        let config = "application/vnd.oci.image.config.v1+json";
        let children = ["amd64", "arm64"].map(|seed| manifest(seed, config));
        let entries: Vec<Value> = ["amd64", "arm64"]
            .iter()
            .zip(&children)
            .map(|(architecture, bytes)| {
                json!({
                    "mediaType": MANIFEST, "digest": digest_of(bytes), "size": bytes.len(),
                    "platform": { "os": "linux", "architecture": architecture },
                })
            })
            .collect();
        let index = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": entries });
        Self {
            addr,
            index: index.to_string().into_bytes(),
            children,
        }
    }

    /// The answer of a registry that does as it should.
    fn good(&self, request: &Request) -> Answer {
        let found = match &*request.reference {
            "latest" => Some((INDEX, &self.index)),
            digest if digest == digest_of(&self.index) => Some((INDEX, &self.index)),
            digest => self
                .children
                .iter()
                .find(|child| digest == digest_of(child))
                .map(|child| (MANIFEST, child)),
        };
        match found {
            Some((kind, bytes)) => served(request, kind, bytes),
            None => missing(),
        }
    }
}

impl Request {
    fn is_tag(&self) -> bool {
        self.reference == "latest"
    }

    fn is_child(&self, stored: &Stored) -> bool {
        !self.is_tag() && self.reference != digest_of(&stored.index)
    }
}

fn raw(status: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut bytes = format!("HTTP/1.1 {status}\r\nConnection: close\r\n").into_bytes();
    for (name, value) in headers {
        bytes.extend(format!("{name}: {value}\r\n").into_bytes());
    }
    bytes.extend(b"\r\n");
    bytes.extend(body);
    bytes
}

/// 200 with a type, the digest of the bytes, and the bytes unless it is a HEAD.
fn served(request: &Request, kind: &str, bytes: &[u8]) -> Answer {
    with_digest(request, kind, bytes, &digest_of(bytes))
}

fn with_digest(request: &Request, kind: &str, bytes: &[u8], digest: &str) -> Answer {
    let length = bytes.len().to_string();
    let headers = [
        ("Content-Type", kind),
        ("Docker-Content-Digest", digest),
        ("Content-Length", &length),
    ];
    Answer::Bytes(raw("200 OK", &headers, body(request, bytes)))
}

fn body<'a>(request: &Request, bytes: &'a [u8]) -> &'a [u8] {
    if request.is_head { b"" } else { bytes }
}

fn status(line: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    Answer::Bytes(raw(line, headers, body.as_bytes()))
}

fn missing() -> Answer {
    let headers = [("Content-Type", "application/json")];
    status(
        "404 Not Found",
        &headers,
        r#"{"errors":[{"code":"MANIFEST_UNKNOWN"}]}"#,
    )
}

fn redirect(to: &str) -> Option<Answer> {
    Some(status(
        "307 Temporary Redirect",
        &[("Location", to), ("Content-Length", "0")],
        "",
    ))
}

/// 200 for everything, without a digest.
fn page(request: &Request, kind: &str, text: &str) -> Option<Answer> {
    let length = text.len().to_string();
    let headers = [("Content-Type", kind), ("Content-Length", &length)];
    let text = if request.is_head { "" } else { text };
    Some(status("200 OK", &headers, text))
}

/// The tag means other bytes, which are served by their digest as well.
fn instead(request: &Request, stored: &Stored, kind: &str, bytes: &[u8]) -> Option<Answer> {
    let is_it = request.is_tag() || request.reference == digest_of(bytes);
    (is_it || !request.is_child(stored)).then(|| served(request, kind, bytes))
}

/// Only what is fetched by its digest is another answer.
fn by_get(request: &Request, answer: impl FnOnce() -> Answer) -> Option<Answer> {
    (!request.is_head).then(answer)
}

fn headers_of(bytes: &[u8], length: usize) -> Vec<u8> {
    let (digest, length) = (digest_of(bytes), length.to_string());
    raw(
        "200 OK",
        &[
            ("Content-Type", INDEX),
            ("Docker-Content-Digest", &digest),
            ("Content-Length", &length),
        ],
        b"",
    )
}

/// What it does, how, and the sentence.
const BEHAVIOURS: &[(&str, Behaviour, &str)] = &[
    (
        "a page for signing in",
        |r, _| page(r, "text/html; charset=utf-8", "<html>sign in</html>"),
        "answered r.example.com/a/b:latest with type `text/html`, which is not an image manifest",
    ),
    (
        "an error in JSON with 200",
        |r, _| page(r, "application/json", r#"{"errors":[{"code":"DENIED"}]}"#),
        "with type `application/json`, which is not an image manifest",
    ),
    (
        "no content type",
        |_, _| Some(status("200 OK", &[("Content-Length", "0")], "")),
        "with no content type, which is not an image manifest",
    ),
    (
        "bytes of no kind",
        |r, s| Some(served(r, "application/octet-stream", &s.index)),
        "with type `application/octet-stream`",
    ),
    (
        "a manifest of schema 1",
        |r, s| {
            let kind = "application/vnd.docker.distribution.manifest.v1+prettyjws";
            Some(served(r, kind, &s.index))
        },
        "manifest.v1+prettyjws`, which is not an image manifest",
    ),
    (
        "two content types",
        |r, s| {
            let digest = digest_of(&s.index);
            let headers = [
                ("Content-Type", INDEX),
                ("Content-Type", "text/html"),
                ("Docker-Content-Digest", &*digest),
            ];
            Some(Answer::Bytes(raw("200 OK", &headers, body(r, &s.index))))
        },
        "which is not an image manifest",
    ),
    (
        "HEAD is right, GET is a page",
        |r, _| by_get(r, || page(r, "text/html", "<html>").expect("a page")),
        "with type `text/html`, which is not an image manifest",
    ),
    (
        "GET is an error that calls itself an index",
        |r, _| by_get(r, || page(r, INDEX, r#"{"errors":[]}"#).expect("a page")),
        "that hash to",
    ),
    (
        "a digest that is another's",
        |r, s| {
            let lie = format!("sha256:{}", "a".repeat(64));
            r.is_tag().then(|| with_digest(r, INDEX, &s.index, &lie))
        },
        "does not exist",
    ),
    (
        "a digest that is none",
        |r, s| Some(with_digest(r, INDEX, &s.index, "sha256:abc")),
        "names `sha256:abc` as digest",
    ),
    (
        "a digest of another algorithm",
        |r, s| {
            let other = format!("sha512:{}", "a".repeat(128));
            Some(with_digest(r, INDEX, &s.index, &other))
        },
        "as digest of r.example.com/a/b:latest, which is none",
    ),
    (
        "an empty digest",
        |r, s| Some(with_digest(r, INDEX, &s.index, "")),
        "names `` as digest",
    ),
    (
        "two digests",
        |r, s| {
            let (one, other) = (digest_of(&s.index), digest_of(b"other"));
            let headers = [
                ("Content-Type", INDEX),
                ("Docker-Content-Digest", &*one),
                ("Docker-Content-Digest", &*other),
            ];
            Some(Answer::Bytes(raw("200 OK", &headers, body(r, &s.index))))
        },
        "as digest of r.example.com/a/b:latest, which is none",
    ),
    (
        "no digest, and a page to a GET",
        |r, _| {
            if r.is_head {
                page(r, INDEX, "")
            } else {
                page(r, "text/html", "<html>")
            }
        },
        "with type `text/html`",
    ),
    (
        "a body that breaks off",
        |r, s| {
            by_get(r, || {
                let mut bytes = headers_of(&s.index, s.index.len());
                bytes.extend(&s.index[..20]);
                Answer::Bytes(bytes)
            })
        },
        "cannot reach r.example.com: ",
    ),
    (
        "a length that is too short",
        |r, s| {
            by_get(r, || {
                let mut bytes = headers_of(&s.index, 20);
                bytes.extend(&s.index);
                Answer::Bytes(bytes)
            })
        },
        "that hash to",
    ),
    (
        "two lengths",
        |r, s| {
            by_get(r, || {
                let headers = [
                    ("Content-Type", INDEX),
                    ("Content-Length", "20"),
                    ("Content-Length", "4000"),
                ];
                Answer::Bytes(raw("200 OK", &headers, &s.index))
            })
        },
        "cannot reach r.example.com: ",
    ),
    (
        "more bytes than the digest's",
        |r, s| {
            by_get(r, || {
                let mut bytes = s.index.clone();
                bytes.push(b'\n');
                with_digest(r, INDEX, &bytes, &digest_of(&s.index))
            })
        },
        "that hash to",
    ),
    (
        "other bytes",
        |r, s| by_get(r, || with_digest(r, INDEX, b"{}", &digest_of(&s.index))),
        "that hash to",
    ),
    (
        "gzip that nobody asked for",
        |r, s| {
            by_get(r, || {
                let zipped = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3];
                let digest = digest_of(&s.index);
                let headers = [
                    ("Content-Type", INDEX),
                    ("Content-Encoding", "gzip"),
                    ("Docker-Content-Digest", &*digest),
                    ("Content-Length", "10"),
                ];
                Answer::Bytes(raw("200 OK", &headers, &zipped))
            })
        },
        "that hash to",
    ),
    (
        "a length of terabytes",
        |r, s| by_get(r, || Answer::Stall(headers_of(&s.index, 1 << 42))),
        "is larger than 4194304 bytes",
    ),
    (
        "a body without an end",
        |r, _| {
            by_get(r, || {
                let head = raw("200 OK", &[("Content-Type", INDEX)], b"");
                Answer::Endless(head, vec![b' '; 64 << 10])
            })
        },
        "is larger than 4194304 bytes",
    ),
    (
        "no answer to a HEAD",
        |_, _| Some(Answer::Stall(Vec::new())),
        "did not answer within 3s",
    ),
    (
        "half a body, and then nothing",
        |r, s| {
            by_get(r, || {
                let mut bytes = headers_of(&s.index, s.index.len());
                bytes.extend(&s.index[..20]);
                Answer::Stall(bytes)
            })
        },
        "did not answer within 3s",
    ),
    (
        "one byte at a time",
        |_, s| Some(Answer::Drip(headers_of(&s.index, s.index.len()))),
        "did not answer within 3s",
    ),
    (
        "headers without an end",
        |_, _| {
            Some(Answer::Endless(
                b"HTTP/1.1 200 OK\r\n".to_vec(),
                b"x: y\r\n".repeat(1000),
            ))
        },
        "cannot reach r.example.com: ",
    ),
    (
        "no HTTP",
        |_, _| Some(Answer::Bytes(b"SSH-2.0-OpenSSH_9.9\r\n".to_vec())),
        "cannot reach r.example.com: ",
    ),
    (
        "an end without an answer",
        |_, _| Some(Answer::Bytes(Vec::new())),
        "cannot reach r.example.com: ",
    ),
    (
        "a redirect to itself",
        |_, _| redirect("latest"),
        "which is not followed: it is one redirect too many",
    ),
    (
        "redirects between two hosts without an end",
        |_, s| {
            redirect(&format!(
                "http://localhost:{}/v2/a/b/manifests/latest",
                s.addr.port()
            ))
        },
        "it is one redirect too many",
    ),
    (
        "a redirect to where nothing is encrypted",
        |_, _| redirect("http://other.example.com/v2/a/b/manifests/latest"),
        "which is not followed: it is not encrypted",
    ),
    (
        "a redirect into the network",
        |_, _| redirect("https://169.254.169.254/v2/a/b/manifests/latest"),
        "it is not a public host",
    ),
    (
        "a redirect to a page",
        |_, _| redirect("https://other.example.com/login"),
        "it is not a manifest's address",
    ),
    (
        "a redirect with a password",
        |_, _| redirect("https://a:b@other.example.com/v2/a/b/manifests/latest"),
        "it has credentials in its address",
    ),
    (
        "a redirect to a file",
        |_, _| redirect("file:///etc/passwd"),
        "which is not followed: ",
    ),
    (
        "a redirect to nowhere",
        |_, _| Some(status("302 Found", &[("Content-Length", "0")], "")),
        "it names no address",
    ),
    (
        "404 in HTML",
        |_, _| {
            Some(status(
                "404 Not Found",
                &[("Content-Type", "text/html")],
                "<html>",
            ))
        },
        "answered 404 for r.example.com/a/b:latest",
    ),
    (
        "404 with an empty body",
        |_, _| Some(status("404 Not Found", &[("Content-Length", "0")], "")),
        "answered 404 for r.example.com/a/b:latest",
    ),
    (
        "no content",
        |_, _| Some(status("204 No Content", &[], "")),
        "answered 204",
    ),
    (
        "not modified",
        |_, _| Some(status("304 Not Modified", &[], "")),
        "answered 304",
    ),
    (
        "a part",
        |_, _| {
            let head = [("Content-Type", INDEX), ("Content-Length", "0")];
            Some(status("206 Partial Content", &head, ""))
        },
        "answered 206",
    ),
    (
        "401 without a word",
        |_, _| Some(status("401 Unauthorized", &[("Content-Length", "0")], "")),
        "answered 401",
    ),
    (
        "an authentication that nobody has",
        |_, _| {
            let headers = [
                ("WWW-Authenticate", "Magic spell=\"x\""),
                ("Content-Length", "0"),
            ];
            Some(status("401 Unauthorized", &headers, ""))
        },
        "r.example.com",
    ),
    (
        "an error of the server",
        |_, _| {
            Some(status(
                "500 Internal Server Error",
                &[("Content-Length", "0")],
                "",
            ))
        },
        "answered 500",
    ),
    (
        "an index whose children are gone",
        |r, s| r.is_child(s).then(missing),
        "for linux/amd64, which does not exist",
    ),
    (
        "an index of which one child is gone",
        |r, s| (r.reference == digest_of(&s.children[1])).then(missing),
        "for linux/arm64, which does not exist",
    ),
    (
        "a child that is a page",
        |r, s| {
            r.is_child(s)
                .then(|| page(r, "text/html", "<html>").expect("a page"))
        },
        "with type `text/html`",
    ),
    (
        "a child of another size",
        |r, s| {
            let digest = r.reference.clone();
            r.is_child(s)
                .then(|| with_digest(r, MANIFEST, b"short", &digest))
        },
        "it has 5 bytes, and its index claims",
    ),
    (
        "a child that is another",
        |r, s| r.is_child(s).then(|| served(r, MANIFEST, &s.index)),
        "that hash to",
    ),
    (
        "an index of nothing",
        |r, s| {
            let empty = br#"{"schemaVersion":2,"manifests":[]}"#;
            instead(r, s, INDEX, empty)
        },
        "is not a container image: the index names no image",
    ),
    (
        "an index that is none",
        |r, s| instead(r, s, INDEX, b"<html>sign in</html>"),
        "is not a container image: it cannot be read as JSON",
    ),
    (
        "brackets without an end",
        |r, s| instead(r, s, INDEX, &vec![b'['; 100_000]),
        "it cannot be read as JSON: recursion limit exceeded",
    ),
    (
        "a Helm chart",
        |r, s| {
            let chart = manifest("chart", "application/vnd.cncf.helm.config.v1+json");
            instead(r, s, MANIFEST, &chart)
        },
        "which is another kind of artifact",
    ),
];

async fn serve(stream: TcpStream, behaviour: Behaviour, stored: &Stored) -> Option<()> {
    let mut stream = stream;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let text = String::from_utf8(head).ok()?;
    let (method, path) = text.lines().next()?.split_once(' ')?;
    let path = path.split(' ').next()?;
    let request = Request {
        is_head: method == "HEAD",
        reference: path.rsplit('/').next()?.to_owned(),
    };
    let answer = behaviour(&request, stored).unwrap_or_else(|| stored.good(&request));
    match answer {
        Answer::Bytes(bytes) => stream.write_all(&bytes).await.ok()?,
        Answer::Stall(bytes) => {
            stream.write_all(&bytes).await.ok()?;
            // Until the client has had enough.
            stream.read_u8().await.ok()?;
        }
        Answer::Endless(head, again) => {
            stream.write_all(&head).await.ok()?;
            loop {
                stream.write_all(&again).await.ok()?;
            }
        }
        Answer::Drip(bytes) => {
            for byte in bytes {
                stream.write_all(&[byte]).await.ok()?;
                let mut closed = [0];
                let pause = Duration::from_millis(50);
                let _ = tokio::time::timeout(pause, stream.read(&mut closed)).await;
            }
        }
    }
    stream.shutdown().await.ok()
}

/// Asks what the tag means and proves it, at a registry that behaves so.
async fn pinned(behaviour: Behaviour) -> Result<Digest, String> {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let addr = listener.local_addr().expect("an address");
    let stored = Arc::new(Stored::new(addr));
    let serving = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let stored = stored.clone();
            tokio::spawn(async move { serve(stream, behaviour, &stored).await });
        }
    });
    let registry = RegistryOptions {
        endpoint: format!("http://{addr}").parse().ok(),
        ..RegistryOptions::new("r.example.com")
    };
    let client = Client::new(Options {
        registries: vec![registry],
        timeout: Duration::from_secs(3),
        longest_wait: Duration::ZERO,
        ..Options::default()
    });
    let channel = Channel::parse("r.example.com/a/b:latest").expect("a channel");
    let work = async {
        let digest = client.head(&channel).await?;
        client.prove("r.example.com", "a/b", &digest, None).await?;
        Ok(digest)
    };
    let done = tokio::time::timeout(HANGS, work).await;
    serving.abort();
    match done {
        Ok(done) => done.map_err(|why: OciError| why.to_string()),
        Err(_) => panic!("it hangs"),
    }
}

#[tokio::test]
async fn a_registry_that_behaves_is_pinned() {
    let stored = Stored::new(SocketAddr::from(([127, 0, 0, 1], 0)));
    let digest = pinned(|_, _| None).await.expect("a digest");
    assert_eq!(digest.as_str(), digest_of(&stored.index));
}

#[tokio::test]
async fn no_misbehaviour_gives_a_pin_or_hangs_and_each_has_its_sentence() {
    let cases = BEHAVIOURS.iter().map(|(name, behaviour, want)| async move {
        match pinned(*behaviour).await {
            Ok(digest) => Some(format!("{name}: pinned {digest}")),
            Err(why) => (!why.contains(want)).then(|| format!("{name}: {why}")),
        }
    });
    let wrong: Vec<String> = futures_util::future::join_all(cases)
        .await
        .into_iter()
        .flatten()
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(BEHAVIOURS.len() > 30);
}
