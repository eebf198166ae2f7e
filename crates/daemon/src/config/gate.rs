//! `[gate]`

use mete_core::time::MINUTE;
use mete_core::{IdHasher, Nanos};
use mete_gate::Terms;
use serde::de::{Error, Unexpected};
use serde::{Deserialize, Deserializer};

/// The longest that a hold may be made to live: a day.
const MOST_MINUTES: u16 = 1_440;

/// How money is held for requests under way (R40).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GateSettings {
    /// Minutes that a hold lives.
    #[serde(deserialize_with = "minutes")]
    pub hold_minutes: u16,
    /// What is held for a request of whose cost nothing is known.
    #[serde(deserialize_with = "amount")]
    pub hold_default: Nanos,
    /// Per cent of the highest recent cost that are held for a request that cannot be priced.
    pub hold_percent: u32,
}

impl Default for GateSettings {
    fn default() -> Self {
        let Terms { time, default_cost, percent_of_recent, .. } = Terms::new(IdHasher::new((0, 0)));
        let hold_minutes = u16::try_from(time / MINUTE).unwrap_or(MOST_MINUTES);
        Self { hold_minutes, hold_default: default_cost, hold_percent: percent_of_recent }
    }
}

impl GateSettings {
    /// The terms of the gate's holds, with the store's way to hash ids.
    #[must_use]
    pub fn terms(&self, ids: IdHasher) -> Terms {
        let Self { hold_minutes, hold_default, hold_percent } = *self;
        let time = i64::from(hold_minutes) * MINUTE;
        Terms { time, default_cost: hold_default, percent_of_recent: hold_percent, ids }
    }
}

fn minutes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u16, D::Error> {
    let minutes = u16::deserialize(deserializer)?;
    if (1..=MOST_MINUTES).contains(&minutes) {
        return Ok(minutes);
    }
    Err(D::Error::invalid_value(Unexpected::Unsigned(minutes.into()), &"1 to 1440 minutes"))
}

fn amount<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Nanos, D::Error> {
    let text = String::deserialize(deserializer)?;
    let amount: Nanos = text.parse().map_err(D::Error::custom)?;
    if amount >= Nanos::ZERO {
        return Ok(amount);
    }
    Err(D::Error::invalid_value(Unexpected::Str(&text), &"an amount of dollars that is not negative"))
}
