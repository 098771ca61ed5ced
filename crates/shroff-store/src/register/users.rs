//! Users, their sessions, and invitations to become one. Each change is an entry of the audit trail.

use shroff_types::Timestamp;
use sqlx::any::AnyRow;

use super::audit::{AuditEntry, append};
use super::error::Doing;
use super::sql::{Sql, column};
use super::{Register, RegisterError};

const DOING: &str = "keep users";

/// Somebody who works with the service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserRow {
    /// Their name.
    pub name: String,
    /// Their role.
    pub role: String,
    /// The hash of their password, in the form of PHC.
    pub password: String,
    /// Whether they may not sign in.
    pub is_disabled: bool,
}

/// A session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionRow {
    /// SHA-256 of its token.
    pub hash: String,
    /// Whose.
    pub name: String,
    /// What a change must carry.
    pub csrf: String,
    /// When it ends, whatever happens.
    pub expires: Timestamp,
}

/// An invitation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvitationRow {
    /// SHA-256 of its token.
    pub hash: String,
    /// Who is invited; empty where whoever comes says.
    pub name: String,
    /// Their role.
    pub role: String,
    /// Until when.
    pub expires: Timestamp,
}

impl Register {
    /// Every user, by name.
    ///
    /// # Errors
    /// Where the database refuses.
    pub async fn users(&self) -> Result<Vec<UserRow>, RegisterError> {
        let sql = Sql::new("SELECT name, role, password, disabled FROM users ORDER BY name");
        let rows = sql.rows(&self.reader, DOING).await?;
        let read = |row: &AnyRow| {
            Ok(UserRow {
                name: column(row, "name")?,
                role: column(row, "role")?,
                password: column(row, "password")?,
                is_disabled: column::<i64>(row, "disabled")? != 0,
            })
        };
        rows.iter().map(read).collect()
    }

    /// The sessions that have not ended.
    ///
    /// # Errors
    /// Where the database refuses.
    pub async fn sessions(&self, now: Timestamp) -> Result<Vec<SessionRow>, RegisterError> {
        let mut sql =
            Sql::new("SELECT hash, name, csrf, expires_at FROM sessions WHERE expires_at > ");
        sql.value(now.0);
        let rows = sql.rows(&self.reader, DOING).await?;
        let read = |row: &AnyRow| {
            Ok(SessionRow {
                hash: column(row, "hash")?,
                name: column(row, "name")?,
                csrf: column(row, "csrf")?,
                expires: Timestamp(column(row, "expires_at")?),
            })
        };
        rows.iter().map(read).collect()
    }

    /// Opens a session, and lets those go that have ended.
    ///
    /// # Errors
    /// Where the database refuses; then there is none.
    pub async fn open_session(
        &self,
        session: &SessionRow,
        entry: AuditEntry<'_>,
    ) -> Result<(), RegisterError> {
        let mut work = self.writer.begin().await.doing(DOING)?;
        let mut sql = Sql::new("DELETE FROM sessions WHERE expires_at <= ");
        sql.value(entry.at.0);
        sql.run(&mut *work, DOING).await?;
        let mut sql = Sql::new("INSERT INTO sessions (hash, name, csrf, expires_at) VALUES (");
        sql.values([session.hash.clone(), session.name.clone(), session.csrf.clone()]);
        sql.text(", ").value(session.expires.0).text(")");
        sql.run(&mut *work, DOING).await?;
        append(&mut work, entry).await?;
        work.commit().await.doing(DOING)
    }

    /// Ends the session of a hash, or all of a user.
    ///
    /// # Errors
    /// Where the database refuses.
    pub async fn end_sessions(
        &self,
        (name, hash): (&str, Option<&str>),
        entry: AuditEntry<'_>,
    ) -> Result<(), RegisterError> {
        let mut work = self.writer.begin().await.doing(DOING)?;
        let mut sql = Sql::new("DELETE FROM sessions WHERE name = ");
        sql.value(name.to_owned());
        if let Some(hash) = hash {
            sql.text(" AND hash = ").value(hash.to_owned());
        }
        sql.run(&mut *work, DOING).await?;
        append(&mut work, entry).await?;
        work.commit().await.doing(DOING)
    }

