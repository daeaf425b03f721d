//! The credential plugin that a kubeconfig names (`exec`), run as client-go documents it:
//! <https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins>.
//! Run by us and not by the library, so that it has a deadline at which it and all it started are
//! ended, and none of pintle's variables. It never prompts, and nothing that it prints is shown.

use super::super::child::{self, ChildError};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp};
use kube::config::{AuthInfo, ExecConfig, ExecInteractiveMode};
use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use std::io;
use std::process::{Command, ExitStatus};
use std::sync::Arc;
use std::time::Duration;

/// A token is replaced so long before it ends.
const EARLY: SignedDuration = SignedDuration::from_secs(60);

/// Why a plugin gave nothing. Never in its own words: they may hold secrets, and so may its
/// arguments and its environment.
#[derive(Debug, thiserror::Error)]
pub(super) enum PluginError {
    #[error("the credential plugin of the kubeconfig cannot be started: {0}")]
    Start(io::Error),
    #[error("the credential plugin of the kubeconfig ended with {0}")]
    Ended(ExitStatus),
    #[error("the credential plugin of the kubeconfig did not answer within {} s", .0.as_secs_f32())]
    TooLong(Duration),
    #[error("the credential plugin of the kubeconfig gave no credentials")]
    Nothing,
    #[error(
        "the credential plugin of the kubeconfig is incomplete: it has no command, or no cluster to name"
    )]
    Useless,
    #[error("the credential plugin of the kubeconfig wants to prompt (interactiveMode: Always)")]
    Prompts,
}

/// What a plugin gave.
pub(super) struct Given {
    token: Option<SecretString>,
    /// Certificate and key, PEM.
    identity: Option<(String, SecretString)>,
    expires: Option<Timestamp>,
}

/// The token that a plugin gives, asked for anew before it ends. Cheap to clone.
#[derive(Clone)]
pub(super) struct PluginToken {
    plugin: Arc<ExecConfig>,
    limit: Duration,
    given: Arc<tokio::sync::Mutex<Given>>,
}

#[derive(Deserialize)]
struct ExecCredential {
    status: Option<ExecStatus>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ExecStatus {
    token: Option<String>,
    client_certificate_data: Option<String>,
    client_key_data: Option<String>,
    expiration_timestamp: Option<Timestamp>,
}

/// Runs a plugin, and waits for it. Blocks.
///
/// # Errors
/// It gave nothing within the limit.
pub(super) fn run(plugin: &ExecConfig, limit: Duration) -> Result<Given, PluginError> {
    if plugin.interactive_mode == Some(ExecInteractiveMode::Always) {
        return Err(PluginError::Prompts);
    }
    let program = plugin.command.as_ref().ok_or(PluginError::Useless)?;
    let mut command = Command::new(program);
    command.args(plugin.args.iter().flatten());
    for variable in plugin.env.iter().flatten() {
        if let (Some(name), Some(value)) = (variable.get("name"), variable.get("value")) {
            command.env(name, value);
        }
    }
    command.env("KUBERNETES_EXEC_INFO", exec_info(plugin)?.to_string());
    for name in plugin.drop_env.iter().flatten() {
        command.env_remove(name);
    }
    let answer = child::run(&mut command, b"", limit).map_err(|why| match why {
        ChildError::Start(why) => PluginError::Start(why),
        ChildError::TooLong(limit) => PluginError::TooLong(limit),
    })?;
    if !answer.status.success() {
        return Err(PluginError::Ended(answer.status));
    }
    read_answer(&answer.stdout).ok_or(PluginError::Nothing)
}

/// What the plugin gets: that it cannot prompt, and the cluster, if it wants to know it.
fn exec_info(plugin: &ExecConfig) -> Result<serde_json::Value, PluginError> {
    let mut spec = serde_json::json!({ "interactive": false });
    if plugin.provide_cluster_info {
        let cluster = plugin.cluster.as_ref().ok_or(PluginError::Useless)?;
        spec["cluster"] = serde_json::to_value(cluster).map_err(|_| PluginError::Useless)?;
    }
    Ok(serde_json::json!({
        "apiVersion": plugin.api_version,
        "kind": "ExecCredential",
        "spec": spec,
    }))
}

/// Reads an answer. client-go takes YAML too, and JSON is YAML.
fn read_answer(text: &[u8]) -> Option<Given> {
    let answer: ExecCredential = serde_saphyr::from_slice(text).ok()?;
    let status = answer.status?;
    let given = Given {
        token: status.token.map(Into::into),
        identity: status
            .client_certificate_data
            .zip(status.client_key_data.map(Into::into)),
        expires: status.expiration_timestamp,
    };
    (given.token.is_some() || given.identity.is_some()).then_some(given)
}

impl Given {
    /// Puts a certificate where the library looks for it: what a plugin gives is PEM, what a
    /// kubeconfig holds is base64 of it.
    pub(super) fn identify(&self, auth: &mut AuthInfo) {
        if let Some((certificate, key)) = &self.identity {
            auth.client_certificate_data = Some(STANDARD.encode(certificate));
            auth.client_key_data = Some(STANDARD.encode(key.expose_secret()).into());
        }
    }
}

impl PluginToken {
    pub(super) fn new(plugin: ExecConfig, limit: Duration, given: Given) -> Self {
        Self {
            plugin: Arc::new(plugin),
            limit,
            given: Arc::new(tokio::sync::Mutex::new(given)),
        }
    }

