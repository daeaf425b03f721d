//! Which tag a site's policy chooses: what is asked of the list of its repository, what is still to
//! be asked, and which newer tags are kept out. Looks at one site; writes nothing.

use super::chosen::{ChoiceOutcome, ChosenTag, SiteChoice};
use super::live::LiveMatch;
use super::site_history::rejected_tags;
use super::site_plan::SitePlan;
use crate::model::choice::{
    JudgedTag, KeptOut, ListedTag, PolicyScope, TagBuild, TagChoice, TagWish, choose_tag,
};
use crate::model::digest::Digest;
use crate::model::reference::{Channel, Reference, Repository, Tag};
use crate::model::version::{ShapeDifference, TagScheme};
use crate::pipeline::{Reason, Seen, Snapshot, TagNeeds, Upstream};
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

/// So many newer tags that are not taken are named.
const NAMED: usize = 3;
/// So many images are asked for their build times, besides the declared one …
const ASKED: usize = 5;
/// … and so many where nothing else orders the tags.
const ASKED_BY_BUILD: usize = 20;

/// What each site asks for: nothing where a rule forbids every change, or where no tag is chosen.
pub(super) type Wishes = Vec<Option<Result<TagWish, Reason>>>;

/// Returns what each site asks of the list of its repository.
pub(super) fn find_wishes(snapshot: &Snapshot, sites: &[SitePlan]) -> Wishes {
    sites.iter().map(|site| find_wish(snapshot, site)).collect()
}

fn find_wish(snapshot: &Snapshot, site: &SitePlan) -> Option<Result<TagWish, Reason>> {
    let policy = &site.settings.policy.as_ref()?.value;
    let declared = site.settings.channel.as_ref()?.tag.clone();
    // What has no pin gets its first one before anything else.
    let chooses = PolicyScope::of(policy, &declared) == PolicyScope::List
        && site.pinned.is_some()
        && !site.is_ignored()
        && !site.is_forbidden();
    if !chooses {
        return None;
    }
    let running = match find_running_tag(site, &declared) {
        Ok(running) => running,
        Err(why) => return Some(Err(Reason::RunningUnknown { why })),
    };
    let (settings, cluster) = (&site.settings, snapshot.cluster.known());
    Some(Ok(TagWish {
        policy: policy.clone(),
        running,
        match_pre_release: settings.match_pre_release.value,
        step: settings.step.value,
        exclude: settings
            .exclude
            .as_ref()
            .map(|exclude| exclude.value.clone())
            .unwrap_or_default(),
        platforms: cluster.map_or_else(BTreeSet::new, |cluster| cluster.platforms.clone()),
        rejected: rejected_tags(site),
        declared,
    }))
}

/// Returns the newest tag that runs, where that is another than the declared one; of tags that
/// cannot be compared one of those.
fn find_running_tag(site: &SitePlan, declared: &Tag) -> Result<Option<Tag>, String> {
    let repository = site.site.image.repository();
    let mut tags = BTreeSet::new();
    for live in site.uses.as_ref().map_err(String::clone)? {
        match &live.found {
            LiveMatch::Here { container, .. } => {
                let image = Reference::parse(&container.image);
                let image = image.filter(|image| image.repository() == repository);
                tags.extend(image.and_then(|image| image.effective_tag()));
            }
            LiveMatch::Swapped { .. } => {
                return Err("two containers have exchanged their images".to_owned());
            }
            LiveMatch::Unknown(why) => return Err(why.clone()),
            LiveMatch::Missing
            | LiveMatch::NoContainer(_)
            | LiveMatch::NotExpected
            | LiveMatch::Elsewhere => {}
        }
    }
    tags.remove(declared);
    let mut newest: Option<&Tag> = None;
    for tag in &tags {
        newest = match newest {
            None => Some(tag),
            Some(other) => match compare_tags(tag, other) {
                None => return Ok(Some(tag.clone())),
                Some(Ordering::Greater) => Some(tag),
                Some(_) => Some(other),
            },
        };
    }
    Ok(newest.cloned())
}

/// Compares two tags that are versions of one prefix, scheme and variant, perhaps of another
/// precision; others have no order.
pub(super) fn compare_tags(a: &str, b: &str) -> Option<Ordering> {
    use ShapeDifference::{Kind, Prefix, Variant};
    let (a, b) = (TagScheme::of(a).version()?, TagScheme::of(b).version()?);
    let mut shape = [Prefix, Kind, Variant].into_iter();
    let is_same = !shape.any(|how| a.differs_in(&b, how));
    is_same.then(|| a.compare(&b))
}

