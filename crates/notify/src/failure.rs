//! Why a message was not taken.

/// Why a message was not taken, and by that, who else need not try.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// Nothing gets through now, whoever it is for: the way is broken.
    #[error("{0}")]
    Channel(String),
    /// This message was not taken now.
    #[error("{0}")]
    Later(String),
    /// This recipient or message was refused for good, in the words of whoever did; tried again all the same, seldom.
    #[error("{0}")]
    Refused(String),
}

/// The most characters of somebody else's words that are kept.
const LONGEST: usize = 500;

/// Somebody else's words, on one line and not without end.
pub(crate) fn words(text: &str) -> String {
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(LONGEST).collect();
    line.trim().to_owned()
}
