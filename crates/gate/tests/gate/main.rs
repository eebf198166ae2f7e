//! The gate from outside.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a helper that fails is to fail its test")]

mod budgets;
mod by_hand;
mod explanations;
mod exposure;
mod files;
mod holds;

mod holds_model;
mod holds_threads;
mod keys;
mod leases;
mod model;
mod pairs;
mod parts;
mod permissions;
mod rates;
mod rates_model;
mod reasons;
mod refused;
mod support;
mod writers;
