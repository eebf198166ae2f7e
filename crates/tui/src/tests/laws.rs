//! What holds whatever keys are pressed and whatever the store does.

use proptest::prelude::*;

use super::driver::Driver;
use crate::msg::{Effect, Msg};
use crate::samples::project;

const KEYS: &[&str] = &[
    "<enter>",
    "<esc>",
    "<up>",
    "<down>",
    "<pgdn>",
    "<end>",
    "<tab>",
    "j",
    "k",
    "g",
    "G",
    "s",
    "S",
    "v",
    "m",
    "<",
    ">",
    "0",
    "r",
    "?",
    "/",
    "a",
    "!",
    "c",
    "z",
    "w",
    ":",
    "o",
    "p",
    "A",
    "I",
    "K",
    "M",
    "[",
    "]",
    "<c-p>",
    "<s-tab>",
    "e",
    "d",
    "2",
    "4",
    "8",
    "x",
    "<backspace>",
    "<c-l>",
    "<c-t>",
];

fn keys(most: usize) -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(KEYS), 0..most).prop_map(|keys| keys.concat())
}

/// At the first screen or at the organizations.
fn started(home: bool) -> Driver {
    if home { Driver::at_home(100, 30) } else { Driver::answered(100, 30) }
}

/// The model without what lies on top of it.
fn put_away_overlay(driver: &mut Driver) {
    driver.model.overlay = None;
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn any_keys_leave_a_screen_that_can_be_drawn_at_any_size(
        keys in keys(30),
        home: bool,
        width in 1_u16..180,
        height in 1_u16..60,
    ) {
        let mut driver = started(home);
        driver.press(&keys);
        driver.send(Msg::Resize(width, height));
        let screen = driver.screen();
        prop_assert_eq!(screen.split('\n').count(), usize::from(height));
        prop_assert!(!driver.left || keys.contains("<c-p>"), "none of these keys leaves, but the palette can");
    }

    #[test]
    fn esc_undoes_enter(keys in keys(12), home: bool) {
        let mut driver = started(home);
        driver.press(&keys);
        put_away_overlay(&mut driver);
        let (before, depth) = (driver.screen(), driver.model.trail.length());
        driver.press("<enter>");
        if driver.model.trail.length() > depth {
            driver.press("jjsS/nothing has this name<enter><esc><esc>");
            prop_assert_eq!(driver.screen(), before);
        }
    }

    #[test]
    fn back_undoes_forward_and_forward_undoes_back(keys in keys(16), home: bool) {
        let mut driver = started(home);
        driver.press(&keys);
        put_away_overlay(&mut driver);
        let (before, length) = (driver.screen(), driver.model.trail.length());
        driver.press("[");
        if driver.model.trail.length() < length {
            driver.press("]");
            prop_assert_eq!(driver.screen(), before.as_str());
        }
        let length = driver.model.trail.length();
        driver.press("<enter>");
        if driver.model.trail.length() > length {
            driver.press("[");
            prop_assert_eq!(driver.screen(), before.as_str());
        }
        driver.press(":keys<enter>[");
        prop_assert_eq!(driver.screen(), before.as_str());
    }

    #[test]
    fn the_selection_is_in_range_whatever_happens(keys in keys(24), left in 0_usize..4, home: bool) {
        let mut driver = started(home);
        driver.press(&keys);
        driver.world.set_projects((0..left).map(|n| project(&format!("Project {n}"), "1", None)).collect());
        driver.poll();
        put_away_overlay(&mut driver);
        let (shown, _) = driver.model.trail.top_mut().screen.list().counts();
        let marks = driver.screen().matches('▸').count();
        prop_assert!(marks > 0 || shown == 0, "{} rows and no selection\n{}", shown, driver.screen());
    }

    #[test]
    fn figures_are_always_those_of_the_month_in_the_header(
        steps in prop::collection::vec((prop::sample::select(&["<", ">", "0", "r", "<enter>", "<esc>", "[", "]"][..]), any::<bool>()), 1..12),
        home: bool,
    ) {
        let mut driver = started(home);
        for (key, answered) in steps {
            driver.send(Msg::Key(super::driver::parse(key)[0]));
            if answered {
                driver.settle();
            }
            let screen = driver.screen();
            let (header, body) = screen.split_once('\n').unwrap();
            prop_assert!(header.contains("November") || ["$18,204", "$22,325"].iter().all(|it| !body.contains(it)), "{}", screen);
        }
        driver.settle();
        prop_assert!(driver.model.look().arrival == crate::look::Arrival::Here, "what is shown last was answered");
    }
}

