//! The terminals that the interface runs on: what it takes of them, what it gives back, and what it makes of poor ones.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, ensure};
use mete_tests::terminal::Terminal;
use mete_tests::{Engine, Run, TestStore, wait};
use rustix::process::Signal;

use crate::stage::PATIENCE;
use crate::{Place, interface};

fn store() -> anyhow::Result<TestStore> {
    TestStore::new(Engine::Sqlite)
}

/// The interface with a configuration.
fn configured(store: &TestStore, config: &str) -> anyhow::Result<Command> {
    let path = store.path("tui.toml");
    std::fs::write(&path, config)?;
    let mut command = interface(store)?;
    command.env("METE_TUI_CONFIG", path);
    Ok(command)
}

/// The interface as it begins with the organizations: what there is to see does not depend on spend.
fn on_organizations(store: &TestStore) -> anyhow::Result<Command> {
    configured(store, "start = \"organizations\"")
}

fn ordered(terminal: &Terminal, when: &str) -> anyhow::Result<()> {
    let disorder = terminal.disorder()?;
    ensure!(disorder.is_empty(), "{when}: the shell has {disorder:?}");
    Ok(())
}

fn text(terminal: &Terminal) -> String {
    String::from_utf8_lossy(&terminal.bytes()).into_owned()
}

#[tokio::test]
async fn the_mouse_is_taken_only_if_asked_for_and_given_back() -> anyhow::Result<()> {
    let store = store()?;
    Place::new(&store).await?;
    for (config, taken) in [("", false), ("mouse = true", true)] {
        let mut terminal = Terminal::start(&configured(&store, config)?, (80, 24))?;
        terminal.wait_for("Acme")?;
        ensure!(terminal.disorder()?.contains(&"a mouse that is reported") == taken, "{config}");
        ensure!(terminal.disorder()?.contains(&"pasted text in brackets"));
        terminal.signal(Signal::TERM)?;
        terminal.wait()?;
        ordered(&terminal, config)?;
    }
    Ok(())
}

#[tokio::test]
async fn the_wheel_scrolls_a_click_selects_and_a_click_on_a_heading_sorts() -> anyhow::Result<()> {
    let store = store()?;
    Place::new(&store).await?;
    let mut terminal = Terminal::start(&configured(&store, "mouse = true\nstart = \"organizations\"")?, (80, 24))?;
    terminal.wait_for("Acme")?;
    terminal.keys("\r")?;
    terminal.wait_for("Support bot")?;
    // columns and lines from 1; the list begins under the budget's panel
    let screen = terminal.screen();
    let line = |text: &str| screen.lines().position(|line| line.contains(text)).map(|line| line + 1).context("no line");
    let (search, heading) = (line("  Search")?, line("PROJECT")?);
    terminal.keys(&format!("\x1b[<0;10;{search}M\x1b[<0;10;{search}m"))?;
    terminal.wait_for("▸ Search")?;
    terminal.keys("\x1b[<65;10;10M")?;
    terminal.wait_for("▸ Support bot")?;
    terminal.keys(&format!("\x1b[<0;5;{heading}M"))?;
    terminal.wait_for("by project ↑")?;
    terminal.keys(&format!("\x1b[<0;5;{heading}M"))?;
    terminal.wait_for("by project ↓")?;
    terminal.keys("q")?;
    ensure!(terminal.wait()?.success());
    ordered(&terminal, "left")
}

/// The hidden way to a panic is not in releases.
#[cfg(debug_assertions)]
#[tokio::test]
async fn a_panic_in_a_task_gives_the_terminal_back_and_is_told() -> anyhow::Result<()> {
    let store = store()?;
    Place::new(&store).await?;
    let mut command = configured(&store, "mouse = true")?;
    // the tester's own wish for a trace would leave nothing else in sight
    command.env("METE_TUI_PANIC", "1").env("RUST_BACKTRACE", "0");
    let mut terminal = Terminal::start(&command, (80, 24))?;
    let status = terminal.wait()?;
    ensure!(!status.success());
    ordered(&terminal, "panicked")?;
    let screen = terminal.screen();
    ensure!(screen.contains("METE_TUI_PANIC asked for it") && screen.contains("please report it"), "{screen}");
    Ok(())
}

