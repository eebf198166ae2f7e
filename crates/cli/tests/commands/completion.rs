//! What is offered on TAB, by the protocols of the shells and in a real bash.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::symlink;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use mete_tests::process::Run;
use mete_tests::terminal::Terminal;
use mete_tests::{Engine, Process, TestStore, each_engine};

use crate::support::Mete;

/// Longer than any answer may take, on however slow a machine.
const LIMIT: Duration = Duration::from_secs(10);

/// As long as the answers of a busy machine may take, in milliseconds.
const PATIENCE: &str = "--patience=20000";

/// A name that does harm where a shell takes it for more than a name.
const EVIL: &str = "Evil; touch pwned; $(touch pwned) `touch pwned` 'x' \"y\" \\ * !1";

impl Mete<'_> {
    /// What fish would show for these words, the last of which is being typed: values, and what is said beside them.
    fn offered<const N: usize>(&self, words: [&str; N]) -> Result<Vec<(String, String)>> {
        let run = self.run(["complete", "fish", PATIENCE, "--", "mete"].into_iter().chain(words))?;
        ensure!(run.status.success() && run.stderr.is_empty(), "{words:?}: {run:?}");
        run.stdout
            .lines()
            .map(|line| line.split_once('\t').map(|(value, note)| (value.to_owned(), note.to_owned())))
            .collect::<Option<_>>()
            .with_context(|| format!("{words:?}: {run:?}"))
    }

    /// The values alone.
    fn values<const N: usize>(&self, words: [&str; N]) -> Result<Vec<String>> {
        Ok(self.offered(words)?.into_iter().map(|(value, _)| value).collect())
    }

    /// What bash would put into the line that is typed to its end, of which it replaces `replaced`.
    fn in_bash(&self, line: &str, replaced: &str) -> Result<Vec<String>> {
        let run = self.run(["complete", "bash", PATIENCE, "--", line, replaced])?;
        ensure!(run.status.success() && run.stderr.is_empty(), "{line}: {run:?}");
        Ok(run.stdout.lines().map(str::to_owned).collect())
    }
}

