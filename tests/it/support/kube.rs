//! A real Kubernetes control plane on loopback: etcd, kube-apiserver and kube-controller-manager.
//! No kubelet, no scheduler: pods stay unbound, and [`kubelet`] plays the one through their status.
//! The servers die with the test process, also when it is killed. Decides nothing about a test,
//! except that pintle's user may only read: see [`audit`].

pub mod api;
pub mod audit;
pub mod ci;
pub mod custom;
pub mod deploy;
pub mod kubelet;
pub mod pki;
pub mod world;

use std::fs::{create_dir_all, read_to_string, write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use serde_json::{Value, json};

use super::cmd;
use super::gitea::Port;
use super::guard::{Guard, server};
use api::Api;

/// Where the folders of shared instances are, with the number of the process that made one.
const SHARED: &str = "pintle-test-kube-";
/// pintle's namespace, account and rights, as a person would apply them.
const NAMESPACE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/deploy/kustomize/base/00-namespace.yaml"
);
const RIGHTS: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/deploy/kustomize/base/rbac.yaml"
);
/// pintle's user name, as the audit log has it.
pub const PINTLE: &str = "system:serviceaccount:pintle:pintle";
/// The controllers that a rollout needs, and those that tidy up.
const CONTROLLERS: &str = "serviceaccount-controller,serviceaccount-token-controller,root-ca-certificate-publisher-controller,\
     namespace-controller,garbage-collector-controller,deployment-controller,replicaset-controller,statefulset-controller,\
     daemonset-controller,job-controller,cronjob-controller,clusterrole-aggregation-controller,disruption-controller,\
     pod-garbage-collector-controller";

/// A running control plane.
pub struct Kube {
    // The order of the fields is the order of the end: the servers, then their folder.
    servers: Mutex<Servers>,
    folder: Folder,
    ports: Ports,
    ca: String,
    token: String,
}

static KUBE: OnceLock<Arc<Kube>> = OnceLock::new();

/// Ended in this order.
#[derive(Default)]
struct Servers {
    controllers: Option<Guard>,
    apiserver: Option<Guard>,
    etcd: Option<Guard>,
}

struct Ports {
    api: Port,
    etcd: Port,
    peer: Port,
}

enum Folder {
    Own(tempfile::TempDir),
    /// Removed when the process ends.
    Shared(PathBuf),
}

impl Kube {
    /// The instance that the tests of this process share; each has namespaces of its own. Nobody
    /// stops it.
    pub fn shared() -> Arc<Kube> {
        let start = || {
            remove_orphans();
            let folder = shared_folder();
            create_dir_all(&folder).expect("a folder that only this process makes");
            remove_at_exit();
            let (tell, told) = std::sync::mpsc::channel();
            // The kernel ends a server with the thread that started it; this one never ends by
            // itself.
            std::thread::spawn(move || {
                let kube = Arc::new(Kube::start(Folder::Shared(folder)));
                kube.make_pintles_user();
                tell.send(Arc::clone(&kube)).expect("it is waited for");
                loop {
                    std::thread::park();
                }
            });
            told.recv().expect("the control plane starts")
        };
        Arc::clone(KUBE.get_or_init(start))
    }

    /// An instance for one test, which may stop and start its API server.
    pub fn own() -> Arc<Kube> {
        let kube = Kube::fresh();
        kube.make_pintles_user();
        Arc::new(kube)
    }

    /// An instance for one test in which nothing was applied, not even what pintle's user needs.
    pub fn fresh() -> Kube {
        let folder = tempfile::tempdir().expect("a temporary folder");
        Kube::start(Folder::Own(folder))
    }

