//! What the doctor says of the database: whether it can be had, is fit, and what lies in it.

use oneshelf_domain::Timestamp;
use oneshelf_protocol::report::Report;

use super::{CLOCK_MS, DAY_MS, ago, apart};
use crate::store::inspect::{self, Hub, Inspection};
use crate::store::{Behind, Engine};
use crate::witness::Place;

const REACH: &str = "is the server up, and are address, user and password right? --database";

/// Looks at it; gives the id of the hub that it holds.
pub(super) async fn examine(report: &mut Report, url: &str, now: Timestamp) -> Option<String> {
    let sqlite = url.strip_prefix("sqlite:").map(|rest| rest.trim_start_matches("//"));
    if let Some(path) = sqlite
        && !std::path::Path::new(path).exists()
    {
        report.warn("database", format!("{path} is not there yet"), "`hub setup` makes it");
        return None;
    }
    let found = match inspect::inspect(url, now.plus_ms(-DAY_MS), 0).await {
        Ok(found) => found,
        Err(error) => {
            report.bad("database", error.to_string(), REACH);
            return None;
        }
    };
    engine(report, &found, now);
    migrations(report, &found.migrations);
    let Some(hub) = found.hub else {
        report.warn("hub", "the database holds no hub yet", "`hub setup` makes shop and secret");
        return None;
    };
    contents(report, &hub, now);
    Some(hub.id)
}

fn engine(report: &mut Report, found: &Inspection, now: Timestamp) {
    let name = match found.engine {
        Engine::Sqlite => "SQLite",
        Engine::Postgres => "PostgreSQL",
    };
    match &found.unfit {
        None => report.ok("database", format!("{name} {}", found.version)),
        Some(why) => report.bad("database", why.clone(), "mend that before the hub is started"),
    }
    match (found.engine, &*found.journal) {
        (Engine::Sqlite, "wal") | (Engine::Postgres, "primary") => {
            report.ok("database.journal", found.journal.clone());
        }
        (Engine::Sqlite, other) => report.warn(
            "database.journal",
            format!("{other}, and not a write-ahead log"),
            "the hub sets it at its next start; keep other programs away from the file",
        ),
        (Engine::Postgres, _) => report.bad(
            "database.journal",
            "a standby, which takes no writes",
            "point --database at the primary",
        ),
    }
    if let Some(clock) = found.clock {
        let apart_ms = clock.ms_since(now);
        match apart_ms.abs() <= CLOCK_MS {
            true => report.ok("database.clock", apart(apart_ms)),
            false => report.warn(
                "database.clock",
                format!("this machine and the database are {}", apart(apart_ms)),
                "let both follow a time server (chrony, systemd-timesyncd)",
            ),
        }
    }
}

fn migrations(report: &mut Report, ran: &[(i64, Vec<u8>)]) {
    let (name, known) = ("database.tables", inspect::known_migrations());
    let newest =
        |all: &[(i64, Vec<u8>)]| all.iter().map(|(version, _)| *version).max().unwrap_or(0);
    let (there, here) = (newest(ran), newest(&known));
    let changed = ran.iter().find(|(version, checksum)| {
        known.iter().any(|(known, expected)| known == version && expected != checksum)
    });
    if let Some((version, _)) = changed {
        let what = format!("migration {version} is not the one of this build");
        report.bad(name, what, "start the build that made these tables, or bring a backup back");
    } else if there > here {
        let what = format!("made by a newer hub (schema {there}, this one knows {here})");
        report.bad(name, what, "start that build");
    } else if there < here {
        let what = format!("schema {there}; this build brings it to {here} when it starts");
        report.warn(name, what, "make a backup before you start it");
    } else {
        report.ok(name, format!("schema {there}"));
    }
}

fn contents(report: &mut Report, hub: &Hub, now: Timestamp) {
    match hub.set_up {
        true => report.ok("hub", format!("{} at version {}", hub.id, hub.version)),
        false => report.warn("hub", "not set up", "`hub setup` makes shop and admin secret"),
    }
    if hub.recorded_at.ms_since(now) > CLOCK_MS {
        report.bad(
            "clock",
            format!("the newest command is of {}, which is to come", hub.recorded_at),
            "this machine's clock went back: set it right before anything is sold",
        );
    } else if hub.version > 0 {
        report.ok("clock", format!("the newest command was {}", ago(hub.recorded_at, now)));
    }
    match hub.notices {
        0 => report.ok("notices", "none in 24 hours"),
        n => report.warn("notices", format!("{n} in 24 hours"), "read them: `hub notice list`"),
    }
    match hub.rejected {
        0 => report.ok("rejected", "no fact of a store in 24 hours"),
        n => report.warn(
            "rejected",
            format!("{n} facts of stores could not be booked in 24 hours"),
            "read them: `hub rejected list`",
        ),
    }
}

/// Whether the database has what hubs with these keys have seen of it. The witness is read first:
/// a hub that works meanwhile brings the database on before its witness.
pub(super) async fn witness(report: &mut Report, place: &Place, url: &str, now: Timestamp) {
    let name = "witness";
    let seen = match place.read() {
        Ok(Some(seen)) => seen,
        Ok(None) => {
            let what =
                format!("none at {}: no hub has served with these keys", place.file().display());
            return report.not_checked(name, what);
        }
        Err(error) => {
            let todo = "if nothing put the database back, remove it and start the hub again";
            return report.bad(name, format!("{error:#}"), todo);
        }
    };
    let found = inspect::inspect(url, now, seen.version).await.ok().and_then(|found| found.hub);
    let Some(hub) = found else {
        return report.not_checked(name, "the database does not answer any more");
    };
    let shown = |version: i64, epoch: i64| format!("version {version} of epoch {epoch}");
    let (is, was) = (shown(hub.version, hub.epoch), shown(seen.version, seen.epoch));
    let missing = seen.moment().missing((hub.epoch, hub.version), hub.hash_then.as_deref());
    if let Some(missing) = missing {
        let todo = "bring back the newer database; if it is lost, stop all hubs and say `hub \
                    restore --in-place`";
        let since = if matches!(missing, Behind::Overtaken { .. }) {
            " and it was written on since"
        } else {
            ""
        };
        let what = format!("the database is BEHIND it: at {is}, and was at {was}{since}");
        report.bad(name, what, todo);
    } else {
        report.ok(name, format!("it has seen {was}; the database is at {is}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_of_other_builds_are_told_apart() {
        let known = inspect::known_migrations();
        let said = |ran: &[(i64, Vec<u8>)]| {
            let mut report = Report::default();
            migrations(&mut report, ran);
            (report.is_well(), report.checks[0].found.clone())
        };
        assert!(said(&known).0);
        let newer = [&known[..], &[(9_999, vec![])]].concat();
        assert!(!said(&newer).0 && said(&newer).1.contains("newer hub"));
        let mut other = known.clone();
        other[0].1[0] ^= 1;
        assert!(!said(&other).0 && said(&other).1.contains("not the one"));
        let (well, text) = said(&[]);
        assert!(well && text.contains("schema 0"), "{text}");
    }
}
