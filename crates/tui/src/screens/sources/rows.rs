//! Sources and their days, with what became of their lines.

use mete_control::SourcePulse;
use mete_core::time::day_label;
use mete_core::{Month, Nanos, Timestamp};
use mete_store::{SourceDay, SourceFile};

use crate::format::span;
use crate::piece::Piece;
use crate::screens::cells;
use crate::table::{Column, Figure, Row, Table};
use crate::theme::Tone;

/// So many days before today decide how much is usual for a source.
const USUAL_DAYS: i64 = 7;

/// A source.
pub struct SourceRow {
    pulse: SourcePulse,
    /// The sum of the days of the month.
    sum: SourceDay,
    /// On how many of them anything came.
    days: u64,
    /// How far the file that was read last is read; nothing for what is no file.
    position: Option<u64>,
}

/// A day of a source.
pub struct DayRow {
    label: String,
    sum: SourceDay,
}

impl SourceRow {
    /// From its days, the newest first, and its files; nothing without any day.
    pub fn of(days: &[SourceDay], files: &[SourceFile], (month, now): (Month, Timestamp)) -> Option<Self> {
        let newest = days.first()?;
        let lately: Vec<SourceDay> = days.iter().filter(|day| day.day >= now.day() - USUAL_DAYS).cloned().collect();
        let pulse = SourcePulse::of(&lately, now).or_else(|| SourcePulse::of(std::slice::from_ref(newest), now))?;
        let (first, last) = month.days();
        let of_month = || days.iter().filter(|day| (first..=last).contains(&day.day));
        let mut sum = SourceDay { day: first, ..nothing(newest) };
        of_month().for_each(|day| add(&mut sum, day));
        let file = files.iter().max_by_key(|file| file.at);
        Some(Self { pulse, sum, days: of_month().count() as u64, position: file.map(|file| file.position.offset) })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.pulse.source
    }

    /// Whether it usually brings something and has not for longer than it usually pauses.
    pub const fn is_silent(&self) -> bool {
        self.pulse.is_silent
    }

    const fn kind(&self) -> &'static str {
        if self.position.is_some() { "file" } else { "stream" }
    }

    fn per_day(&self) -> u64 {
        self.sum.accepted.checked_div(self.days).unwrap_or_default()
    }

    const fn state(&self) -> &'static str {
        if self.is_silent() { "silent" } else { "ok" }
    }
}

impl DayRow {
    /// Of this day.
    pub fn of(sum: SourceDay) -> Self {
        Self { label: day_label(sum.day), sum }
    }
}

/// The same source without anything that came.
fn nothing(day: &SourceDay) -> SourceDay {
    SourceDay {
        source: day.source.clone(),
        day: day.day,
        lines: 0,
        ignored: 0,
        accepted: 0,
        duplicates: 0,
        amended: 0,
        late: 0,
        early: 0,
        quarantined: 0,
        cost_differs: 0,
        spend: Nanos::ZERO,
        last_at: day.last_at,
        last_event_at: day.last_event_at,
    }
}

const fn add(sum: &mut SourceDay, day: &SourceDay) {
    sum.lines += day.lines;
    sum.ignored += day.ignored;
    sum.accepted += day.accepted;
    sum.duplicates += day.duplicates;
    sum.amended += day.amended;
    sum.late += day.late;
    sum.early += day.early;
    sum.quarantined += day.quarantined;
    sum.cost_differs += day.cost_differs;
    sum.spend = Nanos(sum.spend.0.saturating_add(day.spend.0));
}

impl Row for SourceRow {
    fn id(&self) -> &str {
        self.name()
    }

    fn searched(&self) -> String {
        format!("{} {} {}", self.name(), self.kind(), self.state())
    }

    fn is_fault(&self) -> bool {
        self.is_silent() || self.sum.quarantined > 0
    }
}

impl Row for DayRow {
    fn id(&self) -> &str {
        &self.label
    }

    fn searched(&self) -> String {
        self.label.clone()
    }

    fn is_fault(&self) -> bool {
        self.sum.quarantined > 0
    }
}

/// A column of counts out of the sum of a row.
macro_rules! counted {
    ($row:ty, $title:literal, $width:literal, $field:ident) => {
        Column::<$row>::numbers(
            $title,
            $width,
            |row, slot| cells::number(row.sum.$field, slot),
            Figure::Count(|row| Some(row.sum.$field)),
        )
    };
}

/// The same for counts that should be nothing.
macro_rules! troubled {
    ($row:ty, $title:literal, $width:literal, $field:ident) => {
        Column::<$row>::numbers(
            $title,
            $width,
            |row, slot| match row.sum.$field {
                0 => cells::number(0, slot),
                number => vec![Piece { tone: Tone::Near, ..cells::number(number, slot).remove(0) }],
            },
            Figure::Count(|row| Some(row.sum.$field)),
        )
    };
}

