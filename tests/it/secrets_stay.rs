//! Each secret reaches the host it is for, and no other host, no child process and no log. Every
//! server here has a loopback address of its own: by its address a host is told from the others.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::thread;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::support::cmd::{Output, Pintle};
use crate::support::line::{Line, executable};

const IMAGE: &str = "quay.io/team/app:latest";
const FORGE: &str = "canary-of-the-forge";
const REMOTE: &str = "canary-of-the-remote";
const WEBHOOK: &str = "canary-of-the-webhook";
const GITHUB: &str = "canary-of-github";
const ALERTS: &str = "canary-of-alertmanager";
const ALERT_HOOK: &str = "canary-of-alert-hook";
const QUAY: &str = "canary-of-quay-io";
const ENDPOINT: &str = "canary-of-the-endpoint";
const REGISTRY_HOOK: &str = "canary-of-registry-hooks";
const NOTICE: &str = "canary-of-the-notice";
const SIGNATURE: &str = "canary-of-the-signature";
const ALL: [&str; 11] = [
    FORGE,
    REMOTE,
    WEBHOOK,
    GITHUB,
    ALERTS,
    ALERT_HOOK,
    QUAY,
    ENDPOINT,
    REGISTRY_HOOK,
    NOTICE,
    SIGNATURE,
];

/// A server at an address of its own that notes each request and gives one answer.
struct Host {
    at: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Host {
    fn start(ip: &str, answer: &'static str) -> Host {
        let listener = TcpListener::bind((ip, 0)).expect("all of 127.0.0.0/8 is this machine");
        let at = listener.local_addr().expect("it is bound");
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let notes = Arc::clone(&asked);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let mut stream = stream;
                let lines = BufReader::new(stream.try_clone().expect("a socket has two sides"))
                    .lines()
                    .map_while(Result::ok);
                let head: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
                notes
                    .lock()
                    .expect("nobody panics with it")
                    .push(head.join("\n"));
                // A client that went away needs no answer.
                let _ = write!(stream, "HTTP/1.1 {answer}");
            }
        });
        Host { at, asked }
    }

    fn url(&self) -> String {
        format!("http://{}", self.at)
    }

    fn asked(&self) -> String {
        self.asked
            .lock()
            .expect("nobody panics with it")
            .join("\n\n")
    }

    /// Fails unless it was asked, saw its own secret if it has one, and none of the others.
    fn saw_only(&self, own: Option<&str>) {
        let asked = self.asked();
        assert!(!asked.is_empty(), "{} was not asked", self.at);
        for secret in ALL {
            assert_eq!(
                holds(&asked, secret),
                own == Some(secret),
                "{secret} at {}:\n{asked}",
                self.at
            );
        }
    }
}

const UNAUTHORIZED: &str = "401 Unauthorized\r\nwww-authenticate: Basic realm=\"x\"\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
const NOT_FOUND: &str = "404 Not Found\r\ncontent-type: application/json\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}";
const EMPTY_LIST: &str =
    "200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\nconnection: close\r\n\r\n[]";

/// Whether a text holds a secret as it is, or as the password of any user we know in base64.
fn holds(text: &str, secret: &str) -> bool {
    let encoded = |user: &str| STANDARD.encode(format!("{user}:{secret}"));
    text.contains(secret)
        || ["pintle", "robot"]
            .iter()
            .any(|user| text.contains(&encoded(user)))
}

fn with_all_secrets(pintle: Pintle) -> Pintle {
    pintle
        .env("PINTLE_TOKEN", FORGE)
        .env("PINTLE_WEBHOOK_SECRET", WEBHOOK)
        .env("PINTLE_GITHUB_TOKEN", GITHUB)
        .env("PINTLE_ALERTMANAGER_TOKEN", ALERTS)
        .env("PINTLE_ALERT_HOOK_TOKEN", ALERT_HOOK)
        .env("PINTLE_REGISTRY_HOOK_TOKEN", REGISTRY_HOOK)
        .env("PINTLE_NOTICE_OPS_TOKEN", NOTICE)
        .env("PINTLE_NOTICE_OPS_SECRET", SIGNATURE)
        .env("PINTLE_LOG", "trace")
}

