//! Ids of the directory (R43): a prefix that says what it names, and 24 random letters and digits.

use rand::Rng;

/// What an id names; decides its prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdKind {
    /// `org-…`
    Organization,
    /// `proj_…`
    Project,
    /// `user-…`
    User,
    /// `svc-acct-…`
    ServiceAccount,
    /// `key_…`
    Key,
    /// `invite-…`
    Invite,
    /// `alert_…`
    Alert,
    /// `block_…`
    Block,
    /// `rerate_…`
    Rerate,
    /// `hold_…`
    Hold,
}

impl IdKind {
    /// The prefix, its separator included.
    #[must_use]
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Organization => "org-",
            Self::Project => "proj_",
            Self::User => "user-",
            Self::ServiceAccount => "svc-acct-",
            Self::Key => "key_",
            Self::Invite => "invite-",
            Self::Alert => "alert_",
            Self::Block => "block_",
            Self::Rerate => "rerate_",
            Self::Hold => "hold_",
        }
    }

    /// A new id of this kind. 24 characters of 62 are 142 bits: nobody meets one twice or guesses one.
    #[must_use]
    pub fn generate(self, random: &mut dyn Rng) -> String {
        let mut id = String::with_capacity(self.prefix().len() + 24);
        id.push_str(self.prefix());
        add_random_text(&mut id, random, 24);
        id
    }
}

/// `length` random letters and digits, each equally likely.
#[must_use]
pub fn random_text(random: &mut dyn Rng, length: usize) -> String {
    let mut text = String::with_capacity(length);
    add_random_text(&mut text, random, length);
    text
}

fn add_random_text(text: &mut String, random: &mut dyn Rng, length: usize) {
    const LETTERS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    // Several at once: a hold is taken in a few microseconds, and its id would be a tenth of that.
    let (end, mut bytes) = (text.len() + length, [0; 32]);
    while text.len() < end {
        random.fill_bytes(&mut bytes);
        // What is left of 256 behind whole rounds of letters would favour the first ones.
        let fair =
            bytes.iter().map(|byte| usize::from(*byte)).filter(|byte| *byte < 256 / LETTERS.len() * LETTERS.len());
        text.extend(fair.take(end - text.len()).map(|byte| char::from(LETTERS[byte % LETTERS.len()])));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    #[test]
    fn r43_ids_have_their_prefix_and_24_letters_and_digits() {
        let mut random = rand::rngs::StdRng::seed_from_u64(1);
        for kind in
            [IdKind::Organization, IdKind::Project, IdKind::User, IdKind::ServiceAccount, IdKind::Key, IdKind::Invite]
        {
            let id = kind.generate(&mut random);
            let rest = id.strip_prefix(kind.prefix()).unwrap();
            assert_eq!(rest.len(), 24);
            assert!(rest.bytes().all(|b| b.is_ascii_alphanumeric()));
            assert_ne!(id, kind.generate(&mut random));
        }
    }
}
