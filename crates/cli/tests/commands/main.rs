//! The command line through the real program, on both engines: what scripts rely on and what people see.

mod actors;
mod audit;
mod blocks;
mod cast;
mod completion;
mod confirm;
mod contract;
mod directory;
mod explain;
mod ingest;
mod invites;
mod keys;
mod limits;
mod man;
mod members;
mod people;
mod projects;
mod quarantine;
mod resources;
mod service_accounts;
mod settings;
mod spend;
mod support;
mod tables;
