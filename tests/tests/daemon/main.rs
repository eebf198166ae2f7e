//! The real `meted` on both engines, with real files, pipes, signals and faults.

mod follow;
mod kill;
mod support;
