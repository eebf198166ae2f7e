//! Waiting for a condition, with a deadline, in place of sleeping for luck.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// Between two looks at a condition.
pub(crate) const PAUSE: Duration = Duration::from_millis(10);

/// A point in time at which patience ends.
#[derive(Clone, Copy, Debug)]
pub struct Deadline(Instant);

impl Deadline {
    /// `limit` from now.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "patience is measured in the world's time")]
    pub fn after(limit: Duration) -> Self {
        Self(Instant::now() + limit)
    }

    /// How long it is until then; zero when it has passed.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "patience is measured in the world's time")]
    pub fn left(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }

    /// Whether it has passed.
    #[must_use]
    pub fn passed(self) -> bool {
        self.left().is_zero()
    }
}

/// Asks `condition` every 10 ms until it answers with a value; blocks the thread.
///
/// # Errors
/// When `limit` has passed without one; the error says `what` was waited for.
pub fn until<T>(what: &str, limit: Duration, mut condition: impl FnMut() -> Option<T>) -> Result<T> {
    let deadline = Deadline::after(limit);
    loop {
        if let Some(value) = condition() {
            return Ok(value);
        }
        if deadline.passed() {
            bail!("waited {limit:?} in vain for {what}");
        }
        std::thread::sleep(PAUSE);
    }
}

/// The same for a condition that has to be awaited, such as a query.
///
/// # Errors
/// When `limit` has passed without a value; the error says `what` was waited for.
pub async fn eventually<T>(what: &str, limit: Duration, mut condition: impl AsyncFnMut() -> Option<T>) -> Result<T> {
    let asking = async {
        loop {
            if let Some(value) = condition().await {
                return value;
            }
            tokio::time::sleep(PAUSE).await;
        }
    };
    match tokio::time::timeout(limit, asking).await {
        Ok(value) => Ok(value),
        Err(_) => bail!("waited {limit:?} in vain for {what}"),
    }
}
