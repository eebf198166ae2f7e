//! Raw text as it is kept: without API keys, and not too long.

use std::borrow::Cow;
use std::ops::Range;

use mete_core::secret::{KeyHash, secrets_in};

use super::{QuarantineEntry, RAW_LIMIT};

/// What is kept of an entry's raw text. Each API key in it is replaced by its SHA-256 (R15), by which a record that is
/// read again is attributed as well as by the key itself.
pub(super) struct Hidden<'a> {
    pub(super) raw: Cow<'a, [u8]>,
    /// How many bytes it has, were it not cut.
    pub(super) raw_bytes: u64,
    pub(super) spot: Option<u32>,
}

impl<'a> Hidden<'a> {
    pub(super) fn of(entry: &'a QuarantineEntry) -> Self {
        let secrets: Vec<_> = secrets_in(&entry.raw).collect();
        let mut hidden = if secrets.is_empty() {
            Self { raw: Cow::Borrowed(&entry.raw), raw_bytes: entry.raw_bytes, spot: entry.spot }
        } else {
            let raw = with_hashes(&entry.raw, &secrets);
            let raw_bytes = (entry.raw_bytes + raw.len() as u64).saturating_sub(entry.raw.len() as u64);
            Self { raw: Cow::Owned(raw), raw_bytes, spot: entry.spot.map(|spot| moved(spot, &secrets)) }
        };
        match &mut hidden.raw {
            Cow::Borrowed(raw) => *raw = &raw[..raw.len().min(RAW_LIMIT)],
            Cow::Owned(raw) => raw.truncate(RAW_LIMIT),
        }
        hidden
    }
}

fn with_hashes(raw: &[u8], secrets: &[Range<usize>]) -> Vec<u8> {
    let mut kept = Vec::with_capacity(raw.len() + 64 * secrets.len());
    let mut end = 0;
    for secret in secrets {
        kept.extend_from_slice(&raw[end..secret.start]);
        kept.extend_from_slice(hash_of(&raw[secret.clone()]).as_bytes());
        end = secret.end;
    }
    kept.extend_from_slice(&raw[end..]);
    kept
}

/// The hash as it stands in place of a secret, which has ASCII letters only.
fn hash_of(secret: &[u8]) -> String {
    KeyHash::of(&String::from_utf8_lossy(secret)).to_hex()
}

/// Where a byte is once the secrets are hashes; that of a secret is where its hash begins.
fn moved(spot: u32, secrets: &[Range<usize>]) -> u32 {
    let spot = spot as usize;
    let (mut before, mut after) = (0, 0);
    for secret in secrets.iter().take_while(|secret| secret.start <= spot) {
        if secret.contains(&spot) {
            return u32::try_from(secret.start - before + after).unwrap_or(u32::MAX);
        }
        before += secret.len();
        after += 64;
    }
    u32::try_from(spot - before + after).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r15_hashes_stand_in_place_of_secrets_and_the_spot_moves_along() {
        let secret = "sk-proj-0123456789abcdefghij";
        let text = format!("{{\"a\":\"{secret}\",\"b\":\"{secret}\",\"c\":?}}");
        let spot = |part: &str| text.rfind(part).map(|spot| u32::try_from(spot).unwrap());
        let hash = KeyHash::of(secret).to_hex();
        let expected = format!("{{\"a\":\"{hash}\",\"b\":\"{hash}\",\"c\":?}}");
        for (at, part) in [(spot("?"), "?}"), (spot("\"a\""), "\"a\""), (spot("\"b\""), "\"b\""), (spot("ghij"), &hash)]
        {
            let raw = text.clone().into_bytes();
            let entry = QuarantineEntry {
                position: 0,
                reason: "bad_field",
                detail: String::new(),
                raw_bytes: raw.len() as u64,
                raw: raw.into(),
                spot: at,
            };
            let hidden = Hidden::of(&entry);
            assert_eq!(String::from_utf8_lossy(&hidden.raw), expected);
            assert_eq!(hidden.raw_bytes, expected.len() as u64, "it is whole");
            assert_eq!(hidden.spot.map(|spot| spot as usize), expected.rfind(part), "{part}");
        }
    }

    #[test]
    fn what_is_cut_stays_cut() {
        let raw = [vec![b' '; RAW_LIMIT - 30], b"sk-proj-0123456789abcdefghij".to_vec()].concat();
        let raw_bytes = raw.len() as u64;
        let (raw, detail) = (raw.into(), String::new());
        let entry = QuarantineEntry { position: 0, reason: "not_json", detail, raw, raw_bytes, spot: None };
        let hidden = Hidden::of(&entry);
        assert_eq!(hidden.raw.len(), RAW_LIMIT);
        assert!(hidden.raw_bytes > RAW_LIMIT as u64);
    }
}
