//! Rollbacks that pintle makes by itself: what was taken back by hand, what fails since it was pinned, what an alert fires about. One change a
//! stack or group, which goes before everything else there. What may not be rolled back is said.

mod proposed;

use super::flip;
use super::gate::unproved_at;
use super::health::Failing;
use super::hold::{Draft, retag};
use super::judged::{Judged, Told, Want, edit};
use super::live;
use super::owner::keel_may_run;
use super::pen::{pen, stood, tag_of};
use super::route::{self, Way};
use super::select::Setting;
use super::undo::{Other, Stand, settles};
use crate::config::{Drift, Mode};
use crate::model::digest::Digest;
use crate::model::hold::Hold;
use crate::model::reference::Reference;
use crate::pipeline::answer::Notice;
use crate::pipeline::cluster::Workload;
use crate::pipeline::{Action, Cause, CommitId, PinRecord, Seen, Snapshot, Verdict};
use crate::sites::SiteKey;
use crate::sites::resource::POLICY;
use crate::terraform::edit::Edit;
use crate::terraform::files::RepoPath;
use proposed::{failing, overrun, proposed};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What the rollbacks of a pass come to besides the wants of their sites.
#[derive(Default)]
pub(super) struct Turned {
    /// What is not rolled back, though it should be.
    pub notices: Vec<Notice>,
    /// A rollback waits for what this pass writes.
    pub again: bool,
}

/// One site that goes back, or should.
struct Turn {
    index: usize,
    cause: Cause,
    evidence: String,
    /// Where it goes, or why it does not.
    goal: Result<Goal, String>,
}

struct Goal {
    to: Digest,
    /// Where it is another than the site has.
    tag: Option<Arc<str>>,
    /// It is what the cluster runs by its spec: no registry has to prove it.
    runs: bool,
}

/// Plans the rollbacks. `taken` are files that a comment's change edits, `asked` the sites that it is about.
pub(super) fn turn(
    snapshot: &Snapshot,
    judged: &mut [Judged],
    stands: &[Stand],
    taken: &mut BTreeSet<RepoPath>,
    asked: impl Fn(&SiteKey) -> bool,
) -> Turned {
    let mut turned = Turned::default();
    unsettled(snapshot, judged, stands);
    let (own, put_off): (Vec<Turn>, Vec<Turn>) =
        turns(snapshot, judged, stands).into_iter().partition(|turn| !asked(&judged[turn.index].site.key));
    turned.again = !put_off.is_empty();
    let mut by_name: BTreeMap<Arc<str>, Vec<Turn>> = BTreeMap::new();
    for mut turn in own {
        let site = &judged[turn.index];
        if let Some(why) = refused(snapshot, site, &turn) {
            turn.goal = Err(why);
        }
        by_name.entry(site.name()).or_default().push(turn);
    }
    for (name, mut turns) in by_name {
        let (way, edits) = drafted(snapshot, judged, &mut turns);
        turned.notices.extend(turns.iter().filter_map(|turn| refuse(snapshot, &mut judged[turn.index], turn)));
        turns.retain(|turn| turn.goal.is_ok());
        if turns.is_empty() {
            continue;
        }
        if edits.iter().any(|edit| taken.contains(&edit.file)) {
            turned.again = true;
            turns.iter().for_each(|turn| waits(&mut judged[turn.index], turn));
            continue;
        }
        taken.extend(edits.iter().map(|edit| edit.file.clone()));
        turns.iter().for_each(|turn| want(snapshot, &mut judged[turn.index], turn, &edits, &way));
        go_first(judged, &name, &edits, &way);
    }
    turned
}

