//! The machine of one connection: who it is, what it listens to, what it has not settled.
//!
//! It knows packets and rights; the shell knows sockets, credentials and figures. Invariant: each
//! output follows from the inputs before it, in their order, and after `Output::Close` there is
//! none.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use oneshelf_domain::{LocationCode, Sku};
use oneshelf_protocol::topic;

use super::action::{Input, Output};
use super::answer::{Ack, Writer, wrong_level};
use super::packet::{Connect, Current, Filter, NoPacket, Packet, Publish, Reason, read};
use super::rights::Granted;
use super::values::{Value, Waiting};
use super::{
    CONNECT_BYTES_MAX, CONNECT_MS, Denied, FILTERS_MAX, PACKET_BYTES_MAX, Refusal, Rights,
    StockFilter, UNSETTLED_MAX,
};

#[derive(Debug)]
struct Subscription {
    granted: Granted,
    acknowledged: bool,
    keeps_retain: bool,
}

#[derive(Debug)]
enum State {
    /// Nobody yet.
    Silent,
    /// The shell is asked.
    Asked(Box<Connect>),
    /// Admitted.
    Open(Rights),
    Closed,
}

/// One connection.
#[derive(Debug)]
pub struct Endpoint {
    state: State,
    buffer: BytesMut,
    writer: Option<Writer>,
    keep_alive_ms: i64,
    heard: i64,
    filters: BTreeMap<String, Subscription>,
    unsettled: VecDeque<(u16, Option<Ack>)>,
    waiting: Waiting,
    out: Vec<Output>,
}

impl Endpoint {
    /// A connection that began now, milliseconds of any clock that only grows.
    pub fn new(now: i64) -> Self {
        Self {
            state: State::Silent,
            buffer: BytesMut::new(),
            writer: None,
            keep_alive_ms: 0,
            heard: now,
            filters: BTreeMap::new(),
            unsettled: VecDeque::new(),
            waiting: Waiting::new(0, 0),
            out: vec![],
        }
    }

    /// Whether frames for the agent would only pile up.
    pub fn is_blocked(&self) -> bool {
        self.waiting.is_blocked()
    }

    /// The filters on figures.
    pub fn stock_filters(&self) -> impl Iterator<Item = &StockFilter> {
        self.filters.values().filter_map(|one| match &one.granted {
            Granted::Stock(filter) => Some(filter),
            Granted::Frames => None,
        })
    }

    /// Takes one input.
    pub fn step(&mut self, input: Input<'_>, now: i64) -> Vec<Output> {
        match input {
            Input::Bytes(bytes) => self.bytes(bytes, now),
            Input::Tick => self.tick(now),
            Input::Admit { rights, assigned } => self.admit(rights, assigned, now),
            Input::Refuse(refusal) => self.refuse(refusal, "refused"),
            Input::Settled(pkid, true) => self.settled(pkid, Ack::Settled),
            Input::Settled(..) if self.is_four() => self.close("a message was dropped"),
            Input::Settled(pkid, false) => self.settled(pkid, Ack::Dropped),
            Input::Value { location, sku, payload, current } => {
                self.value(location, sku, payload, current);
            }
            Input::Frame(payload) => self.waiting.frame(payload),
            Input::TakenOver => self.end(Reason::TakenOver, "another connection took over"),
            Input::Stopping => self.end(Reason::Stopping, "the hub stops"),
            Input::Revoked => self.end(Reason::Administrative, "it may not be here any more"),
            Input::Busy => self.end(Reason::Busy, "the hub cannot serve it now"),
        }
        self.send_ready();
        std::mem::take(&mut self.out)
    }

    fn bytes(&mut self, bytes: &[u8], now: i64) {
        if matches!(self.state, State::Closed) {
            return;
        }
        self.buffer.extend_from_slice(bytes);
        // While the shell is asked nothing more is read: it stays in the buffer, which the shell
        // bounds by not reading on.
        while !matches!(self.state, State::Asked(_) | State::Closed) {
            let largest = match self.state {
                State::Open(_) => PACKET_BYTES_MAX,
                _ => CONNECT_BYTES_MAX,
            };
            match read(&mut self.buffer, self.writer.map(|writer| writer.0), largest) {
                Ok(packet) => {
                    self.heard = now;
                    self.packet(packet);
                }
                Err(NoPacket::Incomplete) => return,
                Err(NoPacket::Level(level)) => {
                    self.out.push(Output::Send(wrong_level(level)));
                    return self.close("another version of MQTT");
                }
                Err(NoPacket::Bad(reason)) => return self.end(reason, "a packet is not right"),
            }
        }
    }

