//! Which literals are image sites, what they feed, and who owns them. Pure: reads a parsed repo,
//! never a disk, a registry or a cluster.

pub mod json;
pub mod settings;
mod address;
mod argocd;
mod decide;
mod other_readers;
mod chart_values;
mod find;
mod forms;
mod found;
mod helm;
mod finder;
pub mod lookup;
mod objects;
mod occurrence;
mod ownership;
mod pin;
mod remote_module;
pub mod resource;
mod scan;
pub mod stacks;
pub mod targets;
mod unfollowed;
mod values;
mod workload;

pub use ownership::Ignored;
pub use scan::scan;
pub use stacks::{StackId, Stacks};

use crate::model::reference::Reference;
use crate::model::workload::{Holder, WorkloadKind, WorkloadRef};
use crate::terraform::files::RepoPath;
use crate::terraform::span::Span;
use crate::terraform::text::Form;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

/// Everything `scan` found, sorted by file and span.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scan {
    pub literals: Vec<Literal>,
    pub problems: Vec<Problem>,
    /// Every directory that is applied as a unit, and its short name.
    pub stacks: Stacks,
    /// The `source` of every called module whose text is not in the repo.
    pub remote_modules: BTreeSet<Arc<str>>,
    /// By root, the var-files that nothing loads or names and that set one of its variables.
    pub unnamed_var_files: BTreeMap<RepoPath, Vec<RepoPath>>,
    /// What looks like an image and is not followed, sorted.
    pub unfollowed: Vec<Unfollowed>,
}

/// A text that looks like an image, in a place where none is looked for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unfollowed {
    pub file: RepoPath,
    /// Its bytes in `file`.
    pub span: Span,
    /// 1-based.
    pub line: usize,
    pub literal: String,
    /// What it is in: `docker_container`, `module.web`, `locals`.
    pub inside: Arc<str>,
}

/// A literal that takes part in an image, and its fate.
#[derive(Clone, Debug, PartialEq)]
pub struct Literal {
    pub file: RepoPath,
    /// Bytes of the content (without quotes) in `file`.
    pub span: Span,
    /// 1-based line of the span's start.
    pub line: usize,
    /// The bytes of the span.
    pub literal: String,
    pub fate: Fate,
    /// The image the uses agree on; `None` when they differ or a part is not known.
    pub reference: Option<String>,
    pub uses: Vec<Use>,
}

/// What becomes of a literal. Most literals are sites, so nothing is gained by boxing them.
#[derive(Clone, Debug, PartialEq)]
#[allow(clippy::large_enum_variant)]
pub enum Fate {
    Site(Site),
    /// Supplies only a component of the reference: the repository, or a tag beside a digest that
    /// decides.
    Component(String),
    /// Decides an image but cannot carry a pin.
    Unpinnable(String),
    /// Overridden, or read by nothing.
    Dead(String),
    /// In a module that nothing calls.
    Orphan(String),
}

/// What is known of a site beyond its literal.
#[derive(Clone, Debug, PartialEq)]
pub struct Site {
    pub id: SiteId,
    /// What else names it: one for each use, `deployment/immich/server:app`; sorted, each once. Two
    /// sites may share one (two environments that name one workload). Uses of which a part is not
    /// known name nothing.
    pub aliases: Vec<Arc<str>>,
    /// The image every use agrees on.
    pub image: Reference,
    pub pin: PinPlace,
    /// Where its tag is written, perhaps for other sites too; else why no other tag can be written
    /// there: a sentence.
    pub tag: Result<TagPlace, Arc<str>>,
    /// Every stack that uses it.
    pub stacks: BTreeSet<StackId>,
    /// What leads the commit subject and groups the changes: the short name of its only stack, else
    /// the folder it is written in.
    pub stack: Arc<str>,
    /// Comment texts that belong to the site: the one that ends its line, then those alone on the
    /// lines directly above, from near to far. Then those of the blocks around a use: container,
    /// resource. Without the comment marks, trimmed.
    pub comments: Vec<Comment>,
    /// Variables that the image is made from and that a file nobody can read may set:
    /// `var.image_tag`, and the file.
    pub unsure: Vec<(Arc<str>, RepoPath)>,
    /// Variables that the image is made from and that a var-file sets which nothing loads or names:
    /// `var.image_tag`, and the file.
    pub unnamed: Vec<(Arc<str>, RepoPath)>,
    pub keel: Box<Keel>,
}

