//! Reads, and nothing else.

pub mod cache;
pub mod checkout;
pub mod history;
pub mod ledger;
pub mod registry;
