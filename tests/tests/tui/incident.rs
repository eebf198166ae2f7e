//! From the alert to the action: who is on call sees what is wrong, who spends, stops it, and lets the others go on.

use anyhow::Result;
use mete_tests::{TestStore, each_engine};

use crate::stage::{EMPTY_LINE, Stage, escape, leave, line_of, step};

const BUDGET: &str = "project_spend_limit_exceeded";

each_engine! {
    /// R26, R38, R41: the budget refuses, the block that is placed by hand goes before it, and either ends when it is to.
    async fn a_project_that_burns_is_found_its_key_blocked_and_all_others_let_through_again(
        store: &TestStore
    ) -> Result<()> {
        let mut stage = Stage::new(store)?;
        stage.project("Support", (100, 80))?;
        stage.project("Search", (100, 80))?;
        let nightly = stage.key(("Support", "kim@acme.test"), "nightly")?;
        let runner = stage.key(("Support", "eve@acme.test"), "ci-runner")?;
        stage.gateway.answers(&nightly.secret, 204, "")?;
        let mut operator = stage.operator()?;
        step(&mut operator, "", &["Spend, Acme", "Nothing: nobody is refused"])?;

        // the threshold: the pulse says so before anybody is refused
        stage.spends(&nightly, 70)?;
        stage.spends(&runner, 15)?;
        line_of(&operator, &["● Support", "runs out in", "$85.00 of $100.00"])?;
        line_of(&operator, &["Support", "85%", "in 10m", "● burning"])?;
        // the budget
        stage.spends(&nightly, 20)?;
        line_of(&operator, &["▲ Support", "refused", "2 keys, $105.00 of $100.00"])?;
        line_of(&operator, &["Needs you · ▲ 1"])?;
        stage.gateway.answers(&runner.secret, 429, BUDGET)?;

        // who spent it: by key, by member, by model
        step(&mut operator, "\t\r", &["▲ refused", "or a higher budget"])?;
        line_of(&operator, &["▸ nightly", "$90.00", "85%", "kim@acme.test", "▲ refused"])?;
        step(&mut operator, "2", &["[2 People]"])?;
        line_of(&operator, &["▸ kim@acme.test", "$90.00"])?;
        step(&mut operator, "d", &["[5 Usage]"])?;
        line_of(&operator, &["gpt-4o-mini", "$105.00"])?;

        // its key is blocked: what that hits is told, and a reason has to be given
        step(&mut operator, "1", &["[1 Overview]", "▸ nightly"])?;
        step(&mut operator, "b", &["Block nightly", "Stops 1 key at once."])?;
        step(&mut operator, "\t\ty", &["a reason is needed"])?;
        step(&mut operator, "looks stolen", &["Reason          looks stolen"])?;
        step(&mut operator, "\ty", &["✓ the block on the key is placed"])?;
        line_of(&operator, &["▸ nightly", "■ blocked"])?;
        line_of(&operator, &["ci-runner", "▲ refused"])?;
        stage.gateway.answers(&nightly.secret, 429, "access_blocked")?;
        stage.gateway.answers(&runner.secret, 429, BUDGET)?;
        step(&mut operator, "e", &["429 access_blocked", "this key, until it is lifted: looks stolen"])?;
        line_of(&operator, &["manual block", "▲ REFUSED"])?;

        // a higher budget lets the others go on, not the one that is blocked
        escape(&mut operator, "access_blocked")?;
        escape(&mut operator, "[1 Overview]")?;
        step(&mut operator, "$", &["Budget of Support", "Spent in"])?;
        step(&mut operator, &format!("{EMPTY_LINE}500\r"), &["✓ the budget is $500.00"])?;
        stage.gateway.answers(&runner.secret, 204, "")?;
        line_of(&operator, &["■ nightly in Supp", "blocked", "looks stolen"])?;
        stage.gateway.answers(&nightly.secret, 429, "access_blocked")?;

        // the block is lifted
        step(&mut operator, ":project support\r", &["[1 Overview]", "$105.00 of $500.00"])?;
        step(&mut operator, "u", &["Lift what holds on nightly", "looks stolen"])?;
        step(&mut operator, "\ty", &["✓ the block on the key is lifted"])?;
        line_of(&operator, &["▸ nightly", "active"])?;
        stage.gateway.answers(&nightly.secret, 204, "")?;
        leave(operator)
    }

    /// R41: a release goes past an exhausted budget until it is lifted.
    async fn a_project_that_is_out_of_money_is_released_for_a_while_and_no_longer(store: &TestStore) -> Result<()> {
        let mut stage = Stage::new(store)?;
        stage.project("Support", (10, 8))?;
        let key = stage.key(("Support", "eve@acme.test"), "ci-runner")?;
        stage.spends(&key, 10)?;
        stage.gateway.answers(&key.secret, 429, BUDGET)?;
        let mut operator = stage.operator()?;
        line_of(&operator, &["▸ Support", "▲ refused"])?;
        step(&mut operator, "u", &["Release Support", "No exhausted budget refuses it", "Until           2h"])?;
        step(&mut operator, "\tfor today\ty", &["✓ the release on the project is placed until"])?;
        line_of(&operator, &["▸ Support", "◇ released"])?;
        line_of(&operator, &["◇ Support", "released", "1 key goes on"])?;
        stage.gateway.answers(&key.secret, 204, "")?;
        step(&mut operator, "u", &["Lift what holds on Support", "for today"])?;
        step(&mut operator, "\ty", &["✓ the release on the project is lifted"])?;
        stage.gateway.answers(&key.secret, 429, BUDGET)?;
        line_of(&operator, &["▸ Support", "▲ refused"])?;
        leave(operator)
    }
}
