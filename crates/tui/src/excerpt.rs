//! A piece of raw text on one line, with a caret under the byte that is wrong.

use mete_core::secret::secrets_in;

use crate::text::width;

/// A line, and where its caret stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excerpt {
    /// The piece, on one line; `…` where something is left out.
    pub line: String,
    /// How many columns stand before what is wrong, where that is known.
    pub caret: Option<usize>,
    /// Whether it is all of the text.
    pub is_whole: bool,
}

/// A character, or a byte that is none, as it is shown.
struct Glyph {
    /// Where its bytes begin.
    start: usize,
    shown: String,
}

impl Glyph {
    fn width(&self) -> usize {
        width(&self.shown)
    }
}

/// The piece around `spot`, or the beginning where that is not known, in at most `columns` columns. `safe` escapes what a
/// terminal would obey; API keys are hidden.
pub fn of(raw: &[u8], spot: Option<usize>, (columns, safe): (usize, fn(&str) -> String)) -> Excerpt {
    let glyphs = glyphs(raw, safe);
    // The end of the text is a place as well: what is torn is wrong there.
    let wrong = spot.map(|spot| glyphs.iter().rposition(|glyph| glyph.start <= spot).filter(|_| spot < raw.len()));
    let wrong = wrong.map(|place| place.unwrap_or(glyphs.len()));
    let (first, end) = window(&glyphs, wrong.unwrap_or(0), columns);
    let mut line = String::new();
    let mut caret = 0;
    if first > 0 {
        line.push('…');
    }
    for (place, glyph) in glyphs.iter().enumerate().take(end).skip(first) {
        if wrong == Some(place) {
            caret = width(&line);
        }
        line += &glyph.shown;
    }
    if wrong == Some(end) {
        caret = width(&line);
    }
    if end < glyphs.len() {
        line.push('…');
    }
    Excerpt { line, caret: wrong.map(|_| caret), is_whole: first == 0 && end == glyphs.len() }
}

/// First and end of the glyphs that fit, `wrong` among them and about as much before it as after.
fn window(glyphs: &[Glyph], wrong: usize, columns: usize) -> (usize, usize) {
    let (mut first, mut end, mut used) = (wrong, wrong, 2);
    loop {
        let after = glyphs.get(end).map(Glyph::width).filter(|more| used + more <= columns);
        if let Some(more) = after {
            (end, used) = (end + 1, used + more);
        }
        let before = first.checked_sub(1).map(|place| glyphs[place].width()).filter(|more| used + more <= columns);
        if let Some(more) = before {
            (first, used) = (first - 1, used + more);
        }
        if after.is_none() && before.is_none() {
            return (first, end);
        }
    }
}

fn glyphs(raw: &[u8], safe: fn(&str) -> String) -> Vec<Glyph> {
    let mut glyphs = Vec::new();
    let mut done = 0;
    for secret in secrets_in(raw) {
        add(&mut glyphs, raw, (done, secret.start), safe);
        glyphs.push(Glyph { start: secret.start, shown: "sk-…".to_owned() });
        done = secret.end;
    }
    add(&mut glyphs, raw, (done, raw.len()), safe);
    glyphs
}

fn add(glyphs: &mut Vec<Glyph>, raw: &[u8], (from, to): (usize, usize), safe: fn(&str) -> String) {
    let mut start = from;
    for chunk in raw[from..to].utf8_chunks() {
        for c in chunk.valid().chars() {
            glyphs.push(Glyph { start, shown: safe(c.encode_utf8(&mut [0; 4])) });
            start += c.len_utf8();
        }
        for byte in chunk.invalid() {
            glyphs.push(Glyph { start, shown: format!("\\x{byte:02x}") });
            start += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::inert;

    const WIDTH: usize = 76;

    fn shown(raw: &[u8], spot: Option<usize>) -> Excerpt {
        of(raw, spot, (WIDTH, |text| inert(text).into_owned()))
    }

    /// What stands above the caret, and all of the line.
    fn pointed(raw: &[u8], spot: usize) -> (String, String) {
        let Excerpt { line, caret, .. } = shown(raw, Some(spot));
        assert!(width(&line) <= WIDTH, "{line}");
        let mut column = 0;
        let above = line.chars().skip_while(|c| {
            let before = column < caret.unwrap();
            column += width(&c.to_string());
            before
        });
        (above.collect(), line)
    }

    #[test]
    fn the_caret_stands_under_what_is_wrong() {
        let line = |raw: &[u8], spot| {
            let Excerpt { line, caret, .. } = shown(raw, spot);
            (line, caret)
        };
        assert_eq!(line(br#"{"n":-1}"#, Some(5)), ("{\"n\":-1}".to_owned(), Some(5)));
        assert_eq!(line(b"{\"n\":", Some(5)), ("{\"n\":".to_owned(), Some(5)), "torn: after its end");
        assert_eq!(line(b"{}", None), ("{}".to_owned(), None));
        assert_eq!(line(b"", Some(0)), (String::new(), Some(0)));
        let text = "{\"翻訳\u{1b}\":?}".as_bytes();
        assert_eq!(pointed(text, text.len() - 2).0, "?}");
        assert_eq!(pointed(b"a\xff\0b?", 4), ("?".into(), "a\\xff␀b?".into()));
        // Within a character, the character is meant.
        assert_eq!(pointed("é?".as_bytes(), 1).0, "é?");
    }

    #[test]
    fn a_long_line_is_shown_around_the_spot() {
        let text = "x".repeat(500) + "?" + &"y".repeat(500);
        let (above, line) = pointed(text.as_bytes(), 500);
        assert!(line.starts_with("…x") && line.ends_with("y…") && above.starts_with("?y"), "{line}");
        let (above, line) = pointed(text.as_bytes(), 3);
        assert!(line.starts_with("xxxx") && above.starts_with("xx"), "{line}");
        let (above, line) = pointed(text.as_bytes(), 1000);
        assert!(above == "y" && line.starts_with('…') && line.ends_with('y'), "{line}");
    }

    #[test]
    fn r15_keys_are_hidden() {
        let text = "{\"key\":\"sk-proj-0123456789abcdefghij\",\"n\":?}";
        assert_eq!(pointed(text.as_bytes(), text.len() - 2), ("?}".into(), "{\"key\":\"sk-…\",\"n\":?}".into()));
        assert_eq!(pointed(text.as_bytes(), 20).0, "sk-…\",\"n\":?}");
    }
}
