//! Which client is connected, so that a second connection of the same one takes over.
//!
//! A client is its name and whoever proved itself under it: a stranger with the same name is
//! another client. Invariant: of one client one connection is served by this process.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio_util::sync::CancellationToken;

type Names = HashMap<(String, String), CancellationToken>;

/// The clients of this process; clones share them.
#[derive(Debug, Clone, Default)]
pub(super) struct Clients(Arc<Mutex<Names>>);

/// A client's place, held by its connection.
#[derive(Debug)]
pub(super) struct Seat {
    clients: Clients,
    name: (String, String),
    /// Fires when another connection takes over.
    pub(super) taken: CancellationToken,
}

impl Clients {
    /// Takes the client's place; whoever has it is told.
    pub(super) fn sit(&self, principal: &str, client_id: &str) -> Seat {
        let name = (principal.to_owned(), client_id.to_owned());
        let taken = CancellationToken::new();
        let mut names = self.lock();
        // Under the lock: whoever leaves looks there whether the place is still theirs.
        if let Some(before) = names.insert(name.clone(), taken.clone()) {
            before.cancel();
        }
        drop(names);
        Seat { clients: self.clone(), name, taken }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Names> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut names = self.clients.lock();
        // Whoever took over has the place now.
        if !self.taken.is_cancelled() {
            names.remove(&self.name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_connection_of_a_client_has_its_place() {
        let clients = Clients::default();
        let first = clients.sit("key:1", "kitchen");
        let stranger = clients.sit("key:2", "kitchen");
        let second = clients.sit("key:1", "kitchen");
        assert!(first.taken.is_cancelled() && !stranger.taken.is_cancelled());
        drop(first);
        assert_eq!(clients.lock().len(), 2, "the older one does not take the newer one's place");
        drop((second, stranger));
        assert!(clients.lock().is_empty());
    }
}
