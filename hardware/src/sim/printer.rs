//! The simulated printer on TCP, one client at a time, as small network printers are.
//!
//! Owns the socket and the panel by which a test turns knobs, whatever the printer hangs on. Must
//! not know what bytes mean (`device` does). Invariant: a connection that is broken on purpose
//! breaks at exactly the byte asked for, and the answer to that byte is never sent.

use std::io;
use std::net::SocketAddr;
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::device::{Device, Knobs, PaperLevel, Printed, Pulse};
use super::page::Sheet;
use crate::printer::Profile;

/// A running printer. Dropping it frees its address.
#[derive(Debug)]
pub struct PrinterSim {
    address: SocketAddr,
    panel: Panel,
    task: JoinHandle<()>,
}

/// What a test sees of a printer, and the knobs it turns.
#[derive(Debug, Clone)]
pub struct Panel(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    /// Counts every change, so that nobody who waits misses one.
    changes: watch::Sender<u64>,
}

#[derive(Debug)]
pub(super) struct State {
    pub device: Device,
    /// Bytes of the print stream that may still be taken before the line is cut.
    pub cut_after: Option<usize>,
    pub connections: u64,
}

impl PrinterSim {
    /// Listens on `address`; port 0 takes a free one.
    pub async fn bind(address: &str) -> io::Result<PrinterSim> {
        PrinterSim::bind_with(address, Profile::default()).await
    }

    /// Like `bind`, for another kind of printer.
    pub async fn bind_with(address: &str, profile: Profile) -> io::Result<PrinterSim> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let panel = Panel::new(profile);
        let task = tokio::spawn(serve(listener, panel.clone()));
        Ok(PrinterSim { address, panel, task })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Deref for PrinterSim {
    type Target = Panel;

    fn deref(&self) -> &Panel {
        &self.panel
    }
}

impl Drop for PrinterSim {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Panel {
    pub(super) fn new(profile: Profile) -> Panel {
        let state = State { device: Device::new(profile), cut_after: None, connections: 0 };
        let (changes, _) = watch::channel(0);
        Panel(Arc::new(Shared { state: Mutex::new(state), changes }))
    }

    /// Turns knobs; what was waiting goes on at once.
    pub fn set(&self, change: impl FnOnce(&mut Knobs)) {
        self.change(|state| state.device.set(change));
    }

    pub fn set_paper(&self, paper: PaperLevel) {
        self.set(|knobs| knobs.paper = paper);
    }

    pub fn set_cover_open(&self, open: bool) {
        self.set(|knobs| knobs.cover_open = open);
    }

    pub fn set_drawer_open(&self, open: bool) {
        self.set(|knobs| knobs.drawer_open = open);
    }

    /// All knobs as they were at the start.
    pub fn reset(&self) {
        self.change(|state| {
            state.cut_after = None;
            state.device.set(|knobs| *knobs = Knobs::default());
        });
    }

    /// Breaks the connection, once, when `bytes` further bytes of the print stream were taken.
    /// Real-time commands do not count.
    pub fn cut_after_bytes(&self, bytes: usize) {
        self.change(|state| state.cut_after = Some(bytes));
    }

    pub fn knobs(&self) -> Knobs {
        self.lock().device.knobs().clone()
    }

    /// All that came out so far.
    pub fn printed(&self) -> Printed {
        self.lock().device.printed().clone()
    }

    /// The sheets that were cut off.
    pub fn sheets(&self) -> Vec<Sheet> {
        self.lock().device.printed().sheets.iter().cloned().collect()
    }

    /// The sheet that still hangs in the printer.
    pub fn hanging(&self) -> Sheet {
        self.lock().device.hanging().clone()
    }

    pub fn pulses(&self) -> Vec<Pulse> {
        self.lock().device.printed().pulses.iter().copied().collect()
    }

    pub fn connections(&self) -> u64 {
        self.lock().connections
    }

    /// Waits until the printer is as described.
    pub async fn wait_until(&self, mut is_so: impl FnMut(&Device) -> bool) {
        let mut changes = self.0.changes.subscribe();
        loop {
            changes.mark_unchanged();
            if is_so(&self.lock().device) {
                return;
            }
            if changes.changed().await.is_err() {
                return;
            }
        }
    }

    /// A receiver that is woken by every change, for pages that show the printer.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.0.changes.subscribe()
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let changed = change(&mut self.lock());
        self.0.changes.send_modify(|count| *count += 1);
        changed
    }
}

async fn serve(listener: TcpListener, shared: Panel) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                shared.change(|state| state.connections += 1);
                // However it ended, the next client is served.
                let _ = connection(stream, &shared).await;
                shared.change(|state| state.device.disconnected());
            }
            Err(error) => {
                tracing::warn!(%error, "the simulated printer cannot accept");
                tokio::task::yield_now().await;
            }
        }
    }
}

async fn connection(mut stream: TcpStream, shared: &Panel) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut changes = shared.changes();
    let mut bytes = [0u8; 1024];
    loop {
        changes.mark_unchanged();
        let (replies, room, cut) = {
            let mut state = shared.lock();
            let replies = state.device.take_replies();
            (replies, state.device.room().min(bytes.len()), state.cut_after == Some(0))
        };
        if cut {
            shared.change(|state| state.cut_after = None);
            return Ok(());
        }
        stream.write_all(&replies).await?;
        if room == 0 {
            // Nothing is taken until a knob turns; the peer's bytes stay in the network.
            if changes.changed().await.is_err() {
                return Ok(());
            }
            continue;
        }
        tokio::select! {
            changed = changes.changed() => {
                if changed.is_err() {
                    return Ok(());
                }
            }
            read = stream.read(&mut bytes[..room]) => {
                let length = read?;
                if length == 0 {
                    return Ok(());
                }
                shared.change(|state| take(state, &bytes[..length]));
            }
        }
    }
}

/// Hands bytes to the device up to the one after which the line is cut.
pub(super) fn take(state: &mut State, bytes: &[u8]) {
    let Some(mut left) = state.cut_after else {
        state.device.receive(bytes);
        return;
    };
    for byte in bytes {
        if left == 0 {
            break;
        }
        left = left.saturating_sub(state.device.receive(&[*byte]));
    }
    state.cut_after = Some(left);
    if left == 0 {
        // The answer to the last byte is lost with the line.
        state.device.take_replies();
    }
}
