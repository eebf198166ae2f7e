//! Limits, the alerts that they raise, blocks and releases (R23, R24, R27, R41).

use mete_core::Nanos;
use mete_core::directory::{Project, ProjectStatus};
use mete_core::manual_block::{ManualBlock, ManualBlockKind, ManualBlockScope};
use mete_core::rates::{RateLimit, Rates};
use mete_store::{Alert, AlertKind, ScopeKind};

use crate::keys::end;
use crate::model::{Acting, Faults, Judged, Made, Model, Rank, entry, not_found, picked};
use crate::op::{Days, Limit, LimitsOp, MODELS, Of, On, Pick, RATES};
use crate::state::{AllLimits, unnamed};

/// What is given as the reason of a block.
pub const REASON: &str = "a reason";

impl Model {
    pub fn limits(&mut self, acting: &Acting, op: &LimitsOp, made: &Made) -> Judged {
        match op {
            LimitsOp::Limits { of: Of::Org(org), set, lower } => {
                self.limits_of_org(acting, &picked(&self.orgs, *org), (set, *lower), made)
            }
            LimitsOp::Limits { of: Of::Project(project), set, lower } => {
                self.limits_of_project(acting, &picked(&self.projects, *project), (set, *lower), made)
            }
            LimitsOp::Block { on, kind, reason, until } => self.block(acting, (*on, *kind), (*reason, *until), made),
            LimitsOp::Lift(block) => self.lift(acting, *block),
            LimitsOp::Acknowledge(one, other) => self.acknowledge(acting, [*one, *other]),
        }
    }

    fn limits_of_project(
        &mut self,
        acting: &Acting,
        project: &str,
        (set, lower): (&[Limit], bool),
        made: &Made,
    ) -> Judged {
        const ACTION: &str = "limits.updated";
        let project = self.in_project(acting, project, (Rank::Owner, ACTION))?;
        let above = self.state.limits_of(&project.organization_id);
        let after = with(self.state.limits_of(&project.id), set);
        let mut faults = Faults::default();
        faults.when(project.is_default, "invalid");
        faults.when(project.status == ProjectStatus::Archived, "conflict");
        faults.when(senseless(set) || lower, "invalid");
        faults.when(!fits(&after, &above), "invalid");
        faults.none()?;
        self.write((ScopeKind::Project, &project.id, &project.organization_id), after, made);
        Ok(vec![entry(&project.organization_id, ACTION)])
    }

    fn limits_of_org(&mut self, acting: &Acting, org: &str, (set, lower): (&[Limit], bool), made: &Made) -> Judged {
        const ACTION: &str = "limits.updated";
        self.owned(acting, org, ACTION)?;
        let after = with(self.state.limits_of(org), set);
        let active = |project: &&Project| project.organization_id == org && project.status == ProjectStatus::Active;
        let ids = self.state.projects.values().filter(active).map(|project| project.id.clone());
        let in_the_way: Vec<String> = ids.filter(|id| !fits(&self.state.limits_of(id), &after)).collect();
        let mut faults = Faults::default();
        faults.when(senseless(set), "invalid");
        faults.when(!in_the_way.is_empty() && !lower, "conflict");
        faults.none()?;
        let entries = in_the_way.len() + 1;
        for id in in_the_way {
            let lowered = lowered(self.state.limits_of(&id), &after);
            self.write((ScopeKind::Project, &id, org), lowered, made);
        }
        self.write((ScopeKind::Organization, org, org), after, made);
        Ok(vec![entry(org, ACTION); entries])
    }

    fn write(&mut self, (kind, scope, org): (ScopeKind, &str, &str), limits: AllLimits, made: &Made) {
        let reached = [(AlertKind::Threshold, limits.limits.threshold), (AlertKind::Exhausted, limits.limits.budget)];
        for (of, _) in reached.into_iter().filter(|(_, amount)| *amount == Some(Nanos::ZERO)) {
            self.raise((kind, scope, org), of, made);
        }
        if limits == AllLimits::default() {
            self.state.limits.remove(scope);
        } else {
            self.state.limits.insert(scope.to_owned(), limits);
        }
    }

