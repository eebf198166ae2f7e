//! The settings of the deployment: the operator's to see and to change.

use mete_core::{Month, Timestamp};
use mete_store::Setting;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{Screen, cells};
use crate::actions::Action;
use crate::data::{Answer, Query};
use crate::deeds::Target;
use crate::format::count;
use crate::look::Look;
use crate::outcome::Outcome;
use crate::table::{Column, Figure, List, Row, Table};
use crate::theme::Tone;

const EMPTY: &str = "There are no settings.";

/// All settings with their values.
pub struct Settings {
    table: Table<SettingRow>,
}

struct SettingRow {
    setting: Setting,
    value: i64,
}

impl SettingRow {
    fn value(&self) -> String {
        match (self.setting, self.value) {
            (Setting::RetentionMonths, 0) => "for ever".to_owned(),
            (_, value @ 0..) => count(value.unsigned_abs()),
            (_, value) => value.to_string(),
        }
    }
}

impl Row for SettingRow {
    fn id(&self) -> &str {
        self.setting.name()
    }

    fn searched(&self) -> String {
        format!("{} {}", self.setting.name(), self.setting.meaning())
    }
}

type Col = Column<SettingRow>;

static COLUMNS: [Col; 3] = [
    Col::words(
        "SETTING",
        18,
        |row, _| cells::words(row.setting.name(), Tone::Strong),
        |a, b| a.setting.name().cmp(b.setting.name()),
    )
    .kept(),
    Col::numbers(
        "VALUE",
        17,
        |row, _| cells::words(&row.value(), Tone::Plain),
        Figure::Count(|row| u64::try_from(row.value).ok()),
    )
    .kept(),
    Col::words(
        "MEANS",
        30,
        |row, _| cells::words(row.setting.meaning(), Tone::Dim),
        |a, b| a.setting.meaning().cmp(b.setting.meaning()),
    )
    .growing(70),
];

/// The names of its columns.
pub(super) fn columns() -> Vec<String> {
    COLUMNS.iter().map(Column::name).collect()
}

impl Settings {
    /// The list, still empty.
    #[must_use]
    pub fn new() -> Self {
        Self { table: Table::new(&COLUMNS, 0) }
    }
}

impl Screen for Settings {
    fn name(&self) -> &'static str {
        "settings"
    }

    fn crumb(&self) -> String {
        "settings".to_owned()
    }

    fn queries(&self, _: Month) -> Vec<Query> {
        vec![Query::Settings]
    }

    fn receive(&mut self, answers: Vec<Answer>, _: Month, _: Timestamp) {
        for answer in answers {
            if let Answer::Settings(settings) = answer {
                let row = |(setting, value)| SettingRow { setting, value };
                self.table.set_rows(settings.into_iter().map(row).collect());
            }
        }
    }

    // settings are the same in every month
    fn forget(&mut self) {}

    fn actions(&self) -> &'static [Action] {
        &[]
    }

    fn act(&mut self, _: Action) -> Outcome {
        Outcome::Done
    }

    fn targets(&self) -> Vec<Target> {
        self.table.selected().map(|row| Target::Setting(row.setting)).into_iter().collect()
    }

    fn list(&mut self) -> &mut dyn List {
        &mut self.table
    }

    fn arrange(&mut self, area: Rect, _: &Look<'_>) {
        self.table.arrange(area);
    }

    fn draw(&self, buffer: &mut Buffer, area: Rect, look: &Look<'_>) {
        self.table.draw(buffer, area, cells::words("Settings of the deployment", Tone::Strong), EMPTY, look);
    }
}
