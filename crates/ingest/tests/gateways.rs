//! The formats of gateways, collectors and event buses, and requests that failed in every format.

#![expect(clippy::unwrap_used, clippy::panic, reason = "the helpers of tests may fail a test")]

use mete_core::secret::KeyHash;
use mete_core::{EndpointGroup, Nanos, Usage};
use mete_ingest::formats::{Format, Line, Reason, read};
use mete_ingest::record::{KeyRef, Record};

const SPENDLOGS: &str = include_str!("samples/litellm-spendlogs.jsonl");
const OTEL: &str = include_str!("samples/otel-genai.jsonl");
const CLOUDEVENTS: &str = include_str!("samples/cloudevents.jsonl");
const ENVOY: &str = include_str!("samples/envoy-ai-gateway.jsonl");

fn lines(line: &str) -> Vec<Line<'_>> {
    let mut lines = Vec::new();
    read(line.as_bytes(), None, &mut None, &mut |line| lines.push(line));
    lines
}

fn record(line: Line<'_>) -> Record<'_> {
    match line {
        Line::Record(record) => record,
        other => panic!("{other:?}"),
    }
}

fn records(sample: &str) -> Vec<Record<'_>> {
    sample.lines().flat_map(lines).map(record).collect()
}

fn one(line: &str) -> Record<'_> {
    let mut found = lines(line);
    assert_eq!(found.len(), 1, "{line}");
    record(found.remove(0))
}

fn time(record: &Record<'_>) -> String {
    record.time.unwrap().to_string()
}

fn is_failed(record: &Record<'_>) -> bool {
    record.usage == Usage::default() && record.cost == Some(Nanos::ZERO)
}

#[test]
fn r29_a_row_of_litellm_has_its_project_in_text_in_metadata() {
    let record = one(SPENDLOGS.trim());
    assert_eq!(record.format, Format::LitellmSpendlogs.into());
    assert_eq!(record.id, "chatcmpl-0a1b2c3d-0000-4000-8000-00000000bbbb");
    assert_eq!((record.organization.as_deref(), record.project.as_deref()), (Some("org-acme"), Some("proj_support")));
    assert_eq!(record.key, Some(KeyRef::Hash(KeyHash::of("test"))));
    assert_eq!(record.usage, Usage { input: 10, output: 20, ..Usage::default() });
    assert_eq!((record.cost, record.endpoint), (Some(Nanos(13_500)), EndpointGroup::ChatCompletions));
    assert_eq!(time(&record), "2026-11-23T10:19:06.950583Z");
}

#[test]
fn litellm_rows_come_in_several_shapes() {
    let plain = one(SPENDLOGS.trim());
    let row: serde_json::Value = serde_json::from_str(SPENDLOGS).unwrap();
    let with = |key: &str, value: serde_json::Value| {
        let mut row = row.clone();
        row[key] = value;
        row.to_string()
    };
    let metadata: serde_json::Value = serde_json::from_str(row["metadata"].as_str().unwrap()).unwrap();
    assert_eq!(one(&with("metadata", metadata)), plain, "metadata as an object");
    assert_eq!(one(&with("endTime", "2026-11-23 10:19:06.950583".into())), plain, "a time without an offset is UTC");
    assert_eq!(one(&with("endTime", "2026-11-23T10:19:06.950583Z".into())), plain);
    for nothing in [serde_json::Value::Null, "".into(), "{}".into()] {
        let line = with("metadata", nothing);
        let record = one(&line);
        assert_eq!((record.project.or(record.team).as_deref(), record.usage), (Some("team_1"), plain.usage));
    }
    let cached =
        with("cache_hit", "True".into()).replace("0.0000135", "0").replace("1.35e-5", "0").replace("1.35e-05", "0");
    let record = one(&cached);
    assert_eq!((record.cost, record.usage), (Some(Nanos::ZERO), plain.usage), "an answer out of the cache is free");
}

#[test]
fn r29_a_batch_of_spans_is_several_events() {
    let records = records(OTEL);
    let [first, second] = &records[..] else { panic!("{records:?}") };
    assert_eq!(first.id, "chatcmpl-otel-1");
    assert_eq!(time(first), "2026-11-23T11:18:21Z");
    assert_eq!(first.usage, Usage { input: 97, cached_input: 64, output: 52, ..Usage::default() });
    assert_eq!((first.model.as_deref(), first.provider.as_deref()), (Some("gpt-4o-mini-2024-07-18"), Some("openai")));
    assert_eq!((first.project.as_deref(), first.endpoint), (Some("proj_support"), EndpointGroup::ChatCompletions));
    assert_eq!(second.id, "5b8efff798038103d269b633813fc60c:eee19b7ec3c1b175");
    assert_eq!(second.usage, Usage { input: 30, output: 12, ..Usage::default() }, "the old names");
    assert_eq!(second.provider.as_deref(), Some("anthropic"));
}

