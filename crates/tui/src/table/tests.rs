use proptest::prelude::*;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{Column, ColumnChange, Figure, List, Move, Row, Slot, Table, Value};
use crate::look::Look;
use crate::piece::piece;
use crate::theme::{Theme, Tone};

#[derive(Clone, Debug)]
struct Item {
    id: String,
    size: u32,
    under: Option<String>,
}

impl Row for Item {
    fn id(&self) -> &str {
        &self.id
    }

    fn searched(&self) -> String {
        format!("Item {}", self.id)
    }

    fn under(&self) -> Option<&str> {
        self.under.as_deref()
    }
}

static COLUMNS: [Column<Item>; 3] = [
    Column::<Item>::words("NAME", 6, |item, _| vec![piece(item.id.as_str(), Tone::Plain)], |a, b| a.id.cmp(&b.id))
        .growing(12)
        .kept(),
    Column::numbers(
        "SIZE",
        6,
        |item, _| vec![piece(item.size.to_string(), Tone::Plain)],
        Figure::Count(|item| Some(item.size.into())),
    ),
    Column::<Item>::words("STATE", 5, |_, _| vec![piece("ok", Tone::Plain)], |_, _| std::cmp::Ordering::Equal).kept(),
];

fn item(id: impl std::fmt::Display, size: u32) -> Item {
    Item { id: format!("{id}"), size, under: None }
}

fn table(items: Vec<Item>) -> Table<Item> {
    let mut table = Table::new(&COLUMNS, 1);
    table.arrange(Rect::new(0, 0, 40, 8));
    table.set_rows(items);
    table
}

fn order(table: &Table<Item>) -> Vec<&str> {
    table.shown().map(|item| item.id.as_str()).collect()
}

fn selected(table: &Table<Item>) -> Option<&str> {
    table.selected().map(|item| item.id.as_str())
}

fn drawn(table: &Table<Item>, width: u16, height: u16) -> Vec<String> {
    let area = Rect::new(0, 0, width, height);
    let mut buffer = Buffer::empty(area);
    let theme = Theme::new(true, None);
    let look = Look {
        theme: &theme,
        now: crate::samples::now(),
        month: crate::samples::now().month(),
        arrival: crate::look::Arrival::Here,
        focused: true,
    };
    table.draw(&mut buffer, area, vec![piece("Items", Tone::Plain)], "None.", &look);
    (0..height).map(|y| (0..width).map(|x| buffer[(x, y)].symbol()).collect()).collect()
}

#[test]
fn numbers_start_with_the_largest_words_with_a() {
    let mut table = table(vec![item("b", 2), item("a", 3), item("c", 2)]);
    assert_eq!(order(&table), ["a", "b", "c"]);
    table.sort_reverse();
    assert_eq!(order(&table), ["b", "c", "a"], "equals stay in the order of their ids");
    table.sort_next();
    table.sort_next();
    assert_eq!(table.sort.column, 0, "the last column is followed by the first");
    assert_eq!(order(&table), ["a", "b", "c"]);
}

#[test]
fn the_selection_stays_on_its_row_through_refresh_sort_and_filter() {
    let mut table = table((0..20).map(|n| item(n, n)).collect());
    table.step(Move::Down);
    assert_eq!(selected(&table), Some("18"));
    table.set_rows((0..20).map(|n| item(n, 100 - n)).collect());
    assert_eq!(selected(&table), Some("18"));
    table.sort_reverse();
    assert_eq!(selected(&table), Some("18"));
    table.set_filter("1");
    assert_eq!(selected(&table), Some("18"));
    table.set_rows((0..17).map(|n| item(n, n)).collect());
    assert!(selected(&table).is_some(), "the row is gone: another takes its place");
}

