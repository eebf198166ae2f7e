//! What holds for every screen and every action, as they are registered.

use std::collections::HashMap;

use super::driver::Driver;
use crate::actions::{ACTING, Action, EVERYWHERE, Key, ON_LISTS, ON_TARGETS, REGISTRY, offered};
use crate::data::{Answer, Query};
use crate::jumps::{Atlas, Line, Parameter};
use crate::samples::{World, now};
use crate::screens::{Kind, Screen, jumps};

fn atlas() -> Atlas {
    let (world, month) = (World::default(), now().month());
    let Ok(Answer::Organizations(organizations)) = world.answer(&Query::Organizations(month)) else { panic!() };
    let Ok(Answer::Projects(projects)) = world.answer(&Query::Projects { organization_id: None, month }) else {
        panic!()
    };
    Atlas { organizations, projects }
}

/// Every screen that can be jumped to.
fn screens() -> Vec<Box<dyn Screen>> {
    let atlas = atlas();
    let line = |jump: &Kind| match jump.takes.first() {
        None => jump.name.to_owned(),
        Some(Parameter::Organization) => format!("{} Acme", jump.name),
        Some(Parameter::Project) => format!("{} Support bot", jump.name),
        Some(other) => panic!("{} begins with {}=", jump.name, other.name()),
    };
    jumps().map(|jump| Line::new(&line(jump)).open(&atlas).unwrap()).collect()
}

#[test]
fn no_key_does_two_things_on_any_screen() {
    for screen in screens() {
        let own = screen.actions().iter().chain(ACTING).chain(ON_TARGETS);
        let actions: Vec<Action> = own.chain(ON_LISTS).chain(EVERYWHERE).copied().collect();
        let mut keys: HashMap<Key, Action> = HashMap::new();
        for entry in offered(&actions) {
            for key in entry.keys {
                let before = keys.insert(*key, entry.action);
                assert!(
                    before.is_none(),
                    "on {} {} does {:?} and {before:?}",
                    screen.name(),
                    key.label(),
                    entry.action
                );
            }
        }
    }
}

#[test]
fn every_action_is_offered_somewhere() {
    let screens = screens();
    for entry in REGISTRY {
        let own = screens.iter().any(|screen| screen.actions().contains(&entry.action));
        assert!(
            own || [EVERYWHERE, ON_LISTS, ON_TARGETS, ACTING].iter().any(|all| all.contains(&entry.action)),
            "{:?} is offered nowhere",
            entry.action
        );
    }
}

#[test]
fn every_jump_has_its_names_to_itself_and_opens_a_screen() {
    let mut names: HashMap<&str, &str> = HashMap::new();
    for jump in jumps() {
        // as many columns as the list of jumps has for it on the smallest usual screen
        assert!((1..=42).contains(&jump.title.chars().count()), "{}", jump.title);
        for name in std::iter::once(&jump.name).chain(jump.aliases) {
            assert_eq!(names.insert(name, jump.name), None, "{name} is two jumps");
        }
    }
    assert_eq!(screens().len(), jumps().count());
}

#[test]
fn jumps_take_names_in_part_and_say_what_is_missing() {
    let atlas = atlas();
    let crumb = |line: &str| Line::new(line).open(&atlas).map(|screen| screen.crumb());
    let ok = |crumb: &str| Ok(crumb.to_owned());
    assert_eq!(crumb("project support"), ok("Support bot"));
    assert_eq!(crumb("project Support bot org=acme"), ok("Support bot"));
    assert_eq!(crumb("keys org=Acme Labs"), ok("keys of Acme Labs"));
    assert_eq!(crumb("keys org=acme project=sup"), ok("keys of Support bot"));
    assert_eq!(crumb("org glo"), ok("Globex"));
    assert_eq!(crumb("keys"), ok("keys"));
    assert_eq!(crumb("project nobody").unwrap_err(), "no project \"nobody\"");
    assert_eq!(crumb("projects").unwrap_err(), "which organization? Its name comes next");
    assert_eq!(crumb("home sweet").unwrap_err(), "pulse takes nothing more");
    assert_eq!(crumb("moon").unwrap_err(), "nothing is called \"moon\"");
    assert!(crumb("project s").unwrap_err().starts_with("2 times project \"s\""), "Search and Support bot");
}

#[test]
fn jumps_lead_there_and_esc_leads_back_with_everything_as_it_was() {
    let mut driver = Driver::answered(100, 30);
    driver.press("<enter>/e<enter>sj");
    let before = driver.screen();
    driver.press(":project sup<enter>");
    assert!(driver.screen().starts_with(" mete › Support bot "), "{}", driver.screen());
    driver.press("o");
    assert!(driver.screen().starts_with(" mete › Support bot › keys of "), "{}", driver.screen());
    driver.press("<esc><esc>");
    assert_eq!(driver.screen(), before);
    driver.press("]]");
    assert!(driver.screen().starts_with(" mete › Support bot › keys of "), "{}", driver.screen());
}

#[test]
fn the_palette_finds_an_action_or_a_jump_by_a_few_letters() {
    let mut driver = Driver::answered(100, 30);
    driver.press("<c-p>revrse<esc><c-p>other way<enter>");
    assert!(driver.screen().contains("by state ↑"), "{}", driver.screen());
    driver.press("<c-p>jump one project<enter>sup<enter>");
    assert!(driver.screen().starts_with(" mete › Support bot "), "{}", driver.screen());
}
