//! A scanner on a serial port (RS-232 or USB-COM), on a thread of its own.
//!
//! Owns opening, reading, going away and coming back. Must not know what a code means. Invariant:
//! an unplug drops the half frame, and a port that cannot be opened is tried again for ever, ever
//! more slowly, without ending the thread.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use serialport::{DataBits, FlowControl, Parity, StopBits};
use tokio::sync::mpsc::Sender;

use super::frame::{FrameEvent, FrameRules, Framer, Refusal, RepeatGuard, Scan};
use super::symbology::Symbology;

/// An idle read returns after this; it bounds how late silence and stopping are noticed.
const READ_WAIT: Duration = Duration::from_millis(50);
/// While half a frame waits, reads return sooner, so that 60 ms of silence stay 60 ms.
const READ_WAIT_IN_FRAME: Duration = Duration::from_millis(20);
const BACK_OFF_FIRST: Duration = Duration::from_millis(200);
const BACK_OFF_LAST: Duration = Duration::from_secs(5);

/// What a scanner tells its owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScannerEvent {
    /// A whole code, read at `at`.
    Scan { code: String, symbology: Option<Symbology>, at: Instant },
    /// A frame that was thrown away.
    Refused { refusal: Refusal },
    /// The port is open.
    Ready,
    /// The port went away, or could not be opened at the start. Said once.
    Gone,
}

/// How a scanner's bytes are read.
#[derive(Debug, Clone)]
pub struct SerialSettings {
    pub baud: u32,
    pub frame: FrameRules,
    /// The same code within this time counts once.
    pub repeat_window: Duration,
}

impl SerialSettings {
    pub fn new(baud: u32) -> SerialSettings {
        SerialSettings {
            baud,
            frame: FrameRules::default(),
            repeat_window: Duration::from_millis(300),
        }
    }
}

/// The handle of a running scanner: dropping it stops the thread.
#[derive(Debug)]
pub struct SerialScanner {
    stop: Arc<AtomicBool>,
    thread: Thread,
}

impl SerialScanner {
    /// Starts reading `path`. Events come on `tx`; when its receiver is gone the thread ends.
    pub fn spawn(path: &str, baud: u32, tx: Sender<ScannerEvent>) -> io::Result<SerialScanner> {
        SerialScanner::spawn_with(path, SerialSettings::new(baud), tx)
    }

    /// Like `spawn`, with other rules.
    pub fn spawn_with(
        path: &str,
        settings: SerialSettings,
        tx: Sender<ScannerEvent>,
    ) -> io::Result<SerialScanner> {
        let stop = Arc::new(AtomicBool::new(false));
        let reader = Reader {
            path: path.to_owned(),
            framer: Framer::new(settings.frame.clone()),
            guard: RepeatGuard::new(settings.repeat_window),
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
        Ok(SerialScanner { stop, thread: joined.thread().clone() })
    }
}

impl Drop for SerialScanner {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.unpark();
    }
}

/// The owner dropped the handle or the receiver.
struct Stopped;

/// The port broke while reading.
enum Ended {
    Gone,
    Stopped,
}

struct Reader {
    path: String,
    settings: SerialSettings,
    framer: Framer,
    guard: RepeatGuard,
    tx: Sender<ScannerEvent>,
    stop: Arc<AtomicBool>,
    started: Instant,
    /// Time in which the port was watched and said nothing. It stands still while this thread is
    /// not scheduled, so that a busy machine cannot cut a code in two.
    silence: Duration,
}

impl Reader {
    fn run(mut self) -> Result<(), Stopped> {
        let mut wait = BACK_OFF_FIRST;
        let mut said_gone = false;
        loop {
            match self.open() {
                Ok(mut port) => {
                    wait = BACK_OFF_FIRST;
                    said_gone = true;
                    self.tell(ScannerEvent::Ready)?;
                    match self.read(port.as_mut()) {
                        Ended::Stopped => return Err(Stopped),
                        Ended::Gone => {
                            self.framer.unplugged();
                            tracing::warn!(path = %self.path, "scanner went away");
                            self.tell(ScannerEvent::Gone)?;
                        }
                    }
                }
                Err(error) => {
                    tracing::debug!(path = %self.path, %error, "scanner cannot be opened");
                    if !said_gone {
                        said_gone = true;
                        self.tell(ScannerEvent::Gone)?;
                    }
                }
            }
            self.pause(wait)?;
            wait = (wait * 2).min(BACK_OFF_LAST);
        }
    }

    fn open(&self) -> serialport::Result<Box<dyn serialport::SerialPort>> {
        serialport::new(&self.path, self.settings.baud)
            .data_bits(DataBits::Eight)
            .parity(Parity::None)
            .stop_bits(StopBits::One)
            .flow_control(FlowControl::None)
            .timeout(READ_WAIT)
            .open()
    }

    fn read(&mut self, port: &mut dyn serialport::SerialPort) -> Ended {
        let mut bytes = [0u8; 512];
        let mut found = Vec::new();
        let mut in_frame = false;
        loop {
            if self.stop.load(Ordering::Relaxed) || self.tx.is_closed() {
                return Ended::Stopped;
            }
            let wait = if in_frame { READ_WAIT_IN_FRAME } else { READ_WAIT };
            if port.set_timeout(wait).is_err() {
                return Ended::Gone;
            }
            match port.read(&mut bytes) {
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
