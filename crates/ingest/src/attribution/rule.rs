//! Tables of the configuration that say whose records are, where Mete does not know what they say themselves.

use std::fmt;

use glob::Pattern;
use mete_core::secret::holds_secret;
use serde::{Deserialize, Deserializer};

use crate::record::{KeyRef, Record};

/// One `[[attribute]]` table: records that say this belong there.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// What a record must say; all of it.
    pub when: When,
    /// Id or name of the organization; its default project where neither record nor rule says which.
    pub org: Option<String>,
    /// Id or name of the project.
    pub project: Option<String>,
    /// The key's id, or the SHA-256 of its secret; it gives project and member as well.
    pub key: Option<String>,
    /// The person or service account.
    pub member: Option<String>,
}

/// What a record says of whose it is, in the words of whoever wrote it. Each is a pattern in which `*` stands for any
/// characters, `?` for one and `[ab]` for one of some.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct When {
    /// The team.
    #[serde(deserialize_with = "pattern")]
    pub team: Option<Pattern>,
    /// The key's id, SHA-256, redacted form or alias.
    #[serde(deserialize_with = "pattern")]
    pub key: Option<Pattern>,
    /// The working directory.
    #[serde(deserialize_with = "pattern")]
    pub directory: Option<Pattern>,
    /// The service.
    #[serde(deserialize_with = "pattern")]
    pub service: Option<Pattern>,
    /// For whom it was asked.
    #[serde(deserialize_with = "pattern")]
    pub user: Option<Pattern>,
    /// The organization.
    #[serde(deserialize_with = "pattern")]
    pub organization: Option<Pattern>,
    /// The project.
    #[serde(deserialize_with = "pattern")]
    pub project: Option<Pattern>,
}

fn pattern<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Pattern>, D::Error> {
    let text = String::deserialize(deserializer)?;
    Pattern::new(&text).map(Some).map_err(|error| serde::de::Error::custom(format!("{text:?} is no pattern: {error}")))
}

impl fmt::Display for When {
    /// As it stands in a configuration: `team = "team_1", user = "ci-*"`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { team, key, directory, service, user, organization, project } = self;
        let all = [
            ("team", team),
            ("key", key),
            ("directory", directory),
            ("service", service),
            ("user", user),
            ("organization", organization),
            ("project", project),
        ];
        let given = all.into_iter().filter_map(|(what, pattern)| Some((what, pattern.as_ref()?.as_str())));
        for (number, (what, pattern)) in given.enumerate() {
            write!(f, "{}{what} = {pattern:?}", if number == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

impl Rule {
    /// What makes no sense in it, and what would; `None` if it is sound.
    #[must_use]
    pub fn problem(&self) -> Option<&'static str> {
        if self.when == When::default() {
            return Some(
                "`when` names nothing that a record says: give it team, key, directory, service, user, organization or project",
            );
        }
        if !self.says_where() && self.member.is_none() {
            return Some("it does not say whose the records are: give it org, project, key or member");
        }
        if self.key.is_some() && (self.org.is_some() || self.project.is_some() || self.member.is_some()) {
            return Some("a key has its organization, project and member: leave out org, project and member");
        }
        let key = self.when.key.as_ref().map(Pattern::as_str);
        if key.into_iter().chain(self.key.as_deref()).any(holds_secret) {
            return Some("it has the secret of a key in it: write the key's id or the SHA-256 of the secret");
        }
        None
    }

    /// The first of `rules` that makes no sense, counted from 1, and why.
    #[must_use]
    pub fn first_problem(rules: &[Self]) -> Option<(usize, &'static str)> {
        rules.iter().zip(1..).find_map(|(rule, number)| rule.problem().map(|problem| (number, problem)))
    }

    /// Whether it says to which organization, project or key records belong.
    pub(super) const fn says_where(&self) -> bool {
        self.org.is_some() || self.project.is_some() || self.key.is_some()
    }

    /// The key that it names.
    pub(super) fn key(&self) -> Option<KeyRef<'_>> {
        self.key.as_deref().and_then(|key| KeyRef::of(key.into()))
    }

    pub(super) fn fits(&self, record: &Record<'_>) -> bool {
        let When { team, key, directory, service, user, organization, project } = &self.when;
        let fits = |pattern: &Option<Pattern>, said: Option<&str>| {
            pattern.as_ref().is_none_or(|pattern| said.is_some_and(|said| pattern.matches(said)))
        };
        fits(team, record.team.as_deref())
            && fits(directory, record.directory.as_deref())
            && fits(service, record.service.as_deref())
            && fits(user, record.user.as_deref())
            && fits(organization, record.organization.as_deref())
            && fits(project, record.project.as_deref())
            && key.as_ref().is_none_or(|key| names_key(key, record))
    }
}

/// Whether `pattern` fits what a record calls its key.
fn names_key(pattern: &Pattern, record: &Record<'_>) -> bool {
    let named = record.key.as_ref().is_some_and(|key| match key {
        KeyRef::Id(said) | KeyRef::Redacted(said) => pattern.matches(said),
        KeyRef::Hash(hash) => pattern.matches(&hash.to_hex()),
    });
    named || record.key_alias.as_deref().is_some_and(|alias| pattern.matches(alias))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::Format;
    use mete_core::EndpointGroup;
    use mete_core::secret::KeyHash;

    fn rule(text: &str) -> Rule {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn all_that_a_rule_asks_for_must_be_said() {
        let mut record = Record::new(Format::Mete, "e".into(), EndpointGroup::Other);
        record.team = Some("team_1".into());
        record.directory = Some("/srv/bot-2/src".into());
        record.key = Some(KeyRef::Hash(KeyHash::of("test")));
        record.key_alias = Some("ci-bot".into());
        for (when, fits) in [
            ("team = 'team_1'", true),
            ("team = 'team_'", false),
            ("team = 'team_?', directory = '/srv/bot*'", true),
            ("team = 'team_1', directory = '/srv/web*'", false),
            ("service = '*'", false),
            ("key = 'ci-*'", true),
            ("key = '9f86d081*'", true),
            ("key = '88dc28'", false),
        ] {
            assert_eq!(rule(&format!("when = {{ {when} }}\nproject = 'P'")).fits(&record), fits, "{when}");
        }
    }

    #[test]
    fn a_rule_that_makes_no_sense_is_told() {
        for (text, part) in [
            ("when = {}\nproject = 'P'", "names nothing"),
            ("when = { team = 't' }", "whose"),
            ("when = { team = 't' }\nkey = 'key_1'\nproject = 'P'", "leave out"),
            ("when = { key = 'sk-proj-0123456789abcdef0123456789' }\nproject = 'P'", "secret"),
        ] {
            let problem = rule(text).problem().unwrap();
            assert!(problem.contains(part) && !problem.contains("012345"), "{text}: {problem}");
        }
        assert_eq!(rule("when = { user = 'u*' }\nmember = 'user-1'").problem(), None);
        let several = rule("when = { user = 'u*', team = 't' }\nmember = 'user-1'");
        assert_eq!(several.when.to_string(), "team = \"t\", user = \"u*\"");
        for text in ["when = { cwd = 'x' }", "when = { team = 'a[' }", "when = { team = 't' }\nteam = 'P'"] {
            assert!(toml::from_str::<Rule>(text).is_err(), "{text}");
        }
    }
}
