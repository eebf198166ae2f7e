//! Webhooks: one POST to one address, signed as the Standard Webhooks say, or in the words of a chat or pager.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1::handshake;
use hyper::header::{CONTENT_TYPE, HOST, HeaderValue, USER_AGENT};
use hyper::{Request, Uri};
use hyper_util::rt::TokioIo;
use mete_core::time::SECOND;
use serde_json::Value;
use sha2::Sha256;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::bodies;
use crate::channels::{OpenError, Outgoing};
use crate::failure::{Failure, words};
use crate::private::is_private;
use crate::settings::{Kind, Webhook as Settings};

/// Bytes of an answer that are read: its words are for people.
const ANSWER: usize = 16 * 1024;

/// What secrets of the Standard Webhooks begin with; the rest is the key in base64.
const SECRET: &str = "whsec_";

/// The shortest key, in bytes, and the longest, as the Standard Webhooks say.
const KEY: std::ops::RangeInclusive<usize> = 24..=64;

/// The way to one receiver.
pub(crate) struct Webhook {
    name: String,
    uri: Uri,
    host: String,
    port: u16,
    tls: Option<TlsConnector>,
    kind: Kind,
    /// The key of signatures, or what a pager knows the receiver by.
    secret: Option<Secret>,
    allow_private: bool,
    limit: Duration,
}

enum Secret {
    Key(Vec<u8>),
    Routing(String),
}

impl Webhook {
    /// As it is configured.
    ///
    /// # Errors
    /// When the address is none, or a file cannot be read.
    pub(crate) fn open(settings: &Settings) -> Result<Self, OpenError> {
        let wrong = |problem: String| OpenError::Webhook { name: settings.name.clone(), problem };
        let url = match (&settings.url, &settings.url_file) {
            (Some(url), _) => url.clone(),
            (None, Some(path)) => line(path).map_err(wrong)?,
            (None, None) => bodies::PAGERDUTY.to_owned(),
        };
        let uri: Uri = url.parse().map_err(|error| wrong(format!("its url is none: {error}")))?;
        let host = uri.host().map(str::to_owned).ok_or_else(|| wrong("its url names no host".to_owned()))?;
        let is_encrypted = match uri.scheme_str() {
            Some("https") => true,
            Some("http") if settings.allow_private => false,
            Some("http") => {
                return Err(wrong("its url is not encrypted: write https, or allow_private = true".to_owned()));
            }
            _ => return Err(wrong("its url must begin with https://".to_owned())),
        };
        let tls = is_encrypted.then(|| connector(settings.ca_file.as_deref())).transpose().map_err(wrong)?;
        let secret = settings.secret_file.as_deref().map(line).transpose().map_err(wrong)?;
        let secret = match (settings.kind, secret) {
            (Kind::Pagerduty, secret) => secret.map(Secret::Routing),
            (_, None) => None,
            (_, Some(text)) => Some(Secret::Key(key(&text).map_err(wrong)?)),
        };
        Ok(Self {
            name: settings.name.clone(),
            // Addresses in brackets are for URLs only.
            host: host.trim_start_matches('[').trim_end_matches(']').to_owned(),
            port: uri.port_u16().unwrap_or(if is_encrypted { 443 } else { 80 }),
            uri,
            tls,
            kind: settings.kind,
            secret,
            allow_private: settings.allow_private,
            limit: settings.limit(),
        })
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// How long one message may take.
    pub(crate) const fn limit(&self) -> Duration {
        self.limit
    }

    /// Sends a message, and gives the receiver's answer.
    ///
    /// # Errors
    /// When the receiver did not take it. One that ran into the time limit may have arrived all the same.
    pub(crate) async fn send(&self, outgoing: &Outgoing<'_>) -> Result<String, Failure> {
        let late = || Failure::Channel(format!("no answer from {}:{} within {:?}", self.host, self.port, self.limit));
        timeout(self.limit, self.exchange(outgoing)).await.unwrap_or_else(|_| Err(late()))
    }

    async fn exchange(&self, outgoing: &Outgoing<'_>) -> Result<String, Failure> {
        let broken = |error: &dyn std::error::Error| Failure::Channel(words(&error.to_string()));
        let request = self.request(outgoing)?;
        let stream = self.connect().await?;
        match &self.tls {
            None => post(stream, request).await,
            Some(tls) => {
                let name = ServerName::try_from(self.host.clone()).map_err(|error| broken(&error))?;
                post(tls.connect(name, stream).await.map_err(|error| broken(&error))?, request).await
            }
        }
    }

    /// Connects to an address of the host that may be connected to: what was looked at is what is used.
    async fn connect(&self) -> Result<TcpStream, Failure> {
        let found: Vec<SocketAddr> = lookup_host((self.host.as_str(), self.port))
            .await
            .map_err(|error| Failure::Channel(format!("cannot find {}: {error}", self.host)))?
            .collect();
        let mut trouble = format!("{} has no address", self.host);
        for address in found {
            if is_private(address.ip()) && !self.allow_private {
                trouble = format!("{} is {}, which is private: allow_private = true lets it", self.host, address.ip());
                continue;
            }
            match TcpStream::connect(address).await {
                Ok(stream) => return Ok(stream),
                Err(error) => trouble = format!("cannot connect to {address}: {error}"),
            }
        }
        Err(Failure::Channel(trouble))
    }

    fn request(&self, outgoing: &Outgoing<'_>) -> Result<Request<Full<Bytes>>, Failure> {
        let routing = match &self.secret {
            Some(Secret::Routing(key)) => Some(key.as_str()),
            _ => None,
        };
        let body: Value = bodies::of(self.kind, outgoing, routing);
        let body = Bytes::from(body.to_string());
        let path = self.uri.path_and_query().map_or("/", |path| path.as_str());
        let authority = self.uri.authority().map_or(self.host.as_str(), |authority| {
            // A name and password in a URL are nobody's host.
            authority.as_str().rsplit('@').next().unwrap_or_default()
        });
        let seconds = outgoing.now.0.div_euclid(SECOND);
        let mut request = Request::post(path)
            .header(HOST, authority)
            .header(USER_AGENT, HeaderValue::from_static(concat!("mete/", env!("CARGO_PKG_VERSION"))))
            .header(CONTENT_TYPE, "application/json")
            .header("webhook-id", outgoing.id)
            .header("webhook-timestamp", seconds);
        if let Some(Secret::Key(key)) = &self.secret {
            request = request.header("webhook-signature", signature(key, (outgoing.id, seconds), &body));
        }
        request.body(Full::new(body)).map_err(|error| Failure::Refused(error.to_string()))
    }
}

/// `v1,` and the signature over id, time and body.
fn signature(key: &[u8], (id, seconds): (&str, i64), body: &[u8]) -> String {
    // A key of any length is one.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return String::new() };
    mac.update(format!("{id}.{seconds}.").as_bytes());
    mac.update(body);
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

async fn post<S>(stream: S, request: Request<Full<Bytes>>) -> Result<String, Failure>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let broken = |error: hyper::Error| Failure::Channel(words(&format!("the exchange broke: {error}")));
    let (mut sender, connection) = handshake(TokioIo::new(stream)).await.map_err(broken)?;
    // Ended with this exchange.
    let mut driver = JoinSet::new();
    driver.spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "the connection of a webhook ended");
        }
    });
    let response = sender.send_request(request).await.map_err(broken)?;
    let status = response.status();
    let body = Limited::new(response.into_body(), ANSWER).collect().await;
    let said = body.map(|body| String::from_utf8_lossy(&body.to_bytes()).into_owned()).unwrap_or_default();
    let answer = words(&format!("{} {said}", status.as_u16()));
    match status.as_u16() {
        200..300 => Ok(answer),
        300..400 => Err(Failure::Refused(format!("{answer} (it points elsewhere, which is not followed)"))),
        408 | 425 | 429 | 500.. => Err(Failure::Later(answer)),
        _ => Err(Failure::Refused(answer)),
    }
}

