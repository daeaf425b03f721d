//! Measures `pintle run` beside 3,000 pods of 300 Deployments: resident memory in steady state, how
//! much longer the first pass takes than without a cluster, processor time of a pass in which
//! nothing changed. The API server is made up, in this process: pages and watches as a real one has
//! them, pods with long environments. Prints; decides nothing.
#![allow(clippy::print_stdout, reason = "the figures are the output")]

mod common;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Query, State};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use common::{is_bench, ms};
use futures_util::{StreamExt, stream};
use pintle::demo::registry::{DemoImage, DemoRegistry};
use pintle::model::digest::Digest;
use pintle::pipeline::{Action, Cause, PinRecord, trailers};
use pintle::remote::git::{Access, Clone, Identity, Put, Remote, make_bare};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::runtime::Builder;

const HOST: &str = "registry.example.com";
/// ReplicaSets that a Deployment keeps.
const REVISIONS: usize = 5;
const PODS: usize = 10;
/// Moves of each image that are in the git log from before, and how many of them a commit has.
const MOVES: usize = 20;
const TOGETHER: usize = 10;
/// Passes that are waited for before anything is measured, and those that are measured.
const WARM: u32 = 5;
const MEASURED: u32 = 10;

fn main() {
    let deployments = if is_bench() { 300 } else { 10 };
    let runtime = Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let registry = DemoRegistry::new();
    let running = runtime
        .block_on(registry.start())
        .expect("a port on loopback");
    let digests: Vec<String> = (0..deployments)
        .map(|one| {
            registry
                .put_image(
                    HOST,
                    &DemoImage::new(&format!("team/app-{one}"), "latest", "first").single(),
                )
                .to_string()
        })
        .collect();
    repo(folder.path(), deployments, &running.endpoint(HOST));
    years(folder.path(), deployments);
    let kubeconfig = folder.path().join("kubeconfig");
    let address = runtime.block_on(serve(Arc::new(Cluster::of(&digests))));
    let config = json!({"current-context": "a", "clusters": [{"name": "a", "cluster": {"server": address}}], "users": [{"name": "a", "user": {}}],
        "contexts": [{"name": "a", "context": {"cluster": "a", "user": "a"}}]});
    std::fs::write(&kubeconfig, config.to_string()).expect("its own folder");
    println!(
        "run beside {deployments} Deployments, {} ReplicaSets, {} pods",
        deployments * REVISIONS,
        deployments * PODS
    );
    println!("  with {} moves in the git log", deployments * MOVES);
    // Pins everything once, so that there is nothing left to do.
    drop(Run::start(folder.path(), None, 1));
    let without = Run::start(folder.path(), None, WARM).measure("without the cluster");
    let with = Run::start(folder.path(), Some(&kubeconfig), WARM).measure("with the cluster");
    println!(
        "  {:<28} {:>9.1} ms later; target 3000",
        "first pass",
        ms(with.saturating_sub(without))
    );
}

/// A bare remote with one Deployment a file.
fn repo(folder: &Path, deployments: usize, endpoint: &str) {
    let text = |one: usize| {
        format!(
            "resource \"kubernetes_deployment\" \"app\" {{\n  metadata {{\n    name      = \"app-{one}\"\n    namespace = \"team-{}\"\n  }}\n  spec {{\n    \
             template {{\n      spec {{\n        container {{\n          name  = \"app\"\n          image = \"{HOST}/team/app-{one}:latest\"\n        }}\n      \
             }}\n    }}\n  }}\n}}\n",
            one % 30
        )
    };
    let mut files: Vec<Put> = (0..deployments)
        .map(|one| Put {
            path: format!("stacks/app-{one}/main.tf"),
            bytes: text(one).into_bytes(),
        })
        .collect();
    let config = format!(
        "version = 1\n\n[defaults]\nsettle = \"0s\"\n\n[[registry]]\nhost = \"{HOST}\"\nendpoint = \"{endpoint}\"\n"
    );
    files.push(Put {
        path: "pintle.toml".into(),
        bytes: config.into_bytes(),
    });
    let who = Identity {
        name: "Ana".into(),
        email: "ana@example.org".into(),
    };
    make_bare(
        &folder.join("infra.git"),
        &files,
        &who,
        jiff::Timestamp::now(),
    )
    .expect("a bare repository");
}

