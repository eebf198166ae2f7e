//! What a client is told of its records, and what the ledger and the metrics have then.

use mete_tests::{TestStore, each_engine};

use super::desk::{Desk, JSON, NDJSON, counts, record, records, told};

each_engine! {
    async fn each_record_is_told_as_what_it_became(store: &TestStore) -> anyhow::Result<()> {
        let desk = Desk::open(store).await?;
        let body = [
            record("a"),
            record("a"),
            r#"{"object":"error","message":"overloaded"}"#.to_owned(),
            String::new(),
            r#"{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1763892930,"model":"gpt-4o"}"#.to_owned(),
            record("b").replace("Bot", "No such"),
            record("c"),
        ]
        .join("\n");
        let answer = desk.ingest(&body).await;
        assert_eq!(counts(&answer), [2, 1, 0, 2, 1], "{answer}");
        assert_eq!(answer["spend"], "0.000002");
        let problems = answer["problems"].as_array().unwrap();
        let places: Vec<_> = problems.iter().map(|problem| (&problem["line"], &problem["reason"])).collect();
        assert_eq!(format!("{places:?}"), r#"[(Number(3), String("unknown_format")), (Number(6), String("unknown_project"))]"#);
        assert_eq!(problems[1]["position"].as_u64().unwrap() as usize, body.find("{\"id\":\"b\"").unwrap());
        assert!(problems[1]["detail"].as_str().unwrap().contains("No such"), "{answer}");

        // An amendment and a contradiction of what is kept.
        let amended = record("a").replace("\"cost\":\"0.000001\"", "\"input_tokens\":7,\"cost\":\"0.000003\"");
        let answer = desk.ingest(amended).await;
        assert_eq!((counts(&answer), &answer["spend"]), ([0, 0, 1, 0, 0], &"0.000002".into()), "{answer}");
        let ledger = desk.ledger().await?;
        assert_eq!((ledger.events, ledger.total.to_string()), (2, "0.000004".to_owned()));
        assert_eq!(desk.store.count_quarantine().await?, 2);
        desk.close().await;
        Ok(())
    }

    async fn lists_and_single_records_are_taken_as_well(store: &TestStore) -> anyhow::Result<()> {
        let desk = Desk::open(store).await?;
        let pretty = serde_json::to_string_pretty(&serde_json::from_str::<serde_json::Value>(&record("p"))?)?;
        let answer = told(&desk.post("/v1/ingest", &[JSON], &pretty).await);
        assert_eq!(counts(&answer), [1, 0, 0, 0, 0], "{answer}");
        let list = format!("[{},\n {{\"x\":1}},\n {}, {}]", record("q"), pretty, record("r"));
        let answer = told(&desk.post("/v1/ingest", &["content-type: Application/JSON; charset=utf-8"], list).await);
        assert_eq!(counts(&answer), [2, 1, 0, 1, 0], "{answer}");
        assert_eq!((&answer["problems"][0]["line"], &answer["problems"][0]["reason"]), (&2.into(), &"unknown_format".into()));
        for empty in ["[]", " [ ] "] {
            assert_eq!(counts(&told(&desk.post("/v1/ingest", &[JSON], empty).await)), [0; 5]);
        }
        assert_eq!(counts(&desk.ingest("\n \n").await), [0; 5]);
        assert_eq!(desk.ledger().await?.events, 3);
        desk.close().await;
        Ok(())
    }

    /// Larger than a parcel, a block, and what the kernel buffers.
    async fn a_large_body_is_many_parcels_and_one_answer(store: &TestStore) -> anyhow::Result<()> {
        let desk = Desk::open(store).await?;
        let mut body = records(0..20_000);
        body.push_str(&records(0..5));
        body.push_str("{\"torn\":\n");
        let answer = desk.ingest(&body).await;
        assert_eq!(counts(&answer), [20_000, 5, 0, 1, 0], "{answer}");
        assert_eq!((&answer["spend"], &answer["problems"][0]["line"]), (&"0.02".into(), &20_006.into()));
        // Sent again it counts nothing, not even what is bad.
        let again = desk.ingest(&body).await;
        assert_eq!(counts(&again)[..2], [0, 20_005], "{again}");
        assert_eq!((desk.ledger().await?.events, desk.store.count_quarantine().await?), (20_000, 1));
        desk.close().await;
        Ok(())
    }

    async fn many_problems_are_told_up_to_a_hundred(store: &TestStore) -> anyhow::Result<()> {
        let desk = Desk::open(store).await?;
        let body: String = (0..250).map(|number| format!("{{\"bad\":{number}}}\n")).collect();
        let answer = desk.ingest(body).await;
        assert_eq!(counts(&answer), [0, 0, 0, 250, 0]);
        let problems = answer["problems"].as_array().unwrap();
        assert_eq!((problems.len(), &problems[99]["line"]), (100, &100.into()));
        assert_eq!(desk.store.count_quarantine().await?, 250);
        desk.close().await;
        Ok(())
    }

    async fn what_was_done_is_in_the_metrics(store: &TestStore) -> anyhow::Result<()> {
        let desk = Desk::open(store).await?;
        desk.ingest([records(0..3), records(0..1), "{\"x\":1}\n".to_owned()].concat()).await;
        desk.post("/v1/ingest", &["content-type: text/plain"], "x").await;
        let mut gateway = desk.tcp().await;
        assert_eq!(gateway.authorize("sk-nobody").await.status, 401);
        let answer = desk.get("/metrics").await;
        assert_eq!(answer.status, 200);
        assert!(answer.header("content-type").unwrap().starts_with("application/openmetrics-text"), "{answer:?}");
        for line in [
            "mete_lines_total{source=\"http\"} 5",
            "mete_events_accepted_total{source=\"http\"} 3",
            "mete_events_duplicate_total{source=\"http\"} 1",
            "mete_quarantined_total{source=\"http\",reason=\"unknown_format\"} 1",
            "mete_usage_requests_total{path=\"/v1/ingest\",status=\"200\"} 1",
            "mete_usage_requests_total{path=\"/v1/ingest\",status=\"415\"} 1",
            "mete_decisions_total{code=\"invalid_api_key\"} 1",
            "mete_decisions_total{code=\"allowed\"} 0",
            "mete_store_up 1",
            "mete_queue_parcels 0",
            "mete_last_commit_timestamp_seconds 1795435200",
        ] {
            assert!(answer.body.lines().any(|told| told == line), "{line} is not in\n{}", answer.body);
        }
        desk.close().await;
        Ok(())
    }

    async fn a_format_may_be_named(store: &TestStore) -> anyhow::Result<()> {
        let desk = Desk::open(store).await?;
        let path = "/v1/ingest?format=openai-chat";
        let answer = told(&desk.post(path, &[NDJSON], record("a")).await);
        assert_eq!(counts(&answer), [0, 0, 0, 1, 0], "{answer}");
        // It holds for that request alone.
        assert_eq!(counts(&desk.ingest(record("a")).await), [1, 0, 0, 0, 0]);
        desk.close().await;
        Ok(())
    }
}
