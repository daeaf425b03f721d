//! Many workloads at once, each with a chain of small stories that a seed chooses and mixes: tags
//! that move, blips, digests that fail, undos, images set by hand; and over all of them registries
//! that are away and a pintle that is killed. At the end the repo is as a plain model says.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use fastrand::Rng;
use jiff::Timestamp;
use pintle::demo::registry::{Fault, FaultKind};

use super::{LOOK, SECRET, next_second, pinned, prepared, verdict_of};
use crate::support::daemon::{Daemon, Hook};
use crate::support::git::BRANCH;
use crate::support::kube::Kube;
use crate::support::kube::kubelet::Behaviour;
use crate::support::kube::world::World;

/// How many stories are told by default; `PINTLE_TEST_INTERLEAVINGS` names another number.
const STORIES: usize = 48;
/// Workloads, a third of each kind.
const WORKLOADS: usize = 12;
const CONFIG: &str = "[cluster]\ncrash_grace = \"1s\"\n[pipeline]\nwait = false\n";
/// What does not go on for so long does not go on.
const STALLS: Duration = Duration::from_secs(45);
/// So long after nothing went on, the registries come back.
const OUTAGE: Duration = Duration::from_secs(2);
/// Pause between two webhooks.
const WAKE: Duration = Duration::from_millis(300);

/// Each ends in a state that is known beforehand.
#[derive(Clone, Copy, Debug)]
enum Chapter {
    /// The tag moves: followed.
    Moves,
    /// The tag moves twice in a row: the last is followed.
    MovesTwice,
    /// The new pods fail in this way for a moment: followed.
    Blip(Behaviour, &'static str),
    /// The new digest is bad: back, held.
    Fails(Behaviour),
    /// Taken back once it runs: back, held.
    Undo,
    /// The same, and the tag moves right after it.
    UndoThenMoves,
    /// The same, while a newer pin waits for its apply.
    UndoInFlight,
    /// An image set by hand is what the next apply takes back.
    ByHand,
    /// The same, and the tag moves.
    ByHandThenMoves,
    /// Pods are made anew: nothing.
    Restart,
}

const CHAPTERS: [Chapter; 14] = [
    Chapter::Moves,
    Chapter::MovesTwice,
    Chapter::Blip(Behaviour::Quota, "ErrImagePull"),
    Chapter::Blip(Behaviour::Unpullable, "ImagePullBackOff"),
    Chapter::Blip(Behaviour::CrashesOnce, "CrashLoopBackOff"),
    Chapter::Blip(Behaviour::Misconfigured, "CreateContainerConfigError"),
    Chapter::Fails(Behaviour::Crashes),
    Chapter::Fails(Behaviour::Gone),
    Chapter::Undo,
    Chapter::UndoThenMoves,
    Chapter::UndoInFlight,
    Chapter::ByHand,
    Chapter::ByHandThenMoves,
    Chapter::Restart,
];

#[derive(Clone, Copy, Debug)]
enum Step {
    /// A person removes the hold; the tag is at what was rolled back.
    Lift,
    /// What is pinned now is where the story begins.
    Begins,
    /// Waits for another second: no clock in git or the cluster is finer, and an undo is found by
    /// what was made before what.
    IsLater,
    /// The next digest behaves so.
    Lets(Behaviour),
    /// The tag moves to the next digest.
    Moves,
    /// Waits until the newest digest is pinned.
    IsPinned,
    /// Waits until it is rolled out.
    IsLive,
    /// Waits until a pod waits for this.
    WaitsWith(&'static str),
    Heals,
    Locks,
    Undoes,
    /// Waits until the repo has the digest of before, held.
    IsBack,
    Unlocks,
    /// Waits until the digest of before is in the spec.
    IsSet,
    /// Waits until the digest of before is rolled out.
    IsLiveAgain,
    DeletesPod,
    SetsByHand,
    /// A commit about something else, so that all is applied.
    Nudges,
    Restarts,
}

impl Chapter {
    fn steps(self, kind: &str) -> Vec<Step> {
        use Step::*;
        let rolls = [Moves, IsPinned, IsLive];
        let ends = [IsBack, Unlocks, IsLiveAgain];
        match self {
            Chapter::Moves => rolls.to_vec(),
            Chapter::MovesTwice => [&[Moves], &rolls[..]].concat(),
            Chapter::Blip(behaviour, reason) => {
                vec![
                    Lets(behaviour),
                    Moves,
                    IsPinned,
                    WaitsWith(reason),
                    Heals,
                    IsLive,
                ]
            }
            Chapter::Fails(behaviour) => {
                let mut steps = vec![Lets(behaviour), Moves, IsBack, IsSet];
                if kind == "statefulset" {
                    steps.push(DeletesPod);
                }
                steps.push(IsLiveAgain);
                steps
            }
            Chapter::Undo => [&[IsLater], &rolls[..], &[Locks, Undoes], &ends].concat(),
            Chapter::UndoThenMoves => {
                [&[IsLater], &rolls[..], &[Locks, Undoes, Moves], &ends].concat()
            }
            Chapter::UndoInFlight => {
                let undo = [Locks, Moves, IsPinned, Undoes];
                [&[IsLater], &rolls[..], &undo, &ends].concat()
            }
            Chapter::ByHand => vec![SetsByHand, Nudges, IsLiveAgain],
            Chapter::ByHandThenMoves => [&[SetsByHand], &rolls[..]].concat(),
            Chapter::Restart => vec![Restarts, IsLiveAgain],
        }
    }

