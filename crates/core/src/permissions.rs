//! What a key may be used for: `all`, `read_only`, or a grant for each endpoint group (R16).

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::directory::UnknownWord;
use crate::endpoint::EndpointGroup;
use crate::secret::without_secrets;

/// What is granted of an endpoint group, or needed by a request: each includes those before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Access {
    /// Nothing.
    #[default]
    None,
    /// GET and HEAD.
    Read,
    /// Every method.
    Write,
}

impl Access {
    /// What a request with this HTTP method needs, in any case: GET and HEAD read, all else writes.
    #[must_use]
    pub fn needed_by(method: &str) -> Self {
        let reads = ["GET", "HEAD"].iter().any(|reading| method.eq_ignore_ascii_case(reading));
        if reads { Self::Read } else { Self::Write }
    }
}

crate::directory::text_form!(Access, "access", None = "none", Read = "read", Write = "write");

/// The groups that a grant can name; of the others, [`group_of_grant`] says which grant counts.
const GROUPS: usize = 15;

/// What is granted of each endpoint group; a group not named is `none`.
///
/// Serialized as an object of the groups with a grant: `{"chat_completions":"write","models":"read"}`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Scopes([Access; GROUPS]);

impl Scopes {
    /// Grants `access` of a group.
    ///
    /// # Errors
    /// When the group has no grant of its own.
    pub fn grant(&mut self, group: EndpointGroup, access: Access) -> Result<(), UnknownScope> {
        let slot = self.0.get_mut(group as usize).ok_or_else(|| UnknownScope(group.name().to_owned()))?;
        *slot = access;
        Ok(())
    }

    /// What is granted for requests of a group. Anthropic's `messages` are chat completions by another name; nothing is
    /// granted of `other`.
    #[must_use]
    pub fn of(&self, group: EndpointGroup) -> Access {
        group_of_grant(group).and_then(|group| self.0.get(group as usize)).copied().unwrap_or_default()
    }

    /// The groups with a grant.
    pub fn granted(&self) -> impl Iterator<Item = (EndpointGroup, Access)> {
        let groups = EndpointGroup::ALL.into_iter().zip(self.0);
        groups.filter(|(_, access)| *access != Access::None)
    }
}

/// The group whose grant decides on requests of `group`; `None` where none does.
#[must_use]
pub const fn group_of_grant(group: EndpointGroup) -> Option<EndpointGroup> {
    match group {
        EndpointGroup::Other => None,
        EndpointGroup::Messages => Some(EndpointGroup::ChatCompletions),
        group => Some(group),
    }
}

impl Serialize for Scopes {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.granted().map(|(group, access)| (group.name(), access)))
    }
}

impl<'de> Deserialize<'de> for Scopes {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut scopes = Self::default();
        for (name, access) in BTreeMap::<String, Access>::deserialize(deserializer)? {
            let group = EndpointGroup::from_name(&name).ok_or_else(|| serde::de::Error::custom(UnknownScope(name)))?;
            scopes.grant(group, access).map_err(serde::de::Error::custom)?;
        }
        Ok(scopes)
    }
}

/// One grant as it is typed: `chat_completions=write`; hyphens stand for underscores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Of which group.
    pub group: EndpointGroup,
    /// What.
    pub access: Access,
}

impl FromStr for Grant {
    type Err = GrantProblem;

    fn from_str(text: &str) -> Result<Self, GrantProblem> {
        let (name, access) =
            text.split_once('=').ok_or_else(|| GrantProblem::Form(without_secrets(text).into_owned()))?;
        let group = EndpointGroup::from_name(&name.replace('-', "_")).filter(|group| (*group as usize) < GROUPS);
        let group = group.ok_or_else(|| UnknownScope(without_secrets(name).into_owned()))?;
        Ok(Self { group, access: access.parse()? })
    }
}

