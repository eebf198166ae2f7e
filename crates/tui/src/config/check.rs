//! What no single setting can tell: whether names are those of screens, lists and columns, and whether keys clash.

use crossterm::event::KeyCode;

use super::keys::{ActionName, Chord};
use super::{Config, nearest};
use crate::actions::{Action, Key};
use crate::keymap::Keymap;
use crate::screens;
use crate::table::NARROWEST;

/// A table is as wide as a terminal at most, and no terminal is wider than this.
pub const WIDEST: u16 = 500;

/// The way to a setting, and what is wrong with it.
type Found = (Vec<String>, String);

pub fn check(config: &Config) -> Vec<Found> {
    let mut found = Vec::new();
    if let Some(start) = &config.start {
        found.extend(
            known("screen to start with", start, &screens::firsts()).map(|message| (path(&["start"]), message)),
        );
    }
    for screen in config.keys_on.keys() {
        found.extend(known("screen", screen, &screens::names()).map(|message| (path(&["keys_on", screen]), message)));
    }
    check_lists(config, &mut found);
    check_keys(config, &mut found);
    found
}

fn path(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// Nothing if the name is known; otherwise what is wrong with it.
fn known(what: &str, written: &str, known: &[&str]) -> Option<String> {
    if known.contains(&written) {
        return None;
    }
    let near = nearest(written, known.iter().copied());
    let near = near.map_or_else(String::new, |near| format!("did you mean {near:?}? "));
    Some(format!("there is no {what} {written:?}: {near}There is: {}", known.join(", ")))
}

fn check_lists(config: &Config, found: &mut Vec<Found>) {
    let lists = screens::lists();
    let names: Vec<&str> = lists.iter().map(|(name, _)| *name).collect();
    for (name, list) in &config.lists {
        let Some((_, columns)) = lists.iter().find(|(known, _)| known == name) else {
            found.extend(known("list", name, &names).map(|message| (path(&["lists", name]), message)));
            continue;
        };
        let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
        let chosen = list.columns.as_deref().unwrap_or_default();
        let at = path(&["lists", name, "columns"]);
        found.extend(chosen.iter().filter_map(|column| Some((at.clone(), known("column", column, &columns)?))));
        if list.columns.as_ref().is_some_and(Vec::is_empty) {
            found.push((at.clone(), "a list without columns shows nothing: leave the setting out for all".to_owned()));
        }
        for (place, column) in chosen.iter().enumerate() {
            if chosen[..place].contains(column) {
                found.push((at.clone(), format!("{column:?} is there twice")));
            }
        }
        for (column, width) in &list.widths {
            let at = path(&["lists", name, "widths", column]);
            found.extend(known("column", column, &columns).map(|message| (at.clone(), message)));
            if !(NARROWEST..=WIDEST).contains(width) {
                found.push((at, format!("a column is {NARROWEST} to {WIDEST} characters wide, not {width}")));
            }
        }
    }
}

/// Two actions with the same keys, or with keys that begin with those of the other, are no matter as long as nobody
/// asked for it: the registry has its own test.
fn check_keys(config: &Config, found: &mut Vec<Found>) {
    let keymap = Keymap::new(config);
    let leaves = Key { code: KeyCode::Char('c'), control: true };
    let everywhere = config.keys.0.keys().map(|action| (path(&["keys"]), action, None));
    let on = config.keys_on.iter().filter(|(screen, _)| screens::names().contains(&screen.as_str()));
    let on = on.flat_map(|(screen, bindings)| {
        bindings.0.keys().map(move |action| (path(&["keys_on", screen]), action, Some(screen.as_str())))
    });
    for (mut at, ActionName(action), screen) in everywhere.chain(on) {
        at.push(action.clone());
        if *action != Action::Quit.name() && keymap.has(action, screen, &leaves) {
            found.push((at.clone(), "ctrl-c always leaves, and cannot do anything else".to_owned()));
            continue;
        }
        let clashes = keymap.clashes(action, screen).into_iter();
        found.extend(clashes.map(|(chord, other, by)| (at.clone(), clash(action, &chord, &other, &by))));
    }
}

fn clash(action: &str, chord: &Chord, other: &str, by: &Chord) -> String {
    if other == action {
        return format!(
            "{chord:?} is the beginning of {by:?}, which would never be reached",
            chord = chord.to_string(),
            by = by.to_string()
        );
    }
    let (chord, by) = (chord.to_string(), by.to_string());
    if chord == by {
        format!("{chord:?} does {other:?} as well: give one of them another key, or none ({other} = [])")
    } else {
        format!("{chord:?} and {by:?} of {other:?} begin alike: the shorter would act before the longer is typed")
    }
}
