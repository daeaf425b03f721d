//! Servers that are slow, broken, hostile, or no forge at all.

use super::fake::{Answer, Fake, TOKEN, json, message, with};
use crate::error::{Error, Kind};
use crate::model::commit::CommitId;
use crate::remote::forgejo::{
    Account, Client, MergeError, MergeHow, MergeStyle, NewPull, OpenError, Options,
    PermissionError, Place,
};
use axum::body::{Body, Bytes};
use jiff::Timestamp;
use secrecy::SecretString;
use serde_json::json as j;
use std::time::Duration;

/// Kind, sentence with causes, hint; no error shows the token.
fn shown(error: &Error) -> String {
    let text = format!(
        "{:?} {error} ({})",
        error.kind,
        error.hint.as_deref().unwrap_or("-")
    );
    assert!(!format!("{error:?}").contains(TOKEN));
    text
}

async fn version_of(answers: Vec<Answer>) -> (String, usize) {
    let fake = Fake::start(answers).await;
    let outcome = fake.client().version().await;
    let text = outcome.map_or_else(|error| shown(&error), |version| version.text);
    (text.replace(&fake.address, "HOST"), fake.lines().len())
}

fn version() -> Answer {
    json(200, &j!({"version": "11.0.14+gitea-1.22.0"}))
}

fn new_pull() -> NewPull {
    NewPull {
        title: "t".into(),
        body: "b".into(),
        head: "pintle/web".into(),
        base: "main".into(),
        labels: vec![3],
    }
}

#[tokio::test]
async fn a_read_is_asked_again_when_a_proxy_fails() {
    let page = || {
        with(
            502,
            &[("content-type", "text/html")],
            "<html><h1>502 Bad Gateway</h1></html>",
        )
    };
    assert_eq!(
        version_of(vec![page(), page(), version()]).await,
        ("11.0.14+gitea-1.22.0".to_owned(), 3)
    );
    let (text, asked) = version_of((0..9).map(|_| page()).collect()).await;
    assert_eq!(
        text,
        "Outside cannot ask HOST for its version: HOST answered 502 Bad Gateway (try again later)"
    );
    assert_eq!(asked, 4);
    let (text, asked) = version_of(vec![message(500, "boom"), version()]).await;
    assert_eq!(
        text,
        "Outside cannot ask HOST for its version: HOST answered 500 Internal Server Error: boom (try again later)"
    );
    assert_eq!(asked, 1, "a 500 is the forge's own answer");
}

#[tokio::test]
async fn retry_after_is_obeyed_up_to_a_bound() {
    assert_eq!(
        version_of(vec![with(429, &[("retry-after", "1")], ""), version()]).await,
        ("11.0.14+gitea-1.22.0".to_owned(), 2)
    );
    let (text, asked) =
        version_of(vec![with(429, &[("retry-after", "3600")], ""), version()]).await;
    assert_eq!(
        text,
        "Outside cannot ask HOST for its version: HOST wants to be asked less often, and not for 3600 s (try again later)"
    );
    assert_eq!(asked, 1);
}

#[tokio::test]
async fn what_is_no_forge_is_told() {
    for body in [
        "",
        "<html>hello</html>",
        "[]",
        "\"x\"",
        "{\"version\": 7}",
        "{}",
        "null",
        "\u{feff}{}",
        "[[[[[[",
    ] {
        let (text, asked) =
            version_of(vec![with(200, &[("content-type", "text/html")], body)]).await;
        assert!(
            text.starts_with(
                "Failed cannot ask HOST for its version: the answer of HOST cannot be read: "
            ),
            "{body}: {text}"
        );
        assert!(
            text.ends_with("(is this the address of a Forgejo or Gitea?)"),
            "{text}"
        );
        assert_eq!(asked, 1);
    }
    let (text, _) = version_of(vec![with(418, &[], "\u{1b}[31mred")]).await;
    assert_eq!(
        text,
        "Failed cannot ask HOST for its version: HOST answered 418 I'm a teapot (-)"
    );
    let (text, _) = version_of(vec![message(
        400,
        &format!("\u{1b}[31m{}\n", "x".repeat(5000)),
    )])
    .await;
    assert!(
        text.len() < 500 && !text.contains('\u{1b}') && !text.contains('\n'),
        "{text}"
    );
}

