//! Firing alerts, if an Alertmanager is configured. The plan decides which workload an alert
//! belongs to. The body of a webhook is never read here.

use super::Session;
use crate::model::one_line::one_line;
use crate::pipeline::Seen;
use crate::pipeline::cluster::Alert;
use crate::remote::alertmanager::Firing;

/// The longest summary that is kept, in characters: it is quoted in commits.
const SUMMARY: usize = 300;

/// Returns the firing alerts, sorted by fingerprint.
pub async fn alerts(session: &Session) -> Seen<Vec<Alert>> {
    let Some(client) = session.alertmanager() else {
        return Seen::NotAsked;
    };
    match client.firing().await {
        Ok(firing) => Seen::Known(sort_alerts(firing)),
        Err(error) => Seen::Unknown(error.to_string()),
    }
}

fn sort_alerts(firing: Vec<Firing>) -> Vec<Alert> {
    let mut alerts: Vec<Alert> = firing.into_iter().map(read_alert).collect();
    alerts.sort_by(|a, b| {
        (&a.fingerprint, a.started, &a.labels).cmp(&(&b.fingerprint, b.started, &b.labels))
    });
    alerts.dedup_by(|a, b| a.fingerprint == b.fingerprint);
    alerts
}

fn read_alert(firing: Firing) -> Alert {
    let said = |name: &str| {
        firing
            .annotations
            .get(name)
            .map(|text| summary_line(text))
            .filter(|text| !text.is_empty())
    };
    Alert {
        summary: said("summary")
            .or_else(|| said("description"))
            .map(Into::into),
        fingerprint: firing.fingerprint.into(),
        labels: firing
            .labels
            .into_iter()
            .map(|(name, value)| (name.into(), value.into()))
            .collect(),
        started: firing.started,
    }
}

/// Puts the text on one line without control characters, so that the text of an alert cannot add
/// trailers to a commit.
fn summary_line(text: &str) -> String {
    let line = one_line(text);
    match line.char_indices().nth(SUMMARY) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

#[cfg(test)]
mod tests;
