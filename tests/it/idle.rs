//! What an idle `run` asks: 1,000 references, 10 open pull requests, and 3,000 pods of which one
//! flaps. Registries, forge and remote count what reaches them, pass by pass. The API server is
//! made up: lists in pages, and watches in which one pod is ready and unready in turns.

use std::collections::{BTreeMap, HashMap};
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Query, State};
use axum::http::Uri;
use axum::response::{IntoResponse, Response};
use futures_util::{StreamExt, stream};
use pintle::demo::registry::RequestCounts;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::support::daemon::Daemon;
use crate::support::forge_line::ForgeLine;
use crate::support::line::stack;

const HOST: &str = "quay.io";
const STACKS: usize = 100;
/// Images of a stack, and containers of a pod.
const IMAGES: usize = 10;
/// Pods of a stack.
const PODS: usize = 30;
/// One pod changes twice a second.
const HALF: Duration = Duration::from_millis(500);
/// Pull requests that wait for somebody.
const OPEN: usize = 10;
/// So many passes have both kinds among them.
const PASSES: usize = 20;
const ADOPTS: &str = "\n[[rule]]\nmatch = { stack = \"*\" }\nmode = { adopt = \"commit\" }\n";

/// Requests of one pass, by whom they reached.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Asked {
    heads: u64,
    gets: u64,
    forge: u64,
    git: u64,
}

#[expect(
    clippy::print_stderr,
    reason = "the figures are for docs/performance.md"
)]
fn report(asked: &Asked) {
    eprintln!("one idle pass: {asked:?}");
}

fn image(stack: usize, at: usize) -> String {
    format!("{HOST}/team/app-{stack}-{at}:latest")
}

fn name(stack: usize) -> String {
    format!("stack-{stack:02}")
}

#[test]
fn an_idle_run_asks_for_each_reference_once_and_a_pod_that_flaps_asks_nobody() {
    let line = ForgeLine::behind_a_proxy(&[("first", "docker.io/library/nginx:latest")], ADOPTS);
    let digests: Vec<Vec<String>> = (0..STACKS)
        .map(|stack| {
            (0..IMAGES)
                .map(|at| line.moves(&image(stack, at), "first"))
                .collect()
        })
        .collect();
    let files: Vec<(String, String)> = (0..STACKS)
        .map(|at| {
            let pinned: Vec<String> = (0..IMAGES)
                .map(|one| format!("{}@{}", image(at, one), digests[at][one]))
                .collect();
            let pinned: Vec<&str> = pinned.iter().map(String::as_str).collect();
            (
                format!("stacks/{}/main.tf", name(at)),
                stack(&name(at), &pinned),
            )
        })
        .collect();
    let files: Vec<(&str, &[u8])> = files
        .iter()
        .map(|(path, text)| (path.as_str(), text.as_bytes()))
        .collect();
    line.repo.push_files("All stacks", &files);
    for at in 0..OPEN {
        line.moves(&image(at, 0), "second");
    }
    line.sync();
    assert_eq!(line.repo.pulls("open").len(), OPEN);

    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime of its own");
    let cluster = Arc::new(Cluster::of(&digests));
    let kubeconfig = serve(&runtime, &cluster);
    let args = [
        "--every",
        "12s",
        "--listen",
        "off",
        "--log-format",
        "json",
        "--kubeconfig",
    ];
    let kubeconfig = kubeconfig.path().display().to_string();
    let args = [&args[..], &[kubeconfig.as_str()]].concat();
    let proxy = line.proxy.as_ref().expect("it is behind one");
    let registry = &line.registries.registry;
    let take = || {
        let RequestCounts { heads, gets, .. } = registry.counts(HOST);
        let (api, git): (Vec<_>, Vec<_>) = proxy
            .take()
            .into_iter()
            .partition(|seen| seen.target.starts_with("/api/"));
        registry.reset_counts();
        Asked {
            heads,
            gets,
            forge: api.len() as u64,
            git: git.len() as u64,
        }
    };
    take();
    let mut run = Daemon::start(line.pintle("run", &args));
    assert_eq!(run.pass(), ("start".into(), Ok(0)));
    // What is proposed is proved once in the life of a process: a GET, and a HEAD for each
    // platform.
    let first = take();
    let most = 1_000 + 4 * OPEN as u64;
    assert!(
        first.heads <= most && first.gets <= OPEN as u64,
        "{first:?}"
    );
    let mut passes: BTreeMap<String, Vec<Asked>> = BTreeMap::new();
    let count = |passes: &BTreeMap<String, Vec<Asked>>, is: &dyn Fn(&str) -> bool| {
        let of = passes.iter().filter(|(trigger, _)| is(trigger));
        of.map(|(_, all)| all.len()).sum::<usize>()
    };
    let by_timer = |trigger: &str| trigger.contains("timer");
    while count(&passes, &by_timer) < 2 || count(&passes, &|trigger| trigger == "cluster") < 2 {
        assert!(count(&passes, &|_| true) < PASSES, "{passes:?}");
        let (trigger, ended) = run.pass();
        assert_eq!(ended, Ok(0), "{trigger}");
        passes.entry(trigger).or_default().push(take());
    }
    let flaps = cluster.flaps();
    run.stop();
    for asked in &passes["cluster"] {
        assert_eq!(*asked, Asked::default(), "{passes:?}");
    }
    let polls = passes.iter().filter(|(trigger, _)| by_timer(trigger));
    for asked in polls.flat_map(|(_, all)| all) {
        assert_eq!((asked.heads, asked.gets), (1_000, 0), "{passes:?}");
        assert!(asked.git <= 2, "{passes:?}");
        report(asked);
    }
    assert!(flaps > 20, "{flaps}");
}

