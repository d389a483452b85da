//! What an agent and its hub say over HTTP before they have a link: joining, and the time.
//!
//! It knows no route. Invariant: what an agent sends to join has no field that is not known here.

use oneshelf_domain::{AgentId, Timestamp};
use serde::{Deserialize, Serialize};

/// What an agent says to join.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Redeem {
    /// The one-time code.
    pub code: String,
    /// Ed25519 public key, hex.
    pub public_key: String,
    /// For people.
    pub agent_name: String,
}

/// What it gets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Joined {
    /// Its id from now on.
    pub agent_id: AgentId,
    /// Of the hub; goes into every signature.
    pub hub_id: String,
    /// Its store's code.
    pub location: String,
    /// Key that PIN hashes are peppered with, hex.
    pub pin_pepper: String,
}

/// The hub's clock and name, read before connecting.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HubTime {
    /// Now.
    pub now: Timestamp,
    /// The hub's id.
    pub hub_id: String,
    /// The hub's epoch.
    pub hub_epoch: i64,
}
