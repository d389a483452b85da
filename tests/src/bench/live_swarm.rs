//! Subscribers of live stock, many in one program: what each was told last, and how late.
//!
//! They speak just enough WebSocket to read texts, so that the machine's time goes to the server.
//! The value that is followed only grows: how many units of the hot item there are, or the number
//! of the event of a bare server. Invariant: a subscriber that is told nothing counts as late.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;

use super::live_lags::Lags;

/// Sockets from one address: the hub gives an address so many places.
pub(super) const PER_ADDRESS: usize = 200;
/// Subscribers that connect at the same moment.
const TOGETHER: usize = 50;
/// What a reader takes at once.
pub(super) const READ_BYTES: usize = 8 << 10;

/// Where to subscribe.
#[derive(Debug, Clone)]
pub struct Target {
    /// The server.
    pub address: SocketAddr,
    /// Path and query of the WebSocket.
    pub path: String,
    /// What a subscriber says first; nothing: it is told without asking.
    pub says: Option<String>,
}

/// What all subscribers of a server were told. A subscriber of any protocol writes here.
#[derive(Debug)]
pub struct Scores {
    begun: Instant,
    /// When each value was there, microseconds since the beginning.
    there: RwLock<Vec<u64>>,
    /// What each subscriber was told last.
    told: Vec<AtomicI64>,
    /// Messages with a value.
    deliveries: AtomicU64,
    /// Bytes of the longest message.
    longest: AtomicU64,
    /// How late values were.
    pub lags: Lags,
}

impl Scores {
    /// For so many subscribers.
    pub fn new(subscribers: usize) -> Self {
        Self {
            begun: Instant::now(),
            there: RwLock::new(vec![0]),
            told: (0..subscribers).map(|_| AtomicI64::new(-1)).collect(),
            deliveries: AtomicU64::new(0),
            longest: AtomicU64::new(0),
            lags: Lags::default(),
        }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    /// The next value is there now: its change was answered.
    pub fn is_there(&self) {
        let now = self.now();
        self.there.write().unwrap_or_else(PoisonError::into_inner).push(now);
    }

    /// The newest value.
    pub fn newest(&self) -> i64 {
        let there = self.there.read().unwrap_or_else(PoisonError::into_inner);
        i64::try_from(there.len()).unwrap_or(i64::MAX) - 1
    }

    /// A subscriber was told a value; it is as late as the oldest one that it did not know.
    pub fn heard(&self, subscriber: usize, value: i64, bytes: usize, counts: bool) {
        let before = self.told[subscriber].fetch_max(value, Ordering::Relaxed);
        self.longest.fetch_max(bytes as u64, Ordering::Relaxed);
        if counts {
            self.deliveries.fetch_add(1, Ordering::Relaxed);
        }
        if before >= 0 && value > before {
            self.lags.put(self.since(before + 1));
        }
    }

    /// How long a value has been there; zero when its answer is still on its way to the writer.
    fn since(&self, value: i64) -> Duration {
        let there = self.there.read().unwrap_or_else(PoisonError::into_inner);
        let at = usize::try_from(value).ok().and_then(|at| there.get(at).copied());
        Duration::from_micros(at.map_or(0, |at| self.now().saturating_sub(at)))
    }

    /// Whoever does not know the newest value is late by now; gives how many those are.
    pub fn close(&self) -> usize {
        let newest = self.newest();
        let told = self.told.iter().map(|told| told.load(Ordering::Relaxed));
        let late: Vec<i64> = told.filter(|told| *told < newest).collect();
        late.iter().for_each(|told| self.lags.put(self.since(told + 1)));
        late.len()
    }

    /// Messages with a value so far.
    pub fn deliveries(&self) -> u64 {
        self.deliveries.load(Ordering::Relaxed)
    }

    /// Bytes of the longest message.
    pub fn longest(&self) -> usize {
        usize::try_from(self.longest.load(Ordering::Relaxed)).unwrap_or(usize::MAX)
    }

    /// Everybody was told the newest value.
    pub fn all_know(&self) -> bool {
        let newest = self.newest();
        self.told.iter().all(|told| told.load(Ordering::Relaxed) >= newest)
    }

    /// Everybody was told something.
    pub fn all_there(&self) -> bool {
        self.told.iter().all(|told| told.load(Ordering::Relaxed) >= 0)
    }
}

/// Subscribers at work; dropping them hangs all of them up.
pub struct Swarm {
    tasks: JoinSet<Result<()>>,
}

impl Swarm {
    /// Connects as many as this; they have the first places in the scores.
    ///
    /// # Errors
    /// When one is not let in.
    pub async fn open(target: &Target, scores: &Arc<Scores>, subscribers: usize) -> Result<Self> {
        let mut tasks = JoinSet::new();
        let mut opening = JoinSet::new();
        for subscriber in 0..subscribers {
            if opening.len() >= TOGETHER {
                tasks.extend_from(&mut opening, scores).await?;
            }
            let target = target.clone();
            opening
                .spawn(async move { Ok((subscriber, connect(&target, subscriber, None).await?)) });
        }
        while !opening.is_empty() {
            tasks.extend_from(&mut opening, scores).await?;
        }
        Ok(Self { tasks })
    }

