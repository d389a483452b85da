//! What waits to be sent to a client: frames in order, and of each figure the newest.
//!
//! It knows packet ids and the client's window, not rights. Invariants: no more messages are
//! unacknowledged than the client takes; a figure that was overtaken is never sent; of a figure
//! and its successor the successor is sent last.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;

use super::VALUES_MAX;
use super::answer::Writer;

/// A figure as it is told.
#[derive(Debug)]
pub(super) struct Value {
    pub(super) payload: Bytes,
    /// At least once; otherwise at most once.
    pub(super) acknowledged: bool,
    pub(super) retain: bool,
}

/// The queue of one client.
#[derive(Debug)]
pub(super) struct Waiting {
    window: usize,
    largest: usize,
    unacknowledged: BTreeSet<u16>,
    last: u16,
    frames: VecDeque<Bytes>,
    /// Topics whose value goes at once, and those whose value waits for room.
    free: VecDeque<Arc<str>>,
    bound: VecDeque<Arc<str>>,
    values: HashMap<Arc<str>, Value>,
}

impl Waiting {
    /// For a client that takes so many messages before it acknowledges one, of this size.
    pub(super) fn new(window: usize, largest: usize) -> Self {
        Self {
            window,
            largest,
            unacknowledged: BTreeSet::new(),
            last: 0,
            frames: VecDeque::new(),
            free: VecDeque::new(),
            bound: VecDeque::new(),
            values: HashMap::new(),
        }
    }

    /// The newest figure of a topic. False: too many topics wait, and this one does not.
    pub(super) fn value(&mut self, topic: Arc<str>, value: Value) -> bool {
        let waits = self.values.contains_key(&topic);
        if !waits && self.values.len() >= VALUES_MAX {
            return false;
        }
        if !waits {
            self.queue(value.acknowledged).push_back(Arc::clone(&topic));
        }
        self.values.insert(topic, value);
        true
    }

    fn queue(&mut self, acknowledged: bool) -> &mut VecDeque<Arc<str>> {
        if acknowledged { &mut self.bound } else { &mut self.free }
    }

    pub(super) fn frame(&mut self, payload: Bytes) {
        self.frames.push_back(payload);
    }

    /// Whether frames would wait longer than for the line.
    pub(super) fn is_blocked(&self) -> bool {
        !self.frames.is_empty()
    }

    pub(super) fn acknowledged(&mut self, pkid: u16) {
        self.unacknowledged.remove(&pkid);
    }

    /// A filter is gone: what waits for it alone does too.
    pub(super) fn retain(&mut self, keep: impl Fn(&str) -> bool) {
        self.values.retain(|topic, _| keep(topic));
        self.free.retain(|topic| self.values.contains_key(topic));
        self.bound.retain(|topic| self.values.contains_key(topic));
    }

    /// Packets that may go now.
    pub(super) fn ready(&mut self, writer: Writer, frames_to: Option<(&str, bool)>) -> Vec<Bytes> {
        let mut out = vec![];
        if let Some((topic, acknowledged)) = frames_to {
            while !self.frames.is_empty() && (!acknowledged || self.has_room()) {
                let Some(payload) = self.frames.pop_front() else { break };
                let pkid = acknowledged.then(|| self.fresh());
                self.put(writer.publish(topic, payload, pkid, false), pkid, &mut out);
            }
        }
        while let Some(topic) = self.free.pop_front() {
            self.tell(topic, false, writer, &mut out);
        }
        while self.has_room() {
            let Some(topic) = self.bound.pop_front() else { break };
            self.tell(topic, true, writer, &mut out);
        }
        out
    }

    /// Takes a topic's value out of the queue that it stood in.
    fn tell(&mut self, topic: Arc<str>, bound: bool, writer: Writer, out: &mut Vec<Bytes>) {
        let Some(value) = self.values.get(&topic) else { return };
        if value.acknowledged && !bound {
            // What its filter wants has changed since.
            return self.bound.push_back(topic);
        }
        let Some(Value { payload, acknowledged, retain }) = self.values.remove(&topic) else {
            return;
        };
        let pkid = acknowledged.then(|| self.fresh());
        self.put(writer.publish(&topic, payload, pkid, retain), pkid, out);
    }

    /// Section 3.1.2.11.4: a packet that is too large for the client counts as sent.
    fn put(&mut self, packet: Bytes, pkid: Option<u16>, out: &mut Vec<Bytes>) {
        if packet.len() <= self.largest {
            out.push(packet);
        } else if let Some(pkid) = pkid {
            self.unacknowledged.remove(&pkid);
        }
    }

    fn has_room(&self) -> bool {
        self.unacknowledged.len() < self.window
    }

    fn fresh(&mut self) -> u16 {
        loop {
            self.last = self.last.checked_add(1).unwrap_or(1);
            if self.unacknowledged.insert(self.last) {
                return self.last;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Version;
    use super::*;

    const WRITER: Writer = Writer(Version::V4);

    #[test]
    fn the_newest_waits_for_room_and_the_window_is_kept() {
        let mut waiting = Waiting::new(1, 1_000);
        let say = |waiting: &mut Waiting, topic: &str, text: &'static str| {
            let payload = Bytes::from_static(text.as_bytes());
            let value = Value { payload, acknowledged: true, retain: false };
            waiting.value(Arc::from(topic), value)
        };
        assert!(say(&mut waiting, "a", "1") && say(&mut waiting, "b", "1"));
        assert_eq!(waiting.ready(WRITER, None).len(), 1);
        assert!(say(&mut waiting, "b", "2") && say(&mut waiting, "a", "2"));
        assert!(waiting.ready(WRITER, None).is_empty());
        waiting.acknowledged(1);
        let sent = waiting.ready(WRITER, None);
        assert_eq!(sent.len(), 1);
        assert!(sent[0].ends_with(b"2"), "the newest of b, which waited longer than a's");
        assert!(sent[0].windows(1).any(|byte| byte == b"b"));
    }

    #[test]
    fn what_is_too_large_for_the_client_is_left_out() {
        let mut waiting = Waiting::new(1, 8);
        for (topic, text) in [("topic", &b"too long for it"[..]), ("t", b"1")] {
            let payload = Bytes::from_static(text);
            let value = Value { payload, acknowledged: true, retain: false };
            waiting.value(Arc::from(topic), value);
        }
        assert_eq!(waiting.ready(WRITER, None).len(), 1);
    }

    #[test]
    fn topics_that_wait_are_bounded() {
        let mut waiting = Waiting::new(1, 1_000);
        let fits = |waiting: &mut Waiting, n: usize| {
            let value = Value { payload: Bytes::new(), acknowledged: true, retain: false };
            waiting.value(Arc::from(n.to_string()), value)
        };
        assert!((0..VALUES_MAX).all(|n| fits(&mut waiting, n)));
        assert!(fits(&mut waiting, 0) && !fits(&mut waiting, VALUES_MAX));
    }
}
