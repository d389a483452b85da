//! Splitting rows into frames that stay under the limit.
//!
//! Invariant: no row is lost or split, and there is always at least one part.

use oneshelf_domain::limits;
use oneshelf_protocol::replica::Row;

/// Rows in parts of about half a frame each; one empty part for none.
pub(super) fn split(rows: Vec<Row>) -> Vec<Vec<Row>> {
    let mut parts = vec![vec![]];
    let mut bytes = 0;
    for row in rows {
        let size = serde_json::to_vec(&row).map_or(0, |v| v.len()) + 1;
        if bytes + size > limits::FRAME_BYTES_MAX / 2 && bytes > 0 {
            parts.push(vec![]);
            bytes = 0;
        }
        bytes += size;
        if let Some(part) = parts.last_mut() {
            part.push(row);
        }
    }
    parts
}
