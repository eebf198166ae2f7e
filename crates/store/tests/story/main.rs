//! One story of the store, told on both engines.

mod fixture;
mod ledger;
mod limits;
