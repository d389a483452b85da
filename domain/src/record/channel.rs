//! A sales channel: where it is reached, what it may offer, by which secrets it is known.
//!
//! A plain value. Its secrets are sealed by the shell and mean nothing here. How it is doing (what
//! it was told, what failed) is no setting and is kept elsewhere.

use serde::{Deserialize, Serialize};

use super::RecordState;
use crate::code::{ChannelCode, LocationCode};
use crate::time::Timestamp;

/// A secret that a channel shares with the hub, sealed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelSecret {
    /// Sealed with a key that is not in the database.
    pub sealed: String,
    /// A replaced one is good until then.
    #[serde(default)]
    pub until: Option<Timestamp>,
}

impl std::fmt::Debug for ChannelSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ChannelSecret").field("until", &self.until).finish_non_exhaustive()
    }
}

/// Why a channel is told nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stopped {
    /// Somebody switched it off.
    Operator,
    /// Its endpoint said that it is gone for good.
    Gone,
    /// Its endpoint failed for days.
    Failing,
}

/// A sales channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Channel {
    /// Names its buffers, keys and figures too.
    pub code: ChannelCode,
    /// For people.
    pub name: String,
    /// Which connector speaks its language.
    pub connector: String,
    /// Where it is told; none: it only sends orders.
    #[serde(default)]
    pub endpoint: Option<String>,
    /// Which locations serve it, the first first; empty means all.
    #[serde(default)]
    pub locations: Vec<LocationCode>,
    /// In use, the newest first.
    pub secrets: Vec<ChannelSecret>,
    /// Why it is told nothing now.
    #[serde(default)]
    pub stopped: Option<Stopped>,
    /// In use or not.
    #[serde(default)]
    pub state: RecordState,
}
