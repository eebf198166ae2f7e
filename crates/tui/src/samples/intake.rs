//! What comes in: sources, the quarantine, events, settings.

use std::sync::Arc;

use mete_core::endpoint::EndpointGroup;
use mete_core::event::{EventId, Rating, Series, Usage};
use mete_core::time::{MINUTE, SECOND};
use mete_core::{Month, Timestamp};
use mete_store::{
    Cursor, CursorKey, EventLine, EventPage, EventPlace, KeptEvent, Page, Paging, Position, QuarantineCount,
    QuarantineFilter, QuarantineRow, Seek, Setting, SourceDay, SourceFile,
};

use super::{nanos, now};

/// One day of a source, `ago` days before today.
fn day(source: &str, ago: i64, (accepted, last_at): (u64, Timestamp)) -> SourceDay {
    SourceDay {
        source: source.to_owned(),
        day: now().day() - ago,
        lines: accepted + 40,
        ignored: 12,
        accepted,
        duplicates: accepted / 100,
        amended: accepted / 400,
        late: accepted / 1000,
        early: 0,
        quarantined: if source == "access.json" { 3 } else { 0 },
        cost_differs: 0,
        spend: nanos("41.5"),
        last_at,
        last_event_at: Some(last_at.plus(-2 * SECOND)),
    }
}

/// Days by source, the newest first, and files; nothing in any month but November.
pub fn sources(month: Month) -> (Vec<SourceDay>, Vec<SourceFile>) {
    if month != now().month() {
        return (Vec::new(), Vec::new());
    }
    let on = |ago: i64, last: i64| if ago == 0 { now().plus(-last) } else { now().plus(-ago * 86_400 * SECOND) };
    let days = |source: &'static str, accepted: u64, last: i64| {
        (0..9).map(move |ago| day(source, ago, (accepted + 7 * ago.unsigned_abs(), on(ago, last))))
    };
    let mut all: Vec<SourceDay> = days("access.json", 41_204, 3 * SECOND).collect();
    all.extend(days("envoy-1", 1_204_311, 9 * MINUTE));
    all.extend(days("litellm", 812, SECOND));
    let position = |path: &str, offset| Position { identity: path.into(), path: path.into(), offset, trail: None };
    let file = |path: &str, offset, at: Timestamp| SourceFile {
        source: "access.json".to_owned(),
        position: position(path, offset),
        at,
    };
    let files = vec![
        file("/var/log/nginx/access.json", 81_204_311, now().plus(-3 * SECOND)),
        file("/var/log/nginx/access.json.1", 1_073_741_824, now().plus(-9 * 3600 * SECOND)),
    ];
    (all, files)
}

/// How much is and was in the quarantine.
pub fn quarantine_counts() -> Vec<QuarantineCount> {
    let count = |reason: &str, source: &str, (there, seen)| QuarantineCount {
        source: source.to_owned(),
        reason: reason.to_owned(),
        there,
        seen,
        retried: seen - there,
        forgotten: 0,
        dropped: 0,
    };
    vec![
        count("bad_number", "access.json", (3, 3)),
        count("no_price", "envoy-1", (212, 400)),
        count("not_json", "access.json", (0, 11)),
    ]
}

/// An entry of the quarantine.
pub fn entry(id: i64, (reason, detail): (&str, &str), (raw, spot): (&[u8], Option<u32>)) -> QuarantineRow {
    QuarantineRow {
        id,
        at: now().plus(-id * MINUTE),
        source: if reason == "no_price" { "envoy-1" } else { "access.json" }.to_owned(),
        position: 81_000_000 + id.unsigned_abs(),
        reason: reason.to_owned(),
        detail: detail.to_owned(),
        raw: raw.to_vec(),
        raw_bytes: raw.len() as u64,
        spot,
        tries: 1,
    }
}

