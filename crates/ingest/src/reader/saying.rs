//! What a record says that decides whose it is and at which rates, as one string of bytes to remember it by.

use crate::attribution::Rule;
use crate::record::{KeyRef, Record};

/// Which of a record's rarer words some rule asks for. What none asks for is left out: a log may name any number of
/// directories and users.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Asked {
    directory: bool,
    service: bool,
    user: bool,
    alias: bool,
}

impl Asked {
    pub(super) fn by(rules: &[Rule]) -> Self {
        let any = |asks: fn(&Rule) -> bool| rules.iter().any(asks);
        Self {
            directory: any(|rule| rule.when.directory.is_some()),
            service: any(|rule| rule.when.service.is_some()),
            user: any(|rule| rule.when.user.is_some()),
            alias: any(|rule| rule.when.key.is_some()),
        }
    }
}

/// Writes into `bytes` what `record` says: the same bytes for two records that count to the same series at the same
/// rates, other bytes where anything differs. What was in `bytes` before is lost; its room is used again.
pub(super) fn write(bytes: &mut Vec<u8>, record: &Record<'_>, asked: Asked) {
    bytes.clear();
    bytes.extend_from_slice(&[record.endpoint as u8, u8::from(record.batch)]);
    match &record.key {
        None => {}
        Some(KeyRef::Id(id)) => add(bytes, 1, id.as_bytes()),
        Some(KeyRef::Hash(hash)) => add(bytes, 2, &hash.0),
        Some(KeyRef::Redacted(form)) => add(bytes, 3, form.as_bytes()),
    }
    let texts = [
        (true, &record.model),
        (true, &record.project),
        (true, &record.provider),
        (true, &record.organization),
        (true, &record.member),
        (true, &record.tier),
        (true, &record.team),
        (asked.directory, &record.directory),
        (asked.service, &record.service),
        (asked.user, &record.user),
        (asked.alias, &record.key_alias),
    ];
    for (tag, (asked, text)) in (4..).zip(texts) {
        if let Some(text) = text
            && asked
        {
            add(bytes, tag, text.as_bytes());
        }
    }
}

/// The length keeps one text from running into the next.
fn add(bytes: &mut Vec<u8>, tag: u8, text: &[u8]) {
    let [low, high, ..] = text.len().to_le_bytes();
    bytes.extend_from_slice(&[tag, low, high]);
    bytes.extend_from_slice(text);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::Format;
    use mete_core::EndpointGroup;
    use mete_core::secret::KeyHash;

    #[test]
    fn records_that_differ_in_anything_that_decides_differ_in_their_bytes() {
        let plain = Record::new(Format::Mete, "e".into(), EndpointGroup::Other);
        let asked = Asked { directory: true, service: true, user: true, alias: true };
        let word = || Some("x".into());
        let differing = [
            plain.clone(),
            Record { endpoint: EndpointGroup::Messages, ..plain.clone() },
            Record { batch: true, ..plain.clone() },
            Record { key: Some(KeyRef::Id("x".into())), ..plain.clone() },
            Record { key: Some(KeyRef::Hash(KeyHash::of("x"))), ..plain.clone() },
            Record { key: Some(KeyRef::Redacted("x".into())), ..plain.clone() },
            Record { model: word(), ..plain.clone() },
            Record { model: Some("xx".into()), ..plain.clone() },
            Record { model: word(), project: word(), ..plain.clone() },
            Record { project: word(), ..plain.clone() },
            Record { provider: word(), ..plain.clone() },
            Record { organization: word(), ..plain.clone() },
            Record { member: word(), ..plain.clone() },
            Record { tier: word(), ..plain.clone() },
            Record { team: word(), ..plain.clone() },
            Record { directory: word(), ..plain.clone() },
            Record { service: word(), ..plain.clone() },
            Record { user: word(), ..plain.clone() },
            Record { key_alias: word(), ..plain.clone() },
        ];
        let bytes_of = |record: &Record<'_>, asked| {
            let mut bytes = vec![7];
            write(&mut bytes, record, asked);
            bytes
        };
        let all: std::collections::HashSet<_> = differing.iter().map(|record| bytes_of(record, asked)).collect();
        assert_eq!(all.len(), differing.len());

        let unasked = Record { id: "f".into(), user: word(), ..plain.clone() };
        assert_eq!(bytes_of(&unasked, Asked::default()), bytes_of(&plain, Asked::default()));
    }
}
