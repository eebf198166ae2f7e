//! All that the interface knows: the opened screens, the month, the link to the store, what lies on top.

use crossterm::event::{KeyCode, KeyEvent};
use mete_core::{Month, Timestamp};
use ratatui::layout::{Rect, Size};
use tui_input::Input;

use crate::actions::{Action, EVERYWHERE, Key, ON_LISTS};
use crate::asking::Asking;
use crate::config::Config;
use crate::freshness::{Freshness, Link};
use crate::keymap::{Keymap, Typed};
use crate::look::{Arrival, Look};
use crate::msg::{Effect, ViewId};
use crate::screens::{Organizations, Screen};
use crate::symbols::Charset;
use crate::theme::Theme;

/// A screen that was opened, with its askings.
pub(crate) struct View {
    pub(crate) id: ViewId,
    pub(crate) screen: Box<dyn Screen>,
    pub(crate) asking: Asking,
}

/// What lies on top of the screen and has the keys.
#[derive(Clone, Debug)]
pub(crate) enum Overlay {
    /// The help, scrolled down by so many lines.
    Help { scrolled: usize },
    /// A filter being typed, and the one before it.
    Filter { input: Input, before: String },
}

/// What was set before the interface ran.
#[derive(Clone, Debug, Default)]
pub struct Setting {
    /// Colours and emphasis; the terminal's answer and a key change it.
    pub theme: Theme,
    /// Which characters the terminal shows.
    pub charset: Charset,
    /// Which keys do what.
    pub keys: Keymap,
    /// Everything else that can be set.
    pub config: Config,
    /// The store's kind and name.
    pub store: String,
    /// Who is at the screen.
    pub actor: String,
}

/// The state of the interface. Only [`crate::update::update`] changes it.
pub struct Model {
    pub(crate) setting: Setting,
    pub(crate) now: Timestamp,
    pub(crate) size: Size,
    /// A chosen month; the present one if none is.
    pub(crate) chosen: Option<Month>,
    /// The opened screens, the one on top last. Never empty: the first one cannot be left.
    pub(crate) root: View,
    pub(crate) opened: Vec<View>,
    pub(crate) next_view: u64,
    pub(crate) link: Link,
    pub(crate) overlay: Option<Overlay>,
    /// The first keys of a chord whose last is still to come.
    pub(crate) typed: Vec<Key>,
    pub(crate) banner: Vec<String>,
    /// Whether something may look different since the last drawing.
    pub(crate) dirty: bool,
}

impl Model {
    /// The interface at its start, and what it asks first.
    #[must_use]
    pub fn start(setting: Setting, size: Size, now: Timestamp) -> (Self, Vec<Effect>) {
        let mut screen: Box<dyn Screen> = Box::new(Organizations::new());
        screen.set_columns(&setting.config.lists);
        let root = View { id: ViewId(0), screen, asking: Asking::default() };
        let mut model = Self {
            setting,
            now,
            size,
            chosen: None,
            root,
            opened: Vec::new(),
            next_view: 1,
            link: Link::default(),
            overlay: None,
            typed: Vec::new(),
            banner: Vec::new(),
            dirty: true,
        };
        let effects = model.ask().into_iter().collect();
        (model, effects)
    }

    /// The month shown.
    #[must_use]
    pub fn month(&self) -> Month {
        self.chosen.unwrap_or_else(|| self.now.month())
    }

    /// The view on top.
    pub(crate) fn top(&self) -> &View {
        self.opened.last().unwrap_or(&self.root)
    }

    /// The view on top, to change it.
    pub(crate) fn top_mut(&mut self) -> &mut View {
        self.opened.last_mut().unwrap_or(&mut self.root)
    }

    /// All views, the first one first.
    pub(crate) fn views_mut(&mut self) -> impl Iterator<Item = &mut View> {
        std::iter::once(&mut self.root).chain(&mut self.opened)
    }

    /// Asks what the view on top has to know; nothing if it is being asked already.
    pub(crate) fn ask(&mut self) -> Option<Effect> {
        let (month, versions) = (self.month(), self.link.versions());
        let view = self.top_mut();
        let generation = view.asking.begin(versions)?;
        Some(Effect::Ask { view: view.id, generation, queries: view.screen.queries(month) })
    }

    /// Everything that keys can do now.
    pub(crate) fn offered(&self) -> Vec<Action> {
        let own = self.top().screen.actions();
        own.iter().chain(ON_LISTS).chain(EVERYWHERE).copied().collect()
    }

    /// The action that a key does here, with those typed before it if it ends a chord.
    pub(crate) fn action_for(&mut self, event: &KeyEvent) -> Option<Action> {
        let mut typed = std::mem::take(&mut self.typed);
        let chord = !typed.is_empty();
        typed.push(Key::of(event)?);
        match self.setting.keys.find(self.top().screen.name(), &typed, &self.offered()) {
            Typed::Done(action) => Some(action),
            Typed::Begun => {
                self.typed = typed;
                None
            }
            // esc ends a chord and nothing else; any other key is what it is without one
            Typed::Nothing if chord && event.code != KeyCode::Esc => self.action_for(event),
            Typed::Nothing => None,
        }
    }

    /// The names of the keys of an action here; the first one stands in the key bar.
    pub(crate) fn labels(&self, action: Action) -> Vec<String> {
        self.setting.keys.labels(self.top().screen.name(), action)
    }

    /// How fresh the view on top is.
    pub(crate) fn freshness(&self) -> Freshness {
        Freshness::of(&self.top().asking, &self.link, self.now)
    }

    /// The circumstances in which the view on top is drawn.
    pub(crate) fn look(&self) -> Look<'_> {
        Look {
            theme: &self.setting.theme,
            now: self.now,
            month: self.month(),
            arrival: match self.top().asking.answered_at() {
                Some(_) => Arrival::Here,
                None if self.failure().is_some() => Arrival::Failed,
                None => Arrival::Awaited,
            },
            focused: true,
        }
    }

    /// Why what is shown may be wrong, in the store's words.
    pub(crate) fn failure(&self) -> Option<&str> {
        let failure = self.link.failure().or_else(|| self.top().asking.failure());
        failure.map(|failure| failure.0.as_str())
    }

    /// The whole screen.
    pub(crate) fn area(&self) -> Rect {
        Rect::new(0, 0, self.size.width, self.size.height)
    }
}
