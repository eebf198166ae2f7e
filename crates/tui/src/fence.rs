//! A writer that hands over whole frames: nothing until it is flushed, then everything inside one synchronized update,
//! so that a terminal never shows half a frame.

use std::io::{self, Write};

/// Tells the terminal to hold back what follows (DEC private mode 2026).
const BEGIN: &[u8] = b"\x1b[?2026h";
/// Tells it to show what it held back.
pub const END: &[u8] = b"\x1b[?2026l";

/// Collects what is written until it is flushed.
#[derive(Debug)]
pub struct Fenced<W> {
    inner: W,
    frame: Vec<u8>,
}

impl<W: Write> Fenced<W> {
    /// Writes whole frames to `inner`.
    pub fn new(inner: W) -> Self {
        Self { inner, frame: BEGIN.to_vec() }
    }
}

impl<W: Write> Write for Fenced<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.frame.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.frame.len() > BEGIN.len() {
            self.frame.extend_from_slice(END);
            let written = self.inner.write_all(&self.frame);
            self.frame.truncate(BEGIN.len());
            written?;
        }
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_written_whole_and_an_empty_one_not_at_all() {
        let mut bytes = Vec::new();
        let mut fenced = Fenced::new(&mut bytes);
        fenced.flush().unwrap();
        fenced.write_all(b"a").unwrap();
        fenced.write_all(b"b").unwrap();
        fenced.flush().unwrap();
        fenced.flush().unwrap();
        assert_eq!(bytes, b"\x1b[?2026hab\x1b[?2026l");
    }
}
