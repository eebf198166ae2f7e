//! Prices as they are told: exact decimal dollars for a million tokens, or for one of anything else.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::breakdown::Exact;
use crate::card::{Attos, Unit};

/// A price in exact dollars: of a million tokens, or of one image, second, search or request.
///
/// Its text is decimal dollars without trailing zeros (`0.15`), and so it is in JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rate(Attos);

impl Rate {
    /// `percent` per cent of what `attos` for each one of `unit` come to, rounded half up beyond 18 places.
    pub(crate) const fn of(unit: Unit, attos: Attos, percent: u8) -> Self {
        Self((attos * unit.block() * percent as Attos + 50).div_euclid(100))
    }

    /// By how much `later` is more, rounded half away from zero; `None` if this is nothing.
    #[must_use]
    pub fn change(self, later: Self) -> Option<Percent> {
        if self.0 <= 0 {
            return None;
        }
        let scaled = (later.0 - self.0).checked_mul(20_000)?;
        let rounded = (scaled.abs() / self.0 + 1) / 2;
        i64::try_from(rounded * scaled.signum()).ok().map(Percent)
    }
}

/// A share in hundredths of a per cent. Its text, and so its JSON, is that of the per cent: `-10`, `33.33`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Percent(pub i64);

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let magnitude = self.0.unsigned_abs();
        let sign = if self.0 < 0 { "-" } else { "" };
        let text = format!("{sign}{}.{:02}", magnitude / 100, magnitude % 100);
        f.pad(text.trim_end_matches('0').trim_end_matches('.'))
    }
}

impl Serialize for Percent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Exact(self.0).fmt(f)
    }
}

impl Serialize for Rate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decimal::parse_scaled;
    use proptest::prelude::*;

    #[test]
    fn r30_a_price_is_told_in_full_and_without_a_float() {
        for (unit, attos, percent, text) in [
            (Unit::Input, 150_000_000_000, 100, "0.15"),
            (Unit::Input, 1, 100, "0.000000000001"),
            (Unit::Output, 15_000_000_000_000, 50, "7.5"),
            (Unit::Input, 0, 100, "0"),
            (Unit::Images, 42_000_000_000_000_000, 100, "0.042"),
            (Unit::Milliseconds, 100_000_000_000, 100, "0.0001"),
            (Unit::Searches, 10_000_000_000_000_000, 100, "0.01"),
            (Unit::Requests, 1, 50, "0.000000000000000001"),
            (Unit::Images, 1_000_000_000_000_000_000_000_000, 100, "1000000"),
        ] {
            assert_eq!(Rate::of(unit, attos, percent).to_string(), text);
        }
    }

    #[test]
    fn a_change_is_told_in_hundredths_of_a_per_cent() {
        let rate = |dollars: &str| Rate(parse_scaled(dollars, 18).unwrap());
        for (from, to, change) in [
            ("0.15", "0.135", Some(-1_000)),
            ("10", "2", Some(-8_000)),
            ("3", "4", Some(3_333)),
            ("3", "5", Some(6_667)),
            ("1", "1", Some(0)),
            ("2", "0", Some(-10_000)),
            ("0", "2", None),
            ("0.000001", "1000000", Some(9_999_999_999_990_000)),
        ] {
            assert_eq!(rate(from).change(rate(to)), change.map(Percent), "{from} {to}");
        }
        for (hundredths, text) in [(-1_000, "-10"), (3_333, "33.33"), (-5, "-0.05"), (0, "0"), (10_050, "100.5")] {
            assert_eq!(Percent(hundredths).to_string(), text);
        }
    }

    proptest! {
        #[test]
        fn any_price_survives_its_own_text(attos in 0_i128..1_000_000_000_000_000_000_000_000) {
            prop_assert_eq!(parse_scaled(&Rate(attos).to_string(), 18), Ok(attos));
        }
    }
}
