//! Segments: many events of one month as one row, packed by columns. About 20 bytes an event where a row has 46 (SQLite)
//! or 149 (Postgres), and one insert in place of thousands.
//!
//! A body is: the format's number (1 byte), the number of events (varint), their ids (8 bytes each, little endian: hashes
//! do not compress), then one zstd frame a column: times as differences in varints, the others as varints, and last what
//! few events have beside their columns. Frames carry a checksum.

use crate::error::StoreError;

/// Numbers of an event's row, in the order of the columns: `ts`, `id`, `series`, `input`, `cached_input`, `cache_write`,
/// `output`, `reasoning`, `cost`, `rating`.
pub(super) type Numbers = [i64; 10];

/// Where in [`Numbers`] some of them are.
pub(super) const TS: usize = 0;
pub(super) const ID: usize = 1;
pub(super) const SERIES: usize = 2;
pub(super) const INPUT: usize = 3;
pub(super) const CACHED_INPUT: usize = 4;
pub(super) const OUTPUT: usize = 6;
pub(super) const COST: usize = 8;
pub(super) const RATING: usize = 9;

/// An event as the store keeps it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct EventRow {
    pub(super) numbers: Numbers,
    /// JSON of what has no column.
    pub(super) extra: Option<Box<str>>,
}

/// The most events of one segment: few enough to unpack one for a single look-up, enough to pack well.
pub(super) const SEGMENT: usize = 8192;

const FORMAT: u8 = 1;

/// A higher level is slower and packs these columns hardly better (measured).
const LEVEL: i32 = 1;

/// Packs rows that are in order of their time.
pub(super) fn pack(rows: &[EventRow]) -> Result<Vec<u8>, StoreError> {
    let mut body = vec![FORMAT];
    put(&mut body, rows.len() as u64);
    for row in rows {
        body.extend_from_slice(&row.numbers[ID].to_le_bytes());
    }
    let mut compressor = zstd::bulk::Compressor::new(LEVEL).map_err(|error| failed(&error))?;
    compressor.include_checksum(true).map_err(|error| failed(&error))?;
    let mut column = Vec::with_capacity(rows.len() * 3);
    let mut finish = |column: &mut Vec<u8>| -> Result<(), StoreError> {
        let frame = compressor.compress(column).map_err(|error| failed(&error))?;
        put(&mut body, column.len() as u64);
        put(&mut body, frame.len() as u64);
        body.extend_from_slice(&frame);
        column.clear();
        Ok(())
    };
    let mut before = 0_i64;
    for row in rows {
        put(&mut column, row.numbers[TS].wrapping_sub(before).cast_unsigned());
        before = row.numbers[TS];
    }
    finish(&mut column)?;
    for number in SERIES..Numbers::default().len() {
        for row in rows {
            put(&mut column, row.numbers[number].cast_unsigned());
        }
        finish(&mut column)?;
    }
    for (place, row) in rows.iter().enumerate() {
        if let Some(extra) = &row.extra {
            put(&mut column, place as u64);
            put(&mut column, extra.len() as u64);
            column.extend_from_slice(extra.as_bytes());
        }
    }
    finish(&mut column)?;
    Ok(body)
}

/// The ids alone, without unpacking the rest.
pub(super) fn ids(body: &[u8]) -> Result<impl Iterator<Item = i64>, StoreError> {
    let mut rest = body;
    let count = head(&mut rest)?;
    let ids = rest.get(..count * 8).ok_or_else(|| broken("it ends within its ids"))?;
    Ok(ids.as_chunks().0.iter().map(|bytes| i64::from_le_bytes(*bytes)))
}

/// All rows, as they were packed.
pub(super) fn unpack(body: &[u8]) -> Result<Vec<EventRow>, StoreError> {
    let mut rows: Vec<EventRow> = ids(body)?
        .map(|id| {
            let mut numbers = Numbers::default();
            numbers[ID] = id;
            EventRow { numbers, extra: None }
        })
        .collect();
    let mut rest = body;
    let count = head(&mut rest)?;
    rest = &rest[count * 8..];
    let mut column = frame(&mut rest)?;
    let mut text = column.as_slice();
    let mut time = 0_i64;
    for row in &mut rows {
        time = time.wrapping_add(take(&mut text)?.cast_signed());
        row.numbers[TS] = time;
    }
    for number in SERIES..Numbers::default().len() {
        column = frame(&mut rest)?;
        text = column.as_slice();
        for row in &mut rows {
            row.numbers[number] = take(&mut text)?.cast_signed();
        }
    }
    column = frame(&mut rest)?;
    text = column.as_slice();
    while !text.is_empty() {
        let (place, length) = (index(&mut text)?, index(&mut text)?);
        let bytes = text.split_off(..length).ok_or_else(|| broken("it ends within a text"))?;
        let extra = std::str::from_utf8(bytes).map_err(|_| broken("it has a text that is no UTF-8"))?;
        rows.get_mut(place).ok_or_else(|| broken("it has a text of no event"))?.extra = Some(extra.into());
    }
    Ok(rows)
}

