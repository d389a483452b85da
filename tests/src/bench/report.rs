//! Figures of all rounds, their medians and minima, and the ratios that are judged.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::Load;

/// A cell of the table: who, load, clients.
pub type Cell = (String, Load, usize);

/// All figures.
#[derive(Debug, Default)]
pub struct Figures {
    /// Pairs a second, one a round.
    pub pairs: BTreeMap<Cell, Vec<f64>>,
    /// Durable pages a second, one a round.
    pub probe: Vec<f64>,
}

/// The middle of some figures.
pub fn median(figures: &[f64]) -> f64 {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => 0.0,
        n if n % 2 == 1 => sorted[n / 2],
        n => f64::midpoint(sorted[n / 2 - 1], sorted[n / 2]),
    }
}

fn minimum(figures: &[f64]) -> f64 {
    figures.iter().copied().fold(f64::INFINITY, f64::min)
}

impl Figures {
    /// Takes one figure in.
    pub fn put(&mut self, who: &str, load: Load, clients: usize, pairs: f64) {
        self.pairs.entry((who.to_owned(), load, clients)).or_default().push(pairs);
    }

    /// The median of a cell.
    pub fn of(&self, who: &str, load: Load, clients: usize) -> f64 {
        self.pairs.get(&(who.to_owned(), load, clients)).map_or(0.0, |f| median(f))
    }

    /// The best median of the baseline under a load.
    pub fn best_baseline(&self, load: Load) -> f64 {
        let ours = |who: &str| who.starts_with("oneshelf");
        let cells = self.pairs.iter().filter(|((who, l, _), _)| *l == load && !ours(who));
        cells.map(|(_, f)| median(f)).fold(0.0, f64::max)
    }

    /// The table, for people.
    pub fn table(&self) -> String {
        let mut text = String::new();
        let probe = (median(&self.probe), minimum(&self.probe));
        let _ =
            writeln!(text, "fdatasync of 4 KiB: median {:.0}/s, minimum {:.0}/s", probe.0, probe.1);
        let _ = writeln!(
            text,
            "{:<24}{:<9}{:>8}{:>14}{:>14}{:>10}",
            "pairs a second", "load", "clients", "median", "minimum", "x best"
        );
        for ((who, load, clients), figures) in &self.pairs {
            let middle = median(figures);
            let _ = writeln!(
                text,
                "{who:<24}{:<9}{clients:>8}{middle:>14.0}{:>14.0}{:>10.2}",
                load.name(),
                minimum(figures),
                middle / self.best_baseline(*load).max(1.0),
            );
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle() {
        assert!((median(&[3.0, 1.0, 2.0]) - 2.0).abs() < f64::EPSILON);
        assert!((median(&[4.0, 1.0, 2.0, 3.0]) - 2.5).abs() < f64::EPSILON);
    }

    #[test]
    fn the_best_baseline_is_not_ours() {
        let mut figures = Figures::default();
        figures.put("postgres naive", Load::Hot, 8, 10.0);
        figures.put("oneshelf sqlite", Load::Hot, 256, 900.0);
        assert!((figures.best_baseline(Load::Hot) - 10.0).abs() < f64::EPSILON);
    }
}
