//! People and what they are to organizations and projects (R5 to R11).

use mete_core::directory::{OrganizationRole, User};
use mete_core::people::{ListedRole, Member, MemberKind, ProjectRole};
use mete_core::{Month, Nanos, Timestamp};
use serde::Serialize;

use crate::boxed;
use crate::conditions::{Conditions, rows_of};
use crate::db::{in_tx, on_read};
use crate::error::StoreError;
use crate::pages::{Cursor, CursorKey, Order, Page, Paging};
use crate::rows::{count, word};
use crate::shares::ShareKind;
use crate::{Store, Tx};

/// All that a person is to organizations and projects.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Memberships {
    /// Organization, role there, and whether there is a grant to see usage (R8).
    pub organizations: Vec<(String, OrganizationRole, bool)>,
    /// Project and role there; default projects and what follows from being an owner are not among them (R2, R7).
    pub projects: Vec<(String, ProjectRole)>,
}

#[derive(sqlx::FromRow)]
struct UserRow {
    id: String,
    email: String,
    name: String,
    created_at: i64,
}

impl UserRow {
    fn user(self) -> User {
        User { id: self.id, email: self.email, name: self.name, created_at: Timestamp(self.created_at) }
    }
}

#[derive(sqlx::FromRow)]
struct MemberRow {
    id: String,
    kind: String,
    email: String,
    name: String,
    role: String,
    through_organization: bool,
    usage_grant: bool,
    project_id: String,
    added_at: i64,
}

impl MemberRow {
    fn member(self) -> Result<Member, StoreError> {
        let some = |text: String| Some(text).filter(|text| !text.is_empty());
        Ok(Member {
            kind: word::<MemberKind>(&self.kind)?,
            role: word::<ListedRole>(&self.role)?,
            id: self.id,
            email: some(self.email),
            name: self.name,
            through_organization: self.through_organization,
            usage_grant: self.usage_grant,
            project_id: some(self.project_id),
            added_at: Timestamp(self.added_at),
        })
    }
}

/// By what the members of an organization are ordered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MemberOrder {
    /// By e-mail address or name, without regard to case.
    #[default]
    Name,
    /// What they spent in the month, the most first, as it was folded last.
    Spend,
}

/// A member in a list, with figures.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MemberLine {
    /// The member.
    #[serde(flatten)]
    pub member: Member,
    /// Spent in the organization in the month.
    pub spend: Nanos,
    /// Their active keys in the organization.
    pub active_keys: u64,
    /// The active projects of the organization that they were added to, or a service account's own; owners are in all of
    /// them besides (R7).
    pub projects: u64,
    /// When a key of theirs in the organization was last used, if one was.
    pub last_used_at: Option<Timestamp>,
}

#[derive(sqlx::FromRow)]
struct MemberLineRow {
    #[sqlx(flatten)]
    member: MemberRow,
    label: String,
    folded: i64,
    active_keys: i64,
    projects: i64,
    last_used_at: Option<i64>,
}

const USER: &str = "SELECT id, email, name, created_at FROM person ";

/// The people of an organization, of which the id is `$1`.
const ORGANIZATION_PEOPLE: &str = "SELECT u.id, 'user' AS kind, u.email, u.name, m.role, FALSE AS through_organization, \
     m.usage_grant, '' AS project_id, m.added_at FROM organization_member m JOIN person u ON u.id = m.user_id \
     WHERE m.organization_id = $1 ";

/// The people of a project, of which the id is `$1`.
const PROJECT_PEOPLE: &str = "SELECT u.id, 'user' AS kind, u.email, u.name, \
     CASE WHEN m.role = 'owner' THEN 'owner' ELSE COALESCE(pm.role, 'member') END AS role, \
     m.role = 'owner' AS through_organization, m.usage_grant, '' AS project_id, \
     COALESCE(pm.added_at, m.added_at) AS added_at \
     FROM project p JOIN organization_member m ON m.organization_id = p.organization_id \
     JOIN person u ON u.id = m.user_id \
     LEFT JOIN project_member pm ON pm.project_id = p.id AND pm.user_id = m.user_id \
     WHERE p.id = $1 AND (p.is_default OR m.role = 'owner' OR pm.role IS NOT NULL) ";

/// The service accounts as members, to be followed by a condition.
const SERVICE_ACCOUNTS: &str = "SELECT s.id, 'service_account' AS kind, '' AS email, s.name, s.role, \
     FALSE AS through_organization, FALSE AS usage_grant, s.project_id, s.created_at AS added_at \
     FROM service_account s WHERE s.removed_at IS NULL AND ";

