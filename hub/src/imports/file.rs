//! Reading a CSV file: its header, its rows, and what is wrong with one of them.
//!
//! Knows columns, no item and no location. Invariant: a row that cannot be read is an error of
//! that row alone; only a header that cannot be used ends the file.

use tokio::sync::mpsc;

use super::split::{Row, Rows};
use crate::store::imports::ErrorRow;

/// Rows of one batch.
const BATCH_ROWS: usize = 500;
/// The longest cell, bytes.
const CELL_BYTES_MAX: usize = 4 << 10;

/// What a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The catalogue.
    Items,
    /// Opening stock.
    Stock,
}

impl Kind {
    /// The name in tables and addresses.
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Items => "items",
            Kind::Stock => "stock",
        }
    }

    /// The kind with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Kind::Items, Kind::Stock].into_iter().find(|kind| kind.name() == name)
    }

    /// Columns, in the order in which rows are kept.
    pub const fn columns(self) -> &'static [&'static str] {
        match self {
            Kind::Items => {
                &["sku", "name", "barcode", "price", "tax", "category", "options", "image", "brand"]
            }
            Kind::Stock => &["sku", "location", "quantity"],
        }
    }

    /// Columns that every file has.
    const fn needed(self) -> &'static [&'static str] {
        match self {
            Kind::Items => &["sku", "name"],
            Kind::Stock => &["sku", "location", "quantity"],
        }
    }
}

/// The file cannot be used at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unreadable(pub String);

/// Rows as JSON arrays of their cells, and rows that could not be read.
#[derive(Debug, Default)]
pub struct Batch {
    /// (row of the file, JSON).
    pub rows: Vec<(i64, String)>,
    /// Errors.
    pub errors: Vec<ErrorRow>,
}

/// Reads a file to its end. Gives the number of its rows.
pub(super) fn read(
    kind: Kind,
    incoming: mpsc::Receiver<Vec<u8>>,
    out: &mpsc::Sender<Batch>,
) -> Result<i64, Unreadable> {
    let mut rows = Rows::new(incoming);
    let header = match rows.next() {
        Some(Ok(header)) => header,
        Some(Err(broken)) => return Err(Unreadable(format!("the first row: {}", broken.told().1))),
        None => vec![],
    };
    let places = places(kind, &header)?;
    let mut batch = Batch::default();
    let mut count = 0;
    while let Some(row) = rows.next() {
        count += 1;
        let line = count + 1; // The header is row 1.
        let json = row.map_err(super::split::Broken::told);
        match json.and_then(|row| cells(&places, kind, &row)) {
            Ok(json) => batch.rows.push((line, json)),
            Err((code, detail)) => {
                let (code, detail) = (code.to_owned(), detail.to_owned());
                batch.errors.push(ErrorRow { line, code, detail });
            }
        }
        if batch.rows.len() + batch.errors.len() >= BATCH_ROWS {
            // Nobody listens any more when the database failed; the other end says so.
            let _ = out.blocking_send(std::mem::take(&mut batch));
        }
    }
    let _ = out.blocking_send(batch);
    Ok(count)
}

/// Where each of the file's columns goes.
fn places(kind: Kind, header: &Row) -> Result<Vec<usize>, Unreadable> {
    let mut places = vec![];
    for cell in header {
        let name = String::from_utf8_lossy(cell);
        let name = name.trim_start_matches('\u{feff}').trim().to_ascii_lowercase();
        let place = kind.columns().iter().position(|column| *column == name).ok_or_else(|| {
            let (name, columns) =
                (oneshelf_domain::code::plain_text(&name, 40), kind.columns().join(", "));
            Unreadable(format!("the column {name:?} is not known; columns are {columns}"))
        })?;
        if places.contains(&place) {
            return Err(Unreadable(format!("the column {} is there twice", kind.columns()[place])));
        }
        places.push(place);
    }
    for needed in kind.needed() {
        if !places.iter().any(|place| kind.columns()[*place] == *needed) {
            return Err(Unreadable(format!("the first row must name the column {needed}")));
        }
    }
    Ok(places)
}

fn cells(places: &[usize], kind: Kind, row: &Row) -> Result<String, (&'static str, &'static str)> {
    if row.len() != places.len() {
        return Err(("columns", "this row has more or fewer cells than the header"));
    }
    let mut cells = vec![None; kind.columns().len()];
    for (cell, place) in row.iter().zip(places) {
        if cell.len() > CELL_BYTES_MAX {
            return Err(("cell_too_long", "a cell has at most 4,096 bytes"));
        }
        let text = std::str::from_utf8(cell).map_err(|_| ("not_utf8", "the text is not UTF-8"))?;
        // PostgreSQL keeps no zero byte, and nobody means one.
        cells[*place] = Some(text.replace('\0', " ").trim().to_owned());
    }
    serde_json::to_string(&cells).map_err(|_| ("not_utf8", "the text is not UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_all(kind: Kind, pieces: &[&[u8]]) -> (Result<i64, Unreadable>, Vec<Batch>) {
        let (to_reader, from_sender) = mpsc::channel(100);
        let (to_store, mut from_reader) = mpsc::channel(100);
        for piece in pieces {
            to_reader.try_send(piece.to_vec()).unwrap();
        }
        drop(to_reader);
        let count = read(kind, from_sender, &to_store);
        drop(to_store);
        let mut batches = vec![];
        while let Ok(batch) = from_reader.try_recv() {
            batches.push(batch);
        }
        (count, batches)
    }

    #[test]
    fn rows_are_cut_at_their_ends_and_not_at_pieces() {
        let (count, batches) = read_all(
            Kind::Stock,
            &[b"\xef\xbb\xbflocation;sku;quan", b"tity\r\nS07;\"A;1\"", b";3\nS07;B\n;\xff;2\n"],
        );
        assert_eq!(count, Ok(3));
        assert_eq!(batches[0].rows, [(2, r#"["A;1","S07","3"]"#.to_owned())]);
        let codes: Vec<_> = batches[0].errors.iter().map(|e| (e.line, e.code.as_str())).collect();
        assert_eq!(codes, [(3, "columns"), (4, "not_utf8")]);
    }

    #[test]
    fn an_open_quote_is_an_error_of_its_row() {
        let file = b"sku,location,quantity\nA,S07,\"1\nB,S07,2\nC,\"S07\",3\n";
        let (count, batches) = read_all(Kind::Stock, &[file]);
        assert_eq!(count, Ok(3));
        let rows = [(3, r#"["B","S07","2"]"#), (4, r#"["C","S07","3"]"#)];
        assert_eq!(batches[0].rows, rows.map(|(line, json)| (line, json.to_owned())));
        assert_eq!((batches[0].errors[0].line, &*batches[0].errors[0].code), (2, "quote_open"));
    }

    #[test]
    fn a_header_must_say_what_is_there() {
        for (file, words) in [
            ("sku,quantity\n", "location"),
            ("sku,location,quantity,colour\n", "colour"),
            ("sku,sku,location,quantity\n", "twice"),
            ("", "sku"),
        ] {
            let (count, _) = read_all(Kind::Stock, &[file.as_bytes()]);
            assert!(count.unwrap_err().0.contains(words), "{file}");
        }
    }
}
