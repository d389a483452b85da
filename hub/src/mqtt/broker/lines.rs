//! The lines of agents behind a broker: each is opened by a frame and ends by silence.
//!
//! A broker does not say who is there. Invariant: an agent has one line, and frames of one agent
//! are handed over in the order they came.

use std::collections::HashMap;
use std::time::Duration;

use futures_util::stream;
use oneshelf_domain::stock::LocationNo;
use oneshelf_domain::{AgentId, limits};
use oneshelf_protocol::topic;
use rumqttc::v5::AsyncClient;
use rumqttc::v5::mqttbytes::QoS;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::PollSender;

use crate::app::App;
use crate::link;

/// Frames of an agent that wait; beyond that they must come again.
const SAID_MAX: usize = 256;
/// Frames to an agent that wait for the broker.
const DOWN_MAX: usize = 16;

/// After so long without a frame an agent is gone: three heartbeats.
fn silence() -> Duration {
    Duration::from_millis((3 * limits::HEARTBEAT_MS + 1_000).unsigned_abs())
}

struct Line {
    said: mpsc::Sender<String>,
    heard: Instant,
    task: JoinHandle<()>,
}

/// See the module.
pub(super) struct Lines {
    app: App,
    client: AsyncClient,
    lines: HashMap<AgentId, Line>,
}

impl Lines {
    pub(super) fn new(app: App, client: AsyncClient) -> Self {
        Self { app, client, lines: HashMap::new() }
    }

    /// A frame that its agent signed.
    pub(super) fn hand_over(&mut self, agent: AgentId, location: LocationNo, frame: String) {
        if self.lines.get(&agent).is_none_or(|line| line.task.is_finished()) {
            let line = self.open(agent, location);
            self.lines.insert(agent, line);
        }
        let Some(line) = self.lines.get_mut(&agent) else { return };
        line.heard = Instant::now();
        if line.said.try_send(frame).is_err() {
            tracing::warn!(%agent, "more frames than the link takes; they must come again");
        }
    }

    /// Lets go of agents that were silent for long.
    pub(super) fn sweep(&mut self) {
        self.lines.retain(|_, line| line.heard.elapsed() < silence() && !line.task.is_finished());
    }

    fn open(&self, agent: AgentId, location: LocationNo) -> Line {
        let (said, frames) = mpsc::channel(SAID_MAX);
        let (out, down) = mpsc::channel::<String>(DOWN_MAX);
        tokio::spawn(send(self.client.clone(), agent, down));
        let app = self.app.clone();
        let task = tokio::spawn(async move {
            tracing::info!(%agent, "an agent speaks through the MQTT broker");
            let incoming = Box::pin(stream::unfold(frames, |mut frames| async move {
                let frame: String = frames.recv().await?;
                Some((frame, frames))
            }));
            let ended = link::run(&app, agent, location, incoming, PollSender::new(out)).await;
            let why = ended.err().map(|why| why.to_string()).unwrap_or_default();
            tracing::info!(%agent, why, "an agent's line through the MQTT broker ended");
        });
        Line { said, heard: Instant::now(), task }
    }
}

/// What goes down, in order, until the link ends.
async fn send(client: AsyncClient, agent: AgentId, mut down: mpsc::Receiver<String>) {
    let name = topic::down(agent);
    while let Some(frame) = down.recv().await {
        if client.publish(name.clone(), QoS::AtLeastOnce, false, frame).await.is_err() {
            return;
        }
    }
}
