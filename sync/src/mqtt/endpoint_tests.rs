//! The endpoint as clients of both versions meet it, packet by packet, and under random bytes.

use bytes::{Bytes, BytesMut};
use oneshelf_domain::{AgentId, LocationCode, Sku};
use oneshelf_protocol::topic;
use rumqttc::mqttbytes::{self, v4};
use rumqttc::v5::mqttbytes::{QoS as QoS5, v5};
use uuid::Uuid;

use super::super::{
    CONNECT_MS, FILTERS_MAX, PACKET_BYTES_MAX, Refusal, Rights, StockRight, UNSETTLED_MAX,
};
use super::*;

const ME: AgentId = AgentId(Uuid::from_u128(1));
const OTHER: AgentId = AgentId(Uuid::from_u128(2));

fn s01() -> LocationCode {
    LocationCode::new("S01").unwrap()
}

fn agent() -> Rights {
    Rights { agent: Some(ME), stock: StockRight::Only(s01()) }
}

fn reader() -> Rights {
    Rights { agent: None, stock: StockRight::All }
}

fn five(packet: &v5::Packet) -> BytesMut {
    let mut out = BytesMut::new();
    packet.write(&mut out, None).unwrap();
    out
}

fn four(packet: &v4::Packet) -> BytesMut {
    let mut out = BytesMut::new();
    packet.write(&mut out, usize::MAX).unwrap();
    out
}

fn connect5(properties: Option<v5::ConnectProperties>) -> BytesMut {
    let connect =
        v5::Connect { keep_alive: 10, client_id: "me".to_owned(), clean_start: true, properties };
    let login = v5::Login::new("user", "secret");
    five(&v5::Packet::Connect(connect, None, Some(login)))
}

fn connect4() -> BytesMut {
    let mut connect = v4::Connect::new("me");
    connect.set_login("user", "secret");
    four(&v4::Packet::Connect(connect))
}

fn open(connect: &[u8], rights: Rights) -> Endpoint {
    let mut endpoint = Endpoint::new(0);
    let asked = endpoint.step(Input::Bytes(connect), 0);
    assert!(matches!(&asked[..], [Output::Prove(who)] if who.password == "secret"));
    let said = endpoint.step(Input::Admit { rights, assigned: None }, 0);
    assert_eq!(said.len(), 1);
    endpoint
}

fn open5(rights: Rights) -> Endpoint {
    open(&connect5(None), rights)
}

fn sent(outputs: &[Output]) -> Vec<v5::Packet> {
    let bytes = outputs.iter().filter_map(|output| match output {
        Output::Send(bytes) => Some(BytesMut::from(&bytes[..])),
        _ => None,
    });
    let read = |mut bytes: BytesMut| {
        let packet = v5::Packet::read(&mut bytes, None).unwrap();
        assert!(bytes.is_empty(), "a packet is as long as it says");
        packet
    };
    bytes.map(read).collect()
}

fn publish5(topic: &str, qos: QoS5, pkid: u16) -> BytesMut {
    let mut publish = v5::Publish::new(topic, qos, "frame", None);
    publish.pkid = pkid;
    five(&v5::Packet::Publish(publish))
}

fn subscribe5(path: &str) -> BytesMut {
    let filter = v5::Filter::new(path, QoS5::AtLeastOnce);
    let mut subscribe = v5::Subscribe::new(filter, None);
    subscribe.pkid = 5;
    five(&v5::Packet::Subscribe(subscribe))
}

#[test]
fn what_the_hub_has_not_is_said_at_the_beginning() {
    let mut endpoint = Endpoint::new(0);
    endpoint.step(Input::Bytes(&connect5(None)), 0);
    let admit = Input::Admit { rights: reader(), assigned: Some("made".to_owned()) };
    let said = sent(&endpoint.step(admit, 0));
    let [v5::Packet::ConnAck(ack)] = &said[..] else { panic!("{said:?}") };
    let has = ack.properties.as_ref().unwrap();
    assert!(!ack.session_present && ack.code == v5::ConnectReturnCode::Success);
    assert_eq!((has.max_qos, has.topic_alias_max), (Some(1), Some(0)));
    assert_eq!(has.shared_subscription_available, Some(0));
    assert_eq!(has.assigned_client_identifier.as_deref(), Some("made"));
}

