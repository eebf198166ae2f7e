use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use mete_core::limits::Limits;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::*;
use crate::samples::{nanos, now};
use crate::tests::driver::{parse, text};
use crate::theme::Theme;

fn press(form: &mut Form, keys: &str) -> Outcome {
    parse(keys).iter().map(|key| form.key(key, now())).last().unwrap_or(Outcome::Stay)
}

fn screen(form: &Form, width: u16, height: u16) -> String {
    let area = Rect::new(0, 0, width, height);
    let mut buffer = Buffer::empty(area);
    form.draw(&mut buffer, area, (&Theme::new(true, None), now()));
    text(&buffer)
}

fn budget() -> Form {
    let above = Some(Limits { budget: Some(nanos("100")), threshold: None });
    Form::new("Budget of Support bot", "set it")
        .telling("Spent in November 2026: $500.00.")
        .with(Field::text("budget", "Monthly budget", Rule::Budget(above)).preset("50").hint("in dollars"))
        .with(Field::yes_no("lower", "Lower parts").hint("lowers them along"))
}

#[test]
fn r24_what_is_typed_is_checked_as_it_is_typed_in_the_words_of_core() {
    let mut form = budget();
    press(&mut form, "0");
    assert!(screen(&form, 80, 24).contains("▲ a project's budget cannot be above its"), "{}", screen(&form, 80, 24));
    assert_eq!(press(&mut form, "<enter>"), Outcome::Stay, "what is wrong is not sent");
    press(&mut form, "<backspace>");
    assert!(!screen(&form, 80, 24).contains('▲'));
    press(&mut form, "x");
    assert!(screen(&form, 80, 24).contains("is no amount of dollars"));
    press(&mut form, "<backspace>.5");
    assert_eq!((press(&mut form, "<enter>"), form.amount("budget")), (Outcome::Send, Ok(Some(nanos("50.5")))));
    for (typed, amount) in [("none", None), ("", None), ("$7", Some(nanos("7")))] {
        let form = Form::new("", "").with(Field::text("budget", "", Rule::Budget(None)).preset(typed));
        assert_eq!(form.amount("budget"), Ok(amount), "{typed}");
    }
}

#[test]
fn tab_goes_round_and_choices_are_made_by_arrows_space_and_letters() {
    let mut form = Form::new("Add to Support", "add")
        .with(Field::choice("who", "Who", ["ann", "bob", "Björn"].map(Item::word).to_vec()))
        .with(Field::yes_no("sure", "Sure"));
    press(&mut form, "bj");
    assert_eq!(form.text("who"), "Björn");
    press(&mut form, "<backspace><backspace>a");
    assert_eq!(form.text("who"), "ann");
    press(&mut form, "<tab> ");
    assert!(form.yes("sure"));
    press(&mut form, " ");
    assert!(!form.yes("sure"));
    press(&mut form, "<tab><tab><right>");
    assert_eq!(form.text("who"), "bob");
    form.key(&KeyEvent::new(KeyCode::BackTab, KeyModifiers::SHIFT), now());
    assert!(form.is_at_the_end(), "the last line comes before the first field");
    assert_eq!(press(&mut form, "<esc>"), Outcome::Close);
}

#[test]
fn each_of_several_has_a_level() {
    let groups = ["models", "chat_completions", "files"].map(Item::word).to_vec();
    let mut form = Form::new("Edit", "save")
        .with(Field::levels("scopes", "Grants", (groups, &["none", "read", "write"])).at_level("files", "read"));
    press(&mut form, "<down>  ");
    assert_eq!(form.levels("scopes"), [("chat_completions".to_owned(), "write"), ("files".to_owned(), "read")]);
    press(&mut form, "<down><right><right><right><down>");
    assert!(form.is_at_the_end(), "from the last item on, down leads out");
    assert_eq!(form.levels("scopes")[1], ("files".to_owned(), "write"));
}

#[test]
fn a_deliberate_form_takes_y_at_its_end_and_never_enter_alone() {
    let mut form = Form::new("Block Support", "block it").careful(Care::Deliberate).with(Field::text(
        "reason",
        "Reason",
        Rule::Reason,
    ));
    assert_eq!(press(&mut form, "<enter><enter><enter>"), Outcome::Stay);
    assert_eq!(press(&mut form, "y"), Outcome::Stay, "a reason is missing");
    assert!(screen(&form, 80, 24).contains("▲ a reason is needed"));
    assert_eq!(
        (press(&mut form, "why"), form.text("reason")),
        (Outcome::Stay, "why".to_owned()),
        "y is a letter there"
    );
    assert_eq!(press(&mut form, "<enter>y"), Outcome::Send);
}

