//! Commits as people and forges want them: signed, signed off, with a prefix; pull requests that
//! name people and show the proof. Verified by git itself and by a real Gitea.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use crate::support::cmd::{Output, Pintle};
use crate::support::forge_line::ForgeLine;
use crate::support::forge_repo::number;
use crate::support::gitea::text;
use crate::support::line::Line;

const NGINX: &str = "docker.io/library/nginx:latest";
const GIT: &str = "\n[git]\nauthor_name = \"pintle\"\nauthor_email = \"pintle@example.org\"\n\
     sign_off = true\nsubject_prefix = \"chore(deps):\"\n";

/// A key for signatures, in a folder of its own.
struct SigningKey {
    folder: TempDir,
}

impl SigningKey {
    fn make() -> SigningKey {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let made = Command::new("ssh-keygen")
            .args(["-q", "-t", "ed25519", "-N", "", "-C", "pintle", "-f"])
            .arg(folder.path().join("key"))
            .status();
        assert!(made.expect("ssh-keygen starts").success());
        SigningKey { folder }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("key")
    }

    /// `ssh-ed25519 AAAA… pintle`
    fn public(&self) -> String {
        let text = fs::read_to_string(self.folder.path().join("key.pub"));
        text.expect("it was made").trim().to_owned()
    }

    /// Whether git accepts the signature of a commit by this key.
    fn verifies(&self, repo: &Path, commit: &str) -> bool {
        let signers = self.folder.path().join("signers");
        fs::write(&signers, format!("pintle@example.org {}\n", self.public()))
            .expect("it can be written");
        let verified = Command::new("git")
            .arg("-C")
            .arg(repo)
            .arg("-c")
            .arg(format!("gpg.ssh.allowedSignersFile={}", signers.display()))
            .args(["verify-commit", commit])
            .output();
        verified.expect("git starts").status.success()
    }
}

fn signs(pintle: Pintle, key: &SigningKey) -> Output {
    let output = pintle.env("PINTLE_SIGNING_KEY_FILE", key.file()).run();
    assert_eq!(output.code, Some(0), "{}\n{}", output.stdout, output.stderr);
    output
}

#[test]
fn git_accepts_the_signature_and_the_message_is_signed_off() {
    let (line, key) = (Line::of_stacks(&[("web", NGINX)], GIT), SigningKey::make());
    signs(line.pintle("sync", &[]), &key);
    let repo = line.remote.path();
    assert!(key.verifies(&repo, "main"));
    assert!(
        !SigningKey::make().verifies(&repo, "main"),
        "not of any key"
    );
    let message = line.remote.ask(&["log", "-1", "--format=%B", "main"]);
    assert!(message.starts_with("chore(deps): web: pin "), "{message}");
    let trailers = line
        .remote
        .ask(&["log", "-1", "--format=%(trailers)", "main"]);
    let last = trailers.trim().lines().last().unwrap_or_default();
    assert_eq!(last, "Signed-off-by: pintle <pintle@example.org>");
    assert!(trailers.contains("Pintle-Action: adopt"), "{trailers}");
    line.remote.ask(&["fsck", "--strict"]);

    let before = line.refs();
    signs(line.pintle("sync", &[]), &key);
    assert_eq!(
        line.refs(),
        before,
        "its own commit is read, and nothing is left to do"
    );
    line.registries.put(NGINX, "second");
    signs(line.pintle("sync", &[]), &key);
    assert!(key.verifies(&repo, "main"));
    let log = line.run("log", &[]);
    assert_eq!(
        log.stdout
            .lines()
            .filter(|line| line.contains("nginx"))
            .count(),
        2,
        "{log:?}"
    );
}

