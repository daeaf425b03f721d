//! Measures one `sync` of a generated repo of 120,000 lines in which 90 tags moved: from the last
//! answer about a tag to the pushed commits, which is planning, proving and writing. Prints the
//! figures and the memory of a whole sync in a process of its own; decides nothing.
#![allow(clippy::print_stdout, reason = "the figures are the output")]

mod common;
#[path = "../tests/it/support/generate/mod.rs"]
#[allow(dead_code, reason = "the tests compare with what is true, too")]
mod generate;

use common::{is_bench, memory_arguments, ms, peak, print_peak};
use generate::{Recipe, generate};
use pintle::config::Config;
use pintle::demo::registry::{DemoImage, DemoRegistry, RunningRegistry};
use pintle::model::reference::Channel;
use pintle::model::tag::Class;
use pintle::observe::{COMMITS, RegistrySettings, RepoOrigin, Session, SessionSettings};
use pintle::pipeline::Receipt;
use pintle::reconcile::{Planned, reconcile};
use pintle::remote::git::{Access, Identity, Put, Remote, make_bare};
use pintle::terraform::files::{Entry, Files, RepoPath};
use pintle::write::WriteLease;
use pintle::{plan, sites};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, Instant};
use tokio::runtime::{Builder, Runtime};

const HOST: &str = "registry.example.com";
const MOVED: usize = 90;
const RUNS: usize = 5;

fn main() {
    if let Some(arguments) = memory_arguments() {
        return alone(&arguments);
    }
    let runtime = runtime();
    let (lines, runs) = if is_bench() {
        (120_000, RUNS)
    } else {
        (5_000, 1)
    };
    let world = World::make(&runtime, lines);
    let setup = setup(&world.remote(), &world.clones());
    let (first, _) = sync(&runtime, &setup);
    let movable: Vec<Channel> = pinned(&first.planned);
    println!(
        "sync of {lines} lines; the first one pins {} sites in {} commits",
        first.pins(),
        first.receipt.commits.len()
    );
    let mut after = Vec::new();
    for run in 0..runs {
        world.move_tags(&movable, run);
        let (one, whole) = sync(&runtime, &setup);
        println!(
            "  {:<28} {:>9.1} ms after observing, {:.1} with it; {} pins in {} commits",
            format!("{} tags moved", movable.len().min(MOVED)),
            ms(one.after),
            ms(whole),
            one.pins(),
            one.receipt.commits.len()
        );
        after.push(one.after);
    }
    after.sort();
    println!(
        "  {:<28} {:>9.1} ms median of {runs}, {:.1} fastest; target 2000",
        "after observing",
        ms(after[after.len() / 2]),
        ms(after[0])
    );
    if is_bench() {
        world.move_tags(&movable, runs);
        let (remote, clones) = (world.remote(), world.clones());
        peak("sync, process", &[&remote, &clones]);
    }
}

/// One sync in a process of its own, for its memory.
fn alone(arguments: &[String]) {
    let [remote, clones] = arguments else { return };
    sync(&runtime(), &setup(remote, clones));
    print_peak();
}

/// What one sync did, and how long it took after the last tag was asked for.
struct Synced {
    planned: Planned,
    receipt: Receipt,
    after: Duration,
}

impl Synced {
    fn pins(&self) -> usize {
        self.receipt.commits.iter().map(|commit| commit.pins).sum()
    }
}

fn sync(runtime: &Runtime, setup: &SessionSettings) -> (Synced, Duration) {
    let start = Instant::now();
    let observed = Mutex::new(start);
    let heard =
        |_: &str, _: usize, _: usize| *observed.lock().expect("nobody panicked") = Instant::now();
    let session = Session::new(setup.clone()).expect("no forge is named");
    let done = runtime.block_on(reconcile(&session, &WriteLease::for_sync(), &heard));
    let (planned, receipt) = done.unwrap_or_else(|why| panic!("{why}"));
    assert_eq!(receipt.refused, []);
    let after = observed.into_inner().expect("nobody panicked").elapsed();
    (
        Synced {
            planned,
            receipt,
            after,
        },
        start.elapsed(),
    )
}

