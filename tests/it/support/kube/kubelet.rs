//! Plays kubelet for the pods of one namespace, through their status only: it looks an image up at
//! the test's registry and says that it runs, with the digest it really found there, or that it
//! cannot be pulled, or what a test wants of that digest. Starts nothing.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use reqwest::Client;
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tokio::sync::Notify;

use super::Kube;
use crate::support::images::ACCEPT;

/// Pause before it asks again after the API server went away.
const AGAIN: Duration = Duration::from_millis(50);

/// What becomes of a container.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Behaviour {
    /// It ends as soon as it starts, again and again.
    Crashes,
    /// It runs and is not ready.
    Unready,
    /// The node cannot pull it, though the registry has it.
    Unpullable,
    /// The registry says that it does not have it any more.
    Gone,
    /// The registry says that the node asked too often.
    Quota,
    /// It has ended once, and is to be started again.
    CrashesOnce,
    /// The runtime cannot start it.
    CannotStart,
    /// A secret that it needs is not there.
    Misconfigured,
    /// Its volume is still attached to another node.
    NoVolume,
}

/// A kubelet at work; it stops when it is dropped.
pub struct Kubelet {
    state: Arc<State>,
    _runtime: Runtime,
}

struct State {
    client: Client,
    /// `https://…/api/v1/namespaces/name/pods`.
    pods: String,
    token: String,
    /// `http://127.0.0.1:port`; a registry's host follows.
    registry: String,
    /// By digest.
    behaviours: Mutex<BTreeMap<String, Behaviour>>,
    changed: Notify,
    /// What was pulled for a container of a pod: by the pod's uid, the container's name and its
    /// image. A tag that moves later changes nothing there.
    pulled: Mutex<BTreeMap<[String; 3], (String, String)>>,
}

impl Kubelet {
    /// Starts one for a namespace. `registry` is the address of all registries, as
    /// [`pintle::demo::registry::RunningRegistry::endpoint`] gives it for the host without a name.
    pub fn start(kube: &Kube, namespace: &str, registry: &str) -> Kubelet {
        let ca = reqwest::Certificate::from_pem(kube.ca().as_bytes()).expect("a certificate");
        let client = Client::builder()
            .tls_certs_only([ca])
            .no_proxy()
            .user_agent("kubelet/1.0")
            .build()
            .expect("a client");
        let pods = format!("{}/api/v1/namespaces/{namespace}/pods", kube.url());
        let registry = registry.trim_end_matches('/').to_owned();
        let (behaviours, pulled, changed) = (Mutex::default(), Mutex::default(), Notify::new());
        let state = Arc::new(State {
            client,
            pods,
            token: kube.token.clone(),
            registry,
            behaviours,
            changed,
            pulled,
        });
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build();
        let runtime = runtime.expect("a runtime of its own");
        runtime.spawn(work(Arc::clone(&state)));
        Kubelet {
            state,
            _runtime: runtime,
        }
    }

    /// Says what becomes of containers with this digest from now on, running ones included.
    pub fn lets(&self, digest: &str, behaviour: Behaviour) {
        self.state
            .behaviours
            .lock()
            .expect("nobody panicked")
            .insert(digest.to_owned(), behaviour);
        self.state.changed.notify_one();
    }

    /// Lets containers with this digest run well.
    pub fn heals(&self, digest: &str) {
        self.state
            .behaviours
            .lock()
            .expect("nobody panicked")
            .remove(digest);
        self.state.changed.notify_one();
    }

    /// Lets it try again what could not be pulled.
    pub fn retries(&self) {
        self.state.changed.notify_one();
    }
}

/// Looks, and looks again when the API server went away.
async fn work(state: Arc<State>) {
    loop {
        if follow(&state).await.is_err() {
            tokio::time::sleep(AGAIN).await;
        }
    }
}

/// Lists the pods, watches them and sets their status until the watch ends.
async fn follow(state: &State) -> Result<(), reqwest::Error> {
    let list: Value =
        serde_json::from_str(&state.ask(&state.pods).await?.text().await?).unwrap_or_default();
    let mut pods: BTreeMap<String, Value> = BTreeMap::new();
    for pod in list["items"].as_array().into_iter().flatten() {
        state.attend(pod).await?;
        pods.insert(name(pod), pod.clone());
    }
    let version = list["metadata"]["resourceVersion"].as_str().unwrap_or("0");
    let mut watch = state
        .ask(&format!("{}?watch=1&resourceVersion={version}", state.pods))
        .await?;
    let mut read = Vec::new();
    loop {
        tokio::select! {
            chunk = watch.chunk() => match chunk? {
                Some(chunk) => read.extend_from_slice(&chunk),
                None => return Ok(()),
            },
            () = state.changed.notified() => {
                for pod in pods.values() {
                    state.attend(pod).await?;
                }
            }
        }
        while let Some(end) = read.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = read.drain(..=end).collect();
            let event: Value = serde_json::from_slice(&line).unwrap_or_default();
            let pod = &event["object"];
            match event["type"].as_str() {
                Some("ADDED" | "MODIFIED") => {
                    state.attend(pod).await?;
                    pods.insert(name(pod), pod.clone());
                }
                Some("DELETED") => drop(pods.remove(&name(pod))),
                _ => return Ok(()),
            }
        }
    }
}

