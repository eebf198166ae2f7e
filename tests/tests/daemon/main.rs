//! The real `meted` on both engines, with real files, pipes, signals and faults.

mod bad_input;
mod follow;
mod gate;
mod kill;
mod life;
mod pipes;
mod support;
