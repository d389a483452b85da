//! The network of a run: what becomes of a frame that leaves a side.
//!
//! Chance decides alone; it knows what a frame is for as little as a wire does.

use oneshelf_protocol::frame::{Down, Up};

use super::{Event, Scene, Sent};

/// The latest that a second copy of a frame comes after the first, ms.
const DAYS: i64 = 3 * 24 * 3_600_000;

impl Scene {
    /// A frame leaves an agent.
    pub fn send_up(&mut self, device: usize, connection: u64, up: &Up) {
        if let Some(outbox) = &mut self.outbox {
            outbox.push(Sent::Up(device, up.clone()));
            return;
        }
        let text = match serde_json::to_string(up) {
            Ok(text) => text,
            Err(error) => panic!("a frame cannot be written: {error}"),
        };
        for at in self.deliveries(device, true) {
            let text = text.clone();
            self.after(at - self.now, Event::Up { device, connection, text });
        }
    }

    /// A frame leaves the hub.
    pub fn send_down(&mut self, device: usize, connection: u64, down: &Down) {
        if let Some(outbox) = &mut self.outbox {
            outbox.push(Sent::Down(device, down.clone()));
            return;
        }
        let text = match serde_json::to_string(down) {
            Ok(text) => text,
            Err(error) => panic!("a frame cannot be written: {error}"),
        };
        for at in self.deliveries(device, false) {
            let text = text.clone();
            self.after(at - self.now, Event::Down { device, connection, text });
        }
    }

    /// When a frame arrives: never, once, or more than once.
    fn deliveries(&mut self, device: usize, up: bool) -> Vec<i64> {
        self.counts.frames += 1;
        let store = self.stores[device];
        if self.cut_for(store).is_some() {
            self.counts.lost += 1;
            return vec![];
        }
        let mut delay = self.rng.wait(40);
        if self.unlucky(20) {
            delay += self.rng.wait(3_000);
            self.counts.mishap("frame late");
        }
        if self.orderly || self.calm {
            let line = &mut self.lines[store];
            let last = if up { &mut line.last_up } else { &mut line.last_down };
            *last = (*last).max(self.now + delay);
            return vec![*last];
        }
        if self.unlucky(30) {
            self.counts.lost += 1;
            self.counts.mishap("frame lost");
            return vec![];
        }
        let at = self.now + delay;
        let line = &mut self.lines[store];
        let last = if up { &mut line.last_up } else { &mut line.last_down };
        if at < *last {
            self.counts.mishap("frame overtakes another");
        }
        *last = (*last).max(at);
        let mut all = vec![at];
        if self.unlucky(30) {
            self.counts.doubled += 1;
            self.counts.mishap("frame doubled");
            all.push(at + self.lateness());
        }
        all
    }

    /// How long after the first a second copy of a frame comes: mostly soon, seldom after days.
    /// Where agents keep facts for minutes instead of weeks it is minutes too: on rows that are
    /// older than the log an agent cannot say what its store has.
    fn lateness(&mut self) -> i64 {
        if !self.unlucky(200) {
            return self.rng.wait(500);
        }
        self.counts.mishap("copy of a frame long after it");
        let days = self.unlucky(50);
        let late = if days { self.rng.between(0, DAYS) } else { self.rng.wait(60_000) };
        late.min(self.keep_facts)
    }
}
