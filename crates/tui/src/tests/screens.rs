//! Screens as a person sees them.

use insta::assert_snapshot;
use mete_core::time::SECOND;
use ratatui::style::{Color, Modifier};

use super::driver::Driver;
use crate::explaining::{Asked, Explained, Figures};
use crate::msg::{Effect, Msg};
use crate::samples::{explained, nanos, now, organization, project};
use crate::theme::Theme;

#[test]
fn organizations_at_160x50() {
    assert_snapshot!(Driver::answered(160, 50).screen());
}

#[test]
fn projects_at_160x50() {
    assert_snapshot!(Driver::answered(160, 50).press("<enter>").screen());
}

#[test]
fn project_at_160x50() {
    assert_snapshot!(Driver::answered(160, 50).press("<enter><enter>").screen());
}

#[test]
fn project_at_60x15() {
    assert_snapshot!(Driver::answered(60, 15).press("<enter><enter>").screen());
}

/// Every tab of a project, and explanations, as a person sees them.
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
    project_overview_in_a_past_month: "<enter><enter><",
    project_usage_by_endpoint: "<enter><enter>5d",
    explain_key: "<enter><enter>je",
    explain_in_a_past_month: ":why support<enter><",
}

#[test]
fn an_explanation_that_nobody_knows_or_that_fails_says_so() {
    let mut driver = Driver::answered(80, 24);
    driver.world.set_explained(None);
    let unknown = driver.press(":why support<enter>").screen();
    let mut driver = Driver::answered(80, 24);
    driver.world.set_down(Some("the store failed: the connection is gone"));
    let failed = driver.press(":why support<enter>").screen();
    assert_snapshot!(format!("{unknown}\n\n{failed}"));
}

#[test]
fn an_explanation_with_long_and_wide_names_and_every_doubt_stays_in_its_place() {
    let mut driver = Driver::answered(80, 24);
    let asked = Asked { key_id: None, project_id: String::new(), month: now().month() };
    let mut told = explained(&asked);
    told.degraded = Some("the store has not answered for 5 minutes".to_owned());
    told.by_daemon = true;
    if let Some(spent_by) = &mut told.spent_by {
        spent_by.spenders.insert(0, ("key", "検索エンジンの評価と夜間バッチ処理".to_owned(), nanos("9223372036")));
    }
    for rule in &mut told.rules {
        if let Figures::Budget { held, overshoot, .. } = &mut rule.figures {
            (*held, *overshoot) = (Some(nanos("2.1")), Some(nanos("1.6")));
        }
    }
    driver.world.set_explained(Some(told));
    assert_snapshot!(driver.press(":why support<enter>").screen());
}

#[test]
fn what_is_let_through_says_so() {
    let mut driver = Driver::answered(100, 30);
    let asked = Asked { key_id: None, project_id: String::new(), month: now().month() };
    driver.world.set_explained(Some(Explained { refused: None, ..explained(&asked) }));
    assert!(driver.press(":why search<enter>").screen().contains("✓ let through"), "{}", driver.screen());
}

#[test]
fn an_explanation_points_at_what_decides_and_keeps_to_what_is_chosen() {
    let mut driver = Driver::answered(100, 30);
    driver.press(":why support<enter>");
    assert!(driver.selection().contains("project budget"), "{}", driver.selection());
    assert!(driver.screen().contains("acts on Support bot"), "{}", driver.screen());
    driver.press("k");
    assert!(driver.screen().contains("acts on Acme"), "{}", driver.screen());
    driver.world.set_projects(vec![project("Support bot", "500", Some("500"))]);
    driver.poll();
    assert!(driver.selection().contains("organization budget"), "{}", driver.selection());
}

#[test]
fn r6_limits_people_and_explanations_hide_what_may_not_be_seen() {
    let mut driver = Driver::silent(120, 40, Theme::new(true, None));
    driver.world.hide_spend();
    driver.poll();
    for keys in ["2", "3", "4", "5", "6", "7", "8", "e"] {
        let screen = driver.press(":project support<enter>").press(keys).screen();
        let seen = ["500.000", "401.22", "179.60", "480.1", "$0.4200"].iter().find(|seen| screen.contains(**seen));
        assert!(seen.is_none(), "{keys}: {seen:?}\n{screen}");
    }
    assert!(driver.press(":project support<enter>8").screen().contains("The audit log is for owners"));
}

#[test]
fn a_tab_asks_for_itself_alone_and_anew() {
    let mut driver = Driver::answered(100, 30);
    driver.press("<enter><enter>");
    driver.send(Msg::Key(super::driver::parse("8")[0]));
    let Some(Effect::Ask { queries, .. }) = driver.pending.last() else { panic!("the tab is asked for") };
    assert_eq!(queries.len(), 3, "{queries:?}");
    assert!(driver.screen().contains("Loading"), "{}", driver.screen());
    driver.settle();
    assert!(driver.screen().contains("project.archived"), "{}", driver.screen());
}

#[test]
fn loading() {
    assert_snapshot!(Driver::silent(80, 24, Theme::new(true, None)).screen());
}

#[test]
fn no_organization_yet() {
    let mut driver = Driver::answered(80, 24);
    driver.world.set_organizations(Vec::new());
    driver.poll();
    assert_snapshot!(driver.screen());
}

#[test]
fn no_archived_project() {
    let mut driver = Driver::answered(80, 24);
    driver.world.set_projects(vec![project("Search", "1", None)]);
    assert_snapshot!(driver.press("<enter>v").screen());
}

#[test]
fn nothing_matches_the_filter() {
    assert_snapshot!(Driver::answered(80, 24).press("/nobody<enter>").screen());
}

