//! A cluster made by hand: one workload `immich/app` with a container `server`, what it ran before,
//! who set it.

use super::forge::*;
use super::*;
use crate::pipeline::Blame;
use crate::pipeline::cluster::{
    Cluster, Condition, Container, Pod, PodContainer, Revision, Rollout, Waiting, Workload, Writer,
};

pub const SERVER: &str = "ghcr.io/immich-app/server:release";

/// When pin `b` was written, when it was applied, when it was undone.
pub const PINNED: &str = "2026-11-22T11:50:00Z";
pub const APPLIED: &str = "2026-11-22T11:51:00Z";
pub const UNDONE: &str = "2026-11-22T11:58:00Z";

/// The repo with the server pinned at `pin`, of which `before` was pinned at `a`, then `b`.
pub fn world(pin: char) -> Snapshot {
    declared("deployment", pin, "", "")
}

pub fn declared(kind: &str, pin: char, beside: &str, config: &str) -> Snapshot {
    let text = deployment("immich", &[("server", &pinned(SERVER, pin), beside)]);
    let text = match kind {
        "statefulset" => text.replace("kubernetes_deployment", "kubernetes_stateful_set"),
        "daemonset" => text.replace("kubernetes_deployment", "kubernetes_daemonset"),
        _ => text,
    };
    let config = format!("[defaults]\nmode = \"commit\"\nsettle = \"0\"\n{config}");
    let world = repo(&[("stacks/immich/main.tf", &text), ("pintle.toml", &config)]);
    world
        .says(SERVER, 'b')
        .did(Action::Adopt, None, 'a', "2026-11-20T08:00:00Z")
        .did(Action::Update, Some('a'), 'b', PINNED)
}

pub fn image(c: char) -> String {
    pinned(SERVER, c)
}

pub fn revision(number: i64, image: &str, created: &str) -> Revision {
    Revision {
        name: format!("app-{number}").into(),
        hash: format!("h{image}").into(),
        number,
        earlier: Vec::new(),
        created: Some(at(created)),
        images: BTreeMap::from([("server".into(), image.into())]),
    }
}

/// A workload whose spec is that of its first revision, set by `manager` at a time; its pods run
/// and are ready.
pub fn workload(kind: &str, revisions: Vec<Revision>, manager: &str, time: &str) -> Workload {
    let image = revisions.first().map_or_else(
        || image('b').into(),
        |revision| revision.images["server"].clone(),
    );
    let hash = revisions.first().map(|revision| revision.hash.clone());
    Workload {
        kind: WorkloadKind::new(kind),
        namespace: "immich".into(),
        name: "app".into(),
        created: Some(at("2026-11-20T08:00:00Z")),
        release: None,
        controller: None,
        keel: BTreeMap::new(),
        replicas: (kind != "daemonset").then_some(1),
        containers: vec![Container {
            name: "server".into(),
            init: false,
            image: image.clone(),
            pull_policy: None,
            writers: vec![Writer {
                manager: manager.into(),
                at: Some(at(time)),
            }],
        }],
        revisions,
        rollout: Rollout {
            observed: true,
            complete: true,
            stuck: None,
            unavailable: None,
            halt: None,
            updated: 1,
            wanted: 1,
        },
        pods: vec![Pod {
            name: "app-1-x".into(),
            revision: hash,
            created: Some(at(time)),
            lost: None,
            unready: None,
            node: None,
            containers: vec![PodContainer {
                name: "server".into(),
                digest: Reference::parse(&image).and_then(|image| image.digest),
                repository: None,
                ready: true,
                restarts: 0,
                exit: None,
                started: Some(at(time)),
                waiting: None,
            }],
        }],
    }
}

/// Pinned at `a`, then `b` as revision 2.
pub fn applied(kind: &str) -> Workload {
    workload(
        kind,
        vec![
            revision(2, &image('b'), APPLIED),
            revision(1, &image('a'), "2026-11-20T08:01:00Z"),
        ],
        "Terraform",
        APPLIED,
    )
}

