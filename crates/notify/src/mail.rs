//! E-mail: one message to one recipient over SMTP.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use lettre::Message;
use lettre::address::{Address, Envelope};
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Certificate, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail as MailFrom, Rcpt};
use lettre::transport::smtp::extension::{ClientId, Extension, MailBodyParameter, MailParameter};
use lettre::transport::smtp::response::Response;
use tokio::time::timeout;

use crate::channels::Outgoing;
use crate::failure::{Failure, words};
use crate::settings::{Password, Smtp, Tls};

/// How long the parting from a server may take that has taken the message: nothing depends on it any more.
const PARTING: Duration = Duration::from_secs(1);

/// What a mail server says of itself for a while: it is going down (RFC 5321, 3.8).
const GOING_DOWN: &str = "421";

/// Why the way to the mail server cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// A file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// Which one.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// A file or variable holds no password.
    #[error("{0} holds no password: it must be one line")]
    NoPassword(String),
    /// The certificates cannot be used.
    #[error("{} holds no certificates in PEM: {source}", path.display())]
    Certificates {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        source: Error,
    },
    /// The server's name cannot be that of a certificate.
    #[error("the mail server {host:?} cannot be reached over TLS: {source}")]
    Tls {
        /// Which server.
        host: String,
        /// What is wrong.
        source: Error,
    },
}

/// The way to a mail server.
pub(crate) struct Mail {
    host: String,
    port: u16,
    tls: Tls,
    parameters: Option<TlsParameters>,
    credentials: Option<Credentials>,
    from: Mailbox,
    hello: ClientId,
    limit: Duration,
}

impl Mail {
    /// As it is configured.
    ///
    /// # Errors
    /// When the password or the certificates cannot be read.
    pub(crate) fn open(settings: &Smtp) -> Result<Self, MailError> {
        let credentials = match (&settings.username, settings.password()) {
            (Some(name), Some(place)) => Some(Credentials::new(name.clone(), password(&place)?)),
            _ => None,
        };
        let parameters = match settings.tls {
            Tls::None => None,
            Tls::Starttls | Tls::Implicit => Some(parameters(&settings.host, settings.ca_file.as_deref())?),
        };
        Ok(Self {
            host: settings.host.clone(),
            port: settings.port(),
            tls: settings.tls,
            parameters,
            credentials,
            from: settings.from.clone(),
            hello: settings.hello.clone().map_or_else(ClientId::default, ClientId::Domain),
            limit: settings.limit(),
        })
    }

    /// How long one message may take.
    pub(crate) const fn limit(&self) -> Duration {
        self.limit
    }

    /// The domain of message ids: the sender's.
    pub(crate) fn domain(&self) -> &str {
        self.from.email.domain()
    }

    /// Sends a message, and gives the server's answer.
    ///
    /// # Errors
    /// When the server did not say that it took it. One that ran into the time limit, or whose connection broke at the end,
    /// may have arrived all the same.
    pub(crate) async fn send(&self, outgoing: &Outgoing<'_>) -> Result<String, Failure> {
        let to: Address =
            outgoing.to.parse().map_err(|error| Failure::Refused(format!("no valid address: {error}")))?;
        let message = self.message(&to, outgoing)?.formatted();
        let envelope = Envelope::new(Some(self.from.email.clone()), vec![to])
            .map_err(|error| Failure::Refused(error.to_string()))?;
        let sending = async {
            let mut connection = self.connect().await.map_err(|error| Failure::Channel(words(&error.to_string())))?;
            let outcome = hand_over(&mut connection, &envelope, &message).await;
            Ok((outcome, connection))
        };
        let (outcome, mut connection) = timeout(self.limit, sending).await.unwrap_or_else(|_| {
            Err(Failure::Channel(format!("no answer from {}:{} within {:?}", self.host, self.port, self.limit)))
        })?;
        // Whether the server says goodbye changes nothing.
        let _ = timeout(PARTING, connection.abort()).await;
        outcome
    }

    async fn connect(&self) -> Result<AsyncSmtpConnection, Error> {
        let implicit = self.parameters.clone().filter(|_| self.tls == Tls::Implicit);
        let place = (self.host.as_str(), self.port);
        let mut connection =
            AsyncSmtpConnection::connect_tokio1(place, Some(self.limit), &self.hello, implicit, None).await?;
        if let (Tls::Starttls, Some(parameters)) = (self.tls, &self.parameters) {
            connection.starttls(parameters.clone(), &self.hello).await?;
        }
        if let Some(credentials) = &self.credentials {
            connection.auth(DEFAULT_MECHANISMS, credentials).await?;
        }
        Ok(connection)
    }

