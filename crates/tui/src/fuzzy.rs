//! Names by letters that they have in this order: `spbt` finds `Support bot`.
//!
//! A matcher made for speed on long lists took longer to compile than the rest of the interface; what is ranked here is
//! typed for, and a few thousand names at most.

/// Whether a text has the letters in their order. Both are in small letters.
#[must_use]
pub fn has_letters(text: &str, letters: &str) -> bool {
    let mut chars = text.chars();
    letters.chars().all(|letter| chars.any(|char| char == letter))
}

/// The indices of the texts that have the letters, the best first; all in their order if there are no letters. The closer
/// together the letters stand, the better; then where they begin a word; then the shorter text.
#[must_use]
pub fn ranked<S: AsRef<str>>(letters: &str, texts: &[S]) -> Vec<usize> {
    let letters: Vec<char> = letters.trim().to_lowercase().chars().collect();
    if letters.is_empty() {
        return (0..texts.len()).collect();
    }
    let mut found: Vec<_> = texts
        .iter()
        .enumerate()
        .filter_map(|(index, text)| {
            let text: Vec<char> = text.as_ref().to_lowercase().chars().collect();
            Some((closest(&text, &letters)?, text.len(), index))
        })
        .collect();
    found.sort_unstable();
    found.into_iter().map(|(.., index)| index).collect()
}

/// The shortest stretch of the text that has the letters in their order, and whether it begins within a word; `None` where
/// there is none.
fn closest(text: &[char], letters: &[char]) -> Option<(usize, bool)> {
    let first = letters.first()?;
    let begins = text.iter().enumerate().filter(|(_, char)| *char == first).map(|(place, _)| place);
    let stretch = |begin: usize| {
        let mut rest = text[begin..].iter();
        let all = letters.iter().all(|letter| rest.any(|char| char == letter));
        let within_word = begin.checked_sub(1).is_some_and(|before| text[before].is_alphanumeric());
        all.then(|| (text.len() - begin - rest.len(), within_word))
    };
    // What begins later has fewer letters left: the first without a match is the last to be looked at.
    begins.map_while(stretch).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_in_their_order_are_enough_and_the_best_comes_first() {
        let texts = ["Default project", "Support bot", "bots", "Search"];
        assert_eq!(ranked("spbt", &texts), [1]);
        assert_eq!(ranked("BOT", &texts), [2, 1]);
        assert_eq!(ranked("", &texts), [0, 1, 2, 3]);
        assert!(ranked("zz", &texts).is_empty());
    }

    #[test]
    fn close_together_is_better_and_so_is_the_beginning_of_a_word() {
        let helps = ["Screen: write rows or a picture to a file", "List: resorts", "List: sort by the next column"];
        assert_eq!(ranked("sort", &helps), [2, 1, 0]);
        assert_eq!(ranked("srt", &helps), [2, 1, 0]);
    }

    #[test]
    fn letters_are_letters_in_any_language() {
        assert!(has_letters("größe 東京", "gß東"));
        assert!(!has_letters("größe", "ßg"));
        assert_eq!(ranked("ÖSS", &["Größe", "Höss"]), [1]);
    }
}
