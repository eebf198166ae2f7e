//! Why a key or a project is let through or refused, which takes the gate that the interface does not know.

use std::fmt;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use mete_core::{Month, Nanos, Timestamp};

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The key's id; none asks what holds for all keys of the project.
    pub key_id: Option<String>,
    /// The project's id.
    pub project_id: String,
    /// Of when: now, or the end of a month that is over.
    pub month: Month,
}

/// Why it is so.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Explained {
    /// The refusal, if it is one.
    pub refused: Option<Refused>,
    /// The rules in the order in which they are asked.
    pub rules: Vec<Rule>,
    /// Who spent most; none for somebody who may not see it (R6).
    pub spent_by: Option<SpentBy>,
    /// Whether a running daemon tells it, which knows what is held.
    pub by_daemon: bool,
    /// What puts it in doubt, in words.
    pub degraded: Option<String>,
    /// When something was committed last, of whichever project.
    pub last_commit_at: Option<Timestamp>,
    /// The latest time of an event, of whichever project.
    pub newest_event_at: Option<Timestamp>,
    /// Since when usage waits to be counted, if any does.
    pub waiting_since: Option<Timestamp>,
    /// What is not known, in words.
    pub not_known: Vec<String>,
}

/// A refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The status of the answer, as in 429.
    pub status: u16,
    /// Its code, or its type where there is none.
    pub code: String,
    /// What the caller is told.
    pub message: String,
    /// Since when, where that is known.
    pub since: Option<Timestamp>,
    /// Until when, where that is certain.
    pub until: Option<Timestamp>,
    /// What else ends it, in words that follow "until" or "or".
    pub ends: &'static str,
}

/// What a rule looks at, and so what can be done about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum About {
    /// The key.
    Key,
    /// The project.
    Project,
    /// The organization, or the one above it.
    Organization,
}

/// A rule with its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// What it is, in a few words that are its own.
    pub name: &'static str,
    /// What it looks at.
    pub about: About,
    /// Its answer.
    pub verdict: Verdict,
    /// What it looked at.
    pub figures: Figures,
}

/// What a rule answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// It lets through.
    Ok,
    /// A rule before it has decided, or too little is told of the request.
    NotAsked,
    /// What it looks at is not known.
    NotKnown,
    /// It refuses, and so decides.
    Refused,
}

/// What a rule looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Figures {
    /// In words.
    Words(String),
    /// A budget.
    Budget {
        /// Whose.
        name: String,
        /// What is spent, for those who may see it.
        spend: Option<Nanos>,
        /// The budget, if there is one.
        budget: Option<Nanos>,
        /// What is held for requests under way, where that is known.
        held: Option<Nanos>,
        /// By how much it may be passed at the worst, where that is known.
        overshoot: Option<Nanos>,
    },
}

/// Who spent most in a project or an organization.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SpentBy {
    /// Its name.
    pub scope: String,
    /// All that was spent.
    pub total: Nanos,
    /// What each of those who spent most is, its name and its spend; of each kind the largest first.
    pub spenders: Vec<(&'static str, String, Nanos)>,
}

/// What came of asking, or why it did not work.
pub type Told = BoxFuture<'static, Result<Explained, String>>;

/// Explains decisions. Whoever starts the interface knows how.
#[derive(Clone)]
pub struct Explaining(Arc<dyn Fn(Asked) -> Told + Send + Sync>);

impl Explaining {
    /// What explains them, as far as the person at the screen may see it (R6).
    pub fn new(explain: impl Fn(Asked) -> Told + Send + Sync + 'static) -> Self {
        Self(Arc::new(explain))
    }

    /// Explains one.
    pub(crate) fn explain(&self, asked: Asked) -> Told {
        (self.0)(asked)
    }
}

impl fmt::Debug for Explaining {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Explaining")
    }
}
