//! Frames of a hub that is newer than this build.
//!
//! A field that is not known is ignored by every type that travels; a row that is not known must
//! not take the rest of its frame with it, else the copy would stand still for good. What is left
//! out comes when the build that knows it asks for the whole copy (its migration forgets the
//! copy's place). Invariant: nobody keeps a right or a policy that the hub has replaced.

use serde::Deserialize;
use serde_json::Value;

use crate::frame::Down;
use crate::replica::Row;

/// A frame of the hub, as far as it is known here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Read {
    /// The frame.
    pub frame: Down,
    /// Rows of it that are not known here.
    pub left_out: usize,
}

/// Reads a frame of the hub.
///
/// # Errors
/// When it is no frame, or of a kind that is not known here.
pub fn read(text: &str) -> Result<Read, serde_json::Error> {
    // The second look costs nothing as long as everything is known.
    match serde_json::from_str(text) {
        Ok(frame) => Ok(Read { frame, left_out: 0 }),
        Err(error) => known_rows(text).ok_or(error),
    }
}

fn known_rows(text: &str) -> Option<Read> {
    let mut value: Value = serde_json::from_str(text).ok()?;
    let Value::Array(rows) = value.get_mut("rows")?.take() else { return None };
    let mut left_out = 0;
    let mut known = vec![];
    for row in rows {
        match Row::deserialize(&row) {
            Ok(row) => known.push(row),
            Err(_) => {
                left_out += 1;
                known.extend(over(&row));
            }
        }
    }
    value["rows"] = Value::Array(vec![]);
    match serde_json::from_value(value).ok()? {
        Down::Changes { session, epoch, after, upto, applied, part, more, .. } => {
            let rows = known;
            let frame = Down::Changes { session, epoch, after, upto, applied, rows, part, more };
            Some(Read { frame, left_out })
        }
        _ => None,
    }
}

/// What is left of a row that is not known. A record that is another one now is not what it was:
/// somebody's role, a share. Shop and locations give no right, and no sale goes without them: what
/// was known of them stays, as an item does.
fn over(row: &Value) -> Option<Row> {
    let key = row.get("key").filter(|_| row["row"] == "record")?.as_str()?;
    let stays = key.starts_with("shop/") || key.starts_with("location/");
    (!stays).then(|| Row::Record { key: key.to_owned(), record: None })
}

#[cfg(test)]
#[path = "newer_tests.rs"]
mod tests;
