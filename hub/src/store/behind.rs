//! Whether the database still has everything that this hub has seen of it.
//!
//! A standby that takes over without the last commits, a file that is put in the open one's place:
//! what was answered is not in it any more, also when another hub has written there since and it is
//! as far as it was. What is done about that is for others. Invariant: a database that is behind
//! stays so until the program begins anew, and meanwhile nothing is read from it and nothing
//! written.

use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use oneshelf_sync::plan::Head;
use tokio::sync::watch;

use super::{StoreError, Tx, hash_at};

/// How far a database is: its epoch, and its newest version.
pub type Point = (i64, i64);

/// A moment of a database that somebody has seen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Moment {
    /// How far it was.
    pub point: Point,
    /// The hash of its newest version, which stands for all before it.
    pub hash: String,
}

impl Moment {
    /// Of a database's counters.
    pub fn of(head: &Head) -> Self {
        Self { point: (head.epoch, head.version.0), hash: head.hash.clone() }
    }

    /// What a database has become that is at `now` and has the hash `then` where this moment was;
    /// none: it has what was seen, and perhaps more. What a restore began is another time.
    pub fn missing(&self, now: Point, then: Option<&str>) -> Option<Behind> {
        let seen = self.point;
        let ((epoch, _), (of, version)) = (now, seen);
        if now < seen {
            return Some(Behind::Lacks { now, seen });
        }
        let same = epoch > of || version == 0 || then == Some(self.hash.as_str());
        (!same && !self.hash.is_empty()).then_some(Behind::Overtaken { seen })
    }
}

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
    /// It went back to before a version that was there, and was written on since.
    Overtaken {
        /// Where it was.
        seen: Point,
    },
    /// Another file has the name of the one that is open, or none has.
    Replaced,
}

/// The newest moment that was seen; and whether the database fell behind it.
#[derive(Debug)]
pub(super) struct Newest {
    seen: Mutex<Moment>,
    behind: watch::Sender<Option<Behind>>,
}

impl Default for Newest {
    fn default() -> Self {
        Self { seen: Mutex::default(), behind: watch::Sender::new(None) }
    }
}

impl Newest {
    pub(super) fn seen(&self) -> Moment {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
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
    pub(super) async fn look(
        &self,
        tx: &mut Tx,
        before: &Moment,
        head: &Head,
    ) -> Result<(), StoreError> {
        let (now, (epoch, version)) = ((head.epoch, head.version.0), before.point);
        // Where nobody else has written the counters say it.
        let then = match now {
            _ if now == before.point => Some(head.hash.clone()),
            (of, newer) if of == epoch && newer > version => hash_at(tx, version).await?,
            _ => None,
        };
        self.compare(before, head, then.as_deref())
    }

    fn compare(&self, before: &Moment, head: &Head, then: Option<&str>) -> Result<(), StoreError> {
        if let Some(behind) = before.missing((head.epoch, head.version.0), then) {
            self.put(behind);
            return Err(StoreError::Behind);
        }
        self.raise(Moment::of(head));
        Ok(())
    }

    /// It has got here by a commit of this hub.
    pub(super) fn raise(&self, moment: Moment) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if moment.point > seen.point {
            *seen = moment;
        }
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
        let look = |before: &Moment, (epoch, version)| {
            let (version, recorded_at) = (Version(version), Timestamp(0));
            let head = Head { version, epoch, recorded_at, hash: format!("h{}", version.0) };
            newest.compare(before, &head, Some(&before.hash)).is_ok()
        };
        let early = newest.seen();
        assert!(look(&early, (1, 9)) && look(&early, (1, 8)), "an older look ends later");
        assert_eq!((newest.seen().point, newest.behind()), ((1, 9), None));
        assert!(look(&newest.seen(), (2, 3)), "a new epoch begins where it begins");
        assert!(!look(&newest.seen(), (2, 2)));
        let behind = Some(Behind::Lacks { now: (2, 2), seen: (2, 3) });
        assert_eq!(newest.behind(), behind);
        newest.put(Behind::Replaced);
        assert!(look(&newest.seen(), (2, 4)));
        assert_eq!(newest.behind(), behind);
    }

    #[test]
    fn one_that_was_written_on_since_is_told_by_what_stands_in_it() {
        let seen = Moment { point: (1, 9), hash: "a".to_owned() };
        let overtaken = Some(Behind::Overtaken { seen: (1, 9) });
        for (now, then, what) in [
            ((1, 9), Some("a"), None),
            ((1, 12), Some("a"), None),
            ((1, 9), Some("b"), overtaken),
            ((1, 12), Some("b"), overtaken),
            ((1, 12), None, overtaken),
            ((2, 3), None, None),
            ((1, 8), Some("a"), Some(Behind::Lacks { now: (1, 8), seen: (1, 9) })),
        ] {
            assert_eq!(seen.missing(now, then), what, "{now:?} {then:?}");
        }
        // Nothing was there yet; and a witness of an earlier build knows of no hash.
        assert_eq!(Moment::default().missing((1, 4), None), None);
        let old = Moment { point: (1, 9), hash: String::new() };
        assert_eq!(old.missing((1, 12), Some("b")), None);
    }
}
