//! Instants and the calendar of the ledger: UTC, always.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Microseconds in one second.
pub const SECOND: i64 = 1_000_000;
/// Microseconds in one minute.
pub const MINUTE: i64 = 60 * SECOND;
/// Microseconds in one hour.
pub const HOUR: i64 = 60 * MINUTE;
/// Microseconds in one day.
pub const DAY: i64 = 24 * HOUR;

/// An instant: microseconds since 1970-01-01 00:00:00 UTC.
///
/// Text form: RFC 3339 in UTC. Only instants of the years 1 to 9999 have one; everything that comes from outside is
/// checked against that when it is parsed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// The hour it lies in: hours since 1970.
    #[must_use]
    pub const fn hour(self) -> i64 {
        self.0.div_euclid(HOUR)
    }

    /// The UTC day it lies in: days since 1970.
    #[must_use]
    pub const fn day(self) -> i64 {
        self.0.div_euclid(DAY)
    }

    /// The UTC calendar month it lies in (R32).
    #[must_use]
    pub const fn month(self) -> Month {
        Month::of_day(self.day())
    }

    /// The second that it is in: people read no microseconds.
    #[must_use]
    pub const fn to_the_second(self) -> Self {
        Self(self.0 - self.0.rem_euclid(SECOND))
    }

    /// `micros` later; saturates.
    #[must_use]
    pub const fn plus(self, micros: i64) -> Self {
        Self(self.0.saturating_add(micros))
    }

    /// Microseconds from `earlier` to this instant; negative if `earlier` is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(text) = Rfc3339::of(*self) {
            return f.pad(text.as_str());
        }
        match jiff::Timestamp::from_microsecond(self.0) {
            Ok(instant) => f.pad(&instant.to_string()),
            Err(_) => write!(f, "{}µs", self.0),
        }
    }
}

/// `YYYY-MM-DDTHH:MM:SS[.f…]Z`, written without a general printer: every answer about money that is held has one.
struct Rfc3339 {
    text: [u8; 27],
    length: usize,
}

impl Rfc3339 {
    /// That of an instant in the years 1 to 9999.
    fn of(time: Timestamp) -> Option<Self> {
        let (year, month, day) = civil_from_days(time.day());
        if !(1..=9999).contains(&year) {
            return None;
        }
        let mut rfc = Self { text: *b"0000-00-00T00:00:00.000000Z", length: 27 };
        let micros = time.0.rem_euclid(DAY);
        let (seconds, mut fraction) = (micros / SECOND, micros % SECOND);
        let times = [(0..4, year), (5..7, month), (8..10, day), (11..13, seconds / 3600)];
        let (minutes, seconds) = (seconds / 60 % 60, seconds % 60);
        for (range, number) in times.into_iter().chain([(14..16, minutes), (17..19, seconds)]) {
            rfc.put(range, number);
        }
        if fraction == 0 {
            rfc.end(19);
        } else {
            let mut digits = 6;
            while fraction % 10 == 0 {
                (fraction, digits) = (fraction / 10, digits - 1);
            }
            rfc.put(20..20 + digits, fraction);
            rfc.end(20 + digits);
        }
        Some(rfc)
    }

    /// Writes a number that fills the range.
    fn put(&mut self, range: std::ops::Range<usize>, mut number: i64) {
        for place in self.text[range].iter_mut().rev() {
            *place = b'0' + (number % 10) as u8;
            number /= 10;
        }
    }

    fn end(&mut self, length: usize) {
        self.text[length] = b'Z';
        self.length = length + 1;
    }

    fn as_str(&self) -> &str {
        // Only ASCII was written.
        std::str::from_utf8(&self.text[..self.length]).unwrap_or_default()
    }
}

/// A text that is no instant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no time: write RFC 3339, like 2026-11-23T10:15:30Z")]
pub struct ParseTimeError(pub String);

impl FromStr for Timestamp {
    type Err = ParseTimeError;

    fn from_str(text: &str) -> Result<Self, ParseTimeError> {
        parse_rfc3339(text.as_bytes())
            .or_else(|| text.parse::<jiff::Timestamp>().ok().map(|t| Self(t.as_microsecond())))
            .ok_or_else(|| ParseTimeError(text.chars().take(64).collect()))
    }
}

