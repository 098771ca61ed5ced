//! The register as lines of text, read at one moment, from which either database is filled: a backup
//! of SQLite goes into PostgreSQL, and the other way.
//!
//! The first line says which migrations its tables have had; then each table has a line with its
//! columns, and a line for each row; the last line counts the rows. Tables and columns are those that
//! the migrations make, so that a new table is in the next copy without a word here.

use std::io;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Connection, Row};

use super::audit::{self, AuditHead};
use super::error::{Doing, RegisterError};
use super::sql::{Insert, Sql, column};
use super::{Register, Watermark, alerts, migrations};

/// The form of the lines.
const FORM: u32 = 1;
/// Rows that are at hand at once.
const ROWS_AT_ONCE: usize = 300;
const READING: &str = "copy the register";
const FILLING: &str = "fill the register";

/// What a copy holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copied {
    /// How many rows, of all tables.
    pub rows: u64,
    /// Up to where the register knew the log at that moment.
    pub watermark: Option<Watermark>,
    /// The end of the audit trail at that moment.
    pub audit: Option<AuditHead>,
}

/// A table, as the migrations make it.
#[derive(Debug)]
struct Table {
    name: String,
    /// In their order; whether each is text, and no number.
    columns: Vec<(String, bool)>,
    /// The columns of its key, in their order.
    key: Vec<usize>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct First {
    form: u32,
    migrations: Vec<i64>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    table: String,
    columns: Vec<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Last {
    rows: u64,
}

type Write<'a> = &'a mut (dyn FnMut(&str) -> io::Result<()> + Send);
type Lines<'a> = &'a mut (dyn FnMut() -> io::Result<Option<String>> + Send);

impl Register {
    /// Hands the whole register to a closure, line by line, as it was at one moment.
    ///
    /// # Errors
    /// Where the database or the closure refuses, or the tables are of a newer program.
    pub async fn copy(&self, write: Write<'_>) -> Result<Copied, RegisterError> {
        let mut connection = self.reader.acquire().await.doing(READING)?;
        // In SQLite what is read first says which moment it is.
        let begin = match connection.backend_name() {
            "PostgreSQL" => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
            _ => "BEGIN",
        };
        let mut moment = connection.begin_with(begin).await.doing(READING)?;
        let done = migrations::done(&mut moment).await?;
        let tables = tables(&done).await?;
        put(write, &First { form: FORM, migrations: done })?;
        let mut rows = 0;
        for table in &tables {
            let columns = table.columns.iter().map(|(name, _)| name.clone()).collect();
            put(write, &Head { table: table.name.clone(), columns })?;
            rows += copy_table(&mut moment, table, write).await?;
        }
        put(write, &Last { rows })?;
        let watermark = alerts::watermark(&mut *moment).await?;
        let audit = audit::head(&mut moment).await?;
        moment.rollback().await.doing(READING)?;
        Ok(Copied { rows, watermark, audit })
    }

    /// Fills a register that has nothing in it with a copy, all of it or nothing, and brings it up to
    /// date; how many rows there were.
    ///
    /// # Errors
    /// Where it is not empty, the database refuses, or the lines are no copy.
    pub async fn fill(&self, lines: Lines<'_>) -> Result<u64, RegisterError> {
        let mut at = Reading { lines, number: 0 };
        let first: First = at.object("it does not begin as a copy of a register")?;
        if first.form != FORM {
            return Err(at.wrong("it is of a newer version of Shroff"));
        }
        migrations::run_those(&self.writer, &first.migrations).await?;
        let tables = tables(&first.migrations).await?;
        let mut work = self.writer.begin().await.doing(FILLING)?;
        for table in &tables {
            must_be_empty(&mut work, table).await?;
        }
        let rows = fill_tables(&mut work, &tables, &mut at).await?;
        work.commit().await.doing(FILLING)?;
        migrations::run(&self.writer).await?;
        Ok(rows)
    }
}

/// The tables that some migrations make, as SQLite tells of them.
async fn tables(migrations: &[i64]) -> Result<Vec<Table>, RegisterError> {
    const DOING: &str = "find out which tables there are";
    let mut memory = AnyConnection::connect("sqlite::memory:").await.doing(DOING)?;
    migrations::run_those_on(&mut memory, migrations).await?;
    let sql = Sql::new(
        "SELECT m.name AS name, c.name AS field, c.type AS kind, c.pk AS pk FROM sqlite_master m \
         JOIN pragma_table_info(m.name) c WHERE m.type = 'table' AND m.name NOT LIKE '\\_%' ESCAPE \
         '\\' AND m.name NOT LIKE 'sqlite%' ORDER BY m.name, c.cid",
    );
    let mut tables: Vec<Table> = Vec::new();
    let mut keys: Vec<(i64, usize)> = Vec::new();
    for row in sql.rows(&mut memory, DOING).await? {
        let (name, field): (String, String) = (column(&row, "name")?, column(&row, "field")?);
        let (kind, pk): (String, i64) = (column(&row, "kind")?, column(&row, "pk")?);
        if tables.last().is_none_or(|table| table.name != name) {
            keys.clear();
            tables.push(Table { name, columns: Vec::new(), key: Vec::new() });
        }
        let Some(table) = tables.last_mut() else { continue };
        if pk > 0 {
            keys.push((pk, table.columns.len()));
            keys.sort_unstable();
            table.key = keys.iter().map(|&(_, at)| at).collect();
        }
        table.columns.push((field, kind == "TEXT"));
    }
    memory.close().await.doing(DOING)?;
    Ok(tables)
}

impl Table {
    fn names(&self) -> String {
        let names: Vec<&str> = self.columns.iter().map(|(name, _)| name.as_str()).collect();
        names.join(", ")
    }

    fn key_names(&self) -> String {
        let names: Vec<&str> = self.key.iter().map(|&at| self.columns[at].0.as_str()).collect();
        names.join(", ")
    }

    /// A row as a list of its values.
    fn values(&self, row: &AnyRow) -> Result<Vec<Value>, RegisterError> {
        let value = |(at, (_, is_text)): (usize, &(String, bool))| {
            let value = if *is_text {
                row.try_get::<Option<String>, _>(at)
                    .map(|text| text.map_or(Value::Null, Value::from))
            } else {
                row.try_get::<Option<i64>, _>(at).map(|it| it.map_or(Value::Null, Value::from))
            };
            value.map_err(|_| RegisterError::Kept { what: "value" })
        };
        self.columns.iter().enumerate().map(value).collect()
    }
}

fn put(write: Write<'_>, line: &impl Serialize) -> Result<(), RegisterError> {
    // Texts, numbers and nothing: there is nothing that JSON has no form for.
    let line = serde_json::to_string(line).unwrap_or_default();
    write(&line).map_err(RegisterError::Copying)
}

/// Reads a table in the order of its key, some rows at once.
async fn copy_table(
    moment: &mut AnyConnection,
    table: &Table,
    write: Write<'_>,
) -> Result<u64, RegisterError> {
    let mut count = 0;
    let mut after: Option<Vec<Value>> = None;
    loop {
        let mut sql = Sql::new(&format!("SELECT {} FROM {}", table.names(), table.name));
        if let Some(after) = &after {
            sql.text(&format!(" WHERE ({}) > (", table.key_names()));
            for (number, &at) in table.key.iter().enumerate() {
                sql.text(if number == 0 { "" } else { ", " });
                bind(&mut sql, &after[at], table.columns[at].1);
            }
            sql.text(")");
        }
        sql.text(&format!(" ORDER BY {} LIMIT {ROWS_AT_ONCE}", table.key_names()));
        let rows = sql.rows(&mut *moment, READING).await?;
        for row in &rows {
            let values = table.values(row)?;
            put(write, &values)?;
            after = Some(values);
            count += 1;
        }
        if rows.len() < ROWS_AT_ONCE {
            return Ok(count);
        }
    }
}

/// Binds a value of a column.
fn bind(sql: &mut Sql, value: &Value, is_text: bool) {
    if is_text {
        sql.value(value.as_str().map(str::to_owned));
    } else {
        sql.value(value.as_i64());
    }
}

async fn must_be_empty(work: &mut AnyConnection, table: &Table) -> Result<(), RegisterError> {
    let sql = Sql::new(&format!("SELECT 1 AS one FROM {} LIMIT 1", table.name));
    match sql.row(work, FILLING).await? {
        None => Ok(()),
        Some(_) => Err(RegisterError::NotEmpty { table: table.name.clone() }),
    }
}

/// Where a copy is read.
struct Reading<'a> {
    lines: Lines<'a>,
    number: u64,
}

impl Reading<'_> {
    fn wrong(&self, what: &'static str) -> RegisterError {
        RegisterError::NoCopy { line: self.number, what }
    }

