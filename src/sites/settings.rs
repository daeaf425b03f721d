//! What the scan is given beyond the repo's text: where Terraform is run, and where images stand
//! that no rule can know.

use crate::model::pattern::Glob;
use crate::terraform::sources::RunSettings;
use std::sync::Arc;

/// The arguments of a release that set values by path: one after another, over all `values`.
pub const SETS: [&str; 4] = ["set", "set_list", "set_sensitive", "set_wo"];

/// ScanSettings of a scan; the default is no configuration at all.
#[derive(Clone, Debug, Default)]
pub struct ScanSettings {
    pub project: RunSettings,
    pub modules: Vec<RemoteModule>,
    pub extras: Vec<Extra>,
    /// Var-files that cannot be read and are known to set no image.
    pub without_images: Vec<Glob>,
}

/// Which arguments of a module whose text is not in the repo make an image.
#[derive(Clone, Debug)]
pub struct RemoteModule {
    /// Matched against the call's `source` as written.
    pub source: Glob,
    pub arguments: Arguments,
}

#[derive(Clone, Debug)]
pub enum Arguments {
    /// One argument holds the whole reference.
    Reference(Arc<str>),
    /// The reference is put together from these.
    Parts {
        registry: Option<Arc<str>>,
        repository: Option<Arc<str>>,
        tag: Option<Arc<str>>,
        digest: Option<Arc<str>>,
    },
    /// These hold the values of a chart, weakest first.
    Values(Vec<Arc<str>>),
}

impl Arguments {
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let all: Vec<&Arc<str>> = match self {
            Self::Reference(name) => vec![name],
            Self::Parts {
                registry,
                repository,
                tag,
                digest,
            } => [registry, repository, tag, digest]
                .into_iter()
                .flatten()
                .collect(),
            Self::Values(names) => names.iter().collect(),
        };
        all.into_iter().map(|name| &**name)
    }
}

/// Places where an image stands that only the user knows.
#[derive(Clone, Debug)]
pub enum Extra {
    /// Environment variables of the containers of resources whose `type.label` matches.
    Env { resource: Glob, names: Vec<Glob> },
    /// YAML or JSON files and the path of the image in them; `*` stands for every element.
    File { file: Glob, path: Vec<Arc<str>> },
}
