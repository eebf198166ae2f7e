//! The conditions of a list, so that each list's SQL has those that are asked for and no others: an index serves them.

use std::fmt::Write;

/// The rows of `$sql`, for which `$texts` are its parameters, with `$on`: `on_read` of a store or `in_tx` of a
/// transaction.
macro_rules! rows_of {
    ($on:ident, $at:expr, $sql:expr, $texts:expr) => {
        $on!($at, db => {
            let query = sqlx::query_as(sqlx::AssertSqlSafe($sql));
            $texts.iter().fold(query, |query, text| query.bind(text)).fetch_all(db).await
        })
    };
}
pub(crate) use rows_of;

/// `WHERE …` with the texts that its parameters stand for, numbered from `$1`.
#[derive(Debug, Default)]
pub(crate) struct Conditions {
    sql: String,
    texts: Vec<String>,
}

impl Conditions {
    /// Restricts to rows of which `condition` holds, where `{}` stands for the parameter; nothing for no text.
    pub(crate) fn text(mut self, condition: &str, text: Option<&str>) -> Self {
        if let Some(text) = text {
            self.texts.push(text.to_owned());
            let parameter = format!("${}", self.texts.len());
            self.fixed(&condition.replace("{}", &parameter))
        } else {
            self
        }
    }

    /// Restricts to rows of which `condition` holds, where each `{}` stands for one of the parameters, in their order.
    pub(crate) fn texts(mut self, condition: &str, texts: &[&str]) -> Self {
        let mut sql = condition.to_owned();
        for text in texts {
            self.texts.push((*text).to_owned());
            sql = sql.replacen("{}", &format!("${}", self.texts.len()), 1);
        }
        self.fixed(&sql)
    }

    /// The same parameters go on in another part of the statement: what is bound stays, the conditions begin anew.
    pub(crate) fn go_on(texts: Vec<String>) -> Self {
        Self { sql: String::new(), texts }
    }

    /// Restricts to rows of which `condition` holds, where `{}` stands for the number; nothing for no number.
    pub(crate) fn number(self, condition: &str, number: Option<i64>) -> Self {
        match number {
            Some(number) => self.fixed(&condition.replace("{}", &number.to_string())),
            None => self,
        }
    }

    /// Restricts to rows of which `condition` holds, where `{}` stands for a list of the texts, as in `id IN {}`; nothing
    /// for no list.
    pub(crate) fn any_of(mut self, condition: &str, texts: Option<&[String]>) -> Self {
        let Some(texts) = texts else { return self };
        let first = self.texts.len() + 1;
        self.texts.extend_from_slice(texts);
        let parameters: Vec<String> = (first..=self.texts.len()).map(|number| format!("${number}")).collect();
        if parameters.is_empty() {
            return self.fixed("1 = 0");
        }
        self.fixed(&condition.replace("{}", &format!("({})", parameters.join(", "))))
    }

    /// Restricts to rows of which `condition` holds.
    pub(crate) fn fixed(mut self, condition: &str) -> Self {
        let word = if self.sql.is_empty() { "WHERE" } else { "AND" };
        // Writing to a string cannot fail.
        let _ = write!(self.sql, "{word} {condition} ");
        self
    }

    /// The clause, and what to bind in order.
    pub(crate) fn parts(self) -> (String, Vec<String>) {
        (self.sql, self.texts)
    }
}