#[test]
fn a_row_gone_and_back_again_is_selected_again_only_if_nothing_else_was_shown_between() {
    let mut table = table(vec![item("a", 2), item("b", 1)]);
    table.step(Move::Last);
    table.set_rows(Vec::new());
    assert_eq!(selected(&table), None);
    table.set_rows(vec![item("a", 2), item("b", 1)]);
    assert_eq!(selected(&table), Some("b"));
}

#[test]
fn filters_ignore_case_and_can_be_inverse() {
    let mut table = table(vec![item("Alpha", 1), item("beta", 2), item("gamma", 3)]);
    table.set_filter("ALPH");
    assert_eq!(order(&table), ["Alpha"]);
    table.set_filter("!alph");
    assert_eq!(order(&table), ["gamma", "beta"]);
    table.set_filter("!");
    assert_eq!(order(&table).len(), 3);
}

#[test]
fn r3_what_is_under_a_row_follows_it_however_it_is_sorted_and_nothing_is_lost() {
    let under = |id: &str, size, top: &str| Item { under: Some(top.to_owned()), ..item(id, size) };
    let mut table =
        table(vec![under("a1", 9, "a"), item("b", 5), item("a", 1), under("b1", 1, "b"), under("a2", 10, "a")]);
    assert_eq!(order(&table), ["b", "b1", "a", "a2", "a1"]);
    table.sort_reverse();
    assert_eq!(order(&table), ["a", "a1", "a2", "b", "b1"]);
    table.set_filter("1");
    assert_eq!(order(&table), ["b1", "a1"], "without their tops they stand alone");
    table.set_filter("");
    table.set_rows(vec![under("x", 1, "y"), under("y", 2, "x"), item("z", 3)]);
    assert_eq!(order(&table).len(), 3, "a circle loses nothing");
}

#[test]
fn a_narrow_table_keeps_the_leftmost_columns_and_the_state() {
    let table = table(vec![item("a", 7)]);
    let header = |width| drawn(&table, width, 4)[1].clone();
    assert!(header(40).contains("SIZE↓") && header(40).contains("STATE"));
    assert!(!header(22).contains("SIZE") && header(22).contains("STATE"), "{}", header(22));
}

#[test]
fn only_the_rows_in_sight_are_built() {
    use std::sync::atomic::{AtomicUsize, Ordering};
    static BUILT: AtomicUsize = AtomicUsize::new(0);
    fn counted(item: &Item, _: Slot) -> Vec<crate::piece::Piece> {
        BUILT.fetch_add(1, Ordering::Relaxed);
        vec![piece(item.id.as_str(), Tone::Plain)]
    }
    static COUNTED: [Column<Item>; 1] = [Column::words("NAME", 6, counted, |a, b| a.size.cmp(&b.size))];
    let mut table = Table::new(&COUNTED, 0);
    table.set_rows((0..10_000).map(|n| item(n, n)).collect());
    table.step(Move::Last);
    let lines = drawn(&table, 40, 23);
    assert_eq!(BUILT.load(Ordering::Relaxed), 20);
    assert!(lines[21].contains("▸ 9999"), "{lines:?}");
}

#[test]
fn filters_compare_numbers_look_into_columns_and_need_every_term() {
    let mut table = table(vec![item("Alpha", 1), item("beta", 20), item("gamma", 3_000)]);
    for (filter, found) in [
        ("size>1", vec!["gamma", "beta"]),
        ("size>=20 !gam", vec!["beta"]),
        ("size=3k", vec!["gamma"]),
        ("!size<=20", vec!["gamma"]),
        ("si<2", vec!["Alpha"]),
        ("name:ET", vec!["beta"]),
        ("state:ok ~ga", vec!["gamma"]),
        ("~aa", vec!["gamma", "Alpha"]),
        ("\"item beta\"", vec!["beta"]),
        ("!\"m b\"", vec!["gamma", "Alpha"]),
    ] {
        table.set_filter(filter);
        assert_eq!((table.wrong(), order(&table)), (None, found), "{filter}");
    }
}

