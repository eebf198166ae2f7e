//! One entry of the quarantine: what is wrong, where in its text, and what to do about it.

use mete_core::{Month, Timestamp};
use mete_store::QuarantineRow;
use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};

use crate::actions::Action;
use crate::advice;
use crate::data::{Answer, Query};
use crate::deeds::{Target, Which};
use crate::excerpt::{self, Excerpt};
use crate::format::{ago, clock_time, count};
use crate::look::Look;
use crate::outcome::Outcome;
use crate::panel::{Title, lines, panel, wrapped};
use crate::piece::{Piece, piece};
use crate::screens::fact_rows::{self, FactRow};
use crate::screens::{Screen, cells};
use crate::table::{List, Table};
use crate::text::{inert, parts};
use crate::theme::Tone;

const GONE: &str = "It has left the quarantine: it was read again, forgotten, or dropped for newer ones.";
/// Lines of the facts: seven, their header and the border.
const FACTS: u16 = 10;
/// Bytes of the text that are looked at to show it: more than any screen has room for.
const MOST: usize = 32 * 1024;

/// An entry as it is now.
pub struct EntryScreen {
    id: i64,
    entry: Option<Box<QuarantineRow>>,
    table: Table<FactRow>,
}

/// An entry, to act on it.
pub(super) fn which(entry: &QuarantineRow) -> Which {
    Which { source: Some(entry.source.clone()), reason: Some(entry.reason.clone()), id: Some(entry.id) }
}

impl EntryScreen {
    /// Of the entry with this number.
    pub fn of(id: i64) -> Self {
        Self { id, entry: None, table: fact_rows::table() }
    }

    fn areas(area: Rect) -> [Rect; 2] {
        Layout::vertical([Constraint::Max(FACTS), Constraint::Min(8)]).areas(area)
    }

    /// The piece with the caret, what to do, and all of the text where the piece is not all of it.
    fn text(entry: &QuarantineRow, (columns, rows): (usize, usize)) -> Vec<Vec<Piece>> {
        let mut text = Vec::new();
        let spot = entry.spot.map(|spot| spot as usize);
        let Excerpt { line, caret, is_whole } =
            excerpt::of(&entry.raw, spot, (columns, |text| inert(text).into_owned()));
        if entry.raw.is_empty() {
            text.push(cells::words("None of its text is kept.", Tone::Dim));
        } else {
            text.push(cells::words(&line, Tone::Plain));
            text.extend(caret.map(|caret| vec![piece(format!("{}^", " ".repeat(caret)), Tone::Bad)]));
        }
        text.push(Vec::new());
        let advice = wrapped(advice::of(&entry.reason), columns).into_iter();
        text.extend(advice.map(|line| vec![piece(line, Tone::Strong)]));
        let left = rows.saturating_sub(text.len() + 1);
        if !is_whole && left > 0 {
            text.push(Vec::new());
            let beginning = QuarantineRow { raw: entry.raw.iter().take(MOST).copied().collect(), ..entry.clone() };
            let all = parts(&beginning.text(), columns, left);
            text.extend(all.into_iter().map(|line| vec![piece(line, Tone::Dim)]));
        }
        text
    }
}

fn facts(entry: &QuarantineRow, now: Timestamp) -> Vec<(&'static str, String, Tone)> {
    let kept = match (entry.raw.len(), entry.is_whole()) {
        (_, true) => count(entry.raw_bytes),
        (0, false) => format!("{}, none of them kept", count(entry.raw_bytes)),
        (kept, false) => format!("{}, the first {} kept", count(entry.raw_bytes), count(kept as u64)),
    };
    vec![
        ("reason", entry.reason.clone(), Tone::Near),
        ("detail", entry.detail.clone(), Tone::Strong),
        ("source", entry.source.clone(), Tone::Plain),
        ("position", count(entry.position), Tone::Plain),
        ("since", format!("{}  {}", ago(entry.at, now), clock_time(entry.at, now)), Tone::Plain),
        ("tries, bytes", format!("{} tries  {kept} bytes", count(entry.tries)), Tone::Plain),
        ("entry", entry.id.to_string(), Tone::Dim),
    ]
}

impl Screen for EntryScreen {
    fn name(&self) -> &'static str {
        "quarantine_entry"
    }

    fn crumb(&self) -> String {
        "entry".to_owned()
    }

    fn queries(&self, _: Month) -> Vec<Query> {
        vec![Query::QuarantineEntry(self.id)]
    }

    fn receive(&mut self, answers: Vec<Answer>, _: Month, now: Timestamp) {
        for answer in answers {
            if let Answer::QuarantineEntry(entry) = answer {
                let facts = entry.as_ref().map_or_else(Vec::new, |entry| facts(entry, now));
                self.table.set_rows(fact_rows::rows(facts));
                self.entry = entry;
            }
        }
    }

    fn forget(&mut self) {}

    fn actions(&self) -> &'static [Action] {
        &[]
    }

    fn act(&mut self, _: Action) -> Outcome {
        Outcome::Done
    }

    fn targets(&self) -> Vec<Target> {
        self.entry.iter().map(|entry| Target::Quarantine(which(entry))).collect()
    }

    fn list(&mut self) -> &mut dyn List {
        &mut self.table
    }

    fn arrange(&mut self, area: Rect, _: &Look<'_>) {
        let [facts, _] = Self::areas(area);
        self.table.arrange(facts);
    }

    fn draw(&self, buffer: &mut Buffer, area: Rect, look: &Look<'_>) {
        let [facts, text] = Self::areas(area);
        self.table.draw(buffer, facts, cells::words("Not counted", Tone::Strong), GONE, look);
        let inner = panel(buffer, text, &Title::new("Its text"), look.theme);
        let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
        if let Some(entry) = &self.entry {
            let room = (usize::from(inner.width), usize::from(inner.height));
            lines(buffer, inner, &Self::text(entry, room), look.theme);
        }
    }
}
