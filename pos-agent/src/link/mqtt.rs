//! A line over MQTT: the hub's own endpoint, or a broker of somebody else.
//!
//! The broker is a pipe: nothing rests on what it acknowledges, and through a foreign one every
//! frame is signed. One task polls rumqttc and does nothing else (its rules:
//! reference of rumqttc's `EventLoop`). Invariant: both tasks end with their line.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use anyhow::{Result, bail};
use futures_util::{Sink, Stream};
use oneshelf_domain::{AgentId, limits};
use oneshelf_protocol::address::MqttAddress;
use oneshelf_protocol::{signed, topic};
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{Packet, SubscribeReasonCode};
use rumqttc::v5::{AsyncClient, Event, EventLoop, MqttOptions};
use rumqttc::{NetworkOptions, TlsConfiguration, Transport};
use rustls::ClientConfig;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::PollSender;

use super::carry::{Broken, Link};
use super::{ANSWER, hub_time};
use crate::journal::Identity;
use crate::key::AgentKey;

const TRANSPORT: &str = "mqtt";
const KEEP_ALIVE: Duration = Duration::from_secs(30);
/// Frames that wait for the line, and for the machine.
const WAITING_MAX: usize = 256;
/// Topic, properties and a signature around a frame, bytes.
const AROUND_MAX: usize = 1 << 10;

/// A broker of somebody else.
#[derive(Clone)]
pub struct Broker {
    /// Where it is.
    pub address: MqttAddress,
    /// As it knows this agent; without it by the agent's id.
    pub user: Option<String>,
    /// For it; none: it asks for none.
    pub password: Option<String>,
}

impl std::fmt::Debug for Broker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Broker({:?}, {:?}, ..)", self.address, self.user)
    }
}

/// Connects to the hub's own endpoint.
pub(super) async fn dial(
    identity: &Identity,
    key: &AgentKey,
    address: &MqttAddress,
    trust: &Arc<ClientConfig>,
) -> Result<Box<dyn Link>> {
    let time = hub_time(identity, trust).await?;
    let credential = key.credential(identity.agent, &time.hub_id, TRANSPORT, time.now);
    let mut options = options(identity.agent, address, trust);
    options.set_credentials(identity.agent.to_string(), credential.to_string());
    let agent = identity.agent;
    open(agent, options, |frame| frame).await
}

/// Connects to a broker; frames are signed for the hub behind it.
pub(super) async fn dial_broker(
    identity: &Identity,
    key: AgentKey,
    broker: &Broker,
    trust: &Arc<ClientConfig>,
) -> Result<Box<dyn Link>> {
    let mut options = options(identity.agent, &broker.address, trust);
    if let Some(password) = &broker.password {
        let user = broker.user.clone().unwrap_or_else(|| identity.agent.to_string());
        options.set_credentials(user, password);
    }
    let (agent, hub_id) = (identity.agent, identity.hub_id.clone());
    let sign = move |frame: String| {
        signed::message(&key.sign(&signed::signed_bytes(&hub_id, agent, &frame)), &frame)
    };
    open(agent, options, sign).await
}

fn options(agent: AgentId, address: &MqttAddress, trust: &Arc<ClientConfig>) -> MqttOptions {
    let mut options = MqttOptions::new(agent.to_string(), &address.host, address.port);
    if address.tls {
        let tls = TlsConfiguration::Rustls(Arc::clone(trust));
        options.set_transport(Transport::tls_with_config(tls));
    }
    let mut network = NetworkOptions::new();
    network.set_tcp_nodelay(true);
    options
        .set_network_options(network)
        .set_keep_alive(KEEP_ALIVE)
        .set_connection_timeout(ANSWER.as_secs())
        .set_clean_start(true)
        .set_max_packet_size(u32::try_from(limits::FRAME_BYTES_MAX + AROUND_MAX).ok());
    options
}

async fn open(
    agent: AgentId,
    options: MqttOptions,
    around: impl Fn(String) -> String + Send + 'static,
) -> Result<Box<dyn Link>> {
    let (client, mut events) = AsyncClient::new(options, WAITING_MAX);
    timeout(ANSWER, listen(agent, &client, &mut events)).await??;
    let (out, mut texts) = mpsc::channel::<String>(WAITING_MAX);
    let (said, incoming) = mpsc::channel(WAITING_MAX);
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        while let Some(text) = texts.recv().await {
            let sent = client.publish(topic::up(agent), QoS::AtLeastOnce, false, around(text));
            if sent.await.is_err() {
                return;
            }
        }
    });
    tasks.spawn(poll(events, said));
    Ok(Box::new(Line { out: PollSender::new(out), incoming, _tasks: tasks }))
}

/// Waits until the broker says that what goes down is heard here.
async fn listen(agent: AgentId, client: &AsyncClient, events: &mut EventLoop) -> Result<()> {
    loop {
        match events.poll().await? {
            Event::Incoming(Packet::ConnAck(_)) => {
                client.try_subscribe(topic::down(agent), QoS::AtLeastOnce)?;
            }
            Event::Incoming(Packet::SubAck(answer)) => match answer.return_codes.first() {
                Some(SubscribeReasonCode::Success(_)) => return Ok(()),
                other => bail!("it may not listen to its own topic: {other:?}"),
            },
            _ => {}
        }
    }
}

/// While a large copy is put in place its frames wait here, and the broker behind them.
async fn poll(mut events: EventLoop, said: mpsc::Sender<String>) {
    loop {
        match events.poll().await {
            Ok(Event::Incoming(Packet::Publish(publish))) => {
                let text = String::from_utf8_lossy(&publish.payload).into_owned();
                if said.send(text).await.is_err() {
                    return;
                }
            }
            Ok(_) => {}
            Err(error) => {
                tracing::info!(%error, "the MQTT connection broke");
                return;
            }
        }
    }
}

/// See the module.
struct Line {
    out: PollSender<String>,
    incoming: mpsc::Receiver<String>,
    /// Ended when the line is dropped.
    _tasks: JoinSet<()>,
}

impl Stream for Line {
    type Item = String;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<String>> {
        self.incoming.poll_recv(cx)
    }
}

impl Sink<String> for Line {
    type Error = Broken;

    fn poll_ready(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Broken>> {
        self.out.poll_reserve(cx).map_err(|_| Broken)
    }

    fn start_send(mut self: Pin<&mut Self>, text: String) -> Result<(), Broken> {
        self.out.send_item(text).map_err(|_| Broken)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), Broken>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), Broken>> {
        self.out.close();
        Poll::Ready(Ok(()))
    }
}