#[test]
fn a_view_asks_one_thing_at_a_time_however_often_the_store_moves_on() {
    let mut driver = Driver::answered(100, 30);
    for moved in 1..50 {
        driver.move_on(moved);
    }
    assert_eq!(driver.pending.len(), 1);
    driver.settle();
    assert!(driver.pending.is_empty());
    assert!(driver.model.top().asking.is_current(driver.model.link.versions()), "the last move was asked for as well");
}

#[test]
fn an_answer_to_a_month_that_was_left_is_dropped() {
    let mut driver = Driver::answered(100, 30);
    driver.send(Msg::Key(super::driver::parse("<")[0]));
    let Some(Effect::Ask { view, generation, queries }) = driver.pending.pop() else { panic!("october is asked for") };
    driver.send(Msg::Key(super::driver::parse(">")[0]));
    let result = queries.iter().map(|query| driver.world.answer(query)).collect();
    driver.send(Msg::Answers { view, generation, result });
    assert!(driver.screen().contains("Loading"), "october's answer came too late");
    driver.settle();
    assert!(driver.screen().contains("Acme"));
}

#[test]
fn an_answer_for_a_screen_that_was_left_is_dropped() {
    let mut driver = Driver::answered(100, 30);
    driver.send(Msg::Key(super::driver::parse("<enter>")[0]));
    driver.send(Msg::Key(super::driver::parse("<esc>")[0]));
    driver.settle();
    assert!(driver.screen().contains("organizations"), "{}", driver.screen());
}

#[test]
fn the_month_rolls_over_by_itself_and_a_chosen_one_stays() {
    let mut driver = Driver::answered(100, 30);
    driver.now = "2026-12-01T00:00:00Z".parse().unwrap();
    driver.send(Msg::Second);
    driver.settle();
    assert!(driver.screen().contains("December 2026 UTC · 31d left"), "{}", driver.screen());
    driver.press("<");
    assert!(driver.screen().contains("November 2026 UTC · past month"));
    driver.now = "2027-01-01T00:00:00Z".parse().unwrap();
    driver.send(Msg::Second);
    assert!(driver.screen().contains("November 2026"));
    driver.press("0");
    assert!(driver.screen().contains("January 2027"));
    driver.press(">");
    assert!(driver.screen().contains("January 2027"), "no month that has not begun");
}

#[test]
fn filter_sort_and_cursor_are_as_they_were_after_coming_back() {
    let mut driver = Driver::answered(120, 30);
    driver.press("<enter>/e<enter>ssj");
    let before = driver.screen();
    assert!(before.contains("· /e"), "{before}");
    driver.press("<enter><tab>s/gpt<enter>j<esc><esc>");
    assert_eq!(driver.screen(), before);
}

#[test]
fn the_cursor_stays_on_its_project_while_others_overtake_it() {
    let mut driver = Driver::answered(100, 30);
    driver.press("<enter>jj");
    assert!(driver.selection().contains("Search"), "{}", driver.selection());
    driver.world.set_projects(vec![project("Search", "9000", Some("6000")), project("New", "1", None)]);
    driver.poll();
    assert!(driver.selection().contains("Search"), "{}", driver.selection());
}

#[test]
fn esc_while_typing_a_filter_brings_the_one_before_back() {
    let mut driver = Driver::answered(100, 30);
    driver.press("/glob<enter>");
    assert!(driver.screen().contains("1 of 4 shown"));
    driver.press("/<backspace><backspace>x");
    assert!(driver.screen().contains("0 of 4 shown"));
    driver.press("<esc>");
    assert!(driver.screen().contains("· /glob"));
    driver.press("<esc>");
    assert!(!driver.screen().contains("shown"));
}

#[test]
fn pasted_text_goes_into_a_filter_and_never_acts_as_keys() {
    let mut driver = Driver::answered(100, 30);
    driver.send(Msg::Paste("q\u{1b}\n".to_owned()));
    assert!(!driver.left);
    driver.press("/");
    driver.send(Msg::Paste("Glo\u{1b}bex\n".to_owned()));
    assert!(driver.screen().contains("1 of 4 shown"), "{}", driver.screen());
}

#[test]
fn q_and_control_c_leave_but_q_can_be_typed() {
    let mut driver = Driver::answered(100, 30);
    driver.press("/q");
    assert!(!driver.left);
    driver.press("<c-c>");
    assert!(driver.left);
    assert!(!Driver::answered(100, 30).press("?q").left, "it finds in the help");
    assert!(Driver::answered(100, 30).press("?q<esc>q").left);
}
