//! Formats of one's own, by a mapping.

#![expect(clippy::panic, reason = "the helpers of tests may fail a test")]

use mete_core::{EndpointGroup, Nanos, Usage};
use mete_ingest::formats::{Bad, Line, Mapping, Reason};
use mete_ingest::record::{KeyRef, Record};
use proptest::prelude::*;

const LOGFMT: &str = include_str!("../../../config/mappings/logfmt.toml");
const NGINX: &str = include_str!("../../../config/mappings/nginx.toml");
const LOGFMT_LINES: &str = include_str!("samples/logfmt.log");
const NGINX_LINES: &str = include_str!("samples/nginx.jsonl");

fn lines<'a>(mapping: &'a Mapping, line: &'a str) -> Vec<Line<'a>> {
    let mut lines = Vec::new();
    mapping.read(line.as_bytes(), &mut |line| lines.push(line));
    lines
}

fn one<'a>(mapping: &'a Mapping, line: &'a str) -> Record<'a> {
    match lines(mapping, line).remove(0) {
        Line::Record(record) => record,
        other => panic!("{line}: {other:?}"),
    }
}

fn bad(mapping: &Mapping, line: &str) -> Bad {
    match lines(mapping, line).remove(0) {
        Line::Bad(bad) => bad,
        other => panic!("{line}: {other:?}"),
    }
}

