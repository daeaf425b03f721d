//! A `pintle run` in progress: its log as it comes, its HTTP side, signals. Waits for events only:
//! a line, an answer, the end.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use super::cmd::{Kept, Pintle};
use super::guard::die_with_parent;
use super::http::{Reply, ask, request};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;

/// A line that does not come in this time does not come.
const DEADLINE: Duration = Duration::from_secs(60);

/// A run; it is killed when it is dropped before its end.
pub struct Daemon {
    child: Child,
    /// Log lines, each a JSON object.
    lines: Receiver<String>,
    /// The lines that were taken so far.
    log: Vec<String>,
    kept: Kept,
}

impl Daemon {
    /// Starts `run` (which has to log JSON).
    pub fn start(run: Pintle) -> Daemon {
        let (mut child, kept) = run.start(|command| {
            die_with_parent(command);
            command.stderr(Stdio::piped())
        });
        let stderr = child.stderr.take().expect("it is a pipe");
        let (tell, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines() {
                let line = line.expect("the program writes UTF-8");
                if tell.send(line).is_err() {
                    break;
                }
            }
        });
        Daemon {
            child,
            lines,
            log: Vec::new(),
            kept,
        }
    }

    /// Waits for the line whose message starts so, and returns its fields.
    pub fn says(&mut self, start: &str) -> Value {
        loop {
            let fields = self.line();
            if fields["message"]
                .as_str()
                .is_some_and(|message| message.starts_with(start))
            {
                return fields;
            }
        }
    }

    /// Waits for the end of the next pass: `(trigger, commits)`, or `(trigger, error)` of one that
    /// failed.
    pub fn pass(&mut self) -> (String, Result<u64, String>) {
        loop {
            let fields = self.line();
            let trigger = || {
                fields["trigger"]
                    .as_str()
                    .expect("a pass has a trigger")
                    .to_owned()
            };
            match fields["message"].as_str() {
                Some("pass") => {
                    return (
                        trigger(),
                        Ok(fields["commits"].as_u64().expect("commits are counted")),
                    );
                }
                Some("pass failed") => {
                    return (
                        trigger(),
                        Err(fields["error"]
                            .as_str()
                            .expect("a failure has an error")
                            .to_owned()),
                    );
                }
                _ => {}
            }
        }
    }

    /// Waits until it listens: `127.0.0.1:port`.
    pub fn address(&mut self) -> String {
        let line = self.says("listening on ");
        let message = line["message"].as_str().expect("it was looked at");
        message.trim_start_matches("listening on ").to_owned()
    }

    /// Sends it a signal: `TERM`, `INT`.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("sh")
            .args(["-c", &format!("kill -{name} {}", self.child.id())])
            .status();
        assert!(sent.expect("sh starts").success());
    }

    /// Waits for its end: the exit code (`None` when a signal ended it), and all that it logged.
    pub fn end(mut self) -> (Option<i32>, String) {
        let code = self.child.wait().expect("it ends").code();
        while let Ok(line) = self.lines.recv_timeout(DEADLINE) {
            self.log.push(line);
        }
        let log = std::mem::take(&mut self.log).join("\n");
        self.kept.check(&log);
        (code, log)
    }

    /// Asks it to stop, and waits for its end, which has to be a good one. Returns all that it
    /// logged.
    pub fn stop(self) -> String {
        self.signal("TERM");
        let (code, log) = self.end();
        assert_eq!(code, Some(0), "{log}");
        log
    }

    fn line(&mut self) -> Value {
        let line = self.lines.recv_timeout(DEADLINE);
        let line = line.unwrap_or_else(|why| panic!("{why}, after:\n{}", self.log.join("\n")));
        self.log.push(line.clone());
        let line: Value =
            serde_json::from_str(&line).unwrap_or_else(|_| panic!("not JSON: {line}"));
        line["fields"].clone()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // Both fail only when it has already been waited for.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if !std::thread::panicking() {
            self.log.extend(self.lines.iter());
            self.kept.check(&self.log.join("\n"));
        }
    }
}

/// A webhook as a Forgejo sends it.
#[derive(Clone, Debug)]
pub struct Hook {
    pub event: &'static str,
    pub body: Vec<u8>,
    /// Hex.
    pub signature: String,
}

impl Hook {
    pub fn signed(secret: &str, event: &'static str, body: &str) -> Hook {
        let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("any key will do");
        let signature = hex::encode(mac.chain_update(body).finalize().into_bytes());
        Hook {
            event,
            body: body.into(),
            signature,
        }
    }

    pub fn send(&self, address: &str) -> Reply {
        let hub = format!("sha256={}", self.signature);
        let headers = [
            ("Content-Type", "application/json"),
            ("X-Forgejo-Delivery", "f6266f16-1bf3-46a5-9ea4-602e06ead473"),
            ("X-Forgejo-Event", self.event),
            ("X-Forgejo-Signature", &self.signature),
            ("X-Gitea-Event", self.event),
            ("X-Gitea-Signature", &self.signature),
            ("X-Hub-Signature-256", &hub),
        ];
        request(address, "POST", "/hooks/forgejo", &headers, &self.body).expect("it answers")
    }
}

/// Status and text of a probe.
pub fn probe(address: &str, path: &str) -> (u16, String) {
    let reply = ask(address, "GET", path, &[]);
    (
        reply.status,
        String::from_utf8(reply.body).expect("it is text"),
    )
}
