//! The demo's made-up world: a bare git remote with the fixture repo, a registry that serves all
//! its images, a cache before it, and a cluster in which the repo is applied.

use super::cluster::{self, DemoActor, DemoCluster, DemoContainer, DemoKind, DemoWorkload};
use super::registry::{DemoImage, DemoRegistry, PullThrough, RunningRegistry};
use crate::config::Config;
use crate::error::{Error, Result};
use crate::model::reference::{Channel, Reference};
use crate::plan;
use crate::remote::git::{self, Identity, Put};
use crate::sites::{self, Scan, Use};
use crate::terraform::files::{Entry, Files, RepoPath};
use include_dir::{Dir, DirEntry, include_dir};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

static REPO: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/testdata-repo");

/// The registry's state, in the demo's folder.
const SAVED: &str = "registry.json";
/// The cluster's.
const CLUSTER: &str = "cluster.json";
/// The name that Terraform's provider gives itself in the cluster.
const TERRAFORM: &str = "HashiCorp";

/// What the fixture repo says about itself is no part of the infra repo.
const NOT_COMMITTED: [&str; 2] = ["EXPECTED.toml", "README.md"];

/// The folder of one demo.
pub struct DemoWorld {
    pub dir: PathBuf,
    pub registry: DemoRegistry,
    pub running: RunningRegistry,
    cluster: DemoCluster,
    /// Answers as long as the world is there.
    _answering: cluster::RunningCluster,
}

impl DemoWorld {
    /// Makes everything below `dir`, which has to be empty or absent.
    pub async fn make(dir: &Path) -> Result<Self> {
        let wrong = |e: std::io::Error| {
            Error::failed(format!("cannot make the demo in {}", dir.display())).because(e)
        };
        std::fs::create_dir_all(dir).map_err(wrong)?;
        if std::fs::read_dir(dir).map_err(wrong)?.next().is_some() {
            return Err(
                Error::usage(format!("the folder {} is not empty", dir.display()))
                    .hint("name an empty or a new folder with --dir"),
            );
        }
        let registry = DemoRegistry::new();
        let running = registry.start().await.map_err(wrong)?;
        let cluster = DemoCluster::new();
        let answering = cluster.start().await.map_err(wrong)?;
        std::fs::write(dir.join("kubeconfig"), answering.kubeconfig()).map_err(wrong)?;
        let world = Self {
            dir: dir.to_owned(),
            registry,
            running,
            cluster,
            _answering: answering,
        };
        let files = world.repo_files();
        world.serve_images(&files)?;
        git::make_bare(
            &world.remote(),
            &files,
            &Identity {
                name: "Ana".into(),
                email: "ana@example.org".into(),
            },
            jiff::Timestamp::now(),
        )?;
        save_registry(dir, &world.registry)?;
        Ok(world)
    }

    /// Writes all that a later `demo serve` needs.
    pub fn save(&self) -> Result<()> {
        save_registry(&self.dir, &self.registry)?;
        save_cluster(&self.dir, &self.cluster)
    }

    pub fn kubeconfig(&self) -> PathBuf {
        self.dir.join("kubeconfig")
    }

    /// Does what CI does with a commit: makes what the repo declares, and sets the images that are
    /// others. Returns how many workloads changed.
    pub fn apply(&self, scan: &Scan) -> usize {
        let pull = |image: &str| pulled_digest(&self.registry, image);
        let hand = DemoActor {
            manager: TERRAFORM,
            at: jiff::Timestamp::now(),
            pull: &pull,
        };
        workloads(scan)
            .values()
            .filter(|workload| self.cluster.apply(workload, hand))
            .count()
    }

    /// Somebody runs `kubectl rollout undo`.
    pub fn undo(&self, namespace: &str, deployment: &str) -> Result<()> {
        let pull = |image: &str| pulled_digest(&self.registry, image);
        let hand = DemoActor {
            manager: "kubectl",
            at: jiff::Timestamp::now(),
            pull: &pull,
        };
        self.cluster
            .undo(DemoKind::Deployment, namespace, deployment, hand)
    }

