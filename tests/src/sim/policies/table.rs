//! The table as Markdown.

use std::fmt::Write as _;

use super::{Cell, LINES, POLICIES, STOCKS};

/// Rates of 10,000: web orders lost / sales beyond the share / promises broken.
pub fn table(cells: &[Cell]) -> String {
    let mut text = String::from("| line up, mean outage | stock |");
    POLICIES.iter().for_each(|(name, _)| _ = write!(text, " {name} |"));
    text.push_str("\n| --- | --- |");
    POLICIES.iter().for_each(|_| text.push_str(" --- |"));
    text.push('\n');
    for (line, of) in LINES.iter().enumerate() {
        for (stock, units) in STOCKS.iter().enumerate() {
            let name = if stock == 0 { of.name } else { "" };
            let _ = write!(text, "| {name} | {units} |");
            for cell in cells.iter().filter(|c| (c.line, c.stock) == (line, stock)) {
                let [web, beyond, broken] = cell.tally.rates().map(rate);
                let _ = write!(text, " {web} / {beyond} / {broken} |");
            }
            text.push('\n');
        }
    }
    text
}

/// Tenths as people read them: below ten with one decimal.
pub(super) fn rate(tenths: u64) -> String {
    match tenths {
        0 => "0".to_owned(),
        1..100 => format!("{}.{}", tenths / 10, tenths % 10),
        _ => ((tenths + 5) / 10).to_string(),
    }
}
