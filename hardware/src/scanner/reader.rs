//! A scanner's thread, whatever the scanner hangs on: opening, reading, going away, coming back.
//!
//! Owns the thread and its patience. Must not know ports, keys or what a code means. Invariant: an
//! unplug drops the half frame, and a device that cannot be opened is tried again for ever without
//! ending the thread, never later than `BACK_OFF_LAST` after the last try.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use tokio::sync::mpsc::Sender;

use super::address::{Device, ScannerAddress};
use super::frame::{FrameEvent, FrameRules, Framer, Refusal, RepeatGuard, Scan};
use super::serial;
use super::symbology::Symbology;

/// An idle read returns after this; it bounds how late silence and stopping are noticed.
const READ_WAIT: Duration = Duration::from_millis(50);
/// While half a frame waits, reads return sooner, so that 60 ms of silence stay 60 ms.
const READ_WAIT_IN_FRAME: Duration = Duration::from_millis(20);
/// A scanner that was plugged in again is to be back within five seconds.
const BACK_OFF_LAST: Duration = Duration::from_secs(2);

/// What a scanner tells its owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScannerEvent {
    /// A whole code, read at `at`.
    Scan { code: String, symbology: Option<Symbology>, at: Instant },
    /// A frame that was thrown away.
    Refused { refusal: Refusal },
    /// The device is open.
    Ready,
    /// The device went away, or could not be opened at the start. Said once.
    Gone,
}

/// How a scanner's bytes are read.
#[derive(Debug, Clone)]
pub struct ScannerSettings {
    pub frame: FrameRules,
    /// The first pause before a device that went away is opened again; the pauses double.
    pub back_off: Duration,
}

impl Default for ScannerSettings {
    fn default() -> ScannerSettings {
        ScannerSettings { frame: FrameRules::default(), back_off: Duration::from_millis(200) }
    }
}

/// An open device.
pub(super) trait Input {
    /// Waits for bytes, at most so long: `TimedOut` when none came. No bytes mean that the device
    /// is gone.
    fn read(&mut self, bytes: &mut [u8], wait: Duration) -> io::Result<usize>;
}

/// The handle of a running scanner: dropping it stops the thread.
#[derive(Debug)]
pub struct Scanner {
    stop: Arc<AtomicBool>,
    thread: Thread,
}

impl Scanner {
    /// Starts reading. Events come on `tx`; when its receiver is gone the thread ends.
    pub fn spawn(address: ScannerAddress, tx: Sender<ScannerEvent>) -> io::Result<Scanner> {
        Scanner::spawn_with(address, ScannerSettings::default(), tx)
    }

    /// Like `spawn`, with other rules.
    pub fn spawn_with(
        address: ScannerAddress,
        settings: ScannerSettings,
        tx: Sender<ScannerEvent>,
    ) -> io::Result<Scanner> {
        let stop = Arc::new(AtomicBool::new(false));
        let reader = Reader {
            framer: Framer::new(settings.frame.clone()),
            guard: RepeatGuard::new(address.repeat_window),
            address,
            settings,
            tx,
            stop: Arc::clone(&stop),
            started: Instant::now(),
            silence: Duration::ZERO,
        };
        let joined = thread::Builder::new().name("scanner".to_owned()).spawn(move || {
            // The only way out is that somebody stopped or left.
            let _ = reader.run();
        })?;
        Ok(Scanner { stop, thread: joined.thread().clone() })
    }
}

impl Drop for Scanner {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.unpark();
    }
}

/// The owner dropped the handle or the receiver.
struct Stopped;

/// The device broke while reading.
enum Ended {
    Gone,
    Stopped,
}

struct Reader {
    address: ScannerAddress,
    settings: ScannerSettings,
    framer: Framer,
    guard: RepeatGuard,
    tx: Sender<ScannerEvent>,
    stop: Arc<AtomicBool>,
    started: Instant,
    /// Time in which the device was watched and said nothing. It stands still while this thread is
    /// not scheduled, so that a busy machine cannot cut a code in two.
    silence: Duration,
}

