//! A small infra repo in a real forge, the registries its images come from, an account for pintle,
//! and people. For runs of the built program from one end to the other, through HTTP only. Decides
//! nothing about a test.

use std::path::Path;

use secrecy::ExposeSecret;
use serde_json::Value;
use tempfile::TempDir;

use super::cmd::{Output, Pintle};
use super::forge_proxy::ForgeProxy;
use super::forge_repo::{Comment, Repo};
use super::gitea::{Account, Gitea};
use super::line::{Registries, path, stack};

/// A forge with the repo `ops/infra`.
pub struct ForgeLine {
    pub registries: Registries,
    pub repo: Repo,
    /// pintle's account; administrates the repo.
    pub bot: Account,
    /// May write.
    pub ana: Account,
    pub proxy: Option<ForgeProxy>,
    pub gitea: Gitea,
    clones: TempDir,
}

impl ForgeLine {
    /// A forge whose stacks run one image each (name, image); `config` ends the repo's
    /// `pintle.toml`.
    pub fn of_stacks(stacks: &[(&str, &str)], config: &str) -> ForgeLine {
        ForgeLine::new(Gitea::start(), None, stacks, config)
    }

    /// The same, and pintle sees the forge through a proxy only.
    pub fn behind_a_proxy(stacks: &[(&str, &str)], config: &str) -> ForgeLine {
        let proxy = ForgeProxy::start();
        let gitea = Gitea::start_behind(&proxy.url());
        proxy.forward_to(&gitea.address());
        ForgeLine::new(gitea, Some(proxy), stacks, config)
    }

    fn new(
        gitea: Gitea,
        proxy: Option<ForgeProxy>,
        stacks: &[(&str, &str)],
        config: &str,
    ) -> ForgeLine {
        let registries = Registries::start();
        let (ops, bot, ana) = (
            gitea.user("ops"),
            gitea.user("pintle-bot"),
            gitea.user("ana"),
        );
        let repo = gitea.repo(&ops, "infra", false);
        repo.collaborator(&bot, "admin");
        repo.collaborator(&ana, "write");
        let line = ForgeLine {
            registries,
            repo,
            bot,
            ana,
            proxy,
            gitea,
            clones: tempfile::tempdir().expect("a temporary folder"),
        };
        let mut files: Vec<(String, String)> = stacks
            .iter()
            .map(|(name, image)| (path(name), stack(name, &[image])))
            .collect();
        files.push(("pintle.toml".into(), line.registries.config() + config));
        for (_, image) in stacks {
            line.registries.put(image, "first");
        }
        let files: Vec<(&str, &[u8])> = files
            .iter()
            .map(|(path, text)| (path.as_str(), text.as_bytes()))
            .collect();
        line.repo.push_files("Start", &files);
        line
    }

    /// The repo's page, as pintle is told it.
    pub fn forge(&self) -> String {
        let base = self
            .proxy
            .as_ref()
            .map_or_else(|| self.gitea.url(), ForgeProxy::url);
        format!("{}/{}", base.trim_end_matches('/'), self.repo.full_name())
    }

    /// A run of `command` with pintle's token in the environment, all of its log lines, and the
    /// clones kept here.
    pub fn pintle(&self, command: &str, more: &[&str]) -> Pintle {
        self.pintle_in(self.clones.path(), command, more)
    }

    /// The same for a command of several words.
    pub fn pintle_to(&self, command: &[&str], more: &[&str]) -> Pintle {
        self.prepared(self.clones.path(), command, more)
    }

    /// The same with another folder for clones: another replica.
    pub fn pintle_in(&self, clones: &Path, command: &str, more: &[&str]) -> Pintle {
        self.prepared(clones, &[command], more)
    }

    fn prepared(&self, clones: &Path, command: &[&str], more: &[&str]) -> Pintle {
        let (forge, clones) = (self.forge(), clones.display().to_string());
        let mut args = [command, &["-vv", "--forge", &forge, "--cache-dir", &clones]].concat();
        args.extend(more);
        Pintle::new(self.clones.path(), args).env("PINTLE_TOKEN", self.bot.token.expose_secret())
    }

    /// A `sync` that has to do all that was to be done.
    pub fn sync(&self) -> Output {
        let output = self.pintle("sync", &[]).run();
        assert_eq!(output.code, Some(0), "{}\n{}", output.stdout, output.stderr);
        output
    }

    /// A plan as JSON.
    pub fn plan(&self) -> Value {
        let output = self.pintle("plan", &["--output", "json"]).run();
        assert_eq!(output.code, Some(0), "{}", output.stderr);
        serde_json::from_str(&output.stdout).expect("standard output is JSON and nothing else")
    }

    /// A stack's file at a branch's tip.
    pub fn text(&self, stack: &str, branch: &str) -> String {
        let bytes = self
            .repo
            .file(&path(stack), branch)
            .unwrap_or_else(|| panic!("{stack} is not on {branch}"));
        String::from_utf8(bytes).expect("it is UTF-8")
    }

    /// Moves an image's tag upstream and returns the new digest.
    pub fn moves(&self, image: &str, seed: &str) -> String {
        self.registries.put(image, seed)
    }

    /// What pintle answered to a comment: each of its replies that marks it.
    pub fn replies(&self, number: u64, comment: u64) -> Vec<Comment> {
        let marker = format!("<!-- pintle:answer {comment} -->");
        let all = self.repo.comments(number).into_iter();
        all.filter(|one| one.author == self.bot.login && one.body.starts_with(&marker))
            .collect()
    }
}
