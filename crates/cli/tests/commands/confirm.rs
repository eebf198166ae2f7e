//! Being asked before something is destroyed.

use anyhow::{Result, ensure};
use mete_tests::terminal::Terminal;
use mete_tests::{Engine, TestStore};

use crate::support::Mete;

const REMOVE: [&str; 5] = ["member", "remove", "kim@acme.test", "--org", "Acme"];

/// Acme with Kim, whose key is disabled with them.
fn with_kim(store: &TestStore) -> Result<Mete<'_>> {
    let mete = Mete::with_support(store)?;
    mete.json(["key", "create", "--project", "Support", "--member", "kim@acme.test"])?;
    Ok(mete)
}

fn kim_is_there(mete: &Mete<'_>) -> Result<bool> {
    Ok(mete.json(["member", "list", "--org", "Acme"])?.to_string().contains("kim@acme.test"))
}

#[test]
fn a_script_has_to_say_yes() -> Result<()> {
    let store = TestStore::new(Engine::Sqlite)?;
    let mete = with_kim(&store)?;
    let refused = mete.refused(REMOVE)?;
    assert!(refused.code == "not_confirmed" && refused.message.contains("--yes"), "{refused:?}");
    assert!(kim_is_there(&mete)?);
    let run = mete.run(REMOVE.into_iter().chain(["-y"]))?;
    assert!(run.status.success() && !kim_is_there(&mete)?, "{run:?}");
    Ok(())
}

#[test]
fn a_person_is_asked() -> Result<()> {
    let store = TestStore::new(Engine::Sqlite)?;
    let mete = with_kim(&store)?;
    for (typed, stays) in [("\r", true), ("n\r", true), ("yy\r", true), ("\u{4}", true), ("y\r", false)] {
        let mut terminal = Terminal::start(&mete.command(REMOVE), (100, 20))?;
        terminal.wait_for("Go on? [y/N]")?;
        terminal.keys(typed)?;
        let status = terminal.wait()?;
        ensure!(status.success() != stays && kim_is_there(&mete)? == stays, "{typed:?}: {}", terminal.screen());
        assert_eq!(terminal.screen().contains("nothing was changed"), stays, "{}", terminal.screen());
    }
    Ok(())
}
