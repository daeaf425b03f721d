//! The git remote: a bare clone in a cache folder, read and written without a work tree or an
//! index. Rewrites nothing but pintle's own branches, and keeps nothing that could not be fetched
//! again. All functions block.

mod access;
mod address;
mod branch;
mod cache;
mod clone;
mod deadline;
mod failure;
mod fetch;
mod follow;
mod http;
mod commit_log;
mod program;
mod push;
mod read;
mod sign;
mod wire;
mod write;

pub use access::Access;
pub use address::Remote;
pub use branch::{Head, Tip};
pub use clone::Clone;
pub use commit_log::{LoggedCommit, read_log_of};
pub use follow::{End, Turn};
pub use push::{PushError, Pushed};
pub use read::{Item, Kind, head_of};
pub use sign::CommitSigner;
pub use write::{Identity, Put, make_bare};

#[cfg(test)]
pub(crate) mod tests;
