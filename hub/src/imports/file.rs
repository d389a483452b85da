//! Reading a CSV file: its header, its rows, and what is wrong with one of them.
//!
//! Knows columns, no item and no location. Invariant: a row that cannot be read is an error of
//! that row alone, and is kept as it came; only a header that cannot be used ends the file.

use tokio::sync::mpsc;

use super::columns::{Asked, Layout, Unreadable};
use super::split::{Row, Rows};
use crate::store::imports::ErrorRow;

/// Rows of one batch.
const BATCH_ROWS: usize = 500;
/// The longest cell, bytes.
const CELL_BYTES_MAX: usize = 4 << 10;

/// Rows as JSON arrays of their cells as they came, and rows that could not be read.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// (row of the file, JSON).
    pub rows: Vec<(i64, String)>,
    /// Errors.
    pub errors: Vec<ErrorRow>,
}

impl Batch {
    fn len(&self) -> usize {
        self.rows.len() + self.errors.len()
    }
}

/// What comes out of a file: its layout first.
#[derive(Debug)]
pub(super) enum Piece {
    Layout(Layout),
    Batch(Batch),
}

/// A file of which the header was read.
pub(super) struct Reading {
    rows: Rows,
    pub layout: Layout,
    line: i64,
}

impl Reading {
    /// Reads the header.
    pub(super) fn begin(
        asked: &Asked,
        incoming: mpsc::Receiver<Vec<u8>>,
    ) -> Result<Self, Unreadable> {
        let mut rows = Rows::new(incoming);
        let header = header(&mut rows)?;
        let layout = Layout::new(asked, &header, rows.delimiter())?;
        Ok(Self { rows, layout, line: 1 })
    }

    /// The next row: its place in the file, its cells or what is wrong.
    pub(super) fn next(&mut self) -> Option<(i64, Result<Vec<String>, ErrorRow>)> {
        let row = self.rows.next()?;
        self.line += 1;
        let line = self.line;
        let error = |(code, detail): (&str, &str), cells: &[Vec<u8>]| ErrorRow {
            line,
            code: code.to_owned(),
            detail: detail.to_owned(),
            cells: Some(json(&lossy(cells))),
        };
        Some((
            line,
            match row {
                Ok(row) => match wrong(&row, self.layout.header.len()) {
                    None => Ok(lossy(&row)),
                    Some(why) => Err(error(why, &row)),
                },
                Err((broken, text)) => Err(error(broken.told(), &[text])),
            },
        ))
    }
}

/// The first row, whatever its columns.
pub(super) fn header(rows: &mut Rows) -> Result<Vec<String>, Unreadable> {
    match rows.next() {
        Some(Ok(header)) => Ok(lossy(&header)),
        Some(Err((broken, _))) => Err(Unreadable(format!("the first row: {}", broken.told().1))),
        None => Ok(vec![]),
    }
}

/// PostgreSQL keeps no zero byte, and nobody means one.
fn lossy(row: &[Vec<u8>]) -> Vec<String> {
    row.iter().map(|cell| String::from_utf8_lossy(cell).replace('\0', " ")).collect()
}

fn json(cells: &[String]) -> String {
    // Texts: serde cannot fail on them.
    serde_json::to_string(cells).unwrap_or_default()
}

fn wrong(row: &Row, columns: usize) -> Option<(&'static str, &'static str)> {
    if row.len() != columns {
        return Some(("columns", "this row has more or fewer cells than the header"));
    }
    if row.iter().any(|cell| cell.len() > CELL_BYTES_MAX) {
        return Some(("cell_too_long", "a cell has at most 4,096 bytes"));
    }
    let foreign = row.iter().any(|cell| std::str::from_utf8(cell).is_err());
    foreign.then_some(("not_utf8", "the text is not UTF-8"))
}

/// Reads a file to its end. Gives the number of its rows.
pub(super) fn read(
    asked: &Asked,
    incoming: mpsc::Receiver<Vec<u8>>,
    out: &mpsc::Sender<Piece>,
) -> Result<i64, Unreadable> {
    let mut reading = Reading::begin(asked, incoming)?;
    let mut batch = Batch::default();
    // The first rows say how the file writes amounts.
    let mut layout = Some(reading.layout.clone());
    while let Some((line, row)) = reading.next() {
        match row {
            Ok(cells) => {
                if let Some(layout) = &mut layout {
                    layout.look(&cells);
                }
                batch.rows.push((line, json(&cells)));
            }
            Err(error) => batch.errors.push(error),
        }
        if batch.len() >= BATCH_ROWS {
            send(out, layout.take(), std::mem::take(&mut batch));
        }
    }
    send(out, layout.take(), batch);
    Ok(reading.line - 1)
}

/// Nobody listens any more when the database failed; the other end says so.
fn send(out: &mpsc::Sender<Piece>, layout: Option<Layout>, batch: Batch) {
    let pieces =
        layout.map(|l| Piece::Layout(l.settled())).into_iter().chain([Piece::Batch(batch)]);
    for piece in pieces {
        let _ = out.blocking_send(piece);
    }
}

#[cfg(test)]
mod tests {
    use super::super::columns::Kind;
    use super::*;

    fn read_all(pieces: &[&[u8]]) -> (Result<i64, Unreadable>, Batch) {
        let (to_reader, from_sender) = mpsc::channel(100);
        let (to_store, mut from_reader) = mpsc::channel(100);
        for piece in pieces {
            to_reader.try_send(piece.to_vec()).unwrap();
        }
        drop(to_reader);
        let count = read(&Asked::new(Kind::Stock), from_sender, &to_store);
        drop(to_store);
        let mut all = Batch::default();
        while let Ok(piece) = from_reader.try_recv() {
            let Piece::Batch(batch) = piece else { continue };
            all.rows.extend(batch.rows);
            all.errors.extend(batch.errors);
        }
        (count, all)
    }

    #[test]
    fn rows_are_cut_at_their_ends_and_not_at_pieces() {
        let (count, all) = read_all(&[
            b"\xef\xbb\xbflocation;sku;quan",
            b"tity\r\nS07;\"A;1\"",
            b";3\nS07;B\n;\xff;2\n",
        ]);
        assert_eq!(count, Ok(3));
        assert_eq!(all.rows, [(2, r#"["S07","A;1","3"]"#.to_owned())]);
        let told = |e: &ErrorRow| (e.line, e.code.clone(), e.cells.clone().unwrap());
        let expected =
            [(3, "columns", r#"["S07","B"]"#), (4, "not_utf8", "[\"\",\"\u{fffd}\",\"2\"]")];
        assert_eq!(
            all.errors.iter().map(told).collect::<Vec<_>>(),
            expected.map(|(line, code, cells)| (line, code.to_owned(), cells.to_owned()))
        );
    }

    #[test]
    fn an_open_quote_is_an_error_of_its_row_and_is_kept_as_it_came() {
        let (count, all) = read_all(&[b"sku,location,quantity\nA,S07,\"1\nB,S07,2\nC,\"S07\",3\n"]);
        assert_eq!(count, Ok(3));
        let rows = [(3, r#"["B","S07","2"]"#), (4, r#"["C","S07","3"]"#)];
        assert_eq!(all.rows, rows.map(|(line, json)| (line, json.to_owned())));
        let e = &all.errors[0];
        assert_eq!((e.line, &*e.code), (2, "quote_open"));
        assert_eq!(e.cells.as_deref(), Some(r#"["A,S07,\"1"]"#));
    }
}
