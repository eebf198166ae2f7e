//! Requests that were let through without holding money and whose usage has not come: what they cost is not known yet.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use mete_core::{Month, Nanos, Timestamp};

/// So many times in a window it is noted how many requests had come: by a part of the window that much is waited for them
/// longer than need be.
pub const MARKS: i64 = 16;

/// Those of one project. A decision touches one counter; all else is behind a lock that only usage and explanations take.
#[derive(Debug, Default)]
pub struct UnderWay {
    /// Requests let through so far, and those that are being decided on.
    begun: AtomicU64,
    book: Mutex<Book>,
}

#[derive(Debug, Default)]
struct Book {
    /// How many of them are over: their usage came, or nobody waits for it any more.
    over: u64,
    /// How many had begun by when, oldest first; no more than [`MARKS`] and one.
    marks: VecDeque<(Timestamp, u64)>,
    /// The month that the two highest figures are of.
    month: Option<Month>,
    /// The most that were under way at once in the month.
    most: u64,
    highest_of_month: Nanos,
    /// The highest cost in the present window and the one before, and when the present one began.
    highest: [Nanos; 2],
    turned_at: Timestamp,
    /// When usage came that nobody had asked about.
    unasked_at: Option<Timestamp>,
}

/// What is known of them at an instant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unheld {
    /// How many there are.
    pub requests: u64,
    /// The highest cost of the last requests.
    pub highest: Nanos,
    /// The most that there were at once in this month, and the highest cost in it.
    pub most: u64,
    pub highest_of_month: Nanos,
    /// When usage came last that nobody had asked about, if that is not long ago: then there may be more than are told.
    pub unasked_at: Option<Timestamp>,
}

impl UnderWay {
    /// A request is being decided on. Before anything is read that decides: whatever is spent by then and not read is told
    /// among those under way.
    pub fn begin(&self) {
        self.begun.fetch_add(1, Ordering::AcqRel);
    }

    /// It was refused, or money is held for it.
    pub fn take_back(&self) {
        self.begun.fetch_sub(1, Ordering::AcqRel);
    }

    /// The usage of so many is in the totals, at `now`.
    pub fn end(&self, requests: u64, highest: Nanos, (now, window): (Timestamp, i64)) {
        let (mut book, begun) = self.lock();
        book.turn(begun, (now, window));
        let over = book.over + requests;
        if over > begun {
            book.unasked_at = Some(now);
        }
        book.over = over.min(begun);
        book.highest[0] = book.highest[0].max(highest);
        book.highest_of_month = book.highest_of_month.max(highest);
    }

    /// Notes how many there are, and waits no more for the usage of those that are older than a window.
    pub fn mark(&self, (now, window): (Timestamp, i64)) {
        let (mut book, begun) = self.lock();
        book.turn(begun, (now, window));
        let last = book.marks.back().copied();
        let is_due = last.is_none_or(|(at, _)| now.since(at) >= window / MARKS);
        if is_due && begun > last.map_or(book.over, |(_, begun)| begun) {
            book.marks.push_back((now, begun));
        }
    }

    /// What is known of them.
    pub fn look(&self, (now, window): (Timestamp, i64)) -> Unheld {
        let (mut book, begun) = self.lock();
        book.turn(begun, (now, window));
        let [present, before] = book.highest;
        let recent = present.max(before);
        Unheld {
            requests: begun.saturating_sub(book.over),
            highest: if recent > Nanos::ZERO { recent } else { book.highest_of_month },
            most: book.most,
            highest_of_month: book.highest_of_month,
            unasked_at: book.unasked_at,
        }
    }

    /// The book, and how many have begun: read under the lock, so that it has all whose end is in the book.
    fn lock(&self) -> (MutexGuard<'_, Book>, u64) {
        // Nothing that runs under this lock panics, so that a poisoned one is as good as any.
        let book = self.book.lock().unwrap_or_else(PoisonError::into_inner);
        (book, self.begun.load(Ordering::Acquire))
    }
}

