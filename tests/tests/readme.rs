//! README's words, followed to the letter: every command in it is run, in the order in which it stands there.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, ensure};
use mete_tests::process::{self, Process, Run};
use mete_tests::terminal::Terminal;
use mete_tests::{postgres, wait};

const SAMPLE: &str = concat!(
    r#"{"id":"chatcmpl-1","object":"chat.completion","created":1763892930,"model":"gpt-4o-mini-2024-07-18","usage":{"prompt_tokens":1000,"completion_tokens":100}}"#,
    "\n",
    r#"{"id":"msg_1","type":"message","role":"assistant","model":"claude-sonnet-4-5-20250929","_time":"2025-11-23T10:16:00Z","usage":{"input_tokens":25,"output_tokens":120}}"#,
    "\n",
);

/// The fenced blocks of README with this language.
fn blocks(language: &str) -> anyhow::Result<Vec<String>> {
    let text = std::fs::read_to_string(process::workspace().join("README.md"))?;
    let fence = format!("```{language}\n");
    Ok(text.split(&fence).skip(1).filter_map(|rest| rest.split("```").next()).map(str::to_owned).collect())
}

/// A new user's machine: an empty home, and the two programs on the path.
struct Machine {
    folder: tempfile::TempDir,
    path: String,
}

impl Machine {
    fn new() -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let programs = folder.path().join("bin");
        std::fs::create_dir(&programs)?;
        for command in [process::mete()?, process::meted()?] {
            let program = PathBuf::from(command.get_program());
            let name = program.file_name().context("a program without a name")?;
            std::os::unix::fs::symlink(&program, programs.join(name))?;
        }
        std::fs::create_dir(folder.path().join("home"))?;
        std::fs::write(folder.path().join("usage.jsonl"), SAMPLE)?;
        let path = format!("{}:{}", programs.display(), std::env::var("PATH")?);
        Ok(Self { folder, path })
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn shell(&self, script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-euc", script]).current_dir(self.folder.path()).env_clear();
        command.env("PATH", &self.path).env("HOME", self.at("home")).env("LANG", "C.UTF-8");
        command
    }

    fn run(&self, script: &str) -> anyhow::Result<Run> {
        let run = Run::of(&mut self.shell(script))?;
        ensure!(run.status.success(), "{script}\n{}\n{}", run.stdout, run.stderr);
        Ok(run)
    }
}

impl Machine {
    /// `mete tui` on a terminal of its own, left with `q` when it has shown `text`.
    fn look_at_the_interface(&self, text: &str) -> anyhow::Result<()> {
        let mut terminal = Terminal::start(&self.shell("exec mete tui"), (100, 30))?;
        terminal.wait_for(text)?;
        terminal.keys("q")?;
        let status = terminal.wait()?;
        ensure!(status.success(), "{status:?}");
        Ok(())
    }
}

/// What a command of cargo's stands for here: the programs are built already.
fn without_cargo(script: &str) -> anyhow::Result<String> {
    let mut lines = Vec::new();
    for line in script.lines() {
        if let Some(packages) = line.strip_prefix("cargo install ") {
            for package in packages.split("--path ").skip(1) {
                let package = package.split_whitespace().next().unwrap_or_default();
                ensure!(process::workspace().join(package).join("Cargo.toml").exists(), "no package {package}");
            }
        } else if let Some(arguments) = line.strip_prefix("cargo run --release -- ") {
            lines.push(format!("mete {arguments}"));
        } else if line == "cargo xtask test" {
            // This is the command that runs this test; .ci/run calls it as it stands here.
            let ci = std::fs::read_to_string(process::workspace().join(".ci/run"))?;
            ensure!(ci.contains(line), ".ci/run does not call {line:?}");
        } else {
            ensure!(!line.contains("cargo "), "a command of cargo's that this test does not know: {line}");
            lines.push(line.to_owned());
        }
    }
    Ok(lines.join("\n"))
}

