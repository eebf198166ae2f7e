//! Decimal text to scaled integers, exactly: money and times never pass through a float (R30).

use mete_core::Nanos;

/// Why a text is no decimal number of use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecimalError {
    /// Not digits with at most one point and an exponent.
    #[error("{0:?} is no decimal number: write digits with at most one point, like 0.15")]
    NotANumber(String),
    /// Does not fit.
    #[error("{0:?} is too large")]
    TooLarge(String),
}

/// An exponent above this is absurd in any price or time.
const MAX_EXPONENT: i64 = 400;

/// `text`, like `-12.5`, `.5` or `1.35e-05`, times 10^`places`, rounded half away from zero if it is finer than that.
///
/// # Errors
///
/// If `text` is no decimal number, or the result does not fit into an `i128`.
pub fn parse_scaled(text: &str, places: u32) -> Result<i128, DecimalError> {
    let shown = || text.chars().take(64).collect::<String>();
    let not_a_number = || DecimalError::NotANumber(shown());
    let too_large = || DecimalError::TooLarge(shown());

    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, parse_exponent(exponent).ok_or_else(not_a_number)?),
        None => (unsigned, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = || whole.bytes().chain(fraction.bytes());
    let count = (whole.len() + fraction.len()) as i64;
    if count == 0 || !digits().all(|digit| digit.is_ascii_digit()) {
        return Err(not_a_number());
    }

    // How many of the digits stand before the point, once it has been moved.
    let kept = whole.len() as i64 + exponent.clamp(-MAX_EXPONENT, MAX_EXPONENT) + i64::from(places);
    let mut value: i128 = 0;
    for (place, digit) in (0..).zip(digits()) {
        let digit = i128::from(digit - b'0');
        if place < kept {
            value = value.checked_mul(10).and_then(|v| v.checked_add(digit)).ok_or_else(too_large)?;
        } else {
            // The first digit that falls away decides.
            value += i128::from(place == kept && digit >= 5);
            break;
        }
    }
    if value != 0 {
        for _ in count..kept {
            value = value.checked_mul(10).ok_or_else(too_large)?;
        }
    }
    Ok(if text.starts_with('-') { -value } else { value })
}

fn parse_exponent(text: &str) -> Option<i64> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let magnitude = digits.parse().unwrap_or(MAX_EXPONENT);
    Some(if text.starts_with('-') { -magnitude } else { magnitude })
}

/// Dollars in decimal text to nano-dollars, rounded once, half away from zero.
///
/// # Errors
///
/// If `text` is no decimal number or does not fit into 64 bits.
pub fn parse_nanos(text: &str) -> Result<Nanos, DecimalError> {
    let nanos = parse_scaled(text, 9)?;
    i64::try_from(nanos).map(Nanos).map_err(|_| DecimalError::TooLarge(text.chars().take(64).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn r30_decimal_text_is_scaled_exactly_and_rounded_once() {
        for (text, nanos) in [
            ("1.35e-05", 13_500),
            ("1.35E-5", 13_500),
            ("0", 0),
            ("-0.0", 0),
            ("12.5", 12_500_000_000),
            (".5", 500_000_000),
            ("7.", 7_000_000_000),
            ("1e0", 1_000_000_000),
            ("2.5e2", 250_000_000_000),
            ("0.0000000005", 1),
            ("0.00000000049999999999999999999999999999999999999999999999", 0),
            ("-0.0000000005", -1),
            ("0.1234567895", 123_456_790),
            ("5e-10", 1),
            ("4e-10", 0),
            ("9e-11", 0),
            ("1e-400000", 0),
            ("0e999999999999999999999", 0),
            ("9223372036.854775807", i64::MAX),
        ] {
            assert_eq!(parse_nanos(text), Ok(Nanos(nanos)), "{text}");
        }
        for text in ["", ".", "-", "e5", "1e", "1e+", "1,5", "$1", "1.2.3", "--1", "+1", "0x1", "NaN", "1e5.5", "٣"] {
            assert!(matches!(parse_nanos(text), Err(DecimalError::NotANumber(_))), "{text}");
        }
        for text in ["9223372036.854775808", "1e10", "1e39", "1e400", "99999999999999999999999999999999999999999"] {
            assert!(matches!(parse_nanos(text), Err(DecimalError::TooLarge(_))), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_nano_dollars_survive_their_own_text(nanos in any::<i64>()) {
            prop_assert_eq!(parse_nanos(&Nanos(nanos).to_string()), Ok(Nanos(nanos)));
        }

        #[test]
        fn no_text_panics(text in ".{0,40}", places in 0_u32..30) {
            let _ = parse_scaled(&text, places);
        }
    }
}
