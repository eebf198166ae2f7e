//! What is answered to a question.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

use hyper::header::{CACHE_CONTROL, CONTENT_TYPE};
use mete_core::Nanos;
use mete_core::decision::{Refusal, Standings};
use mete_gate::{Admission, Denied, Hold, Remaining};
use serde::Serialize;
use serde_json::Value;

use crate::reply::{self, Answer};

/// The answer that an admission comes to.
pub fn answer(admission: &Admission) -> Answer {
    let reply = match &admission.outcome {
        Ok(hold) => match allowed(admission, hold.as_ref()) {
            Some(text) => return Answer::Json(text),
            None => reply::json(&Told::new(admission, None, hold.as_ref())),
        },
        Err(Denied::Refused(refusal)) => {
            tracing::debug!(status = refusal.status(), code = refusal.code(), "refused");
            reply::json(&Told::new(admission, Some(refusal), None))
        }
        Err(denied) => reply::not_held(denied),
    };
    reply.into()
}

/// The answer, in the order of its fields.
#[derive(Serialize)]
struct Told<'a> {
    decision: &'static str,
    status: u16,
    reason: Option<&'static str>,
    error: Option<Value>,
    retry: Option<bool>,
    headers: Option<BTreeMap<String, String>>,
    project_id: Option<&'a str>,
    key_id: Option<&'a str>,
    hold: Option<&'a Hold>,
    remaining: Left,
    rate_limits: Option<Standings>,
}

/// How far requests are from their rate limits; none where there are none.
fn standings_of(admission: &Admission, refusal: Option<&Refusal>) -> Option<Standings> {
    let standings = match refusal {
        Some(Refusal::RateLimit(limited)) => limited.standings,
        _ => admission.caller.as_ref()?.standings,
    };
    (!standings.is_empty()).then_some(standings)
}

/// The headers that the client's answer has beside its body, as those of the header form do.
fn headers_of(refusal: &Refusal) -> BTreeMap<String, String> {
    let reply = reply::refuse(refusal);
    let told = reply.headers().iter().filter(|(name, _)| ![CONTENT_TYPE, CACHE_CONTROL].contains(name));
    told.filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.to_owned()))).collect()
}

/// What each budget leaves, in dollars.
#[derive(Serialize)]
struct Left {
    project: Option<Nanos>,
    organization: Option<Nanos>,
    parent_organization: Option<Nanos>,
    /// Budgets within the project are told only where they are set.
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<Nanos>,
    #[serde(skip_serializing_if = "Option::is_none")]
    member: Option<Nanos>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<Nanos>,
}

impl<'a> Told<'a> {
    fn new(admission: &'a Admission, refusal: Option<&Refusal>, hold: Option<&'a Hold>) -> Self {
        let caller = admission.caller.as_ref();
        let Remaining { project, organization, parent, model, member, key } = admission.remaining;
        Self {
            decision: if refusal.is_some() { "refuse" } else { "allow" },
            status: refusal.map_or(204, Refusal::status),
            reason: refusal.map(|refusal| refusal.code().unwrap_or("missing_permission")),
            error: refusal.map(|refusal| refusal.body()["error"].take()),
            retry: refusal.map(|refusal| !refusal.forbids_retry()),
            headers: refusal.map(headers_of),
            project_id: caller.and_then(|caller| std::str::from_utf8(&caller.project_id).ok()),
            key_id: caller.and_then(|caller| std::str::from_utf8(&caller.key_id).ok()),
            hold,
            rate_limits: standings_of(admission, refusal),
            remaining: Left { project, organization, parent_organization: parent, model, member, key },
        }
    }
}

