//! `/v1/authorize`: what a gateway asks before it passes a request on.

use hyper::HeaderMap;
use mete_core::Timestamp;
use mete_gate::Gate;

use crate::credentials::key_of;
use crate::description::request_of;
use crate::metrics::Metrics;
use crate::reply::{Reply, allow, refuse};

/// Decides on the key in `headers` and the request that they describe at the instant `now` (R37), and counts it.
///
/// 204 with `x-mete-key-id` and `x-mete-project-id`, or the refusal's status and body.
pub fn authorize(gate: &Gate, now: Timestamp, headers: &HeaderMap, metrics: &Metrics) -> Reply {
    match gate.admit(now, key_of(headers), &request_of(headers)) {
        Ok(caller) => {
            metrics.allowed();
            allow(caller)
        }
        Err(refusal) => {
            tracing::debug!(status = refusal.status(), code = refusal.code(), "refused");
            metrics.refused(&refusal);
            refuse(&refusal)
        }
    }
}
