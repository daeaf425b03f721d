use super::super::read::Trouble;
use super::super::{Client, Kind, Object, Options, Owner};
use super::{Keeper, Kept, OLDEST_VIEW, State, Urgency, Watches, calls};
use crate::model::rollout::{PodContainer, Rollout, Waiting};
use crate::remote::kubernetes::Place;
use axum::body::{Body, Bytes};
use axum::extract::{Query, State as Of};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use futures_util::{FutureExt, StreamExt, stream};
use serde_json::{Value, json};
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

/// What the server says next.
enum Says {
    /// These namespaces, as of a version.
    List(&'static [&'static str], u32),
    /// The first page of a list.
    Begins(&'static [&'static str], u32),
    /// Pages without end, whose tokens begin again after so many.
    NeverEnds(usize),
    /// These lines, and then nothing more; it ends there if it is to.
    Watch(Vec<Value>, bool),
    Fails(u16),
    /// What stands before an API server, in its own words.
    Answers(u16, &'static str),
}

#[derive(Default)]
struct Server {
    script: Mutex<VecDeque<Says>>,
    /// The questions: `list`, `list abc`, `watch 7`.
    asked: Mutex<Vec<String>>,
    /// What they carried as authorization.
    carried: Mutex<Vec<String>>,
}

fn namespace(name: &str, version: u32) -> Value {
    json!({"metadata": {"name": name, "uid": name, "resourceVersion": version.to_string(), "labels": {"keel.sh/policy": version.to_string()}}})
}

fn event(kind: &str, object: Value) -> Value {
    json!({"type": kind, "object": object})
}

fn expired() -> Value {
    event(
        "ERROR",
        json!({"kind": "Status", "status": "Failure", "message": "too old resource version: 1 (9)", "reason": "Expired", "code": 410}),
    )
}

async fn answer(
    Of(server): Of<Arc<Server>>,
    Query(query): Query<HashMap<String, String>>,
    headers: HeaderMap,
) -> Response {
    server.carried.lock().unwrap().extend(
        headers
            .get("authorization")
            .map(|value| value.to_str().unwrap().to_owned()),
    );
    let watches = query.contains_key("watch");
    let asked = match (watches, query.get("continue")) {
        (true, _) => format!("watch {}", query["resourceVersion"]),
        (false, Some(rest)) => format!("list {rest}"),
        (false, None) => "list".to_owned(),
    };
    let count = {
        let mut all = server.asked.lock().unwrap();
        all.push(asked);
        all.len()
    };
    let list = |names: &[&str], version: u32, rest: &str| {
        let items: Vec<Value> = names.iter().map(|name| namespace(name, version)).collect();
        json!({"kind": "NamespaceList", "metadata": {"resourceVersion": version.to_string(), "continue": rest}, "items": items}).to_string()
    };
    let says = server.script.lock().unwrap().pop_front();
    match says {
        Some(Says::List(names, version)) => list(names, version, "").into_response(),
        Some(Says::Begins(names, version)) => list(names, version, "abc").into_response(),
        Some(Says::NeverEnds(tokens)) => {
            server
                .script
                .lock()
                .unwrap()
                .push_front(Says::NeverEnds(tokens));
            list(&[], 1, &format!("token-{}", count % tokens)).into_response()
        }
        Some(Says::Watch(lines, ends)) => {
            let lines = stream::iter(
                lines
                    .into_iter()
                    .map(|line| Ok::<_, std::io::Error>(Bytes::from(format!("{line}\n")))),
            );
            let body = if ends {
                Body::from_stream(lines)
            } else {
                Body::from_stream(lines.chain(stream::pending()))
            };
            body.into_response()
        }
        Some(Says::Fails(code)) => {
            let status = json!({"kind": "Status", "status": "Failure", "message": "no", "reason": "No", "code": code});
            (StatusCode::from_u16(code).unwrap(), status.to_string()).into_response()
        }
        Some(Says::Answers(code, text)) => {
            (StatusCode::from_u16(code).unwrap(), text).into_response()
        }
        None => std::future::pending().await,
    }
}