/// Puts to each site what its policy chooses, and returns what has to be asked first.
pub(super) fn choose_tags(snapshot: &Snapshot, sites: &mut [SitePlan]) -> TagNeeds {
    let wishes = find_wishes(snapshot, sites);
    let mut needs = TagNeeds::default();
    let mut wanted: BTreeMap<Repository, Vec<TagWish>> = BTreeMap::new();
    for (site, wish) in sites.iter().zip(&wishes) {
        if let Some(Ok(wish)) = wish {
            let all = wanted.entry(site.site.image.repository()).or_default();
            if !all.contains(wish) {
                all.push(wish.clone());
            }
        }
    }
    for (site, wish) in sites.iter_mut().zip(wishes) {
        site.choice = match wish {
            None => None,
            Some(Err(reason)) => Some(SiteChoice::unknown(reason)),
            Some(Ok(wish)) => Some(choose(snapshot, site, &wish, (&wanted, &mut needs))),
        };
    }
    needs
}

type AllNeeds<'n> = (&'n BTreeMap<Repository, Vec<TagWish>>, &'n mut TagNeeds);

fn choose(
    snapshot: &Snapshot,
    site: &SitePlan,
    wish: &TagWish,
    (wanted, needs): AllNeeds,
) -> SiteChoice {
    let repository = site.site.image.repository();
    let list = match snapshot.tags.get(&repository) {
        Some(Seen::Known(list)) if list.wishes.contains(wish) => list,
        Some(Seen::Unknown(why)) => {
            return SiteChoice::unknown(Reason::TagsUnknown {
                repository: repository.to_string(),
                why: why.clone(),
            });
        }
        Some(Seen::Known(_) | Seen::NotAsked) | None => {
            let all = wanted.get(&repository).cloned().unwrap_or_default();
            needs.lists.insert(repository.clone(), all);
            return SiteChoice::unknown(Reason::TagsNotAsked {
                repository: repository.to_string(),
            });
        }
    };
    let builds = TagBuilds {
        snapshot,
        repository: &repository,
        declared: (&wish.declared, site.pinned.as_ref()),
    };
    let list: Vec<ListedTag> = list
        .tags
        .iter()
        .map(|tag| ListedTag {
            tag: tag.to_string(),
            build: builds.find(tag).cloned(),
        })
        .collect();
    let choice = choose_tag(wish.question(), &list);
    let outcome = match builds.ask(&list, &choice.asks, needs) {
        Err(reason) => ChoiceOutcome::Unknown(reason),
        Ok(()) => find_chosen(snapshot, &repository, &choice, needs),
    };
    SiteChoice {
        kept_out: find_kept_out(&choice, wish),
        outcome,
    }
}

/// Finds what the chosen tag means upstream.
fn find_chosen(
    snapshot: &Snapshot,
    repository: &Repository,
    choice: &TagChoice,
    needs: &mut TagNeeds,
) -> ChoiceOutcome {
    let Some(tag) = choice.chosen.as_deref().and_then(Tag::parse) else {
        return ChoiceOutcome::Stays;
    };
    let channel = repository.channel(tag);
    let image = channel.to_string();
    match snapshot.upstream.get(&channel) {
        Some(Seen::Known(Upstream::Digest(digest))) => ChoiceOutcome::Newer(ChosenTag {
            digest: digest.clone(),
            channel,
        }),
        Some(Seen::Known(Upstream::Missing)) => {
            ChoiceOutcome::Unknown(Reason::TagMissing { image })
        }
        Some(Seen::Unknown(why)) => ChoiceOutcome::Unknown(Reason::UpstreamUnknown {
            image,
            why: why.clone(),
        }),
        Some(Seen::NotAsked) | None => {
            needs.channels.insert(channel);
            ChoiceOutcome::Unknown(Reason::UpstreamNotAsked { image })
        }
    }
}

/// When the images of a repository's tags were built, as far as that was asked.
struct TagBuilds<'a> {
    snapshot: &'a Snapshot,
    repository: &'a Repository,
    /// The declared tag is the digest that is pinned, whatever the tag means now.
    declared: (&'a Tag, Option<&'a Digest>),
}