#[tokio::test]
async fn a_huge_answer_is_not_read() {
    let size = super::super::http::LIMIT + 1;
    let sized = Answer::Full {
        status: 200,
        headers: Vec::new(),
        body: Body::from(vec![b' '; size]),
    };
    let chunks = futures_util::stream::repeat_with(|| {
        Ok::<_, std::io::Error>(Bytes::from(vec![b' '; 1 << 20]))
    });
    let endless = Answer::Full {
        status: 200,
        headers: Vec::new(),
        body: Body::from_stream(chunks),
    };
    for answer in [sized, endless] {
        let (text, asked) = version_of(vec![answer]).await;
        assert_eq!(
            text,
            "Failed cannot ask HOST for its version: HOST answered with more than 8 MiB (is this the address of a forge?)"
        );
        assert_eq!(asked, 1);
    }
}

#[tokio::test]
async fn silence_ends_in_time_and_a_write_is_sent_once() {
    let fake = Fake::start([Answer::Silence, Answer::Silence]).await;
    let error = fake.hasty().version().await.unwrap_err();
    assert_eq!(error.kind, Kind::Outside);
    assert_eq!(
        error.to_string(),
        format!("the forge at {} did not answer within 1 s", fake.address)
    );
    assert_eq!(fake.lines().len(), 1);
    let error = fake.hasty().post_comment(3, "hello").await.unwrap_err();
    assert!(
        error.to_string().ends_with(&format!(
            "it was asked to comment on #3 of ops/infra at {}, and may have done it",
            fake.address
        )),
        "{error}"
    );
    assert_eq!(fake.lines().len(), 2);
    let fake = Fake::start([with(503, &[("retry-after", "0")], "")]).await;
    assert_eq!(
        fake.client()
            .post_comment(3, "hello")
            .await
            .unwrap_err()
            .kind,
        Kind::Outside
    );
    assert_eq!(fake.lines().len(), 1, "a write is not repeated");
}

#[tokio::test]
async fn nobody_listening_is_told() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let client = Client::new(
        &Place::parse(&format!("http://{address}/ops/infra")).unwrap(),
        &Options::default(),
    )
    .unwrap();
    let text = shown(&client.repo().await.unwrap_err());
    assert!(
        text.starts_with(&format!("Outside cannot reach the forge at {address}: ")),
        "{text}"
    );
    assert!(
        text.ends_with(&format!(
            "{address} refused the connection (check the address and port in --forge; is the server up?)"
        )),
        "{text}"
    );
}

#[tokio::test]
async fn the_token_stays_at_its_host() {
    let other = Fake::start([version()]).await;
    let elsewhere = format!("http://{}/api/v1/version", other.address);
    for status in [301, 302, 307, 308] {
        let (text, asked) = version_of(vec![with(status, &[("location", &elsewhere)], "")]).await;
        let text = text.replace(&other.address, "OTHER");
        assert!(text.starts_with("Failed cannot ask HOST for its version: HOST redirects to http://OTHER/api/v1/version ("), "{text}");
        assert_eq!(asked, 1);
    }
    assert_eq!(other.lines(), [] as [String; 0]);
}

#[tokio::test]
async fn a_renamed_repository_is_read_at_its_new_name_and_not_written() {
    let fake = Fake::start([
        with(
            307,
            &[("location", "/api/v1/repositories/7/branches/main")],
            "",
        ),
        json(200, &j!({"name": "main"})),
        with(
            307,
            &[("location", "/api/v1/repositories/7/issues/3/comments")],
            "",
        ),
    ])
    .await;
    assert_eq!(
        fake.client().branch("main").await.unwrap().unwrap().name,
        "main"
    );
    let error = fake.client().post_comment(3, "hello").await.unwrap_err();
    assert!(
        error.to_string().contains("redirects to http://127.0.0.1:"),
        "{error}"
    );
    assert_eq!(fake.lines().len(), 3);
}

#[tokio::test]
async fn an_endless_redirect_ends() {
    let round = || with(302, &[("location", "/api/v1/version")], "");
    let (text, asked) = version_of((0..20).map(|_| round()).collect()).await;
    assert!(
        text.starts_with("Failed cannot ask HOST for its version: HOST redirects to "),
        "{text}"
    );
    assert_eq!(asked, 4);
}