    /// Takes others in, however they connected.
    pub fn join(&mut self, mut others: JoinSet<Result<()>>) {
        self.tasks.spawn(async move { others.join_next().await.context("nobody subscribes")?? });
    }

    /// An error when a subscriber was hung up.
    ///
    /// # Errors
    /// Says why.
    pub fn is_whole(&mut self) -> Result<()> {
        match self.tasks.try_join_next() {
            None => Ok(()),
            Some(ended) => ended?.and_then(|()| bail!("a subscriber was hung up")),
        }
    }
}

type Opening = JoinSet<Result<(usize, Line)>>;

trait Extend {
    async fn extend_from(&mut self, opening: &mut Opening, scores: &Arc<Scores>) -> Result<()>;
}

impl Extend for JoinSet<Result<()>> {
    async fn extend_from(&mut self, opening: &mut Opening, scores: &Arc<Scores>) -> Result<()> {
        let opened = opening.join_next().await.context("nobody connects")?;
        let (subscriber, line) = opened??;
        let scores = Arc::clone(scores);
        self.spawn(async move { listen(line, subscriber, &scores).await });
        Ok(())
    }
}

/// A WebSocket that is open, and what came behind its head.
struct Line {
    stream: TcpStream,
    rest: Vec<u8>,
}

async fn connect(target: &Target, number: usize, buffer: Option<u32>) -> Result<Line> {
    let socket = TcpSocket::new_v4()?;
    if let Some(bytes) = buffer {
        socket.set_recv_buffer_size(bytes)?;
    }
    let network = u8::try_from(1 + number / PER_ADDRESS)?;
    socket.bind(SocketAddr::from((Ipv4Addr::new(127, 0, network, 1), 0)))?;
    let mut stream = socket.connect(target.address).await?;
    let head = format!(
        "GET {} HTTP/1.1\r\nHost: {}\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        target.path, target.address
    );
    stream.write_all(head.as_bytes()).await?;
    let mut rest = vec![];
    let end = loop {
        if let Some(at) = rest.windows(4).position(|four| four == b"\r\n\r\n") {
            break at + 4;
        }
        if stream.read_buf(&mut rest).await? == 0 {
            bail!("hung up before the WebSocket was open");
        }
    };
    let head = rest.drain(..end).collect::<Vec<u8>>();
    if !head.starts_with(b"HTTP/1.1 101") {
        bail!("no WebSocket: {}", String::from_utf8_lossy(&head));
    }
    if let Some(says) = &target.says {
        stream.write_all(&masked(says)).await?;
    }
    Ok(Line { stream, rest })
}

/// A text of a client. The mask may be zero: it hides nothing from anybody here.
fn masked(text: &str) -> Vec<u8> {
    let mut frame = vec![0x81, 0x80 | 126];
    frame.extend(u16::try_from(text.len()).unwrap_or(u16::MAX).to_be_bytes());
    frame.extend([0; 4]);
    frame.extend(text.as_bytes());
    frame
}

async fn listen(mut line: Line, subscriber: usize, scores: &Scores) -> Result<()> {
    line.rest.reserve(READ_BYTES);
    loop {
        let mut at = 0;
        while let Some((text, end)) = frame(&line.rest[at..]) {
            if let Some((value, counts)) = value_in(text) {
                scores.heard(subscriber, value, text.len(), counts);
            }
            at += end;
        }
        line.rest.drain(..at);
        if line.stream.read_buf(&mut line.rest).await? == 0 {
            return Ok(());
        }
    }
}

/// The first frame's text and where the next one begins.
fn frame(bytes: &[u8]) -> Option<(&[u8], usize)> {
    let (from, length) = match *bytes.get(1)? & 0x7f {
        126 => (4, usize::from(u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?))),
        127 => {
            let length = u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?);
            (10, usize::try_from(length).ok()?)
        }
        short => (2, usize::from(short)),
    };
    Some((bytes.get(from..from + length)?, from + length))
}