    fn line(&mut self) -> Result<String, RegisterError> {
        self.number += 1;
        let line = (self.lines)().map_err(RegisterError::Copying)?;
        line.ok_or_else(|| self.wrong("it ends too early"))
    }

    fn object<T: for<'d> Deserialize<'d>>(
        &mut self,
        what: &'static str,
    ) -> Result<T, RegisterError> {
        let line = self.line()?;
        serde_json::from_str(&line).map_err(|_| self.wrong(what))
    }
}

async fn fill_tables(
    work: &mut AnyConnection,
    tables: &[Table],
    at: &mut Reading<'_>,
) -> Result<u64, RegisterError> {
    let mut count = 0;
    let mut line = at.line()?;
    for table in tables {
        let head: Option<Head> = serde_json::from_str(&line).ok();
        let is_it = head.is_some_and(|head| {
            let columns = table.columns.iter().map(|(name, _)| name);
            head.table == table.name && columns.eq(&head.columns)
        });
        if !is_it {
            return Err(at.wrong("this is not the table that comes next"));
        }
        let mut rows: Vec<Vec<Value>> = Vec::new();
        loop {
            line = at.line()?;
            if !line.starts_with('[') {
                break;
            }
            rows.push(row_of(&line, table).ok_or_else(|| at.wrong("this is no row of its table"))?);
            count += 1;
            if rows.len() == ROWS_AT_ONCE {
                insert(work, table, &rows).await?;
                rows.clear();
            }
        }
        insert(work, table, &rows).await?;
    }
    let last: Option<Last> = serde_json::from_str(&line).ok();
    if last.is_none_or(|last| last.rows != count) {
        return Err(at.wrong("the rows are not as many as they were"));
    }
    Ok(count)
}

/// A row, where its values are of the kinds of its columns.
fn row_of(line: &str, table: &Table) -> Option<Vec<Value>> {
    let row: Vec<Value> = serde_json::from_str(line).ok()?;
    let fits = |(value, (_, is_text)): (&Value, &(String, bool))| {
        value.is_null() || if *is_text { value.is_string() } else { value.is_i64() }
    };
    let is_row = row.len() == table.columns.len() && row.iter().zip(&table.columns).all(fits);
    is_row.then_some(row)
}

async fn insert(
    work: &mut AnyConnection,
    table: &Table,
    rows: &[Vec<Value>],
) -> Result<(), RegisterError> {
    let begin = format!("INSERT INTO {} ({}) VALUES", table.name, table.names());
    let row = |sql: &mut Sql, row: &Vec<Value>| {
        for (at, (value, (_, is_text))) in row.iter().zip(&table.columns).enumerate() {
            sql.text(if at == 0 { "" } else { ", " });
            bind(sql, value, *is_text);
        }
    };
    Insert { begin: &begin, end: "", doing: FILLING }.rows(work, rows, row).await
}