#[tokio::test]
async fn control_z_gives_the_terminal_to_the_shell_and_fg_brings_the_interface_back() -> anyhow::Result<()> {
    let store = store()?;
    Place::new(&store).await?;
    let command = configured(&store, "mouse = true\nstart = \"organizations\"")?;
    let mut shell = Command::new("bash");
    shell.args(["--norc", "--noprofile", "-i"]).env("PS1", "shell> ").env("METE_TUI_CONFIG", store.path("tui.toml"));
    let mut terminal = Terminal::start(&shell, (100, 24))?;
    terminal.wait_for("shell> ")?;
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let line = words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ");
    terminal.keys(&format!("{line}\r"))?;
    terminal.wait_for("▸ Acme")?;
    for round in 0..2 {
        terminal.keys("\x1a")?;
        terminal.wait_for("Stopped")?;
        // the shell has its own modes while it edits a line; a program that it runs sees the terminal as it is
        let asked = "stty -a | grep -q -e '-icanon' -e '-isig' -e '-echo ' && echo raw || echo cooked";
        terminal.keys(&format!("{asked}-$(({round}+7))\r"))?;
        terminal.wait_for(&format!("cooked-{}", round + 7))?;
        let taken = ["another screen", "no cursor", "a mouse that is reported"];
        let disorder = terminal.disorder()?;
        ensure!(!taken.iter().any(|taken| disorder.contains(taken)), "{disorder:?}");
        terminal.keys("fg\r")?;
        terminal.wait_for("▸ Acme")?;
        ensure!(terminal.disorder()?.contains(&"a mouse that is reported"));
        ensure!(terminal.modes() == (true, true));
    }
    terminal.keys("?")?;
    terminal.wait_for("Keys on this screen")?;
    terminal.keys("?q")?;
    terminal.wait_for("shell> ")?;
    terminal.keys("exit\r")?;
    terminal.wait()?;
    ordered(&terminal, "left")
}

#[tokio::test]
async fn control_z_where_no_shell_waits_is_no_end() -> anyhow::Result<()> {
    let store = store()?;
    Place::new(&store).await?;
    let mut terminal = Terminal::start(&on_organizations(&store)?, (80, 24))?;
    terminal.wait_for("▸ Acme")?;
    terminal.keys("\x1a")?;
    let left_and_taken = || (text(&terminal).matches("\x1b[?1049h").count() == 2).then_some(());
    wait::until("the terminal to be taken again", PATIENCE, left_and_taken)?;
    terminal.wait_for("▸ Acme")?;
    terminal.keys("q")?;
    ensure!(terminal.wait()?.success());
    ordered(&terminal, "left")
}

#[tokio::test]
async fn a_storm_of_sizes_ends_with_a_whole_screen() -> anyhow::Result<()> {
    let store = store()?;
    Place::new(&store).await?;
    let mut terminal = Terminal::start(&on_organizations(&store)?, (80, 24))?;
    terminal.wait_for("▸ Acme")?;
    for step in 0..300_u16 {
        terminal.resize((1 + step * 37 % 200, 1 + step * 13 % 60))?;
    }
    terminal.resize((40, 10))?;
    terminal.wait_for("This terminal has 40x10")?;
    terminal.resize((100, 30))?;
    terminal.wait_for("▸ Acme")?;
    terminal.wait_for("sqlite mete.db")?;
    let whole = || {
        let screen = terminal.screen();
        let lines: Vec<&str> = screen.lines().collect();
        (lines.len() == 30 && lines[28].starts_with('╰') && lines[28].trim_end().ends_with('╯')).then_some(())
    };
    wait::until("a whole screen", PATIENCE, whole).with_context(|| terminal.screen())?;
    terminal.keys("q")?;
    ensure!(terminal.wait()?.success());
    ordered(&terminal, "left")
}

#[tokio::test]
async fn nothing_is_written_while_nothing_changes() -> anyhow::Result<()> {
    let store = store()?;
    Place::new(&store).await?;
    let mut terminal = Terminal::start(&on_organizations(&store)?, (100, 30))?;
    terminal.wait_for("● live, now")?;
    // the time left in the month changes once an hour, which may be now
    let silent = |_: &u8| {
        let before = terminal.bytes().len();
        std::thread::sleep(Duration::from_millis(2500));
        terminal.bytes().len() == before
    };
    ensure!([0, 1, 2].iter().any(silent), "{}", terminal.screen());
    terminal.keys("q")?;
    ensure!(terminal.wait()?.success());
    Ok(())
}

#[tokio::test]
async fn a_terminal_that_cannot_be_drawn_on_is_refused_in_words() -> anyhow::Result<()> {
    let store = store()?;
    Place::new(&store).await?;
    let mut command = on_organizations(&store)?;
    command.env("TERM", "dumb");
    let mut terminal = Terminal::start(&command, (80, 24))?;
    let status = terminal.wait()?;
    ensure!(status.exit_code() == 1, "{status:?}");
    ensure!(text(&terminal).contains("set TERM") && !text(&terminal).contains('\x1b'), "{}", text(&terminal));
    ordered(&terminal, "refused")
}

#[tokio::test]
async fn sixteen_colours_are_asked_for_as_old_terminals_understand_it() -> anyhow::Result<()> {
    let store = store()?;
    Place::new(&store).await?;
    let mut command = on_organizations(&store)?;
    command.env("TERM", "xterm");
    let mut terminal = Terminal::start(&command, (80, 24))?;
    terminal.wait_for("▸ Acme")?;
    terminal.keys("q")?;
    terminal.wait()?;
    let text = text(&terminal);
    ensure!(!text.contains("38;5;") && !text.contains("48;5;") && text.contains("\x1b[36;49m"), "{text:?}");
    Ok(())
}

