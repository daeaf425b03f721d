//! Bytes → literals with spans and provenance → bytes. Knows HCL, YAML, JSON and Terragrunt; knows no images and no git, and does no I/O.

pub mod body;
pub mod edit;
pub mod eval;
pub mod files;
mod functions;
pub mod hcl;
mod joined;
pub mod instance;
pub mod module;
mod parallel;
pub mod project;
pub mod json;
pub mod margin;
pub mod mask;
pub mod scope;
pub mod sources;
pub mod span;
pub mod template;
pub mod terragrunt;
pub mod text;
mod types;
pub mod value;
pub mod variables;
pub mod yaml;
