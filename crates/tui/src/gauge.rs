//! Bars with eighth-block precision and a mark for the threshold.

use crate::piece::Piece;
use crate::theme::Tone;

const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
const MARK: &str = "│";

/// A bar of `columns` columns, filled to `share` per mille, with a mark at `threshold` per mille. Anything that was
/// spent shows at least an eighth of a column, and only the whole fills all of it.
#[must_use]
pub fn bar(share: u32, threshold: Option<u32>, columns: usize, tone: Tone) -> Vec<Piece> {
    let eighths = filled_eighths(share, columns);
    let mark = threshold.filter(|share| *share <= 1000).and_then(|share| mark_column(share, columns));
    let mut pieces: Vec<Piece> = Vec::with_capacity(6);
    let mut push = |text: &str, tone, reversed| match pieces.last_mut() {
        Some(last) if last.tone == tone && last.reversed == reversed => last.text.push_str(text),
        _ => pieces.push(Piece { text: text.to_owned(), tone, reversed }),
    };
    for column in 0..columns {
        let full = (column + 1) * 8 <= eighths;
        let part = eighths.saturating_sub(column * 8);
        match (mark == Some(column), full, part) {
            (true, true, _) => push(MARK, tone, true),
            (true, false, _) => push(MARK, Tone::Plain, false),
            (false, true, _) => push("█", tone, false),
            (false, false, 1..=7) => push(EIGHTHS[part], tone, false),
            (false, false, _) => push("░", Tone::Dim, false),
        }
    }
    pieces
}

fn filled_eighths(share: u32, columns: usize) -> usize {
    let whole = columns * 8;
    match share {
        0 => 0,
        1..=999 => (share as usize * whole / 1000).clamp(1.min(whole), whole.saturating_sub(1)),
        _ => whole,
    }
}

fn mark_column(share: u32, columns: usize) -> Option<usize> {
    Some((share as usize * columns / 1000).min(columns.checked_sub(1)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(pieces: &[Piece]) -> String {
        pieces.iter().map(|piece| piece.text.as_str()).collect()
    }

    #[test]
    fn the_threshold_is_marked_inside_and_outside_the_filled_part() {
        assert_eq!(text(&bar(706, Some(800), 15, Tone::Plain)), "██████████▌░│░░");
        let over = bar(1200, Some(800), 10, Tone::Bad);
        assert_eq!(text(&over), "████████│█");
        assert_eq!(
            over.iter().filter(|piece| piece.reversed).map(|piece| piece.text.as_str()).collect::<Vec<_>>(),
            ["│"]
        );
    }

    #[test]
    fn a_little_shows_and_almost_all_is_not_all() {
        assert_eq!(text(&bar(1, None, 10, Tone::Plain)), "▏░░░░░░░░░");
        assert_eq!(text(&bar(999, None, 10, Tone::Plain)), "█████████▉");
        assert_eq!(text(&bar(1000, None, 10, Tone::Plain)), "██████████");
        assert_eq!(text(&bar(0, Some(1000), 4, Tone::Plain)), "░░░│");
    }

    proptest! {
        #[test]
        fn a_bar_is_exactly_as_wide_as_asked(share: u32, threshold: Option<u32>, columns in 0_usize..200) {
            let bar = bar(share, threshold, columns, Tone::Plain);
            prop_assert_eq!(text(&bar).chars().count(), columns);
        }

        #[test]
        fn more_spend_never_fills_less(a in 0_u32..2000, b in 0_u32..2000) {
            prop_assert!(filled_eighths(a.min(b), 20) <= filled_eighths(a.max(b), 20));
        }
    }
}
