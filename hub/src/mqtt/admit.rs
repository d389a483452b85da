//! Who an MQTT client is: an agent by its credential, anybody else by a secret key.
//!
//! Invariants: the user alone proves nothing, and a publishable key, which every page shows, opens
//! nothing here: MQTT has no origin to hold it to.

use std::net::IpAddr;

use oneshelf_domain::AgentId;
use oneshelf_domain::record::{KeyKind, RecordState, Records};
use oneshelf_domain::stock::LocationNo;
use oneshelf_sync::mqtt::{Connecting, Refusal, Rights, StockRight};
use uuid::Uuid;

use crate::app::App;
use crate::auth::rates::Door;
use crate::auth::{self, Action, Caller, agents};
use crate::http::ClientAddress;
use crate::live::{Listener, Place};

/// A client that proved itself.
pub(super) struct Admitted {
    /// What it may do.
    pub(super) rights: Rights,
    /// Its link, where it is an agent.
    pub(super) agent: Option<(AgentId, LocationNo)>,
    /// Who listens.
    pub(super) listener: Listener,
    /// Its name, where it had none.
    pub(super) assigned: Option<String>,
    /// Its place among the live sockets; agents need none.
    pub(super) _place: Option<Place>,
}

/// Proves a client.
///
/// # Errors
/// What the CONNACK says.
pub(super) async fn admit(
    app: &App,
    who: &Connecting,
    address: IpAddr,
) -> Result<Admitted, Refusal> {
    let address = ClientAddress(address).name();
    app.gate.pass(Door::Address, &address).map_err(|_| Refusal::TooFast)?;
    if who.user.is_empty() && who.password.is_empty() {
        return Err(Refusal::NotAllowed);
    }
    let fresh = || format!("oneshelf-{}", Uuid::now_v7().as_simple());
    let assigned = who.client_id.is_empty().then(fresh);
    if let Ok(agent) = who.user.parse::<AgentId>() {
        return self::agent(app, agent, &who.password, assigned).await;
    }
    let seen = app.seen();
    let key = auth::key_with(&seen.records, &who.password).ok_or(Refusal::BadCredential)?;
    if key.kind == KeyKind::Publishable {
        return Err(Refusal::NotAllowed);
    }
    let caller = Caller::of_key(key, app.now()).ok_or(Refusal::BadCredential)?;
    if !caller.may(Action::Live) || !caller.sees_all() {
        return Err(Refusal::NotAllowed);
    }
    let listener = Listener::Caller(caller.session_principal());
    let place = app.sockets.enter(&listener.name(), &address).map_err(|_| Refusal::Busy)?;
    let rights = Rights { agent: None, stock: StockRight::All };
    Ok(Admitted { rights, agent: None, listener, assigned, _place: Some(place) })
}

async fn agent(
    app: &App,
    id: AgentId,
    credential: &str,
    assigned: Option<String>,
) -> Result<Admitted, Refusal> {
    let seen = app.seen();
    if is_revoked(&seen.records, id) {
        return Err(Refusal::NotAllowed);
    }
    let (store, records) = (&app.store, &seen.records);
    let proven =
        agents::prove(store, records, &app.hub_id, agents::MQTT, credential, app.now()).await;
    let agent = match proven {
        Ok(agent) if agent.id == id => agent,
        Ok(_) | Err(agents::NotProven::Refused) => return Err(Refusal::BadCredential),
        Err(agents::NotProven::Store(error)) => {
            tracing::warn!(%error, "an agent cannot be proven now");
            return Err(Refusal::Busy);
        }
    };
    let location = seen.records.location(&agent.location).ok_or(Refusal::NotAllowed)?.no;
    let rights = Rights { agent: Some(id), stock: StockRight::Only(agent.location.clone()) };
    let listener = Listener::Caller(format!("agent:{id}"));
    Ok(Admitted { rights, agent: Some((id, location)), listener, assigned, _place: None })
}

/// One that was known and may not speak any more is told so, and does not try other passwords.
fn is_revoked(records: &Records, id: AgentId) -> bool {
    records.agent(id).is_some_and(|agent| agent.state != RecordState::Active)
}
