//! What is wrong with a command whatever the state: the second check of each (`refusal.rs`).
//!
//! It looks at no row, so a transport can ask before it knows the numbers of items and places.

use super::{ArrivedLine, Command, LocationNo, Place};
use crate::limits;
use crate::refusal::Refusal;

const UNITS: &str = "1 to 1,000,000,000";

/// The first field of a request for stock that breaks a rule.
///
/// # Errors
/// `invalid`, with that field.
pub fn shape(command: &Command) -> Result<(), Refusal> {
    match command {
        Command::Receive { lines, .. } => {
            count_lines(lines.len())?;
            units("/lines/quantity", lines.iter().map(|(_, quantity)| *quantity))
        }
        Command::Reserve { lines, expires_in_ms, .. } => {
            count_lines(lines.len())?;
            units("/lines/quantity", lines.iter().map(|(_, _, quantity)| *quantity))?;
            let ends = 1_000..=limits::RESERVATION_MS_MAX;
            if expires_in_ms.is_some_and(|ms| !ends.contains(&ms)) {
                return Err(Refusal::invalid("/expires_in_s", "1 second to 30 days"));
            }
            Ok(())
        }
        Command::Transfer { from, to, lines, .. } => {
            count_lines(lines.len())?;
            units("/lines/quantity", lines.iter().map(|(_, quantity)| *quantity))?;
            match from == to && *from != LocationNo(0) {
                true => Err(Refusal::invalid("/to", "another location than from")),
                false => Ok(()),
            }
        }
        Command::ReceiveTransfer { lines, close, .. } => arrived(lines, *close),
        Command::ReturnGoods { quantity, to, .. } => {
            if !matches!(to, Place::Available | Place::QualityControl) {
                return Err(Refusal::invalid("/to", "available or quality_control"));
            }
            units("/quantity", [*quantity])
        }
        Command::Adjust { quantity, .. } => units("/quantity", [*quantity]),
        Command::Count { found, .. } if !(0..=limits::QUANTITY_MAX).contains(found) => {
            Err(Refusal::invalid("/found", "0 to 1,000,000,000"))
        }
        _ => Ok(()),
    }
}

fn count_lines(lines: usize) -> Result<(), Refusal> {
    match (1..=limits::LINES_MAX).contains(&lines) {
        true => Ok(()),
        false => Err(Refusal::invalid("/lines", "1 to 200 lines")),
    }
}

/// Lines may say that something did not come; all of them together only of one that is closed.
fn arrived(lines: &[ArrivedLine], close: bool) -> Result<(), Refusal> {
    if lines.len() > limits::LINES_MAX {
        return Err(Refusal::invalid("/lines", "up to 200 lines"));
    }
    let units = 0..=limits::QUANTITY_MAX;
    for line in lines {
        for (field, n) in [("/lines/good", line.good), ("/lines/damaged", line.damaged)] {
            if !units.contains(&n) {
                return Err(Refusal::invalid(field, "0 to 1,000,000,000"));
            }
        }
    }
    let nothing = lines.iter().all(|line| line.good + line.damaged == 0);
    if nothing && !close {
        return Err(Refusal::invalid("/lines", "something that came, or close it"));
    }
    Ok(())
}

fn units(field: &str, all: impl IntoIterator<Item = i64>) -> Result<(), Refusal> {
    let mut wrong = all.into_iter().filter(|n| !(1..=limits::QUANTITY_MAX).contains(n));
    wrong.next().map_or(Ok(()), |_| Err(Refusal::invalid(field, UNITS)))
}