/// What the API server has, by plural: the objects as text.
struct Cluster {
    objects: HashMap<&'static str, Vec<String>>,
    /// The pod that flaps, ready or not.
    pod: Value,
    flaps: Mutex<u64>,
}

impl Cluster {
    fn of(digests: &[Vec<String>]) -> Self {
        let mut objects: HashMap<&'static str, Vec<String>> = HashMap::new();
        for (at, digests) in digests.iter().enumerate() {
            let mut put = |plural, object: Value| {
                objects.entry(plural).or_default().push(object.to_string());
            };
            put("deployments", deployment(at, digests));
            put("replicasets", replica_set(at, digests));
            for index in 0..PODS {
                put("pods", pod(at, digests, index));
            }
            put(
                "namespaces",
                json!({"metadata": {"name": name(at), "uid": name(at)}}),
            );
        }
        Self {
            objects,
            pod: pod(OPEN, &digests[OPEN], 0),
            flaps: Mutex::new(0),
        }
    }

    fn flaps(&self) -> u64 {
        *self.flaps.lock().expect("nobody panicked")
    }

    /// The next change of the pod that flaps.
    fn flap(&self) -> String {
        let mut flaps = self.flaps.lock().expect("nobody panicked");
        *flaps += 1;
        let (mut pod, is_ready) = (self.pod.clone(), flaps.is_multiple_of(2));
        pod["metadata"]["resourceVersion"] = (1 + *flaps).to_string().into();
        pod["status"]["containerStatuses"][0]["ready"] = is_ready.into();
        json!({"type": "MODIFIED", "object": pod}).to_string() + "\n"
    }
}

fn container(stack: usize, at: usize) -> String {
    match at {
        0 => name(stack),
        at => format!("{}-{at}", name(stack)),
    }
}

fn spec(stack: usize, digests: &[String]) -> Value {
    let containers: Vec<Value> = digests
        .iter()
        .enumerate()
        .map(|(at, digest)| {
            let image = format!("{}@{digest}", image(stack, at));
            json!({"name": container(stack, at), "image": image})
        })
        .collect();
    json!({ "containers": containers })
}

fn metadata(kind: &str, stack: usize, named: String, owner: Option<(&str, String)>) -> Value {
    let owners: Vec<Value> = owner
        .map(|(kind, name)| json!({"kind": kind, "name": name, "uid": format!("{name}-uid"), "controller": true}))
        .into_iter()
        .collect();
    json!({"uid": format!("{named}-uid"), "name": named, "namespace": name(stack), "resourceVersion": "1", "generation": 1,
        "creationTimestamp": "2026-03-01T10:00:00Z", "labels": {"pod-template-hash": "1"},
        "annotations": if kind == "Pod" { json!({}) } else { json!({"deployment.kubernetes.io/revision": "1"}) },
        "ownerReferences": owners})
}

