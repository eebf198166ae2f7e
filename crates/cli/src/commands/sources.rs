//! `mete sources`.

use std::collections::BTreeSet;

use clap::Args;
use mete_core::time::{MINUTE, SECOND, day_label};
use mete_core::{Nanos, Timestamp};
use mete_store::{SourceDay, SourceFile, SourceFilter};
use serde::Serialize;

use crate::context::Context;
use crate::error::CliError;
use crate::output::{Table, count, left, money, right, time};

/// What of it.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  mete sources --days 1")]
pub struct SourcesArgs {
    /// How many UTC days, today included
    #[arg(long, value_name = "N", default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    days: u32,
    /// Of this source only
    #[arg(long, value_name = "SOURCE")]
    source: Option<String>,
}

/// A source's day, as scripts get it.
#[derive(Serialize)]
struct Day {
    source: String,
    /// `2026-11-23`
    day: String,
    lines: u64,
    accepted: u64,
    duplicates: u64,
    amended: u64,
    late: u64,
    early: u64,
    quarantined: u64,
    ignored: u64,
    cost_differs: u64,
    spend: Nanos,
    last_at: Timestamp,
    last_event_at: Option<Timestamp>,
    /// How many seconds ago the last event happened; of the newest day only.
    lag_seconds: Option<i64>,
}

/// A file, as scripts get it.
#[derive(Serialize)]
struct File {
    source: String,
    path: String,
    position: u64,
    read_at: Timestamp,
}

#[derive(Serialize)]
struct Report {
    rows: Vec<Day>,
    files: Vec<File>,
}

/// Shows what came from where.
pub async fn run(args: SourcesArgs, context: &Context) -> Result<(), CliError> {
    let (store, now) = (context.store().await?, context.now());
    let since_day = Some(now.day() - i64::from(args.days) + 1);
    let days = store.source_days(&SourceFilter { source: args.source.clone(), since_day }).await?;
    let is_asked_for = |file: &SourceFile| args.source.as_ref().is_none_or(|source| file.source == *source);
    let files = store.source_files().await?.into_iter().filter(is_asked_for).map(File::from).collect();
    let mut seen = BTreeSet::new();
    let rows = days.into_iter().map(|day| Day::of(day.clone(), seen.insert(day.source).then_some(now))).collect();
    let report = Report { rows, files };
    context.output.show(&report, || report.describe())
}

impl Day {
    /// With how far behind it is `now`, where it is the newest of its source.
    fn of(day: SourceDay, now: Option<Timestamp>) -> Self {
        let lag_seconds = now.zip(day.last_event_at).map(|(now, last)| now.since(last).max(0) / SECOND);
        Self {
            day: day_label(day.day),
            source: day.source,
            lines: day.lines,
            accepted: day.accepted,
            duplicates: day.duplicates,
            amended: day.amended,
            late: day.late,
            early: day.early,
            quarantined: day.quarantined,
            ignored: day.ignored,
            cost_differs: day.cost_differs,
            spend: day.spend,
            last_at: day.last_at,
            last_event_at: day.last_event_at,
            lag_seconds,
        }
    }
}

impl From<SourceFile> for File {
    fn from(file: SourceFile) -> Self {
        Self {
            source: file.source,
            path: file.position.path.to_string(),
            position: file.position.offset,
            read_at: file.at,
        }
    }
}

impl Report {
    fn describe(&self) -> String {
        let days = self.table_of_days();
        if self.files.is_empty() {
            return days;
        }
        let mut table = Table::new(&[left("SOURCE"), left("FILE"), right("POSITION"), left("READ AT")]);
        for file in &self.files {
            table.row([file.source.clone(), file.path.clone(), count(file.position), time(file.read_at)]);
        }
        format!("{days}\n{}", table.render(""))
    }

    fn table_of_days(&self) -> String {
        let columns = [
            left("SOURCE"),
            left("DAY"),
            right("LINES"),
            right("ACCEPTED"),
            right("DUPLICATES"),
            right("AMENDED"),
            right("LATE"),
            right("EARLY"),
            right("QUARANTINED"),
            right("IGNORED"),
            right("COST DIFFERS"),
            right("SPEND"),
            left("LAST AT"),
            right("BEHIND"),
        ];
        let mut table = Table::new(&columns);
        for day in &self.rows {
            table.row([
                day.source.clone(),
                day.day.clone(),
                count(day.lines),
                count(day.accepted),
                count(day.duplicates),
                count(day.amended),
                count(day.late),
                count(day.early),
                count(day.quarantined),
                count(day.ignored),
                count(day.cost_differs),
                money(day.spend),
                time(day.last_at),
                day.lag_seconds.map(span).unwrap_or_default(),
            ]);
        }
        table.render("nothing came from any source in these days")
    }
}

/// Seconds as `42s`, `17m`, `3h 05m` or `12d`.
fn span(seconds: i64) -> String {
    const A_MINUTE: i64 = MINUTE / SECOND;
    let minutes = seconds / A_MINUTE;
    match minutes {
        0 => format!("{seconds}s"),
        1..60 => format!("{minutes}m"),
        60..1440 => format!("{}h {:02}m", minutes / 60, minutes % 60),
        _ => format!("{}d", minutes / 1440),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_as_long_as_they_need() {
        for (seconds, shown) in
            [(0, "0s"), (59, "59s"), (60, "1m"), (3599, "59m"), (3600, "1h 00m"), (86_399, "23h 59m"), (86_400, "1d")]
        {
            assert_eq!(span(seconds), shown);
        }
    }
}
