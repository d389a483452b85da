//! A witness outside the database of how far it had come: a database that is behind it was put back
//! by something that did not say so, and must not be served from (reference/shares.md section 6).
//!
//! One small file a database in the folder of the hub's keys, written at most once a second, after
//! commits and away from them. A hub that runs compares by itself (`store`); this is what it finds
//! when it starts. It never decides what is done about a rollback: `hub restore` does.
//! Invariant: what stands in it had been durable in the database, and it is whole or the one
//! before.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use oneshelf_domain::record::{Record, RecordState, Records};
use oneshelf_domain::{AgentId, LocationCode};
use oneshelf_sync::plan::Head;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::follow::Seen;
use crate::store::Store;
use crate::store::lock::{belongs_with, beside};
use crate::store::{Behind, Moment};

/// Between two writes.
const EVERY: Duration = Duration::from_secs(1);
/// What its name begins with.
const NAME: &str = "witness-";
/// Characters of a database's name that go into it.
const NAME_CHARS_MAX: usize = 80;

/// How far a database had come.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Witness {
    /// Its epoch.
    pub epoch: i64,
    /// Its newest version.
    pub version: i64,
    /// The hash of that version. One of an earlier build has none.
    #[serde(default)]
    pub hash: String,
    /// Locations with an agent: what they hold, a database of an earlier time may not know.
    pub agents: Vec<LocationCode>,
    /// The agents themselves, each with its location. One of an earlier build has none.
    #[serde(default)]
    pub joined: BTreeMap<AgentId, LocationCode>,
}

impl Witness {
    /// What it has seen.
    pub fn moment(&self) -> Moment {
        Moment { point: (self.epoch, self.version), hash: self.hash.clone() }
    }
}

/// The witness of one database.
#[derive(Debug, Clone)]
pub struct Place {
    folder: PathBuf,
    file: PathBuf,
    /// What the names of all witnesses of this hub end with, whatever the database was called.
    of_hub: String,
}

impl Place {
    /// In the folder of the hub's keys. Another database of the same hub, as a drill has one, is
    /// another witness's; where the server stands is not asked, which a failover changes.
    pub fn of(folder: &Path, database: &str, hub_id: &str) -> Self {
        let path = database.split(['?', '#']).next().unwrap_or_default();
        let name = path.rsplit(['/', ':']).next().unwrap_or_default();
        let plain = |c: char| if c.is_ascii_alphanumeric() || ".-_".contains(c) { c } else { '_' };
        let name: String = name.chars().map(plain).take(NAME_CHARS_MAX).collect();
        let of_hub = format!("-{hub_id}.json");
        let file = folder.join(format!("{NAME}{name}{of_hub}"));
        Self { folder: folder.to_owned(), file, of_hub }
    }

    /// The file.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// What it says; none before the first hub served from this database.
    ///
    /// # Errors
    /// When it is there and cannot be read.
    pub fn read(&self) -> Result<Option<Witness>> {
        read(&self.file)
    }

