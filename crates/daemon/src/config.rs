//! `meted.toml`: every setting, checked before anything starts.

mod gate;
mod network;
mod refused;

use std::collections::HashSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use mete_ingest::attribution::{Home, Rule};
use mete_ingest::formats::{Format, Layout, Mapping};
use mete_ingest::reader;
use mete_notify::Settings as NotifySettings;
use mete_store::StoreUrl;
use serde::Deserialize;

pub use gate::GateSettings;
pub use refused::Refused;

/// The whole configuration. Unknown settings are refused: a misspelt one must not be ignored.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where the store is.
    pub store: StoreSettings,
    /// Where the gate answers; without it, nowhere.
    #[serde(default)]
    pub listen: Listen,
    /// Prices beyond the built-in catalogue.
    #[serde(default)]
    pub prices: Prices,
    /// How money is held for requests, and what is done when the gate's knowledge grows old.
    #[serde(default)]
    pub gate: GateSettings,
    /// How usage is taken.
    #[serde(default)]
    pub ingest: Ingest,
    /// The list of refused keys, for gateways that cannot ask.
    #[serde(default)]
    pub refused: Refused,
    /// On which ways owners are told of alerts.
    #[serde(default)]
    pub notify: NotifySettings,
    /// Where usage comes from.
    #[serde(default, rename = "source")]
    pub sources: Vec<Source>,
    /// Whose records are that do not say it in words that Mete knows, for all sources; after those of the source.
    #[serde(default, rename = "attribute")]
    pub rules: Vec<Rule>,
}

/// `[store]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoreSettings {
    /// `sqlite:PATH` or `postgres://…`.
    pub url: StoreUrl,
}

/// `[listen]`
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listen {
    /// TCP address, as in `127.0.0.1:8790`. Port 0 takes a free one.
    pub address: Option<SocketAddr>,
    /// Path of a Unix socket.
    pub socket: Option<PathBuf>,
    /// TCP address for Envoy's gRPC, as in `127.0.0.1:8792`.
    pub grpc: Option<SocketAddr>,
    /// Path of a Unix socket for it.
    pub grpc_socket: Option<PathBuf>,
}

/// `[prices]`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prices {
    /// A file of overrides, like `config/prices.toml`.
    pub overrides: Option<PathBuf>,
}

/// `[ingest]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Ingest {
    /// A file with the token that HTTP requests need for sources without one of their own; without it, only programs on
    /// this machine may write to those.
    pub token_file: Option<PathBuf>,
    /// Seconds that a stop may take until all that was read is committed.
    pub stop_timeout: u64,
}

impl Default for Ingest {
    fn default() -> Self {
        Self { token_file: None, stop_timeout: 30 }
    }
}

/// What kind of thing a source reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SourceKind {
    /// Files that grow; `path` may be a pattern.
    File,
    /// A named pipe.
    Pipe,
    /// The daemon's own standard input.
    Stdin,
    /// A Unix socket, to which many may write.
    Socket,
    /// A TCP port, to which many may write.
    Tcp,
    /// Requests to `/v1/ingest`, `/v1/logs` and `/v1/traces`.
    Http,
}

/// `[[source]]`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// What it reads.
    pub kind: SourceKind,
    /// Its name in positions, quarantine and logs; its path or address if it has none.
    pub name: Option<String>,
    /// File, pattern, pipe or socket.
    pub path: Option<PathBuf>,
    /// The address of a TCP port, as in `127.0.0.1:8791`.
    pub listen: Option<SocketAddr>,
    /// Whether the port may be one that other machines can reach.
    #[serde(default)]
    pub allow_remote: bool,
    /// The mode of the socket's file, in octal.
    pub mode: Option<String>,
    /// Users who may write to the socket, by name or number, beside the daemon's own and root.
    #[serde(default)]
    pub allow_users: Vec<String>,
    /// Groups whose members may.
    #[serde(default)]
    pub allow_groups: Vec<String>,
    /// For requests: a file with the token that they need.
    pub token_file: Option<PathBuf>,
    /// The format of every line; detected per line where it is not set.
    pub format: Option<LineFormat>,
    /// The file with the mapping, for lines in a format of one's own.
    pub mapping: Option<PathBuf>,
    /// What that file says.
    #[serde(skip)]
    read_mapping: Option<Arc<Mapping>>,
    /// Id or name of the organization to which records belong that do not say it.
    pub org: Option<String>,
    /// Id or name of the project to which records belong that do not say it.
    pub project: Option<String>,
    /// `[[source.attribute]]`: whose its records are that do not say it in words that Mete knows.
    #[serde(default, rename = "attribute")]
    pub rules: Vec<Rule>,
}

