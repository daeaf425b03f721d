use super::{PendingWebhooks, PushedImage, SignatureCheck, Webhook, carries_token};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::SecretString;
use sha2::Sha256;

const SECRET: &str = "a secret of the hooks";
const BODY: &[u8] = br#"{"ref":"refs/heads/main"}"#;
const FORGEJO: &str = "x-forgejo-signature";
const GITEA: &str = "x-gitea-signature";
const HUB: &str = "x-hub-signature-256";

fn sign(secret: &str, body: &[u8]) -> String {
    let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    hex::encode(mac.chain_update(body).finalize().into_bytes())
}

fn headers(all: &[(&str, &[u8])]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in all {
        headers.append(
            HeaderName::try_from(*name).unwrap(),
            HeaderValue::from_bytes(value).unwrap(),
        );
    }
    headers
}

fn is_valid(all: &[(&str, &[u8])], body: &[u8]) -> bool {
    let mut check = SignatureCheck::begin(&SecretString::from(SECRET), &headers(all)).unwrap();
    body.chunks(7).for_each(|part| check.update(part));
    check.is_valid()
}

#[test]
fn the_vector_of_the_rfc_holds() {
    // RFC 4231, test case 2
    let mut check = SignatureCheck::begin(
        &SecretString::from("Jefe"),
        &headers(&[(
            GITEA,
            b"5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
        )]),
    )
    .unwrap();
    check.update(b"what do ya want for nothing?");
    assert!(check.is_valid());
}

#[test]
fn signatures_that_hold() {
    let right = sign(SECRET, BODY);
    let (upper, hub) = (right.to_uppercase(), format!("sha256={right}"));
    let (right, upper, hub) = (right.as_bytes(), upper.as_bytes(), hub.as_bytes());
    let cases: &[&[(&str, &[u8])]] = &[
        &[(FORGEJO, right)],
        &[(GITEA, right)],
        &[(HUB, hub)],
        &[(GITEA, upper)],
        &[("X-Gitea-Signature", right)],
        &[(FORGEJO, right), (GITEA, right), (HUB, hub)],
        &[(FORGEJO, right), (FORGEJO, right)],
        &[(FORGEJO, right), (GITEA, upper)],
        &[
            (GITEA, right),
            ("x-hub-signature", b"sha1=0000"),
            ("x-gogs-signature", b"whatever"),
        ],
    ];
    for case in cases {
        assert!(is_valid(case, BODY), "{case:?}");
    }
    let empty = sign(SECRET, b"");
    assert!(is_valid(&[(FORGEJO, empty.as_bytes())], b""));
}

#[test]
fn signatures_that_do_not_hold() {
    let right = sign(SECRET, BODY);
    let hub = format!("sha256={right}");
    let mut flipped = right.clone().into_bytes();
    flipped[63] = if flipped[63] == b'0' { b'1' } else { b'0' };
    let (other, of_other_body) = (sign("another secret", BODY), sign(SECRET, b"another body"));
    let (double, spaced, quoted) = (
        format!("{right}{right}"),
        format!("{right} {right}"),
        format!("\"{right}\""),
    );
    let (listed, of_sha1, upper_hub) = (
        format!("{right},{right}"),
        format!("sha1={right}"),
        format!("SHA256={right}"),
    );
    let prefixed_twice = format!("sha256={hub}");
    let umlaut = [&right.as_bytes()[..62], "ä".as_bytes()].concat();
    let right = right.as_bytes();
    let cases: &[&[(&str, &[u8])]] = &[
        &[],
        &[(FORGEJO, b"")],
        &[(GITEA, b"")],
        &[(HUB, b"")],
        &[(HUB, b"sha256=")],
        &[(FORGEJO, &right[..62])],
        &[(FORGEJO, &right[..63])],
        &[(FORGEJO, &right[..2])],
        &[(FORGEJO, &right[1..])],
        &[(FORGEJO, double.as_bytes())],
        &[(FORGEJO, spaced.as_bytes())],
        &[(FORGEJO, quoted.as_bytes())],
        &[(FORGEJO, listed.as_bytes())],
        &[(FORGEJO, &flipped)],
        &[(FORGEJO, &[b'0'; 64])],
        &[(FORGEJO, &[b'g'; 64])],
        &[(FORGEJO, &umlaut)],
        &[(FORGEJO, &[0xff; 64])],
        &[(FORGEJO, other.as_bytes())],
        &[(FORGEJO, of_other_body.as_bytes())],
        &[(FORGEJO, hub.as_bytes())],
        &[(HUB, right)],
        &[(HUB, of_sha1.as_bytes())],
        &[(HUB, upper_hub.as_bytes())],
        &[(HUB, prefixed_twice.as_bytes())],
        &[("x-hub-signature", of_sha1.as_bytes())],
        &[("x-hub-signature", hub.as_bytes())],
        &[("x-gogs-signature", right)],
        &[("x-forgejo-delivery", right)],
        &[("authorization", right)],
        &[(FORGEJO, right), (GITEA, other.as_bytes())],
        &[(GITEA, other.as_bytes()), (GITEA, right)],
        &[(GITEA, right), (GITEA, b"")],
        &[(FORGEJO, right), (HUB, right)],
        &[(FORGEJO, right), (HUB, b"sha256=00")],
    ];
    for case in cases {
        assert!(!is_valid(case, BODY), "{case:?}");
    }
    for body in [&b""[..], &BODY[1..], &[BODY, b"\n"].concat()] {
        assert!(!is_valid(&[(FORGEJO, right)], body), "{body:?}");
    }
}

