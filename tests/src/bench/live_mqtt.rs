//! Subscribers of live stock over MQTT, many in one program, beside those over WebSocket.
//!
//! They speak 3.1.1 at most once, as a display on a shelf would. Invariant: as in `live_swarm`, a
//! subscriber that is told nothing counts as late.

use std::net::{Ipv4Addr, SocketAddr};
use std::ops::Range;
use std::sync::Arc;

use anyhow::{Result, bail};
use bytes::BytesMut;
use rumqttc::mqttbytes::v4::{Connect, ConnectReturnCode, Packet, Subscribe};
use rumqttc::mqttbytes::{Error, QoS};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;

use super::live_swarm::{PER_ADDRESS, READ_BYTES, Scores, value_in};

/// No packet of these is larger.
const PACKET_BYTES_MAX: usize = 64 << 10;

/// Where to subscribe, and as whom.
#[derive(Debug, Clone)]
pub struct MqttTarget {
    /// The hub's endpoint.
    pub address: SocketAddr,
    /// A secret key.
    pub key: String,
    /// What to listen to.
    pub topic: String,
}

/// Connects as many as the range has; each writes to its own place in the scores.
///
/// # Errors
/// When one is not let in.
pub async fn open(
    target: &MqttTarget,
    scores: &Arc<Scores>,
    places: Range<usize>,
) -> Result<JoinSet<Result<()>>> {
    let mut tasks = JoinSet::new();
    for place in places {
        let (mut stream, mut rest) = connect(target, place).await?;
        let scores = Arc::clone(scores);
        tasks.spawn(async move {
            loop {
                match next(&mut stream, &mut rest).await? {
                    Packet::Publish(publish) => {
                        if let Some((value, _)) = value_in(&publish.payload) {
                            let bytes = publish.payload.len();
                            scores.heard(place, value, bytes, !publish.retain);
                        }
                    }
                    Packet::Disconnect => bail!("a subscriber was hung up"),
                    _ => {}
                }
            }
        });
    }
    Ok(tasks)
}

async fn connect(target: &MqttTarget, place: usize) -> Result<(TcpStream, BytesMut)> {
    let socket = TcpSocket::new_v4()?;
    let network = u8::try_from(1 + place / PER_ADDRESS)?;
    socket.bind(SocketAddr::from((Ipv4Addr::new(127, 0, network, 2), 0)))?;
    let mut stream = socket.connect(target.address).await?;
    let mut said = BytesMut::new();
    let mut connect = Connect::new(format!("bench-{place}"));
    connect.set_login("bench", &target.key);
    // Nobody pings: the hub must not wait for it.
    connect.keep_alive = 0;
    connect.write(&mut said)?;
    let mut subscribe = Subscribe::new(target.topic.clone(), QoS::AtMostOnce);
    subscribe.pkid = 1;
    subscribe.write(&mut said)?;
    stream.write_all(&said).await?;
    let mut rest = BytesMut::new();
    match next(&mut stream, &mut rest).await? {
        Packet::ConnAck(ack) if ack.code == ConnectReturnCode::Success => Ok((stream, rest)),
        other => bail!("a subscriber is not let in: {other:?}"),
    }
}

async fn next(stream: &mut TcpStream, rest: &mut BytesMut) -> Result<Packet> {
    loop {
        match Packet::read(rest, PACKET_BYTES_MAX) {
            Err(Error::InsufficientBytes(_)) => {
                rest.reserve(READ_BYTES);
                if stream.read_buf(rest).await? == 0 {
                    bail!("a subscriber was hung up");
                }
            }
            read => return Ok(read?),
        }
    }
}
