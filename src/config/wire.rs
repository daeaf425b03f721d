//! The keys of `pintle.toml` as they are written. Their doc comments are the descriptions in the
//! JSON schema.

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize;
use std::borrow::Cow;

mod modes;
mod notice;
mod systems;
mod place;

pub(super) use modes::{ModeToml, Modes};
pub(super) use notice::{NoticeKindToml, NoticeLevelToml, NoticeToml};
pub(super) use place::{At, TomlText};
pub(super) use systems::{
    AlertToml, ClusterToml, CustomToml, DriftToml, ForgeToml, KeelToml, MergeStyle, PipelineToml,
    RebaseWord,
};

/// What the JSON schema calls itself: the name of the format and its version.
pub(super) const SCHEMA_ID: &str = "urn:pintle:config:1";

/// One string, or a list of them.
#[derive(Debug, JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "only its schema is used")]
enum OneOrMore {
    One(String),
    More(Vec<String>),
}

/// One string or a list of strings.
#[derive(Debug, Default)]
pub(super) struct Many(pub Vec<String>);

impl<'de> Deserialize<'de> for Many {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Many;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a string or a list of strings")
            }

            fn visit_str<E>(self, text: &str) -> Result<Many, E> {
                Ok(Many(vec![text.into()]))
            }

            fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut seq: A) -> Result<Many, A::Error> {
                let mut all = Vec::new();
                while let Some(next) = seq.next_element()? {
                    all.push(next);
                }
                Ok(Many(all))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

impl JsonSchema for Many {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        OneOrMore::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        OneOrMore::json_schema(generator)
    }
}

