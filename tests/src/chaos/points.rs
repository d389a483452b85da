//! Which system calls there are at which something can happen, and which of them are tried.
//!
//! It knows strace's lines and numbers, never a program. Invariant: the same lines and the same
//! count give the same points, and they cover each call from its first to its last.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Calls that change files.
pub const OF_FILES: [&str; 11] = [
    "pwrite64",
    "write",
    "fsync",
    "fdatasync",
    "ftruncate",
    "fallocate",
    "rename",
    "unlink",
    "openat",
    "fchmod",
    "mkdir",
];
/// Calls that send.
pub const OF_SOCKETS: [&str; 3] = ["sendto", "writev", "sendmsg"];

/// A call that a thread makes for the how manieth time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Point {
    /// Its name.
    pub call: &'static str,
    /// From 1.
    pub nth: u64,
}

/// What one life of a program did.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// The most such calls of one thread: strace counts each thread for itself.
    pub calls: BTreeMap<&'static str, u64>,
    /// Files of the program that they were made on.
    pub files: BTreeSet<PathBuf>,
}

/// Reads what strace wrote down with `-f -y`; of calls on files, those on paths that begin with one
/// of `own`.
pub fn seen(log: &str, own: &[PathBuf]) -> Seen {
    let mut found = Seen::default();
    let mut of_thread: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for line in log.lines() {
        let Some((thread, rest)) = line.split_once(' ') else { continue };
        let Some((name, arguments)) = rest.trim_start().split_once('(') else { continue };
        let file = OF_FILES.iter().find(|call| **call == name);
        let Some(call) = file.or_else(|| OF_SOCKETS.iter().find(|call| **call == name)) else {
            continue;
        };
        if file.is_some() {
            // What goes to a file is counted where it begins, also when it is resumed later.
            let Some(path) = path_in(arguments, own) else { continue };
            found.files.insert(path);
        }
        let count = of_thread.entry((call, thread)).or_default();
        *count += 1;
        let most = found.calls.entry(call).or_default();
        *most = (*most).max(*count);
    }
    found
}

/// The path behind a descriptor, `3</a/b>`, or in quotes.
fn path_in(arguments: &str, own: &[PathBuf]) -> Option<PathBuf> {
    let pieces = arguments.split(['<', '>', '"']);
    let path = pieces
        .filter(|piece| piece.starts_with('/'))
        .find(|piece| own.iter().any(|own| piece.starts_with(&*own.display().to_string())))?;
    Some(Path::new(path).to_owned())
}

/// `count` points: each call gets as many as the others, as far as it has them, spread from its
/// first to its last; when all are taken, they are taken again.
pub fn spread(calls: &BTreeMap<&'static str, u64>, count: usize) -> Vec<Point> {
    let mut shares: BTreeMap<&'static str, u64> = BTreeMap::new();
    let (mut left, mut round) = (count, 1);
    while left > 0 && !calls.is_empty() {
        let mut given = false;
        for (call, most) in calls {
            let share = shares.entry(call).or_default();
            if left > 0 && *share < most * round {
                *share += 1;
                left -= 1;
                given = true;
            }
        }
        round += u64::from(!given);
    }
    let mut points = vec![];
    for (call, share) in shares {
        let most = calls.get(call).copied().unwrap_or(1);
        for at in 0..share {
            // The middle of each part.
            let nth = if share <= most { (2 * at + 1) * most / (2 * share) } else { at % most };
            points.push(Point { call, nth: nth + 1 });
        }
    }
    points
}

/// Points for those that were not met: first some that nobody has tried, then those that were met,
/// again. Where a program gets to hardly any of its calls twice, the untried are no better.
pub fn instead(
    calls: &BTreeMap<&'static str, u64>,
    count: usize,
    turn: (usize, usize),
    met: &BTreeSet<Point>,
) -> Vec<Point> {
    let taken: BTreeSet<Point> = spread(calls, count).into_iter().collect();
    let mut others: Vec<Point> = spread(calls, count.saturating_mul(4));
    others.retain(|point| !taken.contains(point));
    others.dedup();
    let some = if met.is_empty() { usize::MAX } else { count.div_ceil(turn.1) + 2 };
    let mine = others.into_iter().skip(turn.0).step_by(turn.1).take(some);
    mine.chain(met.iter().cloned()).collect()
}

/// What came of the points of a call.
#[derive(Debug, Default, Clone, Copy)]
struct Row {
    there_are: u64,
    tried: u64,
    met: u64,
}

/// How the points were covered.
#[derive(Debug, Default)]
pub struct Table {
    rows: BTreeMap<&'static str, Row>,
    /// Where something happened.
    different: BTreeSet<Point>,
}