    /// The newest of all witnesses of this hub, with every store and agent that one of them knows.
    /// What one of before this epoch has seen the database has.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn of_all(&self, epoch: i64) -> Result<Witness> {
        let mut all = Witness::default();
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(all),
            Err(error) => return Err(error).with_context(|| self.folder.display().to_string()),
        };
        for entry in entries {
            let path = entry?.path();
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
            let mine = |name: &String| name.starts_with(NAME) && name.ends_with(&self.of_hub);
            if !name.as_ref().is_some_and(mine) {
                continue;
            }
            match read(&path) {
                Ok(one) => {
                    let one = one.unwrap_or_default();
                    if one.moment().point > all.moment().point {
                        (all.epoch, all.version) = (one.epoch, one.version);
                        all.hash.clone_from(&one.hash);
                    }
                    if one.epoch >= epoch {
                        all.agents.extend(one.agents);
                        all.joined.extend(one.joined);
                    }
                }
                // A restore must not fail for it.
                Err(error) => tracing::warn!(error = format!("{error:#}"), "left out"),
            }
        }
        all.agents.sort();
        all.agents.dedup();
        Ok(all)
    }

    /// Refuses a database that is behind what was seen of it.
    ///
    /// # Errors
    /// When it is, or when the witness or the database cannot be read.
    pub async fn check(&self, store: &Store) -> Result<()> {
        let Some(seen) = self.read()? else { return Ok(()) };
        // Another hub may write meanwhile: what it writes stands behind.
        let (head, _) = store.head().await?;
        let then = store.hash_at(seen.version).await?;
        self.compare(&seen, &head, then.as_deref())
    }

    fn compare(&self, seen: &Witness, head: &Head, then: Option<&str>) -> Result<()> {
        let behind = seen.moment().missing((head.epoch, head.version.0), then);
        behind.map_or(Ok(()), |behind| bail!(self.words(&behind)))
    }

    /// What has happened to the database, and what to do.
    pub fn words(&self, behind: &Behind) -> String {
        let what = match behind {
            Behind::Lacks { now, seen } => format!(
                "the database is BEHIND what this hub has seen of it: it is at version {} of epoch \
                 {}, and was at version {} of epoch {}. Something put it back without saying so: a \
                 snapshot of the machine, a copied file, a standby that took over without the last \
                 commits.",
                now.1, now.0, seen.1, seen.0
            ),
            Behind::Overtaken { seen: (epoch, version) } => format!(
                "the database is BEHIND what this hub has seen of it: version {version} of epoch \
                 {epoch} is not the one that was there. Something put it back without saying so, \
                 and a hub has written there since."
            ),
            Behind::Replaced => "the file of the database was REPLACED or taken away while this \
                 hub worked on it; what the hub has written since went into a file without a name."
                .to_owned(),
        };
        format!(
            "{what} What was promised, granted and told since then is not known to it. Bring back \
             the newer database; or, if it is lost, stop all hubs and say `hub restore --in-place` \
             with the same --database and --data, which begins a new epoch: stores tell everything \
             again before they are promised (docs/operations/backups.md). The witness is {}",
            self.file.display()
        )
    }

    /// Keeps the newest, durably. Of two hubs with one folder the later word stands.
    fn write(&self, witness: &Witness) -> Result<()> {
        // What cannot be read is of no use: it is written anew.
        let before = self.read().ok().flatten().unwrap_or_default();
        if (before.epoch, before.version) > (witness.epoch, witness.version) {
            return Ok(());
        }
        let coming = beside(&self.file, &format!(".{}", std::process::id()));
        let written = fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&coming)
            .and_then(|mut file| {
                file.write_all(&serde_json::to_vec(witness)?)?;
                file.sync_all()?;
                belongs_with(&coming, &self.folder);
                fs::rename(&coming, &self.file)?;
                File::open(&self.folder)?.sync_all()
            });
        written.with_context(|| self.file.display().to_string())
    }
}

