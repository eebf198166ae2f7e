//! The directory: organizations, projects, people, keys. Names are those of the administration API (R44).

use serde::{Deserialize, Serialize};

use crate::limits::Limits;
use crate::manual_block::{ManualBlock, ManualBlockKind};
use crate::money::Nanos;
use crate::people::MemberKind;
use crate::permissions::Permissions;
use crate::secret::holds_secret;
use crate::time::Timestamp;

/// An organization (R1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Organization {
    /// `org-…`
    pub id: String,
    /// Its name.
    pub name: String,
    /// The organization above it, for a sub-organization (R3).
    pub parent_id: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// `active` or `archived` (R19).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProjectStatus {
    /// In use.
    Active,
    /// Out of use for good (R21).
    Archived,
}

/// A project (R19).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Project {
    /// `proj_…`
    pub id: String,
    /// Its organization's id.
    pub organization_id: String,
    /// Its name, unique among the organization's active projects without regard to case.
    pub name: String,
    /// What it is for; may be empty.
    pub description: String,
    /// A business website, an http or https URL; may be empty.
    pub website: String,
    /// Whether it is in use.
    pub status: ProjectStatus,
    /// Whether it is the organization's default project (R2).
    pub is_default: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was archived, if it was.
    pub archived_at: Option<Timestamp>,
}

/// A person, known by their e-mail address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct User {
    /// `user-…`
    pub id: String,
    /// Lower-case e-mail address.
    pub email: String,
    /// Name, empty until the person gives one.
    pub name: String,
    /// When the person was first added.
    pub created_at: Timestamp,
}

/// A role in an organization (R5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OrganizationRole {
    /// May do everything in it.
    Owner,
    /// Is in it.
    Reader,
}

/// Whether a key may be used (R18).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyStatus {
    /// Usable.
    Active,
    /// Switched off; an owner can switch it on again.
    Disabled,
    /// Gone for good.
    Revoked,
}

/// An API key without its secret (R15).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ApiKey {
    /// `key_…`
    pub id: String,
    /// Its organization's id.
    pub organization_id: String,
    /// Its project's id.
    pub project_id: String,
    /// The person or service account that it belongs to.
    pub owner_id: String,
    /// Whether that is a person or a service account.
    pub owner_kind: MemberKind,
    /// The owner's e-mail address or name, for reading.
    pub owner: String,
    /// Its name; may be empty.
    pub name: String,
    /// Prefix and last four characters.
    pub redacted_value: String,
    /// Whether it may be used.
    pub status: KeyStatus,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last used, to the minute, where usage named it.
    pub last_used_at: Option<Timestamp>,
    /// When it stops working by itself, if it does.
    pub expires_at: Option<Timestamp>,
    /// What it may be used for.
    #[serde(flatten)]
    pub permissions: Permissions,
}

/// A key of the administration API (R17): carries its person's rights and is refused for inference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AdminKey {
    /// `key_…`
    pub id: String,
    /// Its organization's id.
    pub organization_id: String,
    /// The person that it belongs to.
    pub owner_id: String,
    /// Their e-mail address.
    pub owner: String,
    /// Its name; may be empty.
    pub name: String,
    /// Prefix and last four characters.
    pub redacted_value: String,
    /// Whether it may be used.
    pub status: KeyStatus,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it stops working by itself, if it does.
    pub expires_at: Option<Timestamp>,
    /// When it was last used.
    pub last_used_at: Option<Timestamp>,
}

/// A project with what an operator wants to see beside it: this month's spend against its limits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ProjectView {
    /// The project.
    #[serde(flatten)]
    pub project: Project,
    /// Its limits.
    pub limits: Limits,
    /// Spend of the month asked for; `None` for somebody who may not see it (R6).
    pub spend: Option<Nanos>,
    /// Requests of that month; `None` as with the spend.
    pub requests: Option<u64>,
    /// Its keys that may be used; for somebody who does not see all of them, their own.
    pub active_keys: u64,
    /// Since when its budget has refused its keys in that month, if it has.
    pub blocked_since: Option<Timestamp>,
    /// Blocks and releases by hand, of the project and of those of its keys that one sees, that were not lifted (R41);
    /// the time of some may be over.
    pub manual_blocks: Vec<ManualBlock>,
}

