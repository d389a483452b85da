//! Cuts a stream of bytes into the rows of a CSV file (RFC 4180), and a row into its cells.
//!
//! Knows no column. Invariant: a quote that is not closed costs its own line alone: what was read
//! as part of the cell behind it is read again as lines, and no row grows beyond
//! [`ROW_BYTES_MAX`].

use tokio::sync::mpsc;

/// The longest row, bytes: all cells of a file at their longest, and room for quotes.
pub(super) const ROW_BYTES_MAX: usize = 64 << 10;

/// What is kept of a line that is no row, bytes.
const LINE_BYTES_KEPT: usize = 4 << 10;

/// A row that has no cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Broken {
    /// A quote opens a cell and none closes it, or text follows the one that does.
    Quote,
    /// It does not end.
    TooLong,
}

impl Broken {
    /// The stable code, and words.
    pub(super) const fn told(self) -> (&'static str, &'static str) {
        match self {
            Broken::Quote => ("quote_open", "a quote of this line is not closed, or text follows"),
            Broken::TooLong => ("row_too_long", "a row has at most 65,536 bytes"),
        }
    }
}

/// Cells of a row.
pub(super) type Row = Vec<Vec<u8>>;

/// Where a reader of a row is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum At {
    /// Before a cell's first byte.
    Start,
    Plain,
    Quoted,
    /// Behind a quote in quotes: it closes the cell or stands for itself.
    Quote,
}

impl At {
    /// Behind one more byte that does not end the row; none when it may not stand here.
    fn then(self, byte: u8, delimiter: u8) -> Option<Self> {
        Some(match self {
            At::Quoted if byte == b'"' => At::Quote,
            At::Quoted => At::Quoted,
            At::Quote if byte == b'"' => At::Quoted,
            At::Start if byte == b'"' => At::Quoted,
            _ if byte == delimiter => At::Start,
            At::Quote => return None,
            At::Start | At::Plain => At::Plain,
        })
    }

    /// Whether a line's end ends the row here.
    fn ends_with(self, byte: u8) -> bool {
        self != At::Quoted && is_end(byte)
    }
}

fn is_end(byte: u8) -> bool {
    byte == b'\n' || byte == b'\r'
}

/// A file on its way in.
pub(super) struct Rows {
    incoming: mpsc::Receiver<Vec<u8>>,
    /// Bytes that came and are not given out.
    held: Vec<u8>,
    /// The first one of these.
    from: usize,
    delimiter: u8,
}

impl Rows {
    pub(super) fn new(incoming: mpsc::Receiver<Vec<u8>>) -> Self {
        let mut rows = Self { incoming, held: vec![], from: 0, delimiter: b',' };
        while rows.held.iter().all(|b| is_end(*b)) && rows.more() {}
        rows.delimiter = delimiter(&rows.held);
        rows
    }

    /// Waits for the next piece; false at the end of the file.
    fn more(&mut self) -> bool {
        self.held.drain(..self.from);
        self.from = 0;
        let piece = self.incoming.blocking_recv();
        piece.is_some_and(|piece| {
            self.held.extend(piece);
            true
        })
    }

    /// The byte at a place behind the row's first; none behind the file's last.
    fn byte(&mut self, at: usize) -> Option<u8> {
        while self.from + at >= self.held.len() {
            if !self.more() {
                return None;
            }
        }
        self.held.get(self.from + at).copied()
    }

    /// What stands between cells.
    pub(super) const fn delimiter(&self) -> char {
        self.delimiter as char
    }

    /// The next row that is not empty; of a broken one the beginning of its line.
    pub(super) fn next(&mut self) -> Option<Result<Row, (Broken, Vec<u8>)>> {
        while is_end(self.byte(0)?) {
            self.from += 1;
        }
        let (mut state, mut length) = (At::Start, 0);
        let broken = loop {
            let Some(byte) = self.byte(length) else {
                // The file's last line needs no end, but a quote does.
                if state != At::Quoted {
                    break None;
                }
                break Some(Broken::Quote);
            };
            if state.ends_with(byte) {
                break None;
            }
            match state.then(byte, self.delimiter) {
                Some(next) => state = next,
                None => break Some(Broken::Quote),
            }
            length += 1;
            if length > ROW_BYTES_MAX {
                let quoted = state == At::Quoted || state == At::Quote;
                break Some(if quoted { Broken::Quote } else { Broken::TooLong });
            }
        };
        if let Some(broken) = broken {
            return Some(Err((broken, self.leave_line())));
        }
        let row = cells(&self.held[self.from..self.from + length], self.delimiter);
        self.from += length;
        Some(Ok(row))
    }

