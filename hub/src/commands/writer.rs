//! The writer task: takes batches, has them stored, answers. It outlives whatever goes wrong.
//!
//! A batch that meets a passing trouble is tried again; one that cannot be stored is split in
//! halves, until the command that cannot be stored fails alone.

use std::ops::Range;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use oneshelf_domain::stock::Version;
use oneshelf_sync::plan::{Reply, Submission, kind};
use tokio::sync::watch;

use super::attempt::{Cache, Done, Trouble};
use super::queue::{Queue, Waiting};
use super::{Answer, Clock, Failure, answer};
use crate::store::Store;

/// Further tries of a batch that met a passing trouble.
const RETRIES_MAX: u32 = 3;
/// The first wait before a further try; it doubles, milliseconds.
const RETRY_MS: u64 = 10;

pub(super) async fn run(
    store: Store,
    clock: Clock,
    committed: watch::Sender<Version>,
    queue: Arc<Queue>,
    end: watch::Sender<bool>,
) {
    // Also when this task is aborted: nobody waits for an answer that cannot come.
    let _abandon = Abandon(queue.clone());
    let mut writer = Writer { store, clock, committed, cache: Cache::default() };
    while let Some(waiting) = queue.take().await {
        writer.serve(waiting).await;
    }
    end.send_replace(true);
}

struct Abandon(Arc<Queue>);

impl Drop for Abandon {
    fn drop(&mut self) {
        self.0.abandon();
    }
}

struct Writer {
    store: Store,
    clock: Clock,
    committed: watch::Sender<Version>,
    cache: Cache,
}

impl Writer {
    async fn serve(&mut self, waiting: Vec<Waiting>) {
        let began = Instant::now();
        let (batch, replies): (Vec<_>, Vec<_>) =
            waiting.into_iter().map(|w| (w.submission, w.reply)).unzip();
        let answers = self.store_all(&batch).await;
        #[expect(clippy::cast_precision_loss, reason = "a bounded batch's length")]
        metrics::histogram!("oneshelf_batch_commands").record(batch.len() as f64);
        metrics::histogram!("oneshelf_batch_seconds").record(began.elapsed().as_secs_f64());
        count(&answers);
        for (reply, answer) in replies.into_iter().zip(answers) {
            // A caller that went away does not hear it; its id will.
            let _ = reply.send(answer);
        }
    }

    /// An answer for each command, in order.
    async fn store_all(&mut self, batch: &[Submission]) -> Vec<Answer> {
        let mut answers = Vec::with_capacity(batch.len());
        let mut parts: Vec<Range<usize>> = std::iter::once(0..batch.len()).collect();
        // The first part is last, so that commands keep their order.
        while let Some(part) = parts.pop() {
            match self.store_part(&batch[part.clone()]).await {
                Ok(replies) => answers.extend(replies.into_iter().map(answer)),
                Err(trouble) if part.len() > 1 && self.worth_halving(&trouble).await => {
                    tracing::warn!(commands = part.len(), %trouble, "a batch is split in halves");
                    let middle = part.start + part.len() / 2;
                    parts.push(middle..part.end);
                    parts.push(part.start..middle);
                }
                Err(trouble) => {
                    alarm(&batch[part.clone()], &trouble);
                    answers.extend(part.map(|_| Err(Failure::Internal)));
                }
            }
        }
        answers
    }

    /// While the database cannot be reached, smaller batches fare no better.
    async fn worth_halving(&self, trouble: &Trouble) -> bool {
        !trouble.connection_lost() || self.store.head().await.is_ok()
    }

    async fn store_part(&mut self, batch: &[Submission]) -> Result<Vec<Reply>, Trouble> {
        let mut retry = 0;
        loop {
            match self.caught(batch).await {
                Ok(done) => {
                    self.committed.send_if_modified(|known| {
                        let newer = done.version > *known;
                        *known = done.version.max(*known);
                        newer
                    });
                    return Ok(done.replies);
                }
                // Also after a commit whose end is not known: its ids answer as replays then.
                Err(trouble) if trouble.passing() && retry < RETRIES_MAX => {
                    tracing::warn!(%trouble, retry, "a batch is tried again");
                    tokio::time::sleep(pause(retry)).await;
                    retry += 1;
                }
                Err(trouble) => return Err(trouble),
            }
        }
    }

    /// A failed assertion of the rules, or of this program, costs the batch and nothing else.
    async fn caught(&mut self, batch: &[Submission]) -> Result<Done, Trouble> {
        let now = (self.clock)();
        let attempt = self.cache.attempt(&self.store, now, batch);
        AssertUnwindSafe(attempt).catch_unwind().await.unwrap_or_else(|panic| {
            let text = panic
                .downcast_ref::<String>()
                .map(String::as_str)
                .or_else(|| panic.downcast_ref::<&str>().copied())
                .unwrap_or("a panic without words");
            Err(Trouble::Panic(text.to_owned()))
        })
    }
}

/// Doubles with every try; as much again at random, so that two writers part.
fn pause(retry: u32) -> Duration {
    let base = RETRY_MS << retry;
    // Without randomness there is no jitter, which harms nothing.
    let jitter = getrandom::u64().unwrap_or_default() % base;
    Duration::from_millis(base + jitter)
}

fn alarm(failed: &[Submission], trouble: &Trouble) {
    let what = match trouble {
        Trouble::Panic(_) => "assertion_failed",
        Trouble::Store(error) if error.connection_lost() => "database_unreachable",
        _ => "command_not_stored",
    };
    metrics::counter!("oneshelf_alarms_total", "kind" => what).increment(1);
    for submission in failed {
        tracing::error!(
            command = %submission.id,
            kind = kind(&submission.command),
            actor = submission.actor,
            %trouble,
            "a command could not be stored"
        );
    }
}

fn count(answers: &[Answer]) {
    let mut counts = [0_u64; 4];
    for answer in answers {
        counts[match answer {
            Ok(accepted) if accepted.replayed => 1,
            Ok(_) => 0,
            Err(Failure::Refused(_)) => 2,
            Err(_) => 3,
        }] += 1;
    }
    for (name, n) in ["accepted", "replayed", "refused", "failed"].into_iter().zip(counts) {
        metrics::counter!("oneshelf_commands_total", "answer" => name).increment(n);
    }
}