/// The same text as [`Told`] has for a request that is let through, in a fraction of the time: it is written all day.
/// `None` where it tells of what few answers do.
fn allowed(admission: &Admission, hold: Option<&Hold>) -> Option<String> {
    let caller = admission.caller.as_ref().filter(|caller| caller.standings.is_empty())?;
    let (project_id, key_id) = (plain(&caller.project_id)?, plain(&caller.key_id)?);
    let Remaining { project, organization, parent, model, member, key } = admission.remaining;
    if model.is_some() || member.is_some() || key.is_some() {
        return None;
    }
    let mut text = String::with_capacity(512);
    text.push_str(
        r#"{"decision":"allow","status":204,"reason":null,"error":null,"retry":null,"headers":null,"project_id":""#,
    );
    text.push_str(project_id);
    text.push_str(r#"","key_id":""#);
    text.push_str(key_id);
    text.push_str(r#"","hold":"#);
    let written = match hold {
        None => {
            text.push_str("null");
            Ok(())
        }
        Some(Hold { id, amount, basis, expires_at }) => {
            let id = plain(id.as_bytes())?;
            write!(text, r#"{{"id":"{id}","amount":"{amount}","basis":"{basis}","expires_at":"{expires_at}"}}"#)
        }
    };
    written.ok()?;
    text.push_str(r#","remaining":{"project":"#);
    left(&mut text, project).ok()?;
    text.push_str(r#","organization":"#);
    left(&mut text, organization).ok()?;
    text.push_str(r#","parent_organization":"#);
    left(&mut text, parent).ok()?;
    text.push_str(r#"},"rate_limits":null}"#);
    Some(text)
}

fn left(text: &mut String, left: Option<Nanos>) -> fmt::Result {
    match left {
        Some(left) => write!(text, "\"{left}\""),
        None => text.write_str("null"),
    }
}

/// An id that stands in JSON as it is.
fn plain(id: &[u8]) -> Option<&str> {
    std::str::from_utf8(id).ok().filter(|_| reply::is_plain(id))
}

#[cfg(test)]
mod tests {
    use mete_core::Timestamp;
    use mete_core::decision::Standing;
    use mete_gate::{Basis, Caller};

    use super::*;

    #[test]
    fn what_is_written_in_short_is_what_would_be_written_at_length() {
        let caller = Caller {
            key_id: b"key_1".as_slice().into(),
            project_id: "proj_1-A".into(),
            standings: Standings::default(),
        };
        let remaining = Remaining { project: Some(Nanos(12_500_000_001)), organization: None, ..Remaining::default() };
        let some = Remaining { parent: Some(Nanos::ZERO), organization: Some(Nanos(-7)), ..remaining };
        let hold = |basis| Hold {
            id: "hold_1".into(),
            amount: Nanos(150_000),
            basis,
            expires_at: Timestamp(1_700_000_000_123_456),
        };
        let holds = [None, Some(hold(Basis::Price)), Some(hold(Basis::Recent)), Some(hold(Basis::Default))];
        for (remaining, hold) in [remaining, some].into_iter().flat_map(|left| holds.clone().map(|hold| (left, hold))) {
            let admission = Admission { caller: Some(caller.clone()), outcome: Ok(hold.clone()), remaining };
            let told = serde_json::to_string(&Told::new(&admission, None, hold.as_ref())).unwrap();
            assert_eq!(allowed(&admission, hold.as_ref()), Some(told));
        }
        let admission = |caller, remaining| Admission { caller, outcome: Ok(None), remaining };
        let limited = Standing { limit: 1, remaining: 1, reset: 0 };
        let limited = Caller { standings: Standings { requests: Some(limited), tokens: None }, ..caller.clone() };
        let odd = Caller { key_id: b"key\"".as_slice().into(), ..caller.clone() };
        let left = Some(Nanos(1));
        for unusual in [
            admission(None, remaining),
            admission(Some(limited), remaining),
            admission(Some(odd), remaining),
            admission(Some(caller.clone()), Remaining { model: left, ..remaining }),
            admission(Some(caller.clone()), Remaining { member: left, ..remaining }),
            admission(Some(caller), Remaining { key: left, ..remaining }),
        ] {
            assert_eq!(allowed(&unusual, None), None, "{unusual:?}");
        }
    }
}
