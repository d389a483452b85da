//! A scanner at the far end of a pseudo terminal.
//!
//! Owns what a scanner sends. Must not know frames beyond the end mark it appends. Invariant:
//! unplugging closes both ends, as pulling a cable does.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::cable::Cable;

/// Carriage return, as scanners are usually set up.
const SUFFIX: &[u8] = b"\r";

/// A plugged or unplugged scanner.
#[derive(Debug)]
pub struct ScannerSim(Cable);

impl ScannerSim {
    /// Plugs in a scanner. With `link` its path stays the same over every unplug.
    pub fn plug_in(link: Option<&Path>) -> io::Result<ScannerSim> {
        Cable::plug_in(link).map(ScannerSim)
    }

    /// Where a reader finds the scanner; `None` while it is unplugged and has no link.
    pub fn path(&self) -> Option<PathBuf> {
        self.0.path()
    }

    /// Reads a code: its bytes and a carriage return.
    pub fn scan(&mut self, code: &str) -> io::Result<()> {
        self.write(code.as_bytes())?;
        self.write(SUFFIX)
    }

    /// Bytes as they are, for codes that arrive in pieces or broken.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self.0.far_end() {
            Some(far) => far.write_all(bytes),
            None => Err(io::Error::new(io::ErrorKind::NotConnected, "the scanner is unplugged")),
        }
    }

    /// Pulls the cable.
    pub fn unplug(&mut self) -> io::Result<()> {
        self.0.unplug()
    }

    /// Plugs it in again: another terminal, the same link.
    pub fn replug(&mut self) -> io::Result<()> {
        self.0.replug()
    }
}