    /// The cause of the rollback that it ends with.
    fn cause(self) -> Option<&'static str> {
        match self {
            Chapter::Fails(_) => Some("unhealthy"),
            Chapter::Undo | Chapter::UndoThenMoves | Chapter::UndoInFlight => Some("undo"),
            _ => None,
        }
    }
}

/// A rollback: from one of these, to that, for this cause.
#[derive(Debug)]
struct Back {
    from: BTreeSet<String>,
    to: String,
    cause: &'static str,
}

/// A workload and the model of it.
struct Actor {
    kind: &'static str,
    name: String,
    image: String,
    /// What the repo pins when no story is being told.
    pin: String,
    held: bool,
    /// Seeds and digests of this story, oldest first.
    moved: Vec<(String, String)>,
    chapter: Chapter,
    steps: VecDeque<Step>,
    backs: Vec<Back>,
    /// Digests made so far.
    made: usize,
    /// The second in which this story began.
    begun: i64,
    /// What was told, for whoever reads of a failure.
    story: Vec<String>,
}

impl Actor {
    fn workload(&self) -> String {
        format!("{}/{}", self.kind, self.name)
    }

    fn newest(&self) -> &str {
        self.moved.last().map_or(&self.pin, |(_, digest)| digest)
    }

    fn next_seed(&self) -> String {
        format!("{} {}", self.name, self.made + 1)
    }

    fn begin(&mut self, chapter: Chapter) {
        use Step::*;
        let lifts: &[Step] = match self.chapter {
            _ if !self.held => &[Begins],
            // The digest to which the tag moved after the undo may be proposed.
            Chapter::UndoThenMoves => &[Lift, Moves, IsPinned, IsLive, Begins],
            _ => &[Lift, Begins],
        };
        self.chapter = chapter;
        self.steps = [lifts, &chapter.steps(self.kind)].concat().into();
        self.begun = Timestamp::now().as_second();
    }

    /// What the model makes of a story that is over.
    fn end(&mut self) {
        self.story
            .push(format!("{:?}: {:?}", self.chapter, self.moved));
        if let Some(cause) = self.chapter.cause() {
            self.held = true;
            let from = self.moved.iter().map(|(_, digest)| digest.clone());
            let (from, to) = (from.collect(), self.pin.clone());
            self.backs.push(Back { from, to, cause });
        } else {
            self.pin = self.newest().to_owned();
        }
    }
}

struct Play {
    // The order of the fields is the order of the end.
    run: Daemon,
    address: String,
    world: World,
    rng: Rng,
    is_away: bool,
    woken: Instant,
}

impl Play {
    fn text(&self, actor: &Actor) -> String {
        self.world.line.text(&actor.name)
    }

