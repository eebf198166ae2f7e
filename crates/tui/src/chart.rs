//! Spend per day or hour: bars over an axis with amounts and names, the present one marked, limits drawn across.

use mete_core::Nanos;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Modifier;

use crate::format::money;
use crate::piece::{Place, columns, piece, write, write_right};
use crate::theme::{Theme, Tone};

const EIGHTHS: [&str; 9] = [" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];
/// What a bar that is yet to come is made of.
const AHEAD: &str = "░";
/// Days that are written on the axis where nothing is in their way.
const LABELLED: [usize; 5] = [1, 7, 14, 21, 28];
/// A bar takes at most so many columns.
const WIDEST: usize = 5;

/// An amount that a line is drawn at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// What it is, in a word.
    pub name: &'static str,
    /// How much.
    pub amount: Nanos,
    /// How the line looks.
    pub tone: Tone,
}

/// Spend in days or hours, one after the other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bars {
    /// Spend of each; what comes after the present one is a forecast.
    pub spend: Vec<Nanos>,
    /// What each is called on the axis.
    pub names: Vec<String>,
    /// Which of them are written there where nothing is in their way, from 1.
    pub labelled: Vec<usize>,
    /// Which is the present one, from 1, if it is among them.
    pub present: Option<usize>,
    /// Amounts that lines are drawn at.
    pub marks: Vec<Mark>,
}

impl Bars {
    /// The days of a month, the 1st first.
    #[must_use]
    pub fn days(spend: Vec<Nanos>, today: Option<usize>) -> Self {
        let names = (1..=spend.len()).map(|day| day.to_string()).collect();
        let labelled = LABELLED.into_iter().chain([spend.len()]).collect();
        Self { spend, names, labelled, present: today, marks: Vec::new() }
    }

    /// The hours until a present one, counted since 1970, the oldest first.
    #[must_use]
    pub fn hours(spend: Vec<Nanos>, present: i64) -> Self {
        let first = present + 1 - spend.len() as i64;
        let names = (first..=present).map(|hour| format!("{:02}h", hour.rem_euclid(24))).collect();
        let labelled = (1..=spend.len()).filter(|place| (first + *place as i64 - 1).rem_euclid(6) == 0).collect();
        let present = Some(spend.len()).filter(|place| *place > 0);
        Self { spend, names, labelled, present, marks: Vec::new() }
    }

    /// The same with lines at these amounts.
    #[must_use]
    pub fn marked(self, marks: Vec<Mark>) -> Self {
        Self { marks, ..self }
    }

    /// Draws the chart into the area; nothing in an area too small for it.
    pub fn draw(&self, buffer: &mut Buffer, area: Rect, theme: &Theme) {
        let amounts = self.spend.iter().copied().chain(self.marks.iter().map(|mark| mark.amount));
        let top = ceiling(amounts.max().unwrap_or_default());
        let labels = [label(top), label(Nanos(top.0 / 2))];
        let scale = labels.iter().map(String::len).max().unwrap_or(0) as u16 + 1;
        if area.height < 3 || area.width < scale + 14 {
            return;
        }
        let plot = Rect { x: area.x + scale, width: area.width - scale, height: area.height - 1, ..area };
        self.draw_scale(buffer, Rect { width: scale, ..area }, &labels, theme);
        let grid = Grid::of(self, usize::from(plot.width));
        for place in grid.first..=grid.last {
            self.draw_bar(buffer, plot, &grid, place, top, theme);
        }
        let plot = Rect { width: plot.width.min(grid.columns() as u16), ..plot };
        for mark in &self.marks {
            draw_mark(buffer, plot, mark, top, theme);
        }
        let axis = Place { x: area.x + scale - 1, y: area.bottom() - 1, width: area.width - scale + 1 };
        let line = [piece(format!("└{}", "─".repeat(grid.columns())), Tone::Dim)];
        write(buffer, axis, &line, theme);
        self.draw_names(buffer, axis, &grid, theme);
    }

    fn draw_scale(&self, buffer: &mut Buffer, area: Rect, labels: &[String; 2], theme: &Theme) {
        let middle = area.y + (area.height - 1) / 2;
        for y in area.y..area.bottom() - 1 {
            let label = match y {
                y if y == area.y => labels[0].as_str(),
                y if y == middle && area.height >= 6 && (area.height - 1).is_multiple_of(2) => labels[1].as_str(),
                _ => "",
            };
            let place = Place { x: area.x, y, width: area.width };
            write_right(buffer, place, &[piece(format!("{label}┤"), Tone::Dim)], theme);
        }
    }

