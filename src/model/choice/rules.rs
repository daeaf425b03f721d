//! The rules that keep tags out, one function each, in the order in which they are asked. A new
//! rule is a function and a line in a list.

use super::question::KeptOut;
use super::round::{Round, Running, TagCandidate, TagOrder, short_key};
use crate::model::policy::Policy;
use crate::model::reference::Tag;
use crate::model::version::{ShapeDifference, TagVersion};
use jiff::SignedDuration;
use std::cmp::Ordering;

/// A build that is older than the declared one by more than this is a stray tag. Maintained tags
/// are rebuilt together, in any order.
pub const MARGIN: SignedDuration = SignedDuration::from_hours(14 * 24);

/// A rule and the code of what it keeps out.
#[derive(Clone, Copy, Debug)]
pub struct TagRule {
    pub code: KeptOut,
    pub keeps_out: fn(&Round, &TagCandidate) -> bool,
}

const fn rule(code: KeptOut, keeps_out: fn(&Round, &TagCandidate) -> bool) -> TagRule {
    TagRule { code, keeps_out }
}

/// What keeps a tag out by itself.
pub const FILTERS: &[TagRule] = &[
    rule(KeptOut::NotATag, |_, tag| !tag.listed.is_tag()),
    rule(KeptOut::Declared, |round, tag| {
        tag.listed.tag == **round.question.declared
    }),
    rule(KeptOut::Excluded, |round, tag| {
        round.question.excludes(&tag.listed.tag)
    }),
    rule(KeptOut::Never, |round, _| nothing(round, KeptOut::Never)),
    rule(KeptOut::FollowsDigest, |round, _| {
        nothing(round, KeptOut::FollowsDigest)
    }),
    rule(KeptOut::NoLevels, |round, _| {
        nothing(round, KeptOut::NoLevels)
    }),
    rule(KeptOut::Pattern, |round, tag| {
        round.question.policy.is_pattern() && tag.matched.is_none()
    }),
    rule(KeptOut::Skeleton, has_other_skeleton),
    rule(KeptOut::NoVersion, |round, tag| {
        level(round).is_some() && tag.version.is_none()
    }),
    rule(KeptOut::Prefix, |round, tag| {
        differs(round, tag, ShapeDifference::Prefix)
    }),
    rule(KeptOut::Precision, |round, tag| {
        differs(round, tag, ShapeDifference::Precision)
    }),
    rule(KeptOut::Scheme, |round, tag| {
        differs(round, tag, ShapeDifference::Kind)
    }),
    rule(KeptOut::Variant, |round, tag| {
        differs(round, tag, ShapeDifference::Variant)
    }),
    rule(KeptOut::PreRelease, is_closed_pre_release),
    rule(KeptOut::NotNewer, is_not_newer),
    rule(KeptOut::OtherMajor, |round, tag| {
        let is_limited = matches!(round.question.policy, Policy::Patch | Policy::Minor);
        is_limited && equal_parts(round, tag) == Some(0)
    }),
    rule(KeptOut::OtherMinor, |round, tag| {
        *round.question.policy == Policy::Patch
            && equal_parts(round, tag) == Some(1)
            && level(round).is_some_and(|declared| declared.core.len() > 1)
    }),
    rule(KeptOut::HeldByPolicy, is_held_by_policy),
    rule(KeptOut::RunningUnknown, |round, tag| {
        compare_running(round, tag).is_none()
    }),
    rule(KeptOut::OlderThanRunning, |round, tag| {
        compare_running(round, tag) == Some(Ordering::Less)
    }),
    rule(KeptOut::RolledBack, |round, tag| {
        Tag::parse(&tag.listed.tag).is_some_and(|tag| round.question.rejected.contains(&tag))
    }),
    rule(KeptOut::Unreleased, is_unreleased),
    rule(KeptOut::BuildUnknown, is_build_unknown),
];

/// What is asked of the best candidate.
pub const CHECKS: &[TagRule] = &[
    rule(KeptOut::Platform, lacks_platform),
    rule(KeptOut::OlderBuild, is_stray),
];

fn nothing(round: &Round, code: KeptOut) -> bool {
    matches!(round.order, TagOrder::Nothing(why) if why == code)
}

fn level<'a>(round: &'a Round<'_>) -> Option<&'a TagVersion<'a>> {
    match &round.order {
        TagOrder::Level(declared) => Some(declared),
        _ => None,
    }
}

/// Returns the declared version and the candidate's, where both have one.
fn versions<'a>(
    round: &'a Round<'_>,
    tag: &'a TagCandidate<'_>,
) -> Option<(&'a TagVersion<'a>, &'a TagVersion<'a>)> {
    Some((level(round)?, tag.version.as_ref()?))
}

fn differs(round: &Round, tag: &TagCandidate, how: ShapeDifference) -> bool {
    versions(round, tag).is_some_and(|(declared, new)| declared.differs_in(new, how))
}

