//! The hub at a broker of somebody else: agents' frames come and go through it.
//!
//! The broker proves nothing, so each frame that comes up is signed by its agent; it keeps nothing,
//! so nothing rests on what it acknowledges. Of several hubs one is connected, under a lease.
//! Invariant: a frame whose signature does not fit changes nothing and opens no line.

mod lines;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use ed25519_dalek::Signature;
use oneshelf_domain::limits;
use oneshelf_domain::record::RecordState;
use oneshelf_protocol::address::MqttAddress;
use oneshelf_protocol::{signed, topic};
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{Packet, Publish, SubscribeReasonCode};
use rumqttc::v5::{AsyncClient, Event, EventLoop, MqttOptions};
use rumqttc::{NetworkOptions, TlsConfiguration, Transport};
use rustls::ClientConfig;

use crate::app::App;
use crate::auth::agents;
use crate::jobs::{Lease, pause};
use crate::tls::roots;
use lines::Lines;

const BACK_OFF_FIRST: Duration = Duration::from_millis(200);
const BACK_OFF_LAST: Duration = Duration::from_secs(5);
/// For a handshake.
const ANSWER: Duration = Duration::from_secs(5);
const KEEP_ALIVE: Duration = Duration::from_secs(30);
/// How often the lease and the lines are looked at.
const LOOK: Duration = Duration::from_secs(1);
/// Frames to agents that wait for the line.
const WAITING_MAX: usize = 256;
/// Topic, properties and a signature around a frame, bytes.
const AROUND_MAX: usize = 1 << 10;

/// A broker, and who the hub is there.
#[derive(Clone)]
pub struct Broker {
    /// Where it is.
    pub address: MqttAddress,
    /// The hub's user there.
    pub user: String,
    /// Its password; none: the broker asks for none.
    pub password: Option<String>,
    /// A root that the broker's certificate leads to, beside those of the system.
    pub ca: Option<PathBuf>,
}

/// Runs until the stop.
///
/// # Errors
/// When the broker's root certificate cannot be read.
pub async fn run(app: App, broker: Broker) -> Result<()> {
    let trust = Arc::new(roots::client_config(broker.ca.as_deref())?);
    let mut lease = Lease::of(&app, "mqtt-broker");
    let mut wait = BACK_OFF_FIRST;
    while !app.stop.is_cancelled() {
        match lease.held(app.now()).await {
            Ok(true) => {}
            Ok(false) => {
                pause(BACK_OFF_LAST, &app.stop).await;
                continue;
            }
            Err(error) => {
                tracing::warn!(%error, "the lease on the MQTT broker cannot be looked at");
                pause(BACK_OFF_LAST, &app.stop).await;
                continue;
            }
        }
        let mut heard = false;
        let served = serve(&app, &broker, &trust, &mut lease, &mut heard).await;
        if app.stop.is_cancelled() {
            break;
        }
        if heard {
            wait = BACK_OFF_FIRST;
        }
        let why = served.err().map(|error| format!("{error:#}")).unwrap_or_default();
        tracing::warn!(why, "no line to the MQTT broker; trying again");
        pause(wait, &app.stop).await;
        wait = (wait * 2).min(BACK_OFF_LAST);
    }
    lease.give_up().await;
    Ok(())
}

fn options(app: &App, broker: &Broker, trust: &Arc<ClientConfig>) -> MqttOptions {
    let name = format!("oneshelf-{}", app.hub_id);
    let mut options = MqttOptions::new(name, &broker.address.host, broker.address.port);
    if broker.address.tls {
        let tls = TlsConfiguration::Rustls(Arc::clone(trust));
        options.set_transport(Transport::tls_with_config(tls));
    }
    if let Some(password) = &broker.password {
        options.set_credentials(&broker.user, password);
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

async fn serve(
    app: &App,
    broker: &Broker,
    trust: &Arc<ClientConfig>,
    lease: &mut Lease,
    heard: &mut bool,
) -> Result<()> {
    let (client, events) = AsyncClient::new(options(app, broker, trust), WAITING_MAX);
    let (tx, mut messages) = tokio::sync::mpsc::channel(WAITING_MAX);
    let mut tasks = tokio::task::JoinSet::new();
    // rumqttc is polled by a task that does nothing else: `publish` waits for it.
    tasks.spawn(poll(events, client.clone(), tx));
    let mut lines = Lines::new(app.clone(), client);
    let mut look = tokio::time::interval(LOOK);
    loop {
        tokio::select! {
            () = app.stop.cancelled() => return Ok(()),
            ended = tasks.join_next() => {
                return ended.context("nobody polls")?.context("the poll was cut")?;
            }
            message = messages.recv() => {
                let Some(publish) = message else { continue };
                *heard = true;
                hear(app, &mut lines, &publish);
            }
            _ = look.tick() => {
                lines.sweep();
                if !lease.held(app.now()).await? {
                    bail!("another hub has the lease");
                }
            }
        }
    }
}

async fn poll(
    mut events: EventLoop,
    client: AsyncClient,
    said: tokio::sync::mpsc::Sender<Publish>,
) -> Result<()> {
    loop {
        match events.poll().await? {
            Event::Incoming(Packet::ConnAck(_)) => {
                client.try_subscribe(topic::ALL_UP, QoS::AtLeastOnce)?;
            }
            Event::Incoming(Packet::SubAck(answer)) => match answer.return_codes.first() {
                Some(SubscribeReasonCode::Success(_)) => tracing::info!("at the MQTT broker"),
                other => bail!("the broker does not let the hub listen: {other:?}"),
            },
            Event::Incoming(Packet::Publish(publish)) => {
                let Ok(()) = said.send(publish).await else { return Ok(()) };
            }
            _ => {}
        }
    }
}

/// Proves a frame and hands it on.
fn hear(app: &App, lines: &mut Lines, publish: &Publish) {
    let seen = app.seen();
    let proven = || {
        let agent = topic::speaker(std::str::from_utf8(&publish.topic).ok()?)?;
        let record = seen.records.agent(agent).filter(|a| a.state == RecordState::Active)?;
        let (signature, frame) = signed::parts(std::str::from_utf8(&publish.payload).ok()?)?;
        let bytes = signed::signed_bytes(&app.hub_id, agent, frame);
        let key = agents::public_key(&record.public_key)?;
        key.verify_strict(&bytes, &Signature::from_bytes(&signature)).ok()?;
        let location = seen.records.location(&record.location)?.no;
        Some((agent, location, frame.to_owned()))
    };
    match proven() {
        Some((agent, location, frame)) => lines.hand_over(agent, location, frame),
        None => {
            metrics::counter!("oneshelf_broker_refused_total").increment(1);
            tracing::warn!("a frame from the MQTT broker proves nothing and is left");
        }
    }
}
