//! Who may send usage (through sockets; the rest of the rules is tested beside them).

use mete_tests::{TestStore, each_engine};

use super::desk::{Desk, NDJSON, counts, record, told};

each_engine! {
    async fn tokens_choose_and_protect_sources(store: &TestStore) -> anyhow::Result<()> {
        let desk = Desk::open(store).await?;
        desk.admit(&[("open", None), ("team", Some("team-token-0123"))], None);
        let right = "authorization: Bearer team-token-0123";
        let answer = told(&desk.post("/v1/ingest", &[NDJSON, right], "{\"bad\":1}").await);
        assert_eq!(counts(&answer), [0, 0, 0, 1, 0]);
        assert_eq!(desk.store.quarantine(10).await?[0].source, "team");
        for (path, headers, code) in [
            ("/v1/ingest?source=team", &[NDJSON][..], "missing_token"),
            ("/v1/ingest?source=team", &[NDJSON, "authorization: Bearer wrong"], "invalid_token"),
            ("/v1/ingest?source=team", &[NDJSON, "authorization: Basic dTpw"], "invalid_token"),
            ("/v1/ingest?source=open", &[NDJSON, right], "invalid_token"),
            ("/v1/ingest?source=open", &[NDJSON, "origin: https://evil.test"], "missing_token"),
        ] {
            let answer = desk.post(path, headers, record("a")).await;
            assert_eq!((answer.status, answer.code().as_str()), (401, code), "{path} {headers:?}");
            assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
        }
        let answer = told(&desk.unix().await.post("/v1/ingest?source=open", &[NDJSON], record("a")).await);
        assert_eq!(counts(&answer), [1, 0, 0, 0, 0]);
        assert_eq!(desk.ledger().await?.events, 1);
        desk.close().await;
        Ok(())
    }
}
