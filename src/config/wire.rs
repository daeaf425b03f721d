//! The keys of `pintle.toml` as they are written. Their doc comments are the descriptions in the JSON schema.

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize;
use std::borrow::Cow;
use toml::Spanned;

mod modes;
mod outside;

pub(super) use modes::{Mode, Modes};
pub(super) use outside::{Alert, Cluster, Custom, Drift, Forge, Keel, MergeStyle, Pipeline};

/// A string and where it stands.
pub(super) type Text = At<String>;

/// A value and where it stands in the file.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(super) struct At<T>(pub Spanned<T>);

impl<T: JsonSchema> JsonSchema for At<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

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
#[schemars(title = "pintle.toml")]
pub(super) struct File {
    /// The version of this format: 1.
    pub version: Option<At<i64>>,
    #[serde(default)]
    pub scan: Scan,
    /// The ways a root is applied, when there are several.
    #[serde(default)]
    pub environment: Vec<Environment>,
    /// Modules whose text is not in the repo, and their arguments that hold images.
    #[serde(default)]
    pub module: Vec<At<Module>>,
    /// More places that hold images.
    #[serde(default)]
    pub extra: Vec<At<Extra>>,
    #[serde(default)]
    pub defaults: Defaults,
    /// Settings for the sites that match; the first that speaks wins.
    #[serde(default)]
    pub rule: Vec<Rule>,
    /// Sites that move together or not at all.
    #[serde(default)]
    pub group: Vec<Group>,
    /// Sites that must not move.
    #[serde(default)]
    pub hold: Vec<At<Hold>>,
    #[serde(default)]
    pub deny: Deny,
    #[serde(default)]
    pub do_not_bump: DoNotBump,
    /// How registries are reached.
    #[serde(default)]
    pub registry: Vec<Registry>,
    /// Pull-through caches, whose answers are compared with upstream's.
    #[serde(default)]
    pub cache: Vec<Cache>,
    #[serde(default)]
    pub git: Git,
    /// Pull requests and comments in the forge.
    #[serde(default)]
    pub forge: Forge,
    /// What is expected of CI after a push.
    #[serde(default)]
    pub pipeline: Pipeline,
    /// What is read in the cluster, and what is made of it.
    #[serde(default)]
    pub cluster: Cluster,
    /// Which alerts roll an image back.
    #[serde(default)]
    pub alert: Vec<Alert>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Scan {
    /// Globs of paths that are not read.
    #[serde(default)]
    pub exclude: Vec<Text>,
    /// Globs of var-files that cannot be read (encrypted) and are known to set no image.
    #[serde(default)]
    pub without_images: Vec<Text>,
    /// Globs of the directories that are roots; without it they are found.
    #[serde(default)]
    pub roots: Vec<Text>,
    /// Files of variables given to every root, relative to the root, or from the top of the repo with a leading `/`.
    #[serde(default)]
    pub var_files: Vec<Text>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Environment {
    /// A glob of the roots it is for; without it every root.
    pub root: Option<Text>,
    /// Its name.
    pub name: Text,
    /// Its files of variables.
    #[serde(default)]
    pub var_files: Vec<Text>,
    /// The value of `terraform.workspace`.
    pub workspace: Option<Text>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Module {
    /// A glob of the call's `source`.
    pub source: Text,
    /// The argument that holds the whole reference.
    pub reference: Option<Text>,
    /// The argument that holds the repository.
    pub repository: Option<Text>,
    /// The argument that holds the tag.
    pub tag: Option<Text>,
    /// The argument that holds the registry.
    pub registry: Option<Text>,
    /// The argument that holds the digest.
    pub digest: Option<Text>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Extra {
    /// A glob of `type.label`; goes with `env`.
    pub resource: Option<Text>,
    /// Globs of the container environment variables whose values are images.
    pub env: Option<Vec<Text>>,
    /// A glob of YAML or JSON files; goes with `path`.
    pub file: Option<Text>,
    /// The dotted path of the value; `*` stands for every element.
    pub path: Option<Text>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Defaults {
    /// `force`, `patch`, `minor`, `major`, `glob:…`, `regexp:…` or `never`; without it floating tags are followed and others pinned as they are.
    pub policy: Option<Text>,
    /// How changes reach the branch: one mode, or one for each of `adopt`, `move` and `rollback`. Without it pull requests where a forge is named,
    /// commits elsewhere; rollbacks are always commits without it.
    pub mode: Option<Modes>,
    /// `@every 1h`, `@daily` or cron, with an optional `TZ=…` in front.
    pub schedule: Option<Text>,
    /// How long upstream must be quiet before a pin moves: `10m`.
    pub settle: Option<Text>,
    /// Whether pintle merges its own pull requests, once their statuses are green and `soak` is over.
    pub automerge: Option<bool>,
    /// How long a digest must have been known before pintle merges its pull request: `3d`.
    pub soak: Option<Text>,
    /// How long after a new digest runs it is watched, and rolled back when it fails: `15m`; `0` never.
    pub watch: Option<Text>,
    /// Whether pintle rolls back by itself: true without it. Where a rollback makes it worse (schema migrations) it opens an issue instead.
    pub auto_rollback: Option<bool>,
    /// What is made of an image that somebody set in the cluster by hand: `report` without it.
    pub drift: Option<Drift>,
    /// How many moves may be committed in a length of time, counted from the git log: `5 per 6h` without it, `off` for any number.
    pub budget: Option<Text>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Rule {
    /// What the rule is for.
    #[serde(rename = "match")]
    pub matches: Match,
    /// As in `[defaults]`.
    pub policy: Option<Text>,
    /// As in `[defaults]`.
    pub mode: Option<Modes>,
    /// As in `[defaults]`.
    pub schedule: Option<Text>,
    /// As in `[defaults]`.
    pub settle: Option<Text>,
    /// As in `[defaults]`.
    pub automerge: Option<bool>,
    /// As in `[defaults]`.
    pub soak: Option<Text>,
    /// As in `[defaults]`.
    pub watch: Option<Text>,
    /// As in `[defaults]`.
    pub auto_rollback: Option<bool>,
    /// As in `[defaults]`.
    pub drift: Option<Drift>,
    /// The group its sites belong to.
    pub group: Option<Text>,
    /// The reason for which its sites are held.
    pub hold: Option<Text>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Match {
    /// Globs of stack names.
    pub stack: Option<At<Many>>,
    /// Globs of paths.
    pub file: Option<At<Many>>,
    /// Globs of images, in any spelling, with or without the tag.
    pub image: Option<At<Many>>,
    /// Globs of namespaces.
    pub namespace: Option<At<Many>>,
    /// Globs of workload names.
    pub name: Option<At<Many>>,
    /// Globs of kinds, in lower case.
    pub kind: Option<At<Many>>,
    /// Globs of container names.
    pub container: Option<At<Many>>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Group {
    /// Leads the commit subject.
    pub name: Text,
    /// Globs of site keys.
    #[serde(default)]
    pub sites: Vec<Text>,
    /// Globs of stacks.
    #[serde(default)]
    pub stacks: Vec<Text>,
    /// Globs of images.
    #[serde(default)]
    pub images: Vec<Text>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Hold {
    /// A glob of site keys.
    pub site: Option<Text>,
    /// A glob of images.
    pub image: Option<Text>,
    /// A glob of stacks.
    pub stack: Option<Text>,
    /// A date (its first moment in UTC) or a time with its offset; without it the hold stays.
    pub until: Option<Text>,
    /// Who holds it.
    pub by: Option<Text>,
    /// Why.
    pub because: Text,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Deny {
    /// Globs of stacks that are never written.
    #[serde(default)]
    pub stacks: Vec<Text>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DoNotBump {
    /// Words (regular expressions, any case) that freeze a site when they stand in a comment beside or above it.
    pub patterns: Option<Vec<Text>>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Registry {
    /// As in image references: `docker.io`, `registry.example.com:5000`.
    pub host: Text,
    /// The address to ask instead: `https://mirror.example.com`.
    pub endpoint: Option<Text>,
    /// Ask over `http`, without TLS.
    #[serde(default)]
    pub plain_http: bool,
    /// A PEM file with the certificates to trust for it.
    pub ca_file: Option<Text>,
    /// Requests at the same time.
    pub max_concurrency: Option<At<u16>>,
    /// Requests a second.
    pub requests_per_second: Option<At<f64>>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Cache {
    /// The registry it stands before, as in image references.
    pub registry: Text,
    /// Its address; a path is put before the repository.
    pub url: Text,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Git {
    /// The branch to read and write; without it the remote's default branch.
    pub branch: Option<Text>,
    /// The author of pintle's commits.
    pub author_name: Option<Text>,
    /// The author's address.
    pub author_email: Option<Text>,
}
