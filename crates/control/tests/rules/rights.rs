//! R6's table, every cell: each role tries each thing that a row stands for, and what it leaves behind is compared.

pub mod attempts;
mod changes;
mod looks;
pub mod scene;
mod spend_and_record;

use std::rc::Rc;

use mete_control::ControlError;
use mete_core::actor::Actor;
use mete_core::audit::AuditOutcome;
use mete_tests::{TestStore, each_engine};

use crate::rights::attempts::{ATTEMPTS, About, Attempt, Kind};
use crate::rights::scene::Scene;
use crate::traces::Traces;
use crate::world::{DANA, Ground, MIA, OLGA, OTTO, REY, World, operator};

/// R6's table in the words of the rule: organization owner, project owner, project member, organization reader who is
/// not in the project.
const R6: &str = "
| see the organization's name and basic facts | yes | yes | yes | yes |
| see a project, its members and their roles | all projects | own projects | own projects | no: it does not exist for them |
| the list of all projects, active and archived; all users; all keys | yes | no | no | no |
| create a project | yes | no | no | no |
| rename a project, edit its description and website | yes | yes | no | no |
| archive a project | yes | yes | no | no |
| add, remove members of a project, change their role | yes | yes | no | no |
| create, remove project service accounts and manage their keys | yes | yes | no | no |
| create an own API key in a project, edit or revoke it | yes | yes | yes | no |
| revoke or edit somebody else's key in the project | yes | yes | no | no |
| invite to, remove from the organization, change an organization role | yes | no | no | no |
| create organization-level service accounts | yes | no | no | no |
| set budgets, thresholds, models and rate limits (project or organization) | yes | no | no | no |
| see usage and spend | all | own projects | only with a grant (R8) | only with a grant (R8) |
| read the audit log | all | own projects | no | no |
| lift or place a manual block | yes | yes, on keys of the project | no | no |
";

/// Who stands in which column. The fifth is for whom nothing of the organization exists.
const COLUMNS: [&str; 5] = [DANA, OLGA, MIA, REY, OTTO];

/// The column of organization readers who are not in the project.
const READER: usize = 3;
/// The column of those who are not in the organization.
const OUTSIDER: usize = 4;

/// What is to become of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expected {
    /// It works, and shows everything.
    Allowed,
    /// It shows less than everything, or is refused.
    Less,
    /// It is refused, and the role is named that would do.
    Refused,
    /// It is refused in the words for what is not there.
    Hidden,
    /// It is refused, and allowed once there is a grant.
    WithGrant,
}

/// A row of the table.
struct Row {
    words: &'static str,
    cells: Vec<&'static str>,
}

fn rows() -> Vec<Row> {
    let parts = |line: &'static str| line.trim_matches('|').split('|').map(str::trim).collect::<Vec<_>>();
    R6.trim().lines().map(parts).map(|parts| Row { words: parts[0], cells: parts[1..].to_vec() }).collect()
}

impl Row {
    /// What the row stands for.
    fn attempts(&self) -> &'static [Attempt] {
        let (_, attempts) = ATTEMPTS.iter().find(|(words, _)| *words == self.words).unwrap();
        attempts
    }

    /// What the cell says of something about this.
    fn expected(&self, column: usize, about: About) -> Expected {
        if column == OUTSIDER {
            return Expected::Hidden;
        }
        let allowed = match self.cells[column] {
            "yes" | "all" | "all projects" => Expected::Allowed,
            "own projects" if about == About::Organization => Expected::Less,
            "own projects" => Expected::Allowed,
            // Taking note of an alert takes what blocking a key does.
            "yes, on keys of the project" if matches!(about, About::Key | About::Alert) => Expected::Allowed,
            "yes, on keys of the project" | "no" | "no: it does not exist for them" => Expected::Refused,
            "only with a grant (R8)" => Expected::WithGrant,
            other => panic!("no such cell: {other}"),
        };
        // To them the project does not exist, whatever they try there; a grant is for the organization.
        let outside = column == READER && about != About::Organization;
        if outside && allowed != Expected::Allowed { Expected::Hidden } else { allowed }
    }

    /// How a refusal names the least role that would do.
    fn role_needed(&self, about: About) -> &'static str {
        let would_do = |column| self.expected(column, about) == Expected::Allowed;
        match [READER, 2, 1].into_iter().find(|column| would_do(*column)) {
            Some(READER) => "a member of the organization",
            Some(2) => "a member of the project",
            Some(_) => "an owner of the project or the organization",
            None if self.cells[1] == "own projects" => "an owner of the project or the organization",
            None => "an owner of the organization",
        }
    }
}

/// Through what the people of the table act.
#[derive(Clone, Copy, Debug)]
enum Through {
    Themselves,
    AdminKeys,
}

/// What happened in an attempt.
struct Tried {
    outcome: Result<bool, ControlError>,
    before: Rc<Traces>,
    after: Rc<Traces>,
}

