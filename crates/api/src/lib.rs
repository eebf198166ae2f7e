//! Mete's HTTP interface, on hyper directly: over TCP and over a Unix socket.
//!
//! | path | methods | answer |
//! |---|---|---|
//! | `/v1/authorize` | GET, POST | 204, or the refusal of R37 ([`Api`]) |
//! | `/healthz` | GET, HEAD | 200 as long as the process answers |
//! | `/readyz` | GET, HEAD | 200 when the gate may be asked, 503 with the reason otherwise ([`Readiness`]) |
//!
//! Every error is a JSON body that an OpenAI client understands:
//! `{"error":{"message","type","param","code"}}`, all four keys always there.
//!
//! [`serve`] answers on a listener that its caller has bound, until it is told to stop.

mod api;
mod authorize;
mod credentials;
mod description;
mod readiness;
mod reply;
mod request_body;
mod serve;

pub use api::Api;
pub use readiness::Readiness;
pub use serve::{Listener, Settings, serve};
