//! What share policies cost: the docs show what the command makes, and it is what the protocol's
//! page measured, as far as the two models are alike.

use crate::sim::{Cell, LINES, POLICIES, STOCKS, WEEKS, measure, plot, table, threads};

const PAGE: &str = include_str!("../../../docs/shares-policies.md");
const PLOT: &str = include_str!("../../../docs/shares-policies.svg");

/// shares.md section 7, per 10,000, in tenths: lines, stocks, then fixed 0 and fixed 1.
const MEASURED: [[[[u64; 3]; 2]; 4]; 3] = [
    [
        [[0, 290, 28], [260, 20, 22]],
        [[0, 310, 26], [140, 30, 28]],
        [[0, 380, 42], [60, 50, 40]],
        [[0, 420, 70], [20, 90, 65]],
    ],
    [
        [[0, 2870, 270], [2640, 220, 200]],
        [[0, 3210, 320], [1410, 330, 230]],
        [[0, 3600, 410], [580, 640, 330]],
        [[0, 4080, 620], [170, 1620, 530]],
    ],
    [
        [[0, 2830, 440], [2400, 510, 160]],
        [[0, 3210, 490], [1270, 780, 210]],
        [[0, 3630, 550], [480, 1420, 320]],
        [[0, 3910, 650], [100, 2780, 560]],
    ],
];

#[test]
fn the_docs_show_what_the_command_makes() {
    let cells = measure(WEEKS, threads(), |_, _| {});
    assert_eq!(cells.len(), LINES.len() * STOCKS.len() * POLICIES.len());
    assert!(PAGE.contains(&table(&cells)), "cargo xtask sim --policies writes it anew");
    assert!(PLOT == plot(&cells), "cargo xtask sim --policies writes it anew");
    for Cell { line, stock, policy, tally } in cells.iter().filter(|cell| cell.policy < 2) {
        let measured = MEASURED[*line][*stock][*policy];
        for (ours, theirs) in tally.rates().into_iter().zip(measured) {
            // Within a factor of four; the rarest events are a handful on either side.
            let near = ours <= 4 * theirs + 20 && theirs <= 4 * ours + 20;
            assert!(near, "{line} {stock} {policy}: {ours} here, {theirs} in tenths there");
        }
    }
}

#[test]
fn a_share_costs_web_orders_and_saves_sales() {
    let cells = measure(2_000, threads(), |_, _| {});
    let of = |policy| cells.iter().filter(move |c| c.policy == policy).map(|c| c.tally);
    for (none, one) in of(0).zip(of(1)) {
        assert_eq!(none.lost_web, 0, "no share, nothing to lose");
        assert!(none.beyond > one.beyond, "{none:?} {one:?}");
        for tally in [none, one] {
            assert!(tally.broken <= tally.beyond && tally.beyond <= tally.walk_in, "{tally:?}");
        }
    }
    // Of one unit a percentage takes none.
    for (none, percent) in of(0).zip(of(2)).step_by(STOCKS.len()) {
        assert_eq!(none, percent);
    }
}
