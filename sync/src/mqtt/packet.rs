//! Packets of both protocol versions as one set, read with rumqttc's codecs.
//!
//! It knows bytes, not rights. What the codecs leave out is done here: the level
//! is looked at before one is chosen, flags of the fixed header are checked, and a DISCONNECT
//! of any length is read. Invariant: no bytes make it panic, and nothing longer than the bound is
//! waited for.

use bytes::{Bytes, BytesMut};
use rumqttc::mqttbytes::{self, v4};
use rumqttc::v5::mqttbytes::{Error as Error5, QoS as QoS5, v5};

use super::{Connecting, PACKET_BYTES_MAX, UNACKNOWLEDGED_MAX};

/// Of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// 3.1.1.
    V4,
    /// 5.
    V5,
}

/// Why nobody is admitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The user or password is wrong.
    BadCredential,
    /// Nobody was named, or this one may not use MQTT.
    NotAllowed,
    /// It wants what the hub does not have: a will, or a session under no name.
    Unsupported(&'static str),
    /// The hub has no place or no answer now.
    Busy,
    /// Too many tries.
    TooFast,
}

/// Why a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reason {
    Malformed,
    Protocol,
    TooLarge,
    NotAllowed,
    Busy,
    Stopping,
    Silent,
    TakenOver,
    TooManyMessages,
    Alias,
    Quota,
    QoS,
    Administrative,
}

#[derive(Debug)]
pub(super) enum Packet {
    Connect(Box<Connect>),
    Publish(Publish),
    PubAck(u16),
    Subscribe {
        pkid: u16,
        filters: Vec<Filter>,
        identifier: bool,
    },
    Unsubscribe {
        pkid: u16,
        filters: Vec<String>,
    },
    Ping,
    Disconnect,
    /// One that a client of ours never sends.
    Unexpected,
}

#[derive(Debug)]
pub(super) struct Connect {
    pub(super) who: Connecting,
    pub(super) clean: bool,
    pub(super) keep_alive: u16,
    pub(super) will: bool,
    /// How many messages it takes before it acknowledges one.
    pub(super) window: usize,
    /// The largest packet that it takes.
    pub(super) largest: usize,
}

#[derive(Debug)]
pub(super) struct Publish {
    pub(super) topic: String,
    pub(super) payload: Bytes,
    /// 0, 1 or 2.
    pub(super) qos: u8,
    pub(super) pkid: u16,
    pub(super) alias: bool,
}

#[derive(Debug)]
pub(super) struct Filter {
    pub(super) path: String,
    /// At least once; otherwise at most once.
    pub(super) acknowledged: bool,
    /// Whether current values are wanted: always, only when the filter is new, or never.
    pub(super) current: Current,
    /// Later values keep the retain flag.
    pub(super) keeps_retain: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Current {
    Always,
    WhenNew,
    Never,
}

/// Why there is no packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoPacket {
    /// Yet.
    Incomplete,
    /// The first packet is of another version; the level as it stands there.
    Level(u8),
    Bad(Reason),
}

const CONNECT: u8 = 1;
const PUBLISH: u8 = 3;
const DISCONNECT: u8 = 14;
/// Packets whose flags are 0b0010 (sections 3.6.1, 3.8.1, 3.10.1); all others have none.
const FLAGGED: [u8; 3] = [6, 8, 10];

/// Takes a packet out of what came; without a version it must be the first, and says it.
pub(super) fn read(
    buffer: &mut BytesMut,
    version: Option<Version>,
    largest: usize,
) -> Result<Packet, NoPacket> {
    let header = mqttbytes::check(buffer.iter(), largest).map_err(no_packet4)?;
    let (kind, flags) = (buffer[0] >> 4, buffer[0] & 0x0f);
    let right = if FLAGGED.contains(&kind) { 2 } else { 0 };
    if kind != PUBLISH && flags != right {
        return Err(NoPacket::Bad(Reason::Malformed));
    }
    let length = header.frame_length();
    let version = match version {
        Some(_) if kind == CONNECT => return Err(NoPacket::Bad(Reason::Protocol)),
        Some(version) => version,
        None if kind != CONNECT => return Err(NoPacket::Bad(Reason::Protocol)),
        None => level(&buffer[..length])?,
    };
    if kind == DISCONNECT {
        // Whatever its reason. rumqttc's reader for version 5 wants a reason and a length of
        // properties, which the standard lets be left out (section 3.14.2).
        let _ = buffer.split_to(length);
        return Ok(Packet::Disconnect);
    }
    // The reader gets this packet alone, whatever it does.
    let mut packet = buffer.split_to(length);
    match version {
        Version::V4 => v4::Packet::read(&mut packet, largest).map_err(no_packet4).and_then(of4),
        Version::V5 => {
            let largest = u32::try_from(largest).ok();
            v5::Packet::read(&mut packet, largest).map_err(no_packet5).and_then(of5)
        }
    }
}

/// The level of a CONNECT (section 3.1.2.2): behind the name of the protocol.
fn level(packet: &[u8]) -> Result<Version, NoPacket> {
    let body = packet.iter().skip(1).position(|byte| byte & 0x80 == 0).map(|at| &packet[at + 2..]);
    let malformed = NoPacket::Bad(Reason::Malformed);
    let body = body.ok_or(malformed)?;
    let name = body.get(..2).ok_or(malformed)?;
    let name = usize::from(u16::from_be_bytes([name[0], name[1]]));
    match (body.get(2..2 + name), body.get(2 + name)) {
        (Some(b"MQTT"), Some(4)) => Ok(Version::V4),
        (Some(b"MQTT"), Some(5)) => Ok(Version::V5),
        (Some(b"MQTT" | b"MQIsdp"), Some(level)) => Err(NoPacket::Level(*level)),
        _ => Err(malformed),
    }
}

