//! Every sample gives the counts that its format means, and the cost that follows from them by hand.

#![expect(clippy::unwrap_used, clippy::panic, reason = "the helpers of tests may fail a test")]

use std::sync::Arc;

use mete_core::secret::KeyHash;
use mete_core::{EndpointGroup, Nanos, Usage};
use mete_ingest::formats::{Format, Line, Reason};
use mete_ingest::record::{KeyRef, Record};
use mete_prices::{Catalogue, NoPrice, Pricer, Query, Unit};

const METE: &str = include_str!("samples/mete.jsonl");
const OPENAI_CHAT: &str = include_str!("samples/openai-chat.jsonl");
const OPENAI_RESPONSES: &str = include_str!("samples/openai-responses.jsonl");
const ANTHROPIC: &str = include_str!("samples/anthropic-messages.jsonl");
const CLAUDE_CODE: &str = include_str!("samples/claude-code.jsonl");
const LITELLM: &str = include_str!("samples/litellm-payload.jsonl");
const SPENDLOGS: &str = include_str!("samples/litellm-spendlogs.jsonl");
const OTEL: &str = include_str!("samples/otel-genai.jsonl");
const CLOUDEVENTS: &str = include_str!("samples/cloudevents.jsonl");
const ENVOY: &str = include_str!("samples/envoy-ai-gateway.jsonl");
const SAMPLES: [(Format, &str); 10] = [
    (Format::Mete, METE),
    (Format::OpenaiChat, OPENAI_CHAT),
    (Format::OpenaiResponses, OPENAI_RESPONSES),
    (Format::AnthropicMessages, ANTHROPIC),
    (Format::ClaudeCode, CLAUDE_CODE),
    (Format::LitellmPayload, LITELLM),
    (Format::LitellmSpendlogs, SPENDLOGS),
    (Format::OtelGenai, OTEL),
    (Format::Cloudevents, CLOUDEVENTS),
    (Format::EnvoyAiGateway, ENVOY),
];

/// The only thing that a line says.
fn read<'a>(line: &'a [u8], format: Option<Format>, last: &mut Option<Format>) -> Line<'a> {
    let mut lines = Vec::new();
    mete_ingest::formats::read(line, format, last, &mut |line| lines.push(line));
    assert_eq!(lines.len(), 1);
    lines.remove(0)
}

/// All that a line says.
fn all<'a>(line: &'a str, format: Option<Format>, last: &mut Option<Format>) -> Vec<Line<'a>> {
    let mut lines = Vec::new();
    mete_ingest::formats::read(line.as_bytes(), format, last, &mut |line| lines.push(line));
    lines
}

/// The records of a sample; every line of it must be one or be ignored.
fn records(sample: &str) -> Vec<Record<'_>> {
    let lines = sample.lines().flat_map(|line| all(line, None, &mut None));
    lines
        .filter_map(|line| match line {
            Line::Record(record) => Some(record),
            Line::Ignored => None,
            Line::Bad(bad) => panic!("{bad}"),
        })
        .collect()
}

fn one(line: &str) -> Record<'_> {
    match read(line.as_bytes(), None, &mut None) {
        Line::Record(record) => record,
        other => panic!("{line}: {other:?}"),
    }
}

fn price(record: &Record<'_>) -> Result<Nanos, NoPrice> {
    let mut pricer = Pricer::new(Arc::new(Catalogue::bundled()));
    let query = Query {
        model: record.model.as_deref().unwrap_or_default(),
        provider: record.provider.as_deref(),
        tier: record.tier.as_deref(),
        batch: record.batch,
        time: record.time.unwrap(),
        usage: &record.usage,
    };
    pricer.price(&query).map(|price| price.cost)
}

fn nanos(dollars: &str) -> Nanos {
    dollars.parse().unwrap()
}

fn time(record: &Record<'_>) -> String {
    record.time.unwrap().to_string()
}

