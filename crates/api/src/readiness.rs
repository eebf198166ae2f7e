//! Whether this process may be asked.

use std::sync::atomic::{AtomicU8, Ordering};

const STARTING: u8 = 0;
const READY: u8 = 1;
const STOPPING: u8 = 2;

/// The process's state as `GET /readyz` tells it: starting, then ready, then stopping. Shared by `Arc`.
///
/// While it is starting, `/v1/authorize` answers 503: a gate without its directory and totals would be wrong either
/// way. While it is stopping, requests that still come are decided as ever.
#[derive(Debug, Default)]
pub struct Readiness(AtomicU8);

impl Readiness {
    /// The directory and the month's spend are loaded. Nothing changes if the process is stopping already.
    pub fn set_ready(&self) {
        // Fails only where the state is further on already, and then it is to stay.
        let _ = self.0.compare_exchange(STARTING, READY, Ordering::AcqRel, Ordering::Acquire);
    }

    /// The process is about to stop: balancers should send their requests elsewhere.
    pub fn set_stopping(&self) {
        self.0.store(STOPPING, Ordering::Release);
    }

    /// Whether the gate's answers can be relied on.
    pub(crate) fn is_loaded(&self) -> bool {
        self.0.load(Ordering::Acquire) != STARTING
    }

    /// Why requests should not be sent here, if they should not.
    pub(crate) fn reason_against(&self) -> Option<&'static str> {
        match self.0.load(Ordering::Acquire) {
            STARTING => Some("meted is starting: the directory and the month's spend are not loaded yet."),
            READY => None,
            _ => Some("meted is stopping: requests should be sent to another instance."),
        }
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
}
