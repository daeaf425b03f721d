//! A new pod whose container is never started, or that runs and never becomes ready.

use serde_json::{Value, json};

use super::{DB, Story, WEB, is_rollback, verdict_of};
use crate::support::kube::kubelet::Behaviour;

#[test]
fn a_volume_that_is_attached_elsewhere_is_not_the_image_s_fault() {
    let mut story = Story::of(&[WEB], "");
    let limit = json!({"spec": {"progressDeadlineSeconds": 2}});
    story.stage().patch("deployment/web", &limit);
    let registries = &story.world.line.registries;
    let second = registries.put("quay.io/team/app:latest-next", "second");
    story.stage().kubelet.lets(&second, Behaviour::NoVolume);
    story.moves(&WEB, "second");
    let tip = story.world.line.remote.tip();
    let stuck = |condition: &Value| condition["reason"] == "ProgressDeadlineExceeded";
    let path = story.stage().path("deployment/web");
    story.stage().wait(&path, |live| {
        let mut all = live["status"]["conditions"].as_array()?.iter();
        all.any(stuck).then_some(())
    });
    story.poll();
    story.poll();
    let (_, reasons) = verdict_of(&story.world, "web");
    let (code, text) = &reasons[0];
    assert!(
        code == "not-rolled-back" && text.contains("no container was started"),
        "{reasons:#?}"
    );
    assert_eq!(story.world.line.remote.tip(), tip, "{}", story.text(&WEB));

    // It is attached at last; nothing was rejected, and the next one follows.
    story.stage().kubelet.heals(&second);
    story.stage().rolled_out("deployment/web");
    story.poll();
    assert_eq!(story.world.line.remote.tip(), tip, "{}", story.text(&WEB));
    story.rolls(&WEB, "third");
    story.run.stop();
}

#[test]
fn a_pod_of_a_stateful_set_that_never_becomes_ready_goes_back() {
    let mut story = Story::of(&[DB], "[cluster]\nstart_grace = \"2s\"\n");
    let first = story.first[0].clone();
    let registries = &story.world.line.registries;
    let second = registries.put(&format!("{}-next", DB.2), "second");
    story.stage().kubelet.lets(&second, Behaviour::Unready);
    story.moves(&DB, "second");
    let tip = story.world.line.remote.tip();
    let (commit, message) = story.commit_after(&tip, "a pod that never becomes ready");
    is_rollback(&story.world, &DB, &message, "unhealthy", &second, &first);
    assert!(message.contains("a pod never became ready"), "{message}");
    // Its controller leaves the pod to people, and the commit says so.
    assert!(message.contains("delete"), "{message}");
    story.stage().ci.wait_for(&commit);
    story
        .stage()
        .kubectl(&["delete", "pod", "db-0", "--wait=false"]);
    story.stage().rolled_out("statefulset/db");
    story.run.stop();
}
