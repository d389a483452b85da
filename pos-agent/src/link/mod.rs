//! The link to the hub: connect, carry frames, come back.
//!
//! It knows bytes and time-outs; what a frame means is the machine's matter. Invariant: frames
//! leave in the order in which they were handed over, after the commit that they rest on.

mod carry;
mod mqtt;
mod socket;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use oneshelf_protocol::address::MqttAddress;
use oneshelf_protocol::join::HubTime;
use rustls::ClientConfig;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::journal::Identity;
use crate::key::AgentKey;
use crate::register::Front;
use crate::tls;

use carry::{Link, carry, silence};
pub use mqtt::Broker;

const BACK_OFF_FIRST: Duration = Duration::from_millis(200);
const BACK_OFF_LAST: Duration = Duration::from_secs(5);
/// How often an agent that has not joined looks whether it has.
const LOOK_FOR_IDENTITY: Duration = Duration::from_secs(2);

/// For the hub's time, and for a handshake.
const ANSWER: Duration = Duration::from_secs(5);
/// For the first frame through a broker, which the hub may not be at yet.
const FIRST_ANSWER: Duration = Duration::from_secs(3);

/// What frames travel over.
#[derive(Debug, Clone)]
pub enum Transport {
    /// WebSocket, at the hub's own address.
    WebSocket,
    /// MQTT, at the hub's own endpoint.
    Endpoint(MqttAddress),
    /// MQTT, through a broker of somebody else.
    Broker(Broker),
}

/// How one connection ended.
struct Ended {
    /// A frame arrived on it: the next try need not wait long.
    heard: bool,
    why: String,
}

/// The way to the hub.
pub(crate) struct Way {
    /// Where it is now; none: where the shop was joined.
    pub hub: Option<String>,
    /// Whom to believe over TLS.
    pub trust: Arc<ClientConfig>,
    /// What frames travel over.
    pub transport: Transport,
}

/// Runs until it is stopped.
pub(crate) async fn run(
    front: Arc<Front>,
    way: Way,
    key: impl Fn() -> anyhow::Result<AgentKey>,
    stop: CancellationToken,
) {
    let mut wait = BACK_OFF_FIRST;
    // A long outage is one line of the log, not one a try.
    let mut said = String::new();
    while !stop.is_cancelled() {
        let mut identity = match front.look_for_identity().await {
            Ok(Some(identity)) => identity,
            Ok(None) => {
                pause(LOOK_FOR_IDENTITY, &stop).await;
                continue;
            }
            Err(error) => {
                tracing::error!(%error, "the agent's identity cannot be read");
                pause(BACK_OFF_LAST, &stop).await;
                continue;
            }
        };
        if let Some(hub) = &way.hub {
            identity.hub_url.clone_from(hub);
        }
        let ended = match key() {
            Ok(key) => connection(&front, &identity, key, &way, &stop).await,
            Err(error) => Ended { heard: false, why: error.to_string() },
        };
        if stop.is_cancelled() {
            return;
        }
        if ended.heard {
            wait = BACK_OFF_FIRST;
        }
        if ended.why == said {
            tracing::debug!(why = ended.why, "still no line to the hub");
        } else {
            tracing::info!(why = ended.why, "no line to the hub; trying again");
            said = ended.why;
        }
        pause(jittered(wait), &stop).await;
        wait = (wait * 2).min(BACK_OFF_LAST);
    }
}

/// Connects, and carries frames until the line or the program ends.
async fn connection(
    front: &Front,
    identity: &Identity,
    key: AgentKey,
    way: &Way,
    stop: &CancellationToken,
) -> Ended {
    let dialled = tokio::select! {
        () = stop.cancelled() => Err(anyhow::anyhow!("stopped")),
        dialled = dial(identity, key, way) => dialled,
    };
    let first = match way.transport {
        Transport::Broker(_) => FIRST_ANSWER,
        _ => silence(),
    };
    let link = match dialled {
        Ok(link) => link,
        Err(error) => return Ended { heard: false, why: format!("{error:#}") },
    };
    let mut heard = false;
    let why = match carry(front, (link, first), &mut heard, stop).await {
        Ok(why) => why.to_owned(),
        Err(fault) => fault.to_string(),
    };
    if let Err(error) = front.disconnected().await {
        tracing::error!(%error, "the end of a connection could not be noted");
    }
    Ended { heard, why }
}

async fn dial(identity: &Identity, key: AgentKey, way: &Way) -> Result<Box<dyn Link>> {
    match &way.transport {
        Transport::WebSocket => socket::dial(identity, &key, &way.trust).await,
        Transport::Endpoint(address) => mqtt::dial(identity, &key, address, &way.trust).await,
        Transport::Broker(broker) => mqtt::dial_broker(identity, key, broker, &way.trust).await,
    }
}

/// The hub's time, which credentials are issued in.
async fn hub_time(identity: &Identity, trust: &Arc<ClientConfig>) -> Result<HubTime> {
    let http = tls::http_client(trust, ANSWER)?;
    let time = http.get(format!("{}/v1/time", identity.hub_url)).send().await?;
    let time: HubTime = time.error_for_status()?.json().await?;
    if time.hub_id != identity.hub_id {
        anyhow::bail!("another hub answers at {}", identity.hub_url);
    }
    Ok(time)
}

/// Half to one and a half times as long: the agents of many stores do not come back at once.
fn jittered(wait: Duration) -> Duration {
    let dice = u32::from(Uuid::new_v4().as_bytes()[0]);
    wait / 2 + wait * dice / 255
}

async fn pause(wait: Duration, stop: &CancellationToken) {
    tokio::select! {
        () = stop.cancelled() => {}
        () = tokio::time::sleep(wait) => {}
    }
}
