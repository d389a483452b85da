//! Whether a session that this link takes for open has ended somewhere else.
//!
//! Whoever ended it, maybe through another hub, need not have found this connection, and an agent
//! that has nothing to say would never hear of it. It knows a row, not where that came from.

use oneshelf_domain::stock::Incarnation;

use super::HubLink;

impl HubLink {
    /// True when the open session is over, as the row of its life says: the life was ended, or
    /// speaks in a later session. Only a new Hello helps.
    pub fn is_over(&self, life: &Incarnation) -> bool {
        self.session.is_some_and(|(lease, speaks)| {
            speaks == life.id && (life.retired || life.lease > lease)
        })
    }
}
