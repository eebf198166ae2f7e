//! Which keys do what: those of the registry, and in their place those of the configuration.

use std::collections::HashMap;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use crate::actions::{Action, Key, REGISTRY};
use crate::config::{Bindings, Chord, Config};
use crate::screens::{self, KINDS};

/// What keys that were typed come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Typed {
    /// They do this.
    Done(Action),
    /// They are the beginning of something.
    Begun,
    /// Nothing.
    Nothing,
}

type Map = Vec<(Action, Vec<Chord>)>;

/// The keys of every action on every screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keymap {
    everywhere: Map,
    /// Of the screens that have keys of their own.
    on: HashMap<&'static str, Map>,
    /// Whether keys are named in ASCII.
    ascii: bool,
}

impl Default for Keymap {
    fn default() -> Self {
        Self::new(&Config::default())
    }
}

impl Keymap {
    /// The keys of a configuration.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let everywhere: Map = REGISTRY
            .iter()
            .map(|entry| {
                let own = config.keys.of(entry.action).map(|chords| chords.0.clone());
                (entry.action, own.unwrap_or_else(|| entry.keys.iter().map(|key| Chord(vec![*key])).collect()))
            })
            .collect();
        let own = |screen: &'static str| Some((screen, overlaid(&everywhere, config.keys_on.get(screen)?)));
        let on = screens::names().into_iter().filter_map(own).collect();
        Self { everywhere, on, ascii: false }
    }

    /// The same, with keys named in ASCII if `ascii`.
    #[must_use]
    pub fn named_in_ascii(mut self, ascii: bool) -> Self {
        self.ascii = ascii;
        self
    }

    /// What keys do on a screen, of what is offered there.
    #[must_use]
    pub fn find(&self, screen: &str, typed: &[Key], offered: &[Action]) -> Typed {
        let offered = self.on(screen).iter().filter(|(action, _)| offered.contains(action));
        let mut begun = false;
        for (action, chord) in offered.flat_map(|(action, chords)| chords.iter().map(move |chord| (action, chord))) {
            if chord.0 == typed {
                return Typed::Done(*action);
            }
            begun |= chord.0.starts_with(typed);
        }
        if begun && !typed.is_empty() { Typed::Begun } else { Typed::Nothing }
    }

    /// The names of the keys of an action on a screen; the first one stands in the key bar.
    #[must_use]
    pub fn labels(&self, screen: &str, action: Action) -> Vec<String> {
        let chords = self.on(screen).iter().find(|(known, _)| *known == action).map(|(_, chords)| chords.as_slice());
        chords.unwrap_or_default().iter().map(|chord| self.label(chord)).collect()
    }

    /// The name of keys that are typed one after another.
    #[must_use]
    pub fn label(&self, chord: &Chord) -> String {
        if self.ascii {
            return chord.to_string();
        }
        chord.0.iter().map(Key::label).collect::<Vec<_>>().join(" ")
    }

    fn on(&self, screen: &str) -> &Map {
        self.on.get(screen).unwrap_or(&self.everywhere)
    }

    /// Whether an action, on a screen or everywhere, has a key alone or in a chord.
    pub(crate) fn has(&self, action: &str, screen: Option<&str>, key: &Key) -> bool {
        let map = screen.map_or(&self.everywhere, |screen| self.on(screen));
        let mut own = map.iter().filter(|(known, _)| known.name() == action).flat_map(|(_, chords)| chords);
        own.any(|chord| chord.0.contains(key))
    }

    /// The keys of an action, on a screen or everywhere, that are the same as some of another action or the beginning
    /// of them, where both actions can be done: its chord, the other action, the other's chord.
    pub(crate) fn clashes(&self, action: &str, screen: Option<&str>) -> Vec<(Chord, String, Chord)> {
        let map = screen.map_or(&self.everywhere, |screen| self.on(screen));
        let own = map.iter().filter(|(known, _)| known.name() == action).flat_map(|(_, chords)| chords);
        let kinds = KINDS.iter().filter(|kind| screen.is_none_or(|screen| kind.name == screen));
        let together = |other: &&(Action, _)| kinds.clone().any(|kind| kind.offers(action, &other.0.name()));
        let mut clashes = Vec::new();
        for chord in own {
            for (other, theirs) in map.iter().filter(together) {
                let same = other.name() == action;
                let alike = |by: &&Chord| match same {
                    true => by.0.len() > chord.0.len() && by.0.starts_with(&chord.0),
                    false => by.0.starts_with(&chord.0) || chord.0.starts_with(&by.0),
                };
                clashes.extend(theirs.iter().filter(alike).map(|by| (chord.clone(), other.name(), by.clone())));
            }
        }
        clashes
    }
}

