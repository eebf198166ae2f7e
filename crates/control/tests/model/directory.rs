//! Organizations, projects and settings (R1 to R4, R19 to R22).

use mete_core::directory::{KeyStatus, Organization, OrganizationRole, Project, ProjectStatus};

use crate::model::{Acting, Entry, Faults, Judged, Made, Model, Rank, denied, entry, kept, picked};
use crate::op::{DirectoryOp, NAMES, Pick, WEBSITES};

/// The deployment's own chain.
const DEPLOYMENT: &str = "";
pub const DEFAULT: &str = "Default project";

impl Model {
    pub fn directory(&mut self, acting: &Acting, op: &DirectoryOp, made: &Made) -> Judged {
        match *op {
            DirectoryOp::CreateOrg { parent, owner } => self.create_org(acting, (parent, owner), made),
            DirectoryOp::Init => {
                self.operator(acting, "organization.created")?;
                let mut faults = Faults::default();
                faults.when(true, "conflict");
                faults.none().map(|()| Vec::new())
            }
            DirectoryOp::RenameOrg(org, name) => self.rename_org(acting, &picked(&self.orgs, org), NAMES[name]),
            DirectoryOp::CreateProject(org, name) => self.create_project(acting, (org, NAMES[name]), made),
            DirectoryOp::EditProject(project, name, site) => {
                self.edit_project(acting, &picked(&self.projects, project), (NAMES[name], WEBSITES[site]))
            }
            DirectoryOp::Archive(project, right) => self.archive(acting, &picked(&self.projects, project), right),
            DirectoryOp::MaxProjects(most) => {
                self.operator(acting, "setting.updated")?;
                let mut faults = Faults::default();
                faults.when(most < 0, "invalid");
                faults.none()?;
                self.state.max_projects = most;
                Ok(vec![entry(DEPLOYMENT, "setting.updated")])
            }
        }
    }

    fn operator(&self, acting: &Acting, action: &'static str) -> Result<(), crate::model::Refusal> {
        if acting.person.is_none() { Ok(()) } else { Err(denied(false, DEPLOYMENT, action)) }
    }

    fn create_org(&mut self, acting: &Acting, (parent, owner): (Option<Pick>, Pick), made: &Made) -> Judged {
        const ACTION: &str = "organization.created";
        let parent = parent.map(|pick| picked(&self.orgs, pick));
        match &parent {
            None => self.operator(acting, ACTION)?,
            Some(parent) => {
                self.owned(acting, parent, ACTION)?;
                let mut faults = Faults::default();
                faults.when(self.state.organizations[parent].parent_id.is_some(), "invalid");
                faults.none()?;
            }
        }
        let (id, project) = (made.id(0), made.id(1));
        let owner = self.email(owner).to_owned();
        let owner = self.know(&owner, made);
        let (name, created_at) = ("Org".to_owned(), self.now);
        self.state.members.insert((id.clone(), owner), (OrganizationRole::Owner, false));
        self.add_project(project, (&id, DEFAULT.to_owned()), true);
        let organization = Organization { id: id.clone(), name, parent_id: parent, created_at };
        self.state.organizations.insert(id.clone(), organization);
        let done: Vec<Entry> = vec![entry(&id, ACTION)];
        self.orgs.push(id);
        Ok(done)
    }

    fn add_project(&mut self, id: String, (organization, name): (&str, String), is_default: bool) {
        let project = Project {
            id: id.clone(),
            organization_id: organization.to_owned(),
            name,
            description: String::new(),
            website: String::new(),
            status: ProjectStatus::Active,
            is_default,
            created_at: self.now,
            archived_at: None,
        };
        self.state.projects.insert(id.clone(), project);
        self.projects.push(id);
    }

    fn rename_org(&mut self, acting: &Acting, org: &str, name: &str) -> Judged {
        const ACTION: &str = "organization.updated";
        self.owned(acting, org, ACTION)?;
        let mut faults = Faults::default();
        faults.when(kept(name).is_none(), "invalid");
        faults.none()?;
        if let Some(organization) = self.state.organizations.get_mut(org) {
            organization.name = kept(name).unwrap_or_default();
        }
        Ok(vec![entry(org, ACTION)])
    }

    /// Whether another active project of the organization has the name (R19).
    fn is_taken(&self, org: &str, name: &str, but: &str) -> bool {
        let name = kept(name).unwrap_or_default().to_lowercase();
        let active = |project: &&Project| project.organization_id == org && project.status == ProjectStatus::Active;
        self.state
            .projects
            .values()
            .filter(active)
            .any(|project| project.id != but && project.name.to_lowercase() == name)
    }

    fn create_project(&mut self, acting: &Acting, (org, name): (Pick, &str), made: &Made) -> Judged {
        const ACTION: &str = "project.created";
        let org = picked(&self.orgs, org);
        self.owned(acting, &org, ACTION)?;
        let count = self.state.projects.values().filter(|one| one.organization_id == org && !one.is_default).count();
        let mut faults = Faults::default();
        faults.when(self.state.organizations[&org].parent_id.is_some(), "invalid");
        faults.when(count as i64 >= self.state.max_projects, "limit_reached");
        faults.when(kept(name).is_none(), "invalid");
        faults.when(self.is_taken(&org, name, ""), "conflict");
        faults.none()?;
        self.add_project(made.id(0), (&org, kept(name).unwrap_or_default()), false);
        Ok(vec![entry(&org, ACTION)])
    }

    fn edit_project(&mut self, acting: &Acting, project: &str, (name, website): (&str, &str)) -> Judged {
        const ACTION: &str = "project.updated";
        let before = self.in_project(acting, project, (Rank::ProjectOwner, ACTION))?;
        let org = before.organization_id.clone();
        let mut faults = Faults::default();
        faults.when(before.is_default, "invalid");
        faults.when(before.status == ProjectStatus::Archived, "conflict");
        faults.when(kept(name).is_none(), "invalid");
        faults.when(!website.is_empty() && !website.starts_with("https://"), "invalid");
        faults.when(self.is_taken(&org, name, project), "conflict");
        faults.none()?;
        let after = Project { name: kept(name).unwrap_or_default(), website: website.to_owned(), ..before };
        self.state.projects.insert(after.id.clone(), after);
        Ok(vec![entry(&org, ACTION)])
    }

    /// The name of another thing is typed where it is not the right one.
    fn archive(&mut self, acting: &Acting, project: &str, right: bool) -> Judged {
        const ACTION: &str = "project.archived";
        let before = self.in_project(acting, project, (Rank::ProjectOwner, ACTION))?;
        let org = before.organization_id.clone();
        let mut faults = Faults::default();
        faults.when(before.is_default, "invalid");
        faults.when(before.status == ProjectStatus::Archived, "conflict");
        faults.when(!right, "invalid");
        faults.none()?;
        let after = Project { status: ProjectStatus::Archived, archived_at: Some(self.now), ..before };
        for key in self.state.keys.values_mut().filter(|key| key.project_id == after.id) {
            if key.status == KeyStatus::Active {
                key.status = KeyStatus::Disabled;
            }
        }
        self.state.projects.insert(after.id.clone(), after);
        Ok(vec![entry(&org, ACTION)])
    }
}