each_engine! {
    async fn projects_are_offered_by_name_or_id(store: &TestStore) -> Result<()> {
        let mete = Mete::with_support(store)?;
        mete.json(["org", "create", "Acme Labs", "--owner", "lee@acme.test"])?;
        let search = mete.json(["project", "create", "Search", "--org", "Acme"])?;
        mete.json(["project", "create", "Searching", "--org", "Acme Labs"])?;
        let all = mete.values(["project", "show", ""])?;
        // Each organization has a default project, and their ids tell them apart.
        assert_eq!(all.iter().filter(|value| value.starts_with("proj_")).count(), 2, "{all:?}");
        for name in ["Support", "Search", "Searching"] {
            assert!(all.iter().any(|value| value == name), "{all:?}");
        }
        assert_eq!(mete.values(["project", "show", "Sea"])?, ["Search", "Searching"]);
        assert_eq!(mete.values(["project", "show", "SUP"])?, ["Support"]);
        let id = search["id"].as_str().context("no id")?;
        let by_id = mete.offered(["project", "show", &id[..12]])?;
        assert_eq!(by_id, [(id.to_owned(), "Search, Acme".to_owned())]);
        // Within the organization on the line.
        assert_eq!(mete.values(["spend", "--org", "Acme Labs", "--project", "S"])?, ["Searching"]);
        assert_eq!(mete.values(["spend", "--org=acme", "--project=S"])?, ["--project=Search", "--project=Support"]);
        assert_eq!(mete.values(["project", "list", "--org", "Acme L"])?, ["Acme Labs"]);
        Ok(())
    }

    async fn keys_are_offered_by_id_and_never_by_secret(store: &TestStore) -> Result<()> {
        let mete = Mete::with_support(store)?;
        mete.json(["project", "create", "Search", "--org", "Acme"])?;
        let ci = mete.json(["key", "create", "--project", "Support", "--name", "ci"])?;
        let other = mete.json(["key", "create", "--project", "Search"])?;
        let (ci, other) = (ci["id"].as_str().context("no id")?, &other);
        let offered = mete.offered(["key", "disable", ""])?;
        assert_eq!(offered.len(), 2, "{offered:?}");
        let (_, note) = offered.iter().find(|(value, _)| value == ci).context("the key is not offered")?;
        assert!(note.starts_with("ci, sk-proj-…") && note.ends_with(", dana@acme.test, active"), "{note}");
        assert_eq!(mete.values(["key", "disable", &ci[..12]])?, [ci]);
        assert_eq!(mete.values(["key", "disable", "c"])?, ["ci"]);
        assert_eq!(mete.values(["explain", "key_"])?.len(), 2);
        let secret = other["secret"].as_str().context("no secret")?;
        for word in ["sk-", "sk-proj-", &secret[..20], secret] {
            assert_eq!(mete.values(["key", "disable", word])?, [""; 0], "{word}");
        }
        Ok(())
    }

    async fn r6_what_a_person_may_not_see_is_not_offered(store: &TestStore) -> Result<()> {
        let mete = Mete::with_support(store)?;
        mete.json(["project", "create", "Search", "--org", "Acme"])?;
        mete.json(["org", "create", "Other", "--owner", "lee@other.test"])?;
        let own = mete.json(["key", "create", "--project", "Support", "--member", "kim@acme.test"])?;
        mete.json(["key", "create", "--project", "Support", "--member", "dana@acme.test"])?;
        let as_kim = ["--as", "kim@acme.test"];
        assert_eq!(mete.values([as_kim[0], as_kim[1], "project", "show", "S"])?, ["Support"]);
        assert_eq!(mete.values([as_kim[0], as_kim[1], "project", "list", "--org", ""])?, ["Acme"]);
        assert_eq!(mete.values([as_kim[0], as_kim[1], "key", "disable", ""])?, [own["id"].as_str().unwrap_or_default()]);
        assert_eq!(mete.values([as_kim[0], as_kim[1], "key", "create", "--member", ""])?, [""; 0]);
        assert_eq!(mete.values(["--as", "nobody@acme.test", "project", "show", ""])?, [""; 0]);
        let asked = ["complete", "fish", PATIENCE, "--", "mete", "key", "list", "--project", "Sea"];
        let run = Run::of(mete.command(asked).env("METE_ACTOR", "kim@acme.test"))?;
        assert!(run.status.success() && run.stdout.is_empty() && run.stderr.is_empty(), "{run:?}");
        Ok(())
    }

    async fn r10_who_can_be_added_is_offered(store: &TestStore) -> Result<()> {
        let mete = Mete::with_support(store)?;
        mete.json(["project", "create", "Search", "--org", "Acme"])?;
        mete.json(["key", "create", "--project", "Search", "--member", "kim@acme.test"])?;
        assert_eq!(mete.values(["member", "add", "--project", "Support", "k"])?, ["kim@acme.test"]);
        assert_eq!(mete.values(["member", "add", "--project", "Search", "k"])?, [""; 0]);
        assert_eq!(mete.values(["member", "remove", "--project", "Search", "k"])?, ["kim@acme.test"]);
        assert_eq!(mete.values(["member", "remove", "--project", "Support", "k"])?, [""; 0]);
        Ok(())
    }

    async fn people_and_options_are_offered(store: &TestStore) -> Result<()> {
        let mete = Mete::with_support(store)?;
        assert_eq!(mete.values(["key", "create", "--project", "Support", "--member", ""])?, ["dana@acme.test"]);
        assert_eq!(mete.in_bash("mete key create --member=dana@", "@")?, ["@acme.test"]);
        assert_eq!(mete.values(["project", "sh"])?, ["show"]);
        assert_eq!(mete.values(["project", "show", "--js"])?, ["--json"]);
        assert_eq!(mete.values(["ingest", "--format", "litellm-p"])?, ["litellm-payload"]);
        // Where a name stands, options wait for a hyphen.
        assert!(!mete.values(["project", "show", ""])?.iter().any(|value| value.starts_with('-')));
        // A name that is made up now is nobody's.
        assert_eq!(mete.values(["project", "create", "Sup"])?, [""; 0]);
        Ok(())
    }
}

#[test]
fn nothing_is_said_or_made_where_there_is_no_store() -> Result<()> {
    let store = TestStore::new(Engine::Sqlite)?;
    let mete = Mete::on(&store);
    assert_eq!(mete.values(["project", "show", ""])?, [""; 0]);
    assert!(!store.path("data").exists());
    let missing = format!("sqlite:{}", store.path("missing.db").display());
    for url in [missing.as_str(), "nonsense://dana:canary@db.test", "sqlite:/dev/null", "sqlite:/"] {
        assert_eq!(mete.values(["--store", url, "key", "disable", ""])?, [""; 0], "{url}");
    }
    assert!(!store.path("missing.db").exists());
    for odd in
        [&["bash"][..], &["bash", "--", "x"], &["zsh", "--"], &["fish", "--", "mete"], &["bash", "--", "a b", "c"]]
    {
        let run = mete.run(["complete"].iter().chain(odd))?;
        assert!(run.status.success() && run.stdout.is_empty() && run.stderr.is_empty(), "{odd:?}: {run:?}");
    }
    Ok(())
}

#[test]
fn the_store_on_the_line_comes_first() -> Result<()> {
    let (one, other) = (TestStore::new(Engine::Sqlite)?, TestStore::new(Engine::Sqlite)?);
    let mete = Mete::with_support(&one)?;
    Mete::with_acme(&other)?.json(["project", "create", "Elsewhere", "--org", "Acme"])?;
    let values = mete.values(["--store", other.url(), "project", "show", "E"])?;
    assert_eq!(values, ["Elsewhere"]);
    Ok(())
}

