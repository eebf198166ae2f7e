//! `/v1/authorize` in the header form: what a gateway asks before it passes a request on.

use hyper::HeaderMap;
use mete_core::Timestamp;
use mete_core::decision::Refusal;
use mete_gate::{Admission, Credential, Denied, Gate, Lease};

use crate::credentials::key_of;
use crate::description::Description;
use crate::holding::Holding;
use crate::metrics::Metrics;
use crate::model_request::Unfit;
use crate::reply::{self, Answer, Reply, allow, let_through, refuse};

/// Decides on the key in `headers` and the request that they describe at the instant `now` (R37), and counts it.
///
/// 204 with `x-mete-key-id` and `x-mete-project-id`, or the refusal's status and body.
pub fn authorize(
    gate: &Gate,
    now: Timestamp,
    headers: &HeaderMap,
    description: &Description<'_>,
    metrics: &Metrics,
) -> Answer {
    match gate.admit(now, key_of(headers), &description.request) {
        Ok(caller) => {
            metrics.allowed();
            let_through(caller)
        }
        Err(refusal) => {
            metrics.refused(&refusal);
            refused(&refusal).into()
        }
    }
}

/// The same, and money is held (R40): the answer has the hold's id in `x-mete-hold`.
///
/// # Errors
/// What must be leased before; then nothing has happened.
pub fn authorize_holding(
    gate: &Gate,
    holding: &Holding,
    now: Timestamp,
    headers: &HeaderMap,
    Description { request, circumstances, .. }: &Description<'_>,
    metrics: &Metrics,
) -> Result<Reply, Lease> {
    let key = Credential::Secret(key_of(headers));
    let Admission { caller, outcome, .. } = holding.admit(gate, now, key, request, circumstances)?;
    metrics.admitted(&outcome);
    Ok(match (outcome, caller) {
        (Ok(hold), Some(caller)) => allow(caller, hold.as_ref()),
        // Nobody is let through without a name.
        (Ok(_), None) => refused(&Refusal::UnknownKey),
        (Err(Denied::Refused(refusal)), _) => refused(&refusal),
        (Err(denied), _) => reply::not_held(&denied),
    })
}

/// Refuses a request that is unfit to go on, but for a reason of R37 before, if there is one.
pub fn unfit(
    gate: &Gate,
    now: Timestamp,
    headers: &HeaderMap,
    description: &Description<'_>,
    problem: Unfit,
    metrics: &Metrics,
) -> Reply {
    match gate.refusal(now, Credential::Secret(key_of(headers)), &description.request) {
        Some(refusal) => {
            metrics.refused(&refusal);
            refused(&refusal)
        }
        None => problem.reply(),
    }
}

fn refused(refusal: &Refusal) -> Reply {
    tracing::debug!(status = refusal.status(), code = refusal.code(), "refused");
    refuse(refusal)
}