    fn packet(&mut self, packet: Packet) {
        match packet {
            Packet::Connect(connect) => self.connect(connect),
            Packet::Publish(publish) => self.publish(publish),
            Packet::PubAck(pkid) => self.waiting.acknowledged(pkid),
            Packet::Subscribe { pkid, filters, identifier } if pkid != 0 && !identifier => {
                self.subscribe(pkid, filters);
            }
            Packet::Unsubscribe { pkid, filters } if pkid != 0 && !filters.is_empty() => {
                self.unsubscribe(pkid, &filters);
            }
            Packet::Ping => self.say(Writer::pong),
            Packet::Disconnect => self.close("the client left"),
            Packet::Subscribe { .. } | Packet::Unsubscribe { .. } | Packet::Unexpected => {
                self.end(Reason::Protocol, "a packet that has no place here");
            }
        }
    }

    fn connect(&mut self, connect: Box<Connect>) {
        self.writer = Some(Writer(connect.who.version));
        if connect.will {
            return self.refuse(Refusal::Unsupported("this hub sends no wills"), "a will");
        }
        // 3.1.1 section 3.1.3.1: no name, no session to come back to.
        if connect.who.client_id.is_empty() && !connect.clean && self.is_four() {
            let why = "a client without a name begins clean";
            return self.refuse(Refusal::Unsupported(why), why);
        }
        self.out.push(Output::Prove(connect.who.clone()));
        self.state = State::Asked(connect);
    }

    fn admit(&mut self, rights: Rights, assigned: Option<String>, now: i64) {
        let State::Asked(connect) = std::mem::replace(&mut self.state, State::Closed) else {
            return;
        };
        self.keep_alive_ms = i64::from(connect.keep_alive) * 1_500;
        self.heard = now;
        self.waiting = Waiting::new(connect.window, connect.largest);
        self.state = State::Open(rights);
        self.say(|writer| writer.welcome(assigned));
        // What came meanwhile.
        self.bytes(&[], now);
    }

    fn publish(&mut self, publish: Publish) {
        let State::Open(rights) = &self.state else { return };
        if publish.alias {
            return self.end(Reason::Alias, "a topic alias");
        }
        if publish.qos > 1 {
            return self.end(Reason::QoS, "a message at exactly once");
        }
        let allowed = rights.may_say(&publish.topic);
        if publish.qos == 0 && !allowed {
            return self.end(Reason::NotAllowed, "a topic that is not its own");
        }
        let ticket = (publish.qos == 1).then_some(publish.pkid);
        if let Some(pkid) = ticket {
            if self.unsettled.len() >= usize::from(UNSETTLED_MAX) {
                return self.end(Reason::TooManyMessages, "more messages than it may");
            }
            self.unsettled.push_back((pkid, None));
            if !allowed {
                // 3.1.1 section 3.3.5: it cannot be told, so the connection ends.
                return match self.is_four() {
                    true => self.close("a topic that is not its own"),
                    false => self.settled(pkid, Ack::NotAllowed),
                };
            }
        }
        self.out.push(Output::Frame { payload: publish.payload, ticket });
    }

    /// Acknowledges in the order of arrival (section 4.6).
    fn settled(&mut self, pkid: u16, ack: Ack) {
        let open = self.unsettled.iter_mut().find(|one| one.0 == pkid && one.1.is_none());
        if let Some(one) = open {
            one.1 = Some(ack);
        }
        while let Some((pkid, Some(ack))) = self.unsettled.front().copied() {
            self.unsettled.pop_front();
            self.say(|writer| writer.puback(pkid, ack));
        }
    }