/// A column of what was spent.
macro_rules! spent {
    ($row:ty) => {
        Column::<$row>::numbers(
            "SPEND",
            10,
            |row, slot| cells::amount(row.sum.spend, slot),
            Figure::Money(|row| Some(row.sum.spend)),
        )
    };
}

static SOURCES: [Column<SourceRow>; 16] = [
    Column::<SourceRow>::words(
        "SOURCE",
        14,
        |row, _| cells::words(row.name(), Tone::Strong),
        |a, b| cells::by_letters(a.name(), b.name()),
    )
    .growing(36)
    .kept(),
    Column::<SourceRow>::words("KIND", 6, |row, _| cells::words(row.kind(), Tone::Dim), |a, b| a.kind().cmp(b.kind())),
    Column::<SourceRow>::numbers(
        "LAG",
        6,
        |row, slot| match row.pulse.last_event_at {
            Some(at) => {
                let lag = span(slot.now.since(at));
                let lag = if lag.len() > slot.width { lag.split(' ').next().unwrap_or_default() } else { &lag };
                cells::words(lag, if row.is_silent() { Tone::Near } else { Tone::Plain })
            }
            None => cells::words("none", Tone::Dim),
        },
        Figure::Time(|row| row.pulse.last_event_at),
    )
    .growing(8),
    Column::<SourceRow>::numbers(
        "PER DAY",
        8,
        |row, slot| cells::number(row.per_day(), slot),
        Figure::Count(|row| Some(row.per_day())),
    )
    .growing(11),
    counted!(SourceRow, "DUPL", 6, duplicates).also("duplicates").growing(11),
    troubled!(SourceRow, "QUAR", 6, quarantined).also("quarantined").growing(9),
    counted!(SourceRow, "LATE", 5, late).growing(9),
    counted!(SourceRow, "EARLY", 5, early),
    counted!(SourceRow, "AMENDED", 7, amended),
    Column::<SourceRow>::numbers(
        "POSITION",
        12,
        |row, slot| cells::seen(row.position, |position| cells::number(position, slot)),
        Figure::Count(|row| row.position),
    )
    .growing(15),
    spent!(SourceRow),
    counted!(SourceRow, "EVENTS", 9, accepted).growing(12),
    counted!(SourceRow, "LINES", 9, lines).growing(12),
    counted!(SourceRow, "IGNORED", 8, ignored),
    troubled!(SourceRow, "COST DIFFERS", 12, cost_differs),
    Column::<SourceRow>::words(
        "STATE",
        12,
        |row, slot| match row.is_silent() {
            true => cells::words(
                &format!("● silent {}", span(slot.now.since(row.pulse.last_at)).split(' ').next().unwrap_or_default()),
                Tone::Near,
            ),
            false => cells::words("ok", Tone::Dim),
        },
        |a, b| (a.is_silent(), a.pulse.last_at).cmp(&(b.is_silent(), b.pulse.last_at)),
    )
    .amounting(Figure::Text(|row| row.state()))
    .largest_first()
    .kept(),
];
/// Trouble comes first.
const SOURCES_BY: usize = 15;

static DAYS: [Column<DayRow>; 11] = [
    Column::<DayRow>::words("DAY", 10, |row, _| cells::words(&row.label, Tone::Strong), |a, b| a.label.cmp(&b.label))
        .largest_first()
        .kept(),
    counted!(DayRow, "EVENTS", 9, accepted).growing(12),
    counted!(DayRow, "DUPL", 6, duplicates).also("duplicates").growing(11),
    troubled!(DayRow, "QUAR", 6, quarantined).also("quarantined").growing(11),
    counted!(DayRow, "LATE", 6, late).growing(9),
    counted!(DayRow, "EARLY", 6, early).growing(9),
    counted!(DayRow, "AMENDED", 7, amended),
    spent!(DayRow),
    counted!(DayRow, "LINES", 9, lines).growing(12),
    counted!(DayRow, "IGNORED", 8, ignored),
    troubled!(DayRow, "COST DIFFERS", 12, cost_differs),
];

/// The names of the columns of sources.
pub fn columns() -> Vec<String> {
    SOURCES.iter().map(Column::name).collect()
}

/// The names of the columns of a source's days.
pub fn day_columns() -> Vec<String> {
    DAYS.iter().map(Column::name).collect()
}

/// The newest day comes first.
const DAYS_BY: usize = 0;

/// The list of sources, still empty.
pub fn table() -> Table<SourceRow> {
    Table::new(&SOURCES, SOURCES_BY)
}

/// The list of a source's days, still empty.
pub fn days() -> Table<DayRow> {
    Table::new(&DAYS, DAYS_BY)
}
