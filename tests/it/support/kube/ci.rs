//! Plays the pipeline that applies the repo: at a commit it reads the images that the Terraform
//! code names (by `pintle scan`) and sets them in the cluster, under the name of Terraform's
//! Kubernetes provider; annotations and pull policies too, and what the code ignores it leaves
//! alone. May lag, fail, or be green without having applied. Knows nothing else of a manifest, and
//! takes nothing away that the code no longer says.

mod terraform;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::{Value, json};

use super::api::Api;
use super::{Kube, custom};
use crate::support::cmd::Pintle;
use crate::support::forge_repo::Repo;
use crate::support::git::{BRANCH, git};
use crate::support::gitea::Account;
use terraform::Resource;

/// The name that the provider `hashicorp/kubernetes` gives itself; it becomes the field manager.
pub const MANAGER: &str = "HashiCorp";
/// How the pipeline's status is called.
pub const CONTEXT: &str = "ci/terraform";
/// Pause between two looks at the branch.
const LOOK: Duration = Duration::from_millis(50);
/// What does not happen in this time does not happen.
const DEADLINE: Duration = Duration::from_secs(60);

/// Where the commits are, and who is told about them.
#[derive(Clone)]
#[expect(clippy::large_enum_variant, reason = "there is one for each test")]
pub enum Source {
    /// A bare repository; nobody is told.
    Bare(PathBuf),
    /// A forge, and who sets the statuses there.
    Forge(Repo, Account),
}

/// What it does with a commit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Mode {
    /// Applies it, then says success.
    Applies,
    /// Says pending, and looks at it again when the mode changes.
    Lags,
    /// Says failure, and applies nothing.
    Fails,
    /// Says success, and applies nothing: the stack is locked.
    Skips,
}

/// The pipeline of one repo.
pub struct Ci {
    api: Api,
    source: Source,
    mode: Mutex<Mode>,
    /// The commits it has done with, in order.
    done: Mutex<Vec<String>>,
    ended: Condvar,
    /// The names of the workloads that it leaves alone. Held while it applies.
    locked: Mutex<BTreeSet<String>>,
}

/// Follows the branch until it is dropped.
pub struct Following {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Ci {
    pub fn new(kube: &Kube, source: Source) -> Arc<Ci> {
        let (mode, done) = (Mutex::new(Mode::Applies), Mutex::default());
        Arc::new(Ci {
            api: kube.api(MANAGER),
            source,
            mode,
            done,
            ended: Condvar::new(),
            locked: Mutex::default(),
        })
    }

    /// Does this with every commit from now on, and with one that lags.
    pub fn set(&self, mode: Mode) {
        *self.mode.lock().expect("nobody panicked") = mode;
    }

    /// Leaves a workload alone from now on, as where a person holds its stack's lock. What is being
    /// applied comes to its end first.
    pub fn lock(&self, name: &str) {
        let mut locked = self.locked.lock().expect("nobody panicked");
        locked.insert(name.to_owned());
    }

    /// Applies a workload again from now on, first of all as the branch's tip has it.
    pub fn unlock(&self, name: &str) {
        self.locked.lock().expect("nobody panicked").remove(name);
        self.done().push(String::new());
    }

    /// Runs for the branch's tip and comes back when it is through. Returns the commit.
    pub fn apply(&self) -> String {
        let tip = self.tip();
        self.run(&tip);
        tip
    }

    /// Runs for each tip of the branch from now on, including the one that is there.
    pub fn follow(self: &Arc<Ci>) -> Following {
        let (ci, stop) = (Arc::clone(self), Arc::new(AtomicBool::new(false)));
        let stopped = Arc::clone(&stop);
        let work = move || {
            while !stopped.load(Ordering::Relaxed) {
                let tip = ci.tip();
                if ci.done().last() != Some(&tip) {
                    ci.run(&tip);
                }
                std::thread::sleep(LOOK);
            }
        };
        Following {
            stop,
            thread: Some(std::thread::spawn(work)),
        }
    }

    /// Waits until it is through with a commit.
    pub fn wait_for(&self, commit: &str) {
        let waits = |done: &mut Vec<String>| !done.iter().any(|one| one == commit);
        let waited = self
            .ended
            .wait_timeout_while(self.done(), DEADLINE, waits)
            .expect("nobody panicked");
        assert!(
            !waited.1.timed_out(),
            "the pipeline is not through with {commit} after a minute"
        );
    }

    /// The newest commit of the branch.
    pub fn tip(&self) -> String {
        match &self.source {
            Source::Bare(path) => git(path, ["rev-parse", BRANCH]).trim().to_owned(),
            Source::Forge(repo, _) => repo.tip(BRANCH).expect("the repo has its branch"),
        }
    }