/// Puts the moves of earlier years on the branch, as pintle records them.
fn years(folder: &Path, deployments: usize) {
    let remote = Remote::parse(&folder.join("infra.git").display().to_string()).expect("a path");
    let mut clone =
        Clone::open_or_fetch(&remote, &folder.join("years"), &Access::default()).expect("a clone");
    let digest = |one: usize, turn: usize| {
        Digest::parse(&format!("sha256:{:064x}", one * MOVES + turn)).expect("a digest")
    };
    let pins = (0..MOVES).flat_map(|turn| (0..deployments).map(move |one| (one, turn)));
    let pins: Vec<PinRecord> = pins
        .map(|(one, turn)| PinRecord {
            action: Action::Update,
            site: format!(
                "stacks/app-{one}/main.tf#deployment/team-{}/app-{one}:app",
                one % 30
            ),
            uses: Vec::new(),
            image: format!("{HOST}/team/app-{one}:latest"),
            from_tag: None,
            from: Some(digest(one, turn)),
            to: Some(digest(one, turn + 1)),
            cause: Cause::TagMoved,
            evidence: None,
            asked: None,
        })
        .collect();
    let start = clone.tip();
    let (mut tip, mut at) = (
        start.clone(),
        jiff::Timestamp::now() - jiff::SignedDuration::from_hours(24 * 365),
    );
    let who = Identity {
        name: "pintle".into(),
        email: "pintle@example.org".into(),
    };
    for together in pins.chunks(TOGETHER) {
        let message = trailers::render("Move pins", together).expect("it can be recorded");
        tip = clone
            .write_commit(Some(&tip), &[], &message, &who, at)
            .expect("a commit");
        at += jiff::SignedDuration::from_mins(10);
    }
    clone
        .push(&clone.branch_ref(), Some(&start), &tip)
        .expect("a push");
}

/// A run that made some passes; it is killed when it is dropped.
struct Run {
    child: Child,
    lines: BufReader<std::process::ChildStderr>,
    /// How long its first pass took, from the start of the process.
    first: Duration,
}

impl Run {
    fn start(folder: &Path, kubeconfig: Option<&Path>, passes: u32) -> Self {
        let path = |name: &str| folder.join(name).display().to_string();
        let start = Instant::now();
        let mut command = Command::new(env!("CARGO_BIN_EXE_pintle"));
        command.args([
            "run",
            "--remote",
            &path("infra.git"),
            "--cache-dir",
            &path("clones"),
            "--github-api",
            "off",
            "--listen",
            "off",
        ]);
        command
            .args(["--every", "1s", "--log-format", "json"])
            .stdin(Stdio::null())
            .stderr(Stdio::piped());
        if let Some(kubeconfig) = kubeconfig {
            command.arg("--kubeconfig").arg(kubeconfig);
        }
        let mut child = command.spawn().expect("it starts");
        let lines = BufReader::new(child.stderr.take().expect("it is a pipe"));
        let mut run = Self {
            child,
            lines,
            first: Duration::ZERO,
        };
        run.passes(1);
        run.first = start.elapsed();
        run.passes(passes - 1);
        run
    }

    /// Waits for so many passes, which have to be good ones.
    fn passes(&mut self, count: u32) {
        for _ in 0..count {
            let mut line = String::new();
            while !line.contains(r#""message":"pass""#) {
                line.clear();
                assert_ne!(
                    self.lines
                        .read_line(&mut line)
                        .expect("the program writes UTF-8"),
                    0,
                    "it goes on"
                );
                assert!(!line.contains("pass failed"), "{line}");
            }
        }
    }

