//! Challenges, realms and tokens.

use super::*;

fn read(header: &str, registry: &str) -> Result<Option<Scheme>, String> {
    let headers = [(WWW_AUTHENTICATE, HeaderValue::try_from(header).unwrap())]
        .into_iter()
        .collect();
    challenge(&headers, &registry.parse().unwrap())
}

#[test]
fn a_bearer_challenge_names_realm_and_service() {
    let header = r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:library/alpine:pull,push""#;
    let realm = "https://auth.docker.io/token".parse().unwrap();
    let want = Scheme::Bearer {
        realm,
        service: Some("registry.docker.io".into()),
    };
    assert_eq!(
        read(header, "https://registry-1.docker.io/"),
        Ok(Some(want))
    );
}

#[test]
fn bearer_goes_before_basic_and_others_are_none() {
    let both = r#"Basic realm="x", Bearer realm="https://auth.example.com/t""#;
    assert!(matches!(
        read(both, "https://r.example.com/"),
        Ok(Some(Scheme::Bearer { service: None, .. }))
    ));
    assert_eq!(
        read(r#"basic realm="x""#, "https://r.example.com/"),
        Ok(Some(Scheme::Basic))
    );
    assert_eq!(
        read(r#"Negotiate realm="x""#, "https://r.example.com/"),
        Ok(None)
    );
    assert_eq!(
        challenge(
            &HeaderMap::new(),
            &"https://r.example.com/".parse().unwrap()
        ),
        Ok(None)
    );
    assert!(read("Bearer realm=", "https://r.example.com/").is_err());
    assert!(read(r#"Bearer service="x""#, "https://r.example.com/").is_err());
}

#[test]
fn a_realm_is_encrypted_or_as_near_as_the_registry() {
    for (realm, registry, fine) in [
        ("https://auth.example.com/t", "https://r.example.com/", true),
        ("https://auth.example.com/t", "http://r.example.com/", true),
        ("http://auth.example.com/t", "https://r.example.com/", false),
        ("http://r.example.com/t", "https://r.example.com/", false),
        ("http://127.0.0.1/t", "https://r.example.com/", false),
        ("http://auth.example.com/t", "http://r.example.com/", false),
        ("http://r.example.com:81/t", "http://r.example.com/", true),
        ("http://localhost:5001/t", "http://127.0.0.1:5000/", true),
        ("http://[::1]:5001/t", "http://127.0.0.1:5000/", true),
        (
            "https://u:p@auth.example.com/t",
            "https://r.example.com/",
            false,
        ),
        ("file:///etc/passwd", "https://r.example.com/", false),
        ("/token", "https://r.example.com/", false),
    ] {
        assert_eq!(
            read(&format!("Bearer realm=\"{realm}\""), registry).is_ok(),
            fine,
            "{realm} {registry}"
        );
    }
}

#[test]
fn a_token_lives_as_long_as_it_says_less_a_tenth() {
    let now = Instant::now();
    let life = |body: &str| {
        Token::read(body.as_bytes(), now)
            .map(|token| (token.until - now).as_secs_f32().round() as u64)
    };
    assert_eq!(
        life(r#"{"token":"x","expires_in":300,"issued_at":"2026-11-22T12:00:00Z"}"#),
        Ok(270)
    );
    assert_eq!(life(r#"{"access_token":"x"}"#), Ok(54));
    assert_eq!(
        life(r#"{"token":"","access_token":"x","expires_in":99999999999}"#),
        Ok(24 * 3600 / 10 * 9)
    );
    assert_eq!(life("{}"), Err("its answer holds no token"));
    assert_eq!(life("<html>"), Err("its answer is not a token"));
    assert_eq!(
        life("{\"token\":\"a\\nb\"}"),
        Err("its token does not fit into a header")
    );
}

#[tokio::test]
async fn a_token_is_asked_for_again_when_its_time_is_over() {
    let auth = Auth::new();
    let fetched = std::sync::atomic::AtomicU32::new(0);
    let start = Instant::now();
    let at = |seconds| start + Duration::from_secs(seconds);
    let fetch = async |now| {
        fetched.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        Token::read(br#"{"token":"x","expires_in":100}"#, now).map_err(|why| OciError::Setup {
            host: "h".into(),
            why: why.into(),
        })
    };
    let first = auth.token("s", at(0), fetch(at(0))).await.unwrap();
    assert!(Arc::ptr_eq(
        &auth.token("s", at(89), fetch(at(89))).await.unwrap(),
        &first
    ));
    let second = auth.token("s", at(91), fetch(at(91))).await.unwrap();
    assert!(!Arc::ptr_eq(&second, &first));
    // A task that still holds the first does not throw the second away.
    auth.retire("s", &first).await;
    assert!(Arc::ptr_eq(
        &auth.token("s", at(92), fetch(at(92))).await.unwrap(),
        &second
    ));
    assert_eq!(fetched.into_inner(), 2);
}

#[test]
fn an_identity_token_goes_into_a_form_and_a_password_into_a_header() {
    let realm = "https://auth.example.com/t?x=1".parse().unwrap();
    let password = Credentials::Password {
        username: "u".into(),
        password: "p".into(),
    };
    let asked = token_request(&realm, Some("svc"), "repository:a/b:pull", Some(&password));
    assert_eq!(
        asked.url.as_str(),
        "https://auth.example.com/t?x=1&service=svc&scope=repository%3Aa%2Fb%3Apull"
    );
    let header = asked.authorization.unwrap();
    assert!(header.is_sensitive() && header == "Basic dTpw" && asked.form.is_none());
    let identity = Credentials::Identity {
        token: "t&t".into(),
    };
    let asked = token_request(&realm, Some("svc"), "repository:a/b:pull", Some(&identity));
    assert_eq!((asked.url, asked.authorization), (realm, None));
    let form = "grant_type=refresh_token&client_id=pintle&scope=repository%3Aa%2Fb%3Apull&service=svc&refresh_token=t%26t";
    assert_eq!(asked.form.unwrap().expose_secret(), form);
}

#[tokio::test]
async fn refused_tokens_of_a_scope_are_renewed_once_in_a_while_however_many_ask() {
    let auth = Auth::new();
    let start = Instant::now();
    let at = |seconds| start + Duration::from_secs(seconds);
    let token = async |now| {
        auth.token("s", now, async {
            Ok(Token::read(br#"{"token":"x","expires_in":1000}"#, now).unwrap())
        })
        .await
        .unwrap()
    };
    let first = token(at(0)).await;
    assert!(
        auth.renew("s", &first, at(1)).await,
        "the first that is refused has a new one fetched"
    );
    assert!(
        auth.renew("s", &first, at(1)).await,
        "the next one waits for it"
    );
    let second = token(at(1)).await;
    assert!(!Arc::ptr_eq(&first, &second));
    assert!(
        auth.renew("s", &first, at(2)).await,
        "and one that comes late takes it"
    );
    assert!(Arc::ptr_eq(&second, &token(at(2)).await));
    assert!(
        !auth.renew("s", &second, at(60)).await,
        "the new one is refused too: it is no use"
    );
    assert!(auth.renew("s", &second, at(61)).await);
    assert!(auth.renew("other", &second, at(61)).await);
    let third = token(at(61)).await;
    auth.tried_anew("s", true, at(62)).await;
    assert!(
        auth.renew("s", &third, at(63)).await,
        "one that opened the door and is refused later is renewed"
    );
    auth.tried_anew("s", false, at(64)).await;
    assert!(!auth.renew("s", &token(at(64)).await, at(65)).await);
}
