//! One sequence of tries, each compared with the model.

use anyhow::{Context as _, Result, bail, ensure};
use mete_control::{Control, ControlError};
use mete_core::actor::{Actor, Origin};
use mete_core::secret::Secret;
use mete_core::time::HOUR;
use mete_core::{Clock, ManualClock};
use mete_store::{Setting, Store};
use rand::rngs::StdRng;

use crate::followers::Followers;
use crate::journal::{Journal, shows_a_secret};
use crate::model::{Judged, Made, Model, picked};
use crate::op::{By, Op, PEOPLE, Step};
use crate::perform::Performer;
use crate::state::State;
use crate::{invariants, lists};

/// A store that many sequences share, each with organizations and people of its own.
pub struct Ground {
    pub store: Store,
    pub clock: ManualClock,
    pub random: StdRng,
    pub cases: u64,
}

/// A sequence under way.
pub struct Case<'a> {
    ground: &'a mut Ground,
    model: Model,
    journal: Journal,
    followers: Followers,
    /// What the store held after the last step that was compared.
    before: State,
    /// Of administration keys, by id.
    secrets: Vec<(String, Secret)>,
    trace: Vec<String>,
}

impl<'a> Case<'a> {
    pub async fn new(ground: &'a mut Ground) -> Result<Self> {
        ground.cases += 1;
        let emails = (0..PEOPLE).map(|person| format!("p{person}.{}@mete.test", ground.cases)).collect();
        let mut model = Model::new(emails, ground.store.setting(Setting::MaxProjects).await?);
        model.at(ground.clock.now());
        let journal = Journal::at_the_end(&ground.store).await?;
        let followers = Followers::new(&ground.store).await?;
        let (before, secrets, trace) = (State::default(), Vec::new(), Vec::new());
        Ok(Self { ground, model, journal, followers, before, secrets, trace })
    }

    /// Tries all steps; an error tells what was tried and what came of it.
    pub async fn run(&mut self, opening: &[Step], steps: &[Step]) -> Result<()> {
        for (number, step) in opening.iter().chain(steps).enumerate() {
            let compare = number + 1 >= opening.len();
            let outcome = self.step(step, compare).await;
            outcome.with_context(|| format!("after\n{}\nat {step:?}", self.trace.join("\n")))?;
        }
        lists::check(&self.ground.store, &self.before).await?;
        self.followers.check(&self.ground.store, &self.model.orgs, self.model.now).await?;
        for org in &self.model.orgs {
            let reports = self.ground.store.verify_audit(Some(org)).await?;
            ensure!(reports.iter().all(|chain| chain.breaks.is_empty()), "R42: {reports:?}");
        }
        Ok(())
    }

    async fn step(&mut self, Step(by, op): &Step, compare: bool) -> Result<()> {
        if let Op::Wait(hours) = op {
            self.ground.clock.advance(hours * HOUR);
            self.model.at(self.ground.clock.now());
        }
        let (actor, outcome) = self.perform(*by, op).await;
        let mut made = outcome.as_ref().cloned().unwrap_or_default();
        made.people = self.people().await?;
        let judged = self.model.judge(*by, op, &made);
        self.note(*by, op, &outcome);
        agree(&outcome, &judged)?;
        ensure!(!shows_a_secret(&format!("{outcome:?}")), "R15: {op:?} came to {outcome:?}");
        self.keep_secret(op, &made)?;
        let (store, now) = (&self.ground.store, self.model.now);
        self.journal.check(store, (actor.as_ref(), now), (&judged, &self.model.orgs)).await?;
        if compare { self.compare().await } else { Ok(()) }
    }

    /// Who acted, if it is somebody, and what came of it.
    async fn perform(&mut self, by: By, op: &Op) -> (Option<Actor>, Result<Made, ControlError>) {
        let Ground { store, clock, random, .. } = &mut *self.ground;
        let control = Control::new(store, &*clock, random);
        let origin = Origin { os_user: crate::OPERATOR.to_owned(), host: "testbed".to_owned() };
        let model = &self.model;
        let actor = match by {
            By::Operator => Ok(Actor::operator(origin)),
            By::Person(person) => control.person(model.email(person), origin).await,
            By::AdminKey(pick) => {
                let id = picked(&model.admin_keys, pick);
                let secret =
                    self.secrets.iter().find(|(key, _)| *key == id).map_or("sk-admin-none", |(_, it)| it.reveal());
                control.admin_key_actor(secret, origin).await
            }
        };
        match actor {
            Err(error) => (None, Err(error)),
            Ok(actor) => {
                let performer = Performer { control, actor: actor.clone(), model };
                let outcome = performer.perform(op).await;
                (Some(actor), outcome)
            }
        }
    }

    /// The ids of those whom the store knows; of those whom the model knows, too, as far as it does.
    async fn people(&self) -> Result<Vec<Option<String>>> {
        let mut ids = Vec::new();
        for (place, email) in self.model.emails.iter().enumerate() {
            ids.push(match self.model.user(place) {
                Some(user) => Some(user.id.clone()),
                None => self.ground.store.person(email).await?.map(|user| user.id),
            });
        }
        Ok(ids)
    }

    fn note(&mut self, by: By, op: &Op, outcome: &Result<Made, ControlError>) {
        let came = outcome.as_ref().map_or_else(|error| format!("{}: {error}", error.code()), |_| "done".to_owned());
        self.trace.push(format!("{:3}  {by:?}: {op:?} -> {came}", self.trace.len() + 1));
    }

    /// A secret is shown by itself only.
    fn keep_secret(&mut self, op: &Op, made: &Made) -> Result<()> {
        ensure!(!shows_a_secret(&made.debug), "R15: the result of {op:?} shows its secret in Debug");
        if let Some(secret) = &made.secret {
            self.secrets.push((made.id(0), secret.clone()));
        }
        Ok(())
    }

    /// The store is as the model says, what always holds, holds, and who follows the feed can go on.
    async fn compare(&mut self) -> Result<()> {
        let known = (self.model.orgs.as_slice(), self.model.emails.as_slice());
        let is = State::read(&self.ground.store, known, self.model.now).await?;
        ensure!(!shows_a_secret(&format!("{is:?}")), "R15: the store holds a secret");
        let difference = self.model.state.difference(&is);
        ensure!(difference.is_empty(), "the store is not as the model says:\n{difference}");
        invariants::check(&is)?;
        invariants::check_step(&self.before, &is)?;
        self.before = is;
        self.followers.follow(&self.ground.store).await
    }
}

fn agree(outcome: &Result<Made, ControlError>, judged: &Judged) -> Result<()> {
    match (outcome, judged) {
        (Ok(_), Ok(_)) => Ok(()),
        (Err(error), Err(refusal)) if refusal.codes.contains(&error.code()) => Ok(()),
        (Ok(_), Err(refusal)) => bail!("it was done, and must be refused as {:?}", refusal.codes),
        (Err(error), Ok(_)) => bail!("it was refused, and must be done: {error} ({})", error.code()),
        (Err(error), Err(refusal)) => bail!("{error} ({}) must be {:?}", error.code(), refusal.codes),
    }
}
