//! `/v1/holds/{id}`: what a gateway does with money that was set aside (R40). Whoever knows a hold's id may.

use hyper::{Method, StatusCode};
use mete_core::Timestamp;
use mete_gate::{Gate, Lease};
use serde_json::json;

use crate::reply::{self, Reply};

/// What is asked of a hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    Release,
    Extend,
}

/// The hold that a path names and what is to be done with it; the methods that are allowed there if it is another one.
/// `None` for other paths.
pub fn at<'a>(method: &Method, path: &'a str) -> Option<Result<(&'a str, Deed), &'static str>> {
    let rest = path.strip_prefix("/v1/holds/")?;
    let (id, deed, allowed) = match rest.split_once('/') {
        None => (rest, Deed::Release, Method::DELETE),
        Some((id, "extend")) => (id, Deed::Extend, Method::POST),
        Some(_) => return None,
    };
    let name = if deed == Deed::Release { "DELETE" } else { "POST" };
    Some(if *method == allowed { Ok((id, deed)) } else { Err(name) })
}

/// Gives back what a hold sets aside: 204, or 404.
pub fn release(gate: &Gate, now: Timestamp, id: &str) -> Reply {
    if gate.release(now, id) { reply::no_content() } else { unknown() }
}

/// Has a hold begin its time anew: 200 with that, or 404.
///
/// # Errors
/// What must be leased before; then nothing has happened.
pub fn extend(gate: &Gate, now: Timestamp, id: &str) -> Result<Reply, Lease> {
    Ok(match gate.extend(now, id)? {
        Some((expires_at, amount)) => reply::json(&json!({ "id": id, "amount": amount, "expires_at": expires_at })),
        None => unknown(),
    })
}

fn unknown() -> Reply {
    let message = "There is no such hold: it was settled or released, its time was over, or it never was.";
    reply::error(StatusCode::NOT_FOUND, "invalid_request_error", "unknown_hold", message)
}
