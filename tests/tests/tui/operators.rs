//! Several operators at once: what one does the others see by themselves, and nobody's place is lost.

use anyhow::{Result, ensure};
use mete_tests::{TestStore, each_engine};

use crate::stage::{EMPTY_LINE, Stage, escape, leave, line_of, step};

each_engine! {
    async fn what_one_operator_changes_the_other_sees_and_the_selection_stays_on_its_row(
        store: &TestStore
    ) -> Result<()> {
        let mut stage = Stage::new(store)?;
        for name in ["Alpha", "Beta", "Gamma"] {
            stage.project(name, (100, 80))?;
        }
        let key = stage.key(("Gamma", "eve@acme.test"), "ci-runner")?;
        let (mut one, mut other) = (stage.operator()?, stage.operator()?);
        for terminal in [&mut one, &mut other] {
            step(terminal, ":projects acme\r", &["mete › Acme", "Beta", "● live"])?;
            step(terminal, "/beta\r", &["▸ Beta"])?;
            step(terminal, "\x1b", &["Alpha", "▸ Beta"])?;
        }

        // by the other one, by a command, by usage: the rows change their order, the selection does not change its row
        step(&mut other, "$", &["Budget of Beta"])?;
        step(&mut other, &format!("{EMPTY_LINE}90\r"), &["✓ the budget is $90.00"])?;
        line_of(&one, &["▸ Beta", "$90.00"])?;
        stage.mete("project create Aardvark --org Acme")?;
        one.wait_for("  Aardvark")?;
        stage.spends(&key, 100)?;
        line_of(&one, &["  Gamma", "$100.00", "▲ refused"])?;
        let screen = one.screen();
        let row = |name: &str| screen.lines().position(|line| line.contains(name));
        ensure!(row("  Gamma") < row("  Aardvark"), "what is refused comes first: {screen}");
        ensure!(screen.contains("▸ Beta"), "{screen}");
        // another name is the same project
        stage.mete("project rename Beta Zeta")?;
        for terminal in [&one, &other] {
            terminal.wait_for("▸ Zeta")?;
        }
        // and where it is gone the selection stays in its place
        stage.mete("project archive Zeta --confirm Zeta")?;
        one.wait_until_gone("Zeta")?;
        one.wait_for("▸ ")?;
        leave(one)?;
        leave(other)
    }

    /// R41: there is one block on a key at a time; whoever comes second is told so and loses nothing that was typed.
    async fn of_two_who_block_the_same_key_the_second_is_told_that_it_is_done(store: &TestStore) -> Result<()> {
        let stage = Stage::new(store)?;
        stage.project("Support", (100, 80))?;
        let key = stage.key(("Support", "eve@acme.test"), "ci-runner")?;
        let (mut one, mut other) = (stage.operator()?, stage.operator()?);
        for (terminal, reason) in [(&mut one, "leaked by one"), (&mut other, "leaked by other")] {
            step(terminal, ":project support\r", &["▸ ci-runner"])?;
            step(terminal, "b", &["Block ci-runner"])?;
            step(terminal, &format!("\t{reason}\t"), &[reason, "▸ y block it"])?;
        }
        step(&mut one, "y", &["✓ the block on the key is placed", "■ blocked"])?;
        stage.gateway.answers(&key.secret, 429, "access_blocked")?;
        step(&mut other, "y", &["is there already: lift it first", "leaked by other"])?;
        escape(&mut other, "Block ci-runner")?;
        line_of(&other, &["▸ ci-runner", "■ blocked"])?;
        let placed = stage.mete("block list")?;
        let placed = placed["rows"].as_array().map(Vec::as_slice).unwrap_or_default();
        ensure!(placed.len() == 1 && placed[0]["reason"] == "leaked by one", "{placed:?}");
        leave(one)?;
        leave(other)
    }
}
