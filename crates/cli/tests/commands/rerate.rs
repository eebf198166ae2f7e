//! Rating a month anew (R35).

use anyhow::{Context as _, Result};
use insta::{assert_snapshot, with_settings};
use mete_tests::{TestStore, each_engine};
use serde_json::json;

use crate::support::{Mete, event, fields};

/// Twice the catalogue's price of gpt-4o-mini.
const OWN: [&str; 4] = ["[[model]]", r#"match = "gpt-4o-mini""#, r#"input = "0.3""#, r#"output = "1.2""#];

const FILTERS: [(&str, &str); 3] = [
    ("rerate_[A-Za-z0-9]{24}", "rerate_000000000000000000000000"),
    (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ", "2026-01-01 00:00:00Z"),
    (r"\b\w+ +2026-01-01", "somebody  2026-01-01"),
];

/// A million input tokens and no output, as a log has them that knows no cost.
fn used(id: &str, model: &str) -> String {
    format!(
        r#"{{"id":"{id}","time":"2025-10-05T10:15:30Z","project":"Support","model":"{model}","endpoint":"/v1/chat/completions","input_tokens":1000000}}"#
    )
}

each_engine! {
    async fn r35_a_month_is_rated_anew_and_taken_back(store: &TestStore) -> Result<()> {
        let mete = Mete::with_support(store)?;
        let own = event("own", "2025-10-05T10:15:30Z", "Support", "0.5");
        mete.ingest(&[&used("a", "gpt-4o-mini"), &used("b", "gpt-4o-mini"), &used("c", "gpt-5"), &own])?;
        let prices = mete.file("own.toml", &OWN)?.display().to_string();
        let spend = || -> Result<String> {
            Ok(mete.json(["spend", "--month", "2025-10"])?["total"].as_str().context("no total")?.to_owned())
        };
        assert_eq!(spend()?, "2.05");
        let rerate = |more: &[&str]| {
            mete.run(["rerate", "--prices", &prices].iter().chain(more).chain(&["--json"]))?.json()
        };

        let planned = rerate(&["--month", "2025-10", "--dry-run"])?;
        assert_eq!(
            fields(&planned),
            [
                "after", "alerts", "before", "difference", "dry_run", "events", "looked_at", "model", "month", "moved",
                "own", "rows", "run", "unpriced"
            ]
        );
        assert_eq!((&planned["dry_run"], &planned["run"], spend()?), (&json!(true), &json!(null), "2.05".to_owned()));
        let row = &planned["rows"][0];
        assert_eq!((&row["project_name"], &row["model"]), (&json!("Support"), &json!("gpt-4o-mini")));
        assert_eq!((&row["before"], &row["after"], &row["difference"]), (&json!("0.3"), &json!("0.6"), &json!("0.3")));
        let booked = rerate(&["--month", "2025-10", "--apply"])?;
        for figure in ["events", "before", "after", "difference", "looked_at", "own", "rows"] {
            assert_eq!(booked[figure], planned[figure], "{figure}");
        }
        assert_eq!((booked["run"]["events"].clone(), spend()?), (json!(2), "2.35".to_owned()));
        assert_eq!(rerate(&["--month", "2025-10", "--apply"])?["run"], json!(null));
        assert_eq!(mete.json(["verify"])?["ok"], true);
        assert_eq!(mete.json(["rerate", "--list"])?["rows"], json!([booked["run"]]));

        let id = booked["run"]["id"].as_str().context("no id")?;
        let undone = mete.json(["rerate", "--undo", id])?;
        assert_eq!(fields(&undone), ["alerts", "difference", "events", "run", "skipped"]);
        assert_eq!((&undone["difference"], spend()?), (&json!("-0.3"), "2.05".to_owned()));
        assert_eq!(mete.refused(["rerate", "--undo", id])?.code, "conflict");
        assert_eq!(mete.refused(["rerate", "--undo", "--month", "2025-10"])?.code, "not_found");
        assert_eq!(mete.json(["verify"])?["ok"], true);
        assert_eq!(mete.json(["audit", "verify"])?["ok"], true);
        Ok(())
    }

    async fn r35_what_people_see_of_it(store: &TestStore) -> Result<()> {
        let mete = Mete::with_support(store)?;
        let own = event("own", "2025-10-05T10:15:30Z", "Support", "0.5");
        mete.ingest(&[&used("a", "gpt-4o-mini"), &used("c", "gpt-5"), &own])?;
        let prices = mete.file("own.toml", &OWN)?.display().to_string();
        let text = |more: &[&str]| -> Result<String> {
            let run = mete.run(["rerate", "--prices", &prices].iter().chain(more))?;
            anyhow::ensure!(run.status.success() && run.stderr.is_empty(), "{more:?}: {run:?}");
            Ok(run.stdout)
        };
        let month = ["--month", "2025-10"];
        let shown = [
            ("rerate_list_of_none", text(&["--list"])?),
            ("rerate_dry_run", text(&[&month[..], &["--dry-run"]].concat())?),
            ("rerate_dry_run_with_own", text(&[&month[..], &["--dry-run", "--own"]].concat())?),
            ("rerate_apply", text(&[&month[..], &["--apply"]].concat())?),
            ("rerate_apply_again", text(&[&month[..], &["--apply"]].concat())?),
            ("rerate_list", text(&["--list"])?),
            ("rerate_undo", text(&["--undo"])?),
        ];
        with_settings!({filters => FILTERS, omit_expression => true}, {
            for (name, text) in shown {
                assert_snapshot!(name, text);
            }
        });
        Ok(())
    }

    async fn r45_rating_anew_is_the_operators(store: &TestStore) -> Result<()> {
        let mete = Mete::with_support(store)?;
        for deed in [&["--month", "2025-10", "--dry-run"][..], &["--month", "2025-10", "--apply"], &["--undo"], &["--list"]] {
            let run = mete.run(["rerate", "--as", "dana@acme.test", "--json"].iter().chain(deed))?;
            assert!(run.status.code() == Some(1) && run.stderr.contains("not_permitted"), "{deed:?}: {run:?}");
        }
        for wrong in [&["--month", "2025-10"][..], &["--apply"], &["--apply", "--dry-run", "--month", "2025-10"], &["--list", "--own"]] {
            assert_eq!(mete.run(["rerate"].iter().chain(wrong))?.status.code(), Some(2), "{wrong:?}");
        }
        Ok(())
    }
}