    pub fn remote(&self) -> PathBuf {
        self.dir.join("infra.git")
    }

    /// Where the demo keeps its clone.
    pub fn clones(&self) -> PathBuf {
        self.dir.join("clones")
    }

    /// The fixture repo, with the addresses of this demo's servers in its `pintle.toml`.
    fn repo_files(&self) -> Vec<Put> {
        let mut out = Vec::new();
        collect_files(&REPO, &mut out);
        let mut hosts: BTreeSet<String> = BTreeSet::new();
        hosts.extend(
            wanted_channels(&out)
                .iter()
                .map(|channel| channel.repository.registry.to_string()),
        );
        for put in out.iter_mut().filter(|put| put.path == crate::config::FILE) {
            let mut text = String::from_utf8_lossy(&put.bytes).into_owned();
            text.push_str("\n[defaults]\nsettle = \"0s\" # the demo has no time to wait\n");
            for host in &hosts {
                text.push_str(&format!(
                    "\n[[registry]]\nhost = \"{host}\"\nendpoint = \"{}\"\n",
                    self.running.endpoint(host)
                ));
                text.push_str(&format!(
                    "\n[[cache]]\nregistry = \"{host}\"\nurl = \"{}\"\n",
                    self.running.endpoint(&cache_host(host))
                ));
            }
            put.bytes = text.into_bytes();
        }
        out
    }

    /// Puts an image under every tag the repo declares, and a cache before every registry.
    fn serve_images(&self, files: &[Put]) -> Result<()> {
        for channel in wanted_channels(files) {
            self.registry.put_image(
                &channel.repository.registry,
                &DemoImage::new(&channel.repository.path, &channel.tag, "as of yesterday"),
            );
            let of = PullThrough {
                upstream: self.running.endpoint(&channel.repository.registry),
                refused: None,
            };
            self.registry
                .pull_through(&cache_host(&channel.repository.registry), of);
        }
        Ok(())
    }

    /// From now on upstream answers the cache of a registry with 429: it goes on serving what it
    /// has.
    pub fn stop_cache(&self, registry: &str) {
        let of = PullThrough {
            upstream: self.running.endpoint(registry),
            refused: Some(429),
        };
        self.registry.pull_through(&cache_host(registry), of);
    }
}

/// Reads the registry that an earlier demo left.
pub fn load_registry(dir: &Path) -> Result<DemoRegistry> {
    let hint = "name the folder an earlier `pintle demo` left";
    DemoRegistry::load(&dir.join(SAVED)).map_err(|e| {
        Error::usage(format!("there is no demo in {}", dir.display()))
            .because(e)
            .hint(hint)
    })
}

/// Writes the registry into the demo's folder.
pub fn save_registry(dir: &Path, registry: &DemoRegistry) -> Result<()> {
    let path = dir.join(SAVED);
    registry
        .save(&path)
        .map_err(|e| Error::failed(format!("cannot write {}", path.display())).because(e))
}

/// Reads the cluster that an earlier demo left.
pub fn load_cluster(dir: &Path) -> Result<DemoCluster> {
    let wrong = |e| {
        Error::usage(format!(
            "there is no cluster of a demo in {}",
            dir.display()
        ))
        .because(e)
    };
    DemoCluster::load(&dir.join(CLUSTER)).map_err(wrong)
}

fn save_cluster(dir: &Path, cluster: &DemoCluster) -> Result<()> {
    let path = dir.join(CLUSTER);
    cluster
        .save(&path)
        .map_err(|e| Error::failed(format!("cannot write {}", path.display())).because(e))
}

/// What a kubelet gets for an image: the digest that it names, else the one its tag has in the
/// registry.
fn pulled_digest(registry: &DemoRegistry, image: &str) -> Option<String> {
    let reference = Reference::parse(image)?;
    if let Some(digest) = &reference.digest {
        return Some(digest.to_string());
    }
    let channel = reference.channel()?;
    registry
        .tags(&channel.repository.registry)
        .get(&*channel.repository.path)?
        .get(&*channel.tag)
        .cloned()
}

