//! Long lists, a page at a time: by the key of the list's order, never by counting rows off, so that a page costs the same
//! wherever it is and nothing is told twice when rows come and go.

use serde::Serialize;

use crate::conditions::Conditions;

/// The place of a row in its list's order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Cursor {
    /// What the list is ordered by, of that row.
    pub key: CursorKey,
    /// The row's own id, for rows with the same key.
    pub id: String,
}

/// What a list is ordered by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum CursorKey {
    /// A time or an amount.
    Number(i64),
    /// A name.
    Text(String),
}

/// Where a page begins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Seek {
    /// With the first row.
    #[default]
    First,
    /// Behind this row.
    After(Cursor),
    /// So that it ends before this row.
    Before(Cursor),
    /// So that it ends with the last row.
    Last,
}

/// Which rows of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paging {
    /// Where they begin.
    pub seek: Seek,
    /// At most so many.
    pub limit: u32,
}

impl Paging {
    /// The first rows.
    #[must_use]
    pub const fn first(limit: u32) -> Self {
        Self { seek: Seek::First, limit }
    }

    /// Rows behind those that end at this one.
    #[must_use]
    pub const fn after(cursor: Cursor, limit: u32) -> Self {
        Self { seek: Seek::After(cursor), limit }
    }

    /// Rows before those that begin with this one.
    #[must_use]
    pub const fn before(cursor: Cursor, limit: u32) -> Self {
        Self { seek: Seek::Before(cursor), limit }
    }

    pub(crate) const fn is_backwards(&self) -> bool {
        matches!(self.seek, Seek::Before(_) | Seek::Last)
    }
}

/// Some rows of a list, in its order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Page<T> {
    /// They.
    pub rows: Vec<T>,
    /// Before which the page before ends; `None` where there is none.
    pub previous: Option<Cursor>,
    /// Behind which the next page begins; `None` where there is none.
    pub next: Option<Cursor>,
    /// A row in the middle, from which a page reaches half as far again; `None` where there are no rows.
    #[serde(skip)]
    pub middle: Option<Cursor>,
    /// How many rows the list has in all, where that is cheap to tell.
    pub total: Option<u64>,
}

impl<T> Page<T> {
    /// From rows as an [`Order`] gave them: one more than the limit, where there are as many, and from the end where the
    /// page is read backwards.
    pub(crate) fn of(mut rows: Vec<T>, paging: &Paging, cursor: impl Fn(&T) -> Cursor) -> Self {
        let has_more = rows.len() > paging.limit as usize;
        rows.truncate(paging.limit as usize);
        if paging.is_backwards() {
            rows.reverse();
        }
        let (before, after) = match paging.seek {
            Seek::First => (false, has_more),
            Seek::After(_) => (true, has_more),
            Seek::Before(_) => (has_more, true),
            Seek::Last => (has_more, false),
        };
        let previous = rows.first().filter(|_| before).map(&cursor);
        let next = rows.last().filter(|_| after).map(&cursor);
        let middle = rows.get(rows.len() / 2).map(&cursor);
        Self { rows, previous, next, middle, total: None }
    }

    pub(crate) fn try_map<U, E>(self, each: impl FnMut(T) -> Result<U, E>) -> Result<Page<U>, E> {
        let rows = self.rows.into_iter().map(each).collect::<Result<_, _>>()?;
        Ok(Page { rows, previous: self.previous, next: self.next, middle: self.middle, total: self.total })
    }

    /// The same page of what is made of each row.
    pub fn map<U>(self, each: impl FnMut(T) -> U) -> Page<U> {
        let rows = self.rows.into_iter().map(each).collect();
        Page { rows, previous: self.previous, next: self.next, middle: self.middle, total: self.total }
    }
}

/// An order that an index has.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Order {
    /// The expression of its key.
    pub(crate) key: &'static str,
    /// The column of its id.
    pub(crate) id: &'static str,
    /// Whether the last come first.
    pub(crate) is_descending: bool,
    /// Whether the key is text.
    pub(crate) is_text: bool,
    /// Whether the id is a number.
    pub(crate) has_number_id: bool,
}

