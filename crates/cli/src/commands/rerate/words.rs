//! Runs and what they came to, in words.

use mete_control::{RerateReport, UndoReport};
use mete_store::{Alert, Rerate};

use crate::output::{Table, count, left, money, right, safe, several, time};

/// What a run did, or would do.
pub fn rated(report: &RerateReport, dry_run: bool) -> String {
    let mut text = rows(report);
    text.push_str(&format!("\n{}\n", total(report, dry_run)));
    if report.own > 0 {
        let own = several(report.own, "event");
        text.push_str(&format!("Left as it is: {own} with a cost of its own; --own rates that too\n"));
    }
    if report.moved > 0 {
        let moved = several(report.moved, "event");
        text.push_str(&format!("Left as it is: {moved} that changed meanwhile; the same command finds that\n"));
    }
    if !report.unpriced.is_empty() {
        text.push_str(&format!("\nWithout a price now, left as they are\n{}", unpriced(report)));
    }
    text + &alerts(&report.alerts)
}

fn total(report: &RerateReport, dry_run: bool) -> String {
    let month = report.month.name();
    let looked_at = several(report.looked_at, "event");
    if report.events == 0 {
        return format!("{month}: {looked_at} looked at, nothing costs anything else");
    }
    let change = format!("{} became {}", money(report.before), money(report.after));
    let difference = signed(report.difference);
    let events = count(report.events);
    match &report.run {
        Some(run) => format!("{month}: {events} of {looked_at} rated anew by {}: {change} ({difference})", run.id),
        None if dry_run => {
            let change = change.replace("became", "would become");
            format!(
                "{month}: {events} of {looked_at} would be rated anew: {change} ({difference}); book it with --apply"
            )
        }
        None => format!("{month}: {events} of {looked_at}: {change} ({difference})"),
    }
}

fn rows(report: &RerateReport) -> String {
    let mut table = Table::new(&[
        left("PROJECT"),
        left("MODEL"),
        right("EVENTS"),
        right("BEFORE"),
        right("AFTER"),
        right("DIFFERENCE"),
    ]);
    for row in &report.rows {
        table.row([
            row.project_name.clone(),
            row.model.clone(),
            count(row.events),
            money(row.before),
            money(row.after),
            signed(row.difference),
        ]);
    }
    table.render("nothing to rate anew")
}

fn unpriced(report: &RerateReport) -> String {
    let mut table = Table::new(&[left("PROJECT"), left("MODEL"), right("EVENTS"), right("COST"), left("WHY")]);
    for row in &report.unpriced {
        table.row([
            row.project_name.clone(),
            row.model.clone(),
            count(row.events),
            money(row.cost),
            row.reason.clone(),
        ]);
    }
    table.render("nothing")
}

/// What taking a run back did.
pub fn undone(report: &UndoReport) -> String {
    let UndoReport { run, events, difference, skipped, alerts: raised } = report;
    let events = several(*events, "event");
    let (month, difference) = (run.month.name(), signed(*difference));
    let mut text = format!("{month}: {} is undone: {events} as before ({difference})\n", run.id);
    if *skipped > 0 {
        let skipped = several(*skipped, "event");
        text.push_str(&format!("Left as it is: {skipped} that changed since\n"));
    }
    text + &alerts(raised)
}

/// The runs.
pub fn runs(runs: &[Rerate]) -> String {
    let mut table = Table::new(&[
        left("RUN"),
        left("MONTH"),
        left("MODEL"),
        right("EVENTS"),
        right("DIFFERENCE"),
        left("BY"),
        left("STARTED"),
        left("STATE"),
    ]);
    for run in runs {
        table.row([
            run.id.clone(),
            run.month.to_string(),
            run.model.clone().unwrap_or_else(|| "(all)".to_owned()),
            count(run.events),
            signed(run.difference),
            run.actor.clone(),
            time(run.started_at),
            state(run).to_owned(),
        ]);
    }
    table.render("no month was rated anew")
}

const fn state(run: &Rerate) -> &'static str {
    match (run.finished_at, run.undone_at) {
        (_, Some(_)) => "undone",
        (Some(_), None) => "done",
        (None, None) => "interrupted",
    }
}

fn alerts(alerts: &[Alert]) -> String {
    let told = |alert: &Alert| {
        let (name, month) = (safe(&alert.whose()), alert.month.name());
        format!("{name}: {} of {} in {month} is passed\n", alert.kind.as_str(), money(alert.amount))
    };
    alerts.iter().map(told).collect()
}

/// An amount with its sign, as differences have it.
fn signed(amount: mete_core::Nanos) -> String {
    let sign = if amount.0 > 0 { "+" } else { "" };
    format!("{sign}{}", money(amount))
}
