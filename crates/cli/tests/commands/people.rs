//! What people see, as snapshots that both engines share.

use anyhow::Result;
use insta::{assert_snapshot, with_settings};
use mete_tests::{TestStore, each_engine};

use crate::support::{Mete, event, now};

/// Puts fixed words of the same width in the place of everything that differs from run to run.
pub const FILTERS: [(&str, &str); 6] = [
    (r"(org-|proj_|key_|user-|alert_)[A-Za-z0-9]{24}", "${1}000000000000000000000000"),
    (r"sk-proj-[A-Za-z0-9]{64}", "sk-proj-[64 letters and digits]"),
    (r"sk-proj-…[A-Za-z0-9]{4}", "sk-proj-…0000"),
    (r"\d{4}-\d\d-\d\d( |T)\d\d:\d\d:\d\dZ", "2026-01-01${1}00:00:00Z"),
    (r"(January|February|March|April|May|June|July|August|September|October|November|December) \d{4}", "January 2026"),
    (r"\b\d{4}-\d\d\b", "2026-01"),
];

each_engine! {
    async fn tables_are_as_people_know_them(store: &TestStore) -> Result<()> {
        let mete = Mete::with_support(store)?;
        let key = mete.text(["key", "create", "--project", "Support", "--name", "ci"])?;
        mete.json(["org", "create", "Acme Labs", "--owner", "lee@acme.test", "--parent", "Acme"])?;
        mete.json(["project", "create", "Übersetzung 翻訳", "--org", "Acme"])?;
        let id = mete.json(["key", "list"])?["rows"][0]["id"].as_str().unwrap_or_default().to_owned();
        let time = now().to_string();
        let keyed = event("e1", &time, "Support", "1234.5").replace("\"model\"", &format!("\"api_key\":\"{id}\",\"model\""));
        let path = mete.file(
            "usage.jsonl",
            &[&keyed, &event("e2", &time, "Übersetzung 翻訳", "0.000000001"), "no JSON, and longer than a table shows of what is in quarantine"],
        )?;
        let counted = mete.text(["ingest", &path.to_string_lossy()])?;
        let limits = mete.text(["limits", "set", "--project", "Support", "--budget", "1000", "--threshold", "800.5"])?;
        let shown = [
            ("key_create", key),
            ("ingest", counted),
            ("limits_set", limits),
            ("org_list", mete.text(["org", "list"])?),
            ("org_show", mete.text(["org", "show", "Acme"])?),
            ("project_list", mete.text(["project", "list"])?),
            ("project_show", mete.text(["project", "show", "Support"])?),
            ("key_list", mete.text(["key", "list"])?),
            ("spend", mete.text(["spend"])?),
            ("spend_by_model", mete.text(["spend", "--by", "model"])?),
            ("spend_by_key", mete.text(["spend", "--by", "key"])?),
            ("explain_refused", mete.text(["explain", "ci"])?),
            ("alerts_list", mete.text(["alerts", "list"])?),
            ("verify", mete.text(["verify"])?),
        ];
        with_settings!({filters => FILTERS, omit_expression => true}, {
            for (name, text) in shown {
                assert_snapshot!(name, text);
            }
        });
        Ok(())
    }

    async fn nothing_is_said_in_words(store: &TestStore) -> Result<()> {
        let mete = Mete::with_acme(store)?;
        for (args, words) in [
            (["key", "list"], "there are no such keys\n"),
            (["alerts", "list"], "there are no such alerts\n"),
            (["quarantine", "list"], "the quarantine is empty\n"),
        ] {
            assert_eq!(mete.text(args)?, words);
        }
        assert!(mete.text(["spend"])?.ends_with(": $0.00\n\nnothing was spent\n"));
        assert_eq!(mete.text(["verify"])?, "ok: 0 events of $0.00 in 0 months; the events, every sum and the spend shown agree\n");
        Ok(())
    }
}