#[test]
fn without_a_key_commits_are_not_signed() {
    let (line, key) = (Line::of_stacks(&[("web", NGINX)], ""), SigningKey::make());
    line.sync();
    assert!(!key.verifies(&line.remote.path(), "main"));
    let message = line.remote.ask(&["log", "-1", "--format=%B", "main"]);
    assert!(
        message.starts_with("web: pin ") && !message.contains("Signed-off-by"),
        "{message}"
    );
}

#[test]
fn a_key_that_cannot_be_used_is_refused_before_anything_is_written() {
    let line = Line::of_stacks(&[("web", NGINX)], "");
    let before = line.refs();
    let output = line
        .pintle("sync", &[])
        .env("PINTLE_SIGNING_KEY", "no key at all")
        .run();
    assert_eq!(output.code, Some(2), "{output:?}");
    assert!(
        output.stderr.contains("the signing key cannot be read"),
        "{output:?}"
    );
    assert_eq!(line.refs(), before);
}

/// What the forge says of the signature of a branch's tip.
fn verification(line: &ForgeLine, branch: &str) -> Value {
    let tip = line.repo.tip(branch).expect("the branch is there");
    let path = line.repo.path(&format!("/git/commits/{tip}"));
    line.repo.owner.get(&path)["commit"]["verification"].clone()
}

#[test]
fn the_forge_shows_the_signature_as_verified_and_the_proof_as_a_status() {
    let people =
        "\n[[rule]]\nmatch = { stack = \"web\" }\nassignees = [\"ana\"]\nreviewers = [\"ops\"]\n";
    let mut line = ForgeLine::of_stacks(&[("web", NGINX)], &format!("{GIT}{people}"));
    let key = SigningKey::make();
    line.gitea.trust_signatures_of(&key.public());
    signs(line.pintle("sync", &[]), &key);
    let verified = verification(&line, "pintle/web");
    assert_eq!(verified["verified"], true, "{verified}");

    let pulls = line.repo.pulls("open");
    assert_eq!(pulls.len(), 1, "{pulls:#?}");
    let title = text(&pulls[0]["title"]);
    assert!(title.starts_with("chore(deps): web: pin "), "{title}");
    let logins = |list: &Value| -> Vec<String> {
        let all = list.as_array().into_iter().flatten();
        all.map(|one| text(&one["login"])).collect()
    };
    assert_eq!(logins(&pulls[0]["assignees"]), ["ana"]);
    assert_eq!(logins(&pulls[0]["requested_reviewers"]), ["ops"]);

    let head = text(&pulls[0]["head"]["sha"]);
    let statuses = line
        .repo
        .owner
        .list(&line.repo.path(&format!("/commits/{head}/statuses")));
    let statuses: Vec<(String, String)> = statuses
        .iter()
        .map(|status| (text(&status["context"]), text(&status["status"])))
        .collect();
    assert_eq!(
        statuses,
        [("pintle/proof".to_owned(), "success".to_owned())]
    );

    // Nothing is done again, and the merged commit is known.
    signs(line.pintle("sync", &[]), &key);
    assert_eq!(line.repo.tip("pintle/web"), Some(head));
    line.repo.merge(number(&pulls[0]), "rebase");
    signs(line.pintle("sync", &[]), &key);
    assert_eq!(line.repo.pulls("open"), [] as [Value; 0]);
}

#[test]
fn a_reviewer_that_does_not_exist_stops_no_pull_request() {
    let people = "\n[[rule]]\nmatch = { stack = \"web\" }\nassignees = [\"nobody-1\"]\nreviewers = [\"nobody-2\"]\n";
    let line = ForgeLine::of_stacks(&[("web", NGINX)], people);
    let output = line.pintle("sync", &[]).run();
    assert_eq!(output.code, Some(3), "{output:?}");
    assert!(
        output.stderr.contains("could not be assigned"),
        "{}",
        output.stderr
    );
    assert!(
        output.stderr.contains("no review of #1 was asked for"),
        "{}",
        output.stderr
    );
    assert_eq!(line.repo.pulls("open").len(), 1);
    line.sync();
}
