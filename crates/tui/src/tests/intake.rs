//! What comes in, as a person sees it: sources, the quarantine, events, settings.

use insta::assert_snapshot;
use mete_core::time::SECOND;
use mete_tests::{TestStore, each_engine};

use super::driver::Driver;
use crate::data::{DataSource, Query, Seen};
use crate::deeds::tests::Bench;
use crate::samples::intake::{entry, event, events, quarantine};
use crate::samples::now;

macro_rules! pictures {
    ($($name:ident: $keys:literal),+ $(,)?) => {$(
        #[test]
        fn $name() {
            for (width, height) in [(80, 24), (120, 40)] {
                let screen = Driver::answered(width, height).press($keys).screen();
                assert_snapshot!(format!("{}_at_{width}x{height}", stringify!($name)), screen);
            }
        }
    )+};
}

pictures! {
    sources_in_trouble: ":sources<enter>!",
    a_source: ":sources<enter>/access<enter><enter>",
    a_source_that_is_no_file: ":sources<enter>/litellm<enter><enter><tab>",
    quarantine_of_a_reason: ":quarantine<enter><enter>",
    an_entry: ":quarantine<enter><tab><enter>",
    an_entry_of_a_long_line: ":quarantine<enter><tab>j<enter>",
    an_entry_that_would_act: ":quarantine<enter><tab>jj<enter>",
    events_on_the_next_page: ":events<enter>}",
}

#[test]
fn new_events_come_on_top_and_the_selection_stays_on_its_own() {
    let mut driver = Driver::answered(100, 30);
    driver.press(":events<enter>jj");
    let selected = driver.selection();
    let mut more = events();
    more.insert(0, event(0, ("Support bot", "gpt-5", "0.5")));
    driver.world.set_events(more);
    driver.poll();
    assert!(driver.screen().contains("gpt-5"), "{}", driver.screen());
    assert_eq!(driver.selection(), selected);
}

#[test]
fn a_frozen_tail_stands_still_and_its_pages_can_be_turned() {
    let mut driver = Driver::answered(100, 30);
    driver.press(":events<enter>z");
    let mut more = events();
    more.insert(0, event(0, ("Support bot", "gpt-5", "0.5")));
    driver.world.set_events(more);
    driver.poll();
    assert!(!driver.screen().contains("gpt-5"), "{}", driver.screen());
    driver.press("}");
    assert!(driver.screen().contains("page 2"), "{}", driver.screen());
    driver.press("{z");
    driver.poll();
    assert!(driver.screen().contains("gpt-5"), "{}", driver.screen());
}

#[test]
fn every_event_is_on_one_page() {
    let mut driver = Driver::answered(100, 30);
    driver.press(":events<enter>");
    let mut seen = 0;
    for _ in 0..5 {
        let (_, rows) = driver.model.trail.top_mut().screen.list().counts();
        seen += rows;
        if !driver.screen().contains("· } older") {
            break;
        }
        driver.press("}");
    }
    assert_eq!(seen, events().len());
}

#[test]
fn an_answer_for_the_page_before_is_not_taken_for_the_one_turned_to() {
    let mut driver = Driver::answered(100, 30);
    driver.press(":events<enter>");
    driver.move_on(50);
    driver.send(crate::msg::Msg::Key(super::driver::parse("}")[0]));
    driver.settle();
    driver.poll();
    assert!(driver.screen().contains("page 2 "), "{}", driver.screen());
    assert!(driver.selection().contains("3m"), "201 seconds ago and more\n{}", driver.screen());
}

#[test]
fn r34_an_entry_that_leaves_while_it_is_looked_at_says_so() {
    let mut driver = Driver::answered(80, 24);
    driver.press(":quarantine<enter><tab><enter>");
    driver.world.set_quarantine(Vec::new());
    driver.poll();
    assert!(driver.screen().contains("It has left the quarantine"), "{}", driver.screen());
}

#[test]
fn r15_raw_text_is_inert_and_without_keys_at_any_size() {
    let hostile: String = (0..=0x9f_u32).filter_map(char::from_u32).collect();
    let text = format!("{hostile}sk-proj-0123456789abcdefghij{}", "x".repeat(60_000));
    for (width, height) in [(60, 15), (80, 24), (200, 60)] {
        let mut driver = Driver::answered(width, height);
        let mut all = quarantine();
        all.insert(0, entry(0, ("bad_number", &hostile), (text.as_bytes(), Some(40))));
        driver.world.set_quarantine(all);
        driver.poll();
        for keys in [":quarantine<enter><tab>", "<enter>"] {
            let screen = driver.press(keys).screen();
            assert!(!screen.chars().any(|c| c.is_control() && c != '\n'), "{screen:?}");
            assert!(!screen.contains("sk-proj-0"), "{screen}");
        }
    }
}

#[test]
fn a_source_is_silent_once_it_pauses_longer_than_usual() {
    let mut driver = Driver::answered(80, 24);
    driver.press(":sources<enter>");
    assert!(driver.screen().contains("● 1 silent"), "{}", driver.screen());
    assert!(driver.selection().contains("● silent 9m"), "{}", driver.screen());
    driver.press("<");
    assert!(!driver.screen().contains("envoy-1"), "{}", driver.screen());
}

#[test]
fn events_are_filtered_by_what_they_cost() {
    let mut driver = Driver::answered(120, 40);
    driver.press(":events<enter>/cost>1 model:claude<enter>");
    assert!(driver.screen().contains("67 of 200 shown"), "{}", driver.screen());
    driver.wait(SECOND);
    assert!(driver.selection().contains("Eval nightly"), "{}", driver.screen());
}

each_engine! {
    async fn r6_r34_what_comes_in_is_the_operators_to_see(place: &TestStore) -> anyhow::Result<()> {
        let bench = Bench::open(place).await?;
        let queries = [Query::Sources(now().month()), Query::QuarantineCounts, Query::QuarantineEntry(1), Query::Settings];
        for email in ["", "kim@acme.test", "dana@acme.test"] {
            let actor = if email.is_empty() { bench.doer.actor.clone() } else { bench.person(email).await? };
            let clock = std::sync::Arc::clone(&bench.doer.clock);
            let seen = Seen { store: bench.doer.store.clone(), actor, clock, explaining: None };
            for query in queries.clone() {
                let told = seen.ask(query.clone()).await;
                assert_eq!(told.is_ok(), email.is_empty(), "{email} asks {query:?}: {told:?}");
            }
        }
        Ok(())
    }
}
