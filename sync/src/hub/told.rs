//! What an agent said of its log with its last Pong: how much waits there, and where it goes on.
//!
//! It compares and decides nothing. Invariant: it is of the session that is open.

use oneshelf_protocol::frame::LogPlace;

use super::HubLink;

impl HubLink {
    /// True when the agent has told everything that it keeps, in the session that is open: what it
    /// says of that comes behind the hub's word on its facts, which comes after their commit.
    pub fn told_all(&self) -> bool {
        self.waiting == Some(0) && self.session.is_some()
    }

    /// Facts without the hub's word in the agent's log, as it said last in this session.
    pub fn waiting(&self) -> Option<i64> {
        self.waiting
    }

    /// Where the agent's log goes on, when the hub may not have got there: of the life that speaks
    /// it knows; of one before, the tables do.
    pub fn maybe_ahead(&self) -> Option<LogPlace> {
        let (_, incarnation) = self.session?;
        self.next.filter(|next| next.incarnation != incarnation || next.seq > self.last + 1)
    }
}
