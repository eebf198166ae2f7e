//! Keys, service accounts and administration keys (R11 to R18).

use mete_core::EndpointGroup;
use mete_core::Timestamp;
use mete_core::directory::{AdminKey, ApiKey, KeyStatus, OrganizationRole, Project, ProjectStatus};
use mete_core::people::{MemberKind, ProjectRole, ServiceAccount, ServiceAccountRole};
use mete_core::permissions::{Access, PermissionKind, Permissions, Scopes};
use mete_core::time::DAY;

use crate::model::{Acting, Faults, Judged, Made, Model, Rank, Refusal, denied, entry, kept, not_found, picked};
use crate::op::{Allowed, Days, Edit, KeysOp, NAMES, Of, Owner, Pick};

/// Permissions as they are asked for.
pub fn permissions(allowed: Allowed) -> Permissions {
    let mut scopes = Scopes::default();
    let kind = match allowed {
        Allowed::All => PermissionKind::All,
        Allowed::ReadOnly => PermissionKind::ReadOnly,
        Allowed::Restricted => PermissionKind::Restricted,
        Allowed::Crooked => PermissionKind::ReadOnly,
    };
    if matches!(allowed, Allowed::Restricted | Allowed::Crooked) {
        scopes.grant(EndpointGroup::Files, Access::Write).unwrap();
    }
    Permissions { kind, scopes }
}

/// So many days from `now`.
pub fn end(now: Timestamp, days: Days) -> Option<Timestamp> {
    days.map(|days| now.plus(days * DAY))
}

fn past(days: Days) -> bool {
    days.is_some_and(|days| days <= 0)
}

/// A key's name may be empty.
fn key_name(name: &str) -> Option<String> {
    if name.is_empty() { Some(String::new()) } else { kept(name) }
}

impl Model {
    pub fn keys(&mut self, acting: &Acting, op: &KeysOp, made: &Made) -> Judged {
        match *op {
            KeysOp::CreateAccount(of, name) => self.create_account(acting, (of, NAMES[name]), made),
            KeysOp::AccountRole(account, role) => self.account_role(acting, account, role),
            KeysOp::RemoveAccount(account) => self.remove_account(acting, account),
            KeysOp::CreateKey { project, owner, allowed, expires } => {
                self.create_key(acting, (project, owner), (allowed, expires), made)
            }
            KeysOp::EditKey(key, edit) => self.edit_key(acting, &picked(&self.keys, key), edit),
            KeysOp::Disable(key) => self.set_status(acting, key, (KeyStatus::Disabled, "api_key.disabled")),
            KeysOp::Revoke(key) => self.set_status(acting, key, (KeyStatus::Revoked, "api_key.deleted")),
            KeysOp::Enable(key) => self.enable(acting, key),
            KeysOp::Rotate(key, days) => self.rotate(acting, key, days, made),
            KeysOp::CreateAdminKey(org, person, days) => self.create_admin_key(acting, (org, person), days, made),
            KeysOp::RevokeAdminKey(key) => self.revoke_admin_key(acting, &picked(&self.admin_keys, key)),
        }
    }

    /// The rank that it takes to manage the accounts of a project.
    fn manages_accounts(project: &Project) -> Rank {
        if project.is_default { Rank::Owner } else { Rank::ProjectOwner }
    }

