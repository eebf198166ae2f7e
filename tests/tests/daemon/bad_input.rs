//! What cannot be counted goes to the quarantine with its reason and text, and harms no neighbour (R34).

use anyhow::{Context as _, Result, ensure};
use mete_core::Nanos;
use mete_core::time::{DAY, MINUTE};
use mete_store::RAW_LIMIT;
use mete_tests::{TestStore, each_engine};

use crate::support::lines::append_text;
use crate::support::{Line, Stage, append};

/// A bad line, and what the quarantine must say of it.
struct Bad {
    line: Vec<u8>,
    reason: &'static str,
    detail: &'static str,
}

impl Bad {
    fn new(line: impl Into<Vec<u8>>, reason: &'static str, detail: &'static str) -> Self {
        Self { line: line.into(), reason, detail }
    }
}

each_engine! {
    async fn r34_each_kind_of_bad_line_is_quarantined_and_its_neighbours_count(store: &TestStore) -> Result<()> {
        let mut stage = Stage::new(store).await?;
        let path = stage.path("usage.jsonl");
        let bad = bad_lines();
        stage.write(&path, 1);
        let mut positions = Vec::new();
        for bad in &bad {
            positions.push(path.metadata()?.len());
            append_text(&path, &bad.line);
            append_text(&path, "\n");
            stage.write(&path, 1);
        }
        let meted = stage.follow("usage.jsonl")?;
        stage.counted().await?;
        let rows = stage.quarantined(bad.len()).await?;
        meted.stop()?;
        for ((bad, row), position) in bad.iter().zip(&rows).zip(positions) {
            let shown: String = String::from_utf8_lossy(&bad.line).chars().take(120).collect();
            ensure!((row.reason.as_str(), row.position) == (bad.reason, position), "{shown}: {row:?}");
            ensure!(row.detail.contains(bad.detail), "{shown}: {}", row.detail);
            ensure!(row.source == path.display().to_string(), "{}", row.source);
            ensure!(row.raw_bytes == bad.line.len() as u64, "{shown}: {}", row.raw_bytes);
            let kept = &bad.line[..bad.line.len().min(RAW_LIMIT)];
            ensure!(row.raw == kept, "{shown}: another text is kept");
        }

        // Nothing of it happens again with another daemon.
        let meted = stage.follow("usage.jsonl")?;
        stage.write(&path, 1);
        stage.counted().await?;
        meted.stop()?;
        stage.quarantined(bad.len()).await?;
        stage.check().await
    }

    async fn r34_a_time_up_to_five_minutes_ahead_counts(store: &TestStore) -> Result<()> {
        let mut stage = Stage::new(store).await?;
        let path = stage.path("usage.jsonl");
        let meted = stage.follow("usage.jsonl")?;
        let soon = Line::own("soon", Stage::now().plus(4 * MINUTE), Nanos(7));
        append(&path, std::slice::from_ref(&soon));
        append(&path, &[Line::own("later", Stage::now().plus(7 * MINUTE), Nanos(7))]);
        stage.expect(&[soon]);
        stage.counted().await?;
        let rows = stage.quarantined(1).await?;
        ensure!(rows[0].reason == "bad_time" && rows[0].detail.contains("5 minutes ahead"), "{rows:?}");
        meted.stop()?;
        stage.check().await
    }

    /// A clock that stood at 1970 is a classic; it must not stop the events of today.
    async fn r32_events_of_any_age_count_in_one_batch(store: &TestStore) -> Result<()> {
        let mut stage = Stage::new(store).await?;
        let path = stage.path("usage.jsonl");
        let now = Stage::now();
        let lines: Vec<Line> = [0, 1, 40, 400, 4_000, 20_000]
            .iter()
            .map(|days| Line::own(&format!("old-{days}"), now.plus(-days * DAY), Nanos(days + 1)))
            .collect();
        append(&path, &lines);
        stage.expect(&lines);
        let meted = stage.follow("usage.jsonl")?;
        stage.counted().await?;
        meted.stop()?;
        stage.check().await
    }

    /// Postgres' texts have no NUL; a writer that put one anywhere must not hold up the ledger.
    async fn r34_no_text_of_a_line_can_stop_the_ledger(store: &TestStore) -> Result<()> {
        const FIELDS: [&str; 9] = [
            "id", "organization", "project", "api_key", "member", "model", "provider", "endpoint", "service_tier",
        ];
        let stage = Stage::new(store).await?;
        let path = stage.path("usage.jsonl");
        let now = Stage::now();
        for text in [r"nul\u0000", r"\ud83d\ude00 \u202e", r"\ud83d", r"'; DROP TABLE event; --", "{}", r"\n\t\u0007\u001b"] {
            for field in FIELDS {
                let id = if field == "id" { String::new() } else { r#""id":"odd","#.to_owned() };
                append_text(&path, format!("{{{id}\"time\":\"{now}\",\"{field}\":\"{text}\",\"input_tokens\":1,\"cost\":\"0\"}}\n"));
            }
            let resource = format!(r#"{{"id":"r","time":"{now}","cost":"0","resource":{{"type":"{text}","id":"{text}"}}}}"#);
            append_text(&path, resource + "\n");
        }
        let last = stage.lines(1);
        append(&path, &last);
        let meted = stage.follow("usage.jsonl")?;
        let end = path.metadata()?.len();
        mete_tests::wait::eventually("the end of the file", crate::support::LIMIT, async || {
            let positions = stage.store.positions(&path.display().to_string()).await.ok()?;
            (positions.first()?.offset == end).then_some(())
        })
        .await
        .with_context(|| meted.0.output())?;
        meted.stop()?;
        let verification = stage.store.verify().await?;
        ensure!(verification.ok && verification.total == last[0].cost, "{verification:?}");
        Ok(())
    }
}

fn bad_lines() -> Vec<Bad> {
    let now = Stage::now();
    let event = |rest: &str| format!(r#"{{"id":"bad","time":"{now}",{rest}}}"#);
    let next_year = now.plus(366 * DAY);
    let mut invalid = event(r#""model":"x","input_tokens":1,"cost":"1""#).into_bytes();
    invalid[8] = 0xff;
    let mut nul = event(r#""model":"x","input_tokens":1,"cost":"1""#).into_bytes();
    nul[8] = 0;
    let long = event(&format!(r#""model":"{}""#, "x".repeat(10 * 1024 * 1024)));
    let cut = event(&format!(r#""cost":"1","model":"{}""#, "é".repeat(RAW_LIMIT / 2)));
    vec![
        Bad::new(&event(r#""input_tokens":1"#)[..25], "not_json", "EOF"),
        Bad::new(long, "line_too_long", "10485"),
        Bad::new(cut, "bad_field", "model"),
        Bad::new(invalid, "not_json", "invalid UTF-8 at byte 9"),
        Bad::new(nul, "not_json", "control character"),
        Bad::new("\0\0\0", "not_json", "NUL"),
        Bad::new(event(r#""api_key":"key_nobodyhasthis","cost":"1""#), "unknown_key", "key_nobodyhasthis"),
        Bad::new(event(r#""project":"No such","cost":"1""#), "unknown_project", "No such"),
        Bad::new(event(r#""organization":"No such","cost":"1""#), "unknown_organization", "No such"),
        Bad::new(event(r#""model":"gpt-from-nowhere","input_tokens":1"#), "no_price", "gpt-from-nowhere"),
        Bad::new(event(r#""model":"gpt-4o-mini","input_tokens":-1"#), "bad_number", "input_tokens is -1"),
        Bad::new(event(r#""input_tokens":99999999999999999999,"cost":"1""#), "bad_number", "input_tokens"),
        Bad::new(event(r#""input_tokens":1,"cost":"99999999999999999999""#), "bad_number", "cost"),
        Bad::new(event(r#""input_tokens":1,"cost":"-0.01""#), "bad_number", "cost"),
        Bad::new(event(r#""input_tokens":1e400,"cost":"1""#), "bad_number", "input_tokens"),
        Bad::new(
            format!(r#"{{"id":"bad","time":"{next_year}","input_tokens":1,"cost":"1"}}"#),
            "bad_time",
            "5 minutes ahead",
        ),
        Bad::new(r#"{"id":"bad","time":-5,"input_tokens":1,"cost":"1"}"#, "bad_time", "before 1970"),
        Bad::new(r#"{"hello":"world"}"#, "unknown_format", "none of the known formats"),
    ]
}
