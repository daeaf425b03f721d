//! Bytes → literals with spans and provenance → bytes. Knows HCL, YAML, JSON and Terragrunt; knows
//! no images and no git, and does no I/O.

pub mod body;
pub mod carry;
pub mod edit;
pub mod eval;
pub mod files;
mod functions;
pub mod hcl;
pub mod instance;
mod source_map;
pub mod json;
mod library;
pub mod comment_lines;
pub mod mask;
pub mod module;
mod parallel;
pub mod project;
pub mod root;
pub mod sources;
pub mod span;
pub mod template;
pub mod terragrunt;
pub mod text;
mod types;
mod units;
mod unnamed;
pub mod value;
mod var_file;
pub mod variables;
pub mod walk;
mod why;
pub mod yaml;
