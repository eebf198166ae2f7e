//! A client of the gRPC interface that is none of the server's libraries but HTTP/2 itself.

use anyhow::{Context as _, Result, ensure};
use bytes::{BufMut as _, Bytes, BytesMut};
use http_body_util::{BodyExt as _, Full};
use hyper::Request;
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};
use mete_api::envoy_messages::{
    Attributes, CheckRequest, CheckResponse, DeniedHttpResponse, HeaderValueOption, HttpRequest, HttpResponse,
    Request as Asked,
};
use prost::Message as _;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinSet;

/// The method that Envoy calls.
pub const CHECK: &str = "/envoy.service.auth.v3.Authorization/Check";

/// A connection; many may ask on it at once.
pub struct Grpc {
    sender: SendRequest<Full<Bytes>>,
    connection: JoinSet<hyper::Result<()>>,
}

/// gRPC's code of a call that has no answer.
pub type Failed = i32;

impl Grpc {
    pub async fn new(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> Result<Self> {
        let (sender, connection) = handshake(TokioExecutor::new(), TokioIo::new(stream)).await?;
        let mut tasks = JoinSet::new();
        tasks.spawn(connection);
        Ok(Self { sender, connection: tasks })
    }

    /// Calls a method with a message.
    pub async fn call(&mut self, path: &str, message: &[u8]) -> Result<Result<Bytes, Failed>> {
        let mut body = BytesMut::with_capacity(message.len() + 5);
        body.put_u8(0);
        body.put_u32(u32::try_from(message.len())?);
        body.put_slice(message);
        let request = Request::post(format!("http://mete{path}"));
        let request = request.header("content-type", "application/grpc").header("te", "trailers");
        self.sender.ready().await?;
        let answer = self.sender.send_request(request.body(Full::new(body.freeze()))?).await?;
        ensure!(answer.status() == 200 && answer.headers()["content-type"] == "application/grpc", "{answer:?}");
        let (head, body) = answer.into_parts();
        let body = body.collect().await?;
        let status = body.trailers().and_then(|it| it.get("grpc-status")).or_else(|| head.headers.get("grpc-status"));
        let status: i32 = status.context("no grpc-status")?.to_str()?.parse()?;
        let body = body.to_bytes();
        Ok(if status == 0 { Ok(body.slice(5..)) } else { Err(status) })
    }

    /// Has a request checked.
    pub async fn check(&mut self, http: HttpRequest) -> Result<CheckResponse> {
        let attributes = Attributes { request: Some(Asked { http: Some(http) }) };
        let message = CheckRequest { attributes: Some(attributes) }.encode_to_vec();
        let answer = self.call(CHECK, &message).await?;
        Ok(CheckResponse::decode(answer.map_err(|code| anyhow::anyhow!("grpc-status {code}"))?)?)
    }

    /// Waits until the server has closed the connection.
    pub async fn closed(mut self) {
        while self.connection.join_next().await.is_some() {}
    }
}

/// A request of HTTP/1.1 as Envoy shows it, with its whole body.
pub fn shown(method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> HttpRequest {
    let mut headers: Vec<_> = headers.to_vec();
    let length = body.len().to_string();
    if !body.is_empty() {
        headers.extend([("content-length", &*length), ("x-envoy-auth-partial-body", "false")]);
    }
    HttpRequest {
        method: method.to_owned(),
        path: path.to_owned(),
        headers: headers.iter().map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec())).collect(),
        protocol: "HTTP/1.1".to_owned(),
        raw_body: body.to_owned().into(),
        ..HttpRequest::default()
    }
}

/// The refusal in an answer.
pub fn denied(answer: CheckResponse) -> Result<(u16, DeniedHttpResponse)> {
    ensure!(answer.status.as_ref().is_some_and(|status| status.code == 7), "{answer:?}");
    let Some(HttpResponse::Denied(denied)) = answer.http_response else { anyhow::bail!("{answer:?}") };
    let status = denied.status.as_ref().context("no status")?.code;
    Ok((status.try_into()?, denied))
}

/// The value of a header that an answer sets.
pub fn header<'a>(headers: &'a [HeaderValueOption], name: &str) -> Option<&'a str> {
    let mut headers = headers.iter().filter_map(|option| option.header.as_ref());
    headers.find(|header| header.key == name).map(|header| &*header.value)
}