    /// Returns the header to send; `None` where the plugin gave a certificate alone.
    ///
    /// # Errors
    /// The token ends, and the plugin gives no other one.
    pub(super) async fn header(&self) -> Result<Option<HeaderValue>, PluginError> {
        let mut given = self.given.lock().await;
        let ends = |at: Timestamp| at.duration_since(Timestamp::now()) <= EARLY;
        if given.token.is_some() && given.expires.is_some_and(ends) {
            let (plugin, limit) = (Arc::clone(&self.plugin), self.limit);
            let renewed = tokio::task::spawn_blocking(move || run(&plugin, limit)).await;
            *given = renewed.map_err(|_| PluginError::Nothing)??;
        }
        given.token.as_ref().map(bearer).transpose()
    }
}

fn bearer(token: &SecretString) -> Result<HeaderValue, PluginError> {
    crate::remote::http::secret("Bearer", token).ok_or(PluginError::Nothing)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn plugin(script: &str) -> ExecConfig {
        serde_json::from_value(json!({
            "apiVersion": "client.authentication.k8s.io/v1",
            "command": "sh",
            "args": ["-c", script],
            "env": [{"name": "FROM_THE_KUBECONFIG", "value": "yes"}],
        }))
        .unwrap()
    }

    const LIMIT: Duration = Duration::from_secs(20);

    #[test]
    fn a_plugin_is_told_what_client_go_tells_it() {
        let script = r#"token=$(printf %s "$KUBERNETES_EXEC_INFO$FROM_THE_KUBECONFIG" | base64 -w0)
echo "{\"kind\": \"ExecCredential\", \"status\": {\"token\": \"$token\"}}""#;
        let given = run(&plugin(script), LIMIT).unwrap();
        let token = given.token.unwrap();
        let told = STANDARD.decode(token.expose_secret()).unwrap();
        let told = String::from_utf8(told).unwrap();
        let info = told.strip_suffix("yes").expect("its own environment");
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(info).unwrap(),
            json!({
                "apiVersion": "client.authentication.k8s.io/v1",
                "kind": "ExecCredential",
                "spec": {"interactive": false},
            })
        );
    }

    #[test]
    fn yaml_and_certificates_are_read() {
        let given = run(
            &plugin("printf 'status:\n  clientCertificateData: CERT\n  clientKeyData: KEY\n  expirationTimestamp: 2026-01-01T00:00:00Z\n'"),
            LIMIT,
        )
        .unwrap();
        assert!(given.token.is_none() && given.expires.is_some());
        let mut auth = AuthInfo::default();
        given.identify(&mut auth);
        assert_eq!(auth.client_certificate_data, Some(STANDARD.encode("CERT")));
    }

    /// The plugin and what it started are gone when its time is over.
    #[test]
    fn a_plugin_that_hangs_is_ended_with_what_it_started() {
        let folder = tempfile::tempdir().unwrap();
        let pids = folder.path().join("pids");
        let script = format!("sleep 1000 & echo $! $$ > {}; wait", pids.display());
        let why = run(&plugin(&script), Duration::from_millis(500)).map(drop);
        assert!(matches!(why, Err(PluginError::TooLong(_))), "{why:?}");
        let text = std::fs::read_to_string(&pids).unwrap();
        let state = |pid: &str| {
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            let state = stat.rsplit(") ").next().unwrap_or_default();
            state.chars().next().unwrap_or('X')
        };
        let mut pids = text.split_whitespace();
        let (child, shell) = (pids.next().unwrap(), pids.next().unwrap());
        assert!("XZ".contains(state(shell)), "the plugin");
        // Nobody waits for it any more: it ends by the signal, in its own time.
        let ended = (0..1_000).any(|_| {
            std::thread::yield_now();
            let is_over = "XZ".contains(state(child));
            if !is_over {
                let _ = Command::new("true").status();
            }
            is_over
        });
        assert!(ended, "what it started");
    }

    #[test]
    fn what_cannot_be_used_says_so_without_its_words() {
        let of = |script: &str| {
            run(&plugin(script), LIMIT)
                .map(drop)
                .unwrap_err()
                .to_string()
        };
        assert!(of("exit 7").ends_with("ended with exit status: 7"));
        for nothing in [
            "true",
            "echo s3cret",
            "echo '{\"status\": {}}'",
            "echo '{}'",
        ] {
            let said = of(nothing);
            assert!(said.ends_with("gave no credentials"), "{nothing}: {said}");
        }
        let always = ExecConfig {
            interactive_mode: Some(ExecInteractiveMode::Always),
            ..plugin("true")
        };
        assert!(matches!(run(&always, LIMIT), Err(PluginError::Prompts)));
    }
}
