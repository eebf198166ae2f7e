//! Text from the store made fit for a screen: inert, and of a known width.

use std::borrow::Cow;

use ratatui::style::Style;
use ratatui::text::Span;
use unicode_width::UnicodeWidthStr;

/// Columns that `text` takes.
#[must_use]
pub fn width(text: &str) -> usize {
    text.width()
}

/// `text` with everything that a terminal would obey made visible instead: control characters become their pictures
/// (`␛`), characters that change the direction or hide become `�`.
#[must_use]
pub fn inert(text: &str) -> Cow<'_, str> {
    if text.chars().all(|c| shown(c) == c) {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(text.chars().map(shown).collect())
    }
}

fn shown(c: char) -> char {
    match c {
        '\0'..='\u{1f}' => char::from_u32(0x2400 + u32::from(c)).unwrap_or(char::REPLACEMENT_CHARACTER),
        '\u{7f}' => '␡',
        '\u{80}'..='\u{9f}'
        | '\u{200b}'
        | '\u{200e}'
        | '\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{2069}'
        | '\u{feff}' => char::REPLACEMENT_CHARACTER,
        _ => c,
    }
}

/// `text` in at most `columns` columns; what is cut off shows as `…`. Wide characters and joined ones stay whole.
#[must_use]
pub fn fit(text: &str, columns: usize) -> Cow<'_, str> {
    let text = inert(text);
    if width(&text) <= columns {
        return text;
    }
    if columns == 0 {
        return Cow::Borrowed("");
    }
    let mut kept = String::with_capacity(columns * 2);
    let mut used = 0;
    for grapheme in Span::raw(text.as_ref()).styled_graphemes(Style::default()) {
        used += width(grapheme.symbol);
        if used > columns - 1 {
            break;
        }
        kept.push_str(grapheme.symbol);
    }
    kept.push('…');
    Cow::Owned(kept)
}

/// [`inert`] text in lines of at most `columns` columns, wherever they end; at most `most` of them, the last one with `…`
/// where more would come.
#[must_use]
pub fn parts(text: &str, columns: usize, most: usize) -> Vec<String> {
    let text = inert(text);
    let (mut lines, mut line, mut used) = (Vec::new(), String::new(), 0);
    for grapheme in Span::raw(text.as_ref()).styled_graphemes(Style::default()) {
        let wide = width(grapheme.symbol);
        if used + wide > columns && !line.is_empty() {
            lines.push(std::mem::take(&mut line));
            used = 0;
            if lines.len() == most {
                if let Some(last) = lines.last_mut() {
                    *last = fit(&format!("{last}……"), columns).into_owned();
                }
                return lines;
            }
        }
        line.push_str(grapheme.symbol);
        used += wide;
    }
    if !line.is_empty() {
        lines.push(line);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn control_characters_show_instead_of_acting() {
        assert_eq!(inert("a\u{1b}[2J\n\u{7f}b"), "a␛[2J␊␡b");
        assert_eq!(inert("a\u{202e}b\u{9b}"), "a\u{fffd}b\u{fffd}");
        assert!(matches!(inert("Grüße 🦀"), Cow::Borrowed(_)));
    }

    #[test]
    fn wide_characters_are_never_halved() {
        assert_eq!(fit("検索エンジン", 7), "検索エ…");
        assert_eq!(fit("検索エンジン", 6), "検索…");
        assert_eq!(fit("👩‍👩‍👧 family", 4), "👩‍👩‍👧 …");
        assert_eq!(fit("abc", 3), "abc");
        assert_eq!(fit("abc", 0), "");
    }

    #[test]
    fn long_text_is_broken_anywhere_and_its_end_is_marked() {
        assert_eq!(parts("abcdefg", 3, 9), ["abc", "def", "g"]);
        assert_eq!(parts("abcdefg", 3, 2), ["abc", "de…"]);
        assert_eq!(parts("検索エ", 3, 9), ["検", "索", "エ"]);
        assert_eq!(parts("", 3, 9), Vec::<String>::new());
    }

    proptest! {
        #[test]
        fn fitted_text_is_inert_and_never_too_wide(text in ".{0,40}", columns in 0_usize..30) {
            let fitted = fit(&text, columns);
            prop_assert!(width(&fitted) <= columns);
            prop_assert!(!fitted.chars().any(char::is_control));
        }
    }
}
