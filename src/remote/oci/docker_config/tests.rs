//! The spellings of a `config.json`, and that nothing of it shows.

use super::*;

fn password(config: &DockerConfig, registry: &str, repository: &str) -> Option<(String, String)> {
    match config.find(registry, repository)? {
        Credentials::Password { username, password } => {
            Some((username.clone(), password.expose_secret().to_owned()))
        }
        Credentials::Identity { token } => {
            Some(("<token>".to_owned(), token.expose_secret().to_owned()))
        }
    }
}

fn pair(user: &str, password: &str) -> Option<(String, String)> {
    Some((user.to_owned(), password.to_owned()))
}

fn one(key: &str) -> DockerConfig {
    DockerConfig::parse(format!(r#"{{"auths":{{"{key}":{{"auth":"dTpw"}}}}}}"#).as_bytes()).unwrap()
}

#[test]
fn docker_hub_has_many_names() {
    let keys = [
        "https://index.docker.io/v1/",
        "https://index.docker.io/v1",
        "index.docker.io",
        "docker.io",
        "https://docker.io",
        "registry-1.docker.io",
        "https://registry-1.docker.io/v2/",
        "registry.hub.docker.com",
    ];
    for key in keys {
        assert_eq!(
            password(&one(key), "docker.io", "library/alpine"),
            pair("u", "p"),
            "{key}"
        );
        assert_eq!(
            password(&one(key), "ghcr.io", "library/alpine"),
            None,
            "{key}"
        );
    }
}

#[test]
fn a_host_is_meant_with_its_port() {
    for (key, registry, found) in [
        ("ghcr.io", "ghcr.io", true),
        ("https://ghcr.io", "ghcr.io", true),
        ("https://ghcr.io/v2/", "ghcr.io", true),
        ("GHCR.io", "ghcr.io", true),
        (
            "http://registry.example.com:5000",
            "registry.example.com:5000",
            true,
        ),
        (
            "registry.example.com:5000",
            "registry.example.com:5000",
            true,
        ),
        ("registry.example.com:5000", "registry.example.com", false),
        ("registry.example.com", "registry.example.com:5000", false),
        ("example.com", "registry.example.com", false),
    ] {
        assert_eq!(
            password(&one(key), registry, "a/b").is_some(),
            found,
            "{key} {registry}"
        );
    }
}

#[test]
fn the_longest_path_wins() {
    let text = r#"{"auths":{
        "registry.example.com": {"auth": "YWxsOjE="},
        "registry.example.com/team": {"auth": "dGVhbToy"},
        "registry.example.com/team/app": {"auth": "YXBwOjM="}
    }}"#;
    let config = DockerConfig::parse(text.as_bytes()).unwrap();
    let find = |repository| password(&config, "registry.example.com", repository);
    assert_eq!(find("other/x"), pair("all", "1"));
    assert_eq!(find("team/x"), pair("team", "2"));
    assert_eq!(find("team/app"), pair("app", "3"));
    assert_eq!(find("team/app/sub"), pair("app", "3"));
    assert_eq!(find("team/apple"), pair("team", "2"));
    assert_eq!(find("teams/x"), pair("all", "1"));
}

#[test]
fn every_form_of_credentials_is_read() {
    for (entry, want) in [
        (r#"{"auth": "dTpw"}"#, pair("u", "p")),
        (r#"{"auth": " dTpw\n"}"#, pair("u", "p")),
        (r#"{"auth": "dTpwYQ"}"#, pair("u", "pa")),
        (r#"{"auth": "dTpwAAA="}"#, pair("u", "p")),
        (r#"{"auth": "dTpwOnE="}"#, pair("u", "p:q")),
        (r#"{"username": "u", "password": "p"}"#, pair("u", "p")),
        (
            r#"{"username": "u", "password": "p", "auth": "eDp5", "email": "x@example.com"}"#,
            pair("u", "p"),
        ),
        (
            r#"{"auth": "dTo=", "identitytoken": "t"}"#,
            pair("<token>", "t"),
        ),
        ("{}", None),
        (r#"{"auth": ""}"#, None),
    ] {
        let config =
            DockerConfig::parse(format!(r#"{{"auths":{{"ghcr.io":{entry}}}}}"#).as_bytes())
                .unwrap();
        assert_eq!(password(&config, "ghcr.io", "a/b"), want, "{entry}");
    }
}

#[test]
fn helpers_are_named_and_not_run() {
    let text = r#"{"credHelpers": {"123.dkr.ecr.example.com": "ecr-login"}, "credsStore": "desktop", "HttpHeaders": {"x": "y"}}"#;
    let config = DockerConfig::parse(text.as_bytes()).unwrap();
    let helper = Helper {
        registry: Some("123.dkr.ecr.example.com".into()),
        name: "ecr-login".into(),
    };
    assert_eq!(
        config.helpers(),
        [
            helper,
            Helper {
                registry: None,
                name: "desktop".into()
            }
        ]
    );
    assert!(config.find("docker.io", "library/alpine").is_none());
}

#[test]
fn what_is_wrong_is_told_without_showing_it() {
    for (text, want) in [
        (
            r#"{"auths":{"ghcr.io":{"auth":"c2VjcmV0"}}}"#,
            "the entry `ghcr.io` of the docker config.json is not usable: `auth` is not user:password",
        ),
        (
            r#"{"auths":{"ghcr.io":{"auth":"s€cret"}}}"#,
            "the entry `ghcr.io` of the docker config.json is not usable: `auth` is not base64",
        ),
        (
            r#"{"auths":{"ghcr.io":{"auth":"/w=="}}}"#,
            "the entry `ghcr.io` of the docker config.json is not usable: `auth` is not UTF-8",
        ),
        (
            r#"{"auths":{"ghcr.io":{"username":"u"}}}"#,
            "the entry `ghcr.io` of the docker config.json is not usable: it has a username and no password",
        ),
        (
            r#"{"auths":"secret"}"#,
            "not a docker config.json: line 1, column 17",
        ),
        ("secret", "not a docker config.json: line 1, column 1"),
    ] {
        assert_eq!(
            DockerConfig::parse(text.as_bytes())
                .unwrap_err()
                .to_string(),
            want
        );
    }
}

#[test]
fn nothing_secret_shows() {
    let config = DockerConfig::parse(
        br#"{"auths":{"a.example.com":{"username":"u","password":"hunter2"},"b.example.com":{"identitytoken":"hunter3"}}}"#,
    );
    let text = format!("{:?}", config.unwrap());
    assert!(!text.contains("hunter"), "{text}");
}