#[test]
fn a_wrong_filter_says_what_is_wrong_and_shows_all_rows() {
    let mut table = table(vec![item("a", 1), item("b", 2)]);
    for (filter, wrong) in [
        ("owner:dana", "no column \"owner\": name size state"),
        ("s>1", "\"s\" may be several columns: size state"),
        ("size>", "size> what? As in size>3"),
        ("size>many", "many is no whole number"),
        ("name>1", "name has no numbers: name:text"),
        ("name:", "name: what? As in name:text"),
    ] {
        table.set_filter("a");
        table.set_filter(filter);
        assert_eq!((table.wrong(), order(&table).len()), (Some(wrong), 2), "{filter}");
    }
}

#[test]
fn column_names_are_completed() {
    let table = table(Vec::new());
    for (typed, completed) in
        [("na", Some("name:")), ("x !SI", Some("x !size")), ("name", None), ("", None), ("size>1", None)]
    {
        assert_eq!(table.completed(typed).as_deref(), completed, "{typed}");
    }
}

#[test]
fn columns_can_be_hidden_moved_widened_and_sorted_by() {
    let mut table = table(vec![item("a", 7)]);
    let header = |table: &Table<Item>| drawn(table, 40, 4)[1].replace('│', "").trim().to_owned();
    assert_eq!(table.change(0, ColumnChange::Later), 1);
    assert!(header(&table).starts_with("SIZE↓"), "{}", header(&table));
    table.change(1, ColumnChange::Toggle);
    assert!(!header(&table).contains("NAME"));
    table.change(2, ColumnChange::Toggle);
    table.change(0, ColumnChange::Toggle);
    assert!(header(&table).contains("SIZE"), "the last one stays");
    let width = table.columns()[0].width;
    table.change(0, ColumnChange::Wider);
    assert_eq!(table.columns()[0].width, width + 2);
    for _ in 0..20 {
        table.change(0, ColumnChange::Narrower);
    }
    assert_eq!(table.columns()[0].width, 4);
    table.change(0, ColumnChange::Sort);
    assert_eq!(table.columns()[0].sorted, Some(false));
    table.change(0, ColumnChange::Reset);
    assert!(header(&table).starts_with("NAME") && header(&table).contains("STATE"));
}

#[test]
fn a_sheet_has_the_rows_shown_in_their_order_with_exact_values() {
    let mut table = table(vec![item("a", 7), item("b", 9), item("c", 8)]);
    table.set_filter("!c");
    table.change(1, ColumnChange::Toggle);
    let sheet = table.sheet(crate::samples::now());
    assert_eq!(sheet.columns, ["id", "name", "size", "state"]);
    let sizes: Vec<_> = sheet.rows.iter().map(|row| (row[0].clone(), row[2].clone())).collect();
    let row = |id: &str, size| (Value::Text(id.to_owned()), Value::Count(size));
    assert_eq!(sizes, [row("b", 9), row("a", 7)]);
}

#[test]
fn a_hundred_thousand_rows_are_filtered_letter_by_letter_by_looking_only_at_what_is_left() {
    use std::sync::atomic::{AtomicUsize, Ordering};
    static SEARCHED: AtomicUsize = AtomicUsize::new(0);
    struct Counted(String);
    impl Row for Counted {
        fn id(&self) -> &str {
            &self.0
        }
        fn searched(&self) -> String {
            SEARCHED.fetch_add(1, Ordering::Relaxed);
            self.0.clone()
        }
    }
    static NAMES: [Column<Counted>; 1] =
        [Column::words("NAME", 6, |row, _| vec![piece(row.0.as_str(), Tone::Plain)], |a, b| a.0.cmp(&b.0))];
    let mut table = Table::new(&NAMES, 0);
    table.set_rows((0..100_000).map(|n| Counted(format!("row {n}"))).collect());
    let mut typed = String::new();
    for letter in "999".chars() {
        typed.push(letter);
        table.set_filter(&typed);
    }
    assert_eq!(table.counts().0, (0..100_000).filter(|n: &u32| n.to_string().contains("999")).count());
    table.set_filter("");
    assert_eq!((table.counts(), SEARCHED.load(Ordering::Relaxed)), ((100_000, 100_000), 100_000));
}

