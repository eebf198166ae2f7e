//! A store with the organization Acme and its project Bot, and what was written for it.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Result, ensure};
use mete_control::host::SystemClock;
use mete_control::{Control, LimitChange, LimitsOf, NewKeyInput, NewOrganizationInput, NewProjectInput};
use mete_core::actor::{Actor, Origin};
use mete_core::{Clock, Nanos, Timestamp};
use mete_store::{QuarantineRow, Store, Verification};
use mete_tests::{TestStore, wait};
use rand::SeedableRng;
use rand::rngs::StdRng;

use super::lines::{Line, append, append_text, total};
use super::{LIMIT, Meted};

/// Who does what tests do to the directory.
pub fn operator() -> Actor {
    Actor::operator(Origin { os_user: "test".into(), host: "test".into() })
}

/// A key with its secret.
#[derive(Clone, Debug)]
pub struct Key {
    pub id: String,
    pub secret: String,
}

impl Key {
    /// The field of a line that names it.
    pub fn field(&self) -> String {
        format!(r#""api_key":"{}""#, self.id)
    }
}

/// A store, and what its ledger should come to.
pub struct Stage<'a> {
    pub place: &'a TestStore,
    pub store: Store,
    pub organization: String,
    random: StdRng,
    next: AtomicU64,
    written: Vec<Line>,
}

impl<'a> Stage<'a> {
    pub async fn new(place: &'a TestStore) -> Result<Self> {
        let mut random = StdRng::seed_from_u64(7);
        let store = Store::create(&place.url().parse()?, &mut random).await?;
        let input = NewOrganizationInput { name: "Acme".into(), owner: "dana@acme.test".into(), parent: None };
        let made = Control::new(&store, &SystemClock, &mut random).init(&operator(), &input).await?;
        let organization = made.organization.id;
        let mut stage = Self { place, store, organization, random, next: AtomicU64::new(0), written: Vec::new() };
        stage.project("Bot").await?;
        Ok(stage)
    }

    pub fn now() -> Timestamp {
        SystemClock.now()
    }

    pub fn control(&mut self) -> Control<'_> {
        Control::new(&self.store, &SystemClock, &mut self.random)
    }

    pub async fn project(&mut self, name: &str) -> Result<String> {
        let input = NewProjectInput {
            organization: self.organization.clone(),
            name: name.to_owned(),
            description: String::new(),
            website: String::new(),
        };
        Ok(self.control().create_project(&operator(), &input).await?.id)
    }

    pub async fn key(&mut self, project: &str) -> Result<Key> {
        self.key_of(&NewKeyInput::for_person(project, "eve@acme.test")).await
    }

    pub async fn key_of(&mut self, input: &NewKeyInput) -> Result<Key> {
        let made = self.control().create_key(&operator(), input).await?;
        Ok(Key { id: made.key.id, secret: made.secret.reveal().to_owned() })
    }

    /// Sets the budget, in dollars, of a project, or of the organization.
    pub async fn budget(&mut self, project: Option<&str>, dollars: i64) -> Result<()> {
        let budget = Some(Some(Nanos::from_dollars(dollars)));
        self.limit(project, &LimitChange { budget, ..LimitChange::default() }).await
    }

    /// Changes the limits of a project, or of the organization.
    pub async fn limit(&mut self, project: Option<&str>, change: &LimitChange) -> Result<()> {
        let of = match project {
            Some(project) => LimitsOf::Project(project.to_owned()),
            None => LimitsOf::Organization(self.organization.clone()),
        };
        self.control().set_limits(&operator(), &of, change).await?;
        Ok(())
    }

    /// A path in the test's folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.place.path(name)
    }

    /// Writes `meted.toml`: this store, and `rest`.
    pub fn configure(&self, rest: &str) -> PathBuf {
        self.configure_at(self.place.url(), rest)
    }

    /// The same with another way to the store.
    pub fn configure_at(&self, url: &str, rest: &str) -> PathBuf {
        let path = self.path("meted.toml");
        std::fs::write(&path, format!("[store]\nurl = '{url}'\n{rest}")).unwrap();
        path
    }

    /// Starts a daemon that follows `pattern` in the test's folder for the project Bot.
    pub fn follow(&self, pattern: &str) -> Result<Meted> {
        Meted::start(&self.configure(&source(pattern)))
    }

    /// New lines that nobody has written yet.
    pub fn lines(&self, number: u64) -> Vec<Line> {
        let now = Self::now();
        (0..number)
            .map(|_| {
                let n = self.next.fetch_add(1, Ordering::Relaxed);
                if n.is_multiple_of(3) {
                    Line::chat(&n.to_string(), now, (n as i64 % 1000, 5))
                } else {
                    Line::own(&format!("e{n}"), now, Nanos(1_000 + n as i64))
                }
            })
            .collect()
    }

    /// Appends new lines to a file, and expects them in the ledger.
    pub fn write(&mut self, path: &Path, number: u64) -> Vec<Line> {
        let lines = self.lines(number);
        append(path, &lines);
        self.expect(&lines);
        lines
    }

    /// Appends the first half of a new line to a file; returns the other half, which the caller may append.
    pub fn tear(&mut self, path: &Path) -> (String, Line) {
        let line = self.lines(1).remove(0);
        let (head, tail) = line.text.split_at(line.text.len() / 2);
        append_text(path, head);
        (format!("{tail}\n"), line)
    }

    /// Expects lines that somebody else wrote in the ledger.
    pub fn expect(&mut self, lines: &[Line]) {
        self.written.extend_from_slice(lines);
    }

    /// Waits until the ledger has every line that is expected in it, and checks that it has nothing else, to the
    /// nano-dollar.
    pub async fn counted(&self) -> Result<()> {
        let expected = i64::try_from(self.written.len())?;
        let reached = wait::eventually(&format!("{expected} events in the ledger"), LIMIT, async || {
            let verification = self.store.verify().await.ok()?;
            (verification.events >= expected).then_some(verification)
        })
        .await;
        match reached {
            Ok(verification) => self.exact(&verification),
            Err(error) => {
                Err(error.context(format!("{:?} {:?}", self.store.verify().await?, self.store.quarantine(5).await?)))
            }
        }
    }

    /// Checks that the ledger has what is expected in it, now.
    pub async fn check(&self) -> Result<()> {
        self.exact(&self.store.verify().await?)
    }

    fn exact(&self, verification: &Verification) -> Result<()> {
        ensure!(verification.ok, "{verification:?}");
        let expected = (i64::try_from(self.written.len())?, total(&self.written));
        ensure!((verification.events, verification.total) == expected, "{expected:?} expected in {verification:?}");
        Ok(())
    }

    /// Waits for `number` entries in the quarantine, and checks that there are not more; oldest line first.
    pub async fn quarantined(&self, number: usize) -> Result<Vec<QuarantineRow>> {
        let mut rows = wait::eventually(&format!("{number} entries in the quarantine"), LIMIT, async || {
            let rows = self.store.quarantine(1000).await.ok()?;
            (rows.len() >= number).then_some(rows)
        })
        .await?;
        ensure!(rows.len() == number, "{rows:?}");
        rows.sort_by_key(|row| row.position);
        Ok(rows)
    }
}

/// A source that follows `pattern` for the project Bot.
pub fn source(pattern: &str) -> String {
    format!("[[source]]\nkind = 'file'\npath = '{pattern}'\nproject = 'Bot'\n")
}
