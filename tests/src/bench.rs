//! What the benchmarks in `tests/benches` share: how large they are, time, medians, tables, a usage log to read, and a
//! gateway that asks.

mod asking;
mod measure;
mod size;
mod table;
mod usage;

pub use asking::{Asking, question};
pub use measure::{Stopwatch, median, per_second, quantile, thread_time};
pub use size::{Size, main};
pub use table::Table;
pub use usage::UsageLog;