/// Makes moves wait where the cluster does not tell whether the pin was taken back: the next pin would hide it. What was proposed for an undo stays.
fn unsettled(snapshot: &Snapshot, judged: &mut [Judged], stands: &[Stand]) {
    for (site, stand) in judged.iter_mut().zip(stands) {
        let why = match stand {
            Stand::Waits(why) => why,
            Stand::Partly { why, .. } if settles(snapshot, site, stand).is_some() => why,
            // Of a pin of which nobody had to ask when it was written nothing could be told anyway. Without a cluster nobody knows what to ask.
            Stand::Unknown(why) if is_dark(snapshot, site) || !matches!(pen(snapshot, site), Seen::NotAsked) => why,
            _ => continue,
        };
        let by_itself = |want: &Want| !want.way.is_pull() || site.terms.automerge.value;
        let moves = site.want.as_ref().is_some_and(|want| want.action == Action::Move && by_itself(want));
        if moves || proposed(snapshot, site).is_some_and(|pin| pin.cause == Cause::Undo) {
            site.hold_back(Verdict::Waiting, why.clone());
        }
    }
}

/// Says whether the cluster in which the site's workloads would be looked at cannot be seen.
fn is_dark(snapshot: &Snapshot, site: &Judged) -> bool {
    let counts = site.literal.uses.iter().any(|used| used.instances != Some(0) && used.ignored != Some(true));
    counts && live::uses(snapshot, site.literal).is_err()
}

/// The sites that should go back, in their order.
fn turns(snapshot: &Snapshot, judged: &[Judged], stands: &[Stand]) -> Vec<Turn> {
    let mut turns: Vec<Turn> = Vec::new();
    for (index, (site, stand)) in judged.iter().zip(stands).enumerate() {
        let undo = |evidence: &str, goal| Turn { index, cause: Cause::Undo, evidence: evidence.to_owned(), goal };
        match (stand, failing(snapshot, site)) {
            (Stand::Undone(other), _) => turns.push(undo(&other.evidence, there(snapshot, site, other))),
            (Stand::Strays(other), _) if adopts(site, other) => {
                let goal = there(snapshot, site, other);
                turns.push(Turn { index, cause: Cause::Drift, evidence: other.evidence.clone(), goal });
            }
            (_, Some(Failing { cause, evidence })) => turns.push(Turn { index, cause, evidence, goal: earlier(snapshot, site) }),
            (Stand::Partly { evidence, why }, None) if settles(snapshot, site, stand).is_none() => {
                turns.push(undo(evidence, Err(why.clone())))
            }
            (Stand::Live, None) => turns.extend(overrun(snapshot, site).and_then(|pin| {
                let evidence = pin.evidence.as_deref().unwrap_or_default();
                Some(undo(evidence, Ok(again(site, pin)?)))
            })),
            _ => {}
        }
    }
    turns.extend(members(snapshot, judged, &turns));
    turns.sort_by_key(|turn| turn.index);
    turns
}

/// The other members of the groups of what fails, where the same commit moved them.
fn members(snapshot: &Snapshot, judged: &[Judged], turns: &[Turn]) -> Vec<Turn> {
    let mut more: BTreeMap<usize, Turn> = BTreeMap::new();
    for turn in turns.iter().filter(|turn| matches!(turn.cause, Cause::Unhealthy | Cause::Alert)) {
        let (Some(group), Some(commit)) = (&judged[turn.index].terms.group, moved_by(snapshot, &judged[turn.index])) else { continue };
        for (index, site) in judged.iter().enumerate().filter(|(_, site)| site.terms.group.as_ref() == Some(group)) {
            let other = turns.iter().all(|turn| turn.index != index) && moved_by(snapshot, site).as_ref() == Some(&commit);
            if other && !more.contains_key(&index) {
                let evidence = format!("{} (the group {group} goes back together)", turn.evidence);
                more.insert(index, Turn { index, cause: turn.cause, evidence, goal: earlier(snapshot, site) });
            }
        }
    }
    more.into_values().collect()
}

/// Says whether the repo takes over what was set by hand: as configured, where nothing forbids a change, and not what the channel says anyway.
fn adopts(site: &Judged, other: &Other) -> bool {
    let free = matches!(site.decision.verdict, Verdict::InSync | Verdict::Move | Verdict::Waiting);
    let usual = site.terms.follows && site.upstream.as_ref() == Some(&other.digest) && other.image.tag == site.site.image.tag;
    site.terms.drift.value == Drift::Adopt && other.not.is_none() && free && !usual
}

