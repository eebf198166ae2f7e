//! Keys and colours as they are written in the configuration.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use crossterm::event::KeyCode;
use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::nearest;
use crate::actions::{Action, Key, REGISTRY};
use crate::theme::{Paint, Slot, Slots};

/// Keys of this many presses are enough.
const LONGEST: usize = 4;

/// Keys that are pressed one after another; mostly it is one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Chord(pub Vec<Key>);

/// All that does one action.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chords(pub Vec<Chord>);

/// Actions with their keys, in the place of those that they have.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Bindings(pub BTreeMap<ActionName, Chords>);

/// An action by its name in the registry.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct ActionName(pub String);

impl TryFrom<String> for ActionName {
    type Error = String;

    fn try_from(written: String) -> Result<Self, String> {
        let names: Vec<String> = REGISTRY.iter().map(|entry| entry.action.name()).collect();
        if names.contains(&written) {
            return Ok(Self(written));
        }
        let near = nearest(&written, names.iter().map(String::as_str));
        let near = near.map_or_else(String::new, |near| format!("did you mean {near:?}? "));
        Err(format!("there is no such action: {near}There is: {}", names.join(", ")))
    }
}

impl Bindings {
    /// The keys of an action, if they are set.
    #[must_use]
    pub fn of(&self, action: Action) -> Option<&Chords> {
        self.0.get(&ActionName(action.name()))
    }
}

impl<'de> Deserialize<'de> for Chords {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OneOrMany)
    }
}

struct OneOrMany;

impl<'de> Visitor<'de> for OneOrMany {
    type Value = Chords;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key such as \"ctrl-x k\", or a list of keys")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Chords, E> {
        Ok(Chords(vec![text.parse().map_err(E::custom)?]))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut keys: A) -> Result<Chords, A::Error> {
        let mut chords = Vec::new();
        while let Some(text) = keys.next_element::<String>()? {
            chords.push(text.parse().map_err(A::Error::custom)?);
        }
        Ok(Chords(chords))
    }
}

impl FromStr for Chord {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let keys: Vec<Key> = text.split_whitespace().map(key).collect::<Result<_, _>>()?;
        match keys.len() {
            0 => {
                Err("a key is missing: the space bar is \"space\"; an empty list [] leaves an action without keys"
                    .into())
            }
            1..=LONGEST => Ok(Self(keys)),
            _ => Err(format!("{text:?} is too long: at most {LONGEST} keys are pressed one after another")),
        }
    }
}

impl fmt::Display for Chord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<String> = self.0.iter().map(name).collect();
        f.write_str(&names.join(" "))
    }
}

/// The keys that have names.
const NAMED: [(&str, KeyCode); 15] = [
    ("enter", KeyCode::Enter),
    ("esc", KeyCode::Esc),
    ("tab", KeyCode::Tab),
    ("shift-tab", KeyCode::BackTab),
    ("backspace", KeyCode::Backspace),
    ("space", KeyCode::Char(' ')),
    ("up", KeyCode::Up),
    ("down", KeyCode::Down),
    ("left", KeyCode::Left),
    ("right", KeyCode::Right),
    ("pgup", KeyCode::PageUp),
    ("pgdn", KeyCode::PageDown),
    ("home", KeyCode::Home),
    ("end", KeyCode::End),
    ("delete", KeyCode::Delete),
];

/// A key's name in the configuration.
fn name(key: &Key) -> String {
    let named = NAMED.iter().find(|(_, code)| *code == key.code).map(|(name, _)| (*name).to_owned());
    let name = named.unwrap_or_else(|| match key.code {
        KeyCode::Char(letter) => letter.to_string(),
        KeyCode::F(number) => format!("f{number}"),
        other => other.to_string().to_lowercase(),
    });
    if key.control { format!("ctrl-{name}") } else { name }
}

fn key(text: &str) -> Result<Key, String> {
    let lower = text.to_lowercase();
    let (rest, control) = match lower.strip_prefix("ctrl-") {
        Some("") | None => (text, false),
        Some(_) => (&text["ctrl-".len()..], true),
    };
    let mut letters = rest.chars();
    let code = match (letters.next(), letters.next()) {
        (Some(letter), None) if letter.is_control() => None,
        (Some(letter), None) if control => Some(KeyCode::Char(letter.to_ascii_lowercase())),
        (Some(letter), None) => Some(KeyCode::Char(letter)),
        _ => named(&rest.to_lowercase()),
    };
    let code = code.ok_or_else(|| {
        let known = NAMED.iter().map(|(name, _)| *name);
        let near = nearest(&rest.to_lowercase(), known.clone());
        let near = near.map_or_else(String::new, |near| format!("did you mean {near:?}? "));
        let known: Vec<&str> = known.collect();
        format!(
            "there is no key {text:?}: {near}A key is a character, f1 to f12, or one of {}, with \"ctrl-\" before it if need be",
            known.join(", ")
        )
    })?;
    match (control, code) {
        (true, KeyCode::Char('i')) => Err("a terminal sends the same for ctrl-i as for tab: write \"tab\"".into()),
        (true, KeyCode::Char('m')) => Err("a terminal sends the same for ctrl-m as for enter: write \"enter\"".into()),
        (true, KeyCode::Char('[')) => Err("a terminal sends the same for ctrl-[ as for esc: write \"esc\"".into()),
        _ => Ok(Key { code, control }),
    }
}

fn named(name: &str) -> Option<KeyCode> {
    let function = name.strip_prefix('f').and_then(|number| number.parse().ok());
    let function = function.filter(|number| (1..=12).contains(number)).map(KeyCode::F);
    let also = match name {
        "escape" => Some("esc"),
        "return" => Some("enter"),
        "pageup" => Some("pgup"),
        "pagedown" => Some("pgdn"),
        "del" => Some("delete"),
        "backtab" => Some("shift-tab"),
        _ => None,
    };
    let name = also.unwrap_or(name);
    function.or_else(|| NAMED.iter().find(|(known, _)| *known == name).map(|(_, code)| *code))
}

/// A table of colours by the names of their slots.
pub fn slots<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Slots, D::Error> {
    let written = BTreeMap::<SlotName, Color>::deserialize(deserializer)?;
    Ok(written.into_iter().fold(Slots::default(), |slots, (slot, color)| slots.with(slot.0, color.0)))
}

#[derive(PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
struct SlotName(Slot);

impl TryFrom<String> for SlotName {
    type Error = String;

    fn try_from(written: String) -> Result<Self, String> {
        if let Some(slot) = Slot::ALL.into_iter().find(|slot| slot.words().0 == written) {
            return Ok(Self(slot));
        }
        let names = Slot::ALL.map(|slot| slot.words().0);
        let near = nearest(&written, names).map_or_else(String::new, |near| format!("did you mean {near:?}? "));
        Err(format!("nothing has this colour: {near}There is: {}", names.join(", ")))
    }
}

/// A colour, as text or as a number.
struct Color(Paint);

impl<'de> Deserialize<'de> for Color {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        text_or_number(deserializer)?.parse().map(Self).map_err(D::Error::custom)
    }
}

/// Text, or the digits of a number.
pub fn text_or_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    struct TextOrNumber;
    impl Visitor<'_> for TextOrNumber {
        type Value = String;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("text or a number")
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<String, E> {
            Ok(text.to_owned())
        }

        fn visit_i64<E: Error>(self, number: i64) -> Result<String, E> {
            Ok(number.to_string())
        }
    }
    deserializer.deserialize_any(TextOrNumber)
}
