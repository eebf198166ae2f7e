//! `[notify]` of the daemon's configuration.

use std::collections::HashSet;
use std::path::PathBuf;
use std::time::Duration;

use lettre::message::Mailbox;
use serde::Deserialize;

/// `[notify]`
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// The mail server that takes what owners are told (R27); without it, nobody is told by e-mail.
    pub smtp: Option<Smtp>,
    /// `[[notify.webhook]]`: who is told of every alert over HTTP.
    #[serde(rename = "webhook")]
    pub webhooks: Vec<Webhook>,
    /// `[[notify.command]]`: programs that are run for every alert.
    #[serde(rename = "command")]
    pub commands: Vec<Command>,
}

/// How the way to the mail server is encrypted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tls {
    /// From the server's offer on; refused where it makes none.
    #[default]
    Starttls,
    /// From the first byte.
    Implicit,
    /// Not at all.
    None,
}

impl Tls {
    /// The port where servers usually listen for it.
    #[must_use]
    pub const fn port(self) -> u16 {
        match self {
            Self::Starttls => 587,
            Self::Implicit => 465,
            Self::None => 25,
        }
    }
}

/// `[notify.smtp]`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Smtp {
    /// The server's name or address.
    pub host: String,
    /// Its port; that which is usual for `tls` if it is left out.
    pub port: Option<u16>,
    /// How the way to it is encrypted.
    #[serde(default)]
    pub tls: Tls,
    /// Certificates in PEM that are trusted beside the usual authorities.
    pub ca_file: Option<PathBuf>,
    /// Whom to log in as; without it, nobody logs in.
    pub username: Option<String>,
    /// A file with the password, its only line.
    pub password_file: Option<PathBuf>,
    /// The variable that holds the password, in place of a file.
    pub password_env: Option<String>,
    /// Who the messages are from, as in `Mete <mete@acme.test>`.
    #[serde(deserialize_with = "mailbox")]
    pub from: Mailbox,
    /// The name that the daemon gives itself; its address if it is left out.
    pub hello: Option<String>,
    /// Seconds that one message may take, from connecting to the server's answer.
    #[serde(default = "timeout")]
    pub timeout: u16,
}

/// What a webhook is given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Mete's own event, signed as the Standard Webhooks say.
    #[default]
    Json,
    /// A message for Slack's incoming webhooks.
    Slack,
    /// A message for Discord.
    Discord,
    /// A card for the workflows of Microsoft Teams.
    Teams,
    /// An event for PagerDuty.
    Pagerduty,
}

/// `[[notify.webhook]]`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Webhook {
    /// What it is called in deliveries, metrics and logs.
    pub name: String,
    /// What it is given.
    #[serde(default)]
    pub kind: Kind,
    /// Where to.
    pub url: Option<String>,
    /// A file with the URL, its only line, where the URL is a secret.
    pub url_file: Option<PathBuf>,
    /// A file with the secret of signatures (`whsec_…`), or PagerDuty's key of the integration.
    pub secret_file: Option<PathBuf>,
    /// Whether it may go to addresses of this machine and of private networks, and unencrypted.
    #[serde(default)]
    pub allow_private: bool,
    /// Certificates in PEM that are trusted beside the usual authorities.
    pub ca_file: Option<PathBuf>,
    /// Seconds that one message may take.
    #[serde(default = "timeout")]
    pub timeout: u16,
}

/// `[[notify.command]]`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Command {
    /// What it is called in deliveries, metrics and logs.
    pub name: String,
    /// The program and its arguments; no shell.
    pub command: Vec<String>,
    /// Seconds after which it is killed.
    #[serde(default = "timeout")]
    pub timeout: u16,
}

/// Where a password is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Password {
    /// In a file.
    File(PathBuf),
    /// In a variable of the environment.
    Variable(String),
}

const fn timeout() -> u16 {
    30
}

fn mailbox<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Mailbox, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse().map_err(|_| {
        serde::de::Error::custom(format!("{text:?} is no sender: write an address, as in \"Mete <mete@acme.test>\""))
    })
}

impl Settings {
    /// The paths in it, which are meant from the file's folder.
    pub fn paths(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        let of_mail = self.smtp.iter_mut().flat_map(|smtp| [&mut smtp.ca_file, &mut smtp.password_file]);
        let of_webhooks =
            self.webhooks.iter_mut().flat_map(|it| [&mut it.url_file, &mut it.secret_file, &mut it.ca_file]);
        of_mail.chain(of_webhooks).flatten()
    }

    /// What does not make sense.
    #[must_use]
    pub fn problem(&self) -> Option<&'static str> {
        let mut names = HashSet::new();
        let mut all = self.webhooks.iter().map(|it| &it.name).chain(self.commands.iter().map(|it| &it.name));
        if !all.all(|name| is_name(name) && names.insert(name)) {
            return Some(
                "[notify] the name of each webhook and command must be one of its own, of letters, digits, - and _",
            );
        }
        let of_webhooks = self.webhooks.iter().find_map(Webhook::problem);
        let of_commands = self.commands.iter().find_map(Command::problem);
        self.smtp.as_ref().and_then(Smtp::problem).or(of_webhooks).or(of_commands)
    }
}

fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 64
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}

impl Webhook {
    /// How long one message may take.
    #[must_use]
    pub const fn limit(&self) -> Duration {
        Duration::from_secs(self.timeout as u64)
    }

