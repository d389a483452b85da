//! Many rows as the arguments of one statement.
//!
//! PostgreSQL takes an array a column (`unnest`), SQLite one JSONB value, which it reads without
//! parsing. It knows the two forms and no table. Invariant: every row has all its columns.

use std::fmt::Write as _;

use sqlx::postgres::PgArguments;
use sqlx::query::Query;
use sqlx::sqlite::SqliteArguments;
use sqlx::{Postgres, Sqlite};

use super::Engine;

/// Rows for one statement; [`super::Tx::rows`] makes them.
#[derive(Debug)]
pub struct Rows {
    columns: &'static str,
    count: usize,
    cells: Cells,
}

#[derive(Debug)]
enum Cells {
    Sqlite(Jsonb),
    Postgres(Vec<Column>),
}

#[derive(Debug)]
enum Column {
    Text(Texts),
    Bigint(Vec<Option<i64>>),
}

/// Texts one behind another: one allocation for a column.
#[derive(Debug, Default)]
struct Texts {
    all: String,
    ends: Vec<(usize, bool)>,
}

/// A JSONB array of arrays, as SQLite stores it: a header (size and kind), then the bytes.
#[derive(Debug)]
struct Jsonb {
    bytes: Vec<u8>,
    scratch: String,
}

const NULL: u8 = 0;
const INT: u8 = 3;
const TEXTRAW: u8 = 10;
const ARRAY: u8 = 11;
/// A header whose size stands in the four bytes behind it.
const SIZE_IN_4: u8 = 14 << 4;
const HEADER: usize = 5;

impl Rows {
    pub(super) fn new(engine: Engine, columns: &'static str) -> Self {
        let cells = match engine {
            Engine::Sqlite => Cells::Sqlite(Jsonb::new()),
            Engine::Postgres => Cells::Postgres(columns.chars().map(Column::new).collect()),
        };
        Self { columns, count: 0, cells }
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.count
    }

    /// True without rows.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Adds a row: its cells from left to right.
    pub fn row(&mut self, fill: impl FnOnce(&mut Row<'_>)) {
        self.count += 1;
        match &mut self.cells {
            Cells::Sqlite(jsonb) => {
                let at = jsonb.open();
                fill(&mut Row { cells: RowCells::Sqlite(jsonb) });
                jsonb.close(at);
            }
            Cells::Postgres(columns) => {
                fill(&mut Row { cells: RowCells::Postgres(columns.iter_mut()) });
                debug_assert!(
                    columns.iter().all(|c| c.len() == self.count),
                    "cells do not fit the columns {}",
                    self.columns
                );
            }
        }
    }

    /// How many columns a row has.
    pub(super) fn columns(&self) -> usize {
        self.columns.len()
    }

    /// What stands for `{rows}` when its first parameter has this number.
    pub(super) fn source(&self, first: usize) -> String {
        let mut sql = String::new();
        match &self.cells {
            Cells::Sqlite(_) => {
                for at in 0..self.columns.len() {
                    let comma = if at == 0 { "(select " } else { ", " };
                    let _ = write!(sql, "{comma}value->>'$[{at}]' as c{at}");
                }
                let _ = write!(sql, " from jsonb_each(${first})) r");
            }
            Cells::Postgres(_) => {
                // In the select list, where rows are not put aside before they are used.
                for (at, kind) in self.columns.chars().enumerate() {
                    let comma = if at == 0 { "(select " } else { ", " };
                    let kind = if kind == 't' { "text" } else { "bigint" };
                    let _ = write!(sql, "{comma}unnest(${}::{kind}[]) as c{at}", at + first);
                }
                sql.push_str(") r");
            }
        }
        sql
    }

    pub(super) fn bind_sqlite(
        self,
        query: Query<'static, Sqlite, SqliteArguments>,
    ) -> Query<'static, Sqlite, SqliteArguments> {
        match self.cells {
            Cells::Sqlite(jsonb) => query.bind(jsonb.finish()),
            // Rows come from the transaction that they go to.
            Cells::Postgres(_) => query,
        }
    }

    pub(super) fn bind_postgres(
        self,
        mut query: Query<'static, Postgres, PgArguments>,
    ) -> Query<'static, Postgres, PgArguments> {
        if let Cells::Postgres(columns) = self.cells {
            for column in columns {
                query = match column {
                    Column::Text(texts) => query.bind(texts.slices()),
                    Column::Bigint(numbers) => query.bind(numbers),
                };
            }
        }
        query
    }
}

/// A row being filled.
pub struct Row<'a> {
    cells: RowCells<'a>,
}

