//! Registries that list their tags in every way there is, also in wrong ones.

use super::*;
use crate::remote::oci::{Options, RegistryOptions};
use axum::Router;
use axum::extract::{Query, State};
use axum::http::StatusCode as Status;
use axum::response::{IntoResponse, Response};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use tokio::net::TcpListener;

type Questions = HashMap<String, String>;

/// What the fake registry answers to one question; the `If-None-Match` comes second.
type Behaviour = Box<dyn Fn(&Questions, Option<&str>) -> Response + Send + Sync>;

struct Fake {
    behaviour: Behaviour,
    /// `n=1000&last=b`, sorted.
    asked: Mutex<Vec<String>>,
}

struct RunningFake {
    fake: Arc<Fake>,
    client: Client,
    repository: Repository,
    address: String,
}

async fn answer(
    State(fake): State<Arc<Fake>>,
    Query(questions): Query<Questions>,
    headers: axum::http::HeaderMap,
) -> Response {
    let mut asked: Vec<String> = questions.iter().map(|(k, v)| format!("{k}={v}")).collect();
    asked.sort();
    let mut all = fake.asked.lock().unwrap_or_else(PoisonError::into_inner);
    all.push(asked.join("&"));
    let etag = headers.get("if-none-match").map(|v| v.to_str().unwrap());
    (fake.behaviour)(&questions, etag)
}

