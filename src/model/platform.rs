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

    /// Parses `linux/amd64` and `linux/arm/v7`; `None` where it is neither.
    pub fn parse(text: &str) -> Option<Self> {
        let parts: Vec<&str> = text.split('/').collect();
        let is_word =
            |part: &&str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric());
        match parts.as_slice() {
            [os, architecture] | [os, architecture, _] if parts.iter().all(is_word) => {
                Some(Self::new(os, architecture))
            }
            _ => None,
        }
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)
    }
}
