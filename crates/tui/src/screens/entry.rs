//! One entry of the audit log: who did what, from what to what, from where, and how it hangs in its chain (R42).

use mete_core::audit::{AuditEntry, AuditOutcome, Link};
use mete_core::{Month, Timestamp};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use serde_json::Value;

use super::{Audit, Screen, cells};
use crate::actions::Action;
use crate::data::{Answer, Query};
use crate::format::{ago, clock_time};
use crate::look::Look;
use crate::outcome::Outcome;
use crate::panel::{Title, lines, panel};
use crate::piece::{Piece, piece};
use crate::table::{Column, List, Row, Table};
use crate::theme::Tone;

const EMPTY: &str = "Nothing was written down but that it happened.";
/// Columns of the labels.
const LABEL: usize = 10;

/// Whether an entry says what it said when it was written, as far as is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chained {
    /// Its link is that of what it says, and those beside it hang on it.
    Fits,
    /// It was changed, or what was before it is gone.
    Broken,
}

impl Chained {
    /// Checks an entry by itself, and against the link of the one before it in its chain, where that is known.
    #[must_use]
    pub fn of(entry: &AuditEntry, before: Option<&Link>) -> Self {
        let own = entry.record.link(entry.previous_hash, &entry.record.change.to_string()) == entry.hash;
        if own && before.is_none_or(|before| *before == entry.previous_hash) { Self::Fits } else { Self::Broken }
    }

    /// How it reads.
    #[must_use]
    pub const fn look(self) -> (&'static str, Tone) {
        match self {
            Self::Fits => ("✓", Tone::Dim),
            Self::Broken => ("▲ broken", Tone::Bad),
        }
    }
}

/// A field that has a value after something was done, or had one before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
    name: String,
    before: Option<String>,
    after: Option<String>,
}

impl Changed {
    /// `budget 500 → 600`
    #[must_use]
    pub fn words(&self) -> String {
        match (&self.before, &self.after) {
            (Some(before), Some(after)) => format!("{} {before} → {after}", self.name),
            (None, Some(after)) => format!("{} {after}", self.name),
            (Some(before), None) => format!("{} {before} → gone", self.name),
            (None, None) => self.name.clone(),
        }
    }
}

/// What differs between the two sides of a change; of one side, all that is on it.
#[must_use]
pub fn changed(change: &Value) -> Vec<Changed> {
    let (before, after) = (change.get("before"), change.get("after"));
    let nothing = serde_json::Map::new();
    let (fields_before, fields_after) = match (before, after) {
        (Some(Value::Object(before)), Some(Value::Object(after))) => (before, after),
        (Some(Value::Object(before)), None) => (before, &nothing),
        (None, Some(Value::Object(after))) => (&nothing, after),
        (None, None) => return Vec::new(),
        (before, after) => {
            return vec![Changed { name: "value".to_owned(), before: before.map(text), after: after.map(text) }];
        }
    };
    let mut names: Vec<&String> = fields_before.keys().chain(fields_after.keys()).collect();
    names.sort();
    names.dedup();
    let fields = names.into_iter().map(|name| (name, fields_before.get(name), fields_after.get(name)));
    fields
        .filter(|(_, before, after)| before != after && [before, after].into_iter().flatten().any(|it| !is_nothing(it)))
        .map(|(name, before, after)| Changed {
            name: name.replace('_', " "),
            before: before.map(text),
            after: after.map(text),
        })
        .collect()
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(values) => values.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        _ => false,
    }
}

fn text(value: &Value) -> String {
    match value {
        _ if is_nothing(value) => "none".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(values) => values.iter().map(text).collect::<Vec<_>>().join(", "),
        Value::Object(fields) => {
            fields.iter().map(|(name, value)| format!("{name} {}", text(value))).collect::<Vec<_>>().join(" ")
        }
        value => value.to_string(),
    }
}

/// The entry.
pub struct EntryScreen {
    entry: AuditEntry,
    chained: Chained,
    table: Table<Changed>,
}

impl Row for Changed {
    fn id(&self) -> &str {
        &self.name
    }

    fn searched(&self) -> String {
        self.words()
    }
}

type Col = Column<Changed>;

static COLUMNS: [Col; 3] = [
    Col::words("WHAT CHANGED", 14, |row, _| cells::words(&row.name, Tone::Strong), |a, b| a.name.cmp(&b.name))
        .growing(24)
        .kept(),
    Col::words("FROM", 26, |row, _| side(row.before.as_deref()), |a, b| a.before.cmp(&b.before)).growing(60).kept(),
    Col::words("TO", 26, |row, _| side(row.after.as_deref()), |a, b| a.after.cmp(&b.after)).growing(60).kept(),
];
/// What it offers of its own.
pub(super) const ACTIONS: &[Action] = &[Action::Owner, Action::Audit];

/// The names of its columns.
pub(super) fn columns() -> Vec<String> {
    COLUMNS.iter().map(Column::name).collect()
}

