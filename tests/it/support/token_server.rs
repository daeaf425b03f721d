//! The token server of a registry with token auth: signs what the registry then checks against its
//! certificate. Its key is in the repo and proves nothing to anybody but a test's own registry.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{Response, StatusCode, header};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use super::images::basic;
use super::registry::Role;

const CERTIFICATE: &str = include_str!("../data/token-issuer/certificate.pem");
const KEY: &str = include_str!("../data/token-issuer/key.pem");
const ISSUER: &str = "test-issuer";
const SERVICE: &str = "test-service";

/// The one user; may pull and push everywhere. Who says nothing may pull below `public/`.
pub const USER: (&str, &str) = ("bob", "secret");

/// A running token server; it stops when it is dropped.
pub struct TokenServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    _runtime: Runtime,
}

/// One request for a token.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    /// The `scope` parameters, in order.
    pub scopes: Vec<String>,
    pub authorization: Option<String>,
    pub status: u16,
}

struct Shared {
    key: EcdsaKeyPair,
    lifetime: AtomicU32,
    asked: Mutex<Vec<Asked>>,
}

impl TokenServer {
    /// Starts one whose tokens live for a minute.
    pub fn start() -> TokenServer {
        let key = STANDARD.decode(bare(KEY)).expect("the key is PEM");
        let key =
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &key, &SystemRandom::new());
        let key = key.expect("the key is an EC key");
        let shared = Arc::new(Shared {
            key,
            lifetime: AtomicU32::new(60),
            asked: Mutex::default(),
        });
        let app = Router::new()
            .fallback(handle)
            .with_state(Arc::clone(&shared));
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
        TokenServer {
            address,
            shared,
            _runtime: runtime,
        }
    }

    /// `http://localhost:port/token`: some clients refuse a realm that is a loopback address.
    pub fn realm(&self) -> String {
        format!("http://localhost:{}/token", self.address.port())
    }

    /// What a registry that trusts this server is started with; `realm` is [`TokenServer::realm`].
    pub fn role<'a>(&self, realm: &'a str, certificate: &'a Path) -> Role<'a> {
        Role::Token {
            realm,
            service: SERVICE,
            issuer: ISSUER,
            certificate,
        }
    }

    /// The file with the certificate that a registry has to trust.
    pub fn certificate() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/data/token-issuer/certificate.pem")
    }

    /// A token given out past the door, as the value of an `Authorization` header.
    pub fn grant(&self, scope: &str) -> String {
        format!("Bearer {}", self.shared.token(&[scope.to_owned()], true))
    }

    /// How many seconds the tokens live that are given out from now on; 0 makes them too old at
    /// once.
    pub fn set_lifetime(&self, seconds: u32) {
        self.shared.lifetime.store(seconds, Ordering::SeqCst);
    }

    /// The requests answered so far, in order.
    pub fn asked(&self) -> Vec<Asked> {
        self.shared
            .asked
            .lock()
            .expect("no handler panicked")
            .clone()
    }
}

impl Shared {
    /// A signed token for those of the actions in `scopes` that are allowed.
    fn token(&self, scopes: &[String], known: bool) -> String {
        let lifetime = i64::from(self.lifetime.load(Ordering::SeqCst));
        let now = jiff::Timestamp::now().as_second();
        // A registry forgives a minute of difference between the clocks.
        let begin = if lifetime == 0 { now - 600 } else { now };
        let claims = json!({
            "iss": ISSUER, "sub": USER.0, "aud": SERVICE, "jti": now.to_string(),
            "nbf": begin - 5, "iat": begin, "exp": begin + lifetime,
            "access": scopes.iter().filter_map(|scope| access(scope, known)).collect::<Vec<_>>(),
        });
        let head = json!({"typ": "JWT", "alg": "ES256", "x5c": [bare(CERTIFICATE)]});
        let text = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let message = format!("{}.{}", text(&head), text(&claims));
        let signature = self
            .key
            .sign(&SystemRandom::new(), message.as_bytes())
            .expect("the system has randomness");
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()))
    }
}

/// `repository:team/app:pull,push` → what of it is allowed; `None` for nothing.
fn access(scope: &str, known: bool) -> Option<Value> {
    let (kind, rest) = scope.split_once(':')?;
    let (name, actions) = rest.rsplit_once(':')?;
    let open = |action: &&str| known || (name.starts_with("public/") && *action == "pull");
    let actions: Vec<&str> = actions.split(',').filter(open).collect();
    (!actions.is_empty()).then(|| json!({"type": kind, "name": name, "actions": actions}))
}

async fn handle(State(shared): State<Arc<Shared>>, request: Request) -> Response<Body> {
    let query = request.uri().query().unwrap_or_default();
    let scopes = url::form_urlencoded::parse(query.as_bytes()).filter(|pair| pair.0 == "scope");
    // Several scopes come as several parameters or in one, apart by spaces.
    let scopes: Vec<String> = scopes
        .flat_map(|pair| pair.1.split(' ').map(str::to_owned).collect::<Vec<_>>())
        .collect();
    let authorization = request.headers().get(header::AUTHORIZATION);
    let authorization =
        authorization.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    let known = authorization
        .as_ref()
        .map(|value| *value == basic(USER.0, USER.1));
    let (status, answer) = match known {
        Some(false) => (
            StatusCode::UNAUTHORIZED,
            json!({"details": "incorrect username or password"}),
        ),
        _ => {
            let token = shared.token(&scopes, known.is_some());
            (
                StatusCode::OK,
                json!({"token": token, "expires_in": shared.lifetime.load(Ordering::SeqCst)}),
            )
        }
    };
    let asked = Asked {
        scopes,
        authorization,
        status: status.as_u16(),
    };
    shared
        .asked
        .lock()
        .expect("no handler panicked")
        .push(asked);
    let response = Response::builder()
        .status(status)
        .header(header::CONTENT_TYPE, "application/json");
    response
        .body(Body::from(answer.to_string()))
        .expect("a response")
}

/// The base64 inside a PEM file.
fn bare(pem: &str) -> String {
    pem.lines()
        .filter(|line| !line.starts_with("-----"))
        .collect()
}
