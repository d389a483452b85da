//! What the hub says to a client, written with rumqttc's codecs for its version.
//!
//! It knows reason codes, not why one is given. Invariant: what is written is small and well
//! formed, or was bounded before, so that the codecs refuse nothing of it.

use bytes::{Bytes, BytesMut};
use rumqttc::mqttbytes::{self, v4};
use rumqttc::v5::mqttbytes::{QoS as QoS5, v5};

use super::packet::Reason;
use super::{Denied, PACKET_BYTES_MAX, Refusal, UNSETTLED_MAX, Version};

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ack {
    Settled,
    /// Not its topic.
    NotAllowed,
    /// It must come again.
    Dropped,
}

/// Writes for one version.
#[derive(Debug, Clone, Copy)]
pub(super) struct Writer(pub(super) Version);

impl Writer {
    fn write(self, four: Option<v4::Packet>, five: Option<v5::Packet>) -> Bytes {
        let mut out = BytesMut::new();
        let written = match (self.0, four, five) {
            (Version::V4, Some(packet), _) => packet.write(&mut out, usize::MAX).is_ok(),
            (Version::V5, _, Some(packet)) => packet.write(&mut out, None).is_ok(),
            _ => true,
        };
        if written { out.freeze() } else { Bytes::new() }
    }

    /// Admits: what the hub has and what it has not (section 3.2.2.3).
    pub(super) fn welcome(self, assigned: Option<String>) -> Bytes {
        let mut said = connack_properties();
        said.receive_max = Some(UNSETTLED_MAX);
        said.max_qos = Some(1);
        said.max_packet_size = u32::try_from(PACKET_BYTES_MAX).ok();
        said.assigned_client_identifier = assigned;
        said.topic_alias_max = Some(0);
        said.wildcard_subscription_available = Some(1);
        said.subscription_identifiers_available = Some(0);
        said.shared_subscription_available = Some(0);
        said.session_expiry_interval = Some(0);
        let four = v4::ConnAck::new(v4::ConnectReturnCode::Success, false);
        let code = v5::ConnectReturnCode::Success;
        let five = v5::ConnAck { session_present: false, code, properties: Some(said) };
        self.write(Some(v4::Packet::ConnAck(four)), Some(v5::Packet::ConnAck(five)))
    }

    pub(super) fn refuse(self, refusal: Refusal) -> Bytes {
        use v4::ConnectReturnCode as Four;
        use v5::ConnectReturnCode as Five;
        let (four, five, why) = match refusal {
            Refusal::BadCredential => (Four::BadUserNamePassword, Five::BadUserNamePassword, None),
            Refusal::NotAllowed => (Four::NotAuthorized, Five::NotAuthorized, None),
            Refusal::Unsupported(why) => {
                (Four::BadClientId, Five::ImplementationSpecificError, Some(why))
            }
            Refusal::Busy => (Four::ServiceUnavailable, Five::ServerBusy, None),
            Refusal::TooFast => (Four::ServiceUnavailable, Five::ConnectionRateExceeded, None),
        };
        let properties = why.map(|why| {
            let mut said = connack_properties();
            said.reason_string = Some(why.to_owned());
            said
        });
        let four = v4::ConnAck::new(four, false);
        let five = v5::ConnAck { session_present: false, code: five, properties };
        self.write(Some(v4::Packet::ConnAck(four)), Some(v5::Packet::ConnAck(five)))
    }

    /// A message: at least once where it has an id, otherwise at most once.
    pub(super) fn publish(
        self,
        topic: &str,
        payload: Bytes,
        pkid: Option<u16>,
        retain: bool,
    ) -> Bytes {
        let acknowledged = pkid.is_some();
        let pkid = pkid.unwrap_or(0);
        match self.0 {
            Version::V4 => {
                let qos = match acknowledged {
                    true => mqttbytes::QoS::AtLeastOnce,
                    false => mqttbytes::QoS::AtMostOnce,
                };
                let mut publish = v4::Publish::from_bytes(topic, qos, payload);
                (publish.pkid, publish.retain) = (pkid, retain);
                self.write(Some(v4::Packet::Publish(publish)), None)
            }
            Version::V5 => {
                let qos = if acknowledged { QoS5::AtLeastOnce } else { QoS5::AtMostOnce };
                let mut publish = v5::Publish::new(topic, qos, payload, None);
                (publish.pkid, publish.retain) = (pkid, retain);
                self.write(None, Some(v5::Packet::Publish(publish)))
            }
        }
    }

    /// Acknowledges a message; only version 5 can say that it was refused.
    pub(super) fn puback(self, pkid: u16, ack: Ack) -> Bytes {
        let mut five = v5::PubAck::new(pkid, None);
        five.reason = match ack {
            Ack::Settled => v5::PubAckReason::Success,
            Ack::NotAllowed => v5::PubAckReason::NotAuthorized,
            Ack::Dropped => v5::PubAckReason::UnspecifiedError,
        };
        let four = v4::PubAck::new(pkid);
        self.write(Some(v4::Packet::PubAck(four)), Some(v5::Packet::PubAck(five)))
    }

