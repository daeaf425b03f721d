//! Somebody sets the image that was pinned before, where the cluster keeps no revision of it: that
//! is drift, and never "not applied yet".

use serde_json::json;

use super::{DB, Story, WEB, next_second, verdict_of, workload};

/// Nothing is written, and the plan says who set the image.
fn is_drift(story: &mut Story, container: &str, first: &str, by: &str) {
    let tip = story.world.line.remote.tip();
    story.poll();
    story.poll();
    let text = story.world.line.text(container);
    assert_eq!(story.world.line.remote.tip(), tip, "{text}");
    let (_, reasons) = verdict_of(&story.world, container);
    let texts: Vec<&str> = reasons.iter().map(|(_, text)| text.as_str()).collect();
    let digest = first.trim_start_matches("sha256:");
    let words = format!("was set to sha256:{} by {by} at ", &digest[..12]);
    assert!(
        texts.iter().any(|text| text.contains(&words)),
        "{words}: {texts:#?}"
    );
    assert!(
        !texts.iter().any(|text| text.contains("applied: no")),
        "{texts:#?}"
    );
}

#[test]
fn without_revisions_is_drift() {
    for stack in [WEB, DB] {
        let mut story = Story::of(&[stack], "");
        let (name, first) = (workload(&stack), story.first[0].clone());
        let none = json!({"spec": {"revisionHistoryLimit": 0}});
        story.stage().patch(&name, &none);
        story.rolls(&stack, "second");
        story.stage().wait(&story.stage().path(&name), |_| {
            (story.stage().revisions(&name).len() == 1).then_some(())
        });
        next_second();
        let image = format!("{}={}@{first}", stack.1, stack.2);
        story.stage().kubectl(&["set", "image", &name, &image]);
        story.stage().rolled_out(&name);
        is_drift(&mut story, stack.1, &first, "kubectl-set");
        story.run.stop();
    }
}

#[test]
fn by_an_old_manifest_after_it_was_deleted_is_drift() {
    let mut story = Story::of(&[WEB], "");
    let first = story.first[0].clone();
    let old = story.stage().get("deployment/web");
    story.rolls(&WEB, "second");
    story
        .stage()
        .kubectl(&["delete", "deployment/web", "--cascade=foreground"]);
    next_second();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("old.json");
    let manifest = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
        "spec": {"selector": old["spec"]["selector"], "template": old["spec"]["template"]},
    });
    std::fs::write(&file, manifest.to_string()).expect("its own folder");
    story
        .stage()
        .kubectl(&["apply", "-f", &file.display().to_string()]);
    story.stage().rolled_out("deployment/web");
    is_drift(&mut story, "web", &first, "kubectl-client-side-apply");
    story.run.stop();
}