fn moved_by(snapshot: &Snapshot, site: &Judged) -> Option<CommitId> {
    pen(snapshot, site).known().map(|pen| pen.commit().clone())
}

/// Where an undo goes: to what runs. What only pods tell has to be there for others too.
fn there(snapshot: &Snapshot, site: &Judged, other: &Other) -> Result<Goal, String> {
    let unproved = || unproved_at(snapshot, site.terms.channel.as_ref()?, &other.digest).filter(|_| other.image.digest.is_none());
    if let Some(why) = other.not.clone().or_else(unproved) {
        return Err(why);
    }
    let tag = other.image.tag.as_ref().filter(|tag| site.site.image.tag.as_ref() != Some(tag));
    // A spec without tag and digest is `latest`.
    let bare = other.image.tag.is_none() && other.image.digest.is_none();
    let latest: Option<Arc<str>> =
        bare.then(|| "latest".into()).filter(|latest| site.site.image.tag.as_ref().is_some_and(|tag| tag != latest));
    Ok(Goal { to: other.digest.clone(), tag: tag.cloned().or(latest), runs: other.image.digest.is_some() })
}

/// Where a proposed rollback goes.
fn again(site: &Judged, pin: &PinRecord) -> Option<Goal> {
    let tag = Reference::parse(&pin.image).and_then(|image| image.tag).filter(|tag| site.site.image.tag.as_ref() != Some(tag));
    Some(Goal { to: pin.to.clone()?, tag, runs: true })
}

/// Where what fails goes: to the digest that was pinned before, with the tag it had then.
fn earlier(snapshot: &Snapshot, site: &Judged) -> Result<Goal, String> {
    let to = stood(snapshot, site).ok_or("no earlier pin is known here that was not rolled back")?;
    let channel = site.terms.channel.as_ref();
    match channel.and_then(|channel| unproved_at(snapshot, channel, &to)) {
        Some(why) => Err(why),
        None => Ok(Goal { tag: tag_of(snapshot, site, &to), to, runs: false }),
    }
}

/// What forbids the rollback of a site. Policy, settle time, schedule and holds do not.
fn refused(snapshot: &Snapshot, site: &Judged, turn: &Turn) -> Option<String> {
    let terms = &site.terms;
    let first = terms.wrong.first().or(terms.denied.as_ref()).or(terms.unsure.as_ref()).or(terms.locks.first());
    if let Some(why) = first.cloned().or_else(|| super::gate::ignored(snapshot, site.literal)) {
        return Some(why);
    }
    let drifts = turn.cause == Cause::Drift;
    if !terms.auto_rollback.value && !drifts {
        return Some(format!("`auto_rollback` is false ({})", terms.auto_rollback.from));
    }
    if terms.rollback.value == Mode::Off && !drifts {
        return Some(format!("the mode of rollbacks is `off` ({})", terms.rollback.from));
    }
    let way = route::way(snapshot, mode(site, turn), None).err().map(|(_, why)| why);
    way.or_else(|| turn.goal.as_ref().err().cloned())
}

/// What is set by hand is taken over as a move would be made.
fn mode<'a>(site: &'a Judged, turn: &Turn) -> &'a Setting<Mode> {
    if turn.cause == Cause::Drift { &site.terms.follow } else { &site.terms.rollback }
}

/// A group goes back as a whole or not at all.
fn together(judged: &[Judged], turns: &mut [Turn]) {
    let fails = |turn: &Turn| matches!(turn.cause, Cause::Unhealthy | Cause::Alert) && judged[turn.index].terms.group.is_some();
    let stopped = turns.iter().filter(|turn| fails(turn)).find_map(|turn| Some((turn.index, turn.goal.as_ref().err()?.clone())));
    let Some((first, why)) = stopped else { return };
    let why = format!("its group goes back together, and {} does not: {why}", judged[first].decision.site);
    for turn in turns.iter_mut().filter(|turn| turn.goal.is_ok() && fails(turn)) {
        turn.goal = Err(why.clone());
    }
}

