//! Counting files, pipes and what is wrong in them.

use std::io::Write as _;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result};
use mete_tests::process::{Process, Run};
use mete_tests::{Engine, TestStore, each_engine, wait};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::{Mete, event, fields};

const LIMIT: Duration = Duration::from_secs(30);

/// (1200 - 1024) * 0.15 + 1024 * 0.075 + 310 * 0.6 millionths of a dollar: $0.0002892.
const PRICED: &str = r#"{"id":"p1","time":"2025-10-05T10:15:30Z","project":"Support","model":"gpt-4o-mini","provider":"openai","endpoint":"/v1/chat/completions","input_tokens":1200,"cached_input_tokens":1024,"output_tokens":310}"#;

/// A line of a transcript that is no use of a model.
const IGNORED: &str = r#"{"type":"user","uuid":"u0","sessionId":"s","timestamp":"2025-10-05T10:16:00.000Z","message":{"role":"user","content":"hello"}}"#;

/// Accepted, duplicates, amended, quarantined, ignored, spend.
fn figures(report: &Value) -> [String; 7] {
    ["lines", "accepted", "duplicates", "amended", "quarantined", "ignored", "spend"]
        .map(|field| report[field].to_string().trim_matches('"').to_owned())
}

/// Accepted and duplicates.
fn figures_of_run(report: &Value) -> [String; 2] {
    ["accepted", "duplicates"].map(|field| report[field].to_string())
}

