//! A journal that is put back to an earlier moment, or taken out of a damaged one.
//!
//! What was granted, given back and sold since is not known to it. So it begins a new life, with no
//! share, that follows the old one (reference/shares.md section 6); its log stays, and is told to
//! the hub again, which answers what it has as duplicates. Invariant: until the last step, which is
//! one rename or one commit, the journal is as it was.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

use super::{private, remove, same_file, sync_folder};
use crate::journal::{self, Held, Identity, Present, Renewal, Renewed, beside};
use crate::{clock, folder, key, pepper};

/// Behind the journal's name while the backup is made ready.
const COMING: &str = ".restoring";

/// What is to be done.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Restore<'a> {
    pub data: &'a Path,
    /// The backup; none: the journal was put back by other means.
    pub file: Option<&'a Path>,
    /// Whether a journal there is kept aside; else it is in the way.
    pub replace: bool,
    /// Whether the agent of this folder takes over what another one of its store kept.
    pub as_this_agent: bool,
}

/// What was done.
#[derive(Debug)]
pub(crate) struct Restored {
    pub held: Held,
    pub renewed: Renewed,
    /// Where the journal before is.
    pub aside: Option<PathBuf>,
    /// Files that the agent cannot do without and that are not there.
    pub missing: Vec<PathBuf>,
}

/// Puts a journal back.
///
/// # Errors
/// When it cannot be; then the journal is as it was.
pub(crate) async fn restore(what: &Restore<'_>) -> Result<Restored> {
    let Restore { data, .. } = *what;
    folder::make(data)?;
    let busy = "an agent is at work, so nothing can be put back: stop it first; it works with";
    let _lock = folder::lock(data, folder::LOCK, busy)?;
    let journal = journal::file_in(data);
    let (held, renewed, aside) = match what.file {
        None => in_place(&journal).await?,
        Some(file) => {
            ensure!(!same_file(file, &journal), "{} is the journal itself", file.display());
            if journal.exists() && !what.replace {
                bail!(
                    "{} is there already: with --replace it is kept aside and the backup takes its \
                     place",
                    journal.display()
                );
            }
            from_file(what, file, &journal).await?
        }
    };
    journal::unmark(data);
    let files = [key::FILE, pepper::FILE].map(|name| data.join(name));
    let missing = files.into_iter().filter(|path| !path.exists()).collect();
    Ok(Restored { held, renewed, aside, missing })
}

type Done = (Held, Renewed, Option<PathBuf>);

/// A folder that a snapshot or a copy put back.
async fn in_place(journal: &Path) -> Result<Done> {
    ensure!(journal.is_file(), "there is no journal {}", journal.display());
    journal::settle(journal).await.context("the journal cannot be read")?;
    let held = journal::examine(journal).await?;
    let renewed = journal::renew(journal, Renewal { becomes: None, present: None }).await?;
    Ok((held, renewed, None))
}

async fn from_file(what: &Restore<'_>, file: &Path, journal: &Path) -> Result<Done> {
    let held = journal::examine(file).await?;
    let present = match journal.exists() {
        true => journal::present(what.data).await,
        false => None,
    };
    let becomes = whose(what, &held, present.as_ref())?;
    let coming = beside(journal, COMING);
    let renewed = match prepare(file, &coming, Renewal { becomes, present }).await {
        Ok(renewed) => renewed,
        Err(error) => {
            clear(&coming);
            return Err(error);
        }
    };
    let aside = set_aside(journal)?;
    fs::rename(&coming, journal).with_context(|| format!("{}", journal.display()))?;
    sync_folder(journal)?;
    Ok((held, renewed, aside))
}

/// A journal speaks for one agent of one store; this folder's, once that is known. Answers who it
/// becomes, where that is another one.
fn whose(what: &Restore<'_>, held: &Held, present: Option<&Present>) -> Result<Option<Identity>> {
    let (from, present) = (&held.identity, present.and_then(|p| p.identity.as_ref()));
    let Some(us) = present else {
        ensure!(
            !what.as_this_agent,
            "{} has no agent that could take it over: join the shop first (pos-agent enrol)",
            what.data.display()
        );
        return Ok(None);
    };
    if (&from.hub_id, &from.location) != (&us.hub_id, &us.location) {
        bail!(
            "it is of store {} at hub {}, and this folder is of {} at {}: another store's sales \
             would be booked here",
            from.location,
            from.hub_id,
            us.location,
            us.hub_id
        );
    }
    if from.agent == us.agent {
        return Ok(None);
    }
    ensure!(
        what.as_this_agent,
        "it is of the agent {}, and this folder is of {}: say --as-this-agent when that one is \
         gone for good and this one takes its place",
        from.agent,
        us.agent
    );
    Ok(Some(us.clone()))
}

/// Makes the backup ready under another name.
async fn prepare(file: &Path, coming: &Path, how: Renewal) -> Result<Renewed> {
    clear(coming);
    let mut from = File::open(file)?;
    let mut to = private(coming)?;
    std::io::copy(&mut from, &mut to)
        .with_context(|| format!("{} cannot be written", coming.display()))?;
    drop(to);
    let renewed = journal::renew(coming, how).await;
    let renewed = renewed.with_context(|| format!("{} is not restored", file.display()))?;
    File::open(coming)?.sync_all()?;
    Ok(renewed)
}

/// Keeps the journal under another name, as it is. It stays in its place as well, until the other
/// one takes it: at no moment is there none.
fn set_aside(journal: &Path) -> Result<Option<PathBuf>> {
    if !journal.exists() {
        return Ok(None);
    }
    let now = clock::now().to_string().replace(':', "");
    let aside = beside(journal, &format!(".before-restore-{now}"));
    let keep = |suffix: &str| {
        let (from, to) = (beside(journal, suffix), beside(&aside, suffix));
        let kept = fs::hard_link(&from, &to);
        kept.with_context(|| format!("{} cannot be kept as {}", from.display(), to.display()))
    };
    keep("")?;
    if beside(journal, "-wal").exists() {
        keep("-wal")?;
    }
    sync_folder(journal)?;
    // A log beside another file would be taken for that one's.
    remove(&beside(journal, "-wal"))?;
    remove(&beside(journal, "-shm"))?;
    Ok(Some(aside))
}

/// Takes away what was made ready and is not used.
fn clear(coming: &Path) {
    for suffix in ["", "-wal", "-shm", "-journal"] {
        // Whatever stays shows when it is made again.
        let _ = fs::remove_file(beside(coming, suffix));
    }
}