/// What cannot be held does not go back, and neither does its group.
fn drafted(snapshot: &Snapshot, judged: &[Judged], turns: &mut [Turn]) -> (Way, Vec<Edit>) {
    together(judged, turns);
    let going = |turns: &[Turn]| turns.iter().filter(|turn| turn.goal.is_ok()).count();
    let before = going(turns);
    let all = draft(snapshot, judged, turns);
    if going(turns) == before { all } else { drafted(snapshot, judged, turns) }
}

/// Puts the holds and the pins.
fn draft(snapshot: &Snapshot, judged: &[Judged], turns: &mut [Turn]) -> (Way, Vec<Edit>) {
    let mut draft = Draft::new(snapshot);
    let mut pins = Vec::new();
    let mut way = Way::Commit;
    let urgent = turns.iter().any(|turn| turn.cause != Cause::Drift && turn.goal.is_ok());
    for turn in turns {
        let site = &judged[turn.index];
        let Ok(goal) = &turn.goal else { continue };
        let pin = match &goal.tag {
            Some(tag) => retag(site.literal, site.site, tag, &goal.to),
            None => Ok(edit(site.literal, site.site, &site.terms.image, &goal.to)),
        };
        let held = pin.and_then(|pin| draft.put(site.literal, site.site, &hold(site, turn)).map(|()| pin));
        match (held, route::way(snapshot, mode(site, turn), None)) {
            (Ok(_), Ok(own)) if urgent && turn.cause == Cause::Drift && own.is_pull() => {
                turn.goal = Err("what is rolled back beside it goes first".into());
            }
            (Ok(pin), Ok(own)) => {
                pins.push(pin);
                if turn.cause != Cause::Drift {
                    pins.extend(hands_off(snapshot, site).unwrap_or_default());
                }
                way = if own.is_pull() { own } else { way };
            }
            (Err(why), _) | (_, Err((_, why))) => turn.goal = Err(why),
        }
    }
    pins.extend(draft.edits());
    (way, pins)
}

/// Returns the edits that keep Keel from bringing back what was rolled back; none where it does not run, or is kept away already.
///
/// # Errors
/// A sentence why the text cannot say so. The rollback goes on without it.
pub(super) fn hands_off(snapshot: &Snapshot, site: &Judged) -> Result<Vec<Edit>, String> {
    let lives = live::uses(snapshot, site.literal).unwrap_or_default();
    let never = |workload: &Workload| workload.keel.get(POLICY).is_some_and(|policy| policy.eq_ignore_ascii_case("never"));
    let workloads: Vec<&Workload> = lives.iter().filter_map(|live| live.workload()).collect();
    let away = !workloads.is_empty() && workloads.iter().all(|workload| never(workload));
    if away || !keel_may_run(snapshot) { Ok(Vec::new()) } else { flip::hands_off(snapshot, site.literal) }
}

fn hold(site: &Judged, turn: &Turn) -> Hold {
    let from = site.decision.from.as_ref().map_or("", |from| from.short());
    let because = match turn.cause {
        Cause::Drift => "drift: set by hand in the cluster".to_owned(),
        cause => format!("{}: rolled back from sha256:{from}", cause.word()),
    };
    Hold { because: Some(because.into()), ..Hold::default() }
}

