//! Statements of a month, and usage in the formats of other programs.

use anyhow::{Context as _, Result, ensure};
use mete_tests::python::Environment;
use mete_tests::{TestStore, each_engine};
use serde_json::{Value, json};

use crate::cast::{MEMBER, OUTSIDER, PROJECT_OWNER, stage};
use crate::support::{Mete, event, fields, now};

/// Two projects in October 2025, two days; names that are markup elsewhere.
fn fill(mete: &Mete<'_>) -> Result<()> {
    mete.json(["project", "create", "R&D <i>, \"x\" | y", "--org", "Acme"])?;
    mete.json(["limits", "set", "--project", "Support", "--budget", "20"])?;
    mete.ingest(&[
        &event("e1", "2025-10-01T00:00:00Z", "Support", "0.000000001"),
        &event("e2", "2025-10-31T23:59:59.999999Z", "Support", "12.345678"),
        &event("e3", "2025-10-31T23:00:00Z", "R&D <i>, \\\"x\\\" | y", "100"),
        &event("e4", "2025-11-01T00:00:00Z", "Support", "5"),
        &event("e5", "2025-09-30T23:59:59Z", "Support", "10"),
    ])?;
    Ok(())
}

/// Cells of comma-separated text.
fn cells(text: &str) -> Result<Vec<Vec<String>>> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes());
    let rows = reader.records().map(|row| Ok(row?.iter().map(str::to_owned).collect()));
    rows.collect()
}