    fn draw_bar(&self, buffer: &mut Buffer, plot: Rect, grid: &Grid, place: usize, top: Nanos, theme: &Theme) {
        let spend = self.spend.get(place - 1).copied().unwrap_or_default();
        let mut eighths = bar_eighths(spend, top, usize::from(plot.height));
        let is_ahead = self.present.is_some_and(|present| place > present);
        let tone = match self.present {
            Some(present) if present == place => Tone::Accent,
            _ if is_ahead => Tone::Dim,
            _ => Tone::Plain,
        };
        let x = plot.x + grid.column(place) as u16;
        for y in (plot.y..plot.bottom()).rev() {
            if eighths == 0 {
                break;
            }
            let block = if is_ahead { AHEAD } else { EIGHTHS[eighths.min(8)] }.repeat(grid.bar);
            write(buffer, Place { x, y, width: grid.bar as u16 }, &[piece(block, tone)], theme);
            eighths = eighths.saturating_sub(8);
        }
    }

    /// Writes the names onto the axis: the present one first, then whatever does not touch what is there.
    fn draw_names(&self, buffer: &mut Buffer, axis: Place, grid: &Grid, theme: &Theme) {
        let mut taken: Vec<(usize, usize)> = Vec::new();
        let name = |place: usize| self.names.get(place.saturating_sub(1)).map_or("", String::as_str);
        let present = self.present.map(|place| (place, format!("▲{}", name(place)), Tone::Accent));
        let rest = self.labelled.iter().map(|place| (*place, name(*place).to_owned(), Tone::Dim));
        for (place, label, tone) in present.into_iter().chain(rest) {
            if place < grid.first || place > grid.last {
                continue;
            }
            let length = label.chars().count();
            let start = grid.column(place).min(grid.columns().saturating_sub(length));
            let end = start + length;
            if taken.iter().any(|(from, to)| start <= *to && *from <= end) {
                continue;
            }
            taken.push((start, end));
            let place = Place { x: axis.x + 1 + start as u16, y: axis.y, width: length as u16 };
            write(buffer, place, &[piece(label, tone)], theme);
        }
    }
}

/// Draws a line at an amount across the bars, with its name at the right.
fn draw_mark(buffer: &mut Buffer, plot: Rect, mark: &Mark, top: Nanos, theme: &Theme) {
    let rows = bar_eighths(mark.amount, top, usize::from(plot.height)).div_ceil(8);
    if rows == 0 || rows > usize::from(plot.height) {
        return;
    }
    let y = plot.bottom() - rows as u16;
    let style = theme.style(mark.tone).remove_modifier(Modifier::DIM);
    for x in plot.x..plot.right() {
        let cell = &mut buffer[(x, y)];
        // inside a bar the line changes places with its ground, as the mark in a gauge does
        let style = if cell.symbol() == "█" { style.add_modifier(Modifier::REVERSED) } else { style };
        cell.set_symbol("─").set_style(style);
    }
    let name = [piece(format!(" {} ", mark.name), mark.tone)];
    let width = columns(&name) as u16;
    if width < plot.width {
        write(buffer, Place { x: plot.x, y, width }, &name, theme);
    }
}

/// Which bars are drawn, and in which columns.
struct Grid {
    first: usize,
    last: usize,
    step: usize,
    bar: usize,
}

impl Grid {
    /// All where they fit; otherwise as many as fit, the present one among them.
    fn of(bars: &Bars, columns: usize) -> Self {
        let count = bars.spend.len().max(1);
        let step = (columns / count).clamp(1, WIDEST);
        let fitting = (columns / step).clamp(1, count);
        let last = if fitting == count { count } else { bars.present.unwrap_or(count).clamp(fitting, count) };
        Self { first: last + 1 - fitting, last, step, bar: (step - 1).max(1) }
    }

    const fn column(&self, place: usize) -> usize {
        (place - self.first) * self.step
    }

    const fn columns(&self) -> usize {
        (self.last - self.first + 1) * self.step
    }
}

/// An amount on the scale. It is a round one, so nothing is lost without its trailing zeros.
fn label(amount: Nanos) -> String {
    if amount < Nanos::from_dollars(1000) { format!("${amount}") } else { money(amount) }
}

fn bar_eighths(spend: Nanos, top: Nanos, rows: usize) -> usize {
    if spend.0 <= 0 || top.0 <= 0 {
        return 0;
    }
    let whole = rows as i128 * 8;
    (i128::from(spend.0) * whole / i128::from(top.0)).clamp(1, whole) as usize
}

