//! The life of an organization at the terminal: it is made, gets a project and a key, invites people, archives what is
//! over.

use anyhow::{Context as _, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mete_tests::terminal::Terminal;
use mete_tests::{TestStore, each_engine, wait};

use crate::interface;
use crate::stage::{PATIENCE, Stage, escape, leave, line_of, step};

/// What was put on the clipboard, bare and as tmux passes it on.
fn copied(terminal: &Terminal) -> (Vec<String>, Vec<String>) {
    let written = String::from_utf8_lossy(&terminal.bytes()).into_owned();
    let wrapped: Vec<&str> = written.split("\x1bPtmux;\x1b").skip(1).filter_map(|it| it.split('\\').next()).collect();
    let of = |text: &str| {
        let encoded = text.strip_prefix("\x1b]52;c;")?.split('\x07').next()?;
        String::from_utf8(STANDARD.decode(encoded).ok()?).ok()
    };
    let alone = written.match_indices("\x1b]52;c;").filter(|(at, _)| !written[..*at].ends_with('\x1b'));
    let bare = alone.filter_map(|(at, _)| of(&written[at..])).collect();
    (bare, wrapped.into_iter().filter_map(of).collect())
}

/// The secret on the screen.
fn secret(terminal: &Terminal) -> Result<String> {
    let screen = terminal.screen();
    let words = screen.split_whitespace().map(|word| word.trim_matches('│'));
    let mut found = words.filter(|word| word.starts_with("sk-svcacct-") && !word.contains('…'));
    Ok(found.next_back().context("no secret")?.to_owned())
}

each_engine! {
    /// R12, R13, R15: the secret is shown once, and it is the key's.
    async fn an_organization_a_project_and_a_service_account_are_made_whose_secret_is_copied_and_works(
        store: &TestStore
    ) -> Result<()> {
        let stage = Stage::new(store)?;
        let mut command = interface(store)?;
        command.env("TMUX", "/tmp/tmux-0/default,1,0");
        let mut operator = Terminal::start(&command, (120, 40))?;
        step(&mut operator, "", &["Spend, Acme"])?;
        step(&mut operator, ":organizations\r", &["▸ Acme"])?;
        step(&mut operator, "n", &["New organization"])?;
        // what is missing is said, and nothing is lost
        step(&mut operator, "Globex\r", &["an e-mail address is needed"])?;
        step(&mut operator, "gus@globex.test\r", &["✓ the organization \"Globex\" is made"])?;
        step(&mut operator, "/globex\r", &["▸ Globex"])?;
        step(&mut operator, "\r", &["mete › Globex", "Default project"])?;
        step(&mut operator, "n", &["New project in Globex"])?;
        step(&mut operator, "Chat\r", &["✓ the project \"Chat\" is made"])?;
        step(&mut operator, "/chat\r", &["▸ Chat"])?;
        step(&mut operator, "\r", &["mete › Globex › Chat", "No key yet"])?;
        step(&mut operator, ".make a service", &["▸ make a service account"])?;
        step(&mut operator, "\r", &["New service account of Chat", "the secret is shown once"])?;
        step(&mut operator, "bot\r", &["The secret, shown once", "It will not be shown again"])?;
        let shown = secret(&operator)?;
        ensure!(copied(&operator) == (Vec::new(), Vec::new()), "nothing is copied that nobody asked for");
        step(&mut operator, "c", &["sent to the clipboard"])?;
        let once = vec![shown.clone()];
        wait::until("the clipboard", PATIENCE, || (copied(&operator) == (once.clone(), once.clone())).then_some(()))?;

        // no key that is pressed in passing puts it away
        step(&mut operator, "q", &[&shown])?;
        step(&mut operator, "\x1b", &["I have kept it"])?;
        step(&mut operator, "n", &["sent to the clipboard"])?;
        step(&mut operator, "\x1b", &["I have kept it"])?;
        operator.keys("y")?;
        operator.wait_until_gone(&shown)?;
        line_of(&operator, &["▸ sk-svcacct-…", "active"])?;
        stage.gateway.answers(&shown, 204, "")?;
        ensure!(stage.gateway.ask("sk-svcacct-another")?.status == 401);
        leave(operator)?;

        // outside of tmux the sequence is as it is
        let mut operator = stage.operator()?;
        step(&mut operator, ":project chat\r", &["mete › Chat", "▸ sk-svcacct-…"])?;
        step(&mut operator, ".another secret\r", &["Another secret for"])?;
        step(&mut operator, "\ty", &["It will not be shown again"])?;
        let other = secret(&operator)?;
        step(&mut operator, "c", &["sent to the clipboard"])?;
        let once = (vec![other.clone()], Vec::new());
        wait::until("the clipboard", PATIENCE, || (copied(&operator) == once).then_some(()))?;
        step(&mut operator, "\x1b", &["I have kept it"])?;
        operator.keys("y")?;
        operator.wait_until_gone(&other)?;
        stage.gateway.answers(&other, 204, "")?;
        ensure!(stage.gateway.ask(&shown)?.status == 204, "the old one works while the grace lasts");
        leave(operator)
    }

    /// R21: its name is typed exactly, its keys stop, its spend stays.
    async fn a_project_is_archived_by_its_name_and_its_keys_stop(store: &TestStore) -> Result<()> {
        let mut stage = Stage::new(store)?;
        stage.project("Support", (100, 80))?;
        let key = stage.key(("Support", "eve@acme.test"), "ci-runner")?;
        stage.key(("Support", "kim@acme.test"), "idle")?;
        stage.spends(&key, 42)?;
        stage.gateway.answers(&key.secret, 204, "")?;
        let mut operator = stage.operator()?;
        line_of(&operator, &["▸ Support", "$42.00"])?;
        let told = ["Archive Support", "Stops 2 keys at once.", "Spent this month: $42.00", "Cannot be undone"];
        step(&mut operator, "x", &told)?;
        // enter in the field goes on, and no further; a name that is nearly right is none
        step(&mut operator, "support\r", &["type \"Support\", exactly", "▸ ⏎ archive for good"])?;
        step(&mut operator, "\r", &["▸ Its name"])?;
        ensure!(stage.gateway.ask(&key.secret)?.status == 204);
        step(&mut operator, "\x15Support", &["Its name        Support"])?;
        step(&mut operator, "\r", &["▸ ⏎ archive for good"])?;
        step(&mut operator, "\r", &["✓ the project \"Support\" is archived, its keys are stopped"])?;
        stage.gateway.answers(&key.secret, 401, "invalid_api_key")?;

        step(&mut operator, ":projects acme\r", &["Default project"])?;
        ensure!(!operator.screen().contains("Support"), "{}", operator.screen());
        step(&mut operator, "v", &["▸ Support"])?;
        line_of(&operator, &["▸ Support", "$42.00"])?;
        // nothing more can be done to it
        ensure!(!operator.screen().contains("x remove"), "{}", operator.screen());
        leave(operator)
    }

    /// R9: an invite is pending until it is taken back or accepted.
    async fn somebody_is_invited_uninvited_and_invited_again_and_comes(store: &TestStore) -> Result<()> {
        let stage = Stage::new(store)?;
        stage.project("Support", (100, 80))?;
        let mut operator = stage.operator()?;
        step(&mut operator, ":invites acme\r", &["invites to Acme", "Nobody is invited"])?;
        step(&mut operator, "n", &["Invite to Acme", "for seven days"])?;
        step(&mut operator, "lee\r", &["lee", "e-mail address"])?;
        step(&mut operator, "@acme.test\r", &["✓ lee@acme.test is invited as reader"])?;
        line_of(&operator, &["▸ lee@acme.test", "● pending"])?;
        step(&mut operator, ".invite back\r", &["Take an invite to Acme back", "‹ lee@acme.test ›"])?;
        step(&mut operator, "\ty", &["✓ the invite to lee@acme.test is taken back", "Nobody is invited"])?;

        // with a project this time: space gives the role of a member there
        step(&mut operator, "n", &["Invite to Acme"])?;
        step(&mut operator, "lee@acme.test\t\t ", &["Support", "member"])?;
        step(&mut operator, "\r", &["✓ lee@acme.test is invited as reader", "● pending"])?;
        step(&mut operator, ".accept\r", &["Accept an invite to Acme"])?;
        step(&mut operator, "\tLee\r", &["✓ lee@acme.test is a member of the organization", "✓ accepted"])?;
        escape(&mut operator, "invites to Acme")?;
        step(&mut operator, ":project support\r", &["[1 Overview]"])?;
        step(&mut operator, "2", &["[2 People]"])?;
        line_of(&operator, &["Lee", "member", "lee@acme.test"])?;
        let members = stage.mete("member list --project Support")?;
        ensure!(members.to_string().contains("lee@acme.test"), "{members}");
        leave(operator)
    }
}
