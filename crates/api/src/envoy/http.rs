//! Over HTTP: it asks with the request's own method, and its path behind a prefix, and passes a request on at 200 only.

use hyper::StatusCode;
use hyper::http::request::Parts;
use mete_gate::Request;

use crate::description::{Description, describe};
use crate::reply::Reply;

/// Below it the path is that of the request asked about.
const PREFIX: &str = "/v1/authorize/envoy";

/// Whether Envoy asks at this path.
pub fn asks_at(path: &str) -> bool {
    path.strip_prefix(PREFIX).is_some_and(|rest| rest.starts_with('/'))
}

/// The request that is asked about. What headers say of its method and path is not read.
pub fn description(head: &Parts) -> Description<'_> {
    let described = describe(&head.headers);
    let path = head.uri.path_and_query().and_then(|path| path.as_str().strip_prefix(PREFIX));
    let request = Request { method: Some(head.method.as_str()), path, ..described.request };
    Description { request, ..described }
}

/// The same answer for `ext_authz`.
pub fn for_ext_authz(mut reply: Reply) -> Reply {
    if reply.status() == StatusCode::NO_CONTENT {
        *reply.status_mut() = StatusCode::OK;
    }
    reply
}
