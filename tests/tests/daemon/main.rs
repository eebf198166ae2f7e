//! The real `meted` on both engines, with real files, pipes, signals and faults.

mod bad_input;
mod follow;
mod kill;
mod pipes;
mod support;
