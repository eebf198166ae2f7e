//! Where usage comes from: how far each source is behind, and what became of its lines in the month shown. The operator's.

mod rows;
mod source;

pub(super) use rows::columns;
pub(super) use source::{ACTIONS as SOURCE_ACTIONS, lists as source_lists};

use mete_core::{Month, Timestamp};
use mete_store::{SourceDay, SourceFile};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use self::rows::SourceRow;
use self::source::SourceScreen;
use super::{Screen, cells};
use crate::actions::Action;
use crate::data::{Answer, Query};
use crate::look::Look;
use crate::outcome::Outcome;
use crate::piece::{Piece, piece};
use crate::table::{List, Table};
use crate::theme::Tone;

const EMPTY: &str =
    "Nothing came from any source in this month or the one before. Name sources in meted.toml, or: mete ingest FILE";

/// What it offers of its own.
pub(super) const ACTIONS: &[Action] = &[Action::Open, Action::Faults];

/// All sources of which anything came in the month shown or the one before.
pub struct Sources {
    table: Table<SourceRow>,
}

impl Sources {
    /// The list, still empty.
    #[must_use]
    pub fn new() -> Self {
        Self { table: rows::table() }
    }

    fn title(&self) -> Vec<Piece> {
        let mut title = vec![piece("Sources", Tone::Strong)];
        let silent = self.table.rows().iter().filter(|row| row.is_silent()).count();
        if silent > 0 {
            title.push(piece(format!(" · ● {silent} silent"), Tone::Near));
        }
        title
    }
}

/// The sources, each with its days and files.
fn by_source(days: &[SourceDay], files: &[SourceFile]) -> Vec<(Vec<SourceDay>, Vec<SourceFile>)> {
    let groups = days.chunk_by(|a, b| a.source == b.source);
    let with_files = |days: &[SourceDay]| {
        let of_it = files.iter().filter(|file| days.first().is_some_and(|day| day.source == file.source));
        (days.to_vec(), of_it.cloned().collect())
    };
    groups.map(with_files).collect()
}

impl Screen for Sources {
    fn name(&self) -> &'static str {
        "sources"
    }

    fn crumb(&self) -> String {
        "sources".to_owned()
    }

    fn queries(&self, month: Month) -> Vec<Query> {
        vec![Query::Sources(month)]
    }

    fn receive(&mut self, answers: Vec<Answer>, month: Month, now: Timestamp) {
        for answer in answers {
            if let Answer::Sources(days, files) = answer {
                let sources = by_source(&days, &files);
                let rows = sources.iter().filter_map(|(days, files)| SourceRow::of(days, files, (month, now)));
                self.table.set_rows(rows.collect());
            }
        }
    }

    fn forget(&mut self) {
        self.table.set_rows(Vec::new());
    }

    fn actions(&self) -> &'static [Action] {
        ACTIONS
    }

    fn act(&mut self, action: Action) -> Outcome {
        match action {
            Action::Open => Outcome::open(self.table.selected().map(|row| SourceScreen::of(row.name()))),
            _ => Outcome::Done,
        }
    }

    fn list(&mut self) -> &mut dyn List {
        &mut self.table
    }

    fn arrange(&mut self, area: Rect, _: &Look<'_>) {
        self.table.arrange(area);
    }

    fn draw(&self, buffer: &mut Buffer, area: Rect, look: &Look<'_>) {
        self.table.draw(buffer, area, self.title(), EMPTY, look);
    }
}

/// What an empty list of a source's days says.
pub(super) fn no_days(look: &Look<'_>) -> String {
    format!("Nothing came from it in {}.", look.month.name())
}

/// A title of one word.
pub(super) fn named(name: &str) -> Vec<Piece> {
    cells::words(name, Tone::Strong)
}
