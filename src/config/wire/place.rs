//! A value of the file with its place, for errors.

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize;
use std::borrow::Cow;
use toml::Spanned;

/// A string and its place in the file.
pub(in crate::config) type TomlText = At<String>;

/// A value and where it stands in the file.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(in crate::config) struct At<T>(pub Spanned<T>);

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
