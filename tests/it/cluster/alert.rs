//! An alert about a digest that was pinned a moment ago: the repo goes back by itself.

use serde_json::json;

use super::{Story, WEB, is_rollback, pinned, prepared, trailer};
use crate::support::alertmanager::Alertmanager;
use crate::support::daemon::Daemon;
use crate::support::kube::Kube;

const TOKEN: &str = "t0ken-of-the-alerts";

#[test]
fn an_alert_that_begins_while_the_new_digest_is_watched() {
    let alerts = Alertmanager::start();
    let (world, first) = pinned(
        Kube::shared(),
        &[WEB],
        "[[alert]]\nmatch = { severity = \"critical\" }\n",
    );
    let following = world.stage.ci.follow();
    world.stage.rolled_out("deployment/web");
    let mut run = Daemon::start(
        prepared(&world, &["--alertmanager", &alerts.url()]).env("PINTLE_ALERT_HOOK_TOKEN", TOKEN),
    );
    let address = run.address();
    assert_eq!(run.pass(), ("start".into(), Ok(0)));
    alerts.tell(
        &format!("http://{address}/hooks/alertmanager"),
        &format!("{{authorization: {{credentials: {TOKEN}}}}}"),
    );
    let mut story = Story {
        run,
        address,
        following: Some(following),
        world,
        first,
    };

    let labels = |name: &str, severity: &str, workload: &str| json!({ "alertname": name, "severity": severity, "namespace": story.world.stage.namespace, "deployment": workload });
    let [early, mild, other, errors] = [
        labels("Early", "critical", "web"),
        labels("Mild", "warning", "web"),
        labels("Other", "critical", "api"),
        labels("Errors", "critical", "web"),
    ];
    // One that is older than the new digest says nothing of it.
    alerts.fire(&early, &json!({}));
    assert_eq!(story.alerted(), Ok(0));
    let second = story.rolls(&WEB, "second");
    let tip = story.world.line.remote.tip();
    for quiet in [mild, other] {
        alerts.fire_since(jiff::Timestamp::now(), &quiet, &json!({}));
        assert_eq!(story.alerted(), Ok(0), "{quiet}");
    }
    alerts.fire_since(
        jiff::Timestamp::now(),
        &errors,
        &json!({ "summary": "half of all requests fail" }),
    );
    let (commit, message) = story.commit_after(&tip, "an alert");
    is_rollback(
        &story.world,
        &WEB,
        &message,
        "alert",
        &second,
        &story.first[0],
    );
    assert!(
        trailer(&message, "Evidence").starts_with("alert Errors on deployment"),
        "{message}"
    );
    story.stage().ci.wait_for(&commit);
    story.stage().rolled_out("deployment/web");
    assert!(
        story
            .stage()
            .image("deployment/web")
            .ends_with(&story.first[0])
    );
    // It still fires, and nothing is left to go back to.
    story.poll();
    assert_eq!(story.world.line.remote.tip(), commit);
    story.run.stop();
}

impl Story {
    /// Waits for the pass that an alert wakes; how many commits it made.
    fn alerted(&mut self) -> Result<u64, String> {
        loop {
            let (trigger, ended) = self.run.pass();
            if trigger.contains("alert") {
                return ended;
            }
        }
    }
}
