//! Spend per day of a month: bars over an axis with amounts and days, today marked.

use mete_core::Nanos;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::format::money;
use crate::piece::{Place, piece, write, write_right};
use crate::theme::{Theme, Tone};

const EIGHTHS: [&str; 9] = [" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];
/// Days that are written on the axis where nothing is in their way.
const LABELLED: [usize; 5] = [1, 7, 14, 21, 28];
/// A day takes at most so many columns.
const WIDEST_DAY: usize = 5;

/// The days of a month and which of them is today.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Days {
    /// Spend of each day, the 1st first.
    pub spend: Vec<Nanos>,
    /// Today's day of the month, from 1, if it lies in this month.
    pub today: Option<usize>,
}

impl Days {
    /// Draws the chart into the area; nothing in an area too small for it.
    pub fn draw(&self, buffer: &mut Buffer, area: Rect, theme: &Theme) {
        let top = ceiling(self.spend.iter().copied().max().unwrap_or_default());
        let labels = [label(top), label(Nanos(top.0 / 2))];
        let scale = labels.iter().map(String::len).max().unwrap_or(0) as u16 + 1;
        if area.height < 3 || area.width < scale + 14 {
            return;
        }
        let plot = Rect { x: area.x + scale, width: area.width - scale, height: area.height - 1, ..area };
        self.draw_scale(buffer, Rect { width: scale, ..area }, &labels, theme);
        let grid = Grid::of(self, usize::from(plot.width));
        for day in grid.first..=grid.last {
            self.draw_bar(buffer, plot, &grid, day, top, theme);
        }
        let axis = Place { x: area.x + scale - 1, y: area.bottom() - 1, width: area.width - scale + 1 };
        let line = [piece(format!("└{}", "─".repeat(grid.columns())), Tone::Dim)];
        write(buffer, axis, &line, theme);
        self.draw_days(buffer, axis, &grid, theme);
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

    fn draw_bar(&self, buffer: &mut Buffer, plot: Rect, grid: &Grid, day: usize, top: Nanos, theme: &Theme) {
        let spend = self.spend.get(day - 1).copied().unwrap_or_default();
        let mut eighths = bar_eighths(spend, top, usize::from(plot.height));
        let tone = if self.today == Some(day) { Tone::Accent } else { Tone::Plain };
        let x = plot.x + grid.column(day) as u16;
        for y in (plot.y..plot.bottom()).rev() {
            if eighths == 0 {
                break;
            }
            let block = EIGHTHS[eighths.min(8)].repeat(grid.bar);
            write(buffer, Place { x, y, width: grid.bar as u16 }, &[piece(block, tone)], theme);
            eighths = eighths.saturating_sub(8);
        }
    }

    /// Writes the days onto the axis: today first, then whatever does not touch what is there.
    fn draw_days(&self, buffer: &mut Buffer, axis: Place, grid: &Grid, theme: &Theme) {
        let mut taken: Vec<(usize, usize)> = Vec::new();
        let today = self.today.map(|day| (day, format!("▲{day}"), Tone::Accent));
        let rest = LABELLED.into_iter().chain([self.spend.len()]).map(|day| (day, day.to_string(), Tone::Dim));
        for (day, label, tone) in today.into_iter().chain(rest) {
            if day < grid.first || day > grid.last {
                continue;
            }
            let length = label.chars().count();
            let start = grid.column(day).min(grid.columns().saturating_sub(length));
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

/// Which days are drawn, and in which columns.
struct Grid {
    first: usize,
    last: usize,
    step: usize,
    bar: usize,
}

impl Grid {
    /// All days where they fit; otherwise as many as fit, today among them.
    fn of(days: &Days, columns: usize) -> Self {
        let count = days.spend.len().max(1);
        let step = (columns / count).clamp(1, WIDEST_DAY);
        let fitting = (columns / step).clamp(1, count);
        let last = if fitting == count { count } else { days.today.unwrap_or(count).clamp(fitting, count) };
        Self { first: last + 1 - fitting, last, step, bar: (step - 1).max(1) }
    }

    const fn column(&self, day: usize) -> usize {
        (day - self.first) * self.step
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

/// The next amount that reads well on an axis: 1, 2, 4, 5 or 8 times a power of ten; half of it reads well too.
fn ceiling(amount: Nanos) -> Nanos {
    let mut power: i64 = 1;
    loop {
        for step in [1, 2, 4, 5, 8, 10] {
            match power.checked_mul(step) {
                Some(top) if top >= amount.0 => return Nanos(top.max(1)),
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

    fn drawn(days: &Days, width: u16, height: u16) -> Vec<String> {
        let area = Rect::new(0, 0, width, height);
        let mut buffer = Buffer::empty(area);
        days.draw(&mut buffer, area, &Theme::new(true, None));
        (0..height).map(|y| (0..width).map(|x| buffer[(x, y)].symbol()).collect::<String>()).collect()
    }

    #[test]
    fn bars_stand_on_an_axis_with_amounts_days_and_today() {
        let mut spend = dollars(&[4, 8, 1, 0, 2]);
        spend.resize(30, Nanos::ZERO);
        let days = Days { spend, today: Some(5) };
        insta::assert_snapshot!(drawn(&days, 36, 5).join("\n"));
    }

    #[test]
    fn too_narrow_for_the_month_keeps_today_in_sight() {
        let mut spend = dollars(&[1; 23]);
        spend.resize(30, Nanos::ZERO);
        let lines = drawn(&Days { spend, today: Some(23) }, 22, 4);
        assert!(lines[3].contains("▲23"), "{lines:?}");
    }

    #[test]
    fn the_axis_ends_at_an_amount_that_reads_well() {
        for (most, top) in
            [("0", "0.000000001"), ("0.0031", "0.004"), ("41", "50"), ("50", "50"), ("51", "80"), ("812", "1000")]
        {
            assert_eq!(ceiling(most.parse().unwrap()), top.parse().unwrap(), "{most}");
        }
        assert_eq!(ceiling(Nanos::MAX), Nanos::MAX);
    }

    proptest! {
        #[test]
        fn any_amounts_in_any_area_are_drawn_inside_it(
            spend in prop::collection::vec(any::<i64>().prop_map(Nanos), 0..32),
            today in prop::option::of(1_usize..32),
            width in 0_u16..120,
            height in 0_u16..30,
        ) {
            let today = today.filter(|day| *day <= spend.len());
            drawn(&Days { spend, today }, width, height);
        }
    }
}
