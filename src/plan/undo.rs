//! How the workloads of a site stand to its pin: live, not applied yet, taken back by hand to an earlier revision, set to something else. An
//! undo is claimed only where the pin was live after it was written. Looks at one site; decides nothing.

use super::judged::Judged;
use super::live::{self, Found, has, name};
use super::owner::{Hand, hand};
use super::past::{bad, past};
use super::pen::{Pen, pen};
use crate::model::digest::Digest;
use crate::model::reference::Reference;
use crate::pipeline::cluster::{Cluster, Container, Revision, Workload, Writer};
use crate::pipeline::{Recorded, Seen, Snapshot};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeSet;

/// How long after some of a site's workloads were taken back the others may follow.
const TOGETHER: SignedDuration = SignedDuration::from_mins(1);
/// How long after a workload was written its controller has made the revision, even a busy one.
const SOON: SignedDuration = SignedDuration::from_secs(10);

/// How a site stands to its pin in the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Stand {
    /// No pin, nothing that runs, or no cluster.
    Silent,
    /// Every spec has the pin.
    Live,
    /// It is not applied everywhere: a sentence.
    Lags(String),
    /// Every workload went back to the same image.
    Undone(Box<Other>),
    /// Some went back: a sentence what, and why the rest says nothing of it.
    Partly { evidence: String, why: String },
    /// The controller or the pods have not told enough yet; it settles in a moment.
    Waits(String),
    /// Another image was set by hand.
    Strays(Box<Other>),
    /// Could not look, and why.
    Unknown(String),
}

/// What runs instead of the pin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Other {
    pub image: Reference,
    pub digest: Digest,
    /// One line: what happened to which workload, when.
    pub evidence: String,
    /// What stands in the way of taking it over, where something does: a sentence.
    pub not: Option<String>,
}

/// How one workload stands to the pin.
enum One {
    Live,
    /// It has the pin, and there is nothing to be taken back: a cron job, or no pods are wanted.
    Idle,
    Lags(String, Option<Digest>),
    Undone(Other),
    Waits(String),
    Strays(Other),
    Unknown(String),
    /// Nobody can say which workload it is.
    Nameless(String),
}

/// What the pin is, and what is known of it.
struct Pin<'a> {
    snapshot: &'a Snapshot,
    cluster: &'a Cluster,
    site: &'a Judged<'a>,
    digest: &'a Digest,
    /// What made it the pin.
    pen: Seen<Pen<'a>>,
    /// Digests that were rolled back here.
    bad: BTreeSet<&'a Digest>,
}

/// Returns how the site's workloads stand to its pin.
pub(super) fn stand(snapshot: &Snapshot, site: &Judged) -> Stand {
    let Some(digest) = &site.decision.from else { return Stand::Silent };
    let uses = match live::uses(snapshot, site.literal) {
        Ok(uses) => uses,
        Err(why) => return Stand::Unknown(why),
    };
    let Some(cluster) = snapshot.cluster.known() else { return Stand::Silent };
    let history = match &snapshot.history {
        Seen::Known(history) => past(history, site.site, &site.terms.image),
        _ => Vec::new(),
    };
    let pin = Pin { snapshot, cluster, site, digest, pen: pen(snapshot, site), bad: bad(&history) };
    let mut all = Vec::new();
    for live in uses.iter().filter(|live| live.used.ignored != Some(true)) {
        match &live.found {
            Found::Here { workload, container } => all.push(pin.one(workload, container)),
            Found::Swapped { workload, container, with } => {
                let why = format!("{}: the containers {} and {} have exchanged their images", name(workload), container.name, with.name);
                all.push(One::Nameless(why));
            }
            Found::Unknown(why) if cluster.unread.contains_key(&live.used.kind) => all.push(One::Unknown(why.clone())),
            Found::Unknown(why) => all.push(One::Nameless(why.clone())),
            _ => {}
        }
    }
    together(all)
}