fn side(value: Option<&str>) -> Vec<Piece> {
    value.map_or_else(|| cells::words("–", Tone::Dim), |value| cells::words(value, Tone::Plain))
}

impl EntryScreen {
    /// The screen of an entry, checked already.
    #[must_use]
    pub fn of(entry: &AuditEntry, chained: Chained) -> Self {
        let mut table = Table::new(&COLUMNS, 0);
        table.set_rows(changed(&entry.record.change));
        Self { entry: entry.clone(), chained, table }
    }

    fn facts(&self, look: &Look<'_>) -> Vec<Vec<Piece>> {
        let record = &self.entry.record;
        let line =
            |label: &str, value: String, tone| vec![piece(format!("{label:<LABEL$}"), Tone::Dim), piece(value, tone)];
        let outcome = match record.outcome {
            AuditOutcome::Done => piece("done", Tone::Plain),
            AuditOutcome::Refused => piece("▲ refused", Tone::Bad),
        };
        let id = |id: &str| if id.is_empty() { String::new() } else { format!("  {id}") };
        let mut what = line("what", format!("{}  ", record.action), Tone::Strong);
        what.push(outcome);
        let chain = match self.chained {
            Chained::Fits => ("✓ says what it said when it was written", Tone::Plain),
            Chained::Broken => ("▲ BROKEN: it was changed, or others are gone; mete audit verify tells", Tone::Bad),
        };
        vec![
            what,
            line("to", format!("{}{}", record.target_name, id(&record.target_id)), Tone::Plain),
            line("who", format!("{} ({}){}", record.actor_name, record.actor_kind, id(&record.actor_id)), Tone::Plain),
            line("when", format!("{} ({})", clock_time(record.at, look.now), ago(record.at, look.now)), Tone::Plain),
            line("from", format!("{} as {}", record.host, record.os_user), Tone::Plain),
            line(
                "reason",
                if record.reason.is_empty() { "none".to_owned() } else { record.reason.clone() },
                Tone::Plain,
            ),
            line("chain", format!("entry {}  {}", self.entry.seq, chain.0), chain.1),
            line("hash", self.entry.hash.to_string(), Tone::Dim),
            line("after", self.entry.previous_hash.to_string(), Tone::Dim),
        ]
    }

    fn areas(area: Rect) -> (Rect, Rect) {
        // nine lines in their border; where it is low the list keeps what it needs
        let height = 11.min(area.height.saturating_sub(6));
        (Rect { height, ..area }, Rect { y: area.y + height, height: area.height - height, ..area })
    }
}

impl Screen for EntryScreen {
    fn name(&self) -> &'static str {
        "audit_entry"
    }

    fn crumb(&self) -> String {
        self.entry.record.action.clone()
    }

    // an entry never changes
    fn queries(&self, _: Month) -> Vec<Query> {
        Vec::new()
    }

    fn receive(&mut self, _: Vec<Answer>, _: Month, _: Timestamp) {}

    fn forget(&mut self) {}

    fn actions(&self) -> &'static [Action] {
        ACTIONS
    }

    fn act(&mut self, action: Action) -> Outcome {
        let record = &self.entry.record;
        let actor = if record.actor_id.is_empty() { &record.actor_name } else { &record.actor_id };
        match action {
            Action::Owner => Outcome::open(Some(Audit::by(actor, &record.actor_name))),
            Action::Audit if !record.target_id.is_empty() => {
                Outcome::open(Some(Audit::about(&record.target_id, &record.target_name)))
            }
            _ => Outcome::Done,
        }
    }

    fn list(&mut self) -> &mut dyn List {
        &mut self.table
    }

    fn arrange(&mut self, area: Rect, _: &Look<'_>) {
        self.table.arrange(Self::areas(area).1);
    }

    fn draw(&self, buffer: &mut Buffer, area: Rect, look: &Look<'_>) {
        let (top, list) = Self::areas(area);
        let inner = panel(buffer, top, &Title::new(self.entry.record.action.clone()), look.theme);
        let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
        lines(buffer, inner, &self.facts(look), look.theme);
        self.table.draw(buffer, list, cells::words("Changed", Tone::Strong), EMPTY, look);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_change_is_told_by_what_differs() {
        let told = |change: Value| changed(&change).iter().map(Changed::words).collect::<Vec<_>>().join("; ");
        assert_eq!(
            told(
                json!({"before": {"budget": "500", "threshold": null}, "after": {"budget": "600", "threshold": null}})
            ),
            "budget 500 → 600"
        );
        assert_eq!(told(json!({"after": {"name": "Bot", "website": "", "scopes": {}}})), "name Bot");
        assert_eq!(
            told(json!({"before": {"role": "owner"}, "after": {"disabled_keys": 2}})),
            "disabled keys 2; role owner → gone"
        );
        assert_eq!(told(json!({"before": {"budget": "1"}, "after": {"budget": null}})), "budget 1 → none");
        assert_eq!(told(json!({"before": 30, "after": 90})), "value 30 → 90");
        assert_eq!(told(Value::Null), "");
    }
}