/// A server that takes the connection and says nothing: TAB gives up before the person does.
#[test]
fn a_store_that_does_not_answer_offers_nothing() -> Result<()> {
    let store = TestStore::new(Engine::Sqlite)?;
    let silent = TcpListener::bind("127.0.0.1:0")?;
    let url = format!("postgres://dana@{}/mete", silent.local_addr()?);
    let mut command = Mete::on(&store).command(["complete", "fish", "--", "mete", "project", "show", ""]);
    let mut asking = Process::start(command.env("METE_STORE", url))?;
    assert!(asking.wait(LIMIT)?.success());
    assert_eq!(asking.output(), "");
    Ok(())
}

#[test]
fn every_shell_has_a_script() -> Result<()> {
    let store = TestStore::new(Engine::Sqlite)?;
    let mete = Mete::on(&store);
    for (shell, says) in [
        ("bash", "complete -F _mete mete"),
        ("zsh", "#compdef mete"),
        ("fish", "complete --command mete"),
        ("elvish", "quarantine"),
        ("powershell", "quarantine"),
    ] {
        let script = mete.text(["completions", shell])?;
        assert!(script.contains(says), "{shell}: {script}");
    }
    Ok(())
}

/// Bash with `mete` in its path and its completion loaded.
fn bash(mete: &Mete, store: &TestStore) -> Result<Command> {
    let folder = store.path("bin");
    fs::create_dir(&folder)?;
    symlink(env!("CARGO_BIN_EXE_mete"), folder.join("mete"))?;
    let script = store.path("completion.bash");
    let completion = mete.text(["completions", "bash"])?.replace("complete bash", &format!("complete bash {PATIENCE}"));
    fs::write(&script, completion + "PS1='$ '; cd \"$WORK\"\n")?;
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut paths = vec![folder];
    paths.extend(std::env::split_paths(&path));
    let mut command = Command::new("bash");
    command.args(["--noprofile", "--rcfile"]).arg(script).arg("-i");
    command.env("PATH", std::env::join_paths(paths)?).env("METE_STORE", store.url()).env("WORK", store.path("."));
    command.env_remove("METE_ACTOR").env("LC_ALL", "C.UTF-8");
    Ok(command)
}

/// A person at a real bash: what TAB types is what the program gets, and nothing of a name is run.
#[test]
fn a_real_bash_types_names_for_a_person() -> Result<()> {
    let store = TestStore::new(Engine::Sqlite)?;
    let mete = Mete::with_support(&store)?;
    mete.json(["project", "create", EVIL, "--org", "Acme"])?;
    mete.json(["org", "create", "Acme Labs", "--owner", "lee@acme.test"])?;
    let id = mete.json(["key", "create", "--project", "Support"])?["id"].clone();
    let id = id.as_str().context("no id")?;
    let mut terminal = Terminal::start(&bash(&mete, &store)?, (120, 50))?;
    terminal.wait_for("$ ")?;
    for (typed, line) in [
        ("mete proj\tshow Sup\t", "$ mete project show Support "),
        ("mete project show sup\t", "$ mete project show Support "),
        ("mete project list --org=Acme\\ L\t", "$ mete project list --org=Acme\\ Labs "),
        ("mete project list --org 'Acme L\t", "$ mete project list --org 'Acme Labs' "),
        ("mete key create --member=dana@\t", "$ mete key create --member=dana@acme.test "),
        ("mete key disable \t", &format!("$ mete key disable {id} ")),
        ("mete spend > complet\t", "$ mete spend > completion.bash "),
    ] {
        terminal.keys(typed)?;
        terminal.wait_for(line.trim_end())?;
        terminal.keys("\u{15}clear\r")?;
        terminal.wait_until_gone(line.trim_end())?;
    }
    terminal.keys("mete project show Ev\t\r")?;
    terminal.wait_for("Blocked since")?;
    assert!(terminal.screen().contains(&format!("Project        {EVIL}")), "{}", terminal.screen());
    assert!(!store.path("pwned").exists());
    terminal.keys("exit\r")?;
    assert!(terminal.wait()?.success());
    Ok(())
}

/// In a script's bash too, which has no terminal.
#[test]
fn a_real_bash_gets_each_name_whole() -> Result<()> {
    let store = TestStore::new(Engine::Sqlite)?;
    let mete = Mete::with_support(&store)?;
    mete.json(["project", "create", "Two  Words *", "--org", "Acme"])?;
    let mut command = bash(&mete, &store)?;
    let ask = "COMP_WORDS=(mete project show '') COMP_CWORD=3 COMP_LINE='mete project show ' COMP_POINT=18; \
               _mete mete '' show; printf '<%s>\\n' \"${COMPREPLY[@]}\"";
    let run = Run::of(command.args(["-c", &format!(". ./completion.bash; {ask}")]).current_dir(store.path(".")))?;
    let offered: Vec<&str> = run.stdout.lines().collect();
    assert!(offered.contains(&r"<Two\ \ Words\ \*>") && offered.contains(&"<Support>"), "{run:?}");
    assert_eq!(offered.len(), 3, "{run:?}");
    Ok(())
}
