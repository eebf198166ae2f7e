//! Secrets of API keys (R15): made once, shown once, kept as a hash.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use rand::Rng;
use sha2::{Digest, Sha256};

use crate::ids::random_text;

/// SHA-256 of a key's secret: what the store keeps and the gate looks up.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyHash(pub [u8; 32]);

impl KeyHash {
    /// The hash of a secret as a client sends it.
    #[must_use]
    pub fn of(secret: &str) -> Self {
        Self(Sha256::digest(secret.as_bytes()).into())
    }

    /// From 64 hexadecimal digits; `None` if it is anything else.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        let mut hash = [0; 32];
        hex::decode_to_slice(text, &mut hash).ok()?;
        Some(Self(hash))
    }

    /// 64 hexadecimal digits.
    #[must_use]
    pub fn to_hex(self) -> String {
        hex::encode(self.0)
    }
}

impl fmt::Debug for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyHash({}…)", hex::encode(&self.0[..4]))
    }
}

/// Whom a secret is made for; decides its prefix (R15).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretKind {
    /// `sk-proj-…`
    Person,
    /// `sk-svcacct-…`
    ServiceAccount,
    /// `sk-admin-…`
    Admin,
}

/// A key's secret. Its `Debug` form hides it; only [`Secret::reveal`] gives it away.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// A new secret with 64 random letters and digits (381 bits).
    #[must_use]
    pub fn generate(kind: SecretKind, random: &mut dyn Rng) -> Self {
        let prefix = match kind {
            SecretKind::Person => "sk-proj-",
            SecretKind::ServiceAccount => "sk-svcacct-",
            SecretKind::Admin => "sk-admin-",
        };
        Self(format!("{prefix}{}", random_text(random, 64)))
    }

    /// The secret itself, to be shown once.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What the store keeps of it.
    #[must_use]
    pub fn hash(&self) -> KeyHash {
        KeyHash::of(&self.0)
    }

    /// Prefix and last four characters, as in `sk-proj-…x4Qa`.
    #[must_use]
    pub fn redacted(&self) -> String {
        let prefix = ["sk-proj-", "sk-svcacct-", "sk-admin-"].into_iter().find(|p| self.0.starts_with(p));
        format!("{}…{}", prefix.unwrap_or("sk-"), &self.0[self.0.len() - 4..])
    }
}

/// How many characters of a secret's end its redacted form shows.
const SHOWN_END: usize = 4;

/// The beginning and the last four characters of a key in a redacted form: `sk-proj-…x4Qa` as Mete writes it, or
/// `sk-...x4Qa` and `sk-ab****x4Qa` as others do. `None` if it is none.
#[must_use]
pub fn redacted_parts(form: &str) -> Option<(&str, [u8; SHOWN_END])> {
    let hidden = |c: char| matches!(c, '…' | '.' | '*');
    let (start, rest) = (form.find(hidden)?, form.trim_start_matches(|c| !hidden(c)));
    let end = rest.trim_start_matches(hidden);
    let mask = &rest[..rest.len() - end.len()];
    let masked = mask.contains('…') || mask.len() >= 3;
    let whole = end.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
    let last = end.as_bytes().last_chunk()?;
    (form.starts_with("sk-") && masked && whole).then_some((&form[..start], *last))
}

/// How many characters after `sk-` make a text a secret rather than the beginning of a word.
const SECRET_LENGTH: usize = 20;

/// Where in `text` the first thing that looks like an API key of any provider begins and ends: `sk-` and at least
/// twenty letters, digits, hyphens or underscores.
fn find(text: &str) -> Option<(usize, usize)> {
    text.match_indices("sk-").find_map(|(start, prefix)| {
        let rest = &text[start + prefix.len()..];
        let part = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        let length = rest.find(|c| !part(c)).unwrap_or(rest.len());
        (length >= SECRET_LENGTH).then(|| (start, start + prefix.len() + length))
    })
}

/// Where in `raw` API keys of any provider stand: as in [`without_secrets`], but only where one may begin, so that a
/// word like `task-…` in a log stays what it is.
pub fn secrets_in(raw: &[u8]) -> impl Iterator<Item = Range<usize>> + '_ {
    let mut from = 0;
    std::iter::from_fn(move || {
        loop {
            let start = from + raw[from..].windows(3).position(|window| window == b"sk-")?;
            let part = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
            let length = raw[start + 3..].iter().take_while(|byte| part(byte)).count();
            from = start + 3;
            if length >= SECRET_LENGTH && may_begin_after(&raw[..start]) {
                from += length;
                return Some(start..from);
            }
        }
    })
}

/// Whether a secret may begin after `before`: not within a word, whose last letter may be that of an escape (`\n`,
/// `\u000a`, `%20`), though.
fn may_begin_after(before: &[u8]) -> bool {
    let are_digits = |bytes: &[u8]| bytes.iter().all(u8::is_ascii_hexdigit);
    match before {
        [] | [.., b'\\', b'b' | b'f' | b'n' | b'r' | b't'] => true,
        [.., b'\\', b'u', _, _, _, _] if are_digits(&before[before.len() - 4..]) => true,
        [.., b'%', _, _] if are_digits(&before[before.len() - 2..]) => true,
        [.., last] => !last.is_ascii_alphanumeric(),
    }
}

/// Whether `text` holds what looks like an API key.
#[must_use]
pub fn holds_secret(text: &str) -> bool {
    find(text).is_some()
}