/// The configuration of pintle, at the top of the repo it looks after.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "pintle.toml", extend("$id" = SCHEMA_ID))]
pub(super) struct File {
    /// Where the schema of this file is, for editors; pintle does not read it.
    #[serde(rename = "$schema")]
    pub _schema: Option<String>,
    /// The version of this format: 1.
    pub version: Option<At<i64>>,
    #[serde(default)]
    pub scan: ScanToml,
    /// The ways a root is applied, when there are several.
    #[serde(default)]
    pub environment: Vec<EnvironmentToml>,
    /// Modules whose text is not in the repo, and their arguments that hold images.
    #[serde(default)]
    pub module: Vec<At<ModuleToml>>,
    /// More places that hold images.
    #[serde(default)]
    pub extra: Vec<At<ExtraToml>>,
    #[serde(default)]
    pub defaults: DefaultsToml,
    /// Settings for the sites that match; the first rule that sets a setting wins.
    #[serde(default)]
    pub rule: Vec<RuleToml>,
    /// Sites that are updated together or not at all.
    #[serde(default)]
    pub group: Vec<GroupToml>,
    /// Sites that must not change.
    #[serde(default)]
    pub hold: Vec<At<HoldToml>>,
    #[serde(default)]
    pub deny: DenyToml,
    #[serde(default)]
    pub do_not_bump: DoNotBump,
    /// How registries are reached.
    #[serde(default)]
    pub registry: Vec<RegistryToml>,
    /// Pull-through caches, whose answers are compared with upstream's.
    #[serde(default)]
    pub cache: Vec<CacheToml>,
    #[serde(default)]
    pub git: GitToml,
    /// Pull requests and comments in the forge.
    #[serde(default)]
    pub forge: ForgeToml,
    /// What is expected of CI after a push.
    #[serde(default)]
    pub pipeline: PipelineToml,
    /// What is read in the cluster, and what is made of it.
    #[serde(default)]
    pub cluster: ClusterToml,
    /// Which alerts roll an image back.
    #[serde(default)]
    pub alert: Vec<AlertToml>,
    /// Who receives messages about what pintle does and what a person should look at.
    #[serde(default)]
    pub notice: Vec<NoticeToml>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ScanToml {
    /// Globs of paths that are not read.
    #[serde(default)]
    pub exclude: Vec<TomlText>,
    /// Globs of var-files that cannot be read (encrypted) and are known to set no image.
    #[serde(default)]
    pub without_images: Vec<TomlText>,
    /// Globs of the directories that are roots; without it they are found.
    #[serde(default)]
    pub roots: Vec<TomlText>,
    /// Files of variables given to every root, relative to the root, or from the top of the repo
    /// with a leading `/`.
    #[serde(default)]
    pub var_files: Vec<TomlText>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct EnvironmentToml {
    /// A glob of the roots it is for; without it every root.
    pub root: Option<TomlText>,
    /// Its name.
    pub name: TomlText,
    /// Its files of variables.
    #[serde(default)]
    pub var_files: Vec<TomlText>,
    /// The value of `terraform.workspace`.
    pub workspace: Option<TomlText>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ModuleToml {
    /// A glob of the call's `source`.
    pub source: TomlText,
    /// The argument that holds the whole reference.
    pub reference: Option<TomlText>,
    /// The argument that holds the repository.
    pub repository: Option<TomlText>,
    /// The argument that holds the tag.
    pub tag: Option<TomlText>,
    /// The argument that holds the registry.
    pub registry: Option<TomlText>,
    /// The argument that holds the digest.
    pub digest: Option<TomlText>,
    /// The arguments that hold the values of a chart, as `helm_release` has them, weakest first.
    pub values: Option<At<Many>>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ExtraToml {
    /// A glob of `type.label`; goes with `env`.
    pub resource: Option<TomlText>,
    /// Globs of the container environment variables whose values are images.
    pub env: Option<Vec<TomlText>>,
    /// A glob of YAML or JSON files; goes with `path`.
    pub file: Option<TomlText>,
    /// The dotted path of the value; `*` stands for every element.
    pub path: Option<TomlText>,
}

/// The keys that `[defaults]` and `[[rule]]` share, as they are written.
pub(super) struct SettingsToml<'a> {
    pub policy: Option<&'a TomlText>,
    pub step: Option<bool>,
    pub exclude: Option<&'a [TomlText]>,
    pub match_pre_release: Option<bool>,
    pub mode: Option<Modes>,
    pub schedule: Option<&'a TomlText>,
    pub settle: Option<&'a TomlText>,
    pub automerge: Option<bool>,
    pub soak: Option<&'a TomlText>,
    pub watch: Option<&'a TomlText>,
    pub auto_rollback: Option<bool>,
    pub drift: Option<DriftToml>,
    pub assignees: Option<&'a [TomlText]>,
    pub reviewers: Option<&'a [TomlText]>,
}

/// Makes a section of the shared keys and its own: a flattened struct would take unknown keys
/// without a word.
macro_rules! section_with_settings {
    ($(#[$meta:meta])* $name:ident { $($(#[$own_meta:meta])* $own:ident: $type:ty,)* }) => {
        $(#[$meta])*
        #[serde(deny_unknown_fields)]
        pub(super) struct $name {
            $($(#[$own_meta])* pub $own: $type,)*
            /// `force`, `patch`, `minor`, `major`, `all`, `glob:…`, `regexp:…` or `never`; without
            /// it floating tags are followed and others pinned as they are.
            pub policy: Option<TomlText>,
            /// Whether a policy takes the next minor (or major) version instead of the newest.
            pub step: Option<bool>,
            /// Regular expressions of tags that a policy never chooses.
            pub exclude: Option<Vec<TomlText>>,
            /// Whether a policy leaves pre-releases out behind a release: true without it.
            pub match_pre_release: Option<bool>,
            /// How changes reach the branch: one mode, or one for each of `adopt`, `update`, `bump`
            /// and `rollback`. Without it pull requests where a forge is named, commits elsewhere;
            /// bumps are always pull requests and rollbacks always commits without it.
            pub mode: Option<Modes>,
            /// `@every 1h`, `@daily` or cron, with an optional `TZ=…` in front.
            pub schedule: Option<TomlText>,
            /// How long upstream must be quiet before a pin is updated: `10m`.
            pub settle: Option<TomlText>,
            /// Whether pintle merges its own pull requests, once their statuses are green and
            /// `soak` is over.
            pub automerge: Option<bool>,
            /// How long a digest must have been known before pintle merges its pull request: `3d`.
            pub soak: Option<TomlText>,
            /// How long after a new digest runs it is watched, and rolled back when it fails:
            /// `15m`; `0` never.
            pub watch: Option<TomlText>,
            /// Whether pintle rolls back by itself: true without it. Where a rollback makes it
            /// worse (schema migrations) it opens an issue instead.
            pub auto_rollback: Option<bool>,
            /// What happens to an image that somebody set in the cluster by hand: `report` without
            /// it.
            pub drift: Option<DriftToml>,
            /// Accounts of the forge that its pull requests are assigned to.
            pub assignees: Option<Vec<TomlText>>,
            /// Accounts of the forge that are asked for a review of its pull requests.
            pub reviewers: Option<Vec<TomlText>>,
        }

        impl $name {
            pub(super) fn shared(&self) -> SettingsToml<'_> {
                SettingsToml {
                    policy: self.policy.as_ref(),
                    step: self.step,
                    exclude: self.exclude.as_deref(),
                    match_pre_release: self.match_pre_release,
                    mode: self.mode,
                    schedule: self.schedule.as_ref(),
                    settle: self.settle.as_ref(),
                    automerge: self.automerge,
                    soak: self.soak.as_ref(),
                    watch: self.watch.as_ref(),
                    auto_rollback: self.auto_rollback,
                    drift: self.drift,
                    assignees: self.assignees.as_deref(),
                    reviewers: self.reviewers.as_deref(),
                }
            }
        }
    };
}

section_with_settings! {
    #[derive(Debug, Default, Deserialize, JsonSchema)]
    DefaultsToml {
        /// How many updates may be committed in a length of time, counted from the git log:
        /// `5 per 6h` without it, `off` for any number.
        budget: Option<TomlText>,
        /// How many images are pinned for the first time in one go: all without it.
        adopt_batch: Option<At<u16>>,
    }
}

section_with_settings! {
    #[derive(Debug, Deserialize, JsonSchema)]
    RuleToml {
        /// What the rule is for.
        #[serde(rename = "match")]
        matches: MatchToml,
        /// The group its sites belong to.
        group: Option<TomlText>,
        /// The reason for which its sites are held.
        hold: Option<TomlText>,
    }
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct MatchToml {
    /// Stacks: their paths, globs over paths, or names.
    pub stack: Option<At<Many>>,
    /// Globs of paths.
    pub file: Option<At<Many>>,
    /// Globs of images, in any spelling, with or without the tag.
    pub image: Option<At<Many>>,
    /// Globs of namespaces.
    pub namespace: Option<At<Many>>,
    /// Globs of workload names.
    pub name: Option<At<Many>>,
    /// Globs of kinds, in any case: `Deployment`.
    pub kind: Option<At<Many>>,
    /// Globs of container names.
    pub container: Option<At<Many>>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct GroupToml {
    /// Leads the commit subject.
    pub name: TomlText,
    /// Globs of site ids or aliases.
    #[serde(default)]
    pub sites: Vec<TomlText>,
    /// Stacks: their paths, globs over paths, or names.
    #[serde(default)]
    pub stacks: Vec<TomlText>,
    /// Globs of images.
    #[serde(default)]
    pub images: Vec<TomlText>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct HoldToml {
    /// Globs of site ids or aliases.
    pub site: Option<At<Many>>,
    /// A glob of images.
    pub image: Option<TomlText>,
    /// A stack: its path, a glob over paths, or its name where that is the only one.
    pub stack: Option<TomlText>,
    /// A date (its first moment in UTC) or a time with its offset; without it the hold stays.
    pub until: Option<TomlText>,
    /// Who holds it.
    pub by: Option<TomlText>,
    /// Why.
    pub because: TomlText,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DenyToml {
    /// Stacks that are never written: their paths, globs over paths, or names.
    #[serde(default)]
    pub stacks: Vec<TomlText>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DoNotBump {
    /// Words (regular expressions, any case) that freeze a site when they stand in a comment beside
    /// or above it.
    pub patterns: Option<Vec<TomlText>>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RegistryToml {
    /// As in image references: `docker.io`, `registry.example.com:5000`.
    pub host: TomlText,
    /// The address to ask instead: `https://mirror.example.com`.
    pub endpoint: Option<TomlText>,
    /// Ask over `http`, without TLS.
    #[serde(default)]
    pub plain_http: bool,
    /// A PEM file with the certificates to trust for it.
    pub ca_file: Option<TomlText>,
    /// Requests at the same time.
    pub max_concurrency: Option<At<u16>>,
    /// Requests a second.
    pub requests_per_second: Option<At<f64>>,
    /// Hosts that it may redirect to, besides public ones over https: `images.example.lan`.
    #[serde(default)]
    pub redirects: Vec<TomlText>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CacheToml {
    /// The registry it stands before, as in image references.
    pub registry: TomlText,
    /// Its address; a path is put before the repository.
    pub url: TomlText,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct GitToml {
    /// The branch to read and write; without it the remote's default branch.
    pub branch: Option<TomlText>,
    /// The author of pintle's commits.
    pub author_name: Option<TomlText>,
    /// The author's address.
    pub author_email: Option<TomlText>,
    /// Whether commits end with a `Signed-off-by` of their author: false without it.
    pub sign_off: Option<bool>,
    /// What every subject begins with: `chore(deps):`.
    pub subject_prefix: Option<TomlText>,
}