/// Format and number of events.
fn head(rest: &mut &[u8]) -> Result<usize, StoreError> {
    if rest.split_off_first() != Some(&FORMAT) {
        return Err(broken("it is of another format"));
    }
    index(rest).ok().filter(|count| *count <= SEGMENT).ok_or_else(|| broken("it has an absurd number of events"))
}

/// The next column, unpacked.
fn frame(rest: &mut &[u8]) -> Result<Vec<u8>, StoreError> {
    // No column is larger: ten bytes an event, or the longest texts that fit a commit.
    const MOST: usize = 256 * 1024 * 1024;
    let (length, packed) = (index(rest)?, index(rest)?);
    let bytes = rest.split_off(..packed).ok_or_else(|| broken("it ends within a column"))?;
    if length > MOST {
        return Err(broken("it has an absurdly long column"));
    }
    zstd::bulk::decompress(bytes, length).map_err(|error| broken(&error.to_string()))
}

fn put(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

fn take(bytes: &mut &[u8]) -> Result<u64, StoreError> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let byte = *bytes.split_off_first().ok_or_else(|| broken("it ends within a number"))?;
        number |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Ok(number);
        }
    }
    Err(broken("it has a number that is too long"))
}

fn index(bytes: &mut &[u8]) -> Result<usize, StoreError> {
    usize::try_from(take(bytes)?).map_err(|_| broken("it has a number that is too large"))
}

fn failed(error: &std::io::Error) -> StoreError {
    StoreError::Corrupt(format!("events that cannot be packed ({error})"))
}

fn broken(what: &str) -> StoreError {
    StoreError::Corrupt(format!("a segment of events that cannot be unpacked ({what})"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn row() -> impl Strategy<Value = EventRow> {
        let extra = proptest::option::weighted(0.2, ".{0,40}".prop_map(String::into_boxed_str));
        (any::<Numbers>(), extra).prop_map(|(numbers, extra)| EventRow { numbers, extra })
    }

    proptest! {
        #[test]
        fn what_is_packed_is_unpacked(mut rows in prop::collection::vec(row(), 0..200)) {
            rows.sort();
            let body = pack(&rows).unwrap();
            prop_assert_eq!(ids(&body).unwrap().collect::<Vec<_>>(), rows.iter().map(|row| row.numbers[ID]).collect::<Vec<_>>());
            prop_assert_eq!(unpack(&body).unwrap(), rows);
        }

        #[test]
        fn a_damaged_segment_is_an_error_or_says_the_same(rows in prop::collection::vec(row(), 1..20), at: prop::sample::Index, bit in 0..8_u8) {
            let mut body = pack(&rows).unwrap();
            let count = rows.len();
            let at = at.index(body.len());
            body[at] ^= 1 << bit;
            // Ids carry no checksum; all else is told from what it was.
            let ids = 2..2 + 8 * count;
            if let Ok(unpacked) = unpack(&body) {
                let same = |one: &EventRow, other: &EventRow| one.extra == other.extra && one.numbers[SERIES..] == other.numbers[SERIES..];
                prop_assert!(ids.contains(&at) || unpacked.len() != count || unpacked.iter().zip(&rows).all(|(one, other)| same(one, other)));
            }
        }

        #[test]
        fn no_bytes_do_harm(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = unpack(&bytes);
            let _ = unpack(&[&[FORMAT], bytes.as_slice()].concat());
        }
    }

    #[test]
    fn a_usual_event_takes_less_than_24_bytes() {
        let mut random = 1_u64;
        let mut below = |limit: u64| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (random >> 33) % limit
        };
        let mut time = 1_793_491_200_000_000;
        let rows: Vec<EventRow> = (0..SEGMENT)
            .map(|_| {
                time += below(20_000).cast_signed();
                let (input, output) = (below(6_000).cast_signed(), below(1_500).cast_signed());
                let id = ((below(1 << 31) << 33) | (below(1 << 31) << 2)).cast_signed();
                let numbers =
                    [time, id, below(2_000).cast_signed(), input, 0, 0, output, 0, input * 150 + output * 600, 1];
                EventRow { numbers, extra: None }
            })
            .collect();
        let size = pack(&rows).unwrap().len();
        assert!(size < 24 * SEGMENT, "{} bytes an event", size / SEGMENT);
    }
}
