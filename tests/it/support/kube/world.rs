//! A cluster with a repo that describes it: a namespace for one test, a kubelet for its pods, a
//! pipeline that applies the repo, people with kubectl. At its end nothing may have been written by
//! pintle's user. Decides nothing else about a test.

use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::Kube;
use super::api::Api;
use super::ci::{Ci, Source, Workload, image_in};
use super::kubelet::Kubelet;
use crate::support::cmd::Pintle;
use crate::support::forge_line::ForgeLine;
use crate::support::line::{Line, Registries, path};

/// A stack: kind (`deployment`, `statefulset`, `daemonset`), name, image.
pub type Stack<'a> = (&'a str, &'a str, &'a str);

/// One namespace of a cluster, and who works in it.
pub struct Stage {
    pub kube: Arc<Kube>,
    pub namespace: String,
    pub kubelet: Kubelet,
    pub ci: Arc<Ci>,
    admin: Api,
}

/// A cluster and a bare git remote.
pub struct World {
    pub stage: Stage,
    pub line: Line,
}

/// A cluster and a real forge.
pub struct ForgeWorld {
    pub stage: Stage,
    pub line: ForgeLine,
}

impl World {
    /// A namespace of the shared cluster, and a remote with these stacks whose images are in their
    /// registries. Nothing is applied yet.
    pub fn of(stacks: &[Stack], config: &str) -> World {
        World::on(Kube::shared(), stacks, config)
    }

    /// The same on another cluster.
    pub fn on(kube: Arc<Kube>, stacks: &[Stack], config: &str) -> World {
        let files = |namespace: &str| {
            stacks
                .iter()
                .map(|stack| (path(stack.1), text(namespace, stack)))
                .collect()
        };
        let world = World::with(kube, files, config);
        for (_, _, image) in stacks {
            world.line.registries.put(image, "first");
        }
        world
    }

    /// A namespace of a cluster, and a remote with the files (path, text) for it; their registries
    /// are empty.
    pub fn with(
        kube: Arc<Kube>,
        files: impl FnOnce(&str) -> Vec<(String, String)>,
        config: &str,
    ) -> World {
        let namespace = namespace(&kube);
        let files = files(&namespace);
        let files: Vec<(&str, &[u8])> = files
            .iter()
            .map(|(path, text)| (path.as_str(), text.as_bytes()))
            .collect();
        let line = Line::new(&files, config);
        let source = Source::Bare(line.remote.path());
        World {
            stage: Stage::new(kube, namespace, &line.registries, source),
            line,
        }
    }

    /// A run of `command` that sees the cluster as pintle's user.
    pub fn pintle(&self, command: &str, more: &[&str]) -> Pintle {
        let kubeconfig = self.stage.kube.kubeconfig().display().to_string();
        let args = [&["--kubeconfig", kubeconfig.as_str()], more].concat();
        self.line.pintle(command, &args)
    }

    /// Makes a pass, and returns the messages of the commits that it made, oldest first.
    pub fn sync(&self) -> Vec<String> {
        let before = self.line.remote.history().len();
        let output = self.pintle("sync", &[]).run();
        assert_eq!(output.code, Some(0), "{output:?}");
        let history = self.line.remote.history();
        history[..history.len() - before]
            .iter()
            .rev()
            .map(|commit| self.line.remote.message(commit))
            .collect()
    }

    /// Commits a stack's code anew, as a person, with this image. Returns the commit.
    pub fn write(&mut self, stack: &Stack, image: &str) -> String {
        let text = text(&self.stage.namespace, &(stack.0, stack.1, image));
        self.line.remote.commit(
            &format!("{}: {image}", stack.1),
            &[(&path(stack.1), text.as_bytes())],
        )
    }

    /// The same with the time that it is now.
    pub fn write_now(&mut self, stack: &Stack, image: &str) -> String {
        let text = text(&self.stage.namespace, &(stack.0, stack.1, image));
        self.line.remote.commit_now(
            &format!("{}: {image}", stack.1),
            &[(&path(stack.1), text.as_bytes())],
        )
    }
}

