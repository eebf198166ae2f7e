//! Endpoint groups: what a path belongs to (R16, R33).

use std::fmt;

use serde::Serialize;

/// The group of an API path. The first fifteen are those of a key's permissions (R16); `Messages` is Anthropic's
/// endpoint, `Other` all else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "each is named like its path")]
pub enum EndpointGroup {
    Models,
    ChatCompletions,
    Responses,
    Embeddings,
    Images,
    Audio,
    Moderations,
    Realtime,
    Assistants,
    Threads,
    Files,
    VectorStores,
    Batches,
    FineTuning,
    Evals,
    Messages,
    Other,
}

impl EndpointGroup {
    /// Every group.
    pub const ALL: [Self; 17] = [
        Self::Models,
        Self::ChatCompletions,
        Self::Responses,
        Self::Embeddings,
        Self::Images,
        Self::Audio,
        Self::Moderations,
        Self::Realtime,
        Self::Assistants,
        Self::Threads,
        Self::Files,
        Self::VectorStores,
        Self::Batches,
        Self::FineTuning,
        Self::Evals,
        Self::Messages,
        Self::Other,
    ];

    /// The group of a path like `/v1/chat/completions?x=y`, with or without host, version and query.
    #[must_use]
    pub fn of_path(path: &str) -> Self {
        let path = path.split(['?', '#']).next().unwrap_or_default();
        let path = path.split_once("://").map_or(path, |(_, rest)| rest.split_once('/').map_or("", |(_, p)| p));
        let mut parts = path.split('/').filter(|part| !part.is_empty()).skip_while(|part| is_version(part));
        match (parts.next().unwrap_or_default(), parts.next()) {
            ("chat" | "completions", _) => Self::ChatCompletions,
            ("models", _) => Self::Models,
            ("responses", _) => Self::Responses,
            ("embeddings", _) => Self::Embeddings,
            ("images", _) => Self::Images,
            ("audio", _) => Self::Audio,
            ("moderations", _) => Self::Moderations,
            ("realtime", _) => Self::Realtime,
            ("assistants", _) => Self::Assistants,
            ("threads", _) => Self::Threads,
            ("files" | "uploads", _) => Self::Files,
            ("vector_stores", _) => Self::VectorStores,
            ("batches", _) | ("messages", Some("batches")) => Self::Batches,
            ("fine_tuning", _) => Self::FineTuning,
            ("evals", _) => Self::Evals,
            ("messages", _) => Self::Messages,
            _ => Self::Other,
        }
    }

    /// Its stable name, as in `chat_completions`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Models => "models",
            Self::ChatCompletions => "chat_completions",
            Self::Responses => "responses",
            Self::Embeddings => "embeddings",
            Self::Images => "images",
            Self::Audio => "audio",
            Self::Moderations => "moderations",
            Self::Realtime => "realtime",
            Self::Assistants => "assistants",
            Self::Threads => "threads",
            Self::Files => "files",
            Self::VectorStores => "vector_stores",
            Self::Batches => "batches",
            Self::FineTuning => "fine_tuning",
            Self::Evals => "evals",
            Self::Messages => "messages",
            Self::Other => "other",
        }
    }

    /// The group with this name; `None` for a name that is none.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|group| group.name() == name)
    }
}

fn is_version(part: &str) -> bool {
    part.strip_prefix('v').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
}

impl fmt::Display for EndpointGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_fall_into_their_groups() {
        for (path, group) in [
            ("/v1/chat/completions", "chat_completions"),
            ("https://api.example.com/v1/responses?x=1", "responses"),
            ("/v1/threads/thread_1/messages", "threads"),
            ("/v1/messages", "messages"),
            ("/v1/messages/batches", "batches"),
            ("/v1beta/models/x", "models"),
            ("/vector_stores", "vector_stores"),
            ("/v1/uploads/u/parts", "files"),
            ("", "other"),
            ("/healthz", "other"),
        ] {
            assert_eq!(EndpointGroup::of_path(path).name(), group, "{path}");
        }
        for group in EndpointGroup::ALL {
            assert_eq!(EndpointGroup::from_name(group.name()), Some(group));
        }
    }
}