impl Table {
    /// Begins with what there is.
    pub fn of(calls: &BTreeMap<&'static str, u64>) -> Self {
        let row = |most: &u64| Row { there_are: *most, ..Row::default() };
        let rows = calls.iter().map(|(call, most)| (*call, row(most))).collect();
        Self { rows, different: BTreeSet::new() }
    }

    /// A point was tried; `met`: the program got there.
    pub fn tried(&mut self, point: &Point, met: bool) {
        let row = self.rows.entry(point.call).or_default();
        row.tried += 1;
        row.met += u64::from(met);
        if met {
            self.different.insert(point.clone());
        }
    }

    /// Points at which something happened.
    pub fn met(&self) -> u64 {
        self.rows.values().map(|row| row.met).sum()
    }

    /// Those of them that are not the same.
    pub fn different(&self) -> &BTreeSet<Point> {
        &self.different
    }

    /// Points that were tried.
    pub fn tries(&self) -> u64 {
        self.rows.values().map(|row| row.tried).sum()
    }

    /// For people.
    pub fn print(&self, what: &str) -> String {
        let mut text = format!("{:<12} {:>9} {:>7} {:>7}", what, "there are", "tried", "met");
        for (call, row) in &self.rows {
            let Row { there_are, tried, met } = row;
            // Writing to a text does not fail.
            let _ = write!(text, "\n{call:<12} {there_are:>9} {tried:>7} {met:>7}");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_counted_by_thread_and_by_file() {
        let log = "7 openat(AT_FDCWD</>, \"/d/hub.db\", O_RDWR|O_CREAT, 0644) = 3</d/hub.db>\n\
                   7 openat(AT_FDCWD</>, \"/lib/x.so\", O_RDONLY) = 4</lib/x.so>\n\
                   8 pwrite64(3</d/hub.db-wal>, \"\"..., 24, 0) = 24\n\
                   8 pwrite64(3</d/hub.db-wal>, \"\"..., 24, 32 <unfinished ...>\n\
                   9 pwrite64(3</d/hub.db>, \"\"..., 24, 32) = 24\n\
                   8 <... pwrite64 resumed>) = 24\n\
                   8 fdatasync(3</d/hub.db-wal>) = 0\n\
                   9 write(5</log/hub.log>, \"\"..., 24) = 24\n\
                   9 sendto(6<socket:[1]>, \"\"..., 24, 0, NULL, 0) = 24\n\
                   9 +++ exited with 0 +++\n";
        let seen = seen(log, &[PathBuf::from("/d/")]);
        let calls = [("fdatasync", 1), ("openat", 1), ("pwrite64", 2), ("sendto", 1)];
        assert_eq!(seen.calls, BTreeMap::from(calls));
        assert_eq!(seen.files, ["/d/hub.db", "/d/hub.db-wal"].map(PathBuf::from).into());
    }

    #[test]
    fn a_point_that_is_not_met_has_others_instead() {
        let calls = BTreeMap::from([("fsync", 8)]);
        let point = |nth| Point { call: "fsync", nth };
        let nths = |points: Vec<Point>| points.into_iter().map(|p| p.nth).collect::<Vec<_>>();
        assert_eq!(nths(spread(&calls, 2)), [3, 7]);
        let met = BTreeSet::from([point(7)]);
        let (one, two) = (instead(&calls, 2, (0, 2), &met), instead(&calls, 2, (1, 2), &met));
        assert_eq!((nths(one), nths(two)), (vec![1, 4, 6, 7], vec![2, 5, 8, 7]));
        let mut table = Table::of(&calls);
        for (nth, met) in [(3, false), (7, true), (7, true), (8, true)] {
            table.tried(&point(nth), met);
        }
        assert_eq!((table.tries(), table.met(), table.different().len()), (4, 3, 2));
    }

    #[test]
    fn points_cover_each_call_from_its_first_to_its_last() {
        let calls = BTreeMap::from([("fsync", 2), ("pwrite64", 10)]);
        let nths = |count, call| -> Vec<u64> {
            let points = spread(&calls, count).into_iter().filter(|p| p.call == call);
            points.map(|p| p.nth).collect()
        };
        assert_eq!((nths(2, "fsync"), nths(2, "pwrite64")), (vec![2], vec![6]));
        assert_eq!((nths(7, "fsync"), nths(7, "pwrite64")), (vec![1, 2], vec![2, 4, 6, 8, 10]));
        assert_eq!(nths(12, "pwrite64"), (1..=10).collect::<Vec<_>>());
        assert_eq!(nths(14, "fsync"), [1, 2, 1], "again, when all are taken");
        assert_eq!(spread(&calls, 40).len(), 40);
        assert_eq!(spread(&BTreeMap::new(), 3), []);
    }
}
