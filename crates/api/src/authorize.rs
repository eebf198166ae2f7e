//! `/v1/authorize` in the header form: what a gateway asks before it passes a request on.

use hyper::HeaderMap;
use mete_core::Timestamp;
use mete_core::decision::Refusal;
use mete_gate::{Admission, Caller, Credential, Denied, Gate};

use crate::credentials::key_of;
use crate::description::{Description, describe};
use crate::holding::Holding;
use crate::metrics::Metrics;
use crate::reply::{self, Reply, allow, refuse};

/// Decides on the key in `headers` and the request that they describe at the instant `now` (R37), and counts it. Where
/// they want it, money is held (R40).
///
/// 204 with `x-mete-key-id`, `x-mete-project-id` and the hold's id, or the refusal's status and body.
pub fn authorize(
    gate: &Gate,
    holding: Option<&Holding>,
    now: Timestamp,
    headers: &HeaderMap,
    metrics: &Metrics,
) -> Reply {
    let description = describe(headers);
    if let Some(holding) = holding.filter(|_| description.wants_hold) {
        return hold(gate, holding, now, headers, &description, metrics);
    }
    match gate.admit(now, key_of(headers), &description.request) {
        Ok(caller) => {
            metrics.allowed();
            allow(caller, None)
        }
        Err(refusal) => {
            metrics.refused(&refusal);
            refused(&refusal)
        }
    }
}

fn hold(
    gate: &Gate,
    holding: &Holding,
    now: Timestamp,
    headers: &HeaderMap,
    Description { request, circumstances, .. }: &Description<'_>,
    metrics: &Metrics,
) -> Reply {
    let key = Credential::Secret(key_of(headers));
    let Admission { caller, outcome, .. } = holding.admit(gate, now, key, request, circumstances);
    metrics.admitted(&outcome);
    match outcome {
        Ok(hold) => {
            let nobody = || Caller { key_id: bytes::Bytes::new(), project_id: bytes::Bytes::new() };
            allow(caller.unwrap_or_else(nobody), hold.as_ref())
        }
        Err(Denied::Refused(refusal)) => refused(&refusal),
        Err(full @ Denied::Full) => reply::full(&full),
    }
}

fn refused(refusal: &Refusal) -> Reply {
    tracing::debug!(status = refusal.status(), code = refusal.code(), "refused");
    refuse(refusal)
}