/// The keys of everywhere, with those of one screen before them: what a screen's own keys do there, nothing else does.
fn overlaid(everywhere: &Map, own: &Bindings) -> Map {
    let taken: Vec<&Chord> = own.0.values().flat_map(|chords| &chords.0).collect();
    let keys = |(action, chords): &(Action, Vec<Chord>)| {
        let kept = || chords.iter().filter(|chord| !taken.contains(chord)).cloned().collect();
        (*action, own.of(*action).map_or_else(kept, |chords| chords.0.clone()))
    };
    everywhere.iter().map(keys).collect()
}

impl Key {
    /// The key of an event; nothing with Alt, which is never ours. Shift is part of the character.
    #[must_use]
    pub fn of(event: &KeyEvent) -> Option<Self> {
        if event.modifiers.contains(KeyModifiers::ALT) {
            return None;
        }
        let control = event.modifiers.contains(KeyModifiers::CONTROL);
        let code = match event.code {
            KeyCode::Tab if event.modifiers.contains(KeyModifiers::SHIFT) => KeyCode::BackTab,
            code => code,
        };
        Some(Self { code, control })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actions::{EVERYWHERE, ON_LISTS};

    fn keymap(text: &str) -> Keymap {
        Keymap::new(&Config::parse(text).unwrap())
    }

    fn typed(keymap: &Keymap, screen: &str, keys: &str) -> Typed {
        let offered: Vec<Action> = EVERYWHERE.iter().chain(ON_LISTS).copied().collect();
        let chord: Chord = keys.parse().unwrap();
        keymap.find(screen, &chord.0, &offered)
    }

    #[test]
    fn a_key_of_ones_own_takes_the_place_of_all_that_an_action_had() {
        let keymap = keymap("keys.quit = \"ctrl-q\"\nkeys.first = [\"g g\", \"home\"]");
        assert_eq!(typed(&keymap, "projects", "ctrl-q"), Typed::Done(Action::Quit));
        assert_eq!(typed(&keymap, "projects", "q"), Typed::Nothing);
        assert_eq!(typed(&keymap, "projects", "g"), Typed::Begun);
        assert_eq!(typed(&keymap, "projects", "g g"), Typed::Done(Action::First));
        assert_eq!(typed(&keymap, "projects", "g j"), Typed::Nothing);
        assert_eq!(typed(&keymap, "projects", "G"), Typed::Done(Action::Last), "others are as they were");
        assert_eq!(keymap.labels("projects", Action::First), ["g g", "home"]);
    }

    #[test]
    fn a_screens_own_keys_go_before_those_of_everywhere() {
        let keymap = keymap("keys_on.project.refresh = \"q\"");
        assert_eq!(typed(&keymap, "project", "q"), Typed::Done(Action::Refresh));
        assert_eq!(typed(&keymap, "projects", "q"), Typed::Done(Action::Quit));
        assert_eq!(keymap.labels("project", Action::Quit), ["^C"]);
    }

    #[test]
    fn case_and_control_matter_and_alt_is_not_ours() {
        let keymap = Keymap::default();
        let press = |code, modifiers| {
            let key = Key::of(&KeyEvent::new(code, modifiers));
            key.map_or(Typed::Nothing, |key| keymap.find("projects", &[key], ON_LISTS))
        };
        assert_eq!(press(KeyCode::Char('s'), KeyModifiers::NONE), Typed::Done(Action::SortNext));
        assert_eq!(press(KeyCode::Char('S'), KeyModifiers::SHIFT), Typed::Done(Action::SortReverse));
        assert_eq!(press(KeyCode::Char('f'), KeyModifiers::CONTROL), Typed::Done(Action::PageDown));
        assert_eq!(press(KeyCode::Char('s'), KeyModifiers::ALT), Typed::Nothing);
        assert_eq!(press(KeyCode::Char('q'), KeyModifiers::NONE), Typed::Nothing, "not offered");
    }
}
