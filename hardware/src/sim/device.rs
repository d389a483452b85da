//! A receipt printer without its socket: bytes in, answers and paper out.
//!
//! Owns what a real printer does with bytes, nuisances included: real-time commands act wherever
//! they stand, also inside other commands; without paper, or with the cover open, it stops in the
//! middle and goes on later; what a broken connection left half sent stays in the buffer; automatic
//! status mixes with other answers. Must not know sockets or clocks. Invariant: every buffer is
//! bounded.

use std::collections::VecDeque;
use std::time::Duration;

use super::page::{Press, Sheet};
use super::parser::{Command, Parser};
use crate::printer::Profile;

/// The receive buffer, as small printers have it. Beyond it the printer takes nothing.
pub const BUFFER_BYTES: usize = 4096;
const KEPT_SHEETS: usize = 500;
const KEPT_PULSES: usize = 1000;
const KEPT_RAW_BYTES: usize = 256 * 1024;

const DLE: u8 = 0x10;
const EOT: u8 = 0x04;
const ENQ: u8 = 0x05;
const DC4: u8 = 0x14;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PaperLevel {
    #[default]
    Ok,
    Low,
    Out,
}

/// What a test or the demo sets.
#[derive(Debug, Clone, Default)]
pub struct Knobs {
    pub paper: PaperLevel,
    pub cover_open: bool,
    pub drawer_open: bool,
    /// Offline for no reason that it tells.
    pub offline: bool,
    pub cutter_error: bool,
    /// Accepts connections and then reads nothing at all.
    pub never_read: bool,
    /// The paper ends after this many further lines.
    pub paper_lasts_lines: Option<u32>,
}

/// A pulse on the drawer's connector.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pulse {
    /// Pin of the connector: 2 or 5.
    pub pin: u8,
    pub on: Duration,
    pub off: Duration,
}

/// What came out.
#[derive(Debug, Clone, Default)]
pub struct Printed {
    /// Sheets that were cut off, the oldest first; the oldest are dropped beyond a limit.
    pub sheets: VecDeque<Sheet>,
    /// All that were ever cut off.
    pub sheets_total: u64,
    pub pulses: VecDeque<Pulse>,
    pub pulses_total: u64,
    /// The last bytes received, real-time commands included.
    pub raw: VecDeque<u8>,
}

#[derive(Debug)]
pub struct Device {
    knobs: Knobs,
    urgent: Urgent,
    buffer: VecDeque<u8>,
    parser: Parser,
    press: Press,
    automatic: bool,
    replies: Vec<u8>,
    printed: Printed,
}

impl Device {
    pub fn new(profile: Profile) -> Device {
        Device {
            knobs: Knobs::default(),
            urgent: Urgent::default(),
            buffer: VecDeque::new(),
            parser: Parser::default(),
            press: Press::new(profile),
            automatic: false,
            replies: Vec::new(),
            printed: Printed::default(),
        }
    }

    pub fn knobs(&self) -> &Knobs {
        &self.knobs
    }

    pub fn printed(&self) -> &Printed {
        &self.printed
    }

    /// The sheet that still hangs in the printer.
    pub fn hanging(&self) -> &Sheet {
        self.press.sheet()
    }

    /// Changes the knobs and goes on with what was waiting.
    pub fn set(&mut self, change: impl FnOnce(&mut Knobs)) {
        let before = self.automatic_status();
        change(&mut self.knobs);
        if self.automatic && before != self.automatic_status() {
            self.replies.extend(self.automatic_status());
        }
        self.work();
    }

    /// Bytes that may be handed in now.
    pub fn room(&self) -> usize {
        if self.knobs.never_read { 0 } else { BUFFER_BYTES - self.buffer.len() }
    }

    /// Takes bytes, at most `room`.
    /// Returns how many bytes of the print stream were taken. A byte that may begin a real-time
    /// command counts when the next one shows that it does not.
    pub fn receive(&mut self, bytes: &[u8]) -> usize {
        let mut taken = 0;
        for &byte in bytes {
            self.remember(byte);
            match self.urgent.push(byte) {
                Sorted::Print(ordinary) => {
                    let before = self.buffer.len();
                    self.buffer.extend(ordinary);
                    taken += self.buffer.len() - before;
                }
                Sorted::Act(urgent) => self.act(urgent),
                Sorted::Wait => {}
            }
            self.work();
        }
        taken
    }

