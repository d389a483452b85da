//! What the doctor says of the data folder: whose it is, what lies in it, who holds it.

use std::fs::{self, Metadata};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use nix::sys::statvfs::statvfs;
use oneshelf_protocol::report::Report;

use crate::folder::LOCK;
use crate::journal::{self, Inspection};
use crate::{clock, key, pepper};

/// Free space below which somebody should look, and below which it is bad, MiB.
const SPACE_WARN_MIB: u64 = 1_024;
const SPACE_BAD_MIB: u64 = 100;
/// Facts that wait longer should have gone, milliseconds (a day).
const WAITING_MS: i64 = 24 * 60 * 60 * 1_000;

pub(super) fn folder(report: &mut Report, data: &Path) {
    let shown = data.display();
    let about = match fs::metadata(data) {
        Ok(about) => about,
        Err(error) => {
            let to_do = "`pos-agent enrol` makes it; as which user does the agent run?";
            report.bad("folder", format!("{shown}: {error}"), to_do);
            return;
        }
    };
    let us = nix::unistd::geteuid();
    if about.uid() != us.as_raw() && !us.is_root() {
        report.bad(
            "folder",
            format!("{shown} belongs to user {}, and this is user {us}", about.uid()),
            "run agent and doctor as the user that the folder belongs to",
        );
    } else {
        closed(report, "folder", data, &about, "700");
    }
    for (name, file) in
        [("key", key::FILE), ("pepper", pepper::FILE), ("database.file", journal::FILE)]
    {
        let path = data.join(file);
        match fs::metadata(&path) {
            Ok(file) if file.uid() != about.uid() => report.bad(
                name,
                format!("{} belongs to user {}, not to the folder's", path.display(), file.uid()),
                "chown it to the user that runs the agent",
            ),
            Ok(file) => closed(report, name, &path, &file, "600"),
            Err(error) => report.bad(
                name,
                format!("{}: {error}", path.display()),
                "put it back from a backup, or join the shop anew with another folder",
            ),
        }
    }
    space(report, data);
}

fn closed(report: &mut Report, name: &str, path: &Path, about: &Metadata, wanted: &str) {
    let (shown, mode) = (path.display(), about.permissions().mode() & 0o777);
    match mode & 0o077 {
        0 => report.ok(name, format!("{shown}, mode {mode:03o}")),
        _ => report.bad(
            name,
            format!("{shown} is open to others (mode {mode:03o})"),
            &format!("chmod {wanted} {shown}"),
        ),
    }
}

fn space(report: &mut Report, data: &Path) {
    match statvfs(data) {
        Ok(about) => {
            let free = about.blocks_available().saturating_mul(about.fragment_size()) >> 20;
            let what = format!("{free} MiB free");
            let to_do = "make room: on a full disk nothing can be sold";
            match free {
                ..SPACE_BAD_MIB => report.bad("space", what, to_do),
                SPACE_BAD_MIB..SPACE_WARN_MIB => report.warn("space", what, to_do),
                _ => report.ok("space", what),
            }
        }
        Err(error) => report.not_checked("space", error.to_string()),
    }
}

/// The process that serves this folder. Asked of the system, not by taking the lock: an agent that
/// starts at this moment must get it.
pub(super) fn holder(data: &Path) -> Option<u32> {
    let inode = fs::metadata(data.join(LOCK)).ok()?.ino();
    holder_in(&fs::read_to_string("/proc/locks").ok()?, inode)
}

/// A line is `1: FLOCK  ADVISORY  WRITE 4242 fe:01:131 0 EOF`.
fn holder_in(locks: &str, inode: u64) -> Option<u32> {
    let end = format!(":{inode}");
    let mut held = locks.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let of_file = |words: &Vec<&str>| {
        words.get(1) == Some(&"FLOCK") && words.get(5).is_some_and(|file| file.ends_with(&end))
    };
    held.find(of_file)?.get(4)?.parse().ok()
}

const DAMAGED: &str = "stop the agent, keep the folder, save `pos-agent export-unsent FILE`, then \
    `pos-agent restore BACKUP --replace`; without a backup join with another folder and \
    `pos-agent import-unsent FILE` there";

pub(super) fn no_database(report: &mut Report, data: &Path, why: &str) {
    match data.join(journal::FILE).exists() {
        true => report.bad("database", why, DAMAGED),
        false => report.bad("database", "there is none", "join the shop first: `pos-agent enrol`"),
    }
}

pub(super) fn database(report: &mut Report, found: &Inspection) {
    match &*found.check {
        "ok" => report.ok("database", "sound"),
        broken => report.bad("database", broken, DAMAGED),
    }
    let (there, here) = found.schema;
    match there.cmp(&here) {
        std::cmp::Ordering::Equal => report.ok("database.tables", format!("schema {there}")),
        std::cmp::Ordering::Less => report.warn(
            "database.tables",
            format!("schema {there}; this build brings it to {here} when it starts"),
            "nothing: the agent copies its database first",
        ),
        std::cmp::Ordering::Greater => report.bad(
            "database.tables",
            format!("made by a newer build (schema {there}, this one knows {here})"),
            "start that build",
        ),
    }
    past(report, found);
    let age_ms = found.oldest.map_or(0, |oldest| clock::now().ms_since(oldest));
    let what = match found.oldest {
        None => "the hub has answered everything".to_owned(),
        Some(oldest) => format!("{} facts wait for the hub, the oldest of {oldest}", found.unsent),
    };
    match age_ms > WAITING_MS {
        false => report.ok("unsent", what),
        true => {
            report.warn("unsent", what, "they go when the line is back: look at the line below")
        }
    }
}

/// Whether the journal was put back or copied, and what that stops.
fn past(report: &mut Report, found: &Inspection) {
    let Some(past) = found.past else {
        report.ok("past", "never put back to a backup, never copied");
        return;
    };
    let what = format!("{} at {}, after life {}", past.kind.name(), past.at, past.life);
    match found.numbers_unknown {
        true => report.bad(
            "past",
            format!("{what}; no payment is taken until the hub was heard"),
            "look at the line below; a copy waits for `hub enrol allow` at the hub",
        ),
        false => report.ok("past", what),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_holds_a_file_is_read_from_the_systems_list() {
        let locks = "1: POSIX  ADVISORY  READ  77 fe:01:131 0 EOF\n\
                     2: FLOCK  ADVISORY  WRITE 4242 fe:01:131 0 EOF\n\
                     3: FLOCK  ADVISORY  WRITE 7 fe:01:31 0 EOF\n";
        assert_eq!(holder_in(locks, 131), Some(4242));
        assert_eq!(holder_in(locks, 31), Some(7));
        assert_eq!(holder_in(locks, 1), None);
        assert_eq!(holder_in("nonsense\n\n: :", 1), None);
    }
}
