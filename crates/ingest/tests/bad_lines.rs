//! What cannot be counted has a reason, and no bytes do harm (R34).

#![expect(clippy::panic, reason = "the helpers of tests may fail a test")]

use mete_core::Nanos;
use mete_ingest::formats::{Bad, Format, Line, Reason};
use proptest::prelude::*;

const SAMPLES: [(Format, &str); 10] = [
    (Format::Mete, include_str!("samples/mete.jsonl")),
    (Format::OpenaiChat, include_str!("samples/openai-chat.jsonl")),
    (Format::OpenaiResponses, include_str!("samples/openai-responses.jsonl")),
    (Format::AnthropicMessages, include_str!("samples/anthropic-messages.jsonl")),
    (Format::ClaudeCode, include_str!("samples/claude-code.jsonl")),
    (Format::LitellmPayload, include_str!("samples/litellm-payload.jsonl")),
    (Format::LitellmSpendlogs, include_str!("samples/litellm-spendlogs.jsonl")),
    (Format::OtelGenai, include_str!("samples/otel-genai.jsonl")),
    (Format::Cloudevents, include_str!("samples/cloudevents.jsonl")),
    (Format::EnvoyAiGateway, include_str!("samples/envoy-ai-gateway.jsonl")),
];

/// All that a line says.
fn all<'a>(line: &'a [u8], format: Option<Format>, last: &mut Option<Format>) -> Vec<Line<'a>> {
    let mut lines = Vec::new();
    mete_ingest::formats::read(line, format, last, &mut |line| lines.push(line));
    lines
}

/// The only thing that a line says.
fn read<'a>(line: &'a [u8], format: Option<Format>, last: &mut Option<Format>) -> Line<'a> {
    let mut lines = all(line, format, last);
    assert_eq!(lines.len(), 1);
    lines.remove(0)
}

fn bad(line: &str) -> Bad {
    match read(line.as_bytes(), None, &mut None) {
        Line::Bad(bad) => bad,
        other => panic!("{line}: {other:?}"),
    }
}