/// Tenths of a power of ten that read well on an axis, and so do their halves; each is at most a third above the one
/// before, so that the highest bar takes three quarters of the height.
const ROUND: [i64; 10] = [10, 12, 15, 20, 25, 30, 40, 50, 60, 80];

/// The next amount that reads well on an axis.
fn ceiling(amount: Nanos) -> Nanos {
    // less than ten nano-dollars have no tenths
    if amount.0 <= 10 {
        return Nanos(amount.0.max(1));
    }
    let mut power: i64 = 1;
    loop {
        for step in ROUND {
            match power.checked_mul(step) {
                Some(top) if top >= amount.0 => return Nanos(top),
                Some(_) => {}
                None => return Nanos::MAX,
            }
        }
        power *= 10;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn dollars(amounts: &[i64]) -> Vec<Nanos> {
        amounts.iter().copied().map(Nanos::from_dollars).collect()
    }

    fn drawn(days: &Bars, width: u16, height: u16) -> Vec<String> {
        let area = Rect::new(0, 0, width, height);
        let mut buffer = Buffer::empty(area);
        days.draw(&mut buffer, area, &Theme::new(true, None));
        (0..height).map(|y| (0..width).map(|x| buffer[(x, y)].symbol()).collect::<String>()).collect()
    }

    #[test]
    fn bars_stand_on_an_axis_with_amounts_days_and_today() {
        let mut spend = dollars(&[4, 8, 1, 0, 2]);
        spend.resize(30, Nanos::ZERO);
        let days = Bars::days(spend, Some(5));
        insta::assert_snapshot!(drawn(&days, 36, 5).join("\n"));
    }

    #[test]
    fn what_is_ahead_is_light_and_limits_are_drawn_across() {
        let spend = dollars(&[1, 2, 4, 6, 8, 10, 12, 14]);
        let mark = |name, amount| Mark { name, amount: Nanos::from_dollars(amount), tone: Tone::Plain };
        let bars = Bars::days(spend, Some(3)).marked(vec![mark("alert", 5), mark("budget", 10)]);
        insta::assert_snapshot!(drawn(&bars, 48, 9).join("\n"));
    }

    #[test]
    fn hours_are_named_by_the_clock() {
        let bars = Bars::hours(dollars(&[1; 24]), 24 * 20_000 + 12);
        assert_eq!((bars.names[0].as_str(), bars.names[23].as_str()), ("13h", "12h"));
        assert_eq!(bars.labelled, [6, 12, 18, 24]);
        assert!(drawn(&bars, 60, 5)[4].contains("▲12h"));
    }

    #[test]
    fn too_narrow_for_the_month_keeps_today_in_sight() {
        let mut spend = dollars(&[1; 23]);
        spend.resize(30, Nanos::ZERO);
        let lines = drawn(&Bars::days(spend, Some(23)), 22, 4);
        assert!(lines[3].contains("▲23"), "{lines:?}");
    }

    #[test]
    fn the_axis_ends_at_an_amount_that_reads_well() {
        for (most, top) in [
            ("0", "0.000000001"),
            ("0.000000007", "0.000000007"),
            ("0.0031", "0.004"),
            ("10.1", "12"),
            ("41", "50"),
            ("50", "50"),
            ("51", "60"),
            ("61", "80"),
            ("812", "1000"),
        ] {
            assert_eq!(ceiling(most.parse().unwrap()), top.parse().unwrap(), "{most}");
        }
        assert_eq!(ceiling(Nanos::MAX), Nanos::MAX);
    }

    proptest! {
        #[test]
        fn the_axis_ends_at_most_a_third_above_the_highest_bar(most in 11..i64::MAX / 2) {
            let top = ceiling(Nanos(most)).0;
            prop_assert!(top >= most && i128::from(top) * 3 <= i128::from(most) * 4 + 3, "{most} {top}");
        }

        #[test]
        fn any_amounts_in_any_area_are_drawn_inside_it(
            spend in prop::collection::vec(any::<i64>().prop_map(Nanos), 0..32),
            today in prop::option::of(1_usize..32),
            mark: i64,
            width in 0_u16..120,
            height in 0_u16..30,
        ) {
            let today = today.filter(|day| *day <= spend.len());
            let mark = Mark { name: "budget", amount: Nanos(mark), tone: Tone::Bad };
            drawn(&Bars::days(spend, today).marked(vec![mark]), width, height);
        }
    }
}