    pub(super) fn suback(self, pkid: u16, granted: &[Result<bool, Denied>]) -> Bytes {
        let four = granted.iter().map(|one| match one {
            Ok(true) => v4::SubscribeReasonCode::Success(mqttbytes::QoS::AtLeastOnce),
            Ok(false) => v4::SubscribeReasonCode::Success(mqttbytes::QoS::AtMostOnce),
            Err(_) => v4::SubscribeReasonCode::Failure,
        });
        let five = granted.iter().map(|one| match one {
            Ok(true) => v5::SubscribeReasonCode::Success(QoS5::AtLeastOnce),
            Ok(false) => v5::SubscribeReasonCode::Success(QoS5::AtMostOnce),
            Err(Denied::Invalid) => v5::SubscribeReasonCode::TopicFilterInvalid,
            Err(Denied::Shared) => v5::SubscribeReasonCode::SharedSubscriptionsNotSupported,
            Err(Denied::NotAllowed) => v5::SubscribeReasonCode::NotAuthorized,
            Err(Denied::TooMany) => v5::SubscribeReasonCode::QuotaExceeded,
        });
        let four = v4::SubAck::new(pkid, four.collect());
        let five = v5::SubAck { pkid, return_codes: five.collect(), properties: None };
        self.write(Some(v4::Packet::SubAck(four)), Some(v5::Packet::SubAck(five)))
    }

    pub(super) fn unsuback(self, pkid: u16, known: &[bool]) -> Bytes {
        let reasons = known.iter().map(|known| match known {
            true => v5::UnsubAckReason::Success,
            false => v5::UnsubAckReason::NoSubscriptionExisted,
        });
        let five = v5::UnsubAck { pkid, reasons: reasons.collect(), properties: None };
        let four = v4::UnsubAck::new(pkid);
        self.write(Some(v4::Packet::UnsubAck(four)), Some(v5::Packet::UnsubAck(five)))
    }

    pub(super) fn pong(self) -> Bytes {
        self.write(Some(v4::Packet::PingResp), Some(v5::Packet::PingResp(v5::PingResp)))
    }

    /// Says why it ends; 3.1.1 has no word for it.
    pub(super) fn disconnect(self, reason: Reason) -> Bytes {
        use v5::DisconnectReasonCode as Code;
        let code = match reason {
            Reason::Malformed => Code::MalformedPacket,
            Reason::Protocol => Code::ProtocolError,
            Reason::TooLarge => Code::PacketTooLarge,
            Reason::NotAllowed => Code::NotAuthorized,
            Reason::Busy => Code::ServerBusy,
            Reason::Stopping => Code::ServerShuttingDown,
            Reason::Silent => Code::KeepAliveTimeout,
            Reason::TakenOver => Code::SessionTakenOver,
            Reason::TooManyMessages => Code::ReceiveMaximumExceeded,
            Reason::Alias => Code::TopicAliasInvalid,
            Reason::Quota => Code::QuotaExceeded,
            Reason::QoS => Code::QoSNotSupported,
            Reason::Administrative => Code::AdministrativeAction,
        };
        match self.0 {
            Version::V4 => Bytes::new(),
            // Section 3.14, without properties. rumqttc 0.25.1 writes one byte more than it counts.
            Version::V5 => Bytes::copy_from_slice(&[0xe0, 2, code as u8, 0]),
        }
    }
}

/// The answer to a CONNECT of another version (sections 3.1.2.2 of both): in the words of 3.1.1,
/// which older clients know, or of 5 for a newer one.
pub(super) fn wrong_level(level: u8) -> Bytes {
    use v5::ConnectReturnCode::UnsupportedProtocolVersion as Five;
    let four = v4::ConnAck::new(v4::ConnectReturnCode::RefusedProtocolVersion, false);
    let five = v5::ConnAck { session_present: false, code: Five, properties: None };
    let version = if level > 5 { Version::V5 } else { Version::V4 };
    Writer(version).write(Some(v4::Packet::ConnAck(four)), Some(v5::Packet::ConnAck(five)))
}

fn connack_properties() -> v5::ConnAckProperties {
    v5::ConnAckProperties {
        session_expiry_interval: None,
        receive_max: None,
        max_qos: None,
        retain_available: None,
        max_packet_size: None,
        assigned_client_identifier: None,
        topic_alias_max: None,
        reason_string: None,
        user_properties: Vec::new(),
        wildcard_subscription_available: None,
        subscription_identifiers_available: None,
        shared_subscription_available: None,
        server_keep_alive: None,
        response_information: None,
        server_reference: None,
        authentication_method: None,
        authentication_data: None,
    }
}
