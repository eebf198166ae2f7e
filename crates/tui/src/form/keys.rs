//! What keys and pasted text do in a form.

use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};
use mete_core::Timestamp;
use tui_input::InputRequest;
use tui_input::backend::crossterm::EventHandler;

use super::{Answer, Care, Field, Form};

/// What becomes of a form after a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It stays.
    Stay,
    /// It is put away; nothing is done.
    Close,
    /// It is complete: what it is for is to be done.
    Send,
}

impl Form {
    /// Takes a key.
    pub fn key(&mut self, key: &KeyEvent, now: Timestamp) -> Outcome {
        match key.code {
            KeyCode::Esc => return Outcome::Close,
            // what is being done cannot be changed any more
            _ if self.is_under_way() => {}
            KeyCode::Tab => self.step(1),
            KeyCode::BackTab => self.step(-1),
            KeyCode::Enter => return self.enter(now),
            KeyCode::Char('y' | 'Y') if self.care == Care::Deliberate && self.is_at_the_end() => {
                return self.send(now);
            }
            _ => self.type_key(key),
        }
        Outcome::Stay
    }

    /// Pasted text goes into a line of text; it never acts as keys.
    pub fn paste(&mut self, text: &str) {
        let under_way = self.is_under_way();
        let Some(field) = self.fields.get_mut(self.focus).filter(|_| !under_way) else { return };
        if let Answer::Text { input, .. } = &mut field.answer {
            for letter in text.chars().filter(|letter| !letter.is_control()) {
                input.handle(InputRequest::InsertChar(letter));
            }
            field.touched = true;
        }
    }

    /// Whether the keys are on the last line, after the fields.
    pub(super) fn is_at_the_end(&self) -> bool {
        self.focus >= self.fields.len()
    }

    fn enter(&mut self, now: Timestamp) -> Outcome {
        match self.care {
            Care::Plain => self.send(now),
            Care::Typed if self.is_at_the_end() => self.send(now),
            Care::Typed | Care::Deliberate => {
                if !self.is_at_the_end() {
                    self.step(1);
                }
                Outcome::Stay
            }
        }
    }

    fn send(&mut self, now: Timestamp) -> Outcome {
        if self.is_complete(now) { Outcome::Send } else { Outcome::Stay }
    }

    /// Gives the keys to the next field, or the one before; round and round.
    fn step(&mut self, by: isize) {
        if let Some(field) = self.fields.get_mut(self.focus) {
            // what was passed by empty is said to be missing only where something was typed, or on sending
            if let Answer::Choice { sought, .. } = &mut field.answer {
                sought.clear();
            }
        }
        let places = self.fields.len() as isize + 1;
        self.focus = (self.focus as isize + by).rem_euclid(places) as usize;
    }

    fn type_key(&mut self, key: &KeyEvent) {
        let moved = match self.fields.get_mut(self.focus) {
            Some(field) => field.key(key),
            None => false,
        };
        if !moved {
            match key.code {
                KeyCode::Up => self.step(-1),
                KeyCode::Down => self.step(1),
                _ => {}
            }
        }
    }
}

impl Field {
    /// Takes a key; `false` where it has no use for it.
    fn key(&mut self, key: &KeyEvent) -> bool {
        match &mut self.answer {
            Answer::Text { input, .. } => {
                if matches!(key.code, KeyCode::Up | KeyCode::Down) || key.modifiers.contains(KeyModifiers::ALT) {
                    return false;
                }
                let before = input.value().to_owned();
                input.handle_event(&Event::Key(*key));
                self.touched |= input.value() != before;
                true
            }
            Answer::Choice { items, chosen, sought } => {
                let last = items.len().saturating_sub(1);
                match key.code {
                    KeyCode::Left => *chosen = chosen.saturating_sub(1),
                    KeyCode::Right => *chosen = (*chosen + 1).min(last),
                    KeyCode::Char(' ') if sought.is_empty() => *chosen = if *chosen == last { 0 } else { *chosen + 1 },
                    KeyCode::Char(letter) if !key.modifiers.contains(KeyModifiers::CONTROL) => {
                        sought.extend(letter.to_lowercase());
                        let found = items.iter().position(|item| item.label.to_lowercase().contains(sought.as_str()));
                        match found {
                            Some(found) => *chosen = found,
                            None => _ = sought.pop(),
                        }
                    }
                    KeyCode::Backspace => _ = sought.pop(),
                    _ => return false,
                }
                self.touched = true;
                true
            }
            Answer::Levels { items, words, at, cursor } => {
                let top = words.len().saturating_sub(1);
                let Some(level) = at.get_mut(*cursor) else { return false };
                match key.code {
                    KeyCode::Left => *level = level.saturating_sub(1),
                    KeyCode::Right => *level = (*level + 1).min(top),
                    KeyCode::Char(' ') => *level = if *level == top { 0 } else { *level + 1 },
                    KeyCode::Up if *cursor > 0 => *cursor -= 1,
                    KeyCode::Down if *cursor + 1 < items.len() => *cursor += 1,
                    _ => return false,
                }
                self.touched = true;
                true
            }
        }
    }
}
