//! A scanner that is a keyboard to the machine (USB HID), taken away from the desktop.
//!
//! Owns the input device and its grab: while it is held, nothing of what the scanner types reaches
//! a window or a terminal. Must not know what keys mean (`keys` does). Invariant: a device that
//! cannot be grabbed is not read, as its codes would also be typed somewhere else.

use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use evdev::{Device, EventType};

use super::keys::{Keys, Press};
use super::reader::Input;

/// Between two looks; a scanner types a key in about as long.
const LOOK_AGAIN: Duration = Duration::from_millis(4);

pub(super) fn open(path: &Path) -> io::Result<Box<dyn Input>> {
    let mut device = Device::open(path)?;
    device.grab()?;
    device.set_nonblocking(true)?;
    Ok(Box::new(Keyboard { device, keys: Keys::default(), typed: VecDeque::new() }))
}

struct Keyboard {
    device: Device,
    keys: Keys,
    typed: VecDeque<u8>,
}

impl Keyboard {
    fn look(&mut self) -> io::Result<()> {
        match self.device.fetch_events() {
            Ok(events) => {
                let keys = events.filter(|event| event.event_type() == EventType::KEY);
                for event in keys {
                    let byte = self.keys.press(event.code(), Press::of(event.value()));
                    self.typed.extend(byte);
                }
                Ok(())
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(()),
            Err(error) => Err(error),
        }
    }
}

impl Input for Keyboard {
    fn read(&mut self, bytes: &mut [u8], wait: Duration) -> io::Result<usize> {
        let until = Instant::now() + wait;
        loop {
            self.look()?;
            let length = self.typed.len().min(bytes.len());
            if length > 0 {
                for (place, byte) in bytes.iter_mut().zip(self.typed.drain(..length)) {
                    *place = byte;
                }
                return Ok(length);
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(ErrorKind::TimedOut.into());
            }
            thread::park_timeout(left.min(LOOK_AGAIN));
        }
    }
}