fn equal_parts(round: &Round, tag: &TagCandidate) -> Option<usize> {
    let (declared, new) = versions(round, tag)?;
    Some(declared.count_equal_parts(new))
}

/// A tag of one part moves under `major` only, one of two parts not under `patch`: the part that
/// the policy may change is not there.
fn is_held_by_policy(round: &Round, tag: &TagCandidate) -> bool {
    let needed = match round.question.policy {
        Policy::Minor => 2,
        Policy::Patch => 3,
        _ => 1,
    };
    versions(round, tag).is_some_and(|(declared, _)| declared.core.len() < needed)
}

/// Pre-releases with a number are open to those only that have one, and channels such as
/// `-nightly` have to stay the same.
fn is_closed_pre_release(round: &Round, tag: &TagCandidate) -> bool {
    let Some((declared, new)) = versions(round, tag) else {
        return false;
    };
    let is_open = !round.question.match_pre_release || *round.question.policy == Policy::All;
    let is_allowed = match (&declared.pre_release, &new.pre_release) {
        (None, None) => true,
        (None, Some(_)) => false,
        (Some(declared), None) => !declared.is_channel(),
        (Some(declared), Some(new)) if declared.is_channel() || new.is_channel() => {
            declared.text == new.text
        }
        (Some(_), Some(_)) => true,
    };
    !is_open && !is_allowed
}

fn is_not_newer(round: &Round, tag: &TagCandidate) -> bool {
    if round.is_by_build() {
        let (built, declared) = (tag.built(), round.built_declared());
        return matches!((built, declared), (Some(built), Some(declared)) if built <= declared);
    }
    match &round.order {
        TagOrder::Level(declared) => tag
            .version
            .as_ref()
            .is_some_and(|version| version.compare(declared).is_le()),
        TagOrder::Pattern {
            skeleton,
            declared: Some(declared),
        } => tag
            .matched
            .as_ref()
            .is_some_and(|matched| skeleton.compare(matched, declared).is_le()),
        // Outside the pattern only build times show it.
        TagOrder::Pattern { declared: None, .. } => {
            let (built, declared) = (tag.built(), round.built_declared());
            matches!((built, declared), (Some(built), Some(declared)) if built < declared)
        }
        TagOrder::Nothing(_) => false,
    }
}

fn has_other_skeleton(round: &Round, tag: &TagCandidate) -> bool {
    match (&round.order, &tag.matched) {
        (TagOrder::Pattern { skeleton, .. }, Some(matched)) => !skeleton.fits(matched),
        _ => nothing(round, KeptOut::Skeleton),
    }
}

/// Compares a candidate with what runs; `None` where there is no order between them.
fn compare_running(round: &Round, tag: &TagCandidate) -> Option<Ordering> {
    match (&round.running, &round.order) {
        (Running::Same, _) => Some(Ordering::Equal),
        (Running::Unordered, _) => None,
        (Running::Version(running), _) => {
            let new = tag.version.as_ref()?;
            let is_comparable = !new.differs_in(running, ShapeDifference::Kind);
            is_comparable.then(|| new.compare(running))
        }
        (Running::Match(_), _) if round.is_by_build() => match (&tag.listed.build, &round.runs) {
            (Some(_), Some(Some(_))) => Some(tag.built()?.cmp(&round.built_running()?)),
            (_, None) => None,
            _ => Some(Ordering::Equal),
        },
        (Running::Match(running), TagOrder::Pattern { skeleton, .. }) => {
            Some(skeleton.compare(tag.matched.as_ref()?, running))
        }
        (Running::Match(_), _) => None,
    }
}

/// While all fuller tags of a short tag are pre-releases, it stands for one of them.
fn is_unreleased(round: &Round, tag: &TagCandidate) -> bool {
    let short = tag
        .version
        .as_ref()
        .filter(|version| version.pre_release.is_none());
    short.is_some_and(|version| {
        round.fuller.get(&short_key(version, version.core.len())) == Some(&false)
    })
}

/// Where only build times order, both have to be known.
fn is_build_unknown(round: &Round, tag: &TagCandidate) -> bool {
    let needs_builds =
        round.is_by_build() || matches!(round.order, TagOrder::Pattern { declared: None, .. });
    let is_asked = tag.listed.build.is_some() && round.declared.is_some();
    needs_builds && is_asked && (tag.built().is_none() || round.built_declared().is_none())
}

fn lacks_platform(round: &Round, tag: &TagCandidate) -> bool {
    let build = tag.listed.build.as_ref();
    build
        .and_then(|build| build.platforms.as_ref())
        .is_some_and(|there| !round.question.platforms.is_subset(there))
}

fn is_stray(round: &Round, tag: &TagCandidate) -> bool {
    match (tag.built(), round.built_declared()) {
        (Some(built), Some(declared)) => declared.duration_since(built) > MARGIN,
        _ => false,
    }
}
