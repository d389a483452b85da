//! A scale at the far end of a pseudo terminal.
//!
//! Owns what a scale of the protocol SCP-01 answers, byte for byte, and the thread that does. Must
//! not share code with the client: its answers are written here anew. Invariant: it answers each
//! question once, and nothing unasked.

use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use serialport::SerialPort;

use super::cable::Cable;

const READ_WAIT: Duration = Duration::from_millis(2);
/// More than any question has.
const QUESTION_MAX: usize = 32;

/// What a test or the demo sets.
#[derive(Debug, Clone)]
pub struct ScaleKnobs {
    pub grams: i64,
    /// Answers for which the pan still moves.
    pub moving: u32,
    pub capacity_grams: i64,
    pub pounds: bool,
    pub faulty: bool,
    /// Says nothing.
    pub silent: bool,
    /// Answers with these bytes instead.
    pub garbled: Option<Vec<u8>>,
}

impl Default for ScaleKnobs {
    fn default() -> ScaleKnobs {
        ScaleKnobs {
            grams: 0,
            moving: 0,
            capacity_grams: 15_000,
            pounds: false,
            faulty: false,
            silent: false,
            garbled: None,
        }
    }
}

/// A running scale. Dropping it pulls its cable for good.
#[derive(Debug)]
pub struct ScaleSim {
    link: PathBuf,
    knobs: Arc<Mutex<ScaleKnobs>>,
    cable: Arc<Mutex<Cable>>,
    stop: Arc<AtomicBool>,
    thread: Option<thread::JoinHandle<()>>,
}

impl ScaleSim {
    /// Plugs a scale in under `link`, which stays the same over every unplug.
    pub fn plug_in(link: &Path) -> io::Result<ScaleSim> {
        let knobs = Arc::new(Mutex::new(ScaleKnobs::default()));
        let cable = Arc::new(Mutex::new(Cable::plug_in(Some(link))?));
        let stop = Arc::new(AtomicBool::new(false));
        let far = Far {
            knobs: Arc::clone(&knobs),
            cable: Arc::clone(&cable),
            question: Vec::new(),
            stop: Arc::clone(&stop),
        };
        let thread =
            thread::Builder::new().name("scale sim".to_owned()).spawn(move || far.serve())?;
        Ok(ScaleSim { link: link.to_owned(), knobs, cable, stop, thread: Some(thread) })
    }

    /// Where it is found.
    pub fn path(&self) -> &Path {
        &self.link
    }

    /// Turns knobs.
    pub fn set(&self, change: impl FnOnce(&mut ScaleKnobs)) {
        change(&mut self.knobs.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Puts goods on the pan, or takes them off with 0.
    pub fn put(&self, grams: i64) {
        self.set(|knobs| knobs.grams = grams);
    }

    pub fn unplug(&self) -> io::Result<()> {
        self.cable.lock().unwrap_or_else(PoisonError::into_inner).unplug()
    }

    pub fn replug(&self) -> io::Result<()> {
        self.cable.lock().unwrap_or_else(PoisonError::into_inner).replug()
    }
}

impl Drop for ScaleSim {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // It can only have ended by itself.
            let _ = thread.join();
        }
    }
}

struct Far {
    knobs: Arc<Mutex<ScaleKnobs>>,
    cable: Arc<Mutex<Cable>>,
    question: Vec<u8>,
    stop: Arc<AtomicBool>,
}

impl Far {
    fn serve(mut self) {
        while !self.stop.load(Ordering::Relaxed) {
            // The lock is let go of between two looks, for whoever pulls the cable.
            if self.look().is_err() {
                self.question.clear();
            }
            thread::park_timeout(READ_WAIT);
        }
    }

    fn look(&mut self) -> io::Result<()> {
        let mut cable = self.cable.lock().unwrap_or_else(PoisonError::into_inner);
        let far = cable.far_end().ok_or(ErrorKind::NotConnected)?;
        far.set_timeout(READ_WAIT)?;
        let mut bytes = [0u8; QUESTION_MAX];
        let length = match far.read(&mut bytes) {
            Err(error) if error.kind() == ErrorKind::TimedOut => 0,
            read => read?,
        };
        for byte in &bytes[..length] {
            if *byte != b'\r' {
                self.question.truncate(QUESTION_MAX);
                self.question.push(*byte);
                continue;
            }
            let question = std::mem::take(&mut self.question);
            let mut knobs = self.knobs.lock().unwrap_or_else(PoisonError::into_inner);
            far.write_all(&answer(&question, &mut knobs))?;
        }
        Ok(())
    }
}

fn answer(question: &[u8], knobs: &mut ScaleKnobs) -> Vec<u8> {
    if knobs.silent {
        return Vec::new();
    }
    if let Some(bytes) = &knobs.garbled {
        return bytes.clone();
    }
    let moving = knobs.moving > 0;
    knobs.moving = knobs.moving.saturating_sub(1);
    let (over, under) = (knobs.grams > knobs.capacity_grams, knobs.grams < 0);
    let bit = |on: bool, place: u8| if on { 1u8 << place } else { 0 };
    let first = 0x30 | bit(moving, 0) | bit(knobs.grams == 0, 1) | bit(knobs.faulty, 2);
    let second = 0x30 | bit(under, 0) | bit(over, 1);
    let status = format!("{}{}", char::from(first), char::from(second));
    let unit = if knobs.pounds { "lb" } else { "kg" };
    let shown = match () {
        () if over => "^^^^^^^".to_owned(),
        () if under => "-------".to_owned(),
        () => format!("{:3}.{:03}", knobs.grams / 1000, knobs.grams % 1000),
    };
    match question {
        b"W" | b"w" => format!("\n{shown}{unit}\r\n{status}\r\x03").into_bytes(),
        b"S" | b"s" => format!("\n{status}\r\x03").into_bytes(),
        _ => b"\n?\r\x03".to_vec(),
    }
}
