//! How fresh the figures on the screen are, and whether the store answers.

use mete_core::Timestamp;
use mete_core::time::SECOND;

use crate::asking::Asking;
use crate::data::QueryFailed;
use crate::format::span;
use crate::piece::{Piece, piece};
use crate::theme::Tone;
use mete_store::Versions;

/// Without a word from the store for so long, in microseconds, what is shown is stale.
const STALE_AFTER: i64 = 3 * SECOND;
/// Without an answer for so long, in microseconds, the store counts as busy. It is looked at once a second.
const BUSY_AFTER: i64 = 9 * SECOND / 10;
/// So long, in microseconds, a connection counts as just recovered.
const BACK_FOR: i64 = 10 * SECOND;

/// What is known of the connection to the store.
#[derive(Clone, Debug, Default)]
pub struct Link {
    versions: Option<Versions>,
    checked_at: Option<Timestamp>,
    failure: Option<QueryFailed>,
    back_at: Option<Timestamp>,
    /// When it was asked first of those times that it has not answered.
    asked_at: Option<Timestamp>,
}

impl Link {
    /// Takes note of a question to the store.
    pub fn ask(&mut self, now: Timestamp) {
        self.asked_at.get_or_insert(now);
    }

    /// Takes note of an answer of the store. Returns whether anything about the link has changed but its age.
    pub fn observe(&mut self, result: Result<Versions, QueryFailed>, now: Timestamp) -> bool {
        match result {
            Ok(versions) => {
                let back = self.failure.take().is_some();
                if back {
                    self.back_at = Some(now);
                }
                self.asked_at = None;
                let moved = self.versions.replace(versions) != Some(versions);
                self.checked_at = Some(now);
                back || moved
            }
            Err(failure) => {
                let news = self.failure.as_ref() != Some(&failure);
                self.failure = Some(failure);
                news
            }
        }
    }

    /// The store's versions as last known.
    #[must_use]
    pub const fn versions(&self) -> Option<Versions> {
        self.versions
    }

    /// Since when the store keeps whoever asks it waiting, if it does for longer than it takes.
    #[must_use]
    pub fn busy_since(&self, now: Timestamp) -> Option<Timestamp> {
        self.asked_at.filter(|at| now.since(*at) >= BUSY_AFTER)
    }

    /// Why the store does not answer, if it does not.
    #[must_use]
    pub const fn failure(&self) -> Option<&QueryFailed> {
        self.failure.as_ref()
    }
}

/// How fresh a view is. Ages are microseconds since the figures were last known to be right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// Nothing has arrived yet.
    Loading,
    /// Right, as of so long ago.
    Live(i64),
    /// Held still by the person at the screen, for so long.
    Frozen(i64),
    /// Live again after a failure, for a moment.
    Back,
    /// The store has said nothing for a while.
    Stale(i64),
    /// The store keeps one waiting, for so long; the age of what is shown, if anything is.
    Busy(i64, Option<i64>),
    /// The store answers, this view's question fails; the age of what is shown, if anything is.
    Failing(Option<i64>),
    /// The store does not answer; the age of what is shown, if anything is.
    Unreachable(Option<i64>),
}

impl Freshness {
    /// Of a view, over a link, at an instant.
    #[must_use]
    pub fn of(asking: &Asking, link: &Link, now: Timestamp) -> Self {
        let known_at = match asking.answered_at() {
            Some(at) if asking.is_current(link.versions) => Some(link.checked_at.map_or(at, |checked| checked.max(at))),
            at => at,
        };
        let age = known_at.map(|at| now.since(at).max(0));
        match (age, link.busy_since(now)) {
            _ if link.failure.is_some() => Self::Unreachable(age),
            (_, Some(since)) => Self::Busy(now.since(since), age),
            _ if asking.failure().is_some() => Self::Failing(age),
            (None, _) => Self::Loading,
            (Some(age), _) if age > STALE_AFTER => Self::Stale(age),
            (Some(_), _) if link.back_at.is_some_and(|at| now.since(at) < BACK_FOR) => Self::Back,
            (Some(age), _) => Self::Live(age),
        }
    }

