//! Forms: what is to be known before something is done, typed and checked as it is typed.

mod draw;
mod field;
mod keys;
mod rule;
#[cfg(test)]
mod tests;

use mete_core::when::{When, parse_span};
use mete_core::{Nanos, Timestamp};

use field::Answer;
pub use field::{Field, Item};
pub use keys::Outcome;
pub use rule::{Rule, models};

/// How much it takes to have a form do what it is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Care {
    /// Enter, in any field.
    Plain,
    /// `y`, on the last line: Enter goes on to it, and no more.
    Deliberate,
    /// Enter on the last line, once a name is typed exactly.
    Typed,
}

/// Whether what a form is for is being done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Open,
    UnderWay,
}

/// A form on the screen.
#[derive(Clone, Debug)]
pub struct Form {
    title: String,
    /// What will be hit, in sentences.
    notice: Vec<String>,
    /// What it does, in a word or two: `archive`.
    verb: &'static str,
    care: Care,
    fields: Vec<Field>,
    /// The index of the field that has the keys; that of the last line comes after the fields'.
    focus: usize,
    /// Why it was not done, in the words of whoever refused it.
    refusal: Option<String>,
    phase: Phase,
}

impl Form {
    /// An empty form that Enter sends.
    #[must_use]
    pub fn new(title: impl Into<String>, verb: &'static str) -> Self {
        Self {
            title: title.into(),
            notice: Vec::new(),
            verb,
            care: Care::Plain,
            fields: Vec::new(),
            focus: 0,
            refusal: None,
            phase: Phase::Open,
        }
    }

    /// The same that takes more care.
    #[must_use]
    pub fn careful(mut self, care: Care) -> Self {
        self.care = care;
        self
    }

    /// The same with a sentence on what will be hit.
    #[must_use]
    pub fn telling(mut self, sentence: impl Into<String>) -> Self {
        self.notice.push(sentence.into());
        self
    }

    /// The same with one more field.
    #[must_use]
    pub fn with(mut self, field: Field) -> Self {
        self.fields.push(field);
        self
    }

    /// Says why it was not done; what is typed stays.
    pub fn refuse(&mut self, words: String) {
        self.refusal = Some(words);
        self.phase = Phase::Open;
    }

    /// What it is for is being done: nothing can be typed meanwhile.
    pub fn begin(&mut self) {
        self.refusal = None;
        self.phase = Phase::UnderWay;
    }

    /// Whether what it is for is being done.
    #[must_use]
    pub fn is_under_way(&self) -> bool {
        self.phase == Phase::UnderWay
    }

    /// What was typed or chosen in a field, as text; empty where there is no such field.
    #[must_use]
    pub fn text(&self, key: &str) -> String {
        self.fields.iter().find(|field| field.key == key).map_or_else(String::new, |field| field.answer.text())
    }

    /// Whether a yes/no field says yes.
    #[must_use]
    pub fn yes(&self, key: &str) -> bool {
        self.text(key) == field::YES
    }

    /// An amount; nothing where none is wanted.
    ///
    /// # Errors
    /// When it is none, in words.
    pub fn amount(&self, key: &str) -> Result<Option<Nanos>, String> {
        rule::amount(&self.text(key))
    }

    /// A whole number.
    ///
    /// # Errors
    /// When it is none, in words.
    pub fn number(&self, key: &str) -> Result<Option<u64>, String> {
        rule::number(&self.text(key))
    }

    /// A time ahead of `now`; nothing where none is wanted.
    ///
    /// # Errors
    /// When it is none, in words.
    pub fn until(&self, key: &str, now: Timestamp) -> Result<Option<Timestamp>, String> {
        match self.text(key).trim() {
            "" | "never" => Ok(None),
            typed => typed.parse::<When>().map(|when| Some(when.after(now))).map_err(|error| error.to_string()),
        }
    }

    /// A span of time in microseconds.
    ///
    /// # Errors
    /// When it is none, in words.
    pub fn span(&self, key: &str) -> Result<i64, String> {
        parse_span(self.text(key).trim()).map_err(|error| error.to_string())
    }

    /// A word that stands for something.
    ///
    /// # Errors
    /// When it does not, in words.
    pub fn parsed<T: std::str::FromStr>(&self, key: &str) -> Result<T, String>
    where
        T::Err: std::fmt::Display,
    {
        self.text(key).parse().map_err(|error: T::Err| error.to_string())
    }

    /// The items of a list field with the level that each has, those at the lowest left out.
    #[must_use]
    pub fn levels(&self, key: &str) -> Vec<(String, &'static str)> {
        let field = self.fields.iter().find(|field| field.key == key);
        field.map_or_else(Vec::new, |field| field.answer.levels())
    }

    /// Finds the first field that is not as it must be, gives it the keys, and says whether there is none.
    fn is_complete(&mut self, now: Timestamp) -> bool {
        for field in &mut self.fields {
            field.touched = true;
        }
        let wrong = self.fields.iter().position(|field| field.problem(now).is_some());
        if let Some(wrong) = wrong {
            self.focus = wrong;
        }
        wrong.is_none()
    }
}

#[cfg(test)]
impl Form {
    /// Fills a field in: a line with a text, a choice with the item that has the text in its label, a list with
    /// `item=level`.
    pub fn fill(&mut self, key: &str, value: &str) {
        let known = self.fields.iter().map(|field| field.key).collect::<Vec<_>>();
        let field = self.fields.iter_mut().find(|field| field.key == key);
        let field = field.unwrap_or_else(|| panic!("there is no field {key:?}, only {known:?}"));
        match &mut field.answer {
            Answer::Text { input, .. } => *input = tui_input::Input::new(value.to_owned()),
            Answer::Choice { items, chosen, .. } => {
                let found = items.iter().position(|item| item.label.contains(value));
                *chosen = found.unwrap_or_else(|| panic!("{value:?} is not among {items:?}"));
            }
            Answer::Levels { items, words, at, .. } => {
                let (item, level) = value.split_once('=').unwrap();
                let item = items.iter().position(|known| known.label == item).unwrap();
                at[item] = words.iter().position(|word| *word == level).unwrap();
            }
        }
    }

    /// Whether it can be sent as it is.
    pub fn is_sendable(&mut self, now: Timestamp) -> bool {
        self.is_complete(now)
    }

    /// All that it tells, and all that it offers.
    pub fn told(&self) -> String {
        let items = self.fields.iter().flat_map(|field| match &field.answer {
            Answer::Choice { items, .. } => items.iter().map(|item| format!("{} {}", item.label, item.note)).collect(),
            _ => Vec::new(),
        });
        self.notice.iter().cloned().chain(items).collect::<Vec<_>>().join("\n")
    }
}