#[tokio::test]
async fn all_colours_are_used_where_they_are_asked_for() -> anyhow::Result<()> {
    let store = store()?;
    Place::new(&store).await?;
    let mut command =
        configured(&store, "start = \"organizations\"\nlook.theme = \"vivid\"\ncolors.accent = \"#010203\"")?;
    command.env("COLORTERM", "truecolor");
    let mut terminal = Terminal::start(&command, (80, 24))?;
    terminal.wait_for("▸ Acme")?;
    terminal.keys("q")?;
    terminal.wait()?;
    ensure!(text(&terminal).contains("38;2;1;2;3"));
    Ok(())
}

#[tokio::test]
async fn a_locale_of_another_character_set_sees_nothing_but_ascii() -> anyhow::Result<()> {
    let store = store()?;
    Place::new(&store).await?;
    let mut command = on_organizations(&store)?;
    command.env("LC_ALL", "C");
    let mut terminal = Terminal::start(&command, (80, 24))?;
    terminal.wait_for("> Acme")?;
    terminal.keys("\r")?;
    terminal.wait_for("Support bot")?;
    terminal.keys("?")?;
    terminal.wait_for("enter right l")?;
    terminal.keys("?q")?;
    terminal.wait()?;
    ensure!(terminal.bytes().is_ascii());
    Ok(())
}

#[tokio::test]
async fn the_terminals_answer_about_its_background_changes_the_colours_and_is_no_keys() -> anyhow::Result<()> {
    let store = store()?;
    Place::new(&store).await?;
    let mut terminal = Terminal::start(&on_organizations(&store)?, (80, 24))?;
    terminal.wait_for("▸ Acme")?;
    ensure!(text(&terminal).contains("\x1b]11;?\x1b\\"), "it is asked");
    ensure!(!text(&terminal).contains("48;5;"), "nothing is known of the background");
    for (answer, background) in [("ffff/ffff/ffff", "48;5;253"), ("0000/0000/0000", "48;5;237")] {
        terminal.keys(&format!("\x1b]11;rgb:{answer}\x1b\\"))?;
        wait::until("the colours to change", PATIENCE, || text(&terminal).contains(background).then_some(()))?;
    }
    ensure!(terminal.screen().contains("▸ Acme"));
    // and by hand
    let before = text(&terminal).matches("48;5;253").count();
    terminal.keys("\x14")?;
    let light = || (text(&terminal).matches("48;5;253").count() > before).then_some(());
    wait::until("the colours to change", PATIENCE, light)?;
    terminal.keys("q")?;
    ensure!(terminal.wait()?.success());
    Ok(())
}

#[tokio::test]
async fn keys_are_those_of_the_configuration() -> anyhow::Result<()> {
    let store = store()?;
    Place::new(&store).await?;
    let config = "start = \"organizations\"\nkeys.quit = \"ctrl-x k\"\nkeys.help = \"f1\"\nlists.organizations.columns = [\"state\", \"organization\"]";
    let mut terminal = Terminal::start(&configured(&store, config)?, (80, 24))?;
    terminal.wait_for("Acme")?;
    terminal.wait_for("f1 help")?;
    terminal.wait_for("^X k quit")?;
    let screen = terminal.screen();
    ensure!(
        screen.lines().any(|line| line.contains("STATE") && line.find("STATE") < line.find("ORGANIZATION")),
        "{screen}"
    );
    ensure!(!screen.contains("BUDGET"), "{screen}");
    terminal.keys("q\x18")?;
    terminal.wait_for("^X …")?;
    terminal.keys("k")?;
    ensure!(terminal.wait()?.success());
    Ok(())
}

#[tokio::test]
async fn a_wrong_configuration_starts_nothing_and_says_all_that_is_wrong() -> anyhow::Result<()> {
    let store = store()?;
    Place::new(&store).await?;
    let mut command = configured(&store, "mouse = true\n[look]\nthem = \"vivid\"\n[keys]\nopn = \"x\"\n")?;
    let mut terminal = Terminal::start(&command, (120, 24))?;
    ensure!(terminal.wait()?.exit_code() == 1);
    let screen = terminal.screen();
    for said in ["tui.toml is wrong", "line 3: look.them", "\"theme\"?", "line 5: keys.opn", "\"open\"?"] {
        ensure!(screen.contains(said), "{said} is not in {screen}");
    }
    ordered(&terminal, "refused")?;
    let checked = Run::of(command.arg("--check-config"))?;
    ensure!(checked.status.code() == Some(1) && checked.stderr.contains("line 5"), "{checked:?}");
    let path: PathBuf = store.path("tui.toml");
    std::fs::write(&path, "mouse = true\n")?;
    let checked = Run::of(interface(&store)?.args(["--check-config", "--config"]).arg(path))?;
    ensure!(checked.status.success() && checked.stdout.contains("nothing is wrong"), "{checked:?}");
    let printed = Run::of(interface(&store)?.arg("--print-config"))?;
    ensure!(printed.status.success() && printed.stdout.contains("#mouse = false"), "{printed:?}");
    Ok(())
}
