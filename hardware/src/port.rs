//! Serial ports and character devices without blocking anybody.
//!
//! Owns opening, reading and writing of a device file. Must not know what travels. Invariants: no
//! call waits in the kernel, so that every wait can have an end; closing a serial port throws away
//! what has not left it yet, as the kernel would otherwise hold the closing for half a minute. Who
//! wants it to leave waits for `sent` first.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serialport::{ClearBuffer, DataBits, Parity, SerialPort, StopBits, TTYPort};
use tokio::net::unix::pipe::{Receiver, Sender};
use tokio::task::spawn_blocking;

/// How one side tells the other to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    None,
    /// RTS and CTS. A cable without these wires carries nothing then.
    Hardware,
}

/// What a serial port is set to; always 8 bits, or 7 with even parity, and one stop bit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    pub path: PathBuf,
    pub baud: u32,
    pub flow: Flow,
    pub seven_even: bool,
}

/// The speeds that devices of shops are set to.
pub const BAUDS: [u32; 8] = [1_200, 2_400, 4_800, 9_600, 19_200, 38_400, 57_600, 115_200];

/// Between two looks at what a port has still to send.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// An open device.
#[derive(Debug)]
pub struct Port {
    file: Access,
    /// Keeps the settings, and keeps other programs out.
    tty: Option<TTYPort>,
    all_sent: bool,
    /// Read when the device was opened, to see whether it can be read at all.
    early: Vec<u8>,
}

/// Tokio's ends of a pipe serve any file that the kernel can wait on.
#[derive(Debug)]
enum Access {
    Both(Receiver, Sender),
    Writing(Sender),
    /// Never makes anybody wait: a file on disk.
    Plain(Arc<File>),
}

impl Port {
    /// Opens a serial port for itself alone.
    pub async fn serial(line: &Line) -> io::Result<Port> {
        let line = line.clone();
        let (file, tty) = unblocked(move || open_serial(&line)).await?;
        let file = access(file, true)?;
        Ok(Port { file, tty: Some(tty), all_sent: true, early: Vec::new() })
    }

    /// Opens a device file, a pipe or a file that is there already. One that cannot be read is
    /// written only.
    pub async fn device(path: &Path) -> io::Result<Port> {
        let path = path.to_owned();
        let (file, early) = unblocked(move || open_device(&path)).await?;
        let file = access(file, early.is_some())?;
        Ok(Port { file, tty: None, all_sent: true, early: early.unwrap_or_default() })
    }

    /// Whether the device can say anything.
    pub fn reads(&self) -> bool {
        matches!(self.file, Access::Both(..))
    }

    /// Bytes, as soon as there are some. An end of the file means that the device is gone.
    pub async fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        if !self.early.is_empty() {
            let length = self.early.len().min(bytes.len());
            bytes[..length].copy_from_slice(&self.early[..length]);
            self.early.drain(..length);
            return Ok(length);
        }
        let Access::Both(reading, _) = &self.file else {
            return Err(ErrorKind::Unsupported.into());
        };
        loop {
            reading.readable().await?;
            match reading.try_read(bytes) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Err(error) if is_nothing(&error) => {}
                read => return read,
            }
        }
    }

    /// Writes some of the bytes, as soon as some can be taken.
    pub async fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.all_sent = false;
        let writing = match &self.file {
            Access::Both(_, writing) | Access::Writing(writing) => writing,
            Access::Plain(file) => {
                let (file, bytes) = (Arc::clone(file), bytes.to_vec());
                return unblocked(move || (&*file).write(&bytes)).await;
            }
        };
        loop {
            writing.writable().await?;
            match writing.try_write(bytes) {
                Err(error) if is_nothing(&error) => {}
                written => return written,
            }
        }
    }

    /// Waits until everything that was written has left.
    pub async fn sent(&mut self) -> io::Result<()> {
        while let Some(tty) = &self.tty
            && tty.bytes_to_write()? > 0
        {
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        self.all_sent = true;
        Ok(())
    }

    /// Throws away what came and was not read.
    pub fn forget_input(&self) {
        if let Some(tty) = &self.tty {
            // A port that is gone is noticed by the next read.
            let _ = tty.clear(ClearBuffer::Input);
        }
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        if let Some(tty) = self.tty.as_ref().filter(|_| !self.all_sent) {
            let _ = tty.clear(ClearBuffer::Output);
        }
    }
}

async fn unblocked<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    spawn_blocking(work).await.unwrap_or_else(|error| Err(io::Error::other(error)))
}

fn is_nothing(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}

fn access(file: File, reads: bool) -> io::Result<Access> {
    let writing = match Sender::from_file_unchecked(file.try_clone()?) {
        Ok(writing) => writing,
        // The kernel knows no waiting on files of a disk.
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            return Ok(Access::Plain(Arc::new(file)));
        }
        Err(error) => return Err(error),
    };
    match reads {
        true => Ok(Access::Both(Receiver::from_file_unchecked(file)?, writing)),
        false => Ok(Access::Writing(writing)),
    }
}

fn open_serial(line: &Line) -> io::Result<(File, TTYPort)> {
    let path = line.path.to_str().ok_or(ErrorKind::InvalidInput)?;
    let (bits, parity) = match line.seven_even {
        true => (DataBits::Seven, Parity::Even),
        false => (DataBits::Eight, Parity::None),
    };
    let mut tty = serialport::new(path, line.baud)
        .data_bits(bits)
        .parity(parity)
        .stop_bits(StopBits::One)
        .flow_control(match line.flow {
            Flow::None => serialport::FlowControl::None,
            Flow::Hardware => serialport::FlowControl::Hardware,
        })
        .open_native()?;
    // The door is opened once more, for a file of ours that does not block.
    tty.set_exclusive(false)?;
    let file = options().read(true).write(true).open(path)?;
    tty.set_exclusive(true)?;
    Ok((file, tty))
}

/// The file, and what could be read of it; `None`: it cannot be read.
fn open_device(path: &Path) -> io::Result<(File, Option<Vec<u8>>)> {
    let kind = std::fs::metadata(path)?.file_type();
    if kind.is_dir() || kind.is_block_device() {
        let words = format!("{} is no printer", path.display());
        return Err(io::Error::new(ErrorKind::InvalidInput, words));
    }
    if kind.is_char_device()
        && let Ok(mut file) = options().read(true).write(true).open(path)
    {
        let mut bytes = [0u8; 256];
        let early = match file.read(&mut bytes) {
            Ok(0) => None,
            Ok(length) => Some(bytes[..length].to_vec()),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Some(Vec::new()),
            // So says a printer's device that was made for one direction.
            Err(_) => None,
        };
        return Ok((file, early));
    }
    Ok((options().append(true).open(path)?, None))
}

fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY);
    options
}