#[test]
fn refusals_have_the_numbers_of_their_version() {
    for (refusal, code5, code4) in [
        (Refusal::BadCredential, 134, 4),
        (Refusal::NotAllowed, 135, 5),
        (Refusal::Busy, 137, 3),
        (Refusal::TooFast, 159, 3),
    ] {
        for (connect, code) in [(connect5(None), code5), (connect4(), code4)] {
            let mut endpoint = Endpoint::new(0);
            endpoint.step(Input::Bytes(&connect), 0);
            let out = endpoint.step(Input::Refuse(refusal), 0);
            let [Output::Send(bytes), Output::Close(_)] = &out[..] else { panic!("{out:?}") };
            assert_eq!((bytes[0], bytes[2], bytes[3]), (0x20, 0, code));
            assert!(endpoint.step(Input::Bytes(&connect), 0).is_empty());
        }
    }
}

#[test]
fn an_older_version_hears_so_in_its_words() {
    let mut old = connect4();
    old[8] = 3;
    let out = Endpoint::new(0).step(Input::Bytes(&old), 0);
    assert!(matches!(&out[..], [Output::Send(b), Output::Close(_)] if b[..] == [0x20, 2, 0, 1]));
    old[8] = 6;
    let out = Endpoint::new(0).step(Input::Bytes(&old), 0);
    assert!(matches!(&out[..], [Output::Send(b), Output::Close(_)] if b[3] == 0x84), "{out:?}");
}

#[test]
fn a_message_is_acknowledged_when_it_was_settled_in_the_order_of_arrival() {
    let mut endpoint = open5(agent());
    for pkid in [1, 2] {
        let out =
            endpoint.step(Input::Bytes(&publish5(&topic::up(ME), QoS5::AtLeastOnce, pkid)), 0);
        assert!(matches!(out[..], [Output::Frame { ticket: Some(t), .. }] if t == pkid));
    }
    assert!(endpoint.step(Input::Settled(2, true), 0).is_empty());
    assert!(endpoint.step(Input::Settled(9, true), 0).is_empty());
    let acks = sent(&endpoint.step(Input::Settled(1, true), 0));
    let ids = acks.iter().map(|ack| match ack {
        v5::Packet::PubAck(ack) => ack.pkid,
        other => panic!("{other:?}"),
    });
    assert_eq!(ids.collect::<Vec<_>>(), [1, 2]);
}

#[test]
fn another_agents_topic_is_refused_in_either_version() {
    let mut endpoint = open5(agent());
    let foreign = publish5(&topic::up(OTHER), QoS5::AtLeastOnce, 3);
    let out = endpoint.step(Input::Bytes(&foreign), 0);
    let [Output::Send(ack)] = &out[..] else { panic!("{out:?}") };
    assert_eq!((ack[0], ack[4]), (0x40, 135));
    let out = endpoint.step(Input::Bytes(&publish5(&topic::up(OTHER), QoS5::AtMostOnce, 0)), 0);
    assert!(matches!(out[..], [Output::Send(_), Output::Close(_)]));

    let mut endpoint = open(&connect4(), agent());
    let mut publish = v4::Publish::new(topic::up(OTHER), mqttbytes::QoS::AtLeastOnce, "frame");
    publish.pkid = 3;
    let out = endpoint.step(Input::Bytes(&four(&v4::Packet::Publish(publish))), 0);
    assert!(matches!(out[..], [Output::Close(_)]), "{out:?}");
}

#[test]
fn a_wildcard_reaches_no_other_store() {
    let mut endpoint = open5(agent());
    for (filter, code) in [
        ("#", 135),
        ("oneshelf/1/agent/+/down", 135),
        ("oneshelf/1/stock/+/A", 135),
        ("$share/g/oneshelf/1/stock/S01/#", 158),
        ("oneshelf/#/x", 143),
        ("oneshelf/1/stock/S01/#", 1),
    ] {
        let out = endpoint.step(Input::Bytes(&subscribe5(filter)), 0);
        let Some(Output::Send(ack)) = out.first() else { panic!("{out:?}") };
        assert_eq!((ack[0], *ack.last().unwrap()), (0x90, code), "{filter}");
    }
    let mut endpoint = open(&connect4(), agent());
    let mut subscribe = v4::Subscribe::new("#", mqttbytes::QoS::AtLeastOnce);
    subscribe.pkid = 5;
    let out = endpoint.step(Input::Bytes(&four(&v4::Packet::Subscribe(subscribe))), 0);
    assert_eq!(out, [Output::Send(Bytes::from_static(&[0x90, 3, 0, 5, 128]))]);
}

