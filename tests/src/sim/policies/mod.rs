//! What a share policy costs: web orders lost, walk-in sales beyond the share, promises broken,
//! by stock and by the quality of the line (reference/shares.md section 7).
//!
//! A model of one store and one item over many weeks. The size of a share is the product's own
//! rule; who may take what is said in `model`. Whole numbers and one seed a cell: the same table
//! and plot on every machine.

mod model;
mod plot;
mod table;

use oneshelf_domain::record::ShareRule;
use oneshelf_domain::stock::ItemNo;

pub use model::Tally;
pub use plot::plot;
pub use table::table;

/// Weeks of each cell of the table in the docs.
pub const WEEKS: u64 = 100_000;

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;

/// A line: how much of the time it is up, in thousandths, and how long it is down at a time.
#[derive(Debug, Clone, Copy)]
pub struct Line {
    /// As in the table.
    pub name: &'static str,
    up_per_mille: i64,
    outage_ms: i64,
}

/// The lines of the table.
pub const LINES: [Line; 3] = [
    Line { name: "99.5 %, 0.5 h", up_per_mille: 995, outage_ms: HOUR / 2 },
    Line { name: "95 %, 4 h", up_per_mille: 950, outage_ms: 4 * HOUR },
    Line { name: "95 %, 24 h", up_per_mille: 950, outage_ms: 24 * HOUR },
];

/// Units that a store is topped up to every week.
pub const STOCKS: [i64; 4] = [1, 2, 5, 20];

/// The policies of the table.
pub const POLICIES: [(&str, ShareRule); 4] = [
    ("fixed 0", ShareRule::Fixed { units: 0 }),
    ("fixed 1", ShareRule::Fixed { units: 1 }),
    ("20 %, rounded up", ShareRule::Percent { percent: 20 }),
    ("auto", ShareRule::Auto),
];

const ITEM: ItemNo = ItemNo(1);

/// One cell, measured.
#[derive(Debug, Clone, Copy)]
pub struct Cell {
    /// Of [`LINES`].
    pub line: usize,
    /// Of [`STOCKS`].
    pub stock: usize,
    /// Of [`POLICIES`].
    pub policy: usize,
    /// What happened.
    pub tally: Tally,
}

/// Every cell over so many weeks, in the order of lines, stocks, policies. `done` is told of each.
pub fn measure(weeks: u64, threads: usize, mut done: impl FnMut(usize, usize)) -> Vec<Cell> {
    let mut order = vec![];
    for line in 0..LINES.len() {
        for stock in 0..STOCKS.len() {
            order.extend((0..POLICIES.len()).map(|policy| (line, stock, policy)));
        }
    }
    let mut cells = vec![];
    // The cells with much stock take long: spread over the threads one by one.
    for some in order.chunks(threads.max(1)) {
        let measured: Vec<Cell> = std::thread::scope(|scope| {
            let one = |(line, stock, policy): (usize, usize, usize)| {
                move || {
                    let (_, rule) = POLICIES[policy];
                    let tally = model::weeks(LINES[line], STOCKS[stock], rule, weeks);
                    Cell { line, stock, policy, tally }
                }
            };
            let threads: Vec<_> = some.iter().map(|cell| scope.spawn(one(*cell))).collect();
            threads.into_iter().filter_map(|thread| thread.join().ok()).collect()
        });
        cells.extend(measured);
        done(cells.len(), order.len());
    }
    cells
}