impl State {
    async fn ask(&self, url: &str) -> Result<reqwest::Response, reqwest::Error> {
        self.client
            .get(url)
            .bearer_auth(&self.token)
            .send()
            .await?
            .error_for_status()
    }

    /// Sets a pod's status where it is not what it should be, and lets a deleted one go. Only this
    /// pod: a StatefulSet's next one has its name.
    async fn attend(&self, pod: &Value) -> Result<(), reqwest::Error> {
        let (url, uid) = (
            format!("{}/{}", self.pods, name(pod)),
            &pod["metadata"]["uid"],
        );
        if pod["metadata"]["deletionTimestamp"].is_string() {
            let now = json!({"gracePeriodSeconds": 0, "preconditions": {"uid": uid}}).to_string();
            self.client
                .delete(url)
                .bearer_auth(&self.token)
                .header("Content-Type", "application/json")
                .body(now)
                .send()
                .await?;
            return Ok(());
        }
        let Some(status) = self.status(pod).await else {
            return Ok(());
        };
        if essence(&pod["status"]) == essence(&status) {
            return Ok(());
        }
        let patch = json!({"metadata": {"uid": uid}, "status": status}).to_string();
        let request = self
            .client
            .patch(format!("{url}/status"))
            .bearer_auth(&self.token);
        // A pod that is gone by now is none of its business.
        request
            .header("Content-Type", "application/merge-patch+json")
            .body(patch)
            .send()
            .await?;
        Ok(())
    }

    /// What its status should be; `None` when nothing is to be said.
    async fn status(&self, pod: &Value) -> Option<Value> {
        let (mut first, mut all) = (Vec::new(), Vec::new());
        for container in pod["spec"]["initContainers"]
            .as_array()
            .into_iter()
            .flatten()
        {
            first.push(ended(self.container(pod, container).await?));
        }
        let begun = first.iter().all(|container| container["ready"] == true);
        for container in pod["spec"]["containers"].as_array()? {
            let status = self.container(pod, container).await?;
            all.push(if begun {
                status
            } else {
                waits(container, "PodInitializing", "", "", 0)
            });
        }
        let ready = all.iter().all(|container| container["ready"] == true);
        let pulled = all.iter().all(|container| container["imageID"] != "");
        let now = now();
        let conditions = [
            ("Initialized", begun),
            ("ContainersReady", ready),
            ("Ready", ready),
        ];
        let conditions: Vec<Value> = conditions
            .into_iter()
            .map(|(kind, good)| condition(&pod["status"], kind, good))
            .collect();
        let phase = if pulled { "Running" } else { "Pending" };
        Some(json!({
            "phase": phase, "startTime": now, "conditions": conditions, "initContainerStatuses": first, "containerStatuses": all,
        }))
    }

    async fn container(&self, pod: &Value, container: &Value) -> Option<Value> {
        let (name, image) = (&container["name"], container["image"].as_str()?);
        let unpulled = || {
            Some(waits(
                container,
                "ImagePullBackOff",
                &format!("Back-off pulling image \"{image}\""),
                "",
                0,
            ))
        };
        let behaviour_of = |digest: Option<&str>| {
            let all = self.behaviours.lock().expect("nobody panicked");
            all.get(digest?).copied()
        };
        let of = [&pod["metadata"]["uid"], name, &container["image"]].map(ToString::to_string);
        let known = self
            .pulled
            .lock()
            .expect("nobody panicked")
            .get(&of)
            .cloned();
        if behaviour_of(image.split_once('@').map(|(_, digest)| digest))
            == Some(Behaviour::NoVolume)
        {
            return Some(waits(container, "ContainerCreating", "", "", 0));
        }
        let found = match known {
            Some(known) => Some(known),
            None => self.pull(image).await,
        };
        let Some((repository, digest)) = found else {
            return unpulled();
        };
        self.pulled
            .lock()
            .expect("nobody panicked")
            .insert(of, (repository.clone(), digest.clone()));
        let (id, behaviour) = (
            format!("{repository}@{digest}"),
            behaviour_of(Some(&digest)),
        );
        let now = now();
        let runs = |ready: bool| {
            let running = json!({"running": {"startedAt": now}});
            json!({"name": name, "image": image, "imageID": id, "ready": ready, "started": true, "restartCount": 0, "state": running})
        };
        match behaviour {
            None => Some(runs(true)),
            Some(Behaviour::Unready) => Some(runs(false)),
            Some(Behaviour::Unpullable) => unpulled(),
            Some(Behaviour::Gone) => Some(waits(
                container,
                "ImagePullBackOff",
                &format!("Back-off pulling image \"{image}\": ErrImagePull: {image}: not found"),
                "",
                0,
            )),
            Some(Behaviour::Quota) => Some(waits(
                container,
                "ErrImagePull",
                "unexpected status from HEAD request: 429 Too Many Requests",
                "",
                0,
            )),
            Some(Behaviour::CannotStart) => Some(waits(
                container,
                "RunContainerError",
                "exec: \"app\": executable file not found in $PATH",
                &id,
                0,
            )),
            Some(Behaviour::CrashesOnce) => Some(waits(
                container,
                "CrashLoopBackOff",
                "back-off 10s restarting failed container",
                &id,
                1,
            )),
            Some(Behaviour::NoVolume) => Some(waits(container, "ContainerCreating", "", "", 0)),
            Some(Behaviour::Misconfigured) => Some(waits(
                container,
                "CreateContainerConfigError",
                "secret \"missing\" not found",
                &id,
                0,
            )),
            Some(Behaviour::Crashes) => {
                let mut status = waits(
                    container,
                    "CrashLoopBackOff",
                    "back-off 5m0s restarting failed container",
                    &id,
                    3,
                );
                let ended =
                    json!({"exitCode": 1, "reason": "Error", "startedAt": now, "finishedAt": now});
                status["lastState"] = json!({"terminated": ended});
                Some(status)
            }
        }
    }