    fn create_account(&mut self, acting: &Acting, (of, name): (Of, &str), made: &Made) -> Judged {
        const ACTION: &str = "service_account.created";
        let mut faults = Faults::default();
        let project = match of {
            Of::Org(org) => {
                let org = picked(&self.orgs, org);
                self.owned(acting, &org, ACTION)?;
                let of_org = |project: &&Project| project.is_default && project.organization_id == org;
                self.state.projects.values().find(of_org).cloned().ok_or_else(not_found)?
            }
            Of::Project(project) => {
                let project = picked(&self.projects, project);
                let project = self.in_project(acting, &project, (Rank::ProjectOwner, ACTION))?;
                faults.when(project.is_default, "invalid");
                project
            }
        };
        faults.when(project.status == ProjectStatus::Archived, "conflict");
        faults.when(kept(name).is_none(), "invalid");
        faults.none()?;
        let account = ServiceAccount {
            id: made.id(0),
            organization_id: project.organization_id.clone(),
            project_id: project.id.clone(),
            name: kept(name).unwrap_or_default(),
            role: ServiceAccountRole::Member,
            created_at: self.now,
        };
        let owner = (account.id.clone(), MemberKind::ServiceAccount, account.name.clone());
        self.add_key(made.id(1), (&project, owner), &made.redacted());
        self.accounts.push(account.id.clone());
        self.state.accounts.insert(account.id.clone(), account);
        Ok(vec![entry(&project.organization_id, ACTION)])
    }

    /// Adds a key with every permission, for ever.
    fn add_key(&mut self, id: String, (project, owner): (&Project, (String, MemberKind, String)), redacted: &str) {
        let (owner_id, owner_kind, owner) = owner;
        let key = ApiKey {
            id: id.clone(),
            organization_id: project.organization_id.clone(),
            project_id: project.id.clone(),
            owner_id,
            owner_kind,
            owner,
            name: String::new(),
            redacted_value: redacted.to_owned(),
            status: KeyStatus::Active,
            created_at: self.now,
            last_used_at: None,
            expires_at: None,
            permissions: Permissions::ALL,
        };
        self.keys.push(id.clone());
        self.state.keys.insert(id, key);
    }

    /// The account and its project, if the actor may change it and it can be.
    fn account(
        &self,
        acting: &Acting,
        account: Pick,
        action: &'static str,
    ) -> Result<(ServiceAccount, Project), Refusal> {
        let account = self.state.accounts.get(&picked(&self.accounts, account)).ok_or_else(not_found)?;
        let needed = Self::manages_accounts(&self.state.projects[&account.project_id]);
        let project = self.in_project(acting, &account.project_id, (needed, action))?;
        let mut faults = Faults::default();
        faults.when(project.status == ProjectStatus::Archived, "conflict");
        faults.none()?;
        Ok((account.clone(), project))
    }

    fn account_role(&mut self, acting: &Acting, account: Pick, role: ServiceAccountRole) -> Judged {
        const ACTION: &str = "service_account.updated";
        let (account, project) = self.account(acting, account, ACTION)?;
        self.state.accounts.insert(account.id.clone(), ServiceAccount { role, ..account });
        Ok(vec![entry(&project.organization_id, ACTION)])
    }

    fn remove_account(&mut self, acting: &Acting, account: Pick) -> Judged {
        const ACTION: &str = "service_account.deleted";
        let (account, project) = self.account(acting, account, ACTION)?;
        self.state.accounts.remove(&account.id);
        let own = self.state.keys.values_mut().filter(|key| key.owner_id == account.id);
        own.filter(|key| key.status == KeyStatus::Active).for_each(|key| key.status = KeyStatus::Disabled);
        Ok(vec![entry(&project.organization_id, ACTION)])
    }