/// Returns until when the rest of a site's workloads may follow, where some were taken back: who does that does one after the other.
pub(super) fn settles(snapshot: &Snapshot, site: &Judged, stand: &Stand) -> Option<Timestamp> {
    let Stand::Partly { .. } = stand else { return None };
    let lives = live::uses(snapshot, site.literal).ok()?;
    let last = lives.iter().filter_map(|live| live.container()?.writers.first()?.at).max()?;
    last.checked_add(TOGETHER).ok().filter(|end| *end > snapshot.at)
}

/// `sha256:3f1c…` or, without a digest, the image as it is written.
fn shown(image: &str) -> String {
    let digest = Reference::parse(image).and_then(|image| image.digest);
    digest.map_or_else(|| image.to_owned(), |digest| format!("sha256:{}", digest.short()))
}

impl Other {
    fn is_same(&self, other: &Self) -> bool {
        (&self.image.tag, &self.digest) == (&other.image.tag, &other.digest)
    }
}

impl Pin<'_> {
    fn one(&self, workload: &Workload, container: &Container) -> One {
        let name = name(workload);
        if self.has(&container.image) {
            let idle = workload.replicas == Some(0) || &*workload.kind == "cronjob";
            return if idle { One::Idle } else { One::Live };
        }
        let Some(kind) = revisions_of(&workload.kind) else { return self.older(workload, container) };
        if !workload.rollout.observed {
            return One::Waits(format!("the controller has not seen the newest spec of {name}"));
        }
        if let Some(why) = self.cluster.unread.get(kind) {
            return One::Unknown(format!("whether {name} was taken back is not known: {why}"));
        }
        let Some(used) = workload.revisions.first() else { return self.older(workload, container) };
        if used.images.get(&container.name) != Some(&container.image) {
            return One::Waits(format!("{name} has no revision of its newest spec yet"));
        }
        let older = workload.revisions[1..].iter().filter(|revision| revision.number < used.number);
        let ours =
            older.filter(|revision| revision.images.get(&container.name).is_some_and(|image| self.has(image))).max_by_key(|r| r.number);
        match (ours, &self.pen) {
            (Some(ours), Seen::Known(pen)) if was_live(pen.at(), ours, workload, container) => {
                self.left(workload, container, ours, pen.at())
            }
            (Some(_), Seen::Unknown(why)) => One::Unknown(format!("whether {name} was taken back is not known: {why}")),
            _ => self.older(workload, container),
        }
    }

    fn has(&self, image: &str) -> bool {
        has(self.snapshot, image, &self.site.site.image, self.digest)
    }

    /// The pin was live after it was `written`, and something else is in use now.
    fn left(&self, workload: &Workload, container: &Container, ours: &Revision, written: Timestamp) -> One {
        let (name, writer) = (name(workload), container.writers.first());
        let at = writer.and_then(|writer| writer.at);
        let when = at.map_or(String::new(), |at| format!(" at {at}"));
        if writer.is_some_and(|writer| self.applied(writer)) {
            return One::Lags(format!("terraform applied an older state to {name}{when}: it has {} now", shown(&container.image)), None);
        }
        // A restart after it makes one more revision of the same image.
        let same = |revision: &&Revision| revision.number > ours.number && revision.images.get(&container.name) == Some(&container.image);
        // What is older than the pin was in use before it, and so came into use again.
        let older = |created: Timestamp| created < written || ours.created.is_some_and(|ours| created < ours);
        let before = |revision: &&Revision| !revision.earlier.is_empty() || revision.created.is_some_and(older);
        let Some(again) = workload.revisions.iter().filter(same).find(before) else { return self.set(workload, container) };
        let to = match again.earlier.iter().max() {
            Some(earlier) => format!("{earlier}"),
            None => format!("an older one (now {})", again.number),
        };
        let evidence = format!("{name} went back from revision {} to {to}{when}", ours.number);
        self.other(workload, container, evidence, One::Undone)
    }

    /// The pin was never live here: not applied yet, or somebody set something else since.
    fn older(&self, workload: &Workload, container: &Container) -> One {
        let has = Reference::parse(&container.image).and_then(|image| image.digest);
        let stays = self.pen.known().is_none_or(|pen| {
            let before = has.is_some() && pen.before() == has.as_ref();
            before || container.writers.first().and_then(|writer| writer.at).is_none_or(|at| at <= pen.at())
        });
        if stays || container.writers.first().is_some_and(|writer| self.applied(writer)) {
            return One::Lags(format!("the live spec of {} still has {}", name(workload), shown(&container.image)), has);
        }
        self.set(workload, container)
    }

    /// Nobody's hand: Terraform, or a backup that was restored.
    fn applied(&self, writer: &Writer) -> bool {
        matches!(hand(self.snapshot, writer), Hand::Terraform | Hand::Past)
    }

    fn set(&self, workload: &Workload, container: &Container) -> One {
        let by = container.writers.first().map_or(String::new(), |writer| {
            let when = writer.at.map_or(String::new(), |at| format!(" at {at}"));
            format!(" by {}{when}", writer.manager)
        });
        let evidence = format!("{} was set to {}{by}", name(workload), shown(&container.image));
        self.other(workload, container, evidence, One::Strays)
    }

    fn other(&self, workload: &Workload, container: &Container, evidence: String, make: fn(Other) -> One) -> One {
        let Some(image) = Reference::parse(&container.image) else {
            return One::Unknown(format!("{evidence}: what it has is no image reference"));
        };
        let digest = match live::runs(self.snapshot, self.cluster, self.site.terms.channel.as_ref(), (workload, container)) {
            Ok(Some(digest)) => digest,
            Ok(None) => return One::Waits(format!("{evidence}; no pod tells yet which digest that is")),
            Err(why) => return One::Waits(format!("{evidence}; which digest that is cannot be told: {why}")),
        };
        let foreign = !live::same(self.snapshot, &self.site.site.image, &container.image);
        if !foreign && digest == *self.digest {
            return One::Lags(format!("{evidence}; it runs the pinned digest all the same"), Some(digest));
        }
        if !foreign && self.bad.contains(&digest) {
            let not = Some(format!("sha256:{} was rolled back here before", digest.short()));
            return One::Strays(Other { image, digest, evidence, not });
        }
        let not = foreign.then(|| format!("{} is another repository", image.name));
        make(Other { image, digest, evidence, not })
    }
}

