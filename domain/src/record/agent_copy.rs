//! A life that follows one from which a store's agent has lived on already: another machine does
//! the same (its folder was copied, one backup was restored twice), or it is the agent itself, put
//! back to a backup of before its newest life. Rows alone cannot tell which.
//!
//! Who goes on as the store's agent is a manager's word (reference/shares.md section 6). Until then
//! the life has no session; what it sells waits in its log. Nothing that is promised rests on it.

use serde::{Deserialize, Serialize};

use crate::id::{AgentId, IncarnationId};
use crate::stock::{Incarnation, LocationNo};
use crate::time::Timestamp;

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentCopy {
    /// Its store.
    pub location: LocationNo,
    /// Who it proved to be.
    pub agent: AgentId,
    /// The life that wants to begin.
    pub life: IncarnationId,
    /// The life that it follows, which another one has followed already.
    pub follows: IncarnationId,
    /// When it was first heard.
    pub since: Timestamp,
    /// What was said of it.
    pub state: CopyState,
}

/// What a manager said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CopyState {
    /// Nothing yet.
    Waiting,
    /// It goes on as the store's agent; the other one is held back when it comes again.
    Allowed,
    /// It stays out.
    Refused,
}

impl AgentCopy {
    /// The key of a life's record.
    pub fn key(life: IncarnationId) -> String {
        format!("agent_copy/{life}")
    }

    /// The life before a life that begins, when the same agent has begun another one since: two
    /// machines have one past. `lives` are those of the store, in any order.
    pub fn past(
        lives: &[Incarnation],
        agent: AgentId,
        life: IncarnationId,
        follows: Option<IncarnationId>,
    ) -> Option<IncarnationId> {
        let follows = follows?;
        let known = |id| lives.iter().any(|i| i.id == id);
        // One that never said Hello has no agent: a restored hub learnt of it from facts.
        let heard = lives.iter().filter(|i| i.agent.is_some());
        let newest = heard.max_by_key(|i| (i.created, i.id))?;
        let copied = newest.id != follows && newest.agent == Some(agent);
        (copied && known(follows) && !known(life)).then_some(follows)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::stock::{Lease, Version};

    fn life(n: u128) -> IncarnationId {
        IncarnationId(Uuid::from_u128(n))
    }

    fn agent(n: u128) -> AgentId {
        AgentId(Uuid::from_u128(n))
    }

    fn heard(n: u128, of: Option<AgentId>, created: i64) -> Incarnation {
        Incarnation {
            id: life(n),
            location: LocationNo(7),
            agent: of,
            follows: None,
            retired: true,
            forked: false,
            closed: false,
            last: 0,
            head: None,
            lease: Lease::default(),
            answer: Lease::default(),
            behind: false,
            used: vec![],
            created: Version(created),
        }
    }

    #[test]
    fn the_second_that_follows_a_life_is_a_copy_and_the_first_is_not() {
        let (us, past) = (agent(1), Some(life(1)));
        let mut lives = vec![heard(1, Some(us), 4)];
        assert_eq!(AgentCopy::past(&lives, us, life(2), past), None, "it follows the newest");
        lives.push(heard(2, Some(us), 9));
        assert_eq!(AgentCopy::past(&lives, us, life(3), past), past);
        assert_eq!(AgentCopy::past(&lives, us, life(2), past), None, "known already");
        assert_eq!(AgentCopy::past(&lives, us, life(4), Some(life(2))), None);
        // After the yes the first one is the copy.
        lives.push(heard(3, Some(us), 12));
        assert_eq!(AgentCopy::past(&lives, us, life(4), Some(life(2))), Some(life(2)));
    }

    #[test]
    fn other_agents_and_a_hub_that_was_put_back_hold_nobody_back() {
        let us = agent(1);
        let lives = vec![heard(1, Some(us), 4), heard(2, Some(agent(2)), 9)];
        assert_eq!(
            AgentCopy::past(&lives, us, life(3), Some(life(1))),
            None,
            "replaced, not copied"
        );
        assert_eq!(
            AgentCopy::past(&lives[..1], us, life(3), Some(life(8))),
            None,
            "forgotten here"
        );
        assert_eq!(AgentCopy::past(&lives[..1], us, life(3), None), None, "it joined anew");
        let learnt = vec![heard(2, Some(us), 4), heard(1, None, 9)];
        assert_eq!(AgentCopy::past(&learnt, us, life(3), Some(life(2))), None);
    }
}
