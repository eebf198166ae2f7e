//! Permissions and expiry as they are typed.

use std::str::FromStr;

use clap::{Args, ValueEnum};
use mete_control::ControlError;
use mete_core::Timestamp;
use mete_core::permissions::{Grant, PermissionKind, Permissions, Scopes};
use mete_core::when::{ParseSpanError, parse_span};

/// What a key may be used for (R16).
#[derive(Debug, Args)]
#[group(skip)]
pub struct PermissionArgs {
    /// What it may be used for; a new key for all, and one with a --scope is restricted
    #[arg(long, value_enum)]
    permissions: Option<Kind>,
    /// What a restricted key may do with an endpoint group; may be repeated; of a group not named: nothing
    #[arg(long = "scope", value_name = "GROUP=none|read|write")]
    scopes: Vec<Grant>,
}

/// The kinds of permissions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// Everything
    All,
    /// GET and HEAD of everything
    ReadOnly,
    /// What each --scope grants
    Restricted,
}

impl PermissionArgs {
    /// What was typed; nothing if that was nothing.
    pub fn typed(&self) -> Result<Option<Permissions>, ControlError> {
        let mut scopes = Scopes::default();
        for Grant { group, access } in &self.scopes {
            scopes.grant(*group, *access).map_err(|unknown| ControlError::Invalid(unknown.to_string()))?;
        }
        let kind = match self.permissions {
            None if self.scopes.is_empty() => return Ok(None),
            None | Some(Kind::Restricted) => PermissionKind::Restricted,
            Some(_) if !self.scopes.is_empty() => {
                return Err(ControlError::Invalid(
                    "only a restricted key has scopes: leave out --permissions".to_owned(),
                ));
            }
            Some(Kind::All) => PermissionKind::All,
            Some(Kind::ReadOnly) => PermissionKind::ReadOnly,
        };
        Ok(Some(Permissions { kind, scopes }))
    }
}

/// A hint where a key may do nothing at all.
pub fn hint(permissions: &Permissions) -> Option<&'static str> {
    let nothing = permissions.kind == PermissionKind::Restricted && permissions.scopes == Scopes::default();
    nothing.then_some("The key may do nothing: grant it something with --scope GROUP=read or GROUP=write.")
}

/// When a key stops working by itself: a span from now in microseconds, or never.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expiry(Option<i64>);

impl Expiry {
    /// The instant that is meant.
    pub fn after(self, now: Timestamp) -> Option<Timestamp> {
        self.0.map(|micros| now.plus(micros))
    }
}

impl FromStr for Expiry {
    type Err = ParseSpanError;

    fn from_str(text: &str) -> Result<Self, ParseSpanError> {
        if text == "never" { Ok(Self(None)) } else { parse_span(text).map(|micros| Self(Some(micros))) }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use mete_core::endpoint::EndpointGroup;
    use mete_core::permissions::Access;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        permissions: PermissionArgs,
    }

    fn typed(words: &[&str]) -> Option<Permissions> {
        let words = std::iter::once("x").chain(words.iter().copied());
        Line::try_parse_from(words).ok()?.permissions.typed().ok().flatten()
    }

    #[test]
    fn r16_a_scope_makes_a_key_restricted() {
        let restricted = typed(&["--scope", "chat-completions=write", "--scope", "models=read"]).unwrap();
        assert_eq!(restricted.kind, PermissionKind::Restricted);
        assert_eq!(restricted.scopes.of(EndpointGroup::ChatCompletions), Access::Write);
        assert_eq!(typed(&["--permissions", "restricted", "--scope", "models=read"]).unwrap().kind, restricted.kind);
        assert_eq!(typed(&["--permissions", "read-only"]).unwrap().kind, PermissionKind::ReadOnly);
        assert_eq!((typed(&[]), typed(&["--permissions", "all", "--scope", "models=read"])), (None, None));
        assert!(typed(&["--scope", "models=all"]).is_none() && typed(&["--scope", "cats=read"]).is_none());
    }

    #[test]
    fn a_key_that_may_do_nothing_is_pointed_out() {
        assert!(hint(&typed(&["--permissions", "restricted"]).unwrap()).is_some());
        assert!(hint(&typed(&["--scope", "models=none"]).unwrap()).is_some());
        assert!(hint(&typed(&["--scope", "models=read"]).unwrap()).is_none() && hint(&Permissions::ALL).is_none());
    }
}
