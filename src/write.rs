//! The only module that changes anything outside the process.

pub mod commit;
pub mod ledger;
