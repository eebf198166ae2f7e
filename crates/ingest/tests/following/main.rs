//! Following files against a model: whatever happens to them, every line that could be read is counted once.

#![expect(clippy::unwrap_used, reason = "the helpers of tests may fail a test")]

#[cfg(test)]
mod book;
#[cfg(test)]
mod life;
#[cfg(test)]
mod model;
#[cfg(test)]
mod story;
#[cfg(test)]
mod world;
