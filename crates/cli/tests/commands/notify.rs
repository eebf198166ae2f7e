//! `mete notify`: who was told of which alert (R27).

use std::sync::Arc;

use anyhow::Result;
use mete_control::host::{SystemClock, system_random};
use mete_notify::{Channels, Post};
use mete_store::Store;
use mete_tests::{TestStore, each_engine};
use serde_json::{Value, json};

use crate::support::{Mete, event, fields, is_id, now};

each_engine! {
    async fn r27_deliveries_are_listed_with_what_they_are_about(store: &TestStore) -> Result<()> {
        let mete = Mete::with_support(store)?;
        assert_eq!(mete.json(["notify", "list"])?, json!({"rows": []}));
        assert_eq!(mete.text(["notify", "list"])?, "nobody was to be told of anything\n");
        mete.json(["limits", "set", "--project", "Support", "--budget", "5"])?;
        mete.ingest(&[&event("e1", &now().to_string(), "Support", "5")])?;
        // As a daemon without a mail server does it.
        let opened = Store::open(&store.url().parse()?).await?;
        let post = Post::new(
            opened.clone(),
            (Arc::new(SystemClock), Box::new(system_random())),
            "test".into(),
            Arc::new(Channels::default()),
        );
        assert_eq!(post.plan().await?, 1);
        opened.close().await;

        let listed = mete.json(["notify", "list"])?;
        let row = &listed["rows"][0];
        assert!(is_id(&row["id"], "delivery_") && row["alert_id"] == mete.json(["alerts", "list"])?["rows"][0]["id"], "{row}");
        let all = [
            "address", "alert_id", "amount", "channel", "claimed_until", "due_at", "error", "given_up_at", "id",
            "keep_until", "kind", "made_at", "message_id", "month", "receipt", "recipient_id", "scope_name", "sent_at",
            "state", "tries",
        ];
        assert_eq!(fields(row), all);
        let told = |name: &str| row[name].clone();
        assert_eq!(["address", "channel", "state", "tries", "kind", "amount", "scope_name", "sent_at"].map(told), [
            json!("dana@acme.test"), json!("email"), json!("no_channel"), json!(0), json!("exhausted"), json!("5"),
            json!("Support"), Value::Null,
        ]);
        let text = mete.text(["notify", "list"])?;
        assert!(text.contains("Support, budget $5.00") && text.contains("no channel"), "{text}");
        let alert = row["alert_id"].as_str().unwrap_or_default();
        for (words, number) in [
            (["--state", "no-channel"], 1), (["--state", "sent"], 0), (["--alert", alert], 1), (["--alert", "alert_x"], 0),
        ] {
            let rows = mete.json(["notify", "list", words[0], words[1]])?;
            assert_eq!(rows["rows"].as_array().map(Vec::len), Some(number), "{words:?}");
        }
        Ok(())
    }

    async fn notifications_are_the_operators(store: &TestStore) -> Result<()> {
        let mete = Mete::with_support(store)?;
        assert_eq!(mete.refused(["notify", "list", "--as", "dana@acme.test"])?.code, "not_permitted");
        let config = mete.file("meted.toml", &["[store]", "url = 'sqlite:x'"])?.display().to_string();
        let refused = mete.refused(["notify", "test", "--to", "dana@acme.test", "--config", &config])?;
        assert!(refused.code == "invalid" && refused.message.contains("[notify.smtp]"), "{refused:?}");
        let lines = ["[store]", "url = 'sqlite:x'", "[notify.smtp]", "host = 'h'", "from = 'm@x.test'", "ca_file = 'no.pem'"];
        mete.file("meted.toml", &lines)?;
        let refused = mete.refused(["notify", "test", "--to", "dana@acme.test", "--config", &config])?;
        assert!(refused.code == "invalid" && refused.message.contains("no.pem"), "{refused:?}");
        assert_eq!(mete.status(["notify", "test"])?, Some(2));
        Ok(())
    }
}
