//! Whether this process may be asked.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use arc_swap::ArcSwapOption;
use mete_core::Timestamp;

const STARTING: u8 = 0;
const READY: u8 = 1;
const STOPPING: u8 = 2;

/// The process's state as `GET /readyz` tells it: starting, then ready, then stopping, and in trouble while the ledger
/// cannot be written. Shared by `Arc`.
///
/// While it is starting, `/v1/authorize` answers 503: a gate without its directory and totals would be wrong either
/// way. While it is stopping or in trouble, requests that still come are decided as ever, by what is known.
#[derive(Debug, Default)]
pub struct Readiness {
    state: AtomicU8,
    trouble: ArcSwapOption<Trouble>,
}

/// Why the ledger cannot be written, and since when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// When it was first seen.
    pub since: Timestamp,
    /// What the store said last.
    pub error: String,
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "since {}: {}", self.since, self.error)
    }
}

impl Readiness {
    /// The directory and the month's spend are loaded. Nothing changes if the process is stopping already.
    pub fn set_ready(&self) {
        // Fails only where the state is further on already, and then it is to stay.
        let _ = self.state.compare_exchange(STARTING, READY, Ordering::AcqRel, Ordering::Acquire);
    }

    /// The process is about to stop: balancers should send their requests elsewhere.
    pub fn set_stopping(&self) {
        self.state.store(STOPPING, Ordering::Release);
    }

    /// The ledger cannot be written (`error`, at the instant `now`), or can be again. What lasts keeps its beginning.
    pub fn set_trouble(&self, error: Option<String>, now: Timestamp) {
        let before = self.trouble.load();
        let since = before.as_ref().map_or(now, |trouble| trouble.since);
        self.trouble.store(error.map(|error| Arc::new(Trouble { since, error })));
    }

    /// Why the ledger cannot be written, if it cannot.
    #[must_use]
    pub fn trouble(&self) -> Option<Arc<Trouble>> {
        self.trouble.load_full()
    }

    /// Whether the gate's answers can be relied on.
    pub(crate) fn is_loaded(&self) -> bool {
        self.state.load(Ordering::Acquire) != STARTING
    }

    /// Why requests should not be sent here, if they should not.
    pub(crate) fn reason_against(&self) -> Option<String> {
        let reason = match self.state.load(Ordering::Acquire) {
            STARTING => "meted is starting: the directory and the month's spend are not loaded yet.",
            READY => {
                let trouble = self.trouble()?;
                return Some(format!("The ledger cannot be written {trouble}. It is tried again by itself."));
            }
            _ => "meted is stopping: requests should be sent to another instance.",
        };
        Some(reason.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stopping_process_does_not_become_ready_again() {
        let readiness = Readiness::default();
        assert!(!readiness.is_loaded() && readiness.reason_against().is_some());
        readiness.set_ready();
        assert!(readiness.is_loaded() && readiness.reason_against().is_none());
        readiness.set_stopping();
        readiness.set_ready();
        assert!(readiness.is_loaded() && readiness.reason_against().is_some_and(|reason| reason.contains("stopping")));
    }

    #[test]
    fn trouble_is_told_with_its_beginning_and_goes_by_itself() {
        let readiness = Readiness::default();
        readiness.set_ready();
        let at = |time: &str| time.parse().unwrap();
        readiness.set_trouble(Some("disk full".into()), at("2026-11-23T12:00:00Z"));
        readiness.set_trouble(Some("still full".into()), at("2026-11-23T12:00:05Z"));
        let reason = readiness.reason_against().unwrap();
        assert!(reason.contains("2026-11-23T12:00:00") && reason.contains("still full"), "{reason}");
        assert!(readiness.is_loaded(), "the gate answers by what it knows");
        readiness.set_trouble(None, at("2026-11-23T12:00:10Z"));
        assert_eq!(readiness.reason_against(), None);
    }
}
