//! Bringing a state to rest: nothing is lost any more, both sides talk, then they must agree.

use std::rc::Rc;

use super::state::State;

/// Frames that a state may need to come to rest.
const FRAMES_MAX: usize = 400;
/// Pings that repeat what was lost.
const PINGS: usize = 3;

impl State {
    /// The first session: the agent has all rows, and the share that its policy gives it.
    pub fn settle(&mut self) {
        Rc::make_mut(&mut self.devices[0]).start(&mut self.scene);
        for _ in 0..2 {
            if let Err(wrong) = self.speak(0) {
                panic!("the world does not begin: {wrong}");
            }
        }
        self.rows = false;
    }

    /// Comes to rest and compares. The state is of no use afterwards.
    ///
    /// # Errors
    /// The first broken invariant.
    pub fn drain(&mut self) -> Result<(), String> {
        self.rows = true;
        self.talk()?;
        // Two copies take turns for ever: each speaks until it is heard, then one stays.
        for _ in 0..2 {
            for device in (1..self.devices.len()).rev().chain([0]) {
                self.speak(device)?;
            }
        }
        for device in 1..self.devices.len() {
            let d = Rc::make_mut(&mut self.devices[device]);
            if !d.disk.unanswered().is_empty() {
                // What its log alone knows is lost.
                self.scene.audit.taint(0, d.disk.life.incarnation.0.as_u128(), false);
            }
            (d.machine, d.connection, d.gone) = (None, None, true);
            let agent = d.agent_id;
            if agent != self.devices[0].agent_id {
                Rc::make_mut(&mut self.hub).revoke(agent);
            }
        }
        self.speak(0)?;
        self.people(super::config::Kind::Void, 0);
        self.talk()?;
        for _ in 0..PINGS {
            self.ping_late(0)?;
        }
        if !self.devices[0].is_quiet(self.hub.version().0) {
            let view = self.devices[0].view(&self.hub.numbers, false);
            let lives: Vec<_> = self.hub.database.incarnations.values().collect();
            return Err(format!("S7 it never comes to rest: {view:?} {lives:?}"));
        }
        let books = self.hub.books(self.scene.stamp());
        let views: Vec<_> = self.devices.iter().map(|d| d.view(&self.hub.numbers, true)).collect();
        self.scene.audit.check(&books, &views)?;
        self.scene.audit.at_rest(&books, &views)
    }

    /// A device has a new line and says all that it has to say.
    fn speak(&mut self, device: usize) -> Result<(), String> {
        self.people(super::config::Kind::Connect, device);
        self.talk()
    }

    fn ping_late(&mut self, device: usize) -> Result<(), String> {
        self.scene.now += 60_000 * 60;
        self.seed_hub();
        self.ping(device);
        self.collect(false);
        self.talk()
    }

    /// Every frame comes, in the order of leaving.
    fn talk(&mut self) -> Result<(), String> {
        for _ in 0..FRAMES_MAX {
            if !self.up.is_empty() {
                let flying = self.up.remove(0);
                self.arrives_up(&flying);
            } else if !self.down.is_empty() {
                let flying = self.down.remove(0);
                self.arrives_down(&flying);
            } else {
                return self.look();
            }
        }
        Err("S7 both sides talk and never come to an end".to_owned())
    }
}
