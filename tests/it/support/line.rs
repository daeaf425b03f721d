//! A small infra repo on a real bare remote, and the registries its images come from, for runs of
//! the built program from one end to the other. Decides nothing about a test, and waits for
//! nothing.

use std::fmt::Write;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use pintle::demo::registry::{DemoImage, DemoRegistry, RunningRegistry};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::cmd::{Output, Pintle};
use super::git::{BRANCH, Remote};
use super::git_host::{Access, GitHost};

/// The registries that the repos here use.
pub const HOSTS: [&str; 4] = ["docker.io", "ghcr.io", "quay.io", "registry.example.com"];

/// Registries in this process, asked by the built program over loopback.
pub struct Registries {
    pub registry: DemoRegistry,
    running: RunningRegistry,
    _runtime: Runtime,
}

impl Registries {
    pub fn start() -> Registries {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build();
        let runtime = runtime.expect("a runtime of its own");
        let registry = DemoRegistry::new();
        let running = runtime
            .block_on(registry.start())
            .expect("loopback has a free port");
        Registries {
            registry,
            running,
            _runtime: runtime,
        }
    }

    /// A `pintle.toml` that sends the known hosts here and lets pins move at once, as many as there
    /// are.
    pub fn config(&self) -> String {
        let mut text = "[defaults]\nsettle = \"0s\"\nbudget = \"off\"\n".to_owned();
        for host in HOSTS {
            let endpoint = self.endpoint(host);
            write!(
                text,
                "\n[[registry]]\nhost = \"{host}\"\nendpoint = \"{endpoint}\"\n"
            )
            .expect("a string takes it");
        }
        text
    }

    pub fn endpoint(&self, host: &str) -> String {
        self.running.endpoint(host)
    }

    /// The key of a docker config under which a registry here finds its credentials: what is asked,
    /// not the name it stands for.
    pub fn credential_key(&self, host: &str) -> String {
        self.endpoint(host).trim_start_matches("http://").to_owned()
    }

    /// Puts an image under `host/repository:tag` and returns its digest; another seed moves the
    /// tag.
    pub fn put(&self, image: &str, seed: &str) -> String {
        let (host, rest) = image.split_once('/').expect("an image with its host");
        let (repository, tag) = rest.rsplit_once(':').expect("an image with its tag");
        self.registry
            .put_image(host, &DemoImage::new(repository, tag, seed))
            .to_string()
    }
}

/// A remote, the registries beside it, and a folder for clones.
pub struct Line {
    pub registries: Registries,
    pub remote: Remote,
    clones: TempDir,
}

impl Line {
    /// A remote with these files and a `pintle.toml` that ends with `config`.
    pub fn new(files: &[(&str, &[u8])], config: &str) -> Line {
        let registries = Registries::start();
        let text = registries.config() + config;
        let mut all = files.to_vec();
        all.push(("pintle.toml", text.as_bytes()));
        let remote = Remote::from_files(&all);
        Line {
            registries,
            remote,
            clones: clones(),
        }
    }

    /// A remote whose stacks run one image each (name, image); every image is put into its
    /// registry.
    pub fn of_stacks(stacks: &[(&str, &str)], config: &str) -> Line {
        let files: Vec<(String, String)> = stacks
            .iter()
            .map(|(name, image)| (path(name), stack(name, &[image])))
            .collect();
        let files: Vec<(&str, &[u8])> = files
            .iter()
            .map(|(path, text)| (path.as_str(), text.as_bytes()))
            .collect();
        let line = Line::new(&files, config);
        for (_, image) in stacks {
            line.registries.put(image, "first");
        }
        line
    }

    pub fn clones(&self) -> &Path {
        self.clones.path()
    }

    /// A run of `command` on the remote's path, with the clones kept here.
    pub fn pintle(&self, command: &str, more: &[&str]) -> Pintle {
        self.pintle_at(
            &self.remote.path().display().to_string(),
            self.clones(),
            command,
            more,
        )
    }

