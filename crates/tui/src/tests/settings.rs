//! What the configuration and the terminal change: symbols, columns, keys, the mouse, the background, the bell.

use crossterm::event::{KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use insta::assert_snapshot;

use super::driver::Driver;
use crate::config::Config;
use crate::keymap::Keymap;
use crate::model::Setting;
use crate::msg::{Effect, Msg};
use crate::samples::{organization, project};
use crate::symbols::Charset;
use crate::theme::Theme;

fn configured(width: u16, height: u16, text: &str, charset: Charset) -> Driver {
    let config = Config::parse(text).unwrap();
    let keys = Keymap::new(&config).named_in_ascii(charset.is_ascii());
    let setting = Setting { theme: Theme::new(true, None), charset, keys, config, ..Setting::default() };
    let mut driver = Driver::set(width, height, setting);
    driver.poll();
    driver
}

fn mouse(driver: &mut Driver, kind: MouseEventKind, (column, row): (u16, u16)) {
    driver.send(Msg::Mouse(MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE }));
    driver.settle();
}

/// Where a text stands on the screen.
fn place(driver: &Driver, text: &str) -> (u16, u16) {
    let screen = driver.screen();
    let (row, line) = screen.lines().enumerate().find(|(_, line)| line.contains(text)).unwrap();
    (crate::text::width(&line[..line.find(text).unwrap()]) as u16, row as u16)
}

#[test]
fn symbols_of_ascii() {
    let mut driver = configured(80, 24, "", Charset::AsciiSymbols);
    let organizations = driver.screen();
    let help = driver.press("?").screen();
    let project = driver.press("<esc><enter><enter>").screen();
    assert!([&organizations, &help, &project].iter().all(|screen| screen.is_ascii()));
    assert_snapshot!(format!("{organizations}\n\n{help}\n\n{project}"));
}

#[test]
fn names_of_other_letters_stay_unless_the_locale_has_none() {
    for (charset, shown) in [(Charset::AsciiSymbols, "Größe 検索"), (Charset::Ascii, "Gr??e ? ?")] {
        let mut driver = configured(80, 24, "", charset);
        driver.world.set_projects(vec![project("Größe 検索", "1", None)]);
        let screen = driver.press("<enter>").screen();
        assert!(screen.contains(shown), "{screen}");
    }
}

#[test]
fn columns_that_were_chosen_at_80x24() {
    let text = "[lists.projects]\ncolumns = [\"state\", \"keys\", \"project\", \"spent\"]\nwidths = { spent = 20 }";
    let mut driver = configured(80, 24, text, Charset::Unicode);
    assert_snapshot!(driver.press("<enter>").screen());
    // sorting goes through them in their order
    assert!(driver.press("s").screen().contains("by keys ↓"), "{}", driver.screen());
}

#[test]
fn columns_wider_than_any_screen_are_drawn_inside_it() {
    let text = "[lists.organizations.widths]\norganization = 500\nstate = 500\nspent = 500";
    for (width, height) in [(60, 15), (80, 24), (200, 50)] {
        let screen = configured(width, height, text, Charset::Unicode).screen();
        assert_eq!(screen.lines().count(), usize::from(height), "{screen}");
    }
}

#[test]
fn a_chord_says_what_was_typed_and_esc_gives_it_up() {
    let mut driver = configured(80, 24, "keys.last = \"g e\"\nkeys.first = \"g g\"", Charset::Unicode);
    driver.press("<enter>");
    let first = driver.selection();
    driver.press("g");
    assert!(driver.screen().lines().last().unwrap().starts_with(" g …"), "{}", driver.screen());
    driver.press("e");
    assert_ne!(driver.selection(), first);
    driver.press("gg");
    assert_eq!(driver.selection(), first);
    driver.press("g<esc>");
    assert!(driver.screen().contains("Support bot") && driver.model.typed.is_empty(), "esc did nothing else");
    driver.press("gj");
    assert_ne!(driver.selection(), first, "what ends no chord is what it is without one");
}

#[test]
fn the_wheel_scrolls_and_clicks_select_and_sort() {
    let mut driver = configured(100, 30, "mouse = true", Charset::Unicode);
    driver.press("<enter>");
    let search = place(&driver, "Search");
    mouse(&mut driver, MouseEventKind::Down(MouseButton::Left), search);
    assert!(driver.selection().contains("Search"), "{}", driver.screen());
    mouse(&mut driver, MouseEventKind::ScrollUp, (1, 1));
    assert!(driver.selection().contains("Support bot"), "{}", driver.screen());
    let heading = place(&driver, "SPENT");
    mouse(&mut driver, MouseEventKind::Down(MouseButton::Left), heading);
    assert!(driver.screen().contains("by spent ↓"));
    mouse(&mut driver, MouseEventKind::Down(MouseButton::Left), heading);
    assert!(driver.screen().contains("by spent ↑"));
    driver.press("?");
    let help = driver.screen();
    mouse(&mut driver, MouseEventKind::Down(MouseButton::Left), search);
    assert_eq!(driver.screen(), help, "what lies on top hides the screen from the mouse");
}

#[test]
fn a_click_shows_a_tab() {
    let mut driver = configured(160, 50, "mouse = true", Charset::Unicode);
    driver.press("<enter><enter>");
    let limits = place(&driver, "Limits");
    mouse(&mut driver, MouseEventKind::Down(MouseButton::Left), limits);
    assert!(driver.screen().contains("[4 Limits]"), "{}", driver.screen());
    let before = driver.screen();
    mouse(&mut driver, MouseEventKind::Down(MouseButton::Left), (159, 1));
    assert_eq!(driver.screen(), before, "where nothing is, nothing happens");
}

#[test]
fn the_background_is_told_or_chosen_with_a_key() {
    let mut driver = Driver::silent(80, 24, Theme::new(false, None));
    driver.send(Msg::Background { light: true });
    assert_eq!(driver.model.setting.theme, Theme::new(false, Some(true)));
    driver.press("<c-t>");
    assert_eq!(driver.model.setting.theme, Theme::new(false, Some(false)));
    driver.press("<c-t>");
    assert_eq!(driver.model.setting.theme, Theme::new(false, Some(true)));
}

#[test]
fn the_bell_rings_when_something_begins_to_be_refused_and_only_if_it_is_asked_for() {
    for bell in [true, false] {
        let mut driver = configured(80, 24, &format!("bell = {bell}"), Charset::Unicode);
        let rings = |driver: &mut Driver, spend| {
            driver.world.set_organizations(vec![organization("Acme", spend, Some("10"))]);
            driver.rung = false;
            driver.poll();
            driver.rung
        };
        assert!(!rings(&mut driver, "1"));
        assert_eq!(rings(&mut driver, "10"), bell);
        assert!(!rings(&mut driver, "11"), "it was refused before");
        assert!(!rings(&mut driver, "2"));
        driver.press("<enter>");
        assert!(!driver.rung && !driver.pending.contains(&Effect::Ring), "what is seen first is no news");
    }
}
