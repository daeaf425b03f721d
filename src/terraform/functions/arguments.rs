//! Takes arguments apart: a missing one, or one of the wrong kind, is an error in Terraform too.

use super::super::eval::support::*;
use super::super::text::Text;
use super::super::value::{Entries, Number, Value, Why, unknown_keys};
use std::sync::Arc;

/// The arguments of one call.
#[derive(Clone, Copy)]
pub struct Args<'a>(pub &'a [Value]);

impl<'a> Args<'a> {
    pub fn value(self, at: usize) -> Result<&'a Value, Why> {
        self.0
            .get(at)
            .ok_or_else(|| invalid("a call with too few arguments"))
    }

    /// Returns the arguments when there are between `least` and `most`.
    pub fn count(self, least: usize, most: usize) -> Result<Self, Why> {
        match self.0.len() {
            count if count < least => Err(invalid("a call with too few arguments")),
            count if count > most => Err(invalid("a call with too many arguments")),
            _ => Ok(self),
        }
    }

    /// Returns a string that may have parts that are not known; wholly unknown is an error.
    pub fn text(self, at: usize) -> Result<Text, Why> {
        match self.value(at)? {
            Value::Unknown(why) => Err(why.clone()),
            Value::Text(text) => Ok(text.clone()),
            other => to_text(other.clone()),
        }
    }

    pub fn string(self, at: usize) -> Result<String, Why> {
        to_known(self.value(at)?)
    }

    pub fn number(self, at: usize) -> Result<Number, Why> {
        to_number(self.value(at)?)
    }

    pub fn int(self, at: usize) -> Result<i128, Why> {
        to_int(self.value(at)?)
    }

    pub fn list(self, at: usize) -> Result<Arc<Vec<Value>>, Why> {
        to_list(self.value(at)?)
    }

    /// Returns a map of which all keys are known.
    pub fn known_map(self, at: usize) -> Result<Arc<Entries>, Why> {
        let map = self.map(at)?;
        match unknown_keys(&map) {
            Some(why) => Err(why),
            None => Ok(map),
        }
    }

    /// Returns the elements of a list; one of them may stand for any number.
    pub fn elements(self, at: usize) -> Result<Arc<Vec<Value>>, Why> {
        to_elements(self.value(at)?)
    }

    pub fn map(self, at: usize) -> Result<Arc<Entries>, Why> {
        match self.value(at)? {
            Value::Map(entries) => Ok(entries.clone()),
            Value::Unknown(why) => Err(why.clone()),
            other => Err(invalid(format!(
                "{} where an object is needed",
                kind(other)
            ))),
        }
    }
}
