//! Compressed input, told by its first bytes: gzip and zstd.

use std::io::{self, BufReader, Cursor, Read};

use flate2::read::MultiGzDecoder;

/// The largest window of zstd that is decoded, as a power of two: 32 MiB. `zstd -19` takes 8 MiB; only `--ultra` and
/// `--long` take more, and then the decoder would hold up to 2 GiB.
const WINDOW_LOG: u32 = 25;

/// Bytes of compressed input that are read at once.
const COMPRESSED_BLOCK: usize = 64 * 1024;

/// How an input is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// RFC 1952; several members one after another are one stream.
    Gzip,
    /// RFC 8878; several frames one after another are one stream.
    Zstd,
}

impl Compression {
    /// Each with the bytes that it begins with. No line of text begins so.
    const MAGIC: [(Self, &'static [u8]); 2] = [(Self::Gzip, &[0x1f, 0x8b]), (Self::Zstd, &[0x28, 0xb5, 0x2f, 0xfd])];

    /// How an input is compressed that begins with `head`; `None` if it is not.
    #[must_use]
    pub fn of(head: &[u8]) -> Option<Self> {
        Self::MAGIC.into_iter().find(|(_, magic)| head.starts_with(magic)).map(|(compression, _)| compression)
    }

    /// Whether more bytes are needed to tell.
    fn is_undecided(head: &[u8]) -> bool {
        Self::MAGIC.iter().any(|(_, magic)| magic.len() > head.len() && magic.starts_with(head))
    }

    /// Decodes `input`, in bounded memory.
    ///
    /// # Errors
    /// When there is no memory for a decoder.
    pub fn decode<R: Read + Send + 'static>(self, input: R) -> io::Result<Box<dyn Read + Send>> {
        let input = BufReader::with_capacity(COMPRESSED_BLOCK, input);
        Ok(match self {
            Self::Gzip => Box::new(MultiGzDecoder::new(input)),
            Self::Zstd => {
                let mut decoder = zstd::stream::read::Decoder::with_buffer(input)?;
                decoder.window_log_max(WINDOW_LOG)?;
                Box::new(decoder)
            }
        })
    }
}

/// What `input` says, decompressed if it is compressed. Reads no more of it than is needed to tell.
///
/// # Errors
/// When it cannot be read.
pub fn decoded<R: Read + Send + 'static>(mut input: R) -> io::Result<Box<dyn Read + Send>> {
    let mut head = Vec::new();
    while Compression::is_undecided(&head) {
        let mut byte = [0];
        match input.read(&mut byte) {
            Ok(0) => break,
            Ok(_) => head.push(byte[0]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    let compression = Compression::of(&head);
    let whole = Cursor::new(head).chain(input);
    match compression {
        None => Ok(Box::new(whole)),
        Some(compression) => compression.decode(whole),
    }
}

/// Whether `error` tells of what was compressed, and not of the system: reading it again would not help.
#[must_use]
pub fn is_corrupt(error: &io::Error) -> bool {
    error.raw_os_error().is_none() && error.kind() != io::ErrorKind::Interrupted
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression as Level;
    use flate2::write::GzEncoder;

    use super::*;

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Level::fast());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn zstd(text: &[u8]) -> Vec<u8> {
        // As the program of that name does.
        let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 3).unwrap();
        encoder.include_checksum(true).unwrap();
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn read(bytes: &[u8]) -> io::Result<Vec<u8>> {
        let mut text = Vec::new();
        decoded(Cursor::new(bytes.to_vec()))?.read_to_end(&mut text)?;
        Ok(text)
    }

    #[test]
    fn what_is_compressed_is_told_by_its_first_bytes() {
        let text = b"one\ntwo\n".repeat(10_000);
        for bytes in [text.clone(), gzip(&text), zstd(&text)] {
            assert_eq!(read(&bytes).unwrap(), text);
        }
        for text in ["", "\x1f", "(", "(\u{b5}", "{}\n"] {
            assert_eq!(read(text.as_bytes()).unwrap(), text.as_bytes());
        }
    }

    #[test]
    fn parts_one_after_another_are_one_stream() {
        for bytes in [[gzip(b"a\n"), gzip(b"b\n")].concat(), [zstd(b"a\n"), zstd(b"b\n")].concat()] {
            assert_eq!(read(&bytes).unwrap(), b"a\nb\n");
        }
    }

    #[test]
    fn what_is_torn_anywhere_is_an_error_and_corrupt() {
        let text: Vec<u8> = (0..20_000_u32).flat_map(u32::to_le_bytes).collect();
        for bytes in [gzip(&text), zstd(&text)] {
            for end in [10, bytes.len() / 2, bytes.len() - 1] {
                let error = read(&bytes[..end]).err().unwrap();
                assert!(is_corrupt(&error) && error.kind() == io::ErrorKind::UnexpectedEof, "{end}: {error:?}");
            }
            let mut bad = bytes.clone();
            bad[bytes.len() / 2..][..64].fill(0xff);
            assert!(read(&bad).is_err_and(|error| is_corrupt(&error)));
        }
        assert!(!is_corrupt(&io::Error::from_raw_os_error(5)));
    }

    #[test]
    fn a_window_that_would_fill_the_memory_is_refused() {
        let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
        encoder.window_log(WINDOW_LOG + 2).unwrap();
        encoder.include_contentsize(false).unwrap();
        encoder.write_all(&b"x".repeat(1000)).unwrap();
        assert!(is_corrupt(&read(&encoder.finish().unwrap()).unwrap_err()));
    }
}