    /// The repository with its host, and the digest that the registry has for an image
    /// `host/repository[:tag][@digest]`.
    async fn pull(&self, image: &str) -> Option<(String, String)> {
        let (image, digest) = image
            .split_once('@')
            .map_or((image, None), |(image, digest)| (image, Some(digest)));
        let (host, rest) = image.split_once('/')?;
        let (path, tag) = rest.rsplit_once(':').unwrap_or((rest, "latest"));
        let url = format!(
            "{}/{host}/v2/{path}/manifests/{}",
            self.registry,
            digest.unwrap_or(tag)
        );
        let answer = self
            .client
            .head(url)
            .header("Accept", ACCEPT)
            .send()
            .await
            .ok()?
            .error_for_status()
            .ok()?;
        let found = answer
            .headers()
            .get("docker-content-digest")?
            .to_str()
            .ok()?;
        Some((format!("{host}/{path}"), found.to_owned()))
    }
}

fn name(pod: &Value) -> String {
    pod["metadata"]["name"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

/// A condition as of now. One that stays as it was keeps its time. A change is told as later than
/// what it changes, which times of whole seconds do not always tell: a probe looks no more often
/// than once a second.
fn condition(status: &Value, kind: &str, good: bool) -> Value {
    let word = if good { "True" } else { "False" };
    let before = status["conditions"]
        .as_array()
        .into_iter()
        .flatten()
        .find(|condition| condition["type"] == kind);
    let since = before.and_then(|before| {
        before["lastTransitionTime"]
            .as_str()?
            .parse::<Timestamp>()
            .ok()
    });
    let since = match (before, since) {
        (Some(before), Some(since)) if before["status"] == word => since,
        (Some(_), Some(since)) => (since + SignedDuration::from_secs(1)).max(Timestamp::now()),
        _ => Timestamp::now(),
    };
    json!({"type": kind, "status": word, "lastTransitionTime": written(since)})
}

/// The status of a container that does not run.
fn waits(container: &Value, reason: &str, message: &str, id: &str, restarts: u32) -> Value {
    let state = json!({"waiting": {"reason": reason, "message": message}});
    json!({
        "name": container["name"], "image": container["image"], "imageID": id, "ready": false, "restartCount": restarts, "state": state,
    })
}

/// The status of an init container that is through, where it would run.
fn ended(mut status: Value) -> Value {
    if status["ready"] == true {
        let now = now();
        status["state"] = json!({"terminated": {"exitCode": 0, "reason": "Completed", "startedAt": now, "finishedAt": now}});
    }
    status
}

fn now() -> String {
    written(Timestamp::now())
}

fn written(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// What two statuses have in common that mean the same; times do not count.
fn essence(status: &Value) -> Vec<String> {
    let of = |container: &Value| {
        let state =
            ["running", "waiting", "terminated"].map(|state| container["state"][state].is_object());
        let waiting = &container["state"]["waiting"];
        let (reason, message) = (&waiting["reason"], &waiting["message"]);
        format!(
            "{} {} {} {state:?} {reason} {message}",
            container["name"], container["imageID"], container["ready"]
        )
    };
    let lists = ["initContainerStatuses", "containerStatuses"]
        .iter()
        .filter_map(|list| status[list].as_array());
    lists
        .flatten()
        .map(of)
        .chain([status["phase"].to_string()])
        .collect()
}