/// How the lines of a source are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum LineFormat {
    /// In a format that Mete knows.
    BuiltIn(Format),
    /// In one's own, by a mapping.
    Custom,
}

impl TryFrom<String> for LineFormat {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        if name == "custom" {
            return Ok(Self::Custom);
        }
        name.parse().map(Self::BuiltIn).map_err(|error| format!("{error}, or custom with a mapping"))
    }
}

/// Why a configuration is refused.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration {path}: {source}")]
    Read {
        /// Which file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// It is no valid TOML, or a setting is unknown or of the wrong kind; the message shows the line.
    #[error("{path}: {message}")]
    Invalid {
        /// Which file.
        path: PathBuf,
        /// Line, column and what is wrong.
        message: String,
    },
    /// A source does not make sense.
    #[error("{path}: [[source]] number {number}: {problem}")]
    Source {
        /// Which file.
        path: PathBuf,
        /// Counted from 1.
        number: usize,
        /// What is wrong and what would be right.
        problem: String,
    },
    /// A table of attribution does not make sense.
    #[error("{path}: [[attribute]] number {number}: {problem}")]
    Rule {
        /// Which file.
        path: PathBuf,
        /// Counted from 1.
        number: usize,
        /// What is wrong and what would be right.
        problem: &'static str,
    },
}

impl Config {
    /// Reads and checks a configuration file. Paths in it that are relative are meant from the file's folder.
    ///
    /// # Errors
    /// Says what is wrong, where, and what would be right.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let text =
            std::fs::read_to_string(path).map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
        Self::parse(&text, path)
    }

    /// The same for a text that is at hand.
    ///
    /// # Errors
    /// As [`Config::read`].
    pub fn parse(text: &str, path: &Path) -> Result<Self, ConfigError> {
        let mut config: Self = toml::from_str(text)
            .map_err(|error| ConfigError::Invalid { path: path.to_owned(), message: error.to_string() })?;
        config.resolve(path.parent().unwrap_or(Path::new("")));
        if let Some((number, problem)) = Rule::first_problem(&config.rules) {
            return Err(ConfigError::Rule { path: path.to_owned(), number, problem });
        }
        if let Some(problem) = config.refused.problem() {
            return Err(ConfigError::Invalid { path: path.to_owned(), message: problem.to_owned() });
        }
        if let Some(problem) = config.notify.problem() {
            return Err(ConfigError::Invalid { path: path.to_owned(), message: problem.to_owned() });
        }
        let mut names = HashSet::new();
        for (index, source) in config.sources.iter_mut().enumerate() {
            let problem = source.problem().or_else(|| source.read_mapping().err()).or_else(|| {
                (!names.insert(source.name()))
                    .then(|| format!("another source is called {:?} too: give one of them another name", source.name()))
            });
            if let Some(problem) = problem {
                return Err(ConfigError::Source { path: path.to_owned(), number: index + 1, problem });
            }
        }
        for source in &mut config.sources {
            source.rules.extend_from_slice(&config.rules);
        }
        Ok(config)
    }

    fn resolve(&mut self, folder: &Path) {
        if let StoreUrl::Sqlite(path) = &mut self.store.url {
            *path = folder.join(&*path);
        }
        let of_source =
            self.sources.iter_mut().flat_map(|source| [&mut source.path, &mut source.mapping, &mut source.token_file]);
        let others = [
            &mut self.prices.overrides,
            &mut self.listen.socket,
            &mut self.listen.grpc_socket,
            &mut self.ingest.token_file,
            &mut self.refused.file,
        ];
        for path in of_source.chain(others).flatten().chain(self.notify.paths()) {
            *path = folder.join(&*path);
        }
    }
}

