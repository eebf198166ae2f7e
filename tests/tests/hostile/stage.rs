//! An organization with one of everything, and every command that takes a word from somebody.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use mete_tests::process::{Run, mete};
use mete_tests::{Engine, TestStore};
use serde_json::Value;
use tokio_postgres::NoTls;

/// Every place of the command line into which somebody types a word of their own, as `{}`.
pub const PLACES: [&str; 66] = [
    "org create {} --owner new@acme.test",
    "org create Other --owner {}",
    "org create Sub --owner new@acme.test --parent {}",
    "org rename Acme {}",
    "org rename {} Acme",
    "org show {}",
    "project create {} --org Acme",
    "project create Other --org {}",
    "project create Described --org Acme --description {}",
    "project create Linked --org Acme --website {}",
    "project rename Search {}",
    "project rename {} Search",
    "project edit Search --description {}",
    "project edit Search --website {}",
    "project archive Search --confirm {}",
    "project archive {} --confirm {}",
    "project list --org {}",
    "project show {}",
    "member list --org {}",
    "member list --project {}",
    "member add {} --project Support",
    "member add rita@acme.test --project {}",
    "member role {} reader --org Acme",
    "member role {} owner --project Support",
    "member role rita@acme.test {} --org Acme",
    "member remove {} --org Acme --yes",
    "member remove {} --project Support --yes",
    "member candidates --project {}",
    "member grant-usage {} --org Acme",
    "member revoke-usage {} --org Acme",
    "invite create {} --org Acme",
    "invite create other@acme.test --org Acme --project {}",
    "invite accept {} --name Kim",
    "invite accept INVITE --name {}",
    "invite revoke {}",
    "service-account create {} --project Support",
    "service-account role {} owner",
    "service-account role ACCOUNT {}",
    "service-account remove {} --yes",
    "key create --project Support --member eve@acme.test --name {}",
    "key create --project {} --member eve@acme.test",
    "key create --project Support --member {}",
    "key create --project Support --service-account {}",
    "key create --project Support --member eve@acme.test --scope {}=read",
    "key create --project Support --member eve@acme.test --expires-in {}",
    "key create --admin --org Acme --member {}",
    "key create --admin --org Acme --member dana@acme.test --name {}",
    "key edit KEY --name {}",
    "key edit {} --name other",
    "key edit KEY --project {}",
    "key list --project {}",
    "limits set --project {} --budget 1",
    "limits set --org Acme --models {}",
    "limits set --org Acme --rate {}:requests_per_minute=5",
    "limits set --org Acme --budget {}",
    "block add --key {} --reason abuse",
    "block add --key KEY --reason {}",
    "block add --project Support --reason abuse --until {}",
    "block lift {}",
    "resource list --project Support --type {}",
    "audit list --org Acme --actor {}",
    "audit list --org Acme --action {}",
    "audit list --since {}",
    "settings set {} 5",
    "spend --project {}",
    "--as {} project list",
];

/// `mete` on an organization with one of everything.
pub struct Stage<'a> {
    place: &'a TestStore,
    pub key: String,
    account: String,
    invite: String,
}

impl<'a> Stage<'a> {
    pub fn new(place: &'a TestStore) -> Result<Self> {
        let mut stage = Self { place, key: String::new(), account: String::new(), invite: String::new() };
        stage.done("init --org Acme --owner dana@acme.test")?;
        for project in ["Support", "Search"] {
            stage.done(&format!("project create {project} --org Acme"))?;
        }
        stage.done("key create --project Search --member rita@acme.test")?;
        let text = |value: &Value| value.as_str().map(str::to_owned).context("a field is missing");
        stage.key = text(&stage.done("key create --project Support --member eve@acme.test --name ci")?["id"])?;
        stage.account = text(&stage.done("service-account create nightly --project Support")?["id"])?;
        stage.invite = text(&stage.done("invite create kim@acme.test --org Acme")?["id"])?;
        Ok(stage)
    }

    /// A command whose words are apart by one space.
    pub fn done(&self, words: &str) -> Result<Value> {
        let run = self.quietly(words, "", true)?;
        ensure!(run.status.success(), "{words}: {run:?}");
        run.json()
    }

    /// A command of [`PLACES`] with `word` where it has `{}`, and the log turned up as far as it goes.
    pub fn with(&self, place: &str, word: &str, json: bool) -> Result<Run> {
        Run::of(self.command(self.words(place, word, json))?.env("METE_LOG", "trace"))
    }

    /// The same with the usual log.
    pub fn quietly(&self, place: &str, word: &str, json: bool) -> Result<Run> {
        Run::of(&mut self.command(self.words(place, word, json))?)
    }

    fn words(&self, place: &str, word: &str, json: bool) -> Vec<String> {
        let words = place.split(' ').map(|part| match part {
            "KEY" => self.key.clone(),
            "ACCOUNT" => self.account.clone(),
            "INVITE" => self.invite.clone(),
            part => part.replace("{}", word),
        });
        words.chain(json.then(|| "--json".to_owned())).collect()
    }

    pub fn command(&self, words: impl IntoIterator<Item = String>) -> Result<Command> {
        let mut command = mete()?;
        command.args(words).env("METE_STORE", self.place.url());
        Ok(command)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.place.path(name)
    }

    /// All that the store has on disk or in its tables.
    pub async fn contents(&self) -> Result<Vec<u8>> {
        match self.place.engine() {
            Engine::Sqlite => {
                let mut bytes = Vec::new();
                for file in ["mete.db", "mete.db-wal", "mete.db-shm"] {
                    bytes.extend(std::fs::read(self.place.path(file)).unwrap_or_default());
                }
                Ok(bytes)
            }
            Engine::Postgres => self.tables().await,
        }
    }

    async fn tables(&self) -> Result<Vec<u8>> {
        let (client, connection) = tokio_postgres::connect(self.place.url(), NoTls).await?;
        let driving = tokio::task::JoinSet::from_iter([connection]);
        let names = client.query("SELECT tablename FROM pg_tables WHERE schemaname = 'public'", &[]).await?;
        let mut bytes = Vec::new();
        for name in &names {
            let rows = format!("SELECT CAST(t AS TEXT) FROM \"{}\" t", name.get::<_, String>(0));
            for row in client.query(&rows, &[]).await? {
                bytes.extend(row.get::<_, String>(0).into_bytes());
            }
        }
        drop((client, driving));
        Ok(bytes)
    }
}

/// Whether `bytes` hold `text`.
pub fn hold(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}
