//! Mete's HTTP interface, on hyper directly: over TCP and over a Unix socket; and gRPC for Envoy.
//!
//! | path | methods | answer |
//! |---|---|---|
//! | `/v1/authorize` | GET, POST | 204, or the refusal of R37; JSON to a question in JSON ([`Api`]) |
//! | `/v1/holds/{id}`, `/v1/holds/{id}/extend` | DELETE, POST | what becomes of money that was held (R40) |
//! | `/v1/authorize/nginx` | GET | the same for nginx: 204, or 401 or 403 with the true answer in headers |
//! | `/v1/authorize/envoy/…` | all | the same for Envoy, with 200 for 204: method and path are those of the client's request |
//! | `/v1/ingest` | POST | usage as lines, lists or CloudEvents ([`Intake`]) |
//! | `/v1/traces`, `/v1/logs` | POST | usage from an OpenTelemetry exporter |
//! | `/v1/refused` | GET, HEAD | the keys that the gate refuses now ([`RefusedList`]) |
//! | `/v1/explain` | GET, HEAD | a decision with its grounds, for a key or a project (R38) |
//! | `/healthz` | GET, HEAD | 200 as long as the process answers |
//! | `/readyz` | GET, HEAD | 200 when the gate may be asked, 503 with the reason otherwise ([`Readiness`]) |
//! | `/metrics` | GET, HEAD | counters for Prometheus ([`Metrics`]) |
//!
//! Every error is a JSON body that an OpenAI client understands:
//! `{"error":{"message","type","param","code"}}`, all four keys always there.
//!
//! [`serve`] answers on a listener that its caller has bound, until it is told to stop; [`serve_grpc`] answers Envoy's
//! `envoy.service.auth.v3.Authorization` on one of its own.

mod api;
mod authorize;
mod credentials;
mod description;
mod envoy;
mod explain;
mod footing;
mod holding;
mod holds;
mod intake;
mod lane;
mod metrics;
mod model_request;
mod nginx;
mod peer;
mod question;
mod readiness;
mod refused_list;
mod reply;
mod request_body;
mod serve;
mod silence;

pub use api::Api;
pub use envoy::messages as envoy_messages;
pub use footing::{Cause, Doubt, Footing, Tolerance};
pub use holding::{Holding, LeaseRequest};
pub use intake::{Access, Bounds, DEFAULT_SOURCE, HttpSource, Intake};
pub use metrics::Metrics;
pub use readiness::{Readiness, Trouble};
pub use refused_list::{Listing, RefusedList};
pub use serve::{Listener, Settings, serve, serve_grpc};