impl Source {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> String {
        match (&self.name, &self.path, self.listen) {
            (Some(name), _, _) => name.clone(),
            (None, Some(path), _) => path.display().to_string(),
            (None, None, Some(address)) => format!("tcp:{address}"),
            (None, None, None) if self.kind == SourceKind::Http => mete_api::DEFAULT_SOURCE.to_owned(),
            (None, None, None) => "stdin".to_owned(),
        }
    }

    /// What its reader needs.
    #[must_use]
    pub fn settings(&self) -> reader::Settings {
        let home = Home { organization: self.org.clone(), project: self.project.clone(), rules: self.rules.clone() };
        let format = match (self.format, &self.read_mapping) {
            (Some(LineFormat::BuiltIn(format)), _) => Some(Layout::BuiltIn(format)),
            (Some(LineFormat::Custom), Some(mapping)) => Some(Layout::Custom(Arc::clone(mapping))),
            _ => None,
        };
        reader::Settings { name: self.name(), format, home, ..reader::Settings::default() }
    }

    /// Reads its mapping, if it has one; what is wrong with it is text for the person who wrote it.
    fn read_mapping(&mut self) -> Result<(), String> {
        let Some(path) = &self.mapping else { return Ok(()) };
        let text = std::fs::read_to_string(path)
            .map_err(|error| format!("cannot read the mapping {}: {error}", path.display()))?;
        let mapping = Mapping::parse(&text).map_err(|error| format!("the mapping {}: {error}", path.display()))?;
        self.read_mapping = Some(Arc::new(mapping));
        Ok(())
    }

