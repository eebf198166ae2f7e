//! What lies on top of a screen, as a person sees it.

use insta::assert_snapshot;
use mete_core::time::SECOND;

use super::driver::Driver;
use crate::msg::{Effect, Msg};
use crate::samples::project;

/// A snapshot at both sizes after the same keys.
macro_rules! at_both_sizes {
    ($($name:ident: $keys:literal;)*) => {$(
        #[test]
        fn $name() {
            for (width, height) in [(80, 24), (120, 40)] {
                let name = format!("{}_at_{width}x{height}", stringify!($name));
                assert_snapshot!(name, Driver::answered(width, height).press($keys).screen());
            }
        }
    )*};
}

at_both_sizes! {
    help: "<enter>?";
    help_found: "<enter>?month";
    palette: "<enter><c-p>";
    palette_found: "<enter><c-p>srt";
    jump: ":";
    jump_with_names: ":project s";
    jump_to_nothing: ":project nobody<enter>";
    months: "m";
    columns: "<enter>c";
    columns_changed: "<enter>cjj JK+s";
    export: "<enter>w";
    a_wrong_filter: "<enter>/spend>x";
    a_filter_to_complete: "<enter>/thr";
    only_faults: "<enter>!";
    frozen: "z";
}

#[test]
fn what_is_frozen_stands_still_until_it_goes_on() {
    let mut driver = Driver::answered(100, 30);
    driver.press("<enter>z");
    let rows = |driver: &Driver| driver.screen().lines().filter(|line| line.contains('$')).count();
    let before = rows(&driver);
    driver.world.set_projects(vec![project("New", "1", None)]);
    driver.poll();
    driver.wait(5 * SECOND);
    driver.press("r");
    assert!(driver.screen().contains("‖ frozen, 5s old") && !driver.screen().contains("New"), "{}", driver.screen());
    assert_eq!(rows(&driver), before);
    driver.press("<esc><enter>");
    assert!(driver.screen().contains("New"), "what was never seen is asked for: {}", driver.screen());
    driver.press("[]z");
    assert!(driver.screen().contains("● live") && driver.screen().contains("New"), "{}", driver.screen());
}

#[test]
fn an_answer_under_way_while_it_is_frozen_is_asked_again_later() {
    let mut driver = Driver::answered(100, 30);
    driver.world.set_organizations(vec![crate::samples::organization("Umbrella", "7", None)]);
    driver.move_on(7);
    driver.send(Msg::Key(super::driver::parse("z")[0]));
    driver.settle();
    assert!(!driver.screen().contains("Umbrella"), "{}", driver.screen());
    driver.press("z");
    assert!(driver.screen().contains("Umbrella"), "{}", driver.screen());
}

#[test]
fn a_month_is_chosen_among_those_with_spend() {
    let mut driver = Driver::answered(100, 30);
    driver.press("m");
    assert!(driver.screen().contains("$22,325") && !driver.screen().contains("October"), "{}", driver.screen());
    driver.press("<esc><m<enter>");
    assert!(driver.screen().contains("November 2026 UTC · 7d"), "{}", driver.screen());
}

/// What a key wants written.
fn written(driver: &mut Driver, key: &str) -> (String, String) {
    driver.send(Msg::Key(super::driver::parse("w")[0]));
    driver.send(Msg::Key(super::driver::parse(key)[0]));
    let written = driver.pending.drain(..).find_map(|effect| match effect {
        Effect::Write { name, contents } => Some((name, contents)),
        _ => None,
    });
    written.unwrap()
}

#[test]
fn what_is_on_the_screen_is_written_exactly_and_its_path_is_shown() {
    let mut driver = Driver::answered(100, 30);
    driver.press("<enter>/spend>1<enter>");
    let (name, csv) = written(&mut driver, "c");
    assert_eq!(name, "mete-projects-2026-11-20261123T123100Z.csv");
    assert_snapshot!("csv", csv);
    let (_, json) = written(&mut driver, "j");
    assert_snapshot!("json", json);
    let (name, text) = written(&mut driver, "t");
    assert_eq!(
        (name.as_str(), text.trim_end()),
        ("mete-projects-2026-11-20261123T123100Z.txt", driver.screen().trim_end())
    );
    let (_, svg) = written(&mut driver, "s");
    assert!(svg.contains("Support bot") && svg.contains("viewBox=\"0 0 900 540\""));
    driver.send(Msg::Written(Ok("/home/pat/mete-projects.csv".to_owned())));
    assert!(driver.screen().ends_with("written: /home/pat/mete-projects.csv"), "{}", driver.screen());
    driver.press("j");
    assert!(!driver.screen().contains("written"));
}
