//! How it stands with the disk under a database that is a file.
//!
//! It knows no table. Invariant: a disk that has failed stays failed until the program begins
//! anew. After an fsync that failed the system forgets what was not written, so that the next one
//! succeeds and proves nothing; only opening the database again and writing its log into its file
//! does (`open`).

use std::path::Path;

use nix::sys::statvfs::statvfs;
use oneshelf_domain::limits;
use tokio::sync::watch;

/// How it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disk {
    /// There is room.
    Sound,
    /// There is hardly any, or none: nothing is taken in that could wait.
    Full,
    /// It does not do what it is told: the program ends.
    Failed,
}

impl Disk {
    /// In answers and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Disk::Sound => "sound",
            Disk::Full => "full",
            Disk::Failed => "failed",
        }
    }
}

/// What is known of it; clones share it.
#[derive(Debug, Clone)]
pub(super) struct Sign(watch::Sender<Disk>);

impl Default for Sign {
    fn default() -> Self {
        Self(watch::Sender::new(Disk::Sound))
    }
}

impl Sign {
    pub(super) fn get(&self) -> Disk {
        *self.0.borrow()
    }

    pub(super) fn subscribe(&self) -> watch::Receiver<Disk> {
        self.0.subscribe()
    }

    /// What was learned of it. What could not be written says more than what is free.
    pub(super) fn put(&self, now: Disk) {
        let changed = self.0.send_if_modified(|known| {
            let changed = *known != now && *known != Disk::Failed;
            if changed {
                *known = now;
            }
            changed
        });
        if !changed {
            return;
        }
        match now {
            Disk::Sound => tracing::info!("the disk of the database has room again"),
            Disk::Full => tracing::error!("the disk of the database is full: make room"),
            Disk::Failed => tracing::error!("the disk of the database failed; the hub ends"),
        }
    }

    /// Looks how much is free. Of a file system that does not say, only writing tells.
    pub(super) fn look(&self, database: &Path) {
        let Ok(about) = statvfs(super::lock::folder_of(database)) else { return };
        self.put(of_free(about.blocks_available().saturating_mul(about.fragment_size())));
    }
}

fn of_free(bytes: u64) -> Disk {
    if bytes < limits::SPACE_NEW_MIN_BYTES { Disk::Full } else { Disk::Sound }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_that_failed_stays_failed_and_a_full_one_gets_room_again() {
        let sign = Sign::default();
        sign.put(of_free(limits::SPACE_NEW_MIN_BYTES - 1));
        assert_eq!(sign.get(), Disk::Full);
        sign.put(of_free(limits::SPACE_NEW_MIN_BYTES));
        assert_eq!(sign.get(), Disk::Sound);
        sign.put(Disk::Failed);
        sign.put(Disk::Sound);
        sign.put(Disk::Full);
        assert_eq!(sign.get(), Disk::Failed);
    }
}
