//! The test harness: fresh stores on both engines, a throwaway Postgres, Mete's real binaries, and waiting without
//! sleeping for luck.
//!
//! Any crate can have it as a dev-dependency; it depends on none of Mete's crates and hands out store URLs only.
//!
//! ```
//! use mete_tests::TestStore;
//!
//! mete_tests::each_engine! {
//!     /// Becomes two tests, `opens::sqlite` and `opens::postgres`.
//!     async fn opens(store: &TestStore) {
//!         assert!(store.url().starts_with(store.engine().scheme()));
//!     }
//! }
//! # fn main() {}
//! ```

pub mod bench;
mod engine;
pub mod gateway;
pub mod meted;
pub mod postgres;
pub mod process;
pub mod python;
pub mod terminal;
pub mod wait;

pub use engine::{Engine, TestStore, run};
pub use gateway::Gateway;
pub use meted::Meted;
pub use process::{Process, Run};
