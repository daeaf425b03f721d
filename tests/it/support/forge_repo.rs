//! One repository on a forge: what a person does in it and what there is to see, through HTTP only.
//! Decides nothing about a test; a request that has to work and does not ends it.

use std::fs::{create_dir_all, write};
use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::git::{BRANCH, command};
use super::gitea::{Account, Answer, id, text};
use super::http;

/// How long the forge may compute whether a pull request can be merged.
const DEADLINE: Duration = Duration::from_secs(30);

/// A repository, as its owner and the administrator see it.
#[derive(Clone, Debug)]
pub struct Repo {
    pub owner: Account,
    pub name: String,
    admin: Account,
    clones: Arc<Clones>,
}

#[derive(Debug)]
struct Clones {
    folder: TempDir,
    count: AtomicU32,
}

/// A commit as the forge tells it.
#[derive(Clone, Debug, PartialEq)]
pub struct Commit {
    pub sha: String,
    pub message: String,
    pub parents: Vec<String>,
    /// `Name <address>`.
    pub author: String,
}

/// A comment on an issue or a pull request.
#[derive(Clone, Debug, PartialEq)]
pub struct Comment {
    pub id: u64,
    pub author: String,
    pub body: String,
    pub created: String,
    pub updated: String,
}

impl Repo {
    pub(super) fn new(admin: &Account, owner: &Account, name: &str) -> Repo {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let clones = Arc::new(Clones {
            folder,
            count: AtomicU32::new(0),
        });
        Repo {
            owner: owner.clone(),
            name: name.to_owned(),
            admin: admin.clone(),
            clones,
        }
    }

    /// `owner/name`.
    pub fn full_name(&self) -> String {
        format!("{}/{}", self.owner.login, self.name)
    }

    /// `http://127.0.0.1:port/owner/name`.
    pub fn url(&self) -> String {
        format!("http://{}/{}", self.admin.address(), self.full_name())
    }

    /// What git clones.
    pub fn clone_url(&self) -> String {
        format!("{}.git", self.url())
    }

    /// `/repos/owner/name` + `rest`, for [`Account::call`] and its like.
    pub fn path(&self, rest: &str) -> String {
        format!("/repos/{}{rest}", self.full_name())
    }

    // Git

    /// Commits the files (path, bytes) to `main` as the owner and pushes. Returns the commit's id.
    pub fn push_files(&self, message: &str, files: &[(&str, &[u8])]) -> String {
        let pushed = self.push(&self.owner, BRANCH, message, files);
        pushed.unwrap_or_else(|said| panic!("push to {}: {said}", self.full_name()))
    }

    /// Commits to a branch as somebody and pushes; a branch that is not there starts at `main`.
    /// Returns the commit's id or what git said.
    pub fn push(
        &self,
        who: &Account,
        branch: &str,
        message: &str,
        files: &[(&str, &[u8])],
    ) -> Result<String, String> {
        self.prepare(who, branch, message, files).push()
    }

    /// Commits to a branch as somebody and leaves the push to the caller, who lets something else
    /// happen before.
    pub fn prepare(
        &self,
        who: &Account,
        branch: &str,
        message: &str,
        files: &[(&str, &[u8])],
    ) -> Push {
        let number = self.clones.count.fetch_add(1, Ordering::Relaxed);
        let clone = self.clones.folder.path().join(number.to_string());
        create_dir_all(&clone).expect("a folder of its own");
        let push = Push {
            url: self.clone_url(),
            clone,
            who: who.clone(),
            branch: branch.to_owned(),
            number,
        };
        let start = self.tip(branch).or_else(|| self.tip(BRANCH));
        push.must(&["init", "--quiet", "--initial-branch=work"]);
        push.must(&["remote", "add", "origin", &push.url]);
        if let Some(start) = start {
            push.must(&["fetch", "--quiet", "--depth=1", "origin", &start]);
            push.must(&["reset", "--quiet", "--hard", &start]);
        }
        for (path, bytes) in files {
            let path = push.clone.join(path);
            create_dir_all(path.parent().expect("a file has a folder"))
                .expect("the folder can be made");
            write(path, bytes).expect("the file can be written");
        }
        push.must(&["add", "--all", "--force"]);
        push.must(&["commit", "--quiet", "--allow-empty", "-m", message]);
        push
    }

