//! What a gateway tells of the request that it asks about.

use mete_core::EndpointGroup;
use mete_core::permissions::Access;

/// A request as far as it was told. Of what is not told the rules are not asked, but for the permissions of a key that
/// may not do everything: it is refused then.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Request<'a> {
    /// The HTTP method, as in `POST`.
    pub method: Option<&'a str>,
    /// The path, as in `/v1/chat/completions?x=y`, with or without host, version and query.
    pub path: Option<&'a str>,
    /// The model that is asked for.
    pub model: Option<&'a str>,
    /// How many bytes the body has.
    pub bytes: Option<u64>,
}

impl Request<'_> {
    /// Where the request belongs and what it needs there (R16), if both method and path are told.
    ///
    /// A path that gateways and servers may understand in different ways belongs nowhere (`other`): no scope covers it.
    pub fn needs(&self) -> Option<(EndpointGroup, Access)> {
        let (method, path) = (self.method?, self.path?);
        let group = if is_ambiguous(path) { EndpointGroup::Other } else { EndpointGroup::of_path(path) };
        Some((group, Access::needed_by(method)))
    }

    /// How many bytes of files the request would have its project store: those of a body that is written to the files
    /// group, and of one to an ambiguous path, which may lead there. Zero where nothing is told of that.
    pub fn upload(&self) -> u64 {
        let (Some(bytes), Some(method), Some(path)) = (self.bytes, self.method, self.path) else { return 0 };
        let writes = Access::needed_by(method) == Access::Write;
        let to_files = || EndpointGroup::of_path(path) == EndpointGroup::Files || is_ambiguous(path);
        if bytes > 0 && writes && to_files() { bytes } else { 0 }
    }
}

/// Whether a path may lead elsewhere than it says once it is decoded and cleaned up: dot segments, and characters that
/// separate segments or hide those that do.
fn is_ambiguous(path: &str) -> bool {
    let path = path.split('?').next().unwrap_or_default();
    let hidden = |escape: &[u8]| match escape {
        [b'%', digits @ ..] => ["2e", "2f", "5c", "25"].iter().any(|code| digits.eq_ignore_ascii_case(code.as_bytes())),
        _ => false,
    };
    let is_dots = |segment: &str| matches!(segment.split(';').next(), Some("." | ".."));
    path.contains(['\\', '#'])
        || (path.starts_with('/') && path.contains("://"))
        || path.split('/').any(is_dots)
        || path.as_bytes().windows(3).any(hidden)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request<'a>(method: &'a str, path: &'a str, bytes: u64) -> Request<'a> {
        Request { method: Some(method), path: Some(path), model: None, bytes: Some(bytes) }
    }

    #[test]
    fn r16_a_path_that_may_lead_elsewhere_belongs_nowhere() {
        for path in [
            "/v1/files/../chat/completions",
            "/v1/files/./x",
            "/v1/files/..",
            "/v1/files/..;a=b/chat/completions",
            "/v1/files/%2e%2e/chat/completions",
            "/v1/files/%2E./chat/completions",
            "/v1/files/..%2fchat/completions",
            "/v1/files%2F..%2Fchat/completions",
            "/v1/files/%252e%252e/chat",
            "/v1/files/..\\chat",
            "/v1/files/..%5Cchat",
            "/v1/chat/completions://x/files",
            "/v1/files#/../chat/completions",
        ] {
            assert_eq!(request("GET", path, 0).needs(), Some((EndpointGroup::Other, Access::Read)), "{path}");
        }
        for (path, group) in [
            ("/v1/files", EndpointGroup::Files),
            ("/v1/files/file-1/content?x=../..&y=%2e%2e", EndpointGroup::Files),
            ("https://api.example.com/v1/files", EndpointGroup::Files),
            ("/v1/models/ft:gpt-4o.mini:acme..x", EndpointGroup::Models),
            ("/v1/models/a%20b", EndpointGroup::Models),
        ] {
            assert_eq!(request("post", path, 0).needs(), Some((group, Access::Write)), "{path}");
        }
    }

    #[test]
    fn r28_uploads_are_bodies_written_to_the_files_group() {
        assert_eq!(request("POST", "/v1/files", 7).upload(), 7);
        assert_eq!(request("POST", "/v1/uploads/u/parts", 7).upload(), 7);
        assert_eq!(request("POST", "/v1/x/../files", 7).upload(), 7);
        assert_eq!(request("GET", "/v1/files", 7).upload(), 0);
        assert_eq!(request("DELETE", "/v1/files/file-1", 0).upload(), 0);
        assert_eq!(request("POST", "/v1/chat/completions", 7).upload(), 0);
        assert_eq!(Request { path: None, ..request("POST", "", 7) }.upload(), 0);
        assert_eq!(Request { bytes: None, ..request("POST", "/v1/files", 7) }.upload(), 0);
    }
}