    fn message(&self, to: &Address, outgoing: &Outgoing<'_>) -> Result<Message, Failure> {
        let Outgoing { told, message_id, now, .. } = outgoing;
        let letter = &told.letter;
        let date = UNIX_EPOCH + Duration::from_micros(u64::try_from(now.0).unwrap_or_default());
        let automatic = HeaderName::new_from_ascii_str("Auto-Submitted");
        Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, to.clone()))
            .subject(&letter.subject)
            .date(date)
            .message_id(Some(format!("<{message_id}>")))
            // Nobody's absence is to be told to a program (RFC 3834).
            .raw_header(HeaderValue::new(automatic, "auto-generated".to_owned()))
            .multipart(MultiPart::alternative_plain_html(letter.text(), letter.html()))
            .map_err(|error| Failure::Refused(error.to_string()))
    }
}

/// Hands a message over on a connection, as far as the answer to its last line.
async fn hand_over(
    connection: &mut AsyncSmtpConnection,
    envelope: &Envelope,
    message: &[u8],
) -> Result<String, Failure> {
    let mut parameters = Vec::new();
    let is_ascii = |address: &Address| AsRef::<str>::as_ref(address).is_ascii();
    if !envelope.to().iter().chain(envelope.from()).all(is_ascii) {
        if !connection.server_info().supports_feature(Extension::SmtpUtfEight) {
            return Err(Failure::Refused("the mail server takes no addresses beyond ASCII (SMTPUTF8)".to_owned()));
        }
        parameters.push(MailParameter::SmtpUtfEight);
    }
    if !message.is_ascii() {
        if !connection.server_info().supports_feature(Extension::EightBitMime) {
            return Err(Failure::Later("the mail server takes no 8-bit text (8BITMIME)".to_owned()));
        }
        parameters.push(MailParameter::Body(MailBodyParameter::EightBitMime));
    }
    // A sender that is refused is refused for every recipient.
    let from = MailFrom::new(envelope.from().cloned(), parameters);
    connection.command(from).await.map_err(|error| Failure::Channel(words(&error.to_string())))?;
    for to in envelope.to() {
        connection.command(Rcpt::new(to.clone(), Vec::new())).await.map_err(|error| of_message(&error))?;
    }
    connection.command(Data).await.map_err(|error| of_message(&error))?;
    let response = connection.message(message).await.map_err(|error| of_message(&error))?;
    Ok(answer(&response))
}

/// What an error means once the server has taken the sender.
fn of_message(error: &Error) -> Failure {
    let said = words(&error.to_string());
    match error.status() {
        Some(code) if code.to_string() == GOING_DOWN => Failure::Channel(said),
        Some(_) if error.is_permanent() => Failure::Refused(said),
        Some(_) => Failure::Later(said),
        // The connection broke, or what came is not SMTP.
        None => Failure::Channel(said),
    }
}

fn answer(response: &Response) -> String {
    let lines: Vec<&str> = response.message().collect();
    words(&format!("{} {}", response.code(), lines.join(" ")))
}

fn parameters(host: &str, ca_file: Option<&Path>) -> Result<TlsParameters, MailError> {
    let mut builder = TlsParameters::builder(host.to_owned());
    if let Some(path) = ca_file {
        let text = fs::read(path).map_err(|source| MailError::Read { path: path.to_owned(), source })?;
        let certificates = Certificate::from_pem(&text);
        let path = path.to_owned();
        builder =
            builder.add_root_certificate(certificates.map_err(|source| MailError::Certificates { path, source })?);
    }
    builder.build_rustls().map_err(|source| MailError::Tls { host: host.to_owned(), source })
}

/// The only line of a file, or what a variable holds.
fn password(place: &Password) -> Result<String, MailError> {
    let (name, text) = match place {
        Password::File(path) => {
            let text = fs::read_to_string(path).map_err(|source| MailError::Read { path: path.clone(), source })?;
            (path.display().to_string(), text)
        }
        Password::Variable(name) => (format!("the variable {name}"), std::env::var(name).unwrap_or_default()),
    };
    let line = text.trim_end_matches(['\r', '\n']);
    if line.is_empty() || line.contains(['\r', '\n']) {
        return Err(MailError::NoPassword(name));
    }
    Ok(line.to_owned())
}