impl ProjectView {
    /// What somebody placed on the project itself that holds at `now`; a block before a release (R41).
    #[must_use]
    pub fn by_hand(&self, now: Timestamp) -> Option<&ManualBlock> {
        let holding =
            self.manual_blocks.iter().filter(|block| block.scope_id == self.project.id && block.holds_at(now));
        holding.min_by_key(|block| block.kind != ManualBlockKind::Block)
    }
}

/// An organization with its own spend and that of its sub-organizations (R3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OrganizationView {
    /// The organization.
    #[serde(flatten)]
    pub organization: Organization,
    /// Its limits.
    pub limits: Limits,
    /// Spend of the month asked for, sub-organizations included; `None` for somebody who may not see it (R6).
    pub spend: Option<Nanos>,
    /// Requests of that month, sub-organizations included; `None` as with the spend.
    pub requests: Option<u64>,
    /// Its active projects, the default one not counted; for somebody who may not list them all, those that they see.
    pub active_projects: u64,
    /// Its projects that are refused now; as above.
    pub blocked_projects: u64,
    /// Since when its budget has refused its keys in that month, if it has.
    pub blocked_since: Option<Timestamp>,
}

/// Gives an enum of plain variants its stable words, both ways.
macro_rules! text_form {
    ($type:ty, $what:literal, $($variant:ident = $text:literal),+) => {
        impl $type {
            /// Its stable text form.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }
        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }
        impl std::str::FromStr for $type {
            type Err = $crate::directory::UnknownWord;
            fn from_str(text: &str) -> Result<Self, $crate::directory::UnknownWord> {
                match text {
                    $($text => Ok(Self::$variant),)+
                    _ => Err($crate::directory::UnknownWord { what: $what, word: $crate::secret::without_secrets(text).into_owned(), known: &[$($text),+] }),
                }
            }
        }
    };
}

pub(crate) use text_form;

/// A word that is none of those that stand for something.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{word:?} is no {what}: it is one of {}", known.join(", "))]
pub struct UnknownWord {
    /// What it should have been.
    pub what: &'static str,
    /// The word.
    pub word: String,
    /// The words there are.
    pub known: &'static [&'static str],
}

text_form!(ProjectStatus, "project status", Active = "active", Archived = "archived");
text_form!(OrganizationRole, "organization role", Owner = "owner", Reader = "reader");
text_form!(KeyStatus, "key status", Active = "active", Disabled = "disabled", Revoked = "revoked");

/// The most characters that a name may have.
pub const MAX_NAME: usize = 200;

/// Why a name or e-mail address is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameProblem {
    /// Nothing but white space.
    #[error("a name is needed")]
    Empty,
    /// Longer than [`MAX_NAME`].
    #[error("the name has {0} characters, the most is {MAX_NAME}")]
    TooLong(usize),
    /// Would move the cursor or hide text on a terminal.
    #[error("the name has a control character (U+{0:04X}), which a terminal would obey")]
    Control(u32),
    /// Holds what looks like an API key, which must not be stored (R15).
    #[error("the text holds what looks like an API key: secrets are not stored, and never in a name")]
    Secret,
    /// Longer than [`MAX_DESCRIPTION`].
    #[error("the text has {0} characters, the most is {MAX_DESCRIPTION}")]
    DescriptionTooLong(usize),
    /// Not of the form `name@host`.
    #[error("{0:?} is no e-mail address")]
    NoEmail(String),
    /// Not an http or https URL.
    #[error("{0:?} is no website: write an http or https URL, as in https://example.com")]
    NoWebsite(String),
}

/// A name as it is kept: trimmed, not empty, not too long, without control or direction-changing characters.
///
/// # Errors
/// Says what is wrong with the name.
pub fn check_name(name: &str) -> Result<String, NameProblem> {
    let name = name.trim();
    let length = name.chars().count();
    if length == 0 {
        return Err(NameProblem::Empty);
    }
    if length > MAX_NAME {
        return Err(NameProblem::TooLong(length));
    }
    refuse_unsafe(name)?;
    Ok(name.to_owned())
}

