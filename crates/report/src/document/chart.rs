//! Bars of the days: of blocks for text, as SVG for pages.

use maud::{Markup, html};
use mete_core::Nanos;

use super::words::money;

/// Columns of the longest bar.
const COLUMNS: i128 = 40;
const EIGHTHS: [char; 7] = ['▏', '▎', '▍', '▌', '▋', '▊', '▉'];

/// A bar of block characters in proportion to the largest amount; what is there at all is an eighth at least.
pub fn blocks(amount: Nanos, largest: Nanos) -> String {
    if amount <= Nanos::ZERO || largest <= Nanos::ZERO {
        return String::new();
    }
    let eighths = (i128::from(amount.0) * COLUMNS * 8 / i128::from(largest.0)).max(1);
    let whole = usize::try_from(eighths / 8).unwrap_or_default();
    let rest = usize::try_from(eighths % 8).unwrap_or_default();
    let mut bar = "█".repeat(whole);
    bar.extend(rest.checked_sub(1).and_then(|place| EIGHTHS.get(place)));
    bar
}

/// Width of a bar and its gap, and height of the highest, in the picture's units.
const STEP: i128 = 24;
const HEIGHT: i128 = 120;

/// The days as a picture that scales with its page; each bar says its day and amount to whoever points at it or has it
/// read out.
pub fn svg(days: &[(String, Nanos)]) -> Markup {
    let largest = days.iter().map(|(_, amount)| *amount).max().unwrap_or_default();
    let width = STEP * days.len() as i128;
    let bars = days.iter().enumerate().map(|(place, (day, amount))| {
        let height =
            if largest > Nanos::ZERO { i128::from(amount.0.max(0)) * HEIGHT / i128::from(largest.0) } else { 0 };
        let label = format!("{day}: {}", money(*amount));
        let number = day.rsplit('-').next().unwrap_or_default().to_owned();
        (STEP * place as i128, height.max(i128::from(*amount > Nanos::ZERO)), label, number)
    });
    html! {
        svg viewBox=(format!("0 0 {width} {}", HEIGHT + 40)) role="img" aria-label="Spend by day" {
            text x="0" y="12" { (money(largest)) }
            line x1="0" y1=(HEIGHT + 20) x2=(width) y2=(HEIGHT + 20) {}
            @for (x, height, label, number) in bars {
                rect x=(x + 2) y=(HEIGHT + 20 - height) width=(STEP - 4) height=(height) { title { (label) } }
                text.day x=(x + STEP / 2) y=(HEIGHT + 36) { (number) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_as_long_as_its_part_of_the_largest() {
        let ten = Nanos::from_dollars(10);
        assert_eq!(blocks(ten, ten), "█".repeat(40));
        assert_eq!(blocks(Nanos::from_dollars(5), ten), "█".repeat(20));
        assert_eq!(blocks(Nanos(1), ten), "▏", "something is never nothing");
        assert_eq!(blocks(Nanos::ZERO, ten), "");
        assert_eq!(blocks(Nanos(-1), ten), "");
    }
}