    /// R27: one alert a limit, value and month; where nothing is spent, of those that are nothing.
    fn raise(&mut self, (scope_kind, scope, org): (ScopeKind, &str, &str), kind: AlertKind, made: &Made) {
        let month = self.now.month();
        let same = |it: &Alert| it.scope_id == scope && it.kind == kind && it.month == month;
        if self.state.alerts.values().any(same) {
            return;
        }
        let id = made.alerts.iter().find(|it| same(it)).map_or_else(|| "not raised".to_owned(), |it| it.id.clone());
        let alert = Alert {
            id: id.clone(),
            organization_id: org.to_owned(),
            scope_kind,
            scope_id: scope.to_owned(),
            scope_name: String::new(),
            part: None,
            kind,
            month,
            amount: Nanos::ZERO,
            spend: Nanos::ZERO,
            at: self.now,
            acknowledged_at: None,
            acknowledged_by: None,
        };
        self.alerts.push(id.clone());
        self.state.alerts.insert(id, unnamed(alert));
    }

    /// All of them or none, and each once.
    fn acknowledge(&mut self, acting: &Acting, picks: [Pick; 2]) -> Judged {
        const ACTION: &str = "alert.acknowledged";
        let ids = picks.map(|pick| picked(&self.alerts, pick));
        for id in &ids {
            let alert = self.state.alerts.get(id).ok_or_else(not_found)?;
            match alert.scope_kind {
                ScopeKind::Organization => self.owned(acting, &alert.scope_id, ACTION)?,
                ScopeKind::Project => {
                    self.in_project(acting, &alert.scope_id, (Rank::ProjectOwner, ACTION)).map(drop)?;
                }
            }
        }
        let (by, now) = (self.own_name(acting), self.now);
        let mut entries = Vec::new();
        for id in ids {
            let Some(alert) = self.state.alerts.get_mut(&id).filter(|alert| alert.acknowledged_at.is_none()) else {
                continue;
            };
            (alert.acknowledged_at, alert.acknowledged_by) = (Some(now), Some(by.clone()));
            entries.push(entry(&alert.organization_id, ACTION));
        }
        Ok(entries)
    }

    fn block(
        &mut self,
        acting: &Acting,
        (on, kind): (On, ManualBlockKind),
        (reason, until): (bool, Days),
        made: &Made,
    ) -> Judged {
        let action = match kind {
            ManualBlockKind::Block => "block.created",
            ManualBlockKind::Release => "release.created",
        };
        let (scope_kind, scope_id, project) = match on {
            On::Key(key) => {
                let key = self.state.keys.get(&picked(&self.keys, key)).ok_or_else(not_found)?;
                (ManualBlockScope::Key, key.id.clone(), key.project_id.clone())
            }
            On::Project(project) => {
                let id = picked(&self.projects, project);
                (ManualBlockScope::Project, id.clone(), id)
            }
        };
        let project = self.in_project(acting, &project, (needed(kind, scope_kind), action))?;
        let now = self.now;
        let there = |other: &ManualBlock| {
            other.scope_id == scope_id
                && other.kind == kind
                && other.lifted_at.is_none()
                && other.until.is_none_or(|until| now < until)
        };
        let mut faults = Faults::default();
        faults.when(project.status == ProjectStatus::Archived, "conflict");
        faults.when(!reason, "invalid");
        faults.when(until.is_some_and(|days| days <= 0), "invalid");
        faults.when(self.state.blocks.values().any(there), "conflict");
        faults.none()?;
        let block = ManualBlock {
            id: made.id(0),
            organization_id: project.organization_id.clone(),
            project_id: project.id,
            scope_kind,
            scope_id,
            kind,
            reason: REASON.to_owned(),
            placed_by: self.own_name(acting),
            placed_at: now,
            until: end(now, until),
            lifted_by: None,
            lifted_at: None,
        };
        self.blocks.push(block.id.clone());
        self.state.blocks.insert(block.id.clone(), block);
        Ok(vec![entry(&project.organization_id, action)])
    }

