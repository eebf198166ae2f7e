//! Invites (R9).

use std::collections::HashMap;

use mete_core::Timestamp;
use mete_core::people::{Invite, InviteProject, InviteStatus};

use crate::boxed;
use crate::conditions::{Conditions, rows_of};
use crate::db::{in_tx, on_read};
use crate::error::StoreError;
use crate::pages::{Cursor, CursorKey, Order, Page, Paging};
use crate::rows::word;
use crate::{Store, Tx};

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    organization_id: String,
    email: String,
    role: String,
    created_at: i64,
    expires_at: i64,
    accepted_at: Option<i64>,
}

impl Row {
    fn invite(self, projects: Vec<InviteProject>, now: Timestamp) -> Result<Invite, StoreError> {
        let (accepted_at, expires_at) = (self.accepted_at.map(Timestamp), Timestamp(self.expires_at));
        Ok(Invite {
            role: word(&self.role)?,
            status: InviteStatus::at(now, accepted_at, expires_at),
            id: self.id,
            organization_id: self.organization_id,
            email: self.email,
            created_at: Timestamp(self.created_at),
            expires_at,
            accepted_at,
            projects,
        })
    }
}

const COLUMNS: &str = "SELECT id, organization_id, email, role, created_at, expires_at, accepted_at FROM invite ";

/// Invite, project, role.
type ProjectRow = (String, String, String);

fn project((_, id, role): ProjectRow) -> Result<InviteProject, StoreError> {
    Ok(InviteProject { id, role: word(&role)? })
}

impl Store {
    /// Invites of an organization, of an e-mail address, or with an id, oldest first, with their status at `now`.
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn invites(&self, filter: &InviteFilter, now: Timestamp) -> Result<Vec<Invite>, StoreError> {
        let (conditions, texts) = Conditions::default()
            .text("id = {}", filter.id.as_deref())
            .text("organization_id = {}", filter.organization_id.as_deref())
            .text("email = {}", filter.email.as_deref())
            .parts();
        let sql = format!("{COLUMNS} {conditions} ORDER BY created_at, id");
        let rows: Vec<Row> = rows_of!(on_read, self, sql, texts)?;
        let mut projects = self.projects_of_invites((&conditions, texts)).await?;
        rows.into_iter()
            .map(|row| {
                let projects = projects.remove(&row.id).unwrap_or_default();
                row.invite(projects, now)
            })
            .collect()
    }

    /// Some of the invites of these organizations, or of all, newest first, with their status at `now`.
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn invite_page(
        &self,
        organization_ids: Option<&[String]>,
        paging: &Paging,
        now: Timestamp,
    ) -> Result<Page<Invite>, StoreError> {
        const NEWEST: Order = Order::newest("created_at", "id");
        let wanted = Conditions::default().any_of("organization_id IN {}", organization_ids);
        let (conditions, texts) = NEWEST.seek(wanted, paging).parts();
        let sql = format!("{COLUMNS} {conditions} {}", NEWEST.clause(paging));
        let rows: Vec<Row> = rows_of!(on_read, self, sql, texts)?;
        let page = Page::of(rows, paging, |row| Cursor { key: CursorKey::Number(row.created_at), id: row.id.clone() });
        let ids: Vec<String> = page.rows.iter().map(|row| row.id.clone()).collect();
        let (of_page, texts) = Conditions::default().any_of("id IN {}", Some(&ids)).parts();
        let mut projects = match ids.is_empty() {
            true => HashMap::new(),
            false => self.projects_of_invites((&of_page, texts)).await?,
        };
        page.try_map(|row| {
            let projects = projects.remove(&row.id).unwrap_or_default();
            row.invite(projects, now)
        })
    }