impl ForgeWorld {
    /// A namespace of the shared cluster, and a forge whose repo has these stacks. Nothing is
    /// applied yet.
    pub fn of(stacks: &[Stack], config: &str) -> ForgeWorld {
        let kube = Kube::shared();
        let line = ForgeLine::of_stacks(&[], config);
        let namespace = namespace(&kube);
        let files: Vec<(String, String)> = stacks
            .iter()
            .map(|stack| (path(stack.1), text(&namespace, stack)))
            .collect();
        let files: Vec<(&str, &[u8])> = files
            .iter()
            .map(|(path, text)| (path.as_str(), text.as_bytes()))
            .collect();
        line.repo.push_files("Stacks", &files);
        for (_, _, image) in stacks {
            line.registries.put(image, "first");
        }
        let source = Source::Forge(line.repo.clone(), line.repo.owner.clone());
        ForgeWorld {
            stage: Stage::new(kube, namespace, &line.registries, source),
            line,
        }
    }

    /// A run of `command` with pintle's token for the forge that sees the cluster as pintle's user.
    pub fn pintle(&self, command: &str, more: &[&str]) -> Pintle {
        let kubeconfig = self.stage.kube.kubeconfig().display().to_string();
        let args = [&["--kubeconfig", kubeconfig.as_str()], more].concat();
        self.line.pintle(command, &args)
    }

    /// pintle's token for the forge.
    pub fn token(&self) -> &str {
        self.line.bot.token.expose_secret()
    }
}

impl Stage {
    fn new(kube: Arc<Kube>, namespace: String, registries: &Registries, source: Source) -> Stage {
        let kubelet = Kubelet::start(&kube, &namespace, &registries.endpoint(""));
        let ci = Ci::new(&kube, source);
        Stage {
            admin: kube.api("test"),
            kubelet,
            ci,
            namespace,
            kube,
        }
    }

    /// kubectl in this namespace, as a person; it has to succeed.
    pub fn kubectl(&self, args: &[&str]) -> String {
        self.kube
            .kubectl(&[&["--namespace", &self.namespace], args].concat())
    }

    /// `kubectl rollout undo` of `deployment/name`.
    pub fn undo(&self, workload: &str) {
        self.kubectl(&["rollout", "undo", workload]);
    }

    /// A workload as it is now.
    pub fn get(&self, workload: &str) -> Value {
        self.admin.get(&self.path(workload))
    }

    /// The image in the spec of a workload's container, which has the workload's name.
    pub fn image(&self, workload: &str) -> String {
        let (_, container) = workload.split_once('/').expect("kind/name");
        let live = self.get(workload);
        image_in(&live["spec"]["template"]["spec"], container)
            .expect("it has that container")
            .to_owned()
    }

    /// Waits until the controller has seen the newest spec and all pods are of it and ready.
    pub fn rolled_out(&self, workload: &str) {
        self.admin
            .wait(&self.path(workload), |live| complete(live).then_some(()));
    }

    /// Whether the controller has seen the newest spec and all pods are of it and ready.
    pub fn is_rolled_out(&self, workload: &str) -> bool {
        complete(&self.get(workload))
    }

    /// Waits for a state of a workload, a pod list or another thing in the namespace.
    pub fn wait<T>(&self, path: &str, found: impl Fn(&Value) -> Option<T>) -> T {
        self.admin.wait(path, found)
    }

    /// Changes a workload as somebody else than Terraform.
    pub fn patch(&self, workload: &str, patch: &Value) {
        self.admin.patch(&self.path(workload), patch);
    }

    /// Waits until a pod of a workload waits for the reason.
    pub fn waits_with(&self, workload: &str, reason: &str) {
        let pods = self.pods(workload);
        self.admin
            .wait(&pods, |pods| wait_for(pods, reason).then_some(()));
    }

    /// Whether a pod of a workload waits for the reason now.
    pub fn is_waiting(&self, workload: &str, reason: &str) -> bool {
        wait_for(&self.admin.get(&self.pods(workload)), reason)
    }

    /// The path of the list of a workload's pods.
    fn pods(&self, workload: &str) -> String {
        let (_, name) = workload.split_once('/').expect("kind/name");
        format!(
            "/api/v1/namespaces/{}/pods?labelSelector=app%3D{name}",
            self.namespace
        )
    }

