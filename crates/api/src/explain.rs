//! `GET /v1/explain`: what a key or a project would be told, now or at a time that is past, with all grounds (R38).

use std::time::Duration;

use hyper::StatusCode;
use mete_core::Timestamp;
use mete_core::secret::KeyHash;
use mete_gate::{Explanation, Gate, KeyNamed, Past, Report, Request, Spenders};
use mete_store::{Store, StoreError};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::footing::{Cause, Footing};
use crate::reply::{self, Reply};

/// How long the store may take before it is explained without it.
const PATIENCE: Duration = Duration::from_secs(5);

/// What is asked.
#[derive(Debug, Default, PartialEq, Eq)]
struct Asked {
    subject: Option<Subject>,
    at: Option<Timestamp>,
    method: Option<String>,
    path: Option<String>,
    model: Option<String>,
    bytes: Option<u64>,
}

/// Whom it is about.
#[derive(Debug, PartialEq, Eq)]
enum Subject {
    Key(KeyHash),
    KeyId(String),
    /// A project's id or name.
    Project(String),
}

/// Why there is no explanation.
#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error("This is no question that can be answered: {0}. docs/http.md shows one.")]
    Question(String),
    #[error("There is no such {0}.")]
    NotThere(&'static str),
    #[error("The store cannot be read, and what is past is nowhere else: {0}")]
    Store(#[from] StoreError),
}

/// What explains: the gate, and the store behind it.
pub struct Explaining<'a> {
    pub gate: &'a Gate,
    pub store: &'a Store,
    pub footing: &'a Footing,
    pub now: Timestamp,
}

impl Explaining<'_> {
    /// The answer to a question in the query of an URL.
    pub async fn answer(&self, query: &str) -> Reply {
        match self.explained(query).await {
            Ok(report) => reply::json(&report),
            Err(failed) => failed.reply(),
        }
    }

    async fn explained(&self, query: &str) -> Result<Value, Failed> {
        let asked = Asked::of(query).map_err(Failed::Question)?;
        let report = match asked.at {
            Some(at) if at > self.now => return Err(Failed::Question(format!("{at} is yet to come"))),
            Some(at) if at < self.now => self.past(&asked, at).await?,
            _ => self.present(&asked).await?,
        };
        Ok(serde_json::to_value(report).unwrap_or_else(|error| json!({ "error": error.to_string() })))
    }

    async fn present(&self, asked: &Asked) -> Result<Report, Failed> {
        let (subject, request) = (self.subject(asked)?, asked.request());
        let explain = || self.explanation(&subject, &request);
        let gate = (self.gate, self.footing.began());
        let read = async {
            if let Some(doubt) = self.footing.doubt_for(Cause::StoreAway, self.now) {
                return Err(doubt.to_string());
            }
            let reading = timeout(PATIENCE, self.with_ledger(&explain));
            let outcome = reading.await.map_err(|_| "the store does not answer in time".to_owned())?;
            outcome.map_err(|error| error.to_string())
        };
        let mut report = match read.await {
            Ok(report) => report,
            Err(error) => Report::of_gate_alone(gate, &explain, &error),
        };
        report.degraded = self.footing.doubt(self.now).map(|doubt| doubt.to_string());
        report.ages.store_heard_at = Some(self.footing.store_heard());
        report.ages.waiting_since = self.footing.waiting_since();
        Ok(report)
    }

    async fn with_ledger(&self, explain: &(dyn Fn() -> Explanation + Sync)) -> Result<Report, StoreError> {
        let mut report = Report::of_gate((self.gate, self.footing.began()), self.store, explain).await?;
        if let Some(scope) = report.spending_scope() {
            let is_organization = report.explanation.project_id.as_ref() != Some(&scope.0);
            let month = report.explanation.month;
            let spenders = Spenders::of_month(self.store, (&scope.0, is_organization), month).await?;
            report.spent_by = Some(spenders.largest(scope));
        }
        Ok(report)
    }

    fn explanation(&self, subject: &Subject, request: &Request<'_>) -> Explanation {
        match subject {
            Subject::Key(hash) => self.gate.explain(self.now, *hash, request),
            Subject::KeyId(id) => self.gate.explain_id(self.now, id, request),
            Subject::Project(id) => {
                let explained = self.gate.explain_project(self.now, id, request);
                // It was there a moment ago, and projects stay.
                explained.unwrap_or_else(|| self.gate.explain_id(self.now, "", request))
            }
        }
    }

    async fn past(&self, asked: &Asked, at: Timestamp) -> Result<Report, Failed> {
        let subject = self.subject(asked)?;
        let (key_id, project_id) = match &subject {
            Subject::Project(id) => (None, id.clone()),
            Subject::Key(hash) => self.key(KeyNamed::Hash(*hash))?,
            Subject::KeyId(id) => self.key(KeyNamed::Id(id))?,
        };
        let past = Past::of(self.store, (&project_id, key_id.as_deref()), at).await?;
        let past = past.ok_or(Failed::NotThere("project at that time"))?;
        let mut report = past.report(&asked.request());
        if let Some(scope) = report.spending_scope() {
            report.spent_by = Some(past.spenders(self.store, &scope.0).await?.largest(scope));
        }
        Ok(report)
    }

    fn key(&self, named: KeyNamed<'_>) -> Result<(Option<String>, String), Failed> {
        let found = self.gate.key_and_project(named).ok_or(Failed::NotThere("key"))?;
        Ok((Some(found.0), found.1))
    }

    /// Whom it is about, a project by its id.
    fn subject(&self, asked: &Asked) -> Result<Subject, Failed> {
        match &asked.subject {
            None => Err(Failed::Question("it names no key and no project".to_owned())),
            Some(Subject::Key(hash)) => Ok(Subject::Key(*hash)),
            Some(Subject::KeyId(id)) => Ok(Subject::KeyId(id.clone())),
            Some(Subject::Project(asked)) => {
                self.gate.project_named(asked).map(Subject::Project).ok_or(Failed::NotThere("project"))
            }
        }
    }
}