/// The channels that were pinned and are followed at once: a version keeps its pin when its tag
/// moves, and an annotation may name a schedule.
fn pinned(planned: &Planned) -> Vec<Channel> {
    let pins: BTreeSet<&str> = planned
        .plan
        .changes
        .iter()
        .flat_map(|change| &change.pins)
        .map(|pin| &*pin.site)
        .collect();
    let sites = planned.snapshot.scan.sites().map(|(_, site)| site);
    let followed =
        sites.filter(|site| pins.contains(&*site.id.0) && site.keel.annotations.is_empty());
    let channels: BTreeSet<Channel> = followed.filter_map(|site| site.image.channel()).collect();
    channels
        .into_iter()
        .filter(|channel| Class::of(Some(&channel.tag)).floats())
        .collect()
}

fn runtime() -> Runtime {
    Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime")
}

fn setup(remote: &str, clones: &str) -> SessionSettings {
    let remote = Remote::parse(remote).expect("a path is a remote");
    let origin = RepoOrigin::Remote {
        remote,
        cache: clones.into(),
        access: Box::new(Access::default()),
    };
    SessionSettings {
        origin,
        config: None,
        registries: RegistrySettings::default(),
        forge: None,
        github: None,
        cluster: None,
        commits: COMMITS,
        clock: jiff::Timestamp::now,
    }
}

/// A bare remote with the repo, and a registry with all its images.
struct World {
    folder: tempfile::TempDir,
    registry: DemoRegistry,
    _running: RunningRegistry,
}

impl World {
    fn make(runtime: &Runtime, lines: usize) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let registry = DemoRegistry::new();
        let running = runtime
            .block_on(registry.start())
            .expect("a port on loopback");
        let repo = generate(&Recipe {
            lines,
            seed: 2026,
            host: Some(HOST.into()),
        });
        let mut files: Vec<Put> = repo
            .files
            .into_iter()
            .map(|(path, bytes)| Put { path, bytes })
            .collect();
        let endpoint = running.endpoint(HOST);
        let config = format!(
            "version = 1\n\n[defaults]\nsettle = \"0s\"\nbudget = \"off\"\n\n[[registry]]\nhost = \"{HOST}\"\nendpoint = \"{endpoint}\"\n"
        );
        files.push(Put {
            path: "pintle.toml".into(),
            bytes: config.into_bytes(),
        });
        for channel in channels(&files) {
            registry.put_image(
                HOST,
                &DemoImage::new(&channel.repository.path, &channel.tag, "first").single(),
            );
        }
        let who = Identity {
            name: "Ana".into(),
            email: "ana@example.org".into(),
        };
        make_bare(
            &folder.path().join("infra.git"),
            &files,
            &who,
            jiff::Timestamp::now(),
        )
        .expect("a bare repository");
        Self {
            folder,
            registry,
            _running: running,
        }
    }

    fn remote(&self) -> String {
        self.path("infra.git")
    }

    fn clones(&self) -> String {
        self.path("clones")
    }

    fn path(&self, name: &str) -> String {
        Path::new(self.folder.path())
            .join(name)
            .to_str()
            .expect("a path in UTF-8")
            .to_owned()
    }

    fn move_tags(&self, channels: &[Channel], run: usize) {
        for channel in channels.iter().take(MOVED) {
            self.registry.put_image(
                HOST,
                &DemoImage::new(
                    &channel.repository.path,
                    &channel.tag,
                    &format!("moved {run}"),
                )
                .single(),
            );
        }
    }
}

/// Every channel that a pass asks for.
fn channels(puts: &[Put]) -> BTreeSet<Channel> {
    let mut files = Files::default();
    for put in puts {
        files.insert(
            RepoPath::new(&put.path).expect("a path in the repo"),
            Entry::Text(put.bytes.clone().into()),
        );
    }
    let config = Config::default();
    plan::channels_to_ask(
        &sites::scan(&files, &config.scan_settings(&files)),
        &config,
        &pintle::pipeline::Seen::NotAsked,
    )
}
