//! Tables of the configuration say whose records are that do not name anything that Mete knows (R34).

use anyhow::{Result, ensure};
use mete_core::{Nanos, Timestamp};
use mete_store::{SpendBy, SpendQuery};
use mete_tests::{TestStore, each_engine};
use rustix::process::Signal;

use crate::support::{Line, Meted, Stage, append};

/// What LiteLLM writes of a request of `team`, with its cost in nano-dollars.
fn payload(id: &str, team: &str, time: Timestamp, cost: Nanos) -> Line {
    let text = format!(
        r#"{{"id":"{id}","call_type":"acompletion","status":"success","endTime":"{time}","model":"gpt-4o-mini","response_cost":{cost},"metadata":{{"user_api_key_hash":"88dc28","user_api_key_team_id":"{team}"}}}}"#
    );
    Line { text, cost }
}

/// What Claude Code writes of a message that was answered in `directory`: 100 input tokens at $3 a million.
fn transcript(id: &str, directory: &str, time: Timestamp) -> Line {
    let text = format!(
        r#"{{"type":"assistant","sessionId":"s","cwd":"{directory}","timestamp":"{time}","message":{{"id":"{id}","type":"message","role":"assistant","model":"claude-sonnet-4-5-20250929","usage":{{"input_tokens":100,"output_tokens":0}}}}}}"#
    );
    Line { text, cost: Nanos(300_000) }
}

/// What each project has spent this month, by name.
async fn spends(stage: &Stage<'_>) -> Result<Vec<(String, Nanos)>> {
    let query =
        SpendQuery { organization_id: None, project_ids: None, month: Stage::now().month(), by: SpendBy::Project };
    let rows = stage.store.spend(&query).await?;
    let mut spends: Vec<_> = rows.into_iter().map(|row| (row.name, row.spend)).collect();
    spends.sort_unstable();
    Ok(spends)
}

const GLOBAL: &str = "[[attribute]]\nwhen = { team = 'team_1' }\nproject = 'Search'\n\
    [[attribute]]\nwhen = { directory = '*' }\nproject = 'Search'\n";

const SOURCE: &str = "[[source]]\nkind = 'file'\npath = '*.jsonl'\norg = 'Acme'\n\
    [[source.attribute]]\nwhen = { directory = '/srv/bot*' }\nproject = 'Bot'\n";

each_engine! {
    async fn tables_of_a_source_come_first_and_a_reload_takes_new_ones(store: &TestStore) -> Result<()> {
        let mut stage = Stage::new(store).await?;
        stage.project("Search").await?;
        let (path, now) = (stage.path("usage.jsonl"), Stage::now());
        let good = [
            payload("l1", "team_1", now, Nanos(5)),
            transcript("m1", "/srv/bot-2/src", now),
            transcript("m2", "/home/dana", now),
            Line::own("e1", now, Nanos(7)),
        ];
        append(&path, &good);
        append(&path, &[payload("l2", "team_2", now, Nanos(11))]);
        stage.expect(&good);
        let meted = Meted::start(&stage.configure(&format!("{GLOBAL}{SOURCE}")))?;
        stage.counted().await?;
        let rows = stage.quarantined(1).await?;
        ensure!(rows[0].reason == "unknown_key" && rows[0].detail.contains("[[attribute]]"), "{rows:?}");
        let expected = [("Bot", 300_000), ("Default project", 7), ("Search", 300_005)];
        ensure!(spends(&stage).await? == expected.map(|(name, cost)| (name.to_owned(), Nanos(cost))));

        // A table that names what is not there is complained of, and those of other sources hold as before.
        let more = "[[attribute]]\nwhen = { team = 'team_2' }\nproject = 'Bot'\n\
                    [[attribute]]\nwhen = { team = 'team_3' }\nproject = 'Nowhere'\n";
        stage.configure(&format!("{more}{GLOBAL}{SOURCE}"));
        meted.0.signal(Signal::HUP)?;
        meted.said("read again")?;
        meted.said("Nowhere")?;
        let late = payload("l3", "team_2", now, Nanos(13));
        append(&path, std::slice::from_ref(&late));
        stage.expect(&[late]);
        stage.counted().await?;
        ensure!(spends(&stage).await?[0] == ("Bot".to_owned(), Nanos(300_013)));
        meted.stop()?;
        stage.check().await
    }
}
