//! Policy: text, checked, compiled, rows for the kernel.

pub mod problem;
pub mod rows;
