//! What a file is, apart from its path.

use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};

use mete_core::IdHasher;

/// Bytes of a file's beginning that its fingerprint covers at most.
const FINGERPRINT: usize = 4096;

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

/// Inode and fingerprint of the first line as text: another file that gets the same inode later is told apart, since
/// what is appended never changes a file's beginning. `None` until the first line is whole.
pub(super) fn identify(file: &File, inode: Inode) -> io::Result<Option<String>> {
    let mut head = [0; FINGERPRINT];
    let mut length = 0;
    while length < FINGERPRINT {
        match file.read_at(&mut head[length..], length as u64)? {
            0 => break,
            read => length += read,
        }
    }
    let head = &head[..length];
    let Some(end) = memchr::memchr(b'\n', head).or((length == FINGERPRINT).then_some(FINGERPRINT)) else {
        return Ok(None);
    };
    // Not a secret: the same file must have the same name in every process.
    let print = IdHasher::new((0, 0)).hash(&[&head[..end]]);
    Ok(Some(format!("{:x}:{:x}:{print:016x}", inode.device, inode.number)))
}

/// The inode that a stored identity names.
pub(super) fn inode_of(identity: &str) -> Option<Inode> {
    let mut parts = identity.split(':').map(|part| u64::from_str_radix(part, 16).ok());
    Some(Inode { device: parts.next()??, number: parts.next()?? })
}
