//! From bytes to lines, with a cap: a line without end must not fill the memory.

use bytes::{Bytes, BytesMut};
use mete_store::RAW_LIMIT;

/// The longest line that is read as a record, in bytes. Longer ones are skipped to their end and quarantined.
pub const MAX_LINE: usize = 1024 * 1024;

/// One line of a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// A line without its line end.
    Line {
        /// Where it starts in the source, in bytes.
        position: u64,
        /// Its bytes.
        bytes: Bytes,
    },
    /// A line longer than [`MAX_LINE`].
    TooLong {
        /// Where it starts in the source, in bytes.
        position: u64,
        /// Its first [`RAW_LIMIT`] bytes.
        head: Bytes,
        /// How long it is.
        length: u64,
    },
}

impl Frame {
    /// What stands between two line ends, or is one element of a list; nothing where it is blank.
    #[must_use]
    pub fn of(position: u64, bytes: Bytes) -> Option<Self> {
        let length = bytes.len() as u64;
        if bytes.len() > MAX_LINE {
            return Some(Self::TooLong { position, head: bytes.slice(..RAW_LIMIT), length });
        }
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return None;
        }
        let bytes = if bytes.last() == Some(&b'\r') { bytes.slice(..bytes.len() - 1) } else { bytes };
        Some(Self::Line { position, bytes })
    }
}

/// A line of which the end has not come yet, and which is too long already.
struct Skipping {
    position: u64,
    head: Bytes,
    length: u64,
}

/// Cuts a stream of bytes into lines.
pub struct Framer {
    /// Bytes of the line whose end has not come yet.
    rest: BytesMut,
    /// Where `rest` starts in the source.
    position: u64,
    skipping: Option<Skipping>,
}

impl Framer {
    /// For a stream whose next byte stands at `position` of its source.
    #[must_use]
    pub fn new(position: u64) -> Self {
        Self { rest: BytesMut::new(), position, skipping: None }
    }

    /// Where the first line starts that is not whole yet: all before it was handed out.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.skipping.as_ref().map_or(self.position, |skipping| skipping.position)
    }

    /// Whether a line has begun whose end has not come yet.
    #[must_use]
    pub fn is_within_line(&self) -> bool {
        !self.rest.is_empty() || self.skipping.is_some()
    }

    /// Takes the next bytes and hands out the lines that they complete. Blank lines are passed over.
    pub fn push(&mut self, bytes: &[u8], mut frame: impl FnMut(Frame)) {
        let Some(last) = memchr::memrchr(b'\n', bytes) else {
            self.keep(bytes);
            return;
        };
        let (whole, tail) = bytes.split_at(last + 1);
        self.rest.extend_from_slice(whole);
        let block = self.rest.split().freeze();
        let mut start = 0;
        for end in memchr::memchr_iter(b'\n', &block) {
            self.line(block.slice(start..end), 1, &mut frame);
            start = end + 1;
        }
        self.keep(tail);
    }

    /// The stream has ended: hands out what is there of a last line without an end.
    pub fn finish(&mut self, mut frame: impl FnMut(Frame)) {
        let block = self.rest.split().freeze();
        if !block.is_empty() || self.skipping.is_some() {
            self.line(block, 0, &mut frame);
        }
    }

    fn line(&mut self, bytes: Bytes, end: u64, frame: &mut impl FnMut(Frame)) {
        let length = bytes.len() as u64;
        let start = self.position;
        self.position += length + end;
        if let Some(skipping) = self.skipping.take() {
            frame(Frame::TooLong {
                position: skipping.position,
                head: skipping.head,
                length: skipping.length + length,
            });
        } else if let Some(whole) = Frame::of(start, bytes) {
            frame(whole);
        }
    }

    /// Keeps the beginning of a line; when it is too long, only its head and how long it is.
    fn keep(&mut self, bytes: &[u8]) {
        if let Some(skipping) = &mut self.skipping {
            skipping.length += bytes.len() as u64;
            self.position += bytes.len() as u64;
            return;
        }
        self.rest.extend_from_slice(bytes);
        if self.rest.len() > MAX_LINE {
            let block = self.rest.split().freeze();
            let length = block.len() as u64;
            // A copy, so that the long block itself can go.
            let head = Bytes::copy_from_slice(&block[..RAW_LIMIT]);
            self.skipping = Some(Skipping { position: self.position, head, length });
            self.position += length;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn frames(chunks: &[&[u8]]) -> (Vec<Frame>, u64) {
        let mut framer = Framer::new(0);
        let mut frames = Vec::new();
        for chunk in chunks {
            framer.push(chunk, |frame| frames.push(frame));
        }
        let position = framer.position();
        framer.finish(|frame| frames.push(frame));
        (frames, position)
    }

    fn line(position: u64, text: &str) -> Frame {
        Frame::Line { position, bytes: Bytes::copy_from_slice(text.as_bytes()) }
    }

    #[test]
    fn lines_are_whole_however_the_bytes_come() {
        let (frames, position) = frames(&[b"on", b"e\ntwo\r\n\n  \nthr", b"ee"]);
        assert_eq!(frames, [line(0, "one"), line(4, "two"), line(13, "three")]);
        assert_eq!(position, 13, "the torn line is not read yet");
    }

    #[test]
    fn a_line_that_is_too_long_is_skipped_and_its_neighbours_are_not() {
        let long = vec![b'x'; 10 * 1024 * 1024];
        let mut bytes = b"before\n".to_vec();
        bytes.extend_from_slice(&long);
        bytes.extend_from_slice(b"\nafter\n");
        for size in [bytes.len(), 4096, 1_000_001] {
            let chunks: Vec<&[u8]> = bytes.chunks(size).collect();
            let (frames, _) = frames(&chunks);
            assert_eq!(frames.len(), 3);
            assert_eq!(frames[0], line(0, "before"));
            assert!(
                matches!(&frames[1], Frame::TooLong { position: 7, head, length } if head.len() == RAW_LIMIT && *length == long.len() as u64)
            );
            assert_eq!(frames[2], line(7 + long.len() as u64 + 1, "after"));
        }
    }

    proptest! {
        #[test]
        fn any_cutting_of_the_stream_gives_the_same_lines(text in "[a-c\n]{0,200}", cuts in prop::collection::vec(1..20_usize, 1..60)) {
            let bytes = text.as_bytes();
            let mut chunks = Vec::new();
            let mut rest = bytes;
            for cut in cuts {
                let (chunk, more) = rest.split_at(cut.min(rest.len()));
                chunks.push(chunk);
                rest = more;
            }
            chunks.push(rest);
            prop_assert_eq!(frames(&chunks).0, frames(&[bytes]).0);
        }
    }
}