    fn problem(&self) -> Option<&'static str> {
        match (&self.url, &self.url_file) {
            (Some(_), Some(_)) => return Some("[[notify.webhook]] has a url and a url_file: leave one of them out"),
            (None, None) if self.kind != Kind::Pagerduty => {
                return Some("[[notify.webhook]] needs a url or a url_file");
            }
            _ => {}
        }
        match (self.kind, &self.secret_file) {
            (Kind::Pagerduty, None) => {
                return Some("[[notify.webhook]] of kind \"pagerduty\" needs a secret_file with the integration's key");
            }
            (Kind::Slack | Kind::Discord | Kind::Teams, Some(_)) => {
                return Some("[[notify.webhook]] has a secret_file that its kind has no use for: leave it out");
            }
            _ => {}
        }
        (self.timeout == 0)
            .then_some("[[notify.webhook]] timeout is 0: no message is sent in that time; give it some seconds")
    }
}

impl Command {
    /// How long it may run.
    #[must_use]
    pub const fn limit(&self) -> Duration {
        Duration::from_secs(self.timeout as u64)
    }

    fn problem(&self) -> Option<&'static str> {
        if self.command.first().is_none_or(String::is_empty) {
            return Some("[[notify.command]] has no command: begin it with the path of a program");
        }
        (self.timeout == 0)
            .then_some("[[notify.command]] timeout is 0: no program ends in that time; give it some seconds")
    }
}

impl Smtp {
    /// How long one message may take.
    #[must_use]
    pub const fn limit(&self) -> Duration {
        Duration::from_secs(self.timeout as u64)
    }

    /// Its port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port.unwrap_or(self.tls.port())
    }

    /// Where its password is, if it has one.
    #[must_use]
    pub fn password(&self) -> Option<Password> {
        let file = self.password_file.clone().map(Password::File);
        file.or_else(|| self.password_env.clone().map(Password::Variable))
    }

    fn problem(&self) -> Option<&'static str> {
        if self.host.is_empty() {
            return Some("[notify.smtp] host is empty: name the mail server");
        }
        if self.password_file.is_some() && self.password_env.is_some() {
            return Some("[notify.smtp] has a password_file and a password_env: leave one of them out");
        }
        match (&self.username, self.password()) {
            (Some(_), None) => {
                return Some("[notify.smtp] has a username and no password: name a password_file or a password_env");
            }
            (None, Some(_)) => return Some("[notify.smtp] has a password and no username: say whose it is"),
            _ => {}
        }
        if self.tls == Tls::None && self.username.is_some() && !is_this_machine(&self.host) {
            return Some(
                "[notify.smtp] would send its password in the clear to another machine: set tls to \"starttls\" or \"implicit\"",
            );
        }
        if self.tls == Tls::None && self.ca_file.is_some() {
            return Some("[notify.smtp] has a ca_file and tls = \"none\": leave one of them out");
        }
        (self.timeout == 0)
            .then_some("[notify.smtp] timeout is 0: no message is sent in that time; give it some seconds")
    }
}

fn is_this_machine(host: &str) -> bool {
    host == "localhost" || host.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Settings, String> {
        let settings: Settings = toml::from_str(text).map_err(|error| error.to_string())?;
        settings.problem().map_or(Ok(settings), |problem| Err(problem.to_owned()))
    }

    #[test]
    fn what_does_not_make_sense_is_said() {
        let smtp = "[smtp]\nhost = 'mail.acme.test'\nfrom = 'mete@acme.test'\n";
        for (more, part) in [
            ("username = 'mete'", "no password"),
            ("password_env = 'X'", "no username"),
            ("username = 'mete'\npassword_file = 'p'\npassword_env = 'X'", "leave one"),
            ("username = 'mete'\npassword_file = 'p'\ntls = 'none'", "in the clear"),
            ("tls = 'none'\nca_file = 'ca.pem'", "ca_file"),
            ("timeout = 0", "timeout is 0"),
            ("tls = 'ssl'", "starttls"),
            ("password = 'secret'", "unknown field"),
        ] {
            let error = parse(&format!("{smtp}{more}")).unwrap_err();
            assert!(error.contains(part), "{more}: {error}");
        }
        assert!(parse("[smtp]\nhost = 'x'\nfrom = 'nobody'").unwrap_err().contains("no sender"));
        let settings = parse(&format!("{smtp}tls = 'implicit'")).unwrap().smtp.unwrap();
        assert_eq!((settings.port(), settings.limit()), (465, Duration::from_secs(30)));
        parse("[smtp]\nhost = '127.0.0.1'\nfrom = 'm@x.test'\ntls = 'none'\nusername = 'm'\npassword_env = 'P'")
            .unwrap();
        assert_eq!(parse("").unwrap(), Settings::default());
        let webhook = "[[webhook]]\nname = 'ops'\n";
        for (text, part) in [
            (webhook.to_owned(), "needs a url"),
            (format!("{webhook}url = 'https://x.test'\nurl_file = 'u'"), "leave one"),
            (format!("{webhook}kind = 'pagerduty'"), "integration's key"),
            (format!("{webhook}kind = 'slack'\nurl = 'https://x.test'\nsecret_file = 's'"), "no use for"),
            (format!("{webhook}url = 'https://x.test'\ntimeout = 0"), "timeout is 0"),
            (format!("{webhook}url = 'https://x.test'\n[[command]]\nname = 'ops'\ncommand = ['true']"), "of its own"),
            ("[[webhook]]\nname = 'a:b'\nurl = 'https://x.test'".to_owned(), "letters, digits"),
            ("[[command]]\nname = 'a'\ncommand = []".to_owned(), "path of a program"),
            ("[[webhook]]\nname = 'a'\nkind = 'irc'\nurl = 'https://x.test'".to_owned(), "slack"),
        ] {
            let error = parse(&text).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
