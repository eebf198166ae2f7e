//! Asks the running daemon, over TCP or its Unix socket.

use std::path::Path;
use std::time::Duration;

use form_urlencoded::Serializer;
use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper::client::conn::http1::handshake;
use hyper::header::{AUTHORIZATION, HOST, HeaderValue};
use hyper_util::rt::TokioIo;
use mete_core::secret::KeyHash;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::task::JoinSet;
use tokio::time::timeout;

use mete_core::Timestamp;

use super::ExplainArgs;
use crate::context::Context;
use crate::error::CliError;

/// How long it may take. It waits for its store for five seconds.
const PATIENCE: Duration = Duration::from_secs(15);

/// What is asked, and what permits to.
struct Question {
    query: String,
    token: Option<HeaderValue>,
}

/// What it answers to somebody who names keys as they like.
///
/// # Errors
/// When there is no such key, it cannot be reached, or refuses.
pub async fn ask_named(daemon: &str, args: &ExplainArgs, context: &Context) -> Result<Value, CliError> {
    let key = match &args.key {
        Some(asked) => Some(key_of(asked, context).await?),
        None => None,
    };
    ask(daemon, (args, key), context.now()).await
}

/// What it answers about a key, by a name and value of it that it knows, or about a project.
///
/// # Errors
/// When it cannot be reached, or refuses.
pub async fn ask(
    daemon: &str,
    (args, key): (&ExplainArgs, Option<(&'static str, String)>),
    now: Timestamp,
) -> Result<Value, CliError> {
    let question =
        Question { query: query((args, key), now)?, token: args.token_file.as_deref().map(token).transpose()? };
    let failed = |problem: String, code| CliError::Daemon { place: daemon.to_owned(), problem, code };
    let answer = timeout(PATIENCE, exchange(daemon, &question)).await;
    let answer = answer.map_err(|_| failed(format!("no answer within {PATIENCE:?}"), "io"))?;
    let (status, body) = answer.map_err(|error| failed(error.to_string(), "io"))?;
    let value: Value = serde_json::from_slice(&body).map_err(|error| failed(error.to_string(), "io"))?;
    let message = || value["error"]["message"].as_str().unwrap_or("it said nothing").to_owned();
    match status {
        200 => Ok(value),
        400 => Err(failed(message(), "invalid")),
        401 => Err(failed(format!("{} Name the file with its token: --token-file", message()), "not_permitted")),
        404 => Err(failed(message(), "not_found")),
        _ => Err(failed(message(), "io")),
    }
}

/// What shows the daemon that the operator asks: the only line of a file.
fn token(path: &Path) -> Result<HeaderValue, CliError> {
    let text = std::fs::read_to_string(path).map_err(|source| CliError::Read { path: path.to_owned(), source })?;
    let token = text.trim();
    let value = Some(token).filter(|token| !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic()));
    let mut value = value
        .and_then(|token| HeaderValue::try_from(format!("Bearer {token}")).ok())
        .ok_or_else(|| CliError::NoToken(path.to_owned()))?;
    value.set_sensitive(true);
    Ok(value)
}

fn query((args, key): (&ExplainArgs, Option<(&'static str, String)>), now: Timestamp) -> Result<String, CliError> {
    let mut query = Serializer::new(String::new());
    match key {
        Some((name, value)) => query.append_pair(name, &value),
        None => query.append_pair("project", args.project.as_deref().unwrap_or_default()),
    };
    let at = args.past(now)?.map(|at| at.to_string());
    let bytes = args.bytes.map(|bytes| bytes.to_string());
    let given =
        [("at", &at), ("method", &args.method), ("path", &args.path), ("model", &args.model), ("bytes", &bytes)];
    for (name, value) in given {
        if let Some(value) = value {
            query.append_pair(name, value);
        }
    }
    Ok(query.finish())
}

/// How a key is named to the daemon: never by its secret. Only names take a look into the store.
async fn key_of(asked: &str, context: &Context) -> Result<(&'static str, String), CliError> {
    if asked.starts_with("key_") {
        return Ok(("key_id", asked.to_owned()));
    }
    if KeyHash::from_hex(asked).is_some() {
        return Ok(("key_sha256", asked.to_owned()));
    }
    if asked.starts_with("sk-") && asked.is_ascii() {
        return Ok(("key_sha256", KeyHash::of(asked).to_hex()));
    }
    Ok(("key_id", context.view().await?.key(asked).await?.id))
}

async fn exchange(daemon: &str, question: &Question) -> anyhow::Result<(u16, Bytes)> {
    if daemon.starts_with(['/', '.']) {
        return get(UnixStream::connect(daemon).await?, "meted", question).await;
    }
    let authority = daemon.strip_prefix("http://").unwrap_or(daemon).trim_end_matches('/');
    get(TcpStream::connect(authority).await?, authority, question).await
}

async fn get<S>(stream: S, host: &str, question: &Question) -> anyhow::Result<(u16, Bytes)>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) = handshake(TokioIo::new(stream)).await?;
    let mut driver = JoinSet::new();
    driver.spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "the connection to the daemon ended");
        }
    });
    let mut request = hyper::Request::get(format!("/v1/explain?{}", question.query)).header(HOST, host);
    if let Some(token) = &question.token {
        request = request.header(AUTHORIZATION, token);
    }
    let request = request.body(Empty::<Bytes>::new())?;
    let response = sender.send_request(request).await?;
    let status = response.status().as_u16();
    Ok((status, response.into_body().collect().await?.to_bytes()))
}
