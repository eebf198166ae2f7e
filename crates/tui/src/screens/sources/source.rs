//! One source: its days in the month shown, and its files.

use mete_core::{Month, Timestamp};
use mete_store::SourceFile;
use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Position, Rect};

use super::rows::{self, DayRow};
use super::{named, no_days};
use crate::actions::Action;
use crate::data::{Answer, Query};
use crate::look::Look;
use crate::outcome::Outcome;
use crate::screens::{Screen, cells};
use crate::table::{Column, Figure, List, Row, Table};
use crate::theme::Tone;

const NO_FILES: &str = "It is no file: it is read as it comes.";

/// What it offers of its own.
pub const ACTIONS: &[Action] = &[Action::NextPanel, Action::Faults];

/// The lists by their names in the configuration, with the names of their columns.
pub fn lists() -> Vec<(&'static str, Vec<String>)> {
    vec![("source_days", rows::day_columns()), ("source_files", FILES.iter().map(Column::name).collect())]
}

/// The lists of the screen, in the order in which Tab goes through them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Panel {
    Days,
    Files,
}

/// One source.
pub struct SourceScreen {
    source: String,
    days: Table<DayRow>,
    files: Table<FileRow>,
    focus: Panel,
}

struct FileRow {
    id: String,
    file: SourceFile,
}

impl FileRow {
    fn path(&self) -> &str {
        &self.file.position.path
    }
}

impl Row for FileRow {
    fn id(&self) -> &str {
        &self.id
    }

    fn searched(&self) -> String {
        self.path().to_owned()
    }
}

static FILES: [Column<FileRow>; 3] = [
    Column::<FileRow>::words(
        "FILE",
        30,
        |row, _| cells::words(row.path(), Tone::Strong),
        |a, b| a.path().cmp(b.path()),
    )
    .growing(100)
    .kept(),
    Column::<FileRow>::numbers(
        "POSITION",
        15,
        |row, slot| cells::number(row.file.position.offset, slot),
        Figure::Count(|row| Some(row.file.position.offset)),
    )
    .kept(),
    Column::<FileRow>::numbers(
        "READ",
        11,
        |row, slot| cells::age(Some(row.file.at), slot),
        Figure::Time(|row| Some(row.file.at)),
    )
    .kept(),
];
/// What was read last comes first.
const FILES_BY: usize = 2;

impl SourceScreen {
    /// The source of this name.
    pub fn of(source: &str) -> Self {
        Self { source: source.to_owned(), days: rows::days(), files: Table::new(&FILES, FILES_BY), focus: Panel::Days }
    }

    fn areas(area: Rect) -> [Rect; 2] {
        Layout::vertical([Constraint::Fill(3), Constraint::Fill(2)]).areas(area)
    }
}

impl Screen for SourceScreen {
    fn name(&self) -> &'static str {
        "source"
    }

    fn crumb(&self) -> String {
        self.source.clone()
    }

    fn queries(&self, month: Month) -> Vec<Query> {
        vec![Query::Sources(month)]
    }

    fn receive(&mut self, answers: Vec<Answer>, month: Month, _: Timestamp) {
        for answer in answers {
            if let Answer::Sources(days, files) = answer {
                let (first, last) = month.days();
                let days =
                    days.into_iter().filter(|day| day.source == self.source && (first..=last).contains(&day.day));
                self.days.set_rows(days.map(DayRow::of).collect());
                let files = files.into_iter().filter(|file| file.source == self.source);
                let row = |file: SourceFile| FileRow { id: file.position.identity.to_string(), file };
                self.files.set_rows(files.map(row).collect());
            }
        }
    }

    fn forget(&mut self) {
        self.days.set_rows(Vec::new());
    }

    fn actions(&self) -> &'static [Action] {
        ACTIONS
    }

    fn act(&mut self, action: Action) -> Outcome {
        if action == Action::NextPanel {
            self.focus = if self.focus == Panel::Days { Panel::Files } else { Panel::Days };
        }
        Outcome::Done
    }

    fn list(&mut self) -> &mut dyn List {
        match self.focus {
            Panel::Days => &mut self.days,
            Panel::Files => &mut self.files,
        }
    }

    fn all_lists(&mut self) -> Vec<(&'static str, &mut dyn List)> {
        vec![("source_days", &mut self.days), ("source_files", &mut self.files)]
    }

    fn click(&mut self, place: Position) -> Outcome {
        let before = self.focus;
        for panel in [Panel::Days, Panel::Files] {
            self.focus = panel;
            if self.list().click(place) {
                return Outcome::Done;
            }
        }
        self.focus = before;
        Outcome::Done
    }

    fn arrange(&mut self, area: Rect, _: &Look<'_>) {
        let [days, files] = Self::areas(area);
        self.days.arrange(days);
        self.files.arrange(files);
    }

    fn draw(&self, buffer: &mut Buffer, area: Rect, look: &Look<'_>) {
        let [days, files] = Self::areas(area);
        let focus = |panel| look.focus(self.focus == panel);
        self.days.draw(buffer, days, named("Days"), &no_days(look), &focus(Panel::Days));
        self.files.draw(buffer, files, named("Files"), NO_FILES, &focus(Panel::Files));
    }
}
