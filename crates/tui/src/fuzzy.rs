//! Names by letters that they have in this order: `spbt` finds `Support bot`.

use frizbee::{Config, Matcher};

/// The indices of the texts that have the letters, the best first; all in their order if there are no letters.
#[must_use]
pub fn ranked<S: AsRef<str>>(letters: &str, texts: &[S]) -> Vec<usize> {
    let letters = letters.trim().to_lowercase();
    if letters.is_empty() {
        return (0..texts.len()).collect();
    }
    let matches = Matcher::new(letters.as_str(), &Config::default()).match_list(texts);
    matches.into_iter().map(|found| found.index as usize).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_in_their_order_are_enough_and_the_best_comes_first() {
        let texts = ["Default project", "Support bot", "bots", "Search"];
        assert_eq!(ranked("spbt", &texts), [1]);
        assert_eq!(ranked("BOT", &texts)[0], 2);
        assert_eq!(ranked("", &texts), [0, 1, 2, 3]);
        assert!(ranked("zz", &texts).is_empty());
    }
}
