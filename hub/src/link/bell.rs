//! Between the hubs of one database: which store answered, what is wanted back from it, what went
//! unanswered.
//!
//! A doorbell, never the record: it travels by PostgreSQL's NOTIFY, and what is lost costs a
//! shopper a second try (shares.md: a waiting request and its deadline are volatile). On SQLite
//! there is one hub and nobody to ring. Invariant: what another hub says changes no stock.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use oneshelf_domain::IncarnationId;
use oneshelf_domain::stock::{ItemNo, LocationNo, StockKey};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::Links;
use super::recall::Recall;
use crate::store::Store;
use crate::store::bell as wire;

/// Rings that wait to be sent.
const WAITING_MAX: usize = 1_024;
/// How long a lost connection is left alone.
const PAUSE: Duration = Duration::from_millis(500);

/// What one hub tells the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ring", rename_all = "snake_case")]
enum Ring {
    /// A store answered a ping that left so long ago.
    Answered {
        location: LocationNo,
        age_ms: i64,
        /// Facts in its log; a hub of before says nothing of them.
        #[serde(default)]
        waiting: Option<i64>,
        /// The life whose log goes on behind what the hub has.
        #[serde(default)]
        gap: Option<IncarnationId>,
    },
    /// Whoever holds the agent ends its connection.
    Cut { location: LocationNo },
    /// Whoever holds the agent asks it for share.
    Recall { item: ItemNo, location: LocationNo, incarnation: IncarnationId, target: i64 },
    /// A recall went unanswered.
    Late { item: ItemNo, location: LocationNo },
}

#[derive(Debug, Serialize, Deserialize)]
struct Envelope {
    from: Uuid,
    #[serde(flatten)]
    ring: Ring,
}

/// The way to the other hubs; one that nobody hears at first.
#[derive(Debug, Default)]
pub(super) struct Bell(OnceLock<Out>);

/// What waits to be told: somebody waits for a recall, a heartbeat comes again.
#[derive(Debug)]
struct Out {
    urgent: mpsc::Sender<Ring>,
    answered: mpsc::Sender<Ring>,
}

impl Bell {
    pub(super) fn answered(
        &self,
        location: LocationNo,
        age_ms: i64,
        waiting: Option<i64>,
        gap: Option<IncarnationId>,
    ) {
        self.ring(Ring::Answered { location, age_ms, waiting, gap });
    }

    pub(super) fn cut(&self, location: LocationNo) {
        self.ring(Ring::Cut { location });
    }

    pub(super) fn recall(&self, recall: Recall) {
        let Recall { key: StockKey { item, location }, incarnation, target } = recall;
        self.ring(Ring::Recall { item, location, incarnation, target });
    }

    pub(super) fn late(&self, key: StockKey) {
        self.ring(Ring::Late { item: key.item, location: key.location });
    }

    fn ring(&self, ring: Ring) {
        let Some(out) = self.0.get() else { return };
        let out = if matches!(ring, Ring::Answered { .. }) { &out.answered } else { &out.urgent };
        if let Err(TrySendError::Full(_)) = out.try_send(ring) {
            tracing::debug!("too many rings wait: one is left out");
        }
    }
}

/// Rings and listens until the hub stops; on SQLite it returns at once.
pub async fn run(links: Arc<Links>, store: Store, stop: CancellationToken) {
    if !wire::rings(&store) {
        return;
    }
    let me = Uuid::now_v7();
    let (urgent, mut first) = mpsc::channel(WAITING_MAX);
    let (answered, mut then) = mpsc::channel(WAITING_MAX);
    if links.bell.0.set(Out { urgent, answered }).is_err() {
        return; // it rings already
    }
    let listening = async {
        loop {
            if let Err(error) = listen(&links, &store, me).await {
                tracing::warn!(%error, "other hubs are not heard");
            }
            tokio::time::sleep(PAUSE).await;
        }
    };
    let ringing = async {
        loop {
            let ring = tokio::select! {
                biased;
                Some(ring) = first.recv() => ring,
                Some(ring) = then.recv() => ring,
                else => return,
            };
            // Plain data: serde cannot fail on it.
            let text = serde_json::to_string(&Envelope { from: me, ring }).unwrap_or_default();
            if let Err(error) = wire::ring(&store, &text).await {
                tracing::warn!(%error, "other hubs cannot be told");
            }
        }
    };
    tokio::select! {
        () = stop.cancelled() => {}
        () = listening => {}
        () = ringing => {}
    }
}

async fn listen(links: &Links, store: &Store, me: Uuid) -> Result<(), crate::store::StoreError> {
    let mut listener = wire::Listener::open(store).await?;
    loop {
        let text = listener.next().await?;
        match serde_json::from_str::<Envelope>(&text) {
            Ok(said) if said.from != me => heard(links, said.ring),
            Ok(_) => {}
            // A hub of another version: what it says is for others.
            Err(error) => tracing::debug!(%error, "a ring that cannot be read"),
        }
    }
}

fn heard(links: &Links, ring: Ring) {
    match ring {
        Ring::Answered { location, age_ms, waiting, gap } => {
            links.answered_elsewhere(location, age_ms, waiting);
            links.put_gap(location, gap);
        }
        Ring::Cut { location } => links.cut_here(location),
        Ring::Recall { item, location, incarnation, target } => {
            let key = StockKey { item, location };
            links.recall_here(Recall { key, incarnation, target });
        }
        Ring::Late { item, location } => links.missed_here(StockKey { item, location }),
    }
}