fn connector(ca_file: Option<&Path>) -> Result<TlsConnector, String> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    if let Some(path) = ca_file {
        let wrong =
            |error: &dyn std::fmt::Display| format!("cannot use the certificates in {}: {error}", path.display());
        for certificate in CertificateDer::pem_file_iter(path).map_err(|error| wrong(&error))? {
            roots.add(certificate.map_err(|error| wrong(&error))?).map_err(|error| wrong(&error))?;
        }
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

/// The only line of a file.
fn line(path: &Path) -> Result<String, String> {
    let text = fs::read_to_string(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    let line = text.trim();
    if line.is_empty() || line.contains(char::is_whitespace) {
        return Err(format!("{} must hold one line without spaces", path.display()));
    }
    Ok(line.to_owned())
}

/// The key of a secret.
fn key(secret: &str) -> Result<Vec<u8>, String> {
    let key = secret.strip_prefix(SECRET).and_then(|text| STANDARD.decode(text).ok());
    key.filter(|key| KEY.contains(&key.len()))
        .ok_or_else(|| format!("its secret must be {SECRET} and 24 to 64 random bytes in base64"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_that_of_the_standard() {
        // The example of the Standard Webhooks' own libraries.
        let key = key("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let signed = signature(&key, ("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330), br#"{"test": 2432232314}"#);
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn what_is_no_secret_is_refused() {
        for secret in ["", "whsec_", "whsec_AAAA", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_???"] {
            assert!(key(secret).is_err(), "{secret:?}");
        }
    }
}
