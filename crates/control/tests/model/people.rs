//! Members, roles, grants and invites (R5 to R11).

use mete_core::directory::{KeyStatus, OrganizationRole, Project, ProjectStatus};
use mete_core::people::{INVITE_LIFETIME, Invite, InviteProject, InviteStatus, ProjectRole};

use crate::model::{Acting, Faults, Judged, Made, Model, Rank, Refusal, denied, entry, kept, not_found, picked};
use crate::op::{NAMES, PeopleOp, Pick};

impl Model {
    pub fn people(&mut self, acting: &Acting, op: &PeopleOp, made: &Made) -> Judged {
        match op {
            PeopleOp::SetRole(org, person, role) => self.set_role(acting, &picked(&self.orgs, *org), (*person, *role)),
            PeopleOp::Remove(org, person) => self.remove(acting, &picked(&self.orgs, *org), *person),
            PeopleOp::Grant(org, person, grant) => self.grant(acting, &picked(&self.orgs, *org), (*person, *grant)),
            PeopleOp::AddMember(project, person, role) => {
                self.add_member(acting, &picked(&self.projects, *project), (*person, *role))
            }
            PeopleOp::AddAccount(project, _) => {
                let project = picked(&self.projects, *project);
                let (_, mut faults) = self.members_of(acting, &project, "project_user.added")?;
                faults.when(true, "invalid");
                faults.none().map(|()| Vec::new())
            }
            PeopleOp::SetProjectRole(project, person, role) => {
                self.change_member(acting, (*project, *person), (Some(*role), "project_user.updated"))
            }
            PeopleOp::RemoveMember(project, person) => {
                self.change_member(acting, (*project, *person), (None, "project_user.deleted"))
            }
            PeopleOp::Invite { org, person, role, projects } => {
                self.invite(acting, (*org, *person), (*role, projects), made)
            }
            PeopleOp::Accept(invite, name) => self.accept(acting, &picked(&self.invites, *invite), NAMES[*name]),
            PeopleOp::RevokeInvite(invite) => self.revoke_invite(acting, &picked(&self.invites, *invite)),
        }
    }

    /// The id and the role of a member of the organization.
    fn member(&self, org: &str, person: Pick) -> Result<(String, OrganizationRole), Refusal> {
        let user = self.picked_user(person).ok_or_else(not_found)?;
        let role = self.organization_role(org, &user).ok_or_else(not_found)?;
        Ok((user, role))
    }

    fn is_last_owner(&self, org: &str, role: OrganizationRole) -> bool {
        let owner = |((of, _), (role, _)): &(&(String, String), &(OrganizationRole, bool))| {
            of == org && *role == OrganizationRole::Owner
        };
        role == OrganizationRole::Owner && self.state.members.iter().filter(owner).count() == 1
    }

    /// R11: the keys of a person stop in projects of the organization that they are not in.
    fn stop_keys_outside(&mut self, org: &str, user: &str) {
        let state = &mut self.state;
        let left: Vec<String> = state
            .keys
            .values()
            .filter(|key| key.organization_id == org && key.owner_id == user && key.status == KeyStatus::Active)
            .filter(|key| !state.is_in_project(&state.projects[&key.project_id], user))
            .map(|key| key.id.clone())
            .collect();
        for id in left {
            state.keys.entry(id).and_modify(|key| key.status = KeyStatus::Disabled);
        }
    }

    fn set_role(&mut self, acting: &Acting, org: &str, (person, role): (Pick, OrganizationRole)) -> Judged {
        const ACTION: &str = "user.updated";
        self.owned(acting, org, ACTION)?;
        let (user, before) = self.member(org, person)?;
        let mut faults = Faults::default();
        faults.when(role == OrganizationRole::Reader && self.is_last_owner(org, before), "conflict");
        faults.none()?;
        self.state.members.entry((org.to_owned(), user.clone())).and_modify(|member| member.0 = role);
        self.stop_keys_outside(org, &user);
        Ok(vec![entry(org, ACTION)])
    }

    fn remove(&mut self, acting: &Acting, org: &str, person: Pick) -> Judged {
        const ACTION: &str = "user.deleted";
        self.owned(acting, org, ACTION)?;
        let (user, role) = self.member(org, person)?;
        let mut faults = Faults::default();
        faults.when(self.is_last_owner(org, role), "conflict");
        faults.none()?;
        let state = &mut self.state;
        state.members.remove(&(org.to_owned(), user.clone()));
        let of_org =
            |project: &String| state.projects.get(project).is_some_and(|project| project.organization_id == org);
        state.project_members.retain(|(project, member), _| *member != user || !of_org(project));
        let own = state.admin_keys.values_mut().filter(|key| key.organization_id == org && key.owner_id == user);
        own.filter(|key| key.status == KeyStatus::Active).for_each(|key| key.status = KeyStatus::Disabled);
        self.stop_keys_outside(org, &user);
        Ok(vec![entry(org, ACTION)])
    }

    fn grant(&mut self, acting: &Acting, org: &str, (person, grant): (Pick, bool)) -> Judged {
        let action = if grant { "usage_grant.created" } else { "usage_grant.deleted" };
        self.owned(acting, org, action)?;
        let (user, _) = self.member(org, person)?;
        self.state.members.entry((org.to_owned(), user)).and_modify(|member| member.1 = grant);
        Ok(vec![entry(org, action)])
    }

    /// The project, for a change of who is in it, and what speaks against any.
    fn members_of(&self, acting: &Acting, project: &str, action: &'static str) -> Result<(Project, Faults), Refusal> {
        let project = self.in_project(acting, project, (Rank::ProjectOwner, action))?;
        let mut faults = Faults::default();
        faults.when(project.is_default, "invalid");
        faults.when(project.status == ProjectStatus::Archived, "conflict");
        Ok((project, faults))
    }

