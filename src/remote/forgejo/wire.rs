//! What forges answer with, as far as it is needed. A field that is missing, null or of another
//! kind is taken as absent; a thing without what makes it that thing (its number, its author's id)
//! is not taken at all. At the end the few words that requests share.

use super::place::Place;
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use std::ops::Deref;
use url::Url;

/// Something that is read from an answer.
pub(super) trait Wire: DeserializeOwned {
    type Out;

    fn read(self, place: &Place) -> Option<Self::Out>;
}

/// A value that is the default where it cannot be read.
#[derive(Clone, Debug, Default)]
pub(super) struct Lax<T>(pub T);

impl<'de, T: DeserializeOwned + Default> Deserialize<'de> for Lax<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = serde_json::Value::deserialize(deserializer)?;
        Ok(Self(serde_json::from_value(value).unwrap_or_default()))
    }
}

impl<T> Deref for Lax<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

/// A moment; what is no moment is absent.
pub(super) type When = Lax<Option<Timestamp>>;

/// A list whose elements are read one by one.
pub(super) type Many<T> = Lax<Vec<Lax<T>>>;

/// Returns an address that a browser may be sent to.
pub(super) fn link(url: Lax<Option<Url>>) -> Option<Url> {
    url.0.filter(|url| matches!(url.scheme(), "http" | "https"))
}

/// Returns a number that counts from one.
pub(super) fn number(number: Lax<u64>) -> Option<u64> {
    Some(number.0).filter(|number| *number > 0)
}

/// Returns the forge's word.
pub(super) fn state(open: bool) -> String {
    if open {
        "open".to_owned()
    } else {
        "closed".to_owned()
    }
}

/// The ids of labels, as requests have them.
pub(super) fn ids(labels: &[u64]) -> Vec<i64> {
    labels
        .iter()
        .filter_map(|id| i64::try_from(*id).ok())
        .collect()
}
