//! gRPC: one method, on HTTP/2.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::Incoming;
use hyper::{Request, Response};
use tokio::time::timeout;
use tonic::Status;
use tonic::server::{Grpc, UnaryService};
use tonic_prost::ProstCodec;

use super::check::Shown;
use super::messages::{CheckRequest, CheckResponse};
use crate::api::Api;
use crate::intake::{Budget, Refused, receive};

/// The one method.
const CHECK: &str = "/envoy.service.auth.v3.Authorization/Check";

/// The longest message: a body of 32 MiB, as Envoy is told to read in `config/gateways/envoy`, and what stands around it.
const MOST_BYTES: usize = 34 * 1024 * 1024;

/// The memory for all messages that are being read. Decoding copies each once, so that it may be twice that for a moment.
const MOST_MEMORY: usize = 96 * 1024 * 1024;

/// How long a message may take to arrive. Envoy gives up long before.
const MOST_TIME: Duration = Duration::from_secs(5);

/// Answers Envoy's checks.
pub struct Checks {
    api: Arc<Api>,
    memory: Budget,
}

impl Checks {
    pub fn new(api: Arc<Api>) -> Self {
        Self { api, memory: Budget::new(MOST_MEMORY) }
    }

    /// The answer to a call. An error makes Envoy refuse the request: `status_on_error` says how.
    pub async fn answer(&self, request: Request<Incoming>) -> Response<tonic::body::Body> {
        let (head, mut body) = request.into_parts();
        if head.uri.path() != CHECK {
            return Status::unimplemented(format!("Mete answers {CHECK} alone.")).into_http();
        }
        let message = match timeout(MOST_TIME, receive(&mut body, &self.memory, MOST_BYTES)).await {
            Ok(Ok(message)) => message.freeze(),
            Ok(Err(refused)) => return failure(&refused).into_http(),
            Err(_) => return failure(&Refused::TooSlow).into_http(),
        };
        // The memory is lent until the answer is there.
        let call = Request::from_parts(head, Full::new(message.clone()));
        let codec = ProstCodec::<CheckResponse, CheckRequest>::default();
        let mut grpc = Grpc::new(codec).max_decoding_message_size(MOST_BYTES);
        let answer = grpc.unary(Check(Arc::clone(&self.api)), call).await;
        drop(message);
        answer
    }
}

/// Why there is no answer, in gRPC's words.
fn failure(refused: &Refused) -> Status {
    let message = refused.to_string();
    match refused {
        Refused::TooLarge { .. } => Status::out_of_range(message),
        Refused::TooSlow => Status::deadline_exceeded(message),
        Refused::Torn => Status::cancelled(message),
        _ => Status::resource_exhausted(message),
    }
}

/// One check.
struct Check(Arc<Api>);

impl UnaryService<CheckRequest> for Check {
    type Response = CheckResponse;
    type Future = Pin<Box<dyn Future<Output = Result<tonic::Response<CheckResponse>, Status>> + Send>>;

    fn call(&mut self, request: tonic::Request<CheckRequest>) -> Self::Future {
        let api = Arc::clone(&self.0);
        Box::pin(async move {
            let known = Shown::from(request.into_inner()).read().await;
            let reply = api.answer_check(&known).await;
            Ok(tonic::Response::new(known.answer(reply).await))
        })
    }
}