#[test]
fn typing_a_filter() {
    assert_snapshot!(Driver::answered(80, 24).press("<enter>/bot").screen());
}

#[test]
fn an_unreachable_store_keeps_what_was_known_with_its_age() {
    let mut driver = Driver::answered(80, 24);
    driver.world.set_down(Some(
        "the store failed: error communicating with database: connection to 10.20.30.40:5432 refused after 3 attempts",
    ));
    driver.wait(12 * SECOND);
    driver.poll();
    assert_snapshot!(driver.screen());
}

#[test]
fn a_store_that_never_answered() {
    let mut driver = Driver::silent(80, 24, Theme::new(true, None));
    driver
        .world
        .set_down(Some("there is no store at sqlite:mete.db: create one with 'mete init --org NAME --owner EMAIL'"));
    driver.poll();
    assert_snapshot!(driver.screen());
}

#[test]
fn a_silent_store_is_stale() {
    let mut driver = Driver::answered(80, 24);
    driver.wait(5 * SECOND);
    let header = driver.screen().lines().next().unwrap().to_owned();
    assert!(header.ends_with("● stale, 5s old"), "{header}");
}

#[test]
fn help_at_80x24() {
    assert_snapshot!(Driver::answered(80, 24).press("<enter>?").screen());
}

#[test]
fn the_banner_at_80x24() {
    let mut driver = Driver::answered(80, 24);
    driver.send(Msg::Banner(
        (1..=4).map(|n| format!("12:31:0{n}  the gate answers 429 project_spend_limit_exceeded")).collect(),
    ));
    assert_snapshot!(driver.press("<enter>").screen());
}

#[test]
fn long_and_wide_and_hostile_names_at_80x24() {
    let mut driver = Driver::answered(80, 24);
    let mut everything =
        project("検索エンジンの評価と夜間バッチ処理のための予算", "9223372036.854775807", Some("9223372036"));
    everything.requests = Some(u64::MAX);
    driver.world.set_projects(vec![
        everything,
        project(&"x".repeat(200), "0.000000001", Some("0.000000002")),
        project("👩‍👩‍👧 family\u{1b}[31mred\u{202e}", "-12.5", None),
    ]);
    assert_snapshot!(driver.press("<enter>").screen());
}

#[test]
fn r6_spend_that_may_not_be_seen() {
    let mut driver = Driver::silent(80, 24, Theme::new(true, None));
    driver.world.hide_spend();
    driver.poll();
    let organizations = driver.screen();
    let projects = driver.press("<enter>").screen();
    let project = driver.press("/bot<enter><enter>").screen();
    for screen in [&organizations, &projects, &project] {
        assert!(
            ["18,204", "500.000", "today $", "320.4", "left $"].iter().all(|seen| !screen.contains(seen)),
            "{screen}"
        );
    }
    assert_snapshot!(format!("{organizations}\n\n{projects}\n\n{project}"));
}

#[test]
fn ten_thousand_rows_scroll_to_the_end() {
    let mut driver = Driver::answered(80, 24);
    let many = (0..10_000).map(|n| project(&format!("Project {n:05}"), &n.to_string(), None)).collect();
    driver.world.set_projects(many);
    driver.press("<enter>ss<pgdn><end><up>");
    assert!(driver.selection().contains("Project 00001"), "{}", driver.selection());
    assert_snapshot!(driver.screen());
}

#[test]
fn too_small() {
    assert_snapshot!(Driver::answered(40, 10).screen());
}

#[test]
fn what_has_just_recovered_says_so_for_a_minute() {
    let mut driver = Driver::answered(80, 24);
    driver.world.set_organizations(vec![organization("Acme", "10", Some("10"))]);
    driver.poll();
    driver.world.set_organizations(vec![organization("Acme", "10", Some("100"))]);
    driver.poll();
    assert!(driver.selection().contains("✓ recovered"), "{}", driver.selection());
    driver.wait(60 * SECOND);
    assert!(driver.selection().contains(" ok"), "{}", driver.selection());
}

/// Rows and styles of the line with the selection.
fn selected_cells(theme: Theme) -> Vec<ratatui::buffer::Cell> {
    let mut driver = Driver::silent(80, 24, theme);
    driver.poll();
    let buffer = driver.buffer();
    let rows = 0..buffer.area.height;
    let y = rows.into_iter().find(|y| buffer[(1, *y)].symbol() == "▸").unwrap();
    (1..79).map(|x| buffer[(x, y)].clone()).collect()
}

#[test]
fn without_colour_the_selection_is_reversed_and_signed_and_nothing_has_a_colour() {
    let cells = selected_cells(Theme::new(true, None));
    assert!(cells.iter().all(|cell| (cell.fg, cell.bg) == (Color::Reset, Color::Reset)));
    let first = cells.iter().take_while(|cell| cell.modifier.contains(Modifier::REVERSED)).count();
    assert!(first >= 16, "the sign and the name are reversed: {first} columns");
    let rest = &cells[first..];
    let bar = rest.iter().filter(|cell| "█▎░".contains(cell.symbol()));
    assert!(bar.count() > 5 && rest.iter().all(|cell| !cell.modifier.contains(Modifier::REVERSED)));
    assert!(rest.iter().all(|cell| cell.modifier.contains(Modifier::BOLD)));
}

#[test]
fn with_a_known_background_the_selection_has_its_own_and_states_have_colours() {
    for (light, background) in [(false, Color::Indexed(237)), (true, Color::Indexed(253))] {
        let cells = selected_cells(Theme::new(false, Some(light)));
        assert!(cells.iter().all(|cell| cell.bg == background));
        let refused = cells.iter().find(|cell| cell.symbol() == "▲").unwrap();
        assert_eq!(refused.fg, Color::Red);
    }
}
