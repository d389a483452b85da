//! One connection to a printer: bytes out with deadlines, replies in.
//!
//! Owns the socket or port of a printer. Must not know receipts or states. Invariant: every wait
//! has an end, and it is always known whether a first byte has left.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};

use super::address::{Address, Link};
use super::status::{Reply, ReplyParser};
use crate::port::Port;

/// Small enough that a slow printer shows progress within a deadline.
const CHUNK_BYTES: usize = 512;
/// What is thrown away at once, in case the peer never stops talking.
const DRAINED_MAX: usize = 64;

/// Why bytes could not all be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SendFailure {
    /// Whether at least one byte was taken.
    pub began: bool,
    pub slow: bool,
}

/// The peer is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lost;

#[derive(Debug)]
enum Stream {
    Tcp(TcpStream),
    Port(Port),
}

#[derive(Debug)]
pub struct Wire {
    stream: Stream,
    mute: bool,
    replies: ReplyParser,
    unread: std::collections::VecDeque<u8>,
}

impl Wire {
    /// Opens the way to a printer within `limit`. An address on the network may name a host.
    pub async fn open(address: &Address, limit: Duration) -> Option<Wire> {
        let stream = timeout(limit, open(&address.link)).await.ok()?;
        let stream = stream
            .inspect_err(|error| tracing::debug!(%address, %error, "printer cannot be opened"))
            .ok()?;
        let reads = match &stream {
            Stream::Tcp(_) => true,
            Stream::Port(port) => port.reads(),
        };
        let mute = !(address.answers && reads);
        Some(Wire { stream, mute, replies: ReplyParser::default(), unread: Default::default() })
    }

    /// Nothing will ever come back: what is sent stays unproved.
    pub fn is_mute(&self) -> bool {
        self.mute
    }

    /// A serial port is kept open between jobs: opening it moves lines that some printers take
    /// for being switched off. Connections are not: network printers serve one client and drop
    /// idle ones.
    pub fn may_stay_open(&self) -> bool {
        matches!(self.stream, Stream::Port(_)) && !self.mute
    }

    /// Sends all bytes; each kilobyte, or part of one, may take `per_kilobyte`.
    pub async fn send(&mut self, bytes: &[u8], per_kilobyte: Duration) -> Result<(), SendFailure> {
        let mut sent = 0;
        let mut deadline = Instant::now() + per_kilobyte;
        let mut in_kilobyte = 0;
        while sent < bytes.len() {
            let end = bytes.len().min(sent + CHUNK_BYTES);
            let began = sent > 0;
            match timeout_at(deadline, self.write(&bytes[sent..end])).await {
                Ok(Ok(taken)) if taken > 0 => {
                    sent += taken;
                    in_kilobyte += taken;
                    if in_kilobyte >= 1024 {
                        in_kilobyte = 0;
                        deadline = Instant::now() + per_kilobyte;
                    }
                }
                Ok(_) => return Err(SendFailure { began, slow: false }),
                Err(_) => return Err(SendFailure { began, slow: true }),
            }
        }
        Ok(())
    }

    /// Whether everything that was sent has left this machine within `limit`, as far as it can be
    /// known. To be asked before closing where no answer proves it.
    pub async fn has_left(&mut self, limit: Duration) -> bool {
        match &mut self.stream {
            Stream::Tcp(_) => true,
            Stream::Port(port) => matches!(timeout(limit, port.sent()).await, Ok(Ok(()))),
        }
    }

    async fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.stream {
            Stream::Tcp(stream) => stream.write(bytes).await,
            Stream::Port(port) => port.write(bytes).await,
        }
    }

    /// The next reply; `None` when none came in time.
    pub async fn reply(&mut self, wait: Duration) -> Result<Option<Reply>, Lost> {
        let deadline = Instant::now() + wait;
        let mut read_once = false;
        loop {
            while let Some(byte) = self.unread.pop_front() {
                if let Some(reply) = self.replies.push(byte) {
                    return Ok(Some(reply));
                }
            }
            // A peer that talks without an end says nothing either.
            if std::mem::replace(&mut read_once, true) && Instant::now() >= deadline {
                return Ok(None);
            }
            let mut bytes = [0u8; 64];
            let read = async {
                match &mut self.stream {
                    Stream::Tcp(stream) => stream.read(&mut bytes).await,
                    Stream::Port(port) => port.read(&mut bytes).await,
                }
            };
            match timeout_at(deadline, read).await {
                Ok(Ok(length)) if length > 0 => self.unread.extend(&bytes[..length]),
                Ok(_) => return Err(Lost),
                Err(_) => return Ok(None),
            }
        }
    }

    /// Throws away what has come, until nothing comes for `quiet`. Bounded, in case the peer never
    /// stops talking.
    pub async fn drain(&mut self, quiet: Duration) -> Result<(), Lost> {
        for _ in 0..DRAINED_MAX {
            if self.reply(quiet).await?.is_none() {
                break;
            }
        }
        Ok(())
    }

    /// Closes properly: printers have few sockets and keep half-closed ones.
    pub async fn close(mut self, limit: Duration) {
        if let Stream::Tcp(stream) = &mut self.stream {
            // What can go wrong here no longer matters to the job.
            let _ = timeout(limit, stream.shutdown()).await;
        }
    }
}

async fn open(link: &Link) -> io::Result<Stream> {
    match link {
        Link::Tcp(address) => {
            let stream = TcpStream::connect(address).await?;
            // Status questions are tiny and must not wait for a full packet.
            stream.set_nodelay(true)?;
            Ok(Stream::Tcp(stream))
        }
        Link::Serial(line) => {
            let port = Port::serial(line).await?;
            port.forget_input();
            Ok(Stream::Port(port))
        }
        Link::File(path) => Ok(Stream::Port(Port::device(path).await?)),
    }
}