fn check_output(output: &Output) {
    for secret in ALL {
        let written = format!("{}{}", output.stdout, output.stderr);
        assert!(!holds(&written, secret), "{secret} was written");
    }
}

#[test]
fn each_host_sees_its_own_secret_and_no_other() {
    let line = Line::of_stacks(&[("app", IMAGE)], "");
    let git = line.host(REMOTE);
    let forge = Host::start("127.0.0.2", NOT_FOUND);
    let alerts = Host::start("127.0.0.3", EMPTY_LIST);
    let registry = Host::start("127.0.0.4", UNAUTHORIZED);
    let cache = Host::start("127.0.0.5", UNAUTHORIZED);
    let docker = line.remote.path().with_file_name("docker.json");
    let entry = |host: &str, password: &str| {
        format!("\"{host}\":{{\"username\":\"robot\",\"password\":\"{password}\"}}")
    };
    let (asked, named) = (registry.at.to_string(), "quay.io");
    let entries = format!("{},{}", entry(named, QUAY), entry(&asked, ENDPOINT));
    fs::write(&docker, format!("{{\"auths\":{{{entries}}}}}")).expect("it can be written");
    let docker = docker.display().to_string();
    let more = [
        "--forge",
        &format!("{}/ops/infra", forge.url()),
        "--alertmanager",
        &alerts.url(),
        "--registry",
        &format!("quay.io={}", registry.url()),
        "--cache",
        &format!("quay.io={}", cache.url()),
        "--docker-config",
        &docker,
        "--github-api",
        "off",
    ];
    let run = line.pintle_at(&git.url(), line.clones(), "plan", &more);
    let output = with_all_secrets(run)
        .env("PINTLE_REMOTE_TOKEN", REMOTE)
        .run();
    check_output(&output);
    assert!(output.stderr.lines().count() > 20, "{}", output.stderr);
    forge.saw_only(Some(FORGE));
    alerts.saw_only(Some(ALERTS));
    registry.saw_only(Some(ENDPOINT));
    cache.saw_only(None);
    let seen: Vec<String> = git
        .seen()
        .into_iter()
        .filter_map(|seen| seen.authorization)
        .collect();
    assert!(!seen.is_empty());
    for secret in ALL {
        let own = secret == REMOTE;
        assert_eq!(seen.iter().any(|sent| holds(sent, secret)), own, "{secret}");
    }
}

#[test]
fn a_receiver_of_messages_sees_its_own_token_and_no_other() {
    let receiver = Host::start("127.0.0.6", EMPTY_LIST);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let text = "[[notice]]\nname = \"ops\"\nkind = \"webhook\"\n";
    fs::write(folder.path().join("pintle.toml"), text).expect("it can be written");
    let run = with_all_secrets(Pintle::new(folder.path(), ["-vv", "notice", "test"]));
    let output = run
        .env("PINTLE_NOTICE_OPS_URL", format!("{}/path", receiver.url()))
        .run();
    check_output(&output);
    assert_eq!(output.stdout, "ops: sent\n", "{output:?}");
    receiver.saw_only(Some(NOTICE));
}

#[test]
fn a_remote_on_another_host_than_the_forge_gets_none_of_its_token() {
    let line = Line::of_stacks(&[("app", IMAGE)], "");
    let forge = Host::start("127.0.0.2", NOT_FOUND);
    let remote = Host::start("127.0.0.3", UNAUTHORIZED);
    let page = format!("{}/ops/infra", forge.url());
    let address = format!("{}/repo.git", remote.url());
    let run = line.pintle_at(&address, line.clones(), "plan", &["--forge", &page]);
    let output = with_all_secrets(run).run();
    check_output(&output);
    remote.saw_only(None);
    assert!(
        output
            .stderr
            .contains("note: the token goes to the forge at 127.0.0.2 alone"),
        "{}",
        output.stderr
    );
}

