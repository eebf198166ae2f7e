//! Who acts (R45), and from where.

use serde::Serialize;

/// The operating-system user and the machine that a change came from, as the audit log keeps them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Origin {
    /// The operating system's name of the user, or the number where it has none.
    pub os_user: String,
    /// The machine's name.
    pub host: String,
}

/// Whose rights somebody acts with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    /// Whoever can open the store: may do what any owner may, in every organization.
    Operator,
    /// A person, with the rights of R6.
    Person {
        /// `user-…`
        user_id: String,
        /// Their e-mail address.
        email: String,
    },
    /// An administration key (R17), with its person's rights within its organization.
    AdminKey {
        /// `key_…`
        key_id: String,
        /// The organization that it works in.
        organization_id: String,
        /// Its person.
        user_id: String,
        /// The person's e-mail address.
        email: String,
    },
    /// The daemon, as itself.
    Daemon,
}

/// Somebody who acts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// With whose rights.
    pub who: Who,
    /// From where.
    pub origin: Origin,
}

impl Actor {
    /// The operator at `origin`.
    #[must_use]
    pub const fn operator(origin: Origin) -> Self {
        Self { who: Who::Operator, origin }
    }

    /// The daemon at `origin`.
    #[must_use]
    pub const fn daemon(origin: Origin) -> Self {
        Self { who: Who::Daemon, origin }
    }

    /// `operator`, `person`, `admin_key` or `daemon`.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self.who {
            Who::Operator => "operator",
            Who::Person { .. } => "person",
            Who::AdminKey { .. } => "admin_key",
            Who::Daemon => "daemon",
        }
    }

    /// The person whose rights decide; `None` for those who need no role.
    #[must_use]
    pub fn user_id(&self) -> Option<&str> {
        match &self.who {
            Who::Person { user_id, .. } | Who::AdminKey { user_id, .. } => Some(user_id),
            Who::Operator | Who::Daemon => None,
        }
    }

    /// The id by which the audit log knows the actor: a person's, an administration key's, or empty.
    #[must_use]
    pub fn id(&self) -> &str {
        match &self.who {
            Who::Person { user_id, .. } => user_id,
            Who::AdminKey { key_id, .. } => key_id,
            Who::Operator | Who::Daemon => "",
        }
    }

    /// The name by which people know the actor: an e-mail address, the operating-system user, or `meted`.
    #[must_use]
    pub fn name(&self) -> &str {
        match &self.who {
            Who::Operator => &self.origin.os_user,
            Who::Person { email, .. } | Who::AdminKey { email, .. } => email,
            Who::Daemon => "meted",
        }
    }
}
