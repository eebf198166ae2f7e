//! What the tests of the daemon share: an organization in a store, a daemon over it, and lines to write.

pub mod http;
pub mod lines;
pub mod proxy;
pub mod stage;

pub use http::Gateway;
pub use lines::{Line, append};
pub use mete_tests::meted::{LIMIT, Meted};
pub use stage::{Key, Stage};
