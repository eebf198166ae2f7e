//! What must hold of all that is read, whatever the bytes were.

use mete_core::Nanos;
use mete_ingest::formats::Line;

/// The most that one line may hand out as bad: each takes a copy of the line along.
const MOST_BAD: usize = 17;

/// Checks what a line was read as.
///
/// # Panics
/// When something is unsound.
pub fn check(line: &[u8], found: &[Line<'_>]) {
    assert!(!found.is_empty(), "every line is accounted for");
    let bad = found.iter().filter(|found| matches!(found, Line::Bad(_))).count();
    assert!(bad <= MOST_BAD, "{bad} bad things in one line");
    for found in found {
        match found {
            Line::Record(record) => {
                assert_eq!(record.usage.problem(), None);
                assert!(!record.id.is_empty() && record.id.len() <= 512);
                assert!(record.cost.is_none_or(|cost| cost >= Nanos::ZERO));
            }
            Line::Bad(bad) => {
                assert!(bad.spot.is_none_or(|spot| (spot as usize) < line.len()), "{bad:?}");
                assert!(bad.detail.len() < 4096, "a reason is no copy of the line: {} bytes", bad.detail.len());
            }
            Line::Ignored => {}
        }
    }
}