impl Book {
    /// What comes with time alone.
    fn turn(&mut self, begun: u64, (now, window): (Timestamp, i64)) {
        if self.month != Some(now.month()) {
            (self.month, self.most, self.highest_of_month) =
                (Some(now.month()), 0, self.highest[0].max(self.highest[1]));
        }
        // As many as there are before any of them is over: there were never more.
        self.most = self.most.max(begun.saturating_sub(self.over));
        while let Some((_, begun)) = self.marks.pop_front_if(|(at, _)| now.since(*at) >= window) {
            self.over = self.over.max(begun);
        }
        if now.since(self.turned_at) >= window {
            let before = if now.since(self.turned_at) >= 2 * window { Nanos::ZERO } else { self.highest[0] };
            (self.highest, self.turned_at) = ([Nanos::ZERO, before], now);
        }
        self.unasked_at = self.unasked_at.filter(|at| now.since(*at) < window);
    }
}

#[cfg(test)]
mod tests {
    use mete_core::time::MINUTE;

    use super::*;

    fn at(minute: i64) -> (Timestamp, i64) {
        ("2026-11-23T12:00:00Z".parse::<Timestamp>().unwrap().plus(minute * MINUTE), 10 * MINUTE)
    }

    fn requests(under_way: &UnderWay, minute: i64) -> u64 {
        under_way.look(at(minute)).requests
    }

    #[test]
    fn a_request_is_under_way_until_its_usage_comes() {
        let under_way = UnderWay::default();
        (0..5).for_each(|_| under_way.begin());
        under_way.take_back();
        assert_eq!(requests(&under_way, 0), 4);
        under_way.end(3, Nanos(7), at(1));
        assert_eq!(
            under_way.look(at(1)),
            Unheld { requests: 1, highest: Nanos(7), most: 4, highest_of_month: Nanos(7), unasked_at: None }
        );
    }

    #[test]
    fn one_whose_usage_never_comes_is_waited_for_a_window_long() {
        let under_way = UnderWay::default();
        under_way.begin();
        under_way.mark(at(0));
        under_way.begin();
        under_way.mark(at(5));
        assert_eq!((requests(&under_way, 9), requests(&under_way, 10), requests(&under_way, 15)), (2, 1, 0));
        // Those that come later are not taken for them.
        under_way.begin();
        assert_eq!(requests(&under_way, 16), 1);
        under_way.end(1, Nanos(1), at(17));
        assert_eq!((requests(&under_way, 17), under_way.look(at(17)).unasked_at), (0, None));
    }

    #[test]
    fn usage_that_nobody_asked_about_is_noticed() {
        let under_way = UnderWay::default();
        under_way.begin();
        under_way.end(2, Nanos(1), at(0));
        let looked = under_way.look(at(9));
        assert_eq!((looked.requests, looked.unasked_at), (0, Some(at(0).0)));
        assert_eq!(under_way.look(at(10)).unasked_at, None);
    }

    #[test]
    fn the_highest_cost_is_that_of_the_last_windows_else_of_the_month() {
        let under_way = UnderWay::default();
        under_way.end(0, Nanos(9), at(0));
        under_way.end(0, Nanos(5), at(8));
        assert_eq!(under_way.look(at(9)).highest, Nanos(9));
        under_way.end(0, Nanos(4), at(12));
        assert_eq!(under_way.look(at(15)).highest, Nanos(9));
        assert_eq!(under_way.look(at(23)).highest, Nanos(4));
        assert_eq!(under_way.look(at(60)).highest, Nanos(9), "none lately");
        let december = at(60 * 24 * 8);
        let later = under_way.look(december);
        assert_eq!((later.highest, later.highest_of_month, later.most), (Nanos(0), Nanos(0), 0));
    }

    /// Whatever the threads do, what is under way is never told as less than it is.
    #[test]
    fn threads_lose_none() {
        let under_way = UnderWay::default();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for round in 0..1_000 {
                        under_way.begin();
                        assert!(under_way.look(at(0)).requests >= 1);
                        if round % 2 == 0 { under_way.take_back() } else { under_way.end(1, Nanos(1), at(0)) }
                    }
                });
            }
        });
        assert_eq!(requests(&under_way, 0), 0);
        assert!(under_way.look(at(0)).most >= 1);
    }
}
