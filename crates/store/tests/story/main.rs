//! One story of the store, told on both engines.

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod ledger;
#[cfg(test)]
mod limits;