    /// Invites somebody; an earlier invitation of the same name ends.
    ///
    /// # Errors
    /// Where the database refuses.
    pub async fn invite(
        &self,
        invitation: &InvitationRow,
        entry: AuditEntry<'_>,
    ) -> Result<(), RegisterError> {
        let mut work = self.writer.begin().await.doing(DOING)?;
        let mut sql = Sql::new("DELETE FROM invitations WHERE name = ");
        sql.value(invitation.name.clone());
        sql.run(&mut *work, DOING).await?;
        let mut sql = Sql::new("INSERT INTO invitations (hash, name, role, expires_at) VALUES (");
        let InvitationRow { hash, name, role, expires } = invitation;
        sql.values([hash.clone(), name.clone(), role.clone()]);
        sql.text(", ").value(expires.0).text(")");
        sql.run(&mut *work, DOING).await?;
        append(&mut work, entry).await?;
        work.commit().await.doing(DOING)
    }

    /// The invitation of a hash.
    ///
    /// # Errors
    /// Where the database refuses.
    pub async fn invitation(&self, hash: &str) -> Result<Option<InvitationRow>, RegisterError> {
        let mut sql =
            Sql::new("SELECT hash, name, role, expires_at FROM invitations WHERE hash = ");
        sql.value(hash.to_owned());
        let row = sql.row(&self.reader, DOING).await?;
        let read = |row: AnyRow| {
            Ok(InvitationRow {
                hash: column(&row, "hash")?,
                name: column(&row, "name")?,
                role: column(&row, "role")?,
                expires: Timestamp(column(&row, "expires_at")?),
            })
        };
        row.map(read).transpose()
    }

    /// Takes an invitation up: the user is there, and the invitation is gone. False where it was
    /// gone before; a user of that name gets the new password.
    ///
    /// # Errors
    /// Where the database refuses.
    pub async fn take_up(
        &self,
        hash: &str,
        user: &UserRow,
        entry: AuditEntry<'_>,
    ) -> Result<bool, RegisterError> {
        let mut work = self.writer.begin().await.doing(DOING)?;
        let mut sql = Sql::new("DELETE FROM invitations WHERE hash = ");
        sql.value(hash.to_owned());
        if sql.run(&mut *work, DOING).await? == 0 {
            return Ok(false);
        }
        let mut sql =
            Sql::new("INSERT INTO users (name, role, password, disabled, created_at) VALUES (");
        sql.values([user.name.clone(), user.role.clone(), user.password.clone()]);
        sql.text(", ").value(i64::from(user.is_disabled)).text(", ").value(entry.at.0);
        sql.text(") ON CONFLICT (name) DO UPDATE SET password = excluded.password");
        sql.run(&mut *work, DOING).await?;
        append(&mut work, entry).await?;
        work.commit().await.doing(DOING)?;
        Ok(true)
    }

    /// Makes a user whom a provider vouches for. Where somebody has the name, nothing is changed, and
    /// false is what is returned.
    ///
    /// # Errors
    /// Where the database refuses.
    pub async fn vouch_for(
        &self,
        user: &UserRow,
        entry: AuditEntry<'_>,
    ) -> Result<bool, RegisterError> {
        let mut work = self.writer.begin().await.doing(DOING)?;
        let mut sql =
            Sql::new("INSERT INTO users (name, role, password, disabled, created_at) VALUES (");
        sql.values([user.name.clone(), user.role.clone(), user.password.clone()]);
        sql.text(", 0, ").value(entry.at.0).text(") ON CONFLICT (name) DO NOTHING");
        if sql.run(&mut *work, DOING).await? == 0 {
            return Ok(false);
        }
        append(&mut work, entry).await?;
        work.commit().await.doing(DOING)?;
        Ok(true)
    }

    /// Gives a user another role, or lets them in or not; their sessions end.
    ///
    /// # Errors
    /// Where the database refuses.
    pub async fn change_user(
        &self,
        user: &UserRow,
        entry: AuditEntry<'_>,
    ) -> Result<(), RegisterError> {
        let mut work = self.writer.begin().await.doing(DOING)?;
        let mut sql = Sql::new("UPDATE users SET role = ");
        sql.value(user.role.clone()).text(", disabled = ").value(i64::from(user.is_disabled));
        sql.text(" WHERE name = ").value(user.name.clone());
        sql.run(&mut *work, DOING).await?;
        let mut sql = Sql::new("DELETE FROM sessions WHERE name = ");
        sql.value(user.name.clone());
        sql.run(&mut *work, DOING).await?;
        append(&mut work, entry).await?;
        work.commit().await.doing(DOING)
    }
}