#[test]
fn r29_mete() {
    let records = records(METE);
    assert_eq!(records.len(), 5);

    let chat = &records[0];
    assert_eq!(chat.id, "evt_01J9ZK3M5T8Q");
    assert_eq!(time(chat), "2026-11-23T10:15:30.123456Z");
    assert_eq!((chat.organization.as_deref(), chat.project.as_deref()), (Some("org-acme"), Some("proj_support")));
    assert_eq!(chat.key, Some(KeyRef::Id("key_7f3a".into())));
    assert_eq!((chat.model.as_deref(), chat.provider.as_deref()), (Some("gpt-4o-mini"), Some("openai")));
    assert_eq!(chat.endpoint, EndpointGroup::ChatCompletions);
    assert_eq!(chat.usage, Usage { input: 1200, cached_input: 1024, output: 310, ..Usage::default() });
    // 176 * 0.15 + 1024 * 0.075 + 310 * 0.6 = 289.2 millionths
    assert_eq!(price(chat), Ok(nanos("0.0002892")));

    let embedding = &records[1];
    assert_eq!(time(embedding), "2026-11-23T11:15:30.5Z");
    assert_eq!(embedding.key, Some(KeyRef::Hash(KeyHash::of("test"))));
    assert_eq!(embedding.endpoint, EndpointGroup::Embeddings);
    // 8000 * 0.02 = 160 millionths
    assert_eq!(price(embedding), Ok(nanos("0.00016")));

    let own = &records[2];
    assert_eq!((own.cost, own.endpoint), (Some(nanos("0.000123")), EndpointGroup::Responses));
    assert!(matches!(price(own), Err(NoPrice::UnknownModel { .. })));

    let file = &records[3];
    assert_eq!((file.usage.bytes, file.endpoint), (1_048_576, EndpointGroup::Files));
    let resource = file.resource.as_ref().unwrap();
    assert_eq!((resource.kind.as_str(), resource.id.as_str()), ("file", "file-abc123"));
    assert_eq!(price(file), Ok(Nanos::ZERO));

    let image = &records[4];
    assert_eq!((image.usage.images, image.hold.as_deref()), (2, Some("hold_5b1c")));
    assert_eq!(image.endpoint, EndpointGroup::Images);
    assert_eq!(price(image), Err(NoPrice::UnpricedUnit { model: "gpt-image-1".into(), unit: Unit::Images }));
}

#[test]
fn r29_openai_chat_has_cached_and_reasoning_tokens_inside() {
    let records = records(OPENAI_CHAT);
    assert_eq!(records.len(), 2);
    assert_eq!(records[0].usage, Usage { input: 1117, cached_input: 1024, output: 46, ..Usage::default() });
    assert_eq!(records[0].endpoint, EndpointGroup::ChatCompletions);
    assert_eq!((records[0].key.as_ref(), time(&records[0])), (None, "2026-11-23T11:15:30Z".to_owned()));
    // 93 * 0.15 + 1024 * 0.075 + 46 * 0.6 = 13.95 + 76.8 + 27.6 = 118.35 millionths
    assert_eq!(price(&records[0]), Ok(nanos("0.00011835")));

    assert_eq!(records[1].usage, Usage { input: 20, output: 300, reasoning: 256, ..Usage::default() });
    assert_eq!(records[1].key, Some(KeyRef::Hash(KeyHash::of("test"))));
    assert_eq!(records[1].tier.as_deref(), Some("flex"));
    // flex: 20 * 0.625 + 300 * 5 = 1512.5 millionths
    assert_eq!(price(&records[1]), Ok(nanos("0.0015125")));
}

#[test]
fn r29_openai_responses() {
    let records = records(OPENAI_RESPONSES);
    assert_eq!(records.len(), 1);
    assert_eq!(records[0].usage, Usage { input: 36, output: 87, ..Usage::default() });
    assert_eq!(records[0].endpoint, EndpointGroup::Responses);
    // 36 * 2 + 87 * 8 = 768 millionths
    assert_eq!(price(&records[0]), Ok(nanos("0.000768")));
}

#[test]
fn r29_anthropic_has_cache_tokens_outside() {
    let records = records(ANTHROPIC);
    assert_eq!(records.len(), 1);
    let expected = Usage {
        input: 25 + 1000 + 5000,
        cached_input: 5000,
        cache_write: 1000,
        cache_write_1h: 600,
        output: 120,
        searches: 2,
        ..Usage::default()
    };
    assert_eq!(records[0].usage, expected);
    assert_eq!(records[0].endpoint, EndpointGroup::Messages);
    assert_eq!(time(&records[0]), "2026-11-23T10:16:00Z");
    // 25 * 3 + 5000 * 0.3 + 400 * 3.75 + 600 * 6 + 120 * 15 = 8475 millionths, and 2 searches at 0.01
    assert_eq!(price(&records[0]), Ok(nanos("0.028475")));
}

