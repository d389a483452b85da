//! Frames between the store's front and a line, whatever it is made of.
//!
//! A line on which nothing was heard for two heartbeats is dropped: "connected" means the age of
//! the last answer. It knows no socket and no topic.

use std::time::Duration;

use futures_util::stream::SplitSink;
use futures_util::{FutureExt, Sink, SinkExt, Stream, StreamExt};
use oneshelf_domain::limits;
use oneshelf_protocol::frame::Down;
use oneshelf_protocol::newer::{self, Read};
use tokio::sync::mpsc::{self, UnboundedReceiver};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use crate::journal::Fault;
use crate::register::Front;

/// Frames that are worked on in one transaction.
const FRAMES_AT_ONCE: usize = 64;

/// The other side is gone.
#[derive(Debug)]
pub(super) struct Broken;

/// A line to the hub: texts out in the order in which they are handed over, texts in until it is
/// gone.
pub(super) trait Link:
    Stream<Item = String> + Sink<String, Error = Broken> + Send + Unpin
{
}

impl<L> Link for L where L: Stream<Item = String> + Sink<String, Error = Broken> + Send + Unpin {}

type Out = SplitSink<Box<dyn Link>, String>;

/// How long a line may be silent.
pub(super) fn silence() -> Duration {
    let ms = 2 * limits::HEARTBEAT_MS + 1_000;
    Duration::from_millis(u64::try_from(ms).unwrap_or(11_000))
}

/// Carries frames until the line or the program ends, and says why it did.
pub(super) async fn carry(
    front: &Front,
    (link, first): (Box<dyn Link>, Duration),
    heard: &mut bool,
    stop: &CancellationToken,
) -> Result<&'static str, Fault> {
    let (mut out, mut texts) = link.split();
    let (tx, mut frames) = mpsc::unbounded_channel::<String>();
    front.connected(tx).await?;
    // The first answer may be due earlier: a broker says nothing when nobody is behind it.
    let mut deadline = Instant::now() + first;
    loop {
        tokio::select! {
            () = stop.cancelled() => {
                // The hub notices either way.
                let _ = timeout(Duration::from_millis(500), out.close()).await;
                return Ok("stopped");
            }
            () = sleep_until(deadline) => return Ok("nothing was heard for two heartbeats"),
            frame = frames.recv() => {
                if let Some(why) = send(frame, &mut frames, &mut out).await {
                    return Ok(why);
                }
            }
            text = texts.next() => {
                let Some(text) = text else { return Ok("the connection ended") };
                let mut found = vec![];
                take(&text, &mut found);
                let mut open = true;
                while open && found.len() < FRAMES_AT_ONCE {
                    let Some(text) = texts.next().now_or_never() else { break };
                    open = text.is_some();
                    text.iter().for_each(|text| take(text, &mut found));
                }
                *heard = true;
                if !found.is_empty()
                    && let Some(why) = work(front, found, &mut frames, &mut out).await?
                {
                    return Ok(why);
                }
                // Afterwards: while a large copy is put in place nobody listens.
                deadline = Instant::now() + silence();
                if !open {
                    return Ok("the connection ended");
                }
            }
        }
    }
}

/// Sends a frame and all that wait behind it. Answers why the connection is over.
async fn send(
    frame: Option<String>,
    frames: &mut UnboundedReceiver<String>,
    out: &mut Out,
) -> Option<&'static str> {
    // It was loaded again: this connection's session is not the machine's any more.
    let Some(frame) = frame else { return Some("the machine let go of the line") };
    let sending = async {
        out.feed(frame).await?;
        while let Ok(frame) = frames.try_recv() {
            out.feed(frame).await?;
        }
        out.flush().await
    };
    match timeout(silence(), sending).await {
        Ok(Ok(())) => None,
        Ok(Err(Broken)) => Some("the connection broke"),
        Err(_) => Some("the hub takes nothing"),
    }
}

/// Hands frames in. A large copy takes its time; a scan in the middle of it asks the hub at once.
async fn work(
    front: &Front,
    found: Vec<Down>,
    frames: &mut UnboundedReceiver<String>,
    out: &mut Out,
) -> Result<Option<&'static str>, Fault> {
    let worked = CancellationToken::new();
    // Side by side: a hub that takes nothing must not keep the work, and with it the register.
    let working = async {
        let done = front.frames(found).await;
        worked.cancel();
        done
    };
    let sending = async {
        loop {
            tokio::select! {
                () = worked.cancelled() => return None,
                frame = frames.recv() => {
                    let over = send(frame, frames, out).await;
                    if over.is_some() {
                        return over;
                    }
                }
            }
        }
    };
    let (done, over) = tokio::join!(working, sending);
    done.map(|()| over)
}

/// Reads a frame. One of a kind that is not known here is left out, and rows of one: a newer hub
/// says more.
fn take(text: &str, found: &mut Vec<Down>) {
    match newer::read(text) {
        Ok(Read { frame: Down::Unsupported { what }, .. }) => {
            tracing::warn!(what, "the hub does not know this");
        }
        Ok(Read { frame, left_out }) => {
            if left_out > 0 {
                tracing::warn!(rows = left_out, "the hub is newer: these rows are not known here");
            }
            found.push(frame);
        }
        Err(error) => tracing::debug!(%error, "a frame of the hub is not known here"),
    }
}
