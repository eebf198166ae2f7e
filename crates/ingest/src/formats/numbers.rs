//! Counts, amounts and times.
//!
//! Numbers are taken as their text: money and times never pass through a float (R30), and a number that does not fit
//! is reported with its field's name.

use mete_core::event::MAX_COUNT;
use mete_core::{Nanos, Timestamp};
use mete_prices::decimal::parse_scaled;
use serde_json::value::RawValue;

use super::bad::{Bad, Reason};
use super::fields::{Raw, scalar, shown};

/// The first and the last second of the years that have a text form, 1 and 9999.
const SECONDS: std::ops::RangeInclusive<i64> = -62_135_596_800..=253_402_300_799;

/// Places of a dollar in nano-dollars.
pub(super) const DOLLARS: u32 = 9;
/// Places of a second in picoseconds: finer than any writer writes, so that a time is cut and not rounded.
pub(super) const SECOND: u32 = 12;
/// Places of a second in milliseconds.
pub(super) const MILLISECONDS: u32 = 3;

/// What is wrong with a value, with its name and its beginning.
fn refuse(reason: Reason, field: &str, raw: &RawValue, what: &str) -> Bad {
    Bad::new(reason, format!("{field} is {}: {what}", shown(raw.get()))).at(raw.get())
}

/// A whole number from 0 to [`MAX_COUNT`]; nothing is 0. A fraction of zero, as in `8000.0`, is none.
pub(super) fn count(field: &str, raw: Raw<'_>) -> Result<u64, Bad> {
    Ok(optional_count(field, raw)?.unwrap_or(0))
}

/// Like [`count`], but tells nothing from 0.
pub(super) fn optional_count(field: &str, raw: Raw<'_>) -> Result<Option<u64>, Bad> {
    let Some(raw) = raw else { return Ok(None) };
    count_of(raw.get(), 1).map(Some).map_err(|what| refuse(Reason::BadNumber, field, raw, what))
}

/// Like [`optional_count`], but the number may stand in text.
pub(super) fn loose_count(field: &str, raw: Raw<'_>) -> Result<Option<u64>, Bad> {
    let Some(raw) = raw else { return Ok(None) };
    let text = scalar(raw).ok_or_else(|| refuse(Reason::BadNumber, field, raw, "a count is a number"))?;
    count_of(text.trim(), 1).map(Some).map_err(|what| refuse(Reason::BadNumber, field, raw, what))
}

/// A whole number from 0 to [`MAX_COUNT`] out of a text, `times` over; else what is wrong with it.
pub(super) fn count_of(text: &str, times: u32) -> Result<u64, &'static str> {
    const ABSURD: &str = "that is absurdly large";
    if times == 1 && text.len() <= 12 && text.bytes().all(|b| b.is_ascii_digit()) && !text.is_empty() {
        return text.parse().map_err(|_| ABSURD);
    }
    if !text.starts_with(|c: char| c == '-' || c.is_ascii_digit()) {
        return Err("a count is a number");
    }
    let scaled = parse_scaled(text, 9).ok().and_then(|scaled| scaled.checked_mul(times.into())).ok_or(ABSURD)?;
    let (whole, fraction) = (scaled / 1_000_000_000, scaled % 1_000_000_000);
    if scaled < 0 {
        return Err("a count is never negative");
    }
    if fraction != 0 {
        return Err("a count is a whole number");
    }
    u64::try_from(whole).ok().filter(|count| *count <= MAX_COUNT).ok_or(ABSURD)
}

/// A number of bytes; negative when freed.
pub(super) fn bytes(field: &str, raw: Raw<'_>) -> Result<i64, Bad> {
    let Some(raw) = raw else { return Ok(0) };
    raw.get().parse().map_err(|_| refuse(Reason::BadNumber, field, raw, "it is a whole number of bytes"))
}

/// Seconds, as a number or in text, as milliseconds.
pub(super) fn milliseconds(field: &str, raw: Raw<'_>) -> Result<u64, Bad> {
    let Some(raw) = raw else { return Ok(0) };
    scalar(raw)
        .and_then(|text| milliseconds_of(&text, MILLISECONDS))
        .ok_or_else(|| refuse(Reason::BadNumber, field, raw, "it is a number of seconds from 0 on"))
}

/// Milliseconds out of a number that is so many `places` coarser.
pub(super) fn milliseconds_of(text: &str, places: u32) -> Option<u64> {
    let milliseconds = u64::try_from(parse_scaled(text, places).ok()?).ok()?;
    (milliseconds <= MAX_COUNT).then_some(milliseconds)
}

/// Dollars, as a number or in text, rounded once to nano-dollars.
pub(super) fn cost(field: &str, raw: Raw<'_>) -> Result<Option<Nanos>, Bad> {
    let Some(raw) = raw else { return Ok(None) };
    let what = "it is an amount of dollars from 0 on, like \"0.000123\"";
    let cost = scalar(raw).and_then(|text| cost_of(&text, DOLLARS));
    cost.map(Some).ok_or_else(|| refuse(Reason::BadNumber, field, raw, what))
}

/// An amount from 0 on out of a number that is so many `places` coarser than nano-dollars, rounded once.
pub(super) fn cost_of(text: &str, places: u32) -> Option<Nanos> {
    let nanos = i64::try_from(parse_scaled(text, places).ok()?).ok()?;
    (nanos >= 0).then_some(Nanos(nanos))
}

/// RFC 3339 in text, or seconds since 1970 as a number or in text; cut to microseconds.
pub(super) fn time(field: &str, raw: Raw<'_>) -> Result<Option<Timestamp>, Bad> {
    let Some(raw) = raw else { return Ok(None) };
    let what = "write RFC 3339, like \"2026-11-23T10:15:30Z\", or seconds since 1970";
    let time = scalar(raw).and_then(|text| time_of(&text));
    time.map(Some).ok_or_else(|| refuse(Reason::BadTime, field, raw, what))
}

/// Like [`time`]; a time that says no offset is UTC.
pub(super) fn utc_time(field: &str, raw: Raw<'_>) -> Result<Option<Timestamp>, Bad> {
    let in_utc = raw.and_then(scalar).and_then(|text| utc_of(&text));
    in_utc.map_or_else(|| time(field, raw), |time| Ok(Some(time)))
}

/// RFC 3339, or seconds since 1970.
pub(super) fn time_of(text: &str) -> Option<Timestamp> {
    if text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'-' | b'.' | b'e' | b'E' | b'+')) {
        unix_time(text, SECOND)
    } else {
        text.parse().ok()
    }
}

/// RFC 3339 without an offset.
fn utc_of(text: &str) -> Option<Timestamp> {
    let digits = text.ends_with(|c: char| c.is_ascii_digit()) && !text.get(10..)?.contains(['+', '-', 'Z', 'z']);
    digits.then(|| format!("{text}Z").parse().ok())?
}

/// A time since 1970 out of a number that is so many `places` coarser than picoseconds.
pub(super) fn unix_time(text: &str, places: u32) -> Option<Timestamp> {
    let pico = parse_scaled(text, places).ok()?;
    in_range(i64::try_from(pico.div_euclid(1_000_000)).ok()?)
}

/// The instant so many microseconds after 1970, if it has a text form.
pub(super) fn in_range(micros: i64) -> Option<Timestamp> {
    SECONDS.contains(&micros.div_euclid(1_000_000)).then_some(Timestamp(micros))
}
