//! A store with many keys, and `meted` on it.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context as _, Result};
use mete_control::host::{SystemClock, origin};
use mete_control::{Control, LimitChange, LimitsOf, NewOrganizationInput, NewProjectInput};
use mete_core::actor::Actor;
use mete_core::directory::{ApiKey, KeyStatus, Project};
use mete_core::ids::IdKind;
use mete_core::people::MemberKind;
use mete_core::permissions::Permissions;
use mete_core::secret::{Secret, SecretKind};
use mete_core::{Clock as _, Nanos};
use mete_store::{Store, Tx};
use mete_tests::bench::{Stopwatch, question};
use mete_tests::postgres::free_port;
use mete_tests::{Engine, Meted, Process, TestStore};
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use tokio::runtime::Runtime;

use crate::clients::Server;

/// Projects over which the keys are spread.
const PROJECTS: u64 = 100;
/// So many keys are asked about at most, from all over the store.
const ASKED: u64 = 100_000;

/// In which form a gateway asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Header,
    Json,
    Holding,
}

impl Form {
    pub const ALL: [Self; 3] = [Self::Header, Self::Json, Self::Holding];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Header => "GET with headers",
            Self::Json => "POST, nothing held",
            Self::Holding => "POST, money held",
        }
    }

    /// The bytes of the question about a key.
    pub fn question(self, secret: &str) -> Vec<u8> {
        let sizes = match self {
            Self::Header => return question(secret),
            Self::Json => r#""hold":false"#,
            Self::Holding => r#""input_tokens":1000,"max_output_tokens":500"#,
        };
        let body = format!(
            r#"{{"key":"{secret}","method":"POST","path":"/v1/chat/completions","model":"gpt-4o-mini",{sizes}}}"#
        );
        format!(
            "POST /v1/authorize HTTP/1.1\r\nhost: mete\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
        .into_bytes()
    }
}

/// A folder with the store, and what `meted` needs.
pub struct Place {
    store: TestStore,
    /// The secrets of the keys that are asked about, and their ids.
    pub secrets: Vec<String>,
    pub key_ids: Vec<String>,
}

impl Place {
    /// With so many keys, each project with a budget that will last.
    pub fn new(keys: u64) -> Result<Self> {
        let mut place = Self { store: TestStore::new(Engine::Sqlite)?, secrets: Vec::new(), key_ids: Vec::new() };
        Runtime::new()?.block_on(place.fill(keys))?;
        Ok(place)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.store.path(name)
    }

    pub fn log(&self) -> PathBuf {
        self.path("logs/usage.jsonl")
    }

    /// Another way into the store.
    pub async fn open(&self) -> Result<Store> {
        Ok(Store::open(&self.store.url().parse()?).await?)
    }

    async fn fill(&mut self, keys: u64) -> Result<()> {
        let mut random = StdRng::seed_from_u64(1);
        let store = Store::create(&self.store.url().parse()?, &mut random).await?;
        let operator = Actor::operator(origin());
        let acme = NewOrganizationInput { name: "Acme".into(), owner: "owner@acme.test".into(), parent: None };
        let control = Control::new(&store, &SystemClock, &mut random);
        control.init(&operator, &acme).await?;
        let (mut projects, mut budget) = (Vec::new(), LimitChange::default());
        budget.budget = Some(Some(Nanos::from_dollars(10_000_000)));
        for number in 0..PROJECTS {
            let name = format!("Project {number}");
            projects.push(control.create_project(&operator, &NewProjectInput::named("Acme", &name)).await?);
            control.set_limits(&operator, &LimitsOf::Project(name), &budget).await?;
        }
        let owner = store.person("owner@acme.test").await?.context("nobody owns it")?.id;
        let mut tx = store.begin().await?;
        for number in 0..keys {
            let project = &projects[(number % PROJECTS) as usize];
            let secret = Secret::generate(SecretKind::Person, &mut random);
            let id = insert_key(&mut tx, project, (&owner, number), &secret, &mut random).await?;
            if number % keys.div_ceil(ASKED) == 0 {
                self.secrets.push(secret.reveal().to_owned());
                self.key_ids.push(id);
            }
        }
        tx.commit().await?;
        store.close().await;
        Ok(())
    }

    /// Starts `meted`, its HTTP server on one thread, and waits until it may be asked.
    pub fn start(&self) -> Result<Started> {
        fs::create_dir_all(self.path("logs"))?;
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()?));
        let (config, socket) = (self.path("meted.toml"), self.path("meted.sock"));
        let text = format!(
            "[store]\nurl = \"{}\"\n[listen]\naddress = \"{address}\"\nsocket = \"{}\"\n\
             [[source]]\nkind = \"file\"\npath = \"{}\"\n",
            self.store.url(),
            socket.display(),
            self.log().display(),
        );
        fs::write(&config, text)?;
        let mut command = Meted::command(&config)?;
        command.env("TOKIO_WORKER_THREADS", "1").stdin(Stdio::null());
        let since = Stopwatch::start();
        let process = Process::start(&mut command)?;
        let meted = Meted(process);
        meted.is_ready()?;
        let load = LoadTime(since.elapsed().as_secs_f64() * 1e3);
        let memory = Memory::of(&meted)?;
        Ok(Started { meted, address, socket, load, memory })
    }
}

async fn insert_key(
    tx: &mut Tx,
    project: &Project,
    (owner, number): (&str, u64),
    secret: &Secret,
    random: &mut StdRng,
) -> Result<String> {
    let key = ApiKey {
        id: IdKind::Key.generate(random),
        organization_id: project.organization_id.clone(),
        project_id: project.id.clone(),
        owner_id: owner.to_owned(),
        owner_kind: MemberKind::User,
        owner: String::new(),
        name: format!("key {number}"),
        redacted_value: secret.redacted(),
        status: KeyStatus::Active,
        created_at: SystemClock.now(),
        last_used_at: None,
        expires_at: None,
        permissions: Permissions::ALL,
    };
    tx.insert_key(&key, secret.hash()).await?;
    Ok(key.id)
}

/// Milliseconds.
#[derive(Clone, Copy)]
pub struct LoadTime(f64);

impl LoadTime {
    pub const fn milliseconds(self) -> f64 {
        self.0
    }
}

/// What a process has of memory.
#[derive(Clone, Copy)]
pub struct Memory(f64);

impl Memory {
    fn of(meted: &Meted) -> Result<Self> {
        let status = fs::read_to_string(format!("/proc/{}/status", meted.0.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
        let kibibytes: f64 = line.trim().trim_end_matches(" kB").parse()?;
        Ok(Self(kibibytes * 1024.0))
    }

    pub const fn bytes(self) -> f64 {
        self.0
    }
}

/// `meted`, as a service manager starts it.
pub struct Started {
    meted: Meted,
    address: SocketAddr,
    socket: PathBuf,
    /// From its start until it said that it is ready.
    pub load: LoadTime,
    pub memory: Memory,
}

impl Started {
    /// How many events it counted.
    pub fn accepted(&self) -> Result<u64> {
        let mut stream = TcpStream::connect(self.address)?;
        write!(stream, "GET /metrics HTTP/1.1\r\nhost: mete\r\nconnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let lines = answer.lines().filter(|line| line.starts_with("mete_events_accepted_total"));
        Ok(lines.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum())
    }

    pub fn stop(self) -> Result<()> {
        self.meted.stop().map(drop)
    }
}

impl Server for Started {
    fn address(&self) -> SocketAddr {
        self.address
    }

    fn socket(&self) -> &Path {
        &self.socket
    }
}
