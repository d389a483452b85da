//! A scanner at the far end of a pseudo terminal.
//!
//! Owns the pair of terminals and the link under which the scanner is found. Must not know frames
//! beyond the end mark it appends. Invariant: unplugging closes both ends, as pulling a cable does.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use serialport::{SerialPort, TTYPort};

/// Carriage return, as scanners are usually set up.
const SUFFIX: &[u8] = b"\r";

/// A plugged or unplugged scanner.
#[derive(Debug)]
pub struct ScannerSim {
    link: Option<PathBuf>,
    plugged: Option<Plugged>,
}

#[derive(Debug)]
struct Plugged {
    master: TTYPort,
    /// Held so that bytes wait for a reader that is not there yet.
    _slave: TTYPort,
    slave_path: PathBuf,
}

impl ScannerSim {
    /// Plugs in a scanner. With `link` its path stays the same over every unplug.
    pub fn plug_in(link: Option<&Path>) -> io::Result<ScannerSim> {
        let mut scanner = ScannerSim { link: link.map(Path::to_owned), plugged: None };
        scanner.replug()?;
        Ok(scanner)
    }

    /// Where a reader finds the scanner; `None` while it is unplugged and has no link.
    pub fn path(&self) -> Option<PathBuf> {
        match (&self.link, &self.plugged) {
            (Some(link), _) => Some(link.clone()),
            (None, Some(plugged)) => Some(plugged.slave_path.clone()),
            (None, None) => None,
        }
    }

    /// Reads a code: its bytes and a carriage return.
    pub fn scan(&mut self, code: &str) -> io::Result<()> {
        self.write(code.as_bytes())?;
        self.write(SUFFIX)
    }

    /// Bytes as they are, for codes that arrive in pieces or broken.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.plugged {
            Some(plugged) => plugged.master.write_all(bytes),
            None => Err(io::Error::new(io::ErrorKind::NotConnected, "the scanner is unplugged")),
        }
    }

    /// Pulls the cable.
    pub fn unplug(&mut self) -> io::Result<()> {
        self.plugged = None;
        match &self.link {
            Some(link) => remove_link(link),
            None => Ok(()),
        }
    }

    /// Plugs it in again: another terminal, the same link.
    pub fn replug(&mut self) -> io::Result<()> {
        self.unplug()?;
        let (master, slave) = TTYPort::pair()?;
        let slave_path = slave
            .name()
            .map(PathBuf::from)
            .ok_or_else(|| io::Error::other("the pseudo terminal has no name"))?;
        if let Some(link) = &self.link {
            symlink(&slave_path, link)?;
        }
        self.plugged = Some(Plugged { master, _slave: slave, slave_path });
        Ok(())
    }
}

impl Drop for ScannerSim {
    fn drop(&mut self) {
        // The link may be gone already; nothing depends on it any more.
        let _ = self.unplug();
    }
}

/// Removes a link of an earlier scanner, but never a file that is something else.
fn remove_link(link: &Path) -> io::Result<()> {
    match fs::symlink_metadata(link) {
        Ok(found) if found.file_type().is_symlink() => fs::remove_file(link),
        Ok(_) => Err(io::Error::new(
            io::ErrorKind::AlreadyExists,
            format!("{} exists and is not a link", link.display()),
        )),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}