/// What the repo declares, as far as its names and images are known. Charts and other resources are
/// not played.
fn workloads(scan: &Scan) -> BTreeMap<(DemoKind, String, String), DemoWorkload> {
    let mut all = BTreeMap::new();
    for used in scan
        .literals
        .iter()
        .flat_map(|literal| &literal.uses)
        .filter(|used| used.instances != Some(0))
    {
        let Some((key, container)) = declared_container(used) else {
            continue;
        };
        let (kind, namespace, name) = key.clone();
        let workload = all.entry(key).or_insert_with(|| DemoWorkload {
            kind,
            namespace,
            name,
            containers: Vec::new(),
            ignored: Vec::new(),
        });
        if workload.containers.contains(&container) {
            continue;
        }
        if used.ignored == Some(true) {
            workload.ignored.push(container.name.clone());
        }
        workload.containers.push(container);
    }
    all
}

fn declared_container(used: &Use) -> Option<((DemoKind, String, String), DemoContainer)> {
    let kind = [
        DemoKind::Deployment,
        DemoKind::StatefulSet,
        DemoKind::DaemonSet,
        DemoKind::CronJob,
    ]
    .into_iter()
    .find(|kind| kind.word() == used.kind.as_str())?;
    let container = DemoContainer {
        name: used.container()?.to_string(),
        init: used.holder.is_init(),
        image: used.image.as_ref()?.to_string(),
    };
    Some((
        (
            kind,
            used.namespace.as_ref()?.to_string(),
            used.name.as_ref()?.to_string(),
        ),
        container,
    ))
}

/// Pushes a new image under a tag, perhaps a new one; the repository has to be there.
pub fn push_image(registry: &DemoRegistry, channel: &Channel) -> Result<()> {
    let repository = &channel.repository;
    let tags = registry.tags(&repository.registry);
    if !tags.contains_key(&*repository.path) {
        return Err(
            Error::usage(format!("the demo's registry has no {repository}"))
                .hint("`pintle scan` lists the images of the demo's repo"),
        );
    }
    let seed = jiff::Timestamp::now().to_string();
    registry.put_image(
        &channel.repository.registry,
        &DemoImage::new(&channel.repository.path, &channel.tag, &seed),
    );
    Ok(())
}

fn cache_host(host: &str) -> String {
    format!("cache-of-{host}")
}

fn collect_files(dir: &Dir<'_>, out: &mut Vec<Put>) {
    for entry in dir.entries() {
        match entry {
            DirEntry::Dir(dir) => collect_files(dir, out),
            DirEntry::File(file) => {
                let path = file.path().to_string_lossy().replace('\\', "/");
                if !NOT_COMMITTED.contains(&path.as_str()) {
                    out.push(Put {
                        path,
                        bytes: file.contents().to_vec(),
                    });
                }
            }
        }
    }
}

/// Every channel that a pass will ask for.
fn wanted_channels(puts: &[Put]) -> BTreeSet<Channel> {
    let mut files = Files::default();
    let mut config = Config::default();
    for put in puts {
        if let Some(path) = RepoPath::new(&put.path) {
            files.insert(path, Entry::Text(put.bytes.clone().into()));
        }
        if put.path == crate::config::FILE {
            config = Config::parse(&String::from_utf8_lossy(&put.bytes), crate::config::FILE)
                .unwrap_or_default();
        }
    }
    plan::channels_to_ask(
        &sites::scan(&files, &config.scan_settings(&files)),
        &config,
        &crate::pipeline::Seen::NotAsked,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_tag_is_pushed_to_a_repository_that_is_there() {
        let registry = DemoRegistry::new();
        registry.put_image("ghcr.io", &DemoImage::new("a/web", "1.2.3", "one"));
        let push = |image: &str| push_image(&registry, &Channel::parse(image).unwrap());
        push("ghcr.io/a/web:1.4.0").unwrap();
        let tags: Vec<String> = registry.tags("ghcr.io")["a/web"].keys().cloned().collect();
        assert_eq!(tags, ["1.2.3", "1.4.0"]);
        assert!(push("ghcr.io/a/other:1").is_err());
    }
}