impl<'a> TagBuilds<'a> {
    /// Returns the digest of a tag, or the channel that has to be asked for it. `Ok(None)`: the tag
    /// is gone meanwhile.
    fn digest(&self, tag: &str) -> Result<Option<&'a Digest>, Result<Channel, Reason>> {
        if *tag == **self.declared.0 {
            return Ok(self.declared.1);
        }
        let Some(tag) = Tag::parse(tag) else {
            return Ok(None);
        };
        let channel = self.repository.channel(tag);
        match self.snapshot.upstream.get(&channel) {
            Some(Seen::Known(Upstream::Digest(digest))) => Ok(Some(digest)),
            Some(Seen::Known(Upstream::Missing)) => Ok(None),
            Some(Seen::Unknown(why)) => Err(Err(Reason::UpstreamUnknown {
                image: channel.to_string(),
                why: why.clone(),
            })),
            Some(Seen::NotAsked) | None => Err(Ok(channel)),
        }
    }

    fn find(&self, tag: &str) -> Option<&'a TagBuild> {
        const UNKNOWN: &TagBuild = &TagBuild {
            created: None,
            platforms: None,
        };
        match self.digest(tag).ok()? {
            None => Some(UNKNOWN),
            Some(digest) => {
                let key = (self.repository.clone(), digest.clone());
                self.snapshot.builds.get(&key)?.known()
            }
        }
    }

    /// Notes what has to be asked before the choice is one; not for ever.
    fn ask(&self, list: &[ListedTag], asks: &[String], needs: &mut TagNeeds) -> Result<(), Reason> {
        if asks.is_empty() {
            return Ok(());
        }
        let image = format!("{}:{}", self.repository, self.declared.0);
        // One candidate is asked for at a time, with the declared tag, unless builds alone order.
        let is_by_build = asks.len() > 2;
        if is_by_build && asks.len() > ASKED_BY_BUILD {
            return Err(Reason::TooManyBuilds {
                repository: self.repository.to_string(),
                limit: ASKED_BY_BUILD,
            });
        }
        let known = list.iter().filter(|listed| listed.build.is_some()).count();
        if !is_by_build && known > ASKED {
            return Ok(());
        }
        for tag in asks {
            match self.digest(tag) {
                Err(Err(reason)) => return Err(reason),
                Err(Ok(channel)) => {
                    needs.channels.insert(channel);
                }
                Ok(None) => {}
                Ok(Some(digest)) => {
                    let key = (self.repository.clone(), digest.clone());
                    if let Some(Seen::Unknown(why)) = self.snapshot.builds.get(&key) {
                        let image = format!("{}:{tag}", self.repository);
                        let why = why.clone();
                        return Err(Reason::UpstreamUnknown { image, why });
                    }
                    needs.builds.insert(key);
                }
            }
        }
        Err(Reason::UpstreamNotAsked { image })
    }
}

/// Returns the newest tag that each rule keeps out, of those newer than what is chosen or declared.
fn find_kept_out(choice: &TagChoice, wish: &TagWish) -> Vec<(Tag, KeptOut)> {
    let reference = choice.chosen.as_deref().unwrap_or(&wish.declared);
    let reference = TagScheme::of(reference).version();
    let is_newer = |tag: &str| {
        let (tag, reference) = (TagScheme::of(tag).version(), reference.as_ref());
        let pair = tag.as_ref().zip(reference);
        pair.is_some_and(|(tag, reference)| tag.compare(reference).is_gt())
    };
    let mut newest: BTreeMap<KeptOut, &JudgedTag> = BTreeMap::new();
    for judged in choice.candidates.iter().filter(|one| one.looks_newer) {
        let Some(code) = judged.kept_out_by.filter(|_| is_newer(&judged.tag)) else {
            continue;
        };
        let place = newest.entry(code).or_insert(judged);
        if is_later(&judged.tag, &place.tag) {
            *place = judged;
        }
    }
    let mut all: Vec<(Tag, KeptOut)> = newest
        .into_iter()
        .filter_map(|(code, judged)| Some((Tag::parse(&judged.tag)?, code)))
        .collect();
    all.sort_by(|(a, _), (b, _)| match (is_later(a, b), is_later(b, a)) {
        (true, _) => Ordering::Less,
        (_, true) => Ordering::Greater,
        _ => a.cmp(b),
    });
    all.truncate(NAMED);
    all
}

fn is_later(a: &str, b: &str) -> bool {
    let (a, b) = (TagScheme::of(a).version(), TagScheme::of(b).version());
    a.zip(b).is_some_and(|(a, b)| a.compare(&b).is_gt())
}
