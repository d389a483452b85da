//! The pepper of the staff's PINs: the hub's, in a file beside the agent's key.
//!
//! Outside the database, which holds the hashes: of a copy of the database alone no PIN can be
//! tried. Invariant: it is on disk before the join is noted, so who has joined has it.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use anyhow::{Context, Result, bail};

use crate::folder;

/// Its file in the data folder.
pub(crate) const FILE: &str = "agent.pepper";

/// The pepper; its `Debug` shows nothing.
pub(crate) struct Pepper {
    path: PathBuf,
    hex: OnceLock<String>,
}

impl std::fmt::Debug for Pepper {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Pepper(..)")
    }
}

impl Pepper {
    /// That of a data folder, which may not have joined yet.
    pub(crate) fn of(data: &Path) -> Self {
        Self { path: data.join(FILE), hex: OnceLock::new() }
    }

    /// Its hex; read once, then remembered.
    pub(crate) fn hex(&self) -> Result<&str> {
        if let Some(known) = self.hex.get() {
            return Ok(known);
        }
        let path = self.path.display();
        let text = std::fs::read_to_string(&self.path).with_context(|| {
            format!(
                "{path} cannot be read, and without it no PIN can be checked; put it back, or \
                 join the shop anew with another folder"
            )
        })?;
        let text = text.trim();
        if !is_one(text) {
            bail!("{path} holds no pepper; put it back as it was");
        }
        Ok(self.hex.get_or_init(|| text.to_owned()))
    }
}

/// Keeps it, instead of one that a join which did not come to its end left.
pub(crate) fn keep(data: &Path, hex: &str) -> Result<()> {
    if !is_one(hex) {
        bail!("the hub's answer holds no pepper for PINs");
    }
    folder::keep_secret(data, FILE, hex)
}

fn is_one(text: &str) -> bool {
    !text.is_empty() && hex::decode(text).is_ok()
}