fn read(file: &Path) -> Result<Option<Witness>> {
    let shown = || format!("the witness {}", file.display());
    match fs::read(file) {
        Ok(bytes) => {
            let damaged = || {
                format!(
                    "{} is damaged; if nothing put the database back, remove it and start again",
                    shown()
                )
            };
            Ok(Some(serde_json::from_slice(&bytes).with_context(damaged)?))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(shown),
    }
}

/// Keeps the witness in step with what was committed, by this hub or another one, until it is
/// stopped.
pub async fn keep(place: Place, mut seen: watch::Receiver<Arc<Seen>>, stop: CancellationToken) {
    let mut failing = false;
    loop {
        let now = of(&seen.borrow_and_update());
        let keeping = place.clone();
        match tokio::task::spawn_blocking(move || keeping.write(&now)).await {
            Ok(Err(error)) if !failing => {
                failing = true;
                tracing::warn!(
                    error = format!("{error:#}"),
                    "the witness cannot be written: a database that is put back would not show"
                );
            }
            Ok(Ok(())) => failing = false,
            _ => {}
        }
        if stop.is_cancelled() {
            return;
        }
        let next = async {
            tokio::time::sleep(EVERY).await;
            // Nobody follows any more: nothing new comes.
            if seen.changed().await.is_err() {
                stop.cancelled().await;
            }
        };
        // Stopped, it has a last word.
        tokio::select! {
            () = stop.cancelled() => {}
            () = next => {}
        }
    }
}

fn of(seen: &Seen) -> Witness {
    let joined = joined(&seen.records);
    let mut agents: Vec<LocationCode> = joined.values().cloned().collect();
    agents.sort();
    agents.dedup();
    let (epoch, version, hash) = (seen.epoch, seen.version.0, seen.hash.clone());
    Witness { epoch, version, hash, agents, joined }
}

/// Agents that are let in, each with its location; and those that a restore waits for, and that
/// are not known here: they joined after the backup.
pub fn joined(records: &Records) -> BTreeMap<AgentId, LocationCode> {
    let active = records.of_kind("agent").filter_map(|(_, record)| match record {
        Record::Agent(agent) if agent.state == RecordState::Active => {
            Some((agent.id, agent.location.clone()))
        }
        _ => None,
    });
    let mut all: BTreeMap<_, _> = active.collect();
    for (_, record) in records.of_kind("recovering") {
        let Record::Recovering(mark) = record else { continue };
        let Some(location) = records.location_by_no(mark.location) else { continue };
        let unknown = mark.waits.iter().filter(|agent| records.agent(**agent).is_none());
        all.extend(unknown.map(|agent| (*agent, location.code.clone())));
    }
    all
}

#[cfg(test)]
mod tests {
    use oneshelf_domain::Timestamp;
    use oneshelf_domain::stock::Version;

    use super::*;

    fn head(epoch: i64, version: i64) -> Head {
        let (version, recorded_at) = (Version(version), Timestamp(0));
        Head { version, epoch, recorded_at, hash: format!("h{}", version.0) }
    }

    fn witness(epoch: i64, version: i64, agents: &[&str]) -> Witness {
        let agents = agents.iter().map(|code| LocationCode::new(code).unwrap()).collect();
        let hash = format!("h{version}");
        Witness { epoch, version, hash, agents, joined: BTreeMap::new() }
    }

    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let folder = std::env::temp_dir()
                .join(format!("oneshelf-witness-{name}-{}", std::process::id()));
            fs::create_dir_all(&folder).unwrap();
            Self(folder)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn a_database_that_is_behind_is_refused_and_one_of_a_new_epoch_is_not() {
        let folder = Folder::new("behind");
        let place = Place::of(&folder.0, "sqlite:/var/lib/hub.sqlite", "id");
        assert!(place.file().ends_with("witness-hub.sqlite-id.json"));
        assert_eq!(place.read().unwrap(), None);
        place.write(&witness(4, 100, &[])).unwrap();
        let check = |epoch, version, then: &str| {
            let seen = place.read().unwrap().unwrap();
            place.compare(&seen, &head(epoch, version), Some(then)).map_err(|e| e.to_string())
        };
        for (epoch, version, good) in
            [(4, 100, true), (4, 101, true), (5, 7, true), (4, 99, false), (3, 200, false)]
        {
            assert_eq!(check(epoch, version, "h100").is_ok(), good, "{epoch} {version}");
        }
        for said in [check(4, 99, "h100"), check(4, 101, "another")] {
            let said = said.unwrap_err();
            assert!(said.contains("BEHIND") && said.contains("hub restore --in-place"), "{said}");
        }
        // It does not go back by itself.
        place.write(&witness(4, 90, &[])).unwrap();
        assert_eq!(place.read().unwrap(), Some(witness(4, 100, &[])));
        fs::write(place.file(), "{").unwrap();
        assert!(format!("{:#}", place.read().unwrap_err()).contains("damaged"));
        place.write(&witness(4, 90, &[])).unwrap();
        assert_eq!(place.read().unwrap(), Some(witness(4, 90, &[])));
    }

    #[test]
    fn each_database_has_its_own_and_a_restore_looks_at_all() {
        let folder = Folder::new("all");
        let server = |host: &str, name: &str| {
            Place::of(&folder.0, &format!("postgres://u:p@{host}/{name}?x=/y"), "id")
        };
        assert_eq!(server("a", "shop").file(), server("b:5", "shop").file(), "a failover");
        assert_ne!(server("a", "shop").file(), server("a", "drill").file());
        assert_eq!(server("a", "shop").of_all(1).unwrap(), Witness::default());
        server("a", "shop").write(&witness(1, 9, &["S07", "S08"])).unwrap();
        server("a", "drill").write(&witness(2, 3, &["S01", "S07"])).unwrap();
        Place::of(&folder.0, "sqlite:shop", "other").write(&witness(7, 7, &["X"])).unwrap();
        let all = server("a", "new").of_all(1).unwrap();
        assert_eq!(all, witness(2, 3, &["S01", "S07", "S08"]));
        let newer = server("a", "new").of_all(2).unwrap();
        assert_eq!(newer, witness(2, 3, &["S01", "S07"]));
        let nowhere = Place::of(&folder.0.join("no"), "sqlite:shop", "id");
        assert_eq!(nowhere.of_all(1).unwrap(), Witness::default());
    }
}