/// People before service accounts, each by name.
const MEMBER_ORDER: &str = "ORDER BY kind DESC, email, name, id";

impl Store {
    /// The person with this (lower-case) e-mail address or this id.
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn person(&self, email_or_id: &str) -> Result<Option<User>, StoreError> {
        let sql = format!("{USER} WHERE email = $1 OR id = $1");
        let row: Option<UserRow> = on_read!(self, db => {
            sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(email_or_id).fetch_optional(db).await
        })?;
        Ok(row.map(UserRow::user))
    }

    /// All that a person is.
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn memberships(&self, user_id: &str) -> Result<Memberships, StoreError> {
        let organizations: Vec<(String, String, bool)> = on_read!(self, db => {
            sqlx::query_as("SELECT organization_id, role, usage_grant FROM organization_member WHERE user_id = $1")
                .bind(user_id)
                .fetch_all(db)
                .await
        })?;
        let projects: Vec<(String, String)> = on_read!(self, db => {
            sqlx::query_as("SELECT project_id, role FROM project_member WHERE user_id = $1")
                .bind(user_id)
                .fetch_all(db)
                .await
        })?;
        Ok(Memberships {
            organizations: organizations
                .into_iter()
                .map(|(id, role, grant)| Ok((id, word(&role)?, grant)))
                .collect::<Result<_, StoreError>>()?,
            projects: projects
                .into_iter()
                .map(|(id, role)| Ok((id, word(&role)?)))
                .collect::<Result<_, StoreError>>()?,
        })
    }

    /// Everybody in an organization: people, and service accounts of either kind (R14).
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn organization_members(&self, organization_id: &str) -> Result<Vec<Member>, StoreError> {
        let sql = format!("{ORGANIZATION_PEOPLE} UNION ALL {SERVICE_ACCOUNTS} s.organization_id = $1 {MEMBER_ORDER}");
        self.members(sql, organization_id).await
    }

    /// Some of everybody in an organization, with what each spent there in a month and how many active keys each has.
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn member_page(
        &self,
        organization_id: &str,
        (order, month): (MemberOrder, Month),
        paging: &Paging,
    ) -> Result<Page<MemberLine>, StoreError> {
        let listed = match order {
            MemberOrder::Name => Order::named("m.label", "m.id"),
            MemberOrder::Spend => Order::newest("m.folded", "m.id"),
        };
        let all = Conditions::go_on(vec![organization_id.to_owned()]);
        let (conditions, texts) = listed.seek(all, paging).parts();
        let sql = format!(
            "WITH people AS ({ORGANIZATION_PEOPLE} UNION ALL {SERVICE_ACCOUNTS} s.organization_id = $1), \
             m AS (SELECT w.*, LOWER(COALESCE(NULLIF(w.email, ''), w.name)) AS label, COALESCE(t.cost, 0) AS folded \
             FROM people w LEFT JOIN share_month t ON t.bucket = {} AND t.kind = 'member' AND t.id = w.id \
             AND t.organization_id = $1), \
             listed AS (SELECT m.* FROM m {conditions} {}) \
             SELECT l.*, (SELECT CAST(COUNT(*) AS BIGINT) FROM api_key k WHERE k.owner_id = l.id \
             AND k.organization_id = $1 AND k.status = 'active') AS active_keys, \
             CASE WHEN l.project_id <> '' THEN CAST(1 AS BIGINT) ELSE (SELECT CAST(COUNT(*) AS BIGINT) \
             FROM project_member pm JOIN project p ON p.id = pm.project_id WHERE pm.user_id = l.id \
             AND p.organization_id = $1 AND p.status = 'active') END AS projects, \
             (SELECT MAX(k.last_used_at) FROM api_key k WHERE k.owner_id = l.id AND k.organization_id = $1) \
             AS last_used_at FROM listed l {}",
            month.yyyymm(),
            listed.clause(paging),
            listed.clause(paging).replace("m.", "l.")
        );
        let rows: Vec<MemberLineRow> = rows_of!(on_read, self, sql, texts)?;
        let page = Page::of(rows, paging, |row| Cursor {
            key: match order {
                MemberOrder::Name => CursorKey::Text(row.label.clone()),
                MemberOrder::Spend => CursorKey::Number(row.folded),
            },
            id: row.member.id.clone(),
        });
        let ids: Vec<String> = page.rows.iter().map(|row| row.member.id.clone()).collect();
        let within = [organization_id.to_owned()];
        let mut spends = self.share_spends((ShareKind::Member, month), (Some(&within), &ids)).await?;
        page.try_map(|row| {
            let spend = spends.remove(&row.member.id).unwrap_or_default();
            let (active_keys, projects) = (count(row.active_keys), count(row.projects));
            let last_used_at = row.last_used_at.map(Timestamp);
            Ok(MemberLine { spend, active_keys, projects, last_used_at, member: row.member.member()? })
        })
    }

