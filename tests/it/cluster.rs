//! The cluster from one end to the other: the built `pintle run`, a real control plane that it may
//! only read, a real git remote, a pipeline that applies it, registries whose tags move, and a
//! person with kubectl. What the requests of pintle's user were is looked at after every test.

mod adoption;
mod alert;
mod broken;
mod bump;
mod custom;
pub mod deploy;
mod flips;
mod forge;
mod hand;
mod hanging;
mod in_flight;
mod latency;
mod lease;
mod newer;
mod not_rolled_out;
mod random;
mod readiness;
mod rot;
mod set_back;
mod still;
mod undo;
mod volume;

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::Value;

use crate::support::cmd::Pintle;
use crate::support::daemon::{Daemon, Hook};
use crate::support::git::BRANCH;
use crate::support::kube::Kube;
use crate::support::kube::ci::Following;
use crate::support::kube::world::{Stack, Stage, World};

const SECRET: &str = "s3cret-of-the-hooks";
/// How soon after an undo its commit has to be there, on a machine that may be busy with other
/// tests. On an idle one it is less than five seconds; each test prints what it took.
const SOON: Duration = Duration::from_secs(15);
/// What does not happen in this time does not happen.
const DEADLINE: Duration = Duration::from_secs(60);
/// Pause between two looks.
const LOOK: Duration = Duration::from_millis(10);

const WEB: Stack = ("deployment", "web", "quay.io/team/app:latest");
const DB: Stack = ("statefulset", "db", "quay.io/team/db:latest");
const AGENT: Stack = ("daemonset", "agent", "quay.io/team/agent:latest");

/// A world that is described and runs, and a `pintle run` that only its events and a webhook wake.
struct Story {
    // The order of the fields is the order of the end.
    run: Daemon,
    address: String,
    following: Option<Following>,
    world: World,
    /// The digests of the first image of each stack.
    first: Vec<String>,
}

/// What a run of a story is started with.
fn prepared(world: &World, more: &[&str]) -> Pintle {
    let args = [
        &[
            "--every",
            "1h",
            "--listen",
            "127.0.0.1:0",
            "--log-format",
            "json",
        ],
        more,
    ]
    .concat();
    world
        .pintle("run", &args)
        .env("PINTLE_WEBHOOK_SECRET", SECRET)
}

/// The stacks run what they say, pinned by a person.
fn pinned(kube: Arc<Kube>, stacks: &[Stack], config: &str) -> (World, Vec<String>) {
    let mut world = World::on(kube, stacks, config);
    let mut first = Vec::new();
    for stack in stacks {
        let digest = world.line.registries.put(stack.2, "first");
        world.write(stack, &format!("{}@{digest}", stack.2));
        first.push(digest);
    }
    (world, first)
}

fn workload(stack: &Stack) -> String {
    format!("{}/{}", stack.0, stack.1)
}

impl Story {
    /// Starts with every workload rolled out and a first pass that found nothing to do.
    fn of(stacks: &[Stack], config: &str) -> Story {
        Story::on(Kube::shared(), stacks, config)
    }

    /// The same on another cluster.
    fn on(kube: Arc<Kube>, stacks: &[Stack], config: &str) -> Story {
        let (world, first) = pinned(kube, stacks, config);
        let following = world.stage.ci.follow();
        stacks
            .iter()
            .for_each(|stack| world.stage.rolled_out(&workload(stack)));
        let mut run = Daemon::start(prepared(&world, &[]));
        let address = run.address();
        assert_eq!(run.pass(), ("start".into(), Ok(0)));
        Story {
            run,
            address,
            following: Some(following),
            world,
            first,
        }
    }

    /// Kills the run, and starts another one, whose first pass finds nothing to do.
    fn restarted(self) -> Story {
        let Story {
            run,
            following,
            world,
            first,
            ..
        } = self;
        run.signal("KILL");
        drop(run);
        let mut run = Daemon::start(prepared(&world, &[]));
        let address = run.address();
        assert_eq!(run.pass(), ("start".into(), Ok(0)));
        Story {
            run,
            address,
            following,
            world,
            first,
        }
    }

    fn stage(&self) -> &Stage {
        &self.world.stage
    }

    fn text(&self, stack: &Stack) -> String {
        self.world.line.text(stack.1)
    }

    /// Lets it be heard of that an image was pushed, and waits for the pass that follows.
    fn poll(&mut self) {
        assert_eq!(
            Hook::signed(SECRET, "package", "{}")
                .send(&self.address)
                .status,
            202
        );
        loop {
            let (trigger, ended) = self.run.pass();
            assert!(ended.is_ok(), "{ended:?}");
            if trigger.contains("package") {
                return;
            }
        }
    }

