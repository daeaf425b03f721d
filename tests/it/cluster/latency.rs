//! One undo after another, of each kind: each becomes its commit. How long each took is printed,
//! and is for `docs/performance.md`; nothing depends on it.

use std::time::Instant;

use super::{DEADLINE, LOOK, Stack, Story, is_rollback, next_second, report, workload};
use crate::support::kube::ci::Mode;

const KINDS: [&str; 3] = ["deployment", "statefulset", "daemonset"];

/// How often each kind is undone; `PINTLE_TEST_UNDOS` names another number.
fn repetitions() -> usize {
    std::env::var("PINTLE_TEST_UNDOS").map_or(1, |count| count.parse().expect("a number"))
}

/// Moves all tags at once, then undoes one workload after the other.
#[test]
fn each_undo_is_a_commit() {
    let names: Vec<_> = (0..repetitions() * KINDS.len())
        .map(|at| {
            (
                KINDS[at % 3],
                format!("u{at}"),
                format!("quay.io/team/u{at}:latest"),
            )
        })
        .collect();
    let stacks: Vec<_> = names
        .iter()
        .map(|(kind, name, image)| (*kind, name.as_str(), image.as_str()))
        .collect();
    let mut story = Story::of(&stacks, "[pipeline]\nwait = false\n");
    // An undo is found by what was made before what, in seconds.
    next_second();
    let put = |stack: &Stack| {
        story
            .world
            .line
            .registries
            .put(stack.2, &format!("{} 2", stack.1))
    };
    let second: Vec<String> = stacks.iter().map(put).collect();
    story.poll();
    let begun = Instant::now();
    while !stacks
        .iter()
        .zip(&second)
        .all(|(stack, digest)| story.text(stack).contains(digest))
    {
        assert!(begun.elapsed() < DEADLINE, "not all are pinned");
        story.poll();
    }
    story.stage().ci.wait_for(&story.world.line.remote.tip());
    stacks
        .iter()
        .for_each(|stack| story.stage().rolled_out(&workload(stack)));
    story.stage().ci.set(Mode::Skips);
    for (at, stack) in stacks.iter().enumerate() {
        let tip = story.world.line.remote.tip();
        story.stage().undo(&workload(stack));
        let begun = Instant::now();
        while story.world.line.remote.tip() == tip {
            assert!(begun.elapsed() < DEADLINE, "no commit for {}", stack.1);
            std::thread::sleep(LOOK);
        }
        report(&format!("undo of a {}", stack.0), begun.elapsed());
        let message = story
            .world
            .line
            .remote
            .message(&story.world.line.remote.tip());
        is_rollback(
            &story.world,
            stack,
            &message,
            "undo",
            &second[at],
            &story.first[at],
        );
    }
    story.run.stop();
}
