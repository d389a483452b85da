//! The framing machine: bytes and the time they came, in; whole scans, out.
//!
//! Owns where a code begins and ends, what may be in it, and the guard against a double trigger
//! pull. Must not know ports, threads or clocks: time is handed in. Invariant: half a code never
//! comes out, and nothing that looks like a bank card does, nor is its content kept or logged.

use std::time::Duration;

use serde::Serialize;

use super::symbology::{Symbology, split_mark};

/// FNC1, as scanners send it between the fields of a GS1 code.
const GROUP_SEPARATOR: u8 = 0x1d;
const START_OF_TEXT: u8 = 0x02;
const END_OF_TEXT: u8 = 0x03;

/// Digits that make a card number of what stands between a track's marks.
const CARD_DIGITS: usize = 8;

/// What ends a frame and how long it may be.
#[derive(Debug, Clone)]
pub struct FrameRules {
    /// A code without an end mark ends after this silence.
    pub silence: Duration,
    /// A longer frame is refused whole.
    pub max_bytes: usize,
}

impl Default for FrameRules {
    fn default() -> Self {
        FrameRules { silence: Duration::from_millis(60), max_bytes: 4096 }
    }
}

/// One whole code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scan {
    /// The code without its symbology mark; GS (0x1D) may stand between fields.
    pub code: String,
    /// What the scanner called it, when it sends AIM marks.
    pub symbology: Option<Symbology>,
    /// When its end was seen.
    pub at: Duration,
}

/// Why a frame was thrown away. Carries nothing of its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// The shape of a magnetic card's track: it must never enter.
    CardTrack,
    /// Longer than the rules allow.
    TooLong,
    /// A byte that no code holds; usually a wrong baud rate.
    ForeignByte,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FrameEvent {
    Scan(Scan),
    Refused(Refusal),
}

/// Cuts a stream of bytes into scans.
#[derive(Debug, Default)]
pub struct Framer {
    rules: FrameRules,
    frame: Vec<u8>,
    refused: Option<Refusal>,
    last_byte: Option<Duration>,
}

impl Framer {
    pub fn new(rules: FrameRules) -> Framer {
        Framer { rules, ..Framer::default() }
    }

    /// Takes bytes that arrived at `now` (any clock that only goes forward).
    pub fn push(&mut self, bytes: &[u8], now: Duration, out: &mut Vec<FrameEvent>) {
        self.tick(now, out);
        for &byte in bytes {
            match byte {
                b'\r' | b'\n' | END_OF_TEXT => self.end(now, out),
                // Some scanners open with STX; it belongs to no code.
                START_OF_TEXT if self.frame.is_empty() => {}
                byte => self.take(byte),
            }
        }
        if !bytes.is_empty() {
            self.last_byte = Some(now);
        }
    }

    /// Ends the frame when its bytes have stopped coming. To be called while nothing arrives.
    pub fn tick(&mut self, now: Duration, out: &mut Vec<FrameEvent>) {
        let silent =
            self.last_byte.is_some_and(|last| now.saturating_sub(last) >= self.rules.silence);
        if silent {
            self.end(now, out);
            self.last_byte = None;
        }
    }

    /// Bytes of the frame that has begun.
    pub fn held(&self) -> usize {
        self.frame.len()
    }

    /// Whether bytes have come that no end has followed yet.
    pub fn is_open(&self) -> bool {
        !self.frame.is_empty() || self.refused.is_some()
    }

    /// Forgets what has begun: the device went away, the rest will never come.
    pub fn unplugged(&mut self) {
        self.clear();
        self.last_byte = None;
    }

    fn take(&mut self, byte: u8) {
        if self.refused.is_some() {
            return;
        }
        if self.frame.len() >= self.rules.max_bytes {
            self.refuse(Refusal::TooLong);
        } else if matches!(byte, 0x20..=0x7e | GROUP_SEPARATOR) {
            self.frame.push(byte);
        } else {
            self.refuse(Refusal::ForeignByte);
        }
    }

    fn refuse(&mut self, refusal: Refusal) {
        self.frame.clear();
        self.refused = Some(refusal);
    }

    fn clear(&mut self) {
        self.frame.clear();
        self.refused = None;
    }

    fn end(&mut self, now: Duration, out: &mut Vec<FrameEvent>) {
        if let Some(refusal) = self.refused {
            out.push(FrameEvent::Refused(refusal));
        } else if is_card_track(&self.frame) {
            out.push(FrameEvent::Refused(Refusal::CardTrack));
        } else if let Ok(text) = std::str::from_utf8(&self.frame) {
            let (symbology, code) = split_mark(text);
            if !code.trim_matches(' ').is_empty() {
                out.push(FrameEvent::Scan(Scan { code: code.to_owned(), symbology, at: now }));
            }
        }
        self.clear();
    }
}

/// `%B4111...` (track 1) or `;4111...=` (track 2), at the front or, behind a reader's prefix, with
/// enough digits to be a card number.
fn is_card_track(frame: &[u8]) -> bool {
    let digits_from =
        |start: usize| frame[start..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    (0..frame.len()).any(|place| {
        let rest = &frame[place..];
        if rest.starts_with(b"%B") || rest.starts_with(b"%b") {
            let digits = digits_from(place + 2);
            return (place == 0 && digits > 0) || digits >= CARD_DIGITS;
        }
        if rest.starts_with(b";") {
            let digits = digits_from(place + 1);
            let parted = matches!(frame.get(place + 1 + digits), Some(b'=' | b'D'));
            return parted && digits > 0 && (place == 0 || digits >= CARD_DIGITS);
        }
        false
    })
}

/// Swallows the second of two equal codes in quick succession: one pull of the trigger, one line.
/// Belongs to one device; scans of two devices are never merged.
#[derive(Debug)]
pub struct RepeatGuard {
    window: Duration,
    last: Option<Scan>,
}

impl RepeatGuard {
    /// A window of zero lets everything pass.
    pub fn new(window: Duration) -> RepeatGuard {
        RepeatGuard { window, last: None }
    }

    /// Whether this scan counts. A scanner stuck on one code counts once, as the window is
    /// measured from the last time the code was seen.
    pub fn admits(&mut self, scan: &Scan) -> bool {
        let repeated = self.last.as_ref().is_some_and(|last| {
            last.code == scan.code
                && last.symbology == scan.symbology
                && scan.at.saturating_sub(last.at) < self.window
        });
        self.last = Some(scan.clone());
        !repeated
    }
}

impl Default for RepeatGuard {
    fn default() -> Self {
        RepeatGuard::new(Duration::from_millis(300))
    }
}

#[cfg(test)]
#[path = "frame_tests.rs"]
mod tests;
