//! The link to the hub: connect, carry frames, come back.
//!
//! It knows bytes and time-outs; what a frame means is the machine's matter. Invariant: frames
//! leave in the order in which they were handed over, after the commit that they rest on.

mod socket;

use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::key::AgentKey;
use crate::register::Front;

const BACK_OFF_FIRST: Duration = Duration::from_millis(200);
const BACK_OFF_LAST: Duration = Duration::from_secs(5);
/// How often an agent that has not joined looks whether it has.
const LOOK_FOR_IDENTITY: Duration = Duration::from_secs(2);

/// How one connection ended.
pub(crate) struct Ended {
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
            Ok(key) => socket::connection(&front, &identity, &key, &way.trust, &stop).await,
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