    fn add_member(&mut self, acting: &Acting, project: &str, (person, role): (Pick, ProjectRole)) -> Judged {
        const ACTION: &str = "project_user.added";
        let (project, mut faults) = self.members_of(acting, project, ACTION)?;
        let user = self.picked_user(person).unwrap_or_default();
        let standing = self.organization_role(&project.organization_id, &user);
        faults.when(standing.is_none(), "not_found");
        faults.when(standing == Some(OrganizationRole::Owner), "conflict");
        faults.when(self.project_role(&project.id, &user).is_some(), "conflict");
        faults.none()?;
        self.state.project_members.insert((project.id, user), role);
        Ok(vec![entry(&project.organization_id, ACTION)])
    }

    /// Another role in a project, or none.
    fn change_member(
        &mut self,
        acting: &Acting,
        (project, person): (Pick, Pick),
        (role, action): (Option<ProjectRole>, &'static str),
    ) -> Judged {
        let (project, mut faults) = self.members_of(acting, &picked(&self.projects, project), action)?;
        let org = project.organization_id;
        let user = self.picked_user(person).unwrap_or_default();
        match self.organization_role(&org, &user) {
            None => faults.when(true, "not_found"),
            Some(OrganizationRole::Owner) => faults.when(true, "conflict"),
            Some(OrganizationRole::Reader) => {
                faults.when(self.project_role(&project.id, &user).is_none(), "not_found");
            }
        }
        faults.none()?;
        let member = (project.id, user.clone());
        match role {
            Some(role) => drop(self.state.project_members.insert(member, role)),
            None => drop(self.state.project_members.remove(&member)),
        }
        self.stop_keys_outside(&org, &user);
        Ok(vec![entry(&org, action)])
    }

    fn invite(
        &mut self,
        acting: &Acting,
        (org, person): (Pick, Pick),
        (role, projects): (OrganizationRole, &[(Pick, ProjectRole)]),
        made: &Made,
    ) -> Judged {
        const ACTION: &str = "invite.sent";
        let org = picked(&self.orgs, org);
        self.owned(acting, &org, ACTION)?;
        let email = self.email(person).to_owned();
        let mut faults = Faults::default();
        let member = self.picked_user(person).is_some_and(|user| self.organization_role(&org, &user).is_some());
        faults.when(member, "conflict");
        let pending =
            |one: &Invite| one.organization_id == org && one.email == email && one.status == InviteStatus::Pending;
        faults.when(self.state.invites.values().any(pending), "conflict");
        let mut named: Vec<InviteProject> = Vec::new();
        for (project, role) in projects {
            let id = picked(&self.projects, *project);
            let found = self.state.projects.get(&id).filter(|project| project.organization_id == org);
            faults.when(found.is_none(), "not_found");
            faults.when(found.is_some_and(|project| project.is_default), "invalid");
            faults.when(found.is_some_and(|project| project.status == ProjectStatus::Archived), "conflict");
            faults.when(named.iter().any(|other| other.id == id), "invalid");
            named.push(InviteProject { id, role: *role });
        }
        faults.none()?;
        self.know(&email, made);
        named.sort_by(|a, b| a.id.cmp(&b.id));
        let invite = Invite {
            id: made.id(0),
            organization_id: org.clone(),
            email,
            role,
            status: InviteStatus::Pending,
            created_at: self.now,
            expires_at: self.now.plus(INVITE_LIFETIME),
            accepted_at: None,
            projects: named,
        };
        self.invites.push(invite.id.clone());
        self.state.invites.insert(invite.id.clone(), invite);
        Ok(vec![entry(&org, ACTION)])
    }

    fn accept(&mut self, acting: &Acting, invite: &str, name: &str) -> Judged {
        const ACTION: &str = "invite.accepted";
        let invite = self.state.invites.get(invite).cloned().ok_or_else(not_found)?;
        let org = invite.organization_id.clone();
        let theirs = acting.within.is_none() && acting.person.is_none_or(|person| self.emails[person] == invite.email);
        if !theirs {
            return Err(denied(!self.sees_organization(acting, &org), &org, ACTION));
        }
        let user = self.state.people[&invite.email].id.clone();
        let mut faults = Faults::default();
        faults.when(invite.status != InviteStatus::Pending, "conflict");
        faults.when(kept(name).is_none(), "invalid");
        faults.when(self.organization_role(&org, &user).is_some(), "conflict");
        faults.none()?;
        let state = &mut self.state;
        state.members.insert((org.clone(), user.clone()), (invite.role, false));
        for InviteProject { id, role } in invite.projects {
            if state.projects[&id].status == ProjectStatus::Active {
                state.project_members.insert((id, user.clone()), role);
            }
        }
        state.people.entry(invite.email).and_modify(|person| person.name = kept(name).unwrap_or_default());
        let now = self.now;
        state.invites.entry(invite.id).and_modify(|invite| {
            (invite.status, invite.accepted_at) = (InviteStatus::Accepted, Some(now));
        });
        Ok(vec![entry(&org, ACTION)])
    }

    fn revoke_invite(&mut self, acting: &Acting, invite: &str) -> Judged {
        const ACTION: &str = "invite.deleted";
        let invite = self.state.invites.get(invite).cloned().ok_or_else(not_found)?;
        self.owned(acting, &invite.organization_id, ACTION)?;
        let mut faults = Faults::default();
        faults.when(invite.status != InviteStatus::Pending, "conflict");
        faults.none()?;
        self.state.invites.remove(&invite.id);
        Ok(vec![entry(&invite.organization_id, ACTION)])
    }
}