    fn start(folder: Folder) -> Kube {
        pintle::remote::install_tls();
        let (ca, token) = prepare(folder.path());
        let ports = Ports {
            api: Port::hold(),
            etcd: Port::hold(),
            peer: Port::hold(),
        };
        let kube = Kube {
            servers: Mutex::default(),
            folder,
            ports,
            ca,
            token,
        };
        kube.start_etcd();
        kube.start_apiserver();
        kube.write_kubeconfig("admin.kubeconfig", &kube.token);
        kube.start_controllers();
        kube.make_node();
        kube
    }

    /// `https://127.0.0.1:port`.
    pub fn url(&self) -> String {
        format!("https://127.0.0.1:{}", self.ports.api.number)
    }

    /// The authority that signed the server's certificate, as PEM.
    pub fn ca(&self) -> &str {
        &self.ca
    }

    /// Somebody who may do everything, under the name that a program gives itself: `HashiCorp` for
    /// Terraform's provider, `keel` for Keel. It becomes the field manager of what it writes.
    pub fn api(&self, program: &str) -> Api {
        Api::new(self, &self.token, program)
    }

    /// pintle's user, who may read what `deploy/kustomize/base/rbac.yaml` names.
    pub fn pintle(&self) -> Api {
        let token = read_to_string(self.folder.path().join("pintle.token"))
            .expect("it was written at the start");
        Api::new(self, &token, "test")
    }

    /// The kubeconfig of pintle's user.
    pub fn kubeconfig(&self) -> PathBuf {
        self.folder.path().join("pintle.kubeconfig")
    }

    /// The kubeconfig of somebody who may do everything.
    pub fn admin_kubeconfig(&self) -> PathBuf {
        self.folder.path().join("admin.kubeconfig")
    }

    /// Runs kubectl as a person does, and returns what it says. It has to succeed.
    pub fn kubectl(&self, args: &[&str]) -> String {
        let output = self.try_kubectl(args);
        assert!(
            output.status.success(),
            "kubectl {}: {}",
            args.join(" "),
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).expect("kubectl writes UTF-8")
    }

    /// Runs kubectl to its end, which may be a bad one.
    pub fn try_kubectl(&self, args: &[&str]) -> Output {
        let mut command = Command::new(server("PINTLE_TEST_KUBECTL"));
        command
            .arg("--kubeconfig")
            .arg(self.admin_kubeconfig())
            .args(args)
            .stdin(Stdio::null());
        cmd::clean(&mut command, self.folder.path());
        command.output().expect("kubectl starts")
    }

    /// Ends the API server as a power cut would; etcd keeps all there is, the address stays its own
    /// and connections to it are refused.
    pub fn stop_apiserver(&self) {
        self.servers().apiserver = None;
    }

    /// Starts the API server (again) and waits until it is ready.
    pub fn start_apiserver(&self) {
        let folder = self.folder.path();
        let path = |name: &str| folder.join(name).display().to_string();
        let mut command = Command::new(server("PINTLE_TEST_KUBE_APISERVER"));
        let flags = [
            (
                "etcd-servers",
                format!("http://127.0.0.1:{}", self.ports.etcd.number),
            ),
            ("bind-address", "127.0.0.1".into()),
            ("secure-port", self.ports.api.number.to_string()),
            ("advertise-address", "127.0.0.1".into()),
            ("endpoint-reconciler-type", "none".into()),
            ("cert-dir", path("pki")),
            ("tls-cert-file", path("pki/apiserver.crt")),
            ("tls-private-key-file", path("pki/apiserver.key")),
            ("client-ca-file", path("pki/ca.crt")),
            ("token-auth-file", path("tokens.csv")),
            ("authorization-mode", "RBAC".into()),
            ("service-cluster-ip-range", "10.0.0.0/16".into()),
            (
                "service-account-issuer",
                "https://kubernetes.default.svc".into(),
            ),
            ("service-account-key-file", path("pki/sa.pub")),
            ("service-account-signing-key-file", path("pki/sa.key")),
            ("disable-admission-plugins", "TaintNodesByCondition".into()),
            ("audit-policy-file", path("audit.yaml")),
            ("audit-log-path", path("audit.log")),
            ("profiling", "false".into()),
            ("event-ttl", "1h".into()),
        ];
        command.args(
            flags
                .iter()
                .map(|(name, value)| format!("--{name}={value}")),
        );
        let mut guard = Guard::start(command, &self.log("kube-apiserver"));
        let api = self.api("test");
        let ready =
            guard.wait_until(|| api.try_get("/readyz").filter(|(status, _)| *status == 200));
        ready.unwrap_or_else(|log| panic!("the API server ended:\n{log}"));
        self.servers().apiserver = Some(guard);
    }

