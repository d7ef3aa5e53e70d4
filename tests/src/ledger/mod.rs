//! ledger

/// Every case of this folder.
pub fn all() -> Vec<crate::harness::Test> {
    Vec::new()
}
