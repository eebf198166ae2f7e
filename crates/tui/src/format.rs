//! How amounts, counts, ages and times read on a screen. No floating point: money stays whole nano-dollars (R30).

use mete_core::Nanos;
use mete_core::money::NANOS_PER_DOLLAR;
use mete_core::time::{DAY, HOUR, MINUTE, Month, SECOND, Timestamp, day_label, day_of_month};

const UNITS: [(u64, &str); 4] = [(1_000_000_000_000, "T"), (1_000_000_000, "B"), (1_000_000, "M"), (1_000, "K")];

/// An amount with as many places as its size deserves: `$18,204`, `$212.40`, `$0.0042`, `$0.000000214`.
///
/// Places are cut, never rounded up: a budget must not look reached before it is.
#[must_use]
pub fn money(amount: Nanos) -> String {
    let sign = if amount.0 < 0 { "-" } else { "" };
    let nanos = amount.0.unsigned_abs();
    let (whole, fraction) = (nanos / NANOS_PER_DOLLAR as u64, nanos % NANOS_PER_DOLLAR as u64);
    let text = match nanos {
        0 => "0".to_owned(),
        1..1_000_000_000 => format!("0.{}", cents_and_less(fraction)),
        1_000_000_000..1_000_000_000_000 => format!("{whole}.{:02}", fraction / 10_000_000),
        _ => count(whole),
    };
    format!("{sign}${text}")
}

/// The places of less than a dollar, given in nano-dollars: four, or as many as it takes to show three digits.
fn cents_and_less(nanos: u64) -> String {
    let digits = format!("{nanos:09}");
    let leading = digits.len() - digits.trim_start_matches('0').len();
    let kept = &digits[..(leading + 3).clamp(4, 9)];
    let places = kept.trim_end_matches('0').len().max(4);
    kept[..places].to_owned()
}

/// [`money`] in at most `width` columns: shortened to thousands, millions or billions where it would not fit. A digit
/// before the point is never cut off without a unit in its place.
#[must_use]
pub fn money_within(amount: Nanos, width: usize) -> String {
    let text = money(amount);
    if text.len() <= width {
        return text;
    }
    match amount.0 {
        // what is there never looks like nothing
        1..=99_999 => return "<$0.0001".to_owned(),
        -99_999..=-1 => return ">-$0.0001".to_owned(),
        -999_999_999..=999_999_999 => return text.chars().take(width.max(7)).collect(),
        _ => {}
    }
    let sign = if amount.0 < 0 { "-" } else { "" };
    format!("{sign}${}", shortened(amount.0.unsigned_abs() / NANOS_PER_DOLLAR as u64))
}

/// An amount to the nano-dollar, with thousands apart: `$1,500.000000214`.
#[must_use]
pub fn money_exact(amount: Nanos) -> String {
    let sign = if amount.0 < 0 { "-" } else { "" };
    let nanos = amount.0.unsigned_abs();
    format!("{sign}${}.{:09}", count(nanos / NANOS_PER_DOLLAR as u64), nanos % NANOS_PER_DOLLAR as u64)
}

/// A count with thousands apart: `1,204,311`.
#[must_use]
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// [`count`] in at most `width` columns: `1.2M` where the whole number would not fit.
#[must_use]
pub fn count_within(number: u64, width: usize) -> String {
    let text = count(number);
    if text.len() <= width { text } else { shortened(number) }
}

fn shortened(number: u64) -> String {
    UNITS.iter().find(|(unit, _)| number >= *unit).map_or_else(
        || number.to_string(),
        |(unit, letter)| match number / unit {
            whole @ 0..10 => format!("{whole}.{}{letter}", number % unit * 10 / unit),
            whole => format!("{}{letter}", count(whole)),
        },
    )
}