    /// Prints memory and processor time; returns how long the first pass took.
    fn measure(mut self, name: &str) -> Duration {
        let before = self.processor();
        self.passes(MEASURED);
        let each = (self.processor() - before) / MEASURED;
        println!(
            "  {name:<28} {:>9.1} ms until the end of the first pass",
            ms(self.first)
        );
        println!(
            "  {name:<28} {:>9.1} ms of processor time a pass; target 50",
            ms(each)
        );
        println!(
            "  {name:<28} {:>9.1} MiB resident, {:.1} at most; target 64",
            self.status("VmRSS:"),
            self.status("VmHWM:")
        );
        self.first
    }

    /// User and system time in ticks of 10 ms (proc(5)).
    fn processor(&self) -> Duration {
        let stat =
            std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).expect("it runs");
        let after_name = stat.rsplit(')').next().unwrap_or_default();
        Duration::from_millis(
            10 * after_name
                .split_whitespace()
                .skip(11)
                .take(2)
                .filter_map(|field| field.parse::<u64>().ok())
                .sum::<u64>(),
        )
    }

    fn status(&self, field: &str) -> f64 {
        let status =
            std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("it runs");
        let kib = status.lines().find_map(|line| {
            line.strip_prefix(field)?
                .split_whitespace()
                .next()?
                .parse::<f64>()
                .ok()
        });
        kib.unwrap_or(f64::NAN) / 1024.0
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        // Both fail only when it has ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What the API server has, by plural: the objects as text.
struct Cluster(HashMap<&'static str, Vec<String>>);

impl Cluster {
    fn of(digests: &[String]) -> Self {
        let mut all: HashMap<&'static str, Vec<String>> = HashMap::new();
        for (one, digest) in digests.iter().enumerate() {
            let (name, namespace) = (format!("app-{one}"), format!("team-{}", one % 30));
            let image = format!("{HOST}/team/app-{one}:latest@{digest}");
            let mut put =
                |plural, object: Value| all.entry(plural).or_default().push(object.to_string());
            put("deployments", deployment(&name, &namespace, &image));
            for number in 1..=REVISIONS {
                put(
                    "replicasets",
                    replica_set(&name, &namespace, &image, number),
                );
            }
            for pod in 0..PODS {
                put("pods", self::pod(&name, &namespace, &image, digest, pod));
            }
        }
        let namespaces = (0..30).map(|one| {
            json!({"metadata": {"name": format!("team-{one}"), "uid": one.to_string()}}).to_string()
        });
        all.insert("namespaces", namespaces.collect());
        Self(all)
    }
}

/// A pod spec of about 8 KB, as charts make them.
fn spec(image: &str) -> Value {
    let env: Vec<Value> = (0..60)
        .map(|one| json!({"name": format!("SETTING_NUMBER_{one}"), "value": format!("a value of some length, number {one}, as they are")}))
        .collect();
    let probe = json!({"httpGet": {"path": "/healthz", "port": "http", "scheme": "HTTP"}, "periodSeconds": 10, "timeoutSeconds": 1, "failureThreshold": 3});
    json!({"containers": [{"name": "app", "image": image, "imagePullPolicy": "IfNotPresent", "env": env, "livenessProbe": probe, "readinessProbe": probe,
        "resources": {"requests": {"cpu": "10m", "memory": "64Mi"}}, "volumeMounts": [{"name": "data", "mountPath": "/data"}]}],
        "volumes": [{"name": "data", "emptyDir": {}}], "restartPolicy": "Always", "terminationGracePeriodSeconds": 30})
}

fn managed(manager: &str) -> Value {
    let env: serde_json::Map<String, Value> = (0..60)
        .map(|one| {
            (
                format!("k:{{\"name\":\"SETTING_NUMBER_{one}\"}}"),
                json!({".": {}, "f:name": {}, "f:value": {}}),
            )
        })
        .collect();
    let container = json!({".": {}, "f:name": {}, "f:image": {}, "f:env": env});
    json!([{"manager": manager, "operation": "Update", "apiVersion": "apps/v1", "time": "2026-03-01T10:00:00Z", "fieldsType": "FieldsV1",
        "fieldsV1": {"f:spec": {"f:template": {"f:spec": {"f:containers": {"k:{\"name\":\"app\"}": container}}}}}}])
}

fn deployment(name: &str, namespace: &str, image: &str) -> Value {
    json!({"metadata": {"name": name, "namespace": namespace, "uid": format!("{name}-uid"), "resourceVersion": "1", "generation": 1,
            "creationTimestamp": "2026-03-01T10:00:00Z", "managedFields": managed("HashiCorp"),
            "annotations": {"deployment.kubernetes.io/revision": REVISIONS.to_string()}},
        "spec": {"replicas": PODS, "template": {"spec": spec(image)}},
        "status": {"observedGeneration": 1, "replicas": PODS, "updatedReplicas": PODS, "readyReplicas": PODS, "availableReplicas": PODS}})
}

fn replica_set(name: &str, namespace: &str, image: &str, number: usize) -> Value {
    json!({"metadata": {"name": format!("{name}-{number}"), "namespace": namespace, "uid": format!("{name}-{number}-uid"), "resourceVersion": "1",
            "creationTimestamp": "2026-03-01T10:00:00Z", "managedFields": managed("kube-controller-manager"), "labels": {"pod-template-hash": number.to_string()},
            "annotations": {"deployment.kubernetes.io/revision": number.to_string()},
            "ownerReferences": [{"kind": "Deployment", "name": name, "uid": format!("{name}-uid"), "controller": true}]},
        "spec": {"replicas": if number == REVISIONS { PODS } else { 0 }, "template": {"spec": spec(image)}}})
}

fn pod(name: &str, namespace: &str, image: &str, digest: &str, index: usize) -> Value {
    let repository = image.split(':').next().unwrap_or_default();
    json!({"metadata": {"name": format!("{name}-{REVISIONS}-{index}"), "namespace": namespace, "uid": format!("{name}-{index}-pod"), "resourceVersion": "1",
            "creationTimestamp": "2026-03-01T10:00:00Z", "managedFields": managed("kubelet"), "labels": {"pod-template-hash": REVISIONS.to_string(), "app": name},
            "ownerReferences": [{"kind": "ReplicaSet", "name": format!("{name}-{REVISIONS}"), "uid": format!("{name}-{REVISIONS}-uid"), "controller": true}]},
        "spec": spec(image),
        "status": {"phase": "Running", "containerStatuses": [{"name": "app", "image": image, "imageID": format!("{repository}@{digest}"), "ready": true,
            "restartCount": 0, "state": {"running": {"startedAt": "2026-03-01T10:00:00Z"}}}]}})
}

async fn serve(cluster: Arc<Cluster>) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port on loopback");
    let address = listener.local_addr().expect("it is bound");
    let router = Router::new().fallback(answer).with_state(cluster);
    tokio::spawn(async { axum::serve(listener, router).await });
    format!("http://{address}")
}

/// A page of a list, or a watch in which nothing happens.
async fn answer(
    State(cluster): State<Arc<Cluster>>,
    uri: Uri,
    Query(query): Query<HashMap<String, String>>,
) -> Response {
    let number = |name: &str| query.get(name).and_then(|text| text.parse::<usize>().ok());
    if query.contains_key("watch") {
        let ends = Duration::from_secs(number("timeoutSeconds").unwrap_or(300) as u64);
        let silence = stream::once(tokio::time::sleep(ends))
            .filter_map(|()| async { None::<Result<Bytes, std::io::Error>> });
        return Body::from_stream(silence).into_response();
    }
    let plural = uri.path().rsplit('/').next().unwrap_or_default();
    let all = cluster.0.get(plural).map_or(&[][..], Vec::as_slice);
    let (from, count) = (
        number("continue").unwrap_or(0),
        number("limit").unwrap_or(usize::MAX),
    );
    let Some(rest) = all.get(from..) else {
        return StatusCode::GONE.into_response();
    };
    let page = &rest[..rest.len().min(count)];
    let next = if page.len() < rest.len() {
        (from + page.len()).to_string()
    } else {
        String::new()
    };
    let items = page.join(",");
    format!(r#"{{"metadata":{{"resourceVersion":"1","continue":"{next}"}},"items":[{items}]}}"#)
        .into_response()
}
