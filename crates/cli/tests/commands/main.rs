//! The command line through the real program, on both engines: what scripts rely on and what people see.

mod contract;
mod directory;
mod ingest;
mod limits;
mod people;
mod spend;
mod support;
