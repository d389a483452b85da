//! A hub that is put back to an earlier moment: the file in its place, and the word to everybody
//! that this is another time.
//!
//! What was answered, granted and told since the backup is not known here any more. So the epoch
//! rises (agents say their retained logs again, copies are sent anew, channels are told everything)
//! and a store with an agent is promised to nobody until that agent has told everything
//! (reference/shares.md section 6). Invariant: until the last step, which is one rename, the
//! database is as it was.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use oneshelf_domain::record::{Record, RecordState, Records, Recovering};
use oneshelf_domain::stock::{Command, LocationNo, Version};
use oneshelf_domain::{CommandId, LocationCode, Timestamp};
use oneshelf_sync::plan::Submission;
use tokio::sync::watch;
use uuid::Uuid;

use super::{Tell, private, remove, same_file, sync_folder};
use crate::audit::{self, Report};
use crate::commands::{Commands, Lane};
use crate::serve::wall_clock;
use crate::store::copy::{self, Held};
use crate::store::lock::{Lock, belongs_with, beside};
use crate::store::{Store, StoreError, records};

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
    /// Whether it goes there whatever its audit finds.
    pub accept_findings: bool,
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
    /// Stores that are promised again when their agents have told everything.
    pub waiting: Vec<LocationCode>,
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
    let epoch_before = match database.exists() {
        true => copy::settle(database).await?,
        false => None,
    };
    let coming = beside(database, COMING);
    let done = prepare(what, &held, epoch_before, &coming, tell).await;
    let (report, begun) = match done {
        Ok(done) => done,
        Err(error) => {
            clear(&coming);
            return Err(error);
        }
    };
    let aside = set_aside(database)?;
    fs::rename(&coming, database).with_context(|| format!("{}", database.display()))?;
    sync_folder(database)?;
    Ok(Restored { held, report, epoch: begun.epoch, waiting: begun.waiting, aside })
}

/// Makes the backup ready under another name.
async fn prepare(
    what: &Restore<'_>,
    held: &Held,
    epoch_before: Option<i64>,
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
    let begun = renewed(&store, epoch_before.unwrap_or(0), what.accept_findings, tell).await;
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
pub async fn renew(url: &str, accept_findings: bool, tell: Tell<'_>) -> anyhow::Result<Restored> {
    let (_lock, store) = match copy::file_of(url) {
        Some(path) => {
            ensure!(path.is_file(), "there is no database {}", path.display());
            let lock = Lock::alone(&path)?;
            copy::settle(&path).await?;
            (Some(lock), Store::open_own(&path).await?)
        }
        None => {
            let at_work = copy::hubs_at_work(url).await.context("the database cannot be opened")?;
            ensure!(at_work == 0, "it is in use: stop the hubs that run on it first");
            (None, Store::open(url).await.context("the database cannot be opened")?)
        }
    };
    let held = held_by(&store).await;
    let done = renewed(&store, 0, accept_findings, tell).await;
    store.close().await;
    let (report, begun) = done?;
    let (epoch, waiting) = (begun.epoch, begun.waiting);
    Ok(Restored { held: held?, report, epoch, waiting, aside: None })
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
    epoch_before: i64,
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
    let epoch = store.next_epoch(epoch_before, now).await?;
    // First the marks: whoever ends this in between leaves stores that are promised too late, not
    // too early, and an epoch that a second try begins.
    let waiting = wait_for_agents(store, epoch).await?;
    store.begin_epoch(epoch).await?;
    Ok((report, Begun { epoch, waiting }))
}

/// An epoch that has begun.
struct Begun {
    epoch: i64,
    waiting: Vec<LocationCode>,
}

/// Every store with an agent is promised again when that agent has told everything.
async fn wait_for_agents(store: &Store, epoch: i64) -> anyhow::Result<Vec<LocationCode>> {
    let mut all = Records::default();
    let mut tx = store.read().await?;
    records::catch_up(&mut tx, &mut all, Version(0)).await?;
    tx.rollback().await?;
    let (head, _) = store.head().await?;
    let (committed, _) = watch::channel(head.version);
    let (commands, writer) = Commands::start(store.clone(), wall_clock(), committed);
    let mut waiting = vec![];
    for (no, code) in with_agents(&all) {
        let record = Record::Recovering(Recovering { location: no, epoch });
        let submission = Submission {
            id: CommandId(Uuid::now_v7()),
            principal: "restore".to_owned(),
            actor: "restore".to_owned(),
            on_behalf_of: None,
            keyed: false,
            command: Command::PutRecord { record: Box::new(record) },
        };
        if let Err(failure) = commands.submit(Lane::Interactive, submission).await {
            bail!("the store {code} cannot be marked: {failure:?}");
        }
        waiting.push(code);
    }
    commands.stop().await;
    let _ = writer.await;
    Ok(waiting)
}

fn with_agents(records: &Records) -> Vec<(LocationNo, LocationCode)> {
    let mut found: Vec<(LocationNo, LocationCode)> = records
        .of_kind("agent")
        .filter_map(|(_, record)| match record {
            Record::Agent(a) if a.state == RecordState::Active => records.location(&a.location),
            _ => None,
        })
        .map(|location| (location.no, location.code.clone()))
        .collect();
    found.sort();
    found.dedup();
    found
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
    keep("")?;
    // Only of one that cannot be read: the log of another is in its file by now.
    if beside(database, "-wal").exists() {
        keep("-wal")?;
    }
    sync_folder(database)?;
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