    /// Everybody in a project: those who were added, the organization's owners (R7), in a default project every member
    /// of the organization (R2), and its service accounts.
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn project_members(&self, project_id: &str) -> Result<Vec<Member>, StoreError> {
        let sql = format!("{PROJECT_PEOPLE} UNION ALL {SERVICE_ACCOUNTS} s.project_id = $1 {MEMBER_ORDER}");
        self.members(sql, project_id).await
    }

    /// Those whom R10 offers for a project: members of the organization with the role `reader` who are not in it.
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn candidates(&self, project_id: &str) -> Result<Vec<Member>, StoreError> {
        let sql = "SELECT u.id, 'user' AS kind, u.email, u.name, m.role, FALSE AS through_organization, m.usage_grant, \
             '' AS project_id, m.added_at \
             FROM project p JOIN organization_member m ON m.organization_id = p.organization_id \
             JOIN person u ON u.id = m.user_id \
             LEFT JOIN project_member pm ON pm.project_id = p.id AND pm.user_id = m.user_id \
             WHERE p.id = $1 AND NOT p.is_default AND m.role = 'reader' AND pm.role IS NULL ORDER BY email";
        self.members(sql.to_owned(), project_id).await
    }

    async fn members(&self, sql: String, of: &str) -> Result<Vec<Member>, StoreError> {
        let rows: Vec<MemberRow> = on_read!(self, db => {
            sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(of).fetch_all(db).await
        })?;
        rows.into_iter().map(MemberRow::member).collect()
    }
}

impl Tx {
    /// The person with this (lower-case) e-mail address or this id.
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn person(&mut self, email_or_id: &str) -> Result<Option<User>, StoreError> {
        let sql = format!("{USER} WHERE email = $1 OR id = $1");
        let row: Option<UserRow> = in_tx!(self, db => {
            sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(email_or_id).fetch_optional(db).await
        })?;
        Ok(row.map(UserRow::user))
    }

    /// The id of the person with this (lower-case) e-mail address; `new_id` if the person had to be made.
    ///
    /// # Errors
    /// When the store cannot be written.
    #[boxed]
    pub async fn upsert_person(&mut self, email: &str, new_id: &str, at: Timestamp) -> Result<String, StoreError> {
        let (id,): (String,) = in_tx!(self, db => {
            sqlx::query_as(
                "INSERT INTO person (id, email, name, created_at) VALUES ($1, $2, '', $3) \
                 ON CONFLICT (email) DO UPDATE SET email = excluded.email RETURNING id",
            )
            .bind(new_id).bind(email).bind(at.0)
            .fetch_one(db).await
        })?;
        Ok(id)
    }

    /// Sets a person's name.
    ///
    /// # Errors
    /// When the store cannot be written.
    #[boxed]
    pub async fn set_person_name(&mut self, user_id: &str, name: &str) -> Result<(), StoreError> {
        in_tx!(self, db => {
            sqlx::query("UPDATE person SET name = $1 WHERE id = $2").bind(name).bind(user_id).execute(db).await.map(drop)
        })?;
        Ok(())
    }

    /// A person's role in an organization and whether they have a grant to see usage; `None` for who is not in it.
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn organization_role(
        &mut self,
        organization_id: &str,
        user_id: &str,
    ) -> Result<Option<(OrganizationRole, bool)>, StoreError> {
        let row: Option<(String, bool)> = in_tx!(self, db => {
            sqlx::query_as("SELECT role, usage_grant FROM organization_member WHERE organization_id = $1 AND user_id = $2")
                .bind(organization_id).bind(user_id)
                .fetch_optional(db).await
        })?;
        row.map(|(role, grant)| Ok((word(&role)?, grant))).transpose()
    }

    /// The role that a person was given in a project; `None` where none was given.
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn project_role(&mut self, project_id: &str, user_id: &str) -> Result<Option<ProjectRole>, StoreError> {
        let row: Option<(String,)> = in_tx!(self, db => {
            sqlx::query_as("SELECT role FROM project_member WHERE project_id = $1 AND user_id = $2")
                .bind(project_id).bind(user_id)
                .fetch_optional(db).await
        })?;
        row.map(|(role,)| word(&role)).transpose()
    }

    /// A person as the organization's list shows them; `None` for who is not in it.
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn organization_member(
        &mut self,
        organization_id: &str,
        user_id: &str,
    ) -> Result<Option<Member>, StoreError> {
        self.member(format!("{ORGANIZATION_PEOPLE} AND u.id = $2"), (organization_id, user_id)).await
    }

