//! The control plane for tests itself: its rollouts come to their end, an undo leaves the revisions
//! that it leaves anywhere, the kubelet's failures look like a kubelet's, and a write of pintle's
//! user is caught. Nothing of the product is run here but `scan`.

use std::panic::{AssertUnwindSafe, catch_unwind};

use serde_json::json;

use crate::support::kube::Kube;
use crate::support::kube::ci::{MANAGER, Mode};
use crate::support::kube::kubelet::Behaviour;
use crate::support::kube::world::{Stack, World};

const IMAGE: &str = "quay.io/team/app:latest";
const STACKS: [Stack; 3] = [
    ("deployment", "web", "quay.io/team/app:latest"),
    ("statefulset", "db", "quay.io/team/db:16"),
    ("daemonset", "agent", "quay.io/team/agent:v1"),
];

fn workload(stack: &Stack) -> String {
    format!("{}/{}", stack.0, stack.1)
}

#[test]
fn a_rollout_of_each_kind_ends_and_an_undo_brings_the_old_revision_back() {
    let mut world = World::of(&STACKS, "");
    world.stage.ci.apply();
    let pins: Vec<String> = STACKS
        .iter()
        .map(|(_, _, image)| format!("{image}@{}", world.line.registries.put(image, "second")))
        .collect();
    for stack in &STACKS {
        world.stage.rolled_out(&workload(stack));
    }
    for (stack, pin) in STACKS.iter().zip(&pins) {
        world.write(stack, pin);
    }
    world.stage.ci.apply();
    for (stack, pin) in STACKS.iter().zip(&pins) {
        let (name, stage) = (workload(stack), &world.stage);
        stage.rolled_out(&name);
        assert_eq!(&stage.image(&name), pin);
        assert_eq!(
            stage.revisions(&name),
            [(1, None, stack.2.to_owned()), (2, None, pin.clone())],
            "{name}"
        );
        let writers = stage.get(&name)["metadata"]["managedFields"].clone();
        assert!(
            writers
                .as_array()
                .expect("a list")
                .iter()
                .any(|one| one["manager"] == MANAGER),
            "{writers}"
        );
        stage.undo(&name);
        stage.rolled_out(&name);
        assert_eq!(stage.image(&name), stack.2);
        let earlier = (stack.0 == "deployment").then(|| "1".to_owned());
        assert_eq!(
            stage.revisions(&name),
            [(2, None, pin.clone()), (3, earlier, stack.2.to_owned())],
            "{name}"
        );
    }
}

#[test]
fn the_pods_say_what_they_run_and_what_they_wait_for() {
    let world = World::of(&STACKS[..1], "");
    let first = world.line.registries.put(IMAGE, "first");
    let stage = &world.stage;
    stage.ci.apply();
    stage.rolled_out("deployment/web");
    let pods = format!("/api/v1/namespaces/{}/pods", stage.namespace);
    let status = stage.wait(&pods, |pods| {
        Some(pods["items"][0]["status"]["containerStatuses"][0].clone())
    });
    assert_eq!(
        (&status["imageID"], &status["ready"]),
        (&json!(format!("quay.io/team/app@{first}")), &json!(true))
    );
    for (behaviour, reason) in [
        (Behaviour::Crashes, "CrashLoopBackOff"),
        (Behaviour::Misconfigured, "CreateContainerConfigError"),
        (Behaviour::Unpullable, "ImagePullBackOff"),
    ] {
        stage.kubelet.lets(&first, behaviour);
        stage.waits_with("deployment/web", reason);
    }
    stage.kubelet.lets(&first, Behaviour::Unready);
    stage.wait(&stage.path("deployment/web"), |live| {
        (live["status"]["unavailableReplicas"] == 1).then_some(())
    });
    stage.kubelet.heals(&first);
    stage.rolled_out("deployment/web");

    // A tag that is not there, and a digest that is not there.
    let patch = |image: &str| json!({"spec": {"progressDeadlineSeconds": 1, "template": {"spec": {"containers": [{"name": "web", "image": image}]}}}});
    stage.patch("deployment/web", &patch("quay.io/team/app:other"));
    stage.waits_with("deployment/web", "ImagePullBackOff");
    let stuck = |reason: &serde_json::Value| reason["reason"] == "ProgressDeadlineExceeded";
    let path = stage.path("deployment/web");
    stage.wait(&path, |live| {
        live["status"]["conditions"]
            .as_array()?
            .iter()
            .any(stuck)
            .then_some(())
    });
    world.line.registries.put("quay.io/team/app:other", "other");
    stage.kubelet.retries();
    stage.rolled_out("deployment/web");
    stage.patch(
        "deployment/web",
        &patch(&format!("{IMAGE}@sha256:{}", "0".repeat(64))),
    );
    stage.waits_with("deployment/web", "ImagePullBackOff");
}

#[test]
fn the_pipeline_may_lag_fail_and_be_green_without_having_applied() {
    let mut world = World::of(&STACKS[..1], "");
    let pin = format!("{IMAGE}@{}", world.line.registries.put(IMAGE, "second"));
    let following = world.stage.ci.follow();
    world.stage.rolled_out("deployment/web");
    for mode in [Mode::Fails, Mode::Skips] {
        world.stage.ci.set(mode);
        let commit = world.write(&STACKS[0], &pin);
        world.stage.ci.wait_for(&commit);
        assert_eq!(world.stage.image("deployment/web"), IMAGE, "{mode:?}");
    }
    world.stage.ci.set(Mode::Lags);
    let commit = world.line.remote.commit("Again", &[("notes.md", b"1")]);
    world.stage.ci.set(Mode::Applies);
    world.stage.ci.wait_for(&commit);
    assert_eq!(world.stage.image("deployment/web"), pin);
    drop(following);
}

#[test]
fn it_starts_again_with_what_it_had_and_a_write_of_pintles_user_is_caught() {
    let world = World::on(Kube::own(), &STACKS[..1], "");
    let (stage, kube) = (&world.stage, world.stage.kube.clone());
    stage.ci.apply();
    stage.rolled_out("deployment/web");
    kube.stop_apiserver();
    assert_eq!(kube.api("test").try_get("/readyz"), None);
    kube.start_apiserver();
    stage.kubectl(&["rollout", "restart", "deployment/web"]);
    stage.rolled_out("deployment/web");

    let pintle = kube.pintle();
    assert_eq!(
        pintle
            .try_get("/apis/apps/v1/deployments")
            .map(|(status, _)| status),
        Some(200)
    );
    assert_eq!(
        pintle.try_get("/api/v1/secrets").map(|(status, _)| status),
        Some(403)
    );
    kube.nothing_was_written();
    let refused = pintle.try_post(
        &format!("/api/v1/namespaces/{}/configmaps", stage.namespace),
        &json!({"metadata": {"name": "a"}}),
    );
    assert_eq!(refused.map(|(status, _)| status), Some(403));
    let caught = catch_unwind(AssertUnwindSafe(|| drop(world)))
        .expect_err("the end of the test looks at the log");
    let said = caught.downcast_ref::<String>().expect("a sentence");
    assert!(
        said.contains("tried to write") && said.contains("configmaps"),
        "{said}"
    );
}
