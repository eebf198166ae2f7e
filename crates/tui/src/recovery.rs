//! What has just recovered: green for a minute, then nothing.

use std::collections::HashMap;

use mete_core::Timestamp;

use crate::state::{RECOVERED_FOR, State};

/// Remembers the states of things by id, to notice which of them get better.
#[derive(Clone, Debug, Default)]
pub struct Recoveries {
    last: HashMap<String, State>,
    recovered: HashMap<String, Timestamp>,
}

impl Recoveries {
    /// Takes a thing's present state; returns it, or [`State::Recovered`] for a minute after trouble has ended.
    pub fn observe(&mut self, id: &str, state: State, now: Timestamp) -> State {
        let before = self.last.insert(id.to_owned(), state);
        if state != State::Ok {
            self.recovered.remove(id);
            return state;
        }
        if before.is_some_and(State::is_trouble) {
            self.recovered.insert(id.to_owned(), now);
        }
        match self.recovered.get(id) {
            Some(at) if now.since(*at) < RECOVERED_FOR => State::Recovered(*at),
            _ => state,
        }
    }

    /// Forgets everything: what is compared next is another month.
    pub fn forget(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_in_trouble_recovers_and_only_for_a_minute() {
        let mut recoveries = Recoveries::default();
        let start = Timestamp(0);
        assert_eq!(recoveries.observe("a", State::Ok, start), State::Ok);
        assert_eq!(recoveries.observe("a", State::Refused(None), start), State::Refused(None));
        assert_eq!(recoveries.observe("a", State::Ok, start), State::Recovered(start));
        assert_eq!(recoveries.observe("a", State::Ok, start.plus(RECOVERED_FOR - 1)), State::Recovered(start));
        assert_eq!(recoveries.observe("a", State::Ok, start.plus(RECOVERED_FOR)), State::Ok);
        assert_eq!(recoveries.observe("a", State::Near, start.plus(RECOVERED_FOR)), State::Near);
    }
}