fn no_packet4(error: mqttbytes::Error) -> NoPacket {
    match error {
        mqttbytes::Error::InsufficientBytes(_) => NoPacket::Incomplete,
        mqttbytes::Error::PayloadSizeLimitExceeded(_) => NoPacket::Bad(Reason::TooLarge),
        _ => NoPacket::Bad(Reason::Malformed),
    }
}

/// The packet is whole here: a reader that wants more bytes has read a wrong length.
fn no_packet5(error: Error5) -> NoPacket {
    match error {
        Error5::PayloadSizeLimitExceeded { .. } => NoPacket::Bad(Reason::TooLarge),
        _ => NoPacket::Bad(Reason::Malformed),
    }
}

fn of4(packet: v4::Packet) -> Result<Packet, NoPacket> {
    Ok(match packet {
        v4::Packet::Connect(connect) => {
            let login = connect.login.unwrap_or_else(|| v4::Login::new("", ""));
            Packet::Connect(Box::new(Connect {
                who: Connecting {
                    version: Version::V4,
                    client_id: connect.client_id,
                    user: login.username,
                    password: login.password,
                },
                clean: connect.clean_session,
                keep_alive: connect.keep_alive,
                will: connect.last_will.is_some(),
                window: UNACKNOWLEDGED_MAX,
                largest: PACKET_BYTES_MAX,
            }))
        }
        v4::Packet::Publish(publish) => Packet::Publish(Publish {
            topic: publish.topic,
            payload: publish.payload,
            qos: publish.qos as u8,
            pkid: publish.pkid,
            alias: false,
        }),
        v4::Packet::PubAck(ack) => Packet::PubAck(ack.pkid),
        v4::Packet::Subscribe(subscribe) => Packet::Subscribe {
            pkid: subscribe.pkid,
            filters: subscribe.filters.into_iter().map(filter4).collect(),
            identifier: false,
        },
        v4::Packet::Unsubscribe(gone) => {
            Packet::Unsubscribe { pkid: gone.pkid, filters: gone.topics }
        }
        v4::Packet::PingReq => Packet::Ping,
        _ => Packet::Unexpected,
    })
}

fn filter4(filter: v4::SubscribeFilter) -> Filter {
    Filter {
        path: filter.path,
        acknowledged: filter.qos != mqttbytes::QoS::AtMostOnce,
        current: Current::Always,
        keeps_retain: false,
    }
}

fn of5(packet: v5::Packet) -> Result<Packet, NoPacket> {
    Ok(match packet {
        v5::Packet::Connect(connect, will, login) => {
            let login = login.unwrap_or_else(|| v5::Login::new("", ""));
            let said = connect.properties.unwrap_or_default();
            if said.receive_maximum == Some(0) || said.max_packet_size == Some(0) {
                return Err(NoPacket::Bad(Reason::Protocol));
            }
            let window = said.receive_maximum.map_or(usize::MAX, usize::from);
            let largest = said.max_packet_size.and_then(|bytes| usize::try_from(bytes).ok());
            Packet::Connect(Box::new(Connect {
                who: Connecting {
                    version: Version::V5,
                    client_id: connect.client_id,
                    user: login.username,
                    password: login.password,
                },
                clean: connect.clean_start,
                keep_alive: connect.keep_alive,
                will: will.is_some(),
                window: window.min(UNACKNOWLEDGED_MAX),
                largest: largest.unwrap_or(PACKET_BYTES_MAX).min(PACKET_BYTES_MAX),
            }))
        }
        v5::Packet::Publish(publish) => Packet::Publish(publish5(publish)?),
        v5::Packet::PubAck(ack) => Packet::PubAck(ack.pkid),
        v5::Packet::Subscribe(subscribe) => Packet::Subscribe {
            pkid: subscribe.pkid,
            identifier: subscribe.properties.is_some_and(|said| said.id.is_some()),
            filters: subscribe.filters.into_iter().map(filter5).collect(),
        },
        v5::Packet::Unsubscribe(gone) => {
            Packet::Unsubscribe { pkid: gone.pkid, filters: gone.filters }
        }
        v5::Packet::PingReq(_) => Packet::Ping,
        _ => Packet::Unexpected,
    })
}

fn publish5(publish: v5::Publish) -> Result<Publish, NoPacket> {
    let topic = String::from_utf8(publish.topic.to_vec());
    Ok(Publish {
        topic: topic.map_err(|_| NoPacket::Bad(Reason::Malformed))?,
        payload: publish.payload,
        qos: publish.qos as u8,
        pkid: publish.pkid,
        alias: publish.properties.is_some_and(|said| said.topic_alias.is_some()),
    })
}

fn filter5(filter: v5::Filter) -> Filter {
    Filter {
        path: filter.path,
        acknowledged: filter.qos != QoS5::AtMostOnce,
        current: match filter.retain_forward_rule {
            v5::RetainForwardRule::OnEverySubscribe => Current::Always,
            v5::RetainForwardRule::OnNewSubscribe => Current::WhenNew,
            v5::RetainForwardRule::Never => Current::Never,
        },
        keeps_retain: filter.preserve_retain,
    }
}