#[test]
fn current_values_have_the_retain_flag_and_news_have_not() {
    let mut endpoint = open5(reader());
    let out = endpoint.step(Input::Bytes(&subscribe5("oneshelf/1/stock/S01/A")), 0);
    let [Output::Send(_), Output::Current(filters)] = &out[..] else { panic!("{out:?}") };
    assert_eq!(filters.len(), 1);
    let sku = Sku::new("A").unwrap();
    let mut tell = |current, location: &LocationCode| {
        let payload = Bytes::from_static(b"3");
        let value = Input::Value { location, sku: &sku, payload, current };
        sent(&endpoint.step(value, 0))
    };
    for current in [true, false] {
        let told = tell(current, &s01());
        let [v5::Packet::Publish(publish)] = &told[..] else { panic!("{told:?}") };
        assert_eq!((publish.retain, publish.qos), (current, QoS5::AtLeastOnce));
    }
    assert!(tell(false, &LocationCode::new("S02").unwrap()).is_empty());
}

#[test]
fn a_slow_reader_gets_the_newest_figure_alone() {
    let said = v5::ConnectProperties { receive_maximum: Some(1), ..Default::default() };
    let mut endpoint = open(&connect5(Some(said)), reader());
    endpoint.step(Input::Bytes(&subscribe5("oneshelf/1/stock/#")), 0);
    let sku = Sku::new("A").unwrap();
    let location = s01();
    let mut told = vec![];
    for figure in 0..100 {
        let payload = Bytes::from(figure.to_string());
        let value = Input::Value { location: &location, sku: &sku, payload, current: false };
        told.extend(sent(&endpoint.step(value, 0)));
    }
    assert_eq!(told.len(), 1);
    let ack = five(&v5::Packet::PubAck(v5::PubAck::new(1, None)));
    let told = sent(&endpoint.step(Input::Bytes(&ack), 0));
    assert!(matches!(&told[..], [v5::Packet::Publish(p)] if p.payload == "99"), "{told:?}");
}

#[test]
fn silence_ends_a_connection_unless_the_client_wants_none() {
    let mut endpoint = open5(reader());
    assert!(endpoint.step(Input::Tick, 15_000).is_empty());
    let out = endpoint.step(Input::Tick, 15_001);
    assert!(matches!(out[..], [Output::Send(_), Output::Close(_)]));
    assert!(matches!(sent(&out)[..], [v5::Packet::Disconnect(_)]));

    let mut connect = v4::Connect::new("me");
    connect.keep_alive = 0;
    connect.set_login("user", "secret");
    let mut endpoint = open(&four(&v4::Packet::Connect(connect)), reader());
    assert!(endpoint.step(Input::Tick, i64::MAX).is_empty());
    assert_eq!(Endpoint::new(0).step(Input::Tick, CONNECT_MS + 1).len(), 1);
}

#[test]
fn what_has_no_place_ends_the_connection() {
    let mut alias = v5::Publish::new(topic::up(ME), QoS5::AtMostOnce, "x", None);
    alias.properties = Some(v5::PublishProperties { topic_alias: Some(1), ..Default::default() });
    for (packet, code) in [
        (publish5(&topic::up(ME), QoS5::ExactlyOnce, 1), 0x9b),
        (five(&v5::Packet::Publish(alias)), 0x94),
        (connect5(None), 0x82),
        (BytesMut::from(&[0xf0, 0][..]), 0x81),
        (BytesMut::from(&[0x80, 2, 0, 1][..]), 0x81),
        (BytesMut::from(&[0x30, 0xff, 0xff, 0xff, 0x7f][..]), 0x95),
    ] {
        let mut endpoint = open5(agent());
        let out = endpoint.step(Input::Bytes(&packet), 0);
        let [Output::Send(said), Output::Close(_)] = &out[..] else { panic!("{out:?}") };
        assert_eq!((said[0], said[2]), (0xe0, code));
    }
    for end in [&[0xe0, 0][..], &[0xe0, 1, 4], &[0xe0, 2, 0, 0]] {
        let mut endpoint = open5(agent());
        let out = endpoint.step(Input::Bytes(end), 0);
        assert_eq!(out, [Output::Close("the client left")]);
    }
}

#[test]
fn a_client_may_not_send_without_end() {
    let mut endpoint = open5(agent());
    let mut last = vec![];
    for pkid in 1..=UNSETTLED_MAX + 1 {
        let publish = publish5(&topic::up(ME), QoS5::AtLeastOnce, pkid);
        last = endpoint.step(Input::Bytes(&publish), 0);
    }
    let [Output::Send(said), Output::Close(_)] = &last[..] else { panic!("{last:?}") };
    assert_eq!(said[2], 0x93);
}

/// Numbers from a seed (SplitMix64).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % below as u64).unwrap()
    }
}

