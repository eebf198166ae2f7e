//! Bodies: taken off the wire and unpacked, within bounds of size and time.

use std::io::{self, BufRead, Read};
use std::time::Duration;

use bytes::Buf;
use http_body_util::BodyExt;
use hyper::HeaderMap;
use hyper::body::{Body, Incoming};
use hyper::header::CONTENT_ENCODING;
use tokio::time::{Instant, timeout, timeout_at};

use super::budget::{Budget, Buffer};
use super::refused::Refused;

/// How long a client may pause while it sends a body, and how long all of it may take.
const LONGEST_PAUSE: Duration = Duration::from_secs(15);
const LONGEST: Duration = Duration::from_secs(120);

/// The largest window that a zstd frame may ask for, as a power of two: 8 MiB, what RFC 8878 has every decoder offer.
const ZSTD_WINDOW: u32 = 23;

/// How a body is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    /// Not at all.
    Identity,
    Gzip,
    Zstd,
}

impl Encoding {
    /// What the headers say.
    ///
    /// # Errors
    /// When it is another one, or several.
    pub(super) fn of(headers: &HeaderMap) -> Result<Self, Refused> {
        let mut values = headers.get_all(CONTENT_ENCODING).iter();
        let (Some(value), None) = (values.next(), values.next()) else {
            return if headers.contains_key(CONTENT_ENCODING) {
                Err(Refused::Encoding("several".to_owned()))
            } else {
                Ok(Self::Identity)
            };
        };
        let name = String::from_utf8_lossy(value.as_bytes()).trim().to_ascii_lowercase();
        match name.as_str() {
            "" | "identity" => Ok(Self::Identity),
            "gzip" | "x-gzip" => Ok(Self::Gzip),
            "zstd" => Ok(Self::Zstd),
            _ => Err(Refused::Encoding(name.chars().take(50).collect())),
        }
    }
}

/// Takes a body off the wire: `limit` bytes at most.
///
/// # Errors
/// When it is larger, does not come in time or not whole, or there is no memory for it.
pub(crate) async fn receive(body: &mut Incoming, budget: &Budget, limit: usize) -> Result<Buffer, Refused> {
    if body.size_hint().lower() > limit as u64 {
        return Err(Refused::TooLarge { limit });
    }
    let deadline = Instant::now() + LONGEST;
    let mut buffer = budget.buffer(limit);
    loop {
        let frame = timeout_at(deadline, timeout(LONGEST_PAUSE, body.frame())).await;
        let Ok(Ok(frame)) = frame else { return Err(Refused::TooSlow) };
        let Some(frame) = frame else { return Ok(buffer) };
        let Ok(frame) = frame else { return Err(Refused::Torn) };
        if let Some(data) = frame.data_ref() {
            buffer.push(data.chunk())?;
        }
    }
}

/// Unpacks a body: `limit` bytes at most. Blocks.
///
/// # Errors
/// When it is larger then, torn, or not what it says.
pub(super) fn unpack(packed: Buffer, encoding: Encoding, budget: &Budget, limit: usize) -> Result<Buffer, Refused> {
    let unreadable =
        |error: io::Error| Refused::Unreadable(format!("it is no whole {encoding:?} stream ({error})").into());
    match encoding {
        Encoding::Identity => Ok(packed),
        Encoding::Gzip => {
            let decoder = flate2::bufread::MultiGzDecoder::new(packed.as_slice());
            drain(decoder, budget.buffer(limit), unreadable)
        }
        Encoding::Zstd => {
            if packed.as_slice().is_empty() {
                return Err(unreadable(io::ErrorKind::UnexpectedEof.into()));
            }
            let mut decoder = zstd::stream::read::Decoder::with_buffer(packed.as_slice()).map_err(unreadable)?;
            decoder.window_log_max(ZSTD_WINDOW).map_err(unreadable)?;
            drain(decoder, budget.buffer(limit), unreadable)
        }
    }
}

/// Reads to the end.
fn drain(source: impl Read, mut into: Buffer, unreadable: impl Fn(io::Error) -> Refused) -> Result<Buffer, Refused> {
    let mut source = io::BufReader::with_capacity(64 * 1024, source);
    loop {
        let block = source.fill_buf().map_err(&unreadable)?;
        if block.is_empty() {
            return Ok(into);
        }
        into.push(block)?;
        let length = block.len();
        source.consume(length);
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    const LIMIT: usize = 1024 * 1024;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn zstd(bytes: &[u8]) -> Vec<u8> {
        zstd::encode_all(bytes, 1).unwrap()
    }

    fn unpacked(packed: &[u8], encoding: Encoding) -> Result<Vec<u8>, Refused> {
        let budget = Budget::new(8 * LIMIT);
        let mut buffer = budget.buffer(LIMIT);
        buffer.push(packed).unwrap();
        unpack(buffer, encoding, &budget, LIMIT).map(|buffer| buffer.as_slice().to_vec())
    }

    #[test]
    fn what_was_packed_comes_out_whole() {
        let text = b"usage\n".repeat(10_000);
        for (packed, encoding) in [(gzip(&text), Encoding::Gzip), (zstd(&text), Encoding::Zstd)] {
            assert_eq!(unpacked(&packed, encoding).unwrap(), text);
            // Several members or frames one after the other are one stream.
            assert_eq!(unpacked(&packed.repeat(2), encoding).unwrap(), text.repeat(2));
        }
    }

    #[test]
    fn what_is_torn_or_something_else_is_refused() {
        let text = b"usage\n".repeat(10_000);
        for (packed, encoding) in [(gzip(&text), Encoding::Gzip), (zstd(&text), Encoding::Zstd)] {
            for cut in [0, 1, 5, packed.len() / 2, packed.len() - 1] {
                let torn = unpacked(&packed[..cut], encoding);
                assert!(matches!(torn, Err(Refused::Unreadable(_))), "{encoding:?} cut at {cut}");
            }
            assert!(matches!(unpacked(&text, encoding), Err(Refused::Unreadable(_))));
            let followed = [&packed[..], b"rubbish"].concat();
            assert!(matches!(unpacked(&followed, encoding), Err(Refused::Unreadable(_))), "{encoding:?}");
        }
    }

    #[test]
    fn a_small_body_cannot_become_a_huge_one() {
        let zeros = vec![0; 50 * LIMIT];
        for (packed, encoding) in [(gzip(&zeros), Encoding::Gzip), (zstd(&zeros), Encoding::Zstd)] {
            assert!(packed.len() < LIMIT);
            assert!(matches!(unpacked(&packed, encoding), Err(Refused::TooLarge { limit: LIMIT })));
        }
    }
}
