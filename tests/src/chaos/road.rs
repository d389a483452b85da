//! The road between a store and the hub: clear, cut, or losing what the hub says.
//!
//! Plain HTTP passes as bytes. On a WebSocket it knows frames: those of the hub are not masked, so
//! each can be found, and left out, by its length. A lost frame is what a link over a broker or a
//! proxy loses; beside it connections are torn, at random and when the loss made both sides wait.
//! What the store says always arrives.
//! Invariant: while it is cut no byte passes, also on connections that were open before.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::timeout;

use super::dice::Dice;

const HEAD_BYTES_MAX: usize = 64 << 10;
const FRAME_BYTES_MAX: usize = 4 << 20;
const TEXT: u8 = 1;
/// A connection on which something was lost and nothing comes any more is torn after this.
const STALLED: Duration = Duration::from_millis(500);

/// How the road is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Road {
    /// Everything passes.
    Clear,
    /// Nothing passes.
    Cut,
    /// Frames of the hub are lost, and connections torn.
    Lossy {
        /// Frames lost, of a hundred.
        lost_percent: u64,
        /// Frames after which a connection is torn, on average.
        torn_after: u64,
    },
}

/// Frames by their kind.
#[derive(Debug, Clone, Default)]
pub struct Passed {
    /// That arrived.
    pub arrived: BTreeMap<String, u64>,
    /// That were lost.
    pub lost: BTreeMap<String, u64>,
    /// Connections torn.
    pub torn: u64,
}

/// A running road. Its tasks end with the program.
#[derive(Debug, Clone)]
pub struct Line {
    address: SocketAddr,
    road: Arc<watch::Sender<Road>>,
    passed: Arc<Mutex<Passed>>,
}

#[derive(Clone)]
struct Way {
    to: SocketAddr,
    road: watch::Receiver<Road>,
    passed: Arc<Mutex<Passed>>,
}

