//! `hub doctor`: looks at everything that a hub stands on and says what to do.
//!
//! It changes nothing and needs nothing from the hub that it looks at, which may be running, down
//! or not yet made. Invariant: no check waits longer than its time-out, and a check that cannot be
//! made says so instead of passing.

mod database;
mod files;
mod network;

use std::path::PathBuf;
use std::time::Duration;

use oneshelf_domain::{Timestamp, limits};
use oneshelf_protocol::report::Report;

use crate::serve::{Options, keys_folder, wall_clock};
use crate::witness::Place;

/// How long anything on the network may take to answer.
const ANSWER: Duration = Duration::from_secs(5);
/// Milliseconds of a day.
const DAY_MS: i64 = 24 * 60 * 60 * 1_000;
/// Clocks may differ by this much, milliseconds.
const CLOCK_MS: i64 = 2_000;
/// Free space below which somebody should look, and below which it is bad, bytes.
const SPACE_WARN: u64 = 5 << 30;
const SPACE_BAD: u64 = 500 << 20;

/// What a doctor is told beside what a hub is started with.
#[derive(Clone, Default)]
pub struct Asked {
    /// Where backups are put.
    pub backups: Option<PathBuf>,
    /// A root of one's own.
    pub hub_ca: Option<PathBuf>,
    /// Admin secret or key, for what only the running hub knows.
    pub secret: Option<String>,
}

/// Looks at everything.
pub async fn examine(options: &Options, asked: &Asked) -> Report {
    let mut report = Report::default();
    let now = wall_clock()();
    let hub_id = database::examine(&mut report, &options.database, now).await;
    files::sqlite_file(&mut report, &options.database);
    match keys_folder(options) {
        Ok(folder) => {
            files::keys(&mut report, &folder);
            if let Some(hub_id) = &hub_id {
                let place = Place::of(&folder, &options.database, hub_id);
                database::witness(&mut report, &place, &options.database, now).await;
            }
        }
        Err(error) => report.bad("keys", format!("{error:#}"), "say --data FOLDER"),
    }
    if let Some(folder) = &asked.backups {
        files::backups(&mut report, folder, now);
    } else {
        report.not_checked("backups", "say where they are put: --backups FOLDER");
    }
    descriptors(&mut report);
    files::certificate(&mut report, options, asked, now);
    network::examine(&mut report, options, asked, hub_id.as_deref(), now).await;
    report
}

fn descriptors(report: &mut Report) {
    let wanted = u64::try_from(limits::LIVE_SOCKETS_MAX).unwrap_or(u64::MAX).saturating_add(2_000);
    match rlimit::Resource::NOFILE.get() {
        Ok((_, hard)) if hard >= wanted => {
            report.ok("descriptors", format!("{hard} at most"));
        }
        Ok((_, hard)) => report.warn(
            "descriptors",
            format!("{hard} at most, and {wanted} are needed for all live sockets"),
            "raise the limit: LimitNOFILE= in the unit, `ulimit -n` in a shell",
        ),
        Err(error) => report.not_checked("descriptors", error.to_string()),
    }
}

/// A difference of clocks as a word for people.
fn apart(ms: i64) -> String {
    format!("{}.{:03} s apart", ms.abs() / 1_000, ms.abs() % 1_000)
}

/// How long ago, in the largest unit that fits.
fn ago(then: Timestamp, now: Timestamp) -> String {
    let minutes = now.ms_since(then) / 60_000;
    match minutes {
        ..120 => format!("{minutes} minutes ago"),
        120..2_880 => format!("{} hours ago", minutes / 60),
        _ => format!("{} days ago", minutes / 1_440),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_said_for_people() {
        let now = Timestamp(1_000_000_000_000_000);
        let back = |minutes: i64| ago(now.plus_ms(-minutes * 60_000), now);
        assert_eq!(
            [back(0), back(119), back(120)],
            ["0 minutes ago", "119 minutes ago", "2 hours ago"]
        );
        assert_eq!(back(60 * 72), "3 days ago");
        assert_eq!(apart(-2_034), "2.034 s apart");
    }
}