    /// Lets etcd forget all versions but the newest, so that nothing can be watched from before.
    pub fn compact(&self) {
        let client = reqwest::blocking::Client::builder()
            .no_proxy()
            .build()
            .expect("a client");
        let ask = |path: &str, body: Value| -> Value {
            let url = format!("http://127.0.0.1:{}/v3/kv/{path}", self.ports.etcd.number);
            let answer = client
                .post(url)
                .body(body.to_string())
                .send()
                .expect("etcd answers")
                .text()
                .expect("etcd answers");
            serde_json::from_str(&answer).expect("etcd answers in JSON")
        };
        let revision = ask("range", json!({"key": "AA=="}))["header"]["revision"].clone();
        let compacted = ask(
            "compaction",
            json!({"revision": revision, "physical": true}),
        );
        assert!(compacted["header"].is_object(), "{compacted}");
    }

    fn start_etcd(&self) {
        let (client, peer) = (
            format!("http://127.0.0.1:{}", self.ports.etcd.number),
            format!("http://127.0.0.1:{}", self.ports.peer.number),
        );
        let mut command = Command::new(server("PINTLE_TEST_ETCD"));
        command
            .args(["--name", "t", "--log-level", "error", "--unsafe-no-fsync"])
            .arg("--data-dir")
            .arg(self.folder.path().join("etcd"));
        command.args([
            "--listen-client-urls",
            &client,
            "--advertise-client-urls",
            &client,
        ]);
        command.args([
            "--listen-peer-urls",
            &peer,
            "--initial-advertise-peer-urls",
            &peer,
            "--initial-cluster",
            &format!("t={peer}"),
        ]);
        self.servers().etcd = Some(Guard::start(command, &self.log("etcd")));
    }

    fn start_controllers(&self) {
        let mut command = Command::new(server("PINTLE_TEST_KUBE_CONTROLLER_MANAGER"));
        command.arg("--kubeconfig").arg(self.admin_kubeconfig());
        command.args([
            "--authentication-skip-lookup",
            "--leader-elect=false",
            "--secure-port=0",
            "--bind-address=127.0.0.1",
        ]);
        command
            .arg("--service-account-private-key-file")
            .arg(self.folder.path().join("pki/sa.key"));
        command
            .arg("--root-ca-file")
            .arg(self.folder.path().join("pki/ca.crt"))
            .args(["--controllers", CONTROLLERS]);
        let mut guard = Guard::start(command, &self.log("kube-controller-manager"));
        let api = self.api("test");
        let account = "/api/v1/namespaces/default/serviceaccounts/default";
        let ready = guard.wait_until(|| api.try_get(account).filter(|(status, _)| *status == 200));
        ready.unwrap_or_else(|log| panic!("the controller manager ended:\n{log}"));
        self.servers().controllers = Some(guard);
    }

