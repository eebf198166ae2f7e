//! The kinds of fields that formats have: objects, texts, counts, amounts, times.
//!
//! Numbers are taken as their text: money and times never pass through a float (R30), and a number that does not fit
//! is reported with its field's name.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use mete_core::event::MAX_COUNT;
use mete_core::{Nanos, Timestamp};
use mete_prices::decimal::{parse_nanos, parse_scaled};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::bad::{Bad, Reason};

/// The longest id or name, in bytes.
const MAX_TEXT: usize = 512;
/// The first and the last second of the years that have a text form, 1 and 9999.
const SECONDS: std::ops::RangeInclusive<i64> = -62_135_596_800..=253_402_300_799;

/// A number, or whatever else stands there, as its text.
pub(super) type Raw<'a> = Option<&'a RawValue>;

/// A text that borrows from the line unless it has escapes.
#[derive(serde::Deserialize)]
pub(super) struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// The text, if there is one that is not empty.
pub(super) fn text(text: Option<Text<'_>>) -> Option<Cow<'_, str>> {
    text.map(|text| text.0).filter(|text| !text.is_empty())
}

impl Text<'_> {
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

/// A JSON object. The readers of structs that serde derives would take an array for one, by position.
pub(super) struct Object<T>(pub T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Fields<T> {
            type Value = T;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map))
            }
        }

        deserializer.deserialize_map(Fields(PhantomData)).map(Object)
    }
}

/// The fields of a line. What is wrong with a line is found out only when something is.
pub(super) fn parse<'a, T: Deserialize<'a>>(line: &'a str) -> Result<T, Bad> {
    serde_json::from_str::<Object<T>>(line).map(|object| object.0).map_err(|error| {
        if !error.is_data() {
            return Bad::new(Reason::NotJson, error.to_string());
        }
        let mut deserializer = serde_json::Deserializer::from_str(line);
        match serde_path_to_error::deserialize::<_, Object<T>>(&mut deserializer) {
            Err(error) => Bad::new(Reason::BadField, format!("{}: {}", error.path(), error.inner())),
            Ok(_) => Bad::new(Reason::BadField, error.to_string()),
        }
    })
}

/// The inside of a JSON string, or the text of a number.
fn scalar(raw: &RawValue) -> Option<Cow<'_, str>> {
    let text = raw.get();
    match text.as_bytes() {
        [b'"', ..] if text.contains('\\') => serde_json::from_str(text).ok().map(Cow::Owned),
        [b'"', .., b'"'] => Some(Cow::Borrowed(&text[1..text.len() - 1])),
        [b'-' | b'0'..=b'9', ..] => Some(Cow::Borrowed(text)),
        _ => None,
    }
}

/// A whole number from 0 to [`MAX_COUNT`]; nothing is 0. A fraction of zero, as in `8000.0`, is none.
pub(super) fn count(field: &str, raw: Raw<'_>) -> Result<u64, Bad> {
    Ok(optional_count(field, raw)?.unwrap_or(0))
}

/// Like [`count`], but tells nothing from 0.
pub(super) fn optional_count(field: &str, raw: Raw<'_>) -> Result<Option<u64>, Bad> {
    let Some(raw) = raw else { return Ok(None) };
    let text = raw.get();
    if text.len() <= 12 && text.bytes().all(|b| b.is_ascii_digit()) {
        return Ok(text.parse().ok());
    }
    let refuse = |what: &str| Bad::new(Reason::BadNumber, format!("{field} is {}: {what}", shown(text)));
    if !text.starts_with(|c: char| c == '-' || c.is_ascii_digit()) {
        return Err(refuse("a count is a number"));
    }
    let scaled = parse_scaled(text, 9).map_err(|_| refuse("that is absurdly large"))?;
    let (whole, fraction) = (scaled / 1_000_000_000, scaled % 1_000_000_000);
    if scaled < 0 {
        return Err(refuse("a count is never negative"));
    }
    if fraction != 0 {
        return Err(refuse("a count is a whole number"));
    }
    u64::try_from(whole)
        .ok()
        .filter(|count| *count <= MAX_COUNT)
        .map(Some)
        .ok_or_else(|| refuse("that is absurdly large"))
}

/// A number of bytes; negative when freed.
pub(super) fn bytes(field: &str, raw: Raw<'_>) -> Result<i64, Bad> {
    let Some(raw) = raw else { return Ok(0) };
    raw.get().parse().map_err(|_| {
        Bad::new(Reason::BadNumber, format!("{field} is {}: it is a whole number of bytes", shown(raw.get())))
    })
}

/// Seconds, as a number or in text, as milliseconds.
pub(super) fn milliseconds(field: &str, raw: Raw<'_>) -> Result<u64, Bad> {
    let Some(raw) = raw else { return Ok(0) };
    scalar(raw)
        .and_then(|text| parse_scaled(&text, 3).ok())
        .and_then(|milliseconds| u64::try_from(milliseconds).ok())
        .filter(|milliseconds| *milliseconds <= MAX_COUNT)
        .ok_or_else(|| {
            Bad::new(Reason::BadNumber, format!("{field} is {}: it is a number of seconds from 0 on", shown(raw.get())))
        })
}

/// Dollars, as a number or in text, rounded once to nano-dollars.
pub(super) fn cost(field: &str, raw: Raw<'_>) -> Result<Option<Nanos>, Bad> {
    let Some(raw) = raw else { return Ok(None) };
    scalar(raw).and_then(|text| parse_nanos(&text).ok()).filter(|cost| *cost >= Nanos::ZERO).map(Some).ok_or_else(
        || {
            Bad::new(
                Reason::BadNumber,
                format!("{field} is {}: it is an amount of dollars from 0 on, like \"0.000123\"", shown(raw.get())),
            )
        },
    )
}

/// RFC 3339 in text, or seconds since 1970 as a number or in text; cut to microseconds.
pub(super) fn time(field: &str, raw: Raw<'_>) -> Result<Option<Timestamp>, Bad> {
    let Some(raw) = raw else { return Ok(None) };
    let refuse = || {
        Bad::new(
            Reason::BadTime,
            format!(
                "{field} is {}: write RFC 3339, like \"2026-11-23T10:15:30Z\", or seconds since 1970",
                shown(raw.get())
            ),
        )
    };
    let text = scalar(raw).ok_or_else(refuse)?;
    let time = if text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'-' | b'.' | b'e' | b'E' | b'+')) {
        unix_time(&text)
    } else {
        text.parse().ok()
    };
    time.map(Some).ok_or_else(refuse)
}

fn unix_time(seconds: &str) -> Option<Timestamp> {
    // Finer than any writer writes, so that it is cut, not rounded into the next month.
    let pico = parse_scaled(seconds, 12).ok()?;
    let micros = i64::try_from(pico.div_euclid(1_000_000)).ok()?;
    SECONDS.contains(&micros.div_euclid(1_000_000)).then_some(Timestamp(micros))
}

/// Refuses a text that no store takes or no one names anything.
pub(super) fn check_text(field: &str, text: &str) -> Result<(), Bad> {
    if text.len() > MAX_TEXT {
        return Err(Bad::new(
            Reason::BadField,
            format!("{field} is {} bytes long: at most {MAX_TEXT} are taken", text.len()),
        ));
    }
    if memchr::memchr(0, text.as_bytes()).is_some() {
        return Err(Bad::new(Reason::BadField, format!("{field} has a NUL character in it")));
    }
    Ok(())
}

/// The beginning of a value, for a message.
fn shown(text: &str) -> String {
    match text.char_indices().nth(40) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
