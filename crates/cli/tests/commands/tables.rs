//! What people see of the directory, as snapshots that both engines share.

use anyhow::{Context as _, Result};
use insta::{assert_snapshot, with_settings};
use mete_tests::{TestStore, each_engine};

use crate::support::{Mete, event, now};

/// Puts fixed words of the same width in the place of everything that differs from run to run.
const FILTERS: [(&str, &str); 4] = [
    (r"(org-|proj_|key_|user-|svc-acct-|invite-|block_)[A-Za-z0-9]{24}", "${1}000000000000000000000000"),
    (r"sk-svcacct-[A-Za-z0-9]{64}", "sk-svcacct-[64 letters and digits]"),
    (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ", "2026-01-01 00:00:00Z"),
    (r"\b[0-9a-f]{64}\b", "[64 hexadecimal digits]"),
];

each_engine! {
    async fn the_directory_is_as_people_know_it(store: &TestStore) -> Result<()> {
        let mete = Mete::with_roles(store)?;
        let dana = |args: &[&str]| -> Result<String> {
            let run = mete.run(args.iter().copied().chain(["--as", "dana@acme.test"]))?;
            anyhow::ensure!(run.status.success(), "{args:?}: {run:?}");
            Ok(run.stdout)
        };
        let named = r#""resource":{"type":"file","id":"file-1"},"bytes":1234567,"model""#;
        mete.ingest(&[&event("e1", &now().to_string(), "Support", "1.5").replace("\"model\"", named)])?;
        let created = dana(&["service-account", "create", "ci 🦀", "--project", "Support"])?;
        let block = dana(&["block", "add", "--project", "Support", "--reason", "leaked in a log", "--until", "2h"])?;
        let id = block.split_whitespace().nth(1).context("no id")?.to_owned();
        let lifted = dana(&["block", "lift", &id])?;
        dana(&["block", "release", "--project", "Support", "--reason", "launch day"])?;
        let shown = [
            ("service_account_create", created),
            ("block_add", block),
            ("block_lift", lifted),
            (
                "invite_create",
                dana(&["invite", "create", "kim@acme.test", "--org", "Acme", "--project", "Support:owner"])?,
            ),
            ("member_grant_usage", dana(&["member", "grant-usage", "rita@acme.test", "--org", "Acme"])?),
            ("member_list_of_organization", dana(&["member", "list", "--org", "Acme"])?),
            ("member_list_of_project", dana(&["member", "list", "--project", "Support"])?),
            ("invite_list", dana(&["invite", "list"])?),
            ("service_account_list", dana(&["service-account", "list"])?),
            ("block_list", dana(&["block", "list", "--all"])?),
            ("resource_list", dana(&["resource", "list", "--project", "Support"])?),
            ("audit_list", dana(&["audit", "list", "--actor", "dana@acme.test"])?),
            ("audit_verify", dana(&["audit", "verify"])?),
            ("settings_list", mete.text(["settings", "list"])?),
            ("settings_set", mete.text(["settings", "set", "file_quota_bytes", "1TB"])?),
        ];
        with_settings!({filters => FILTERS, omit_expression => true}, {
            for (name, text) in shown {
                assert_snapshot!(name, text);
            }
        });
        Ok(())
    }
}
