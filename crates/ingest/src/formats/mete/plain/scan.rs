//! The tokens of plain JSON: no escapes, no nesting, no negative numbers.

/// The most digits of a number that is surely no larger than a count may be.
const MAX_DIGITS: usize = 12;

/// A value, or nothing at all.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) enum Value<'a> {
    /// The key does not occur.
    #[default]
    Absent,
    Null,
    Truth(bool),
    /// Without its quotes.
    Text(&'a str),
    /// A whole number of at most twelve digits.
    Whole {
        number: u64,
        text: &'a str,
    },
    /// A number with a point.
    Decimal(&'a str),
}

/// Walks over a line.
pub(super) struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scanner<'a> {
    pub(super) const fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// Goes past white space and then `byte`; stays before what else stands there.
    pub(super) fn eat(&mut self, byte: u8) -> Option<()> {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
        (self.peek()? == byte).then(|| self.at += 1)
    }

    pub(super) const fn is_at_end(&self) -> bool {
        self.at == self.text.len()
    }

    /// A key and its colon.
    pub(super) fn key(&mut self) -> Option<&'a str> {
        self.eat(b'"')?;
        let key = self.rest_of_text()?;
        self.eat(b':')?;
        Some(key)
    }

    /// A value that is plain.
    pub(super) fn value(&mut self) -> Option<Value<'a>> {
        if self.eat(b'"').is_some() {
            return self.rest_of_text().map(Value::Text);
        }
        match self.peek()? {
            b'0'..=b'9' => self.number(),
            b't' => self.word("true", Value::Truth(true)),
            b'f' => self.word("false", Value::Truth(false)),
            b'n' => self.word("null", Value::Null),
            _ => None,
        }
    }

    fn word(&mut self, word: &str, value: Value<'a>) -> Option<Value<'a>> {
        self.text.get(self.at..)?.starts_with(word).then(|| {
            self.at += word.len();
            value
        })
    }

    /// What stands up to the closing quote; goes past that.
    fn rest_of_text(&mut self) -> Option<&'a str> {
        let start = self.at;
        let bytes = self.text.as_bytes();
        while let Some(eight) = bytes.get(self.at..self.at + 8) {
            let special = first_special(u64::from_le_bytes(eight.try_into().ok()?));
            self.at += special;
            if special < 8 {
                return self.close(start);
            }
        }
        while self.peek().is_some_and(|byte| byte >= b' ' && byte != b'"' && byte != b'\\') {
            self.at += 1;
        }
        self.close(start)
    }

    fn close(&mut self, start: usize) -> Option<&'a str> {
        let text = self.text.get(start..self.at)?;
        self.eat_at_once(b'"').map(|()| text)
    }

    fn eat_at_once(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    /// Digits, perhaps with a point among them. What follows is looked at by whoever goes on.
    fn number(&mut self) -> Option<Value<'a>> {
        let start = self.at;
        let number = self.digits()?;
        if self.at - start > 1 && self.text.as_bytes().get(start) == Some(&b'0') {
            return None;
        }
        if self.eat_at_once(b'.').is_none() {
            return Some(Value::Whole { number, text: self.text.get(start..self.at)? });
        }
        self.digits()?;
        Some(Value::Decimal(self.text.get(start..self.at)?))
    }

    /// One to twelve digits.
    fn digits(&mut self) -> Option<u64> {
        let (start, mut number) = (self.at, 0);
        while let Some(digit @ b'0'..=b'9') = self.peek() {
            if self.at - start == MAX_DIGITS {
                return None;
            }
            number = number * 10 + u64::from(digit - b'0');
            self.at += 1;
        }
        (self.at > start).then_some(number)
    }
}

/// Which of eight bytes, the lowest first, is the first quote, backslash or control; 8 if none is.
const fn first_special(eight: u64) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = ONES << 7;
    // The high bit of a byte is set where it is below `limit`; after the first such byte it may be set wrongly.
    const fn below(limit: u8, eight: u64) -> u64 {
        eight.wrapping_sub(ONES * limit as u64) & !eight & HIGHS
    }
    let quotes = below(1, eight ^ (ONES * b'"' as u64));
    let backslashes = below(1, eight ^ (ONES * b'\\' as u64));
    (below(b' ', eight) | quotes | backslashes).trailing_zeros() as usize / 8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_special_byte_is_found_wherever_it_stands() {
        for place in 0..8 {
            for byte in 0..=255_u8 {
                let mut eight = *b"aZ09 ~\xc3\x7f";
                eight[place] = byte;
                let expected = eight.iter().position(|b| *b < b' ' || matches!(b, b'"' | b'\\')).unwrap_or(8);
                assert_eq!(first_special(u64::from_le_bytes(eight)), expected, "{eight:?}");
            }
        }
    }

    #[test]
    fn tokens() {
        let value = |text| Scanner::new(text).value();
        assert_eq!(value("  \"grün, and longer than eight\""), Some(Value::Text("grün, and longer than eight")));
        assert_eq!(value("0"), Some(Value::Whole { number: 0, text: "0" }));
        assert_eq!(value("999999999999,"), Some(Value::Whole { number: 999_999_999_999, text: "999999999999" }));
        assert_eq!(value("0.015}"), Some(Value::Decimal("0.015")));
        for text in ["", "\"", "\"open", "\"a\u{1}b\"", "\"a\\\"", "00", "1.", ".5", "-1", "1000000000000", "nul", "[]"]
        {
            assert_eq!(value(text), None, "{text:?}");
        }
    }
}