#[derive(Clone, Debug)]
enum Step {
    Move(Move),
    Sort,
    Reverse,
    Filter(String),
    Change(usize, ColumnChange),
    Rows(Vec<u32>),
    Size(u16, u16),
}

const CHANGES: [ColumnChange; 5] =
    [ColumnChange::Earlier, ColumnChange::Later, ColumnChange::Wider, ColumnChange::Narrower, ColumnChange::Sort];

fn steps() -> impl Strategy<Value = Step> {
    let moves = [Move::Up, Move::Down, Move::PageUp, Move::PageDown, Move::First, Move::Last];
    prop_oneof![
        prop::sample::select(moves.to_vec()).prop_map(Step::Move),
        Just(Step::Sort),
        Just(Step::Reverse),
        "(!?[0-9]{0,2} ?)(size>[0-9]{0,2}|~[0-9]{1,2}|x:|)".prop_map(Step::Filter),
        (0_usize..3, prop::sample::select(CHANGES.to_vec())).prop_map(|(place, change)| Step::Change(place, change)),
        prop::collection::vec(0_u32..50, 0..40).prop_map(Step::Rows),
        (0_u16..80, 0_u16..30).prop_map(|(width, height)| Step::Size(width, height)),
    ]
}

proptest! {
    #[test]
    fn whatever_is_typed_either_filters_or_is_wrong(typed in "[!~]?(name:|size[<>=])?.{0,12}", name in ".{0,12}") {
        let mut table = table(vec![item(&name, 1), item("b", 2)]);
        table.set_filter(&typed);
        let shown = order(&table).len();
        prop_assert!(table.wrong().is_none() || shown == 2, "{:?}", table.wrong());
    }

    #[test]
    fn a_filter_that_grows_shows_what_it_shows_when_it_is_typed_at_once(
        typed in "(!|~|name:)?[0-9]{0,2}( (size[<>]=?)?[0-9]{0,2})?",
        rows in prop::collection::vec(0_u32..50, 0..40),
    ) {
        let rows = || rows.iter().enumerate().map(|(n, size)| item(n, *size)).collect();
        let (mut grown, mut whole) = (table(rows()), table(rows()));
        for (end, letter) in typed.char_indices() {
            grown.set_filter(&typed[..end + letter.len_utf8()]);
        }
        whole.set_filter(&typed);
        prop_assert_eq!(order(&grown), order(&whole));
    }

    #[test]
    fn the_selection_is_always_a_row_that_is_shown_and_in_sight(steps in prop::collection::vec(steps(), 1..40)) {
        let mut table = table((0..10).map(|n| item(n, n)).collect());
        let mut size = (40, 8);
        for step in steps {
            match step {
                Step::Move(movement) => table.step(movement),
                Step::Sort => table.sort_next(),
                Step::Reverse => table.sort_reverse(),
                Step::Filter(filter) => table.set_filter(&filter),
                Step::Change(place, change) => {
                    table.change(place, change);
                }
                Step::Rows(sizes) => table.set_rows(sizes.into_iter().enumerate().map(|(n, size)| item(n, size)).collect()),
                Step::Size(width, height) => {
                    size = (width, height);
                    table.arrange(Rect::new(0, 0, width, height));
                }
            }
            prop_assert_eq!(table.selected().is_some(), !table.shown.is_empty());
            let lines = drawn(&table, size.0, size.1);
            if let Some(selected) = table.selected().filter(|_| size.0 >= 12 && size.1 >= 4) {
                let in_sight = lines.iter().any(|line| line.contains('▸'));
                prop_assert!(in_sight, "{} in {:?}", selected.id, lines);
            }
        }
    }
}
