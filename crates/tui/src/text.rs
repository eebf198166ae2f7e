//! Text from the store made fit for a screen: inert, and of a known width.

use std::borrow::Cow;

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Columns that `text` takes.
#[must_use]
pub fn width(text: &str) -> usize {
    text.width()
}

/// Marks that may stand on one letter; more of them climb over the lines above.
const MOST_MARKS: usize = 2;

/// `text` made inert, and as wide on every terminal as [`width`] says: control characters become their pictures (`␛`),
/// characters that change the direction or hide become `�`. Of pictures that are joined from several, of which each
/// terminal makes another width, the first is left; of a flag its letters.
#[must_use]
pub fn inert(text: &str) -> Cow<'_, str> {
    if text.is_ascii() && !text.bytes().any(|byte| byte.is_ascii_control()) {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len());
    for grapheme in text.graphemes(true) {
        plain_grapheme(grapheme, &mut plain);
    }
    if plain == text { Cow::Borrowed(text) } else { Cow::Owned(plain) }
}

/// One character as a reader sees it, out of letters that all terminals agree on.
fn plain_grapheme(grapheme: &str, plain: &mut String) {
    let mut letters = grapheme.chars();
    let Some(first) = letters.next() else { return };
    let base = shown(first);
    let pictorial = letters.clone().any(joins);
    if base.width() == Some(0) {
        // a mark without a letter would go onto whatever stands before it
        plain.push(char::REPLACEMENT_CHARACTER);
    } else {
        plain.push(base);
    }
    if pictorial {
        return;
    }
    let mut marks = 0;
    for letter in letters {
        match (flag_letter(letter), shown(letter)) {
            (Some(letter), _) => plain.push(letter),
            (None, letter) if letter.width() == Some(0) => {
                marks += 1;
                if marks <= MOST_MARKS {
                    plain.push(letter);
                }
            }
            (None, letter) => plain.push(letter),
        }
    }
}

/// Whether a character makes one picture of those around it, where the terminal knows how.
const fn joins(c: char) -> bool {
    matches!(c, '\u{200d}' | '\u{fe00}'..='\u{fe0f}' | '\u{20e3}' | '\u{1f3fb}'..='\u{1f3ff}' | '\u{e0020}'..='\u{e007f}')
}

/// The letter of half a flag.
fn flag_letter(c: char) -> Option<char> {
    let index = u32::from(c).checked_sub(0x1f1e6).filter(|index| *index < 26)?;
    char::from_u32(u32::from('A') + index)
}

fn shown(c: char) -> char {
    match c {
        '\0'..='\u{1f}' => char::from_u32(0x2400 + u32::from(c)).unwrap_or(char::REPLACEMENT_CHARACTER),
        '\u{7f}' => '␡',
        '\u{80}'..='\u{9f}'
        | '\u{ad}'
        | '\u{34f}'
        | '\u{61c}'
        | '\u{115f}'
        | '\u{1160}'
        | '\u{17b4}'
        | '\u{17b5}'
        | '\u{180b}'..='\u{180f}'
        | '\u{200b}'
        | '\u{200c}'
        | '\u{200e}'
        | '\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{3164}'
        | '\u{feff}'
        | '\u{ffa0}'
        | '\u{fff9}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e0fff}' => char::REPLACEMENT_CHARACTER,
        _ => flag_letter(c).unwrap_or(c),
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
    for grapheme in text.graphemes(true) {
        used += width(grapheme);
        if used > columns - 1 {
            break;
        }
        kept.push_str(grapheme);
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
    for grapheme in text.graphemes(true) {
        let wide = width(grapheme);
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
        line.push_str(grapheme);
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
        assert_eq!(fit("👩‍👩‍👧 family", 4), "👩 …");
        assert_eq!(fit("abc", 3), "abc");
        assert_eq!(fit("abc", 0), "");
    }

    #[test]
    fn what_terminals_draw_in_different_widths_is_drawn_in_one() {
        for (text, plain) in [
            ("👩‍👩‍👧 family", "👩 family"),
            ("👍🏽 ok", "👍 ok"),
            ("❤️ heart", "❤ heart"),
            ("1️⃣ first", "1 first"),
            ("🇩🇪 Berlin", "DE Berlin"),
            ("zero\u{200b}width\u{ad}", "zero\u{fffd}width\u{fffd}"),
            ("e\u{301}\u{302}\u{303}\u{304}\u{305}", "e\u{301}\u{302}"),
            ("\u{301}alone", "\u{fffd}alone"),
            ("Grüße 検索 한국 กำ", "Grüße 検索 한국 กำ"),
        ] {
            assert_eq!(inert(text), plain, "{text}");
        }
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
        fn text_is_as_wide_as_its_letters_together(text in "\\PC{0,30}") {
            let plain = inert(&text);
            let alone: usize = plain.chars().map(|letter| letter.width().unwrap_or(0)).sum();
            prop_assert_eq!(width(&plain), alone);
            prop_assert_eq!(inert(&plain), plain.as_ref());
        }

        #[test]
        fn fitted_text_is_inert_and_never_too_wide(text in ".{0,40}", columns in 0_usize..30) {
            let fitted = fit(&text, columns);
            prop_assert!(width(&fitted) <= columns);
            prop_assert!(!fitted.chars().any(char::is_control));
        }
    }
}