    fn create_key(
        &mut self,
        acting: &Acting,
        (project, owner): (Pick, Owner),
        (allowed, expires): (Allowed, Days),
        made: &Made,
    ) -> Judged {
        const ACTION: &str = "api_key.created";
        let id = picked(&self.projects, project);
        let mut faults = Faults::default();
        let (needed, account) = match owner {
            Owner::Account(account) => {
                // What is named must be there for the actor before their right to it counts.
                let project = self.in_project(acting, &id, (Rank::Member, ACTION))?;
                let account = self.state.accounts.get(&picked(&self.accounts, account)).ok_or_else(not_found)?;
                let home = self.in_project(acting, &account.project_id, (Rank::Member, ACTION))?;
                faults.when(home.id != project.id, "invalid");
                (Self::manages_accounts(&project), Some(account.clone()))
            }
            Owner::Own | Owner::Person(_) => (Rank::Member, None),
        };
        let project = self.in_project(acting, &id, (needed, ACTION))?;
        if let (Owner::Person(other), Some(own)) = (owner, acting.person)
            && self.email(other) != self.emails[own]
        {
            return Err(denied(false, &project.organization_id, ACTION));
        }
        faults.when(matches!(owner, Owner::Own) && acting.person.is_none(), "invalid");
        faults.when(project.status == ProjectStatus::Archived, "conflict");
        faults.when(matches!(allowed, Allowed::Crooked), "invalid");
        faults.when(past(expires), "invalid");
        faults.none()?;
        let mut entries = Vec::new();
        let owner = match (account, owner) {
            (Some(account), _) => (account.id, MemberKind::ServiceAccount, account.name),
            (None, owner) => {
                let named = if let Owner::Person(other) = owner { self.email(other).to_owned() } else { String::new() };
                let email = acting.person.map_or(named, |own| self.emails[own].clone());
                let user = self.know(&email, made);
                let actions = self.let_in(&project, &user);
                entries.extend(actions.into_iter().map(|action| entry(&project.organization_id, action)));
                (user, MemberKind::User, email)
            }
        };
        self.add_key(made.id(0), (&project, owner), &made.redacted());
        let ends = end(self.now, expires);
        self.state.keys.entry(made.id(0)).and_modify(|key| {
            (key.permissions, key.expires_at) = (permissions(allowed), ends);
        });
        entries.push(entry(&project.organization_id, ACTION));
        Ok(entries)
    }