/// `text` with `sk-…` in place of whatever looks like an API key: for messages and records that repeat what somebody
/// typed.
#[must_use]
pub fn without_secrets(text: &str) -> Cow<'_, str> {
    let mut rest = text;
    let mut kept = String::new();
    while let Some((start, end)) = find(rest) {
        kept.push_str(&rest[..start]);
        kept.push_str("sk-…");
        rest = &rest[end..];
    }
    if kept.is_empty() && rest.len() == text.len() { Cow::Borrowed(text) } else { Cow::Owned(kept + rest) }
}

/// `text` with a `*` in place of every character of whatever looks like an API key, after its `sk-`: as long as `text`,
/// where it matters which character stands where.
#[must_use]
pub fn masked(text: &str) -> Cow<'_, str> {
    let (mut kept, mut done) = (String::new(), 0);
    while let Some((start, end)) = find(&text[done..]) {
        let hidden = done + start + "sk-".len();
        kept.push_str(&text[done..hidden]);
        kept.extend(std::iter::repeat_n('*', done + end - hidden));
        done += end;
    }
    if done == 0 { Cow::Borrowed(text) } else { Cow::Owned(kept + &text[done..]) }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    #[test]
    fn r15_secrets_have_a_prefix_and_never_show_in_debug() {
        let mut random = rand::rngs::StdRng::seed_from_u64(2);
        let secret = Secret::generate(SecretKind::Person, &mut random);
        assert!(secret.reveal().starts_with("sk-proj-"));
        assert_eq!(secret.redacted(), format!("sk-proj-…{}", &secret.reveal()[secret.reveal().len() - 4..]));
        assert!(!format!("{secret:?} {:?}", secret.hash()).contains(&secret.reveal()[8..]));
        assert_eq!(KeyHash::from_hex(&secret.hash().to_hex()), Some(secret.hash()));
    }

    #[test]
    fn r15_what_somebody_typed_is_repeated_without_secrets() {
        let mut random = rand::rngs::StdRng::seed_from_u64(3);
        let secret = Secret::generate(SecretKind::Admin, &mut random);
        let typed = format!("key {} and {}, no more", secret.reveal(), secret.reveal());
        assert!(holds_secret(&typed));
        assert_eq!(without_secrets(&typed), "key sk-… and sk-…, no more");
        assert_eq!(without_secrets(secret.reveal()), "sk-…");
        assert_eq!(masked("é sk-0123456789abcdefghij, sk-x"), "é sk-********************, sk-x");
        assert_eq!((masked(&typed).len(), holds_secret(&masked(&typed))), (typed.len(), false));
        for harmless in ["", "desk-top", "sk-proj-…x4Qa", "ask-me-anything", "task-4711", secret.redacted().as_str()]
        {
            assert!(!holds_secret(harmless), "{harmless}");
            assert_eq!(without_secrets(harmless), harmless);
        }
    }

    #[test]
    fn a_redacted_form_is_a_beginning_and_four_characters() {
        let mut random = rand::rngs::StdRng::seed_from_u64(4);
        let secret = Secret::generate(SecretKind::Person, &mut random);
        let end = secret.reveal().as_bytes().last_chunk().copied();
        assert_eq!(redacted_parts(&secret.redacted()), end.map(|end| ("sk-proj-", end)));
        for (form, start) in [("sk-...x4Qa", "sk-"), ("sk-ab****x4Qa", "sk-ab"), ("sk-proj-…-_x4Qa", "sk-proj-")] {
            assert_eq!(redacted_parts(form), Some((start, *b"x4Qa")), "{form}");
        }
        for other in [
            "",
            "sk-",
            "sk-...abc",
            "sk-.x4Qa",
            "key_...x4Qa",
            "...x4Qa",
            "sk-a...b...x4Qa",
            "sk-…é4Qa",
            secret.reveal(),
        ] {
            assert_eq!(redacted_parts(other), None, "{other}");
        }
    }

    #[test]
    fn r15_secrets_are_found_in_raw_text_and_words_are_not() {
        let secret = "sk-proj-0123456789abcdefghij";
        let found = |raw: &[u8]| secrets_in(raw).map(|range| raw[range].to_vec()).collect::<Vec<_>>();
        for before in ["", "\"", "Bearer ", "key=", "\\n", "\\u000a", "%20", "-", "é"] {
            assert_eq!(found(format!("{before}{secret}").as_bytes()), [secret.as_bytes()], "{before:?}");
        }
        for harmless in ["task-550e8400-e29b-41d4-a716-446655440000", "sk-short", "sk-", "", "\\xsk-"] {
            assert_eq!(found(harmless.as_bytes()), Vec::<Vec<u8>>::new(), "{harmless:?}");
        }
        let torn = [b"\xff\0".as_slice(), secret.as_bytes(), b"\xfe", secret.as_bytes()].concat();
        assert_eq!(found(&torn).len(), 2);
        // A word that is none may have a secret in its tail.
        assert_eq!(found(format!("task-sk-{secret}").as_bytes()), [format!("sk-{secret}").as_bytes()]);
    }

    #[test]
    fn hash_is_sha256_in_hex() {
        assert_eq!(KeyHash::of("test").to_hex(), "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08");
        assert_eq!(KeyHash::from_hex("9f86"), None);
    }
}