    /// Moves a stack's tag, and waits until pintle has pinned it. Returns the digest.
    fn moves(&mut self, stack: &Stack, seed: &str) -> String {
        let digest = self.world.line.registries.put(stack.2, seed);
        self.poll();
        let begun = Instant::now();
        while !self.text(stack).contains(&digest) {
            assert!(
                begun.elapsed() < DEADLINE,
                "{seed} is not pinned: {}",
                self.text(stack)
            );
            self.poll();
        }
        digest
    }

    /// Moves a stack's tag, and waits until the new digest is pinned, applied and rolled out.
    fn rolls(&mut self, stack: &Stack, seed: &str) -> String {
        let digest = self.moves(stack, seed);
        self.world.stage.ci.wait_for(&self.world.line.remote.tip());
        assert!(self.stage().image(&workload(stack)).ends_with(&digest));
        self.stage().rolled_out(&workload(stack));
        digest
    }

    /// Waits for another tip of the branch than this one. Returns it with its message.
    fn commit_after(&self, tip: &str, what: &str) -> (String, String) {
        commit_after(&self.world, tip, what)
    }
}

/// Waits until what happens has another second than what did: no clock in git or the cluster is
/// finer.
fn next_second() {
    let now = || Timestamp::now().as_second();
    let before = now();
    while now() == before {
        std::thread::sleep(LOOK);
    }
}

/// What a command says of a world as JSON; it has to succeed.
fn json_of(world: &World, command: &str, more: &[&str]) -> Value {
    let output = world
        .pintle(command, &[more, &["--output", "json"]].concat())
        .run();
    assert_eq!(output.code, Some(0), "{output:?}");
    serde_json::from_str(&output.stdout).expect("standard output is JSON and nothing else")
}

/// Verdict, and code and text of each reason, of the site whose container has this name.
fn verdict_of(world: &World, container: &str) -> (String, Vec<(String, String)>) {
    let word = |value: &Value| value.as_str().expect("a text").to_owned();
    let plan = json_of(world, "plan", &[]);
    let mut sites = plan["sites"].as_array().expect("a list").iter();
    let is_one = |site: &&Value| word(&site["aliases"][0]).ends_with(&format!(":{container}"));
    let site = sites.find(is_one).expect("a site of that container");
    let reasons = site["reasons"].as_array().expect("a list").iter();
    let reasons = reasons.map(|one| (word(&one["code"]), word(&one["text"])));
    (word(&site["verdict"]), reasons.collect())
}

/// The row of a container in the status.
fn status_of(world: &World, container: &str) -> Value {
    let status = json_of(world, "status", &[]);
    let mut rows = status["containers"].as_array().expect("a list").iter();
    let row = rows.find(|row| row["container"] == container);
    row.expect("a row of that container").clone()
}

/// Waits for another tip of the branch than this one, and says how long it took.
fn commit_after(world: &World, tip: &str, what: &str) -> (String, String) {
    commit_within(world, tip, what, SOON)
}

fn commit_within(world: &World, tip: &str, what: &str, limit: Duration) -> (String, String) {
    let begun = Instant::now();
    let path = world.line.remote.path().join("refs/heads").join(BRANCH);
    let now = || {
        std::fs::read_to_string(&path)
            .map_or_else(|_| world.line.remote.tip(), |text| text.trim().to_owned())
    };
    while now() == tip {
        assert!(begun.elapsed() < limit, "{what}: no commit after {limit:?}");
        std::thread::sleep(LOOK);
    }
    let took = begun.elapsed();
    report(what, took);
    let tip = world.line.remote.tip();
    (tip.clone(), world.line.remote.message(&tip))
}

#[expect(
    clippy::print_stderr,
    reason = "the time is for whoever reads the log of the tests"
)]
fn report(what: &str, took: Duration) {
    eprintln!("{what}: committed {} ms later", took.as_millis());
}

/// The value of a trailer that a message has once.
fn trailer<'a>(message: &'a str, name: &str) -> &'a str {
    let start = format!("Pintle-{name}: ");
    let mut found = message
        .lines()
        .filter_map(|line| line.strip_prefix(&*start));
    let value = found
        .next()
        .unwrap_or_else(|| panic!("no {name} in {message}"));
    assert_eq!(found.next(), None, "{message}");
    value
}

/// The commit is the rollback of a stack from a digest to another, and the stack is held.
fn is_rollback(world: &World, stack: &Stack, message: &str, cause: &str, from: &str, to: &str) {
    let found = ["Action", "Cause", "From", "To", "Image"].map(|name| trailer(message, name));
    assert_eq!(found, ["rollback", cause, from, to, stack.2], "{message}");
    assert!(
        trailer(message, "Evidence").contains(&world.stage.namespace),
        "{message}"
    );
    let text = world.line.text(stack.1);
    assert!(
        text.contains(&format!("{}@{to}\"", stack.2)) && text.contains("# pintle: hold"),
        "{text}"
    );
}