    /// The bytes of a file at a branch, a tag or a commit; `None` when it is not there.
    pub fn file(&self, path: &str, reference: &str) -> Option<Vec<u8>> {
        let answer = self.admin.call(
            "GET",
            &self.path(&format!("/contents/{path}?ref={reference}")),
            &Value::Null,
        );
        match answer.status {
            404 => None,
            _ => Some(
                STANDARD
                    .decode(text(&answer.body["content"]))
                    .expect("the forge sends base64"),
            ),
        }
    }

    pub fn branches(&self) -> Vec<String> {
        self.list("/branches")
            .iter()
            .map(|branch| text(&branch["name"]))
            .collect()
    }

    /// The newest commit of a branch; `None` when there is no such branch.
    pub fn tip(&self, branch: &str) -> Option<String> {
        let answer = self.admin.call(
            "GET",
            &self.path(&format!("/branches/{branch}")),
            &Value::Null,
        );
        (answer.status == 200).then(|| text(&answer.body["commit"]["id"]))
    }

    /// The commits of a branch, newest first.
    pub fn commits(&self, branch: &str) -> Vec<Commit> {
        let found = self.list(&format!(
            "/commits?sha={branch}&stat=false&verification=false&files=false"
        ));
        found.iter().map(commit).collect()
    }

    pub fn delete_branch(&self, branch: &str) {
        self.delete(&format!("/branches/{branch}"));
    }

    // People and rights

    /// Gives somebody `read`, `write` or `admin`.
    pub fn collaborator(&self, who: &Account, permission: &str) {
        self.admin.must(
            "PUT",
            &self.path(&format!("/collaborators/{}", who.login)),
            &json!({"permission": permission}),
        );
    }

    pub fn remove_collaborator(&self, who: &Account) {
        self.delete(&format!("/collaborators/{}", who.login));
    }

    /// Sets the protection of a branch to these options of `BranchProtection`, whatever it was
    /// before.
    pub fn protect(&self, branch: &str, options: &Value) {
        self.unprotect(branch);
        let mut options = options.clone();
        options["rule_name"] = branch.into();
        self.admin.post(&self.path("/branch_protections"), &options);
    }

    pub fn unprotect(&self, branch: &str) {
        let path = self.path(&format!(
            "/branch_protections/{}",
            branch.replace('/', "%2F")
        ));
        let answer = self.admin.call("DELETE", &path, &Value::Null);
        assert!([204, 404].contains(&answer.status), "{path}: {answer:?}");
    }

    // Issues and pull requests

    /// Opens an issue as somebody. Returns its number.
    pub fn issue(&self, who: &Account, title: &str) -> u64 {
        number(&who.post(&self.path("/issues"), &json!({"title": title})))
    }

    /// Opens a pull request of a branch into `main` as somebody. Returns its number.
    pub fn open(&self, who: &Account, head: &str, title: &str, body: &str) -> u64 {
        number(&who.post(
            &self.path("/pulls"),
            &json!({"head": head, "base": BRANCH, "title": title, "body": body}),
        ))
    }

    /// The pull requests that are `open`, `closed` or `all`, as the API tells them, oldest first.
    pub fn pulls(&self, state: &str) -> Vec<Value> {
        let mut pulls = self.list(&format!("/pulls?state={state}"));
        pulls.sort_by_key(number);
        pulls
    }

    pub fn pull(&self, number: u64) -> Value {
        self.admin.get(&self.path(&format!("/pulls/{number}")))
    }

    /// Merges as the owner with `merge`, `rebase`, `rebase-merge`, `squash` or `fast-forward-only`;
    /// waits while the forge computes whether it can.
    pub fn merge(&self, number: u64, style: &str) {
        let answer = self.try_merge(&self.owner, number, &json!({"Do": style}));
        assert_eq!(answer.status, 200, "merge of {number}: {}", answer.body);
    }

