//! The fields of a form, and what each holds.

use mete_core::Timestamp;
use tui_input::Input;

use super::Rule;

/// The text of a yes/no field that says yes.
pub(super) const YES: &str = "yes";
const NO: &str = "no";

/// One of several to choose from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// What it stands for: an id or a word.
    pub value: String,
    /// What people read.
    pub label: String,
    /// What choosing it means, in a sentence; may be empty.
    pub note: String,
}

impl Item {
    /// An item that stands for itself.
    #[must_use]
    pub fn word(word: impl Into<String>) -> Self {
        let word = word.into();
        Self { value: word.clone(), label: word, note: String::new() }
    }

    /// An item with another value than label.
    #[must_use]
    pub fn of(value: impl Into<String>, label: impl Into<String>) -> Self {
        Self { value: value.into(), label: label.into(), note: String::new() }
    }

    /// The same with what choosing it means.
    #[must_use]
    pub fn noting(mut self, note: impl Into<String>) -> Self {
        self.note = note.into();
        self
    }
}

/// What a field holds.
#[derive(Clone, Debug)]
pub enum Answer {
    /// A line of text.
    Text {
        /// What is typed.
        input: Input,
        /// What it must be.
        rule: Rule,
    },
    /// One of several.
    Choice {
        /// All of them.
        items: Vec<Item>,
        /// The index of the chosen one.
        chosen: usize,
        /// Letters typed to find one.
        sought: String,
    },
    /// Each of several at one of a few levels.
    Levels {
        /// All of them.
        items: Vec<Item>,
        /// The words of the levels, the lowest first.
        words: &'static [&'static str],
        /// The level of each item.
        at: Vec<usize>,
        /// The index of the item that has the keys.
        cursor: usize,
    },
}

/// A field of a form.
#[derive(Clone, Debug)]
pub struct Field {
    /// By what it is asked for.
    pub(super) key: &'static str,
    /// What stands before it.
    pub(super) label: &'static str,
    /// What it is for, in a sentence; may be empty.
    pub(super) hint: &'static str,
    /// What it holds.
    pub answer: Answer,
    /// Whether somebody has typed in it, or tried to send the form.
    pub(super) touched: bool,
}

impl Field {
    fn new(key: &'static str, label: &'static str, answer: Answer) -> Self {
        Self { key, label, hint: "", answer, touched: false }
    }

    /// A line of text.
    #[must_use]
    pub fn text(key: &'static str, label: &'static str, rule: Rule) -> Self {
        Self::new(key, label, Answer::Text { input: Input::default(), rule })
    }

    /// One of several; the first one is chosen.
    #[must_use]
    pub fn choice(key: &'static str, label: &'static str, items: Vec<Item>) -> Self {
        Self::new(key, label, Answer::Choice { items, chosen: 0, sought: String::new() })
    }

    /// Yes or no; no unless somebody says yes.
    #[must_use]
    pub fn yes_no(key: &'static str, label: &'static str) -> Self {
        Self::choice(key, label, vec![Item::word(NO), Item::word(YES)])
    }

    /// Each of several at one of a few levels, the lowest at first.
    #[must_use]
    pub fn levels(
        key: &'static str,
        label: &'static str,
        (items, words): (Vec<Item>, &'static [&'static str]),
    ) -> Self {
        let at = vec![0; items.len()];
        Self::new(key, label, Answer::Levels { items, words, at, cursor: 0 })
    }

    /// The same with a value to begin with: a text, or the value of an item.
    #[must_use]
    pub fn preset(mut self, value: impl Into<String>) -> Self {
        let value = value.into();
        match &mut self.answer {
            Answer::Text { input, .. } => *input = Input::new(value),
            Answer::Choice { items, chosen, .. } => {
                *chosen = items.iter().position(|item| item.value == value).unwrap_or(*chosen);
            }
            Answer::Levels { .. } => {}
        }
        self
    }

    /// The same with one item at a level.
    #[must_use]
    pub fn at_level(mut self, value: &str, word: &str) -> Self {
        if let Answer::Levels { items, words, at, .. } = &mut self.answer {
            let (item, level) =
                (items.iter().position(|item| item.value == value), words.iter().position(|known| *known == word));
            if let (Some(item), Some(level)) = (item, level) {
                at[item] = level;
            }
        }
        self
    }

    /// The same with a sentence on what it is for.
    #[must_use]
    pub fn hint(mut self, hint: &'static str) -> Self {
        self.hint = hint;
        self
    }

    /// What is wrong with what it holds, if anything.
    pub(super) fn problem(&self, now: Timestamp) -> Option<String> {
        match &self.answer {
            Answer::Text { input, rule } => rule.problem(input.value(), now),
            Answer::Choice { items, .. } if items.is_empty() => Some("there is nothing to choose from".to_owned()),
            Answer::Choice { .. } | Answer::Levels { .. } => None,
        }
    }

    /// What stands under it while it has the keys: what the chosen item means, or what the field is for.
    pub(super) fn note(&self) -> &str {
        match &self.answer {
            Answer::Choice { items, chosen, .. } => {
                items.get(*chosen).map(|item| item.note.as_str()).filter(|note| !note.is_empty()).unwrap_or(self.hint)
            }
            Answer::Text { .. } | Answer::Levels { .. } => self.hint,
        }
    }
}

impl Answer {
    pub(super) fn text(&self) -> String {
        match self {
            Self::Text { input, .. } => input.value().to_owned(),
            Self::Choice { items, chosen, .. } => {
                items.get(*chosen).map_or_else(String::new, |item| item.value.clone())
            }
            Self::Levels { .. } => String::new(),
        }
    }

    pub(super) fn levels(&self) -> Vec<(String, &'static str)> {
        let Self::Levels { items, words, at, .. } = self else { return Vec::new() };
        let raised = items.iter().zip(at).filter(|(_, level)| **level > 0);
        raised.filter_map(|(item, level)| Some((item.value.clone(), *words.get(*level)?))).collect()
    }
}
