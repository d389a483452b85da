//! Versions as a caller names them: the condition of a change. It knows no row.

use serde::{Deserialize, Serialize};

use super::Version;

/// Versions of an item or a record, as a caller names them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Versions {
    /// Whichever it has, when it is there.
    Any,
    /// One of these.
    These(Vec<Version>),
}

impl Versions {
    /// True when it is there at one of them.
    pub fn name(&self, now: Option<Version>) -> bool {
        match self {
            Versions::Any => now.is_some(),
            Versions::These(all) => now.is_some_and(|v| all.contains(&v)),
        }
    }
}