/// Why a grant is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GrantProblem {
    /// Not of the form `GROUP=ACCESS`.
    #[error("{0:?} is no scope: write GROUP=none, GROUP=read or GROUP=write")]
    Form(String),
    /// No such group.
    #[error(transparent)]
    Group(#[from] UnknownScope),
    /// No such access.
    #[error(transparent)]
    Access(#[from] UnknownWord),
}

/// An endpoint group without a grant of its own.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no scope: it is one of {list}", list = scope_names())]
pub struct UnknownScope(pub String);

fn scope_names() -> String {
    EndpointGroup::ALL[..GROUPS].iter().map(|group| group.name()).collect::<Vec<_>>().join(", ")
}

/// Which of the three kinds of permissions a key has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PermissionKind {
    /// Everything.
    #[default]
    All,
    /// Reading of everything.
    ReadOnly,
    /// What its scopes grant.
    Restricted,
}

crate::directory::text_form!(
    PermissionKind,
    "kind of permissions",
    All = "all",
    ReadOnly = "read_only",
    Restricted = "restricted"
);

/// What a key may be used for (R16).
///
/// Serialized as `{"permissions":"all"|"read_only"|"restricted","scopes":{…}}`; scopes are empty unless restricted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Permissions {
    /// Which kind.
    #[serde(rename = "permissions")]
    pub kind: PermissionKind,
    /// The grants of a restricted key; empty for the others.
    pub scopes: Scopes,
}

impl Permissions {
    /// Everything: the default.
    pub const ALL: Self = Self { kind: PermissionKind::All, scopes: Scopes([Access::None; GROUPS]) };

    /// Whether a request of `group` that needs `needed` may be made.
    #[must_use]
    pub fn allow(&self, group: EndpointGroup, needed: Access) -> bool {
        match self.kind {
            PermissionKind::All => true,
            PermissionKind::ReadOnly => needed <= Access::Read,
            PermissionKind::Restricted => self.scopes.of(group) >= needed,
        }
    }
}

impl fmt::Display for Permissions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.as_str())?;
        for (place, (group, access)) in self.scopes.granted().enumerate() {
            let separator = if place == 0 { ": " } else { ", " };
            write!(f, "{separator}{group}={}", access.as_str())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn restricted(grants: &[&str]) -> Permissions {
        let mut scopes = Scopes::default();
        for grant in grants {
            let Grant { group, access } = grant.parse().unwrap();
            scopes.grant(group, access).unwrap();
        }
        Permissions { kind: PermissionKind::Restricted, scopes }
    }

    #[test]
    fn r16_get_and_head_read_and_all_else_writes() {
        for (method, needed) in
            [("GET", Access::Read), ("head", Access::Read), ("POST", Access::Write), ("DELETE", Access::Write)]
        {
            assert_eq!(Access::needed_by(method), needed, "{method}");
        }
    }

    #[test]
    fn r16_write_includes_read_and_a_group_not_named_is_none() {
        let key = restricted(&["chat-completions=write", "models=read", "files=none"]);
        for (group, read, write) in [
            (EndpointGroup::ChatCompletions, true, true),
            (EndpointGroup::Messages, true, true),
            (EndpointGroup::Models, true, false),
            (EndpointGroup::Files, false, false),
            (EndpointGroup::Evals, false, false),
            (EndpointGroup::Other, false, false),
        ] {
            assert_eq!((key.allow(group, Access::Read), key.allow(group, Access::Write)), (read, write), "{group}");
        }
        let read_only = Permissions { kind: PermissionKind::ReadOnly, ..Permissions::ALL };
        for group in EndpointGroup::ALL {
            assert!(Permissions::ALL.allow(group, Access::Write));
            assert!(read_only.allow(group, Access::Read) && !read_only.allow(group, Access::Write));
        }
    }

    #[test]
    fn scopes_are_an_object_of_grants() {
        let key = restricted(&["models=read", "chat_completions=write"]);
        let text = serde_json::to_string(&key).unwrap();
        assert_eq!(text, r#"{"permissions":"restricted","scopes":{"models":"read","chat_completions":"write"}}"#);
        assert_eq!(
            serde_json::from_str::<Scopes>(r#"{"models":"read","chat_completions":"write"}"#).unwrap(),
            key.scopes
        );
        assert!(serde_json::from_str::<Scopes>(r#"{"messages":"read"}"#).is_err());
        assert_eq!(key.to_string(), "restricted: models=read, chat_completions=write");
        for bad in ["models", "modles=read", "models=all", "other=read", "messages=write"] {
            assert!(bad.parse::<Grant>().is_err(), "{bad}");
        }
    }
}
