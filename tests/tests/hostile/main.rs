//! What people type or steal: hostile names and secrets, through every command of the real programs, on both engines.

#[cfg(test)]
mod canary;
#[cfg(test)]
mod names;
#[cfg(test)]
mod stage;