#[test]
fn r34_bad_lines_have_a_reason_and_name_the_field() {
    let long = "x".repeat(513);
    let deep = format!(r#"{{"id":"a","time":1,"input_tokens":{}1{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
    for (line, reason, part) in [
        (r#"{"id":"a","time":1,"input_tok"#, Reason::NotJson, "EOF"),
        ("\0\0\0\0", Reason::NotJson, "NUL"),
        ("{\"id\":\"a\0b\",\"time\":1}", Reason::NotJson, "control character"),
        ("[1,2,3]", Reason::NotJson, "object"),
        ("[{},5]", Reason::NotJson, "object"),
        ("[{}", Reason::NotJson, "EOF"),
        ("plain text", Reason::NotJson, "object"),
        ("{} {}", Reason::NotJson, "trailing"),
        (r#"{"hello":"world"}"#, Reason::UnknownFormat, "none of the known formats"),
        (r#"{"specversion":"1.0","id":"a","time":"2026-11-23T10:15:30Z","type":"t"}"#, Reason::UnknownFormat, "format"),
        (r#"{"time":1,"input_tokens":1}"#, Reason::MissingField, "id"),
        (r#"{"id":"","time":1,"input_tokens":1}"#, Reason::MissingField, "id"),
        (r#"{"id":"a","input_tokens":1}"#, Reason::MissingField, "time"),
        (r#"{"id":"a","time":1,"input_tokens":-5}"#, Reason::BadNumber, "input_tokens is -5"),
        (r#"{"id":"a","time":1,"output_tokens":1.5}"#, Reason::BadNumber, "output_tokens is 1.5"),
        (r#"{"id":"a","time":1,"input_tokens":1e400}"#, Reason::BadNumber, "input_tokens is 1e400"),
        (r#"{"id":"a","time":1,"input_tokens":99999999999999999999}"#, Reason::BadNumber, "input_tokens"),
        (r#"{"id":"a","time":1,"input_tokens":1000000000001}"#, Reason::BadNumber, "input_tokens"),
        (r#"{"id":"a","time":1,"input_tokens":"7"}"#, Reason::BadNumber, "input_tokens"),
        (r#"{"id":"a","time":1,"input_tokens":[1]}"#, Reason::BadNumber, "input_tokens"),
        (&deep, Reason::BadNumber, "input_tokens"),
        (r#"{"id":"a","time":1,"seconds":-1}"#, Reason::BadNumber, "seconds"),
        (r#"{"id":"a","time":1,"bytes":1.5}"#, Reason::BadNumber, "bytes"),
        (r#"{"id":"a","time":1,"cost":"-1"}"#, Reason::BadNumber, "cost"),
        (r#"{"id":"a","time":1,"cost":"1e12"}"#, Reason::BadNumber, "cost"),
        (r#"{"id":"a","time":1,"cost":true}"#, Reason::BadNumber, "cost"),
        (r#"{"id":"a","time":"soon","input_tokens":1}"#, Reason::BadTime, "time is \"soon\""),
        (r#"{"id":"a","time":1795432530123,"input_tokens":1}"#, Reason::BadTime, "time"),
        (r#"{"id":"a","time":1e300,"input_tokens":1}"#, Reason::BadTime, "time"),
        (r#"{"id":"a","time":{},"input_tokens":1}"#, Reason::BadTime, "time"),
        (r#"{"id":5,"time":1,"input_tokens":1}"#, Reason::BadField, "id"),
        (r#"{"id":"a","time":1,"model":["m"]}"#, Reason::BadField, "model"),
        (r#"{"id":"a","id":"b","time":1}"#, Reason::BadField, "duplicate"),
        (r#"{"id":"a","time":1,"model":"m\u0000"}"#, Reason::BadField, "model"),
        (&format!(r#"{{"id":"{long}","time":1}}"#), Reason::BadField, "id is 513 bytes"),
        (r#"{"id":"a","time":1,"api_key_sha256":"9f86"}"#, Reason::BadField, "api_key_sha256"),
        (r#"{"id":"a","time":1,"resource":{"type":"file"}}"#, Reason::MissingField, "resource.id"),
        (r#"{"id":"a","time":1,"resource":["file","x"]}"#, Reason::BadField, "resource"),
        (r#"{"id":"a","time":1,"input_tokens":1,"cached_input_tokens":2}"#, Reason::BadUsage, "cached"),
        (r#"{"id":"c","object":"chat.completion","created":1}"#, Reason::MissingField, "usage"),
        (r#"{"object":"chat.completion","created":1,"usage":{"prompt_tokens":1}}"#, Reason::MissingField, "id"),
        (r#"{"id":"c","object":"chat.completion","usage":[1,2]}"#, Reason::BadField, "usage"),
        (
            r#"{"id":"c","object":"chat.completion","usage":{"prompt_tokens":-1}}"#,
            Reason::BadNumber,
            "usage.prompt_tokens",
        ),
        (r#"{"id":"r","object":"response","status":"completed"}"#, Reason::MissingField, "usage"),
        (r#"{"id":"m","type":"message","usage":{"input_tokens":1.5}}"#, Reason::BadNumber, "usage.input_tokens"),
        (r#"{"id":"l","call_type":"completion","response_cost":1}"#, Reason::MissingField, "endTime"),
        (r#"{"id":"l","call_type":"completion","endTime":1,"response_cost":-1}"#, Reason::BadNumber, "response_cost"),
        (
            r#"{"type":"assistant","sessionId":"s","timestamp":"now","message":{"id":"m","usage":{"input_tokens":1}}}"#,
            Reason::BadTime,
            "timestamp",
        ),
    ] {
        let found = bad(line);
        let shown: String = line.chars().take(100).collect();
        assert_eq!(found.reason, reason, "{shown}: {found}");
        assert!(found.detail.contains(part), "{shown}: {found}");
    }
    let Line::Bad(invalid) = read(b"{\"id\":\"a\xff\"}", None, &mut None) else { panic!() };
    assert_eq!((invalid.reason, invalid.detail.as_str()), (Reason::NotJson, "invalid UTF-8 at byte 9"));
}

#[test]
fn r34_a_bad_line_says_which_byte_is_wrong() {
    let long = format!(r#"{{"id":"{}","time":1}}"#, "x".repeat(513));
    for (line, wrong) in [
        (r#"{"id":"a","time":1,"input_tokens":-5}"#, "-5}"),
        (r#"  {"id":"a","time":"soon","input_tokens":1}"#, "\"soon\""),
        (r#"{"id":"a","time":1,"cost":true}"#, "true}"),
        (r#"{"id":5,"time":1}"#, "5,"),
        (r#"{"id":"a","time":1,"resource":["file","x"]}"#, "[\"file\""),
        (r#"{"id":"a","time":1,"api_key_sha256":"9f86"}"#, "9f86"),
        (r#"{"id":"c","object":"chat.completion","usage":{"prompt_tokens_details":{"cached_tokens":{}}}}"#, "{}}}}"),
        (r#"{"id":"c","object":"chat.completion","usage":{"prompt_tokens_details":7}}"#, "7}}"),
        (r#"{"id":"a","time":1,,"cost":1}"#, ",\"cost\""),
        ("{\"id\":\"a\",\n\"time\":1,\n \"input_tokens\" 1}", "1}"),
        (r#"{"id":"a","time":1} x"#, "x"),
        (r#"{"id":"a","time":1,"input_tok"#, "k"),
        ("\u{feff} text", "text"),
        (&long, "xxx"),
        (
            r#"{"type":"assistant","sessionId":"s","timestamp":"now","message":{"id":"m","usage":{"input_tokens":1}}}"#,
            "\"now\"",
        ),
        (r#"{"type":"assistant","sessionId":"s","message":{"id":"m","usage":{"input_tokens":"1"}}}"#, "\"1\""),
        (r#"{"request_id":"r","call_type":"completion","endTime":1,"metadata":"{\"status\":5}"}"#, "\"{\\\"status"),
    ] {
        let found = bad(line);
        let spot = found.spot.unwrap_or_else(|| panic!("{line}: {found:?}")) as usize;
        assert!(line[spot..].starts_with(wrong), "{line}: {spot} is {}", &line[spot..]);
    }
    let Line::Bad(invalid) = read(b"{\"id\":\"a\xff\"}", None, &mut None) else { panic!() };
    assert_eq!(invalid.spot, Some(8));
    for line in [r#"{"hello":"world"}"#, r#"{"id":"a","input_tokens":1}"#, r#"{"id":"a\u0000","time":1}"#] {
        assert_eq!(
            bad(line).spot,
            None,
            "what is missing stands nowhere, and what is escaped is not in the line: {line}"
        );
    }
}

#[test]
fn a_named_format_is_believed() {
    let line = r#"{"id":"a","time":1,"usage":5,"type":"x","input_tokens":3}"#;
    assert_eq!(bad(line).reason, Reason::UnknownFormat);
    let Line::Record(record) = read(line.as_bytes(), Some(Format::Mete), &mut None) else { panic!() };
    assert_eq!(record.usage.input, 3);
    let Line::Bad(wrong) = read(line.as_bytes(), Some(Format::LitellmPayload), &mut None) else { panic!() };
    assert_eq!(wrong.reason, Reason::MissingField);
}

#[test]
fn names_of_formats_and_reasons_are_stable() {
    for format in Format::ALL {
        assert_eq!(format.name().parse(), Ok(format));
    }
    let names = Format::ALL.map(Format::name);
    assert_eq!(
        names,
        [
            "mete",
            "openai-chat",
            "openai-responses",
            "anthropic-messages",
            "claude-code",
            "litellm-payload",
            "litellm-spendlogs",
            "otel-genai",
            "cloudevents",
            "envoy-ai-gateway"
        ]
    );
    assert!("csv".parse::<Format>().unwrap_err().to_string().contains("litellm-payload"));
    let reasons = [Reason::NotJson, Reason::UnknownFormat, Reason::MissingField, Reason::BadField].map(Reason::name);
    assert_eq!(reasons, ["not_json", "unknown_format", "missing_field", "bad_field"]);
    assert_eq!(
        [Reason::BadNumber, Reason::BadTime, Reason::BadUsage].map(Reason::name),
        ["bad_number", "bad_time", "bad_usage"]
    );
}

/// Found by fuzzing: such a line was read as the format of the line before it.
#[test]
fn a_line_with_the_marks_of_several_formats_is_always_the_same() {
    let marks = [
        r#""object":"response""#,
        r#""object":5"#,
        r#""type":"message""#,
        r#""type":"error","error":{}"#,
        r#""type":"assistant","sessionId":"s""#,
        r#""usage":{}"#,
        r#""id":"i","time":1"#,
        r#""call_type":"c""#,
        r#""request_id":"r""#,
        r#""specversion":"1.0","source":"s""#,
        r#""x-request-id":"x","response_code":200"#,
        r#""resourceSpans":[]"#,
        r#""_request":{}"#,
        r#""uuid":1,"uuid":2"#,
    ];
    for first in marks {
        for second in marks {
            for third in marks {
                let line = format!("{{{first},{second},{third}}}");
                let plain = all(line.as_bytes(), None, &mut None);
                for hint in Format::ALL {
                    assert_eq!(all(line.as_bytes(), None, &mut Some(hint)), plain, "{line} after {hint}");
                }
            }
        }
    }
}

/// Reads a line in every way; what comes out is sound.
fn read_every_way(line: &[u8]) {
    let sound = |found: Line<'_>| match found {
        Line::Record(record) => {
            assert_eq!(record.usage.problem(), None);
            assert!(!record.id.is_empty() && record.cost.is_none_or(|cost| cost >= Nanos::ZERO));
        }
        Line::Bad(bad) => assert!(bad.spot.is_none_or(|spot| (spot as usize) < line.len()), "{bad:?}"),
        Line::Ignored => {}
    };
    for format in Format::ALL {
        all(line, Some(format), &mut None).into_iter().for_each(sound);
        let found = all(line, None, &mut Some(format));
        assert!(!found.is_empty(), "every line is accounted for");
        found.into_iter().for_each(sound);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn r34_no_bytes_panic(line in proptest::collection::vec(any::<u8>(), 0..200)) {
        read_every_way(&line);
    }

    #[test]
    fn r34_no_damaged_sample_panics(
        sample in 0..SAMPLES.len(),
        line in any::<prop::sample::Index>(),
        damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0_u8..4), 1..6),
        cut in proptest::option::of(any::<prop::sample::Index>()),
    ) {
        let lines: Vec<&str> = SAMPLES[sample].1.lines().collect();
        let mut bytes = lines[line.index(lines.len())].as_bytes().to_vec();
        for (at, byte, how) in damage {
            let at = at.index(bytes.len());
            match how {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                2 => bytes[at] = b"\"{}[]:,0-9.eE\\ "[usize::from(byte) % 15],
                _ if bytes.len() > 1 => drop(bytes.remove(at)),
                _ => {}
            }
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        read_every_way(&bytes);
    }

    #[test]
    fn the_hint_never_changes_what_is_read(first in 0..SAMPLES.len(), second in 0..SAMPLES.len()) {
        for line in SAMPLES[second].1.lines() {
            let with = all(line.as_bytes(), None, &mut Some(SAMPLES[first].0));
            prop_assert_eq!(with, all(line.as_bytes(), None, &mut None));
        }
    }
}
