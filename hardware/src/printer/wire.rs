//! One connection to a printer: bytes out with deadlines, replies in.
//!
//! Owns the socket of one job. Must not know receipts or states. Invariant: every wait has an end,
//! and it is always known whether a first byte has left.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};

use super::status::{Reply, ReplyParser};

/// Small enough that a slow printer shows progress within a deadline.
const CHUNK_BYTES: usize = 512;

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

pub struct Wire {
    stream: TcpStream,
    replies: ReplyParser,
    unread: std::collections::VecDeque<u8>,
}

impl Wire {
    /// Connects within `limit`. `address` may name a host.
    pub async fn connect(address: &str, limit: Duration) -> Option<Wire> {
        let stream = timeout(limit, TcpStream::connect(address)).await.ok()?.ok()?;
        // Status questions are tiny and must not wait for a full packet.
        stream.set_nodelay(true).ok()?;
        Some(Wire { stream, replies: ReplyParser::default(), unread: Default::default() })
    }

    /// Sends all bytes; each kilobyte, or part of one, may take `per_kilobyte`.
    pub async fn send(&mut self, bytes: &[u8], per_kilobyte: Duration) -> Result<(), SendFailure> {
        let mut sent = 0;
        let mut deadline = Instant::now() + per_kilobyte;
        let mut in_kilobyte = 0;
        while sent < bytes.len() {
            let end = bytes.len().min(sent + CHUNK_BYTES);
            let began = sent > 0;
            match timeout_at(deadline, self.stream.write(&bytes[sent..end])).await {
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

    /// The next reply; `None` when none came in time.
    pub async fn reply(&mut self, wait: Duration) -> Result<Option<Reply>, Lost> {
        let deadline = Instant::now() + wait;
        loop {
            while let Some(byte) = self.unread.pop_front() {
                if let Some(reply) = self.replies.push(byte) {
                    return Ok(Some(reply));
                }
            }
            let mut bytes = [0u8; 64];
            match timeout_at(deadline, self.stream.read(&mut bytes)).await {
                Ok(Ok(length)) if length > 0 => self.unread.extend(&bytes[..length]),
                Ok(_) => return Err(Lost),
                Err(_) => return Ok(None),
            }
        }
    }

    /// Throws away what has come, until nothing comes for `quiet`. Bounded, in case the peer never
    /// stops talking.
    pub async fn drain(&mut self, quiet: Duration) -> Result<(), Lost> {
        for _ in 0..64 {
            if self.reply(quiet).await?.is_none() {
                break;
            }
        }
        Ok(())
    }

    /// Closes properly: printers have few sockets and keep half-closed ones.
    pub async fn close(mut self, limit: Duration) {
        // What can go wrong here no longer matters to the job.
        let _ = timeout(limit, self.stream.shutdown()).await;
    }
}
