//! A smart-HTTP git host for one bare repository: `git http-backend` behind a small CGI server.
//! Serves loopback only; knows one user at most.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use futures_util::stream;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use tokio::runtime::Runtime;

use super::{git, images};

/// Whom the host lets in.
pub enum Access {
    /// Everybody, to read and to push.
    Open,
    /// Whoever sends this user and password as basic auth.
    Basic {
        user: &'static str,
        password: &'static str,
    },
    /// Whoever sends this token as `Authorization: Bearer`.
    Bearer { token: &'static str },
}

/// A running host; it stops when it is dropped.
pub struct GitHost {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    _runtime: Runtime,
}

/// One request as it came in.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    pub method: String,
    /// Path and query, as sent.
    pub target: String,
    pub authorization: Option<String>,
    pub status: u16,
}

/// What comes byte by byte, and the pause before each.
#[derive(Clone, Copy, Debug)]
pub enum Drip {
    Pack(Duration),
    /// All that comes before the pack.
    Handshake(Duration),
}

struct Shared {
    repository: PathBuf,
    /// The `Authorization` header that is wanted, and the challenge when it is missing.
    wanted: Option<(String, &'static str)>,
    drips: Option<Drip>,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl GitHost {
    /// Serves the bare repository in `folder`.
    pub fn start(folder: &Path, access: &Access) -> GitHost {
        Self::start_with(folder, access, None)
    }

    /// The same, with a pause before each byte of some answers.
    pub fn start_dripping(folder: &Path, drip: Drip) -> GitHost {
        Self::start_with(folder, &Access::Open, Some(drip))
    }

    fn start_with(folder: &Path, access: &Access, drips: Option<Drip>) -> GitHost {
        let wanted = match access {
            Access::Open => None,
            Access::Basic { user, password } => {
                Some((images::basic(user, password), "Basic realm=\"git\""))
            }
            Access::Bearer { token } => Some((format!("Bearer {token}"), "Bearer realm=\"git\"")),
        };
        let seen = Arc::default();
        let shared = Shared {
            repository: folder.to_owned(),
            wanted,
            drips,
            seen: Arc::clone(&seen),
        };
        let app = Router::new()
            .fallback(handle)
            .layer(DefaultBodyLimit::disable())
            .with_state(Arc::new(shared));
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build();
        let runtime = runtime.expect("a runtime of its own");
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0"));
        let listener = listener.expect("loopback has a free port");
        let address = listener
            .local_addr()
            .expect("a bound socket has an address");
        runtime.spawn(async move { axum::serve(listener, app).await });
        GitHost {
            address,
            seen,
            _runtime: runtime,
        }
    }

    /// `http://127.0.0.1:port/repo.git`.
    pub fn url(&self) -> String {
        format!("http://{}/repo.git", self.address)
    }

    /// `127.0.0.1:port`.
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// The requests answered so far, in order.
    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().expect("no handler panicked").clone()
    }
}

async fn handle(State(shared): State<Arc<Shared>>, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let authorization = parts.headers.get(header::AUTHORIZATION);
    let authorization =
        authorization.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    let refused = match &shared.wanted {
        Some((wanted, challenge)) if authorization.as_ref() != Some(wanted) => Some(*challenge),
        _ => None,
    };
    let response = match refused {
        Some(challenge) => Response::builder()
            .status(StatusCode::UNAUTHORIZED)
            .header(header::WWW_AUTHENTICATE, challenge)
            .body(Body::empty())
            .expect("a response"),
        None => {
            let body = axum::body::to_bytes(body, usize::MAX)
                .await
                .unwrap_or_default();
            let (path, query) = (parts.uri.path(), parts.uri.query().unwrap_or_default());
            let has_pack = body.windows(13).any(|bytes| bytes == b"command=fetch");
            let response = backend(
                &shared.repository,
                parts.method.as_str(),
                path,
                query,
                &parts.headers,
                body,
            )
            .await;
            match shared.drips {
                Some(Drip::Pack(pause)) if has_pack => drip(response, pause).await,
                Some(Drip::Handshake(pause)) if !has_pack => drip(response, pause).await,
                _ => response,
            }
        }
    };
    shared.seen.lock().expect("no handler panicked").push(Seen {
        method: parts.method.to_string(),
        target: parts.uri.to_string(),
        authorization,
        status: response.status().as_u16(),
    });
    response
}

/// The same answer, byte by byte.
async fn drip(response: Response<Body>, pause: Duration) -> Response<Body> {
    let (parts, body) = response.into_parts();
    let all = axum::body::to_bytes(body, usize::MAX)
        .await
        .unwrap_or_default();
    let ticks = tokio::time::interval(pause);
    let bytes = stream::unfold((ticks, all), |(mut ticks, mut left)| async {
        ticks.tick().await;
        let first = (!left.is_empty()).then(|| left.split_to(1))?;
        Some((Ok::<_, Infallible>(first), (ticks, left)))
    });
    Response::from_parts(parts, Body::from_stream(bytes))
}

/// Runs `git http-backend` as a CGI program; an answer of its own making only when that fails.
async fn backend(
    repository: &Path,
    method: &str,
    path: &str,
    query: &str,
    headers: &HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let Some(inner) = path.strip_prefix("/repo.git/") else {
        return plain(StatusCode::NOT_FOUND, "no such repository");
    };
    let value = |name: &str| {
        headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
            .to_owned()
    };
    let mut command = Command::from(git::backend(repository));
    command
        .env("PATH_TRANSLATED", repository.join(inner))
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("REQUEST_METHOD", method)
        .env("QUERY_STRING", query)
        .env("CONTENT_TYPE", value("content-type"))
        .env("HTTP_CONTENT_ENCODING", value("content-encoding"))
        .env("GIT_PROTOCOL", value("git-protocol"))
        .env("CONTENT_LENGTH", body.len().to_string())
        .env("REMOTE_ADDR", "127.0.0.1")
        .env("REMOTE_USER", "somebody") // receive-pack is served to a known user only
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    let output = async move {
        let mut child = command.spawn()?;
        let mut stdin = child.stdin.take().expect("its input is a pipe");
        let feed = async move {
            // It may end without having read everything; its answer says why.
            let _ = stdin.write_all(&body).await;
        };
        let (_, output) = tokio::join!(feed, child.wait_with_output());
        output
    };
    // As with a real host, the program gets all of its input and comes to its end, also when the
    // client has gone.
    match tokio::spawn(output)
        .await
        .unwrap_or_else(|why| Err(why.into()))
    {
        Ok(output) => answer(&output.stdout).unwrap_or_else(|| {
            plain(
                StatusCode::INTERNAL_SERVER_ERROR,
                &String::from_utf8_lossy(&output.stderr),
            )
        }),
        Err(why) => plain(StatusCode::INTERNAL_SERVER_ERROR, &why.to_string()),
    }
}

/// The HTTP answer in a CGI program's output; `None` when it is none.
fn answer(output: &[u8]) -> Option<Response<Body>> {
    let end = output.windows(4).position(|four| four == b"\r\n\r\n")?;
    let mut response = Response::new(Body::from(output[end + 4..].to_vec()));
    for line in std::str::from_utf8(&output[..end]).ok()?.split("\r\n") {
        let (name, value) = line.split_once(':')?;
        let value = value.trim();
        if name.eq_ignore_ascii_case("status") {
            *response.status_mut() = value.get(..3)?.parse().ok()?;
        } else {
            let name: HeaderName = name.parse().ok()?;
            response
                .headers_mut()
                .append(name, HeaderValue::from_str(value).ok()?);
        }
    }
    Some(response)
}

fn plain(status: StatusCode, text: &str) -> Response<Body> {
    let mut response = Response::new(Body::from(text.to_owned()));
    *response.status_mut() = status;
    response
}
