//! A small world made by hand: sites, what upstream says, what was written before.

mod after;
mod annotations;
mod asks;
mod bump;
mod changes;
mod drift;
mod flight;
mod forge;
mod gauges;
mod hand;
mod health;
mod identity;
mod judgement;
mod lifts;
mod matching;
mod modes;
mod owner;
mod properties;
mod pulls;
mod revisions;
mod rot;
mod status;
mod stories;
mod turns;
mod undo;
mod verdicts;
mod words;
mod world;

use super::plan;
use crate::config::Config;
use crate::model::digest::Digest;
use crate::model::reference::{Channel, Reference};
use crate::model::workload::{Holder, WorkloadKind};
use crate::pipeline::history::History;
use crate::pipeline::{
    Action, CacheAnswer, Cause, CommitId, Decision, Ledger, PinRecord, Plan, Reason, Recorded,
    Seen, Snapshot, Upstream,
};
use crate::sites::{
    Comment, Fate, Literal, PinPlace, Scan, Site, SiteId, StackId, Stacks, TagPlace, Use,
};
use crate::terraform::files::{Files, RepoPath};
use crate::terraform::span::Span;
use crate::terraform::text::Form;
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::sync::Arc;

const NOW: &str = "2026-11-22T12:00:00Z";

fn at(text: &str) -> Timestamp {
    text.parse().expect(text)
}

/// A digest of one repeated hex digit.
fn digest(c: char) -> Digest {
    Digest::parse(&format!("sha256:{}", c.to_string().repeat(64))).expect("digest")
}

fn channel(image: &str) -> Channel {
    Reference::parse(image)
        .and_then(|image| image.channel())
        .expect(image)
}

/// A site at line `line` of `stacks/<stack>/main.tf`, used by one container named after the
/// repository.
fn site(stack: &str, line: usize, image: &str) -> Literal {
    let reference = Reference::parse(image).expect(image);
    let file = RepoPath::new(&format!("stacks/{stack}/main.tf")).expect("path");
    let container = reference
        .name
        .rsplit('/')
        .next()
        .unwrap_or_default()
        .to_owned();
    let (span, expect, prefix) = pin_place(line * 1000, image, &reference);
    let used = Use {
        root: RepoPath::new(&format!("stacks/{stack}")).expect("path"),
        environment: None,
        file: file.clone(),
        line,
        kind: WorkloadKind::Deployment,
        namespace: Some(stack.into()),
        name: Some(container.as_str().into()),
        holder: Holder::Container {
            name: Some(container.as_str().into()),
            init: false,
        },
        image: Some(image.into()),
        ignored: Some(false),
        ignore_spans: Vec::new(),
        instances: Some(1),
    };
    let tag = tag_place(&file, line * 1000, &reference);
    let site = Site {
        id: SiteId(
            format!("{file}#kubernetes_deployment.{container}/container[{container}].image").into(),
        ),
        aliases: vec![format!("deployment/{stack}/{container}:{container}").into()],
        stacks: [StackId(used.root.clone())].into(),
        image: reference,
        tag,
        pin: PinPlace {
            span,
            expect,
            prefix,
            form: Form::Quoted,
        },
        stack: stack.into(),
        comments: Vec::new(),
        unsure: Vec::new(),
        unnamed: Vec::new(),
        keel: Box::default(),
    };
    Literal {
        file,
        span: Span::new(line * 1000, line * 1000 + image.len()),
        line,
        literal: image.into(),
        fate: Fate::Site(site),
        reference: Some(image.into()),
        uses: vec![used],
    }
}

fn pin_place(start: usize, image: &str, reference: &Reference) -> (Span, String, String) {
    let end = start + image.len();
    match (image.find('@'), &reference.tag) {
        (Some(at), _) => (Span::new(start + at, end), image[at..].into(), "@".into()),
        (None, Some(_)) => (Span::new(end, end), String::new(), "@".into()),
        (None, None) => (Span::new(end, end), String::new(), ":latest@".into()),
    }
}

