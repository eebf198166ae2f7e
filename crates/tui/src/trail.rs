//! The way a person went: the screens before the one in sight, and those that they came back from.

use mete_core::Month;

use crate::asking::Asking;
use crate::msg::{Effect, ViewId};
use crate::screens::Screen;
use mete_store::Versions;

/// Screens that are kept to go back to; each holds its rows.
const MOST: usize = 32;

/// A screen that was opened, with its askings.
pub(crate) struct View {
    pub(crate) id: ViewId,
    pub(crate) screen: Box<dyn Screen>,
    pub(crate) asking: Asking,
    /// How many of those right before it lead to it; none, if it was jumped to.
    depth: usize,
}

impl View {
    fn new(id: ViewId, screen: Box<dyn Screen>, depth: usize) -> Self {
        Self { id, screen, asking: Asking::default(), depth }
    }

    /// Asks what it has to know; nothing if it is being asked already.
    pub(crate) fn ask(&mut self, month: Month, versions: Option<Versions>) -> Option<Effect> {
        let generation = self.asking.begin(versions)?;
        Some(Effect::Ask { view: self.id, generation, queries: self.screen.queries(month) })
    }
}

/// A screen in sight, and the ways back and forward from it.
pub(crate) struct Trail {
    before: Vec<View>,
    top: View,
    /// The next one last.
    after: Vec<View>,
}

impl Trail {
    /// Begins at a screen.
    pub(crate) fn new(id: ViewId, screen: Box<dyn Screen>) -> Self {
        Self { before: Vec::new(), top: View::new(id, screen, 0), after: Vec::new() }
    }

    /// The view in sight.
    pub(crate) const fn top(&self) -> &View {
        &self.top
    }

    /// The view in sight, to change it.
    pub(crate) const fn top_mut(&mut self) -> &mut View {
        &mut self.top
    }

    /// All views that there are.
    pub(crate) fn views_mut(&mut self) -> impl Iterator<Item = &mut View> {
        self.before.iter_mut().chain(std::iter::once(&mut self.top)).chain(&mut self.after)
    }

    /// The views that lead to the one in sight, and that one.
    pub(crate) fn path(&self) -> impl Iterator<Item = &View> {
        let first = self.before.len().saturating_sub(self.top.depth);
        self.before[first..].iter().chain(std::iter::once(&self.top))
    }

    /// Whether there is a screen to go back to.
    pub(crate) const fn leads_back(&self) -> bool {
        !self.before.is_empty()
    }

    /// How many screens lie on the way to here, this one included.
    #[cfg(test)]
    pub(crate) const fn length(&self) -> usize {
        self.before.len() + 1
    }

    /// Opens a screen from the one in sight. What was come back from is forgotten.
    pub(crate) fn open(&mut self, id: ViewId, screen: Box<dyn Screen>) {
        let depth = self.top.depth + 1;
        self.put(View::new(id, screen, depth));
    }

    /// Goes to a screen that does not belong to the one in sight.
    pub(crate) fn jump(&mut self, id: ViewId, screen: Box<dyn Screen>) {
        self.put(View::new(id, screen, 0));
    }

    fn put(&mut self, view: View) {
        self.after.clear();
        self.before.push(std::mem::replace(&mut self.top, view));
        if self.before.len() > MOST {
            self.before.remove(0);
        }
    }

    /// Goes back; returns whether there was a way.
    pub(crate) fn back(&mut self) -> bool {
        let Some(view) = self.before.pop() else { return false };
        self.after.push(std::mem::replace(&mut self.top, view));
        true
    }

    /// Undoes [`Self::back`]; returns whether there was anything to undo.
    pub(crate) fn forward(&mut self) -> bool {
        let Some(view) = self.after.pop() else { return false };
        self.before.push(std::mem::replace(&mut self.top, view));
        true
    }
}
