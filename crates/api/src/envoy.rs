//! The gate's questions and answers in the two forms of Envoy's `ext_authz`.

pub mod check;
pub mod http;
pub mod messages;
pub mod rpc;