    /// Makes somebody to whom the operator hands a key a member.
    fn let_in(&mut self, project: &Project, user: &str) -> Vec<&'static str> {
        let mut actions = Vec::new();
        if self.organization_role(&project.organization_id, user).is_none() {
            let member = (project.organization_id.clone(), user.to_owned());
            self.state.members.insert(member, (OrganizationRole::Reader, false));
            actions.push("user.added");
        }
        if !self.state.is_in_project(project, user) {
            self.state.project_members.insert((project.id.clone(), user.to_owned()), ProjectRole::Member);
            actions.push("project_user.added");
        }
        actions
    }

    /// The key and its organization, if the actor may change it, and what speaks against any change.
    fn key(
        &self,
        acting: &Acting,
        key: &str,
        (own_will_do, action): (bool, &'static str),
    ) -> Result<(ApiKey, Faults), Refusal> {
        let key = self.state.keys.get(key).ok_or_else(not_found)?;
        let own = own_will_do && acting.person.is_some() && self.own_id(acting) == key.owner_id;
        let needed = match key.owner_kind {
            MemberKind::ServiceAccount => Self::manages_accounts(&self.state.projects[&key.project_id]),
            MemberKind::User if own => Rank::Member,
            MemberKind::User => Rank::ProjectOwner,
        };
        let project = self.in_project(acting, &key.project_id, (needed, action))?;
        let mut faults = Faults::default();
        faults.when(project.status == ProjectStatus::Archived, "conflict");
        faults.when(key.status == KeyStatus::Revoked, "conflict");
        Ok((key.clone(), faults))
    }

    fn write_key(&mut self, key: ApiKey, action: &'static str) -> Judged {
        let organization = key.organization_id.clone();
        self.state.keys.insert(key.id.clone(), key);
        Ok(vec![entry(&organization, action)])
    }

    fn edit_key(&mut self, acting: &Acting, key: &str, edit: Edit) -> Judged {
        const ACTION: &str = "api_key.updated";
        let (mut key, mut faults) = self.key(acting, key, (true, ACTION))?;
        match edit {
            Edit::Name(name) => {
                faults.when(key_name(NAMES[name]).is_none(), "invalid");
                key.name = key_name(NAMES[name]).unwrap_or_default();
            }
            Edit::Allowed(allowed) => {
                faults.when(matches!(allowed, Allowed::Crooked), "invalid");
                key.permissions = permissions(allowed);
            }
            Edit::Expires(days) => {
                faults.when(past(days), "invalid");
                key.expires_at = end(self.now, days);
            }
            Edit::Move(_) => faults.when(true, "invalid"),
        }
        faults.none()?;
        self.write_key(key, ACTION)
    }

    fn set_status(&mut self, acting: &Acting, key: Pick, (status, action): (KeyStatus, &'static str)) -> Judged {
        let (key, faults) = self.key(acting, &picked(&self.keys, key), (true, action))?;
        faults.none()?;
        self.write_key(ApiKey { status, ..key }, action)
    }

    fn enable(&mut self, acting: &Acting, key: Pick) -> Judged {
        const ACTION: &str = "api_key.enabled";
        let (key, mut faults) = self.key(acting, &picked(&self.keys, key), (false, ACTION))?;
        let inside = match key.owner_kind {
            MemberKind::ServiceAccount => self.state.accounts.contains_key(&key.owner_id),
            MemberKind::User => self.state.is_in_project(&self.state.projects[&key.project_id], &key.owner_id),
        };
        faults.when(!inside, "conflict");
        faults.when(key.expires_at.is_some_and(|end| end <= self.now), "conflict");
        faults.none()?;
        self.write_key(ApiKey { status: KeyStatus::Active, ..key }, ACTION)
    }

    fn rotate(&mut self, acting: &Acting, key: Pick, days: i64, made: &Made) -> Judged {
        const ACTION: &str = "api_key.rotated";
        let (key, mut faults) = self.key(acting, &picked(&self.keys, key), (true, ACTION))?;
        faults.when(days > 30, "invalid");
        faults.when(key.status != KeyStatus::Active, "conflict");
        faults.none()?;
        self.write_key(ApiKey { redacted_value: made.redacted(), ..key }, ACTION)
    }

    /// An administration key carries its person's rights: nobody but the operator makes one for somebody else.
    fn create_admin_key(
        &mut self,
        acting: &Acting,
        (org, person): (Pick, Option<Pick>),
        days: Days,
        made: &Made,
    ) -> Judged {
        const ACTION: &str = "admin_api_key.created";
        let org = picked(&self.orgs, org);
        self.owned(acting, &org, ACTION)?;
        let mut faults = Faults::default();
        faults.when(person.is_none() && acting.person.is_none(), "invalid");
        faults.none()?;
        let own = acting.person.map(|own| self.emails[own].clone());
        let email = person.map(|pick| self.email(pick).to_owned()).or_else(|| own.clone()).unwrap_or_default();
        let user = self.state.people.get(&email).map(|user| user.id.clone()).ok_or_else(not_found)?;
        if own.is_some_and(|own| own != email) {
            return Err(denied(false, &org, ACTION));
        }
        let mut faults = Faults::default();
        faults.when(self.organization_role(&org, &user).is_none(), "not_found");
        faults.when(past(days), "invalid");
        faults.none()?;
        let key = AdminKey {
            id: made.id(0),
            organization_id: org.clone(),
            owner_id: user,
            owner: email,
            name: String::new(),
            redacted_value: made.redacted(),
            status: KeyStatus::Active,
            created_at: self.now,
            expires_at: end(self.now, days),
            last_used_at: None,
        };
        self.admin_keys.push(key.id.clone());
        self.state.admin_keys.insert(key.id.clone(), key);
        Ok(vec![entry(&org, ACTION)])
    }

    fn revoke_admin_key(&mut self, acting: &Acting, key: &str) -> Judged {
        const ACTION: &str = "admin_api_key.deleted";
        let key = self.state.admin_keys.get(key).cloned().ok_or_else(not_found)?;
        let org = key.organization_id.clone();
        let own = acting.person.is_some() && self.own_id(acting) == key.owner_id;
        if !own || !self.sees_organization(acting, &org) {
            self.owned(acting, &org, ACTION)?;
        }
        let mut faults = Faults::default();
        faults.when(key.status == KeyStatus::Revoked, "conflict");
        faults.none()?;
        self.state.admin_keys.insert(key.id.clone(), AdminKey { status: KeyStatus::Revoked, ..key });
        Ok(vec![entry(&org, ACTION)])
    }
}