    fn is_ready(&self, actor: &Actor, step: Step) -> bool {
        let (stage, name) = (&self.world.stage, actor.workload());
        let runs = |digest: &str| {
            let live = stage.get(&name);
            let image = live["spec"]["template"]["spec"]["containers"][0]["image"].clone();
            image.as_str().is_some_and(|image| image.ends_with(digest))
        };
        match step {
            Step::IsLater => Timestamp::now().as_second() > actor.begun,
            Step::IsPinned => self.text(actor).contains(actor.newest()),
            Step::IsLive => runs(actor.newest()) && stage.is_rolled_out(&name),
            Step::WaitsWith(reason) => stage.is_waiting(&name, reason),
            Step::IsBack => {
                let text = self.text(actor);
                text.contains(&actor.pin) && text.contains("# pintle: hold")
            }
            Step::IsSet => runs(&actor.pin),
            Step::IsLiveAgain => runs(&actor.pin) && stage.is_rolled_out(&name),
            _ => true,
        }
    }

    fn carry_out(&mut self, actor: &mut Actor, step: Step) {
        let (name, image) = (actor.workload(), actor.image.clone());
        let registries = &self.world.line.registries;
        let (stage, seed) = (&self.world.stage, actor.next_seed());
        match step {
            Step::Lift => {
                let (seed, _) = actor.moved.first().expect("something was rolled back");
                registries.put(&image, seed);
                let pinned = format!("{image}@{}", actor.pin);
                let stack = (actor.kind, &*actor.name, &*image);
                self.world.write_now(&stack, &pinned);
                actor.held = false;
                actor.moved.clear();
            }
            Step::Begins => {
                actor.pin = actor.newest().to_owned();
                actor.moved.clear();
                actor.begun = Timestamp::now().as_second();
            }
            Step::Lets(behaviour) => {
                // The same image has the same digest, wherever it is.
                let digest = registries.put(&format!("{image}-next"), &seed);
                stage.kubelet.lets(&digest, behaviour);
            }
            Step::Moves => {
                let digest = registries.put(&image, &seed);
                actor.made += 1;
                actor.moved.push((seed, digest));
            }
            Step::Heals => stage.kubelet.heals(actor.newest()),
            Step::Locks => stage.ci.lock(&actor.name),
            Step::Undoes => stage.undo(&name),
            Step::Unlocks => stage.ci.unlock(&actor.name),
            Step::DeletesPod => {
                let pod = format!("{}-0", actor.name);
                stage.kubectl(&["delete", "pod", &pod, "--wait=false"]);
            }
            Step::SetsByHand => {
                let other = format!("{image}-hand");
                let digest = registries.put(&other, &format!("{seed} by hand"));
                actor.made += 1;
                let set = format!("{}={image}@{digest}", actor.name);
                stage.kubectl(&["set", "image", &name, &set]);
            }
            Step::Nudges => {
                let text = format!("{} {}", actor.name, self.rng.u64(..));
                let files = [("notes.md", text.as_bytes())];
                self.world.line.remote.commit_now("Something else", &files);
            }
            Step::Restarts => {
                // kubectl refuses a second one within a second.
                next_second();
                stage.kubectl(&["rollout", "restart", &name]);
            }
            _ => {}
        }
    }

    /// What comes over all workloads: registries that go away or come back, a pintle that is
    /// killed.
    fn happens(&mut self) {
        match self.rng.u8(..40) {
            0..3 => self.leaves(),
            3..9 => self.returns(),
            9 => self.is_killed(),
            _ => {}
        }
    }

