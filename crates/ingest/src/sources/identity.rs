//! What a file is, apart from its path, and whether it still is what was read of it.

use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};

use mete_core::IdHasher;

/// Bytes of a file's beginning that its fingerprint covers at most.
pub(super) const FINGERPRINT: usize = 4096;

/// Bytes before an offset that a [`Trail`] covers at most: a few lines.
pub(super) const TRAIL: usize = 1024;

/// Where a file is kept: the same after a rename, used again after a deletion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Inode {
    device: u64,
    number: u64,
}

impl Inode {
    pub(super) fn of(metadata: &std::fs::Metadata) -> Self {
        Self { device: metadata.dev(), number: metadata.ino() }
    }
}

/// The first bytes of a file.
pub(super) fn head(file: &File) -> io::Result<Vec<u8>> {
    let mut head = vec![0; FINGERPRINT];
    let length = fill_at(file, &mut head, 0)?;
    head.truncate(length);
    Ok(head)
}

/// Inode and fingerprint of the first line as text: another file that gets the same inode later is told apart, since
/// what is appended never changes a file's beginning. `None` until the first line is whole.
pub(super) fn identify(head: &[u8], inode: Inode) -> Option<String> {
    let end = memchr::memchr(b'\n', head).or((head.len() == FINGERPRINT).then_some(FINGERPRINT))?;
    Some(format!("{:x}:{:x}:{:016x}", inode.device, inode.number, print(&[&head[..end]])))
}

/// What a compressed file is, wherever it is: its length, its beginning and its end, where the checksums are.
pub(super) fn identify_archive(file: &File, length: u64) -> io::Result<String> {
    let mut end = vec![0; TRAIL];
    let read = fill_at(file, &mut end, length.saturating_sub(TRAIL as u64))?;
    Ok(format!("archive:{length:x}:{:016x}", print(&[&head(file)?, &end[..read]])))
}

/// The inode that a stored identity names.
pub(super) fn inode_of(identity: &str) -> Option<Inode> {
    let mut parts = identity.split(':').map(|part| u64::from_str_radix(part, 16).ok());
    Some(Inode { device: parts.next()??, number: parts.next()?? })
}

/// Reads at `offset` until the buffer is full or the file is at its end; tells how much that was.
pub(super) fn fill_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read_at(&mut buffer[filled..], offset + filled as u64) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// Whether a file's bytes before `offset` end with `bytes`.
fn ends_with(file: &File, offset: u64, bytes: &[u8]) -> io::Result<bool> {
    let mut there = [0; TRAIL];
    let there = &mut there[..bytes.len()];
    Ok(fill_at(file, there, offset - bytes.len() as u64)? == bytes.len() && there == bytes)
}

/// Not a secret: the same bytes must have the same print in every process.
fn print(parts: &[&[u8]]) -> i64 {
    IdHasher::new((0, 0)).hash(parts)
}

/// The last bytes that were read of a file. A file that was truncated and has grown past where it was read has others
/// there, even if it begins as before. Only one that begins with the same line *and* has the same 1024 bytes there is
/// taken for the same.
#[derive(Debug, Default)]
pub(super) struct Trail {
    bytes: Vec<u8>,
    /// The last bytes before the first line that is not whole: within a long line all bytes may be alike.
    lines: Vec<u8>,
}

impl Trail {
    /// Of a file that was read to `offset`, which begins a line.
    pub(super) fn of(file: &File, offset: u64) -> io::Result<Self> {
        let length = usize::try_from(offset).unwrap_or(TRAIL).min(TRAIL);
        let mut bytes = vec![0; length];
        let read = fill_at(file, &mut bytes, offset - length as u64)?;
        bytes.truncate(read);
        Ok(Self { lines: bytes.clone(), bytes })
    }

    /// The bytes themselves.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The print that is kept with a position.
    pub(super) fn print(&self) -> i64 {
        print(&[&self.lines])
    }

    /// Whether the bytes are still there in a file that was read to `offset`, its whole lines to `whole`.
    pub(super) fn is_there(&self, file: &File, (whole, offset): (u64, u64)) -> io::Result<bool> {
        Ok(ends_with(file, offset, &self.bytes)? && (whole == offset || ends_with(file, whole, &self.lines)?))
    }

    /// Takes the bytes that were read next.
    pub(super) fn extend(&mut self, block: &[u8]) {
        let whole = memchr::memrchr(b'\n', block).map_or(0, |last| last + 1);
        if whole > 0 {
            self.append(&block[..whole]);
            self.lines.clone_from(&self.bytes);
        }
        self.append(&block[whole..]);
    }

    fn append(&mut self, bytes: &[u8]) {
        let new = &bytes[bytes.len().saturating_sub(TRAIL)..];
        let old = (self.bytes.len() + new.len()).saturating_sub(TRAIL);
        self.bytes.drain(..old);
        self.bytes.extend_from_slice(new);
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_trail_is_the_same_however_the_bytes_came(
            text in "[a-c\n]{0,3000}", cuts in prop::collection::vec(1..900_usize, 1..20),
        ) {
            let mut trail = Trail::default();
            let mut rest = text.as_bytes();
            for cut in cuts {
                let (block, more) = rest.split_at(cut.min(rest.len()));
                trail.extend(block);
                rest = more;
            }
            trail.extend(rest);
            let mut file = tempfile::tempfile().unwrap();
            file.write_all(text.as_bytes()).unwrap();
            let whole = text.rfind('\n').map_or(0, |last| last + 1);
            prop_assert_eq!(trail.print(), Trail::of(&file, whole as u64).unwrap().print());
            let end = text.len().saturating_sub(TRAIL);
            prop_assert_eq!(trail.bytes(), &text.as_bytes()[end..]);
        }
    }

    #[test]
    fn an_archive_is_no_inode() {
        assert_eq!(inode_of("archive:12:0123456789abcdef"), None);
        assert_eq!(inode_of("12:34:0123456789abcdef"), Some(Inode { device: 0x12, number: 0x34 }));
    }
}
