//! A question to the store: what there is, for the actor, that an argument can name.

use std::ffi::OsStr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use clap::Arg;
use clap_complete::engine::CompletionCandidate;

use super::directory::Scope;
use super::offers::{Named, offered};
use super::words::Typed;
use crate::args::Global;
use crate::context::Context;
use crate::error::CliError;
use crate::output::Output;

/// What an argument names that is in the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An organization.
    Organization,
    /// A project.
    Project,
    /// An API key.
    Key,
    /// A person.
    Person,
    /// A service account.
    ServiceAccount,
    /// An invite.
    Invite,
    /// A block or release by hand.
    Block,
    /// An alert that nobody acknowledged.
    Alert,
    /// Why something is in the quarantine.
    Reason,
    /// Where usage comes from.
    Source,
}

impl Kind {
    /// What an argument names, by its value's name in the help: `ORG`, `PROJECT`, also with something after it as in
    /// `PROJECT[:ROLE]`, `KEY`, `EMAIL`, `SERVICE_ACCOUNT`, `INVITE`, `BLOCK`, `ALERT`,
    /// `REASON`, `SOURCE`.
    pub fn of(arg: &Arg) -> Option<Self> {
        let name = arg.get_value_names()?.first()?.as_str();
        match name.split('[').next().unwrap_or_default() {
            "ORG" => Some(Self::Organization),
            "PROJECT" => Some(Self::Project),
            "KEY" => Some(Self::Key),
            "EMAIL" => Some(Self::Person),
            "SERVICE_ACCOUNT" => Some(Self::ServiceAccount),
            "INVITE" => Some(Self::Invite),
            "BLOCK" => Some(Self::Block),
            "ALERT" => Some(Self::Alert),
            "REASON" => Some(Self::Reason),
            "SOURCE" => Some(Self::Source),
            _ => None,
        }
    }
}

/// What of the line and the environment decides which names are offered.
pub struct Question {
    global: Global,
    scope: Scope,
    patience: Duration,
    asked: AtomicBool,
}

impl Question {
    /// The options of the line come before the environment's; `patience` is how long the store may take.
    pub fn new(global: Global, typed: &Typed, patience: Duration) -> Self {
        let global = Global {
            store: typed.option("--store").or(global.store),
            actor: typed.option("--as").or(global.actor),
            ..global
        };
        let adding = typed.words().windows(2).any(|words| words == ["member", "add"]);
        let scope = Scope { organization: typed.option("--org"), project: typed.option("--project"), adding };
        Self { global, scope, patience, asked: AtomicBool::new(false) }
    }

    /// Whether the word that is being typed names something in the store.
    pub fn was_asked(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }

    /// What `word` can become; nothing where the store does not answer in time.
    pub fn answer(&self, kind: Kind, word: &OsStr) -> Vec<CompletionCandidate> {
        self.asked.store(true, Ordering::Relaxed);
        let Some(word) = word.to_str() else { return Vec::new() };
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return Vec::new() };
        let asked = runtime.block_on(async { tokio::time::timeout(self.patience, self.ask(kind)).await });
        // A name server that does not answer must not hold the process.
        runtime.shutdown_background();
        asked.ok().and_then(Result::ok).map(|things| offered(&things, word)).unwrap_or_default()
    }

    async fn ask(&self, kind: Kind) -> Result<Vec<Named>, CliError> {
        let context = Context::new(self.global.clone(), Output::new(false));
        let things = self.scope.named(kind, &context).await;
        context.close().await;
        things
    }
}