/// Says why a site does not go back; nothing else moves there meanwhile.
fn refuse(snapshot: &Snapshot, site: &mut Judged, turn: &Turn) -> Option<Notice> {
    let why = turn.goal.as_ref().err()?;
    if turn.cause == Cause::Drift {
        site.decision.reasons.push(format!("it is not taken over: {why}"));
        return None;
    }
    let reason = format!("{}; it is not rolled back: {why}", turn.evidence);
    match &site.want {
        Some(want) if want.action != Action::Lift => site.hold_back(Verdict::Waiting, reason),
        _ => site.decision.reasons.insert(0, reason),
    }
    let to = match earlier(snapshot, site) {
        Ok(goal) if turn.cause != Cause::Undo => Some(goal.to),
        _ => None,
    };
    Some(Notice::NotRolledBack {
        site: site.site.key.clone(),
        image: site.terms.image.clone(),
        cause: turn.cause,
        evidence: line(&turn.evidence),
        from: site.decision.from.clone()?,
        to,
        why: why.clone(),
    })
}

fn waits(site: &mut Judged, turn: &Turn) {
    let what = if turn.cause == Cause::Drift { "taken over" } else { "rolled back" };
    let reason = format!("{}; it is {what} after what else is written to the same file", turn.evidence);
    site.want = None;
    site.decision.verdict = Verdict::Waiting;
    site.decision.reasons.insert(0, reason);
}

fn want(snapshot: &Snapshot, site: &mut Judged, turn: &Turn, edits: &[Edit], way: &Way) {
    let Ok(goal) = &turn.goal else { return };
    let keel =
        hands_off(snapshot, site).err().filter(|_| turn.cause != Cause::Drift).map(|why| format!("Keel may set the image still: {why}"));
    let evidence = line(&turn.evidence);
    let image = goal.tag.as_ref().map(|tag| format!("{}:{tag}", site.site.image.name));
    let from = site.decision.from.as_ref().map_or("", |from| from.short());
    let image_now = image.as_ref().unwrap_or(&site.terms.image);
    let (action, verdict, back, end) = match turn.cause {
        Cause::Drift => {
            (Action::Pin, Verdict::Held, format!("{image_now} is pinned at what runs, sha256:{}, and held", goal.to.short()), "".into())
        }
        _ => {
            let back = format!("{image_now} goes back to sha256:{} and is held", goal.to.short());
            (Action::Rollback, Verdict::Rollback, back, format!("; sha256:{from} is not proposed again"))
        }
    };
    let mut notes = vec![format!("{}. {back}{end}.", capital(&evidence))];
    notes.extend(keel.as_ref().map(|why| format!("{why}.")));
    site.decision.reasons.extend(keel);
    if let Some(way) = Some(way).filter(|way| way.is_pull()) {
        site.way = Some(way.clone());
    }
    site.decision.verdict = verdict;
    site.decision.to = Some(goal.to.clone());
    site.decision.reasons.insert(0, format!("{evidence}: {back}"));
    if turn.cause == Cause::Undo && overrun(snapshot, site).is_some() {
        site.decision.reasons.push(format!("an apply has brought sha256:{from} back since: the repo says so until this is merged"));
    }
    site.want = Some(Want {
        action,
        cause: turn.cause,
        to: Some(goal.to.clone()),
        image,
        edits: edits.to_vec(),
        way: way.clone(),
        notes,
        told: Some(Told { evidence, proven: goal.runs }),
    });
}

/// Makes everything else of the same name, and in the same files, wait.
fn go_first(judged: &mut [Judged], name: &str, edits: &[Edit], way: &Way) {
    let files: BTreeSet<&RepoPath> = edits.iter().map(|edit| &edit.file).collect();
    for site in judged.iter_mut() {
        let Some(want) = site.want.as_ref().filter(|want| want.told.is_none()) else { continue };
        let same = *site.name() == *name && want.way.is_pull() == way.is_pull();
        let beside = !way.is_pull() && !want.way.is_pull() && want.edits.iter().any(|edit| files.contains(&edit.file));
        if same || beside {
            site.hold_back(Verdict::Waiting, format!("what the cluster tells of {name} goes first"));
        }
    }
}

/// What can stand in a trailer: one line, nothing around it.
fn line(text: &str) -> String {
    let words: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    words.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or(String::new(), |first| first.to_uppercase().chain(chars).collect())
}
