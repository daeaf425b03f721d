//! The spec has the pin, and every pod runs what was before: the status shows what runs, and why.

use jiff::Timestamp;
use serde_json::json;

use super::{Stack, next_second, pinned, status_of, workload};
use crate::support::kube::Kube;
use crate::support::kube::kubelet::Behaviour;

const PAUSED: Stack = ("deployment", "paused", "quay.io/team/paused:latest");
const WAITS: Stack = ("deployment", "waits", "quay.io/team/waits:latest");
const HAND: Stack = ("daemonset", "hand", "quay.io/team/hand:latest");
const PART: Stack = ("statefulset", "part", "quay.io/team/part:latest");
const ALL: [Stack; 4] = [PAUSED, WAITS, HAND, PART];

#[test]
fn is_shown_as_it_is() {
    let (mut world, first) = pinned(Kube::shared(), &ALL, "");
    world.stage.ci.apply();
    ALL.iter()
        .for_each(|stack| world.stage.rolled_out(&workload(stack)));
    world
        .stage
        .kubectl(&["rollout", "pause", "deployment/paused"]);
    let strategy = |strategy| json!({"spec": {"updateStrategy": strategy}});
    let by_hand = strategy(json!({"type": "OnDelete", "rollingUpdate": null}));
    world.stage.patch(&workload(&HAND), &by_hand);
    let part = json!({"type": "RollingUpdate", "rollingUpdate": {"partition": 1}});
    world.stage.patch(&workload(&PART), &strategy(part));
    next_second();
    let moved = Timestamp::now();
    let mut second = Vec::new();
    for stack in &ALL {
        let digest = world.line.registries.put(stack.2, "second");
        if *stack == WAITS {
            world.stage.kubelet.lets(&digest, Behaviour::NoVolume);
        }
        world.write_now(stack, &format!("{}@{digest}", stack.2));
        second.push(digest);
    }
    world.stage.ci.apply();
    world
        .stage
        .waits_with(&workload(&WAITS), "ContainerCreating");
    let codes = ["paused", "not-rolled-out", "on-delete", "partition"];
    for (at, stack) in ALL.iter().enumerate() {
        let path = world.stage.path(&workload(stack));
        world.stage.wait(&path, |live| {
            (live["metadata"]["generation"] == live["status"]["observedGeneration"]).then_some(())
        });
        let row = status_of(&world, stack.1);
        let found = ["state", "runs", "pinned"].map(|key| row[key].as_str().unwrap_or("none"));
        assert_eq!(found, ["differs", &first[at], &second[at]], "{row:#}");
        let trouble = row["trouble"].as_array().expect("a list");
        assert!(
            trouble.iter().any(|one| one["code"] == codes[at]),
            "{row:#}"
        );
        // Since when it runs that, if that is known; never since the pin.
        let since = row["since"].as_str().map(|at| at.parse::<Timestamp>());
        let is_older = |at: Result<Timestamp, _>| at.expect("a time") < moved;
        assert!(since.is_none_or(is_older), "{row:#}");
    }
    // Rolled out, all is as it should be.
    world
        .stage
        .kubectl(&["rollout", "resume", "deployment/paused"]);
    world.stage.kubelet.heals(&second[1]);
    world
        .stage
        .kubectl(&["delete", "pod", "--selector=app=hand", "--wait=false"]);
    let all = json!({"spec": {"updateStrategy": {"rollingUpdate": {"partition": 0}}}});
    world.stage.patch(&workload(&PART), &all);
    for (at, stack) in ALL.iter().enumerate() {
        world.stage.rolled_out(&workload(stack));
        let row = status_of(&world, stack.1);
        let found = ["state", "runs"].map(|key| row[key].as_str().unwrap_or("none"));
        assert_eq!(found, ["pinned", &second[at]], "{row:#}");
        assert_eq!(row["trouble"], json!([]), "{row:#}");
    }
}