    async fn projects_of_invites(
        &self,
        (conditions, texts): (&str, Vec<String>),
    ) -> Result<HashMap<String, Vec<InviteProject>>, StoreError> {
        let sql = format!(
            "SELECT invite_id, project_id, role FROM invite_project WHERE invite_id IN (SELECT id FROM invite {conditions}) \
             ORDER BY project_id"
        );
        let projects: Vec<ProjectRow> = rows_of!(on_read, self, sql, texts)?;
        let mut of_invite: HashMap<String, Vec<InviteProject>> = HashMap::new();
        for row in projects {
            of_invite.entry(row.0.clone()).or_default().push(project(row)?);
        }
        Ok(of_invite)
    }
}

/// Which invites to list; what is `None` does not restrict.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InviteFilter {
    /// The invite with this id.
    pub id: Option<String>,
    /// Of this organization.
    pub organization_id: Option<String>,
    /// Of this e-mail address.
    pub email: Option<String>,
}

impl Tx {
    /// The invite with this id, with its status at `now`.
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn invite(&mut self, id: &str, now: Timestamp) -> Result<Option<Invite>, StoreError> {
        let sql = format!("{COLUMNS} WHERE id = $1");
        let row: Option<Row> = in_tx!(self, db => {
            sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(id).fetch_optional(db).await
        })?;
        let projects: Vec<ProjectRow> = in_tx!(self, db => {
            sqlx::query_as("SELECT invite_id, project_id, role FROM invite_project WHERE invite_id = $1 ORDER BY project_id")
                .bind(id).fetch_all(db).await
        })?;
        let Some(row) = row else { return Ok(None) };
        let projects = projects.into_iter().map(project).collect::<Result<_, _>>()?;
        Ok(Some(row.invite(projects, now)?))
    }

    /// Whether an invite of an organization to this address can still be accepted at `now`.
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn has_pending_invite(
        &mut self,
        organization_id: &str,
        email: &str,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let (count,): (i64,) = in_tx!(self, db => {
            sqlx::query_as(
                "SELECT CAST(COUNT(*) AS BIGINT) FROM invite \
                 WHERE organization_id = $1 AND email = $2 AND accepted_at IS NULL AND expires_at > $3",
            )
            .bind(organization_id).bind(email).bind(now.0)
            .fetch_one(db).await
        })?;
        Ok(count > 0)
    }

    /// Makes an invite with its projects.
    ///
    /// # Errors
    /// When the store cannot be written.
    #[boxed]
    pub async fn insert_invite(&mut self, invite: &Invite) -> Result<(), StoreError> {
        in_tx!(self, db => {
            sqlx::query(
                "INSERT INTO invite (id, organization_id, email, role, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6)",
            )
            .bind(&invite.id).bind(&invite.organization_id).bind(&invite.email).bind(invite.role.as_str())
            .bind(invite.created_at.0).bind(invite.expires_at.0)
            .execute(db).await.map(drop)
        })?;
        for project in &invite.projects {
            in_tx!(self, db => {
                sqlx::query("INSERT INTO invite_project (invite_id, project_id, role) VALUES ($1, $2, $3)")
                    .bind(&invite.id).bind(&project.id).bind(project.role.as_str())
                    .execute(db).await.map(drop)
            })?;
        }
        Ok(())
    }

    /// Marks an invite as accepted.
    ///
    /// # Errors
    /// When the store cannot be written.
    #[boxed]
    pub async fn set_invite_accepted(&mut self, id: &str, at: Timestamp) -> Result<(), StoreError> {
        in_tx!(self, db => {
            sqlx::query("UPDATE invite SET accepted_at = $1 WHERE id = $2").bind(at.0).bind(id).execute(db).await.map(drop)
        })?;
        Ok(())
    }

    /// Takes an invite back.
    ///
    /// # Errors
    /// When the store cannot be written.
    #[boxed]
    pub async fn delete_invite(&mut self, id: &str) -> Result<(), StoreError> {
        in_tx!(self, db => {
            sqlx::query("DELETE FROM invite_project WHERE invite_id = $1").bind(id).execute(db).await.map(drop)
        })?;
        in_tx!(self, db => sqlx::query("DELETE FROM invite WHERE id = $1").bind(id).execute(db).await.map(drop))?;
        Ok(())
    }
}
