//! A line to a reader: little waits for it in the system, and one that takes nothing is hung up.
//!
//! It knows no request. Invariant: a write that makes no progress for so long fails, and with it
//! the connection; what a slow reader has not taken stays with those who write, who know what is
//! newest.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep};

/// How long a reader may take nothing.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);
/// Bytes that may wait to be sent. The system's own bound is some megabytes a line: thousands of
/// old figures, for thousands of readers.
const UNSENT_BYTES: u32 = 64 << 10;

/// Small answers leave at once, and few wait. A system that cannot is slower, not wrong.
pub(super) fn tune(stream: &TcpStream) {
    let _ = stream.set_nodelay(true);
    let _ = SockRef::from(stream).set_tcp_notsent_lowat(UNSENT_BYTES);
}

/// See the module.
pub(super) struct Line<S> {
    stream: S,
    patience: Duration,
    /// When what is being written must have moved.
    until: Option<Pin<Box<Sleep>>>,
}

impl<S> Line<S> {
    pub(super) fn new(stream: S, patience: Duration) -> Self {
        Self { stream, patience, until: None }
    }

    /// Gives what a write came to, or an error when it has waited for too long.
    fn moved<T>(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.until = None;
            return written;
        }
        let patience = self.patience;
        let until = self
            .until
            .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(Instant::now() + patience)));
        ready!(until.as_mut().poll(cx));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the reader takes nothing")))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Line<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, into)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Line<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.moved(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, parts);
        self.moved(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        self.moved(cx, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let ended = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.moved(cx, ended)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[tokio::test]
    async fn who_takes_nothing_is_hung_up_and_who_is_slow_is_not() {
        let (mine, mut theirs) = tokio::io::duplex(16);
        let mut line = Line::new(mine, Duration::from_secs(3_600));
        let all = tokio::spawn(async move {
            line.write_all(&[1; 4_096]).await.unwrap();
            line
        });
        let mut taken = vec![0; 4_096];
        theirs.read_exact(&mut taken).await.unwrap();
        let mut line = all.await.unwrap();
        line.patience = Duration::from_millis(5);
        let stuck = line.write_all(&[2; 4_096]).await.unwrap_err();
        assert_eq!(stuck.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn little_waits_in_the_system() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        let (theirs, accepted) = tokio::join!(TcpStream::connect(at), listener.accept());
        let (mine, _) = accepted.unwrap();
        tune(&mine);
        let mut waits = 0;
        // Until the system takes no more; the other side reads nothing.
        while let Ok(bytes) = mine.try_write(&[0; 4_096]) {
            waits += bytes;
        }
        let limit = usize::try_from(UNSENT_BYTES).unwrap();
        assert!(waits > 0 && waits < 64 * limit, "{waits} bytes");
        drop(theirs);
    }
}