#[tokio::test]
async fn the_token_is_sent_as_a_header_only_and_not_in_the_clear() {
    let fake = Fake::start([version()]).await;
    fake.client().version().await.unwrap();
    let asked = fake.asked().remove(0);
    assert_eq!(asked.line, "GET /api/v1/version");
    assert_eq!(asked.headers["authorization"], format!("token {TOKEN}"));
    assert_eq!(
        asked.headers["user-agent"],
        concat!("pintle/", env!("CARGO_PKG_VERSION"))
    );
    let told = |allow_insecure| Options {
        token: Some(SecretString::from(TOKEN)),
        allow_insecure,
        ..Options::default()
    };
    let far = Place::parse("http://forge.example.org/ops/infra").unwrap();
    let error = Client::new(&far, &told(false)).unwrap_err();
    assert_eq!(
        shown(&error),
        "Usage the token for forge.example.org would be sent without encryption (use https://, or allow it with --insecure-http)"
    );
    let client = Client::new(&far, &told(true)).unwrap();
    assert!(!format!("{client:?}").contains(TOKEN));
    assert!(!format!("{:?}", told(true)).contains(TOKEN));
    let broken = Options {
        token: Some(SecretString::from("s3cret\nx")),
        ..Options::default()
    };
    let error = Client::new(
        &Place::parse("https://forge.example.org/ops/infra").unwrap(),
        &broken,
    )
    .unwrap_err();
    assert_eq!(
        error.to_string(),
        "the token for forge.example.org holds a character that no token has"
    );
}

#[tokio::test]
async fn certificates_are_checked_against_the_authority_that_is_given() {
    for ca in [
        "",
        "nothing",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    ] {
        let told = Options {
            ca: Some(ca.into()),
            ..Options::default()
        };
        let error = Client::new(
            &Place::parse("https://forge.example.org/ops/infra").unwrap(),
            &told,
        )
        .unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("cannot set up https for the forge at forge.example.org: "),
            "{error}"
        );
    }
    let address = encrypted();
    let place = Place::parse(&format!("https://{address}/ops/infra")).unwrap();
    let error = Client::new(&place, &Options::default())
        .unwrap()
        .version()
        .await
        .unwrap_err();
    let text = shown(&error);
    assert!(
        text.starts_with(&format!("Outside cannot reach the forge at {address}: ")),
        "{text}"
    );
    assert!(
        text.ends_with("(name the authority that signed its certificate with --ca-file)"),
        "{text}"
    );
    let ca = include_bytes!("../../oci/registry/testdata/authority.pem").to_vec();
    let told = Options {
        ca: Some(ca),
        ..Options::default()
    };
    assert_eq!(
        Client::new(&place, &told)
            .unwrap()
            .version()
            .await
            .unwrap()
            .text,
        "1.26.0"
    );
}

/// An https server with a certificate of an authority that nobody knows. Its thread ends with the
/// process.
fn encrypted() -> std::net::SocketAddr {
    use rustls::pki_types::pem::PemObject;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer};
    use std::io::{Read, Write};
    crate::remote::install_tls();
    let certificate =
        CertificateDer::from_pem_slice(include_bytes!("../../oci/registry/testdata/server.pem"))
            .unwrap();
    let key =
        PrivateKeyDer::from_pem_slice(include_bytes!("../../oci/registry/testdata/server.key"))
            .unwrap();
    let config = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let config = std::sync::Arc::new(config);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let connection = rustls::ServerConnection::new(config.clone()).unwrap();
            let mut stream = rustls::StreamOwned::new(connection, stream);
            let mut request = [0; 4096];
            if stream.read(&mut request).is_ok() {
                let body = "{\"version\":\"1.26.0\"}";
                let _ = write!(
                    stream,
                    "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                    body.len()
                );
                let _ = stream.flush();
            }
        }
    });
    address
}

