//! Reading a CSV file: its header, its rows, and what is wrong with one of them.
//!
//! Knows columns, no item and no location. Invariant: a row that cannot be read is an error of
//! that row alone; only a header that cannot be used ends the file.

use std::io::Read;

use tokio::sync::mpsc;

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

/// Pieces of a file as something to read from.
struct Pieces {
    incoming: mpsc::Receiver<Vec<u8>>,
    piece: Vec<u8>,
    at: usize,
}

impl Pieces {
    /// The next piece; false at the end.
    fn turn(&mut self) -> bool {
        while self.at == self.piece.len() {
            match self.incoming.blocking_recv() {
                Some(piece) => (self.piece, self.at) = (piece, 0),
                None => return false,
            }
        }
        true
    }

    /// Spreadsheets of half the world write semicolons.
    fn delimiter(&mut self) -> u8 {
        self.turn();
        let line = self.piece.split(|b| *b == b'\n').next().unwrap_or_default();
        let count = |wanted: u8| line.iter().filter(|b| **b == wanted).count();
        if count(b';') > count(b',') { b';' } else { b',' }
    }
}

impl Read for Pieces {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        if !self.turn() {
            return Ok(0);
        }
        let rest = &self.piece[self.at..];
        let length = rest.len().min(out.len());
        out[..length].copy_from_slice(&rest[..length]);
        self.at += length;
        Ok(length)
    }
}

/// Reads a file to its end. Gives the number of its rows.
pub(super) fn read(
    kind: Kind,
    incoming: mpsc::Receiver<Vec<u8>>,
    out: &mpsc::Sender<Batch>,
) -> Result<i64, Unreadable> {
    let mut pieces = Pieces { incoming, piece: vec![], at: 0 };
    let delimiter = pieces.delimiter();
    let mut csv = csv::ReaderBuilder::new().delimiter(delimiter).flexible(true).from_reader(pieces);
    let places = places(kind, csv.byte_headers().map_err(broken)?)?;
    let mut record = csv::ByteRecord::new();
    let mut batch = Batch::default();
    let mut count = 0;
    while csv.read_byte_record(&mut record).map_err(broken)? {
        count += 1;
        let line = count + 1; // The header is row 1.
        match cells(&places, kind, &record) {
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

fn broken(error: csv::Error) -> Unreadable {
    Unreadable(oneshelf_domain::code::plain_text(&error.to_string(), 300))
}

/// Where each of the file's columns goes.
fn places(kind: Kind, header: &csv::ByteRecord) -> Result<Vec<usize>, Unreadable> {
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

fn cells(
    places: &[usize],
    kind: Kind,
    record: &csv::ByteRecord,
) -> Result<String, (&'static str, &'static str)> {
    if record.len() != places.len() {
        return Err(("columns", "this row has more or fewer cells than the header"));
    }
    let mut cells = vec![None; kind.columns().len()];
    for (cell, place) in record.iter().zip(places) {
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