#[test]
fn r31_claude_code_writes_one_message_several_times() {
    let records = records(CLAUDE_CODE);
    assert_eq!(records.len(), 2, "what the person wrote is no event");
    assert_eq!(records[0].id, "msg_a1:req_011");
    assert_eq!(records[0].id, records[1].id);
    let last = Usage { input: 1010, cache_write: 1000, output: 240, ..Usage::default() };
    assert_eq!(records[0].usage, Usage { output: 1, ..last });
    assert_eq!(records[1].usage, last);
    assert_eq!(records[1].directory.as_deref(), Some("/home/u/app"));
    assert_eq!(time(&records[1]), "2026-11-23T10:16:02.4Z");
    // 10 * 3 + 1000 * 3.75 + 240 * 15 = 7380 millionths
    assert_eq!(price(&records[1]), Ok(nanos("0.00738")));
}

#[test]
fn r29_litellm_brings_its_cost_along() {
    let records = records(LITELLM);
    assert_eq!(records.len(), 1);
    let record = &records[0];
    assert_eq!(record.usage, Usage { input: 10, output: 20, ..Usage::default() });
    assert_eq!(record.cost, Some(Nanos(13_500)));
    assert_eq!(time(record), "2026-11-23T11:39:06.950583Z");
    assert_eq!((record.organization.as_deref(), record.project.as_deref()), (Some("org_1"), Some("proj_1")));
    assert_eq!(record.key, Some(KeyRef::Id("88dc28".into())));
    assert_eq!((record.team.as_deref(), record.key_alias.as_deref()), (Some("team_1"), Some("ci-bot")));
    assert_eq!((record.provider.as_deref(), record.endpoint), (Some("openai"), EndpointGroup::ChatCompletions));
    // 10 * 0.15 + 20 * 0.6 = 13.5 millionths: LiteLLM says the same
    assert_eq!(price(record), Ok(Nanos(13_500)));
}

#[test]
fn a_failure_at_litellm_is_a_request_that_cost_nothing() {
    let line = LITELLM.replace("\"status\": \"success\"", "\"status\": \"failure\"");
    let record = one(line.trim());
    assert_eq!((record.cost, record.usage), (Some(Nanos::ZERO), Usage::default()));
}