#[tokio::test]
async fn refusals_say_who_has_to_do_what() {
    let scope = "token does not have at least one of required scope(s), required=[write:issue], token scope=read:repository";
    let older =
        "token does not have at least one of required scope(s): [read:repository write:repository]";
    let cases = [
        (
            message(401, "user does not exist [uid: 0, name: ]"),
            "Failed the forge at HOST refuses the token: it answered 401: user does not exist [uid: 0, name: ] (was the token revoked, or is it another forge's?)",
        ),
        (
            message(403, scope),
            "Failed cannot comment on #3 of ops/infra at HOST: the token for HOST lacks the scope write:issue (make a token that has it, in the settings of its user under applications)",
        ),
        (
            message(403, older),
            "Failed cannot comment on #3 of ops/infra at HOST: the token for HOST lacks the scope read:repository or write:repository (make a token that has it, in the settings of its user under applications)",
        ),
        (
            message(403, "user should have a permission to write to a repo"),
            "Failed cannot comment on #3 of ops/infra at HOST: it is not allowed: user should have a permission to write to a repo (which rights has the token's user on ops/infra at HOST?)",
        ),
        (
            message(404, "The target couldn't be found."),
            "Failed cannot comment on #3 of ops/infra at HOST: ops/infra at HOST or what was asked for in it does not exist, or the token may not see it (-)",
        ),
        (
            message(423, "ops/infra is archived"),
            "Failed cannot comment on #3 of ops/infra at HOST: ops/infra at HOST is archived (an archived repository is not changed)",
        ),
        (
            message(422, "body is empty"),
            "Failed cannot comment on #3 of ops/infra at HOST: HOST answered 422 Unprocessable Entity: body is empty (-)",
        ),
    ];
    for (answer, expected) in cases {
        let fake = Fake::start([answer]).await;
        let error = fake.client().post_comment(3, "hello").await.unwrap_err();
        assert_eq!(shown(&error).replace(&fake.address, "HOST"), expected);
    }
    let fake = Fake::start([message(401, "token is required")]).await;
    let error = fake.client_with(Options::default()).me().await.unwrap_err();
    assert_eq!(
        shown(&error).replace(&fake.address, "HOST"),
        "Failed the forge at HOST wants a token (give an access token of pintle's user)"
    );
}

#[tokio::test]
async fn a_pull_request_that_exists_is_found() {
    let exists = || {
        message(
            409,
            "pull request already exists for these targets [id: 5, issue_id: 9, head_repo_id: 1, base_repo_id: 1, head_branch: pintle/web, base_branch: main]",
        )
    };
    let end = |name: &str, repo: i64| j!({"label": name, "ref": name, "sha": "1".repeat(40), "repo_id": repo});
    let pull = |number: u64, head: i64| j!({"number": number, "state": "open", "created_at": "2026-11-22T10:00:00Z", "head": end("pintle/web", head), "base": end("main", 1)});
    let fake = Fake::start([
        exists(),
        json(200, &j!([pull(7, 2), pull(9, 1)])),
        exists(),
        message(500, ""),
        message(409, "something else"),
        message(
            422,
            "Invalid PullRequest: There are no changes between the head and the base",
        ),
    ])
    .await;
    assert!(matches!(
        fake.client().open_pull(&new_pull()).await,
        Err(OpenError::Exists(Some(9)))
    ));
    assert!(matches!(
        fake.client().open_pull(&new_pull()).await,
        Err(OpenError::Exists(None))
    ));
    assert!(
        matches!(fake.client().open_pull(&new_pull()).await, Err(OpenError::Failed(why)) if why.to_string().ends_with("something else"))
    );
    assert!(matches!(
        fake.client().open_pull(&new_pull()).await,
        Err(OpenError::NoChanges)
    ));
    assert_eq!(
        fake.asked()[0].body,
        j!({"base": "main", "body": "b", "head": "pintle/web", "labels": [3], "title": "t"})
    );
}

fn how(patience: Duration) -> MergeHow {
    let head = CommitId::parse(&"1".repeat(40)).unwrap();
    MergeHow {
        style: MergeStyle::Squash,
        head,
        title: None,
        message: None,
        delete_branch: true,
        patience,
    }
}

