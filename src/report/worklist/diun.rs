//! Diun's list of images (`diun image list --raw`, protojson: crazy-max/diun `cmd/image.go` and
//! `pb/image.proto`), and where it and the plan disagree. It holds what Diun saw, not what runs.

use crate::model::digest::Digest;
use crate::model::reference::{Reference, Repository, Tag};
use crate::pipeline::{Plan, Seen, Snapshot, Upstream, Verdict};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Diun's list. An empty database is `{}`.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct DiunList {
    #[serde(default)]
    images: Vec<DiunImage>,
}

/// One image; `latest` is the manifest with the newest build time, whatever its tag.
#[derive(Clone, Debug, Deserialize)]
struct DiunImage {
    /// Without a tag: `docker.io/library/redis`.
    name: String,
    latest: Option<DiunManifest>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
#[derive(Default)]
struct DiunManifest {
    tag: String,
    /// Of the index, where there is one.
    digest: String,
    created: Option<String>,
}

/// Where both say something else of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disagreement {
    pub image: String,
    pub kind: DisagreementKind,
    pub why: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DisagreementKind {
    /// Diun watches it, and the repo declares it nowhere.
    NotDeclared,
    /// The repo is behind, and Diun does not watch the image.
    NotWatched,
    /// The repo declares other tags of the repository than the newest that Diun saw.
    OtherTag,
    /// Both know the tag, with different digests.
    OtherDigest,
}

impl DisagreementKind {
    /// Returns the stable code: `not-declared`.
    pub fn code(self) -> &'static str {
        match self {
            Self::NotDeclared => "not-declared",
            Self::NotWatched => "not-watched",
            Self::OtherTag => "other-tag",
            Self::OtherDigest => "other-digest",
        }
    }
}

impl DiunList {
    /// Parses what `diun image list --raw` prints.
    ///
    /// # Errors
    /// A sentence: it is not that JSON.
    pub fn parse(text: &str) -> Result<Self, String> {
        // As a map first: serde takes a list for a structure, too.
        let map: Result<Map<String, Value>, _> = serde_json::from_str(text);
        let list = map.and_then(|map| serde_json::from_value(Value::Object(map)));
        list.map_err(|error| format!("not what `diun image list --raw` prints: {error}"))
    }
}

impl Disagreement {
    pub fn to_json(&self) -> Value {
        json!({ "image": self.image, "code": self.kind.code(), "text": self.why })
    }
}

/// Returns where Diun's list and the plan disagree, by image.
pub fn compare_with_diun(snapshot: &Snapshot, plan: &Plan, list: &DiunList) -> Vec<Disagreement> {
    let mut declared: BTreeMap<Repository, BTreeSet<Tag>> = BTreeMap::new();
    for (_, site) in snapshot.scan.sites() {
        let tags = declared.entry(site.image.repository()).or_default();
        tags.extend(site.image.effective_tag());
    }
    let mut found = Vec::new();
    let mut watched: BTreeSet<Repository> = BTreeSet::new();
    for image in &list.images {
        let Some(reference) = Reference::parse(&image.name) else {
            continue;
        };
        let repository = reference.repository();
        watched.insert(repository.clone());
        let tags = declared.get(&repository);
        found.extend(compare_image(snapshot, (&repository, tags), image));
    }
    let sites = snapshot.scan.sites();
    for ((_, site), decision) in sites.zip(&plan.decisions) {
        let repository = site.image.repository();
        let is_behind = decision.to.is_some()
            && matches!(
                decision.verdict,
                Verdict::Update | Verdict::Bump | Verdict::Waiting | Verdict::Held
            );
        if is_behind && !watched.contains(&repository) {
            found.push(Disagreement {
                image: site.image.name.to_string(),
                kind: DisagreementKind::NotWatched,
                why: "it is behind, and Diun does not watch it".to_owned(),
            });
        }
    }
    found.sort_by(|a, b| (&a.image, a.kind).cmp(&(&b.image, b.kind)));
    found.dedup();
    found
}

fn compare_image(
    snapshot: &Snapshot,
    (repository, tags): (&Repository, Option<&BTreeSet<Tag>>),
    image: &DiunImage,
) -> Option<Disagreement> {
    let disagree = |kind, why: String| {
        Some(Disagreement {
            image: image.name.clone(),
            kind,
            why,
        })
    };
    let Some(tags) = tags else {
        let why = "Diun watches it, and the repo declares it nowhere".to_owned();
        return disagree(DisagreementKind::NotDeclared, why);
    };
    let latest = image.latest.as_ref()?;
    let tag = Tag::parse(&latest.tag)?;
    if !tags.contains(&tag) {
        let declared: Vec<&str> = tags.iter().map(|tag| tag.as_str()).collect();
        let why = format!(
            "the newest that Diun saw is {tag}, and the repo declares {}",
            declared.join(", ")
        );
        return disagree(DisagreementKind::OtherTag, why);
    }
    let seen = Digest::parse(&latest.digest)?;
    match snapshot.upstream.get(&repository.channel(tag.clone())) {
        Some(Seen::Known(Upstream::Digest(digest))) if *digest != seen => {
            let built = latest.created.as_ref();
            let built = built.map_or_else(String::new, |built| format!(", built {built}"));
            let why = format!(
                "Diun saw {tag} at sha256:{}{built}, and the registry says sha256:{} now",
                seen.short(),
                digest.short()
            );
            disagree(DisagreementKind::OtherDigest, why)
        }
        _ => None,
    }
}
