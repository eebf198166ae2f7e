//! The terminal's answer to the question which background it has (OSC 11). It comes whenever it comes, among the keys:
//! the first frame does not wait for it, and an answer that is late never acts as keys.

use std::time::Duration;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use tokio::time::Instant;

use crate::msg::Msg;

/// The question.
pub const QUESTION: &[u8] = b"\x1b]11;?\x1b\\";

/// What an answer begins with, after its escape.
const BEGINNING: &str = "]11;rgb";
/// The longest is `]11;rgba:ffff/ffff/ffff/ffff`.
const LONGEST: usize = 32;
/// Nobody waits so long within an answer; somebody who types does.
const WITHIN: Duration = Duration::from_millis(400);

/// Tells the answer from keys.
#[derive(Debug, Default)]
pub struct Answers {
    held: Vec<KeyEvent>,
    text: String,
    last: Option<Instant>,
    /// Whether the escape of the answer's end has come as a key of its own.
    ending: bool,
}

impl Answers {
    /// What a key comes to that arrives at an instant.
    pub fn take(&mut self, key: KeyEvent, at: Instant) -> Vec<Msg> {
        let soon = self.last.is_some_and(|last| at.duration_since(last) < WITHIN);
        self.last = Some(at);
        let mut messages = if soon { Vec::new() } else { self.give_up() };
        let alone = key.modifiers.difference(KeyModifiers::SHIFT).is_empty();
        let alt = key.modifiers == KeyModifiers::ALT;
        let control = key.modifiers == KeyModifiers::CONTROL;
        match key.code {
            KeyCode::Char(']') if alt => {
                messages.extend(self.give_up());
                self.hold(key, ']');
            }
            _ if self.held.is_empty() => messages.push(Msg::Key(key)),
            KeyCode::Char('\\') if alt || (alone && self.ending) => messages.extend(self.end(key)),
            KeyCode::Char('g') if control => messages.extend(self.end(key)),
            KeyCode::Esc => {
                self.ending = true;
                self.held.push(key);
            }
            KeyCode::Char(letter) if alone && self.goes_on(letter) => self.hold(key, letter),
            _ => {
                messages.extend(self.give_up());
                messages.push(Msg::Key(key));
            }
        }
        messages
    }

    fn hold(&mut self, key: KeyEvent, letter: char) {
        self.held.push(key);
        self.text.push(letter);
    }

    fn goes_on(&self, letter: char) -> bool {
        match BEGINNING.chars().nth(self.text.len()) {
            Some(expected) => letter == expected,
            None => self.text.len() < LONGEST && (letter.is_ascii_hexdigit() || matches!(letter, 'a' | ':' | '/')),
        }
    }

    /// They were keys after all.
    fn give_up(&mut self) -> Vec<Msg> {
        self.text.clear();
        self.ending = false;
        self.held.drain(..).map(Msg::Key).collect()
    }

    fn end(&mut self, key: KeyEvent) -> Vec<Msg> {
        match is_light(&self.text) {
            Some(light) => {
                self.give_up();
                vec![Msg::Background { light }]
            }
            None => {
                let mut messages = self.give_up();
                messages.push(Msg::Key(key));
                messages
            }
        }
    }
}

/// Whether the background of an answer is a light one.
fn is_light(answer: &str) -> Option<bool> {
    let (_, channels) = answer.strip_prefix(BEGINNING)?.split_once(':')?;
    let channel = |text: &str| {
        let most = 16_u64.checked_pow(text.len() as u32)? - 1;
        Some(u64::from_str_radix(text, 16).ok()?.checked_mul(1000)? / most.max(1))
    };
    let channels: Vec<u64> = channels.split('/').map(channel).collect::<Option<_>>()?;
    let [red, green, blue, ..] = channels.as_slice() else { return None };
    Some(red * 299 + green * 587 + blue * 114 > 500_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(code: KeyCode, modifiers: KeyModifiers) -> KeyEvent {
        KeyEvent::new(code, modifiers)
    }

    /// An answer as crossterm reads it.
    fn answer(text: &str, end: &[KeyEvent]) -> Vec<KeyEvent> {
        let first = key(KeyCode::Char(']'), KeyModifiers::ALT);
        let letters = text.chars().map(|letter| key(KeyCode::Char(letter), KeyModifiers::NONE));
        std::iter::once(first).chain(letters).chain(end.iter().copied()).collect()
    }

    fn taken(keys: &[KeyEvent]) -> Vec<Msg> {
        let (mut answers, now) = (Answers::default(), Instant::now());
        keys.iter().flat_map(|key| answers.take(*key, now)).collect()
    }

    fn keys(messages: &[Msg]) -> String {
        let letter = |msg: &Msg| match msg {
            Msg::Key(KeyEvent { code: KeyCode::Char(letter), .. }) => *letter,
            Msg::Key(KeyEvent { code: KeyCode::Esc, .. }) => '␛',
            _ => '?',
        };
        messages.iter().map(letter).collect()
    }

    #[test]
    fn an_answer_says_whether_the_background_is_light_and_is_no_keys() {
        let string_end = [key(KeyCode::Char('\\'), KeyModifiers::ALT)];
        let bell = [key(KeyCode::Char('g'), KeyModifiers::CONTROL)];
        let torn = [key(KeyCode::Esc, KeyModifiers::NONE), key(KeyCode::Char('\\'), KeyModifiers::NONE)];
        for end in [&string_end[..], &bell, &torn] {
            for (text, light) in [
                ("11;rgb:ffff/ffff/ffff", true),
                ("11;rgb:1e1e/1e1e/2e2e", false),
                ("11;rgb:fd/f6/e3", true),
                ("11;rgba:0000/2b2b/3636/ffff", false),
            ] {
                let messages = taken(&answer(text, end));
                assert!(matches!(messages[..], [Msg::Background { light: told }] if told == light), "{messages:?}");
            }
        }
    }

    #[test]
    fn whatever_is_no_answer_is_keys_in_their_order() {
        assert_eq!(keys(&taken(&answer("11;rq", &[]))), "]11;rq");
        assert_eq!(keys(&taken(&answer("11;rgb:zz", &[]))), "]11;rgb:zz");
        assert_eq!(keys(&taken(&answer("11;rgb:", &[key(KeyCode::Char('\\'), KeyModifiers::ALT)]))), "]11;rgb:\\");
        assert_eq!(keys(&taken(&answer("j", &[]))), "]j");
    }

    #[test]
    fn who_types_slowly_is_no_answer() {
        let (mut answers, now) = (Answers::default(), Instant::now());
        assert!(answers.take(key(KeyCode::Char(']'), KeyModifiers::ALT), now).is_empty());
        let later = answers.take(key(KeyCode::Char('1'), KeyModifiers::NONE), now + WITHIN);
        assert_eq!(keys(&later), "]1");
    }
}
