//! Whether the database still has everything that this hub has seen of it.
//!
//! A standby that takes over without the last commits, a file that is put in the open one's place:
//! what was answered is not in it any more. What is done about that is for others. Invariant: a
//! database that is behind stays so until the program begins anew, and meanwhile nothing is read
//! from it and nothing written.

use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use oneshelf_sync::plan::Head;
use tokio::sync::watch;

use super::StoreError;

/// How far a database is: its epoch, and its newest version.
pub type Point = (i64, i64);

/// What happened to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Behind {
    /// It lacks versions that were there.
    Lacks {
        /// Where it is.
        now: Point,
        /// Where it was.
        seen: Point,
    },
    /// Another file has the name of the one that is open, or none has.
    Replaced,
}

/// The newest point that was seen; and whether the database fell behind it.
#[derive(Debug)]
pub(super) struct Newest {
    seen: Mutex<Point>,
    behind: watch::Sender<Option<Behind>>,
}

impl Default for Newest {
    fn default() -> Self {
        Self { seen: Mutex::default(), behind: watch::Sender::new(None) }
    }
}

impl Newest {
    pub(super) fn seen(&self) -> Point {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn behind(&self) -> Option<Behind> {
        *self.behind.borrow()
    }

    /// Waits until it is behind.
    pub(super) async fn went(&self) -> Behind {
        let mut behind = self.behind.subscribe();
        loop {
            if let Some(behind) = *behind.borrow_and_update() {
                return behind;
            }
            // It ends with the sender, which this value holds.
            let _ = behind.changed().await;
        }
    }

    /// Compares what a transaction reads with what had been seen before it began: a look that
    /// began earlier may rightly see less than one that came meanwhile.
    pub(super) fn look(&self, before: Point, head: &Head) -> Result<(), StoreError> {
        let now = (head.epoch, head.version.0);
        if now < before {
            self.put(Behind::Lacks { now, seen: before });
            return Err(StoreError::Behind);
        }
        self.raise(now);
        Ok(())
    }

    /// It has got here by a commit of this hub.
    pub(super) fn raise(&self, point: Point) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        *seen = point.max(*seen);
    }

    pub(super) fn put(&self, what: Behind) {
        let first = self.behind.send_if_modified(|known| {
            let first = known.is_none();
            known.get_or_insert(what);
            first
        });
        if first {
            tracing::error!(
                ?what,
                "the database is BEHIND what this hub has seen of it: nothing more is read from it \
                 or written, and the hub ends. Bring back the newer one, or stop all hubs and say \
                 `hub restore --in-place` (docs/operations/backups.md)"
            );
        }
    }
}

/// A name and the file that it led to when that was opened.
pub(super) struct Opened {
    pub path: PathBuf,
    file: Option<(u64, u64)>,
}

impl Opened {
    pub(super) fn at(path: &Path) -> Self {
        Self { path: path.to_owned(), file: file(path).ok() }
    }

    /// The name leads to another file by now, or to none. What cannot be looked at says nothing.
    pub(super) fn was_replaced(&self) -> bool {
        self.file.is_some_and(|opened| match file(&self.path) {
            Ok(now) => now != opened,
            Err(error) => error.kind() == ErrorKind::NotFound,
        })
    }
}

fn file(path: &Path) -> std::io::Result<(u64, u64)> {
    std::fs::metadata(path).map(|about| (about.dev(), about.ino()))
}

#[cfg(test)]
mod tests {
    use oneshelf_domain::Timestamp;
    use oneshelf_domain::stock::Version;

    use super::*;

    #[test]
    fn less_than_was_seen_before_a_look_is_behind_for_good() {
        let newest = Newest::default();
        let look = |before, (epoch, version)| {
            let (version, recorded_at) = (Version(version), Timestamp(0));
            newest.look(before, &Head { version, epoch, recorded_at, hash: String::new() }).is_ok()
        };
        let early = newest.seen();
        assert!(look(early, (1, 9)) && look(early, (1, 8)), "an older look ends later");
        assert_eq!((newest.seen(), newest.behind()), ((1, 9), None));
        assert!(look(newest.seen(), (2, 3)), "a new epoch begins where it begins");
        assert!(!look(newest.seen(), (2, 2)));
        let behind = Some(Behind::Lacks { now: (2, 2), seen: (2, 3) });
        assert_eq!(newest.behind(), behind);
        newest.put(Behind::Replaced);
        assert!(look(newest.seen(), (2, 4)));
        assert_eq!(newest.behind(), behind);
    }
}