/// The same, and then `kubectl rollout undo`.
pub fn undone(kind: &str) -> Workload {
    let mut again = revision(3, &image('a'), "2026-11-20T08:01:00Z");
    if kind == "deployment" {
        again.earlier = vec![1];
    }
    workload(
        kind,
        vec![again, revision(2, &image('b'), APPLIED)],
        "kubectl-rollout",
        UNDONE,
    )
}

pub fn condition(reason: &str, since: &str) -> Option<Condition> {
    Some(Condition {
        reason: reason.into(),
        message: "".into(),
        since: Some(at(since)),
    })
}

/// The same with its server waiting for a reason, since it was made.
pub fn waiting(mut workload: Workload, container: &str, reason: &str) -> Workload {
    for status in workload
        .pods
        .iter_mut()
        .flat_map(|pod| &mut pod.containers)
        .filter(|status| &*status.name == container)
    {
        status.waiting = Some(Waiting {
            reason: reason.into(),
            message: "".into(),
        });
        status.ready = false;
        status.restarts = 3;
    }
    workload
}

/// What a reason quotes: the sentences in its fields.
fn sentences(reason: &Reason) -> Vec<&str> {
    match reason {
        Reason::NotApplied { why, .. }
        | Reason::LiveUnclear { why }
        | Reason::UndoUnclear { why }
        | Reason::NotRolledOut { why }
        | Reason::DriftNotTaken { why } => vec![why],
        Reason::NotRolledBack { evidence, why } => vec![evidence, why],
        Reason::DriftFound { evidence, next } => vec![evidence, next],
        _ => Vec::new(),
    }
}

/// Says whether a decision has a reason with this code that quotes this; any reason with the code
/// where nothing is to be quoted.
pub fn tells(decision: &Decision, code: &str, quoted: &str) -> bool {
    let mut own = decision
        .reasons
        .iter()
        .filter(|reason| reason.code() == code);
    own.any(|reason| {
        quoted.is_empty()
            || sentences(reason)
                .iter()
                .any(|sentence| sentence.contains(quoted))
    })
}

impl Snapshot {
    pub fn hosts(mut self, mut workloads: Vec<Workload>) -> Self {
        workloads.sort_by_key(|one| (one.kind.clone(), one.namespace.clone(), one.name.clone()));
        self.cluster = Seen::Known(Cluster {
            workloads,
            ..Cluster::default()
        });
        self
    }

    pub fn clustered(mut self, change: impl FnOnce(&mut Cluster)) -> Self {
        if let Seen::Known(cluster) = &mut self.cluster {
            change(cluster);
        }
        self
    }

    /// A record of the first site, newer than all before.
    pub fn did(self, action: Action, from: Option<char>, to: char, time: &str) -> Self {
        self.did_at(0, action, from, to, time)
    }

    pub fn did_at(
        self,
        site: usize,
        action: Action,
        from: Option<char>,
        to: char,
        time: &str,
    ) -> Self {
        let mut world = self.recorded(site, action, from, Some(to), None);
        if let Seen::Known(history) = &mut world.history {
            let mut all = history.to_vec();
            all[0].at = at(time);
            all[0].commit = commit(to);
            all[0].landed = commit(to);
            if action == Action::Update {
                all[0].pin.cause = Cause::TagMoved;
            }
            *history = all.into();
        }
        world
    }

    /// Somebody pinned the first site by a commit of their own, as git tells where it is asked.
    /// What pintle wrote is older.
    pub fn by_hand(mut self, before: Option<char>, time: &str) -> Self {
        let blame = Blame {
            commit: commit('f'),
            at: at(time),
            before: before.map(digest),
        };
        self.blame = crate::plan::pins_to_blame(&self)
            .into_iter()
            .map(|key| (key, Seen::Known(blame.clone())))
            .collect();
        self
    }

    pub fn later(mut self, time: &str) -> Self {
        self.at = at(time);
        self
    }
}