#[test]
fn every_command_works_in_its_order() -> anyhow::Result<()> {
    let machine = Machine::new()?;
    let mut demo = false;
    let mut spent = String::new();
    for block in blocks("sh")? {
        if block.contains("/v1/authorize") {
            continue;
        }
        let script = without_cargo(&block)?;
        let (script, interface) = match script.split_once("mete tui") {
            Some((before, after)) if after.trim().is_empty() => (before.to_owned(), true),
            _ => (script, false),
        };
        let run = machine.run(&script)?;
        if interface {
            machine.look_at_the_interface("Acme")?;
        }
        demo |= run.stdout.contains("first refusal") && run.stdout.contains("verify: clean");
        if script.contains("mete spend") {
            spent = machine.run("mete spend --month 2025-11 --json")?.stdout;
        }
    }
    ensure!(demo, "README no longer shows the demo");
    // gpt-4o-mini: 1000 in at 0.15, 100 out at 0.60 a million; claude-sonnet-4-5: 25 in at 3, 120 out at 15.
    ensure!(spent.contains(r#""total":"0.002085""#), "{spent}");
    Ok(())
}

#[test]
fn the_daemon_runs_with_the_configuration_shown_and_the_gateways_command_gets_the_answers_shown() -> anyhow::Result<()>
{
    let machine = Machine::new()?;
    let port = postgres::free_port()?;
    let config = blocks("toml")?.remove(0).replace("8790", &port.to_string());
    std::fs::write(machine.at("meted.toml"), config)?;
    machine.run("mete --store sqlite:mete.db init --org Acme --owner you@example.com")?;
    machine.run("mete --store sqlite:mete.db project create 'Support bot' --org Acme")?;
    machine.run("mete --store sqlite:mete.db limits set --project 'Support bot' --budget 100")?;
    let key = machine
        .run("mete --store sqlite:mete.db --json key create --project 'Support bot' --member you@example.com")?;
    let key = key.json()?["secret"].as_str().context("no secret")?.to_owned();
    machine.run("meted check-config meted.toml")?;
    let daemon = Process::start(machine.shell("exec meted --config meted.toml").env("METE_LOG", "info"))?;
    daemon.wait_for_line(Duration::from_secs(20), |line| line.contains("ready"))?;

    let asks = blocks("sh")?.into_iter().find(|block| block.contains("/v1/authorize")).context("no question")?;
    let asks = asks.replace("8790", &port.to_string()).replace("curl -i", "curl -si").replace("$KEY", &key);
    let answer = machine.run(&asks)?.stdout;
    ensure!(answer.starts_with("HTTP/1.1 204"), "{answer}");

    std::fs::create_dir(machine.at("logs"))?;
    let hash = mete_core::secret::KeyHash::of(&key).to_hex();
    let now = mete_core::Clock::now(&mete_control::host::SystemClock);
    let line = format!(r#"{{"id":"e","time":"{now}","api_key_sha256":"{hash}","cost":"100.000214"}}"#);
    std::fs::write(machine.at("logs/usage.jsonl"), line + "\n")?;
    let refused = wait::until("the refusal", Duration::from_secs(20), || {
        machine.run(&asks).ok().map(|run| run.stdout).filter(|answer| !answer.starts_with("HTTP/1.1 204"))
    })?;
    ensure!(refused.starts_with("HTTP/1.1 429") && refused.contains("x-should-retry: false"), "{refused}");
    let shown: serde_json::Value = serde_json::from_str(&blocks("json")?[0])?;
    let got: serde_json::Value = serde_json::from_str(refused.rsplit("\r\n\r\n").next().unwrap_or_default())?;
    for field in ["type", "param", "code"] {
        ensure!(shown["error"][field] == got["error"][field], "{field}: {got}");
    }
    let words = |value: &serde_json::Value| {
        value["error"]["message"].as_str().unwrap_or_default().split(". It starts").next().map(str::to_owned)
    };
    ensure!(words(&shown) == words(&got), "{got}");
    machine.run("mete --store sqlite:mete.db limits set --project 'Support bot' --budget 200")?;
    wait::until("the release", Duration::from_secs(20), || {
        machine.run(&asks).ok().filter(|run| run.stdout.starts_with("HTTP/1.1 204"))
    })?;
    Ok(())
}

#[test]
fn what_readme_points_at_is_there() -> anyhow::Result<()> {
    let root = process::workspace();
    let text = std::fs::read_to_string(root.join("README.md"))?;
    let mut links = 0;
    for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
        if !link.contains("://") {
            let (file, heading) = link.split_once('#').unwrap_or((link, ""));
            let bytes = std::fs::read(Path::new(&root).join(file));
            let bytes = bytes.with_context(|| format!("README points at {link}, which is not there"))?;
            let text = String::from_utf8_lossy(&bytes);
            let mut headings = text.lines().filter_map(|line| line.strip_prefix("## "));
            ensure!(heading.is_empty() || headings.any(|title| anchor(title) == heading), "no such heading: {link}");
            links += 1;
        }
    }
    ensure!(links > 5, "only {links} links");
    Ok(())
}

/// How a heading is pointed at.
fn anchor(title: &str) -> String {
    let kept = title.to_lowercase().replace(' ', "-");
    kept.chars().filter(|c| c.is_alphanumeric() || *c == '-').collect()
}
