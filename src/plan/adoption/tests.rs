//! Adoptions of whole files, compared byte for byte with what was written by hand.

mod adopt;
mod fixture;
mod proofs;
mod random;
mod refusals;
mod shapes;

use crate::config::Config;
use crate::model::digest::Digest;
use crate::model::reference::Tag;
use crate::model::workload::WorkloadKind;
use crate::pipeline::cluster::{Cluster, Container, Pod, PodContainer, Workload, Writer};
use crate::pipeline::history::History;
use crate::pipeline::{Decision, Ledger, Plan, Reason, Seen, Snapshot, Upstream, Verdict};
use crate::plan::{channels_to_ask, plan};
use crate::proof::prove_changes;
use crate::sites::scan;
use crate::terraform::files::{Entry, Files, RepoPath};
use std::collections::BTreeMap;

/// What the registries say of every channel.
const UPSTREAM: char = 'f';

fn digest(c: char) -> Digest {
    Digest::parse(&format!("sha256:{}", c.to_string().repeat(64))).expect("digest")
}

fn path(name: &str) -> RepoPath {
    RepoPath::new(name).expect(name)
}

/// Replaces `@a` by the digest of sixty-four `a`.
fn digests(text: &str) -> String {
    ('a'..='f').fold(text.to_owned(), |text, c| {
        text.replace(&format!("@{c}\""), &format!("@{}\"", digest(c)))
    })
}

/// A repo of these files and a cluster; upstream says `f` of every channel.
fn world(files: &[(&str, &str)], workloads: Vec<Workload>) -> Snapshot {
    configured(files, workloads, "")
}

fn configured(files: &[(&str, &str)], mut workloads: Vec<Workload>, config: &str) -> Snapshot {
    let mut all = Files::default();
    files.iter().for_each(|(name, text)| {
        all.insert(path(name), Entry::Text(digests(text).into_bytes().into()))
    });
    let config = Config::parse(config, "pintle.toml").expect("the configuration");
    let scan = scan(&all, &config.scan_settings(&all));
    let upstream = channels_to_ask(&scan, &config, &Seen::NotAsked);
    workloads
        .sort_by(|a, b| (&a.kind, &a.namespace, &a.name).cmp(&(&b.kind, &b.namespace, &b.name)));
    Snapshot {
        at: "2026-11-22T12:00:00Z".parse().expect("a time"),
        files: all.into(),
        scan: scan.into(),
        config: config.into(),
        upstream: upstream
            .into_iter()
            .map(|channel| (channel, Seen::Known(Upstream::Digest(digest(UPSTREAM)))))
            .collect(),
        history: Seen::Known(History::default()),
        ledger: Seen::Known(Ledger::default()),
        cluster: Seen::Known(Cluster {
            workloads,
            ..Cluster::default()
        }),
        ..Snapshot::default()
    }
}

/// A workload `kind/namespace/name` whose containers have these images, `init:name` for an init
/// container; one pod runs each at the digest behind the image: `("app", "repo:1", 'a')`.
fn workload(name: &str, containers: &[(&str, &str, char)]) -> Workload {
    let parts: Vec<&str> = name.split('/').collect();
    let container = |(name, image, _): &(&str, &str, char)| Container {
        name: name.trim_start_matches("init:").into(),
        init: name.starts_with("init:"),
        image: (*image).into(),
        pull_policy: None,
        writers: Vec::new(),
    };
    let status = |(name, _, c): &(&str, &str, char)| PodContainer {
        name: name.trim_start_matches("init:").into(),
        digest: Some(digest(*c)),
        repository: None,
        ready: true,
        restarts: 0,
        exit: None,
        started: None,
        waiting: None,
    };
    let pod = Pod {
        name: "pod".into(),
        revision: None,
        created: None,
        lost: None,
        unready: None,
        node: None,
        containers: containers.iter().map(status).collect(),
    };
    Workload {
        kind: WorkloadKind::new(parts[0]),
        namespace: parts[1].into(),
        name: parts[2].into(),
        created: None,
        release: None,
        controller: None,
        keel: BTreeMap::new(),
        replicas: Some(1),
        containers: containers.iter().map(container).collect(),
        revisions: Vec::new(),
        rollout: Default::default(),
        pods: vec![pod],
    }
}

/// The same, parked: no pod runs.
fn parked(name: &str, containers: &[(&str, &str, char)]) -> Workload {
    Workload {
        replicas: Some(0),
        pods: Vec::new(),
        ..workload(name, containers)
    }
}

fn written_by(mut workload: Workload, managers: &[&str]) -> Workload {
    let writer = |manager: &&str| Writer {
        manager: (*manager).into(),
        at: None,
    };
    workload
        .containers
        .iter_mut()
        .for_each(|container| container.writers = managers.iter().map(writer).collect());
    workload
}

fn keel() -> Workload {
    workload(
        "deployment/keel/keel",
        &[("keel", "docker.io/keelhq/keel:0.20", 'e')],
    )
}

/// The files after the plan's changes, which have to be proved.
fn taken_over(snapshot: &Snapshot) -> (Plan, Files) {
    let made = plan(snapshot);
    prove_changes(snapshot, &made.changes)
        .unwrap_or_else(|why| panic!("{why}\n{:#?}", made.changes));
    let edits: Vec<_> = made
        .changes
        .iter()
        .flat_map(|change| change.edits.clone())
        .collect();
    let mut after = (*snapshot.files).clone();
    let files: std::collections::BTreeSet<_> = edits.iter().map(|edit| edit.file.clone()).collect();
    for file in files {
        let own: Vec<_> = edits
            .iter()
            .filter(|edit| edit.file == file)
            .cloned()
            .collect();
        let bytes =
            crate::terraform::edit::apply(snapshot.files.bytes(&file).expect("the file"), &own)
                .expect("the edits fit");
        after.insert(file, Entry::Text(bytes.into()));
    }
    (made, after)
}

fn text(files: &Files, name: &str) -> String {
    String::from_utf8(files.bytes(&path(name)).expect("the file").to_vec()).expect("text")
}

/// The plan turns `before` into `after`, and wants nothing more of that afterwards.
#[track_caller]
fn becomes(before: &str, workloads: Vec<Workload>, after: &str) {
    let snapshot = world(&[("stacks/web/main.tf", before)], workloads.clone());
    let (made, files) = taken_over(&snapshot);
    assert_eq!(
        text(&files, "stacks/web/main.tf"),
        digests(after),
        "{:#?}",
        made.decisions
    );
    assert_eq!(made.changes.len(), 1);
    let again = plan(&world(&[("stacks/web/main.tf", after)], workloads));
    assert!(
        again
            .decisions
            .iter()
            .all(|decision| !matches!(decision.verdict, Verdict::Adopt | Verdict::Blocked)),
        "{:#?}",
        again.decisions
    );
}

fn tag(text: &str) -> Tag {
    Tag::parse(text).expect(text)
}

/// The codes of a decision's reasons, in their order.
fn codes(decision: &Decision) -> Vec<&'static str> {
    decision.reasons.iter().map(Reason::code).collect()
}

/// The decision about the site of that container.
fn decision(plan: &Plan, container: &str) -> Decision {
    let own = |decision: &&Decision| decision.site.as_str().contains(&format!("[{container}]"));
    plan.decisions
        .iter()
        .find(own)
        .cloned()
        .unwrap_or_else(|| panic!("{container}: {:#?}", plan.decisions))
}
