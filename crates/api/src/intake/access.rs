//! Who may send usage, and as which source it is taken.

use std::collections::BTreeMap;
use std::sync::Arc;

use hyper::HeaderMap;
use hyper::header::{AUTHORIZATION, ORIGIN};
use mete_core::secret::KeyHash;
use mete_ingest::reader;
use mete_prices::Catalogue;

use super::refused::Refused;
use super::source::Source;
use crate::credentials;
use crate::peer::Peer;

/// The source of requests that name none, where the configuration has no other.
pub const DEFAULT_SOURCE: &str = "http";

/// A source that requests write to.
pub struct HttpSource {
    /// What it is called, where its records belong and how they are written.
    pub settings: reader::Settings,
    /// The token that it takes; without one, that of [`Access`], or none from this machine.
    pub token: Option<KeyHash>,
}

/// Who may send usage over HTTP.
#[derive(Default)]
pub struct Access {
    /// By name: where several have one token, the first is chosen.
    sources: BTreeMap<String, Arc<Source>>,
    /// What requests write to that name no source.
    default: Option<Arc<Source>>,
    /// The token for every source that has none of its own.
    token: Option<KeyHash>,
}

impl Access {
    /// The sources, whose records have the prices of `catalogue`, and the token that all of them take which have none
    /// of their own. Requests that name no source write to `http`, which is made where it is not there, or, where the
    /// configuration has a single one, to that.
    #[must_use]
    pub fn new(sources: Vec<HttpSource>, token: Option<KeyHash>, catalogue: &Arc<Catalogue>) -> Self {
        let make = |source: HttpSource| {
            let name = source.settings.name.clone();
            (name, Arc::new(Source::new(source, Arc::clone(catalogue))))
        };
        let mut sources: BTreeMap<String, Arc<Source>> = sources.into_iter().map(make).collect();
        if sources.is_empty() {
            let settings = reader::Settings { name: DEFAULT_SOURCE.to_owned(), ..reader::Settings::default() };
            sources.extend([make(HttpSource { settings, token: None })]);
        }
        let single = || sources.values().next().filter(|_| sources.len() == 1);
        let default = sources.get(DEFAULT_SOURCE).or_else(single).cloned();
        Self { sources, default, token }
    }

    /// The source that a request writes to: the one that it names, or the one whose token it brings, or the default.
    ///
    /// # Errors
    /// When it may not.
    pub(super) fn source(&self, peer: Peer, headers: &HeaderMap, named: Option<&str>) -> Result<Arc<Source>, Refused> {
        let token = headers.get(AUTHORIZATION).map(|_| token_of(headers)).transpose()?;
        let own = |source: &&Arc<Source>| token.is_some() && source.token == token;
        let chosen = match named {
            Some(name) => self.sources.get(name).ok_or(()),
            None => self.sources.values().find(own).or(self.default.as_ref()).ok_or(()),
        };
        let admitted = |expected: Option<KeyHash>| match (token, expected) {
            (Some(token), Some(expected)) => token == expected,
            (Some(_), None) => false,
            (None, Some(_)) if chosen.is_ok_and(|source| source.token.is_some()) => false,
            (None, _) => is_local(peer, headers),
        };
        let expected = chosen.ok().and_then(|source| source.token).or(self.token);
        if !admitted(expected) {
            return Err(if token.is_some() { Refused::WrongToken } else { Refused::NoToken });
        }
        chosen
            .cloned()
            .map_err(|()| Refused::UnknownSource(named.unwrap_or(DEFAULT_SOURCE).chars().take(100).collect()))
    }
}

impl Access {
    /// Whether a request may read what is of all projects: with the common token, or without any from this machine. The
    /// token of a source is for its own usage only.
    ///
    /// # Errors
    /// When it may not.
    pub(crate) fn permit_reading(&self, peer: Peer, headers: &HeaderMap) -> Result<(), Refused> {
        match headers.get(AUTHORIZATION).map(|_| token_of(headers)).transpose()? {
            Some(token) if self.token == Some(token) => Ok(()),
            Some(_) => Err(Refused::WrongToken),
            None if is_local(peer, headers) => Ok(()),
            None => Err(Refused::NoToken),
        }
    }
}

fn token_of(headers: &HeaderMap) -> Result<KeyHash, Refused> {
    credentials::bearer_of(headers).map(KeyHash::of).ok_or(Refused::WrongToken)
}

