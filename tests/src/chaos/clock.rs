//! The clock on the wall of a shop's machines, which a proof puts forward while programs run.
//!
//! A library of our own (`tests/src/clock`), preloaded into each program, adds what a file says to
//! the system's time. It must not know what the programs do. Invariant: the time of day only goes
//! forward, for all programs at once; clocks that only measure how long something takes (time-outs,
//! intervals) are left alone.

use std::ffi::OsString;
use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::{Result, ensure};
use tokio::process::Command;
use tokio::sync::{RwLock, RwLockReadGuard};

use super::programs::find;

/// See the module.
#[derive(Debug)]
pub struct Clock {
    file: PathBuf,
    library: PathBuf,
    ahead: RwLock<Duration>,
}

/// The clock stands as it is while somebody has this.
pub struct Reading<'a>(RwLockReadGuard<'a, Duration>);

impl Reading<'_> {
    /// The time of day that the programs have.
    pub fn time(&self) -> SystemTime {
        SystemTime::now() + *self.0
    }
}

impl Clock {
    /// A clock that is right, for programs whose data is in this folder.
    ///
    /// # Errors
    /// When the library is not there, or the file cannot be written.
    pub fn new(folder: &Path) -> Result<Self> {
        let (library, file) = (find("liboneshelf_clock.so")?, folder.join("clock"));
        std::fs::write(&file, 0_i64.to_ne_bytes())?;
        Ok(Self { file, library, ahead: RwLock::default() })
    }

    /// What a program finds in its environment to go by this clock.
    pub fn environment(&self) -> Vec<(&'static str, OsString)> {
        let of = |path: &Path| path.as_os_str().to_owned();
        vec![("LD_PRELOAD", of(&self.library)), ("ONESHELF_CLOCK_FILE", of(&self.file))]
    }

    /// Time passes at once.
    ///
    /// # Errors
    /// When the file cannot be written, or a program does not go by it.
    pub async fn forward(&self, by: Duration) -> Result<()> {
        let mut ahead = self.ahead.write().await;
        let before = self.asked().await?;
        *ahead += by;
        let file = OpenOptions::new().write(true).open(&self.file)?;
        file.write_all_at(&i64::try_from(ahead.as_secs())?.to_ne_bytes(), 0)?;
        let after = self.asked().await?;
        ensure!(after >= before + by.as_secs(), "{by:?} went by, and a program says {after}");
        Ok(())
    }

    /// The time as a program that we did not write has it.
    async fn asked(&self) -> Result<u64> {
        let mut date = Command::new("date");
        date.arg("+%s").envs(self.environment()).kill_on_drop(true);
        Ok(String::from_utf8(date.output().await?.stdout)?.trim().parse()?)
    }

    /// To be kept as long as a time that was read is of use to somebody.
    pub async fn read(&self) -> Reading<'_> {
        Reading(self.ahead.read().await)
    }
}
