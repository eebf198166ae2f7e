//! The gate from outside.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a helper that fails is to fail its test")]

mod budgets;
mod model;
mod reasons;
mod support;