fn tag_place(file: &RepoPath, start: usize, reference: &Reference) -> Result<TagPlace, Arc<str>> {
    let tag = reference.tag.as_ref().ok_or("the image has no tag")?;
    let start = start + reference.name.len() + 1;
    Ok(TagPlace {
        file: file.clone(),
        span: Span::new(start, start + tag.len()),
    })
}

fn pinned(image: &str, c: char) -> String {
    format!("{image}@{}", digest(c))
}

/// Changes the site of a literal.
fn with(mut literal: Literal, change: impl FnOnce(&mut Site)) -> Literal {
    let Fate::Site(site) = &mut literal.fate else {
        panic!("a site")
    };
    change(site);
    literal
}

fn beside(literal: Literal, comment: &str) -> Literal {
    let line = literal.line;
    let file = literal.file.clone();
    with(literal, |site| {
        site.comments.push(Comment {
            file,
            text: comment.into(),
            line,
            trailing: true,
        })
    })
}

fn annotated(literal: Literal, key: &str, value: &str) -> Literal {
    with(literal, |site| {
        site.keel.annotations.push((key.into(), value.into()))
    })
}

/// The roots of all uses.
fn stacks_of(literals: &[Literal]) -> Stacks {
    Stacks::new(
        literals
            .iter()
            .flat_map(|literal| &literal.uses)
            .map(|used| used.root.clone()),
    )
}

/// The codes of a decision's reasons, in their order.
fn codes(decision: &Decision) -> Vec<&'static str> {
    decision.reasons.iter().map(Reason::code).collect()
}

/// A snapshot of these sites in which upstream says nothing yet, history and ledger are empty.
fn snapshot(literals: Vec<Literal>) -> Snapshot {
    Snapshot {
        at: at(NOW),
        tip: CommitId::parse(&"a".repeat(40)),
        scan: Arc::new(Scan {
            stacks: stacks_of(&literals),
            literals,
            ..Scan::default()
        }),
        history: Seen::Known(History::default()),
        ledger: Seen::Known(Ledger::default()),
        ..Snapshot::default()
    }
}

impl Snapshot {
    fn says(mut self, image: &str, c: char) -> Self {
        self.upstream
            .insert(channel(image), Seen::Known(Upstream::Digest(digest(c))));
        self
    }

    fn upstream(mut self, image: &str, seen: Seen<Upstream>) -> Self {
        self.upstream.insert(channel(image), seen);
        self
    }

    fn cached(mut self, image: &str, answer: CacheAnswer) -> Self {
        self.cache.insert(channel(image), answer);
        self
    }

    fn configured(mut self, text: &str) -> Self {
        self.config =
            Arc::new(Config::parse(text, "pintle.toml").unwrap_or_else(|error| panic!("{error}")));
        self
    }

    /// The digest was first seen at this time.
    fn seen(mut self, image: &str, c: char, time: &str) -> Self {
        if let Seen::Known(ledger) = &mut self.ledger {
            ledger
                .first_seen
                .insert((channel(image), digest(c)), at(time));
        }
        self
    }

    /// The first site was pinned before; later calls are newer.
    fn wrote(mut self, image: &str, from: Option<char>, to: char, time: &str) -> Self {
        let (_, site) = self.scan.sites().next().expect("a site");
        let pin = PinRecord {
            action: Action::Update,
            site: site.id.to_string(),
            uses: site.aliases.iter().map(ToString::to_string).collect(),
            image: image.into(),
            from_tag: None,
            from: from.map(digest),
            to: Some(digest(to)),
            cause: Cause::TagMoved,
            evidence: None,
            asked: None,
        };
        let commit = CommitId::parse(&to.to_string().repeat(40)).expect("id");
        let record = Recorded {
            landed: commit.clone(),
            commit,
            at: at(time),
            author: "pintle".into(),
            subject: "x".into(),
            pin,
        };
        if let Seen::Known(history) = &mut self.history {
            *history = std::iter::once(record).chain(history.to_vec()).collect();
        }
        self
    }

    fn plan(&self) -> Plan {
        plan(self)
    }

    /// The decision about the first site.
    fn decided(&self) -> Decision {
        plan(self).decisions.remove(0)
    }
}