/// The item's total, and whether it was told as a change.
pub(super) fn value_in(text: &[u8]) -> Option<(i64, bool)> {
    const COUNT: &[u8] = b"\"count\":";
    let at = text.windows(COUNT.len()).position(|part| part == COUNT)? + COUNT.len();
    let digits = text[at..].iter().take_while(|b| b.is_ascii_digit());
    let value = digits.fold(0_i64, |value, b| value * 10 + i64::from(b - b'0'));
    Some((value, text.starts_with(b"{\"kind\":\"changes\"")))
}

/// Readers that subscribe and then take nothing, each again as soon as the server let it go.
pub fn stalled(target: &Target, readers: usize, let_go: &Arc<AtomicU64>) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    for reader in 0..readers {
        let (target, let_go) = (target.clone(), Arc::clone(let_go));
        // From addresses of their own.
        let number = reader + 100 * PER_ADDRESS;
        tasks.spawn(async move {
            loop {
                let Ok(line) = connect(&target, number, Some(4 << 10)).await else {
                    tokio::time::sleep(Duration::from_secs(1)).await;
                    continue;
                };
                gone(&line.stream).await;
                let_go.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    tasks
}

/// Waits until the server hung up, without taking anything.
async fn gone(stream: &TcpStream) {
    loop {
        // Readable means only that something is there; what counts is a line that broke.
        if matches!(stream.take_error(), Ok(Some(_)) | Err(_)) || is_closed(stream).await {
            return;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

/// A server that hung up resets what is written to it.
async fn is_closed(stream: &TcpStream) -> bool {
    // A pong that nobody asked for (RFC 6455, 5.5.3): masked, empty.
    let pong = [0x8a, 0x80, 0, 0, 0, 0];
    stream.try_write(&pong).is_err_and(|e| e.kind() != std::io::ErrorKind::WouldBlock)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_cut_as_they_come() {
        let text = b"{\"kind\":\"changes\",\"items\":[{\"total\":{\"count\":42,\"more\":false}}]}";
        let mut bytes = vec![0x81, u8::try_from(text.len()).unwrap()];
        bytes.extend(text);
        bytes.extend([0x81, 126, 1, 0]);
        bytes.extend([b'x'; 256]);
        let (first, end) = frame(&bytes).unwrap();
        assert_eq!((first, value_in(first)), (&text[..], Some((42, true))));
        assert_eq!(frame(&bytes[end..]).unwrap(), (&[b'x'; 256][..], 260));
        assert!(frame(&bytes[..end - 1]).is_none() && frame(&[0x81]).is_none());
        assert_eq!(value_in(b"{\"kind\":\"ping\"}"), None);
        assert_eq!(value_in(b"{\"kind\":\"snapshot\",\"count\":7}"), Some((7, false)));
    }

    #[test]
    fn who_is_told_nothing_is_late() {
        let scores = Scores::new(2);
        scores.heard(0, 0, 10, false);
        scores.heard(1, 0, 10, false);
        assert!(scores.all_there());
        scores.is_there();
        scores.is_there();
        scores.heard(0, 2, 10, true);
        assert_eq!((scores.newest(), scores.deliveries(), scores.lags.count()), (2, 1, 1));
        assert_eq!((scores.close(), scores.lags.count()), (1, 2));
    }
}
