//! Who may write to a Unix socket.

use std::fs;
use std::io;
use std::os::unix::net::UnixStream;

use rustix::process::{Uid, geteuid};

/// Where the system's users and groups are listed.
const USERS: &str = "/etc/passwd";
const GROUPS: &str = "/etc/group";

/// Why the users or groups of a configuration are refused.
#[derive(Debug, thiserror::Error)]
pub enum PeerError {
    /// There is none of that name.
    #[error("there is no {kind} {name:?} in {file}: write its number if it comes from elsewhere")]
    Unknown {
        /// `user` or `group`.
        kind: &'static str,
        /// Its name.
        name: String,
        /// Where it was looked for.
        file: &'static str,
    },
    /// The list of them cannot be read.
    #[error("cannot read {file}: {source}")]
    Read {
        /// Which one.
        file: &'static str,
        /// What the operating system said.
        source: io::Error,
    },
}

/// The users and groups that may write to a socket, beside the daemon's own user and root.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Peers {
    users: Vec<u32>,
    groups: Vec<u32>,
}

impl Peers {
    /// Users and groups by name or number. A group's members are allowed whatever group they act in.
    ///
    /// # Errors
    /// When there is no such user or group on this machine.
    pub fn new(users: &[String], groups: &[String]) -> Result<Self, PeerError> {
        let read = |file, wanted: &[String]| match wanted {
            [] => Ok(String::new()),
            _ => fs::read_to_string(file).map_err(|source| PeerError::Read { file, source }),
        };
        let group_list = read(GROUPS, groups)?;
        let members = |group: &String| {
            let entry = entry(&group_list, group);
            let members = entry.and_then(|entry| entry.split(':').nth(3)).unwrap_or_default();
            members.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect::<Vec<_>>()
        };
        let members: Vec<String> = groups.iter().flat_map(members).collect();
        let user_list = read(USERS, &[users, &members].concat())?;
        let user = |name: &String| number(&user_list, name).ok_or_else(|| unknown("user", name, USERS));
        let group = |name: &String| number(&group_list, name).ok_or_else(|| unknown("group", name, GROUPS));
        let mut allowed = users.iter().map(user).collect::<Result<Vec<_>, _>>()?;
        // A member who is no user of this machine cannot come.
        allowed.extend(members.iter().filter_map(|name| number(&user_list, name)));
        Ok(Self { users: allowed, groups: groups.iter().map(group).collect::<Result<_, _>>()? })
    }

    /// Whether nobody was named: then only the daemon's own user and root may write.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.users.is_empty() && self.groups.is_empty()
    }

    /// Whether who is at the other end may write; otherwise who it is.
    pub(super) fn check(&self, peer: &UnixStream) -> io::Result<Result<(), String>> {
        let peer = rustix::net::sockopt::socket_peercred(peer)?;
        let may = peer.uid == Uid::ROOT
            || peer.uid == geteuid()
            || self.users.contains(&peer.uid.as_raw())
            || self.groups.contains(&peer.gid.as_raw());
        let who = || format!("user {}, group {}, process {}", peer.uid, peer.gid, peer.pid);
        Ok(if may { Ok(()) } else { Err(who()) })
    }
}

fn unknown(kind: &'static str, name: &str, file: &'static str) -> PeerError {
    PeerError::Unknown { kind, name: name.to_owned(), file }
}

/// The line of `name` in a list such as `/etc/passwd`, by name or number.
fn entry<'a>(list: &'a str, name: &str) -> Option<&'a str> {
    list.lines().find(|line| {
        let mut fields = line.split(':');
        fields.next() == Some(name) || fields.nth(1) == Some(name)
    })
}

/// The number of `name`, which may be one.
fn number(list: &str, name: &str) -> Option<u32> {
    name.parse().ok().or_else(|| entry(list, name)?.split(':').nth(2)?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_and_groups_are_found_by_name_or_number() {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let peers = Peers::new(&names(&["root", "4711"]), &names(&["root"])).unwrap();
        assert!(peers.users.contains(&0) && peers.users.contains(&4711) && peers.groups == [0]);
        assert!(Peers::new(&[], &[]).unwrap().is_empty());
        let error = Peers::new(&names(&["no-such-user"]), &[]).unwrap_err().to_string();
        assert!(error.contains("no user \"no-such-user\""), "{error}");
        assert!(Peers::new(&[], &names(&["no-such-group"])).is_err());
    }

    #[test]
    fn a_list_is_read_by_its_fields() {
        let list = "adm:x:4:syslog,eve\neve:x:1000:\n";
        assert_eq!(entry(list, "adm"), Some("adm:x:4:syslog,eve"));
        assert_eq!(entry(list, "1000"), Some("eve:x:1000:"));
        assert_eq!(number(list, "eve"), Some(1000));
        assert_eq!(number(list, "77"), Some(77));
        assert_eq!(number(list, "syslog"), None);
    }

    #[test]
    fn the_daemons_own_user_may_write() {
        let (one, _other) = UnixStream::pair().unwrap();
        assert_eq!(Peers::default().check(&one).unwrap(), Ok(()));
    }
}
