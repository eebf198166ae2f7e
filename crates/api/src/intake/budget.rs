//! How much memory requests may hold together, and buffers that keep to it.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::refused::Refused;

/// The unit in which memory is lent, in bytes.
const UNIT: usize = 64 * 1024;

/// The memory that all requests may hold at once. Nobody waits for a part of it while holding another: who does not get
/// what he needs is refused, and comes again.
#[derive(Clone)]
pub(crate) struct Budget(Arc<Semaphore>);

impl Budget {
    pub(crate) fn new(bytes: usize) -> Self {
        Self(Arc::new(Semaphore::new(bytes / UNIT)))
    }

    /// An empty buffer that may grow to `limit` bytes.
    pub(crate) fn buffer(&self, limit: usize) -> Buffer {
        Buffer { bytes: Vec::new(), limit, lease: None, budget: self.clone() }
    }
}

/// Bytes whose memory counts to a [`Budget`], until the last slice of them is gone.
pub(crate) struct Buffer {
    bytes: Vec<u8>,
    limit: usize,
    lease: Option<OwnedSemaphorePermit>,
    budget: Budget,
}

impl Buffer {
    /// Appends `more`.
    ///
    /// # Errors
    /// When that is more than this buffer may hold, or than is left for all.
    pub(crate) fn push(&mut self, more: &[u8]) -> Result<(), Refused> {
        let length = self.bytes.len() + more.len();
        if length > self.limit {
            return Err(Refused::TooLarge { limit: self.limit });
        }
        if length > self.bytes.capacity() {
            self.grow(length)?;
        }
        self.bytes.extend_from_slice(more);
        Ok(())
    }

    /// Makes room for `length` bytes, and for as many again where more seem to come.
    fn grow(&mut self, length: usize) -> Result<(), Refused> {
        let room = (self.bytes.capacity() * 2).clamp(length, self.limit.max(length)).next_multiple_of(UNIT);
        let lent = self.lease.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        let units = u32::try_from((room / UNIT).saturating_sub(lent)).unwrap_or(u32::MAX);
        let more = Arc::clone(&self.budget.0).try_acquire_many_owned(units).map_err(|_| Refused::NoMemory)?;
        match &mut self.lease {
            Some(lease) => lease.merge(more),
            None => self.lease = Some(more),
        }
        self.bytes.reserve_exact(room - self.bytes.len());
        Ok(())
    }

    /// Puts the byte `new` where `old` is, from `start` on.
    pub(crate) fn replace_from(&mut self, start: usize, old: u8, new: u8) {
        self.bytes.iter_mut().skip(start).filter(|byte| **byte == old).for_each(|byte| *byte = new);
    }

    pub(crate) fn as_slice(&self) -> &[u8] {
        &self.bytes
    }

    /// The same bytes, to be shared.
    pub(crate) fn freeze(self) -> Bytes {
        Bytes::from_owner(self)
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_lent_until_the_last_slice_is_gone() {
        let budget = Budget::new(4 * UNIT);
        let mut one = budget.buffer(3 * UNIT);
        one.push(&[1; UNIT]).unwrap();
        one.push(&[2; 2 * UNIT]).unwrap();
        assert!(matches!(one.push(&[3]), Err(Refused::TooLarge { .. })));
        let mut other = budget.buffer(3 * UNIT);
        other.push(&[1; UNIT]).unwrap();
        assert!(matches!(other.push(&[1]), Err(Refused::NoMemory)));
        let slice = one.freeze().slice(..1);
        assert!(matches!(other.push(&[1]), Err(Refused::NoMemory)));
        drop(slice);
        other.push(&[1]).unwrap();
        assert_eq!(other.as_slice().len(), UNIT + 1);
        drop(other);
        assert_eq!(budget.0.available_permits(), 4);
    }
}
