//! Lists of people, keys, alerts, blocks and the audit log, as a person sees them and as they are paged.

use insta::assert_snapshot;

use super::driver::{Driver, parse};
use crate::msg::{Effect, Msg};
use crate::samples::{audit, many_keys};
use crate::theme::Theme;

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
    keys_of_a_status: ":keys status=revoked<enter>";
}

#[test]
fn the_wide_screen_has_facts_beside() {
    for jump in ["keys", "members", "invites", "alerts", "blocks"] {
        let of = if jump == "members" { " Acme" } else { "" };
        let mut driver = Driver::answered(160, 24);
        assert_snapshot!(format!("{jump}_at_160x24"), driver.press(&format!(":{jump}{of}<enter>")).screen());
    }
}

#[test]
fn without_colour_every_refused_one_has_a_sign() {
    let mut driver = Driver::silent(80, 24, Theme::new(true, None));
    driver.poll();
    let screen = driver.press(":blocks<enter>").screen();
    assert!(screen.contains("■ ci-runner") && screen.contains("▲ Support bot"), "{screen}");
    let screen = driver.press(":audit<enter>").screen();
    assert!(screen.contains("▲ project.arch") && screen.contains('✓'), "{screen}");
}

#[test]
fn of_many_keys_only_those_around_the_selection_are_known() {
    let mut driver = Driver::answered(100, 30);
    driver.world.set_keys(many_keys(2000));
    driver.press(":keys<enter>");
    let known = |driver: &mut Driver| driver.model.trail.top_mut().screen.list().counts().1;
    assert!(driver.screen().contains("the first 400 · by used ↓"), "{}", driver.screen());
    // every key once, in order, up and down
    for place in 0..1000 {
        assert!(driver.selection().contains(&format!("key {place:05}")), "{place}: {}", driver.selection());
        driver.press("j");
        assert!(known(&mut driver) <= 400);
    }
    assert!(driver.screen().contains("400 in the middle"), "{}", driver.screen());
    for place in (0..=1000).rev() {
        assert!(driver.selection().contains(&format!("key {place:05}")), "{place}: {}", driver.selection());
        driver.press("k");
    }
    assert!(driver.screen().contains("the first 400"), "{}", driver.screen());
    driver.press("G");
    assert!(
        driver.selection().contains("key 01999") && driver.screen().contains("the last 400"),
        "{}",
        driver.screen()
    );
    driver.press("g");
    assert!(driver.selection().contains("key 00000"), "{}", driver.selection());
    assert!(driver.pending.is_empty());
}

#[test]
fn of_many_keys_the_store_sorts_and_filters() {
    let mut driver = Driver::answered(100, 30);
    driver.world.set_keys(many_keys(2000));
    driver.press(":keys<enter>sss");
    assert!(driver.screen().contains("by key ↑"), "{}", driver.screen());
    driver.press("/01999<enter>");
    assert!(driver.selection().contains("key 01999"), "{}", driver.screen());
    driver.press("<esc>/state:revoked<enter>");
    assert!(driver.screen().contains("20 · by key ↑"), "{}", driver.screen());
    driver.press("<esc>");
    assert!(driver.screen().contains("the first 400 · by key ↑"), "{}", driver.screen());
    driver.press(":keys owner=nobody<enter>");
    assert!(driver.screen().contains("Nothing matches \"owner:nobody\""), "{}", driver.screen());
    driver.press(":keys status=revoked<enter>");
    assert!(driver.screen().contains(" 20 · by used ↓ · /state:revoked"), "{}", driver.screen());
}

#[test]
fn a_page_that_comes_too_late_is_dropped_and_held_keys_ask_once() {
    let mut driver = Driver::answered(100, 30);
    driver.world.set_keys(many_keys(2000));
    driver.press(":keys<enter>");
    for _ in 0..15 {
        driver.send(Msg::Key(parse("<pgdn>")[0]));
    }
    let asked = driver.pending.iter().filter(|effect| matches!(effect, Effect::Ask { .. })).count();
    assert_eq!(asked, 1);
    // what was asked first is answered after something else is wanted
    driver.send(Msg::Key(parse("g")[0]));
    driver.send(Msg::Key(parse("G")[0]));
    driver.settle();
    assert!(driver.selection().contains("key 01999"), "{}", driver.selection());
}

#[test]
fn a_key_leads_to_its_owner_its_project_and_the_audit_log() {
    let mut driver = Driver::answered(160, 30);
    driver.press(":keys<enter>o");
    assert!(driver.screen().starts_with(" mete › keys › keys of dana@acme.test "), "{}", driver.screen());
    driver.press("<enter>A");
    assert!(driver.screen().contains("› Support bot › audit of Support bot "), "{}", driver.screen());
    driver.press("<enter>o");
    assert!(driver.screen().contains("audit by dana@acme.test"), "{}", driver.screen());
    driver.press(":members Acme<enter><enter>");
    assert!(driver.screen().starts_with(" mete › members of Acme › keys of nightly-eval "), "{}", driver.screen());
    driver.press(":blocks<enter>o");
    assert!(driver.screen().starts_with(" mete › blocks › keys of dana@acme.test "), "{}", driver.screen());
}

#[test]
fn r42_an_entry_that_was_changed_stands_out() {
    let mut driver = Driver::answered(100, 30);
    let mut entries = audit();
    entries[2].record.change = serde_json::json!({"before": {"budget": "300"}, "after": {"budget": "900"}});
    driver.world.set_audit(entries.clone());
    let screen = driver.press(":audit<enter>").screen();
    assert!(screen.contains("Audit · ▲ 1 broken"), "{screen}");
    assert!(driver.press("jj<enter>").screen().contains("▲ BROKEN"), "{}", driver.screen());
    // one is gone
    let mut entries = audit();
    entries.remove(1);
    entries[0].seq = 3;
    driver.world.set_audit(entries);
    driver.poll();
    assert!(driver.press(":audit<enter>").screen().contains("Audit · ▲ 1 broken"), "{}", driver.screen());
}
