//! Amounts, times and foreign text as people read them.

use std::fmt::Write;

use mete_core::{Nanos, Timestamp};

/// An amount in full, with two places at least: `$12.50`, `$0.015195`, `-$3.00`.
pub fn money(amount: Nanos) -> String {
    dollars(&amount.to_string())
}

/// Decimal dollars as [`money`] shows them.
pub fn dollars(text: &str) -> String {
    let (sign, digits) = text.strip_prefix('-').map_or(("", text), |digits| ("-", digits));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    format!("{sign}${}.{fraction:0<2}", thousands(whole))
}

/// A number with its thousands apart: `1,234,567`.
pub fn count(number: u64) -> String {
    thousands(&number.to_string())
}

/// So many of something that makes its plural with an s: `1 event`, `2 events`.
pub fn several(number: u64, one: &str) -> String {
    format!("{} {one}{}", count(number), if number == 1 { "" } else { "s" })
}

/// What stands for a figure that the one who acts may not see (R6).
pub fn unseen() -> String {
    "—".to_owned()
}

/// An instant to the second: `2026-11-23 10:15:30Z`.
pub fn time(instant: Timestamp) -> String {
    instant.to_the_second().to_string().replace('T', " ")
}

/// A share in per mille as per cent: `12.5%`.
pub fn percent(per_mille: u32) -> String {
    format!("{}.{}%", per_mille / 10, per_mille % 10)
}

/// Text that came from elsewhere, with everything escaped that a terminal would obey or that would change the order of
/// what stands beside it.
pub fn safe(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut shown, c| {
        match c {
            '\n' => shown.push_str("\\n"),
            '\r' => shown.push_str("\\r"),
            '\t' => shown.push_str("\\t"),
            c if is_unsafe(c) => shown.extend(c.escape_unicode()),
            c => shown.push(c),
        }
        shown
    })
}

/// [`safe`] for text of several lines of our own.
pub fn safe_lines(text: &str) -> String {
    text.split('\n').map(safe).collect::<Vec<_>>().join("\n")
}

/// JSON with the control characters escaped that JSON itself lets stand, and terminals obey.
pub fn ascii_controls(json: &str) -> String {
    if !json.chars().any(|c| c != '\n' && is_unsafe(c)) {
        return json.to_owned();
    }
    json.chars().fold(String::with_capacity(json.len()), |mut shown, c| {
        if c != '\n' && is_unsafe(c) {
            // All of them are below U+10000; writing to a string cannot fail.
            let _ = write!(shown, "\\u{:04x}", u32::from(c));
        } else {
            shown.push(c);
        }
        shown
    })
}

/// Controls, and marks that change the direction of text or end a line.
pub fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

fn thousands(digits: &str) -> String {
    let mut shown = String::with_capacity(digits.len() * 4 / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_exact_with_two_places_at_least() {
        for (nanos, shown) in [
            (0, "$0.00"),
            (12_500_000_000, "$12.50"),
            (15_195_000, "$0.015195"),
            (1, "$0.000000001"),
            (-3_000_000_000, "-$3.00"),
            (1_234_567_000_000_000, "$1,234,567.00"),
            (i64::MAX, "$9,223,372,036.854775807"),
        ] {
            assert_eq!(money(Nanos(nanos)), shown);
        }
    }

    #[test]
    fn numbers_times_and_shares() {
        assert_eq!((count(0), count(999), count(1000)), ("0".into(), "999".into(), "1,000".into()));
        assert_eq!((several(1, "event"), several(1000, "event")), ("1 event".into(), "1,000 events".into()));
        assert_eq!(count(u64::MAX), "18,446,744,073,709,551,615");
        assert_eq!(time("2026-11-23T10:15:30.999999Z".parse().unwrap()), "2026-11-23 10:15:30Z");
        assert_eq!(percent(1005), "100.5%");
    }

    #[test]
    fn foreign_text_moves_no_cursor() {
        assert_eq!(safe("Grüße 🦀"), "Grüße 🦀");
        assert_eq!(safe("a\u{1b}[2J\nb\tc\u{9b}d\u{202e}e\u{7f}"), "a\\u{1b}[2J\\nb\\tc\\u{9b}d\\u{202e}e\\u{7f}");
    }

    #[test]
    fn json_stays_the_same_value() {
        let value = serde_json::json!({"name": "a\u{1b}\u{9b}\u{7f}\u{202e}é"});
        let shown = ascii_controls(&value.to_string());
        assert!(!shown.chars().any(is_unsafe), "{shown:?}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).unwrap(), value);
    }
}
