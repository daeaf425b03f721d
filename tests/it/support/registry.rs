//! Real registries on loopback: docker-registry 2.8 as Debian ships it and distribution v3, plain,
//! as a pull-through proxy, or behind a password. Each has its own folder and port and dies with
//! its test.

use std::fs::write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use super::guard::{Guard, server};
use super::images::{ACCEPT, Pusher, basic};
use super::{cmd, http};

/// The two programs; they differ in what a proxy says when its upstream fails.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Version {
    /// docker-registry 2.8: a proxy answers with the last known tag, for ever.
    Two,
    /// distribution 3: a proxy answers with the last known tag until its `ttl` is over.
    Three,
}

/// What a registry is for.
pub enum Role<'a> {
    /// Holds what is pushed to it.
    Plain,
    /// Pulls through from the registry at this base URL; `ttl` is a Go duration that only version 3
    /// reads.
    ProxyOf { url: &'a str, ttl: Option<&'a str> },
    /// Wants this user's name and password by basic auth.
    Password { user: &'a str, password: &'a str },
    /// Wants a token that the realm gives out, signed by the certificate in this PEM file.
    Token {
        realm: &'a str,
        service: &'a str,
        issuer: &'a str,
        certificate: &'a Path,
    },
}

/// A running registry (or a stopped one that keeps its port and data).
pub struct Registry {
    folder: TempDir,
    version: Version,
    port: u16,
    running: Option<Guard>,
    authorization: Option<String>,
}

impl Registry {
    /// Starts one and waits until it listens.
    pub fn start(version: Version, role: &Role) -> Registry {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let extra = role_lines(folder.path(), role);
        write(folder.path().join("role.yml"), extra).expect("the configuration can be written");
        let authorization = match role {
            Role::Password { user, password } => Some(basic(user, password)),
            _ => None,
        };
        let mut registry = Registry {
            folder,
            version,
            port: 0,
            running: None,
            authorization,
        };
        registry.resume();
        registry
    }

    /// Starts it again after [`Registry::stop`], with the same port and data.
    pub fn resume(&mut self) {
        assert!(self.running.is_none(), "the registry is running already");
        let config = self.configure();
        let variable = match self.version {
            Version::Two => "PINTLE_TEST_REGISTRY2",
            Version::Three => "PINTLE_TEST_REGISTRY3",
        };
        let mut command = Command::new(server(variable));
        command.arg("serve").arg(config);
        let log = self.folder.path().join("log");
        let before = std::fs::read_to_string(&log).map_or(0, |text| text.len());
        let mut guard = Guard::start(command, &log);
        // It was given port 0 and names the one it got, so two tests never want the same.
        let ready = || listening(std::fs::read_to_string(&log).ok()?.get(before..)?);
        self.port = guard
            .wait_until(ready)
            .unwrap_or_else(|log| panic!("the registry ended:\n{log}"));
        self.running = Some(guard);
    }

    /// Stops it; the address stays its own and connections to it are refused.
    pub fn stop(&mut self) {
        self.running = None;
    }

    /// `127.0.0.1:port`.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// `http://127.0.0.1:port`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address())
    }

    /// Somebody who may push here (not to a proxy, which refuses pushes).
    pub fn pusher(&self) -> Pusher {
        Pusher {
            address: self.address(),
            authorization: self.authorization.clone(),
        }
    }

    /// Pushes one image and lets each of `tags` name it. Writes where the registry keeps its tags,
    /// since thousands of pushes would take minutes.
    pub fn many_tags(&self, repository: &str, tags: &[&str]) {
        let (first, others) = tags.split_first().expect("a tag");
        let digest = self.pusher().image(repository, first, "many");
        let data = self
            .folder
            .path()
            .join("data/docker/registry/v2/repositories");
        let folder = data.join(repository).join("_manifests/tags");
        for tag in others {
            let current = folder.join(tag).join("current");
            std::fs::create_dir_all(&current).expect("a folder for a tag");
            write(current.join("link"), &digest).expect("a tag");
        }
    }

    /// Asks for a tag with a `HEAD`, without credentials. Returns the status and the digest that it
    /// names.
    pub fn head(&self, repository: &str, tag: &str) -> (u16, Option<String>) {
        let reply = http::ask(
            &self.address(),
            "HEAD",
            &format!("/v2/{repository}/manifests/{tag}"),
            &[("Accept", ACCEPT)],
        );
        (
            reply.status,
            reply.header("docker-content-digest").map(str::to_owned),
        )
    }

    /// The requests it has logged, as `METHOD target status`, in order. A request may be logged
    /// shortly after its answer.
    pub fn requests(&self) -> Vec<String> {
        let log = std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        log.lines().filter_map(request_of).collect()
    }

    fn configure(&self) -> PathBuf {
        let folder = self.folder.path();
        let role =
            std::fs::read_to_string(folder.join("role.yml")).expect("it was written at the start");
        let text = format!(
            "version: 0.1\nlog: {{level: info, accesslog: {{disabled: false}}}}\nstorage:\n  \
             cache: {{blobdescriptor: inmemory}}\n  filesystem: {{rootdirectory: {}}}\n  delete: {{enabled: true}}\n\
             http:\n  addr: 127.0.0.1:{}\n  secret: not-a-secret\n{role}",
            folder.join("data").display(),
            self.port,
        );
        let path = folder.join("config.yml");
        write(&path, text).expect("the configuration can be written");
        path
    }
}

fn role_lines(folder: &Path, role: &Role) -> String {
    match role {
        Role::Plain => String::new(),
        Role::ProxyOf { url, ttl } => {
            let ttl = ttl.map(|ttl| format!("  ttl: {ttl}\n")).unwrap_or_default();
            format!("proxy:\n  remoteurl: {url}\n{ttl}")
        }
        Role::Password { user, password } => {
            let path = folder.join("htpasswd");
            write(&path, htpasswd(user, password, folder))
                .expect("the password file can be written");
            format!(
                "auth:\n  htpasswd: {{realm: test-realm, path: {}}}\n",
                path.display()
            )
        }
        Role::Token {
            realm,
            service,
            issuer,
            certificate,
        } => format!(
            "auth:\n  token: {{realm: {realm:?}, service: {service}, issuer: {issuer}, rootcertbundle: {}}}\n",
            certificate.display(),
        ),
    }
}

/// A line of a password file, by Apache's tool: the registries accept bcrypt only.
fn htpasswd(user: &str, password: &str, home: &Path) -> Vec<u8> {
    let mut command = Command::new(server("PINTLE_TEST_HTPASSWD"));
    command
        .args(["-Bbn", "-C", "4", user, password])
        .stdin(Stdio::null());
    cmd::clean(&mut command, home);
    let output = command.output().expect("htpasswd starts");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    output.stdout
}

/// The port in the line `… msg="listening on 127.0.0.1:37011" …`.
fn listening(log: &str) -> Option<u16> {
    let (_, rest) = log.split_once("listening on 127.0.0.1:")?;
    let end = rest.find(|c: char| !c.is_ascii_digit())?;
    rest[..end].parse().ok()
}

/// `METHOD target status` of a line in Apache's log format; `None` for the registry's other lines.
fn request_of(line: &str) -> Option<String> {
    let mut quoted = line.split('"');
    quoted.next().filter(|start| start.ends_with("] "))?;
    let (request, rest) = (quoted.next()?, quoted.next()?);
    let request = request.rsplit_once(' ')?.0;
    Some(format!("{request} {}", rest.split_whitespace().next()?))
}
