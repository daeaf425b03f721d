//! The secrets that a run of the program is given, whichever way: variables, files, addresses. Only
//! knows them, and looks for them.

use std::fs::read_to_string;
use std::path::Path;
use std::process::Command;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use serde_json::Value;

/// Variables that hold a secret.
const VARIABLES: [&str; 9] = [
    "PINTLE_TOKEN",
    "PINTLE_REMOTE_TOKEN",
    "PINTLE_WEBHOOK_SECRET",
    "PINTLE_GITHUB_TOKEN",
    "PINTLE_ALERTMANAGER_TOKEN",
    "PINTLE_ALERT_HOOK_TOKEN",
    "PINTLE_REGISTRY_HOOK_TOKEN",
    "PINTLE_NOTICE_OPS_URL",
    "PINTLE_NOTICE_OPS_SECRET",
];
/// Options and variables that name a file whose text is a secret.
const FILES: [(&str, &str); 8] = [
    ("--token-file", "PINTLE_TOKEN_FILE"),
    ("--remote-token-file", "PINTLE_REMOTE_TOKEN_FILE"),
    ("--webhook-secret-file", "PINTLE_WEBHOOK_SECRET_FILE"),
    ("--github-token-file", "PINTLE_GITHUB_TOKEN_FILE"),
    (
        "--alertmanager-token-file",
        "PINTLE_ALERTMANAGER_TOKEN_FILE",
    ),
    ("--alert-hook-token-file", "PINTLE_ALERT_HOOK_TOKEN_FILE"),
    ("--signing-key-file", "PINTLE_SIGNING_KEY_FILE"),
    (
        "--registry-hook-token-file",
        "PINTLE_REGISTRY_HOOK_TOKEN_FILE",
    ),
];
/// The same for a file of docker's, with passwords.
const DOCKER: (&str, &str) = ("--docker-config", "PINTLE_DOCKER_CONFIG");
/// A shorter text is found everywhere.
const SHORTEST: usize = 6;

pub struct Secrets(Vec<String>);

impl Secrets {
    /// Finds what a command is given that nobody else is to know.
    pub fn given_to(command: &Command) -> Secrets {
        let lossy = |text: &std::ffi::OsStr| text.to_string_lossy().into_owned();
        let args: Vec<String> = command.get_args().map(lossy).collect();
        let variables: Vec<(String, String)> = command
            .get_envs()
            .filter_map(|(name, value)| Some((lossy(name), lossy(value?))))
            .collect();
        let variable = |name: &str| {
            variables
                .iter()
                .find(|(known, _)| known == name)
                .map(|(_, value)| value.clone())
        };
        let option = |name: &str| {
            let at = args.iter().position(|arg| arg == name)?;
            args.get(at + 1).cloned()
        };
        let cwd = command.get_current_dir().unwrap_or(Path::new("."));
        let file = |(flag, name): (&str, &str)| {
            read_to_string(cwd.join(option(flag).or_else(|| variable(name))?)).ok()
        };
        let mut found: Vec<String> = VARIABLES.iter().filter_map(|name| variable(name)).collect();
        found.extend(FILES.into_iter().filter_map(file));
        found.extend(file(DOCKER).into_iter().flat_map(|text| passwords(&text)));
        found.extend(
            args.iter()
                .chain(variables.iter().map(|(_, value)| value))
                .filter_map(|text| password_in(text)),
        );
        Secrets::new(found.iter().map(String::as_str))
    }

    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a str>) -> Secrets {
        let long = secrets
            .into_iter()
            .map(str::trim)
            .filter(|secret| secret.len() >= SHORTEST);
        Secrets(long.flat_map(forms).collect())
    }

    /// Ends the test when one of them is in the text, as it is or as a part of something in base64,
    /// and shows the line without it.
    pub fn are_not_in(&self, written: &str) {
        for secret in &self.0 {
            if let Some(line) = written.lines().find(|line| line.contains(secret.as_str())) {
                panic!(
                    "a secret was written: {}",
                    line.replace(secret.as_str(), "[the secret]")
                );
            }
        }
    }
}

/// A secret as it is, and the three ways in which its bytes can lie in base64 of something longer
/// (`user:secret`).
fn forms(secret: &str) -> Vec<String> {
    let shifted = |before: usize| {
        let encoded = STANDARD_NO_PAD.encode([&vec![0; before], secret.as_bytes()].concat());
        // The first and the last letter of what is the secret's also hold bits of its neighbours.
        let (from, to) = ((before * 8).div_ceil(6), (before + secret.len()) * 8 / 6);
        encoded[from..to].to_owned()
    };
    [secret.to_owned()]
        .into_iter()
        .chain((0..3).map(shifted))
        .collect()
}

/// The passwords and tokens of a docker configuration.
fn passwords(text: &str) -> Vec<String> {
    let config: Value = serde_json::from_str(text).unwrap_or_default();
    let entries = config["auths"]
        .as_object()
        .into_iter()
        .flat_map(|auths| auths.values());
    let mut found = Vec::new();
    for entry in entries {
        found.extend(
            ["password", "identitytoken", "registrytoken"]
                .iter()
                .filter_map(|key| entry[key].as_str().map(str::to_owned)),
        );
        let auth = entry["auth"]
            .as_str()
            .and_then(|auth| STANDARD.decode(auth).ok())
            .and_then(|auth| String::from_utf8(auth).ok());
        found.extend(auth.and_then(|auth| {
            auth.split_once(':')
                .map(|(_, password)| password.to_owned())
        }));
    }
    found
}

/// The password of an address.
fn password_in(text: &str) -> Option<String> {
    let (_, rest) = text.split_once("://")?;
    let (user, _) = rest.split('/').next()?.rsplit_once('@')?;
    user.split_once(':')
        .map(|(_, password)| password.to_owned())
}
