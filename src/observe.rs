//! Reads, and nothing else: the checkout, the history, the ledger.

pub mod checkout;
pub mod history;
pub mod ledger;
