//! How big a command is, about: batches are bounded in bytes.
//!
//! Reckoned from its parts, not measured: exact sizes would cost more than they save.

use oneshelf_domain::stock::{Command, FactBody};
use oneshelf_sync::plan::Submission;

/// A command without lines.
const BASE_BYTES: usize = 256;
const LINE_BYTES: usize = 48;
/// A record or an item's fields beside its texts.
const DETAILS_BYTES: usize = 512;

/// About how many bytes a submission has as JSON.
pub(super) fn bytes(submission: &Submission) -> usize {
    BASE_BYTES + more(&submission.command)
}

fn more(command: &Command) -> usize {
    match command {
        Command::OnlyIf { change, .. } => more(change),
        Command::PutItem { details, .. } => {
            DETAILS_BYTES + details.name.len() + details.barcodes.len() * LINE_BYTES
        }
        Command::PutPrices { prices, .. } => prices.len() * LINE_BYTES,
        Command::PutRecord { .. } | Command::Redeem { .. } => 2 * DETAILS_BYTES,
        Command::Receive { lines, .. } => lines.len() * LINE_BYTES,
        Command::Reserve { lines, .. } => lines.len() * LINE_BYTES,
        Command::Transfer { lines, .. } => lines.len() * LINE_BYTES,
        Command::ReceiveTransfer { lines, .. } => lines.len() * LINE_BYTES,
        Command::Hello { granted, .. } => granted.len() * LINE_BYTES,
        Command::BookRejected { body, .. } => fact(body),
        Command::Fact { granted, body, .. } => granted.len() * LINE_BYTES + fact(body),
        _ => 0,
    }
}

fn fact(body: &FactBody) -> usize {
    match body {
        FactBody::Sale { lines, document } => {
            let document = document.as_ref().map_or(0, |d| DETAILS_BYTES + d.lines.len() * 64);
            lines.len() * LINE_BYTES + document
        }
        FactBody::Handover { lines, .. } | FactBody::Released { lines, .. } => {
            lines.len() * LINE_BYTES
        }
        FactBody::Sent { lines, .. } => lines.len() * LINE_BYTES,
        FactBody::Arrived { lines, .. } => lines.len() * LINE_BYTES,
        FactBody::Close { left } => left.len() * LINE_BYTES,
        _ => 0,
    }
}