    /// Asks for a merge with these options of `MergePullRequest` until the answer is another than
    /// "try again later", for half a minute: the forge says so while it computes, and for ever when
    /// there is a conflict.
    pub fn try_merge(&self, who: &Account, number: u64, options: &Value) -> Answer {
        let start = Instant::now();
        loop {
            let answer = who.call(
                "POST",
                &self.path(&format!("/pulls/{number}/merge")),
                options,
            );
            let computing =
                answer.status == 405 && text(&answer.body["message"]).contains("try again later");
            if !computing || start.elapsed() > DEADLINE {
                return answer;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Closes an issue or a pull request as the owner.
    pub fn close(&self, number: u64) {
        self.edit(number, &json!({"state": "closed"}));
    }

    pub fn reopen(&self, number: u64) {
        self.edit(number, &json!({"state": "open"}));
    }

    /// Edits an issue or a pull request as the owner: `title`, `body`, `state`.
    pub fn edit(&self, number: u64, change: &Value) {
        self.owner
            .must("PATCH", &self.path(&format!("/issues/{number}")), change);
    }

    /// Says something on an issue or a pull request. Returns the comment's id.
    pub fn comment(&self, number: u64, body: &str, who: &Account) -> u64 {
        id(&who.post(
            &self.path(&format!("/issues/{number}/comments")),
            &json!({"body": body}),
        ))
    }

    pub fn edit_comment(&self, comment: u64, body: &str, who: &Account) {
        who.must(
            "PATCH",
            &self.path(&format!("/issues/comments/{comment}")),
            &json!({"body": body}),
        );
    }

    pub fn delete_comment(&self, comment: u64) {
        self.delete(&format!("/issues/comments/{comment}"));
    }

    /// The comments on an issue or a pull request, oldest first.
    pub fn comments(&self, number: u64) -> Vec<Comment> {
        // This list has no pages.
        let all = self
            .admin
            .get(&self.path(&format!("/issues/{number}/comments")));
        all.as_array().expect("a list").iter().map(said).collect()
    }

    /// Who reacted to a comment with what, such as `eyes`.
    pub fn reactions(&self, comment: u64) -> Vec<(String, String)> {
        let all = self
            .admin
            .get(&self.path(&format!("/issues/comments/{comment}/reactions")));
        let all = all.as_array().cloned().unwrap_or_default();
        all.iter()
            .map(|reaction| (text(&reaction["user"]["login"]), text(&reaction["content"])))
            .collect()
    }

    /// The names of the labels of an issue or a pull request, sorted.
    pub fn labels_of(&self, number: u64) -> Vec<String> {
        let all = self
            .admin
            .get(&self.path(&format!("/issues/{number}/labels")));
        let mut names: Vec<String> = all
            .as_array()
            .into_iter()
            .flatten()
            .map(|label| text(&label["name"]))
            .collect();
        names.sort();
        names
    }

    pub fn labels(&self) -> Vec<Value> {
        self.list("/labels")
    }

    pub fn hooks(&self) -> Vec<Value> {
        self.list("/hooks")
    }

    /// Sets a commit's status to `pending`, `success`, `error`, `failure` or `warning` as somebody.
    pub fn set_status(
        &self,
        sha: &str,
        context: &str,
        state: &str,
        description: &str,
        who: &Account,
    ) {
        let status = json!({"context": context, "state": state, "description": description});
        who.post(&self.path(&format!("/statuses/{sha}")), &status);
    }

    // What a person sees

    /// The page of an issue or a pull request, as HTML, as the administrator sees it.
    pub fn rendered(&self, number: u64) -> String {
        let pull = self
            .admin
            .call("GET", &self.path(&format!("/pulls/{number}")), &Value::Null)
            .status
            == 200;
        let kind = if pull { "pulls" } else { "issues" };
        let headers = [("X-WEBAUTH-USER", self.admin.login.as_str())];
        let reply = http::ask(
            self.admin.address(),
            "GET",
            &format!("/{}/{kind}/{number}", self.full_name()),
            &headers,
        );
        assert_eq!(reply.status, 200, "the page of {number}");
        String::from_utf8(reply.body).expect("a page is UTF-8")
    }

    /// What the page shows of the texts that people wrote, as HTML: the issue's own, then its
    /// comments'.
    pub fn shown(&self, number: u64) -> Vec<String> {
        let page = self.rendered(number);
        let parts = page.split("<div class=\"render-content markup\"").skip(1);
        let shown = parts.map(|part| {
            // The text as its author would edit it comes right after, hidden.
            let (part, _) = part
                .split_once("class=\"raw-content")
                .expect("the text is there to be edited");
            let (part, _) = part
                .rsplit_once("</div>")
                .expect("what is shown has an end");
            part.split_once('>')
                .expect("what is shown has a start")
                .1
                .trim()
                .to_owned()
        });
        shown.collect()
    }

    /// What the forge makes of a text in a comment of this repository, as HTML.
    pub fn markdown(&self, text: &str) -> String {
        let options = json!({"Text": text, "Mode": "comment", "Context": self.full_name()});
        let html = self.admin.post("/markdown", &options);
        html.as_str().unwrap_or_default().to_owned()
    }

    fn list(&self, rest: &str) -> Vec<Value> {
        self.admin.list(&self.path(rest))
    }

    fn delete(&self, rest: &str) {
        self.admin.must("DELETE", &self.path(rest), &Value::Null);
    }
}

/// A commit in a clone of its own that is not pushed yet.
pub struct Push {
    /// Where it goes; a test may put a proxy's address here.
    pub url: String,
    clone: PathBuf,
    who: Account,
    branch: String,
    number: u32,
}

impl Push {
    /// Pushes it. Returns the commit's id or what git said.
    pub fn push(&self) -> Result<String, String> {
        self.send(&[])
    }

    /// Pushes it over whatever is there.
    pub fn force(&self) -> Result<String, String> {
        self.send(&["--force"])
    }

    fn send(&self, options: &[&str]) -> Result<String, String> {
        let target = format!("HEAD:refs/heads/{}", self.branch);
        let output = self.git(&[&["push", &self.url, &target], options].concat());
        match output.status.success() {
            true => Ok(self.must(&["rev-parse", "HEAD"]).trim().to_owned()),
            false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
        }
    }

    fn must(&self, args: &[&str]) -> String {
        let output = self.git(args);
        assert!(
            output.status.success(),
            "git {}: {}",
            args.join(" "),
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    fn git(&self, args: &[&str]) -> Output {
        git_as(&self.who, &self.clone, args, self.number)
            .output()
            .expect("git starts")
    }
}

/// A git command of somebody, who is its author and whose token goes in the environment, never in
/// an argument.
pub fn git_as(who: &Account, at: &Path, args: &[&str], minute: u32) -> std::process::Command {
    let address = format!("{}@example.org", who.login);
    let mut command = command(at, args, minute);
    command
        .env("GIT_CONFIG_COUNT", "1")
        .env("GIT_CONFIG_KEY_0", "http.extraHeader")
        .env(
            "GIT_CONFIG_VALUE_0",
            format!("Authorization: {}", who.basic()),
        );
    for role in ["AUTHOR", "COMMITTER"] {
        command
            .env(format!("GIT_{role}_NAME"), &who.login)
            .env(format!("GIT_{role}_EMAIL"), &address);
    }
    command
}

/// The number that an issue or a pull request goes by.
pub fn number(value: &Value) -> u64 {
    value["number"]
        .as_u64()
        .unwrap_or_else(|| panic!("no number in {value}"))
}

fn commit(value: &Value) -> Commit {
    let (inner, parents) = (&value["commit"], value["parents"].as_array());
    Commit {
        sha: text(&value["sha"]),
        message: text(&inner["message"]),
        parents: parents
            .into_iter()
            .flatten()
            .map(|parent| text(&parent["sha"]))
            .collect(),
        author: format!(
            "{} <{}>",
            text(&inner["author"]["name"]),
            text(&inner["author"]["email"])
        ),
    }
}

fn said(value: &Value) -> Comment {
    Comment {
        id: id(value),
        author: text(&value["user"]["login"]),
        body: text(&value["body"]),
        created: text(&value["created_at"]),
        updated: text(&value["updated_at"]),
    }
}