    fn problem(&self) -> Option<String> {
        match (self.format, &self.mapping) {
            (Some(LineFormat::Custom), None) => {
                return Some("format = \"custom\" needs a mapping = \"FILE\"".to_owned());
            }
            (None | Some(LineFormat::BuiltIn(_)), Some(_)) => {
                return Some("a mapping is for format = \"custom\": write that too".to_owned());
            }
            _ => {}
        }
        if let Some((number, problem)) = Rule::first_problem(&self.rules) {
            return Some(format!("[[source.attribute]] number {number}: {problem}"));
        }
        if self.token_file.is_some() && self.kind != SourceKind::Http {
            return Some("only a source of kind \"http\" has a token_file".to_owned());
        }
        match (self.kind, &self.path) {
            (SourceKind::Http, Some(_)) => Some("requests have no path: leave it out".to_owned()),
            (SourceKind::File | SourceKind::Pipe | SourceKind::Socket, None) => Some("it needs a path".to_owned()),
            (SourceKind::Stdin, Some(_)) => Some("standard input has no path: leave it out".to_owned()),
            (SourceKind::Tcp, Some(_)) => Some("a port has no path: leave it out".to_owned()),
            (SourceKind::File, Some(path)) => {
                let pattern = path.to_string_lossy();
                glob::Pattern::new(&pattern).err().map(|error| format!("{pattern:?} is no pattern of paths: {error}"))
            }
            _ => None,
        }
        .or_else(|| self.network_problem())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Config, ConfigError> {
        Config::parse(text, Path::new("/etc/mete/meted.toml"))
    }

    #[test]
    fn paths_are_meant_from_the_files_folder() {
        let config = parse(
            "[store]\nurl = 'sqlite:mete.db'\n[listen]\nsocket = '/run/mete.sock'\ngrpc_socket = 'grpc.sock'\n\
             [refused]\nfile = 'refused.txt'\n\
             [[source]]\nkind = 'file'\npath = 'logs/*.jsonl'\nformat = 'openai-chat'\norg = 'Acme'\n",
        )
        .unwrap();
        assert_eq!(config.store.url.to_string(), "sqlite:/etc/mete/mete.db");
        assert_eq!(config.sources[0].name(), "/etc/mete/logs/*.jsonl");
        assert_eq!(config.listen.socket.unwrap(), Path::new("/run/mete.sock"));
        assert_eq!(config.listen.grpc_socket.unwrap(), Path::new("/etc/mete/grpc.sock"));
        assert_eq!(config.refused.file.unwrap(), Path::new("/etc/mete/refused.txt"));
    }

    #[test]
    fn a_sources_own_tables_come_before_those_for_all() {
        let config = parse(
            "[store]\nurl = 'sqlite:mete.db'\n[[attribute]]\nwhen = { team = 'a' }\nproject = 'All'\n\
             [[source]]\nkind = 'stdin'\n[[source.attribute]]\nwhen = { directory = '/srv/*' }\nproject = 'Own'\n",
        )
        .unwrap();
        let projects: Vec<_> = config.sources[0].rules.iter().filter_map(|rule| rule.project.as_deref()).collect();
        assert_eq!(projects, ["Own", "All"]);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        for (text, part) in [
            ("", "store"),
            ("[store]\nurl = 'mysql://x'", "sqlite:PATH"),
            ("[store]\nurl = 'sqlite:x'\nurk = 1", "line 3"),
            ("[store]\nurl = 'sqlite:x'\n[listen]\naddress = 'here'", "line 4"),
            ("[store]\nurl = 'sqlite:x'\n[[source]]\nkind = 'file'", "number 1: it needs a path"),
            ("[store]\nurl = 'sqlite:x'\n[[source]]\nkind = 'ftp'", "line 4"),
            (
                "[store]\nurl = 'sqlite:x'\n[[attribute]]\nwhen = { team = 't' }",
                "[[attribute]] number 1: it does not say whose",
            ),
            ("[store]\nurl = 'sqlite:x'\n[[attribute]]\nwhen = { cwd = 't' }\nproject = 'P'", "line 4"),
            ("[store]\nurl = 'sqlite:x'\n[[attribute]]\nwhen = { team = 'a[' }\nproject = 'P'", "no pattern"),
            (
                "[store]\nurl = 'sqlite:x'\n[[source]]\nkind = 'stdin'\n[[source.attribute]]\nwhen = {}\norg = 'A'",
                "number 1: [[source.attribute]] number 1: `when` names nothing",
            ),
            ("[store]\nurl = 'sqlite:x'\n[[source]]\nkind = 'file'\npath = 'x'\nformat = 'yaml'", "yaml"),
            (
                "[store]\nurl = 'sqlite:x'\n[[source]]\nkind = 'stdin'\nformat = 'custom'",
                "number 1: format = \"custom\" needs",
            ),
            ("[store]\nurl = 'sqlite:x'\n[[source]]\nkind = 'stdin'\nmapping = 'x'", "number 1: a mapping is for"),
            (
                "[store]\nurl = 'sqlite:x'\n[[source]]\nkind = 'stdin'\nformat = 'custom'\nmapping = 'no.toml'",
                "number 1: cannot read the mapping /etc/mete/no.toml",
            ),
            ("[store]\nurl = 'sqlite:x'\n[[source]]\nkind = 'file'\npath = 'a[b'", "pattern"),
            ("[store]\nurl = 'sqlite:x'\n[[source]]\nkind = 'http'\npath = 'x'", "no path"),
            ("[store]\nurl = 'sqlite:x'\n[[source]]\nkind = 'stdin'\ntoken_file = 'x'", "only a source of kind"),
            ("[store]\nurl = 'sqlite:x'\n[ingest]\nstop_timeout = '30s'", "line 4"),
            ("[store]\nurl = 'sqlite:x'\n[refused]\ncommand = ['true']", "no file"),
            ("[store]\nurl = 'sqlite:x'\n[refused]\nfile = 'x'\ncommand = ['']", "path of a program"),
            ("[store]\nurl = 'sqlite:x'\n[refused]\nfile = 'x'\ntimeout = 0", "timeout is 0"),
            ("[store]\nurl = 'sqlite:x'\n[notify.smtp]\nhost = 'm'\nfrom = 'a@b.test'\nusername = 'u'", "no password"),
            ("[store]\nurl = 'sqlite:x'\n[notify.smtp]\nhost = 'm'", "line 3"),
            ("[store]\nurl = 'sqlite:x'\n[[source]]\nkind = 'stdin'\n[[source]]\nkind = 'stdin'", "number 2: another"),
        ] {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.contains(part), "{text:?}: {error}");
        }
    }