#[tokio::test]
async fn a_merge_is_patient_for_a_bounded_time() {
    let later = || message(405, "Please try again later");
    let fake = Fake::start([later(), later(), with(200, &[], "")]).await;
    assert!(
        fake.client()
            .merge(4, &how(Duration::from_secs(5)))
            .await
            .is_ok()
    );
    assert_eq!(
        fake.lines(),
        ["POST /api/v1/repos/ops/infra/pulls/4/merge"; 3]
    );
    assert_eq!(fake.asked()[0].body["head_commit_id"], "1".repeat(40));
    assert_eq!(fake.asked()[0].body["force_merge"], false);
    let fake = Fake::start((0..50).map(|_| later())).await;
    assert!(matches!(
        fake.client().merge(4, &how(Duration::ZERO)).await,
        Err(MergeError::NotYet(_))
    ));
    assert_eq!(fake.lines().len(), 1);
}

#[tokio::test]
async fn a_merge_without_a_clear_answer_is_looked_up() {
    let pull = |merged: bool| j!({"number": 4, "state": "closed", "merged": merged, "created_at": "2026-11-22T10:00:00Z", "base": {"ref": "main"}});
    let fake = Fake::start([with(502, &[], "<html>"), json(200, &pull(true))]).await;
    assert!(fake.client().merge(4, &how(Duration::ZERO)).await.is_ok());
    let fake = Fake::start([with(502, &[], "<html>"), json(200, &pull(false))]).await;
    assert!(
        matches!(fake.client().merge(4, &how(Duration::ZERO)).await, Err(MergeError::Failed(why)) if why.kind == Kind::Outside)
    );
    let fake = Fake::start([Answer::Silence, json(200, &pull(true))]).await;
    assert!(fake.hasty().merge(4, &how(Duration::ZERO)).await.is_ok());
}

#[tokio::test]
async fn rights_are_none_unknown_or_not_to_be_asked() {
    let said = |word: &str| {
        json(
            200,
            &j!({"permission": word, "role_name": word, "user": {"id": 5, "login": "ann"}}),
        )
    };
    let scope = "token does not have at least one of required scope(s), required=[read:repository], token scope=read:user";
    let fake = Fake::start([
        said("owner"),
        said("admin"),
        said("write"),
        said("read"),
        said("none"),
        said("boss"),
        message(404, ""),
        message(403, "Only admins"),
        message(403, scope),
        json(200, &j!({"permission": "write", "user": null})),
    ])
    .await;
    use crate::model::ask::Right::{None as Nothing, Read, Write};
    for right in [Write, Write, Write, Read, Nothing, Nothing] {
        let permission = fake.client().permission("ann").await.unwrap().unwrap();
        assert_eq!(
            (permission.account, permission.right),
            (
                Account {
                    id: 5,
                    login: "ann".into()
                },
                right
            )
        );
    }
    assert_eq!(fake.client().permission("ann").await.unwrap(), None);
    assert!(matches!(
        fake.client().permission("ann").await,
        Err(PermissionError::MayNotAsk(_))
    ));
    assert!(
        matches!(fake.client().permission("ann").await, Err(PermissionError::Failed(why)) if why.to_string().contains("read:repository"))
    );
    assert!(
        matches!(
            fake.client().permission("ann").await,
            Err(PermissionError::Failed(_))
        ),
        "a right of nobody is no right"
    );
}

#[tokio::test]
async fn a_name_cannot_leave_its_place_in_the_address() {
    let fake = Fake::start([message(404, ""), message(404, "")]).await;
    assert_eq!(
        fake.client().permission("../../admin?x=1#y").await.unwrap(),
        None
    );
    assert_eq!(fake.client().branch("pintle/a b?#%2e").await.unwrap(), None);
    let expected = [
        "GET /api/v1/repos/ops/infra/collaborators/..%2F..%2Fadmin%3Fx=1%23y/permission",
        "GET /api/v1/repos/ops/infra/branches/pintle/a%20b%3F%23%252e",
    ];
    assert_eq!(fake.lines(), expected);
}

#[tokio::test]
async fn an_instance_below_a_path_is_asked_there() {
    let fake = Fake::start([version(), json(200, &j!({"default_branch": "main"}))]).await;
    let place = Place::parse(&format!("http://{}/code/forge/ops/infra.git", fake.address)).unwrap();
    let client = Client::new(&place, &Options::default()).unwrap();
    client.version().await.unwrap();
    client.repo().await.unwrap();
    assert_eq!(
        fake.lines(),
        [
            "GET /code/forge/api/v1/version",
            "GET /code/forge/api/v1/repos/ops/infra"
        ]
    );
}

