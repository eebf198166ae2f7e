use proptest::prelude::*;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{Column, List, Move, Row, Slot, Table};
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
    Column::numbers("SIZE", 6, |item, _| vec![piece(item.size.to_string(), Tone::Plain)], |a, b| a.size.cmp(&b.size)),
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

#[derive(Clone, Debug)]
enum Step {
    Move(Move),
    Sort,
    Reverse,
    Filter(String),
    Rows(Vec<u32>),
    Size(u16, u16),
}

fn steps() -> impl Strategy<Value = Step> {
    let moves = [Move::Up, Move::Down, Move::PageUp, Move::PageDown, Move::First, Move::Last];
    prop_oneof![
        prop::sample::select(moves.to_vec()).prop_map(Step::Move),
        Just(Step::Sort),
        Just(Step::Reverse),
        "!?[0-9]{0,2}".prop_map(Step::Filter),
        prop::collection::vec(0_u32..50, 0..40).prop_map(Step::Rows),
        (0_u16..80, 0_u16..30).prop_map(|(width, height)| Step::Size(width, height)),
    ]
}

proptest! {
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
                Step::Rows(sizes) => table.set_rows(sizes.into_iter().enumerate().map(|(n, size)| item(n, size)).collect()),
                Step::Size(width, height) => {
                    size = (width, height);
                    table.arrange(Rect::new(0, 0, width, height));
                }
            }
            prop_assert_eq!(table.selected().is_some(), !table.shown.is_empty());
            let lines = drawn(&table, size.0, size.1);
            if let Some(selected) = table.selected().filter(|_| size.0 >= 12 && size.1 >= 4) {
                let mark = format!("▸ {}", selected.id);
                prop_assert!(lines.iter().any(|line| line.contains(&mark)), "{} in {:?}", mark, lines);
            }
        }
    }
}