#[test]
fn no_proxy_sees_what_stays_on_this_machine() {
    let line = Line::of_stacks(&[("app", IMAGE)], "");
    let git = line.host(FORGE);
    let proxy = Host::start("127.0.0.2", NOT_FOUND);
    for command in ["plan", "sync"] {
        let run = line.pintle_at(&git.url(), line.clones(), command, &[]);
        let output = with_all_secrets(run)
            .env("http_proxy", proxy.url())
            .env("HTTP_PROXY", proxy.url())
            .env("all_proxy", proxy.url())
            .run();
        check_output(&output);
        assert_eq!(output.code, Some(0), "{command}: {}", output.stderr);
    }
    assert_eq!(proxy.asked(), "");
    assert!(git.seen().iter().any(|seen| seen.authorization.is_some()));
}

/// What stands in for `ssh`: notes its environment and the arguments of every process that it can
/// see, and carries the command out on this machine.
fn ssh(folder: &std::path::Path, seen: &std::path::Path) {
    let script = format!(
        "#!/bin/sh\nenv >>'{0}'\ncat /proc/[0-9]*/cmdline >>'{0}' 2>/dev/null\nwhile [ \"$1\" != -- ]; do shift; done\nshift 2\nexec sh -c \"$*\"\n",
        seen.display()
    );
    executable(&folder.join("ssh"), &script);
}

#[test]
fn children_get_no_secret() {
    let line = Line::of_stacks(&[("app", IMAGE)], "");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let seen = folder.path().join("seen");
    ssh(folder.path(), &seen);
    let remote = line.remote.path();
    // The server's side of a local path is a child too.
    line.hook(
        "pre-receive",
        &format!(
            "#!/bin/sh\ncat >/dev/null\nenv >>'{}'\nexit 0\n",
            seen.display()
        ),
    );
    let path = std::env::var("PATH").expect("it is set");
    let path = format!("{}:{path}", folder.path().display());
    let plugin = folder.path().join("plugin");
    executable(
        &plugin,
        &format!("#!/bin/sh\nenv >>'{}'\nexit 1\n", seen.display()),
    );
    let helper = folder.path().join("docker-credential-canary");
    executable(
        &helper,
        &format!(
            "#!/bin/sh\nenv >>'{}'\necho 'credentials not found'\nexit 1\n",
            seen.display()
        ),
    );
    let kubeconfig = folder.path().join("kubeconfig");
    let plugin = plugin.display();
    fs::write(
        &kubeconfig,
        format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: c\nclusters: [{{name: c, cluster: {{server: \"https://127.0.0.1:1\"}}}}]\nusers: [{{name: u, user: {{exec: {{apiVersion: client.authentication.k8s.io/v1, command: \"{plugin}\", interactiveMode: Never}}}}}}]\ncontexts: [{{name: c, context: {{cluster: c, user: u}}}}]\n"
        ),
    )
    .expect("it can be written");
    let registry = Host::start("127.0.0.4", UNAUTHORIZED);
    let docker = folder.path().join("docker.json");
    fs::write(&docker, "{\"credsStore\":\"canary\"}").expect("it can be written");
    let (kubeconfig, docker) = (
        kubeconfig.display().to_string(),
        docker.display().to_string(),
    );
    let endpoint = format!("quay.io={}", registry.url());
    let more = [
        "--kubeconfig",
        &kubeconfig,
        "--docker-config",
        &docker,
        "--credential-helpers",
        "--registry",
        &endpoint,
    ];
    for (address, more) in [
        (
            format!("git@git.example.com:{}", remote.display()),
            &more[..0],
        ),
        (remote.display().to_string(), &more[..0]),
        (remote.display().to_string(), &more[..]),
    ] {
        let image = line.registries.put(IMAGE, &address);
        assert!(image.starts_with("sha256:"));
        let run = line.pintle_at(&address, line.clones(), "sync", more);
        let output = with_all_secrets(run).env("PATH", &path).run();
        check_output(&output);
    }
    let seen = fs::read(&seen).expect("children were started");
    let seen = String::from_utf8_lossy(&seen);
    let started = seen.matches("PATH=").count();
    assert!(started >= 5, "{started}: {seen}");
    for secret in ALL {
        assert!(!holds(&seen, secret), "a child saw {secret}");
    }
    assert!(!seen.contains("PINTLE_TOKEN"), "{seen}");
}
