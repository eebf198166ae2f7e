//! Records of a body into parcels, on a thread that may block.

use std::sync::Arc;

use mete_ingest::formats::Layout;
use mete_ingest::framing::Frame;
use mete_ingest::reader::Reader;
use mete_store::{Parcel, Receipt};
use tokio::sync::mpsc;

use super::content::Content;
use super::source::Source;

/// Bytes of records after which a parcel goes on its way.
const PARCEL: usize = 256 * 1024;

/// What is to be read.
pub(super) struct Work {
    pub(super) content: Content,
    pub(super) format: Option<Layout>,
    /// Tells this body from others of the source.
    pub(super) run: String,
    /// With it, all is one parcel.
    pub(super) receipt: Option<Receipt>,
}

/// Reads a body and hands out its parcels; ends early when nobody wants them any more. Blocks.
pub(super) fn read(source: &Arc<Source>, mut reader: Reader, mut work: Work, parcels: &mpsc::Sender<Parcel>) {
    reader.begin_run(&work.run, work.format.take());
    let mut parcel = reader.parcel();
    let (mut bytes, mut is_wanted) = (0, true);
    let whole = work.receipt.is_some();
    work.content.each(|frame| {
        if !is_wanted {
            return;
        }
        bytes += size_of(&frame);
        reader.read(frame, &mut parcel);
        if bytes >= PARCEL && !whole {
            bytes = 0;
            let next = reader.parcel();
            is_wanted = parcels.blocking_send(std::mem::replace(&mut parcel, next)).is_ok();
        }
    });
    parcel.receipt = work.receipt.take();
    if is_wanted && (parcel.read.lines > 0 || parcel.receipt.is_some()) {
        // Whoever waited may have gone.
        let _ = parcels.blocking_send(parcel);
    }
    source.give_back(reader);
}

fn size_of(frame: &Frame) -> usize {
    match frame {
        Frame::Line { bytes, .. } => bytes.len(),
        Frame::TooLong { head, .. } => head.len(),
    }
}
