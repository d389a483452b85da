//! A hub that is put back to an earlier moment: the file in its place, and the word to everybody
//! that this is another time.
//!
//! What was answered, granted and told since the backup is not known here any more. So the epoch
//! rises (agents say their retained logs again, copies are sent anew, channels are told everything)
//! and a location is promised to nobody until its agents and channels have told everything
//! (`marks`; reference/shares.md section 6). Invariant: until the last step, which is one rename,
//! the database is as it was.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use oneshelf_domain::Timestamp;

use super::marks::{self, Waiting};
use super::{Tell, private, remove, same_file, sync_folder};
use crate::audit::{self, Report};
use crate::serve::wall_clock;
use crate::store::copy::{self, Held};
use crate::store::lock::{Lock, belongs_with, beside};
use crate::store::{Store, StoreError, alone};
use crate::witness::{Place, Witness};

/// Behind the database's name while the backup is made ready.
const COMING: &str = ".restoring";

/// What is to be done.
#[derive(Debug, Clone)]
pub struct Restore<'a> {
    /// The backup.
    pub file: &'a Path,
    /// Where it goes.
    pub database: &'a Path,
    /// Whether a database there is kept aside; else it is in the way.
    pub replace: bool,
    /// What may be wrong with it.
    pub accept: Accept,
    /// Folder of the hub's keys, where a witness may be.
    pub keys: Option<&'a Path>,
}

/// What is taken though it looks wrong.
#[derive(Debug, Clone, Copy, Default)]
pub struct Accept {
    /// Whatever the audit finds.
    pub findings: bool,
    /// A backup of another hub than the one whose place it takes.
    pub another_hub: bool,
}

/// What was done.
#[derive(Debug)]
pub struct Restored {
    /// What the backup held; its tables may be newer now.
    pub held: Held,
    /// What the audit of it found.
    pub report: Report,
    /// The epoch from now on.
    pub epoch: i64,
    /// Who has to speak before all is promised again.
    pub waiting: Waiting,
    /// Where the database before is.
    pub aside: Option<PathBuf>,
}

/// Puts a backup in the place of a database.
///
/// # Errors
/// When it cannot be; then the database is as it was.
pub async fn restore(what: &Restore<'_>, tell: Tell<'_>) -> anyhow::Result<Restored> {
    let Restore { file, database, replace, .. } = *what;
    ensure!(!same_file(file, database), "{} is the database itself", file.display());
    let _lock = Lock::alone(database)?;
    if database.exists() && !replace {
        bail!(
            "{} is there already: with --replace it is kept aside and the backup takes its place",
            database.display()
        );
    }
    let held = copy::examine(file).await?;
    let before = match database.exists() {
        true => copy::settle(database).await?,
        false => None,
    };
    if let Some((_, hub)) = before.as_ref().filter(|(_, hub)| *hub != held.hub_id)
        && !what.accept.another_hub
    {
        bail!(
            "{} is a backup of another hub ({}) than {} is of ({hub}): its stores are not these, \
             and no agent of these may speak to it. With --another-hub it takes the place \
             nevertheless",
            file.display(),
            held.hub_id,
            database.display()
        );
    }
    let mut known = witnessed(what.keys, &database.display().to_string(), &held)?;
    known.epoch = known.epoch.max(before.map_or(0, |(epoch, _)| epoch));
    let coming = beside(database, COMING);
    let placed = async {
        let (report, begun) = prepare(what, &held, &known, &coming, tell).await?;
        let aside = set_aside(database)?;
        fs::rename(&coming, database).with_context(|| format!("{}", database.display()))?;
        anyhow::Ok((report, begun, aside))
    }
    .await;
    let (report, begun, aside) = placed.inspect_err(|_| clear(&coming))?;
    sync_folder(database)?;
    Ok(Restored { held, report, epoch: begun.epoch, waiting: begun.waiting, aside })
}

/// What hubs with these keys have seen of a hub.
fn witnessed(keys: Option<&Path>, database: &str, held: &Held) -> anyhow::Result<Witness> {
    let of_all = |keys| Place::of(keys, database, &held.hub_id).of_all(held.epoch);
    keys.map_or(Ok(Witness::default()), of_all)
}

/// Makes the backup ready under another name.
async fn prepare(
    what: &Restore<'_>,
    held: &Held,
    known: &Witness,
    coming: &Path,
    tell: Tell<'_>,
) -> anyhow::Result<(Report, Begun)> {
    clear(coming);
    let mut from = File::open(what.file)?;
    let mut to = private(coming)?;
    std::io::copy(&mut from, &mut to)
        .with_context(|| format!("{} cannot be written", coming.display()))?;
    belongs_with(coming, what.database);
    let store = Store::open_own(coming).await.context("the backup cannot be opened")?;
    let begun = renewed(&store, known, what.accept.findings, tell).await;
    store.close().await;
    let begun = begun.with_context(|| format!("{} is not restored", what.file.display()))?;
    // All in one file, before it gets its name.
    copy::settle(coming).await?;
    File::open(coming)?.sync_all()?;
    ensure!(begun.1.epoch > held.epoch, "the epoch did not rise");
    Ok(begun)
}

