//! Tries an operation on control.

use mete_control::{
    BlockTarget, Control, ControlError, KeyChange, KeyOwner, LimitChange, LimitsOf, NewAdminKeyInput, NewBlockInput,
    NewInviteInput, NewKeyInput, NewOrganizationInput, NewProjectInput, ProjectChange, ServiceAccountOf,
};
use mete_core::Nanos;
use mete_core::actor::Actor;
use mete_core::rates::RateChange;
use mete_core::time::DAY;
use mete_store::Setting;

use crate::keys::{end, permissions};
use crate::limits::REASON;
use crate::model::{Made, Model, picked};
use crate::op::{
    DirectoryOp, Edit, KeysOp, Limit, LimitsOp, MODELS, NAMES, Of, On, Op, Owner, PeopleOp, Pick, RATES, WEBSITES,
};

/// Does what a step says, with the ids of the model.
pub struct Performer<'a> {
    pub control: Control<'a>,
    pub actor: Actor,
    pub model: &'a Model,
}

impl Performer<'_> {
    pub async fn perform(&self, op: &Op) -> Result<Made, ControlError> {
        match op {
            Op::Directory(op) => self.directory(op).await,
            Op::People(op) => self.people(op).await,
            Op::Keys(op) => self.keys(op).await,
            Op::Limits(op) => self.limits(op).await,
            Op::Wait(_) => Ok(Made::default()),
        }
    }

    fn org(&self, pick: Pick) -> String {
        picked(&self.model.orgs, pick)
    }

    fn project(&self, pick: Pick) -> String {
        picked(&self.model.projects, pick)
    }

    fn key(&self, pick: Pick) -> String {
        picked(&self.model.keys, pick)
    }

    async fn directory(&self, op: &DirectoryOp) -> Result<Made, ControlError> {
        let (control, actor) = (&self.control, &self.actor);
        match *op {
            DirectoryOp::CreateOrg { parent, owner } => {
                let parent = parent.map(|pick| self.org(pick));
                let input = NewOrganizationInput { name: "Org".into(), owner: self.model.email(owner).into(), parent };
                let made = control.create_organization(actor, &input).await?;
                Ok(Made::of(&made, &[&made.organization.id, &made.default_project.id], None))
            }
            DirectoryOp::Init => {
                let owner = self.model.email(0).to_owned();
                let input = NewOrganizationInput { name: "Org".into(), owner, parent: None };
                Ok(Made::of(&control.init(actor, &input).await?, &[], None))
            }
            DirectoryOp::RenameOrg(org, name) => {
                let renamed = control.rename_organization(actor, &self.org(org), NAMES[name]).await?;
                Ok(Made::of(&renamed, &[], None))
            }
            DirectoryOp::CreateProject(org, name) => {
                let input = NewProjectInput::named(&self.org(org), NAMES[name]);
                let made = control.create_project(actor, &input).await?;
                Ok(Made::of(&made, &[&made.id], None))
            }
            DirectoryOp::EditProject(project, name, site) => {
                let (name, website) = (Some(NAMES[name].to_owned()), Some(WEBSITES[site].to_owned()));
                let change = ProjectChange { name, website, description: None };
                Ok(Made::of(&control.edit_project(actor, &self.project(project), &change).await?, &[], None))
            }
            DirectoryOp::Archive(project, right) => {
                let id = self.project(project);
                let name = self.model.state.projects.get(&id).map(|project| project.name.clone());
                let typed = name.filter(|_| right).unwrap_or_else(|| "another name".to_owned());
                Ok(Made::of(&control.archive_project(actor, &id, &typed).await?, &[], None))
            }
            DirectoryOp::MaxProjects(most) => {
                Ok(Made::of(&control.set_setting(actor, Setting::MaxProjects, most).await?, &[], None))
            }
        }
    }

    async fn people(&self, op: &PeopleOp) -> Result<Made, ControlError> {
        let (control, actor) = (&self.control, &self.actor);
        let member = match op {
            PeopleOp::SetRole(org, person, role) => {
                control.set_organization_role(actor, (&self.org(*org), self.model.email(*person)), *role).await?
            }
            PeopleOp::Remove(org, person) => {
                control.remove_organization_member(actor, &self.org(*org), self.model.email(*person)).await?
            }
            PeopleOp::Grant(org, person, grant) => {
                control.set_usage_grant(actor, (&self.org(*org), self.model.email(*person)), *grant).await?
            }
            PeopleOp::AddMember(project, person, role) => {
                control.add_project_member(actor, (&self.project(*project), self.model.email(*person)), *role).await?
            }
            PeopleOp::AddAccount(project, account) => {
                let account = picked(&self.model.accounts, *account);
                let role = mete_core::people::ProjectRole::Member;
                control.add_project_member(actor, (&self.project(*project), &account), role).await?
            }
            PeopleOp::SetProjectRole(project, person, role) => {
                control.set_project_role(actor, (&self.project(*project), self.model.email(*person)), *role).await?
            }
            PeopleOp::RemoveMember(project, person) => {
                control.remove_project_member(actor, &self.project(*project), self.model.email(*person)).await?
            }
            PeopleOp::Invite { .. } | PeopleOp::Accept(..) | PeopleOp::RevokeInvite(_) => {
                return self.invites(op).await;
            }
        };
        Ok(Made::of(&member, &[], None))
    }

    async fn invites(&self, op: &PeopleOp) -> Result<Made, ControlError> {
        let (control, actor) = (&self.control, &self.actor);
        let invite = |pick: Pick| picked(&self.model.invites, pick);
        let invite = match op {
            PeopleOp::Invite { org, person, role, projects } => {
                let input = NewInviteInput {
                    organization: self.org(*org),
                    email: self.model.email(*person).to_uppercase(),
                    role: *role,
                    projects: projects.iter().map(|(project, role)| (self.project(*project), *role)).collect(),
                };
                control.create_invite(actor, &input).await?
            }
            PeopleOp::Accept(pick, name) => control.accept_invite(actor, &invite(*pick), NAMES[*name]).await?,
            PeopleOp::RevokeInvite(pick) => control.revoke_invite(actor, &invite(*pick)).await?,
            _ => return Ok(Made::default()),
        };
        Ok(Made::of(&invite, &[&invite.id], None))
    }

    async fn keys(&self, op: &KeysOp) -> Result<Made, ControlError> {
        let (control, actor) = (&self.control, &self.actor);
        let account = |pick: Pick| picked(&self.model.accounts, pick);
        let key = match *op {
            KeysOp::EditKey(key, edit) => control.edit_key(actor, &self.key(key), &self.change(edit)).await?,
            KeysOp::Disable(key) => control.disable_key(actor, &self.key(key)).await?,
            KeysOp::Enable(key) => control.enable_key(actor, &self.key(key)).await?,
            KeysOp::Revoke(key) => control.revoke_key(actor, &self.key(key)).await?,
            KeysOp::AccountRole(pick, role) => {
                let account = control.set_service_account_role(actor, &account(pick), role).await?;
                return Ok(Made::of(&account, &[], None));
            }
            KeysOp::RemoveAccount(pick) => {
                let account = control.remove_service_account(actor, &account(pick)).await?;
                return Ok(Made::of(&account, &[], None));
            }
            KeysOp::RevokeAdminKey(pick) => {
                let key = control.revoke_admin_key(actor, &picked(&self.model.admin_keys, pick)).await?;
                return Ok(Made::of(&key, &[], None));
            }
            _ => return self.secrets(op).await,
        };
        Ok(Made::of(&key, &[], None))
    }

    /// What gives a secret.
    async fn secrets(&self, op: &KeysOp) -> Result<Made, ControlError> {
        let (control, actor) = (&self.control, &self.actor);
        let expires_at = |days| end(self.model.now, days);
        match *op {
            KeysOp::CreateAccount(of, name) => {
                let of = match of {
                    Of::Org(org) => ServiceAccountOf::Organization(self.org(org)),
                    Of::Project(project) => ServiceAccountOf::Project(self.project(project)),
                };
                let made = control.create_service_account(actor, &of, NAMES[name]).await?;
                Ok(Made::of(&made, &[&made.account.id, &made.key.id], Some(&made.secret)))
            }
            KeysOp::CreateKey { project, owner, allowed, expires } => {
                let input = NewKeyInput {
                    project: self.project(project),
                    owner: match owner {
                        Owner::Own => KeyOwner::Own,
                        Owner::Person(person) => KeyOwner::Person(self.model.email(person).to_owned()),
                        Owner::Account(pick) => KeyOwner::ServiceAccount(picked(&self.model.accounts, pick)),
                    },
                    name: String::new(),
                    permissions: permissions(allowed),
                    expires_at: expires_at(expires),
                };
                let made = control.create_key(actor, &input).await?;
                Ok(Made::of(&made, &[&made.key.id], Some(&made.secret)))
            }
            KeysOp::Rotate(key, days) => {
                let made = control.rotate_key(actor, &self.key(key), days * DAY).await?;
                Ok(Made::of(&made, &[], Some(&made.secret)))
            }
            KeysOp::CreateAdminKey(org, person, days) => {
                let member = person.map(|person| self.model.email(person).to_owned());
                let (organization, expires_at) = (self.org(org), expires_at(days));
                let input = NewAdminKeyInput { organization, member, name: String::new(), expires_at };
                let made = control.create_admin_key(actor, &input).await?;
                Ok(Made::of(&made, &[&made.key.id], Some(&made.secret)))
            }
            _ => Ok(Made::default()),
        }
    }

    fn change(&self, edit: Edit) -> KeyChange {
        match edit {
            Edit::Name(name) => KeyChange { name: Some(NAMES[name].to_owned()), ..KeyChange::default() },
            Edit::Allowed(allowed) => KeyChange { permissions: Some(permissions(allowed)), ..KeyChange::default() },
            Edit::Expires(days) => KeyChange { expires_at: Some(end(self.model.now, days)), ..KeyChange::default() },
            Edit::Move(project) => KeyChange { project: Some(self.project(project)), ..KeyChange::default() },
        }
    }

    async fn limits(&self, op: &LimitsOp) -> Result<Made, ControlError> {
        let (control, actor) = (&self.control, &self.actor);
        match op {
            LimitsOp::Limits { of, set, lower } => {
                let of = match *of {
                    Of::Org(org) => LimitsOf::Organization(self.org(org)),
                    Of::Project(project) => LimitsOf::Project(self.project(project)),
                };
                let after = control.set_limits(actor, &of, &limit_change(set, *lower)).await?;
                Ok(Made { alerts: after.alerts.clone(), ..Made::of(&after, &[], None) })
            }
            LimitsOp::Block { on, kind, reason, until } => {
                let target = match *on {
                    On::Key(key) => BlockTarget::Key(self.key(key)),
                    On::Project(project) => BlockTarget::Project(self.project(project)),
                };
                let reason = if *reason { REASON.to_owned() } else { " ".to_owned() };
                let input = NewBlockInput { target, kind: *kind, reason, until: end(self.model.now, *until) };
                let block = control.add_block(actor, &input).await?;
                Ok(Made::of(&block, &[&block.id], None))
            }
            LimitsOp::Lift(pick) => {
                let block = control.lift_block(actor, &picked(&self.model.blocks, *pick)).await?;
                Ok(Made::of(&block, &[], None))
            }
            LimitsOp::Acknowledge(one, other) => {
                let ids = [*one, *other].map(|pick| picked(&self.model.alerts, pick));
                Ok(Made::of(&control.acknowledge_alerts(actor, &ids).await?, &[], None))
            }
        }
    }
}

fn limit_change(set: &[Limit], lower_projects: bool) -> LimitChange {
    let mut change = LimitChange { lower_projects, ..LimitChange::default() };
    let dollars = |amount: &Option<i64>| amount.map(Nanos::from_dollars);
    for limit in set {
        match limit {
            Limit::Budget(amount) => change.budget = Some(dollars(amount)),
            Limit::Threshold(amount) => change.threshold = Some(dollars(amount)),
            Limit::Models(models) => {
                let names = |models: &Vec<usize>| models.iter().map(|model| MODELS[*model].to_owned()).collect();
                change.models = Some(models.as_ref().map(names));
            }
            Limit::Rate(model, rate, value) => {
                change.rates.push(RateChange { model: MODELS[*model].to_owned(), rate: RATES[*rate], value: *value });
            }
        }
    }
    change
}