    /// Bytes for whoever is connected.
    pub fn take_replies(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.replies)
    }

    /// The connection is gone. What was received stays and is printed.
    pub fn disconnected(&mut self) {
        self.automatic = false;
        self.urgent = Urgent::default();
        self.replies.clear();
    }

    fn remember(&mut self, byte: u8) {
        if self.printed.raw.len() == KEPT_RAW_BYTES {
            self.printed.raw.pop_front();
        }
        self.printed.raw.push_back(byte);
    }

    fn is_offline(&self) -> bool {
        let knobs = &self.knobs;
        knobs.offline || knobs.cover_open || knobs.cutter_error || knobs.paper == PaperLevel::Out
    }

    /// Works off the buffer until it is empty or something stops the printer.
    fn work(&mut self) {
        while !self.is_offline() {
            let Some(byte) = self.buffer.pop_front() else { return };
            if let Some(command) = self.parser.push(byte) {
                self.execute(command);
            }
        }
    }

    fn execute(&mut self, command: Command) {
        match command {
            Command::Pulse { connector, t1, t2 } => self.pulse(connector, t1, t2),
            Command::AutomaticStatus(n) => {
                self.automatic = n != 0;
                if self.automatic {
                    self.replies.extend(self.automatic_status());
                }
            }
            Command::AskStatus(n) => self.answer_status(n),
            Command::AskModel(n) => self.answer_model(n),
            command => {
                if command == Command::Initialise {
                    self.automatic = false;
                }
                let line = matches!(command, Command::LineFeed | Command::FeedLines(_));
                if let Some(sheet) = self.press.apply(command) {
                    keep(&mut self.printed.sheets, sheet, KEPT_SHEETS);
                    self.printed.sheets_total += 1;
                }
                if line {
                    self.use_paper();
                }
            }
        }
    }

    fn use_paper(&mut self) {
        let Some(left) = self.knobs.paper_lasts_lines else { return };
        self.knobs.paper_lasts_lines = left.checked_sub(1).filter(|left| *left > 0);
        if self.knobs.paper_lasts_lines.is_none() {
            self.knobs.paper = PaperLevel::Out;
            if self.automatic {
                self.replies.extend(self.automatic_status());
            }
        }
    }

    fn pulse(&mut self, connector: u8, t1: u8, t2: u8) {
        let units = |n: u8| Duration::from_millis(2 * u64::from(n));
        let pin = if connector & 1 == 0 { 2 } else { 5 };
        let pulse = Pulse { pin, on: units(t1), off: units(t2) };
        keep(&mut self.printed.pulses, pulse, KEPT_PULSES);
        self.printed.pulses_total += 1;
        self.knobs.drawer_open = true;
    }

    fn act(&mut self, urgent: UrgentCommand) {
        match urgent {
            UrgentCommand::Status(n) => {
                if let Some(byte) = self.real_time_status(n) {
                    self.replies.push(byte);
                }
            }
            // Recover: 2 throws away what was waiting, 1 goes on with it.
            UrgentCommand::Recover(n) => {
                if self.knobs.cutter_error {
                    self.knobs.cutter_error = false;
                    if n == 2 {
                        self.buffer.clear();
                        self.parser = Parser::default();
                    }
                }
            }
            UrgentCommand::Pulse { connector, t } => self.pulse(connector, t * 50, t * 50),
        }
    }

    fn real_time_status(&self, n: u8) -> Option<u8> {
        let knobs = &self.knobs;
        let bit = |on: bool, place: u8| if on { 1 << place } else { 0 };
        let out = knobs.paper == PaperLevel::Out;
        Some(match n {
            // The drawer's pin is high while it is closed, as most drawers are wired.
            1 => 0x12 | bit(!knobs.drawer_open, 2) | bit(self.is_offline(), 3),
            2 => 0x12 | bit(knobs.cover_open, 2) | bit(out, 5) | bit(knobs.cutter_error, 6),
            3 => 0x12 | bit(knobs.cutter_error, 3),
            4 => {
                let low = out || knobs.paper == PaperLevel::Low;
                0x12 | if low { 0x0c } else { 0 } | if out { 0x60 } else { 0 }
            }
            _ => return None,
        })
    }

    fn automatic_status(&self) -> [u8; 4] {
        let knobs = &self.knobs;
        let bit = |on: bool, place: u8| if on { 1 << place } else { 0 };
        let out = knobs.paper == PaperLevel::Out;
        let low = out || knobs.paper == PaperLevel::Low;
        [
            0x10 | bit(!knobs.drawer_open, 2)
                | bit(self.is_offline(), 3)
                | bit(knobs.cover_open, 5),
            bit(knobs.cutter_error, 3),
            if low { 0x03 } else { 0 } | if out { 0x0c } else { 0 },
            0x0f,
        ]
    }

    fn answer_status(&mut self, n: u8) {
        match n {
            1 | 49 => {
                let low = self.knobs.paper == PaperLevel::Low;
                self.replies.push(if low { 0x03 } else { 0 });
            }
            2 | 50 => self.replies.push(u8::from(!self.knobs.drawer_open)),
            _ => {}
        }
    }

    fn answer_model(&mut self, n: u8) {
        let text = match n {
            1 | 49 => return self.replies.push(0x20),
            2 | 50 => return self.replies.push(0x02),
            65 => "1.0",
            66 => "Oneshelf",
            67 => "Printer simulator",
            68 => "SIM-1",
            _ => return,
        };
        self.replies.push(b'_');
        self.replies.extend_from_slice(text.as_bytes());
        self.replies.push(0);
    }
}

fn keep<T>(list: &mut VecDeque<T>, entry: T, limit: usize) {
    if list.len() == limit {
        list.pop_front();
    }
    list.push_back(entry);
}

/// Finds real-time commands in the stream, wherever they stand.
#[derive(Debug, Default)]
struct Urgent {
    held: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum UrgentCommand {
    Status(u8),
    Recover(u8),
    Pulse { connector: u8, t: u8 },
}

enum Sorted {
    Wait,
    /// Not a real-time command after all, or never one.
    Print(Vec<u8>),
    Act(UrgentCommand),
}

impl Urgent {
    fn push(&mut self, byte: u8) -> Sorted {
        self.held.push(byte);
        let sorted = match *self.held.as_slice() {
            [DLE] | [DLE, EOT | ENQ] | [DLE, DC4] | [DLE, DC4, 1] | [DLE, DC4, 1, _] => {
                return Sorted::Wait;
            }
            [DLE, EOT, n] => Sorted::Act(UrgentCommand::Status(n)),
            [DLE, ENQ, n] => Sorted::Act(UrgentCommand::Recover(n)),
            [DLE, DC4, 1, m, t] => {
                Sorted::Act(UrgentCommand::Pulse { connector: m & 1, t: t.clamp(1, 5) })
            }
            _ => return Sorted::Print(std::mem::take(&mut self.held)),
        };
        self.held.clear();
        sorted
    }
}

#[cfg(test)]
#[path = "device_tests.rs"]
mod tests;
