//! What a typed text must be: the rules of core, in its words.

use mete_core::directory::{check_description, check_email, check_name, check_website};
use mete_core::limits::Limits;
use mete_core::parts::PartKind;
use mete_core::when::{When, parse_span};
use mete_core::{Nanos, Timestamp};
use mete_store::Setting;

/// What a typed text must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rule {
    /// A name.
    Name,
    /// A name, or nothing.
    NameOrNothing,
    /// An e-mail address.
    Email,
    /// An e-mail address, or nothing.
    EmailOrNothing,
    /// A description; may be empty.
    Description,
    /// A website; may be empty.
    Website,
    /// A reason: a description that is not empty.
    Reason,
    /// A monthly budget, or none; within that of the organization (R24).
    Budget(Option<Limits>),
    /// A threshold, or none; within the budget of the organization (R24).
    Threshold(Option<Limits>),
    /// The budget of a part of a project with such a budget, or none (R24).
    PartBudget(PartKind, Option<Nanos>),
    /// A whole number, or `none`.
    Number,
    /// A value of a setting.
    Setting(Setting),
    /// Models with commas between, or `all`.
    Models,
    /// A time ahead, or nothing.
    Until,
    /// A time ahead, `never` or nothing.
    Expiry,
    /// A span of time.
    Span,
    /// This text exactly (R21).
    Exactly(String),
}

impl Rule {
    /// What is wrong with a text, if anything.
    #[must_use]
    pub fn problem(&self, text: &str, now: Timestamp) -> Option<String> {
        match self {
            Self::Name => words(check_name(text)),
            Self::NameOrNothing | Self::EmailOrNothing if text.is_empty() => None,
            Self::NameOrNothing => words(check_name(text)),
            Self::Email if text.trim().is_empty() => Some("an e-mail address is needed".to_owned()),
            Self::Email | Self::EmailOrNothing => words(check_email(text)),
            Self::Description => words(check_description(text)),
            Self::Website => words(check_website(text)),
            Self::Reason if text.trim().is_empty() => Some("a reason is needed".to_owned()),
            Self::Reason => words(check_description(text)),
            Self::Budget(above) => {
                limit(text, |amount| Limits { budget: Some(amount), threshold: None }, above.as_ref())
            }
            Self::Threshold(above) => {
                limit(text, |amount| Limits { budget: None, threshold: Some(amount) }, above.as_ref())
            }
            Self::PartBudget(kind, project) => match amount(text) {
                Err(words) => Some(words),
                Ok(own) => own.and_then(|own| kind.problem(own, *project)).map(|problem| problem.to_string()),
            },
            Self::Number => number(text).err(),
            Self::Setting(setting) => words(setting.read(text)),
            Self::Models => models(text).err(),
            Self::Until | Self::Expiry if text.trim().is_empty() => None,
            Self::Expiry if text.trim() == "never" => None,
            Self::Until | Self::Expiry => match text.trim().parse::<When>() {
                Err(error) => Some(error.to_string()),
                Ok(when) if when.after(now) <= now => Some("that is in the past".to_owned()),
                Ok(_) => None,
            },
            Self::Span => words(parse_span(text.trim())),
            Self::Exactly(name) if text == name => None,
            Self::Exactly(name) => Some(format!("type {name:?}, exactly")),
        }
    }
}

fn words<T, E: std::fmt::Display>(checked: Result<T, E>) -> Option<String> {
    checked.err().map(|error| error.to_string())
}

fn limit(text: &str, limits: impl Fn(Nanos) -> Limits, above: Option<&Limits>) -> Option<String> {
    match amount(text) {
        Err(words) => Some(words),
        Ok(amount) => amount.and_then(|amount| limits(amount).problem(above)).map(|problem| problem.to_string()),
    }
}

/// An amount in dollars, perhaps with the sign of dollars before it; `none`, or nothing at all, is none.
pub(super) fn amount(text: &str) -> Result<Option<Nanos>, String> {
    match text.trim() {
        "" | "none" => Ok(None),
        typed => typed
            .strip_prefix('$')
            .unwrap_or(typed)
            .parse()
            .map(Some)
            .map_err(|error: mete_core::money::ParseMoneyError| error.to_string()),
    }
}

/// A whole number that the store can hold; `none`, or nothing at all, is none.
pub(super) fn number(text: &str) -> Result<Option<u64>, String> {
    match text.trim() {
        "" | "none" => Ok(None),
        typed => {
            let number = typed.parse::<u64>().ok().filter(|number| i64::try_from(*number).is_ok());
            number.map(Some).ok_or_else(|| format!("{typed:?} is no whole number: write digits, or none"))
        }
    }
}

/// Models with commas between; `all` is all of them.
pub fn models(text: &str) -> Result<Option<Vec<String>>, String> {
    if text.trim() == "all" {
        return Ok(None);
    }
    let listed = text.split(',').map(|model| check_name(model).map_err(|error| error.to_string()));
    listed.collect::<Result<Vec<_>, _>>().map(Some)
}
