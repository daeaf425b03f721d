//! A forge made by hand, and a repo of real text.

use super::*;
use crate::model::ask::{Command, Right};
use crate::pipeline::answer::Outcome;
use crate::pipeline::forge::{
    Account, Ask, Branch, Checks, CommentRef, Direct, Forge, Pipeline, PullRequest, PullState,
    Said, branch_name,
};
use crate::pipeline::{Asked, Change, Delivery};
use crate::terraform::files::Entry;
use std::collections::BTreeSet;

pub fn commit(c: char) -> CommitId {
    CommitId::parse(&c.to_string().repeat(40)).expect("id")
}

pub fn url(path: &str) -> url::Url {
    format!("https://forge.example.org/ops/infra/{path}")
        .parse()
        .expect("url")
}

pub fn forge() -> Forge {
    Forge {
        me: Account {
            id: 1,
            login: "pintle".into(),
        },
        url: url(""),
        direct: Direct::Allowed,
        faults: Vec::new(),
        merges_newest_only: false,
        has_pull_requests: true,
        pulls: Vec::new(),
        asks: Vec::new(),
        pipeline: None,
    }
}

/// The open pull request of a change, as pintle would have made it.
pub fn pull(number: u64, change: &Change) -> PullRequest {
    proposed(number, &change.name, change.pins.clone())
}

pub fn proposed(number: u64, name: &str, pins: Vec<PinRecord>) -> PullRequest {
    PullRequest {
        number,
        name: branch_name(name).into(),
        url: url(&format!("pulls/{number}")),
        title: name.into(),
        state: PullState::Open,
        head: commit('d'),
        created: at(NOW),
        pins,
        checks: Seen::NotAsked,
        marks: Default::default(),
        draft: false,
        reviews: Seen::NotAsked,
        left: BTreeSet::new(),
    }
}

pub fn branch(pull: &PullRequest) -> Branch {
    Branch {
        name: pull.name.clone(),
        tip: pull.head.clone(),
        parent: Some(commit('a')),
        at: at(NOW),
        own: true,
        merged: false,
        pins: pull.pins.clone(),
    }
}

/// A comment in issue 3 by a person who may write.
pub fn comment(id: u64, commands: Vec<Command>) -> Ask {
    Ask {
        comment: CommentRef {
            id,
            issue: 3,
            url: url(&format!("issues/3#issuecomment-{id}")),
            at: at("2026-11-22T11:55:00Z"),
        },
        author: Account {
            id: 7,
            login: "ana".into(),
        },
        right: Seen::Known(Right::Write),
        said: Said::Commands(commands),
        acknowledged: true,
    }
}

pub fn pipeline(checks: Checks) -> Pipeline {
    Pipeline {
        commit: commit('a'),
        subject: "immich: pin server".into(),
        at: at("2026-11-22T11:50:00Z"),
        checks,
        expected: true,
        pull: None,
        reported: false,
    }
}

pub fn closed(mut pull: PullRequest) -> PullRequest {
    pull.state = PullState::Closed {
        at: at("2026-11-20T09:00:00Z"),
    };
    pull
}

impl Snapshot {
    /// The same with a forge.
    pub fn forged(mut self, change: impl FnOnce(&mut Forge)) -> Self {
        let mut forge = match self.forge {
            Seen::Known(forge) => forge,
            _ => forge(),
        };
        change(&mut forge);
        self.forge = Seen::Known(forge);
        self
    }

    /// The same with a pull request and its branch.
    pub fn pulled(mut self, pull: PullRequest) -> Self {
        self.branches.push(branch(&pull));
        self.forged(|forge| forge.pulls.insert(0, pull))
    }

    /// The pull requests that the plan wants, opened as pintle would.
    pub fn opened(self) -> Self {
        let changes = self.plan().changes;
        changes
            .iter()
            .enumerate()
            .fold(self, |world, (index, change)| match change.delivery {
                Delivery::PullRequest { .. } => {
                    let number = 100 + u64::try_from(index).expect("few");
                    let exists = world.forge.known().is_some_and(|forge| {
                        crate::plan::pull_requests::find_open(forge, &change.name).is_some()
                    });
                    if exists {
                        world
                    } else {
                        world.pulled(pull(number, change))
                    }
                }
                Delivery::Commit => world,
            })
    }

    pub fn asked(self, asks: Vec<Ask>) -> Self {
        self.forged(|forge| forge.asks = asks)
    }

    /// What the first comment's commands come to.
    pub fn outcomes(&self) -> Vec<Outcome> {
        self.plan()
            .answers
            .into_iter()
            .next()
            .map(|answer| answer.outcomes)
            .unwrap_or_default()
    }

