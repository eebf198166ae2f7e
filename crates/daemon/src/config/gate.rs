//! `[gate]`

use mete_api::Tolerance;
use mete_core::time::{MINUTE, SECOND};
use mete_core::{IdHasher, Nanos};
use mete_gate::Terms;
use serde::de::{Error, Unexpected};
use serde::{Deserialize, Deserializer};

/// The longest that a hold may be made to live: a day.
const MOST_MINUTES: u16 = 1_440;

/// The longest that the gate may be made to go on without a doubt, in seconds: a day.
const MOST_SECONDS: u32 = 86_400;

/// How money is held for requests under way (R40), and what is done when the gate's knowledge grows old.
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
    /// Seconds without a word of the store after which it is away.
    #[serde(deserialize_with = "seconds")]
    pub store_away_seconds: u32,
    /// What is done then.
    pub store_away: StoreAway,
    /// Seconds for which usage may wait before it lags.
    #[serde(deserialize_with = "seconds")]
    pub lag_seconds: u32,
    /// What is done then.
    pub lag: Lag,
}

/// What is done while the store is away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StoreAway {
    /// The gate decides by what it knows.
    #[default]
    Open,
    /// Nothing is decided: questions are answered with 503.
    Closed,
}

/// What is done while usage lags.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lag {
    /// The gate decides by what it knows, and every answer says how old that is.
    #[default]
    Warn,
    /// Nothing is decided: questions are answered with 503.
    Closed,
}

impl Default for GateSettings {
    fn default() -> Self {
        let Terms { time, default_cost, percent_of_recent, .. } = Terms::new(IdHasher::new((0, 0)));
        let hold_minutes = u16::try_from(time / MINUTE).unwrap_or(MOST_MINUTES);
        Self {
            hold_minutes,
            hold_default: default_cost,
            hold_percent: percent_of_recent,
            // Longer than a database takes to be restarted or to fail over, shorter than anybody would not notice.
            store_away_seconds: 300,
            store_away: StoreAway::default(),
            lag_seconds: 60,
            lag: Lag::default(),
        }
    }
}

impl GateSettings {
    /// The terms of the gate's holds, with the store's way to hash ids.
    #[must_use]
    pub fn terms(&self, ids: IdHasher) -> Terms {
        let Self { hold_minutes, hold_default, hold_percent, .. } = *self;
        let time = i64::from(hold_minutes) * MINUTE;
        Terms { time, default_cost: hold_default, percent_of_recent: hold_percent, ids }
    }

    /// What is tolerated of a store that is away, and of usage that waits.
    #[must_use]
    pub fn tolerances(&self) -> (Tolerance, Tolerance) {
        let tolerance = |seconds: u32, closes| Tolerance { most: i64::from(seconds) * SECOND, closes };
        let store_away = tolerance(self.store_away_seconds, self.store_away == StoreAway::Closed);
        (store_away, tolerance(self.lag_seconds, self.lag == Lag::Closed))
    }
}

fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    let seconds = u32::deserialize(deserializer)?;
    if (1..=MOST_SECONDS).contains(&seconds) {
        return Ok(seconds);
    }
    Err(D::Error::invalid_value(Unexpected::Unsigned(seconds.into()), &"1 to 86400 seconds"))
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
