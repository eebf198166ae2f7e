//! On what terms money is held.

use std::fmt;

use mete_core::time::MINUTE;
use mete_core::{IdHasher, Nanos};
use serde::Serialize;

/// The terms of all holds (R40).
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    /// How long a hold lives unless its request's usage comes first, in microseconds.
    pub time: i64,
    /// What is held for a request of whose cost nothing is known.
    pub default_cost: Nanos,
    /// How many per cent of the highest recent cost are held for a request that cannot be priced.
    pub percent_of_recent: u32,
    /// Hashes request ids as the ledger hashes event ids, so that an event finds the hold of its request.
    pub ids: IdHasher,
}

impl Terms {
    /// Ten minutes, 5 cents, one and a half times the highest recent cost.
    #[must_use]
    pub const fn new(ids: IdHasher) -> Self {
        Self { time: 10 * MINUTE, default_cost: Nanos(50_000_000), percent_of_recent: 150, ids }
    }

    /// What is held where the highest recent cost is `recent`; rounded up.
    pub(crate) fn of_recent(&self, recent: Nanos) -> Nanos {
        let scaled = (i128::from(recent.0) * i128::from(self.percent_of_recent) + 99) / 100;
        Nanos(i64::try_from(scaled).unwrap_or(i64::MAX))
    }
}

/// What the amount of a hold was taken from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// Prices and the request's sizes.
    Price,
    /// What the key's last requests cost, or else its project's.
    Recent,
    /// [`Terms::default_cost`].
    Default,
}

impl fmt::Display for Basis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Price => "price",
            Self::Recent => "recent",
            Self::Default => "default",
        })
    }
}