fn deployment(stack: usize, digests: &[String]) -> Value {
    json!({"metadata": metadata("Deployment", stack, name(stack), None),
        "spec": {"replicas": PODS, "template": {"spec": spec(stack, digests)}},
        "status": {"observedGeneration": 1, "replicas": PODS, "updatedReplicas": PODS, "readyReplicas": PODS, "availableReplicas": PODS}})
}

fn replica_set(stack: usize, digests: &[String]) -> Value {
    let (named, owner) = (format!("{}-1", name(stack)), ("Deployment", name(stack)));
    json!({"metadata": metadata("ReplicaSet", stack, named, Some(owner)),
        "spec": {"replicas": PODS, "template": {"spec": spec(stack, digests)}}})
}

fn pod(stack: usize, digests: &[String], index: usize) -> Value {
    let set = format!("{}-1", name(stack));
    let statuses: Vec<Value> = digests
        .iter()
        .enumerate()
        .map(|(at, digest)| {
            let image = image(stack, at);
            let repository = image.trim_end_matches(":latest");
            json!({"name": container(stack, at), "image": image, "imageID": format!("{repository}@{digest}"), "ready": true,
                "restartCount": 0, "state": {"running": {"startedAt": "2026-03-01T10:00:00Z"}}})
        })
        .collect();
    json!({"metadata": metadata("Pod", stack, format!("{set}-{index}"), Some(("ReplicaSet", set.clone()))),
        "spec": spec(stack, digests),
        "status": {"phase": "Running", "containerStatuses": statuses}})
}

/// Serves the cluster as long as the runtime is there, and returns a kubeconfig for it.
fn serve(runtime: &Runtime, cluster: &Arc<Cluster>) -> tempfile::NamedTempFile {
    let listener = runtime
        .block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))
        .expect("loopback has a free port");
    let address = listener.local_addr().expect("it is bound");
    let router = Router::new()
        .fallback(answer)
        .with_state(Arc::clone(cluster));
    runtime.spawn(async { axum::serve(listener, router).await });
    let config = json!({"current-context": "a", "clusters": [{"name": "a", "cluster": {"server": format!("http://{address}")}}],
        "users": [{"name": "a", "user": {}}], "contexts": [{"name": "a", "context": {"cluster": "a", "user": "a"}}]});
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    std::fs::write(file.path(), config.to_string()).expect("its own file");
    file
}

/// A page of a list, or a watch; in that of the pods one flaps twice a second.
async fn answer(
    State(cluster): State<Arc<Cluster>>,
    uri: Uri,
    Query(query): Query<HashMap<String, String>>,
) -> Response {
    let number = |name: &str| query.get(name).and_then(|text| text.parse::<usize>().ok());
    let plural = uri.path().rsplit('/').next().unwrap_or_default();
    if query.contains_key("watch") {
        let seconds = number("timeoutSeconds").unwrap_or(50);
        let (turns, flaps) = (2 * seconds, plural == "pods");
        let ticks = stream::unfold(tokio::time::interval(HALF), |mut ticks| async {
            ticks.tick().await;
            Some(((), ticks))
        });
        let changes = ticks.take(turns).filter_map(move |()| {
            let change = flaps.then(|| Ok::<_, Infallible>(Bytes::from(cluster.flap())));
            std::future::ready(change)
        });
        return Body::from_stream(changes).into_response();
    }
    let all = cluster.objects.get(plural).map_or(&[][..], Vec::as_slice);
    let from = number("continue").unwrap_or(0).min(all.len());
    let rest = &all[from..];
    let page = &rest[..rest.len().min(number("limit").unwrap_or(usize::MAX))];
    let next = if page.len() < rest.len() {
        (from + page.len()).to_string()
    } else {
        String::new()
    };
    let items = page.join(",");
    format!(r#"{{"metadata":{{"resourceVersion":"1","continue":"{next}"}},"items":[{items}]}}"#)
        .into_response()
}