enum RowCells<'a> {
    Sqlite(&'a mut Jsonb),
    Postgres(std::slice::IterMut<'a, Column>),
}

impl Row<'_> {
    /// A text.
    pub fn text(&mut self, text: &str) -> &mut Self {
        self.opt_text(Some(text))
    }

    /// A text or null.
    pub fn opt_text(&mut self, text: Option<&str>) -> &mut Self {
        match &mut self.cells {
            RowCells::Sqlite(jsonb) => match text {
                Some(t) => jsonb.text(t),
                None => jsonb.bytes.push(NULL),
            },
            RowCells::Postgres(columns) => {
                if let Some(Column::Text(texts)) = columns.next() {
                    texts.push(text);
                }
            }
        }
        self
    }

    /// Anything that shows as the text that is stored: an id.
    pub fn shown(&mut self, id: impl std::fmt::Display) -> &mut Self {
        match &mut self.cells {
            RowCells::Sqlite(jsonb) => jsonb.shown(id),
            RowCells::Postgres(columns) => {
                if let Some(Column::Text(texts)) = columns.next() {
                    let _ = write!(texts.all, "{id}");
                    texts.ends.push((texts.all.len(), true));
                }
            }
        }
        self
    }

    /// Anything that shows as text, or null.
    pub fn opt_shown(&mut self, id: Option<impl std::fmt::Display>) -> &mut Self {
        match id {
            Some(id) => self.shown(id),
            None => self.opt_text(None),
        }
    }

    /// A value as JSON in a text column.
    pub fn json<T: serde::Serialize>(&mut self, value: &T) -> &mut Self {
        // Plain values: serde cannot fail on them.
        self.text(&serde_json::to_string(value).unwrap_or_default())
    }

    /// A number.
    pub fn int(&mut self, number: i64) -> &mut Self {
        self.opt_int(Some(number))
    }

    /// A number or null.
    pub fn opt_int(&mut self, number: Option<i64>) -> &mut Self {
        match &mut self.cells {
            RowCells::Sqlite(jsonb) => match number {
                Some(n) => jsonb.int(n),
                None => jsonb.bytes.push(NULL),
            },
            RowCells::Postgres(columns) => {
                if let Some(Column::Bigint(numbers)) = columns.next() {
                    numbers.push(number);
                }
            }
        }
        self
    }
}

impl Column {
    fn new(kind: char) -> Self {
        if kind == 't' { Column::Text(Texts::default()) } else { Column::Bigint(vec![]) }
    }

    fn len(&self) -> usize {
        match self {
            Column::Text(texts) => texts.ends.len(),
            Column::Bigint(numbers) => numbers.len(),
        }
    }
}

impl Texts {
    fn push(&mut self, text: Option<&str>) {
        self.all.push_str(text.unwrap_or_default());
        self.ends.push((self.all.len(), text.is_some()));
    }

    fn slices(&self) -> Vec<Option<&str>> {
        let mut from = 0;
        let cut = |(end, there): &(usize, bool)| {
            let text = &self.all[from..*end];
            from = *end;
            there.then_some(text)
        };
        self.ends.iter().map(cut).collect()
    }
}

impl Jsonb {
    fn new() -> Self {
        Self { bytes: vec![ARRAY | SIZE_IN_4, 0, 0, 0, 0], scratch: String::new() }
    }

    fn open(&mut self) -> usize {
        let at = self.bytes.len();
        self.bytes.extend_from_slice(&[ARRAY | SIZE_IN_4, 0, 0, 0, 0]);
        at
    }

    /// Writes the size of what was opened; it is known only now.
    fn close(&mut self, at: usize) {
        let size = u32::try_from(self.bytes.len() - at - HEADER).unwrap_or(u32::MAX);
        self.bytes[at + 1..at + HEADER].copy_from_slice(&size.to_be_bytes());
    }

    fn finish(mut self) -> Vec<u8> {
        self.close(0);
        self.bytes
    }

    fn header(&mut self, kind: u8, size: usize) {
        match (u8::try_from(size), u16::try_from(size)) {
            (Ok(small @ 0..=11), _) => self.bytes.push(kind | (small << 4)),
            (Ok(byte), _) => self.bytes.extend_from_slice(&[kind | (12 << 4), byte]),
            (_, Ok(two)) => {
                self.bytes.push(kind | (13 << 4));
                self.bytes.extend_from_slice(&two.to_be_bytes());
            }
            _ => {
                self.bytes.push(kind | SIZE_IN_4);
                let four = u32::try_from(size).unwrap_or(u32::MAX);
                self.bytes.extend_from_slice(&four.to_be_bytes());
            }
        }
    }

    fn text(&mut self, text: &str) {
        self.header(TEXTRAW, text.len());
        self.bytes.extend_from_slice(text.as_bytes());
    }

    fn shown(&mut self, id: impl std::fmt::Display) {
        self.scratch.clear();
        let _ = write!(self.scratch, "{id}");
        self.header(TEXTRAW, self.scratch.len());
        self.bytes.extend_from_slice(self.scratch.as_bytes());
    }

    fn int(&mut self, number: i64) {
        self.scratch.clear();
        let _ = write!(self.scratch, "{number}");
        self.header(INT, self.scratch.len());
        self.bytes.extend_from_slice(self.scratch.as_bytes());
    }
}
