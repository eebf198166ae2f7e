//! The machine's own clock, randomness and names: the one place that reads them for the programs.

use std::time::{SystemTime, UNIX_EPOCH};

use mete_core::actor::Origin;
use mete_core::directory::check_name;
use mete_core::{Clock, Timestamp};
use rand::SeedableRng;
use rand::rngs::StdRng;

/// The most characters of a user's or machine's name that are kept.
const LONGEST: usize = 64;

/// The system's clock, UTC.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is where the system's clock comes in")]
    fn now(&self) -> Timestamp {
        let micros = match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since) => i64::try_from(since.as_micros()),
            Err(before) => i64::try_from(before.duration().as_micros()).map(|micros| -micros),
        };
        Timestamp(micros.unwrap_or(i64::MAX))
    }
}

/// The randomness of ids and secrets: a cryptographic generator (ChaCha) that the operating system seeds with 256 bits.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is where the system's randomness comes in")]
pub fn system_random() -> StdRng {
    StdRng::from_rng(&mut rand::rng())
}

/// Who runs this process on which machine, for the audit log (R42, R45). Never fails: a user without a name is the number.
///
/// Under sudo both accounts are named, as in `root (sudo by kim)`: the first is the kernel's word, the second only what
/// the environment says, and stands behind for that reason.
#[must_use]
pub fn origin() -> Origin {
    let account = match whoami::username_os() {
        Ok(name) => name.to_string_lossy().into_owned(),
        Err(_) => rustix::process::geteuid().as_raw().to_string(),
    };
    let sudo_by = std::env::var_os("SUDO_USER").map(|name| name.to_string_lossy().into_owned());
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    Origin { os_user: os_user(&account, sudo_by.as_deref()), host: plain(&host) }
}

fn os_user(account: &str, sudo_by: Option<&str>) -> String {
    match sudo_by {
        Some(human) if !human.is_empty() && human != account => {
            format!("{} (sudo by {})", plain(account), plain(human))
        }
        _ => plain(account),
    }
}

/// A name as it may stand in a record: what a terminal would obey is escaped, what has no end is cut.
fn plain(name: &str) -> String {
    let cut: String = name.chars().take(LONGEST).collect();
    check_name(&cut).unwrap_or_else(|_| cut.escape_debug().take(LONGEST).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r45_the_origin_is_this_process() {
        let origin = origin();
        let told = |program: &str, option: &str| {
            let output = std::process::Command::new(program).arg(option).output().unwrap();
            String::from_utf8(output.stdout).unwrap().trim().to_owned()
        };
        assert_eq!(origin.host, told("uname", "-n"));
        let account = told("id", "-un");
        assert!(origin.os_user.split(' ').next() == Some(&account), "{origin:?}");
    }

    #[test]
    fn r42_the_human_behind_sudo_is_named_after_the_account() {
        assert_eq!(os_user("root", Some("kim")), "root (sudo by kim)");
        assert_eq!(os_user("mete", Some("kim")), "mete (sudo by kim)");
        for nobody in [None, Some(""), Some("kim")] {
            assert_eq!(os_user("kim", nobody), "kim");
        }
    }

    #[test]
    fn r42_a_name_moves_no_cursor() {
        assert_eq!(os_user("root", Some("a\u{1b}[2J\u{202e}b")), "root (sudo by a\\u{1b}[2J\\u{202e}b)");
        assert_eq!(plain("Jürgen"), "Jürgen");
        assert_eq!(plain(""), "");
        for endless in ["x".repeat(100_000), "\n".repeat(100_000)] {
            assert_eq!(plain(&endless).chars().count(), LONGEST);
        }
    }
}