impl Asked {
    /// Reads it.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    fn of(query: &str) -> Result<Self, String> {
        let mut asked = Self::default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let value = value.into_owned();
            let subject = match &*name {
                "key" => Some(Subject::Key(KeyHash::of(&value))),
                "key_id" => Some(Subject::KeyId(value.clone())),
                "key_sha256" => Some(
                    KeyHash::from_hex(&value).map(Subject::Key).ok_or("key_sha256 must be 64 hexadecimal digits")?,
                ),
                "project" => Some(Subject::Project(value.clone())),
                _ => None,
            };
            match (subject, &*name) {
                (Some(_), _) if asked.subject.is_some() => return Err("it names more than one key or project".into()),
                (subject @ Some(_), _) => asked.subject = subject,
                (None, "at") => asked.at = Some(value.parse().map_err(|_| "at must be a time as in RFC 3339")?),
                (None, "method") => asked.method = Some(value),
                (None, "path") => asked.path = Some(value),
                (None, "model") => asked.model = Some(value),
                (None, "bytes") => asked.bytes = Some(value.parse().map_err(|_| "bytes must be a number")?),
                (None, _) => {
                    let name: String = name.chars().take(40).collect();
                    return Err(format!("{name:?} means nothing here"));
                }
            }
        }
        Ok(asked)
    }

    fn request(&self) -> Request<'_> {
        Request {
            method: self.method.as_deref(),
            path: self.path.as_deref(),
            model: self.model.as_deref(),
            bytes: self.bytes,
        }
    }
}

impl Failed {
    fn reply(&self) -> Reply {
        let (status, kind, code) = match self {
            Self::Question(_) => (StatusCode::BAD_REQUEST, "invalid_request_error", "invalid_question"),
            Self::NotThere(_) => (StatusCode::NOT_FOUND, "invalid_request_error", "not_found"),
            Self::Store(_) => (StatusCode::SERVICE_UNAVAILABLE, "server_error", "store_unavailable"),
        };
        reply::error(status, kind, code, &self.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_names_one_subject_and_nothing_unknown() {
        let asked = Asked::of("key_id=key_1&method=POST&path=%2Fv1%2Ffiles&bytes=7&at=2026-11-23T10:00:00Z").unwrap();
        assert_eq!((asked.subject, asked.bytes), (Some(Subject::KeyId("key_1".into())), Some(7)));
        assert_eq!((asked.path.as_deref(), asked.at), (Some("/v1/files"), "2026-11-23T10:00:00Z".parse().ok()));
        for (query, problem) in [
            ("key_id=a&project=b", "more than one"),
            ("key_sha256=abc", "64 hexadecimal"),
            ("project=b&at=yesterday", "RFC 3339"),
            ("project=b&bytes=-1", "a number"),
            ("projcet=b", "\"projcet\" means nothing"),
        ] {
            let error = Asked::of(query).unwrap_err();
            assert!(error.contains(problem), "{query}: {error}");
        }
    }
}