/// All entries, the newest first.
pub fn quarantine() -> Vec<QuarantineRow> {
    let long = format!("{{\"prompt\":\"{}\",\"usage\":{{\"n\":-7}}}}", "la ".repeat(900));
    let spot = long.len() as u32 - 4;
    let mut all = vec![
        entry(
            1,
            ("bad_number", "usage.input is below nothing"),
            (br#"{"model":"gpt-4o","usage":{"input":-1}}"#, Some(35)),
        ),
        entry(2, ("bad_number", "usage.n is below nothing"), (long.as_bytes(), Some(spot))),
        entry(
            3,
            ("bad_number", "a number with \u{1b}[31m in it"),
            (
                "{\"翻訳\":\"\u{1b}[2J\u{202e}evil\u{7f}\",\"key\":\"sk-proj-0123456789abcdefghij\",\"n\":?}"
                    .as_bytes(),
                Some(70),
            ),
        ),
    ];
    all.extend((4..216).map(|id| {
        entry(id, ("no_price", "no price for model \"gpt-9\""), (br#"{"model":"gpt-9","input":812}"#, None))
    }));
    all
}

/// A page of what a filter lets through.
pub fn quarantine_page(all: Vec<QuarantineRow>, filter: &QuarantineFilter, paging: &Paging) -> Page<QuarantineRow> {
    let fits = |wanted: &Option<String>, is: &str| wanted.as_deref().is_none_or(|wanted| wanted == is);
    let fitting: Vec<QuarantineRow> =
        all.into_iter().filter(|row| fits(&filter.reason, &row.reason) && fits(&filter.source, &row.source)).collect();
    let begin = match &paging.seek {
        Seek::After(cursor) => fitting.iter().position(|row| row.id.to_string() == cursor.id).map_or(0, |at| at + 1),
        _ => 0,
    };
    let cursor = |row: &QuarantineRow| Cursor { key: CursorKey::Number(row.at.0), id: row.id.to_string() };
    let rows: Vec<QuarantineRow> = fitting.iter().skip(begin).take(paging.limit as usize).cloned().collect();
    let next = rows.last().filter(|_| begin + rows.len() < fitting.len()).map(cursor);
    Page { previous: None, next, middle: None, total: Some(fitting.len() as u64), rows }
}

/// One event, so many seconds ago.
pub fn event(ago: i64, (project, model, cost): (&str, &str, &str)) -> EventLine {
    let series = Series::new(
        "org-Acme".into(),
        format!("proj_{project}").into(),
        Some("key_cirunner".into()),
        Some("user-dana".into()),
        model.into(),
        EndpointGroup::ChatCompletions,
    );
    let usage = Usage {
        input: 812_000 / (ago.unsigned_abs() + 1),
        cached_input: 400,
        output: 120,
        reasoning: 64,
        ..Usage::default()
    };
    let rating = Rating { provider: "openai".into(), ..Rating::plain("genai-prices 2026-11-20") };
    EventLine {
        event: KeptEvent {
            time: now().plus(-ago * SECOND),
            id: EventId(1_000_000 - ago),
            series: Arc::new(series),
            usage,
            cost: nanos(cost),
            rating: Arc::new(rating),
        },
        project: project.to_owned(),
        key: "ci-runner".to_owned(),
        member: "dana@acme.test".to_owned(),
    }
}

/// All events, the newest first.
pub fn events() -> Vec<EventLine> {
    let of = |ago: i64| match ago % 3 {
        0 => ("Support bot", "gpt-4o-mini", "0.000118350"),
        1 => ("Eval nightly", "claude-sonnet-4-5", "1.204000001"),
        _ => ("Search", "text-embedding-3-large", "0.0042"),
    };
    (1..=450).map(|ago| event(ago, of(ago))).collect()
}

/// A page of events before a place.
pub fn event_page(all: Vec<EventLine>, before: Option<EventPlace>, limit: usize) -> EventPage {
    let fitting: Vec<EventLine> =
        all.into_iter().filter(|line| before.is_none_or(|before| line.place() < before)).collect();
    let events: Vec<EventLine> = fitting.iter().take(limit).cloned().collect();
    let older = events.last().filter(|_| fitting.len() > limit).map(EventLine::place);
    EventPage { events, older, is_partial: false, version: 1 }
}

/// The settings with values that a deployment could have.
pub fn settings() -> Vec<(Setting, i64)> {
    Setting::ALL.into_iter().zip([1_000, 250_000_000_000, 0, 1_000_000_000]).collect()
}