    fn leaves(&mut self) {
        let kind = FaultKind::Status {
            code: 503,
            retry_after: None,
        };
        self.world
            .line
            .registries
            .registry
            .fail(Fault::of("quay.io", kind));
        self.is_away = true;
    }

    fn returns(&mut self) {
        if self.is_away {
            self.world.line.registries.registry.heal();
            self.world.stage.kubelet.retries();
            self.is_away = false;
        }
    }

    fn is_killed(&mut self) {
        self.run.signal("KILL");
        self.run = Daemon::start(prepared(&self.world, &[]));
        self.address = self.run.address();
    }

    fn wakes(&mut self) {
        if self.woken.elapsed() > WAKE {
            let hook = Hook::signed(SECRET, "package", "{}");
            assert_eq!(hook.send(&self.address).status, 202);
            self.woken = Instant::now();
        }
    }

    /// Takes one step of one of the actors, if any can go on.
    fn goes_on(&mut self, actors: &mut [Actor]) -> bool {
        let mut order: Vec<usize> = (0..actors.len()).collect();
        self.rng.shuffle(&mut order);
        for at in order {
            let actor = &mut actors[at];
            let Some(step) = actor.steps.front().copied() else {
                continue;
            };
            if self.is_ready(actor, step) {
                self.carry_out(actor, step);
                actor.steps.pop_front();
                if actor.steps.is_empty() {
                    actor.end();
                }
                return true;
            }
        }
        false
    }