/// A share given in per mille, as a whole per cent: `71%`, never more than five columns wide. Cut, not rounded.
#[must_use]
pub fn percent(per_mille: u32) -> String {
    match per_mille / 10 {
        0 if per_mille > 0 => "<1%".to_owned(),
        whole @ 0..=999 => format!("{whole}%"),
        _ => ">999%".to_owned(),
    }
}

/// A span of microseconds in its two largest units: `now`, `12s`, `27m`, `2h 10m`, `7d 11h`. Less than nothing is `now`.
#[must_use]
pub fn span(micros: i64) -> String {
    match micros {
        i64::MIN..SECOND => "now".to_owned(),
        SECOND..MINUTE => format!("{}s", micros / SECOND),
        MINUTE..HOUR => format!("{}m", micros / MINUTE),
        HOUR..DAY => pair(micros / HOUR, "h", micros % HOUR / MINUTE, "m"),
        _ => pair(micros / DAY, "d", micros % DAY / HOUR, "h"),
    }
}

fn pair(large: i64, large_unit: &str, small: i64, small_unit: &str) -> String {
    if small == 0 { format!("{large}{large_unit}") } else { format!("{large}{large_unit} {small}{small_unit}") }
}

/// How long ago `then` was: `now`, `27m ago`.
#[must_use]
pub fn ago(then: Timestamp, now: Timestamp) -> String {
    match now.since(then) {
        i64::MIN..SECOND => "now".to_owned(),
        elapsed => format!("{} ago", span(elapsed)),
    }
}

/// An instant as a person on call names it: `12:04:31 UTC` today, `2026-11-03 12:04 UTC` on any other day.
#[must_use]
pub fn clock_time(instant: Timestamp, now: Timestamp) -> String {
    let of_day = instant.0.rem_euclid(DAY);
    let (hour, minute, second) = (of_day / HOUR, of_day % HOUR / MINUTE, of_day % MINUTE / SECOND);
    if instant.day() == now.day() {
        format!("{hour:02}:{minute:02}:{second:02} UTC")
    } else {
        format!("{} {hour:02}:{minute:02} UTC", day_label(instant.day()))
    }
}

/// The time of day of an instant: `12:04`.
#[must_use]
pub fn hour_and_minute(instant: Timestamp) -> String {
    let of_day = instant.0.rem_euclid(DAY);
    format!("{:02}:{:02}", of_day / HOUR, of_day % HOUR / MINUTE)
}

/// The day of an instant: `29 Nov`.
#[must_use]
pub fn day_and_month(instant: Timestamp) -> String {
    format!("{} {}", day_of_month(instant.day()), short_name(instant.month()))
}

/// How many times as much as usual, given in per mille: `6.0 ×`, never more than six columns wide. Cut, not rounded.
#[must_use]
pub fn factor(per_mille: u32) -> String {
    match per_mille / 1000 {
        whole @ 0..=99 => format!("{whole}.{} ×", per_mille % 1000 / 100),
        whole @ 100..=999 => format!("{whole} ×"),
        _ => ">999 ×".to_owned(),
    }
}

/// When a month's budgets start anew, and how long that is away: `1 Dec 00:00 UTC (7d 11h)`.
#[must_use]
pub fn month_end(month: Month, now: Timestamp) -> String {
    format!("1 {} 00:00 UTC ({})", short_name(month.next()), span(month.end().since(now)))
}

/// A month in eight columns: `Nov 2026`.
#[must_use]
pub fn short_month(month: Month) -> String {
    format!("{} {:04}", short_name(month), month.yyyymm() / 100)
}

