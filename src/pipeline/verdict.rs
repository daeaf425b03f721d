//! What is done about a site.

use strum::{EnumIter, IntoStaticStr};

/// What is done about a site in this pass. `docs/why-not-updated.md` has each with its reasons. The
/// order is that of tables and counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, EnumIter, IntoStaticStr)]
#[strum(serialize_all = "kebab-case")]
pub enum Verdict {
    /// The pin is the digest that the tag points to.
    InSync,
    /// The site gets its first pin.
    Adopt,
    /// The pin follows its tag.
    Update,
    /// The site gets a newer tag, which its policy chose, and its digest.
    Bump,
    /// An earlier pin is restored, and held.
    Rollback,
    /// It will be updated later by itself: a time, a pipeline or another change comes first.
    Waiting,
    /// A hold keeps the pin.
    Held,
    /// The configuration, a policy or a comment in the code forbids any change.
    Frozen,
    /// A person has to do something first.
    Blocked,
    /// Something that decides could not be read.
    Unknown,
}

impl Verdict {
    /// Returns the word in JSON and tables: `in-sync`.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}