async fn start(
    behaviour: impl Fn(&Questions, Option<&str>) -> Response + Send + Sync + 'static,
) -> RunningFake {
    let fake = Arc::new(Fake {
        behaviour: Box::new(behaviour),
        asked: Mutex::default(),
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let app = Router::new().fallback(answer).with_state(fake.clone());
    tokio::spawn(async move { axum::serve(listener, app).await });
    let options = Options {
        registries: vec![RegistryOptions {
            plain_http: true,
            ..RegistryOptions::new(&*address)
        }],
        ..Options::default()
    };
    let client = Client::new(options);
    let repository = Repository {
        registry: address.as_str().into(),
        path: "team/app".into(),
    };
    RunningFake {
        fake,
        client,
        repository,
        address,
    }
}

impl RunningFake {
    async fn list(&self) -> Result<RepositoryTags, OciError> {
        self.list_by("all", &|_| true).await
    }

    async fn list_by(
        &self,
        name: &str,
        keeps: &(dyn Fn(&str) -> bool + Send + Sync),
    ) -> Result<RepositoryTags, OciError> {
        let prune = &|_: &mut Vec<Arc<str>>| {};
        let filter = TagFilter { name, keeps, prune };
        self.client.list_tags(&self.repository, &filter).await
    }

    /// Returns why there is no list.
    async fn why(&self) -> String {
        let why = self.list().await.expect_err("no list").to_string();
        why.replace(&self.address, "HOST")
    }

    fn asked(&self) -> Vec<String> {
        std::mem::take(
            &mut self
                .fake
                .asked
                .lock()
                .unwrap_or_else(PoisonError::into_inner),
        )
    }
}

fn page(tags: &[&str]) -> Response {
    let body = serde_json::json!({ "name": "team/app", "tags": tags });
    ([("content-type", "application/json")], body.to_string()).into_response()
}

fn linked(tags: &[&str], link: &str) -> Response {
    let mut response = page(tags);
    let link = format!("<{link}>; rel=\"next\"");
    response.headers_mut().insert("link", link.parse().unwrap());
    response
}

fn names(list: &RepositoryTags) -> Vec<&str> {
    list.tags.iter().map(|tag| &**tag).collect()
}

fn last(questions: &Questions) -> &str {
    questions.get("last").map_or("", String::as_str)
}

#[tokio::test]
async fn pages_are_read_to_the_end_and_in_their_order() {
    let fake = start(|questions, _| match last(questions) {
        "" => linked(&["b", "a"], "/v2/team/app/tags/list?last=a&n=1000"),
        "a" => linked(&["10", "9"], "list?last=9&n=1000"),
        _ => page(&["c"]),
    })
    .await;
    let list = fake.list().await.unwrap();
    assert_eq!(names(&list), ["b", "a", "10", "9", "c"]);
    assert_eq!(list.listed, 5);
    assert_eq!(fake.asked(), ["n=1000", "last=a&n=1000", "last=9&n=1000"]);
}

#[tokio::test]
async fn only_wanted_tags_are_kept_and_all_are_counted() {
    let fake = start(|_, _| page(&["1.2", "latest", "1.3"])).await;
    let list = fake.list_by("ones", &|tag| tag.starts_with('1')).await;
    let list = list.unwrap();
    assert_eq!((names(&list), list.listed), (vec!["1.2", "1.3"], 3));
}

#[tokio::test]
async fn a_long_page_is_pruned_while_it_is_read() {
    let fake = start(|_, _| {
        let tags: Vec<String> = (0..5000).map(|tag| tag.to_string()).collect();
        page(&tags.iter().map(String::as_str).collect::<Vec<_>>())
    })
    .await;
    let most = Mutex::new(0);
    let filter = TagFilter {
        name: "last",
        keeps: &|_| true,
        prune: &|tags| {
            let mut most = most.lock().unwrap();
            *most = tags.len().max(*most);
            tags.drain(..tags.len().saturating_sub(3));
        },
    };
    let list = fake.client.list_tags(&fake.repository, &filter).await;
    let list = list.unwrap();
    assert_eq!(
        (names(&list), list.listed),
        (vec!["4997", "4998", "4999"], 5000)
    );
    assert_eq!(*most.lock().unwrap(), 1000);
}

#[tokio::test]
async fn a_link_without_size_or_with_another_path_is_followed() {
    let fake = start(|questions, _| match last(questions) {
        "" => linked(&["a"], "/artifactory/v2/app/tags/list?last=a"),
        _ => page(&["b"]),
    })
    .await;
    assert_eq!(names(&fake.list().await.unwrap()), ["a", "b"]);
    assert_eq!(fake.asked(), ["n=1000", "last=a&n=1000"]);
}

#[tokio::test]
async fn an_absolute_link_to_the_same_host_is_followed() {
    let own = Arc::new(Mutex::new(String::new()));
    let known = own.clone();
    let fake = start(move |questions, _| match last(questions) {
        "" => linked(
            &["a"],
            &format!(
                "http://{}/v2/team/app/tags/list?last=a&n=1000",
                known.lock().unwrap()
            ),
        ),
        _ => page(&["b"]),
    })
    .await;
    own.lock().unwrap().clone_from(&fake.address);
    assert_eq!(names(&fake.list().await.unwrap()), ["a", "b"]);
}

#[tokio::test]
async fn a_link_to_another_host_is_not_followed() {
    let other = start(|_, _| page(&["stolen"])).await;
    let address = other.address.clone();
    let fake = start(move |_, _| {
        linked(
            &["a"],
            &format!("http://{address}/v2/team/app/tags/list?last=a&n=1000"),
        )
    })
    .await;
    let why = fake.why().await.replace(&other.address, "OTHER");
    assert_eq!(
        why,
        "the tags of HOST/team/app are unknown: \
         its next page is on another host, OTHER, which is not asked"
    );
    assert_eq!(other.asked(), [] as [String; 0]);
}

#[tokio::test]
async fn a_circle_of_pages_ends() {
    let fake = start(|questions, _| match last(questions) {
        "a" => linked(&["b"], "list?last=b&n=1000"),
        _ => linked(&["a"], "list?last=a&n=1000"),
    })
    .await;
    let why = fake.why().await;
    assert!(
        why.ends_with("a page names an earlier page as the next one"),
        "{why}"
    );
    assert_eq!(fake.asked().len(), 3);
}

#[tokio::test]
async fn a_page_that_fails_is_no_shorter_list() {
    for status in [
        Status::NOT_FOUND,
        Status::INTERNAL_SERVER_ERROR,
        Status::FORBIDDEN,
    ] {
        let fake = start(move |questions, _| match last(questions) {
            "" => linked(&["1.2.3"], "list?last=1.2.3&n=1000"),
            _ => status.into_response(),
        })
        .await;
        let why = fake.why().await;
        assert!(why.contains(&status.as_u16().to_string()), "{why}");
    }
}

#[tokio::test]
async fn what_is_no_list_is_no_empty_list() {
    for body in [
        "",
        "<html>",
        "[]",
        "{}",
        r#"{"tags": 1}"#,
        r#"{"tags": [1]}"#,
        r#"{"tags": ["#,
    ] {
        let fake = start(move |_, _| body.into_response()).await;
        let why = fake.why().await;
        assert!(
            why.starts_with("HOST/team/app cannot be read: "),
            "{body}: {why}"
        );
    }
}

#[tokio::test]
async fn no_tags_are_no_error() {
    for body in [
        r#"{"name": "team/app", "tags": null}"#,
        r#"{"tags": [], "name": "team/app"}"#,
    ] {
        let fake = start(move |_, _| body.into_response()).await;
        let list = fake.list().await.unwrap();
        assert_eq!((names(&list), list.listed), (vec![], 0));
    }
}

#[tokio::test]
async fn a_size_that_is_refused_is_made_smaller() {
    let fake = start(|questions, _| match questions["n"].parse::<usize>() {
        Ok(size) if size > 100 => Status::METHOD_NOT_ALLOWED.into_response(),
        _ => page(&["a"]),
    })
    .await;
    assert_eq!(names(&fake.list().await.unwrap()), ["a"]);
    assert_eq!(fake.asked(), ["n=1000", "n=100"]);
    let fake = start(|_, _| Status::METHOD_NOT_ALLOWED.into_response()).await;
    assert!(fake.why().await.contains("405"));
}

#[tokio::test]
async fn a_full_page_without_a_link_is_asked_for_again() {
    let tags: Vec<String> = (0..1000).map(|tag| tag.to_string()).collect();
    let honest = start(move |_, _| page(&tags.iter().map(String::as_str).collect::<Vec<_>>()));
    let fake = honest.await;
    assert_eq!(fake.list().await.unwrap().listed, 1000);
    assert_eq!(fake.asked(), ["n=1000", "n=999"]);
    let cut = start(|questions, _| {
        let size: usize = questions["n"].parse().unwrap();
        let tags: Vec<String> = (0..size).map(|tag| tag.to_string()).collect();
        page(&tags.iter().map(String::as_str).collect::<Vec<_>>())
    });
    let why = cut.await.why().await;
    assert!(
        why.contains("as many as were asked for, and no next page"),
        "{why}"
    );
}

#[tokio::test]
async fn a_list_without_end_is_given_up() {
    let fake = start(|questions, _| {
        let at: usize = last(questions).parse().unwrap_or(0);
        linked(&["a"], &format!("list?last={}&n=1000", at + 1))
    })
    .await;
    let why = fake.why().await;
    assert!(why.contains("more than 200 pages or 100000 tags"), "{why}");
    assert_eq!(fake.asked().len(), 200);
    let all: String = (0..=100_000).map(|tag| format!(",\"{tag}\"")).collect();
    let all = format!("{{\"tags\": [\"x\"{all}]}}");
    let fake = start(move |_, _| all.clone().into_response()).await;
    let why = fake.why().await;
    assert!(why.contains("more than 200 pages or 100000 tags"), "{why}");
}

#[tokio::test]
async fn a_page_that_has_not_changed_is_not_sent_again() {
    let tags = Arc::new(Mutex::new(vec!["1.2.3"]));
    let served = tags.clone();
    let fake = start(move |questions, etag| {
        let tags = served.lock().unwrap().clone();
        let own = format!("\"{}{}\"", last(questions), tags.len());
        if etag == Some(own.as_str()) {
            return Status::NOT_MODIFIED.into_response();
        }
        let mut response = match last(questions) {
            "" => linked(&["1.2.2"], "list?last=1.2.2&n=1000"),
            _ => page(&tags),
        };
        response.headers_mut().insert("etag", own.parse().unwrap());
        response
    })
    .await;
    for _ in 0..2 {
        assert_eq!(names(&fake.list().await.unwrap()), ["1.2.2", "1.2.3"]);
        assert_eq!(fake.asked().len(), 2);
    }
    tags.lock().unwrap().push("1.2.4");
    assert_eq!(
        names(&fake.list().await.unwrap()),
        ["1.2.2", "1.2.3", "1.2.4"]
    );
    // What was kept for one filter does not serve another.
    let list = fake.list_by("last", &|tag| tag == "1.2.4").await.unwrap();
    assert_eq!(names(&list), ["1.2.4"]);
}

/// As registry.k8s.io does, which keeps its images at another registry.
#[tokio::test]
async fn a_registry_that_sends_on_is_left_for_all_pages() {
    let other = start(|questions, _| match last(questions) {
        "" => linked(&["3.9"], "list?last=3.9&n=1000"),
        _ => page(&["3.10"]),
    })
    .await;
    let address = other.address.clone();
    let fake = start(move |_, _| {
        let to = format!("http://{address}/v2/mirrors/app/tags/list?n=1000");
        (Status::TEMPORARY_REDIRECT, [("location", to)]).into_response()
    })
    .await;
    assert_eq!(names(&fake.list().await.unwrap()), ["3.9", "3.10"]);
    assert_eq!(fake.asked(), ["n=1000"]);
    assert_eq!(other.asked(), ["n=1000", "last=3.9&n=1000"]);
}

#[tokio::test]
async fn a_registry_that_sends_on_for_ever_is_given_up() {
    let own = Arc::new(Mutex::new(String::new()));
    let known = own.clone();
    let other = start(move |_, _| {
        let to = format!("http://{}/v2/b/tags/list", known.lock().unwrap());
        (Status::TEMPORARY_REDIRECT, [("location", to)]).into_response()
    })
    .await;
    let address = other.address.clone();
    let fake = start(move |_, _| {
        let to = format!("http://{address}/v2/a/tags/list");
        (Status::TEMPORARY_REDIRECT, [("location", to)]).into_response()
    })
    .await;
    own.lock().unwrap().clone_from(&fake.address);
    let why = fake.why().await;
    assert!(why.ends_with("it is redirected too often"), "{why}");
}

#[test]
fn the_next_link_is_found_among_others() {
    let find = |text: &str| find_link(&[(LINK, text.parse().unwrap())].into_iter().collect());
    assert_eq!(find("</a>; rel=\"next\""), Some("/a".into()));
    assert_eq!(find("</a>; rel=next"), Some("/a".into()));
    assert_eq!(
        find("</p,x>; rel=\"prev\", </a>; rel=\"NEXT\""),
        Some("/a".into())
    );
    assert_eq!(
        find("</a>; title=\"x\"; rel=\"last next\""),
        Some("/a".into())
    );
    assert_eq!(find("</a>; rel=\"prev\""), None);
    assert_eq!(find("nothing"), None);
}