/// A hub's database that was put back by other means: pg_restore, a snapshot of the machine.
///
/// # Errors
/// When a hub works on it, or its audit finds something.
pub async fn renew(
    url: &str,
    keys: Option<&Path>,
    accept_findings: bool,
    tell: Tell<'_>,
) -> anyhow::Result<Restored> {
    let Some(path) = copy::file_of(url) else {
        let lock = alone::Lock::take(url).await?;
        let store = Store::open_locked(url).await.context("the database cannot be opened")?;
        let done = renew_open(&store, url, keys, accept_findings, tell).await;
        lock.end().await;
        return done;
    };
    ensure!(path.is_file(), "there is no database {}", path.display());
    let _lock = Lock::alone(&path)?;
    copy::settle(&path).await?;
    let store = Store::open_own(&path).await?;
    renew_open(&store, url, keys, accept_findings, tell).await
}

async fn renew_open(
    store: &Store,
    url: &str,
    keys: Option<&Path>,
    accept_findings: bool,
    tell: Tell<'_>,
) -> anyhow::Result<Restored> {
    let renewing = async {
        let held = held_by(store).await?;
        let known = witnessed(keys, url, &held)?;
        let (report, begun) = renewed(store, &known, accept_findings, tell).await?;
        let (epoch, waiting) = (begun.epoch, begun.waiting);
        Ok(Restored { held, report, epoch, waiting, aside: None })
    };
    let done = renewing.await;
    store.close().await;
    done
}

async fn held_by(store: &Store) -> Result<Held, StoreError> {
    let (head, hub_id) = store.head().await?;
    Ok(Held {
        hub_id,
        epoch: head.epoch,
        version: head.version.0,
        recorded_at: head.recorded_at,
        schema: copy::newest_schema(),
    })
}

/// Looks at everything, then says that this is another time.
async fn renewed(
    store: &Store,
    known: &Witness,
    accept_findings: bool,
    tell: Tell<'_>,
) -> anyhow::Result<(Report, Begun)> {
    let report = audit::audit_with(store, tell).await.context("it cannot be read")?;
    if !report.is_clean() && !accept_findings {
        bail!(
            "its audit finds what must not be (say --accept-findings to take it nevertheless):\n{}",
            report.broken.iter().map(|f| format!("broken {f}\n")).collect::<String>()
        );
    }
    let now = wall_clock()();
    let epoch = store.next_epoch(known.epoch, now).await?;
    // First the marks: whoever ends this in between leaves stores that are promised too late, not
    // too early, and an epoch that a second try begins.
    let waiting = marks::put(store, epoch, known).await?;
    store.begin_epoch(epoch).await?;
    Ok((report, Begun { epoch, waiting }))
}

/// An epoch that has begun.
struct Begun {
    epoch: i64,
    waiting: Waiting,
}

/// Keeps the database under another name, as it is. It stays in its place as well, until the other
/// one takes it: at no moment is there none.
fn set_aside(database: &Path) -> anyhow::Result<Option<PathBuf>> {
    if !database.exists() {
        return Ok(None);
    }
    let now = wall_clock()();
    let aside = beside(database, &format!(".before-restore-{}", stamp(now)));
    let keep = |suffix: &str| {
        let (from, to) = (beside(database, suffix), beside(&aside, suffix));
        let kept = fs::hard_link(&from, &to);
        kept.with_context(|| format!("{} cannot be kept as {}", from.display(), to.display()))
    };
    let kept = keep("").and_then(|()| {
        // Only of one that cannot be read: the log of another is in its file by now.
        if beside(database, "-wal").exists() {
            keep("-wal")?;
        }
        sync_folder(database)
    });
    kept.inspect_err(|_| clear(&aside))?;
    // A log beside another file would be taken for that one's.
    remove(&beside(database, "-wal"))?;
    remove(&beside(database, "-shm"))?;
    Ok(Some(aside))
}

/// A moment as a part of a file's name.
fn stamp(now: Timestamp) -> String {
    now.to_string().replace(':', "")
}

/// Takes away what was made ready and is not used.
fn clear(coming: &Path) {
    for suffix in ["", "-wal", "-shm", "-journal"] {
        // Whatever stays shows when it is made again.
        let _ = fs::remove_file(beside(coming, suffix));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_a_name() {
        let text = stamp(Timestamp(1_700_000_000_123_456));
        assert_eq!(text, "2023-11-14T221320.123456Z");
    }
}
