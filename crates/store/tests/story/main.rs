//! One story of the store, told on both engines.

#[cfg(test)]
mod as_of;
mod audit;
#[cfg(test)]
mod fixture;
#[cfg(test)]
mod hold_leases;
#[cfg(test)]
mod hour_usage;
mod ledger;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod part_budgets;
#[cfg(test)]
mod quarantine;
#[cfg(test)]
mod resource_model;
#[cfg(test)]
mod resources;
#[cfg(test)]
mod screens;
#[cfg(test)]
mod segments;
#[cfg(test)]
mod snapshot;
#[cfg(test)]
mod sources;
