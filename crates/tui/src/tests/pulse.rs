//! The first screen.

use insta::assert_snapshot;
use mete_core::manual_block::ManualBlockKind;
use mete_core::time::SECOND;

use super::driver::Driver;
use crate::msg::{Effect, Msg};
use crate::samples::{at, block, nanos, organization, project};
use crate::theme::Theme;

const SIZES: [(u16, u16); 2] = [(80, 24), (120, 40)];

/// A snapshot at both sizes.
fn at_both_sizes(name: &str, prepare: impl Fn(&mut Driver)) {
    for (width, height) in SIZES {
        let mut driver = Driver::silent_at_home(width, height, Theme::new(true, None));
        prepare(&mut driver);
        assert_snapshot!(format!("{name}_at_{width}x{height}"), driver.screen());
    }
}

#[test]
fn full() {
    at_both_sizes("full", |driver| {
        let mut acme = organization("Acme", "18204.112", Some("25000"));
        acme.limits.threshold = Some(nanos("20000"));
        driver.world.set_organizations(vec![acme]);
        driver.poll();
    });
}

#[test]
fn several_organizations_not_all_with_budgets() {
    at_both_sizes("several", Driver::poll);
}

#[test]
fn wide_and_low_and_smallest() {
    for (width, height) in [(160, 50), (120, 24), (60, 15)] {
        assert_snapshot!(format!("pulse_at_{width}x{height}"), Driver::at_home(width, height).screen());
    }
    assert_snapshot!("needs_at_60x15", Driver::at_home(60, 15).press("<tab>").screen());
}

#[test]
fn loading() {
    at_both_sizes("loading", |_| {});
}

#[test]
fn a_store_that_never_answered() {
    at_both_sizes("error", |driver| {
        driver.world.set_down(Some("there is no store at sqlite:mete.db: create one with 'mete init --org NAME'"));
        driver.poll();
    });
}

#[test]
fn no_organization_yet() {
    at_both_sizes("empty", |driver| {
        driver.world.set_organizations(Vec::new());
        driver.world.set_projects(Vec::new());
        driver.poll();
    });
}

#[test]
fn nothing_is_wrong_and_nothing_was_spent() {
    at_both_sizes("quiet", |driver| {
        driver.world.set_organizations(vec![organization("Acme", "0", Some("100"))]);
        driver.world.set_projects(vec![project("Search", "0", None)]);
        driver.poll();
    });
}

#[test]
fn a_month_that_is_over() {
    at_both_sizes("over", |driver| {
        driver.poll();
        driver.press("<");
    });
}

#[test]
fn long_and_wide_and_hostile_names() {
    at_both_sizes("hostile", |driver| {
        let mut refused =
            project("検索エンジンの評価と夜間バッチ処理のための予算", "9223372036.854775807", Some("9223372036"));
        refused.blocked_since = Some(at("12:04:31"));
        driver.world.set_organizations(vec![organization(
            "👩‍👩‍👧 family\u{1b}[31mred\u{202e}",
            "9223372036.854775807",
            Some("0.000000001"),
        )]);
        driver.world.set_projects(vec![
            refused,
            project(&"x".repeat(200), "0.000000001", Some("0.000000002")),
            project("👩‍👩‍👧 family\u{1b}[31mred\u{202e}", "-12.5", None),
        ]);
        driver.poll();
    });
}

#[test]
fn r6_spend_that_may_not_be_seen() {
    at_both_sizes("unseen", |driver| {
        driver.world.hide_spend();
        driver.poll();
        let screen = driver.screen();
        assert!(
            ["18,204", "22,325", "500.00 of", "today $", "now $"].iter().all(|it| !screen.contains(it)),
            "{screen}"
        );
    });
}

#[test]
fn enter_leads_to_the_project_and_tab_to_what_needs_somebody() {
    let mut driver = Driver::at_home(120, 40);
    assert!(driver.screen().starts_with(" mete › pulse "), "{}", driver.screen());
    driver.press("/nightly<enter><enter>");
    assert!(driver.screen().starts_with(" mete › Eval nightly "), "{}", driver.screen());
    driver.press("<esc><esc><tab>");
    assert!(driver.selection().contains("▲ Support bot"), "refused comes first: {}", driver.selection());
    driver.press("<enter>");
    assert!(driver.screen().starts_with(" mete › Support bot "), "{}", driver.screen());
    driver.press("<esc>/globex<enter><enter>");
    assert!(driver.screen().starts_with(" mete › Globex "), "its projects: {}", driver.screen());
    driver.press("<esc><esc>:orgs<enter>");
    assert!(driver.screen().starts_with(" mete › organizations "), "{}", driver.screen());
    driver.press("<esc>:home<enter>");
    assert!(driver.screen().starts_with(" mete › pulse "), "{}", driver.screen());
    assert!(driver.press("q").left);
}

#[test]
fn what_needs_somebody_is_told_once_the_gravest_first() {
    let mut driver = Driver::at_home(120, 40);
    let mut blocked = project("Search", "4120.9", Some("6000"));
    blocked.manual_blocks = vec![block(ManualBlockKind::Block, &blocked.project.id)];
    let mut refused = project("Support bot", "500.000214", Some("500"));
    refused.blocked_since = Some(at("12:04:31"));
    let near = project("Indexer", "85", Some("100"));
    driver.world.set_projects(vec![near, blocked, project("Eval nightly", "299", Some("300")), refused]);
    driver.poll();
    let screen = driver.press("<tab>").screen();
    let place = |words: &str| screen.find(words).unwrap_or_else(|| panic!("{words:?} is not to be seen in\n{screen}"));
    assert!(place("▲ Support bot") < place("● Eval nightly"));
    assert!(place("● Eval nightly") < place("● envoy-1") && place("● envoy-1") < place("● quarantine"));
    assert!(screen.contains("refused 26m") && screen.contains("silent 9m"), "{screen}");
    assert_eq!(screen.matches("Support bot").count(), 2, "its alerts say the same: {screen}");
    assert!(screen.contains("■ blocked"), "{screen}");
}

#[test]
fn figures_are_asked_again_though_nothing_is_written() {
    let mut driver = Driver::at_home(80, 24);
    driver.now = driver.now.plus(9 * SECOND);
    driver.poll();
    let answered = driver.model.top().asking.answered_at();
    driver.now = driver.now.plus(SECOND);
    driver.poll();
    assert_eq!(driver.model.top().asking.answered_at(), Some(driver.now), "last {answered:?}");
    driver.press(":orgs<enter>");
    let answered = driver.model.top().asking.answered_at();
    driver.now = driver.now.plus(60 * SECOND);
    driver.poll();
    assert_eq!(driver.model.top().asking.answered_at(), answered, "a list changes only with the store");
    driver.press("<esc>z");
    driver.now = driver.now.plus(60 * SECOND);
    let versions = driver.model.link.versions().unwrap();
    driver.send(Msg::Versions(Ok(versions)));
    assert!(!driver.pending.iter().any(|effect| matches!(effect, Effect::Ask { .. })), "it stands still");
}

#[test]
fn what_is_selected_can_be_acted_on() {
    let driver = Driver::at_home(120, 40);
    let targets = driver.model.top().screen.targets();
    let kinds: Vec<_> = targets.iter().map(std::mem::discriminant).collect();
    assert_eq!(kinds.len(), 3, "the project, its organization, the deployment");
}
