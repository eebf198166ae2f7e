//! The ways on which alerts are told.

use std::time::Duration;

use mete_core::Timestamp;
use mete_store::AlertKind;
use serde::Serialize;
use serde_json::Value;

use crate::bodies;
use crate::command::Command;
use crate::failure::Failure;
use crate::letter::Letter;
use crate::mail::{Mail, MailError};
use crate::notice::Notice;
use crate::settings::Settings;
use crate::webhook::Webhook;

/// The channel of what owners are told (R27).
pub const EMAIL: &str = "email";

/// The domain of message ids where there is no sender: nobody's, for good (RFC 2606).
const NO_DOMAIN: &str = "mete.invalid";

/// Why channels cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// E-mail.
    #[error("[notify.smtp]: {0}")]
    Mail(#[from] MailError),
    /// A webhook.
    #[error("[[notify.webhook]] {name:?}: {problem}")]
    Webhook {
        /// Which one.
        name: String,
        /// What is wrong.
        problem: String,
    },
}

/// What came of a test message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Trial {
    /// The channel's name.
    pub channel: String,
    /// Whether it was taken.
    pub sent: bool,
    /// What whoever took it answered, or why it was not taken.
    pub answer: String,
}

/// What is told.
pub(crate) struct Told {
    /// In words.
    pub letter: Letter,
    /// As an event.
    pub event: Value,
    /// What it is about, the same for whoever is told.
    pub about: String,
    /// Whether requests are refused for it.
    pub is_grave: bool,
}

impl Told {
    pub(crate) fn of(notice: &Notice) -> Self {
        Self {
            letter: Letter::of(notice),
            event: bodies::event(notice),
            about: notice.alert.id.clone(),
            is_grave: notice.alert.kind == AlertKind::Exhausted && !notice.is_over(),
        }
    }
}

/// A message on its way.
pub(crate) struct Outgoing<'a> {
    /// The recipient's e-mail address, where it is e-mail.
    pub to: &'a str,
    /// Its id, the same at every try.
    pub id: &'a str,
    /// The same for e-mail.
    pub message_id: &'a str,
    /// What is told.
    pub told: &'a Told,
    /// As of when.
    pub now: Timestamp,
}

/// One way. The names of all but e-mail begin with their kind.
enum Channel {
    Mail(Box<Mail>),
    Webhook(Box<Webhook>),
    Command(Command),
}

impl Channel {
    fn name(&self) -> String {
        match self {
            Self::Mail(_) => EMAIL.to_owned(),
            Self::Webhook(webhook) => format!("webhook:{}", webhook.name()),
            Self::Command(command) => format!("command:{}", command.name()),
        }
    }

    const fn limit(&self) -> Duration {
        match self {
            Self::Mail(mail) => mail.limit(),
            Self::Webhook(webhook) => webhook.limit(),
            Self::Command(command) => command.limit(),
        }
    }

    async fn send(&self, outgoing: &Outgoing<'_>) -> Result<String, Failure> {
        // Not on the stack of whoever waits: a conversation over TLS has much to remember.
        match self {
            Self::Mail(mail) => Box::pin(mail.send(outgoing)).await,
            Self::Webhook(webhook) => Box::pin(webhook.send(outgoing)).await,
            Self::Command(command) => Box::pin(command.send(outgoing)).await,
        }
    }
}

/// The channels that are configured, with what they need: passwords, secrets and certificates are read.
#[derive(Default)]
pub struct Channels {
    all: Vec<Channel>,
}

impl Channels {
    /// As they are configured.
    ///
    /// # Errors
    /// When what they need cannot be read.
    pub fn open(settings: &Settings) -> Result<Self, OpenError> {
        let mut all = Vec::new();
        if let Some(smtp) = &settings.smtp {
            all.push(Channel::Mail(Box::new(Mail::open(smtp)?)));
        }
        for webhook in &settings.webhooks {
            all.push(Channel::Webhook(Box::new(Webhook::open(webhook)?)));
        }
        all.extend(settings.commands.iter().map(|command| Channel::Command(Command::open(command))));
        Ok(Self { all })
    }

    /// The names of those that are configured.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.all.iter().map(Channel::name).collect()
    }

    /// Whether owners can be told (R27).
    #[must_use]
    pub fn has_mail(&self) -> bool {
        self.all.iter().any(|channel| matches!(channel, Channel::Mail(_)))
    }

    /// The domain of message ids.
    pub(crate) fn domain(&self) -> &str {
        self.all
            .iter()
            .find_map(|channel| match channel {
                Channel::Mail(mail) => Some(mail.domain()),
                _ => None,
            })
            .unwrap_or(NO_DOMAIN)
    }

    /// How long one message may take on the slowest.
    pub(crate) fn limit(&self) -> Duration {
        self.all.iter().map(Channel::limit).max().unwrap_or_default()
    }

    /// Sends a message on a channel.
    ///
    /// # Errors
    /// When it was not taken.
    pub(crate) async fn send(&self, name: &str, outgoing: &Outgoing<'_>) -> Result<String, Failure> {
        match self.all.iter().find(|channel| channel.name() == name) {
            Some(channel) => channel.send(outgoing).await,
            None => Err(Failure::Channel("it is not configured".to_owned())),
        }
    }

    /// Sends a test message on every channel, by e-mail to this address; `id` is the message's own.
    pub async fn try_all(&self, (to, id): (&str, &str), now: Timestamp) -> Vec<Trial> {
        let told = Told { letter: Letter::trial(), event: bodies::trial(now), about: id.to_owned(), is_grave: false };
        let message_id = format!("{id}@{}", self.domain());
        let mut trials = Vec::new();
        for channel in &self.all {
            let outcome = channel.send(&Outgoing { to, id, message_id: &message_id, told: &told, now }).await;
            trials.push(Trial {
                channel: channel.name(),
                sent: outcome.is_ok(),
                answer: outcome.unwrap_or_else(|failure| failure.to_string()),
            });
        }
        trials
    }
}