fn seeds() -> Vec<Vec<u8>> {
    let properties = v5::ConnectProperties {
        receive_maximum: Some(3),
        user_properties: vec![("a".to_owned(), "b".to_owned())],
        ..Default::default()
    };
    let mut gone = v5::Unsubscribe::new("oneshelf/1/stock/#", None);
    gone.pkid = 9;
    let mut subscribe = v4::Subscribe::new("oneshelf/1/stock/+/A", mqttbytes::QoS::ExactlyOnce);
    subscribe.pkid = 6;
    let mut publish = v4::Publish::new(topic::up(ME), mqttbytes::QoS::AtLeastOnce, "frame");
    publish.pkid = 7;
    let mut topics = v4::Unsubscribe::new("#");
    topics.pkid = 8;
    [
        connect5(None),
        connect5(Some(properties)),
        connect4(),
        publish5(&topic::up(ME), QoS5::AtLeastOnce, 1),
        publish5("oneshelf/1/stock/S01/A", QoS5::AtMostOnce, 0),
        subscribe5("oneshelf/1/stock/#"),
        subscribe5("$share/é/#"),
        five(&v5::Packet::Unsubscribe(gone)),
        five(&v5::Packet::PubAck(v5::PubAck::new(1, None))),
        four(&v4::Packet::Subscribe(subscribe)),
        four(&v4::Packet::Publish(publish)),
        four(&v4::Packet::Unsubscribe(topics)),
        BytesMut::from(&[0xc0, 0, 0xe0, 0][..]),
        BytesMut::from(&[0xe0, 2, 0x04, 0][..]),
        BytesMut::from(&[0xf0, 2, 0, 0][..]),
        BytesMut::from(&[0x62, 2, 0, 1, 0x50, 2, 0, 1, 0x70, 2, 0, 1][..]),
    ]
    .into_iter()
    .map(|bytes| bytes.to_vec())
    .collect()
}

fn mutated(seed: &[u8], dice: &mut Dice) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for _ in 0..dice.roll(4) {
        let at = dice.roll(bytes.len().max(1));
        let byte = u8::try_from(dice.roll(256)).unwrap();
        match dice.roll(4) {
            0 if !bytes.is_empty() => bytes[at] = byte,
            1 if !bytes.is_empty() => drop(bytes.remove(at)),
            2 => bytes.insert(at.min(bytes.len()), byte),
            _ => bytes.truncate(at),
        }
    }
    bytes
}

/// Random and mutated packets in random pieces: no panic, bounded memory, nothing after the end,
/// nothing of another store, nothing before the shell admitted it.
#[test]
fn fuzz_packets() {
    let count = std::env::var("ONESHELF_FUZZ_COUNT").ok().and_then(|n| n.parse().ok());
    let count: usize = count.unwrap_or(100_000);
    let seeds = seeds();
    let mut dice = Dice(7);
    let mut fed = 0;
    while fed < count {
        let mut endpoint = Endpoint::new(0);
        let (mut admitted, mut closed) = (false, false);
        for now in 0..40 {
            // Nothing comes after the end, whatever is said; then another client is met.
            if closed {
                assert!(endpoint.step(Input::Bytes(&seeds[0]), now).is_empty());
                break;
            }
            let bytes = match dice.roll(8) {
                0 => (0..dice.roll(64)).map(|_| u8::try_from(dice.roll(256)).unwrap()).collect(),
                // Mostly right, so that what follows is met in all states.
                1..=4 if !admitted => seeds[dice.roll(3)].clone(),
                1..=4 => seeds[3 + dice.roll(seeds.len() - 3)].clone(),
                _ => mutated(&seeds[dice.roll(seeds.len())], &mut dice),
            };
            fed += 1;
            let mut out = vec![];
            let cut = dice.roll(bytes.len() + 1);
            for piece in [&bytes[..cut], &bytes[cut..]] {
                let said = endpoint.step(Input::Bytes(piece), now);
                assert!(!closed || said.is_empty(), "something was said after the end");
                closed |= said.iter().any(|one| matches!(one, Output::Close(_)));
                out.extend(said);
            }
            for one in &out {
                match one {
                    Output::Prove(_) => {
                        assert!(!admitted);
                        let admit = Input::Admit { rights: agent(), assigned: None };
                        let said = endpoint.step(admit, now);
                        closed |= said.iter().any(|one| matches!(one, Output::Close(_)));
                        admitted = true;
                    }
                    Output::Frame { .. } | Output::Listens => assert!(admitted),
                    Output::Current(filters) => {
                        assert!(filters.iter().all(|f| f.location == Some(s01())));
                    }
                    Output::Send(_) | Output::Close(_) => {}
                }
            }
            assert!(endpoint.buffer.len() <= PACKET_BYTES_MAX + 256);
            assert!(endpoint.unsettled.len() <= usize::from(UNSETTLED_MAX));
            assert!(endpoint.filters.len() <= FILTERS_MAX);
        }
    }
}