each_engine! {
    /// R31, R34: exact, bad lines beside good ones, and nothing twice.
    async fn a_file_is_counted_exactly_once(store: &TestStore) -> Result<()> {
        let mete = Mete::with_support(store)?;
        let own = event("e1", "2025-10-05T10:15:31Z", "Support", "0.015");
        let unknown = event("e2", "2025-10-05T10:15:31Z", "Nothing", "1");
        let ahead = event("e3", "2999-01-01T00:00:00Z", "Support", "1");
        let unpriced = own.replace("e1", "e4").replace(r#","cost":"0.015""#, "");
        let lines = [PRICED, "{torn", &own, "", &own, &unknown, &ahead, &unpriced, IGNORED];
        let report = mete.ingest(&lines)?;
        assert_eq!(
            fields(&report),
            ["accepted", "amended", "duplicates", "ignored", "lines", "quarantined", "spend"]
        );
        assert_eq!(figures(&report), ["8", "2", "1", "0", "4", "1", "0.0152892"], "{report}");
        assert_eq!(figures(&mete.ingest(&lines)?), ["8", "0", "3", "0", "4", "1", "0"]);
        assert_eq!(mete.json(["spend", "--month", "2025-10"])?["total"], "0.0152892");
        assert_eq!(mete.json(["verify"])?["ok"], true);

        let quarantine = mete.json(["quarantine", "list"])?;
        assert_eq!(fields(&quarantine), ["rows", "total"]);
        let rows = quarantine["rows"].as_array().context("no rows")?;
        let mut reasons: Vec<_> = rows.iter().filter_map(|row| row["reason"].as_str()).collect();
        reasons.sort_unstable();
        assert_eq!(reasons, ["bad_time", "no_price", "not_json", "unknown_project"]);
        assert_eq!(
            fields(&rows[0]),
            ["at", "detail", "id", "position", "raw", "raw_bytes", "reason", "source", "spot", "tries"]
        );
        let torn = rows.iter().find(|row| row["reason"] == "not_json").context("no torn line")?;
        assert_eq!((&torn["raw"], &torn["raw_bytes"]), (&json!("{torn"), &json!(5)));
        assert_eq!(torn["position"], PRICED.len() + 1);
        let one = mete.json(["quarantine", "list", "--limit", "1"])?;
        assert_eq!((one["rows"].as_array().map(Vec::len), &one["total"]), (Some(1), &json!(4)));

        // What people see: the figures, and where to look further.
        let run = mete.run(["ingest", &store.path("usage.jsonl").to_string_lossy()])?;
        assert!(run.status.success() && run.stderr.contains("mete quarantine list"), "{run:?}");
        Ok(())
    }

    async fn a_copy_with_other_usage_amends(store: &TestStore) -> Result<()> {
        let mete = Mete::with_support(store)?;
        mete.ingest(&[&event("e1", "2025-10-05T10:00:00Z", "Support", "1")])?;
        let report = mete.ingest(&[&event("e1", "2025-10-05T10:00:00Z", "Support", "1.25")])?;
        assert_eq!(figures(&report), ["1", "0", "0", "1", "0", "0", "0.25"]);
        assert_eq!(mete.json(["spend", "--month", "2025-10"])?["total"], "1.25");
        Ok(())
    }

    async fn a_mapping_reads_what_no_format_does(store: &TestStore) -> Result<()> {
        let mete = Mete::with_support(store)?;
        let (log, mapping) = (store.path("app.log"), store.path("own.toml"));
        std::fs::write(&log, "at=1759659330 req=r1 team=Support usd=0.5\nhello=world\n")?;
        let fields = "id = \"/req\"\ntime = \"/at\"\nproject = \"/team\"\ncost = \"/usd\"\n";
        std::fs::write(&mapping, format!("name = \"own\"\nframing = \"logfmt\"\n[fields]\n{fields}"))?;
        let (log, mapping) = (log.to_string_lossy(), mapping.to_string_lossy());
        let report = mete.json(["ingest", "--mapping", &mapping, &log])?;
        assert_eq!(figures(&report), ["2", "1", "0", "0", "1", "0", "0.5"], "{report}");

        std::fs::write(&*mapping, "name = \"own\"\nfoo = 1\n")?;
        let run = mete.run(["ingest", "--mapping", &mapping, &log])?;
        assert!(!run.status.success() && run.stderr.contains("own.toml is wrong") && run.stderr.contains("line 2"), "{run:?}");
        Ok(())
    }

    async fn records_that_say_nothing_go_where_the_command_says(store: &TestStore) -> Result<()> {
        let mete = Mete::with_support(store)?;
        let line = |id: &str| event(id, "2025-10-05T10:00:00Z", "Support", "1").replace(r#""project":"Support","#, "");
        let path = mete.file("nobodys.jsonl", &[&line("e1")])?;
        let path = path.to_string_lossy();
        let ingest = |more: &[&str]| mete.run(["ingest", &path, "--json"].iter().chain(more))?.json();
        assert_eq!(ingest(&[])?["quarantined"], 1);
        assert_eq!(ingest(&["--project", "support"])?["accepted"], 1);
        assert_eq!(mete.json(["spend", "--month", "2025-10"])?["rows"][0]["name"], "Support");
        mete.file("nobodys.jsonl", &[&line("e2")])?;
        assert_eq!(ingest(&["--org", "Acme"])?["accepted"], 1);
        mete.file("nobodys.jsonl", &[&line("e3")])?;
        assert_eq!(ingest(&["--org", "Acme", "--project", "Support"])?["accepted"], 1);
        let rows = mete.json(["spend", "--month", "2025-10"])?["rows"].clone();
        assert_eq!((&rows[0]["name"], &rows[0]["spend"]), (&json!("Support"), &json!("2")));
        assert_eq!((&rows[1]["name"], &rows[1]["spend"]), (&json!("Default project"), &json!("1")));
        Ok(())
    }

    /// Whoever misspells something learns it before anything is counted.
    async fn nothing_is_read_when_something_is_wrong(store: &TestStore) -> Result<()> {
        let mete = Mete::with_support(store)?;
        let path = mete.file("good.jsonl", &[PRICED])?;
        let good = path.to_string_lossy();
        let missing = store.path("missing.jsonl").to_string_lossy().into_owned();
        let wrong = mete.file("wrong.toml", &["[[model]]", "match = 7"])?.to_string_lossy().into_owned();
        let folder = store.dir().to_string_lossy().into_owned();
        for (args, code) in [
            ([&good as &str, "--project", "Nothing"], "not_found"),
            ([&good, "--org", "Nobody"], "not_found"),
            ([&good, &missing, "--project=Support"], "io"),
            ([&good, &folder, "--project=Support"], "io"),
            ([&good, "--prices", &wrong], "invalid"),
            ([&good, "--prices", &missing], "io"),
        ] {
            let refused = mete.refused(["ingest", args[0], args[1], args[2]])?;
            assert_eq!(refused.code, code, "{args:?}: {refused:?}");
        }
        assert!(mete.refused(["ingest", &good, &missing])?.message.contains("missing.jsonl"));
        assert_eq!(mete.json(["verify"])?["events"], 0);
        assert_eq!(mete.json(["quarantine", "list"])?["total"], 0);
        Ok(())
    }

    async fn standard_input_and_several_files_are_one_run(store: &TestStore) -> Result<()> {
        let mete = Mete::with_support(store)?;
        let file = mete.file("a.jsonl", &[PRICED])?;
        let piped = mete.file("b.jsonl", &["nope", &event("e1", "2025-10-05T10:00:00Z", "Support", "1")])?;
        let args = [file.as_os_str(), "-".as_ref(), "--json".as_ref()];
        let mut command = mete.command(["ingest"]);
        let run = Run::of(command.args(args).stdin(std::fs::File::open(&piped)?))?;
        assert_eq!(figures(&run.json()?), ["3", "2", "0", "0", "1", "0", "1.0002892"]);
        let quarantine = mete.json(["quarantine", "list"])?;
        assert_eq!(quarantine["rows"][0]["source"], "stdin");
        let run = Run::of(mete.command(["ingest", "--json"]).stdin(std::fs::File::open(&piped)?))?;
        assert_eq!(figures(&run.json()?), ["2", "0", "1", "0", "1", "0", "0"]);
        Ok(())
    }

    async fn prices_of_ones_own_hold(store: &TestStore) -> Result<()> {
        let mete = Mete::with_support(store)?;
        let prices = ["[[model]]", "match = \"m-1\"", "input = \"100\"", "output = \"1000\""];
        let line = event("e1", "2025-10-05T10:00:00Z", "Support", "0").replace(r#","cost":"0""#, "");
        // 10 input tokens at $100 and 5 output tokens at $1000 a million: $0.006.
        std::fs::create_dir_all(store.path("config/mete"))?;
        mete.file("config/mete/prices.toml", &prices)?;
        assert_eq!(figures(&mete.ingest(&[&line])?), ["1", "1", "0", "0", "0", "0", "0.006"]);
        std::fs::remove_file(store.path("config/mete/prices.toml"))?;
        let path = mete.file("second.jsonl", &[&line.replace("e1", "e2")])?;
        let mut command = mete.command(["ingest", "--json"]);
        let run = Run::of(command.arg(&path).env("METE_PRICES", mete.file("own.toml", &prices)?))?;
        assert_eq!(figures(&run.json()?), ["1", "1", "0", "0", "0", "0", "0.006"]);
        Ok(())
    }

    /// A dry run says what a run would, and writes nothing at all.
    async fn a_dry_run_counts_nothing(store: &TestStore) -> Result<()> {
        let mete = Mete::with_support(store)?;
        let unknown = event("e2", "2025-10-05T10:15:31Z", "Nothing", "1");
        let path = mete.file("usage.jsonl", &[PRICED, "{torn", &unknown, IGNORED, PRICED])?;
        let path = path.to_string_lossy();
        let report = mete.json(["ingest", "--dry-run", &path])?;
        assert_eq!(
            fields(&report),
            ["accepted", "cost_differs", "dry_run", "ignored", "lines", "quarantined", "reasons", "spend"]
        );
        assert_eq!(report["reasons"], json!({"not_json": 1, "unknown_project": 1}));
        let figures = ["dry_run", "lines", "accepted", "ignored", "quarantined", "spend"].map(|field| report[field].clone());
        assert_eq!(figures, [json!(true), json!(5), json!(2), json!(1), json!(2), json!("0.0005784")], "{report}");
        let text = mete.text(["ingest", "--dry-run", &path])?;
        assert!(text.contains("not looked up") && text.contains("  unknown_project"), "{text}");
        assert_eq!(mete.json(["verify"])?["events"], 0);
        assert_eq!(mete.json(["quarantine", "list"])?["total"], 0);
        // The events are new to a run that counts.
        assert_eq!(figures_of_run(&mete.json(["ingest", &path])?), ["1", "1"]);
        Ok(())
    }

    /// Field by field: what is said, whose it is and why, and how the cost comes about.
    async fn lines_are_explained(store: &TestStore) -> Result<()> {
        let mete = Mete::with_support(store)?;
        let secret = event("e2", "2025-10-05T10:15:31Z", "Nothing", "1")
            .replace(r#""project":"Nothing""#, r#""api_key":"sk-proj-0123456789abcdef0123456789""#);
        let path = mete.file("usage.jsonl", &[PRICED, &secret, IGNORED, PRICED])?;
        let path = path.to_string_lossy();
        let report = mete.json(["ingest", "--explain", "--lines", "3", &path])?;
        assert_eq!(report["lines"], 3, "without --dry-run the rest is not read: {report}");
        let lines = report["explained"].as_array().context("nothing explained")?;
        let outcomes: Vec<_> = lines.iter().map(|line| (&line["outcome"], &line["format"])).collect();
        assert_eq!(
            outcomes,
            [(&json!("counted"), &json!("mete")), (&json!("quarantined"), &json!("mete")), (&json!("ignored"), &json!("claude-code"))]
        );
        let first = &lines[0]["event"];
        assert_eq!((&first["whose"]["project"]["name"], &first["cost"]), (&json!("Support"), &json!("0.0002892")));
        assert_eq!(first["price"]["parts"][1], json!({"unit": "cached input tokens", "count": 1024, "per": 1_000_000, "rate": "0.075", "cost": "0.0000768"}));
        assert_eq!(lines[1]["problem"]["reason"], "unknown_key");

        let text = mete.text(["ingest", "--explain", "--dry-run", &path])?;
        for part in [
            "counts to October 2025",
            "the record names the project",
            "176 input tokens × $0.15 a million = $0.0000264",
            "unknown_key: ",
            "Would cost",
        ] {
            assert!(text.contains(part), "{part:?} is not in:\n{text}");
        }
        assert!(!text.contains("0123456789abcdef") && !report.to_string().contains("0123456789abcdef"), "{text}");
        assert!(text.lines().all(|line| line.starts_with('/') || line.chars().count() <= 80), "{text}");
        assert_eq!(mete.json(["verify"])?["events"], 0);
        Ok(())
    }

    async fn tables_say_whose_a_gateways_records_are(store: &TestStore) -> Result<()> {
        let mete = Mete::with_support(store)?;
        let payload = r#"{"id":"l1","call_type":"acompletion","status":"success","endTime":1759659330,"model":"gpt-4o-mini","response_cost":0.5,"metadata":{"user_api_key_hash":"88dc28","user_api_key_team_id":"team_1"}}"#;
        let path = mete.file("payload.jsonl", &[payload])?;
        let path = path.to_string_lossy();
        assert_eq!(mete.json(["ingest", &path, "--org", "Acme"])?["quarantined"], 1);
        let tables = mete.file(
            "meted.toml",
            &["[store]", "url = 'sqlite:elsewhere'", "[[attribute]]", "when = { team = 'team_*' }", "project = 'Support'"],
        )?;
        let tables = tables.to_string_lossy();
        let explained = mete.json(["ingest", "--explain", &path, "--tables", &tables])?;
        let because = explained["explained"][0]["event"]["whose"]["because"].clone();
        assert_eq!(because, "table 1 of [[attribute]] fits: team = \"team_*\"");
        assert_eq!(mete.json(["ingest", &path, "--tables", &tables])?["accepted"], 1);
        assert_eq!(mete.json(["spend", "--month", "2025-10"])?["rows"][0]["name"], "Support");

        let wrong = mete.file("wrong.toml", &["[[attribute]]", "when = { team = 'a' }"])?;
        let refused = mete.refused(["ingest", &path, "--tables", &wrong.to_string_lossy()])?;
        assert!(refused.code == "invalid" && refused.message.contains("number 1"), "{refused:?}");
        let refused = mete.refused(["ingest", &path, "--tables", &path])?;
        assert!(refused.code == "invalid" && refused.message.contains("line 1") && !refused.message.contains("88dc28"), "{refused:?}");
        Ok(())
    }

    /// Ctrl-C: what was read is counted and told, half a line is not taken for a line.
    async fn an_interrupted_run_tells_what_it_did(store: &TestStore) -> Result<()> {
        let mete = Mete::with_support(store)?;
        let mut process = Process::start(mete.command(["ingest", "--json"]).stdin(Stdio::piped()))?;
        let mut stdin = process.stdin().context("no pipe")?;
        writeln!(stdin, "{}", event("e1", "2025-10-05T10:00:00Z", "Support", "1"))?;
        write!(stdin, "{{\"id\":\"half")?;
        stdin.flush()?;
        wait::until("the line to be counted", LIMIT, || {
            let spend = mete.json(["spend", "--month", "2025-10"]);
            spend.map(|spend| (spend["total"] == "1").then_some(())).transpose()
        })??;
        process.signal(Signal::INT)?;
        assert_eq!(process.wait(LIMIT)?.code(), Some(130));
        let line = process.wait_for_line(LIMIT, |line| line.starts_with('{'))?;
        assert_eq!(figures(&serde_json::from_str(&line)?), ["1", "1", "0", "0", "0", "0", "1"]);
        assert_eq!(mete.json(["quarantine", "list"])?["total"], 0);
        Ok(())
    }

    /// What a log says reaches the terminal of whoever looks: escaped.
    async fn foreign_text_moves_no_cursor(store: &TestStore) -> Result<()> {
        let mete = Mete::with_support(store)?;
        let named = mete.file("a\u{1b}[31m.jsonl", &["{\u{1b}]0;pwned\u{7}\u{9b}2J\u{202e}"])?;
        let report = mete.run(["ingest", &named.to_string_lossy(), "--json"])?.json()?;
        assert_eq!(report["quarantined"], 1);
        let obeyed = |text: &str| text.chars().any(|c| (c.is_control() && c != '\n') || c == '\u{202e}');
        let shown = mete.text(["quarantine", "list"])?;
        assert!(shown.contains("pwned") && !obeyed(&shown), "{shown:?}");
        let run = mete.run(["quarantine", "list", "--json"])?;
        assert!(!obeyed(&run.stdout), "{run:?}");
        let raw = run.json()?["rows"][0]["raw"].as_str().map(str::to_owned).context("no raw text")?;
        assert_eq!(raw, "{\u{1b}]0;pwned\u{7}\u{9b}2J\u{202e}");
        let missing = mete.run(["ingest", "no\u{1b}[31msuch"])?;
        assert!(missing.status.code() == Some(1) && !obeyed(&missing.stderr), "{missing:?}");
        Ok(())
    }
}

/// A format that is given is not guessed at.
#[test]
fn a_given_format_holds_for_every_line() -> Result<()> {
    let store = TestStore::new(Engine::Sqlite)?;
    let mete = Mete::with_support(&store)?;
    let path = mete.file("a.jsonl", &[PRICED])?;
    let path = path.to_string_lossy();
    let report = mete.json(["ingest", &path, "--format", "openai-chat"])?;
    assert_eq!(report["accepted"], 0, "{report}");
    assert_eq!(mete.json(["ingest", &path, "--format", "mete"])?["accepted"], 1);
    assert_eq!(mete.status(["ingest", &path, "--format", "morse"])?, Some(2));
    Ok(())
}
