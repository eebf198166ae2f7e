//! The tabs of a project and the line that names them.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::look::Look;
use crate::piece::{Place, columns, piece, write, write_right};
use crate::state::State;
use crate::theme::Tone;

/// From this width on the tabs have their numbers.
const NUMBERED: u16 = 96;

/// A tab.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tab {
    /// Budget, charts, who spends.
    Overview,
    /// Members and service accounts.
    People,
    /// All keys.
    Keys,
    /// What it may do.
    Limits,
    /// What its money went to.
    Usage,
    /// What usage named.
    Resources,
    /// Alerts of the month.
    Alerts,
    /// What was done, and by whom.
    Audit,
}

impl Tab {
    const ALL: [Self; 8] = [
        Self::Overview,
        Self::People,
        Self::Keys,
        Self::Limits,
        Self::Usage,
        Self::Resources,
        Self::Alerts,
        Self::Audit,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Overview => "Overview",
            Self::People => "People",
            Self::Keys => "Keys",
            Self::Limits => "Limits",
            Self::Usage => "Usage",
            Self::Resources => "Resources",
            Self::Alerts => "Alerts",
            Self::Audit => "Audit",
        }
    }

    /// The one after it; after the last the first.
    pub fn next(self) -> Self {
        Self::ALL[(self as usize + 1) % Self::ALL.len()]
    }

    /// The one before it; before the first the last.
    pub fn previous(self) -> Self {
        Self::ALL[(self as usize + Self::ALL.len() - 1) % Self::ALL.len()]
    }

    /// The one with a number, from 1.
    pub fn numbered(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number).checked_sub(1)?).copied()
    }
}

/// Draws the line: the tabs, and at the right the project's state, which is in sight whichever tab is shown.
pub fn draw(
    shown: Tab,
    (state, runs_out): (Option<State>, Option<String>),
    buffer: &mut Buffer,
    area: Rect,
    look: &Look<'_>,
) {
    let mut line = vec![piece(" ", Tone::Plain)];
    for (tab, number) in Tab::ALL.into_iter().zip(1..) {
        let name = if area.width < NUMBERED { tab.name().to_owned() } else { format!("{number} {}", tab.name()) };
        line.push(match tab == shown {
            true => piece(format!("[{name}]"), Tone::Accent),
            false => piece(format!(" {name} "), Tone::Dim),
        });
    }
    let place = Place { x: area.x, y: area.y, width: area.width };
    let used = write(buffer, place, &line, look.theme);
    let Some(state) = state else { return };
    let mut right = vec![piece(state.label(look.now), state.tone(look.now))];
    if let Some(runs_out) = runs_out.filter(|_| !state.is_refused()) {
        right.insert(0, piece(format!("{runs_out}   "), Tone::Near));
    }
    while columns(&right) + 1 > usize::from(area.width - used) && !right.is_empty() {
        right.remove(0);
    }
    write_right(buffer, Place { width: place.width.saturating_sub(1), ..place }, &right, look.theme);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tabs_go_round_and_have_numbers() {
        for (tab, number) in Tab::ALL.into_iter().zip(1..) {
            assert_eq!(tab.next().previous(), tab);
            assert_eq!(Tab::numbered(number), Some(tab));
        }
        assert_eq!((Tab::numbered(0), Tab::numbered(9)), (None, None));
        assert_eq!(Tab::Audit.next(), Tab::Overview);
    }
}