/// A mapping with this beside id, time and input tokens.
fn mapping(top: &str, fields: &str, rest: &str) -> Mapping {
    let text = format!(
        "name = \"test\"\n{top}\n[fields]\nid = \"/id\"\ntime = \"/t\"\ninput_tokens = [\"/in\", \"/usage/in\"]\n{fields}\n{rest}"
    );
    Mapping::parse(&text).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn the_shipped_mapping_reads_logfmt() {
    let mapping = Mapping::parse(LOGFMT).unwrap();
    let found: Vec<Line<'_>> = LOGFMT_LINES.lines().flat_map(|line| lines(&mapping, line)).collect();
    let [Line::Record(done), Line::Ignored, Line::Record(failed)] = &found[..] else { panic!("{found:?}") };
    assert_eq!(done.format.to_string(), "custom logfmt");
    assert_eq!((&*done.id, done.time.unwrap().to_string().as_str()), ("req_1", "2026-11-23T10:15:30.123456Z"));
    assert_eq!(done.usage, Usage { input: 1200, cached_input: 1024, output: 310, ..Usage::default() });
    assert_eq!((done.project.as_deref(), &done.key), (Some("Support bot"), &Some(KeyRef::Id("key_7f3a".into()))));
    assert_eq!((done.endpoint, done.cost), (EndpointGroup::ChatCompletions, None));
    assert_eq!((failed.usage, failed.cost), (Usage::default(), Some(Nanos::ZERO)));
}

#[test]
fn the_shipped_mapping_reads_nginx() {
    let mapping = Mapping::parse(NGINX).unwrap();
    let found: Vec<Line<'_>> = NGINX_LINES.lines().flat_map(|line| lines(&mapping, line)).collect();
    let [Line::Record(done), Line::Ignored, Line::Record(failed)] = &found[..] else { panic!("{found:?}") };
    assert_eq!(done.usage, Usage { input: 1200, cached_input: 1024, output: 310, ..Usage::default() });
    assert_eq!(done.time.unwrap().to_string(), "2026-11-23T11:15:30.123Z");
    assert_eq!((done.model.as_deref(), done.project.as_deref()), (Some("gpt-4o-mini"), Some("Support bot")));
    assert_eq!((failed.usage, failed.cost, failed.project.as_deref()), (Usage::default(), Some(Nanos::ZERO), None));
}

#[test]
fn pointers_lead_into_objects_and_arrays_and_the_first_that_is_there_counts() {
    let mapping = mapping("", "model = [\"/a~1b\", \"/choices/1/~0model\"]\nprovider = { value = \"openai\" }", "");
    let of = |line: &'static str| {
        let record = one(&mapping, line);
        (record.usage.input, record.model.map(String::from), record.provider.map(String::from))
    };
    let openai = Some("openai".to_owned());
    assert_eq!(of(r#"{"id":"1","t":5,"usage":{"in":7}}"#), (7, None, openai.clone()));
    assert_eq!(of(r#"{"id":"1","t":5,"in":null,"usage":{"x":1,"in":"7"}}"#), (7, None, openai.clone()));
    let line = r#"{"id":"1","t":5,"in":8,"usage":{"in":7},"choices":[{"~model":"a"},{"~model":"b"}]}"#;
    assert_eq!(of(line), (8, Some("b".to_owned()), openai.clone()));
    let line = r#"{"id":"1","t":5,"in":8,"a/b":"c","choices":[{},{"~model":"b"}]}"#;
    assert_eq!(of(line), (8, Some("c".to_owned()), openai));
}

#[test]
fn r30_units_are_exact() {
    let cost = |unit: &str, text: &str| {
        let mapping = mapping("", "cost = \"/cost\"", &format!("[units]\ncost = \"{unit}\""));
        let line = format!(r#"{{"id":"1","t":5,"cost":{text}}}"#);
        one(&mapping, &line).cost
    };
    assert_eq!(cost("dollars", "1.35e-05"), Some(Nanos(13_500)));
    assert_eq!(cost("cents", "\"12.3456789\""), Some(Nanos(123_456_789)));
    assert_eq!(cost("microdollars", "1.0005"), Some(Nanos(1_001)));
    assert_eq!(cost("nanodollars", "123456789012345"), Some(Nanos(123_456_789_012_345)));

    let thousands = mapping("", "seconds = \"/ms\"", "[units]\ntokens = 1000\nseconds = \"milliseconds\"");
    let record = one(&thousands, r#"{"id":"1","t":5,"in":1.2,"ms":1500}"#);
    assert_eq!((record.usage.input, record.usage.milliseconds), (1200, 1500));
    assert_eq!(bad(&thousands, r#"{"id":"1","t":5,"in":0.0001}"#).reason, Reason::BadNumber);
}

#[test]
fn r32_times_in_every_writing() {
    let time = |format: &str, text: &str| {
        let mapping = mapping("", "", &format!("[units]\ntime = \"{format}\""));
        let line = format!(r#"{{"id":"1","t":{text},"in":1}}"#);
        one(&mapping, &line).time.unwrap().to_string()
    };
    assert_eq!(time("rfc3339", "\"2026-11-30T23:59:59.9999999Z\""), "2026-11-30T23:59:59.999999Z");
    assert_eq!(time("unix", "1796083199.9999999"), "2026-11-30T23:59:59.999999Z");
    assert_eq!(time("unix_ms", "1796083199999.9999"), "2026-11-30T23:59:59.999999Z");
    assert_eq!(time("unix_us", "\"1796083199999999\""), "2026-11-30T23:59:59.999999Z");
    assert_eq!(time("unix_ns", "1796083199999999999"), "2026-11-30T23:59:59.999999Z");
    assert_eq!(time("%d/%b/%Y:%H:%M:%S %z", "\"01/Dec/2026:00:30:00 +0100\""), "2026-11-30T23:30:00Z");
    assert_eq!(time("%Y-%m-%d %H:%M:%S%.f", "\"2026-11-30 23:59:59.9999999\""), "2026-11-30T23:59:59.999999Z");
}

#[test]
fn cached_tokens_may_be_outside() {
    let fields = "cached_input_tokens = \"/cached\"\ncache_write_tokens = \"/written\"";
    let line = r#"{"id":"1","t":5,"in":100,"cached":50,"written":20}"#;
    assert_eq!(one(&mapping("", fields, ""), line).usage.input, 100);
    assert_eq!(one(&mapping("cached = \"outside\"", fields, ""), line).usage.input, 170);
}

#[test]
fn lines_are_skipped_by_rule() {
    let rules = "[[skip]]\nfield = \"/path\"\nstarts_with = \"/health\"\n[[skip]]\nfield = \"/kind\"\nequals = 3\n[[skip]]\nfield = \"/ok\"\nequals = false\n[[failed]]\nfield = \"/error\"\nequals = \"yes\"";
    let mapping = mapping("", "", rules);
    for line in [r#"{"path":"/healthz"}"#, r#"{"kind":3}"#, r#"{"kind":"3"}"#, r#"{"ok":false}"#] {
        assert_eq!(lines(&mapping, line), [Line::Ignored], "{line}");
    }
    assert_eq!(one(&mapping, r#"{"id":"1","t":5,"in":1,"kind":4,"ok":true}"#).usage.input, 1);
    let failed = one(&mapping, r#"{"id":"1","t":5,"in":1,"error":"yes"}"#);
    assert_eq!((failed.usage.input, failed.cost), (0, Some(Nanos::ZERO)));
}

#[test]
fn r34_bad_lines_name_field_and_spot() {
    let mapping = mapping("", "cost = \"/cost\"\nmodel = \"/model\"", "");
    for (line, reason, part, spot) in [
        (r#"{"t":5,"in":1}"#, Reason::MissingField, "id (/id) is missing", None),
        (r#"{"id":"1","in":1}"#, Reason::MissingField, "time (/t)", None),
        (r#"{"id":"1","t":5}"#, Reason::MissingField, "none of the counts", None),
        (r#"{"id":"1","t":5,"in":-1}"#, Reason::BadNumber, "input_tokens is -1", Some("-1}")),
        (r#"{"id":"1","t":"soon","in":1}"#, Reason::BadTime, "the mapping says", Some("soon\"")),
        (r#"{"id":"1","t":5,"usage":{"in":[]}}"#, Reason::BadField, "input_tokens is []", Some("[]}")),
        (r#"{"id":"1","t":5,"cost":"much"}"#, Reason::BadNumber, "cost is much", Some("much\"")),
        (r#"{"id":"1","id":"2","t":5,"in":1}"#, Reason::BadField, "duplicate field `id`", None),
        (r#"{"id":"1","t":5,"usage":{"in"}}"#, Reason::NotJson, "expected", None),
        ("hello", Reason::NotJson, "no JSON object", Some("hello")),
    ] {
        let found = bad(&mapping, line);
        assert_eq!(found.reason, reason, "{line}: {found}");
        assert!(found.detail.contains(part), "{line}: {found}");
        if let Some(spot) = spot {
            assert!(line[found.spot.unwrap() as usize..].starts_with(spot), "{line}: {found:?}");
        }
    }
}

#[test]
fn a_mapping_that_is_wrong_names_its_line_and_what_would_be_right() {
    let good = "name = \"x\"\n[fields]\nid = \"/id\"\ntime = \"/t\"\ncost = \"/c\"\n";
    assert!(Mapping::parse(good).is_ok());
    for (from, to, line, part) in [
        ("cost =", "price =", "line 5", "unknown variant `price`, expected one of `id`"),
        ("\"/id\"", "\"id\"", "line 3", "begin with a slash"),
        ("\"/id\"", "5", "line 3", "a JSON pointer like"),
        ("\"/id\"", "{ value = \"1\" }", "[fields]", "id needs a pointer"),
        ("time = \"/t\"\n", "", "[fields]", "time needs a pointer"),
        ("cost = \"/c\"\n", "", "[fields]", "nothing to be counted"),
        ("name = \"x\"\n", "", "line 1", "missing field `name`"),
        ("name = \"x\"\n", "name = \"x\"\nframing = \"csv\"\n", "line 2", "expected `json` or `logfmt`"),
        ("name = \"x\"\n", "name = \"x\"\nframing = \"logfmt\"\nfoo = 1\n", "line 3", "unknown field `foo`"),
        ("\"/c\"\n", "\"/c\"\n[units]\ntime = \"iso\"\n", "line 7", "no time format"),
        ("\"/c\"\n", "\"/c\"\n[units]\ntime = \"%H:%M\"\n", "line 7", "does not say date and time"),
        ("\"/c\"\n", "\"/c\"\n[units]\ncost = \"euros\"\n", "line 7", "expected one of `dollars`"),
        ("\"/c\"\n", "\"/c\"\n[units]\ntokens = 0\n", "line 7", "nonzero"),
        ("\"/c\"\n", "\"/c\"\n[[skip]]\nfield = \"/a\"\n", "line 6", "one of equals"),
        ("\"/c\"\n", "\"/c\"\n[[skip]]\nfield = \"/a\"\nequals = 1\nmissing = true\n", "line 6", "one of equals"),
        ("name = \"x\"\n", "name = \"x\"\nframing = \"logfmt\"\n", "", ""),
    ] {
        let text = good.replace(from, to);
        match (Mapping::parse(&text), line) {
            (Ok(_), "") => {}
            (Err(error), line) => {
                let error = error.to_string();
                assert!(error.contains(line) && error.contains(part), "{text}\n{error}");
            }
            (Ok(_), _) => panic!("{text}"),
        }
    }
    let nested = good.replace("\"/c\"", "\"/c/d\"").replace("[fields]", "framing = \"logfmt\"\n[fields]");
    assert!(Mapping::parse(&nested).unwrap_err().to_string().contains("/c/d: logfmt has no fields inside"));
}

#[test]
fn white_space_order_and_unknown_keys_do_not_matter() {
    let mapping = Mapping::parse(NGINX).unwrap();
    for line in NGINX_LINES.lines() {
        let plain = lines(&mapping, line);
        let value: serde_json::Value = serde_json::from_str(line).unwrap();
        let spread = serde_json::to_string_pretty(&value).unwrap();
        let more = spread.replacen('{', "{ \"zz\": [[{\"id\":\"x\",\"usage\":1e999}], null], \"\\u0000\": 1,", 1);
        assert_eq!(lines(&mapping, &more), plain);
        let array = format!("[{line},{line}]");
        assert_eq!(lines(&mapping, &array), [plain.clone(), plain].concat());
    }
}

proptest! {
    #[test]
    fn r34_no_line_and_no_mapping_panics(
        line in ".{0,120}",
        at in any::<prop::sample::Index>(),
        damage in ".{0,4}",
    ) {
        for (text, sample) in [(LOGFMT, LOGFMT_LINES), (NGINX, NGINX_LINES)] {
            let mapping = Mapping::parse(text).unwrap();
            prop_assert!(!lines(&mapping, &line).is_empty());
            let mut damaged = sample.lines().next().unwrap().to_owned();
            damaged.insert_str(at.index(damaged.len()), &damage);
            for found in lines(&mapping, &damaged) {
                match found {
                    Line::Record(record) => prop_assert_eq!(record.usage.problem(), None),
                    Line::Bad(bad) => prop_assert!(bad.spot.is_none_or(|spot| (spot as usize) < damaged.len())),
                    Line::Ignored => {}
                }
            }
            let mut other = text.to_owned();
            let place = other.char_indices().map(|(place, _)| place).nth(at.index(other.chars().count())).unwrap();
            other.insert_str(place, &damage);
            let _ = Mapping::parse(&other);
        }
    }
}
