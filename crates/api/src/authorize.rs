//! `/v1/authorize`: what a gateway asks before it passes a request on.

use hyper::HeaderMap;
use hyper::http::request::Parts;
use mete_core::Timestamp;
use mete_gate::{Gate, Request};

use crate::credentials::key_of;
use crate::description::request_of;
use crate::metrics::Metrics;
use crate::reply::{Reply, allow, refuse};

/// Below it the path is that of the request asked about.
const ENVOY: &str = "/v1/authorize/envoy";

/// Decides on the key in `headers` and the request that they describe at the instant `now` (R37), and counts it.
///
/// 204 with `x-mete-key-id` and `x-mete-project-id`, or the refusal's status and body.
pub fn authorize(gate: &Gate, now: Timestamp, headers: &HeaderMap, metrics: &Metrics) -> Reply {
    decide(gate, now, headers, &request_of(headers), metrics)
}

/// The same for Envoy's `ext_authz`, which asks with the request's own method, and its path behind `/v1/authorize/envoy`:
/// what headers say of the two is not read.
pub fn authorize_for_envoy(gate: &Gate, now: Timestamp, head: &Parts, metrics: &Metrics) -> Reply {
    let path = head.uri.path_and_query().and_then(|path| path.as_str().strip_prefix(ENVOY));
    let request = Request { method: Some(head.method.as_str()), path, ..request_of(&head.headers) };
    decide(gate, now, &head.headers, &request, metrics)
}

/// Whether Envoy asks at this path.
pub fn is_envoys(path: &str) -> bool {
    path.strip_prefix(ENVOY).is_some_and(|rest| rest.starts_with('/'))
}

fn decide(gate: &Gate, now: Timestamp, headers: &HeaderMap, request: &Request<'_>, metrics: &Metrics) -> Reply {
    match gate.admit(now, key_of(headers), request) {
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
