//! What people type first: the folder `deploy` is applied to a cluster in which nothing is.

use serde_json::json;

use crate::support::kube::Kube;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy");
const PODS: &str = "/api/v1/namespaces/pintle/pods";

/// The folder is applied as a whole, and again without a change. Its pod is admitted, though the
/// namespace takes only what is `restricted`, and what a person set in its Secret stays.
fn applies(flag: &str) {
    let kube = Kube::fresh();
    let apply = || kube.kubectl(&["apply", flag, FOLDER]);
    let lines = |output: &str, end: &str| {
        let all: Vec<_> = output.lines().collect();
        let wrong: Vec<_> = all.iter().filter(|line| !line.ends_with(end)).collect();
        assert!(all.len() == 6 && wrong.is_empty(), "{output}");
    };
    lines(&apply(), " created");

    let api = kube.api("test");
    let pod = api.wait(PODS, |pods| match pods["items"].as_array()?.as_slice() {
        [pod] => Some(pod.clone()),
        _ => None,
    });
    assert_eq!(
        pod["metadata"]["labels"]["app.kubernetes.io/name"],
        "pintle"
    );
    let other = json!({
        "metadata": {"name": "other"},
        "spec": {"containers": [{"name": "other", "image": "quay.io/team/app:latest"}]},
    });
    let (status, why) = api.try_post(PODS, &other).expect("an answer");
    assert_eq!(status, 403, "{why}");
    assert!(why.to_string().contains("restricted"), "{why}");

    let secret = [
        "--namespace",
        "pintle",
        "create",
        "secret",
        "generic",
        "pintle",
    ];
    kube.kubectl(&[&secret[..], &["--from-literal=git-token=of-a-person"]].concat());
    lines(&apply(), " unchanged");
    let secret = api.get("/api/v1/namespaces/pintle/secrets/pintle");
    assert_eq!(secret["data"]["git-token"], "b2YtYS1wZXJzb24=");
}

#[test]
fn the_folder_is_applied_as_it_is() {
    applies("-f");
}

#[test]
fn the_folder_is_applied_as_a_kustomization() {
    applies("-k");
}
