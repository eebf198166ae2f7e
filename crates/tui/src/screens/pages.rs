//! Where in a long list a screen is. A list is read a page at a time, by the key of its order, the newest first; the first
//! page follows what comes.

use crate::actions::Action;
use crate::outcome::Outcome;

/// Rows of a page.
pub const PAGE: u32 = 200;

/// What a long list says of its pages in the key bar.
pub const TURNS: [Action; 2] = [Action::Older, Action::Newer];

/// The pages turned so far, each by the place behind which it begins.
pub struct Pages<C> {
    turned: Vec<C>,
    /// Behind which the next one begins, if there is one.
    next: Option<C>,
}

impl<C> Default for Pages<C> {
    fn default() -> Self {
        Self { turned: Vec::new(), next: None }
    }
}

impl<C: Clone> Pages<C> {
    /// Behind which place the page shown begins; nothing for the first one.
    pub fn place(&self) -> Option<&C> {
        self.turned.last()
    }

    /// Takes where the next page begins.
    pub fn set_next(&mut self, next: Option<C>) {
        self.next = next;
    }

    /// Turns a page; nothing happens at either end.
    pub fn turn(&mut self, action: Action) -> Outcome {
        match (action, self.next.take()) {
            (Action::Older, Some(next)) => self.turned.push(next),
            (Action::Newer, next) if self.turned.is_empty() => {
                self.next = next;
                return Outcome::Done;
            }
            (Action::Newer, _) => {
                self.turned.pop();
            }
            (_, next) => {
                self.next = next;
                return Outcome::Done;
            }
        }
        Outcome::Ask
    }

    /// Which page it is, and whether there are older ones: ` · page 2 · } older · { newer`.
    pub fn words(&self) -> String {
        let page = match self.turned.len() {
            0 => String::new(),
            turned => format!(" · page {} · {{ newer", turned + 1),
        };
        let older = if self.next.is_some() { " · } older" } else { "" };
        format!("{page}{older}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_turned_as_far_as_there_are_any() {
        let mut pages: Pages<u8> = Pages::default();
        assert!(matches!(pages.turn(Action::Older), Outcome::Done));
        pages.set_next(Some(7));
        assert!(matches!(pages.turn(Action::Newer), Outcome::Done));
        assert_eq!(pages.words(), " · } older");
        assert!(matches!(pages.turn(Action::Older), Outcome::Ask));
        assert_eq!((pages.place(), pages.words().as_str()), (Some(&7), " · page 2 · { newer"));
        assert!(matches!(pages.turn(Action::Older), Outcome::Done), "what comes next is not known yet");
        assert!(matches!(pages.turn(Action::Newer), Outcome::Ask));
        assert_eq!(pages.place(), None);
    }
}
