//! Why an event has no price.

use crate::card::Unit;

/// Why an event cannot be priced (R34). The text is for the operator and goes into the quarantine.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoPrice {
    /// Something billable was used, and the event does not say which model.
    #[error("the event names no model: without one nothing that it used has a price")]
    NoModel,
    /// Neither an override nor the catalogue knows the model.
    #[error("no price for model {model:?}{}: add it to prices.toml", of(.provider.as_deref()))]
    UnknownModel {
        /// As the event names it.
        model: String,
        /// As the event names it.
        provider: Option<String>,
    },
    /// The model is known, but not the price of one of the things used.
    #[error("model {model:?} has no price for {unit}: add one to prices.toml (\"0\" if it is free)")]
    UnpricedUnit {
        /// As the event names it.
        model: String,
        /// What was used.
        unit: Unit,
    },
    /// The counts contradict one another.
    #[error("the usage makes no sense: {0}")]
    BadUsage(&'static str),
    /// The cost does not fit into 64 bits of nano-dollars.
    #[error("the cost of this much of model {model:?} is too large to be true")]
    TooLarge {
        /// As the event names it.
        model: String,
    },
    /// The catalogue refused to calculate.
    #[error("the price catalogue cannot price model {model:?}: {reason}")]
    Catalogue {
        /// As the event names it.
        model: String,
        /// What the catalogue says.
        reason: String,
    },
}

impl NoPrice {
    pub(crate) fn refused(model: &str, error: &genai_prices::Error) -> Self {
        Self::Catalogue { model: model.to_owned(), reason: error.to_string() }
    }
}

fn of(provider: Option<&str>) -> String {
    provider.map(|provider| format!(" of provider {provider:?}")).unwrap_or_default()
}
