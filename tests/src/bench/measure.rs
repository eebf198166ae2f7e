//! Time, and what becomes of many measurements.

use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

/// Time since a start.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts one.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "a benchmark measures time")]
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// How long ago it was started.
    #[must_use]
    pub fn elapsed(self) -> Duration {
        self.0.elapsed()
    }
}

/// Processor time that the calling thread has used.
#[must_use]
pub fn thread_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

/// `count` things in `time`, as things per second.
#[must_use]
pub fn per_second(count: u64, time: Duration) -> f64 {
    count as f64 / time.as_secs_f64()
}

/// The middle one of `values`; of an even number, the lower middle one. 0 where there is none.
#[must_use]
pub fn median(values: &[f64]) -> f64 {
    quantile(values, 0.5)
}

/// The smallest of `values` that at least the share `part` (0 to 1) of them do not exceed. 0 where there is none.
#[must_use]
pub fn quantile(values: &[f64], part: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = (sorted.len() as f64 * part).ceil() as usize;
    sorted.get(rank.max(1) - 1).or(sorted.last()).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is(value: f64, expected: f64) -> bool {
        value.total_cmp(&expected).is_eq()
    }

    #[test]
    fn quantiles_are_measured_values() {
        let hundred: Vec<f64> = (1..=100).rev().map(f64::from).collect();
        assert!(is(median(&hundred), 50.0));
        assert!(is(quantile(&hundred, 0.99), 99.0));
        assert!(is(quantile(&hundred, 1.0), 100.0));
        assert!(is(median(&[3.0, 1.0, 2.0]), 2.0));
        assert!(is(median(&[]), 0.0));
    }
}