    fn lift(&mut self, acting: &Acting, block: Pick) -> Judged {
        let block = self.state.blocks.get(&picked(&self.blocks, block)).cloned().ok_or_else(not_found)?;
        let action = match block.kind {
            ManualBlockKind::Block => "block.lifted",
            ManualBlockKind::Release => "release.lifted",
        };
        let needed = needed(block.kind, block.scope_kind);
        let project = self.in_project(acting, &block.project_id, (needed, action))?;
        let mut faults = Faults::default();
        faults.when(project.status == ProjectStatus::Archived, "conflict");
        faults.when(block.lifted_at.is_some(), "conflict");
        faults.none()?;
        let lifted_by = Some(self.own_name(acting));
        let block = ManualBlock { lifted_by, lifted_at: Some(self.now), ..block };
        self.state.blocks.insert(block.id.clone(), block);
        Ok(vec![entry(&project.organization_id, action)])
    }
}

/// R6: owners of a project block its keys; all else is for owners of the organization.
const fn needed(kind: ManualBlockKind, scope: ManualBlockScope) -> Rank {
    match (kind, scope) {
        (ManualBlockKind::Block, ManualBlockScope::Key) => Rank::ProjectOwner,
        _ => Rank::Owner,
    }
}

fn dollars(amount: Option<i64>) -> Option<Nanos> {
    amount.map(Nanos::from_dollars)
}

/// Whether something is negative, or no name of a model; of two changes of one thing the last counts.
fn senseless(set: &[Limit]) -> bool {
    let last = |wanted: fn(&&Limit) -> bool| set.iter().rev().find(wanted);
    let ends = [
        last(|limit| matches!(limit, Limit::Budget(_))),
        last(|limit| matches!(limit, Limit::Threshold(_))),
        last(|limit| matches!(limit, Limit::Models(_))),
    ];
    ends.into_iter().flatten().any(|limit| match limit {
        Limit::Budget(amount) | Limit::Threshold(amount) => amount.is_some_and(|amount| amount < 0),
        Limit::Models(models) => models.iter().flatten().any(|model| MODELS[*model].trim().is_empty()),
        Limit::Rate(..) => false,
    })
}

/// The limits with these changes made one after the other.
fn with(mut limits: AllLimits, set: &[Limit]) -> AllLimits {
    for limit in set {
        match limit {
            Limit::Budget(amount) => limits.limits.budget = dollars(*amount),
            Limit::Threshold(amount) => limits.limits.threshold = dollars(*amount),
            Limit::Models(models) => {
                let mut names = models.clone();
                if let Some(names) = &mut names {
                    names.sort_unstable();
                    names.dedup();
                }
                limits.models = names.map(|names| names.into_iter().map(|name| MODELS[name].to_owned()).collect());
            }
            Limit::Rate(model, rate, value) => {
                let mut rates = rates_of(&limits, MODELS[*model]);
                rates.set(RATES[*rate], *value);
                limits.rates.retain(|limit| limit.model != MODELS[*model]);
                if rates != Rates::default() {
                    limits.rates.push(RateLimit { model: MODELS[*model].to_owned(), rates });
                }
                limits.rates.sort_by(|a, b| a.model.cmp(&b.model));
            }
        }
    }
    limits
}

fn rates_of(limits: &AllLimits, model: &str) -> Rates {
    limits.rates.iter().find(|limit| limit.model == model).map(|limit| limit.rates).unwrap_or_default()
}

/// `own`, lowered to `most` where there is one.
fn capped<T: Ord + Copy>(own: Option<T>, most: Option<T>) -> Option<T> {
    own.map(|own| most.map_or(own, |most| own.min(most)))
}

/// R24: a project's limits, lowered to those of its organization.
fn lowered(project: AllLimits, organization: &AllLimits) -> AllLimits {
    let mut lowered = project;
    lowered.limits.budget = capped(lowered.limits.budget, organization.limits.budget);
    lowered.limits.threshold = capped(lowered.limits.threshold, organization.limits.budget);
    if let (Some(own), Some(most)) = (&mut lowered.models, &organization.models) {
        own.retain(|model| most.contains(model));
    }
    for limit in &mut lowered.rates {
        let most = rates_of(organization, &limit.model);
        for rate in RATES {
            limit.rates.set(rate, capped(limit.rates.get(rate), most.get(rate)));
        }
    }
    lowered
}

/// R24: whether a project's limits are within those of its organization.
pub fn fits(project: &AllLimits, organization: &AllLimits) -> bool {
    lowered(project.clone(), organization) == *project
}
