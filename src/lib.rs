//! pintle keeps the container images of a Terraform-run cluster at latest *and* declared.
//!
//! ```text
//! repo ────┐                                           ┌─ commits, one push
//! registry │                                           │
//! cache    ├─ observe ─► Snapshot ─ plan ─► Plan ─ write ─ pull requests ─► Receipt
//! cluster  │   (reads)    (value)  (pure)  (value)      │                   (value)
//! alerts   │                                           └─ replies, notices
//! forge ───┘
//! ```
//! The modules stand in the order the data flows; start with [`reconcile`] and [`pipeline`].

pub mod error;
pub mod model;
pub mod terraform;
pub mod sites;
pub mod config;
pub mod pipeline;
pub mod comment;
pub mod remote;
pub mod observe;
pub mod plan;
pub mod proof;
pub mod report;
pub mod write;
pub mod reconcile;
pub mod daemon;
#[cfg(feature = "demo")]
pub mod demo;
pub mod command;
pub mod cli;
#[cfg(test)]
mod test_log;
