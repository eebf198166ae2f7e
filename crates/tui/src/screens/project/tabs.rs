//! The tabs of a project and the line that names them.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

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

/// The name of a tab in a line of so many columns, as it is when another one is shown.
fn label(tab: Tab, width: u16) -> String {
    if width < NUMBERED { tab.name().to_owned() } else { format!("{} {}", tab as usize + 1, tab.name()) }
}

/// The tab at a place of the line.
pub fn at(place: Position, line: Rect) -> Option<Tab> {
    if !line.contains(place) {
        return None;
    }
    let mut end = line.x + 1;
    Tab::ALL.into_iter().find(|tab| {
        end += label(*tab, line.width).len() as u16 + 2;
        place.x > line.x && place.x < end
    })
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
    for tab in Tab::ALL {
        let name = label(tab, area.width);
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

    #[test]
    fn a_tab_is_where_its_name_is() {
        let line = Rect { x: 0, y: 1, width: 80, height: 1 };
        let at = |x| at(Position { x, y: 1 }, line);
        // " [Overview] People  Keys …"
        assert_eq!((at(0), at(1), at(10), at(11)), (None, Some(Tab::Overview), Some(Tab::Overview), Some(Tab::People)));
        assert_eq!((at(18), at(19), at(79)), (Some(Tab::People), Some(Tab::Keys), None));
    }
}
