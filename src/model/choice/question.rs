//! What is asked of a choice: the policy and its settings, the tags that a registry lists, and the
//! codes of what keeps a tag out. Values only.

use crate::model::pattern::TagPatterns;
use crate::model::platform::Platform;
use crate::model::policy::Policy;
use crate::model::reference::Tag;
use jiff::Timestamp;
use regex::Regex;
use std::collections::BTreeSet;

/// Images have build times since Docker was published; an earlier one (1970, 1980) was made up.
const FIRST_BUILD: Timestamp = Timestamp::constant(1_356_998_400, 0);

/// What is asked.
#[derive(Clone, Copy, Debug)]
pub struct TagQuestion<'a> {
    pub policy: &'a Policy,
    pub declared: &'a Tag,
    /// The newest tag that runs, where one is known.
    pub running: Option<&'a Tag>,
    /// Keel's `matchPreRelease`; `false` allows pre-releases behind releases.
    pub match_pre_release: bool,
    /// Takes the next minor (or major) instead of the newest.
    pub step: bool,
    /// Tags that match one of these are no candidates.
    pub exclude: &'a [Regex],
    /// What the image has to be there for; none where it is not known.
    pub platforms: &'a BTreeSet<Platform>,
    /// Tags that were rolled back.
    pub rejected: &'a BTreeSet<Tag>,
}

/// What one site asks of the list of its repository: a question that owns what it is about.
#[derive(Clone, Debug, PartialEq)]
pub struct TagWish {
    pub policy: Policy,
    pub declared: Tag,
    /// The newest tag that runs, where one is known.
    pub running: Option<Tag>,
    pub match_pre_release: bool,
    pub step: bool,
    pub exclude: TagPatterns,
    pub platforms: BTreeSet<Platform>,
    pub rejected: BTreeSet<Tag>,
}

impl TagWish {
    pub fn question(&self) -> TagQuestion<'_> {
        TagQuestion {
            policy: &self.policy,
            declared: &self.declared,
            running: self.running.as_ref(),
            match_pre_release: self.match_pre_release,
            step: self.step,
            exclude: &self.exclude.0,
            platforms: &self.platforms,
            rejected: &self.rejected,
        }
    }
}

/// A tag as a registry lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedTag {
    /// As the registry writes it; it may be no tag.
    pub tag: String,
    /// `None` where nobody asked yet.
    pub build: Option<TagBuild>,
}

/// What is known of the image of a tag.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TagBuild {
    /// When it was built; `None` where it does not say.
    pub created: Option<Timestamp>,
    /// `None` where it is not known, which keeps nothing out.
    pub platforms: Option<BTreeSet<Platform>>,
}

macro_rules! kept_out {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $words:literal;)*) => {
        /// Why a tag is not chosen.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum KeptOut {
            $($(#[$doc])* $name,)*
        }

        impl KeptOut {
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// Returns the stable code: `other-major`.
            pub fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// Returns the reason in words.
            pub fn words(self) -> &'static str {
                match self { $(Self::$name => $words,)* }
            }
        }
    };
}

kept_out! {
    NotATag = "not-a-tag", "a signature or another attachment, or no tag at all";
    Declared = "declared", "it is the declared tag";
    Excluded = "excluded", "`exclude` removes it";
    Never = "never", "the policy is `never`";
    FollowsDigest = "follows-digest", "the digest of the declared tag is followed";
    NoLevels = "no-levels", "the declared tag is a date, which has no levels";
    Pattern = "pattern", "the policy's pattern does not match it";
    Skeleton = "skeleton", "its text differs from the declared tag's in more than numbers";
    NoVersion = "no-version", "it has no version";
    Prefix = "prefix", "another prefix";
    Precision = "precision", "another precision";
    Scheme = "scheme", "another scheme: a year or date in the place of a number";
    Variant = "variant", "another variant";
    PreRelease = "pre-release", "a pre-release, or another kind of it";
    NotNewer = "not-newer", "not newer than the declared tag";
    OtherMajor = "other-major", "another major version";
    OtherMinor = "other-minor", "another minor version";
    HeldByPolicy = "held-by-policy", "the declared tag is too short for the policy";
    RunningUnknown = "running-unknown", "it cannot be compared with the tag that runs";
    OlderThanRunning = "older-than-running", "older than the tag that runs";
    RolledBack = "rolled-back", "it was rolled back";
    Unreleased = "unreleased", "all fuller tags of it are pre-releases";
    Step = "step", "one step at a time: it is not the next one";
    Platform = "platform", "it lacks a platform of the cluster";
    OlderBuild = "older-build", "a stray: built more than 14 days before the declared tag";
    BuildUnknown = "build-unknown", "only build times could order it, and one is unknown";
    BuildTie = "build-tie", "built at the same time as another candidate";
    NotTried = "not-tried", "five newer candidates were strays";
}

impl TagQuestion<'_> {
    pub(super) fn excludes(&self, tag: &str) -> bool {
        self.exclude.iter().any(|regex| regex.is_match(tag))
    }
}

impl ListedTag {
    /// Says whether a listed name is a tag that people pull: no signature, attestation or bill of
    /// materials (cosign, and the referrers of the OCI distribution spec).
    pub fn is_tag(&self) -> bool {
        let name = self.tag.as_str();
        let is_attachment = [".sig", ".att", ".sbom"]
            .iter()
            .any(|end| name.ends_with(end))
            || name.strip_prefix("sha256-").is_some_and(|hex| {
                hex.len() >= 64 && hex.bytes().take(64).all(|b| b.is_ascii_hexdigit())
            });
        !is_attachment && Tag::parse(name).is_some()
    }
}

impl TagBuild {
    /// Returns when it was built, unless that was made up.
    pub(super) fn built(&self) -> Option<Timestamp> {
        self.created.filter(|created| *created >= FIRST_BUILD)
    }
}
