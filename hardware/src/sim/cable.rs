//! A pseudo terminal as a cable between a device and a program, which can be pulled.
//!
//! Owns the pair of terminals and the link under which the near end is found. Must not know what
//! travels. Invariant: unplugging closes both ends, as pulling a cable does; a file in the place of
//! the link is left alone.

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use serialport::{SerialPort, TTYPort};

#[derive(Debug)]
pub(super) struct Cable {
    link: Option<PathBuf>,
    plugged: Option<Plugged>,
}

#[derive(Debug)]
struct Plugged {
    far: TTYPort,
    /// Held so that bytes wait for a reader that is not there yet.
    _near: TTYPort,
    near_path: PathBuf,
}

impl Cable {
    /// With `link` the near end's path stays the same over every unplug.
    pub(super) fn plug_in(link: Option<&Path>) -> io::Result<Cable> {
        let mut cable = Cable { link: link.map(Path::to_owned), plugged: None };
        cable.replug()?;
        Ok(cable)
    }

    /// Where a program finds the near end; `None` while it is unplugged and has no link.
    pub(super) fn path(&self) -> Option<PathBuf> {
        match (&self.link, &self.plugged) {
            (Some(link), _) => Some(link.clone()),
            (None, Some(plugged)) => Some(plugged.near_path.clone()),
            (None, None) => None,
        }
    }

    /// The device's end.
    pub(super) fn far_end(&mut self) -> Option<&mut TTYPort> {
        self.plugged.as_mut().map(|plugged| &mut plugged.far)
    }

    pub(super) fn unplug(&mut self) -> io::Result<()> {
        self.plugged = None;
        match &self.link {
            Some(link) => remove_link(link),
            None => Ok(()),
        }
    }

    /// Plugs it in again: another terminal, the same link.
    pub(super) fn replug(&mut self) -> io::Result<()> {
        self.unplug()?;
        let (far, near) = TTYPort::pair()?;
        let near_path = near
            .name()
            .map(PathBuf::from)
            .ok_or_else(|| io::Error::other("the pseudo terminal has no name"))?;
        if let Some(link) = &self.link {
            symlink(&near_path, link)?;
        }
        self.plugged = Some(Plugged { far, _near: near, near_path });
        Ok(())
    }
}

impl Drop for Cable {
    fn drop(&mut self) {
        // The link may be gone already; nothing depends on it any more.
        let _ = self.unplug();
    }
}

/// Removes a link of an earlier device, but never a file that is something else.
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
