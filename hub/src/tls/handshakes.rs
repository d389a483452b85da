//! Handshakes within bounds: a time for each, a number at once, the oldest gives way.
//!
//! Who opens connections and says nothing can only push out others who say nothing: a handshake
//! that goes on takes a few round trips and is over before its turn to give way comes.
//! Invariant: a handshake that ended, however it did, holds no place.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;

use super::Inside;

/// How long a handshake may take, the first byte included.
const TIME: Duration = Duration::from_secs(10);
/// Handshakes at once.
const AT_ONCE: usize = 512;
/// Of a request in plain that are read before the line is cut.
const PLAIN_BYTES_MAX: u64 = 16 << 10;
/// The first byte of every TLS connection.
const HANDSHAKE: u8 = 0x16;
/// For browsers and agents that speak plainly to a port with TLS.
const PLAIN: &[u8] = b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain\r\n\
    content-length: 58\r\nconnection: close\r\n\r\n\
    This port speaks TLS: the address begins with https://...\n";

/// Why there is no connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    /// It took too long.
    Slow,
    /// It was the oldest of too many.
    Crowded,
    /// What came was no TLS.
    Plain,
    /// The two could not agree, or the line broke.
    Failed,
}

impl Refused {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Slow => "slow",
            Self::Crowded => "crowded",
            Self::Plain => "plain",
            Self::Failed => "failed",
        }
    }
}

/// Those that go on, by age.
#[derive(Default)]
pub(super) struct Handshakes(Arc<Mutex<Going>>);

#[derive(Default)]
struct Going {
    last: u64,
    open: BTreeMap<u64, CancellationToken>,
}

/// A place; given back when dropped.
struct Place {
    all: Arc<Mutex<Going>>,
    number: u64,
    give_way: CancellationToken,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.all.lock().unwrap_or_else(PoisonError::into_inner).open.remove(&self.number);
    }
}

impl Handshakes {
    fn enter(&self) -> Place {
        let mut going = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if going.open.len() >= AT_ONCE
            && let Some((_, oldest)) = going.open.pop_first()
        {
            oldest.cancel();
        }
        going.last += 1;
        let (number, give_way) = (going.last, CancellationToken::new());
        going.open.insert(number, give_way.clone());
        Place { all: self.0.clone(), number, give_way }
    }

    /// Does one.
    pub(super) async fn run(
        &self,
        acceptor: &TlsAcceptor,
        stream: TcpStream,
        inside: Inside,
    ) -> Result<TlsStream<TcpStream>, Refused> {
        let place = self.enter();
        tokio::select! {
            () = place.give_way.cancelled() => Err(Refused::Crowded),
            done = tokio::time::timeout(TIME, handshake(acceptor, stream, inside)) => {
                done.unwrap_or(Err(Refused::Slow))
            }
        }
    }
}

async fn handshake(
    acceptor: &TlsAcceptor,
    mut stream: TcpStream,
    inside: Inside,
) -> Result<TlsStream<TcpStream>, Refused> {
    let mut first = [0];
    match stream.peek(&mut first).await {
        Ok(1) if first[0] == HANDSHAKE => {}
        Ok(1) => {
            if inside == Inside::Http {
                // Whoever asks plainly should learn why there is no answer; it may not listen.
                let _ = stream.write_all(PLAIN).await;
                let _ = stream.shutdown().await;
                // What it still sends would else make the system take the answer back.
                let rest = &mut stream.take(PLAIN_BYTES_MAX);
                let _ = tokio::io::copy(rest, &mut tokio::io::sink()).await;
            }
            return Err(Refused::Plain);
        }
        _ => return Err(Refused::Failed),
    }
    acceptor.accept(stream).await.map_err(|_| Refused::Failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_gives_way_and_nobody_keeps_a_place() {
        let all = Handshakes::default();
        let mut places: Vec<Place> = (0..AT_ONCE).map(|_| all.enter()).collect();
        assert!(places.iter().all(|p| !p.give_way.is_cancelled()));
        let newest = all.enter();
        assert!(places[0].give_way.is_cancelled() && !places[1].give_way.is_cancelled());
        assert_eq!(all.0.lock().unwrap().open.len(), AT_ONCE);
        places.remove(1);
        let after = all.enter();
        assert!(!places[1].give_way.is_cancelled(), "a free place was there");
        drop((places, newest, after));
        assert!(all.0.lock().unwrap().open.is_empty());
    }

    #[test]
    fn the_plain_answer_has_the_length_that_it_says() {
        let text = std::str::from_utf8(PLAIN).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("content-length: {}", body.len())), "{}", body.len());
    }
}
