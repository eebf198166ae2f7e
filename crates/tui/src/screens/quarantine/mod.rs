//! What could not be counted (R34): how much, by reason and source, and the entries, a page at a time. The operator's.

mod entries;
mod entry;
mod summary;

use mete_core::{Month, Timestamp};
use mete_store::{Cursor, Paging, QuarantineFilter, Seek};
use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Position, Rect};

use self::entries::EntryRow;
use self::entry::EntryScreen;
use self::summary::GroupRow;
use super::pages::{PAGE, Pages, TURNS};
use super::{Screen, cells};
use crate::actions::Action;
use crate::data::{Answer, Query};
use crate::deeds::{Target, Which};
use crate::format::count;
use crate::look::Look;
use crate::outcome::Outcome;
use crate::piece::{Piece, piece};
use crate::table::{List, Table};
use crate::theme::Tone;

/// Below this height there is room for one of the lists: the one that has the keys.
const LOW: u16 = 16;
/// What it offers of its own.
pub(super) const ACTIONS: &[Action] = &[Action::Open, Action::NextPanel, Action::Faults, Action::Older, Action::Newer];

/// The lists by their names in the configuration, with the names of their columns.
pub(super) fn lists() -> Vec<(&'static str, Vec<String>)> {
    vec![("quarantine", summary::columns()), ("quarantine_entries", entries::columns())]
}

/// Lines of the summary around its rows.
const AROUND: u16 = 3;

/// The lists of the screen, in the order in which Tab goes through them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Panel {
    Summary,
    Entries,
}

/// All of it, or what is there for one reason from one source.
pub struct Quarantine {
    filter: QuarantineFilter,
    summary: Table<GroupRow>,
    entries: Table<EntryRow>,
    pages: Pages<Cursor>,
    /// How many entries there are, on all pages.
    total: u64,
    focus: Panel,
}

impl Quarantine {
    /// All of it.
    #[must_use]
    pub fn new() -> Self {
        Self::filtered(QuarantineFilter::default(), Panel::Summary)
    }

    fn filtered(filter: QuarantineFilter, focus: Panel) -> Self {
        Self { filter, summary: summary::table(), entries: entries::table(), pages: Pages::default(), total: 0, focus }
    }

    fn is_all(&self) -> bool {
        self.filter == QuarantineFilter::default()
    }

    /// Where summary and entries stand.
    fn areas(&self, area: Rect) -> (Rect, Rect) {
        if !self.is_all() {
            return (Rect::ZERO, area);
        }
        if area.height < LOW {
            return if self.focus == Panel::Summary { (area, Rect::ZERO) } else { (Rect::ZERO, area) };
        }
        let wanted = self.summary.rows().len() as u16 + AROUND;
        let summary = wanted.clamp(AROUND + 1, area.height / 2);
        let [summary, entries] = Layout::vertical([Constraint::Length(summary), Constraint::Fill(1)]).areas(area);
        (summary, entries)
    }

    fn title(&self) -> Vec<Piece> {
        let mut title = vec![piece("Entries", Tone::Strong)];
        if self.total > 0 {
            title.push(piece(format!(" · {} in all", count(self.total)), Tone::Near));
        }
        title.push(piece(self.pages.words(), Tone::Dim));
        title
    }
}

impl Screen for Quarantine {
    fn name(&self) -> &'static str {
        "quarantine"
    }

    fn crumb(&self) -> String {
        match (&self.filter.reason, &self.filter.source) {
            (Some(reason), Some(source)) => format!("{reason} of {source}"),
            _ => "quarantine".to_owned(),
        }
    }

    fn queries(&self, _: Month) -> Vec<Query> {
        let seek = self.pages.place().map_or(Seek::First, |cursor| Seek::After(cursor.clone()));
        vec![Query::QuarantineCounts, Query::QuarantinePage(self.filter.clone(), Paging { seek, limit: PAGE })]
    }

    fn receive(&mut self, answers: Vec<Answer>, _: Month, _: Timestamp) {
        for answer in answers {
            match answer {
                Answer::QuarantineCounts(counts) => {
                    self.summary.set_rows(counts.into_iter().map(GroupRow::of).collect());
                }
                Answer::QuarantinePage(page) => {
                    self.total = page.total.unwrap_or(page.rows.len() as u64);
                    self.pages.set_next(page.next);
                    self.entries.set_rows(page.rows.into_iter().map(EntryRow::of).collect());
                }
                _ => {}
            }
        }
    }

    // it is the same in every month
    fn forget(&mut self) {}

    fn actions(&self) -> &'static [Action] {
        if self.is_all() { ACTIONS } else { &[Action::Open, Action::Older, Action::Newer] }
    }

    fn act(&mut self, action: Action) -> Outcome {
        match (action, self.focus) {
            (Action::Open, Panel::Entries) => {
                Outcome::open(self.entries.selected().map(|row| EntryScreen::of(row.entry.id)))
            }
            (Action::Open, Panel::Summary) => {
                let of_group = |row: &GroupRow| Self::filtered(row.filter(), Panel::Entries);
                Outcome::open(self.summary.selected().map(of_group))
            }
            (Action::NextPanel, focus) => {
                self.focus = if focus == Panel::Summary { Panel::Entries } else { Panel::Summary };
                Outcome::Done
            }
            (turn, _) if TURNS.contains(&turn) => self.pages.turn(turn),
            _ => Outcome::Done,
        }
    }

    fn targets(&self) -> Vec<Target> {
        let group = |filter: QuarantineFilter| Which { source: filter.source, reason: filter.reason, id: None };
        let mut targets = Vec::new();
        if self.focus == Panel::Entries {
            targets.extend(self.entries.selected().map(|row| Target::Quarantine(entry::which(&row.entry))));
        } else {
            let groups = self.summary.selected().filter(|row| row.count.there > 0);
            targets.extend(groups.map(|row| Target::Quarantine(group(row.filter()))));
        }
        if self.total > 0 {
            targets.push(Target::Quarantine(group(self.filter.clone())));
        }
        targets
    }

    fn list(&mut self) -> &mut dyn List {
        match self.focus {
            Panel::Summary => &mut self.summary,
            Panel::Entries => &mut self.entries,
        }
    }

    fn all_lists(&mut self) -> Vec<(&'static str, &mut dyn List)> {
        vec![("quarantine", &mut self.summary), ("quarantine_entries", &mut self.entries)]
    }

    fn click(&mut self, place: Position) -> Outcome {
        let before = self.focus;
        for panel in [Panel::Summary, Panel::Entries] {
            self.focus = panel;
            if self.list().click(place) {
                return Outcome::Done;
            }
        }
        self.focus = before;
        Outcome::Done
    }

    fn arrange(&mut self, area: Rect, _: &Look<'_>) {
        let (summary, entries) = self.areas(area);
        self.summary.arrange(summary);
        self.entries.arrange(entries);
    }

    fn draw(&self, buffer: &mut Buffer, area: Rect, look: &Look<'_>) {
        let (summary, entries) = self.areas(area);
        let focus = |panel| look.focus(self.focus == panel);
        let title = cells::words("By reason and source", Tone::Strong);
        self.summary.draw(buffer, summary, title, summary::EMPTY, &focus(Panel::Summary));
        self.entries.draw(buffer, entries, self.title(), entries::EMPTY, &focus(Panel::Entries));
    }
}
