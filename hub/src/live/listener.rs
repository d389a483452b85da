//! Who listens to live stock, in a form that can be proved again while the socket is open.
//!
//! Invariant: whoever may not listen any more has no audience.

use oneshelf_domain::record::{Display, KeyKind, Record, Scope};
use oneshelf_domain::{KeyId, limits};

use crate::app::App;
use crate::auth::{self, Action, Caller};
use crate::shown::Audience;
use crate::store::{StoreError, sessions};

/// A listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listener {
    /// A page with a publishable key.
    Page(KeyId),
    /// A person or key with a session, by the session's hash.
    Session(String),
    /// A caller that proved itself at the beginning: `key:...` or `agent:...`.
    Caller(String),
}

impl Listener {
    /// The name under which its sockets are counted.
    pub fn name(&self) -> String {
        match self {
            Listener::Page(id) => format!("page:{id}"),
            Listener::Session(hash) => format!("session:{hash}"),
            Listener::Caller(principal) => principal.clone(),
        }
    }

    /// What it may see now; none: nothing any more.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn audience(&self, app: &App) -> Result<Option<Audience>, StoreError> {
        let seen = app.seen();
        let caller = match self {
            Listener::Page(id) => {
                let Some(Record::Key(key)) = seen.records.get(&format!("key/{id}")) else {
                    return Ok(None);
                };
                let may = key.kind == KeyKind::Publishable
                    && key.scopes.contains(&Scope::Live)
                    && auth::is_alive(key, app.now());
                let audience = Audience { channel: key.channel.clone(), display: key.display };
                return Ok(may.then_some(audience));
            }
            Listener::Session(hash) => match sessions::find(&app.store, hash, app.now()).await? {
                Some(principal) => Caller::of_principal(&seen.records, &principal, app.now()),
                None => None,
            },
            Listener::Caller(principal) => match principal.strip_prefix("agent:") {
                Some(id) => id
                    .parse()
                    .ok()
                    .and_then(|id| seen.records.agent(id))
                    .filter(|a| a.state == oneshelf_domain::record::RecordState::Active)
                    .map(Caller::of_agent),
                None => Caller::of_principal(&seen.records, principal, app.now()),
            },
        };
        let display = Display::Exact { cap: limits::QUANTITY_MAX };
        let caller = caller.filter(|c| c.may(Action::Live));
        Ok(caller.map(|c| Audience { channel: c.channel, display }))
    }
}
