//! A location that the hub knows an old state of: it was put back to a backup.
//!
//! While there is one, nothing of the location is promised and no share is granted (DESIGN.md
//! section 5, reference/shares.md section 6). What takes it away: each of its agents has told
//! everything, and the channels that it serves have sent their orders again. An agent that another
//! has replaced is waited for as well: it sold in the dark what the backup has there, and may have
//! told so since. A machine that is lost is revoked, and then nobody waits for it.

use serde::{Deserialize, Serialize};

use crate::AgentId;
use crate::code::ChannelCode;
use crate::stock::LocationNo;

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recovering {
    /// Where.
    pub location: LocationNo,
    /// The epoch that the restore began.
    pub epoch: i64,
    /// The word of an agent is needed, whichever it is. A record of before says nothing else.
    #[serde(default = "yes")]
    pub untold: bool,
    /// Agents that have not told everything yet.
    #[serde(default)]
    pub waits: Vec<AgentId>,
    /// Channels whose orders since the backup were not all sent again.
    #[serde(default)]
    pub channels: Vec<ChannelCode>,
}

const fn yes() -> bool {
    true
}

impl Recovering {
    /// The key of a location's record.
    pub fn key(location: LocationNo) -> String {
        format!("recovering/{}", location.0)
    }

    /// What is left to wait for when this agent has told everything; none: the location has
    /// recovered. `revoked`: an agent is not let in any more.
    pub fn after(&self, agent: AgentId, revoked: impl Fn(AgentId) -> bool) -> Option<Self> {
        let mut next = Self { untold: false, ..self.clone() };
        next.waits.retain(|one| *one != agent && !revoked(*one));
        next.unless_over()
    }

    /// What is left to wait for when this channel's orders were sent again, or it is no more; none:
    /// the location has recovered.
    pub fn caught_up(&self, channel: &ChannelCode) -> Option<Self> {
        let mut next = self.clone();
        next.channels.retain(|one| one != channel);
        next.unless_over()
    }

    fn unless_over(self) -> Option<Self> {
        let over = !self.untold && self.waits.is_empty() && self.channels.is_empty();
        (!over).then_some(self)
    }

    /// An agent joins while agents are waited for. Of those that this hub does not know, since they
    /// joined after the backup, it is one, and has another name now; else it may be one that joined
    /// twice. `known`: an agent that this hub has a record of.
    pub fn joined(&self, agent: AgentId, known: impl Fn(AgentId) -> bool) -> Option<Self> {
        if self.waits.is_empty() {
            return None;
        }
        let mut next = self.clone();
        match next.waits.iter_mut().find(|one| !known(**one)) {
            Some(unknown) => *unknown = agent,
            None => next.waits.push(agent),
        }
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
        Recovering { location: LocationNo(7), epoch: 2, untold: true, waits, channels: vec![] }
    }

    fn told(all: &[u128]) -> Recovering {
        Recovering { untold: false, ..waits(all) }
    }

    #[test]
    fn a_location_waits_for_all_of_its_agents_but_those_that_were_revoked() {
        let none = |_| false;
        assert_eq!(waits(&[1, 2]).after(agent(2), none), Some(told(&[1])));
        assert_eq!(waits(&[1]).after(agent(2), none), Some(told(&[1])), "one that joined since");
        assert_eq!(told(&[1]).after(agent(1), none), None);
        assert_eq!(waits(&[1, 2]).after(agent(2), |one| one == agent(1)), None);
        let old: Recovering = serde_json::from_str(r#"{"location": 7, "epoch": 2}"#).unwrap();
        assert_eq!(old.after(agent(9), none), None, "the word of any ends it");
    }

    #[test]
    fn and_for_the_orders_of_its_channels() {
        let [web, market] = ["web", "market"].map(|code| ChannelCode::new(code).unwrap());
        let channels = vec![web.clone(), market.clone()];
        let both = Recovering { channels, ..waits(&[1]) };
        let left = both.after(agent(1), |_| false).unwrap();
        assert_eq!((left.untold, left.waits.len(), left.channels.len()), (false, 0, 2));
        let left = left.caught_up(&web).unwrap();
        assert_eq!(left.caught_up(&web), Some(left.clone()));
        assert_eq!(left.caught_up(&market), None);
        let first = both.caught_up(&web).and_then(|left| left.caught_up(&market)).unwrap();
        assert_eq!(first, waits(&[1]), "its agent has told nothing yet");
    }

    #[test]
    fn who_joins_anew_takes_the_place_of_one_that_nobody_knows_or_is_waited_for_too() {
        let known = |one| one == agent(1);
        assert_eq!(waits(&[1, 2, 3]).joined(agent(9), known), Some(waits(&[1, 9, 3])));
        assert_eq!(waits(&[1]).joined(agent(9), known), Some(waits(&[1, 9])));
        assert_eq!(waits(&[]).joined(agent(9), known), None);
    }
}