    /// Tells so many stories.
    fn tells(&mut self, actors: &mut [Actor], stories: usize) {
        let (mut told, mut last) = (0, Instant::now());
        loop {
            for actor in actors.iter_mut().filter(|actor| actor.steps.is_empty()) {
                if told < stories {
                    actor.begin(CHAPTERS[self.rng.usize(..CHAPTERS.len())]);
                    told += 1;
                }
            }
            if actors.iter().all(|actor| actor.steps.is_empty()) {
                return;
            }
            self.wakes();
            if self.goes_on(actors) {
                self.happens();
                last = Instant::now();
                continue;
            }
            if last.elapsed() > OUTAGE {
                self.returns();
            }
            if last.elapsed() > STALLS {
                let open = actors.iter().filter(|actor| !actor.steps.is_empty());
                let open = open.map(|actor| {
                    let image = self.world.stage.image(&actor.workload());
                    let (chapter, steps, text) = (actor.chapter, &actor.steps, self.text(actor));
                    let planned = verdict_of(&self.world, &actor.name);
                    format!(
                        "{}, {:#?}, {chapter:?}, {steps:?}, pin {}, moved {:?}, live {image}: \
                         {text}, {planned:#?}, {:#?}",
                        actor.workload(),
                        actor.story,
                        actor.pin,
                        actor.moved,
                        self.world.stage.revisions(&actor.workload()),
                    )
                });
                panic!("nothing goes on: {}", open.collect::<Vec<_>>().join("\n"));
            }
            std::thread::sleep(LOOK);
        }
    }
}

/// The pins that pintle wrote, oldest first: workload, action, cause, from, to.
fn written(world: &World) -> Vec<[String; 5]> {
    let log = world
        .line
        .remote
        .ask(&["log", "--reverse", "--format=%B", BRANCH]);
    let mut all: Vec<BTreeMap<&str, &str>> = Vec::new();
    for line in log.lines() {
        let trailer = line
            .strip_prefix("Pintle-")
            .and_then(|line| line.split_once(": "));
        match trailer {
            Some(("Action", value)) => all.push([("Action", value)].into()),
            Some((name, value)) => {
                let pin = all.last_mut().expect("a record begins with its action");
                pin.insert(name, value);
            }
            None => {}
        }
    }
    let word = |pin: &BTreeMap<&str, &str>, name| pin.get(name).map_or("", |it| *it).to_owned();
    let fields = |pin| {
        let used = word(pin, "Use");
        let container = used.rsplit(':').next().unwrap_or_default().to_owned();
        let [action, cause, from, to] =
            ["Action", "Cause", "From", "To"].map(|name| word(pin, name));
        [container, action, cause, from, to]
    };
    all.iter().map(fields).collect()
}

/// The repo, its history and the cluster are as the model says.
fn is_as_modelled(world: &World, actors: &[Actor]) {
    let written = written(world);
    for actor in actors {
        let text = world.line.text(&actor.name);
        let pin = format!("{}@{}\"", actor.image, actor.pin);
        let is_held = text.contains("# pintle: hold");
        let own: Vec<_> = written.iter().filter(|pin| pin[0] == actor.name).collect();
        let told = || format!("{:#?}, {own:#?}", actor.story);
        assert!(
            text.contains(&pin) && is_held == actor.held,
            "{pin}, {}: {text}, {}",
            actor.held,
            told()
        );
        assert!(world.stage.image(&actor.workload()).ends_with(&actor.pin));

        let backs: Vec<_> = own.iter().filter(|pin| pin[1] == "rollback").collect();
        assert_eq!(backs.len(), actor.backs.len(), "{}: {}", actor.name, told());
        for (back, expected) in backs.iter().zip(&actor.backs) {
            let [_, _, cause, from, to] = back;
            assert!(
                cause == expected.cause && *to == expected.to && expected.from.contains(from),
                "{back:#?} for {expected:#?}"
            );
        }
        // What was rolled back is not proposed again.
        let mut rejected = BTreeSet::new();
        for [_, action, _, from, to] in &own {
            assert!(
                !rejected.contains(to),
                "{}: {to} is proposed again",
                actor.name
            );
            if action == "rollback" {
                rejected.insert(from);
            }
        }
    }
}

#[test]
fn whatever_happens_at_once_ends_as_a_plain_model_says() {
    let stories = std::env::var("PINTLE_TEST_INTERLEAVINGS")
        .map_or(STORIES, |count| count.parse().expect("a number"));
    let seed = std::env::var("PINTLE_TEST_SEED")
        .map_or(20_261_201, |seed| seed.parse().expect("a number"));
    let kinds = ["deployment", "statefulset", "daemonset"];
    let names: Vec<_> = (0..WORKLOADS)
        .map(|at| {
            (
                kinds[at % 3],
                format!("w{at}"),
                format!("quay.io/team/w{at}:latest"),
            )
        })
        .collect();
    let stacks: Vec<_> = names
        .iter()
        .map(|(kind, name, image)| (*kind, name.as_str(), image.as_str()))
        .collect();
    let (world, first) = pinned(Kube::shared(), &stacks, CONFIG);
    let following = world.stage.ci.follow();
    let actor = |((kind, name, image), pin): (&(&'static str, String, String), String)| Actor {
        kind,
        name: name.clone(),
        image: image.clone(),
        pin,
        held: false,
        moved: Vec::new(),
        chapter: Chapter::Restart,
        steps: VecDeque::new(),
        backs: Vec::new(),
        made: 0,
        begun: 0,
        story: Vec::new(),
    };
    let mut actors: Vec<Actor> = names.iter().zip(first).map(actor).collect();
    for actor in &actors {
        world.stage.rolled_out(&actor.workload());
    }
    let mut run = Daemon::start(prepared(&world, &[]));
    let address = run.address();
    let mut play = Play {
        run,
        address,
        world,
        rng: Rng::with_seed(seed),
        is_away: false,
        woken: Instant::now(),
    };
    play.tells(&mut actors, stories);

    // All is settled: two more looks change nothing.
    play.returns();
    play.is_killed();
    let tip = play.world.line.remote.tip();
    let (trigger, ended) = play.run.pass();
    assert_eq!((&*trigger, ended), ("start", Ok(0)), "seed {seed}");
    assert_eq!(play.world.line.remote.tip(), tip, "seed {seed}");
    is_as_modelled(&play.world, &actors);
    play.run.stop();
    drop(following);
}
