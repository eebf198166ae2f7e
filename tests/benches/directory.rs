//! How long a person waits for a list: an organization with 1000 projects of 50 keys each, asked by the real `mete`.

use std::io::{self, Write as _};

use anyhow::{Context as _, Result, ensure};
use mete_control::host::{SystemClock, origin};
use mete_control::{Control, NewOrganizationInput};
use mete_core::actor::Actor;
use mete_core::directory::{ApiKey, KeyStatus, OrganizationRole, Project, ProjectStatus};
use mete_core::ids::IdKind;
use mete_core::people::{MemberKind, ProjectRole};
use mete_core::permissions::Permissions;
use mete_core::secret::{Secret, SecretKind};
use mete_core::{Clock, Timestamp};
use mete_store::{Store, StoreUrl, Tx};
use mete_tests::bench::{self, Size, Stopwatch, Table, median};
use mete_tests::process::{Run, mete};
use mete_tests::{Engine, TestStore};
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use serde_json::Value;

/// What every figure is compared with: a start of the program that opens the store and reads two numbers.
const BASELINE: &[&str] = &["settings", "list"];

/// Each list, and who asks for it.
const LISTS: [(&[&str], Option<&str>); 16] = [
    (&["org", "list"], None),
    (&["project", "list", "--org", "Acme"], None),
    (&["project", "show", "Project 7"], None),
    (&["key", "list", "--project", "Project 7"], None),
    (&["key", "list", "--org", "Acme"], None),
    (&["member", "list", "--org", "Acme"], None),
    (&["member", "list", "--project", "Project 7"], None),
    (&["member", "candidates", "--project", "Project 7"], None),
    (&["service-account", "list", "--org", "Acme"], None),
    (&["spend", "--org", "Acme"], None),
    (&["audit", "list", "--org", "Acme"], None),
    (&["explain", "key 7-7"], None),
    (&["project", "list"], Some("owner@acme.test")),
    (&["project", "list"], Some("m7@acme.test")),
    (&["key", "list"], Some("m7@acme.test")),
    (&["key", "list"], Some("owner@acme.test")),
];

fn main() -> Result<()> {
    bench::main("directory", |size| {
        for engine in [Engine::Sqlite, Engine::Postgres] {
            let place = TestStore::new(engine)?;
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
            runtime.block_on(run(size, engine, &place))?;
        }
        Ok(())
    })
}

async fn run(size: Size, engine: Engine, place: &TestStore) -> Result<()> {
    let projects = size.number("METE_BENCH_PROJECTS", 1000, 10)?;
    let keys = size.number("METE_BENCH_PROJECT_KEYS", 50, 8)?;
    let runs = size.number("METE_BENCH_RUNS", 5, 1)?;
    let url: StoreUrl = place.url().parse()?;
    populate(&url, projects, keys).await?;

    let mut waits: Vec<Vec<f64>> = vec![Vec::new(); LISTS.len()];
    let mut rows: Vec<usize> = vec![0; LISTS.len()];
    let mut baseline = Vec::new();
    for _ in 0..runs {
        baseline.push(ask(place, BASELINE, None)?.0);
        for (place_of, (list, actor)) in LISTS.iter().enumerate() {
            let (wait, listed) = ask(place, list, *actor)?;
            waits[place_of].push(wait);
            rows[place_of] = listed;
        }
    }
    let base = median(&baseline);
    let mut table = Table::new(&["list", "rows", "ms", "of baseline"]);
    table.row([format!("mete {} (baseline)", BASELINE.join(" ")), "2".into(), format!("{base:.0}"), "1.00".into()]);
    for (((list, actor), waits), rows) in LISTS.iter().zip(&waits).zip(rows) {
        let by = actor.map(|actor| format!(" --as {actor}")).unwrap_or_default();
        let wait = median(waits);
        table.row([
            format!("mete {}{by}", list.join(" ")),
            rows.to_string(),
            format!("{wait:.0}"),
            format!("{:.2}", wait / base),
        ]);
    }
    let heading = format!("{engine:?}: {projects} projects with {keys} keys each, {runs} interleaved runs, medians");
    Ok(write!(io::stdout(), "\n{heading}\n\n{table}")?)
}

/// Runs one command; tells how long it took, in milliseconds, and how many rows it gave.
fn ask(place: &TestStore, words: &[&str], actor: Option<&str>) -> Result<(f64, usize)> {
    let mut command = mete()?;
    command.args(words).args(["--json", "--store", place.url()]);
    if let Some(actor) = actor {
        command.args(["--as", actor]);
    }
    let since = Stopwatch::start();
    let run = Run::of(&mut command)?;
    let wait = since.elapsed().as_secs_f64() * 1000.0;
    ensure!(run.status.success(), "mete {}: {}", words.join(" "), run.stderr);
    let value: Value = serde_json::from_str(&run.stdout).with_context(|| format!("mete {}", words.join(" ")))?;
    Ok((wait, value["rows"].as_array().map_or(1, Vec::len)))
}

/// An organization with its projects, keys and members, in one transaction: 50,000 commits would take longer than all
/// the rest. The owner is made by control, as everywhere.
async fn populate(url: &StoreUrl, projects: u64, keys: u64) -> Result<()> {
    let mut random = StdRng::seed_from_u64(1);
    let store = Store::create(url, &mut random).await?;
    let now = SystemClock.now();
    let acme = NewOrganizationInput { name: "Acme".into(), owner: "owner@acme.test".into(), parent: None };
    let control = Control::new(&store, &SystemClock, &mut random);
    let organization = control.init(&Actor::operator(origin()), &acme).await?.organization.id;
    let mut tx = store.begin().await?;
    for number in 0..projects {
        let project = Project {
            id: IdKind::Project.generate(&mut random),
            organization_id: organization.clone(),
            name: format!("Project {number}"),
            description: String::new(),
            website: String::new(),
            status: ProjectStatus::Active,
            is_default: false,
            created_at: now,
            archived_at: None,
        };
        tx.insert_project(&project).await?;
        let member = member_of(&mut tx, &project, (number, now), &mut random).await?;
        for key in 0..keys {
            insert_key(&mut tx, &project, (&member, &format!("key {number}-{key}"), now), &mut random).await?;
        }
    }
    tx.commit().await?;
    store.close().await;
    Ok(())
}

async fn member_of(
    tx: &mut Tx,
    project: &Project,
    (number, now): (u64, Timestamp),
    random: &mut StdRng,
) -> Result<String> {
    let id = IdKind::User.generate(random);
    let member = tx.upsert_person(&format!("m{number}@acme.test"), &id, now).await?;
    tx.insert_organization_member(&project.organization_id, &member, OrganizationRole::Reader, now).await?;
    tx.upsert_project_member(&project.id, &member, ProjectRole::Member, now).await?;
    Ok(member)
}

async fn insert_key(
    tx: &mut Tx,
    project: &Project,
    (owner, name, now): (&str, &str, Timestamp),
    random: &mut StdRng,
) -> Result<()> {
    let secret = Secret::generate(SecretKind::Person, random);
    let key = ApiKey {
        id: IdKind::Key.generate(random),
        organization_id: project.organization_id.clone(),
        project_id: project.id.clone(),
        owner_id: owner.to_owned(),
        owner_kind: MemberKind::User,
        owner: String::new(),
        name: name.to_owned(),
        redacted_value: secret.redacted(),
        status: KeyStatus::Active,
        created_at: now,
        last_used_at: None,
        expires_at: None,
        permissions: Permissions::ALL,
    };
    Ok(tx.insert_key(&key, secret.hash()).await?)
}
