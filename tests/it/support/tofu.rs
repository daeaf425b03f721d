//! The oracle: what OpenTofu says an expression is. Uses `tofu console` in a folder without
//! providers or network.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::cmd;
use super::guard::server;

/// OpenTofu's word on one expression.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// The value as `jsonencode()` writes it, to the byte.
    Value(String),
    /// It depends on what only an apply knows.
    Unknown,
    /// It is an error; with what was said, where it was said.
    Error(String),
}

/// What `console` is run with besides the module's folder.
#[derive(Clone, Debug, Default)]
pub struct Setting {
    /// Arguments such as `-var-file=prod.tfvars`.
    pub arguments: Vec<String>,
    /// Variables such as `TF_VAR_tag`.
    pub environment: Vec<(String, String)>,
}

/// Asks for every expression (one line each) in the root module in `folder`; one answer for each,
/// in order.
///
/// An error inside `try` costs nothing. One that stops the console (syntax, an unknown name) starts
/// it again after that line.
pub fn ask(folder: &Path, setting: &Setting, expressions: &[String]) -> Vec<Answer> {
    let mut answers = Vec::new();
    while answers.len() < expressions.len() {
        let (said, complaint) = console(folder, setting, &expressions[answers.len()..]);
        answers.extend(said);
        if answers.len() < expressions.len() {
            answers.push(Answer::Error(complaint));
        }
    }
    answers
}

/// One run: the answers up to the first line that stopped it, and what it complained of.
fn console(folder: &Path, setting: &Setting, expressions: &[String]) -> (Vec<Answer>, String) {
    let home = tempfile::tempdir().expect("a temporary folder");
    let mut command = Command::new(server("PINTLE_TEST_TOFU"));
    command
        .arg("console")
        .args(&setting.arguments)
        .current_dir(folder);
    cmd::clean(&mut command, home.path());
    command
        .env("CHECKPOINT_DISABLE", "1")
        .env("NO_COLOR", "1")
        .envs(setting.environment.clone());
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().expect("tofu starts");
    let mut stdin = child.stdin.take().expect("its input is a pipe");
    // Base64 keeps an answer on one line and free of the console's own quoting.
    let line = |expression: &String| {
        format!("nonsensitive(try(base64encode(jsonencode({expression})), \"!\"))\n")
    };
    let lines: String = expressions.iter().map(line).collect();
    // It stops reading at the first line that it refuses.
    let feed = std::thread::spawn(move || stdin.write_all(lines.as_bytes()));
    let output = child.wait_with_output().expect("tofu can be waited for");
    let _ = feed.join();
    let answers = String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(answer)
        .collect();
    (
        answers,
        String::from_utf8_lossy(&output.stderr).into_owned(),
    )
}

/// The answer in a line of the console's output; `None` for warnings around it.
fn answer(line: &str) -> Option<Answer> {
    if line == "(known after apply)" {
        return Some(Answer::Unknown);
    }
    let text = line.strip_prefix('"')?.strip_suffix('"')?;
    if text == "!" {
        return Some(Answer::Error(String::new()));
    }
    let json = STANDARD.decode(text).ok()?;
    Some(Answer::Value(String::from_utf8(json).ok()?))
}
