//! What the benchmarks in `tests/benches` share: how large they are, time, medians, tables, and a usage log to read.

mod measure;
mod size;
mod table;
mod usage;

pub use measure::{Stopwatch, median, per_second, quantile};
pub use size::{Size, main};
pub use table::Table;
pub use usage::UsageLog;
