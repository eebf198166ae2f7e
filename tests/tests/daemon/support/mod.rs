//! What the tests of the daemon share: an organization in a store, a daemon over it, and lines to write.

pub mod http;
pub mod lines;
pub mod meted;
pub mod proxy;
pub mod stage;

use std::time::Duration;

pub use http::Gateway;
pub use lines::{Line, append};
pub use meted::Meted;
pub use stage::{Key, Stage};

/// Nothing in these tests takes this long, unless it never happens.
pub const LIMIT: Duration = Duration::from_secs(60);