    fn subscribe(&mut self, pkid: u16, filters: Vec<Filter>) {
        let State::Open(rights) = &self.state else { return };
        let rights = rights.clone();
        let (mut answers, mut current) = (vec![], vec![]);
        let (mut listens, mut follows) = (false, false);
        for filter in filters {
            let new = !self.filters.contains_key(&filter.path);
            let granted = match rights.filter(&filter.path) {
                Ok(_) if new && self.filters.len() >= FILTERS_MAX => Err(Denied::TooMany),
                other => other,
            };
            answers.push(granted.as_ref().map(|_| filter.acknowledged).map_err(|why| *why));
            let Ok(granted) = granted else { continue };
            match &granted {
                Granted::Frames => listens = true,
                Granted::Stock(stock) => {
                    let wanted = match filter.current {
                        Current::Always => true,
                        Current::WhenNew => new,
                        Current::Never => false,
                    };
                    follows = true;
                    current.extend(wanted.then(|| stock.clone()));
                }
            }
            let Filter { path, acknowledged, keeps_retain, .. } = filter;
            self.filters.insert(path, Subscription { granted, acknowledged, keeps_retain });
        }
        self.say(|writer| writer.suback(pkid, &answers));
        if listens {
            self.out.push(Output::Listens);
        }
        // Also where no current value is wanted: those that come later are.
        if follows {
            self.out.push(Output::Current(current));
        }
    }

    fn unsubscribe(&mut self, pkid: u16, filters: &[String]) {
        let known: Vec<bool> = filters.iter().map(|f| self.filters.remove(f).is_some()).collect();
        // Values that no filter takes any more are not sent; a value names its own topic.
        let filters: Vec<StockFilter> = self.stock_filters().cloned().collect();
        self.waiting.retain(|name| {
            let figure = topic::figure_of(name);
            figure.is_some_and(|(location, sku)| filters.iter().any(|f| f.takes(&location, &sku)))
        });
        self.say(|writer| writer.unsuback(pkid, &known));
    }

    fn value(&mut self, location: &LocationCode, sku: &Sku, payload: Bytes, current: bool) {
        let (mut taken, mut acknowledged, mut retain) = (false, false, current);
        for one in self.filters.values() {
            let Granted::Stock(filter) = &one.granted else { continue };
            if filter.takes(location, sku) {
                taken = true;
                acknowledged |= one.acknowledged;
                retain |= one.keeps_retain;
            }
        }
        if !taken {
            return;
        }
        let name: Arc<str> = Arc::from(topic::stock(location, sku));
        let figure = Value { payload, acknowledged, retain };
        if !self.waiting.value(name, figure) && !current {
            self.end(Reason::Quota, "it takes figures too slowly");
        }
    }

    fn send_ready(&mut self) {
        let (State::Open(rights), Some(writer)) = (&self.state, self.writer) else { return };
        let frames = self.filters.values().find(|one| one.granted == Granted::Frames);
        let frames =
            rights.agent.zip(frames).map(|(agent, one)| (topic::down(agent), one.acknowledged));
        let frames = frames.as_ref().map(|(name, acknowledged)| (name.as_str(), *acknowledged));
        let packets = self.waiting.ready(writer, frames);
        self.out.extend(packets.into_iter().map(Output::Send));
    }

    fn tick(&mut self, now: i64) {
        let silent = now - self.heard;
        match self.state {
            State::Silent if silent > CONNECT_MS => self.close("it did not say who it is"),
            State::Open(_) if self.keep_alive_ms > 0 && silent > self.keep_alive_ms => {
                self.end(Reason::Silent, "nothing was heard");
            }
            _ => {}
        }
    }

    fn is_four(&self) -> bool {
        self.writer.is_some_and(|writer| writer.0 == super::Version::V4)
    }

    fn say(&mut self, packet: impl FnOnce(Writer) -> Bytes) {
        let packet = self.writer.map(packet).unwrap_or_default();
        if !packet.is_empty() {
            self.out.push(Output::Send(packet));
        }
    }

    fn refuse(&mut self, refusal: Refusal, why: &'static str) {
        if matches!(self.state, State::Silent | State::Asked(_)) {
            self.say(|writer| writer.refuse(refusal));
            self.close(why);
        }
    }

    fn end(&mut self, reason: Reason, why: &'static str) {
        // Before the CONNACK there is no DISCONNECT (section 3.14).
        if matches!(self.state, State::Open(_)) {
            self.say(|writer| writer.disconnect(reason));
        }
        self.close(why);
    }

    fn close(&mut self, why: &'static str) {
        if !matches!(self.state, State::Closed) {
            self.state = State::Closed;
            self.buffer = BytesMut::new();
            self.out.push(Output::Close(why));
        }
    }
}

#[cfg(test)]
#[path = "endpoint_tests.rs"]
mod tests;
