//! What the tests of the daemon share: an organization in a store, a daemon over it, and lines to write.

pub mod lines;
pub mod proxy;
pub mod stage;

pub use lines::{Line, append};
pub use mete_tests::Gateway;
pub use mete_tests::meted::{LIMIT, Meted};
pub use stage::{Key, Stage};
