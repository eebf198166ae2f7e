//! Following files against a model: whatever happens to them, every line that could be read is counted once.

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