/// A line with these spans, each the inside of an object.
fn spans(spans: &[&str]) -> String {
    let spans: Vec<String> = spans
        .iter()
        .map(|span| format!(r#"{{"traceId":"5b8e","spanId":"eee1","endTimeUnixNano":1795432701000000000,{span}}}"#))
        .collect();
    format!(r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{}]}}]}}]}}"#, spans.join(","))
}

/// Attributes out of names and OTLP values.
fn attributes(pairs: &[(&str, &str)]) -> String {
    let pairs: Vec<String> =
        pairs.iter().map(|(key, value)| format!(r#"{{"key":"{key}","value":{{{value}}}}}"#)).collect();
    format!(r#""attributes":[{}]"#, pairs.join(","))
}

#[test]
fn otel_values_come_as_texts_and_numbers() {
    for value in [r#""intValue":"7""#, r#""intValue":7"#, r#""doubleValue":7.0"#, r#""stringValue":"7""#] {
        let line = spans(&[&attributes(&[("gen_ai.usage.input_tokens", value)])]);
        assert_eq!(one(&line).usage.input, 7, "{value}");
    }
}

#[test]
fn cached_tokens_are_inside_the_input_unless_they_cannot_be() {
    let usage = |input: &str| {
        let count = |name: &'static str, count: &str| (name, format!(r#""intValue":"{count}""#));
        let pairs = [
            count("gen_ai.usage.input_tokens", input),
            count("gen_ai.usage.cache_read.input_tokens", "50"),
            count("gen_ai.usage.cache_creation.input_tokens", "20"),
            count("gen_ai.usage.output_tokens", "9"),
            count("gen_ai.usage.reasoning.output_tokens", "4"),
        ];
        let pairs: Vec<(&str, &str)> = pairs.iter().map(|(name, value)| (*name, value.as_str())).collect();
        one(&spans(&[&attributes(&pairs)])).usage
    };
    let expected = Usage { input: 100, cached_input: 50, cache_write: 20, output: 9, reasoning: 4, ..Usage::default() };
    assert_eq!(usage("100"), expected);
    assert_eq!(usage("30"), expected, "30 are fewer than 70: they were counted apart");
}

#[test]
fn what_is_no_request_to_a_model_is_no_event() {
    let used = ("gen_ai.usage.input_tokens", r#""intValue":"7""#);
    let agent = attributes(&[("gen_ai.operation.name", r#""stringValue":"invoke_agent""#), used]);
    let http =
        attributes(&[("http.request.method", r#""stringValue":"POST""#), ("error.type", r#""stringValue":"500""#)]);
    assert_eq!(lines(&spans(&[&agent, &http])), [Line::Ignored]);
    assert_eq!(lines(r#"{"resourceMetrics":[{"scopeMetrics":[]}]}"#), [Line::Ignored]);
    assert_eq!(lines(r#"{"resourceSpans":[]}"#), [Line::Ignored]);
    assert_eq!(one(&spans(&[&agent, &attributes(&[used])])).usage.input, 7);
}

#[test]
fn r34_a_bad_span_spoils_no_other() {
    let good = attributes(&[("gen_ai.usage.input_tokens", r#""intValue":"7""#)]);
    let bad = attributes(&[("gen_ai.usage.input_tokens", r#""intValue":"-7""#)]);
    let torn = r#""attributes":[5]"#;
    let line = spans(&[&good, &bad, torn, &good]);
    let found = lines(&line);
    assert!(matches!(&found[..], [Line::Record(_), Line::Bad(_), Line::Bad(_), Line::Record(_)]), "{found:?}");
    let Line::Bad(bad) = &found[1] else { panic!() };
    assert!(line[bad.spot.unwrap() as usize..].starts_with("\"-7\""), "{bad:?}");
}

#[test]
fn r34_a_line_full_of_bad_things_does_not_fill_the_memory() {
    let bad = attributes(&[("gen_ai.usage.input_tokens", r#""intValue":"-7""#)]);
    let found = lines(&spans(&[bad.as_str(); 1000])).len();
    assert_eq!(found, 17);
    let line = format!("[{}]", vec![r#"{"hello":1}"#; 1000].join(","));
    let found = lines(&line);
    let Some(Line::Bad(last)) = found.last() else { panic!() };
    assert!(found.len() == 17 && last.detail.contains("984 more"), "{last}");
}

#[test]
fn log_records_carry_events_too() {
    let line = r#"{"resourceLogs":[{"resource":{"attributes":[{"key":"mete.organization","value":{"stringValue":"Acme"}},
        {"key":"mete.api_key","value":{"stringValue":"sk-proj-abc"}}]},"scopeLogs":[{"logRecords":[
        {"timeUnixNano":"0","observedTimeUnixNano":"1795432701000000999","traceId":"a","spanId":"b",
        "eventName":"gen_ai.client.inference.operation.details","attributes":[
        {"key":"gen_ai.response.id","value":{"stringValue":"resp_1"}},
        {"key":"gen_ai.operation.name","value":{"stringValue":"embeddings"}},
        {"key":"mete.member","value":{"stringValue":"user-1"}},
        {"key":"mete.cost","value":{"doubleValue":0.000123}},
        {"key":"gen_ai.usage.input_tokens","value":{"intValue":"8"}}]}]}]}]}"#;
    let record = one(line);
    assert_eq!((&*record.id, time(&record).as_str()), ("resp_1", "2026-11-23T11:18:21Z"));
    assert_eq!(record.key, Some(KeyRef::Hash(KeyHash::of("sk-proj-abc"))), "a secret is hashed");
    assert_eq!((record.organization.as_deref(), record.member.as_deref()), (Some("Acme"), Some("user-1")));
    assert_eq!((record.cost, record.endpoint), (Some(Nanos(123_000)), EndpointGroup::Embeddings));
}

#[test]
fn r31_a_cloudevent_is_one_by_source_and_id() {
    let records = records(CLOUDEVENTS);
    let [first, second] = &records[..] else { panic!("{records:?}") };
    assert_eq!((&*first.id, first.project.as_deref()), ("service-0 00001", Some("proj_support")));
    assert_eq!(time(first), "2026-11-23T10:20:00.001Z");
    assert_eq!(first.usage, Usage { input: 120, output: 40, ..Usage::default() }, "numbers in text");
    assert_eq!(second.usage, Usage { output: 40, ..Usage::default() }, "tokens of one type");
    assert_eq!((second.model.as_deref(), second.provider.as_deref()), (Some("gpt-4o-mini"), None));
}

/// A CloudEvent with this subject and these attributes more.
fn cloudevent(subject: &str, more: &str) -> String {
    format!(
        r#"{{"specversion":"1.0","type":"t","id":"1","source":"s","time":"2026-11-23T10:20:00Z","subject":"{subject}",{more}}}"#
    )
}

#[test]
fn a_cloudevents_subject_is_a_key_a_member_or_a_project() {
    let of = |subject: &str| {
        let line = cloudevent(subject, r#""data":{"input_tokens":1}"#);
        let record = one(&line);
        let key = match record.key {
            Some(KeyRef::Id(id)) => Some(id.into_owned()),
            Some(KeyRef::Hash(hash)) => Some(hash.to_hex()),
            Some(KeyRef::Redacted(form)) => Some(form.into_owned()),
            None => None,
        };
        (key, record.member.map(String::from), record.project.map(String::from))
    };
    assert_eq!(of("key_7f3a"), (Some("key_7f3a".to_owned()), None, None));
    assert_eq!(of("sk-proj-abc"), (Some(KeyHash::of("sk-proj-abc").to_hex()), None, None));
    assert_eq!(of("user-1"), (None, Some("user-1".to_owned()), None));
    assert_eq!(of("svc-acct-1"), (None, Some("svc-acct-1".to_owned()), None));
    assert_eq!(of("Support bot"), (None, None, Some("Support bot".to_owned())));
    let line = cloudevent("customer-5", r#""data":{"input_tokens":1,"project":"Support"}"#);
    assert_eq!(one(&line).project.as_deref(), Some("Support"), "what the data names goes before the subject");
}

#[test]
fn cloudevents_come_in_arrays_and_in_base64() {
    let plain = cloudevent("p", r#""data":{"model":"gpt-5","input_tokens":3}"#);
    // {"model":"gpt-5","input_tokens":3}
    let encoded = cloudevent("p", r#""data_base64":"eyJtb2RlbCI6ImdwdC01IiwiaW5wdXRfdG9rZW5zIjozfQ==""#);
    assert_eq!(one(&encoded), one(&plain));
    let array = format!("[{plain}, {encoded},{{\"specversion\":\"1.0\",\"source\":\"s\",\"id\":\"2\"}}]");
    let found = lines(&array);
    assert!(matches!(&found[..], [Line::Record(_), Line::Record(_), Line::Bad(_)]), "{found:?}");
    assert_eq!(lines("[]"), [Line::Ignored]);
}

#[test]
fn openmeters_kinds_of_tokens() {
    let usage = |kind: &str| {
        let line = cloudevent("p", &format!(r#""data":{{"type":"{kind}","tokens":"5"}}"#));
        match lines(&line).remove(0) {
            Line::Record(record) => Ok(record.usage),
            Line::Bad(bad) => Err(bad.reason),
            Line::Ignored => panic!("{line}"),
        }
    };
    assert_eq!(usage("input"), Ok(Usage { input: 5, ..Usage::default() }));
    assert_eq!(usage("cached_input"), Ok(Usage { input: 5, cached_input: 5, ..Usage::default() }));
    assert_eq!(usage("output"), Ok(Usage { output: 5, ..Usage::default() }));
    assert_eq!(usage("reasoning"), Ok(Usage { output: 5, reasoning: 5, ..Usage::default() }));
    assert_eq!(usage("tea"), Err(Reason::BadField));
}

#[test]
fn r29_envoy_names_project_and_key_in_headers() {
    let records = records(ENVOY);
    let [done, refused] = &records[..] else { panic!("{records:?}") };
    assert_eq!((&*done.id, time(done).as_str()), ("83b63da3-1111-4222-8333-94445555aaaa", "2026-11-23T10:21:37.894Z"));
    assert_eq!(done.usage, Usage { input: 15, output: 7, ..Usage::default() });
    assert_eq!((done.project.as_deref(), &done.key), (Some("proj_support"), &Some(KeyRef::Id("key_7f3a".into()))));
    assert_eq!((done.cost, done.model.as_deref()), (None, Some("gpt-4o-mini-2024-07-18")));
    assert!(is_failed(refused), "{refused:?}");
    assert_eq!(refused.key, done.key);
}

#[test]
fn envoy_writes_a_dash_for_nothing() {
    let line = r#"{"start_time":"2026-11-23T10:21:37.894Z","x-request-id":"r","response_code":"200","path":"/v1/embeddings",
        "gen_ai.request.model":"m","gen_ai.response.model":"-","gen_ai.usage.input_tokens":"15","gen_ai.usage.output_tokens":"-",
        "gen_ai.usage.total_tokens":"-","x-mete-project":"-","x-mete-key-id":"-","x-mete-organization":"-"}"#;
    let record = one(line);
    assert_eq!((record.model.as_deref(), record.usage.input, record.usage.output), (Some("m"), 15, 0));
    assert_eq!((record.project.as_deref(), &record.key, record.organization.as_deref()), (None, &None, None));
    assert_eq!(record.endpoint, EndpointGroup::Embeddings);
    let health =
        r#"{"start_time":"2026-11-23T10:21:37Z","x-request-id":"r","response_code":200,"gen_ai.request.model":"-"}"#;
    assert_eq!(lines(health), [Line::Ignored]);
    let gone = line.replace("\"200\"", "0").replace("\"15\"", "\"-\"");
    assert!(is_failed(&one(&gone)));
    let lost = line.replace("\"15\"", "\"-\"");
    assert!(matches!(&lines(&lost)[..], [Line::Bad(bad)] if bad.reason == Reason::MissingField));
}

#[test]
fn a_request_that_failed_is_counted_and_costs_nothing_in_every_format() {
    let otel = spans(&[&format!(
        r#""status":{{"code":2}},{}"#,
        attributes(&[("gen_ai.request.model", r#""stringValue":"m""#)])
    )]);
    let row = SPENDLOGS.replace(r#""{\"user_api_key_alias\""#, r#""{\"status\": \"failure\", \"user_api_key_alias\""#);
    for (format, line) in [
        (Format::OpenaiChat, r#"{"_request":{"id":"r","api_key":"key_1"},"_time":5,"error":{"message":"no"}}"#),
        (Format::OpenaiResponses, r#"{"id":"r","object":"response","created_at":5,"status":"failed","usage":null}"#),
        (Format::OpenaiResponses, r#"{"id":"r","object":"response","created_at":5,"status":"cancelled","usage":null}"#),
        (Format::AnthropicMessages, r#"{"type":"error","request_id":"r","error":{"type":"x"},"_time":5}"#),
        (
            Format::LitellmPayload,
            r#"{"id":"r","call_type":"completion","status":"failure","endTime":5,"response_cost":1}"#,
        ),
        (Format::LitellmSpendlogs, row.trim()),
        (Format::OtelGenai, &otel),
        (Format::Cloudevents, &cloudevent("p", r#""data":{"status":"429","input_tokens":7}"#)),
        (Format::EnvoyAiGateway, ENVOY.lines().nth(1).unwrap()),
    ] {
        let record = one(line);
        assert_eq!(record.format, format.into(), "{line}");
        assert!(is_failed(&record), "{record:?}");
        assert!(!record.id.is_empty() && record.time.is_some());
    }
}