/// The first three letters of a month's name.
fn short_name(month: Month) -> String {
    month.name().chars().take(3).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn nanos(text: &str) -> Nanos {
        text.parse().unwrap()
    }

    #[test]
    fn amounts_have_the_places_that_their_size_deserves() {
        for (amount, text) in [
            ("0", "$0"),
            ("0.000000001", "$0.000000001"),
            ("0.00009", "$0.00009"),
            ("0.00011835", "$0.000118"),
            ("0.0001", "$0.0001"),
            ("0.5", "$0.5000"),
            ("0.0042", "$0.0042"),
            ("0.421399", "$0.4213"),
            ("212.4", "$212.40"),
            ("499.999999999", "$499.99"),
            ("999.999", "$999.99"),
            ("1000", "$1,000"),
            ("18204.99", "$18,204"),
            ("-1.5", "-$1.50"),
            ("9223372036.854775807", "$9,223,372,036"),
        ] {
            assert_eq!(money(nanos(amount)), text, "{amount}");
        }
        assert_eq!(money_exact(nanos("1500.000000214")), "$1,500.000000214");
        assert_eq!(money_exact(Nanos(i64::MIN)), "-$9,223,372,036.854775808");
    }

    #[test]
    fn what_does_not_fit_is_shortened_with_a_unit() {
        assert_eq!(money_within(nanos("9223372036"), 10), "$9.2B");
        assert_eq!(money_within(nanos("-1234567"), 9), "-$1.2M");
        assert_eq!(money_within(nanos("18204"), 10), "$18,204");
        assert_eq!(money_within(nanos("0.000000001"), 10), "<$0.0001");
        assert_eq!(money_within(nanos("-0.000000001"), 10), ">-$0.0001");
        assert_eq!(count_within(12_345_678, 8), "12M");
        assert_eq!(count_within(u64::MAX, 20), "18,446,744T");
    }

    #[test]
    fn spans_name_their_two_largest_units() {
        for (micros, text) in [
            (-5, "now"),
            (999_999, "now"),
            (12 * SECOND, "12s"),
            (27 * MINUTE + 59 * SECOND, "27m"),
            (2 * HOUR + 10 * MINUTE, "2h 10m"),
            (2 * HOUR, "2h"),
            (7 * DAY + 11 * HOUR + MINUTE, "7d 11h"),
        ] {
            assert_eq!(span(micros), text);
        }
    }

    #[test]
    fn times_are_short_today_and_whole_on_other_days() {
        let now: Timestamp = "2026-11-23T12:30:00Z".parse().unwrap();
        assert_eq!(clock_time("2026-11-23T12:04:31.9Z".parse().unwrap(), now), "12:04:31 UTC");
        assert_eq!(clock_time("2026-11-03T02:04:31Z".parse().unwrap(), now), "2026-11-03 02:04 UTC");
        assert_eq!(month_end(now.month(), now), "1 Dec 00:00 UTC (7d 11h)");
        assert_eq!(ago("2026-11-23T12:03:00Z".parse().unwrap(), now), "27m ago");
        assert_eq!((hour_and_minute(now), day_and_month(now)), ("12:30".to_owned(), "23 Nov".to_owned()));
    }

    #[test]
    fn factors_have_one_place_and_are_never_wider_than_their_column() {
        for (per_mille, text) in [
            (0, "0.0 ×"),
            (999, "0.9 ×"),
            (6_049, "6.0 ×"),
            (99_999, "99.9 ×"),
            (100_000, "100 ×"),
            (u32::MAX, ">999 ×"),
        ] {
            assert_eq!(factor(per_mille), text);
        }
    }

    #[test]
    fn shares_are_never_rounded_up_to_the_whole() {
        for (per_mille, text) in
            [(0, "0%"), (4, "<1%"), (719, "71%"), (999, "99%"), (1000, "100%"), (u32::MAX, ">999%")]
        {
            assert_eq!(percent(per_mille), text);
        }
    }

    proptest! {
        #[test]
        fn shortened_amounts_fit_ten_columns_and_shares_five(amount: i64, share: u32) {
            prop_assert!(money_within(Nanos(amount), 10).len() <= 10);
            prop_assert!(money_within(Nanos(amount % 2_000_000_000), 9).len() <= 9);
            prop_assert!(percent(share).len() <= 5);
        }
    }
}
