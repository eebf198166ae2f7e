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
    sixteen: bool,
}

impl<W: Write> Fenced<W> {
    /// Writes whole frames to `inner`; with `sixteen`, colours as terminals of 16 colours understand them.
    pub fn new(inner: W, sixteen: bool) -> Self {
        Self { inner, frame: BEGIN.to_vec(), sixteen }
    }
}

/// Colours the way of terminals with 16: crossterm asks for the sixteen as some of 256 (`38;5;1`), of which older
/// terminals understand the parts, such as blinking.
fn of_sixteen(frame: &[u8]) -> Vec<u8> {
    let mut rewritten = Vec::with_capacity(frame.len());
    let mut rest = frame;
    while let Some(start) = rest.windows(2).position(|pair| pair == b"\x1b[") {
        let (before, sequence) = rest.split_at(start + 2);
        rewritten.extend_from_slice(before);
        let length = sequence.iter().position(|byte| !byte.is_ascii_digit() && *byte != b';').unwrap_or(sequence.len());
        let (parameters, after) = sequence.split_at(length);
        match (after.first(), std::str::from_utf8(parameters)) {
            (Some(b'm'), Ok(parameters)) => rewritten.extend_from_slice(plainer(parameters).as_bytes()),
            _ => rewritten.extend_from_slice(parameters),
        }
        rest = after;
    }
    rewritten.extend_from_slice(rest);
    rewritten
}

fn plainer(parameters: &str) -> String {
    let parameters: Vec<&str> = parameters.split(';').collect();
    let mut plain = Vec::with_capacity(parameters.len());
    let mut rest = parameters.as_slice();
    while let [first, after @ ..] = rest {
        let color = match after {
            ["5", color, ..] if *first == "38" || *first == "48" => color.parse::<u16>().ok(),
            _ => None,
        };
        match color {
            Some(color @ 0..16) => {
                let base = if *first == "38" { 30 } else { 40 };
                plain.push((base + color % 8 + if color < 8 { 0 } else { 60 }).to_string());
                rest = &after[2..];
            }
            _ => {
                plain.push((*first).to_owned());
                rest = after;
            }
        }
    }
    plain.join(";")
}

impl<W: Write> Write for Fenced<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.frame.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.frame.len() > BEGIN.len() {
            if self.sixteen {
                self.frame = of_sixteen(&self.frame);
            }
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
        let mut fenced = Fenced::new(&mut bytes, false);
        fenced.flush().unwrap();
        fenced.write_all(b"a").unwrap();
        fenced.write_all(b"b").unwrap();
        fenced.flush().unwrap();
        fenced.flush().unwrap();
        assert_eq!(bytes, b"\x1b[?2026hab\x1b[?2026l");
    }

    #[test]
    fn sixteen_colours_are_asked_for_the_old_way() {
        let mut bytes = Vec::new();
        let mut fenced = Fenced::new(&mut bytes, true);
        fenced.write_all(b"\x1b[38;5;1;49m!\x1b[1;48;5;12mx\x1b[38;5;9mz\x1b[2;3H5;1m").unwrap();
        fenced.flush().unwrap();
        assert_eq!(
            String::from_utf8(bytes).unwrap(),
            "\x1b[?2026h\x1b[31;49m!\x1b[1;104mx\x1b[91mz\x1b[2;3H5;1m\x1b[?2026l"
        );
    }
}