    /// A person as the project's list shows them; `None` for who is not in it.
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn project_member(&mut self, project_id: &str, user_id: &str) -> Result<Option<Member>, StoreError> {
        self.member(format!("{PROJECT_PEOPLE} AND u.id = $2"), (project_id, user_id)).await
    }

    async fn member(&mut self, sql: String, (of, user_id): (&str, &str)) -> Result<Option<Member>, StoreError> {
        let row: Option<MemberRow> = in_tx!(self, db => {
            sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(of).bind(user_id).fetch_optional(db).await
        })?;
        row.map(MemberRow::member).transpose()
    }

    /// How many owners an organization has (R7).
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn count_owners(&mut self, organization_id: &str) -> Result<i64, StoreError> {
        let (count,): (i64,) = in_tx!(self, db => {
            sqlx::query_as(
                "SELECT CAST(COUNT(*) AS BIGINT) FROM organization_member WHERE organization_id = $1 AND role = 'owner'",
            )
            .bind(organization_id)
            .fetch_one(db).await
        })?;
        Ok(count)
    }

    /// Makes a person a member of an organization; one who is a member already keeps the role.
    ///
    /// # Errors
    /// When the store cannot be written.
    #[boxed]
    pub async fn insert_organization_member(
        &mut self,
        organization_id: &str,
        user_id: &str,
        role: OrganizationRole,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        in_tx!(self, db => {
            sqlx::query(
                "INSERT INTO organization_member (organization_id, user_id, role, added_at) VALUES ($1, $2, $3, $4) \
                 ON CONFLICT DO NOTHING",
            )
            .bind(organization_id).bind(user_id).bind(role.as_str()).bind(at.0)
            .execute(db).await.map(drop)
        })?;
        Ok(())
    }

    /// Changes a member's role in an organization and the grant to see usage.
    ///
    /// # Errors
    /// When the store cannot be written.
    #[boxed]
    pub async fn update_organization_member(
        &mut self,
        organization_id: &str,
        user_id: &str,
        (role, usage_grant): (OrganizationRole, bool),
    ) -> Result<(), StoreError> {
        in_tx!(self, db => {
            sqlx::query(
                "UPDATE organization_member SET role = $3, usage_grant = $4 WHERE organization_id = $1 AND user_id = $2",
            )
            .bind(organization_id).bind(user_id).bind(role.as_str()).bind(usage_grant)
            .execute(db).await.map(drop)
        })?;
        Ok(())
    }

    /// Takes a person out of an organization and of all its projects.
    ///
    /// # Errors
    /// When the store cannot be written.
    #[boxed]
    pub async fn delete_organization_member(&mut self, organization_id: &str, user_id: &str) -> Result<(), StoreError> {
        in_tx!(self, db => {
            sqlx::query(
                "DELETE FROM project_member WHERE user_id = $2 \
                 AND project_id IN (SELECT id FROM project WHERE organization_id = $1)",
            )
            .bind(organization_id).bind(user_id)
            .execute(db).await.map(drop)
        })?;
        in_tx!(self, db => {
            sqlx::query("DELETE FROM organization_member WHERE organization_id = $1 AND user_id = $2")
                .bind(organization_id).bind(user_id)
                .execute(db).await.map(drop)
        })?;
        Ok(())
    }

    /// Gives a person a role in a project, in place of the one they have.
    ///
    /// # Errors
    /// When the store cannot be written.
    #[boxed]
    pub async fn upsert_project_member(
        &mut self,
        project_id: &str,
        user_id: &str,
        role: ProjectRole,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        in_tx!(self, db => {
            sqlx::query(
                "INSERT INTO project_member (project_id, user_id, role, added_at) VALUES ($1, $2, $3, $4) \
                 ON CONFLICT (project_id, user_id) DO UPDATE SET role = excluded.role",
            )
            .bind(project_id).bind(user_id).bind(role.as_str()).bind(at.0)
            .execute(db).await.map(drop)
        })?;
        Ok(())
    }

    /// Takes a person out of a project.
    ///
    /// # Errors
    /// When the store cannot be written.
    #[boxed]
    pub async fn delete_project_member(&mut self, project_id: &str, user_id: &str) -> Result<(), StoreError> {
        in_tx!(self, db => {
            sqlx::query("DELETE FROM project_member WHERE project_id = $1 AND user_id = $2")
                .bind(project_id).bind(user_id)
                .execute(db).await.map(drop)
        })?;
        Ok(())
    }
}