struct Run {
    server: Arc<Server>,
    /// `127.0.0.1:40123`
    host: String,
    /// How many requests to this host were counted before: another test may have had the port.
    before: u64,
    watches: Watches,
    _keeper: JoinHandle<crate::error::Result<()>>,
    _folder: tempfile::TempDir,
}

/// Watches of a server that are not kept yet.
fn watching(server: &str, user: &Value, timeout: Duration) -> (Watches, Keeper, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config");
    let text = json!({"current-context": "a", "clusters": [{"name": "a", "cluster": {"server": server}}],
        "users": [{"name": "a", "user": user}], "contexts": [{"name": "a", "context": {"cluster": "a", "user": "a"}}]});
    std::fs::write(&file, text.to_string()).unwrap();
    let told = Options {
        timeout,
        ..Options::default()
    };
    let (watches, keeper) = Client::new(
        &Place::Kubeconfig {
            file,
            context: None,
        },
        &told,
    )
    .unwrap()
    .watch()
    .unwrap();
    (watches, keeper, folder)
}

impl Run {
    async fn start(script: Vec<Says>) -> Self {
        Self::of(&json!({}), Duration::from_secs(5), script).await
    }

    async fn of(user: &Value, timeout: Duration, script: Vec<Says>) -> Self {
        let server = Arc::new(Server {
            script: Mutex::new(script.into()),
            ..Server::default()
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let host = address.to_string();
        let before = count_requests(&host);
        let router = axum::Router::new()
            .fallback(answer)
            .with_state(server.clone());
        tokio::spawn(async { axum::serve(listener, router).await });
        let (watches, keeper, folder) = watching(&format!("http://{address}"), user, timeout);
        watches.want(&BTreeSet::from([Kind::Namespace]), None);
        Self {
            server,
            host,
            before,
            watches,
            _keeper: tokio::spawn(keeper.run()),
            _folder: folder,
        }
    }

    async fn names(&self) -> Result<Vec<String>, String> {
        let mut objects = self.watches.objects().await;
        let mut names: Vec<String> = objects
            .kinds
            .remove(&Kind::Namespace)
            .unwrap()?
            .iter()
            .map(|object| {
                format!(
                    "{} {}",
                    object.name,
                    object.label("keel.sh/policy").unwrap()
                )
            })
            .collect();
        names.sort();
        Ok(names)
    }

    async fn until(&self, wanted: Result<&[&str], &str>) {
        let wanted = wanted
            .map(|names| {
                names
                    .iter()
                    .map(|name| (*name).to_owned())
                    .collect::<Vec<_>>()
            })
            .map_err(str::to_owned);
        let looked = async {
            while self.names().await != wanted {
                self.watches.changed().await;
            }
        };
        let seen = timeout(Duration::from_secs(20), looked).await;
        assert!(
            seen.is_ok(),
            "{:?} instead of {wanted:?} after {:?}",
            self.names().await,
            self.server.asked.lock().unwrap()
        );
    }

    fn asked(&self) -> Vec<String> {
        self.server.asked.lock().unwrap().clone()
    }

    /// How many requests were counted.
    fn counted(&self) -> usize {
        usize::try_from(count_requests(&self.host) - self.before).unwrap()
    }
}

fn count_requests(host: &str) -> u64 {
    let counts = crate::remote::requests_by_host();
    counts.get(host).copied().unwrap_or_default()
}

#[tokio::test]
async fn every_request_is_counted_also_those_that_are_repeated() {
    let run = Run::start(vec![
        Says::Begins(&["a"], 5),
        Says::List(&["b"], 6),
        Says::Watch(vec![event("ADDED", namespace("c", 7))], true),
        Says::Fails(410),
        Says::List(&["d"], 9),
        Says::Watch(vec![], false),
    ])
    .await;
    run.until(Ok(&["d 9"])).await;
    let asked = async {
        while run.asked().len() < 6 {
            tokio::task::yield_now().await;
        }
    };
    assert!(timeout(Duration::from_secs(20), asked).await.is_ok());
    assert_eq!(run.counted(), run.asked().len());
}

#[tokio::test]
async fn pages_make_one_list_and_a_watch_goes_on_where_it_ended() {
    let bookmark = event(
        "BOOKMARK",
        json!({"kind": "Namespace", "apiVersion": "v1", "metadata": {"resourceVersion": "9"}}),
    );
    let run = Run::start(vec![
        Says::Begins(&["a"], 5),
        Says::List(&["b"], 6),
        Says::Watch(
            vec![
                event("ADDED", namespace("c", 7)),
                event("MODIFIED", namespace("a", 8)),
                bookmark,
            ],
            true,
        ),
        Says::Watch(vec![event("DELETED", namespace("b", 12))], false),
    ])
    .await;
    run.until(Ok(&["a 8", "c 7"])).await;
    assert_eq!(run.asked(), ["list", "list abc", "watch 6", "watch 9"]);
}

#[tokio::test]
async fn a_version_that_is_gone_is_listed_anew() {
    let run = Run::start(vec![
        Says::List(&["a", "b"], 1),
        Says::Watch(vec![expired()], false),
        Says::List(&["a"], 3),
        // The same as an answer, not as an event.
        Says::Fails(410),
        Says::List(&["d"], 4),
        Says::Watch(vec![], false),
    ])
    .await;
    run.until(Ok(&["d 4"])).await;
    assert_eq!(
        run.asked()[..5],
        ["list", "watch 1", "list", "watch 3", "list"]
    );
}

#[tokio::test]
async fn trouble_is_told_and_the_watch_comes_back() {
    let run = Run::start(vec![
        Says::List(&["a"], 1),
        Says::Fails(500),
        Says::Fails(502),
        Says::Watch(vec![event("ADDED", namespace("b", 2))], false),
    ])
    .await;
    run.until(Ok(&["a 1", "b 2"])).await;
    assert_eq!(
        run.asked(),
        ["list", "watch 1", "watch 1", "watch 1"],
        "it is not listed for that"
    );
}

#[tokio::test]
async fn a_right_that_is_taken_away_leaves_nothing() {
    let run = Run::start(vec![Says::List(&["a"], 1), Says::Fails(403)]).await;
    run.until(Err("the namespaces may not be read: no")).await;
}

/// As with a role that has `list` and no `watch`.
#[tokio::test]
async fn what_may_be_listed_and_not_watched_is_not_known_for_a_moment_again_and_again() {
    let run = Run::start(vec![
        Says::List(&["a"], 1),
        Says::Fails(403),
        Says::List(&["a"], 2),
        Says::Fails(403),
        Says::List(&["a"], 3),
        Says::Fails(500),
        Says::List(&["b"], 4),
        Says::Watch(vec![event("ADDED", namespace("c", 5))], false),
    ])
    .await;
    let mut seen = vec![run.names().await];
    let looked = async {
        while seen.last() != Some(&Ok(vec!["b 4".to_owned(), "c 5".to_owned()])) {
            run.watches.changed().await;
            seen.push(run.names().await);
        }
    };
    assert!(
        timeout(Duration::from_secs(20), looked).await.is_ok(),
        "{:?}",
        run.asked()
    );
    seen.retain(|names| {
        *names != Ok(vec!["a 1".to_owned()]) && *names != Ok(vec!["b 4".to_owned()])
    });
    let refused = Err("the namespaces may not be read: no".to_owned());
    assert_eq!(
        seen,
        [refused, Ok(vec!["b 4".to_owned(), "c 5".to_owned()])],
        "{:?}",
        run.asked()
    );
}

#[tokio::test]
async fn a_list_that_never_ends_is_not_known() {
    let run = Run::start(vec![Says::NeverEnds(3)]).await;
    assert_eq!(
        run.names().await.unwrap_err(),
        "the namespaces could not be read: the list does not end: it gives the same page again"
    );
}

#[tokio::test]
async fn a_list_that_is_not_complete_is_not_known() {
    let run = Run::start(vec![
        Says::Begins(&["a"], 1),
        Says::List(&["b"], 1),
        Says::Watch(vec![], false),
    ])
    .await;
    assert_eq!(
        run.names().await,
        Ok(vec!["a 1".to_owned(), "b 1".to_owned()]),
        "the first look waits for it"
    );
    let half = Run::start(vec![
        Says::Begins(&["a"], 1),
        Says::Fails(500),
        Says::Fails(500),
        Says::Fails(500),
    ])
    .await;
    assert!(
        half.names()
            .await
            .unwrap_err()
            .starts_with("the namespaces could not be read: 500")
    );
}

#[tokio::test]
async fn a_server_that_is_busy_all_the_time_is_not_called_silent() {
    let busy = || {
        vec![
            Says::Fails(503),
            Says::Fails(503),
            Says::Fails(503),
            Says::Fails(429),
            Says::Fails(503),
        ]
    };
    let script = std::iter::repeat_with(busy).take(20).flatten().collect();
    let run = Run::of(&json!({}), Duration::from_secs(1), script).await;
    assert_eq!(
        run.names().await.unwrap_err(),
        "the namespaces could not be read: the API server did not answer within 1 s, or only that it is busy (429, 503)"
    );
}

#[tokio::test]
async fn a_server_that_is_busy_for_a_moment_is_asked_again() {
    let run = Run::start(vec![
        Says::Fails(429),
        Says::Begins(&["a"], 1),
        Says::Fails(503),
        Says::List(&["b"], 1),
        Says::Watch(vec![], false),
    ])
    .await;
    assert_eq!(
        run.names().await,
        Ok(vec!["a 1".to_owned(), "b 1".to_owned()])
    );
}

#[tokio::test]
async fn what_stands_before_an_api_server_is_not_quoted_at_length() {
    let page =
        "<html>\n<head><title>502 Bad Gateway</title></head><body><p>Ray 8f3a</p></body></html>";
    let stranger = "the answer is not an API server's";
    for (answer, want) in [
        (
            Says::Answers(502, page),
            format!("the namespaces could not be read: 502 ({stranger})"),
        ),
        (
            Says::Answers(500, "upstream connect error\n  or disconnect"),
            "the namespaces could not be read: 500 upstream connect error or disconnect".to_owned(),
        ),
        (
            Says::Answers(403, r#"{"message": "not you"}"#),
            format!("the namespaces could not be read: not you ({stranger})"),
        ),
        (
            Says::Answers(500, ""),
            format!("the namespaces could not be read: 500 ({stranger})"),
        ),
    ] {
        let run = Run::start(vec![answer]).await;
        assert_eq!(run.names().await.unwrap_err(), want);
    }
}

#[tokio::test]
async fn a_token_of_a_file_may_end_with_a_line_break() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "t0ken\n").unwrap();
    let user = json!({"tokenFile": file.path()});
    let run = Run::of(
        &user,
        Duration::from_secs(5),
        vec![Says::List(&["a"], 1), Says::Watch(vec![], false)],
    )
    .await;
    assert_eq!(run.names().await, Ok(vec!["a 1".to_owned()]));
    assert_eq!(run.server.carried.lock().unwrap()[0], "Bearer t0ken");
}

/// As a plugin without an expiry gives them, or a kubeconfig that somebody writes anew.
#[tokio::test]
async fn credentials_that_are_refused_are_read_anew() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let credential = |token: &str| {
        let told = json!({"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {"token": token}});
        std::fs::write(file.path(), told.to_string()).unwrap();
    };
    credential("first");
    let exec = json!({"apiVersion": "client.authentication.k8s.io/v1", "command": "cat", "args": [file.path()], "interactiveMode": "Never"});
    let script = vec![
        Says::List(&["a"], 1),
        Says::Fails(401),
        Says::Watch(vec![event("ADDED", namespace("b", 2))], false),
    ];
    let run = Run::of(&json!({"exec": exec}), Duration::from_secs(5), script).await;
    credential("second");
    run.until(Ok(&["a 1", "b 2"])).await;
    assert_eq!(run.asked(), ["list", "watch 1", "watch 1"]);
    assert_eq!(
        *run.server.carried.lock().unwrap(),
        ["Bearer first", "Bearer first", "Bearer second"]
    );
}

/// An ingress has a new number in each of its answers.
#[tokio::test]
async fn that_nothing_is_known_for_another_reason_wakes_nobody_and_silence_vouches_for_nothing() {
    let (watches, _keeper, _folder) =
        watching("http://127.0.0.1:1", &json!({}), Duration::from_secs(5));
    let (shared, kind) = (&watches.shared, Kind::Namespace);
    shared.kept().insert(kind.clone(), Kept::default());
    shared
        .asked
        .store(true, std::sync::atomic::Ordering::Relaxed);
    let called = || watches.changed().now_or_never().is_some();
    let read = || {
        shared.kept()[&kind]
            .read(&kind, Instant::now())
            .map(|objects| objects.len())
    };
    let fails =
        |why: &str, since: Instant| shared.troubled(&kind, &Trouble::Failed(why.into()), since);
    assert!(fails("answer 1", Instant::now()) && called());
    assert!(fails("answer 2", Instant::now()) && !called());
    assert_eq!(read(), Err("answer 2".into()));

    shared.all(&kind, Vec::new());
    assert!(called());
    assert!(!fails("cut", Instant::now()) && !called());
    assert_eq!(read(), Ok(0));
    shared.all(&kind, Vec::new());
    // A question that ended without an answer only after this long.
    assert!(
        fails(
            "silent",
            Instant::now() - OLDEST_VIEW - Duration::from_millis(1)
        ) && called()
    );
    assert_eq!(read(), Err("silent".into()));
}

#[test]
fn what_was_known_counts_for_a_while() {
    let now = Instant::now();
    let read = |state: State| {
        Kept {
            state,
            ..Kept::default()
        }
        .read(&Kind::Pod, now)
        .map(|objects| objects.len())
    };
    assert_eq!(read(State::Live), Ok(0));
    assert_eq!(
        read(State::Starting),
        Err("the pods are not read yet".into())
    );
    assert_eq!(read(State::Broken(now - OLDEST_VIEW, "cut".into())), Ok(0));
    assert_eq!(
        read(State::Broken(
            now - OLDEST_VIEW - Duration::from_millis(1),
            "cut".into()
        )),
        Err("cut".into())
    );
    assert_eq!(
        read(State::Unread("no right".into())),
        Err("no right".into())
    );
}

#[test]
fn only_what_somebody_looks_at_calls() {
    let owned = |kind: &str| {
        Some(Owner {
            kind: kind.into(),
            name: "o".into(),
            uid: "o".into(),
        })
    };
    let waiting = |reason: &str| PodContainer {
        name: "c".into(),
        digest: None,
        repository: None,
        ready: false,
        restarts: 0,
        exit: None,
        started: None,
        waiting: Some(Waiting {
            reason: reason.into(),
            message: "".into(),
        }),
    };
    let pod = Object {
        namespace: "shop".into(),
        name: "p".into(),
        ..Object::default()
    };
    let waits = Object {
        statuses: [waiting("CrashLoopBackOff")].into(),
        ..pod.clone()
    };
    let of_job = |pod: &Object| Object {
        controller: owned("Job"),
        ..pod.clone()
    };
    let shop = Some(BTreeSet::from(["shop".into()]));
    let other = Some(BTreeSet::from(["other".into()]));
    for (scope, kind, old, new, wanted) in [
        (&None, Kind::Pod, None, Some(&pod), true),
        (&shop, Kind::Pod, Some(&pod), Some(&waits), true),
        (&shop, Kind::Pod, Some(&pod), Some(&pod.clone()), false),
        (&shop, Kind::Pod, Some(&pod), None, true),
        (&other, Kind::Pod, Some(&pod), None, false),
        (&shop, Kind::Pod, None, Some(&of_job(&pod)), false),
        (
            &shop,
            Kind::Pod,
            Some(&of_job(&pod)),
            Some(&of_job(&waits)),
            true,
        ),
        (&shop, Kind::Pod, Some(&of_job(&waits)), None, false),
        (
            &shop,
            Kind::Job,
            None,
            Some(&Object {
                controller: owned("CronJob"),
                ..pod.clone()
            }),
            false,
        ),
        (&shop, Kind::Job, None, Some(&pod), true),
        (
            &Some(BTreeSet::from(["p".into()])),
            Kind::Namespace,
            None,
            Some(&pod),
            true,
        ),
    ] {
        assert_eq!(
            calls(scope, &kind, old, new).is_some(),
            wanted,
            "{kind} {scope:?} {old:?} {new:?}"
        );
    }
}

#[tokio::test]
async fn an_image_a_revision_and_a_failure_are_urgent_and_a_pod_that_flaps_is_not() {
    let pod = Object {
        namespace: "shop".into(),
        name: "p".into(),
        ..Object::default()
    };
    let status = |reason: Option<&str>| PodContainer {
        waiting: reason.map(|reason| Waiting {
            reason: reason.into(),
            message: "".into(),
        }),
        ..PodContainer {
            name: "c".into(),
            digest: None,
            repository: None,
            ready: false,
            restarts: 0,
            exit: None,
            started: None,
            waiting: None,
        }
    };
    let of = |reason: Option<&str>, ready: bool| Object {
        statuses: [PodContainer {
            ready,
            ..status(reason)
        }]
        .into(),
        ..pod.clone()
    };
    let revision = |number: i64| Object {
        revision: Some(number),
        ..pod.clone()
    };
    let seen = |observed: bool| Object {
        rollout: Rollout {
            observed,
            ..Rollout::default()
        },
        ..pod.clone()
    };
    for (kind, old, new, wanted) in [
        (Kind::Pod, of(None, true), of(None, false), Urgency::Merged),
        (
            Kind::Pod,
            of(None, true),
            of(Some("CrashLoopBackOff"), false),
            Urgency::Now,
        ),
        // Only a controller that has seen the newest spec shows whether that was an undo.
        (Kind::Deployment, seen(false), seen(true), Urgency::Now),
        (Kind::Deployment, seen(true), seen(false), Urgency::Merged),
        (
            Kind::Pod,
            of(Some("CrashLoopBackOff"), false),
            of(None, true),
            Urgency::Merged,
        ),
        (Kind::Deployment, revision(1), revision(2), Urgency::Now),
        (
            Kind::Deployment,
            pod.clone(),
            of(None, true),
            Urgency::Merged,
        ),
    ] {
        assert_eq!(
            calls(&None, &kind, Some(&old), Some(&new)),
            Some(wanted),
            "{kind}: {old:?} {new:?}"
        );
    }
    let (watches, _keeper, _folder) =
        watching("http://127.0.0.1:1", &json!({}), Duration::from_secs(5));
    let shared = &watches.shared;
    let press = || shared.limit_presses(&pod, Urgency::Now);
    assert_eq!((press(), press()), (Urgency::Now, Urgency::Merged));
    let other = Object {
        name: "q".into(),
        ..pod.clone()
    };
    assert_eq!(shared.limit_presses(&other, Urgency::Now), Urgency::Now);
    shared.call(Some(Urgency::Now));
    shared.call(Some(Urgency::Merged));
    assert_eq!(watches.changed().await, Urgency::Now);
    assert!(watches.changed().now_or_never().is_none());
}