#[test]
fn merge_styles_are_called_as_the_forge_calls_them() {
    for style in MergeStyle::ALL {
        assert_eq!(serde_json::to_value(style.wire()).unwrap(), style.word());
        assert_eq!(MergeStyle::parse(style.word()), Some(style));
    }
}

#[tokio::test]
async fn lists_end() {
    let comment = |id: u64| j!({"id": id, "issue_url": "https://forge.example.org/ops/infra/issues/3", "created_at": "2026-11-22T10:00:00Z"});
    let page = |from: u64, count: u64| {
        (from..from + count)
            .map(comment)
            .collect::<serde_json::Value>()
    };
    let counted = |body: &serde_json::Value, total: &str| {
        with(200, &[("x-total-count", total)], &body.to_string())
    };
    let read = async |answers: Vec<Answer>, pages: u32| {
        let fake = Fake::start(answers).await;
        let listed = fake
            .client()
            .comments_since(Timestamp::UNIX_EPOCH, pages)
            .await
            .unwrap();
        (listed.items.len(), listed.complete, fake.lines().len())
    };
    assert_eq!(
        read(
            vec![counted(&page(1, 50), "60"), counted(&page(51, 10), "60")],
            9
        )
        .await,
        (60, true, 2)
    );
    assert_eq!(
        read(
            vec![counted(&page(1, 30), "60"), counted(&page(31, 30), "60")],
            9
        )
        .await,
        (60, true, 2),
        "smaller pages than asked for"
    );
    assert_eq!(
        read(
            vec![
                counted(&page(1, 50), "900"),
                counted(&page(801, 50), "900"),
                counted(&page(851, 50), "900")
            ],
            3
        )
        .await,
        (100, false, 3),
        "the newest"
    );
    assert_eq!(
        read(vec![json(200, &page(1, 30)), json(200, &page(31, 7))], 9).await,
        (37, true, 2),
        "no total: a short page is the last"
    );
    assert_eq!(
        read(vec![json(200, &page(1, 30)), json(200, &j!([]))], 9).await,
        (30, true, 2)
    );
    assert_eq!(
        read(vec![json(200, &page(1, 3)), json(200, &page(1, 3))], 9).await,
        (3, true, 2),
        "a list that is not paged"
    );
    assert_eq!(read(vec![with(200, &[], "null")], 9).await, (0, true, 1));
    assert_eq!(
        read(
            vec![counted(
                &j!([comment(1), null, "x", {"id": -1}, {"id": 2}]),
                "5"
            )],
            9
        )
        .await,
        (1, true, 1),
        "what cannot be read is left out"
    );
    assert_eq!(
        read(vec![counted(&page(1, 50), "9999"), with(200, &[], "[]")], 9).await,
        (50, true, 2),
        "a total that is not true"
    );
}

#[tokio::test]
async fn the_newest_of_a_long_list_are_read() {
    let comment = |id: u64| j!({"id": id, "issue_url": "https://forge.example.org/ops/infra/issues/3", "created_at": "2026-11-22T10:00:00Z"});
    let page = |from: u64, count: u64| {
        let all: serde_json::Value = (from..from + count).map(comment).collect();
        with(200, &[("x-total-count", "890")], &all.to_string())
    };
    let answers = vec![page(1, 50), page(801, 50), page(851, 40)];
    let fake = Fake::start(answers).await;
    let listed = fake
        .client()
        .comments_since(Timestamp::UNIX_EPOCH, 3)
        .await
        .unwrap();
    let ids: Vec<u64> = listed.items.iter().map(|comment| comment.id).collect();
    assert_eq!(ids, (801..=890).collect::<Vec<u64>>());
    assert!(!listed.complete);
    let pages: Vec<String> = fake
        .lines()
        .iter()
        .map(|line| {
            let page = line.split("page=").nth(1).unwrap_or_default();
            page.split('&').next().unwrap_or_default().to_owned()
        })
        .collect();
    assert_eq!(pages, ["1", "17", "18"]);
}