/// A store in which one thing is tried after the other.
struct Trial<'a, 'b> {
    world: &'a World<'b>,
    /// Who stands in which column.
    actors: Vec<Actor>,
    /// What the attempt before left behind.
    before: Rc<Traces>,
    /// The cells that do not hold.
    wrong: Vec<String>,
}

impl Tried {
    /// What is wrong with an attempt that is to be allowed.
    fn allowed(&self, attempt: &Attempt, actor: &Actor) -> Result<(), String> {
        match &self.outcome {
            Ok(true) => {}
            Ok(false) => return Err("it shows less than everything".to_owned()),
            Err(error) => return Err(format!("it is refused: {error}")),
        }
        if attempt.kind != Kind::Change {
            return self.left(0);
        }
        match self.before.entries_until(&self.after)[..] {
            [entry] if entry.record.outcome == AuditOutcome::Done && entry.record.actor_id == actor.id() => {}
            ref entries => return Err(format!("it leaves {entries:?}")),
        }
        if self.before.feed == self.after.feed { Err("the change feed was not told".to_owned()) } else { Ok(()) }
    }

    /// What is wrong with an attempt that is to show less than everything.
    fn less(&self) -> Result<(), String> {
        match &self.outcome {
            Ok(true) => Err("it shows everything".to_owned()),
            Err(error) if error.code() != "not_permitted" => Err(format!("{}: {error}", error.code())),
            _ => self.left(0),
        }
    }

    /// What is wrong with an attempt that is to be refused for want of a role.
    fn refused(&self, attempt: &Attempt, actor: &Actor, role: &str) -> Result<(), String> {
        match &self.outcome {
            Ok(false) if attempt.kind == Kind::List => {}
            Ok(_) => return Err("it is allowed".to_owned()),
            Err(error) if error.code() == "not_permitted" && error.to_string().contains(role) => {}
            Err(error) => return Err(format!("{}: {error}", error.code())),
        }
        self.refusal_left(attempt, actor)
    }

    /// What is wrong with an attempt that is to be told what it is told of `nothing`: that there is no such thing.
    fn hidden(&self, attempt: &Attempt, actor: &Actor, nothing: &Self, ids: &[(&str, &str)]) -> Result<(), String> {
        match (&self.outcome, &nothing.outcome) {
            (Ok(false), Ok(false)) if attempt.kind == Kind::List => {}
            (Err(error), Err(missing)) if [error, missing].iter().all(|error| error.code() == "not_found") => {
                let said = ids.iter().fold(error.to_string(), |said, (id, other)| said.replace(id, other));
                if said != missing.to_string() {
                    return Err(format!("{error:?} gives it away: of nothing it says {missing:?}"));
                }
            }
            outcomes => return Err(format!("it and what is not there: {outcomes:?}")),
        }
        nothing.left(0)?;
        self.refusal_left(attempt, actor)
    }

    /// A refused change leaves one entry in the organization's chain that says so, a refused look nothing.
    fn refusal_left(&self, attempt: &Attempt, actor: &Actor) -> Result<(), String> {
        if attempt.kind != Kind::Change {
            return self.left(0);
        }
        self.left(1)?;
        let entry = self.before.entries_until(&self.after)[0];
        let right = entry.record.outcome == AuditOutcome::Refused
            && entry.record.actor_id == actor.id()
            && entry.record.actor_kind == actor.kind()
            && !entry.record.reason.is_empty();
        if right { Ok(()) } else { Err(format!("it leaves {entry:?}")) }
    }

    /// Nothing was left but so many audit entries.
    fn left(&self, entries: usize) -> Result<(), String> {
        if self.before.directory != self.after.directory {
            return Err("it changed the directory".to_owned());
        }
        if self.before.feed != self.after.feed {
            return Err("it moved the change feed".to_owned());
        }
        match self.before.entries_until(&self.after) {
            left if left.len() == entries => Ok(()),
            left => Err(format!("it leaves {left:?}")),
        }
    }
}

impl<'a, 'b> Trial<'a, 'b> {
    async fn new(world: &'a World<'b>, through: Through) -> anyhow::Result<Self> {
        let mut actors = Vec::new();
        for (column, email) in COLUMNS.iter().enumerate() {
            let organization = if column == OUTSIDER { &world.umbrella.organization.id } else { world.org() };
            actors.push(match through {
                Through::Themselves => world.person(email).await?,
                Through::AdminKeys => world.admin_key(organization, email).await?,
            });
        }
        Ok(Self { world, actors, before: Rc::default(), wrong: Vec::new() })
    }

    async fn tried(&mut self, scene: &Scene<'_, '_>, attempt: &Attempt, column: usize) -> anyhow::Result<Tried> {
        let outcome = (attempt.run)(scene, &self.actors[column]).await;
        let after = Rc::new(Traces::of(self.world).await?);
        let before = std::mem::replace(&mut self.before, Rc::clone(&after));
        Ok(Tried { outcome, before, after })
    }