#[test]
fn events_that_wake() {
    for (name, want) in [
        ("push", Some(Webhook::Push)),
        ("issue_comment", Some(Webhook::Comment)),
        ("status", Some(Webhook::Status)),
        ("pull_request", Some(Webhook::PullRequest)),
        ("pull_request_approved", Some(Webhook::PullRequest)),
        ("ping", None),
        ("release", None),
        ("pushed", None),
        ("Push", None),
        ("", None),
    ] {
        for header in ["x-forgejo-event", "x-gitea-event", "x-github-event"] {
            assert_eq!(
                Webhook::of(&headers(&[(header, name.as_bytes())])),
                want,
                "{header}: {name}"
            );
        }
    }
    assert_eq!(Webhook::of(&headers(&[])), None);
    assert_eq!(Webhook::of(&headers(&[("x-gitea-event", &[0xff])])), None);
}

/// The headers of both forges as their sources send them (Gitea 1.26 `services/webhook/deliver.go`,
/// Forgejo `services/webhook/shared/payloader.go`).
#[test]
fn the_exact_type_of_an_event_comes_before_its_name() {
    for (forge, event, exact, want) in [
        ("forgejo", "", "package", Some(Webhook::Package)),
        ("gitea", "package", "package", Some(Webhook::Package)),
        ("gitea", "", "status", Some(Webhook::Status)),
        (
            "forgejo",
            "issue_comment",
            "pull_request_comment",
            Some(Webhook::Comment),
        ),
        (
            "forgejo",
            "action_run_failure",
            "action_run_failure",
            Some(Webhook::Status),
        ),
        ("forgejo", "", "action_run_recover", Some(Webhook::Status)),
        (
            "gitea",
            "workflow_run",
            "workflow_run",
            Some(Webhook::Status),
        ),
        (
            "gitea",
            "pull_request",
            "pull_request_sync",
            Some(Webhook::PullRequest),
        ),
        ("gitea", "push", "", Some(Webhook::Push)),
        ("forgejo", "", "", None),
        ("forgejo", "push", "wiki", None),
    ] {
        let (name, kind) = (format!("x-{forge}-event"), format!("x-{forge}-event-type"));
        let all = [(&*name, event.as_bytes()), (&*kind, exact.as_bytes())];
        assert_eq!(Webhook::of(&headers(&all)), want, "{forge} {event} {exact}");
    }
}

#[tokio::test]
async fn hooks_are_taken_all_at_once_and_none_is_lost() {
    let wakes = PendingWebhooks::default();
    for _ in 0..1000 {
        wakes.wake(Webhook::Push);
        wakes.wake(Webhook::Status);
    }
    assert_eq!(
        wakes.next().await.into_iter().collect::<Vec<_>>(),
        [Webhook::Push, Webhook::Status]
    );
    let (taken, ()) = tokio::join!(wakes.next(), async {
        tokio::task::yield_now().await;
        wakes.wake(Webhook::Comment);
    });
    assert_eq!(taken.into_iter().collect::<Vec<_>>(), [Webhook::Comment]);
}

#[tokio::test]
async fn a_flood_of_pushed_images_asks_for_all() {
    let wakes = PendingWebhooks::default();
    for at in 0..10_000 {
        wakes.wake(Webhook::Image(PushedImage {
            path: format!("team/app-{at}").into(),
            tag: "1".into(),
        }));
    }
    let taken = wakes.next().await;
    assert!(
        taken.len() <= 101 && taken.contains(&Webhook::Package),
        "{}",
        taken.len()
    );
}

fn carried(values: &[&str]) -> bool {
    let all: Vec<(&str, &[u8])> = values
        .iter()
        .map(|value| ("authorization", value.as_bytes()))
        .collect();
    carries_token(&SecretString::from(SECRET), &headers(&all))
}

#[test]
fn a_token_comes_as_bearer_or_as_a_password() {
    let basic = |pair: &str| format!("Basic {}", STANDARD.encode(pair));
    let bearer = format!("Bearer {SECRET}");
    for right in [
        &bearer,
        &bearer.replace("Bearer ", "bearer  "),
        &basic(&format!("pintle:{SECRET}")),
        &basic(&format!(":{SECRET}")),
    ] {
        assert!(carried(&[right]), "{right}");
    }
    let half = &SECRET[..SECRET.len() - 1];
    let wrong = [
        String::new(),
        SECRET.to_owned(),
        "Bearer".to_owned(),
        "Bearer ".to_owned(),
        format!("Bearer {half}"),
        format!("Bearer {SECRET}s"),
        format!("Bearer {}", SECRET.to_uppercase()),
        format!("Token {SECRET}"),
        basic(SECRET),
        basic(&format!("{SECRET}:")),
        basic(&format!("pintle:{half}")),
        format!("Basic {SECRET}"),
        "Basic !".to_owned(),
    ];
    for wrong in wrong {
        assert!(!carried(&[&wrong]), "{wrong}");
    }
    assert!(!carried(&[]));
    assert!(
        !carried(&[&bearer, &bearer]),
        "two of them are no request that a sender makes"
    );
}
