//! Money: whole nano-dollars in 64 bits (R30).

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Neg, Sub};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An amount of US dollars in whole nano-dollars (10^-9 USD), R30.
///
/// Reaches to about ±9.2 billion dollars. Addition saturates instead of wrapping: a total that no longer fits must
/// never turn negative and unblock a key. Text form (R43): decimal dollars with up to nine places, trailing zeros cut.
///
/// ```
/// use mete_core::Nanos;
/// let price: Nanos = "12.50".parse()?;
/// assert_eq!(price, Nanos(12_500_000_000));
/// assert_eq!(price.to_string(), "12.5");
/// # Ok::<(), mete_core::money::ParseMoneyError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Nanos(pub i64);

/// Nano-dollars in one dollar.
pub const NANOS_PER_DOLLAR: i64 = 1_000_000_000;
/// Digits behind the point.
const FRACTION_DIGITS: u32 = NANOS_PER_DOLLAR.ilog10();

impl Nanos {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// The largest amount there is.
    pub const MAX: Self = Self(i64::MAX);

    /// Whole dollars.
    #[must_use]
    pub const fn from_dollars(dollars: i64) -> Self {
        Self(dollars.saturating_mul(NANOS_PER_DOLLAR))
    }

    /// This share of `whole` in per mille, 0 when `whole` is not positive; saturates at `u32::MAX`.
    #[must_use]
    pub fn per_mille_of(self, whole: Self) -> u32 {
        if whole.0 <= 0 || self.0 <= 0 {
            return 0;
        }
        u32::try_from(i128::from(self.0) * 1000 / i128::from(whole.0)).unwrap_or(u32::MAX)
    }
}

impl Add for Nanos {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Sub for Nanos {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl AddAssign for Nanos {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Neg for Nanos {
    type Output = Self;
    fn neg(self) -> Self {
        Self(self.0.saturating_neg())
    }
}

impl Sum for Nanos {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Add::add)
    }
}

impl fmt::Display for Nanos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.with_text(|text| f.pad(text))
    }
}

impl Nanos {
    /// Gives its text to `take`, made without an allocation: every answer about a key has several.
    fn with_text<T>(self, take: impl FnOnce(&str) -> T) -> T {
        // As long as `-9223372036.854775808`.
        let (mut text, mut start) = ([0_u8; 21], 21);
        let mut put = |byte: u8| {
            start -= 1;
            text[start] = byte;
        };
        let mut rest = self.0.unsigned_abs();
        let mut is_shown = false;
        for _ in 0..FRACTION_DIGITS {
            let digit = (rest % 10) as u8;
            rest /= 10;
            is_shown |= digit != 0;
            if is_shown {
                put(b'0' + digit);
            }
        }
        if is_shown {
            put(b'.');
        }
        loop {
            put(b'0' + (rest % 10) as u8);
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        if self.0 < 0 {
            put(b'-');
        }
        // Digits, a point and a sign are text.
        take(std::str::from_utf8(&text[start..]).unwrap_or_default())
    }
}

/// Why a text is no amount of money.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseMoneyError {
    /// Not digits with at most one point.
    #[error("{0:?} is no amount of dollars: write digits with at most one point, like 12.50")]
    NotANumber(String),
    /// More than nine places after the point.
    #[error("{0:?} has more than nine places after the point: the smallest amount is 0.000000001")]
    TooFine(String),
    /// Does not fit into 64 bits of nano-dollars.
    #[error("{0:?} is too large: the largest amount is 9223372036.854775807")]
    TooLarge(String),
}

impl FromStr for Nanos {
    type Err = ParseMoneyError;

    fn from_str(text: &str) -> Result<Self, ParseMoneyError> {
        let not_a_number = || ParseMoneyError::NotANumber(text.chars().take(64).collect());
        let unsigned = text.strip_prefix('-').unwrap_or(text);
        let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
        let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
        if (whole.is_empty() && fraction.is_empty()) || !digits(whole) || !digits(fraction) {
            return Err(not_a_number());
        }
        let fraction = fraction.trim_end_matches('0');
        if fraction.len() > 9 {
            return Err(ParseMoneyError::TooFine(text.to_owned()));
        }
        let too_large = || ParseMoneyError::TooLarge(text.to_owned());
        let whole: i64 = if whole.is_empty() { 0 } else { whole.parse().map_err(|_| too_large())? };
        let fraction: i64 = format!("{fraction:0<9}").parse().map_err(|_| not_a_number())?;
        let nanos = whole.checked_mul(NANOS_PER_DOLLAR).and_then(|n| n.checked_add(fraction)).ok_or_else(too_large)?;
        Ok(Self(if text.starts_with('-') { -nanos } else { nanos }))
    }
}

impl Serialize for Nanos {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.with_text(|text| serializer.serialize_str(text))
    }
}

impl<'de> Deserialize<'de> for Nanos {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r43_amounts_are_decimal_dollars_with_up_to_nine_places() {
        for (text, nanos, shown) in [
            ("12.50", 12_500_000_000, "12.5"),
            ("0.000000001", 1, "0.000000001"),
            ("-3", -3_000_000_000, "-3"),
            (".5", 500_000_000, "0.5"),
            ("7.", 7_000_000_000, "7"),
            ("1.1000000000000", 1_100_000_000, "1.1"),
            ("9223372036.854775807", i64::MAX, "9223372036.854775807"),
        ] {
            assert_eq!(text.parse(), Ok(Nanos(nanos)), "{text}");
            assert_eq!(Nanos(nanos).to_string(), shown);
        }
    }

    #[test]
    fn what_is_no_amount_is_refused() {
        for text in ["", ".", "-", "1e3", "1,5", "$5", " 1", "1.0000000001", "9223372036.854775808", "--1", "+1"] {
            assert!(text.parse::<Nanos>().is_err(), "{text}");
        }
    }

    #[test]
    fn totals_saturate_and_never_turn_around() {
        assert_eq!(Nanos::MAX + Nanos(1), Nanos::MAX);
        assert_eq!(Nanos(i64::MIN) - Nanos(1), Nanos(i64::MIN));
    }

    #[test]
    fn shares_are_in_per_mille() {
        assert_eq!(Nanos(730).per_mille_of(Nanos(1000)), 730);
        assert_eq!(Nanos(5).per_mille_of(Nanos(0)), 0);
        assert_eq!(Nanos(-5).per_mille_of(Nanos(10)), 0);
    }
}
