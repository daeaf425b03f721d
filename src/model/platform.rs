//! The platform of a node or of an image. A value only.

use std::fmt;
use std::sync::Arc;

/// An operating system and a CPU architecture, as Go names them: `linux/amd64`. Variants (`v7`) do
/// not count: nodes do not report theirs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Platform {
    os: Arc<str>,
    architecture: Arc<str>,
}

impl Platform {
    pub fn new(os: &str, architecture: &str) -> Self {
        Self {
            os: os.into(),
            architecture: architecture.into(),
        }
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)
    }
}