/// Whether a request comes from a program on this machine. What has an `Origin` comes from a page in somebody's browser,
/// which may reach loopback addresses on behalf of anybody.
fn is_local(peer: Peer, headers: &HeaderMap) -> bool {
    match peer {
        Peer::Socket => true,
        Peer::Loopback => !headers.contains_key(ORIGIN),
        Peer::Remote => false,
    }
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;

    use super::*;

    fn access(sources: &[(&str, Option<&str>)], token: Option<&str>) -> Access {
        let source = |(name, token): &(&str, Option<&str>)| HttpSource {
            settings: reader::Settings { name: (*name).to_owned(), ..reader::Settings::default() },
            token: token.map(KeyHash::of),
        };
        let sources = sources.iter().map(source).collect();
        Access::new(sources, token.map(KeyHash::of), &Arc::new(Catalogue::bundled()))
    }

    /// The source's name, or the status of the refusal.
    fn ask(access: &Access, peer: Peer, token: Option<&str>, named: Option<&str>) -> Result<String, u16> {
        let mut headers = HeaderMap::new();
        if let Some(token) = token {
            headers.insert(AUTHORIZATION, HeaderValue::from_str(&format!("Bearer {token}")).unwrap());
        }
        let source = access.source(peer, &headers, named);
        source.map(|source| source.settings.name.clone()).map_err(|refused| refused.status().as_u16())
    }

    #[test]
    fn without_tokens_only_this_machine_may() {
        let plain = access(&[], None);
        for (peer, may) in [(Peer::Socket, true), (Peer::Loopback, true), (Peer::Remote, false)] {
            assert_eq!(ask(&plain, peer, None, None).ok(), may.then(|| "http".to_owned()));
            // A token that nobody gave out is wrong everywhere.
            assert_eq!(ask(&plain, peer, Some("made up"), None), Err(401));
        }
        assert_eq!(ask(&plain, Peer::Socket, None, Some("other")), Err(404));
        assert_eq!(ask(&plain, Peer::Remote, None, Some("other")), Err(401), "what exists is not told");
    }

    #[test]
    fn a_page_in_a_browser_is_nobody() {
        let plain = access(&[], None);
        let headers = HeaderMap::from_iter([(ORIGIN, HeaderValue::from_static("http://evil.test"))]);
        assert!(matches!(plain.source(Peer::Loopback, &headers, None), Err(Refused::NoToken)));
        assert!(plain.source(Peer::Socket, &headers, None).is_ok());
    }

    #[test]
    fn tokens_open_and_choose_their_sources() {
        let access =
            access(&[("open", None), ("team", Some("team-token")), ("lab", Some("lab-token"))], Some("common"));
        let ask = |peer, token, named| ask(&access, peer, token, named);
        assert_eq!(ask(Peer::Remote, Some("team-token"), None).unwrap(), "team");
        assert_eq!(ask(Peer::Remote, Some("lab-token"), Some("lab")).unwrap(), "lab");
        assert_eq!(ask(Peer::Remote, Some("lab-token"), Some("team")), Err(401));
        assert_eq!(ask(Peer::Remote, Some("common"), Some("open")).unwrap(), "open");
        assert_eq!(ask(Peer::Remote, Some("common"), Some("team")), Err(401));
        assert_eq!(ask(Peer::Remote, Some("common"), None), Err(404), "several, and none is called http");
        // A source with a token of its own wants it from everybody; one without is open to this machine.
        assert_eq!(ask(Peer::Socket, None, Some("team")), Err(401));
        assert_eq!(ask(Peer::Loopback, None, Some("open")).unwrap(), "open");
        assert_eq!(ask(Peer::Remote, None, Some("open")), Err(401));
    }

    #[test]
    fn what_is_of_all_projects_is_read_with_the_common_token() {
        let access = access(&[("team", Some("team-token"))], Some("common"));
        let ask = |peer, token: Option<&str>| {
            let value = token.map(|token| (AUTHORIZATION, HeaderValue::from_str(&format!("Bearer {token}")).unwrap()));
            access.permit_reading(peer, &HeaderMap::from_iter(value)).is_ok()
        };
        for (peer, token, may) in [
            (Peer::Remote, Some("common"), true),
            (Peer::Remote, Some("team-token"), false),
            (Peer::Loopback, Some("team-token"), false),
            (Peer::Remote, None, false),
            (Peer::Loopback, None, true),
            (Peer::Socket, None, true),
        ] {
            assert_eq!(ask(peer, token), may, "{peer:?} {token:?}");
        }
        let page = HeaderMap::from_iter([(ORIGIN, HeaderValue::from_static("http://evil.test"))]);
        assert!(access.permit_reading(Peer::Loopback, &page).is_err());
    }

    #[test]
    fn a_single_source_is_the_default() {
        let access = access(&[("apps", None)], None);
        assert_eq!(ask(&access, Peer::Socket, None, None).unwrap(), "apps");
    }
}
