//! Bytes → literals with spans and provenance → bytes. Knows HCL, YAML, JSON and Terragrunt; knows no images and no git, and does no I/O.

pub mod edit;
pub mod eval;
pub mod files;
mod functions;
pub mod hcl;
mod joined;
pub mod json;
pub mod mask;
pub mod scope;
pub mod span;
pub mod template;
pub mod text;
pub mod value;
pub mod yaml;
