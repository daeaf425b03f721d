//! GitHub's answers, in their recorded shape, from a server on loopback: what is read, what is
//! sent, when nothing more is asked.

use super::*;
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use serde_json::{Value, json};
use std::collections::VecDeque;
use tokio::net::TcpListener;

/// Where github.com is asked.
const API: &str = "https://api.github.com/";

/// A stand-in for GitHub: answers what it is told to, in order, then 404. It ends with its test's
/// runtime.
#[derive(Clone, Default)]
struct Hub {
    answers: Arc<Mutex<VecDeque<Answer>>>,
    seen: Arc<Mutex<Vec<Seen>>>,
}

enum Answer {
    Say(u16, Vec<(&'static str, String)>, String),
    Never,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Seen {
    path: String,
    authorization: Option<String>,
}

impl Hub {
    async fn start(&self) -> Url {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        tokio::spawn(
            axum::serve(
                listener,
                Router::new().fallback(answer).with_state(self.clone()),
            )
            .into_future(),
        );
        url
    }

    fn say(&self, status: u16, headers: &[(&'static str, String)], body: impl ToString) {
        self.answers.lock().unwrap().push_back(Answer::Say(
            status,
            headers.to_vec(),
            body.to_string(),
        ));
    }

    fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

async fn answer(State(hub): State<Hub>, request: Request) -> Response {
    let authorization = request
        .headers()
        .get(reqwest::header::AUTHORIZATION)
        .map(|value| value.to_str().unwrap().to_owned());
    hub.seen.lock().unwrap().push(Seen {
        path: request.uri().to_string(),
        authorization,
    });
    let next = hub.answers.lock().unwrap().pop_front();
    let (status, headers, body) = match next {
        Some(Answer::Say(status, headers, body)) => (status, headers, body),
        Some(Answer::Never) => std::future::pending().await,
        None => (
            404,
            Vec::new(),
            json!({ "message": "Not Found" }).to_string(),
        ),
    };
    let mut response = Response::builder()
        .status(status)
        .header("content-type", "application/json; charset=utf-8");
    for (name, value) in headers {
        response = response.header(name, value);
    }
    response.body(Body::from(body)).unwrap()
}

/// A release as GitHub's API describes it ("List releases", 2022-11-28).
fn wire(tag: &str, more: &Value) -> Value {
    let page = format!("https://api.github.com/repos/octocat/Hello-World/releases/{tag}");
    let user = json!({
        "login": "octocat", "id": 1, "node_id": "MDQ6VXNlcjE=", "avatar_url": "https://github.com/images/error/octocat_happy.gif",
        "gravatar_id": "", "url": "https://api.github.com/users/octocat", "html_url": "https://github.com/octocat",
        "followers_url": "https://api.github.com/users/octocat/followers",
        "following_url": "https://api.github.com/users/octocat/following{/other_user}",
        "gists_url": "https://api.github.com/users/octocat/gists{/gist_id}",
        "starred_url": "https://api.github.com/users/octocat/starred{/owner}{/repo}",
        "subscriptions_url": "https://api.github.com/users/octocat/subscriptions",
        "organizations_url": "https://api.github.com/users/octocat/orgs", "repos_url": "https://api.github.com/users/octocat/repos",
        "events_url": "https://api.github.com/users/octocat/events{/privacy}",
        "received_events_url": "https://api.github.com/users/octocat/received_events", "type": "User", "site_admin": false,
    });
    let mut release = json!({
        "url": page, "html_url": format!("https://github.com/octocat/Hello-World/releases/{tag}"),
        "assets_url": format!("{page}/assets"), "upload_url": format!("{page}/assets{{?name,label}}"),
        "tarball_url": format!("{page}/tarball"), "zipball_url": format!("{page}/zipball"), "id": 1, "node_id": "MDc6UmVsZWFzZTE=",
        "tag_name": tag, "target_commitish": "master", "name": tag, "body": "Description of the release", "draft": false,
        "prerelease": false, "created_at": "2013-02-27T19:35:32Z", "published_at": "2013-02-27T19:35:32Z", "author": user,
        "assets": [{
            "url": format!("{page}/assets/1"), "browser_download_url": "https://github.com/octocat/Hello-World/releases/download/v1/example.zip",
            "id": 1, "node_id": "MDEyOlJlbGVhc2VBc3NldDE=", "name": "example.zip", "label": "short description", "state": "uploaded",
            "content_type": "application/zip", "size": 1024, "download_count": 42, "created_at": "2013-02-27T19:35:32Z",
            "updated_at": "2013-02-27T19:35:32Z", "uploader": user,
        }],
    });
    for (key, value) in more.as_object().unwrap() {
        release[key] = value.clone();
    }
    release
}

async fn hub() -> (Hub, Client) {
    let hub = Hub::default();
    let client = Client::new(&hub.start().await, None, None).unwrap();
    (hub, client)
}

#[tokio::test]
async fn releases_are_read_with_all_that_may_be_missing() {
    let (hub, client) = hub().await;
    let bare = json!({
        "name": null, "body": null, "published_at": null, "author": null, "assets": [], "tarball_url": null, "zipball_url": null,
        "draft": true, "prerelease": true, "a_new_field": { "x": 1 },
    });
    hub.say(
        200,
        &[],
        json!([wire("v2", &json!({ "name": "Two" })), wire("v1", &bare)]),
    );
    let releases = client.releases("octocat", "Hello-World").await.unwrap();
    let two = Release {
        tag: "v2".into(),
        name: "Two".into(),
        body: "Description of the release".into(),
        published_at: "2013-02-27T19:35:32Z".parse().ok(),
        url: Url::parse("https://github.com/octocat/Hello-World/releases/v2").unwrap(),
        draft: false,
        prerelease: false,
    };
    assert_eq!(releases[0], two);
    let (name, body) = (String::new(), String::new());
    let url = Url::parse("https://github.com/octocat/Hello-World/releases/v1").unwrap();
    assert_eq!(
        releases[1..],
        [Release {
            tag: "v1".into(),
            name,
            body,
            published_at: None,
            url,
            draft: true,
            prerelease: true
        }]
    );
    let path = "/repos/octocat/Hello-World/releases?per_page=30".to_owned();
    assert_eq!(
        hub.seen(),
        [Seen {
            path,
            authorization: None
        }]
    );
    hub.say(200, &[], "[]");
    assert_eq!(
        client.releases("octocat", "Hello-World").await,
        Ok(Vec::new())
    );
}

#[tokio::test]
async fn an_enterprise_is_asked_below_its_path_and_with_its_token() {
    let hub = Hub::default();
    let mut api = hub.start().await;
    api.set_path("/api/v3");
    let client = Client::new(&api, Some(&SecretString::from(" ghp_not_a_secret\n")), None).unwrap();
    hub.say(200, &[], "[]");
    client.releases("a", "b").await.unwrap();
    let seen = hub.seen();
    assert_eq!(seen[0].path, "/api/v3/repos/a/b/releases?per_page=30");
    assert_eq!(
        seen[0].authorization.as_deref(),
        Some("Bearer ghp_not_a_secret")
    );
    assert!(
        client.serves(&host_of(&api))
            && !client.serves("github.com")
            && !client.serves("127.0.0.1")
    );
    let usual = Client::new(&Url::parse(API).unwrap(), None, None).unwrap();
    assert!(
        usual.serves("github.com")
            && !usual.serves("api.github.com")
            && !usual.serves("github.com.example.org")
    );
}

#[tokio::test]
async fn a_renamed_repository_is_followed_and_another_host_is_not() {
    let (hub, client) = hub().await;
    let (other, _) = self::hub().await;
    let elsewhere = other.start().await;
    hub.say(301, &[("location", "/repositories/1/releases".into())], "");
    hub.say(200, &[], "[]");
    assert_eq!(client.releases("a", "old").await, Ok(Vec::new()));
    assert_eq!(
        hub.seen().last().map(|seen| seen.path.clone()).as_deref(),
        Some("/repositories/1/releases")
    );
    hub.say(302, &[("location", elsewhere.to_string())], "");
    let why = client.releases("a", "b").await.unwrap_err();
    assert!(
        matches!(why, GithubError::Status { status: 302, .. }),
        "{why}"
    );
    assert_eq!(other.seen(), []);
}

#[tokio::test]
async fn a_used_up_limit_is_remembered_until_it_is_full_again() {
    let far = Timestamp::now().as_second() + 600;
    let headers = [
        ("x-ratelimit-remaining", "0".to_owned()),
        ("x-ratelimit-reset", far.to_string()),
    ];
    for (status, headers) in [
        (403, &headers[..]),
        (429, &headers[..]),
        (403, &[("retry-after", "30".to_owned())]),
        (429, &[]),
    ] {
        let (hub, client) = hub().await;
        hub.say(
            status,
            headers,
            json!({ "message": "API rate limit exceeded for 192.0.2.1." }),
        );
        let first = client.releases("a", "b").await.unwrap_err();
        assert!(
            matches!(first, GithubError::Limited { .. }) && first.may_pass(),
            "{first}"
        );
        assert_eq!(client.releases("c", "d").await.unwrap_err(), first);
        assert_eq!(hub.seen().len(), 1, "{status} {headers:?}");
    }
}

#[test]
fn refusals_say_how_long_or_are_no_limit() {
    let now = Timestamp::from_second(1_000_000).unwrap();
    let wait = |status: u16, pairs: &[(&'static str, &str)]| {
        let headers = pairs
            .iter()
            .map(|(name, value)| {
                (
                    reqwest::header::HeaderName::from_static(name),
                    value.parse().unwrap(),
                )
            })
            .collect();
        limited(status, Some(&headers), now).map(|until| until.as_second() - now.as_second())
    };
    assert_eq!(
        wait(
            403,
            &[
                ("x-ratelimit-remaining", "0"),
                ("x-ratelimit-reset", "1000600")
            ]
        ),
        Some(600)
    );
    assert_eq!(
        wait(
            403,
            &[
                ("x-ratelimit-remaining", "5"),
                ("x-ratelimit-reset", "1000600")
            ]
        ),
        None
    );
    assert_eq!(
        wait(
            403,
            &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "5")]
        ),
        Some(1)
    );
    assert_eq!(
        wait(
            403,
            &[
                ("x-ratelimit-remaining", "0"),
                ("x-ratelimit-reset", "999999999999999999")
            ]
        ),
        Some(60)
    );
    assert_eq!(
        wait(
            403,
            &[
                ("x-ratelimit-remaining", "0"),
                ("x-ratelimit-reset", "9000000")
            ]
        ),
        Some(3600)
    );
    assert_eq!(
        wait(
            429,
            &[
                ("retry-after", "7"),
                ("x-ratelimit-remaining", "0"),
                ("x-ratelimit-reset", "1000600")
            ]
        ),
        Some(7)
    );
    assert_eq!(wait(429, &[("retry-after", "soon")]), Some(60));
    assert_eq!(wait(403, &[]), None);
    assert_eq!(wait(500, &[("retry-after", "7")]), None);
    assert_eq!(limited(403, None, now), None);
}

#[tokio::test]
async fn other_refusals_are_told_apart_and_asked_once() {
    let (hub, client) = hub().await;
    let repository = || "a/b".to_owned();
    let name = host_of(&client.inner.api);
    assert_eq!(
        client.releases("a", "b").await,
        Err(GithubError::NotFound {
            host: name.clone(),
            repository: repository()
        })
    );
    for (status, passes) in [(401, false), (403, false), (500, true), (503, true)] {
        hub.say(status, &[], "<html>no json</html>");
        let why = client.releases("a", "b").await.unwrap_err();
        assert_eq!(
            why,
            GithubError::Status {
                host: name.clone(),
                repository: repository(),
                status
            }
        );
        assert_eq!(why.may_pass(), passes, "{status}");
    }
    assert_eq!(hub.seen().len(), 5);
}

#[tokio::test]
async fn garbage_and_silence_are_errors() {
    let (hub, client) = hub().await;
    for body in ["", "garbage", "{}", "[{}]", "[1]", "\u{feff}[]"] {
        hub.say(200, &[], body);
        let why = client.releases("a", "b").await.unwrap_err();
        assert!(
            matches!(&why, GithubError::Failed { .. }) && why.may_pass(),
            "{body}: {why}"
        );
    }
    hub.answers.lock().unwrap().push_back(Answer::Never);
    let api = hub.start().await;
    let slow = Client::with_timeout(&api, None, None, Duration::from_millis(100)).unwrap();
    let why = slow.releases("a", "b").await.unwrap_err();
    assert!(
        matches!(&why, GithubError::Failed { .. }) && why.may_pass(),
        "{why}"
    );
}

#[test]
fn addresses_and_tokens_that_cannot_be_used_are_refused() {
    let new = |api: &str, token: &str| {
        Client::new(
            &Url::parse(api).unwrap(),
            Some(&SecretString::from(token)),
            None,
        )
        .err()
        .map(|e| e.to_string())
    };
    for api in [
        "ftp://github.example.org",
        "https://u:secret@github.example.org",
        "https://github.example.org/?token=secret",
    ] {
        let why = new(api, "t").unwrap_or_else(|| panic!("{api}"));
        assert!(
            why.contains("GitHub's API") && !why.contains("secret"),
            "{why}"
        );
    }
    assert_eq!(
        new("http://github.example.org/api/v3", "t").as_deref(),
        Some("the token for github.example.org would be sent without encryption")
    );
    assert_eq!(new("http://127.0.0.1:1/", "t"), None);
    let why = new("https://github.example.org", "a\nsecret").unwrap();
    assert!(!why.contains("secret"), "{why}");
    let ca = Client::new(&Url::parse(API).unwrap(), None, Some(b"nothing"))
        .err()
        .unwrap();
    assert!(
        ca.to_string()
            .starts_with("cannot set up https for api.github.com"),
        "{ca}"
    );
}