each_engine! {
    async fn r33_usage_leaves_row_by_row_to_the_nano_dollar(store: &TestStore) -> Result<()> {
        let mete = Mete::with_support(store)?;
        fill(&mete)?;
        let rows = cells(&mete.text(["export", "--month", "2025-10"])?)?;
        assert_eq!(rows[0].join(","), mete_report::export::COLUMNS.join(","));
        let told: Vec<_> = rows[1..].iter().map(|row| (&*row[0], &*row[4], &*row[9], &*row[11], &*row[15])).collect();
        let rest = "R&D <i>, \"x\" | y";
        assert_eq!(told, [
            ("2025-10-01", "Support", "m-1", "1", "0.000000001"),
            ("2025-10-31", rest, "m-1", "1", "100"),
            ("2025-10-31", "Support", "m-1", "1", "12.345678"),
        ]);
        let lines = mete.text(["export", "--month", "2025-09", "--until", "2025-11", "--by", "month", "--format", "json"])?;
        let lines: Vec<Value> = lines.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
        let mut names = mete_report::export::COLUMNS.to_vec();
        names.sort_unstable();
        assert_eq!(fields(&lines[0]), names);
        let told: Vec<_> = lines.iter().map(|line| (&line["period"], &line["spend"])).collect();
        assert_eq!(told, [
            (&json!("2025-09"), &json!("10")),
            (&json!("2025-10"), &json!("100")),
            (&json!("2025-10"), &json!("12.345678001")),
            (&json!("2025-11"), &json!("5")),
        ]);
        let hours = cells(&mete.text(["export", "--month", "2025-10", "--by", "hour", "--project", "Support"])?)?;
        assert_eq!((hours.len(), &*hours[2][0]), (3, "2025-10-31T23"));
        assert_eq!(mete.text(["export", "--month", "2025-12"])?.lines().count(), 1);
        let backwards = mete.refused(["export", "--month", "2025-10", "--until", "2025-09"])?;
        assert_eq!(backwards.code, "invalid");
        Ok(())
    }

    /// The periods' ends are exclusive, and all four costs are what was rated.
    async fn usage_leaves_in_focus_columns(store: &TestStore) -> Result<()> {
        let mete = Mete::with_support(store)?;
        fill(&mete)?;
        let priced = event("e6", "2025-10-02T00:00:00Z", "Support", "1").replace("m-1", "gpt-4o");
        mete.ingest(&[&priced])?;
        let rows = cells(&mete.text(["export", "--month", "2025-10", "--format", "focus", "--project", "Support"])?)?;
        let cell = |row: usize, name: &str| {
            let column = rows[0].iter().position(|column| column == name).with_context(|| format!("no {name}"))?;
            Ok::<_, anyhow::Error>(rows[row][column].clone())
        };
        for cost in ["BilledCost", "EffectiveCost", "ListCost", "ContractedCost"] {
            assert_eq!(cell(1, cost)?, "0.000000001", "{cost}");
        }
        assert_eq!(cell(1, "ChargePeriodStart")?, "2025-10-01T00:00:00Z");
        assert_eq!(cell(1, "ChargePeriodEnd")?, "2025-10-02T00:00:00Z");
        assert_eq!(cell(1, "BillingPeriodEnd")?, "2025-11-01T00:00:00Z");
        assert_eq!(cell(1, "ServiceCategory")?, "AI and Machine Learning");
        assert_eq!((&*cell(1, "BillingAccountName")?, &*cell(1, "SubAccountName")?), ("Acme", "Support"));
        assert_eq!((&*cell(1, "ProviderName")?, &*cell(2, "ProviderName")?), ("unknown", "openai"));
        assert_eq!(cell(1, "ConsumedQuantity")?, "15");
        let tags: Value = serde_json::from_str(&cell(1, "Tags")?)?;
        assert_eq!((&tags["model"], &tags["output_tokens"]), (&json!("m-1"), &json!("5")));
        Ok(())
    }

    /// Read by Apache Arrow's own library.
    async fn usage_leaves_as_parquet(store: &TestStore) -> Result<()> {
        let mete = Mete::with_support(store)?;
        fill(&mete)?;
        let out = mete.command(["export", "--month", "2025-10", "--format", "parquet"]).output()?;
        ensure!(out.status.success(), "{out:?}");
        let path = store.path("usage.parquet");
        std::fs::write(&path, &out.stdout)?;
        let read = Environment::named("export")?.program("parquet_rows.py").arg(&path).output()?;
        ensure!(read.status.success(), "{}", String::from_utf8_lossy(&read.stderr));
        let rows: Vec<Value> = serde_json::from_slice(&read.stdout)?;
        let spends: Vec<_> = rows.iter().map(|row| (&row["period"], &row["requests"], &row["spend"])).collect();
        assert_eq!(spends, [
            (&json!("2025-10-01"), &json!(1), &json!("0.000000001")),
            (&json!("2025-10-31"), &json!(1), &json!("100.000000000")),
            (&json!("2025-10-31"), &json!(1), &json!("12.345678000")),
        ]);
        assert_eq!(rows[1]["project"], "R&D <i>, \"x\" | y");
        Ok(())
    }

    async fn r33_a_statement_tells_a_month(store: &TestStore) -> Result<()> {
        let mete = Mete::with_support(store)?;
        fill(&mete)?;
        let told = mete.json(["report", "--org", "Acme", "--month", "2025-10"])?;
        assert_eq!((&told["total"], &told["before"], &told["standing"]),
            (&json!("112.345678001"), &json!("10"), &json!("provisional")));
        assert_eq!(told["days"].as_array().map(Vec::len), Some(31));
        assert_eq!((&told["days"][0], &told["days"][30]), (&json!("0.000000001"), &json!("112.345678")));
        let running = mete.json(["report"])?;
        assert_eq!((&running["standing"], &running["whose"]), (&json!("running"), &json!("all organizations")));
        let text = mete.text(["report", "--project", "Support", "--month", "2025-10"])?;
        for part in ["October 2025", "$12.345678001", "$20.00, 61.7% used", "provisional", "2025-10-31  ", "█"] {
            ensure!(text.contains(part), "{part}: {text}");
        }
        let page = mete.text(["report", "--org", "Acme", "--month", "2025-10", "--format", "html"])?;
        ensure!(page.starts_with("<!DOCTYPE html>") && page.contains("R&amp;D &lt;i&gt;") && !page.contains("<i>"), "{page}");
        let markdown = mete.text(["report", "--org", "Acme", "--month", "2025-10", "--format", "markdown"])?;
        ensure!(markdown.contains(r#"| R\&D \<i\>, "x" \| y | $100.00 | 1 |"#), "{markdown}");
        Ok(())
    }

    /// R6: what leaves is what the actor may see.
    async fn r6_statements_and_exports_have_what_may_be_seen(store: &TestStore) -> Result<()> {
        let mete = stage(store)?;
        let spent = [("e1", "Support", "5"), ("e2", "Search", "7"), ("e3", "Secret", "11")];
        let lines = spent.map(|(id, project, cost)| event(id, &now().to_string(), project, cost));
        mete.ingest(&lines.each_ref().map(String::as_str))?;
        for (who, seen) in [(PROJECT_OWNER, "5"), (OUTSIDER, "11")] {
            assert_eq!(mete.json_as(who, ["report"])?["total"], seen, "{who}");
            let run = mete.run(["export", "--as", who])?;
            let rows = cells(&run.stdout)?;
            assert_eq!((rows.len(), &*rows[1][15]), (2, seen), "{who}");
        }
        assert_eq!(mete.refused_as(MEMBER, ["report"])?.0, "not_permitted");
        let run = mete.run(["export", "--as", MEMBER])?;
        ensure!(run.status.code() == Some(1) && run.stderr.contains("may not"), "{run:?}");
        Ok(())
    }
}