    #[test]
    fn sockets_and_ports_are_closed_unless_opened() {
        let source = |settings: &str| parse(&format!("[store]\nurl = 'sqlite:x'\n[[source]]\n{settings}"));
        for (settings, part) in [
            ("kind = 'socket'", "it needs a path"),
            ("kind = 'socket'\npath = 's'\nmode = '888'", "octal"),
            ("kind = 'socket'\npath = 's'\nallow_users = ['no-such-user']", "no user \"no-such-user\""),
            ("kind = 'socket'\npath = 's'\nallow_groups = ['no-such-group']", "no group"),
            ("kind = 'socket'\npath = 's'\nlisten = '127.0.0.1:1'", "kind = \"tcp\""),
            ("kind = 'pipe'\npath = 's'\nmode = '0600'", "kind = \"socket\""),
            ("kind = 'file'\npath = 's'\nallow_remote = true", "kind = \"tcp\""),
            ("kind = 'tcp'", "it needs listen"),
            ("kind = 'tcp'\npath = 's'\nlisten = '127.0.0.1:1'", "no path"),
            ("kind = 'tcp'\nlisten = '0.0.0.0:8791'", "allow_remote = true"),
            ("kind = 'tcp'\nlisten = '192.0.2.1:8791'", "allow_remote = true"),
        ] {
            let error = source(settings).unwrap_err().to_string();
            assert!(error.contains("number 1") && error.contains(part), "{settings:?}: {error}");
        }
        let mode = |settings: &str| source(settings).unwrap().sources[0].socket_mode().unwrap();
        assert_eq!(mode("kind = 'socket'\npath = 's'"), 0o600);
        assert_eq!(mode("kind = 'socket'\npath = 's'\nallow_users = ['4711']"), 0o666);
        assert_eq!(mode("kind = 'socket'\npath = 's'\nmode = '0660'"), 0o660);
        assert_eq!(source("kind = 'tcp'\nlisten = '[::1]:8791'").unwrap().sources[0].name(), "tcp:[::1]:8791");
        source("kind = 'tcp'\nlisten = '0.0.0.0:8791'\nallow_remote = true").unwrap();
    }

    #[test]
    fn the_shipped_configuration_is_valid() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config/meted.toml");
        let config = Config::read(&path).unwrap();
        assert!(config.listen.address.is_some());
        let commented: String = std::fs::read_to_string(&path)
            .unwrap()
            .lines()
            .map(|line| line.strip_prefix("#: ").unwrap_or(line).to_owned() + "\n")
            .collect();
        let everything = Config::parse(&commented, &path).unwrap();
        assert_eq!((everything.sources.len(), everything.rules.len()), (8, 2));
        assert_eq!((everything.notify.webhooks.len(), everything.notify.commands.len()), (2, 1));
        let smtp = everything.notify.smtp.unwrap();
        assert!(smtp.username.is_some() && smtp.hello.is_some() && smtp.ca_file.unwrap().is_absolute());
        assert!(everything.listen.grpc.is_some() && everything.listen.grpc_socket.is_some());
        let layouts: Vec<_> = everything.sources.iter().map(|source| source.settings().format).collect();
        assert!(
            layouts.iter().any(|layout| matches!(layout, Some(Layout::Custom(mapping)) if mapping.name() == "nginx"))
        );
    }

    #[test]
    fn a_mapping_that_is_wrong_names_its_file_and_line() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("own.toml"), "name = 'own'\nfoo = 1\n").unwrap();
        let text = "[store]\nurl = 'sqlite:x'\n[[source]]\nkind = 'stdin'\nformat = 'custom'\nmapping = 'own.toml'";
        let error = Config::parse(text, &folder.path().join("meted.toml")).unwrap_err().to_string();
        assert!(error.contains("own.toml: ") && error.contains("line 2"), "{error}");
    }
}
