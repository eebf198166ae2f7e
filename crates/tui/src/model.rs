//! All that the interface knows: the opened screens, the month, the link to the store, what lies on top.

use crossterm::event::{KeyCode, KeyEvent};
use mete_core::{Month, Timestamp};
use ratatui::layout::{Rect, Size};

use crate::acting::Acting;
use crate::actions::{Action, EVERYWHERE, Key, ON_LISTS, ON_TARGETS};
use crate::config::Config;
use crate::freshness::{Freshness, Link};
use crate::keymap::{Keymap, Typed};
use crate::look::{Arrival, Look};
use crate::msg::{Effect, ViewId};
use crate::overlays::Overlay;
use crate::piece::Piece;
use crate::screens::{self, Explain};
use crate::symbols::Charset;
use crate::theme::Theme;
use crate::trail::{Trail, View};

/// What lies on top of the screen and has the keys.
pub(crate) struct Lying {
    /// Its answers bear it.
    pub(crate) id: ViewId,
    pub(crate) overlay: Box<dyn Overlay>,
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
    /// Whether the store may be changed at all.
    pub acts: bool,
}

/// The state of the interface. Only [`crate::update::update`] changes it.
pub struct Model {
    pub(crate) setting: Setting,
    pub(crate) now: Timestamp,
    pub(crate) size: Size,
    /// A chosen month; the present one if none is.
    pub(crate) chosen: Option<Month>,
    /// The screens that were opened.
    pub(crate) trail: Trail,
    pub(crate) next_view: u64,
    pub(crate) link: Link,
    pub(crate) overlay: Option<Lying>,
    /// The first keys of a chord whose last is still to come.
    pub(crate) typed: Vec<Key>,
    /// What is being done to the store, and what may be; nothing where it is only looked at.
    pub(crate) acting: Option<Acting>,
    pub(crate) banner: Vec<String>,
    /// Since when the figures stand still, if they do.
    pub(crate) frozen: Option<Timestamp>,
    /// What is said in place of the keys until the next one is pressed.
    pub(crate) said: Option<Piece>,
    /// Whether something may look different since the last drawing.
    pub(crate) dirty: bool,
}

impl Model {
    /// The interface at its start, and what it asks first.
    #[must_use]
    pub fn start(setting: Setting, size: Size, now: Timestamp) -> (Self, Vec<Effect>) {
        let mut screen = screens::first(setting.config.start.as_deref());
        screen.set_columns(&setting.config.lists);
        let acting = setting.acts.then(Acting::default);
        let mut model = Self {
            setting,
            acting,
            now,
            size,
            chosen: None,
            trail: Trail::new(ViewId(0), screen),
            next_view: 1,
            link: Link::default(),
            overlay: None,
            typed: Vec::new(),
            banner: Vec::new(),
            frozen: None,
            said: None,
            dirty: true,
        };
        let mut effects: Vec<Effect> = model.ask().into_iter().collect();
        effects.extend(model.acting.is_some().then_some(Effect::Look));
        (model, effects)
    }

    /// The month shown.
    #[must_use]
    pub fn month(&self) -> Month {
        self.chosen.unwrap_or_else(|| self.now.month())
    }

    /// The view on top.
    pub(crate) const fn top(&self) -> &View {
        self.trail.top()
    }

    /// Asks what the view on top has to know; nothing if it is being asked already.
    pub(crate) fn ask(&mut self) -> Option<Effect> {
        let (month, versions, now) = (self.month(), self.link.versions(), self.now);
        let top = self.trail.top_mut();
        let asked = top.ask(month, versions)?;
        top.asking.begun(now);
        Some(asked)
    }

    /// Whether what the view on top shows stands still.
    pub(crate) fn is_held(&self) -> bool {
        self.frozen.is_some() && self.top().asking.answered_at().is_some()
    }

    /// Everything that keys can do now.
    pub(crate) fn offered(&self) -> Vec<Action> {
        let screen = &self.trail.top().screen;
        let offered = screen.actions().iter().chain(ON_LISTS).chain(EVERYWHERE).copied();
        let explains = screen.name() != "explain" && Explain::subject_of(&screen.targets()).is_some();
        let offered = offered.chain(ON_TARGETS.iter().copied().filter(|_| explains));
        offered.chain(crate::acting::offered(self)).collect()
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

    /// Whether a key alone does an action here, whatever lies on top.
    pub(crate) fn is_key_of(&self, action: Action, event: &KeyEvent) -> bool {
        let found = Key::of(event).map(|key| self.setting.keys.find(self.top().screen.name(), &[key], &[action]));
        found == Some(Typed::Done(action))
    }

    /// The names of the keys of an action here; the first one stands in the key bar.
    pub(crate) fn labels(&self, action: Action) -> Vec<String> {
        self.setting.keys.labels(self.top().screen.name(), action)
    }

    /// A name for what is opened next.
    pub(crate) fn next_id(&mut self) -> ViewId {
        let id = ViewId(self.next_view);
        self.next_view += 1;
        id
    }

    /// How fresh the view on top is.
    pub(crate) fn freshness(&self) -> Freshness {
        match (self.frozen, self.top().asking.answered_at()) {
            (Some(_), Some(at)) => Freshness::Frozen(self.now.since(at)),
            _ => Freshness::of(&self.top().asking, &self.link, self.now),
        }
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
