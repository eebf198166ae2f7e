//! Lines are the same however the bytes come, and stand where they say.

#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use mete_ingest::framing::{Frame, Framer, MAX_LINE};

/// A byte that stands for many, so that lines become too long.
const MANY: u8 = 0xFE;
/// How many it stands for.
const HOW_MANY: usize = MAX_LINE / 3;

fuzz_target!(|data: &[u8]| {
    // The first half says how the second is cut.
    let (cuts, text) = data.split_at(data.len() / 2);
    if text.iter().filter(|byte| **byte == MANY).count() > 4 {
        return;
    }
    let mut stream = Vec::new();
    for byte in text {
        stream.resize(stream.len() + if *byte == MANY { HOW_MANY } else { 1 }, *byte);
    }

    let whole = frames(&[&stream]);
    let mut chunks = Vec::new();
    let mut rest = &stream[..];
    for cut in cuts {
        let many = if *cut == MANY { HOW_MANY } else { usize::from(*cut) };
        let (chunk, more) = rest.split_at(many.min(rest.len()));
        chunks.push(chunk);
        rest = more;
    }
    chunks.push(rest);
    assert_eq!(frames(&chunks), whole);

    for frame in &whole {
        match frame {
            Frame::Line { position, bytes } => {
                assert!(bytes.len() <= MAX_LINE && !bytes.contains(&b'\n'));
                assert_eq!(&stream[*position as usize..][..bytes.len()], &bytes[..]);
            }
            Frame::TooLong { position, head, length } => {
                assert!(*length > MAX_LINE as u64);
                assert_eq!(&stream[*position as usize..][..head.len()], &head[..]);
                let end = (*position + *length) as usize;
                assert!(end == stream.len() || stream[end] == b'\n');
            }
        }
    }
});

fn frames(chunks: &[&[u8]]) -> Vec<Frame> {
    let mut framer = Framer::new(0);
    let mut frames = Vec::new();
    for chunk in chunks {
        let before = framer.position();
        framer.push(chunk, |frame| frames.push(frame));
        assert!(framer.position() >= before);
    }
    framer.finish(|frame| frames.push(frame));
    // Frames share the bytes of their block: compared by content.
    frames.iter_mut().for_each(|frame| match frame {
        Frame::Line { bytes, .. } | Frame::TooLong { head: bytes, .. } => *bytes = Bytes::copy_from_slice(bytes),
    });
    frames
}