    fn note(&mut self, (row, column, attempt): (&Row, usize, &Attempt), outcome: Result<(), String>) {
        let cell = || format!("{} | {} | {}", row.words, COLUMNS[column], attempt.name);
        self.wrong.extend(outcome.err().map(|what| format!("{}: {what}", cell())));
    }

    /// Tries what a column is not allowed, all in one scene, since it is to leave nothing behind.
    async fn refusals(&mut self, scene: &Scene<'_, '_>, (row, column): (&Row, usize)) -> anyhow::Result<()> {
        let nothing = scene.of_nothing();
        for attempt in row.attempts() {
            let expected = row.expected(column, attempt.about);
            if expected == Expected::Allowed {
                continue;
            }
            let tried = self.tried(scene, attempt, column).await?;
            let actor = &self.actors[column];
            let outcome = match expected {
                Expected::Allowed | Expected::Less => tried.less(),
                Expected::Refused => tried.refused(attempt, actor, row.role_needed(attempt.about)),
                Expected::WithGrant => tried.refused(attempt, actor, "a grant to see usage"),
                Expected::Hidden => {
                    let of_nothing = self.tried(&nothing, attempt, column).await?;
                    tried.hidden(attempt, &self.actors[column], &of_nothing, &scene.ids(COLUMNS[column], &nothing))
                }
            };
            self.note((row, column, attempt), outcome);
        }
        Ok(())
    }

    /// Looks at what a column is allowed to see, with a grant where that is needed.
    async fn looks(&mut self, scene: &Scene<'_, '_>, (row, column): (&Row, usize)) -> anyhow::Result<()> {
        for attempt in row.attempts().iter().filter(|attempt| attempt.kind != Kind::Change) {
            match row.expected(column, attempt.about) {
                Expected::Allowed => {}
                Expected::WithGrant => self.grant(column).await?,
                Expected::Less | Expected::Refused | Expected::Hidden => continue,
            }
            let tried = self.tried(scene, attempt, column).await?;
            let outcome = tried.allowed(attempt, &self.actors[column]);
            self.note((row, column, attempt), outcome);
        }
        Ok(())
    }

    async fn grant(&mut self, column: usize) -> anyhow::Result<()> {
        self.world.control.set_usage_grant(&operator(), (self.world.org(), COLUMNS[column]), true).await?;
        self.before = Rc::new(Traces::of(self.world).await?);
        Ok(())
    }

    /// Makes the changes that a column is allowed, in a scene of its own.
    async fn changes(&mut self, (row, column): (&Row, usize), scene: usize) -> anyhow::Result<()> {
        let allowed = |attempt: &&Attempt| {
            attempt.kind == Kind::Change && row.expected(column, attempt.about) == Expected::Allowed
        };
        let allowed: Vec<&Attempt> = row.attempts().iter().filter(allowed).collect();
        if allowed.is_empty() {
            return Ok(());
        }
        let scene = Scene::new(self.world, &format!("Scene{scene}")).await?;
        for attempt in allowed {
            let before = Rc::new(Traces::record_of(self.world).await?);
            let outcome = (attempt.run)(&scene, &self.actors[column]).await;
            let after = Rc::new(Traces::record_of(self.world).await?);
            let outcome = Tried { outcome, before, after }.allowed(attempt, &self.actors[column]);
            self.note((row, column, attempt), outcome);
        }
        Ok(())
    }
}

async fn table_holds(place: &TestStore, through: Through) -> anyhow::Result<()> {
    let mut ground = Ground::new(place).await?;
    let world = ground.world().await?;
    let (rows, shared) = (rows(), Scene::new(&world, "Shared").await?);
    let cells = || rows.iter().flat_map(|row| (0..COLUMNS.len()).map(move |column| (row, column)));
    let mut trial = Trial::new(&world, through).await?;
    trial.before = Rc::new(Traces::of(&world).await?);
    for cell in cells() {
        trial.refusals(&shared, cell).await?;
    }
    for cell in cells() {
        trial.looks(&shared, cell).await?;
    }
    for (place, cell) in cells().enumerate() {
        trial.changes(cell, place).await?;
    }
    world.assert_chained().await?;
    let wrong = trial.wrong;
    assert!(wrong.is_empty(), "{} cells do not hold:\n{}", wrong.len(), wrong.join("\n"));
    Ok(())
}

#[test]
fn r6_every_row_is_tried() {
    let rows = rows();
    assert_eq!(rows.len(), 16);
    for row in &rows {
        assert_eq!(row.cells.len(), 4, "{}", row.words);
        assert!(!row.attempts().is_empty(), "{}", row.words);
    }
    assert_eq!(ATTEMPTS.len(), rows.len());
}

each_engine! {
    async fn r6_every_cell_of_the_table_holds(place: &TestStore) -> anyhow::Result<()> {
        table_holds(place, Through::Themselves).await
    }

    async fn r17_an_administration_key_has_exactly_its_persons_rights(place: &TestStore) -> anyhow::Result<()> {
        table_holds(place, Through::AdminKeys).await
    }
}