    /// The same with another address and another folder for clones.
    pub fn pintle_at(&self, address: &str, clones: &Path, command: &str, more: &[&str]) -> Pintle {
        let clones = clones.display().to_string();
        let mut args = vec![command, "--remote", address, "--cache-dir", &clones];
        args.extend(more);
        Pintle::new(&self.remote.path(), args)
    }

    pub fn run(&self, command: &str, more: &[&str]) -> Output {
        self.pintle(command, more).run()
    }

    /// A `sync` that has to do all that was to be done.
    pub fn sync(&self) -> Output {
        let output = self.run("sync", &[]);
        assert_eq!(output.code, Some(0), "{output:?}");
        output
    }

    /// A plan as JSON.
    pub fn plan(&self) -> serde_json::Value {
        let output = self.run("plan", &["--output", "json"]);
        assert_eq!(output.code, Some(0), "{output:?}");
        serde_json::from_str(&output.stdout).expect("standard output is JSON and nothing else")
    }

    /// A stack's file at the branch's tip.
    pub fn text(&self, stack: &str) -> String {
        String::from_utf8(self.remote.file(BRANCH, &path(stack))).expect("it is UTF-8")
    }

    /// All refs of the remote with what they hold.
    pub fn refs(&self) -> String {
        self.remote.ask(&["for-each-ref"])
    }

    /// Lets the remote run a script on a hook's occasion, in its own folder.
    pub fn hook(&self, name: &str, script: &str) {
        let path = self.remote.path().join("hooks").join(name);
        fs::create_dir_all(path.parent().expect("a hook has a folder"))
            .expect("the folder can be made");
        executable(&path, script);
    }

    /// Lets the remote count its pushes from now on; one entry a ref that was pushed.
    pub fn count_pushes(&self) -> Pushes {
        let log = self.remote.path().join("pushes");
        self.hook(
            "post-receive",
            &format!(
                "#!/bin/sh\necho push >> '{0}'\ncat >> '{0}'\n",
                log.display()
            ),
        );
        Pushes { log }
    }

    /// Serves the remote over http to whoever knows the token.
    pub fn host(&self, token: &'static str) -> GitHost {
        GitHost::start(
            &self.remote.path(),
            &Access::Basic {
                user: "pintle",
                password: token,
            },
        )
    }
}

/// The pushes a remote took.
pub struct Pushes {
    log: PathBuf,
}

impl Pushes {
    /// The refs of each push since the last time somebody asked.
    pub fn take(&self) -> Vec<Vec<String>> {
        let text = fs::read_to_string(&self.log).unwrap_or_default();
        drop(fs::remove_file(&self.log));
        let mut pushes: Vec<Vec<String>> = Vec::new();
        for line in text.lines() {
            match (line, pushes.last_mut()) {
                ("push", _) => pushes.push(Vec::new()),
                (line, Some(push)) => push.extend(line.split(' ').nth(2).map(str::to_owned)),
                (line, None) => panic!("{line} is of no push"),
            }
        }
        pushes
    }
}

/// Where the file of a stack is.
pub fn path(stack: &str) -> String {
    format!("stacks/{stack}/main.tf")
}

/// A stack with one deployment and a container for each image: `name`, `name-1`, `name-2`.
pub fn stack(name: &str, images: &[&str]) -> String {
    let mut text = format!(
        "resource \"kubernetes_deployment\" \"{name}\" {{\n  metadata {{\n    name = \"{name}\"\n"
    );
    write!(
        text,
        "    namespace = \"{name}\"\n  }}\n  spec {{\n    template {{\n      spec {{\n"
    )
    .expect("a string takes it");
    for (at, image) in images.iter().enumerate() {
        let container = if at == 0 {
            name.to_owned()
        } else {
            format!("{name}-{at}")
        };
        let written = write!(
            text,
            "        container {{\n          name  = \"{container}\"\n          image = \"{image}\"\n        }}\n"
        );
        written.expect("a string takes it");
    }
    text + "      }\n    }\n  }\n}\n"
}

pub fn clones() -> TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

/// Writes a program.
pub fn executable(path: &Path, script: &str) {
    fs::write(path, script).expect("the program can be written");
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("it can be made one");
}
