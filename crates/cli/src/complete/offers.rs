//! Which of the names and ids that there are a word can become.

use std::collections::HashMap;

use clap_complete::engine::CompletionCandidate;

use crate::output::is_unsafe;

/// More than this is no choice; and a part of them would mislead the shell, which types what all have in common.
const MOST: usize = 2000;

/// As what a thing is offered before anything of it is typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unasked {
    /// By its name, where only one has it; else by its id.
    Name,
    /// By its id.
    Id,
    /// Not at all.
    Nothing,
}

/// A thing that can be named on the command line.
#[derive(Debug)]
pub struct Named {
    /// Its id.
    pub id: String,
    /// Its name; may be empty, and several may have it.
    pub name: String,
    /// What is said beside either.
    pub note: String,
    /// As what it is offered before anything of it is typed.
    pub unasked: Unasked,
}

/// What `word` can become: ids and names that begin with it, names in any case if none does in its own; nothing if that
/// is too much.
pub fn offered(things: &[Named], word: &str) -> Vec<CompletionCandidate> {
    let mut times: HashMap<String, usize> = HashMap::new();
    for thing in things {
        *times.entry(thing.name.to_lowercase()).or_default() += 1;
    }
    let only = |thing: &&Named| is_usable(&thing.name) && times.get(&thing.name.to_lowercase()) == Some(&1);
    let found = if word.is_empty() {
        let unasked = |thing: &Named| match thing.unasked {
            Unasked::Name if only(&thing) => Some(by_name(thing)),
            Unasked::Name | Unasked::Id => Some(by_id(thing)),
            Unasked::Nothing => None,
        };
        things.iter().filter_map(unasked).collect()
    } else {
        let named = || things.iter().filter(only);
        let ids = things.iter().filter(|thing| thing.id.starts_with(word)).map(by_id);
        let found: Vec<_> = named().filter(|thing| thing.name.starts_with(word)).map(by_name).chain(ids).collect();
        if found.is_empty() { named().filter(|thing| begins(&thing.name, word)).map(by_name).collect() } else { found }
    };
    if found.len() > MOST { Vec::new() } else { found }
}

fn by_name(thing: &Named) -> CompletionCandidate {
    candidate(&thing.name, [thing.id.as_str(), &thing.note])
}

fn by_id(thing: &Named) -> CompletionCandidate {
    candidate(&thing.id, [thing.name.as_str(), &thing.note])
}

fn candidate(value: &str, notes: [&str; 2]) -> CompletionCandidate {
    let said: Vec<&str> = notes.into_iter().filter(|note| !note.is_empty()).collect();
    CompletionCandidate::new(value).help(Some(said.join(", ").into()))
}

/// Whether a name can be an argument as it is: it is no option, and a terminal can show it.
fn is_usable(name: &str) -> bool {
    !name.is_empty() && !name.starts_with('-') && !name.chars().any(is_unsafe)
}

fn begins(name: &str, word: &str) -> bool {
    name.to_lowercase().starts_with(&word.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn thing(id: &str, name: &str, unasked: Unasked) -> Named {
        Named { id: id.to_owned(), name: name.to_owned(), note: String::new(), unasked }
    }

    fn projects() -> Vec<Named> {
        vec![
            thing("proj_1", "Support", Unasked::Name),
            thing("proj_2", "search", Unasked::Name),
            thing("proj_3", "Twice", Unasked::Name),
            thing("proj_4", "TWICE", Unasked::Name),
            thing("proj_5", "--json", Unasked::Name),
            thing("proj_6", "a\u{1b}b", Unasked::Name),
            thing("proj_7", "Archive", Unasked::Nothing),
            thing("proj_8", "", Unasked::Id),
        ]
    }

    fn values(word: &str) -> Vec<String> {
        offered(&projects(), word).iter().map(|found| found.get_value().to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn names_come_first_and_ids_where_a_name_will_not_do() {
        assert_eq!(values(""), ["Support", "search", "proj_3", "proj_4", "proj_5", "proj_6", "proj_8"]);
        assert_eq!(values("Arch"), ["Archive"]);
        assert_eq!(values("proj_7"), ["proj_7"]);
        assert_eq!(values("Twi"), [""; 0]);
        let help = offered(&projects(), "proj_1")[0].get_help().map(ToString::to_string);
        assert_eq!(help.as_deref(), Some("Support"));
    }

    #[test]
    fn case_matters_only_where_something_has_it() {
        assert_eq!(values("s"), ["search"]);
        assert_eq!(values("S"), ["Support"]);
        assert_eq!(values("SE"), ["search"]);
        assert_eq!(values("sU"), ["Support"]);
        assert_eq!(values("x"), [""; 0]);
    }

    #[test]
    fn too_many_are_no_choice() {
        let many: Vec<Named> = (0..=MOST).map(|n| thing(&format!("key_{n:05}"), "", Unasked::Id)).collect();
        assert_eq!(offered(&many, "").len(), 0);
        assert_eq!(offered(&many, "key_0001").len(), 10);
        assert_eq!(offered(&many[1..], "key_").len(), MOST);
    }
}
