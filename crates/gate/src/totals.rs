//! What is counted of one scope, read without a lock: spend by month, and bytes.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use mete_core::{Month, Nanos};

use crate::under_way::UnderWay;

/// How many months are told apart. Spend is never more than minutes ahead of the clock (R34), so that decisions need
/// two; a power of two that divides twelve lets the calendar month choose the slot.
const KEPT_MONTHS: usize = 4;

/// No month has this number.
const NO_MONTH: i64 = 0;

/// What is counted of one project.
#[derive(Debug, Default)]
pub struct ProjectTotals {
    pub spend: MonthTotals,
    /// Requests that hold nothing and whose usage has not come.
    pub under_way: UnderWay,
    bytes: AtomicU64,
}

impl ProjectTotals {
    /// The bytes of files that it stores (R28).
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Acquire)
    }

    pub fn set_bytes(&self, total: u64) {
        self.bytes.store(total, Ordering::Release);
    }
}

/// Spend of the newest months of a project or an organization, one atomic per month.
///
/// Any number of readers, one writer at a time (the gate's lock sees to that). A slot belongs to the newest month that
/// was written to it: what comes for the month that it held before is ignored, as no decision asks for it any more.
#[derive(Debug, Default)]
pub struct MonthTotals {
    slots: [Slot; KEPT_MONTHS],
}

#[derive(Debug, Default)]
struct Slot {
    /// `yyyymm` of the month that `nanos` is for, or [`NO_MONTH`]. Only ever rises, but for the moment of a takeover.
    month: AtomicI64,
    nanos: AtomicI64,
}

impl MonthTotals {
    /// The total of `month`, zero if nothing was written for it.
    pub fn get(&self, month: Month) -> Nanos {
        let (slot, month) = (self.slot(month), month.yyyymm());
        if slot.month.load(Ordering::Acquire) != month {
            return Nanos::ZERO;
        }
        let nanos = slot.nanos.load(Ordering::Acquire);
        // A newer month may have taken the slot over in between: then the amount may be its.
        if slot.month.load(Ordering::Relaxed) == month { Nanos(nanos) } else { Nanos::ZERO }
    }

    /// Sets the total of `month` and returns by how much that changed it; `None` if the month is no longer kept.
    pub fn set(&self, month: Month, total: Nanos) -> Option<Nanos> {
        let (slot, month) = (self.slot(month), month.yyyymm());
        let held = slot.month.load(Ordering::Relaxed);
        if held > month {
            return None;
        }
        if held == month {
            return Some(total - Nanos(slot.nanos.swap(total.0, Ordering::AcqRel)));
        }
        // Readers of the month that goes must not take the new amount for theirs: a reader that sees the amount sees
        // that the month is gone, and a reader that sees the new month sees the amount.
        slot.month.store(NO_MONTH, Ordering::Relaxed);
        slot.nanos.store(total.0, Ordering::Release);
        slot.month.store(month, Ordering::Release);
        Some(total)
    }

    /// Adds `change` to the total of `month`; nothing if the month is no longer kept.
    pub fn add(&self, month: Month, change: Nanos) {
        self.set(month, self.get(month) + change);
    }

    /// The months kept and their totals.
    pub fn iter(&self) -> impl Iterator<Item = (Month, Nanos)> {
        self.slots.iter().filter_map(|slot| {
            let month = Month::from_yyyymm(slot.month.load(Ordering::Acquire))?;
            Some((month, self.get(month)))
        })
    }

    fn slot(&self, month: Month) -> &Slot {
        &self.slots[(month.yyyymm() % 100) as usize % KEPT_MONTHS]
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    fn month(text: &str) -> Month {
        text.parse().unwrap()
    }

    #[test]
    fn months_are_told_apart_across_a_year_end() {
        let totals = MonthTotals::default();
        for (n, text) in (1..).zip(["2026-11", "2026-12", "2027-01", "2027-02"]) {
            assert_eq!(totals.set(month(text), Nanos(n)), Some(Nanos(n)));
        }
        for (n, text) in (1..).zip(["2026-11", "2026-12", "2027-01", "2027-02"]) {
            assert_eq!(totals.get(month(text)), Nanos(n), "{text}");
        }
        assert_eq!(totals.get(month("2027-03")), Nanos::ZERO);
        assert_eq!(totals.get(month("2025-11")), Nanos::ZERO);
    }

    #[test]
    fn setting_tells_the_change_and_adding_sums() {
        let totals = MonthTotals::default();
        let november = month("2026-11");
        assert_eq!(totals.set(november, Nanos(10)), Some(Nanos(10)));
        assert_eq!(totals.set(november, Nanos(4)), Some(Nanos(-6)));
        totals.add(november, Nanos(3));
        assert_eq!(totals.get(november), Nanos(7));
        totals.add(november, Nanos::MAX);
        assert_eq!(totals.get(november), Nanos::MAX);
    }

    #[test]
    fn the_newest_month_keeps_a_slot() {
        let totals = MonthTotals::default();
        totals.set(month("2026-11"), Nanos(1));
        assert_eq!(totals.set(month("2027-03"), Nanos(2)), Some(Nanos(2)));
        assert_eq!(totals.set(month("2026-11"), Nanos(3)), None);
        totals.add(month("2026-11"), Nanos(3));
        assert_eq!(totals.iter().collect::<Vec<_>>(), [(month("2027-03"), Nanos(2))]);
    }

    /// Each amount names its month, so that a reader who is given another month's amount notices. The readers always
    /// ask for the month that is about to lose its slot.
    #[test]
    fn a_reader_never_sees_the_amount_of_another_month() {
        let months: Vec<Month> =
            (1..=9999).flat_map(|year| [4, 8, 12].map(|m| Month::from_yyyymm(year * 100 + m).unwrap())).collect();
        let (totals, newest) = (MonthTotals::default(), AtomicUsize::new(0));
        std::thread::scope(|threads| {
            for _ in 0..2 {
                threads.spawn(|| {
                    loop {
                        let position = newest.load(Ordering::Acquire);
                        let month = months[position];
                        let seen = totals.get(month);
                        assert!(seen == Nanos::ZERO || seen == Nanos(month.yyyymm()), "{month}: {seen:?}");
                        if position == months.len() - 1 {
                            return;
                        }
                    }
                });
            }
            for (position, month) in months.iter().enumerate() {
                totals.set(*month, Nanos(month.yyyymm()));
                newest.store(position, Ordering::Release);
            }
        });
    }
}