impl Reader {
    fn run(mut self) -> Result<(), Stopped> {
        let mut wait = self.settings.back_off;
        let mut said_gone = false;
        loop {
            match open(&self.address.device) {
                Ok(mut input) => {
                    wait = self.settings.back_off;
                    said_gone = true;
                    self.tell(ScannerEvent::Ready)?;
                    match self.read(input.as_mut()) {
                        Ended::Stopped => return Err(Stopped),
                        Ended::Gone => {
                            self.framer.unplugged();
                            tracing::warn!(scanner = %self.address, "scanner went away");
                            self.tell(ScannerEvent::Gone)?;
                        }
                    }
                }
                Err(error) => {
                    tracing::debug!(scanner = %self.address, %error, "scanner cannot be opened");
                    if !said_gone {
                        said_gone = true;
                        self.tell(ScannerEvent::Gone)?;
                    }
                }
            }
            self.pause(wait)?;
            wait = longer(wait);
        }
    }

    fn read(&mut self, input: &mut dyn Input) -> Ended {
        let mut bytes = [0u8; 512];
        let mut found = Vec::new();
        let mut in_frame = false;
        loop {
            if self.stop.load(Ordering::Relaxed) || self.tx.is_closed() {
                return Ended::Stopped;
            }
            let wait = if in_frame { READ_WAIT_IN_FRAME } else { READ_WAIT };
            match input.read(&mut bytes, wait) {
                // The end of the file means the device is gone, not that it is quiet.
                Ok(0) => return Ended::Gone,
                Ok(length) => {
                    self.framer.push(&bytes[..length], self.silence, &mut found);
                    in_frame = true;
                }
                Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                    self.silence += wait;
                    self.framer.tick(self.silence, &mut found);
                    in_frame = self.framer.is_open();
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return Ended::Gone,
            }
            for event in found.drain(..) {
                if hand_on(event, &mut self.guard, self.started, &self.tx).is_err() {
                    return Ended::Stopped;
                }
            }
        }
    }

    fn tell(&self, event: ScannerEvent) -> Result<(), Stopped> {
        self.tx.blocking_send(event).map_err(|_| Stopped)
    }

    /// Waits before the next try, or less when the handle is dropped meanwhile.
    fn pause(&self, wait: Duration) -> Result<(), Stopped> {
        let until = Instant::now() + wait;
        loop {
            if self.stop.load(Ordering::Relaxed) || self.tx.is_closed() {
                return Err(Stopped);
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            thread::park_timeout(left);
        }
    }
}

fn longer(wait: Duration) -> Duration {
    (wait * 2).min(BACK_OFF_LAST)
}

fn open(device: &Device) -> io::Result<Box<dyn Input>> {
    match device {
        Device::Serial { path, baud } => serial::open(path, *baud),
        #[cfg(feature = "evdev")]
        Device::Keyboard(path) => super::keyboard::open(path),
        #[cfg(not(feature = "evdev"))]
        Device::Keyboard(_) => {
            let words = "this program was built without keyboard scanners (feature evdev)";
            Err(io::Error::new(io::ErrorKind::Unsupported, words))
        }
    }
}

fn hand_on(
    event: FrameEvent,
    guard: &mut RepeatGuard,
    started: Instant,
    tx: &Sender<ScannerEvent>,
) -> Result<(), Stopped> {
    let event = match event {
        FrameEvent::Refused(refusal) => ScannerEvent::Refused { refusal },
        FrameEvent::Scan(Scan { code, symbology, .. }) => {
            let at = started.elapsed();
            if !guard.admits(&Scan { code: code.clone(), symbology: symbology.clone(), at }) {
                return Ok(());
            }
            ScannerEvent::Scan { code, symbology, at: started + at }
        }
    };
    tx.blocking_send(event).map_err(|_| Stopped)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scanner_that_was_away_for_long_is_tried_soon_all_the_same() {
        let mut wait = ScannerSettings::default().back_off;
        for _ in 0..1000 {
            // The rest of five seconds is for opening it.
            assert!(wait <= Duration::from_secs(2));
            wait = longer(wait);
        }
    }
}