/// The pin was live after it was written: its revision was made since; or, where it had run before, it was the last in use before what was set
/// since.
fn was_live(written: Timestamp, ours: &Revision, workload: &Workload, container: &Container) -> bool {
    let newer: Vec<&Revision> = workload.revisions.iter().take_while(|other| other.number > ours.number).collect();
    let same = newer.iter().all(|other| other.images.get(&container.name) == Some(&container.image));
    let since = ours.created.is_some_and(|created| created >= written);
    since || same && set_at(&newer, container).is_some_and(|at| at > written)
}

/// When the image was set that these revisions share, newest first. A hand's time is that of its last write, which may have been a restart: it made
/// the newest of several, or took one of them back.
fn set_at(same: &[&Revision], container: &Container) -> Option<Timestamp> {
    let at = container.writers.first()?.at?;
    let made = same.first().filter(|_| same.len() > 1).map(|newest| newest.created.and_then(|made| made.checked_sub(SOON).ok()));
    made.is_none_or(|made| made.is_some_and(|made| at < made)).then_some(at)
}

/// The kind that holds a kind's revisions.
fn revisions_of(kind: &str) -> Option<&'static str> {
    match kind {
        "deployment" => Some("replicaset"),
        "statefulset" | "daemonset" => Some("controllerrevision"),
        _ => None,
    }
}