/// The common shape `YYYY-MM-DDTHH:MM:SS[.f…]Z`, read without a general parser: it stands in nearly every log line.
/// `None` sends the caller to the general one.
fn parse_rfc3339(text: &[u8]) -> Option<Timestamp> {
    if text.len() < 20 || text[4] != b'-' || text[7] != b'-' || text[13] != b':' || text[16] != b':' {
        return None;
    }
    if !matches!(text[10], b'T' | b't' | b' ') || *text.last()? != b'Z' {
        return None;
    }
    let number = |range: std::ops::Range<usize>| {
        text[range].iter().try_fold(0_i64, |n, b| b.is_ascii_digit().then(|| n * 10 + i64::from(b - b'0')))
    };
    let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
    let (hour, minute, second) = (number(11..13)?, number(14..16)?, number(17..19)?);
    if year == 0 || !(1..=12).contains(&month) || day == 0 || day > days_in_month(year, month) {
        return None;
    }
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let fraction = match &text[19..text.len() - 1] {
        [] => 0,
        [b'.', digits @ ..] if !digits.is_empty() => {
            let mut micros = 0;
            for place in 0..6 {
                let digit = digits.get(place).map_or(Some(0), |b| b.is_ascii_digit().then(|| i64::from(b - b'0')))?;
                micros = micros * 10 + digit;
            }
            digits.iter().all(u8::is_ascii_digit).then_some(micros)?
        }
        _ => return None,
    };
    let seconds = (days_from_civil(year, month, day) * 24 + hour) * 3600 + minute * 60 + second;
    Some(Timestamp(seconds * SECOND + fraction))
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A calendar month in UTC, stored as `yyyymm`; text form `2026-11`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month(u32);

impl Month {
    /// From the stored form `yyyymm`; `None` if that is no month of the years 1 to 9999.
    #[must_use]
    pub const fn from_yyyymm(yyyymm: i64) -> Option<Self> {
        let (year, month) = (yyyymm / 100, yyyymm % 100);
        if year < 1 || year > 9999 || month < 1 || month > 12 {
            return None;
        }
        Some(Self((year * 100 + month) as u32))
    }

    /// The stored form `yyyymm`.
    #[must_use]
    pub const fn yyyymm(self) -> i64 {
        self.0 as i64
    }

    /// The month of a day that is given as days since 1970.
    #[must_use]
    pub const fn of_day(day: i64) -> Self {
        let (year, month, _) = civil_from_days(day);
        Self((year * 100 + month) as u32)
    }

    /// Its first instant, 00:00 UTC on the 1st.
    #[must_use]
    pub const fn start(self) -> Timestamp {
        Timestamp(days_from_civil(self.0 as i64 / 100, self.0 as i64 % 100, 1) * DAY)
    }

    /// The first instant after it: when budgets start anew (R26).
    #[must_use]
    pub const fn end(self) -> Timestamp {
        self.next().start()
    }

    /// The month after it.
    #[must_use]
    pub const fn next(self) -> Self {
        if self.0 % 100 == 12 { Self(self.0 + 89) } else { Self(self.0 + 1) }
    }

    /// The month before it.
    #[must_use]
    pub const fn previous(self) -> Self {
        if self.0 % 100 == 1 { Self(self.0 - 89) } else { Self(self.0 - 1) }
    }

    /// Its first and last day, as days since 1970.
    #[must_use]
    pub const fn days(self) -> (i64, i64) {
        (self.start().day(), self.end().day() - 1)
    }

    /// Its English name and year, as in `November 2026`.
    #[must_use]
    pub fn name(self) -> String {
        const NAMES: [&str; 12] = [
            "January",
            "February",
            "March",
            "April",
            "May",
            "June",
            "July",
            "August",
            "September",
            "October",
            "November",
            "December",
        ];
        format!("{} {}", NAMES[(self.0 % 100) as usize - 1], self.0 / 100)
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{:04}-{:02}", self.0 / 100, self.0 % 100))
    }
}

/// A text that is no month.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no month: write YYYY-MM, like 2026-11")]
pub struct ParseMonthError(pub String);

impl FromStr for Month {
    type Err = ParseMonthError;

    fn from_str(text: &str) -> Result<Self, ParseMonthError> {
        text.split_once('-')
            .filter(|(year, month)| year.len() == 4 && month.len() == 2)
            .filter(|(year, month)| year.bytes().chain(month.bytes()).all(|b| b.is_ascii_digit()))
            .and_then(|(year, month)| Some((year.parse::<i64>().ok()?, month.parse::<i64>().ok()?)))
            .and_then(|(year, month)| Self::from_yyyymm(year * 100 + month))
            .ok_or_else(|| ParseMonthError(text.chars().take(64).collect()))
    }
}

impl Serialize for Month {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// `YYYY-MM-DD` of a day that is given as days since 1970.
#[must_use]
pub fn day_label(day: i64) -> String {
    let (year, month, day) = civil_from_days(day);
    format!("{year:04}-{month:02}-{day:02}")
}

/// Day of the month, from 1, of a day that is given as days since 1970.
#[must_use]
pub const fn day_of_month(day: i64) -> i64 {
    civil_from_days(day).2
}

const fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

/// Days since 1970 of a civil date in the proleptic Gregorian calendar; years are counted from March so that the leap
/// day is a year's last.
const fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// Year, month, day of a day since 1970: the inverse of [`days_from_civil`].
const fn civil_from_days(day: i64) -> (i64, i64, i64) {
    let shifted = day + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + if month <= 2 { 1 } else { 0 };
    (year, month, day_of_year - (153 * month_from_march + 2) / 5 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_written_as_the_general_printer_writes_them() {
        let day = (-719_163..2_932_896).step_by(97).chain([-719_162, 2_932_895]);
        for (number, day) in (0_i64..).zip(day) {
            let micros = [0, 1, 999_999, 500_000, 120_000, 86_399_999_999, 43_200_000_000];
            let time = Timestamp(day * DAY + micros[number as usize % micros.len()] + number % 3 * 1_001_000);
            let jiff = jiff::Timestamp::from_microsecond(time.0).unwrap().to_string();
            assert_eq!((time.to_string(), time.to_string().parse()), (jiff, Ok(time)));
        }
        assert_eq!(format!("{:>22}|", Timestamp(0)), "  1970-01-01T00:00:00Z|");
        assert_eq!(Timestamp(i64::MAX).to_string(), format!("{}µs", i64::MAX));
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn r32_month_edges_fall_where_utc_says() {
        for (instant, month) in [
            ("2026-11-30T23:59:59.999999Z", "2026-11"),
            ("2026-12-01T00:00:00Z", "2026-12"),
            ("2026-12-31T23:59:59.999999Z", "2026-12"),
            ("2027-01-01T00:00:00Z", "2027-01"),
            ("2028-02-29T23:59:59.999999Z", "2028-02"),
            ("2028-03-01T00:00:00Z", "2028-03"),
            ("2100-02-28T23:59:59.999999Z", "2100-02"),
            ("2100-03-01T00:00:00Z", "2100-03"),
            ("1969-12-31T23:59:59.999999Z", "1969-12"),
        ] {
            assert_eq!(at(instant).month().to_string(), month, "{instant}");
        }
    }

    #[test]
    fn calendar_agrees_with_jiff_for_every_day_of_800_years() {
        let mut date = jiff::civil::date(1600, 1, 1);
        let mut day = at("1600-01-01T00:00:00Z").day();
        while date.year() < 2400 {
            assert_eq!(day_label(day), date.to_string());
            assert_eq!(Month::of_day(day).yyyymm(), i64::from(date.year()) * 100 + i64::from(date.month()));
            date = date.tomorrow().unwrap();
            day += 1;
        }
    }

    #[test]
    fn times_are_read_with_offsets_and_fractions_and_shown_in_utc() {
        for (text, shown) in [
            ("2026-11-23T10:15:30.123456Z", "2026-11-23T10:15:30.123456Z"),
            ("2026-11-23T10:15:30.1234569Z", "2026-11-23T10:15:30.123456Z"),
            ("2026-11-23 10:15:30Z", "2026-11-23T10:15:30Z"),
            ("2026-11-23T11:15:30+01:00", "2026-11-23T10:15:30Z"),
            ("2026-11-23 10:19:06.729826+00:00", "2026-11-23T10:19:06.729826Z"),
        ] {
            assert_eq!(at(text).to_string(), shown, "{text}");
        }
        for text in [
            "",
            "yesterday",
            "2026-02-29T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-11-23T25:00:00Z",
            "2026-11-23T10:15:30.Z",
        ] {
            assert!(text.parse::<Timestamp>().is_err(), "{text}");
        }
    }

    #[test]
    fn months_follow_one_another() {
        let december: Month = "2026-12".parse().unwrap();
        assert_eq!(december.next().to_string(), "2027-01");
        assert_eq!(december.next().previous(), december);
        assert_eq!(december.end(), december.next().start());
        assert_eq!(december.name(), "December 2026");
        for text in ["2026-00", "2026-13", "2026-1", "26-11", "2026/11", "0000-01", "+026-11"] {
            assert!(text.parse::<Month>().is_err(), "{text}");
        }
    }
}
