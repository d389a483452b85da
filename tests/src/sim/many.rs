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
    take: impl FnMut(Report) -> bool,
) {
    numbered(from, threads, |seed| Some(run(seed)), take);
}

/// The same for what is in a list.
pub fn each_in_order<T: Copy + Send + Sync, R: Send>(
    all: &[T],
    threads: usize,
    run: impl Fn(T) -> R + Sync,
    mut take: impl FnMut(T, R) -> bool,
) {
    let one = |at: u64| {
        let of = *usize::try_from(at).ok().and_then(|at| all.get(at))?;
        Some((of, run(of)))
    };
    numbered(0, threads, one, |(of, result)| take(of, result));
}

/// Numbers from `from` on, until there is none or `take` has enough.
fn numbered<R: Send>(
    from: u64,
    threads: usize,
    run: impl Fn(u64) -> Option<R> + Sync,
    mut take: impl FnMut(R) -> bool,
) {
    let (next, enough) = (AtomicU64::new(from), AtomicBool::new(false));
    let (done, results) = mpsc::channel();
    std::thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            let done = done.clone();
            scope.spawn(|| {
                let done = done;
                while !enough.load(Ordering::Relaxed) {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let Some(result) = run(number) else { return };
                    if done.send((number, result)).is_err() {
                        return;
                    }
                }
            });
        }
        drop(done);
        // Gone with this closure, also when `take` panics: then nobody can send, and all stop.
        let results = results;
        let mut early = BTreeMap::new();
        let mut wanted = from;
        while let Ok((number, result)) = results.recv() {
            early.insert(number, result);
            while let Some(result) = early.remove(&wanted) {
                wanted += 1;
                if !take(result) {
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
