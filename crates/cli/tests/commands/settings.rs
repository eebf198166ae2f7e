//! Settings of the deployment (R4, R28).

use anyhow::Result;
use mete_tests::{TestStore, each_engine};
use serde_json::json;

use crate::support::Mete;

each_engine! {
    async fn settings_are_listed_and_set(store: &TestStore) -> Result<()> {
        let mete = Mete::with_acme(store)?;
        let listed = mete.json(["settings", "list"])?;
        let defaults = [
            json!({"name": "max_projects", "value": 1000}),
            json!({"name": "file_quota_bytes", "value": 100_000_000_000_u64}),
            json!({"name": "retention_months", "value": 13}),
            json!({"name": "quarantine_bytes", "value": 268_435_456}),
        ];
        assert_eq!(listed, json!({"rows": defaults}));
        let set = mete.json(["settings", "set", "file_quota_bytes", "250GB"])?;
        assert_eq!(set, json!({"name": "file_quota_bytes", "value": 250_000_000_000_u64}));
        assert_eq!(mete.json(["settings", "list"])?["rows"][1], set);
        let told = mete.text(["settings", "list"])?;
        assert!(told.contains("max_projects") && told.contains("250000000000"), "{told}");
        for (name, value) in [
            ("max_projects", "many"),
            ("max_projects", "1kB"),
            ("file_quota_bytes", "1GiB"),
            ("max_projects", "99999999999999999999"),
        ] {
            assert_eq!(mete.refused(["settings", "set", name, value])?.code, "invalid", "{name} {value}");
        }
        assert_eq!(mete.refused(["settings", "set", "max_projects", "-1"])?.code, "invalid");
        assert_eq!(mete.status(["settings", "set", "max_people", "1"])?, Some(2));
        Ok(())
    }

    async fn r4_the_most_projects_are_a_setting(store: &TestStore) -> Result<()> {
        let mete = Mete::with_support(store)?;
        mete.json(["settings", "set", "max_projects", "1"])?;
        let refused = mete.refused(["project", "create", "Search", "--org", "Acme"])?;
        assert!(refused.code == "limit_reached" && refused.message.contains('1'), "{refused:?}");
        mete.json(["settings", "set", "max_projects", "2"])?;
        mete.json(["project", "create", "Search", "--org", "Acme"])?;
        Ok(())
    }

    async fn r45_settings_are_the_operators(store: &TestStore) -> Result<()> {
        let mete = Mete::with_acme(store)?;
        assert_eq!(mete.refused(["settings", "list", "--as", "dana@acme.test"])?.code, "not_permitted");
        let refused = mete.refused(["settings", "set", "max_projects", "5", "--as", "dana@acme.test"])?;
        assert!(refused.code == "not_permitted" && refused.message.contains("operator"), "{refused:?}");
        assert_eq!(mete.json(["settings", "list"])?["rows"][0]["value"], 1000);
        // The attempt is on record, in the deployment's own chain.
        let logged = mete.json(["audit", "list", "--action", "setting", "--limit", "1"])?;
        assert_eq!(
            (&logged["rows"][0]["outcome"], &logged["rows"][0]["organization_id"]),
            (&json!("refused"), &json!(""))
        );
        Ok(())
    }
}
