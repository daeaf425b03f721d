//! Which literals are image sites, what they feed, and who owns them. Pure: reads a parsed repo, never a disk, a registry or a cluster.

pub mod json;
pub mod settings;
mod decide;
mod elsewhere;
mod find;
mod key;
mod objects;
mod occurrence;
mod ownership;
mod pin;
pub mod resource;
mod scan;
mod values;
mod workload;

pub use ownership::Ignored;
pub use scan::scan;

use crate::model::reference::Reference;
use crate::terraform::files::RepoPath;
use crate::terraform::span::Span;
use crate::terraform::text::Form;
use std::fmt;
use std::sync::Arc;

/// Everything `scan` found, sorted by file and span.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scan {
    pub literals: Vec<Literal>,
    pub problems: Vec<Problem>,
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

#[derive(Clone, Debug, PartialEq)]
pub enum Fate {
    Site(Site),
    /// Supplies only the repository part.
    Half(String),
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
    pub key: SiteKey,
    /// The image every use agrees on.
    pub image: Reference,
    pub pin: PinPlace,
    /// The stack it is applied with, by name: leads the commit subject, groups the changes.
    pub stack: Arc<str>,
    /// Comment texts that belong to the site: the one that ends its line, then those alone on the lines directly above, from near to far.
    /// Then those of the blocks around a use: container, resource. Without the comment marks, trimmed.
    pub comments: Vec<Comment>,
    /// Variables that the image is made from and that a file nobody can read may set: `var.image_tag`, and the file.
    pub unsure: Vec<(Arc<str>, RepoPath)>,
    pub keel: Box<Keel>,
}

/// What the texts of the workloads say to Keel, or to pintle beside it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Keel {
    /// `keel.sh/…` annotations declared in Terraform on the owning resource (union over uses), sorted.
    pub annotations: Vec<(Arc<str>, Arc<str>)>,
    /// Which workload's text says something under which of these keys: `deployment/immich/server` and `keel.sh/policy`. Sorted.
    pub declares: Vec<(Arc<str>, Arc<str>)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comment {
    pub file: RepoPath,
    pub text: String,
    pub line: usize,
    /// Ends the site's own line.
    pub trailing: bool,
}

/// Names a site for people, commits and commands: `stacks/immich/main.tf#deployment/immich/immich-server:immich-server`. Stable while the
/// literal stays in its file; unique in a scan (a number is appended when it would not be).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SiteKey(pub Arc<str>);

impl fmt::Display for SiteKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for SiteKey {
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

/// One container of one workload, or a non-workload consumer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Use {
    pub root: RepoPath,
    pub environment: Option<Arc<str>>,
    /// Where the use is written.
    pub file: RepoPath,
    pub line: usize,
    /// The Kubernetes kind in lower case, `helm_release`, `module`.
    pub kind: Arc<str>,
    pub namespace: Option<Arc<str>>,
    pub name: Option<Arc<str>>,
    /// The container's name; the dotted path of the value for what is not a container.
    pub container: Option<Arc<str>>,
    pub init: bool,
    /// The effective image; `None` when a part of it is not known.
    pub image: Option<Arc<str>>,
    /// In the resource's `ignore_changes`; `None` where the notion does not apply or the text does not tell.
    pub ignored: Option<bool>,
    /// Lines of `ignore_changes` that name this container's image: spans in `file`.
    pub ignore_spans: Vec<Span>,
    pub instances: Option<u64>,
}

impl Use {
    /// Returns the workload's name in the cluster, where all of it is known: `deployment/immich/server`.
    pub fn workload(&self) -> Option<Arc<str>> {
        let (namespace, name) = self.namespace.as_ref().zip(self.name.as_ref())?;
        Some(format!("{}/{namespace}/{name}", self.kind).into())
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
        self.literals.iter().filter_map(|literal| match &literal.fate {
            Fate::Site(site) => Some((literal, site)),
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests;