/// A literal decides for all its workloads: what is said of one is said of the site only where it can be said of all.
fn together(all: Vec<One>) -> Stand {
    let undone = all.iter().find_map(|one| if let One::Undone(other) = one { Some(other.clone()) } else { None });
    let waits = all.iter().find_map(|one| if let One::Waits(why) = one { Some(why.clone()) } else { None });
    let unknown = all.iter().find_map(|one| if let One::Unknown(why) = one { Some(why.clone()) } else { None });
    match (unknown, undone, waits) {
        (Some(why), ..) => Stand::Unknown(why),
        (None, Some(_), Some(why)) => Stand::Waits(why),
        (None, Some(undone), None) => match all.iter().find_map(|one| against(one, &undone)) {
            Some(why) => Stand::Partly { evidence: undone.evidence, why },
            None => Stand::Undone(Box::new(undone)),
        },
        (None, None, waits) => apart(&all, waits),
    }
}

/// Why one workload does not go back with another of the same literal.
fn against(one: &One, undone: &Other) -> Option<String> {
    const BOTH: &str = "and the same text decides both";
    match one {
        One::Undone(other) if other.is_same(undone) => None,
        One::Undone(other) => Some(format!("{}, to another image, {BOTH}", other.evidence)),
        One::Lags(_, Some(digest)) if *digest == undone.digest => None,
        // Whoever set it to the same by another way wants the same.
        One::Strays(other) if other.not.is_none() && other.is_same(undone) => None,
        One::Idle => None,
        One::Live => Some(format!("another workload still runs the pin, {BOTH}")),
        One::Lags(why, _) | One::Unknown(why) | One::Nameless(why) => Some(format!("{why}, {BOTH}")),
        One::Strays(other) => Some(format!("{}, {BOTH}", other.evidence)),
        One::Waits(_) => None,
    }
}

fn apart(all: &[One], waits: Option<String>) -> Stand {
    if let Some(why) = waits {
        return Stand::Waits(why);
    }
    let nameless = |one: &One| matches!(one, One::Nameless(_));
    let mut stand = if all.iter().all(nameless) { Stand::Silent } else { Stand::Live };
    let strays: Vec<&Other> = all.iter().filter_map(|one| if let One::Strays(other) = one { Some(other) } else { None }).collect();
    if let Some(why) = all.iter().find_map(|one| if let One::Lags(why, _) = one { Some(why.clone()) } else { None }) {
        stand = Stand::Lags(why);
    }
    if let Some(first) = strays.first() {
        let mut first = (*first).clone();
        let alike = |one: &One| matches!(one, One::Strays(other) if other.is_same(&first));
        if first.not.is_none() && !all.iter().all(alike) {
            first.not = Some("not all workloads that the text decides were set to it".into());
        }
        stand = Stand::Strays(Box::new(first));
    }
    stand
}

/// Returns when the pin went live in a workload: the later of its record and the first revision that has it; for a revision that came into use
/// again, which is older than another or tells it, also of who set it.
pub(super) fn live_since(
    snapshot: &Snapshot,
    site: &Judged,
    record: &Recorded,
    (workload, container): (&Workload, &Container),
) -> Timestamp {
    let digest = site.decision.from.as_ref();
    let ours = |revision: &&Revision| {
        let image = revision.images.get(&container.name);
        image.zip(digest).is_some_and(|(image, digest)| has(snapshot, image, &site.site.image, digest))
    };
    let first = workload.revisions.iter().filter(ours).filter_map(|revision| revision.created).min();
    let older = |used: &&Revision| workload.revisions.iter().any(|other| other.created > used.created);
    let again = workload.revisions.first().filter(|used| !used.earlier.is_empty() || older(used));
    // The same hand may have set something else since; its pods are not older than the image.
    let oldest =
        || workload.pods.iter().filter(|pod| pod.revision.as_ref() == again.map(|used| &used.hash)).filter_map(|pod| pod.created).min();
    let set = again.and_then(|_| container.writers.first()?.at).map(|at| oldest().map_or(at, |pod| pod.min(at)));
    [first, set].into_iter().flatten().fold(record.at, Timestamp::max)
}
