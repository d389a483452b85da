//! The data folder: closed to everybody but its owner, and secrets that are whole or not there.
//!
//! Who can read the folder can try the staff's PINs and speak to the hub as this store.
//! Invariant: nothing is put into it before it was closed.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::{journal, key, pepper};

/// Held by the agent that serves the folder.
pub(crate) const LOCK: &str = "serve.lock";

/// What the agent needs of its folder, for whoever finds that it is not so.
pub(crate) const WRITES: &str = "the agent runs as the owner of its folder, on a disk that takes \
     writes; one that has become read-only has failed";

const OTHERS: u32 = 0o077;
const STICKY: u32 = 0o1000;

/// Makes the data folder, or takes one that is there; only its owner can look into it then.
pub(crate) fn make(data: &Path) -> Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(data)
        .with_context(|| format!("the folder {} cannot be made", data.display()))?;
    let about = fs::metadata(data)?;
    // Its owner could put another key or database in at any time.
    let us = nix::unistd::geteuid();
    if about.uid() != us.as_raw() {
        bail!(
            "the folder {} belongs to user {}, and this is user {us}; run the agent as its owner",
            data.display(),
            about.uid()
        );
    }
    // Closing /tmp to everybody else would be worse than not starting.
    if about.permissions().mode() & STICKY != 0 {
        bail!("several users share the folder {}; the agent needs one of its own", data.display());
    }
    close(data, 0o700)?;
    // A folder that was open may hold files that were made for everybody.
    let database = ["", "-wal", "-shm"].map(|end| format!("{}{end}", journal::FILE));
    for name in database.iter().map(String::as_str).chain([key::FILE, pepper::FILE]) {
        close(&data.join(name), 0o600)?;
    }
    Ok(())
}

fn close(path: &Path, mode: u32) -> Result<()> {
    let closed = match fs::metadata(path) {
        Ok(known) if known.permissions().mode() & OTHERS == 0 => Ok(()),
        Ok(_) => fs::set_permissions(path, Permissions::from_mode(mode)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    };
    closed.with_context(|| {
        format!(
            "{} cannot be closed to other users; it must belong to the user that runs pos-agent",
            path.display()
        )
    })
}

/// Makes an empty file that only its owner reads, where there is none.
pub(crate) fn private_file(path: &Path) -> io::Result<()> {
    OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(path).map(drop)
}

/// Writes a file that only its owner reads. It is on disk, whole, when this returns.
pub(crate) fn keep_secret(data: &Path, name: &str, text: &str) -> Result<()> {
    let written = || -> io::Result<()> {
        let half = data.join(format!("{name}.half"));
        // Of a crash in the middle; it has no use.
        let _ = fs::remove_file(&half);
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&half)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&half, data.join(name))?;
        File::open(data)?.sync_all()
    };
    written().with_context(|| format!("{} cannot be written", data.join(name).display()))
}

/// Holds the folder for one kind of work until the answer is dropped. `taken`: who has it.
pub(crate) fn lock(data: &Path, name: &str, taken: &str) -> Result<File> {
    let path = data.join(name);
    let file = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(&path);
    let file = file.with_context(|| format!("{} cannot be written: {WRITES}", path.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => bail!("{taken} the folder {}", data.display()),
        Err(TryLockError::Error(error)) => Err(error).context("the folder cannot be locked"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn temporary() -> std::path::PathBuf {
        std::env::temp_dir().join(format!("agent-folder-{}", uuid::Uuid::new_v4()))
    }

    #[test]
    fn a_folder_of_another_user_is_not_used() {
        let data = temporary();
        // Only root can give a folder away; everybody else finds one of root's.
        let (foreign, owner) = if nix::unistd::geteuid().is_root() {
            fs::create_dir_all(&data).unwrap();
            std::os::unix::fs::chown(&data, Some(4_242), None).unwrap();
            (data.as_path(), 4_242)
        } else {
            (Path::new("/"), 0)
        };
        let refused = make(foreign).unwrap_err().to_string();
        assert!(refused.contains(&format!("belongs to user {owner}")), "{refused}");
        let _ = fs::remove_dir_all(&data);
    }

    #[test]
    fn a_folder_that_was_open_is_closed_with_what_lies_in_it() {
        let data = temporary();
        fs::create_dir_all(&data).unwrap();
        fs::set_permissions(&data, Permissions::from_mode(0o755)).unwrap();
        let left = ["agent.sqlite", "agent.sqlite-wal", "agent.key", "agent.pepper"];
        for name in left {
            fs::write(data.join(name), "x").unwrap();
            fs::set_permissions(data.join(name), Permissions::from_mode(0o644)).unwrap();
        }
        make(&data).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&data), 0o700);
        for name in left {
            assert_eq!(mode(&data.join(name)), 0o600, "{name}");
        }
        fs::remove_dir_all(&data).unwrap();
    }

    #[test]
    fn a_folder_that_users_share_is_not_taken() {
        let data = temporary();
        fs::create_dir_all(&data).unwrap();
        fs::set_permissions(&data, Permissions::from_mode(0o1777)).unwrap();
        let refused = make(&data).unwrap_err().to_string();
        assert!(refused.contains("one of its own"), "{refused}");
        assert_eq!(fs::metadata(&data).unwrap().permissions().mode() & 0o7777, 0o1777);
        fs::remove_dir_all(&data).unwrap();
    }

    #[test]
    fn half_a_secret_of_a_crash_is_replaced() {
        let data = temporary();
        make(&data).unwrap();
        fs::write(data.join("agent.pepper.half"), "00f").unwrap();
        keep_secret(&data, "agent.pepper", "00ff").unwrap();
        keep_secret(&data, "agent.pepper", "00fe").unwrap();
        assert_eq!(fs::read_to_string(data.join("agent.pepper")).unwrap(), "00fe");
        let names = fs::read_dir(&data).unwrap().count();
        assert_eq!(names, 1, "nothing is left of writing it");
        fs::remove_dir_all(&data).unwrap();
    }
}