#[test]
fn r21_a_typed_name_has_to_be_exact() {
    let mut form = Form::new("Archive Support", "archive").careful(Care::Typed).with(Field::text(
        "name",
        "Its name",
        Rule::Exactly("Support".to_owned()),
    ));
    assert_eq!(press(&mut form, "support<enter><enter>"), Outcome::Stay);
    assert!(screen(&form, 80, 24).contains("▲ type \"Support\", exactly"));
    form.paste("\u{1b}");
    assert_eq!(press(&mut form, "<tab>"), Outcome::Stay);
    let mut form = Form { fields: vec![Field::text("name", "", Rule::Exactly("S".to_owned()))], ..form };
    form.focus = 0;
    assert_eq!(press(&mut form, "S<enter><enter>"), Outcome::Send);
}

#[test]
fn pasted_text_goes_into_a_line_and_never_acts_as_keys() {
    let mut form = budget();
    press(&mut form, "<backspace><backspace>");
    form.paste("2\u{1b}5\n\t");
    assert_eq!(form.text("budget"), "25");
    press(&mut form, "<tab>");
    form.paste("yes");
    assert!(!form.yes("lower"), "there is no line to paste into");
}

#[test]
fn wide_characters_are_never_halved_and_the_cursor_stays_in_sight() {
    let mut form = Form::new("New project", "make it").with(Field::text("name", "Name", Rule::Name));
    form.paste(&"検索エンジン".repeat(9));
    let shown = screen(&form, 80, 24);
    assert!(shown.contains("…") && shown.contains("エンジン"), "{shown}");
    for _ in 0..60 {
        form.key(&KeyEvent::new(KeyCode::Left, KeyModifiers::NONE), now());
    }
    assert!(screen(&form, 80, 24).contains("検索エンジン検索"), "{}", screen(&form, 80, 24));
}

#[test]
fn nothing_typed_is_lost_when_it_is_refused() {
    let mut form = budget();
    press(&mut form, "<enter>");
    form.begin();
    assert!(screen(&form, 80, 24).contains("… it is being done"));
    press(&mut form, "99");
    form.refuse("the budget is above it: lower these first".to_owned());
    let shown = screen(&form, 80, 24);
    assert!(shown.contains("▲ the budget is above it: lower these first") && form.text("budget") == "50", "{shown}");
}

#[test]
fn a_form_that_is_higher_than_the_screen_shows_what_has_the_keys() {
    let mut form = Form::new("Long", "do it");
    for label in ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"] {
        form = form.with(Field::text(label, label, Rule::Description).hint("a hint"));
    }
    let first = screen(&form, 60, 8);
    assert!(first.contains("▸ one") && !first.contains("nine") && first.contains('↓'), "{first}");
    press(&mut form, "<tab><tab><tab><tab><tab><tab><tab><tab>");
    let later = screen(&form, 60, 8);
    assert!(later.contains("▸ nine") && later.contains("a hint") && later.contains('↑'), "{later}");
    press(&mut form, "<tab><tab>");
    assert!(screen(&form, 60, 8).contains("do it"));
}

mod any_keys {
    use proptest::prelude::*;

    use super::*;

    const KEYS: &[&str] = &["<enter>", "<tab>", "<up>", "<down>", "<backspace>", "y", " ", "a", "検", "5", "."];

    proptest! {
        #[test]
        fn never_send_a_deliberate_form_that_is_incomplete(
            keys in prop::collection::vec(prop::sample::select(KEYS), 0..30),
            (width, height) in (20_u16..100, 3_u16..30),
        ) {
            let mut form = Form::new("Block Support", "block it")
                .careful(Care::Deliberate)
                .with(Field::text("until", "Until", Rule::Until))
                .with(Field::text("reason", "Reason", Rule::Reason));
            for key in keys {
                if press(&mut form, key) == Outcome::Send {
                    prop_assert!(key == "y" && !form.text("reason").trim().is_empty());
                    prop_assert!(form.until("until", now()).is_ok());
                }
                screen(&form, width, height);
            }
        }
    }
}