impl Line {
    /// A clear road from a free port of loopback.
    ///
    /// # Errors
    /// When no port can be had.
    pub async fn open(to: SocketAddr, mut dice: Dice) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let (road, state) = watch::channel(Road::Clear);
        let passed = Arc::<Mutex<Passed>>::default();
        let way = Way { to, road: state, passed: Arc::clone(&passed) };
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let (mut way, dice) = (way.clone(), dice.fork());
                let road = *way.road.borrow_and_update();
                if road == Road::Cut {
                    continue; // dropped: as good as refused
                }
                tokio::spawn(async move {
                    let mut changes = way.road.clone();
                    tokio::select! {
                        // However it ends, both ends see a connection that broke.
                        _ = changes.changed() => {}
                        _ = way.carry(near, road, dice) => {}
                    }
                });
            }
        });
        Ok(Self { address, road: Arc::new(road), passed })
    }

    /// Where the store finds the hub.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Changes the road; connections of before break.
    pub fn set(&self, road: Road) {
        self.road.send_if_modified(|now| std::mem::replace(now, road) != road);
    }

    /// What passed.
    pub fn passed(&self) -> Passed {
        self.passed.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Way {
    async fn carry(&mut self, near: TcpStream, road: Road, dice: Dice) -> Result<()> {
        let far = TcpStream::connect(self.to).await?;
        near.set_nodelay(true)?;
        far.set_nodelay(true)?;
        let (mut from_store, to_store) = near.into_split();
        let (from_hub, mut to_hub) = far.into_split();
        let up = async move {
            copy(&mut from_store, &mut to_hub).await?;
            to_hub.shutdown().await?;
            anyhow::Ok(())
        };
        let down = self.down(from_hub, to_store, road, dice);
        tokio::try_join!(up, down)?;
        Ok(())
    }

    async fn down(
        &self,
        mut from: OwnedReadHalf,
        mut to: OwnedWriteHalf,
        road: Road,
        mut dice: Dice,
    ) -> Result<()> {
        let Road::Lossy { lost_percent, torn_after } = road else {
            copy(&mut from, &mut to).await?;
            to.shutdown().await?;
            return Ok(());
        };
        let mut bytes = vec![];
        let head = loop {
            if let Some(end) = end_of_head(&bytes) {
                break end;
            }
            more(&mut from, &mut bytes, HEAD_BYTES_MAX).await?;
        };
        let upgraded = bytes.starts_with(b"HTTP/1.1 101");
        to.write_all(&bytes[..head]).await?;
        bytes.drain(..head);
        if !upgraded {
            to.write_all(&bytes).await?;
            copy(&mut from, &mut to).await?;
            to.shutdown().await?;
            return Ok(());
        }
        let mut lost_any = false;
        loop {
            let Some(frame) = Frame::first_of(&bytes) else {
                let coming = more(&mut from, &mut bytes, FRAME_BYTES_MAX);
                if !lost_any {
                    coming.await?;
                } else if let Ok(came) = timeout(STALLED, coming).await {
                    came?;
                } else {
                    return self.tear();
                }
                continue;
            };
            let lost = frame.opcode == TEXT && dice.chance(lost_percent);
            if !lost {
                to.write_all(&bytes[..frame.end]).await?;
            }
            lost_any |= lost;
            self.count(frame.kind(&bytes), lost);
            bytes.drain(..frame.end);
            if dice.between(1, torn_after) == 1 {
                return self.tear();
            }
        }
    }

    fn count(&self, kind: String, lost: bool) {
        let mut passed = self.passed.lock().unwrap_or_else(PoisonError::into_inner);
        let side = if lost { &mut passed.lost } else { &mut passed.arrived };
        *side.entry(kind).or_default() += 1;
    }

    fn tear(&self) -> Result<()> {
        self.passed.lock().unwrap_or_else(PoisonError::into_inner).torn += 1;
        bail!("torn")
    }
}

async fn more(from: &mut OwnedReadHalf, bytes: &mut Vec<u8>, max: usize) -> Result<()> {
    if bytes.len() > max {
        bail!("more than {max} bytes in one piece");
    }
    if from.read_buf(bytes).await.context("the hub is gone")? == 0 {
        bail!("the hub closed");
    }
    Ok(())
}

fn end_of_head(bytes: &[u8]) -> Option<usize> {
    bytes.windows(4).position(|four| four == b"\r\n\r\n").map(|at| at + 4)
}

/// Where a frame of the hub is in some bytes (RFC 6455 section 5.2, without a mask).
#[derive(Debug, PartialEq, Eq)]
struct Frame {
    opcode: u8,
    body: usize,
    end: usize,
}

impl Frame {
    fn first_of(bytes: &[u8]) -> Option<Self> {
        let (opcode, short) = (bytes.first()? & 0x0f, bytes.get(1)? & 0x7f);
        let (body, length): (usize, u64) = match short {
            126 => (4, u64::from(u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?))),
            127 => (10, u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?)),
            short => (2, u64::from(short)),
        };
        let end = body.checked_add(usize::try_from(length).ok()?)?;
        (end <= bytes.len()).then_some(Self { opcode, body, end })
    }

    fn kind(&self, bytes: &[u8]) -> String {
        if self.opcode != TEXT {
            return "control".to_owned();
        }
        let value: serde_json::Value =
            serde_json::from_slice(&bytes[self.body..self.end]).unwrap_or_default();
        value["kind"].as_str().unwrap_or("unknown").to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_found_by_its_length() {
        let text = br#"{"kind":"ack"}"#;
        let mut bytes = vec![0x81, 14];
        bytes.extend_from_slice(text);
        bytes.push(0x8a);
        let frame = Frame::first_of(&bytes).unwrap();
        assert_eq!(frame, Frame { opcode: TEXT, body: 2, end: 16 });
        assert_eq!(frame.kind(&bytes), "ack");
        assert_eq!(Frame::first_of(&bytes[16..]), None);
    }

    #[test]
    fn a_long_frame_says_its_length_in_more_bytes() {
        let mut bytes = vec![0x81, 126, 1, 0];
        assert_eq!(Frame::first_of(&bytes), None);
        bytes.extend([b' '; 256]);
        assert_eq!(Frame::first_of(&bytes), Some(Frame { opcode: TEXT, body: 4, end: 260 }));
        assert_eq!(Frame::first_of(&[0x81, 127, 0]), None);
    }
}