    /// Goes behind the end of the line that the row began on; what follows is read anew. Gives
    /// the line's beginning.
    fn leave_line(&mut self) -> Vec<u8> {
        let (mut at, mut line) = (0, vec![]);
        while let Some(byte) = self.byte(at) {
            if is_end(byte) {
                self.from += at;
                return line;
            }
            if line.len() < LINE_BYTES_KEPT {
                line.push(byte);
            }
            at += 1;
            if at > ROW_BYTES_MAX {
                // Nothing of it is needed any more.
                self.from += at;
                at = 0;
            }
        }
        self.from = self.held.len();
        line
    }
}

/// Spreadsheets of half the world write semicolons.
fn delimiter(held: &[u8]) -> u8 {
    let mut lines = held.split(|b| is_end(*b)).filter(|line| !line.is_empty());
    let line = lines.next().unwrap_or_default();
    let count = |wanted: u8| line.iter().filter(|b| **b == wanted).count();
    if count(b';') > count(b',') { b';' } else { b',' }
}

/// Cells of a whole row whose quotes are right.
fn cells(row: &[u8], delimiter: u8) -> Row {
    let (mut cells, mut state) = (vec![vec![]], At::Start);
    for byte in row {
        let next = state.then(*byte, delimiter).unwrap_or(state);
        let cell = match (state, next) {
            (_, At::Start) => {
                cells.push(vec![]);
                state = next;
                continue;
            }
            // A quote that opens, and the first of two.
            (At::Start, At::Quoted) | (At::Quoted, At::Quote) => None,
            _ => cells.last_mut(),
        };
        if let Some(cell) = cell {
            cell.push(*byte);
        }
        state = next;
    }
    cells
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All rows, cells joined by `|`, from pieces of this size.
    fn rows(file: &str, size: usize) -> Vec<String> {
        let (sender, receiver) = mpsc::channel(1_000_000);
        for piece in file.as_bytes().chunks(size) {
            sender.try_send(piece.to_vec()).unwrap();
        }
        drop(sender);
        let mut rows = Rows::new(receiver);
        let mut all = vec![];
        while let Some(row) = rows.next() {
            all.push(match row {
                Ok(cells) => cells
                    .iter()
                    .map(|c| String::from_utf8_lossy(c).into_owned())
                    .collect::<Vec<_>>()
                    .join("|"),
                Err((broken, _)) => format!("{broken:?}"),
            });
        }
        all
    }

    #[test]
    fn rows_and_cells_are_cut_as_the_rfc_says() {
        let file = "a,b\r\n\r\n\"x,1\",\"say \"\"hi\"\"\"\n\"two\nlines\",\n,,\rin\"side,\"\"";
        let expected = ["a|b", "x,1|say \"hi\"", "two\nlines|", "||", "in\"side|"];
        for size in [1, 2, 3, 7, 1_000] {
            assert_eq!(rows(file, size), expected, "pieces of {size}");
        }
        assert_eq!(rows("", 1), [""; 0]);
        assert_eq!(rows("\n\r\n", 1), [""; 0]);
    }

    #[test]
    fn an_open_quote_costs_its_line_alone() {
        for size in [1, 5, 10_000] {
            assert_eq!(rows("a,b\n1,\"x\n2,y\n3,z", size), ["a|b", "Quote", "2|y", "3|z"]);
            // The next quote is not taken for its end.
            let file = "a,b\n1,\"x\n2,\"y\"\n3,z\n";
            assert_eq!(rows(file, size), ["a|b", "Quote", "2|y", "3|z"]);
            assert_eq!(rows("a\n\"x\"y\nz\n", size), ["a", "Quote", "z"]);
        }
    }

    #[test]
    fn no_row_grows_for_ever() {
        let mut file = "a,b\n1,\"x\n".to_owned();
        for n in 0..20_000 {
            file.push_str(&format!("{n},y\n"));
        }
        let all = rows(&file, 4_096);
        assert_eq!((all.len(), all[1].as_str()), (20_002, "Quote"));
        assert_eq!(all[20_001], "19999|y");
        let long = "x".repeat(3 * ROW_BYTES_MAX);
        assert_eq!(rows(&format!("a\n{long}\nb\n"), 1_000), ["a", "TooLong", "b"]);
        assert_eq!(rows(&format!("a\n\"{long}"), 1_000), ["a", "Quote"]);
    }
}