#[test]
fn r40_a_payload_of_litellm_names_the_hold_that_it_settles() {
    let auth = r#""metadata": {"user_api_key_auth_metadata": {"mete_hold": "hold_5b1c"}, "#;
    let line = LITELLM.lines().next().unwrap().replacen(r#""metadata": {"#, auth, 1);
    assert_eq!(one(&line).hold.as_deref(), Some("hold_5b1c"));
    // Another deployment may answer yet.
    let failed = line.replacen(r#""status": "success""#, r#""status": "failure""#, 1);
    assert_ne!(failed, line);
    assert_eq!(one(&failed).hold, None);
    for other in ["null", "{}", r#"{"mete_hold": null}"#] {
        let other = format!(r#""metadata": {{"user_api_key_auth_metadata": {other}, "#);
        let line = LITELLM.lines().next().unwrap().replacen(r#""metadata": {"#, &other, 1);
        assert_eq!(one(&line).hold, None, "{line}");
    }
}

#[test]
fn litellm_counts_what_other_providers_report() {
    let line = r#"{"id":"a","call_type":"anthropic_messages","status":"success","endTime":1795433946.9505839,
        "custom_llm_provider":"anthropic","model":"claude-sonnet-4-5","response_cost":null,
        "metadata":{"user_api_key_hash":"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "user_api_key_org_id":"","user_api_key_team_id":"team_1","user_api_key_project_id":null,
        "usage_object":{"prompt_tokens":6025,"completion_tokens":120,"cache_creation_input_tokens":1000,
        "cache_read_input_tokens":5000,"prompt_tokens_details":{"cached_tokens":5000,
        "cache_creation_token_details":{"ephemeral_5m_input_tokens":400,"ephemeral_1h_input_tokens":600}},
        "server_tool_use":{"web_search_requests":2}}}}"#;
    let record = one(line);
    assert_eq!(record.key, Some(KeyRef::Hash(KeyHash::of("test"))));
    assert_eq!((&record.organization, &record.project, record.team.as_deref()), (&None, &None, Some("team_1")));
    assert_eq!((record.cost, record.endpoint), (None, EndpointGroup::Messages));
    assert_eq!(time(&record), "2026-11-23T11:39:06.950583Z");
    assert_eq!(price(&record), Ok(nanos("0.028475")));

    // old versions leave the cache tokens outside
    let old = line.replace("\"prompt_tokens\":6025", "\"prompt_tokens\":25");
    assert_eq!(one(&old).usage, record.usage);
}

#[test]
fn r30_a_cost_keeps_every_digit_and_is_rounded_once() {
    let cost = |text: &str| one(&format!(r#"{{"id":"a","time":1,"cost":{text}}}"#)).cost;
    assert_eq!(cost("1.35e-05"), Some(Nanos(13_500)));
    assert_eq!(cost("0.1"), Some(Nanos(100_000_000)));
    // as a float this would be 123456.789012345671
    assert_eq!(cost("123456.789012345"), Some(Nanos(123_456_789_012_345)));
    assert_eq!(cost("\"0.0000000005\""), Some(Nanos(1)));
    assert_eq!(cost("0.00000000049"), Some(Nanos(0)));
    assert_eq!(cost("null"), None);
}

#[test]
fn r32_a_time_is_cut_and_never_moves_into_the_next_month() {
    let shown = |text: &str| time(&one(&format!(r#"{{"id":"a","time":{text},"input_tokens":1}}"#)));
    // 2026-12-01T00:00:00Z is 1796083200
    for text in [
        "1796083199.9999999999",
        "\"2026-11-30T23:59:59.9999999Z\"",
        "\"1796083199.999999999\"",
        "1.7960831999999999e9",
    ] {
        assert_eq!(shown(text), "2026-11-30T23:59:59.999999Z", "{text}");
    }
    assert_eq!(shown("1796083200"), "2026-12-01T00:00:00Z");
    assert_eq!(shown("\"2026-12-01T01:00:00+01:00\""), "2026-12-01T00:00:00Z");
    assert_eq!(shown("-0.5"), "1969-12-31T23:59:59.5Z");
}

#[test]
fn white_space_order_and_unknown_keys_do_not_matter() {
    for (format, sample) in SAMPLES {
        for line in sample.lines() {
            let mut last = None;
            let plain = all(line, None, &mut last);
            assert_eq!(last, Some(format), "{line}");
            let value: serde_json::Value = serde_json::from_str(line).unwrap();
            let spread = serde_json::to_string_pretty(&value).unwrap();
            let more = spread.replacen('{', "{ \"zz\": [[{\"id\":\"x\",\"usage\":1e999}], null], \"\\u0000\": 1,", 1);
            for (variant, hint) in [(&spread, None), (&more, None), (&more, Some(format)), (&more, Some(Format::Mete))]
            {
                let mut last = hint;
                assert_eq!(all(variant, None, &mut last), plain, "{variant}");
                assert_eq!(last, Some(format), "{variant}");
                assert_eq!(all(variant, Some(format), &mut None), plain, "{variant}");
            }
        }
    }
}

#[test]
fn any_format_may_follow_any_other() {
    let mut last = None;
    for (first, sample) in SAMPLES {
        for (second, other) in SAMPLES {
            for (format, text) in [(first, sample), (second, other)] {
                let line = text.lines().last().unwrap();
                let mut lines = all(line, None, &mut last);
                let Some(Line::Record(record)) = lines.pop() else { panic!("{line}") };
                assert_eq!((record.format, last), (format.into(), Some(format)));
            }
        }
    }
}

#[test]
fn what_is_no_event_is_ignored() {
    for line in [
        "",
        "   \r\n",
        "\u{feff}",
        r#"{"id":"c","object":"chat.completion.chunk","created":1,"choices":[],"usage":null}"#,
        r#"{"id":"r","object":"response","status":"in_progress","usage":null}"#,
        r#"{"id":"r","object":"response","status":"failed","error":{"code":"server_error"},"usage":null}"#,
        r#"{"type":"summary","summary":"A talk","leafUuid":"u9"}"#,
        r#"{"type":"file-history-snapshot","messageId":"m","snapshot":{}}"#,
        r#"{"type":"assistant","uuid":"u","sessionId":"s","timestamp":"2026-11-23T10:16:00Z","message":{"id":"m","model":"<synthetic>","usage":{"input_tokens":0,"output_tokens":0}}}"#,
        r#"{"type":"system","uuid":"u","sessionId":"s","message":"free text"}"#,
    ] {
        assert_eq!(read(line.as_bytes(), None, &mut None), Line::Ignored, "{line}");
    }
    let refusal = r#"{"error":{"message":"no","type":"t","param":null,"code":null}}"#;
    assert_eq!(read(refusal.as_bytes(), Some(Format::OpenaiChat), &mut None), Line::Ignored);
    let refusal = r#"{"type":"error","error":{"type":"overloaded_error","message":"no"}}"#;
    assert_eq!(read(refusal.as_bytes(), Some(Format::AnthropicMessages), &mut None), Line::Ignored);
}

#[test]
fn the_last_chunk_of_a_stream_is_an_event() {
    let line = r#"{"id":"c","object":"chat.completion.chunk","created":1795432530,"model":"gpt-5","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":4}}"#;
    assert_eq!(one(line).usage, Usage { input: 3, output: 4, ..Usage::default() });
}

#[test]
fn what_stands_beside_a_body_completes_it() {
    let line = r#"{"_time":1795432530.25,"_request":{"api_key":"key_1","path":"/v1/messages/batches","organization":"org","project":"proj","member":"m","hold":"h","provider":"bedrock","batch":true,"time":5},
        "id":"msg_1","type":"message","model":"claude","usage":{"input_tokens":1,"output_tokens":2}}"#;
    let record = one(line);
    assert_eq!(time(&record), "2026-11-23T11:15:30.25Z");
    assert_eq!(record.key, Some(KeyRef::Id("key_1".into())));
    assert_eq!((record.organization.as_deref(), record.project.as_deref()), (Some("org"), Some("proj")));
    assert_eq!((record.member.as_deref(), record.hold.as_deref()), (Some("m"), Some("h")));
    assert_eq!(
        (record.provider.as_deref(), record.endpoint, record.batch),
        (Some("bedrock"), EndpointGroup::Batches, true)
    );
}

#[test]
fn a_secret_is_hashed_where_it_is_read() {
    let record = one(r#"{"id":"a","time":1,"input_tokens":1,"api_key":"sk-proj-abc"}"#);
    assert_eq!(record.key, Some(KeyRef::Hash(KeyHash::of("sk-proj-abc"))));
}

#[test]
fn mete_has_every_unit_of_r29() {
    let record = one(
        r#"{"id":"\u0061\u0062","time":"2026-11-23T10:15:30Z","member":"user-1","service_tier":"flex","batch":true,
        "endpoint":"chat_completions","model":"m","input_tokens":100,"cached_input_tokens":30,"cache_write_tokens":20,
        "cache_write_1h_tokens":10,"output_tokens":50.0,"reasoning_tokens":5,"audio_input_tokens":6,
        "audio_output_tokens":7,"images":8,"seconds":9.0015,"searches":2,"bytes":-5,"cost":null}"#,
    );
    assert_eq!(record.id, "ab");
    let expected = Usage {
        input: 100,
        cached_input: 30,
        cache_write: 20,
        cache_write_1h: 10,
        output: 50,
        reasoning: 5,
        audio_input: 6,
        audio_output: 7,
        images: 8,
        milliseconds: 9002,
        searches: 2,
        bytes: -5,
    };
    assert_eq!(record.usage, expected);
    assert_eq!((record.member.as_deref(), record.tier.as_deref(), record.batch), (Some("user-1"), Some("flex"), true));
    assert_eq!(record.endpoint, EndpointGroup::ChatCompletions);
}

#[test]
fn every_key_of_the_documented_schema_is_read() {
    let schema: serde_json::Value = serde_json::from_str(include_str!("../../../docs/mete-event.schema.json")).unwrap();
    let properties = schema["properties"].as_object().unwrap();
    let all: serde_json::Map<_, _> =
        properties.iter().map(|(key, property)| (key.clone(), property["examples"][0].clone())).collect();
    let read_it = |keys: &serde_json::Map<String, serde_json::Value>| {
        let line = serde_json::to_string(keys).unwrap();
        format!("{:?}", read(line.as_bytes(), Some(Format::Mete), &mut None))
    };
    assert!(read_it(&all).starts_with("Record("), "{}", read_it(&all));
    for key in properties.keys() {
        let mut without = all.clone();
        without.remove(key);
        // the hash of a key goes before its id
        let mut with = all.clone();
        if key == "api_key" {
            without.remove("api_key_sha256");
            with.remove("api_key_sha256");
        }
        assert_ne!(read_it(&without), read_it(&with), "{key} changes nothing");
        let line = serde_json::to_string(&without).unwrap();
        let required = schema["required"].as_array().unwrap().iter().any(|name| name == key);
        let reading = read(line.as_bytes(), Some(Format::Mete), &mut None);
        let missing = matches!(&reading, Line::Bad(bad) if bad.reason == Reason::MissingField);
        // a part without its whole is a contradiction, and no more than that
        assert_eq!(missing, required, "{key}: {reading:?}");
    }
}
