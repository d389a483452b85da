//! A location that the hub knows an old state of: it was put back to a backup.
//!
//! While there is one, nothing of the location is promised and no share is granted; what takes it
//! away are its agents, once each of them has told everything (reference/shares.md section 6). One
//! that another has replaced is waited for as well: it sold in the dark what the backup has there,
//! and may have told so since. A machine that is lost is revoked, and then nobody waits for it.

use serde::{Deserialize, Serialize};

use crate::AgentId;
use crate::stock::LocationNo;

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recovering {
    /// Where.
    pub location: LocationNo,
    /// The epoch that the restore began.
    pub epoch: i64,
    /// Agents that have not told everything yet. With none of them the word of any agent ends it.
    #[serde(default)]
    pub waits: Vec<AgentId>,
}

impl Recovering {
    /// The key of a location's record.
    pub fn key(location: LocationNo) -> String {
        format!("recovering/{}", location.0)
    }

    /// What is left to wait for when this agent has told everything; none: the location has
    /// recovered. `revoked`: an agent is not let in any more.
    pub fn after(&self, agent: AgentId, revoked: impl Fn(AgentId) -> bool) -> Option<Self> {
        let left = self.waits.iter().filter(|one| **one != agent && !revoked(**one));
        let waits: Vec<AgentId> = left.copied().collect();
        (!waits.is_empty()).then(|| Self { waits, ..self.clone() })
    }

    /// An agent joins: of those that this hub does not know, since they joined after the backup,
    /// it is one, and has another name now. `known`: an agent that this hub has a record of.
    pub fn joined(&self, agent: AgentId, known: impl Fn(AgentId) -> bool) -> Option<Self> {
        let at = self.waits.iter().position(|one| !known(*one))?;
        let mut next = self.clone();
        next.waits[at] = agent;
        Some(next)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn agent(n: u128) -> AgentId {
        AgentId(Uuid::from_u128(n))
    }

    fn waits(all: &[u128]) -> Recovering {
        let waits = all.iter().map(|n| agent(*n)).collect();
        Recovering { location: LocationNo(7), epoch: 2, waits }
    }

    #[test]
    fn a_location_waits_for_all_of_its_agents_but_those_that_were_revoked() {
        let none = |_| false;
        assert_eq!(waits(&[1, 2]).after(agent(2), none), Some(waits(&[1])));
        assert_eq!(waits(&[1]).after(agent(2), none), Some(waits(&[1])), "one that joined since");
        assert_eq!(waits(&[1]).after(agent(1), none), None);
        assert_eq!(waits(&[1, 2]).after(agent(2), |one| one == agent(1)), None);
        assert_eq!(waits(&[]).after(agent(9), none), None, "of a build of before");
    }

    #[test]
    fn who_joins_anew_takes_the_place_of_one_that_nobody_knows() {
        let known = |one| one == agent(1);
        assert_eq!(waits(&[1, 2, 3]).joined(agent(9), known), Some(waits(&[1, 9, 3])));
        assert_eq!(waits(&[1]).joined(agent(9), known), None);
    }
}
