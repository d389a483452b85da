//! Many seeds at once, on as many threads as there are cores, handed on in their order.
//!
//! A run owns all that it needs, so that what it comes to does not depend on its neighbours; what
//! is made of many does not depend on the number of threads either.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc;

use super::Report;

/// Runs seeds from `from` on until `take` has enough: it gets each report in the order of the
/// seeds, and says whether it wants another.
pub fn in_order(
    from: u64,
    threads: usize,
    run: impl Fn(u64) -> Report + Sync,
    mut take: impl FnMut(Report) -> bool,
) {
    let (next, enough) = (AtomicU64::new(from), AtomicBool::new(false));
    let (done, reports) = mpsc::channel();
    std::thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            let done = done.clone();
            scope.spawn(|| {
                let done = done;
                while !enough.load(Ordering::Relaxed) {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if done.send(run(seed)).is_err() {
                        return;
                    }
                }
            });
        }
        drop(done);
        // Gone with this closure, also when `take` panics: then nobody can send, and all stop.
        let reports = reports;
        let mut early = BTreeMap::new();
        let mut wanted = from;
        while let Ok(report) = reports.recv() {
            early.insert(report.seed, report);
            while let Some(report) = early.remove(&wanted) {
                wanted += 1;
                if !take(report) {
                    enough.store(true, Ordering::Relaxed);
                    return;
                }
            }
        }
    });
}

/// As many as there are cores.
pub fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}