    fn run(&self, commit: &str) {
        let mode = *self.mode.lock().expect("nobody panicked");
        let before = self.done().len();
        match mode {
            Mode::Lags => return self.say(commit, "pending", "waiting for a runner"),
            Mode::Fails => self.say(commit, "failure", "apply failed"),
            Mode::Skips => self.say(commit, "success", "stack is locked, skipped"),
            Mode::Applies => {
                self.say(commit, "pending", "applying");
                self.apply_commit(commit);
                self.say(commit, "success", "applied");
            }
        }
        // What was unlocked meanwhile is applied by another run.
        self.done().insert(before, commit.to_owned());
        self.ended.notify_all();
    }

    /// Sets a status where it is not the last one that was set.
    fn say(&self, commit: &str, state: &str, description: &str) {
        let Source::Forge(repo, who) = &self.source else {
            return;
        };
        let said = who.list(&repo.path(&format!("/commits/{commit}/statuses")));
        let last = said
            .iter()
            .filter(|status| status["context"] == CONTEXT)
            .max_by_key(|status| status["id"].as_u64());
        if last.is_none_or(|status| status["status"] != state) {
            repo.set_status(commit, CONTEXT, state, description, who);
        }
    }

    fn apply_commit(&self, commit: &str) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let address = match &self.source {
            Source::Bare(path) => path.display().to_string(),
            Source::Forge(repo, _) => repo.clone_url(),
        };
        git(folder.path(), ["clone", "--quiet", &address, "checkout"]);
        let checkout = folder.path().join("checkout");
        git(&checkout, ["reset", "--quiet", "--hard", commit]);
        let locked = self.locked.lock().expect("nobody panicked");
        for (of, declared) in declared(&checkout) {
            if locked.contains(&of.name) {
                continue;
            }
            match of.kind.as_str() {
                custom::KIND => custom::apply(
                    &self.api,
                    &of.namespace,
                    &of.name,
                    &declared.containers[0].image,
                ),
                _ => self.apply_workload(&of, &declared),
            }
        }
    }

    /// Makes a workload, or sets what the code says where it is another. What is ignored counts
    /// only when it is made.
    fn apply_workload(&self, of: &Workload, declared: &Declared) {
        let path = of.path();
        let known = self
            .api
            .try_get(&path)
            .unwrap_or_else(|| panic!("{path}: nobody answers"));
        if known.0 == 404 {
            self.api.post(
                path.rsplit_once('/').expect("a path").0,
                &of.manifest(declared),
            );
            return;
        }
        let live = &known.1["spec"]["template"]["spec"];
        let list = |init: bool| -> Vec<Value> {
            let some = declared.containers.iter().filter(|one| one.init == init);
            some.filter_map(|one| one.beside(container_in(live, &one.name)?))
                .collect()
        };
        let mut spec = serde_json::Map::new();
        for (name, list) in [("containers", list(false)), ("initContainers", list(true))] {
            if !list.is_empty() {
                spec.insert(name.to_owned(), list.into());
            }
        }
        let mut patch = serde_json::Map::new();
        if !spec.is_empty() {
            patch.insert("spec".into(), json!({"template": {"spec": spec}}));
        }
        let wanted = declared
            .resource
            .annotations
            .iter()
            .filter(|(key, _)| !declared.resource.ignores_annotation(key));
        let annotations: BTreeMap<_, _> = wanted
            .filter(|(key, value)| known.1["metadata"]["annotations"][*key] != **value)
            .collect();
        if !annotations.is_empty() {
            patch.insert("metadata".into(), json!({"annotations": annotations}));
        }
        if !patch.is_empty() {
            self.api.patch(&path, &patch.into());
        }
    }

    fn done(&self) -> MutexGuard<'_, Vec<String>> {
        self.done.lock().expect("nobody panicked")
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let ended = self.thread.take().map(JoinHandle::join);
        if !std::thread::panicking() {
            assert!(
                ended.is_none_or(|ended| ended.is_ok()),
                "the pipeline failed; what it said is above"
            );
        }
    }
}

/// A workload by its kind as a scan has it: `deployment`, `statefulset`, `daemonset`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Workload {
    pub kind: String,
    pub namespace: String,
    pub name: String,
}

/// What the code says of a workload.
#[derive(Clone, Debug, Default)]
struct Declared {
    containers: Vec<Container>,
    resource: Resource,
}

/// A container as the code declares it.
#[derive(Clone, Debug, PartialEq)]
struct Container {
    name: String,
    init: bool,
    image: String,
    pulls: Option<String>,
    ignored: bool,
}

