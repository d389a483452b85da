//! The simulated printer at the far end of a pseudo terminal: a serial or USB printer.
//!
//! Owns the terminal, the link under which it is found, and the thread at its far end. Must not
//! know what bytes mean (`device` does). Invariant: a cable that is pulled on purpose is pulled at
//! exactly the byte asked for; it is put back at once, under the same link.

use std::io::{self, ErrorKind, Read, Write};
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use serialport::{SerialPort, TTYPort};

use super::cable::Cable;
use super::printer::{Panel, take};
use crate::printer::Profile;

/// How soon the far end looks up from a silent line.
const READ_WAIT: Duration = Duration::from_millis(2);

/// A running printer on a pseudo terminal. Dropping it pulls the cable for good.
#[derive(Debug)]
pub struct TerminalPrinterSim {
    link: PathBuf,
    panel: Panel,
    stop: Arc<AtomicBool>,
    thread: Option<thread::JoinHandle<()>>,
}

impl TerminalPrinterSim {
    /// Plugs a printer in under `link`, which stays the same over every cut.
    pub fn plug_in(link: &Path) -> io::Result<TerminalPrinterSim> {
        let mut cable = Cable::plug_in(Some(link))?;
        let panel = Panel::new(Profile::default());
        let stop = Arc::new(AtomicBool::new(false));
        let (ours, stopped) = (panel.clone(), Arc::clone(&stop));
        let thread = thread::Builder::new().name("printer sim".to_owned()).spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                if let Some(far) = cable.far_end() {
                    // However it ended, the cable is put back.
                    let _ = serve(far, &ours, &stopped);
                }
                ours.change(|state| state.device.disconnected());
                if cable.replug().is_err() {
                    return;
                }
            }
        })?;
        Ok(TerminalPrinterSim { link: link.to_owned(), panel, stop, thread: Some(thread) })
    }

    /// Where it is found.
    pub fn path(&self) -> &Path {
        &self.link
    }
}

impl Deref for TerminalPrinterSim {
    type Target = Panel;

    fn deref(&self) -> &Panel {
        &self.panel
    }
}

impl Drop for TerminalPrinterSim {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // It can only have ended by itself.
            let _ = thread.join();
        }
    }
}

/// Until the cable is to be pulled.
fn serve(port: &mut TTYPort, panel: &Panel, stop: &AtomicBool) -> io::Result<()> {
    port.set_timeout(READ_WAIT)?;
    let mut bytes = [0u8; 1024];
    // A cable that nobody uses is not pulled.
    let mut heard = false;
    while !stop.load(Ordering::Relaxed) {
        let (replies, room, cut) = {
            let mut state = panel.lock();
            let replies = state.device.take_replies();
            (replies, state.device.room().min(bytes.len()), heard && state.cut_after == Some(0))
        };
        if cut {
            panel.change(|state| state.cut_after = None);
            return Ok(());
        }
        port.write_all(&replies)?;
        if room == 0 {
            // Nothing is taken until a knob turns; the peer's bytes stay in the terminal.
            thread::park_timeout(READ_WAIT);
            continue;
        }
        match port.read(&mut bytes[..room]) {
            Ok(length) => {
                heard = true;
                panel.change(|state| take(state, &bytes[..length]));
            }
            Err(error) if error.kind() == ErrorKind::TimedOut => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
