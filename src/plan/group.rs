//! Configured groups move together or not at all. First pins are not moves: they go on.

use super::judged::Judged;
use super::route::Way;
use crate::pipeline::Verdict;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Makes the moves of a group wait while a member is behind its channel and cannot move now. A frozen member never moves, so nobody waits for it.
pub(super) fn together(judged: &mut [Judged]) {
    let mut waits: BTreeMap<Arc<str>, (String, usize)> = BTreeMap::new();
    for site in judged.iter().filter(|site| stops(site)) {
        let Some(group) = site.terms.group.clone() else { continue };
        let reason = site.decision.reasons.first().map_or("", String::as_str);
        let what = format!("{}, which {}: {reason}", site.decision.site, word(site.decision.verdict));
        waits.entry(group).or_insert((what, 0)).1 += 1;
    }
    for site in judged.iter_mut().filter(|site| site.decision.verdict == Verdict::Move) {
        if let Some((group, (what, count))) = site.terms.group.as_ref().and_then(|group| waits.get_key_value(group)) {
            let more = if *count > 1 { format!(" (and for {} more)", count - 1) } else { String::new() };
            site.hold_back(Verdict::Waiting, format!("the group {group} waits for {what}{more}"));
        }
    }
}

/// A group whose moves go different ways goes the way of the one that has to be proposed.
pub(super) fn one_way(judged: &mut [Judged]) {
    let moves = |site: &Judged, pull: bool| site.decision.verdict == Verdict::Move && site.goes(pull);
    let mut proposed: BTreeMap<Arc<str>, String> = BTreeMap::new();
    for site in judged.iter().filter(|site| moves(site, true)) {
        if let Some(group) = &site.terms.group {
            proposed.entry(group.clone()).or_insert_with(|| site.decision.site.to_string());
        }
    }
    for site in judged.iter_mut().filter(|site| moves(site, false)) {
        let Some((group, other)) = site.terms.group.as_ref().and_then(|group| proposed.get_key_value(group)) else { continue };
        let why = format!("the group {group} moves together, and {other} has to be proposed");
        site.decision.reasons.push(format!("it goes as a pull request: {why}"));
        let way = Way::Pull { why: Some(why), merge: true };
        site.way = Some(way.clone());
        if let Some(want) = &mut site.want {
            want.way = way;
        }
    }
}

fn stops(site: &Judged) -> bool {
    let verdict = site.decision.verdict;
    matches!(verdict, Verdict::Waiting | Verdict::Held | Verdict::Blocked | Verdict::Unknown) && site.is_behind()
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Held => "is held",
        Verdict::Blocked => "is blocked",
        Verdict::Unknown => "is unknown",
        _ => "waits",
    }
}