#[tokio::test]
async fn what_is_too_large_for_a_page_is_asked_for_in_parts() {
    let comment = |id: u64| j!({"id": id, "issue_url": "https://forge.example.org/ops/infra/issues/3", "created_at": "2026-11-22T10:00:00Z"});
    let page = |from: u64, count: u64| {
        let all: serde_json::Value = (from..from + count).map(comment).collect();
        with(200, &[("x-total-count", "23")], &all.to_string())
    };
    let huge = || {
        let start = r#"[{"id":13,"html_url":"https://forge.example.org/ops/infra/issues/3#issuecomment-13","body":""#;
        let text = start.to_owned() + &"x".repeat(super::super::http::LIMIT);
        with(200, &[("x-total-count", "23")], &text)
    };
    // 23 comments, of which the thirteenth alone is too large.
    let mut answers = vec![huge(), page(1, 10), huge()];
    for id in 11..=20 {
        answers.push(if id == 13 { huge() } else { page(id, 1) });
    }
    answers.extend([page(21, 3), with(200, &[("x-total-count", "23")], "[]")]);
    let fake = Fake::start(answers).await;
    let listed = fake
        .client()
        .comments_since(Timestamp::UNIX_EPOCH, 9)
        .await
        .unwrap();
    let ids: Vec<u64> = listed.items.iter().map(|comment| comment.id).collect();
    let wanted: Vec<u64> = (1..=23).filter(|id| *id != 13).collect();
    assert_eq!((ids, listed.complete), (wanted, true));
    let asked: Vec<String> = fake
        .lines()
        .iter()
        .map(|line| line.split("page=").nth(1).unwrap_or_default().to_owned())
        .collect();
    assert_eq!(
        asked[..5],
        [
            "1&limit=50",
            "1&limit=10",
            "2&limit=10",
            "11&limit=1",
            "12&limit=1"
        ]
    );
}

#[tokio::test]
async fn a_list_of_nothing_but_large_pages_ends() {
    let huge = || {
        let text = "[".to_owned() + &" ".repeat(super::super::http::LIMIT);
        with(200, &[("x-total-count", "100000")], &text)
    };
    let fake = Fake::start((0..90).map(|_| huge())).await;
    let me = crate::remote::forgejo::Account {
        id: 1,
        login: "pintle".into(),
    };
    let client = fake.client();
    // Two lists, each of two pages in 1 + 5 + 50 parts at most, until the answers are used up.
    let listed = client.pulls_of(&me, Timestamp::UNIX_EPOCH, 2).await;
    assert!(listed.is_err());
    assert_eq!(fake.lines().len(), 91);
}

#[tokio::test]
async fn nothing_is_listed_twice() {
    let comment = |id: u64, body: &str| {
        let issue = "https://forge.example.org/ops/infra/issues/3";
        j!({"id": id, "body": body, "issue_url": issue, "created_at": "2026-11-22T10:00:00Z"})
    };
    let counted = |body: serde_json::Value, total: &str| {
        with(200, &[("x-total-count", total)], &body.to_string())
    };
    let read = async |answers: Vec<Answer>| {
        let fake = Fake::start(answers).await;
        let listed = fake.client().comments_of(3).await.unwrap();
        (
            listed
                .items
                .into_iter()
                .map(|one| (one.id, one.body))
                .collect::<Vec<_>>(),
            listed.complete,
            fake.lines().len(),
        )
    };
    let all = |some: &[(u64, &str)]| {
        some.iter()
            .map(|(id, body)| (*id, (*body).to_owned()))
            .collect::<Vec<_>>()
    };
    // A comment came between the list and its count: the comments of an issue are not paged, so the
    // second page is all of them again.
    let grown = vec![
        counted(j!([comment(7, "a")]), "2"),
        counted(j!([comment(7, "b"), comment(8, "c")]), "2"),
    ];
    assert_eq!(read(grown).await, (all(&[(7, "b"), (8, "c")]), true, 2));
    let moved = vec![
        counted(j!([comment(1, ""), comment(2, "")]), "4"),
        counted(j!([comment(2, ""), comment(3, "")]), "4"),
    ];
    assert_eq!(
        read(moved).await,
        (all(&[(1, ""), (2, ""), (3, "")]), true, 2)
    );
}