impl Site {
    /// Returns the names that older versions gave it: the file and a use, with `?` in the place of
    /// a namespace that the text does not name.
    pub fn older_names(&self) -> impl Iterator<Item = String> {
        let file = self.id.as_str().split('#').next().unwrap_or_default();
        self.aliases.iter().flat_map(move |alias| {
            let unnamed = alias.replacen("/default/", "/?/", 1);
            std::iter::once(format!("{file}#{alias}"))
                .chain((unnamed != **alias).then(|| format!("{file}#{unnamed}")))
        })
    }
}

/// What the texts of the workloads say to Keel, or to pintle beside it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Keel {
    /// `keel.sh/…` annotations declared in Terraform on the owning resource (union over uses),
    /// sorted.
    pub annotations: Vec<(Arc<str>, Arc<str>)>,
    /// Which workload's text says something under which of these keys: `deployment/immich/server`
    /// and `keel.sh/policy`. Sorted.
    pub declares: Vec<(WorkloadRef, Arc<str>)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comment {
    pub file: RepoPath,
    pub text: String,
    pub line: usize,
    /// Ends the site's own line.
    pub trailing: bool,
}

/// Names a site for people, commits and commands: the file, and the literal's own address in it,
/// `stacks/immich/main.tf#local.image`. Unique in a scan. Depends on nothing else in the repo, so
/// that an edit beside it changes no hold, rule or history of it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SiteId(pub Arc<str>);

impl SiteId {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SiteId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for SiteId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where a pin is written: the bytes of `span` (`expect`) become `prefix` + digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PinPlace {
    pub span: Span,
    pub expect: String,
    /// `@`, `:latest@`, or nothing where the literal is the digest itself.
    pub prefix: String,
    pub form: Form,
}

/// Where a tag is written: the bytes of `span`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TagPlace {
    pub file: RepoPath,
    pub span: Span,
}

/// One container of one workload, or a non-workload consumer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Use {
    pub root: RepoPath,
    pub environment: Option<Arc<str>>,
    /// Where the use is written.
    pub file: RepoPath,
    pub line: usize,
    pub kind: WorkloadKind,
    pub namespace: Option<Arc<str>>,
    pub name: Option<Arc<str>>,
    pub holder: Holder,
    /// The effective image; `None` when a part of it is not known.
    pub image: Option<Arc<str>>,
    /// In the resource's `ignore_changes`; `None` where the notion does not apply or the text does
    /// not tell.
    pub ignored: Option<bool>,
    /// Lines of `ignore_changes` that name this container's image: spans in `file`.
    pub ignore_spans: Vec<Span>,
    pub instances: Option<u64>,
}

impl Use {
    /// Returns the workload's name in the cluster, where all of it is known.
    pub fn workload(&self) -> Option<WorkloadRef> {
        let (namespace, name) = self.namespace.as_ref().zip(self.name.as_ref())?;
        Some(WorkloadRef {
            kind: self.kind.clone(),
            namespace: namespace.clone(),
            name: name.clone(),
        })
    }

    /// Returns the container's name, where the use is a container of known name.
    pub fn container(&self) -> Option<&Arc<str>> {
        self.holder.container()
    }

    /// Returns what names the use, `deployment/immich/server:app`; `None` where a part of it is not
    /// known.
    pub fn alias(&self) -> Option<String> {
        Some(format!("{}:{}", self.workload()?, self.holder.name()?))
    }

    /// Says whether both are uses of one workload, as far as the text tells.
    pub fn is_beside(&self, other: &Self) -> bool {
        (&self.kind, &self.namespace, &self.name) == (&other.kind, &other.namespace, &other.name)
    }
}

/// `deployment/immich/server:app`, with `?` for what the text does not tell.
impl fmt::Display for Use {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = |part: &Option<Arc<str>>| part.as_deref().unwrap_or("?").to_owned();
        write!(
            f,
            "{}/{}/{}:{}",
            self.kind,
            part(&self.namespace),
            part(&self.name),
            self.holder
        )
    }
}

/// Something that could not be read or understood; the rest was scanned all the same.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    pub file: RepoPath,
    pub line: Option<usize>,
    /// A sentence, lower case, without full stop.
    pub what: String,
}

impl Scan {
    /// Returns the sites with their literals, in order.
    pub fn sites(&self) -> impl Iterator<Item = (&Literal, &Site)> {
        self.literals
            .iter()
            .filter_map(|literal| match &literal.fate {
                Fate::Site(site) => Some((literal, site)),
                _ => None,
            })
    }
}

#[cfg(test)]
mod tests;