    /// One node, as a kubelet would report it: daemon sets want one.
    fn make_node(&self) {
        let api = self.api("kubelet");
        let labels = json!({"kubernetes.io/hostname": "node-1", "kubernetes.io/os": "linux"});
        api.post("/api/v1/nodes", &json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "node-1", "labels": labels}}));
        let room = json!({"cpu": "1k", "memory": "1Ti", "pods": "1M"});
        let ready = json!([{"type": "Ready", "status": "True", "reason": "KubeletReady"}]);
        api.merge(
            "/api/v1/nodes/node-1/status",
            &json!({"status": {"capacity": room, "allocatable": room, "conditions": ready}}),
        );
    }

    fn make_pintles_user(&self) {
        let api = self.api("test");
        self.kubectl(&["apply", "-f", NAMESPACE, "-f", RIGHTS]);
        let wanted = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 86_400}});
        let given = api.post(
            "/api/v1/namespaces/pintle/serviceaccounts/pintle/token",
            &wanted,
        );
        let token = given["status"]["token"]
            .as_str()
            .expect("a token was given");
        write(self.folder.path().join("pintle.token"), token).expect("its own folder");
        self.write_kubeconfig("pintle.kubeconfig", token);
    }

    fn write_kubeconfig(&self, name: &str, token: &str) {
        let text = self.kubeconfig_for(&self.url(), token);
        write(self.folder.path().join(name), text.to_string()).expect("its own folder");
    }

    /// A kubeconfig for another address (where a proxy stands) and a token. JSON is YAML.
    pub fn kubeconfig_for(&self, server: &str, token: &str) -> Value {
        json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "test",
            "clusters": [{"name": "test", "cluster": {"server": server, "certificate-authority-data": pki::base64(&self.ca)}}],
            "users": [{"name": "user", "user": {"token": token}}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "user"}}],
        })
    }

    fn log(&self, name: &str) -> PathBuf {
        self.folder.path().join(format!("{name}.log"))
    }

    fn servers(&self) -> MutexGuard<'_, Servers> {
        self.servers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Folder {
    fn path(&self) -> &Path {
        match self {
            Folder::Own(folder) => folder.path(),
            Folder::Shared(path) => path,
        }
    }
}

/// Writes what the servers read: keys, tokens, what is to be logged. Returns the authority and the
/// token of the administrator.
fn prepare(folder: &Path) -> (String, String) {
    create_dir_all(folder.join("pki")).expect("its own folder");
    let ca = pki::write_to(&folder.join("pki"));
    let random =
        ring::rand::generate::<[u8; 16]>(&ring::rand::SystemRandom::new()).expect("random bytes");
    let token = hex::encode(random.expose());
    write(
        folder.join("tokens.csv"),
        format!("{token},admin,admin,\"system:masters\"\n"),
    )
    .expect("its own folder");
    write(folder.join("audit.yaml"), audit::policy()).expect("its own folder");
    (ca, token)
}

fn shared_folder() -> PathBuf {
    std::env::temp_dir().join(format!("{SHARED}{}", std::process::id()))
}

/// Removes the folders of processes that were killed and could not.
fn remove_orphans() {
    let entries = std::env::temp_dir()
        .read_dir()
        .expect("the folder can be read");
    for path in entries.map(|entry| entry.expect("the folder can be read").path()) {
        let process = path
            .file_name()
            .and_then(|name| name.to_str()?.strip_prefix(SHARED)?.parse::<u32>().ok());
        if process.is_some_and(|process| !Path::new(&format!("/proc/{process}")).exists()) {
            // Another run may be doing the same.
            let _ = std::fs::remove_dir_all(path);
        }
    }
}

/// A static is never dropped, so its servers are ended and its folder goes when the process ends by
/// itself.
#[expect(
    unsafe_code,
    reason = "the standard library has no hook for the end of a process"
)]
fn remove_at_exit() {
    extern "C" fn remove() {
        if let Some(kube) = KUBE.get() {
            drop(std::mem::take(&mut *kube.servers()));
        }
        let _ = std::fs::remove_dir_all(shared_folder());
    }
    // SAFETY: the function lives as long as the process, unwinds nowhere and uses no state that is
    // gone by then.
    let registered = unsafe { libc::atexit(remove) };
    assert_eq!(
        registered, 0,
        "the end of the process takes one more function"
    );
}