fn refuse_unsafe(text: &str) -> Result<(), NameProblem> {
    let unsafe_char = |c: &char| {
        c.is_control()
            || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
    };
    match text.chars().find(unsafe_char) {
        Some(c) => Err(NameProblem::Control(u32::from(c))),
        None if holds_secret(text) => Err(NameProblem::Secret),
        None => Ok(()),
    }
}

/// An e-mail address as it is kept: trimmed and in lower case.
///
/// # Errors
/// Says what is wrong with it.
pub fn check_email(email: &str) -> Result<String, NameProblem> {
    let email = check_name(email)?.to_lowercase();
    let valid = email.split_once('@').is_some_and(|(local, host)| {
        !local.is_empty() && !host.is_empty() && !host.contains('@') && !email.contains(char::is_whitespace)
    });
    if valid { Ok(email) } else { Err(NameProblem::NoEmail(email)) }
}

/// The most characters that a description may have.
pub const MAX_DESCRIPTION: usize = 2000;

/// A description or a reason as it is kept: trimmed, perhaps empty, without what a terminal would obey.
///
/// # Errors
/// Says what is wrong with it.
pub fn check_description(text: &str) -> Result<String, NameProblem> {
    let text = text.trim();
    let length = text.chars().count();
    if length > MAX_DESCRIPTION {
        return Err(NameProblem::DescriptionTooLong(length));
    }
    refuse_unsafe(text)?;
    Ok(text.to_owned())
}

/// A website as it is kept: empty, or an http or https URL with a host (R19).
///
/// # Errors
/// Says what is wrong with it.
pub fn check_website(url: &str) -> Result<String, NameProblem> {
    let url = check_description(url)?;
    if url.is_empty() {
        return Ok(url);
    }
    let (scheme, rest) = url.split_once("://").unwrap_or_default();
    let web = ["http", "https"].iter().any(|known| scheme.eq_ignore_ascii_case(known));
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let valid = web && !host.is_empty() && !host.starts_with(':') && !url.contains(char::is_whitespace);
    if valid { Ok(url) } else { Err(NameProblem::NoWebsite(url)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_never_carry_what_a_terminal_obeys() {
        assert_eq!(check_name("  Support bot "), Ok("Support bot".to_owned()));
        assert_eq!(check_name("Grüße 🦀 עברית"), Ok("Grüße 🦀 עברית".to_owned()));
        assert_eq!(check_name("\u{1b}[2J"), Err(NameProblem::Control(0x1b)));
        assert_eq!(check_name("a\u{202e}b"), Err(NameProblem::Control(0x202e)));
        assert_eq!(check_name("   "), Err(NameProblem::Empty));
        assert_eq!(check_name("my sk-proj-4711aaaaaaaaaaaaaaaa"), Err(NameProblem::Secret));
        assert_eq!(check_name(&"x".repeat(10_000)), Err(NameProblem::TooLong(10_000)));
    }

    #[test]
    fn r19_websites_are_http_or_https() {
        for good in ["", "https://acme.test", "http://acme.test:8080/a?b#c", "HTTPS://ACME.TEST"] {
            assert_eq!(check_website(good).as_deref(), Ok(good));
        }
        for bad in [
            "acme.test",
            "ftp://acme.test",
            "https://",
            "https:///x",
            "javascript:alert(1)",
            "https://a b",
            "http://:80",
        ] {
            assert!(check_website(bad).is_err(), "{bad}");
        }
        assert!(check_website(&format!("https://{}", "x".repeat(10_000))).is_err());
    }

    #[test]
    fn addresses_are_lower_case() {
        assert_eq!(check_email("Dana@Acme.Test"), Ok("dana@acme.test".to_owned()));
        for bad in ["dana", "@acme", "dana@", "a@b@c", "a b@c"] {
            assert!(check_email(bad).is_err(), "{bad}");
        }
    }
}