    /// The revisions of a workload: number, numbers it had before, replicas wanted (ReplicaSets),
    /// image of its container; newest last.
    pub fn revisions(&self, workload: &str) -> Vec<(i64, Option<String>, String)> {
        let (kind, name) = workload.split_once('/').expect("kind/name");
        let list = if kind == "deployment" {
            "replicasets"
        } else {
            "controllerrevisions"
        };
        let all = self.admin.get(&format!(
            "/apis/apps/v1/namespaces/{}/{list}?labelSelector=app%3D{name}",
            self.namespace
        ));
        let mut all: Vec<_> = all["items"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|one| revision(one, name))
            .collect();
        all.sort();
        all
    }

    /// The path of `kind/name` in the API.
    pub fn path(&self, workload: &str) -> String {
        let (kind, name) = workload.split_once('/').expect("kind/name");
        Workload {
            kind: kind.into(),
            namespace: self.namespace.clone(),
            name: name.into(),
        }
        .path()
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        self.kube.nothing_was_written();
        self.admin
            .delete(&format!("/api/v1/namespaces/{}", self.namespace));
    }
}

/// Makes a namespace that no other test of this process has, and waits until pods can be made in
/// it.
fn namespace(kube: &Kube) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let name = format!("stage-{}", COUNT.fetch_add(1, Ordering::Relaxed));
    let api = kube.api("test");
    api.post("/api/v1/namespaces", &json!({"metadata": {"name": name}}));
    api.wait(
        &format!("/api/v1/namespaces/{name}/serviceaccounts/default"),
        |_| Some(()),
    );
    name
}

/// A stack as Terraform code.
pub fn text(namespace: &str, (kind, name, image): &Stack) -> String {
    let resource = match *kind {
        "deployment" => "kubernetes_deployment",
        "statefulset" => "kubernetes_stateful_set",
        "daemonset" => "kubernetes_daemonset",
        other => panic!("no workload: {other}"),
    };
    let mut text = format!(
        "resource \"{resource}\" \"{name}\" {{\n  metadata {{\n    name      = \"{name}\"\n"
    );
    write!(
        text,
        "    namespace = \"{namespace}\"\n  }}\n  spec {{\n    template {{\n      spec {{\n"
    )
    .expect("a string takes it");
    write!(text, "        container {{\n          name  = \"{name}\"\n          image = \"{image}\"\n        }}\n")
        .expect("a string takes it");
    text + "      }\n    }\n  }\n}\n"
}

/// Whether one of the pods waits for the reason.
fn wait_for(pods: &Value, reason: &str) -> bool {
    let waits =
        |pod: &Value| pod["status"]["containerStatuses"][0]["state"]["waiting"]["reason"] == reason;
    pods["items"].as_array().into_iter().flatten().any(waits)
}

/// Whether a rollout is over, by the rules of `kubectl rollout status`.
fn complete(live: &Value) -> bool {
    let (spec, status) = (&live["spec"], &live["status"]);
    let count = |name: &str| status[name].as_i64().unwrap_or_default();
    if live["metadata"]["generation"] != status["observedGeneration"] {
        return false;
    }
    if live["kind"] == "DaemonSet" {
        let wanted = count("desiredNumberScheduled");
        return wanted > 0
            && count("updatedNumberScheduled") == wanted
            && count("numberAvailable") == wanted;
    }
    let wanted = spec["replicas"].as_i64().unwrap_or(1);
    let fresh =
        live["kind"] != "StatefulSet" || status["currentRevision"] == status["updateRevision"];
    fresh
        && count("updatedReplicas") == wanted
        && count("replicas") == wanted
        && count("readyReplicas") == wanted
}

fn revision(one: &Value, container: &str) -> (i64, Option<String>, String) {
    let annotations = &one["metadata"]["annotations"];
    let annotated = |name: &str| {
        annotations[format!("deployment.kubernetes.io/{name}")]
            .as_str()
            .map(str::to_owned)
    };
    let number = one["revision"]
        .as_i64()
        .or_else(|| annotated("revision")?.parse().ok())
        .expect("a revision has a number");
    let template = if one["kind"] == "ControllerRevision" || one["data"].is_object() {
        &one["data"]["spec"]
    } else {
        &one["spec"]
    };
    let image = image_in(&template["template"]["spec"], container).expect("it has that container");
    (number, annotated("revision-history"), image.to_owned())
}
