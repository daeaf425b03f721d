//! What could be read, and what could not.

/// A thing that was looked at: not having been able to look is never the same as nothing being
/// there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Seen<T> {
    Known(T),
    /// Could not look, and why: a sentence for people.
    Unknown(String),
    /// Was not asked in this pass.
    #[default]
    NotAsked,
}

impl<T> Seen<T> {
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            _ => None,
        }
    }
}
