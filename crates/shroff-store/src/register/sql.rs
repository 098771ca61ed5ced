//! A statement while it is put together: its text, and the values of `$1`, `$2`, ...

use std::fmt::Write as _;

use sqlx::any::{AnyArguments, AnyRow};
use sqlx::{Any, AnyConnection, AssertSqlSafe, Encode, Executor, Type};

use super::error::{Doing, RegisterError};

/// A statement. Values are bound, never written into the text.
#[derive(Default)]
pub(super) struct Sql {
    text: String,
    values: AnyArguments,
    count: usize,
}

impl Sql {
    pub(super) fn new(text: &str) -> Sql {
        Sql { text: text.to_owned(), ..Sql::default() }
    }

    /// Adds text of the program's own.
    pub(super) fn text(&mut self, text: &str) -> &mut Sql {
        self.text.push_str(text);
        self
    }

    /// Adds a value.
    pub(super) fn value<'q, T>(&mut self, value: T) -> &mut Sql
    where
        T: Encode<'q, Any> + Type<Any> + 'q,
    {
        sqlx::Arguments::add(&mut self.values, value).expect("texts and integers can be bound");
        self.count += 1;
        write!(self.text, "${}", self.count).expect("a string takes text");
        self
    }

    /// Adds several values with commas between them.
    pub(super) fn values<'q, T>(&mut self, values: impl IntoIterator<Item = T>) -> &mut Sql
    where
        T: Encode<'q, Any> + Type<Any> + 'q,
    {
        for (at, value) in values.into_iter().enumerate() {
            if at > 0 {
                self.text(", ");
            }
            self.value(value);
        }
        self
    }

    pub(super) async fn run<'c>(
        self,
        on: impl Executor<'c, Database = Any>,
        doing: &'static str,
    ) -> Result<u64, RegisterError> {
        let query = sqlx::query_with(AssertSqlSafe(self.text), self.values);
        Ok(query.execute(on).await.doing(doing)?.rows_affected())
    }

    pub(super) async fn rows<'c>(
        self,
        on: impl Executor<'c, Database = Any>,
        doing: &'static str,
    ) -> Result<Vec<AnyRow>, RegisterError> {
        let query = sqlx::query_with(AssertSqlSafe(self.text), self.values);
        query.fetch_all(on).await.doing(doing)
    }

    pub(super) async fn row<'c>(
        self,
        on: impl Executor<'c, Database = Any>,
        doing: &'static str,
    ) -> Result<Option<AnyRow>, RegisterError> {
        let query = sqlx::query_with(AssertSqlSafe(self.text), self.values);
        query.fetch_optional(on).await.doing(doing)
    }
}

/// Parts of a list for one statement each. Their lengths are powers of two, so that few statements
/// come up again and again and the database need not read each anew.
pub(super) fn parts<'r, T>(
    work: &AnyConnection,
    mut rows: &'r [T],
) -> impl Iterator<Item = &'r [T]> + use<'r, T> {
    // SQLite goes through the values before a value to find it, so that short statements are the
    // quick ones. A statement to PostgreSQL is a way there and back.
    let mut length = if work.backend_name() == "PostgreSQL" { 128 } else { 16 };
    std::iter::from_fn(move || {
        while length > rows.len() {
            length /= 2;
        }
        let part = rows.split_off(..length)?;
        (!part.is_empty()).then_some(part)
    })
}

/// How rows are added to a table.
#[derive(Debug, Clone, Copy)]
pub(super) struct Insert<'a> {
    /// `INSERT INTO ... VALUES`.
    pub(super) begin: &'a str,
    /// What stands behind the rows.
    pub(super) end: &'a str,
    pub(super) doing: &'static str,
}

impl Insert<'_> {
    /// Adds rows; `row` adds the values of one.
    pub(super) async fn rows<T>(
        self,
        work: &mut AnyConnection,
        rows: &[T],
        row: impl Fn(&mut Sql, &T),
    ) -> Result<(), RegisterError> {
        self.returning(work, rows, row).await.map(drop)
    }

    /// The same, where `end` says what of each row comes back.
    pub(super) async fn returning<T>(
        self,
        work: &mut AnyConnection,
        rows: &[T],
        row: impl Fn(&mut Sql, &T),
    ) -> Result<Vec<AnyRow>, RegisterError> {
        let Insert { begin, end, doing } = self;
        let mut returned = Vec::new();
        for rows in parts(work, rows) {
            let mut sql = Sql::new(begin);
            for (at, it) in rows.iter().enumerate() {
                sql.text(if at == 0 { " (" } else { ", (" });
                row(&mut sql, it);
                sql.text(")");
            }
            sql.text(end);
            returned.append(&mut sql.rows(&mut *work, doing).await?);
        }
        Ok(returned)
    }
}

/// Conditions that all hold.
#[derive(Default)]
pub(super) struct Conditions {
    count: usize,
}

impl Conditions {
    /// Adds `WHERE` or `AND`.
    pub(super) fn and<'s>(&mut self, sql: &'s mut Sql) -> &'s mut Sql {
        self.count += 1;
        sql.text(if self.count == 1 { " WHERE " } else { " AND " })
    }

    /// Adds that a column has one of some texts; nothing where there is none.
    pub(super) fn one_of<T: ToString>(
        &mut self,
        sql: &mut Sql,
        column: &str,
        texts: impl IntoIterator<Item = T>,
    ) {
        let texts: Vec<String> = texts.into_iter().map(|text| text.to_string()).collect();
        if !texts.is_empty() {
            self.and(sql).text(column).text(" IN (").values(texts).text(")");
        }
    }
}

/// Adds where a page begins, by columns whose values no two rows share, and how long it is.
pub(super) fn page<const N: usize>(
    sql: &mut Sql,
    all: &mut Conditions,
    columns: [&str; N],
    page: Page<N>,
) {
    let Page { behind, ascending, most } = page;
    let (beyond, order) = if ascending { (">", "ASC") } else { ("<", "DESC") };
    if let Some(behind) = behind {
        all.and(sql).text(&format!("({}) {beyond} (", columns.join(", ")));
        sql.values(behind).text(")");
    }
    let order = columns.map(|column| format!("{column} {order}")).join(", ");
    sql.text(&format!(" ORDER BY {order} LIMIT ")).value(most);
}

/// Which page of a list is wanted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Page<const N: usize> {
    /// Behind the row with these values.
    pub(super) behind: Option<[i64; N]>,
    pub(super) ascending: bool,
    /// So many rows.
    pub(super) most: i64,
}

/// A column of a row.
pub(super) fn column<'r, T>(row: &'r AnyRow, name: &'static str) -> Result<T, RegisterError>
where
    T: sqlx::Decode<'r, Any> + Type<Any>,
{
    sqlx::Row::try_get(row, name).map_err(|_| RegisterError::Kept { what: name })
}
