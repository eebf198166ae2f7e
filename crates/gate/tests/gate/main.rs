//! The gate from outside.

mod budgets;
mod model;
mod reasons;
mod support;
