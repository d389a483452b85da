//! Incarnations of a store's agent, and what each owns of an item.
//!
//! The hub's side of reference/shares.md section 1: totals only grow, so lost, doubled and late
//! messages need no memory of message ids.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{LocationNo, Version};
use crate::id::{AgentId, CommandId, IncarnationId};

/// A lease: (hub epoch, number). What a Welcome hands out; also the session of later frames.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
pub struct Lease {
    /// The hub's epoch: raised by a restore.
    pub epoch: i64,
    /// Counts up within an epoch.
    pub number: i64,
}

impl Lease {
    /// The next one.
    pub const fn next(self) -> Self {
        Self { epoch: self.epoch, number: self.number + 1 }
    }
}

/// One unbroken life of an agent's database, as the hub knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Incarnation {
    /// Made by the agent.
    pub id: IncarnationId,
    /// Its store.
    pub location: LocationNo,
    /// Who proved to be it at its first Hello.
    pub agent: Option<AgentId>,
    /// The one before it.
    pub follows: Option<IncarnationId>,
    /// Its share is in doubt.
    pub retired: bool,
    /// It was restored or copied.
    pub forked: bool,
    /// It said what was left.
    pub closed: bool,
    /// Seq of the last fact applied.
    pub last: i64,
    /// Id of the last fact applied.
    pub head: Option<CommandId>,
    /// Latest lease issued.
    pub lease: Lease,
    /// The lease whose Hello it answered.
    pub answer: Lease,
    /// That Hello showed that this hub was put back to an earlier state.
    #[serde(default)]
    pub behind: bool,
    /// Which nonce used which lease, oldest first, the last [`crate::limits::LEASES_KEPT`].
    pub used: Vec<(Lease, Uuid)>,
    /// When it was first seen; orders incarnations of a store.
    pub created: Version,
}

impl Incarnation {
    /// The nonce that used a lease.
    pub fn used_by(&self, lease: Lease) -> Option<Uuid> {
        self.used.iter().find(|(l, _)| *l == lease).map(|(_, n)| *n)
    }

    /// Remembers who used a lease.
    pub fn claim(&mut self, lease: Lease, nonce: Uuid) {
        self.used.push((lease, nonce));
        let surplus = self.used.len().saturating_sub(crate::limits::LEASES_KEPT);
        self.used.drain(..surplus);
    }
}

/// What an incarnation owns of an item, as the hub has heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Share {
    /// Units ever given.
    pub granted: i64,
    /// Units ever brought in by its facts.
    pub brought: i64,
    /// Units ever sold from it.
    pub sold: i64,
    /// Units ever given back.
    pub returned: i64,
    /// Units that the retired incarnation may still hold.
    pub doubt: i64,
    /// Signed: what a count booked in its absence.
    pub written_off: i64,
}

impl Share {
    /// Units owned, as heard; meaningful while the incarnation lives.
    pub const fn owned(&self) -> i64 {
        self.granted + self.brought - self.sold - self.returned
    }
}
