//! The table as a picture: a row of panels a measure, a column a line, a group of bars a stock.
//!
//! The scale is logarithmic, since the lines differ by a factor of ten. Whole numbers alone. It is
//! readable on a light and on a dark page: both have their colours.

use std::fmt::Write as _;

use super::table::rate;
use super::{Cell, LINES, POLICIES, STOCKS};

const LEFT: i64 = 64;
const TOP: i64 = 108;
const PANEL: (i64, i64) = (300, 150);
const GAP: (i64, i64) = (24, 56);
const BAR: i64 = 14;
/// The axis ends at one, and at a thousand of 10,000.
const DECADES: i64 = 3;

const MEASURES: [&str; 3] = [
    "web orders lost, of 10,000",
    "walk-in sales beyond the share, of 10,000",
    "promises broken, of 10,000 walk-ins",
];

const STYLE: &str = "\
<style>
  .page { fill: #ffffff } .word { fill: #1f2328 } .soft { fill: #59636e }
  .grid { stroke: #d1d9e0 } .axis { stroke: #59636e }
  .p0 { fill: #59636e } .p1 { fill: #0a6ed1 } .p2 { fill: #b35900 } .p3 { fill: #1a7f37 }
  text { font-family: system-ui, -apple-system, 'Segoe UI', sans-serif }
  @media (prefers-color-scheme: dark) {
    .page { fill: #0d1117 } .word { fill: #f0f6fc } .soft { fill: #9198a1 }
    .grid { stroke: #3d444d } .axis { stroke: #9198a1 }
    .p0 { fill: #9198a1 } .p1 { fill: #4da3ff } .p2 { fill: #f0a04b } .p3 { fill: #4ac26b }
  }
</style>
";

/// The picture as SVG.
pub fn plot(cells: &[Cell]) -> String {
    let width = LEFT + 3 * (PANEL.0 + GAP.0);
    let height = TOP + 3 * (PANEL.1 + GAP.1) + 12;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
         width=\"{width}\" height=\"{height}\" role=\"img\" \
         aria-label=\"What share policies cost, by stock and line\">\n{STYLE}\
         <rect class=\"page\" width=\"{width}\" height=\"{height}\"/>\n"
    );
    text(&mut svg, (LEFT, 24), "word", 16, "What a share policy costs");
    legend(&mut svg);
    for (measure, name) in MEASURES.iter().enumerate() {
        for (line, of) in LINES.iter().enumerate() {
            let at = |n: usize, step: i64| i64::try_from(n).unwrap_or(0) * step;
            let x = LEFT + at(line, PANEL.0 + GAP.0);
            let y = TOP + at(measure, PANEL.1 + GAP.1);
            if measure == 0 {
                let title = format!("line up {}", of.name);
                text(&mut svg, (x, y - 30), "word", 13, &title);
            }
            if line == 0 {
                text(&mut svg, (x, y - 9), "soft", 12, name);
            }
            axes(&mut svg, (x, y), line == 0);
            bars(&mut svg, (x, y), cells, line, measure);
        }
    }
    svg.push_str("</svg>\n");
    svg
}

fn text(svg: &mut String, (x, y): (i64, i64), class: &str, size: i64, words: &str) {
    let _ = writeln!(
        svg,
        "<text class=\"{class}\" x=\"{x}\" y=\"{y}\" font-size=\"{size}\">{words}</text>"
    );
}

fn legend(svg: &mut String) {
    let mut x = LEFT;
    for (policy, (name, _)) in POLICIES.iter().enumerate() {
        let _ = writeln!(
            svg,
            "<rect class=\"p{policy}\" x=\"{x}\" y=\"38\" width=\"12\" height=\"12\"/>"
        );
        text(svg, (x + 18, 49), "word", 12, name);
        x += 40 + 8 * i64::try_from(name.len()).unwrap_or(0);
    }
}

fn axes(svg: &mut String, (x, y): (i64, i64), numbers: bool) {
    for decade in 0..=DECADES {
        let at = y + PANEL.1 - decade * PANEL.1 / DECADES;
        let class = if decade == 0 { "axis" } else { "grid" };
        let right = x + PANEL.0;
        let _ = writeln!(
            svg,
            "<line class=\"{class}\" x1=\"{x}\" y1=\"{at}\" x2=\"{right}\" y2=\"{at}\"/>"
        );
        if numbers {
            let number = 10_i64.pow(u32::try_from(decade).unwrap_or(0));
            let _ = writeln!(
                svg,
                "<text class=\"soft\" x=\"{}\" y=\"{}\" font-size=\"11\" \
                 text-anchor=\"end\">{number}</text>",
                x - 8,
                at + 4
            );
        }
    }
}

fn bars(svg: &mut String, (x, y): (i64, i64), cells: &[Cell], line: usize, measure: usize) {
    let group = PANEL.0 / 4;
    for (stock, units) in STOCKS.iter().enumerate() {
        let left = x + group * i64::try_from(stock).unwrap_or(0) + 6;
        for cell in cells.iter().filter(|c| (c.line, c.stock) == (line, stock)) {
            let tenths = cell.tally.rates()[measure];
            let policy = i64::try_from(cell.policy).unwrap_or(0);
            let (at, tall) = (left + policy * (BAR + 2), height(tenths));
            let top = y + PANEL.1 - tall;
            let _ = writeln!(
                svg,
                "<rect class=\"p{}\" x=\"{at}\" y=\"{top}\" width=\"{BAR}\" height=\"{tall}\"/>",
                cell.policy
            );
            let _ = writeln!(
                svg,
                "<text class=\"word\" x=\"{}\" y=\"{}\" font-size=\"8\" \
                 text-anchor=\"middle\">{}</text>",
                at + BAR / 2,
                top - 3,
                rate(tenths)
            );
        }
        let below = y + PANEL.1 + 15;
        text(svg, (left + 12, below), "soft", 11, &format!("stock {units}"));
    }
}

/// Pixels of a rate in tenths; nothing below one of 10,000.
fn height(tenths: u64) -> i64 {
    if tenths <= 10 {
        return 0;
    }
    // log10(t / 10) = (log2(t) - log2(10)) / log2(10), in thousandths.
    let log = (log2(tenths) - log2(10)) * 1_000 / log2(10);
    (log * PANEL.1 / (DECADES * 1_000)).min(PANEL.1)
}

/// The logarithm in thousandths, by squaring.
fn log2(n: u64) -> i64 {
    let whole = i64::from(n.ilog2());
    let mut rest = (u128::from(n) << 32) >> n.ilog2();
    let (mut part, mut bit) = (0, 1 << 15);
    while bit > 0 {
        rest = (rest * rest) >> 32;
        if rest >= 2 << 32 {
            rest >>= 1;
            part += bit;
        }
        bit >>= 1;
    }
    whole * 1_000 + part * 1_000 / (1 << 16)
}