    /// A record of a pin at this site, newer than all before.
    pub fn recorded(
        mut self,
        site: usize,
        action: Action,
        from: Option<char>,
        to: Option<char>,
        comment: Option<u64>,
    ) -> Self {
        let (id, uses, image) = {
            let (_, site) = self.scan.sites().nth(site).expect("a site");
            let tag = site.image.tag.as_deref().unwrap_or("latest");
            let uses: Vec<String> = site.aliases.iter().map(ToString::to_string).collect();
            (
                site.id.to_string(),
                uses,
                format!("{}:{tag}", site.image.name),
            )
        };
        let asked = comment.map(|id| Asked {
            by: "ana (7)".into(),
            comment: url(&format!("issues/3#issuecomment-{id}")).to_string(),
            because: None,
        });
        let pin = PinRecord {
            action,
            site: id,
            uses,
            image,
            from_tag: None,
            from: from.map(digest),
            to: to.map(digest),
            cause: Cause::Command,
            evidence: None,
            asked,
        };
        let record = Recorded {
            commit: commit('c'),
            landed: commit('c'),
            at: at(if comment.is_some() {
                "2026-11-22T11:56:00Z"
            } else {
                "2026-11-21T00:00:00Z"
            }),
            author: "pintle".into(),
            subject: "x".into(),
            pin,
        };
        if let Seen::Known(history) = &mut self.history {
            *history = std::iter::once(record).chain(history.to_vec()).collect();
        }
        self
    }
}

/// One stack's file: containers with their images, each with what stands behind it on its line.
pub fn deployment(namespace: &str, containers: &[(&str, &str, &str)]) -> String {
    let containers: String = containers
        .iter()
        .map(|(name, image, comment)| {
            format!("        container {{\n          name  = \"{name}\"\n          image = \"{image}\"{comment}\n        }}\n")
        })
        .collect();
    format!(
        "resource \"kubernetes_deployment\" \"main\" {{\n  metadata {{\n    name      = \"app\"\n    namespace = \"{namespace}\"\n  }}\n  spec {{\n    template {{\n      spec {{\n{containers}      }}\n    }}\n  }}\n}}\n"
    )
}

/// A repo of these files, scanned; its configuration is read.
pub fn repo(files: &[(&str, &str)]) -> Snapshot {
    let mut all = Files::default();
    files.iter().for_each(|(name, text)| {
        all.insert(
            RepoPath::new(name).expect(name),
            Entry::Text(text.as_bytes().into()),
        )
    });
    looked_at(all)
}

pub fn looked_at(files: Files) -> Snapshot {
    let own = RepoPath::new(crate::config::FILE)
        .and_then(|path| files.bytes(&path).map(|bytes| bytes.to_vec()));
    let config = own.map_or_else(Config::default, |text| {
        Config::parse(std::str::from_utf8(&text).expect("text"), "pintle.toml")
            .unwrap_or_else(|error| panic!("{error}"))
    });
    let scan = crate::sites::scan(&files, &config.scan_settings(&files));
    Snapshot {
        files: files.into(),
        scan: scan.into(),
        config: config.into(),
        ..snapshot(Vec::new())
    }
}

/// The world after the plan's commits: proved, spliced, scanned again, and remembered.
pub fn carried_out(before: &Snapshot, plan: &Plan) -> Snapshot {
    let commits: Vec<Change> = plan
        .changes
        .iter()
        .filter(|change| change.delivery == Delivery::Commit)
        .cloned()
        .collect();
    crate::proof::prove_changes(before, &commits).unwrap_or_else(|why| panic!("{why}"));
    let edits: Vec<_> = commits
        .iter()
        .flat_map(|change| change.edits.clone())
        .collect();
    let after = looked_at(crate::proof::edit_files(&before.files, &edits).expect("edits"));
    let mut history = before
        .history
        .known()
        .map(|history| history.to_vec())
        .unwrap_or_default();
    for pin in commits.iter().flat_map(|change| &change.pins) {
        let record = Recorded {
            commit: commit('e'),
            landed: commit('e'),
            at: before.at,
            author: "pintle".into(),
            subject: "x".into(),
            pin: pin.clone(),
        };
        history.insert(0, record);
    }
    let config = if before
        .files
        .bytes(&RepoPath::new(crate::config::FILE).expect("path"))
        .is_some()
    {
        after.config
    } else {
        before.config.clone()
    };
    Snapshot {
        files: after.files,
        scan: after.scan,
        config,
        history: Seen::Known(history.into()),
        ledger: Seen::Known(plan.ledger.clone()),
        ..before.clone()
    }
}