impl Container {
    /// What has to be set beside what is live, if anything.
    fn beside(&self, live: &Value) -> Option<Value> {
        let mut patch = json!({"name": self.name});
        if !self.ignored && live["image"] != *self.image {
            patch["image"] = json!(self.image);
        }
        if let Some(pulls) = self
            .pulls
            .as_ref()
            .filter(|pulls| live["imagePullPolicy"] != ***pulls)
        {
            patch["imagePullPolicy"] = json!(pulls);
        }
        (patch.as_object()?.len() > 1).then_some(patch)
    }
}

impl Workload {
    /// Its path in the API.
    pub fn path(&self) -> String {
        match self.kind.as_str() {
            custom::KIND => custom::path(&self.namespace, &self.name),
            kind => format!(
                "/apis/apps/v1/namespaces/{}/{kind}s/{}",
                self.namespace, self.name
            ),
        }
    }

    fn manifest(&self, declared: &Declared) -> Value {
        let kind = match self.kind.as_str() {
            "deployment" => "Deployment",
            "statefulset" => "StatefulSet",
            "daemonset" => "DaemonSet",
            other => panic!("no workload: {other}"),
        };
        let list = |init: bool| -> Vec<Value> {
            let some = declared.containers.iter().filter(|one| one.init == init);
            let pulls = |one: &Container| {
                one.pulls
                    .clone()
                    .unwrap_or_else(|| "IfNotPresent".to_owned())
            };
            some.map(
                |one| json!({"name": one.name, "image": one.image, "imagePullPolicy": pulls(one)}),
            )
            .collect()
        };
        let labels = json!({"app": self.name});
        let pod = json!({"containers": list(false), "initContainers": list(true), "terminationGracePeriodSeconds": 0});
        let mut spec = json!({"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": pod}});
        if kind == "StatefulSet" {
            spec["serviceName"] = json!(self.name);
        }
        let metadata = json!({"name": self.name, "annotations": declared.resource.annotations});
        json!({"apiVersion": "apps/v1", "kind": kind, "metadata": metadata, "spec": spec})
    }
}

/// The image of a container in a pod's spec.
pub fn image_in<'a>(spec: &'a Value, container: &str) -> Option<&'a str> {
    container_in(spec, container)?["image"].as_str()
}

fn container_in<'a>(spec: &'a Value, name: &str) -> Option<&'a Value> {
    let lists = ["containers", "initContainers"]
        .iter()
        .filter_map(|list| spec[list].as_array());
    lists.flatten().find(|one| one["name"] == name)
}

/// The workloads that the code in a folder declares. What is ignored is read from the text; a scan
/// that says otherwise ends the test.
fn declared(folder: &Path) -> BTreeMap<Workload, Declared> {
    let output = Pintle::new(folder, ["scan", "--output", "json"]).run();
    assert_eq!(output.code, Some(0), "{output:?}");
    let scan: Value = serde_json::from_str(&output.stdout).expect("standard output is JSON");
    let mut all: BTreeMap<Workload, Declared> = BTreeMap::new();
    let literals = scan["sites"].as_array().into_iter().flatten();
    for used in literals.flat_map(|literal| literal["uses"].as_array().into_iter().flatten()) {
        let text = |name: &str| used[name].as_str().map(str::to_owned);
        let of = (
            text("kind"),
            text("namespace"),
            text("name"),
            text("container"),
            text("image"),
            text("file"),
        );
        let (Some(kind), Some(namespace), Some(name), Some(container), Some(image), Some(file)) =
            of
        else {
            continue;
        };
        if !["deployment", "statefulset", "daemonset", custom::KIND].contains(&kind.as_str())
            || used["instances"] == 0
        {
            continue;
        }
        let code = std::fs::read_to_string(folder.join(file))
            .expect("the scan names files that are there");
        let resource = Resource::read(&code, &kind, &name);
        let (init, ignored) = (used["init"] == true, used["ignored"] == true);
        if let Some(resource) = &resource {
            assert_eq!(
                ignored,
                resource.ignores_image(&container, init),
                "{kind} {name}: {used}"
            );
        }
        let pulls = resource
            .as_ref()
            .and_then(|resource| resource.pulls(&container))
            .map(str::to_owned);
        let container = Container {
            name: container,
            init,
            image,
            pulls,
            ignored,
        };
        let one = all
            .entry(Workload {
                kind,
                namespace,
                name,
            })
            .or_default();
        one.resource = resource.unwrap_or_default();
        if !one.containers.contains(&container) {
            one.containers.push(container);
        }
    }
    all
}
