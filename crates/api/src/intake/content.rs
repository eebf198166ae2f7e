//! What a body holds: lines, a list, or one document.

use std::fmt;

use bytes::Bytes;
use mete_ingest::framing::Frame;
use serde::de::{Deserializer as _, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::refused::Refused;

/// How the records of a body are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    /// One a line.
    Lines,
    /// The elements of a JSON array.
    Elements,
    /// All of it is one.
    One,
}

/// A body that was checked as a whole: nothing of it is kept before.
#[derive(Clone, Debug)]
pub(super) struct Content {
    bytes: Bytes,
    layout: Layout,
}

impl Content {
    /// Lines. Each is judged by itself (R34).
    pub(super) const fn lines(bytes: Bytes) -> Self {
        Self { bytes, layout: Layout::Lines }
    }

    /// A JSON document: a list of records, or one.
    ///
    /// # Errors
    /// When it is no JSON, or more than one document.
    pub(super) fn json(bytes: Bytes) -> Result<Self, Refused> {
        let text = text_of(&bytes)?;
        if text.trim_ascii_start().starts_with('[') {
            each_element(text, |_| {}).map_err(|error| unreadable(&error))?;
            return Ok(Self { bytes, layout: Layout::Elements });
        }
        serde_json::from_str::<&RawValue>(text).map_err(|error| unreadable(&error))?;
        Ok(Self { bytes, layout: Layout::One })
    }

    /// One record, which was made here.
    pub(super) const fn one(bytes: Bytes) -> Self {
        Self { bytes, layout: Layout::One }
    }

    /// Hands out each record with its position, its offset in the body.
    pub(super) fn each(&self, mut frame: impl FnMut(Frame)) {
        let mut hand_out = |start: usize, end: usize| {
            if let Some(record) = Frame::of(start as u64, self.bytes.slice(start..end)) {
                frame(record);
            }
        };
        match self.layout {
            Layout::One => hand_out(0, self.bytes.len()),
            Layout::Lines => {
                let mut start = 0;
                while start < self.bytes.len() {
                    let length = memchr::memchr(b'\n', &self.bytes[start..]);
                    let end = length.map_or(self.bytes.len(), |length| start + length);
                    hand_out(start, end);
                    start = end + 1;
                }
            }
            Layout::Elements => {
                let text = std::str::from_utf8(&self.bytes).unwrap_or_default();
                let first = text.as_ptr().addr();
                // Checked when it was made.
                let _ = each_element(text, |element| {
                    let start = element.as_ptr().addr() - first;
                    hand_out(start, start + element.len());
                });
            }
        }
    }

    /// Which line or element, counted from 1, starts at each of `positions`.
    pub(super) fn numbers_of(&self, positions: &[u64]) -> Vec<u64> {
        match self.layout {
            Layout::One => positions.iter().map(|_| 1).collect(),
            Layout::Lines => {
                let mut order: Vec<usize> = (0..positions.len()).collect();
                order.sort_unstable_by_key(|index| positions[*index]);
                let (mut numbers, mut number, mut from) = (vec![0; positions.len()], 1, 0);
                for index in order {
                    let to = usize::try_from(positions[index]).unwrap_or(usize::MAX).min(self.bytes.len());
                    number += memchr::memchr_iter(b'\n', &self.bytes[from..to]).count() as u64;
                    (numbers[index], from) = (number, to);
                }
                numbers
            }
            Layout::Elements => {
                let text = std::str::from_utf8(&self.bytes).unwrap_or_default();
                let first = text.as_ptr().addr();
                let mut numbers = vec![0; positions.len()];
                let mut number = 0;
                let _ = each_element(text, |element| {
                    number += 1;
                    let position = (element.as_ptr().addr() - first) as u64;
                    for (at, found) in positions.iter().zip(&mut numbers) {
                        if *at == position {
                            *found = number;
                        }
                    }
                });
                numbers
            }
        }
    }
}