impl Order {
    /// By a number, the largest first.
    pub(crate) const fn newest(key: &'static str, id: &'static str) -> Self {
        Self { key, id, is_descending: true, is_text: false, has_number_id: false }
    }

    /// By text without regard to case, in its order.
    pub(crate) const fn named(key: &'static str, id: &'static str) -> Self {
        Self { key, id, is_descending: false, is_text: true, has_number_id: false }
    }

    const fn goes_down(&self, paging: &Paging) -> bool {
        self.is_descending != paging.is_backwards()
    }

    /// The rows that come after the place of the page. The first page has one too, before all rows: an index is entered
    /// the same way for each. The key is compared by itself as well: by a pair with an expression in it, SQLite enters none.
    pub(crate) fn seek(&self, conditions: Conditions, paging: &Paging) -> Conditions {
        let sign = if self.goes_down(paging) { "<" } else { ">" };
        let (key, id) = (self.key, self.id);
        match &paging.seek {
            Seek::After(cursor) | Seek::Before(cursor) => match &cursor.key {
                CursorKey::Number(number) if self.has_number_id => {
                    let last: i64 = cursor.id.parse().unwrap_or_default();
                    conditions.fixed(&format!("{key} {sign}= {number} AND ({key}, {id}) {sign} ({number}, {last})"))
                }
                CursorKey::Number(number) => {
                    let condition = format!("{key} {sign}= {number} AND ({key}, {id}) {sign} ({number}, {{}})");
                    conditions.texts(&condition, &[&cursor.id])
                }
                CursorKey::Text(text) => {
                    let condition = format!("{key} {sign}= {{}} AND ({key}, {id}) {sign} ({{}}, {{}})");
                    conditions.texts(&condition, &[text, text, &cursor.id])
                }
            },
            Seek::First | Seek::Last if self.is_text => conditions.fixed(&format!("{key} >= ''")),
            Seek::First | Seek::Last => conditions.fixed(&format!("{key} < {}", i64::MAX)),
        }
    }

    /// `ORDER BY … LIMIT …`, with one row more than is wanted.
    pub(crate) fn clause(&self, paging: &Paging) -> String {
        let way = if self.goes_down(paging) { "DESC" } else { "ASC" };
        format!("ORDER BY {} {way}, {} {way} LIMIT {}", self.key, self.id, u64::from(paging.limit) + 1)
    }
}

/// A pattern of SQL's `LIKE`, with `\` before what is not a pattern, that finds `text` anywhere without regard to case.
pub(crate) fn anywhere(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len() + 2);
    pattern.push('%');
    for letter in text.to_lowercase().chars() {
        if matches!(letter, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(letter);
    }
    pattern.push('%');
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cursor(number: &i64) -> Cursor {
        Cursor { key: CursorKey::Number(*number), id: String::new() }
    }

    #[test]
    fn a_page_knows_what_is_before_and_behind_it() {
        let first = Page::of(vec![1, 2, 3], &Paging::first(2), cursor);
        assert_eq!((first.rows.as_slice(), first.previous, first.next), ([1, 2].as_slice(), None, Some(cursor(&2))));
        let last = Page::of(vec![3], &Paging::after(cursor(&2), 2), cursor);
        assert_eq!((last.rows.as_slice(), last.previous, last.next), ([3].as_slice(), Some(cursor(&3)), None));
        let back = Page::of(vec![2, 1], &Paging::before(cursor(&3), 2), cursor);
        assert_eq!((back.rows.as_slice(), back.previous, back.next), ([1, 2].as_slice(), None, Some(cursor(&2))));
        let middle = Page::of(vec![3, 2, 1], &Paging::before(cursor(&4), 2), cursor);
        assert_eq!((middle.rows.as_slice(), middle.previous), ([2, 3].as_slice(), Some(cursor(&2))));
        let end = Page::of(vec![3, 2, 1], &Paging { seek: Seek::Last, limit: 2 }, cursor);
        assert_eq!((end.rows.as_slice(), end.previous, end.next), ([2, 3].as_slice(), Some(cursor(&2)), None));
        assert_eq!(end.middle, Some(cursor(&3)));
    }

    #[test]
    fn what_is_searched_is_no_pattern() {
        assert_eq!(anywhere(r"A_b%\"), r"%a\_b\%\\%");
    }
}