    /// Sign, word and age, for the header.
    #[must_use]
    pub fn label(self) -> Piece {
        match self {
            Self::Loading => piece("○ loading", Tone::Dim),
            Self::Live(age) if age < SECOND => piece("● live, now", Tone::Plain),
            Self::Live(age) => piece(format!("● live, {} ago", span(age)), Tone::Plain),
            Self::Frozen(age) => piece(format!("‖ frozen, {} old", span(age.max(SECOND))), Tone::Near),
            Self::Back => piece("✓ live again", Tone::Good),
            Self::Stale(age) => piece(format!("● stale, {} old", span(age)), Tone::Near),
            Self::Busy(silence, age) => {
                piece(format!("● store busy for {}{}", old(silence), old_data(age)), Tone::Near)
            }
            Self::Failing(age) => piece(format!("▲ query fails{}", old_data(age)), Tone::Bad),
            Self::Unreachable(age) => piece(format!("▲ no store{}", old_data(age)), Tone::Bad),
        }
    }
}

fn old(age: i64) -> String {
    span(age.max(SECOND))
}

fn old_data(age: Option<i64>) -> String {
    age.map_or_else(|| ", nothing shown".to_owned(), |age| format!(", data {} old", old(age)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp(1_000 * SECOND);

    fn versions(change_seq: i64) -> Versions {
        Versions { change_seq, ledger_version: 0 }
    }

    fn answered(link: &Link) -> Asking {
        let mut asking = Asking::default();
        let generation = asking.begin(link.versions()).unwrap();
        asking.end(generation, None, START);
        asking
    }

    #[test]
    fn data_is_live_as_long_as_the_store_says_that_nothing_has_changed() {
        let mut link = Link::default();
        assert!(link.observe(Ok(versions(1)), START));
        let asking = answered(&link);
        assert!(!link.observe(Ok(versions(1)), START.plus(60 * SECOND)));
        let now = START.plus(61 * SECOND);
        assert_eq!(Freshness::of(&asking, &link, now), Freshness::Live(SECOND));
        assert_eq!(Freshness::of(&asking, &link, now).label().text, "● live, 1s ago");
        assert!(link.observe(Ok(versions(2)), now));
        assert_eq!(Freshness::of(&asking, &link, now), Freshness::Stale(61 * SECOND), "changed, but not asked again");
    }

    #[test]
    fn a_store_that_does_not_answer_is_busy_since_it_was_asked_first() {
        let mut link = Link::default();
        let now = |micros| START.plus(micros);
        link.ask(now(0));
        assert_eq!(Freshness::of(&Asking::default(), &link, now(SECOND / 2)), Freshness::Loading);
        let label = |link: &Link, asking: &Asking, at| Freshness::of(asking, link, now(at)).label().text;
        assert_eq!(label(&link, &Asking::default(), SECOND), "● store busy for 1s, nothing shown");
        link.observe(Ok(versions(1)), now(SECOND));
        let asking = answered(&link);
        link.ask(now(2 * SECOND));
        assert_eq!(label(&link, &asking, 2 * SECOND), "● live, 1s ago");
        assert_eq!(label(&link, &asking, 9 * SECOND), "● store busy for 7s, data 8s old");
        // what it says at last is no answer: it was busy all the time
        link.observe(Err(QueryFailed("database is locked".to_owned())), now(32 * SECOND));
        link.ask(now(33 * SECOND));
        assert_eq!(link.busy_since(now(33 * SECOND)), Some(now(2 * SECOND)));
        assert_eq!(label(&link, &asking, 34 * SECOND), "▲ no store, data 33s old");
        link.observe(Ok(versions(1)), now(35 * SECOND));
        assert_eq!((link.busy_since(now(40 * SECOND)), &*label(&link, &asking, 35 * SECOND)), (None, "✓ live again"));
    }

    #[test]
    fn silence_is_stale_and_failures_say_so_with_the_age_of_what_is_shown() {
        let mut link = Link::default();
        link.observe(Ok(versions(1)), START);
        let mut asking = answered(&link);
        let later = START.plus(5 * SECOND);
        assert_eq!(Freshness::of(&asking, &link, later).label().text, "● stale, 5s old");
        assert!(link.observe(Err(QueryFailed("gone".to_owned())), later));
        assert_eq!(Freshness::of(&asking, &link, later).label().text, "▲ no store, data 5s old");
        assert!(link.observe(Ok(versions(1)), later));
        assert_eq!(Freshness::of(&asking, &link, later), Freshness::Back);
        let generation = asking.begin(link.versions()).unwrap();
        asking.end(generation, Some(QueryFailed("no".to_owned())), later);
        assert_eq!(Freshness::of(&asking, &link, later.plus(SECOND)).label().text, "▲ query fails, data 1s old");
        assert_eq!(Freshness::of(&Asking::default(), &link, later), Freshness::Loading);
    }
}