fn text_of(bytes: &[u8]) -> Result<&str, Refused> {
    let wrong = |at: usize| Refused::Unreadable(format!("it is not UTF-8 at byte {at}").into());
    std::str::from_utf8(bytes).map_err(|error| wrong(error.valid_up_to() + 1))
}

fn unreadable(error: &serde_json::Error) -> Refused {
    let advice = if error.to_string().starts_with("trailing characters") {
        ". For several documents, one a line, the content type is application/x-ndjson"
    } else {
        ""
    };
    Refused::Unreadable(format!("it is no JSON document: {error}{advice}").into())
}

/// Hands out the elements of a JSON array as they are written, without holding them all.
fn each_element<'a>(text: &'a str, each: impl FnMut(&'a str)) -> Result<(), serde_json::Error> {
    struct Elements<F>(F);
    impl<'a, F: FnMut(&'a str)> Visitor<'a> for Elements<F> {
        type Value = ();

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list of records")
        }

        fn visit_seq<A: SeqAccess<'a>>(mut self, mut elements: A) -> Result<(), A::Error> {
            while let Some(element) = elements.next_element::<&'a RawValue>()? {
                (self.0)(element.get());
            }
            Ok(())
        }
    }
    let mut reader = serde_json::Deserializer::from_str(text);
    reader.deserialize_seq(Elements(each))?;
    reader.end()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records(content: &Content) -> Vec<(u64, String)> {
        let mut records = Vec::new();
        content.each(|frame| match frame {
            Frame::Line { position, bytes } => {
                records.push((position, String::from_utf8(bytes.to_vec()).unwrap()));
            }
            Frame::TooLong { position, length, .. } => records.push((position, format!("{length} bytes"))),
        });
        records
    }

    fn said(position: u64, text: &str) -> (u64, String) {
        (position, text.to_owned())
    }

    #[test]
    fn lines_and_elements_are_told_apart_and_numbered() {
        let lines = Content::lines(Bytes::from_static(b"{}\n\n  \n{\"a\":1}\r\n{\"b\":2}"));
        assert_eq!(records(&lines), [said(0, "{}"), said(7, "{\"a\":1}"), said(16, "{\"b\":2}")]);
        assert_eq!(lines.numbers_of(&[16, 0, 7]), [5, 1, 4]);

        let list = Content::json(Bytes::from_static(b" [ {\"a\": 1} ,\n 2,[3] ]\n")).unwrap();
        assert_eq!(records(&list), [said(3, "{\"a\": 1}"), said(15, "2"), said(17, "[3]")]);
        assert_eq!(list.numbers_of(&[15, 3, 17]), [2, 1, 3]);

        let one = Content::json(Bytes::from_static(b"{\n \"a\": 1\n}\n")).unwrap();
        assert_eq!(records(&one), [said(0, "{\n \"a\": 1\n}\n")]);
        assert_eq!(one.numbers_of(&[0]), [1]);
        assert_eq!(records(&Content::json(Bytes::from_static(b"[]")).unwrap()), []);
    }

    #[test]
    fn a_record_that_is_too_long_is_one_also_in_a_list() {
        let long = format!("[1,\"{}\",2]", "x".repeat(2 * 1024 * 1024));
        let list = Content::json(Bytes::from(long)).unwrap();
        assert_eq!(records(&list), [said(1, "1"), said(3, "2097154 bytes"), said(2_097_158, "2")]);
    }

    #[test]
    fn what_is_not_whole_is_refused_as_a_whole() {
        for (text, part) in [
            (&b"[{\"a\":1},{\"b\":"[..], "EOF"),
            (b"[{\"a\":1} {\"b\":2}]", "expected `,`"),
            (b"[1]]", "trailing characters"),
            (b"{\"a\":1}\n{\"b\":2}\n", "application/x-ndjson"),
            (b"", "EOF"),
            (b"[\"\xff\"]", "not UTF-8 at byte 3"),
            (b"hello", "expected value"),
        ] {
            let error = Content::json(Bytes::from_static(text)).unwrap_err().to_string();
            assert!(error.contains(part), "{text:?}: {error}");
        }
    }
}
